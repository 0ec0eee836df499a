// Museum draws the training loss of each exhibit of docs/museum.md, and prints what each mistake
// costs, as stored in docs/museum.json.
//
//	go run ./examples/internal/figures/museum
//
// With -checks it prints what catches each mistake, and does nothing else. With -measure it first
// trains everything again, for some minutes, and writes docs/museum.json.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"convnet"
	"convnet/examples/internal/chart"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/stats"
	"convnet/examples/mnist"
)

//go:generate go -C ../../../.. run ./examples/internal/figures/museum -checks
//go:generate go -C ../../../.. run ./examples/internal/figures/museum

const file = "docs/museum.json"

func main() {
	out := cli.Out()
	checks := flag.Bool("checks", false, "run only the checks that catch the mistakes, and print what they say")
	measuring := flag.Bool("measure", false, "first train all networks again, and write "+file)
	p := cli.Program{
		Path: "examples/internal/figures/museum",
		Does: "Prints what each mistake of docs/museum.md costs, and draws museum.svg.",
	}
	p.Main(func() error {
		train, test, err := convnet.ReadMNIST(mnist.Files)
		if err != nil {
			return err
		}
		if *checks {
			return printChecks(os.Stdout, exhibits(), train)
		}
		if *measuring {
			outcomes := measure(variants(), train, test, setSize, epochs, seeds, os.Stderr)
			if err := cli.WriteLines(file, os.Stderr, outcomes); err != nil {
				return err
			}
		}
		return run(out, os.Stdout)
	})
}

// run draws the picture and prints the table.
func run(out *cli.Folder, stdout io.Writer) error {
	outcomes, err := cli.ReadLines[outcome](file)
	if err != nil {
		return err
	}
	if err := out.Write("museum.svg", func(w io.Writer) error { return draw(w, outcomes) }); err != nil {
		return err
	}
	return table(stdout, outcomes)
}

func draw(w io.Writer, outcomes []outcome) error {
	p := chart.Plot{
		Title:  "Training loss of the correct network and of each mistake",
		XLabel: "epoch", YLabel: "training loss, averaged over an epoch (nats)",
		Top: 2.5, // pixels from 0 to 255 start at 4.8
	}
	for _, o := range outcomes {
		if strings.HasSuffix(o.Name, ourHyperparameters) {
			continue // its loss is far above the picture
		}
		c := chart.Curve{Name: o.Name, Y: o.Losses}
		for k := range o.Losses {
			c.X = append(c.X, float64(k+1))
		}
		p.Curves = append(p.Curves, c)
	}
	for set := range 5 {
		p.Spans = append(p.Spans, chart.Span{From: float64(10*set) + 0.5, To: float64(10*set) + 10.5, Name: fmt.Sprint("set ", set+1)})
	}
	return p.WriteSVG(w)
}

// table prints the test accuracies, and for each mistake its cost: the difference from its
// counterpart, seed by seed, with the standard error of the mean.
func table(w io.Writer, outcomes []outcome) error {
	fmt.Fprintln(w, "| | learning rate | dropout | test accuracy with seeds 1 to 5, % | mean | cost, percentage points |")
	fmt.Fprintln(w, "|---|---:|---:|---|---:|---:|")
	for _, o := range outcomes {
		cost := ""
		for _, sound := range outcomes {
			if sound.Name == o.Counterpart {
				points := differences(sound.Correct, o.Correct)
				cost = fmt.Sprintf("%.2f ± %.2f", stats.Mean(points), stats.StandardError(points))
			}
		}
		percent, seeds := stats.Percent(o.Correct), ""
		for _, p := range percent {
			seeds += fmt.Sprintf(" %.2f", p)
		}
		_, err := fmt.Fprintf(w, "| %s | %g | %g |%s | %.2f | %s |\n", o.Name, o.Rate, o.Dropout, seeds, stats.Mean(percent), cost)
		if err != nil {
			return err
		}
	}
	return nil
}

// differences returns a − b, entry by entry, in percentage points of 10,000 digits.
func differences(a, b []int) []float64 {
	points := make([]int, len(a))
	for k := range a {
		points[k] = a[k] - b[k]
	}
	return stats.Percent(points)
}
