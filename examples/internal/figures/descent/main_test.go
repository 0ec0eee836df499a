package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/stored"
	"convnet/examples/internal/testenv"
)

const page = "docs/descent.md"

// The pictures in docs are up to date.
func TestDocsAreCurrent(t *testing.T) {
	testenv.NeedStored(t)
	train, _ := testenv.Digits(t)
	for _, p := range pictures {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			var drawn bytes.Buffer
			if err := p.draw(&drawn, train); err != nil {
				t.Fatal(err)
			}
			stored.Picture(t, "docs/images/"+p.name, drawn.Bytes(), 0.11)
		})
	}
}

// The tables in docs are up to date. At a large rate a difference in the last bit grows, so those of
// whole epochs have a tolerance.
func TestTablesInDocsAreCurrent(t *testing.T) {
	testenv.NeedStored(t)
	train, _ := testenv.Digits(t)
	for _, c := range []struct {
		name      string
		print     func(w io.Writer, train []convnet.Digit)
		slow      bool
		tolerance stored.Tolerance
	}{
		{"line", tableOfLine, false, stored.Tolerance{Absolute: 0.00011}},
		{"rates", tableOfRates, true, stored.Tolerance{Relative: 0.03, Absolute: 0.05}},
		{"steps", tableOfSteps, true, stored.Tolerance{Absolute: 1}},
		{"noise", tableOfNoise, true, stored.Tolerance{Absolute: 0.11}},
		{"batches", tableOfBatches, true, stored.Tolerance{Absolute: 2}},
		{"momentum", tableOfMomentum, true, stored.Tolerance{Absolute: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.slow {
				testenv.NeedAll(t)
			}
			var text strings.Builder
			c.print(&text, train)
			stored.Tables(t, page, text.String(), c.tolerance)
		})
	}
	var text strings.Builder
	linesOfCurvature(&text, train)
	stored.Lines(t, page, stored.Tolerance{Absolute: 0.011}, strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")...)
	if len(tables) != 7 {
		t.Errorf("the program prints %d tables, want the 7 of this test", len(tables))
	}
}

// The squares of the 33 slopes of the walk, which the README lists, have the sum that the chapter says.
func TestWalk(t *testing.T) {
	readme := string(testenv.ReadFile(t, "README.md"))
	sum, count := 0.0, 0
	for _, row := range [][]float64{
		{0.0375, -0.05, -0.0625, -0.05}, {0.2, 0.275, 0, 0.4},
		{-0.125, -0.375, -0.125, -0.375, 0, 0, -0.125, -0.125}, {0.6, 0, 0.8, 0, 0.2, 0, 0, 0},
		{0.5, 0.3125}, {-1, -0.625}, {0.5, 0.3125}, {0.25, -0.5, 0.25},
	} {
		if printed := fmt.Sprintf("%7.4f\n", row); !strings.Contains(readme, strings.TrimSuffix(printed, "\n")) {
			t.Errorf("README.md has no row %s", printed)
		}
		for _, g := range row {
			sum, count = sum+g*g, count+1
		}
	}
	if count != 33 {
		t.Errorf("%d slopes, want 33", count)
	}
	stored.Lines(t, page, stored.Tolerance{}, fmt.Sprintf("    0.1 · %.2f = %.2f", sum, 0.1*sum))
}

// A step on a mini-batch is one against the mean gradient, and leaves a gradient of zeros.
func TestStep(t *testing.T) {
	train, _ := testenv.Digits(t)
	n, grad := convnet.New(1), convnet.NewGradient()
	want, before := n.Clone(), meanLoss(n, train[:3])
	want.Update(gradient(n, train[:3]), 0.1)
	loss := step(n, grad, convnet.NewActivations(), convnet.NewActivations(), train[:3], 0.1)
	if math.Abs(loss-before) > 1e-12 {
		t.Errorf("the loss before the step is %v, want %v", loss, before)
	}
	near(t, n, want)
	near(t, grad, convnet.NewGradient())
	if after := lossAfter(want, grad, train[:3], 1); after != meanLoss(want, train[:3]) || !(after < before) {
		t.Errorf("the loss after the step is %v, want less than %v", after, before)
	}
}

// near requires that two networks have the same parameters, give or take some rounding.
func near(t *testing.T, got, want *convnet.Network) {
	t.Helper()
	for k, v := range got.Parameters {
		if math.Abs(v-want.Parameters[k]) > 1e-12 {
			t.Fatalf("parameter %d is %v, want %v", k, v, want.Parameters[k])
		}
	}
}

// The last of several mini-batches has what is left.
func TestLearn(t *testing.T) {
	train, _ := testenv.Digits(t)
	n, want := convnet.New(1), convnet.New(1)
	losses := learn(n, train[:5], 2, 0.01)
	grad, a, d := convnet.NewGradient(), convnet.NewActivations(), convnet.NewActivations()
	for k, batch := range [][]convnet.Digit{train[:2], train[2:4], train[4:5]} {
		if loss := step(want, grad, d, a, batch, 0.01); len(losses) != 3 || loss != losses[k] {
			t.Errorf("step %d: loss %v among %v", k, loss, losses)
		}
	}
	if !slices.Equal(n.Parameters, want.Parameters) {
		t.Error("the parameters differ from those after three steps")
	}
}

// A step with momentum is along the sum of all gradients so far, older ones counting less. Without
// momentum it is a plain step.
func TestMomentumStep(t *testing.T) {
	train, _ := testenv.Digits(t)
	a, d := convnet.NewActivations(), convnet.NewActivations()
	for _, momentum := range []float64{0, 0.5} {
		n, velocity := convnet.New(1), convnet.NewGradient()
		want := n.Clone()
		first := gradient(want, train[:1])
		want.Update(first, 0.01)
		second := gradient(want, train[1:2])
		want.Update(second, 0.01)
		want.Update(first, 0.01*momentum)
		momentumStep(n, velocity, d, a, train[0], 0.01, momentum)
		momentumStep(n, velocity, d, a, train[1], 0.01, momentum)
		near(t, n, want)
	}
}

// The gradient of the set has cosine 1 with itself and no noise. Its negative points uphill.
func TestSpread(t *testing.T) {
	train, _ := testenv.Digits(t)
	n, set := convnet.New(1), train[:8]
	whole := gradient(n, set)
	if s := spreadOf(n, set, 8, whole); s.batches != 1 || math.Abs(s.cosine-1) > 1e-9 || !(s.noise < 1e-6) || s.uphill != 0 {
		t.Errorf("the whole set: %+v", s)
	}
	s := spreadOf(n, set, 1, whole)
	if s.batches != 8 || !(s.cosine < 1) || !(s.noise > 1) {
		t.Errorf("single digits: %+v", s)
	}
	for k := range whole.Parameters {
		whole.Parameters[k] *= -1
	}
	if s := spreadOf(n, set, 8, whole); math.Abs(s.cosine+1) > 1e-9 || math.Abs(s.noise-2) > 1e-9 || s.uphill != 1 {
		t.Errorf("the wrong way: %+v", s)
	}
}

// The valley is the loss of the network whose two weights have been set, and its gradient is the slope.
func TestValley(t *testing.T) {
	train, _ := testenv.Digits(t)
	n, set := convnet.New(1), train[:4]
	class, i, j := 2, 3, 5
	v := newValley(n, set, class, i, j)
	w := [2]float64{0.7, -0.4}
	n.Weights2[class][i], n.Weights2[class][j] = w[0], w[1]
	loss, grad := v.at(w)
	want := gradient(n, set).Weights2[class]
	if math.Abs(loss-meanLoss(n, set)) > 1e-12 || math.Abs(grad[0]-want[i]) > 1e-12 || math.Abs(grad[1]-want[j]) > 1e-12 {
		t.Errorf("loss %v, gradient %v, want %v, %v and %v", loss, grad, meanLoss(n, set), want[i], want[j])
	}
	path := v.descend(w, 1, 0.5, 0.9)
	if want := [2]float64{w[0] - 0.5*grad[0], w[1] - 0.5*grad[1]}; len(path) != 2 || path[0] != w || path[1] != want {
		t.Errorf("the path of one step is %v, want from %v to %v", path, w, want)
	}
}

// The chapter says how far from the lowest loss plain steps and those with momentum end, as the
// picture does.
func TestRuns(t *testing.T) {
	testenv.NeedStored(t)
	train, _ := testenv.Digits(t)
	v, lowest := theValley(train)
	low, _ := v.at(lowest)
	text := strings.Join(strings.Fields(string(testenv.ReadFile(t, page))), " ")
	for k, says := range map[int]string{0: "descent is still %.3f away", 3: "within %.3f of the lowest loss"} {
		path := v.descend(beginning, steps, runs[k].rate, runs[k].momentum)
		loss, _ := v.at(path[steps])
		if want := fmt.Sprintf(says, loss-low); !strings.Contains(text, want) {
			t.Errorf("%s does not say %q", page, want)
		}
	}
}

// A unit that is above 0 for no digit isn't alive.
func TestAlive(t *testing.T) {
	train, _ := testenv.Digits(t)
	n := convnet.NewGradient() // all zeros: a hidden unit is its bias
	n.Biases1[3], n.Biases1[7], n.Biases1[8] = 1, 0.5, -1
	if got := alive(n, train[:2]); got != 2 {
		t.Errorf("%d units are alive, want 2", got)
	}
}

// At the lowest point the gradient is 0, and on a contour the loss has the given value. With a rate
// a little below 2/h gradient descent settles there, and with one a little above it doesn't.
func TestLowest(t *testing.T) {
	testenv.NeedStored(t)
	train, _ := testenv.Digits(t)
	v, lowest := theValley(train)
	low, grad := v.at(lowest)
	if math.Hypot(grad[0], grad[1]) > 1e-9 {
		t.Errorf("the gradient at the lowest point is %v", grad)
	}
	for _, w := range v.contour(lowest, low+0.1)[:9] {
		if loss, _ := v.at(w); math.Abs(loss-low-0.1) > 1e-3 {
			t.Errorf("the loss at %v is %v, want %v", w, loss, low+0.1)
		}
	}
	most, least := v.curvatures(lowest)
	if !(most > least) || !(least > 0) {
		t.Errorf("curvatures %v and %v, want two above 0, the larger one first", most, least)
	}
	for _, c := range []struct {
		rate  float64
		stays bool
	}{{1.9 / most, true}, {2.1 / most, false}} {
		path := v.descend([2]float64{lowest[0] + 0.01, lowest[1] + 0.005}, 150, c.rate, 0)
		loss, _ := v.at(path[150])
		if stays := loss < low+1e-6; stays != c.stays {
			t.Errorf("rate %v: %v above the lowest loss after 150 steps", c.rate, loss-low)
		}
	}
}

// A table has a line for its head, a line that aligns the columns, and a line per row.
func TestTable(t *testing.T) {
	var text strings.Builder
	table(&text, []string{"a", "b"}, [][]string{{"1", "2"}})
	if want := "| a | b |\n|---:|---:|\n| 1 | 2 |\n"; text.String() != want {
		t.Errorf("printed %q, want %q", text.String(), want)
	}
}

type failing struct{}

var errFailing = errors.New("the disk is full")

func (failing) Write([]byte) (int, error) { return 0, errFailing }

// Write errors are returned.
func TestErrorsAreReturned(t *testing.T) {
	testenv.NeedAll(t) // it draws once more
	train, _ := testenv.Digits(t)
	for _, p := range pictures {
		if err := p.draw(failing{}, train); !errors.Is(err, errFailing) {
			t.Errorf("%s: error %v, want %v", p.name, err, errFailing)
		}
	}
}
