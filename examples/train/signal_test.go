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
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"convnet"
	"convnet/examples/internal/testenv"
	"convnet/examples/internal/training"
)

// TestMain lets a test run this binary as the program.
func TestMain(m *testing.M) {
	if os.Getenv("CONVNET_TEST_RUNS_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// command returns a command that runs the program.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	testenv.NeedExec(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "CONVNET_TEST_RUNS_MAIN=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// start starts the program and returns what it prints.
func start(t *testing.T, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := command(t, args...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(stdout)
}

// send sends the program a signal, such as os.Interrupt, which Ctrl-C sends.
func send(t *testing.T, cmd *exec.Cmd, s os.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// skipWithoutInterrupts skips a test that calls send.
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

func TestCtrlC(t *testing.T) { testStops(t, os.Interrupt) }

// SIGTERM, which kill and a shutdown send, acts like Ctrl-C.
func TestTerminated(t *testing.T) { testStops(t, syscall.SIGTERM) }

func testStops(t *testing.T, with os.Signal) {
	skipWithoutInterrupts(t)
	out := t.TempDir()
	cmd, stdout := start(t, "-data", smallMNIST(t, 20, 10), "-out", out, "-sets", "1", "-size", "20", "-epochs", "100000")
	until(t, stdout, "set 1 epoch 1:")
	send(t, cmd, with)
	var printed []string
	for stdout.Scan() {
		printed = append(printed, stdout.Text())
	}
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != interrupted {
		t.Errorf("status %d, want %d", got, interrupted)
	}
	end := printed[len(printed)-2:]
	if want := fmt.Sprintf("look at %s, %s and %s", filepath.Join(out, animation), filepath.Join(out, "misclassified.png"), filepath.Join(out, wholeRun)); end[0] != want {
		t.Errorf("the last line but one is %q, want %q", end[0], want)
	}
	if want := regexp.MustCompile(`^interrupted at set 1 epoch [0-9]+ digit [0-9]+: continue with -resume \S+$`); !want.MatchString(end[1]) {
		t.Errorf("the last line is %q, want one like %v", end[1], want)
	}
	loadModel(t, out)
	checkPictures(t, out)
}

// A second Ctrl-C ends the program at once, while it classifies the test digits for the
// pictures: the model is already saved, the pictures are not.
func TestSecondCtrlC(t *testing.T) {
	skipWithoutInterrupts(t)
	out := t.TempDir()
	cmd, stdout := start(t, "-out", out, "-size", "20", "-epochs", "100000") // with all 10,000 test digits, to have some time
	until(t, stdout, "set 1 epoch 1:")
	for _, prefix := range []string{"stopping", ""} {
		send(t, cmd, os.Interrupt)
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
func TestKilled(t *testing.T) { testKilled(t, 5) }

func TestKilledOften(t *testing.T) {
	testenv.NeedAll(t)
	testKilled(t, 20)
}

func testKilled(t *testing.T, kills int) {
	sets := strconv.Itoa(40 * kills) // more than the program gets to
	data, out := smallMNIST(t, 40*kills, 1), t.TempDir()
	digits, _, err := convnet.ReadMNIST(os.DirFS(data))
	if err != nil {
		t.Fatal(err)
	}
	trainer := training.New(convnet.New(1), 0.5, 1, 1)
	model := filepath.Join(out, modelName)
	flags := []string{"-data", data, "-out", out, "-sets", sets, "-size", "1", "-epochs", "1", "-rate", "0.0062", "-schedule", "constant"}
	rng := rand.New(rand.NewPCG(1, 1))
	done := 0 // sets that this run has finished
	for range kills {
		cmd, stdout := start(t, flags...)
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
			trainer.Step(digits[trainer.Seen:][:1], 0.0062)
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
	t.Logf("%d sets; %d of %d kills came while a file was being written", trainer.Seen, len(halves), kills)
}
