package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"convnet/examples/internal/photo"
	"convnet/examples/internal/recognize"
	"convnet/examples/internal/stored"
	"convnet/examples/internal/testenv"
	"convnet/examples/trained"
)

// This program makes the table in docs. Where arithmetic rounds differently, a digit more or less may be
// correct or unsure.
func TestDocsAreCurrent(t *testing.T) {
	testenv.NeedStored(t)
	testenv.NeedAll(t)
	var printed bytes.Buffer
	if err := run(&printed, full); err != nil {
		t.Fatal(err)
	}
	stored.Tables(t, "docs/photos.md", printed.String(), stored.Tolerance{Absolute: 1})
}

// In a sample, all photos of each kind are classified correctly.
func TestSample(t *testing.T) {
	testenv.NeedStored(t)
	network, err := trained.Network()
	if err != nil {
		t.Fatal(err)
	}
	recognizer, err := recognize.New(network)
	if err != nil {
		t.Fatal(err)
	}
	const sample = 3
	_, test := testenv.Digits(t)
	for _, kind := range photo.Kinds {
		if c := measure(recognizer, kind, test[:sample]); c.correct < sample || c.wrong > 0 {
			t.Errorf("%s: %d of %d correct, %d wrong without a warning", kind.Name, c.correct, sample, c.wrong)
		}
	}
}

// The page has a row for each kind, and the goal is reached in each: at least 28 digits of 29 are
// correct, and none is wrong without a warning.
func TestGoal(t *testing.T) {
	page := string(testenv.ReadFile(t, "docs/photos.md"))
	for _, kind := range photo.Kinds {
		_, row, found := strings.Cut(page, "\n| "+kind.Name+" | ")
		row, _, _ = strings.Cut(row, "\n")
		if !found || !strings.HasPrefix(row, "29 |") && !strings.HasPrefix(row, "28 |") || !strings.HasSuffix(row, "| 0 |") {
			t.Errorf("docs/photos.md: the row of %s is %q, want 28 or 29 first and 0 last", kind.Name, row)
		}
	}
}

func TestUsage(t *testing.T) {
	for n, want := range map[int]string{0: "-digits is 0, want 1 to 10000", 10001: "-digits is 10001, want 1 to 10000"} {
		if err := run(io.Discard, n); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
