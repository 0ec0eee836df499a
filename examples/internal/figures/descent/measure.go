package main

import (
	"fmt"
	"io"
	"math"
	"slices"

	"convnet"
	"convnet/examples/internal/parallel"
	"convnet/examples/internal/stats"
)

// step takes one step of gradient descent on a mini-batch and returns the mean loss before it.
// grad must be all zeros, and step leaves it so.
func step(n, grad *convnet.Network, d, a *convnet.Activations, batch []convnet.Digit, rate float64) (loss float64) {
	for _, digit := range batch {
		n.Forward(a, digit.Image)
		loss += convnet.CrossEntropy(a.Logits, digit.Label) / float64(len(batch))
		n.Backward(grad, d, a, digit.Label)
	}
	n.Update(grad, rate/float64(len(batch)))
	grad.Clear()
	return loss
}

// learn takes a step on each mini-batch, and returns the mean loss before each.
func learn(n *convnet.Network, train []convnet.Digit, size int, rate float64) (losses []float64) {
	grad, a, d := convnet.NewGradient(), convnet.NewActivations(), convnet.NewActivations()
	for from := 0; from < len(train); from += size {
		batch := train[from:min(from+size, len(train))]
		losses = append(losses, step(n, grad, d, a, batch, rate))
	}
	return losses
}

// momentumStep is a step on one digit with momentum.
func momentumStep(n, velocity *convnet.Network, d, a *convnet.Activations, digit convnet.Digit, rate, momentum float64) {
	for k := range velocity.Parameters {
		velocity.Parameters[k] *= momentum
	}
	n.Forward(a, digit.Image)
	n.Backward(velocity, d, a, digit.Label) // adds the gradient
	n.Update(velocity, rate)
}

// gradient returns the gradient of the mean loss over digits.
func gradient(n *convnet.Network, digits []convnet.Digit) *convnet.Network {
	grad, a, d := convnet.NewGradient(), convnet.NewActivations(), convnet.NewActivations()
	for _, digit := range digits {
		n.Forward(a, digit.Image)
		n.Backward(grad, d, a, digit.Label)
	}
	for k := range grad.Parameters {
		grad.Parameters[k] /= float64(len(digits))
	}
	return grad
}

// meanLoss returns the mean loss over digits.
func meanLoss(n *convnet.Network, digits []convnet.Digit) (loss float64) {
	a := convnet.NewActivations()
	for _, digit := range digits {
		n.Forward(a, digit.Image)
		loss += convnet.CrossEntropy(a.Logits, digit.Label) / float64(len(digits))
	}
	return loss
}

// lossAfter returns the mean loss over digits after a step against grad.
func lossAfter(n, grad *convnet.Network, digits []convnet.Digit, rate float64) float64 {
	moved := n.Clone()
	moved.Update(grad, rate)
	return meanLoss(moved, digits)
}

func dot(a, b *convnet.Network) (sum float64) {
	for k, v := range a.Parameters {
		sum += v * b.Parameters[k]
	}
	return sum
}

// tableOfLine prints how far one step lowers the loss, and how far its slope promises.
func tableOfLine(w io.Writer, train []convnet.Digit) {
	n, set := begin(train)
	whole, now := gradient(n, set), meanLoss(n, set)
	var rows [][]string
	for _, rate := range []float64{0, 0.001, 0.01, 0.1, 0.2} {
		promised, loss := now-rate*dot(whole, whole), lossAfter(n, whole, set, rate)
		rows = append(rows, []string{fmt.Sprint(rate), fmt.Sprintf("%.4f", promised), fmt.Sprintf("%.4f", loss)})
	}
	table(w, []string{"rate of the step", "promised loss", "loss"}, rows)
}

// linesOfCurvature prints the curvatures at the lowest point of the valley.
func linesOfCurvature(w io.Writer, train []convnet.Digit) {
	v, lowest := theValley(train)
	most, least := v.curvatures(lowest)
	fmt.Fprintf(w, "    across the valley   h = %.3f   2/h = %.1f\n", most, 2/most)
	fmt.Fprintf(w, "    along the valley    h = %.3f   2/h = %.1f\n", least, 2/least)
}

// alive returns how many hidden units are above 0 for at least one of the digits.
func alive(n *convnet.Network, digits []convnet.Digit) (count int) {
	a, seen := convnet.NewActivations(), make([]bool, len(n.Biases1))
	for _, digit := range digits {
		n.Forward(a, digit.Image)
		for k, v := range a.ReLU3 {
			if !seen[k] && v > 0 {
				seen[k] = true
				count++
			}
		}
	}
	return count
}

// tableOfRates prints how the loss falls within one epoch at five learning rates, and how many
// hidden units are alive at the end.
func tableOfRates(w io.Writer, train []convnet.Digit) {
	var rows [][]string
	for _, rate := range []float64{0.0001, 0.001, 0.01, 0.1, 1} {
		n := convnet.New(1)
		losses := learn(n, train[:1000], 1, rate)
		row := []string{fmt.Sprint(rate)}
		for _, from := range []int{0, 400, 900} {
			row = append(row, fmt.Sprintf("%.2f", stats.Mean(losses[from:from+100])))
		}
		rows = append(rows, append(row, fmt.Sprint(alive(n, train[:1000]))))
	}
	table(w, []string{"rate", "mean loss on digits 1 to 100", "401 to 500", "901 to 1,000", "hidden units alive"}, rows)
}

