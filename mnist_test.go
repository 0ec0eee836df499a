package convnet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// idx returns an IDX file: the magic number, the sizes, the bytes.
func idx(magic uint32, sizes []uint32, data []byte) []byte {
	file := binary.BigEndian.AppendUint32(nil, magic)
	for _, size := range sizes {
		file = binary.BigEndian.AppendUint32(file, size)
	}
	return append(file, data...)
}

// images returns an image file whose k-th byte is k mod 251.
func images(count int) []byte {
	pixels := make([]byte, 784*count)
	for k := range pixels {
		pixels[k] = byte(k % 251)
	}
	return idx(0x803, []uint32{uint32(count), 28, 28}, pixels)
}

func labels(of ...byte) []byte {
	return idx(0x801, []uint32{uint32(len(of))}, of)
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w := gzip.NewWriter(&file)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// folder returns a file system of names and contents, in turn.
func folder(pairs ...any) fstest.MapFS {
	fsys := fstest.MapFS{}
	for k := 0; k < len(pairs); k += 2 {
		fsys[pairs[k].(string)] = &fstest.MapFile{Data: pairs[k+1].([]byte)}
	}
	return fsys
}

func TestReadDigits(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{
		"plain":              folder("i", images(3), "l", labels(7, 0, 9)),
		"gzipped":            folder("i.gz", gzipped(t, images(3)), "l.gz", gzipped(t, labels(7, 0, 9))),
		"gzipped, no ending": folder("i", gzipped(t, images(3)), "l", labels(7, 0, 9)),
		"plain, ending":      folder("i.gz", images(3), "l.gz", labels(7, 0, 9)),
		"plain before .gz":   folder("i", images(3), "i.gz", images(1), "l", labels(7, 0, 9)),
	} {
		digits, err := ReadDigits(fsys, "i", "l")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(digits) != 3 {
			t.Errorf("%s: %d digits, want 3", name, len(digits))
			continue
		}
		for k, digit := range digits {
			if want := []int{7, 0, 9}[k]; digit.Label != want {
				t.Errorf("%s: label %d is %d, want %d", name, k, digit.Label, want)
			}
			for y, row := range digit.Image {
				for x, v := range row {
					if want := float64((784*k+28*y+x)%251) / 255; v != want {
						t.Fatalf("%s: digit %d row %d column %d is %v, want %v", name, k, y, x, v, want)
					}
				}
			}
		}
	}
}

func TestNewImage(t *testing.T) {
	pixels := make([]byte, 784)
	pixels[0], pixels[1], pixels[28], pixels[783] = 255, 51, 102, 1
	image := NewImage(pixels)
	for _, c := range []struct {
		y, x int
		want float64
	}{{0, 0, 1}, {0, 1, 0.2}, {1, 0, 0.4}, {27, 27, 1.0 / 255}, {5, 5, 0}} {
		if got := image[c.y][c.x]; got != c.want {
			t.Errorf("row %d column %d is %v, want %v", c.y, c.x, got, c.want)
		}
	}
}

func TestReadDigitsRefusesBadFiles(t *testing.T) {
	goodImages, goodLabels := images(2), labels(1, 2)
	broken := gzipped(t, goodImages)
	broken[len(broken)-6] ^= 1 // the checksum
	for _, c := range []struct {
		name, want     string
		images, labels []byte
	}{
		{"no images", "found neither i nor i.gz", nil, goodLabels},
		{"no labels", "found neither l nor l.gz", goodImages, nil},
		{"empty", "i: offset 0: EOF, want a header of 16 bytes", []byte{}, goodLabels},
		{"cut header", "i: offset 15: unexpected EOF, want a header of 16 bytes", goodImages[:15], goodLabels},
		{"labels for images", "i: offset 0: magic number is 0x00000801, want 0x00000803", labels(1, 2, 3, 4, 5, 6, 7, 8), goodLabels},
		{"images for labels", "l: offset 0: magic number is 0x00000803, want 0x00000801", goodImages, goodImages},
		{"not 28 rows", "i: offset 8: size is 29, want 28", idx(0x803, []uint32{2, 29, 28}, nil), goodLabels},
		{"not 28 columns", "i: offset 12: size is 27, want 28", idx(0x803, []uint32{2, 28, 27}, nil), goodLabels},
		{"four billion", "i: offset 4: count is 4294967295, want at most 1000000", idx(0x803, []uint32{1<<32 - 1, 28, 28}, nil), goodLabels},
		{"a million", "l: offset 8: the file ends, want 1000000 more bytes for its 1000000 items", goodImages, idx(0x801, []uint32{1_000_000}, nil)},
		{"a million and one", "l: offset 4: count is 1000001, want at most 1000000", goodImages, idx(0x801, []uint32{1_000_001}, nil)},
		{"cut pixels", "i: offset 1583: the file ends, want 1 more bytes for its 2 items", goodImages[:len(goodImages)-1], goodLabels},
		{"cut labels", "l: offset 9: the file ends, want 1 more bytes for its 2 items", goodImages, goodLabels[:9]},
		{"pixels too many", "i: offset 1584: there are bytes after its 2 items", append(slices.Clone(goodImages), 0), goodLabels},
		{"labels too many", "l: offset 10: there are bytes after its 2 items", goodImages, append(slices.Clone(goodLabels), 0)},
		{"other number", "convnet: i holds 2 images and l holds 3 labels, want the same number", goodImages, labels(1, 2, 3)},
		{"label above 9", "l: offset 9: label is 10, want 0 to 9", goodImages, labels(1, 10)},
		{"cut gzip", "unexpected EOF", gzipped(t, goodImages)[:100], goodLabels},
		{"cut gzip header", "i: offset 0: unexpected EOF", gzipped(t, goodImages)[:5], goodLabels},
		{"wrong checksum", "i: offset 1584: gzip: invalid checksum", broken, goodLabels},
		{"label above 9, gzipped", "l.gz: offset 9: label is 10, want 0 to 9", goodImages, gzipped(t, labels(1, 10))},
	} {
		fsys := fstest.MapFS{}
		if c.images != nil {
			fsys["i"] = &fstest.MapFile{Data: c.images}
		}
		if strings.HasSuffix(c.name, "gzipped") {
			fsys["l.gz"] = &fstest.MapFile{Data: c.labels}
		} else if c.labels != nil {
			fsys["l"] = &fstest.MapFile{Data: c.labels}
		}
		digits, err := ReadDigits(fsys, "i", "l")
		if err == nil || digits != nil || !strings.HasPrefix(err.Error(), "convnet: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %q, want one with %q", c.name, fmt.Sprint(err), c.want)
		}
	}
}

