package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"convnet"
	"convnet/examples/draw/page"
	"convnet/examples/internal/pixels"
	"convnet/examples/internal/testenv"
)

// openPage serves the page and opens it in a tab, with an empty pad.
func openPage(t *testing.T, width, height int, mobile bool, theme string) (*tab, site) {
	t.Helper()
	s := serving(t)
	c := newTab(t)
	c.open(s.URL+"/#strokes=", width, height, mobile, theme)
	c.ready()
	return c, s
}

// ready waits until the page shows the first prediction.
func (c *tab) ready() {
	c.t.Helper()
	c.until(`document.getElementById("network").dataset.predictions > 0`)
}

// ask makes the page ask for something, as its modules do, and reads the response into found, if
// it isn't nil.
func (c *tab) ask(path, body string, found any) {
	c.t.Helper()
	c.run(fmt.Sprintf(`import(new URL("ask.js", location)).then(m => m.ask(%q, %s)).catch(error => error.message)`, path, body), found)
}

// wantVerdict waits until the page says that about the input.
func (c *tab) wantVerdict(want string) {
	c.t.Helper()
	c.until(fmt.Sprintf(`document.getElementById("verdict").textContent === %q`, want))
}

// title waits until the panel explains that cell.
func (c *tab) title(want string) {
	c.t.Helper()
	c.until(fmt.Sprintf(`document.getElementById("panel-title").textContent === %q`, want))
}

// hash waits until the address ends like this.
func (c *tab) hash(want string) {
	c.t.Helper()
	c.until(fmt.Sprintf(`location.hash === %q`, want))
}

// verdict returns what the page says about strokes on the pad.
func (s site) verdict(t *testing.T, lines ...[][2]float64) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"strokes": lines})
	if err != nil {
		t.Fatal(err)
	}
	var found struct{ Prediction int }
	s.ask(t, "predict", string(text), &found)
	return fmt.Sprintf("Predicted label %d", found.Prediction)
}

// verdictOn returns what the page says about a test digit.
func (s site) verdictOn(digit int) string {
	d := s.test[digit]
	return fmt.Sprintf("Predicted label %d, true label %d", s.network.Predict(convnet.NewActivations(), d.Image), d.Label)
}

// place returns where a cell is in the picture of a layer, as fractions of its width and
// height.
func (c *tab) place(l layer, map_, row, column int) (selector string, x, y float64) {
	c.t.Helper()
	const gap = 4 // between maps
	var picture struct{ Across, Scale, Width, Height float64 }
	selector = "#" + l.Name
	c.run(fmt.Sprintf(`{
		const {style, dataset} = document.querySelector(%q), [width, height] = style.aspectRatio.split("/").map(Number);
		({across: Number(dataset.across), scale: Number(dataset.scale), width, height});
	}`, selector), &picture)
	columns, rows := l.Columns, l.Rows
	if l.Name == "relu3" { // its units are in rows as wide as the picture
		columns = int(picture.Width / picture.Scale)
		rows, row, column = 1, column/columns, column%columns
	}
	left := float64(map_%int(picture.Across)) * (float64(columns)*picture.Scale + gap)
	top := float64(map_/int(picture.Across)) * (float64(rows)*picture.Scale + gap)
	return selector, (left + (float64(column)+0.5)*picture.Scale) / picture.Width, (top + (float64(row)+0.5)*picture.Scale) / picture.Height
}

// point moves the mouse to a cell, and press clicks on it.
func (c *tab) point(l layer, map_, row, column int) {
	c.t.Helper()
	selector, x, y := c.place(l, map_, row, column)
	c.mouse("mouseMoved", selector, x, y, 0)
}

func (c *tab) press(l layer, map_, row, column int) {
	c.t.Helper()
	selector, x, y := c.place(l, map_, row, column)
	c.mouse("mousePressed", selector, x, y, 1)
	c.mouse("mouseReleased", selector, x, y, 0)
}

