// Package repository tests the repository as a whole, in copies of it and with all its programs.
package repository

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"convnet/examples/internal/testenv"
)

// Copy copies the repository to a temporary folder, where a test may change it. It leaves out the
// history and the output of runs.
func Copy(t testing.TB) string {
	t.Helper()
	from, to := testenv.Path(t, "."), t.TempDir()
	err := filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another test's temporary file, which is gone by now
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		if relative == ".git" || relative == "out" {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil // in a worktree, .git is a file
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o777)
		}
		content, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), content, 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}
