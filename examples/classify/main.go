// Classify classifies handwritten digits in image files: PNG, JPEG or GIF files of any size,
// dark on light or light on dark, one digit in each or several in a row.
//
//	go run ./examples/classify FILE…
//
// For each digit it prints the prediction, and whether that's unsure, the image as the network
// sees it, the probabilities, and the runner-up. The file - is standard input.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"convnet/examples/internal/cli"
	"convnet/examples/internal/ink"
	"convnet/examples/internal/recognize"
	"convnet/examples/trained"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

var program = cli.Program{
	Path: "examples/classify",
	Does: "Classifies the handwritten digit in each image file, or several in a row: a PNG, JPEG or GIF of any size. The file - is standard input.",
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
	recognizer, err := recognize.New(network)
	if err != nil {
		return program.Status(err, stderr)
	}
	status := cli.OK
	for _, name := range flags.Args() {
		digits, err := read(recognizer, name, stdin)
		if err != nil {
			if fault := (*fs.PathError)(nil); errors.As(err, &fault) {
				err = fault.Err // without the name, which is printed already
			}
			status = program.Status(fmt.Errorf("%s: %w", name, err), stderr)
			continue
		}
		if err := report(stdout, name, digits); err != nil {
			return program.Status(err, stderr)
		}
	}
	return status
}

// read classifies the digits in an image file.
func read(recognizer *recognize.Recognizer, name string, stdin io.Reader) ([]recognize.Result, error) {
	from := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	m, err := ink.Decode(from)
	if err != nil {
		return nil, err
	}
	return recognizer.Picture(m)
}

// report prints the digits in a file, from left to right.
func report(w io.Writer, name string, digits []recognize.Result) error {
	if len(digits) > 1 {
		var labels []string
		for _, d := range digits {
			labels = append(labels, fmt.Sprint(d.Label))
		}
		if _, err := fmt.Fprintf(w, "%s: %s (%d digits, from left to right)\n", name, strings.Join(labels, " "), len(digits)); err != nil {
			return err
		}
	}
	for k, d := range digits {
		title := name
		if len(digits) > 1 {
			title = fmt.Sprintf("%s, digit %d", name, k+1)
		}
		doubt := ""
		if d.Doubt != "" {
			doubt = fmt.Sprintf(" (unsure: %s)", d.Doubt)
		}
		if _, err := fmt.Fprintf(w, "%s: %d%s\n", title, d.Label, doubt); err != nil {
			return err
		}
		if err := show(w, d); err != nil {
			return err
		}
	}
	return nil
}

// show prints the digit, two rows of pixels per line, with the probabilities next to it.
func show(w io.Writer, d recognize.Result) error {
	const first = 2 // the first line with a probability
	for k := range len(d.Image) / 2 {
		line := blocks(d.Image[2*k], d.Image[2*k+1])
		if n := k - first; n >= 0 && n < len(d.Probabilities) {
			p := d.Probabilities[n]
			line += fmt.Sprintf("   %d %5.1f%% %s", n, 100*p, bar(p))
			if n == d.RunnerUp {
				line = strings.TrimRight(line, " ") + " runner-up"
			}
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
