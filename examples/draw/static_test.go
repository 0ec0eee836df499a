package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"convnet"
	"convnet/examples/draw/page"
	"convnet/examples/draw/static"
	"convnet/examples/internal/testenv"
	"convnet/examples/model"
)

// staticPages are the static pages of testNetwork that tests have asked for, by the number of
// test digits.
var staticPages struct {
	mutex sync.Mutex
	all   map[int]staticPage
}

// staticPageOf returns the static page of testNetwork.
func staticPageOf(t *testing.T, train, test []convnet.Digit) staticPage {
	t.Helper()
	testenv.NeedExec(t)
	network, err := testNetwork()
	if err != nil {
		t.Fatal(err)
	}
	staticPages.mutex.Lock()
	defer staticPages.mutex.Unlock()
	if staticPages.all == nil {
		staticPages.all = map[int]staticPage{}
	}
	p := staticPages.all[len(test)]
	if p == nil {
		if p, err = newStaticPage(context.Background(), network, train, test); err != nil {
			t.Fatal(err)
		}
		staticPages.all[len(test)] = p
	}
	return p
}

// withoutServer is a test whose subtests get the static page from serving.
const withoutServer = "TestWithoutServer"

// Whatever the page can do, it can do without a server: these are the tests of the page.
func TestWithoutServer(t *testing.T) {
	testenv.NeedAll(t)
	tests := map[string]func(t *testing.T){
		"TestAddress": TestAddress, "TestBackward": TestBackward, "TestCurves": TestCurves, "TestDrawing": TestDrawing, "TestFilters": TestFilters, "TestFiltersNarrow": TestFiltersNarrow, "TestFinger": TestFinger,
		"TestFlow": TestFlow, "TestForcedColors": TestForcedColors, "TestImpatience": TestImpatience, "TestInSight": TestInSight,
		"TestKeyboard": TestKeyboard, "TestLayout": TestLayout, "TestOcclusion": TestOcclusion, "TestPackedStrokes": TestPackedStrokes,
		"TestPanel": TestPanel, "TestPanelNarrow": TestPanelNarrow, "TestPanelSums": TestPanelSums, "TestPin": TestPin, "TestPlay": TestPlay, "TestPlayLessMotion": TestPlayLessMotion,
		"TestReceptiveField": TestReceptiveField, "TestRefusedAddress": TestRefusedAddress, "TestRefusedPrediction": TestRefusedPrediction, "TestSlowResponses": TestSlowResponses,
		"TestSmallDigits": TestSmallDigits, "TestTestDigits": TestTestDigits, "TestTheme": TestTheme, "TestTraining": TestTraining,
		"TestTrainingAddress": TestTrainingAddress,
		"TestTrainingBar":     TestTrainingBar, "TestTrainingPace": TestTrainingPace, "TestTrainingRetry": TestTrainingRetry,
		"TestUndo": TestUndo, "TestVerdict": TestVerdict,
	}
	others := []string{
		"TestDrawnDigits",    // opens no page
		"TestEnormousValues", // has a network of its own
		"TestPictures",       // is about pictures for the README
		"TestOtherShapes",    // has a server of its own
		"TestStoppedProgram", // is about what becomes of a server
		"TestTrainingEnds",   // needs a digit that no file can hold
		"TestTrainingGone",   // is about what becomes of a server
	}
	names, err := filepath.Glob("page*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(source, -1) {
			if name := string(found[1]); tests[name] == nil && !slices.Contains(others, name) {
				t.Errorf("%s is missing here: add it to the tests, or say why it can't be one of them", name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, tests[name])
	}
}

// serve serves the files until the test ends.
func (p staticPage) serve(t *testing.T) (url string) {
	t.Helper()
	web := httptest.NewServer(p.handler())
	t.Cleanup(web.Close)
	return web.URL + "/convnet"
}

// handler serves the files below a path, as a careless host would: it doesn't know WebAssembly.
func (p staticPage) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/convnet" {
			http.Redirect(w, r, "/convnet/", http.StatusMovedPermanently)
			return
		}
		name, below := strings.CutPrefix(r.URL.Path, "/convnet/")
		if name == "" {
			name = "index.html"
		}
		content, ok := p[name]
		if !ok || !below {
			http.NotFound(w, r)
			return
		}
		kinds := map[string]string{".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
		w.Header().Set("Content-Type", kinds[filepath.Ext(name)])
		if kinds[filepath.Ext(name)] == "" {
			w.Header().Set("Content-Type", "text/plain")
		}
		w.Write(content)
	})
}

