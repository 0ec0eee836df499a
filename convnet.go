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
// An [Activations] is everything computed on that way, an error is ∂loss/∂activation,
// a gradient is a [Network] again. Training is plain stochastic gradient descent, a
// step for each digit:
//
//	train, test, err := convnet.ReadMNIST(os.DirFS("examples/mnist"))
//	…
//	network, gradient := convnet.New(1), convnet.NewGradient()
//	a, errors := convnet.NewActivations(), convnet.NewActivations()
//	rng := rand.New(rand.NewPCG(1, 1))
//	for _, digit := range train {
//		a.DrawMasks(0.5, rng)
//		network.Forward(a, digit.Image)
//		network.Backward(gradient, errors, a, digit.Label)
//		network.Update(gradient, 0.0062)
//		gradient.Clear()
//	}
//	fmt.Println(network.Test(test), "of", len(test), "read rightly")
//
// The middle of the loop is TrainStep. Every function has an example. Those of the
// helpers follow one picture of 4×4 pixels through a network small enough to be
// computed by hand, forward and back; the README tells the same walk.
//
// Everything is repeatable: the same seed gives the same bits, whatever the number
// of cores, on one GOARCH, GOAMD64 level, Go release and kind of processor
// (docs/running.md says why).
package convnet

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// A Network is the network's parameters, 38,360 numbers. The gradient of a
// loss has the shape of what it is the gradient of, so it is a Network too.
//
// Several goroutines may share one Network as long as none writes to it, each
// with Activations, errors and a gradient of its own.
type Network struct {
	Filters1 [][]float64 // 10×25: a kernel 5×5, laid flat, for the one channel
	Filters2 [][]float64 // 20×250: kernels 5×5, laid flat, for ten channels
	Weights1 [][]float64 // 100×320: output, input
	Biases1  []float64   // 100
	Weights2 [][]float64 // 10×100
	Biases2  []float64   // 10

	// Parameters holds the numbers of the six tensors above, one after the
	// other; the tensors lie over it and must not be given other memory.
	Parameters []float64
}

// NewGradient returns a Network of zeros, for Backward to add to.
func NewGradient() *Network {
	n := &Network{Parameters: make([]float64, 38360)}
	t := n.Tensors()
	n.Filters1, n.Filters2 = matrixOn(t[0].Data, 10, 25), matrixOn(t[1].Data, 20, 250)
	n.Weights1, n.Biases1 = matrixOn(t[2].Data, 100, 320), t[3].Data
	n.Weights2, n.Biases2 = matrixOn(t[4].Data, 10, 100), t[5].Data
	return n
}

// A Tensor is one of a network's six parameter tensors.
type Tensor struct {
	Name  string    // as in PyTorch, for example conv1.weight
	Shape []int     // as in PyTorch, for example 10 1 5 5
	Data  []float64 // row-major, a slice of Parameters
}

// Tensors returns n's tensors in the order they have in Parameters: conv1.weight,
// conv2.weight, fc1.weight, fc1.bias, fc2.weight, fc2.bias. Their Data shares memory
// with n. Tensors panics if n was not made by New or NewGradient.
func (n *Network) Tensors() []Tensor {
	p := n.Parameters
	if len(p) != 38360 {
		panic(fmt.Sprintf("convnet: Tensors: the network has %d parameters, want 38360: make it with New or NewGradient", len(p)))
	}
	return []Tensor{
		{"conv1.weight", []int{10, 1, 5, 5}, p[:250]},
		{"conv2.weight", []int{20, 10, 5, 5}, p[250:5250]},
		{"fc1.weight", []int{100, 320}, p[5250:37250]},
		{"fc1.bias", []int{100}, p[37250:37350]},
		{"fc2.weight", []int{10, 100}, p[37350:38350]},
		{"fc2.bias", []int{10}, p[38350:]},
	}
}

