package main

import (
	"math"
	"net/http"

	"convnet"
	"convnet/examples/internal/scan"
)

// A subject is what the network shall see: strokes of a pen, or a test digit.
type subject struct {
	Strokes [][][]float64 `json:"strokes"` // of points, x and y, from 0 to 1 across the pad
	Digit   *int          `json:"digit"`   // number of a test digit, from 0
	Session string        `json:"session"` // of a training whose network shall see it, or none
}

// The pad on which the page has one draw is 1 wide and 1 high.
const (
	pixels    = 140  // rows and columns of its ink
	pen       = 0.08 // the width of a stroke
	maxPoints = 2000
	maxLength = 200 // of all strokes
)

// load sets digit to the subject.
func (s *server) load(digit [][]float64, of subject) error {
	switch {
	case of.Digit != nil && of.Strokes != nil:
		return bad("found both a digit and strokes, want one of them")
	case of.Digit != nil:
		if *of.Digit < 0 || *of.Digit >= len(s.test) {
			return bad("found the test digit %d, want 0 to %d", *of.Digit, len(s.test)-1)
		}
		for y, row := range s.test[*of.Digit].Image {
			copy(digit[y], row)
		}
		return nil
	}
	if err := check(of.Strokes); err != nil {
		return err
	}
	ink := convnet.NewMatrix(pixels, pixels)
	for _, stroke := range of.Strokes {
		for k, p := range stroke {
			line(ink, stroke[max(0, k-1)], p)
		}
	}
	scan.Fit(digit, ink)
	return nil
}

// check returns an error unless all points are on the pad, and not too many.
func check(strokes [][][]float64) error {
	points, length := 0, 0.0
	for _, stroke := range strokes {
		points += len(stroke)
		for k, p := range stroke {
			if len(p) != 2 || !(p[0] >= 0 && p[0] <= 1 && p[1] >= 0 && p[1] <= 1) {
				return bad("found the point %v, want x and y from 0 to 1", p)
			}
			before := stroke[max(0, k-1)]
			length += math.Hypot(p[0]-before[0], p[1]-before[1])
		}
	}
	if points > maxPoints || length > maxLength {
		return bad("found %d points and strokes %.0f times as long as the pad is wide, want at most %d and %d", points, length, maxPoints, maxLength)
	}
	return nil
}

// line inks a straight line with round ends from p to q. Where its edge runs
// through a pixel the ink is partial.
func line(ink [][]float64, p, q []float64) {
	const size = 1.0 / pixels // of a pixel
	first := func(a, b float64) int { return max(0, int((min(a, b)-pen/2)/size)-1) }
	last := func(a, b float64) int { return min(pixels-1, int((max(a, b)+pen/2)/size)+1) }
	for y := first(p[1], q[1]); y <= last(p[1], q[1]); y++ {
		for x := first(p[0], q[0]); x <= last(p[0], q[0]); x++ {
			d := distance((float64(x)+0.5)*size, (float64(y)+0.5)*size, p, q)
			ink[y][x] = max(ink[y][x], min(1, (pen/2-d)/size+0.5))
		}
	}
}

// distance returns how far (x, y) is from the nearest point of the line from p to q.
func distance(x, y float64, p, q []float64) float64 {
	dx, dy := q[0]-p[0], q[1]-p[1]
	along := 0.0 // of the way from p to q
	if length := dx*dx + dy*dy; length > 0 {
		along = min(max(((x-p[0])*dx+(y-p[1])*dy)/length, 0), 1)
	}
	return math.Hypot(x-p[0]-along*dx, y-p[1]-along*dy)
}

// look has the subject's network look at it, and returns the network: what it
// sees is in d then.
func (s *server) look(d *desk, of subject) (*convnet.Network, error) {
	network, err := s.networkOf(of.Session)
	if err != nil {
		return nil, err
	}
	if err := s.load(d.digit, of); err != nil {
		return nil, err
	}
	network.Predict(d.a, d.digit)
	return network, nil
}