// Without a server the page does everything itself, and loads digits only when it needs them.
func TestStaticPage(t *testing.T) {
	t.Parallel()
	testenv.NeedAll(t) // compiling for WebAssembly takes seconds, and the first time much longer
	train, test := testenv.Digits(t)
	p := staticPageOf(t, train, test[:1000])
	const most = 1_600_000 // as docs/running.md and examples/README.md say
	size := p.loaded()
	t.Logf("the page loads %d bytes, gzipped, and %d of digits", size, len(p[static.TestFile(0)]))
	if size > most && testenv.Stored() { // a larger network takes more
		t.Errorf("want at most %d", most)
	}
	var mutex sync.Mutex
	var requests []string
	files := p.handler()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		requests = append(requests, r.URL.Path)
		mutex.Unlock()
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	loaded := func(name string) bool {
		mutex.Lock()
		defer mutex.Unlock()
		return slices.Contains(requests, "/convnet/"+name)
	}
	c := newTab(t)
	c.open(web.URL+"/convnet/", 1280, 800, false, "light")
	c.ready()
	var took float64
	c.run(`performance.now()`, &took)
	t.Logf("from the request to the first prediction: at most %.0f ms", took)
	number := func(k int) {
		c.run(fmt.Sprintf(`document.getElementById("number").value = "%d"; document.getElementById("number").dispatchEvent(new Event("change"))`, k), nil)
	}
	if loaded(static.TestFile(500)) || loaded(static.TrainingFile) {
		t.Errorf("the page has loaded digits that nobody asked for: %q", requests)
	}
	s := servingDigits(t, train, test[:1000])
	number(512)
	c.wantVerdict(s.verdictOn(512))
	number(599) // is in the same file
	c.wantVerdict(s.verdictOn(599))
	if !loaded(static.TestFile(500)) || loaded(static.TestFile(600)) {
		t.Errorf("two test digits have loaded %q", requests)
	}
	c.click("#step")
	c.wantExamples(1)
	if !loaded(static.TrainingFile) {
		t.Errorf("a step of training has loaded only %q", requests)
	}
	c.wantNoFaults()
	mutex.Lock()
	defer mutex.Unlock()
	for k, path := range requests {
		if !strings.HasPrefix(path, "/convnet/") || path != "/convnet/icon.svg" && slices.Contains(requests[:k], path) {
			t.Errorf("the page has loaded %s, want only what is below /convnet/, and only once", path)
		}
	}
}

// Every request gets the response that the server would send.
func TestStaticResponses(t *testing.T) {
	t.Parallel()
	testenv.NeedAll(t)
	train, test := testenv.Digits(t)
	test = test[:1000]
	s := servingDigits(t, train, test)
	c := newTab(t)
	c.open(staticPageOf(t, train, test).serve(t)+"/", 1280, 800, false, "light")
	c.ready()
	for _, r := range []struct{ path, body string }{
		{"network", `{}`}, {"misclassified", `{}`},
		{"predict", `{"digit":7}`}, {"predict", `{"digit":999}`}, {"predict", `{"strokes":[[[0.2,0.3],[0.7,0.9]]]}`},
		{"predict", `{"digit":1000}`}, {"predict", `{"digit":-1}`}, {"predict", `{"digit":1.5}`}, {"nowhere", `{}`},
		{"cell", `{"digit":7,"layer":"probabilities","map":0,"row":0,"column":3}`},
		{"gradients", `{"digit":300,"label":3}`}, {"occlusion", `{"digit":401}`}, {"train", `{"session":"x","rate":1}`},
	} {
		want, err := s.Respond(context.Background(), r.path, []byte(r.body))
		if err != nil {
			want = fmt.Appendf(nil, "%q", err.Error())
		}
		var found, wanted any
		c.ask(r.path, r.body, &found)
		if err := json.Unmarshal(want, &wanted); err != nil || !alike(found, wanted) {
			t.Errorf("%s %s: found %.300v, want %.300v (%v)", r.path, r.body, found, wanted, err)
		}
	}
	c.wantNoFaults()
}

