// Initialization measures how the scale of a network's initial weights affects the
// activations in the forward pass, the gradients in the backward pass, the initial loss and
// the first 1,000 steps of training. It prints the tables of docs/initialization.md and draws
// initialization.svg, in some seconds:
//
//	go run ./examples/internal/figures/initialization
package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/stats"
	"convnet/examples/mnist"
)

//go:generate go -C ../../../.. run ./examples/internal/figures/initialization

func main() {
	out := cli.Out()
	p := cli.Program{
		Path: "examples/internal/figures/initialization",
		Does: "Measures how the scale of the initial weights affects the network, prints the tables of docs/initialization.md, and draws initialization.svg.",
	}
	p.Main(func() error { return run(os.Stdout, *out, full) })
}

// An amount says how much is measured.
type amount struct {
	digits     int // for untrained networks
	seeds      int // of the untrained networks of a start, counted from 1
	steps      int // of training, each on another digit
	validation int // digits that a trained network classifies, those after the steps'
	fates      int // trained networks that start from N(0,1), with the seeds from 1
}

var full = amount{digits: 100, seeds: 20, steps: 1000, validation: 500, fates: 5}

func run(w io.Writer, out cli.Folder, m amount) error {
	digits, _, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return err
	}
	var untrained []look
	for _, s := range scales {
		untrained = append(untrained, lookAt(s, digits[:m.digits], m.seeds))
	}
	printSizes(w, untrained)
	printForward(w, untrained[ours])
	printReLU(w, untrained[ours])
	printBackward(w, untrained[ours])
	printInitial(w, untrained)

	first, validation := digits[:m.steps], digits[m.steps:m.steps+m.validation]
	var trained []outcome
	for _, s := range scales {
		trained = append(trained, train(s, 1, dropout, first, validation))
	}
	printLosses(w, trained)
	fates := []outcome{trained[asDrawn]}
	for seed := 2; seed <= m.fates; seed++ {
		fates = append(fates, train(scales[asDrawn], uint64(seed), dropout, first, validation))
	}
	printFates(w, fates)
	printStarts(w, slices.Concat(trained, []outcome{
		train(original, 1, dropout, first, validation),
		train(he, 1, dropout, first, validation),
	}))

	printSymmetry(w, []outcome{
		trained[ours],
		train(constant, 1, dropout, first, validation),
		train(constant, 1, 0, first, validation),
	})
	zeros := train(zero, 1, dropout, first, validation)
	printZeros(w, zeros, first[0])
	counts := countLabels(first)
	printBiases(w, zeros, counts)
	printEntropy(w, zeros, counts)
	return out.Write("initialization.svg", func(w io.Writer) error { return draw(w, untrained, trained) })
}

// countLabels returns how many of the digits are a 0, a 1 and so on.
func countLabels(digits []convnet.Digit) []int {
	counts := make([]int, len(convnet.NewActivations().Logits))
	for _, d := range digits {
		counts[d.Label]++
	}
	return counts
}

