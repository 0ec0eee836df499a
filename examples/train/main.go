// Train trains the network as ConvNet-in-Numpy does: on five sets of 1,000 digits, ten
// epochs on each before the next, one example at a time, with dropout ½. Only the learning
// rate is different: it decays linearly to 0. After each set it measures the test accuracy.
// It saves the model, and pictures of what the network has learned, to the folder out.
//
//	go run ./examples/train
//
// With -best it trains by the best recipe we found, and with -full on all 60,000 training
// digits. Ctrl-C stops before the next step and saves the model and pictures so far, and so does
// SIGTERM. -resume continues from there as if nothing had happened.
//
// The training loop is in train.go, and the pictures are in pictures.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"convnet/examples/internal/cli"
	"convnet/examples/internal/download"
	"convnet/examples/internal/training"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM) // what Ctrl-C sends, and what kill and a shutdown send
	go func() {
		<-interrupts
		cancel()
		<-interrupts // a second Ctrl-C ends the program at once
		os.Exit(interrupted)
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	ok          = cli.OK
	failed      = cli.Failed
	usage       = cli.WrongUsage
	interrupted = 130 // what a shell reports after Ctrl-C
)

var program = cli.Program{
	Path: "examples/train",
	Does: "Trains the network on MNIST, and saves the model and pictures of the run.",
}

// run runs the program and returns its exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stdout)
	if err != nil {
		return program.Status(err, stderr)
	}
	return s.run(ctx, stdout, stderr)
}

// run carries out the run that the flags ask for, and returns the exit status.
func (s *settings) run(ctx context.Context, stdout, stderr io.Writer) int {
	e, err := prepare(ctx, s, stdout)
	if err == nil {
		err = e.run(ctx)
	}
	if err == nil {
		return ok
	}
	e.progress.over("")
	switch {
	case err != errInterrupted:
		return program.Status(err, stderr)
	case e.trainer == nil:
		fmt.Fprintln(stdout, "interrupted during the download: the next run with -full continues it")
	case e.at == e.begun:
		fmt.Fprintf(stdout, "interrupted at %v, with nothing new to save\n", e.at)
	default:
		fmt.Fprintf(stdout, "interrupted at %v: continue with -resume %s\n", e.at, e.modelPath())
	}
	return interrupted
}

// settings are the flags of a run.
type settings struct {
	training.Recipe
	seed          uint64
	augment       bool // sets the Recipe's Distortion
	best          bool // take all flags that aren't given from the best recipe
	workers       int  // cores to compute on
	full          bool // train on the full MNIST
	data, out     string
	resume, model string // a model file to resume or to start from, or ""
	quiet         bool

	flags *flag.FlagSet // which set the fields above

	mirrors []string // for -full
	files   []download.File
}

// parse reads and checks the flags.
func parse(args []string, stdout io.Writer) (*settings, error) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	s := &settings{flags: flags, mirrors: download.Mirrors, files: download.MNIST}
	usual := training.Default()
	flags.Uint64Var(&s.seed, "seed", 1, "seed all random numbers with `N`")
	flags.Float64Var(&s.Rate, "rate", usual.Rate, "start with learning rate `R`, R > 0")
	flags.StringVar((*string)(&s.Schedule), "schedule", string(usual.Schedule), "learning-rate schedule `S`: linear or constant")
	flags.Float64Var(&s.Dropout, "dropout", usual.Dropout, "drop each unit with probability `P`, 0 ≤ P < 1")
	flags.IntVar(&s.Sets, "sets", usual.Sets, "train on `N` sets of images, one after another")
	flags.IntVar(&s.Size, "size", usual.Size, "take `N` training images for each set")
	flags.IntVar(&s.Epochs, "epochs", usual.Epochs, "train for `N` epochs on each set")
	flags.IntVar(&s.Batch, "batch", usual.Batch, "use mini-batches of `N` images")
	flags.BoolVar(&s.Shuffle, "shuffle", false, "shuffle the images of a set before each epoch")
	flags.BoolVar(&s.augment, "augment", false, "augment the data: distort every image anew in each epoch")
	flags.BoolVar(&s.best, "best", false, "use the best recipe we found; the flags you set override it")
	flags.IntVar(&s.workers, "workers", runtime.GOMAXPROCS(0), "use `N` cores; the result is the same for any N")
	flags.BoolVar(&s.full, "full", false, "take images from all 60,000 (downloaded once to your cache)")
	flags.StringVar(&s.data, "data", "", "read the four MNIST files from `DIR`, not the embedded ones")
	flags.StringVar(&s.out, "out", "out", "write to `DIR`; with -resume, to the folder of FILE")
	flags.StringVar(&s.resume, "resume", "", "continue the run that saved `FILE`; repeat its -full or -data")
	flags.StringVar(&s.model, "model", "", "start a new run from the parameters in `FILE`")
	flags.BoolVar(&s.quiet, "quiet", false, "print only the last line")
	flags.Lookup("workers").DefValue = "all"
	if err := program.Parse(flags, args, stdout); err != nil {
		return s, err
	}
	if s.resume != "" && !s.given()["out"] {
		s.out = filepath.Dir(s.resume)
	}
	if err := s.check(); err != nil {
		return s, cli.Usagef("%w", err)
	}
	return s, nil
}