// alike reports whether two JSON values are equal, except that math.Exp may round differently
// on another kind of processor, and WebAssembly is one.
func alike(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && math.Abs(a-b) <= 1e-12*max(1, math.Abs(a))
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, alike)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, alike)
	}
	return a == b
}

// Where the page can't run it says why, in a sentence.
func TestStaticPageCannotRun(t *testing.T) {
	t.Parallel()
	testenv.NeedAll(t)
	train, test := testenv.Digits(t)
	p := staticPageOf(t, train, test[:1000])
	message := func(want string) func(c *tab) {
		return func(c *tab) {
			c.t.Helper()
			c.until(fmt.Sprintf(`document.getElementById("loading").innerText === %q`, want))
		}
	}
	with := func(name string, content []byte) staticPage { // or without it, if content is nil
		other := maps.Clone(p)
		if other[name] = content; content == nil {
			delete(other, name)
		}
		return other
	}
	const lost = "The page can't run its program. Reload it to try again. "
	open := func(p staticPage) func(c *tab) {
		return func(c *tab) { c.open(p.serve(c.t)+"/", 800, 600, false, "light") }
	}
	for _, s := range []struct {
		name       string
		open, want func(c *tab)
	}{
		{"without JavaScript", func(c *tab) {
			c.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
			open(p)(c)
		}, func(c *tab) {
			c.until(`document.body.innerText.includes("This page needs JavaScript, which is turned off in this browser.")`)
		}},
		{"without WebAssembly", func(c *tab) {
			c.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `delete window.WebAssembly`}, nil)
			open(p)(c)
		}, message("This page needs WebAssembly, which this browser doesn't have or has turned off.")},
		{"as a file", func(c *tab) {
			folder := t.TempDir()
			if err := p.write(filepath.Join(folder, "site")); err != nil {
				t.Fatal(err)
			}
			c.open("file://"+filepath.ToSlash(folder)+"/site/index.html", 800, 600, false, "light")
		}, message("This page has to come from a web server. In its folder, run python3 -m http.server, and open http://localhost:8000.")},
		{"without a module", open(with("url.js", nil)), message("The page's scripts can't be loaded. Reload it to try again.")},
		{"without the program", open(with("draw.wasm", nil)), message(lost + "(draw.wasm: status 404)")},
		{"without the worker", open(with("worker.js", nil)), message(lost + "(worker.js can't be loaded)")},
		{"without the digits", open(with("start.json", nil)), message(lost + "(start.json: status 404)")},
		{"with half a program", open(with("draw.wasm", p["draw.wasm"][:len(p["draw.wasm"])/2])), func(c *tab) {
			c.until(fmt.Sprintf(`document.getElementById("loading").innerText.startsWith(%q)`, lost+"(WebAssembly"))
		}},
		{"with a damaged network", open(with("model.safetensors", p["model.safetensors"][:1000])), func(c *tab) {
			c.until(fmt.Sprintf(`document.getElementById("loading").innerText.startsWith(%q)`, lost+"(model"))
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			c := newTab(t)
			s.open(c)
			s.want(c)
			c.shoot("static " + s.name)
		})
	}
}

