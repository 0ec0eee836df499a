package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/chart"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/stats"
	"convnet/examples/internal/stored"
	"convnet/examples/internal/testenv"
)

const chapter = "docs/initialization.md"

// This program makes the tables and the picture in docs. On a processor that rounds
// differently, training differs in the last digits, so numbers (most have three digits) may
// differ by 2%, and coordinates in the picture by a pixel.
func TestDocsAreCurrent(t *testing.T) {
	testenv.NeedStored(t)
	digits := readDigits(t)
	t.Run("some tables", func(t *testing.T) { // those that take less than a second
		var printed bytes.Buffer
		untrained := lookAt(scales[ours], digits[:full.digits], full.seeds)
		printForward(&printed, untrained)
		printReLU(&printed, untrained)
		printBackward(&printed, untrained)
		first := digits[:full.steps]
		zeros := train(zero, 1, dropout, first, digits[full.steps:full.steps+full.validation])
		counts := countLabels(first)
		printZeros(&printed, zeros, first[0])
		printBiases(&printed, zeros, counts)
		printEntropy(&printed, zeros, counts)
		stored.Tables(t, chapter, printed.String(), stored.Tolerance{Relative: 0.02})
	})
	testenv.NeedAll(t)
	folder := t.TempDir()
	var printed bytes.Buffer
	if err := run(&printed, cli.Folder{Path: folder}, full); err != nil {
		t.Fatal(err)
	}
	stored.Tables(t, chapter, printed.String(), stored.Tolerance{Relative: 0.02})
	picture, err := os.ReadFile(filepath.Join(folder, "initialization.svg"))
	if err != nil {
		t.Fatal(err)
	}
	stored.Picture(t, "docs/images/initialization.svg", picture, 1)
}

// Every figure in the chapter's sentences is in one of its tables.
func TestSentencesQuoteTheTables(t *testing.T) {
	figure := regexp.MustCompile(`[0-9]+\.[0-9]+|[0-9]+,[0-9]{3}`)
	known := map[string]bool{"0.0062": true, "1,000": true} // the learning rate, and the steps
	var sentences []string
	for _, line := range strings.Split(string(testenv.ReadFile(t, chapter)), "\n") {
		if !strings.HasPrefix(line, "|") {
			sentences = append(sentences, line)
			continue
		}
		for _, f := range figure.FindAllString(line, -1) {
			known[f] = true
		}
	}
	for _, line := range sentences {
		for _, f := range figure.FindAllString(line, -1) {
			if !known[f] {
				t.Errorf("%s is in no table, but in the line\n%s", f, line)
			}
		}
	}
}

// A small run prints the chapter's tables, with other numbers, and draws a picture without
// points at NaN.
func TestRun(t *testing.T) {
	folder := t.TempDir()
	var printed bytes.Buffer
	if err := run(&printed, cli.Folder{Path: folder}, amount{digits: 5, seeds: 2, steps: 150, validation: 20, fates: 3}); err != nil {
		t.Fatal(err)
	}
	tables := stored.Blocks(printed.String())
	if len(tables) != 12 {
		t.Errorf("%d tables, want 12", len(tables))
	}
	var headings []string
	for _, table := range tables {
		lines := strings.Split(table, "\n")
		headings = append(headings, lines[0])
		for _, line := range lines {
			if strings.Count(line, "|") != strings.Count(lines[0], "|") {
				t.Errorf("a row of another length than its heading:\n%s\n%s", lines[0], line)
			}
		}
	}
	picture, err := os.ReadFile(filepath.Join(folder, "initialization.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(picture, []byte("NaN")) || bytes.Contains(picture, []byte("Inf")) {
		t.Error("the picture has points at NaN or infinity")
	}
	d := xml.NewDecoder(bytes.NewReader(picture))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal("initialization.svg: ", err)
		}
	}

	testenv.NeedStored(t)
	count := 0
	for _, block := range stored.Blocks(string(testenv.ReadFile(t, chapter))) {
		heading, rule, _ := strings.Cut(block, "\n")
		if !strings.HasPrefix(rule, "|---") {
			continue
		}
		count++
		if !slices.ContainsFunc(headings, func(h string) bool { return stored.Compare(heading, h, stored.Tolerance{Absolute: math.Inf(1)}) == nil }) {
			t.Errorf("%s has a table that is not printed, with the heading\n%s", chapter, heading)
		}
	}
	if count != len(tables) {
		t.Errorf("%s has %d tables, want the %d that are printed", chapter, count, len(tables))
	}
}

