package main

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"convnet/examples/internal/repository"
	"convnet/examples/internal/testenv"
)

// renamed returns a file's content after a module called gadget got another path.
func renamed(t *testing.T, name, text, to string) string {
	t.Helper()
	_, now, err := newRenamer("gadget", to).file(fstest.MapFS{name: {Data: []byte(text)}}, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(now)
}

// The path changes wherever it is the module's path, and nowhere else.
func TestPlaces(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"go.mod", "module gadget\n\ngo 1.24\n", "module example.com/a/convnet\n\ngo 1.24\n"},
		{"go.mod", "module \"gadget\" // gadget\n", "module \"example.com/a/convnet\" // gadget\n"},
		{"sub/go.mod", "module reader\n\nrequire gadget v0.0.0\n\nreplace gadget => ../gadget\n", "module reader\n\nrequire example.com/a/convnet v0.0.0\n\nreplace example.com/a/convnet => ../gadget\n"},
		{"go.mod", "module reader\n\nrequire (\n\tgadget v0.0.0\n\tgadgets v0.0.0\n)\n", "module reader\n\nrequire (\n\texample.com/a/convnet v0.0.0\n\tgadgets v0.0.0\n)\n"},

		{"a.go", "package a\n\nimport \"gadget\"\n", "package a\n\nimport \"example.com/a/convnet\"\n"},
		{"a.go", "package a\n\nimport `gadget`\n", "package a\n\nimport \"example.com/a/convnet\"\n"},
		{"a.go", "package a\n\nimport (\n\tg \"gadget/examples/x\"\n\t_ \"gadgets\"\n\t. \"gadget\" // all of gadget\n)\n", "package a\n\nimport (\n\t. \"example.com/a/convnet\" // all of gadget\n\tg \"example.com/a/convnet/examples/x\"\n\t_ \"gadgets\"\n)\n"},
		{"a.go", "package a\n\nimport (\n\t\"flag\"\n\t\"gadget\"\n)\n", "package a\n\nimport (\n\t\"example.com/a/convnet\"\n\t\"flag\"\n)\n"},
		{"a.go", "package a\n\nvar folder = \"gadget\"\nvar list = []string{\"gadget\", \"gadget: no\", \"../gadget/examples\"}\n", ""},
		{"a.go", "package a\n\nvar path = \"gadget/examples/x\"\n", "package a\n\nvar path = \"example.com/a/convnet/examples/x\"\n"},
		{"a.go", "package a\n\nvar program = `import (\"gadget\"; \"fmt\")`\n", "package a\n\nvar program = `import (\"example.com/a/convnet\"; \"fmt\")`\n"},
		{"a.go", "package a\n\nvar program = \"import \\\"gadget\\\"\"\n", "package a\n\nvar program = \"import \\\"example.com/a/convnet\\\"\"\n"},
		{"a.go", "// Package gadget is a gadget.\npackage gadget\n\nfunc f() { gadget() }\n", ""},
		{"a.go", "//go:generate go run gadget/examples/x\npackage a // see gadget/examples/y, not my/gadget/examples\n", "//go:generate go run example.com/a/convnet/examples/x\npackage a // see example.com/a/convnet/examples/y, not my/gadget/examples\n"},

		{"a.md", "# gadget\n\nThe folder `gadget`, `gadget.go`, ~/.cache/gadget, and gadget.Run.\n", ""},
		{"a.md", "Import `gadget/examples/x` and `gadget/examples/y`.\n", "Import `example.com/a/convnet/examples/x` and `example.com/a/convnet/examples/y`.\n"},
		{"a.md", "The imports `gadget` and `fmt`; `go doc -all gadget` says more.\n", "The imports `example.com/a/convnet` and `fmt`; `go doc -all example.com/a/convnet` says more.\n"},
		{"a.md", "```\n$ go mod edit -require gadget@v0.0.0 -replace gadget=../gadget\n$ go get gadget\n$ go get gadgets\n```\n", "```\n$ go mod edit -require example.com/a/convnet@v0.0.0 -replace example.com/a/convnet=../gadget\n$ go get example.com/a/convnet\n$ go get gadgets\n```\n"},
		{"a.md", "```\nmodule gadget\n\ngo 1.24\n```\n", "```\nmodule example.com/a/convnet\n\ngo 1.24\n```\n"},
		{"a.md", "In Go:\n\n```go\npackage main\n\nimport (\n\t\"flag\"\n\t\"gadget\"\n)\n```\n\nThat's it.\n", "In Go:\n\n```go\npackage main\n\nimport (\n\t\"example.com/a/convnet\"\n\t\"flag\"\n)\n```\n\nThat's it.\n"},
		{"a.md", "```go\nimport (\n\t\"gadget\"\n\t\"gadget/examples/x\"\n)\n```\n\nThe \"gadget\".\n", "```go\nimport (\n\t\"example.com/a/convnet\"\n\t\"example.com/a/convnet/examples/x\"\n)\n```\n\nThe \"gadget\".\n"},

		{"a.txt", "gadget/examples/x", ""},
	} {
		want := c.want
		if want == "" {
			want = c.text
		}
		if path := "a.txt"; c.name == path {
			want = "" // not a file to change
		}
		if got := renamed(t, c.name, c.text, "example.com/a/convnet"); got != want {
			t.Errorf("%s: %q becomes\n%q, want\n%q", c.name, c.text, got, want)
		}
	}
}