// While the program loads the page says so, and while training digits load it does everything else.
func TestStaticPageLoads(t *testing.T) {
	t.Parallel()
	testenv.NeedAll(t)
	train, test := testenv.Digits(t)
	p := staticPageOf(t, train, test[:1000])
	held := map[string]chan struct{}{"/convnet/draw.wasm": make(chan struct{}), "/convnet/" + static.TrainingFile: make(chan struct{})}
	files := p.handler()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if released := held[r.URL.Path]; released != nil {
			select {
			case <-released:
			case <-r.Context().Done():
			}
		}
		files.ServeHTTP(w, r)
	}))
	defer web.Close()
	c := newTab(t)
	c.open(web.URL+"/convnet/", 1280, 800, false, "light")
	c.until(`/^Loading the network \([0-9.]+ MB\)…$/.test(document.getElementById("loading").textContent)`)
	close(held["/convnet/draw.wasm"])
	c.ready()
	c.until(`!document.body.innerText.includes("Loading")`)
	c.click("#step")
	c.until(`document.getElementById("notice-text").textContent.startsWith("Waiting for the training digits")`)
	c.click("#next")
	c.wantVerdict(servingDigits(t, train, test).verdictOn(1))
	close(held["/convnet/"+static.TrainingFile])
	c.wantExamples(1)
	c.wantNoFaults()
}

// -static writes the page into a folder that is empty or has an older page, and leaves any
// other alone.
func TestStaticFlag(t *testing.T) {
	testenv.NeedAll(t) // it looks for all misclassified digits
	testenv.NeedExec(t)
	folder := filepath.Join(t.TempDir(), "out", "page")
	link, modelName := filepath.Join(t.TempDir(), "page"), modelFile(t)
	linked := os.Symlink(folder, link) == nil
	if !linked {
		link = folder
	}
	for _, name := range []string{folder, link} { // into a new folder, and through a link into one that it has written
		var printed bytes.Buffer
		if err := run(t.Context(), []string{"-model", modelName, "-static", name}, &printed); err != nil {
			t.Fatal(err)
		}
		want := regexp.MustCompile(`^wrote [0-9]+ files, [0-9.]+ MB, to .*/page
the page loads 1\.[0-9] MB of them, gzipped, before it shows a digit
publish the folder on any web server, or try it with python3 -m http.server -d .*/page\n$`)
		if !want.MatchString(printed.String()) {
			t.Errorf("it printed %q, want %s", &printed, want)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(folder)); err != nil || len(entries) != 1 {
		t.Errorf("beside the page there is more: %v (%v)", entries, err)
	}
	if target, err := os.Readlink(link); linked && (err != nil || target != folder) {
		t.Errorf("the link leads to %q, want %q (%v)", target, folder, err)
	}
	saved, err := os.ReadFile(filepath.Join(folder, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	network, _, err := model.Load(bytes.NewReader(saved))
	if err != nil || !slices.Equal(network.Parameters, convnet.New(1).Parameters) {
		t.Errorf("the network is not the one of -model (%v)", err)
	}
}

// A folder that can't be written, or should not be, gives an error before anything is computed.
func TestStaticFolder(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) string {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(filepath.Join(folder, name))
	}
	write("other/notes.txt", "mine")
	write("more/files.txt", "index.html\nnotes\n")
	write("more/index.html", "a page")
	write("more/notes/today", "mine")
	write("older/files.txt", "gone.js\nindex.html\n")
	for _, c := range []struct{ name, want string }{
		{"other", "other has notes.txt, which doesn't belong to the page: want an empty folder, or one that -static has written"},
		{"more", "more has notes, which doesn't belong to the page"},
		{"other/notes.txt", "notes.txt"},
		{"missing/folder", ""},
		{"older", ""},
		{"new", ""},
	} {
		err := checkFolder(filepath.Join(folder, filepath.FromSlash(c.name)))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: found the error %v, want %q", c.name, err, c.want)
		}
	}
	// The new page replaces the older one, with all its files.
	if err := (staticPage{"index.html": []byte("new"), manifest: []byte("index.html\n")}).write(filepath.Join(folder, "older")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(folder, "older"))
	if content, _ := os.ReadFile(filepath.Join(folder, "older", "index.html")); err != nil || len(entries) != 2 || string(content) != "new" {
		t.Errorf("found %v, with the page %q (%v)", entries, content, err)
	}
	// If it can't be written, the older one stays.
	if err := (staticPage{"no/such/folder": nil}).write(filepath.Join(folder, "older")); err == nil {
		t.Error("found no error")
	}
	if content, _ := os.ReadFile(filepath.Join(folder, "older", "index.html")); string(content) != "new" {
		t.Errorf("after an error the page is %q", content)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 3 {
		t.Errorf("found %v, want nothing temporary", entries)
	}
	// A symbolic link stays one, unless it leads nowhere.
	link, nowhere := filepath.Join(folder, "link"), filepath.Join(folder, "nowhere")
	testenv.Symlink(t, "older", link)
	testenv.Symlink(t, "missing", nowhere)
	for name, want := range map[string]string{link: "older", "older": "older", "missing": "missing"} {
		found, err := linkedFolder(filepath.Join(folder, filepath.Base(name)))
		if err != nil || filepath.Base(found) != want {
			t.Errorf("%s leads to %s, want %s (%v)", name, found, want, err)
		}
	}
	if found, err := linkedFolder(nowhere); err == nil {
		t.Errorf("a link to nowhere leads to %s", found)
	}
}

// Without a go command, or outside the repository, it says what is missing.
func TestStaticWithoutGo(t *testing.T) {
	testenv.NeedExec(t)
	t.Run("outside the repository", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if err := (staticPage{}).compile(t.Context()); err == nil || !strings.Contains(err.Error(), "(run this in the folder of the repository)") || strings.Contains(err.Error(), "\n") {
			t.Errorf("found the error %v", err)
		}
	})
	t.Run("without a Go that runs", func(t *testing.T) {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "go"), []byte("no program"), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", folder)
		if err := (staticPage{}).compile(t.Context()); err == nil || strings.Contains(err.Error(), "(run this in") {
			t.Errorf("found the error %v", err)
		}
	})
	t.Run("without Go", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if err := (staticPage{}).compile(t.Context()); err == nil || !strings.Contains(err.Error(), "found no go command") {
			t.Errorf("found the error %v", err)
		}
	})
}

