package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/cli"
)

// zipped writes text to a gzipped file.
func zipped(t *testing.T, name, text string) {
	t.Helper()
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	io.WriteString(z, text)
	z.Close()
	if err := os.WriteFile(name, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func unzipped(t *testing.T, name string) string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Cut to the first two of three labels, or of three small images. In the header, only the count
// changes.
func TestCut(t *testing.T) {
	from, out := filepath.Join(t.TempDir(), "some.gz"), cli.Folder{Path: t.TempDir()}
	for _, c := range []struct {
		header, size int
		whole, want  string
	}{
		{8, 1, "\x00\x00\x08\x01\x00\x00\x00\x03\x07\x02\x01", "\x00\x00\x08\x01\x00\x00\x00\x02\x07\x02"},
		{16, 4, "\x00\x00\x08\x03\x00\x00\x00\x03\x00\x00\x00\x02\x00\x00\x00\x02abcdefghijkl",
			"\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x02abcdefgh"},
	} {
		zipped(t, from, c.whole)
		if err := cut(out, from, 2, c.header, c.size); err != nil {
			t.Fatal(err)
		}
		if got := unzipped(t, filepath.Join(out.Path, "some.gz")); got != c.want {
			t.Errorf("cut to %q, want %q", got, c.want)
		}
	}
}

// Run keeps as many digits as the embedded files have.
func TestRun(t *testing.T) {
	from, out := t.TempDir(), cli.Folder{Path: t.TempDir()}
	if err := run(from, out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: error %v, want %v", err, fs.ErrNotExist)
	}
	blank := strings.Repeat("\x00", 28*28)
	for name, text := range map[string]string{
		"train-images-idx3-ubyte.gz": "\x00\x00\x08\x03\x00\x00\x13\x89\x00\x00\x00\x1c\x00\x00\x00\x1c" + strings.Repeat(blank, 5001),
		"train-labels-idx1-ubyte.gz": "\x00\x00\x08\x01\x00\x00\x13\x89" + strings.Repeat("\x07", 5001),
		"t10k-images-idx3-ubyte.gz":  "\x00\x00\x08\x03\x00\x00\x27\x10\x00\x00\x00\x1c\x00\x00\x00\x1c" + strings.Repeat(blank, 10000),
		"t10k-labels-idx1-ubyte.gz":  "\x00\x00\x08\x01\x00\x00\x27\x10" + strings.Repeat("\x03", 10000),
	} {
		zipped(t, filepath.Join(from, name), text)
	}
	if err := run(from, out); err != nil {
		t.Fatal(err)
	}
	train, test, err := convnet.ReadMNIST(os.DirFS(out.Path))
	if err != nil || len(train) != 5000 || len(test) != 10000 || train[4999].Label != 7 || test[9999].Label != 3 {
		t.Errorf("%d training and %d test digits, error %v, want 5000 sevens and 10000 threes", len(train), len(test), err)
	}
}

// A bad input is an error, and leaves the old output in place.
func TestCutRejectsBadFiles(t *testing.T) {
	folder, out := t.TempDir(), cli.Folder{Path: t.TempDir()}
	short, plain := filepath.Join(folder, "short.gz"), filepath.Join(folder, "plain.gz")
	zipped(t, short, "\x00\x00\x08\x01\x00\x00\x00\x03\x07")
	for _, name := range []string{plain, filepath.Join(out.Path, "short.gz"), filepath.Join(out.Path, "plain.gz")} {
		if err := os.WriteFile(name, []byte("old output"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	missing := filepath.Join(folder, "no.gz")
	_, noFile := os.Open(missing)
	for from, want := range map[string]string{
		short:   "short.gz: offset 9: unexpected EOF, want 10 bytes",
		plain:   "plain.gz: gzip: invalid header",
		missing: noFile.Error(),
	} {
		if err := cut(out, from, 2, 8, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	for _, name := range []string{"short.gz", "plain.gz"} {
		if text, err := os.ReadFile(filepath.Join(out.Path, name)); err != nil || string(text) != "old output" {
			t.Errorf("%s holds %q, error %v, want it unchanged", name, text, err)
		}
	}
}
