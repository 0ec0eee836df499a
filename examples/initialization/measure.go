package main

import (
	"fmt"
	"math"
	"slices"

	"convnet"
	"convnet/examples/internal/summary"
	"convnet/examples/internal/training"
)

// The rate and dropout of training.Original.
const (
	rate    = 0.0062
	dropout = 0.5
)

// together is how many steps one mean of the loss is taken over.
const together = 50

// A start is what a network's weights begin with; its biases are 0.
type start struct {
	name    string
	divisor string // in words

	// weight returns a weight of one of the layers, from what convnet.New draws for
	// it: a number of N(0,1) divided by √fan-in.
	weight func(drawn float64, layer int, fanIn float64) float64
}

// The three scales that are compared, and their places.
const asDrawn, ours, tooSmall = 0, 1, 2

var scales = []start{
	asDrawn:  {"N(0,1)", "1", func(drawn float64, _ int, fanIn float64) float64 { return drawn * math.Sqrt(fanIn) }},
	ours:     {"N(0,1)/√fan-in", "√fan-in", func(drawn float64, _ int, _ float64) float64 { return drawn }},
	tooSmall: {"N(0,1)/fan-in", "fan-in", func(drawn float64, _ int, fanIn float64) float64 { return drawn / math.Sqrt(fanIn) }},
}

var (
	// The original's README names 25 for "the filters", 18 and 10.
	original = start{divisor: "the original's figures", weight: func(drawn float64, layer int, fanIn float64) float64 {
		return drawn * math.Sqrt(fanIn) / []float64{25, 25, 18, 10}[layer]
	}}
	he = start{divisor: "√(fan-in/2), He et al.", weight: func(drawn float64, _ int, _ float64) float64 { return drawn * math.Sqrt2 }}

	constant = start{name: "all weights 1/fan-in", weight: func(_ float64, _ int, fanIn float64) float64 { return 1 / fanIn }}
	zero     = start{name: "all weights 0", weight: func(float64, int, float64) float64 { return 0 }}
)

// A layer has weights. Its fan-in is how many numbers feed one output, its fan-out
// how many outputs one number feeds, in the mean: a convolution lays a filter on
// fewer places than there are numbers.
type layer struct {
	weights       string // their name in convnet.Network
	from, to      string // stages
	fanIn, fanOut float64
}

var layers = []layer{
	{"Filters1", "Image", "Conv1", 25, 10 * 25 * (24. * 24) / (28 * 28)},
	{"Filters2", "Pool1", "Conv2", 10 * 25, 20 * 25 * (8. * 8) / (12 * 12)},
	{"Weights1", "Pool2", "Hidden", 320, 100},
	{"Weights2", "ReLU3", "Logits", 100, 10},
}

// weights returns the four tensors of weights. A row holds what one output is
// computed from, so its length is the fan-in.
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

// A stage is a place between two layers: of returns what stands there, the
// activation or its error.
type stage struct {
	name string
	of   func(a *convnet.Activations) [][][]float64
}

// stages leaves out what only hands on: without dropout Flat, Drop1 and Drop2
// are Pool2 and ReLU3.
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

// A size gathers the squares of many numbers.
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

// rms returns the root of the mean square.
func (s size) rms() float64 { return math.Sqrt(s.squares / float64(s.count)) }

// addSeen adds maps as often as filters of 5×5 see each number: those in the
// middle 25 times, one in a corner once.
func (s *size) addSeen(maps [][][]float64) {
	for _, m := range maps {
		for y, row := range m {
			for x, v := range row {
				times := places(y, len(m)) * places(x, len(row))
				s.squares += float64(times) * v * v
				s.count += times
			}
		}
	}
}

// places returns on how many places a filter 5 wide covers the k-th of n numbers,
// 9 at least.
func places(k, n int) int { return 1 + min(k, n-1-k, 4) }

// A fresh is what was seen of untrained networks.
type fresh struct {
	start       start
	activations []float64 // the root mean square at each stage, over all digits and seeds
	errors      []float64 // likewise
	seen        []float64 // the root mean square of what each layer computes its outputs from
	losses      []float64 // the mean over the digits, for each seed
	right       float64   // the part of the digits, over all seeds, that is read rightly
}

