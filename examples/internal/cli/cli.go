// Package cli is what all programs share: how they take their flags, print their help, report an
// error, and read and write files. A small program is then a few lines:
//
//	func main() {
//		out := cli.Out()
//		rings := cli.Program{Path: "examples/rings", Does: "Draws the rings of Saturn."}
//		rings.Main(func() error { return out.Write("rings.svg", draw) })
//	}
package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"convnet/examples/internal/atomicfile"
)

// A Program is what -h says before it lists the flags.
type Program struct {
	Path string // of its folder, from the root of the repository
	Does string // what it does, in a sentence
	Args string // what may follow the flags, such as "FILE…", or "" if nothing may
}

// The exit statuses of a program.
const (
	OK         = 0
	Failed     = 1
	WrongUsage = 2
)

// Main parses the flags of the command line, runs a program that takes no arguments after them,
// and exits.
func (p Program) Main(run func() error) {
	p.MainArgs(func([]string) error { return run() })
}

// MainArgs is Main for a program that takes arguments after the flags.
func (p Program) MainArgs(run func(args []string) error) {
	os.Exit(p.run(flag.CommandLine, os.Args[1:], os.Stdout, os.Stderr, run))
}

// run runs a program and returns its exit status.
func (p Program) run(flags *flag.FlagSet, args []string, stdout, stderr io.Writer, run func(args []string) error) int {
	err := p.Parse(flags, args, stdout)
	if err == nil {
		err = checkOut(flags)
	}
	if err == nil {
		err = run(flags.Args())
	}
	return p.Status(err, stderr)
}

// Parse parses the flags. If they ask for help, it prints the help and returns flag.ErrHelp.
func (p Program) Parse(flags *flag.FlagSet, args []string, stdout io.Writer) error {
	flags.Init(p.name(), flag.ContinueOnError)
	flags.SetOutput(io.Discard) // an error is reported by Status, in one line
	err := flags.Parse(args)
	switch {
	case err == flag.ErrHelp:
		p.help(stdout, flags)
		return err
	case err != nil:
		return Usagef("%s (-h lists the flags)", explain(flags, err))
	case p.Args == "" && flags.NArg() > 0:
		return Usagef("found the argument %.40q, want only flags (-h lists them)", flags.Arg(0))
	}
	return nil
}

// Status reports an error in one line, and returns the exit status.
func (p Program) Status(err error, stderr io.Writer) int {
	if err == nil || err == flag.ErrHelp {
		return OK
	}
	fmt.Fprintf(stderr, "%s: %v\n", p.name(), err)
	if errors.As(err, new(usageError)) {
		return WrongUsage
	}
	return Failed
}

func (p Program) name() string { return path.Base(p.Path) }

// A usageError says what is wrong with the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usagef returns an error that says what is wrong with the command line.
func Usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

const helpWidth = 79 // columns, one less than a terminal has

// help says what the program does, how to run it, and what each flag means.
func (p Program) help(w io.Writer, flags *flag.FlagSet) {
	var names, meanings []string
	width := 0
	flags.VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" {
			meaning += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		name := strings.TrimSpace("-" + f.Name + " " + value)
		names, meanings = append(names, name), append(meanings, meaning)
		width = max(width, len(name))
	})
	usage := "Usage: go run ./" + p.Path
	if len(names) > 0 {
		usage += " [flags]"
	}
	if p.Args != "" {
		usage += " " + p.Args
	}
	fmt.Fprintf(w, "%s\n\n%s\n", strings.Join(wrap(p.Does, helpWidth), "\n"), usage)
	for k, name := range names {
		if k == 0 {
			fmt.Fprintln(w)
		}
		for _, line := range wrap(meanings[k], helpWidth-width-4) {
			fmt.Fprintf(w, "  %-*s  %s\n", width, name, line)
			name = ""
		}
	}
}

// wrap breaks a text into lines of at most width characters, if its words are no longer than that.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line+" "+word)) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

