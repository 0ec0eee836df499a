// Cut makes the embedded files: it copies the first 5,000 training digits and all 10,000 test
// digits from the full MNIST, byte for byte.
//
//	go run ./cut -from FOLDER -to .
package main

import (
	"compress/gzip"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"convnet"
	"convnet/examples/internal/atomicfile"
)

func main() {
	from := flag.String("from", "", "folder with the four gzipped files of the full MNIST")
	to := flag.String("to", ".", "folder to write to")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "cut: found %q after the flags, want nothing\n", flag.Arg(0))
		os.Exit(2)
	}
	for _, f := range []struct {
		name                string
		count, header, size int // digits kept, bytes before the first, bytes of each
	}{
		{"train-images-idx3-ubyte.gz", 5000, 16, convnet.ImageSide * convnet.ImageSide},
		{"train-labels-idx1-ubyte.gz", 5000, 8, 1},
		{"t10k-images-idx3-ubyte.gz", 10000, 16, convnet.ImageSide * convnet.ImageSide},
		{"t10k-labels-idx1-ubyte.gz", 10000, 8, 1},
	} {
		err := cut(filepath.Join(*to, f.name), filepath.Join(*from, f.name), f.count, f.header, f.size)
		if err != nil {
			fmt.Fprintln(os.Stderr, "cut:", err)
			os.Exit(1)
		}
	}
}

// cut writes the first count items of the IDX file from, gzipped, to the file to.
func cut(to, from string, count, header, size int) error {
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
	return atomicfile.Write(to, func(w io.Writer) error {
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
