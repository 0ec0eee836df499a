package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
	"convnet/examples/workshop/tutor"
)

// module is the path of package convnet.
var module = reflect.TypeFor[convnet.Network]().PkgPath()

// testSource returns our source.
func testSource(t *testing.T) *source {
	t.Helper()
	s, err := readSource(module, testenv.Path(t, "."))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// workshop runs the program.
func workshop(hint, reset string, args ...string) (stdout string, err error) {
	var out bytes.Buffer
	p := program{stdout: &out, stderr: &out, module: module}
	err = p.run(hint, reset, args)
	return out.String(), err
}

// newModule writes a module to a temporary folder and returns its path. Unlike the program, it doesn't see whether
// it compiles.
func newModule(t *testing.T) string {
	t.Helper()
	testenv.NeedExec(t)
	folder := filepath.Join(t.TempDir(), "mine")
	files, err := testSource(t).files(replacement(testenv.Path(t, "."), folder))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		put(t, filepath.Join(folder, name), string(text))
	}
	return folder
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// goIn runs the go command in a folder, without a network, and returns what it printed.
func goIn(folder string, args ...string) (string, error) {
	c := exec.Command("go", args...)
	c.Dir = folder
	c.Env = append(c.Environ(), "GOPROXY=off", "CONVNET_ALL=")
	out, err := c.CombinedOutput()
	return string(out), err
}

// The learner writes the functions of package tutor, in the order of the steps.
func TestSteps(t *testing.T) {
	s := testSource(t)
	var fields []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[tutor.Functions]()) {
		fields = append(fields, f.Name)
	}
	if !slices.Equal(s.steps, fields) {
		t.Errorf("the functions are %v, want %v", s.steps, fields)
	}
	var names []string
	readme := string(testenv.ReadFile(t, "README.md"))
	for _, step := range tutor.Steps() {
		names = append(names, step.Name)
		if !strings.Contains(readme, "# "+step.Section+"\n") {
			t.Errorf("%s: the README has no section %q", step.Name, step.Section)
		}
		if len(step.Hints) == 0 {
			t.Errorf("%s has no hints", step.Name)
		}
	}
	if n := len(fields); len(names) <= n || !slices.Equal(names[:n], fields) {
		t.Errorf("the steps are %v, want %v and some checks", names, fields)
	}
}

// Nothing in the stubs gives a solution away: neither code, nor what our code does for speed. But each says what
// the function does.
func TestStubsGiveNothingAway(t *testing.T) {
	s := testSource(t)
	given := regexp.MustCompile(`(?i)\bfor \w+ := range|\bfast|speed|five|twenty|nonzero|in plain loops|\bskips?\b|panics|block of memory`)
	for _, name := range s.steps {
		d := s.named[name]
		text := s.stub(d)
		comment, rest, _ := strings.Cut(text, "\nfunc ")
		if found := given.FindString(text); found != "" {
			t.Errorf("%s: %q in\n%s", name, found, text)
		}
		if !strings.HasPrefix(comment, "// "+name+" ") || len(comment) < 40 {
			t.Errorf("%s: the comment is %q", name, comment)
		}
		if lines := strings.Split(rest, "\n"); len(lines) != 3 || lines[1] != "\tpanic(\"TODO: "+name+"\")" {
			t.Errorf("%s: the function is %q", name, rest)
		}
		for _, line := range strings.Split(text, "\n") {
			if len([]rune(line)) > 110 {
				t.Errorf("%s: a line of %d characters: %s", name, len([]rune(line)), line)
			}
		}
		// What doesn't give anything away is there, above all the formula.
		for _, line := range strings.Split(d.doc.Text(), "\n") {
			if strings.ContainsAny(line, "=·Σ") && strings.HasPrefix(line, "\t") && !strings.Contains(line, "\t\t") &&
				!given.MatchString(line) && !strings.Contains(comment, line) {
				t.Errorf("%s: %q is missing in\n%s", name, line, comment)
			}
		}
	}
	// The given part has no function that would do the work of one to write.
	files, err := s.files("../convnet")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"descend", "stepActiveRows", "Change it here", "docs/", "convnet: ", "addScaled", "dotFive", "rowsUnder", "when("} {
		if strings.Contains(string(files["network.go"]), name) {
			t.Errorf("network.go has %s", name)
		}
	}
	if found := given.Find(files["layer.go"]); found != nil {
		t.Errorf("layer.go has %q", found)
	}
	for _, want := range []string{"TODO: Conv2D", "28×28 pixels →", "func eachMapGrad(", "func asMatrix(", "eachMap, eachMapGrad and asMatrix", "They work on ", "∂loss/∂out[y][x]"} {
		if !strings.Contains(string(files["network.go"])+string(files["layer.go"]), want) {
			t.Errorf("neither layer.go nor network.go has %q", want)
		}
	}
}