// New returns a network ready for training: each weight is drawn from N(0,1)
// and divided by √fan-in, where the fan-in is how many numbers feed one
// output: 25, 250, 320, 100. A sum of fan-in products then has about the size
// of its inputs, so that the signal neither explodes nor dies from layer to
// layer. (ReLU halves the mean square; after the convolutions max-pooling makes
// up for it.) Biases are 0.
func New(seed uint64) *Network {
	n := NewGradient()
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, t := range n.Tensors() {
		if len(t.Shape) == 1 {
			continue // biases
		}
		fanIn := len(t.Data) / t.Shape[0]
		for k := range t.Data {
			t.Data[k] = rng.NormFloat64() / math.Sqrt(float64(fanIn))
		}
	}
	return n
}

// Activations is everything computed on the way from a picture to its loss,
// kept for Backward and for whoever wants to look. An error has the shape of
// what it is the error of, so the errors, ∂loss/∂activation, are Activations
// too; masks and probabilities mean nothing there.
type Activations struct {
	Image                [][][]float64 // 1×28×28
	Conv1, ReLU1         [][][]float64 // 10×24×24
	Pool1                [][][]float64 // 10×12×12
	Conv2, ReLU2         [][][]float64 // 20×8×8
	Pool2                [][][]float64 // 20×4×4
	Flat, Drop1          []float64     // 320
	Hidden, ReLU3, Drop2 []float64     // 100
	Logits               []float64     // 10
	Probabilities        []float64     // 10

	// The dropout masks, 320 and 100 factors, are drawn and not computed.
	Mask1, Mask2 []float64
}

// NewActivations returns Activations of zeros with masks that drop no unit.
func NewActivations() *Activations {
	vector := func(n int) []float64 { return make([]float64, n) }
	a := &Activations{
		Image: NewMaps(1, 28, 28),
		Conv1: NewMaps(10, 24, 24), ReLU1: NewMaps(10, 24, 24), Pool1: NewMaps(10, 12, 12),
		Conv2: NewMaps(20, 8, 8), ReLU2: NewMaps(20, 8, 8), Pool2: NewMaps(20, 4, 4),
		Flat: vector(320), Mask1: vector(320), Drop1: vector(320),
		Hidden: vector(100), ReLU3: vector(100), Mask2: vector(100), Drop2: vector(100),
		Logits: vector(10), Probabilities: vector(10),
	}
	a.KeepAll()
	return a
}

// DrawMasks drops each unit with probability p, as DropoutMask does, in every
// Forward and Backward until the masks are set anew.
func (a *Activations) DrawMasks(p float64, rng *rand.Rand) {
	DropoutMask(a.Mask1, p, rng)
	DropoutMask(a.Mask2, p, rng)
}

// KeepAll sets masks that drop no unit.
func (a *Activations) KeepAll() {
	a.DrawMasks(0, nil)
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
	for y, pixels := range image {
		checkLen("Forward", "a row of image", len(pixels), 28)
		copy(a.Image[0][y], pixels)
	}
	Conv2D(a.Conv1, a.Image, n.Filters1)
	eachMap(ReLU, a.ReLU1, a.Conv1)
	eachMap(MaxPool, a.Pool1, a.ReLU1)
	Conv2D(a.Conv2, a.Pool1, n.Filters2)
	eachMap(ReLU, a.ReLU2, a.Conv2)
	eachMap(MaxPool, a.Pool2, a.ReLU2)
	Flatten(a.Flat, a.Pool2)
	Dropout(a.Drop1, a.Flat, a.Mask1)
	FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)
	ReLU(row(a.ReLU3), row(a.Hidden))
	Dropout(a.Drop2, a.ReLU3, a.Mask2)
	FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
	Softmax(a.Probabilities, a.Logits)
}

