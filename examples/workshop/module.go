package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"unicode"

	"convnet/examples/internal/atomicfile"
	"convnet/examples/workshop/tutor"
)

// The files of the module that aren't cut out of our source.
//
//go:embed templates
var templates embed.FS

// create writes a new module. It has its name only once all of it is there and compiles.
func (p program) create(target string) (err error) {
	clone, err := p.findClone()
	if err != nil {
		return fmt.Errorf("can't write %s: %w", target, err)
	}
	target, err = freeFolder(target, clone)
	if err != nil {
		return err
	}
	s, err := readSource(p.module, clone)
	if err != nil {
		return err
	}
	files, err := s.files(replacement(clone, target))
	if err != nil {
		return err
	}
	parent, name := filepath.Split(target)
	temp, err := os.MkdirTemp(parent, "."+name+".*.tmp")
	if err != nil {
		return cantWrite(parent, err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(temp)
		}
	}()
	os.Chmod(temp, 0o755) // fails where folders have no modes, and then there's nothing to change
	for name, text := range files {
		if err := write(filepath.Join(temp, name), text); err != nil {
			return cantWrite(parent, err)
		}
	}
	if err := compiles(temp); err != nil {
		return err
	}
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) { // it's an empty folder
		return err
	}
	if err := atomicfile.Rename(temp, target); err != nil {
		return cantWrite(parent, err)
	}
	fmt.Fprintf(p.stdout, "%s is yours: %d functions to write, and then %d checks of the whole network.\n"+
		"Type this to see what is next, as often as you like:\n\n"+
		"    cd %s\n    go test\n\n"+
		"README.md there lists the steps, with the section of the tutorial to read for\neach.\n",
		shown(target), len(s.steps), len(tutor.Steps())-len(s.steps), quoted(shown(target)))
	return nil
}

// write writes a file, all of it or nothing.
func write(name string, text []byte) error {
	return atomicfile.Write(name, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

func cantWrite(folder string, err error) error {
	return fmt.Errorf("can't write in the folder %s, choose another: %w", shown(folder), err)
}

// shown returns a path as people write it: relative to the working directory, if that is shorter.
func shown(path string) string {
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, path); err == nil && len(relative) < len(path) {
			return relative
		}
	}
	return filepath.Clean(path)
}

// quoted returns a path for a command line.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t'&();$") {
		return `"` + path + `"`
	}
	return path
}

// findClone returns the folder of package convnet, as the go command finds it from here.
func (p program) findClone() (string, error) {
	if p.clone != "" {
		return p.clone, nil
	}
	out, err := goCommand("", "list", "-f", "{{.Dir}}", p.module)
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("there is no go command on the PATH: install Go from https://go.dev/dl, or add the folder of its programs to PATH")
	}
	if err != nil {
		return "", fmt.Errorf("found no clone of %s from here (run this in the root of the repository, or in your module)\n%w", p.module, err)
	}
	clone := strings.TrimSpace(out)
	for _, name := range []string{"layer.go", "examples/workshop/tutor/functions.go"} {
		if _, err := os.Stat(filepath.Join(clone, filepath.FromSlash(name))); err != nil {
			return "", fmt.Errorf("%s isn't a clone of %s: it has no %s", clone, p.module, name)
		}
	}
	return clone, nil
}

// goCommand runs the go command in a folder, without a network. It returns what it printed, and if it
// fails, an error that says what.
func goCommand(folder string, args ...string) (string, error) {
	c, err := offline(folder, args...)
	if err != nil {
		return "", err
	}
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// offline returns a go command that uses no network.
func offline(folder string, args ...string) (*exec.Cmd, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	c := exec.Command(path, args...)
	c.Dir = folder
	c.Env = append(c.Environ(), "GOPROXY=off")
	return c, nil
}

// compiles returns an error if the learner's module doesn't compile as it is. Then something around it is odd.
func compiles(folder string) error {
	_, err := goCommand(folder, "vet", ".")
	if err == nil {
		return nil
	}
	out, e := goCommand(folder, "env", "GOWORK", "GOFLAGS")
	work, flags, _ := strings.Cut(out, "\n")
	switch flags = strings.TrimSpace(flags); {
	case e == nil && work != "" && work != "off":
		err = fmt.Errorf("%s makes this folder part of a workspace: choose another folder, or set GOWORK=off\n%w", work, err)
	case e == nil && strings.Contains(flags, "-mod="):
		err = fmt.Errorf("GOFLAGS is %q, which is in the way: go without -mod there\n%w", flags, err)
	}
	return fmt.Errorf("a module doesn't compile here: %w", err)
}

// freeFolder returns the absolute path of a folder to write the module to. It is an error if something is
// there already, or if the folder would be in the clone.
func freeFolder(target, clone string) (string, error) {
	path, err := filepath.Abs(target)
	if err != nil {
		return "", err
	}
	entries, err := os.ReadDir(path)
	switch {
	case err == nil && len(entries) > 0:
		return "", fmt.Errorf("%s isn't empty, and it isn't a workshop's module: choose another folder", target)
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		if info, e := os.Stat(path); e == nil && !info.IsDir() {
			return "", fmt.Errorf("%s is a file: choose another name", target)
		}
		if info, e := os.Stat(filepath.Dir(path)); e != nil || info.IsDir() {
			return "", err
		}
	default:
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return "", fmt.Errorf("the folder of %s doesn't exist: create %s first", target, filepath.Dir(target))
		}
	}
	if info, err := os.Stat(filepath.Dir(path)); err == nil && !info.IsDir() {
		return "", fmt.Errorf("%s is a file, not a folder: choose another name", filepath.Dir(target))
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return "", fmt.Errorf("%s is a link: choose another name", target)
	}
	inside, err := os.Stat(clone)
	if err != nil {
		return "", err
	}
	for folder := withoutLinks(path); ; folder = filepath.Dir(folder) {
		if info, err := os.Stat(folder); err == nil && os.SameFile(info, inside) {
			return "", fmt.Errorf("%s is in the clone: choose a folder beside it, for example ../mine", target)
		}
		if folder == filepath.Dir(folder) {
			return path, nil
		}
	}
}

