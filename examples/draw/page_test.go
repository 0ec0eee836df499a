package main

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ready waits until the network has seen what is on the pad.
func (c *chromium) ready() {
	c.t.Helper()
	c.until(`document.getElementById("network").dataset.seen > 0`)
}

// inked returns whether something is drawn in a box of the pad, in its own pixels.
func (c *chromium) inked(x, y, width, height int) (found bool) {
	c.t.Helper()
	// Chromium warns of reading the pad itself more than once.
	c.run(fmt.Sprintf(`{
		const copy = new OffscreenCanvas(400, 400).getContext("2d", {willReadFrequently: true});
		copy.drawImage(document.getElementById("pad"), 0, 0);
		copy.getImageData(%d, %d, %d, %d).data.some(v => v > 0);
	}`, x, y, width, height), &found)
	return found
}

// The strokes of a few digits, as one draws them.
var strokes = map[string][][][2]float64{
	"7": {{{0.25, 0.2}, {0.75, 0.2}, {0.45, 0.85}}},
	"1": {{{0.5, 0.15}, {0.5, 0.85}}},
	"4": {{{0.4, 0.15}, {0.25, 0.55}, {0.75, 0.55}}, {{0.6, 0.35}, {0.6, 0.9}}},
	"0": {{{0.5, 0.15}, {0.3, 0.3}, {0.27, 0.55}, {0.38, 0.8}, {0.58, 0.82}, {0.72, 0.6}, {0.7, 0.3}, {0.5, 0.15}}},
}

