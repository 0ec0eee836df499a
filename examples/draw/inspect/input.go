package inspect

import (
	"math"
	"slices"

	"convnet"
	"convnet/examples/internal/fit"
)

// An input is what a network is shown: the strokes of a pen, or a test digit. With Steps, it
// is shown to a copy of the network that has first learned from it.
type input struct {
	Strokes [][][]float64 `json:"strokes"` // of points, x and y, from 0 to 1 across the pad
	Digit   *int          `json:"digit"`   // index of a test digit
	Session string        `json:"session"` // the training session whose network it is shown to, or "" for the trained network

	Label *int    `json:"label"` // for the loss, or null
	Steps int     `json:"steps"` // of gradient descent on this input with this label
	Rate  float64 `json:"rate"`  // the learning rate of the steps
}

// The pad on which the page lets you draw is 1 wide and 1 high.
const (
	inkSide   = 140  // rows and columns of the ink
	penWidth  = 0.08 // of a stroke
	maxPoints = 2000
	maxLength = 200 // of all strokes together
)

// load sets image to the input.
func (s *Inspector) load(image [][]float64, in input) error {
	switch {
	case in.Digit != nil && in.Strokes != nil:
		return badRequest("found both a test digit and strokes, want only one of them")
	case in.Digit != nil:
		if *in.Digit < 0 || *in.Digit >= len(s.test) {
			return badRequest("the test digit is %d, want 0 to %d", *in.Digit, len(s.test)-1)
		}
		for y, row := range s.test[*in.Digit].Image {
			copy(image[y], row)
		}
		return nil
	}
	if err := checkStrokes(in.Strokes); err != nil {
		return err
	}
	pad := convnet.NewMatrix(inkSide, inkSide)
	for _, stroke := range enlarged(in.Strokes) {
		for k, p := range stroke {
			drawLine(pad, stroke[max(0, k-1)], p)
		}
	}
	fit.Ink(image, pad)
	return nil
}

// A pen as wide as ours leaves nothing of a small digit but a blob. So strokes that take up less
// than this share of the pad are enlarged before they are drawn, though never so much that a
// dot becomes a line.
const (
	smallest     = 0.5
	mostEnlarged = 10
)

// enlarged returns small strokes enlarged, in the middle of the pad, and others as they are.
func enlarged(strokes [][][]float64) [][][]float64 {
	low, high := []float64{1, 1}, []float64{0, 0}
	for _, p := range slices.Concat(strokes...) {
		for k, v := range p {
			low[k], high[k] = min(low[k], v), max(high[k], v)
		}
	}
	extent := max(high[0]-low[0], high[1]-low[1])
	if extent >= smallest {
		return strokes
	}
	scale := min(smallest/extent, mostEnlarged)
	larger := make([][][]float64, len(strokes))
	for n, stroke := range strokes {
		for _, p := range stroke {
			x := 0.5 + scale*(p[0]-(low[0]+high[0])/2)
			y := 0.5 + scale*(p[1]-(low[1]+high[1])/2)
			larger[n] = append(larger[n], []float64{x, y})
		}
	}
	return larger
}

// checkStrokes returns an error unless all points are on the pad, and there aren't too many.
func checkStrokes(strokes [][][]float64) error {
	points, length := 0, 0.0
	for _, stroke := range strokes {
		points += len(stroke)
		for k, p := range stroke {
			if len(p) != 2 || !(p[0] >= 0 && p[0] <= 1 && p[1] >= 0 && p[1] <= 1) {
				return badRequest("a point is %v, want x and y from 0 to 1", p)
			}
			before := stroke[max(0, k-1)]
			length += math.Hypot(p[0]-before[0], p[1]-before[1])
		}
	}
	if points > maxPoints || length > maxLength {
		return badRequest("found %d points on strokes %.0f times as long as the pad is wide, want at most %d and %d", points, length, maxPoints, maxLength)
	}
	return nil
}

// drawLine inks a straight line with round ends from p to q. Where its edge runs through a
// pixel, the ink is partial.
func drawLine(pad [][]float64, p, q []float64) {
	const size = 1.0 / inkSide // of a pixel
	first := func(a, b float64) int { return max(0, int((min(a, b)-penWidth/2)/size)-1) }
	last := func(a, b float64) int { return min(inkSide-1, int((max(a, b)+penWidth/2)/size)+1) }
	for y := first(p[1], q[1]); y <= last(p[1], q[1]); y++ {
		for x := first(p[0], q[0]); x <= last(p[0], q[0]); x++ {
			d := distance((float64(x)+0.5)*size, (float64(y)+0.5)*size, p, q)
			pad[y][x] = max(pad[y][x], min(1, (penWidth/2-d)/size+0.5))
		}
	}
}

// distance returns the distance of (x, y) from the nearest point of the line from p to q.
func distance(x, y float64, p, q []float64) float64 {
	dx, dy := q[0]-p[0], q[1]-p[1]
	along := 0.0 // where on the line that point is, from 0 at p to 1 at q
	if length := dx*dx + dy*dy; length > 0 {
		along = min(max(((x-p[0])*dx+(y-p[1])*dy)/length, 0), 1)
	}
	return math.Hypot(x-p[0]-along*dx, y-p[1]-along*dy)
}

// newImage returns a blank image.
func newImage() [][]float64 { return convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide) }
