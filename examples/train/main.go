// Train trains the network of ConvNet-in-Numpy as the original was trained:
// five sets of 1,000 digits, each passed ten times before the next, one digit
// at a time, with dropout ½. After each set it reads all test digits; at the
// end the model and pictures of what was learned are in the folder out.
//
//	go run ./examples/train
//
// Ctrl-C stops at the next step and keeps the model and pictures so far;
// -resume goes on from there as if nothing had happened.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"

	"convnet"
	"convnet/examples/internal/training"
	"convnet/examples/mnist"
)

// settings are the flags of a run.
type settings struct {
	seed          uint64
	rate, dropout float64
	sets          int // how many sets to learn from, one after the other
	size          int // digits in a set
	passes        int // over each set
	batch         int // digits learned from in one step
	workers       int // cores to learn on
	data, out     string
	resume, model string // a file to go on from or to start from, or none
	quiet         bool

	flags *flag.FlagSet // that set these
}

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt)
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
	ok          = 0
	failed      = 1
	usage       = 2
	interrupted = 130 // as a shell has it after Ctrl-C
)

// run is the program; it returns its exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return ok
	}
	if err != nil {
		fmt.Fprintln(stderr, "train:", err)
		return usage
	}
	e, err := prepare(s, stdout)
	if err == nil {
		err = e.run(ctx)
		e.trainer.Close()
	}
	e.progress.over("")
	switch {
	case err == errInterrupted:
		fmt.Fprintln(stdout, "interrupted at", e.at)
		return interrupted
	case err != nil:
		fmt.Fprintln(stderr, "train:", err)
		return failed
	}
	if err := e.progress.finish(s.out, e.correct(), len(e.test)); err != nil {
		fmt.Fprintln(stderr, "train:", err)
		return failed
	}
	return ok
}

// parse reads the flags and refuses what no run can use.
func parse(args []string, stdout io.Writer) (*settings, error) {
	flags := flag.NewFlagSet("train", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	s := &settings{flags: flags}
	flags.Uint64Var(&s.seed, "seed", 1, "pick the first weights and the dropout masks by `N`")
	flags.Float64Var(&s.rate, "rate", 0.0062, "step by `R`, above 0, times the gradient")
	flags.Float64Var(&s.dropout, "dropout", 0.5, "drop each unit with probability `P`, from 0 to below 1")
	flags.IntVar(&s.sets, "sets", 5, "learn `N` sets of digits, one after the other")
	flags.IntVar(&s.size, "size", 1000, "make each set of `N` digits; there are 5000 unless -data has more")
	flags.IntVar(&s.passes, "passes", 10, "pass each set `N` times before the next")
	flags.IntVar(&s.batch, "batch", 1, "learn from `N` digits in one step, against their mean gradient")
	flags.IntVar(&s.workers, "workers", runtime.GOMAXPROCS(0), "share a batch out among `N` cores; the result is the same")
	flags.StringVar(&s.data, "data", "", "read the four MNIST files in `DIR` instead of the embedded digits")
	flags.StringVar(&s.out, "out", "out", "write model.safetensors and the pictures to `DIR`; with -resume its file's folder")
	flags.StringVar(&s.resume, "resume", "", "go on with the run that left `FILE`, with its flags, to the same bits")
	flags.StringVar(&s.model, "model", "", "start a new run from the parameters in `FILE`")
	flags.BoolVar(&s.quiet, "quiet", false, "print the last line only")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			help(stdout, flags)
		}
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("found %q after the flags, want nothing", flags.Arg(0))
	}
	if s.resume != "" && !s.given()["out"] {
		s.out = filepath.Dir(s.resume)
	}
	return s, s.check()
}

// given returns the names of the flags that were set.
func (s *settings) given() map[string]bool {
	names := map[string]bool{}
	s.flags.Visit(func(f *flag.Flag) { names[f.Name] = true })
	return names
}

func (s *settings) check() error {
	switch {
	case !(s.rate > 0) || math.IsInf(s.rate, 0):
		return fmt.Errorf("-rate is %v, want a finite number above 0", s.rate)
	case !(s.dropout >= 0 && s.dropout < 1):
		return fmt.Errorf("-dropout is %v, want 0 or more and below 1", s.dropout)
	case s.sets < 1:
		return fmt.Errorf("-sets is %d, want 1 or more", s.sets)
	case s.size < 1:
		return fmt.Errorf("-size is %d, want 1 or more", s.size)
	case s.passes < 1:
		return fmt.Errorf("-passes is %d, want 1 or more", s.passes)
	case s.batch < 1:
		return fmt.Errorf("-batch is %d, want 1 or more", s.batch)
	case s.workers < 1:
		return fmt.Errorf("-workers is %d, want 1 or more", s.workers)
	case s.out == "":
		return errors.New("-out is empty, want a folder")
	case s.resume != "" && s.model != "":
		return errors.New("found both -resume and -model, want one of them: an old run or a new one")
	}
	return nil
}

// help explains each flag in one line.
func help(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintln(w, "Usage: go run ./examples/train [flags]")
	flags.VisitAll(func(f *flag.Flag) {
		value, explanation := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" {
			explanation += fmt.Sprintf(" (%s unless set)", f.DefValue)
		}
		fmt.Fprintf(w, "  -%-12s %s\n", f.Name+" "+value, explanation)
	})
}

// prepare makes ready for a run and finds out before any work is done whether
// its files can be read and written.
func prepare(s *settings, stdout io.Writer) (*experiment, error) {
	e := &experiment{settings: s}
	network, entries, err := e.start()
	e.progress = newProgress(stdout, s, e.begun)
	if err != nil {
		return e, err
	}
	var files fs.FS = mnist.Files
	if s.data != "" {
		info, err := os.Stat(s.data)
		if err != nil {
			return e, fmt.Errorf("-data: %w", err)
		}
		if !info.IsDir() {
			return e, fmt.Errorf("-data: %s is a file, want a folder", s.data)
		}
		files = os.DirFS(s.data)
	}
	if e.train, e.test, err = convnet.ReadMNIST(files); err != nil {
		return e, fmt.Errorf("the digits of -data %q: %w", s.data, err)
	}
	if s.sets > len(e.train)/s.size {
		return e, fmt.Errorf("-sets %d of -size %d digits: there are only %d digits", s.sets, s.size, len(e.train))
	}
	if len(e.test) == 0 {
		return e, fmt.Errorf("the digits of -data %q: there are no test digits", s.data)
	}
	if found, want := e.digits(), entries["digits"]; entries != nil && found != want {
		return e, fmt.Errorf("-resume %s: it has learned from other digits, of the checksum %.20q; those of -data %q have %q", s.resume, want, s.data, found)
	}
	if err := checkFolder(s.out); err != nil {
		return e, fmt.Errorf("-out %q: %w", s.out, err)
	}
	if sameFile(s.model, e.modelPath()) {
		return e, fmt.Errorf("-model %s: the run would write over it, want another -out", s.model)
	}
	e.trainer = training.New(network, s.rate, s.dropout, s.seed, s.workers)
	e.trainer.Learned = uint64(s.learned(e.at))
	return e, nil
}

// sameFile reports whether both names are of one file.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// checkFolder makes the folder out, and tries whether files can be made in it
// and take the names that they shall have.
func checkFolder(out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	probe, err := os.CreateTemp(out, ".probe*")
	if err != nil {
		return err
	}
	probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return err
	}
	names := []string{modelName}
	for _, p := range pictures {
		names = append(names, p.name)
	}
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(out, name)); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is in the way: want a regular file or none", filepath.Join(out, name))
		}
	}
	return nil
}
