package tutor

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
)

// assemble returns f with the functions of network.go written with f's own helpers.
func assemble(f Functions) Functions {
	f.New = func(seed uint64) *convnet.Network {
		n, rng := convnet.NewGradient(), rand.New(rand.NewPCG(seed, 7)) // other numbers than ours
		for _, m := range [][][]float64{n.Weights2, n.Weights1, n.Filters2, n.Filters1} {
			for _, row := range m {
				for k := range row {
					row[k] = rng.NormFloat64() / math.Sqrt(float64(len(row)))
				}
			}
		}
		return n
	}
	f.Forward = func(n *convnet.Network, a *convnet.Activations, image [][]float64) {
		for y := range image {
			copy(a.Image[0][y], image[y])
		}
		f.Conv2D(a.Conv1, a.Image, n.Filters1)
		eachMap(f.ReLU, a.ReLU1, a.Conv1)
		eachMap(f.MaxPool, a.Pool1, a.ReLU1)
		f.Conv2D(a.Conv2, a.Pool1, n.Filters2)
		eachMap(f.ReLU, a.ReLU2, a.Conv2)
		eachMap(f.MaxPool, a.Pool2, a.ReLU2)
		f.Flatten(a.Flat, a.Pool2)
		f.Dropout(a.Drop1, a.Flat, a.Mask1)
		f.FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)
		f.ReLU(asMatrix(a.ReLU3), asMatrix(a.Hidden))
		f.Dropout(a.Drop2, a.ReLU3, a.Mask2)
		f.FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
		f.Softmax(a.Probabilities, a.Logits)
	}
	f.Backward = func(n, grad *convnet.Network, d, a *convnet.Activations, label int) {
		f.CrossEntropyGrad(d.Logits, a.Probabilities, label)
		f.AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.Drop2, d.Logits)
		f.FullyConnectedInputGrad(d.Drop2, n.Weights2, d.Logits)
		f.Dropout(d.ReLU3, d.Drop2, a.Mask2)
		f.ReLUGrad(asMatrix(d.Hidden), asMatrix(a.Drop2), asMatrix(d.ReLU3)) // as good as a.Hidden
		f.AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, d.Hidden)
		f.FullyConnectedInputGrad(d.Drop1, n.Weights1, d.Hidden)
		f.Dropout(d.Flat, d.Drop1, a.Mask1)
		f.Unflatten(d.Pool2, d.Flat)
		eachMapGrad(f.MaxPoolGrad, d.ReLU2, a.ReLU2, d.Pool2)
		eachMapGrad(f.ReLUGrad, d.Conv2, a.ReLU2, d.ReLU2) // as good as a.Conv2
		f.AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.Conv2)
		f.Conv2DInputGrad(d.Pool1, n.Filters2, d.Conv2)
		eachMapGrad(f.MaxPoolGrad, d.ReLU1, a.ReLU1, d.Pool1)
		eachMapGrad(f.ReLUGrad, d.Conv1, a.Conv1, d.ReLU1)
		f.AddConv2DFilterGrad(grad.Filters1, a.Image, d.Conv1)
		f.Conv2DInputGrad(d.Image, n.Filters1, d.Conv1) // not needed, and not forbidden
	}
	f.Update = func(n, grad *convnet.Network, rate float64) {
		tensors := n.Tensors()
		for t, g := range grad.Tensors() {
			for k := range g.Data {
				tensors[t].Data[k] = tensors[t].Data[k] - g.Data[k]*rate
			}
		}
	}
	return f
}

func TestRightNetworksPass(t *testing.T) {
	for name, f := range map[string]Functions{"ours": Ours(), "plain": assemble(plain())} {
		for _, step := range networkSteps() {
			if v := (&report{known: remembered}).judge(&step, f); v.state != right {
				t.Errorf("%s: %s fails:\n%s", name, step.Name, v.message)
			}
		}
	}
}

