package trained

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/mnist"
	"convnet/examples/model"
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
	network, err := Network()
	if err != nil {
		t.Fatal(err)
	}
	correct := network.Test(test)
	t.Logf("%d of %d", correct, len(test))
	if correct < 9940 {
		t.Errorf("read %d of %d test digits rightly, want 9940 or more", correct, len(test))
	}
}

func TestOpen(t *testing.T) {
	network, err := Network()
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(network.Parameters)
	embedded, err := Open("")
	if err != nil || !slices.Equal(embedded.Parameters, want) {
		t.Errorf("without a name (%v): want the embedded network", err)
	}
	embedded.Parameters[0]++
	if again, err := Open(""); err != nil || !slices.Equal(again.Parameters, want) {
		t.Errorf("a second time (%v): want another copy of the embedded network", err)
	}
	name := filepath.Join(t.TempDir(), "new.safetensors")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	saved := convnet.New(3)
	if err := model.Save(file, saved, nil); err != nil {
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
	if _, err := Open(name); err == nil || !strings.Contains(err.Error(), name+": model: offset 1000") {
		t.Errorf("half a file: found the error %v, want one that names it", err)
	}
	if _, err := Open(name + "x"); !os.IsNotExist(err) {
		t.Errorf("no file: found the error %v", err)
	}
}

// If convnet's network has another shape than the embedded model, programs must print
// one line that says what to do, and not panic.
func TestModelOfAnotherShape(t *testing.T) {
	const found, changed = `"shape":[10,1,5,5]`, `"shape":[12,1,5,5]`
	if !bytes.Contains(file, []byte(found)) {
		t.Fatalf("the embedded model has no %s", found)
	}
	sound := file
	defer func() { file = sound }()
	file = bytes.Replace(sound, []byte(found), []byte(changed), 1)
	const want = "model: tensor conv1.weight: found shape [12 1 5 5], want [10 1 5 5]: " +
		"train a model that fits with go run ./examples/train -out out and pass it with -model out/model.safetensors"
	if n, err := Network(); n != nil || err == nil || err.Error() != "the embedded "+want {
		t.Errorf("found the error %v, want %q", err, "the embedded "+want)
	}
	if n, err := Open(""); n != nil || err == nil || err.Error() != "the embedded "+want {
		t.Errorf("without a name: found the error %v, want %q", err, "the embedded "+want)
	}
	name := filepath.Join(t.TempDir(), "twelve.safetensors")
	if err := os.WriteFile(name, file, 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := Open(name); n != nil || err == nil || err.Error() != name+": "+want {
		t.Errorf("a file: found the error %v, want %q", err, name+": "+want)
	}
}
