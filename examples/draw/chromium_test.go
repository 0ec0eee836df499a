package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A chromium is a real browser without a window. It gets its commands through a pipe, in the
// Chrome DevTools Protocol: JSON, with a zero byte after each message.
type chromium struct {
	t       *testing.T
	to      io.Writer
	session string // of the one page

	mutex   sync.Mutex
	last    int // id of the last command
	waiting map[int]chan reply
	gone    error    // why there will be no more replies
	faults  []string // what the console or the network complained about
	loaded  []string // the addresses of everything the page requested
}

type reply struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// patience is how long a test waits for a browser that may hang. Nothing is measured by it.
const patience = time.Minute

// newChromium starts a browser with an empty page. If there is none on this machine, the test
// is skipped, unless CONVNET_BROWSER says that there must be one. The test is also skipped
// with -short, where tests can't start programs, and on Windows.
func newChromium(t *testing.T) *chromium {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes long to start")
	}
	if os.Getenv("CONVNET_NO_EXEC") != "" {
		t.Skip("CONVNET_NO_EXEC is set: tests can't start programs here")
	}
	if runtime.GOOS == "windows" {
		t.Skip("on Windows, Go can't hand a browser the two ends of the pipe")
	}
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CONVNET_BROWSER") != "" {
			t.Fatal("found no Chromium, but CONVNET_BROWSER is set")
		}
		t.Skip("found no Chromium to open the page in")
	}
	args := []string{
		"--headless", "--remote-debugging-pipe", "--user-data-dir=" + t.TempDir(), "--disable-gpu", "--no-first-run", "--disable-quic",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "about:blank",
	}
	if os.Getuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium demands this of root
	}
	command := exec.Command(path, args...)
	fromUs, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, toUs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command.ExtraFiles = []*os.File{fromUs, toUs} // descriptors 3 and 4
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	fromUs.Close()
	toUs.Close()
	c := &chromium{t: t, to: to, waiting: map[int]chan reply{}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.listen(from)
	}()
	t.Cleanup(func() {
		to.Close() // ends the browser
		select {
		case <-ended:
		case <-time.After(patience):
			command.Process.Kill()
		}
		command.Wait()
		from.Close()
	})
	var target struct{ TargetId string }
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionId string }
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetId, "flatten": true}, &attached)
	c.session = attached.SessionId
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		c.call(domain+".enable", nil, nil)
	}
	return c
}

// listen receives the browser's messages until it ends.
func (c *chromium) listen(from io.Reader) {
	messages := bufio.NewReader(from)
	for {
		text, err := messages.ReadBytes(0)
		if err != nil {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.gone = fmt.Errorf("the browser is gone: %w", err)
			for _, w := range c.waiting {
				close(w)
			}
			return
		}
		var message struct {
			Id     int
			Method string
			Params json.RawMessage
			reply
		}
		if err := json.Unmarshal(bytes.TrimRight(text, "\x00"), &message); err != nil {
			continue
		}
		c.mutex.Lock()
		if w := c.waiting[message.Id]; w != nil {
			delete(c.waiting, message.Id)
			w <- message.reply
		}
		c.note(message.Method, message.Params)
		c.mutex.Unlock()
	}
}

// note keeps what a test may want to know about an event.
func (c *chromium) note(method string, params json.RawMessage) {
	var p struct {
		Type    string
		Entry   struct{ Level, Text, Url string }
		Request struct{ Url string }
	}
	json.Unmarshal(params, &p)
	switch {
	case method == "Network.requestWillBeSent":
		c.loaded = append(c.loaded, p.Request.Url)
	case method == "Runtime.exceptionThrown",
		method == "Runtime.consoleAPICalled" && p.Type != "log",
		method == "Log.entryAdded" && (p.Entry.Level == "error" || p.Entry.Level == "warning"):
		c.faults = append(c.faults, string(params))
	}
}

// call sends the browser a command and reads its result into result, if it isn't nil.
func (c *chromium) call(method string, params map[string]any, result any) {
	c.t.Helper()
	message := map[string]any{"method": method, "params": params}
	if params == nil {
		message["params"] = map[string]any{}
	}
	if c.session != "" {
		message["sessionId"] = c.session
	}
	replies := make(chan reply, 1)
	c.mutex.Lock()
	c.last++
	message["id"] = c.last
	c.waiting[c.last] = replies
	err := c.gone
	c.mutex.Unlock()
	text, _ := json.Marshal(message) // can't fail for maps, strings and numbers
	if err == nil {
		_, err = c.to.Write(append(text, 0))
	}
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	select {
	case r, ok := <-replies:
		if !ok {
			err = c.gone
		} else if r.Error != nil {
			err = errors.New(r.Error.Message)
		} else if result != nil {
			err = json.Unmarshal(r.Result, result)
		}
	case <-time.After(patience):
		err = errors.New("no reply")
	}
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
}

// open opens a page on a screen of the given size.
func (c *chromium) open(url string, width, height int, mobile bool, theme string) {
	c.t.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}, nil)
	c.call("Emulation.setTouchEmulationEnabled", map[string]any{"enabled": mobile}, nil)
	c.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": theme}}}, nil)
	c.call("Page.navigate", map[string]any{"url": url}, nil)
	c.until(`document.readyState === "complete" && location.href !== "about:blank"`)
}

// run runs a script in the page and reads its value into value, if it isn't nil.
func (c *chromium) run(script string, value any) {
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
func (c *chromium) until(condition string) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var holds bool
		c.run("Boolean("+condition+")", &holds)
		if holds {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s doesn't become true; the console shows %q", condition, c.faults)
		}
	}
}

// text returns the text of an element.
func (c *chromium) text(selector string) (text string) {
	c.t.Helper()
	c.run(fmt.Sprintf("document.querySelector(%q).textContent", selector), &text)
	return text
}

// mouse moves, presses or releases the mouse at a point of an element, given as fractions of
// its width and height.
func (c *chromium) mouse(kind, selector string, x, y float64, buttons int) {
	c.t.Helper()
	var box struct{ X, Y, Width, Height float64 }
	c.run(fmt.Sprintf("document.querySelector(%q).scrollIntoViewIfNeeded(); document.querySelector(%q).getBoundingClientRect().toJSON()", selector, selector), &box)
	c.call("Input.dispatchMouseEvent", map[string]any{
		"type": kind, "x": box.X + x*box.Width, "y": box.Y + y*box.Height, "button": "left", "buttons": buttons, "clickCount": 1,
	}, nil)
}

func (c *chromium) click(selector string) {
	c.t.Helper()
	c.mouse("mousePressed", selector, 0.5, 0.5, 1)
	c.mouse("mouseReleased", selector, 0.5, 0.5, 0)
}

// stroke draws a line through points on the pad with the mouse.
func (c *chromium) stroke(points ...[2]float64) {
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
func (c *chromium) key(key string) {
	c.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "PageDown": 34}
	params := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
	if key == " " || key == "Enter" {
		params["text"] = strings.Replace(key, "Enter", "\r", 1)
	}
	c.call("Input.dispatchKeyEvent", params, nil)
	c.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
}

// shoot saves a screenshot.
func (c *chromium) shoot(name string) {
	c.t.Helper()
	var shot struct{ Data string }
	c.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		c.t.Fatal(err)
	}
	c.save(name+".png", data)
}

// save writes a file to the folder in CONVNET_SHOTS, if that is set.
func (c *chromium) save(name string, data []byte) {
	c.t.Helper()
	folder := os.Getenv("CONVNET_SHOTS")
	if folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
		c.t.Fatal(err)
	}
}
