package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
)

// A finger draws too.
func TestFinger(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 360, 740, true, "light")
	var box struct{ X, Y, Width, Height float64 }
	c.run(`document.getElementById("pad").scrollIntoView(); document.getElementById("pad").getBoundingClientRect().toJSON()`, &box)
	touch := func(kind string, points ...map[string]any) {
		c.call("Input.dispatchTouchEvent", map[string]any{"type": kind, "touchPoints": append([]map[string]any{}, points...)}, nil)
	}
	for k := range 8 {
		kind := "touchMove"
		if k == 0 {
			kind = "touchStart"
		}
		touch(kind, map[string]any{"x": box.X + 0.5*box.Width, "y": box.Y + (0.15+0.1*float64(k))*box.Height})
	}
	touch("touchEnd")
	c.wantVerdict(s.verdict(t, [][2]float64{{0.5, 0.15}, {0.5, 0.85}}))
	c.wantNoFaults()
}

// Test digits: by index, the next one, any one, and the misclassified ones.
func TestTestDigits(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	for _, digits := range []int{1000, 10000} { // finding those misclassified takes a while
		t.Run(fmt.Sprint(digits), func(t *testing.T) {
			if digits > 1000 {
				testenv.NeedAll(t)
			}
			checkTestDigits(t, digits)
		})
	}
}

// checkTestDigits visits a few of so many test digits, among them the first three misclassified
// ones.
func checkTestDigits(t *testing.T, digits int) {
	train, test := testenv.Digits(t)
	test = test[:digits]
	all := map[int]string{1000: "1,000", 10000: "10,000"}[digits]
	s, c := servingDigits(t, train, test), newTab(t)
	c.open(s.URL+"/#strokes=", 1280, 800, false, "dark")
	c.ready()
	var misclassified []int
	a := convnet.NewActivations()
	for k := 0; len(misclassified) < 3; k++ {
		if s.network.Predict(a, s.test[k].Image) != s.test[k].Label {
			misclassified = append(misclassified, k)
		}
	}

	// The list of misclassified digits is asked for once, and the page says that it's looking for them.
	var looking string
	c.run(`{
		const button = document.getElementById("misclassified");
		button.click();
		button.click();
		button.getAttribute("aria-busy") + " " + document.getElementById("message").textContent;
	}`, &looking)
	if want := "true Looking for misclassified digits…"; looking != want {
		t.Errorf("found %q, want %q", looking, want)
	}
	c.until(`document.getElementById("misclassified").getAttribute("aria-busy") === "false"`)
	c.wantVerdict(s.verdictOn(misclassified[0]))
	asked := 0
	for _, url := range c.requests() {
		if strings.HasSuffix(url, "/misclassified") {
			asked++
		}
	}
	if asked != 1 && !s.static {
		t.Errorf("the page has asked for them %d times, want once", asked)
	}
	c.open("about:blank#", 1280, 800, false, "dark")
	c.open(s.URL+"/#strokes=", 1280, 800, false, "dark")
	c.ready()

	// The first misclassified digit, which takes a while to find, doesn't replace what you draw meanwhile.
	var chosen string
	c.run(`{
		document.getElementById("misclassified").click();
		document.getElementById("pad").dispatchEvent(new KeyboardEvent("keydown", {key: " "}));
	}`, nil)
	c.ask("misclassified", "{}", nil)
	c.ask("network", "{}", nil)
	c.run(`document.getElementById("number").value`, &chosen)
	if chosen != "" {
		t.Fatalf("test digit %s has replaced it", chosen)
	}
	c.click("#next") // the first
	c.wantVerdict(s.verdictOn(0))
	c.click("#next")
	c.wantVerdict(s.verdictOn(1))
	c.number(digits - 1)
	c.until(fmt.Sprintf(`document.getElementById("message").textContent.startsWith("Test digit %d, one of %s")`, digits-1, all))
	c.click("#next") // begins again
	c.wantVerdict(s.verdictOn(0))
	for _, digit := range misclassified {
		c.click("#misclassified")
		c.until(fmt.Sprintf(`document.getElementById("number").value === "%d" && document.getElementById("verdict").textContent.endsWith("true label %d")`, digit, s.test[digit].Label))
		words := regexp.MustCompile(`^Predicted label ([0-9]), true label ([0-9])$`).FindStringSubmatch(c.text("#verdict"))
		if words == nil || words[1] == words[2] {
			t.Errorf("a misclassified digit: %q", c.text("#verdict"))
		}
		if want := fmt.Sprintf("Test digit %d, one of the ", digit); !strings.HasPrefix(c.text("#message"), want) || !strings.HasSuffix(c.text("#message"), " in "+all+" that the trained network misclassifies") {
			t.Errorf("the page says %q, want %q and how many there are", c.text("#message"), want)
		}
	}
	c.click("#random")
	c.until(`/^Test digit [0-9]+, one of ` + all + `$/.test(document.getElementById("message").textContent)`)
	c.number(digits)
	c.until(fmt.Sprintf(`document.getElementById("message").textContent === "There's no test digit %d. The test digits are numbered from 0 to %d."`, digits, digits-1))
	// Drawing on a test digit begins with an empty pad.
	c.number(0)
	c.wantVerdict(s.verdictOn(0))
	c.run(`document.getElementById("pad").dispatchEvent(new KeyboardEvent("keydown", {key: " "}))`, nil)
	if c.inked(0, 0, 400, 180) {
		t.Error("the test digit is still under the stroke")
	}
	c.until(`!document.getElementById("verdict").textContent.includes("true label")`)
	c.click("#next") // the first again
	c.wantVerdict(s.verdictOn(0))
	if !s.static {
		checkGone(c)
	}
	c.wantNoFaults()
}

