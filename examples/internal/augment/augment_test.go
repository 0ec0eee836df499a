package augment

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"convnet"
)

// all is a Distortion of every kind at once.
var all = Distortion{Rotation: 20, Shear: 0.2, Scale: 0.2, Translation: 3, Elastic: 3}

// noise returns an image with random values from 0 to 1, right up to its edges.
func noise() [][]float64 {
	rng := rand.New(rand.NewPCG(1, 1))
	m := convnet.NewMatrix(size, size)
	for _, row := range m {
		for x := range row {
			row[x] = rng.Float64()
		}
	}
	return m
}

func checkClose(t *testing.T, what string, found, want, most float64) {
	t.Helper()
	if !(math.Abs(found-want) <= most) {
		t.Errorf("%s is %v, want %v ± %v", what, found, want, most)
	}
}

// Distort matches its definition, pixel by pixel. Here the place a pixel comes from is a sum over all
// knots, and its value a sum over all pixels.
func TestDistort(t *testing.T) {
	src, dst := noise(), convnet.NewMatrix(size, size)
	for seed := range uint64(20) {
		all.Distort(dst, src, rand.New(rand.NewPCG(seed, 0)))
		w := all.draw(rand.New(rand.NewPCG(seed, 0)))
		for y, row := range dst {
			for x, found := range row {
				p := place(w, x, y)
				want := 0.0
				for i, pixels := range src {
					for j, v := range pixels {
						want += v * tent(p.x-float64(j)) * tent(p.y-float64(i))
					}
				}
				if checkClose(t, fmt.Sprint("pixel ", y, x), found, want, 1e-12); t.Failed() {
					return
				}
			}
		}
	}
}

// place returns where the pixel at x, y comes from.
func place(w warp, x, y int) vector {
	const middle = float64(size-1) / 2
	right, down := float64(x)-middle, float64(y)-middle
	p := vector{
		middle + right*w.right.x + down*w.down.x + w.shift.x,
		middle + right*w.right.y + down*w.down.y + w.shift.y,
	}
	for i, row := range w.knots {
		for j, knot := range row {
			// Knot 0 is one spacing before the edge of the image, which is at −½.
			b := cubic((float64(x)+0.5)/7+1-float64(j)) * cubic((float64(y)+0.5)/7+1-float64(i))
			p.x += b * knot.x
			p.y += b * knot.y
		}
	}
	return p
}

func tent(t float64) float64 { return max(0, 1-math.Abs(t)) }

// cubic is the cubic B-spline.
func cubic(t float64) float64 {
	t = math.Abs(t)
	switch {
	case t < 1:
		return 2.0/3 - t*t + t*t*t/2
	case t < 2:
		return (2 - t) * (2 - t) * (2 - t) / 6
	}
	return 0
}

func TestZeroDistortion(t *testing.T) {
	src, dst := noise(), convnet.NewMatrix(size, size)
	Distortion{}.Distort(dst, src, rand.New(rand.NewPCG(1, 2)))
	for y := range dst {
		if !slices.Equal(dst[y], src[y]) {
			t.Fatalf("row %d is %v, want %v, unchanged", y, dst[y], src[y])
		}
	}
}

// Images are rotated, stretched, sheared and shifted in the right direction and about the center.
func TestAffine(t *testing.T) {
	const last = size - 1
	src, dst := noise(), convnet.NewMatrix(size, size)
	same := vector{1, 1}
	turned := func(turn, shear float64, stretch, shift vector) warp {
		w := affine(turn, shear, stretch)
		w.shift = shift
		return w
	}
	for _, test := range []struct {
		name string
		warp warp
		want func(y, x int) float64
	}{
		{"a quarter turn to the left", turned(90, 0, same, vector{}), func(y, x int) float64 { return src[x][last-y] }},
		{"half a turn", turned(180, 0, same, vector{}), func(y, x int) float64 { return src[last-y][last-x] }},
		{"two to the left, one up", turned(0, 0, same, vector{2, 1}), func(y, x int) float64 { return pixel(src, x+2, y+1) }},
		{"mirrored", turned(0, 0, vector{-1, 1}, vector{}), func(y, x int) float64 { return src[y][last-x] }},
		{"a third as wide", turned(0, 0, vector{3, 1}, vector{}), func(y, x int) float64 { return pixel(src, 3*x-last, y) }},
		{"a third as high", turned(0, 0, vector{1, 3}, vector{}), func(y, x int) float64 { return pixel(src, x, 3*y-last) }},
		{"sheared", turned(0, 2, same, vector{}), func(y, x int) float64 { return pixel(src, x+2*y-last, y) }},
		{"stretched, then turned", turned(90, 0, vector{3, 1}, vector{}), func(y, x int) float64 { return pixel(src, last-y, 3*x-last) }},
	} {
		test.warp.apply(dst, src)
		for y, row := range dst {
			for x, found := range row {
				if checkClose(t, fmt.Sprint(test.name, ": pixel ", y, x), found, test.want(y, x), 1e-12); t.Failed() {
					return
				}
			}
		}
	}
}

// Steps are stretched by 2 and 3, sheared by a half, then rotated by 60 degrees, in this order.
func TestOrder(t *testing.T) {
	w := affine(60, 0.5, vector{2, 3})
	sin, cos := math.Sqrt(3)/2, 0.5
	checkClose(t, "right.x", w.right.x, 2*cos, 1e-14)
	checkClose(t, "right.y", w.right.y, 2*sin, 1e-14)
	// The step down is 3 long, and shearing makes it (1.5, 3).
	checkClose(t, "down.x", w.down.x, 1.5*cos-3*sin, 1e-14)
	checkClose(t, "down.y", w.down.y, 1.5*sin+3*cos, 1e-14)
}

