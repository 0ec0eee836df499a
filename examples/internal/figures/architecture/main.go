// Architecture draws the picture of the network for the README.
//
//	go run ./examples/internal/figures/architecture
package main

import (
	"fmt"
	"io"
	"math"

	"convnet"
	"convnet/examples/internal/chart"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/palette"
)

//go:generate go -C ../../../.. run ./examples/internal/figures/architecture

// A stage is what the network computes between two steps: maps of size×size, or a vector if
// size is 0.
type stage struct {
	names []string // of the fields of convnet.Activations
	count int      // of maps, or of values in the vector
	size  int
	steps []string // that lead to the next stage
	gap   float64  // to the next stage, in pixels: the width that the steps take
}

// stages takes all sizes from the network itself.
func stages() []stage {
	a := convnet.NewActivations()
	maps := func(volume [][][]float64, gap float64, names, steps []string) stage {
		return stage{names, len(volume), len(volume[0]), steps, gap}
	}
	vector := func(v []float64, gap float64, names, steps []string) stage {
		return stage{names, len(v), 0, steps, gap}
	}
	convolution := func(out, in [][][]float64) []string {
		kernel := len(in[0]) - len(out[0]) + 1
		return []string{"convolution", fmt.Sprintf("%d filters", len(out)), fmt.Sprintf("%d×%d×%d", len(in), kernel, kernel), "ReLU"}
	}
	pooling := []string{"max-pool", "2×2"}
	return []stage{
		maps(a.Image, 74, []string{"Image"}, convolution(a.Conv1, a.Image)),
		maps(a.Conv1, 60, []string{"Conv1", "ReLU1"}, pooling),
		maps(a.Pool1, 74, []string{"Pool1"}, convolution(a.Conv2, a.Pool1)),
		maps(a.Conv2, 60, []string{"Conv2", "ReLU2"}, pooling),
		maps(a.Pool2, 72, []string{"Pool2"}, []string{"flatten", "dropout ½"}),
		vector(a.Flat, 72, []string{"Flat", "Drop1"}, []string{"fully", "connected", "ReLU", "dropout ½"}),
		vector(a.Hidden, 71, []string{"Hidden", "ReLU3", "Drop2"}, []string{"fully", "connected"}),
		vector(a.Logits, 58, []string{"Logits"}, []string{"softmax"}),
		vector(a.Probabilities, 0, []string{"Probabilities"}, nil),
	}
}

const (
	height   = 232
	middle   = 88 // the line on which all stages are centered
	scale    = 2  // pixels for a value of a map
	thick    = 12 // width of a vector
	start    = 18 // left of the first stage
	end      = 42 // right of the last stage
	maxDepth = 30 // from the first map of a stage to the last
)

func main() {
	out := cli.Out()
	p := cli.Program{
		Path: "examples/internal/figures/architecture",
		Does: "Draws the README's picture of the network, architecture.svg.",
	}
	p.Main(func() error { return out.Write("architecture.svg", draw) })
}

func draw(w io.Writer) error {
	all := stages()
	width := start + end + 0.0
	for _, s := range all {
		width += s.width() + s.gap
	}
	title := fmt.Sprintf("The network: %d×%d pixels, two convolutions with ReLU and max-pooling, two fully connected layers, %d probabilities",
		all[0].size, all[0].size, all[len(all)-1].count)
	p := chart.New(int(math.Ceil(width)), height, title)
	x := start + 0.0
	for _, s := range all {
		s.draw(p, x)
		right := x + s.width()
		center := (x + right) / 2
		for k, name := range s.names {
			p.Text(center, 190+16*float64(k), "middle", chart.Plain, name)
		}
		shape := fmt.Sprint(s.count)
		if s.size > 0 {
			shape = fmt.Sprintf("%d×%d×%d", s.count, s.size, s.size)
		}
		p.Text(center, 172, "middle", chart.Small, shape)
		if s.steps != nil {
			from, to := right+6, right+s.gap-6
			p.Line(from, middle, to, middle, chart.Axis)
			p.Line(to-6, middle-4, to, middle, chart.Axis)
			p.Line(to-6, middle+4, to, middle, chart.Axis)
			for k, step := range s.steps {
				y := middle - 8 + 14*float64(k-1) // two lines above the arrow, the others below
				if k >= 2 {
					y += 16
				}
				p.Text((from+to)/2, y, "middle", chart.Small, step)
			}
		}
		x = right + s.gap
	}
	_, err := p.WriteTo(w)
	return err
}

// shift returns how far each map lies behind the one in front of it.
func (s stage) shift() float64 { return min(2, maxDepth/float64(max(1, s.count-1))) }

// depth returns how far the last map lies behind the first.
func (s stage) depth() float64 { return s.shift() * float64(s.count-1) }

func (s stage) width() float64 {
	if s.size == 0 {
		return thick
	}
	return scale*float64(s.size) + s.depth()
}

// draw draws a stage with its left edge at x.
func (s stage) draw(p *chart.Picture, x float64) {
	const ink = palette.Positive
	if s.size == 0 {
		long := min(max(8*math.Sqrt(float64(s.count)), 32), 128)
		p.Rect(x, middle-long/2, thick, long, ink, 0.25, ink)
		return
	}
	// The maps lie behind one another, the first in front.
	side := scale * float64(s.size)
	for k := s.count - 1; k >= 0; k-- {
		back := s.shift() * float64(k)
		p.Rect(x+back, middle-(side+s.depth())/2+s.depth()-back, side, side, "#dbe7f5", 1, ink)
	}
}
