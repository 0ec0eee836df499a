package fit

import (
	"math"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
)

func newImage() [][]float64 { return convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide) }

// Ink doesn't change MNIST's images, except where the center of mass is halfway between two pixels, or
// the box is 19 pixels long.
func TestKeepsMNIST(t *testing.T) {
	_, test := testenv.Digits(t)
	digit := newImage()
	kept := 0
	for _, d := range test {
		Ink(digit, d.Image)
		if furthest(digit, d.Image) < 1e-12 {
			kept++
		}
	}
	if kept < 9990 {
		t.Errorf("%d of 10000 images don't change, want at least 9990", kept)
	}
}

// furthest returns the largest difference between two matrices.
func furthest(a, b [][]float64) float64 {
	worst := 0.0
	for y, row := range a {
		for x, v := range row {
			worst = max(worst, math.Abs(v-b[y][x]))
		}
	}
	return worst
}

// A rectangle of ink, whatever its size and place, becomes 20 pixels long and centered.
func TestRectangles(t *testing.T) {
	for _, c := range []struct{ height, width, wantHeight, wantWidth float64 }{
		{40, 20, 20, 10}, {20, 40, 10, 20}, {200, 100, 20, 10}, {20, 20, 20, 20}, {10, 5, 20, 10}, {1, 1, 20, 20},
		{70, 28, 20, 8}, {67, 13, 20, 260.0 / 67}, {13, 67, 260.0 / 67, 20}, {300, 1, 20, 1}, {1, 100, 1, 20}, // thin lines keep full ink
	} {
		ink := convnet.NewMatrix(321, 123)
		for y := range int(c.height) {
			for x := range int(c.width) {
				ink[7+y][11+x] = 0.5
			}
		}
		digit := newImage()
		digit[0][0] = 1 // must be overwritten
		Ink(digit, ink)
		mass, massY, massX := 0.0, 0.0, 0.0
		for y, row := range digit {
			for x, v := range row {
				mass, massY, massX = mass+v, massY+v*float64(y), massX+v*float64(x)
			}
		}
		if want := 0.5 * c.wantHeight * c.wantWidth; math.Abs(mass-want) > 1e-9 {
			t.Errorf("%v×%v: the sum of the ink is %v, want %v", c.height, c.width, mass, want)
		}
		if y, x := massY/mass, massX/mass; max(math.Abs(y-14), math.Abs(x-14)) > 0.5+1e-9 {
			t.Errorf("%v×%v: the center of mass is in row %v and column %v, want 14", c.height, c.width, y, x)
		}
		top, bottom, left, right := box(digit)
		if float64(bottom-top) != math.Ceil(c.wantHeight) || float64(right-left) != math.Ceil(c.wantWidth) {
			t.Errorf("%v×%v: the box is %d×%d, want %v×%v", c.height, c.width, bottom-top, right-left, c.wantHeight, c.wantWidth)
		}
	}
}

// Ink centers the center of mass, not the box. But it pushes nothing over the edge.
func TestByMass(t *testing.T) {
	ink := convnet.NewMatrix(20, 20)
	for y := range 20 {
		ink[y][0], ink[0][y] = 1, 1 // an L upside down, with its center of mass near (5, 5)
	}
	digit := newImage()
	Ink(digit, ink)
	if top, bottom, left, right := box(digit); top != 8 || bottom != 28 || left != 8 || right != 28 {
		t.Errorf("the box has rows %d to %d and columns %d to %d, want 8 to 28, as far as possible", top, bottom, left, right)
	}
	ink[19][3], ink[3][19], ink[10][10] = 30, 30, 30
	Ink(digit, ink)
	if top, _, left, _ := box(digit); top != 5 || left != 5 { // 14 − 1150/129; centering the box would give 4
		t.Errorf("the box begins at (%d, %d), want (5, 5)", top, left)
	}
}

// Thin strokes have as much ink as the others, however thin: their ink isn't spread over a wider stroke.
func TestThinStrokes(t *testing.T) {
	for _, width := range []int{1, 2, 3, 6, 12} {
		ink := convnet.NewMatrix(240, 240) // 12 old pixels become one
		for k := range 240 {
			for w := range width {
				ink[k][w], ink[239-w][k] = 0.8, 0.8 // an L
			}
		}
		digit := newImage()
		Ink(digit, ink)
		full := 0
		for _, row := range digit {
			for _, v := range row {
				if v > 0.8 {
					t.Fatalf("width %d: a pixel has the ink %v, want at most 0.8", width, v)
				}
				if v > 0.8-1e-9 {
					full++
				}
			}
		}
		if full != 39 {
			t.Errorf("width %d: %d pixels have full ink, want the 39 of the L", width, full)
		}
	}
}

func TestNothing(t *testing.T) {
	digit := newImage()
	digit[3][4] = 1
	Ink(digit, convnet.NewMatrix(10, 10))
	if furthest(digit, newImage()) != 0 {
		t.Error("the image of no ink isn't blank, want it blank")
	}
}
