// Rate shows how we chose the learning rate: it runs the experiment of examples/train with
// several rates and seeds, measures the accuracy of each network on a validation set, and
// prints a table in Markdown. The validation set is what the experiment doesn't train on of
// MNIST's 60,000 training digits. The test digits are never used.
//
//	go run ./examples/internal/figures/rate
//
// It needs the full MNIST: run go run ./examples/train -full once, which downloads it to the
// user's cache folder, or use -data. With -schedule constant the rates don't decay to 0.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/download"
	"convnet/examples/internal/parallel"
	"convnet/examples/internal/stats"
	"convnet/examples/internal/training"
)

const trainSize = 5000 // digits that the experiment trains on, before those of the validation set

const usualRates = "0.004,0.005,0.006,0.007,0.008,0.009,0.01,0.011,0.012,0.013,0.014,0.015,0.02"

func main() {
	data := cli.Data()
	rates := flag.String("rates", usualRates, "try the learning rates in `LIST`, with commas between them")
	flag.Lookup("rates").DefValue = "thirteen, from 0.004 to 0.02"
	schedule := flag.String("schedule", string(training.Default().Schedule), "use learning-rate schedule `S`, linear (decay to 0) or constant")
	seeds := flag.Int("seeds", 10, "try each learning rate with the seeds 1 to `N`")
	p := cli.Program{
		Path: "examples/internal/figures/rate",
		Does: "Shows how we chose the learning rate: measures the validation accuracy for several rates and seeds, and prints a table.",
	}
	p.Main(func() error {
		return run(os.Stdout, *data, *rates, training.Schedule(*schedule), *seeds)
	})
}

func run(w io.Writer, data, list string, schedule training.Schedule, seeds int) error {
	if seeds < 1 {
		return cli.Usagef("-seeds is %d, want 1 or more", seeds)
	}
	if schedule != training.Linear && schedule != training.Constant {
		return cli.Usagef("-schedule is %.40q, want linear or constant", string(schedule))
	}
	var rates []float64
	for _, field := range strings.Split(list, ",") {
		rate, err := strconv.ParseFloat(field, 64)
		if err != nil || !(rate > 0) {
			return cli.Usagef("-rates is %.100q, want numbers above 0, with commas between them", list)
		}
		rates = append(rates, rate)
	}
	train, _, err := download.Full(data)
	if err != nil {
		return err
	}
	percent := measure(train[:trainSize], train[trainSize:], rates, schedule, seeds)
	printTable(w, rates, percent, len(train)-trainSize)
	return nil
}

// measure returns the accuracies on the validation set in percent, [rate][seed].
func measure(train, validation []convnet.Digit, rates []float64, schedule training.Schedule, seeds int) [][]float64 {
	percent := make([][]float64, len(rates))
	for r := range rates {
		percent[r] = make([]float64, seeds)
	}
	parallel.Do(len(rates)*seeds, func(k int) {
		r, s := k/seeds, k%seeds
		percent[r][s] = experiment(train, validation, rates[r], schedule, uint64(s+1))
	})
	return percent
}

// experiment trains as examples/train does, and returns the accuracy on the validation set in
// percent.
func experiment(train, validation []convnet.Digit, rate float64, schedule training.Schedule, seed uint64) float64 {
	recipe := training.Default()
	recipe.Size, recipe.Rate, recipe.Schedule = len(train)/recipe.Sets, rate, schedule
	network, err := recipe.Train(context.Background(), train, seed, 1)
	if err != nil {
		panic(err) // nobody cancels it
	}
	return 100 * float64(network.CountCorrect(validation)) / float64(len(validation))
}

func printTable(w io.Writer, rates []float64, percent [][]float64, validation int) {
	fmt.Fprintf(w, "Validation accuracy in percent, on %d digits:\n\n| rate |", validation)
	for s := range percent[0] {
		fmt.Fprintf(w, " seed %d |", s+1)
	}
	fmt.Fprintf(w, " mean | worst |\n|---%s|---|---|\n", strings.Repeat("|---", len(percent[0])))
	for r, rate := range rates {
		fmt.Fprintf(w, "| %v |", rate)
		for _, p := range percent[r] {
			fmt.Fprintf(w, " %.2f |", p)
		}
		fmt.Fprintf(w, " %.2f | %.2f |\n", stats.Mean(percent[r]), slices.Min(percent[r]))
	}
}