// A person draws digits, and the page reads them.
func TestDrawing(t *testing.T) {
	c := newChromium(t)
	c.open(serving(t).URL, 1280, 800, false, "light")
	c.ready()

	// A stroke begun while a test digit is still on its way is not swept away by it.
	c.run(`{
		const pad = document.getElementById("pad"), key = k => pad.dispatchEvent(new KeyboardEvent("keydown", {key: k}));
		document.getElementById("next").click();
		pad.focus();
		for (let k = 0; k < 12; k++) key("ArrowUp");
		key(" ");
		for (let k = 0; k < 24; k++) key("ArrowDown");
	}`, nil)
	c.until(`document.getElementById("verdict").textContent === "answer 1"`)
	if !c.inked(200, 85, 1, 1) {
		t.Error("the stroke is not on the pad any more")
	}

	for digit, lines := range strokes {
		c.click("#clear")
		c.until(`document.getElementById("verdict").textContent === "nothing drawn yet"`)
		for _, points := range lines {
			c.stroke(points...)
		}
		c.until(fmt.Sprintf(`document.getElementById("verdict").textContent === "answer %s"`, digit))
	}
	var milliseconds string
	c.run(`document.getElementById("network").dataset.milliseconds`, &milliseconds)
	t.Logf("from the last stroke to its picture: %s ms", milliseconds)

	// Undo takes back a stroke: of a 4 the first one is left.
	c.click("#clear")
	for _, points := range strokes["4"] {
		c.stroke(points...)
	}
	c.until(`document.getElementById("verdict").textContent === "answer 4"`)
	c.click("#undo")
	c.until(`document.getElementById("verdict").textContent !== "answer 4"`)

	// Cleared in the middle of a stroke the pad is empty, and stays so.
	c.mouse("mousePressed", "#pad", 0.2, 0.2, 1)
	c.key("Escape")
	c.mouse("mouseMoved", "#pad", 0.8, 0.8, 1)
	c.mouse("mouseReleased", "#pad", 0.8, 0.8, 0)
	c.until(`document.getElementById("verdict").textContent === "nothing drawn yet"`)

	// Of two pens at once the later one draws, and no line leads from one to the other.
	c.key(" ")
	c.mouse("mousePressed", "#pad", 0.1, 0.1, 1)
	c.mouse("mouseReleased", "#pad", 0.1, 0.1, 0)
	c.key("ArrowUp")
	c.mouse("mousePressed", "#pad", 0.1, 0.2, 1)
	c.key(" ")
	c.mouse("mouseMoved", "#pad", 0.1, 0.3, 1)
	c.mouse("mouseReleased", "#pad", 0.1, 0.3, 0)
	if c.inked(100, 0, 50, 400) {
		t.Error("a line leads from one pen to the other")
	}
	c.key("Escape")

	// Only the main button draws, and only the pointer that has begun the stroke.
	move := func(x, y float64, more string) string { // an event, in JavaScript
		return fmt.Sprintf(`new PointerEvent("pointermove", {clientX: box.left + %v * box.width, clientY: box.top + %v * box.height, %s})`, x, y, more)
	}
	const box = `const pad = document.getElementById("pad"), box = pad.getBoundingClientRect(); `
	c.run(`document.getElementById("pad").dispatchEvent(new PointerEvent("pointerdown", {pointerId: 1, button: 2}))`, nil)
	if c.inked(0, 0, 400, 200) {
		t.Error("another button draws")
	}
	c.mouse("mousePressed", "#pad", 0.1, 0.1, 1)
	c.run(`{`+box+`pad.dispatchEvent(`+move(0.5, 0.1, "pointerId: 9")+`); }`, nil)
	if c.inked(60, 0, 340, 200) {
		t.Error("another pointer draws")
	}
	// No point is lost of the many that come at once.
	c.run(`{`+box+`pad.dispatchEvent(`+move(0.9, 0.1, "pointerId: 1, coalescedEvents: ["+move(0.1, 0.9, "")+","+move(0.9, 0.1, "")+"]")+`); }`, nil)
	if !c.inked(40, 340, 1, 1) || !c.inked(360, 40, 1, 1) {
		t.Error("points are lost")
	}
	// A pad is full before the strokes are longer than the server takes.
	c.run(`{`+box+`for (let k = 0; k < 150; k++) for (const e of [`+move(0.1, 0.1, "pointerId: 1")+`, `+move(0.9, 0.1, "pointerId: 1")+`]) pad.dispatchEvent(e); }`, nil)
	c.mouse("mouseReleased", "#pad", 0.9, 0.1, 0)
	c.until(`document.getElementById("message").textContent === "The pad is full. Clear it to draw another digit."`)
	c.click("#clear")
	c.until(`document.getElementById("message").textContent === ""`)

	// A stroke that leaves the pad is drawn to the border, and ends.
	c.mouse("mousePressed", "#pad", 0.5, 0.9, 1)
	c.mouse("mouseMoved", "#pad", 0.5, 1.1, 1)
	c.mouse("mouseReleased", "#pad", 0.5, 1.1, 0)
	c.mouse("mousePressed", "#pad", 0.1, 0.1, 1)
	c.mouse("mouseReleased", "#pad", 0.1, 0.1, 0)
	if !c.inked(40, 40, 1, 1) || !c.inked(200, 395, 1, 1) {
		t.Error("a stroke that left the pad is cut off, or no other can be drawn")
	}
	c.click("#clear")

	// A full pad says so.
	c.run(`document.getElementById("pad").focus()`, nil)
	c.run(`{
		const pad = document.getElementById("pad"), key = k => pad.dispatchEvent(new KeyboardEvent("keydown", {key: k}));
		key(" ");
		for (let k = 0; k < 2100; k++) key(k % 2 ? "ArrowLeft" : "ArrowRight");
	}`, nil)
	c.until(`document.getElementById("message").textContent === "The pad is full. Clear it to draw another digit."`)
	c.until(`document.getElementById("verdict").textContent.startsWith("answer")`)
	c.wantNoFaults()
}

