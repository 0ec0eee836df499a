// Package distort draws a digit again as another hand might have written it:
// turned, sheared, stretched, shifted, and a little out of shape. A network
// that learns from such pictures never sees the same one twice.
package distort

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// A Distortion says how far pictures are distorted: shifted, sheared and
// stretched as LeCun, Bottou, Bengio and Haffner (1998) did it, turned and, the
// elastic part, rubbed out of shape as Simard, Steinkraus and Platt (2003) did.
// The affine figures are drawn evenly between their bounds. The zero Distortion
// leaves a picture as it is.
type Distortion struct {
	Turn    float64 // degrees, at most, either way
	Shear   float64 // pixels to the side for each pixel up, at most, either way
	Stretch float64 // at most, either way, across and up each for itself: with 0.1 to 1/0.9 or 1/1.1
	Shift   float64 // pixels, at most, either way, across and down each for itself
	Elastic float64 // pixels, the standard deviation of a knot's displacement
}

const (
	size   = 28               // of a picture, across and down
	center = (size - 1) / 2.0 // which turning, shearing and stretching leave where it is
)

// The elastic part displaces knots on a grid that is far coarser than the
// pixels, each by two numbers from N(0,1) times Elastic, and a pixel by the
// mean of the 4×4 knots around it under the weights of a cubic B-spline. With
// knots 7 pixels apart the spline is as wide as a Gaussian of 7/√3 ≈ 4 pixels,
// by which Simard and his colleagues smoothed a displacement of every pixel.
const (
	spacing = 7
	knots   = size/spacing + 3
)

// spline holds the weights of four knots in a row for the pixels between the
// middle two. It is only read.
var spline = func() (weights [spacing][4]float64) {
	for k := range weights {
		t := (float64(k) + 0.5) / spacing
		u := 1 - t
		weights[k] = [4]float64{u * u * u / 6, (4 - 6*t*t + 3*t*t*t) / 6, (4 - 6*u*u + 3*u*u*u) / 6, t * t * t / 6}
	}
	return weights
}()

// A vector is a place in a picture or a way there, in pixels.
type vector struct{ x, y float64 } // to the right, downwards

// A warp says where each pixel of a distorted picture comes from.
type warp struct {
	right, down vector // the step in the source for one in the picture
	shift       vector
	knots       [knots][knots]vector // displacements, by row and column
}

// Distort sets dst to src distorted, both 28×28. Where a pixel comes from
// between four, it is their mean, weighted by nearness; outside is paper, 0. The
// distortion depends on rng alone. dst must not share memory with src.
func (d Distortion) Distort(dst, src [][]float64, rng *rand.Rand) {
	check("dst", dst)
	check("src", src)
	w := d.draw(rng)
	w.apply(dst, src)
}

func check(name string, m [][]float64) {
	columns := 0
	if len(m) > 0 {
		columns = len(m[0])
	}
	if len(m) != size || columns != size {
		panic(fmt.Sprintf("distort: Distort: %s is %d×%d, want %d×%d", name, len(m), columns, size, size))
	}
}

// draw draws a warp.
func (d Distortion) draw(rng *rand.Rand) warp {
	within := func(most float64) float64 { return most * (2*rng.Float64() - 1) }
	w := affine(within(d.Turn), within(d.Shear), vector{1 + within(d.Stretch), 1 + within(d.Stretch)})
	w.shift = vector{within(d.Shift), within(d.Shift)}
	for i := range w.knots {
		for j := range w.knots[i] {
			w.knots[i][j] = vector{d.Elastic * rng.NormFloat64(), d.Elastic * rng.NormFloat64()}
		}
	}
	return w
}

// affine returns the warp that stretches a step, then shears it, then turns it
// by so many degrees.
func affine(turn, shear float64, stretch vector) (w warp) {
	sin, cos := math.Sincos(turn * math.Pi / 180)
	w.right = vector{stretch.x * cos, stretch.x * sin}
	w.down = vector{stretch.y * (shear*cos - sin), stretch.y * (shear*sin + cos)}
	return w
}

// apply sets dst to src as w has it.
func (w *warp) apply(dst, src [][]float64) {
	var across [knots]vector // the knots of a row of pixels, above each other weighted into one
	for y, pixels := range dst {
		i, weights := y/spacing, &spline[y%spacing]
		for j := range across {
			across[j] = mean(weights, w.knots[i][j], w.knots[i+1][j], w.knots[i+2][j], w.knots[i+3][j])
		}
		down := float64(y) - center
		from := vector{center + w.shift.x + down*w.down.x - center*w.right.x, center + w.shift.y + down*w.down.y - center*w.right.y}
		for x := range pixels {
			j := x / spacing
			by := mean(&spline[x%spacing], across[j], across[j+1], across[j+2], across[j+3])
			pixels[x] = at(src, vector{from.x + by.x, from.y + by.y})
			from.x += w.right.x
			from.y += w.right.y
		}
	}
}

func mean(weights *[4]float64, a, b, c, d vector) vector {
	return vector{
		weights[0]*a.x + weights[1]*b.x + weights[2]*c.x + weights[3]*d.x,
		weights[0]*a.y + weights[1]*b.y + weights[2]*c.y + weights[3]*d.y,
	}
}

// at returns the value of src at p, between four pixels in general.
func at(src [][]float64, p vector) float64 {
	if !(p.x > -1 && p.x < size && p.y > -1 && p.y < size) {
		return 0
	}
	x, y := int(p.x+1)-1, int(p.y+1)-1 // the pixel to the left and above
	right, down := p.x-float64(x), p.y-float64(y)
	return (1-down)*((1-right)*pixel(src, x, y)+right*pixel(src, x+1, y)) +
		down*((1-right)*pixel(src, x, y+1)+right*pixel(src, x+1, y+1))
}

// pixel returns a pixel of src, or paper outside.
func pixel(src [][]float64, x, y int) float64 {
	if uint(x) >= size || uint(y) >= size {
		return 0
	}
	return src[y][x]
}
