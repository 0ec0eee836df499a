package ink

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/fit"
	"convnet/examples/internal/photo"
	"convnet/examples/internal/testenv"
	"convnet/examples/trained"
)

func newImage() [][]float64 { return convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide) }

func testDigits(t *testing.T) []convnet.Digit {
	t.Helper()
	_, test := testenv.Digits(t)
	return test
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

// A scene is a way to draw a digit in a picture.
type scene struct {
	name       string
	scale      float64 // of the digit
	paper, ink float64 // from 0 for black to 1 for white
	grain      float64 // standard deviation of the noise
	shadow     float64 // how much darker the lower right corner is than the upper left
	specks     int
}

func (s scene) draw(digit [][]float64, rng *rand.Rand) *image.Gray {
	const above, beside = 40, 30
	size := int(convnet.ImageSide * s.scale)
	m := image.NewGray(image.Rect(-3, 5, size+2*beside-3, size+2*above+5)) // not every picture begins at (0, 0)
	b := m.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			v := photo.Between(digit, float64(y-above)/s.scale, float64(x-beside)/s.scale)
			v = s.paper + (s.ink-s.paper)*v + s.grain*rng.NormFloat64() - s.shadow*float64(x+y)/float64(b.Dx()+b.Dy())
			m.SetGray(b.Min.X+x, b.Min.Y+y, gray(v))
		}
	}
	for range s.specks {
		y, x := b.Min.Y+3+rng.IntN(b.Dy()-6), b.Min.X+3+rng.IntN(b.Dx()-6)
		for k := range 4 {
			m.SetGray(x+k%2, y+k/2, gray(s.ink))
		}
	}
	return m
}

func gray(v float64) color.Gray { return color.Gray{uint8(math.Round(255 * min(max(v, 0), 1)))} }

// scenes are the many ways people take pictures of digits.
var scenes = []scene{
	{name: "dark on light", scale: 5, paper: 1, ink: 0},
	{name: "light on dark", scale: 5, paper: 0, ink: 1},
	{name: "small", scale: 1, paper: 1, ink: 0},
	{name: "an odd size", scale: 3.3, paper: 0.9, ink: 0.1},
	{name: "large", scale: 23, paper: 1, ink: 0.2},
	{name: "pale", scale: 5, paper: 0.8, ink: 0.6},
	{name: "grain", scale: 5, paper: 0.8, ink: 0.2, grain: 0.05},
	{name: "a shadow", scale: 5, paper: 0.8, ink: 0.2, grain: 0.02, shadow: 0.2},
	{name: "specks", scale: 5, paper: 1, ink: 0, specks: 4},
}

// inScene draws digits in the scene, and returns the digits found in the pictures.
func (s scene) inScene(t *testing.T, digits []convnet.Digit) (found []convnet.Digit) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 0))
	for _, d := range digits {
		ink, err := Of(s.draw(d.Image, rng))
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		image := newImage()
		fit.Ink(image, ink)
		found = append(found, convnet.Digit{Image: image, Label: d.Label})
	}
	return found
}

// A digit in a picture becomes almost the same image again, and the trained network classifies it
// correctly.
func TestInk(t *testing.T) {
	for _, size := range []int{20, 50} { // the first test digits, which the network all classifies correctly
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			if size > 20 {
				testenv.NeedAll(t)
			}
			checkInk(t, testDigits(t)[:size])
		})
	}
}

func checkInk(t *testing.T, digits []convnet.Digit) {
	for _, s := range scenes {
		found := s.inScene(t, digits)
		sum := 0.0
		for k, d := range found {
			sum += correlation(d.Image, digits[k].Image)
		}
		if mean := sum / float64(len(digits)); mean < 0.85 {
			t.Errorf("%s: the average correlation with the original images is %.3f, want at least 0.85", s.name, mean)
		}
		if !testenv.Stored() {
			continue // the trained network doesn't fit
		}
		network, err := trained.Network()
		if err != nil {
			t.Fatal(err)
		}
		if correct := network.CountCorrect(found); correct < len(digits)-1 {
			t.Errorf("%s: %d of %d digits classified correctly, want all but one, or all", s.name, correct, len(digits))
		}
	}
}

