package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"convnet"
	"convnet/examples/internal/palette"
	"convnet/examples/internal/pixels"
	"convnet/examples/internal/testenv"
	"convnet/examples/internal/training"
	"convnet/examples/mnist"
	"convnet/examples/model"
)

const imageSize = convnet.ImageSide * convnet.ImageSide // pixels

// smallMNIST returns a folder with the first of the embedded digits, as plain IDX files.
func smallMNIST(t *testing.T, train, test int) string {
	t.Helper()
	folder := t.TempDir()
	for _, f := range []struct {
		name                string
		count, header, size int
	}{
		{"train-images-idx3-ubyte", train, 16, imageSize},
		{"train-labels-idx1-ubyte", train, 8, 1},
		{"t10k-images-idx3-ubyte", test, 16, imageSize},
		{"t10k-labels-idx1-ubyte", test, 8, 1},
	} {
		file, err := mnist.Files.Open(f.name + ".gz")
		if err != nil {
			t.Fatal(err)
		}
		unzipped, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, f.header+f.count*f.size)
		if _, err := io.ReadFull(unzipped, data); err != nil {
			t.Fatal(err)
		}
		binary.BigEndian.PutUint32(data[4:], uint32(f.count))
		if err := os.WriteFile(filepath.Join(folder, f.name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// train runs the program and returns what it printed and its exit status.
func train(ctx context.Context, args ...string) (stdout, stderr string, status int) {
	var out, errs bytes.Buffer
	status = run(ctx, args, &out, &errs)
	return out.String(), errs.String(), status
}

// withoutPictures has a test write no pictures, which would take most of its time.
func withoutPictures(t *testing.T) {
	all := pictures
	pictures = nil
	t.Cleanup(func() { pictures = all })
}

func lines(text string) []string {
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func last(text string) string {
	all := lines(text)
	return all[len(all)-1]
}

func loadModel(t *testing.T, folder string) *convnet.Network {
	t.Helper()
	file, err := os.Open(filepath.Join(folder, modelName))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	network, _, err := model.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return network
}

// snapshot returns the names and contents of the files of a folder.
func snapshot(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(data)
	}
	return files
}

func TestTrain(t *testing.T) {
	data, out := smallMNIST(t, 60, 20), filepath.Join(t.TempDir(), "new", "out")
	stdout, stderr, status := train(context.Background(), "-data", data, "-out", out, "-sets", "2", "-size", "30", "-epochs", "3", "-rate", "0.01", "-seed", "4")
	if status != ok || stderr != "" {
		t.Fatalf("status %d, standard error %q, want 0 and nothing", status, stderr)
	}

	// The last line is the test accuracy of the saved model.
	digits, test, err := convnet.ReadMNIST(os.DirFS(data))
	if err != nil {
		t.Fatal(err)
	}
	correct := loadModel(t, out).CountCorrect(test)
	if want := fmt.Sprintf("accuracy %.2f%% (%d/20)", 5*float64(correct), correct); last(stdout) != want {
		t.Errorf("the last line is %q, want %q", last(stdout), want)
	}

	// The lines before it say where the pictures are, and which to open first.
	end := lines(stdout)[len(lines(stdout))-3:]
	in := out + string(filepath.Separator)
	if want := "saved the model and its pictures in " + out + " ("; !strings.HasPrefix(end[0], want) {
		t.Errorf("printed %q, want %q", end[0], want)
	}
	if want := "look at " + in + "filters1.gif, " + in + "misclassified.png and " + in + "loss.svg"; end[1] != want {
		t.Errorf("printed %q, want %q", end[1], want)
	}

	// The run is the one the flags ask for, and a plain line per epoch says the mean loss and
	// the training accuracy.
	var want []string
	trainer := training.New(convnet.New(4), 0.5, 4, 1)
	for set := range 2 {
		for epoch := range 3 {
			sum, correct := 0.0, 0
			for digit := range slices.Chunk(digits[30*set:30*set+30], 1) {
				rate := 0.01 * (1 - float64(trainer.Seen)/180) // linear decay to 0
				loss, one := trainer.Step(digit, rate)
				sum, correct = sum+loss, correct+one
			}
			want = append(want, fmt.Sprintf("set %d epoch %d: loss %.4f, training accuracy %.1f", set+1, epoch+1, sum/30, float64(correct)/0.3))
		}
	}
	var got []string
	for _, line := range lines(stdout) {
		if before, speed, ok := strings.Cut(line, "%, "); ok {
			got = append(got, before)
			if !regexp.MustCompile(`^[1-9][0-9]* images/s$`).MatchString(speed) {
				t.Errorf("the line %q ends in %q, want the images per second", line, speed)
			}
		}
		if strings.ContainsAny(line, "\r\x1b") {
			t.Errorf("the line %q is not plain", line)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("printed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for k, p := range loadModel(t, out).Parameters {
		if p != trainer.Network.Parameters[k] {
			t.Fatalf("parameter %d is %v, want %v", k, p, trainer.Network.Parameters[k])
		}
	}
	checkPictures(t, out)
}

// The pictures are drawn from what the run records: the losses and the test accuracies, which it
// also prints, and the conv1 filters.
func TestRecorded(t *testing.T) {
	withoutPictures(t)
	s, err := parse([]string{"-data", smallMNIST(t, 40, 10), "-out", t.TempDir(), "-sets", "2", "-size", "20", "-epochs", "2"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	e, err := prepare(context.Background(), s, &stdout)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(e.losses) != 4 || len(e.accuracy) != 2 {
		t.Fatalf("recorded the losses %v and the accuracies %v, want 4 and 2", e.losses, e.accuracy)
	}
	if want := 10 + 3; len(e.filters) != want { // ten times in the first epoch, and at the start of the other three
		t.Errorf("recorded the filters %d times, want %d", len(e.filters), want)
	}
	for k, loss := range e.losses {
		if want := fmt.Sprintf("set %d epoch %d: loss %.4f,", k/2+1, k%2+1, loss); !strings.Contains(stdout.String(), want) {
			t.Errorf("printed\n%swant %q", stdout.String(), want)
		}
	}
	for k, accuracy := range e.accuracy {
		if want := fmt.Sprintf("set %d: test accuracy %.2f%%", k+1, 100*accuracy); !strings.Contains(stdout.String(), want) {
			t.Errorf("printed\n%swant %q", stdout.String(), want)
		}
	}
}

// checkPictures fails the test unless the folder holds the model and all pictures, each
// complete, and nothing else.
func checkPictures(t *testing.T, out string) {
	t.Helper()
	files := snapshot(t, out)
	if len(files) != len(pictures)+1 {
		t.Errorf("the folder holds %d files, want %d pictures and the model", len(files), len(pictures))
	}
	for _, p := range pictures {
		content := files[p.name]
		var err error
		switch filepath.Ext(p.name) {
		case ".png":
			_, err = png.Decode(strings.NewReader(content))
		case ".gif":
			_, err = gif.DecodeAll(strings.NewReader(content))
		case ".svg":
			if !strings.HasPrefix(content, "<svg") || !strings.HasSuffix(content, "</svg>\n") {
				err = errors.New("not a complete SVG")
			}
		}
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
}

// The saved bits are the same on any number of cores.
func TestCoresChangeNothing(t *testing.T) {
	withoutPictures(t)
	data := smallMNIST(t, 30, 10)
	save := func(batch string, cores int, workers string) string {
		out := t.TempDir()
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		_, stderr, status := train(context.Background(), "-data", data, "-out", out, "-sets", "1", "-size", "30", "-epochs", "1", "-batch", batch, "-workers", workers)
		if status != ok {
			t.Fatal(stderr)
		}
		return snapshot(t, out)[modelName]
	}
	for _, batch := range []string{"1", "4"} {
		want := save(batch, 1, "1")
		for _, cores := range []int{1, 2, 8} {
			for _, workers := range []string{"1", "2", "8"} {
				if save(batch, cores, workers) != want {
					t.Errorf("batch %s: a different file with GOMAXPROCS=%d and %s workers", batch, cores, workers)
				}
			}
		}
	}
}

func TestQuietPrintsTheLastLineOnly(t *testing.T) {
	stdout, _, status := train(context.Background(), "-quiet", "-data", smallMNIST(t, 5, 5), "-out", t.TempDir(), "-sets", "1", "-size", "5", "-epochs", "1")
	if status != ok || len(lines(stdout)) != 1 || !strings.HasPrefix(stdout, "accuracy ") {
		t.Errorf("status %d, printed %q, want one line", status, stdout)
	}
}

// The program names only pictures that are there.
func TestWorthOpening(t *testing.T) {
	p := progress{settings: &settings{}}
	for _, c := range []struct {
		there []string
		want  string // after the folder's name
	}{
		{nil, ""},
		{[]string{"loss.svg"}, "look at loss.svg\n"},
		{[]string{"misclassified.png", "confusion.svg", "loss.svg"}, "look at misclassified.png and loss.svg\n"},
	} {
		out := t.TempDir()
		for _, name := range c.there {
			if err := os.WriteFile(filepath.Join(out, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var stdout bytes.Buffer
		p.w = &stdout
		if err := p.afterRun(out, 3, 4); err != nil {
			t.Fatal(err)
		}
		first, rest, _ := strings.Cut(stdout.String(), "\n")
		rest = strings.ReplaceAll(rest, out+string(filepath.Separator), "")
		if want := c.want + "accuracy 75.00% (3/4)\n"; rest != want {
			t.Errorf("with %q: printed %q and %q, want %q at the end", c.there, first, rest, want)
		}
	}
}

func TestHelpExplainsEachFlagInOneLine(t *testing.T) {
	stdout, _, status := train(context.Background(), "-h")
	if status != ok {
		t.Errorf("status %d, want 0", status)
	}
	for _, flag := range []string{"seed", "rate", "dropout", "sets", "size", "epochs", "batch", "schedule", "shuffle", "augment", "best", "workers", "full", "data", "out", "resume", "model", "quiet"} {
		count := 0
		for _, line := range lines(stdout) {
			if strings.HasPrefix(line, "  -"+flag+" ") {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%d lines explain -%s, want 1", count, flag)
		}
	}
	for _, line := range lines(stdout) {
		if len([]rune(line)) > 79 {
			t.Errorf("%q is wider than a terminal", line)
		}
	}
	if !strings.Contains(stdout, " (default all)\n") {
		t.Errorf("printed\n%s\nwant the default of -workers, which is the same on every machine", stdout)
	}
	if got := len(lines(stdout)); got != 1+1+1+1+18 {
		t.Errorf("%d lines, want a sentence, the usage and 18 flags, with blank lines between them", got)
	}
}

// Bad input gets one clear line and a status other than 0, and the folder stays as it was.
func TestBadInput(t *testing.T) {
	good := smallMNIST(t, 20, 10)
	spoil := func(name string, spoil func(data []byte) []byte) string {
		folder := smallMNIST(t, 20, 10)
		path := filepath.Join(folder, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, spoil(data), 0o644); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	missing := smallMNIST(t, 20, 10)
	if err := os.Remove(filepath.Join(missing, "t10k-labels-idx1-ubyte")); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(good, "nowhere")
	_, noFolder := os.Stat(nowhere)
	for _, c := range []struct {
		want   string
		status int
		args   []string
	}{
		{"-rate is 0, want a finite number above 0", usage, []string{"-rate", "0"}},
		{"-rate is -1, want", usage, []string{"-rate", "-1"}},
		{"-rate is NaN, want", usage, []string{"-rate", "NaN"}},
		{"-rate is +Inf, want", usage, []string{"-rate", "Inf"}},
		{`-rate is "fast", want a number`, usage, []string{"-rate", "fast"}},
		{"-dropout is 1, want", usage, []string{"-dropout", "1"}},
		{"-dropout is -0.5, want", usage, []string{"-dropout", "-0.5"}},
		{"-dropout is NaN, want", usage, []string{"-dropout", "NaN"}},
		{"-sets is 0, want 1 or more", usage, []string{"-sets", "0"}},
		{"-size is -3, want 1 or more", usage, []string{"-size", "-3"}},
		{"-epochs is 0, want 1 or more", usage, []string{"-epochs", "0"}},
		{"-batch is 0, want 1 or more", usage, []string{"-batch", "0"}},
		{"-workers is -1, want 1 or more", usage, []string{"-workers", "-1"}},
		{"found both -full and -data, want only one of them", usage, []string{"-full"}},
		{"-out is empty", usage, []string{"-out", ""}},
		{"-data is empty", usage, []string{"-data", ""}},
		{"-model is empty", usage, []string{"-model", ""}},
		{"-resume is empty", usage, []string{"-resume", ""}},
		{fmt.Sprintf("-epochs is %d, want at most %d", math.MaxInt/20+1, math.MaxInt/20), failed, []string{"-sets", "2", "-size", "10", "-epochs", strconv.Itoa(math.MaxInt/20 + 1)}},
		{`-schedule is "cosine", want linear or constant`, usage, []string{"-schedule", "cosine"}},
		{`-schedule is "Linear", want linear or constant`, usage, []string{"-schedule", "Linear"}},
		{`-schedule is "", want linear or constant`, usage, []string{"-schedule", ""}},
		{"unknown flag -wrong (-h lists the flags)", usage, []string{"-wrong"}},
		{"-passes", usage, []string{"-passes", "3"}},
		{"-decay", usage, []string{"-decay=false"}},
		{`found the argument "more", want only flags (-h lists them)`, usage, []string{"more"}},
		{"-sets is 3 and -size is 7: found only 20 training images", failed, []string{"-sets", "3", "-size", "7"}},
		{"found only 20 training images", failed, []string{"-sets", strconv.Itoa(math.MaxInt/2 + 1), "-size", "4"}}, // the product overflows
		{noFolder.Error(), failed, []string{"-data", nowhere}},
		{"is a file, want the folder with the four MNIST files", failed, []string{"-data", filepath.Join(good, "t10k-labels-idx1-ubyte")}},
		{"found neither train-images-idx3-ubyte nor", failed, []string{"-data", t.TempDir()}},
		{"found neither t10k-labels-idx1-ubyte nor", failed, []string{"-data", missing}},
		{"t10k-images-idx3-ubyte: offset 7855: the file ends", failed, []string{"-data", spoil("t10k-images-idx3-ubyte", func(d []byte) []byte { return d[:len(d)-1] })}},
		{"holds 20 images", failed, []string{"-data", spoil("train-labels-idx1-ubyte", func(d []byte) []byte { d[7] = 19; return d[:8+19] })}},
		{"label is 10, want 0 to 9", failed, []string{"-data", spoil("train-labels-idx1-ubyte", func(d []byte) []byte { d[8] = 10; return d })}},
		{"found 20 training images and 0 test images", failed, []string{"-data", smallMNIST(t, 20, 0)}},
		{"found 0 training images and 10 test images", failed, []string{"-data", smallMNIST(t, 0, 10), "-best"}},
	} {
		out := t.TempDir()
		if err := os.WriteFile(filepath.Join(out, modelName), []byte("precious"), 0o644); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, out)
		args := append([]string{"-data", good, "-out", out, "-sets", "1", "-size", "10", "-epochs", "1"}, c.args...)
		stdout, stderr, status := train(context.Background(), args...)
		if status != c.status || stdout != "" || len(lines(stderr)) != 1 || !strings.HasPrefix(stderr, "train: ") || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: status %d, printed %q and %q, want %d and one line with %q", c.args, status, stdout, stderr, c.status, c.want)
		}
		if after := snapshot(t, out); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%v: the folder holds %d files, want it as it was", c.args, len(after))
		}
	}
}

// A folder that can't be written to is an error before training, which would print a line.
func TestFolderThatCannotBeWritten(t *testing.T) {
	data, folder := smallMNIST(t, 10, 10), t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	inTheWay := filepath.Join(folder, "taken")
	if err := os.MkdirAll(filepath.Join(inTheWay, modelName), 0o755); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(file, "below")
	notFolder, notBelow := os.MkdirAll(file, 0o755), os.MkdirAll(below, 0o755)
	for out, want := range map[string]string{
		file:     notFolder.Error(),
		below:    notBelow.Error(),
		inTheWay: "is in the way",
	} {
		stdout, stderr, status := train(context.Background(), "-data", data, "-out", out, "-sets", "1", "-size", "10", "-epochs", "1")
		if status != failed || stdout != "" || len(lines(stderr)) != 1 || !strings.Contains(stderr, want) {
			t.Errorf("-out %s: status %d, printed %q and %q, want %d and one line with %q", out, status, stdout, stderr, failed, want)
		}
	}
}

// A model or a picture that can't be saved is an error before training. Here both are symbolic links: one
// to a folder, one to nothing.
func TestSaveThatWouldFail(t *testing.T) {
	data := smallMNIST(t, 10, 10)
	for _, name := range []string{modelName, "confusion.svg"} {
		for target, want := range map[string]string{
			t.TempDir():                            "is in the way",
			filepath.Join(t.TempDir(), "no", "it"): "is a symbolic link that leads nowhere",
		} {
			out := t.TempDir()
			testenv.Symlink(t, target, filepath.Join(out, name))
			stdout, stderr, status := train(context.Background(), "-data", data, "-out", out, "-sets", "1", "-size", "10", "-epochs", "1")
			if status != failed || stdout != "" || len(lines(stderr)) != 1 || !strings.Contains(stderr, filepath.Join(out, name)) || !strings.Contains(stderr, want) || !strings.Contains(stderr, "-out") {
				t.Errorf("%s: status %d, printed %q and %q, want %d and one line with %q", name, status, stdout, stderr, failed, want)
			}
			if entries, err := os.ReadDir(out); err != nil || len(entries) != 1 {
				t.Errorf("%s: the folder holds %v (%v), want only the link", name, entries, err)
			}
		}
	}
}

// A model that is a symbolic link stays one, and the run saves to the file it points to.
func TestModelIsASymbolicLink(t *testing.T) {
	withoutPictures(t)
	out, file := t.TempDir(), filepath.Join(t.TempDir(), "run1.safetensors")
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	testenv.Symlink(t, file, filepath.Join(out, modelName))
	if _, stderr, status := train(context.Background(), "-data", smallMNIST(t, 10, 10), "-out", out, "-sets", "1", "-size", "10", "-epochs", "1"); status != ok {
		t.Fatalf("status %d: %s", status, stderr)
	}
	if _, _, err := load(file); err != nil {
		t.Errorf("the file: %v, want the model", err)
	}
	if !isLink(filepath.Join(out, modelName)) {
		t.Error("the link is gone")
	}
}

// If the learning rate is so high that the loss overflows, the run stops, says where, and
// leaves the model that was there.
func TestLossOverflows(t *testing.T) {
	data, out := smallMNIST(t, 20, 10), t.TempDir()
	args := []string{"-data", data, "-out", out, "-sets", "2", "-size", "10", "-epochs", "2"}
	if _, stderr, status := train(context.Background(), args...); status != ok {
		t.Fatalf("status %d: %s", status, stderr)
	}
	before := snapshot(t, out)
	_, stderr, status := train(context.Background(), append(args, "-rate", "1e200")...)
	if want := regexp.MustCompile(`^train: set 1 epoch 1 digit \d+: training diverged: the loss is NaN, want a finite number: try a lower -rate \(the run stopped in its first epoch, so no model was saved\)\n$`); status != failed || !want.MatchString(stderr) {
		t.Errorf("status %d, printed %q, want %d and a line like %v", status, stderr, failed, want)
	}
	// Each loss may be finite, but not their sum.
	_, stderr, status = train(context.Background(), append(args, "-sets", "1", "-size", "20", "-rate", "1e307", "-schedule", "constant", "-dropout", "0.9999999")...)
	if want := regexp.MustCompile(`^train: set 1 epoch 1 digit \d+: training diverged: the loss is \+Inf, want a finite number: try a lower -rate \(the run stopped in its first epoch, so no model was saved\)\n$`); status != failed || !want.MatchString(stderr) {
		t.Errorf("status %d, printed %q, want %d and a line like %v", status, stderr, failed, want)
	}
	if after := snapshot(t, out); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("the folder has changed")
	}
}

// afterOneEpoch returns a small experiment that has trained for one epoch.
func afterOneEpoch(t *testing.T) *experiment {
	t.Helper()
	s, err := parse([]string{"-rate", "0.01", "-sets", "1", "-size", "20", "-epochs", "3", "-data", smallMNIST(t, 20, 10), "-out", t.TempDir()}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	e, err := prepare(context.Background(), s, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.takeSteps(after(20)); err != errInterrupted {
		t.Fatal(err)
	}
	e.begun = e.at
	return e
}

// However long the run, the animation of the filters stays short: the filters at the start of up
// to 25 epochs, those of the first epoch in between, and those at the end.
func TestFramesAreFew(t *testing.T) {
	digits := make([]convnet.Digit, 40)
	for _, c := range []struct {
		recipe training.Recipe
		want   int
	}{
		{training.Recipe{Sets: 1, Size: 3, Epochs: 1, Batch: 1}, 3},
		{training.Recipe{Sets: 1, Size: 3, Epochs: 25, Batch: 1}, 3 - 1 + 25},
		{training.Recipe{Sets: 1, Size: 3, Epochs: 26, Batch: 1}, 3 - 1 + 13},
		{training.Recipe{Sets: 1, Size: 3, Epochs: 70, Batch: 1}, 3 - 1 + 24},
		{training.Recipe{Sets: 2, Size: 20, Epochs: 1, Batch: 1}, 10 + 1},
		{training.Recipe{Sets: 1, Size: 40, Epochs: 2, Batch: 3}, 10 + 1},
		{training.Recipe{Sets: 1, Size: 40, Epochs: 2, Batch: 8}, 5 + 1},
	} {
		e := experiment{settings: &settings{Recipe: c.recipe}, begun: training.Start, trainer: &training.Trainer{Network: convnet.New(1)}}
		for step := range e.Steps(digits, 1, training.Start) {
			e.recordFilters(step)
			if step.End.Digit == e.Size {
				e.losses = append(e.losses, 0)
			}
		}
		if len(e.filters) != c.want {
			t.Errorf("%+v: recorded %d times, want %d", c.recipe, len(e.filters), c.want)
		}
		for k, m := range e.filters {
			if k == 0 && m.at != training.Start || k > 0 && e.Seen(m.at) <= e.Seen(e.filters[k-1].at) {
				t.Errorf("%+v: the filters %d are those at %v", c.recipe, k, m.at)
			}
		}
		var file bytes.Buffer
		if err := drawLearning(&e, &file); err != nil {
			t.Fatal(err)
		}
		animation, err := gif.DecodeAll(&file)
		if err != nil || len(animation.Image) != c.want+1 {
			t.Errorf("%+v: drew %d frames (%v), want %d", c.recipe, len(animation.Image), err, c.want+1)
		}
	}
}

// The animation shows the filters as they were, all with the same color scale.
func TestAnimation(t *testing.T) {
	n := convnet.NewGradient()
	e := experiment{settings: &settings{Recipe: training.Recipe{Sets: 1, Size: 10, Epochs: 1, Batch: 1}}, begun: training.Start, at: training.Position{Set: 1, Epoch: 1, Digit: 10}, trainer: &training.Trainer{Network: n}}
	n.Filters1[0][0] = -2
	for step := range e.Steps(make([]convnet.Digit, 10), 1, training.Start) {
		e.recordFilters(step)
		n.Filters1[0][0] = 1
	}
	var file bytes.Buffer
	if err := drawLearning(&e, &file); err != nil {
		t.Fatal(err)
	}
	animation, err := gif.DecodeAll(&file)
	if err != nil {
		t.Fatal(err)
	}
	x, y := pixels.Margin+3, pixels.Head+pixels.LineHeight+3
	for frame, want := range map[int]color.RGBA{0: mix(palette.Zero, palette.Negative, 1), 1: mix(palette.Zero, palette.Positive, 0.5)} {
		found := color.RGBAModel.Convert(animation.Image[frame].At(x, y)).(color.RGBA)
		for k, apart := range []int{int(found.R) - int(want.R), int(found.G) - int(want.G), int(found.B) - int(want.B)} {
			if max(apart, -apart) > 8 { // an animation has few shades
				t.Errorf("frame %d: the color is %v, want about %v (channel %d)", frame, found, want, k)
			}
		}
	}
}

// A sheet has the first of the misclassified digits, and says of how many.
func TestMisclassified(t *testing.T) {
	var e experiment
	var mistakes []pixels.Mistake
	for k := range 140 {
		digit := convnet.Digit{Image: convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide), Label: k % 7}
		digit.Image[k/convnet.ImageSide+5][k%convnet.ImageSide] = 1
		prediction := digit.Label + k%2*3
		if k%2 == 1 {
			mistakes = append(mistakes, pixels.Mistake{Image: digit.Image, Label: digit.Label, Prediction: prediction})
		}
		e.test, e.predictions = append(e.test, digit), append(e.predictions, prediction)
	}
	check := func(title string, mistakes []pixels.Mistake) {
		t.Helper()
		var found, want bytes.Buffer
		if err := drawMisclassified(&e, &found); err != nil {
			t.Fatal(err)
		}
		if err := pixels.WritePNG(&want, pixels.Mistakes(title, mistakes)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(found.Bytes(), want.Bytes()) {
			t.Errorf("%s: another picture", title)
		}
	}
	check("Misclassified test digits: the first 60 of 70", mistakes[:60])
	e.test, e.predictions = e.test[:120], e.predictions[:120]
	check("The 60 misclassified test digits", mistakes[:60])
}

// Each filter and each feature map is drawn in its place, whatever their number and size.
func TestPicturesOfFilters(t *testing.T) {
	e := afterOneEpoch(t)
	n, activations := e.trainer.Network, convnet.NewActivations()
	n.Predict(activations, e.test[0].Image)
	filters1, filters2 := len(n.Filters1), len(n.Filters2)
	side := convnet.ImageSide - len(activations.Conv1[0]) + 1 // of a kernel
	kernel := func(filter []float64, channel int) [][]float64 {
		m := convnet.NewMatrix(side, side)
		for i := range side * side {
			m[i/side][i%side] = filter[channel*side*side+i]
		}
		return m
	}
	var conv1, conv2 [][][]float64 // in reading order
	for _, filter := range n.Filters1 {
		conv1 = append(conv1, kernel(filter, 0))
	}
	for channel := range filters1 {
		for _, filter := range n.Filters2 {
			conv2 = append(conv2, kernel(filter, channel))
		}
	}
	const label = pixels.LineHeight
	numbers := pixels.Width("channel") + pixels.Gap + pixels.Width(fmt.Sprint(filters1-1)) + 8
	digit := 4*convnet.ImageSide + 2*pixels.Gap
	for name, want := range map[string]struct {
		draw                      func(e *experiment, w io.Writer) error
		tiles                     [][][]float64
		columns, scale, gap, left int
		labels                    bool
	}{
		"filters1.png":     {drawFilters1, conv1, columns(filters1), 20, pixels.Gap, 0, true},
		"filters2.png":     {drawFilters2, conv2, filters2, 6, 6, numbers, false},
		"feature-maps.png": {drawFeatureMaps, activations.Conv1, columns(filters1), 4, pixels.Gap, digit, true},
	} {
		var file bytes.Buffer
		if err := want.draw(e, &file); err != nil {
			t.Fatal(err)
		}
		sheet, err := png.Decode(&file)
		if err != nil {
			t.Fatal(err)
		}
		limit := pixels.Limit(want.tiles...)
		across := len(want.tiles[0])*want.scale + want.gap
		down := across
		if want.labels {
			down += label
		}
		for k, tile := range want.tiles {
			for y, row := range tile {
				for x, v := range row {
					px := pixels.Margin + want.left + k%want.columns*across + x*want.scale
					py := pixels.Head + label + k/want.columns*down + y*want.scale
					full := palette.Positive
					if v < 0 {
						full = palette.Negative
					}
					if wanted := mix(palette.Zero, full, math.Abs(v)/limit); !alike(sheet.At(px, py), wanted) {
						t.Fatalf("%s: the color of tile %d at (%d, %d) is %v, want %v", name, k, x, y, sheet.At(px, py), wanted)
					}
				}
			}
		}
		if want.left != digit {
			continue
		}
		rows := (len(want.tiles) + want.columns - 1) / want.columns
		height := label + 4*convnet.ImageSide
		top := pixels.Head + max(0, rows*down-want.gap-height)/2 + label
		for y, row := range e.test[0].Image {
			for x, v := range row {
				if found, wanted := sheet.At(pixels.Margin+4*x, top+4*y), mix(palette.Paper, palette.Ink, v); !alike(found, wanted) {
					t.Fatalf("%s: the color of the digit at (%d, %d) is %v, want %v", name, x, y, found, wanted)
				}
			}
		}
	}
}

// mix returns a mixture of two colors.
func mix(from, to string, part float64) color.RGBA {
	a, b := palette.RGB(from), palette.RGB(to)
	between := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + part*(float64(b)-float64(a)))) }
	return color.RGBA{between(a.R, b.R), between(a.G, b.G), between(a.B, b.B), 0xff}
}

// alike reports whether two colors are the same, apart from rounding to one of a palette.
func alike(a color.Color, b color.RGBA) bool {
	c := color.RGBAModel.Convert(a).(color.RGBA)
	near := func(a, b uint8) bool { return math.Abs(float64(a)-float64(b)) <= 3 }
	return near(c.R, b.R) && near(c.G, b.G) && near(c.B, b.B) && c.A == b.A
}

// Epochs are counted through all sets.
func TestAfter(t *testing.T) {
	e := experiment{settings: &settings{Recipe: training.Recipe{Sets: 2, Size: 20, Epochs: 10, Batch: 1}}}
	for want, at := range map[string]training.Position{
		"after 0 epochs":    training.Start,
		"after 0.1 epochs":  {Set: 1, Epoch: 1, Digit: 2},
		"after 0.2 epochs":  {Set: 1, Epoch: 1, Digit: 3}, // rounded
		"after 1 epoch":     {Set: 1, Epoch: 1, Digit: 20},
		"after 12 epochs":   {Set: 2, Epoch: 3},
		"after 12.5 epochs": {Set: 2, Epoch: 3, Digit: 10},
		"after 20 epochs":   {Set: 2, Epoch: 10, Digit: 20},
	} {
		if got := e.after(at); got != want {
			t.Errorf("%v: %s, want %s", at, got, want)
		}
	}
}

// A run that fails after a complete epoch keeps the model of that epoch.
func TestLastGoodModelIsKept(t *testing.T) {
	e := afterOneEpoch(t)
	want := convnet.NewGradient()
	copy(want.Parameters, e.trainer.Network.Parameters)
	e.Rate = 1e200
	err := e.run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "set 1 epoch 2 digit") || !strings.Contains(err.Error(), "holds the model after the last complete epoch") {
		t.Errorf("error %v, want one that names the epoch and the file", err)
	}
	for k, p := range loadModel(t, e.out).Parameters {
		if p != want.Parameters[k] {
			t.Fatalf("parameter %d is %v, want %v", k, p, want.Parameters[k])
		}
	}
}

// A cancelWriter cancels when a certain text is written to it.
type cancelWriter struct {
	bytes.Buffer
	text   string
	cancel func()
}

func (w *cancelWriter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.text)) {
		w.cancel()
	}
	return w.Buffer.Write(p)
}

// An interruption stops the run at the next step, and keeps the model and pictures so far.
func TestInterruption(t *testing.T) {
	data := smallMNIST(t, 40, 10)
	for text, want := range map[string]string{
		"set 1 epoch 1:": "interrupted at set 1 epoch 2 digit 0",
		"set 2 epoch 1:": "interrupted at set 2 epoch 2 digit 0",
		"set 2 epoch 2:": "interrupted at set 2 epoch 2 digit 20", // during the test
	} {
		out := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		stdout := &cancelWriter{text: text, cancel: cancel}
		var stderr bytes.Buffer
		want += ": continue with -resume " + filepath.Join(out, modelName)
		status := run(ctx, []string{"-data", data, "-out", out, "-sets", "2", "-size", "20", "-epochs", "2"}, stdout, &stderr)
		cancel()
		if status != interrupted || last(stdout.String()) != want || stderr.Len() > 0 {
			t.Errorf("after %q: status %d, printed %q and %q, want %d and at the end %q", text, status, stdout.String(), stderr.String(), interrupted, want)
		}
		loadModel(t, out)
		checkPictures(t, out)
	}
}

// An interruption before the first step leaves the folder as it was.
func TestInterruptionBeforeTheFirstStep(t *testing.T) {
	data, out := smallMNIST(t, 10, 10), t.TempDir()
	if err := os.WriteFile(filepath.Join(out, modelName), []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, out)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	stdout, _, status := train(ctx, "-data", data, "-out", out, "-sets", "1", "-size", "10", "-epochs", "1")
	if want := "interrupted at set 1 epoch 1 digit 0, with nothing new to save"; status != interrupted || last(stdout) != want {
		t.Errorf("status %d, printed %q, want %d and %q", status, stdout, interrupted, want)
	}
	if after := snapshot(t, out); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("the folder has changed")
	}
}

// A run that is interrupted when a parameter is already NaN keeps the last good model.
func TestInterruptionWithNaN(t *testing.T) {
	e := afterOneEpoch(t)
	want := e.trainer.Network.Parameters[0]
	e.trainer.Network.Parameters[3] = math.NaN()
	e.at.Digit++
	if err := e.stop(errInterrupted); err == nil || !strings.Contains(err.Error(), "holds the model after the last complete epoch") {
		t.Errorf("error %v, want one that names the file", err)
	}
	if got := loadModel(t, e.out).Parameters[0]; got != want {
		t.Errorf("parameter 0 is %v, want %v", got, want)
	}
}

// A failingWriter fails when the last line is written to it.
type failingWriter struct{}

func (failingWriter) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("accuracy")) {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

func TestLastLineThatCannotBeWritten(t *testing.T) {
	withoutPictures(t)
	var stderr bytes.Buffer
	status := run(context.Background(), []string{"-data", smallMNIST(t, 5, 5), "-out", t.TempDir(), "-sets", "1", "-size", "5", "-epochs", "1"}, failingWriter{}, &stderr)
	if status != failed || stderr.String() != "train: no space left\n" {
		t.Errorf("status %d, printed %q, want %d and the reason", status, stderr.String(), failed)
	}
}

// A screen is a terminal that understands the escape sequences of the live line, and nothing else.
type screen struct {
	t       *testing.T
	rows    [][]rune
	y, x    int
	columns int
	wrap    bool
	wrapped int // how often a line was too long
}

func newScreen(t *testing.T, columns int) *screen {
	return &screen{t: t, rows: make([][]rune, 1), columns: columns, wrap: true}
}

func (s *screen) Write(p []byte) (int, error) {
	for text := string(p); text != ""; {
		if name, ok := strings.CutPrefix(text, eraseBelow); ok {
			s.rows[s.y] = s.rows[s.y][:min(s.x, len(s.rows[s.y]))]
			s.rows, text = s.rows[:s.y+1], name
			continue
		}
		if name, ok := strings.CutPrefix(text, wrapOff); ok {
			s.wrap, text = false, name
			continue
		}
		if name, ok := strings.CutPrefix(text, wrapOn); ok {
			s.wrap, text = true, name
			continue
		}
		s.put(rune(text[0]))
		text = text[1:]
	}
	if !s.wrap {
		s.t.Error("a write leaves wrapping off")
	}
	return len(p), nil
}

func (s *screen) put(c rune) {
	switch {
	case c == '\r':
		s.x = 0
		return
	case c == '\n': // a terminal's driver adds \r
		s.rows = append(s.rows, nil)
		s.y, s.x = s.y+1, 0
		return
	case c < ' ' || c > '~':
		s.t.Errorf("found the character %q, want ASCII in a single column", c)
	}
	if s.x >= s.columns {
		if s.wrap {
			s.put('\n')
			s.wrapped++
		} else {
			s.x = s.columns - 1
		}
	}
	for len(s.rows[s.y]) <= s.x {
		s.rows[s.y] = append(s.rows[s.y], ' ')
	}
	s.rows[s.y][s.x] = c
	s.x++
}

// resize changes the width. If it's less than before, a line that's now too long is broken into several,
// and the cursor stays at its start.
func (s *screen) resize(columns int) {
	var rows [][]rune
	y := 0
	for k, row := range s.rows {
		if k == s.y {
			y = len(rows)
		}
		for len(row) > columns {
			rows, row = append(rows, row[:columns:columns]), row[columns:]
		}
		rows = append(rows, row)
	}
	s.rows, s.y, s.columns = rows, y, columns
}

func (s *screen) text() string {
	var lines []string
	for _, row := range s.rows {
		lines = append(lines, strings.TrimRight(string(row), " "))
	}
	return strings.Join(lines, "\n")
}

// The live line takes a single line of a terminal, whatever its width, even if that changes.
func TestLiveLine(t *testing.T) {
	if newProgress(new(bytes.Buffer), &settings{}).live {
		t.Error("a buffer counts as a terminal")
	}
	s := newScreen(t, 100)
	p := newProgress(s, &settings{Recipe: training.Recipe{Sets: 5, Size: 1_000_000, Epochs: 10}})
	p.live, p.escapes = true, true
	p.beforeRun(training.Start)
	p.begin = p.begin.Add(-time.Hour)
	p.epochBegin = time.Now().Add(-1000 * time.Hour) // so that no delay changes the speed of 834 images in an hour
	update := func() {
		p.last = time.Time{}
		p.afterStep(training.Position{Set: 2, Epoch: 10, Digit: 834_000}, 12.1234, 834_000)
	}
	update()
	const line = "set 2/5 epoch 10/10 [####.] loss 12.123 acc 100.0% 0 images/s 91:32 left"
	if !strings.HasPrefix(s.text(), line[:60]) || !strings.HasSuffix(s.text(), " left") {
		t.Errorf("the live line is %q, want one like %q", s.text(), line)
	}
	if s.x != 0 || s.y != 0 {
		t.Errorf("the cursor is at (%d, %d), want it at the start of the line", s.x, s.y)
	}
	for _, columns := range []int{60, 40, 20, 80, 41, 200} {
		s.resize(columns)
		update()
		if want := line[:min(60, columns-1)]; !strings.HasPrefix(s.text(), want) || strings.Contains(s.text(), "\n") {
			t.Errorf("%d columns: the screen shows %q, want one line that begins with %q", columns, s.text(), want)
		}
	}
	// Lines that stay replace it.
	p.afterSet(training.Position{Set: 2, Epoch: 10, Digit: 1000}, 9713, 10000)
	update()
	p.over("")
	if want := "set 2: test accuracy 97.13% (9713/10000)\n"; s.text() != want {
		t.Errorf("after a set, the screen shows %q, want %q", s.text(), want)
	}
	// Large numbers don't make the line wrap, nor do the other live lines.
	s.resize(60)
	p.Sets, p.Epochs, p.Size = 1e9, 1e9, 1000
	p.last = time.Time{}
	p.afterStep(training.Position{Set: 1e8, Epoch: 1e8, Digit: 834}, 1e300, 834)
	if want := "set 100000000/1000000000 epoch 100000000/1000000000 [####.]"; !strings.HasPrefix(strings.Split(s.text(), "\n")[1], want) {
		t.Errorf("the screen shows %q, want %q", s.text(), want)
	}
	for range 3 {
		p.last = time.Time{}
		p.afterPredictions(training.Position{Set: 1e8, Epoch: 1e8, Digit: 834}, 5000, 10000)
		p.last = time.Time{}
		p.afterBytes(strings.Repeat("a-long-name", 10), 500, 1000)
	}
	if s.wrapped > 0 || s.y != 1 {
		t.Errorf("%d lines wrapped, and the cursor is in row %d, want none and row 1", s.wrapped, s.y)
	}
}

// On a console that may not understand escape sequences, the live line is plain text that fits into 40
// columns, and each line that stays replaces it.
func TestLiveLineWithoutEscapes(t *testing.T) {
	s := newScreen(t, 40)
	p := newProgress(s, &settings{Recipe: training.Recipe{Sets: 5, Size: 1_000_000, Epochs: 10}})
	p.live, p.escapes = true, false
	p.beforeRun(training.Start)
	at := training.Position{Set: 2, Epoch: 10, Digit: 834_000}
	p.afterStep(at, 12.1234, 834_000)
	if want := "set 2/5 epoch 10/10 [####.] loss 12.123"; s.text() != want || s.x != 0 {
		t.Errorf("the screen shows %q with the cursor in column %d, want %q and column 0", s.text(), s.x, want)
	}
	p.last = time.Time{}
	p.afterPredictions(at, 1, 2)
	if want := "set 2/5 testing [##...] 1 of 2 images"; s.text() != want {
		t.Errorf("the screen shows %q, want %q", s.text(), want)
	}
	p.say("done")
	p.last = time.Time{}
	p.afterStep(at, 12.1234, 834_000)
	p.over("")
	if s.text() != "done\n" || s.wrapped > 0 {
		t.Errorf("the screen shows %q after %d wraps, want only the line that stays", s.text(), s.wrapped)
	}
}

// Where a line can't be rewritten, or the terminal is known to be too narrow, the lines are plain.
func TestCanRewrite(t *testing.T) {
	for _, c := range []struct {
		system, term, columns string
		want                  bool
	}{
		{"linux", "xterm-256color", "", true},
		{"darwin", "xterm", "40", true},
		{"linux", "xterm", "39", false},
		{"linux", "xterm", "0", true}, // as if it weren't known
		{"linux", "xterm", "many", true},
		{"linux", "dumb", "", false},
		{"linux", "", "", false},
		{"windows", "", "", true},
		{"windows", "dumb", "", false},
		{"windows", "", "30", false},
	} {
		if got := canRewrite(c.system, c.term, c.columns); got != c.want {
			t.Errorf("%+v: found %t", c, got)
		}
	}
}
