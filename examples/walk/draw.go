package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"convnet"
	"convnet/examples/internal/chart"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/palette"
)

// pictures lists the pictures of the walk: each file and the function that draws it.
var pictures = []struct {
	name string
	draw func(w io.Writer, s *step) error
}{
	{"walk-convolution.svg", drawConvolution},
	{"walk-channels.svg", drawChannels},
	{"walk-pool.svg", drawPool},
	{"walk-loss.svg", drawLoss},
	{"walk-slope.svg", drawSlope},
	{"walk-back.svg", drawBack},
}

// A step is a network with the activations of the image and all gradients.
type step struct {
	network, grad *network
	a, d          *activations
}

func newStep() *step {
	s := &step{newNetwork(), newGradient(), newActivations(), newActivations()}
	s.network.forward(s.a, newImage())
	s.network.backward(s.grad, s.d, s.a, label)
	return s
}

func drawAll(out cli.Folder) error {
	for _, p := range pictures {
		if err := out.Write(p.name, func(w io.Writer) error { return p.draw(w, newStep()) }); err != nil {
			return err
		}
	}
	return nil
}

const (
	margin  = 24
	cell    = 44 // height of a matrix entry, in pixels
	head    = 76 // where matrices begin, below the title and their names
	between = 56 // from one matrix to the next, with a sign in the middle
)

// positive and negative are the inks of matrix entries; marked is the ink of frames around
// what belongs together.
var positive, negative, marked = palette.Positive, palette.Negative, chart.Inks[10]

// A board is a picture of matrices.
type board struct {
	*chart.Picture
	height float64
	across float64 // width of a matrix entry, in pixels
}

func newBoard(width, height int, across float64, title string) board {
	b := board{chart.New(width, height, title), float64(height), across}
	b.Text(margin, 32, "start", chart.Title, title)
	return b
}

// matrix draws m with its upper left corner at (x, y) and a name above it, and returns the x
// of its right edge. The further an entry is from 0, the darker its cell; most is the
// largest.
func (b board) matrix(x, y float64, name string, m [][]float64, most float64) float64 {
	b.Text(x, y-10, "start", chart.Small, name)
	for r, row := range m {
		for c, v := range row {
			ink := positive
			if v < 0 {
				ink = negative
			}
			left, top := x+b.across*float64(c), y+cell*float64(r)
			b.Rect(left, top, b.across, cell, ink, 0.5*math.Abs(v)/most, "#8c959f")
			b.Text(left+b.across/2, top+cell/2+5, "middle", chart.Plain, number(v))
		}
	}
	return x + b.across*float64(len(m[0]))
}

// mark frames rows×cols entries of the matrix at (x, y), starting at (row, col).
func (b board) mark(x, y float64, row, col, rows, cols int) {
	for inset := range 3 { // a frame of three pixels
		i := float64(inset) - 1
		b.Rect(x+b.across*float64(col)+i, y+cell*float64(row)+i, b.across*float64(cols)-2*i, cell*float64(rows)-2*i, "none", 1, marked)
	}
}

// sign writes words to the right of x, in the middle of a matrix with that many rows, and
// returns the x where the next matrix begins.
func (b board) sign(x, y float64, rows int, words string) float64 {
	room := float64(between + 7*(utf8.RuneCountInString(words)-1))
	b.Text(x+room/2, y+cell*float64(rows)/2+5, "middle", chart.Title, words)
	return x + room
}

func (b board) write(w io.Writer) error {
	_, err := b.WriteTo(w)
	return err
}

// number formats v with as many decimals as it needs, at most four.
func number(v float64) string {
	text := strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.4f", math.Abs(v)), "0"), ".")
	if v < 0 && text != "0" {
		text = "−" + text
	}
	return text
}

// square returns a row of four weights as a kernel of 2×2.
func square(flat []float64) [][]float64 { return [][]float64{flat[:2], flat[2:4]} }

// products returns the patch at (row, col) multiplied entry by entry by the kernel, the sum,
// and how each product is written.
func products(m [][]float64, kernel []float64, row, col int) (each [][]float64, sum float64, terms []string) {
	each = convnet.NewMatrix(2, 2)
	for k, w := range kernel {
		v := m[row+k/2][col+k%2]
		each[k/2][k%2] = v * w
		sum += v * w
		factor := number(w)
		if w < 0 {
			factor = "(" + factor + ")"
		}
		terms = append(terms, number(v)+"·"+factor)
	}
	return each, sum, terms
}

func drawConvolution(w io.Writer, s *step) error {
	b := newBoard(760, 330, cell, "Convolution: a kernel on a patch, and the sum of four products")
	const row, col = 0, 1
	image, kernel := s.a.image[0], s.network.filters1[0]
	each, sum, terms := products(image, kernel, row, col)
	x := b.matrix(margin, head, "image 4×4", image, 2)
	b.mark(margin, head, row, col, 2, 2)
	x = b.sign(x, head, 2, "×")
	x = b.sign(b.matrix(x, head, "kernel 2×2", square(kernel), 2), head, 2, "=")
	x = b.sign(b.matrix(x, head, "products", each, 2), head, 2, "→ Σ →")
	b.matrix(x, head, "feature map 3×3", s.a.conv1[0], 2)
	b.mark(x, head, row, col, 1, 1)
	b.Text(margin, b.height-42, "start", chart.Plain, strings.Join(terms, " + ")+" = "+number(sum))
	b.Text(margin, b.height-20, "start", chart.Small, "A 2×2 kernel fits on a 4×4 image at 3×3 positions. Each gives one value of the feature map.")
	return b.write(w)
}

