package tutor

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// plain are functions as one writes them in the workshop: no helper, no check, loops to the end.
func plain() Functions {
	f := Ours()
	f.NewMatrix = func(rows, cols int) [][]float64 {
		m := make([][]float64, rows)
		for y := range m {
			m[y] = make([]float64, cols)
		}
		return m
	}
	f.NewVolume = func(channels, rows, cols int) [][][]float64 {
		var v [][][]float64
		for range channels {
			v = append(v, f.NewMatrix(rows, cols))
		}
		return v
	}
	f.Conv2D = func(dst, in [][][]float64, filters [][]float64) {
		rows, cols := len(in[0])-len(dst[0])+1, len(in[0][0])-len(dst[0][0])+1
		for f := range dst {
			for y := range dst[f] {
				for x := range dst[f][y] {
					sum := 0.0
					for c := len(in) - 1; c >= 0; c-- { // in another order
						for i := range rows {
							for j := range cols {
								sum += filters[f][(c*rows+i)*cols+j] * in[c][y+i][x+j]
							}
						}
					}
					dst[f][y][x] = sum
				}
			}
		}
	}
	f.ReLU = func(dst, in [][]float64) {
		for y := range in {
			for x := range in[y] {
				if in[y][x] > 0 {
					dst[y][x] = in[y][x]
				} else {
					dst[y][x] = 0
				}
			}
		}
	}
	f.MaxPool = func(dst, in [][]float64) {
		for y := range dst {
			for x := range dst[y] {
				best := math.Inf(-1)
				for i := range 2 {
					for j := range 2 {
						best = math.Max(best, in[2*y+i][2*x+j])
					}
				}
				dst[y][x] = best
			}
		}
	}
	f.Flatten = func(vector []float64, volume [][][]float64) {
		k := 0
		for c := range volume {
			for y := range volume[c] {
				for x := range volume[c][y] {
					vector[k] = volume[c][y][x]
					k++
				}
			}
		}
	}
	f.FullyConnected = func(dst []float64, weights [][]float64, biases, in []float64) {
		for i := range dst {
			sum := 0.0
			for j := range in {
				sum += in[j] * weights[i][j]
			}
			dst[i] = sum + biases[i]
		}
	}
	f.Softmax = func(dst, logits []float64) {
		m := logits[0]
		for _, l := range logits {
			if l > m {
				m = l
			}
		}
		sum := 0.0
		for k := range logits {
			dst[k] = math.Exp(logits[k] - m)
			sum += dst[k]
		}
		for k := range dst {
			dst[k] *= 1 / sum
		}
	}
	f.CrossEntropy = func(logits []float64, label int) float64 {
		m := logits[0]
		for _, l := range logits {
			m = math.Max(m, l)
		}
		sum := 0.0
		for _, l := range logits {
			sum += math.Exp(l - m)
		}
		return -(logits[label] - (m + math.Log(sum)))
	}
	f.CrossEntropyGrad = func(dLogits, probabilities []float64, label int) {
		for k, p := range probabilities {
			dLogits[k] = p
			if k == label {
				dLogits[k] = p - 1
			}
		}
	}
	f.AddFullyConnectedWeightGrad = func(dWeights [][]float64, dBiases, in, dOut []float64) {
		for i := range dOut {
			for j := range in {
				dWeights[i][j] += dOut[i] * in[j]
			}
			dBiases[i] += dOut[i]
		}
	}
	f.FullyConnectedInputGrad = func(dIn []float64, weights [][]float64, dOut []float64) {
		for j := range dIn {
			dIn[j] = 0
			for i := range dOut {
				dIn[j] += dOut[i] * weights[i][j]
			}
		}
	}
	f.Unflatten = func(volume [][][]float64, vector []float64) {
		k := 0
		for c := range volume {
			for y := range volume[c] {
				for x := range volume[c][y] {
					volume[c][y][x] = vector[k]
					k++
				}
			}
		}
	}
	f.MaxPoolGrad = func(dIn, in, dOut [][]float64) {
		for y := range dIn {
			for x := range dIn[y] {
				dIn[y][x] = 0
			}
		}
		for y := range dOut {
			for x := range dOut[y] {
				by, bx := 2*y, 2*x
				for i := range 2 {
					for j := range 2 {
						if in[2*y+i][2*x+j] > in[by][bx] {
							by, bx = 2*y+i, 2*x+j
						}
					}
				}
				dIn[by][bx] = dOut[y][x]
			}
		}
	}
	f.ReLUGrad = func(dIn, in, dOut [][]float64) {
		for y := range in {
			for x := range in[y] {
				if in[y][x] > 0 {
					dIn[y][x] = dOut[y][x]
				} else {
					dIn[y][x] = 0
				}
			}
		}
	}
	f.AddConv2DFilterGrad = func(dFilters [][]float64, in, dOut [][][]float64) {
		rows, cols := len(in[0])-len(dOut[0])+1, len(in[0][0])-len(dOut[0][0])+1
		for f := range dOut {
			for y := range dOut[f] {
				for x := range dOut[f][y] {
					for c := range in {
						for i := range rows {
							for j := range cols {
								dFilters[f][(c*rows+i)*cols+j] += dOut[f][y][x] * in[c][y+i][x+j]
							}
						}
					}
				}
			}
		}
	}
	f.Conv2DInputGrad = func(dIn [][][]float64, filters [][]float64, dOut [][][]float64) {
		rows, cols := len(dIn[0])-len(dOut[0])+1, len(dIn[0][0])-len(dOut[0][0])+1
		for c := range dIn {
			for y := range dIn[c] {
				for x := range dIn[c][y] {
					dIn[c][y][x] = 0
				}
			}
		}
		for f := range dOut {
			for y := range dOut[f] {
				for x := range dOut[f][y] {
					for c := range dIn {
						for i := range rows {
							for j := range cols {
								dIn[c][y+i][x+j] += dOut[f][y][x] * filters[f][(c*rows+i)*cols+j]
							}
						}
					}
				}
			}
		}
	}
	f.DropoutMask = func(mask []float64, p float64, rng *rand.Rand) {
		for x := range mask {
			mask[x] = 1
			if p > 0 && rng.Float64() > 1-p { // other draws than ours
				mask[x] = 0
			}
			mask[x] /= 1 - p
		}
	}
	f.Dropout = func(dst, in, mask []float64) {
		for x := range dst {
			dst[x] = mask[x] * in[x]
		}
	}
	return f
}

