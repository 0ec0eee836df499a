package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"

	"convnet"
	"convnet/examples/internal/chart"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/pixels"
	"convnet/examples/internal/stats"
	"convnet/examples/internal/training"
	"convnet/examples/mnist"
	"convnet/examples/trained"
)

// drawAll prints the tables and draws the pictures of docs/ladder.md.
func drawAll(file, model string, out cli.Folder, stdout io.Writer) error {
	outcomes, err := read(file)
	if err != nil {
		return err
	}
	if err := printTables(stdout, outcomes); err != nil {
		return err
	}
	for _, p := range pictures(outcomes, model) {
		if err := out.Write(p.name, p.draw); err != nil {
			return err
		}
	}
	return nil
}

// A picture is the name of a file and the function that draws it.
type picture struct {
	name string
	draw func(w io.Writer) error
}

func pictures(outcomes map[string][]outcome, model string) []picture {
	return []picture{
		{"ladder.svg", func(w io.Writer) error { return drawRungs(w, outcomes[aRung]) }},
		{"curve.svg", func(w io.Writer) error { return drawCurve(w, outcomes[aPoint]) }},
		{"distorted.png", drawAugmented},
		{"last-wrong.png", func(w io.Writer) error { return drawMistakes(w, model) }}, // last, because the model may not fit
	}
}

// printTables prints the tables of docs/ladder.md.
func printTables(w io.Writer, outcomes map[string][]outcome) error {
	printRungs(w, outcomes[aRung])
	printCurve(w, outcomes[aPoint])
	return printTrials(w, outcomes[aTrial])
}

// printRungs prints the ladder: accuracies with their standard errors.
func printRungs(w io.Writer, rungs []outcome) {
	fmt.Fprintln(w, "| recipe | digits × epochs | seeds | validation accuracy, % | test accuracy, % | misclassified, of 10,000 | seconds |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---:|")
	for _, o := range rungs {
		test := stats.Mean(stats.Percent(o.Test))
		fmt.Fprintf(w, "| %s | %s × %d | %d | %s | %s | %.0f | %s |\n",
			o.Name, stats.Thousands(o.Digits), o.Epochs, len(o.Test), accuracy(o.Validation), accuracy(o.Test), 100*(100-test), stats.Thousands(int(math.Round(stats.Mean(o.Seconds)))))
	}
}

// printCurve prints a row for each number of digits, with its two points side by side.
func printCurve(w io.Writer, points []outcome) {
	fmt.Fprintln(w, "\n| digits × epochs | "+plain+": validation accuracy, % | test accuracy, % | "+augmented+": validation accuracy, % | test accuracy, % |")
	fmt.Fprintln(w, "|---:|---:|---:|---:|---:|")
	for k := 0; k+1 < len(points); k += 2 {
		without, with := points[k], points[k+1]
		fmt.Fprintf(w, "| %s × %s | %s | %s | %s | %s |\n", stats.Thousands(without.Digits), stats.Thousands(without.Epochs),
			accuracy(without.Validation), accuracy(without.Test), accuracy(with.Validation), accuracy(with.Test))
	}
}

// printTrials prints a table for each number of digits.
func printTrials(w io.Writer, trials []outcome) (err error) {
	for k, o := range trials {
		if k == 0 || o.Digits != trials[k-1].Digits || o.Epochs != trials[k-1].Epochs {
			fmt.Fprintf(w, "\n| %s digits, %d epochs | seeds | validation accuracy, %% |\n|---|---:|---:|\n", stats.Thousands(o.Digits), o.Epochs)
		}
		_, err = fmt.Fprintf(w, "| %s | %d | %s |\n", o.Name, len(o.Validation), accuracy(o.Validation))
	}
	return err
}

// accuracy formats the mean accuracy with its standard error, if there is one.
func accuracy(counts []int) string {
	percent := stats.Percent(counts)
	switch len(counts) {
	case 0:
		return "–"
	case 1:
		return fmt.Sprintf("%.2f", percent[0])
	}
	return fmt.Sprintf("%.2f ± %.2f", stats.Mean(percent), stats.StandardError(percent))
}

// drawRungs draws a bar for each rung: the percentage of misclassified test digits, with a
// mark for each seed.
func drawRungs(w io.Writer, rungs []outcome) error {
	const left, right, top, bottom, pitch, thickness = 210, 80, 68, 36, 34, 18
	const width, axis = 720, 720 - left - right
	height := top + len(rungs)*pitch + bottom
	most := 0.0
	for _, o := range rungs {
		for _, n := range o.Test {
			most = max(most, misclassified(n))
		}
	}
	most = math.Ceil(2*most) / 2
	atX := func(v float64) float64 { return left + v/most*axis }
	title := "From the original's experiment to the best recipe"
	p := chart.New(width, height, title)
	p.Text(24, 28, "start", chart.Title, title)
	p.Text(24, 48, "start", chart.Small, "misclassified test digits: a bar shows the average over all seeds, a mark one seed")
	foot := float64(top + len(rungs)*pitch)
	for v := 0.0; v <= most; v += 0.5 {
		p.Line(atX(v), top, atX(v), foot, chart.Grid)
		p.Text(atX(v), foot+20, "middle", chart.Plain, fmt.Sprintf("%g%%", v))
	}
	for k, o := range rungs {
		y := float64(top + k*pitch + (pitch-thickness)/2)
		test := stats.Mean(stats.Percent(o.Test))
		p.Text(left-12, y+thickness-5, "end", chart.Plain, o.Name)
		p.Rect(left, y, atX(100-test)-left, thickness, chart.Inks[0], 0.25, "none")
		end := atX(100 - test)
		for _, n := range o.Test {
			p.Rect(atX(misclassified(n))-1, y, 2, thickness, chart.Inks[0], 1, "none")
			end = max(end, atX(misclassified(n)))
		}
		p.Colored(end+8, y+thickness-5, "start", chart.Inks[0], fmt.Sprintf("%.2f%%", 100-test))
	}
	p.Line(left, top, left, foot, chart.Axis)
	_, err := p.WriteTo(w)
	return err
}

