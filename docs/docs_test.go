// Package docs_test compares the text with the code: what the pages quote must exist,
// and what they say a command prints must be what it prints.
package docs_test

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// File names are relative to the root of the repository.
func TestMain(m *testing.M) {
	if err := os.Chdir(".."); err != nil {
		panic(err)
	}
	m.Run()
}

// A block is the text between two fences on a page.
type block struct {
	page  string
	line  int    // of the first fence, from 1
	lang  string // what follows the fence
	lines []string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// A page is a text in Markdown.
type page struct {
	name   string
	text   string
	prose  string // everything outside the blocks
	blocks []block
}

func readPages(t *testing.T) []page {
	t.Helper()
	var names []string
	for _, pattern := range []string{"README.md", "docs/*.md", "examples/README.md", "examples/*/README.md", ".github/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			names = append(names, filepath.ToSlash(name))
		}
	}
	var pages []page
	for _, name := range names {
		pages = append(pages, parse(t, name))
	}
	return pages
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t *testing.T, name string) page {
	t.Helper()
	p := page{name: name, text: read(t, name)}
	var open *block
	for k, line := range strings.Split(p.text, "\n") {
		lang, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{page: name, line: k + 1, lang: lang}
		case fence:
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.lines = append(open.lines, line)
		default:
			p.prose += line + "\n"
		}
		if otherFence.MatchString(line) {
			t.Errorf("%s:%d: a fence that the tests don't see", name, k+1)
		}
	}
	if open != nil {
		t.Errorf("%s: a fence that is never closed", open)
	}
	return p
}

