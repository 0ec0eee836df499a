package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// change replaces a file by one with another name and content, which may be the same.
func change(t *testing.T, folder, name, newName string, edit func(data []byte) []byte) {
	t.Helper()
	path := filepath.Join(folder, name)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, newName), edit(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func same(data []byte) []byte { return data }

func compress(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// transposeAll swaps rows and columns of all images of a file.
func transposeAll(data []byte) []byte {
	data = slices.Clone(data)
	for images := data[16:]; len(images) > 0; images = images[imageSize:] {
		for y := range 28 {
			for x := range y {
				images[28*y+x], images[28*x+y] = images[28*x+y], images[28*y+x]
			}
		}
	}
	return data
}

// ints turns a file of labels into one of QMNIST.
func ints(data []byte) []byte {
	file := []byte{0, 0, 0x0c, 2}
	file = append(file, data[4:8]...)
	file = binary.BigEndian.AppendUint32(file, 8)
	for k, label := range data[8:] {
		for _, v := range []int{int(label), 1, 2000, 4, k, 9, k, 0} {
			file = binary.BigEndian.AppendUint32(file, uint32(v))
		}
	}
	return file
}

// Other data sets than MNIST, and MNIST under other names, give the same run, if they hold the same digits.
func TestOtherFormats(t *testing.T) {
	withoutPictures(t)
	const (
		trainImages, trainLabels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
		testImages, testLabels   = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
	)
	run := func(folder string) (stdout, model string) {
		t.Helper()
		out := t.TempDir()
		stdout, stderr, status := train(context.Background(), "-data", folder, "-out", out, "-sets", "1", "-size", "40", "-epochs", "1")
		if status != ok {
			t.Fatalf("status %d: %s", status, stderr)
		}
		return stdout, snapshot(t, out)[modelName]
	}
	plain, want := run(smallMNIST(t, 40, 20))
	if strings.Contains(plain, "transposed") {
		t.Errorf("MNIST: printed\n%s\nwant nothing about transposed digits", plain)
	}
	for name, convert := range map[string]func(folder string){
		"mirrors": func(folder string) {
			change(t, folder, trainImages, "train-images.idx3-ubyte", same)
			change(t, folder, trainLabels, "train-labels.idx1-ubyte", same)
			change(t, folder, testImages, "t10k-images.idx3-ubyte", same)
			change(t, folder, testLabels, "t10k-labels.idx1-ubyte.gz", compress)
		},
		"folders": func(folder string) {
			for _, name := range []string{trainImages, trainLabels, testImages, testLabels} {
				change(t, folder, name, name+".gz", compress)
				if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
					t.Fatal(err)
				}
			}
		},
		"QMNIST": func(folder string) {
			change(t, folder, trainImages, "qmnist-train-images-idx3-ubyte", same)
			change(t, folder, trainLabels, "qmnist-train-labels-idx2-int.gz", func(d []byte) []byte { return compress(ints(d)) })
			change(t, folder, testImages, "qmnist-test-images-idx3-ubyte", same)
			change(t, folder, testLabels, "qmnist-test-labels-idx2-int", ints)
		},
		"EMNIST": func(folder string) {
			change(t, folder, trainImages, "emnist-digits-train-images-idx3-ubyte.gz", func(d []byte) []byte { return compress(transposeAll(d)) })
			change(t, folder, trainLabels, "emnist-digits-train-labels-idx1-ubyte.gz", compress)
			change(t, folder, testImages, "emnist-digits-test-images-idx3-ubyte", transposeAll)
			change(t, folder, testLabels, "emnist-digits-test-labels-idx1-ubyte", same)
		},
		"EMNIST under MNIST's names": func(folder string) {
			change(t, folder, trainImages, trainImages, transposeAll)
			change(t, folder, testImages, testImages, transposeAll)
		},
	} {
		folder := smallMNIST(t, 40, 20)
		convert(folder)
		stdout, model := run(folder)
		if model != want || last(stdout) != last(plain) {
			t.Errorf("%s: another model, or the last line is %q, want %q", name, last(stdout), last(plain))
		}
		if found := strings.Contains(lines(stdout)[0], "the digits are transposed, as EMNIST's are: turned them upright"); found != strings.HasPrefix(name, "EMNIST") {
			t.Errorf("%s: the first line is %q", name, lines(stdout)[0])
		}
	}
}

// A data set of anything else in MNIST's format, as Fashion-MNIST and KMNIST are, is trained on as it is.
// Here the images are dark rectangles, one kind per class.
func TestOtherImages(t *testing.T) {
	folder, rng := t.TempDir(), rand.New(rand.NewPCG(1, 1))
	write := func(name string, file []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), compress(file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for set, count := range map[string]byte{"train": 200, "t10k": 50} {
		images := []byte{0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28}
		labels := []byte{0, 0, 8, 1, 0, 0, 0, count}
		for k := range int(count) {
			class, image := k%10, make([]byte, imageSize)
			for y := range 5 {
				for x := range 10 {
					image[28*(y+2+5*(class/2))+x+2+13*(class%2)] = byte(100 + rng.IntN(156))
				}
			}
			images, labels = append(images, image...), append(labels, byte(class))
		}
		write(set+"-images-idx3-ubyte.gz", images)
		write(set+"-labels-idx1-ubyte.gz", labels)
	}
	out := t.TempDir()
	stdout, stderr, status := train(context.Background(), "-data", folder, "-out", out, "-sets", "1", "-size", "200", "-epochs", "5")
	if status != ok || strings.Contains(stdout, "transposed") || last(stdout) != "accuracy 100.00% (50/50)" {
		t.Errorf("status %d, printed\n%s%s\nwant every image correct", status, stdout, stderr)
	}
	checkPictures(t, out)
}
