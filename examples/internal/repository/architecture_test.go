package repository

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"convnet/examples/internal/testenv"
)

// Change the architecture in a copy of the repository, in the one place that defines it, and everything
// follows: it compiles, every gradient is right, and it trains.
func TestAnotherArchitecture(t *testing.T) {
	testenv.NeedAll(t) // it compiles everything again
	testenv.NeedExec(t)
	copied := Copy(t)
	change(t, copied, map[string]string{"filters1": "12", "kernel": "3"})
	run := func(args ...string) (string, error) { return goIn(copied, args...) }
	if out, err := run("vet", "./..."); err != nil {
		t.Errorf("go vet: %v: %s", err, out)
	}
	if out, err := run("test", "."); err != nil {
		t.Errorf("go test: %v: %s", err, out)
	}
	out, err := run("run", "./examples/train", "-sets", "1", "-size", "100", "-epochs", "1", "-out", t.TempDir())
	if err != nil || !strings.Contains(out, "\naccuracy ") {
		t.Errorf("%v: %s", err, out)
	}
	// The trained network doesn't fit, and the error says how to get one that does.
	out, err = run("run", "./examples/classify", "nowhere.png")
	const advice = "train a model that fits with go run ./examples/train"
	if err == nil || !strings.Contains(out, advice) || strings.Contains(out, "goroutine") {
		t.Errorf("classify: error %v, printed %s, want one line with %q", err, out, advice)
	}
}

// Programs report a kernel that is too large in one line.
func TestImpossibleArchitecture(t *testing.T) {
	testenv.NeedAll(t) // it compiles two programs
	testenv.NeedExec(t)
	copied := Copy(t)
	change(t, copied, map[string]string{"kernel": "13"})
	const want = "convnet: the kernel is 13×13, which makes conv2's maps -4×-4, want a kernel of at least 1×1 and maps of at least 2×2"
	for _, program := range [][]string{{"run", "./examples/train"}, {"run", "./examples/classify", "nowhere.png"}} {
		out, err := goIn(copied, program...)
		if err == nil || !strings.Contains(out, want) || strings.Contains(out, "goroutine") {
			t.Errorf("%v with a kernel of 13: error %v, printed %s, want one line with %q", program, err, out, want)
		}
	}
}

// goIn runs the go command in a folder and returns its output.
func goIn(folder string, args ...string) (string, error) {
	command := exec.Command("go", args...)
	command.Dir = folder
	out, err := command.CombinedOutput()
	return string(out), err
}

// change sets constants of the architecture in a copy of the repository.
func change(t *testing.T, copied string, constants map[string]string) {
	t.Helper()
	file := filepath.Join(copied, "convnet.go")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(text, []byte("\n"))
	changed := 0
	for k, line := range lines {
		fields := strings.Fields(string(line))
		if len(fields) > 2 && fields[1] == "=" && strings.HasPrefix(string(line), "\t") {
			if value, ok := constants[fields[0]]; ok {
				lines[k] = fmt.Appendf(nil, "\t%s = %s", fields[0], value)
				changed++
			}
		}
	}
	if changed != len(constants) {
		t.Fatalf("changed %d lines of convnet.go, want %d", changed, len(constants))
	}
	if err := os.WriteFile(file, bytes.Join(lines, []byte("\n")), 0o666); err != nil {
		t.Fatal(err)
	}
}
