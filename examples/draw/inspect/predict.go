package inspect

import (
	"context"
	"math"

	"convnet"
)

// forward runs the input's network on the input, and returns the network. The activations
// are in w.a then.
func (s *Inspector) forward(w *workspace, in input) (*convnet.Network, error) {
	network, err := s.networkOf(in.Session)
	if err != nil {
		return nil, err
	}
	if err := s.load(w.image, in); err != nil {
		return nil, err
	}
	if err := s.checkLoss(in); err != nil {
		return nil, err
	}
	w.label, w.losses = s.labelOf(in), w.losses[:0]
	if in.Steps > 0 {
		if w.label == nil {
			return nil, s.missingLabel()
		}
		network = w.takeSteps(network, in.Steps, in.Rate)
	}
	network.Predict(w.a, w.image)
	if w.label != nil {
		w.losses = append(w.losses, convnet.CrossEntropy(w.a.Logits, *w.label))
	}
	if in.Steps > 0 {
		if err := w.checkSteps(network, in.Rate); err != nil {
			return nil, err
		}
	}
	return network, nil
}

// A prediction is what a network makes of an input: its activations, rounded for pictures,
// and the class it predicts.
type prediction struct {
	Image         [][]float64   `json:"image"`
	ReLU1         [][][]float64 `json:"relu1"`
	Pool1         [][][]float64 `json:"pool1"`
	ReLU2         [][][]float64 `json:"relu2"`
	Pool2         [][][]float64 `json:"pool2"`
	ReLU3         []float64     `json:"relu3"`
	Probabilities []float64     `json:"probabilities"`
	Prediction    int           `json:"prediction"`
	Label         *int          `json:"label"` // of a test digit, or null
	Loss          *float64      `json:"loss"`  // for the label chosen, or else for the true label, or null
}

// predict returns the prediction for an input.
func (s *Inspector) predict(ctx context.Context, body []byte) (any, error) {
	var in input
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	var p prediction
	err := s.withWorkspace(ctx, func(w *workspace) error {
		if _, err := s.forward(w, in); err != nil {
			return err
		}
		a := w.a
		p = prediction{
			Image: rounded(a.Image)[0],
			ReLU1: rounded(a.ReLU1), Pool1: rounded(a.Pool1),
			ReLU2: rounded(a.ReLU2), Pool2: rounded(a.Pool2),
			ReLU3:         rounded([][][]float64{{a.ReLU3}})[0][0],
			Probabilities: roundedTo(6, [][][]float64{{a.Probabilities}})[0][0],
			Prediction:    a.Prediction(),
		}
		if w.label != nil {
			loss := w.losses[in.Steps] // w serves others while p is written
			p.Loss = &loss
		}
		return nil
	})
	if in.Digit != nil && err == nil {
		p.Label = &s.test[*in.Digit].Label
	}
	return p, err
}

// rounded returns a copy with four decimals, enough for shades.
func rounded(maps [][][]float64) [][][]float64 { return roundedTo(4, maps) }

// roundedTo returns a copy with so many decimals.
func roundedTo(decimals int, maps [][][]float64) [][][]float64 {
	unit := math.Pow10(decimals)
	to := convnet.NewVolume(len(maps), len(maps[0]), len(maps[0][0]))
	for c, m := range maps {
		for y, row := range m {
			for x, v := range row {
				to[c][y][x] = math.Round(v*unit) / unit
			}
		}
	}
	return to
}
