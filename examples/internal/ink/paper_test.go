package ink

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"convnet"
	"convnet/examples/internal/fit"
	"convnet/examples/internal/photo"
	"convnet/examples/internal/testenv"
	"convnet/examples/trained"
)

// The network classifies digits in photos of all kinds. Here are two of each; docs/photos.md has more.
func TestPhotos(t *testing.T) {
	testenv.NeedStored(t)
	network, err := trained.Network()
	if err != nil {
		t.Fatal(err)
	}
	a, digit := convnet.NewActivations(), newImage()
	for n, kind := range photo.Kinds {
		for k, d := range testDigits(t)[2*n%20:][:2] {
			found, err := Of(kind.Take(d.Image, uint64(k)))
			if err != nil {
				t.Errorf("%s: %v", kind.Name, err)
				continue
			}
			fit.Ink(digit, found)
			if p := network.Predict(a, digit); p != d.Label {
				t.Errorf("%s: a %d is classified as %d", kind.Name, d.Label, p)
			}
		}
	}
}

// A picture of one of MNIST's images gives exactly that image, except that its darkest pixel becomes
// full ink and its specks are gone.
func TestInkOfAllMNIST(t *testing.T) {
	digits := testDigits(t)
	if !testenv.All() {
		digits = digits[:500] // some of which touch the edge
	}
	for k, d := range digits {
		m := image.NewGray(image.Rect(0, 0, convnet.ImageSide, convnet.ImageSide))
		most := 0.0
		for y, row := range d.Image {
			for x, v := range row {
				m.SetGray(x, y, gray(1-v))
				most = max(most, v)
			}
		}
		want := newImage()
		for y, row := range want {
			for x := range row {
				row[x] = d.Image[y][x] / most
			}
		}
		removeSpecks(want)
		if found, err := Of(m); err != nil || furthest(found, want) > 1e-12 {
			t.Errorf("digit %d: the ink differs from the digit by %v, error %v, want no difference and no error", k, furthest(found, want), err)
		}
	}
}

// slow computes the largest value in each square, place by place.
func slow(m [][]float64, reach int) [][]float64 {
	found := convnet.NewMatrix(len(m), len(m[0]))
	for y, row := range found {
		for x := range row {
			row[x] = math.Inf(-1)
			for i := max(0, y-reach); i <= min(len(m)-1, y+reach); i++ {
				for j := max(0, x-reach); j <= min(len(row)-1, x+reach); j++ {
					row[x] = max(row[x], m[i][j])
				}
			}
		}
	}
	return found
}

func random(rows, columns int) [][]float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	m := convnet.NewMatrix(rows, columns)
	for _, row := range m {
		for x := range row {
			row[x] = rng.Float64()
		}
	}
	return m
}

func TestWidest(t *testing.T) {
	for reach := range 12 {
		for _, size := range [][2]int{{1, 1}, {1, 9}, {7, 5}, {20, 30}} {
			m := random(size[0], size[1])
			want := slow(m, reach)
			smallest := inverted(slow(inverted(m), reach))
			if found := narrowed(m, reach); furthest(found, smallest) > 1e-12 {
				t.Errorf("reach %d, %v: narrowed is wrong by %v", reach, size, furthest(found, smallest))
			}
			widest(m, reach)
			if furthest(m, want) > 1e-12 {
				t.Errorf("reach %d, %v: widest is wrong by %v", reach, size, furthest(m, want))
			}
		}
	}
}

func TestSmooth(t *testing.T) {
	m := random(9, 12)
	for reach := range 14 {
		for y, row := range smooth(m, reach) {
			for x, v := range row {
				sum, n := 0.0, 0.0
				for i := max(0, y-reach); i <= min(8, y+reach); i++ {
					for j := max(0, x-reach); j <= min(11, x+reach); j++ {
						sum, n = sum+m[i][j], n+1
					}
				}
				if math.Abs(v-sum/n) > 1e-12 {
					t.Fatalf("reach %d: the mean at (%d, %d) is %v, want %v", reach, y, x, v, sum/n)
				}
			}
		}
	}
}

