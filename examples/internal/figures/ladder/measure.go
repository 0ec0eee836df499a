package main

import (
	"context"
	"fmt"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/training"
)

// An outcome is a line of docs/ladder.json: how many of 10,000 digits the networks of a
// recipe classify correctly, for each seed from 1.
type outcome struct {
	Kind       string // rung, point or trial
	Name       string
	Digits     int // to train on
	Epochs     int
	Validation []int     `json:",omitempty"` // of the validation digits, trained without them
	Test       []int     `json:",omitempty"` // of the test digits
	Seconds    []float64 // of training, on one core
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

// beside returns r for measuring validation accuracy: trained without the validation digits.
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

// climbing returns the jobs of the ladder, including those beside it, and of the curve.
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

// tried returns the outcomes of the trials.
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

// outcome returns a rung's outcome on the validation digits.
func (l *lab) outcome(kind string, r rung) (outcome, error) {
	o := outcome{Kind: kind, Name: r.name, Digits: r.recipe.Sets * r.recipe.Size, Epochs: r.recipe.Epochs}
	for _, j := range r.jobs() {
		r, err := l.result(j)
		if err != nil {
			return o, err
		}
		o.Seconds = append(o.Seconds, r.seconds)
		if r.validation >= 0 {
			o.Validation = append(o.Validation, r.validation)
		}
	}
	return o, nil
}

// tested measures the networks of the ladder and of the curve on the test digits, and returns
// all outcomes.
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
		o.Validation = beside.Validation
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

// test measures a rung's networks on the test digits.
func (l *lab) test(ctx context.Context, kind string, r rung, test []convnet.Digit) (outcome, error) {
	o, err := l.outcome(kind, r)
	if err != nil {
		return o, err
	}
	for _, j := range r.jobs() {
		r, err := l.result(j)
		if err != nil {
			return o, err
		}
		predictions, err := training.Predict(ctx, r.network, test, nil)
		if err != nil {
			return o, err
		}
		o.Test = append(o.Test, training.CountCorrect(predictions, test))
	}
	return o, nil
}

// read reads outcomes and returns them by kind.
func read(name string) (outcomes map[string][]outcome, err error) {
	all, err := cli.ReadLines[outcome](name)
	if err != nil {
		return nil, err
	}
	outcomes = map[string][]outcome{}
	for _, o := range all {
		outcomes[o.Kind] = append(outcomes[o.Kind], o)
	}
	for _, kind := range []string{aRung, aPoint, aTrial} {
		if outcomes[kind] == nil {
			return nil, fmt.Errorf("%s: found no %s, want at least one", name, kind)
		}
	}
	return outcomes, nil
}
