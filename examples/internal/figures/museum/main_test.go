package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/stored"
	"convnet/examples/internal/testenv"
	"convnet/examples/internal/training"
)

// The picture and the table of docs/museum.md show what docs/museum.json holds.
func TestDocsAreCurrent(t *testing.T) {
	t.Chdir(testenv.Path(t, "."))
	out := &cli.Folder{Path: t.TempDir()}
	var printed bytes.Buffer
	if err := run(out, &printed); err != nil {
		t.Fatal(err)
	}
	drawn, err := os.ReadFile(filepath.Join(out.Path, "museum.svg"))
	if err != nil {
		t.Fatal(err)
	}
	stored.Picture(t, "docs/images/museum.svg", drawn, 0)
	stored.Tables(t, "docs/museum.md", printed.String(), stored.Tolerance{})
}

// Each check passes with ours and fails with the mistake, and says what docs/museum.md says.
func TestChecks(t *testing.T) {
	train, _ := testenv.Digits(t)
	var printed bytes.Buffer
	if err := printChecks(&printed, exhibits(), train); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Count(printed.String(), "\n") - 2; rows != 7 {
		t.Errorf("%d mistakes, want 7", rows)
	}
	testenv.NeedStored(t)
	stored.Tables(t, "docs/museum.md", printed.String(), stored.Tolerance{Relative: 1e-3})
}

// A check that misses its mistake, or complains about ours, is an error.
func TestChecksThatFail(t *testing.T) {
	e := exhibits()[3]
	e.spoil = func(*variant) {}
	if _, err := e.catch(nil); err == nil || err.Error() != "loss = 0 in the loop: the check passes with the mistake" {
		t.Errorf("without a mistake: error %v", err)
	}
	e.sound.epoch = meanLossForgotten
	err := printChecks(new(bytes.Buffer), []exhibit{e}, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "loss = 0 in the loop: the check fails without the mistake: the mean loss of 2, 3 and 7 is 2.33333") {
		t.Errorf("with a mistake in ours: error %v", err)
	}
}

// Each variant learns, with mistakes and without, except where the mistake breaks the network. With
// more digits the loss that it reports falls, too, epoch by epoch.
func TestEveryVariantLearns(t *testing.T) {
	train, _ := testenv.Digits(t)
	all := variants()
	for _, v := range all[:len(all)-len(broken())] {
		digits, a := v.see(train[:40]), convnet.NewActivations()
		loss := func(n *convnet.Network) float64 {
			return meanLoss(func(digit convnet.Digit) float64 {
				v.forward(n, a, digit.Image)
				return convnet.CrossEntropy(a.Logits, digit.Label)
			}, digits)
		}
		n, losses := v.learn(1, digits, 20, 2)
		if before, after := loss(convnet.New(1)), loss(n); !(after < before) || len(losses) != 4 {
			t.Errorf("%s: the loss goes from %.4f to %.4f in %d epochs, want it to fall in 4", v.name, before, after, len(losses))
		}
		if testenv.All() {
			if _, losses := v.learn(1, v.see(train[:100]), 100, 4); !(losses[3] < losses[0]) {
				t.Errorf("%s: the reported loss goes from %.4f to %.4f, want it to fall", v.name, losses[0], losses[3])
			}
		}
	}
}

