package check_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"convnet/examples/check"
)

// small returns the network of the example with its gradient for four inputs whose target is 1, and
// a checker of their loss.
func small() (n, grad *network, inputs [][]float64, c check.Checker) {
	n = newNetwork()
	grad = newGradient()
	inputs = [][]float64{{1, 2}, {-1, 0.5}, {0.5, -1}, {-0.3, 0.8}}
	for _, x := range inputs {
		n.backward(grad, x, n.forward(x)-1)
	}
	var kinks check.Kinks
	return n, grad, inputs, check.Checker{
		Loss: func() (sum float64) {
			for _, x := range inputs {
				difference := n.forward(x) - 1
				sum += difference * difference / 2
				kinks.Signs(n.hidden)
			}
			return sum
		},
		Kinks: &kinks,
	}
}

// checkError fails the test unless the error contains want, or there is none if want is empty.
func checkError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: error %v, want %q", what, err, want)
	}
}

// A correct gradient passes, and a wrong one doesn't, whatever is wrong with it.
func TestWrongGradients(t *testing.T) {
	scaleAll := func(factor float64) func(g []float64) {
		return func(g []float64) {
			for k := range g {
				g[k] *= factor
			}
		}
	}
	set := func(k int, value float64) func(g []float64) { return func(g []float64) { g[k] = value } }
	for _, c := range []struct {
		what  string
		spoil func(g []float64)
		want  string
	}{
		{"correct", scaleAll(1), ""},
		{"rounded", scaleAll(1 + 1e-9), ""},
		{"off by a millionth", scaleAll(1 + 1e-6), "they differ by 1e-06 times the largest entry"},
		{"a factor of 2", scaleAll(2), "they differ by 0.5 times the largest entry, want at most 1e-07"},
		{"the wrong sign", scaleAll(-1), "they differ by 2 times the largest"},
		{"one wrong entry, the first", set(0, 0), "entry 0: the gradient is 0 and the slope is"},
		{"one wrong entry, the last", set(5, 0.3), "entry 5: the gradient is 0.3 and the slope is"},
		{"all zeros", scaleAll(0), "the gradient is all zeros"},
		{"one NaN", set(3, math.NaN()), "the largest entry of the gradient is NaN"},
		{"one infinity", set(3, math.Inf(-1)), "the largest entry of the gradient is +Inf"},
		{"in reverse order", slices.Reverse[[]float64], "they differ by"},
	} {
		n, grad, _, checker := small()
		c.spoil(grad.weights)
		checkError(t, c.what, checker.Check(n.weights, grad.weights).Err(), c.want)
	}
}

// A backward pass that sets its gradient passes on one example. It takes two to see that it
// should have added.
func TestOverwrittenInsteadOfAdded(t *testing.T) {
	n, _, inputs, checker := small()
	last := inputs[3]
	grad := newGradient()
	n.backward(grad, last, n.forward(last)-1)
	checkError(t, "four examples", checker.Check(n.biases, grad.biases).Err(), "they differ by")

	checker.Loss, checker.Kinks = func() float64 {
		difference := n.forward(last) - 1
		return difference * difference / 2
	}, nil
	checkError(t, "one example", checker.Check(n.biases, grad.biases).Err(), "")
}

const halfStep = check.DefaultStep / 2

