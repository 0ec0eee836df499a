package convnet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"testing"
	"testing/fstest"
)

// FuzzLoad feeds Load with what it must not believe. A header alone is given; the
// numbers, whose bits nobody need guess, are put behind it. What Load takes must
// be whole, and come back from Save and Load as it was.
//
//	go test -run '^$' -fuzz FuzzLoad -fuzztime 30s .
func FuzzLoad(f *testing.F) {
	var file bytes.Buffer
	if err := New(1).Save(&file, map[string]string{"seed": "1"}); err != nil {
		f.Fatal(err)
	}
	good := file.Bytes()
	length := 8 + int(binary.LittleEndian.Uint64(good))
	numbers := good[length:]
	f.Add(good[:length], true)
	f.Add(good[:length], false)
	f.Fuzz(func(t *testing.T, start []byte, whole bool) {
		file := start
		if whole {
			file = slices.Concat(start, numbers)
		}
		n, metadata, err := Load(bytes.NewReader(file))
		if err != nil {
			if n != nil || metadata != nil {
				t.Fatal("an error, and yet a network")
			}
			return
		}
		for k, p := range n.Parameters {
			if math.IsNaN(p) || math.IsInf(p, 0) {
				t.Fatalf("parameter %d is %v", k, p)
			}
		}
		var again bytes.Buffer
		if err := n.Save(&again, metadata); err != nil {
			return // metadata of another tool may be too much for Save
		}
		back, backMetadata, err := Load(&again)
		if err != nil || !slices.Equal(back.Parameters, n.Parameters) || !maps.Equal(backMetadata, metadata) {
			t.Fatalf("saved and loaded again: error %v, metadata %v, want %v", err, backMetadata, metadata)
		}
	})
}

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
