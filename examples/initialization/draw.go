package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"convnet/examples/internal/summary"
	"convnet/examples/internal/svg"
)

// inks are those of the scales.
var inks = []string{asDrawn: svg.Inks[1], ours: svg.Inks[0], tooSmall: svg.Inks[2]}

// draw draws three panels: the sizes on the way there, those on the way back, and
// the loss in training.
func draw(w io.Writer, asFresh []fresh, trained []outcome) error {
	p := svg.New(800, 700, "Three scales of the first weights: activations, errors and loss")
	p.Text(66, 28, "start", svg.Title, "Three scales of the first weights")
	drawSizes(svg.Axes{Picture: p, Left: 66, Right: 419, Top: 92, Bottom: 340}, "Activations, on the way there →", asFresh, "Image",
		func(f fresh) []float64 { return f.activations },
		[]spot{asDrawn: {"Hidden", -8, 0, "end"}, ours: {"Hidden", 0, -12, "middle"}, tooSmall: {"Hidden", -12, 8, "end"}})
	drawSizes(svg.Axes{Picture: p, Left: 469, Right: 776, Top: 92, Bottom: 340}, "← Errors, on the way back", asFresh, "Conv1",
		func(f fresh) []float64 { return f.errors },
		[]spot{asDrawn: {"Pool2", 0, -12, "middle"}, ours: {"Pool1", 0, -14, "middle"}, tooSmall: {"Conv2", 14, 18, "start"}})
	p.Upward(20, (92+340)/2, "root mean square")
	drawLosses(svg.Axes{Picture: p, Left: 66, Right: 776, Top: 436, Bottom: 644}, trained)
	_, err := p.WriteTo(w)
	return err
}

// A spot is where a curve's name stands: beside its point at a stage.
type spot struct {
	stage  string
	dx, dy float64
	anchor string
}

// The decades that the sizes lie in.
const lowest, highest = -6, 4

// drawSizes draws the size at each stage from the first that is named, on a
// logarithmic axis. What ReLU leaves is left out where max-pooling follows.
func drawSizes(a svg.Axes, title string, all []fresh, first string, of func(f fresh) []float64, names []spot) {
	var shown []int
	for k, s := range stages {
		if s.name == first || len(shown) > 0 && s.name != "ReLU1" && s.name != "ReLU2" {
			shown = append(shown, k)
		}
	}
	const margin = 16 // on either side of the points, in pixels
	pitch := (a.Right - a.Left - 2*margin) / float64(len(shown)-1)
	a.X0, a.X1 = -margin/pitch, float64(len(shown)-1)+margin/pitch
	a.Y0, a.Y1 = lowest, highest
	a.Text(a.Left, a.Top-18, "start", svg.Plain, title)
	for d := lowest; d <= highest; d += 2 {
		a.YTick(float64(d), power(d))
	}
	a.Frame()
	for k, stage := range shown {
		a.XTick(float64(k), svg.Small, stages[stage].name)
	}
	for s, f := range all {
		var points [][2]float64
		for k, stage := range shown {
			points = append(points, [2]float64{a.X(float64(k)), a.Y(math.Log10(of(f)[stage]))})
			if name := names[s]; name.stage == stages[stage].name {
				a.Colored(points[k][0]+name.dx, points[k][1]+name.dy, name.anchor, inks[s], f.start.name)
			}
		}
		a.Curve(points, inks[s])
	}
}

// drawLosses draws the mean loss of so many steps together. The axis ends at highestLoss: what
// lies above is told in words.
func drawLosses(a svg.Axes, all []outcome) {
	const highestLoss = 4.0
	steps := len(all[0].losses)
	a.X1, a.Y1 = float64(steps), highestLoss

	a.Text(a.Left, a.Top-18, "start", svg.Plain, fmt.Sprintf("Loss in training (nats), mean of %d steps, one digit each", together))
	for loss := 0.0; loss <= highestLoss; loss++ {
		a.YTick(loss, fmt.Sprint(loss))
	}
	a.Line(a.Left, a.Y(math.Ln10), a.Right, a.Y(math.Ln10), svg.Dashed)
	a.Text(a.Left-8, a.Y(math.Ln10)+4, "end", svg.Small, "log 10")
	for step := 0; step <= steps; step += steps / 10 {
		a.XTick(float64(step), svg.Plain, summary.Thousands(step))
	}
	a.Frame()
	a.Text((a.Left+a.Right)/2, a.Bottom+44, "middle", svg.Plain, "step")

	a.Clip()
	for _, s := range []int{asDrawn, tooSmall, ours} { // where two lie on each other, the calm one on top
		m := means(all[s].losses)
		var points [][2]float64
		for k, loss := range m {
			above := loss > highestLoss && (k+1 == len(m) || m[k+1] > highestLoss)
			if !above && !math.IsNaN(loss) {
				points = append(points, [2]float64{a.X((float64(k) + 0.5) * together), a.Y(loss)})
			}
		}
		a.Curve(points, inks[s])
	}
	a.CloseWindow()

	var left []string // the first means that lie above the picture
	for _, loss := range means(all[asDrawn].losses) {
		if loss <= highestLoss {
			break
		}
		left = append(left, figure(loss))
	}
	a.Colored(a.X(135), a.Top+18, "start", inks[asDrawn], all[asDrawn].start.name+" begins above:")
	a.Colored(a.X(135), a.Top+35, "start", inks[asDrawn], strings.Join(left, ", then "))
	a.Colored(a.X(790), a.Y(math.Ln10)-26, "middle", inks[asDrawn], all[asDrawn].start.name)
	a.Colored(a.X(790), a.Y(math.Ln10)-10, "middle", inks[tooSmall], all[tooSmall].start.name+", on top of it")
	a.Colored(a.X(640), a.Y(1.25), "middle", inks[ours], all[ours].start.name)
}

// power writes a power of ten.
func power(d int) string {
	if d == 0 {
		return "1"
	}
	raised := strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹")
	return "10" + raised.Replace(fmt.Sprint(d))
}
