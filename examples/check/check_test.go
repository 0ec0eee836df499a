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

// small returns the network of the example, its gradient for four inputs with target 1, and a checker
// for their loss.
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

// checkError fails the test unless err contains want. If want is empty, err must be nil.
func checkError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: error %v, want %q", what, err, want)
	}
}

// A correct gradient passes. A wrong one fails, whatever is wrong with it.
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
		{"the first entry wrong", set(0, 0), "entry 0: the gradient is 0 and the slope is"},
		{"the last entry wrong", set(5, 0.3), "entry 5: the gradient is 0.3 and the slope is"},
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

// An entry that isn't compared doesn't hide the others, however large it is. Still, it must be finite.
func TestLargeEntryElsewhere(t *testing.T) {
	for _, c := range []struct {
		what   string
		sample int
		kink   bool    // the step of the last parameter crosses a kink
		last   float64 // the last entry of the gradient
		spoil  float64 // the factor of all others
		want   string
	}{
		{"a large entry at a kink", 0, true, 1e9, 1, ""},
		{"a large entry at a kink, the others wrong", 0, true, 1e9, 2, "they differ by 0.5 times the largest"},
		{"a large entry outside the sample", 100, false, 1e9, 1, ""},
		{"a large entry outside the sample, the others wrong", 100, false, 1e9, 2, "they differ by 0.5 times the largest"},
		{"all zeros but the large entry", 100, false, 1e9, 0, "they differ by 1 times the largest"},
		{"a large entry among those compared", 0, false, 1e9, 1, "entry 999: the gradient is 1e+09 and the slope is 2: they differ by 1 times the largest"},
		{"NaN at a kink", 0, true, math.NaN(), 1, "the largest entry of the gradient is NaN"},
		{"infinity outside the sample", 100, false, math.Inf(1), 1, "the largest entry of the gradient is +Inf"},
	} {
		parameters, gradient := make([]float64, 1000), make([]float64, 1000)
		for k := range gradient {
			gradient[k] = 2 * c.spoil
		}
		gradient[999] = c.last
		var kinks check.Kinks
		r := check.Checker{Kinks: &kinks, Sample: c.sample, Loss: func() (sum float64) {
			for _, p := range parameters {
				sum += 2 * p
			}
			if c.kink {
				kinks.Signs(parameters[999:])
			}
			return sum
		}}.Check(parameters, gradient)
		checkError(t, c.what, r.Err(), c.want)
	}
}

// If all entries compared are 0, it doesn't help that another isn't.
func TestComparedZeros(t *testing.T) {
	parameters, gradient := make([]float64, 200), make([]float64, 200)
	gradient[7] = 3 // on a kink
	var kinks check.Kinks
	r := check.Checker{Kinks: &kinks, Loss: func() float64 {
		kinks.Signs(parameters[7:8])
		return 3 * max(0, parameters[7])
	}}.Check(parameters, gradient)
	checkError(t, "zeros and a kink", r.Err(), "the 199 entries compared are all zeros, want at least one nonzero entry")
}

// A tiny gradient passes if the loss is tiny, too, because rounding is relative.
func TestSmallGradient(t *testing.T) {
	p := []float64{0.3, -0.2}
	loss := func() float64 { return 1e-12 * (p[0]*p[0] + 3*p[1]) }
	checkError(t, "a tiny gradient", check.Checker{Loss: loss}.Check(p, []float64{0.6e-12, 3e-12}).Err(), "")
	checkError(t, "a tiny wrong gradient", check.Checker{Loss: loss}.Check(p, []float64{0.3e-12, 3e-12}).Err(), "they differ by 0.1 times the largest")
}

// With one example, a backward pass that overwrites the gradient passes. It takes two examples to see
// that it should have added.
func TestOverwrittenGradient(t *testing.T) {
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

// If the step crosses a kink, the slope is wrong, so the entry is left out.
func TestKinks(t *testing.T) {
	for _, c := range []struct {
		what     string
		near     []float64 // inputs of ReLU near the kink
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
			t.Errorf("%s: compared %d, checked %d of %d entries, want %d and 200 of 200", c.what, r.Compared, r.Checked, r.Entries, c.compared)
		}
		checkError(t, c.what, r.Err(), c.want)
	}
}

