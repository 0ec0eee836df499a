package convnet

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A gradient is right if it predicts what a small change does to the loss. Every check below
// moves one value by ±step and compares the slope, (loss₊ − loss₋)/(2·step), with the
// gradient. This central difference is off by the order of step², as long as the loss is
// smooth between the two points. Where a ReLU switches or a pooling window gets another
// maximum it is not smooth, and the entry is left out and counted.
const step = 1e-6

// worstAllowed bounds |gradient − slope| over the largest |gradient| of a
// tensor; leastCompared is the part of the entries that must be smooth.
const (
	worstAllowed  = 1e-7
	leastCompared = 0.99
)

// A gradientTable gathers a line for every tensor it has checked.
type gradientTable struct {
	t      testing.TB
	sample int // about how many entries of a tensor are checked, picked by chance; 0 for all
	rng    *rand.Rand
	lines  strings.Builder
}

func newGradientTable(t testing.TB, sample int) *gradientTable {
	g := &gradientTable{t: t, sample: sample, rng: rand.New(rand.NewPCG(11, 1))}
	fmt.Fprintf(&g.lines, "%s, step %g; worst is the largest |gradient − slope| over the largest |gradient|\n", t.Name(), step)
	fmt.Fprintf(&g.lines, "%-38s %8s %8s %8s %8s %8s\n", "tensor", "entries", "checked", "compared", "largest", "worst")
	return g
}

// print prints the lines in one piece, although tests run side by side.
func (g *gradientTable) print() { g.t.Log(strings.TrimSpace(g.lines.String())) }

// check compares the gradient of a loss with respect to each of numbers with the slope. loss returns the loss after number k has changed, and the pattern
// of its kinks: which side of each it is on.
func (g *gradientTable) check(tensor string, numbers, grad []float64, loss func(k int) (float64, []byte)) {
	g.t.Helper()
	checked, compared, worst := 0, 0, 0.0
	var pattern []byte
	for k, old := range numbers {
		if g.sample > 0 && g.rng.IntN(len(numbers)) >= g.sample {
			continue
		}
		checked++
		numbers[k] = old + step
		above, patternAbove := loss(k)
		pattern = append(pattern[:0], patternAbove...)
		numbers[k] = old - step
		below, patternBelow := loss(k)
		numbers[k] = old
		if bytes.Equal(pattern, patternBelow) {
			compared++
			difference := math.Abs(grad[k] - (above-below)/(2*step))
			if !(difference <= worst) { // a NaN counts as the worst
				worst = difference
			}
		}
	}
	scale := largest(grad)
	fmt.Fprintf(&g.lines, "%-38s %8d %8d %8d %8.3f %8.1e\n", tensor, len(numbers), checked, compared, scale, worst/scale)
	if !(scale > 0) {
		g.t.Errorf("%s: the gradient is all zeros: two zeros agree perfectly", tensor)
	}
	if !(worst <= worstAllowed*scale) {
		g.t.Errorf("%s: differs by %.3g of the largest, want at most %g", tensor, worst/scale, worstAllowed)
	}
	if float64(compared) < leastCompared*float64(checked) {
		g.t.Errorf("%s: compared %d of %d, want %v of them", tensor, compared, checked, leastCompared)
	}
}

