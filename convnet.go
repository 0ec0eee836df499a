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
// Training is plain stochastic gradient descent: Forward, Backward, Update, digit
// by digit. The example of this package trains a network and tests it.
//
// Everything is repeatable: the same seed gives the same bits on the same
// GOARCH, GOAMD64 level, Go release and kind of processor.
package convnet

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
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
	t := n.tensors()
	n.Filters1, n.Filters2 = matrixOn(t[0].numbers, 10, 25), matrixOn(t[1].numbers, 20, 250)
	n.Weights1, n.Biases1 = matrixOn(t[2].numbers, 100, 320), t[3].numbers
	n.Weights2, n.Biases2 = matrixOn(t[4].numbers, 10, 100), t[5].numbers
	return n
}

// A tensor is one of the six, under the name that PyTorch gives it.
type tensor struct {
	name    string
	shape   []int
	numbers []float64 // row-major
}

func (n *Network) tensors() []tensor {
	p := n.Parameters
	return []tensor{
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
	for _, t := range n.tensors() {
		if len(t.shape) == 1 {
			continue // biases
		}
		fanIn := len(t.numbers) / t.shape[0]
		for k := range t.numbers {
			t.numbers[k] = rng.NormFloat64() / math.Sqrt(float64(fanIn))
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

// DrawMasks drops each unit with probability rate, in every Forward and
// Backward until the masks are set anew.
func (a *Activations) DrawMasks(rate float64, rng *rand.Rand) {
	DropoutMask(a.Mask1, rate, rng)
	DropoutMask(a.Mask2, rate, rng)
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
	p := n.Parameters
	for k, g := range gradient.Parameters[:len(p)] {
		p[k] -= rate * g
	}
}

// Clear sets every parameter to 0, as a gradient wants it before Backward.
func (n *Network) Clear() {
	clear(n.Parameters)
}

// TrainStep learns from one digit with the masks as they stand in a, and
// returns its loss before the step. gradient must be zeros, and is left so.
func (n *Network) TrainStep(gradient *Network, errors, a *Activations, digit Digit, rate float64) (loss float64) {
	n.Forward(a, digit.Image)
	n.Backward(gradient, errors, a, digit.Label)
	n.updateOne(gradient, errors, rate)
	return CrossEntropy(a.Logits, digit.Label)
}

// updateOne is Update and Clear for the gradient of a single digit; errors are
// that digit's. A hidden unit that ReLU or dropout switched off has no error, so its row of
// Weights1 has no gradient: there is nothing to step and nothing to clear.
func (n *Network) updateOne(gradient *Network, errors *Activations, rate float64) {
	const from, to = 5250, 37250 // of Weights1, as in tensors
	descend(n.Parameters[:from], gradient.Parameters[:from], rate)
	for i, e := range errors.Hidden {
		if e != 0 {
			descend(n.Weights1[i], gradient.Weights1[i], rate)
		}
	}
	descend(n.Parameters[to:], gradient.Parameters[to:], rate)
}

// descend moves the parameters p against their gradient g and clears it.
func descend(p, g []float64, rate float64) {
	p = p[:len(g)]
	for k, v := range g {
		p[k] -= rate * v
	}
	clear(g)
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

// tensorHeader describes one tensor in the header of a safetensors file.
type tensorHeader struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets []int  `json:"data_offsets"` // first byte and the one after the last, counted from the header's end
}

// Save writes n and metadata, which may be nil, in the safetensors format:
// the header's length in 8 bytes, the header in JSON, then the numbers as
// float64, all little-endian. A parameter that is not a finite number is an
// error, and nothing is written.
func (n *Network) Save(w io.Writer, metadata map[string]string) error {
	entries := map[string]any{}
	if len(metadata) > 0 {
		entries["__metadata__"] = metadata
	}
	var data []byte
	for _, t := range n.tensors() {
		start := len(data)
		for k, p := range t.numbers {
			if math.IsNaN(p) || math.IsInf(p, 0) {
				return fmt.Errorf("convnet: %s: number %d is %v, want a finite number", t.name, k, p)
			}
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(p))
		}
		entries[t.name] = tensorHeader{"F64", t.shape, []int{start, len(data)}}
	}
	header, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	for len(header)%8 != 0 {
		header = append(header, ' ') // the numbers shall lie on multiples of 8
	}
	file := slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header, data)
	if len(file) > maxFile {
		return fmt.Errorf("convnet: with its metadata the model has %d bytes, want at most %d", len(file), maxFile)
	}
	_, err = w.Write(file)
	return err
}

// maxFile bounds a model file; without metadata it has some 307,500 bytes.
const maxFile = 1 << 20

// Load reads a network and its metadata from a file in the safetensors
// format, whatever tool wrote it. The file must hold the six tensors as
// finite float64 without holes or overlaps, and nothing else; the error says
// what was found, what was wanted, and where.
func Load(r io.Reader) (n *Network, metadata map[string]string, err error) {
	file, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, nil, err
	}
	if len(file) < 8 || len(file) > maxFile {
		return nil, nil, fmt.Errorf("convnet: the model has %d bytes at least, want 8 to %d", len(file), maxFile)
	}
	length, file := binary.LittleEndian.Uint64(file), file[8:]
	if length > uint64(len(file)) {
		return nil, nil, fmt.Errorf("convnet: the header claims %d bytes, the model has %d more", length, len(file))
	}
	n = NewGradient()
	if metadata, err = n.decode(file[:length], file[length:]); err != nil {
		return nil, nil, fmt.Errorf("convnet: %w", err)
	}
	return n, metadata, nil
}

// decode sets n's parameters to the numbers in data, as header lays them out.
func (n *Network) decode(header, data []byte) (metadata map[string]string, err error) {
	if want := 8 * len(n.Parameters); len(data) != want {
		return nil, fmt.Errorf("%d bytes of numbers behind a header of %d, want %d", len(data), len(header), want)
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(header, &entries); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	ends := map[int]int{} // of the tensors, by their starts
	for _, t := range n.tensors() {
		var h tensorHeader
		if err := take(entries, t.name, &h); err != nil {
			return nil, err
		}
		size := 8 * len(t.numbers)
		if h.DType != "F64" || !slices.Equal(h.Shape, t.shape) || len(h.Offsets) != 2 ||
			h.Offsets[0] < 0 || h.Offsets[0] > len(data)-size || h.Offsets[1] != h.Offsets[0]+size {
			return nil, fmt.Errorf("header: %s is %v, want F64 %v in %d bytes of %d", t.name, h, t.shape, size, len(data))
		}
		start := h.Offsets[0]
		ends[start] = start + size
		for k := range t.numbers {
			p := math.Float64frombits(binary.LittleEndian.Uint64(data[start+8*k:]))
			if math.IsNaN(p) || math.IsInf(p, 0) {
				return nil, fmt.Errorf("%s: number %d is %v, want a finite number", t.name, k, p)
			}
			t.numbers[k] = p
		}
	}
	if entries["__metadata__"] != nil {
		if err := take(entries, "__metadata__", &metadata); err != nil {
			return nil, err
		}
	}
	for name := range entries {
		return nil, fmt.Errorf("header: found a tensor %q, want this network's alone", name)
	}
	at := 0 // a chain of tensors to the last byte holds all six: there are no more bytes
	for ends[at] > 0 {
		at = ends[at]
	}
	if at < len(data) {
		return nil, fmt.Errorf("byte %d of the numbers: no tensor begins here, want no hole and no overlap", at)
	}
	return metadata, nil
}

// take moves an entry of a header into v.
func take(entries map[string]json.RawMessage, name string, v any) error {
	entry, ok := entries[name]
	if !ok {
		return fmt.Errorf("header: found no tensor %s", name)
	}
	delete(entries, name)
	if err := json.Unmarshal(entry, v); err != nil {
		return fmt.Errorf("header: %s: %w", name, err)
	}
	return nil
}