// checkGone checks that the page says so if the server doesn't respond, until it responds again.
func checkGone(c *tab) {
	c.t.Helper()
	c.run(`{
		const original = fetch;
		window.fetch = async () => {
			window.fetch = original;
			throw new Error("no response");
		};
		document.getElementById("next").click();
	}`, nil)
	c.until(`document.getElementById("message").textContent.startsWith("The program has stopped.")`)
	c.run(`document.getElementById("next").click()`, nil)
	c.until(`document.getElementById("message").textContent === ""`)
}

// The square slides over the image, or if you prefer that nothing moves, the map is there at once.
func TestOcclusion(t *testing.T) {
	t.Parallel()
	for _, motion := range []string{"reduce", "no-preference"} {
		t.Run(motion, func(t *testing.T) {
			if motion == "no-preference" {
				testenv.NeedAll(t)
			}
			checkOcclusion(t, motion)
		})
	}
}

func checkOcclusion(t *testing.T, motion string) {
	c, s := openPage(t, 1280, 800, false, "light")
	c.prefer("reduced-motion", motion)
	text := func(want string) {
		t.Helper()
		c.until(fmt.Sprintf(`document.getElementById("occlusion-text").textContent === %q`, want))
	}
	c.empty()
	c.until(`document.getElementById("occlude").disabled && document.getElementById("occlude-why").textContent === "Draw a digit first."`)
	c.run(`{
		const original = requestAnimationFrame;
		window.steps = 0;
		window.requestAnimationFrame = next => { steps++; original(next); };
	}`, nil)
	occlude := func(digit int) occlusion {
		t.Helper()
		c.number(digit)
		text("")
		c.run(`delete document.getElementById("heat").dataset.done; document.getElementById("occlude").click()`, nil)
		c.until(`document.getElementById("heat").dataset.done`)
		var o occlusion
		s.ask(t, "occlusion", fmt.Sprintf(`{"digit":%d}`, digit), &o)
		return o
	}
	// Wherever the square is, this one is a 2.
	sure := occlude(1)
	var steps int
	if c.run(`steps`, &steps); steps > 0 != (motion == "no-preference") {
		t.Errorf("the square moves %d times", steps)
	}
	text("The probability of 2 is >99.9%. With the square at the worst position, it's 99.6%. Wherever the square is, the prediction stays 2.")
	if c.outlined() {
		t.Error("positions are outlined where the prediction stays the same")
	}
	// The same color means the same probability for every digit.
	check := func(o occlusion, row, column int) {
		t.Helper()
		var found [3]float64
		c.run(fmt.Sprintf(`{`+readImages+`
			colorsOf("#heat")(%d, %d);
		}`, row, column), &found)
		for k, high := range []float64{0x0b, 0x3d, 0x75} {
			if want := 255 + (high-255)*(1-o.Covered[row][column]); math.Abs(found[k]-want) > 1.01 {
				t.Errorf("at a probability of %v the color is %v, want %v as its component %d", o.Covered[row][column], found, want, k)
			}
		}
	}
	check(sure, 7, 17)
	check(sure, 20, 9)
	unsure := occlude(8)
	text("The probability of 5 is 90.3%. With the square at the worst position, it's <0.1%. At 222 of the 784 positions, the outlined ones, the predicted label changes: to 6 at 158, to 8 at 64.")
	for _, at := range [][2]int{{9, 24}, {17, 4}, {4, 3}, {10, 20}} {
		check(unsure, at[0], at[1])
	}
	if !c.outlined() {
		t.Error("the positions where the prediction changes aren't outlined")
	}
	// Then you move the square, by mouse or keyboard.
	place := func(row, column int) {
		t.Helper()
		p := fmt.Sprintf("%.1f%%", 100*unsure.Covered[row][column])
		c.until(fmt.Sprintf(`document.getElementById("occlusion-place").textContent === "Square at row %d, column %d: the predicted label is %d, and the probability of 5 is %s."`,
			row, column, unsure.Predictions[row][column], strings.Replace(p, "0.0%", "<0.1%", 1)))
		var covered int // pixels of the image that are as gray as the square
		c.run(`{`+readImages+`
			const at = colorsOf("#covered");
			let n = 0;
			for (let y = 0; y < 28; y++) for (let x = 0; x < 28; x++) if (String(at(y, x)) === "133,158,186") n++;
			n;
		}`, &covered)
		want := 0
		for y, line := range s.test[8].Image {
			for x, v := range line {
				if y >= row-3 && y <= row+3 && x >= column-3 && x <= column+3 || math.Abs(v-0.5) < 0.003 {
					want++
				}
			}
		}
		if covered != want {
			t.Errorf("%d pixels are gray, want %d", covered, want)
		}
	}
	c.mouse("mouseMoved", "#heat", (3+0.5)/28, (16+0.5)/28, 0)
	place(16, 3)
	c.run(`document.getElementById("heat").focus()`, nil)
	for _, key := range []string{"ArrowUp", "ArrowUp", "ArrowRight", "PageDown", "End", "ArrowDown", "ArrowLeft"} {
		c.key(key)
	}
	place(27, 26)
	for _, key := range []string{"Home", "PageUp", "ArrowUp", "ArrowDown"} {
		c.key(key)
	}
	place(1, 0)
	// It stays while you choose a label, which doesn't matter to it. But after steps of gradient descent
	// it's another network, with a map of its own.
	c.run(`import("./state.js").then(({change}) => change({label: 3}))`, nil)
	c.until(`document.getElementById("occlusion-text").textContent.startsWith("The probability of 5 is 90.3%")`)
	c.run(`import("./state.js").then(({change}) => change({label: 6, steps: 1, rate: 0.001}))`, nil)
	text("")
	c.click("#occlude")
	var stepped struct {
		Prediction  int
		Probability float64
	}
	s.ask(t, "occlusion", `{"digit":8,"label":6,"steps":1,"rate":0.001}`, &stepped)
	c.until(fmt.Sprintf(`document.getElementById("occlusion-text").textContent.startsWith("The probability of %d is %.1f%%. ")`, stepped.Prediction, 100*stepped.Probability))
	c.run(`import("./state.js").then(({change}) => change({label: null, steps: 0}))`, nil)
	text("")

	c.click("#next") // about which it says nothing
	text("")
	if c.text("#occlusion-place") != "" || c.outlined() {
		t.Error("the map of the previous digit is still there")
	}
	// Nor does it say anything about a digit that has gone when the response comes.
	c.run(`document.getElementById("occlude").click(); document.getElementById("next").click()`, nil)
	for range 2 { // it has come when these have
		c.ask("occlusion", `{"digit":0}`, nil)
	}
	text("")
	c.until(`!document.getElementById("occlude").disabled && document.getElementById("occlude-why").textContent === ""`)
	c.wantNoFaults()
}

