package main

import (
	"math/rand/v2"

	"convnet"
	"convnet/examples/internal/training"
)

const rate, dropout = 0.0062, 0.5 // of training.Original

// growDigits learns from more and more digits, one at a time. The digits come
// round again where there are too few. Predicted is the pace of the first case.
func growDigits(train []convnet.Digit, counts []int, runs int) table {
	t := table{title: "More digits to learn from", grows: "digits", unit: "one pass, batch 1"}
	trainer, fresh := training.New(convnet.New(1), rate, dropout, 1, 1), convnet.New(1)
	defer trainer.Close()
	var cases []func()
	for _, count := range counts {
		cases = append(cases, func() {
			copy(trainer.Network.Parameters, fresh.Parameters)
			for k := range count {
				k %= len(train)
				trainer.Step(train[k : k+1])
			}
		})
	}
	for c, ns := range inTurn(runs, cases...) {
		n := float64(counts[c])
		_, products := learn(train, counts[c])
		t.rows = append(t.rows, row{size: n, measured: ns, products: n * products, all: n * float64(allProducts)})
	}
	for k := range t.rows {
		t.rows[k].predicted = t.rows[0].measured * t.rows[k].size / t.rows[0].size
	}
	return t
}

// allProducts is how many multiply-adds a training step has: forward, the
// gradients of filters and weights, the errors of inputs but for the pixels'.
const allProducts = 3*(10*24*24*25+20*8*8*250+100*320+10*100) - 10*24*24*25

// learn returns a network that has learned from so many digits, and the
// multiply-adds carried out for a digit, in the mean of a hundred on the way.
func learn(train []convnet.Digit, count int) (n *convnet.Network, products float64) {
	n, gradient := convnet.New(1), convnet.NewGradient()
	a, errors := convnet.NewActivations(), convnet.NewActivations()
	rng := rand.New(rand.NewPCG(1, 1))
	looks, every := 0, max(1, count/100)
	for k := range count {
		a.DrawMasks(dropout, rng)
		n.TrainStep(gradient, errors, a, train[k%len(train)], rate)
		if k%every == 0 {
			looks++
			products += carriedOut(a, errors)
		}
	}
	return n, products / float64(looks)
}

// carriedOut counts the multiply-adds that package convnet carries out for one
// digit: forward for the inputs that are not zero, backward for the errors that
// are not.
func carriedOut(a, errors *convnet.Activations) float64 {
	forward := 10*patches(a.Image, 5) + 20*patches(a.Pool1, 5) + 100*nonzero(a.Drop1) + 10*nonzero(a.Drop2)
	backward := 25*nonzeroMaps(errors.Conv1) + 2*250*nonzeroMaps(errors.Conv2) +
		2*320*nonzero(errors.Hidden) + 2*100*nonzero(errors.Logits)
	return float64(forward + backward)
}

// patches sums the numbers that are not zero over all patches of size×size.
func patches(in [][][]float64, size int) (sum int) {
	for _, m := range in {
		for y, row := range m {
			for x, v := range row {
				if v != 0 {
					sum += covering(y, len(m), size) * covering(x, len(row), size)
				}
			}
		}
	}
	return sum
}

// covering returns how many windows of size cover place at of a row of length.
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

