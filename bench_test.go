package convnet

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// trained returns the trainer of a network after 1,000 training steps, and the test digits.
func trained(b *testing.B) (*trainer, []Digit) {
	train, test := readMNIST(b)
	trainer := newTrainer(1, 0.0062, 0.5)
	for _, digit := range train[:1000] {
		trainer.step(digit)
	}
	return trainer, test
}

// BenchmarkTrainStep times a training step on one digit: forward pass, backward pass and update, with
// dropout ½.
func BenchmarkTrainStep(b *testing.B) {
	trainer, test := trained(b)
	b.ReportAllocs()
	for k := 0; b.Loop(); k++ {
		trainer.step(test[k%len(test)])
	}
}

// BenchmarkForward times the forward pass for one digit, without dropout.
func BenchmarkForward(b *testing.B) {
	trainer, test := trained(b)
	a := NewActivations()
	b.ReportAllocs()
	for k := 0; b.Loop(); k++ {
		trainer.network.Forward(a, test[k%len(test)].Image)
	}
}

// trainingInputs returns the trainer of a trained network, and the activations and gradients that its
// helpers get in training, for 32 digits. That's too many digits for a branch predictor to memorize, but
// few enough to fit in the cache.
func trainingInputs(b *testing.B) (trainer *trainer, as, ds []*Activations) {
	trainer, test := trained(b)
	for _, digit := range test[:32] {
		a, d := NewActivations(), NewActivations()
		a.DrawMasks(0.5, trainer.rng)
		trainer.network.Forward(a, digit.Image)
		trainer.network.Backward(NewGradient(), d, a, digit.Label)
		as, ds = append(as, a), append(ds, d)
	}
	return trainer, as, ds
}

// BenchmarkHelpers times each helper on realistic inputs, and the plain loops of the convolutions for
// comparison. One iteration is one digit with all its maps.
func BenchmarkHelpers(b *testing.B) {
	trainer, as, ds := trainingInputs(b)
	n, grad := trainer.network, NewGradient()
	for _, c := range []struct {
		name string
		run  func(a, d *Activations)
	}{
		{"Conv2D/layer=1", func(a, _ *Activations) { Conv2D(a.Conv1, a.Image, n.Filters1) }},
		{"Conv2D/layer=1/six-loops", func(a, _ *Activations) { naiveConv2D(a.Image, n.Filters1, kernel) }},
		{"Conv2D/layer=2", func(a, _ *Activations) { Conv2D(a.Conv2, a.Pool1, n.Filters2) }},
		{"Conv2D/layer=2/six-loops", func(a, _ *Activations) { naiveConv2D(a.Pool1, n.Filters2, kernel) }},
		{"Conv2DFilterGrad/layer=1", func(a, d *Activations) { AddConv2DFilterGrad(grad.Filters1, a.Image, d.Conv1) }},
		{"Conv2DFilterGrad/layer=2", func(a, d *Activations) { AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.Conv2) }},
		{"Conv2DInputGrad/layer=2", func(a, d *Activations) { Conv2DInputGrad(d.Pool1, n.Filters2, d.Conv2) }},
		{"Conv2DGrad/layer=1/six-loops", func(a, d *Activations) { naiveConv2DGrad(a.Image, n.Filters1, d.Conv1) }},
		{"Conv2DGrad/layer=2/six-loops", func(a, d *Activations) { naiveConv2DGrad(a.Pool1, n.Filters2, d.Conv2) }},
		{"ReLU", func(a, _ *Activations) { eachMap(ReLU, a.ReLU1, a.Conv1); eachMap(ReLU, a.ReLU2, a.Conv2) }},
		{"ReLUGrad", func(a, d *Activations) {
			eachMapGrad(ReLUGrad, d.Conv1, a.Conv1, d.ReLU1)
			eachMapGrad(ReLUGrad, d.Conv2, a.Conv2, d.ReLU2)
		}},
		{"MaxPool", func(a, _ *Activations) { eachMap(MaxPool, a.Pool1, a.ReLU1); eachMap(MaxPool, a.Pool2, a.ReLU2) }},
		{"MaxPoolGrad", func(a, d *Activations) {
			eachMapGrad(MaxPoolGrad, d.ReLU1, a.ReLU1, d.Pool1)
			eachMapGrad(MaxPoolGrad, d.ReLU2, a.ReLU2, d.Pool2)
		}},
		{"Flatten", func(a, _ *Activations) { Flatten(a.Flat, a.Pool2) }},
		{"Unflatten", func(_, d *Activations) { Unflatten(d.Pool2, d.Flat) }},
		{"DropoutMask", func(a, _ *Activations) { trainer.a.DrawMasks(0.5, trainer.rng) }},
		{"Dropout", func(a, _ *Activations) { Dropout(a.Drop1, a.Flat, a.Mask1); Dropout(a.Drop2, a.ReLU3, a.Mask2) }},
		{"FullyConnected", func(a, _ *Activations) {
			FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)
			FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
		}},
		{"FullyConnectedGrad", func(a, d *Activations) {
			AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.Drop2, d.Logits)
			FullyConnectedInputGrad(d.Drop2, n.Weights2, d.Logits)
			AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, d.Hidden)
			FullyConnectedInputGrad(d.Drop1, n.Weights1, d.Hidden)
		}},
		{"Softmax", func(a, _ *Activations) { Softmax(a.Probabilities, a.Logits) }},
		{"CrossEntropy", func(a, _ *Activations) { runtime.KeepAlive(CrossEntropy(a.Logits, 3)) }},
		{"Update", func(_, _ *Activations) { n.Update(grad, 0) }},
		{"Clear", func(_, _ *Activations) { grad.Clear() }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for k := 0; b.Loop(); k++ {
				c.run(as[k%len(as)], ds[k%len(as)])
			}
		})
	}
}

