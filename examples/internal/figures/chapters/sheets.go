package main

import (
	"cmp"
	"fmt"
	"image"
	"io"
	"math"
	"slices"

	"convnet"
	"convnet/examples/internal/pixels"
)

// A sheet has a title, and rows and columns of tiles of side×side pixels, however many entries they
// have. On its left there is a space of left pixels.
type sheet struct {
	*image.Paletted
	side, left int
}

const between = 20 // pixels of paper between tiles

// newSheet returns a sheet. On its color scale the largest value is called limit.
func newSheet(title string, rows, columns, side, left int, limit string) sheet {
	width, height := left+columns*(side+between)-between, rows*(pixels.LineHeight+side+between)-between
	return sheet{pixels.NewSheet(title, width, height, limit), side, left}
}

// place draws a tile in a row and a column, both counted from 0.
func (s sheet) place(row, column int, t pixels.Tile) {
	x, y := s.at(row, column)
	t.Draw(s.Paletted, x, y, max(1, s.side/len(t.M)))
}

// at returns the upper left corner of a tile's label.
func (s sheet) at(row, column int) (x, y int) {
	return pixels.Margin + s.left + column*(s.side+between), pixels.Head + row*(pixels.LineHeight+s.side+between)
}

// write writes the entries of a tile, which has been placed there, into its squares.
func (s sheet) write(row, column int, t pixels.Tile) {
	left, top := s.at(row, column)
	side := s.side / len(t.M)
	for r, entries := range t.M {
		for c, v := range entries {
			text, ink := pixels.Number(v), pixels.Black
			if math.Abs(v) > t.Limit/2 {
				ink = pixels.Paper
			}
			pixels.Text(s.Paletted, left+c*side+(side-pixels.Width(text))/2, top+pixels.LineHeight+r*side+(side-pixels.TextHeight)/2, text, ink)
		}
	}
}

// largest is what the color scale calls its limit if each tile has a limit of its own.
const largest = "max"

// own returns a tile with a color scale of its own, whose limit is noted above it.
func own(label string, m [][]float64) pixels.Tile {
	limit := pixels.Limit(m)
	return pixels.Tile{Label: label, Note: "±" + pixels.Number(limit), M: m, Limit: limit}
}

// A kernel made by hand detects one feature.
type kernel struct {
	name    string
	weights []float64 // kernelSide×kernelSide, row after row
}

const kernelSide = 5

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

// kernels draws a digit, four kernels, and the feature maps they produce.
func kernels(w, text io.Writer, m *material) error {
	const side = 120
	digit := m.test[0]
	var filters [][]float64
	for _, k := range kernelsByHand {
		filters = append(filters, k.weights)
	}
	const mapSide = convnet.ImageSide - kernelSide + 1
	maps := convnet.NewVolume(len(filters), mapSide, mapSide)
	convnet.Conv2D(maps, [][][]float64{digit.Image}, filters)

	// The digit is to the left of the maps, its pixels as large as theirs.
	const scale = side / mapSide
	const left = convnet.ImageSide*scale + between
	title := fmt.Sprintf("Four kernels, and the feature maps they produce from a %d", digit.Label)
	s := newSheet(title, 2, len(filters), side, left, largest)
	image := pixels.Tile{Label: "image", M: digit.Image}
	image.Draw(s.Paletted, pixels.Margin, pixels.Head+(2*side+pixels.LineHeight+between-convnet.ImageSide*scale)/2, scale)
	var rows [][]string
	for k, byHand := range kernelsByHand {
		square := convnet.NewMatrix(kernelSide, kernelSide)
		convnet.Unflatten([][][]float64{square}, byHand.weights)
		weights := pixels.Tile{Label: byHand.name, M: square, Limit: pixels.Limit(square)}
		s.place(0, k, weights)
		s.write(0, k, weights)
		s.place(1, k, own("map", maps[k]))
		low, high := pixels.Range(maps[k])
		rows = append(rows, []string{byHand.name, fmt.Sprintf("%.2f", low), fmt.Sprintf("%.2f", high)})
	}
	table(text, []string{"kernel", "smallest value of its map", "largest"}, rows)
	return pixels.WritePNG(w, s.Paletted)
}

// The tiles of the other sheets have the size to which matrices of 28×28, 24×24 and 12×12 are
// all enlarged by a whole number.
const large = 168

