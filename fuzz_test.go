package convnet

import (
	"bytes"
	"compress/gzip"
	"slices"
	"testing"
	"testing/fstest"
)

// FuzzReadDigits feeds ReadDigits with what it must not believe, plain and
// gzipped. What it takes must be digits.
//
//	go test -run '^$' -fuzz FuzzReadDigits -fuzztime 30s .
func FuzzReadDigits(f *testing.F) {
	images := append([]byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28}, make([]byte, 2*784)...)
	labels := []byte{0, 0, 8, 1, 0, 0, 0, 2, 3, 9}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(images); err != nil {
		f.Fatal(err)
	}
	if err := z.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(images, labels)
	f.Add(zipped.Bytes(), labels)
	f.Fuzz(func(t *testing.T, images, labels []byte) {
		digits, err := ReadDigits(fstest.MapFS{"images": {Data: images}, "labels": {Data: labels}}, "images", "labels")
		if err != nil && digits != nil {
			t.Fatal("an error, and yet digits")
		}
		for k, d := range digits {
			if d.Label < 0 || d.Label > 9 || len(d.Image) != 28 {
				t.Fatalf("digit %d: label %d, %d rows", k, d.Label, len(d.Image))
			}
			for _, row := range d.Image {
				if len(row) != 28 || slices.Min(row) < 0 || slices.Max(row) > 1 {
					t.Fatalf("digit %d: a row %v", k, row)
				}
			}
		}
	})
}
