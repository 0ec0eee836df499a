// Ladder measures what each ingredient of the best recipe buys, from the original's
// experiment to a test accuracy of 99.5% with the same network:
//
//	go run ./examples/internal/figures/ladder choose
//	go run ./examples/internal/figures/ladder climb
//	go run ./examples/internal/figures/ladder test
//	go run ./examples/internal/figures/ladder draw
//
// The first three need the full MNIST: run go run ./examples/train -full once, which downloads it
// to the user's cache folder, or use -data. The first compares hyperparameters on a validation
// set, the last 10,000 training digits. The second trains the networks of the ladder, which takes
// some hours of one core, and saves them in out/ladder, so that you can stop and restart it. The
// third measures their test accuracy, once, and writes docs/ladder.json. The last draws the
// pictures and prints the tables of docs/ladder.md from that file.
package main

import (
	"context"
	"flag"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"convnet/examples/internal/cli"
	"convnet/examples/internal/download"
)

//go:generate go -C ../../../.. run ./examples/internal/figures/ladder draw

// file is the one that test writes and draw reads.
const file = "docs/ladder.json"

func main() {
	out, model, data := cli.Out(), cli.Model(), cli.Data()
	networks := flag.String("networks", "out/ladder", "keep the trained networks in `DIR`")
	p := cli.Program{
		Path: "examples/internal/figures/ladder",
		Does: "Measures what each ingredient of the best recipe buys, in four commands: choose compares hyperparameters on a validation set, climb trains the networks, test measures their test accuracy, and draw makes the tables and pictures of docs/ladder.md.",
		Args: "choose|climb|test|draw",
	}
	p.MainArgs(func(args []string) error {
		if slices.Equal(args, []string{"draw"}) {
			return drawAll(file, *model, *out, os.Stdout)
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
		return run(ctx, args, *data, *networks, os.Stdout, os.Stderr)
	})
}

// run carries out a command other than draw.
func run(ctx context.Context, args []string, data, networks string, stdout, stderr io.Writer) error {
	if len(args) != 1 || !slices.Contains([]string{"choose", "climb", "test"}, args[0]) {
		return cli.Usagef("found the arguments %q, want a single one: choose, climb, test or draw", args)
	}
	train, test, err := download.Full(data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(networks, 0o755); err != nil {
		return err
	}
	l := &lab{folder: networks, digits: train, validation: train[chosenFrom:], log: stderr}
	p := newPlan()
	switch args[0] {
	case "choose":
		if err := l.do(ctx, p.choosing()); err != nil {
			return err
		}
		tried, err := l.tried(p)
		if err != nil {
			return err
		}
		return printTrials(stdout, tried)
	case "climb":
		return l.do(ctx, p.climbing())
	}
	outcomes, err := l.tested(ctx, p, test)
	if err != nil {
		return err
	}
	return cli.WriteLines(file, stderr, outcomes)
}
