// Museum draws the training loss of each exhibit of docs/museum.md, and prints what each
// mistake costs.
//
//	go test -run Museum -timeout 1h -museum docs/museum.json .
//	go run ./examples/internal/figures/museum
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
	"convnet/examples/internal/chart"
	"convnet/examples/internal/stats"
)

// An outcome is a line of docs/museum.json, as museum_test.go writes it.
type outcome struct {
	Name    string
	Sound   string // its counterpart without the mistake; empty if it has none
	Rate    float64
	Dropout float64
	Losses  []float64 // of each epoch, with seed 1
	Correct []int     // test digits classified correctly, with the seeds from 1
}

// wording replaces words in the names of docs/museum.json by those we use now.
var wording = strings.NewReplacer("on the way back", "in the backward pass", "for the size alone", "that only changes the size", ourSettings, "our hyperparameters")

const ourSettings = "our settings"

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

// read reads outcomes, one per line.
func read(name string) (outcomes []outcome, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%w (run this in the root of the repository)", err)
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
		o.Name, o.Sound = wording.Replace(o.Name), wording.Replace(o.Sound)
		outcomes = append(outcomes, o)
	}
}

func draw(w io.Writer, outcomes []outcome) error {
	p := chart.Plot{
		Title:  "Ours and the mistakes: the training loss that each reports",
		XLabel: "epoch", YLabel: "mean loss of an epoch (nats)",
		Top: 2.5, // pixels from 0 to 255 start at 4.8
	}
	for _, o := range outcomes {
		if strings.HasSuffix(o.Name, wording.Replace(ourSettings)) {
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
	fmt.Fprintln(w, "| | learning rate | dropout | test accuracy with seeds 1 to 5, % | mean | cost |")
	fmt.Fprintln(w, "|---|---:|---:|---|---:|---:|")
	for _, o := range outcomes {
		cost := ""
		for _, sound := range outcomes {
			if sound.Name == o.Sound {
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
