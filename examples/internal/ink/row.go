package ink

import (
	"cmp"
	"fmt"
	"slices"

	"convnet"
)

// mostPieces is how many pieces of ink a row of digits may have. Text, and noise, have more.
const mostPieces = 20

// Row splits ink into the digits of a row, from left to right. If it's no single row, Row returns all
// of it, and doubt says why.
func Row(ink [][]float64) (digits [][][]float64, doubt string) {
	all := pieces(ink)
	whole := [][][]float64{ink}
	if len(all) < 2 {
		return whole, ""
	}
	if len(all) > mostPieces {
		return whole, fmt.Sprintf("there are %d separate pieces of ink, more than digits have", len(all))
	}
	tallest := 0
	for _, p := range all {
		tallest = max(tallest, p.height())
	}
	var large, small []piece
	for _, p := range all {
		if 2*p.height() >= tallest {
			large = append(large, p)
		} else {
			small = append(small, p)
		}
	}
	slices.SortFunc(large, func(a, b piece) int { return cmp.Compare(a.left+a.right, b.left+b.right) })
	var groups []piece
	for _, p := range large {
		last := len(groups) - 1
		if last < 0 || 5*overlap(groups[last], p) < min(groups[last].width(), p.width()) { // slanted digits may share a few columns
			groups = append(groups, p)
			continue
		}
		if gap := max(p.top-groups[last].bottom, groups[last].top-p.bottom); 10*gap > tallest { // more than a break in a stroke
			return whole, "there are several rows of ink, and digits have one"
		}
		groups[last] = groups[last].joined(p)
	}
	for _, p := range small { // part of the nearest digit, such as the bar of a 5
		nearest := 0
		for k, g := range groups {
			if overlap(g, p) > overlap(groups[nearest], p) {
				nearest = k
			}
		}
		groups[nearest] = groups[nearest].joined(p)
	}
	if len(groups) < 2 {
		return whole, ""
	}
	for _, g := range groups {
		digit := convnet.NewMatrix(len(ink), len(ink[0]))
		for _, at := range g.places {
			digit[at.y][at.x] = ink[at.y][at.x]
		}
		digits = append(digits, digit)
	}
	return digits, ""
}

// Holes returns how many areas of paper the ink encloses: an 8 has two. Tiny ones, as in chalk, don't
// count.
func Holes(ink [][]float64) int {
	paper := convnet.NewMatrix(len(ink), len(ink[0]))
	for y, row := range ink {
		for x, v := range row {
			if v == 0 {
				paper[y][x] = 1
			}
		}
	}
	top, bottom, left, right := box(ink)
	least := (bottom - top) * (right - left) / 1000
	holes := 0
	for _, p := range pieces(paper) {
		if p.top > top && p.bottom < bottom && p.left > left && p.right < right && len(p.places) > least {
			holes++
		}
	}
	return holes
}

func (p piece) height() int { return p.bottom - p.top }

func (p piece) width() int { return p.right - p.left }

// overlap returns how many columns two pieces share. If they share none, it's the gap between them,
// negative.
func overlap(a, b piece) int { return min(a.right, b.right) - max(a.left, b.left) }

// joined returns both pieces as one.
func (p piece) joined(q piece) piece {
	return piece{
		slices.Concat(p.places, q.places), p.amount + q.amount,
		min(p.top, q.top), max(p.bottom, q.bottom), min(p.left, q.left), max(p.right, q.right),
	}
}
