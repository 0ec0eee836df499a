package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"convnet"
	"convnet/examples/check"
	"convnet/examples/internal/chart"
	"convnet/examples/internal/palette"
	"convnet/examples/internal/stats"
)

// axes are the axes of a panel.
type axes struct{ chart.Axes }

// draw draws the axes with their names, and ticks formatted by number.
func (a axes) draw(xs, ys []float64, xName, yName string, number func(v float64) string) {
	for _, v := range ys {
		a.YTick(v, number(v))
	}
	for _, v := range xs {
		a.XTick(v, chart.Plain, number(v))
	}
	a.Frame()
	a.Text((a.Left+a.Right)/2, a.Bottom+42, "middle", chart.Plain, xName)
	a.Text(a.Left, a.Top-12, "start", chart.Small, yName)
}

// mark frames a point.
func (a axes) mark(x, y float64) { a.Rect(a.X(x)-5, a.Y(y)-5, 10, 10, palette.Paper, 1, chart.Inks[1]) }

// plain formats a number with as many decimals as it needs.
func plain(v float64) string {
	if v < 0 {
		return "−" + plain(-v)
	}
	return fmt.Sprintf("%.4g", v)
}

// softmax draws how the loss depends on the probability, and the probability on the logit.
func softmax(w, text io.Writer, _ *material) error {
	const width, height = 780, 380
	blue := chart.Inks[0]
	p := chart.New(width, height, "Loss against probability, and probability against logit")

	p.Text(24, 30, "start", chart.Title, "How the loss depends on p")
	a := axes{chart.Axes{Picture: p, Left: 58, Right: 372, Top: 78, Bottom: 312, X1: 1, Y1: 5}}
	a.draw([]float64{0, 0.2, 0.4, 0.6, 0.8, 1}, []float64{0, 1, 2, 3, 4, 5}, "p, the probability of the true label", "loss, −log p (nats)", plain)
	p.Curve(a.smooth(math.Exp(-5), 1, loss), blue)
	var rows [][]string
	for _, p := range []float64{0.001, 0.01, 0.1, 0.5, 0.9, 1} {
		if p == 0.1 || p == 0.5 || p == 1 {
			a.mark(p, loss(p))
		}
		rows = append(rows, []string{plain(p), fmt.Sprintf("%.2f", loss(p))})
	}
	a.Text(a.X(0.1)+12, a.Y(loss(0.1))-2, "start", chart.Plain, "p = 0.1: log 10 = 2.30")
	a.Text(a.X(0.5)+8, a.Y(loss(0.5))-8, "start", chart.Plain, "p = ½: log 2 = 0.69")
	a.Text(a.X(1)+4, a.Y(0)-22, "end", chart.Plain, "p = 1: 0")
	table(text, []string{"p", "−log p"}, rows)

	p.Text(412, 30, "start", chart.Title, "How p depends on the logit")
	a = axes{chart.Axes{Picture: p, Left: 450, Right: 756, Top: 78, Bottom: 312, X0: -4, X1: 8, Y1: 1}}
	a.draw([]float64{-4, -2, 0, 2, 4, 6, 8}, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}, "logit, with the other nine at 0", "p, its probability", plain)
	p.Curve(a.smooth(-4, 8, probability), blue)
	rows = nil
	for _, logit := range []float64{-4, -2, 0, math.Log(9), 4, 6, 8} {
		if logit == 0 || logit == math.Log(9) {
			a.mark(logit, probability(logit))
		}
		rows = append(rows, []string{plain(logit), fmt.Sprintf("%.4f", probability(logit))})
	}
	a.Text(a.X(0)+8, a.Y(probability(0))+16, "start", chart.Plain, "0: all ten have p = 0.1")
	a.Text(a.X(math.Log(9))+12, a.Y(0.5)+5, "start", chart.Plain, "log 9 = 2.20: p = ½")
	fmt.Fprintln(text)
	table(text, []string{"logit", "probability"}, rows)
	_, err := p.WriteTo(w)
	return err
}

// loss returns the cross-entropy if the true label has probability p. Two classes with the
// logits log p and log(1−p) will do.
func loss(p float64) float64 {
	return convnet.CrossEntropy([]float64{math.Log(p), math.Log(1 - p)}, 0)
}

