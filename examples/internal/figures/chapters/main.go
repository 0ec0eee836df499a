// Chapters draws the pictures in the chapters of docs, and prints the figures quoted there.
//
//	go run ./examples/internal/figures/chapters
//
// It needs only the embedded digits and the trained network. Most of the quarter of a minute
// that it takes goes into six training runs, for the chapter on dropout.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/mnist"
	"convnet/examples/trained"
)

//go:generate go -C ../../../.. run ./examples/internal/figures/chapters

// pictures lists each picture with the function that draws it and prints its figures.
var pictures = []struct {
	name string
	draw func(picture, text io.Writer, m *material) error
}{
	{"kernels.png", kernels},
	{"stages.png", stages},
	{"softmax.svg", softmax},
	{"backward.png", backward},
	{"step.svg", step},
	{"overfitting.svg", overfitting},
}

// material is what the pictures are made from.
type material struct {
	train, test []convnet.Digit
	network     *convnet.Network // trained
}

func newMaterial(model string) (*material, error) {
	train, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return nil, err
	}
	network, err := trained.Open(model)
	if err != nil {
		return nil, err
	}
	return &material{train, test, network}, nil
}

func main() {
	out, model := cli.Out(), cli.Model()
	p := cli.Program{
		Path: "examples/internal/figures/chapters",
		Does: "Draws the pictures of the chapters, and prints the figures that the chapters quote.",
	}
	p.Main(func() error { return run(*model, *out, os.Stdout) })
}

func run(model string, out cli.Folder, stdout io.Writer) error {
	m, err := newMaterial(model)
	if err != nil {
		return err
	}
	return drawAll(m, out, stdout)
}

func drawAll(m *material, out cli.Folder, stdout io.Writer) error {
	for _, p := range pictures {
		var text strings.Builder
		draw := func(w io.Writer) error { return p.draw(w, &text, m) }
		if err := out.Write(p.name, draw); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(stdout, "%s\n\n%s\n", p.name, text.String()); err != nil {
			return err
		}
	}
	return nil
}

// table writes a table in Markdown. The first column is text, the others are figures.
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
