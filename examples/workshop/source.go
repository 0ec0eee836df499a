package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A source is package convnet, parsed. What the workshop writes is cut out of it, so that it can't go stale.
type source struct {
	module string   // the path of the module and of the package
	folder string   // where the clone is
	steps  []string // the functions to write, in the order of the steps
	groups map[string]string

	set   *token.FileSet
	texts map[string][]byte // by file name
	info  types.Info
	doc   string                        // the comment of the package
	decls []*declaration                // in source order: convnet.go, layer.go, mnist.go
	of    map[types.Object]*declaration // that declares it
	named map[string]*declaration       // by name, a method's without its receiver: Forward
}

// A declaration is a function, a method, or a group of constants, types or variables.
type declaration struct {
	ast.Decl
	name     string // "" for a group
	file     string
	exported bool
	doc      *ast.CommentGroup
}

// readSource parses the package in a folder, a clone of the repository.
func readSource(module, folder string) (*source, error) {
	s := &source{
		module: module, folder: folder, groups: map[string]string{},
		set: token.NewFileSet(), texts: map[string][]byte{},
		info: types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}},
		of:   map[types.Object]*declaration{}, named: map[string]*declaration{},
	}
	var files []*ast.File
	for _, name := range []string{"convnet.go", "layer.go", "mnist.go"} {
		parsed, err := s.parse(name)
		if err != nil {
			return nil, err
		}
		files = append(files, parsed)
	}
	// Which declaration does a name mean? A check finds out, even without the packages that are imported.
	check := types.Config{Importer: nothing{}, Error: func(error) {}}
	check.Check(module, s.set, files, &s.info)
	for _, f := range files {
		if s.doc == "" {
			s.doc = f.Doc.Text()
		}
		for _, d := range f.Decls {
			s.add(d)
		}
	}
	if err := s.readSteps(); err != nil {
		return nil, err
	}
	return s, nil
}

// nothing imports packages as if they were empty.
type nothing struct{}

func (nothing) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}

// parse parses a file of the clone.
func (s *source) parse(name string) (*ast.File, error) {
	text, err := os.ReadFile(filepath.Join(s.folder, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	s.texts[name] = text
	return parser.ParseFile(s.set, name, text, parser.ParseComments)
}

// add adds a declaration of the package.
func (s *source) add(node ast.Decl) {
	d := &declaration{Decl: node, file: s.set.Position(node.Pos()).Filename}
	switch node := node.(type) {
	case *ast.FuncDecl:
		d.name, d.exported, d.doc = node.Name.Name, node.Name.IsExported(), node.Doc
		s.of[s.info.Defs[node.Name]] = d
		s.named[d.name] = d
	case *ast.GenDecl:
		if node.Tok == token.IMPORT {
			return
		}
		d.doc = node.Doc
		for _, spec := range node.Specs {
			var names []*ast.Ident
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = []*ast.Ident{spec.Name}
			case *ast.ValueSpec:
				names = spec.Names
			}
			for _, name := range names {
				d.exported = d.exported || name.IsExported()
				s.of[s.info.Defs[name]] = d
			}
		}
	}
	s.decls = append(s.decls, d)
}

// readSteps reads which functions the learner writes, in which order: the fields of tutor.Functions.
func (s *source) readSteps() error {
	const name = "examples/workshop/tutor/functions.go"
	parsed, err := s.parse(name)
	if err != nil {
		return err
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); !ok || spec.Name.Name != "Functions" {
			return !ok
		}
		for _, field := range n.(*ast.TypeSpec).Type.(*ast.StructType).Fields.List {
			for _, step := range field.Names {
				s.steps = append(s.steps, step.Name)
				if field.Doc != nil {
					s.groups[step.Name] = strings.TrimSpace(field.Doc.Text())
				}
			}
		}
		return false
	})
	for _, step := range s.steps {
		if s.named[step] == nil {
			return fmt.Errorf("%s wants a function %s, which the package doesn't have", name, step)
		}
	}
	if len(s.steps) == 0 {
		return errors.New(name + " has no functions")
	}
	return nil
}

// text returns a node as it is in the source.
func (s *source) text(from, to token.Pos) string {
	begin, end := s.set.Position(from), s.set.Position(to)
	return string(s.texts[begin.Filename][begin.Offset:end.Offset])
}

// stub returns a function without its body: doc comment, signature, and what is left to do.
func (s *source) stub(d *declaration) string {
	f := d.Decl.(*ast.FuncDecl)
	return s.task(d) + s.text(f.Pos(), f.Body.Pos()) + "{\n\tpanic(\"TODO: " + d.name + "\")\n}"
}

