package tutor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"convnet"
)

// Short names for the wrong lines below.
type (
	network     = *convnet.Network
	activations = *convnet.Activations
	pixels      = [][]float64
)

// randomNetwork returns a network with biases that aren't 0.
func randomNetwork(seed uint64) *convnet.Network {
	n := convnet.NewGradient()
	rng := rand.New(rand.NewPCG(seed, 21))
	for _, t := range n.Tensors() {
		fanIn := len(t.Data) / t.Shape[0]
		for k := range t.Data {
			t.Data[k] = rng.NormFloat64() / math.Sqrt(float64(fanIn))
			if len(t.Shape) == 1 {
				t.Data[k] /= 4
			}
		}
	}
	return n
}

// randomImage returns an image of noise, half of it blank.
func randomImage(seed uint64) [][]float64 {
	image := convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
	rng := rand.New(rand.NewPCG(seed, 22))
	for _, row := range image {
		for x := range row {
			row[x] = max(0, 2*rng.Float64()-1)
		}
	}
	return image
}

// usedActivations returns activations that have been used before, with masks for dropout p.
func usedActivations(seed uint64, p float64) *convnet.Activations {
	a := convnet.NewActivations()
	fillAll(a)
	a.DrawMasks(p, rand.New(rand.NewPCG(seed, 23)))
	return a
}

func forwardStep() Step {
	var trials []trial
	for k, dropout := range []float64{0, 0.5} {
		seed := uint64(k)
		n := sync.OnceValue(func() *convnet.Network { return randomNetwork(seed) })
		trials = append(trials, trial{
			input: "an image of noise, in activations that have been used before",
			run: func(f Functions) []output {
				n, image, a := n().Clone(), randomImage(seed), usedActivations(seed, dropout)
				parameters, masks := tensorsOf("n", n), masksOf(a)
				f.Forward(n, a, image)
				outputs := activationsOf(a)
				outputs = append(outputs, changed(masksOf(a), masks)...)
				outputs = append(outputs, changed(tensorsOf("n", n), parameters)...)
				outputs = append(outputs, changed([]output{matrix("image", image)}, []output{matrix("image", randomImage(seed))})...)
				for _, row := range image {
					fill(row, 0.5)
				}
				return append(outputs, volume(imageLater, a.Image))
			},
		})
	}
	return Step{
		Name:    "Forward",
		Section: "From the walk to the package",
		does:    "copies the image and computes all activations, from a.Conv1 to a.Probabilities, one line for each.",
		formula: "image → conv1 → ReLU → max-pool → conv2 → ReLU → max-pool → flatten\n" +
			"      → dropout → fc1 → ReLU → dropout → fc2 → softmax",
		Hints: []string{
			"First copy the pixels, row by row: copy(a.Image[0][y], image[y]). Then there is one line for each arrow of the formula. The first is Conv2D(a.Conv1, a.Image, n.Filters1).",
			"Each line reads what the line before has filled, and fills the next field of Activations: Image, Conv1, ReLU1, Pool1, Conv2, ReLU2, Pool2, Flat, Drop1, Hidden, ReLU3, Drop2, Logits, Probabilities. ReLU and MaxPool take one map: eachMap(ReLU, a.ReLU1, a.Conv1) calls ReLU for each. Dropout always multiplies by the mask. When nothing is to be dropped, the mask is all ones.",
			`All lines are in the README, in the section "From the walk to the package", and in convnet.go: func (n *Network) Forward.`,
		},
		trials:   trials,
		explain:  explainForward,
		mistakes: forwardMistakes(),
	}
}

const imageLater = "a.Image once the caller has changed image"

func explainForward(got, want []output) string {
	last := len(want) - 1
	if len(got) == len(want) && sameOutputs(got[:last], want[:last]) {
		return wrap(sharesMemory + "But when the caller changes image after the call, a.Image changes with it: the two share memory. Backward reads a.Image later, so copy the pixels themselves.")
	}
	return explainTensors(got[:min(len(got), last)], want[:last], forwardLines)
}

var forwardLines = []tensorLine{
	{"a.Image", "It's a copy of image, pixel by pixel, in the only channel, a.Image[0]."},
	{"a.Conv1", "It comes from a.Image and n.Filters1."},
	{"a.ReLU1", "It comes from a.Conv1, map by map."},
	{"a.Pool1", "It comes from a.ReLU1, map by map."},
	{"a.Conv2", "It comes from a.Pool1 and n.Filters2."},
	{"a.ReLU2", "It comes from a.Conv2, map by map."},
	{"a.Pool2", "It comes from a.ReLU2, map by map."},
	{"a.Flat", "It comes from a.Pool2."},
	{"a.Drop1", "It comes from a.Flat and a.Mask1."},
	{"a.Hidden", "It comes from a.Drop1, n.Weights1 and n.Biases1."},
	{"a.ReLU3", "It comes from a.Hidden. (ReLU takes matrices: asMatrix makes one of a vector.)"},
	{"a.Drop2", "It comes from a.ReLU3 and a.Mask2."},
	{"a.Logits", "They come from a.Drop2, n.Weights2 and n.Biases2."},
	{"a.Probabilities", "They come from a.Logits."},
}

type forwardLine = func(n network, a activations, image pixels)

// ourForward is Forward line by line, in the order of forwardLines.
var ourForward = []forwardLine{
	func(_ network, a activations, image pixels) {
		for y, row := range image {
			copy(a.Image[0][y], row)
		}
	},
	func(n network, a activations, _ pixels) { convnet.Conv2D(a.Conv1, a.Image, n.Filters1) },
	func(_ network, a activations, _ pixels) { eachMap(convnet.ReLU, a.ReLU1, a.Conv1) },
	func(_ network, a activations, _ pixels) { eachMap(convnet.MaxPool, a.Pool1, a.ReLU1) },
	func(n network, a activations, _ pixels) { convnet.Conv2D(a.Conv2, a.Pool1, n.Filters2) },
	func(_ network, a activations, _ pixels) { eachMap(convnet.ReLU, a.ReLU2, a.Conv2) },
	func(_ network, a activations, _ pixels) { eachMap(convnet.MaxPool, a.Pool2, a.ReLU2) },
	func(_ network, a activations, _ pixels) { convnet.Flatten(a.Flat, a.Pool2) },
	func(_ network, a activations, _ pixels) { convnet.Dropout(a.Drop1, a.Flat, a.Mask1) },
	func(n network, a activations, _ pixels) {
		convnet.FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)
	},
	func(_ network, a activations, _ pixels) { convnet.ReLU(asMatrix(a.ReLU3), asMatrix(a.Hidden)) },
	func(_ network, a activations, _ pixels) { convnet.Dropout(a.Drop2, a.ReLU3, a.Mask2) },
	func(n network, a activations, _ pixels) {
		convnet.FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
	},
	func(_ network, a activations, _ pixels) { convnet.Softmax(a.Probabilities, a.Logits) },
}

func eachMap(f func(dst, in [][]float64), dst, in [][][]float64) {
	for c := range in {
		f(dst[c], in[c])
	}
}

func eachMapGrad(f func(dIn, in, dOut [][]float64), dIn, in, dOut [][][]float64) {
	for c := range in {
		f(dIn[c], in[c], dOut[c])
	}
}

func asMatrix(v []float64) [][]float64 { return [][]float64{v} }

func copyVolume(dst, src [][][]float64) {
	for c, m := range src {
		for y, row := range m {
			copy(dst[c][y], row)
		}
	}
}

