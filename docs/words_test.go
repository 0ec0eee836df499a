package docs_test

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unidiomatic are phrases that are not the field's words, or not English, and what to write instead.
var unidiomatic = []struct{ phrase, write string }{
	{`in the mean\b`, "on average"},
	{`learn\w* by heart`, "memorize, overfit"},
	{`(way|path) (forward|back)\b`, "forward pass, backward pass"},
	{`(read|reads) (rightly|wrongly)|(rightly|wrongly) read`, "classified correctly, misclassified"},
	{`held-out`, "validation"},
	{`points of a percent`, "percentage points"},
	{`fresh network`, "untrained network"},
	{`\bbe it\b`, "whether it is"},
	{`such a one`, "one like that"},
	{`that is none\b`, "that isn't one"},
	{`takes? long\b`, "is slow, takes a long time"},
	{`in spite of`, "despite"},
	{`, want that\b`, "want an error that"},
	{`\bso-called\b`, "called"},
	{`rate that (falls|stays)`, "linear decay, constant rate"},
	{`(truth|digit)s? that (was|were) meant`, "true label"},
}

// No page, comment, message or name has a phrase of this list.
func TestWords(t *testing.T) {
	patterns := make([]*regexp.Regexp, len(unidiomatic))
	for k, u := range unidiomatic {
		patterns[k] = regexp.MustCompile(`(?i)` + strings.ReplaceAll(u.phrase, " ", `(?:\s|\n//)+`))
	}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Base(name) == "words_test.go" {
			return err
		}
		switch filepath.Ext(name) {
		case ".go", ".md", ".html", ".js", ".svg", ".py":
		default:
			return nil
		}
		text := read(t, name)
		for k, u := range unidiomatic {
			for _, at := range patterns[k].FindAllStringIndex(text, -1) {
				line := 1 + strings.Count(text[:at[0]], "\n")
				t.Errorf("%s:%d: write %q instead of %q", name, line, u.write, text[at[0]:at[1]])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