// What is above the axis of the loss is written in words, and NaN and ∞ are left out.
func TestDrawLosses(t *testing.T) {
	calm := outcome{start: scales[ours], losses: slices.Repeat([]float64{2}, 4*together)}
	wild := calm
	wild.losses = slices.Concat(slices.Repeat([]float64{1234}, together), slices.Repeat([]float64{56}, together), calm.losses[:together],
		slices.Repeat([]float64{math.NaN()}, together))
	p := chart.New(400, 400, "")
	drawLosses(chart.Axes{Picture: p, Right: 400, Bottom: 400}, []outcome{asDrawn: wild, ours: calm, tooSmall: calm})
	var text bytes.Buffer
	if _, err := p.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	// The axis ends at 4 nats; the second point, far above, only gives the line its direction.
	for _, words := range []string{`points="150.0,-5200.0 250.0,200.0"`, `points="50.0,200.0 150.0,200.0 250.0,200.0 350.0,200.0"`, ">1,234, then 56.0<"} {
		if !strings.Contains(text.String(), words) {
			t.Errorf("the picture has no %s:\n%s", words, &text)
		}
	}
}

func TestDrawInfiniteLoss(t *testing.T) {
	calm := outcome{start: scales[ours], losses: slices.Repeat([]float64{2}, 4*together)}
	wild := calm
	wild.losses = slices.Concat(slices.Repeat([]float64{math.Inf(1)}, together), slices.Repeat([]float64{math.NaN()}, 3*together))
	p := chart.New(400, 400, "")
	drawLosses(chart.Axes{Picture: p, Right: 400, Bottom: 400}, []outcome{asDrawn: wild, ours: calm, tooSmall: calm})
	var text strings.Builder
	if _, err := p.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "Inf") || strings.Contains(text.String(), "NaN") || !strings.Contains(text.String(), ">∞<") {
		t.Errorf("the picture has points at NaN or infinity, or no ∞:\n%s", &text)
	}
}

func TestOursIsNewBitForBit(t *testing.T) {
	for seed := range uint64(3) {
		if !slices.Equal(scales[ours].network(seed).Parameters, convnet.New(seed).Parameters) {
			t.Errorf("seed %d: another network than convnet.New's", seed)
		}
	}
}

// Each weight times its divisor is convnet.New's sample of N(0,1).
func TestDivisors(t *testing.T) {
	drawn := convnet.New(1)
	var fanIn, he2 []float64
	for _, tensor := range weights(drawn) {
		fanIn = append(fanIn, float64(len(tensor[0])))
		he2 = append(he2, math.Sqrt(float64(len(tensor[0]))/2))
	}
	for _, test := range []struct {
		start    start
		divisors []float64
	}{
		{scales[asDrawn], []float64{1, 1, 1, 1}},
		{scales[tooSmall], fanIn},
		{original, []float64{25, 25, 18, 10}},
		{he, he2},
	} {
		found := test.start.network(1)
		for k, tensor := range weights(found) {
			for i, row := range tensor {
				for j, w := range row {
					draw := weights(drawn)[k][i][j] * math.Sqrt(fanIn[k])
					if math.Abs(w*test.divisors[k]-draw) > 1e-14*math.Abs(draw) {
						t.Fatalf("%s%s: weight %d %d %d is %v, want %v", test.start.name, test.start.divisor, k, i, j, w, draw/test.divisors[k])
					}
				}
			}
		}
		if slices.ContainsFunc(slices.Concat(found.Biases1, found.Biases2), func(b float64) bool { return b != 0 }) {
			t.Errorf("%s%s: a bias is not 0", test.start.name, test.start.divisor)
		}
	}
}

// ReLU and max-pooling pass a factor on, and the biases are 0, so the scales only multiply
// the logits by a factor.
func TestScalesGiveTheSamePredictions(t *testing.T) {
	unit, most, least := convnet.NewActivations(), convnet.NewActivations(), convnet.NewActivations()
	factor := 1.0
	for _, tensor := range weights(convnet.NewGradient()) {
		factor *= math.Sqrt(float64(len(tensor[0])))
	}
	for _, digit := range readDigits(t)[:5] {
		for a, s := range map[*convnet.Activations]start{unit: scales[ours], most: scales[asDrawn], least: scales[tooSmall]} {
			s.network(1).Forward(a, digit.Image)
		}
		for k, l := range unit.Logits {
			if math.Abs(most.Logits[k]-l*factor) > 1e-8 || math.Abs(least.Logits[k]-l/factor) > 1e-16 {
				t.Errorf("logits %v, %v, %v, want them to differ by factors of %v", most.Logits[k], l, least.Logits[k], factor)
			}
		}
	}
}

