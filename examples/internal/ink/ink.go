// Package ink turns a picture of any size into a 28×28 image for the network, in the way MNIST's
// images were made from scans.
package ink

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"

	"convnet"
)

// leastContrast is the smallest contrast between ink and paper we accept. Black on white has 1.
const leastContrast = 0.1

// Of returns the ink in a picture, from 0 for paper to 1 for full ink, as a matrix of at most 500 rows
// and columns. Paper may be darker or lighter than the ink, lit unevenly, squared, or a page on a
// table. Transparent pixels count as white, or as black if there's nothing to see on white. If the
// contrast between ink and paper is too small, Of returns an error.
func Of(m image.Image) ([][]float64, error) {
	ink, contrast := find(shades(m, color.White))
	if contrast < leastContrast {
		ink, contrast = find(shades(m, color.Black))
	}
	if contrast < leastContrast {
		return nil, fmt.Errorf("the contrast between ink and paper is %.2f, want at least %.2f (black on white is 1)", contrast, leastContrast)
	}
	return ink, nil
}

// find returns the ink in a picture with these shades, and the contrast between full ink and paper.
func find(shades [][]float64) (ink [][]float64, contrast float64) {
	if page := findPage(shades); page != nil {
		ink, contrast = onUnevenPaper(shades, page)
		if contrast >= leastContrast {
			clean(ink, page)
			return ink, contrast
		}
	}
	whole := filled(len(shades), len(shades[0]), 1)
	ink, contrast, even := onEvenPaper(shades)
	if !even {
		if local, c := onUnevenPaper(shades, whole); c >= leastContrast {
			ink, contrast = local, c
		}
	}
	clean(ink, whole)
	return ink, contrast
}

// onEvenPaper returns the ink if all paper has the same shade, the median along the edge, and whether
// that seems to be the case.
func onEvenPaper(shades [][]float64) (ink [][]float64, contrast float64, even bool) {
	ring := edge(shades)
	paper := median(ring)
	darker, lighter := 0.0, 0.0 // how much of the picture is darker or lighter than paper
	for _, row := range shades {
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
	for k, v := range ring {
		ring[k] = math.Abs(v - paper)
	}
	// What differs from the median no more than most paper does is paper, too.
	grain := 3 * median(ring)
	ink = convnet.NewMatrix(len(shades), len(shades[0]))
	for y, row := range ink {
		for x := range row {
			row[x] = max(0, sign*(shades[y][x]-paper)-grain)
			contrast = max(contrast, row[x])
		}
	}
	for _, row := range ink {
		for x := range row {
			row[x] /= max(contrast, leastContrast)
		}
	}
	if grain > 0 { // a photo: a drawing's paper has no grain
		removeFaint(ink)
	}
	// Where the edge is neither paper nor full ink, it's a shadow, or printed squares.
	// A stroke that ends there is in between in a few pixels, too.
	const (
		few  = 8    // pixels
		most = 0.01 // of the edge, in addition
	)
	between := 0
	for _, v := range ring {
		if v > max(2*grain, 0.02*contrast) && v < 0.75*contrast {
			between++
		}
	}
	return ink, contrast, grain < 0.2*contrast && float64(between) <= few+most*float64(len(ring))
}

// shades returns the lightness of m, from 0 for black to 1 for white. If m has more than 500 rows or
// columns, each value is the mean of a block of pixels.
func shades(m image.Image, under color.Color) [][]float64 {
	if t, ok := m.(turned); ok { // turning the few shades takes less time than turning all pixels
		return turnedShades(shades(t.Image, under), t.orientation)
	}
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
