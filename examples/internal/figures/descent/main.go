// Descent draws the pictures of the chapter on gradient descent, and prints its tables.
//
//	go run ./examples/internal/figures/descent
//
// It needs only the embedded digits. Most of the minute that it takes goes into the 45 training
// runs of the last two tables.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/training"
	"convnet/examples/mnist"
)

//go:generate go -C ../../../.. run ./examples/internal/figures/descent

// pictures lists each picture with the function that draws it.
var pictures = []struct {
	name string
	draw func(w io.Writer, train []convnet.Digit) error
}{
	{"descent-line.svg", drawLine},
	{"descent-valley.svg", drawValley},
}

// tables lists what prints the tables, and two lines between them.
var tables = []func(w io.Writer, train []convnet.Digit){
	tableOfLine, tableOfRates, linesOfCurvature, tableOfSteps, tableOfNoise, tableOfBatches, tableOfMomentum,
}

func main() {
	out := cli.Out()
	p := cli.Program{
		Path: "examples/internal/figures/descent",
		Does: "Draws the pictures of the chapter on gradient descent, and prints its tables.",
	}
	p.Main(func() error { return run(os.Stdout, *out) })
}

func run(w io.Writer, out cli.Folder) error {
	train, _, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return err
	}
	for _, p := range pictures {
		if err := out.Write(p.name, func(w io.Writer) error { return p.draw(w, train) }); err != nil {
			return err
		}
	}
	for _, print := range tables {
		print(w, train)
		fmt.Fprintln(w)
	}
	return nil
}

// rate is the learning rate of examples/train, which most of the chapter is about.
var rate = training.Default().Rate

// begun is how many digits the network of the pictures has been trained on, and nearby how many
// more its loss is measured over.
const begun, nearby = 200, 200

// begin returns a network that has taken a step on each of the first digits, so that it
// is well on its way, and the digits to measure its loss over.
func begin(train []convnet.Digit) (n *convnet.Network, set []convnet.Digit) {
	n = convnet.New(1)
	learn(n, train[:begun], 1, rate)
	return n, train[begun : begun+nearby]
}

// table writes a table in Markdown.
func table(w io.Writer, head []string, rows [][]string) {
	line := func(cells []string) { fmt.Fprintln(w, "| "+strings.Join(cells, " | ")+" |") }
	line(head)
	fmt.Fprintln(w, strings.Repeat("|---:", len(head))+"|")
	for _, row := range rows {
		line(row)
	}
}