// probability returns the probability of the first of ten classes, with the other logits at 0.
func probability(logit float64) float64 {
	p := make([]float64, 10)
	convnet.Softmax(p, []float64{logit, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	return p[0]
}

// smooth returns points of a function from one x to another, 2 pixels apart, so close that a
// curve's marks merge into a line.
func (a axes) smooth(from, to float64, f func(x float64) float64) (points [][2]float64) {
	for x := from; x < to; {
		points = append(points, [2]float64{a.X(x), a.Y(f(x))})
		const h = 1e-6 // to measure the slope
		x += 2 * h / math.Hypot(a.X(x+h)-a.X(x), a.Y(f(x+h))-a.Y(f(x)))
	}
	return append(points, [2]float64{a.X(to), a.Y(f(to))})
}

// stepAxes are the axes of the picture that step draws, both in powers of 10.
var stepAxes = chart.Axes{Left: 70, Right: 756, Top: 84, Bottom: 410, X0: -12.3, X1: -0.7, Y0: -13, Y1: 1}

// step draws how far the slope of the loss is from the gradient, against the step size.
func step(w, text io.Writer, m *material) error {
	comparisons, smooth := compareAll(m.train, sampled, 23)
	return drawStep(w, text, comparisons, smooth)
}

// drawStep draws and prints comparisons of sampled weights, of which n are smooth.
func drawStep(w, text io.Writer, comparisons []comparison, n int) error {
	const width, height = 780, 480
	var rows [][]string
	var xs, medians, largest, others []float64
	for k, c := range comparisons {
		x := math.Log10(c.step)
		xs, medians = append(xs, x), append(medians, math.Log10(c.median))
		largest, others = append(largest, math.Log10(c.largest)), append(others, math.Log10(c.others))
		if k%2 == 0 { // the table has only the powers of 10
			rows = append(rows, []string{
				power(x), scientific(c.median), scientific(c.largest), scientific(c.others), fmt.Sprint(c.crossed),
			})
		}
	}
	table(text, []string{
		"s", fmt.Sprintf("median of %d", n), fmt.Sprintf("largest of %d", n), fmt.Sprintf("largest of the other %d", sampled-n), fmt.Sprintf("crossing a kink, of %d", sampled),
	}, rows)

	title := "How far the slope is from the gradient"
	p := chart.New(width, height, title)
	p.Text(24, 30, "start", chart.Title, title)
	a := axes{stepAxes}
	a.Picture = p
	every := func(from, to, step float64) (ticks []float64) {
		for v := from; v <= to; v += step {
			ticks = append(ticks, v)
		}
		return ticks
	}
	a.draw(every(-12, -1, 1), every(-12, 0, 2), "step s", "|slope − gradient| divided by the largest |gradient| of the tensor", power)
	blue, green, orange := chart.Inks[0], chart.Inks[2], chart.Inks[10]
	x, y := a.X(math.Log10(check.DefaultStep)), a.Y(math.Log10(check.Tolerance))
	p.Line(a.Left, y, a.Right, y, chart.Dashed)
	p.Line(x, a.Top, x, a.Bottom, chart.Dashed)
	p.Text(x+8, a.Top+12, "start", chart.Small, "the tests' step")
	p.Text(a.Left+8, y+17, "start", chart.Small, "the tests' tolerance")
	p.Text(a.X(-10)+4, a.Y(-4), "start", chart.Small, "rounding error, ∝ 1/s")
	p.Text(a.X(-2.5)+8, a.Y(-9.3), "start", chart.Small, "∝ s²")
	p.Curve(a.Points(xs, others), orange)
	p.Curve(a.Points(xs, largest), green)
	p.Curve(a.Points(xs, medians), blue)
	p.Colored(a.Right, a.Y(-0.4), "end", orange, fmt.Sprintf("%d weights near a kink: the largest", sampled-n))
	p.Colored(a.X(-3.9), a.Y(-5), "start", green, fmt.Sprintf("%d weights", n))
	p.Colored(a.X(-3.9), a.Y(-5)+17, "start", green, "away from kinks:")
	p.Colored(a.X(-3.9), a.Y(-5)+34, "start", green, "the largest")
	p.Colored(a.X(-2.3), a.Y(-12.55), "start", blue, "median")
	_, err := p.WriteTo(w)
	return err
}

// scientific formats v as a factor times a power of 10.
func scientific(v float64) string {
	factor, exponent, _ := strings.Cut(fmt.Sprintf("%.1e", v), "e")
	of, _ := strconv.Atoi(exponent) // always a number
	return factor + "·" + power(float64(of))
}

// power formats a power of 10.
func power(exponent float64) string {
	const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹"
	text := "10"
	if exponent < 0 {
		text += "⁻"
	}
	for _, digit := range fmt.Sprintf("%.0f", math.Abs(exponent)) {
		text += string([]rune(superscripts)[digit-'0'])
	}
	return text
}

// overfitting draws the training and validation loss with and without dropout.
func overfitting(w, text io.Writer, m *material) error {
	runs := learnAll(m.train[:trainingCount], m.train[len(m.train)-validationCount:])
	tableOfEnds(text, runs)
	fmt.Fprintln(text)
	tableOfMasks(text)
	return drawOverfitting(w, runs)
}

// tableOfEnds writes the final scores without dropout and with it.
func tableOfEnds(w io.Writer, runs [2][seeds]result) {
	columns := []struct {
		name     string
		of       func(end point) float64
		decimals int
	}{
		{"training loss", func(end point) float64 { return end.training.loss }, 4},
		{"validation loss", func(end point) float64 { return end.validation.loss }, 4},
		{"training accuracy, %", func(end point) float64 { return end.training.accuracy }, 1},
		{"validation accuracy, %", func(end point) float64 { return end.validation.accuracy }, 1},
	}
	head, rows := []string{"dropout"}, [][]string{{"none"}, {"½"}}
	for _, c := range columns {
		head = append(head, c.name)
		for k := range rows {
			var ends []float64
			for _, r := range runs[k] {
				ends = append(ends, c.of(r[len(r)-1]))
			}
			rows[k] = append(rows[k], fmt.Sprintf("%.*f ± %.*f", c.decimals, stats.Mean(ends), c.decimals, stats.StandardError(ends)))
		}
	}
	table(w, head, rows)
}

// tableOfMasks writes statistics of the factors in dropout masks.
func tableOfMasks(w io.Writer) {
	var rows [][]string
	for _, p := range []float64{0.1, 0.2, 0.5, 0.8, 0.9} {
		factors := make([]float64, 100000)
		convnet.DropoutMask(factors, p, rand.New(rand.NewPCG(1, 1)))
		rows = append(rows, []string{
			plain(p), fmt.Sprintf("%.3f", slices.Max(factors)),
			fmt.Sprintf("%.2f", stats.Mean(factors)), fmt.Sprintf("%.2f", stats.Deviation(factors)),
		})
	}
	table(w, []string{"p", "factor of a kept unit", "mean of 100,000 factors", "standard deviation"}, rows)
}

// drawOverfitting draws the losses of the first seed, epoch by epoch.
func drawOverfitting(w io.Writer, runs [2][seeds]result) error {
	const width, height = 780, 440
	title := fmt.Sprintf("Overfitting %d training examples, with and without dropout", trainingCount)
	p := chart.New(width, height, title)
	p.Text(24, 30, "start", chart.Title, title)
	a := axes{chart.Axes{Picture: p, Left: 58, Right: 560, Top: 84, Bottom: 374, X1: epochs, Y1: 1}}
	a.draw([]float64{0, 5, 10, 15, 20}, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}, "epoch", "loss (nats), measured without dropout", plain)
	a.Clip()
	inks := [2][2]string{{chart.Inks[1], chart.Inks[10]}, {chart.Inks[0], chart.Inks[5]}}
	for k := range runs {
		var xs, training, validation []float64
		for i, at := range runs[k][0] {
			xs, training, validation = append(xs, float64(i+1)), append(training, at.training.loss), append(validation, at.validation.loss)
		}
		p.Curve(a.Points(xs, validation), inks[k][0])
		p.Curve(a.Points(xs, training), inks[k][1])
	}
	p.CloseWindow()
	for k, name := range []string{"no dropout", "dropout ½"} {
		end := runs[k][0][epochs-1]
		p.Colored(a.Right+12, a.Y(end.validation.loss)+4, "start", inks[k][0], "validation loss, "+name)
		y := a.Y(end.training.loss) + 4 - float64(18*k)
		p.Colored(a.Right+12, y, "start", inks[k][1], "training loss, "+name)
	}
	_, err := p.WriteTo(w)
	return err
}
