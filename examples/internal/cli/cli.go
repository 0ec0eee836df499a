// Package cli holds what the small programs share: how they take their flags, report an error,
// and read and write files. A program is then a few lines:
//
//	func main() {
//		out := cli.Out()
//		cli.Main("rings", func() error { return out.Write("rings.svg", draw) })
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
	"path/filepath"

	"convnet/examples/internal/atomicfile"
)

// Main parses the flags of the command line, runs a program that takes no arguments after them,
// and exits: with status 0, 1 after an error, 2 if the command line is wrong.
func Main(name string, run func() error) {
	MainArgs(name, func(args []string) error {
		if len(args) > 0 {
			return Usagef("found %q after the flags, want nothing", args[0])
		}
		return run()
	})
}

// MainArgs is Main for a program that takes arguments after the flags.
func MainArgs(name string, run func(args []string) error) {
	os.Exit(status(name, flag.CommandLine, os.Args[1:], os.Stdout, os.Stderr, run))
}

// A usageError says what is wrong with the command line.
type usageError struct{ error }

// Usagef returns an error that says what is wrong with the command line.
func Usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// status runs a program and returns its exit status.
func status(name string, flags *flag.FlagSet, args []string, stdout, stderr io.Writer, run func(args []string) error) int {
	flags.Init(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // an error is reported below, in one line
	err := flags.Parse(args)
	switch {
	case err == flag.ErrHelp:
		flags.SetOutput(stdout)
		fmt.Fprintf(stdout, "Usage of %s:\n", name)
		flags.PrintDefaults()
		return 0
	case err != nil:
		err = usageError{err}
	default:
		err = checkOut(flags)
	}
	if err == nil {
		err = run(flags.Args())
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
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
		err = errors.New("it is not a folder")
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
		return fmt.Errorf("%w (run this in the root of the repository)", err)
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

// Out defines the flag -out, for pictures of the chapters.
func Out() *Folder { return OutTo("docs/images") }

// OutTo defines the flag -out with another default.
func OutTo(folder string) *Folder {
	f := &Folder{Log: os.Stderr} // not Stdout, which is for tables
	flag.StringVar(&f.Path, "out", folder, "write to `DIR`")
	return f
}

// Model defines the flag -model, a file name for trained.Open.
func Model() *string {
	return flag.String("model", "", "use the network in `FILE` instead of the embedded one")
}

// Data defines the flag -data, a folder for download.Full.
func Data() *string {
	return flag.String("data", "", "read the full MNIST in `DIR` instead of the cache of go run ./examples/train -full")
}
