package convnet

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// embedded reads the digits in examples/mnist, only once.
var embedded = sync.OnceValue(func() (d struct {
	train, test []Digit
	err         error
}) {
	d.train, d.test, d.err = ReadMNIST(os.DirFS("examples/mnist"))
	return d
})

// readMNIST returns the digits in examples/mnist. Tests share them, so they must not change them.
func readMNIST(t testing.TB) (train, test []Digit) {
	t.Helper()
	d := embedded()
	if d.err != nil {
		t.Fatal(d.err)
	}
	return d.train, d.test
}

// needStored skips the rest of a test if the architecture isn't the one whose results are stored.
func needStored(t testing.TB) {
	t.Helper()
	if [...]int{kernel, filters1, filters2, hidden, classes} != [...]int{5, 10, 20, 100, 10} {
		t.Skip("stored for 10, 20, 100")
	}
}

// A trainer holds a network and everything it takes to train it.
type trainer struct {
	network, grad *Network
	d, a          *Activations
	rate, dropout float64
	rng           *rand.Rand
}

func newTrainer(seed uint64, rate, dropout float64) *trainer {
	return &trainer{New(seed), NewGradient(), NewActivations(), NewActivations(), rate, dropout, rand.New(rand.NewPCG(seed, 1))}
}

func (t *trainer) step(digit Digit) (loss float64) {
	t.a.DrawMasks(t.dropout, t.rng)
	return t.network.TrainStep(t.grad, t.d, t.a, digit, t.rate)
}

// randomNetwork returns a network with all parameters drawn from N(0,1), even the biases.
func randomNetwork(rng *rand.Rand) *Network {
	n := NewGradient()
	fill(n.Parameters, rng, 0)
	return n
}

// A namedTensor is a field of Activations.
type namedTensor struct {
	name   string
	tensor any
	size   int // how many values it must have
}

func tensorsOf(a *Activations) []namedTensor {
	return []namedTensor{
		{"Image", a.Image, ImageSide * ImageSide},
		{"Conv1", a.Conv1, filters1 * conv1Side * conv1Side},
		{"ReLU1", a.ReLU1, filters1 * conv1Side * conv1Side},
		{"Pool1", a.Pool1, filters1 * pool1Side * pool1Side},
		{"Conv2", a.Conv2, filters2 * conv2Side * conv2Side},
		{"ReLU2", a.ReLU2, filters2 * conv2Side * conv2Side},
		{"Pool2", a.Pool2, flat},
		{"Flat", a.Flat, flat},
		{"Drop1", a.Drop1, flat},
		{"Hidden", a.Hidden, hidden},
		{"ReLU3", a.ReLU3, hidden},
		{"Drop2", a.Drop2, hidden},
		{"Logits", a.Logits, classes},
		{"Probabilities", a.Probabilities, classes},
		{"Mask1", a.Mask1, flat},
		{"Mask2", a.Mask2, hidden},
	}
}

// everything returns all values in a.
func everything(a *Activations) (all []float64) {
	for _, t := range tensorsOf(a) {
		all = append(all, values(t.tensor)...)
	}
	return all
}

// setEach sets each value of a tensor, in reading order, to the next result of value.
func setEach(tensor any, value func() float64) {
	switch t := tensor.(type) {
	case []float64:
		for k := range t {
			t[k] = value()
		}
	case [][]float64:
		for _, row := range t {
			setEach(row, value)
		}
	case [][][]float64:
		for _, m := range t {
			setEach(m, value)
		}
	}
}

// setAll sets everything in a to v, except for the masks.
func setAll(a *Activations, v float64) {
	for _, t := range tensorsOf(a) {
		if !strings.HasPrefix(t.name, "Mask") {
			setEach(t.tensor, func() float64 { return v })
		}
	}
}