// Where the path doesn't end in the package's name, imports give it, and only there.
func TestPackageKeepsItsName(t *testing.T) {
	before := "package a\n\nimport (\n\t\"gadget\"\n\t\"gadget/examples/x\"\n)\n"
	want := "package a\n\nimport (\n\tconvnet \"example.com/cnn\"\n\t\"example.com/cnn/examples/x\"\n)\n"
	named := renamed(t, "a.go", before, "example.com/cnn")
	if named != want {
		t.Errorf("got\n%s, want\n%s", named, want)
	}
	_, now, err := newRenamer("example.com/cnn", "example.com/convnet").file(fstest.MapFS{"a.go": {Data: []byte(named)}}, "a.go")
	if want := "package a\n\nimport (\n\t\"example.com/convnet\"\n\t\"example.com/convnet/examples/x\"\n)\n"; err != nil || string(now) != want {
		t.Errorf("error %v, got\n%s, want\n%s", err, now, want)
	}
}

// small returns a repository with one Go file and one page.
func small() fstest.MapFS {
	return fstest.MapFS{
		"go.mod":     {Data: []byte("module gadget\n")},
		"convnet.go": {Data: []byte("package convnet\n")},
		"x/x.go":     {Data: []byte("package x\n\nimport \"gadget\"\n")},
		"README.md":  {Data: []byte("`gadget/examples/x`\n")},
		".git/a.md":  {Data: []byte("`gadget/examples/x`\n")},
	}
}

// What changes is found before anything is written, and go.mod comes last.
func TestRename(t *testing.T) {
	from, changed, err := rename(small(), "example.com/a/convnet")
	if err != nil || from != "gadget" {
		t.Fatalf("from %s, error %v", from, err)
	}
	var names []string
	for _, f := range changed {
		names = append(names, f.name)
		if string(f.was) != string(small()[f.name].Data) || !strings.Contains(string(f.now), "example.com/a/convnet") {
			t.Errorf("%s: was %q, now %q", f.name, f.was, f.now)
		}
	}
	if want := []string{"README.md", "x/x.go", "go.mod"}; !slices.Equal(names, want) {
		t.Errorf("changes %v, want %v", names, want)
	}
}

