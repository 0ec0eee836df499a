package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func content(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWriteReplacesTheWholeFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "model")
	for _, text := range []string{"the old model, which is long", "new"} {
		err := Write(name, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := content(t, name); got != text {
			t.Errorf("the file holds %q, want %q", got, text)
		}
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	want := fs.FileMode(0o644)
	if runtime.GOOS == "windows" {
		want = 0o666 // Windows knows only whether a file is writable
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("the file's mode is %o, want %o", got, want)
	}
}

// The old file stays until the new one is complete. If writing fails, it stays for good.
func TestErrorLeavesTheFolderUnchanged(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "model")
	if err := os.WriteFile(name, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := Write(name, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 100_000)); err != nil {
			return err
		}
		if got := content(t, name); got != "old" {
			t.Errorf("during the write the file holds %d bytes, want the 3 old ones", len(got))
		}
		return full
	})
	if err != full {
		t.Errorf("error %v, want %v", err, full)
	}
	if got := content(t, name); got != "old" {
		t.Errorf("after the error the file holds %q, want %q", got, "old")
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the folder holds %v, want only the old file", entries)
	}
}

func TestWriteToMissingFolder(t *testing.T) {
	err := Write(filepath.Join(t.TempDir(), "missing", "model"), func(io.Writer) error { return nil })
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want one that says the folder doesn't exist", err)
	}
}
