package main

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"convnet/examples/internal/cli"
	"convnet/examples/internal/stored"
)

// The values of the walk as they come out with pencil and paper.
func TestByHand(t *testing.T) {
	s := newStep()
	near := func(name string, got []float64, want ...float64) {
		for k := range want {
			if math.Abs(got[k]-want[k]) > 1e-15 {
				t.Errorf("%s: %v, want %v", name, got, want)
				return
			}
		}
	}
	near("conv1[0]", s.a.conv1[0][0], 0+0.5, 1+0.5, -1-1)
	near("conv1[1]", s.a.conv1[1][1], 0.5, 1.5-1, 0)
	near("conv2[0]", s.a.conv2[0][0], (1.5+1.5)/2+0.5, 0+0.5)
	near("conv2[1]", s.a.conv2[1][1], (0.5-1.5)/2+0.5, 1.5/2+0.5)
	near("flat", s.a.flat, 2, 1.25)
	near("logits", s.a.logits, -1+2, 0.5+0.5+math.Ln2, 0+1)
	near("probabilities", s.a.probabilities, 0.25, 0.5, 0.25)
	near("gradient at the logits", s.d.logits, 0.25, 0.5-1, 0.25)
	near("gradient of the weights", s.grad.weights[1], -0.5*2, -0.5*1.25)
	near("gradient at flat", s.d.flat, -0.125-0.125, 0.4-0.2+0.2)
	near("gradient at conv2[1]", s.d.conv2[1][1], 0, 0.4)
	near("gradient of the conv2 filters", s.grad.filters2[1], 0.4*1.5, 0, 0.4*2, 0, 0.4*0.5, 0, 0, 0)
	near("gradient at relu1[0]", s.d.relu1[0][1], 0, -0.125+0.2, -0.2)
	near("gradient at conv1[0]", s.d.conv1[0][1], 0, 0.075, 0)
	near("gradient of the conv1 filters", s.grad.filters1[0], 0.0375, -0.125+0.075, -0.0625, -0.125+0.075)
}

// Every gradient is the slope of the loss.
func TestSlopes(t *testing.T) {
	s := newStep()
	n, g := s.network, s.grad
	parameters, gradients := [][]float64{n.biases}, [][]float64{g.biases}
	for _, m := range [][][]float64{n.filters1, n.filters2, n.weights, s.a.image[0]} {
		parameters = append(parameters, m...)
	}
	for _, m := range [][][]float64{g.filters1, g.filters2, g.weights, s.d.image[0]} {
		gradients = append(gradients, m...)
	}
	const h = 1e-6
	for i, row := range parameters {
		for k, p := range row {
			row[k] = p + h
			more := n.loss(s.a.image)
			row[k] = p - h
			less := n.loss(s.a.image)
			row[k] = p
			if slope := (more - less) / (2 * h); math.Abs(slope-gradients[i][k]) > 1e-9 {
				t.Errorf("row %d, entry %d: gradient %v, slope %v", i, k, gradients[i][k], slope)
			}
		}
	}
}

// The exercise of docs/gradients.md: a value on ReLU's kink, where the gradient check seems
// to fail.
func TestExerciseOnTheKink(t *testing.T) {
	s := newStep()
	n := s.network
	n.filters2[1][7] = -1
	n.forward(s.a, s.a.image)
	s.grad = newGradient()
	n.backward(s.grad, s.d, s.a, label)
	near := func(name string, got, want, within float64) {
		if !(math.Abs(got-want) <= within) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	near("on the kink", s.a.conv1[1][2][2], 0, 0)
	near("the winner", s.a.conv2[1][1][1], s.a.flat[1], 0)
	near("gradient at relu1", s.d.relu1[1][2][2], -0.4, 1e-15)
	near("gradient at conv1", s.d.conv1[1][2][2], 0, 0)
	near("gradient", s.grad.filters1[1][0], 0.2, 1e-15)
	const h = 1e-6
	at := n.loss(s.a.image)
	n.filters1[1][0] += h
	more := n.loss(s.a.image)
	n.filters1[1][0] -= 2 * h
	less := n.loss(s.a.image)
	near("slope", (more-less)/(2*h), 0, 1e-6)
	near("slope forward", (more-at)/h, -0.2, 1e-6)
	near("slope back", (at-less)/h, 0.2, 1e-6)
}

// A step goes down, because update moves every tensor.
func TestStepsGoDown(t *testing.T) {
	s := newStep()
	before := s.network.loss(s.a.image)
	s.network.update(s.grad, 1e-6)
	squares := 0.0
	for _, m := range [][][]float64{s.grad.filters1, s.grad.filters2, s.grad.weights, {s.grad.biases}} {
		for _, row := range m {
			for _, v := range row {
				squares += v * v
			}
		}
	}
	// A small step against the gradient g lowers the loss by rate·|g|².
	if fall := (before - s.network.loss(s.a.image)) / 1e-6; math.Abs(fall-squares) > 1e-4 {
		t.Errorf("the loss falls by %v times the rate, want %v", fall, squares)
	}
}

// drawAll draws the pictures in docs.
func TestPicturesAreCurrent(t *testing.T) {
	out := cli.Folder{Path: t.TempDir()}
	if err := drawAll(out); err != nil {
		t.Fatal(err)
	}
	for _, p := range pictures {
		drawn, err := os.ReadFile(filepath.Join(out.Path, p.name))
		if err != nil {
			t.Fatal(err)
		}
		stored.Picture(t, "docs/images/"+p.name, drawn, 0)
	}
	out.Path = filepath.Join(out.Path, "none")
	if err := drawAll(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want %v", err, fs.ErrNotExist)
	}
}

// walk returns a write error.
func TestWalkReturnsErrors(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := walk(w); err != io.ErrClosedPipe {
		t.Errorf("error %v, want %v", err, io.ErrClosedPipe)
	}
}
