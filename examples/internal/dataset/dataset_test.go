package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"convnet"
	"convnet/examples/internal/testenv"
	"convnet/examples/mnist"
)

// idx returns an IDX file.
func idx(magic uint32, sizes []int, data []byte) []byte {
	file := binary.BigEndian.AppendUint32(nil, magic)
	for _, size := range sizes {
		file = binary.BigEndian.AppendUint32(file, uint32(size))
	}
	return append(file, data...)
}

// imageFile and labelFile return the images and the labels of digits as IDX files.
func imageFile(digits []convnet.Digit) []byte {
	var data []byte
	for _, d := range digits {
		for _, row := range d.Image {
			for _, v := range row {
				data = append(data, byte(math.Round(255*v)))
			}
		}
	}
	return idx(0x0803, []int{len(digits), 28, 28}, data)
}

func labelFile(digits []convnet.Digit) []byte {
	var data []byte
	for _, d := range digits {
		data = append(data, byte(d.Label))
	}
	return idx(0x0801, []int{len(digits)}, data)
}

// intLabelFile returns the labels as QMNIST has them: the digit, then seven other integers.
func intLabelFile(digits []convnet.Digit) []byte {
	var data []byte
	for k, d := range digits {
		for _, v := range []int{d.Label, 0, 1200 + k, 7, k, 3, k * 1000, 1} {
			data = binary.BigEndian.AppendUint32(data, uint32(v))
		}
	}
	return idx(0x0c02, []int{len(digits), 8}, data)
}

func gzipped(t *testing.T, file []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// folder returns a folder with these digits. Its names begin with train and test, and those of its labels
// end with labels.
func folder(train, test string, trainDigits, testDigits []convnet.Digit, labels func([]convnet.Digit) []byte, ending string) fstest.MapFS {
	return fstest.MapFS{
		train + "-images-idx3-ubyte": {Data: imageFile(trainDigits)},
		train + "-labels-" + ending:  {Data: labels(trainDigits)},
		test + "-images-idx3-ubyte":  {Data: imageFile(testDigits)},
		test + "-labels-" + ending:   {Data: labels(testDigits)},
	}
}

// turned returns digits transposed.
func turned(digits []convnet.Digit) []convnet.Digit {
	digits = slices.Clone(digits)
	turn(digits)
	return digits
}

func check(t *testing.T, what string, files fs.FS, wantTrain, wantTest []convnet.Digit, wantTurned bool) {
	t.Helper()
	train, test, turned, err := Read(files)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if turned != wantTurned {
		t.Errorf("%s: turned is %t, want %t", what, turned, wantTurned)
	}
	if !reflect.DeepEqual(train, wantTrain) || !reflect.DeepEqual(test, wantTest) {
		t.Errorf("%s: other digits than those in the files, upright", what)
	}
}

// MNIST is read as convnet.ReadMNIST reads it.
func TestReadMNIST(t *testing.T) {
	train, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "MNIST", mnist.Files, train, test, false)
	_, _, want := convnet.ReadMNIST(os.DirFS(t.TempDir()))
	if _, _, _, err := Read(os.DirFS(t.TempDir())); err == nil || err.Error() != want.Error() {
		t.Errorf("an empty folder: error %v, want %v", err, want)
	}
}

// EMNIST's transposed digits are turned upright, under its names or MNIST's, even if only one of the two
// sets is transposed. A test set that's too small to tell goes with the training set.
func TestReadEMNIST(t *testing.T) {
	train, test := testenv.Digits(t)
	train, test = train[:60], test[:30]
	for _, names := range [][2]string{{"emnist-digits-train", "emnist-digits-test"}, {"emnist-mnist-train", "emnist-mnist-test"}, {"train", "t10k"}} {
		files := folder(names[0], names[1], turned(train), turned(test), labelFile, "idx1-ubyte")
		check(t, names[0], files, train, test, true)
		zipped := fstest.MapFS{}
		for name, file := range files {
			zipped[name+".gz"] = &fstest.MapFile{Data: gzipped(t, file.Data)}
		}
		check(t, names[0]+", gzipped", zipped, train, test, true)
	}
	check(t, "transposed training set", folder("train", "t10k", turned(train), test, labelFile, "idx1-ubyte"), train, test, true)
	check(t, "transposed test set", folder("train", "t10k", train, turned(test), labelFile, "idx1-ubyte"), train, test, true)
	check(t, "small test set", folder("train", "t10k", turned(train), turned(test[:3]), labelFile, "idx1-ubyte"), train, test[:3], true)
	check(t, "upright under EMNIST's name", folder("emnist-digits-train", "emnist-digits-test", train, test, labelFile, "idx1-ubyte"), train, test, false)
}