// The rungs of docs/speed.md lead step by step from plain loops to the code in layer.go, for the second
// convolution and the layers around it. TestRungs compares the convolutions and their gradients with the
// plain loops, and the others with the helpers in layer.go. BenchmarkRungs times them all.

type convolution func(dst, in [][][]float64, filters [][]float64)

// convolutions are the rungs of Conv2D, for 5×5 kernels. sixLoops is in layer_test.go.
var convolutions = []struct {
	name string
	run  convolution
}{
	{"1-six-loops", sixLoops},
	{"2-rows-outside", rowsOutside},
	{"3-sum-in-register", sumInRegister},
	{"4-sliding-window", slidingWindow},
	{"5-without-zeros", withoutZeros},
	{"6-five-filters", fiveFilters},
	{"7-strips", Conv2D},
}

// rowsOutside looks up the rows of input and kernel only once for five products.
func rowsOutside(dst, in [][][]float64, filters [][]float64) {
	for f, filter := range filters {
		for y, out := range dst[f] {
			for x := range out {
				out[x] = 0
				for c, m := range in {
					for i, row := range m[y : y+5] {
						kernelRow := filter[(c*5+i)*5:][:5]
						for j, v := range row[x : x+5] {
							out[x] += v * kernelRow[j]
						}
					}
				}
			}
		}
	}
}

// sumInRegister sums in a variable and writes each value of dst once.
func sumInRegister(dst, in [][][]float64, filters [][]float64) {
	for f, filter := range filters {
		for y, out := range dst[f] {
			for x := range out {
				sum := 0.0
				for c, m := range in {
					for i, row := range m[y : y+5] {
						kernelRow := filter[(c*5+i)*5:][:5]
						for j, v := range row[x : x+5] {
							sum += v * kernelRow[j]
						}
					}
				}
				out[x] = sum
			}
		}
	}
}

