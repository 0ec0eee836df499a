// Walk carries one picture of 4×4 pixels through a network so small that it can be
// computed by hand: forward, back, and one step down the slope. It prints every
// number on the way, and draws the pictures of the walk in the README.
//
//	go run ./examples/walk
//	go run ./examples/walk -draw docs/images
//
// The network has two convolutions with kernels of 2×2, as the large one has two
// with kernels of 5×5, and is put together in the same way, of the same helpers.
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"os"

	"convnet"
)

//go:generate go run . -draw ../../docs/images

// A network is the parameters, or the gradient of a loss for them.
type network struct {
	filters1 [][]float64 // 2×4: a kernel 2×2, laid flat, for the one channel
	filters2 [][]float64 // 2×8: a kernel for each of two channels
	weights  [][]float64 // 3×2: output, input
	biases   []float64   // 3
}

// activations is everything computed on the way, or the errors of it all.
type activations struct {
	image         [][][]float64 // 1×4×4
	conv1, relu1  [][][]float64 // 2×3×3
	conv2, relu2  [][][]float64 // 2×2×2
	pool          [][][]float64 // 2×1×1
	flat          []float64     // 2
	logits        []float64     // 3
	probabilities []float64     // 3
}

// The picture is a 1 with a faint nose. Of the digits 0, 1 and 2 it is the 1.
const label = 1

func newPicture() [][][]float64 {
	return [][][]float64{{
		{0, 0, 1, 0},
		{0, 0.5, 1, 0},
		{0, 0, 1, 0},
		{0, 0, 1, 0},
	}}
}

func newNetwork() *network {
	return &network{
		filters1: [][]float64{
			{-1, 1, -1, 1}, // large where ink begins, from left to right
			{1, 1, -1, -1}, // large where ink ends, from top to bottom
		},
		filters2: [][]float64{
			{0, 0.5, 0, 0.5, 0, 0, 1, 0},
			{0.5, -0.5, 0, 0, 1, 0, 0, 0},
		},
		weights: [][]float64{{-0.5, 1.6}, {0.25, 0.4}, {0, 0.8}},
		biases:  []float64{0, math.Ln2, 0}, // log 2: the probabilities come out as quarters
	}
}

func newGradient() *network {
	return &network{convnet.NewMatrix(2, 4), convnet.NewMatrix(2, 8), convnet.NewMatrix(3, 2), make([]float64, 3)}
}

func newActivations() *activations {
	return &activations{
		image: convnet.NewMaps(1, 4, 4),
		conv1: convnet.NewMaps(2, 3, 3), relu1: convnet.NewMaps(2, 3, 3),
		conv2: convnet.NewMaps(2, 2, 2), relu2: convnet.NewMaps(2, 2, 2),
		pool: convnet.NewMaps(2, 1, 1), flat: make([]float64, 2),
		logits: make([]float64, 3), probabilities: make([]float64, 3),
	}
}

func (n *network) forward(a *activations, image [][][]float64) {
	a.image = image
	convnet.Conv2D(a.conv1, a.image, n.filters1)
	for c := range a.conv1 {
		convnet.ReLU(a.relu1[c], a.conv1[c])
	}
	convnet.Conv2D(a.conv2, a.relu1, n.filters2)
	for c := range a.conv2 {
		convnet.ReLU(a.relu2[c], a.conv2[c])
		convnet.MaxPool(a.pool[c], a.relu2[c])
	}
	convnet.Flatten(a.flat, a.pool)
	convnet.FullyConnected(a.logits, n.weights, n.biases, a.flat)
	convnet.Softmax(a.probabilities, a.logits)
}

// backward is forward read from the last line to the first.
func (n *network) backward(gradient *network, errors, a *activations, label int) {
	convnet.CrossEntropyGrad(errors.logits, a.probabilities, label)
	convnet.AddFullyConnectedWeightGrad(gradient.weights, gradient.biases, a.flat, errors.logits)
	convnet.FullyConnectedInputGrad(errors.flat, n.weights, errors.logits)
	convnet.Unflatten(errors.pool, errors.flat)
	for c := range a.conv2 {
		convnet.MaxPoolGrad(errors.relu2[c], a.relu2[c], errors.pool[c])
		convnet.ReLUGrad(errors.conv2[c], a.conv2[c], errors.relu2[c])
	}
	convnet.AddConv2DFilterGrad(gradient.filters2, a.relu1, errors.conv2)
	convnet.Conv2DInputGrad(errors.relu1, n.filters2, errors.conv2)
	for c := range a.conv1 {
		convnet.ReLUGrad(errors.conv1[c], a.conv1[c], errors.relu1[c])
	}
	convnet.AddConv2DFilterGrad(gradient.filters1, a.image, errors.conv1)
	convnet.Conv2DInputGrad(errors.image, n.filters1, errors.conv1)
}

