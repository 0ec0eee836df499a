package convnet

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"convnet/examples/check"
)

// A gradientTable checks gradients and collects a line for each. It logs them all at once, because
// tests run in parallel.
type gradientTable struct {
	t     *testing.T
	lines strings.Builder
}

func newGradientTable(t *testing.T) *gradientTable {
	g := &gradientTable{t: t}
	fmt.Fprintf(&g.lines, "%s: worst is the largest |gradient − slope| over the largest gradient compared\n", t.Name())
	fmt.Fprintf(&g.lines, "%-38s %8s %8s %8s %8s %8s\n", "tensor", "entries", "checked", "compared", "largest", "worst")
	return g
}

func (g *gradientTable) print() { g.t.Log(strings.TrimSpace(g.lines.String())) }

func (g *gradientTable) check(tensor string, c check.Checker, parameters, gradient []float64) check.Result {
	r := c.Check(parameters, gradient)
	fmt.Fprintf(&g.lines, "%-38s %8d %8d %8d %8.3f %8.1e\n", tensor, r.Entries, r.Checked, r.Compared, r.Largest, r.Worst)
	if err := r.Err(); err != nil {
		g.t.Errorf("%s: %v", tensor, err)
	}
	return r
}

// project returns the loss Σ r·out. Its gradient at out is r.
func project(r, out any) (loss float64) {
	v := values(out)
	for k, factor := range values(r) {
		loss += factor * v[k]
	}
	return loss
}

// Each helper has the right gradients. A random projection turns its outputs into a loss.
func TestGradientHelpers(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	table := newGradientTable(t)
	defer table.print()
	for _, size := range []int{3, 5} {
		in, inBlock := onBlock(rng, 2, 9, 8)
		block := randomVector(rng, 6*2*size*size, 0)
		filters := reshape(block, 6, 2*size*size)
		r, out := randomMaps(rng, 6, 10-size, 9-size, 0), NewVolume(6, 10-size, 9-size)
		c := check.Checker{Loss: func() float64 {
			Conv2D(out, in, filters)
			return project(r, out)
		}}
		dFilters, dIn := NewMatrix(6, 2*size*size), NewVolume(2, 9, 8)
		AddConv2DFilterGrad(dFilters, in, r)
		Conv2DInputGrad(dIn, filters, r)
		name := fmt.Sprintf(" 6×2×%d×%d", size, size)
		table.check("AddConv2DFilterGrad"+name, c, block, values(dFilters))
		table.check("Conv2DInputGrad"+name, c, inBlock, values(dIn))
	}
	{
		in, dOut := randomVector(rng, 200, 0), randomVector(rng, 200, 0)
		in[7] = check.DefaultStep / 2 // half a step from the kink, so it must be left out
		dIn, out := make([]float64, 200), make([]float64, 200)
		ReLUGrad(asMatrix(dIn), asMatrix(in), asMatrix(dOut))
		var kinks check.Kinks
		r := table.check("ReLUGrad", check.Checker{Kinks: &kinks, Loss: func() float64 {
			ReLU(asMatrix(out), asMatrix(in))
			kinks.Signs(in)
			return project(dOut, out)
		}}, in, dIn)
		if r.Compared != 199 {
			t.Errorf("ReLUGrad: compared %d of 200, want 199", r.Compared)
		}
	}
	{
		in, block := onBlock(rng, 1, 20, 20)
		in[0][4][6], in[0][5][7] = 3, 3+check.DefaultStep/2 // half a step from a tie, so both must be left out
		dOut, dIn, out := randomMatrix(rng, 10, 10, 0), NewMatrix(20, 20), NewMatrix(10, 10)
		MaxPoolGrad(dIn, in[0], dOut)
		var kinks check.Kinks
		r := table.check("MaxPoolGrad", check.Checker{Kinks: &kinks, Loss: func() float64 {
			MaxPool(out, in[0])
			kinks.Winners(in[0], 2)
			return project(dOut, out)
		}}, block, values(dIn))
		if r.Compared != 398 {
			t.Errorf("MaxPoolGrad: compared %d of 400, want 398", r.Compared)
		}
	}
	{
		maps, block := onBlock(rng, 2, 3, 4)
		r, out, dIn := randomVector(rng, 24, 0), make([]float64, 24), NewVolume(2, 3, 4)
		Unflatten(dIn, r)
		table.check("Unflatten", check.Checker{Loss: func() float64 {
			Flatten(out, maps)
			return project(r, out)
		}}, block, values(dIn))
	}
	{
		block, biases, in := randomVector(rng, 54, 0), randomVector(rng, 6, 0), randomVector(rng, 9, 0)
		weights, r, out := reshape(block, 6, 9), randomVector(rng, 6, 0), make([]float64, 6)
		c := check.Checker{Loss: func() float64 {
			FullyConnected(out, weights, biases, in)
			return project(r, out)
		}}
		dWeights, dBiases, dIn := NewMatrix(6, 9), make([]float64, 6), make([]float64, 9)
		AddFullyConnectedWeightGrad(dWeights, dBiases, in, r)
		FullyConnectedInputGrad(dIn, weights, r)
		table.check("AddFullyConnectedWeightGrad, weights", c, block, values(dWeights))
		table.check("AddFullyConnectedWeightGrad, biases", c, biases, dBiases)
		table.check("FullyConnectedInputGrad", c, in, dIn)
	}
	{
		in, r, mask := randomVector(rng, 40, 0), randomVector(rng, 40, 0), make([]float64, 40)
		dIn, out := make([]float64, 40), make([]float64, 40)
		DropoutMask(mask, 0.5, rng)
		Dropout(dIn, r, mask)
		table.check("Dropout", check.Checker{Loss: func() float64 {
			Dropout(out, in, mask)
			return project(r, out)
		}}, in, dIn)
	}
	{
		logits, p, dLogits := randomVector(rng, 10, 0), make([]float64, 10), make([]float64, 10)
		Softmax(p, logits)
		CrossEntropyGrad(dLogits, p, 3)
		table.check("CrossEntropyGrad", check.Checker{Loss: func() float64 {
			return CrossEntropy(logits, 3)
		}}, logits, dLogits)
	}
}

