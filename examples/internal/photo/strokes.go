package photo

import (
	"math"

	"convnet"
)

// A point is a place in a drawing. Strokes returns points with y and x from 0 to 1.
type point struct{ y, x float64 }

// A segment is a short straight piece of a stroke.
type segment struct{ from, to point }

// strokes returns the strokes a pen would have made to draw digit, an image of MNIST's. It thins the
// enlarged digit to its center lines and smooths them. The longer side of their box is 1.
func strokes(digit [][]float64) (drawn []segment) {
	const scale, above = 8, 0.4
	side := convnet.ImageSide * scale
	large := convnet.NewMatrix(side, side)
	for y, row := range large {
		for x := range row {
			if Between(digit, (float64(y)+0.5)/scale-0.5, (float64(x)+0.5)/scale-0.5) > above {
				row[x] = 1
			}
		}
	}
	thin(large)
	smooth := func(y, x int) point { // the mean of the center line nearby
		const near = 5
		var sum point
		n := 0.0
		for i := max(0, y-near); i <= min(side-1, y+near); i++ {
			for j := max(0, x-near); j <= min(side-1, x+near); j++ {
				if large[i][j] == 1 {
					sum, n = point{sum.y + float64(i), sum.x + float64(j)}, n+1
				}
			}
		}
		return point{sum.y / n, sum.x / n}
	}
	low, high := point{math.Inf(1), math.Inf(1)}, point{}
	for y := 1; y < side-1; y++ {
		for x := 1; x < side-1; x++ {
			if large[y][x] == 0 {
				continue
			}
			from := smooth(y, x)
			low, high = point{min(low.y, from.y), min(low.x, from.x)}, point{max(high.y, from.y), max(high.x, from.x)}
			for _, next := range [][2]int{{0, 0}, {0, 1}, {1, -1}, {1, 0}, {1, 1}} { // {0, 0} for a dot
				if large[y+next[0]][x+next[1]] == 1 {
					drawn = append(drawn, segment{from, smooth(y+next[0], x+next[1])})
				}
			}
		}
	}
	long := max(high.y-low.y, high.x-low.x, 1)
	for k, s := range drawn {
		drawn[k] = segment{point{(s.from.y - low.y) / long, (s.from.x - low.x) / long}, point{(s.to.y - low.y) / long, (s.to.x - low.x) / long}}
	}
	return drawn
}

// Between returns the value of m at a point between pixels, interpolated. Outside m everything is 0.
func Between(m [][]float64, y, x float64) float64 {
	i, j := int(math.Floor(y)), int(math.Floor(x))
	y, x = y-float64(i), x-float64(j)
	at := func(i, j int) float64 {
		if i < 0 || j < 0 || i >= len(m) || j >= len(m[i]) {
			return 0
		}
		return m[i][j]
	}
	return (1-y)*((1-x)*at(i, j)+x*at(i, j+1)) + y*((1-x)*at(i+1, j)+x*at(i+1, j+1))
}

// thin removes pixels from the outside of the shapes in m, which are 1 on 0, until only lines one pixel
// wide are left (Zhang and Suen, A fast parallel algorithm for thinning digital patterns, 1984). The
// outermost rows and columns of m must be 0.
func thin(m [][]float64) {
	around := [][2]int{{-1, 0}, {-1, 1}, {0, 1}, {1, 1}, {1, 0}, {1, -1}, {0, -1}, {-1, -1}}
	for changed := true; changed; {
		changed = false
		for turn := range 2 {
			var gone [][2]int
			for y := 1; y < len(m)-1; y++ {
				for x := 1; x < len(m[y])-1; x++ {
					if m[y][x] == 0 {
						continue
					}
					var p [8]float64
					sum, starts := 0.0, 0
					for k, at := range around {
						p[k] = m[y+at[0]][x+at[1]]
						sum += p[k]
					}
					for k, v := range p {
						if v == 0 && p[(k+1)%8] == 1 {
							starts++
						}
					}
					a, b := p[0]*p[2]*p[4], p[2]*p[4]*p[6]
					if turn == 1 {
						a, b = p[0]*p[2]*p[6], p[0]*p[4]*p[6]
					}
					if sum >= 2 && sum <= 6 && starts == 1 && a == 0 && b == 0 {
						gone = append(gone, [2]int{y, x})
					}
				}
			}
			for _, at := range gone {
				m[at[0]][at[1]] = 0
				changed = true
			}
		}
	}
}

// draw draws strokes on m, which is 0 for paper, with a round pen: width and size in pixels, size being
// the longer side of the digit's box, and at where its upper left corner goes.
func draw(m [][]float64, strokes []segment, at point, size, width float64) {
	for _, s := range strokes {
		from := point{at.y + size*s.from.y, at.x + size*s.from.x}
		to := point{at.y + size*s.to.y, at.x + size*s.to.x}
		reach := width/2 + 1
		dy, dx := to.y-from.y, to.x-from.x
		long := max(dy*dy+dx*dx, 1e-12)
		for y := max(0, int(min(from.y, to.y)-reach)); y <= min(len(m)-1, int(max(from.y, to.y)+reach)); y++ {
			for x := max(0, int(min(from.x, to.x)-reach)); x <= min(len(m[y])-1, int(max(from.x, to.x)+reach)); x++ {
				along := ((float64(y)-from.y)*dy + (float64(x)-from.x)*dx) / long
				along = min(max(along, 0), 1)
				distance := math.Hypot(float64(y)-from.y-along*dy, float64(x)-from.x-along*dx)
				m[y][x] = max(m[y][x], min(1, width/2+0.5-distance))
			}
		}
	}
}