// replacement returns how go.mod in target names the clone: by a relative path, so that both can move together,
// or else by an absolute one. There is no relative path to another drive, and none that holds from both sides of a
// link.
func replacement(clone, target string) string {
	for _, from := range []string{clone, withoutLinks(clone)} {
		for _, to := range []string{target, withoutLinks(target)} {
			if relative := relativePath(from, to); relative != "" && leads(target, relative, clone) && leads(withoutLinks(target), relative, clone) {
				return relative
			}
		}
	}
	return filepath.ToSlash(clone)
}

// relativePath returns the path from target to the clone with slashes, "" if there is none.
func relativePath(clone, target string) string {
	relative, err := filepath.Rel(target, clone)
	if err != nil {
		return ""
	}
	return filepath.ToSlash(relative) // it begins with .., as the clone isn't in target
}

// leads reports whether a relative path leads from a folder to the clone.
func leads(folder, relative, clone string) bool {
	found, err := os.Stat(filepath.Join(folder, filepath.FromSlash(relative)))
	if err != nil {
		return false
	}
	wanted, err := os.Stat(clone)
	return err == nil && os.SameFile(found, wanted)
}

// withoutLinks returns a path with its links resolved. Its last part need not exist.
func withoutLinks(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if parent, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(parent, filepath.Base(path))
	}
	return path
}

// methods converts between the learner's types and ours, which have the same fields.
var methods = map[string]string{
	"New": "func(seed uint64) *convnet.Network { return (*convnet.Network)(New(seed)) }",
	"Forward": "func(n *convnet.Network, a *convnet.Activations, image [][]float64) {\n" +
		"(*Network)(n).Forward((*Activations)(a), image)\n}",
	"Backward": "func(n, grad *convnet.Network, d, a *convnet.Activations, label int) {\n" +
		"(*Network)(n).Backward((*Network)(grad), (*Activations)(d), (*Activations)(a), label)\n}",
	"Update": "func(n, grad *convnet.Network, rate float64) { (*Network)(n).Update((*Network)(grad), rate) }",
}

// files returns the files of a new module, given how its go.mod names the clone.
func (s *source) files(clone string) (map[string][]byte, error) {
	layer, err := s.layer(s.stub)
	if err != nil {
		return nil, err
	}
	network, err := s.network(s.stub)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"layer.go": layer, "network.go": network}
	version, err := s.goVersion()
	if err != nil {
		return nil, err
	}
	data := page{
		Module: s.module, Import: s.imported(), GoVersion: version, Clone: clone,
		Functions: s.steps, Methods: methods, Wiring: s.wiringNames(), link: strings.ReplaceAll(clone, " ", "%20"),
	}
	for k, step := range tutor.Steps() {
		data.Steps = append(data.Steps, numbered{step, k + 1})
	}
	for _, name := range []string{"go.mod", "main.go", "workshop_test.go", "README.md"} {
		parsed, err := template.ParseFS(templates, "templates/"+name+".txt")
		if err != nil {
			return nil, err
		}
		var text bytes.Buffer
		if err := parsed.Execute(&text, data); err != nil {
			return nil, err
		}
		files[name] = text.Bytes()
		if filepath.Ext(name) == ".go" {
			if files[name], err = format.Source(files[name]); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return files, nil
}

// goVersion returns the version in the clone's go.mod.
func (s *source) goVersion() (string, error) {
	text, err := os.ReadFile(filepath.Join(s.folder, "go.mod"))
	if err != nil {
		return "", err
	}
	for _, line := range strings.Split(string(text), "\n") {
		if version, ok := strings.CutPrefix(strings.TrimSpace(line), "go "); ok {
			return version, nil
		}
	}
	return "", errors.New("go.mod in the clone doesn't say which version of Go it needs")
}

// A page is what the templates know.
type page struct {
	Module, Import, GoVersion, Clone string
	Functions                        []string
	Methods                          map[string]string // what the checker calls instead, where types differ
	Wiring                           string
	Steps                            []numbered
	link                             string
}

// Checks returns how many steps check the whole network.
func (p page) Checks() int { return len(p.Steps) - len(p.Functions) }

// A numbered step begins with 1.
type numbered struct {
	tutor.Step
	Number int
}

// Quoted returns the clone's path for go.mod.
func (p page) Quoted() string {
	special := func(r rune) bool { return strings.ContainsRune(" \"'`,()[]{}", r) || !unicode.IsPrint(r) }
	if strings.ContainsFunc(p.Clone, special) || strings.Contains(p.Clone, "//") || strings.Contains(p.Clone, "/*") {
		return strconv.Quote(p.Clone)
	}
	return p.Clone
}

// Link returns the address of a file in the clone, for a page in Markdown.
func (p page) Link(file string) string { return p.link + "/" + file }

// Anchor returns the address of a section.
func (p page) Anchor(section string) string {
	var name strings.Builder
	for _, r := range strings.ToLower(section) {
		switch {
		case r == ' ':
			name.WriteByte('-')
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127:
			name.WriteRune(r)
		}
	}
	return p.Link("README.md#" + name.String())
}