// onBlock returns random maps and the block of memory that holds their values.
func onBlock(rng *rand.Rand, channels, rows, cols int) (maps [][][]float64, block []float64) {
	block = randomVector(rng, channels*rows*cols, 0)
	for c := range channels {
		maps = append(maps, reshape(block[c*rows*cols:], rows, cols))
	}
	return maps, block
}

// The whole network has the right gradients, with and without dropout, and so do the pixels. This
// checks a sample of 1,000 entries of each tensor for two digits. To check all entries for five:
//
//	CONVNET_ALL=1 go test -v -run GradientNetwork .
func TestGradientNetwork(t *testing.T) {
	count, sample := 2, 1000
	if os.Getenv("CONVNET_ALL") != "" {
		count, sample = 5, 0
	}
	for _, dropout := range []float64{0.5, 0} {
		t.Run(fmt.Sprintf("%d digits, dropout %v", count, dropout), func(t *testing.T) {
			t.Parallel()
			checkNetwork(t, dropout, count, sample)
		})
	}
}

// checkNetwork first trains the network a little, because an untrained one is a special case. The loss
// is the sum over count digits, so their gradients must add up.
func checkNetwork(t *testing.T, dropout float64, count, sample int) {
	train, test := readMNIST(t)
	rng := rand.New(rand.NewPCG(9, 1))
	trainer := newTrainer(1, 0.01, dropout)
	for _, digit := range train[:200] {
		trainer.step(digit)
	}
	digits := slices.Clone(test[:count])
	for k := range digits {
		if (count-k)%2 == 1 { // every second digit and the last one, whose pixels are checked
			digits[k].Image = withNoise(digits[k].Image, rng)
		}
	}
	n, grad, d := trainer.network, NewGradient(), NewActivations()
	var passes []*Activations // a forward pass for each digit
	for _, digit := range digits {
		a := NewActivations()
		a.DrawMasks(dropout, rng) // and keep them: a random loss has no slope
		n.Forward(a, digit.Image)
		n.Backward(grad, d, a, digit.Label)
		passes = append(passes, a)

		// forwardFrom must do what Forward does.
		want := slices.Clone(a.Logits)
		clear(a.Logits)
		forwardFrom(n, a, "pixels", &check.Kinks{})
		near(t, "logits of forwardFrom", a.Logits, want, 0)
	}

	table := newGradientTable(t)
	defer table.print()
	var kinks check.Kinks
	for k, tensor := range n.Tensors() {
		table.check(tensor.Name, check.Checker{Sample: sample, Kinks: &kinks, Loss: func() (sum float64) {
			for k, a := range passes {
				forwardFrom(n, a, tensor.Name, &kinks)
				sum += CrossEntropy(a.Logits, digits[k].Label)
			}
			return sum
		}}, tensor.Data, grad.Tensors()[k].Data)
	}
	last := count - 1 // d has this digit's gradients
	Conv2DInputGrad(d.Image, n.Filters1, d.Conv1)
	pixels := values(passes[last].Image)
	table.check("pixels", check.Checker{Kinks: &kinks, Loss: func() float64 {
		Unflatten(passes[last].Image, pixels)
		forwardFrom(n, passes[last], "pixels", &kinks)
		return CrossEntropy(passes[last].Logits, digits[last].Label)
	}}, pixels, values(d.Image))
}

// withNoise returns the image with noise added. On blank paper convolutions are 0, so every step of a
// pixel would cross a kink.
func withNoise(image [][]float64, rng *rand.Rand) [][]float64 {
	noisy := NewMatrix(ImageSide, ImageSide)
	for y, row := range image {
		for x, v := range row {
			noisy[y][x] = v + 0.1*rng.Float64()
		}
	}
	return noisy
}

// forwardFrom repeats Forward from the layer that uses a tensor, and records the kinks. The layers
// before it don't depend on the tensor, so their activations are still in a.
func forwardFrom(n *Network, a *Activations, tensor string, kinks *check.Kinks) {
	record := func(conv, relu [][][]float64) {
		for c := range conv {
			for _, row := range conv[c] {
				kinks.Signs(row)
			}
			kinks.Winners(relu[c], 2)
		}
	}
	switch tensor {
	case "pixels", "conv1.weight":
		Conv2D(a.Conv1, a.Image, n.Filters1)
		eachMap(ReLU, a.ReLU1, a.Conv1)
		eachMap(MaxPool, a.Pool1, a.ReLU1)
		record(a.Conv1, a.ReLU1)
		fallthrough
	case "conv2.weight":
		Conv2D(a.Conv2, a.Pool1, n.Filters2)
		eachMap(ReLU, a.ReLU2, a.Conv2)
		eachMap(MaxPool, a.Pool2, a.ReLU2)
		record(a.Conv2, a.ReLU2)
		Flatten(a.Flat, a.Pool2)
		Dropout(a.Drop1, a.Flat, a.Mask1)
		fallthrough
	case "fc1.weight", "fc1.bias":
		FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)
		ReLU(asMatrix(a.ReLU3), asMatrix(a.Hidden))
		kinks.Signs(a.Hidden)
		Dropout(a.Drop2, a.ReLU3, a.Mask2)
		fallthrough
	case "fc2.weight", "fc2.bias":
		FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
	default:
		panic("unknown tensor " + tensor)
	}
}
