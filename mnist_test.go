package convnet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// idx returns an IDX file: the magic number, the sizes and the bytes.
func idx(magic uint32, sizes []uint32, data []byte) []byte {
	file := binary.BigEndian.AppendUint32(nil, magic)
	for _, size := range sizes {
		file = binary.BigEndian.AppendUint32(file, size)
	}
	return append(file, data...)
}

// images returns a file of images. Its pixels count up from 0 to 250, again and again.
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

func gzipped(t testing.TB, data []byte) []byte {
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

// folder returns a file system. pairs alternates names and contents.
func folder(pairs ...any) fstest.MapFS {
	fsys := fstest.MapFS{}
	for k := 0; k < len(pairs); k += 2 {
		fsys[pairs[k].(string)] = &fstest.MapFile{Data: pairs[k+1].([]byte)}
	}
	return fsys
}

// ReadMNIST reads all images and labels from the four files, in order.
func TestReadMNIST(t *testing.T) {
	train, test := readMNIST(t)
	if len(train) != 5000 || len(test) != 10000 {
		t.Errorf("%d training and %d test digits, want 5000 and 10000", len(train), len(test))
	}
	first := []int{train[0].Label, train[1].Label, train[2].Label, test[0].Label, test[1].Label, test[2].Label}
	if want := []int{5, 0, 4, 7, 2, 1}; !slices.Equal(first, want) {
		t.Errorf("the first labels are %v, want %v", first, want)
	}
	fsys := os.DirFS("examples/mnist")
	for name, digits := range map[string][]Digit{"train": train, "t10k": test} {
		pixels, labels := unzipped(t, fsys, name+"-images-idx3-ubyte")[16:], unzipped(t, fsys, name+"-labels-idx1-ubyte")[8:]
		if len(pixels) != 784*len(digits) || len(labels) != len(digits) {
			t.Fatalf("%s: %d digits for %d pixels and %d labels, want one for each 784 pixels and each label", name, len(digits), len(pixels), len(labels))
		}
		for k, digit := range digits {
			if digit.Label != int(labels[k]) {
				t.Fatalf("%s: label %d is %d, want %d", name, k, digit.Label, labels[k])
			}
			for y, row := range digit.Image {
				for x, v := range row {
					if want := pixels[784*k+28*y+x]; v != float64(want)/255 {
						t.Fatalf("%s: image %d, row %d, column %d is %v, want %d/255", name, k, y, x, v, want)
					}
				}
			}
		}
	}
	_, _, err := ReadMNIST(os.DirFS("examples/nowhere"))
	if want := "found neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that contains %q", err, want)
	}
}

