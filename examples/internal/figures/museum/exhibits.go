package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"convnet"
)

// A variant is a way to train the network: ours, or ours with a mistake in it.
type variant struct {
	name        string
	counterpart string // the name of the variant without the mistake; empty if there is no mistake
	rate        float64
	dropout     float64
	image       func(pixels []byte) [][]float64
	mask        func(mask []float64, p float64, rng *rand.Rand)
	forward     func(n *convnet.Network, a *convnet.Activations, image [][]float64)
	backward    func(n, grad *convnet.Network, d, a *convnet.Activations, label int, rate float64)
	loss        func(logits []float64, label int) float64
	epoch       func(step func(digit convnet.Digit) float64, digits []convnet.Digit) float64
}

// An exhibit is a mistake of ConvNet-in-Numpy, in a copy of our own code that differs from it in at
// most five lines.
type exhibit struct {
	name    string
	ours    string           // a function of ours
	faulty  string           // its copy, with the mistake
	sound   variant          // without the mistake
	spoil   func(v *variant) // puts the mistake in
	catches string           // what catches it: a check that passes without the mistake, and fails with it
	check   func(v variant, train []convnet.Digit) error
}

// exhibits returns the seven mistakes, in the order of docs/museum.md.
func exhibits() []exhibit {
	return []exhibit{
		{"masks ignored in the backward pass", "Backward", "backwardWithoutMasks", gentle(),
			func(v *variant) { v.backward = backwardWithoutMasks },
			"a gradient check", checkGradient},
		{"dropout without a scale", "DropoutMask", "maskWithoutScale", ours(),
			func(v *variant) { v.mask = maskWithoutScale },
			"checking every factor of a mask", checkMask},
		{"weights updated before use", "Backward", "backwardAfterUpdate", slow(),
			func(v *variant) { v.backward = backwardAfterUpdate },
			"a training step against its parts, one by one", checkStep},
		{"loss = 0 in the loop", "meanLoss", "meanLossForgotten", ours(),
			func(v *variant) { v.epoch = meanLossForgotten },
			"losses whose mean is known", checkMeanLoss},
		{"stride that only changes the size", "everySecond", "everyFirst", strided(),
			func(v *variant) { v.stride(everyFirst, everyFirstGrad) },
			"plain loops", checkStride},
		{"0·log 0", "CrossEntropy", "crossEntropyOfProbabilities", ours(),
			func(v *variant) { v.loss = crossEntropyOfProbabilities },
			"logits that are far apart", checkFinite},
		{"pixels from 0 to 255", "NewImage", "newImageOfBytes", slow(),
			func(v *variant) { v.image = newImageOfBytes },
			"the first loss", checkFirstLoss},
	}
}

// broken returns the three mistakes that break the network, at our own hyperparameters.
func broken() (all []exhibit) {
	for _, k := range []int{0, 2, 6} {
		e := exhibits()[k]
		e.name += ourHyperparameters
		e.sound = ours()
		all = append(all, e)
	}
	return all
}

const ourHyperparameters = ", our hyperparameters"

// spoiled returns the exhibit's variant with the mistake in it.
func (e exhibit) spoiled() variant {
	v := e.sound
	v.name, v.counterpart = e.name, e.sound.name
	e.spoil(&v)
	return v
}

// variants returns all variants, in the order of docs/museum.json.
func variants() []variant {
	all := []variant{ours(), slow(), gentle(), strided()}
	for _, e := range slices.Concat(exhibits(), broken()) {
		all = append(all, e.spoiled())
	}
	return all
}

// ours trains as examples/train -schedule constant -rate 0.0062 does.
func ours() variant {
	return variant{
		name: "ours", rate: ourRate, dropout: ourDropout,
		image: convnet.NewImage, mask: convnet.DropoutMask,
		forward: (*convnet.Network).Forward, backward: backward,
		loss: convnet.CrossEntropy, epoch: meanLoss,
	}
}

// Three of the mistakes break a network, sooner or later, with our own hyperparameters. So we halved
// the rate, or the dropout, until the loss ended below 2 with each of the seeds 1 to 5, well below
// the log 10 of a network that guesses.
const (
	ourRate     = 0.0062
	ourDropout  = 0.5
	slowRate    = ourRate / 16
	lessDropout = ourDropout / 8
)

