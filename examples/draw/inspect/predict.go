package inspect

import (
	"context"
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

// forward runs the input's network on the input, and returns the network. The activations
// are in w.a then.
func (s *Inspector) forward(w *workspace, in input) (*convnet.Network, error) {
	network, err := s.networkOf(in.Session)
	if err != nil {
		return nil, err
	}
	if err := s.load(w.image, in); err != nil {
		return nil, err
	}
	if err := s.checkLoss(in); err != nil {
		return nil, err
	}
	w.label, w.losses = s.labelOf(in), w.losses[:0]
	if in.Steps > 0 {
		if w.label == nil {
			return nil, s.missingLabel()
		}
		network = w.takeSteps(network, in.Steps, in.Rate)
	}
	network.Predict(w.a, w.image)
	if w.label != nil {
		w.losses = append(w.losses, convnet.CrossEntropy(w.a.Logits, *w.label))
	}
	if in.Steps > 0 {
		if err := w.checkSteps(network, in.Rate); err != nil {
			return nil, err
		}
	}
	return network, nil
}

// A prediction is what a network makes of an input: its activations, rounded for pictures,
// and the class it predicts.
type prediction struct {
	Image         [][]float64   `json:"image"`
	ReLU1         [][][]float64 `json:"relu1"`
	Pool1         [][][]float64 `json:"pool1"`
	ReLU2         [][][]float64 `json:"relu2"`
	Pool2         [][][]float64 `json:"pool2"`
	ReLU3         []float64     `json:"relu3"`
	Probabilities []float64     `json:"probabilities"`
	Prediction    int           `json:"prediction"`
	Label         *int          `json:"label"` // of a test digit, or null
	Loss          *float64      `json:"loss"`  // for the label chosen, or else for the true label, or null
}

// predict returns the prediction for an input.
func (s *Inspector) predict(ctx context.Context, body []byte) (any, error) {
	var in input
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	var p prediction
	err := s.withWorkspace(ctx, func(w *workspace) error {
		if _, err := s.forward(w, in); err != nil {
			return err
		}
		a := w.a
		p = prediction{
			Image: rounded(a.Image)[0],
			ReLU1: rounded(a.ReLU1), Pool1: rounded(a.Pool1),
			ReLU2: rounded(a.ReLU2), Pool2: rounded(a.Pool2),
			ReLU3:         rounded([][][]float64{{a.ReLU3}})[0][0],
			Probabilities: roundedTo(6, [][][]float64{{a.Probabilities}})[0][0],
			Prediction:    a.Prediction(),
		}
		if w.label != nil {
			loss := w.losses[in.Steps] // w serves others while p is written
			p.Loss = &loss
		}
		return nil
	})
	if in.Digit != nil && err == nil {
		p.Label = &s.test[*in.Digit].Label
	}
	return p, err
}

// rounded returns a copy with four decimals, enough for shades.
func rounded(maps [][][]float64) [][][]float64 { return roundedTo(4, maps) }

// roundedTo returns a copy with so many decimals.
func roundedTo(decimals int, maps [][][]float64) [][][]float64 {
	unit := math.Pow10(decimals)
	to := convnet.NewVolume(len(maps), len(maps[0]), len(maps[0][0]))
	for c, m := range maps {
		for y, row := range m {
			for x, v := range row {
				to[c][y][x] = math.Round(v*unit) / unit
			}
		}
	}
	return to
}

// patch is the side of the square that covers a part of the image.
const patch = 7

// An occlusion is how probable the predicted class remains with a part of the image covered.
type occlusion struct {
	Image       [][]float64 `json:"image"`
	Prediction  int         `json:"prediction"`
	Patch       int         `json:"patch"`
	Probability float64     `json:"probability"` // with nothing covered
	Covered     [][]float64 `json:"covered"`     // the probability with the square centered on this pixel
	Predictions [][]int     `json:"predictions"` // the class predicted then
}

// occlude returns the occlusion of an input: a gray square slides over the image
// (Zeiler and Fergus, 2014). Where the probability is low, the prediction depends on what is
// there.
func (s *Inspector) occlude(ctx context.Context, body []byte) (any, error) {
	var in input
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	var o occlusion
	err := s.withWorkspace(ctx, func(w *workspace) error {
		network, err := s.forward(w, in)
		if err != nil {
			return err
		}
		if blank(w.image) {
			return badRequest("nothing is drawn: draw a digit, or choose a test digit")
		}
		class := w.a.Prediction()
		o = occlusion{
			Image: rounded([][][]float64{w.image})[0], Prediction: class, Patch: patch,
			Probability: w.a.Probabilities[class], Covered: newImage(), Predictions: make([][]int, convnet.ImageSide),
		}
		covered := newImage()
		for y, row := range o.Covered {
			o.Predictions[y] = make([]int, len(row))
			for x := range row {
				cover(covered, w.image, y, x)
				network.Forward(w.a, covered)
				row[x], o.Predictions[y][x] = w.a.Probabilities[class], w.a.Prediction()
			}
		}
		return nil
	})
	return o, err
}

// blank reports whether nothing is drawn on an image.
func blank(image [][]float64) bool {
	return !slices.ContainsFunc(slices.Concat(image...), func(v float64) bool { return v != 0 })
}

// newImage returns a blank image.
func newImage() [][]float64 { return convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide) }

// cover sets covered to image with a gray square centered on a pixel.
func cover(covered, image [][]float64, y, x int) {
	for i, row := range image {
		copy(covered[i], row)
		if i < y-patch/2 || i > y+patch/2 {
			continue
		}
		for j := max(0, x-patch/2); j <= min(len(row)-1, x+patch/2); j++ {
			covered[i][j] = 0.5
		}
	}
}
