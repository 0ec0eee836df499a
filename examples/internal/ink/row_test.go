package ink

import (
	"strings"
	"testing"

	"convnet"
)

// Boxes of ink are split into digits, from left to right, and what is no row leaves doubt.
func TestRow(t *testing.T) {
	var many [][4]int
	for k := range mostPieces + 1 {
		many = append(many, [4]int{10, 14, 4 * k, 4*k + 2})
	}
	for _, c := range []struct {
		name   string
		boxes  [][4]int // top, bottom, left, right
		digits []int    // for each box, the digit it's part of
		doubt  string
	}{
		{"one", [][4]int{{10, 50, 10, 30}}, []int{0}, ""},
		{"two", [][4]int{{10, 50, 10, 30}, {12, 48, 40, 44}}, []int{0, 1}, ""},
		{"two, the right one higher", [][4]int{{20, 50, 10, 30}, {5, 48, 40, 44}}, []int{0, 1}, ""},
		{"a bar", [][4]int{{20, 50, 10, 30}, {10, 14, 25, 40}}, []int{0, 0}, ""},
		{"a bar between two", [][4]int{{20, 50, 10, 30}, {10, 14, 35, 45}, {20, 50, 60, 80}}, []int{0, 0, 1}, ""},
		{"one broken across", [][4]int{{10, 30, 10, 30}, {31, 55, 12, 28}}, []int{0, 0}, ""},
		{"two rows", [][4]int{{5, 25, 10, 30}, {35, 55, 10, 30}}, []int{0, 0}, "several rows"},
		{"text", many, make([]int, len(many)), "21 separate pieces"},
	} {
		ink := convnet.NewMatrix(60, 100)
		for _, b := range c.boxes {
			for y := b[0]; y < b[1]; y++ {
				for x := b[2]; x < b[3]; x++ {
					ink[y][x] = 0.5
				}
			}
		}
		digits, doubt := Row(ink)
		if !strings.Contains(doubt, c.doubt) || (c.doubt == "") != (doubt == "") {
			t.Errorf("%s: doubt %q, want %q", c.name, doubt, c.doubt)
		}
		for k, b := range c.boxes {
			for n, digit := range digits {
				want := 0.0
				if n == c.digits[k] {
					want = 0.5
				}
				if v := digit[b[0]][b[2]]; v != want {
					t.Errorf("%s: box %d has ink %v in digit %d, want %v", c.name, k, v, n, want)
				}
			}
		}
	}
}

// A frame with n columns has n holes. A single pixel of paper in a large digit doesn't count, nor does
// paper that the ink doesn't enclose.
func TestHoles(t *testing.T) {
	for _, n := range []int{0, 1, 2, 9} {
		ink := convnet.NewMatrix(60, 100)
		for x := 10; x <= 10+8*n; x++ {
			for y := 10; y <= 50; y++ {
				if y == 10 || y == 50 || (x-10)%8 == 0 {
					ink[y][x] = 0.5
				}
			}
		}
		for x := 3; x < 97; x++ { // a thick bar below, with a single pixel missing
			ink[55][x], ink[56][x], ink[57][x] = 1, 1, 1
		}
		ink[56][50] = 0
		if got := Holes(ink); got != n {
			t.Errorf("found %d holes, want %d", got, n)
		}
	}
}