// The tensors have PyTorch's names and shapes. Together they cover Parameters, in order and without
// gaps.
func TestTensors(t *testing.T) {
	n := NewGradient()
	near(t, "new gradient", n.Parameters, make([]float64, parameters), 0)
	for k := range n.Parameters {
		n.Parameters[k] = float64(k)
	}
	tensors, at := n.Tensors(), 0
	for i, want := range []struct {
		name  string
		shape []int
		data  any
	}{
		{"conv1.weight", []int{filters1, 1, kernel, kernel}, n.Filters1},
		{"conv2.weight", []int{filters2, filters1, kernel, kernel}, n.Filters2},
		{"fc1.weight", []int{hidden, flat}, n.Weights1},
		{"fc1.bias", []int{hidden}, n.Biases1},
		{"fc2.weight", []int{classes, hidden}, n.Weights2},
		{"fc2.bias", []int{classes}, n.Biases2},
	} {
		got := tensors[i]
		if got.Name != want.name || !slices.Equal(got.Shape, want.shape) {
			t.Errorf("tensor %d is %s %v, want %s %v", i, got.Name, got.Shape, want.name, want.shape)
		}
		near(t, want.name, got.Data, want.data, 0)
		size := 1
		for _, length := range got.Shape {
			size *= length
		}
		if got.Data[0] != float64(at) || len(got.Data) != size || cap(got.Data) != size {
			t.Errorf("%s: %d values from parameter %v on, capacity %d, want %d from parameter %d on and no spare capacity", got.Name, len(got.Data), got.Data[0], cap(got.Data), size, at)
		}
		if m, ok := want.data.([][]float64); ok && (len(m) != got.Shape[0] || len(m[0]) != size/got.Shape[0]) {
			t.Errorf("%s: the matrix is %d×%d, want %d×%d", got.Name, len(m), len(m[0]), got.Shape[0], size/got.Shape[0])
		}
		got.Data[0] = -1
		if n.Parameters[at] != -1 {
			t.Errorf("%s: its Data is a copy, want a slice of Parameters", got.Name)
		}
		at += size
	}
	if len(tensors) != 6 || len(n.Parameters) != at {
		t.Errorf("%d tensors with %d values, want 6 with all %d parameters", len(tensors), at, len(n.Parameters))
	}
}

// Only New, NewGradient and Clone make a network that has tensors.
func TestTensorsOfIncompleteNetworkPanics(t *testing.T) {
	for _, size := range []int{0, parameters - 1, parameters + 1} {
		panics(t, fmt.Sprintf("Tensors: the network has %d parameters, want %d: make it with New, NewGradient or Clone", size, parameters), func() {
			(&Network{Parameters: make([]float64, size)}).Tensors()
		})
	}
}

// Each weight is a draw from N(0,1) divided by √fan-in, and each bias is 0.
func TestNewDividesByRootOfFanIn(t *testing.T) {
	fanIn := map[string]float64{"conv1.weight": kernel * kernel, "conv2.weight": filters1 * kernel * kernel, "fc1.weight": flat, "fc2.weight": hidden}
	for _, seed := range []uint64{0, 3, 1<<64 - 1} {
		rng := rand.New(rand.NewPCG(seed, 0))
		for _, tensor := range New(seed).Tensors() {
			root := math.Sqrt(fanIn[tensor.Name])
			sum, squares := 0.0, 0.0
			for k, got := range tensor.Data {
				want := 0.0
				if root > 0 {
					want = rng.NormFloat64() / root
				}
				if got != want {
					t.Fatalf("seed %d: %s: value %d is %v, want %v", seed, tensor.Name, k, got, want)
				}
				sum += got * root
				squares += got * root * got * root
			}
			if count := float64(len(tensor.Data)); root > 0 {
				// Both may be off by five standard errors.
				if mean := sum / count; math.Abs(mean) > 5/math.Sqrt(count) {
					t.Errorf("%s: mean of weight·√fan-in is %.3f, want 0", tensor.Name, mean)
				}
				if variance := squares / count; math.Abs(variance-1) > 5*math.Sqrt(2/count) {
					t.Errorf("%s: variance of weight·√fan-in is %.3f, want 1", tensor.Name, variance)
				}
			}
		}
	}
}

func TestEveryBitOfTheSeedCounts(t *testing.T) {
	first := New(1).Parameters[0]
	for bit := range 64 {
		if seed := uint64(1) ^ 1<<bit; New(seed).Parameters[0] == first {
			t.Errorf("seeds 1 and %d give the same first weight, want different ones", seed)
		}
	}
}

// A clone has the same parameters, but shares no memory with the original.
func TestClone(t *testing.T) {
	n := randomNetwork(rand.New(rand.NewPCG(18, 1)))
	before, clone := slices.Clone(n.Parameters), n.Clone()
	near(t, "clone", clone.Parameters, before, 0)
	near(t, "tensors of the clone", slices.Concat(values(clone.Filters1), values(clone.Filters2),
		values(clone.Weights1), clone.Biases1, values(clone.Weights2), clone.Biases2), before, 0)
	for k := range clone.Parameters {
		clone.Parameters[k]++
	}
	near(t, "network after its clone changed", n.Parameters, before, 0)
	clone.Clear()
	for k := range n.Parameters {
		n.Parameters[k]++
	}
	near(t, "clone after the network changed", clone.Parameters, make([]float64, parameters), 0)
}

