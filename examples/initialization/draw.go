package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"convnet/examples/internal/svg"
)

// inks are those of the scales.
var inks = []string{asDrawn: svg.Inks[1], ours: svg.Inks[0], tooSmall: svg.Inks[2]}

// An area is where a panel has its curves, in pixels.
type area struct{ left, top, right, bottom float64 }

// draw draws three panels: the sizes on the way there, those on the way back, and
// the loss in training.
func draw(w io.Writer, asFresh []fresh, trained []outcome) error {
	p := svg.New(800, 700, "Three scales of the first weights: activations, errors and loss")
	p.Text(66, 28, "start", svg.Title, "Three scales of the first weights")
	drawSizes(p, area{66, 92, 419, 340}, "Activations, on the way there →", asFresh, "Image",
		func(f fresh) []float64 { return f.activations },
		[]spot{asDrawn: {"Hidden", -8, 0, "end"}, ours: {"Hidden", 0, -12, "middle"}, tooSmall: {"Hidden", -12, 8, "end"}})
	drawSizes(p, area{469, 92, 776, 340}, "← Errors, on the way back", asFresh, "Conv1",
		func(f fresh) []float64 { return f.errors },
		[]spot{asDrawn: {"Pool2", 0, -12, "middle"}, ours: {"Pool1", 0, -14, "middle"}, tooSmall: {"Conv2", 14, 18, "start"}})
	p.Upward(20, (92+340)/2, "root mean square")
	drawLosses(p, area{66, 436, 776, 644}, trained)
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
func drawSizes(p *svg.Picture, in area, title string, all []fresh, first string, of func(f fresh) []float64, names []spot) {
	var shown []int
	for k, s := range stages {
		if s.name == first || len(shown) > 0 && s.name != "ReLU1" && s.name != "ReLU2" {
			shown = append(shown, k)
		}
	}
	atX := func(k int) float64 {
		const margin = 16
		return in.left + margin + float64(k)*(in.right-in.left-2*margin)/float64(len(shown)-1)
	}
	atY := func(v float64) float64 {
		return in.bottom - (math.Log10(v)-lowest)/(highest-lowest)*(in.bottom-in.top)
	}
	p.Text(in.left, in.top-18, "start", svg.Plain, title)
	for d := lowest; d <= highest; d += 2 {
		y := atY(math.Pow10(d))
		p.Line(in.left, y, in.right, y, svg.Grid)
		p.Text(in.left-8, y+4, "end", svg.Plain, power(d))
	}
	p.Line(in.left, in.bottom, in.right, in.bottom, svg.Axis)
	p.Line(in.left, in.top, in.left, in.bottom, svg.Axis)
	for k, stage := range shown {
		p.Line(atX(k), in.bottom, atX(k), in.bottom+5, svg.Axis)
		p.Text(atX(k), in.bottom+20, "middle", svg.Small, stages[stage].name)
	}
	for s, f := range all {
		var points [][2]float64
		for k, stage := range shown {
			points = append(points, [2]float64{atX(k), atY(of(f)[stage])})
			if name := names[s]; name.stage == stages[stage].name {
				p.Colored(points[k][0]+name.dx, points[k][1]+name.dy, name.anchor, inks[s], f.start.name)
			}
		}
		p.Curve(points, inks[s])
	}
}

// drawLosses draws the mean loss of so many steps together. The axis ends at highestLoss: what
// lies above is told in words.
func drawLosses(p *svg.Picture, in area, all []outcome) {
	const highestLoss = 4.0
	steps := len(all[0].losses)
	atX := func(step float64) float64 { return in.left + step/float64(steps)*(in.right-in.left) }
	atY := func(loss float64) float64 { return in.bottom - loss/highestLoss*(in.bottom-in.top) }

	p.Text(in.left, in.top-18, "start", svg.Plain, fmt.Sprintf("Loss in training, mean of %d steps, one digit each", together))
	for loss := 0.0; loss <= highestLoss; loss++ {
		p.Line(in.left, atY(loss), in.right, atY(loss), svg.Grid)
		p.Text(in.left-8, atY(loss)+4, "end", svg.Plain, fmt.Sprint(loss))
	}
	p.Line(in.left, atY(math.Ln10), in.right, atY(math.Ln10), svg.Dashed)
	p.Text(in.left-8, atY(math.Ln10)+4, "end", svg.Small, "ln 10")
	for step := 0; step <= steps; step += steps / 10 {
		p.Line(atX(float64(step)), in.bottom, atX(float64(step)), in.bottom+5, svg.Axis)
		p.Text(atX(float64(step)), in.bottom+20, "middle", svg.Plain, thousands(step))
	}
	p.Line(in.left, in.bottom, in.right, in.bottom, svg.Axis)
	p.Line(in.left, in.top, in.left, in.bottom, svg.Axis)
	p.Text((in.left+in.right)/2, in.bottom+44, "middle", svg.Plain, "step")
	p.Upward(20, (in.top+in.bottom)/2, "loss (nats)")

	p.Window(in.left, in.top, in.right-in.left, in.bottom-in.top)
	for _, s := range []int{asDrawn, tooSmall, ours} { // where two lie on each other, the calm one on top
		m := means(all[s].losses)
		var points [][2]float64
		for k, loss := range m {
			above := loss > highestLoss && (k+1 == len(m) || m[k+1] > highestLoss)
			if !above && !math.IsNaN(loss) {
				points = append(points, [2]float64{atX((float64(k) + 0.5) * together), atY(loss)})
			}
		}
		p.Curve(points, inks[s])
	}
	p.CloseWindow()

	var left []string // the first means that lie above the picture
	for _, loss := range means(all[asDrawn].losses) {
		if loss <= highestLoss {
			break
		}
		left = append(left, figure(loss))
	}
	p.Colored(atX(135), in.top+18, "start", inks[asDrawn], all[asDrawn].start.name+" begins above:")
	p.Colored(atX(135), in.top+35, "start", inks[asDrawn], strings.Join(left, ", then "))
	p.Colored(atX(790), atY(math.Ln10)-26, "middle", inks[asDrawn], all[asDrawn].start.name)
	p.Colored(atX(790), atY(math.Ln10)-10, "middle", inks[tooSmall], all[tooSmall].start.name+", on top of it")
	p.Colored(atX(640), atY(1.25), "middle", inks[ours], all[ours].start.name)
}

// power writes a power of ten.
func power(d int) string {
	if d == 0 {
		return "1"
	}
	raised := strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹")
	return "10" + raised.Replace(fmt.Sprint(d))
}
