package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"convnet"
	"convnet/examples/draw/inspect"
	"convnet/examples/draw/page"
	"convnet/examples/draw/static"
	"convnet/examples/internal/digitfile"
	"convnet/examples/model"
)

// A staticPage is the page without a server: the content of its files, by name.
type staticPage map[string][]byte

// manifest is a file that lists all others. It tells a folder that may be overwritten from any
// other.
const manifest = "files.txt"

// scripts are the scripts of the page that has no server.
//
//go:embed wasm/*.js
var scripts embed.FS

// writeStatic writes the static page into a folder, all of it or nothing, and prints how to go
// on.
func writeStatic(ctx context.Context, folder string, network *convnet.Network, train, test []convnet.Digit, stdout io.Writer) error {
	name := filepath.ToSlash(folder) // as it was given
	folder, err := linkedFolder(folder)
	if err != nil {
		return err
	}
	if err := checkFolder(folder); err != nil {
		return err
	}
	p, err := newStaticPage(ctx, network, train, test)
	if err != nil {
		return err
	}
	if err := p.write(folder); err != nil {
		return err
	}
	size := 0
	for _, content := range p {
		size += len(content)
	}
	fmt.Fprintf(stdout, "wrote %d files, %s, to %s\n", len(p), megabytes(size), name)
	fmt.Fprintf(stdout, "the page loads %s of them, gzipped, before it shows a digit\n", megabytes(p.loaded()))
	fmt.Fprintf(stdout, "publish the folder on any web server, or try it with python3 -m http.server -d %s\n", quoted(name))
	return nil
}

// quoted returns a name as shells understand it, quoted if it has to be.
func quoted(name string) string {
	if strings.ContainsAny(name, " '()&;") {
		return `"` + name + `"`
	}
	return name
}

// linkedFolder returns the folder that a symbolic link leads to, or else the folder itself: a new page
// takes the place of the older one, not of the link.
func linkedFolder(folder string) (string, error) {
	if _, err := os.Lstat(folder); errors.Is(err, fs.ErrNotExist) {
		return folder, nil
	}
	return filepath.EvalSymlinks(folder)
}

func megabytes(bytes int) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

// loaded returns how many bytes the page loads before any digit, from a server that gzips.
func (p staticPage) loaded() int {
	var zipped bytes.Buffer
	for name, content := range p {
		if name == manifest || strings.HasSuffix(name, ".gz") {
			continue
		}
		w := gzip.NewWriter(&zipped)
		w.Write(content) // into memory, which can't fail
		w.Close()
	}
	return zipped.Len()
}

// newStaticPage returns the static page of a network.
func newStaticPage(ctx context.Context, network *convnet.Network, train, test []convnet.Digit) (staticPage, error) {
	misclassified := make(chan []byte, 1)
	go func() { // takes seconds, as does compiling
		list, _ := inspect.New(network, nil, test).Respond(ctx, "misclassified", []byte("{}")) // fails only if ctx is done
		misclassified <- list
	}()
	p := staticPage{}
	if err := p.compile(ctx); err != nil {
		return nil, err
	}
	// The scripts come second, because one of them takes the place of the page's ask.js.
	if err := cmp.Or(p.addFiles(page.Files, "."), p.addFiles(scripts, "wasm")); err != nil {
		return nil, err
	}
	var saved bytes.Buffer
	if err := model.Save(&saved, network, nil); err != nil {
		return nil, err
	}
	p["model.safetensors"] = saved.Bytes()
	description, err := json.Marshal(static.Description{TrainingDigits: len(train), TestDigits: len(test), Misclassified: <-misclassified})
	if err := cmp.Or(ctx.Err(), err); err != nil {
		return nil, err
	}
	p["start.json"] = description
	if err := p.adapt(); err != nil {
		return nil, err
	}
	if err := p.addDigits(static.TrainingFile, train); err != nil {
		return nil, err
	}
	for k := 0; k < len(test); k += static.Chunk {
		if err := p.addDigits(static.TestFile(k), test[k:min(k+static.Chunk, len(test))]); err != nil {
			return nil, err
		}
	}
	p[manifest] = []byte(strings.Join(slices.Sorted(maps.Keys(p)), "\n") + "\n")
	return p, nil
}