// A wrongLine replaces the line that fills a tensor.
type wrongLine struct {
	fills string
	line  forwardLine
}

// forwardWith returns Forward with other lines.
func forwardWith(others ...wrongLine) func(f *Functions) {
	return func(f *Functions) {
		f.Forward = func(n network, a activations, image pixels) {
			for k, line := range ourForward {
				for _, other := range others {
					if forwardLines[k].name == other.fills {
						line = other.line
					}
				}
				line(n, a, image)
			}
		}
	}
}

// with returns Forward with one other line.
func with(fills string, line forwardLine) func(f *Functions) {
	return forwardWith(wrongLine{fills, line})
}

// forwardMistakes puts a mistake into each line of Forward. Where plain loops would take the beginning of
// what is too long, such as n.Biases1 in fc2, the mistake takes it too.
func forwardMistakes() []mistake {
	m := []mistake{
		// The image.
		{"the pixels aren't copied, because a.Image only refers to the caller's rows: copy(a.Image[0], image) copies slices, not what is in them",
			with("a.Image", func(_ network, a activations, image pixels) { copy(a.Image[0], image) })},
		{"rows and columns of the image are swapped", with("a.Image", func(_ network, a activations, image pixels) {
			for y, row := range image {
				for x, v := range row {
					a.Image[0][x][y] = v
				}
			}
		})},
		{"the pixels are divided by 255 once more: they are from 0 to 1 already", with("a.Image", func(_ network, a activations, image pixels) {
			for y, row := range image {
				for x, v := range row {
					a.Image[0][y][x] = v / 255
				}
			}
		})},
		{"every row of a.Image is a copy of the first row of image", with("a.Image", func(_ network, a activations, image pixels) {
			for y := range image {
				copy(a.Image[0][y], image[0])
			}
		})},

		// The convolutions.
		{"conv1 takes the first weights of n.Filters2", with("a.Conv1", func(n network, a activations, _ pixels) {
			filters := firstColumns(n.Filters2, len(n.Filters1[0]))
			if len(filters) >= len(a.Conv1) {
				convnet.Conv2D(a.Conv1, a.Image, filters[:len(a.Conv1)])
			}
		})},
		{"the first ReLU is left out: a.ReLU1 is a copy of a.Conv1", with("a.ReLU1", func(_ network, a activations, _ pixels) { copyVolume(a.ReLU1, a.Conv1) })},
		{"the first ReLU overwrites a.Conv1, its input, and a.ReLU1 is never filled", forwardWith(
			wrongLine{"a.ReLU1", func(_ network, a activations, _ pixels) { eachMap(convnet.ReLU, a.Conv1, a.Conv1) }},
			wrongLine{"a.Pool1", func(_ network, a activations, _ pixels) { eachMap(convnet.MaxPool, a.Pool1, a.Conv1) }})},
		{"the first ReLU has its arguments in the wrong order: the destination comes first",
			with("a.ReLU1", func(_ network, a activations, _ pixels) { eachMap(convnet.ReLU, a.Conv1, a.ReLU1) })},
		{"the first ReLU sees only the first map", with("a.ReLU1", func(_ network, a activations, _ pixels) { convnet.ReLU(a.ReLU1[0], a.Conv1[0]) })},
		{"the first max-pooling takes a.Conv1 instead of a.ReLU1", with("a.Pool1", func(_ network, a activations, _ pixels) { eachMap(convnet.MaxPool, a.Pool1, a.Conv1) })},
		{"the first max-pooling sees only the first map. eachMap(MaxPool, a.Pool1, a.ReLU1) does all", with("a.Pool1", func(_ network, a activations, _ pixels) { convnet.MaxPool(a.Pool1[0], a.ReLU1[0]) })},
		{"the second ReLU is left out: a.ReLU2 is a copy of a.Conv2", with("a.ReLU2", func(_ network, a activations, _ pixels) { copyVolume(a.ReLU2, a.Conv2) })},
		{"the second ReLU overwrites a.Conv2, its input, and a.ReLU2 is never filled", forwardWith(
			wrongLine{"a.ReLU2", func(_ network, a activations, _ pixels) { eachMap(convnet.ReLU, a.Conv2, a.Conv2) }},
			wrongLine{"a.Pool2", func(_ network, a activations, _ pixels) { eachMap(convnet.MaxPool, a.Pool2, a.Conv2) }})},
		{"the second ReLU has its arguments in the wrong order: the destination comes first",
			with("a.ReLU2", func(_ network, a activations, _ pixels) { eachMap(convnet.ReLU, a.Conv2, a.ReLU2) })},
		{"the second ReLU sees only the first maps, as many as conv1 has", with("a.ReLU2", func(_ network, a activations, _ pixels) {
			for c := range a.ReLU1 {
				convnet.ReLU(a.ReLU2[c], a.Conv2[c])
			}
		})},
		{"the second max-pooling takes a.Conv2 instead of a.ReLU2", with("a.Pool2", func(_ network, a activations, _ pixels) { eachMap(convnet.MaxPool, a.Pool2, a.Conv2) })},
		{"the second max-pooling sees only the first map. eachMap(MaxPool, a.Pool2, a.ReLU2) does all", with("a.Pool2", func(_ network, a activations, _ pixels) { convnet.MaxPool(a.Pool2[0], a.ReLU2[0]) })},

		// Flatten, the first dropout, and fc1.
		{"flatten takes a.ReLU2 instead of a.Pool2, as much of it as fits", with("a.Flat", func(_ network, a activations, _ pixels) {
			flat := make([]float64, len(a.ReLU2)*len(a.ReLU2[0])*len(a.ReLU2[0][0]))
			convnet.Flatten(flat, a.ReLU2)
			copy(a.Flat, flat)
		})},
		{"the first mask is ignored: a.Drop1 is a copy of a.Flat", with("a.Drop1", func(_ network, a activations, _ pixels) { copy(a.Drop1, a.Flat) })},
		{"the second mask is ignored: a.Drop2 is a copy of a.ReLU3", with("a.Drop2", func(_ network, a activations, _ pixels) { copy(a.Drop2, a.ReLU3) })},
		{"both masks are ignored", forwardWith(
			wrongLine{"a.Drop1", func(_ network, a activations, _ pixels) { copy(a.Drop1, a.Flat) }},
			wrongLine{"a.Drop2", func(_ network, a activations, _ pixels) { copy(a.Drop2, a.ReLU3) }})},
		{"Forward sets the masks so that nothing is dropped: only the caller should set them", with("a.Drop1", func(_ network, a activations, _ pixels) {
			a.NoDropout()
			copy(a.Drop1, a.Flat)
		})},
		{"Forward sets the masks before the second dropout, so that nothing is dropped there: only the caller should set them", with("a.Drop2", func(_ network, a activations, _ pixels) {
			a.NoDropout()
			copy(a.Drop2, a.ReLU3)
		})},
		{"Forward sets the masks at its end, though it has used those of its caller: only the caller should set them", with("a.Probabilities", func(_ network, a activations, _ pixels) {
			convnet.Softmax(a.Probabilities, a.Logits)
			a.NoDropout()
		})},
		{"the first mask only drops values, and doesn't scale those that stay", with("a.Drop1", func(_ network, a activations, _ pixels) { keep(a.Drop1, a.Flat, a.Mask1) })},
		{"both masks only drop values, and don't scale those that stay", forwardWith(
			wrongLine{"a.Drop1", func(_ network, a activations, _ pixels) { keep(a.Drop1, a.Flat, a.Mask1) }},
			wrongLine{"a.Drop2", func(_ network, a activations, _ pixels) { keep(a.Drop2, a.ReLU3, a.Mask2) }})},
		{"the first dropout overwrites a.Flat, its input", with("a.Drop1", func(_ network, a activations, _ pixels) {
			convnet.Dropout(a.Flat, a.Flat, a.Mask1)
			copy(a.Drop1, a.Flat)
		})},
		{"fc1 takes a.Flat instead of a.Drop1, so that the first dropout has no effect",
			with("a.Hidden", func(n network, a activations, _ pixels) {
				convnet.FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Flat)
			})},
		{"fc1 has no biases", with("a.Hidden", func(n network, a activations, _ pixels) {
			convnet.FullyConnected(a.Hidden, n.Weights1, make([]float64, len(a.Hidden)), a.Drop1)
		})},

		// The last ReLU, the second dropout, and fc2.
		{"the last ReLU is left out: a.ReLU3 is a copy of a.Hidden", with("a.ReLU3", func(_ network, a activations, _ pixels) { copy(a.ReLU3, a.Hidden) })},
		{"the last ReLU overwrites a.Hidden, its input", with("a.ReLU3", func(_ network, a activations, _ pixels) {
			convnet.ReLU(asMatrix(a.Hidden), asMatrix(a.Hidden))
			copy(a.ReLU3, a.Hidden)
		})},
		{"the last ReLU has its arguments in the wrong order: the destination comes first",
			with("a.ReLU3", func(_ network, a activations, _ pixels) { convnet.ReLU(asMatrix(a.Hidden), asMatrix(a.ReLU3)) })},
		{"the second mask comes before the last ReLU: a.ReLU3 is already masked", forwardWith(
			wrongLine{"a.ReLU3", func(_ network, a activations, _ pixels) {
				convnet.Dropout(a.ReLU3, a.Hidden, a.Mask2)
				convnet.ReLU(asMatrix(a.ReLU3), asMatrix(a.ReLU3))
			}},
			wrongLine{"a.Drop2", func(_ network, a activations, _ pixels) { copy(a.Drop2, a.ReLU3) }})},
		{"dropout comes before the last ReLU. It should come after it: ReLU fills a.ReLU3 from a.Hidden, and then Dropout fills a.Drop2 from a.ReLU3", forwardWith(
			wrongLine{"a.ReLU3", func(_ network, a activations, _ pixels) { convnet.Dropout(a.ReLU3, a.Hidden, a.Mask2) }},
			wrongLine{"a.Drop2", func(_ network, a activations, _ pixels) { convnet.ReLU(asMatrix(a.Drop2), asMatrix(a.ReLU3)) }})},
		{"dropout comes before the last ReLU. It should come after it: ReLU fills a.ReLU3 from a.Hidden, then Dropout fills a.Drop2 from a.ReLU3, and fc2 takes a.Drop2", forwardWith(
			wrongLine{"a.ReLU3", func(_ network, a activations, _ pixels) { convnet.Dropout(a.Drop2, a.Hidden, a.Mask2) }},
			wrongLine{"a.Drop2", func(_ network, a activations, _ pixels) { convnet.ReLU(asMatrix(a.ReLU3), asMatrix(a.Drop2)) }},
			wrongLine{"a.Logits", func(n network, a activations, _ pixels) {
				convnet.FullyConnected(a.Logits, n.Weights2, n.Biases2, a.ReLU3)
			}})},
		{"the second dropout takes a.Hidden instead of a.ReLU3", with("a.Drop2", func(_ network, a activations, _ pixels) { convnet.Dropout(a.Drop2, a.Hidden, a.Mask2) })},
		{"the second dropout takes the first mask, as much of it as fits", with("a.Drop2", func(_ network, a activations, _ pixels) {
			if len(a.Mask1) >= len(a.Drop2) {
				convnet.Dropout(a.Drop2, a.ReLU3, a.Mask1[:len(a.Drop2)])
			}
		})},
		{"the second mask only drops values, and doesn't scale those that stay", with("a.Drop2", func(_ network, a activations, _ pixels) { keep(a.Drop2, a.ReLU3, a.Mask2) })},
		{"fc2 takes a.ReLU3 instead of a.Drop2, so that the second dropout has no effect",
			with("a.Logits", func(n network, a activations, _ pixels) {
				convnet.FullyConnected(a.Logits, n.Weights2, n.Biases2, a.ReLU3)
			})},
		{"fc2 takes a.Hidden instead of a.Drop2", with("a.Logits", func(n network, a activations, _ pixels) {
			convnet.FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Hidden)
		})},
		{"fc2 takes the first values of a.Drop1 instead of a.Drop2", with("a.Logits", func(n network, a activations, _ pixels) {
			convnet.FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop1[:len(a.Drop2)])
		})},
		{"fc2 has no biases", with("a.Logits", func(n network, a activations, _ pixels) {
			convnet.FullyConnected(a.Logits, n.Weights2, make([]float64, len(a.Logits)), a.Drop2)
		})},
		{"fc2 takes the first of n.Biases1 instead of n.Biases2", with("a.Logits", func(n network, a activations, _ pixels) {
			convnet.FullyConnected(a.Logits, n.Weights2, n.Biases1[:len(a.Logits)], a.Drop2)
		})},
		{"fc2 takes the first of n.Weights1 and n.Biases1", with("a.Logits", func(n network, a activations, _ pixels) {
			convnet.FullyConnected(a.Logits, firstColumns(n.Weights1, len(a.Drop2))[:len(a.Logits)], n.Biases1[:len(a.Logits)], a.Drop2)
		})},
		{"the logits go through a ReLU: they may be negative", with("a.Logits", func(n network, a activations, _ pixels) {
			convnet.FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
			convnet.ReLU(asMatrix(a.Logits), asMatrix(a.Logits))
		})},

		// The arguments, and a itself.
		{"the first dropout has its arguments in the wrong order: the destination comes first",
			with("a.Drop1", func(_ network, a activations, _ pixels) { convnet.Dropout(a.Flat, a.Drop1, a.Mask1) })},
		{"the second dropout has its arguments in the wrong order: the destination comes first",
			with("a.Drop2", func(_ network, a activations, _ pixels) { convnet.Dropout(a.ReLU3, a.Drop2, a.Mask2) })},
		{"Forward fills Activations of its own: with a = NewActivations() you leave the caller's as they were", func(f *Functions) {
			f.Forward = func(n network, a activations, image pixels) { n.Forward(convnet.NewActivations(), image) }
		}},
		{"Forward copies the image and then fills Activations of its own: with a = NewActivations() you leave the caller's as they were", func(f *Functions) {
			f.Forward = func(_ network, a activations, image pixels) { copyVolume(a.Image, [][][]float64{image}) }
		}},

		// Softmax.
		{"softmax overwrites a.Logits, its input", with("a.Probabilities", func(_ network, a activations, _ pixels) {
			convnet.Softmax(a.Logits, a.Logits)
			copy(a.Probabilities, a.Logits)
		})},
		{"softmax overwrites a.Logits, and a.Probabilities is never filled", with("a.Probabilities", func(_ network, a activations, _ pixels) { convnet.Softmax(a.Logits, a.Logits) })},
		{"softmax has its arguments in the wrong order: the destination comes first",
			with("a.Probabilities", func(_ network, a activations, _ pixels) { convnet.Softmax(a.Logits, a.Probabilities) })},
		{"softmax is left out: a.Probabilities is a copy of a.Logits", with("a.Probabilities", func(_ network, a activations, _ pixels) { copy(a.Probabilities, a.Logits) })},
		{"softmax is applied twice", with("a.Probabilities", func(_ network, a activations, _ pixels) {
			convnet.Softmax(a.Probabilities, a.Logits)
			convnet.Softmax(a.Probabilities, a.Probabilities)
		})},
	}
	for _, l := range forwardLines {
		m = append(m, mistake{"the line that fills " + l.name + " is missing", with(l.name, func(network, activations, pixels) {})})
	}
	return m
}

