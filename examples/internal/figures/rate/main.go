// Rate shows how we chose the learning rate: it runs the experiment of examples/train with
// several rates and seeds, measures the accuracy of each network on a validation set, and
// prints a table in Markdown. The validation set is what the experiment doesn't train on of
// MNIST's 60,000 training digits. The test digits are never used.
//
//	go run ./examples/internal/figures/rate -data FOLDER
//
// FOLDER holds the four files of the full MNIST, gzipped or not. With -schedule constant the
// rates don't decay to 0.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"convnet"
	"convnet/examples/internal/training"
)

const trainSize = 5000 // digits that the experiment trains on, before those of the validation set

const usualRates = "0.004,0.005,0.006,0.007,0.008,0.009,0.01,0.011,0.012,0.013,0.014,0.015,0.02"

func main() {
	data := flag.String("data", "", "folder with the full MNIST")
	rates := flag.String("rates", usualRates, "learning rates to try, at the start of the run")
	schedule := flag.String("schedule", string(training.Default().Schedule), "learning-rate schedule: linear (decay to 0) or constant")
	seeds := flag.Int("seeds", 10, "number of seeds, from 1, to try each rate with")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "rate: found %q after the flags, want nothing\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(os.Stdout, *data, *rates, training.Schedule(*schedule), *seeds); err != nil {
		fmt.Fprintln(os.Stderr, "rate:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, data, list string, schedule training.Schedule, seeds int) error {
	if seeds < 1 {
		return fmt.Errorf("-seeds is %d, want 1 or more", seeds)
	}
	if schedule != training.Linear && schedule != training.Constant {
		return fmt.Errorf("-schedule is %q, want linear or constant", string(schedule))
	}
	train, err := convnet.ReadDigits(os.DirFS(data), "train-images-idx3-ubyte", "train-labels-idx1-ubyte")
	if err != nil {
		return fmt.Errorf("-data %q: %w", data, err)
	}
	if len(train) <= trainSize {
		return fmt.Errorf("-data %q: found %d training digits, want more than the %d that the experiment trains on", data, len(train), trainSize)
	}
	var rates []float64
	for _, field := range strings.Split(list, ",") {
		rate, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return fmt.Errorf("-rates: %w", err)
		}
		rates = append(rates, rate)
	}

	percent := make([][]float64, len(rates)) // [rate][seed]: validation accuracy
	var running sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for r, rate := range rates {
		percent[r] = make([]float64, seeds)
		for s := range percent[r] {
			free <- struct{}{}
			running.Add(1)
			go func() {
				percent[r][s] = experiment(train[:trainSize], train[trainSize:], rate, schedule, uint64(s+1))
				running.Done()
				<-free
			}()
		}
	}
	running.Wait()
	printTable(w, rates, percent, len(train)-trainSize)
	return nil
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
		sum := 0.0
		fmt.Fprintf(w, "| %v |", rate)
		for _, p := range percent[r] {
			fmt.Fprintf(w, " %.2f |", p)
			sum += p
		}
		fmt.Fprintf(w, " %.2f | %.2f |\n", sum/float64(len(percent[r])), slices.Min(percent[r]))
	}
}