// outlined reports whether there are lines on the occlusion map, away from the center of the square.
func (c *tab) outlined() (found bool) {
	c.t.Helper()
	c.run(`{`+readPictures+`
		const {data} = pixelsOf("#heat");
		let orange = 0;
		for (let k = 0; k < data.length; k += 4) if (data[k] > data[k + 2] + 50) orange++;
		orange > 100;
	}`, &found)
	return found
}

// readImages is JavaScript: colorsOf returns a function from the pixels of the image to their colors in
// a picture of it.
const readImages = readPictures + `
	const colorsOf = selector => {
		const {data, width} = pixelsOf(selector), side = width / 28;
		return (row, column) => {
			const k = 4 * (Math.floor((row + 0.5) * side) * width + Math.floor((column + 0.5) * side));
			return [...data.slice(k, k + 3)];
		};
	};`

// An occlusion is what a network makes of a digit with a square centered on each of its pixels.
type occlusion struct {
	Covered     [][]float64 // the probability of what it predicts without the square
	Predictions [][]int
}

// empty clears the pad, whatever is on it.
func (c *tab) empty() {
	c.t.Helper()
	c.until(`document.getElementById("clear").disabled || void document.getElementById("clear").click()`)
	c.wantVerdict("Nothing drawn yet")
}