// New activations are 0, and their masks keep every unit. No two values share memory.
func TestNewActivations(t *testing.T) {
	a, next := NewActivations(), 0.0
	for _, tensor := range tensorsOf(a) {
		want := make([]float64, tensor.size)
		if strings.HasPrefix(tensor.name, "Mask") {
			want = ones(tensor.size)
		}
		near(t, tensor.name, tensor.tensor, want, 0)
		setEach(tensor.tensor, func() float64 { next++; return next })
	}
	for k, v := range everything(a) {
		if v != float64(k+1) {
			t.Fatalf("values %d and %v of the activations share memory", k+1, v)
		}
	}
}

// DrawMasks drops every unit with probability p, independently of all other units and calls.
func TestDrawMasks(t *testing.T) {
	a, rng := NewActivations(), rand.New(rand.NewPCG(19, 1))
	for _, p := range []float64{0.5, 0, 0.1, 0.8} {
		checkMasks(t, p, func() []float64 {
			a.DrawMasks(p, rng)
			return slices.Concat(a.Mask1, a.Mask2)
		})
	}
	a.DrawMasks(0.5, rng)
	before := everything(a)[:len(everything(a))-flat-hidden]
	near(t, "activations after DrawMasks", before, make([]float64, len(before)), 0)
}

func TestNoDropout(t *testing.T) {
	a := NewActivations()
	for _, p := range []float64{0, 0.5, 0.9} {
		a.DrawMasks(p, rand.New(rand.NewPCG(20, 1)))
		a.NoDropout()
		near(t, "masks", slices.Concat(a.Mask1, a.Mask2), ones(flat+hidden), 0)
	}
}

// The prediction is the class with the largest logit, however large or small that is. On a tie it is
// the first of them.
func TestPrediction(t *testing.T) {
	a := NewActivations()
	for second := range classes {
		for first := range second + 1 { // first = second: no tie
			for _, logits := range [][2]float64{{0, 1}, {-1, -0.5}, {-2, 0}, {1e300, 1e301}, {-inf, -1e300}, {1, 1 + 1e-15}} {
				for k := range a.Logits {
					a.Logits[k] = logits[0]
				}
				a.Logits[first], a.Logits[second] = logits[1], logits[1]
				if got := a.Prediction(); got != first {
					t.Errorf("Prediction() = %d for logits %v, want %d", got, a.Logits, first)
				}
			}
		}
	}
	clear(a.Logits)
	if got := a.Prediction(); got != 0 {
		t.Errorf("Prediction() = %d for equal logits, want 0", got)
	}
	a.Logits[3] = nan
	if got := a.Prediction(); got != 0 {
		t.Errorf("Prediction() = %d for a NaN among zeros, want 0", got)
	}
}

