package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
)

// If the learning rate is so high that the network dies, the program says so as soon as it has happened
// and again at the end, with what to change. It draws all pictures, and the exit status is 0.
func TestDeadNetwork(t *testing.T) {
	data, out := smallMNIST(t, 200, 20), t.TempDir()
	const died = "the network has died: its output is nearly the same for every image, so it can hardly learn anymore: "
	const advice = died + "start a new run with -rate below 4, such as 0.01"
	args := []string{"-data", data, "-out", out, "-rate", "4", "-sets", "2", "-size", "100", "-epochs", "3", "-workers", "1"}
	stdout, stderr, status := train(context.Background(), args...)
	if status != ok || stderr != "" {
		t.Fatalf("status %d, standard error %q, want 0 and nothing", status, stderr)
	}
	checkPictures(t, out)
	all := lines(stdout)
	if all[1] != advice || all[len(all)-4] != advice || strings.Count(stdout, died) != 2 {
		t.Errorf("printed\n%s\nwant %q after the first epoch and before the last three lines", stdout, advice)
	}
	// Without the last line, -quiet prints nothing.
	if stdout, _, status := train(context.Background(), append(args, "-quiet")...); status != ok || len(lines(stdout)) != 1 {
		t.Errorf("-quiet: status %d, printed %q, want one line", status, stdout)
	}
	// A run that starts from a dead network can't be saved by a lower rate.
	from := filepath.Join(out, modelName)
	stdout, _, status = train(context.Background(), "-data", data, "-out", t.TempDir(), "-model", from, "-rate", "0.001", "-sets", "1", "-size", "100", "-epochs", "1")
	if want := died + "start a new run with -rate below 0.001, and not from " + from; status != ok || !slices.Contains(lines(stdout), want) {
		t.Errorf("-model: status %d, printed\n%s\nwant %q", status, stdout, want)
	}
	// If it's interrupted, it says so, too.
	stdout, _, status = train(after(350), append(args, "-out", t.TempDir())...)
	if all := lines(stdout); status != interrupted || all[len(all)-3] != advice {
		t.Errorf("interrupted: status %d, printed\n%s\nwant %q", status, stdout, advice)
	}
}

// A healthy network isn't called dead, however new it is, nor is one that sees only one image.
func TestDead(t *testing.T) {
	digits, _ := testenv.Digits(t)
	for seed := range uint64(10) {
		n := convnet.New(seed)
		if dead(n, digits) || dead(n, digits[:2]) || dead(n, digits[:1]) || dead(n, nil) {
			t.Errorf("seed %d: an untrained network counts as dead", seed)
		}
		same := slices.Repeat(digits[:1], 20)
		if dead(n, same) {
			t.Errorf("seed %d: a network counts as dead because all images are the same", seed)
		}
		// A layer whose units are all 0, whichever it is, kills it.
		for layer, kill := range map[string]func(n *convnet.Network){
			"conv1": func(n *convnet.Network) { negative(n.Filters1) },
			"conv2": func(n *convnet.Network) { negative(n.Filters2) },
			"fc1": func(n *convnet.Network) {
				for k := range n.Biases1 {
					n.Biases1[k] = -1e9
				}
			},
		} {
			n := convnet.New(seed)
			kill(n)
			if !dead(n, digits) || !dead(n, digits[:2]) || dead(n, same) {
				t.Errorf("seed %d: without a unit above 0 in %s, a network doesn't count as dead", seed, layer)
			}
		}
	}
}

// A network that lets no more than a trace of the image through is dead, too.
func TestTraceOfTheImage(t *testing.T) {
	digits, _ := testenv.Digits(t)
	for scale, want := range map[float64]bool{1e-6: true, 1e-3: true, 0.3: false} {
		n := convnet.New(1)
		for _, row := range n.Weights2 {
			for k := range row {
				row[k] *= scale
			}
		}
		if got := dead(n, digits); got != want {
			t.Errorf("with fc2 weights multiplied by %g: dead is %t, want %t", scale, got, want)
		}
	}
}

// A unit that's above 0 for only one image in fifty doesn't save a network, but one that's above 0 for half
// of the images does.
func TestHardlyAlive(t *testing.T) {
	digits, _ := testenv.Digits(t)
	digits = digits[:50]
	n, a := convnet.New(1), convnet.NewActivations()
	var inputs []float64 // of the unit
	for _, d := range digits {
		n.Predict(a, d.Image)
		inputs = append(inputs, a.Hidden[0]-n.Biases1[0])
	}
	slices.Sort(inputs)
	for k := range n.Biases1 {
		n.Biases1[k] = -1e9
	}
	for above, want := range map[int]bool{0: true, 1: true, 25: false, 50: false} {
		n.Biases1[0] = -1e9
		if above > 0 {
			n.Biases1[0] = 1e-9 - inputs[50-above]
		}
		if got := dead(n, digits); got != want {
			t.Errorf("with a unit above 0 for %d of 50 images: dead is %t, want %t", above, got, want)
		}
	}
}

// negative makes all weights negative.
func negative(filters [][]float64) {
	for _, filter := range filters {
		for k := range filter {
			filter[k] = -1
		}
	}
}