// Flags for other programs don't matter. -race is none for WebAssembly.
func TestStaticFlags(t *testing.T) {
	testenv.NeedExec(t)
	t.Setenv("GOFLAGS", "-race")
	if out, err := runGo(t.Context(), "list", "convnet/examples/draw/wasm"); err != nil || out != "convnet/examples/draw/wasm" {
		t.Errorf("found %q (%v)", out, err)
	}
}

// The command that is printed can be pasted into a shell.
func TestQuoted(t *testing.T) {
	for name, want := range map[string]string{
		"out/page": "out/page", "C:/my page": `"C:/my page"`, "it's": `"it's"`, "漢": "漢",
	} {
		if found := quoted(name); found != want {
			t.Errorf("%s is quoted as %s, want %s", name, found, want)
		}
	}
}

// The page's policy is the server's, except for what a page without a server needs or can't
// say.
func TestStaticPolicy(t *testing.T) {
	index, err := page.Files.ReadFile("index.html")
	if err != nil {
		t.Fatal(err)
	}
	ask, err := scripts.ReadFile("wasm/ask.js")
	if err != nil {
		t.Fatal(err)
	}
	p := staticPage{"index.html": index, "ask.js": ask}
	if err := p.adapt(); err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindSubmatch(p["index.html"])
	if found == nil {
		t.Fatal("the page has no policy")
	}
	directives := strings.Split(string(found[1]), "; ")
	want := append(strings.Split(policy, "; "), "worker-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
	want = slices.DeleteFunc(want, func(d string) bool { return d == "script-src 'self'" || d == "frame-ancestors 'none'" })
	slices.Sort(directives)
	if slices.Sort(want); !slices.Equal(directives, want) {
		t.Errorf("the policy is %q, want %q", directives, want)
	}
}