// New passes with any generator and in any order.
func TestAnyGoodNewPasses(t *testing.T) {
	boxMuller := func(rng *rand.Rand) float64 {
		return math.Sqrt(-2*math.Log(1-rng.Float64())) * math.Cos(2*math.Pi*rng.Float64())
	}
	step := newStep()
	times := uint64(1)
	if testenv.All() {
		times = 40
	}
	for k := range times {
		generators := map[string]func(seed uint64) *rand.Rand{
			"PCG":     func(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(k, seed)) },
			"ChaCha8": func(seed uint64) *rand.Rand { return rand.New(rand.NewChaCha8([32]byte{byte(k), byte(seed)})) },
		}
		for name, generator := range generators {
			for _, draw := range []func(rng *rand.Rand) float64{(*rand.Rand).NormFloat64, boxMuller} {
				f := Ours()
				f.New = func(seed uint64) *convnet.Network {
					return fillNetwork(generator(seed), func(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 {
						return draw(rng) / math.Sqrt(fanIn)
					})
				}
				if v := (&report{known: remembered}).judge(&step, f); v.state != right {
					t.Fatalf("%s %d:\n%s", name, k, v.message)
				}
			}
		}
	}
}

// message returns what a step says about functions that are wrong, in one line.
func message(t *testing.T, step Step, f Functions) string {
	t.Helper()
	v := (&report{known: remembered}).judge(&step, f)
	if v.state == right {
		t.Fatalf("%s: the mistake passes", step.Name)
	}
	for _, line := range strings.Split(v.message, "\n") {
		if columns(line) > 80 {
			t.Errorf("%s: a line of %d columns: %s", step.Name, columns(line), line)
		}
	}
	t.Log("\n" + v.message)
	return strings.Join(strings.Fields(v.message), " ")
}