// Each layer of Forward matches what plain loops compute from the previous layer.
func TestForwardEqualsPlainLoops(t *testing.T) {
	t.Parallel()
	_, test := readMNIST(t)
	rng := rand.New(rand.NewPCG(4, 1))
	n, a := New(1), NewActivations()
	fill(n.Biases1, rng, 0)
	fill(n.Biases2, rng, 0)
	before := n.Clone()
	for k, digit := range test[:6] {
		a.DrawMasks([]float64{0, 0.5, 0.8}[k%3], rng)
		mask1, mask2 := slices.Clone(a.Mask1), slices.Clone(a.Mask2)
		setAll(a, 9) // must be overwritten
		image := NewMatrix(ImageSide, ImageSide)
		Unflatten([][][]float64{image}, values(digit.Image))
		n.Forward(a, image)
		near(t, "image after Forward", image, digit.Image, 0)
		clear(image[14]) // a.Image must be a copy
		near(t, "Image", a.Image, digit.Image, 0)
		near(t, "masks", slices.Concat(a.Mask1, a.Mask2), slices.Concat(mask1, mask2), 0)
		near(t, "network", n.Parameters, before.Parameters, 0)

		pool := func(maps [][][]float64) (pooled [][][]float64) {
			for _, m := range maps {
				maxima, _ := naivePool(m)
				pooled = append(pooled, maxima)
			}
			return pooled
		}
		near(t, "Conv1", a.Conv1, naiveConv2D(a.Image, n.Filters1, kernel), 1e-13)
		near(t, "ReLU1", a.ReLU1, naiveReLU(a.Conv1), 0)
		near(t, "Pool1", a.Pool1, pool(a.ReLU1), 0)
		near(t, "Conv2", a.Conv2, naiveConv2D(a.Pool1, n.Filters2, kernel), 1e-13)
		near(t, "ReLU2", a.ReLU2, naiveReLU(a.Conv2), 0)
		near(t, "Pool2", a.Pool2, pool(a.ReLU2), 0)
		near(t, "Flat", a.Flat, a.Pool2, 0)
		near(t, "Drop1", a.Drop1, times(a.Flat, a.Mask1), 0)
		near(t, "Hidden", a.Hidden, naiveConnected(n.Weights1, n.Biases1, a.Drop1), 1e-13)
		near(t, "ReLU3", a.ReLU3, naiveReLU(a.Hidden), 0)
		near(t, "Drop2", a.Drop2, times(a.ReLU3, a.Mask2), 0)
		near(t, "Logits", a.Logits, naiveConnected(n.Weights2, n.Biases2, a.Drop2), 1e-13)
		near(t, "Probabilities", a.Probabilities, naiveSoftmax(a.Logits), 1e-13)
		if slices.Min(values(a.Conv1)) >= 0 || slices.Min(values(a.Conv2)) >= 0 || slices.Min(a.Hidden) >= 0 {
			t.Error("a layer before a ReLU has no negative value, want some")
		}
	}
}

// Each gradient that Backward sets matches what plain loops compute from the one before. The gradients
// of the parameters are added, and nothing else changes. The gradients at ReLU1 and ReLU2 must be set,
// but aren't compared: if all values of a pooling window are 0, it doesn't matter which one gets the
// gradient, because the next line stops it.
func TestBackwardEqualsPlainLoops(t *testing.T) {
	_, test := readMNIST(t)
	rng := rand.New(rand.NewPCG(21, 1))
	n, a, d := New(1), NewActivations(), NewActivations()
	fill(n.Biases1, rng, 0)
	fill(n.Biases2, rng, 0)
	before := n.Clone()
	for label := range classes { // each label once, true or not
		a.DrawMasks([]float64{0.5, 0, 0.8}[label%3], rng)
		n.Forward(a, test[label].Image)
		activations := everything(a)
		setAll(d, 9) // must be overwritten
		grad := randomNetwork(rng)
		old := grad.Clone()
		n.Backward(grad, d, a, label)
		near(t, "network", n.Parameters, before.Parameters, 0)
		near(t, "activations", everything(a), activations, 0)
		for _, tensor := range []any{d.Image, d.Probabilities} {
			nines := make([]float64, len(values(tensor)))
			setEach(nines, func() float64 { return 9 })
			near(t, "d.Image or d.Probabilities, which Backward must not change", tensor, nines, 0)
		}

		// added fails the test unless got is old plus want.
		added := func(what string, got, old, want any) {
			t.Helper()
			sum := slices.Clone(values(old))
			for k, v := range values(want) {
				sum[k] += v
			}
			near(t, "gradient of "+what, got, sum, 1e-14)
		}
		pool := func(in, dOut [][][]float64) (dIn [][][]float64) {
			for c := range in {
				dIn = append(dIn, naivePoolGrad(in[c], dOut[c]))
			}
			return dIn
		}
		target := make([]float64, classes)
		target[label] = 1
		for k, p := range a.Probabilities {
			target[k] = p - target[k]
		}
		near(t, "gradient at Logits", d.Logits, target, 0)
		dWeights2, dDrop2 := naiveConnectedGrad(n.Weights2, a.Drop2, d.Logits)
		added("Weights2", grad.Weights2, old.Weights2, dWeights2)
		added("Biases2", grad.Biases2, old.Biases2, d.Logits)
		near(t, "gradient at Drop2", d.Drop2, dDrop2, 1e-13)
		near(t, "gradient at ReLU3", d.ReLU3, times(d.Drop2, a.Mask2), 0)
		near(t, "gradient at Hidden", d.Hidden, naiveReLUGrad(a.Hidden, d.ReLU3), 0)
		dWeights1, dDrop1 := naiveConnectedGrad(n.Weights1, a.Drop1, d.Hidden)
		added("Weights1", grad.Weights1, old.Weights1, dWeights1)
		added("Biases1", grad.Biases1, old.Biases1, d.Hidden)
		near(t, "gradient at Drop1", d.Drop1, dDrop1, 1e-13)
		near(t, "gradient at Flat", d.Flat, times(d.Drop1, a.Mask1), 0)
		near(t, "gradient at Pool2", d.Pool2, d.Flat, 0)
		near(t, "gradient at Conv2", d.Conv2, naiveReLUGrad(a.Conv2, pool(a.ReLU2, d.Pool2)), 0)
		dFilters2, dPool1 := naiveConv2DGrad(a.Pool1, n.Filters2, d.Conv2)
		added("Filters2", grad.Filters2, old.Filters2, dFilters2)
		near(t, "gradient at Pool1", d.Pool1, dPool1, 1e-13)
		near(t, "gradient at Conv1", d.Conv1, naiveReLUGrad(a.Conv1, pool(a.ReLU1, d.Pool1)), 0)
		dFilters1, _ := naiveConv2DGrad(a.Image, n.Filters1, d.Conv1)
		added("Filters1", grad.Filters1, old.Filters1, dFilters1)
		if slices.Equal(values(d.ReLU1), values(d.Conv1)) || slices.Equal(values(d.ReLU2), values(d.Conv2)) {
			t.Error("a ReLU stops no gradient, want some")
		}
		if slices.Contains(values(d.ReLU1), 9) || slices.Contains(values(d.ReLU2), 9) {
			t.Error("Backward left some gradients at ReLU1 or ReLU2 as they were, want all set")
		}
	}
}

