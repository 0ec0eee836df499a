// Chapters draws the pictures that the chapters in docs show, and prints the numbers
// that they quote.
//
//	go run ./examples/chapters
//
// All comes from the embedded digits and the trained network. Most of the quarter of a
// minute that it takes goes into six trainings, for the chapter on dropout.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/mnist"
	"convnet/examples/trained"
)

//go:generate go run . -out ../../docs/images

// A chapter shows one picture, and quotes numbers that belong to it.
type chapter struct {
	picture string
	make    func(picture, text io.Writer, m *material) error
	page    string // in docs, which holds the tables; the others quote what they need
	long    bool   // takes more than a moment

	// What may differ on another processor, whose math.Exp rounds otherwise: a number of
	// a table by a part of itself or by so much, and one of an SVG by so many pixels.
	part, most, pixels float64
}

var chapters = []chapter{
	{picture: "kernels.png", make: kernels},
	{picture: "stages.png", make: stages, page: "pooling.md", most: 0.01},
	{picture: "softmax.svg", make: softmax, pixels: 0.11},
	{picture: "backward.png", make: backward, page: "backpropagation.md", most: 0.01},
	// What rounding leaves is luck, but for its size. Four pixels are a factor of √2.
	{picture: "step.svg", make: step, page: "gradients.md", long: true, part: 0.4, pixels: 4},
	// A pass is learned from digit by digit, and twenty of them make a lot of one bit.
	{picture: "overfitting.svg", make: overfitting, page: "dropout.md", long: true, part: 0.05, most: 0.02, pixels: 3},
}

// material is what the pictures are made of.
type material struct {
	train, test []convnet.Digit
	network     *convnet.Network // the trained one
}

func newMaterial() (*material, error) {
	train, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return nil, err
	}
	network, err := trained.Open("")
	if err != nil {
		return nil, err
	}
	return &material{train, test, network}, nil
}

func main() {
	out := flag.String("out", "docs/images", "draw the pictures into this folder")
	flag.Parse()
	if err := run(*out, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chapters:", err)
		os.Exit(1)
	}
}

func run(out string, stdout io.Writer) error {
	m, err := newMaterial()
	if err != nil {
		return err
	}
	for _, c := range chapters {
		var text strings.Builder
		draw := func(w io.Writer) error { return c.make(w, &text, m) }
		if err := atomicfile.Write(filepath.Join(out, c.picture), draw); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(stdout, "%s\n\n%s\n", c.picture, text.String()); err != nil {
			return err
		}
	}
	return nil
}

// table writes a table in Markdown. The first column is text, the others are numbers.
func table(w io.Writer, head []string, rows [][]string) {
	line := func(cells []string) {
		fmt.Fprintln(w, strings.ReplaceAll("| "+strings.Join(cells, " | ")+" |", "-", "−"))
	}
	line(head)
	fmt.Fprintln(w, "|---"+strings.Repeat("|---:", len(head)-1)+"|")
	for _, row := range rows {
		line(row)
	}
}