// growBatches learns from the same digits in larger and larger batches, at rate 0,
// so that all sizes do the same work: on a network that has learned from these
// digits once. Predicted is the sum of what a batch is made of, each part timed
// alone: forward and backward for each digit; for each of up to eight shards a
// gradient to clear and, but for the first, to add; one update. In a batch of one
// only the rows of weights that have a gradient are stepped and cleared.
func growBatches(train []convnet.Digit, runs int) table {
	t := table{title: "Larger batches", grows: "batch", unit: "one digit, one worker"}
	n, _ := learn(train, len(train))
	gradient, other := convnet.NewGradient(), convnet.NewGradient()
	a, errors := convnet.NewActivations(), convnet.NewActivations()
	errors.Image = nil
	rng := rand.New(rand.NewPCG(1, 1))
	live, products := 0.0, 0.0
	for _, digit := range train {
		a.DrawMasks(dropout, rng)
		n.Forward(a, digit.Image)
		n.Backward(gradient, errors, a, digit.Label)
		live += float64(6360+320*nonzero(errors.Hidden)) / 38360 / float64(len(train))
		products += carriedOut(a, errors) / float64(len(train))
	}
	sizes := []int{1, 2, 4, 8, 16, 32, 64, 128, 256}
	var cases []func()
	for _, size := range sizes {
		trainer := training.New(n, 0, dropout, 1, 1)
		defer trainer.Close()
		cases = append(cases, func() {
			for k := 0; k < len(train); k += size {
				trainer.Step(train[k : k+size])
			}
		})
	}
	k := 0
	cases = append(cases,
		func() {
			a.DrawMasks(dropout, rng)
			n.Forward(a, train[k%len(train)].Image)
			n.Backward(gradient, errors, a, train[k%len(train)].Label)
			k++
		},
		func() { gradient.Clear() },
		func() {
			for k, g := range gradient.Parameters {
				other.Parameters[k] += g
			}
		},
		func() { n.Update(gradient, 0) },
	)
	times := inTurn(runs, cases...)
	digit, clear, add, update := times[len(sizes)], times[len(sizes)+1], times[len(sizes)+2], times[len(sizes)+3]
	for c, size := range sizes {
		predicted := digit + live*(update+clear)
		if size > 1 {
			shards := float64(min(size, 8))
			predicted = digit + (shards*clear+(shards-1)*add+update)/float64(size)
		}
		t.rows = append(t.rows, row{float64(size), times[c] / float64(len(train)), predicted, products, float64(allProducts)})
	}
	return t
}

// growKernels convolves ten maps, half of whose numbers are zero, with twenty
// filters of larger and larger kernels into maps of 8×8, as the second layer
// does. Predicted is the time of the kernel 5×5, in proportion to the
// multiply-adds carried out.
func growKernels(runs int) table {
	t := table{title: "Larger kernels", grows: "kernel's side", unit: "Conv2D, 10 maps to 20 of 8×8, half the numbers zero"}
	rng := rand.New(rand.NewPCG(1, 1))
	var cases []func()
	for _, size := range []int{3, 5, 7, 9} {
		in, out := convnet.NewMaps(10, 7+size, 7+size), convnet.NewMaps(20, 8, 8)
		for _, m := range in {
			for _, row := range m {
				for x := range row {
					row[x] = max(0, rng.NormFloat64())
				}
			}
		}
		filters := convnet.NewMatrix(20, 10*size*size)
		for _, filter := range filters {
			for k := range filter {
				filter[k] = rng.NormFloat64()
			}
		}
		cases = append(cases, func() { convnet.Conv2D(out, in, filters) })
		t.rows = append(t.rows, row{size: float64(size), products: float64(20 * patches(in, size)), all: float64(20 * 64 * 10 * size * size)})
	}
	t.fill(inTurn(runs, cases...), 1)
	return t
}

// growMaps convolves digits, enlarged by whole numbers, with the ten filters of
// the first layer. Predicted is the time of 28×28, in proportion to the
// multiply-adds carried out.
func growMaps(test []convnet.Digit, runs int) table {
	const digits = 10
	t := table{title: "Larger maps", grows: "map's side", unit: "Conv2D, 1 digit to 10 maps, kernel 5×5"}
	filters := convnet.New(1).Filters1
	var cases []func()
	for _, scale := range []int{1, 2, 3, 4} {
		side := 28 * scale
		out := convnet.NewMaps(10, side-4, side-4)
		var images [][][][]float64
		products := 0
		for _, digit := range test[:digits] {
			image := convnet.NewMaps(1, side, side)
			for y, row := range image[0] {
				for x := range row {
					row[x] = digit.Image[y/scale][x/scale]
				}
			}
			images = append(images, image)
			products += 10 * patches(image, 5)
		}
		cases = append(cases, func() {
			for _, image := range images {
				convnet.Conv2D(out, image, filters)
			}
		})
		t.rows = append(t.rows, row{size: float64(side), products: float64(products) / digits, all: float64(10 * (side - 4) * (side - 4) * 25)})
	}
	times := inTurn(runs, cases...)
	for c := range times {
		times[c] /= digits
	}
	t.fill(times, 0)
	return t
}

// fill sets the times of a table's rows, and the predictions from the row base.
func (t *table) fill(times []float64, base int) {
	for k := range t.rows {
		t.rows[k].measured = times[k]
		t.rows[k].predicted = times[base] * t.rows[k].products / t.rows[base].products
	}
}