// What the steps of network.go say, about mistakes that they know and about others.
func TestNetworkMessages(t *testing.T) {
	testenv.NeedStored(t)
	for _, c := range []struct {
		step  func() Step
		wrong func(f *Functions)
		says  []string
	}{
		{forwardStep, with("a.Conv2", func(n network, a activations, _ pixels) {
			convnet.Conv2D(a.Conv2, a.Pool1, n.Filters2)
			a.Conv2[3][1][2]++
		}), []string{"a.Image, a.Conv1, a.ReLU1 and a.Pool1 are right. a.Conv2 is the first that is wrong", "a.Conv2[3][1][2]", "1 of 1280", "It comes from a.Pool1 and n.Filters2."}},
		{forwardStep, with("a.ReLU3", func(_ network, a activations, _ pixels) { copy(a.ReLU3, a.Hidden) }),
			[]string{"Notice that a.ReLU3 has exactly the values that a.Hidden should have.", "This is what you get when the last ReLU is left out"}},
		{forwardStep, with("a.Image", func(network, activations, pixels) {}),
			[]string{"a.Image comes first, and it is wrong.", "a.Image is still what it was before the call", "the line that fills a.Image is missing"}},
		{forwardStep, with("a.Image", func(_ network, a activations, image pixels) { a.Image[0] = image }),
			[]string{"the two share memory"}},
		{forwardStep, func(f *Functions) {
			f.Forward = func(n network, a activations, image pixels) {
				n.Forward(a, image)
				n.Biases2[0] = 1
				image[0][0] = 1
			}
		}, []string{"What should only be read has changed: n.Biases2 and image."}},
		{forwardStep, func(f *Functions) {
			f.Forward = func(n network, a activations, image pixels) {
				n.Forward(a, image)
				a.Flat = a.Flat[:10]
			}
		}, []string{"a.Flat a vector of length 10 a vector of length 320"}},
		{forwardStep, func(f *Functions) {
			f.Forward = func(n network, a activations, image pixels) {
				n.Forward(a, image)
				convnet.Dropout(a.ReLU3, a.Hidden, a.Mask2)
				convnet.ReLU(asMatrix(a.Drop2), asMatrix(a.ReLU3))
			}
		}, []string{"This is what you get when dropout comes before the last ReLU. It should come after it: ReLU fills a.ReLU3 from a.Hidden, and then"}},
		{forwardStep, func(f *Functions) {
			f.Forward = func(n network, a activations, image pixels) {
				n.Forward(a, image)
				a.NoDropout()
				convnet.Dropout(a.Drop2, a.ReLU3, a.Mask2)
				convnet.FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
				convnet.Softmax(a.Probabilities, a.Logits)
			}
		}, []string{"This is what you get when Forward sets the masks before the second dropout"}},
		{forwardStep, with("a.Pool2", func(_ network, a activations, _ pixels) { convnet.MaxPool(a.Pool2[0], a.ReLU2[0]) }),
			[]string{"eachMap(MaxPool, a.Pool2, a.ReLU2) does all."}},
		{backwardStep, back("d.Flat", func(_, _ network, d, a activations, _ int) { convnet.Dropout(d.Drop1, d.Flat, a.Mask1) }),
			[]string{"d.Drop1 has what d.Flat had before the call. Are the arguments in the right order?"}},
		{backwardStep, back("d.Logits", func(_, _ network, d, a activations, label int) {
			d.Logits[label] = a.Probabilities[label] - 1
		}), []string{"9 of its 10 entries are still what they were before the call, 21."}},
		{backwardStep, back("d.ReLU3", func(_, _ network, d, _ activations, _ int) { copy(d.ReLU3, d.Drop2) }),
			[]string{"The first example is right.", "d.Logits, grad.Weights2, grad.Biases2 and d.Drop2 are right. d.ReLU3 is the first that is wrong", "So look for a mask.", "the backward pass forgets the second mask"}},
		{backwardStep, back("grad.Weights1", func(_, grad network, d, a activations, _ int) {
			convnet.AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, d.Hidden)
			grad.Weights1[0][0]++
		}), []string{"Everything but grad.Weights1 is right.", "grad.Weights1[0][0]"}},
		{backwardStep, func(f *Functions) {
			f.Backward = func(n, grad network, d, a activations, label int) {
				n.Backward(grad, d, a, label)
				for k := range grad.Parameters {
					grad.Parameters[k] *= 3
				}
			}
		}, []string{"the gradients of all parameters are wrong"}},
		{backwardStep, func(f *Functions) {
			f.Backward = func(n, grad network, d, a activations, label int) {
				n.Backward(grad, d, a, label)
				n.Update(grad, 0.3)
			}
		}, []string{"What should only be read has changed: n.Filters1, n.Filters2, n.Weights1, n.Biases1, n.Weights2 and n.Biases2."}},
		{updateStep, updateWith(func(p *float64, g, rate float64) { *p += rate * g }),
			[]string{"n.Filters1[0][0] -0.50 -0.80 -0.580 -0.420", "along the gradient"}},
		{updateStep, updateWith(func(p *float64, g, rate float64) { *p -= 1.5 * rate * g }), []string{"With a rate of 0.1"}},
		{newStep, newWith(func(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 { return rng.NormFloat64() / fanIn }),
			[]string{"conv1.weight 0.2000 0.0400 25", "divided by the fan-in instead of its root"}},
		{newStep, newWith(func(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 {
			return 0.42 * rng.NormFloat64() / math.Sqrt(fanIn)
		}), []string{"conv1.weight 0.2000 0.08", "about 0.42 times what they should be."}},
		{newStep, newWith(func(_ *rand.Rand, _ convnet.Tensor, _ float64) float64 { return 0.5 }), []string{"All weights of conv1.weight are 0.5."}},
		{newStep, newWith(func(_ *rand.Rand, _ convnet.Tensor, _ float64) float64 { return math.NaN() }), []string{"NaN or infinite"}},
		{newStep, func(f *Functions) { f.New = func(uint64) *convnet.Network { return nil } }, []string{"New returned nil."}},
		{newStep, func(f *Functions) {
			f.New = func(seed uint64) *convnet.Network {
				n := convnet.New(seed)
				n.Filters2 = convnet.NewMatrix(20, 25)
				return n
			}
		}, []string{"Filters2 is 20×25, want 20×250."}},
		{newStep, func(f *Functions) { f.New = func(uint64) *convnet.Network { return &convnet.Network{} } }, []string{"Parameters has length 0, want 38360."}},
	} {
		step := c.step()
		if step.Name == "New" && !testenv.All() {
			continue // for each known mistake, a dozen networks are drawn
		}
		f := Ours()
		c.wrong(&f)
		got := message(t, step, f)
		for _, says := range c.says {
			if !strings.Contains(got, says) {
				t.Errorf("found\n%s\nwant %q in it", got, says)
			}
		}
	}
}

// Nobody is sent to compute by hand what takes a whole network.
func TestNetworksAreNotComputedByHand(t *testing.T) {
	testenv.NeedStored(t)
	for _, c := range []struct {
		wrong func(f *Functions)
		says  string
	}{
		{with("a.Pool2", func(_ network, a activations, _ pixels) {
			for c := range 3 {
				convnet.MaxPool(a.Pool2[c], a.ReLU2[c])
			}
		}), "of its 320 entries are still what they were"},
		{with("a.Hidden", func(n network, a activations, _ pixels) {
			convnet.FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)
			a.Hidden[7] = leftoverOf("a.Hidden")
		}), "1 of its 100 entries is still what it was"},
		{with("a.Drop2", func(_ network, a activations, _ pixels) {
			a.Mask2[0] = 3
			convnet.Dropout(a.Drop2, a.ReLU3, a.Mask2)
		}), "What should only be read has changed: a.Mask2."},
		{with("a.Conv2", func(n network, a activations, _ pixels) {
			convnet.Conv2D(a.Conv2, a.Pool1, n.Filters2)
			a.Conv2[3][1][2]++
		}), "a.Conv2 is the first that is wrong"},
	} {
		f := Ours()
		c.wrong(&f)
		got := message(t, forwardStep(), f)
		if !strings.Contains(got, c.says) || strings.Contains(got, "by hand") {
			t.Errorf("found\n%s\nwant %q in it, and not by hand", got, c.says)
		}
	}
}

