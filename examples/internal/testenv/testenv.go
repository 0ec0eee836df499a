// Package testenv has what tests of several packages need: the digits, the files of the repository,
// and the conditions under which a test is skipped.
package testenv

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"convnet"
	"convnet/examples/mnist"
)

// All reports whether CONVNET_ALL is set. If it is, a test may take its time and check more.
func All() bool { return os.Getenv("CONVNET_ALL") != "" }

// NeedAll skips a slow test unless CONVNET_ALL is set.
func NeedAll(t testing.TB) {
	t.Helper()
	if !All() {
		t.Skip("slow test: set CONVNET_ALL=1 to run it")
	}
}

// NeedExec skips a test that starts programs if CONVNET_NO_EXEC says that's impossible, for example
// under emulation.
func NeedExec(t testing.TB) {
	t.Helper()
	if os.Getenv("CONVNET_NO_EXEC") != "" {
		t.Skip("CONVNET_NO_EXEC is set: tests can't start programs here")
	}
}

// Symlink makes a symbolic link, or skips the rest of a test where that isn't allowed, as on many Windows
// machines. Wine allows it, but what it makes is no link.
func Symlink(t testing.TB, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Skipf("can't make a symbolic link: %v", err)
	}
	if info, err := os.Lstat(name); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Skip("can't make a symbolic link here")
	}
}

// Stored reports whether the network has the architecture whose results are stored in the
// repository.
func Stored() bool {
	n := convnet.NewGradient()
	return len(n.Filters1) == 10 && len(n.Filters1[0]) == 25 && len(n.Filters2) == 20 && len(n.Weights1) == 100 && len(n.Weights2) == 10
}

// NeedStored skips the rest of a test if the architecture isn't the one whose results are stored.
func NeedStored(t testing.TB) {
	t.Helper()
	if !Stored() {
		t.Skip("stored for 10, 20, 100")
	}
}

var digits = sync.OnceValue(func() (d struct {
	train, test []convnet.Digit
	err         error
}) {
	d.train, d.test, d.err = convnet.ReadMNIST(mnist.Files)
	return d
})

// Digits returns the embedded digits. Tests share them, so they must not change them.
func Digits(t testing.TB) (train, test []convnet.Digit) {
	t.Helper()
	d := digits()
	if d.err != nil {
		t.Fatal(d.err)
	}
	return d.train, d.test
}

// Path returns the path of a file or folder in the repository, given its path from the root.
func Path(t testing.TB, name string) string {
	t.Helper()
	folder, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, filepath.FromSlash(name))
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Fatal("found no go.mod in this folder or any above it")
		}
		folder = parent
	}
	t.Fatal(err)
	return ""
}

// ReadFile returns the content of a file in the repository, given its path from the root.
func ReadFile(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
