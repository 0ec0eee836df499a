// Package digitfile stores digits in files for the page of examples/draw: gzipped, and for
// each digit its label in a byte and its 28×28 pixels in one byte each, from 0 (paper) to 255
// (full ink). It needs less of the standard library than MNIST's own format, and a page can
// load a few digits of many.
package digitfile

import (
	"compress/gzip"
	"fmt"
	"io"
	"math"

	"convnet"
)

const size = 1 + convnet.ImageSide*convnet.ImageSide // of a digit, in bytes

// Write writes digits to w.
func Write(w io.Writer, digits []convnet.Digit) error {
	zipped, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, d := range digits {
		data := []byte{byte(d.Label)}
		for _, row := range d.Image {
			for _, v := range row {
				data = append(data, byte(math.Round(255*v)))
			}
		}
		if _, err := zipped.Write(data); err != nil {
			return err
		}
	}
	return zipped.Close()
}

// Read reads the digits that Write has written: exactly as many as fit into the slice digits.
func Read(r io.Reader, digits []convnet.Digit) error {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(unzipped, int64(size*len(digits)+1)))
	if err != nil {
		return err
	}
	if len(data) != size*len(digits) {
		return fmt.Errorf("found %d bytes or more, want %d for %d digits", len(data), size*len(digits), len(digits))
	}
	for k := range digits {
		label, pixels := data[size*k], data[size*k+1:size*(k+1)]
		if label > 9 {
			return fmt.Errorf("offset %d: label is %d, want 0 to 9", size*k, label)
		}
		digits[k] = convnet.Digit{Image: convnet.NewImage(pixels), Label: int(label)}
	}
	return nil
}
