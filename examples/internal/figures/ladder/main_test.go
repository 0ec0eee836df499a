package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/testenv"
	"convnet/examples/internal/training"
	"convnet/examples/model"
)

// Hyperparameters are chosen on digits that the network wasn't trained on.
func TestValidation(t *testing.T) {
	for _, r := range trials() {
		if digits := r.recipe.Sets * r.recipe.Size; digits > chosenFrom {
			t.Errorf("the trial %q trains on %d digits, want at most %d", r.name, digits, chosenFrom)
		}
	}
	for _, r := range rungs() {
		w := without(r.recipe)
		if digits := w.Sets * w.Size; digits > chosenFrom || digits < min(chosenFrom, r.recipe.Sets*r.recipe.Size) {
			t.Errorf("the rung %q trains on %d digits for its validation accuracy, want all except the validation digits", r.name, digits)
		}
	}
}

// The ladder goes from the original's experiment to the best recipe, and all rungs differ.
func TestRungs(t *testing.T) {
	all := rungs()
	if first := (training.Recipe{Sets: 5, Size: 1000, Epochs: 10, Batch: 1, Rate: 0.0062, Schedule: training.Constant, Dropout: 0.5}); all[0].recipe != first {
		t.Errorf("the first rung is %+v, want %+v", all[0].recipe, first)
	}
	if second := (training.Recipe{Sets: 5, Size: 1000, Epochs: 10, Batch: 1, Rate: 0.01, Schedule: training.Linear, Dropout: 0.5}); all[1].recipe != second {
		t.Errorf("the second rung is %+v, want %+v", all[1].recipe, second)
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
				t.Errorf("the rungs %q and %q are the same", r.name, other.name)
			}
		}
	}
	points := curve()
	for k, r := range points {
		if digits := r.recipe.Sets * r.recipe.Size; r.recipe.Total() != 600000 || r.name == augmented && digits != points[k-1].recipe.Size {
			t.Errorf("point %d trains on %d examples, of %d digits", k, r.recipe.Total(), digits)
		}
	}
	if last := points[len(points)-1].recipe; last.Size != allDigits {
		t.Errorf("the last point trains on %d digits, want %d", last.Size, allDigits)
	}
}

// newLab returns a lab with 60 digits, of which 20 are for validation.
func newLab(t *testing.T) *lab {
	t.Helper()
	train, _ := testenv.Digits(t)
	return &lab{folder: t.TempDir(), digits: train[:60], validation: train[40:60], log: &bytes.Buffer{}}
}