// unzipped decompresses a file, name.gz.
func unzipped(t *testing.T, fsys fs.FS, name string) []byte {
	t.Helper()
	file, err := fsys.Open(name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadDigits(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{
		"plain":                 folder("i", images(3), "l", labels(7, 0, 9)),
		"gzipped":               folder("i.gz", gzipped(t, images(3)), "l.gz", gzipped(t, labels(7, 0, 9))),
		"gzipped, no extension": folder("i", gzipped(t, images(3)), "l", labels(7, 0, 9)),
		"plain, .gz extension":  folder("i.gz", images(3), "l.gz", labels(7, 0, 9)),
		"plain before .gz":      folder("i", images(3), "i.gz", images(1), "l", labels(7, 0, 9)),
		"a folder beside .gz":   folder("i/readme", []byte{}, "i.gz", images(3), "l/l", []byte{}, "l.gz", gzipped(t, labels(7, 0, 9))),
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

// The files are found under each name that mirrors give them, whatever the others are called, and folders
// with those names don't count.
func TestReadMNISTFindsNames(t *testing.T) {
	names := []string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}
	files := [][]byte{images(2), labels(3, 4), images(1), labels(5)}
	plain := func(name string) string { return name }
	dotted := func(name string) string { return strings.Replace(name, "-idx", ".idx", 1) }
	dottedGz := func(name string) string { return dotted(name) + ".gz" }
	for _, rename := range [][]func(string) string{{dotted}, {dottedGz}, {plain, dotted}, {dotted, dottedGz, plain, plain}} {
		for _, folders := range []bool{false, true} {
			fsys := fstest.MapFS{}
			for k, name := range names {
				file := files[k]
				if name = rename[k%len(rename)](name); strings.HasSuffix(name, ".gz") {
					file = gzipped(t, file)
				}
				if plain := names[k]; folders && name != plain {
					fsys[plain] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
					fsys[plain+".gz"] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
				}
				fsys[name] = &fstest.MapFile{Data: file}
			}
			train, test, err := ReadMNIST(fsys)
			if err != nil || len(train) != 2 || train[1].Label != 4 || len(test) != 1 || test[0].Label != 5 {
				t.Errorf("%v: %d and %d digits, error %v, want 2 and 1", fsys, len(train), len(test), err)
			}
		}
	}
	onlyFolder := folder("train-images-idx3-ubyte/readme", []byte{})
	_, _, err := ReadMNIST(onlyFolder)
	if want := "convnet: found neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz (only a folder, train-images-idx3-ubyte)"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// What gzip itself reports, and bytes after the gzipped data, become an error that says where it was,
// what was wanted and what to do.
func TestReadDigitsExplainsGzip(t *testing.T) {
	whole := gzipped(t, images(2))
	with := func(at int, b byte) []byte {
		file := slices.Clone(whole)
		file[at] ^= b
		return file
	}
	const after = "i: offset 1584: found too many or too few bytes after its 2 items, want gzip's checksum and the end of the file: download it again"
	const checksum = "i: offset 1584: gzip: invalid checksum, want the one of its 2 items: download it again"
	const before = "i: offset 700: unexpected EOF, want 884 more bytes for its 2 items: download it again"
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a byte more":            {append(slices.Clone(whole), 'x'), after},
		"a short word more":      {append(slices.Clone(whole), "garbage"...), after},
		"a text more":            {append(slices.Clone(whole), "<!DOCTYPE html><html></html>"...), after},
		"zeros more":             {append(slices.Clone(whole), make([]byte, 512)...), after},
		"more after two members": {slices.Concat(gzipped(t, images(2)[:700]), gzipped(t, images(2)[700:]), []byte("garbage")), after},
		"half a member more":     {append(slices.Clone(whole), whole[:9]...), after},
		"a bad member more":      {append(slices.Clone(whole), "\x1f\x8bgarbage and more"...), after},
		"more before the digits": {append(gzipped(t, images(2)[:700]), "garbage"...), before},
		"a wrong checksum":       {with(len(whole)-8, 1), checksum},
		"a wrong length":         {with(len(whole)-4, 1), checksum},
		"a cut checksum":         {whole[:len(whole)-5], after},
		"another method":         {with(2, 1), "i: offset 0: gzip: invalid header, want a gzipped file: download it again"},
		"cut digits":             {gzipped(t, images(2)[:700]), "i: offset 700: the file ends early, want 884 more bytes for its 2 items: download it again"},
		"a cut header":           {whole[:5], "i: offset 0: unexpected EOF, want a gzipped file: download it again"},
		"no data":                {whole[:10], "i: offset 0: unexpected EOF, want a header of 16 bytes: download it again"},
		"a bad block":            {with(10, 6), "i: offset 0: flate: corrupt input before offset "},
	} {
		_, err := ReadDigits(folder("i", c.file, "l", labels(1, 2)), "i", "l")
		if err == nil || !strings.HasPrefix(err.Error(), "convnet: "+c.want) || !strings.HasSuffix(err.Error(), ": download it again") {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// However many digits a file holds, each gets its own image. Here the first and the last three pixels
// of an image spell its number. There's one digit more than in the embedded test set, and with
// CONVNET_ALL one more than in MNIST's training set.
func TestReadManyDigits(t *testing.T) {
	count := 10_001
	if os.Getenv("CONVNET_ALL") != "" {
		count = 60_001
	}
	pixels := make([]byte, 784*count)
	for k := range count {
		number := []byte{byte(k >> 16), byte(k >> 8), byte(k)}
		copy(pixels[784*k:], number)
		copy(pixels[784*k+781:], number)
	}
	digits, err := ReadDigits(folder("i", idx(0x803, []uint32{uint32(count), 28, 28}, pixels), "l", labels(make([]byte, count)...)), "i", "l")
	if err != nil || len(digits) != count {
		t.Fatalf("%d digits, error %v, want %d and no error", len(digits), err, count)
	}
	number := func(pixels []float64) int {
		return int(math.Round(255 * (65536*pixels[0] + 256*pixels[1] + pixels[2])))
	}
	for k, digit := range digits {
		if first, last := number(digit.Image[0]), number(digit.Image[27][25:]); first != k || last != k {
			t.Fatalf("digit %d has the first pixels of image %d and the last pixels of image %d", k, first, last)
		}
	}
}

func TestReadDigitsRejectsBadFiles(t *testing.T) {
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
		{"hardly gzip", "i: offset 0: magic number is 0x1f8a0803, want 0x00000803", idx(0x1f8a0803, []uint32{2, 28, 28}, nil), goodLabels},
		{"not 28 rows", "i: offset 8: size is 29, want 28", idx(0x803, []uint32{2, 29, 28}, nil), goodLabels},
		{"not 28 columns", "i: offset 12: size is 27, want 28", idx(0x803, []uint32{2, 28, 27}, nil), goodLabels},
		{"four billion", "i: offset 4: count is 4294967295, want at most 1000000", idx(0x803, []uint32{1<<32 - 1, 28, 28}, nil), goodLabels},
		{"a million", "l: offset 8: the file ends early, want 1000000 more bytes for its 1000000 items", goodImages, idx(0x801, []uint32{1_000_000}, nil)},
		{"a million and one", "l: offset 4: count is 1000001, want at most 1000000", goodImages, idx(0x801, []uint32{1_000_001}, nil)},
		{"cut pixels", "i: offset 1583: the file ends early, want 1 more bytes for its 2 items", goodImages[:len(goodImages)-1], goodLabels},
		{"cut labels", "l: offset 9: the file ends early, want 1 more bytes for its 2 items", goodImages, goodLabels[:9]},
		{"too many pixels", "i: offset 1584: found more bytes, want the end of the file after its 2 items", append(slices.Clone(goodImages), 0), goodLabels},
		{"too many labels", "l: offset 10: found more bytes, want the end of the file after its 2 items", goodImages, append(slices.Clone(goodLabels), 0)},
		{"another count", "convnet: i holds 2 images and l holds 3 labels, want the same number", goodImages, labels(1, 2, 3)},
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
			t.Errorf("%s: error %q, want one that contains %q", c.name, fmt.Sprint(err), c.want)
		}
	}
}

// A truncated file is an error, and so is a file with any bit of its header flipped. In a gzipped file
// the checksum protects all bytes.
func TestReadDigitsDetectsDamage(t *testing.T) {
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
					t.Errorf("%s: no error for the first %d of %d bytes, want one", name, length, len(file))
				}
			}
		}
		for bit := range 8 * header {
			if _, err := read(name, flip(good[name], bit)); err == nil {
				t.Errorf("%s: no error after flipping bit %d of byte %d of the header, want one", name, bit%8, bit/8)
			}
		}
		for bit := range 8 * len(zipped[name]) {
			digits, err := read(name, flip(zipped[name], bit))
			if err == nil && !reflect.DeepEqual(digits, want) {
				t.Errorf("%s, gzipped: different digits and no error after flipping bit %d of byte %d, want the same digits or an error", name, bit%8, bit/8)
			}
		}
	}
}