// slidingWindow keeps a row of the kernel and the five inputs under it in registers. A step to the right
// loads one more input.
func slidingWindow(dst, in [][][]float64, filters [][]float64) {
	for _, m := range dst {
		clearRows(m)
	}
	for f, filter := range filters {
		for c, m := range in {
			for i := range 5 {
				w := filter[(c*5+i)*5:][:5]
				w0, w1, w2, w3, w4 := w[0], w[1], w[2], w[3], w[4]
				for y, out := range dst[f] {
					row := m[y+i]
					v0, v1, v2, v3 := row[0], row[1], row[2], row[3]
					right := row[4 : 4+len(out)]
					for x, v4 := range right {
						out[x] += v0*w0 + v1*w1 + v2*w2 + v3*w3 + v4*w4
						v0, v1, v2, v3 = v1, v2, v3, v4
					}
				}
			}
		}
	}
}

// patch lists the terms of a patch.
func patch(terms []term, in [][][]float64, y, x int) []term {
	n := 0
	for c, m := range in {
		for i, row := range m[y : y+5] {
			for j, v := range row[x : x+5] {
				n = addTerm(terms, n, (c*5+i)*5+j, v)
			}
		}
	}
	return terms[:n]
}

// withoutZeros lists the nonzero inputs of a patch, and multiplies only those.
func withoutZeros(dst, in [][][]float64, filters [][]float64) {
	var list [250]term
	for y := range dst[0] {
		for x := range dst[0][y] {
			terms := patch(list[:], in, y, x)
			for f, filter := range filters {
				sum := 0.0
				for _, t := range terms {
					sum += t.value * filter[t.index]
				}
				dst[f][y][x] = sum
			}
		}
	}
}

// fiveFilters computes five sums side by side.
func fiveFilters(dst, in [][][]float64, filters [][]float64) {
	var list [250]term
	for y := range dst[0] {
		for x := range dst[0][y] {
			terms := patch(list[:], in, y, x)
			for f := 0; f < len(filters); f += 5 {
				dst[f][y][x], dst[f+1][y][x], dst[f+2][y][x], dst[f+3][y][x], dst[f+4][y][x] = dotFive(terms, 0,
					&[5][]float64{filters[f], filters[f+1], filters[f+2], filters[f+3], filters[f+4]})
			}
		}
	}
}

// sixLoopsFilterGrad is AddConv2DFilterGrad in plain loops, one for each index in the formula.
func sixLoopsFilterGrad(dFilters [][]float64, in, dOut [][][]float64) {
	for f := range dOut {
		for y := range dOut[f] {
			for x := range dOut[f][y] {
				for c := range in {
					for i := range 5 {
						for j := range 5 {
							dFilters[f][(c*5+i)*5+j] += dOut[f][y][x] * in[c][y+i][x+j]
						}
					}
				}
			}
		}
	}
}

// addRows is AddConv2DFilterGrad without the special case for five columns.
func addRows(dFilters [][]float64, in, dOut [][][]float64) {
	for f, m := range dOut {
		for y, row := range m {
			for x, g := range row {
				if g == 0 {
					continue
				}
				for c, m := range in {
					for i, row := range m[y : y+5] {
						addScaled(dFilters[f][(c*5+i)*5:][:5], row[x:], g)
					}
				}
			}
		}
	}
}

// reluWithBranch is ReLU as you would first write it.
func reluWithBranch(dst, in [][]float64) {
	for y, row := range in {
		to := dst[y][:len(row)]
		for x, v := range row {
			if v > 0 {
				to[x] = v
			} else {
				to[x] = 0
			}
		}
	}
}

// maxPoolGradWithBranches is MaxPoolGrad as you would first write it.
func maxPoolGradWithBranches(dIn, in, dOut [][]float64) {
	for y, row := range dOut {
		top, bottom, dTop, dBottom := in[2*y], in[2*y+1], dIn[2*y], dIn[2*y+1]
		clear(dTop)
		clear(dBottom)
		for x, g := range row {
			a, b, c, d := top[2*x], top[2*x+1], bottom[2*x], bottom[2*x+1]
			switch {
			case a >= b && a >= c && a >= d:
				dTop[2*x] = g
			case b >= c && b >= d:
				dTop[2*x+1] = g
			case c >= d:
				dBottom[2*x] = g
			default:
				dBottom[2*x+1] = g
			}
		}
	}
}

