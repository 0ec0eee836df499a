// Package examples holds what is true of every program below it.
package examples

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"convnet/examples/trained"
)

// A program complains about an argument it can't use, instead of starting without the flags
// behind it, which package flag doesn't parse.
func TestPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("-short") // it builds all programs
	}
	if os.Getenv("CONVNET_NO_EXEC") != "" {
		t.Skip("CONVNET_NO_EXEC is set: tests can't start programs here")
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "./...").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	programs, err := os.ReadDir(bin)
	if err != nil || len(programs) < 14 {
		t.Fatalf("%d programs, error %v, want 14 or more", len(programs), err)
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
			t.Errorf("%s: left the files %v, error %v", name, left, err)
		}
	}
}
