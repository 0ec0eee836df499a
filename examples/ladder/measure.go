package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/distort"
	"convnet/examples/internal/training"
)

// An outcome is a line of docs/ladder.json: what the networks of a recipe read
// rightly of 10,000 digits, for each seed from 1.
type outcome struct {
	Kind      string // rung, size or trial
	Name      string
	Digits    int // learned from
	Passes    int
	Distorted bool
	HeldOut   []int     `json:",omitempty"` // of the held-out digits, having learned from no more than the others
	Test      []int     `json:",omitempty"` // of the test digits
	Seconds   []float64 // of learning, on one core
}

// The kinds of outcomes.
const (
	aRung  = "rung"
	aSize  = "size"
	aTrial = "trial"
)

func newOutcome(kind, name string, r training.Recipe) outcome {
	return outcome{Kind: kind, Name: name, Digits: r.Sets * r.Size, Passes: r.Passes, Distorted: r.Distortion != distort.Distortion{}}
}

// jobs returns a job of the recipe for each seed.
func jobs(r training.Recipe, seeds int) (all []job) {
	for seed := range seeds {
		all = append(all, job{r, uint64(seed + 1)})
	}
	return all
}

// choose tries the settings, and prints what the held-out digits say.
func choose(ctx context.Context, l *lab, stdout io.Writer) error {
	var all []job
	for _, t := range trials() {
		all = append(all, jobs(t.recipe, t.seeds)...)
	}
	if err := l.do(ctx, all); err != nil {
		return err
	}
	outcomes, err := l.trials()
	if err != nil {
		return err
	}
	return printTrials(stdout, outcomes)
}

func (l *lab) trials() (outcomes []outcome, err error) {
	for _, t := range trials() {
		o := newOutcome(aTrial, t.name, t.recipe)
		for _, j := range jobs(t.recipe, t.seeds) {
			r, err := l.result(j)
			if err != nil {
				return nil, err
			}
			o.HeldOut, o.Seconds = append(o.HeldOut, r.heldOut), append(o.Seconds, r.seconds)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// climb returns the jobs of the ladder and of the curve.
func climb() (all []job) {
	for _, r := range rungs() {
		all = append(all, jobs(r.recipe, r.seeds)...)
		if held := without(r.recipe); held != r.recipe {
			all = append(all, jobs(held, r.seeds)...)
		}
	}
	for _, digits := range sizes {
		for _, distorted := range []bool{false, true} {
			all = append(all, jobs(ofSize(digits, distorted), curveSeeds)...)
		}
	}
	return all
}

// readTestDigits lets every network of the ladder and the curve read the test
// digits, and writes what came out of it, and of the trials.
func readTestDigits(l *lab, test []convnet.Digit) error {
	outcomes, err := l.trials()
	if err != nil {
		return err
	}
	measure := func(kind, name string, r training.Recipe, seeds int) error {
		o := newOutcome(kind, name, r)
		for _, j := range jobs(r, seeds) {
			learned, err := l.result(j)
			if err != nil {
				return err
			}
			o.Test, o.Seconds = append(o.Test, learned.network.Test(test)), append(o.Seconds, learned.seconds)
			if kind != aRung {
				continue
			}
			if learned, err = l.result(job{without(r), j.seed}); err != nil {
				return err
			}
			o.HeldOut = append(o.HeldOut, learned.heldOut)
		}
		outcomes = append(outcomes, o)
		return nil
	}
	for _, r := range rungs() {
		if err := measure(aRung, r.name, r.recipe, r.seeds); err != nil {
			return err
		}
	}
	for _, digits := range sizes {
		for _, distorted := range []bool{false, true} {
			if err := measure(aSize, "", ofSize(digits, distorted), curveSeeds); err != nil {
				return err
			}
		}
	}
	return atomicfile.Write(figures, func(w io.Writer) error {
		e := json.NewEncoder(w)
		for _, o := range outcomes {
			if err := e.Encode(o); err != nil {
				return err
			}
		}
		return nil
	})
}

// read reads the outcomes of a kind, one a line.
func read(name, kind string) (outcomes []outcome, err error) {
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
		if o.Kind == kind {
			outcomes = append(outcomes, o)
		}
	}
}

// percent returns the mean of counts of 10,000 in percent, and its standard error,
// NaN for a single count.
func percent(counts []int) (mean, standardError float64) {
	n := float64(len(counts))
	for _, c := range counts {
		mean += float64(c) / 100 / n
	}
	variance := 0.0
	for _, c := range counts {
		d := float64(c)/100 - mean
		variance += d * d / (n - 1)
	}
	return mean, math.Sqrt(variance / n)
}

func mean(seconds []float64) float64 {
	sum := 0.0
	for _, s := range seconds {
		sum += s
	}
	return sum / float64(len(seconds))
}
