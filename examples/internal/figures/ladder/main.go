// Ladder measures what each ingredient of the best recipe buys, from the original's
// experiment to a test accuracy of 99.5% with the same network:
//
//	go run ./examples/internal/figures/ladder -data DIR choose
//	go run ./examples/internal/figures/ladder -data DIR climb
//	go run ./examples/internal/figures/ladder -data DIR test
//	go run ./examples/internal/figures/ladder draw
//
// DIR has the four files of the full MNIST; go run ./examples/train -full downloads them to
// the user's cache folder, convnet/mnist. The first command compares hyperparameters on a
// validation set, the last 10,000 training digits. The second trains the networks of the
// ladder, which takes some hours of one core, and saves them in out/ladder, so that you can
// stop and restart it. The third measures their test accuracy, once, and writes
// docs/ladder.json. The last draws the pictures and prints the tables of docs/ladder.md from
// that file.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"

	"convnet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && err != flag.ErrHelp {
		fmt.Fprintln(os.Stderr, "ladder:", err)
		os.Exit(1)
	}
}

// figures is the file that test writes and draw reads.
const figures = "docs/ladder.json"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("ladder", flag.ContinueOnError)
	flags.SetOutput(stderr)
	data := flags.String("data", "", "`folder` with the full MNIST")
	out := flags.String("out", "out/ladder", "`folder` for the networks")
	model := flags.String("model", "", "`file` with the network whose mistakes draw draws (default: the embedded one)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	command := flags.Arg(0)
	if !slices.Contains([]string{"choose", "climb", "test", "draw"}, command) || flags.NArg() != 1 {
		return fmt.Errorf("found %q after the flags, want one of choose, climb, test, draw", flags.Args())
	}
	if command == "draw" {
		return drawAll(figures, *model, "docs/images", stdout)
	}
	train, test, err := convnet.ReadMNIST(os.DirFS(*data))
	if err != nil {
		return fmt.Errorf("-data %q: %w", *data, err)
	}
	if len(train) != allDigits {
		return fmt.Errorf("-data %q: found %d training digits, want %d", *data, len(train), allDigits)
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	l := &lab{folder: *out, digits: train, validation: train[chosenFrom:], log: stderr}
	p := newPlan()
	switch command {
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
	return write(figures, outcomes)
}