var (
	otherFence = regexp.MustCompile("^ *~~~|^ +```")

	link       = regexp.MustCompile(`(!?)\[([^\]]*)\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	unanchored = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	program    = regexp.MustCompile(`\bexamples/[a-z]+(?:/[a-z_]+)*(?:\.[a-z]+)?`)
)

// anchors returns the names under which GitHub's links find the page's headings.
func (p page) anchors() map[string]bool {
	names := map[string]bool{}
	for _, found := range heading.FindAllStringSubmatch(p.prose, -1) {
		text := strings.ToLower(link.ReplaceAllString(found[1], "$2"))
		names[strings.ReplaceAll(unanchored.ReplaceAllString(text, ""), " ", "-")] = true
	}
	return names
}

// Links lead to files and headings that exist, pictures have a description, and each
// picture in the folder is shown somewhere.
func TestLinks(t *testing.T) {
	pages := readPages(t)
	byName := map[string]page{}
	for _, p := range pages {
		byName[p.name] = p
	}
	shown := map[string]bool{}
	for _, p := range pages {
		for _, found := range link.FindAllStringSubmatch(p.prose, -1) {
			image, words, target := found[1] == "!", found[2], found[3]
			if words == "" {
				t.Errorf("%s: %s: no text", p.name, found[0])
			}
			if strings.Contains(target, "://") {
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			name := p.name
			if file != "" {
				name = path.Join(path.Dir(p.name), file)
			}
			if _, err := os.Stat(name); err != nil {
				t.Errorf("%s: %s: %v", p.name, found[0], err)
			}
			if anchor != "" && !byName[name].anchors()[anchor] {
				t.Errorf("%s: %s: no such heading", p.name, found[0])
			}
			if image {
				shown[name] = true
			}
		}
		for _, name := range program.FindAllString(p.text, -1) {
			if _, err := os.Stat(name); err != nil {
				t.Errorf("%s: %s: %v", p.name, name, err)
			}
		}
	}
	files, err := filepath.Glob("docs/images/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		name = filepath.ToSlash(name)
		if !shown[name] && path.Ext(name) != ".safetensors" { // which a run leaves beside its pictures
			t.Errorf("%s: no page shows it", name)
		}
	}
}

// The index lists every chapter under its title or the beginning of it.
func TestIndex(t *testing.T) {
	index := read(t, "docs/README.md")
	chapters, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range chapters {
		name = filepath.ToSlash(name)
		if name == "docs/README.md" {
			continue
		}
		if listed := strings.Count(index, "("+path.Base(name)+")"); listed != 1 {
			t.Errorf("docs/README.md lists %s %d times, want once", name, listed)
		}
		before, _, _ := strings.Cut(index, "]("+path.Base(name)+")")
		title := before[strings.LastIndex(before, "[")+1:]
		if !strings.HasPrefix(read(t, name), "# "+title) {
			t.Errorf("docs/README.md calls %s %q, which is not its title", name, title)
		}
	}
}

// Each chapter ends with an exercise, and each exercise with a folded solution.
func TestExercises(t *testing.T) {
	for _, p := range readPages(t) {
		if path.Dir(p.name) != "docs" || p.name == "docs/README.md" || p.name == "docs/running.md" || p.name == "docs/glossary.md" || p.name == "docs/photos.md" {
			continue // not a chapter
		}
		_, exercise, found := strings.Cut(p.prose, "\n## Exercise")
		if !found || strings.Contains(exercise, "\n## ") {
			t.Errorf("%s does not end with an exercise", p.name)
		}
		_, fold, _ := strings.Cut(exercise, "\n<details><summary>Solution</summary>\n")
		solution, closed := strings.CutSuffix(fold, "\n</details>\n\n") // the last line is empty
		if !closed || strings.TrimSpace(solution) == "" || strings.Contains(solution, "details>") {
			t.Errorf("%s: the exercise does not end with a folded solution", p.name)
		}
	}
}

// What the pages name exists: Go identifiers, Go files, tests, and the tests that a
// command selects.
func TestNames(t *testing.T) {
	words, files, tests := map[string]bool{"zero_grad": true}, map[string]bool{}, "" // PyTorch's
	for name, lines := range goFiles(t) {
		code := strings.Join(lines, "\n")
		files[path.Base(name)] = true
		tests += strings.Join(regexp.MustCompile(`(?m)^func (Test|Fuzz|Benchmark)\w+\(`).FindAllString(code, -1), "")
		for _, w := range regexp.MustCompile(`\w+`).FindAllString(code, -1) {
			words[w] = true
		}
	}
	runsSome := func(pattern string) bool {
		for _, part := range strings.Split(pattern, "|") {
			if !strings.Contains(tests, part) {
				return false
			}
		}
		return true
	}
	for _, names := range []struct {
		pattern string
		there   func(name string) bool
	}{
		{"`([A-Za-z]\\w*)`", func(name string) bool { return words[name] }},
		{"`([\\w./-]+\\.go)`", func(name string) bool { return files[path.Base(name)] }},
		{`\b((?:Test|Fuzz|Benchmark)[A-Z]\w*)`, func(name string) bool { return strings.Contains(tests, "func "+name+"(") }},
		{`-(?:run|bench|fuzz) '?([A-Z][\w|]*)`, runsSome},
	} {
		for _, p := range readPages(t) {
			if p.name == "docs/glossary.md" {
				continue // it has PyTorch's names
			}
			for _, found := range regexp.MustCompile(names.pattern).FindAllStringSubmatch(p.text, -1) {
				if !names.there(found[1]) {
					t.Errorf("%s: there is no %s", p.name, found[1])
				}
			}
		}
	}
}

// The rows of a table have as many cells as its header.
func TestTables(t *testing.T) {
	for _, p := range readPages(t) {
		cells := 0
		for _, line := range strings.Split(p.prose, "\n") {
			n := strings.Count(line, "|")
			if !strings.HasPrefix(line, "|") {
				n = 0
			}
			if n > 0 && cells > 0 && n != cells {
				t.Errorf("%s: a row with more or fewer cells than the one above it: %s", p.name, line)
			}
			cells = n
		}
	}
}

// A formula is on lines of its own, indented by four, after an empty line: within a
// paragraph Markdown would run its lines together.
func TestFormulas(t *testing.T) {
	for _, p := range readPages(t) {
		before := ""
		for _, line := range strings.Split(p.prose, "\n") {
			indented := strings.HasPrefix(line, "    ")
			if indented && before != "" && !strings.HasPrefix(before, "    ") {
				t.Errorf("%s: Markdown joins these lines:\n%s\n%s", p.name, before, line)
			}
			if !indented && !strings.HasPrefix(line, "|") && (strings.Contains(strings.TrimLeft(line, " "), "   ") || strings.Contains(line, "│")) {
				t.Errorf("%s: a formula within a paragraph: %s", p.name, line)
			}
			before = line
		}
	}
}

// goFiles returns the lines of every Go file in the repository.
func goFiles(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".go") {
			files[filepath.ToSlash(name)] = strings.Split(read(t, name), "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// dedent removes the tabs that all lines begin with, except for empty lines.
func dedent(lines []string) []string {
	least := math.MaxInt
	for _, line := range lines {
		if line != "" {
			least = min(least, len(line)-len(strings.TrimLeft(line, "\t")))
		}
	}
	var out []string
	for _, line := range lines {
		out = append(out, line[min(least, len(line)):])
	}
	return out
}

// runs splits lines into runs at every ….
func runs(lines []string) [][]string {
	all := [][]string{nil}
	for _, line := range lines {
		if strings.Trim(line, "\t /") == "…" {
			all = append(all, nil)
			continue
		}
		last := len(all) - 1
		all[last] = append(all[last], line)
	}
	return all
}

// find returns the index in lines where a run begins, or -1.
func find(lines, run []string, same func(there, run []string) bool) int {
	for at := range len(lines) - len(run) + 1 {
		if same(lines[at:at+len(run)], run) {
			return at
		}
	}
	return -1
}

// contains reports whether the file has the runs of a snippet, in order and verbatim
// except for their indentation.
func contains(file, snippet []string) bool {
	verbatim := func(there, run []string) bool { return slices.Equal(dedent(there), dedent(run)) }
	for _, run := range runs(snippet) {
		at := find(file, run, verbatim)
		if at < 0 {
			return false
		}
		file = file[at+len(run):]
	}
	return true
}

// whole reports whether b is a whole program.
func whole(b block) bool { return b.lang == "go" && b.lines[0] == "package main" }

// loops reports whether b is one of the functions of docs/convolution.md.
func loops(b block) bool {
	return b.page == "docs/convolution.md" && b.lang == "go" && slices.ContainsFunc(b.lines, func(line string) bool {
		return strings.HasPrefix(line, "func ")
	})
}

// Go code on a page is in the repository, word for word, except for whole programs,
// which TestReader compiles and runs, and the functions that TestLoops does.
func TestGoIsVerbatim(t *testing.T) {
	files := goFiles(t)
	count := 0
	for _, p := range readPages(t) {
		for _, b := range p.blocks {
			if b.lang != "go" || whole(b) || loops(b) {
				continue
			}
			count++
			found := false
			for _, file := range files {
				found = found || contains(file, b.lines)
			}
			if !found {
				t.Errorf("%s: no Go file has these lines:\n%s", b, strings.Join(b.lines, "\n"))
			}
		}
	}
	if count < 10 {
		t.Errorf("found %d pieces of Go, want at least 10", count)
	}
}

// The README shows every line of Forward that calls a helper.
func TestForwardIsWhole(t *testing.T) {
	readme := read(t, "README.md")
	_, body, _ := strings.Cut(read(t, "convnet.go"), "\nfunc (n *Network) Forward(")
	body, _, _ = strings.Cut(body, "\n}")
	calls := regexp.MustCompile(`\n\t(\w+\(.+\..+\))`).FindAllStringSubmatch(body, -1)
	for _, call := range calls {
		if !strings.Contains(readme, "\n"+call[1]+"\n") {
			t.Errorf("README.md leaves out of Forward: %s", call[1])
		}
	}
	if len(calls) < 13 {
		t.Errorf("found %d lines, want at least 13", len(calls))
	}
}

// examples returns the root package's examples by name.
func examples(t *testing.T) map[string]*doc.Example {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "example_test.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]*doc.Example{}
	for _, e := range doc.Examples(file) {
		named[e.Name] = e
	}
	return named
}

// afterGo reports whether b is the output of the Go code before it.
func afterGo(before []block, b block) bool {
	return b.lang == "" && len(before) > 0 && before[len(before)-1].lang == "go" && !strings.HasPrefix(b.lines[0], "$ ")
}

// The block below a piece of an example is what the example prints; go test checks that
// it does.
func TestOutputsAreThoseOfExamples(t *testing.T) {
	source, named := strings.Split(read(t, "example_test.go"), "\n"), examples(t)
	count := 0
	for _, p := range readPages(t) {
		for k, b := range p.blocks {
			if !afterGo(p.blocks[:k], b) {
				continue
			}
			count++
			code := p.blocks[k-1].lines
			found := false
			for name, e := range named {
				start := slices.Index(source, "func Example"+name+"() {")
				end := start + slices.Index(source[start:], "}")
				found = found || contains(source[start:end], code) && e.Output == strings.Join(b.lines, "\n")+"\n"
			}
			if !found {
				t.Errorf("%s: no example has this code and prints:\n%s", b, strings.Join(b.lines, "\n"))
			}
		}
	}
	if count < 5 {
		t.Errorf("found %d outputs, want at least 5", count)
	}
}

// Every exported function and method has an example that go test runs.
func TestEveryFunctionHasAnExample(t *testing.T) {
	named := examples(t)
	count := 0
	for _, name := range []string{"layer.go", "convnet.go", "mnist.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			full := f.Name.Name
			if f.Recv != nil {
				receiver := f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
				if !ast.IsExported(receiver) {
					continue
				}
				full = receiver + "_" + full
			}
			count++
			if e := named[full]; e == nil || e.Output == "" {
				t.Errorf("%s: %s has no example with an output", name, full)
			}
		}
	}
	if count < 30 {
		t.Errorf("found %d functions, want at least 30", count)
	}
}

// A transcript is a block that begins with a command: $ and what to type. The lines below
// are what it prints, from the first line on, with … for any number of lines.
type transcript struct {
	command  string
	within   float64        // the fraction of itself that a number may differ by
	atMost   float64        // or the amount, if that is more
	varies   *regexp.Regexp // what differs from one run or machine to another
	anyOrder bool
	stored   bool // its figures are for the stored architecture
	long     bool // only with CONVNET_ALL
}

var rounding = regexp.MustCompile(`\d\.\de-(08|09|1\d)$`)

const trainCommand = "go run ./examples/train"

var transcripts = []transcript{
	// The largest difference is rounding noise; only its order of magnitude matters.
	{command: "go test -v -run Gradient .", varies: rounding, anyOrder: true, stored: true},
	{command: "CONVNET_ALL=1 go test -v -run GradientNetwork .", varies: rounding, anyOrder: true, stored: true, long: true},
	{command: "go test -v -parallel 1 -run 'FirstLoss|Overfits|Generalizes' .", within: 0.01, varies: regexp.MustCompile(`_test.go:\d+`), anyOrder: true, stored: true},
	// math.Exp may differ in the last bit from one processor to another, and over fifty
	// epochs that makes a difference of a few digits.
	{command: trainCommand, within: 0.005, atMost: 0.01, varies: regexp.MustCompile(`\d+ images/s|in \S+ \([\d.]+ s\)| [^\s(]+[/\\]`), stored: true, long: true},
	{command: "go run ./examples/walk"},
	{command: "go run ./examples/classify docs/images/seven.png", stored: true},
}

// machine lists the blocks that no other machine would print: the page and the first line.
var machine = []string{
	"docs/speed.md: $ taskset -c 0 go test -run '^$' -bench TrainStep -benchtime 15s -cpuprofile cpu.prof .",
}

var figure = regexp.MustCompile(`[-+−]?\d[\d,]*(\.\d+)?(e[-+]\d+)?`)

// same reports whether a line on a page matches a printed one.
func (c transcript) same(quoted, printed string) bool {
	quoted, printed = strings.TrimRight(quoted, " "), strings.TrimRight(printed, " ")
	if strings.Contains(c.command, "go test ") {
		printed = strings.TrimLeft(printed, " ") // what a test logs is indented
	}
	if c.varies != nil {
		quoted, printed = c.varies.ReplaceAllString(quoted, "~"), c.varies.ReplaceAllString(printed, "~")
	}
	if c.within == 0 {
		return quoted == printed
	}
	q, p := figure.FindAllString(quoted, -1), figure.FindAllString(printed, -1)
	fields := func(line string) string { return strings.Join(strings.Fields(figure.ReplaceAllString(line, "#")), " ") }
	if fields(quoted) != fields(printed) || len(q) != len(p) {
		return false
	}
	for k := range q {
		a, errA := strconv.ParseFloat(strings.ReplaceAll(q[k], ",", ""), 64)
		b, errB := strconv.ParseFloat(strings.ReplaceAll(p[k], ",", ""), 64)
		if errA != nil || errB != nil || math.Abs(a-b) > max(c.within*math.Abs(b), c.atMost) {
			return false
		}
	}
	return true
}

// missing returns the first quoted run of lines that was not printed, or not in the right
// place.
func (c transcript) missing(quoted, printed []string) []string {
	same := func(printed, quoted []string) bool { return slices.EqualFunc(quoted, printed, c.same) }
	for _, run := range runs(quoted) {
		at := find(printed, run, same)
		if at < 0 {
			return run
		}
		if !c.anyOrder {
			printed = printed[at+len(run):]
		}
	}
	return nil
}

// prints reports whether a line is output, not a command or the rest of one.
func prints(line string) bool {
	return !strings.HasPrefix(line, "$ ") && !strings.HasPrefix(line, "    ")
}

// quotes returns the blocks that show what a command prints, by command.
func quotes(t *testing.T) map[string][]block {
	t.Helper()
	byCommand := map[string][]block{}
	for _, p := range readPages(t) {
		for k, b := range p.blocks {
			command, typed := strings.CutPrefix(b.lines[0], "$ ")
			switch {
			case b.lang == "go", slices.Contains(machine, p.name+": "+b.lines[0]), afterGo(p.blocks[:k], b):
				// the other tests check it
			case b.lang != "" || !typed:
				t.Errorf("%s: neither Go nor what an example prints nor what a command prints", b)
			case !slices.ContainsFunc(b.lines[1:], prints):
				// only what to type
			case command == "go run .":
				// TestReader and TestLoops check it
			default:
				byCommand[command] = append(byCommand[command], b)
			}
		}
	}
	return byCommand
}

// What the pages say a command prints is what it prints.
func TestTranscripts(t *testing.T) {
	quoted := quotes(t)
	for command, blocks := range quoted {
		if !slices.ContainsFunc(transcripts, func(c transcript) bool { return c.command == command }) {
			t.Errorf("%s: %s is not among the transcripts of this test", blocks[0], command)
		}
	}
	for _, c := range transcripts {
		t.Run(c.command, func(t *testing.T) {
			if len(quoted[c.command]) == 0 {
				t.Fatal("no page quotes it")
			}
			if c.stored {
				needStored(t)
			}
			if c.long {
				needAll(t)
			}
			t.Parallel()
			out := t.TempDir()
			printed := c.run(t, out)
			exact := c
			exact.within = 0
			sameBits := true
			for _, b := range quoted[c.command] {
				sameBits = sameBits && exact.missing(b.lines, printed) == nil
				if run := c.missing(b.lines, printed); run != nil {
					t.Errorf("%s: not printed, or not in this order:\n%s", b, strings.Join(run, "\n"))
				}
			}
			switch {
			case c.command != trainCommand:
			case sameBits:
				picturesAreOf(t, out)
			default:
				t.Log("this processor rounds differently, so its pictures are not compared")
			}
		})
	}
}

// picturesAreOf compares the pictures in docs with those that a run left in out.
func picturesAreOf(t *testing.T, out string) {
	t.Helper()
	count := 0
	for _, pattern := range []string{"*.png", "*.svg", "*.gif"} {
		names, err := filepath.Glob(filepath.Join(out, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			count++
			shown := filepath.Join("docs/images", filepath.Base(name))
			if read(t, name) != read(t, shown) {
				t.Errorf("%s is not what is drawn now: go run ./examples/train -out docs/images", shown)
			}
		}
	}
	if count < 8 {
		t.Errorf("the run left %d pictures, want at least 8", count)
	}
}

// run returns the command and the lines that it prints. The files it writes go to out.
func (c transcript) run(t *testing.T, out string) []string {
	t.Helper()
	command := c.command
	if command == trainCommand {
		command += " -out '" + out + "'"
	}
	return strings.Split("$ "+c.command+"\n"+shell(t, ".", command), "\n")
}

// clone copies the parts of the package that a program needs into a folder named convnet.
func clone(t *testing.T) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "convnet")
	if err := os.CopyFS(filepath.Join(folder, "examples/mnist"), os.DirFS("examples/mnist")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "layer.go", "convnet.go", "mnist.go"} {
		write(t, filepath.Join(folder, name), read(t, name))
	}
	return folder
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// needAll skips a slow test unless CONVNET_ALL is set.
func needAll(t *testing.T) {
	t.Helper()
	if os.Getenv("CONVNET_ALL") == "" {
		t.Skip("slow test: set CONVNET_ALL=1 to run it")
	}
}

// command returns a command to run in a folder. Where no program can be started, it
// skips the test.
func command(t *testing.T, folder, name string, args ...string) *exec.Cmd {
	t.Helper()
	if os.Getenv("CONVNET_NO_EXEC") != "" {
		t.Skip("CONVNET_NO_EXEC is set: tests can't start programs here")
	}
	c := exec.Command(name, args...)
	c.Dir = folder
	return c
}

var (
	word     = regexp.MustCompile(`'[^']*'|[^\s']+`)
	variable = regexp.MustCompile(`^[A-Z_]+=`)
)

// shell runs lines, which may begin with $, in a folder, and returns what they print.
// It isn't a real shell, because Windows has none that understands these lines: it knows
// words, single quotes around a whole word, && between commands, NAME=VALUE before one, mkdir
// and cd. CONVNET_ALL is set only if the line sets it, because it changes what tests print.
func shell(t *testing.T, folder string, lines ...string) string {
	t.Helper()
	var printed strings.Builder
	for _, line := range lines {
		for _, simple := range strings.Split(strings.TrimPrefix(line, "$ "), "&&") {
			args := word.FindAllString(simple, -1)
			for k, arg := range args {
				args[k] = strings.Trim(arg, "'")
			}
			env := []string{"CONVNET_ALL="} // the last value of a variable counts
			for variable.MatchString(args[0]) {
				env, args = append(env, args[0]), args[1:]
			}
			switch {
			case args[0] == "cd" && len(args) == 2:
				folder = filepath.Join(folder, args[1])
			case args[0] == "mkdir" && len(args) == 2:
				if err := os.Mkdir(filepath.Join(folder, args[1]), 0o755); err != nil {
					t.Fatal(err)
				}
			default:
				c := command(t, folder, args[0], args[1:]...)
				c.Env = append(c.Environ(), env...)
				out, err := c.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v: %s", simple, err, out)
				}
				printed.Write(out)
			}
		}
	}
	return strings.TrimRight(printed.String(), "\n")
}

// A program in a module of its own finds the package as examples/README.md says, and prints
// what it says.
func TestReader(t *testing.T) {
	t.Parallel()
	folder := clone(t)
	blocks := parse(t, "examples/README.md").blocks
	k := slices.IndexFunc(blocks, whole)
	setUp, program, run := blocks[k-1], blocks[k], blocks[k+1]
	shell(t, folder, setUp.lines...)
	folder = filepath.Join(filepath.Dir(folder), "reader")
	write(t, filepath.Join(folder, "main.go"), strings.Join(program.lines, "\n"))
	shell(t, folder, "go vet .")
	needAll(t) // it trains
	printed := shell(t, folder, run.lines[0])
	if !regexp.MustCompile(`^\d+ of 10000$`).MatchString(printed) {
		t.Errorf("%s: printed %q, want a count of 10000", run, printed)
	}
	needStored(t)
	if c := (transcript{within: 0.005}); len(run.lines) != 2 || !c.same(run.lines[1], printed) {
		t.Errorf("%s: printed %q, quoted %q", run, printed, run.lines[1:])
	}
}

// Typed one after the other, the pieces of the README's walk are a program, and it
// prints what is quoted below them.
func TestWalkIsAProgram(t *testing.T) {
	t.Parallel()
	readme := parse(t, "README.md")
	lineOf := func(heading string) int {
		before, _, _ := strings.Cut(readme.text, "\n## "+heading+"\n")
		return 2 + strings.Count(before, "\n")
	}
	program := []string{"package main", `import ("convnet"; "fmt"; "math")`, "func main() {"}
	var quoted []string
	for k, b := range readme.blocks {
		text := strings.Join(b.lines, "\n")
		if b.line < lineOf("The forward pass, by hand") || b.line > lineOf("Learning") || b.lang != "go" || !strings.Contains(text, "convnet.") || strings.Contains(text, "…") {
			continue // lines of the package itself, or not all of them
		}
		program = append(program, text)
		quoted = append(quoted, readme.blocks[k+1].lines...)
	}
	program = append(program, "}")
	folder := clone(t)
	if err := os.Mkdir(filepath.Join(folder, "walk"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "walk/main.go"), strings.Join(program, "\n"))
	if printed := shell(t, folder, "go run ./walk"); printed != strings.Join(quoted, "\n") {
		t.Errorf("printed\n%s\nquoted\n%s", printed, strings.Join(quoted, "\n"))
	}
}

// The functions of docs/convolution.md are a program that prints what is quoted below it, and
// they compute what the package does for any shape of the kernels.
func TestLoops(t *testing.T) {
	t.Parallel()
	source := []string{"package main", `import ("convnet"; "fmt")`}
	var quoted []string
	for _, b := range parse(t, "docs/convolution.md").blocks {
		if loops(b) {
			source = append(source, b.lines...)
		} else if b.lines[0] == "$ go run ." {
			quoted = append(quoted, b.lines[1:]...)
		}
	}
	folder := clone(t)
	program := filepath.Join(folder, "loops")
	if err := os.Mkdir(program, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(program, "main.go"), strings.Join(source, "\n"))
	write(t, filepath.Join(program, "main_test.go"), loopsTest)
	if printed := shell(t, folder, "go run ./loops"); printed != strings.Join(quoted, "\n") {
		t.Errorf("printed\n%s\nquoted\n%s", printed, strings.Join(quoted, "\n"))
	}
	shell(t, folder, "go test ./loops")
}

// loopsTest compares the functions with those of the package, for kernels of 2 rows and 3 columns.
const loopsTest = `package main

import (
	"convnet"
	"math"
	"math/rand/v2"
	"testing"
)

func volume(channels, rows, cols int) [][][]float64 {
	v := convnet.NewVolume(channels, rows, cols)
	for c := range v {
		for y := range v[c] {
			for x := range v[c][y] {
				v[c][y][x] = rand.NormFloat64()
			}
		}
	}
	return v
}

func Test(t *testing.T) {
	in, dOut, filters := volume(3, 6, 8), volume(4, 5, 6), volume(1, 4, 3*2*3)[0]
	for _, c := range []struct {
		name  string
		start [][][]float64
		got   func(dst [][][]float64)
		want  func(dst [][][]float64)
	}{
		{"conv2D", volume(4, 5, 6), func(dst [][][]float64) { conv2D(dst, in, filters) }, func(dst [][][]float64) { convnet.Conv2D(dst, in, filters) }},
		{"addFilterGrad", volume(1, 4, 3*2*3), func(dst [][][]float64) { addFilterGrad(dst[0], in, dOut) }, func(dst [][][]float64) { convnet.AddConv2DFilterGrad(dst[0], in, dOut) }},
		{"inputGrad", volume(3, 6, 8), func(dst [][][]float64) { inputGrad(dst, filters, dOut) }, func(dst [][][]float64) { convnet.Conv2DInputGrad(dst, filters, dOut) }},
	} {
		got, want := convnet.NewVolume(len(c.start), len(c.start[0]), len(c.start[0][0])), c.start
		for k := range want {
			for y := range want[k] {
				copy(got[k][y], want[k][y])
			}
		}
		c.got(got)
		c.want(want)
		for k := range want {
			for y := range want[k] {
				for x, w := range want[k][y] {
					if !(math.Abs(got[k][y][x]-w) < 1e-12) {
						t.Fatalf("%s: [%d][%d][%d] is %v, want %v", c.name, k, y, x, got[k][y][x], w)
					}
				}
			}
		}
	}
}
`
