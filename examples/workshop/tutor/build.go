package tutor

import (
	"fmt"
	"strings"
)

import "convnet"

// dirt is what destinations hold before a call, or its negative: leftovers of an earlier call.
const dirt = 9

// used returns a volume that is full of leftovers.
func used(v float64, channels, rows, cols int) [][][]float64 {
	volume := convnet.NewVolume(channels, rows, cols)
	for _, m := range volume {
		for _, row := range m {
			fillRow(row, v)
		}
	}
	return volume
}

func usedMatrix(v float64, rows, cols int) [][]float64 { return used(v, 1, rows, cols)[0] }

func usedVector(v float64, n int) []float64 { return used(v, 1, 1, n)[0][0] }

func fillRow(row []float64, v float64) {
	for x := range row {
		row[x] = v
	}
}

func cloneVolume(v [][][]float64) [][][]float64 { return volume("", v).values }

// pattern returns n halves from −3 to 3, of which no two neighbors are alike.
func pattern(n, start int) []float64 {
	v := make([]float64, n)
	for k := range v {
		v[k] = float64((5*k+4*start+k/13)%13-6) / 2
	}
	return v
}

func patternMatrix(rows, cols, start int) [][]float64 {
	return patternVolume(1, rows, cols, start)[0]
}

func patternVolume(channels, rows, cols, start int) [][][]float64 {
	volume := convnet.NewVolume(channels, rows, cols)
	rest := pattern(channels*rows*cols, start)
	for _, m := range volume {
		for _, row := range m {
			rest = rest[copy(row, rest):]
		}
	}
	return volume
}

// The walk's own values.
var (
	walkImage = [][][]float64{{
		{0, 0, 1, 0},
		{0, 0.5, 1, 0},
		{0, 0, 1, 0},
		{0, 0, 1, 0},
	}}
	walkFilters1 = [][]float64{
		{-1, 1, -1, 1},
		{1, 1, -1, -1},
	}
	walkConv1 = [][][]float64{
		{{0.5, 1.5, -2}, {0.5, 1.5, -2}, {0, 2, -2}},
		{{-0.5, -0.5, 0}, {0.5, 0.5, 0}, {0, 0, 0}},
	}
	walkReLU1 = [][][]float64{
		{{0.5, 1.5, 0}, {0.5, 1.5, 0}, {0, 2, 0}},
		{{0, 0, 0}, {0.5, 0.5, 0}, {0, 0, 0}},
	}
	walkFilters2 = [][]float64{
		{0, 0.5, 0, 0.5, 0, 0, 1, 0},
		{0.5, -0.5, 0, 0, 1, 0, 0, 0},
	}
	walkWeights = [][]float64{{-0.5, 1.6}, {0.25, 0.4}, {0, 0.8}}
	walkFlat    = []float64{2, 1.25}
	walkDLogits = []float64{0.25, -0.5, 0.25}
	walkDConv2  = [][][]float64{{{-0.25, 0}, {0, 0}}, {{0, 0}, {0, 0.4}}}
	walkDConv1  = [][][]float64{
		{{0, -0.125, 0}, {0, 0.075, 0}, {0, 0, 0}},
		{{0, 0, 0}, {-0.25, 0.4, 0}, {0, 0, 0}},
	}
)

// A six is one round of the six loops of a convolution: filter f, place y, x on its map, channel c,
// and row i, column j of the kernel.
type six struct {
	f, y, x, c, i, j     int
	channels, rows, cols int // of the kernels
}

// at returns the index of a kernel's weight in its filter.
func (s six) at(c, i, j int) int { return (c*s.rows+i)*s.cols + j }

// weight is the index of the weight whose turn it is.
func (s six) weight() int { return s.at(s.c, s.i, s.j) }

// short is the index if rows and cols are one too small, and whether the loops come to it at all.
func (s six) short() (index int, visited bool) {
	return (s.c*(s.rows-1)+s.i)*(s.cols-1) + s.j, s.i < s.rows-1 && s.j < s.cols-1
}

// lastRow, lastColumn, lastPlace and lastTerm report how far the loops are.
func (s six) lastPlace(out [][][]float64) bool {
	return s.y == len(out[0])-1 && s.x == len(out[0][0])-1
}

func (s six) lastTerm() bool { return s.c == s.channels-1 && s.i == s.rows-1 && s.j == s.cols-1 }

// sixLoops visits every product of a convolution from in to out.
func sixLoops(out, in [][][]float64, visit func(s six)) {
	rows, cols := len(in[0])-len(out[0])+1, len(in[0][0])-len(out[0][0])+1
	for f := range out {
		for y := range out[f] {
			for x := range out[f][y] {
				for c := range in {
					for i := range rows {
						for j := range cols {
							visit(six{f, y, x, c, i, j, len(in), rows, cols})
						}
					}
				}
			}
		}
	}
}

func clearVolume(v [][][]float64) {
	for _, m := range v {
		clearMatrix(m)
	}
}

func clearMatrix(m [][]float64) {
	for _, row := range m {
		clear(row)
	}
}

// eachValue sets dst[y][x] to f(in[y][x]).
func eachValue(dst, in [][]float64, f func(v float64) float64) {
	for y, row := range in {
		for x, v := range row {
			dst[y][x] = f(v)
		}
	}
}

// when returns v if the condition holds, else 0.
func when(condition bool, v float64) float64 {
	if condition {
		return v
	}
	return 0
}

// full says what a destination holds before the call.
func full(destination string, leftover float64) string {
	return fmt.Sprintf("(%s is full of %ss before the call)", destination, strings.Replace(fmt.Sprint(leftover), "-", "−", 1))
}