// Closing fills what is darker and narrower than the square, and leaves a slope as it is.
func TestClosing(t *testing.T) {
	shades := convnet.NewMatrix(40, 60)
	for y, row := range shades {
		for x := range row {
			row[x] = 0.2 + float64(x)/100
			if x >= 20 && x < 24 || y >= 30 { // a stroke, and a wide shadow
				row[x] /= 2
			}
		}
	}
	paper := closing(shades, filled(40, 60, 1), 8)
	for y, row := range paper {
		for x, v := range row {
			want := 0.2 + float64(x)/100
			if y >= 30 {
				want /= 2
			}
			if math.Abs(v-want) > 0.05 {
				t.Fatalf("paper at (%d, %d) is %v, want about %v", y, x, v, want)
			}
		}
	}
}

// A page is found on a table, and only there.
func TestFindPage(t *testing.T) {
	for _, turned := range []float64{0, 0.1, -0.3} {
		for _, dark := range []bool{false, true} {
			shades := convnet.NewMatrix(100, 80)
			sin, cos := math.Sincos(turned)
			inside := func(y, x int, margin float64) bool {
				dy, dx := float64(y-50), float64(x-40)
				return math.Abs(dy*cos+dx*sin) < 35-margin && math.Abs(dx*cos-dy*sin) < 25-margin
			}
			for y, row := range shades {
				for x := range row {
					row[x] = 0.3
					if inside(y, x, 0) {
						row[x] = 0.8
					}
				}
			}
			if dark {
				shades = inverted(shades)
			}
			page := findPage(shades)
			if page == nil {
				t.Errorf("turned by %v, dark %v: found no page, want one", turned, dark)
				continue
			}
			for y, row := range page {
				for x, v := range row {
					if v == 1 && !inside(y, x, 0) || v == 0 && inside(y, x, 8) {
						t.Fatalf("turned by %v, dark %v: the page is %v at (%d, %d)", turned, dark, v, y, x)
					}
				}
			}
		}
	}
	for name, shade := range map[string]func(y, x float64) float64{
		"a slope":                    func(y, x float64) float64 { return 0.2 + 0.6*x },
		"a disc":                     func(y, x float64) float64 { return toShade(math.Hypot(y-0.5, x-0.5) < 0.4) },
		"a dark ring":                func(y, x float64) float64 { return toShade(math.Abs(math.Hypot(y-0.5, x-0.5)-0.4) > 0.08) },
		"a soft edge":                func(y, x float64) float64 { return 0.3 + 0.5/(1+math.Exp((x-0.5)*10)) },
		"a stroke from edge to edge": func(y, x float64) float64 { return toShade(math.Abs(x-0.3) > 0.03) },
		"a thin frame":               func(y, x float64) float64 { return toShade(math.Abs(max(math.Abs(y-0.5), math.Abs(x-0.5))-0.3) > 0.03) },
		"uniform":                    func(y, x float64) float64 { return 0.5 },
	} {
		shades := convnet.NewMatrix(100, 80)
		for y, row := range shades {
			for x := range row {
				row[x] = shade(float64(y)/100, float64(x)/80)
			}
		}
		if findPage(shades) != nil {
			t.Errorf("%s: found a page, want none", name)
		}
	}
}

func toShade(light bool) float64 {
	if light {
		return 0.9
	}
	return 0.2
}

// What runs along the edge isn't ink, unless there's nothing else.
func TestAlongEdge(t *testing.T) {
	page := filled(60, 40, 1)
	for _, c := range []struct {
		name  string
		boxes [][4]int // top, bottom, left, right
		keep  []bool
	}{
		{"a strip and a stroke", [][4]int{{0, 60, 0, 4}, {20, 40, 20, 24}}, []bool{false, true}},
		{"a strip below and a stroke", [][4]int{{56, 60, 0, 40}, {20, 40, 20, 24}}, []bool{false, true}},
		{"only a stroke along the edge", [][4]int{{0, 60, 36, 40}}, []bool{true}},
		{"a stroke that ends at the edge", [][4]int{{20, 24, 0, 20}, {30, 50, 20, 24}}, []bool{true, true}},
		{"a strip and a speck", [][4]int{{0, 60, 0, 4}, {20, 22, 20, 22}}, []bool{true, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ink := convnet.NewMatrix(60, 40)
			for _, b := range c.boxes {
				for y := b[0]; y < b[1]; y++ {
					for x := b[2]; x < b[3]; x++ {
						ink[y][x] = 1
					}
				}
			}
			removeAlongEdge(ink, page)
			for k, b := range c.boxes {
				if kept := ink[b[0]][b[2]] == 1; kept != c.keep[k] {
					t.Errorf("piece %d: kept %v, want %v", k, kept, c.keep[k])
				}
			}
		})
	}
}