// readPictures is JavaScript: pixelsOf returns the pixels of a picture, or of a box in it, and colorOf
// the red, green, blue and alpha of one of the page's colors. It reads a copy, because Chromium warns
// if a picture itself is read more than once.
const readPictures = `
	const blank = (width, height) => new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
	const pixelsOf = (selector, x = 0, y = 0, ...size) => {
		const from = document.querySelector(selector), whole = [from.width, from.height], copy = blank(...whole);
		copy.drawImage(from, 0, 0);
		return copy.getImageData(x, y, ...(size.length > 0 ? size : whole));
	};
	const colorOf = name => {
		const spot = blank(1, 1);
		spot.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
		spot.fillRect(0, 0, 1, 1);
		return spot.getImageData(0, 0, 1, 1).data;
	};`

// inked reports whether something is drawn in a box of the pad, in its own pixels.
func (c *tab) inked(x, y, width, height int) (found bool) {
	c.t.Helper()
	c.run(fmt.Sprintf(`{`+readPictures+`
		pixelsOf("#pad", %d, %d, %d, %d).data.some(v => v > 0);
	}`, x, y, width, height), &found)
	return found
}

// The strokes of a few digits, as you might draw them.
var strokes = map[string][][][2]float64{
	"7": {{{0.25, 0.2}, {0.75, 0.2}, {0.45, 0.85}}},
	"1": {{{0.5, 0.15}, {0.5, 0.85}}},
	"4": {{{0.4, 0.15}, {0.25, 0.55}, {0.75, 0.55}}, {{0.6, 0.35}, {0.6, 0.9}}},
	"0": {{{0.5, 0.15}, {0.3, 0.3}, {0.27, 0.55}, {0.38, 0.8}, {0.58, 0.82}, {0.72, 0.6}, {0.7, 0.3}, {0.5, 0.15}}},
}

// The trained network classifies the drawn digits correctly.
func TestDrawnDigits(t *testing.T) {
	testenv.NeedStored(t)
	s := serving(t)
	for digit, lines := range strokes {
		if found := s.verdict(t, lines...); found != "Predicted label "+digit {
			t.Errorf("a drawn %s: %s", digit, found)
		}
	}
}