// The exercise in docs/bugs.md changes four lines of Backward, each to use a neighboring activation or
// gradient. Three of the changes make no difference to the result. This test computes both versions
// itself, so it passes whichever of them is in Backward.
func TestNeighbors(t *testing.T) {
	t.Parallel()
	_, test := readMNIST(t)
	n, grad := New(1), NewGradient()
	a, d, ours, theirs := NewActivations(), NewActivations(), NewActivations(), NewActivations()
	rng := rand.New(rand.NewPCG(1, 1))
	nonzero, stopped, moved := 0, 0, 0
	for _, digit := range test[:20] {
		a.DrawMasks(0.5, rng)
		n.Forward(a, digit.Image)
		n.Backward(grad, d, a, digit.Label)
		eachMapGrad(MaxPoolGrad, ours.ReLU2, a.ReLU2, d.Pool2)
		eachMapGrad(ReLUGrad, ours.Conv2, a.Conv2, ours.ReLU2)
		ReLUGrad(asMatrix(ours.Hidden), asMatrix(a.Hidden), asMatrix(d.ReLU3))

		eachMapGrad(ReLUGrad, theirs.Conv2, a.ReLU2, ours.ReLU2)
		near(t, "A: gradient at Conv2", theirs.Conv2, ours.Conv2, 0)

		eachMapGrad(MaxPoolGrad, theirs.ReLU2, a.Conv2, d.Pool2)
		eachMapGrad(ReLUGrad, theirs.Conv2, a.Conv2, theirs.ReLU2)
		near(t, "B: gradient at Conv2", theirs.Conv2, ours.Conv2, 0)

		ReLUGrad(asMatrix(theirs.Hidden), asMatrix(a.Drop2), asMatrix(d.ReLU3))
		near(t, "C: gradient at Hidden", theirs.Hidden, ours.Hidden, 0)

		in, gradB := values(a.Conv2), values(theirs.ReLU2)
		for k, g := range values(ours.ReLU2) {
			if g == 0 {
				continue
			}
			nonzero++
			if in[k] <= 0 {
				stopped++ // but D lets it pass
				if gradB[k] == 0 {
					moved++
				}
			}
		}
	}
	needStored(t)
	if nonzero != 3184 || stopped != 762 || moved != 560 { // docs/bugs.md has these, too
		t.Errorf("%d nonzero gradients at ReLU2, of which the ReLU stops %d, of which B moves %d, want 3184, 762, 560", nonzero, stopped, moved)
	}
}