// Backward carries the loss of label back through the activations that
// Forward left in a: Forward read from the last line to the first. It sets
// errors and adds to gradient, so that the digits of a batch sum up; it only
// reads n and a. gradient must not be n, nor errors a. Where errors.Image is nil
// the error of the pixels, which training has no use for, is left out.
func (n *Network) Backward(gradient *Network, errors, a *Activations, label int) {
	CrossEntropyGrad(errors.Logits, a.Probabilities, label)
	AddFullyConnectedWeightGrad(gradient.Weights2, gradient.Biases2, a.Drop2, errors.Logits)
	FullyConnectedInputGrad(errors.Drop2, n.Weights2, errors.Logits)
	Dropout(errors.ReLU3, errors.Drop2, a.Mask2)
	ReLUGrad(row(errors.Hidden), row(a.Hidden), row(errors.ReLU3))
	AddFullyConnectedWeightGrad(gradient.Weights1, gradient.Biases1, a.Drop1, errors.Hidden)
	FullyConnectedInputGrad(errors.Drop1, n.Weights1, errors.Hidden)
	Dropout(errors.Flat, errors.Drop1, a.Mask1)
	Unflatten(errors.Pool2, errors.Flat)
	eachMapGrad(MaxPoolGrad, errors.ReLU2, a.ReLU2, errors.Pool2)
	eachMapGrad(ReLUGrad, errors.Conv2, a.Conv2, errors.ReLU2)
	AddConv2DFilterGrad(gradient.Filters2, a.Pool1, errors.Conv2)
	Conv2DInputGrad(errors.Pool1, n.Filters2, errors.Conv2)
	eachMapGrad(MaxPoolGrad, errors.ReLU1, a.ReLU1, errors.Pool1)
	eachMapGrad(ReLUGrad, errors.Conv1, a.Conv1, errors.ReLU1)
	AddConv2DFilterGrad(gradient.Filters1, a.Image, errors.Conv1)
	if errors.Image != nil {
		Conv2DInputGrad(errors.Image, n.Filters1, errors.Conv1)
	}
}

// eachMap applies f to the map of each channel; in and dst have as many.
func eachMap(f func(dst, in [][]float64), dst, in [][][]float64) {
	for c := range in {
		f(dst[c], in[c])
	}
}

func eachMapGrad(grad func(dIn, in, dOut [][]float64), dIn, in, dOut [][][]float64) {
	for c := range in {
		grad(dIn[c], in[c], dOut[c])
	}
}

// row lays a matrix of one row over a vector.
func row(v []float64) [][]float64 { return [][]float64{v} }

// Update takes one step of gradient descent: every parameter moves against
// its gradient, p −= rate·g.
func (n *Network) Update(gradient *Network, rate float64) {
	checkLen("Update", "gradient", len(gradient.Parameters), len(n.Parameters))
	descend(n.Parameters, gradient.Parameters, rate)
}

func descend(parameters, gradient []float64, rate float64) {
	parameters = parameters[:len(gradient)]
	for k, g := range gradient {
		parameters[k] -= rate * g
	}
}

// Clear sets every parameter to 0, as a gradient wants it before Backward.
func (n *Network) Clear() {
	clear(n.Parameters)
}

// TrainStep learns from one digit, and returns its loss before the step: Forward,
// Backward, Update, Clear. The masks are those in a; for dropout call DrawMasks
// before each digit. gradient must be zeros, and is left so.
func (n *Network) TrainStep(gradient *Network, errors, a *Activations, digit Digit, rate float64) (loss float64) {
	n.Forward(a, digit.Image)
	n.Backward(gradient, errors, a, digit.Label)
	n.updateOne(gradient, errors, rate)
	return CrossEntropy(a.Logits, digit.Label)
}

// updateOne is Update and Clear for the gradient of a single digit; errors are
// that digit's. A hidden unit that ReLU or dropout switched off has no error, so
// its row of Weights1 has no gradient: there is nothing to step or to clear.
func (n *Network) updateOne(gradient *Network, errors *Activations, rate float64) {
	const from, to = 5250, 37250 // of Weights1, as in Tensors
	step := func(p, g []float64) {
		descend(p, g, rate)
		clear(g)
	}
	step(n.Parameters[:from], gradient.Parameters[:from])
	for i, e := range errors.Hidden {
		if e != 0 {
			step(n.Weights1[i], gradient.Weights1[i])
		}
	}
	step(n.Parameters[to:], gradient.Parameters[to:])
}

// Predict returns the digit that n reads in image, 28×28. It sets the masks in
// a to keep every unit.
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