// A person draws digits, and the page classifies them.
func TestDrawing(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")

	// A test digit that arrives after a stroke was begun doesn't replace it.
	c.run(`{
		const pad = document.getElementById("pad"), key = k => pad.dispatchEvent(new KeyboardEvent("keydown", {key: k}));
		document.getElementById("next").click();
		pad.focus();
		for (let k = 0; k < 12; k++) key("ArrowUp");
		key(" ");
		for (let k = 0; k < 24; k++) key("ArrowDown");
	}`, nil)
	c.wantVerdict(s.verdict(t, [][2]float64{{0.5, 0.2}, {0.5, 0.8}}))
	if !c.inked(200, 85, 1, 1) {
		t.Error("the stroke is no longer on the pad")
	}

	for _, lines := range strokes {
		c.click("#clear")
		c.wantVerdict("Nothing drawn yet")
		for _, points := range lines {
			c.stroke(points...)
		}
		c.wantVerdict(s.verdict(t, lines...))
	}
	var milliseconds string
	c.run(`document.getElementById("network").dataset.milliseconds`, &milliseconds)
	t.Logf("from the last stroke to its prediction: %s ms", milliseconds)

	// Undo removes a stroke: of a 4 the first one remains.
	c.click("#clear")
	for _, points := range strokes["4"] {
		c.stroke(points...)
	}
	c.wantVerdict(s.verdict(t, strokes["4"]...))
	c.click("#undo")
	c.wantVerdict(s.verdict(t, strokes["4"][0]))

	// A pad cleared in the middle of a stroke is empty, and stays empty.
	c.mouse("mousePressed", "#pad", 0.2, 0.2, 1)
	c.key("Escape")
	c.mouse("mouseMoved", "#pad", 0.8, 0.8, 1)
	c.mouse("mouseReleased", "#pad", 0.8, 0.8, 0)
	c.wantVerdict("Nothing drawn yet")

	// If there are two pens at once the later one draws, and no line leads from one to the other.
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

	// Only the main button draws, and only the pointer that began the stroke.
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
	// If many points come at once none is lost.
	c.run(`{`+box+`pad.dispatchEvent(`+move(0.9, 0.1, "pointerId: 1, coalescedEvents: ["+move(0.1, 0.9, "")+","+move(0.9, 0.1, "")+"]")+`); }`, nil)
	if !c.inked(40, 340, 1, 1) || !c.inked(360, 40, 1, 1) {
		t.Error("points are lost")
	}
	// A pad is full before the strokes are longer than the server allows.
	c.run(`{`+box+`for (let k = 0; k < 150; k++) for (const e of [`+move(0.1, 0.1, "pointerId: 1")+`, `+move(0.9, 0.1, "pointerId: 1")+`]) pad.dispatchEvent(e); }`, nil)
	c.mouse("mouseReleased", "#pad", 0.9, 0.1, 0)
	c.until(`document.getElementById("message").textContent === "The pad is full. Clear it to draw another digit."`)
	c.click("#clear")
	c.until(`document.getElementById("message").textContent === ""`)

	// A stroke that leaves the pad is drawn to the border, and ends there.
	c.mouse("mousePressed", "#pad", 0.5, 0.9, 1)
	c.mouse("mouseMoved", "#pad", 0.5, 1.1, 1)
	c.mouse("mouseReleased", "#pad", 0.5, 1.1, 0)
	c.mouse("mousePressed", "#pad", 0.1, 0.1, 1)
	c.mouse("mouseReleased", "#pad", 0.1, 0.1, 0)
	if !c.inked(40, 40, 1, 1) || !c.inked(200, 395, 1, 1) {
		t.Error("a stroke that left the pad is cut off, or there can't be another")
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
	c.until(`document.getElementById("verdict").textContent.startsWith("Predicted")`)
	c.wantNoFaults()
}

// The pictures of the README, made with CONVNET_SHOTS=$PWD/docs/images: the network with a 4 and
// an explained cell, and a drawn 7 on white paper. The page is hardly wider than GitHub shows it, so
// that its text stays legible there.
func TestPictures(t *testing.T) {
	t.Parallel()
	if shots() == "" {
		testenv.NeedAll(t)
	}
	s, c := serving(t), newTab(t)
	c.sharp = 2
	c.open(s.URL+"/#strokes=", 925, 1800, false, "light")
	c.ready()
	draw := func(digit string) {
		for _, points := range strokes[digit] {
			c.stroke(points...)
		}
		c.wantVerdict(s.verdict(t, strokes[digit]...))
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
	relu2, channel := s.layers[3], min(8, s.layers[2].Maps)-1
	c.point(relu2, (relu2.Maps-1)/2, (relu2.Rows-1)/2, (relu2.Columns-1)/2)
	c.until(`document.getElementById("panel-sum").textContent.includes("Conv2D")`)
	c.click(fmt.Sprintf("#channels button:nth-child(%d)", channel+1))
	c.until(fmt.Sprintf(`document.querySelector("#tables caption").textContent === "in, channel %d"`, channel))
	c.run(`scrollTo(0, 0)`, nil)
	c.shoot("draw", "#layers", "#panel")
	c.wantNoFaults()
}

// All of it works with the keyboard alone.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.run(`document.getElementById("pad").focus()`, nil)
	// The keys that scroll a page don't while the pad has the focus.
	var scrolls []string
	c.run(`["Home", "End", "PageUp", "PageDown", "ArrowUp", "ArrowDown", " ", " "].filter(key => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, cancelable: true})))`, &scrolls)
	if len(scrolls) > 0 {
		t.Errorf("the page scrolls when you press %q on the pad", scrolls)
	}
	c.empty()
	for range 6 {
		c.key("ArrowUp")
	}
	c.key(" ")
	for range 12 {
		c.key("ArrowDown")
	}
	c.key(" ")
	c.wantVerdict(s.verdict(t, [][2]float64{{0.5, 0.35}, {0.5, 0.65}}))
	// Every button, field and layer is a stop.
	c.run(`document.getElementById("toggle").click()`, nil)
	stops := map[string]bool{}
	for range 80 {
		c.key("Tab")
		stops[c.focused()] = true
	}
	for _, id := range []string{"clear", "undo", "next", "number", "relu1", "pool1", "relu2", "pool2", "relu3", "occlude", "run", "step", "reset", "seed", "rate", "dropout", "use-trained", "toggle"} {
		if !stops[id] {
			t.Errorf("Tab doesn't reach %s", id)
		}
	}
	// The arrow keys choose a cell.
	c.run(`document.getElementById("relu1").focus()`, nil)
	c.key("ArrowDown") // the first cell
	c.key("ArrowDown")
	c.key("ArrowDown")
	c.key("ArrowRight")
	c.key("PageDown")
	c.title("conv1, feature map 1, row 2, column 1")
	for range s.layers[1].Maps { // no further than to the last
		c.key("PageDown")
	}
	for range 3 {
		c.key("ArrowUp")
	}
	c.title(fmt.Sprintf("conv1, feature map %d, row 0, column 1", s.layers[1].Maps-1))
	c.run(`document.getElementById("relu3").focus()`, nil)
	for _, key := range []string{"ArrowDown", "ArrowDown", "ArrowRight"} {
		c.key(key)
	}
	var units int // in a row
	c.run(`{ const {style, dataset} = document.getElementById("relu3"); parseInt(style.width) / dataset.scale; }`, &units)
	c.title(fmt.Sprintf("Hidden unit %d", units+1))
	c.until(`document.getElementById("announcement").textContent.startsWith(document.getElementById("panel-title").textContent)`)
	c.point(s.layers[2], 0, 1, 2) // it may be anywhere
	if !strings.HasPrefix(c.text("#panel-title"), "Hidden unit") {
		t.Error("the mouse chooses another cell while the keys are used")
	}
	// Escape unpins the cell, and then clears the pad.
	c.run(`document.getElementById("pad").focus()`, nil)
	c.key("Escape")
	c.key("Escape")
	c.wantVerdict("Nothing drawn yet")
	// Leaving the pad lifts the pen.
	c.key(" ")
	c.key("Tab")
	c.run(`document.getElementById("pad").focus()`, nil)
	for range 8 {
		c.key("ArrowUp")
	}
	if c.inked(180, 205, 40, 30) { // between the point and where the pen is now
		t.Error("the pen is still down")
	}
	c.wantNoFaults()
}

func (c *tab) focused() (id string) {
	c.t.Helper()
	c.run(`document.activeElement.id`, &id)
	return id
}

// Point at any cell: its values add up to its activation, to the last digit shown.
func TestPanel(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.click("#next")
	c.wantVerdict(s.verdictOn(0))
	for _, p := range []struct {
		layer, column int
		want          string
		tables        int
	}{
		{1, 5, `^Conv2D: Σ in · filter = (−?[0-9.]+) → ReLU → ([0-9.]+)$`, 3},
		{2, 3, `^MaxPool: max of four = ([0-9.]+)()$`, 1},
		{3, 2, `^Conv2D: Σ in · filter = (−?[0-9.]+) → ReLU → ([0-9.]+)$`, 3},
		{4, 1, `^MaxPool: max of four = ([0-9.]+)()$`, 1},
		{5, 7, `^FullyConnected: Σ in · weight \+ bias = .* = (−?[0-9.]+) → ReLU → ([0-9.]+)$`, 3},
		{6, 7, `^FullyConnected: Σ in · weight \+ bias = .* = (−?[0-9.]+) → Softmax → ([<>]?[0-9.]+)$`, 4},
	} {
		c.run(`document.getElementById("panel-sum").textContent = ""`, nil)
		l := s.layers[p.layer]
		if l.Name == "probabilities" {
			c.mouse("mouseMoved", fmt.Sprintf("#probabilities li:nth-child(%d) button", p.column+1), 0.5, 0.5, 0)
		} else {
			c.point(l, 0, min(1, l.Rows-1), p.column)
		}
		c.until(`document.getElementById("panel-sum").textContent !== ""`)
		found := regexp.MustCompile(p.want).FindStringSubmatch(c.text("#panel-sum"))
		if found == nil {
			t.Errorf("%s: %q, want %s", l.Name, c.text("#panel-sum"), p.want)
			continue
		}
		if total := found[1]; strings.Contains(p.want, "ReLU") && !strings.HasPrefix(total, "−") && found[2] != total {
			t.Errorf("%s: %q: the total is not the activation", l.Name, found[0])
		} else if strings.HasPrefix(total, "−") && found[2] != "0.000000" {
			t.Errorf("%s: %q: ReLU makes it %s", l.Name, found[0], found[2])
		}
		var tables int
		c.run(`document.querySelectorAll("#tables table").length`, &tables)
		if tables != p.tables {
			t.Errorf("%s: %d tables, want %d", l.Name, tables, p.tables)
		}
	}
	var columns, units int // the units are in rows: not more than 20, and no longer than those of their picture
	c.run(`document.querySelector("#tables tr").children.length - 1`, &columns)
	c.run(`{ const {style, dataset} = document.getElementById("relu3"); parseInt(style.width) / dataset.scale; }`, &units)
	if want := min(units, max(5, (s.layers[5].Columns+19)/20)); columns != want {
		t.Errorf("the units are in rows of %d, want %d", columns, want)
	}
	// A click pins a cell, and another unpins it.
	relu1, pool1, relu2 := s.layers[1], s.layers[2], s.layers[3]
	last := relu1.Maps - 1
	c.point(relu1, 0, 7, 9)
	c.title("conv1, feature map 0, row 7, column 9")
	c.press(relu1, 0, 7, 9)
	c.point(pool1, 0, 2, 3)
	if c.accented("#pool1") {
		t.Error("another cell is chosen while one is pinned")
	}
	c.press(pool1, 0, 2, 3)
	c.title("pool1, map 0, row 2, column 3")
	c.press(pool1, 0, 2, 3)
	c.point(relu1, last, relu1.Rows-1, relu1.Columns-1)
	c.title(fmt.Sprintf("conv1, feature map %d, row %d, column %d", last, relu1.Rows-1, relu1.Columns-1))
	c.point(s.layers[5], 0, 0, s.layers[5].Columns-1)
	c.title(fmt.Sprintf("Hidden unit %d", s.layers[5].Columns-1))
	c.point(relu1, last, 9, 7)
	c.title(fmt.Sprintf("conv1, feature map %d, row 9, column 7", last))
	c.until(`document.getElementById("panel-sum").textContent.startsWith("Conv2D")`)
	// For another digit it has other values.
	before := c.text("#panel-sum")
	c.click("#next")
	c.until(fmt.Sprintf(`document.getElementById("panel-sum").textContent !== %q`, before))
	// A channel of the second convolution is chosen by its button.
	c.point(relu2, 0, 1, 2)
	c.until(fmt.Sprintf(`document.querySelectorAll("#channels button").length === %d`, pool1.Maps))
	c.click("#channels button:nth-child(4)")
	c.until(`document.querySelector("#tables caption").textContent === "in, channel 3"`)
	if !c.accented("#relu2") || !c.accented("#pool1") || c.accented("#pool2") {
		t.Error("the cell or its field in the previous layer isn't marked, or another is")
	}
	c.point(relu1, 0, 7, 9) // which has no channel 3
	c.until(`document.querySelector("#tables caption").textContent === "in"`)
	// A click shows a filter large.
	c.until(fmt.Sprintf(`document.querySelectorAll("#filters2 button").length === %d`, relu2.Maps))
	c.click("#filters2 button:nth-child(3)")
	c.until(fmt.Sprintf(`document.getElementById("large").open && document.querySelectorAll("#large table").length === %d`, pool1.Maps))
	var weights []float64
	c.run(`Array.from(document.querySelectorAll("#large td"), cell => Number(cell.title))`, &weights)
	if !slices.Equal(weights, s.network.Filters2[2]) {
		t.Errorf("found %v, want %v", weights, s.network.Filters2[2])
	}
	c.key("Escape")
	c.until(`!document.getElementById("large").open`)
	c.wantNoFaults()
}

// accented reports whether something in a picture is marked.
func (c *tab) accented(selector string) (found bool) {
	c.t.Helper()
	c.run(fmt.Sprintf(`{`+readPictures+`
		const {data} = pixelsOf(%q), accent = colorOf("--accent");
		data.some((_, k) => k %% 4 === 0 && accent.every((v, j) => data[k + j] === v));
	}`, selector), &found)
	return found
}

// All pictures follow the theme when it changes.
func TestTheme(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.stroke(strokes["1"][0]...)
	c.wantVerdict(s.verdict(t, strokes["1"][0]))
	c.click("#toggle")
	const pictures = `window.pictures = () => ["#pad", "#relu1", "#relu3", "#filters1 canvas", "#filters2 canvas", "#learning", "#curves", "#tiny-loss"].map(p => document.querySelector(p).toDataURL())`
	c.run(`{ `+pictures+`; window.light = pictures(); }`, nil)
	c.prefer("color-scheme", "dark")
	c.until(`pictures().every((p, k) => p !== light[k])`)
	c.wantNoFaults()
}

// Nothing comes from elsewhere, nothing jumps, and nothing is cut off.
func TestLayout(t *testing.T) {
	t.Parallel()
	for _, screen := range []struct {
		width, height int
		mobile        bool
	}{{1280, 800, false}, {1440, 900, false}, {800, 1000, false}, {360, 740, true}} {
		for _, theme := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%d wide, %s", screen.width, theme), func(t *testing.T) {
				if screen.width != 1280 || theme != "light" {
					testenv.NeedAll(t)
				}
				checkLayout(t, screen.width, screen.height, screen.mobile, theme)
			})
		}
	}
}

