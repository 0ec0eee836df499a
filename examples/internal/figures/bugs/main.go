// Bugs plants each bug of docs/bugs.md in a copy of the code, and checks that the tests find it.
//
//	go run ./examples/internal/figures/bugs
//	go run ./examples/internal/figures/bugs 7 D
//	go run ./examples/internal/figures/bugs -locate
//
// For a bug with a number, docs/bugs.md names a test. It must pass without the bug and fail with it. For
// a bug with a letter, one of the chapter's exercise, all tests of the package run, and the first that
// fails counts. For each bug, the program prints the time it took and the test that failed. It fails if
// any bug goes unnoticed. Without arguments it plants the bugs that have a number. With -locate it prints
// the README's table of bugs that a network survives.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"convnet/examples/internal/cli"
	"convnet/examples/internal/parallel"
)

// A bug is a change of one line in a file.
type bug struct {
	name     string // its number, or a letter
	file     string
	was, now string
	test     string // that finds it; empty for a letter
}

func main() {
	table := flag.Bool("locate", false, "only print the README's table of bugs that a network survives")
	p := cli.Program{
		Path: "examples/internal/figures/bugs",
		Does: "Plants each bug of docs/bugs.md in a copy of the code, and checks that the tests find it.",
		Args: "[BUG…]",
	}
	p.MainArgs(func(names []string) error { return run(os.Stdout, *table, names) })
}

func run(w io.Writer, table bool, names []string) error {
	text, err := cli.ReadFile("docs/bugs.md")
	if err != nil {
		return err
	}
	all, err := bugs(string(text))
	if err != nil {
		return err
	}
	if table {
		return locate(w, ".", all)
	}
	chosen, err := choose(all, names)
	if err != nil {
		return err
	}
	return plantAll(w, ".", chosen)
}

// row matches a row of a table: name, file, old and new code, then, unless the row belongs to the exercise,
// what the bug does and the test that finds it.
var row = regexp.MustCompile("(?m)^\\| (\\d+|[A-Z]) \\| ([a-z./]+) \\| `([^`]+)` \\| `([^`]*)` \\|(?: [^|]+ \\| `(\\w+)` \\|)?$")

// begin matches where a row begins.
var begin = regexp.MustCompile(`(?m)^\| (\d+|[A-Z]) \|.*$`)

// bugs reads the tables of docs/bugs.md.
func bugs(text string) (all []bug, err error) {
	for _, line := range begin.FindAllString(text, -1) {
		m := row.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("docs/bugs.md: found the row %s, want | name | file | `ours` | `the bug` | what it does | `test` |", line)
		}
		all = append(all, bug{m[1], m[2], m[3], m[4], m[5]})
	}
	return all, nil
}

// choose returns the bugs with these names; without names, those that have a number.
func choose(all []bug, names []string) (chosen []bug, err error) {
	if len(names) == 0 {
		lettered := func(b bug) bool { return 'A' <= b.name[0] && b.name[0] <= 'Z' }
		return slices.DeleteFunc(slices.Clone(all), lettered), nil
	}
	for _, name := range names {
		k := slices.IndexFunc(all, func(b bug) bool { return b.name == name })
		if k < 0 {
			return nil, cli.Usagef("found the argument %q, want the name of a bug in docs/bugs.md", name)
		}
		chosen = append(chosen, all[k])
	}
	return chosen, nil
}

// in returns the source with the bug in it.
func (b bug) in(source string) (string, error) {
	if n := strings.Count(source, b.was); n != 1 {
		return "", fmt.Errorf("%s contains %[3]s %[2]d times, want once", b.file, n, b.was)
	}
	return strings.Replace(source, b.was, b.now, 1), nil
}

// A result is what the tests say about a bug.
type result struct {
	failed string // the test that failed, if any
	took   time.Duration
	err    error
}

