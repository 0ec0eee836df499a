// Classify classifies handwritten digits in image files: PNG, JPEG or GIF files of any size,
// dark on light or light on dark, one digit in each.
//
//	go run ./examples/classify FILE…
//
// For each it prints the predicted digit, the image as the network sees it, and the
// probabilities. The file - is standard input.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/fit"
	"convnet/examples/internal/ink"
	"convnet/examples/trained"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

var program = cli.Program{
	Path: "examples/classify",
	Does: "Classifies the handwritten digit in each image file: a PNG, JPEG or GIF of any size. The file - is standard input.",
	Args: "FILE…",
}

// run runs the program and returns its exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	model := cli.ModelIn(flags)
	err := program.Parse(flags, args, stdout)
	if err == nil && flags.NArg() == 0 {
		err = cli.Usagef("found no image file, want one or more: go run ./examples/classify FILE… (-h explains more)")
	}
	if err != nil {
		return program.Status(err, stderr)
	}
	network, err := trained.Open(*model)
	if err != nil {
		return program.Status(err, stderr)
	}
	status := cli.OK
	a, digit := convnet.NewActivations(), convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
	for _, name := range flags.Args() {
		if err := read(digit, name, stdin); err != nil {
			if fault := (*fs.PathError)(nil); errors.As(err, &fault) {
				err = fault.Err // without the name, which is printed already
			}
			status = program.Status(fmt.Errorf("%s: %w", name, err), stderr)
			continue
		}
		fmt.Fprintf(stdout, "%s: %d\n", name, network.Predict(a, digit))
		if err := show(stdout, digit, a.Probabilities); err != nil {
			return program.Status(err, stderr)
		}
	}
	return status
}

// read sets digit, 28×28, to the digit in an image file.
func read(digit [][]float64, name string, stdin io.Reader) error {
	from := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		from = file
	}
	m, err := ink.Decode(from)
	if err != nil {
		return err
	}
	drawn, err := ink.Of(m)
	if err != nil {
		return err
	}
	fit.Ink(digit, drawn)
	return nil
}

// show prints the digit, two rows of pixels per line, with the probabilities next to it.
func show(w io.Writer, digit [][]float64, probabilities []float64) error {
	const first = 2 // the first line with a probability
	for k := range len(digit) / 2 {
		line := blocks(digit[2*k], digit[2*k+1])
		if n := k - first; n >= 0 && n < len(probabilities) {
			line += fmt.Sprintf("   %d %5.1f%% %s", n, 100*probabilities[n], bar(probabilities[n]))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

// blocks returns two rows of pixels as one line, with a block for each that is at least half
// ink.
func blocks(top, bottom []float64) string {
	var line strings.Builder
	for x := range top {
		switch t, b := top[x] >= 0.5, bottom[x] >= 0.5; {
		case t && b:
			line.WriteRune('█')
		case t:
			line.WriteRune('▀')
		case b:
			line.WriteRune('▄')
		default:
			line.WriteRune(' ')
		}
	}
	return line.String()
}

// bar returns a probability as a bar, to an eighth of a character.
func bar(p float64) string {
	const width = 24
	eighths := int(p*8*width + 0.5)
	return strings.Repeat("█", eighths/8) + []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}[eighths%8]
}