// keep is dropout without its scale.
func keep(dst, in, mask []float64) {
	for x, v := range in {
		dst[x] = 0
		if mask[x] != 0 {
			dst[x] = v
		}
	}
}

func firstColumns(m [][]float64, columns int) [][]float64 {
	var first [][]float64
	for _, row := range m {
		first = append(first, row[:columns])
	}
	return first
}

func backwardStep() Step {
	var trials []trial
	for k, dropout := range []float64{0, 0.5} {
		seed := uint64(k + 2)
		n := sync.OnceValue(func() *convnet.Network { return randomNetwork(seed) })
		a := sync.OnceValue(func() *convnet.Activations {
			a := usedActivations(seed, dropout)
			n().Forward(a, randomImage(seed))
			return a
		})
		trials = append(trials, trial{
			input: "the activations of an image of noise",
			run: func(f Functions) []output {
				n, a, d, grad := n().Clone(), cloneActivations(a()), convnet.NewActivations(), convnet.NewGradient()
				fillAll(d)
				fill(grad.Parameters, before)
				parameters, values := tensorsOf("n", n), append(activationsOf(a), masksOf(a)...)
				f.Backward(n, grad, d, a, 3+4*k)
				outputs := append(gradientsOf(grad, d), scalar(hasDropout, dropout))
				outputs = append(outputs, changed(tensorsOf("n", n), parameters)...)
				return append(outputs, changed(append(activationsOf(a), masksOf(a)...), values)...)
			},
		})
	}
	return Step{
		Name:    "Backward",
		Section: "From the walk to the package",
		does:    "walks back through Forward's lines: it sets d to the gradients at the activations, and adds the gradients of the parameters to grad.",
		formula: "d.X is the gradient of the loss at a.X, with the same shape.\n" +
			"Forward's lines in reverse order, each replaced by its gradient.",
		Hints: []string{
			"Take Forward's lines from last to first. Softmax and the loss together have one gradient, CrossEntropyGrad. After it, a line such as Dropout(a.Drop2, a.ReLU3, a.Mask2) becomes Dropout(d.ReLU3, d.Drop2, a.Mask2): the gradient comes in at d.Drop2, and goes out at d.ReLU3.",
			"A layer with parameters becomes two lines: one adds the gradient of the parameters to grad, and takes the input that the layer had (a.…) and the gradient at its output (d.…). The other computes the gradient at its input, from n's weights. ReLUGrad and MaxPoolGrad also take the input that their layer had. For maps there's eachMapGrad. The first convolution needs no gradient at its input.",
			`All sixteen lines are in the README, section "From the walk to the package": the first five, and the rest below them in a fold. In convnet.go: func (n *Network) Backward.`,
		},
		trials:   trials,
		explain:  explainBackward,
		mistakes: backwardMistakes(),
	}
}