func drawChannels(w io.Writer, s *step) error {
	b := newBoard(760, 420, cell, "Two channels, one filter: the sums of both kernels make one feature map")
	filter := s.network.filters2[0]
	const second = head + 3*cell + 32
	var end float64
	total, sums := 0.0, []string{}
	for c, m := range s.a.relu1 {
		y := head + float64(c)*(second-head)
		kernel := filter[4*c : 4*c+4]
		each, sum, _ := products(m, kernel, 0, 0)
		total += sum
		sums = append(sums, number(sum))
		x := b.sign(b.matrix(margin, y, fmt.Sprintf("channel %d", c), m, 2), y, 2, "×")
		b.mark(margin, y, 0, 0, 2, 2)
		x = b.sign(b.matrix(x, y, "its kernel", square(kernel), 2), y, 2, "=")
		end = b.sign(b.matrix(x, y, "products", each, 2), y, 2, "→ "+number(sum))
	}
	middle := (head + second) / 2.0
	x := b.sign(end, middle, 2, "Σ →")
	b.matrix(x, middle, "feature map 2×2", s.a.conv2[0], 2)
	b.mark(x, middle, 0, 0, 1, 1)
	b.Text(x, middle+2*cell+24, "start", chart.Plain, strings.Join(sums, " + ")+" = "+number(total))
	return b.write(w)
}

func drawPool(w io.Writer, s *step) error {
	b := newBoard(760, 250, cell, "ReLU sets negative values to 0, max-pooling keeps the largest of four")
	m := s.a.conv1[0]
	x := b.sign(b.matrix(margin, head, "conv1, first map", m, 2), head, 3, "→")
	x = b.matrix(x, head, "relu1", s.a.relu1[0], 2) + between
	c := 1
	x = b.sign(b.matrix(x, head, "conv2, second map", s.a.conv2[c], 2), head, 2, "→")
	from := x
	x = b.sign(b.matrix(x, head, "relu2", s.a.relu2[c], 2), head, 2, "→")
	b.mark(from, head, 1, 1, 1, 1)
	b.matrix(x, head, "pool", s.a.pool[c], 2)
	b.mark(x, head, 0, 0, 1, 1)
	return b.write(w)
}

// drawLoss draws the end of the network: two inputs, three logits, and three probabilities
// beside their targets.
func drawLoss(w io.Writer, s *step) error {
	b := newBoard(760, 330, cell, "Fully connected layer, softmax, and the gradient at the logits")
	const top, apart = head + 24, 76
	const inputs, outputs, bars, gradients = 40, 280, 396, 670
	n, a := s.network, s.a
	inputY := func(j int) float64 { return top + apart/2 + apart*float64(j) }
	outputY := func(i int) float64 { return top + apart*float64(i) }
	for i, row := range n.weights {
		for j, weight := range row {
			b.Line(inputs+cell, inputY(j), outputs, outputY(i), chart.Axis)
			const at = 0.72 // of the way: there the lines lie apart
			x := inputs + cell + at*(outputs-inputs-cell)
			y := inputY(j) + at*(outputY(i)-inputY(j))
			b.Rect(x-18, y-10, 36, 19, palette.Paper, 1, "none")
			b.Text(x, y+5, "middle", chart.Small, number(weight))
		}
	}
	node := func(x, y, v float64) { b.matrix(x, y-cell/2, "", [][]float64{{v}}, 2) }
	b.Text(inputs, head, "start", chart.Small, "flat")
	for j, v := range a.flat {
		node(inputs, inputY(j), v)
	}
	b.Text(outputs, head-6, "start", chart.Small, "logits")
	b.Text(bars, head-6, "start", chart.Small, "probabilities, with the target outlined")
	b.Text(gradients, head-6, "start", chart.Small, "gradient")
	const full = 170 // length of probability 1, in pixels
	for i, l := range a.logits {
		y := outputY(i)
		b.matrix(outputs, y-cell/2, "", [][]float64{{math.Round(100*l) / 100}}, 2)
		bias := number(n.biases[i])
		if n.biases[i] == math.Ln2 {
			bias = "log 2"
		}
		b.Text(outputs, y+cell/2+14, "start", chart.Small, "bias "+bias)
		p, target := a.probabilities[i], 0.0
		if i == label {
			target = 1
		}
		b.Text(bars-10, y+5, "end", chart.Plain, fmt.Sprint(i))
		b.Line(bars, y-20, bars, y+20, chart.Axis)
		b.Rect(bars, y-14, full*p, 28, positive, 0.45, "none")
		b.Rect(bars, y-14, full*target, 28, "none", 1, marked)
		b.Text(bars+full*p+8, y+5, "start", chart.Plain, number(p))
		b.matrix(gradients, y-cell/2, "", [][]float64{{s.d.logits[i]}}, 1)
	}
	b.Text(margin, b.height-18, "start", chart.Small,
		fmt.Sprintf("The true label is 1: loss = −log ½ = %.4f. The gradient at a logit is its probability minus its target.",
			convnet.CrossEntropy(a.logits, label)))
	return b.write(w)
}

