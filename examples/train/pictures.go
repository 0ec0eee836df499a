package main

import (
	"fmt"
	"image"
	"io"
	"path/filepath"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/picture"
	"convnet/examples/internal/plot"
)

// These show how the network learns; the others, what it has learned.
const (
	firstSet  = "loss-first-set.svg"
	wholeRun  = "loss.svg"
	animation = "filters1.gif"
)

// pictures lists the pictures of a run: each file with what draws it.
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
	{"wrong.png", drawWrong},
}

func (e *experiment) writePictures() error {
	for _, p := range pictures {
		learning := p.name == firstSet || p.name == wholeRun || p.name == animation
		if learning && e.at == e.begun || p.name == firstSet && e.begun.set > 1 {
			continue // this run has nothing to show; the one that it goes on with may have
		}
		err := atomicfile.Write(filepath.Join(e.out, p.name), func(w io.Writer) error { return p.draw(e, w) })
		if err != nil {
			return err
		}
	}
	return nil
}

// drawFirstSet draws what the original plotted: the loss of the first set.
func drawFirstSet(e *experiment, w io.Writer) error {
	return plot.Plot{
		Title:  "Loss of the first set",
		XLabel: "pass", YLabel: "mean loss of a pass (nats)",
		Curves: []plot.Curve{e.curve(e.Passes)},
		Spans:  []plot.Span{{From: 0.5, To: float64(e.Passes) + 0.5}},
	}.WriteSVG(w)
}

// drawLoss draws the loss of the whole run: every new set is new to the
// network, and the loss jumps.
func drawLoss(e *experiment, w io.Writer) error {
	p := plot.Plot{
		Title:  "Loss of the whole run",
		XLabel: "pass", YLabel: "mean loss of a pass (nats)",
		Curves: []plot.Curve{e.curve(e.Sets * e.Passes)},
	}
	for set := range e.Sets {
		span := plot.Span{From: float64(set*e.Passes) + 0.5, To: float64((set+1)*e.Passes) + 0.5, Name: fmt.Sprint("set ", set+1)}
		if k := set + 1 - e.begun.set; k >= 0 && k < len(e.accuracy) {
			span.Note = fmt.Sprintf("test %.2f%%", 100*e.accuracy[k])
		}
		p.Spans = append(p.Spans, span)
	}
	return p.WriteSVG(w)
}

// curve returns the losses since the run has begun, up to pass last, counted
// through all sets.
func (e *experiment) curve(last int) (c plot.Curve) {
	pass := (e.begun.set-1)*e.Passes + e.begun.pass
	for _, loss := range e.losses[:min(len(e.losses), last+1-pass)] {
		c.X, c.Y = append(c.X, float64(pass)), append(c.Y, loss)
		pass++
	}
	return c
}

// drawFeatureMaps draws the first test digit and beside it the ten maps of
// the first convolution: gray is 0, lighter is more, darker is less.
func drawFeatureMaps(e *experiment, w io.Writer) error {
	a := convnet.NewActivations()
	e.trainer.Network.Predict(a, e.test[0].Image)
	const scale = 4
	low, high := picture.Balanced(a.Conv1)
	maps := picture.Grid(a.Conv1, 5, scale, low, high).Bounds().Size()
	sheet := picture.NewSheet(28*scale+3*picture.Margin+maps.X, maps.Y)
	picture.Draw(sheet, picture.Margin, (maps.Y-28*scale)/2, scale, e.test[0].Image, 0, 1)
	picture.DrawGrid(sheet, 28*scale+3*picture.Margin, 0, a.Conv1, 5, scale, low, high)
	return picture.WritePNG(w, sheet)
}

// drawFilters1 draws the ten first filters: gray is 0, lighter is more.
func drawFilters1(e *experiment, w io.Writer) error {
	filters := e.firstFilters()
	low, high := picture.Balanced(filters)
	return picture.WritePNG(w, picture.Grid(filters, 5, 16, low, high))
}

// drawFilters2 draws the twenty second filters: a column for each, a row for
// each of the ten channels.
func drawFilters2(e *experiment, w io.Writer) error {
	var kernels [][][]float64
	filters := e.trainer.Network.Filters2
	for c := range 10 {
		for _, filter := range filters {
			kernels = append(kernels, kernel(filter, c))
		}
	}
	low, high := picture.Balanced(kernels)
	return picture.WritePNG(w, picture.Grid(kernels, len(filters), 6, low, high))
}

// drawLearning draws the first filters as they learned, all in one range.
func drawLearning(e *experiment, w io.Writer) error {
	frames := append(e.filters[:len(e.filters):len(e.filters)], e.firstFilters())
	var all [][][]float64
	for _, frame := range frames {
		all = append(all, frame...)
	}
	low, high := picture.Balanced(all)
	var sheets []*image.Paletted
	for _, frame := range frames {
		sheets = append(sheets, picture.Grid(frame, 5, 8, low, high))
	}
	return picture.WriteGIF(w, sheets, 15)
}

func drawConfusion(e *experiment, w io.Writer) error {
	var counts [10][10]int
	for k, answer := range e.answers {
		counts[e.test[k].Label][answer]++
	}
	return plot.Confusion(w, fmt.Sprintf("%d test digits: %d read rightly", len(e.test), e.correct()), counts)
}

// drawWrong draws the first of the test digits that were read wrongly.
func drawWrong(e *experiment, w io.Writer) error {
	const most, columns = 60, 10
	var readings []picture.Reading
	for k, answer := range e.answers {
		if digit := e.test[k]; answer != digit.Label {
			readings = append(readings, picture.Reading{Image: digit.Image, Meant: digit.Label, Read: answer})
		}
	}
	note := ""
	if all := len(readings); all > most {
		readings, note = readings[:most], fmt.Sprintf("the first %d of %d", most, all)
	}
	return picture.WritePNG(w, picture.Readings(readings, columns, note))
}