// addFiles adds the files in a folder.
func (p staticPage) addFiles(files fs.FS, folder string) error {
	entries, err := fs.ReadDir(files, folder)
	for _, entry := range entries {
		content, readError := fs.ReadFile(files, path.Join(folder, entry.Name()))
		p[entry.Name()], err = content, cmp.Or(err, readError)
	}
	return err
}

func (p staticPage) addDigits(name string, digits []convnet.Digit) error {
	var file bytes.Buffer
	err := digitfile.Write(&file, digits)
	p[name] = file.Bytes()
	return err
}

// compile adds the program that responds to the page's requests, and the script from the Go
// installation that belongs to it.
func (p staticPage) compile(ctx context.Context) error {
	temp, err := os.MkdirTemp("", "convnet")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	compiled := filepath.Join(temp, "draw.wasm")
	// Without the version control's state the same code gives the same bytes.
	if _, err := runGo(ctx, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", compiled, "convnet/examples/draw/wasm"); err != nil {
		return err
	}
	root, err := runGo(ctx, "env", "GOROOT")
	if err != nil {
		return err
	}
	for name, file := range map[string]string{"draw.wasm": compiled, "wasm_exec.js": filepath.Join(root, "lib", "wasm", "wasm_exec.js")} {
		if p[name], err = os.ReadFile(file); err != nil {
			return err
		}
	}
	return nil
}

// runGo runs the go command for WebAssembly, and returns what it prints.
func runGo(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOFLAGS=") // your flags may be none for WebAssembly, such as -race
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", errors.New("found no go command, which compiles the page's program: install Go from https://go.dev/dl")
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		words := strings.Fields(complaint.String())
		if len(words) == 0 { // the command didn't even begin
			return "", err
		}
		return "", fmt.Errorf("go %s: %s (run this in the folder of the repository)", args[0], strings.Join(words, " "))
	}
	return strings.TrimSpace(string(output)), nil
}

// adapt changes what has to be different in the files without a server: index.html gets the
// policy that a server would send, and ask.js the size of what the page loads.
func (p staticPage) adapt() error {
	// The worker compiles WebAssembly. A page can't say by which others it may be framed.
	policy := strings.Replace(policy, "script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'", 1)
	policy = strings.Replace(policy, "; frame-ancestors 'none'", "", 1)
	head := fmt.Sprintf("<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=%q>\n<script defer src=\"start.js\"></script>", policy)
	for _, c := range []struct{ name, old, new string }{
		{"index.html", `<meta charset="utf-8">`, head},
		{"ask.js", "{size}", megabytes(p.loaded())},
	} {
		if bytes.Count(p[c.name], []byte(c.old)) != 1 {
			return fmt.Errorf("%s has %s not exactly once", c.name, c.old)
		}
		p[c.name] = bytes.Replace(p[c.name], []byte(c.old), []byte(c.new), 1)
	}
	return nil
}

// checkFolder returns an error unless a folder is missing, empty or a static page.
func checkFolder(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || len(entries) == 0 {
		return err
	}
	listed, err := os.ReadFile(filepath.Join(folder, manifest))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names := append(strings.Fields(string(listed)), manifest)
	for _, entry := range entries {
		if !slices.Contains(names, entry.Name()) || entry.IsDir() {
			return fmt.Errorf("%s has %s, which doesn't belong to the page: want an empty folder, or one that -static has written", filepath.ToSlash(folder), entry.Name())
		}
	}
	return nil
}

// write writes the files into a new folder, which then takes the place of the given one.
func (p staticPage) write(folder string) (err error) {
	folder, err = filepath.Abs(folder)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(folder), "."+filepath.Base(folder)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp) // what was there before, or after an error what isn't complete
	made, old := filepath.Join(temp, "new"), filepath.Join(temp, "old")
	if err := os.Mkdir(made, 0o755); err != nil {
		return err
	}
	for name, content := range p {
		if err := os.WriteFile(filepath.Join(made, name), content, 0o644); err != nil {
			return err
		}
	}
	if err := os.Rename(folder, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(made, folder); err != nil {
		os.Rename(old, folder) // fails only if there was none
		return err
	}
	return nil
}
