// Package atomicfile writes files that are either complete or not there: a file has its final
// name only once all of it is written.
package atomicfile

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
)

// Write replaces the named file with what write writes. Until all of it is safely on the disk,
// and after an error, the old file stays as it was.
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

// Rename gives a file that is safely on the disk its final name in the same folder. Where the
// system can sync a folder, the new name survives a power cut; where it can't, that is not an
// error.
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
