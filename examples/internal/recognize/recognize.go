// Package recognize classifies the digits in a picture, and says when it's unsure.
package recognize

import (
	"fmt"
	"image"
	"math"
	"slices"
	"sync"

	"convnet"
	"convnet/examples/internal/fit"
	"convnet/examples/internal/ink"
	"convnet/examples/mnist"
)

// A Result is a digit in a picture.
type Result struct {
	Image           [][]float64 // 28×28, as the network sees it
	Probabilities   []float64
	Label, RunnerUp int    // the classes with the largest probabilities
	Doubt           string // why the label may be wrong, or ""
}

// A Recognizer classifies pictures. Only one goroutine at a time may use it.
type Recognizer struct {
	network     *convnet.Network
	activations *convnet.Activations
	known       [][]float64 // the training digits
}

// trainingDigits returns the embedded training digits, normalized. All Recognizers share them.
var trainingDigits = sync.OnceValues(func() (known [][]float64, err error) {
	train, err := convnet.ReadDigits(mnist.Files, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
	for _, digit := range train {
		known = append(known, normalized(digit.Image))
	}
	return known, err
})

// New returns a Recognizer with this network.
func New(network *convnet.Network) (*Recognizer, error) {
	known, err := trainingDigits()
	if err != nil {
		return nil, err
	}
	return &Recognizer{network, convnet.NewActivations(), known}, nil
}

// Picture classifies the digits in a picture, from left to right.
func (r *Recognizer) Picture(m image.Image) ([]Result, error) {
	drawn, err := ink.Of(m)
	if err != nil {
		return nil, err
	}
	digits, doubt := ink.Row(drawn)
	var results []Result
	for _, digit := range digits {
		result := r.classify(digit)
		if doubt != "" {
			result.Doubt = doubt
		}
		results = append(results, result)
	}
	return results, nil
}

// We chose both limits on photos of training digits: see docs/photos.md.
const (
	closest = 0.1  // probability of a runner-up that leaves no doubt, at most
	similar = 0.75 // similarity to the most similar training digit that leaves no doubt, at least
)

const mostHoles = 4 // in a digit: an 8 has two, and a shaky hand makes a few more

// classify classifies a single digit.
func (r *Recognizer) classify(drawn [][]float64) Result {
	result := Result{Image: convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)}
	fit.Ink(result.Image, drawn)
	result.Label = r.network.Predict(r.activations, result.Image)
	result.Probabilities = slices.Clone(r.activations.Probabilities)
	result.RunnerUp = runnerUp(result.Probabilities, result.Label)
	switch p, holes := result.Probabilities[result.RunnerUp], ink.Holes(drawn); {
	case holes > mostHoles:
		result.Doubt = fmt.Sprintf("the ink encloses %d areas of paper, more than a digit does", holes)
	case !(r.similarity(result.Image) >= similar):
		result.Doubt = "it looks like none of the training digits"
	case p > closest:
		result.Doubt = fmt.Sprintf("the runner-up is close: %d, %.1f%%", result.RunnerUp, 100*p)
	}
	return result
}

// runnerUp returns the class with the largest probability but one.
func runnerUp(probabilities []float64, label int) int {
	second := (label + 1) % len(probabilities)
	for k, p := range probabilities {
		if k != label && p > probabilities[second] {
			second = k
		}
	}
	return second
}

// similarity returns how similar an image is to the training digit that is most similar, 1 for the same.
// It's the correlation coefficient of their pixels, slightly blurred, so that a stroke that is shifted
// by a pixel still counts.
func (r *Recognizer) similarity(image [][]float64) float64 {
	v, most := normalized(image), -1.0
	for _, w := range r.known {
		sum := 0.0
		for k, x := range v {
			sum += x * w[k]
		}
		most = max(most, sum)
	}
	return most
}

// normalized returns the pixels of an image, blurred, with a mean of 0 and a length of 1. The product of
// two such vectors is their correlation coefficient.
func normalized(image [][]float64) (v []float64) {
	mean := 0.0
	for y := range image {
		for x := range image[y] {
			sum := 0.0
			for _, row := range image[max(0, y-1):min(len(image), y+2)] {
				for _, p := range row[max(0, x-1):min(len(row), x+2)] {
					sum += p
				}
			}
			v = append(v, sum)
			mean += sum
		}
	}
	mean /= float64(len(v))
	squares := 0.0
	for k := range v {
		v[k] -= mean
		squares += v[k] * v[k]
	}
	if squares == 0 { // a blank image is similar to nothing
		return v
	}
	for k := range v {
		v[k] /= math.Sqrt(squares)
	}
	return v
}
