// Package atomicfile writes files that are whole or not there: nothing
// half-written ever bears its final name.
package atomicfile

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
)

// Write makes the file name hold what write writes. Until all of it is safely
// on the disk, the file that bore the name stays as it was; on an error it
// stays so for good.
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

// Rename gives a file that is safely on the disk its final name, in the same
// folder, and makes that last through a power cut where the system can: some
// can't open or sync a folder, and that is no fault of the file.
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
