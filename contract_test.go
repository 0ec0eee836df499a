package convnet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// What the doc comments promise besides the numbers: which shapes are refused,
// what may share memory, what is only read, what an error says, and that a broken
// number is never hidden.

func ones(n int) []float64 {
	v := make([]float64, n)
	for k := range v {
		v[k] = 1
	}
	return v
}

// A shape that is one too small or one too large, in one dimension of one argument,
// panics under the name of the function.
func TestEveryShapeIsChecked(t *testing.T) {
	m := func(rows, cols int, d []int) [][]float64 { return NewMatrix(rows+d[0], cols+d[1]) }
	v := func(n, d int) []float64 { return make([]float64, n+d) }
	two := func(rows, cols int, d []int) [][][]float64 {
		return [][][]float64{NewMatrix(rows, cols), m(rows, cols, d)}
	}
	for _, c := range []struct {
		name       string
		dimensions int
		call       func(d []int) // with what to add to each dimension
	}{
		{"Conv2D", 6, func(d []int) { Conv2D(two(3, 4, d), two(5, 7, d[2:]), m(2, 24, d[4:])) }},
		{"AddConv2DFilterGrad", 6, func(d []int) { AddConv2DFilterGrad(m(2, 24, d[4:]), two(5, 7, d[2:]), two(3, 4, d)) }},
		{"Conv2DInputGrad", 6, func(d []int) { Conv2DInputGrad(two(5, 7, d[2:]), m(2, 24, d[4:]), two(3, 4, d)) }},
		{"ReLU", 2, func(d []int) { ReLU(m(3, 4, d), NewMatrix(3, 4)) }},
		{"ReLUGrad", 4, func(d []int) { ReLUGrad(m(3, 4, d), NewMatrix(3, 4), m(3, 4, d[2:])) }},
		{"MaxPool", 2, func(d []int) { MaxPool(m(2, 3, d), NewMatrix(4, 6)) }},
		{"MaxPoolGrad", 4, func(d []int) { MaxPoolGrad(m(4, 6, d), NewMatrix(4, 6), m(2, 3, d[2:])) }},
		{"Flatten", 1, func(d []int) { Flatten(v(12, d[0]), NewVolume(2, 2, 3)) }},
		{"Unflatten", 1, func(d []int) { Unflatten(NewVolume(2, 2, 3), v(12, d[0])) }},
		{"Dropout", 2, func(d []int) { Dropout(v(3, d[0]), v(3, 0), v(3, d[1])) }},
		{"FullyConnected", 3, func(d []int) { FullyConnected(v(3, 0), m(3, 4, d), v(3, d[2]), v(4, 0)) }},
		{"AddFullyConnectedWeightGrad", 3, func(d []int) { AddFullyConnectedWeightGrad(m(3, 4, d), v(3, d[2]), v(4, 0), ones(3)) }},
		{"FullyConnectedInputGrad", 2, func(d []int) { FullyConnectedInputGrad(v(4, 0), m(3, 4, d), ones(3)) }},
		{"Softmax", 1, func(d []int) { Softmax(v(3, d[0]), v(3, 0)) }},
		{"CrossEntropyGrad", 1, func(d []int) { CrossEntropyGrad(v(3, d[0]), v(3, 0), 0) }},
		{"CrossEntropyGrad", 1, func(d []int) { CrossEntropyGrad(v(3, 0), v(3, 0), []int{-1, 0, 3}[d[0]+1]) }},
		{"CrossEntropy", 1, func(d []int) { CrossEntropy(v(12, 0), []int{-1, 11, 12}[d[0]+1]) }},
		{"CrossEntropy", 1, func(d []int) { CrossEntropy(v(3, 0), []int{-1, 2, 3}[d[0]+1]) }},
		{"NewImage", 1, func(d []int) { NewImage(make([]byte, 784+d[0])) }},
		{"Update", 1, func(d []int) { New(1).Update(&Network{Parameters: v(parameters, d[0])}, 0) }},
		{"Forward", 2, func(d []int) { New(1).Forward(NewActivations(), m(28, 28, d)) }},
		{"Forward", 1, func(d []int) { New(1).Forward(NewActivations(), append(NewMatrix(27, 28), v(28, d[0]))) }},
	} {
		c.call(make([]int, 6)) // all as it should be
		for k := range c.dimensions {
			for _, by := range []int{-1, 1} {
				d := make([]int, 6)
				d[k] = by
				panics(t, c.name+": ", func() { c.call(d) })
			}
		}
	}
	panics(t, "the output is 9×1, want 1×1 to 5×7", func() { Conv2D(NewVolume(1, 9, 1), NewVolume(1, 5, 7), nil) })
}

