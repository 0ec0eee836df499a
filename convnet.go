// Package convnet is a convolutional neural network for handwritten digits, built from scratch and
// written to be studied. Read layer.go first: it has the helper functions, each next to its gradient.
// Then read convnet.go, which wires them into a network. mnist.go loads the digits.
//
//	28×28 pixels → convolution, 10 filters 1×5×5 → 10×24×24 → ReLU → max-pool 2×2 → 10×12×12
//	             → convolution, 20 filters 10×5×5 → 20×8×8 → ReLU → max-pool 2×2 → 20×4×4
//	             → flatten 320 → dropout → fully connected 100 → ReLU → dropout
//	             → fully connected 10 → softmax → cross-entropy
//
// The forward pass fills [Activations]. The backward pass fills a second Activations with the gradients
// at these values, and adds the gradients of the parameters to a second [Network]. Training is plain
// stochastic gradient descent, with one step per example:
//
//	network, grad := convnet.New(1), convnet.NewGradient()
//	a, d := convnet.NewActivations(), convnet.NewActivations()
//	rng := rand.New(rand.NewPCG(1, 1))
//	for _, digit := range train {
//		a.DrawMasks(0.5, rng)
//		network.Forward(a, digit.Image)
//		network.Backward(grad, d, a, digit.Label)
//		network.Update(grad, 0.0062)
//		grad.Clear()
//	}
//	fmt.Println(network.CountCorrect(test), "of", len(test), "classified correctly")
//
// [Network.TrainStep] combines the loop's last four calls. train and test come from [ReadMNIST]. The
// helpers' examples follow a 4×4 image through a network small enough to compute by hand, and so does
// the README.
//
// Results are reproducible. The same seed gives the same bits on any number of cores, as long as GOARCH,
// GOAMD64, the Go release and the kind of processor stay the same (docs/running.md says why).
package convnet

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// The architecture. Change it here, and everything else follows.
const (
	kernel   = 5   // rows and columns of the kernels in both convolutions
	filters1 = 10  // in conv1
	filters2 = 20  // in conv2
	hidden   = 100 // units in the hidden layer, the outputs of fc1
	classes  = 10  // the digits 0 to 9
)

// The sizes that follow from the architecture, with their values for the constants above.
const (
	conv1Side = ImageSide - kernel + 1           // 24
	pool1Side = conv1Side / 2                    // 12
	conv2Side = pool1Side - kernel + 1           // 8
	pool2Side = conv2Side / 2                    // 4
	flat      = filters2 * pool2Side * pool2Side // 320

	weights1   = filters1*kernel*kernel + filters2*filters1*kernel*kernel   // 5,250: Weights1 begins here in Parameters
	parameters = weights1 + hidden*flat + hidden + classes*hidden + classes // 38,360
)

// A Network holds the parameters, all 38,360 of them. A gradient has the same shape as the values it
// belongs to, so the gradient of the loss with respect to the parameters is a Network, too.
//
// Several goroutines may share a Network as long as none of them writes to it. Each needs its own
// Activations and its own gradient.
type Network struct {
	Filters1 [][]float64 // 10×25: a row per filter, with a single 5×5 kernel, because the image has one channel
	Filters2 [][]float64 // 20×250: a row per filter, with a 5×5 kernel for each of the 10 channels
	Weights1 [][]float64 // 100×320: a row per output
	Biases1  []float64   // 100
	Weights2 [][]float64 // 10×100
	Biases2  []float64   // 10

	// Parameters holds the six tensors above, one after another: they are slices of it. You may change
	// their values, but never assign another slice to them.
	Parameters []float64
}

// NewGradient returns a Network of zeros for Backward to add to.
func NewGradient() *Network {
	checkArchitecture()
	n := &Network{Parameters: make([]float64, parameters)}
	t := n.Tensors()
	n.Filters1 = reshape(t[0].Data, filters1, kernel*kernel)
	n.Filters2 = reshape(t[1].Data, filters2, filters1*kernel*kernel)
	n.Weights1, n.Biases1 = reshape(t[2].Data, hidden, flat), t[3].Data
	n.Weights2, n.Biases2 = reshape(t[4].Data, classes, hidden), t[5].Data
	return n
}

// A Tensor is one of the six parameter tensors of a Network.
type Tensor struct {
	Name  string    // as in PyTorch: conv1.weight, for example
	Shape []int     // as in PyTorch: 10×1×5×5, for example
	Data  []float64 // row-major, a slice of Parameters
}

