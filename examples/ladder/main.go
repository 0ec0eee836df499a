// Ladder measures what each ingredient of the best recipe buys, from the
// original's experiment to 99.5% with the same network:
//
//	go run ./examples/ladder -data DIR choose
//	go run ./examples/ladder -data DIR climb
//	go run ./examples/ladder -data DIR test
//	go run ./examples/ladder draw
//
// DIR holds the four files of the full MNIST; go run ./examples/train -full
// fetches them into the user's cache folder, convnet/mnist. The first command
// tries the settings on training digits held out, the last 10,000; the second
// trains the networks of the ladder, some hours of one core, and keeps them in
// out/ladder, so that it may be stopped and started again; the third lets
// them read the test digits, once, and writes docs/ladder.json; the last
// draws the pictures and prints the tables of docs/ladder.md from that file.
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

// figures is where test leaves what draw draws.
const figures = "docs/ladder.json"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("ladder", flag.ContinueOnError)
	flags.SetOutput(stderr)
	data := flags.String("data", "", "`folder` with the full MNIST")
	out := flags.String("out", "out/ladder", "`folder` for the networks")
	if err := flags.Parse(args); err != nil {
		return err
	}
	command := flags.Arg(0)
	if !slices.Contains([]string{"choose", "climb", "test", "draw"}, command) || flags.NArg() != 1 {
		return fmt.Errorf("found %q after the flags, want one of choose, climb, test, draw", flags.Args())
	}
	if command == "draw" {
		return drawAll(figures, "docs/images", stdout)
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
	l := &lab{folder: *out, digits: train, held: train[chosenFrom:], log: stderr}
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