// NaN goes wherever a sum takes it, and nowhere else.
func TestNaNIsNotHidden(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	broken := func(what string, tensor any) {
		t.Helper()
		for k, v := range numbers(tensor) {
			if !math.IsNaN(v) {
				t.Errorf("%s: number %d is %v, want NaN", what, k, v)
				return
			}
		}
	}
	for _, cols := range []int{3, 5} { // a row of 5 is a case of its own
		in, dIn, out, dFilters := NewVolume(1, 3, cols), NewVolume(1, 3, cols), NewVolume(1, 1, 1), NewMatrix(1, 3*cols)
		filters := asMatrix(ones(3 * cols))
		Unflatten(in, filters[0])
		AddConv2DFilterGrad(dFilters, in, [][][]float64{{{nan}}})
		broken("AddConv2DFilterGrad", dFilters)
		Conv2DInputGrad(dIn, filters, [][][]float64{{{nan}}})
		broken("Conv2DInputGrad", dIn)
		in[0][1][1] = nan
		Conv2D(out, in, filters)
		broken("Conv2D", out)
	}
	two, one := make([]float64, 2), make([]float64, 1)
	FullyConnected(two, [][]float64{{1, 1}, {1, 1}}, ones(2), []float64{1, nan})
	broken("FullyConnected", two)
	FullyConnectedInputGrad(two, [][]float64{{1, 1}}, []float64{nan})
	broken("FullyConnectedInputGrad", two)
	dWeights := NewMatrix(1, 2)
	AddFullyConnectedWeightGrad(dWeights, one, []float64{1, 1}, []float64{nan})
	broken("AddFullyConnectedWeightGrad, weights", dWeights)
	broken("AddFullyConnectedWeightGrad, biases", one)
	Dropout(one, []float64{nan}, []float64{0})
	broken("Dropout", one)
	ReLU(asMatrix(one), asMatrix([]float64{math.Copysign(nan, -1)}))
	broken("ReLU", one)
	for k := range 4 {
		window := []float64{1, inf, 2, 3}
		window[k] = nan
		MaxPool(asMatrix(one), [][]float64{window[:2], window[2:]})
		broken("MaxPool", one)
	}
	three := make([]float64, 3)
	Softmax(three, []float64{1, nan, 2})
	broken("Softmax", three)
	broken("CrossEntropy", []float64{CrossEntropy([]float64{1, nan, 2}, 0)})

	near := func(what string, got, want []float64) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) { // NaN is NaN here
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	ReLUGrad(asMatrix(three), asMatrix([]float64{nan, -1, 1}), asMatrix([]float64{1, nan, inf}))
	near("ReLUGrad", three, []float64{0, 0, inf})
	dIn := NewMatrix(2, 2)
	MaxPoolGrad(dIn, [][]float64{{1, 2}, {0, 0}}, [][]float64{{nan}})
	near("MaxPoolGrad", numbers(dIn), []float64{0, nan, 0, 0})
	FullyConnected(two, [][]float64{{inf, 1}, {nan, 0}}, []float64{0, 0}, []float64{0, 2})
	near("FullyConnected, 0·∞", two, []float64{2, 0})
	one[0] = 0
	AddFullyConnectedWeightGrad(NewMatrix(1, 2), one, []float64{inf, 1}, []float64{3})
	near("AddFullyConnectedWeightGrad, biases", one, []float64{3})
	ReLU(asMatrix(two), asMatrix([]float64{inf, -inf}))
	near("ReLU of ±∞", two, []float64{inf, 0})
	MaxPool(asMatrix(one), [][]float64{{-inf, -inf}, {-inf, -inf}})
	near("MaxPool of −∞", one, []float64{-inf})
	near("CrossEntropy", []float64{CrossEntropy([]float64{1e300, 0}, 1)}, []float64{1e300})

	n, grad := New(1), NewGradient()
	grad.Parameters[7], grad.Parameters[8] = nan, 1e6
	want := n.Parameters[8] - 5e5
	n.Update(grad, 0.5)
	near("Update", n.Parameters[7:9], []float64{nan, want})
	near("gradient after Update", grad.Parameters[7:10], []float64{nan, 1e6, 0})
	a := NewActivations()
	a.Logits[3] = nan
	if got := a.Prediction(); got != 0 {
		t.Errorf("Prediction is %d where a logit is NaN and the others are 0, want 0", got)
	}

	// One step on broken numbers leaves the gradient empty, as on any other.
	train, _ := readMNIST(t)
	n, grad = New(1), NewGradient()
	n.Biases1[0] = nan
	n.TrainStep(grad, NewActivations(), NewActivations(), train[0], 0.01)
	near("gradient after a step", grad.Parameters, make([]float64, parameters))
}