// number chooses a test digit by its index.
func (c *tab) number(digit int) {
	c.t.Helper()
	c.run(fmt.Sprintf(`document.getElementById("number").value = "%d"; document.getElementById("number").dispatchEvent(new Event("change"))`, digit), nil)
}

// Undo brings back whatever was there before: a stroke, a cleared pad, a test digit.
func TestUndo(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	disabled := func(id string, want bool) {
		t.Helper()
		c.until(fmt.Sprintf(`document.getElementById(%q).disabled === %v`, id, want))
	}
	hint := func(want string) {
		t.Helper()
		c.until(fmt.Sprintf(`document.getElementById("hint").textContent === %q && document.getElementById("hint").checkVisibility()`, want))
	}
	c.empty()
	hint("Draw a digit here")
	four := strokes["4"]
	c.stroke(four[0]...)
	c.until(`!document.getElementById("hint").checkVisibility()`)
	disabled("clear", false)
	disabled("undo", false)
	c.stroke(four[1]...)
	c.wantVerdict(s.verdict(t, four...))
	c.click("#next")
	c.wantVerdict(s.verdictOn(0))
	hint("Draw your own here")
	c.click("#next")
	c.wantVerdict(s.verdictOn(1))
	c.click("#clear")
	c.wantVerdict("Nothing drawn yet")
	c.stroke(strokes["1"][0]...)
	c.wantVerdict(s.verdict(t, strokes["1"]...))
	// A chosen digit under a stroke comes back, too.
	c.click("#next")
	c.wantVerdict(s.verdictOn(0))
	c.stroke(strokes["7"][0]...)
	c.wantVerdict(s.verdict(t, strokes["7"]...))
	for k, want := range []string{s.verdictOn(0), s.verdict(t, strokes["1"]...), "Nothing drawn yet", s.verdictOn(1), s.verdictOn(0), s.verdict(t, four...), s.verdict(t, four[0])} {
		if k%2 == 0 {
			c.click("#undo")
		} else {
			c.run(`document.getElementById("pad").dispatchEvent(new KeyboardEvent("keydown", {key: "z", ctrlKey: true, cancelable: true}))`, nil)
		}
		c.wantVerdict(want)
		if shown := c.inked(0, 0, 400, 200); shown == (want == "Nothing drawn yet") {
			t.Errorf("ink on the pad: %v, where the page says %q", shown, want)
		}
		if number := map[string]string{s.verdictOn(0): "0", s.verdictOn(1): "1"}[want]; c.value("number") != number {
			t.Errorf("the index is %q, want %q", c.value("number"), number)
		}
	}
	// The pen goes on with what has come back.
	c.stroke(four[1]...)
	c.wantVerdict(s.verdict(t, four...))
	c.click("#undo")
	c.click("#undo")
	c.wantVerdict("Nothing drawn yet")
	hint("Draw a digit here")
	disabled("clear", true)

	// The pad shows what comes from elsewhere, too, and the pen goes on from there.
	c.run(`import("./state.js").then(({change}) => change({strokes: [[[0.4, 0.15], [0.25, 0.55], [0.75, 0.55]]], digit: null}))`, nil)
	c.wantVerdict(s.verdict(t, four[0]))
	if !c.inked(160, 60, 1, 1) {
		t.Error("the pad doesn't show the strokes of the address")
	}
	c.stroke(four[1]...)
	c.wantVerdict(s.verdict(t, four...))
	c.click("#undo")
	c.wantVerdict(s.verdict(t, four[0]))
	c.click("#clear")

	// The keys that use up a button leave the focus on the pad.
	c.run(`document.getElementById("next").focus()`, nil)
	c.key("Enter")
	c.wantVerdict(s.verdictOn(0))
	c.run(`document.getElementById("clear").focus()`, nil)
	c.key("Enter")
	c.wantVerdict("Nothing drawn yet")
	if found := c.focused(); found != "pad" {
		t.Errorf("the focus is on %q, want the pad", found)
	}
	// Fifty steps back, no more.
	for range 60 {
		c.run(`document.getElementById("next").click()`, nil)
	}
	var steps int
	c.run(`{
		const undo = document.getElementById("undo");
		let steps = 0;
		for (; !undo.disabled; steps++) undo.click();
		steps;
	}`, &steps)
	if steps != 50 {
		t.Errorf("Undo goes back %d steps, want 50", steps)
	}
	c.wantVerdict(s.verdictOn(9))
	c.wantNoFaults()
}

