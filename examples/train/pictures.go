package main

import (
	"fmt"
	"image"
	"io"
	"path/filepath"
	"slices"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/chart"
	"convnet/examples/internal/pixels"
	"convnet/examples/internal/training"
)

// These pictures show how the network learns, all others what it has learned.
const (
	firstSet  = "loss-first-set.svg"
	wholeRun  = "loss.svg"
	animation = "filters1.gif"
)

// pictures lists the pictures of a run, each with the function that draws it.
var pictures = []struct {
	name string
	draw func(e *experiment, w io.Writer) error
}{
	{firstSet, drawFirstSet},
	{wholeRun, drawLoss},
	{"feature-maps.png", drawFeatureMaps},
	{"filters1.png", drawFilters1},
	{"filters2.png", drawFilters2},
	{animation, drawLearning},
	{"confusion.svg", drawConfusion},
	{"misclassified.png", drawMisclassified},
}

func (e *experiment) writePictures() error {
	for _, p := range pictures {
		learning := p.name == firstSet || p.name == wholeRun || p.name == animation
		if learning && e.at == e.begun || p.name == firstSet && e.begun.Set > 1 {
			continue // this run has nothing to draw, but the run it resumes may have drawn it
		}
		err := atomicfile.Write(filepath.Join(e.out, p.name), func(w io.Writer) error { return p.draw(e, w) })
		if err != nil {
			return err
		}
	}
	return nil
}

// drawFirstSet plots what ConvNet-in-Numpy plots: the loss on the first set.
func drawFirstSet(e *experiment, w io.Writer) error {
	p := e.lossPlot("Training loss on the first set", e.Epochs)
	p.Spans = []chart.Span{{From: 0.5, To: float64(e.Epochs) + 0.5}}
	return p.WriteSVG(w)
}

// drawLoss plots the loss over the whole run. It jumps at the start of each set, whose digits
// the network has never seen.
func drawLoss(e *experiment, w io.Writer) error {
	p := e.lossPlot("Training loss over the whole run", e.Sets*e.Epochs)
	for set := range e.Sets {
		span := chart.Span{From: float64(set*e.Epochs) + 0.5, To: float64((set+1)*e.Epochs) + 0.5, Name: fmt.Sprint("set ", set+1)}
		if k := set + 1 - e.begun.Set; k >= 0 && k < len(e.accuracy) {
			span.Note = fmt.Sprintf("test %.2f%%", 100*e.accuracy[k])
		}
		p.Spans = append(p.Spans, span)
	}
	return p.WriteSVG(w)
}

// lossPlot plots the losses from the start of this run to epoch last, counted through all sets.
func (e *experiment) lossPlot(title string, last int) chart.Plot {
	var c chart.Curve
	epoch := (e.begun.Set-1)*e.Epochs + e.begun.Epoch
	for _, loss := range e.losses[:min(len(e.losses), last+1-epoch)] {
		c.X, c.Y = append(c.X, float64(epoch)), append(c.Y, loss)
		epoch++
	}
	return chart.Plot{Title: title, XLabel: "epoch", YLabel: "mean loss over an epoch (nats)", Curves: []chart.Curve{c}}
}

// columns returns how many columns a grid of this many tiles has: half of them, but at most 10.
func columns(tiles int) int { return min((tiles+1)/2, 10) }

// drawFeatureMaps draws the first test digit, and beside it the feature maps that conv1 makes
// of it: gray is 0, lighter is positive, darker is negative.
func drawFeatureMaps(e *experiment, w io.Writer) error {
	a := convnet.NewActivations()
	e.trainer.Network.Predict(a, e.test[0].Image)
	const scale = 4
	const side = scale * convnet.ImageSide
	low, high := pixels.Balanced(a.Conv1)
	columns := columns(len(a.Conv1))
	maps := pixels.Grid(a.Conv1, columns, scale, low, high).Bounds().Size()
	left, height := side+3*pixels.Margin, max(maps.Y, side+2*pixels.Margin)
	sheet := pixels.NewSheet(left+maps.X, height)
	pixels.Draw(sheet, pixels.Margin, (height-side)/2, scale, e.test[0].Image, 0, 1)
	pixels.DrawGrid(sheet, left, (height-maps.Y)/2, a.Conv1, columns, scale, low, high)
	return pixels.WritePNG(w, sheet)
}

