// Package chart draws charts, and other pictures with words in them, as SVG: the standard
// library has no font, but a browser does. plot.go has whole charts, axes.go and svg.go
// their parts.
package chart

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"convnet/examples/internal/palette"
)

// A Curve joins the points (X[k], Y[k]).
type Curve struct {
	Name string // shown in the legend, where there is more than one curve
	X, Y []float64
}

// A Span is a labeled part of the x axis.
type Span struct {
	From, To float64
	Name     string
	Notes    []string // below the name
}

// A Plot is a set of curves. Its y axis includes 0.
type Plot struct {
	Title  string
	XLabel string
	YLabel string
	Curves []Curve
	Spans  []Span
	Top    float64 // of the y axis, cutting off anything above; 0: as high as the curves
}

// The size of a plot and of the margins around its axes, in pixels.
const (
	width, height            = 720, 400
	left, right, top, bottom = 70, 24, 56, 56

	leastSpan = 84 // the width that the words of a span need

	// With more curves than mostAbove, their names are beside the axes, at the curves' ends,
	// and the picture is as wide as a page shows it and higher.
	mostAbove     = 4
	widest        = 830
	beside, below = 232, 180
	line          = 18 // from one name to the next
)

// WriteSVG draws the plot.
func (p Plot) WriteSVG(w io.Writer) error {
	width, height := width, height
	right := right
	if len(p.Curves) > mostAbove {
		width, height, right = widest, height+below, right+beside
	}
	low, high := p.bounds()
	xTicks, yTicks := ticks(low[0], high[0], 10, true), ticks(low[1], high[1], 7, false)
	high[1] = yTicks[len(yTicks)-1]
	s := New(width, height, p.Title)
	a := Axes{
		Picture: s, Left: left, Right: float64(width - right), Top: top, Bottom: float64(height - bottom),
		X0: low[0], X1: high[0], Y0: low[1], Y1: high[1],
	}
	s.Text(left, 26, "start", Title, p.Title)
	for _, y := range yTicks {
		a.YTick(y, number(y))
	}
	for _, x := range xTicks {
		a.XTick(x, Plain, number(x))
	}
	for k, span := range p.Spans {
		if k > 0 && len(p.Spans) <= 50 {
			s.Line(a.X(span.From), top, a.X(span.From), a.Bottom, Dashed)
		}
		if from, to := a.X(span.From), a.X(span.To); to-from >= leastSpan {
			s.Text((from+to)/2, top+14, "middle", Plain, span.Name)
			for line, note := range span.Notes {
				s.Text((from+to)/2, float64(top+30+15*line), "middle", Small, note)
			}
		}
	}
	a.Frame()
	s.Text((left+a.Right)/2, float64(height)-14, "middle", Plain, p.XLabel)
	s.Upward(20, (top+a.Bottom)/2, p.YLabel)
	if p.Top > 0 {
		a.Clip()
	}
	ends := map[int]float64{}                     // the y where each curve ends, in pixels
	for k, c := range slices.Backward(p.Curves) { // the first on top
		s.Curve(a.Points(c.X, c.Y), ink(k))
		if n := len(c.Y); n > 0 {
			ends[k] = a.Y(c.Y[n-1])
		}
	}
	if p.Top > 0 {
		s.CloseWindow()
	}
	if len(p.Curves) > mostAbove {
		p.namesBeside(s, a.Right, a.Bottom, ends)
	} else if len(p.Curves) > 1 {
		for k, c := range p.Curves {
			s.Colored(a.Right, float64(26+line*k), "end", ink(k), c.Name)
		}
	}
	_, err := s.WriteTo(w)
	return err
}

// namesBeside writes each curve's name at the height where the curve ends, moved as far as
// needed to keep the names apart and above the bottom.
func (p Plot) namesBeside(s *Picture, right, bottom float64, ends map[int]float64) {
	order := slices.SortedFunc(maps.Keys(ends), func(a, b int) int { return cmp.Or(cmp.Compare(ends[a], ends[b]), a-b) })
	above := math.Inf(-1)
	for i, k := range order {
		y := max(above+line, min(ends[k], bottom-float64(line*(len(order)-1-i))))
		s.Colored(right+12, y+4, "start", ink(k), p.Curves[k].Name)
		above = y
	}
}

