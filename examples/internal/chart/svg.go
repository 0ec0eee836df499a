package chart

import (
	"fmt"
	"html"
	"io"
	"strings"

	"convnet/examples/internal/palette"
)

// Classes of text and lines.
const (
	Plain  = ""       // text
	Title  = "title"  // text
	Small  = "small"  // text
	Grid   = "grid"   // lines
	Axis   = "axis"   // lines
	Dashed = "dashed" // lines
)

// Inks are the colors of curves.
var Inks = []string{
	palette.Positive, palette.Negative, palette.Green, "#7a4a00", "#6f3fa8", "#007a87", "#b0257f", palette.Soft, "#8a6d00", palette.Text, "#d9480f",
}

const style = `<style>
text{font-family:system-ui,sans-serif;font-size:13px;fill:` + palette.Text + `}
.title{font-size:16px;font-weight:600}
.small{font-size:12px;fill:` + palette.Soft + `}
.grid{stroke:` + palette.Line + `}
.axis{stroke:` + palette.Soft + `}
.dashed{stroke:` + palette.Soft + `;stroke-dasharray:2 4}
</style>
`

// A Picture is an SVG picture that is being drawn. Coordinates are pixels from the upper left
// corner.
type Picture struct{ text strings.Builder }

// New returns a picture on a white background, so that it is legible on any page.
func New(width, height int, title string) *Picture {
	p := &Picture{}
	p.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">`,
		width, height, width, height, html.EscapeString(title))
	p.text.WriteString(style)
	p.add(`<rect width="%d" height="%d" rx="8" fill="%s"/>`, width, height, palette.Paper)
	return p
}

func (p *Picture) add(format string, args ...any) {
	fmt.Fprintf(&p.text, format+"\n", args...)
}

// WriteTo completes the picture and writes it. Call it once.
func (p *Picture) WriteTo(w io.Writer) (int64, error) {
	p.add("</svg>")
	n, err := io.WriteString(w, p.text.String())
	return int64(n), err
}

// Text writes words with their anchor (start, middle or end) at (x, y).
func (p *Picture) Text(x, y float64, anchor, class, words string) {
	if words != "" {
		p.add(`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, html.EscapeString(words))
	}
}

// Upward writes words from bottom to top, centered on (x, y).
func (p *Picture) Upward(x, y float64, words string) {
	p.add(`<text transform="translate(%.1f %.1f) rotate(-90)" text-anchor="middle">%s</text>`, x, y, html.EscapeString(words))
}

// Colored writes words like Text, but in a color of their own.
func (p *Picture) Colored(x, y float64, anchor, ink, words string) {
	p.add(`<text x="%.1f" y="%.1f" text-anchor="%s" style="fill:%s">%s</text>`, x, y, anchor, ink, html.EscapeString(words))
}

// Line draws a line.
func (p *Picture) Line(x1, y1, x2, y2 float64, class string) {
	p.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

// Curve connects points and marks each.
func (p *Picture) Curve(points [][2]float64, ink string) {
	p.Path(points, ink)
	for _, at := range points {
		p.add(`<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`, at[0], at[1], ink)
	}
}

// Path connects points.
func (p *Picture) Path(points [][2]float64, ink string) {
	var list []string
	for _, at := range points {
		list = append(list, fmt.Sprintf("%.1f,%.1f", at[0], at[1]))
	}
	p.add(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2" stroke-linejoin="round"/>`, strings.Join(list, " "), ink)
}

// window clips everything drawn until CloseWindow to a part of the picture, give or take a
// hair's breadth.
func (p *Picture) window(x, y, width, height float64) {
	const hair = 3 // a curve and its marks reach that far around its points
	x, y, width, height = x-hair, y-hair, width+2*hair, height+2*hair
	p.add(`<svg x="%.1f" y="%.1f" width="%.1f" height="%.1f" viewBox="%.1f %.1f %.1f %.1f">`, x, y, width, height, x, y, width, height)
}

// CloseWindow ends the clipping that Axes.Clip began.
func (p *Picture) CloseWindow() { p.add("</svg>") }

// Rect draws a rectangle, filled with a color of the given opacity, 0 to 1.
func (p *Picture) Rect(x, y, width, height float64, ink string, opacity float64, stroke string) {
	p.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" fill-opacity="%.3f" stroke="%s"/>`, x, y, width, height, ink, opacity, stroke)
}
