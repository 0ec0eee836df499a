package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"convnet/examples/internal/testenv"
)

// A browser is a headless Chromium, which all tests of the page share. It gets its commands
// through a pipe, in the Chrome DevTools Protocol: JSON, with a zero byte after each message.
type browser struct {
	to    io.Writer
	ended chan struct{}

	mutex   sync.Mutex
	last    int // id of the last command
	waiting map[int]waiter
	tabs    map[string]*tab // by session
	gone    error           // why there will be no more replies
}

// A waiter waits for the reply to a command. Its channel is closed if none will come.
type waiter struct {
	session string
	reply   chan reply
}

type reply struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// A tab is a page of a test, in a browser context of its own: it shares neither storage nor
// settings with other tests.
type tab struct {
	t       *testing.T
	browser *browser
	session string
	sharp   int // pixels of the screen for one of CSS, 1 if it is 0: set it before opening a page

	// All of them are guarded by the browser's mutex.
	gone   error    // why there will be no more replies
	faults []string // what the console or the network complained about
	loaded []string // the addresses of everything the page requested
}

// patience is how long a test waits for a browser that may hang. It isn't used to measure
// anything.
const patience = time.Minute

// keeping is an environment variable. If it holds the path of a Chromium, the test binary runs no
// tests, but keeps a browser alive for the process that started it.
const keeping = "CONVNET_KEEP_BROWSER"

// runsMain is an environment variable. If it is set, the test binary runs no tests, but is the
// program.
const runsMain = "CONVNET_TEST_RUNS_MAIN"

// stopBrowser ends the browser if a test has started one.
var stopBrowser = func() {}