// If two values in a pooling window nearly tie, both are left out, wherever they are.
func TestWinners(t *testing.T) {
	for _, shape := range [][2]int{{6, 7}, {7, 6}} { // with a row or a column left over
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
							t.Errorf("%d×%d, %d×%d windows, values %d and %d of the window at %d tie: compared %d of %d, the worst difference is %.1e, want all but 2, and at most %g",
								rows, cols, size, size, q, p, top, r.Compared, r.Entries, r.Worst, check.Tolerance)
						}
					}
				}
			}
		}
	}
}

// winners returns the index of the maximum of each window.
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

// Kinks records the sign of each value, however many there are, and the winner of each window. Windows
// don't overlap.
func TestKinksRecordsEverything(t *testing.T) {
	// All 1,000 values are half a step from a kink, so a value whose sign isn't recorded is compared.
	in, grad := make([]float64, 1000), make([]float64, 1000)
	for k := range in {
		in[k] = halfStep
	}
	var kinks check.Kinks
	loss := func() float64 { kinks.Signs(in); return 0 }
	if r := (check.Checker{Kinks: &kinks, Loss: loss}).Check(in, grad); r.Checked != 1000 || r.Compared != 0 {
		t.Errorf("compared %d of %d values near a kink, want none of 1000", r.Compared, r.Checked)
	}

	// Here 2×2 windows begin in even rows and columns. Values nearly tie with a neighbor in another
	// window, but not within a window.
	nearTies := [][]float64{
		{1, 8, 8 - halfStep, 2},
		{9, 1, 2, 7},
		{9 - halfStep, 1, 2, 7 - halfStep},
		{2, 6, 6 - halfStep, 1},
	}
	var block []float64
	for _, row := range nearTies {
		block = append(block, row...)
	}
	var rows [][]float64
	for y := range 4 {
		rows = append(rows, block[4*y:][:4])
	}
	loss = func() float64 { kinks.Winners(rows, 2); return 0 }
	if r := (check.Checker{Kinks: &kinks, Loss: loss}).Check(block, make([]float64, 16)); r.Compared != 16 {
		t.Errorf("compared %d of 16 values, want all, because no window has a near tie", r.Compared)
	}

	// In a window of 300×300 values, each winner gets a record of its own.
	const side = 300
	block, rows = make([]float64, side*side), nil
	for y := range side {
		rows = append(rows, block[side*y:][:side])
	}
	for _, k := range []int{1, 255, 256, 257, 256 * side, 256*side + 256, side*side - 1} {
		clear(block)
		block[0], block[k] = 9, 9-halfStep
		loss = func() float64 { kinks.Winners(rows, side); return 0 }
		c := check.Checker{Kinks: &kinks, Loss: loss}
		if r := c.Check(block[k:k+1], []float64{0}); r.Compared != 0 {
			t.Errorf("values 0 and %d of a large window tie: compared 1, want 0", k)
		}
	}
}

// A loss that is random, or isn't finite, has no slope.
func TestLossesWithoutASlope(t *testing.T) {
	n, grad, _, checker := small()
	sound, rng := checker.Loss, rand.New(rand.NewPCG(1, 1))
	checker.Loss = func() float64 { return sound() * (1 + 1e-12*rng.Float64()) }
	checkError(t, "a random loss", checker.Check(n.weights, grad.weights).Err(), "with the same parameters, want the same loss: draw random values")
	for _, loss := range []float64{math.NaN(), math.Inf(1)} {
		checker.Loss = func() float64 { return loss }
		checkError(t, "a loss without a slope", checker.Check(n.weights, grad.weights).Err(), fmt.Sprintf("the loss is %v, want a finite number", loss))
	}
	// The loss may also become NaN during the check.
	first, calls := sound(), 0
	checker.Loss = func() float64 {
		if calls++; calls == 2 {
			return math.NaN()
		}
		return first
	}
	checkError(t, "a loss that is NaN once", checker.Check(n.weights, grad.weights).Err(), "they differ by NaN times the largest entry")
	// A loss that uses a copy of the parameters never changes.
	_, _, _, checker = small()
	checkError(t, "a copy of the parameters", checker.Check(n.weights, grad.weights).Err(), "and the slope is 0:")
}