// Update subtracts rate times its gradient from every parameter, and doesn't change the gradient.
func TestUpdate(t *testing.T) {
	rng := rand.New(rand.NewPCG(22, 1))
	for _, rate := range []float64{0.5, 0, 1e-3, -2} {
		n, grad := randomNetwork(rng), randomNetwork(rng)
		want, gradient := slices.Clone(n.Parameters), slices.Clone(grad.Parameters)
		for k, g := range gradient {
			want[k] -= rate * g
		}
		n.Update(grad, rate)
		near(t, fmt.Sprint("parameters after Update at rate ", rate), n.Parameters, want, rounding)
		near(t, "gradient after Update", grad.Parameters, gradient, 0)
	}
	n, grad := New(1), NewGradient()
	grad.Parameters[7], grad.Parameters[8] = nan, 1e6
	want, gradient := n.Parameters[8]-5e5, slices.Clone(grad.Parameters)
	n.Update(grad, 0.5)
	near(t, "Update with NaN", n.Parameters[7:9], []float64{nan, want}, 0)
	near(t, "gradient after Update with NaN", grad.Parameters, gradient, 0)
}

// Clear sets every parameter to 0, in place.
func TestClear(t *testing.T) {
	n := randomNetwork(rand.New(rand.NewPCG(23, 1)))
	p := n.Parameters
	n.Clear()
	near(t, "parameters after Clear", p, make([]float64, parameters), 0)
	if &p[0] != &n.Parameters[0] || &p[parameters-classes] != &n.Biases2[0] {
		t.Error("Clear allocated new memory, want the parameters cleared in place")
	}
}

// TrainStep does what Forward, Backward and Update do, bit for bit. Then it clears the gradient.
func TestTrainStepIsForwardBackwardUpdate(t *testing.T) {
	train, _ := readMNIST(t)
	got, gotGradient, gotD := New(2), NewGradient(), NewActivations()
	n, grad, d := New(2), NewGradient(), NewActivations()
	a := NewActivations()
	rng := rand.New(rand.NewPCG(2, 1))
	for k, digit := range train[:10] {
		rate := []float64{0.03, 0.001, 0}[k%3]
		a.DrawMasks([]float64{0.5, 0}[k%2], rng)
		loss := got.TrainStep(gotGradient, gotD, a, digit, rate)
		n.Forward(a, digit.Image)
		near(t, "loss", []float64{loss}, []float64{CrossEntropy(a.Logits, digit.Label)}, 0)
		grad.Clear()
		n.Backward(grad, d, a, digit.Label)
		n.Update(grad, rate)
		near(t, fmt.Sprintf("parameters after step %d", k), got.Parameters, n.Parameters, 0)
		near(t, fmt.Sprintf("gradient after step %d", k), gotGradient.Parameters, make([]float64, parameters), 0)
	}
}

// Training moves most parameters in every tensor, whatever the architecture.
func TestTrainStepMovesEveryTensor(t *testing.T) {
	train, _ := readMNIST(t)
	trainer := newTrainer(1, 0.01, 0)
	before := trainer.network.Clone()
	for _, digit := range train[:100] {
		trainer.step(digit)
	}
	for k, tensor := range trainer.network.Tensors() {
		still := 0
		for i, v := range tensor.Data {
			if v == before.Tensors()[k].Data[i] {
				still++
			}
		}
		most := len(tensor.Data) / 4 // some hidden units are 0 for all digits
		if strings.HasPrefix(tensor.Name, "conv") {
			most = len(tensor.Data) / 20
		}
		if still > most {
			t.Errorf("%s: %d of %d parameters haven't moved in 100 steps, want at most %d", tensor.Name, still, len(tensor.Data), most)
		}
	}
}

// TrainStep clears the gradient even if it contains NaN.
func TestTrainStepClearsNaN(t *testing.T) {
	train, _ := readMNIST(t)
	n, grad := New(1), NewGradient()
	n.Biases1[0] = nan
	loss := n.TrainStep(grad, NewActivations(), NewActivations(), train[0], 0.01)
	allNaN(t, "loss", []float64{loss})
	near(t, "gradient after a step", grad.Parameters, make([]float64, parameters), 0)
}

// Predict keeps every unit, whatever masks training left behind.
func TestPredict(t *testing.T) {
	_, test := readMNIST(t)
	n, a, want := New(1), NewActivations(), NewActivations()
	for class := range classes {
		n.Biases2[class] = 100
		a.DrawMasks([]float64{0.5, 0.9}[class%2], rand.New(rand.NewPCG(5, 1)))
		got := n.Predict(a, test[class].Image)
		n.Forward(want, test[class].Image)
		near(t, "activations", everything(a), everything(want), 0)
		if got != class {
			t.Errorf("Predict() = %d, want %d", got, class)
		}
		n.Biases2[class] = 0
	}
}

