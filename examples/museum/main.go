// Museum draws what came out of training the exhibits of docs/museum.md, and
// prints what each mistake costs.
//
//	go test -run Museum -timeout 1h -museum docs/museum.json .
//	go run ./examples/museum
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/plot"
	"convnet/examples/internal/summary"
)

// An outcome is a line of docs/museum.json, as museum_test.go writes it.
type outcome struct {
	Name    string
	Sound   string // its counterpart without the mistake; empty if it is one
	Rate    float64
	Dropout float64
	Losses  []float64 // of each pass, with seed 1
	Correct []int     // test digits read rightly, with the seeds from 1
}

func main() {
	err := run("docs/museum.json", "docs/images/museum.svg", os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "museum:", err)
		os.Exit(1)
	}
}

func run(from, picture string, stdout io.Writer) error {
	outcomes, err := read(from)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(picture, func(w io.Writer) error { return draw(w, outcomes) }); err != nil {
		return err
	}
	return table(stdout, outcomes)
}

// read reads outcomes, one a line.
func read(name string) (outcomes []outcome, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%w (run it in the root of the repository)", err)
	}
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var o outcome
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return outcomes, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		outcomes = append(outcomes, o)
	}
}

func draw(w io.Writer, outcomes []outcome) error {
	p := plot.Plot{
		Title:  "Right and wrong: the loss that each reports",
		XLabel: "pass", YLabel: "mean loss of a pass (nats)",
		Top: 2.5, // pixels from 0 to 255 begin at 4.8
	}
	for _, o := range outcomes {
		if strings.HasSuffix(o.Name, "our settings") {
			continue // its loss leaves the picture
		}
		c := plot.Curve{Name: o.Name, Y: o.Losses}
		for k := range o.Losses {
			c.X = append(c.X, float64(k+1))
		}
		p.Curves = append(p.Curves, c)
	}
	for set := range 5 {
		p.Spans = append(p.Spans, plot.Span{From: float64(10*set) + 0.5, To: float64(10*set) + 10.5, Name: fmt.Sprint("set ", set+1)})
	}
	return p.WriteSVG(w)
}

// table prints the accuracies, and for each mistake what it costs: the difference
// to its counterpart, seed by seed, and the standard error of its mean.
func table(w io.Writer, outcomes []outcome) error {
	fmt.Fprintln(w, "| | rate | dropout | seeds 1 to 5, % | mean | it costs |")
	fmt.Fprintln(w, "|---|---:|---:|---|---:|---:|")
	for _, o := range outcomes {
		cost := ""
		for _, sound := range outcomes {
			if sound.Name == o.Sound {
				points := differences(sound.Correct, o.Correct)
				cost = fmt.Sprintf("%.2f ± %.2f", summary.Mean(points), summary.StandardError(points))
			}
		}
		percent, seeds := summary.Percent(o.Correct), ""
		for _, p := range percent {
			seeds += fmt.Sprintf(" %.2f", p)
		}
		_, err := fmt.Fprintf(w, "| %s | %g | %g |%s | %.2f | %s |\n", o.Name, o.Rate, o.Dropout, seeds, summary.Mean(percent), cost)
		if err != nil {
			return err
		}
	}
	return nil
}

// differences returns a − b, entry by entry, in points of 10,000 digits' percentage.
func differences(a, b []int) []float64 {
	points := make([]int, len(a))
	for k := range a {
		points[k] = a[k] - b[k]
	}
	return summary.Percent(points)
}