// drawSlope draws the loss as the second weight of the first filter changes, and the tangent
// at the weight's value, whose slope is the gradient.
func drawSlope(w io.Writer, s *step) error {
	const width, height = 760, 360
	const title = "The loss as one weight changes, and its slope where the weight is now"
	p := chart.New(width, height, title)
	a := chart.Axes{Picture: p, Left: 76, Right: width - 30, Top: 56, Bottom: height - 60, X0: -2, X1: 6, Y0: 0.45, Y1: 0.85}
	p.Text(margin, 32, "start", chart.Title, title)
	for _, y := range []float64{0.5, 0.6, 0.7, 0.8} {
		a.YTick(y, number(y))
	}
	for x := a.X0; x <= a.X1; x++ {
		a.XTick(x, chart.Plain, number(x))
	}
	a.Frame()
	p.Text((a.Left+a.Right)/2, height-16, "middle", chart.Plain, "the second weight of the first filter")
	p.Upward(24, (a.Top+a.Bottom)/2, "loss")

	weight := &s.network.filters1[0][1]
	now, slope := *weight, s.grad.filters1[0][1]
	lossAt := func(value float64) float64 {
		*weight = value
		s.network.forward(s.a, newImage())
		*weight = now
		return convnet.CrossEntropy(s.a.logits, label)
	}
	var xs, ys []float64
	for k := range 81 {
		x := a.X0 + (a.X1-a.X0)*float64(k)/80
		xs, ys = append(xs, x), append(ys, lossAt(x))
	}
	p.Path(a.Points(xs, ys), positive)
	at := lossAt(now)
	tangent := func(x float64) float64 { return at + slope*(x-now) }
	ends := []float64{-0.4, 4}
	p.Path(a.Points(ends, []float64{tangent(ends[0]), tangent(ends[1])}), marked)
	p.Curve(a.Points([]float64{now}, []float64{at}), marked)
	p.Colored(a.X(now)+10, a.Y(at)-14, "start", marked, fmt.Sprintf("at %s the loss is %.4f and the slope is %s", number(now), at, number(slope)))
	p.Text(a.X(-1.9), a.Y(lossAt(-1))-12, "start", chart.Small, "here a ReLU is off: the slope is 0")
	_, err := p.WriteTo(w)
	return err
}

// drawBack draws the gradients of the backward pass, from the logits to the conv1 filters.
func drawBack(w io.Writer, s *step) error {
	b := newBoard(852, 780, 59, "The backward pass: gradients from the logits to the filters")
	d, g := s.d, s.grad
	row := 92.0
	x := b.sign(b.matrix(margin, row, "gradient at the logits", [][]float64{d.logits}, 1), row, 1, "→")
	x = b.sign(b.matrix(x, row, "at flat", [][]float64{d.flat}, 1), row, 1, "→")
	x = b.matrix(x, row, "at conv2: 0 except at the winners", d.conv2[0], 1)
	b.matrix(x+20, row, "", d.conv2[1], 1)

	row += 2*cell + 56
	x = b.matrix(margin, row, "gradient of the weights: gradient at a logit × inputs, one row per logit", g.weights[:1], 1)
	x = b.matrix(x+20, row, "", g.weights[1:2], 1)
	x = b.matrix(x+20, row, "", g.weights[2:], 1)
	b.matrix(x+between, row, "of the biases", [][]float64{g.biases}, 1)

	row += cell + 56
	x = b.matrix(margin, row, "gradient of the conv2 filters: gradient at conv2 × patch of relu1, two kernels per filter", square(g.filters2[0][:4]), 1)
	x = b.matrix(x+20, row, "", square(g.filters2[0][4:]), 1)
	x = b.matrix(x+between, row, "", square(g.filters2[1][:4]), 1)
	b.matrix(x+20, row, "", square(g.filters2[1][4:]), 1)

	row += 2*cell + 56
	x = b.matrix(margin, row, "gradient at relu1: gradient at conv2 × its filter, summed", d.relu1[0], 1)
	x = b.sign(b.matrix(x+20, row, "", d.relu1[1], 1), row, 3, "→")
	x = b.matrix(x, row, "at conv1: 0 where conv1 ≤ 0", d.conv1[0], 1)
	b.matrix(x+20, row, "", d.conv1[1], 1)

	row += 3*cell + 56
	x = b.matrix(margin, row, "gradient of the conv1 filters: gradients at conv1 × their patches of the image, summed", square(g.filters1[0]), 1)
	b.matrix(x+20, row, "", square(g.filters1[1]), 1)
	return b.write(w)
}
