package main

import (
	"fmt"
	"math"
	"slices"

	"convnet"
	"convnet/examples/internal/stats"
	"convnet/examples/internal/training"
)

// The learning rate and dropout of training.Original.
const (
	rate    = 0.0062
	dropout = 0.5
)

// together is how many steps one mean of the loss is taken over.
const together = 50

// A start is a way to initialize a network's weights; the biases are 0.
type start struct {
	name    string
	divisor string // in words

	// weight returns a weight of one of the layers. Drawn is the weight of convnet.New, a
	// sample of N(0,1) divided by √fan-in.
	weight func(drawn float64, layer int, fanIn float64) float64
}

// The three scales that are compared: their indices.
const asDrawn, ours, tooSmall = 0, 1, 2

var scales = []start{
	asDrawn:  {"N(0,1)", "1", func(drawn float64, _ int, fanIn float64) float64 { return drawn * math.Sqrt(fanIn) }},
	ours:     {"N(0,1)/√fan-in", "√fan-in", func(drawn float64, _ int, _ float64) float64 { return drawn }},
	tooSmall: {"N(0,1)/fan-in", "fan-in", func(drawn float64, _ int, fanIn float64) float64 { return drawn / math.Sqrt(fanIn) }},
}

var (
	// The original's README gives 25 for "the filters", 18 and 10.
	original = start{divisor: "the original's divisors", weight: func(drawn float64, layer int, fanIn float64) float64 {
		return drawn * math.Sqrt(fanIn) / []float64{25, 25, 18, 10}[layer]
	}}
	he = start{divisor: "√(fan-in/2), He et al.", weight: func(drawn float64, _ int, _ float64) float64 { return drawn * math.Sqrt2 }}

	constant = start{name: "all weights 1/fan-in", weight: func(_ float64, _ int, fanIn float64) float64 { return 1 / fanIn }}
	zero     = start{name: "all weights 0", weight: func(float64, int, float64) float64 { return 0 }}
)

// A layer is a layer with weights. Its fan-in is the number of inputs to one output, its
// fan-out the number of outputs that one input goes to, on average: a convolution's filters
// cover an input near the border in fewer places.
type layer struct {
	weights       string // their name in convnet.Network
	from, to      string // stages
	fanIn, fanOut float64
}

var layers = func() []layer {
	n, a := convnet.NewGradient(), convnet.NewActivations()
	all := []layer{
		{weights: "Filters1", from: "Image", to: "Conv1"},
		{weights: "Filters2", from: "Pool1", to: "Conv2"},
		{weights: "Weights1", from: "Pool2", to: "Hidden"},
		{weights: "Weights2", from: "ReLU3", to: "Logits"},
	}
	count := func(name string) float64 {
		var s size
		s.add(stages[slices.IndexFunc(stages, func(s stage) bool { return s.name == name })].of(a))
		return float64(s.count)
	}
	for k, rows := range weights(n) {
		l := &all[k]
		l.fanIn = float64(len(rows[0]))
		l.fanOut = count(l.to) * l.fanIn / count(l.from)
	}
	return all
}()

// weights returns the four tensors of weights. A row has the weights of one output, so its
// length is the fan-in.
func weights(n *convnet.Network) [][][]float64 {
	return [][][]float64{n.Filters1, n.Filters2, n.Weights1, n.Weights2}
}

func (s start) network(seed uint64) *convnet.Network {
	n := convnet.New(seed)
	for layer, tensor := range weights(n) {
		for _, row := range tensor {
			fanIn := float64(len(row))
			for k, drawn := range row {
				row[k] = s.weight(drawn, layer, fanIn)
			}
		}
	}
	return n
}

// A stage is a place between two layers: of returns its activations or its gradients.
type stage struct {
	name string
	of   func(a *convnet.Activations) [][][]float64
}

