package main

import (
	"bytes"
	"os"
	"testing"
)

// The picture in docs is the one that this program draws.
func TestPictureInDocsIsCurrent(t *testing.T) {
	var drawn bytes.Buffer
	if err := draw(&drawn); err != nil {
		t.Fatal(err)
	}
	saved, err := os.ReadFile("../../docs/images/architecture.svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(drawn.Bytes(), saved) {
		t.Error("docs/images/architecture.svg is not what is drawn now: go generate ./examples/architecture")
	}
}