// TestGradientHelpers checks each helper alone. Its outputs are made one loss
// by a random projection, loss = Σ r·out: the gradient at the outputs is then r.
func TestGradientHelpers(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	table := newGradientTable(t, 0)
	defer table.print()
	project := func(r, out any) (sum float64) {
		v := numbers(out)
		for k, factor := range numbers(r) {
			sum += factor * v[k]
		}
		return sum
	}

	for _, size := range []int{3, 5} {
		in, inBlock := onBlock(rng, 2, 9, 8)
		block := randomVector(rng, 6*2*size*size, 0)
		filters := reshape(block, 6, 2*size*size)
		r := randomMaps(rng, 6, 10-size, 9-size, 0)
		out := NewVolume(6, 10-size, 9-size)
		loss := func(int) (float64, []byte) {
			Conv2D(out, in, filters)
			return project(r, out), nil
		}
		dFilters, dIn := NewMatrix(6, 2*size*size), NewVolume(2, 9, 8)
		AddConv2DFilterGrad(dFilters, in, r)
		Conv2DInputGrad(dIn, filters, r)
		name := fmt.Sprintf(" 6×2×%d×%d", size, size)
		table.check("AddConv2DFilterGrad"+name, block, numbers(dFilters), loss)
		table.check("Conv2DInputGrad"+name, inBlock, numbers(dIn), loss)
	}
	{
		// One number stands half a step from the kink: it must be found and left out.
		in, r, dIn, out := randomVector(rng, 200, 0), randomVector(rng, 200, 0), make([]float64, 200), make([]float64, 200)
		in[7] = step / 2
		ReLUGrad(asMatrix(dIn), asMatrix(in), asMatrix(r))
		table.check("ReLUGrad", in, dIn, func(int) (float64, []byte) {
			ReLU(asMatrix(out), asMatrix(in))
			return project(r, out), signs(nil, in)
		})
	}
	{
		// Two numbers of one window are near a tie: they must be left out.
		in, block := onBlock(rng, 1, 20, 20)
		in[0][4][6], in[0][5][7] = 3, 3+step/2
		r, dIn, out := randomMatrix(rng, 10, 10, 0), NewMatrix(20, 20), NewMatrix(10, 10)
		MaxPoolGrad(dIn, in[0], r)
		table.check("MaxPoolGrad", block, numbers(dIn), func(int) (float64, []byte) {
			MaxPool(out, in[0])
			return project(r, out), winners(nil, in[0])
		})
	}
	{
		maps, block := onBlock(rng, 2, 3, 4)
		r, out, dIn := randomVector(rng, 24, 0), make([]float64, 24), NewVolume(2, 3, 4)
		Unflatten(dIn, r)
		table.check("Unflatten", block, numbers(dIn), func(int) (float64, []byte) {
			Flatten(out, maps)
			return project(r, out), nil
		})
	}
	{
		maps, block := onBlock(rng, 1, 6, 9)
		weights, biases, in := maps[0], randomVector(rng, 6, 0), randomVector(rng, 9, 0)
		r, out := randomVector(rng, 6, 0), make([]float64, 6)
		loss := func(int) (float64, []byte) {
			FullyConnected(out, weights, biases, in)
			return project(r, out), nil
		}
		dWeights, dBiases, dIn := NewMatrix(6, 9), make([]float64, 6), make([]float64, 9)
		AddFullyConnectedWeightGrad(dWeights, dBiases, in, r)
		FullyConnectedInputGrad(dIn, weights, r)
		table.check("AddFullyConnectedWeightGrad, weights", block, numbers(dWeights), loss)
		table.check("AddFullyConnectedWeightGrad, biases", biases, dBiases, loss)
		table.check("FullyConnectedInputGrad", in, dIn, loss)
	}
	{
		in, r, mask := randomVector(rng, 40, 0), randomVector(rng, 40, 0), make([]float64, 40)
		dIn, out := make([]float64, 40), make([]float64, 40)
		DropoutMask(mask, 0.5, rng)
		Dropout(dIn, r, mask)
		table.check("Dropout", in, dIn, func(int) (float64, []byte) {
			Dropout(out, in, mask)
			return project(r, out), nil
		})
	}
	{
		logits, p, dLogits := randomVector(rng, 10, 0), make([]float64, 10), make([]float64, 10)
		Softmax(p, logits)
		CrossEntropyGrad(dLogits, p, 3)
		table.check("CrossEntropyGrad", logits, dLogits, func(int) (float64, []byte) {
			return CrossEntropy(logits, 3), nil
		})
	}
}

// onBlock returns random maps and the block of memory they lie over.
func onBlock(rng *rand.Rand, channels, rows, cols int) (maps [][][]float64, block []float64) {
	block = randomVector(rng, channels*rows*cols, 0)
	for c := range channels {
		maps = append(maps, reshape(block[c*rows*cols:], rows, cols))
	}
	return maps, block
}

// signs appends which of the numbers are above 0: the kinks of ReLU.
func signs(pattern []byte, in []float64) []byte {
	for _, v := range in {
		if v > 0 {
			pattern = append(pattern, 1)
		} else {
			pattern = append(pattern, 0)
		}
	}
	return pattern
}

// winners appends which number of each window is the largest: the kinks of
// max-pooling.
func winners(pattern []byte, in [][]float64) []byte {
	for y := 0; y+1 < len(in); y += 2 { // pooling leaves out an odd last row or column
		for x := 0; x+1 < len(in[y]); x += 2 {
			window := [4]float64{in[y][x], in[y][x+1], in[y+1][x], in[y+1][x+1]}
			winner := 0
			for k, v := range window {
				if v > window[winner] {
					winner = k
				}
			}
			pattern = append(pattern, byte(winner))
		}
	}
	return pattern
}

// all widens TestGradientNetwork:
//
//	go test -v -run GradientNetwork -all .
var all = flag.Bool("all", false, "check the gradients of all parameters, on ten digits")

// TestGradientNetwork checks the whole network with and without dropout, and the
// pixels: about a thousand entries of each tensor, or all of them.
func TestGradientNetwork(t *testing.T) {
	digits, sample := 2, 1000
	if *all {
		digits, sample = 10, 0
	}
	for _, dropout := range []float64{0.5, 0} {
		t.Run(fmt.Sprintf("%d digits, dropout %v", digits, dropout), func(t *testing.T) {
			t.Parallel()
			checkGradient(t, dropout, digits, sample, backward)
		})
	}
}

