package ink

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"

	"convnet"
)

// upright is the orientation of most pictures.
const upright = 1

// orientation returns how the camera was held when a picture was taken, from 1 for upright to 8, as its
// Exif data says (CIPA DC-008, tag 274). If the data is missing or broken, that's no reason to reject
// the picture, so it returns 1.
func orientation(file []byte) int {
	found := 0
	if chunks, png := bytes.CutPrefix(file, []byte("\x89PNG\r\n\x1a\n")); png {
		eachChunk(chunks, func(name string, data []byte) {
			if name == "eXIf" && found == 0 {
				found = exifOrientation(data)
			}
		})
	} else {
		eachSegment(file, func(marker byte, data []byte) {
			if exif, ok := bytes.CutPrefix(data, []byte("Exif\x00\x00")); ok && marker == 0xe1 && found == 0 {
				found = exifOrientation(exif)
			}
		})
	}
	return max(found, upright)
}

// eachSegment calls f for each segment of a JPEG that comes before the pixels.
func eachSegment(file []byte, f func(marker byte, data []byte)) {
	// A segment is 0xff, a marker, a length that includes its own 2 bytes, and data.
	for at := 2; at < len(file) && file[at] == 0xff; {
		for at+1 < len(file) && file[at+1] == 0xff { // any number of fill bytes may come before a marker
			at++
		}
		if at+4 > len(file) {
			return
		}
		marker, length := file[at+1], int(binary.BigEndian.Uint16(file[at+2:]))
		if marker == 0xda || length < 2 || at+2+length > len(file) { // here the pixels begin
			return
		}
		f(marker, file[at+4:at+2+length])
		at += 2 + length
	}
}

// eachChunk calls f for each chunk of a PNG: a length, a name, data and a checksum.
func eachChunk(chunks []byte, f func(name string, data []byte)) {
	for len(chunks) >= 12 {
		length := int64(binary.BigEndian.Uint32(chunks))
		if length+12 > int64(len(chunks)) {
			return
		}
		f(string(chunks[4:8]), chunks[8:8+length])
		chunks = chunks[12+length:]
	}
}

// exifOrientation returns the orientation in Exif data, or 0 if it has none.
func exifOrientation(exif []byte) int {
	if len(exif) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.BigEndian
	if exif[0] == 'I' {
		order = binary.LittleEndian
	}
	first := int64(order.Uint32(exif[4:]))
	if first+2 > int64(len(exif)) {
		return 0
	}
	entries := exif[first+2:]
	for range order.Uint16(exif[first:]) {
		if len(entries) < 12 {
			return 0
		}
		if v := order.Uint16(entries[8:]); order.Uint16(entries) == 274 && v >= 1 && v <= 8 {
			return int(v)
		}
		entries = entries[12:]
	}
	return 0
}

// A turned picture shows another picture upright.
type turned struct {
	image.Image
	orientation int
}

// turn returns m upright, given its orientation.
func turn(m image.Image, orientation int) image.Image {
	if orientation == upright {
		return m
	}
	return turned{m, orientation}
}

func (t turned) Bounds() image.Rectangle {
	b := t.Image.Bounds()
	if t.orientation >= 5 { // m lies on its side
		return image.Rect(0, 0, b.Dy(), b.Dx())
	}
	return image.Rect(0, 0, b.Dx(), b.Dy())
}

func (t turned) At(x, y int) color.Color {
	b := t.Image.Bounds()
	x, y = source(x, y, b.Dx(), b.Dy(), t.orientation)
	return t.Image.At(b.Min.X+x, b.Min.Y+y)
}

// source returns where the pixel at (x, y) of the upright picture is in one that is width wide and
// height high.
func source(x, y, width, height, orientation int) (sourceX, sourceY int) {
	right, bottom := width-1, height-1
	switch orientation {
	case 2:
		return right - x, y
	case 3:
		return right - x, bottom - y
	case 4:
		return x, bottom - y
	case 5:
		return y, x
	case 6:
		return y, bottom - x
	case 7:
		return right - y, bottom - x
	case 8:
		return right - y, x
	}
	return x, y
}

// turnedShades returns shades upright, given their orientation.
func turnedShades(shades [][]float64, orientation int) [][]float64 {
	height, width := len(shades), len(shades[0])
	upright := convnet.NewMatrix(height, width)
	if orientation >= 5 {
		upright = convnet.NewMatrix(width, height)
	}
	for y, row := range upright {
		for x := range row {
			fromX, fromY := source(x, y, width, height, orientation)
			row[x] = shades[fromY][fromX]
		}
	}
	return upright
}
