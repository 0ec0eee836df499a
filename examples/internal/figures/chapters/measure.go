package main

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"

	"convnet"
	"convnet/examples/internal/parallel"
	"convnet/examples/internal/training"
)

// A comparison compares slopes with gradients, for one step size.
type comparison struct {
	step            float64
	median, largest float64 // of |slope − gradient| over the largest |gradient|, for the smooth weights
	others          float64 // the largest for the other weights
	crossed         int     // how many of all weights cross a kink
}

// sampled is how many weights the picture is about.
const sampled = 200

// compareAll compares some weights of conv2, with as many steps, from 0.1 down, two for each
// power of 10. The network has been trained on 200 digits, and the loss is the sum over the
// next four. Smooth weights are those that cross no kink with a step of 0.01, and therefore
// none with a smaller one.
func compareAll(train []convnet.Digit, weights, steps int) (all []comparison, smooth int) {
	const seen, digits = 200, 4
	n := convnet.New(1)
	trainer := training.New(n, 0, 1, 1)
	defer trainer.Close()
	for _, digit := range train[:seen] {
		trainer.Step([]convnet.Digit{digit}, 0.01)
	}
	l := newLoss(n, train[seen:seen+digits])
	filters, grad := conv2(n), conv2(l.grad)
	sample := rand.New(rand.NewPCG(1, 1)).Perm(len(filters))[:min(weights, len(filters))]
	_, crosses := l.compare(filters, grad, sample, 0.01)
	for _, kink := range crosses {
		if !kink {
			smooth++
		}
	}
	for k := range steps {
		c := comparison{step: math.Pow(10, -1-float64(k)/2)}
		off, now := l.compare(filters, grad, sample, c.step)
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

// conv2 returns the weights of the second convolution.
func conv2(n *convnet.Network) []float64 { return n.Tensors()[1].Data }

// A lossOf is the loss of a network on digits, with its gradient.
type lossOf struct {
	network     *convnet.Network
	digits      []convnet.Digit
	activations *convnet.Activations
	grad        *convnet.Network
}

func newLoss(n *convnet.Network, digits []convnet.Digit) *lossOf {
	l := &lossOf{n, digits, convnet.NewActivations(), convnet.NewGradient()}
	d := convnet.NewActivations()
	for _, digit := range digits {
		n.Forward(l.activations, digit.Image)
		n.Backward(l.grad, d, l.activations, digit.Label)
	}
	return l
}

// at returns the loss for the current parameters, and on which side of every kink it is.
func (l *lossOf) at() (sum float64, pattern []byte) {
	a := l.activations
	for _, digit := range l.digits {
		l.network.Forward(a, digit.Image)
		sum += convnet.CrossEntropy(a.Logits, digit.Label)
		for c := range a.Conv2 { // what comes before doesn't depend on the conv2 filters
			pattern = winners(pattern, a.ReLU2[c])
			for _, row := range a.Conv2[c] {
				pattern = signs(pattern, row)
			}
		}
		pattern = signs(pattern, a.Hidden)
	}
	return sum, pattern
}

// signs appends which values are above 0: the kinks of ReLU.
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

// winners appends which value of each 2×2 window is the largest: the kinks of max-pooling.
func winners(pattern []byte, in [][]float64) []byte {
	for y := 0; y+1 < len(in); y += 2 {
		for x := 0; x+1 < len(in[y]); x += 2 {
			window := []float64{in[y][x], in[y][x+1], in[y+1][x], in[y+1][x+1]}
			pattern = append(pattern, byte(slices.Index(window, slices.Max(window))))
		}
	}
	return pattern
}

// compare returns, for each index in sample, how far the slope over a step is from the
// gradient, divided by the largest gradient, and whether the step crosses a kink.
func (l *lossOf) compare(weights, grad []float64, sample []int, step float64) (off []float64, crosses []bool) {
	scale := max(slices.Max(grad), -slices.Min(grad))
	for _, k := range sample {
		old := weights[k]
		weights[k] = old + step
		above, patternAbove := l.at()
		weights[k] = old - step
		below, patternBelow := l.at()
		weights[k] = old
		off = append(off, math.Abs((above-below)/(2*step)-grad[k])/scale)
		crosses = append(crosses, !bytes.Equal(patternAbove, patternBelow))
	}
	return off, crosses
}

// median returns the value in the middle, or the mean of the two.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// The training set and the validation set of overfitting.
const (
	trainingCount   = 500  // the first embedded training digits
	validationCount = 1000 // the last ones
	epochs          = 20
	seeds           = 3
)

// A score is the mean loss and the accuracy in percent of a network on digits.
type score struct{ loss, accuracy float64 }

// A point is the scores after an epoch; a result is the points of all epochs, or only of the
// last.
type point struct{ training, validation score }
type result []point

// learnAll trains networks without dropout and with dropout ½, one for each seed.
func learnAll(train, validation []convnet.Digit) (runs [2][seeds]result) {
	parallel.Do(2*seeds, func(job int) {
		k, i := job/seeds, job%seeds
		dropout := []float64{0, 0.5}[k]
		runs[k][i] = learn(train, validation, dropout, uint64(i+1), i == 0)
	})
	return runs
}

// learn trains a network and measures it on the training set and on the validation set, after
// each epoch or only at the end.
func learn(train, validation []convnet.Digit, dropout float64, seed uint64, each bool) (r result) {
	trainer := training.New(convnet.New(seed), dropout, seed, 1)
	defer trainer.Close()
	for epoch := range epochs {
		for k := range train {
			trainer.Step(train[k:k+1], training.Original().Rate)
		}
		if each || epoch == epochs-1 {
			r = append(r, point{measure(trainer.Network, train), measure(trainer.Network, validation)})
		}
	}
	return r
}

// measure returns the score of n on digits, without dropout.
func measure(n *convnet.Network, digits []convnet.Digit) (s score) {
	a := convnet.NewActivations()
	for _, digit := range digits {
		if n.Predict(a, digit.Image) == digit.Label {
			s.accuracy += 100 / float64(len(digits))
		}
		s.loss += convnet.CrossEntropy(a.Logits, digit.Label) / float64(len(digits))
	}
	return s
}
