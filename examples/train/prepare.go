package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"convnet"
	"convnet/examples/internal/architecture"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/dataset"
	"convnet/examples/internal/download"
	"convnet/examples/internal/training"
	"convnet/examples/mnist"
)

// prepare prepares a run. It makes sure, before the first step, that all files can be read
// and written.
func prepare(ctx context.Context, s *settings, stdout io.Writer) (*experiment, error) {
	e := &experiment{settings: s, at: training.Start, progress: newProgress(stdout, s)}
	if _, err := architecture.NewGradient(); err != nil {
		return e, err
	}
	if err := e.readDigits(ctx); err != nil {
		return e, err
	}
	if s.best {
		s.takeBest(len(e.train))
	}
	network, entries, err := e.start()
	if err != nil {
		return e, err
	}
	if s.Size < 1 || s.Sets > len(e.train)/s.Size { // with -best and many -sets, -size may be 0
		return e, fmt.Errorf("-sets is %d and -size is %d: found only %d training images, too few for these sets: lower -sets or -size, or use -full, which has 60,000", s.Sets, s.Size, len(e.train))
	}
	if most := math.MaxInt / (s.Sets * s.Size); s.Epochs > most {
		return e, fmt.Errorf("-epochs is %d, want at most %d with sets of this size", s.Epochs, most)
	}
	e.checksum = checksum(e.train[:s.Sets*s.Size])
	if want := entries["digits"]; entries != nil && e.checksum != want {
		return e, fmt.Errorf("-resume %s: found training images with the checksum %q, want %.20q, as in the run that saved the file: repeat its -full or -data", s.resume, e.checksum, want)
	}
	if err := s.checkOverwriting(); err != nil {
		return e, err
	}
	if err := checkFolder(s.out); err != nil {
		return e, fmt.Errorf("-out %q: %w", s.out, err)
	}
	if s.augment {
		s.Distortion = training.Handwriting()
	}
	e.trainer = s.New(network, s.seed, s.workers)
	e.trainer.Seen = uint64(s.Seen(e.at))
	e.progress.beforeRun(e.at)
	return e, nil
}

// readDigits reads the digits that the flags ask for.
func (e *experiment) readDigits(ctx context.Context) error {
	var files fs.FS = mnist.Files
	source := "the embedded digits"
	switch {
	case e.full:
		folder, err := download.Cache()
		if err == nil {
			err = e.fetch(ctx, folder)
		}
		if err == errInterrupted {
			return err
		}
		if err != nil {
			return fmt.Errorf("-full: %w; or download the four files yourself and use -data DIR", err)
		}
		files, source = os.DirFS(folder), "-full"
	case e.data != "":
		info, err := os.Stat(e.data)
		if err != nil {
			return fmt.Errorf("-data: %w", err)
		}
		if !info.IsDir() {
			return fmt.Errorf("-data: %s is a file, want the folder with the four MNIST files", e.data)
		}
		files, source = os.DirFS(e.data), fmt.Sprintf("-data %q", e.data)
	}
	var err error
	turned := false
	if e.data == "" {
		e.train, e.test, err = convnet.ReadMNIST(files)
	} else {
		e.train, e.test, turned, err = dataset.Read(files)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	if turned {
		e.progress.say(source + ": the digits are transposed, as EMNIST's are: turned them upright")
	}
	if len(e.train) == 0 || len(e.test) == 0 {
		return fmt.Errorf("%s: found %d training images and %d test images, want at least one of each", source, len(e.train), len(e.test))
	}
	return nil
}

// fetch downloads the files of the full MNIST that are missing from folder.
func (e *experiment) fetch(ctx context.Context, folder string) error {
	f := download.Fetcher{Mirrors: e.mirrors, Patience: 30 * time.Second, Report: e.progress.afterBytes}
	err := f.Fetch(ctx, folder, e.files)
	e.progress.over("")
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	return err
}

// checkOverwriting returns an error if the run would overwrite a model that isn't its own: the one it
// starts from, or another one in the folder of the file to resume.
func (s *settings) checkOverwriting() error {
	path := s.modelPath()
	if sameFile(s.model, path) {
		return fmt.Errorf("-model %s: the run would overwrite this file: choose another -out", s.model)
	}
	_, err := os.Lstat(path)
	if s.resume != "" && !s.given()["out"] && err == nil && !sameFile(s.resume, path) {
		return fmt.Errorf("-resume %s: the run would overwrite %s, which may be another run's: choose a folder with -out", s.resume, path)
	}
	return nil
}

// sameFile reports whether both names refer to the same file.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// checkFolder creates the folder out, and checks that there is space for the model and the pictures,
// and that each can be saved there under its name.
func checkFolder(out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	probe, err := os.CreateTemp(out, ".probe*")
	if err != nil {
		return err
	}
	const space = 1 << 20 // the model and the pictures take two thirds of that
	_, err = probe.Write(make([]byte, space))
	if err := cmp.Or(err, probe.Close(), os.Remove(probe.Name())); err != nil {
		return err
	}
	names := []string{modelName}
	for _, p := range pictures {
		names = append(names, p.name)
	}
	for _, name := range names {
		path := filepath.Join(out, name)
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is in the way: found a folder or a device, want a file or nothing: move it or choose another -out", path)
		}
		if info == nil && name != modelName && !isLink(path) {
			continue // whatever stops a new file would have stopped the model
		}
		err = atomicfile.Check(path)
		if errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("can't replace %s: %w: if it's mounted by itself, as in a container, mount its folder instead, or choose another -out", path, err)
		}
		if err != nil {
			return fmt.Errorf("can't save %s: %w; or choose another -out", path, err)
		}
	}
	return nil
}

// isLink reports whether there is a symbolic link with this name.
func isLink(name string) bool {
	_, err := os.Readlink(name)
	return err == nil
}
