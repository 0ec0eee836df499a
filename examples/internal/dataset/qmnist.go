package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
)

// plainLabels is a folder in which the file name has MNIST's format if it has QMNIST's.
type plainLabels struct {
	fs.FS
	name string
}

// Open opens a file.
func (p plainLabels) Open(name string) (fs.File, error) {
	file, err := p.FS.Open(name)
	if err != nil || name != p.name {
		return file, err
	}
	plain, err := plain(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if plain != nil {
		return converted{file, bytes.NewReader(plain)}, nil
	}
	file.Close() // it's read already
	return p.FS.Open(name)
}

// A converted file has another content.
type converted struct {
	fs.File
	content io.Reader
}

func (c converted) Read(p []byte) (int, error) { return c.content.Read(p) }

// plain converts a file of labels from QMNIST's format to MNIST's. In QMNIST's (Yadav and Bottou, 2019)
// each label is a row of 32-bit integers, of which the first is the digit:
//
//	0x00000c02, count, columns, then count·columns integers
//
// All are big-endian. For a file of any other kind, plain returns nil.
func plain(file io.Reader) ([]byte, error) {
	r := bufio.NewReader(file)
	if start, _ := r.Peek(2); string(start) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil
		}
		r = bufio.NewReader(unzipped)
	}
	header := make([]byte, 12)
	if _, err := io.ReadFull(r, header); err != nil || binary.BigEndian.Uint32(header) != 0x0c02 {
		return nil, nil
	}
	count, columns := binary.BigEndian.Uint32(header[4:]), binary.BigEndian.Uint32(header[8:])
	const most, widest = 1_000_000, 100
	if count > most {
		return nil, fmt.Errorf("offset 4: count is %d, want at most %d", count, most)
	}
	if columns < 1 || columns > widest {
		return nil, fmt.Errorf("offset 8: size is %d, want 1 to %d, the first of which is the digit", columns, widest)
	}
	labels := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, count)
	row := make([]byte, 4*columns)
	for k := range int(count) {
		at := len(header) + k*len(row)
		if n, err := io.ReadFull(r, row); err != nil {
			return nil, fmt.Errorf("offset %d: %w, want %d labels of %d bytes: download it again", at+n, err, count, len(row))
		}
		label := int32(binary.BigEndian.Uint32(row))
		if label < 0 || label > 9 {
			return nil, fmt.Errorf("offset %d: label is %d, want 0 to 9", at, label)
		}
		labels = append(labels, byte(label))
	}
	if _, err := r.ReadByte(); err != io.EOF {
		what := "found more bytes"
		if err != nil {
			what = err.Error()
		}
		return nil, fmt.Errorf("offset %d: %s, want the end of the file after its %d labels: download it again", len(header)+int(count)*len(row), what, count)
	}
	return labels, nil
}
