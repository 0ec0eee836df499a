package repository

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"convnet/examples/internal/testenv"
	"convnet/examples/trained"
)

// A program complains about an argument it can't use, instead of ignoring it and the flags after it.
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
		if _, err := trained.Network(); err != nil && strings.Contains(text, err.Error()) {
			continue // classify looks at its model first, and here the model doesn't fit
		}
		if !strings.HasPrefix(text, name+": ") || !strings.Contains(text, "stray") && !strings.Contains(text, "in the root of the repository") {
			t.Errorf("%s: printed %q, want one line about stray", name, text)
		}
		if left, err := os.ReadDir(command.Dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left the files %v, error %v, want no files", name, left, err)
		}
	}
}