// plantAll plants bugs in the repository at root, as many at a time as there are processors, and prints the
// results in order.
func plantAll(w io.Writer, root string, chosen []bug) error {
	if err := sound(root, chosen); err != nil {
		return err
	}
	results := make([]chan result, len(chosen))
	for k := range results {
		results[k] = make(chan result, 1)
	}
	go parallel.Do(len(chosen), func(k int) { results[k] <- chosen[k].plant(root) })
	alive := 0
	for k, b := range chosen {
		r := <-results[k]
		switch {
		case r.err != nil:
			return fmt.Errorf("bug %s: %w", b.name, r.err)
		case r.failed == "" && b.test != "":
			r.failed = "NOTHING: " + b.test + " passes"
			alive++
		case r.failed == "":
			r.failed = "NOTHING"
			alive++
		}
		fmt.Fprintf(w, "%2s  %.1f s  %s\n", b.name, r.took.Seconds(), r.failed)
	}
	if alive > 0 {
		return fmt.Errorf("bugs that got past the tests: %d, want none", alive)
	}
	return nil
}

// sound checks that the tests of these bugs exist and pass without any bug.
func sound(root string, chosen []bug) error {
	tests := map[string][]string{} // by package; an empty name means all of its tests
	for _, b := range chosen {
		if dir := filepath.Dir(b.file); !slices.Contains(tests[dir], b.test) {
			tests[dir] = append(tests[dir], b.test)
		}
	}
	for dir, names := range tests {
		which := "^(" + strings.Join(names, "|") + ")$"
		if slices.Contains(names, "") {
			which = "."
		}
		out, err := goTest(filepath.Join(root, dir), "-v", "-run", which)
		if err != nil {
			return fmt.Errorf("%s without a bug: %w: %s", dir, err, out)
		}
		for _, name := range names {
			if name != "" && !strings.Contains(out, "\n--- PASS: "+name+" ") {
				return fmt.Errorf("%s without a bug: %s fails, want it to pass", dir, name)
			}
		}
	}
	return nil
}

// failure matches a test that failed, or hung until its time was up.
var failure = regexp.MustCompile(`(?m)^--- FAIL: (\w+)|^panic: test timed out.*\n\s*running tests:\n\s*(\w+)`)

// plant runs the test that should find the bug, or all tests of its package, and returns the first
// that fails. It leaves the source alone: go test takes the file with the bug from elsewhere.
func (b bug) plant(root string) (r result) {
	which := "."
	if b.test != "" {
		which = "^" + b.test + "$"
	}
	begin := time.Now()
	out, err := b.goTest(root, "-failfast", "-run", which)
	r.took = time.Since(begin)
	if m := failure.FindStringSubmatch(out); m != nil {
		r.failed = m[1] + m[2]
	} else if err == errFailed {
		r.err = fmt.Errorf("%w, but no test failed: %.300s", err, out)
	} else {
		r.err = err
	}
	return r
}

// goTest runs tests of the bug's package with the bug in it. It returns what they print, and errFailed if
// they fail.
func (b bug) goTest(root string, arguments ...string) (out string, err error) {
	folder, err := os.MkdirTemp("", "bugs")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	overlay, err := b.overlay(root, folder)
	if err != nil {
		return "", err
	}
	return goTest(filepath.Join(root, filepath.Dir(b.file)), append(arguments, "-overlay", overlay)...)
}

// overlay writes the file with the bug to folder, and a file that tells go test to take it for the
// original. It returns the name of the second.
func (b bug) overlay(root, folder string) (name string, err error) {
	original, err := filepath.Abs(filepath.Join(root, b.file))
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	buggy, err := b.in(string(source))
	if err != nil {
		return "", err
	}
	replacement := filepath.Join(folder, filepath.Base(b.file))
	if err := os.WriteFile(replacement, []byte(buggy), 0o644); err != nil {
		return "", err
	}
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{original: replacement}})
	if err != nil {
		return "", err
	}
	name = filepath.Join(folder, "overlay.json")
	return name, os.WriteFile(name, data, 0o644)
}

var errFailed = errors.New("go test fails")

// goTest runs tests of the package in dir. It returns what they print, and errFailed if they fail.
// TestDigestOfAShortRun is skipped: it fails for correct changes too, and can't say what is wrong.
func goTest(dir string, arguments ...string) (out string, err error) {
	test := exec.Command("go", append([]string{"test", "-count=1", "-vet=off", "-timeout", "2m", "-skip", "^TestDigestOfAShortRun$"}, arguments...)...)
	test.Dir = dir
	test.Env = append(os.Environ(), "CONVNET_ALL=") // the quick tests
	data, err := test.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = errFailed
	}
	return string(data), err
}