// denseFullyConnected is FullyConnected, but one sum at a time and multiplying by zeros, too.
func denseFullyConnected(dst []float64, weights [][]float64, biases, in []float64) {
	for i, row := range weights {
		sum := 0.0
		for j, v := range in {
			sum += v * row[j]
		}
		dst[i] = sum + biases[i]
	}
}

func TestRungs(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	for _, zeros := range []int{0, 6} {
		in, filters := randomMaps(rng, 10, 12, 12, zeros), randomMatrix(rng, 20, 250, 0)
		dOut := randomMaps(rng, 20, 8, 8, zeros)
		want := naiveConv2D(in, filters, 5)
		for _, c := range convolutions {
			got := randomMaps(rng, 20, 8, 8, 0)
			c.run(got, in, filters)
			near(t, c.name, got, want, rounding)
		}
		wantFilters, _ := naiveConv2DGrad(in, filters, dOut)
		for _, grad := range []func(dFilters [][]float64, in, dOut [][][]float64){sixLoopsFilterGrad, addRows} {
			dFilters := NewMatrix(20, 250)
			grad(dFilters, in, dOut)
			near(t, "gradient of the filters", dFilters, wantFilters, rounding)
		}

		m, dOutMap := dOut[0], randomMatrix(rng, 4, 4, zeros)
		got, wantMap := NewMatrix(8, 8), NewMatrix(8, 8)
		reluWithBranch(got, m)
		ReLU(wantMap, m)
		near(t, "reluWithBranch", got, wantMap, 0)
		maxPoolGradWithBranches(got, m, dOutMap)
		MaxPoolGrad(wantMap, m, dOutMap)
		near(t, "maxPoolGradWithBranches", got, wantMap, 0)

		vector, weights, biases := randomVector(rng, 320, zeros), randomMatrix(rng, 100, 320, 0), randomVector(rng, 100, 0)
		gotVector, wantVector := make([]float64, 100), make([]float64, 100)
		denseFullyConnected(gotVector, weights, biases, vector)
		FullyConnected(wantVector, weights, biases, vector)
		near(t, "denseFullyConnected", gotVector, wantVector, 1e-13)
	}
}

