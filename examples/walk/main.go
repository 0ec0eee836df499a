// Walk follows a single 4×4 image through a network small enough to compute by hand:
// the forward pass, the backward pass, and one step of gradient descent. It prints every
// value along the way, and draws the pictures of the walk in the README.
//
//	go run ./examples/walk
//	go run ./examples/walk -out docs/images
//
// The network has two convolutions, like the real one, but with 2×2 kernels. It's built the
// same way, from the same helpers.
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"os"

	"convnet"
	"convnet/examples/internal/cli"
)

//go:generate go -C ../.. run ./examples/walk -out docs/images

// A network holds the parameters, or the gradient of the loss with respect to them.
type network struct {
	filters1 [][]float64 // 2×4: a row per filter, with a single 2×2 kernel
	filters2 [][]float64 // 2×8: a row per filter, with a 2×2 kernel for each of the two channels
	weights  [][]float64 // 3×2: a row per output
	biases   []float64   // 3
}

// activations holds everything the forward pass computes, or the gradients at these values.
type activations struct {
	image         [][][]float64 // 1×4×4
	conv1, relu1  [][][]float64 // 2×3×3
	conv2, relu2  [][][]float64 // 2×2×2
	pool          [][][]float64 // 2×1×1
	flat          []float64     // 2
	logits        []float64     // 3
	probabilities []float64     // 3
}

// The image is a 1 with a faint upstroke. The classes are the digits 0, 1 and 2.
const label = 1

func newImage() [][][]float64 {
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
			{-1, 1, -1, 1}, // large where ink starts, from left to right
			{1, 1, -1, -1}, // large where ink ends, from top to bottom
		},
		filters2: [][]float64{
			{0, 0.5, 0, 0.5, 0, 0, 1, 0},
			{0.5, -0.5, 0, 0, 1, 0, 0, 0},
		},
		weights: [][]float64{{-0.5, 1.6}, {0.25, 0.4}, {0, 0.8}},
		biases:  []float64{0, math.Ln2, 0}, // log 2, so the probabilities come out as quarters
	}
}

func newGradient() *network {
	return &network{convnet.NewMatrix(2, 4), convnet.NewMatrix(2, 8), convnet.NewMatrix(3, 2), make([]float64, 3)}
}