// printSizes prints the root mean squares of each stage, a column for each scale: first the
// activations, then the gradients.
func printSizes(w io.Writer, all []look) {
	fmt.Fprint(w, "| RMS of")
	for _, what := range []string{"activations", "gradients"} {
		for k, l := range all {
			if k == 0 {
				fmt.Fprintf(w, " | %s: %s", what, l.start.name)
			} else {
				fmt.Fprintf(w, " | %s", l.start.name)
			}
		}
	}
	fmt.Fprintln(w, " |\n|---"+strings.Repeat("|---:", 2*len(all))+"|")
	for k, s := range stages {
		fmt.Fprintf(w, "| %s |", s.name)
		for _, l := range all {
			fmt.Fprintf(w, " %s |", format(l.activations[k]))
		}
		for _, l := range all {
			fmt.Fprintf(w, " %s |", format(l.gradients[k]))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

// at returns the figure for a stage.
func at(figures []float64, name string) float64 {
	return figures[slices.IndexFunc(stages, func(s stage) bool { return s.name == name })]
}

// printForward prints the sizes of each layer's inputs and outputs.
func printForward(w io.Writer, u look) {
	fmt.Fprintln(w, "| forward | fan-in | √fan-in | product so far | RMS of its inputs | RMS of its outputs |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|")
	product := 1.0
	for k, l := range layers {
		product *= math.Sqrt(l.fanIn)
		fmt.Fprintf(w, "| %s, to %s | %.0f | %.3g | %s | %s | %s |\n",
			l.weights, l.to, l.fanIn, math.Sqrt(l.fanIn), stats.Thousands(int(math.Round(product))), format(u.inputs[k]), format(at(u.activations, l.to)))
	}
	fmt.Fprintln(w)
}

// printBackward prints the size of the gradient at each layer's inputs, predicted and
// measured.
func printBackward(w io.Writer, u look) {
	fmt.Fprintln(w, "| backward | fan-in | fan-out | √(fan-out/fan-in) | RMS of the gradient, predicted | measured |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|")
	for _, l := range slices.Backward(layers) {
		factor := math.Sqrt(l.fanOut / l.fanIn)
		fmt.Fprintf(w, "| %s, to %s | %.0f | %.0f | %.3g | %s | %s |\n",
			l.weights, l.from, l.fanIn, l.fanOut, factor, format(factor*at(u.gradients, l.to)), format(at(u.gradients, l.from)))
	}
	fmt.Fprintln(w)
}

// printReLU prints what ReLU and max-pooling leave of the mean square.
func printReLU(w io.Writer, l look) {
	square := func(name string) float64 { return at(l.activations, name) * at(l.activations, name) }
	fmt.Fprintln(w, "| mean square | before ReLU | after ReLU | after max-pooling | kept by ReLU | kept by both |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|")
	for _, names := range [][]string{{"Conv1", "ReLU1", "Pool1"}, {"Conv2", "ReLU2", "Pool2"}, {"Hidden", "ReLU3"}} {
		before, after, pooled, both := square(names[0]), square(names[1]), "", ""
		if len(names) == 3 {
			pooled, both = format(square(names[2])), fmt.Sprintf("%.2f", square(names[2])/before)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %.2f | %s |\n",
			strings.Join(names, ", "), format(before), format(after), pooled, after/before, both)
	}
	fmt.Fprintln(w)
}

func printInitial(w io.Writer, all []look) {
	fmt.Fprintln(w, "| scale | RMS of the logits | initial loss, mean | lowest | highest | accuracy, % |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|")
	for _, l := range all {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %.1f |\n", l.start.name, format(at(l.activations, "Logits")),
			loss(stats.Mean(l.losses)), loss(slices.Min(l.losses)), loss(slices.Max(l.losses)), 100*l.accuracy)
	}
	fmt.Fprintln(w)
}

// printLosses prints the mean losses of the first, some middle and the last steps.
func printLosses(w io.Writer, all []outcome) {
	n := len(means(all[0].losses))
	columns := []int{0, 1, 2, n / 4, n / 2, 3 * n / 4, n - 1}
	fmt.Fprint(w, "| mean loss of steps |")
	for _, k := range columns {
		fmt.Fprintf(w, " %s to %s |", stats.Thousands(k*together+1), stats.Thousands((k+1)*together))
	}
	fmt.Fprintln(w, "\n|---"+strings.Repeat("|---:", len(columns))+"|")
	for _, o := range all {
		fmt.Fprintf(w, "| %s |", o.start.name)
		for _, k := range columns {
			fmt.Fprintf(w, " %s |", loss(means(o.losses)[k]))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

// printFates prints how a start fares with several seeds.
func printFates(w io.Writer, all []outcome) {
	fmt.Fprintf(w, "| %s | largest loss | first NaN | mean loss of the last %d steps | live maps of Conv1 | of Conv2 | live units of Hidden | predictions | validation accuracy, %% |\n", all[0].start.name, together)
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---:|---|---:|")
	for _, o := range all {
		broken := "none"
		if k := slices.IndexFunc(o.losses, math.IsNaN); k >= 0 {
			broken = fmt.Sprintf("step %d", k+1)
		}
		largest := 0.0
		for _, l := range o.losses {
			if l > largest { // false for NaN
				largest = l
			}
		}
		fmt.Fprintf(w, "| seed %d | %s | %s | %s | %d | %d | %d | %s | %.1f |\n",
			o.seed, format(largest), broken, loss(o.last()), o.live[0], o.live[1], o.live[2], o.classes(), 100*o.accuracy)
	}
	fmt.Fprintln(w)
}

func printStarts(w io.Writer, all []outcome) {
	fmt.Fprintf(w, "| N(0,1) divided by | Filters1 | Filters2 | Weights1 | Weights2 | mean loss of the last %d steps | predictions | validation accuracy, %% |\n", together)
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---|---:|")
	for _, o := range all {
		fmt.Fprintf(w, "| %s |", o.start.divisor)
		for k, l := range layers {
			fmt.Fprintf(w, " %.3g |", math.Sqrt(l.fanIn)/o.start.weight(1, k, l.fanIn))
		}
		fmt.Fprintf(w, " %s | %s | %.1f |\n", loss(o.last()), o.classes(), 100*o.accuracy)
	}
	fmt.Fprintln(w)
}

// printSymmetry prints how many different rows the weights have after training.
func printSymmetry(w io.Writer, all []outcome) {
	fmt.Fprint(w, "| different rows of | dropout |")
	for k, rows := range weights(all[0].network) {
		fmt.Fprintf(w, " %s, of %d |", layers[k].weights, len(rows))
	}
	fmt.Fprintln(w, " validation accuracy, % |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---:|")
	for _, o := range all {
		fmt.Fprintf(w, "| %s | %g |", o.start.name, o.dropout)
		for _, t := range weights(o.network) {
			fmt.Fprintf(w, " %d |", different(t))
		}
		fmt.Fprintf(w, " %.1f |\n", 100*o.accuracy)
	}
	fmt.Fprintln(w)
}

// printZeros prints which parameters of a network of zeros have a gradient for the first
// digit, and how many have moved at the end.
func printZeros(w io.Writer, o outcome, digit convnet.Digit) {
	fmt.Fprintf(w, "| all weights zero | parameters | largest gradient at step 1 | nonzero after %s steps |\n", stats.Thousands(len(o.losses)))
	fmt.Fprintln(w, "|---|---:|---:|---:|")
	fields := []string{"Filters1", "Filters2", "Weights1", "Biases1", "Weights2", "Biases2"}
	grad := firstGradient(o.start, digit).Tensors()
	for k, t := range o.network.Tensors() {
		moved := 0
		for _, v := range t.Data {
			if v != 0 {
				moved++
			}
		}
		largest := 0.0
		for _, g := range grad[k].Data {
			largest = max(largest, math.Abs(g))
		}
		fmt.Fprintf(w, "| %s | %s | %s | %d |\n", fields[k], stats.Thousands(len(t.Data)), format(largest), moved)
	}
	fmt.Fprintln(w)
}

// printBiases prints the biases of the logits and how many examples of each digit there were.
func printBiases(w io.Writer, o outcome, counts []int) {
	fmt.Fprint(w, "| digit |")
	for digit := range counts {
		fmt.Fprintf(w, " %d |", digit)
	}
	fmt.Fprint(w, "\n|---"+strings.Repeat("|---:", len(counts))+"|\n| examples |")
	for _, n := range counts {
		fmt.Fprintf(w, " %d |", n)
	}
	fmt.Fprint(w, "\n| bias |")
	for _, b := range o.network.Biases2 {
		fmt.Fprintf(w, " %.2f |", b)
	}
	fmt.Fprint(w, "\n\n")
}

// printEntropy prints the losses beside the lowest that fixed biases can reach.
func printEntropy(w io.Writer, o outcome, counts []int) {
	fmt.Fprintln(w, "| all weights zero: loss at step 1 | mean loss of all steps | entropy of the labels | predictions | validation accuracy, % |")
	fmt.Fprintln(w, "|---:|---:|---:|---|---:|")
	fmt.Fprintf(w, "| %s | %s | %s | %s | %.1f |\n", loss(o.losses[0]), loss(stats.Mean(o.losses)), loss(entropy(counts)), o.classes(), 100*o.accuracy)
}

// format formats v with three significant digits.
func format(v float64) string {
	size := math.Abs(v)
	switch {
	case v == 0:
		return "0"
	case math.IsInf(v, 1):
		return "∞"
	case size < 0.001 || size >= 999_500 || math.IsNaN(v):
		return fmt.Sprintf("%.2e", v)
	case size >= 999.5:
		return stats.Thousands(int(math.Round(v)))
	}
	decimals := 2 - int(math.Floor(math.Log10(size)))
	return fmt.Sprintf("%.*f", decimals, v)
}

// loss formats a loss: near log 10 we want three decimals.
func loss(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.3f", v)
	}
	return format(v)
}