// ink returns the color of the k-th curve.
func ink(k int) string { return Inks[k%len(Inks)] }

// bounds returns the corners of the axes, (x, y), so that all curves, all spans and y = 0
// are within.
func (p Plot) bounds() (low, high [2]float64) {
	low, high = [2]float64{math.Inf(1), 0}, [2]float64{math.Inf(-1), 0}
	for _, c := range p.Curves {
		for k := range c.X {
			low[0], high[0] = min(low[0], c.X[k]), max(high[0], c.X[k])
			low[1], high[1] = min(low[1], c.Y[k]), max(high[1], c.Y[k])
		}
	}
	for _, span := range p.Spans {
		low[0], high[0] = min(low[0], span.From), max(high[0], span.To)
	}
	if p.Top > 0 {
		high[1] = p.Top
	}
	if !(low[0] < high[0]) { // no point, or only one
		low[0], high[0] = 0, max(1, 2*high[0])
	}
	if !(low[1] < high[1]) {
		high[1] = 1
	}
	return low, high
}

// ticks returns about as many round numbers as most says: integers from low to high if within, for
// the x axis, which counts; otherwise from low to high or just above.
func ticks(low, high float64, most int, within bool) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/float64(most))))
	for _, factor := range []float64{1, 2, 5, 10} {
		if (high-low)/(factor*step) <= float64(most) {
			step *= factor
			break
		}
	}
	if within {
		step = max(step, 1)
	}
	const dust = 1e-9
	first, last := math.Ceil(low/step-dust), math.Floor(high/step+dust)
	if !within && last < high/step-dust {
		last++
	}
	var at []float64
	for k := first; k <= last; k++ {
		at = append(at, k*step+0) // −0 + 0 is 0
	}
	return at
}

// number formats a tick without its rounding error.
func number(v float64) string { return fmt.Sprintf("%.6g", v) }

// Confusion draws a confusion matrix: counts[label][prediction], a row for each true label
// and a column for each predicted label. A cell is tinted by its share of the row: blue on
// the diagonal, red off it.
func Confusion(w io.Writer, title string, counts [][]int) error {
	const cell, left, top = 46, 74, 92
	side := float64(cell * len(counts))
	s := New(left+int(side)+110, top+int(side)+24, title)
	s.Text(left, 28, "start", Title, title)
	s.Text(left+side/2, top-34, "middle", Plain, "predicted label")
	s.Text(left+side+56, top-12, "middle", Plain, "correct")
	s.Upward(24, top+side/2, "true label")
	for label, row := range counts {
		total := 0
		for _, count := range row {
			total += count
		}
		across, down := float64(left+label*cell+cell/2), float64(top+label*cell)
		s.Text(across, top-12, "middle", Plain, fmt.Sprint(label))
		s.Text(left-12, down+cell/2+5, "end", Plain, fmt.Sprint(label))
		for prediction, count := range row {
			ink, tint := palette.Negative, 0.0
			if total > 0 {
				tint = min(0.7, 17.5*float64(count)/float64(total)) // full at 4% of a row
			}
			if label == prediction {
				ink, tint = palette.Positive, 0.18
			}
			x := float64(left + prediction*cell)
			s.Rect(x, down, cell, cell, ink, tint, palette.Line)
			if count > 0 {
				s.Text(x+cell/2, down+cell/2+5, "middle", Plain, fmt.Sprint(count))
			}
		}
		if total > 0 {
			s.Text(left+side+56, down+cell/2+5, "middle", Plain, fmt.Sprintf("%.1f%%", 100*float64(row[label])/float64(total)))
		}
	}
	_, err := s.WriteTo(w)
	return err
}
