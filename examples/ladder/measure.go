package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/training"
)

// An outcome is a line of docs/ladder.json: what the networks of a recipe read
// rightly of 10,000 digits, for each seed from 1.
type outcome struct {
	Kind    string // rung, point or trial
	Name    string
	Digits  int // learned from
	Passes  int
	HeldOut []int     `json:",omitempty"` // of the held-out digits, having learned from others alone
	Test    []int     `json:",omitempty"` // of the test digits
	Seconds []float64 // of learning, on one core
}

// The kinds of outcomes.
const (
	aRung  = "rung"
	aPoint = "point" // of the curve
	aTrial = "trial"
)

// jobs returns a job for each seed.
func (r rung) jobs() (all []job) {
	for seed := range r.seeds {
		all = append(all, job{r.recipe, uint64(seed + 1)})
	}
	return all
}

// beside returns r for what is measured on the held-out digits beside it.
func (r rung) beside() rung {
	r.recipe = without(r.recipe)
	return r
}

// choosing returns the jobs of the trials.
func (p plan) choosing() (all []job) {
	for _, r := range p.trials {
		all = append(all, r.jobs()...)
	}
	return all
}

// climbing returns the jobs of the ladder, with those beside, and of the curve.
func (p plan) climbing() (all []job) {
	for _, r := range p.rungs {
		all = append(all, r.jobs()...)
		all = append(all, r.beside().jobs()...)
	}
	for _, r := range p.curve {
		all = append(all, r.jobs()...)
	}
	return all
}

// tried returns what came out of the trials.
func (l *lab) tried(p plan) (outcomes []outcome, err error) {
	for _, r := range p.trials {
		o, err := l.outcome(aTrial, r)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// outcome returns what a rung's networks have made of the held-out digits.
func (l *lab) outcome(kind string, r rung) (outcome, error) {
	o := outcome{Kind: kind, Name: r.name, Digits: r.recipe.Sets * r.recipe.Size, Passes: r.recipe.Passes}
	for _, j := range r.jobs() {
		made, err := l.result(j)
		if err != nil {
			return o, err
		}
		o.Seconds = append(o.Seconds, made.seconds)
		if made.heldOut >= 0 {
			o.HeldOut = append(o.HeldOut, made.heldOut)
		}
	}
	return o, nil
}

// tested lets the networks of the ladder and of the curve read the test digits,
// and returns what came out of everything.
func (l *lab) tested(ctx context.Context, p plan, test []convnet.Digit) (outcomes []outcome, err error) {
	for _, r := range p.rungs {
		o, err := l.test(ctx, aRung, r, test)
		if err != nil {
			return nil, err
		}
		beside, err := l.outcome(aRung, r.beside())
		if err != nil {
			return nil, err
		}
		o.HeldOut = beside.HeldOut
		outcomes = append(outcomes, o)
	}
	for _, r := range p.curve {
		o, err := l.test(ctx, aPoint, r, test)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
	}
	tried, err := l.tried(p)
	return append(outcomes, tried...), err
}

// test lets a rung's networks read the test digits.
func (l *lab) test(ctx context.Context, kind string, r rung, test []convnet.Digit) (outcome, error) {
	o, err := l.outcome(kind, r)
	if err != nil {
		return o, err
	}
	for _, j := range r.jobs() {
		made, err := l.result(j)
		if err != nil {
			return o, err
		}
		answers, err := training.Read(ctx, made.network, test, nil)
		if err != nil {
			return o, err
		}
		o.Test = append(o.Test, training.Right(answers, test))
	}
	return o, nil
}

// write writes outcomes, one a line.
func write(name string, outcomes []outcome) error {
	return atomicfile.Write(name, func(w io.Writer) error {
		e := json.NewEncoder(w)
		for _, o := range outcomes {
			if err := e.Encode(o); err != nil {
				return err
			}
		}
		return nil
	})
}

// read reads outcomes, one a line, and returns them by their kind.
func read(name string) (outcomes map[string][]outcome, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%w (run it in the root of the repository)", err)
	}
	outcomes = map[string][]outcome{}
	d := json.NewDecoder(bytes.NewReader(text))
	for d.More() {
		var o outcome
		if err := d.Decode(&o); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		outcomes[o.Kind] = append(outcomes[o.Kind], o)
	}
	for _, kind := range []string{aRung, aPoint, aTrial} {
		if outcomes[kind] == nil {
			return nil, fmt.Errorf("%s: found no %s, want some", name, kind)
		}
	}
	return outcomes, nil
}
