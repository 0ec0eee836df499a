package trained

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
	"convnet/examples/model"
)

// The embedded network has a test accuracy of at least 99.4%.
func TestNetwork(t *testing.T) {
	testenv.NeedStored(t)
	_, test := testenv.Digits(t)
	if len(test) != 10000 {
		t.Fatalf("found %d test digits, want 10000", len(test))
	}
	network, err := Network()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1000, 10000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			if size > 1000 {
				testenv.NeedAll(t)
			}
			correct := network.CountCorrect(test[:size])
			t.Logf("%d of %d", correct, size)
			if correct < size*994/1000 {
				t.Errorf("%d of %d test digits classified correctly, want 99.4%% or more", correct, size)
			}
		})
	}
}

func TestOpenWithoutName(t *testing.T) {
	testenv.NeedStored(t)
	network, err := Network()
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(network.Parameters)
	embedded, err := Open("")
	if err != nil || !slices.Equal(embedded.Parameters, want) {
		t.Errorf("error %v, want the embedded network", err)
	}
	embedded.Parameters[0]++
	if again, err := Open(""); err != nil || !slices.Equal(again.Parameters, want) {
		t.Errorf("a second time: error %v, want another copy of the embedded network", err)
	}
}

// save writes a network to a file and returns its name.
func save(t *testing.T, n *convnet.Network, metadata map[string]string) string {
	t.Helper()
	var file bytes.Buffer
	if err := model.Save(&file, n, metadata); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "new.safetensors")
	if err := os.WriteFile(name, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// Open ignores the metadata, both of examples/train and of an earlier version that used other
// keys.
func TestOpen(t *testing.T) {
	saved := convnet.New(3)
	var name string
	for _, metadata := range []map[string]string{
		nil,
		{"epochs": "10", "schedule": "linear", "position": "set 1 epoch 3 digit 10", "correct": "9"},
		{"passes": "10", "decay": "true", "learned": "set 1 pass 3 digit 10", "right": "9"},
	} {
		name = save(t, saved, metadata)
		if found, err := Open(name); err != nil || !slices.Equal(found.Parameters, saved.Parameters) {
			t.Errorf("metadata %v: error %v, want the network that was saved", metadata, err)
		}
	}
	if err := os.Truncate(name, 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(name); err == nil || !strings.Contains(err.Error(), name+": model: offset 1000") {
		t.Errorf("truncated file: error %v, want one that names it", err)
	}
	if _, err := Open(name + "x"); !os.IsNotExist(err) {
		t.Errorf("no file: error %v, want one that says that it doesn't exist", err)
	}
}

// If the embedded network has another shape than convnet's, programs must not panic, but print
// one line that says what to do.
func TestModelOfAnotherShape(t *testing.T) {
	n := convnet.New(1)
	filters, side := len(n.Filters1), n.Tensors()[0].Shape[3]
	name := save(t, n, nil)
	sound, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	shape := func(filters int) []byte { return fmt.Appendf(nil, `"shape":[%d,1,%d,%d]`, filters, side, side) }
	more := filters + 1 // with as many digits, so the header keeps its length
	if len(fmt.Sprint(more)) != len(fmt.Sprint(filters)) {
		more = filters - 1
	}
	if !bytes.Contains(sound, shape(filters)) {
		t.Fatalf("found no %s in the model", shape(filters))
	}
	changed := bytes.Replace(sound, shape(filters), shape(more), 1)
	if err := os.WriteFile(name, changed, 0o644); err != nil {
		t.Fatal(err)
	}
	embedded := file
	defer func() { file = embedded }()
	file = changed
	want := fmt.Sprintf("model: tensor conv1.weight: found shape [%d 1 %d %d], want [%d 1 %[2]d %[2]d]: "+
		"train a model that fits with go run ./examples/train -out new and pass it with -model new/model.safetensors", more, side, side, filters)
	if n, err := Network(); n != nil || err == nil || err.Error() != "the embedded "+want {
		t.Errorf("error %v, want %q", err, "the embedded "+want)
	}
	if n, err := Open(""); n != nil || err == nil || err.Error() != "the embedded "+want {
		t.Errorf("without a name: error %v, want %q", err, "the embedded "+want)
	}
	if n, err := Open(name); n != nil || err == nil || err.Error() != name+": "+want {
		t.Errorf("a file: error %v, want %q", err, name+": "+want)
	}
}
