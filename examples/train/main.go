// Train trains the network of ConvNet-in-Numpy as the original was trained:
// five sets of 1,000 digits, each passed ten times before the next, one digit
// at a time, with dropout ½. Of this plan only the rate is our own; it falls
// to 0. After each set it reads all test digits; at the end the model and
// pictures of what was learned are in the folder out.
//
//	go run ./examples/train
//
// With -best it learns as well as the same network is known to learn, with
// -full from 60,000 training digits. Ctrl-C stops at the next step and keeps the
// model and pictures so far; -resume goes on from there as if nothing had
// happened.
package main

import (
	"cmp"
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

	"convnet/examples/internal/fetch"
	"convnet/examples/internal/training"
)

// settings are the flags of a run.
type settings struct {
	training.Recipe
	seed          uint64
	augment       bool // -augment; the Recipe has what it means
	best          bool // the flags that aren't given are those of the best recipe found
	workers       int  // cores to learn on
	full          bool // learn from the full MNIST
	data, out     string
	resume, model string // a file to go on from or to start from, or none
	quiet         bool

	flags *flag.FlagSet // that set these

	mirrors []string // that -full asks
	files   []fetch.File
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
	return s.run(ctx, stdout, stderr)
}

// run makes the run that the flags ask for, and returns the exit status.
func (s *settings) run(ctx context.Context, stdout, stderr io.Writer) int {
	e, err := prepare(ctx, s, stdout)
	if err == nil {
		err = e.run(ctx)
		e.trainer.Close()
	}
	e.progress.over("")
	switch {
	case err == errInterrupted && e.trainer == nil:
		fmt.Fprintln(stdout, "interrupted before the run; the next -full goes on fetching from here")
		return interrupted
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
	s := &settings{flags: flags, mirrors: fetch.Mirrors, files: fetch.MNIST}
	usual := training.Default()
	flags.Uint64Var(&s.seed, "seed", 1, "pick weights, masks and all that is random by `N`")
	flags.Float64Var(&s.Rate, "rate", usual.Rate, "begin with steps of `R` times the gradient, R > 0")
	flags.Float64Var(&s.Dropout, "dropout", usual.Dropout, "drop each unit with probability `P`, 0 ≤ P < 1")
	flags.IntVar(&s.Sets, "sets", usual.Sets, "learn `N` sets of digits, one after the other")
	flags.IntVar(&s.Size, "size", usual.Size, "make each set of `N` digits")
	flags.IntVar(&s.Passes, "passes", usual.Passes, "pass each set `N` times before the next")
	flags.IntVar(&s.Batch, "batch", usual.Batch, "step against the mean gradient of `N` digits")
	flags.BoolVar(&s.Decay, "decay", usual.Decay, "let the rate fall in a line to 0; -decay=false keeps it")
	flags.BoolVar(&s.Shuffle, "shuffle", false, "shuffle the digits of a set before each pass")
	flags.BoolVar(&s.augment, "augment", false, "distort each digit, each time anew, as other hands would")
	flags.BoolVar(&s.best, "best", false, "train by the best recipe found, but for the flags given")
	flags.IntVar(&s.workers, "workers", runtime.GOMAXPROCS(0), "share a batch out among `N` cores, to the same bits")
	flags.BoolVar(&s.full, "full", false, "have all 60000 digits, fetched once (11 MB) into your cache")
	flags.StringVar(&s.data, "data", "", "read the four MNIST files in `DIR`, not the embedded ones")
	flags.StringVar(&s.out, "out", "out", "write to `DIR`, with -resume by default beside FILE")
	flags.StringVar(&s.resume, "resume", "", "go on with the run that left `FILE`; repeat -full or -data")
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
	empty := "" // the name of a flag given as "", as by a shell's variable that isn't set
	s.flags.Visit(func(f *flag.Flag) {
		if f.Value.String() == "" {
			empty = f.Name
		}
	})
	switch {
	case empty != "":
		return fmt.Errorf("-%s is empty, want a file or a folder", empty)
	case !(s.Rate > 0) || math.IsInf(s.Rate, 0):
		return fmt.Errorf("-rate is %v, want a finite number above 0", s.Rate)
	case !(s.Dropout >= 0 && s.Dropout < 1):
		return fmt.Errorf("-dropout is %v, want 0 or more and below 1", s.Dropout)
	case s.Sets < 1:
		return fmt.Errorf("-sets is %d, want 1 or more", s.Sets)
	case s.Size < 1:
		return fmt.Errorf("-size is %d, want 1 or more", s.Size)
	case s.Passes < 1:
		return fmt.Errorf("-passes is %d, want 1 or more", s.Passes)
	case s.Batch < 1:
		return fmt.Errorf("-batch is %d, want 1 or more", s.Batch)
	case s.workers < 1:
		return fmt.Errorf("-workers is %d, want 1 or more", s.workers)
	case s.full && s.data != "":
		return errors.New("found both -full and -data, want one of them")
	case s.resume != "" && s.best:
		return errors.New("found both -resume and -best, want one of them: an old run goes on with its own flags")
	case s.resume != "" && s.model != "":
		return errors.New("found both -resume and -model, want one of them: an old run or a new one")
	}
	return nil
}

// takeBest sets what isn't given of the flags that shape a run to the best recipe
// found for as many digits as it learns from, if it can all.
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
		"sets": sets, "size": size, "passes": best.Passes, "batch": best.Batch, "rate": best.Rate, "dropout": best.Dropout,
		"decay": best.Decay, "shuffle": best.Shuffle, "augment": true,
	} {
		if !given[name] {
			s.flags.Set(name, fmt.Sprint(value))
		}
	}
}

