package main

import (
	"cmp"
	"fmt"
	"image"
	"io"
	"math"
	"slices"

	"convnet"
	"convnet/examples/internal/picture"
)

// A tile is a matrix to be drawn with a label above it. All tiles of a sheet are of
// the same size there, however many numbers they have.
type tile struct {
	label     string
	m         [][]float64
	low, high float64 // drawn black and white
}

const (
	between = 20 // pixels of paper between tiles and around them
	head    = 22 // pixels of a label, and what parts it from its tile
)

// A sheet has rows and columns of tiles of side×side pixels, to the right of what
// takes left pixels.
type sheet struct {
	*image.Paletted
	side, left int
}

func newSheet(rows, columns, side, left int) sheet {
	width, height := left+between+columns*(side+between), between/2+rows*(head+side+between)
	return sheet{picture.NewSheet(width, height), side, left}
}

// draw draws a tile with the upper left corner of its label at (x, y), every number a
// square of scale pixels.
func (s sheet) draw(x, y, scale int, t tile) {
	picture.Text(s.Paletted, x, y, 2, t.label, 0)
	picture.Draw(s.Paletted, x, y+head, scale, t.m, t.low, t.high)
}

// place draws a tile in a row and a column, counted from 0.
func (s sheet) place(row, column int, t tile) {
	x, y := s.left+between+column*(s.side+between), between/2+row*(head+s.side+between)
	s.draw(x, y, s.side/len(t.m), t)
}

// gray returns a tile in which middle gray is 0.
func gray(label string, m [][]float64) tile {
	low, high := picture.Balanced([][][]float64{m})
	return tile{label, m, low, high}
}

// A kernel made by hand looks for one thing.
type kernel struct {
	name    string
	numbers []float64 // 5×5, laid flat
}

var kernelsByHand = []kernel{
	{"vertical", []float64{
		-1, -1, 0, 1, 1,
		-1, -1, 0, 1, 1,
		-1, -1, 0, 1, 1,
		-1, -1, 0, 1, 1,
		-1, -1, 0, 1, 1,
	}},
	{"horizontal", []float64{
		-1, -1, -1, -1, -1,
		-1, -1, -1, -1, -1,
		0, 0, 0, 0, 0,
		1, 1, 1, 1, 1,
		1, 1, 1, 1, 1,
	}},
	{"diagonal", []float64{
		0, -1, -1, 0, 2,
		-1, -1, 0, 2, 0,
		-1, 0, 2, 0, -1,
		0, 2, 0, -1, -1,
		2, 0, -1, -1, 0,
	}},
	{"blur", []float64{
		1, 1, 1, 1, 1,
		1, 1, 1, 1, 1,
		1, 1, 1, 1, 1,
		1, 1, 1, 1, 1,
		1, 1, 1, 1, 1,
	}},
}

// kernels draws a digit, four kernels, and what the convolution makes of them.
func kernels(w, text io.Writer, m *material) error {
	const side = 120
	digit := m.test[0]
	var filters [][]float64
	for _, k := range kernelsByHand {
		filters = append(filters, k.numbers)
	}
	maps := convnet.NewMaps(len(filters), 24, 24)
	convnet.Conv2D(maps, [][][]float64{digit.Image}, filters)

	// The digit's pixels are as large as those of the maps. It stands to their left.
	const scale = side / 24
	const left = 28*scale + between
	s := newSheet(2, len(filters), side, left)
	s.draw(between, (s.Rect.Dy()-28*scale)/2-head, scale, tile{"digit", digit.Image, 0, 1})
	var rows [][]string
	for k, byHand := range kernelsByHand {
		square := convnet.NewMatrix(5, 5)
		convnet.Unflatten([][][]float64{square}, byHand.numbers)
		s.place(0, k, gray(byHand.name, square))
		s.place(1, k, gray("", maps[k]))
		low, high := picture.Range(maps[k : k+1])
		rows = append(rows, []string{byHand.name, fmt.Sprintf("%.2f", low), fmt.Sprintf("%.2f", high)})
	}
	table(text, []string{"kernel", "smallest number of its map", "largest"}, rows)
	return picture.WritePNG(w, s.Paletted)
}

// The tiles of the other sheets are so large that 28×28, 24×24 and 12×12 numbers are
// each enlarged by a whole number.
const large = 168