// A view is what the network sees, layer by layer, rounded for a picture.
type view struct {
	Image         [][]float64   `json:"image"` // 28×28
	ReLU1         [][][]float64 `json:"relu1"` // 10×24×24
	Pool1         [][][]float64 `json:"pool1"` // 10×12×12
	ReLU2         [][][]float64 `json:"relu2"` // 20×8×8
	Pool2         [][][]float64 `json:"pool2"` // 20×4×4
	ReLU3         []float64     `json:"relu3"` // 100
	Probabilities []float64     `json:"probabilities"`
	Answer        int           `json:"answer"`
	Label         *int          `json:"label"` // of a test digit
}

// see answers with a view of the subject.
func (s *server) see(r *http.Request) (any, error) {
	var of subject
	if err := decode(r, &of); err != nil {
		return nil, err
	}
	var v view
	err := s.borrow(r.Context(), func(d *desk) error {
		if _, err := s.look(d, of); err != nil {
			return err
		}
		a := d.a
		v = view{
			Image: rounded(a.Image)[0],
			ReLU1: rounded(a.ReLU1), Pool1: rounded(a.Pool1),
			ReLU2: rounded(a.ReLU2), Pool2: rounded(a.Pool2),
			ReLU3:         rounded([][][]float64{{a.ReLU3}})[0][0],
			Probabilities: rounded([][][]float64{{a.Probabilities}})[0][0],
			Answer:        a.Answer(),
		}
		return nil
	})
	if of.Digit != nil && err == nil {
		v.Label = &s.test[*of.Digit].Label
	}
	return v, err
}

// rounded returns a copy with four decimals, enough for shades and bars.
func rounded(maps [][][]float64) [][][]float64 {
	to := convnet.NewMaps(len(maps), len(maps[0]), len(maps[0][0]))
	for c, m := range maps {
		for y, row := range m {
			for x, v := range row {
				to[c][y][x] = math.Round(v*1e4) / 1e4
			}
		}
	}
	return to
}

// patch is the side of the square that covers a part of the digit.
const patch = 7

// An occluded digit tells how probable the answer to it remains with a part of it
// covered.
type occluded struct {
	Image   [][]float64 `json:"image"` // 28×28
	Answer  int         `json:"answer"`
	Patch   int         `json:"patch"`
	Whole   float64     `json:"whole"`   // the probability with nothing covered
	Covered [][]float64 `json:"covered"` // 28×28: with the square around this pixel
}

// occlusion answers with what becomes of the answer's probability while a gray
// square, 7×7, slides over the digit (Zeiler and Fergus, 2014). Where it is low,
// the answer depends on what is there.
func (s *server) occlusion(r *http.Request) (any, error) {
	var of subject
	if err := decode(r, &of); err != nil {
		return nil, err
	}
	var found occluded
	err := s.borrow(r.Context(), func(d *desk) error {
		network, err := s.look(d, of)
		if err != nil {
			return err
		}
		answer := d.a.Answer()
		found = occluded{
			Image: rounded([][][]float64{d.digit})[0], Answer: answer, Patch: patch,
			Whole: d.a.Probabilities[answer], Covered: convnet.NewMatrix(28, 28),
		}
		covered := convnet.NewMatrix(28, 28)
		for y, row := range found.Covered {
			for x := range row {
				cover(covered, d.digit, y, x)
				network.Forward(d.a, covered)
				row[x] = d.a.Probabilities[answer]
			}
		}
		return nil
	})
	return found, err
}

// cover sets covered to digit with a gray square around a pixel.
func cover(covered, digit [][]float64, y, x int) {
	for i, row := range digit {
		copy(covered[i], row)
		if i < y-patch/2 || i > y+patch/2 {
			continue
		}
		for j := max(0, x-patch/2); j <= min(len(row)-1, x+patch/2); j++ {
			covered[i][j] = 0.5
		}
	}
}
