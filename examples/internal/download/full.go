package download

import (
	"fmt"
	"os"
	"path/filepath"

	"convnet"
)

// Cache returns the folder where go run ./examples/train -full keeps the full MNIST.
func Cache() (string, error) {
	folder, err := os.UserCacheDir()
	return filepath.Join(folder, "convnet", "mnist"), err
}

// Folder returns the folder with the full MNIST: data, or the cache if data is empty. It returns an
// error if the cache doesn't have all files yet.
func Folder(data string) (string, error) {
	if data != "" {
		return data, nil
	}
	cache, err := Cache()
	if err != nil {
		return "", fmt.Errorf("the full MNIST: %w: use -data DIR", err)
	}
	for _, file := range MNIST {
		if _, err := os.Stat(filepath.Join(cache, file.Name)); err != nil {
			return "", fmt.Errorf("the full MNIST: %w: run go run ./examples/train -full, which downloads it first, or use -data DIR", err)
		}
	}
	return cache, nil
}

// Full reads the full MNIST from the folder data, or from the cache if data is empty.
func Full(data string) (train, test []convnet.Digit, err error) {
	return read(data, 60000, 10000)
}

// read reads a data set that must have this many training and test digits.
func read(data string, trainCount, testCount int) (train, test []convnet.Digit, err error) {
	folder, err := Folder(data)
	if err != nil {
		return nil, nil, err
	}
	train, test, err = convnet.ReadMNIST(os.DirFS(folder))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", folder, err)
	}
	if len(train) != trainCount || len(test) != testCount {
		return nil, nil, fmt.Errorf("%s: found %d training digits and %d test digits, want the full MNIST, %d and %d", folder, len(train), len(test), trainCount, testCount)
	}
	return train, test, nil
}
