package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"convnet/examples/workshop/tutor"
)

// isWorkshop reports whether a folder holds a module that this program wrote.
func isWorkshop(folder string) bool {
	text, err := os.ReadFile(filepath.Join(folder, "workshop_test.go"))
	return err == nil && bytes.Contains(text, []byte("/examples/workshop/tutor\""))
}

// findWorkshop returns the folder if it is a workshop's module. Without one it looks for the module in the
// working directory and above.
func findWorkshop(folder string) (string, error) {
	if folder != "" {
		if isWorkshop(folder) {
			return folder, nil
		}
		return "", fmt.Errorf("%s isn't a workshop's module", folder)
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if isWorkshop(here) {
			return here, nil
		}
		parent := filepath.Dir(here)
		if parent == here {
			return "", errors.New("this folder isn't a workshop's module")
		}
		here = parent
	}
}

// status says how far the learner is, as go test does.
func (p program) status(folder string) error {
	c, err := offline(folder, "test")
	if err != nil {
		return err
	}
	if name := shown(folder); name != "." {
		fmt.Fprintf(p.stdout, "%s is your module already. Nothing in it was changed.\ngo test there says:\n\n", name)
	}
	c.Stdout, c.Stderr = p.stdout, p.stderr
	if err := c.Run(); err != nil {
		if failed := (*exec.ExitError)(nil); !errors.As(err, &failed) {
			return err
		}
		// go test said why, and how to ask for a hint in the module.
		if command := p.fromClone("-hint STEP", folder); command != "" {
			fmt.Fprintf(p.stdout, "\nFor a hint from this folder, type the step's name for STEP:\n\n    %s\n", command)
		}
	}
	return nil
}

// hint shows the next hint for a step. How many were shown is in a file of the module.
func (p program) hint(folder, name string) error {
	step, err := findStep(name)
	if err != nil {
		return err
	}
	if len(step.Hints) == 0 {
		return fmt.Errorf("there is no hint for %s", step.Name)
	}
	file := filepath.Join(folder, ".hints.json")
	shown := map[string]int{}
	if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &shown) != nil {
		shown = map[string]int{} // a damaged file: begin again
	}
	if shown == nil { // it says null
		shown = map[string]int{}
	}
	n := min(max(shown[step.Name], 0), len(step.Hints)-1)
	fmt.Fprintf(p.stdout, "%s, hint %d of %d:\n\n%s\n", step.Name, n+1, len(step.Hints), paragraphs(step.Hints[n]))
	if n+1 < len(step.Hints) {
		fmt.Fprintln(p.stdout, "\nStill stuck? Ask again, and you'll get a longer one.")
		if command := p.fromClone("-hint "+quoted(step.Name), folder); command != "" {
			fmt.Fprintf(p.stdout, "To ask from this folder:\n\n    %s\n", command)
		}
	} else {
		fmt.Fprintln(p.stdout, "\nThis is the last hint.")
	}
	shown[step.Name] = n + 1
	text, err := json.Marshal(shown)
	if err != nil {
		return err
	}
	if err := write(file, append(text, '\n')); err != nil {
		fmt.Fprintf(p.stderr, "workshop: can't remember that you got this hint: %v\n", err)
	}
	return nil
}

// paragraphs wraps a text at 80 columns, except for lines that are indented.
func paragraphs(text string) string {
	all := strings.Split(text, "\n\n")
	for k, paragraph := range all {
		if !strings.HasPrefix(paragraph, " ") && !strings.HasPrefix(paragraph, "\t") && !strings.Contains(paragraph, "\n ") && !strings.Contains(paragraph, "\n\t") {
			all[k] = wrap(paragraph, 80)
		}
	}
	return strings.Join(all, "\n\n")
}

// findStep returns the step with a name, whether its letters are large or small.
func findStep(name string) (tutor.Step, error) {
	var names []string
	for _, step := range tutor.Steps() {
		if strings.EqualFold(step.Name, name) {
			return step, nil
		}
		names = append(names, step.Name)
	}
	return tutor.Step{}, unknown("step", name, names)
}

// unknown returns an error that lists the names there are.
func unknown(kind, name string, names []string) error {
	return fmt.Errorf("there is no %s %s. Choose one of:\n%s", kind, name, wrap(strings.Join(names, ", "), 80))
}

