package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// newFlags returns flags like those of a program that writes to folder by default.
func newFlags(folder string) *flag.FlagSet {
	flags := flag.NewFlagSet("", flag.ExitOnError)
	flags.String("out", folder, "write to `DIR`")
	flags.Int("runs", 5, "run `N` times")
	flags.Uint64("seed", 1, "start from seed `N`")
	flags.Float64("rate", 0.5, "turn at rate `R`")
	flags.Bool("fast", false, "turn quickly")
	return flags
}

var rings = Program{Path: "examples/rings", Does: "Draws the rings of Saturn."}

// What a program prints and returns for a command line.
func TestStatus(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, missing := os.Stat(filepath.Join(folder, "none"))
	for _, c := range []struct {
		args   []string
		err    error // that the program returns
		status int
		ran    bool
		says   string // on stderr
	}{
		{nil, nil, 0, true, ""},
		{[]string{"-runs", "2", "a", "-runs"}, nil, 0, true, ""},
		{nil, errors.New("the disk is full"), 1, true, "rings: the disk is full\n"},
		{nil, Usagef("-runs is %d, want 1 or more", 0), 2, true, "rings: -runs is 0, want 1 or more\n"},
		{nil, fmt.Errorf("second: %w", Usagef("wrong")), 2, true, "rings: second: wrong\n"},
		{[]string{"-wrong"}, nil, 2, false, "rings: unknown flag -wrong (-h lists the flags)\n"},
		{[]string{"--wrong=3"}, nil, 2, false, "rings: unknown flag -wrong (-h lists the flags)\n"},
		{[]string{"-runs"}, nil, 2, false, "rings: -runs has no value, want -runs N (-h lists the flags)\n"},
		{[]string{"-runs", "x: 1"}, nil, 2, false, "rings: -runs is \"x: 1\", want an integer (-h lists the flags)\n"},
		{[]string{"-runs", "1e9"}, nil, 2, false, "rings: -runs is \"1e9\", want an integer (-h lists the flags)\n"},
		{[]string{"-runs", "99999999999999999999"}, nil, 2, false, "rings: -runs is \"99999999999999999999\", want an integer: value out of range (-h lists the flags)\n"},
		{[]string{"-seed", "-1"}, nil, 2, false, "rings: -seed is \"-1\", want an integer that isn't negative (-h lists the flags)\n"},
		{[]string{"-rate", ""}, nil, 2, false, "rings: -rate is \"\", want a number (-h lists the flags)\n"},
		{[]string{"-fast=maybe"}, nil, 2, false, "rings: -fast is \"maybe\", want true or false (-h lists the flags)\n"},
		{[]string{"---fast"}, nil, 2, false, "rings: bad flag syntax: ---fast (-h lists the flags)\n"},
		{[]string{"-out", filepath.Join(folder, "none")}, nil, 2, false, fmt.Sprintf("rings: -out %q: %v\n", filepath.Join(folder, "none"), missing)},
		{[]string{"-out", ""}, nil, 2, false, "rings: -out is empty, want a folder\n"},
		{[]string{"-out", file}, nil, 2, false, fmt.Sprintf("rings: -out %q: found a file, want a folder\n", file)},
	} {
		var stdout, stderr strings.Builder
		var got []string
		ran := false
		flags := newFlags(folder)
		open := rings
		open.Args = "RING…"
		status := open.run(flags, c.args, &stdout, &stderr, func(args []string) error {
			ran, got = true, args
			return c.err
		})
		if status != c.status || ran != c.ran || stderr.String() != c.says || stdout.Len() > 0 {
			t.Errorf("%q: status %d, ran: %t, stdout %q, stderr %q, want %d, %t, nothing, %q", c.args, status, ran, &stdout, &stderr, c.status, c.ran, c.says)
		}
		if len(c.args) > 2 && !slices.Equal(got, c.args[2:]) {
			t.Errorf("the arguments are %q, want %q", got, c.args[2:])
		}
	}
}

// If the folder that a program writes to by default is missing, the user is elsewhere.
func TestDefaultFolderIsMissing(t *testing.T) {
	var stdout, stderr strings.Builder
	folder := filepath.Join(t.TempDir(), "docs")
	status := rings.run(newFlags(folder), nil, &stdout, &stderr, func([]string) error { return nil })
	if status != 2 || !strings.HasSuffix(stderr.String(), " (run this from the root of the repository)\n") {
		t.Errorf("status %d, stderr %q, want 2 and the likely reason", status, &stderr)
	}
}

// A program that takes no arguments says so, before it runs.
func TestStray(t *testing.T) {
	var stdout, stderr strings.Builder
	status := rings.run(newFlags("."), []string{"-fast", "a", "b"}, &stdout, &stderr, func([]string) error {
		t.Error("the program ran")
		return nil
	})
	const want = "rings: found the argument \"a\", want only flags (-h lists them)\n"
	if status != 2 || stdout.Len() > 0 || stderr.String() != want {
		t.Errorf("status %d, stdout %q, stderr %q, want 2, nothing and %q", status, &stdout, &stderr, want)
	}
}

