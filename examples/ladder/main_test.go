package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/training"
	"convnet/examples/mnist"
)

// No setting is chosen by digits that the network has learned from.
func TestHeldOut(t *testing.T) {
	for _, r := range trials() {
		if digits := r.recipe.Sets * r.recipe.Size; digits > chosenFrom {
			t.Errorf("the trial %q learns from %d digits, want at most %d", r.name, digits, chosenFrom)
		}
	}
	for _, r := range rungs() {
		held := without(r.recipe)
		if digits := held.Sets * held.Size; digits > chosenFrom || digits < min(chosenFrom, r.recipe.Sets*r.recipe.Size) {
			t.Errorf("the rung %q learns from %d digits for its held-out figure, want all but those held out", r.name, digits)
		}
	}
}

// The ladder goes from the original's experiment to the best recipe, and every
// rung of it, trial and point of the curve can be told from the others.
func TestRungs(t *testing.T) {
	all := rungs()
	if first := (training.Recipe{Sets: 5, Size: 1000, Passes: 10, Batch: 1, Rate: 0.0062, Dropout: 0.5}); all[0].recipe != first {
		t.Errorf("the first rung is %+v, want %+v", all[0].recipe, first)
	}
	if best := training.Best(60000); all[len(all)-1].recipe != best {
		t.Errorf("the last rung is %+v, want %+v", all[len(all)-1].recipe, best)
	}
	if best := training.Best(5000); !slices.ContainsFunc(all, func(r rung) bool { return r.recipe == best }) {
		t.Errorf("no rung is %+v", best)
	}
	for k, r := range all {
		for _, other := range all[:k] {
			if r.recipe == other.recipe || r.name == other.name {
				t.Errorf("the rungs %q and %q are one", r.name, other.name)
			}
		}
	}
	for _, digits := range sizes {
		for _, distorted := range []bool{false, true} {
			if r := ofSize(digits, distorted); r.All() != 600000 || r.Sets*r.Size != digits {
				t.Errorf("%d digits: learns from %d, of %d", digits, r.All(), r.Sets*r.Size)
			}
		}
	}
}

// newLab returns a lab with 60 digits, 20 of which are held out.
func newLab(t *testing.T) *lab {
	t.Helper()
	train, _, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	return &lab{folder: t.TempDir(), digits: train[:60], held: train[40:60], log: &bytes.Buffer{}}
}

func TestLab(t *testing.T) {
	l := newLab(t)
	few := training.Recipe{Sets: 2, Size: 20, Passes: 2, Batch: 4, Rate: 0.01}
	all := few
	all.Sets = 3
	todo := []job{{few, 1}, {all, 1}, {few, 2}, {few, 1}}
	if err := l.do(context.Background(), todo); err != nil {
		t.Fatal(err)
	}
	for k, j := range todo {
		want, err := j.recipe.Train(context.Background(), l.digits, j.seed, 1)
		if err != nil {
			t.Fatal(err)
		}
		heldOut := want.Test(l.digits[40:])
		if k == 1 {
			heldOut = -1
		}
		r, err := l.result(j)
		if err != nil || !slices.Equal(r.network.Parameters, want.Parameters) || r.heldOut != heldOut || r.seconds < 0 {
			t.Errorf("job %d: %d of the held-out digits (%v), want %d and the network of the recipe", k, r.heldOut, err, heldOut)
		}
	}
	if entries, err := os.ReadDir(l.folder); err != nil || len(entries) != 3 {
		t.Errorf("the folder holds %d files (%v), want 3", len(entries), err)
	}

	// Nothing is done twice.
	before := l.log.(*bytes.Buffer).String()
	if err := l.do(context.Background(), todo); err != nil || l.log.(*bytes.Buffer).String() != before {
		t.Errorf("done again (%v): %s", err, l.log.(*bytes.Buffer).String()[len(before):])
	}
	// A network of another recipe is none of this job.
	other := job{all, 3}
	if err := os.Rename(l.path(todo[0]), l.path(other)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.result(other); err == nil || !strings.Contains(err.Error(), "found the recipe") {
		t.Errorf("found the error %v, want one of another recipe", err)
	}
}

func TestLabStops(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := l.do(ctx, jobs(training.Best(40), 3))
	if entries, _ := os.ReadDir(l.folder); err != context.Canceled || len(entries) > 0 {
		t.Errorf("the error %v and %d files, want that of the context and none", err, len(entries))
	}
}

func TestFigures(t *testing.T) {
	mean, standardError := percent([]int{9700, 9600, 9800})
	if math.Abs(mean-97) > 1e-12 || math.Abs(standardError-1/math.Sqrt(3)) > 1e-12 {
		t.Errorf("%v ± %v, want 97 ± 1/√3", mean, standardError)
	}
	for _, c := range []struct{ found, want string }{
		{figure([]int{9700, 9600, 9800}), "97.00 ± 0.58"},
		{figure([]int{9712}), "97.12"},
		{thousands(100), "100"},
		{thousands(5000), "5,000"},
		{thousands(60000), "60,000"},
	} {
		if c.found != c.want {
			t.Errorf("found %q, want %q", c.found, c.want)
		}
	}
}

func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{"found neither train-images", []string{"-data", t.TempDir(), "choose"}},
		{`found the command "", want`, nil},
		{`found the command "jump", want choose, climb, test or draw`, []string{"jump"}},
		{"-wrong", []string{"-wrong", "choose"}},
	} {
		if err := run(context.Background(), c.args, &bytes.Buffer{}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: found the error %v, want one with %q", c.args, err, c.want)
		}
	}
}
