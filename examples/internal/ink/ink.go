// Package ink turns a picture of any size into a 28×28 image for the network, in the way MNIST's
// images were made from scans.
package ink

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"math"
	"slices"

	"convnet"
)

// Limits on picture files.
const (
	MaxBytes  = 32 << 20   // in a file
	MaxSide   = 20_000     // pixels in a row or column
	MaxPixels = 25_000_000 // in all, about as many as a phone's camera has
)

// Decode reads a picture: a PNG, a JPEG or the first frame of a GIF. It turns a JPEG upright. If a
// picture is too large, it returns an error before it decodes any pixels.
func Decode(r io.Reader) (image.Image, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("found more than %d bytes, want at most %[1]d", MaxBytes)
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if errors.Is(err, image.ErrFormat) {
		return nil, fmt.Errorf("found %.20q, want a PNG, a JPEG or a GIF", data)
	}
	if err != nil {
		return nil, err
	}
	if w, h := config.Width, config.Height; w < 1 || h < 1 || w > MaxSide || h > MaxSide || w*h > MaxPixels {
		return nil, fmt.Errorf("found %d×%d pixels, want 1 to %d on each side and at most %d in all", w, h, MaxSide, MaxPixels)
	}
	m, format, err := image.Decode(bytes.NewReader(data))
	if err == nil && m.Bounds().Empty() { // in a GIF, the first frame has a size of its own
		return nil, errors.New("the first frame has no pixels, want at least one")
	}
	if err == nil && format == "jpeg" {
		m = turn(m, orientation(data))
	}
	return m, err
}

// leastContrast is the smallest contrast between ink and paper we accept. Black on white has 1.
const leastContrast = 0.1

// Of returns the ink in a picture, from 0 for paper to 1 for full ink, as a matrix of at most 500 rows
// and columns. Paper is the median shade along the edge, and may be darker or lighter than the ink.
// Transparent pixels count as white, or as black if there's nothing to see on white. If the contrast
// between ink and paper is too small, Of returns an error.
func Of(m image.Image) ([][]float64, error) {
	ink, contrast := onPaper(m, color.White)
	if contrast < leastContrast {
		ink, contrast = onPaper(m, color.Black)
	}
	if contrast < leastContrast {
		return nil, fmt.Errorf("the contrast between ink and paper is %.2f, want at least %.2f (black on white is 1)", contrast, leastContrast)
	}
	removeSpecks(ink)
	return ink, nil
}

// onPaper returns the ink in m on a background of color under, and the contrast between full ink and
// paper.
func onPaper(m image.Image, under color.Color) (ink [][]float64, contrast float64) {
	ink = shades(m, under)
	ring := edge(ink)
	paper := median(ring)
	darker, lighter := 0.0, 0.0 // how much of m is darker or lighter than paper
	for _, row := range ink {
		for _, v := range row {
			if v < paper {
				darker += (v - paper) * (v - paper)
			} else {
				lighter += (v - paper) * (v - paper)
			}
		}
	}
	sign := 1.0
	if darker > lighter {
		sign = -1
	}
	// Paper isn't uniform. What differs from its median no more than paper itself does is paper, too.
	for k, v := range ring {
		ring[k] = math.Abs(v - paper)
	}
	grain := 3 * median(ring)
	for _, row := range ink {
		for x, v := range row {
			row[x] = max(0, sign*(v-paper)-grain)
			contrast = max(contrast, row[x])
		}
	}
	for _, row := range ink {
		for x := range row {
			row[x] /= max(contrast, leastContrast)
		}
	}
	return ink, contrast
}

// shades returns the lightness of m, from 0 for black to 1 for white. If m has more than 500 rows or
// columns, each value is the mean of a block of pixels.
func shades(m image.Image, under color.Color) [][]float64 {
	const most = 500
	b := m.Bounds()
	block := (max(b.Dx(), b.Dy()) + most - 1) / most
	shades := convnet.NewMatrix((b.Dy()+block-1)/block, (b.Dx()+block-1)/block)
	strip := image.NewRGBA(image.Rect(0, 0, b.Dx(), block))
	for y, row := range shades {
		rows := min(block, b.Dy()-y*block)
		part := image.Rect(0, 0, b.Dx(), rows)
		draw.Draw(strip, part, image.NewUniform(under), image.Point{}, draw.Src)
		draw.Draw(strip, part, m, image.Pt(b.Min.X, b.Min.Y+y*block), draw.Over)
		for x := range row {
			columns := min(block, b.Dx()-x*block)
			for i := range rows {
				p := strip.Pix[i*strip.Stride+4*x*block:][:4*columns]
				for ; len(p) > 0; p = p[4:] {
					row[x] += 0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])
				}
			}
			row[x] /= 255 * float64(rows*columns)
		}
	}
	return shades
}

// edge returns the values along the four edges of m.
func edge(m [][]float64) (ring []float64) {
	ring = slices.Concat(m[0], m[len(m)-1])
	for _, row := range m {
		ring = append(ring, row[0], row[len(row)-1])
	}
	return ring
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// removeSpecks removes small pieces of ink. A digit is a single connected piece, or two or three large
// ones. A small one is a speck of dust.
func removeSpecks(ink [][]float64) {
	const least = 0.05 // of the ink in the largest piece
	type place struct{ y, x int }
	var pieces [][]place
	var amounts []float64
	seen := convnet.NewMatrix(len(ink), len(ink[0]))
	for y, row := range ink {
		for x := range row {
			if row[x] == 0 || seen[y][x] == 1 {
				continue
			}
			seen[y][x] = 1
			piece, amount := []place{{y, x}}, 0.0
			for k := 0; k < len(piece); k++ { // piece grows meanwhile
				at := piece[k]
				amount += ink[at.y][at.x]
				for i := max(0, at.y-1); i <= min(len(ink)-1, at.y+1); i++ {
					for j := max(0, at.x-1); j <= min(len(row)-1, at.x+1); j++ {
						if ink[i][j] > 0 && seen[i][j] == 0 {
							seen[i][j] = 1
							piece = append(piece, place{i, j})
						}
					}
				}
			}
			pieces, amounts = append(pieces, piece), append(amounts, amount)
		}
	}
	most := 0.0
	for _, amount := range amounts {
		most = max(most, amount)
	}
	for k, piece := range pieces {
		if amounts[k] < least*most {
			for _, at := range piece {
				ink[at.y][at.x] = 0
			}
		}
	}
}