// value returns the value of an input element.
func (c *tab) value(id string) (value string) {
	c.t.Helper()
	c.run(fmt.Sprintf("document.getElementById(%q).value", id), &value)
	return value
}

// On a narrow screen an enlarged filter scrolls by itself, and only down.
func TestFiltersNarrow(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	c, s := openPage(t, 360, 740, true, "dark")
	c.number(247)
	c.wantVerdict(s.verdictOn(247))
	for _, backward := range []bool{false, true} {
		if backward {
			c.click("#show-backward")
			c.until(`document.getElementById("filters-title").textContent === "Gradients of the filters" && document.getElementById("filters2-ramp").textContent !== ""`)
		}
		c.click("#filters2 button:nth-child(2)")
		c.until(`document.getElementById("large").open`)
		if backward {
			c.until(`document.querySelectorAll("#large-products canvas").length === 3`)
		}
		var found struct{ Left, Right, Page, Wide, Room, High, Shown float64 }
		c.run(`{
			const dialog = document.getElementById("large"), {left, right} = dialog.getBoundingClientRect();
			({left, right, page: document.documentElement.scrollWidth, wide: dialog.scrollWidth, room: dialog.clientWidth, high: dialog.scrollHeight, shown: dialog.clientHeight});
		}`, &found)
		if found.Left < 0 || found.Right > 360 || found.Page > 360 || found.Wide > found.Room || found.High <= found.Shown {
			t.Errorf("backward %v: %+v, want a dialog within 360 pixels that scrolls only down", backward, found)
		}
		if !c.is(`getComputedStyle(document.documentElement).overflowY === "hidden"`) {
			t.Errorf("backward %v: the page scrolls behind the dialog", backward)
		}
		c.click("#large form button")
		c.until(`!document.getElementById("large").open`)
	}
	c.wantNoFaults()
}