// stages draws three feature maps from the first convolution to the second.
func stages(w, text io.Writer, m *material) error {
	digit := m.test[0]
	a := convnet.NewActivations()
	m.network.Predict(a, digit.Image)
	s := newSheet(fmt.Sprintf("Three feature maps of a %d: after conv1, after ReLU, after max-pooling", digit.Label), 3, 4, large, 0, largest)
	s.place(1, 0, pixels.Tile{Label: "Image", M: digit.Image})
	var rows [][]string
	for row, c := range most(a.ReLU1, 3) {
		// All three have the limit of the first, so that a value keeps its color.
		first := own(fmt.Sprintf("Conv1[%d]", c), a.Conv1[c])
		s.place(row, 1, first)
		s.place(row, 2, pixels.Tile{Label: fmt.Sprintf("ReLU1[%d]", c), Note: first.Note, M: a.ReLU1[c], Limit: first.Limit})
		s.place(row, 3, pixels.Tile{Label: fmt.Sprintf("Pool1[%d]", c), Note: first.Note, M: a.Pool1[c], Limit: first.Limit})
		low, high := pixels.Range(a.Conv1[c])
		rows = append(rows, []string{
			fmt.Sprint(c), fmt.Sprintf("%.2f", low), fmt.Sprintf("%.2f", high),
			fmt.Sprint(count(a.Conv1[c])), fmt.Sprint(count(a.ReLU1[c])), fmt.Sprint(count(a.Pool1[c])),
		})
	}
	all := func(maps [][][]float64) int { return len(maps[0]) * len(maps[0][0]) }
	table(text, []string{
		"map", "smallest in Conv1", "largest", fmt.Sprintf("nonzero, of %d in Conv1", all(a.Conv1)),
		fmt.Sprintf("of %d in ReLU1", all(a.ReLU1)), fmt.Sprintf("of %d in Pool1", all(a.Pool1)),
	}, rows)
	return pixels.WritePNG(w, s.Paletted)
}

// most returns up to n channels, those with the largest sums of squares, the largest first.
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
	return channels[:min(n, len(channels))]
}

// count returns how many entries of m are not 0.
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

// backward draws the gradients for an image with the label of another digit, and how the
// image changes when its pixels follow them.
func backward(w, text io.Writer, m *material) error {
	const wanted = 9
	digit := m.test[0]
	a, d := convnet.NewActivations(), convnet.NewActivations()
	m.network.Predict(a, digit.Image)
	m.network.Backward(convnet.NewGradient(), d, a, wanted)
	convnet.Conv2DInputGrad(d.Image, m.network.Filters1, d.Conv1)

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
			fmt.Sprint(k), fmt.Sprintf("%.2f", at.loss), fmt.Sprint(at.prediction),
			fmt.Sprintf("%.4f", at.probabilities[digit.Label]), fmt.Sprintf("%.4f", at.probabilities[wanted]),
			fmt.Sprintf("%.3f", sum/float64(len(at.change)*len(at.change[0]))), fmt.Sprintf("%.2f", largest),
		})
	}
	table(text, []string{"step", "loss for label 9", "prediction", "p of the 7", "p of the 9", "mean pixel change", "largest"}, rows)

	last := moves[len(moves)-1]
	s := newSheet(fmt.Sprintf("The gradients at a %d if its label were %d", digit.Label, wanted), 3, 4, large, 0, largest)
	s.place(0, 0, pixels.Tile{Label: "Image", M: digit.Image})
	s.place(0, 1, own("d.Image", d.Image[0]))
	s.place(0, 2, own("change", last.change))
	s.place(0, 3, pixels.Tile{Label: fmt.Sprint("prediction: ", last.prediction), M: last.image})
	for k, c := range most(d.Conv1, 2) {
		conv := own(fmt.Sprintf("Conv1[%d]", c), a.Conv1[c])
		s.place(1+k, 0, conv)
		s.place(1+k, 1, pixels.Tile{Label: fmt.Sprintf("Pool1[%d]", c), Note: conv.Note, M: a.Pool1[c], Limit: conv.Limit})
		s.place(1+k, 2, own(fmt.Sprintf("d.Pool1[%d]", c), d.Pool1[c]))
		s.place(1+k, 3, own(fmt.Sprintf("d.Conv1[%d]", c), d.Conv1[c]))
	}
	return pixels.WritePNG(w, s.Paletted)
}

// A move is an image on its way to another prediction.
type move struct {
	image, change [][]float64 // change is the difference from the first image
	loss          float64     // for the wanted label
	prediction    int
	probabilities []float64
}

// follow moves the pixels of image against their gradient, between 0 and 1, until the network
// predicts the wanted digit, at most a hundred times. It returns all images, including the
// first.
func follow(n *convnet.Network, image [][]float64, wanted int) (moves []move) {
	const rate = 0.01
	a, d, grad := convnet.NewActivations(), convnet.NewActivations(), convnet.NewGradient()
	at := image
	for range 100 {
		prediction := n.Predict(a, at)
		change := convnet.NewMatrix(len(image), len(image[0]))
		for y, row := range at {
			for x, v := range row {
				change[y][x] = v - image[y][x]
			}
		}
		moves = append(moves, move{at, change, convnet.CrossEntropy(a.Logits, wanted), prediction, slices.Clone(a.Probabilities)})
		if prediction == wanted {
			return moves
		}
		n.Backward(grad, d, a, wanted)
		convnet.Conv2DInputGrad(d.Image, n.Filters1, d.Conv1)
		next := convnet.NewMatrix(len(image), len(image[0]))
		for y, row := range d.Image[0] {
			for x, g := range row {
				next[y][x] = min(max(at[y][x]-rate*g, 0), 1)
			}
		}
		at = next
	}
	return moves
}