// Where a comment says that dst may be in, it may.
func TestInPlace(t *testing.T) {
	v, apart := []float64{1, 2, 3}, make([]float64, 3)
	Softmax(apart, v)
	Softmax(v, v)
	near(t, "Softmax", v, apart, 0)
	CrossEntropyGrad(apart, v, 1)
	CrossEntropyGrad(v, v, 1)
	near(t, "CrossEntropyGrad", v, apart, 0)
	v = []float64{1, 2, 3}
	Dropout(v, v, []float64{2, 0, 2})
	near(t, "Dropout", v, []float64{2, 0, 6}, 0)
}

// Rows lie behind one another, and none can grow into the next.
func TestNewMatrixIsOneBlock(t *testing.T) {
	m := NewMatrix(2, 3)
	if cap(m[0]) != 3 {
		t.Errorf("a row of 3 can grow to %d", cap(m[0]))
	}
	if got := testing.AllocsPerRun(10, func() { NewMatrix(50, 40) }); got > 2 {
		t.Errorf("a matrix takes %v allocations, want one for its rows and one for its numbers", got)
	}
}

// The helpers take what is larger than this package's network has it, on either
// side of where they begin to allocate.
func TestLargerThanTheNetwork(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	for _, size := range []int{511, 512, 513, 514, 1000} {
		weights, in, got := NewMatrix(2, size), make([]float64, size), make([]float64, 2)
		for k := range in {
			in[k], weights[0][k], weights[1][k] = 1, 1, 2
		}
		FullyConnected(got, weights, []float64{1, 0}, in)
		near(t, fmt.Sprintf("FullyConnected of %d", size), got, []float64{float64(size + 1), float64(2 * size)}, 0)
	}
	for _, c := range [][3]int{{1, 30, 5}, {1, 31, 5}, {1, 32, 5}, {1, 33, 5}, {4, 31, 5}, {4, 32, 5}, {1, 31, 20}, {1, 31, 21}, {1, 20, 31}, {1, 27, 24}, {1, 5, 31}, {1, 5, 32}, {1, 5, 33}, {1, 33, 31}, {1, 34, 31}} {
		maps, rows, cols := c[0], c[1], c[2] // of the input and of the kernels: 1,024 terms and 31 columns fit
		in, filters, out := randomMaps(rng, maps, rows, cols, 0), randomMatrix(rng, 1, maps*rows*cols, 0), NewVolume(1, 1, 1)
		Conv2D(out, in, filters)
		near(t, fmt.Sprintf("Conv2D of %v", c), out, naiveConv2D(in, filters, rows), rounding)
	}
	for outputs := range 12 { // they are computed five at a time
		in, filters, out := randomMaps(rng, 2, 4, 4, 0), randomMatrix(rng, outputs+1, 18, 0), NewVolume(outputs+1, 2, 2)
		Conv2D(out, in, filters)
		near(t, fmt.Sprintf("Conv2D of %d filters", outputs+1), out, naiveConv2D(in, filters, 3), rounding)
		got := make([]float64, outputs+1)
		FullyConnected(got, filters, ones(outputs+1), ones(18))
		for i, weights := range filters {
			want := 1.0
			for _, w := range weights {
				want += w
			}
			near(t, fmt.Sprintf("FullyConnected of %d outputs", outputs+1), got[i:i+1], []float64{want}, 1e-13)
		}
	}
	uneven, vector := [][][]float64{{{1, 2}}, {{3}, {4}, {5}}}, make([]float64, 5)
	Flatten(vector, uneven)
	near(t, "Flatten of maps of different sizes", vector, uneven, 0)
}