// checkGradient checks a network that has begun to learn, because an untrained one is a
// special case, with fixed masks. The loss is the sum of several digits', so their
// gradients must add up. The last digit and every second before it has noise on
// the paper: on blank paper a pixel stands on a kink of ReLU.
func checkGradient(t testing.TB, dropout float64, count, sample int,
	backward func(n, grad *Network, d, a *Activations, label int, rate float64)) {
	train, test := readMNIST(t)
	rng := rand.New(rand.NewPCG(9, 1))
	trainer := newTrainer(1, 0.01, dropout)
	for _, digit := range train[:200] {
		trainer.step(digit)
	}
	n := trainer.network
	var digits []Digit
	for k, digit := range test[:count] {
		if (count-k)%2 == 1 {
			noisy := Digit{NewMatrix(ImageSide, ImageSide), digit.Label}
			for y, row := range digit.Image {
				for x, v := range row {
					noisy.Image[y][x] = v + 0.1*rng.Float64()
				}
			}
			digit = noisy
		}
		digits = append(digits, digit)
	}
	grad, d := NewGradient(), NewActivations()
	activations := make([]*Activations, len(digits))
	for k, digit := range digits {
		a := NewActivations()
		a.DrawMasks(dropout, rng)
		n.Forward(a, digit.Image)
		backward(n, grad, d, a, digit.Label, 0)
		activations[k] = a

		// What the check repeats must be what Forward does.
		want := slices.Clone(a.Logits)
		clear(a.Logits)
		forwardFrom(n, a, "pixels", 0, nil)
		near(t, "logits of forwardFrom", a.Logits, want, 0)
	}
	table := newGradientTable(t, sample)
	defer table.print()
	var pattern []byte
	for k, tensor := range n.Tensors() {
		size := len(tensor.Data) / tensor.Shape[0] // of one unit: a filter or a row
		unit := 0
		repeat := func() (float64, []byte) {
			sum := 0.0
			pattern = pattern[:0]
			for k, a := range activations {
				pattern = forwardFrom(n, a, tensor.Name, unit, pattern)
				sum += CrossEntropy(a.Logits, digits[k].Label)
			}
			return sum, pattern
		}
		table.check(tensor.Name, tensor.Data, grad.Tensors()[k].Data, func(k int) (float64, []byte) {
			if k/size != unit {
				repeat() // number k is in another unit: the one before is as it was
				unit = k / size
			}
			return repeat()
		})
		repeat()
	}
	last := len(digits) - 1 // Backward has left this digit's gradients in d
	a := activations[last]
	Conv2DInputGrad(d.Image, n.Filters1, d.Conv1)
	pixels := numbers(a.Image)
	table.check("pixels", pixels, numbers(d.Image), func(int) (float64, []byte) {
		Unflatten(a.Image, pixels)
		pattern = forwardFrom(n, a, "pixels", 0, pattern[:0])
		return CrossEntropy(a.Logits, digits[last].Label), pattern
	})
}

// forwardFrom repeats Forward from where one unit of a tensor (a filter, or a
// row of weights with its bias) comes in, since all before it stands in a, and
// appends the kinks it passes to pattern.
func forwardFrom(n *Network, a *Activations, tensor string, unit int, pattern []byte) []byte {
	from, to := unit, unit+1
	switch tensor {
	case "pixels":
		from, to = 0, filters1
		fallthrough
	case "conv1.weight":
		Conv2D(a.Conv1[from:to], a.Image, n.Filters1[from:to])
		eachMap(ReLU, a.ReLU1[from:to], a.Conv1[from:to])
		eachMap(MaxPool, a.Pool1[from:to], a.ReLU1[from:to])
		for f := from; f < to; f++ {
			pattern = signs(winners(pattern, a.ReLU1[f]), numbers(a.Conv1[f]))
		}
		from, to = 0, filters2
		fallthrough
	case "conv2.weight":
		Conv2D(a.Conv2[from:to], a.Pool1, n.Filters2[from:to])
		eachMap(ReLU, a.ReLU2[from:to], a.Conv2[from:to])
		eachMap(MaxPool, a.Pool2[from:to], a.ReLU2[from:to])
		for f := from; f < to; f++ {
			pattern = signs(winners(pattern, a.ReLU2[f]), numbers(a.Conv2[f]))
		}
		Flatten(a.Flat, a.Pool2)
		Dropout(a.Drop1, a.Flat, a.Mask1)
		from, to = 0, hidden
		fallthrough
	case "fc1.weight", "fc1.bias":
		FullyConnected(a.Hidden[from:to], n.Weights1[from:to], n.Biases1[from:to], a.Drop1)
		ReLU(asMatrix(a.ReLU3), asMatrix(a.Hidden))
		pattern = signs(pattern, a.Hidden)
		Dropout(a.Drop2, a.ReLU3, a.Mask2)
		from, to = 0, classes
		fallthrough
	case "fc2.weight", "fc2.bias":
		FullyConnected(a.Logits[from:to], n.Weights2[from:to], n.Biases2[from:to], a.Drop2)
	default:
		panic("no tensor " + tensor)
	}
	return pattern
}
