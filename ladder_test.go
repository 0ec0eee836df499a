package convnet

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The rungs of docs/speed.md: the second convolution and what surrounds it, from
// the plain loops to what layer.go does, step by step. TestRungs holds the
// convolutions and their gradient to the plain loops, the others to the helpers that
// they became; BenchmarkRungs times them.

type convolution func(dst, in [][][]float64, filters [][]float64)

// convolutions are the rungs of Conv2D, for kernels of 5×5; the first is the
// reference of layer_test.go.
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

// rowsOutside looks up a row of the picture and of the kernel once for five
// products.
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

// sumInRegister writes a number of dst once.
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

// slidingWindow keeps a row of the kernel in registers, and the five numbers
// under it: a step to the right reads one.
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

// patch lists the terms of one patch.
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

// withoutZeros lists what is not zero in a patch and multiplies that alone.
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

// fiveFilters has five sums grow side by side.
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

// sixLoopsFilterGrad is AddConv2DFilterGrad, a loop for each letter.
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

// addRows is AddConv2DFilterGrad without a way of its own for five columns.
func addRows(dFilters [][]float64, in, dOut [][][]float64) {
	for f, m := range dOut {
		for y, row := range m {
			for x, e := range row {
				if e == 0 {
					continue
				}
				for c, m := range in {
					for i, row := range m[y : y+5] {
						addScaled(dFilters[f][(c*5+i)*5:][:5], row[x:], e)
					}
				}
			}
		}
	}
}

// reluWithBranch is ReLU as one would write it first.
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

// maxPoolGradWithBranches is MaxPoolGrad as one would write it first.
func maxPoolGradWithBranches(dIn, in, dOut [][]float64) {
	for y, row := range dOut {
		top, bottom, dTop, dBottom := in[2*y], in[2*y+1], dIn[2*y], dIn[2*y+1]
		clear(dTop)
		clear(dBottom)
		for x, e := range row {
			a, b, c, d := top[2*x], top[2*x+1], bottom[2*x], bottom[2*x+1]
			switch {
			case a >= b && a >= c && a >= d:
				dTop[2*x] = e
			case b >= c && b >= d:
				dTop[2*x+1] = e
			case c >= d:
				dBottom[2*x] = e
			default:
				dBottom[2*x+1] = e
			}
		}
	}
}

// denseFullyConnected is FullyConnected with the zeros, and with one sum.
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

// BenchmarkRungs times the rungs on what they meet in training. One iteration is
// one digit. Counts reports how many products in conv2 have no factor 0, and how many
// gradients at conv1 and conv2 are not 0.
func BenchmarkRungs(b *testing.B) {
	trainer, as, errs := met(b)
	n, grad, step := trainer.network, NewGradient(), trainer.grad
	dst := NewVolume(20, 8, 8)
	run := func(name string, f func(a, d *Activations)) {
		b.Run(name, func(b *testing.B) {
			for k := 0; b.Loop(); k++ {
				f(as[k%len(as)], errs[k%len(as)])
			}
		})
	}
	b.Run("Counts", func(b *testing.B) {
		for b.Loop() { // nothing to time
		}
		terms, d := 0, 0
		for k, a := range as {
			for y := range 8 {
				for x := range 8 {
					terms += len(patch(make([]term, 250), a.Pool1, y, x))
				}
			}
			for _, e := range slices.Concat(numbers(errs[k].Conv1), numbers(errs[k].Conv2)) {
				if e != 0 {
					d++
				}
			}
		}
		b.ReportMetric(20*float64(terms)/float64(len(as)), "products")
		b.ReportMetric(float64(d)/float64(len(as)), "gradients")
	})
	for _, c := range convolutions {
		run("Conv2D/"+c.name, func(a, _ *Activations) { c.run(dst, a.Pool1, n.Filters2) })
	}
	run("FilterGrad/1-six-loops", func(a, d *Activations) { sixLoopsFilterGrad(grad.Filters2, a.Pool1, d.Conv2) })
	run("FilterGrad/2-without-zeros", func(a, d *Activations) { addRows(grad.Filters2, a.Pool1, d.Conv2) })
	run("FilterGrad/3-five-columns", func(a, d *Activations) { AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.Conv2) })
	// Both layers at once: a branch predictor can memorize one alone.
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
