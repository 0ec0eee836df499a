// Photos measures how well the trained network does on photos of digits. It renders test digits in the
// many ways people photograph them, and prints the table of docs/photos.md, in about half a minute:
//
//	go run ./examples/internal/figures/photos
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/photo"
	"convnet/examples/internal/recognize"
	"convnet/examples/mnist"
	"convnet/examples/trained"
)

//go:generate go -C ../../../.. run ./examples/internal/figures/photos

func main() {
	n := flag.Int("digits", full, "photograph the first `N` test digits")
	p := cli.Program{
		Path: "examples/internal/figures/photos",
		Does: "Classifies photos of test digits, taken in many ways, and prints the table of docs/photos.md.",
	}
	p.Main(func() error { return run(os.Stdout, *n) })
}

const full = 29 // digits in docs/photos.md

func run(w io.Writer, n int) error {
	_, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return err
	}
	if n < 1 || n > len(test) {
		return cli.Usagef("-digits is %d, want 1 to %d", n, len(test))
	}
	network, err := trained.Network()
	if err != nil {
		return err
	}
	recognizer, err := recognize.New(network)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "| %d photos each | correct | unsure | wrong, but sure |\n", n)
	fmt.Fprintln(w, "|---|---:|---:|---:|")
	for _, kind := range photo.Kinds {
		c := measure(recognizer, kind, test[:n])
		fmt.Fprintf(w, "| %s | %d | %d | %d |\n", kind.Name, c.correct, c.unsure, c.wrong)
	}
	return nil
}

// A count says how many photos of a kind are classified how.
type count struct {
	correct int // sure or unsure
	unsure  int // correct or not
	wrong   int // and sure
}

func measure(recognizer *recognize.Recognizer, kind photo.Kind, digits []convnet.Digit) (c count) {
	for k, digit := range digits {
		results, err := recognizer.Picture(kind.Take(digit.Image, uint64(k)))
		if err != nil || len(results) > 1 { // no ink found, or several digits
			c.unsure++
			continue
		}
		correct, sure := results[0].Label == digit.Label, results[0].Doubt == ""
		if correct {
			c.correct++
		}
		if !sure {
			c.unsure++
		}
		if sure && !correct {
			c.wrong++
		}
	}
	return c
}
