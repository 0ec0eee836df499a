package main

import (
	"bytes"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/stored"
	"convnet/examples/internal/testenv"
)

// The chapter's tables and pictures show what docs/ladder.json holds.
func TestDocsAreCurrent(t *testing.T) {
	outcomes := readOutcomes(t)
	var printed bytes.Buffer
	if err := printTables(&printed, outcomes); err != nil {
		t.Fatal(err)
	}
	if tables := stored.Blocks(printed.String()); len(tables) != 1+1+4 { // the rungs, the curve, the trials
		t.Errorf("%d tables, want 6", len(tables))
	}
	stored.Tables(t, "docs/ladder.md", printed.String(), stored.Tolerance{})
	for _, p := range pictures(outcomes, "") {
		t.Run(p.name, func(t *testing.T) {
			tolerance := 0.0
			switch p.name {
			case "distorted.png":
				tolerance = 1 // not all processors round alike
			case "last-wrong.png":
				tolerance = 1
				testenv.NeedStored(t)
				testenv.NeedAll(t) // classifies 10,000 digits
			}
			var drawn bytes.Buffer
			if err := p.draw(&drawn); err != nil {
				t.Fatal(err)
			}
			stored.Picture(t, "docs/images/"+p.name, drawn.Bytes(), tolerance)
		})
	}
}

// readOutcomes reads docs/ladder.json.
func readOutcomes(t *testing.T) map[string][]outcome {
	t.Helper()
	outcomes, err := read(testenv.Path(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

// A mistake has the digit's label and another prediction.
func TestMistakes(t *testing.T) {
	_, test := testenv.Digits(t)
	n, a := convnet.New(1), convnet.NewActivations()
	if !testenv.All() {
		test = test[:100]
	}
	found := mistakes(n, test)
	for _, digit := range test {
		prediction := n.Predict(a, digit.Image)
		if prediction == digit.Label {
			continue
		}
		if len(found) == 0 || &found[0].Image[0][0] != &digit.Image[0][0] || found[0].Label != digit.Label || found[0].Prediction != prediction {
			t.Fatalf("a %d classified as %d isn't the next of the mistakes", digit.Label, prediction)
		}
		found = found[1:]
	}
	if len(found) > 0 {
		t.Errorf("%d mistakes too many", len(found))
	}
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
	want := `| recipe | digits × epochs | seeds | validation accuracy, % | test accuracy, % | misclassified, of 10,000 | seconds |
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
