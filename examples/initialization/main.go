// Initialization measures what the scale of a network's first weights does: to
// the activations on the way there, to the errors on the way back, to the first
// loss and to the first 1,000 steps of training. It prints the tables of
// docs/initialization.md and draws initialization.svg, in some seconds:
//
//	go run ./examples/initialization -out docs/images
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/summary"
	"convnet/examples/mnist"
)

//go:generate go run . -out ../../docs/images

func main() {
	out := flag.String("out", ".", "`folder` to write initialization.svg to")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "initialization: found %q after the flags, want nothing\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(os.Stdout, *out, full); err != nil {
		fmt.Fprintln(os.Stderr, "initialization:", err)
		os.Exit(1)
	}
}

// An amount says how much is measured.
type amount struct {
	digits int // that a fresh network sees
	seeds  int // fresh networks of a start, with the seeds from 1
	steps  int // of training, each on a digit of its own
	unseen int // digits that a trained network reads, those after the steps'
	fates  int // trained networks that start from N(0,1), with the seeds from 1
}

var full = amount{digits: 100, seeds: 20, steps: 1000, unseen: 500, fates: 5}

func run(w io.Writer, out string, m amount) error {
	digits, _, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return err
	}
	var asFresh []fresh
	for _, s := range scales {
		asFresh = append(asFresh, look(s, digits[:m.digits], m.seeds))
	}
	printSizes(w, asFresh)
	printThere(w, asFresh[ours])
	printReLU(w, asFresh[ours])
	printBack(w, asFresh[ours])
	printFirst(w, asFresh)

	learned, unseen := digits[:m.steps], digits[m.steps:m.steps+m.unseen]
	var trained []outcome
	for _, s := range scales {
		trained = append(trained, train(s, 1, dropout, learned, unseen))
	}
	printLosses(w, trained)
	fates := []outcome{trained[asDrawn]}
	for seed := 2; seed <= m.fates; seed++ {
		fates = append(fates, train(scales[asDrawn], uint64(seed), dropout, learned, unseen))
	}
	printFates(w, fates)
	printStarts(w, slices.Concat(trained, []outcome{
		train(original, 1, dropout, learned, unseen),
		train(he, 1, dropout, learned, unseen),
	}))

	printSymmetry(w, []outcome{
		trained[ours],
		train(constant, 1, dropout, learned, unseen),
		train(constant, 1, 0, learned, unseen),
	})
	zeros := train(zero, 1, dropout, learned, unseen)
	printZeros(w, zeros, learned[0])
	var counts [10]int // how often each digit was learned from
	for _, d := range learned {
		counts[d.Label]++
	}
	printBiases(w, zeros, counts)
	printEntropy(w, zeros, counts)
	return atomicfile.Write(filepath.Join(out, "initialization.svg"), func(w io.Writer) error { return draw(w, asFresh, trained) })
}