func TestMain(m *testing.M) {
	if path := os.Getenv(keeping); path != "" {
		if err := keepBrowser(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if os.Getenv(runsMain) != "" {
		main()
	}
	m.Run()
	stopBrowser()
}

// keepBrowser runs a browser, with the two pipes it has been given, and then removes the
// browser's folder. It does so in a process of its own, because tests may end at any time: by
// a panic, a timeout or Ctrl-C. The pipes are closed then, which ends the browser.
func keepBrowser(path string) error {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTERM) // stay until the folder is gone
	folder, err := os.MkdirTemp("", "convnet")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	command := exec.Command(path,
		"--headless", "--remote-debugging-pipe", "--user-data-dir="+folder, "--disable-gpu", "--no-first-run", "--no-startup-window", "--disable-quic",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		// Chromium would prepare a process for the next page, and with each window the popups of
		// its address bar, which are pages with hundreds of scripts. That takes longer than a test.
		"--disable-features=SpareRendererForSitePerProcess,WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup",
	)
	if os.Getuid() == 0 {
		command.Args = append(command.Args, "--no-sandbox") // Chromium demands this of root
	}
	command.Env = append(os.Environ(), "TMPDIR="+folder, "XDG_CONFIG_HOME="+folder) // where crash reports go
	command.Stderr = os.Stderr
	for _, descriptor := range []uintptr{3, 4} {
		command.ExtraFiles = append(command.ExtraFiles, os.NewFile(descriptor, "pipe"))
	}
	if err := command.Start(); err != nil {
		return err
	}
	for _, file := range command.ExtraFiles {
		file.Close()
	}
	go func() {
		io.Copy(io.Discard, os.Stdin) // until the tests have ended
		time.Sleep(10 * time.Second)
		command.Process.Kill()
	}()
	return command.Wait()
}

// findBrowser returns the path of a Chromium.
func findBrowser() (string, error) {
	if runtime.GOOS == "windows" {
		return "", errors.New("on Windows, Go can't hand a browser the two ends of the pipe")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("found no Chromium")
}

// sharedBrowser returns the browser of all tests, which the first one starts.
var sharedBrowser = sync.OnceValues(func() (*browser, error) {
	path, err := findBrowser()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	fromUs, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	from, toUs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	keeper := exec.Command(self)
	keeper.Env = append(os.Environ(), keeping+"="+path)
	keeper.ExtraFiles = []*os.File{fromUs, toUs} // descriptors 3 and 4
	var complaints bytes.Buffer
	keeper.Stderr = &complaints
	alive, err := keeper.StdinPipe() // closed when the tests end, however they end
	if err != nil {
		return nil, err
	}
	if err := keeper.Start(); err != nil {
		return nil, err
	}
	fromUs.Close()
	toUs.Close()
	b := &browser{to: to, ended: make(chan struct{}), waiting: map[int]waiter{}, tabs: map[string]*tab{}}
	go func() {
		defer close(b.ended)
		b.listen(from)
		from.Close()
		keeper.Wait()
		b.mutex.Lock()
		defer b.mutex.Unlock()
		b.gone = fmt.Errorf("the browser has ended: %s", &complaints)
		b.giveUp("")
	}()
	stopBrowser = func() {
		to.Close()
		alive.Close()
		<-b.ended
	}
	return b, nil
})

// newTab opens an empty page in the browser. If there is no browser on this machine, the test
// is skipped, unless CONVNET_BROWSER says that there must be one.
func newTab(t *testing.T) *tab {
	t.Helper()
	testenv.NeedExec(t)
	b, err := sharedBrowser()
	if err != nil {
		if os.Getenv("CONVNET_BROWSER") != "" {
			t.Fatalf("CONVNET_BROWSER is set, but there is no browser: %v", err)
		}
		t.Skipf("no browser to open the page in: %v", err)
	}
	c := &tab{t: t, browser: b}
	var context struct{ BrowserContextId string }
	c.call("Target.createBrowserContext", nil, &context)
	t.Cleanup(func() {
		close := &tab{t: t, browser: b}
		if err := close.send("Target.disposeBrowserContext", map[string]any{"browserContextId": context.BrowserContextId}, nil); err != nil {
			t.Errorf("the tab can't be closed: %v", err)
		}
	})
	var target struct{ TargetId string }
	c.call("Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": context.BrowserContextId}, &target)
	var attached struct{ SessionId string }
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetId, "flatten": true}, &attached)
	c.session = attached.SessionId
	b.mutex.Lock()
	b.tabs[c.session] = c
	b.mutex.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "Inspector"} {
		c.call(domain+".enable", nil, nil)
	}
	c.call("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil) // tests run in parallel, and only one window has the focus
	return c
}

// listen receives the browser's messages until it ends.
func (b *browser) listen(from io.Reader) {
	messages := bufio.NewReader(from)
	for {
		text, err := messages.ReadBytes(0)
		if err != nil {
			return
		}
		var message struct {
			Id        int
			SessionId string
			Method    string
			Params    json.RawMessage
			reply
		}
		if err := json.Unmarshal(bytes.TrimRight(text, "\x00"), &message); err != nil {
			continue
		}
		b.mutex.Lock()
		if w, ok := b.waiting[message.Id]; ok {
			delete(b.waiting, message.Id)
			w.reply <- message.reply
		}
		if c := b.tabs[message.SessionId]; c != nil {
			c.note(message.Method, message.Params)
		}
		b.mutex.Unlock()
	}
}

// giveUp stops waiting for replies from a session, or if it is empty, from anywhere.
func (b *browser) giveUp(session string) {
	for id, w := range b.waiting {
		if session == "" || w.session == session {
			delete(b.waiting, id)
			close(w.reply)
		}
	}
}

// note keeps what a test may want to know about an event.
func (c *tab) note(method string, params json.RawMessage) {
	var p struct {
		Type    string
		Entry   struct{ Level, Text, Url string }
		Request struct{ Url string }
	}
	json.Unmarshal(params, &p)
	switch {
	case method == "Inspector.targetCrashed":
		c.gone = errors.New("the tab has crashed")
		c.browser.giveUp(c.session)
	case method == "Network.requestWillBeSent":
		c.loaded = append(c.loaded, p.Request.Url)
	case method == "Runtime.exceptionThrown",
		method == "Runtime.consoleAPICalled" && p.Type != "log",
		method == "Log.entryAdded" && (p.Entry.Level == "error" || p.Entry.Level == "warning"):
		c.faults = append(c.faults, string(params))
	}
}