// An entry whose step crosses a kink has a wrong slope, so it is left out.
func TestKinks(t *testing.T) {
	for _, c := range []struct {
		what     string
		near     []float64 // inputs of ReLU near its kink
		recorded bool
		compared int
		want     string
	}{
		{"half a step above the kink", []float64{halfStep}, true, 199, ""},
		{"half a step below the kink", []float64{-halfStep}, true, 199, ""},
		{"on the kink", []float64{0}, true, 199, ""},
		{"two steps from the kink", []float64{2 * check.DefaultStep, -2 * check.DefaultStep}, true, 200, ""},
		{"a step up to the kink", []float64{-check.DefaultStep}, true, 200, ""},
		{"two of 200 near the kink", []float64{halfStep, -halfStep}, true, 198, ""},
		{"three of 200 near the kink", []float64{halfStep, -halfStep, 0}, true, 197, "only 197 of 200 entries were compared, because the others crossed a kink, want at least 99%"},
		{"a kink that isn't recorded", []float64{halfStep}, false, 200, "entry 0: the gradient is 1 and the slope is 0.75"},
	} {
		rng := rand.New(rand.NewPCG(2, 1))
		in, grad := make([]float64, 200), make([]float64, 200)
		for k := range in {
			in[k] = rng.NormFloat64()
		}
		copy(in, c.near)
		for k, v := range in {
			if v > 0 {
				grad[k] = 1
			}
		}
		var kinks check.Kinks
		checker := check.Checker{Kinks: &kinks, Loss: func() (sum float64) {
			for _, v := range in {
				sum += max(0, v)
			}
			if c.recorded {
				kinks.Signs(in)
			}
			return sum
		}}
		r := checker.Check(in, grad)
		if r.Entries != 200 || r.Checked != 200 || r.Compared != c.compared {
			t.Errorf("%s: compared %d of %d checked of %d entries, want %d of 200 of 200", c.what, r.Compared, r.Checked, r.Entries, c.compared)
		}
		checkError(t, c.what, r.Err(), c.want)
	}
}

// Where two values of a pooling window are nearly tied, both are left out, wherever they are.
func TestWinners(t *testing.T) {
	for _, shape := range [][2]int{{6, 7}, {7, 6}} { // a row or a column is left over
		rows, cols := shape[0], shape[1]
		for _, size := range []int{2, 3} {
			for _, top := range []int{0, 6 - size} { // the first window and the last
				for p := range size * size {
					for q := range p {
						block, grad := make([]float64, rows*cols), make([]float64, rows*cols)
						rng := rand.New(rand.NewPCG(3, 1))
						for k := range block {
							block[k] = rng.NormFloat64()
						}
						at := func(k int) int { return (top+k/size)*cols + top + k%size }
						block[at(p)], block[at(q)] = 9, 9-halfStep
						for _, k := range winners(block, rows, cols, size) {
							grad[k] = 1
						}
						var in [][]float64
						for y := range rows {
							in = append(in, block[y*cols:][:cols])
						}
						var kinks check.Kinks
						r := check.Checker{Kinks: &kinks, Loss: func() (sum float64) {
							for _, k := range winners(block, rows, cols, size) {
								sum += block[k]
							}
							kinks.Winners(in, size)
							return sum
						}}.Check(block, grad)
						if r.Compared != rows*cols-2 || !(r.Worst <= check.Tolerance) {
							t.Errorf("%d×%d, %d×%d windows, a tie of values %d and %d of the one at %d: compared %d of %d, the worst difference is %.1e, want all but 2, and at most %g",
								rows, cols, size, size, q, p, top, r.Compared, r.Entries, r.Worst, check.Tolerance)
						}
					}
				}
			}
		}
	}
}

// winners returns the indices of the windows' maxima.
func winners(block []float64, rows, cols, size int) (indices []int) {
	for y := 0; y+size <= rows; y += size {
		for x := 0; x+size <= cols; x += size {
			best := y*cols + x
			for k := range size * size {
				if at := (y+k/size)*cols + x + k%size; block[at] > block[best] {
					best = at
				}
			}
			indices = append(indices, best)
		}
	}
	return indices
}

// A loss that is random, or isn't finite, has no slope.
func TestLossesWithoutASlope(t *testing.T) {
	n, grad, _, checker := small()
	sound, rng := checker.Loss, rand.New(rand.NewPCG(1, 1))
	checker.Loss = func() float64 { return sound() * (1 + 1e-12*rng.Float64()) }
	checkError(t, "a random loss", checker.Check(n.weights, grad.weights).Err(), "with the same parameters: draw what is random in it")
	for _, loss := range []float64{math.NaN(), math.Inf(1)} {
		checker.Loss = func() float64 { return loss }
		checkError(t, "a loss without a slope", checker.Check(n.weights, grad.weights).Err(), fmt.Sprintf("the loss is %v, want a finite number", loss))
	}
	// It may become NaN on the way.
	first, calls := sound(), 0
	checker.Loss = func() float64 {
		if calls++; calls == 2 {
			return math.NaN()
		}
		return first
	}
	checkError(t, "a loss that is NaN once", checker.Check(n.weights, grad.weights).Err(), "they differ by NaN times the largest entry")
	// A loss that reads a copy of the parameters doesn't move.
	_, _, _, checker = small()
	checkError(t, "a copy of the parameters", checker.Check(n.weights, grad.weights).Err(), "and the slope is 0:")
}