// bodies returns a function that gives whole functions instead of stubs, from a file.
func bodies(t *testing.T, file string) func(d *declaration) string {
	t.Helper()
	set := token.NewFileSet()
	text := get(t, file)
	parsed, err := parser.ParseFile(set, file, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]string{}
	for _, d := range parsed.Decls {
		if d, ok := d.(*ast.FuncDecl); ok {
			of[d.Name.Name] = text[set.Position(d.Pos()).Offset:set.Position(d.End()).Offset]
		}
	}
	return func(d *declaration) string {
		if of[d.name] == "" {
			t.Errorf("%s has no function %s", file, d.name)
		}
		return of[d.name]
	}
}

// fill writes functions into a module.
func fill(t *testing.T, s *source, folder string, body func(d *declaration) string) {
	t.Helper()
	for name, generate := range map[string]func(func(*declaration) string) ([]byte, error){"layer.go": s.layer, "network.go": s.network} {
		text, err := generate(body)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(folder, name), string(text))
	}
}

// What is written compiles. With our own functions filled back in, everything passes, and so it does with plain loops.
// (Package tutor checks the same two without a module, in every run of the tests.)
func TestSolutions(t *testing.T) {
	testenv.NeedStored(t)
	s, folder := testSource(t), newModule(t)
	vet := func(what string) {
		t.Helper()
		if out, err := goIn(folder, "vet", "."); err != nil {
			t.Fatalf("%s: %v: %s", what, err, out)
		}
	}
	vet("stubs")
	for name := range map[string]bool{"layer.go": true, "network.go": true, "main.go": true, "workshop_test.go": true} {
		if out, err := exec.Command("gofmt", "-l", filepath.Join(folder, name)).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("gofmt -l %s: %v: %s", name, err, out)
		}
	}

	var own, given []*declaration
	for _, name := range s.steps {
		own = append(own, s.named[name])
	}
	groups, functions := s.given()
	given = slices.Concat(own, groups, functions)
	parts := []string{"// What our own functions need."}
	for _, d := range s.needed(given) {
		parts = append(parts, s.whole(d))
	}
	helpers, err := s.file(parts)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(folder, "helpers.go"), string(helpers))
	test := func(what string, body func(d *declaration) string) {
		t.Helper()
		fill(t, s, folder, body)
		vet(what)
		if !testenv.All() {
			return
		}
		if out, err := goIn(folder, "test"); err != nil || !strings.Contains(out, "steps are right.") {
			t.Errorf("%s: error %v: %s", what, err, out)
		}
	}
	test("our functions", s.whole)
	if err := os.Remove(filepath.Join(folder, "helpers.go")); err != nil {
		t.Fatal(err)
	}
	test("plain loops", bodies(t, "testdata/plain.go"))
	if testenv.All() {
		if out, err := goIn(folder, "run", ".", "-digits", "20", "-epochs", "1"); err != nil || !strings.Contains(out, "test accuracy: yours ") {
			t.Errorf("go run .: error %v, printed\n%s", err, out)
		}
	}
}