// complaints returns what the console or the network has complained about.
func (c *tab) complaints() []string {
	c.browser.mutex.Lock()
	defer c.browser.mutex.Unlock()
	return slices.Clone(c.faults)
}

// requests returns the addresses of everything the page has requested.
func (c *tab) requests() []string {
	c.browser.mutex.Lock()
	defer c.browser.mutex.Unlock()
	return slices.Clone(c.loaded)
}

// call sends the tab a command and reads its result into result, if it isn't nil.
func (c *tab) call(method string, params map[string]any, result any) {
	c.t.Helper()
	if err := c.send(method, params, result); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
}

// send is call for a command that may fail.
func (c *tab) send(method string, params map[string]any, result any) error {
	message := map[string]any{"method": method, "params": params}
	if params == nil {
		message["params"] = map[string]any{}
	}
	if c.session != "" {
		message["sessionId"] = c.session
	}
	b, replies := c.browser, make(chan reply, 1)
	b.mutex.Lock()
	b.last++
	message["id"] = b.last
	err := cmp.Or(b.gone, c.gone)
	if err == nil {
		b.waiting[b.last] = waiter{c.session, replies}
	}
	b.mutex.Unlock()
	text, _ := json.Marshal(message) // can't fail for maps, strings and numbers
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	if err != nil {
		return err
	}
	select {
	case r, ok := <-replies:
		switch {
		case !ok:
			b.mutex.Lock()
			defer b.mutex.Unlock()
			return cmp.Or(b.gone, c.gone)
		case r.Error != nil:
			return errors.New(r.Error.Message)
		case result != nil:
			return json.Unmarshal(r.Result, result)
		}
		return nil
	case <-time.After(patience):
		return errors.New("no reply")
	}
}

// open opens a page on a screen of the given size.
func (c *tab) open(url string, width, height int, mobile bool, theme string) {
	c.t.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": max(1, c.sharp), "mobile": mobile}, nil)
	c.call("Emulation.setTouchEmulationEnabled", map[string]any{"enabled": mobile}, nil)
	c.prefer("color-scheme", theme)
	c.call("Page.navigate", map[string]any{"url": url}, nil)
	c.until(`document.readyState === "complete" && location.href !== "about:blank"`)
}

// prefer sets a user preference, prefers-…, in place of any earlier one.
func (c *tab) prefer(what, value string) {
	c.t.Helper()
	c.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-" + what, "value": value}}}, nil)
}

// run runs a script in the page and reads its value into value, if it isn't nil.
func (c *tab) run(script string, value any) {
	c.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	c.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		c.t.Fatalf("%s: %s", script, r.ExceptionDetails)
	}
	if value != nil {
		if err := json.Unmarshal(r.Result.Value, value); err != nil {
			c.t.Fatalf("%s: found %s: %v", script, r.Result.Value, err)
		}
	}
}

// until waits until a condition is true in the page.
func (c *tab) until(condition string) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var holds bool
		c.run("Boolean("+condition+")", &holds)
		if holds {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s doesn't become true; the console shows %q", condition, c.complaints())
		}
	}
}

// is checks a condition in the page.
func (c *tab) is(condition string) (holds bool) {
	c.t.Helper()
	c.run("Boolean("+condition+")", &holds)
	return holds
}

// resize changes the size of the window.
func (c *tab) resize(width, height int) {
	c.t.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	c.until(fmt.Sprintf(`innerWidth === %d`, width))
}

// text returns the text of an element.
func (c *tab) text(selector string) (text string) {
	c.t.Helper()
	c.run(fmt.Sprintf("document.querySelector(%q).textContent", selector), &text)
	return text
}

