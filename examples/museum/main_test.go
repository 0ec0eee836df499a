package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The picture and the table in docs are those of docs/museum.json.
func TestDocsAreCurrent(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "museum.svg")
	var printed bytes.Buffer
	if err := run("../../docs/museum.json", picture, &printed); err != nil {
		t.Fatal(err)
	}
	drawn, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := os.ReadFile("../../docs/images/museum.svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(drawn, saved) {
		t.Error("docs/images/museum.svg is not what is drawn now: go run ./examples/museum")
	}
	chapter, err := os.ReadFile("../../docs/museum.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(chapter), printed.String()) {
		t.Error("docs/museum.md does not hold the table that is printed now: go run ./examples/museum")
	}
}

func TestDifference(t *testing.T) {
	mean, standardError := difference([]int{9700, 9600, 9800}, []int{9600, 9600, 9500})
	// 1, 0 and 3 points: mean 4/3, variance (1/9 + 16/9 + 25/9)/2 = 7/3
	if math.Abs(mean-4.0/3) > 1e-12 || math.Abs(standardError-math.Sqrt(7.0/9)) > 1e-12 {
		t.Errorf("%v ± %v, want 4/3 ± √(7/9)", mean, standardError)
	}
}