// hasDropout is the name of an output that says which trial it is from.
const hasDropout = "dropout"

// before is in every gradient before Backward adds to it.
const before = 0.5

// gradientsOf returns everything that Backward fills, in its order.
func gradientsOf(grad *convnet.Network, d *convnet.Activations) []output {
	return []output{
		vector("d.Logits", d.Logits),
		matrix("grad.Weights2", grad.Weights2),
		vector("grad.Biases2", grad.Biases2),
		vector("d.Drop2", d.Drop2),
		vector("d.ReLU3", d.ReLU3),
		vector("d.Hidden", d.Hidden),
		matrix("grad.Weights1", grad.Weights1),
		vector("grad.Biases1", grad.Biases1),
		vector("d.Drop1", d.Drop1),
		vector("d.Flat", d.Flat),
		volume("d.Pool2", d.Pool2),
		volume("d.ReLU2", d.ReLU2),
		volume("d.Conv2", d.Conv2),
		matrix("grad.Filters2", grad.Filters2),
		volume("d.Pool1", d.Pool1),
		volume("d.ReLU1", d.ReLU1),
		volume("d.Conv1", d.Conv1),
		matrix("grad.Filters1", grad.Filters1),
	}
}

const (
	fc2Line = "Forward's line was FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)."
	fc1Line = "Forward's line was FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)."
)

var backwardLines = []tensorLine{
	{"d.Logits", "It comes from a.Probabilities and the label."},
	{"grad.Weights2", fc2Line + " The gradient of its weights takes its input and the gradient at its output."},
	{"grad.Biases2", fc2Line + " A bias has the gradient at its output."},
	{"d.Drop2", fc2Line + " d.Drop2 is the gradient at its input: it comes from d.Logits and n.Weights2."},
	{"d.ReLU3", "Forward's line was Dropout(a.Drop2, a.ReLU3, a.Mask2). d.ReLU3 is the gradient at its input."},
	{"d.Hidden", "Forward's line was ReLU(asMatrix(a.ReLU3), asMatrix(a.Hidden)). d.Hidden is the gradient at its input."},
	{"grad.Weights1", fc1Line + " The gradient of its weights takes its input and the gradient at its output."},
	{"grad.Biases1", fc1Line + " A bias has the gradient at its output."},
	{"d.Drop1", fc1Line + " d.Drop1 is the gradient at its input: it comes from d.Hidden and n.Weights1."},
	{"d.Flat", "Forward's line was Dropout(a.Drop1, a.Flat, a.Mask1). d.Flat is the gradient at its input."},
	{"d.Pool2", "Forward's line was Flatten(a.Flat, a.Pool2). d.Pool2 is the gradient at its input."},
	{"d.ReLU2", "Forward's line was eachMap(MaxPool, a.Pool2, a.ReLU2). d.ReLU2 is the gradient at its input."},
	{"d.Conv2", "Forward's line was eachMap(ReLU, a.ReLU2, a.Conv2). d.Conv2 is the gradient at its input."},
	{"grad.Filters2", "Forward's line was Conv2D(a.Conv2, a.Pool1, n.Filters2). The gradient of its filters takes its input and the gradient at its output."},
	{"d.Pool1", "Forward's line was Conv2D(a.Conv2, a.Pool1, n.Filters2). d.Pool1 is the gradient at its input: it comes from d.Conv2 and n.Filters2."},
	{"d.ReLU1", "Forward's line was eachMap(MaxPool, a.Pool1, a.ReLU1). d.ReLU1 is the gradient at its input."},
	{"d.Conv1", "Forward's line was eachMap(ReLU, a.ReLU1, a.Conv1). d.Conv1 is the gradient at its input."},
	{"grad.Filters1", "Forward's line was Conv2D(a.Conv1, a.Image, n.Filters1). The gradient of its filters takes its input and the gradient at its output."},
}

