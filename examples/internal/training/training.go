// Package training trains a network digit by digit, repeatably.
package training

import (
	"math/rand/v2"

	"convnet"
)

// A Trainer trains a network by plain stochastic gradient descent, one digit
// at a time. It holds all that a step writes, so a step allocates nothing.
type Trainer struct {
	Network     *convnet.Network
	Activations *convnet.Activations // of the last digit
	Rate        float64              // how far a step goes, above 0
	Dropout     float64              // the probability that a unit is dropped, 0 ≤ Dropout < 1

	errors      *convnet.Activations
	gradient    *convnet.Network
	seed, steps uint64
	source      *rand.PCG
	rng         *rand.Rand // draws from source
}

// New returns a Trainer of n. The dropout masks of its t-th step depend on
// seed and t alone.
func New(n *convnet.Network, rate, dropout float64, seed uint64) *Trainer {
	source := rand.NewPCG(seed, 0)
	return &Trainer{
		Network:     n,
		Activations: convnet.NewActivations(),
		Rate:        rate,
		Dropout:     dropout,
		errors:      convnet.NewActivations(),
		gradient:    convnet.NewGradient(),
		seed:        seed,
		source:      source,
		rng:         rand.New(source),
	}
}

// Step learns from one digit and returns its loss before the step.
func (t *Trainer) Step(digit convnet.Digit) (loss float64) {
	t.steps++
	t.source.Seed(t.seed, t.steps)
	t.Activations.DrawMasks(t.Dropout, t.rng)
	return t.Network.TrainStep(t.gradient, t.errors, t.Activations, digit, t.Rate)
}
