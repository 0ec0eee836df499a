// Package pixels draws matrices as pixels, enlarged by whole numbers, on sheets of white paper with
// titles and labels. All sheets have the same palette: blue is positive, white is 0, red is
// negative, and a digit is dark ink.
package pixels

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"math"
	"strings"

	"convnet"
	"convnet/examples/internal/palette"
)

// The colors of a sheet. First come the values from −limit to limit, with 0 in the middle, then
// those of an image from 0 to 1. Paper, lines and inks follow.
const (
	steps  = 85 // from 0 to the limit, on either side
	zero   = steps
	shades = 78          // of an image
	blank  = 2*steps + 1 // an image's 0
)
const (
	Paper uint8 = blank + shades + iota
	Line        // around tiles
	Black       // titles
	Soft        // labels
	True        // true labels
	Wrong       // wrong predictions
)

// Distances in pixels.
const (
	Margin = 16                       // of paper around a sheet
	Gap    = 14                       // between tiles
	Head   = Margin + LineHeight + 10 // where the content of a sheet begins, below its title
)

// colors is the palette of all sheets.
var colors = func() (p color.Palette) {
	between := func(from, to string, k, n int) color.Color {
		part := float64(k) / float64(n)
		a, b := palette.RGB(from), palette.RGB(to)
		mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + part*(float64(b)-float64(a)))) }
		return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xff}
	}
	for k := range steps {
		p = append(p, between(palette.Negative, palette.Zero, k, steps))
	}
	for k := range steps + 1 {
		p = append(p, between(palette.Zero, palette.Positive, k, steps))
	}
	for k := range shades {
		p = append(p, between(palette.Paper, palette.Ink, k, shades-1))
	}
	for _, c := range []string{palette.Paper, palette.Line, palette.Text, palette.Soft, palette.Green, palette.Negative} {
		p = append(p, palette.RGB(c))
	}
	return p
}()

// NewSheet returns a sheet with a title, and room for a content of width×height pixels, whose upper
// left corner is at (Margin, Head). Below the content there is a color scale from −limit to limit,
// unless limit is empty.
func NewSheet(title string, width, height int, limit string) *image.Paletted {
	width = max(width, Width(title)+1)
	foot := 0
	if limit != "" {
		foot = Gap + LineHeight
	}
	sheet := image.NewPaletted(image.Rect(0, 0, width+2*Margin, Head+height+foot+Margin), colors)
	fill(sheet, 0, 0, sheet.Rect.Dx(), sheet.Rect.Dy(), Paper)
	bold(sheet, Margin, Margin, title, Black)
	if limit != "" {
		scale(sheet, Margin, Head+height+Gap, limit)
	}
	return sheet
}

// scale draws a color scale from −limit to limit.
func scale(sheet *image.Paletted, x, y int, limit string) {
	const height, space = TextHeight, 8
	x = Text(sheet, x, y, "−"+limit, Soft) + space
	frame(sheet, x, y, 2*steps+1, height)
	for k := range 2*steps + 1 {
		fill(sheet, x+k, y, 1, height, uint8(k))
	}
	Text(sheet, x+steps-Width("0")/2, y, "0", Soft)
	Text(sheet, x+2*steps+1+space, y, limit, Soft)
}

// fill fills a rectangle with a color.
func fill(sheet *image.Paletted, x, y, width, height int, c uint8) {
	for py := y; py < y+height; py++ {
		for px := x; px < x+width; px++ {
			sheet.SetColorIndex(px, py, c)
		}
	}
}

// frame draws a line around a rectangle, just outside of it.
func frame(sheet *image.Paletted, x, y, width, height int) {
	fill(sheet, x-1, y-1, width+2, 1, Line)
	fill(sheet, x-1, y+height, width+2, 1, Line)
	fill(sheet, x-1, y, 1, height, Line)
	fill(sheet, x+width, y, 1, height, Line)
}

// A Tile is a matrix to be drawn.
type Tile struct {
	Label string // above it
	Note  string // above it on the right
	M     [][]float64
	Limit float64 // what is drawn in full color, blue or red; 0 for an image, from 0 for paper to 1 for ink
}

// Tiles returns a tile for each matrix, all with the same limit, labeled word 0, word 1 and so on.
func Tiles(word string, limit float64, matrices [][][]float64) (tiles []Tile) {
	for k, m := range matrices {
		tiles = append(tiles, Tile{Label: fmt.Sprint(word, " ", k), M: m, Limit: limit})
	}
	return tiles
}