// Right functions pass, ours and plain ones.
func TestRightFunctionsPass(t *testing.T) {
	for name, f := range map[string]Functions{"ours": Ours(), "plain": plain()} {
		for _, step := range append(forwardSteps(), backwardSteps()...) {
			if v := (&report{known: remembered}).judge(&step, f); v.state != right {
				t.Errorf("%s: %s fails:\n%s", name, step.Name, v.message)
			}
		}
	}
}

// A mask of a multiplied draw, or drawn from integers, is as good as ours.
func TestAnyFairDrawPasses(t *testing.T) {
	draws := map[string]func(p float64, rng *rand.Rand) bool{
		"integers": func(p float64, rng *rand.Rand) bool { return float64(rng.IntN(1000)) < 1000*p },
		"float32":  func(p float64, rng *rand.Rand) bool { return float64(rng.Float32()) < p },
		"a second draw each time": func(p float64, rng *rand.Rand) bool {
			rng.Float64()
			return rng.Float64() < p
		},
	}
	for name, dropped := range draws {
		for _, step := range backwardSteps() {
			if step.Name != "DropoutMask" {
				continue
			}
			f := Ours()
			f.DropoutMask = func(mask []float64, p float64, rng *rand.Rand) {
				for x := range mask {
					mask[x] = 1 / (1 - p)
					if p > 0 && dropped(p, rng) {
						mask[x] = 0
					}
				}
			}
			if v := (&report{known: remembered}).judge(&step, f); v.state != right {
				t.Errorf("%s:\n%s", name, v.message)
			}
		}
	}
}

// A function that is right on the small examples only is noticed.
func TestSizesOfTheNetwork(t *testing.T) {
	for _, c := range []struct {
		step  string
		spoil func(f *Functions)
	}{
		{"Conv2D", func(f *Functions) {
			right := f.Conv2D
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				right(dst, in, w)
				for k := 16; k < len(dst[0]); k++ {
					clear(dst[0][k])
				}
			}
		}},
		{"FullyConnected", func(f *Functions) {
			right := f.FullyConnected
			f.FullyConnected = func(dst []float64, w [][]float64, b, in []float64) {
				right(dst, w, b, in)
				clear(dst[min(len(dst), 10):])
			}
		}},
		{"MaxPoolGrad", func(f *Functions) {
			right := f.MaxPoolGrad
			f.MaxPoolGrad = func(dIn, in, dOut [][]float64) {
				right(dIn, in, dOut)
				if len(in) > 10 {
					clear(dIn[10])
					clear(dIn[11])
				}
			}
		}},
		{"AddConv2DFilterGrad", func(f *Functions) {
			right := f.AddConv2DFilterGrad
			f.AddConv2DFilterGrad = func(df [][]float64, in, dOut [][][]float64) {
				right(df, in, dOut)
				clear(df[0][min(30, len(df[0])):])
			}
		}},
	} {
		for _, step := range append(forwardSteps(), backwardSteps()...) {
			if step.Name != c.step {
				continue
			}
			f := Ours()
			c.spoil(&f)
			v := (&report{known: remembered}).judge(&step, f)
			if v.state != wrong || !strings.Contains(strings.Join(strings.Fields(v.message), " "), "at the size that the network needs") {
				t.Errorf("%s: found %q", c.step, v.message)
			}
		}
	}
}