// Each stage is the field of Activations of the same name.
func TestStages(t *testing.T) {
	a := convnet.NewActivations()
	for _, s := range stages {
		want := reflect.ValueOf(a).Elem().FieldByName(s.name)
		for want.Type().Elem().Kind() != reflect.Float64 {
			want = want.Index(0)
		}
		if found := &s.of(a)[0][0][0]; found != want.Index(0).Addr().Interface() {
			t.Errorf("%s is another field", s.name)
		}
	}
}

func TestSize(t *testing.T) {
	var s size
	s.add([][][]float64{{{1, -2}}, {{3, 4}, {0, 0}}}) // squares 1, 4, 9, 16, 0, 0
	s.add([][][]float64{{{6, 0}}})
	if want := math.Sqrt(66. / 8); s.rms() != want {
		t.Errorf("the root mean square is %v, want %v", s.rms(), want)
	}
}

// Fan-in times outputs and fan-out times inputs both count the products of a layer, which are
// counted here one by one.
func TestLayers(t *testing.T) {
	a := convnet.NewActivations()
	count := func(in, out [][][]float64) (products float64) { // of a convolution
		rows := len(in[0]) - len(out[0]) + 1
		for range out {
			for y := range out[0] {
				for range out[0][y] {
					for range in {
						products += float64(rows * rows)
					}
				}
			}
		}
		return products
	}
	for k, c := range []struct{ products, inputs, outputs float64 }{
		{count(a.Image, a.Conv1), volume(a.Image), volume(a.Conv1)},
		{count(a.Pool1, a.Conv2), volume(a.Pool1), volume(a.Conv2)},
		{float64(len(a.Flat) * len(a.Hidden)), float64(len(a.Flat)), float64(len(a.Hidden))},
		{float64(len(a.Hidden) * len(a.Logits)), float64(len(a.Hidden)), float64(len(a.Logits))},
	} {
		if l := layers[k]; l.fanIn*c.outputs != c.products || math.Abs(l.fanOut*c.inputs-c.products) > 1e-6 {
			t.Errorf("%s: fan-in %v and fan-out %v, want %v and %v", l.weights, l.fanIn, l.fanOut, c.products/c.outputs, c.products/c.inputs)
		}
	}
}

func volume(maps [][][]float64) float64 { return float64(len(maps) * len(maps[0]) * len(maps[0][0])) }

// addSeen against a loop over every place of the kernel.
func TestAddSeen(t *testing.T) {
	m := convnet.NewMatrix(9, 12)
	for y, row := range m {
		for x := range row {
			row[x] = float64(1 + y*y + 3*x)
		}
	}
	for _, kernel := range []int{1, 3, 5, 6} { // with 6 there are fewer than 6 places in a column
		var want, found size
		for y := range 9 - kernel + 1 {
			for x := range 12 - kernel + 1 {
				for _, row := range m[y : y+kernel] {
					want.add([][][]float64{{row[x : x+kernel]}})
				}
			}
		}
		if found.addSeen([][][]float64{m}, kernel); found != want {
			t.Errorf("kernel %d: found %v, want %v", kernel, found, want)
		}
	}
}

// A network of zeros gives every class the same probability.
func TestLookAtZeros(t *testing.T) {
	digits := readDigits(t)[:50]
	l := lookAt(zero, digits, 2)
	zeros, squares := 0, 0.0
	for _, digit := range digits {
		if digit.Label == 0 {
			zeros++
		}
		for _, row := range digit.Image {
			for _, v := range row {
				squares += v * v / (convnet.ImageSide * convnet.ImageSide) / 50
			}
		}
	}
	for k, s := range stages {
		activation, gradient := 0.0, 0.0
		switch s.name {
		case "Image":
			activation = math.Sqrt(squares)
		case "Logits":
			gradient = 0.3 // of 0.1 nine times and −0.9 once
		}
		if math.Abs(l.activations[k]-activation) > 1e-12 || math.Abs(l.gradients[k]-gradient) > 1e-12 {
			t.Errorf("%s: activation %v, gradient %v, want %v, %v", s.name, l.activations[k], l.gradients[k], activation, gradient)
		}
	}
	if len(l.losses) != 2 || math.Abs(l.losses[1]-math.Ln10) > 1e-12 || math.Abs(l.accuracy-float64(zeros)/50) > 1e-12 {
		t.Errorf("losses %v, accuracy %v, want twice log 10, %v", l.losses, l.accuracy, float64(zeros)/50)
	}
}

