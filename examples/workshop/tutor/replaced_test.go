package tutor

import (
	"slices"
	"strings"
	"testing"

	"convnet"
)

// A function that replaces the rows of its destination isn't right, even if the values are.
func TestReplacedRows(t *testing.T) {
	right := Ours()
	for _, c := range []struct {
		step  string
		wrong func(f *Functions)
		says  string
	}{
		{"Conv2D", func(f *Functions) {
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				for k := range dst {
					dst[k] = convnet.NewMatrix(len(dst[k]), len(dst[k][0]))
				}
				right.Conv2D(dst, in, w)
			}
		}, "The values are right, but dst[0] is another slice than before the call. Write to its entries: if you assign dst[f] = matrix, the caller's matrix stays as it is."},
		{"ReLU", func(f *Functions) {
			f.ReLU = func(dst, in [][]float64) {
				for y := range dst {
					dst[y] = make([]float64, len(in[y]))
				}
				right.ReLU(dst, in)
			}
		}, "dst[0] is another slice than before the call. Write to its entries: if you assign dst[y] = row, the caller's row stays as it is."},
		{"MaxPool", func(f *Functions) {
			f.MaxPool = func(dst, in [][]float64) {
				n := len(dst[0])
				dst[len(dst)-1] = nil
				dst[len(dst)-1] = append(dst[len(dst)-1], make([]float64, n)...)
				right.MaxPool(dst, in)
			}
		}, "dst[1] is another slice than before the call."},
		{"Unflatten", func(f *Functions) {
			f.Unflatten = func(volume [][][]float64, vector []float64) {
				for _, m := range volume {
					for y, row := range m {
						m[y], vector = vector[:len(row)], vector[len(row):]
					}
				}
			}
		}, "volume[0][0] is another slice than before the call. Write to its entries: if you assign volume[c][y] = row"},
		{"AddFullyConnectedWeightGrad", func(f *Functions) {
			f.AddFullyConnectedWeightGrad = func(dw [][]float64, db, in, dOut []float64) {
				for i, row := range dw {
					dw[i] = slices.Clone(row)
				}
				right.AddFullyConnectedWeightGrad(dw, db, in, dOut)
			}
		}, "if you assign dWeights[i] = row"},
		{"AddConv2DFilterGrad", func(f *Functions) {
			f.AddConv2DFilterGrad = func(df [][]float64, in, dOut [][][]float64) {
				for k, row := range df {
					df[k] = slices.Clone(row)
				}
				right.AddConv2DFilterGrad(df, in, dOut)
			}
		}, "if you assign dFilters[f] = row"},
		{"MaxPoolGrad", func(f *Functions) {
			f.MaxPoolGrad = func(dIn, in, dOut [][]float64) {
				for y, row := range dIn {
					dIn[y] = make([]float64, len(row))
				}
				right.MaxPoolGrad(dIn, in, dOut)
			}
		}, "if you assign dIn[y] = row"},
		{"ReLUGrad", func(f *Functions) { // which loses dOut where dIn is the same matrix
			f.ReLUGrad = func(dIn, in, dOut [][]float64) {
				for y, row := range dIn {
					dIn[y] = make([]float64, len(row))
				}
				right.ReLUGrad(dIn, in, dOut)
			}
		}, "The values are right, but dIn[0] is another slice"},
		{"Conv2DInputGrad", func(f *Functions) {
			f.Conv2DInputGrad = func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
				for c, m := range dIn {
					dIn[c] = convnet.NewMatrix(len(m), len(m[0]))
				}
				right.Conv2DInputGrad(dIn, w, dOut)
			}
		}, "if you assign dIn[c] = matrix"},
		{"Backward", func(f *Functions) {
			f.Backward = func(n, grad network, d, a activations, label int) {
				grad.Weights2[3] = slices.Clone(grad.Weights2[3])
				right.Backward(n, grad, d, a, label)
			}
		}, "The values are right, but grad.Weights2[3] is another slice than before the call. Write to its entries: grad.Parameters and the six tensors share their memory"},
		{"Update", func(f *Functions) {
			f.Update = func(n, grad network, rate float64) {
				n.Parameters = slices.Clone(n.Parameters)
				right.Update(n, grad, rate)
			}
		}, "n.Parameters is another slice than before the call."},
		{"Softmax", func(f *Functions) {
			f.Softmax = func(dst, logits []float64) {
				other := make([]float64, len(logits)) // as dst = make(…) would do
				right.Softmax(other, logits)
			}
		}, "Notice that dst is still what it was before the call."},
	} {
		f := Ours()
		c.wrong(&f)
		if v := judgeStep(c.step, f); v.state != wrong || !strings.Contains(strings.Join(strings.Fields(v.message), " "), c.says) {
			t.Errorf("%s: found %q, want %q in it", c.step, v.message, c.says)
		}
	}
}

// No known mistake replaces rows: that would be said instead of its name.
func TestKnownMistakesKeepRows(t *testing.T) {
	for _, step := range append(append(forwardSteps(), backwardSteps()...), backwardStep(), updateStep()) {
		for k, known := range remembered(&step) {
			for _, o := range known {
				if o.replaced != "" {
					t.Errorf("%s: %q replaces %s", step.Name, step.mistakes[k].says, o.replaced)
					break
				}
			}
		}
	}
}

// judgeStep judges the step with a name.
func judgeStep(name string, f Functions) verdict {
	steps := Steps()
	k := slices.IndexFunc(steps, func(s Step) bool { return s.Name == name })
	return (&report{known: remembered}).judge(&steps[k], f)
}
