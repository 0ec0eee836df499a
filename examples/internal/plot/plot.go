// Package plot draws curves and tables with words in them as SVG: the standard
// library has no font, a browser has.
package plot

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// A Curve joins the points (X[k], Y[k]).
type Curve struct {
	Name string // shown in the legend, where there is more than one curve
	X, Y []float64
}

// A Span is a labelled part of the x axis.
type Span struct {
	From, To float64
	Name     string
	Note     string // a second line
}

// A Plot is curves on axes that begin at 0 or below.
type Plot struct {
	Title  string
	XLabel string
	YLabel string
	Curves []Curve
	Spans  []Span
}

// The size of a plot and of the margins around its axes, in pixels.
const (
	width, height            = 720, 400
	left, right, top, bottom = 70, 24, 56, 56
)

var inks = []string{"#0b57a4", "#b3261e", "#1b6e3c", "#7a4a00"}

const style = `<style>text{font-family:system-ui,sans-serif;font-size:13px;fill:#1f2328}.title{font-size:16px;font-weight:600}.small{font-size:12px;fill:#57606a}.grid{stroke:#d8dee4}.axis{stroke:#57606a}.dashed{stroke:#57606a;stroke-dasharray:2 4}</style>`

// WriteSVG draws the plot.
func (p Plot) WriteSVG(w io.Writer) error {
	low, high := p.bounds()
	xTicks, yTicks := ticks(low[0], high[0], 10, true), ticks(low[1], high[1], 7, false)
	high[1] = yTicks[len(yTicks)-1]
	atX := func(x float64) float64 { return left + (x-low[0])/(high[0]-low[0])*(width-left-right) }
	atY := func(y float64) float64 { return height - bottom - (y-low[1])/(high[1]-low[1])*(height-top-bottom) }

	var s strings.Builder
	open(&s, width, height, p.Title)
	text(&s, left, 26, "start", "title", p.Title)
	for _, y := range yTicks {
		line(&s, left, atY(y), width-right, atY(y), "grid")
		text(&s, left-8, atY(y)+4, "end", "", number(y))
	}
	for _, x := range xTicks {
		line(&s, atX(x), height-bottom, atX(x), height-bottom+5, "axis")
		text(&s, atX(x), height-bottom+20, "middle", "", number(x))
	}
	for k, span := range p.Spans {
		if k > 0 {
			line(&s, atX(span.From), top, atX(span.From), height-bottom, "dashed")
		}
		middle := (atX(span.From) + atX(span.To)) / 2
		text(&s, middle, top+14, "middle", "", span.Name)
		text(&s, middle, top+30, "middle", "small", span.Note)
	}
	line(&s, left, height-bottom, width-right, height-bottom, "axis")
	line(&s, left, top, left, height-bottom, "axis")
	text(&s, (left+width-right)/2, height-14, "middle", "", p.XLabel)
	fmt.Fprintf(&s, `<text transform="translate(20 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (top+height-bottom)/2, html.EscapeString(p.YLabel))
	for k, c := range p.Curves {
		ink := inks[k%len(inks)]
		var points []string
		for i := range c.X {
			points = append(points, fmt.Sprintf("%.1f,%.1f", atX(c.X[i]), atY(c.Y[i])))
		}
		fmt.Fprintf(&s, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2" stroke-linejoin="round"/>`+"\n", strings.Join(points, " "), ink)
		for i := range c.X {
			fmt.Fprintf(&s, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`+"\n", atX(c.X[i]), atY(c.Y[i]), ink)
		}
		if len(p.Curves) > 1 {
			fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="end" style="fill:%s">%s</text>`+"\n", width-right, 26+18*k, ink, html.EscapeString(c.Name))
		}
	}
	s.WriteString("</svg>\n")
	_, err := io.WriteString(w, s.String())
	return err
}

// bounds returns the corners of the axes, (x, y): those of the curves and
// spans, with 0 among the ys.
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
	if !(low[0] < high[0]) { // no point, or only one
		low[0], high[0] = 0, max(1, 2*high[0])
	}
	if !(low[1] < high[1]) {
		high[1] = 1
	}
	return low, high
}

// ticks returns round numbers, at most about most of them, from the first at or
// above low to the last at or below high, or, where not within, the next above.
func ticks(low, high float64, most int, within bool) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/float64(most))))
	for _, factor := range []float64{1, 2, 5, 10} {
		if (high-low)/(factor*step) <= float64(most) {
			step *= factor
			break
		}
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

// number prints a tick without the dust of its binary fraction.
func number(v float64) string { return fmt.Sprintf("%.6g", v) }

// Confusion draws how often each digit (a row) was read as which (a column).
// A cell is tinted by its part of the row: blue on the diagonal, red off it.
func Confusion(w io.Writer, title string, counts [10][10]int) error {
	const cell, left, top = 46, 74, 92
	const side = 10 * cell
	var s strings.Builder
	open(&s, left+side+110, top+side+24, title)
	text(&s, left, 28, "start", "title", title)
	text(&s, left+side/2, top-34, "middle", "", "read as")
	text(&s, left+side+56, top-12, "middle", "", "right")
	fmt.Fprintf(&s, `<text transform="translate(24 %d) rotate(-90)" text-anchor="middle">meant</text>`+"\n", top+side/2)
	for meant, row := range counts {
		total := 0
		for _, count := range row {
			total += count
		}
		text(&s, left+float64(meant)*cell+cell/2, top-12, "middle", "", fmt.Sprint(meant))
		y := float64(top + meant*cell)
		text(&s, left-12, y+cell/2+5, "end", "", fmt.Sprint(meant))
		for read, count := range row {
			x := float64(left + read*cell)
			part, tint := 0.0, "#b3261e"
			if total > 0 {
				part = min(1, 25*float64(count)/float64(total)) // 4% of a row is full red
			}
			if meant == read {
				part, tint = 0.25, "#0b57a4"
			}
			fmt.Fprintf(&s, `<rect x="%.0f" y="%.0f" width="%d" height="%d" fill="%s" fill-opacity="%.3f" stroke="#d8dee4"/>`+"\n", x, y, cell, cell, tint, 0.7*part)
			if count > 0 {
				text(&s, x+cell/2, y+cell/2+5, "middle", "", fmt.Sprint(count))
			}
		}
		if total > 0 {
			text(&s, left+side+56, y+cell/2+5, "middle", "", fmt.Sprintf("%.1f%%", 100*float64(row[meant])/float64(total)))
		}
	}
	s.WriteString("</svg>\n")
	_, err := io.WriteString(w, s.String())
	return err
}

// open begins a picture on white paper, so that it reads on any page.
func open(s *strings.Builder, width, height int, title string) {
	fmt.Fprintf(s, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n%s\n", width, height, width, height, html.EscapeString(title), style)
	fmt.Fprintf(s, `<rect width="%d" height="%d" rx="8" fill="#ffffff"/>`+"\n", width, height)
}

func line(s *strings.Builder, x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(s, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

func text(s *strings.Builder, x, y float64, anchor, class, words string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`+"\n", x, y, anchor, class, html.EscapeString(words))
}
