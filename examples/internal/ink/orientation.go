package ink

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
)

// orientation returns how the camera was held when a JPEG was taken, from 1 for upright to 8, as its
// Exif data says (CIPA DC-008, tag 274). If the data is missing or broken, that's no reason to reject
// the picture, so it returns 1.
func orientation(file []byte) int {
	const upright = 1
	for at := 2; at+4 <= len(file) && file[at] == 0xff; { // a segment is a marker, a length that includes its own 2 bytes, and data
		marker, length := file[at+1], int(binary.BigEndian.Uint16(file[at+2:]))
		if marker == 0xda || length < 2 || at+2+length > len(file) { // here the pixels begin
			return upright
		}
		segment := file[at+4 : at+2+length]
		at += 2 + length
		exif, found := bytes.CutPrefix(segment, []byte("Exif\x00\x00"))
		if marker != 0xe1 || !found || len(exif) < 8 {
			continue
		}
		var order binary.ByteOrder = binary.BigEndian
		if exif[0] == 'I' {
			order = binary.LittleEndian
		}
		first := int64(order.Uint32(exif[4:]))
		if first+2 > int64(len(exif)) {
			return upright
		}
		entries := exif[first+2:]
		for range order.Uint16(exif[first:]) {
			if len(entries) < 12 {
				return upright
			}
			if v := order.Uint16(entries[8:]); order.Uint16(entries) == 274 && v >= 1 && v <= 8 {
				return int(v)
			}
			entries = entries[12:]
		}
	}
	return upright
}

// A turned picture shows another picture upright.
type turned struct {
	image.Image
	orientation int
}

// turn returns m upright, given its orientation.
func turn(m image.Image, orientation int) image.Image {
	if orientation == 1 {
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
	right, bottom := b.Dx()-1, b.Dy()-1
	switch t.orientation {
	case 2:
		x = right - x
	case 3:
		x, y = right-x, bottom-y
	case 4:
		y = bottom - y
	case 5:
		x, y = y, x
	case 6:
		x, y = y, bottom-x
	case 7:
		x, y = right-y, bottom-x
	case 8:
		x, y = right-y, x
	}
	return t.Image.At(b.Min.X+x, b.Min.Y+y)
}
