package main

import (
	"fmt"
	"math/rand/v2"

	"convnet"
	"convnet/examples/internal/training"
)

const rate, dropout = 0.0062, 0.5 // of training.Original

// growDigits trains on more and more examples, one at a time. The digits come round again
// where there are too few. Predicted is the pace of the first case.
func growDigits(train []convnet.Digit, m amount) table {
	t := table{title: "More training examples", grows: "examples", unit: "all of them, batch 1"}
	untrained := convnet.New(1)
	trainer := training.New(untrained.Clone(), dropout, 1, 1)
	defer trainer.Close()
	var cases []func()
	for _, count := range m.digits {
		cases = append(cases, func() {
			copy(trainer.Network.Parameters, untrained.Parameters)
			for k := range count {
				k %= len(train)
				trainer.Step(train[k:k+1], rate)
			}
		})
	}
	for c, ns := range m.inTurn(cases...) {
		n := float64(m.digits[c])
		_, products := learn(train, m.digits[c])
		t.rows = append(t.rows, row{size: n, measured: ns, products: n * products, all: n * allProducts()})
	}
	for k := range t.rows {
		t.rows[k].predicted = t.rows[0].measured * t.rows[k].size / t.rows[0].size
	}
	return t
}

// allProducts returns how many multiply-adds a training step has: the forward pass, the
// gradients of the weights, and the gradients at the inputs except for the pixels.
func allProducts() float64 {
	n, a := convnet.NewGradient(), convnet.NewActivations()
	conv1, conv2 := len(n.Filters1[0])*values(a.Conv1), len(n.Filters2[0])*values(a.Conv2)
	fc1, fc2 := len(n.Weights1)*len(n.Weights1[0]), len(n.Weights2)*len(n.Weights2[0])
	return float64(2*conv1 + 3*(conv2+fc1+fc2))
}

// learn returns a network trained on count examples, and the multiply-adds carried out for
// one of them, averaged over a hundred along the way.
func learn(train []convnet.Digit, count int) (n *convnet.Network, products float64) {
	n, grad := convnet.New(1), convnet.NewGradient()
	a, d := convnet.NewActivations(), convnet.NewActivations()
	rng := rand.New(rand.NewPCG(1, 1))
	looks, every := 0, max(1, count/100)
	for k := range count {
		a.DrawMasks(dropout, rng)
		n.TrainStep(grad, d, a, train[k%len(train)], rate)
		if k%every == 0 {
			looks++
			products += carriedOut(n, a, d)
		}
	}
	return n, products / float64(looks)
}

// carriedOut counts the multiply-adds that package convnet carries out for one training
// example: in the forward pass for the inputs that are not 0, in the backward pass for the
// gradients that are not 0.
func carriedOut(n *convnet.Network, a, d *convnet.Activations) float64 {
	forward := len(n.Filters1)*patches(a.Image, a.Conv1) + len(n.Filters2)*patches(a.Pool1, a.Conv2) +
		len(n.Weights1)*nonzero(a.Drop1) + len(n.Weights2)*nonzero(a.Drop2)
	backward := len(n.Filters1[0])*nonzeroMaps(d.Conv1) + 2*len(n.Filters2[0])*nonzeroMaps(d.Conv2) +
		2*len(n.Weights1[0])*nonzero(d.Hidden) + 2*len(n.Weights2[0])*nonzero(d.Logits)
	return float64(forward + backward)
}

// patches counts the values that are not 0 over all patches from which a convolution of in
// computes out.
func patches(in, out [][][]float64) (sum int) {
	rows, cols := len(in[0])-len(out[0])+1, len(in[0][0])-len(out[0][0])+1
	for _, m := range in {
		for y, row := range m {
			for x, v := range row {
				if v != 0 {
					sum += covering(y, len(m), rows) * covering(x, len(row), cols)
				}
			}
		}
	}
	return sum
}

// covering returns how many windows of the given size cover index at in a row of the given
// length.
func covering(at, length, size int) int {
	return min(at, length-size) - max(0, at-size+1) + 1
}

func nonzero(v []float64) (count int) {
	for _, x := range v {
		if x != 0 {
			count++
		}
	}
	return count
}

func nonzeroMaps(maps [][][]float64) (count int) {
	for _, m := range maps {
		for _, row := range m {
			count += nonzero(row)
		}
	}
	return count
}

// values counts the values of a volume.
func values(volume [][][]float64) int {
	return len(volume) * len(volume[0]) * len(volume[0][0])
}

