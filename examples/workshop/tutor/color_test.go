package tutor

import (
	"os"
	"path/filepath"
	"testing"
)

// A file is no terminal, and NO_COLOR wins over CLICOLOR_FORCE.
func TestColor(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		no, force string
		want      bool
	}{{"", "", false}, {"", "1", true}, {"", "0", false}, {"1", "1", false}} {
		t.Setenv("NO_COLOR", c.no)
		t.Setenv("CLICOLOR_FORCE", c.force)
		if got := wantColor(file); got != c.want {
			t.Errorf("NO_COLOR=%s CLICOLOR_FORCE=%s: %v, want %v", c.no, c.force, got, c.want)
		}
	}
}

// Blocks go beside one another as long as they fit.
func TestLayout(t *testing.T) {
	r := &report{}
	if got, want := r.layout("a\nbb", "c\nd\ne"), "a     c\nbb    d\n      e"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	wide := "0123456789012345678901234567890123456789"
	if got, want := r.layout(wide, wide), wide+"\n\n"+wide; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Numbers show what differs.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		got, want         float64
		showGot, showWant string
	}{
		{0.5, 0.25, "0.50", "0.25"},
		{0.25, 0.2500004, "0.2500000", "0.2500004"},
		{1e9, 2, "1e+09", "2.00"},
	} {
		places := enough(scalar("", c.got), scalar("", c.want))
		if got, want := number(c.got, places), number(c.want, places); got != c.showGot || want != c.showWant {
			t.Errorf("%v and %v are shown as %s and %s, want %s and %s", c.got, c.want, got, want, c.showGot, c.showWant)
		}
	}
}