// Printed lines are cut off, however dark up to half the ink, and strokes aren't.
func TestCutoff(t *testing.T) {
	for _, c := range []struct{ lines, strokes, low, high float64 }{
		{0.1, 0.8, 0.28, 0.48}, {0.3, 0.8, 0.3, 0.48}, {0.45, 0.8, 0.45, 0.48}, {0, 0.8, 0.28, 0.48}, {0, 0.2, 0.07, 0.12},
	} {
		var values []float64
		for range 100 {
			values = append(values, c.lines, c.strokes)
		}
		if v := cutoff(values, 0.01, c.strokes); v < c.low-1e-9 || v > c.high+1e-9 {
			t.Errorf("lines of %v and strokes of %v: cut off at %v, want %v to %v", c.lines, c.strokes, v, c.low, c.high)
		}
	}
	if v := cutoff([]float64{0, 0, 0}, 0.01, 0.5); v != faint*0.5 {
		t.Errorf("no ink: cut off at %v, want %v", v, faint*0.5)
	}
}

// A picture of a thick stroke has ink there and nowhere else, whatever else there is.
func TestOnlyTheStroke(t *testing.T) {
	const height, width = 40, 30
	stroke := func(y, x int) bool { return y >= 10 && y < 30 && x >= 14 && x < 17 }
	for name, shade := range map[string]func(y, x int) float64{
		"a strip of the table": func(y, x int) float64 { return toShade(x > 2 && !stroke(y, x)) },
		"faint marks on grainy paper": func(y, x int) float64 {
			v := toShade(!stroke(y, x)) + 0.01*float64((x+2*y*y)%3)
			if x == 25 && y > 5 && y < 35 {
				v -= 0.1
			}
			return v
		},
		"dark on light, by lamp light": func(y, x int) float64 {
			return toShade(!stroke(y, x)) * (0.5 + float64(x)/2/width)
		},
		"light on dark, by lamp light": func(y, x int) float64 {
			return toShade(stroke(y, x)) * (0.5 + float64(x)/2/width)
		},
	} {
		m := image.NewGray(image.Rect(0, 0, width, height))
		for y := range height {
			for x := range width {
				m.SetGray(x, y, gray(shade(y, x)))
			}
		}
		found, err := Of(m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for y, row := range found {
			for x, v := range row {
				if (v > 0.5) != stroke(y, x) || !stroke(y, x) && v > 0 {
					t.Fatalf("%s: the ink at (%d, %d) is %v, want it in the stroke only", name, y, x, v)
				}
			}
		}
	}
}

// Otsu's threshold separates two shades, and its step is their difference.
func TestOtsu(t *testing.T) {
	for _, share := range []int{10, 50, 90} {
		shades := convnet.NewMatrix(10, 10)
		for k := range 100 {
			shades[k/10][k%10] = 0.2
			if k < share {
				shades[k/10][k%10] = 0.8
			}
		}
		split, step := otsu(shades)
		if split < 0.2 || split > 0.8 || math.Abs(step-0.6) > 0.01 {
			t.Errorf("%d%% light: the split is %v and the step %v, want 0.2 to 0.8 and 0.6", share, split, step)
		}
	}
}

// Pictures of all sizes, even the smallest, are no problem.
func TestSmallPictures(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, size := range []image.Point{{1, 1}, {1, 2}, {2, 1}, {3, 3}, {5, 1}, {7, 40}, {19, 21}, {600, 1}, {1, 600}} {
		for range 5 {
			m := image.NewGray(image.Rectangle{Max: size})
			for k := range m.Pix {
				m.Pix[k] = uint8(rng.IntN(256))
			}
			found, err := Of(m)
			if err != nil {
				continue
			}
			for y, row := range found {
				for x, v := range row {
					if !(v >= 0 && v <= 1) {
						t.Fatalf("%v: the ink at (%d, %d) is %v, want 0 to 1", size, y, x, v)
					}
				}
			}
		}
	}
}
