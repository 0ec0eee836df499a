package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
	"convnet/examples/internal/training"
	"convnet/examples/model"
)

// A countdown is a context that is done after Err has been called a number of times.
type countdown struct {
	context.Context
	left atomic.Int64
}

func after(times int) *countdown {
	c := &countdown{Context: context.Background()}
	c.left.Store(int64(times))
	return c
}

func (c *countdown) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// results returns the lines about epochs and sets, without the speed.
func results(stdout string) []string {
	var all []string
	for _, line := range lines(stdout) {
		if strings.HasPrefix(line, "set ") {
			before, _, _ := strings.Cut(line, "%, ")
			all = append(all, before)
		}
	}
	return all
}

// However often a run is stopped and resumed, it prints the same losses and writes the same
// file as one that wasn't stopped.
func TestResumeGivesTheSameBits(t *testing.T) {
	withoutPictures(t)
	data := smallMNIST(t, 40, 10)
	for _, c := range []struct {
		stops []int // after this many steps; the last one only with CONVNET_ALL
		flags []string
	}{
		{[]int{13, 61, 117, 6}, []string{"-batch", "1", "-schedule", "constant"}},
		{[]int{5, 22, 10}, []string{"-batch", "3", "-workers", "2", "-seed", "7", "-dropout", "0.3", "-rate", "0.0123"}}, // 20 digits leave a smaller last batch
		{[]int{3, 8, 4}, []string{"-batch", "7", "-shuffle", "-augment"}},
	} {
		flags := append(c.flags, "-data", data, "-sets", "2", "-size", "20", "-epochs", "3")
		whole := t.TempDir()
		wholeOut, stderr, status := train(context.Background(), append(flags, "-out", whole)...)
		if status != ok {
			t.Fatal(stderr)
		}
		for k, steps := range c.stops {
			t.Run(fmt.Sprintf("%s, stopped every %d steps", strings.Join(c.flags, " "), steps), func(t *testing.T) {
				if k == len(c.stops)-1 {
					testenv.NeedAll(t)
				}
				out, stdout, places := t.TempDir(), "", map[string]bool{}
				args := append(flags, "-out", out)
				for {
					more, stderr, status := train(after(steps), args...)
					stdout += more
					if status == ok {
						break
					}
					if status != interrupted || places[last(more)] {
						t.Fatalf("status %d, printed %q, then %q", status, stderr, last(more))
					}
					places[last(more)] = true
					args = []string{"-data", data, "-resume", filepath.Join(out, modelName)} // which writes to the same folder
				}
				if len(places) == 0 {
					t.Error("not stopped at all")
				}
				if got, want := snapshot(t, out)[modelName], snapshot(t, whole)[modelName]; got != want {
					t.Errorf("stopped at %v: the file differs from that of a run that was not stopped", slices.Collect(maps.Keys(places)))
				}
				if got, want := results(stdout), results(wholeOut); !slices.Equal(got, want) {
					t.Errorf("printed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			})
		}
	}
}

// A resumed run draws the losses that it has measured itself, at their epochs, and leaves the
// picture of the first set to the run that drew it.
func TestResumedPictures(t *testing.T) {
	data, out := smallMNIST(t, 40, 10), t.TempDir()
	args := []string{"-data", data, "-out", out}
	if _, stderr, status := train(after(95), append(args, "-sets", "2", "-size", "20", "-epochs", "3")...); status != interrupted {
		t.Fatalf("status %d: %s", status, stderr)
	}
	before := snapshot(t, out)
	if _, stderr, status := train(context.Background(), append(args, "-resume", filepath.Join(out, modelName))...); status != ok {
		t.Fatalf("status %d: %s", status, stderr)
	}
	checkPictures(t, out)
	files := snapshot(t, out)
	if files[firstSet] != before[firstSet] {
		t.Error("the picture of the first set has changed")
	}
	if files["loss.svg"] == before["loss.svg"] {
		t.Error("the picture of the whole run has not changed")
	}
	// Resuming a finished run trains no further, and draws nothing new.
	stdout, stderr, status := train(context.Background(), append(args, "-resume", filepath.Join(out, modelName))...)
	if status != ok || strings.Contains(stdout, " epoch ") || !strings.Contains(stdout, "set 2: ") {
		t.Errorf("status %d, printed %q and %q, want only the test accuracy of set 2", status, stdout, stderr)
	}
	if !maps.Equal(snapshot(t, out), files) {
		t.Error("a finished run has changed its folder")
	}
	// A run that starts in epoch 2 of set 1, or of set 2, which is epoch 5 of the run.
	for set, c := range map[int]struct {
		last int
		x, y []float64
	}{1: {3, []float64{2, 3}, []float64{9, 8}}, 2: {6, []float64{5, 6}, []float64{9, 8}}} {
		recipe := training.Recipe{Sets: 2, Size: 20, Epochs: 3}
		e := experiment{settings: &settings{Recipe: recipe}, begun: training.Position{Set: set, Epoch: 2, Digit: 5}, losses: []float64{9, 8, 7}}
		if found := e.lossPlot("", c.last).Curves[0]; !slices.Equal(found.X, c.x) || !slices.Equal(found.Y, c.y) {
			t.Errorf("after a start in epoch 2 of set %d the curve is %v, want %v and %v", set, found, c.x, c.y)
		}
	}
}

// A new run from the parameters in a file needs nothing else from it, and can be resumed
// without it.
func TestModelStartsANewRun(t *testing.T) {
	withoutPictures(t)
	data, out := smallMNIST(t, 40, 10), t.TempDir()
	first := filepath.Join(t.TempDir(), "first")
	var file bytes.Buffer
	n := convnet.New(77)
	if err := model.Save(&file, n, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(first, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-data", data, "-out", out, "-sets", "1", "-size", "20", "-epochs", "2", "-rate", "0.0062", "-schedule", "constant"}
	if _, stderr, status := train(after(9), append(args, "-model", first)...); status != interrupted {
		t.Fatalf("status %d: %s", status, stderr)
	}
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	if _, stderr, status := train(context.Background(), "-data", data, "-out", out, "-resume", filepath.Join(out, modelName)); status != ok {
		t.Fatalf("status %d: %s", status, stderr)
	}
	digits, _, err := convnet.ReadMNIST(os.DirFS(data))
	if err != nil {
		t.Fatal(err)
	}
	trainer := training.New(n, 0.5, 1, 1)
	for range 2 {
		for digit := range slices.Chunk(digits[:20], 1) {
			trainer.Step(digit, 0.0062)
		}
	}
	if !slices.Equal(loadModel(t, out).Parameters, n.Parameters) {
		t.Error("the parameters are not those of a run that starts from the file's")
	}
}

// otherDigits returns a folder in which one pixel of one training digit differs.
func otherDigits(t *testing.T) string {
	t.Helper()
	folder := smallMNIST(t, 40, 10)
	name := filepath.Join(folder, "train-images-idx3-ubyte")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[16+imageSize*39+100]++
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}

// A file that a run can't be resumed from, and a flag that disagrees with it, get one clear line,
// and the folder stays as it was.
func TestResumeRefuses(t *testing.T) {
	withoutPictures(t)
	data, out := smallMNIST(t, 40, 10), t.TempDir()
	if _, stderr, status := train(after(25), "-data", data, "-out", out, "-sets", "2", "-size", "20", "-epochs", "3", "-batch", "2"); status != interrupted {
		t.Fatalf("status %d: %s", status, stderr)
	}
	path := filepath.Join(out, modelName)
	n, good, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	if good["position"] != "set 1 epoch 3 digit 10" {
		t.Fatalf("the run stopped at %s", good["position"])
	}
	with := func(pairs ...string) string {
		t.Helper()
		entries := maps.Clone(good)
		for k := 0; k < len(pairs); k += 2 {
			entries[pairs[k]] = pairs[k+1]
			if pairs[k+1] == "-" {
				delete(entries, pairs[k])
			}
		}
		var file bytes.Buffer
		if err := model.Save(&file, n, entries); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "spoiled")
		if err := os.WriteFile(name, file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	cut := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(cut, []byte("cut"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, noFile := os.Open("nowhere")
	_, isFolder := os.ReadFile(data)
	for _, c := range []struct {
		want   string
		status int
		args   []string
	}{
		{"-seed is 2, want 1, as in the run that saved the file", failed, []string{"-resume", path, "-seed", "2"}},
		{"-rate is 0.0062, want 0.01", failed, []string{"-resume", path, "-rate", "0.0062"}},
		{"-dropout is 0, want 0.5", failed, []string{"-resume", path, "-dropout", "0"}},
		{"-sets is 1, want 2", failed, []string{"-resume", path, "-sets", "1"}},
		{"-sets is 5, want 2", failed, []string{"-resume", path, "-sets", "5"}}, // even though 5 is the default
		{"-size is 19, want 20", failed, []string{"-resume", path, "-size", "19"}},
		{"-epochs is 4, want 3", failed, []string{"-resume", path, "-epochs", "4"}},
		{"-batch is 1, want 2", failed, []string{"-resume", path, "-batch", "1"}},
		{"-schedule is constant, want linear, as in the run that saved the file", failed, []string{"-resume", path, "-schedule", "constant"}},
		{"-shuffle is true, want false", failed, []string{"-resume", path, "-shuffle"}},
		{"-augment is true, want false", failed, []string{"-resume", path, "-augment"}},
		{"found both -resume and -best", usage, []string{"-resume", path, "-best"}},
		{"found both -resume and -model", usage, []string{"-resume", path, "-model", path}},
		{"-resume nowhere: " + noFile.Error(), failed, []string{"-resume", "nowhere"}},
		{"the run would overwrite this file", failed, []string{"-model", path, "-sets", "1", "-size", "20"}},
		{"-model nowhere: " + noFile.Error(), failed, []string{"-model", "nowhere"}},
		{"offset 3: unexpected EOF", failed, []string{"-resume", cut}},
		{"offset 3: unexpected EOF", failed, []string{"-model", cut}},
		{isFolder.Error(), failed, []string{"-resume", data}},
		{"found no seed in its metadata, want a file saved by a run: start a new run from it with -model ", failed, []string{"-resume", with("seed", "-")}},
		{"found no position in its metadata", failed, []string{"-resume", with("position", "-")}},
		{"found no loss in its metadata", failed, []string{"-resume", with("loss", "-")}},
		{"found no digits in its metadata", failed, []string{"-resume", with("digits", "-")}},
		{`want "00000000", as in the run that saved the file: repeat its -full or -data`, failed, []string{"-resume", with("digits", "00000000")}},
		{fmt.Sprintf("want %q, as in the run that saved the file", good["digits"]), failed, []string{"-resume", path, "-data", otherDigits(t)}},
		{"metadata: -schedule is \"cosine\", want linear or constant", failed, []string{"-resume", with("schedule", "cosine")}},
		{`metadata seed: found "one", want an integer that isn't negative`, failed, []string{"-resume", with("seed", "one")}},
		{"metadata: -rate is -1, want", failed, []string{"-resume", with("rate", "-1")}},
		{"metadata: -batch is 0, want", failed, []string{"-resume", with("batch", "0")}},
		{"found only 40 training images", failed, []string{"-resume", with("size", "30")}},
		{`metadata position: found "set 3 epoch 1 digit 0", want a position between two steps of a run on 2 sets of 20 images, 3 epochs each`, failed, []string{"-resume", with("position", "set 3 epoch 1 digit 0")}},
		{"metadata position", failed, []string{"-resume", with("position", "set 0 epoch 1 digit 0")}},
		{"metadata position", failed, []string{"-resume", with("position", "set 1 epoch 0 digit 0")}},
		{"metadata position", failed, []string{"-resume", with("position", "set 1 epoch 4 digit 0")}},
		{"metadata position", failed, []string{"-resume", with("position", "set 1 epoch 1 digit -2")}},
		{"metadata position", failed, []string{"-resume", with("position", "set 1 epoch 1 digit 22")}},
		{"metadata position", failed, []string{"-resume", with("position", "set 1 epoch 1 digit 11")}}, // within a batch
		{"metadata position", failed, []string{"-resume", with("position", "set 1 epoch 1 digit 10 ")}},
		{"metadata position", failed, []string{"-resume", with("position", "set 1")}},
		{"metadata loss", failed, []string{"-resume", with("loss", "NaN")}},
		{"metadata loss", failed, []string{"-resume", with("loss", "+Inf")}},
		{"metadata loss", failed, []string{"-resume", with("loss", "-1")}},
		{"metadata loss", failed, []string{"-resume", with("loss", "")}},
		{"metadata correct", failed, []string{"-resume", with("correct", "11")}},
		{"metadata correct", failed, []string{"-resume", with("correct", "-1")}},
		{"metadata correct", failed, []string{"-resume", with("correct", "x")}},
	} {
		before := snapshot(t, out)
		stdout, stderr, status := train(context.Background(), append([]string{"-data", data, "-out", out}, c.args...)...)
		if status != c.status || stdout != "" || len(lines(stderr)) != 1 || !strings.HasPrefix(stderr, "train: ") || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: status %d, printed %q and %q, want %d and one line with %q", c.args, status, stdout, stderr, c.status, c.want)
		}
		if !maps.Equal(snapshot(t, out), before) {
			t.Errorf("%v: the folder has changed", c.args)
		}
	}

	// Flags that agree are fine, and so are those that don't change the bits.
	stdout, stderr, status := train(context.Background(), "-data", data, "-out", t.TempDir(), "-resume", path,
		"-seed", "1", "-rate", "1e-2", "-schedule", "linear", "-dropout", "0.50", "-sets", "2", "-size", "20", "-epochs", "3", "-batch", "2", "-workers", "2", "-quiet")
	if want := regexp.MustCompile(`^accuracy \d+\.\d\d% \(\d+/10\)\n$`); status != ok || !want.MatchString(stdout) {
		t.Errorf("status %d, printed %q and %q, want %d and one line", status, stdout, stderr, ok)
	}
	// So is a position after a last batch that is smaller than the others.
	end := with("batch", "3", "position", "set 1 epoch 3 digit 20")
	if _, stderr, status := train(context.Background(), "-quiet", "-data", data, "-out", t.TempDir(), "-resume", end); status != ok {
		t.Errorf("status %d, printed %q, want %d", status, stderr, ok)
	}
}

// Without -out, a resumed run writes to the folder of the file it resumes, but it overwrites no other
// model there.
func TestResumeOverwritesNoOtherModel(t *testing.T) {
	withoutPictures(t)
	data, out := smallMNIST(t, 40, 10), t.TempDir()
	model, run1 := filepath.Join(out, modelName), filepath.Join(out, "run1.safetensors")
	args := []string{"-quiet", "-data", data, "-sets", "1", "-size", "20", "-epochs", "2"}
	if _, stderr, status := train(after(5), append(args, "-out", out)...); status != interrupted {
		t.Fatalf("status %d: %s", status, stderr)
	}
	if err := os.Rename(model, run1); err != nil {
		t.Fatal(err)
	}
	resume := func(want int, args ...string) (stderr string) {
		t.Helper()
		_, stderr, status := train(context.Background(), append([]string{"-quiet", "-data", data, "-resume"}, args...)...)
		if status != want {
			t.Errorf("%v: status %d, want %d: %s", args, status, want, stderr)
		}
		return stderr
	}
	// With no other model there, it writes one.
	resume(ok, run1)
	first, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	// Now that there is one, it refuses, whatever is in it.
	for _, content := range [][]byte{first, []byte("another run's")} {
		if err := os.WriteFile(model, content, 0o644); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, out)
		want := fmt.Sprintf("train: -resume %s: the run would overwrite %s, which may be another run's: choose a folder with -out\n", run1, model)
		if stderr := resume(failed, run1); stderr != want {
			t.Errorf("printed %q, want %q", stderr, want)
		}
		if !maps.Equal(snapshot(t, out), before) {
			t.Error("the folder has changed")
		}
	}
	// With -out the folder is a choice, even if it's the same.
	elsewhere := t.TempDir()
	resume(ok, run1, "-out", elsewhere)
	resume(ok, run1, "-out", out)
	for _, folder := range []string{elsewhere, out} {
		if snapshot(t, folder)[modelName] != string(first) {
			t.Errorf("%s: another model", folder)
		}
	}
	// The file to resume may be the model under another name.
	resume(ok, model)
	if err := os.Remove(run1); err != nil {
		t.Fatal(err)
	}
	testenv.Symlink(t, modelName, run1)
	resume(ok, run1)
}

// Earlier versions saved some metadata under other names. A new run starts from such a file
// as from any other, but -resume refuses it and says so.
func TestFileWithOldNames(t *testing.T) {
	withoutPictures(t)
	n := convnet.New(77)
	old := map[string]string{
		"learned": "set 1 pass 1 digit 10", "loss": "23.1", "right": "1", "digits": "00000000",
		"seed": "1", "rate": "0.01", "dropout": "0.5", "sets": "1", "size": "20", "passes": "2", "batch": "1",
		"decay": "true", "shuffle": "false", "augment": "false",
	}
	save := func(entries map[string]string) string {
		t.Helper()
		var file bytes.Buffer
		if err := model.Save(&file, n, entries); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), modelName)
		if err := os.WriteFile(name, file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	file, data := save(old), smallMNIST(t, 40, 10)
	run := func(from string) *convnet.Network {
		t.Helper()
		out := t.TempDir()
		if _, stderr, status := train(context.Background(), "-data", data, "-out", out, "-sets", "1", "-size", "20", "-epochs", "1", "-model", from); status != ok {
			t.Fatalf("status %d: %s", status, stderr)
		}
		return loadModel(t, out)
	}
	if !slices.Equal(run(file).Parameters, run(save(nil)).Parameters) {
		t.Error("-model gives different parameters if the file has metadata")
	}

	// Even with a flag that disagrees with the run, the old names come first.
	for _, flags := range [][]string{nil, {"-epochs", "7"}} {
		out := t.TempDir()
		stdout, stderr, status := train(context.Background(), append([]string{"-data", data, "-out", out, "-resume", file}, flags...)...)
		want := fmt.Sprintf("train: -resume %s: found learned in its metadata, want position: an earlier version saved this file, so start a new run from it with -model %[1]s and another -out\n", file)
		if status != failed || stdout != "" || stderr != want || len(snapshot(t, out)) > 0 {
			t.Errorf("status %d, printed %q and %q, want %d and %q", status, stdout, stderr, failed, want)
		}
	}
	// Each of the old names alone is enough.
	for _, name := range [][2]string{{"learned", "position"}, {"right", "correct"}, {"passes", "epochs"}, {"decay", "schedule"}} {
		entries := map[string]string{name[0]: old[name[0]]}
		_, stderr, status := train(context.Background(), "-data", data, "-out", t.TempDir(), "-resume", save(entries))
		if want := fmt.Sprintf("found %s in its metadata, want %s: an earlier version", name[0], name[1]); status != failed || !strings.Contains(stderr, want) {
			t.Errorf("status %d, printed %q, want %d and %q", status, stderr, failed, want)
		}
	}
}
