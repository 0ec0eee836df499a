package download

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convnet"
)

// useCache makes a new folder the user's cache, on every operating system.
func useCache(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, home)
	}
}

// An empty or incomplete cache is an error that says how to fill it.
func TestFolder(t *testing.T) {
	useCache(t)
	if folder, err := Folder("elsewhere"); folder != "elsewhere" || err != nil {
		t.Errorf("found %q, error %v, want elsewhere", folder, err)
	}
	cache, err := Cache()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range MNIST {
		folder, err := Folder("")
		if folder != "" || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), file.Name) || !strings.Contains(err.Error(), "run go run ./examples/train -full") {
			t.Errorf("without %s: found %q, error %v, want an error that says how to download it", file.Name, folder, err)
		}
		if err := os.WriteFile(filepath.Join(cache, file.Name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if folder, err := Folder(""); folder != cache || err != nil {
		t.Errorf("found %q, error %v, want %q", folder, err, cache)
	}
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	if _, err := Folder(""); err == nil || !strings.Contains(err.Error(), "-data DIR") {
		t.Errorf("without a cache folder: error %v, want one that contains -data DIR", err)
	}
}

// writeIDX writes a gzipped IDX file of zeros.
func writeIDX(t *testing.T, name string, shape ...int) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zipped, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	header, size := []byte{0, 0, 8, byte(len(shape))}, 1
	for _, n := range shape {
		header, size = binary.BigEndian.AppendUint32(header, uint32(n)), size*n
	}
	zipped.Write(append(header, make([]byte, size)...))
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
}

// A data set that isn't the full one is an error that names its folder.
func TestFull(t *testing.T) {
	useCache(t)
	if _, _, err := Full(""); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "train -full") {
		t.Errorf("without a cache: error %v, want one that contains train -full", err)
	}
	folder := t.TempDir()
	if _, _, err := Full(folder); err == nil || !strings.HasPrefix(err.Error(), folder+": ") {
		t.Errorf("empty folder: error %v, want one that names it", err)
	}
	const side = convnet.ImageSide
	writeIDX(t, filepath.Join(folder, MNIST[0].Name), 3, side, side)
	writeIDX(t, filepath.Join(folder, MNIST[1].Name), 3)
	writeIDX(t, filepath.Join(folder, MNIST[2].Name), 2, side, side)
	writeIDX(t, filepath.Join(folder, MNIST[3].Name), 2)
	if _, _, err := Full(folder); err == nil || err.Error() != folder+": found 3 training digits and 2 test digits, want the full MNIST, 60000 and 10000" {
		t.Errorf("a few digits: error %v, want one that says how many", err)
	}
	for _, c := range []struct {
		train, test int
		whole       bool
	}{{3, 2, true}, {4, 2, false}, {3, 1, false}} {
		train, test, err := read(folder, c.train, c.test)
		if (err == nil) != c.whole || c.whole && (len(train) != 3 || len(test) != 2) {
			t.Errorf("want %d and %d digits: found %d and %d, error %v", c.train, c.test, len(train), len(test), err)
		}
	}
}