func newActivations() *activations {
	return &activations{
		image: convnet.NewVolume(1, 4, 4),
		conv1: convnet.NewVolume(2, 3, 3), relu1: convnet.NewVolume(2, 3, 3),
		conv2: convnet.NewVolume(2, 2, 2), relu2: convnet.NewVolume(2, 2, 2),
		pool: convnet.NewVolume(2, 1, 1), flat: make([]float64, 2),
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

// backward goes through forward from the last line to the first. Unlike Network.Backward, it
// goes all the way to the pixels.
func (n *network) backward(grad *network, d, a *activations, label int) {
	convnet.CrossEntropyGrad(d.logits, a.probabilities, label)
	convnet.AddFullyConnectedWeightGrad(grad.weights, grad.biases, a.flat, d.logits)
	convnet.FullyConnectedInputGrad(d.flat, n.weights, d.logits)
	convnet.Unflatten(d.pool, d.flat)
	for c := range a.conv2 {
		convnet.MaxPoolGrad(d.relu2[c], a.relu2[c], d.pool[c])
		convnet.ReLUGrad(d.conv2[c], a.conv2[c], d.relu2[c])
	}
	convnet.AddConv2DFilterGrad(grad.filters2, a.relu1, d.conv2)
	convnet.Conv2DInputGrad(d.relu1, n.filters2, d.conv2)
	for c := range a.conv1 {
		convnet.ReLUGrad(d.conv1[c], a.conv1[c], d.relu1[c])
	}
	convnet.AddConv2DFilterGrad(grad.filters1, a.image, d.conv1)
	convnet.Conv2DInputGrad(d.image, n.filters1, d.conv1)
}

// update moves every parameter against its gradient.
func (n *network) update(grad *network, rate float64) {
	step := func(parameters, grad []float64) {
		for k, g := range grad {
			parameters[k] -= rate * g
		}
	}
	for f, g := range grad.filters1 {
		step(n.filters1[f], g)
	}
	for f, g := range grad.filters2 {
		step(n.filters2[f], g)
	}
	for i, g := range grad.weights {
		step(n.weights[i], g)
	}
	step(n.biases, grad.biases)
}

func (n *network) loss(image [][][]float64) float64 {
	a := newActivations()
	n.forward(a, image)
	return convnet.CrossEntropy(a.logits, label)
}

func main() {
	out := cli.Folder{Log: os.Stderr}
	flag.StringVar(&out.Path, "out", "", "write the pictures of the walk to `DIR`, and print nothing")
	p := cli.Program{
		Path: "examples/walk",
		Does: "Follows a 4×4 image through a small network, forward and backward, and prints every value.",
	}
	p.Main(func() error {
		if out.Path == "" {
			return walk(os.Stdout)
		}
		return drawAll(out)
	})
}

// walk prints every value of one training step, checks two gradients, and trains on.
func walk(w io.Writer) error {
	p := &printer{w: w}
	n, a := newNetwork(), newActivations()
	n.forward(a, newImage())
	p.maps("%5.2f", "image", a.image)
	p.maps("%5.2f", "conv1: two feature maps", a.conv1)
	p.maps("%5.2f", "relu1", a.relu1)
	p.maps("%5.2f", "conv2: two feature maps, each from both channels", a.conv2)
	p.maps("%5.2f", "relu2", a.relu2)
	p.maps("%5.2f", "pool", a.pool)
	p.rows("%5.2f", "flat", a.flat)
	p.rows("%5.2f", "logits", a.logits)
	p.rows("%.4f", "probabilities", a.probabilities)
	p.line("%.4f", "loss: −log of the second probability", convnet.CrossEntropy(a.logits, label))

	grad, d := newGradient(), newActivations()
	n.backward(grad, d, a, label)
	p.rows("%7.4f", "gradient at the logits", d.logits)
	p.rows("%7.4f", "gradient of the weights", grad.weights...)
	p.rows("%7.4f", "gradient of the biases", grad.biases)
	p.rows("%7.4f", "gradient at flat", d.flat)
	p.maps("%7.4f", "gradient at relu2", d.relu2)
	p.maps("%7.4f", "gradient at conv2", d.conv2)
	p.rows("%7.4f", "gradient of the conv2 filters", grad.filters2...)
	p.maps("%7.4f", "gradient at relu1", d.relu1)
	p.maps("%7.4f", "gradient at conv1", d.conv1)
	p.rows("%7.4f", "gradient of the conv1 filters", grad.filters1...)
	p.maps("%7.4f", "gradient at the image", d.image)

	const s = 0.001
	n.filters1[0][1] += s
	more := n.loss(a.image)
	n.filters1[0][1] -= 2 * s
	less := n.loss(a.image)
	n.filters1[0][1] += s
	p.rows("%.6f", "loss with the second weight of the first filter at 1.001 and at 0.999", []float64{more, less})
	p.line("%.4f", "slope: their difference divided by 0.002", (more-less)/(2*s))

	n.biases[label] += s
	nudged := newActivations()
	n.forward(nudged, a.image)
	n.biases[label] -= s
	p.rows("%.6f", "with the second logit increased by 0.001: its probability and the loss",
		[]float64{nudged.probabilities[label], convnet.CrossEntropy(nudged.logits, label)})

	n.update(grad, 0.1)
	p.line("%.4f", "loss after one step with learning rate 0.1", n.loss(a.image))
	for range 19 {
		grad = newGradient()
		n.forward(a, a.image)
		n.backward(grad, d, a, label)
		n.update(grad, 0.1)
	}
	p.line("%.4f", "loss after twenty steps", n.loss(a.image))
	return p.err
}

// A printer writes values, each group under a heading, and keeps the first error.
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

// maps writes maps side by side.
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