// update moves every parameter against its gradient.
func (n *network) update(gradient *network, rate float64) {
	step := func(parameters, gradient []float64) {
		for k, g := range gradient {
			parameters[k] -= rate * g
		}
	}
	for f := range n.filters1 {
		step(n.filters1[f], gradient.filters1[f])
		step(n.filters2[f], gradient.filters2[f])
	}
	for i := range n.weights {
		step(n.weights[i], gradient.weights[i])
	}
	step(n.biases, gradient.biases)
}

func (n *network) loss(image [][][]float64) float64 {
	a := newActivations()
	n.forward(a, image)
	return convnet.CrossEntropy(a.logits, label)
}

func main() {
	folder := flag.String("draw", "", "draw the pictures of the walk into this folder")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "walk: found %q after the flags, want nothing\n", flag.Arg(0))
		os.Exit(2)
	}
	run := func() error { return walk(os.Stdout) }
	if *folder != "" {
		run = func() error { return drawAll(*folder) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "walk:", err)
		os.Exit(1)
	}
}

// walk prints the numbers of one step, and of what checks it.
func walk(w io.Writer) error {
	p := &printer{w: w}
	n, a := newNetwork(), newActivations()
	n.forward(a, newPicture())
	p.maps("%5.2f", "picture", a.image)
	p.maps("%5.2f", "conv1: two feature maps", a.conv1)
	p.maps("%5.2f", "relu1", a.relu1)
	p.maps("%5.2f", "conv2: two feature maps, each from both channels", a.conv2)
	p.maps("%5.2f", "relu2", a.relu2)
	p.maps("%5.2f", "pool", a.pool)
	p.rows("%5.2f", "flat", a.flat)
	p.rows("%5.2f", "logits", a.logits)
	p.rows("%.4f", "probabilities", a.probabilities)
	p.line("%.4f", "loss: −log of the second", convnet.CrossEntropy(a.logits, label))

	gradient, errors := newGradient(), newActivations()
	n.backward(gradient, errors, a, label)
	p.rows("%7.4f", "error of the logits", errors.logits)
	p.rows("%7.4f", "gradient of the weights", gradient.weights...)
	p.rows("%7.4f", "gradient of the biases", gradient.biases)
	p.rows("%7.4f", "error of flat", errors.flat)
	p.maps("%7.4f", "error of relu2", errors.relu2)
	p.maps("%7.4f", "error of conv2", errors.conv2)
	p.rows("%7.4f", "gradient of the second filters", gradient.filters2...)
	p.maps("%7.4f", "error of relu1", errors.relu1)
	p.maps("%7.4f", "error of conv1", errors.conv1)
	p.rows("%7.4f", "gradient of the first filters", gradient.filters1...)
	p.maps("%7.4f", "error of the picture", errors.image)

	const s = 0.001
	n.filters1[0][1] += s
	more := n.loss(a.image)
	n.filters1[0][1] -= 2 * s
	less := n.loss(a.image)
	n.filters1[0][1] += s
	p.rows("%.6f", "loss with the second number of the first filter at 1.001, at 0.999", []float64{more, less})
	p.line("%.4f", "slope: their difference, divided by that of the numbers", (more-less)/(2*s))

	n.biases[label] += s
	nudged := newActivations()
	n.forward(nudged, a.image)
	n.biases[label] -= s
	p.rows("%.6f", "with the second logit 0.001 larger: its probability, the loss",
		[]float64{nudged.probabilities[label], convnet.CrossEntropy(nudged.logits, label)})

	n.update(gradient, 0.1)
	p.line("%.4f", "loss after a step of rate 0.1", n.loss(a.image))
	for range 19 {
		gradient = newGradient()
		n.forward(a, a.image)
		n.backward(gradient, errors, a, label)
		n.update(gradient, 0.1)
	}
	p.line("%.4f", "loss after twenty", n.loss(a.image))
	return p.err
}

// A printer writes numbers below a headline each, and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printer) line(format, name string, v float64) {
	p.printf("%s\n"+format+"\n\n", name, v)
}

func (p *printer) rows(format, name string, rows ...[]float64) {
	p.printf("%s\n", name)
	for _, row := range rows {
		p.printf(format+"\n", row)
	}
	p.printf("\n")
}

// maps writes maps beside each other.
func (p *printer) maps(format, name string, maps [][][]float64) {
	p.printf("%s\n", name)
	for y := range maps[0] {
		for c, m := range maps {
			if c > 0 {
				p.printf("  ")
			}
			p.printf(format, m[y])
		}
		p.printf("\n")
	}
	p.printf("\n")
}