// Each field sets a bound of its own, and values are spread evenly up to it.
func TestBounds(t *testing.T) {
	const draws = 5000
	for _, test := range []struct {
		name string
		d    Distortion
		most float64
		of   func(w warp) float64
	}{
		{"rotation", Distortion{Rotation: 20}, 20, func(w warp) float64 { return math.Atan2(w.right.y, w.right.x) * 180 / math.Pi }},
		{"rotation of down", Distortion{Rotation: 20}, 20, func(w warp) float64 { return math.Atan2(-w.down.x, w.down.y) * 180 / math.Pi }},
		{"shear", Distortion{Shear: 0.2}, 0.2, func(w warp) float64 { return w.down.x }},
		{"scale across", Distortion{Scale: 0.2}, 0.2, func(w warp) float64 { return w.right.x - 1 }},
		{"scale down", Distortion{Scale: 0.2}, 0.2, func(w warp) float64 { return w.down.y - 1 }},
		{"scale down minus scale across", Distortion{Scale: 0.2}, 0.4, func(w warp) float64 { return w.down.y - w.right.x }},
		{"translation across", Distortion{Translation: 3}, 3, func(w warp) float64 { return w.shift.x }},
		{"translation down", Distortion{Translation: 3}, 3, func(w warp) float64 { return w.shift.y }},
		{"translation down minus translation across", Distortion{Translation: 3}, 6, func(w warp) float64 { return w.shift.y - w.shift.x }},
	} {
		rng := rand.New(rand.NewPCG(3, 4))
		var sum, least, most float64
		for range draws {
			v := test.of(test.d.draw(rng))
			sum, least, most = sum+v, min(least, v), max(most, v)
		}
		checkClose(t, test.name+": mean over bound", sum/draws/test.most, 0, 0.05)
		checkClose(t, test.name+": most over bound", most/test.most, 0.975, 0.025)
		checkClose(t, test.name+": least over bound", least/test.most, -0.975, 0.025)
	}
}

// The displacements of knots have the standard deviation Elastic. Both coordinates, and different
// knots, are independent.
func TestElastic(t *testing.T) {
	d := Distortion{Elastic: 3}
	rng := rand.New(rand.NewPCG(5, 6))
	var squares, products, n float64
	for range 500 {
		w := d.draw(rng)
		for i, row := range w.knots {
			for j, knot := range row {
				other := w.knots[i][(j+1)%knots]
				squares += knot.x*knot.x + knot.y*knot.y
				products += knot.x*knot.y + knot.x*other.x + knot.y*other.y
				n += 2
			}
		}
	}
	checkClose(t, "the standard deviation", math.Sqrt(squares/n), 3, 0.03)
	checkClose(t, "the correlation", products/n/9, 0, 0.02)
}

// From the same state of rng come the same bits, and then the same state.
func TestSameBits(t *testing.T) {
	src := noise()
	draw := func() (images [2][][]float64, next uint64) {
		rng := rand.New(rand.NewPCG(7, 8))
		for k := range images {
			images[k] = convnet.NewMatrix(size, size)
			all.Distort(images[k], src, rng)
		}
		return images, rng.Uint64()
	}
	a, nextA := draw()
	b, nextB := draw()
	if fmt.Sprint(a) != fmt.Sprint(b) || nextA != nextB {
		t.Error("two runs with the same seed differ, want no difference")
	}
	if fmt.Sprint(a[0]) == fmt.Sprint(a[1]) {
		t.Error("two images in a row are distorted alike, want different distortions")
	}
}

func TestSourceStaysUnchanged(t *testing.T) {
	src, dst := noise(), noise()
	all.Distort(dst, src, rand.New(rand.NewPCG(1, 2)))
	if fmt.Sprint(src) != fmt.Sprint(noise()) {
		t.Error("src changed, want it unchanged")
	}
	for _, row := range dst {
		if slices.Min(row) < 0 || slices.Max(row) > 1 {
			t.Errorf("a row is %v, want values from 0 to 1 as in src", row)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	src, dst := noise(), noise()
	rng := rand.New(rand.NewPCG(1, 2))
	if n := testing.AllocsPerRun(10, func() { all.Distort(dst, src, rng) }); n != 0 {
		t.Errorf("Distort allocates %v times, want 0", n)
	}
}

func TestWrongShape(t *testing.T) {
	good := noise()
	for _, test := range []struct {
		dst, src [][]float64
		want     string
	}{
		{convnet.NewMatrix(size-1, size), good, fmt.Sprintf("dst is %d×%d, want %[2]d×%[2]d", size-1, size)},
		{good, convnet.NewMatrix(size, size-1), fmt.Sprintf("src is %d×%d, want %[1]d×%[1]d", size, size-1)},
		{good, nil, fmt.Sprintf("src is 0×0, want %d×%[1]d", size)},
	} {
		func() {
			defer func() {
				if found := fmt.Sprint(recover()); !strings.Contains(found, "augment: Distort: "+test.want) {
					t.Errorf("panic %q, want one that contains %q", found, test.want)
				}
			}()
			all.Distort(test.dst, test.src, rand.New(rand.NewPCG(1, 2)))
		}()
	}
}

func BenchmarkDistort(b *testing.B) {
	src, dst := noise(), noise()
	rng := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		all.Distort(dst, src, rng)
	}
}