// stages draws what becomes of three feature maps before the second convolution.
func stages(w, text io.Writer, m *material) error {
	digit := m.test[0]
	a := convnet.NewActivations()
	m.network.Predict(a, digit.Image)
	s := newSheet(3, 4, large, 0)
	s.place(1, 0, tile{"Image", digit.Image, 0, 1})
	var rows [][]string
	for row, c := range most(a.ReLU1, 3) {
		// All three have the range of the first, so that a number keeps its gray.
		first := gray(fmt.Sprintf("Conv1[%d]", c), a.Conv1[c])
		s.place(row, 1, first)
		s.place(row, 2, tile{fmt.Sprintf("ReLU1[%d]", c), a.ReLU1[c], first.low, first.high})
		s.place(row, 3, tile{fmt.Sprintf("Pool1[%d]", c), a.Pool1[c], first.low, first.high})
		low, high := picture.Range(a.Conv1[c : c+1])
		rows = append(rows, []string{
			fmt.Sprint(c), fmt.Sprintf("%.2f", low), fmt.Sprintf("%.2f", high),
			fmt.Sprint(count(a.Conv1[c])), fmt.Sprint(count(a.ReLU1[c])), fmt.Sprint(count(a.Pool1[c])),
		})
	}
	table(text, []string{"map", "smallest of Conv1", "largest", "not 0 of 576 in Conv1", "of 576 in ReLU1", "of 144 in Pool1"}, rows)
	return picture.WritePNG(w, s.Paletted)
}

// most returns the n channels whose numbers have the largest sum of squares, the
// largest first.
func most(maps [][][]float64, n int) []int {
	squares := make([]float64, len(maps))
	channels := make([]int, len(maps))
	for c, m := range maps {
		channels[c] = c
		for _, row := range m {
			for _, v := range row {
				squares[c] += v * v
			}
		}
	}
	slices.SortStableFunc(channels, func(a, b int) int { return cmp.Compare(squares[b], squares[a]) })
	return channels[:n]
}

// count returns how many numbers of m are not 0.
func count(m [][]float64) (n int) {
	for _, row := range m {
		for _, v := range row {
			if v != 0 {
				n++
			}
		}
	}
	return n
}

// backward draws the errors of a digit that is to be read as another one, and what
// becomes of the digit when its pixels follow them.
func backward(w, text io.Writer, m *material) error {
	const wanted = 9
	digit := m.test[0]
	a, errors := convnet.NewActivations(), convnet.NewActivations()
	m.network.Predict(a, digit.Image)
	m.network.Backward(convnet.NewGradient(), errors, a, wanted)

	moves := follow(m.network, digit.Image, wanted)
	var rows [][]string
	for k, at := range moves {
		sum, largest := 0.0, 0.0
		for _, row := range at.change {
			for _, v := range row {
				sum += math.Abs(v)
				largest = max(largest, math.Abs(v))
			}
		}
		rows = append(rows, []string{
			fmt.Sprint(k), fmt.Sprintf("%.2f", at.loss), fmt.Sprint(at.answer),
			fmt.Sprintf("%.4f", at.probabilities[digit.Label]), fmt.Sprintf("%.4f", at.probabilities[wanted]),
			fmt.Sprintf("%.3f", sum/784), fmt.Sprintf("%.2f", largest),
		})
	}
	table(text, []string{"step", "loss if it is a 9", "read as", "p of the 7", "p of the 9", "mean change of a pixel", "largest"}, rows)

	last := moves[len(moves)-1]
	s := newSheet(3, 4, large, 0)
	s.place(0, 0, tile{"Image", digit.Image, 0, 1})
	s.place(0, 1, gray("errors.Image", errors.Image[0]))
	s.place(0, 2, gray("change", last.change))
	s.place(0, 3, tile{fmt.Sprint("read as a ", last.answer), last.image, 0, 1})
	for k, c := range most(errors.Conv1, 2) {
		conv := gray(fmt.Sprintf("Conv1[%d]", c), a.Conv1[c])
		s.place(1+k, 0, conv)
		s.place(1+k, 1, tile{fmt.Sprintf("Pool1[%d]", c), a.Pool1[c], conv.low, conv.high})
		s.place(1+k, 2, gray(fmt.Sprintf("errors.Pool1[%d]", c), errors.Pool1[c]))
		s.place(1+k, 3, gray(fmt.Sprintf("errors.Conv1[%d]", c), errors.Conv1[c]))
	}
	return picture.WritePNG(w, s.Paletted)
}

// A move is a picture on its way to another answer.
type move struct {
	image, change [][]float64 // 28×28; the change since the first picture
	loss          float64     // if it were the wanted digit
	answer        int
	probabilities []float64
}

// follow moves the pixels of image against their error, within black and white, until
// the network reads the wanted digit in it, a hundred times at most. It returns
// every picture from the first.
func follow(n *convnet.Network, image [][]float64, wanted int) (moves []move) {
	const rate = 0.01
	a, errors, gradient := convnet.NewActivations(), convnet.NewActivations(), convnet.NewGradient()
	at := image
	for range 100 {
		answer := n.Predict(a, at)
		change := convnet.NewMatrix(28, 28)
		for y, row := range at {
			for x, v := range row {
				change[y][x] = v - image[y][x]
			}
		}
		moves = append(moves, move{at, change, convnet.CrossEntropy(a.Logits, wanted), answer, slices.Clone(a.Probabilities)})
		if answer == wanted {
			return moves
		}
		n.Backward(gradient, errors, a, wanted)
		next := convnet.NewMatrix(28, 28)
		for y, row := range errors.Image[0] {
			for x, e := range row {
				next[y][x] = min(max(at[y][x]-rate*e, 0), 1)
			}
		}
		at = next
	}
	return moves
}
