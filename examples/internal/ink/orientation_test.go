package ink

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
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
