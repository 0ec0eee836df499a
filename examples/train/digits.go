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
	"convnet/examples/internal/fetch"
	"convnet/examples/mnist"
)

// readDigits reads the digits that the flags name.
func (e *experiment) readDigits(ctx context.Context) error {
	var files fs.FS = mnist.Files
	name := "embedded"
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
			return fmt.Errorf("-full: %w; -data DIR is the other way: it reads the four files from a folder of yours", err)
		}
		files, name = os.DirFS(folder), "of -full"
	case e.data != "":
		info, err := os.Stat(e.data)
		if err != nil {
			return fmt.Errorf("-data: %w", err)
		}
		if !info.IsDir() {
			return fmt.Errorf("-data: %s is a file, want a folder", e.data)
		}
		files, name = os.DirFS(e.data), fmt.Sprintf("of -data %q", e.data)
	}
	var err error
	if e.train, e.test, err = convnet.ReadMNIST(files); err != nil {
		return fmt.Errorf("the digits %s: %w", name, err)
	}
	if len(e.train) == 0 || len(e.test) == 0 {
		return fmt.Errorf("the digits %s: found %d training digits and %d test digits, want some of each", name, len(e.train), len(e.test))
	}
	return nil
}

// cacheFolder is where -full keeps its files.
func cacheFolder() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "convnet", "mnist"), err
}

// fetch has folder hold the files of the full MNIST.
func (e *experiment) fetch(ctx context.Context, folder string) error {
	f := fetch.Fetcher{Mirrors: e.mirrors, Patience: 30 * time.Second, Report: e.progress.afterBytes}
	err := f.Fetch(ctx, folder, e.files)
	e.progress.over("")
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	return err
}