// A gradient is added to, whatever the size of the kernels.
func TestFilterGradAddsForEverySize(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 1))
	for _, size := range []int{3, 5} {
		in, dOut := randomMaps(rng, 1, size, size, 0), [][][]float64{{{1}}}
		got := NewMatrix(1, size*size)
		AddConv2DFilterGrad(got, in, dOut)
		AddConv2DFilterGrad(got, in, dOut)
		want := numbers(in)
		for k := range want {
			want[k] *= 2
		}
		near(t, fmt.Sprintf("%d×%d", size, size), got, want, 0)
	}
}

func TestDropoutNeedsAGenerator(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic at p = ½ without a generator: everything would be kept")
		}
	}()
	DropoutMask(make([]float64, 3), 0.5, nil)
}

// everything lists all numbers of a.
func everything(a *Activations) []float64 {
	return slices.Concat(numbers(a.Image), numbers(a.Conv1), numbers(a.ReLU1), numbers(a.Pool1),
		numbers(a.Conv2), numbers(a.ReLU2), numbers(a.Pool2), a.Flat, a.Drop1, a.Hidden, a.ReLU3, a.Drop2, a.Logits, a.Probabilities, a.Mask1, a.Mask2)
}

// spoil sets every number of maps or of a matrix to 9.
func spoil(tensor any) {
	if maps, ok := tensor.([][][]float64); ok {
		for _, m := range maps {
			spoil(m)
		}
		return
	}
	for _, row := range tensor.([][]float64) {
		for x := range row {
			row[x] = 9
		}
	}
}

