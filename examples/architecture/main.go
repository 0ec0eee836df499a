// Architecture draws the picture of the network for the README.
//
//	go run ./examples/architecture -out docs/images
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/svg"
)

//go:generate go run . -out ../../docs/images

// A stage is what the network holds between two of its steps: maps of
// size×size, or where size is 0 a vector.
type stage struct {
	names  []string // of the fields of convnet.Activations
	count  int      // maps, or numbers of the vector
	size   int
	height float64  // of a vector, in pixels
	steps  []string // that lead to the next stage
	gap    float64  // to the next stage, in pixels: the width that the steps take
}

var stages = []stage{
	{[]string{"Image"}, 1, 28, 0, []string{"convolution", "10 filters", "1×5×5", "ReLU"}, 84},
	{[]string{"Conv1", "ReLU1"}, 10, 24, 0, []string{"max-pool", "2×2"}, 68},
	{[]string{"Pool1"}, 10, 12, 0, []string{"convolution", "20 filters", "10×5×5", "ReLU"}, 84},
	{[]string{"Conv2", "ReLU2"}, 20, 8, 0, []string{"max-pool", "2×2"}, 68},
	{[]string{"Pool2"}, 20, 4, 0, []string{"flatten", "dropout ½"}, 76},
	{[]string{"Flat", "Drop1"}, 320, 0, 128, []string{"fully", "connected", "ReLU", "dropout ½"}, 80},
	{[]string{"Hidden", "ReLU3", "Drop2"}, 100, 0, 80, []string{"fully", "connected"}, 80},
	{[]string{"Logits"}, 10, 0, 32, []string{"softmax"}, 66},
	{[]string{"Probabilities"}, 10, 0, 32, nil, 0},
}

const (
	width, height = 984, 232
	middle        = 88 // the line on which all stages are centered
	scale         = 2  // pixels for a number of a map
)

func main() {
	out := flag.String("out", ".", "folder to write architecture.svg to")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "architecture: found %q after the flags, want nothing\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := atomicfile.Write(filepath.Join(*out, "architecture.svg"), draw); err != nil {
		fmt.Fprintln(os.Stderr, "architecture:", err)
		os.Exit(1)
	}
}

func draw(w io.Writer) error {
	p := svg.New(width, height, "The network: 28×28 pixels, two convolutions with ReLU and max-pooling, two fully connected layers, ten probabilities")
	x := 18.0
	for _, s := range stages {
		right := s.draw(p, x)
		center := (x + right) / 2
		for k, name := range s.names {
			p.Text(center, 190+16*float64(k), "middle", svg.Plain, name)
		}
		shape := fmt.Sprint(s.count)
		if s.size > 0 {
			shape = fmt.Sprintf("%d×%d×%d", s.count, s.size, s.size)
		}
		p.Text(center, 172, "middle", svg.Small, shape)
		if s.steps != nil {
			from, to := right+8, right+s.gap-8
			p.Line(from, middle, to, middle, svg.Axis)
			p.Line(to-6, middle-4, to, middle, svg.Axis)
			p.Line(to-6, middle+4, to, middle, svg.Axis)
			for k, step := range s.steps {
				y := middle - 8 + 14*float64(k-1) // two lines above the arrow, the others below
				if k >= 2 {
					y += 16
				}
				p.Text((from+to)/2, y, "middle", svg.Small, step)
			}
		}
		x = right + s.gap
	}
	_, err := p.WriteTo(w)
	return err
}

// draw draws a stage from x on and returns where it ends.
func (s stage) draw(p *svg.Picture, x float64) (right float64) {
	const ink = "#0b57a4"
	if s.size == 0 {
		const thick = 12
		p.Rect(x, middle-s.height/2, thick, s.height, ink, 0.25, ink)
		return x + thick
	}
	// The maps lie behind one another, the first in front.
	side := float64(s.size * scale)
	shift := 2.0
	depth := shift * float64(s.count-1)
	for k := s.count - 1; k >= 0; k-- {
		back := shift * float64(k)
		p.Rect(x+back, middle-(side+depth)/2+depth-back, side, side, "#dbe7f5", 1, ink)
	}
	return x + side + depth
}
