// Package convnet is a convolutional neural network that reads handwritten
// digits, written from nothing to be read: layer.go holds the helper functions
// with their gradients, convnet.go wires them into one network, mnist.go reads
// the digits.
//
//	28×28 pixels → convolution, 10 filters 1×5×5 → 10×24×24 → ReLU → max-pool 2×2 → 10×12×12
//	             → convolution, 20 filters 10×5×5 → 20×8×8 → ReLU → max-pool 2×2 → 20×4×4
//	             → flatten 320 → dropout → fully connected 100 → ReLU → dropout
//	             → fully connected 10 → softmax → cross-entropy
//
// Training is plain stochastic gradient descent, one digit at a time:
//
//	train, test, err := convnet.ReadMNIST(os.DirFS("examples/mnist"))
//	network := convnet.New(1)
//	trainer := convnet.NewTrainer(network, 0.01, 0.5, 1)
//	for _, digit := range train {
//		loss := trainer.Step(digit)
//	}
//	fmt.Println(network.Test(test), "of", len(test))
//
// Everything is repeatable: the same seed gives the same bits on the same
// GOARCH, GOAMD64 level, Go release and kind of processor.
package convnet

import (
	"math"
	"math/rand/v2"
)

// A Network is the network's parameters, 38,360 numbers. The gradient of a
// loss has the shape of what it is the gradient of, so it is a Network too.
//
// Several goroutines may share one Network as long as none writes to it, each
// with Activations, errors and a gradient of its own.
type Network struct {
	Filters1 [][][][]float64 // 10×1×5×5: filter, channel, row, column
	Filters2 [][][][]float64 // 20×10×5×5
	Weights1 [][]float64     // 100×320: output, input
	Biases1  []float64       // 100
	Weights2 [][]float64     // 10×100
	Biases2  []float64       // 10

	// Parameters holds the numbers of the six tensors above, one after the
	// other; the tensors lie over it and must not be given other memory.
	Parameters []float64
}

// layout names the tensors in the order of Parameters, as PyTorch would.
var layout = []struct {
	name  string
	shape []int
}{
	{"conv1.weight", []int{10, 1, 5, 5}},
	{"conv2.weight", []int{20, 10, 5, 5}},
	{"fc1.weight", []int{100, 320}},
	{"fc1.bias", []int{100}},
	{"fc2.weight", []int{10, 100}},
	{"fc2.bias", []int{10}},
}

// size returns how many numbers a tensor of that shape has.
func size(shape []int) int {
	product := 1
	for _, n := range shape {
		product *= n
	}
	return product
}

// NewGradient returns a Network of zeros, to which Backward can add.
func NewGradient() *Network {
	n := &Network{}
	for _, tensor := range layout {
		n.Parameters = append(n.Parameters, make([]float64, size(tensor.shape))...)
	}
	rest := n.Parameters
	matrix := func(rows, cols int) [][]float64 {
		m := matrixOn(rest, rows, cols)
		rest = rest[rows*cols:]
		return m
	}
	filters := func(count, channels int) [][][][]float64 {
		bank := make([][][][]float64, count)
		for f := range bank {
			for range channels {
				bank[f] = append(bank[f], matrix(5, 5))
			}
		}
		return bank
	}
	n.Filters1 = filters(10, 1)
	n.Filters2 = filters(20, 10)
	n.Weights1 = matrix(100, 320)
	n.Biases1 = matrix(1, 100)[0]
	n.Weights2 = matrix(10, 100)
	n.Biases2 = matrix(1, 10)[0]
	return n
}

// New returns a network ready for training: each weight is drawn from N(0,1)
// and divided by √fan-in, where the fan-in is how many numbers feed one
// output: 25, 250, 320, 100. A sum of fan-in products then has about the size
// of its inputs, and neither grows nor dies from layer to layer. Biases are 0.
func New(seed uint64) *Network {
	n := NewGradient()
	rng := rand.New(rand.NewPCG(seed, 0))
	rest := n.Parameters
	for _, tensor := range layout {
		numbers := rest[:size(tensor.shape)]
		rest = rest[len(numbers):]
		if len(tensor.shape) == 1 {
			continue // a bias
		}
		fanIn := size(tensor.shape[1:])
		for k := range numbers {
			numbers[k] = rng.NormFloat64() / math.Sqrt(float64(fanIn))
		}
	}
	return n
}