// constantNetwork returns a network that computes these logits for every image.
func constantNetwork(logits ...float64) *Network {
	n := NewGradient()
	copy(n.Biases2, logits)
	return n
}

// CountCorrect counts all predictions that equal the label, and nothing else.
func TestCountCorrect(t *testing.T) {
	// 10,000 digits, as in the test set. Every third is labeled 1.
	paper, digits := NewMatrix(ImageSide, ImageSide), make([]Digit, 10_000)
	for k := range digits {
		digits[k] = Digit{paper, k % 3}
	}
	if got := constantNetwork(0, 1).CountCorrect(digits); got != 3333 {
		t.Errorf("%d of 10000 correct, want 3333", got)
	}
	if got := constantNetwork(0, 1).CountCorrect(nil); got != 0 {
		t.Errorf("CountCorrect of no digits is %d, want 0", got)
	}
	// Each class in turn has the largest logit. The labels -1 and 10 aren't classes.
	digits = nil
	for label := -1; label <= classes; label++ {
		for range label + 2 {
			digits = append(digits, Digit{paper, label})
		}
	}
	for class := range classes {
		logits := make([]float64, classes)
		logits[class] = 1
		if got := constantNetwork(logits...).CountCorrect(digits); got != class+2 {
			t.Errorf("a network that always predicts %d: %d correct, want %d", class, got, class+2)
		}
	}
	// On real digits it agrees with Predict.
	_, test := readMNIST(t)
	n, a, want := New(1), NewActivations(), 0
	for _, digit := range test[:100] {
		if n.Predict(a, digit.Image) == digit.Label {
			want++
		}
	}
	if got := n.CountCorrect(test[:100]); got != want || want == 0 {
		t.Errorf("%d of 100 correct, want %d, which must not be 0", got, want)
	}
}

// On a tie the prediction is the first of the largest logits. If the label is another one of them, the
// prediction is wrong.
func TestCountCorrectOnTies(t *testing.T) {
	labeled := func(labels ...int) (digits []Digit) {
		for _, label := range labels {
			digits = append(digits, Digit{NewMatrix(ImageSide, ImageSide), label})
		}
		return digits
	}
	for second := range classes {
		for first := range second {
			logits := make([]float64, classes)
			logits[first], logits[second] = 1, 1
			if got := constantNetwork(logits...).CountCorrect(labeled(first, second, second)); got != 1 {
				t.Errorf("logits %v: %d correct for the labels %d, %d and %d, want 1, the first", logits, got, first, second, second)
			}
		}
	}
	equal, broken := constantNetwork(), constantNetwork()
	setEach(broken.Biases2, func() float64 { return nan })
	for _, n := range []*Network{equal, broken} {
		if got := n.CountCorrect(labeled(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)); got != 1 {
			t.Errorf("logits %v: %d correct for the labels 0 to 9, want 1, label 0", n.Biases2, got)
		}
	}
}

// Goroutines that share a network get the same results as one alone.
func TestSharedNetwork(t *testing.T) {
	_, test := readMNIST(t)
	n := New(1)
	grad := func(digits []Digit) []float64 {
		g, d, a := NewGradient(), NewActivations(), NewActivations()
		for _, digit := range digits {
			n.Forward(a, digit.Image)
			n.Backward(g, d, a, digit.Label)
		}
		return g.Parameters
	}
	var wait sync.WaitGroup
	for k := range 4 {
		digits := test[50*k : 50*k+50]
		wantCorrect, wantGradient := n.CountCorrect(digits), grad(digits[:10])
		wait.Add(2)
		go func() {
			defer wait.Done()
			if got := n.CountCorrect(digits); got != wantCorrect {
				t.Errorf("%d correct with other goroutines running, want %d", got, wantCorrect)
			}
		}()
		go func() {
			defer wait.Done()
			if !slices.Equal(grad(digits[:10]), wantGradient) {
				t.Error("the gradient differs with other goroutines running, want the same bits")
			}
		}()
	}
	wait.Wait()
}

// An untrained network knows nothing, so the first loss is near log 10.
func TestFirstLossIsNearLog10(t *testing.T) {
	train, _ := readMNIST(t)
	n, a := New(1), NewActivations()
	sum := 0.0
	for _, digit := range train[:200] {
		n.Forward(a, digit.Image)
		sum += CrossEntropy(a.Logits, digit.Label)
	}
	mean := sum / 200
	t.Logf("the mean loss of an untrained network is %.4f, log 10 is %.4f", mean, math.Ln10)
	if math.Abs(mean-math.Ln10) > 0.15 {
		t.Errorf("the mean loss of an untrained network is %.3f, want about log 10 = %.3f", mean, math.Ln10)
	}
}