// Help is what was asked for, so it goes to stdout, and nothing runs.
func TestHelp(t *testing.T) {
	const sentence = "Draws the rings of Saturn, from the innermost to the outermost, and counts all\nof their moons.\n\n"
	wordy := Program{Path: "examples/rings", Does: strings.ReplaceAll(sentence, "\n", " "), Args: "RING…"}
	flags := newFlags("out")
	flags.String("in", "", "read the rings from `FILE`, read the rings from FILE, read the rings, or do not")
	flags.Bool("up", false, strings.Repeat("turn up, ", 7)+"or up")
	const listed = sentence + `Usage: go run ./examples/rings [flags] RING…

  -fast     turn quickly
  -in FILE  read the rings from FILE, read the rings from FILE, read the rings,
            or do not
  -out DIR  write to DIR (default out)
  -rate R   turn at rate R (default 0.5)
  -runs N   run N times (default 5)
  -seed N   start from seed N (default 1)
  -up       turn up, turn up, turn up, turn up, turn up, turn up, turn up, or
            up
`
	for _, c := range []struct {
		program Program
		flags   *flag.FlagSet
		arg     string
		want    string
	}{
		{wordy, flags, "-h", listed},
		{wordy, flags, "--help", listed},
		{rings, flag.NewFlagSet("", flag.ExitOnError), "-h", "Draws the rings of Saturn.\n\nUsage: go run ./examples/rings\n"},
	} {
		var stdout, stderr strings.Builder
		status := c.program.run(c.flags, []string{c.arg}, &stdout, &stderr, func([]string) error {
			t.Error("the program ran")
			return nil
		})
		if status != 0 || stderr.Len() > 0 || stdout.String() != c.want {
			t.Errorf("status %d, stderr %q, stdout\n%s\nwant 0, nothing and\n%s", status, &stderr, &stdout, c.want)
		}
	}
}

// Nothing is left of a file that can't be written in full.
func TestWrite(t *testing.T) {
	var log strings.Builder
	folder := Folder{t.TempDir(), &log}
	if err := folder.Write("a.svg", func(w io.Writer) error { _, err := io.WriteString(w, "rings"); return err }); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder.Path, "a.svg")
	if text, err := os.ReadFile(path); err != nil || string(text) != "rings" {
		t.Errorf("the file is %q, error %v", text, err)
	}
	if want := "wrote " + filepath.ToSlash(path) + "\n"; log.String() != want {
		t.Errorf("logged %q, want %q", &log, want)
	}
	log.Reset()
	wrong := errors.New("wrong")
	folder.Log = nil
	for _, f := range []Folder{folder, {folder.Path, &log}} {
		err := f.Write("b.svg", func(w io.Writer) error { io.WriteString(w, "ri"); return wrong })
		if err != wrong {
			t.Errorf("error %v, want %v", err, wrong)
		}
	}
	if err := folder.Write("c.svg", func(io.Writer) error { return nil }); err != nil { // without a log
		t.Error(err)
	}
	if files, err := os.ReadDir(folder.Path); err != nil || len(files) != 2 || log.Len() > 0 {
		t.Errorf("the folder has %v, error %v, logged %q, want a.svg, c.svg and nothing", files, err, &log)
	}
}

// Values are read as they were written, one per line, and the error about a bad line names the file.
func TestLines(t *testing.T) {
	type point struct {
		Name string
		X    []float64
	}
	var log strings.Builder
	path := filepath.Join(t.TempDir(), "points.json")
	want := []point{{"a", []float64{1, 2.5}}, {"b", nil}}
	if err := WriteLines(path, &log, want); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "{\"Name\":\"a\",\"X\":[1,2.5]}\n{\"Name\":\"b\",\"X\":null}\n" {
		t.Errorf("the file is %q, error %v", text, err)
	}
	if want := "wrote " + filepath.ToSlash(path) + "\n"; log.String() != want {
		t.Errorf("logged %q, want %q", &log, want)
	}
	if values, err := ReadLines[point](path); err != nil || !reflect.DeepEqual(values, want) {
		t.Errorf("read %v, error %v, want %v", values, err, want)
	}
	if err := WriteLines(path, nil, []float64{math.NaN()}); err == nil {
		t.Error("no error for a NaN, which JSON doesn't have")
	}
	if err := os.WriteFile(path, text[:len(text)-5], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadLines[point](path); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
		t.Errorf("a line that is cut off: error %v, want one that names the file", err)
	}
	if _, err := ReadLines[point](filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: error %v, want %v", err, fs.ErrNotExist)
	}
}

func TestReadFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("docs", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("docs/page.md", []byte("page"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := ReadFile("docs/page.md"); err != nil || string(text) != "page" {
		t.Errorf("read %q, error %v", text, err)
	}
	if _, err := ReadFile("docs/none.md"); !errors.Is(err, fs.ErrNotExist) || !strings.HasSuffix(err.Error(), " (run this from the root of the repository)") {
		t.Errorf("error %v, want one that says where to run this", err)
	}
	if _, err := ReadFile("docs"); err == nil || strings.Contains(err.Error(), "root") {
		t.Errorf("error %v, want one that doesn't say where to run this", err)
	}
}

// Programs write below docs by default, and report it to stderr, not among their tables.
func TestFlags(t *testing.T) {
	old := flag.CommandLine // the tests' own
	defer func() { flag.CommandLine = old }()
	flag.CommandLine = flag.NewFlagSet("", flag.ContinueOnError)
	out, model, data := Out(), Model(), Data()
	for name, want := range map[string]string{"out": "docs/images", "model": "", "data": ""} {
		if f := flag.Lookup(name); f == nil || f.DefValue != want {
			t.Errorf("-%s is %v by default, want %q", name, f, want)
		}
	}
	if err := flag.CommandLine.Parse([]string{"-out", "a", "-model", "b", "-data", "c"}); err != nil {
		t.Fatal(err)
	}
	if out.Path != "a" || out.Log != os.Stderr || *model != "b" || *data != "c" {
		t.Errorf("the flags set %v, %q, %q", out, *model, *data)
	}
}