// tableOfSteps prints for how many of the nearby digits a step against the gradient of that digit
// alone lowers the loss over all of them.
func tableOfSteps(w io.Writer, train []convnet.Digit) {
	n, set := begin(train)
	now := meanLoss(n, set)
	rates := []float64{rate / 100, rate / 10, rate}
	lower := make([][]bool, len(set))
	parallel.Do(len(set), func(k int) {
		grad := gradient(n, set[k:k+1])
		for _, rate := range rates {
			lower[k] = append(lower[k], lossAfter(n, grad, set, rate) < now)
		}
	})
	var rows [][]string
	for r, rate := range rates {
		count := 0
		for _, l := range lower {
			if l[r] {
				count++
			}
		}
		rows = append(rows, []string{fmt.Sprint(rate), fmt.Sprintf("%d of %d", count, len(set))})
	}
	table(w, []string{"rate", "one digit's step lowers the loss over all"}, rows)
}

// A spread says how the gradients of mini-batches lie around the gradient of the whole set.
type spread struct {
	batches int
	cosine  float64 // mean cosine between a mini-batch's gradient and the set's
	noise   float64 // length of their difference (root mean square), over the length of the set's gradient
	uphill  float64 // share of mini-batches for which a tiny step would raise the loss over the set
}

// spreadOf measures the mini-batches of a set.
func spreadOf(n *convnet.Network, set []convnet.Digit, size int, whole *convnet.Network) (s spread) {
	s.batches = len(set) / size
	length := dot(whole, whole)
	for k := range s.batches {
		grad := gradient(n, set[k*size:(k+1)*size])
		along, own := dot(grad, whole), dot(grad, grad)
		s.cosine += along / math.Sqrt(length*own) / float64(s.batches)
		s.noise += (own - 2*along + length) / length / float64(s.batches)
		if along < 0 {
			s.uphill += 1 / float64(s.batches)
		}
	}
	s.noise = math.Sqrt(s.noise)
	return s
}

// tableOfNoise prints how far the gradients of mini-batches are from the gradient of the set.
func tableOfNoise(w io.Writer, train []convnet.Digit) {
	n, _ := begin(train)
	set := train[begun : begun+2048]
	whole := gradient(n, set)
	sizes := []int{1, 8, 64, 512}
	spreads := make([]spread, len(sizes))
	parallel.Do(len(sizes), func(k int) { spreads[k] = spreadOf(n, set, sizes[k], whole) })
	var rows [][]string
	for k, s := range spreads {
		rows = append(rows, []string{
			fmt.Sprint(sizes[k]), fmt.Sprintf("%.2f", s.cosine), fmt.Sprintf("%.2f", s.noise),
			fmt.Sprintf("%.2f", spreads[0].noise/math.Sqrt(float64(sizes[k]))), fmt.Sprintf("%.1f%%", 100*s.uphill),
		})
	}
	table(w, []string{"batch", "cosine", "noise", "noise of 1 / √batch", "uphill"}, rows)
}

const (
	seeds     = 3
	trainSize = 4000 // digits that the tables of accuracies train on; the rest is the validation set
)

// accuracies trains networks in all cases, with every seed, and returns the mean validation
// accuracies in percent.
func accuracies(validation []convnet.Digit, cases int, train func(k int, n *convnet.Network)) []float64 {
	percent := make([][]float64, cases)
	for k := range percent {
		percent[k] = make([]float64, seeds)
	}
	parallel.Do(cases*seeds, func(job int) {
		k, seed := job/seeds, job%seeds
		n := convnet.New(uint64(seed + 1))
		train(k, n)
		percent[k][seed] = 100 * float64(n.CountCorrect(validation)) / float64(len(validation))
	})
	means := make([]float64, cases)
	for k, p := range percent {
		means[k] = stats.Mean(p)
	}
	return means
}

// tableOfBatches prints the validation accuracy after one epoch, for several sizes of mini-batches,
// each at the learning rate that is best for it.
func tableOfBatches(w io.Writer, train []convnet.Digit) {
	sizes, rates := []int{1, 8, 64, 512}, []float64{0.005, 0.04, 0.32}
	means := accuracies(train[trainSize:], len(sizes)*len(rates), func(k int, n *convnet.Network) {
		learn(n, train[:trainSize], sizes[k/len(rates)], rates[k%len(rates)])
	})
	var rows [][]string
	for k, size := range sizes {
		own := means[k*len(rates) : (k+1)*len(rates)]
		best := slices.Index(own, slices.Max(own))
		rows = append(rows, []string{
			fmt.Sprint(size), stats.Thousands((trainSize + size - 1) / size), fmt.Sprint(rates[best]), fmt.Sprintf("%.0f%%", own[best]),
		})
	}
	table(w, []string{"batch", "steps in an epoch", "best rate", "validation accuracy"}, rows)
}

// tableOfMomentum prints the validation accuracy after one epoch, without momentum and with it.
func tableOfMomentum(w io.Writer, train []convnet.Digit) {
	cases := []struct{ rate, momentum float64 }{{0.005, 0}, {0.0005, 0.9}, {0.001, 0.9}}
	means := accuracies(train[trainSize:], len(cases), func(k int, n *convnet.Network) {
		velocity, a, d := convnet.NewGradient(), convnet.NewActivations(), convnet.NewActivations()
		for _, digit := range train[:trainSize] {
			momentumStep(n, velocity, d, a, digit, cases[k].rate, cases[k].momentum)
		}
	})
	var rows [][]string
	for k, c := range cases {
		rows = append(rows, []string{fmt.Sprint(c.momentum), fmt.Sprint(c.rate), fmt.Sprintf("%.0f%%", means[k])})
	}
	table(w, []string{"momentum", "rate", "validation accuracy"}, rows)
}