func explainBackward(got, want []output) string {
	text := explainTensors(got, want, backwardLines)
	if len(got) != len(want) {
		return text
	}
	isGrad := func(o output) bool { return strings.HasPrefix(o.name, "grad.") }
	gradsWrong, othersWrong, dropout := false, false, false
	for k := range got {
		if !sameOutput(got[k], want[k]) {
			gradsWrong = gradsWrong || isGrad(got[k])
			othersWrong = othersWrong || !isGrad(got[k])
		}
		if want[k].name == hasDropout {
			dropout = want[k].values[0][0][0] > 0
		}
	}
	if gradsWrong {
		text += "\n\n" + wrap(fmt.Sprintf("(Before the call every entry of grad was %v, so that it shows whether Backward adds to it.)", before))
	}
	if gradsWrong && !othersWrong {
		all := true
		for k := range got {
			if isGrad(got[k]) {
				all = all && !sameOutput(got[k], want[k])
			}
		}
		if all {
			text += "\n\n" + wrap("All gradients at the activations are right, but the gradients of all parameters are wrong. So what is passed back is right, and the mistake is in how it gets into grad.")
		}
	}
	if dropout {
		text += "\n\n" + wrap("The first example has no dropout: its masks are all ones. This one has zeros and twos in them. So look for a mask.")
	}
	return text
}

type backwardLine = func(n, grad network, d, a activations, label int)

// A gradientLine is a line of Backward, and what it fills: the first tensor, if there are two.
type gradientLine struct {
	fills string
	line  backwardLine
}

// ourBackward is Backward line by line.
var ourBackward = []gradientLine{
	{"d.Logits", func(_, _ network, d, a activations, label int) {
		convnet.CrossEntropyGrad(d.Logits, a.Probabilities, label)
	}},
	{"grad.Weights2", func(_, grad network, d, a activations, _ int) {
		convnet.AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.Drop2, d.Logits)
	}},
	{"d.Drop2", func(n, _ network, d, _ activations, _ int) {
		convnet.FullyConnectedInputGrad(d.Drop2, n.Weights2, d.Logits)
	}},
	{"d.ReLU3", func(_, _ network, d, a activations, _ int) { convnet.Dropout(d.ReLU3, d.Drop2, a.Mask2) }},
	{"d.Hidden", func(_, _ network, d, a activations, _ int) {
		convnet.ReLUGrad(asMatrix(d.Hidden), asMatrix(a.Hidden), asMatrix(d.ReLU3))
	}},
	{"grad.Weights1", func(_, grad network, d, a activations, _ int) {
		convnet.AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, d.Hidden)
	}},
	{"d.Drop1", func(n, _ network, d, _ activations, _ int) {
		convnet.FullyConnectedInputGrad(d.Drop1, n.Weights1, d.Hidden)
	}},
	{"d.Flat", func(_, _ network, d, a activations, _ int) { convnet.Dropout(d.Flat, d.Drop1, a.Mask1) }},
	{"d.Pool2", func(_, _ network, d, _ activations, _ int) { convnet.Unflatten(d.Pool2, d.Flat) }},
	{"d.ReLU2", func(_, _ network, d, a activations, _ int) {
		eachMapGrad(convnet.MaxPoolGrad, d.ReLU2, a.ReLU2, d.Pool2)
	}},
	{"d.Conv2", func(_, _ network, d, a activations, _ int) {
		eachMapGrad(convnet.ReLUGrad, d.Conv2, a.Conv2, d.ReLU2)
	}},
	{"grad.Filters2", func(_, grad network, d, a activations, _ int) {
		convnet.AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.Conv2)
	}},
	{"d.Pool1", func(n, _ network, d, _ activations, _ int) {
		convnet.Conv2DInputGrad(d.Pool1, n.Filters2, d.Conv2)
	}},
	{"d.ReLU1", func(_, _ network, d, a activations, _ int) {
		eachMapGrad(convnet.MaxPoolGrad, d.ReLU1, a.ReLU1, d.Pool1)
	}},
	{"d.Conv1", func(_, _ network, d, a activations, _ int) {
		eachMapGrad(convnet.ReLUGrad, d.Conv1, a.Conv1, d.ReLU1)
	}},
	{"grad.Filters1", func(_, grad network, d, a activations, _ int) {
		convnet.AddConv2DFilterGrad(grad.Filters1, a.Image, d.Conv1)
	}},
}

// backwardWith returns Backward with other lines.
func backwardWith(others ...gradientLine) func(f *Functions) {
	lines := slices.Clone(ourBackward)
	for _, other := range others {
		lines[slices.IndexFunc(lines, func(l gradientLine) bool { return l.fills == other.fills })] = other
	}
	return runBackward(lines)
}

// backwardMoved returns Backward with one line moved to just before another.
func backwardMoved(fills, to string) func(f *Functions) {
	var lines []gradientLine
	var moved gradientLine
	for _, l := range ourBackward {
		if l.fills == fills {
			moved = l
		}
	}
	for _, l := range ourBackward {
		if l.fills == to {
			lines = append(lines, moved)
		}
		if l.fills != fills {
			lines = append(lines, l)
		}
	}
	return runBackward(lines)
}

func runBackward(lines []gradientLine) func(f *Functions) {
	return func(f *Functions) {
		f.Backward = func(n, grad network, d, a activations, label int) {
			for _, l := range lines {
				l.line(n, grad, d, a, label)
			}
		}
	}
}

// back returns Backward with one other line.
func back(fills string, line backwardLine) func(f *Functions) {
	return backwardWith(gradientLine{fills, line})
}

