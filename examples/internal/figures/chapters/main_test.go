package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"convnet"
	"convnet/examples/check"
	"convnet/examples/internal/chart"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/pixels"
	"convnet/examples/internal/stored"
	"convnet/examples/internal/testenv"
	"convnet/examples/mnist"
)

// testMaterial returns the digits and a network that has learned from a few.
func testMaterial(t *testing.T) *material {
	t.Helper()
	train, test := testenv.Digits(t)
	return &material{train, test, someNetwork()}
}

var someNetwork = sync.OnceValue(func() *convnet.Network {
	train, _, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		panic(err)
	}
	n, grad, a, d := convnet.New(1), convnet.NewGradient(), convnet.NewActivations(), convnet.NewActivations()
	for _, digit := range train[:1000] {
		n.TrainStep(grad, d, a, digit, 0.01)
	}
	return n
})

// kept says for each picture which page has its tables (from the others the pages quote only
// what they need), and how far apart the numbers of a table and the coordinates of an SVG may be.
// A PNG's shades may differ by one.
var kept = map[string]struct {
	page    string
	network bool // depends on the network's architecture
	slow    bool
	noise   bool // many of its values are rounding noise: see sameDifference
	table   stored.Tolerance
	pixels  float64
}{
	"kernels.png":  {},
	"stages.png":   {page: "docs/pooling.md", network: true, table: stored.Tolerance{Absolute: 0.01}},
	"softmax.svg":  {pixels: 0.11},
	"backward.png": {page: "docs/backpropagation.md", network: true, table: stored.Tolerance{Absolute: 0.01}},
	"step.svg":     {page: "docs/gradients.md", network: true, slow: true, noise: true, table: stored.Tolerance{Relative: 0.11}, pixels: 0.11},
	// In twenty epochs, digit by digit, a difference in the last bit grows large.
	"overfitting.svg": {page: "docs/dropout.md", network: true, slow: true, table: stored.Tolerance{Relative: 0.05, Absolute: 0.02}, pixels: 3},
}