// slow is ours at the rate that two of the exhibits need.
func slow() variant {
	v := ours()
	v.name, v.rate = "ours, at a sixteenth of the rate", slowRate
	return v
}

// gentle is ours with the dropout that one exhibit needs.
func gentle() variant {
	v := ours()
	v.name, v.dropout = "ours, with an eighth of the dropout", lessDropout
	return v
}

// strided is ours with a first convolution of stride 2 instead of one followed by max-pooling. Our
// network has no stride that could be wrong.
func strided() variant {
	v := ours()
	v.name = "ours, with a stride of 2"
	v.stride(everySecond, everySecondGrad)
	return v
}

// backward is Backward, which needs no rate.
func backward(n, grad *convnet.Network, d, a *convnet.Activations, label int, _ float64) {
	n.Backward(grad, d, a, label)
}

// meanLoss trains for one epoch, and returns the mean loss of the steps.
func meanLoss(step func(digit convnet.Digit) float64, digits []convnet.Digit) float64 {
	sum := 0.0
	for _, digit := range digits {
		sum += step(digit)
	}
	return sum / float64(len(digits))
}

// 1. The gradient flows back through units that were dropped.
func backwardWithoutMasks(n, grad *convnet.Network, d, a *convnet.Activations, label int, _ float64) {
	convnet.CrossEntropyGrad(d.Logits, a.Probabilities, label)
	convnet.AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.Drop2, d.Logits)
	convnet.FullyConnectedInputGrad(d.Drop2, n.Weights2, d.Logits)
	copy(d.ReLU3, d.Drop2)
	convnet.ReLUGrad(asMatrix(d.Hidden), asMatrix(a.Hidden), asMatrix(d.ReLU3))
	convnet.AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, d.Hidden)
	convnet.FullyConnectedInputGrad(d.Drop1, n.Weights1, d.Hidden)
	copy(d.Flat, d.Drop1)
	convnet.Unflatten(d.Pool2, d.Flat)
	eachMapGrad(convnet.MaxPoolGrad, d.ReLU2, a.ReLU2, d.Pool2)
	eachMapGrad(convnet.ReLUGrad, d.Conv2, a.Conv2, d.ReLU2)
	convnet.AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.Conv2)
	convnet.Conv2DInputGrad(d.Pool1, n.Filters2, d.Conv2)
	eachMapGrad(convnet.MaxPoolGrad, d.ReLU1, a.ReLU1, d.Pool1)
	eachMapGrad(convnet.ReLUGrad, d.Conv1, a.Conv1, d.ReLU1)
	convnet.AddConv2DFilterGrad(grad.Filters1, a.Image, d.Conv1)
}

// 2. Half of the units are dropped, and nothing makes up for it.
func maskWithoutScale(mask []float64, p float64, rng *rand.Rand) {
	if !(p >= 0 && p < 1) {
		panic(fmt.Sprintf("convnet: DropoutMask: p is %v, want 0 ≤ p < 1", p))
	}
	for x := range mask {
		mask[x] = when(p == 0 || rng.Float64() >= p, 1)
	}
}

// 3. The weights take their step before the gradient goes back through them.
func backwardAfterUpdate(n, grad *convnet.Network, d, a *convnet.Activations, label int, rate float64) {
	convnet.CrossEntropyGrad(d.Logits, a.Probabilities, label)
	convnet.AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.Drop2, d.Logits)
	convnet.FullyConnectedInputGrad(d.Drop2, n.Weights2, d.Logits)
	convnet.Dropout(d.ReLU3, d.Drop2, a.Mask2)
	convnet.ReLUGrad(asMatrix(d.Hidden), asMatrix(a.Hidden), asMatrix(d.ReLU3))
	convnet.AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, d.Hidden)
	for i, weights := range n.Weights1 {
		descend(weights, grad.Weights1[i], rate)
		clear(grad.Weights1[i])
	}
	convnet.FullyConnectedInputGrad(d.Drop1, n.Weights1, d.Hidden)
	convnet.Dropout(d.Flat, d.Drop1, a.Mask1)
	convnet.Unflatten(d.Pool2, d.Flat)
	eachMapGrad(convnet.MaxPoolGrad, d.ReLU2, a.ReLU2, d.Pool2)
	eachMapGrad(convnet.ReLUGrad, d.Conv2, a.Conv2, d.ReLU2)
	convnet.AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.Conv2)
	convnet.Conv2DInputGrad(d.Pool1, n.Filters2, d.Conv2)
	eachMapGrad(convnet.MaxPoolGrad, d.ReLU1, a.ReLU1, d.Pool1)
	eachMapGrad(convnet.ReLUGrad, d.Conv1, a.Conv1, d.ReLU1)
	convnet.AddConv2DFilterGrad(grad.Filters1, a.Image, d.Conv1)
}

