package convnet

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// ImageSide is the height and the width of an image, in pixels.
const ImageSide = 28

const (
	imageSize = ImageSide * ImageSide // pixels in an image
	idxHeader = 8                     // bytes: the magic number and the count
	maxItems  = 1_000_000             // limits what a damaged or hostile file can make us read
)

// A Digit is a labeled example: the image of a handwritten digit and its true label.
type Digit struct {
	Image [][]float64 // 28×28, from 0 (paper) to 1 (full ink)
	Label int         // 0 to 9
}

// ReadMNIST reads MNIST (LeCun, Cortes and Burges, 1998) from its four files, each gzipped or not:
//
//	train-images-idx3-ubyte    train-labels-idx1-ubyte
//	t10k-images-idx3-ubyte     t10k-labels-idx1-ubyte
func ReadMNIST(fsys fs.FS) (train, test []Digit, err error) {
	train, err = ReadDigits(fsys, "train-images-idx3-ubyte", "train-labels-idx1-ubyte")
	if err != nil {
		return nil, nil, err
	}
	test, err = ReadDigits(fsys, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
	if err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

// ReadDigits reads a file of images and a file of their labels. Both are in the IDX format: a magic
// number, which gives the element type (bytes) and the number of dimensions, then the size of each
// dimension, then the bytes. The magic number and the sizes are big-endian uint32s.
//
//	images: 0x00000803, count, 28, 28, then count·784 bytes, from 0 (paper) to 255 (full ink)
//	labels: 0x00000801, count, then count bytes, 0 to 9
//
// If a file doesn't exist, ReadDigits tries its name with .gz, and then both with .idx instead of -idx, as
// some mirrors call them. It recognizes gzip by the first bytes, not by the name. A file may hold at most
// 1,000,000 digits. An error names the file, the offset in its decompressed bytes, what was found there
// and what was wanted.
func ReadDigits(fsys fs.FS, images, labels string) ([]Digit, error) {
	digits, err := readDigits(fsys, images, labels)
	if err != nil {
		return nil, fmt.Errorf("convnet: %w", err)
	}
	return digits, nil
}

func readDigits(fsys fs.FS, images, labels string) ([]Digit, error) {
	// images and labels become the names under which the files were found.
	pixels, images, err := readIDX(fsys, images, ImageSide, ImageSide)
	if err != nil {
		return nil, err
	}
	all, labels, err := readIDX(fsys, labels)
	if err != nil {
		return nil, err
	}
	if len(pixels) != imageSize*len(all) {
		return nil, fmt.Errorf("%s holds %d images and %s holds %d labels, want the same number", images, len(pixels)/imageSize, labels, len(all))
	}
	digits := make([]Digit, len(all))
	for k, label := range all {
		if label > 9 {
			return nil, fmt.Errorf("%s: offset %d: label is %d, want 0 to 9", labels, idxHeader+k, label)
		}
		digits[k] = Digit{NewImage(pixels[imageSize*k : imageSize*(k+1)]), int(label)}
	}
	return digits, nil
}

// NewImage converts 784 pixels to a 28×28 image, dividing each by 255. The pixels come row by row, from
// top to bottom. NewImage panics if there are more or fewer.
func NewImage(pixels []byte) [][]float64 {
	checkLen("NewImage", "pixels", len(pixels), imageSize)
	image := NewMatrix(ImageSide, ImageSide)
	for k, value := range pixels {
		image[k/ImageSide][k%ImageSide] = float64(value) / 255
	}
	return image
}

// readIDX returns the bytes of an IDX file whose items have the given sizes, and the name under which it
// found the file. No matter how large a count the file claims, memory grows only with the bytes it holds.
func readIDX(fsys fs.FS, name string, sizes ...int) (data []byte, found string, err error) {
	file, name, err := openIDX(fsys, name)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	data, err = readItems(bufio.NewReader(file), sizes)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, err)
	}
	return data, name, nil
}

// openIDX opens an IDX file, and returns the name under which it found it. A folder of that name, which
// some programs make when they decompress a file, doesn't count.
func openIDX(fsys fs.FS, name string) (file fs.File, found string, err error) {
	dotted, folder := strings.Replace(name, "-idx", ".idx", 1), ""
	for _, found = range []string{name, name + ".gz", dotted, dotted + ".gz"} {
		file, err = fsys.Open(found)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		if info, err := file.Stat(); err != nil || !info.IsDir() {
			return file, found, err
		}
		file.Close()
		folder = " (only a folder, " + found + ")"
	}
	return nil, "", fmt.Errorf("found neither %s nor %[1]s.gz%s", name, folder)
}

// readItems reads an IDX file to its end, and decompresses it if it's gzipped.
func readItems(buffered *bufio.Reader, sizes []int) ([]byte, error) {
	var r io.Reader = buffered
	if start, _ := buffered.Peek(2); string(start) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("offset 0: %w, want a gzipped file: download it again", err)
		}
		r = unzipped
	}
	header := make([]byte, idxHeader+4*len(sizes))
	if n, err := io.ReadFull(r, header); err != nil {
		return nil, fmt.Errorf("offset %d: %w, want a header of %d bytes: download it again", n, err, len(header))
	}
	if magic, want := binary.BigEndian.Uint32(header), uint32(0x0801+len(sizes)); magic != want {
		return nil, fmt.Errorf("offset 0: magic number is %#08x, want %#08x: it's another kind of file", magic, want)
	}
	count := binary.BigEndian.Uint32(header[4:])
	if count > maxItems {
		return nil, fmt.Errorf("offset 4: count is %d, want at most %d", count, maxItems)
	}
	length := int64(count)
	for i, want := range sizes {
		at := idxHeader + 4*i
		if found := binary.BigEndian.Uint32(header[at:]); found != uint32(want) {
			return nil, fmt.Errorf("offset %d: size is %d, want %d", at, found, want)
		}
		length *= int64(want)
	}
	data, err := io.ReadAll(io.LimitReader(r, length+1))
	at, missing := len(header)+len(data), length-int64(len(data))
	switch {
	case missing < 0:
		return nil, fmt.Errorf("offset %d: found more bytes, want the end of the file after its %d items: download it again", at-1, count)
	case missing > 0 && err != nil:
		return nil, fmt.Errorf("offset %d: %w, want %d more bytes for its %d items: download it again", at, err, missing, count)
	case missing > 0:
		return nil, fmt.Errorf("offset %d: the file ends early, want %d more bytes for its %d items: download it again", at, missing, count)
	case err == gzip.ErrChecksum:
		return nil, fmt.Errorf("offset %d: %w, want the one of its %d items: download it again", at, err, count)
	case err != nil: // what gzip says of more bytes can be "unexpected EOF", which would mislead
		return nil, fmt.Errorf("offset %d: found too many or too few bytes after its %d items, want gzip's checksum and the end of the file: download it again", at, count)
	}
	return data, nil
}