// Without dropout, train takes the same steps as TrainStep with masks that drop nothing, and it
// measures the validation digits.
func TestTrain(t *testing.T) {
	digits := readDigits(t)
	first, validation := digits[:60], digits[60:75]
	o := train(scales[asDrawn], 5, 0, first, validation) // many units die, but not all, and few are live for the last digit
	n, grad := scales[asDrawn].network(5), convnet.NewGradient()
	a, d := convnet.NewActivations(), convnet.NewActivations()
	for k, digit := range first {
		if loss := n.TrainStep(grad, d, a, digit, 0.0062); !same(loss, o.losses[k]) {
			t.Fatalf("step %d: loss %v, want %v", k+1, o.losses[k], loss)
		}
	}
	predictions, correct := make([]int, len(a.Logits)), 0
	live := map[[2]int]bool{} // by stage and map or unit
	for _, digit := range validation {
		prediction := n.Predict(a, digit.Image)
		predictions[prediction]++
		if prediction == digit.Label {
			correct++
		}
		for k, v := range a.Hidden {
			live[[2]int{2, k}] = live[[2]int{2, k}] || v > 0
		}
		for k, maps := range [][][][]float64{a.Conv1, a.Conv2} {
			for c, m := range maps {
				for _, row := range m {
					for _, v := range row {
						live[[2]int{k, c}] = live[[2]int{k, c}] || v > 0
					}
				}
			}
		}
	}
	var want [3]int
	for unit, is := range live {
		if is {
			want[unit[0]]++
		}
	}
	if o.live != want || !slices.Equal(o.predictions, predictions) || math.Abs(o.accuracy-float64(correct)/15) > 1e-12 {
		t.Errorf("live %v, predictions %v, accuracy %v, want %v, %v, %v", o.live, o.predictions, o.accuracy, want, predictions, float64(correct)/15)
	}
	if !same(o.last(), stats.Mean(o.losses[10:])) {
		t.Errorf("the mean of the last losses is %v, want %v", o.last(), stats.Mean(o.losses[10:]))
	}
}

// same reports whether two values are equal, or both NaN.
func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func TestMeans(t *testing.T) {
	losses := make([]float64, 2*together)
	for k := range losses {
		losses[k] = float64(k / together)
	}
	losses[0] = together
	if found := means(losses); !slices.Equal(found, []float64{1, 1}) {
		t.Errorf("means %v, want 1 and 1", found)
	}
}

func TestClasses(t *testing.T) {
	for want, o := range map[string]outcome{
		"always 7": {predictions: []int{7: 5}},
		"always 0": {predictions: []int{0: 5}},
		"2 digits": {predictions: []int{0: 1, 7: 5}},
	} {
		if found := o.classes(); found != want {
			t.Errorf("%v: found %q, want %q", o.predictions, found, want)
		}
	}
}

func TestEntropy(t *testing.T) {
	for _, test := range []struct {
		counts []int
		want   float64
	}{
		{[]int{5, 5, 5, 5}, math.Log(4)},
		{[]int{0, 7}, 0},
		{[]int{1, 3}, 0.25*math.Log(4) + 0.75*math.Log(4./3)},
	} {
		if found := entropy(test.counts); math.Abs(found-test.want) > 1e-15 {
			t.Errorf("entropy of %v is %v, want %v", test.counts, found, test.want)
		}
	}
}

func TestDifferent(t *testing.T) {
	rows := [][]float64{{1, 2}, {1, 2 + 1e-12}, {1, 3}, {2, 2}, {1, 3}}
	if found := different(rows); found != 3 {
		t.Errorf("%d different rows, want 3", found)
	}
}

func TestFormat(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 2.04e-5: "2.04e-05", 0.00512345: "0.00512", -0.1: "-0.100", 0.3999: "0.400", 31.94: "31.9", 121.6: "122",
		math.Inf(1): "∞", 999.7: "1,000", 4085.4: "4,085", 430682: "430,682", 1e7: "1.00e+07", math.NaN(): "NaN",
	} {
		if found := format(v); found != want {
			t.Errorf("format(%v) = %q, want %q", v, found, want)
		}
	}
	for v, want := range map[float64]string{2.30258: "2.303", 121.6: "122", math.NaN(): "NaN"} {
		if found := loss(v); found != want {
			t.Errorf("loss(%v) = %q, want %q", v, found, want)
		}
	}
}

func TestPower(t *testing.T) {
	for d, want := range map[int]string{0: "1", 4: "10⁴", -6: "10⁻⁶"} {
		if found := power(d); found != want {
			t.Errorf("power(%d) = %q, want %q", d, found, want)
		}
	}
}

func readDigits(t *testing.T) []convnet.Digit {
	t.Helper()
	digits, _ := testenv.Digits(t)
	return digits
}
