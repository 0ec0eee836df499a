package ink

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"slices"
	"testing"
)

// Decode turns a JPEG upright if its first row isn't the top.
func TestOrientation(t *testing.T) {
	const width, height, corner = 48, 32, 16
	stored := image.NewGray(image.Rect(0, 0, width, height))
	for y := range corner {
		for x := range corner {
			stored.SetGray(x, y, color.Gray{200})                // first row, first column
			stored.SetGray(width-1-x, y, color.Gray{100})        // first row, last column
			stored.SetGray(x, height-1-y, color.Gray{50})        // last row, first column
			stored.SetGray(width/2-8+x, y, color.Gray{uint8(0)}) // between them
		}
	}
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, stored, nil); err != nil {
		t.Fatal(err)
	}
	// Where you see the first and the last column of the first row. The Exif standard says on which
	// side the first row is, and on which side the first column.
	type at struct{ bottom, right bool }
	for orientation, want := range map[uint16][2]at{
		1: {{false, false}, {false, true}},
		2: {{false, true}, {false, false}},
		3: {{true, true}, {true, false}},
		4: {{true, false}, {true, true}},
		5: {{false, false}, {true, false}},
		6: {{false, true}, {true, true}},
		7: {{true, true}, {false, true}},
		8: {{true, false}, {false, false}},
	} {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			m, err := Decode(bytes.NewReader(withExif(plain.Bytes(), order, orientation)))
			if err != nil {
				t.Fatal(err)
			}
			size := image.Pt(width, height)
			if orientation >= 5 {
				size = image.Pt(height, width)
			}
			if m.Bounds().Size() != size {
				t.Errorf("orientation %d: %v, want %v", orientation, m.Bounds(), size)
			}
			for k, shade := range []int{200, 100} {
				p := image.Pt(4, 4)
				if want[k].right {
					p.X = size.X - 5
				}
				if want[k].bottom {
					p.Y = size.Y - 5
				}
				if found := int(color.GrayModel.Convert(m.At(p.X, p.Y)).(color.Gray).Y); found < shade-20 || found > shade+20 {
					t.Errorf("orientation %d: the shade at %v is %d, want about %d", orientation, p, found, shade)
				}
			}
		}
	}
}

// withExif puts Exif data before the other segments of a JPEG. It has two tags, and the second one is
// the orientation.
func withExif(file []byte, order binary.AppendByteOrder, orientation uint16) []byte {
	exif := []byte("Exif\x00\x00MM\x00*")
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		exif = []byte("Exif\x00\x00II*\x00")
	}
	exif = order.AppendUint32(exif, 8)
	exif = order.AppendUint16(exif, 2)
	for _, entry := range [][2]uint16{{256, 48}, {274, orientation}} {
		exif = order.AppendUint16(exif, entry[0])
		exif = order.AppendUint16(exif, 3)
		exif = order.AppendUint32(exif, 1)
		exif = order.AppendUint16(exif, entry[1])
		exif = order.AppendUint16(exif, 0)
	}
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
	return bytes.Join([][]byte{file[:2], segment, exif, file[2:]}, nil)
}

// Fill bytes may come before each marker, and Exif data are found behind them.
func TestFillBytes(t *testing.T) {
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, image.NewGray(image.Rect(0, 0, 9, 5)), nil); err != nil {
		t.Fatal(err)
	}
	whole := withExif(plain.Bytes(), binary.BigEndian, 6)
	for fill := range 4 {
		file := slices.Concat(whole[:2], bytes.Repeat([]byte{0xff}, fill), whole[2:])
		if found := orientation(file); found != 6 {
			t.Errorf("%d fill bytes: orientation %d, want 6", fill, found)
		}
		m, err := Decode(bytes.NewReader(file))
		if err != nil || m.Bounds().Size() != image.Pt(5, 9) {
			t.Errorf("%d fill bytes: error %v, want 5×9 pixels", fill, err)
		}
	}
}

// A PNG has its Exif data in a chunk, before the pixels or after them.
func TestOrientationOfPNG(t *testing.T) {
	var plain bytes.Buffer
	if err := png.Encode(&plain, image.NewGray(image.Rect(0, 0, 9, 5))); err != nil {
		t.Fatal(err)
	}
	file := plain.Bytes()
	exif := withExif([]byte{0xff, 0xd8}, binary.LittleEndian, 8)[12:] // without the marker, the length and the name
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(exif)))
	chunk = append(append(chunk, "eXIf"...), exif...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	const header, end = 33, 12 // bytes in the signature and the first chunk, and in the last
	for _, at := range []int{header, len(file) - end} {
		m, err := Decode(bytes.NewReader(slices.Concat(file[:at], chunk, file[at:])))
		if err != nil || m.Bounds().Size() != image.Pt(5, 9) {
			t.Errorf("at %d: error %v, want 5×9 pixels", at, err)
		}
	}
	whole := slices.Concat(file[:header], chunk, file[header:])
	for k := range whole {
		if found := orientation(whole[:k]); found != 1 && found != 8 {
			t.Errorf("cut after %d bytes: orientation %d, want 1 or 8", k, found)
		}
	}
}

// A turned picture has the shades of the pixels that it shows.
func TestTurnedShades(t *testing.T) {
	m := image.NewGray(image.Rect(2, 3, 9, 8))
	for k := range m.Pix {
		m.Pix[k] = uint8(7 * k)
	}
	for orientation := 1; orientation <= 8; orientation++ {
		up := turn(m, orientation)
		found := shades(up, color.White)
		for y, row := range found {
			for x, v := range row {
				if want := float64(color.GrayModel.Convert(up.At(up.Bounds().Min.X+x, up.Bounds().Min.Y+y)).(color.Gray).Y) / 255; math.Abs(v-want) > 1e-9 {
					t.Errorf("orientation %d: the shade at (%d, %d) is %v, want %v", orientation, y, x, v, want)
				}
			}
		}
	}
}

// A turned picture isn't turned pixel by pixel, which would allocate a color for each.
func TestTurnsShadesOnly(t *testing.T) {
	m := turn(image.NewYCbCr(image.Rect(0, 0, 300, 200), image.YCbCrSubsampleRatio420), 6)
	if allocated := testing.AllocsPerRun(1, func() { shades(m, color.White) }); allocated > 2000 {
		t.Errorf("%v allocations for 60,000 pixels, want at most 2000", allocated)
	}
}

// Broken Exif data is no error, wherever it breaks.
func TestBrokenExif(t *testing.T) {
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, image.NewGray(image.Rect(0, 0, 9, 5)), nil); err != nil {
		t.Fatal(err)
	}
	whole := withExif(plain.Bytes(), binary.BigEndian, 6)
	for k := range whole {
		if found := orientation(whole[:k]); found != 1 && found != 6 {
			t.Errorf("cut after %d bytes: orientation %d, want 1 or 6", k, found)
		}
	}
	for k := range 60 {
		for _, b := range []byte{0, 1, 127, 255} {
			broken := bytes.Clone(whole)
			broken[k] = b
			if found := orientation(broken); found < 1 || found > 8 {
				t.Errorf("byte %d is %d: orientation %d, want 1 to 8", k, b, found)
			}
		}
	}
	if found := orientation(withExif(plain.Bytes(), binary.LittleEndian, 9)); found != 1 {
		t.Errorf("stored orientation 9: orientation %d, want 1", found)
	}
	if found := orientation(plain.Bytes()); found != 1 {
		t.Errorf("no Exif data: orientation %d, want 1", found)
	}
}