// stages leaves out copies: without dropout, Flat and Drop1 are Pool2, and Drop2 is ReLU3.
var stages = []stage{
	{"Image", func(a *convnet.Activations) [][][]float64 { return a.Image }},
	{"Conv1", func(a *convnet.Activations) [][][]float64 { return a.Conv1 }},
	{"ReLU1", func(a *convnet.Activations) [][][]float64 { return a.ReLU1 }},
	{"Pool1", func(a *convnet.Activations) [][][]float64 { return a.Pool1 }},
	{"Conv2", func(a *convnet.Activations) [][][]float64 { return a.Conv2 }},
	{"ReLU2", func(a *convnet.Activations) [][][]float64 { return a.ReLU2 }},
	{"Pool2", func(a *convnet.Activations) [][][]float64 { return a.Pool2 }},
	{"Hidden", func(a *convnet.Activations) [][][]float64 { return [][][]float64{{a.Hidden}} }},
	{"ReLU3", func(a *convnet.Activations) [][][]float64 { return [][][]float64{{a.ReLU3}} }},
	{"Logits", func(a *convnet.Activations) [][][]float64 { return [][][]float64{{a.Logits}} }},
}

// A size sums up the squares of many values.
type size struct {
	squares float64
	count   int
}

func (s *size) add(maps [][][]float64) {
	for _, m := range maps {
		for _, row := range m {
			for _, v := range row {
				s.squares += v * v
			}
			s.count += len(row)
		}
	}
}

// rms returns the root mean square.
func (s size) rms() float64 { return math.Sqrt(s.squares / float64(s.count)) }

// addSeen adds each value of the maps as many times as kernels of kernel×kernel cover it: an
// inner one kernel² times, one in a corner once.
func (s *size) addSeen(maps [][][]float64, kernel int) {
	for _, m := range maps {
		for y, row := range m {
			for x, v := range row {
				times := places(y, len(m), kernel) * places(x, len(row), kernel)
				s.squares += float64(times) * v * v
				s.count += times
			}
		}
	}
}

// places returns in how many places a kernel of the given width covers the k-th of n values.
func places(k, n, kernel int) int { return min(k, n-kernel) - max(0, k-kernel+1) + 1 }

// A look is what we measure of untrained networks with one start.
type look struct {
	start       start
	activations []float64 // the root mean square at each stage, over all digits and seeds
	gradients   []float64 // likewise
	inputs      []float64 // the root mean square of the inputs of each layer's outputs
	losses      []float64 // the mean over the digits, for each seed
	accuracy    float64   // over all digits and seeds, 0 to 1
}

// lookAt sends digits through untrained networks, forward and backward, without dropout.
func lookAt(s start, digits []convnet.Digit, seeds int) look {
	a, d, grad := convnet.NewActivations(), convnet.NewActivations(), convnet.NewGradient()
	kernel := len(a.Image[0]) - len(a.Conv1[0]) + 1
	forward, backward, inputs := make([]size, len(stages)), make([]size, len(stages)), make([]size, len(layers))
	l := look{start: s}
	for seed := range seeds {
		n, sum := s.network(uint64(seed+1)), 0.0
		for _, digit := range digits {
			n.Forward(a, digit.Image)
			n.Backward(grad, d, a, digit.Label)
			convnet.Conv2DInputGrad(d.Image, n.Filters1, d.Conv1)
			sum += convnet.CrossEntropy(a.Logits, digit.Label)
			if a.Prediction() == digit.Label {
				l.accuracy += 1 / float64(seeds*len(digits))
			}
			for k, stage := range stages {
				forward[k].add(stage.of(a))
				backward[k].add(stage.of(d))
			}
			inputs[0].addSeen(a.Image, kernel)
			inputs[1].addSeen(a.Pool1, kernel)
			inputs[2].add([][][]float64{{a.Drop1}})
			inputs[3].add([][][]float64{{a.Drop2}})
		}
		l.losses = append(l.losses, sum/float64(len(digits)))
	}
	for k := range stages {
		l.activations = append(l.activations, forward[k].rms())
		l.gradients = append(l.gradients, backward[k].rms())
	}
	for k := range layers {
		l.inputs = append(l.inputs, inputs[k].rms())
	}
	return l
}