// correlation returns the correlation coefficient of the pixels of two images.
func correlation(a, b [][]float64) float64 {
	n, sumA, sumB, sumAA, sumBB, sumAB := 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
	for y, row := range a {
		for x, v := range row {
			w := b[y][x]
			n, sumA, sumB, sumAA, sumBB, sumAB = n+1, sumA+v, sumB+w, sumAA+v*v, sumBB+w*w, sumAB+v*w
		}
	}
	return (n*sumAB - sumA*sumB) / math.Sqrt((n*sumAA-sumA*sumA)*(n*sumBB-sumB*sumB))
}

// A 28×28 picture of an MNIST digit becomes this digit.
func TestInkOfMNIST(t *testing.T) {
	d := testDigits(t)[0].Image
	for _, light := range []bool{false, true} {
		m := image.NewGray(image.Rect(0, 0, convnet.ImageSide, convnet.ImageSide))
		for y, row := range d {
			for x, v := range row {
				if !light {
					v = 1 - v
				}
				m.SetGray(x, y, gray(v))
			}
		}
		ink, err := Of(m)
		if err != nil || furthest(ink, d) > 0.01 { // its darkest pixel is 254, and becomes 255
			t.Errorf("light ink %v: the ink differs from the digit by %v, error %v, want no difference and no error", light, furthest(ink, d), err)
		}
	}
}

// Only the lightness of a color matters. Transparent pixels are paper.
func TestInkColors(t *testing.T) {
	for _, c := range []struct {
		name       string
		paper, ink color.Color
	}{
		{"blue on yellow", color.RGBA{255, 230, 80, 255}, color.RGBA{20, 30, 160, 255}},
		{"black on nothing", color.Transparent, color.Black},
		{"white on nothing", color.Transparent, color.White},
		{"half transparent on nothing", color.Transparent, color.NRGBA{200, 0, 0, 128}},
	} {
		m := image.NewNRGBA(image.Rect(0, 0, 20, 30))
		for y := range 30 {
			for x := range 20 {
				m.Set(x, y, c.paper)
				if x == 10 && y >= 5 && y < 25 {
					m.Set(x, y, c.ink)
				}
			}
		}
		ink, err := Of(m)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for y, row := range ink {
			for x, v := range row {
				want := 0.0
				if x == 10 && y >= 5 && y < 25 {
					want = 1
				}
				if math.Abs(v-want) > 1e-9 {
					t.Fatalf("%s: the ink at (%d, %d) is %v, want %v", c.name, y, x, v, want)
				}
			}
		}
	}
}

// In a large picture, each value is the mean of a block. The last blocks may be smaller.
func TestShadesOfLargePictures(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 1003, 7))
	for k := range m.Pix {
		m.Pix[k] = uint8(k % 251)
	}
	got := shades(m, color.White)
	if len(got) != 3 || len(got[0]) != 335 {
		t.Fatalf("%d×%d shades, want 3×335", len(got), len(got[0]))
	}
	for y, row := range got {
		for x, v := range row {
			sum, n := 0.0, 0.0
			for i := 3 * y; i < min(3*y+3, 7); i++ {
				for j := 3 * x; j < min(3*x+3, 1003); j++ {
					sum, n = sum+float64(m.GrayAt(j, i).Y), n+1
				}
			}
			if math.Abs(v-sum/n/255) > 1e-12 {
				t.Fatalf("the shade at (%d, %d) is %v, want %v", y, x, v, sum/n/255)
			}
		}
	}
}

// Blocks begin above 500 rows or columns.
func TestShadesBlocks(t *testing.T) {
	for size, want := range map[int]int{1: 1, 499: 499, 500: 500, 501: 251, 1000: 500, 1001: 334} {
		got := shades(image.NewGray(image.Rect(0, 0, size, 2)), color.White)
		if len(got[0]) != want {
			t.Errorf("%d pixels: %d columns, want %d", size, len(got[0]), want)
		}
	}
}

func TestNoInk(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 9, 9))
	for k := range m.Pix {
		m.Pix[k] = 200 + uint8(k%2)
	}
	if _, err := Of(m); err == nil || !strings.Contains(err.Error(), "the contrast between ink and paper is 0.0") {
		t.Errorf("error %v, want one about the contrast", err)
	}
}