// help explains each flag in one line.
func help(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintln(w, "Usage: go run ./examples/train [flags]")
	flags.VisitAll(func(f *flag.Flag) {
		value, explanation := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "true" {
			explanation += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		fmt.Fprintf(w, "  -%-12s %s\n", f.Name+" "+value, explanation)
	})
}

// prepare makes ready for a run and finds out before it learns from a digit
// whether its files can be read and written.
func prepare(ctx context.Context, s *settings, stdout io.Writer) (*experiment, error) {
	e := &experiment{settings: s, at: position{set: 1, pass: 1}, progress: newProgress(stdout, s)}
	if err := e.readDigits(ctx); err != nil {
		return e, err
	}
	if s.best {
		s.takeBest(len(e.train))
	}
	network, entries, err := e.start()
	if err != nil {
		return e, err
	}
	if s.Size < 1 || s.Sets > len(e.train)/s.Size { // -best may leave no digit for a set
		return e, fmt.Errorf("-sets %d of -size %d digits: there are only %d digits, want as many (-full has 60000)", s.Sets, s.Size, len(e.train))
	}
	if most := math.MaxInt / (s.Sets * s.Size); s.Passes > most {
		return e, fmt.Errorf("-passes is %d, want at most %d over so many digits", s.Passes, most)
	}
	if found, want := e.digits(), entries["digits"]; entries != nil && found != want {
		return e, fmt.Errorf("-resume %s: it has learned from other digits, of the checksum %.20q; these have %q", s.resume, want, found)
	}
	if err := checkFolder(s.out); err != nil {
		return e, fmt.Errorf("-out %q: %w", s.out, err)
	}
	if sameFile(s.model, e.modelPath()) {
		return e, fmt.Errorf("-model %s: the run would write over it, want another -out", s.model)
	}
	if s.augment {
		s.Distortion = training.Handwriting()
	}
	e.trainer = s.New(network, s.seed, s.workers)
	e.trainer.Learned = uint64(s.learned(e.at))
	e.progress.beginRun(e.at)
	return e, nil
}

// sameFile reports whether both names are of one file.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// checkFolder makes the folder out, and tries whether files can be made in it, are
// given room, and can take the names that they shall have.
func checkFolder(out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	probe, err := os.CreateTemp(out, ".probe*")
	if err != nil {
		return err
	}
	const room = 1 << 20 // the model and the pictures take two thirds of that
	_, err = probe.Write(make([]byte, room))
	if err := cmp.Or(err, probe.Close(), os.Remove(probe.Name())); err != nil {
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