// Activations is everything computed on the way from a picture to its loss,
// kept for Backward and for whoever wants to look. An error has the shape of
// what it is the error of, so the errors, ∂loss/∂activation, are Activations
// too; Masks and Probabilities mean nothing there.
type Activations struct {
	Image  [][][]float64 // 1×28×28
	Conv1  [][][]float64 // 10×24×24
	ReLU1  [][][]float64 // 10×24×24
	Pool1  [][][]float64 // 10×12×12
	Conv2  [][][]float64 // 20×8×8
	ReLU2  [][][]float64 // 20×8×8
	Pool2  [][][]float64 // 20×4×4
	Flat   []float64     // 320
	Drop1  []float64     // 320
	Hidden []float64     // 100
	ReLU3  []float64     // 100
	Drop2  []float64     // 100
	Logits []float64     // 10

	Probabilities []float64 // 10

	// Mask1 and Mask2 are drawn, not computed: 320 and 100 factors, 0 for a
	// unit that is dropped. New Activations keep every unit.
	Mask1, Mask2 []float64
}

// NewActivations returns Activations of zeros that drop no unit.
func NewActivations() *Activations {
	a := &Activations{
		Image:         NewMaps(1, 28, 28),
		Conv1:         NewMaps(10, 24, 24),
		ReLU1:         NewMaps(10, 24, 24),
		Pool1:         NewMaps(10, 12, 12),
		Conv2:         NewMaps(20, 8, 8),
		ReLU2:         NewMaps(20, 8, 8),
		Pool2:         NewMaps(20, 4, 4),
		Flat:          make([]float64, 320),
		Drop1:         make([]float64, 320),
		Hidden:        make([]float64, 100),
		ReLU3:         make([]float64, 100),
		Drop2:         make([]float64, 100),
		Logits:        make([]float64, 10),
		Probabilities: make([]float64, 10),
		Mask1:         make([]float64, 320),
		Mask2:         make([]float64, 100),
	}
	a.KeepAll()
	return a
}

// DrawMasks drops each unit with probability rate, in every Forward and
// Backward until the masks are set anew.
func (a *Activations) DrawMasks(rate float64, rng *rand.Rand) {
	DropoutMask(a.Mask1, rate, rng)
	DropoutMask(a.Mask2, rate, rng)
}

// KeepAll sets masks that drop no unit.
func (a *Activations) KeepAll() {
	for x := range a.Mask1 {
		a.Mask1[x] = 1
	}
	for x := range a.Mask2 {
		a.Mask2[x] = 1
	}
}

// Answer returns the digit with the largest logit, the first on a tie.
func (a *Activations) Answer() int {
	best := 0
	for digit, logit := range a.Logits {
		if logit > a.Logits[best] {
			best = digit
		}
	}
	return best
}

// Forward computes the activations of image, 28×28, with the masks as they
// stand in a. It only reads n.
func (n *Network) Forward(a *Activations, image [][]float64) {
	checkSize("Forward", "image", image, 28, 28)
	for y, row := range image {
		copy(a.Image[0][y], row)
	}
	convLayer(a.Conv1, a.Image, n.Filters1)
	reluLayer(a.ReLU1, a.Conv1)
	poolLayer(a.Pool1, a.ReLU1)
	convLayer(a.Conv2, a.Pool1, n.Filters2)
	reluLayer(a.ReLU2, a.Conv2)
	poolLayer(a.Pool2, a.ReLU2)
	Flatten(a.Flat, a.Pool2)
	Dropout(a.Drop1, a.Flat, a.Mask1)
	FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)
	ReLU(a.ReLU3, a.Hidden)
	Dropout(a.Drop2, a.ReLU3, a.Mask2)
	FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
	Softmax(a.Probabilities, a.Logits)
}

// Backward carries the loss of label back through the activations that
// Forward left in a: Forward read from the last line to the first. It sets
// errors and adds to gradient, so that the digits of a batch sum up; it only
// reads n and a. No two of them may be the same.
func (n *Network) Backward(gradient *Network, errors, a *Activations, label int) {
	CrossEntropyGrad(errors.Logits, a.Probabilities, label)
	AddFullyConnectedWeightGrad(gradient.Weights2, gradient.Biases2, a.Drop2, errors.Logits)
	FullyConnectedInputGrad(errors.Drop2, n.Weights2, errors.Logits)
	Dropout(errors.ReLU3, errors.Drop2, a.Mask2)
	ReLUGrad(errors.Hidden, a.Hidden, errors.ReLU3)
	AddFullyConnectedWeightGrad(gradient.Weights1, gradient.Biases1, a.Drop1, errors.Hidden)
	FullyConnectedInputGrad(errors.Drop1, n.Weights1, errors.Hidden)
	Dropout(errors.Flat, errors.Drop1, a.Mask1)
	Unflatten(errors.Pool2, errors.Flat)
	poolLayerGrad(errors.ReLU2, a.ReLU2, errors.Pool2)
	reluLayerGrad(errors.Conv2, a.Conv2, errors.ReLU2)
	convLayerGrad(gradient.Filters2, errors.Pool1, n.Filters2, a.Pool1, errors.Conv2)
	poolLayerGrad(errors.ReLU1, a.ReLU1, errors.Pool1)
	reluLayerGrad(errors.Conv1, a.Conv1, errors.ReLU1)
	convLayerGrad(gradient.Filters1, errors.Image, n.Filters1, a.Image, errors.Conv1)
}

