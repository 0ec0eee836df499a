// Cut makes the files in examples/mnist. It copies the first 5,000 training digits and all 10,000
// test digits from the full MNIST, byte for byte.
//
//	go run ./examples/internal/cut
//
// You need the full MNIST. Either run go run ./examples/train -full once, which downloads it to your
// cache, or name a folder that has the four gzipped files with -data.
package main

import (
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/download"
)

func main() {
	data, out := cli.Data(), cli.OutTo("examples/mnist")
	p := cli.Program{
		Path: "examples/internal/cut",
		Does: "Makes the embedded MNIST files: copies the first 5,000 training digits and all 10,000 test digits from the full MNIST.",
	}
	p.Main(func() error { return run(*data, *out) })
}

func run(data string, out cli.Folder) error {
	from, err := download.Folder(data)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name                string
		count, header, size int // digits to keep, bytes before the first, bytes per digit
	}{
		{"train-images-idx3-ubyte.gz", 5000, 16, convnet.ImageSide * convnet.ImageSide},
		{"train-labels-idx1-ubyte.gz", 5000, 8, 1},
		{"t10k-images-idx3-ubyte.gz", 10000, 16, convnet.ImageSide * convnet.ImageSide},
		{"t10k-labels-idx1-ubyte.gz", 10000, 8, 1},
	} {
		if err := cut(out, filepath.Join(from, f.name), f.count, f.header, f.size); err != nil {
			return err
		}
	}
	return nil
}

// cut writes the first count items of the gzipped IDX file from to a file of the same name in out.
func cut(out cli.Folder, from string, count, header, size int) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	data := make([]byte, header+count*size)
	if n, err := io.ReadFull(unzipped, data); err != nil {
		return fmt.Errorf("%s: offset %d: %w, want %d bytes", from, n, err, len(data))
	}
	binary.BigEndian.PutUint32(data[4:], uint32(count))
	return out.Write(filepath.Base(from), func(w io.Writer) error {
		zipped, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := zipped.Write(data); err != nil {
			return err
		}
		return zipped.Close()
	})
}