// Ours trains exactly as examples/train does, bit for bit.
func TestOursIsTheRecipe(t *testing.T) {
	train, test := testenv.Digits(t)
	recipe := training.Original()
	recipe.Sets, recipe.Size, recipe.Epochs = 2, 30, 2
	want, err := recipe.Train(context.Background(), train, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	v := ours()
	n, losses := v.learn(3, v.see(train[:60]), 30, 2)
	if len(losses) != 4 || !slices.Equal(n.Parameters, want.Parameters) {
		t.Errorf("after %d epochs the parameters differ from those of the recipe after 4", len(losses))
	}
	if got, want := v.countCorrect(n, test[:200]), n.CountCorrect(test[:200]); got != want {
		t.Errorf("counted %d correct, want %d", got, want)
	}
	if ours, strided := v.countCorrect(n, test[:200]), strided().countCorrect(n, test[:200]); ours == strided {
		t.Errorf("counted %d correct with a stride of 2 and without", ours)
	}
	if recipe := training.Original(); recipe.Sets*recipe.Size != len(train) || setSize != recipe.Size || epochs != recipe.Epochs || ourRate != recipe.Rate || ourDropout != recipe.Dropout {
		t.Errorf("the experiment is not that of the recipe, %+v", recipe)
	}
}

// A measurement has an outcome for each variant, in order, and reading it back gives what was written.
func TestMeasure(t *testing.T) {
	train, test := testenv.Digits(t)
	all := []variant{variants()[1], variants()[6]}
	var log bytes.Buffer
	outcomes := measure(all, train[:40], test[:30], 20, 2, 2, &log)
	for k, o := range outcomes {
		v := all[k]
		if o.Name != v.name || o.Counterpart != v.counterpart || o.Rate != v.rate || o.Dropout != v.dropout {
			t.Errorf("outcome %d belongs to %s, want %s", k, o.Name, v.name)
		}
		n, losses := v.learn(1, train[:40], 20, 2)
		if !slices.Equal(o.Losses, rounded(losses)) || len(losses) != 4 {
			t.Errorf("%s: losses %v, want %v", v.name, o.Losses, losses)
		}
		second, _ := v.learn(2, train[:40], 20, 2)
		if want := []int{n.CountCorrect(test[:30]), second.CountCorrect(test[:30])}; !slices.Equal(o.Correct, want) {
			t.Errorf("%s: %v correct, want %v", v.name, o.Correct, want)
		}
		if line := fmt.Sprintf("%s, seed 2: %d correct\n", v.name, o.Correct[1]); !strings.Contains(log.String(), line) {
			t.Errorf("the log is %q, want it to have %q", log.String(), line)
		}
	}
	if outcomes[1].Counterpart != outcomes[0].Name {
		t.Errorf("%q has the counterpart %q, want %q", outcomes[1].Name, outcomes[1].Counterpart, outcomes[0].Name)
	}
	name := filepath.Join(t.TempDir(), "museum.json")
	if err := cli.WriteLines(name, nil, outcomes); err != nil {
		t.Fatal(err)
	}
	if again, err := cli.ReadLines[outcome](name); err != nil || fmt.Sprint(again) != fmt.Sprint(outcomes) {
		t.Errorf("read %v, error %v, want %v", again, err, outcomes)
	}
	if got, want := rounded([]float64{1.23456, 2, math.Inf(1), 3}), []float64{1.2346, 2}; !slices.Equal(got, want) {
		t.Errorf("rounded to %v, want %v", got, want)
	}
	if got := rounded([]float64{math.NaN()}); got == nil || len(got) != 0 {
		t.Errorf("rounded to %#v, want no losses, as JSON's []", got)
	}
}

// docs/museum.json is what this program measures now: the names and hyperparameters of all variants,
// and the mean loss of the first epoch with seed 1.
func TestStoredOutcomes(t *testing.T) {
	outcomes, err := cli.ReadLines[outcome](testenv.Path(t, file))
	if err != nil {
		t.Fatal(err)
	}
	all := variants()
	if len(outcomes) != len(all) {
		t.Fatalf("%d outcomes, want %d", len(outcomes), len(all))
	}
	for k, v := range all {
		o := outcomes[k]
		if o.Name != v.name || o.Counterpart != v.counterpart || o.Rate != v.rate || o.Dropout != v.dropout {
			t.Errorf("outcome %d is %q, whose counterpart is %q, at %v with dropout %v, want %q, %q, %v, %v", k, o.Name, o.Counterpart, o.Rate, o.Dropout, v.name, v.counterpart, v.rate, v.dropout)
		}
	}
	testenv.NeedAll(t)
	testenv.NeedStored(t)
	train, _ := testenv.Digits(t)
	for k, v := range all[:len(all)-len(broken())] { // a broken network amplifies the last bit of math.Exp
		_, losses := v.learn(1, v.see(train[:setSize]), setSize, 1)
		if want := outcomes[k].Losses[0]; !(math.Abs(losses[0]-want) <= 0.01) {
			t.Errorf("%s: the mean loss of the first epoch is %.4f, want %.4f as stored", v.name, losses[0], want)
		}
	}
}

// functions returns the functions in a source file, each from its name to its end, and without the
// name of package convnet.
func functions(t *testing.T, file string) map[string]string {
	t.Helper()
	source := strings.ReplaceAll(string(testenv.ReadFile(t, file)), "convnet.", "")
	all := map[string]string{}
	for _, part := range strings.Split(source, "\nfunc ")[1:] {
		head, _, _ := strings.Cut(part, "\n")
		if strings.HasSuffix(head, "{") {
			part, _, _ = strings.Cut(part, "\n}\n")
		} else {
			part = head // all in one line
		}
		if method := strings.HasPrefix(part, "("); method {
			_, part, _ = strings.Cut(part, ") ")
		}
		name, _, _ := strings.Cut(part, "(")
		all[name] = part
	}
	return all
}

const here = "examples/internal/figures/museum/"

// The copies are equal to what they are copies of.
func TestCopies(t *testing.T) {
	theirs := functions(t, "layer.go")
	for name, text := range functions(t, "convnet.go") {
		theirs[name] = text
	}
	copies := functions(t, here+"copies.go")
	for name, text := range copies {
		if text != theirs[name] {
			t.Errorf("the copy of %s is\n%s\nwant\n%s", name, text, theirs[name])
		}
	}
	if len(copies) != 5 {
		t.Errorf("found %d copies, want 5", len(copies))
	}
}

// Each exhibit differs from ours in one to five lines.
func TestExhibitsAreClose(t *testing.T) {
	all := functions(t, here+"exhibits.go")
	for _, file := range []string{"layer.go", "convnet.go", "mnist.go"} {
		for name, text := range functions(t, file) {
			all[name] = text
		}
	}
	for _, e := range exhibits() {
		count := map[string]int{}
		for k, name := range []string{e.ours, e.faulty} {
			head, body, found := strings.Cut(all[name], "\n")
			if !found {
				t.Fatalf("there is no function %s, only %q", name, head)
			}
			for _, line := range strings.Split(body, "\n") {
				count[line] += 1 - 2*k
			}
		}
		more, less := 0, 0
		for _, n := range count {
			more, less = more+max(0, n), less+max(0, -n)
		}
		if apart := max(more, less); apart < 1 || apart > 5 {
			t.Errorf("%s differs from %s in %d lines, want 1 to 5", e.faulty, e.ours, apart)
		}
	}
}

// The exercise: the check of the third mistake catches the eighth, too. At a small rate it learns
// faster than ours, for a while, and at our rate it learns nothing.
func TestEighthMistake(t *testing.T) {
	train, _ := testenv.Digits(t)
	if err := checkStepOf((*convnet.Network).TrainStep, train); err != nil {
		t.Errorf("TrainStep: %v", err)
	}
	err := checkStepOf(stepWithoutClear, train)
	if err == nil {
		t.Fatal("the check passes")
	}
	t.Logf("the check says: %v", err)
	testenv.NeedStored(t)
	if page := string(testenv.ReadFile(t, "docs/museum.md")); !strings.Contains(strings.ReplaceAll(page, "\n", " "), err.Error()) {
		t.Errorf("docs/museum.md doesn't say %q", err)
	}
	for _, c := range []struct {
		name string
		rate float64
		step func(n, grad *convnet.Network, d, a *convnet.Activations, digit convnet.Digit, rate float64) (loss float64)
	}{
		{"cleared, at a sixteenth of the rate", slowRate, (*convnet.Network).TrainStep},
		{"never cleared, at a sixteenth of the rate", slowRate, stepWithoutClear},
		{"never cleared, at our rate", ourRate, stepWithoutClear},
	} {
		n, grad, d, a := convnet.New(1), convnet.NewGradient(), convnet.NewActivations(), convnet.NewActivations()
		rng := rand.New(rand.NewPCG(1, 1))
		row := fmt.Sprintf("| %s | %v |", c.name, c.rate)
		for range 8 { // epochs
			row += fmt.Sprintf(" %.2f", meanLoss(func(digit convnet.Digit) float64 {
				a.DrawMasks(0.5, rng)
				return c.step(n, grad, d, a, digit, c.rate)
			}, train[:50]))
		}
		stored.Lines(t, "docs/museum.md", stored.Tolerance{Absolute: 0.011}, row+" |")
	}
}

func TestDifferences(t *testing.T) {
	found := differences([]int{9700, 9600, 9800}, []int{9600, 9600, 9850})
	if want := []float64{1, 0, -0.5}; !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}
