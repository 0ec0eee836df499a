package inspect

import (
	"context"
	"slices"

	"convnet"
)

// patch is the side of the square that covers a part of the image.
const patch = 7

// An occlusion is how probable the predicted class remains with a part of the image covered.
type occlusion struct {
	Image       [][]float64 `json:"image"`
	Prediction  int         `json:"prediction"`
	Patch       int         `json:"patch"`
	Probability float64     `json:"probability"` // with nothing covered
	Covered     [][]float64 `json:"covered"`     // the probability with the square centered on this pixel
	Predictions [][]int     `json:"predictions"` // the class predicted then
}

// occlude returns the occlusion of an input: a gray square slides over the image
// (Zeiler and Fergus, 2014). Where the probability is low, the prediction depends on what is
// there.
func (s *Inspector) occlude(ctx context.Context, body []byte) (any, error) {
	var in input
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	var o occlusion
	err := s.withWorkspace(ctx, func(w *workspace) error {
		network, err := s.forward(w, in)
		if err != nil {
			return err
		}
		if blank(w.image) {
			return badRequest("nothing is drawn: draw a digit, or choose a test digit")
		}
		class := w.a.Prediction()
		o = occlusion{
			Image: rounded([][][]float64{w.image})[0], Prediction: class, Patch: patch,
			Probability: w.a.Probabilities[class], Covered: newImage(), Predictions: make([][]int, convnet.ImageSide),
		}
		covered := newImage()
		for y, row := range o.Covered {
			o.Predictions[y] = make([]int, len(row))
			for x := range row {
				cover(covered, w.image, y, x)
				network.Forward(w.a, covered)
				row[x], o.Predictions[y][x] = w.a.Probabilities[class], w.a.Prediction()
			}
		}
		return nil
	})
	return o, err
}

// blank reports whether nothing is drawn on an image.
func blank(image [][]float64) bool {
	return !slices.ContainsFunc(slices.Concat(image...), func(v float64) bool { return v != 0 })
}

// cover sets covered to image with a gray square centered on a pixel.
func cover(covered, image [][]float64, y, x int) {
	for i, row := range image {
		copy(covered[i], row)
		if i < y-patch/2 || i > y+patch/2 {
			continue
		}
		for j := max(0, x-patch/2); j <= min(len(row)-1, x+patch/2); j++ {
			covered[i][j] = 0.5
		}
	}
}
