package trained

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/mnist"
)

// The network reads 99.4% of the test digits or more.
func TestNetwork(t *testing.T) {
	_, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	if len(test) != 10000 {
		t.Fatalf("found %d test digits, want 10,000", len(test))
	}
	correct := Network().Test(test)
	t.Logf("%d of %d", correct, len(test))
	if correct < 9940 {
		t.Errorf("read %d of %d test digits rightly, want 9940 or more", correct, len(test))
	}
}

func TestOpen(t *testing.T) {
	embedded, err := Open("")
	if err != nil || !slices.Equal(embedded.Parameters, Network().Parameters) {
		t.Errorf("without a name (%v): want the embedded network", err)
	}
	name := filepath.Join(t.TempDir(), "new.safetensors")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	saved := convnet.New(3)
	if err := saved.Save(file, nil); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := Open(name); err != nil || !slices.Equal(found.Parameters, saved.Parameters) {
		t.Errorf("%s (%v): want the network that was saved", name, err)
	}
	if err := os.Truncate(name, 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(name); err == nil || !strings.Contains(err.Error(), name+": convnet: offset 1000") {
		t.Errorf("half a file: found the error %v, want one that names it", err)
	}
	if _, err := Open(name + "x"); !os.IsNotExist(err) {
		t.Errorf("no file: found the error %v", err)
	}
}
