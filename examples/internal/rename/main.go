// Rename gives the module another path, for example to the path of the repository's new home:
//
//	go run ./examples/internal/rename example.com/you/convnet
//
// It changes go.mod, the imports of all Go files, and the places where a page, a comment or a
// string names the path: an import, a package to import, or the argument of a go command. Package
// convnet keeps its name. If the path ends in another word, the imports say which name is meant.
//
// All changes are worked out before the first file is written, and if a file can't be written,
// the others get their old content back. It doesn't need Git.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/cli"
)

// packageName is the name of the package at the root, whatever the module's path is.
const packageName = "convnet"

func main() {
	rename := cli.Program{
		Path: "examples/internal/rename",
		Does: "Gives the module a new path, such as example.com/you/convnet, and updates all imports.",
		Args: "PATH",
	}
	rename.MainArgs(func(args []string) error { return run(os.Stdout, ".", args) })
}

func run(w io.Writer, root string, args []string) error {
	if len(args) != 1 {
		return cli.Usagef("found %d arguments, want one, the module's new path: go run ./examples/internal/rename example.com/you/convnet", len(args))
	}
	from, changed, err := rename(os.DirFS(root), args[0])
	if err != nil {
		return err
	}
	if err := write(root, changed); err != nil {
		return err
	}
	fmt.Fprintf(w, "the module %s is now %s: changed %d files\n", from, args[0], len(changed))
	return nil
}

// A file is one whose content changes. Its name is relative to the root, with slashes.
type file struct {
	name     string
	was, now []byte
}

// modulePath matches what a go command can fetch: a host with a dot in its name, then folders.
var modulePath = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*)+$`)

// reserved matches folders that a module's path can't have: Go's own, and names that mean a device on Windows.
var reserved = regexp.MustCompile(`(?i)/(vendor|con|prn|aux|nul|com[0-9]|lpt[0-9])(\.[^/]*)?(/|$)`)

// checkPath returns an error unless a module of version 0 or 1 can have the path.
func checkPath(to string) error {
	if !modulePath.MatchString(to) {
		return fmt.Errorf("%q can't be a module's path, want a host and folders, as in example.com/you/convnet", to)
	}
	if regexp.MustCompile(`/v[0-9]+$`).MatchString(to) {
		return fmt.Errorf("%s ends in a major version, want a path without one", to)
	}
	if found := reserved.FindStringSubmatch(to); found != nil {
		return fmt.Errorf("%s has a folder named %s, which Go or Windows reserves: choose another name", to, found[1])
	}
	if strings.HasSuffix(to, ".git") {
		return fmt.Errorf("%s is the address of a clone, want the path without .git", to)
	}
	return nil
}

// rename returns the module's old path and the files that change if it becomes to. The last one
// is go.mod: whoever is interrupted while writing the others can start again.
func rename(root fs.FS, to string) (from string, changed []file, err error) {
	if err := checkPath(to); err != nil {
		return "", nil, err
	}
	mod, err := fs.ReadFile(root, "go.mod")
	if err == nil {
		_, err = fs.Stat(root, "convnet.go")
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w (run this from the root of the repository)", err)
	}
	found := regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)`).FindSubmatch(mod)
	if found == nil {
		return "", nil, errors.New("go.mod has no module line, want one with the module's path")
	}
	from = string(found[1])
	if from == to {
		return "", nil, fmt.Errorf("the module's path is %s already, want another one", to)
	}
	r := newRenamer(from, to)
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil // a link's target has a name of its own, or isn't ours
		}
		f := file{name: name}
		if f.was, f.now, err = r.file(root, name); err == nil && !bytes.Equal(f.was, f.now) {
			changed = append(changed, f)
		}
		return err
	})
	isMod := func(f file) bool { return f.name == "go.mod" }
	if k := slices.IndexFunc(changed, isMod); k >= 0 {
		changed = append(slices.Delete(slices.Clone(changed), k, k+1), changed[k])
	}
	return from, changed, err
}

// write writes the files, or none of them.
func write(root string, changed []file) error {
	for k, f := range changed {
		if err := put(root, f.name, f.now); err != nil {
			for _, earlier := range changed[:k] {
				err = errors.Join(err, put(root, earlier.name, earlier.was))
			}
			return err
		}
	}
	return nil
}

