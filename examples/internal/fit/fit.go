// Package fit brings digits of any size into the form of MNIST's images.
package fit

import (
	"math"
	"slices"

	"convnet"
)

// Ink sets dst, a 28×28 image, to the digit in ink, a matrix of any size. It takes the smallest box
// with all the ink, scales its longer side to 20 pixels, and moves its center of mass to the pixel in
// row 14 and column 14 (counted from 0), as nearly as whole pixels allow. MNIST's images were made in
// the same way (LeCun, Cortes and Burges, 1998), so Ink doesn't change them. Thin strokes fade as they
// shrink; Ink restores them. If there is no ink, dst is all 0.
func Ink(dst, ink [][]float64) {
	const side, long, middle = convnet.ImageSide, 20, convnet.ImageSide / 2
	for _, row := range dst {
		clear(row)
	}
	top, bottom, left, right := box(ink)
	if top == bottom {
		return
	}
	most := max(bottom-top, right-left)
	height, width := shrunk(bottom-top, most, long), shrunk(right-left, most, long)
	size := float64(most) / long // the side of a new pixel in old pixels
	fitted := convnet.NewMatrix(long, long)
	for y, row := range fitted {
		for x := range row {
			row[x] = mean(ink, float64(top)+float64(y)*size, float64(left)+float64(x)*size, size)
		}
	}
	if size > 1 {
		restore(fitted, largest(ink))
	}
	mass, massY, massX := 0.0, 0.0, 0.0
	for y, row := range fitted {
		for x, v := range row {
			mass, massY, massX = mass+v, massY+v*float64(y), massX+v*float64(x)
		}
	}
	y0 := min(max(0, int(math.Round(middle-massY/mass))), side-height)
	x0 := min(max(0, int(math.Round(middle-massX/mass))), side-width)
	for y, row := range fitted[:height] {
		copy(dst[y0+y][x0:], row[:width])
	}
}

// restore makes ink full again that has faded in shrinking, as it does where strokes are thinner than a
// pixel of m. Afterward at least a quarter of the pixels with ink are full.
func restore(m [][]float64, full float64) {
	var all []float64
	for _, row := range m {
		for _, v := range row {
			if v > 0 {
				all = append(all, v)
			}
		}
	}
	slices.Sort(all)
	faded := all[len(all)*3/4]
	if faded >= full {
		return
	}
	for _, row := range m {
		for x, v := range row {
			row[x] = min(full, v*full/faded)
		}
	}
}

// largest returns the largest value in m.
func largest(m [][]float64) float64 {
	most := 0.0
	for _, row := range m {
		most = max(most, slices.Max(row))
	}
	return most
}

// shrunk returns the new length of n pixels, rounded up, if a length of from pixels becomes to pixels.
func shrunk(n, from, to int) int { return (n*to + from - 1) / from }

// box returns the smallest box with all nonzero values: rows top to bottom−1, columns left to right−1.
func box(m [][]float64) (top, bottom, left, right int) {
	top, left = len(m), math.MaxInt
	for y, row := range m {
		for x, v := range row {
			if v != 0 {
				top, bottom = min(top, y), y+1
				left, right = min(left, x), max(right, x+1)
			}
		}
	}
	if bottom == 0 {
		return 0, 0, 0, 0
	}
	return top, bottom, left, right
}

// mean returns the mean of m over a square of side size with its upper left corner at row y and column
// x, in pixels. Outside m everything is 0.
func mean(m [][]float64, y, x, size float64) float64 {
	sum := 0.0
	for i := int(y); float64(i) < y+size && i < len(m); i++ {
		high := min(float64(i+1), y+size) - max(float64(i), y)
		for j := int(x); float64(j) < x+size && j < len(m[i]); j++ {
			wide := min(float64(j+1), x+size) - max(float64(j), x)
			sum += high * wide * m[i][j]
		}
	}
	return sum / (size * size)
}
