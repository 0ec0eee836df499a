package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"convnet"
	"convnet/examples/internal/download"
	"convnet/examples/mnist"
)

// readDigits reads the digits that the flags ask for.
func (e *experiment) readDigits(ctx context.Context) error {
	var files fs.FS = mnist.Files
	source := "the embedded digits"
	switch {
	case e.full:
		folder, err := cacheFolder()
		if err == nil {
			err = e.fetch(ctx, folder)
		}
		if err == errInterrupted {
			return err
		}
		if err != nil {
			return fmt.Errorf("-full: %w; you can also download the four files yourself and use -data DIR", err)
		}
		files, source = os.DirFS(folder), "-full"
	case e.data != "":
		info, err := os.Stat(e.data)
		if err != nil {
			return fmt.Errorf("-data: %w", err)
		}
		if !info.IsDir() {
			return fmt.Errorf("-data: %s is not a folder, want one with the four files", e.data)
		}
		files, source = os.DirFS(e.data), fmt.Sprintf("-data %q", e.data)
	}
	var err error
	if e.train, e.test, err = convnet.ReadMNIST(files); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	if len(e.train) == 0 || len(e.test) == 0 {
		return fmt.Errorf("%s: found %d training digits and %d test digits, want at least one of each", source, len(e.train), len(e.test))
	}
	return nil
}

// cacheFolder returns the folder where -full keeps its files.
func cacheFolder() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "convnet", "mnist"), err
}

// fetch downloads what folder lacks of the full MNIST.
func (e *experiment) fetch(ctx context.Context, folder string) error {
	f := download.Fetcher{Mirrors: e.mirrors, Patience: 30 * time.Second, Report: e.progress.afterBytes}
	err := f.Fetch(ctx, folder, e.files)
	e.progress.over("")
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	return err
}
