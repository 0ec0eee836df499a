package tutor

import (
	"slices"
	"testing"
)

// A line doesn't end inside a formula.
func TestWords(t *testing.T) {
	got := words("what is kept is 1/p, not 1/(1 − p): a · b + c")
	want := []string{"what", "is", "kept", "is", "1/p,", "not", "1/(1 − p):", "a · b + c"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