// given returns the names of the flags that were set.
func (s *settings) given() map[string]bool {
	names := map[string]bool{}
	s.flags.Visit(func(f *flag.Flag) { names[f.Name] = true })
	return names
}

func (s *settings) check() error {
	empty := "" // the name of a flag that is set to "", for example by an unset shell variable
	s.flags.Visit(func(f *flag.Flag) {
		if f.Value.String() == "" {
			empty = f.Name
		}
	})
	switch {
	case s.Schedule != training.Linear && s.Schedule != training.Constant:
		return fmt.Errorf("-schedule is %.40q, want linear or constant", string(s.Schedule))
	case empty != "":
		return fmt.Errorf("-%s is empty, want a file or a folder", empty)
	case !(s.Rate > 0) || math.IsInf(s.Rate, 0):
		return fmt.Errorf("-rate is %v, want a finite number above 0", s.Rate)
	case !(s.Dropout >= 0 && s.Dropout < 1):
		return fmt.Errorf("-dropout is %v, want a probability of at least 0 and below 1", s.Dropout)
	case s.Sets < 1:
		return fmt.Errorf("-sets is %d, want 1 or more", s.Sets)
	case s.Size < 1:
		return fmt.Errorf("-size is %d, want 1 or more", s.Size)
	case s.Epochs < 1:
		return fmt.Errorf("-epochs is %d, want 1 or more", s.Epochs)
	case s.Batch < 1:
		return fmt.Errorf("-batch is %d, want 1 or more", s.Batch)
	case s.workers < 1:
		return fmt.Errorf("-workers is %d, want 1 or more", s.workers)
	case s.full && s.data != "":
		return errors.New("found both -full and -data, want only one of them")
	case s.resume != "" && s.best:
		return errors.New("found both -resume and -best, want only one of them: a resumed run keeps the flags it began with")
	case s.resume != "" && s.model != "":
		return errors.New("found both -resume and -model, want only one of them: -resume continues a run, -model starts a new one")
	}
	return nil
}

// takeBest sets each flag of the recipe that isn't given to its value in the best recipe for
// this number of training examples: all of them, unless -size says otherwise.
func (s *settings) takeBest(all int) {
	given, sets := s.given(), 1
	if given["sets"] {
		sets = s.Sets
	}
	size := all / sets
	if given["size"] {
		size = s.Size
	}
	best := training.Best(sets * size)
	for name, value := range map[string]any{
		"sets": sets, "size": size, "epochs": best.Epochs, "batch": best.Batch, "rate": best.Rate, "dropout": best.Dropout,
		"schedule": best.Schedule, "shuffle": best.Shuffle, "augment": true,
	} {
		if !given[name] {
			s.flags.Set(name, fmt.Sprint(value))
		}
	}
}