// conv1Filters returns a copy of the conv1 filters, each a single kernel.
func (e *experiment) conv1Filters() [][][]float64 {
	return slices.Concat(pixels.Kernels(e.trainer.Network.Clone().Filters1, 1)...)
}

// drawFilters1 draws the conv1 filters: gray is 0, lighter is positive.
func drawFilters1(e *experiment, w io.Writer) error {
	filters := e.conv1Filters()
	low, high := pixels.Balanced(filters)
	return pixels.WritePNG(w, pixels.Grid(filters, columns(len(filters)), 16, low, high))
}

// drawFilters2 draws the conv2 filters: each is a column, with one kernel for each channel.
func drawFilters2(e *experiment, w io.Writer) error {
	channels := len(e.trainer.Network.Filters1)
	filters := pixels.Kernels(e.trainer.Network.Filters2, channels)
	var tiles [][][]float64
	for c := range channels {
		for _, filter := range filters {
			tiles = append(tiles, filter[c])
		}
	}
	low, high := pixels.Balanced(tiles)
	return pixels.WritePNG(w, pixels.Grid(tiles, len(filters), 6, low, high))
}

// recordFilters copies the conv1 filters for the animation: at the start of the run, at the start
// of up to fifty epochs, and ten times during the first epoch, when they change most.
func (e *experiment) recordFilters(step training.Step) {
	const most = 50
	every := max(1, (e.Sets*e.Epochs+most-1)/most)
	begin := step.Position == e.begun || step.Digit == 0 && len(e.losses)%every == 0
	tenth := max(1, e.Size/10)
	first := step.Set == 1 && step.Epoch == 1 && step.Digit%tenth < len(step.Batch)
	if begin || first {
		e.filters = append(e.filters, e.conv1Filters())
	}
}

// drawLearning animates the conv1 filters over the run, all with the same range of grays.
func drawLearning(e *experiment, w io.Writer) error {
	frames := append(e.filters[:len(e.filters):len(e.filters)], e.conv1Filters())
	var all [][][]float64
	for _, frame := range frames {
		all = append(all, frame...)
	}
	low, high := pixels.Balanced(all)
	var sheets []*image.Paletted
	for _, frame := range frames {
		sheets = append(sheets, pixels.Grid(frame, columns(len(frame)), 8, low, high))
	}
	return pixels.WriteGIF(w, sheets, 15)
}

func drawConfusion(e *experiment, w io.Writer) error {
	var counts [][]int // by true label and predicted label
	for range e.trainer.Network.Biases2 {
		counts = append(counts, make([]int, len(e.trainer.Network.Biases2)))
	}
	for k, prediction := range e.predictions {
		counts[e.test[k].Label][prediction]++
	}
	return chart.Confusion(w, fmt.Sprintf("Confusion matrix: %d of %d test digits correct", e.countCorrect(), len(e.test)), counts)
}

// drawMisclassified draws the first of the misclassified test digits.
func drawMisclassified(e *experiment, w io.Writer) error {
	const most, columns = 60, 10
	var mistakes []pixels.Mistake
	for k, prediction := range e.predictions {
		if digit := e.test[k]; prediction != digit.Label {
			mistakes = append(mistakes, pixels.Mistake{Image: digit.Image, Label: digit.Label, Prediction: prediction})
		}
	}
	note := ""
	if all := len(mistakes); all > most {
		mistakes, note = mistakes[:most], fmt.Sprintf("the first %d of %d", most, all)
	}
	return pixels.WritePNG(w, pixels.Mistakes(mistakes, columns, note))
}