// A bogus count costs no memory, and neither does a gzip bomb.
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
			t.Errorf("%s: error %v and %d bytes allocated, want an error and at most 100000", name, err, got)
		}
	}
}

// A watchedFS refuses to open the file deny, reads one byte at a time, and counts the open files.
type watchedFS struct {
	fs.FS
	deny string
	open *int
}

type watchedFile struct {
	fs.File
	open *int
}

func (w watchedFS) Open(name string) (fs.File, error) {
	if name == w.deny {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	file, err := w.FS.Open(name)
	if err != nil {
		return nil, err
	}
	*w.open++
	return watchedFile{file, w.open}, nil
}

func (f watchedFile) Read(p []byte) (int, error) { return f.File.Read(p[:min(1, len(p))]) }

func (f watchedFile) Close() error {
	*f.open--
	return f.File.Close()
}

func TestReadDigitsFromFiles(t *testing.T) {
	open := 0
	both := folder("i", images(2), "i.gz", gzipped(t, images(2)), "l", labels(1, 2), "l.gz", gzipped(t, labels(1, 2)))
	if digits, err := ReadDigits(watchedFS{both, "", &open}, "i", "l"); len(digits) != 2 || err != nil || open != 0 {
		t.Errorf("%d digits, error %v, %d files left open, want 2 digits, no error, no file", len(digits), err, open)
	}
	folders := folder("i/x", []byte{}, "i.gz", gzipped(t, images(2)), "l/x", []byte{}, "l.gz/x", []byte{})
	if _, err := ReadDigits(watchedFS{folders, "", &open}, "i", "l"); err == nil || open != 0 {
		t.Errorf("error %v, %d files left open, want an error and no file", err, open)
	}
	// If a file exists but can't be opened, ReadDigits doesn't try another name.
	for deny, fsys := range map[string]fstest.MapFS{"i": both, "l": both, "i.gz": folder("l", labels(1))} {
		if digits, err := ReadDigits(watchedFS{fsys, deny, &open}, "i", "l"); digits != nil || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "open "+deny) {
			t.Errorf("%s can't be opened: error %v, want the error from opening it", deny, err)
		}
	}
	for want, fsys := range map[string]fstest.MapFS{
		"i holds 3 images and l holds 2 labels":                                        folder("i", images(3), "l", labels(1, 2)),
		"i.gz holds 3 images and l.gz holds 2 labels":                                  folder("i.gz", images(3), "l.gz", labels(1, 2)),
		"i: offset 1584: ":                                                             folder("i", append(gzipped(t, images(2)), "more"...), "l", labels(1, 2)),
		"l: offset 10: found more bytes, want the end of the file after its 2 items":   folder("i", images(2), "l", gzipped(t, append(labels(1, 2), 0))),
		"i: offset 1584: found more bytes, want the end of the file after its 2 items": folder("i", append(gzipped(t, images(2)), gzipped(t, []byte{0})...), "l", labels(1, 2)),
		"i: offset 9: unexpected EOF, want a header of 16":                             folder("i", images(2)[:9], "l", labels(1, 2)),
		"found neither t10k-images-idx3-ubyte nor t10k-image":                          folder("train-images-idx3-ubyte", images(2), "train-labels-idx1-ubyte", labels(1, 2)),
	} {
		digits, err := ReadDigits(fsys, "i", "l")
		if strings.Contains(want, "t10k") {
			var train, test []Digit
			if train, test, err = ReadMNIST(fsys); train != nil || test != nil {
				t.Errorf("%d and %d digits with an error, want none", len(train), len(test))
			}
		}
		if digits != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := ReadDigits(folder("i", images(2)[:9], "l", labels(1, 2)), "i", "l"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v, want io.ErrUnexpectedEOF", err)
	}
	// A file may hold no digits, and a gzipped file may have several members.
	if digits, err := ReadDigits(folder("i", images(0), "l", labels()), "i", "l"); len(digits) != 0 || err != nil {
		t.Errorf("%d digits, error %v, want no digits and no error", len(digits), err)
	}
	parts := append(gzipped(t, images(2)[:700]), gzipped(t, images(2)[700:])...)
	if digits, err := ReadDigits(folder("i", parts, "l", labels(1, 2)), "i", "l"); len(digits) != 2 || err != nil {
		t.Errorf("%d digits, error %v, want 2 and no error", len(digits), err)
	}
}

// FuzzReadDigits feeds ReadDigits untrusted files, plain and gzipped. Whatever it accepts must be digits.
//
//	go test -run '^$' -fuzz FuzzReadDigits -fuzztime 30s .
func FuzzReadDigits(f *testing.F) {
	pixels := make([]byte, 2*784)
	good := idx(0x803, []uint32{2, 28, 28}, pixels)
	f.Add(good, labels(3, 9))
	f.Add(gzipped(f, good), labels(3, 9))
	f.Fuzz(func(t *testing.T, images, labels []byte) {
		digits, err := ReadDigits(fstest.MapFS{"images": {Data: images}, "labels": {Data: labels}}, "images", "labels")
		if err != nil && digits != nil {
			t.Fatal("digits with an error, want none")
		}
		for k, d := range digits {
			if d.Label < 0 || d.Label > 9 || len(d.Image) != 28 {
				t.Fatalf("digit %d: label %d and %d rows, want 0 to 9 and 28", k, d.Label, len(d.Image))
			}
			for _, row := range d.Image {
				if len(row) != 28 || slices.Min(row) < 0 || slices.Max(row) > 1 {
					t.Fatalf("digit %d: a row is %v, want 28 pixels from 0 to 1", k, row)
				}
			}
		}
	})
}

// Each byte, wherever it is, becomes the right pixel.
func TestNewImage(t *testing.T) {
	pixels := make([]byte, 784)
	for value := range 256 {
		for k := range pixels {
			pixels[k] = byte(value + 7*k)
		}
		before := slices.Clone(pixels)
		image := NewImage(pixels)
		if len(image) != 28 || !slices.Equal(pixels, before) {
			t.Fatalf("%d rows, want 28; bytes unchanged: %v, want true", len(image), slices.Equal(pixels, before))
		}
		for y, row := range image {
			if len(row) != 28 {
				t.Fatalf("row %d has %d pixels, want 28", y, len(row))
			}
			for x, got := range row {
				if want := float64(pixels[28*y+x]) / 255; got != want {
					t.Fatalf("byte %d in row %d, column %d becomes pixel %v, want %v", pixels[28*y+x], y, x, got, want)
				}
			}
		}
	}
	for value, want := range map[byte]float64{0: 0, 51: 0.2, 102: 0.4, 255: 1} {
		if got := NewImage(slices.Repeat([]byte{value}, 784))[5][6]; got != want {
			t.Errorf("byte %d becomes pixel %v, want %v", value, got, want)
		}
	}
}