// whole returns a declaration with its doc comment, for the learner's package: what stays behind in
// package convnet is imported.
func (s *source) whole(d *declaration) string {
	from := d.Pos()
	if d.doc != nil {
		from = d.doc.Pos()
	}
	type edit struct {
		from, to token.Pos
		text     string
	}
	var edits []edit
	ast.Inspect(d.Decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case ast.Stmt:
			if text := s.plainly(n); text != "" {
				edits = append(edits, edit{n.Pos(), n.End(), text})
				return false
			}
		case *ast.Ident:
			if used := s.of[s.info.Uses[n]]; used != nil && !moves(used) {
				edits = append(edits, edit{n.Pos(), n.Pos(), packageName + "."})
			}
		case *ast.BasicLit: // a message, which doesn't have to name the package
			if prefix := `"` + packageName + ": "; strings.HasPrefix(n.Value, prefix) {
				edits = append(edits, edit{n.Pos(), n.Pos() + token.Pos(len(prefix)), `"`})
			}
		}
		return true
	})
	var text strings.Builder
	for _, e := range edits {
		text.WriteString(s.text(from, e.from) + e.text)
		from = e.to
	}
	text.WriteString(s.text(from, d.End()))
	return text.String()
}

// packageName is the name of the package at the root, whatever the module's path is.
const packageName = "convnet"

// moves reports whether a declaration can be in the learner's module: the rest, which reads digits, is imported.
func moves(d *declaration) bool { return d.file != "mnist.go" }

// plainly returns what takes the place of a statement that is only there for speed, or "".
func (s *source) plainly(n ast.Stmt) string {
	call, ok := n.(*ast.ExprStmt)
	if ok && s.text(call.Pos(), call.End()) == "n.stepActiveRows(grad, d, rate)" {
		return "n.Update(grad, rate)\n\tgrad.Clear()"
	}
	return ""
}

// needed returns the unexported declarations that the given ones use, directly or not, and that aren't
// among them, in source order.
func (s *source) needed(given []*declaration) (more []*declaration) {
	all := map[*declaration]bool{}
	var visit func(d *declaration)
	visit = func(d *declaration) {
		ast.Inspect(d.Decl, func(n ast.Node) bool {
			if statement, ok := n.(ast.Stmt); ok && s.plainly(statement) != "" {
				return false
			}
			if id, ok := n.(*ast.Ident); ok {
				used := s.of[s.info.Uses[id]]
				if used != nil && moves(used) && !used.exported && !all[used] && !slices.Contains(given, used) {
					all[used] = true
					visit(used)
				}
			}
			return true
		})
	}
	for _, d := range given {
		visit(d)
	}
	for _, d := range s.decls {
		if all[d] {
			more = append(more, d)
		}
	}
	return more
}

// wiring returns the helpers that Forward and Backward call, beside the steps.
func (s *source) wiring() (helpers []*declaration) {
	for _, d := range s.needed([]*declaration{s.named["Forward"], s.named["Backward"]}) {
		if d.name != "" && d.file == s.named["Forward"].file {
			helpers = append(helpers, d)
		}
	}
	return helpers
}

// wiringNames names the helpers.
func (s *source) wiringNames() string {
	var names []string
	for _, d := range s.wiring() {
		names = append(names, d.name)
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// toWrite returns the functions of a file that the learner writes, in the order of the steps.
func (s *source) toWrite(file string) (functions []*declaration) {
	for _, step := range s.steps {
		if d := s.named[step]; d.file == file {
			functions = append(functions, d)
		}
	}
	return functions
}

// given returns the rest of convnet.go that the learner's network.go needs, the groups of constants and the
// types apart from the functions.
func (s *source) given() (groups, functions []*declaration) {
	functions = s.wiring()
	all := slices.Clone(functions)
	for _, d := range s.decls {
		if d.file == "convnet.go" && d.exported && !slices.Contains(s.steps, d.name) {
			all = append(all, d)
		}
	}
	all = append(all, s.needed(all)...)
	for _, d := range s.decls {
		switch {
		case !slices.Contains(all, d) || slices.Contains(functions, d):
		case d.name == "":
			groups = append(groups, d)
		default:
			functions = append(functions, d)
		}
	}
	return groups, functions
}

// layer returns the learner's layer.go. body returns the text of each function to write.
func (s *source) layer(body func(d *declaration) string) ([]byte, error) {
	parts := []string{
		"// Write these functions from top to bottom, one at a time. After each, run go test: it says whether\n" +
			"// the function is right, and what comes next. README.md names the section to read before each. When\n" +
			"// you need a package such as math, add it to the imports below.\n//\n" +
			comment(s.conventions()),
	}
	for _, d := range s.toWrite("layer.go") {
		if group := s.groups[d.name]; group != "" {
			parts = append(parts, "// "+group)
		}
		parts = append(parts, body(d))
	}
	return s.file(parts)
}

// network returns the learner's network.go.
func (s *source) network(body func(d *declaration) string) ([]byte, error) {
	parts := []string{
		"// The network: write New, Forward, Backward and Update. Everything else is given.\n//\n" + comment(s.architecture()),
	}
	groups, functions := s.given()
	for _, d := range groups {
		// Here it doesn't: the checks compare with our network.
		parts = append(parts, strings.Replace(s.whole(d), " Change it here, and everything else follows.", "", 1))
	}
	for _, d := range s.toWrite("convnet.go") {
		parts = append(parts, body(d))
	}
	parts = append(parts, "// From here on everything is given. "+s.wiringNames()+" are for your Forward and Backward.")
	for _, d := range functions {
		parts = append(parts, s.whole(d))
	}
	return s.file(parts)
}

// file returns a Go file of package main: the first part is a comment on it, the others are declarations.
func (s *source) file(parts []string) ([]byte, error) {
	code := "package main\n\n" + strings.Join(parts[1:], "\n\n") + "\n"
	parsed, err := parser.ParseFile(token.NewFileSet(), "", code, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	used := selected(parsed)
	var imports []string
	for _, name := range []string{"fmt", "math", "math/rand/v2", "slices"} {
		if used[importName(name)] {
			imports = append(imports, fmt.Sprintf("%q", name))
		}
	}
	if used[packageName] {
		imports = append(imports, "", s.imported())
	}
	head := parts[0] + "\n\npackage main\n\n"
	if len(imports) > 0 {
		head += "import (\n" + strings.Join(imports, "\n") + "\n)\n"
	}
	return format.Source([]byte(head + strings.TrimPrefix(code, "package main\n")))
}

// imported returns the import of the package, with its name if its path ends in another.
func (s *source) imported() string {
	if path.Base(s.module) == packageName {
		return fmt.Sprintf("%q", s.module)
	}
	return fmt.Sprintf("%s %q", packageName, s.module)
}

// selected returns the names before a dot in a file. Those of its imports are among them if they are used.
func selected(parsed *ast.File) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if n, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := n.X.(*ast.Ident); ok {
				names[id.Name] = true
			}
		}
		return true
	})
	return names
}