// invalid matches what package flag says about a value that it can't parse.
var invalid = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([^:]+): (.*)$`)

// explain says what package flag found on the command line, and what it wants.
func explain(flags *flag.FlagSet, err error) string {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		return "unknown flag " + name
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		value, _ := flag.UnquoteUsage(flags.Lookup(name))
		return fmt.Sprintf("-%s has no value, want -%[1]s %s", name, value)
	}
	found := invalid.FindStringSubmatch(text)
	if found == nil {
		return text
	}
	value, name, cause := found[1], found[2], found[3]
	want := fmt.Sprintf("-%s is %s, want %s", name, value, Kind(flags.Lookup(name)))
	if cause != "parse error" {
		want += ": " + cause
	}
	return want
}

// Kind says what a flag's value must be, for an error message.
func Kind(f *flag.Flag) string {
	if g, ok := f.Value.(flag.Getter); ok {
		switch g.Get().(type) {
		case bool:
			return "true or false"
		case int:
			return "an integer"
		case uint64:
			return "an integer that isn't negative"
		case float64:
			return "a number"
		}
	}
	return "another value"
}

// checkOut returns an error if flag -out names something that isn't a folder, so that a program that
// measures for hours doesn't find out at the end.
func checkOut(flags *flag.FlagSet) error {
	out := flags.Lookup("out")
	if out == nil || out.Value.String() == "" && out.DefValue == "" {
		return nil
	}
	if out.Value.String() == "" {
		return Usagef("-out is empty, want a folder")
	}
	info, err := os.Stat(out.Value.String())
	if err == nil && !info.IsDir() {
		err = errors.New("found a file, want a folder")
	}
	if err != nil && out.Value.String() == out.DefValue {
		err = atRoot(err)
	}
	if err != nil {
		return Usagef("-out %q: %w", out.Value, err)
	}
	return nil
}

// atRoot adds the likely reason to an error about a missing file.
func atRoot(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (run this from the root of the repository)", err)
	}
	return err
}

// ReadFile reads a file of the repository, given its path from the root.
func ReadFile(name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return nil, atRoot(err)
	}
	return text, nil
}

// A Folder is where a program writes its files.
type Folder struct {
	Path string
	Log  io.Writer // gets a line for each file; may be nil
}

// Write writes a file into the folder: all of it or, after an error, nothing.
func (f Folder) Write(name string, write func(w io.Writer) error) error {
	return WriteFile(filepath.Join(f.Path, name), f.Log, write)
}

// WriteFile writes a file as Folder.Write does. The log may be nil.
func WriteFile(path string, log io.Writer, write func(w io.Writer) error) error {
	if err := atomicfile.Write(path, write); err != nil {
		return err
	}
	if log != nil {
		fmt.Fprintln(log, "wrote", filepath.ToSlash(path))
	}
	return nil
}

// WriteLines writes a file with a line of JSON for each value, as WriteFile does.
func WriteLines[T any](path string, log io.Writer, values []T) error {
	return WriteFile(path, log, func(w io.Writer) error {
		e := json.NewEncoder(w)
		for _, v := range values {
			if err := e.Encode(v); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReadLines reads a file that WriteLines wrote, as ReadFile does.
func ReadLines[T any](name string) (values []T, err error) {
	text, err := ReadFile(name)
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(text)); d.More(); {
		var v T
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		values = append(values, v)
	}
	return values, nil
}

// Out defines the flag -out, for the pictures of the chapters.
func Out() *Folder { return OutTo("docs/images") }

// OutTo defines the flag -out with another default.
func OutTo(folder string) *Folder {
	f := &Folder{Log: os.Stderr} // not Stdout, which is for tables
	flag.StringVar(&f.Path, "out", folder, "write the files to `DIR`")
	return f
}

// Model defines the flag -model, a file name for trained.Open.
func Model() *string { return ModelIn(flag.CommandLine) }

// ModelIn is Model for a program with flags of its own.
func ModelIn(flags *flag.FlagSet) *string {
	return flags.String("model", "", "use the model in `FILE`, not the embedded one")
}

// Data defines the flag -data, a folder for download.Full.
func Data() *string {
	return flag.String("data", "", "read the full MNIST from `DIR`, not from the cache of train -full")
}