// BenchmarkRungs times the rungs on realistic inputs. One iteration is one digit. Counts reports, for a
// digit, how many products in conv2 have a nonzero input, and how many gradients at conv1 and conv2
// aren't 0.
func BenchmarkRungs(b *testing.B) {
	trainer, as, ds := trainingInputs(b)
	n, grad, step := trainer.network, NewGradient(), trainer.grad
	dst := NewVolume(20, 8, 8)
	run := func(name string, f func(a, d *Activations)) {
		b.Run(name, func(b *testing.B) {
			for k := 0; b.Loop(); k++ {
				f(as[k%len(as)], ds[k%len(as)])
			}
		})
	}
	b.Run("Counts", func(b *testing.B) {
		for b.Loop() { // nothing to time
		}
		terms, gradients := 0, 0
		for k, a := range as {
			for y := range 8 {
				for x := range 8 {
					terms += len(patch(make([]term, 250), a.Pool1, y, x))
				}
			}
			for _, g := range slices.Concat(values(ds[k].Conv1), values(ds[k].Conv2)) {
				if g != 0 {
					gradients++
				}
			}
		}
		b.ReportMetric(20*float64(terms)/float64(len(as)), "products")
		b.ReportMetric(float64(gradients)/float64(len(as)), "gradients")
	})
	for _, c := range convolutions {
		run("Conv2D/"+c.name, func(a, _ *Activations) { c.run(dst, a.Pool1, n.Filters2) })
	}
	run("FilterGrad/1-six-loops", func(a, d *Activations) { sixLoopsFilterGrad(grad.Filters2, a.Pool1, d.Conv2) })
	run("FilterGrad/2-without-zeros", func(a, d *Activations) { addRows(grad.Filters2, a.Pool1, d.Conv2) })
	run("FilterGrad/3-five-columns", func(a, d *Activations) { AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.Conv2) })
	// Both layers at once, because a branch predictor can memorize one alone.
	relu := func(relu func(dst, in [][]float64)) func(a, _ *Activations) {
		return func(a, _ *Activations) { eachMap(relu, a.ReLU1, a.Conv1); eachMap(relu, a.ReLU2, a.Conv2) }
	}
	run("ReLU/1-branch", relu(reluWithBranch))
	run("ReLU/2-no-branch", relu(ReLU))
	poolGrad := func(grad func(dIn, in, dOut [][]float64)) func(a, d *Activations) {
		return func(a, d *Activations) {
			eachMapGrad(grad, d.ReLU1, a.ReLU1, d.Pool1)
			eachMapGrad(grad, d.ReLU2, a.ReLU2, d.Pool2)
		}
	}
	run("MaxPoolGrad/1-branches", poolGrad(maxPoolGradWithBranches))
	run("MaxPoolGrad/2-no-branch", poolGrad(MaxPoolGrad))
	run("FullyConnected/1-dense", func(a, _ *Activations) { denseFullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1) })
	run("FullyConnected/2-without-zeros", func(a, _ *Activations) { FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1) })
	run("Update/1-all", func(_, _ *Activations) { n.Update(step, 0); step.Clear() })
	run("Update/2-rows-with-gradient", func(_, d *Activations) { n.stepActiveRows(step, d, 0) })
}

// poolFirst is TrainStep with max-pooling before ReLU, which leaves ReLU a quarter of the values.
func (t *trainer) poolFirst(digit Digit) {
	n, grad, d, a := t.network, t.grad, t.d, t.a
	a.DrawMasks(t.dropout, t.rng)
	for y, pixels := range digit.Image {
		copy(a.Image[0][y], pixels)
	}
	Conv2D(a.Conv1, a.Image, n.Filters1)
	eachMap(MaxPool, a.Pool1, a.Conv1)
	eachMap(ReLU, a.Pool1, a.Pool1)
	Conv2D(a.Conv2, a.Pool1, n.Filters2)
	eachMap(MaxPool, a.Pool2, a.Conv2)
	eachMap(ReLU, a.Pool2, a.Pool2)
	Flatten(a.Flat, a.Pool2)
	Dropout(a.Drop1, a.Flat, a.Mask1)
	FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)
	ReLU(asMatrix(a.ReLU3), asMatrix(a.Hidden))
	Dropout(a.Drop2, a.ReLU3, a.Mask2)
	FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
	Softmax(a.Probabilities, a.Logits)
	runtime.KeepAlive(CrossEntropy(a.Logits, digit.Label))

	CrossEntropyGrad(d.Logits, a.Probabilities, digit.Label)
	AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.Drop2, d.Logits)
	FullyConnectedInputGrad(d.Drop2, n.Weights2, d.Logits)
	Dropout(d.ReLU3, d.Drop2, a.Mask2)
	ReLUGrad(asMatrix(d.Hidden), asMatrix(a.Hidden), asMatrix(d.ReLU3))
	AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, d.Hidden)
	FullyConnectedInputGrad(d.Drop1, n.Weights1, d.Hidden)
	Dropout(d.Flat, d.Drop1, a.Mask1)
	Unflatten(d.Pool2, d.Flat)
	eachMapGrad(ReLUGrad, d.Pool2, a.Pool2, d.Pool2)
	eachMapGrad(MaxPoolGrad, d.Conv2, a.Conv2, d.Pool2)
	AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.Conv2)
	Conv2DInputGrad(d.Pool1, n.Filters2, d.Conv2)
	eachMapGrad(ReLUGrad, d.Pool1, a.Pool1, d.Pool1)
	eachMapGrad(MaxPoolGrad, d.Conv1, a.Conv1, d.Pool1)
	AddConv2DFilterGrad(grad.Filters1, a.Image, d.Conv1)
	n.stepActiveRows(grad, d, t.rate)
}