// backwardMistakes puts a mistake into each line of Backward.
func backwardMistakes() []mistake {
	noMask1 := gradientLine{"d.Flat", func(_, _ network, d, _ activations, _ int) { copy(d.Flat, d.Drop1) }}
	noMask2 := gradientLine{"d.ReLU3", func(_, _ network, d, _ activations, _ int) { copy(d.ReLU3, d.Drop2) }}
	passConv2 := gradientLine{"d.Conv2", func(_, _ network, d, _ activations, _ int) { copyVolume(d.Conv2, d.ReLU2) }}
	passConv1 := gradientLine{"d.Conv1", func(_, _ network, d, _ activations, _ int) { copyVolume(d.Conv1, d.ReLU1) }}
	m := []mistake{
		// The loss.
		{"the gradient at the logits lacks the −1 of the label", back("d.Logits", func(_, _ network, d, a activations, _ int) { copy(d.Logits, a.Probabilities) })},
		{"the gradient at the logits is the target minus the probabilities: all signs are wrong",
			back("d.Logits", func(_, _ network, d, a activations, label int) {
				convnet.CrossEntropyGrad(d.Logits, a.Probabilities, label)
				for k := range d.Logits {
					d.Logits[k] = -d.Logits[k]
				}
			})},
		{"CrossEntropyGrad takes a.Logits instead of a.Probabilities", back("d.Logits", func(_, _ network, d, a activations, label int) {
			convnet.CrossEntropyGrad(d.Logits, a.Logits, label)
		})},
		{"CrossEntropyGrad overwrites a.Probabilities", back("d.Logits", func(_, _ network, d, a activations, label int) {
			convnet.CrossEntropyGrad(a.Probabilities, a.Probabilities, label)
			copy(d.Logits, a.Probabilities)
		})},

		// What Backward may not do.
		{"Backward overwrites grad instead of adding to it, so that a batch keeps only the gradient of its last digit", func(f *Functions) {
			f.Backward = func(n, grad network, d, a activations, label int) {
				grad.Clear()
				n.Backward(grad, d, a, label)
			}
		}},
		{"Backward adds every gradient twice", func(f *Functions) {
			f.Backward = func(n, grad network, d, a activations, label int) {
				n.Backward(grad, d, a, label)
				n.Backward(grad, d, a, label)
			}
		}},
		{"Backward subtracts the gradient from grad: Update is what goes downhill", func(f *Functions) {
			f.Backward = func(n, grad network, d, a activations, label int) {
				step := convnet.NewGradient()
				n.Backward(step, d, a, label)
				grad.Update(step, 1)
			}
		}},
		{"the gradients of the parameters go into n instead of grad", func(f *Functions) {
			f.Backward = func(n, grad network, d, a activations, label int) {
				step := convnet.NewGradient()
				n.Backward(step, d, a, label)
				n.Update(step, -1)
			}
		}},
		{"the weights of fc2 move before the gradient goes back through them", back("d.Drop2", func(n, grad network, d, a activations, _ int) {
			step := convnet.NewGradient()
			convnet.AddFullyConnectedWeightGrad(step.Weights2, step.Biases2, a.Drop2, d.Logits)
			n.Update(step, 0.01)
			convnet.FullyConnectedInputGrad(d.Drop2, n.Weights2, d.Logits)
		})},

		{"Backward adds to a gradient of its own: with grad = NewGradient() you leave the caller's as it was", func(f *Functions) {
			f.Backward = func(n, _ network, d, a activations, label int) { n.Backward(convnet.NewGradient(), d, a, label) }
		}},
		{"Backward fills Activations of its own: with d = NewActivations() you leave the caller's as they were", func(f *Functions) {
			f.Backward = func(n, grad network, _, a activations, label int) {
				n.Backward(grad, convnet.NewActivations(), a, label)
			}
		}},
		{"the second dropout's gradient has its arguments in the wrong order: the destination comes first, and it is d.ReLU3",
			back("d.ReLU3", func(_, _ network, d, a activations, _ int) { convnet.Dropout(d.Drop2, d.ReLU3, a.Mask2) })},
		{"the first dropout's gradient has its arguments in the wrong order: the destination comes first, and it is d.Flat",
			back("d.Flat", func(_, _ network, d, a activations, _ int) { convnet.Dropout(d.Drop1, d.Flat, a.Mask1) })},
		{"the last ReLUGrad has its arguments in the wrong order: the destination comes first, and it is d.Hidden",
			back("d.Hidden", func(_, _ network, d, a activations, _ int) {
				convnet.ReLUGrad(asMatrix(d.ReLU3), asMatrix(a.Hidden), asMatrix(d.Hidden))
			})},
		{"only the gradient at the label's logit is set", back("d.Logits", func(_, _ network, d, a activations, label int) {
			d.Logits[label] = a.Probabilities[label] - 1
		})},

		// The masks.
		{"the backward pass forgets both masks, or takes d.Mask1 and d.Mask2, which are all ones, instead of a.Mask1 and a.Mask2", backwardWith(noMask1, noMask2)},
		{"the backward pass forgets the first mask: d.Flat is a copy of d.Drop1, or takes d.Mask1, which is all ones, instead of a.Mask1", backwardWith(noMask1)},
		{"the backward pass forgets the second mask: d.ReLU3 is a copy of d.Drop2, or takes d.Mask2, which is all ones, instead of a.Mask2", backwardWith(noMask2)},
		{"the second dropout takes the first mask, as much of it as fits", back("d.ReLU3", func(_, _ network, d, a activations, _ int) {
			convnet.Dropout(d.ReLU3, d.Drop2, a.Mask1[:len(d.Drop2)])
		})},
		{"the first mask only stops gradients, and doesn't scale those that pass", back("d.Flat", func(_, _ network, d, a activations, _ int) { keep(d.Flat, d.Drop1, a.Mask1) })},
		{"the second mask only stops gradients, and doesn't scale those that pass", back("d.ReLU3", func(_, _ network, d, a activations, _ int) { keep(d.ReLU3, d.Drop2, a.Mask2) })},
		{"both masks only stop gradients, and don't scale those that pass", backwardWith(
			gradientLine{"d.Flat", func(_, _ network, d, a activations, _ int) { keep(d.Flat, d.Drop1, a.Mask1) }},
			gradientLine{"d.ReLU3", func(_, _ network, d, a activations, _ int) { keep(d.ReLU3, d.Drop2, a.Mask2) }})},
		{"the gradient is multiplied by the values that the second dropout let pass, a.Drop2, instead of by the mask",
			back("d.ReLU3", func(_, _ network, d, a activations, _ int) { convnet.Dropout(d.ReLU3, d.Drop2, a.Drop2) })},
		{"the gradient is multiplied by the values that the first dropout let pass, a.Drop1, instead of by the mask",
			back("d.Flat", func(_, _ network, d, a activations, _ int) { convnet.Dropout(d.Flat, d.Drop1, a.Drop1) })},

		// fc2.
		{"the gradient of fc2's weights is taken from a.ReLU3, the input before dropout, instead of a.Drop2",
			back("grad.Weights2", func(_, grad network, d, a activations, _ int) {
				convnet.AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.ReLU3, d.Logits)
			})},
		{"the gradient of fc2's weights is taken from a.Hidden instead of a.Drop2",
			back("grad.Weights2", func(_, grad network, d, a activations, _ int) {
				convnet.AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.Hidden, d.Logits)
			})},
		{"the gradient of fc2's weights is taken from d.Drop2 instead of a.Drop2: it needs the input, not the gradient there",
			back("grad.Weights2", func(_, grad network, d, _ activations, _ int) {
				convnet.AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, d.Drop2, d.Logits)
			})},
		{"fc2's biases have no gradient", back("grad.Weights2", func(_, grad network, d, a activations, _ int) {
			convnet.AddFullyConnectedWeightGrad(grad.Weights2, make([]float64, len(grad.Biases2)), a.Drop2, d.Logits)
		})},

		// The last ReLU.
		{"the last ReLU lets every gradient pass: d.Hidden is a copy of d.ReLU3", back("d.Hidden", func(_, _ network, d, _ activations, _ int) { copy(d.Hidden, d.ReLU3) })},
		{"the last ReLU stops negative gradients, as if d.ReLU3 were its input: it should look at the sign of a.Hidden",
			back("d.Hidden", func(_, _ network, d, _ activations, _ int) {
				convnet.ReLUGrad(asMatrix(d.Hidden), asMatrix(d.ReLU3), asMatrix(d.ReLU3))
			})},
		{"the last ReLUGrad has its last two arguments in the wrong order: first the input, then the gradient",
			back("d.Hidden", func(_, _ network, d, a activations, _ int) {
				convnet.ReLUGrad(asMatrix(d.Hidden), asMatrix(d.ReLU3), asMatrix(a.Hidden))
			})},
		{"the last ReLUGrad takes d.Drop2 instead of d.ReLU3, so that the second mask has no effect",
			back("d.Hidden", func(_, _ network, d, a activations, _ int) {
				convnet.ReLUGrad(asMatrix(d.Hidden), asMatrix(a.Hidden), asMatrix(d.Drop2))
			})},

		// fc1.
		{"the gradient of fc1's weights is taken from a.Flat, the input before dropout, instead of a.Drop1",
			back("grad.Weights1", func(_, grad network, d, a activations, _ int) {
				convnet.AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Flat, d.Hidden)
			})},
		{"the gradient of fc1's weights and biases takes d.ReLU3 instead of d.Hidden: the gradient before it went back through ReLU",
			back("grad.Weights1", func(_, grad network, d, a activations, _ int) {
				convnet.AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, d.ReLU3)
			})},
		{"the gradient of fc1's weights is taken from d.Drop1 instead of a.Drop1: it needs the input, not the gradient there",
			back("grad.Weights1", func(_, grad network, d, _ activations, _ int) {
				convnet.AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, d.Drop1, d.Hidden)
			})},
		{"fc1's biases have no gradient", back("grad.Weights1", func(_, grad network, d, a activations, _ int) {
			convnet.AddFullyConnectedWeightGrad(grad.Weights1, make([]float64, len(grad.Biases1)), a.Drop1, d.Hidden)
		})},
		{"no bias has a gradient", backwardWith(
			gradientLine{"grad.Weights2", func(_, grad network, d, a activations, _ int) {
				convnet.AddFullyConnectedWeightGrad(grad.Weights2, make([]float64, len(grad.Biases2)), a.Drop2, d.Logits)
			}},
			gradientLine{"grad.Weights1", func(_, grad network, d, a activations, _ int) {
				convnet.AddFullyConnectedWeightGrad(grad.Weights1, make([]float64, len(grad.Biases1)), a.Drop1, d.Hidden)
			}})},
		{"the gradient goes back through fc1 from d.ReLU3 instead of d.Hidden, so that the last ReLU has no effect on it",
			back("d.Drop1", func(n, _ network, d, _ activations, _ int) {
				convnet.FullyConnectedInputGrad(d.Drop1, n.Weights1, d.ReLU3)
			})},
		{"Unflatten takes d.Drop1 instead of d.Flat, so that the first mask has no effect",
			back("d.Pool2", func(_, _ network, d, _ activations, _ int) { convnet.Unflatten(d.Pool2, d.Drop1) })},

		// The second convolution.
		{"the second MaxPoolGrad looks for the winners in a.Conv2 instead of a.ReLU2. The network would learn the same, because the ReLU stops the gradient where the winners differ, but d.ReLU2 isn't the gradient at a.ReLU2",
			back("d.ReLU2", func(_, _ network, d, a activations, _ int) {
				eachMapGrad(convnet.MaxPoolGrad, d.ReLU2, a.Conv2, d.Pool2)
			})},
		{"the second MaxPoolGrad takes d.ReLU2. Its middle argument is the layer's input: a.ReLU2, not d.ReLU2",
			back("d.ReLU2", func(_, _ network, d, _ activations, _ int) {
				eachMapGrad(convnet.MaxPoolGrad, d.ReLU2, d.ReLU2, d.Pool2)
			})},
		{"the second ReLU lets every gradient pass: d.Conv2 is a copy of d.ReLU2, or ReLUGrad takes d.Conv2. Its middle argument is the layer's input: a.Conv2, not d.Conv2", backwardWith(passConv2)},
		{"both convolutions' ReLUs let every gradient pass, or ReLUGrad takes d.Conv1 and d.Conv2. Its middle argument is the layer's input: a.Conv1 and a.Conv2", backwardWith(passConv1, passConv2)},
		{"the second ReLU stops negative gradients, as if d.ReLU2 were its input: it should look at the sign of a.Conv2",
			back("d.Conv2", func(_, _ network, d, _ activations, _ int) {
				eachMapGrad(convnet.ReLUGrad, d.Conv2, d.ReLU2, d.ReLU2)
			})},
		{"the second ReLUGrad has its last two arguments in the wrong order: first the input, then the gradient",
			back("d.Conv2", func(_, _ network, d, a activations, _ int) {
				eachMapGrad(convnet.ReLUGrad, d.Conv2, d.ReLU2, a.Conv2)
			})},
		{"the gradient of the conv2 filters takes d.ReLU2 instead of d.Conv2, so that the ReLU has no effect on it",
			back("grad.Filters2", func(_, grad network, d, a activations, _ int) {
				convnet.AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.ReLU2)
			})},
		{"the gradient of the conv2 filters is taken from d.Pool1 instead of a.Pool1: it needs the input, not the gradient there",
			back("grad.Filters2", func(_, grad network, d, _ activations, _ int) {
				convnet.AddConv2DFilterGrad(grad.Filters2, d.Pool1, d.Conv2)
			})},
		{"the gradient goes back through conv2 from d.ReLU2 instead of d.Conv2, so that the ReLU has no effect on it",
			back("d.Pool1", func(n, _ network, d, _ activations, _ int) {
				convnet.Conv2DInputGrad(d.Pool1, n.Filters2, d.ReLU2)
			})},

		// The first convolution.
		{"the first MaxPoolGrad looks for the winners in a.Conv1 instead of a.ReLU1. The network would learn the same, because the ReLU stops the gradient where the winners differ, but d.ReLU1 isn't the gradient at a.ReLU1",
			back("d.ReLU1", func(_, _ network, d, a activations, _ int) {
				eachMapGrad(convnet.MaxPoolGrad, d.ReLU1, a.Conv1, d.Pool1)
			})},
		{"the first MaxPoolGrad takes d.ReLU1. Its middle argument is the layer's input: a.ReLU1, not d.ReLU1",
			back("d.ReLU1", func(_, _ network, d, _ activations, _ int) {
				eachMapGrad(convnet.MaxPoolGrad, d.ReLU1, d.ReLU1, d.Pool1)
			})},
		{"the first ReLU lets every gradient pass: d.Conv1 is a copy of d.ReLU1, or ReLUGrad takes d.Conv1. Its middle argument is the layer's input: a.Conv1, not d.Conv1", backwardWith(passConv1)},
		{"the first ReLU stops negative gradients, as if d.ReLU1 were its input: it should look at the sign of a.Conv1",
			back("d.Conv1", func(_, _ network, d, _ activations, _ int) {
				eachMapGrad(convnet.ReLUGrad, d.Conv1, d.ReLU1, d.ReLU1)
			})},
		{"the first ReLUGrad has its last two arguments in the wrong order: first the input, then the gradient",
			back("d.Conv1", func(_, _ network, d, a activations, _ int) {
				eachMapGrad(convnet.ReLUGrad, d.Conv1, d.ReLU1, a.Conv1)
			})},
		{"the first ReLU's gradient sees only the first map", back("d.Conv1", func(_, _ network, d, a activations, _ int) {
			convnet.ReLUGrad(d.Conv1[0], a.Conv1[0], d.ReLU1[0])
		})},
		{"the gradient of the conv1 filters takes d.ReLU1 instead of d.Conv1, so that the ReLU has no effect on it",
			back("grad.Filters1", func(_, grad network, d, a activations, _ int) {
				convnet.AddConv2DFilterGrad(grad.Filters1, a.Image, d.ReLU1)
			})},
		{"the gradient of the conv1 filters is taken from d.Image instead of a.Image: it needs the input, not the gradient there",
			back("grad.Filters1", func(_, grad network, d, _ activations, _ int) {
				convnet.AddConv2DFilterGrad(grad.Filters1, d.Image, d.Conv1)
			})},

		// The wrong one of two fields with the same name, or a layer's neighbor.
		{"CrossEntropyGrad always takes 0 for the label", back("d.Logits", func(_, _ network, d, a activations, _ int) {
			convnet.CrossEntropyGrad(d.Logits, a.Probabilities, 0)
		})},
		{"the gradient of fc2's weights takes a.Logits instead of d.Logits: the output, not the gradient there",
			back("grad.Weights2", func(_, grad network, d, a activations, _ int) {
				convnet.AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.Drop2, a.Logits)
			})},
		{"a.Logits goes back through fc2 instead of d.Logits: the output, not the gradient there",
			back("d.Drop2", func(n, _ network, d, a activations, _ int) {
				convnet.FullyConnectedInputGrad(d.Drop2, n.Weights2, a.Logits)
			})},
		{"the gradient goes back through n.Weights1 instead of n.Weights2, as much of it as fits",
			back("d.Drop2", func(n, _ network, d, _ activations, _ int) {
				convnet.FullyConnectedInputGrad(d.Drop2, firstColumns(n.Weights1, len(d.Drop2))[:len(d.Logits)], d.Logits)
			})},
		{"the gradient of fc2's weights goes into grad.Weights1 and grad.Biases1",
			back("grad.Weights2", func(_, grad network, d, a activations, _ int) {
				convnet.AddFullyConnectedWeightGrad(firstColumns(grad.Weights1, len(d.Drop2))[:len(d.Logits)], grad.Biases1[:len(d.Logits)], a.Drop2, d.Logits)
			})},
		{"the second dropout's gradient takes a.Drop2 instead of d.Drop2: the output, not the gradient there",
			back("d.ReLU3", func(_, _ network, d, a activations, _ int) { convnet.Dropout(d.ReLU3, a.Drop2, a.Mask2) })},
		{"the last ReLUGrad takes a.ReLU3 instead of d.ReLU3: the output, not the gradient there",
			back("d.Hidden", func(_, _ network, d, a activations, _ int) {
				convnet.ReLUGrad(asMatrix(d.Hidden), asMatrix(a.Hidden), asMatrix(a.ReLU3))
			})},
		{"d.Drop2 is skipped, and with it the second mask: the gradient at fc2's input goes straight to d.ReLU3", backwardWith(
			gradientLine{"d.Drop2", func(n, _ network, d, _ activations, _ int) {
				convnet.FullyConnectedInputGrad(d.ReLU3, n.Weights2, d.Logits)
			}}, nothing("d.ReLU3"))},
		{"d.Drop2 is never filled, because its gradient goes straight to d.ReLU3. The rest is right", backwardWith(
			gradientLine{"d.Drop2", func(n, _ network, d, _ activations, _ int) {
				convnet.FullyConnectedInputGrad(d.ReLU3, n.Weights2, d.Logits)
			}},
			gradientLine{"d.ReLU3", func(_, _ network, d, a activations, _ int) { convnet.Dropout(d.ReLU3, d.ReLU3, a.Mask2) }})},
		{"the gradient of fc1's weights takes a.Hidden instead of d.Hidden: the output, not the gradient there",
			back("grad.Weights1", func(_, grad network, d, a activations, _ int) {
				convnet.AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, a.Hidden)
			})},
		{"a.Hidden goes back through fc1 instead of d.Hidden: the output, not the gradient there",
			back("d.Drop1", func(n, _ network, d, a activations, _ int) {
				convnet.FullyConnectedInputGrad(d.Drop1, n.Weights1, a.Hidden)
			})},
		{"the first dropout's gradient takes a.Drop1 instead of d.Drop1: the output, not the gradient there",
			back("d.Flat", func(_, _ network, d, a activations, _ int) { convnet.Dropout(d.Flat, a.Drop1, a.Mask1) })},
		{"d.Drop1 is skipped, and with it the first mask: the gradient at fc1's input goes straight to d.Flat", backwardWith(
			gradientLine{"d.Drop1", func(n, _ network, d, _ activations, _ int) {
				convnet.FullyConnectedInputGrad(d.Flat, n.Weights1, d.Hidden)
			}}, nothing("d.Flat"))},
		{"d.Drop1 is never filled, because its gradient goes straight to d.Flat. The rest is right", backwardWith(
			gradientLine{"d.Drop1", func(n, _ network, d, _ activations, _ int) {
				convnet.FullyConnectedInputGrad(d.Flat, n.Weights1, d.Hidden)
			}},
			gradientLine{"d.Flat", func(_, _ network, d, a activations, _ int) { convnet.Dropout(d.Flat, d.Flat, a.Mask1) }})},
		{"Unflatten takes a.Flat instead of d.Flat: the output, not the gradient there",
			back("d.Pool2", func(_, _ network, d, a activations, _ int) { convnet.Unflatten(d.Pool2, a.Flat) })},
		{"the second MaxPoolGrad takes a.Pool2 instead of d.Pool2: the output, not the gradient there",
			back("d.ReLU2", func(_, _ network, d, a activations, _ int) {
				eachMapGrad(convnet.MaxPoolGrad, d.ReLU2, a.ReLU2, a.Pool2)
			})},
		{"the second ReLUGrad takes a.ReLU2 instead of d.ReLU2: the output, not the gradient there",
			back("d.Conv2", func(_, _ network, d, a activations, _ int) {
				eachMapGrad(convnet.ReLUGrad, d.Conv2, a.Conv2, a.ReLU2)
			})},
		{"the gradient of the conv2 filters takes a.Conv2 instead of d.Conv2: the output, not the gradient there",
			back("grad.Filters2", func(_, grad network, _, a activations, _ int) {
				convnet.AddConv2DFilterGrad(grad.Filters2, a.Pool1, a.Conv2)
			})},
		{"a.Conv2 goes back through conv2 instead of d.Conv2: the output, not the gradient there",
			back("d.Pool1", func(n, _ network, d, a activations, _ int) {
				convnet.Conv2DInputGrad(d.Pool1, n.Filters2, a.Conv2)
			})},
		{"the first MaxPoolGrad takes a.Pool1 instead of d.Pool1: the output, not the gradient there",
			back("d.ReLU1", func(_, _ network, d, a activations, _ int) {
				eachMapGrad(convnet.MaxPoolGrad, d.ReLU1, a.ReLU1, a.Pool1)
			})},
		{"the first ReLUGrad takes a.ReLU1 instead of d.ReLU1: the output, not the gradient there",
			back("d.Conv1", func(_, _ network, d, a activations, _ int) {
				eachMapGrad(convnet.ReLUGrad, d.Conv1, a.Conv1, a.ReLU1)
			})},
		{"the gradient of the conv1 filters takes a.Conv1 instead of d.Conv1: the output, not the gradient there",
			back("grad.Filters1", func(_, grad network, _, a activations, _ int) {
				convnet.AddConv2DFilterGrad(grad.Filters1, a.Image, a.Conv1)
			})},
		{"the gradient of the conv1 filters goes into grad.Filters2",
			back("grad.Filters1", func(_, grad network, d, a activations, _ int) {
				convnet.AddConv2DFilterGrad(firstColumns(grad.Filters2, len(grad.Filters1[0]))[:len(d.Conv1)], a.Image, d.Conv1)
			})},

		// The order.
		{"the gradient of fc2's weights comes before d.Logits is filled, and takes what the digit before left there", backwardMoved("grad.Weights2", "d.Logits")},
		{"the gradient of fc1's weights comes before d.Hidden is filled, and takes what the digit before left there", backwardMoved("grad.Weights1", "d.Hidden")},
		{"the gradient of the conv2 filters comes before d.Conv2 is filled, and takes what the digit before left there", backwardMoved("grad.Filters2", "d.Conv2")},
		{"the gradient of the conv1 filters comes before d.Conv1 is filled, and takes what the digit before left there", backwardMoved("grad.Filters1", "d.Conv1")},
	}
	for _, l := range ourBackward {
		m = append(m, mistake{"the line that fills " + l.fills + " is missing", backwardWith(nothing(l.fills))})
	}
	return m
}

// nothing is a line that is missing.
func nothing(fills string) gradientLine {
	return gradientLine{fills, func(_, _ network, _, _ activations, _ int) {}}
}
