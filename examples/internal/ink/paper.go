package ink

import (
	"slices"

	"convnet"
)

// onUnevenPaper returns the ink on paper whose shade changes from place to place, by lamp light or a
// shadow. It looks only where page is 1. Strokes must be narrower than a sixth of the longer side.
func onUnevenPaper(shades, page [][]float64) (ink [][]float64, contrast float64) {
	top, bottom, left, right := box(page)
	width := max(bottom-top, right-left) / 6
	light := smooth(shades, 1)
	if lightInk(light, page, width) {
		shades, light = inverted(shades), inverted(light)
	}
	paper := closing(light, page, width)
	ink = convnet.NewMatrix(len(shades), len(shades[0]))
	var all []float64
	for y, row := range ink {
		for x := range row {
			if page[y][x] == 1 { // Light falls on ink and paper alike, so their ratio stays what it is.
				row[x] = max(0, 1-shades[y][x]/max(paper[y][x], darkest))
				all = append(all, row[x])
			}
		}
	}
	slices.Sort(all)
	grain := all[len(all)/2]
	full := all[len(all)-1-len(all)/500] // A few specks may be darker.
	spread := make([]float64, len(all))
	for k, v := range all {
		spread[k] = max(v-grain, grain-v)
	}
	grain += 3 * median(spread)
	low := max(grain, cutoff(all, grain, full))
	for y, row := range ink {
		for x, v := range row {
			row[x] = min(max(0, (v-low)/max(strong*full-low, 1e-3)), 1)
			if page[y][x] == 0 {
				row[x] = 0
			}
		}
	}
	return ink, full - grain
}

const (
	darkest = 0.1  // shade of paper
	faint   = 0.35 // of full ink: as much or less is printed on the paper
	bold    = 0.6  // of full ink: as much or more isn't
	strong  = 0.8  // of full ink: as much or more counts as full
)

// cutoff returns how much ink there must be for a stroke. Between faint and bold, it's where values
// above grain split best: into printed lines and strokes, if there are such lines.
func cutoff(values []float64, grain, full float64) float64 {
	var inked []float64
	for _, v := range values {
		if v > max(grain, 0.1*full) {
			inked = append(inked, v)
		}
	}
	if len(inked) == 0 {
		return faint * full
	}
	split, _ := otsu([][]float64{inked})
	return min(max(split, faint*full), bold*full)
}

// lightInk reports whether the ink is lighter than the paper around it. Ink covers less than half, so
// it differs more from the mean than paper does.
func lightInk(shades, page [][]float64, width int) bool {
	masked := convnet.NewMatrix(len(page), len(page[0]))
	for y, row := range masked {
		for x := range row {
			row[x] = shades[y][x] * page[y][x]
		}
	}
	mean, weight := smooth(masked, width), smooth(page, width)
	sum := 0.0
	for y, row := range shades {
		for x, v := range row {
			if page[y][x] == 1 {
				d := v - mean[y][x]/weight[y][x]
				sum += d * d * d
			}
		}
	}
	return sum > 0
}

func inverted(m [][]float64) [][]float64 {
	inverse := convnet.NewMatrix(len(m), len(m[0]))
	for y, row := range inverse {
		for x := range row {
			row[x] = 1 - m[y][x]
		}
	}
	return inverse
}

func filled(rows, columns int, value float64) [][]float64 {
	m := convnet.NewMatrix(rows, columns)
	for _, row := range m {
		for x := range row {
			row[x] = value
		}
	}
	return m
}

// closing returns shades without whatever is darker than its surroundings and narrower than width, a
// morphological closing. It looks only where page is 1.
func closing(shades, page [][]float64, width int) [][]float64 {
	m := convnet.NewMatrix(len(shades), len(shades[0]))
	for y, row := range m {
		for x := range row {
			row[x] = shades[y][x] * page[y][x] // never the lightest
		}
	}
	widest(m, width/2)
	for y, row := range m {
		for x := range row {
			if page[y][x] == 0 {
				row[x] = 1 // never the darkest
			}
		}
	}
	return narrowed(m, width/2)
}

// widest replaces each value by the largest in the square that reaches reach pixels to each side.
func widest(m [][]float64, reach int) {
	for _, row := range m {
		largest(row, reach)
	}
	column := make([]float64, len(m))
	for x := range m[0] {
		for y, row := range m {
			column[y] = row[x]
		}
		largest(column, reach)
		for y, row := range m {
			row[x] = column[y]
		}
	}
}

// narrowed returns m with each value replaced by the smallest in the square that reaches reach places to
// each side. All values must be from 0 to 1.
func narrowed(m [][]float64, reach int) [][]float64 {
	m = inverted(m)
	widest(m, reach)
	return inverted(m)
}

// largest replaces each value by the largest of those at most reach places away. It doubles the window
// until that's wide enough.
func largest(v []float64, reach int) {
	forward, back := slices.Clone(v), slices.Clone(v)
	for done := 0; done < reach; {
		step := min(done+1, reach-done)
		for k := range len(v) - min(step, len(v)) {
			forward[k] = max(forward[k], forward[k+step])
		}
		for k := len(v) - 1; k >= step; k-- {
			back[k] = max(back[k], back[k-step])
		}
		done += step
	}
	for k := range v {
		v[k] = max(forward[k], back[k])
	}
}

// smooth returns the mean of the square around each value that reaches reach pixels to each side.
func smooth(m [][]float64, reach int) [][]float64 {
	sums := convnet.NewMatrix(len(m)+1, len(m[0])+1) // of all above and left of a place
	for y, row := range m {
		for x, v := range row {
			sums[y+1][x+1] = v + sums[y][x+1] + sums[y+1][x] - sums[y][x]
		}
	}
	means := convnet.NewMatrix(len(m), len(m[0]))
	for y, row := range means {
		top, bottom := max(0, y-reach), min(len(m), y+reach+1)
		for x := range row {
			left, right := max(0, x-reach), min(len(row), x+reach+1)
			row[x] = (sums[bottom][right] - sums[top][right] - sums[bottom][left] + sums[top][left]) / float64((bottom-top)*(right-left))
		}
	}
	return means
}

// box returns the smallest box with all nonzero values: rows top to bottom−1, columns left to right−1.
func box(m [][]float64) (top, bottom, left, right int) {
	top, left = len(m), len(m[0])
	for y, row := range m {
		for x, v := range row {
			if v != 0 {
				top, bottom = min(top, y), y+1
				left, right = min(left, x), max(right, x+1)
			}
		}
	}
	return top, max(top, bottom), left, max(left, right)
}
