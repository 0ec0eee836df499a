// Package atomicfile writes files that are either complete or absent: a file gets its final name
// only when all of it is written.
package atomicfile

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
)

// Write replaces the named file with what the function write writes. Until all of it is safely on
// disk, the old file stays as it was. After an error, it stays for good.
func Write(name string, write func(w io.Writer) error) (err error) {
	folder := filepath.Dir(name)
	temp, err := os.CreateTemp(folder, "."+filepath.Base(name)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	buffered := bufio.NewWriter(temp)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := temp.Chmod(0o644); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return Rename(temp.Name(), name)
}

// Rename gives the file temp, which must be safely on disk, its final name in the same folder. It
// syncs the folder so that the new name survives a power failure. If the system can't do that, it
// isn't an error.
func Rename(temp, name string) error {
	if err := os.Rename(temp, name); err != nil {
		return err
	}
	if folder, err := os.Open(filepath.Dir(name)); err == nil {
		folder.Sync()
		folder.Close()
	}
	return nil
}
