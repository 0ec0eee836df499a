// Rate shows how the training rate was chosen: it runs the experiment of
// examples/train with several rates and seeds, measures each network on
// training digits that the experiment doesn't learn from, and prints a table
// in Markdown. The test digits are never read.
//
//	go run ./examples/rate -data FOLDER
//
// FOLDER holds the four files of the full MNIST, gzipped or not. With -decay=false
// the rates stay what they are instead of falling to 0.
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

const learned = 5000 // the digits that the experiment learns from

const usualRates = "0.004,0.005,0.006,0.007,0.008,0.009,0.01,0.011,0.012,0.013,0.014,0.015,0.02"

func main() {
	data := flag.String("data", "", "folder with the full MNIST")
	rates := flag.String("rates", usualRates, "rates to try, of the first step")
	decay := flag.Bool("decay", true, "let the rate fall to 0, in a straight line over the whole run")
	seeds := flag.Int("seeds", 10, "how many seeds, from 1, to try each rate with")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "rate: found %q after the flags, want nothing\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(os.Stdout, *data, *rates, *decay, *seeds); err != nil {
		fmt.Fprintln(os.Stderr, "rate:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, data, list string, decay bool, seeds int) error {
	if seeds < 1 {
		return fmt.Errorf("-seeds is %d, want 1 or more", seeds)
	}
	train, err := convnet.ReadDigits(os.DirFS(data), "train-images-idx3-ubyte", "train-labels-idx1-ubyte")
	if err != nil {
		return fmt.Errorf("-data %q: %w", data, err)
	}
	if len(train) <= learned {
		return fmt.Errorf("-data %q: %d training digits, want more than the %d to learn from", data, len(train), learned)
	}
	var rates []float64
	for _, field := range strings.Split(list, ",") {
		rate, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return fmt.Errorf("-rates: %w", err)
		}
		rates = append(rates, rate)
	}

	percent := make([][]float64, len(rates)) // [rate][seed], of the held-out digits read rightly
	var running sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for r, rate := range rates {
		percent[r] = make([]float64, seeds)
		for s := range percent[r] {
			free <- struct{}{}
			running.Add(1)
			go func() {
				percent[r][s] = experiment(train[:learned], train[learned:], rate, decay, uint64(s+1))
				running.Done()
				<-free
			}()
		}
	}
	running.Wait()
	printTable(w, rates, percent, len(train)-learned)
	return nil
}

// experiment learns as examples/train does and returns the percentage of the
// held-out digits that are then read rightly.
func experiment(digits, heldOut []convnet.Digit, rate float64, decay bool, seed uint64) float64 {
	recipe := training.Default()
	recipe.Size, recipe.Rate, recipe.Decay = len(digits)/recipe.Sets, rate, decay
	network, err := recipe.Train(context.Background(), digits, seed, 1)
	if err != nil {
		panic(err) // nobody cancels it
	}
	return 100 * float64(network.Test(heldOut)) / float64(len(heldOut))
}

func printTable(w io.Writer, rates []float64, percent [][]float64, heldOut int) {
	fmt.Fprintf(w, "Percentage of %d held-out training digits read rightly:\n\n| rate |", heldOut)
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
