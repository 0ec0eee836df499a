package main

import (
	"math"
	"net/http"

	"convnet"
	"convnet/examples/internal/scan"
)

// A subject is what the network shall see: strokes of a pen, or a test digit.
type subject struct {
	Strokes [][][2]float64 `json:"strokes"` // of points, x and y, from 0 to 1 across the pad
	Digit   *int           `json:"digit"`   // number of a test digit, from 0
	Session string         `json:"session"` // of a training whose network shall see it, or none
}

// Of the pad that the page has for drawing.
const (
	pad       = 140  // rows and columns of its ink
	pen       = 0.04 // half the width of a stroke; the pad is 1 wide
	maxPoints = 2000
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
	points := 0
	for _, stroke := range of.Strokes {
		points += len(stroke)
		for _, p := range stroke {
			if !(p[0] >= 0 && p[0] <= 1 && p[1] >= 0 && p[1] <= 1) {
				return bad("found a point at %v, want 0 to 1", p)
			}
		}
	}
	if points > maxPoints {
		return bad("found %d points, want at most %d", points, maxPoints)
	}
	ink := convnet.NewMatrix(pad, pad)
	for _, stroke := range of.Strokes {
		for k, p := range stroke {
			line(ink, stroke[max(0, k-1)], p)
		}
	}
	scan.Fit(digit, ink)
	return nil
}

// line inks a straight line with round ends from p to q. Where its edge runs
// through a pixel the ink is partial.
func line(ink [][]float64, p, q [2]float64) {
	const size = 1.0 / pad // of a pixel
	first := func(a, b float64) int { return max(0, int((min(a, b)-pen)/size)-1) }
	last := func(a, b float64) int { return min(pad-1, int((max(a, b)+pen)/size)+1) }
	for y := first(p[1], q[1]); y <= last(p[1], q[1]); y++ {
		for x := first(p[0], q[0]); x <= last(p[0], q[0]); x++ {
			d := distance([2]float64{(float64(x) + 0.5) * size, (float64(y) + 0.5) * size}, p, q)
			ink[y][x] = max(ink[y][x], min(1, (pen-d)/size+0.5))
		}
	}
}

// distance returns how far c is from the nearest point of the line from p to q.
func distance(c, p, q [2]float64) float64 {
	dx, dy := q[0]-p[0], q[1]-p[1]
	along := 0.0 // of the way from p to q
	if length := dx*dx + dy*dy; length > 0 {
		along = min(max(((c[0]-p[0])*dx+(c[1]-p[1])*dy)/length, 0), 1)
	}
	return math.Hypot(c[0]-p[0]-along*dx, c[1]-p[1]-along*dy)
}

// look has e's network look at the subject: the activations are in e.a then.
func (s *server) look(e *eye, of subject) error {
	network, err := s.networkOf(of.Session)
	if err != nil {
		return err
	}
	if err := s.load(e.digit, of); err != nil {
		return err
	}
	network.Predict(e.a, e.digit)
	return nil
}

// A view is what the network sees, layer by layer, rounded for a picture.
type view struct {
	Image         [][]float64   `json:"image"`  // 28×28
	ReLU1         [][][]float64 `json:"relu1"`  // 10×24×24
	Pool1         [][][]float64 `json:"pool1"`  // 10×12×12
	ReLU2         [][][]float64 `json:"relu2"`  // 20×8×8
	Pool2         [][][]float64 `json:"pool2"`  // 20×4×4
	ReLU3         []float64     `json:"hidden"` // 100
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
	err := s.with(r.Context(), func(e *eye) error {
		if err := s.look(e, of); err != nil {
			return err
		}
		a := e.a
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

// patch is the side of the square that hides a part of the digit.
const patch = 7

// occlusion answers with the probability of the network's answer where a grey
// square, 7×7, hides the digit around each of its 28×28 pixels (Zeiler and
// Fergus, 2014). Where it is low, the answer depends on what is there.
func (s *server) occlusion(r *http.Request) (any, error) {
	var of subject
	if err := decode(r, &of); err != nil {
		return nil, err
	}
	var found struct {
		Answer        int         `json:"answer"`
		Patch         int         `json:"patch"`
		Whole         float64     `json:"whole"` // the probability of the whole digit
		Probabilities [][]float64 `json:"probabilities"`
	}
	err := s.with(r.Context(), func(e *eye) error {
		network, err := s.networkOf(of.Session)
		if err != nil {
			return err
		}
		if err := s.load(e.digit, of); err != nil {
			return err
		}
		found.Answer, found.Patch = network.Predict(e.a, e.digit), patch
		found.Whole = e.a.Probabilities[found.Answer]
		found.Probabilities = convnet.NewMatrix(28, 28)
		hidden := convnet.NewMatrix(28, 28)
		for y, row := range found.Probabilities {
			for x := range row {
				hide(hidden, e.digit, y, x)
				network.Forward(e.a, hidden)
				row[x] = e.a.Probabilities[found.Answer]
			}
		}
		return nil
	})
	return found, err
}

// hide sets hidden to digit behind a grey square around a pixel.
func hide(hidden, digit [][]float64, y, x int) {
	for i, row := range digit {
		copy(hidden[i], row)
		if i < y-patch/2 || i > y+patch/2 {
			continue
		}
		for j := max(0, x-patch/2); j <= min(27, x+patch/2); j++ {
			hidden[i][j] = 0.5
		}
	}
}