// Forward leaves each stage in memory of its own. Backward only reads them and the network,
// adds to grad, and sets the gradient at each stage.
func TestEveryStageIsKept(t *testing.T) {
	_, test := readMNIST(t)
	n, a, d, grad := New(1), NewActivations(), NewActivations(), NewGradient()
	a.DrawMasks(0.5, rand.New(rand.NewPCG(1, 1)))
	image := NewMatrix(28, 28)
	for y := range image {
		copy(image[y], test[0].Image[y])
	}
	n.Forward(a, image)
	clear(image[14]) // the picture is the caller's
	near(t, "Image", a.Image, [][][]float64{test[0].Image}, 0)

	relu := func(in any) []float64 {
		v := slices.Clone(numbers(in))
		for k := range v {
			v[k] = max(0, v[k])
		}
		return v
	}
	times := func(v, mask []float64) []float64 {
		v = slices.Clone(v)
		for k := range v {
			v[k] *= mask[k]
		}
		return v
	}
	gate := func(dOut, in any) []float64 {
		v := slices.Clone(numbers(dOut))
		for k, x := range numbers(in) {
			if x <= 0 {
				v[k] = 0
			}
		}
		return v
	}
	near(t, "Conv1", a.Conv1, naiveConv2D(a.Image, n.Filters1, kernel), 1e-13)
	near(t, "ReLU1", a.ReLU1, relu(a.Conv1), 0)
	near(t, "Conv2", a.Conv2, naiveConv2D(a.Pool1, n.Filters2, kernel), 1e-13)
	near(t, "ReLU2", a.ReLU2, relu(a.Conv2), 0)
	near(t, "Flat", a.Flat, a.Pool2, 0)
	near(t, "Drop1", a.Drop1, times(a.Flat, a.Mask1), 0)
	near(t, "ReLU3", a.ReLU3, relu(a.Hidden), 0)
	near(t, "Drop2", a.Drop2, times(a.ReLU3, a.Mask2), 0)
	if slices.Min(numbers(a.Conv1)) >= 0 || slices.Min(numbers(a.Conv2)) >= 0 || slices.Min(a.Hidden) >= 0 {
		t.Error("nothing is below 0 before a ReLU")
	}

	before, parameters := everything(a), slices.Clone(n.Parameters)
	n.Backward(grad, d, a, test[0].Label)
	once, gradients := slices.Clone(grad.Parameters), everything(d)
	for _, tensor := range []any{d.Conv1, d.ReLU1, d.Pool1, d.Conv2, d.ReLU2, d.Pool2, asMatrix(d.Flat), asMatrix(d.Drop1), asMatrix(d.Hidden), asMatrix(d.ReLU3), asMatrix(d.Drop2), asMatrix(d.Logits)} {
		spoil(tensor)
	}
	n.Backward(grad, d, a, test[0].Label)
	near(t, "activations after Backward", everything(a), before, 0)
	near(t, "parameters after Backward", n.Parameters, parameters, 0)
	near(t, "gradients of the second Backward", everything(d), gradients, 0)
	for k := range once {
		once[k] *= 2
	}
	near(t, "gradient of two", grad.Parameters, once, rounding)
	near(t, "gradient at ReLU3", d.ReLU3, times(d.Drop2, a.Mask2), 0)
	near(t, "gradient at Hidden", d.Hidden, gate(d.ReLU3, a.Hidden), 0)
	near(t, "gradient at Flat", d.Flat, times(d.Drop1, a.Mask1), 0)
	near(t, "gradient at Pool2", d.Pool2, d.Flat, 0)
	near(t, "gradient at Conv2", d.Conv2, gate(d.ReLU2, a.Conv2), 0)
	near(t, "gradient at Conv1", d.Conv1, gate(d.ReLU1, a.Conv1), 0)
	if slices.Equal(numbers(d.ReLU1), numbers(d.Conv1)) || slices.Equal(numbers(d.ReLU2), numbers(d.Conv2)) {
		t.Error("no gradient ends at a ReLU")
	}
	if largest(numbers(d.Image)) != 0 {
		t.Error("Backward computed the gradient at the pixels, which no step uses")
	}
}

// The exercise of docs/bugs.md: four changed lines of Backward take an activation or a
// gradient for its neighbor, and three of them leave the result as it is. The test computes
// both ways itself, so it passes with any of the four in Backward.
func TestNeighbors(t *testing.T) {
	t.Parallel()
	_, test := readMNIST(t)
	n, grad := New(1), NewGradient()
	a, d, ours, theirs := NewActivations(), NewActivations(), NewActivations(), NewActivations()
	rng := rand.New(rand.NewPCG(1, 1))
	nonzero, cut, moved := 0, 0, 0
	for _, digit := range test[:20] {
		a.DrawMasks(0.5, rng)
		n.Forward(a, digit.Image)
		n.Backward(grad, d, a, digit.Label)
		eachMapGrad(MaxPoolGrad, ours.ReLU2, a.ReLU2, d.Pool2)
		eachMapGrad(ReLUGrad, ours.Conv2, a.Conv2, ours.ReLU2)
		ReLUGrad(asMatrix(ours.Hidden), asMatrix(a.Hidden), asMatrix(d.ReLU3))

		eachMapGrad(ReLUGrad, theirs.Conv2, a.ReLU2, ours.ReLU2)
		near(t, "A: gradient at Conv2", theirs.Conv2, ours.Conv2, 0)

		eachMapGrad(MaxPoolGrad, theirs.ReLU2, a.Conv2, d.Pool2)
		eachMapGrad(ReLUGrad, theirs.Conv2, a.Conv2, theirs.ReLU2)
		near(t, "B: gradient at Conv2", theirs.Conv2, ours.Conv2, 0)

		ReLUGrad(asMatrix(theirs.Hidden), asMatrix(a.Drop2), asMatrix(d.ReLU3))
		near(t, "C: gradient at Hidden", theirs.Hidden, ours.Hidden, 0)

		before, after := numbers(a.Conv2), numbers(theirs.ReLU2)
		for k, e := range numbers(ours.ReLU2) {
			if e == 0 {
				continue
			}
			nonzero++
			if before[k] <= 0 {
				cut++ // what D would hand on
				if after[k] == 0 {
					moved++
				}
			}
		}
	}
	needStored(t)
	if nonzero != 3184 || cut != 762 || moved != 560 { // as docs/bugs.md says
		t.Errorf("of %d gradients at ReLU2 that are not 0 %d end at the ReLU, and B moves %d of these, want 3184, 762, 560", nonzero, cut, moved)
	}
}

