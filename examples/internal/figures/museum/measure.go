package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"convnet"
	"convnet/examples/internal/parallel"
)

// The experiment: five sets of 1,000 digits, and ten epochs on each, with five seeds.
const (
	setSize = 1000
	epochs  = 10
	seeds   = 5
)

// An outcome is a line of docs/museum.json.
type outcome struct {
	Name        string
	Counterpart string // the name of the variant without the mistake; empty if there is no mistake
	Rate        float64
	Dropout     float64
	Losses      []float64 // of each epoch, with seed 1, up to the first that isn't finite
	Correct     []int     // test digits classified correctly, with the seeds from 1
}

// learn trains a network: set by set, for several epochs on each, one digit at a time. The masks of a
// step depend on the seed and the number of the step alone, as in examples/train.
func (v variant) learn(seed uint64, digits []convnet.Digit, size, epochs int) (n *convnet.Network, losses []float64) {
	n, grad := convnet.New(seed), convnet.NewGradient()
	d, a := convnet.NewActivations(), convnet.NewActivations()
	source := rand.NewPCG(seed, 0)
	rng := rand.New(source)
	seen := uint64(0)
	step := func(digit convnet.Digit) float64 {
		seen++
		source.Seed(seed, seen)
		v.mask(a.Mask1, v.dropout, rng)
		v.mask(a.Mask2, v.dropout, rng)
		return v.step(n, grad, d, a, digit, v.rate)
	}
	for set := range slices.Chunk(digits, size) {
		for range epochs {
			losses = append(losses, v.epoch(step, set))
		}
	}
	return n, losses
}

// step is TrainStep with the functions of v.
func (v variant) step(n, grad *convnet.Network, d, a *convnet.Activations, digit convnet.Digit, rate float64) (loss float64) {
	v.forward(n, a, digit.Image)
	v.backward(n, grad, d, a, digit.Label, rate)
	n.Update(grad, rate)
	grad.Clear()
	return v.loss(a.Logits, digit.Label)
}

// see returns digits with the images that v makes of their pixels.
func (v variant) see(digits []convnet.Digit) []convnet.Digit {
	seen := make([]convnet.Digit, len(digits))
	for k, digit := range digits {
		var pixels []byte
		for _, row := range digit.Image {
			for _, p := range row {
				pixels = append(pixels, byte(math.Round(255*p)))
			}
		}
		seen[k] = convnet.Digit{Image: v.image(pixels), Label: digit.Label}
	}
	return seen
}

// countCorrect is CountCorrect with v's forward pass.
func (v variant) countCorrect(n *convnet.Network, digits []convnet.Digit) (correct int) {
	a := convnet.NewActivations()
	for _, digit := range digits {
		v.forward(n, a, digit.Image)
		if a.Prediction() == digit.Label {
			correct++
		}
	}
	return correct
}

// measure trains each of the variants with each of the seeds, on all processors. It logs each result.
func measure(all []variant, train, test []convnet.Digit, size, epochs, seeds int, log io.Writer) []outcome {
	outcomes := make([]outcome, len(all))
	for k, v := range all {
		outcomes[k] = outcome{Name: v.name, Counterpart: v.counterpart, Rate: v.rate, Dropout: v.dropout, Correct: make([]int, seeds)}
	}
	var logging sync.Mutex
	parallel.Do(len(all)*seeds, func(job int) {
		k, s := job/seeds, job%seeds
		v, o := all[k], &outcomes[k]
		n, losses := v.learn(uint64(s+1), v.see(train), size, epochs)
		o.Correct[s] = v.countCorrect(n, v.see(test))
		if s == 0 {
			o.Losses = rounded(losses)
		}
		logging.Lock()
		defer logging.Unlock()
		fmt.Fprintf(log, "%s, seed %d: %d correct\n", v.name, s+1, o.Correct[s])
	})
	return outcomes
}

// rounded returns the losses to four decimals, up to the first that JSON can't represent.
func rounded(losses []float64) []float64 {
	short := []float64{}
	for _, loss := range losses {
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			break
		}
		short = append(short, math.Round(1e4*loss)/1e4)
	}
	return short
}