func TestLab(t *testing.T) {
	l := newLab(t)
	few := training.Recipe{Sets: 2, Size: 20, Epochs: 2, Batch: 4, Rate: 0.01}
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
		validation := want.CountCorrect(l.digits[40:])
		if k == 1 {
			validation = -1
		}
		r, err := l.result(j)
		if err != nil || !slices.Equal(r.network.Parameters, want.Parameters) || r.validation != validation || r.seconds < 0 {
			t.Errorf("job %d: %d of the validation digits (%v), want %d and the network of the recipe", k, r.validation, err, validation)
		}
	}
	if entries, err := os.ReadDir(l.folder); err != nil || len(entries) != 3 {
		t.Errorf("the folder has %d files (%v), want 3", len(entries), err)
	}

	// Nothing is done twice.
	before := l.log.(*bytes.Buffer).String()
	if err := l.do(context.Background(), todo); err != nil || l.log.(*bytes.Buffer).String() != before {
		t.Errorf("done again (%v): %s", err, l.log.(*bytes.Buffer).String()[len(before):])
	}
	// A network of another recipe is not the result of this job.
	other := job{all, 3}
	if err := os.Rename(l.path(todo[0]), l.path(other)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.result(other); err == nil || !strings.Contains(err.Error(), "found a network trained by the recipe") {
		t.Errorf("found the error %v, want one about the recipe", err)
	}
	// The error names the file of a bad figure.
	spoiled := map[string]string{"recipe": fmt.Sprintf("%+v", other.recipe), "validation": "many", "seconds": "1"}
	err := atomicfile.Write(l.path(other), func(w io.Writer) error { return model.Save(w, convnet.New(1), spoiled) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.result(other); err == nil || !strings.HasPrefix(err.Error(), l.path(other)+": metadata: ") || !strings.Contains(err.Error(), `"many"`) {
		t.Errorf("found the error %v, want one that names the file and the figure", err)
	}
}

func TestLabStops(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := l.do(ctx, rung{recipe: training.Best(40), seeds: 3}.jobs())
	if entries, _ := os.ReadDir(l.folder); err != context.Canceled || len(entries) > 0 {
		t.Errorf("the error %v and %d files, want the context's error and none", err, len(entries))
	}
}

// A network that can't be saved ends the work, and isn't counted.
func TestLabFails(t *testing.T) {
	l := newLab(t)
	if err := os.Remove(l.folder); err != nil {
		t.Fatal(err)
	}
	r := rung{recipe: training.Recipe{Sets: 1, Size: 1, Epochs: 1, Batch: 1, Rate: 0.01}, seeds: 50}
	err := l.do(context.Background(), r.jobs())
	if !errors.Is(err, os.ErrNotExist) || l.log.(*bytes.Buffer).Len() > 0 {
		t.Errorf("the error %v, logged %q, want the folder's error and nothing", err, l.log)
	}
}

// Which networks measure what, on a ladder of two rungs.
func TestMeasure(t *testing.T) {
	l := newLab(t)
	_, test := testenv.Digits(t)
	test = test[:100]
	recipe := training.Recipe{Sets: 2, Size: 20, Epochs: 2, Batch: 4, Rate: 0.01}
	other := recipe
	other.Rate = 0.02
	p := plan{
		rungs:  []rung{{"first", recipe, 2}, {"second", other, 1}},
		curve:  []rung{{plain, other, 2}, {augmented, recipe, 1}},
		trials: []rung{{"tried", other, 3}},
	}
	if _, err := l.tested(context.Background(), p, test); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("found the error %v, want one about a missing network", err)
	}
	for _, jobs := range [][]job{p.choosing(), p.climbing()} {
		if err := l.do(context.Background(), jobs); err != nil {
			t.Fatal(err)
		}
	}
	outcomes, err := l.tested(context.Background(), p, test)
	if err != nil {
		t.Fatal(err)
	}
	counts := func(r training.Recipe, seed uint64) (validation, tested int) {
		n, err := r.Train(context.Background(), l.digits, seed, 1)
		if err != nil {
			t.Fatal(err)
		}
		return n.CountCorrect(l.validation), n.CountCorrect(test)
	}
	h1, t1 := counts(recipe, 1)
	h2, t2 := counts(recipe, 2)
	o1, u1 := counts(other, 1)
	o2, u2 := counts(other, 2)
	o3, _ := counts(other, 3)
	want := []outcome{
		{Kind: aRung, Name: "first", Validation: []int{h1, h2}, Test: []int{t1, t2}},
		{Kind: aRung, Name: "second", Validation: []int{o1}, Test: []int{u1}},
		{Kind: aPoint, Name: plain, Validation: []int{o1, o2}, Test: []int{u1, u2}},
		{Kind: aPoint, Name: augmented, Validation: []int{h1}, Test: []int{t1}},
		{Kind: aTrial, Name: "tried", Validation: []int{o1, o2, o3}},
	}
	for k := range want {
		want[k].Digits, want[k].Epochs, want[k].Seconds = 40, 2, outcomes[k].Seconds
		if !reflect.DeepEqual(outcomes[k], want[k]) {
			t.Errorf("outcome %d is %+v, want %+v", k, outcomes[k], want[k])
		}
		if len(outcomes[k].Seconds) != len(want[k].Validation) {
			t.Errorf("outcome %d has %d times, want %d", k, len(outcomes[k].Seconds), len(want[k].Validation))
		}
	}

	// Written and read again they are the same.
	name := filepath.Join(t.TempDir(), "ladder.json")
	if err := cli.WriteLines(name, nil, outcomes); err != nil {
		t.Fatal(err)
	}
	found, err := read(name)
	if err != nil || !reflect.DeepEqual(slices.Concat(found[aRung], found[aPoint], found[aTrial]), outcomes) {
		t.Errorf("read %+v (%v), want %+v", found, err, outcomes)
	}
	if err := cli.WriteLines(name, nil, outcomes[:2]); err != nil {
		t.Fatal(err)
	}
	if _, err := read(name); err == nil || !strings.Contains(err.Error(), "found no point") {
		t.Errorf("found the error %v, want one about missing points", err)
	}
}

func TestAccuracy(t *testing.T) {
	for _, c := range []struct{ found, want string }{
		{accuracy([]int{9700, 9600, 9800}), "97.00 ± 0.58"},
		{accuracy([]int{9712}), "97.12"},
		{accuracy(nil), "–"},
	} {
		if c.found != c.want {
			t.Errorf("found %q, want %q", c.found, c.want)
		}
	}
}

func TestBadInput(t *testing.T) {
	empty := t.TempDir()
	for _, c := range []struct {
		want string
		args []string
	}{
		{empty + ": convnet: found neither train-images", []string{"choose"}},
		{`found the arguments [], want a single one: choose, climb, test or draw`, nil},
		{`found the arguments ["jump"], want a single one`, []string{"jump"}},
		{`found the arguments ["climb" "-data" "x"], want a single one`, []string{"climb", "-data", "x"}},
		{`found the arguments ["draw" "draw"], want a single one`, []string{"draw", "draw"}},
	} {
		networks := filepath.Join(empty, "networks")
		if err := run(context.Background(), c.args, empty, networks, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: found the error %v, want one with %q", c.args, err, c.want)
		}
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("left %v, error %v", left, err)
	}
}

// docs/ladder.json has the outcomes of the plan.
func TestNames(t *testing.T) {
	outcomes := readOutcomes(t)
	p := newPlan()
	for kind, rungs := range map[string][]rung{aRung: p.rungs, aPoint: p.curve, aTrial: p.trials} {
		if len(outcomes[kind]) != len(rungs) {
			t.Fatalf("%d outcomes of kind %s, want %d", len(outcomes[kind]), kind, len(rungs))
		}
		for k, r := range rungs {
			if o := outcomes[kind][k]; o.Name != r.name || o.Epochs != r.recipe.Epochs || len(o.Seconds) != r.seeds {
				t.Errorf("%s %d is %q with %d epochs and %d seeds, want %q, %d, %d", kind, k, o.Name, o.Epochs, len(o.Seconds), r.name, r.recipe.Epochs, r.seeds)
			}
		}
	}
}