// convLayer sets dst to the feature maps of in: for every filter, for every
// channel, slide one kernel over one map and add.
//
//	in: 10×12×12, filters: 20×10×5×5, dst: 20×8×8
func convLayer(dst, in [][][]float64, filters [][][][]float64) {
	for f, filter := range filters {
		clearMap(dst[f])
		for c, kernel := range filter {
			AddConv2D(dst[f], in[c], kernel)
		}
	}
}

// convLayerGrad adds to dFilters and sets dIn.
func convLayerGrad(dFilters [][][][]float64, dIn [][][]float64, filters [][][][]float64, in, dOut [][][]float64) {
	for c := range dIn {
		clearMap(dIn[c])
	}
	for f, filter := range filters {
		for c, kernel := range filter {
			AddConv2DKernelGrad(dFilters[f][c], in[c], dOut[f])
			AddConv2DInputGrad(dIn[c], kernel, dOut[f])
		}
	}
}

func clearMap(m [][]float64) {
	for _, row := range m {
		clear(row)
	}
}

func reluLayer(dst, in [][][]float64) {
	for c := range in {
		for y := range in[c] {
			ReLU(dst[c][y], in[c][y])
		}
	}
}

func reluLayerGrad(dIn, in, dOut [][][]float64) {
	for c := range in {
		for y := range in[c] {
			ReLUGrad(dIn[c][y], in[c][y], dOut[c][y])
		}
	}
}

func poolLayer(dst, in [][][]float64) {
	for c := range in {
		MaxPool(dst[c], in[c])
	}
}

func poolLayerGrad(dIn, in, dOut [][][]float64) {
	for c := range in {
		MaxPoolGrad(dIn[c], in[c], dOut[c])
	}
}

// Update takes one step of gradient descent: every parameter moves against
// its gradient, p −= rate·g.
func (n *Network) Update(gradient *Network, rate float64) {
	p := n.Parameters
	for k, g := range gradient.Parameters[:len(p)] {
		p[k] -= rate * g
	}
}

// Clear sets every parameter to 0, as a gradient wants it before Backward.
func (n *Network) Clear() {
	clear(n.Parameters)
}

// Predict returns the digit that n reads in image, with every unit kept.
func (n *Network) Predict(a *Activations, image [][]float64) int {
	a.KeepAll()
	n.Forward(a, image)
	return a.Answer()
}

// Test returns how many of the digits n reads as they were meant.
func (n *Network) Test(digits []Digit) (correct int) {
	a := NewActivations()
	for _, digit := range digits {
		if n.Predict(a, digit.Image) == digit.Label {
			correct++
		}
	}
	return correct
}

// A Trainer trains a network by plain stochastic gradient descent, one digit
// at a time. It holds all that a step writes, so a step allocates nothing.
type Trainer struct {
	Network     *Network
	Activations *Activations // of the last digit
	Errors      *Activations // of the last digit
	Gradient    *Network     // zeros between steps
	Rate        float64      // how far a step goes, above 0
	Dropout     float64      // the probability that a unit is dropped, 0 ≤ Dropout < 1

	seed, steps uint64
	source      *rand.PCG
	rng         *rand.Rand
}

// NewTrainer returns a Trainer of n. The dropout masks of its t-th step
// depend on seed and t alone.
func NewTrainer(n *Network, rate, dropout float64, seed uint64) *Trainer {
	source := rand.NewPCG(seed, 0)
	return &Trainer{
		Network:     n,
		Activations: NewActivations(),
		Errors:      NewActivations(),
		Gradient:    NewGradient(),
		Rate:        rate,
		Dropout:     dropout,
		seed:        seed,
		source:      source,
		rng:         rand.New(source),
	}
}

// Step learns from one digit and returns its loss before the step.
func (t *Trainer) Step(digit Digit) (loss float64) {
	t.steps++
	t.source.Seed(t.seed, t.steps)
	t.Activations.DrawMasks(t.Dropout, t.rng)
	t.Network.Forward(t.Activations, digit.Image)
	t.Network.Backward(t.Gradient, t.Errors, t.Activations, digit.Label)
	t.Network.Update(t.Gradient, t.Rate)
	t.Gradient.Clear()
	return CrossEntropy(t.Activations.Logits, digit.Label)
}
