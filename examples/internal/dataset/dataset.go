// Package dataset reads MNIST and the data sets that were made like it from a folder, as they come.
package dataset

import (
	"io/fs"
	"strings"

	"convnet"
)

// sets lists how the names of the files begin, for the training set and for the test set.
var sets = [][2]string{
	{"train", "t10k"}, // MNIST, Fashion-MNIST and KMNIST
	{"qmnist-train", "qmnist-test"},
	{"emnist-digits-train", "emnist-digits-test"},
	{"emnist-mnist-train", "emnist-mnist-test"},
}

const images = "-images-idx3-ubyte" // how the names of files with images end

// Read reads a data set from the four files in a folder, as convnet.ReadMNIST does. It also takes the
// files of QMNIST, whose labels have another format, and of EMNIST, whose digits are transposed: rows and
// columns are swapped. Read turns them upright, and turned reports whether it did. It recognizes both by
// their content, so the files may have MNIST's names.
func Read(folder fs.FS) (train, test []convnet.Digit, turned bool, err error) {
	names := sets[0]
	for _, set := range sets {
		if find(folder, set[0]+images) != "" {
			names = set
			break
		}
	}
	if train, err = readSet(folder, names[0]); err != nil {
		return nil, nil, false, err
	}
	if test, err = readSet(folder, names[1]); err != nil {
		return nil, nil, false, err
	}
	turnTrain, err := transposed(train)
	if err != nil {
		return nil, nil, false, err
	}
	turnTest := turnTrain
	if len(test) >= enough {
		if turnTest, err = transposed(test); err != nil {
			return nil, nil, false, err
		}
	}
	if turnTrain {
		turn(train)
	}
	if turnTest {
		turn(test)
	}
	return train, test, turnTrain || turnTest, nil
}

// readSet reads the images and the labels whose files' names begin with set.
func readSet(folder fs.FS, set string) ([]convnet.Digit, error) {
	labels := find(folder, set+"-labels-idx1-ubyte")
	if labels == "" {
		labels = find(folder, set+"-labels-idx2-int")
	}
	if labels == "" {
		labels = set + "-labels-idx1-ubyte" // ReadDigits says that it's missing
	}
	return convnet.ReadDigits(plainLabels{folder, labels}, set+images, labels)
}

// find returns the name under which a folder holds a file, gzipped or not, or "".
func find(folder fs.FS, name string) string {
	dotted := strings.Replace(name, "-idx", ".idx", 1)
	for _, name := range []string{name, name + ".gz", dotted, dotted + ".gz"} {
		if info, err := fs.Stat(folder, name); err == nil && !info.IsDir() {
			return name
		}
	}
	return ""
}
