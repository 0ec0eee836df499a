package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"convnet/examples/internal/chart"
	"convnet/examples/internal/stats"
)

// inks are the colors of the scales.
var inks = []string{asDrawn: chart.Inks[1], ours: chart.Inks[0], tooSmall: chart.Inks[2]}

// draw draws three panels: the sizes in the forward pass, the sizes in the backward pass, and
// the training loss.
func draw(w io.Writer, untrained []look, trained []outcome) error {
	p := chart.New(800, 700, "Three scales of the initial weights: activations, gradients and loss")
	p.Text(66, 28, "start", chart.Title, "Three scales of the initial weights")
	lowest, highest := decades(untrained)
	drawSizes(chart.Axes{Picture: p, Left: 66, Right: 419, Top: 92, Bottom: 340}, "Activations in the forward pass →", lowest, highest, untrained, "Image",
		func(l look) []float64 { return l.activations },
		[]spot{asDrawn: {"Hidden", -8, 0, "end"}, ours: {"Hidden", 0, -12, "middle"}, tooSmall: {"Hidden", -12, 8, "end"}})
	drawSizes(chart.Axes{Picture: p, Left: 469, Right: 776, Top: 92, Bottom: 340}, "← Gradients in the backward pass", lowest, highest, untrained, "Conv1",
		func(l look) []float64 { return l.gradients },
		[]spot{asDrawn: {"Pool2", 0, -12, "middle"}, ours: {"Pool1", 0, -14, "middle"}, tooSmall: {"Conv2", 14, 18, "start"}})
	p.Upward(20, (92+340)/2, "root mean square (RMS)")
	drawLosses(chart.Axes{Picture: p, Left: 66, Right: 776, Top: 436, Bottom: 644}, trained)
	_, err := p.WriteTo(w)
	return err
}

// A spot is where a curve's name is written: near its point at a stage.
type spot struct {
	stage  string
	dx, dy float64
	anchor string
}

// decades returns the powers of 10 between which all sizes are.
func decades(all []look) (lowest, highest int) {
	low, high := math.Inf(1), 0.0
	for _, l := range all {
		for _, size := range slices.Concat(l.activations, l.gradients) {
			low, high = min(low, size), max(high, size)
		}
	}
	return int(math.Floor(math.Log10(low))), int(math.Ceil(math.Log10(high)))
}

// drawSizes draws the size at each stage, starting with the one named first, on a logarithmic
// axis. It leaves out ReLU where max-pooling follows.
func drawSizes(a chart.Axes, title string, lowest, highest int, all []look, first string, of func(l look) []float64, names []spot) {
	var shown []int
	for k, s := range stages {
		if s.name == first || len(shown) > 0 && s.name != "ReLU1" && s.name != "ReLU2" {
			shown = append(shown, k)
		}
	}
	const margin = 16 // on either side of the points, in pixels
	pitch := (a.Right - a.Left - 2*margin) / float64(len(shown)-1)
	a.X0, a.X1 = -margin/pitch, float64(len(shown)-1)+margin/pitch
	a.Y0, a.Y1 = float64(lowest), float64(highest)
	a.Text(a.Left, a.Top-18, "start", chart.Plain, title)
	for d := lowest; d <= highest; d += 2 {
		a.YTick(float64(d), power(d))
	}
	a.Frame()
	for k, stage := range shown {
		a.XTick(float64(k), chart.Small, stages[stage].name)
	}
	for s, l := range all {
		var points [][2]float64
		for k, stage := range shown {
			points = append(points, [2]float64{a.X(float64(k)), a.Y(math.Log10(of(l)[stage]))})
			if name := names[s]; name.stage == stages[stage].name {
				a.Colored(points[k][0]+name.dx, points[k][1]+name.dy, name.anchor, inks[s], l.start.name)
			}
		}
		a.Curve(points, inks[s])
	}
}

// drawLosses draws mean losses, each of some steps together. The axis ends at highestLoss; what
// is above it is written in words.
func drawLosses(a chart.Axes, all []outcome) {
	const highestLoss = 4.0
	steps := len(all[0].losses)
	a.X1, a.Y1 = float64(steps), highestLoss

	a.Text(a.Left, a.Top-18, "start", chart.Plain, fmt.Sprintf("Training loss (nats), averaged over %d steps of one example each", together))
	for loss := 0.0; loss <= highestLoss; loss++ {
		a.YTick(loss, fmt.Sprint(loss))
	}
	a.Line(a.Left, a.Y(math.Ln10), a.Right, a.Y(math.Ln10), chart.Dashed)
	a.Text(a.Left-8, a.Y(math.Ln10)+4, "end", chart.Small, "log 10")
	for step := 0; step <= steps; step += steps / 10 {
		a.XTick(float64(step), chart.Plain, stats.Thousands(step))
	}
	a.Frame()
	a.Text((a.Left+a.Right)/2, a.Bottom+44, "middle", chart.Plain, "step")

	a.Clip()
	for _, s := range []int{asDrawn, tooSmall, ours} { // where two overlap, the smooth one on top
		m := means(all[s].losses)
		var points [][2]float64
		for k, loss := range m {
			above := loss > highestLoss && (k+1 == len(m) || m[k+1] > highestLoss)
			if !above && !math.IsNaN(loss) && !math.IsInf(loss, 1) {
				points = append(points, [2]float64{a.X((float64(k) + 0.5) * together), a.Y(loss)})
			}
		}
		a.Curve(points, inks[s])
	}
	a.CloseWindow()

	var left []string // the first means, which are above the axis
	for _, loss := range means(all[asDrawn].losses) {
		if !(loss > highestLoss) { // NaN is not
			break
		}
		left = append(left, format(loss))
	}
	a.Colored(a.X(135), a.Top+18, "start", inks[asDrawn], all[asDrawn].start.name+" starts higher:")
	a.Colored(a.X(135), a.Top+35, "start", inks[asDrawn], strings.Join(left, ", then "))
	a.Colored(a.X(790), a.Y(math.Ln10)-26, "middle", inks[asDrawn], all[asDrawn].start.name)
	a.Colored(a.X(790), a.Y(math.Ln10)-10, "middle", inks[tooSmall], all[tooSmall].start.name+", on top of it")
	a.Colored(a.X(640), a.Y(1.25), "middle", inks[ours], all[ours].start.name)
}

// power formats a power of 10.
func power(d int) string {
	if d == 0 {
		return "1"
	}
	raised := strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹")
	return "10" + raised.Replace(fmt.Sprint(d))
}