func TestPredictionIsTheFirstOfTheLargest(t *testing.T) {
	a := NewActivations()
	for second := range 10 {
		for first := range second {
			clear(a.Logits)
			a.Logits[first], a.Logits[second] = 1, 1
			if got := a.Prediction(); got != first {
				t.Errorf("logits %v: prediction %d, want %d", a.Logits, got, first)
			}
		}
	}
}

func TestPredictSetsTheMasks(t *testing.T) {
	_, test := readMNIST(t)
	a := NewActivations()
	a.DrawMasks(0.5, rand.New(rand.NewPCG(1, 1)))
	New(1).Predict(a, test[0].Image)
	near(t, "masks", slices.Concat(a.Mask1, a.Mask2), ones(flat+hidden), 0)
}

// CountCorrect counts predictions that are the label, and nothing else.
func TestCountCorrect(t *testing.T) {
	_, test := readMNIST(t)
	n := New(1)
	prediction := n.Predict(NewActivations(), test[0].Image)
	if got := n.CountCorrect([]Digit{{test[0].Image, prediction}, {test[0].Image, prediction + 10}, {test[0].Image, -1}, {test[0].Image, prediction}, {test[0].Image, prediction}}); got != 3 {
		t.Errorf("%d correct, want 3", got)
	}
	zeros := 0
	for _, digit := range test[:100] {
		if digit.Label == 0 {
			zeros++
		}
	}
	for k := range n.Biases2 {
		n.Biases2[k] = math.NaN() // no logit is larger than the first
	}
	if got := n.CountCorrect(test[:100]); got != zeros {
		t.Errorf("%d of 100 correct for a network that always predicts 0, want %d", got, zeros)
	}
}

// Clear empties the memory that there is.
func TestClearKeepsTheMemory(t *testing.T) {
	n := New(1)
	p := n.Parameters
	n.Clear()
	if largest(p) != 0 || &p[0] != &n.Parameters[0] || &p[parameters-classes] != &n.Biases2[0] {
		t.Error("Clear left a number, or took other memory")
	}
}

func TestEveryBitOfTheSeedCounts(t *testing.T) {
	first := New(1).Parameters[0]
	for bit := range 64 {
		if seed := uint64(1) ^ 1<<bit; New(seed).Parameters[0] == first {
			t.Errorf("the seeds 1 and %d give the same network", seed)
		}
	}
}

// Several goroutines may share a network; each gets what it gets alone.
func TestSharedNetwork(t *testing.T) {
	_, test := readMNIST(t)
	n := New(1)
	grad := func(digits []Digit) []float64 {
		g, d, a := NewGradient(), NewActivations(), NewActivations()
		for _, digit := range digits {
			n.Forward(a, digit.Image)
			n.Backward(g, d, a, digit.Label)
		}
		return g.Parameters
	}
	var wait sync.WaitGroup
	for k := range 4 {
		digits := test[50*k : 50*k+50]
		wantCorrect, wantGradient := n.CountCorrect(digits), grad(digits[:10])
		wait.Add(2)
		go func() {
			defer wait.Done()
			if got := n.CountCorrect(digits); got != wantCorrect {
				t.Errorf("%d correct beside other goroutines, want %d", got, wantCorrect)
			}
		}()
		go func() {
			defer wait.Done()
			if !slices.Equal(grad(digits[:10]), wantGradient) {
				t.Error("another gradient beside others")
			}
		}()
	}
	wait.Wait()
}