// The forward and backward passes of the mistakes are ours, line by line.
func TestLinesAreOurs(t *testing.T) {
	f := Ours()
	forwardWith()(&f)
	backwardWith()(&f)
	for _, step := range []Step{forwardStep(), backwardStep()} {
		if v := (&report{known: remembered}).judge(&step, f); v.state != right {
			t.Errorf("%s fails:\n%s", step.Name, v.message)
		}
	}
	if len(forwardLines) != len(ourForward) {
		t.Errorf("%d names for the %d lines of Forward", len(forwardLines), len(ourForward))
	}
}

// The exercise of docs/workshop.md: what a single trial with a rate of 1 would miss.
func TestRateOfOne(t *testing.T) {
	step := updateStep()
	step.trials = updateTrials([]float64{1})
	want := outcomes(&step, Ours(), "")
	var missed, alike []string
	results := make([][]outcome, len(step.mistakes))
	for k, m := range step.mistakes {
		f := Ours()
		m.wrong(&f)
		results[k] = outcomes(&step, f, "")
		if sameOutcomes(results[k], want) {
			missed = append(missed, m.says)
			continue
		}
		for n := range k {
			if sameOutcomes(results[k], results[n]) {
				alike = append(alike, step.mistakes[n].says+" / "+m.says)
			}
		}
	}
	if want := []string{
		"the rate is forgotten",
		"the gradient is multiplied by the rate twice",
		"the gradient is divided by the rate",
		"the biases move by the whole gradient, without the rate",
		"the gradient itself is multiplied by the rate, and stays so",
	}; !slices.Equal(missed, want) {
		t.Errorf("missed %q, want %q", missed, want)
	}
	if want := []string{
		"the step replaces the parameter, instead of being subtracted from it / the parameter also shrinks by the rate, as in a moving average",
		"the gradient replaces the parameter / the parameter becomes an average of itself and the gradient",
	}; !slices.Equal(alike, want) {
		t.Errorf("alike are %q, want %q", alike, want)
	}
}

// docs/workshop.md shows the beginning of a message.
func TestTeachersPage(t *testing.T) {
	testenv.NeedStored(t)
	page := testenv.ReadFile(t, "docs/workshop.md")
	var block []string
	for _, line := range strings.Split(string(page), "\n") {
		if shown, indented := strings.CutPrefix(line, "    "); indented {
			block = append(block, shown)
		}
	}
	f := Ours()
	back("d.ReLU3", func(_, _ network, d, _ activations, _ int) { copy(d.ReLU3, d.Drop2) })(&f)
	step := backwardStep()
	v := (&report{known: remembered}).judge(&step, f)
	printed := strings.Split(v.message, "\n")
	for _, line := range block {
		if !slices.Contains(printed, line) {
			t.Errorf("docs/workshop.md shows %q, which isn't in\n%s", line, v.message)
		}
	}
	if len(block) < 5 {
		t.Errorf("docs/workshop.md shows %d lines, want at least 5", len(block))
	}
}