func checkLayout(t *testing.T, width, height int, mobile bool, theme string) {
	s := serving(t)
	c := newTab(t)
	c.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `
		window.jumps = 0;
		window.jumped = [];
		new PerformanceObserver(list => {
			for (const e of list.getEntries()) {
				jumps += e.value;
				for (const s of e.sources) jumped.push(s.node?.id || s.node?.nodeName);
			}
		}).observe({type: "layout-shift", buffered: true});`}, nil)
	c.open(s.URL, width, height, mobile, theme)
	c.until(`document.getElementById("panel-sum").textContent.startsWith("Conv2D")`) // of the cell it opens with
	c.key("Escape")
	c.click("#next")
	c.wantVerdict(s.verdictOn(1))
	for _, k := range []int{1, 2, 3, 4, 5, 6, 1} {
		before := c.text("#panel-title")
		if l := s.layers[k]; l.Name == "probabilities" {
			c.mouse("mouseMoved", "#probabilities li:nth-child(8) button", 0.2, 0.1, 0)
		} else {
			c.point(l, 0, min(1, l.Rows-1), 1)
		}
		c.until(fmt.Sprintf(`document.getElementById("panel-title").textContent !== %q`, before))
	}
	var wide, bottom, right, jumps float64
	c.run(`document.documentElement.scrollWidth`, &wide)
	if int(wide) > width {
		t.Errorf("the page is %v wide", wide)
	}
	c.run(`jumps`, &jumps)
	if jumps > 0.001 {
		var who []string
		c.run(`jumped`, &who)
		t.Errorf("the layout jumps by %v: %q", jumps, who)
	}
	c.run(`scrollTo(0, 0); document.getElementById("network").getBoundingClientRect().bottom`, &bottom)
	c.run(`document.getElementById("prediction").getBoundingClientRect().right`, &right)
	if width >= 1280 && (int(bottom) > height || int(right) > width) {
		t.Errorf("the network ends at %v and %v, want it on one screen of %d×%d", right, bottom, width, height)
	}
	c.wantNoFaults()
	requests := c.requests()
	for _, url := range requests {
		if !strings.HasPrefix(url, s.URL) {
			t.Errorf("the page has requested %s", url)
		}
	}
	if len(requests) < 8 {
		t.Errorf("the page has requested only %q", requests)
	}
}

