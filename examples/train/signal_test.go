package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// start builds the program and starts it on the embedded digits.
func start(t *testing.T, out string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows can't send an interrupt to another process")
	}
	program := filepath.Join(t.TempDir(), "train")
	if text, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	cmd := exec.Command(program, "-out", out)
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

// until reads lines up to one that begins with prefix.
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
	out := t.TempDir()
	cmd, stdout := start(t, out)
	until(t, stdout, "set 1 pass  1")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	last := ""
	for stdout.Scan() {
		last = stdout.Text()
	}
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != interrupted {
		t.Errorf("status %d, want %d", got, interrupted)
	}
	if want := regexp.MustCompile(`^interrupted at set 1 pass [0-9]+ digit [0-9]+$`); !want.MatchString(last) {
		t.Errorf("the last line is %q, want one like %v", last, want)
	}
	loadModel(t, out)
	checkPictures(t, out)
}

// A second Ctrl-C ends the program at once, while it reads the test digits for
// the pictures: the model is already there, the pictures are not.
func TestSecondCtrlC(t *testing.T) {
	out := t.TempDir()
	cmd, stdout := start(t, out)
	until(t, stdout, "set 1 pass  1")
	for _, prefix := range []string{"stopping", ""} {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
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
		t.Errorf("the folder holds %d files, want the model alone", len(files))
	}
}