// printSizes prints the root mean squares of each stage, a column for each scale:
// the activations, then the errors.
func printSizes(w io.Writer, all []fresh) {
	fmt.Fprint(w, "| root mean square of")
	for _, what := range []string{"activations", "errors"} {
		for k, f := range all {
			if k == 0 {
				fmt.Fprintf(w, " | %s: %s", what, f.start.name)
			} else {
				fmt.Fprintf(w, " | %s", f.start.name)
			}
		}
	}
	fmt.Fprintln(w, " |\n|---"+strings.Repeat("|---:", 2*len(all))+"|")
	for k, s := range stages {
		fmt.Fprintf(w, "| %s |", s.name)
		for _, f := range all {
			fmt.Fprintf(w, " %s |", figure(f.activations[k]))
		}
		for _, f := range all {
			fmt.Fprintf(w, " %s |", figure(f.errors[k]))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

// at returns the figure of a stage.
func at(figures []float64, name string) float64 {
	return figures[slices.IndexFunc(stages, func(s stage) bool { return s.name == name })]
}

// printThere prints for each layer what it computes from and what it makes of it.
func printThere(w io.Writer, f fresh) {
	fmt.Fprintln(w, "| there | fan-in | √fan-in | product so far | RMS of what it sees | RMS of what it makes |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|")
	product := 1.0
	for k, l := range layers {
		product *= math.Sqrt(l.fanIn)
		fmt.Fprintf(w, "| %s, to %s | %.0f | %.3g | %s | %s | %s |\n",
			l.weights, l.to, l.fanIn, math.Sqrt(l.fanIn), summary.Thousands(int(math.Round(product))), figure(f.seen[k]), figure(at(f.activations, l.to)))
	}
	fmt.Fprintln(w)
}

// printBack prints for each layer the error that arrives, as arithmetic has it and
// as it is.
func printBack(w io.Writer, f fresh) {
	fmt.Fprintln(w, "| back | fan-in | fan-out | √(fan-out/fan-in) | RMS of the error, predicted | measured |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|")
	for _, l := range slices.Backward(layers) {
		factor := math.Sqrt(l.fanOut / l.fanIn)
		fmt.Fprintf(w, "| %s, to %s | %.0f | %.0f | %.3g | %s | %s |\n",
			l.weights, l.from, l.fanIn, l.fanOut, factor, figure(factor*at(f.errors, l.to)), figure(at(f.errors, l.from)))
	}
	fmt.Fprintln(w)
}

// printReLU prints what ReLU and max-pooling leave of the mean square.
func printReLU(w io.Writer, f fresh) {
	square := func(name string) float64 { return at(f.activations, name) * at(f.activations, name) }
	fmt.Fprintln(w, "| mean square | before ReLU | after it | after max-pooling | ReLU leaves | both leave |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|")
	for _, names := range [][]string{{"Conv1", "ReLU1", "Pool1"}, {"Conv2", "ReLU2", "Pool2"}, {"Hidden", "ReLU3"}} {
		before, after, pooled, both := square(names[0]), square(names[1]), "–", "–"
		if len(names) == 3 {
			pooled, both = figure(square(names[2])), fmt.Sprintf("%.2f", square(names[2])/before)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %.2f | %s |\n",
			strings.Join(names, ", "), figure(before), figure(after), pooled, after/before, both)
	}
	fmt.Fprintln(w)
}

func printFirst(w io.Writer, all []fresh) {
	fmt.Fprintln(w, "| scale | RMS of the logits | first loss, mean | least | most | read rightly, % |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|")
	for _, f := range all {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %.1f |\n", f.start.name, figure(at(f.activations, "Logits")),
			loss(summary.Mean(f.losses)), loss(slices.Min(f.losses)), loss(slices.Max(f.losses)), 100*f.right)
	}
	fmt.Fprintln(w)
}

// printLosses prints the mean loss of the first, some middle and the last steps.
func printLosses(w io.Writer, all []outcome) {
	n := len(means(all[0].losses))
	columns := []int{0, 1, 2, n / 4, n / 2, 3 * n / 4, n - 1}
	fmt.Fprint(w, "| mean loss of steps |")
	for _, k := range columns {
		fmt.Fprintf(w, " %s–%s |", summary.Thousands(k*together+1), summary.Thousands((k+1)*together))
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

// printFates prints what becomes of a start with several seeds.
func printFates(w io.Writer, all []outcome) {
	fmt.Fprintf(w, "| %s | largest loss | first NaN | mean loss of the last %d steps | live maps of Conv1 | of Conv2 | live numbers of Hidden | answers | read rightly, %% |\n", all[0].start.name, together)
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---:|---|---:|")
	for _, o := range all {
		broken := "none"
		if k := slices.IndexFunc(o.losses, math.IsNaN); k >= 0 {
			broken = fmt.Sprintf("step %d", k+1)
		}
		largest := 0.0
		for _, l := range o.losses {
			if l > largest { // NaN is not
				largest = l
			}
		}
		fmt.Fprintf(w, "| seed %d | %s | %s | %s | %d | %d | %d | %s | %.1f |\n",
			o.seed, figure(largest), broken, loss(o.last()), o.live[0], o.live[1], o.live[2], o.said(), 100*o.right)
	}
	fmt.Fprintln(w)
}

func printStarts(w io.Writer, all []outcome) {
	fmt.Fprintf(w, "| N(0,1) divided by | Filters1 | Filters2 | Weights1 | Weights2 | mean loss of the last %d steps | answers | read rightly, %% |\n", together)
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---|---:|")
	for _, o := range all {
		fmt.Fprintf(w, "| %s |", o.start.divisor)
		for k, l := range layers {
			fmt.Fprintf(w, " %.3g |", math.Sqrt(l.fanIn)/o.start.weight(1, k, l.fanIn))
		}
		fmt.Fprintf(w, " %s | %s | %.1f |\n", loss(o.last()), o.said(), 100*o.right)
	}
	fmt.Fprintln(w)
}

// printSymmetry prints how many rows of the weights differ after training.
func printSymmetry(w io.Writer, all []outcome) {
	fmt.Fprintln(w, "| different rows of | dropout | Filters1, of 10 | Filters2, of 20 | Weights1, of 100 | Weights2, of 10 | read rightly, % |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---:|")
	for _, o := range all {
		fmt.Fprintf(w, "| %s | %g |", o.start.name, o.dropout)
		for _, t := range weights(o.network) {
			fmt.Fprintf(w, " %d |", different(t))
		}
		fmt.Fprintf(w, " %.1f |\n", 100*o.right)
	}
	fmt.Fprintln(w)
}

// printZeros prints which numbers of a network of zeros have a gradient at the first
// digit, and which have moved in the end.
func printZeros(w io.Writer, o outcome, digit convnet.Digit) {
	fmt.Fprintf(w, "| all weights 0 | numbers | largest gradient of step 1 | not 0 after %s steps |\n", summary.Thousands(len(o.losses)))
	fmt.Fprintln(w, "|---|---:|---:|---:|")
	gradient := tensors(firstGradient(o.start, digit))
	for k, t := range tensors(o.network) {
		moved := 0
		for _, v := range t.numbers {
			if v != 0 {
				moved++
			}
		}
		largest := 0.0
		for _, g := range gradient[k].numbers {
			largest = max(largest, math.Abs(g))
		}
		fmt.Fprintf(w, "| %s | %s | %s | %d |\n", t.name, summary.Thousands(len(t.numbers)), figure(largest), moved)
	}
	fmt.Fprintln(w)
}

// printBiases prints the biases of the answers beside how often each was right.
func printBiases(w io.Writer, o outcome, counts [10]int) {
	fmt.Fprint(w, "| digit |")
	for digit := range counts {
		fmt.Fprintf(w, " %d |", digit)
	}
	fmt.Fprint(w, "\n|---"+strings.Repeat("|---:", 10)+"|\n| how often |")
	for _, n := range counts {
		fmt.Fprintf(w, " %d |", n)
	}
	fmt.Fprint(w, "\n| its bias |")
	for _, b := range o.network.Biases2 {
		fmt.Fprintf(w, " %.2f |", b)
	}
	fmt.Fprint(w, "\n\n")
}

// printEntropy prints the losses beside the least that fixed biases can have.
func printEntropy(w io.Writer, o outcome, counts [10]int) {
	fmt.Fprintln(w, "| all weights 0: loss of step 1 | mean loss of all steps | entropy of the digits | answers | read rightly, % |")
	fmt.Fprintln(w, "|---:|---:|---:|---|---:|")
	fmt.Fprintf(w, "| %s | %s | %s | %s | %.1f |\n", loss(o.losses[0]), loss(summary.Mean(o.losses)), loss(entropy(counts[:])), o.said(), 100*o.right)
}

// figure writes v with three digits that count.
func figure(v float64) string {
	size := math.Abs(v)
	switch {
	case v == 0:
		return "0"
	case size < 0.001 || size >= 999_500 || math.IsNaN(v):
		return fmt.Sprintf("%.2e", v)
	case size >= 999.5:
		return summary.Thousands(int(math.Round(v)))
	}
	decimals := 2 - int(math.Floor(math.Log10(size)))
	return fmt.Sprintf("%.*f", decimals, v)
}

// loss writes a loss: near log 10 three decimals tell more than three digits.
func loss(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.3f", v)
	}
	return figure(v)
}