// Tensors returns the tensors of n in the order of Parameters: conv1.weight, conv2.weight, fc1.weight,
// fc1.bias, fc2.weight, fc2.bias. Their Data shares memory with n. It panics unless n comes from New,
// NewGradient or Clone.
func (n *Network) Tensors() []Tensor {
	if len(n.Parameters) != parameters {
		panic(fmt.Sprintf("convnet: Tensors: the network has %d parameters, want %d: make it with New, NewGradient or Clone", len(n.Parameters), parameters))
	}
	tensors := []Tensor{
		{Name: "conv1.weight", Shape: []int{filters1, 1, kernel, kernel}},
		{Name: "conv2.weight", Shape: []int{filters2, filters1, kernel, kernel}},
		{Name: "fc1.weight", Shape: []int{hidden, flat}},
		{Name: "fc1.bias", Shape: []int{hidden}},
		{Name: "fc2.weight", Shape: []int{classes, hidden}},
		{Name: "fc2.bias", Shape: []int{classes}},
	}
	rest := n.Parameters
	for i, t := range tensors {
		size := 1
		for _, length := range t.Shape {
			size *= length
		}
		tensors[i].Data, rest = rest[:size:size], rest[size:]
	}
	return tensors
}

// New returns an untrained network. Each weight is drawn from N(0,1) and divided by √fan-in (LeCun,
// Bottou, Orr and Müller, 1998). The fan-in is the number of inputs to one output: 25, 250, 320 and 100.
// A sum of that many products is then about as large as the inputs, so the signal neither explodes nor
// vanishes from layer to layer. ReLU halves the mean square, but after the convolutions max-pooling makes
// up for it. Biases start at 0.
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

// Clone returns a copy of n that shares no memory with it. Copying *n isn't enough: that copies only the
// slices, so both networks would share their parameters.
func (n *Network) Clone() *Network {
	c := NewGradient()
	checkLen("Clone", "n.Parameters", len(n.Parameters), len(c.Parameters))
	copy(c.Parameters, n.Parameters)
	return c
}

// Activations holds everything the forward pass computes from an image, for Backward and for anyone who
// wants to look. The gradients have the same shapes, so they are Activations, too: d.Conv1 is the gradient
// of the loss with respect to a.Conv1. Backward doesn't touch d's Image, masks or Probabilities.
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

	// The dropout masks, with 320 and 100 entries. DrawMasks and NoDropout set them.
	Mask1, Mask2 []float64
}

// NewActivations returns Activations of zeros, with masks that keep every unit.
func NewActivations() *Activations {
	checkArchitecture()
	vector := func(n int) []float64 { return make([]float64, n) }
	a := &Activations{
		Image: NewVolume(1, ImageSide, ImageSide),
		Conv1: NewVolume(filters1, conv1Side, conv1Side), ReLU1: NewVolume(filters1, conv1Side, conv1Side),
		Pool1: NewVolume(filters1, pool1Side, pool1Side),
		Conv2: NewVolume(filters2, conv2Side, conv2Side), ReLU2: NewVolume(filters2, conv2Side, conv2Side),
		Pool2: NewVolume(filters2, pool2Side, pool2Side),
		Flat:  vector(flat), Mask1: vector(flat), Drop1: vector(flat),
		Hidden: vector(hidden), ReLU3: vector(hidden), Mask2: vector(hidden), Drop2: vector(hidden),
		Logits: vector(classes), Probabilities: vector(classes),
	}
	a.NoDropout()
	return a
}

// checkArchitecture panics if the constants are too small or too large to make a network.
func checkArchitecture() {
	if kernel < 1 || pool2Side < 1 {
		panic(fmt.Sprintf("convnet: the kernel is %d×%d, which makes conv2's maps %d×%d, want a kernel of at least 1×1 and maps of at least 2×2",
			kernel, kernel, conv2Side, conv2Side))
	}
	if min(filters1, filters2, hidden) < 1 || classes < 10 {
		panic(fmt.Sprintf("convnet: found %d and %d filters, %d hidden units and %d classes, want at least 1, 1, 1 and 10", filters1, filters2, hidden, classes))
	}
}

// DrawMasks draws both dropout masks with DropoutMask, so each unit is dropped with probability p.
// Forward and Backward use these masks until you set new ones.
func (a *Activations) DrawMasks(p float64, rng *rand.Rand) {
	DropoutMask(a.Mask1, p, rng)
	DropoutMask(a.Mask2, p, rng)
}

// NoDropout sets both masks to keep every unit.
func (a *Activations) NoDropout() {
	a.DrawMasks(0, nil)
}

// Prediction returns the class with the largest logit, or on a tie the first of them.
func (a *Activations) Prediction() int {
	best := 0
	for class, logit := range a.Logits {
		if logit > a.Logits[best] {
			best = class
		}
	}
	return best
}