// An otherShape is the shape of another network.
type otherShape struct {
	kernel, filters1, filters2, hidden int
	across                             []int // maps side by side: relu1, pool1, relu2, pool2
}

// The page takes all shapes from the server: here from one that claims to have other networks.
func TestOtherShapes(t *testing.T) {
	t.Parallel()
	for k, o := range []otherShape{
		{5, 12, 20, 128, []int{3, 2, 4, 4}}, // the last row of units isn't full
		{5, 12, 20, 100, []int{3, 2, 4, 4}},
		{5, 10, 20, 100, []int{3, 2, 4, 4}},
		{3, 12, 20, 100, nil},
		{7, 10, 24, 128, nil},
		{9, 1, 2, 7, nil},
		{5, 40, 64, 500, nil},
	} {
		for _, width := range []int{1280, 360} {
			t.Run(fmt.Sprintf("%d %d %d %d, %d wide", o.kernel, o.filters1, o.filters2, o.hidden, width), func(t *testing.T) {
				if k > 0 || width != 1280 {
					testenv.NeedAll(t)
				}
				o.check(t, width)
			})
		}
	}
}

// check opens the page of a network of this shape, and checks whether it fits.
func (o otherShape) check(t *testing.T, width int) {
	url, layers, highest := o.serve(t)
	c := newTab(t)
	c.open(url, width, 800, width < 700, "light")
	c.ready()
	places := 0 // for units in their picture
	for k, l := range layers {
		var shape string
		c.run(fmt.Sprintf(`document.getElementById(%q).closest("figure").querySelector(".shape").textContent`, l.Name), &shape)
		want := fmt.Sprintf("%d×%d×%d", l.Maps, l.Rows, l.Columns)
		for strings.HasPrefix(want, "1×") {
			want = want[len("1×"):]
		}
		if shape != want {
			t.Errorf("the shape of %s is %q, want %q", l.Name, shape, want)
		}
		if l.Name == "probabilities" {
			continue
		}
		var picture struct{ Across, Scale, Width, Height, Shown float64 }
		c.run(fmt.Sprintf(`{
			const canvas = document.getElementById(%q), {across, scale} = canvas.dataset;
			({across: Number(across), scale: Number(scale), width: canvas.width, height: canvas.height, shown: canvas.getBoundingClientRect().width});
		}`, l.Name), &picture)
		across, scale := int(picture.Across), int(picture.Scale)
		w, h := across*(l.Columns*scale+4)-4, (l.Maps+across-1)/across*(l.Rows*scale+4)-4
		if l.Name == "relu3" {
			perRow := int(picture.Width) / scale
			places = (o.hidden + perRow - 1) / perRow * perRow
			w, h = perRow*scale, (o.hidden+perRow-1)/perRow*scale
		}
		if int(picture.Width) != w || int(picture.Height) != h || picture.Shown != picture.Width || w > 224 || h > 300 {
			t.Errorf("the picture of %s is %v×%v, shown %v wide, want %d×%d, at most 224×300", l.Name, picture.Width, picture.Height, picture.Shown, w, h)
		}
		if k >= 1 && k <= 4 && o.across != nil && across != o.across[k-1] {
			t.Errorf("%s has %d maps side by side, want %d", l.Name, across, o.across[k-1])
		}
	}
	for _, id := range []string{"to-relu1", "to-relu2"} {
		if text, want := c.text("#"+id), fmt.Sprintf("%d×%d convolution, ReLU", o.kernel, o.kernel); text != want {
			t.Errorf("%s says %q, want %q", id, text, want)
		}
	}
	// There is no cell behind the last unit.
	title := func(unit int) {
		c.title(fmt.Sprintf("Hidden unit %d", unit))
	}
	c.point(layers[5], 0, 0, o.hidden-1)
	title(o.hidden - 1)
	c.point(layers[5], 0, 0, places-1)
	c.point(layers[5], 0, 0, 0)
	title(0)
	if unit := int(highest.Load()); unit != o.hidden-1 {
		t.Errorf("the page has requested unit %d, want at most %d", unit, o.hidden-1)
	}
	for _, q := range []struct {
		selector string
		want     string
	}{
		{"#filters1-shape", fmt.Sprintf("%d filters of 1×%d×%d", o.filters1, o.kernel, o.kernel)},
		{"#filters2-shape", fmt.Sprintf("%d filters of %d×%d×%d", o.filters2, o.filters1, o.kernel, o.kernel)},
		{"#training-digits", "567"}, {"#evaluated", "89"},
	} {
		if found := c.text(q.selector); found != q.want {
			t.Errorf("%s says %q, want %q", q.selector, found, q.want)
		}
	}
	var wide, bottom, right, learning float64
	c.run(`document.documentElement.scrollWidth`, &wide)
	c.run(`scrollTo(0, 0); document.getElementById("network").getBoundingClientRect().bottom`, &bottom)
	c.run(`document.getElementById("prediction").getBoundingClientRect().right`, &right)
	c.run(`{ const canvas = document.getElementById("learning"); canvas.height / (canvas.dataset.scale * `+fmt.Sprint(o.kernel)+` + 4); }`, &learning)
	if int(wide) > width || width == 1280 && (int(bottom) > 800 || int(right) > width) {
		t.Errorf("the page is %v wide, the network ends at %v and %v", wide, right, bottom)
	}
	if rows := int(math.Ceil(learning)); rows != (o.filters1+4)/5 {
		t.Errorf("the learning filters are in %d rows, want %d", rows, (o.filters1+4)/5)
	}
	c.shoot(fmt.Sprintf("shapes-%d-%d-%d-%d-%d", o.kernel, o.filters1, o.filters2, o.hidden, width))
	c.wantNoFaults()
}

