// Package testenv has what the tests of several programs need: the digits, the repository's
// files, and the reasons to skip a test.
package testenv

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"convnet"
	"convnet/examples/mnist"
)

// All reports whether CONVNET_ALL is set, so that a test can check more than in a quick run.
func All() bool { return os.Getenv("CONVNET_ALL") != "" }

// NeedAll skips a slow test unless CONVNET_ALL is set.
func NeedAll(t testing.TB) {
	t.Helper()
	if !All() {
		t.Skip("slow test: set CONVNET_ALL=1 to run it")
	}
}

// NeedExec skips a test that starts a program where that is impossible, as under emulation.
func NeedExec(t testing.TB) {
	t.Helper()
	if os.Getenv("CONVNET_NO_EXEC") != "" {
		t.Skip("CONVNET_NO_EXEC is set: tests can't start programs here")
	}
}

// Stored reports whether the network has the architecture that the results in the repository
// were measured with.
func Stored() bool {
	n := convnet.NewGradient()
	return len(n.Filters1) == 10 && len(n.Filters1[0]) == 25 && len(n.Filters2) == 20 && len(n.Weights1) == 100 && len(n.Weights2) == 10
}

// NeedStored skips a test, or the rest of it, that compares with stored results if the network
// has another architecture.
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

// Digits returns the embedded digits, which no test may change.
func Digits(t testing.TB) (train, test []convnet.Digit) {
	t.Helper()
	d := digits()
	if d.err != nil {
		t.Fatal(d.err)
	}
	return d.train, d.test
}

// Path returns the path of a file or folder of the repository, given its path from the root.
func Path(t testing.TB, name string) string {
	t.Helper()
	folder, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, filepath.FromSlash(name))
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Fatal("found no go.mod in this folder or above it")
		}
		folder = parent
	}
	t.Fatal(err)
	return ""
}

// ReadFile returns the content of a file of the repository, given its path from the root.
func ReadFile(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
