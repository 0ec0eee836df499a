// Package atomicfile writes files that are either complete or absent: a file gets its final name
// only when all of it is written.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Write replaces the named file with what the function write writes. Until all of it is safely on
// disk, the old file stays as it was. After an error, it stays for good. The new file has the old
// one's permissions, where the system allows that. If the name is a symbolic link, it keeps pointing
// to the same file, and that file is replaced.
func Write(name string, write func(w io.Writer) error) error {
	name, err := follow(name)
	if err != nil {
		return err
	}
	return replace(name, write)
}

// Check returns the error that Write would return for the named file, for example because the file is
// mounted by itself. To find out, it does what Write does: it replaces the file with a copy of the same
// content, mode and time. If there's no file, it leaves none.
func Check(name string) error {
	name, err := follow(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		probe := beside(name) // not name itself, so that another program can create that file meanwhile
		defer os.Remove(probe)
		return replace(probe, func(io.Writer) error { return nil })
	}
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrPermission) && info.Mode().IsRegular() {
		return nil // Write doesn't read the file, so this proves nothing
	}
	if err != nil {
		return err
	}
	err = replace(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
	if err != nil {
		return err
	}
	os.Chtimes(name, info.ModTime(), info.ModTime()) // where this fails, a save would succeed all the same
	return nil
}

// follow returns the name of the file that a symbolic link leads to, and any other name as it is.
func follow(name string) (string, error) {
	info, err := os.Lstat(name)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return name, nil
	}
	file, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", fmt.Errorf("%s is a symbolic link that leads nowhere (%w): remove it, or create the file it points to", name, err)
	}
	return file, nil
}

// beside returns an unused name for a temporary file in the same folder.
func beside(name string) string {
	return filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d.tmp", filepath.Base(name), rand.Uint64()))
}

// replace is Write for a name that isn't a symbolic link.
func replace(name string, write func(w io.Writer) error) (err error) {
	// A file of os.CreateTemp would be private, and Chmod can fail, for example on Windows' drives in WSL.
	temp, err := os.OpenFile(beside(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
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
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	if old, err := os.Stat(name); err == nil {
		os.Chmod(temp.Name(), old.Mode().Perm()) // where this fails, the content still matters more
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