// reset puts a function back to where it began. The text that it replaces is kept in a file of its own.
func (p program) reset(folder, name string) error {
	clone, err := p.findClone()
	if err != nil {
		return err
	}
	s, err := readSource(p.module, clone)
	if err != nil {
		return err
	}
	k := slices.IndexFunc(s.steps, func(step string) bool { return strings.EqualFold(step, name) })
	if k < 0 {
		return unknown("function", name, s.steps)
	}
	d := s.named[s.steps[k]]
	files, err := s.files("")
	if err != nil {
		return err
	}
	stub := function{text: s.stub(d), name: d.name, method: d.Decl.(*ast.FuncDecl).Recv != nil}
	home := "layer.go"
	if d.file == "convnet.go" {
		home = "network.go"
	}
	names, err := filepath.Glob(filepath.Join(escapeGlob(folder), "*.go"))
	if err != nil {
		return err
	}
	for _, file := range names {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		begin, end := stub.find(text)
		if begin < 0 {
			continue
		}
		old := string(text[begin:end])
		if old == stub.text {
			fmt.Fprintf(p.stdout, "%s in %s is as it was at the beginning.\n", d.name, filepath.Base(file))
			return nil
		}
		kept, err := keep(folder, d.name, old)
		if err != nil {
			return err
		}
		text = slices.Concat(text[:begin], []byte(stub.text), text[end:])
		if err := write(file, withoutUnused(text)); err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s in %s is back to where it began.\nWhat you had is in %s.\n", d.name, filepath.Base(file), kept)
		return nil
	}
	// It was deleted or got another name.
	file := filepath.Join(folder, home)
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = files[home]
	case err != nil:
		return err
	default:
		text = append(bytes.TrimRight(text, "\n"), "\n\n"+stub.text+"\n"...)
	}
	if err := write(file, text); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "Your module had no %s.\nIt is in %s again, as it was at the beginning.\n", d.name, home)
	return nil
}

// escapeGlob returns a path as a pattern that matches only it.
func escapeGlob(path string) string {
	if filepath.Separator == '\\' {
		return path // a pattern has no way to say so
	}
	return regexp.MustCompile(`[*?\[\\]`).ReplaceAllString(path, `\$0`)
}

// keep writes the old text of a function to a new file, and returns the file's name.
func keep(folder, name, text string) (string, error) {
	file := name + ".old.txt"
	for k := 2; ; k++ {
		if _, err := os.Lstat(filepath.Join(folder, file)); err != nil {
			break
		}
		file = name + ".old" + strconv.Itoa(k) + ".txt"
	}
	return file, write(filepath.Join(folder, file), []byte(text+"\n"))
}

// A function is one that the learner writes, as it was at the beginning.
type function struct {
	text, name string
	method     bool
}

// find returns where the function is in a file, with its comment, or −1.
func (f function) find(text []byte) (begin, end int) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, "", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return f.findLines(text)
	}
	for _, d := range parsed.Decls {
		d, ok := d.(*ast.FuncDecl)
		if !ok || d.Name.Name != f.name || (d.Recv != nil) != f.method {
			continue
		}
		from := d.Pos()
		if d.Doc != nil {
			from = d.Doc.Pos()
		}
		return set.Position(from).Offset, set.Position(d.End()).Offset
	}
	return -1, -1
}

// findLines is find for a file that doesn't compile. Then a function ends with the first line that is a brace, or
// else before the next comment or declaration that isn't indented.
func (f function) findLines(text []byte) (begin, end int) {
	pattern := `(?m)^(//.*\n)*func `
	if f.method {
		pattern += `\([^)\n]*\) *`
	}
	found := regexp.MustCompile(pattern + f.name + `\(.*(\n|\z)`).FindIndex(text)
	if found == nil {
		return -1, -1
	}
	begin, end = found[0], found[1]
	for len(text[end:]) > 0 {
		line, _, _ := bytes.Cut(text[end:], []byte("\n"))
		if regexp.MustCompile(`^(//|func\b|type\b|var\b|const\b)`).Match(line) {
			break
		}
		end = min(end+len(line)+1, len(text))
		if bytes.Equal(bytes.TrimRight(line, " \t\r"), []byte("}")) {
			break
		}
	}
	return begin, begin + len(bytes.TrimRight(text[begin:end], "\r\n"))
}

// withoutUnused returns a Go file without the imports that it doesn't use.
func withoutUnused(text []byte) []byte {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if err != nil {
		return text
	}
	used := selected(parsed)
	for _, spec := range slices.Backward(parsed.Imports) {
		importPath, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := importName(importPath)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "_" || name == "." || used[name] {
			continue
		}
		begin, end := set.Position(spec.Pos()).Offset, set.Position(spec.End()).Offset
		before, after := text[:begin], text[end:]
		if line, rest, _ := bytes.Cut(after, []byte("\n")); len(bytes.TrimSpace(line)) == 0 && bytes.HasSuffix(before, []byte("\n\t")) {
			before, after = before[:len(before)-1], rest // the import has a line of its own
		}
		text = slices.Concat(before, after)
	}
	return emptyImport.ReplaceAll(text, nil)
}

// emptyImport matches what is left of a list of imports, or of an import without a list.
var emptyImport = regexp.MustCompile(`(?m)^import[ \t]*(?:\(\s*\))?[ \t]*\n+`)