// A file that lacks its end, or in whose header any one bit is another, is
// refused. gzip's checksum guards the bytes too: what is read then is what was
// written.
func TestReadDigitsNoticesDamage(t *testing.T) {
	t.Parallel()
	good := map[string][]byte{"i": images(2), "l": labels(1, 2)}
	zipped := map[string][]byte{"i": gzipped(t, good["i"]), "l": gzipped(t, good["l"])}
	read := func(name string, file []byte) ([]Digit, error) {
		fsys := folder("i", good["i"], "l", good["l"])
		fsys[name] = &fstest.MapFile{Data: file}
		return ReadDigits(fsys, "i", "l")
	}
	want, err := read("i", good["i"])
	if err != nil {
		t.Fatal(err)
	}
	flip := func(file []byte, bit int) []byte {
		file = slices.Clone(file)
		file[bit/8] ^= 1 << (bit % 8)
		return file
	}
	for name, header := range map[string]int{"i": 16, "l": 8} {
		for _, file := range [][]byte{good[name], zipped[name]} {
			for length := range file {
				if _, err := read(name, file[:length]); err == nil {
					t.Errorf("%s: no error for %d bytes of %d", name, length, len(file))
				}
			}
		}
		for bit := range 8 * header {
			if _, err := read(name, flip(good[name], bit)); err == nil {
				t.Errorf("%s: no error for bit %d of byte %d of the header", name, bit%8, bit/8)
			}
		}
		for bit := range 8 * len(zipped[name]) {
			digits, err := read(name, flip(zipped[name], bit))
			if err == nil && !reflect.DeepEqual(digits, want) {
				t.Errorf("%s, gzipped: other digits, and no error, for bit %d of byte %d", name, bit%8, bit/8)
			}
		}
	}
}

// What a file claims costs nothing, and neither does what gzip would blow up:
// no more is read than the count allows.
func TestReadDigitsAllocatesLittle(t *testing.T) {
	bomb := gzipped(t, append(images(1), make([]byte, 10_000_000)...))
	for name, file := range map[string][]byte{
		"four billion":      idx(0x803, []uint32{1<<32 - 1, 28, 28}, nil),
		"a million":         idx(0x803, []uint32{1_000_000, 28, 28}, make([]byte, 100)),
		"a million, zipped": gzipped(t, idx(0x803, []uint32{1_000_000, 28, 28}, make([]byte, 100))),
		"bomb":              bomb,
	} {
		fsys := folder("i", file, "l", labels(1))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadDigits(fsys, "i", "l")
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 100_000 {
			t.Errorf("%s: error %v and %d bytes allocated, want one and at most 100000", name, err, got)
		}
	}
}

func TestReadMNIST(t *testing.T) {
	train, test := readMNIST(t)
	if len(train) != 5000 || len(test) != 10000 {
		t.Errorf("%d training and %d test digits, want 5000 and 10000", len(train), len(test))
	}
	first := []int{train[0].Label, train[1].Label, train[2].Label, test[0].Label, test[1].Label, test[2].Label}
	if want := []int{5, 0, 4, 7, 2, 1}; !slices.Equal(first, want) {
		t.Errorf("the first labels are %v, want %v", first, want)
	}
	_, _, err := ReadMNIST(os.DirFS("examples/nowhere"))
	if want := "found neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}
