package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The forty bugs of docs/bugs.md and the four of its exercise can be planted in the current
// code.
func TestBugsCanBePlanted(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/bugs.md")
	if err != nil {
		t.Fatal(err)
	}
	all := bugs(string(text))
	if len(all) != 40+4 {
		t.Fatalf("%d bugs, want 40 and 4", len(all))
	}
	for k, b := range all {
		want := strconv.Itoa(k + 1)
		if k >= 40 {
			want = string(rune('A' + k - 40))
		}
		if b.name != want {
			t.Errorf("found bug %s, want bug %s", b.name, want)
		}
		source, err := os.ReadFile(filepath.Join("../../../..", b.file))
		if err != nil {
			t.Fatal(err)
		}
		spoiled, err := b.in(string(source))
		if err != nil {
			t.Errorf("bug %s: %v", b.name, err)
			continue
		}
		if spoiled == string(source) {
			t.Errorf("bug %s changes nothing", b.name)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), b.file, spoiled, 0); err != nil {
			t.Errorf("bug %s: %v", b.name, err)
		}
	}
}

func TestChoose(t *testing.T) {
	all := []bug{{name: "1"}, {name: "2"}, {name: "40"}, {name: "A"}}
	for _, c := range []struct{ names, want string }{{"", "1 2 40"}, {"A 2", "A 2"}} {
		chosen, err := choose(all, strings.Fields(c.names))
		var got []string
		for _, b := range chosen {
			got = append(got, b.name)
		}
		if strings.Join(got, " ") != c.want || err != nil {
			t.Errorf("for the names %q found %v (%v), want %s", c.names, got, err, c.want)
		}
	}
	if _, err := choose(all, []string{"3"}); err == nil {
		t.Error("no error for a bug that doesn't exist")
	}
}