// A watchedFS denies a name, gives a byte at a time, and counts what is open.
type watchedFS struct {
	fs.FS
	deny string
	open *int
}

type watchedFile struct {
	fs.File
	open *int
}

func (w watchedFS) Open(name string) (fs.File, error) {
	if name == w.deny {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	file, err := w.FS.Open(name)
	if err != nil {
		return nil, err
	}
	*w.open++
	return watchedFile{file, w.open}, nil
}

func (f watchedFile) Read(p []byte) (int, error) { return f.File.Read(p[:min(1, len(p))]) }

func (f watchedFile) Close() error {
	*f.open--
	return f.File.Close()
}

func TestReadDigitsFromFiles(t *testing.T) {
	open := 0
	both := folder("i", images(2), "i.gz", gzipped(t, images(2)), "l", labels(1, 2), "l.gz", gzipped(t, labels(1, 2)))
	if digits, err := ReadDigits(watchedFS{both, "", &open}, "i", "l"); len(digits) != 2 || err != nil || open != 0 {
		t.Errorf("%d digits, error %v, %d files left open, want 2, none, 0", len(digits), err, open)
	}
	// What may not be read is not passed over for another file.
	for deny, fsys := range map[string]fstest.MapFS{"i": both, "l": both, "i.gz": folder("l", labels(1))} {
		if digits, err := ReadDigits(watchedFS{fsys, deny, &open}, "i", "l"); digits != nil || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "open "+deny) {
			t.Errorf("%s denied: error %v, want that", deny, err)
		}
	}
	for want, fsys := range map[string]fstest.MapFS{
		"i holds 3 images and l holds 2 labels":               folder("i", images(3), "l", labels(1, 2)),
		"i.gz holds 3 images and l.gz holds 2 labels":         folder("i.gz", images(3), "l.gz", labels(1, 2)),
		"i: offset 1584: ":                                    folder("i", append(gzipped(t, images(2)), "more"...), "l", labels(1, 2)),
		"l: offset 10: there are bytes after its 2 items":     folder("i", images(2), "l", gzipped(t, append(labels(1, 2), 0))),
		"i: offset 1584: there are bytes after its 2 items":   folder("i", append(gzipped(t, images(2)), gzipped(t, []byte{0})...), "l", labels(1, 2)),
		"i: offset 9: unexpected EOF, want a header of 16":    folder("i", images(2)[:9], "l", labels(1, 2)),
		"found neither t10k-images-idx3-ubyte nor t10k-image": folder("train-images-idx3-ubyte", images(2), "train-labels-idx1-ubyte", labels(1, 2)),
	} {
		digits, err := ReadDigits(fsys, "i", "l")
		if strings.Contains(want, "t10k") {
			var train, test []Digit
			if train, test, err = ReadMNIST(fsys); train != nil || test != nil {
				t.Errorf("%d and %d digits beside an error", len(train), len(test))
			}
		}
		if digits != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := ReadDigits(folder("i", images(2)[:9], "l", labels(1, 2)), "i", "l"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v, want one that is io.ErrUnexpectedEOF", err)
	}
	// None are as good as many, and gzip may come in parts.
	if digits, err := ReadDigits(folder("i", images(0), "l", labels()), "i", "l"); len(digits) != 0 || err != nil {
		t.Errorf("%d digits, error %v, want none and none", len(digits), err)
	}
	parts := append(gzipped(t, images(2)[:700]), gzipped(t, images(2)[700:])...)
	if digits, err := ReadDigits(folder("i", parts, "l", labels(1, 2)), "i", "l"); len(digits) != 2 || err != nil {
		t.Errorf("%d digits, error %v, want 2 and none", len(digits), err)
	}
}
