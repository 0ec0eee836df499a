package main

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"convnet"
	"convnet/examples/internal/training"
)

// A comparison is of slopes with gradients, for one step.
type comparison struct {
	step            float64
	median, largest float64 // of |slope − gradient| over the largest |gradient|, for the smooth numbers
	others          float64 // the largest for the others
	crossed         int     // how many of all cross a kink
}

// compareAll compares 200 numbers of conv2.weight, with steps from 0.1 down to 10⁻¹², two
// for each power of 10. The network has learned from 200 digits, and the loss is that of
// the next four together. Smooth are those numbers that cross no kink with a step of
// 0.01; so they cross none with a smaller one.
func compareAll(m *material) (all []comparison, smooth int) {
	const learned, digits, numbers = 200, 4, 200
	n := convnet.New(1)
	trainer := training.New(n, 0.01, 0, 1, 1)
	defer trainer.Close()
	for _, digit := range m.train[:learned] {
		trainer.Step([]convnet.Digit{digit})
	}
	l := newLoss(n, m.train[learned:learned+digits])
	filters, gradient := n.Parameters[250:5250], l.gradient.Parameters[250:5250]
	sample := rand.New(rand.NewPCG(1, 1)).Perm(len(filters))[:numbers]
	_, crosses := l.compare(filters, gradient, sample, 0.01)
	for _, kink := range crosses {
		if !kink {
			smooth++
		}
	}
	for k := range 23 {
		c := comparison{step: math.Pow(10, -1-float64(k)/2)}
		off, now := l.compare(filters, gradient, sample, c.step)
		var those []float64
		for i, kink := range crosses {
			if kink {
				c.others = max(c.others, off[i])
			} else {
				those = append(those, off[i])
			}
			if now[i] {
				c.crossed++
			}
		}
		c.median, c.largest = median(those), slices.Max(those)
		all = append(all, c)
	}
	return all, smooth
}

// A lossOf is the loss of a network on digits, with its gradient.
type lossOf struct {
	network     *convnet.Network
	digits      []convnet.Digit
	activations *convnet.Activations
	gradient    *convnet.Network
}

func newLoss(n *convnet.Network, digits []convnet.Digit) *lossOf {
	l := &lossOf{n, digits, convnet.NewActivations(), convnet.NewGradient()}
	errors := convnet.NewActivations()
	for _, digit := range digits {
		n.Forward(l.activations, digit.Image)
		n.Backward(l.gradient, errors, l.activations, digit.Label)
	}
	return l
}

// at returns the loss as the parameters are now, and which side of every kink it is on.
func (l *lossOf) at() (sum float64, pattern []byte) {
	a := l.activations
	for _, digit := range l.digits {
		l.network.Forward(a, digit.Image)
		sum += convnet.CrossEntropy(a.Logits, digit.Label)
		for c := range a.Conv2 { // what lies before doesn't move with the second filters
			pattern = winners(pattern, a.ReLU2[c])
			for _, row := range a.Conv2[c] {
				pattern = signs(pattern, row)
			}
		}
		pattern = signs(pattern, a.Hidden)
	}
	return sum, pattern
}

// signs appends which of the numbers are above 0: the kinks of ReLU.
func signs(pattern []byte, in []float64) []byte {
	for _, v := range in {
		if v > 0 {
			pattern = append(pattern, 1)
		} else {
			pattern = append(pattern, 0)
		}
	}
	return pattern
}

// winners appends which number of each 2×2 window is the largest: the kinks of
// max-pooling.
func winners(pattern []byte, in [][]float64) []byte {
	for y := 0; y < len(in); y += 2 {
		for x := 0; x < len(in[y]); x += 2 {
			window := []float64{in[y][x], in[y][x+1], in[y+1][x], in[y+1][x+1]}
			pattern = append(pattern, byte(slices.Index(window, slices.Max(window))))
		}
	}
	return pattern
}

// compare returns how far the slope of a step is from the gradient for each number that
// sample lists, as a part of the largest gradient, and whether the step crosses a kink.
func (l *lossOf) compare(numbers, gradient []float64, sample []int, step float64) (off []float64, crosses []bool) {
	scale := max(slices.Max(gradient), -slices.Min(gradient))
	for _, k := range sample {
		old := numbers[k]
		numbers[k] = old + step
		above, patternAbove := l.at()
		numbers[k] = old - step
		below, patternBelow := l.at()
		numbers[k] = old
		off = append(off, math.Abs((above-below)/(2*step)-gradient[k])/scale)
		crosses = append(crosses, !bytes.Equal(patternAbove, patternBelow))
	}
	return off, crosses
}

// median returns the number in the middle, or the mean of the two.
func median(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// What the networks of overfitting learn from, and what they are measured on.
const (
	learnedCount = 500  // the first embedded training digits
	othersCount  = 1000 // the last ones
	passes       = 20
	seeds        = 3
)

// A score is of a network on digits.
type score struct{ loss, percent float64 } // the mean loss, and how many are read rightly

// A point is the scores after a pass; a result is those of all passes, or of the last.
type point struct{ learned, others score }
type result []point

// learnAll trains networks without dropout and with dropout ½, one of each seed.
func learnAll(train []convnet.Digit) (runs [2][seeds]result) {
	others := train[len(train)-othersCount:]
	var wait sync.WaitGroup
	for k, dropout := range []float64{0, 0.5} {
		for i := range seeds {
			wait.Add(1)
			go func() {
				defer wait.Done()
				runs[k][i] = learn(train[:learnedCount], others, dropout, uint64(i+1), i == 0)
			}()
		}
	}
	wait.Wait()
	return runs
}

// learn trains a network on digits, pass after pass, and measures it on them and on
// others: after each pass, or only at the end.
func learn(digits, others []convnet.Digit, dropout float64, seed uint64, each bool) (r result) {
	trainer := training.New(convnet.New(seed), training.Original().Rate, dropout, seed, 1)
	defer trainer.Close()
	for pass := range passes {
		for k := range digits {
			trainer.Step(digits[k : k+1])
		}
		if each || pass == passes-1 {
			r = append(r, point{measure(trainer.Network, digits), measure(trainer.Network, others)})
		}
	}
	return r
}

// measure returns the score of n on digits, no unit dropped.
func measure(n *convnet.Network, digits []convnet.Digit) (s score) {
	a := convnet.NewActivations()
	for _, digit := range digits {
		if n.Predict(a, digit.Image) == digit.Label {
			s.percent += 100 / float64(len(digits))
		}
		s.loss += convnet.CrossEntropy(a.Logits, digit.Label) / float64(len(digits))
	}
	return s
}
