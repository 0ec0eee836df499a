package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"convnet"
	"convnet/examples/internal/training"
	"convnet/examples/model"
)

// A countdown is a context that is done once it has been asked so many times.
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

// results returns the lines of passes and sets, without their speed.
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

// However often a run is stopped and resumed, it prints the same losses and ends
// with the same file as if it had never stopped.
func TestResumeGivesTheSameBits(t *testing.T) {
	data := smallMNIST(t, 40, 30)
	for _, c := range []struct {
		stops []int // after so many steps
		flags []string
	}{
		{[]int{6, 61, 117}, []string{"-batch", "1", "-decay=false"}},
		{[]int{4, 10, 22}, []string{"-batch", "3", "-workers", "2", "-seed", "7", "-dropout", "0.3", "-rate", "0.0123"}}, // 20 digits leave a smaller last batch
		{[]int{3, 8}, []string{"-batch", "7", "-shuffle", "-augment"}},
	} {
		if testing.Short() {
			c.stops = c.stops[len(c.stops)-1:] // every stop writes all files, and the race detector makes that slow
		}
		flags := append(c.flags, "-data", data, "-sets", "2", "-size", "20", "-passes", "3")
		whole := t.TempDir()
		wholeOut, stderr, status := train(context.Background(), append(flags, "-out", whole)...)
		if status != ok {
			t.Fatal(stderr)
		}
		for _, steps := range c.stops {
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
				args = []string{"-data", data, "-resume", filepath.Join(out, modelName)} // and into its folder
			}
			if len(places) == 0 {
				t.Errorf("%v: not stopped by %d steps", flags, steps)
			}
			if got, want := snapshot(t, out)[modelName], snapshot(t, whole)[modelName]; got != want {
				t.Errorf("%v: the file of a run that was stopped at %v differs from that of one that was not", flags, slices.Collect(maps.Keys(places)))
			}
			if got, want := results(stdout), results(wholeOut); !slices.Equal(got, want) {
				t.Errorf("%v, stopped after %d steps: printed\n%s\nwant\n%s", flags, steps, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// The pictures of a resumed run show what it has seen itself, in its place, and
// leave the picture of the first set to the run that drew it.
func TestResumedPictures(t *testing.T) {
	data, out := smallMNIST(t, 40, 30), t.TempDir()
	args := []string{"-data", data, "-out", out}
	if _, stderr, status := train(after(95), append(args, "-sets", "2", "-size", "20", "-passes", "3")...); status != interrupted {
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
	// A run that is over has nothing more to learn, or to show of it.
	stdout, stderr, status := train(context.Background(), append(args, "-resume", filepath.Join(out, modelName))...)
	if status != ok || strings.Contains(stdout, " pass ") || !strings.Contains(stdout, "set 2: ") {
		t.Errorf("status %d, printed %q and %q, want the test of set 2 alone", status, stdout, stderr)
	}
	if !maps.Equal(snapshot(t, out), files) {
		t.Error("a run that is over has changed its folder")
	}
	e := experiment{settings: &settings{Recipe: training.Recipe{Sets: 2, Size: 20, Passes: 3}}, begun: position{1, 2, 5}, losses: []float64{9, 8, 7}}
	if c := e.curve(6); !slices.Equal(c.X, []float64{2, 3, 4}) || !slices.Equal(c.Y, e.losses) {
		t.Errorf("after a start in pass 2 the curve is %v", c)
	}
	if c := e.curve(3); !slices.Equal(c.X, []float64{2, 3}) || !slices.Equal(c.Y, []float64{9, 8}) {
		t.Errorf("after a start in pass 2 the curve of the first set is %v", c)
	}
}

// A new run from the parameters of a file needs nothing else of it, and can be
// resumed without it.
func TestModelStartsANewRun(t *testing.T) {
	data, out := smallMNIST(t, 40, 30), t.TempDir()
	first := filepath.Join(t.TempDir(), "first")
	var file bytes.Buffer
	n := convnet.New(77)
	if err := model.Save(&file, n, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(first, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-data", data, "-out", out, "-sets", "1", "-size", "20", "-passes", "2", "-rate", "0.0062", "-decay=false"}
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
	trainer := training.New(n, 0.0062, 0.5, 1, 1)
	for range 2 {
		for digit := range slices.Chunk(digits[:20], 1) {
			trainer.Step(digit)
		}
	}
	if !slices.Equal(loadModel(t, out).Parameters, n.Parameters) {
		t.Error("the parameters are not those of a run from the file's")
	}
}

// otherDigits returns a folder in which one pixel of one training digit differs.
func otherDigits(t *testing.T) string {
	t.Helper()
	folder := smallMNIST(t, 40, 30)
	name := filepath.Join(folder, "train-images-idx3-ubyte")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[16+784*39+100]++
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}

// A file that no run can go on from, and a flag that disagrees with it, get one
// clear line, and the folder stays as it was.
func TestResumeRefuses(t *testing.T) {
	data, out := smallMNIST(t, 40, 30), t.TempDir()
	if _, stderr, status := train(after(25), "-data", data, "-out", out, "-sets", "2", "-size", "20", "-passes", "3", "-batch", "2"); status != interrupted {
		t.Fatalf("status %d: %s", status, stderr)
	}
	path := filepath.Join(out, modelName)
	n, good, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	if good["learned"] != "set 1 pass 3 digit 10" {
		t.Fatalf("the run stopped at %s", good["learned"])
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
		{"-seed is 2, want 1 as the run has it", failed, []string{"-resume", path, "-seed", "2"}},
		{"-rate is 0.0062, want 0.01", failed, []string{"-resume", path, "-rate", "0.0062"}},
		{"-dropout is 0, want 0.5", failed, []string{"-resume", path, "-dropout", "0"}},
		{"-sets is 1, want 2", failed, []string{"-resume", path, "-sets", "1"}},
		{"-sets is 5, want 2", failed, []string{"-resume", path, "-sets", "5"}}, // even what is usual
		{"-size is 19, want 20", failed, []string{"-resume", path, "-size", "19"}},
		{"-passes is 4, want 3", failed, []string{"-resume", path, "-passes", "4"}},
		{"-batch is 1, want 2", failed, []string{"-resume", path, "-batch", "1"}},
		{"-decay is false, want true", failed, []string{"-resume", path, "-decay=false"}},
		{"-shuffle is true, want false", failed, []string{"-resume", path, "-shuffle"}},
		{"-augment is true, want false", failed, []string{"-resume", path, "-augment"}},
		{"found both -resume and -best", usage, []string{"-resume", path, "-best"}},
		{"found both -resume and -model", usage, []string{"-resume", path, "-model", path}},
		{"-resume nowhere: " + noFile.Error(), failed, []string{"-resume", "nowhere"}},
		{"the run would write over it", failed, []string{"-model", path, "-sets", "1", "-size", "20"}},
		{"-model nowhere: " + noFile.Error(), failed, []string{"-model", "nowhere"}},
		{"offset 3: unexpected EOF", failed, []string{"-resume", cut}},
		{"offset 3: unexpected EOF", failed, []string{"-model", cut}},
		{isFolder.Error(), failed, []string{"-resume", data}},
		{"found no seed in its metadata, want a file that a run has left; -model", failed, []string{"-resume", with("seed", "-")}},
		{"found no learned in its metadata", failed, []string{"-resume", with("learned", "-")}},
		{"found no loss in its metadata", failed, []string{"-resume", with("loss", "-")}},
		{"found no digits in its metadata", failed, []string{"-resume", with("digits", "-")}},
		{"it has learned from other digits", failed, []string{"-resume", with("digits", "00000000")}},
		{"it has learned from other digits", failed, []string{"-resume", path, "-data", otherDigits(t)}},
		{`metadata seed: found "one": parse error`, failed, []string{"-resume", with("seed", "one")}},
		{"metadata: -rate is -1, want", failed, []string{"-resume", with("rate", "-1")}},
		{"metadata: -batch is 0, want", failed, []string{"-resume", with("batch", "0")}},
		{"there are only 40 digits", failed, []string{"-resume", with("size", "30")}},
		{`metadata learned: found "set 3 pass 1 digit 0", want a place where a run of 2 sets, 3 passes and 20 digits can stop`, failed, []string{"-resume", with("learned", "set 3 pass 1 digit 0")}},
		{"metadata learned", failed, []string{"-resume", with("learned", "set 0 pass 1 digit 0")}},
		{"metadata learned", failed, []string{"-resume", with("learned", "set 1 pass 0 digit 0")}},
		{"metadata learned", failed, []string{"-resume", with("learned", "set 1 pass 4 digit 0")}},
		{"metadata learned", failed, []string{"-resume", with("learned", "set 1 pass 1 digit -2")}},
		{"metadata learned", failed, []string{"-resume", with("learned", "set 1 pass 1 digit 22")}},
		{"metadata learned", failed, []string{"-resume", with("learned", "set 1 pass 1 digit 11")}}, // within a batch
		{"metadata learned", failed, []string{"-resume", with("learned", "set 1 pass 1 digit 10 ")}},
		{"metadata learned", failed, []string{"-resume", with("learned", "set 1")}},
		{"metadata loss", failed, []string{"-resume", with("loss", "NaN")}},
		{"metadata loss", failed, []string{"-resume", with("loss", "+Inf")}},
		{"metadata loss", failed, []string{"-resume", with("loss", "-1")}},
		{"metadata loss", failed, []string{"-resume", with("loss", "")}},
		{"metadata right", failed, []string{"-resume", with("right", "11")}},
		{"metadata right", failed, []string{"-resume", with("right", "-1")}},
		{"metadata right", failed, []string{"-resume", with("right", "x")}},
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

	// Flags that agree, and those that shape nothing, are welcome.
	stdout, stderr, status := train(context.Background(), "-data", data, "-out", t.TempDir(), "-resume", path,
		"-seed", "1", "-rate", "1e-2", "-decay=true", "-dropout", "0.50", "-sets", "2", "-size", "20", "-passes", "3", "-batch", "2", "-workers", "2", "-quiet")
	if want := regexp.MustCompile(`^accuracy \d+\.\d\d% \(\d+/30\)\n$`); status != ok || !want.MatchString(stdout) {
		t.Errorf("status %d, printed %q and %q, want %d and one line", status, stdout, stderr, ok)
	}
	// So is a stop behind a last batch that is smaller than the others.
	end := with("batch", "3", "learned", "set 1 pass 3 digit 20")
	if _, stderr, status := train(context.Background(), "-quiet", "-data", data, "-out", t.TempDir(), "-resume", end); status != ok {
		t.Errorf("status %d, printed %q, want %d", status, stderr, ok)
	}
}
