// Package augment is for data augmentation. It rotates, shears, scales, translates and bends the
// image of a digit, as if another hand had written it. A network that trains on such images never
// sees the same one twice.
package augment

import (
	"fmt"
	"math"
	"math/rand/v2"

	"convnet"
)

// A Distortion says how much to distort images. Shear, Scale and Translation follow LeCun, Bottou,
// Bengio and Haffner (1998). Rotation and Elastic follow Simard, Steinkraus and Platt (2003).
// Rotation, Shear, Scale and Translation are bounds of uniform distributions. The zero Distortion
// doesn't change an image.
type Distortion struct {
	Rotation    float64 // by up to this many degrees, left or right
	Shear       float64 // by up to this many pixels sideways per pixel of height, left or right
	Scale       float64 // width and height separately; 0.1 scales them by between 1/1.1 and 1/0.9
	Translation float64 // by up to this many pixels, horizontally and vertically
	Elastic     float64 // the standard deviation of a knot's displacement in pixels
}

const (
	size   = convnet.ImageSide // height and width of an image
	center = (size - 1) / 2.0  // the fixed point of rotation, shear and scaling
)

// The elastic distortion displaces the knots of a grid that is much coarser than the pixels. Both
// coordinates move by Elastic times a value from N(0,1). A pixel's displacement is the mean of the
// displacements of the 4×4 knots around it, weighted by a cubic B-spline. Simard and his colleagues
// displaced every pixel, and smoothed with a Gaussian of σ = 4 pixels. With knots 7 pixels apart,
// the spline is as wide as that: its standard deviation is 7/√3 ≈ 4 pixels.
const (
	spacing = 7
	knots   = size/spacing + 3
)

// spline has the weights of four neighboring knots for each of the pixels between the middle two.
// It never changes.
var spline = func() (weights [spacing][4]float64) {
	for k := range weights {
		t := (float64(k) + 0.5) / spacing
		u := 1 - t
		weights[k] = [4]float64{u * u * u / 6, (4 - 6*t*t + 3*t*t*t) / 6, (4 - 6*u*u + 3*u*u*u) / 6, t * t * t / 6}
	}
	return weights
}()

// A vector is a point in an image or a displacement, in pixels to the right and down.
type vector struct{ x, y float64 }

// A warp says for each pixel of the distorted image where in the source it comes from.
type warp struct {
	right, down vector // steps in the source for a step right and a step down in the result
	shift       vector
	knots       [knots][knots]vector // displacements by row and column
}

// Distort sets dst to a distorted copy of src, both 28×28. It interpolates bilinearly between
// pixels, and takes everything outside src as paper, 0. The distortion depends only on d and rng. dst
// must not share memory with src. Distort panics if a size is wrong.
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
		panic(fmt.Sprintf("augment: Distort: %s is %d×%d, want %d×%d", name, len(m), columns, size, size))
	}
}

// draw draws a random warp.
func (d Distortion) draw(rng *rand.Rand) warp {
	within := func(most float64) float64 { return most * (2*rng.Float64() - 1) }
	w := affine(within(d.Rotation), within(d.Shear), vector{1 + within(d.Scale), 1 + within(d.Scale)})
	w.shift = vector{within(d.Translation), within(d.Translation)}
	for i := range w.knots {
		for j := range w.knots[i] {
			w.knots[i][j] = vector{d.Elastic * rng.NormFloat64(), d.Elastic * rng.NormFloat64()}
		}
	}
	return w
}

// affine returns the warp that stretches each step, then shears it, then turns it by an angle in
// degrees.
func affine(turn, shear float64, stretch vector) (w warp) {
	sin, cos := math.Sincos(turn * math.Pi / 180)
	w.right = vector{stretch.x * cos, stretch.x * sin}
	w.down = vector{stretch.y * (shear*cos - sin), stretch.y * (shear*sin + cos)}
	return w
}

// apply sets dst to src warped by w.
func (w *warp) apply(dst, src [][]float64) {
	var across [knots]vector // weighted means of the columns of knots, for the current row of pixels
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

// at returns the value of src at p, interpolated between the four pixels around it.
func at(src [][]float64, p vector) float64 {
	if !(p.x > -1 && p.x < size && p.y > -1 && p.y < size) {
		return 0
	}
	x, y := int(p.x+1)-1, int(p.y+1)-1 // the pixel to the upper left; rounds down from −1 on
	right, down := p.x-float64(x), p.y-float64(y)
	return (1-down)*((1-right)*pixel(src, x, y)+right*pixel(src, x+1, y)) +
		down*((1-right)*pixel(src, x, y+1)+right*pixel(src, x+1, y+1))
}

// pixel returns a pixel of src, or 0 outside of it.
func pixel(src [][]float64, x, y int) float64 {
	if uint(x) >= size || uint(y) >= size {
		return 0
	}
	return src[y][x]
}