// misclassified returns the percentage of 10,000 digits that are not correct.
func misclassified(correct int) float64 { return 100 - float64(correct)/100 }

// drawCurve draws the percentage of misclassified digits against the number of training
// digits, on logarithmic axes.
func drawCurve(w io.Writer, points []outcome) error {
	const width, height, left, right, top, bottom = 720, 460, 78, 40, 72, 56
	low, high := math.Inf(1), 0.0
	for _, o := range points {
		test := stats.Mean(stats.Percent(o.Test))
		low, high = min(low, 100-test), max(high, 100-test)
	}
	marks := []float64{0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 20, 30, 50, 100}
	for len(marks) > 1 && marks[1] <= low {
		marks = marks[1:]
	}
	for len(marks) > 1 && marks[len(marks)-2] >= high {
		marks = marks[:len(marks)-1]
	}
	least, most := float64(points[0].Digits), float64(points[len(points)-1].Digits)
	title := "A larger training set and data augmentation both help"
	a := chart.Axes{
		Picture: chart.New(width, height, title), Left: left, Right: width - right, Top: top, Bottom: height - bottom,
		X0: math.Log(least), X1: math.Log(most), Y0: math.Log(marks[0]), Y1: math.Log(marks[len(marks)-1]),
	}
	a.Text(24, 28, "start", chart.Title, title)
	a.Text(24, 48, "start", chart.Small, "average of three seeds; every network saw 600,000 training examples, counting repetitions")
	for _, v := range marks {
		a.YTick(math.Log(v), fmt.Sprintf("%g%%", v))
	}
	for k, name := range []string{plain, augmented} {
		var curve [][2]float64
		for _, o := range points {
			if o.Name != name {
				continue
			}
			test := stats.Mean(stats.Percent(o.Test))
			x := math.Log(float64(o.Digits))
			curve = append(curve, [2]float64{a.X(x), a.Y(math.Log(100 - test))})
			if k == 0 {
				a.XTick(x, chart.Plain, stats.Thousands(o.Digits))
			}
		}
		a.Curve(curve, chart.Inks[1-k])
		a.Colored(width-right, float64(top+18*k+12), "end", chart.Inks[1-k], name)
	}
	a.Frame()
	a.Text((left+width-right)/2, height-14, "middle", chart.Plain, "size of the training set (log scale)")
	a.Upward(24, (top+height-bottom)/2, "misclassified test digits (log scale)")
	_, err := a.WriteTo(w)
	return err
}

// drawAugmented draws a few training digits, each as it is and then augmented.
func drawAugmented(w io.Writer) error {
	const rows, columns, side, gap = 6, 9, 2, 16
	train, _, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return err
	}
	originals := pixels.Grid{Columns: 1, Side: side, Gap: gap}
	variants := pixels.Grid{Columns: columns, Side: side, Gap: gap}
	rng := rand.New(rand.NewPCG(1, 0))
	for _, digit := range train[:rows] {
		originals.Tiles = append(originals.Tiles, pixels.Tile{M: digit.Image})
		for range columns {
			m := convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
			training.Handwriting().Distort(m, digit.Image, rng)
			variants.Tiles = append(variants.Tiles, pixels.Tile{M: m})
		}
	}
	const head = 26 // for the words above the two grids
	left := originals.Size().X + 3*gap
	sheet := pixels.NewSheet("Data augmentation by affine and elastic distortion", left+variants.Size().X, head+variants.Size().Y, "")
	pixels.Text(sheet, pixels.Margin, pixels.Head, "original", pixels.Soft)
	pixels.Text(sheet, pixels.Margin+left, pixels.Head, "distorted", pixels.Soft)
	originals.Draw(sheet, pixels.Margin, pixels.Head+head)
	variants.Draw(sheet, pixels.Margin+left, pixels.Head+head)
	return pixels.WritePNG(w, sheet)
}

// drawMistakes draws all test digits that a trained network misclassifies: the one in the
// file model, or the embedded one if model is empty.
func drawMistakes(w io.Writer, model string) error {
	_, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return err
	}
	n, err := trained.Open(model)
	if err != nil {
		return err
	}
	all := mistakes(n, test)
	return pixels.WritePNG(w, pixels.Mistakes(fmt.Sprintf("The %d misclassified test digits", len(all)), all))
}

// mistakes returns the digits that n misclassifies.
func mistakes(n *convnet.Network, digits []convnet.Digit) (all []pixels.Mistake) {
	a := convnet.NewActivations()
	for _, digit := range digits {
		if prediction := n.Predict(a, digit.Image); prediction != digit.Label {
			all = append(all, pixels.Mistake{Image: digit.Image, Label: digit.Label, Prediction: prediction})
		}
	}
	return all
}