// The pictures of the README, made with CONVNET_SHOTS=$PWD/docs/images: the page
// with a 4 and a cell that is pointed at, and a 7 as its pad holds it, on white paper.
func TestPictures(t *testing.T) {
	c := newChromium(t)
	c.open(serving(t).URL, 1280, 880, false, "light")
	c.ready()
	draw := func(digit string) {
		for _, points := range strokes[digit] {
			c.stroke(points...)
		}
		c.until(fmt.Sprintf(`document.getElementById("verdict").textContent === "answer %s"`, digit))
	}
	draw("7")
	var picture string
	c.run(`(() => {
		const pad = document.getElementById("pad"), paper = document.createElement("canvas");
		paper.width = pad.width;
		paper.height = pad.height;
		const draw = paper.getContext("2d");
		draw.fillStyle = "white";
		draw.fillRect(0, 0, paper.width, paper.height);
		draw.drawImage(pad, 0, 0);
		return paper.toDataURL();
	})()`, &picture)
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(picture, "data:image/png;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	c.save("seven.png", data)
	c.click("#clear")
	draw("4")
	c.mouse("mouseMoved", "#relu2", 0.36, 0.49, 0)
	c.until(`document.getElementById("panel-sum").textContent.includes("Conv2D")`)
	c.click("#parts button:nth-child(8)")
	c.until(`document.querySelector("#tables caption").textContent === "in, channel 7"`)
	c.run(`scrollTo(0, 0)`, nil)
	c.shoot("draw")
	c.wantNoFaults()
}

// The same with the keyboard alone.
func TestKeyboard(t *testing.T) {
	c := newChromium(t)
	c.open(serving(t).URL, 1280, 800, false, "light")
	c.ready()
	c.key("Tab")
	if found := c.focused(); found != "pad" {
		t.Fatalf("the first stop is %q, want the pad", found)
	}
	for range 12 {
		c.key("ArrowUp")
	}
	c.key(" ")
	for range 24 {
		c.key("ArrowDown")
	}
	c.key(" ")
	c.until(`document.getElementById("verdict").textContent === "answer 1"`)
	// Every button, field and layer is a stop.
	stops := map[string]bool{}
	for range 80 {
		c.key("Tab")
		stops[c.focused()] = true
	}
	for _, id := range []string{"clear", "undo", "next", "random", "wrong", "number", "relu1", "pool1", "relu2", "pool2", "relu3", "occlude", "run", "step", "reset", "seed", "rate", "dropout", "look"} {
		if !stops[id] {
			t.Errorf("Tab doesn't come to %s", id)
		}
	}
	// The arrow keys choose a cell.
	c.run(`document.getElementById("relu1").focus()`, nil)
	c.key("ArrowDown") // the first cell
	c.key("ArrowDown")
	c.key("ArrowDown")
	c.key("ArrowRight")
	c.key("PageDown")
	c.until(`document.getElementById("panel-title").textContent === "First convolution, feature map 1, row 2, column 1"`)
	for range 10 { // no further than to the last
		c.key("PageDown")
	}
	for range 3 {
		c.key("ArrowUp")
	}
	c.until(`document.getElementById("panel-title").textContent === "First convolution, feature map 9, row 0, column 1"`)
	c.run(`document.getElementById("relu3").focus()`, nil)
	for _, key := range []string{"ArrowDown", "ArrowDown", "ArrowRight"} {
		c.key(key)
	}
	c.until(`document.getElementById("panel-title").textContent === "Hidden unit 6"`)
	c.until(`document.getElementById("announcement").textContent.startsWith(document.getElementById("panel-title").textContent)`)
	c.mouse("mouseMoved", "#pool1", 0.2, 0.06, 0) // it may lie anywhere
	if c.accented("#pool1") {
		t.Error("the mouse chooses another cell while one uses the keys")
	}
	// Escape clears the pad.
	c.run(`document.getElementById("pad").focus()`, nil)
	c.key("Escape")
	c.until(`document.getElementById("verdict").textContent === "nothing drawn yet"`)
	// Who leaves the pad lifts the pen.
	c.key(" ")
	c.key("Tab")
	c.run(`document.getElementById("pad").focus()`, nil)
	for range 8 {
		c.key("ArrowUp")
	}
	if c.inked(180, 265, 40, 30) { // between the point and where the pen is now
		t.Error("the pen is down still")
	}
	c.wantNoFaults()
}

func (c *chromium) focused() (id string) {
	c.t.Helper()
	c.run(`document.activeElement.id`, &id)
	return id
}

// A finger draws too.
func TestFinger(t *testing.T) {
	c := newChromium(t)
	c.open(serving(t).URL, 360, 740, true, "light")
	c.ready()
	var box struct{ X, Y, Width, Height float64 }
	c.run(`document.getElementById("pad").scrollIntoView(); document.getElementById("pad").getBoundingClientRect().toJSON()`, &box)
	touch := func(kind string, points ...map[string]any) {
		c.tell("Input.dispatchTouchEvent", map[string]any{"type": kind, "touchPoints": append([]map[string]any{}, points...)}, nil)
	}
	for k := range 20 {
		kind := "touchMove"
		if k == 0 {
			kind = "touchStart"
		}
		touch(kind, map[string]any{"x": box.X + 0.5*box.Width, "y": box.Y + (0.15+0.035*float64(k))*box.Height})
	}
	touch("touchEnd")
	c.until(`document.getElementById("verdict").textContent === "answer 1"`)
	c.wantNoFaults()
}

// Test digits by number, the next one, any one, and those that are read wrongly.
func TestTestDigits(t *testing.T) {
	c := newChromium(t)
	s := serving(t)
	c.open(s.URL, 1280, 800, false, "dark")
	c.ready()

	// What is drawn while the wrongly read ones are looked for is not swept away.
	var number string
	c.run(`{
		document.getElementById("wrong").click();
		document.getElementById("pad").dispatchEvent(new KeyboardEvent("keydown", {key: " "}));
	}`, nil)
	c.run(`fetch("wrong").then(() => fetch("network")).then(() => document.getElementById("number").value)`, &number)
	if number != "" {
		t.Fatalf("it has given way to test digit %s", number)
	}
	c.click("#next") // the first
	c.until(`document.getElementById("verdict").textContent === "answer 7, label 7"`)
	c.click("#next")
	c.until(`document.getElementById("verdict").textContent === "answer 2, label 2"`)
	c.run(`document.getElementById("number").value = "9999"; document.getElementById("number").dispatchEvent(new Event("change"))`, nil)
	c.until(`document.getElementById("message").textContent.startsWith("Test digit 9999 of 10,000")`)
	c.click("#next") // begins anew
	c.until(`document.getElementById("verdict").textContent === "answer 7, label 7"`)
	wrong, err := s.wrong()
	if err != nil {
		t.Fatal(err)
	}
	for _, digit := range wrong[:3] {
		c.click("#wrong")
		c.until(fmt.Sprintf(`document.getElementById("number").value === "%d" && document.getElementById("verdict").textContent.endsWith("label %d")`, digit, s.test[digit].Label))
		words := regexp.MustCompile(`^answer ([0-9]), label ([0-9])$`).FindStringSubmatch(c.text("#verdict"))
		if words == nil || words[1] == words[2] {
			t.Errorf("a wrongly read digit: %q", c.text("#verdict"))
		}
	}
	c.click("#random")
	c.until(`/^Test digit [0-9]+ of 10,000$/.test(document.getElementById("message").textContent)`)
	c.run(`document.getElementById("number").value = "10000"; document.getElementById("number").dispatchEvent(new Event("change"))`, nil)
	c.until(`document.getElementById("message").textContent === "There is no test digit 10000; they go from 0 to 9999."`)
	// Whoever draws on a test digit begins with an empty pad.
	c.run(`document.getElementById("number").value = "0"; document.getElementById("number").dispatchEvent(new Event("change"))`, nil)
	c.until(`document.getElementById("verdict").textContent === "answer 7, label 7"`)
	c.run(`document.getElementById("pad").dispatchEvent(new KeyboardEvent("keydown", {key: " "}))`, nil)
	if c.inked(0, 0, 400, 180) {
		t.Error("the test digit is under the stroke still")
	}
	c.until(`!document.getElementById("verdict").textContent.includes("label")`)
	c.click("#next") // the first again
	c.until(`document.getElementById("verdict").textContent === "answer 7, label 7"`)
	// Where the server doesn't answer the page says so, until it does again.
	c.run(`{
		const answered = fetch;
		window.fetch = async () => {
			window.fetch = answered;
			throw new Error("nobody answers");
		};
		document.getElementById("look").dispatchEvent(new Event("change"));
	}`, nil)
	c.until(`document.getElementById("message").textContent === "nobody answers"`)
	c.run(`document.getElementById("look").dispatchEvent(new Event("change"))`, nil)
	c.until(`document.getElementById("message").textContent === ""`)
	c.wantNoFaults()
}

// Point at any cell: its numbers, added up, are its activation to the last bit shown.
func TestPanel(t *testing.T) {
	c := newChromium(t)
	s := serving(t)
	c.open(s.URL, 1280, 800, false, "light")
	c.ready()
	c.click("#next")
	c.until(`document.getElementById("verdict").textContent === "answer 7, label 7"`)
	for _, p := range []struct {
		selector string
		x, y     float64
		want     string
		tables   int
	}{
		{"#relu1", 0.2, 0.1, `^Conv2D: Σ in · filter = (−?[0-9.]+) → ReLU → ([0-9.]+)$`, 4},
		{"#pool1", 0.3, 0.06, `^MaxPool: max of the four = ([0-9.]+)()$`, 2},
		{"#relu2", 0.12, 0.1, `^Conv2D: Σ in · filter = (−?[0-9.]+) → ReLU → ([0-9.]+)$`, 4},
		{"#pool2", 0.1, 0.06, `^MaxPool: max of the four = ([0-9.]+)()$`, 2},
		{"#relu3", 0.1, 0.08, `^FullyConnected: Σ in · weight \+ bias = .* = (−?[0-9.]+) → ReLU → ([0-9.]+)$`, 4},
		{"#probabilities li:nth-child(8) button", 0.5, 0.5, `^FullyConnected: Σ in · weight \+ bias = .* = (−?[0-9.]+) → Softmax → ([0-9.]+)$`, 5},
	} {
		c.run(`document.getElementById("panel-sum").textContent = ""`, nil)
		c.mouse("mouseMoved", p.selector, p.x, p.y, 0)
		c.until(`document.getElementById("panel-sum").textContent !== ""`)
		found := regexp.MustCompile(p.want).FindStringSubmatch(c.text("#panel-sum"))
		if found == nil {
			t.Errorf("%s: %q, want %s", p.selector, c.text("#panel-sum"), p.want)
			continue
		}
		if total := found[1]; strings.Contains(p.want, "ReLU") && !strings.HasPrefix(total, "−") && found[2] != total {
			t.Errorf("%s: %q: the total is not the activation", p.selector, found[0])
		} else if strings.HasPrefix(total, "−") && found[2] != "0.000000" {
			t.Errorf("%s: %q: ReLU leaves %s", p.selector, found[0], found[2])
		}
		var tables int
		c.run(`document.querySelectorAll("#tables table").length`, &tables)
		if tables != p.tables {
			t.Errorf("%s: %d tables, want %d", p.selector, tables, p.tables)
		}
	}
	// A click holds a cell, and another lets it go.
	c.mouse("mouseMoved", "#relu1", 0.2, 0.1, 0)
	c.until(`document.getElementById("panel-title").textContent.startsWith("First convolution, feature map 0")`)
	c.mouse("mousePressed", "#relu1", 0.2, 0.1, 1)
	c.mouse("mouseReleased", "#relu1", 0.2, 0.1, 0)
	c.mouse("mouseMoved", "#pool1", 0.2, 0.06, 0)
	if c.accented("#pool1") {
		t.Error("another cell is chosen while one is held")
	}
	c.mouse("mousePressed", "#pool1", 0.2, 0.06, 1)
	c.mouse("mouseReleased", "#pool1", 0.2, 0.06, 0)
	c.until(`document.getElementById("panel-title").textContent.startsWith("First pooled map 0")`)
	c.mouse("mousePressed", "#pool1", 0.2, 0.06, 1)
	c.mouse("mouseReleased", "#pool1", 0.2, 0.06, 0)
	c.mouse("mouseMoved", "#relu1", 0.8, 0.9, 0)
	c.until(`document.getElementById("panel-title").textContent.startsWith("First convolution, feature map 9")`)
	// Of another digit it has other numbers.
	before := c.text("#panel-sum")
	c.click("#next")
	c.until(fmt.Sprintf(`document.getElementById("panel-sum").textContent !== %q`, before))
	// A channel of the second convolution is chosen by its button.
	c.mouse("mouseMoved", "#relu2", 0.12, 0.1, 0)
	c.until(`document.querySelectorAll("#parts button").length === 10`)
	c.click("#parts button:nth-child(4)")
	c.until(`document.querySelector("#tables caption").textContent === "in, channel 3"`)
	if !c.accented("#relu2") || !c.accented("#pool1") || c.accented("#pool2") {
		t.Error("the cell or its field in the layer before isn't marked, or another is")
	}
	c.mouse("mouseMoved", "#relu1", 0.2, 0.1, 0) // which has no channel 3
	c.until(`document.querySelector("#tables caption").textContent === "in"`)
	// A filter is seen large.
	c.until(`document.querySelectorAll("#filters2 button").length === 20`)
	c.click("#filters2 button:nth-child(3)")
	c.until(`document.getElementById("large").open && document.querySelectorAll("#large table").length === 10`)
	var weights []float64
	c.run(`Array.from(document.querySelectorAll("#large td"), cell => Number(cell.title))`, &weights)
	if !slices.Equal(weights, s.network.Filters2[2]) {
		t.Errorf("found %v, want %v", weights, s.network.Filters2[2])
	}
	c.key("Escape")
	c.until(`!document.getElementById("large").open`)
	c.wantNoFaults()
}

// accented returns whether something in a picture is marked.
func (c *chromium) accented(selector string) (found bool) {
	c.t.Helper()
	c.run(fmt.Sprintf(`{
		const from = document.querySelector(%q), copy = new OffscreenCanvas(from.width, from.height).getContext("2d", {willReadFrequently: true});
		copy.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
		copy.fillRect(0, 0, 1, 1);
		const accent = copy.getImageData(0, 0, 1, 1).data;
		copy.clearRect(0, 0, 1, 1);
		copy.drawImage(from, 0, 0);
		const {data} = copy.getImageData(0, 0, from.width, from.height);
		data.some((_, k) => k %% 4 === 0 && accent.every((v, j) => data[k + j] === v));
	}`, selector), &found)
	return found
}

func TestOcclusion(t *testing.T) {
	c := newChromium(t)
	c.open(serving(t).URL, 1280, 800, false, "light")
	c.ready()
	c.click("#next")
	c.until(`document.getElementById("verdict").textContent === "answer 7, label 7"`)
	c.click("#occlude")
	c.until(`document.getElementById("heat").dataset.done`)
	if text := c.text("#occlusion-text"); !regexp.MustCompile(`^The answer 7 has [0-9.]+%, with the square [0-9.]+% at the worst place\.$`).MatchString(text) {
		t.Errorf("found %q", text)
	}
	c.click("#next") // of which it says nothing
	c.until(`document.getElementById("occlusion-text").textContent.trim() === ""`)
	// Nor is anything said of a digit that has gone when the answer comes.
	c.run(`document.getElementById("occlude").click(); document.getElementById("next").click()`, nil)
	for range 2 { // by then it has come
		c.run(`fetch("occlusion", {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"}).then(r => r.text())`, nil)
	}
	if text := c.text("#occlusion-text"); strings.TrimSpace(text) != "" {
		t.Errorf("of a digit that has gone: %q", text)
	}
	c.wantNoFaults()
}

// A network learns while one looks, and looks at one's digit; leaving the page ends it.
func TestTraining(t *testing.T) {
	s := serving(t)
	c := newChromium(t)
	c.open(s.URL, 1280, 800, false, "light")
	c.ready()
	c.click("#next")
	c.until(`document.getElementById("verdict").textContent === "answer 7, label 7"`)
	c.run(`for (let k = 0; k < 2; k++) document.getElementById("step").click()`, nil) // while the first begins a training, the second begins no other
	c.until(`document.getElementById("progress").textContent.startsWith("1 digit learned, loss ")`)
	const seven = `document.querySelectorAll("#probabilities .percent")[7].textContent`
	c.click("#look")
	c.until(seven + ` !== "100.0%"`)
	c.click("#look") // the trained network is sure
	c.until(seven + ` === "100.0%"`)
	c.click("#look")
	c.until(seven + ` !== "100.0%"`)
	c.click("#run")
	c.until(`parseInt(document.getElementById("progress").textContent.replace(",", "")) > 1500`)
	c.run(`{ const rate = document.getElementById("rate"); rate.value = -1.5; rate.dispatchEvent(new Event("input")); }`, nil)
	if text := c.text("#rate-value"); text != "0.032" {
		t.Errorf("the rate is %q, want 0.032", text)
	}
	c.click("#run")
	c.until(`document.getElementById("run").textContent === "Go on"`)
	if text := c.text("#progress"); !regexp.MustCompile(`^[0-9,]+ digits learned, loss [0-9.]+, accuracy [0-9]{1,2}\.[0-9]%$`).MatchString(text) {
		t.Errorf("found %q", text)
	}
	// The sliders are heard at once, not with the next button.
	c.run(`{
		const asked = fetch;
		window.fetch = (path, options) => {
			if (path === "train") window.order = options.body;
			return asked(path, options);
		};
		for (const [id, value] of [["rate", -2], ["dropout", 0.2]]) {
			document.getElementById(id).value = value;
			document.getElementById(id).dispatchEvent(new Event("input"));
		}
	}`, nil)
	c.until(`window.order?.includes('"rate":0.01,"dropout":0.2')`)
	c.until(`document.getElementById("verdict").textContent.includes("the network in training")`)
	c.click("#look") // no longer
	c.until(`document.getElementById("verdict").textContent === "answer 7, label 7"`)
	// Orders are obeyed one after the other, however fast they come.
	var before, after int
	const count = `parseInt(document.getElementById("progress").textContent.replace(",", ""))`
	c.run(count, &before)
	c.run(`for (let k = 0; k < 5; k++) document.getElementById("step").click()`, nil)
	c.until(fmt.Sprintf("%s >= %d", count, before+5))
	if c.run(count, &after); after != before+5 {
		t.Errorf("five steps after %d digits: %d", before, after)
	}
	// A new seed begins anew; what is no seed is not asked for.
	c.run(`document.getElementById("seed").value = "-1"; document.getElementById("seed").dispatchEvent(new Event("change"))`, nil)
	s.trainings.waitForNone(t)
	c.click("#run")
	c.until(`document.getElementById("progress").textContent === "The seed is -1, want a whole number from 0 to 999999999."`)
	c.run(`document.getElementById("seed").value = "7"; document.getElementById("seed").dispatchEvent(new Event("change"))`, nil)
	c.click("#step")
	c.until(count + " === 1")
	if n := s.trainings.count(); n != 1 {
		t.Errorf("%d trainings are going on, want 1", n)
	}
	c.open("about:blank#", 1280, 800, false, "light")
	s.trainings.waitForNone(t)
	c.wantNoFaults()
}

// Where a training can't begin or go on the page says why, and another may begin.
func TestTrainingEnds(t *testing.T) {
	s := serving(t)
	c := newChromium(t)
	c.open(s.URL, 1280, 800, false, "light")
	c.ready()
	var all []*listener
	for seed := range maxTrainings {
		all = append(all, listenTo(t, s, seed))
	}
	c.click("#step")
	c.until(`document.getElementById("progress").textContent.startsWith("The training has ended")`)
	for _, l := range all {
		l.leave()
	}
	s.trainings.waitForNone(t)
	c.click("#step")
	c.until(`document.getElementById("progress").textContent.startsWith("1 digit learned")`)
	c.click("#reset")
	c.until(`document.getElementById("progress").textContent === "Not begun."`)
	s.trainings.waitForNone(t)
	for _, digit := range s.train {
		digit.Image[14][14] = math.NaN()
	}
	c.click("#run")
	c.until(`document.getElementById("progress").textContent.endsWith("the loss is no longer a number: the rate is too high.")`)
	if text := c.text("#run"); text != "Start" {
		t.Errorf("the button says %q, want Start", text)
	}
}

// All pictures follow the theme when it changes.
func TestTheme(t *testing.T) {
	c := newChromium(t)
	c.open(serving(t).URL, 1280, 800, false, "light")
	c.ready()
	c.stroke(strokes["1"][0]...)
	c.until(`document.getElementById("verdict").textContent === "answer 1" && document.querySelectorAll("#filters2 button").length === 20`)
	const pictures = `window.pictures = () => ["#pad", "#relu1", "#relu3", "#filters1 canvas", "#filters2 canvas", "#learning", "#loss"].map(p => document.querySelector(p).toDataURL())`
	c.run(`{ `+pictures+`; window.light = pictures(); }`, nil)
	c.tell("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	c.until(`pictures().every((p, k) => p !== light[k])`)
	c.wantNoFaults()
}

// Nothing comes from elsewhere, nothing jumps, all of it can be seen.
func TestLayout(t *testing.T) {
	s := serving(t)
	for _, c := range []struct {
		width, height int
		mobile        bool
	}{{1280, 800, false}, {1440, 900, false}, {800, 1000, false}, {360, 740, true}} {
		b := newChromium(t)
		b.tell("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `
			window.jumps = 0;
			window.jumped = [];
			new PerformanceObserver(list => {
				for (const e of list.getEntries()) {
					jumps += e.value;
					for (const s of e.sources) jumped.push(s.node?.id || s.node?.nodeName);
				}
			}).observe({type: "layout-shift", buffered: true});`}, nil)
		for _, theme := range []string{"light", "dark"} {
			b.open(s.URL, c.width, c.height, c.mobile, theme)
			b.ready()
			b.until(`document.querySelectorAll("#filters2 button").length === 20`)
			b.click("#next")
			b.until(`document.getElementById("verdict").textContent === "answer 7, label 7"`)
			for _, layer := range []string{"#relu1", "#pool1", "#relu2", "#pool2", "#relu3", "#probabilities li:nth-child(8) button", "#relu1"} {
				before := b.text("#panel-title")
				b.mouse("mouseMoved", layer, 0.2, 0.1, 0)
				b.until(fmt.Sprintf(`document.getElementById("panel-title").textContent !== %q`, before))
			}
			var wide, bottom, right, jumps float64
			b.run(`document.documentElement.scrollWidth`, &wide)
			if int(wide) > c.width {
				t.Errorf("%d wide, %s: the page is %v wide", c.width, theme, wide)
			}
			b.run(`jumps`, &jumps)
			if jumps > 0.001 {
				var who []string
				b.run(`jumped`, &who)
				t.Errorf("%d wide, %s: the layout jumps by %v: %q", c.width, theme, jumps, who)
			}
			b.run(`scrollTo(0, 0); document.getElementById("network").getBoundingClientRect().bottom`, &bottom)
			b.run(`document.getElementById("answers").getBoundingClientRect().right`, &right)
			if c.width >= 1280 && (int(bottom) > c.height || int(right) > c.width) {
				t.Errorf("%d wide, %s: the network ends at %v and %v, want it on one screen of %d×%d", c.width, theme, right, bottom, c.width, c.height)
			}
		}
		b.wantNoFaults()
		for _, url := range b.loaded {
			if !strings.HasPrefix(url, s.URL+"/") {
				t.Errorf("the page has asked for %s", url)
			}
		}
		if len(b.loaded) < 8 {
			t.Errorf("the page has asked for %q alone", b.loaded)
		}
	}
}

func (c *chromium) wantNoFaults() {
	c.t.Helper()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.faults) > 0 {
		c.t.Errorf("the console shows %q", c.faults)
	}
}