// importName returns the name of the package that has a path.
func importName(importPath string) string {
	name := path.Base(importPath)
	if regexp.MustCompile(`^v[0-9]+$`).MatchString(name) {
		name = path.Base(path.Dir(importPath))
	}
	return name
}

// architecture returns the figure in the package's comment.
func (s *source) architecture() string {
	for _, paragraph := range strings.Split(s.doc, "\n\n") {
		if strings.HasPrefix(paragraph, "\t") {
			return paragraph
		}
	}
	return ""
}

// conventions returns what layer.go says about all its functions, such as that the destination comes first. The
// paragraph on panics is about ours.
func (s *source) conventions() string {
	text, _, _ := bytes.Cut(s.texts["layer.go"], []byte("\npackage "))
	_, text, _ = bytes.Cut(text, []byte("\n// They work on "))
	paragraphs := strings.Split(uncomment("// They work on "+string(text)), "\n\n")
	paragraphs = slices.DeleteFunc(paragraphs, func(p string) bool { return strings.Contains(p, "bug in the caller") })
	return strings.Join(paragraphs, "\n\n")
}

// task returns the doc comment of a function for whoever writes it: without what gives the solution away,
// what our code does for speed, and when it panics.
func (s *source) task(d *declaration) string {
	text, _, _ := strings.Cut(d.doc.Text(), "\nIn plain loops:\n")
	var kept []string
	for _, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(paragraph, "\t") {
			kept = append(kept, paragraph)
			continue
		}
		paragraph = strings.ReplaceAll(paragraph, ", all in one block of memory", "")
		sentences := strings.Split(sentenceEnd.ReplaceAllString(paragraph, "$1\x00$2"), "\x00")
		all := len(sentences)
		sentences = slices.DeleteFunc(sentences, ours.MatchString)
		switch len(sentences) {
		case all:
			kept = append(kept, paragraph)
		case 0:
		default:
			kept = append(kept, wrap(strings.Join(sentences, " "), 100))
		}
	}
	return comment(strings.Join(kept, "\n\n")) + "\n"
}

var (
	sentenceEnd = regexp.MustCompile(`([.:]\)?)\s(\(?[A-Z])`)                 // the space between two sentences, with what is around it
	ours        = regexp.MustCompile(`^\w+\s+panics\s|\sblock\s+of\s+memory`) // a sentence about our code alone
)

// comment returns a text as a comment.
func comment(text string) string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		switch {
		case line == "" || line[0] == '\t':
			lines = append(lines, "//"+line)
		default:
			lines = append(lines, "// "+line)
		}
	}
	return strings.Join(lines, "\n")
}

// uncomment returns the text of a comment.
func uncomment(text string) string {
	lines := strings.Split(text, "\n")
	for k, line := range lines {
		lines[k] = strings.TrimPrefix(strings.TrimPrefix(line, "//"), " ")
	}
	return strings.Join(lines, "\n")
}

// wrap breaks a paragraph into lines of at most width characters.
func wrap(paragraph string, width int) string {
	var text strings.Builder
	column := 0
	for _, word := range strings.Fields(paragraph) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+n > width:
			text.WriteByte('\n')
			column = 0
		default:
			text.WriteByte(' ')
			column++
		}
		text.WriteString(word)
		column += n
	}
	return text.String()
}
