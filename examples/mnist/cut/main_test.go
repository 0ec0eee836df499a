package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// zipped writes text, gzipped, to a file.
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

// The first two of three labels, and of three small images: only the count in the header
// changes.
func TestCut(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from.gz"), filepath.Join(t.TempDir(), "to.gz")
	for _, c := range []struct {
		header, size int
		whole, want  string
	}{
		{8, 1, "\x00\x00\x08\x01\x00\x00\x00\x03\x07\x02\x01", "\x00\x00\x08\x01\x00\x00\x00\x02\x07\x02"},
		{16, 4, "\x00\x00\x08\x03\x00\x00\x00\x03\x00\x00\x00\x02\x00\x00\x00\x02abcdefghijkl",
			"\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x02abcdefgh"},
	} {
		zipped(t, from, c.whole)
		if err := cut(to, from, 2, c.header, c.size); err != nil {
			t.Fatal(err)
		}
		if got := unzipped(t, to); got != c.want {
			t.Errorf("cut to %q, want %q", got, c.want)
		}
	}
}

// An input that can't be cut is an error, and leaves the old output.
func TestCutRefuses(t *testing.T) {
	folder := t.TempDir()
	short, plain, to := filepath.Join(folder, "short.gz"), filepath.Join(folder, "plain.gz"), filepath.Join(folder, "to.gz")
	zipped(t, short, "\x00\x00\x08\x01\x00\x00\x00\x03\x07")
	for _, name := range []string{plain, to} {
		if err := os.WriteFile(name, []byte("this is as it was"), 0o644); err != nil {
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
		if err := cut(to, from, 2, 8, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if text, err := os.ReadFile(to); err != nil || string(text) != "this is as it was" {
		t.Errorf("the file holds %q, error %v", text, err)
	}
}