func put(root, name string, content []byte) error {
	return atomicfile.Write(filepath.Join(root, filepath.FromSlash(name)), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// A renamer replaces the module's path. A path can be a word as plain as convnet, which most of
// the time means the package, a folder or a program. So the context decides: an import in Go code,
// a line of go.mod, a path that goes on with examples, or the word before.
type renamer struct {
	from, to string

	modLine  *regexp.Regexp // a line of go.mod that begins with the path
	below    *regexp.Regexp // the path of one of the examples
	argument *regexp.Regexp // require, go get, … and the path
	quoted   *regexp.Regexp // the path in quotes, an import within a string
}

func newRenamer(from, to string) renamer {
	p := regexp.QuoteMeta(from)
	return renamer{
		from: from, to: to,
		modLine:  regexp.MustCompile(`(?m)^(\s*(?:module|require|replace)?\s*"?)` + p + `(["/\s]|$)`),
		below:    regexp.MustCompile(`(^|[^\w./~-])` + p + `(/examples\b)`),
		argument: regexp.MustCompile("\\b((?:module |require |replace |go get |go doc (?:-\\w+ )*|imports? [`\"]))" + p + `([^\w./~-]|$)`),
		quoted:   regexp.MustCompile(`(")` + p + `(\\?")`),
	}
}

// file returns the content of a file before and after.
func (r renamer) file(root fs.FS, name string) (was, now []byte, err error) {
	isMod := path.Base(name) == "go.mod"
	if !isMod && path.Ext(name) != ".go" && path.Ext(name) != ".md" {
		return nil, nil, nil
	}
	if was, err = fs.ReadFile(root, name); err != nil {
		return nil, nil, err
	}
	switch {
	case isMod:
		now = []byte(r.replace(r.modLine, string(was)))
	case path.Ext(name) == ".go":
		now, err = r.source(name, was)
	default:
		now, err = r.page(name, was)
	}
	return was, now, err
}

// replace replaces the path between the two groups of a pattern.
func (r renamer) replace(pattern *regexp.Regexp, text string) string {
	return pattern.ReplaceAllString(text, "${1}"+r.to+"${2}")
}

// prose replaces the path in a text.
func (r renamer) prose(text string) string {
	return r.replace(r.argument, r.replace(r.below, text))
}

// snippet replaces the path in a piece of code, which may have imports.
func (r renamer) snippet(text string) string {
	if strings.Contains(text, "import") {
		text = r.replace(r.quoted, text)
	}
	return r.prose(text)
}

// source returns a Go file with its imports, strings and comments changed.
func (r renamer) source(name string, text []byte) ([]byte, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, name, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var now bytes.Buffer
	done := 0 // up to here the text is in now
	change := func(n ast.Node, by func(string) string) {
		begin, end := set.Position(n.Pos()).Offset, set.Position(n.End()).Offset
		now.Write(text[done:begin])
		now.WriteString(by(string(text[begin:end])))
		done = end
	}
	for _, n := range places(parsed) {
		switch n := n.(type) {
		case *ast.ImportSpec:
			change(n, func(was string) string { return r.importSpec(n, was) })
		case *ast.BasicLit:
			change(n, r.snippet)
		case *ast.Comment:
			change(n, r.prose)
		}
	}
	now.Write(text[done:])
	if bytes.Equal(now.Bytes(), text) {
		return text, nil
	}
	return format.Source(now.Bytes()) // imports are sorted by their paths
}

// places returns the imports, the other strings, and the comments of a file in source order.
func places(parsed *ast.File) []ast.Node {
	var all []ast.Node
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			all = append(all, n)
			return false
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				all = append(all, n)
			}
		}
		return true
	})
	for _, group := range parsed.Comments {
		for _, c := range group.List {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b ast.Node) int { return int(a.Pos() - b.Pos()) })
	return all
}

// importSpec returns an import with its path changed if it is one of the module's packages.
func (r renamer) importSpec(spec *ast.ImportSpec, was string) string {
	rest, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, "\"`"), r.from)
	if !ours || rest != "" && rest[0] != '/' {
		return was
	}
	name := ""
	if spec.Name != nil && (rest != "" || spec.Name.Name != packageName) {
		name = spec.Name.Name + " "
	} else if rest == "" && path.Base(r.to) != packageName {
		name = packageName + " "
	}
	return fmt.Sprintf("%s%q", name, r.to+rest)
}

// page returns a page in Markdown with its text and the code between fences changed.
func (r renamer) page(name string, text []byte) ([]byte, error) {
	parts := strings.Split("\n"+string(text), "\n```") // text and code in turn
	for k, part := range parts {
		if k%2 == 0 {
			parts[k] = r.prose(part)
			continue
		}
		code, whole := strings.CutPrefix(part, "go\npackage ")
		if !whole {
			parts[k] = r.snippet(part)
			continue
		}
		now, err := r.source(name, []byte("package "+code+"\n"))
		if err != nil {
			return nil, fmt.Errorf("a program on a page: %w", err)
		}
		parts[k] = "go\n" + strings.TrimSuffix(string(now), "\n")
	}
	return []byte(strings.TrimPrefix(strings.Join(parts, "\n```"), "\n")), nil
}