// A check leaves the parameters and what the loss computes as they were.
func TestCheckPutsEverythingBack(t *testing.T) {
	n, grad, _, checker := small()
	checker.Loss()
	before := slices.Concat(n.weights, n.biases, n.output, n.hidden)
	checker.Check(n.weights, grad.weights)
	checker.Check(n.output, grad.output)
	if after := slices.Concat(n.weights, n.biases, n.output, n.hidden); !slices.Equal(after, before) {
		t.Errorf("after the checks the network is %v, want %v", after, before)
	}
}

// A sample has as many different entries as it should, the same ones each time. They come from
// everywhere, and only these are moved.
func TestSample(t *testing.T) {
	parameters, gradient := make([]float64, 1000), make([]float64, 1000)
	for k := range gradient {
		gradient[k] = 2
	}
	for _, c := range []struct{ sample, want int }{{0, 1000}, {1, 1}, {100, 100}, {1000, 1000}, {2000, 1000}} {
		var before []bool
		for range 2 {
			moved := make([]bool, len(parameters))
			r := check.Checker{Sample: c.sample, Loss: func() (sum float64) {
				for k, p := range parameters {
					moved[k] = moved[k] || p != 0
					sum += 2 * p
				}
				return sum
			}}.Check(parameters, gradient)
			checkError(t, fmt.Sprintf("a sample of %d", c.sample), r.Err(), "")
			count := 0
			for _, m := range moved {
				if m {
					count++
				}
			}
			if r.Entries != 1000 || r.Checked != c.want || r.Compared != c.want || count != c.want {
				t.Errorf("a sample of %d: moved %d, checked %d and compared %d of %d, want %d of 1000", c.sample, count, r.Checked, r.Compared, r.Entries, c.want)
			}
			if before != nil && !slices.Equal(moved, before) {
				t.Errorf("a sample of %d: the second one differs from the first", c.sample)
			}
			before = moved
		}
		if c.sample == 100 && (!slices.Contains(before[:100], true) || !slices.Contains(before[900:], true)) {
			t.Error("a sample of 100 has no entry of the first or of the last tenth")
		}
	}
}

// A result has the largest entry and the worst difference, relative to it.
func TestResult(t *testing.T) {
	p := []float64{1, 1}
	r := check.Checker{Loss: func() float64 { return 3*p[0] - 4*p[1] }}.Check(p, []float64{3.5, -5})
	if r.Largest != 5 || math.Abs(r.Worst-0.2) > 1e-8 {
		t.Errorf("the largest entry is %v and the worst difference %v, want 5 and 0.2", r.Largest, r.Worst)
	}
	checkError(t, "two wrong entries", r.Err(), "entry 1: the gradient is -5 and the slope is -4: they differ by 0.2")

	r = check.Checker{Loss: func() float64 { return 1 }}.Check(nil, nil)
	checkError(t, "nothing", r.Err(), "no entry was checked")
	checkError(t, "a result of no check", check.Result{}.Err(), "no entry was checked")

	// The step is DefaultStep unless you say otherwise: the cube's slope at 0 is the square of the step.
	zero := []float64{0}
	for step, want := range map[float64]float64{0: check.DefaultStep * check.DefaultStep, 0.1: 0.01} {
		r := check.Checker{Step: step, Loss: func() float64 { return zero[0] * zero[0] * zero[0] }}.Check(zero, []float64{1})
		if got := 1 - r.Worst; math.Abs(got-want) > 1e-15 {
			t.Errorf("step %v: the slope of x³ is %v, want %v", step, got, want)
		}
	}
}

func TestDifferentLengthsPanic(t *testing.T) {
	defer func() {
		if got, want := recover(), "check: the gradient has 3 entries, want 2, one for each parameter"; got != want {
			t.Errorf("panic %v, want %q", got, want)
		}
	}()
	check.Checker{Loss: func() float64 { return 0 }}.Check(make([]float64, 2), make([]float64, 3))
}
