package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"convnet"
)

// The experiment: five sets of 1,000 digits, and ten epochs on each, with five seeds.
const (
	setSize = 1000
	epochs  = 10
	seeds   = 5
)

// An outcome is a line of docs/museum.json.
type outcome struct {
	Name    string
	Sound   string // its counterpart without the mistake; empty if it has none
	Rate    float64
	Dropout float64
	Losses  []float64 // of each epoch, with seed 1, up to the first that isn't finite
	Correct []int     // test digits classified correctly, with the seeds from 1
}

// learn trains a network: set by set, for several epochs on each, one digit at a time. The masks of a
// step depend on the seed and the number of the step alone, as in examples/train.
func (w way) learn(seed uint64, digits []convnet.Digit, size, epochs int) (n *convnet.Network, losses []float64) {
	n, grad := convnet.New(seed), convnet.NewGradient()
	d, a := convnet.NewActivations(), convnet.NewActivations()
	source := rand.NewPCG(seed, 0)
	rng := rand.New(source)
	seen := uint64(0)
	step := func(digit convnet.Digit) float64 {
		seen++
		source.Seed(seed, seen)
		w.mask(a.Mask1, w.dropout, rng)
		w.mask(a.Mask2, w.dropout, rng)
		return w.step(n, grad, d, a, digit, w.rate)
	}
	for set := range slices.Chunk(digits, size) {
		for range epochs {
			losses = append(losses, w.epoch(step, set))
		}
	}
	return n, losses
}

// step is TrainStep with the functions of w.
func (w way) step(n, grad *convnet.Network, d, a *convnet.Activations, digit convnet.Digit, rate float64) (loss float64) {
	w.forward(n, a, digit.Image)
	w.backward(n, grad, d, a, digit.Label, rate)
	n.Update(grad, rate)
	grad.Clear()
	return w.loss(a.Logits, digit.Label)
}

// see returns digits with the images that w makes of their pixels.
func (w way) see(digits []convnet.Digit) []convnet.Digit {
	seen := make([]convnet.Digit, len(digits))
	for k, digit := range digits {
		var pixels []byte
		for _, row := range digit.Image {
			for _, v := range row {
				pixels = append(pixels, byte(math.Round(255*v)))
			}
		}
		seen[k] = convnet.Digit{Image: w.image(pixels), Label: digit.Label}
	}
	return seen
}

// countCorrect is CountCorrect with w's forward pass.
func (w way) countCorrect(n *convnet.Network, digits []convnet.Digit) (correct int) {
	a := convnet.NewActivations()
	for _, digit := range digits {
		w.forward(n, a, digit.Image)
		if a.Prediction() == digit.Label {
			correct++
		}
	}
	return correct
}

// measure trains in each of the ways, with each of the seeds, on all cores. It logs each result.
func measure(all []way, train, test []convnet.Digit, size, epochs, seeds int, log io.Writer) []outcome {
	outcomes := make([]outcome, len(all))
	var logging sync.Mutex
	var running sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for k, w := range all {
		o := &outcomes[k]
		*o = outcome{Name: w.name, Sound: w.sound, Rate: w.rate, Dropout: w.dropout, Correct: make([]int, seeds)}
		for s := range seeds {
			free <- struct{}{}
			running.Add(1)
			go func() {
				n, losses := w.learn(uint64(s+1), w.see(train), size, epochs)
				o.Correct[s] = w.countCorrect(n, w.see(test))
				if s == 0 {
					o.Losses = rounded(losses)
				}
				logging.Lock()
				fmt.Fprintf(log, "%s, seed %d: %d correct\n", w.name, s+1, o.Correct[s])
				logging.Unlock()
				running.Done()
				<-free
			}()
		}
	}
	running.Wait()
	return outcomes
}

// rounded returns the losses to four decimals, up to the first that JSON has no word for.
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

// write writes outcomes, one per line.
func write(w io.Writer, outcomes []outcome) error {
	for _, o := range outcomes {
		line, err := json.Marshal(o)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// read reads what write wrote.
func read(text []byte) (outcomes []outcome, err error) {
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var o outcome
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return outcomes, nil
		}
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
	}
}
