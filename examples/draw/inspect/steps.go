package inspect

import (
	"slices"

	"convnet"
)

const maxSteps = 20

// checkLoss returns an error if the label, the steps or the learning rate of an input are out
// of range.
func (s *Inspector) checkLoss(in input) error {
	classes := s.layers[len(s.layers)-1].Columns
	if in.Label != nil && !within(*in.Label, classes) {
		return badRequest("the label is %d, want 0 to %d", *in.Label, classes-1)
	}
	if !within(in.Steps, maxSteps+1) {
		return badRequest("found %d steps, want 0 to %d", in.Steps, maxSteps)
	}
	if in.Steps > 0 && !(in.Rate > 0 && in.Rate <= 1) {
		return badRequest("the learning rate is %v, want more than 0 and at most 1", in.Rate)
	}
	return nil
}

// labelOf returns the label that the loss of an input is computed for: the one chosen, or else
// the true label of a test digit, or else nil.
func (s *Inspector) labelOf(in input) *int {
	if in.Label == nil && in.Digit != nil {
		return &s.test[*in.Digit].Label
	}
	return in.Label
}

func (s *Inspector) missingLabel() error {
	return badRequest("found no label, want 0 to %d: without one there is no loss", s.layers[len(s.layers)-1].Columns-1)
}

// takeSteps returns a copy of the network after steps of gradient descent on the image and the
// label in w, without dropout. The losses before each step are in w.losses then. Responses may
// hold weights of the copy after w serves the next request, so the copy isn't part of w.
func (w *workspace) takeSteps(network *convnet.Network, steps int, rate float64) *convnet.Network {
	network = network.Clone()
	w.grad.Clear()
	for range steps {
		digit := convnet.Digit{Image: w.image, Label: *w.label}
		w.losses = append(w.losses, network.TrainStep(w.grad, w.d, w.a, digit, rate))
	}
	return network
}

// checkSteps returns an error if gradient descent has diverged.
func (w *workspace) checkSteps(network *convnet.Network, rate float64) error {
	if slices.ContainsFunc(w.losses, notFinite) || slices.ContainsFunc(network.Parameters, notFinite) {
		return badRequest("gradient descent has diverged at learning rate %v: undo the steps and choose a lower rate", rate)
	}
	return nil
}
