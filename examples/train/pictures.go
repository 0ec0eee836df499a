package main

import (
	"fmt"
	"image"
	"io"
	"math"
	"path/filepath"
	"slices"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/chart"
	"convnet/examples/internal/pixels"
	"convnet/examples/internal/stats"
	"convnet/examples/internal/training"
)

// These pictures show how the network learns. All others show what it has learned.
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
	p := e.lossPlot(fmt.Sprintf("Training loss on the first set of %s digits", stats.Thousands(e.Size)), e.Epochs)
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
			span.Notes = []string{"test accuracy", fmt.Sprintf("%.2f%%", 100*e.accuracy[k])}
		}
		p.Spans = append(p.Spans, span)
	}
	return p.WriteSVG(w)
}

// lossPlot plots the losses from the start of this run to epoch last, counted across all sets.
func (e *experiment) lossPlot(title string, last int) chart.Plot {
	var c chart.Curve
	epoch := (e.begun.Set-1)*e.Epochs + e.begun.Epoch
	for _, loss := range e.losses[:min(len(e.losses), last+1-epoch)] {
		c.X, c.Y = append(c.X, float64(epoch)), append(c.Y, loss)
		epoch++
	}
	return chart.Plot{Title: title, XLabel: "epoch", YLabel: "training loss, averaged over an epoch (nats)", Curves: []chart.Curve{c}}
}

// columns returns how many columns a grid of this many tiles has: half as many, but at most 10.
func columns(tiles int) int { return min((tiles+1)/2, 10) }

// drawFeatureMaps draws the first test digit, and beside it its feature maps after conv1.
func drawFeatureMaps(e *experiment, w io.Writer) error {
	digit, a := e.test[0], convnet.NewActivations()
	e.trainer.Network.Predict(a, digit.Image)
	const side = 4
	limit := pixels.Limit(a.Conv1...)
	image := pixels.Tile{Label: "image", M: digit.Image}
	maps := pixels.Grid{Tiles: pixels.Tiles("map", limit, a.Conv1), Columns: columns(len(a.Conv1)), Side: side, Gap: pixels.Gap}
	left, height := image.Size(side).X+2*pixels.Gap, max(maps.Size().Y, image.Size(side).Y)
	sheet := pixels.NewSheet(fmt.Sprintf("A %d, and its feature maps after conv1", digit.Label), left+maps.Size().X, height, pixels.Number(limit))
	image.Draw(sheet, pixels.Margin, pixels.Head+(height-image.Size(side).Y)/2, side)
	maps.Draw(sheet, pixels.Margin+left, pixels.Head)
	return pixels.WritePNG(w, sheet)
}

// A moment holds the conv1 filters, each a single kernel, at some point in the run.
type moment struct {
	at      training.Position
	filters [][][]float64
}

// moment copies the conv1 filters.
func (e *experiment) moment(at training.Position) moment {
	return moment{at, slices.Concat(pixels.Kernels(e.trainer.Network.Clone().Filters1, 1)...)}
}

// sheet returns a sheet with the filters drawn on it.
func (m moment) sheet(e *experiment, limit float64) *image.Paletted {
	g := pixels.Grid{Tiles: pixels.Tiles("filter", limit, m.filters), Columns: columns(len(m.filters)), Side: 20, Gap: pixels.Gap}
	return g.Sheet("Conv1 filters "+e.after(m.at), pixels.Number(limit))
}

// after says how many epochs the network has trained by a position, counted across all sets.
func (e *experiment) after(at training.Position) string {
	epochs := math.Round(10*float64(e.Seen(at))/float64(e.Size)) / 10
	if epochs == 1 {
		return "after 1 epoch"
	}
	return fmt.Sprintf("after %g epochs", epochs)
}

// drawFilters1 draws the conv1 filters.
func drawFilters1(e *experiment, w io.Writer) error {
	now := e.moment(e.at)
	return pixels.WritePNG(w, now.sheet(e, pixels.Limit(now.filters...)))
}

// drawFilters2 draws the conv2 filters, each in a column, with one kernel per channel.
func drawFilters2(e *experiment, w io.Writer) error {
	channels := len(e.trainer.Network.Filters1)
	filters := pixels.Kernels(e.trainer.Network.Filters2, channels)
	limit := pixels.Limit(slices.Concat(filters...)...)
	g := pixels.Grid{Columns: len(filters), Side: 6, Gap: 6}
	for c := range channels {
		for _, filter := range filters {
			g.Tiles = append(g.Tiles, pixels.Tile{M: filter[c], Limit: limit})
		}
	}
	return pixels.WritePNG(w, g.Table("Conv2 filters "+e.after(e.at), "filter", "channel", pixels.Number(limit)))
}

// recordFilters copies the conv1 filters for the animation: at the start of the run, at the start
// of up to 25 epochs, and ten times during the first epoch, when they change most.
func (e *experiment) recordFilters(step training.Step) {
	const most = 25
	every := max(1, (e.Sets*e.Epochs+most-1)/most)
	begin := step.Position == e.begun || step.Digit == 0 && len(e.losses)%every == 0
	tenth := max(1, e.Size/10)
	first := step.Set == 1 && step.Epoch == 1 && step.Digit%tenth < len(step.Batch)
	if begin || first {
		e.filters = append(e.filters, e.moment(step.Position))
	}
}

// drawLearning animates the conv1 filters over the run, all with the same color scale.
func drawLearning(e *experiment, w io.Writer) error {
	frames := append(slices.Clone(e.filters), e.moment(e.at))
	limit := 0.0
	for _, frame := range frames {
		limit = max(limit, pixels.Limit(frame.filters...))
	}
	var sheets []*image.Paletted
	for _, frame := range frames {
		sheets = append(sheets, frame.sheet(e, limit))
	}
	return pixels.WriteGIF(w, sheets, 20)
}

func drawConfusion(e *experiment, w io.Writer) error {
	var counts [][]int // by true label and predicted label
	for range e.trainer.Network.Biases2 {
		counts = append(counts, make([]int, len(e.trainer.Network.Biases2)))
	}
	for k, prediction := range e.predictions {
		counts[e.test[k].Label][prediction]++
	}
	return chart.Confusion(w, fmt.Sprintf("Confusion matrix: %s of %s test digits correct", stats.Thousands(e.countCorrect()), stats.Thousands(len(e.test))), counts)
}

// drawMisclassified draws the first few misclassified test digits.
func drawMisclassified(e *experiment, w io.Writer) error {
	const most = 60
	var mistakes []pixels.Mistake
	for k, prediction := range e.predictions {
		if digit := e.test[k]; prediction != digit.Label {
			mistakes = append(mistakes, pixels.Mistake{Image: digit.Image, Label: digit.Label, Prediction: prediction})
		}
	}
	title := fmt.Sprintf("The %d misclassified test digits", len(mistakes))
	if len(mistakes) > most {
		title = fmt.Sprintf("Misclassified test digits: the first %d of %d", most, len(mistakes))
		mistakes = mistakes[:most]
	}
	return pixels.WritePNG(w, pixels.Mistakes(title, mistakes))
}