// Forward runs the forward pass: it copies the image into a and computes all activations with the masks
// in a. It doesn't change n. It panics unless the image is 28×28 and a comes from NewActivations.
func (n *Network) Forward(a *Activations, image [][]float64) {
	if len(a.Image) == 0 {
		panic("convnet: Forward: a is empty: make it with NewActivations")
	}
	checkSize("Forward", "image", image, ImageSide, ImageSide)
	for y, pixels := range image {
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
	ReLU(asMatrix(a.ReLU3), asMatrix(a.Hidden))
	Dropout(a.Drop2, a.ReLU3, a.Mask2)
	FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
	Softmax(a.Probabilities, a.Logits)
}

// Backward runs the backward pass for the activations that Forward left in a. Its lines are Forward's in
// reverse, each replaced by its gradient. It sets d to the gradients at the activations, and adds the
// gradients of the parameters to grad, so the gradients of a batch add up. It doesn't change n or a. grad
// must not be n, and d must not be a. It panics unless 0 ≤ label ≤ 9.
//
// The gradient at the pixels takes one more line, which training doesn't need:
//
//	Conv2DInputGrad(d.Image, n.Filters1, d.Conv1)
func (n *Network) Backward(grad *Network, d, a *Activations, label int) {
	CrossEntropyGrad(d.Logits, a.Probabilities, label)
	AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.Drop2, d.Logits)
	FullyConnectedInputGrad(d.Drop2, n.Weights2, d.Logits)
	Dropout(d.ReLU3, d.Drop2, a.Mask2)
	ReLUGrad(asMatrix(d.Hidden), asMatrix(a.Hidden), asMatrix(d.ReLU3))
	AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, d.Hidden)
	FullyConnectedInputGrad(d.Drop1, n.Weights1, d.Hidden)
	Dropout(d.Flat, d.Drop1, a.Mask1)
	Unflatten(d.Pool2, d.Flat)
	eachMapGrad(MaxPoolGrad, d.ReLU2, a.ReLU2, d.Pool2)
	eachMapGrad(ReLUGrad, d.Conv2, a.Conv2, d.ReLU2)
	AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.Conv2)
	Conv2DInputGrad(d.Pool1, n.Filters2, d.Conv2)
	eachMapGrad(MaxPoolGrad, d.ReLU1, a.ReLU1, d.Pool1)
	eachMapGrad(ReLUGrad, d.Conv1, a.Conv1, d.ReLU1)
	AddConv2DFilterGrad(grad.Filters1, a.Image, d.Conv1)
}

// eachMap applies f to each map.
func eachMap(f func(dst, in [][]float64), dst, in [][][]float64) {
	for c := range in {
		f(dst[c], in[c])
	}
}

// eachMapGrad is eachMap for gradients.
func eachMapGrad(f func(dIn, in, dOut [][]float64), dIn, in, dOut [][][]float64) {
	for c := range in {
		f(dIn[c], in[c], dOut[c])
	}
}

// asMatrix returns a matrix whose only row is v.
func asMatrix(v []float64) [][]float64 { return [][]float64{v} }

// Update takes one step of gradient descent: p −= rate·g for every parameter p and its gradient g. It
// panics unless n and grad have the same number of parameters.
func (n *Network) Update(grad *Network, rate float64) {
	checkLen("Update", "grad.Parameters", len(grad.Parameters), len(n.Parameters))
	descend(n.Parameters, grad.Parameters, rate)
}

func descend(p, grad []float64, rate float64) {
	p = p[:len(grad)]
	for k, g := range grad {
		p[k] -= rate * g
	}
}

// Clear sets every parameter to 0. Clear the gradient after each Update, or it becomes part of the next
// step, too.
func (n *Network) Clear() {
	clear(n.Parameters)
}

// TrainStep learns from one example and returns its loss before the step. It does what Forward, Backward,
// Update and Clear do, with the masks in a. For dropout, call DrawMasks before each step. a and d come from
// NewActivations. grad must be all zeros, and TrainStep leaves it so. It panics unless the label is 0 to 9.
func (n *Network) TrainStep(grad *Network, d, a *Activations, digit Digit, rate float64) (loss float64) {
	n.Forward(a, digit.Image)
	loss = CrossEntropy(a.Logits, digit.Label)
	n.Backward(grad, d, a, digit.Label)
	n.stepActiveRows(grad, d, rate)
	return loss
}

// stepActiveRows does what Update and Clear do, for the gradient of a single example. d has its gradients
// at the activations. Where ReLU or dropout switched off a hidden unit, the gradient is 0, and so is the
// unit's row of grad.Weights1. Then there's nothing to update and nothing to clear.
func (n *Network) stepActiveRows(grad *Network, d *Activations, rate float64) {
	step := func(p, g []float64) {
		descend(p, g, rate)
		clear(g)
	}
	const after = weights1 + hidden*flat
	step(n.Parameters[:weights1], grad.Parameters[:weights1])
	for i, g := range d.Hidden {
		if g != 0 {
			step(n.Weights1[i], grad.Weights1[i])
		}
	}
	step(n.Parameters[after:], grad.Parameters[after:])
}

// Predict returns the class that n predicts for a 28×28 image, without dropout: it calls a.NoDropout.
func (n *Network) Predict(a *Activations, image [][]float64) int {
	a.NoDropout()
	n.Forward(a, image)
	return a.Prediction()
}

// CountCorrect returns how many of the digits n classifies correctly.
func (n *Network) CountCorrect(digits []Digit) (correct int) {
	a := NewActivations()
	for _, digit := range digits {
		if n.Predict(a, digit.Image) == digit.Label {
			correct++
		}
	}
	return correct
}