// In every folder where it can't write a module, the program says why, and leaves nothing.
func TestRefusals(t *testing.T) {
	testenv.NeedExec(t)
	folder := t.TempDir()
	put(t, filepath.Join(folder, "file"), "mine")
	for _, name := range []string{"full", "empty"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(folder, "full/thesis.txt"), "mine")
	clone := testenv.Path(t, ".")
	for _, c := range []struct{ target, want string }{
		{filepath.Join(folder, "full"), "isn't empty"},
		{filepath.Join(folder, "file"), "is a file"},
		{filepath.Join(folder, "file", "mine"), filepath.Join(folder, "file") + " is a file, not a folder"},
		{filepath.Join(folder, "none", "mine"), "create " + filepath.Join(folder, "none") + " first"},
		{filepath.Join(clone, "mine"), "is in the clone"},
		{filepath.Join(clone, "docs", "mine"), "is in the clone"},
		{clone, "isn't empty"},
	} {
		out, err := workshop("", "", c.target)
		if err == nil || !strings.Contains(err.Error(), c.want) || out != "" {
			t.Errorf("%s: error %v, printed %q, want %q and nothing", c.target, err, out, c.want)
		}
	}
	for name, want := range map[string]int{".": 3, "full": 1, "empty": 0} {
		if entries, err := os.ReadDir(filepath.Join(folder, name)); err != nil || len(entries) != want {
			t.Errorf("%s holds %v, error %v, want %d files", name, entries, err, want)
		}
	}
	// An empty folder is as good as none.
	if _, err := workshop("", "", filepath.Join(folder, "empty")); err != nil || !isWorkshop(filepath.Join(folder, "empty")) {
		t.Errorf("an empty folder: error %v", err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 3 {
		t.Errorf("the folder holds %v, error %v, want no temporary folder", entries, err)
	}

	readOnly := filepath.Join(folder, "readonly")
	if err := os.Mkdir(readOnly, 0o555); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(readOnly, "try"), 0o755); err == nil {
		t.Log("this user may write into any folder")
	} else if _, err := workshop("", "", filepath.Join(readOnly, "mine")); err == nil || !strings.Contains(err.Error(), "can't write in the folder") {
		t.Errorf("a folder that is read-only: error %v", err)
	}
}

// The command line.
func TestCommandLine(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		hint, reset string
		args        []string
		want        string
	}{
		{"", "", nil, "name a folder for your module"},
		{"", "", []string{"a", "b"}, `found "b" after the folder a`},
		{"MaxPool", "MaxPool", nil, "want one of them"},
		{"MaxPool", "", nil, "this folder isn't a workshop's module: name its folder"},
		{"", "ReLU", nil, "-reset ReLU ../mine"},
		{"", "MaxPool", []string{"none"}, "none isn't a workshop's module"},
	} {
		if _, err := workshop(c.hint, c.reset, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c, err, c.want)
		} else {
			for _, line := range strings.Split("workshop: "+err.Error(), "\n") {
				if len([]rune(line)) > 80 {
					t.Errorf("%+v: a line of more than 80 characters: %s", c, line)
				}
			}
		}
	}
	t.Setenv("PATH", "")
	if _, err := workshop("", "", "stray"); err == nil || !strings.Contains(err.Error(), "no go command on the PATH") {
		t.Errorf("without the go command: error %v", err)
	}
}

func TestOutsideTheClone(t *testing.T) {
	testenv.NeedExec(t)
	t.Chdir(t.TempDir())
	if _, err := workshop("", "", "stray"); err == nil || !strings.Contains(err.Error(), "stray") || !strings.Contains(err.Error(), "in the root of the repository") {
		t.Errorf("outside the clone: error %v", err)
	}
}

// The path of the clone in go.mod, on all systems, and in links.
func TestPaths(t *testing.T) {
	for clone, want := range map[string]string{
		"../convnet":           "../convnet",
		"../../src/convnet":    "../../src/convnet",
		"../my clone":          `"../my clone"`,
		"../a,b":               `"../a,b"`,
		"D:/go/convnet":        "D:/go/convnet",
		"D:/My Files/convnet":  `"D:/My Files/convnet"`,
		"//server/src/convnet": `"//server/src/convnet"`,
		"../größe/convnet":     "../größe/convnet",
	} {
		if got := (page{Clone: clone}).Quoted(); got != want {
			t.Errorf("%s: go.mod says %s, want %s", clone, got, want)
		}
	}
	type paths struct{ clone, target, want string }
	cases := []paths{
		{"/src/convnet", "/src/mine", "../convnet"},
		{"/src/convnet", "/home/me/mine", "../../../src/convnet"},
		{"/src/my clone", "/src/a b/mine", "../../my clone"},
	}
	if runtime.GOOS == "windows" {
		cases = []paths{
			{`C:\src\convnet`, `C:\src\mine`, "../convnet"},
			{`C:\src\convnet`, `D:\mine`, ""},
			{`\\server\src\convnet`, `D:\mine`, ""},
		}
	}
	for _, c := range cases {
		if got := relativePath(c.clone, c.target); got != c.want {
			t.Errorf("from %s to %s: %q, want %q", c.target, c.clone, got, c.want)
		}
	}
	if runtime.GOOS == "windows" {
		if got, want := replacement(`\\server\src\convnet`, `D:\mine`), "//server/src/convnet"; got != want {
			t.Errorf("without a relative path: %q, want %q", got, want)
		}
	}
	if got, want := (page{link: "../my%20clone"}).Anchor("The forward pass, by hand"), "../my%20clone/README.md#the-forward-pass-by-hand"; got != want {
		t.Errorf("the link is %s, want %s", got, want)
	}
}