// A check leaves the network as it was.
func TestCheckPutsEverythingBack(t *testing.T) {
	n, grad, _, checker := small()
	checker.Loss()
	before := slices.Concat(n.weights, n.biases, n.output, n.hidden)
	checker.Check(n.weights, grad.weights)
	checker.Check(n.output, grad.output)
	if after := slices.Concat(n.weights, n.biases, n.output, n.hidden); !slices.Equal(after, before) {
		t.Errorf("after the checks the network is %v, want %v", after, before)
	}

	// Moved up a step and down again, these would be rounded, or lose the sign of −0.
	values := []float64{0.1, -0.1, 1e-7, -1e-7 / 3, 1e-12 / 7, 5e-324, math.Copysign(0, -1), 0, 1e9 / 3}
	p := slices.Clone(values)
	check.Checker{Loss: func() float64 { return p[0] }}.Check(p, make([]float64, len(p)))
	for k, v := range values {
		if math.Float64bits(p[k]) != math.Float64bits(v) {
			t.Errorf("a check turns the parameter %v into %v", v, p[k])
		}
	}
}

// A sample has the right number of entries, all different and the same each time. They come from the
// whole tensor, and no other parameter is moved.
func TestSample(t *testing.T) {
	parameters, gradient := make([]float64, 1000), make([]float64, 1000)
	for k := range gradient {
		gradient[k] = 2
	}
	for _, c := range []struct{ sample, want int }{{0, 1000}, {1, 1}, {100, 100}, {999, 999}, {1000, 1000}, {2000, 1000}} {
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
				t.Errorf("a sample of %d: two checks take different ones, want the same", c.sample)
			}
			before = moved
		}
		if c.sample == 100 && (!slices.Contains(before[:100], true) || !slices.Contains(before[900:], true)) {
			t.Error("a sample of 100 has no entry from the first or the last tenth, want some")
		}
	}
}

// A result has the largest entry and the worst difference, relative to the largest entry.
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

	if check.DefaultStep != 1e-6 || check.Tolerance != 1e-7 || check.LeastCompared != 0.99 {
		t.Errorf("DefaultStep is %v, Tolerance %v and LeastCompared %v, want 1e-6, 1e-7 and 0.99, as documented", check.DefaultStep, check.Tolerance, check.LeastCompared)
	}
	// The step is DefaultStep unless you set another. To see it, measure the slope of x³ at 0: it is step².
	zero := []float64{0}
	for step, want := range map[float64]float64{0: check.DefaultStep * check.DefaultStep, 0.1: 0.01} {
		r := check.Checker{Step: step, Loss: func() float64 { return zero[0] * zero[0] * zero[0] }}.Check(zero, []float64{1})
		if got := 1 - r.Worst; math.Abs(got-want) > 1e-15 {
			t.Errorf("step %v: the slope of x³ is %v, want %v", step, got, want)
		}
	}
}

func TestPanics(t *testing.T) {
	loss := func() float64 { return 0 }
	two, three := make([]float64, 2), make([]float64, 3)
	var kinks check.Kinks
	for want, call := range map[string]func(){
		"check: the gradient has 3 entries, want 2, one for each parameter":     func() { check.Checker{Loss: loss}.Check(two, three) },
		"check: the Checker has no Loss, want a function that returns the loss": func() { check.Checker{}.Check(two, two) },
		"check: the sample has -1 entries, want at least 1, or 0 for all":       func() { check.Checker{Loss: loss, Sample: -1}.Check(two, two) },
		"check: the windows have size 0, want at least 1":                       func() { kinks.Winners([][]float64{two, two}, 0) },
		"check: the windows have size -2, want at least 1":                      func() { kinks.Winners(nil, -2) },
		"check: row 1 has 2 values, want 3 as in row 0":                         func() { kinks.Winners([][]float64{three, two}, 2) },
		"check: row 2 has 3 values, want 2 as in row 0":                         func() { kinks.Winners([][]float64{two, two, three}, 2) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %q", got, want)
				}
			}()
			call()
		}()
	}
}
