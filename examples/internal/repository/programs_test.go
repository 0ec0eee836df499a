package repository

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"convnet/examples/internal/testenv"
	"convnet/examples/trained"
)

// With -h, every program says what it does, how to run it, and what its flags mean. It complains about a
// flag or an argument that it doesn't know, instead of ignoring it.
func TestPrograms(t *testing.T) {
	testenv.NeedAll(t) // it builds all programs
	testenv.NeedExec(t)
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "./examples/...")
	build.Dir = testenv.Path(t, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	programs, err := os.ReadDir(bin)
	if err != nil || len(programs) < 15 {
		t.Fatalf("%d programs, error %v, want at least 15", len(programs), err)
	}
	for _, p := range programs {
		command := exec.Command(filepath.Join(bin, p.Name()), "stray")
		command.Dir = t.TempDir()
		out, err := command.CombinedOutput()
		var status *exec.ExitError
		if !errors.As(err, &status) {
			t.Errorf("%s: %v, want a status other than 0", p.Name(), err)
		}
		name := strings.TrimSuffix(p.Name(), ".exe")
		text := string(out)
		checkHelp(t, name, command.Path)
		if _, err := trained.Network(); err != nil && strings.Contains(text, err.Error()) {
			continue // classify looks at its model first, and here the model doesn't fit
		}
		if !strings.HasPrefix(text, name+": ") || !strings.Contains(text, "stray") && !strings.Contains(text, "from the root of the repository") {
			t.Errorf("%s: printed %q, want one line about stray", name, text)
		}
		if left, err := os.ReadDir(command.Dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left the files %v, error %v, want no files", name, left, err)
		}
	}
}

// checkHelp checks what a program prints with -h, and with a flag that it doesn't have.
func checkHelp(t *testing.T, name, path string) {
	t.Helper()
	help, err := exec.Command(path, "-h").Output()
	sentence, usage, _ := strings.Cut(string(help), "\n\n")
	if err != nil || !strings.HasSuffix(sentence, ".") || !regexp.MustCompile(`^Usage: go run \./examples/(\S+/)?`+name+`( .*)?\n(\n|$)`).MatchString(usage) {
		t.Errorf("%s -h: error %v, printed\n%s\nwant a sentence, and then the usage", name, err, help)
	}
	for _, line := range strings.Split(string(help), "\n") {
		if len([]rune(line)) > 79 {
			t.Errorf("%s -h: %q is wider than a terminal", name, line)
		}
	}
	folder := regexp.MustCompile(`examples/\S+`).FindString(usage)
	if _, err := os.Stat(testenv.Path(t, folder+"/main.go")); err != nil {
		t.Errorf("%s -h: the usage names another folder: %v", name, err)
	}
	out, err := exec.Command(path, "-wrong").CombinedOutput()
	var status *exec.ExitError
	if want := name + ": unknown flag -wrong (-h lists the flags)\n"; !errors.As(err, &status) || status.ExitCode() != 2 || string(out) != want {
		t.Errorf("%s -wrong: %v, printed %q, want status 2 and %q", name, err, out, want)
	}
}

// Whatever Ctrl-C does, SIGTERM does, too: it's what kill and a shutdown send.
func TestSignals(t *testing.T) {
	count := 0
	err := filepath.WalkDir(testenv.Path(t, "examples"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, line := range strings.Split(string(text), "\n") {
			if strings.Contains(line, "signal.Notify") {
				count++
				if !strings.Contains(line, "os.Interrupt, syscall.SIGTERM)") {
					t.Errorf("%s: %s, want os.Interrupt and syscall.SIGTERM", path, line)
				}
			}
		}
		return err
	})
	if err != nil || count < 3 {
		t.Errorf("found %d programs that take signals, error %v, want at least 3", count, err)
	}
}