// Size returns how many pixels a tile takes if each entry is a square of side pixels.
func (t Tile) Size(side int) image.Point {
	return image.Pt(len(t.M[0])*side, t.head()+len(t.M)*side)
}

// head returns the height of the label.
func (t Tile) head() int {
	if t.Label == "" && t.Note == "" {
		return 0
	}
	return LineHeight
}

// Draw draws a tile with its upper left corner at (x, y), each entry a square of side pixels.
// Entries beyond the limit are drawn like the limit.
func (t Tile) Draw(sheet *image.Paletted, x, y, side int) {
	right := x + len(t.M[0])*side
	Text(sheet, x, y, t.Label, Soft)
	Text(sheet, right-Width(t.Note), y, t.Note, Soft)
	y += t.head()
	frame(sheet, x, y, right-x, len(t.M)*side)
	for r, row := range t.M {
		for c, v := range row {
			fill(sheet, x+c*side, y+r*side, side, side, shade(v, t.Limit))
		}
	}
}

// shade returns the color of a value.
func shade(v, limit float64) uint8 {
	if limit == 0 {
		return blank + uint8(math.Round(min(max(v, 0), 1)*(shades-1)))
	}
	return uint8(zero + math.Round(min(max(v/limit, -1), 1)*steps))
}

// Near reports whether two colors of a sheet mean values that are at most that many steps
// apart, on the same scale.
func Near(a, b uint8, apart float64) bool {
	scale := func(c uint8) int { // a color that is not on a scale is on its own
		switch {
		case c < blank:
			return -2
		case c < Paper:
			return -1
		}
		return int(c)
	}
	return scale(a) == scale(b) && math.Abs(float64(a)-float64(b)) <= apart
}

// A Grid is tiles of one size in reading order.
type Grid struct {
	Tiles   []Tile
	Columns int
	Side    int // of an entry, in pixels
	Gap     int // between tiles, in pixels
}

// pitch returns the distance from one tile to the next, across and down.
func (g Grid) pitch() image.Point { return g.Tiles[0].Size(g.Side).Add(image.Pt(g.Gap, g.Gap)) }

// Size returns how many pixels the grid takes.
func (g Grid) Size() image.Point {
	rows := (len(g.Tiles) + g.Columns - 1) / g.Columns
	return image.Pt(g.Columns*g.pitch().X-g.Gap, rows*g.pitch().Y-g.Gap)
}

// Draw draws the grid with its upper left corner at (x, y).
func (g Grid) Draw(sheet *image.Paletted, x, y int) {
	for k, tile := range g.Tiles {
		tile.Draw(sheet, x+k%g.Columns*g.pitch().X, y+k/g.Columns*g.pitch().Y, g.Side)
	}
}

// Sheet returns a sheet with nothing but the grid on it.
func (g Grid) Sheet(title, limit string) *image.Paletted {
	sheet := NewSheet(title, g.Size().X, g.Size().Y, limit)
	g.Draw(sheet, Margin, Head)
	return sheet
}

// Table returns a sheet of the grid with its columns and rows numbered, and with words for what
// they are.
func (g Grid) Table(title, column, row, limit string) *image.Paletted {
	rows := (len(g.Tiles) + g.Columns - 1) / g.Columns
	left, top := Width(row)+Gap+Width(fmt.Sprint(rows-1))+8, LineHeight
	sheet := NewSheet(title, left+g.Size().X, top+g.Size().Y, limit)
	tile := g.Tiles[0].Size(g.Side)
	x, y := Margin+left, Head+top
	g.Draw(sheet, x, y)
	Text(sheet, x-8-Width(column)-Gap, Head, column, Soft)
	Text(sheet, Margin, y+(tile.Y-LineHeight)/2+4, row, Soft)
	for k := range g.Columns {
		name := fmt.Sprint(k)
		Text(sheet, x+k*g.pitch().X+(tile.X-Width(name))/2, Head, name, Soft)
	}
	for k := range rows {
		name := fmt.Sprint(k)
		Text(sheet, x-8-Width(name), y+k*g.pitch().Y+(tile.Y-LineHeight)/2+4, name, Soft)
	}
	return sheet
}

// Kernels returns filters as filter, channel, row, column, from a matrix with one filter per
// row. They share its memory.
func Kernels(filters [][]float64, channels int) [][][][]float64 {
	all := make([][][][]float64, len(filters))
	for f, filter := range filters {
		size := int(math.Sqrt(float64(len(filter) / channels)))
		for ; len(filter) > 0; filter = filter[size*size:] {
			kernel := make([][]float64, size)
			for i := range kernel {
				kernel[i] = filter[i*size:][:size]
			}
			all[f] = append(all[f], kernel)
		}
	}
	return all
}