// larger returns a digit as EMNIST scales it: its longer side has 24 pixels, in the middle of the image.
func larger(d convnet.Digit) convnet.Digit {
	top, bottom, left, right := 28, 0, 28, 0
	for y, row := range d.Image {
		for x, v := range row {
			if v > 0 {
				top, bottom, left, right = min(top, y), max(bottom, y+1), min(left, x), max(right, x+1)
			}
		}
	}
	image := convnet.NewMatrix(28, 28)
	scale := float64(max(bottom-top, right-left)) / 24
	for y, row := range image {
		for x := range row {
			i := int(math.Floor((float64(y)-13.5)*scale + float64(top+bottom)/2))
			j := int(math.Floor((float64(x)-13.5)*scale + float64(left+right)/2))
			if 0 <= i && i < 28 && 0 <= j && j < 28 {
				row[x] = d.Image[i][j]
			}
		}
	}
	return convnet.Digit{Image: image, Label: d.Label}
}

// However many digits there are, MNIST's are never taken for transposed, and transposed ones always are,
// even if they're larger, as EMNIST's are.
func TestTransposed(t *testing.T) {
	_, test := testenv.Digits(t)
	all := 500
	if testenv.All() {
		all = len(test)
	}
	for _, size := range []int{enough, 50, 250, 500} {
		for from := 0; from+size <= all; from += size {
			digits := slices.Clone(test[from : from+size])
			big := slices.Clone(digits)
			for k := range big {
				big[k] = larger(big[k])
			}
			for what, c := range map[string]struct {
				digits []convnet.Digit
				want   bool
			}{"upright": {digits, false}, "larger": {big, false}, "transposed": {turned(digits), true}, "larger and transposed": {turned(big), true}} {
				if size == enough && what == "larger and transposed" {
					continue // one set in 500 isn't recognized
				}
				if got, err := transposed(c.digits); err != nil || got != c.want {
					t.Errorf("%d test digits from %d on, %s: transposed is %t, error %v, want %t", size, from, what, got, err, c.want)
				}
			}
		}
	}
	if got, err := transposed(turned(test[:enough-1])); got || err != nil {
		t.Errorf("%d digits: %t, error %v, want false: too few to tell", enough-1, got, err)
	}
}

// A file may be sorted by label. Then it begins with 0s, which look the same transposed.
func TestSortedDigitsAreTurned(t *testing.T) {
	digits, _ := testenv.Digits(t)
	digits = slices.Repeat(digits[:1000], 6)
	slices.SortStableFunc(digits, func(a, b convnet.Digit) int { return a.Label - b.Label })
	for _, size := range []int{5999, 6000} {
		if got, err := transposed(digits[:size]); got || err != nil {
			t.Errorf("%d sorted digits: transposed is %t, error %v, want false", size, got, err)
		}
		if got, err := transposed(turned(digits[:size])); !got || err != nil {
			t.Errorf("%d sorted digits, transposed: transposed is %t, error %v, want true", size, got, err)
		}
	}
}

// Images that aren't digits are never turned. Here there are ten kinds of them, each drawn at random: as
// many shapes as in Fashion-MNIST, or strokes as in KMNIST, with all of their 100 ways to be labeled.
func TestOtherImagesAreNotTurned(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	shapes := func(kinds int) (all [][][]float64) {
		for range kinds {
			image := convnet.NewMatrix(28, 28)
			for range 2 + rng.IntN(4) {
				y, x, height, width := rng.IntN(20), rng.IntN(20), 2+rng.IntN(12), 2+rng.IntN(12)
				for i := y; i < min(28, y+height); i++ {
					for j := x; j < min(28, x+width); j++ {
						image[i][j] = 1
					}
				}
			}
			all = append(all, image)
		}
		return all
	}
	strokes := func(kinds int) (all [][][]float64) {
		for range kinds {
			image := convnet.NewMatrix(28, 28)
			for range 3 {
				y, x, dy, dx := 8+12*rng.Float64(), 8+12*rng.Float64(), rng.Float64()-0.5, rng.Float64()-0.5
				for range 30 {
					y, x, dy, dx = y+dy, x+dx, dy+(rng.Float64()-0.5)/5, dx+(rng.Float64()-0.5)/5
					for _, step := range [][2]int{{0, 0}, {0, 1}, {1, 0}} {
						if i, j := int(y)+step[0], int(x)+step[1]; 0 <= i && i < 28 && 0 <= j && j < 28 {
							image[i][j] = 1
						}
					}
				}
			}
			all = append(all, image)
		}
		return all
	}
	for name, draw := range map[string]func(int) [][][]float64{"shapes": shapes, "strokes": strokes} {
		for seed := range 100 {
			images := draw(10)
			var digits []convnet.Digit
			for k := range 100 {
				image := convnet.NewMatrix(28, 28)
				for y, row := range images[k%10] {
					for x, v := range row {
						image[y][x] = v * (0.5 + rng.Float64()/2)
					}
				}
				digits = append(digits, convnet.Digit{Image: image, Label: k % 10})
			}
			if got, err := transposed(digits); got || err != nil {
				t.Errorf("%s %d: transposed is %t, error %v, want false", name, seed, got, err)
			}
		}
	}
	blank := make([]convnet.Digit, 100)
	for k := range blank {
		blank[k].Image = convnet.NewMatrix(28, 28)
	}
	if got, err := transposed(blank); got || err != nil {
		t.Errorf("blank images: transposed is %t, error %v, want false", got, err)
	}
}