func TestRefusals(t *testing.T) {
	with := func(name, text string) fs.FS {
		root := maps.Clone(small())
		root[name] = &fstest.MapFile{Data: []byte(text)}
		return root
	}
	without := func(name string) fs.FS {
		root := maps.Clone(small())
		delete(root, name)
		return root
	}
	for _, c := range []struct {
		root     fs.FS
		to, want string
	}{
		{small(), "", "can't be a module's path"},
		{small(), "convnet", "can't be a module's path"}, // no host
		{small(), "example.com", "can't be a module's path"},
		{small(), "example.com/", "can't be a module's path"},
		{small(), "/example.com/a", "can't be a module's path"},
		{small(), "example.com//a", "can't be a module's path"},
		{small(), "example.com/a b", "can't be a module's path"},
		{small(), "example.com/a.", "can't be a module's path"},
		{small(), "example.com/../a", "can't be a module's path"},
		{small(), "Example.com/a", "can't be a module's path"},
		{small(), "https://example.com/a", "can't be a module's path"},
		{small(), "example.com/ä", "can't be a module's path"},
		{small(), "example.com/a\n", "can't be a module's path"},
		{small(), "example.com/a/v2", "major version"},
		{small(), "example.com/a/convnet.git", "without .git"},
		{small(), "example.com/-x", "can't be a module's path"},
		{small(), "example.com/x~1", "can't be a module's path"},
		{small(), "example.com/vendor/x", "has a folder named vendor"},
		{small(), "example.com/CON", "has a folder named CON"},
		{small(), "example.com/contour", ""},
		{with("go.mod", "module example.com/a\n"), "example.com/a", "already"},
		{with("go.mod", "go 1.24\n"), "example.com/a", "go.mod has no module line"},
		{with("x/y.go", "package"), "example.com/a", "x/y.go:1:8"},
		{with("y.md", "```go\npackage\n\n```\n"), "example.com/a", ""},
		{with("y.md", "```go\npackage main\n\nfunc {\n```\n"), "example.com/a", "a program on a page: y.md"},
		{without("go.mod"), "example.com/a", "from the root of the repository"},
		{without("convnet.go"), "example.com/a", "from the root of the repository"},
	} {
		_, changed, err := rename(c.root, c.to)
		if c.want == "" {
			if err != nil {
				t.Errorf("%q: %v", c.to, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: changes %d files, error %v, want one with %q", c.to, len(changed), err, c.want)
		}
	}
	for _, args := range [][]string{nil, {"example.com/a", "example.com/b"}} {
		if err := run(io.Discard, t.TempDir(), args); err == nil || !strings.Contains(err.Error(), "want one") {
			t.Errorf("%d arguments: error %v", len(args), err)
		}
	}
}

// If a file can't be written, those before it get their old content back.
func TestAllOrNothing(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(root, small()); err != nil {
		t.Fatal(err)
	}
	_, changed, err := rename(os.DirFS(root), "example.com/a/convnet")
	if err != nil {
		t.Fatal(err)
	}
	if err := write(root, append(changed, file{name: "no/such/folder"})); err == nil {
		t.Error("wrote into a folder that isn't there")
	}
	for name, f := range small() {
		if now, err := os.ReadFile(filepath.Join(root, name)); err != nil || !bytes.Equal(now, f.Data) {
			t.Errorf("%s: error %v, holds %q, want %q", name, err, now, f.Data)
		}
	}
	var printed strings.Builder
	if err := run(&printed, root, []string{"example.com/a/convnet"}); err != nil {
		t.Fatal(err)
	}
	if want := "the module gadget is now example.com/a/convnet: changed 3 files\n"; printed.String() != want {
		t.Errorf("printed %q, want %q", printed.String(), want)
	}
	if now, err := os.ReadFile(filepath.Join(root, "go.mod")); err != nil || string(now) != "module example.com/a/convnet\n" {
		t.Errorf("error %v, go.mod holds %q", err, now)
	}
}

// The new path reaches all of the repository's Go files: none imports the old one.
func TestRepository(t *testing.T) {
	from, changed, err := rename(os.DirFS(testenv.Path(t, ".")), "elsewhere.example/convnet")
	if err != nil {
		t.Fatal(err)
	}
	if len(changed) < 60 {
		t.Errorf("changes %d files, want at least 60", len(changed))
	}
	for _, f := range changed {
		if bytes.Contains(f.now, []byte("\t\""+from+"\"\n")) || bytes.Contains(f.now, []byte("\t\""+from+"/")) {
			t.Errorf("%s still imports %s", f.name, from)
		}
	}
}

// A renamed copy of the repository builds, and its tests pass: those of the pages, too, which
// compare what the pages quote with the code, and follow the README in a module of its own.
func TestRenamedRepository(t *testing.T) {
	testenv.NeedAll(t) // it builds everything twice
	testenv.NeedExec(t)
	root := repository.Copy(t)
	command := func(args ...string) {
		t.Helper()
		c := exec.Command("go", args...)
		c.Dir = root
		c.Env = append(os.Environ(), "CONVNET_ALL=") // the quick tests
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v: %v: %s", args, err, out)
		}
	}
	if err := run(io.Discard, root, []string{"renamed.example/you/convnet"}); err != nil {
		t.Fatal(err)
	}
	command("vet", "./...")
	// The second path doesn't end in the package's name.
	if err := run(io.Discard, root, []string{"renamed.example/cnn"}); err != nil {
		t.Fatal(err)
	}
	command("vet", "./...")
	command("test", "-count=1", ".", "./docs", "./examples/internal/rename")
}
