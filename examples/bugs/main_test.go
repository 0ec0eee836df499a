package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// The forty bugs of docs/bugs.md can be planted in the code as it stands.
func TestBugsCanBePlanted(t *testing.T) {
	text, err := os.ReadFile("../../docs/bugs.md")
	if err != nil {
		t.Fatal(err)
	}
	all := bugs(string(text))
	if len(all) != 40 {
		t.Errorf("%d bugs, want 40", len(all))
	}
	for k, b := range all {
		if b.number != strconv.Itoa(k+1) {
			t.Errorf("bug %s stands where %d is due", b.number, k+1)
		}
		source, err := os.ReadFile(filepath.Join("../..", b.file))
		if err != nil {
			t.Fatal(err)
		}
		spoilt, err := b.in(string(source))
		if err != nil {
			t.Errorf("bug %s: %v", b.number, err)
			continue
		}
		if spoilt == string(source) {
			t.Errorf("bug %s changes nothing", b.number)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), b.file, spoilt, 0); err != nil {
			t.Errorf("bug %s: %v", b.number, err)
		}
	}
}