// Range returns the smallest and the largest entry of matrices.
func Range(matrices ...[][]float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, m := range matrices {
		for _, row := range m {
			for _, v := range row {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	return low, high
}

// Limit returns the largest absolute value in matrices.
func Limit(matrices ...[][]float64) float64 {
	low, high := Range(matrices...)
	return max(-low, high)
}

// Number formats a limit.
func Number(v float64) string {
	return strings.NewReplacer("e+", "e", "+", "", "-", "−").Replace(fmt.Sprintf("%.3g", v))
}

// A Mistake is a misclassified example.
type Mistake struct {
	Image             [][]float64 // ImageSide×ImageSide, 0 for paper to 1 for ink
	Label, Prediction int
}

// Mistakes returns a sheet of misclassified examples in reading order, ten to a row, each with its
// true and its predicted label below it.
func Mistakes(title string, mistakes []Mistake) *image.Paletted {
	// The digits touch, as their own borders of paper keep them apart. So the sheet is as wide as
	// it can be without being shrunk on a page.
	const side, columns, width = 3, 10, 79
	const digit = convnet.ImageSide * side
	const top, height = LineHeight + 8, digit + LineHeight + 14
	rows := (len(mistakes) + columns - 1) / columns
	sheet := NewSheet(title, (columns-1)*width+digit, top+rows*height, "")
	label := func(x, y int, label, prediction string) {
		x = Text(sheet, x, y, label, True)
		x = Text(sheet, x+5, y, "→", Soft)
		Text(sheet, x+5, y, prediction, Wrong)
	}
	label(Margin, Head, "true label", "predicted label")
	for k, m := range mistakes {
		x, y := Margin+k%columns*width, Head+top+k/columns*height
		if k%columns == 0 {
			fill(sheet, x, y, (columns-1)*width+digit, 1, Line)
		}
		for r, row := range m.Image {
			for c, v := range row {
				if v > 0 {
					fill(sheet, x+c*side, y+r*side, side, side, shade(v, 0))
				}
			}
		}
		is, predicted := fmt.Sprint(m.Label), fmt.Sprint(m.Prediction)
		wide := Width(is) + Width("→") + Width(predicted) + 2*5
		label(x+(digit-wide)/2, y+digit+2, is, predicted)
	}
	return sheet
}

// WritePNG writes a sheet.
func WritePNG(w io.Writer, sheet *image.Paletted) error {
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	return encoder.Encode(w, sheet)
}

// WriteGIF writes sheets of one size as an endless animation. Each is shown for delay hundredths of
// a second, the last one for three seconds.
//
// To keep the file small, values are drawn in only a few shades, and after the first sheet only
// what changes is written: a rectangle, with transparent pixels where nothing changes.
func WriteGIF(w io.Writer, sheets []*image.Paletted, delay int) error {
	few := append(colors[:len(colors):len(colors)], color.RGBA{})
	animation := gif.GIF{Config: image.Config{ColorModel: few, Width: sheets[0].Rect.Dx(), Height: sheets[0].Rect.Dy()}}
	for k, sheet := range sheets {
		frame := image.NewPaletted(sheet.Rect, few)
		changed := sheet.Rect
		if k > 0 {
			changed = image.Rectangle{}
		}
		for y := range sheet.Rect.Dy() {
			for x := range sheet.Rect.Dx() {
				c := coarse(sheet.ColorIndexAt(x, y))
				if k > 0 && c == coarse(sheets[k-1].ColorIndexAt(x, y)) {
					c = uint8(len(colors)) // transparent
				} else {
					changed = changed.Union(image.Rect(x, y, x+1, y+1))
				}
				frame.SetColorIndex(x, y, c)
			}
		}
		if changed.Empty() {
			changed = image.Rect(0, 0, 1, 1) // a GIF needs at least a pixel
		}
		animation.Image = append(animation.Image, frame.SubImage(changed).(*image.Paletted))
		animation.Delay = append(animation.Delay, delay)
	}
	animation.Delay[len(sheets)-1] = 300
	return gif.EncodeAll(w, &animation)
}

// coarse rounds the color of a value from −limit to limit to one of a few.
func coarse(c uint8) uint8 {
	const width = 5 // shades that become one
	if c >= blank {
		return c
	}
	return uint8(zero + width*int(math.Round(float64(int(c)-zero)/width)))
}
