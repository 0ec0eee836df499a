package recognize

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/photo"
	"convnet/examples/internal/testenv"
	"convnet/examples/trained"
)

func newRecognizer(t *testing.T) *Recognizer {
	t.Helper()
	testenv.NeedStored(t)
	network, err := trained.Network()
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(network)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A photo of a digit has one result, with its runner-up, and no doubt.
func TestPicture(t *testing.T) {
	r := newRecognizer(t)
	_, test := testenv.Digits(t)
	results, err := r.Picture(photo.Kinds[0].Take(test[0].Image, 1))
	if err != nil || len(results) != 1 {
		t.Fatalf("%d results, error %v, want one", len(results), err)
	}
	d := results[0]
	sorted := slices.Sorted(slices.Values(d.Probabilities))
	if d.Label != test[0].Label || d.Doubt != "" || d.Probabilities[d.Label] != sorted[9] || d.Probabilities[d.RunnerUp] != sorted[8] {
		t.Errorf("label %d, runner-up %d, doubt %q, probabilities %v", d.Label, d.RunnerUp, d.Doubt, d.Probabilities)
	}
	if _, err := r.Picture(image.NewGray(image.Rect(0, 0, 9, 9))); err == nil {
		t.Error("no error for a blank picture, want one")
	}
}

// drawing renders what's in a square from −1 to 1.
func drawing(inked func(y, x float64) bool) image.Image {
	m := image.NewGray(image.Rect(0, 0, 300, 300))
	for y := range 300 {
		for x := range 300 {
			m.SetGray(x, y, color.Gray{230})
			if inked(float64(y-150)/150, float64(x-150)/150) {
				m.SetGray(x, y, color.Gray{40})
			}
		}
	}
	return m
}

// What is no digit leaves doubt.
func TestNoDigits(t *testing.T) {
	r := newRecognizer(t)
	rng := rand.New(rand.NewPCG(1, 1))
	for name, m := range map[string]image.Image{
		"noise": drawing(func(y, x float64) bool { return rng.IntN(20) == 0 }),
		"a cross": drawing(func(y, x float64) bool {
			return max(math.Abs(y), math.Abs(x)) < 0.7 && math.Abs(math.Abs(y)-math.Abs(x)) < 0.05
		}),
		"a checkerboard": drawing(func(y, x float64) bool {
			return max(math.Abs(y), math.Abs(x)) < 0.8 && (int(5*y+50)+int(5*x+50))%2 == 0
		}),
		"dots": drawing(func(y, x float64) bool { return math.Hypot(math.Mod(y+2, 0.2)-0.1, math.Mod(x+2, 0.2)-0.1) < 0.05 }),
		"two rows": drawing(func(y, x float64) bool {
			return math.Hypot((math.Abs(y)-0.5)/1.5, x) < 0.25 && math.Hypot((math.Abs(y)-0.5)/1.5, x) > 0.15
		}),
		"a large M": drawing(func(y, x float64) bool {
			return math.Abs(y) < 0.8 && (math.Abs(math.Abs(x)-0.8) < 0.06 || y < 0 && math.Abs(y+math.Abs(x)) < 0.08)
		}),
	} {
		results, err := r.Picture(m)
		if err != nil {
			continue // that's a warning, too
		}
		for _, d := range results {
			if d.Doubt == "" {
				t.Errorf("%s: %d, %.3f, no doubt", name, d.Label, d.Probabilities[d.Label])
			}
		}
	}
}

// Ink with more holes than a digit has leaves doubt, as empty graph paper does.
func TestManyHoles(t *testing.T) {
	r := newRecognizer(t)
	for n := range 8 {
		ink := convnet.NewMatrix(100, 100)
		for x := 5; x <= 5+10*n; x++ { // a frame with n columns
			for y := 10; y <= 90; y++ {
				if y == 10 || y == 90 || x%10 == 5 {
					ink[y][x] = 1
				}
			}
		}
		doubt := r.classify(ink).Doubt
		if got, want := strings.Contains(doubt, fmt.Sprintf("encloses %d areas", n)), n > mostHoles; got != want {
			t.Errorf("%d holes: doubt %q", n, doubt)
		}
	}
}

// A close runner-up leaves doubt, and is named.
func TestCloseRunnerUp(t *testing.T) {
	r := newRecognizer(t)
	train, _ := testenv.Digits(t)
	r.network = convnet.New(1) // untrained, so no class is far ahead
	d := r.classify(train[0].Image)
	if !strings.HasPrefix(d.Doubt, "the runner-up is close: ") {
		t.Errorf("doubt %q, want one about the runner-up", d.Doubt)
	}
}

// The limits leave no photo of a training digit that is wrong and sure, if the digit itself isn't known.
// docs/photos.md has both limits.
func TestLimits(t *testing.T) {
	page := strings.Join(strings.Fields(string(testenv.ReadFile(t, "docs/photos.md"))), " ")
	for _, says := range []string{fmt.Sprintf("more than %v%%", 100*closest), fmt.Sprintf("below %v for all", similar)} {
		if !strings.Contains(page, says) {
			t.Errorf("docs/photos.md does not say %q", says)
		}
	}
	r := newRecognizer(t)
	testenv.NeedAll(t)
	train, _ := testenv.Digits(t)
	known := r.known
	for k, digit := range train[1000:1050] { // one of which is classified as another digit
		r.known = slices.Concat(known[:1000+k], known[1000+k+1:])
		for _, kind := range photo.Kinds {
			results, err := r.Picture(kind.Take(digit.Image, uint64(1000+k)))
			if err != nil {
				t.Errorf("%s of training digit %d: %v", kind.Name, 1000+k, err)
				continue
			}
			if d := results[0]; len(results) == 1 && d.Label != digit.Label && d.Doubt == "" {
				t.Errorf("%s of training digit %d, a %d: %d, no doubt", kind.Name, 1000+k, digit.Label, d.Label)
			}
		}
	}
}

// A training digit is similar to itself, and a blank image to nothing.
func TestSimilarity(t *testing.T) {
	r := newRecognizer(t)
	train, _ := testenv.Digits(t)
	if s := r.similarity(train[7].Image); math.Abs(s-1) > 1e-9 {
		t.Errorf("the similarity of a training digit is %v, want 1", s)
	}
	if s := r.similarity(convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)); s > 1e-9 {
		t.Errorf("the similarity of a blank image is %v, want 0", s)
	}
}

func TestRunnerUp(t *testing.T) {
	for want, p := range map[int][]float64{2: {0.5, 0.1, 0.3, 0.1}, 0: {0.3, 0.7, 0, 0}, 3: {0, 0, 1, 0.0}} {
		label := slices.Index(p, slices.Max(p))
		if found := runnerUp(p, label); found != want {
			t.Errorf("%v: the runner-up is %d, want %d", p, found, want)
		}
	}
}
