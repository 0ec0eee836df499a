package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/chart"
	"convnet/examples/internal/pixels"
	"convnet/examples/mnist"
)

// testMaterial returns the digits and a network that has learned from a few.
func testMaterial(t *testing.T) *material {
	t.Helper()
	train, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	m := &material{train, test, convnet.New(1)}
	grad, a, d := convnet.NewGradient(), convnet.NewActivations(), convnet.NewActivations()
	for _, digit := range m.train[:1000] {
		m.network.TrainStep(grad, d, a, digit, 0.01)
	}
	return m
}

// storedArchitecture reports whether the network has the shapes of the stored figures.
func storedArchitecture() bool {
	n := convnet.NewGradient()
	return len(n.Filters1) == 10 && len(n.Filters1[0]) == 25 && len(n.Filters2) == 20 && len(n.Weights1) == 100
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// holdings says for each picture which page has its tables (from the others the pages quote
// only what they need), and by how much figures may differ on another processor, where
// math.Exp rounds differently: those of a table by a part of themselves or by most, those of
// an SVG by some pixels.
var holdings = map[string]struct {
	page               string
	network            bool // depends on the network's architecture
	long               bool // takes more than a moment
	alone              bool // uses one goroutine, so the race detector has nothing to find
	noise              bool // many of its values are rounding noise: see sameDifference
	part, most, pixels float64
}{
	"kernels.png":  {},
	"stages.png":   {page: "pooling.md", network: true, most: 0.01},
	"softmax.svg":  {pixels: 0.11},
	"backward.png": {page: "backpropagation.md", network: true, most: 0.01},
	"step.svg":     {page: "gradients.md", network: true, long: true, alone: true, noise: true, part: 0.11, pixels: 0.11},
	// In twenty epochs, digit by digit, a difference in the last bit grows large.
	"overfitting.svg": {page: "dropout.md", network: true, long: true, part: 0.05, most: 0.02, pixels: 3},
}

// The pictures and tables in docs are up to date. math.Exp may differ in the last bit from
// one processor to another: then grays may differ by one, and figures by what follows from
// that.
func TestDocsAreCurrent(t *testing.T) {
	m := testMaterial(t)
	if storedArchitecture() {
		var err error
		if m, err = newMaterial(""); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range pictures {
		t.Run(c.name, func(t *testing.T) {
			h, known := holdings[c.name]
			if !known {
				t.Fatal("it is not in holdings")
			}
			if h.network && !storedArchitecture() {
				t.Skip("stored for 10, 20, 100")
			}
			if h.long && testing.Short() {
				t.Skip("-short")
			}
			if h.alone && raceDetector() {
				t.Skip("the race detector has nothing to find here, and makes it fifty times slower")
			}
			t.Parallel()
			var drawn, text bytes.Buffer
			if err := c.draw(&drawn, &text, m); err != nil {
				t.Fatal(err)
			}
			saved := read(t, filepath.Join("../../../../docs/images", c.name))
			var err error
			switch {
			case strings.HasSuffix(c.name, ".png"):
				err = samePixels(drawn.Bytes(), saved)
			case h.noise:
				err = sameCurves(drawn.String(), string(saved), h.pixels)
			default:
				err = sameNumbers(drawn.String(), string(saved), 0, h.pixels)
			}
			if err != nil {
				t.Errorf("docs/images/%s is out of date: run go generate ./examples/internal/figures/chapters: %v", c.name, err)
			}
			if h.page == "" {
				return
			}
			page := string(read(t, filepath.Join("../../../../docs", h.page)))
			for _, printed := range tables(text.String()) {
				head, _, _ := strings.Cut(printed, "\n")
				quoted := ""
				for _, table := range tables(page) {
					if strings.HasPrefix(table, head+"\n") {
						quoted = table
					}
				}
				if h.noise {
					err = sameSteps(printed, quoted, h.part)
				} else {
					err = sameNumbers(printed, quoted, h.part, h.most)
				}
				if err != nil {
					t.Errorf("docs/%s doesn't have the table that is printed now: %v\n%s", h.page, err, printed)
				}
			}
		})
	}
}

// raceDetector reports whether the tests were built with -race.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// samePixels reports where two PNGs differ by more than one gray.
func samePixels(a, b []byte) error {
	first, err := png.Decode(bytes.NewReader(a))
	if err != nil {
		return err
	}
	second, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return err
	}
	p, ok := first.(*image.Paletted)
	q, ok2 := second.(*image.Paletted)
	if !ok || !ok2 || p.Rect != q.Rect {
		return fmt.Errorf("%v and %v", first.Bounds(), second.Bounds())
	}
	for k, v := range p.Pix {
		if w := q.Pix[k]; v != w && (max(v, w) >= pixels.Paper || max(v, w)-min(v, w) > 1) {
			return fmt.Errorf("at %d, %d: %d and %d", k%p.Stride, k/p.Stride, v, w)
		}
	}
	return nil
}

var figure = regexp.MustCompile(`[-−]?[0-9]+(\.[0-9]+)?(·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?`)

// sameNumbers reports where two texts differ. Their numbers may differ by a part of
// themselves or by most.
func sameNumbers(a, b string, part, most float64) error {
	linesA, linesB := strings.Split(a, "\n"), strings.Split(b, "\n")
	if len(linesA) != len(linesB) {
		return fmt.Errorf("%d lines and %d", len(linesA), len(linesB))
	}
	for k, line := range linesA {
		other := linesB[k]
		v, w := figure.FindAllString(line, -1), figure.FindAllString(other, -1)
		if figure.ReplaceAllString(line, "#") != figure.ReplaceAllString(other, "#") {
			return fmt.Errorf("%s\nand\n%s", line, other)
		}
		for i := range v {
			x, y := parse(v[i]), parse(w[i])
			if math.Abs(x-y) > max(part*min(math.Abs(x), math.Abs(y)), most) {
				return fmt.Errorf("%s and %s in\n%s\nand\n%s", v[i], w[i], line, other)
			}
		}
	}
	return nil
}

// sameDifference reports whether v is as good as w, both being |slope − gradient| for one
// step, over the largest |gradient|. Rounding moves such a value by up to some 3·10⁻¹⁵
// over the step, differently on every kind of processor. A value that is hardly larger
// than that is mostly rounding noise, of which only the order of magnitude can be
// compared. Any other value may also differ by a part of itself, because w is rounded.
func sameDifference(step, v, w, part float64) bool {
	noise := 3e-15 / step
	if w < 5*noise {
		return v > w/5 && v < w*5
	}
	return math.Abs(v-w) <= part*w+noise
}

// curvePoint matches a point of a curve, and the mark on it.
var curvePoint = regexp.MustCompile(`\b([0-9]+\.[0-9])(?:,|" cy=")([0-9]+\.[0-9])\b`)

// sameCurves reports where two SVGs drawn by step differ: in the curves by more than
// sameDifference allows, elsewhere by more than that many pixels.
func sameCurves(a, b string, pixels float64) error {
	if err := sameNumbers(curvePoint.ReplaceAllString(a, "point"), curvePoint.ReplaceAllString(b, "point"), 0, pixels); err != nil {
		return err
	}
	perPixel := (stepAxes.Y1 - stepAxes.Y0) / (stepAxes.Bottom - stepAxes.Top) // powers of 10
	value := func(y string) float64 { return math.Pow(10, stepAxes.Y0+(stepAxes.Bottom-parse(y))*perPixel) }
	part := math.Pow(10, pixels*perPixel) - 1
	p, q := curvePoint.FindAllStringSubmatch(a, -1), curvePoint.FindAllStringSubmatch(b, -1)
	for k := range p {
		x := parse(q[k][1])
		step := math.Pow(10, stepAxes.X0+(x-stepAxes.Left)/(stepAxes.Right-stepAxes.Left)*(stepAxes.X1-stepAxes.X0))
		v, w := value(p[k][2]), value(q[k][2])
		if math.Abs(parse(p[k][1])-x) > pixels || !sameDifference(step, v, w, part) {
			return fmt.Errorf("at %s and %s: %.2g and %.2g for a step of %.2g", p[k][0], q[k][0], v, w, step)
		}
	}
	return nil
}

// sameSteps reports where two tables printed by step differ by more than sameDifference
// allows.
func sameSteps(a, b string, part float64) error {
	rowsA, rowsB := strings.Split(a, "\n"), strings.Split(b, "\n")
	if len(rowsA) != len(rowsB) {
		return fmt.Errorf("%d rows and %d", len(rowsA), len(rowsB))
	}
	for k, row := range rowsA {
		exponent, isStep := strings.CutPrefix(row, "| 10")
		if !isStep {
			if row != rowsB[k] {
				return fmt.Errorf("%s\nand\n%s", row, rowsB[k])
			}
			continue
		}
		exponent, _, _ = strings.Cut(exponent, " ")
		step := parse("1·10" + exponent)
		v, w := strings.Split(row, " | "), strings.Split(rowsB[k], " | ")
		if len(v) != 5 || len(w) != 5 || v[0] != w[0] || v[4] != w[4] { // the step, and how many cross a kink
			return fmt.Errorf("%s\nand\n%s", row, rowsB[k])
		}
		for i := 1; i < 4; i++ {
			if !sameDifference(step, parse(v[i]), parse(w[i]), part) {
				return fmt.Errorf("%s and %s in\n%s\nand\n%s", v[i], w[i], row, rowsB[k])
			}
		}
	}
	return nil
}

var raised = strings.NewReplacer("−", "-", "·10", "e", "⁻", "-",
	"⁰", "0", "¹", "1", "²", "2", "³", "3", "⁴", "4", "⁵", "5", "⁶", "6", "⁷", "7", "⁸", "8", "⁹", "9")

func parse(figure string) float64 {
	v, err := strconv.ParseFloat(raised.Replace(figure), 64)
	if err != nil {
		panic(err)
	}
	return v
}

// tables returns the tables of a text.
func tables(text string) (all []string) {
	for _, part := range strings.Split(text, "\n\n") {
		if strings.HasPrefix(part, "|") {
			all = append(all, strings.TrimRight(part, "\n"))
		}
	}
	return all
}

// The tests' own comparisons find a difference, and accept what they should.
func TestComparisons(t *testing.T) {
	for _, c := range []struct {
		a, b       string
		part, most float64
		same       bool
	}{
		{"| −1.50 | 2.0·10⁻³ |", "| −1.50 | 2.0·10⁻³ |", 0, 0, true},
		{"| −1.50 |", "| 1.50 |", 0.5, 0, false},
		{"| 2.0·10⁻³ |", "| 2.5·10⁻³ |", 0.3, 0, true},
		{"| 2.0·10⁻³ |", "| 2.0·10⁻⁴ |", 0.3, 0, false},
		{"| 2.0·10⁻¹² |", "| 2.0·10⁻¹ |", 0.3, 0, false},
		{"x 1.0", "x 1.1", 0, 0.2, true},
		{"x 1.0", "y 1.0", 0, 0.2, false},
		{"x 1.0", "x 1.0\nx", 0, 0.2, false},
	} {
		if err := sameNumbers(c.a, c.b, c.part, c.most); (err == nil) != c.same {
			t.Errorf("%q and %q: %v", c.a, c.b, err)
		}
	}
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
		if got := sameDifference(c.step, c.v, c.w, 0.01); got != c.same {
			t.Errorf("a step of %v: %v and %v: %t, want %t", c.step, c.v, c.w, got, c.same)
		}
	}
	// Every curve of the saved picture, and every column of the saved table, is compared.
	saved, page := string(read(t, "../../../../docs/images/step.svg")), string(read(t, "../../../../docs/gradients.md"))
	printed := tables(page)[0]
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
		if err := sameCurves(changed, saved, 0.11); (err == nil) != c.same {
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
		if err := sameCurves(changed, saved, 0.11); err == nil {
			t.Errorf("%s: no difference found", c.what)
		}
	}
	for _, c := range []struct {
		old, new string
		same     bool
	}{
		{"", "", true},
		{"| 9.3·10⁻⁹ |", "| 7.7·10⁻⁹ |", true},
		{"| 2.2·10⁻⁹ |", "| 2.2·10⁻¹¹ |", false},
		{"| 9.3·10⁻⁹ |", "| 9.3·10⁻⁸ |", false},
		{"| 1.1·10⁻⁸ |", "| 1.1·10⁻⁹ |", false},
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
		if err := sameSteps(changed, printed, 0.11); (err == nil) != c.same {
			t.Errorf("%s for %s: %v", c.new, c.old, err)
		}
	}
	draw := func(v float64, side int) []byte {
		sheet := pixels.NewSheet(side, 9)
		pixels.Draw(sheet, 1, 1, 1, [][]float64{{v}}, 0, 252)
		var out bytes.Buffer
		if err := pixels.WritePNG(&out, sheet); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for _, c := range []struct {
		v    float64
		side int
		same bool
	}{{100, 9, true}, {101, 9, true}, {102, 9, false}, {100, 10, false}} {
		if err := samePixels(draw(100, 9), draw(c.v, c.side)); (err == nil) != c.same {
			t.Errorf("100 and %v, %d pixels: %v", c.v, c.side, err)
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
	if low, high := pixels.Range([][][]float64{moves[0].change}); low != 0 || high != 0 {
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

// Measuring after each epoch or only at the end gives the same final scores.
func TestLearn(t *testing.T) {
	m := testMaterial(t)
	train, validation := m.train[:10], m.train[4990:]
	each, end := learn(train, validation, 0.5, 1, true), learn(train, validation, 0.5, 1, false)
	if len(each) != epochs || len(end) != 1 || each[epochs-1] != end[0] {
		t.Errorf("%d and %d points, %v and %v at the end", len(each), len(end), each[len(each)-1], end[0])
	}
	if first, last := each[0], each[epochs-1]; !(last.training.loss < first.training.loss/2) || last.training == last.validation {
		t.Errorf("from %v to %v: nothing learned", first, last)
	}
	if none := learn(train, validation, 0, 1, false); none[0] == end[0] {
		t.Error("dropout changes nothing")
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
	off, crosses := l.compare(filters, grad, sample, 1e-6)
	for k, i := range sample {
		if crosses[k] || !(off[k] < 1e-7) {
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
	if off, _ := l.compare(filters, grad, []int{i}, 1e-6); math.Abs(off[0]-0.5) > 1e-6 {
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
		if holdings[c.name].long {
			continue
		}
		if err := c.draw(failing{}, io.Discard, m); !errors.Is(err, errFailing) {
			t.Errorf("%s: error %v, want %v", c.name, err, errFailing)
		}
	}
	if err := drawAll(m, t.TempDir(), failing{}); !errors.Is(err, errFailing) {
		t.Errorf("error %v, want %v", err, errFailing)
	}
	if err := drawAll(m, filepath.Join(t.TempDir(), "nowhere"), io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want %v", err, os.ErrNotExist)
	}
	if err := run(filepath.Join(t.TempDir(), "no model"), t.TempDir(), io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want %v", err, os.ErrNotExist)
	}
}
