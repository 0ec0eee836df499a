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

// pictures are each drawn by a function that also prints the numbers that belong to
// it.
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
	network, err := trained.Network()
	if err != nil {
		return nil, err
	}
	return &material{train, test, network}, nil
}

func main() {
	out := flag.String("out", "docs/images", "draw the pictures into this folder")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "chapters: found %q after the flags, want nothing\n", flag.Arg(0))
		os.Exit(2)
	}
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
	for _, p := range pictures {
		var text strings.Builder
		draw := func(w io.Writer) error { return p.draw(w, &text, m) }
		if err := atomicfile.Write(filepath.Join(out, p.name), draw); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(stdout, "%s\n\n%s\n", p.name, text.String()); err != nil {
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
