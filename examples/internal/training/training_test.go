package training

import (
	"math"
	"slices"
	"testing"

	"convnet"
	"convnet/examples/mnist"
)

// The masks of a step depend on the seed and the step's number alone, differ
// from step to step, and drop about every second unit.
func TestMasks(t *testing.T) {
	train, _, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	masks := func(t *Trainer) []float64 {
		return slices.Concat(t.Activations.Mask1, t.Activations.Mask2)
	}
	a, b := New(convnet.New(1), 0.01, 0.5, 1), New(convnet.New(2), 0.02, 0.5, 1)
	other := New(convnet.New(1), 0.01, 0.5, 2)
	kept, same, units := 0, 0, 0
	var last []float64
	for k := range 200 {
		a.Step(train[k])
		b.Step(train[k+1])
		other.Step(train[k])
		mask := masks(a)
		if !slices.Equal(mask, masks(b)) {
			t.Fatalf("step %d: the same seed draws other masks", k)
		}
		if slices.Equal(mask, masks(other)) {
			t.Fatalf("step %d: seeds 1 and 2 draw the same masks", k)
		}
		for x, m := range mask {
			units++
			if m > 0 {
				kept++
			}
			if last != nil && last[x] == m {
				same++
			}
		}
		last = mask
	}
	slack := 5 * math.Sqrt(float64(units)) / 2
	if math.Abs(float64(kept)-float64(units)/2) > slack {
		t.Errorf("kept %d of %d units, want half ± %.0f", kept, units, slack)
	}
	if math.Abs(float64(same)-float64(units-420)/2) > slack {
		t.Errorf("%d of %d units fare as in the step before, want half ± %.0f", same, units-420, slack)
	}
}

// The same seed gives the same bits, another seed others.
func TestSameSeedSameBits(t *testing.T) {
	train, _, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	run := func(seed uint64) []float64 {
		trainer := New(convnet.New(1), 0.01, 0.5, seed)
		for _, digit := range train[:50] {
			trainer.Step(digit)
		}
		return trainer.Network.Parameters
	}
	first := run(1)
	if !slices.Equal(first, run(1)) {
		t.Error("two runs with seed 1 differ")
	}
	if slices.Equal(first, run(2)) {
		t.Error("runs with seeds 1 and 2 are the same")
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	train, _, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	trainer := New(convnet.New(1), 0.01, 0.5, 1)
	if got := testing.AllocsPerRun(20, func() { trainer.Step(train[0]) }); got != 0 {
		t.Errorf("a step allocates %v times, want 0", got)
	}
}