// A network that can't overfit twenty digits has a bug in it.
func TestOverfitsTwentyDigits(t *testing.T) {
	t.Parallel()
	train, _ := readMNIST(t)
	trainer := newTrainer(1, 0.02, 0)
	worst := 0.0
	for epoch := 1; epoch <= 60; epoch++ {
		worst = 0
		for _, digit := range train[:20] {
			worst = max(worst, trainer.step(digit))
		}
		if epoch == 1 || epoch%20 == 0 {
			t.Logf("twenty digits, epoch %2d: the largest loss is %.4f", epoch, worst)
		}
	}
	if correct := trainer.network.CountCorrect(train[:20]); correct != 20 || worst > 0.01 {
		t.Errorf("after 60 epochs: %d of 20 correct, worst loss %.4f, want 20 and at most 0.01", correct, worst)
	}
}

// After one epoch on 2,000 digits the network generalizes: it classifies most test digits correctly.
func TestGeneralizes(t *testing.T) {
	t.Parallel()
	train, test := readMNIST(t)
	trainer := newTrainer(1, 0.0062, 0.5)
	before := trainer.network.CountCorrect(test[:500])
	for _, digit := range train[:2000] {
		trainer.step(digit)
	}
	after := trainer.network.CountCorrect(test[:500])
	t.Logf("test digits classified correctly: %d of 500 untrained, %d after 2,000 steps", before, after)
	least := 350
	if flat < 320 {
		least = 250 // a smaller network learns more slowly
	}
	if before > 150 || after < least {
		t.Errorf("test digits classified correctly: %d of 500 untrained, %d after 2,000 steps, want at most 150 and at least %d", before, after, least)
	}
}

// The same seed gives the same bits.
func TestSameSeedSameBits(t *testing.T) {
	train, _ := readMNIST(t)
	run := func(seed uint64) []float64 {
		trainer := newTrainer(seed, 0.01, 0.5)
		for _, digit := range train[:50] {
			trainer.step(digit)
		}
		return trainer.network.Parameters
	}
	first := run(1)
	if !slices.Equal(first, run(1)) {
		t.Error("two runs with seed 1 differ, want the same bits")
	}
	if slices.Equal(first, run(2)) {
		t.Error("runs with seeds 1 and 2 give the same bits, want different ones")
	}
}

// On amd64 we know the bits themselves, for each way to fuse x*y + z. On other processors,
// TestSameSeedSameBits has to do.
func TestDigestOfAShortRun(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		return
	}
	needStored(t)
	train, _ := readMNIST(t)
	trainer := newTrainer(1, 0.0062, 0.5)
	sum := 0.0
	for _, digit := range train[:100] {
		sum += trainer.step(digit)
	}
	digest := crc32.NewIEEE()
	if err := binary.Write(digest, binary.LittleEndian, append(trainer.network.Parameters, sum)); err != nil {
		t.Fatal(err)
	}
	switch got := digest.Sum32(); got {
	case 0x26030366: // only math.Exp fuses, as usual
	case 0xd1cd4fbb: // nothing fuses: an older processor, or GODEBUG=cpu.fma=off
	case 0xd138f4d7: // the compiler fuses, too: GOAMD64=v3 and Go 1.25 or later
	case 0xf0698208: // the same with -race, which makes the compiler fuse less
	default:
		t.Errorf("the digest of 100 steps is %#08x, want one of the above", got)
	}
}

func TestNothingIsAllocatedPerDigit(t *testing.T) {
	train, _ := readMNIST(t)
	trainer := newTrainer(1, 0.01, 0.5)
	a := NewActivations()
	k := 0
	most := 0.0
	if filters1*kernel*pool1Side > 1024 || max(flat, hidden) > 512 {
		most = 4 // for layers that are larger than the buffers on the stack
	}
	if got := testing.AllocsPerRun(20, func() { trainer.step(train[k]); k++ }); got > most {
		t.Errorf("a training step allocates %v times, want at most %v", got, most)
	}
	if got := testing.AllocsPerRun(20, func() { trainer.network.Predict(a, train[0].Image) }); got > most {
		t.Errorf("a prediction allocates %v times, want at most %v", got, most)
	}
}
