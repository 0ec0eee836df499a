// Package pixels draws matrices as pixels, enlarged by whole numbers, on sheets with one
// fixed palette: grays, a paper color that stands out from all of them, and two inks for
// labels.
package pixels

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"math"

	"convnet"
)

// The palette: index 0 to grays−1 is black to white.
const (
	grays         = 253
	Paper   uint8 = 253
	True    uint8 = 254 // ink for true labels
	Wrong   uint8 = 255 // ink for wrong predictions
	Margin        = 8   // pixels of paper around and between tiles
	noteInk       = 60  // a dark gray
)

var palette = func() color.Palette {
	var p color.Palette
	for k := range grays {
		p = append(p, color.Gray{uint8(math.Round(float64(k) * 255 / (grays - 1)))})
	}
	return append(p, color.RGBA{0xd5, 0xdb, 0xe6, 0xff}, color.RGBA{0x0b, 0x5d, 0x2a, 0xff}, color.RGBA{0xa8, 0x12, 0x2a, 0xff})
}()

// NewSheet returns a sheet of empty paper, in pixels.
func NewSheet(width, height int) *image.Paletted {
	sheet := image.NewPaletted(image.Rect(0, 0, width, height), palette)
	for k := range sheet.Pix {
		sheet.Pix[k] = Paper
	}
	return sheet
}

// Draw draws m with its upper left corner at (x, y), each entry a square of scale pixels, low
// black and high white. Entries outside this range are drawn black or white.
func Draw(sheet *image.Paletted, x, y, scale int, m [][]float64, low, high float64) {
	for r, row := range m {
		for c, v := range row {
			square(sheet, x+c*scale, y+r*scale, scale, gray(v, low, high))
		}
	}
}

func gray(v, low, high float64) uint8 {
	if !(high > low) {
		return grays / 2
	}
	part := (v - low) / (high - low)
	return uint8(math.Round(min(max(part, 0), 1) * (grays - 1)))
}

func square(sheet *image.Paletted, x, y, scale int, ink uint8) {
	for py := y; py < y+scale; py++ {
		for px := x; px < x+scale; px++ {
			sheet.SetColorIndex(px, py, ink)
		}
	}
}

// Grid returns a sheet of tiles, all of one size, in reading order.
func Grid(tiles [][][]float64, columns, scale int, low, high float64) *image.Paletted {
	width, height := pitch(tiles, scale)
	rows := (len(tiles) + columns - 1) / columns
	sheet := NewSheet(columns*width+Margin, rows*height+Margin)
	DrawGrid(sheet, 0, 0, tiles, columns, scale, low, high)
	return sheet
}

// DrawGrid draws a grid, which begins with a margin of paper, with its upper left corner at
// (x, y).
func DrawGrid(sheet *image.Paletted, x, y int, tiles [][][]float64, columns, scale int, low, high float64) {
	width, height := pitch(tiles, scale)
	for k, tile := range tiles {
		Draw(sheet, x+Margin+k%columns*width, y+Margin+k/columns*height, scale, tile, low, high)
	}
}

// pitch returns the distance from one tile of a grid to the next, across and down.
func pitch(tiles [][][]float64, scale int) (width, height int) {
	return len(tiles[0][0])*scale + Margin, len(tiles[0])*scale + Margin
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

// Range returns the smallest and the largest entry of the tiles.
func Range(tiles [][][]float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, tile := range tiles {
		for _, row := range tile {
			for _, v := range row {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	return low, high
}

// Balanced returns a range centered on 0 that contains all entries of the tiles, so that 0
// is drawn as middle gray.
func Balanced(tiles [][][]float64) (low, high float64) {
	low, high = Range(tiles)
	high = max(-low, high)
	return -high, high
}

// A Mistake is a misclassified example.
type Mistake struct {
	Image             [][]float64 // ImageSide×ImageSide, 0 for paper to 1 for ink
	Label, Prediction int
}

// Mistakes returns a sheet of misclassified examples in reading order, each with its true
// and its predicted label below it, and note above them on the right.
func Mistakes(mistakes []Mistake, columns int, note string) *image.Paletted {
	const scale, text = 3, 2
	const side = convnet.ImageSide * scale
	const line = 7*text + Margin // the height of a line of text
	rows := (len(mistakes) + columns - 1) / columns
	width, height := side+Margin, side+Margin/2+line
	sheet := NewSheet(columns*width+Margin, Margin+line+rows*height+Margin/2)
	label := func(x, y int, label, prediction string) {
		x = Text(sheet, x, y, text, label, True)
		x = Text(sheet, x, y, text, "→", 0)
		Text(sheet, x, y, text, prediction, Wrong)
	}
	label(Margin, Margin, "TRUE", "PREDICTED")
	Text(sheet, columns*width-6*text*len(note), Margin, text, note, noteInk)
	for k, m := range mistakes {
		x, y := Margin+k%columns*width, Margin+line+k/columns*height
		Draw(sheet, x, y, scale, m.Image, 0, 1)
		label(x+(side-17*text)/2, y+side+Margin/2, fmt.Sprint(m.Label), fmt.Sprint(m.Prediction))
	}
	return sheet
}

// WritePNG writes a sheet.
func WritePNG(w io.Writer, sheet *image.Paletted) error {
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	return encoder.Encode(w, sheet)
}

// WriteGIF writes sheets of one size as an endless animation. Each is shown for delay
// hundredths of a second, the last one for two seconds.
func WriteGIF(w io.Writer, sheets []*image.Paletted, delay int) error {
	animation := gif.GIF{}
	for k, sheet := range sheets {
		animation.Image = append(animation.Image, sheet)
		animation.Delay = append(animation.Delay, delay)
		if k == len(sheets)-1 {
			animation.Delay[k] = 200
		}
	}
	return gif.EncodeAll(w, &animation)
}
