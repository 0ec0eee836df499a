package main

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"convnet"
)

// The chapter's tables and pictures are those of docs/ladder.json.
func TestDocsAreCurrent(t *testing.T) {
	const advice = "is out of date: run go run ./examples/internal/figures/ladder draw"
	n := convnet.NewGradient()
	stored := len(n.Filters1) == 10 && len(n.Filters1[0]) == 25 && len(n.Filters2) == 20 && len(n.Weights1) == 100
	folder := t.TempDir()
	var printed bytes.Buffer
	if err := drawAll("../../../../"+figures, "", folder, &printed); (err == nil) != stored { // the last picture needs the trained network
		t.Fatal(err)
	}
	chapter := readFile(t, "../../../../docs/ladder.md")
	tables := strings.Split(strings.TrimSpace(printed.String()), "\n\n")
	if want := 1 + 1 + 4; len(tables) != want { // the rungs, the curve, the trials
		t.Errorf("%d tables, want %d", len(tables), want)
	}
	for _, table := range tables {
		if !bytes.Contains(chapter, []byte("\n\n"+table+"\n\n")) {
			t.Errorf("docs/ladder.md doesn't have this table, printed by go run ./examples/internal/figures/ladder draw:\n%s", table)
		}
	}
	for _, name := range []string{"ladder.svg", "curve.svg"} {
		if !bytes.Equal(readFile(t, filepath.Join(folder, name)), readFile(t, "../../../../docs/images/"+name)) {
			t.Errorf("docs/images/%s %s", name, advice)
		}
	}
	for _, name := range []string{"distorted.png", "last-wrong.png"} {
		if name == "last-wrong.png" && !stored {
			t.Skip("stored for 10, 20, 100")
		}
		drawn, saved := readGray(t, filepath.Join(folder, name)), readGray(t, "../../../../docs/images/"+name)
		if drawn.Bounds() != saved.Bounds() {
			t.Fatalf("docs/images/%s %s", name, advice)
		}
		for k, v := range drawn.Pix {
			if d := int(v) - int(saved.Pix[k]); d < -1 || d > 1 { // not all processors round alike
				t.Fatalf("docs/images/%s %s", name, advice)
			}
		}
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// readGray reads a picture as shades of gray.
func readGray(t *testing.T, name string) *image.Gray {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(readFile(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	gray := image.NewGray(m.Bounds())
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			gray.Set(x, y, m.At(x, y))
		}
	}
	return gray
}

func TestTables(t *testing.T) {
	var text bytes.Buffer
	printRungs(&text, []outcome{
		{Name: "first", Digits: 5000, Epochs: 10, Validation: []int{9800, 9810}, Test: []int{9700, 9600, 9800}, Seconds: []float64{7, 8.8}},
		{Name: "second", Digits: 60000, Epochs: 100, Validation: []int{9955}, Test: []int{9960}, Seconds: []float64{1000}},
	})
	printCurve(&text, []outcome{
		{Digits: 100, Epochs: 6000, Validation: []int{7900, 7901}, Test: []int{8000, 8010}},
		{Digits: 100, Epochs: 6000, Validation: []int{8200}, Test: []int{8300}},
		{Digits: 60000, Epochs: 10, Test: []int{9900}},
		{Digits: 60000, Epochs: 10, Test: []int{9940}},
	})
	err := printTrials(&text, []outcome{
		{Name: "one", Digits: 5000, Epochs: 10, Validation: []int{9700, 9710}},
		{Name: "two", Digits: 5000, Epochs: 10, Validation: []int{9711}},
		{Name: "three", Digits: 5000, Epochs: 100, Validation: []int{9900}},
		{Name: "four", Digits: 50000, Epochs: 100, Validation: []int{9950}},
	})
	want := `| | digits × epochs | seeds | validation accuracy, % | test accuracy, % | misclassified of 10,000 | seconds |
|---|---:|---:|---:|---:|---:|---:|
| first | 5,000 × 10 | 3 | 98.05 ± 0.05 | 97.00 ± 0.58 | 300 | 8 |
| second | 60,000 × 100 | 1 | 99.55 | 99.60 | 40 | 1,000 |

| digits × epochs | without augmentation: validation accuracy, % | test accuracy, % | with augmentation: validation accuracy, % | test accuracy, % |
|---:|---:|---:|---:|---:|
| 100 × 6,000 | 79.00 ± 0.01 | 80.05 ± 0.05 | 82.00 | 83.00 |
| 60,000 × 10 | – | 99.00 | – | 99.40 |

| 5,000 digits, 10 epochs | seeds | validation accuracy, % |
|---|---:|---:|
| one | 2 | 97.05 ± 0.05 |
| two | 1 | 97.11 |

| 5,000 digits, 100 epochs | seeds | validation accuracy, % |
|---|---:|---:|
| three | 1 | 99.00 |

| 50,000 digits, 100 epochs | seeds | validation accuracy, % |
|---|---:|---:|
| four | 1 | 99.50 |
`
	if text.String() != want || err != nil {
		t.Errorf("printed (%v)\n%s\nwant\n%s", err, &text, want)
	}
}

// A bar is as long as its mean, and the mark for each seed is at its count.
func TestRungsDrawing(t *testing.T) {
	var text bytes.Buffer
	err := drawRungs(&text, []outcome{{Name: "first", Test: []int{9600, 9800}}, {Name: "second", Test: []int{9950}}})
	if err != nil {
		t.Fatal(err)
	}
	var bars, marks []float64 // the lengths of the bars, the middles of the marks
	for _, r := range regexp.MustCompile(`<rect x="([0-9.]+)" y="[0-9.]+" width="([0-9.]+)"`).FindAllStringSubmatch(text.String(), -1) {
		x, width := number(t, r[1]), number(t, r[2])
		if width == 2 {
			marks = append(marks, x+1)
		} else {
			bars = append(bars, width)
		}
	}
	axis := regexp.MustCompile(`<line x1="([0-9.]+)" .*class="axis"`).FindStringSubmatch(text.String())
	if len(bars) != 2 || len(marks) != 3 || axis == nil {
		t.Fatalf("%d bars, %d marks and the axis %q, want 2, 3 and one", len(bars), len(marks), axis)
	}
	percent := bars[0] / 3 // 3% are misclassified
	for k, want := range []float64{4, 2, 0.5} {
		if found := (marks[k] - number(t, axis[1])) / percent; math.Abs(found-want) > 0.01 {
			t.Errorf("mark %d is at %.2f%%, want %.2f%%", k, found, want)
		}
	}
	if found := bars[1] / percent; math.Abs(found-0.5) > 0.01 {
		t.Errorf("the second bar is %.2f%% long, want 0.5%%", found)
	}
	for _, words := range []string{">first<", ">second<", ">3.00%<", ">0.50%<"} {
		if !strings.Contains(text.String(), words) {
			t.Errorf("the picture doesn't say %s", words)
		}
	}
}

// Each curve has its own points. Ten times the digits are always the same distance to the
// right, and half the mistakes the same distance down.
func TestCurveDrawing(t *testing.T) {
	var text bytes.Buffer
	err := drawCurve(&text, []outcome{
		{Name: plain, Digits: 100, Test: []int{8000}}, {Name: augmented, Digits: 100, Test: []int{9000}},
		{Name: plain, Digits: 1000, Test: []int{9000}}, {Name: augmented, Digits: 1000, Test: []int{9500}},
		{Name: plain, Digits: 10000, Test: []int{9500}}, {Name: augmented, Digits: 10000, Test: []int{9700, 9800}},
	})
	if err != nil {
		t.Fatal(err)
	}
	curves := regexp.MustCompile(`<polyline points="([^"]*)"`).FindAllStringSubmatch(text.String(), -1)
	if len(curves) != 2 {
		t.Fatalf("%d curves, want 2", len(curves))
	}
	var xs, ys [2][]float64
	for k, c := range curves {
		for _, point := range strings.Fields(c[1]) {
			x, y, _ := strings.Cut(point, ",")
			xs[k], ys[k] = append(xs[k], number(t, x)), append(ys[k], number(t, y))
		}
	}
	half := ys[0][1] - ys[0][0]
	halvings := [2][]float64{{0, 1, 2}, {1, 2, 3}} // of 20%
	for k := range xs {
		for i, x := range xs[k] {
			if want := xs[0][0] + float64(i)*(xs[0][2]-xs[0][0])/2; math.Abs(x-want) > 0.2 {
				t.Errorf("point %d of curve %d is at x = %v, want %v", i, k, x, want)
			}
			if want := ys[0][0] + halvings[k][i]*half; math.Abs(ys[k][i]-want) > 0.2 {
				t.Errorf("point %d of curve %d is at y = %v, want %v", i, k, ys[k][i], want)
			}
		}
	}
	if half <= 0 {
		t.Errorf("half the mistakes are %v pixels further down, want further down", half)
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