// mouse moves, presses or releases the mouse at a point of an element, given as fractions of
// its width and height.
func (c *tab) mouse(kind, selector string, x, y float64, buttons int) {
	c.t.Helper()
	var box struct{ X, Y, Width, Height float64 }
	c.run(fmt.Sprintf("document.querySelector(%q).scrollIntoViewIfNeeded(); document.querySelector(%q).getBoundingClientRect().toJSON()", selector, selector), &box)
	c.call("Input.dispatchMouseEvent", map[string]any{
		"type": kind, "x": box.X + x*box.Width, "y": box.Y + y*box.Height, "button": "left", "buttons": buttons, "clickCount": 1,
	}, nil)
}

func (c *tab) click(selector string) {
	c.t.Helper()
	c.mouse("mousePressed", selector, 0.5, 0.5, 1)
	c.mouse("mouseReleased", selector, 0.5, 0.5, 0)
}

// stroke draws a line through points on the pad with the mouse.
func (c *tab) stroke(points ...[2]float64) {
	c.t.Helper()
	kind := "mousePressed"
	for k, p := range points {
		c.mouse(kind, "#pad", p[0], p[1], 1)
		kind = "mouseMoved"
		if k+1 < len(points) { // halfway too, as a hand would
			c.mouse(kind, "#pad", (p[0]+points[k+1][0])/2, (p[1]+points[k+1][1])/2, 1)
		}
	}
	last := points[len(points)-1]
	c.mouse("mouseReleased", "#pad", last[0], last[1], 0)
}

// key presses a key.
func (c *tab) key(key string) {
	c.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36}
	params := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
	if key == " " || key == "Enter" {
		params["text"] = strings.Replace(key, "Enter", "\r", 1)
	}
	c.call("Input.dispatchKeyEvent", params, nil)
	c.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
}

// shots returns the folder for pictures of the page, or nothing if none are wanted. It asks in the
// test, not before, because then the go command knows that the variable matters and runs the test
// again if it has changed.
func shots() string { return os.Getenv("CONVNET_SHOTS") }

// shoot saves a screenshot if one is wanted: of the window, or if there are selectors, of the part of
// the page that has these elements, with a margin around it.
func (c *tab) shoot(name string, selectors ...string) {
	c.t.Helper()
	if shots() == "" {
		return
	}
	params := map[string]any{"format": "png"}
	if len(selectors) > 0 {
		const margin = 4
		left, top, right, bottom := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
		for _, selector := range selectors {
			var box struct{ Left, Top, Right, Bottom float64 }
			c.run(fmt.Sprintf("document.querySelector(%q).getBoundingClientRect().toJSON()", selector), &box)
			left, top, right, bottom = min(left, box.Left), min(top, box.Top), max(right, box.Right), max(bottom, box.Bottom)
		}
		params["clip"] = map[string]any{"x": left - margin, "y": top - margin, "width": right - left + 2*margin, "height": bottom - top + 2*margin, "scale": 1}
		params["captureBeyondViewport"] = true
	}
	var shot struct{ Data string }
	c.call("Page.captureScreenshot", params, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		c.t.Fatal(err)
	}
	c.save(name+".png", data)
}

// save writes a file to the folder of pictures, if there is one.
func (c *tab) save(name string, data []byte) {
	c.t.Helper()
	if shots() == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(shots(), name), data, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// If a tab crashes its test ends at once, and those of other tabs go on.
func TestCrashedTab(t *testing.T) {
	t.Parallel()
	other, crashed := newTab(t), newTab(t)
	began := time.Now()
	if err := crashed.send("Page.crash", nil, nil); err == nil || !strings.Contains(err.Error(), "crashed") {
		t.Errorf("error %v, want one that says the tab crashed", err)
	}
	if err := crashed.send("Runtime.evaluate", map[string]any{"expression": "1"}, nil); err == nil {
		t.Error("found no error after the crash")
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %v to notice", took)
	}
	var sum int
	if other.run("1 + 2", &sum); sum != 3 {
		t.Errorf("in another tab 1 + 2 is %d", sum)
	}
}
