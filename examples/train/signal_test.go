package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"convnet"
	"convnet/examples/internal/training"
)

// build builds the program and returns its name. Where no program can be started, it
// skips the test.
func build(t *testing.T) string {
	t.Helper()
	if os.Getenv("CONVNET_NO_EXEC") != "" {
		t.Skip("CONVNET_NO_EXEC is set: tests can't start programs here")
	}
	program := filepath.Join(t.TempDir(), "train.exe") // Windows insists on .exe; nobody else minds
	if text, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return program
}

// start starts program and returns what it prints.
func start(t *testing.T, program string, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(stdout)
}

// interrupt sends the program what Ctrl-C sends.
func interrupt(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

// skipWithoutInterrupts skips a test that calls interrupt.
func skipWithoutInterrupts(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Go can't interrupt another process on Windows")
	}
}

// until reads lines until one begins with prefix.
func until(t *testing.T, stdout *bufio.Scanner, prefix string) {
	t.Helper()
	for stdout.Scan() {
		if strings.HasPrefix(stdout.Text(), prefix) {
			return
		}
	}
	t.Fatalf("the program printed no line that begins with %q", prefix)
}

func TestCtrlC(t *testing.T) {
	skipWithoutInterrupts(t)
	out := t.TempDir()
	cmd, stdout := start(t, build(t), "-out", out)
	until(t, stdout, "set 1 epoch  1")
	interrupt(t, cmd)
	last := ""
	for stdout.Scan() {
		last = stdout.Text()
	}
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != interrupted {
		t.Errorf("status %d, want %d", got, interrupted)
	}
	if want := regexp.MustCompile(`^interrupted at set 1 epoch [0-9]+ digit [0-9]+$`); !want.MatchString(last) {
		t.Errorf("the last line is %q, want one like %v", last, want)
	}
	loadModel(t, out)
	checkPictures(t, out)
}

// A second Ctrl-C ends the program at once, while it classifies the test digits for the
// pictures: the model is already saved, the pictures are not.
func TestSecondCtrlC(t *testing.T) {
	skipWithoutInterrupts(t)
	out := t.TempDir()
	cmd, stdout := start(t, build(t), "-out", out)
	until(t, stdout, "set 1 epoch  1")
	for _, prefix := range []string{"stopping", ""} {
		interrupt(t, cmd)
		if prefix != "" {
			until(t, stdout, prefix)
		}
	}
	for stdout.Scan() {
	}
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != interrupted {
		t.Errorf("status %d, want %d", got, interrupted)
	}
	loadModel(t, out)
	if files := snapshot(t, out); len(files) != 1 {
		t.Errorf("the folder holds %d files, want only the model", len(files))
	}
}

// Killed at any moment, the program leaves a complete model: that of the last set, or of the
// one before. Each run resumes the one before, saves a model after every digit, and is killed
// somewhere in its first thirty.
func TestKilled(t *testing.T) {
	data, out := smallMNIST(t, 2000, 1), t.TempDir()
	digits, _, err := convnet.ReadMNIST(os.DirFS(data))
	if err != nil {
		t.Fatal(err)
	}
	trainer := training.New(convnet.New(1), 0.0062, 0.5, 1, 1)
	program, model := build(t), filepath.Join(out, modelName)
	flags := []string{"-data", data, "-out", out, "-sets", "2000", "-size", "1", "-epochs", "1", "-rate", "0.0062", "-schedule", "constant"}
	rng := rand.New(rand.NewPCG(1, 1))
	done := 0 // sets that this run has finished
	for range 20 {
		cmd, stdout := start(t, program, flags...)
		for some := done + 1 + rng.IntN(30); done < some && stdout.Scan(); {
			if strings.Contains(stdout.Text(), "test accuracy") {
				done++
			}
		}
		time.Sleep(time.Duration(rng.IntN(4000)) * time.Microsecond) // into the next set
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for stdout.Scan() {
			if strings.Contains(stdout.Text(), "test accuracy") {
				done++
			}
		}
		cmd.Wait()

		network, metadata, err := load(model)
		if err != nil {
			t.Fatal(err)
		}
		set := 0
		fmt.Sscanf(metadata["position"], "set %d epoch 1 digit 1", &set)
		if seen := int(trainer.Seen); set < seen+done || set > seen+done+1 {
			t.Fatalf("killed %d sets after set %d, the file is of %q", done, seen, metadata["position"])
		}
		for trainer.Seen < uint64(set) {
			trainer.Step(digits[trainer.Seen:][:1])
		}
		if !slices.Equal(network.Parameters, trainer.Network.Parameters) {
			t.Fatalf("the parameters are not those after set %d", set)
		}
		flags = []string{"-data", data, "-out", out, "-resume", model}
		done = -1 // because it tests the last set once more
	}
	halves, err := filepath.Glob(filepath.Join(out, ".*.tmp"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d sets; %d of 20 kills came while a file was being written", trainer.Seen, len(halves))
}