// The pictures and tables in docs are up to date.
func TestDocsAreCurrent(t *testing.T) {
	m := testMaterial(t)
	if testenv.Stored() {
		var err error
		if m, err = newMaterial(""); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range pictures {
		t.Run(c.name, func(t *testing.T) {
			k, known := kept[c.name]
			if !known {
				t.Fatal("it is not in kept")
			}
			if k.network {
				testenv.NeedStored(t)
			}
			if k.slow {
				testenv.NeedAll(t)
			}
			t.Parallel()
			var drawn, text bytes.Buffer
			if err := c.draw(&drawn, &text, m); err != nil {
				t.Fatal(err)
			}
			name := "docs/images/" + c.name
			switch {
			case k.noise:
				checkNoise(t, name, k.page, drawn.String(), text.String(), k.pixels, k.table.Relative)
				return
			case strings.HasSuffix(name, ".png"):
				stored.Picture(t, name, drawn.Bytes(), 1)
			default:
				stored.Picture(t, name, drawn.Bytes(), k.pixels)
			}
			if k.page != "" {
				stored.Tables(t, k.page, text.String(), k.table)
			}
		})
	}
}

// checkNoise compares the picture and the table of step with those in docs.
func checkNoise(t *testing.T, name, page, drawn, printed string, pixels, part float64) {
	t.Helper()
	if err := sameCurves(string(testenv.ReadFile(t, name)), drawn, pixels); err != nil {
		t.Errorf("%s is out of date: %v\nTo redraw it, run %s", name, err, stored.Command(t))
	}
	printed = strings.TrimRight(printed, "\n")
	head, _, _ := strings.Cut(printed, "\n")
	quoted := ""
	for _, block := range stored.Blocks(string(testenv.ReadFile(t, page))) {
		if strings.HasPrefix(block, head+"\n") {
			quoted = block
		}
	}
	if err := sameSteps(quoted, printed, part); err != nil {
		t.Errorf("%s is out of date: %v\nTo reprint it, run %s, which prints\n%s", page, err, stored.Command(t), printed)
	}
}

// sameDifference reports whether v is as good as the stored w, both being |slope − gradient|
// for one step, over the largest |gradient|. Rounding moves such a value by up to some 3·10⁻¹⁵
// over the step, differently on every kind of processor. A value that is hardly larger than
// that is mostly rounding noise, of which only the order of magnitude can be compared. Any
// other value may also differ by a part of itself, because w is rounded.
func sameDifference(step, w, v, part float64) bool {
	noise := 3e-15 / step
	if w < 5*noise {
		return v > w/5 && v < w*5
	}
	return math.Abs(v-w) <= part*w+noise
}

// curvePoint matches a point of a curve, and the mark on it.
var curvePoint = regexp.MustCompile(`\b([0-9]+\.[0-9])(?:,|" cy=")([0-9]+\.[0-9])\b`)

// sameCurves reports where a stored SVG of step and a fresh one differ: in the curves by more
// than sameDifference allows, elsewhere by more than that many pixels.
func sameCurves(saved, fresh string, pixels float64) error {
	err := stored.Compare(curvePoint.ReplaceAllString(saved, "point"), curvePoint.ReplaceAllString(fresh, "point"), stored.Tolerance{Absolute: pixels})
	if err != nil {
		return err
	}
	perPixel := (stepAxes.Y1 - stepAxes.Y0) / (stepAxes.Bottom - stepAxes.Top) // powers of 10
	value := func(y string) float64 { return math.Pow(10, stepAxes.Y0+(stepAxes.Bottom-parse(y))*perPixel) }
	part := math.Pow(10, pixels*perPixel) - 1
	was, is := curvePoint.FindAllStringSubmatch(saved, -1), curvePoint.FindAllStringSubmatch(fresh, -1)
	for k := range was {
		x := parse(was[k][1])
		step := math.Pow(10, stepAxes.X0+(x-stepAxes.Left)/(stepAxes.Right-stepAxes.Left)*(stepAxes.X1-stepAxes.X0))
		w, v := value(was[k][2]), value(is[k][2])
		if math.Abs(parse(is[k][1])-x) > pixels || !sameDifference(step, w, v, part) {
			return fmt.Errorf("%s instead of %s: %.2g instead of %.2g, with a step of %.2g", is[k][0], was[k][0], v, w, step)
		}
	}
	return nil
}

// sameSteps reports where a stored table of step and a fresh one differ by more than
// sameDifference allows.
func sameSteps(saved, fresh string, part float64) error {
	was, is := strings.Split(saved, "\n"), strings.Split(fresh, "\n")
	if len(was) != len(is) {
		return fmt.Errorf("%d rows now, want %d as stored", len(is), len(was))
	}
	for k, row := range was {
		exponent, isStep := strings.CutPrefix(row, "| 10")
		if !isStep {
			if row != is[k] {
				return fmt.Errorf("the stored\n%s\nis now\n%s", row, is[k])
			}
			continue
		}
		exponent, _, _ = strings.Cut(exponent, " ")
		step := parse("1·10" + exponent)
		w, v := strings.Split(row, " | "), strings.Split(is[k], " | ")
		if len(w) != 5 || len(v) != 5 || w[0] != v[0] || w[4] != v[4] { // the step, and how many cross a kink
			return fmt.Errorf("the stored\n%s\nis now\n%s", row, is[k])
		}
		for i := 1; i < 4; i++ {
			if !sameDifference(step, parse(w[i]), parse(v[i]), part) {
				return fmt.Errorf("%s instead of %s in the stored\n%s\nwhich is now\n%s", v[i], w[i], row, is[k])
			}
		}
	}
	return nil
}

// parse reads a number, or returns NaN.
func parse(number string) float64 {
	v, err := stored.Parse(number)
	if err != nil {
		return math.NaN()
	}
	return v
}

// The comparisons of step find a difference, and accept what they should.
func TestComparisons(t *testing.T) {
	for _, c := range []struct {
		step, v, w float64
		same       bool
	}{
		{1e-8, 4e-8, 1e-7, true}, // noise
		{1e-8, 4e-7, 1e-7, true},
		{1e-8, 1e-8, 1e-7, false}, // the noise of another step
		{1e-8, 1e-6, 1e-7, false},
		{1e-8, 0, 1e-7, false},
		{1e-8, math.NaN(), 1e-7, false},
		{1e-2, 3.71e-8, 3.7e-8, true}, // ∝ s²
		{1e-2, 3.9e-8, 3.7e-8, false},
		{1e-3, 3.2e-10, 3.7e-10, false},
		{1e-3, math.NaN(), 3.7e-10, false},
	} {
		if got := sameDifference(c.step, c.w, c.v, 0.01); got != c.same {
			t.Errorf("a step of %v: %v and %v: %t, want %t", c.step, c.v, c.w, got, c.same)
		}
	}
	// Every curve of the saved picture, and every column of the saved table, is compared.
	saved := string(testenv.ReadFile(t, "docs/images/step.svg"))
	printed := ""
	for _, block := range stored.Blocks(string(testenv.ReadFile(t, "docs/gradients.md"))) {
		if strings.HasPrefix(block, "| s |") {
			printed = block
		}
	}
	const others, largest, medians = 0, 1, 2 // the curves, in the order of drawing
	for _, c := range []struct {
		what   string
		curve  int
		point  int // of its curve: the step is 10^(−1−point/2)
		format string
		dx, dy float64
		same   bool
	}{
		{"nothing", others, 15, "%.1f,%.1f", 0, 0, true},
		{"the noise of the others", others, 15, "%.1f,%.1f", 0, -10, true},
		{"a mark in the noise of the others", others, 15, `cx="%.1f" cy="%.1f"`, 0, -50, false},
		{"the noise of the others, by 50 pixels", others, 15, "%.1f,%.1f", 0, -50, false},
		{"the noise of the largest, by 50 pixels", largest, 15, "%.1f,%.1f", 0, 50, false},
		{"the noise of the medians, by 50 pixels", medians, 15, "%.1f,%.1f", 0, 50, false},
		{"a kink", others, 6, "%.1f,%.1f", 0, 1, false},
		{"s² of the largest", largest, 3, "%.1f,%.1f", 0, 1, false},
		{"s² of the medians", medians, 2, "%.1f,%.1f", 0, -1, false},
		{"a step", others, 15, "%.1f,%.1f", 1, 0, false},
	} {
		curves := regexp.MustCompile(`<polyline points="([^"]*)"`).FindAllStringSubmatchIndex(saved, -1)
		from, to := curves[c.curve][2], curves[c.curve][3]
		x, y, _ := strings.Cut(strings.Fields(saved[from:to])[c.point], ",")
		old := fmt.Sprintf(c.format, parse(x), parse(y))
		changed := saved[:from] + strings.Replace(saved[from:], old, fmt.Sprintf(c.format, parse(x)+c.dx, parse(y)+c.dy), 1)
		if !strings.Contains(saved[from:], old) {
			t.Errorf("%s: the picture has no %s", c.what, old)
		}
		if err := sameCurves(saved, changed, 0.11); (err == nil) != c.same {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	for _, c := range []struct{ what, old, new string }{
		{"an axis", `<text x="62.0" y="390.7"`, `<text x="63.0" y="390.7"`},
		{"a label", ">115 weights", ">116 weights"},
	} {
		changed := strings.Replace(saved, c.old, c.new, 1)
		if changed == saved {
			t.Errorf("%s: the picture has no %s", c.what, c.old)
		}
		if err := sameCurves(saved, changed, 0.11); err == nil {
			t.Errorf("%s: no difference found", c.what)
		}
	}
	for _, c := range []struct {
		old, new string
		same     bool
	}{
		{"", "", true},
		{"| 8.8·10⁻⁹ |", "| 7.7·10⁻⁹ |", true},
		{"| 2.1·10⁻⁹ |", "| 2.1·10⁻¹¹ |", false},
		{"| 8.8·10⁻⁹ |", "| 8.8·10⁻⁸ |", false},
		{"| 8.4·10⁻⁹ |", "| 8.4·10⁻¹⁰ |", false},
		{"| 3.2·10⁻¹¹ |", "| 3.7·10⁻¹¹ |", false},
		{"| 3.7·10⁻⁸ |", "| 3.2·10⁻⁸ |", false},
		{"| 5 |", "| 6 |", false},
		{"| 10⁻⁵ |", "| 10⁻⁶ |", false},
		{"median of 115", "median of 116", false},
	} {
		changed := strings.Replace(printed, c.old, c.new, 1)
		if c.old != c.new && changed == printed {
			t.Errorf("the table has no %s", c.old)
		}
		if err := sameSteps(printed, changed, 0.11); (err == nil) != c.same {
			t.Errorf("%s instead of %s: %v", c.new, c.old, err)
		}
	}
}

// The kernels that detect something find nothing on a uniform background.
func TestKernelsByHand(t *testing.T) {
	for _, k := range kernelsByHand {
		sum := 0.0
		for _, v := range k.weights {
			sum += v
		}
		want := 0.0
		if k.name == "blur" {
			want = 25
		}
		if sum != want || len(k.weights) != 25 {
			t.Errorf("%s: %d weights, sum %v, want 25 and %v", k.name, len(k.weights), sum, want)
		}
	}
}

func TestMostAndCount(t *testing.T) {
	maps := [][][]float64{{{1, 1}}, {{0, -3}}, {{2, 0}}, {{1, 1}}}
	if got := most(maps, 3); !slices.Equal(got, []int{1, 2, 0}) {
		t.Errorf("most: %v, want 1, 2, 0", got)
	}
	if got := count([][]float64{{0, -1}, {2, 0}, {0, 0}}); got != 2 {
		t.Errorf("count: %d, want 2", got)
	}
}

// Following the gradient lowers the loss for the wanted digit, step by step, until it is
// predicted. The pixels stay between 0 and 1.
func TestFollow(t *testing.T) {
	m, a := testMaterial(t), convnet.NewActivations()
	var image [][]float64
	var wanted int
	var moves []move
	for _, digit := range m.test[:100] { // until there is one with a few steps from its prediction to another
		image = digit.Image
		first := m.network.Predict(a, image)
		wanted = (first + 1) % len(a.Logits) // the second most probable class
		for class, logit := range a.Logits {
			if class != first && logit > a.Logits[wanted] {
				wanted = class
			}
		}
		moves = follow(m.network, image, wanted)
		if len(moves) >= 3 && moves[len(moves)-1].prediction == wanted {
			break
		}
	}
	if len(moves) < 3 {
		t.Fatalf("%d images", len(moves))
	}
	for k, at := range moves {
		if k > 0 && !(at.loss < moves[k-1].loss) {
			t.Errorf("step %d: loss %v after %v", k, at.loss, moves[k-1].loss)
		}
		if (at.prediction == wanted) != (k == len(moves)-1) {
			t.Errorf("step %d of %d: prediction %d", k, len(moves)-1, at.prediction)
		}
		if math.Abs(at.loss+math.Log(at.probabilities[wanted])) > 1e-9 {
			t.Errorf("step %d: loss %v, probability %v", k, at.loss, at.probabilities[wanted])
		}
		for y, row := range at.image {
			for x, v := range row {
				if !(v >= 0 && v <= 1) || at.change[y][x] != v-image[y][x] {
					t.Fatalf("step %d, pixel %d, %d: %v, change %v", k, y, x, v, at.change[y][x])
				}
			}
		}
	}
	if low, high := pixels.Range(moves[0].change); low != 0 || high != 0 {
		t.Error("the first image is not the digit")
	}
}

func TestLossAndProbability(t *testing.T) {
	for _, p := range []float64{0.001, 0.1, 0.5, 0.9, 1} {
		if got := loss(p); math.Abs(got+math.Log(p)) > 1e-12 {
			t.Errorf("loss(%v) = %v, want %v", p, got, -math.Log(p))
		}
	}
	for logit, want := range map[float64]float64{0: 0.1, math.Log(9): 0.5, math.Log(81): 0.9} {
		if got := probability(logit); math.Abs(got-want) > 1e-12 {
			t.Errorf("probability(%v) = %v, want %v", logit, got, want)
		}
	}
}

// A smooth curve begins and ends where it should, and has no gaps.
func TestSmooth(t *testing.T) {
	a := axes{chart.Axes{Left: 10, Right: 110, Top: 20, Bottom: 70, X0: -1, X1: 1, Y1: 5}}
	points := a.smooth(-1, 1, func(x float64) float64 { return 5 * x * x })
	if points[0] != [2]float64{10, 20} || points[len(points)-1] != [2]float64{110, 20} {
		t.Errorf("from %v to %v", points[0], points[len(points)-1])
	}
	for k, at := range points[1:] {
		if d := math.Hypot(at[0]-points[k][0], at[1]-points[k][1]); d > 2.2 {
			t.Errorf("a gap of %v pixels at %v", d, at)
		}
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{-4: "−4", 0.2: "0.2", 0.001: "0.001", 2.19722: "2.197"} {
		if got := plain(v); got != want {
			t.Errorf("plain(%v) = %s, want %s", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "10⁰", 1: "10¹", -7: "10⁻⁷", -12: "10⁻¹²", 10: "10¹⁰"} {
		if got := power(v); got != want {
			t.Errorf("power(%v) = %s, want %s", v, got, want)
		}
	}
	for v, want := range map[float64]string{0.0234: "2.3·10⁻²", 9.96e-11: "1.0·10⁻¹⁰"} {
		if got := scientific(v); got != want {
			t.Errorf("scientific(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	table(&out, []string{"a", "b"}, [][]string{{"x", "-1"}, {"y", "2"}})
	if want := "| a | b |\n|---|---:|\n| x | −1 |\n| y | 2 |\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestMedian(t *testing.T) {
	if a, b := median([]float64{5, 1, 2}), median([]float64{8, 1, 2, 4}); a != 2 || b != 3 {
		t.Errorf("median: %v and %v, want 2 and 3", a, b)
	}
}

// A network whose logits are known has a score that can be written down.
func TestMeasure(t *testing.T) {
	n := convnet.NewGradient() // all zeros: the logits are the biases
	n.Biases2[3] = math.Log(9) // so that a 3 has probability ½, the others 1/18
	blank := convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
	s := measure(n, []convnet.Digit{{Image: blank, Label: 3}, {Image: blank, Label: 0}, {Image: blank, Label: 3}, {Image: blank, Label: 3}})
	if want := (3*math.Log(2) + math.Log(18)) / 4; math.Abs(s.loss-want) > 1e-12 || s.accuracy != 75 {
		t.Errorf("loss %v, %v%%, want %v, 75%%", s.loss, s.accuracy, want)
	}
}

// The networks without dropout and with it memorize a few digits. Measuring after each
// epoch or only at the end gives the same scores, and the table and the picture show them.
func TestOverfitting(t *testing.T) {
	train, _ := testenv.Digits(t)
	few, validation := train[:10], train[4990:]
	runs := learnAll(few, validation)
	for k, dropout := range []float64{0, 0.5} {
		for i, r := range runs[k] {
			want := 1
			if i == 0 {
				want = epochs
			}
			if len(r) != want {
				t.Fatalf("dropout %v, seed %d: %d points, want %d", dropout, i+1, len(r), want)
			}
			for _, other := range append(slices.Clone(runs[k][:i]), runs[1-k][i]) {
				if r[len(r)-1] == other[len(other)-1] {
					t.Errorf("dropout %v, seed %d: another run has the same scores", dropout, i+1)
				}
			}
		}
		each, end := runs[k][0], learn(few, validation, dropout, 1, false)
		if len(end) != 1 || each[epochs-1] != end[0] {
			t.Errorf("dropout %v: %v measured after each epoch, %v at the end", dropout, each[epochs-1], end)
		}
		if first, last := each[0], each[epochs-1]; !(last.training.loss < first.training.loss/2) || last.training == last.validation {
			t.Errorf("dropout %v: from %v to %v: nothing learned", dropout, first, last)
		}
	}

	ends := func(loss, accuracy float64) result {
		first, last := point{score{4, 10}, score{5, 9}}, point{score{loss, accuracy}, score{loss + 1, accuracy - 50}}
		return result{first, last}
	}
	var table strings.Builder
	tableOfEnds(&table, [2][seeds]result{{ends(0.5, 90), ends(0.5, 90), ends(0.5, 90)}, {ends(1, 80), ends(2, 90), ends(3, 100)}})
	const want = "| dropout | training loss | validation loss | training accuracy, % | validation accuracy, % |\n|---|---:|---:|---:|---:|\n" +
		"| none | 0.5000 ± 0.0000 | 1.5000 ± 0.0000 | 90.0 ± 0.0 | 40.0 ± 0.0 |\n" +
		"| ½ | 2.0000 ± 0.5774 | 3.0000 ± 0.5774 | 90.0 ± 5.8 | 40.0 ± 5.8 |\n"
	if table.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", &table, want)
	}

	var picture strings.Builder
	if err := drawOverfitting(&picture, runs); err != nil {
		t.Fatal(err)
	}
	curves := regexp.MustCompile(`<polyline points="([^"]*)"`).FindAllStringSubmatch(picture.String(), -1)
	if len(curves) != 4 {
		t.Fatalf("%d curves, want 4", len(curves))
	}
	for c, of := range []func(at point) float64{
		func(at point) float64 { return at.validation.loss },
		func(at point) float64 { return at.training.loss },
	} {
		for k := range runs {
			points := strings.Fields(curves[2*k+c][1])
			if len(points) != epochs {
				t.Fatalf("%d points, want %d", len(points), epochs)
			}
			for i, p := range points {
				_, y, _ := strings.Cut(p, ",")
				if found, want := (374-parse(y))/(374-84), of(runs[k][0][i]); math.Abs(found-want) > 0.001 {
					t.Errorf("curve %d, epoch %d: drawn at a loss of %.3f, want %.3f", 2*k+c, i+1, found, want)
				}
			}
		}
	}
}

// The table of masks in docs is up to date.
func TestTableOfMasks(t *testing.T) {
	var printed strings.Builder
	tableOfMasks(&printed)
	stored.Tables(t, "docs/dropout.md", printed.String(), stored.Tolerance{})
}

// A small comparison has the steps that it should, and tells kinks from the rest; the table
// shows those of its steps that are powers of 10, the curves show all.
func TestStep(t *testing.T) {
	train, _ := testenv.Digits(t)
	const weights = 12
	all, smooth := compareAll(train, weights, 13)
	if len(all) != 13 || smooth < 2 || smooth > weights-2 {
		t.Fatalf("%d steps, %d smooth weights of %d, want 13 and some of each kind", len(all), smooth, weights)
	}
	for k, c := range all {
		if want := math.Pow(10, -1-float64(k)/2); math.Abs(c.step/want-1) > 1e-12 {
			t.Errorf("step %d is %v, want %v", k, c.step, want)
		}
		if !(0 < c.median && c.median < c.largest && 0 < c.others && c.others != c.largest) {
			t.Errorf("step %v: median %v, largest %v, others %v", c.step, c.median, c.largest, c.others)
		}
		if k > 0 && c.crossed > all[k-1].crossed {
			t.Errorf("step %v: %d cross a kink, with a larger step only %d", c.step, c.crossed, all[k-1].crossed)
		}
	}
	if crossed := all[2].crossed; all[2].crossed != weights-smooth {
		t.Errorf("%d cross a kink with a step of 0.01, want the %d that are not smooth", crossed, weights-smooth)
	}
	if c := all[2]; !(c.others > c.largest) {
		t.Errorf("with a step of 0.01 the largest difference is %v where it crosses a kink, %v where it crosses none", c.others, c.largest)
	}
	if last := all[10]; !(last.largest < check.Tolerance) { // a step of check.DefaultStep
		t.Errorf("with a step of %v the largest difference of the smooth weights is %v", last.step, last.largest)
	}

	var picture, text strings.Builder
	if err := drawStep(&picture, &text, all, smooth); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(text.String()), "\n")
	if len(rows) != 2+7 {
		t.Fatalf("%d rows, want 7 below the heading:\n%s", len(rows)-2, &text)
	}
	for k, row := range rows[2:] {
		c := all[2*k]
		want := fmt.Sprintf("| %s | %s | %s | %s | %d |", power(float64(-1-k)), scientific(c.median), scientific(c.largest), scientific(c.others), c.crossed)
		if row != strings.ReplaceAll(want, "-", "−") {
			t.Errorf("row %d is\n%s\nwant\n%s", k, row, want)
		}
	}
	curves := regexp.MustCompile(`<polyline points="([^"]*)"`).FindAllStringSubmatch(picture.String(), -1)
	if len(curves) != 3 {
		t.Fatalf("%d curves, want 3", len(curves))
	}
	for c, of := range []func(c comparison) float64{
		func(c comparison) float64 { return c.others },
		func(c comparison) float64 { return c.largest },
		func(c comparison) float64 { return c.median },
	} {
		points := strings.Fields(curves[c][1])
		if len(points) != len(all) {
			t.Fatalf("%d points, want %d", len(points), len(all))
		}
		for k, p := range points {
			x, y, _ := strings.Cut(p, ",")
			wantX, wantY := stepAxes.X(math.Log10(all[k].step)), stepAxes.Y(math.Log10(of(all[k])))
			if math.Abs(parse(x)-wantX) > 0.06 || math.Abs(parse(y)-wantY) > 0.06 {
				t.Errorf("curve %d, point %d is at %s, want %.1f,%.1f", c, k, p, wantX, wantY)
			}
		}
	}
}

// Without kinks the slope is the gradient, apart from truncation and rounding. A kink that
// the step crosses is detected.
func TestCompare(t *testing.T) {
	m := testMaterial(t)
	l := newLoss(convnet.New(1), m.train[:2])
	filters, grad := conv2(l.network), conv2(l.grad)
	sample := []int{3, len(filters) / 5, len(filters) - 1}
	before := slices.Clone(filters)
	off, crosses := l.compare(filters, grad, sample, check.DefaultStep)
	for k, i := range sample {
		if crosses[k] || !(off[k] < check.Tolerance) {
			t.Errorf("weight %d: %v, kink %t", i, off[k], crosses[k])
		}
	}
	if !slices.Equal(filters, before) {
		t.Error("compare has changed the weights")
	}
	// A gradient that is wrong by half the largest is detected.
	i := 0
	for k, g := range grad {
		if math.Abs(g) > math.Abs(grad[i]) {
			i = k
		}
	}
	grad[i] *= 2
	if off, _ := l.compare(filters, grad, []int{i}, check.DefaultStep); math.Abs(off[0]-0.5) > 1e-6 {
		t.Errorf("twice the gradient: %v, want 0.5", off[0])
	}
	if _, crosses := l.compare(filters, grad, []int{i}, 100); !crosses[0] {
		t.Error("a step of 100 crosses no kink")
	}
}

func TestPattern(t *testing.T) {
	if got := signs([]byte{9}, []float64{-1, 0, 2}); !slices.Equal(got, []byte{9, 0, 0, 1}) {
		t.Errorf("signs: %v", got)
	}
	in := [][]float64{{1, 2, 5, 5}, {0, 1, 5, 6}, {0, 0, 1, 0}, {3, 0, 2, 0}}
	if got := winners([]byte{9}, in); !slices.Equal(got, []byte{9, 1, 3, 2, 2}) {
		t.Errorf("winners: %v", got)
	}
	// An odd last row and column have no window.
	if got := winners(nil, [][]float64{{1, 2, 9}, {3, 0, 9}, {9, 9, 9}}); !slices.Equal(got, []byte{2}) {
		t.Errorf("winners: %v", got)
	}
}

type failing struct{}

var errFailing = errors.New("the disk is full")

func (failing) Write([]byte) (int, error) { return 0, errFailing }

// Write errors are returned.
func TestErrorsAreReturned(t *testing.T) {
	m := testMaterial(t)
	for _, c := range pictures {
		if kept[c.name].slow {
			continue
		}
		if err := c.draw(failing{}, io.Discard, m); !errors.Is(err, errFailing) {
			t.Errorf("%s: error %v, want %v", c.name, err, errFailing)
		}
	}
	if err := drawAll(m, cli.Folder{Path: t.TempDir()}, failing{}); !errors.Is(err, errFailing) {
		t.Errorf("error %v, want %v", err, errFailing)
	}
	if err := drawAll(m, cli.Folder{Path: filepath.Join(t.TempDir(), "nowhere")}, io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want %v", err, fs.ErrNotExist)
	}
	if err := run(filepath.Join(t.TempDir(), "no model"), cli.Folder{Path: t.TempDir()}, io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want %v", err, fs.ErrNotExist)
	}
}
