package trained

import (
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
