// Package examples holds what is true of every program below it.
package examples

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A program refuses what it has no use for, and doesn't begin: behind an argument
// that is no flag, flags are no flags either.
func TestPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("-short") // it builds them all
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
		if !strings.HasPrefix(text, name+": ") || !strings.Contains(text, "stray") && !strings.Contains(text, "in the root of the repository") {
			t.Errorf("%s: printed %q, want that it found stray", name, text)
		}
		if left, err := os.ReadDir(command.Dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v behind, error %v", name, left, err)
		}
	}
}