// 4. The sum starts again with every digit.
func meanLossForgotten(step func(digit convnet.Digit) float64, digits []convnet.Digit) float64 {
	sum := 0.0
	for _, digit := range digits {
		sum = 0
		sum += step(digit)
	}
	return sum / float64(len(digits))
}

// everySecond is a stride of 2: of the outputs of a convolution with stride 1, it keeps those in
// even rows and columns.
func everySecond(dst, in [][]float64) {
	for y, row := range dst {
		for x := range row {
			row[x] = in[2*y][2*x]
		}
	}
}

func everySecondGrad(dIn, _, dOut [][]float64) {
	for y, row := range dIn {
		clear(row)
		for x := 0; y%2 == 0 && x < len(row); x += 2 {
			row[x] = dOut[y/2][x/2]
		}
	}
}

// 5. The output has the size that a stride of 2 gives it, but the kernel moves by 1.
func everyFirst(dst, in [][]float64) {
	for y, row := range dst {
		for x := range row {
			row[x] = in[y][x]
		}
	}
}

func everyFirstGrad(dIn, _, dOut [][]float64) {
	for _, row := range dIn {
		clear(row)
	}
	for y, row := range dOut {
		copy(dIn[y], row)
	}
}

// 6. The loss is computed from probabilities, which underflow to 0.
func crossEntropyOfProbabilities(logits []float64, label int) (loss float64) {
	m := slices.Max(logits)
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(l - m)
	}
	for k, l := range logits {
		target := when(k == label, 1)
		loss -= target * math.Log(math.Exp(l-m)/sum)
	}
	return loss
}

// 7. A pixel is a byte, from 0 to 255.
func newImageOfBytes(pixels []byte) [][]float64 {
	image := convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
	for k, value := range pixels {
		image[k/convnet.ImageSide][k%convnet.ImageSide] = float64(value)
	}
	return image
}

// 8. The exercise's mistake: Backward adds to the gradient, and nobody clears it before the next
// digit.
func stepWithoutClear(n, grad *convnet.Network, d, a *convnet.Activations, digit convnet.Digit, rate float64) (loss float64) {
	n.Forward(a, digit.Image)
	n.Backward(grad, d, a, digit.Label)
	n.Update(grad, rate)
	return convnet.CrossEntropy(a.Logits, digit.Label)
}

// stride replaces the first max-pooling by a stride.
func (v *variant) stride(stride func(dst, in [][]float64), strideGrad func(dIn, in, dOut [][]float64)) {
	v.forward = func(n *convnet.Network, a *convnet.Activations, image [][]float64) {
		n.Forward(a, image)
		eachMap(stride, a.Pool1, a.ReLU1)
		convnet.Conv2D(a.Conv2, a.Pool1, n.Filters2)
		eachMap(convnet.ReLU, a.ReLU2, a.Conv2)
		eachMap(convnet.MaxPool, a.Pool2, a.ReLU2)
		convnet.Flatten(a.Flat, a.Pool2)
		convnet.Dropout(a.Drop1, a.Flat, a.Mask1)
		convnet.FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)
		convnet.ReLU(asMatrix(a.ReLU3), asMatrix(a.Hidden))
		convnet.Dropout(a.Drop2, a.ReLU3, a.Mask2)
		convnet.FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
		convnet.Softmax(a.Probabilities, a.Logits)
	}
	v.backward = func(n, grad *convnet.Network, d, a *convnet.Activations, label int, _ float64) {
		conv1 := grad.Tensors()[0].Data
		before := slices.Clone(conv1)
		n.Backward(grad, d, a, label)
		copy(conv1, before) // what Backward added went back through max-pooling
		eachMapGrad(strideGrad, d.ReLU1, a.ReLU1, d.Pool1)
		eachMapGrad(convnet.ReLUGrad, d.Conv1, a.Conv1, d.ReLU1)
		convnet.AddConv2DFilterGrad(grad.Filters1, a.Image, d.Conv1)
	}
}
