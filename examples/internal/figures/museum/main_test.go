package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The picture and the table in docs are those of docs/museum.json.
func TestDocsAreCurrent(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "museum.svg")
	var printed bytes.Buffer
	if err := run("../../../../docs/museum.json", picture, &printed); err != nil {
		t.Fatal(err)
	}
	drawn, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := os.ReadFile("../../../../docs/images/museum.svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(drawn, saved) {
		t.Error("docs/images/museum.svg is out of date: run go run ./examples/internal/figures/museum")
	}
	chapter, err := os.ReadFile("../../../../docs/museum.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(chapter), printed.String()) {
		t.Error("docs/museum.md doesn't have the table that go run ./examples/internal/figures/museum prints")
	}
}

func TestDifferences(t *testing.T) {
	found := differences([]int{9700, 9600, 9800}, []int{9600, 9600, 9850})
	if want := []float64{1, 0, -0.5}; !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}