// However small you draw a digit, the network sees it as large as its others.
func TestSmallDigits(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	for digit, lines := range strokes {
		c.empty()
		var small [][][2]float64
		for _, points := range lines {
			var stroke [][2]float64
			for _, p := range points {
				stroke = append(stroke, [2]float64{0.2 + 0.15*p[0], 0.7 + 0.15*p[1]})
			}
			small = append(small, stroke)
			c.stroke(stroke...)
		}
		if want := s.verdict(t, lines...); s.verdict(t, small...) != want {
			t.Errorf("a small %s: %q, want %q", digit, s.verdict(t, small...), want)
		}
		c.until(fmt.Sprintf(`document.getElementById("verdict").textContent.startsWith("Predicted label %s")`, digit))
	}
	c.wantNoFaults()
}

// The filters are one stop for Tab in each group. In the backward pass they show their gradients, and
// each of those is explained.
func TestFilters(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.number(247)
	c.wantVerdict(s.verdictOn(247))
	var stops int
	c.run(`document.querySelectorAll(".tiles button[tabindex='0']").length`, &stops)
	if stops != 2 {
		t.Errorf("the filters are %d stops for Tab, want 2", stops)
	}
	c.run(`document.querySelector("#filters2 button").focus()`, nil)
	for _, key := range []string{"ArrowRight", "ArrowDown", "ArrowUp", "ArrowLeft", "End", "ArrowLeft", "Home", "ArrowRight"} {
		c.key(key)
	}
	c.key("Enter")
	open := func(want bool) {
		t.Helper()
		c.until(fmt.Sprintf(`document.getElementById("large").open === %v`, want))
	}
	open(true)
	if title := c.text("#large-title"); title != "Filter 1 of the second convolution" {
		t.Errorf("the title is %q", title)
	}
	// Every weight of it, with the numbers of its row and column.
	numbers := func(selector string) (values []float64) {
		t.Helper()
		c.run(fmt.Sprintf(`Array.from(document.querySelectorAll("%s td"), cell => Number(cell.title))`, selector), &values)
		return values
	}
	if found := numbers("#large-body"); !slices.Equal(found, s.network.Filters2[1]) {
		t.Errorf("found %v, want %v", found, s.network.Filters2[1])
	}
	var headings int
	c.run(`document.querySelectorAll("#large-body th[scope='row'], #large-body th[scope='col']").length`, &headings)
	if tables := s.layers[2].Maps; headings != tables*11 { // 5 rows, 5 columns and the corner
		t.Errorf("%d tables have %d headings", tables, headings)
	}
	// It closes by Escape, its button, and a click beside it, but not by one in it. The focus returns.
	returned := func() {
		t.Helper()
		open(false)
		c.until(`document.activeElement === document.querySelectorAll("#filters2 button")[1]`)
	}
	c.key("Escape")
	returned()
	c.key("Enter")
	open(true)
	c.click("#large button")
	returned()
	c.key("Enter")
	open(true)
	c.mouse("mousePressed", "#large", 0.5, 0.1, 1) // a text may be selected beyond the border
	c.mouse("mouseReleased", "#large", -0.02, 0.5, 0)
	c.click("#large-title")
	open(true)
	c.mouse("mousePressed", "#large", -0.02, 0.5, 1)
	c.mouse("mouseReleased", "#large", -0.02, 0.5, 0)
	returned()

	// The gradients, at first for another label.
	const setUp = `(async () => {
		const {change, input, state} = await import("./state.js"), {ask} = await import("./ask.js");
		change({backward: true, label: 8});
		change({gradients: await ask("gradients", input())});
	})()`
	c.run(setUp, nil)
	c.until(`document.getElementById("filters-title").textContent === "Gradients of the filters"`)
	size := s.layers[0].Rows - s.layers[1].Rows + 1 // of a kernel
	a, d, grad := convnet.NewActivations(), convnet.NewActivations(), convnet.NewGradient()
	s.network.Predict(a, s.test[247].Image)
	s.network.Backward(grad, d, a, 8)
	// explained checks what the page says about the gradient of a weight.
	explained := func(grads []float64, in, out [][]float64, channel, row, column int) {
		t.Helper()
		rows, columns, products := len(out), len(out[0]), 0
		want := grads[(channel*size+row)*size+column]
		for y, line := range out {
			for x, v := range line {
				if v*in[y+row][x+column] != 0 {
					products++
				}
			}
		}
		step := "smaller"
		if want < 0 {
			step = "larger"
		}
		c.until(fmt.Sprintf(`document.getElementById("large-how").textContent === %q`, fmt.Sprintf("Weight at row %d, column %d. AddConv2DFilterGrad: Σ in · gradient = %s. "+
			"The weight is used at %d×%d positions, so its gradient is a sum of %d products, %d of which aren't 0. A step of gradient descent makes the weight %s.",
			row, column, strings.Replace(fmt.Sprintf("%.6f", want), "-", "−", 1), rows, columns, rows*columns, products, step)))
		var marked []string
		c.run(`Array.from(document.querySelectorAll("#large-body .now"), cell => cell.closest("table").caption.textContent.split(/[ ,]/)[0] + " " + (cell.parentElement.rowIndex - 1) + " " + (cell.cellIndex - 1))`, &marked)
		if at := fmt.Sprintf(" %d %d", row, column); !slices.Equal(marked, []string{"weights" + at, "gradients" + at}) {
			t.Errorf("marked are %q, want the weight and its gradient at%s", marked, at)
		}
	}
	largest := func(values []float64) (at int) {
		for k, v := range values {
			if math.Abs(v) > math.Abs(values[at]) {
				at = k
			}
		}
		return at
	}
	// In the first convolution, with pictures.
	c.click("#filters1 button:nth-child(3)")
	open(true)
	at := largest(grad.Filters1[2])
	explained(grad.Filters1[2], a.Image[0], d.Conv1[2], 0, at/size, at%size)
	c.until(`document.querySelectorAll("#large-products canvas").length === 3`)
	c.mouse("mouseMoved", "#large-body table:nth-of-type(1) tbody tr:nth-child(2) td:nth-of-type(4)", 0.5, 0.5, 0)
	explained(grad.Filters1[2], a.Image[0], d.Conv1[2], 0, 1, 3)
	c.run(`document.querySelector("#large-body td[tabindex='0']").focus()`, nil)
	for _, key := range []string{"Home", "ArrowRight", "ArrowDown", "ArrowDown"} {
		c.key(key)
	}
	explained(grad.Filters1[2], a.Image[0], d.Conv1[2], 0, 2, 1)
	// If the gradients change the dialog does too, and the focus stays.
	c.run(`import("./state.js").then(({change, state}) => {
		const filters1 = state.gradients.filters1.map(filter => filter.map(kernel => kernel.map(row => row.map(v => 2 * v))));
		change({gradients: {...state.gradients, filters1}});
	})`, nil)
	c.until(fmt.Sprintf(`Math.abs(document.activeElement.title / %v - 2) < 1e-4 && document.activeElement.matches(".now")`, grad.Filters1[2][2*size+1]))
	// Closed before it has changed, it stays closed.
	c.run(`Promise.all([import("./state.js"), import("./ask.js")]).then(([{change, state, input}, {ask}]) => {
		change({gradients: {...state.gradients}});
		document.getElementById("large").close();
		return ask("cell", {...input(), layer: "relu1", map: 0, row: 0, column: 0}).then(() => ask("network"));
	})`, nil)
	open(false)
	// In the second one, with tables.
	c.click("#filters2 button:nth-child(6)")
	open(true)
	at = largest(grad.Filters2[5])
	channel := at / (size * size)
	explained(grad.Filters2[5], a.Pool1[channel], d.Conv2[5], channel, at/size%size, at%size)
	for before := channel; channel == before || grad.Filters2[5][channel*size*size+at%(size*size)] == 0; {
		channel = (channel + 1) % len(a.Pool1)
	}
	c.click(fmt.Sprintf("#large-body button:nth-child(%d)", channel+1))
	explained(grad.Filters2[5], a.Pool1[channel], d.Conv2[5], channel, at/size%size, at%size)
	in, out, products := numbers("#large-products table:nth-of-type(1)"), numbers("#large-products table:nth-of-type(2)"), numbers("#large-products table:nth-of-type(3)")
	sum := 0.0
	for k, v := range products {
		if v != in[k]*out[k] {
			t.Errorf("product %d is %v, want %v · %v", k, v, in[k], out[k])
		}
		sum += v
	}
	if want := grad.Filters2[5][channel*size*size+at%(size*size)]; len(products) != 64 || math.Abs(sum-want) > 1e-12 {
		t.Errorf("%d products add up to %v, want 64 and %v", len(products), sum, want)
	}
	c.key("Escape")
	open(false)
	// Of a digit the network is sure of, the gradients are small, and legible all the same.
	c.run(strings.Replace(setUp, "label: 8", "label: null, digit: 0", 1), nil)
	c.until(`/^−[0-9]·10⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+$/.test(document.querySelector("#filters1-ramp span").textContent)`)
	c.click("#filters1 button:nth-child(1)")
	open(true)
	if caption := c.text("#large-body .choice caption"); !regexp.MustCompile(`^gradients, in units of 10⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+$`).MatchString(caption) {
		t.Errorf("found %q", caption)
	}
	c.key("Escape")
	open(false)

	// If all of them are 0 their legend names no values.
	c.run(`import("./state.js").then(({change, state}) => {
		const filters1 = state.gradients.filters1.map(filter => filter.map(kernel => kernel.map(row => row.map(() => 0))));
		change({gradients: {...state.gradients, filters1}});
	})`, nil)
	if text := c.text("#filters1-ramp"); text != "" {
		t.Errorf("if all gradients are 0 the legend says %q", text)
	}

	// While a network in training is used, the filters are its own.
	c.run(`import("./state.js").then(({change}) => change({backward: false}))`, nil)
	c.click("#step")
	c.until(`document.getElementById("filters1-of").textContent === "of the network in training"`)
	if found, want := c.text("#filters2-of"), "of the trained network, not of the one in training"; found != want {
		t.Errorf("found %q, want %q", found, want)
	}
	var trained [][][]float64
	c.run(`import("./state.js").then(({state}) => state.filters1)`, &trained)
	c.click("#filters1 button:nth-child(3)")
	open(true)
	for k, v := range numbers("#large-body") {
		if math.Abs(v-trained[2][k/size][k%size]) > 1e-4 {
			t.Errorf("weight %d is %v, want %v", k, v, trained[2][k/size][k%size])
		}
	}
	c.key("Escape")
	open(false)
	c.wantNoFaults()
}
