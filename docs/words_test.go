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
	{`what was meant\b`, "true label"},
	{`\b(rightly|wrongly)\b`, "correctly, incorrectly"},
	{`\bread as (an? |the )?\d`, "classified as"},
	{`\b(seed|network)s? reads?\b`, "classifies, its accuracy is"},
	{`\baccuracy in training\b`, "training accuracy"},
	{`\b(network|model)s? in use\b`, "at test time"},
	{`digits? of (a|the|one|each) (batch|step)\b`, "mini-batch"},
	{`passed ten times\b`, "ten epochs"},
	{`\b(the|an?) errors? (at|of) (the )?(conv\d|fc\d|logits?|layer|output)`, "gradient"},
	{`\bthe (first|second) filters\b|\bthe second weights\b`, "conv1 filters, fc2 weights"},
	{`\ba bend\b`, "nonlinearity"},
	{`\b(written|built|learns?|trains?( a network)?) from nothing\b`, "from scratch"},
	{`\bstands? for\b`, "is, means"},
	{`\bas \w+ has it\b`, "as in"},
	{`what is left of it\b`, "the rest"},
	{`\btold from\b`, "distinguished from"},
	{`(over|by) a way\b|\ba way of \d`, "by"},
	{`\b(is|are|was|were) no real\b`, "isn't a real"},
	{`\b(is|are) (that|those) of\b`, "are in, are from, or name the thing again"},
	{`\bthe (former|latter)\b`, "the thing itself"},
	{`\b(that|if|what|how) one (can|must|has to|would)\b`, "you can"},
	{`\bwhere there (is|are) any\b`, "if there are any"},
	{`\bto be had\b`, "available"},
	{`\bneedn't\b`, "don't have to"},
	{`\bof the order of (1|\d|s\b)`, "about"},
	{`com(e|es|ing) to rest\b`, "settle"},
	{`\bhinder`, "prevent"},
	{`\bof whom\b`, "of them"},
	{`\belse than\b`, "but, other than"},
	{`\bby far not\b`, "not nearly"},
	{`\bhow (it|this|that|they) looks? like\b`, "what it looks like"},
	{`\b(allows?|enables?|permits?) to\b`, "lets you"},
	{`\blets? itself\b`, "can be"},
	{`\bbe they\b`, "whether they are"},
	{`\b(thereby|therein|thereof|whereby|hereby|hereafter|wherein|whence)\b`, "plain words"},
	{`(col|behavi|neighb|fav)our|\bcentr(e|es|ed)\b|\bgreys?\b|\b(labelled|modelled|travelled|cancelled|judgement|whilst|amongst|learnt)\b`, "American spelling"},
	{`\b(optim|minim|maxim|normal|initial|general|recogn|summar|visual|regular|penal|vector|real|organ|memor)is(e|es|ed|ing|ation)\b`, "American spelling"},
}

// No page, comment, message or name has a phrase of this list.
func TestWords(t *testing.T) {
	patterns := make([]*regexp.Regexp, len(unidiomatic))
	for k, u := range unidiomatic {
		patterns[k] = regexp.MustCompile(strings.ReplaceAll(u.phrase, " ", `(?:\s|\n//)+`))
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
		text := strings.ToLower(read(t, name))
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