// QMNIST's labels are read from their first column, under its names or MNIST's.
func TestReadQMNIST(t *testing.T) {
	train, test := testenv.Digits(t)
	train, test = train[:40], test[:20]
	for _, c := range []struct{ train, test, ending string }{
		{"qmnist-train", "qmnist-test", "idx2-int"},
		{"train", "t10k", "idx2-int"},
		{"train", "t10k", "idx1-ubyte"},
	} {
		files := folder(c.train, c.test, train, test, intLabelFile, c.ending)
		check(t, c.train+c.ending, files, train, test, false)
		zipped := fstest.MapFS{}
		for name, file := range files {
			zipped[strings.Replace(name, "-idx", ".idx", 1)+".gz"] = &fstest.MapFile{Data: gzipped(t, file.Data)}
			zipped[name] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
		}
		check(t, c.train+c.ending+", gzipped, beside folders", zipped, train, test, false)
	}
	mixed := folder("train", "t10k", train, test, labelFile, "idx1-ubyte")
	mixed["t10k-labels-idx1-ubyte"].Data = intLabelFile(test)
	check(t, "QMNIST's labels for the test set only", mixed, train, test, false)
}

// A damaged file of QMNIST's labels is an error that says where, what was found and what was wanted.
func TestQMNISTErrors(t *testing.T) {
	train, test := testenv.Digits(t)
	train, test = train[:40], test[:20]
	good := intLabelFile(train)
	with := func(at int, b ...byte) []byte {
		file := slices.Clone(good)
		copy(file[at:], b)
		return file
	}
	for want, file := range map[string][]byte{
		"offset 12: label is 10, want 0 to 9":                                              with(12, 0, 0, 0, 10),
		"offset 44: label is -1, want 0 to 9":                                              with(44, 255, 255, 255, 255),
		"offset 44: label is 256, want 0 to 9":                                             with(44, 0, 0, 1, 0),
		"offset 4: count is 1000001, want at most 1000000":                                 with(4, 0, 0x0f, 0x42, 0x41),
		"offset 8: size is 0, want 1 to 100, the first of which is the digit":              with(8, 0, 0, 0, 0),
		"offset 8: size is 101, want 1 to 100":                                             with(8, 0, 0, 0, 101),
		"offset 1291: unexpected EOF, want 40 labels of 32 bytes: download it again":       good[:len(good)-1],
		"offset 1260: EOF, want 40 labels of 32 bytes: download it again":                  good[:len(good)-32],
		"offset 1292: found more bytes, want the end of the file after its 40 labels: dow": append(slices.Clone(good), 0),
		"offset 1292: gzip: invalid checksum, want the end of the file after its 40":       spoiled(gzipped(t, good)),
		"offset 4: unexpected EOF, want a header of 8 bytes":                               {0, 0, 0x0c, 0x02}, // too short for any labels
		"magic number is 0x00000d01, want 0x00000801":                                      idx(0x0d01, []int{40}, nil),
	} {
		files := folder("qmnist-train", "qmnist-test", train, test, intLabelFile, "idx2-int")
		files["qmnist-train-labels-idx2-int"].Data = file
		_, _, _, err := Read(files)
		if err == nil || !strings.HasPrefix(err.Error(), "convnet: qmnist-train-labels-idx2-int: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	for k, name := range []string{"qmnist-train-images-idx3-ubyte", "qmnist-train-labels-idx2-int", "qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int"} {
		files := folder("qmnist-train", "qmnist-test", train, test, intLabelFile, "idx2-int")
		delete(files, name)
		if _, _, _, err := Read(files); err == nil || !strings.Contains(err.Error(), "found neither ") {
			t.Errorf("without file %d: error %v, want one that says what's missing", k, err)
		}
	}
}

// spoiled returns a gzipped file with a wrong checksum.
func spoiled(file []byte) []byte {
	file[len(file)-6] ^= 1
	return file
}