// Pooling first gives the same bits, except for the gradient where a window has a NaN.
func TestPoolFirst(t *testing.T) {
	train, _ := readMNIST(t)
	usual, swapped := newTrainer(1, 0.0062, 0.5), newTrainer(1, 0.0062, 0.5)
	for _, digit := range train[:200] {
		usual.step(digit)
		swapped.poolFirst(digit)
	}
	for k, p := range usual.network.Parameters {
		if got := swapped.network.Parameters[k]; math.Float64bits(got) != math.Float64bits(p) {
			t.Fatalf("parameter %d is %v after pooling first, want %v", k, got, p)
		}
	}

	zero, inf, nan := math.Copysign(0, -1), math.Inf(1), math.NaN()
	for _, c := range []struct {
		window        [4]float64
		out           float64
		usual, pooled [4]float64 // gradients at the window, where the gradient at the output is 7
	}{
		{[4]float64{-1, 2, 2, 1}, 2, [4]float64{1: 7}, [4]float64{1: 7}}, // a tie
		{[4]float64{-3, -1, -2, -1}, 0, [4]float64{}, [4]float64{}},
		{[4]float64{-1, zero, zero, -1}, 0, [4]float64{}, [4]float64{}},
		{[4]float64{-inf, -inf, zero, 0}, 0, [4]float64{}, [4]float64{}},
		{[4]float64{1, inf, 2, inf}, inf, [4]float64{1: 7}, [4]float64{1: 7}},
		{[4]float64{1, nan, 2, 3}, nan, [4]float64{3: 7}, [4]float64{}}, // the last value lets it pass, and a pooled NaN doesn't
		{[4]float64{1, nan, 2, -3}, nan, [4]float64{}, [4]float64{}},
	} {
		square := func(v *[4]float64) [][]float64 { return [][]float64{v[:2], v[2:]} }
		in, dOut := square(&c.window), [][]float64{{7}}
		var relu, dRelu, got [4]float64
		out, pool, dPool := NewMatrix(1, 1), NewMatrix(1, 1), NewMatrix(1, 1)
		same := func(what string, got, want []float64) {
			for k := range want {
				if math.Float64bits(got[k]) != math.Float64bits(want[k]) && !(math.IsNaN(got[k]) && math.IsNaN(want[k])) {
					t.Errorf("%v, %s: %v, want %v", c.window, what, got, want)
				}
			}
		}
		ReLU(square(&relu), in)
		MaxPool(out, square(&relu))
		MaxPoolGrad(square(&dRelu), square(&relu), dOut)
		ReLUGrad(square(&got), in, square(&dRelu))
		same("ReLU first", out[0], []float64{c.out})
		same("gradient, ReLU first", got[:], c.usual[:])
		MaxPool(pool, in)
		ReLU(out, pool)
		ReLUGrad(dPool, out, dOut)
		MaxPoolGrad(square(&got), in, dPool)
		same("pooling first", out[0], []float64{c.out})
		same("gradient, pooling first", got[:], c.pooled[:])
	}
}

// BenchmarkPoolFirst times a hundred steps in each order, in turn, and reports the median of the
// ratios. Both networks learn exactly the same.
func BenchmarkPoolFirst(b *testing.B) {
	usual, test := trained(b)
	swapped, _ := trained(b)
	var ratios []float64
	for k := 0; b.Loop(); k++ {
		digits := test[k*100%len(test):][:100]
		start := time.Now()
		for _, digit := range digits {
			usual.step(digit)
		}
		middle := time.Now()
		for _, digit := range digits {
			swapped.poolFirst(digit)
		}
		ratios = append(ratios, float64(time.Since(middle))/float64(middle.Sub(start)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "pool-first/relu-first")
}