// An outcome is how a network fared in training.
type outcome struct {
	start       start
	seed        uint64
	dropout     float64
	losses      []float64        // of each step
	network     *convnet.Network // after the last step
	live        [3]int           // maps of Conv1 and Conv2 and units of Hidden: those above 0 anywhere for any validation digit
	predictions []int            // for the validation digits: how many of each class
	accuracy    float64          // on the validation digits, 0 to 1
}

// train takes one step on each training digit, then classifies the validation digits.
func train(s start, seed uint64, dropout float64, digits, validation []convnet.Digit) outcome {
	o := outcome{start: s, seed: seed, dropout: dropout, network: s.network(seed)}
	trainer := training.New(o.network, dropout, seed, 1)
	defer trainer.Close()
	for k := range digits {
		loss, _ := trainer.Step(digits[k:k+1], rate)
		o.losses = append(o.losses, loss)
	}
	o.validate(validation)
	return o
}

// validate records how the trained network classifies the validation digits.
func (o *outcome) validate(validation []convnet.Digit) {
	a := convnet.NewActivations()
	units := [][]bool{make([]bool, len(a.Conv1)), make([]bool, len(a.Conv2)), make([]bool, len(a.Hidden))}
	o.predictions = make([]int, len(a.Logits))
	for _, digit := range validation {
		prediction := o.network.Predict(a, digit.Image)
		o.predictions[prediction]++
		if prediction == digit.Label {
			o.accuracy += 1 / float64(len(validation))
		}
		for c, m := range a.Conv1 {
			units[0][c] = units[0][c] || above0(m...)
		}
		for c, m := range a.Conv2 {
			units[1][c] = units[1][c] || above0(m...)
		}
		for k := range a.Hidden {
			units[2][k] = units[2][k] || above0(a.Hidden[k:k+1])
		}
	}
	for k := range units {
		for _, live := range units[k] {
			if live {
				o.live[k]++
			}
		}
	}
}

// firstGradient returns the gradient of an untrained network for one digit.
func firstGradient(s start, digit convnet.Digit) *convnet.Network {
	n, grad, a := s.network(1), convnet.NewGradient(), convnet.NewActivations()
	n.Forward(a, digit.Image)
	n.Backward(grad, convnet.NewActivations(), a, digit.Label)
	return grad
}

func above0(rows ...[]float64) bool {
	return slices.ContainsFunc(rows, func(row []float64) bool { return slices.Max(row) > 0 })
}

// last returns the mean loss of the last steps.
func (o outcome) last() float64 { return stats.Mean(o.losses[len(o.losses)-together:]) }

// classes summarizes the predictions.
func (o outcome) classes() string {
	count := 0
	for _, n := range o.predictions {
		if n > 0 {
			count++
		}
	}
	if count > 1 {
		return fmt.Sprint(count, " digits")
	}
	return fmt.Sprint("always ", slices.Index(o.predictions, slices.Max(o.predictions)))
}

// means returns the mean losses of consecutive steps, taken together.
func means(losses []float64) (m []float64) {
	for some := range slices.Chunk(losses, together) {
		m = append(m, stats.Mean(some))
	}
	return m
}

// entropy returns the entropy in nats of a distribution with these counts: the lowest mean
// loss within reach of the same probabilities for every example.
func entropy(counts []int) float64 {
	all := 0
	for _, n := range counts {
		all += n
	}
	h := 0.0
	for _, n := range counts {
		if p := float64(n) / float64(all); n > 0 {
			h -= p * math.Log(p)
		}
	}
	return h
}

// different counts the rows that differ from all rows before them by more than rounding.
func different(rows [][]float64) (count int) {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9 }
	for k, row := range rows {
		if !slices.ContainsFunc(rows[:k], func(before []float64) bool { return slices.EqualFunc(row, before, near) }) {
			count++
		}
	}
	return count
}
