// Bugs plants the bugs of docs/bugs.md, one after another, in a copy of the repository, and
// runs the tests of the package that the bug is in.
//
//	go run ./examples/internal/figures/bugs
//	go run ./examples/internal/figures/bugs 7 D
//
// For each bug it prints the time the tests took and the first test that failed. It fails if
// no test finds a bug. Without arguments it plants the bugs that have a number; those with a
// letter are the chapter's exercise.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A bug is a change of one line in a file.
type bug struct {
	name     string // its number, or a letter
	file     string
	was, now string
}

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bugs:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, names []string) error {
	text, err := os.ReadFile("docs/bugs.md")
	if err != nil {
		return fmt.Errorf("%w (run this in the root of the repository)", err)
	}
	chosen, err := choose(bugs(string(text)), names)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bugs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := os.CopyFS(folder, os.DirFS(".")); err != nil {
		return err
	}
	alive, sound := 0, map[string]bool{} // sound are the packages whose tests pass without a bug
	for _, b := range chosen {
		if dir := filepath.Dir(b.file); !sound[dir] {
			if failed, _, err := (bug{file: b.file}).plant(folder); failed != "" || err != nil {
				return fmt.Errorf("%s without a bug: %s %v, want the tests to pass", dir, failed, err)
			}
			sound[dir] = true
		}
		failed, took, err := b.plant(folder)
		if err != nil {
			return fmt.Errorf("bug %s: %w", b.name, err)
		}
		if failed == "" {
			failed = "NOTHING"
			alive++
		}
		fmt.Fprintf(w, "%2s  %.1f s  %s\n", b.name, took.Seconds(), failed)
	}
	if alive > 0 {
		return fmt.Errorf("%d bugs got past the tests", alive)
	}
	return nil
}

// row matches a row of a table: name, file, old and new code. What follows is for the reader.
var row = regexp.MustCompile("(?m)^\\| (\\d+|[A-Z]) \\| ([a-z./]+) \\| `([^`]+)` \\| `([^`]*)` \\|")

// bugs reads the tables of docs/bugs.md.
func bugs(text string) []bug {
	var all []bug
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		all = append(all, bug{m[1], m[2], m[3], m[4]})
	}
	return all
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
			return nil, fmt.Errorf("docs/bugs.md has no bug %q", name)
		}
		chosen = append(chosen, all[k])
	}
	return chosen, nil
}

// in returns the source with the bug in it.
func (b bug) in(source string) (string, error) {
	if b.was == "" {
		return source, nil // no bug
	}
	if n := strings.Count(source, b.was); n != 1 {
		return "", fmt.Errorf("%s contains %[3]s %[2]d times, want once", b.file, n, b.was)
	}
	return strings.Replace(source, b.was, b.now, 1), nil
}

var failure = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// plant runs the tests in folder with the bug, and returns the first that failed.
func (b bug) plant(folder string) (failed string, took time.Duration, err error) {
	name := filepath.Join(folder, b.file)
	sound, err := os.ReadFile(name)
	if err != nil {
		return "", 0, err
	}
	spoiled, err := b.in(string(sound))
	if err != nil {
		return "", 0, err
	}
	if err := os.WriteFile(name, []byte(spoiled), 0o644); err != nil {
		return "", 0, err
	}
	begin := time.Now()
	test := exec.Command("go", "test", "-count=1", "-failfast", ".")
	test.Dir = filepath.Dir(name) // the package that the bug is in
	out, err := test.CombinedOutput()
	took = time.Since(begin)
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return "", 0, err
	}
	if err := os.WriteFile(name, sound, 0o644); err != nil {
		return "", 0, err
	}
	if m := failure.FindStringSubmatch(string(out)); m != nil {
		return m[1], took, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("go test failed without a failed test: %.300s", out)
	}
	return "", took, nil
}