// A module whose path has spaces compiles, and so does one behind a link.
func TestSpaces(t *testing.T) {
	testenv.NeedExec(t)
	folder := t.TempDir()
	real := filepath.Join(folder, "my files", "deep")
	if err := os.MkdirAll(real, 0o755); err != nil {
		t.Fatal(err)
	}
	targets := []string{filepath.Join(real, "a (new) network")}
	if err := os.Symlink(real, filepath.Join(folder, "link")); err == nil {
		link := filepath.Join(folder, "link", "another network")
		if targets = append(targets, link); !testenv.All() {
			targets = []string{link}
		}
	}
	for _, target := range targets {
		if out, err := workshop("", "", target); err != nil || !strings.Contains(out, " is yours: ") {
			t.Errorf("%s: error %v, printed %q", target, err, out)
		}
		folders := []string{target}
		if real := withoutLinks(target); real != target {
			folders = append(folders, real)
		}
		for _, folder := range folders {
			if out, err := goIn(folder, "list", "-deps", "."); err != nil {
				t.Errorf("%s: %v: %s", folder, err, out)
			}
		}
	}
}

// In a workspace of other modules, or with flags for all go commands, the error says so.
func TestOddSurroundings(t *testing.T) {
	testenv.NeedExec(t)
	folder := t.TempDir()
	put(t, filepath.Join(folder, "go.work"), "go 1.24\n")
	_, err := workshop("", "", filepath.Join(folder, "mine"))
	if err == nil || !strings.Contains(err.Error(), "go.work makes this folder part of a workspace") {
		t.Errorf("error %v, want one about the workspace", err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("the folder holds %v, want go.work", entries)
	}
	t.Setenv("GOFLAGS", "-mod=vendor")
	_, err = workshop("", "", filepath.Join(t.TempDir(), "mine"))
	if err == nil || !strings.Contains(err.Error(), `GOFLAGS is "-mod=vendor"`) && !strings.Contains(err.Error(), "found no clone") {
		t.Errorf("error %v, want one about GOFLAGS", err)
	}
}

// Running the program again changes nothing, and says how far the learner is.
func TestAgain(t *testing.T) {
	folder := newModule(t)
	put(t, filepath.Join(folder, "layer.go"), get(t, filepath.Join(folder, "layer.go"))+"\n// mine\n")
	out, err := workshop("", "", folder)
	if err != nil || !strings.Contains(out, "is your module already") || !strings.Contains(out, "NewMatrix is next") {
		t.Errorf("error %v, printed\n%s", err, out)
	}
	if !strings.HasSuffix(get(t, filepath.Join(folder, "layer.go")), "\n// mine\n") {
		t.Error("layer.go was changed")
	}
	if !testenv.All() {
		return // it compiles the module again
	}
	// From within, no folder has to be named.
	t.Chdir(folder)
	again, err := workshop("", "")
	if err != nil || !strings.Contains(again, "NewMatrix") {
		t.Errorf("from within: error %v, printed\n%s", err, again)
	}
}

// Hints become longer. What was shown is remembered, and a damaged file is no error.
func TestHints(t *testing.T) {
	folder := t.TempDir()
	put(t, filepath.Join(folder, "workshop_test.go"), `package main; import "convnet/examples/workshop/tutor"`)
	step := tutor.Steps()[0]
	n := len(step.Hints)
	hint := func(name string, want int) {
		t.Helper()
		out, err := workshop(name, "", folder)
		if err != nil || !strings.HasPrefix(out, fmt.Sprintf("%s, hint %d of %d:\n\n", step.Name, want, n)) {
			t.Errorf("error %v, printed %q, want hint %d", err, out, want)
		}
		more, last := strings.Contains(out, "Ask again"), strings.Contains(out, "the last hint")
		if more != (want < n) || last == more {
			t.Errorf("offers another hint: %t, says that it's the last: %t, after %d of %d", more, last, want, n)
		}
		for _, line := range strings.Split(out, "\n") {
			if len([]rune(line)) > 80 {
				t.Errorf("a line of more than 80 characters: %s", line)
			}
		}
	}
	for k := range n + 2 {
		hint(step.Name, min(k+1, n))
	}
	for _, damaged := range []string{"", "{", "null", "[1]", `{"` + step.Name + `":-7}`, `{"` + step.Name + `":"x"}`} {
		put(t, filepath.Join(folder, ".hints.json"), damaged)
		hint(strings.ToUpper(step.Name), 1)
		if n > 1 {
			hint(strings.ToLower(step.Name), 2)
		}
	}
	// In the clone, it shows what to type there.
	t.Chdir(testenv.Path(t, "."))
	put(t, filepath.Join(folder, ".hints.json"), "{}")
	if out, err := workshop(step.Name, "", folder); err != nil || n > 1 && !strings.Contains(out, "go run ./examples/workshop -hint "+step.Name+" ") {
		t.Errorf("in the clone: error %v, printed %q", err, out)
	}
	if _, err := workshop("nonsense", "", folder); err == nil || !strings.Contains(err.Error(), "there is no step nonsense") || !strings.Contains(err.Error(), step.Name+", ") {
		t.Errorf("a step that doesn't exist: error %v", err)
	}
	for _, step := range tutor.Steps() {
		for _, hint := range step.Hints {
			for _, line := range strings.Split(paragraphs(hint), "\n") {
				if len([]rune(line)) > 80 {
					t.Errorf("%s: a hint has a line of %d characters: %s", step.Name, len([]rune(line)), line)
				}
			}
		}
	}
}

// Reset puts one function back, changes nothing else, and keeps what it replaces, even where the file doesn't
// compile.
func TestReset(t *testing.T) {
	s, folder := testSource(t), newModule(t)
	plain := bodies(t, "testdata/plain.go")
	layer, network := filepath.Join(folder, "layer.go"), filepath.Join(folder, "network.go")
	stubs := map[string]string{layer: get(t, layer), network: get(t, network)}
	reset := func(name, want string) {
		t.Helper()
		var b strings.Builder
		err := program{stdout: &b, stderr: &b, module: module, clone: s.folder}.run("", name, []string{folder})
		if out := b.String(); err != nil || !strings.Contains(out, want) {
			t.Errorf("-reset %s: error %v, printed %q, want %q", name, err, out, want)
		}
	}
	reset("maxpool", "MaxPool in layer.go is as it was at the beginning.")
	for k, name := range []string{"MaxPool", "Softmax", "Forward", "New"} {
		file := layer
		if k > 1 {
			file = network
		}
		d := s.named[name]
		function := plain(d)
		text := strings.Replace(stubs[file], s.stub(d), function, 1)
		if name == "Softmax" { // the only one that needs the import
			text = strings.Replace(text, "import (\n", "import (\n\t\"math\"\n", 1)
		}
		broken := strings.Replace(text, function, strings.Replace(function, "{\n", "{\n\tfor (\n", 1), 1)
		for n, text := range []string{text, broken} {
			put(t, file, text)
			kept := name + ".old.txt"
			if n == 1 {
				kept = name + ".old2.txt"
			}
			reset(name, "What you had is in "+kept)
			want := stubs[file]
			if got := get(t, file); got != want && !(n == 1 && strings.Replace(got, "\t\"math\"\n", "", 1) == want) {
				t.Errorf("-reset %s: %s is\n%s", name, file, got)
			}
			if got := get(t, filepath.Join(folder, kept)); !strings.Contains(text, got[:len(got)-1]) || !strings.Contains(got, "\n}\n") {
				t.Errorf("-reset %s kept %q", name, got)
			}
		}
	}
	// A function that was deleted, or moved to another file.
	put(t, layer, strings.Replace(stubs[layer], s.stub(s.named["ReLU"])+"\n\n", "", 1))
	reset("ReLU", "Your module had no ReLU.")
	if !strings.HasSuffix(get(t, layer), "\n\n"+s.stub(s.named["ReLU"])+"\n") {
		t.Errorf("layer.go is\n%s", get(t, layer))
	}
	put(t, layer, strings.Replace(stubs[layer], s.stub(s.named["ReLU"])+"\n\n", "", 1))
	put(t, filepath.Join(folder, "relu.go"), "package main\n\nimport \"math\"\n\n"+plain(s.named["ReLU"])+"\n")
	reset("ReLU", "ReLU in relu.go is back")
	if got, want := get(t, filepath.Join(folder, "relu.go")), "package main\n\n"+s.stub(s.named["ReLU"])+"\n"; got != want {
		t.Errorf("relu.go is\n%s\nwant\n%s", got, want)
	}
	if testenv.All() {
		if out, err := goIn(folder, "vet", "."); err != nil {
			t.Errorf("at the end: %v: %s", err, out)
		}
	}
	if err := os.Remove(layer); err != nil {
		t.Fatal(err)
	}
	reset("Conv2D", "Your module had no Conv2D.")
	if get(t, layer) != stubs[layer] {
		t.Error("without layer.go, it isn't written whole")
	}
	if _, err := workshop("", "Parameters", folder); err == nil || !strings.Contains(err.Error(), "there is no function Parameters") {
		t.Errorf("a function that doesn't exist: error %v", err)
	}
}

// Errors about the clone.
func TestSourceErrors(t *testing.T) {
	folder := t.TempDir()
	if _, err := readSource(module, folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder: error %v", err)
	}
}