// serve serves the page of a network of this shape. It returns its address, its layers, and
// the highest hidden unit that the page has requested.
func (o otherShape) serve(t *testing.T) (url string, layers []layer, highest *atomic.Int64) {
	conv1 := side - o.kernel + 1
	conv2 := conv1/2 - o.kernel + 1
	image := convnet.NewVolume(1, side, side)
	relu1, pool1 := convnet.NewVolume(o.filters1, conv1, conv1), convnet.NewVolume(o.filters1, conv1/2, conv1/2)
	relu2, pool2 := convnet.NewVolume(o.filters2, conv2, conv2), convnet.NewVolume(o.filters2, conv2/2, conv2/2)
	relu3, probabilities := make([]float64, o.hidden), make([]float64, 10)
	for _, l := range []struct {
		name string
		maps [][][]float64
	}{
		{"image", image}, {"relu1", relu1}, {"pool1", pool1}, {"relu2", relu2}, {"pool2", pool2},
		{"relu3", [][][]float64{{relu3}}}, {"probabilities", [][][]float64{{probabilities}}},
	} {
		layers = append(layers, layer{l.name, len(l.maps), len(l.maps[0]), len(l.maps[0][0])})
	}
	size := o.kernel * o.kernel
	replies := map[string]any{
		"network": map[string]any{
			"layers":     layers,
			"filters1":   pixels.Kernels(convnet.NewMatrix(o.filters1, size), 1),
			"filters2":   pixels.Kernels(convnet.NewMatrix(o.filters2, o.filters1*size), o.filters1),
			"testDigits": 1234, "trainingDigits": 567, "evaluated": 89,
		},
		"predict": map[string]any{
			"image": image[0], "relu1": relu1, "pool1": pool1, "relu2": relu2, "pool2": pool2, "relu3": relu3,
			"probabilities": probabilities, "prediction": 0, "label": nil, "loss": nil,
		},
		"cell": map[string]any{
			"function": "FullyConnected", "formula": "Σ", "then": "", "bias": nil, "logits": nil, "sum": 0, "total": 0, "value": 0,
			"channels": []any{map[string]any{"in": [][]float64{relu3}, "weights": [][]float64{relu3}, "sum": 0}},
			"fields":   []any{map[string]any{"layer": "relu3", "map": -1, "row": 0, "column": 0, "rows": 1, "columns": o.hidden}},
		},
	}
	highest = new(atomic.Int64)
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(page.Files))
	mux.HandleFunc("POST /{path}", respond(func(ctx context.Context, path string, body []byte) ([]byte, error) {
		if path == "cell" {
			var at struct{ Column int }
			if err := json.Unmarshal(body, &at); err != nil {
				return nil, err
			}
			highest.Store(max(highest.Load(), int64(at.Column)))
		}
		return json.Marshal(replies[path])
	}))
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	return web.URL, layers, highest
}

func (c *tab) wantNoFaults() {
	c.t.Helper()
	if faults := c.complaints(); len(faults) > 0 {
		c.t.Errorf("the console shows %q", faults)
	}
}