// look sends digits through untrained networks, there and back, without dropout.
func look(s start, digits []convnet.Digit, seeds int) fresh {
	a, errors, gradient := convnet.NewActivations(), convnet.NewActivations(), convnet.NewGradient()
	there, back, seen := make([]size, len(stages)), make([]size, len(stages)), make([]size, len(layers))
	f := fresh{start: s}
	for seed := range seeds {
		n, sum := s.network(uint64(seed+1)), 0.0
		for _, digit := range digits {
			n.Forward(a, digit.Image)
			n.Backward(gradient, errors, a, digit.Label)
			sum += convnet.CrossEntropy(a.Logits, digit.Label)
			if a.Answer() == digit.Label {
				f.right += 1 / float64(seeds*len(digits))
			}
			for k, stage := range stages {
				there[k].add(stage.of(a))
				back[k].add(stage.of(errors))
			}
			seen[0].addSeen(a.Image)
			seen[1].addSeen(a.Pool1)
			seen[2].add([][][]float64{{a.Drop1}})
			seen[3].add([][][]float64{{a.Drop2}})
		}
		f.losses = append(f.losses, sum/float64(len(digits)))
	}
	for k := range stages {
		f.activations = append(f.activations, there[k].rms())
		f.errors = append(f.errors, back[k].rms())
	}
	for k := range layers {
		f.seen = append(f.seen, seen[k].rms())
	}
	return f
}

// An outcome is what became of a network in training.
type outcome struct {
	start   start
	seed    uint64
	dropout float64
	losses  []float64        // of each step
	network *convnet.Network // after the last step
	live    [3]int           // maps of Conv1 and Conv2 and numbers of Hidden: those above 0 anywhere in any unseen digit
	answers [10]int          // to the unseen digits
	right   float64          // the part of them that is read rightly
}

// train takes a step on each of the digits learned, then reads the unseen ones.
func train(s start, seed uint64, dropout float64, learned, unseen []convnet.Digit) outcome {
	o := outcome{start: s, seed: seed, dropout: dropout, network: s.network(seed)}
	trainer := training.New(o.network, rate, dropout, seed, 1)
	defer trainer.Close()
	for k := range learned {
		loss, _ := trainer.Step(learned[k : k+1])
		o.losses = append(o.losses, loss)
	}
	o.read(unseen)
	return o
}

// read takes down what the trained network makes of digits.
func (o *outcome) read(unseen []convnet.Digit) {
	a := convnet.NewActivations()
	units := [][]bool{make([]bool, 10), make([]bool, 20), make([]bool, 100)}
	for _, digit := range unseen {
		answer := o.network.Predict(a, digit.Image)
		o.answers[answer]++
		if answer == digit.Label {
			o.right += 1 / float64(len(unseen))
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

// firstGradient returns the gradient of a fresh network from one digit.
func firstGradient(s start, digit convnet.Digit) *convnet.Network {
	n, gradient, a := s.network(1), convnet.NewGradient(), convnet.NewActivations()
	n.Forward(a, digit.Image)
	n.Backward(gradient, convnet.NewActivations(), a, digit.Label)
	return gradient
}

func above0(rows ...[]float64) bool {
	return slices.ContainsFunc(rows, func(row []float64) bool { return slices.Max(row) > 0 })
}

// last returns the mean loss of the last steps.
func (o outcome) last() float64 { return summary.Mean(o.losses[len(o.losses)-together:]) }

// said tells the answers in short.
func (o outcome) said() string {
	kinds := 0
	for _, n := range o.answers {
		if n > 0 {
			kinds++
		}
	}
	if kinds > 1 {
		return fmt.Sprint(kinds, " digits")
	}
	return fmt.Sprint("always ", slices.Index(o.answers[:], slices.Max(o.answers[:])))
}

// means returns the mean loss of each so many steps together.
func means(losses []float64) (m []float64) {
	for some := range slices.Chunk(losses, together) {
		m = append(m, summary.Mean(some))
	}
	return m
}

// entropy returns that of a draw that comes out so often each, in nats: the least
// mean loss that the same ten probabilities for every digit can have.
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

// different counts the rows that differ from all rows before, by more than what
// rounding may do.
func different(rows [][]float64) (count int) {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9 }
	for k, row := range rows {
		if !slices.ContainsFunc(rows[:k], func(before []float64) bool { return slices.EqualFunc(row, before, near) }) {
			count++
		}
	}
	return count
}

// A tensor is one of the network's six, under its name there.
type tensor struct {
	name    string
	numbers []float64
}

func tensors(n *convnet.Network) []tensor {
	return []tensor{
		{"Filters1", slices.Concat(n.Filters1...)},
		{"Filters2", slices.Concat(n.Filters2...)},
		{"Weights1", slices.Concat(n.Weights1...)},
		{"Biases1", n.Biases1},
		{"Weights2", slices.Concat(n.Weights2...)},
		{"Biases2", n.Biases2},
	}
}