// growBatches trains on the same examples in larger and larger batches. The network has
// learned from them once, and the rate is 0, so that all sizes do the same work. Predicted
// is the sum of a batch's parts, each timed alone: a forward and a backward pass for each
// example; for each of up to eight shards a gradient to clear and, except for the first, to
// add; one update. In a batch of one only the rows of weights that have a gradient are
// stepped and cleared.
func growBatches(train []convnet.Digit, m amount) table {
	t := table{title: "Larger batches", grows: "batch", unit: "one example, one worker"}
	n, _ := learn(train, len(train))
	grad, other := convnet.NewGradient(), convnet.NewGradient()
	a, d := convnet.NewActivations(), convnet.NewActivations()
	rng := rand.New(rand.NewPCG(1, 1))
	weights1, fanIn := len(n.Weights1)*len(n.Weights1[0]), len(n.Weights1[0])
	live, products := 0.0, 0.0 // live is the part of the parameters that a batch of one steps
	for _, digit := range train {
		a.DrawMasks(dropout, rng)
		n.Forward(a, digit.Image)
		n.Backward(grad, d, a, digit.Label)
		stepped := len(n.Parameters) - weights1 + fanIn*nonzero(d.Hidden)
		live += float64(stepped) / float64(len(n.Parameters)) / float64(len(train))
		products += carriedOut(n, a, d) / float64(len(train))
	}
	var cases []func()
	for _, size := range m.batches {
		trainer := training.New(n, dropout, 1, 1)
		defer trainer.Close()
		cases = append(cases, func() {
			for k := 0; k < len(train); k += size {
				trainer.Step(train[k:k+size], 0)
			}
		})
	}
	k := 0
	cases = append(cases,
		func() {
			a.DrawMasks(dropout, rng)
			n.Forward(a, train[k%len(train)].Image)
			n.Backward(grad, d, a, train[k%len(train)].Label)
			k++
		},
		func() { grad.Clear() },
		func() {
			for k, g := range grad.Parameters {
				other.Parameters[k] += g
			}
		},
		func() { n.Update(grad, 0) },
	)
	times := m.inTurn(cases...)
	parts := times[len(m.batches):]
	digit, clear, add, update := parts[0], parts[1], parts[2], parts[3]
	for c, size := range m.batches {
		predicted := digit + live*(update+clear)
		if size > 1 {
			shards := float64(min(size, 8))
			predicted = digit + (shards*clear+(shards-1)*add+update)/float64(size)
		}
		t.rows = append(t.rows, row{float64(size), times[c] / float64(len(train)), predicted, products, allProducts()})
	}
	return t
}

// growKernels convolves maps, half of whose values are 0, with larger and larger kernels
// into maps of one size. There are as many maps, and the results are as large, as in the
// second convolution. Predicted is the time of the 5×5 kernel, in proportion to the
// multiply-adds carried out.
func growKernels(m amount) table {
	a := convnet.NewActivations()
	channels, filterCount, side := len(a.Pool1), len(a.Conv2), len(a.Conv2[0])
	t := table{title: "Larger kernels", grows: "kernel's side",
		unit: fmt.Sprintf("Conv2D, %d maps to %d of %d×%d, half the inputs 0", channels, filterCount, side, side)}
	rng := rand.New(rand.NewPCG(1, 1))
	var cases []func()
	for _, size := range []int{3, 5, 7, 9} {
		in, out := convnet.NewVolume(channels, side+size-1, side+size-1), convnet.NewVolume(filterCount, side, side)
		for _, channel := range in {
			for _, row := range channel {
				for x := range row {
					row[x] = max(0, rng.NormFloat64())
				}
			}
		}
		filters := convnet.NewMatrix(filterCount, channels*size*size)
		for _, filter := range filters {
			for k := range filter {
				filter[k] = rng.NormFloat64()
			}
		}
		cases = append(cases, func() { convnet.Conv2D(out, in, filters) })
		t.rows = append(t.rows, row{size: float64(size), products: float64(filterCount * patches(in, out)), all: float64(values(out) * len(filters[0]))})
	}
	t.fill(m.inTurn(cases...), 1)
	return t
}

// growMaps convolves images, enlarged by whole numbers, with the filters of the first
// convolution. Predicted is the time of the images as they are, in proportion to the
// multiply-adds carried out.
func growMaps(test []convnet.Digit, m amount) table {
	const digits = 10
	filters := convnet.New(1).Filters1
	kernel := convnet.ImageSide - len(convnet.NewActivations().Conv1[0]) + 1
	t := table{title: "Larger maps", grows: "map's side",
		unit: fmt.Sprintf("Conv2D, 1 image to %d maps, kernel %d×%d", len(filters), kernel, kernel)}
	var cases []func()
	for _, scale := range []int{1, 2, 3, 4} {
		side := convnet.ImageSide * scale
		out := convnet.NewVolume(len(filters), side-kernel+1, side-kernel+1)
		var images [][][][]float64
		products := 0
		for _, digit := range test[:digits] {
			image := convnet.NewVolume(1, side, side)
			for y, row := range image[0] {
				for x := range row {
					row[x] = digit.Image[y/scale][x/scale]
				}
			}
			images = append(images, image)
			products += len(filters) * patches(image, out)
		}
		cases = append(cases, func() {
			for _, image := range images {
				convnet.Conv2D(out, image, filters)
			}
		})
		t.rows = append(t.rows, row{size: float64(side), products: float64(products) / digits, all: float64(values(out) * len(filters[0]))})
	}
	times := m.inTurn(cases...)
	for c := range times {
		times[c] /= digits
	}
	t.fill(times, 0)
	return t
}

// fill sets the times of a table's rows, and predicts them from those of row base.
func (t *table) fill(times []float64, base int) {
	for k := range t.rows {
		t.rows[k].measured = times[k]
		t.rows[k].predicted = times[base] * t.rows[k].products / t.rows[base].products
	}
}
