// Workshop writes a module in which you write the network yourself, and helps you on the way:
//
//	go run ./examples/workshop ../mine                  write the module, or say how far you are
//	go run ./examples/workshop -hint MaxPool ../mine    a hint; ask again for a longer one
//	go run ./examples/workshop -reset MaxPool ../mine   put one function back to where it began
//
// In the folder of the module no folder has to be named: go run convnet/examples/workshop -hint MaxPool.
// There go test says what is right, what to write next, and which mistake you made. It checks with package
// tutor.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"

	"convnet"
	"convnet/examples/internal/cli"
)

func main() {
	hint := flag.String("hint", "", "show a hint for `STEP`, for example MaxPool, and a longer one each time")
	reset := flag.String("reset", "", "put `FUNCTION` back to where it began, and keep what you had in a file next to it")
	command := cli.Program{
		Path: "examples/workshop",
		Does: "Writes a module to DIR, in which you write the network yourself. If it's there already, says how far you are. " +
			"In your module, run it without DIR: go run convnet/examples/workshop.",
		Args: "[DIR]",
	}
	command.MainArgs(func(args []string) error {
		p := program{stdout: os.Stdout, stderr: os.Stderr, module: reflect.TypeFor[convnet.Network]().PkgPath()}
		return p.run(*hint, *reset, args)
	})
}

// A program is one run of the workshop.
type program struct {
	stdout, stderr io.Writer
	module         string // the path of package convnet
	clone          string // its folder, "" to ask the go command
}

func (p program) run(hint, reset string, args []string) error {
	switch {
	case len(args) > 1:
		return cli.Usagef("found %q after the folder %s,\nwant one folder, and flags before it", args[1], args[0])
	case hint != "" && reset != "":
		return cli.Usagef("found -hint and -reset, want one of them")
	case hint == "" && reset == "" && len(args) == 1 && !isWorkshop(args[0]):
		return p.create(args[0])
	}
	folder := ""
	if len(args) == 1 {
		folder = args[0]
	}
	folder, err := findWorkshop(folder)
	if err != nil && hint == "" && reset == "" {
		return cli.Usagef("name a folder for your module, for example\n%s", p.command("", "../mine"))
	}
	switch {
	case err != nil && len(args) == 1:
		return err
	case err != nil:
		flags := "-hint " + quoted(hint)
		if reset != "" {
			flags = "-reset " + quoted(reset)
		}
		return cli.Usagef("%w: name its folder, for example\n%s", err, p.command(flags, "../mine"))
	case hint != "":
		return p.hint(folder, hint)
	case reset != "":
		return p.reset(folder, reset)
	}
	return p.status(folder)
}

// command returns a command that runs this program in the clone.
func (p program) command(flags, folder string) string {
	if flags != "" {
		flags = " " + flags
	}
	return fmt.Sprintf("go run ./examples/workshop%s %s", flags, folder)
}

// fromClone returns such a command for a module, or "" if the working directory isn't the clone's root.
func (p program) fromClone(flags, folder string) string {
	if _, err := os.Stat(filepath.FromSlash("examples/workshop/tutor/functions.go")); err != nil {
		return ""
	}
	return p.command(flags, quoted(shown(folder)))
}
