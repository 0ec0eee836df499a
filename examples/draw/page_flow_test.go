package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/draw/inspect"
	"convnet/examples/internal/testenv"
)

// A shown is what a prediction returns.
type shown struct {
	Image         [][]float64
	ReLU1, ReLU2  [][][]float64
	Pool1, Pool2  [][][]float64
	ReLU3         []float64
	Probabilities []float64
	Prediction    int
}

// strongest returns where the largest value of maps is, the first of equal ones.
func strongest(maps [][][]float64) (m, row, column int) {
	for i, rows := range maps {
		for y, line := range rows {
			for x, v := range line {
				if v > maps[m][row][column] {
					m, row, column = i, y, x
				}
			}
		}
	}
	return m, row, column
}

// The page opens with a test digit, its prediction, and an active cell that is explained. The
// address says so. A link shows what its sender saw, back and forward work, and a reload keeps it.
func TestAddress(t *testing.T) {
	t.Parallel()
	s, c := serving(t), newTab(t)
	c.open(s.URL, 1280, 800, false, "light")
	c.ready()
	c.wantVerdict(s.verdictOn(0))
	var first, second shown
	s.ask(t, "predict", `{"digit":0}`, &first)
	s.ask(t, "predict", `{"digit":1}`, &second)
	m, row, column := strongest(first.ReLU2)
	opening, cell := fmt.Sprintf("conv2, feature map %d, row %d, column %d", m, row, column), fmt.Sprintf("&cell=conv2,%d,%d,%d", m, row, column)
	c.title(opening)
	c.until(`document.getElementById("panel-sum").textContent.startsWith("Conv2D")`)
	c.hash("#digit=0" + cell)
	if !c.is(`!document.getElementById("pin").hidden`) {
		t.Error("the cell isn't pinned")
	}

	// Choosing a digit and pinning a cell are steps that you can go back from.
	c.click("#next")
	c.hash("#digit=1" + cell)
	c.press(s.layers[2], 1, 2, 3)
	c.hash("#digit=1&cell=pool1,1,2,3")
	c.press(s.layers[5], 0, 0, 7)
	c.hash("#digit=1&cell=fc1,7")
	c.click("#probabilities li:nth-child(5) button")
	c.hash("#digit=1&cell=output,4")
	c.click("#show-backward")
	c.hash("#digit=1&cell=output,4&pass=backward")
	c.run(`history.back()`, nil)
	c.hash("#digit=1&cell=output,4")
	c.until(`document.getElementById("show-forward").getAttribute("aria-pressed") === "true"`)
	c.run(`history.go(-2)`, nil)
	c.hash("#digit=1&cell=pool1,1,2,3")
	c.title("pool1, map 1, row 2, column 3")
	c.run(`history.go(-2)`, nil)
	c.hash("#digit=0" + cell)
	c.title(opening)
	c.wantVerdict(s.verdictOn(0))
	c.run(`history.go(3)`, nil)
	c.title("Hidden unit 7")
	c.wantVerdict(s.verdictOn(1))
	// A walk with the arrow keys is no more than one step.
	var before, after int
	c.press(s.layers[1], 0, 4, 4)
	c.hash("#digit=1&cell=conv1,0,4,4")
	c.run(`history.length`, &before)
	for range 3 {
		c.key("ArrowRight")
	}
	c.hash("#digit=1&cell=conv1,0,4,7")
	if c.run(`history.length`, &after); after != before {
		t.Errorf("three arrow keys are %d pages of the history", after-before)
	}
	// Pointing leaves the address as it is, and unpinning takes the cell out of it.
	c.key("Escape")
	c.hash("#digit=1")
	c.point(s.layers[1], 0, 8, 8)
	c.title("conv1, feature map 0, row 8, column 8")
	c.until(`location.hash === "#digit=1"`)

	// A drawing is in the address, to the last digit.
	for _, points := range strokes["4"] {
		c.stroke(points...)
	}
	c.wantVerdict(s.verdict(t, strokes["4"]...))
	c.until(`location.hash.startsWith("#strokes=") && location.hash.length > 40`)
	c.press(s.layers[3], 2, 1, 1)
	c.until(`location.hash.endsWith("&cell=conv2,2,1,1")`)
	c.title("conv2, feature map 2, row 1, column 1")
	verdict, sum := c.text("#verdict"), c.text("#panel-sum")
	var link string
	c.run(`location.href`, &link)
	if len(link) > 400 {
		t.Errorf("the address of a 4 has %d characters: %s", len(link), link)
	}
	same := func() {
		t.Helper()
		c.ready()
		c.wantVerdict(verdict)
		c.title("conv2, feature map 2, row 1, column 1")
		c.until(fmt.Sprintf(`document.getElementById("panel-sum").textContent === %q`, sum))
		if !c.inked(100, 215, 1, 1) {
			t.Error("the drawing isn't on the pad")
		}
	}
	c.run(`window.old = true`, nil)
	c.call("Page.reload", nil, nil)
	c.until(`!window.old && document.readyState === "complete"`)
	same()
	c.open("about:blank#", 1280, 800, false, "light")
	c.open(link, 1280, 800, false, "light")
	same()
	// Back leads from the drawing to the digit that was there before it.
	c.open(s.URL+"/?#digit=2", 1280, 800, false, "light")
	c.ready()
	c.stroke(strokes["1"][0]...)
	c.until(`window.settled || import("./url.js").then(({pack}) => import("./state.js").then(({state}) => window.settled = location.hash === "#strokes=" + pack(state.strokes))) && false`)
	c.run(`history.back()`, nil)
	c.wantVerdict(s.verdictOn(2))
	c.run(`history.forward()`, nil)
	c.wantVerdict(s.verdict(t, strokes["1"]...))
	c.until(`document.getElementById("message").textContent === ""`)

	// What you draw last before you choose a digit is there when you come back.
	c.run(`{
		window.earlier = location.hash;
		const pad = document.getElementById("pad"), key = k => pad.dispatchEvent(new KeyboardEvent("keydown", {key: k}));
		document.getElementById("clear").click();
		pad.focus();
		key(" ");
		for (let k = 0; k < 12; k++) key("ArrowDown");
		key(" ");
		document.getElementById("next").click();
	}`, nil)
	c.hash("#digit=0")
	c.run(`history.back()`, nil)
	c.until(`location.hash.startsWith("#strokes=")`)
	if c.is(`location.hash === earlier`) {
		t.Error("the newest strokes are lost")
	}
	c.wantVerdict(s.verdict(t, [][2]float64{{0.5, 0.5}, {0.5, 0.8}}))

	// The whole state of the backward pass.
	c.run(`location.hash = "#digit=3&cell=input,0,9,9&pass=backward&label=8&steps=2&rate=0.003"`, nil)
	c.until(`document.getElementById("number").value === "3" && document.getElementById("show-backward").getAttribute("aria-pressed") === "true"`)
	var fields map[string]any
	c.run(`import("./state.js").then(({state: {label, steps, rate, cell}}) => ({label, steps, rate, ...cell}))`, &fields)
	if want := `map[column:9 label:8 layer:image map:0 rate:0.003 row:9 steps:2]`; fmt.Sprint(fields) != want {
		t.Errorf("found %v, want %s", fields, want)
	}
	// The order of the parts doesn't matter. The address is put in order without another page of
	// the history.
	c.run(`history.length`, &before)
	c.run(`location.hash = "#cell=fc1,3&digit=3"`, nil)
	c.hash("#digit=3&cell=fc1,3")
	c.until(`document.getElementById("show-backward").getAttribute("aria-pressed") === "false"`)
	if c.run(`history.length`, &after); after != before+1 {
		t.Errorf("a link is %d pages of the history, want 1", after-before)
	}

	// Mail programs and chats escape some characters.
	c.run(`location.hash = "#digit%3D4&cell=conv2%2C9%2c3%2C3"`, nil)
	c.hash("#digit=4&cell=conv2,9,3,3")

	// An address that describes nothing is ignored. The long drawing is one that the server would refuse.
	var long string
	c.run(`import("./url.js").then(({pack}) => pack([Array.from({length: 400}, (_, k) => [k % 2, 0])]))`, &long)
	c.run(`location.hash = "#digit=3&cell=conv1,3,4,5"`, nil)
	c.title("conv1, feature map 3, row 4, column 5")
	for _, hash := range []string{
		"x", "digit=", "digit=10000", "digit=-1", "digit=1e3", "digit=1&digit=2", "digit=1&strokes=", "strokes=!", "strokes=A", "strokes=AgD6", "strokes=AQCQTgCQTg",
		"strokes=____", "strokes=" + strings.Repeat("AQAA", 2001), "strokes=AQEA", "cell=conv1", "cell=conv1,10,0,0", "cell=conv1,0,0", "cell=conv1,0,-1,0", "cell=conv1,0,0,0,0", "cell=fc1,100", "cell=output,10",
		"cell=constructor,0", "cell=input,0,3,3", "pass=sideways", "label=10", "steps=21", "rate=0", "rate=2", "rate=x", "__proto__=1", "panel", "%",
		"strokes=" + long,
	} {
		c.run(`document.getElementById("message").textContent = ""`, nil)
		c.run(fmt.Sprintf(`location.hash = %q`, hash), nil)
		c.until(`document.getElementById("message").textContent.startsWith("Something in this link is wrong: ")`)
		c.hash("#digit=3&cell=conv1,3,4,5")
	}
	c.wantVerdict(s.verdictOn(3))
	c.open(s.URL+"/?2#digit=77777", 1280, 800, false, "light")
	c.ready()
	c.wantVerdict(s.verdictOn(0))
	c.until(`document.getElementById("message").textContent === "Something in this link is wrong: digit must be a whole number from 0 to 9999."`)
	c.wantNoFaults()
}

// Browsers refuse to change the address too often. The page does everything else, and the address
// catches up.
func TestRefusedAddress(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	for _, refuse := range []string{`() => { throw new DOMException("Too often.", "SecurityError"); }`, `() => {}`} {
		c.run(`location.hash = "#digit=0"`, nil)
		c.wantVerdict(s.verdictOn(0))
		c.run(`history.pushState = history.replaceState = `+refuse, nil)
		c.click("#next")
		c.wantVerdict(s.verdictOn(1))
		c.until(`document.getElementById("message").textContent.startsWith("Test digit 1")`)
		c.press(s.layers[2], 1, 2, 3)
		c.title("pool1, map 1, row 2, column 3")
		c.run(`delete history.pushState; delete history.replaceState`, nil)
		c.hash("#digit=1&cell=pool1,1,2,3")
	}
	c.wantNoFaults()
}

// bounds returns the box around everything in a picture that has the color of marks, in its
// own pixels.
func (c *tab) bounds(selector string) (left, top, right, bottom int) {
	c.t.Helper()
	var box []int
	c.run(fmt.Sprintf(`{`+readPictures+`
		const {data, width} = pixelsOf(%q), accent = colorOf("--accent"), box = [1e9, 1e9, -1, -1];
		for (let k = 0; k < data.length; k += 4) {
			if (Math.abs(data[k] - accent[0]) + Math.abs(data[k + 1] - accent[1]) + Math.abs(data[k + 2] - accent[2]) > 90) continue;
			const x = k / 4 %% width, y = Math.floor(k / 4 / width);
			box.splice(0, 4, Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y));
		}
		box;
	}`, selector), &box)
	return box[0], box[1], box[2], box[3]
}

// Every layer between a cell and the image shows the receptive field. A pooled cell shows the winner,
// and a unit its strongest inputs.
func TestReceptiveField(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.click("#next")
	c.wantVerdict(s.verdictOn(0))
	var found shown
	s.ask(t, "predict", `{"digit":0}`, &found)
	scale := map[string]int{}
	for _, name := range []string{"image", "relu1", "pool1", "relu2", "pool2", "relu3"} {
		var v int
		c.run(fmt.Sprintf(`Number(document.getElementById(%q).dataset.scale)`, name), &v)
		scale[name] = v
	}
	// A cell of the second convolution: 5 pooled cells, 10 cells, 14 pixels.
	c.point(s.layers[3], 0, 2, 3)
	c.title("conv2, feature map 0, row 2, column 3")
	c.until(`document.getElementById("panel-sum").textContent.startsWith("Conv2D")`)
	for _, q := range []struct {
		layer             string
		row, column, side int
	}{{"pool1", 2, 3, 5}, {"relu1", 4, 6, 10}, {"image", 4, 6, 14}} {
		left, top, right, bottom := c.bounds("#" + q.layer)
		k := scale[q.layer]
		if q.layer != "image" { // the box is in all maps: of those in the first row and column
			var width, height int
			c.run(fmt.Sprintf(`{ const p = document.getElementById(%q); ({width: p.width}).width; }`, q.layer), &width)
			c.run(fmt.Sprintf(`document.getElementById(%q).height`, q.layer), &height)
			right -= width - map[string]int{"pool1": 12, "relu1": 24}[q.layer]*k
			bottom -= height - map[string]int{"pool1": 12, "relu1": 24}[q.layer]*k
		}
		for _, edge := range []struct {
			name        string
			found, want int
		}{{"left", left, q.column * k}, {"top", top, q.row * k}, {"right", right, (q.column + q.side) * k}, {"bottom", bottom, (q.row + q.side) * k}} {
			if edge.found < edge.want-2 || edge.found > edge.want+2 {
				t.Errorf("the receptive field in %s: its %s edge is at %d, want %d", q.layer, edge.name, edge.found, edge.want)
			}
		}
	}
	if c.accented("#pool2") || c.accented("#relu3") {
		t.Error("a later layer is marked")
	}

	// accentAt reports whether that part of a cell is marked.
	accentAt := func(l layer, m, row, column int, dx, dy float64) bool {
		t.Helper()
		selector, x, y := c.place(l, m, row, column)
		return c.is(fmt.Sprintf(`(() => {`+readPictures+`
			const {width, height} = document.querySelector(%[1]q);
			const [r, g, b] = pixelsOf(%[1]q, %[2]v * width + %[3]v, %[4]v * height + %[5]v, 1, 1).data;
			return r > 150 && r > 2 * g && r > 3 * b;
		})()`, selector, x, dx*float64(scale[l.Name]), y, dy*float64(scale[l.Name])))
	}
	// The winner of a window: one where it's neither the first nor the only active one.
	pool2, relu2 := s.layers[4], s.layers[3]
	m, row, column := strongest(found.Pool2)
	c.press(pool2, m, row, column)
	c.title(fmt.Sprintf("pool2, map %d, row %d, column %d", m, row, column))
	c.until(`document.getElementById("panel-sum").textContent.startsWith("MaxPool")`)
	for y := 2 * row; y < 2*row+2; y++ {
		for x := 2 * column; x < 2*column+2; x++ {
			if got, want := accentAt(relu2, m, y, x, 0, 0), found.ReLU2[m][y][x] == found.Pool2[m][row][column]; got != want {
				t.Errorf("conv2, row %d, column %d, is marked as the winner: %v, want %v", y, x, got, want)
			}
		}
	}
	for _, layer := range []string{"relu2", "pool1", "relu1", "image"} {
		if !c.accented("#" + layer) {
			t.Errorf("the receptive field isn't marked in %s", layer)
		}
	}
	// The five strongest inputs of a hidden unit and of an output.
	type input struct {
		m, row, column int
		size           float64
	}
	for _, q := range []struct {
		layer  layer
		column int
		from   layer
	}{{s.layers[5], 42, pool2}, {s.layers[6], 7, s.layers[5]}} {
		var e struct {
			Channels []struct{ In, Weights [][]float64 }
		}
		s.ask(t, "cell", fmt.Sprintf(`{"digit":0,"layer":%q,"map":0,"row":0,"column":%d}`, q.layer.Name, q.column), &e)
		var inputs []input
		for m, ch := range e.Channels {
			for y, line := range ch.In {
				for x, v := range line {
					inputs = append(inputs, input{m, y, x, math.Abs(v * ch.Weights[y][x])})
				}
			}
		}
		slices.SortStableFunc(inputs, func(a, b input) int {
			if a.size > b.size {
				return -1
			}
			return 1
		})
		if q.layer.Name == "probabilities" {
			c.click(fmt.Sprintf("#probabilities li:nth-child(%d) button", q.column+1))
		} else {
			c.press(q.layer, 0, 0, q.column)
		}
		c.until(fmt.Sprintf(`document.getElementById("panel-title").textContent.endsWith(" %d") && document.getElementById("panel-sum").textContent.startsWith("Fully")`, q.column))
		for k, in := range inputs[:12] {
			// Half a cell above the middle is the upper edge of its box. At the border of a map that
			// is marked for all cells.
			if edge := accentAt(q.from, in.m, in.row, in.column, 0, -0.5); edge != (k < 5) && in.row > 0 && (k < 5 || !slices.ContainsFunc(inputs[:5], func(o input) bool {
				return o.m == in.m && math.Abs(float64(o.row-in.row)) <= 1 && math.Abs(float64(o.column-in.column)) <= 1
			})) {
				t.Errorf("%s %d: input %d of %s, %+v, is marked: %v", q.layer.Name, q.column, k, q.from.Name, in, edge)
			}
		}
	}
	c.wantNoFaults()
}

// The operations are named, their sizes follow from the shapes, and each has its arrow between two
// layers. In the backward pass the arrows point the other way. The colors have a scale.
func TestFlow(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1440, 900, false, "light")
	var found shown
	s.ask(t, "predict", `{"digit":3}`, &found)
	c.run(`location.hash = "#digit=3"`, nil)
	c.wantVerdict(s.verdictOn(3))
	operations := func() (texts []string) {
		c.run(`Array.from(document.querySelectorAll(".operation"), o => o.textContent)`, &texts)
		return texts
	}
	forward := []string{"fit and center", "5×5 convolution, ReLU", "2×2 max-pool", "5×5 convolution, ReLU", "2×2 max-pool", "flatten, fully connected, ReLU", "fully connected, softmax"}
	backward := []string{"fit and center", "ReLU, 5×5 convolution", "2×2 max-pool", "ReLU, 5×5 convolution", "2×2 max-pool", "ReLU, fully connected, flatten", "fully connected"}
	if got := operations(); !slices.Equal(got, forward) {
		t.Errorf("the operations are %q, want %q", got, forward)
	}
	rough := func(v float64) string {
		if v < 1 {
			return fmt.Sprintf("0%.2g", v)[1:]
		}
		return fmt.Sprintf("%.2f", v)
	}
	flat := func(maps ...[][]float64) (all []float64) {
		for _, m := range maps {
			for _, row := range m {
				all = append(all, row...)
			}
		}
		return all
	}
	for name, values := range map[string][]float64{
		"image": {1}, "relu1": flat(found.ReLU1...), "pool1": flat(found.Pool1...), "relu2": flat(found.ReLU2...), "pool2": flat(found.Pool2...), "relu3": found.ReLU3,
	} {
		most := slices.Max(values)
		want := "0" + rough(most)
		if most >= 10 {
			want = fmt.Sprintf("0%.1f", most)
		}
		if text := c.text("#" + name + " + .legend"); text != want {
			t.Errorf("the scale of %s says %q, want %q", name, text, want)
		}
	}
	// Each operation is between the middles of the layers on both sides, at every width: beside
	// them, or in between.
	for _, screen := range [][2]int{{1440, 900}, {1280, 800}, {1270, 800}, {1269, 800}, {800, 1000}, {720, 450}, {701, 800}, {700, 800}, {360, 740}} {
		c.resize(screen[0], screen[1])
		for _, pass := range []string{"forward", "backward"} {
			c.click("#show-" + pass)
			c.until(fmt.Sprintf(`document.getElementById("network").classList.contains("backward") === %v`, pass == "backward"))
			var wrong []string
			c.run(`{
				const figures = Array.from(document.querySelectorAll("#network figure"), f => f.getBoundingClientRect());
				const middle = box => (box.left + box.right) / 2, wrong = [];
				const {left, right} = document.getElementById("layers").getBoundingClientRect();
				figures.forEach((figure, k) => {
					if (figure.left < left + 8 || figure.right > right - 8) wrong.push("figure " + k + " sticks out");
					if (innerWidth > 700 && k > 0 && figure.top === figures[k - 1].top && figure.left < figures[k - 1].right) wrong.push("figure " + k + " overlaps");
				});
				document.querySelectorAll(".operation").forEach((operation, k) => {
					if (getComputedStyle(operation).visibility === "hidden") return;
					const here = operation.getBoundingClientRect(), before = figures[k], after = figures[k + 1];
					if (here.left < 0 || here.right > innerWidth || operation.scrollWidth > operation.clientWidth + 8) wrong.push(operation.id + " is cut off");
					if (innerWidth <= 700) {
						if (operation.id !== "to-probabilities" && here.bottom > after.top + 1 || k > 0 && here.top < before.bottom) wrong.push(operation.id + " isn't between the layers");
						return;
					}
					if (here.bottom > after.top) wrong.push(operation.id + " isn't above the layers");
					const end = Math.abs(here.right - middle(after)), begin = Math.abs(here.left - middle(before));
					if (end > 40 || before.top === after.top && begin > 40) wrong.push(operation.id + " doesn't lead from middle to middle: " + begin + ", " + end);
				});
				wrong;
			}`, &wrong)
			if len(wrong) > 0 {
				t.Errorf("%d wide, %s: %q", screen[0], pass, wrong)
			}
			want, how := forward, "how its value is computed"
			if pass == "backward" {
				want, how = backward, "how the gradient is computed"
			}
			if text := c.text("#panel-sum"); !strings.Contains(text, how) {
				t.Errorf("%s: the panel without a cell says %q, want %q", pass, text, how)
			}
			if got := operations(); !slices.Equal(got, want) {
				t.Errorf("%s: the operations are %q, want %q", pass, got, want)
			}
			var head struct{ Left, Right string }
			c.run(`{ const {left, right} = getComputedStyle(document.getElementById("to-relu1"), "::before"); ({left, right}); }`, &head)
			if screen[0] > 700 && strings.HasPrefix(head.Left, "-") == (pass == "forward") {
				t.Errorf("%d wide, %s: the head of the arrow is at %+v", screen[0], pass, head)
			}
			if c.is(`document.documentElement.scrollWidth > innerWidth`) {
				t.Errorf("%d wide, %s: the page scrolls sideways", screen[0], pass)
			}
		}
	}
	c.wantNoFaults()
}

// A pinned cell stays what it is until you unpin it, and the page says that it's pinned.
func TestPin(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.click("#next")
	c.wantVerdict(s.verdictOn(0))
	relu1, pool1 := s.layers[1], s.layers[2]
	const pinned = `!document.getElementById("pin").hidden`
	cell := func(m, row, column int) string {
		return fmt.Sprintf("conv1, feature map %d, row %d, column %d", m, row, column)
	}
	c.press(relu1, 0, 4, 5)
	c.title(cell(0, 4, 5))
	if !c.is(pinned) {
		t.Error("a click doesn't pin")
	}
	// Neither focus nor an empty place changes it.
	for _, selector := range []string{"#probabilities button", "#probabilities li:nth-child(4) button", "#pool1", "#relu3", "#pad", "#filters1 button", "#show-forward"} {
		c.run(fmt.Sprintf(`document.querySelector(%q).focus()`, selector), nil)
	}
	c.mouse("mousePressed", "#relu1", 0.33, 0.1, 1) // between two maps
	c.mouse("mouseReleased", "#relu1", 0.33, 0.1, 0)
	c.mouse("mousePressed", "#runner-up", 0.02, 0.5, 1)
	c.mouse("mouseReleased", "#runner-up", 0.02, 0.5, 0)
	if !c.is(pinned) || c.text("#panel-title") != cell(0, 4, 5) {
		t.Errorf("the pinned cell has changed to %q", c.text("#panel-title"))
	}
	// Pointing at another marks that, and says why nothing else changes.
	c.run(`window.before = document.getElementById("pool1").toDataURL()`, nil)
	c.point(pool1, 0, 2, 2)
	c.until(`document.body.classList.contains("held") && document.querySelector("#pin small").offsetWidth > 0`)
	if c.is(`document.getElementById("pool1").toDataURL() === before`) || c.accented("#pool1") || c.text("#panel-title") != cell(0, 4, 5) {
		t.Error("the cell you point at isn't marked, or is explained")
	}
	c.mouse("mouseMoved", "#runner-up", 0.02, 0.5, 0)
	c.until(`!document.body.classList.contains("held")`)
	if c.is(`document.getElementById("pool1").toDataURL() !== before`) {
		t.Error("the cell you no longer point at is still marked")
	}
	// Escape unpins, wherever the focus is, and does nothing else. Then the mouse chooses again.
	c.click("#unpin")
	for _, selector := range []string{"#pad", "#relu1", "#unpin", "#probabilities button", "#next"} {
		c.until(`document.getElementById("pin").hidden`)
		c.press(relu1, 0, 4, 5)
		c.until(pinned)
		c.run(fmt.Sprintf(`document.querySelector(%q).focus()`, selector), nil)
		c.key("Escape")
		c.until(`document.getElementById("pin").hidden`)
	}
	c.wantVerdict(s.verdictOn(0))
	c.point(relu1, 1, 7, 7)
	c.title(cell(1, 7, 7))
	c.press(relu1, 1, 7, 7)
	c.until(pinned)
	c.click("#unpin")
	c.until(`document.getElementById("pin").hidden`)
	c.point(relu1, 1, 8, 7)
	c.title(cell(1, 8, 7))

	// The keyboard: arrows, Home, End and Page keys pin, Space and Enter pin and unpin, and none of
	// them scrolls the page.
	c.run(`scrollTo(0, 0); document.getElementById("relu1").focus({preventScroll: true})`, nil)
	for _, q := range []struct {
		key            string
		m, row, column int
		pinned         bool
	}{
		{"ArrowRight", 1, 8, 8, true}, {"End", 1, 8, relu1.Columns - 1, true}, {"ArrowRight", 1, 8, relu1.Columns - 1, true}, {"Home", 1, 8, 0, true},
		{"PageDown", 2, 8, 0, true}, {"PageUp", 1, 8, 0, true}, {"PageUp", 0, 8, 0, true}, {"PageUp", 0, 8, 0, true},
		{" ", 0, 8, 0, false}, {"Enter", 0, 8, 0, true}, {"Enter", 0, 8, 0, false}, {" ", 0, 8, 0, true}, {"ArrowDown", 0, 9, 0, true},
	} {
		c.key(q.key)
		c.title(cell(q.m, q.row, q.column))
		if c.is(pinned) != q.pinned {
			t.Errorf("after %q the cell is pinned: %v, want %v", q.key, !q.pinned, q.pinned)
		}
	}
	c.run(`document.getElementById("relu3").focus({preventScroll: true})`, nil)
	c.key(" ")
	c.title("Hidden unit 0")
	for range 40 {
		c.key("ArrowDown")
	}
	c.key("End")
	c.title(fmt.Sprintf("Hidden unit %d", s.layers[5].Columns-1))
	if c.is(`scrollY !== 0`) {
		t.Error("the page scrolls")
	}
	// The probabilities are one stop. The arrow keys move there, and Space pins.
	c.run(`document.querySelector("#probabilities button").focus()`, nil)
	c.key("ArrowDown")
	c.key("ArrowDown")
	if !c.is(`document.activeElement === document.querySelectorAll("#probabilities button")[2]`) {
		t.Error("the arrow keys don't move to the third probability")
	}
	if text := c.text("#panel-title"); !strings.HasPrefix(text, "Hidden unit") {
		t.Errorf("the focus has chosen %q", text)
	}
	c.key(" ")
	c.title("Probability of 2")
	c.until(`document.querySelectorAll("#probabilities button")[2].getAttribute("aria-pressed") === "true"`)
	if c.is(`new Set(Array.from(document.querySelectorAll("#probabilities .digit"), d => getComputedStyle(d).color)).size !== 1`) {
		t.Error("a pressed probability's digit has another color, on the same background")
	}
	if c.is(`document.querySelectorAll("#probabilities button[tabindex='0']").length !== 1`) {
		t.Error("the probabilities are more than one stop")
	}
	// The cursor shows that cells can be pointed at, and the image's only in the backward pass.
	const cursors = `["relu1", "pool1", "relu2", "pool2", "relu3"].every(id => getComputedStyle(document.getElementById(id)).cursor === "crosshair")`
	if !c.is(cursors + ` && getComputedStyle(document.getElementById("image")).cursor === "auto"`) {
		t.Error("the cursor doesn't show where cells are")
	}
	c.press(s.layers[0], 0, 9, 9)
	c.title("Probability of 2")
	c.wantNoFaults()
}

// While a cell is chosen and the panel is out of sight, a bar at the bottom of the window says its
// sum, and leads to the panel. It says what is predicted, too, while that is below the window.
func TestInSight(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	const brief = `document.getElementById("brief").getBoundingClientRect().height > 0`
	for _, screen := range [][2]int{{800, 1000}, {720, 450}, {360, 740}} { // the second is 1440×900 at 200%
		c.resize(screen[0], screen[1])
		c.run(`location.hash = "#digit=0"; scrollTo(0, 0)`, nil)
		c.wantVerdict(s.verdictOn(0))
		c.title("Point at any cell")
		c.predictionInSight()
		c.until(fmt.Sprintf(`(%s) === %v`, brief, screen[0] > 700)) // a bar without a cell
		c.run(`location.hash = "#digit=0&cell=fc1,8"`, nil)
		c.until(brief + ` && document.getElementById("brief").textContent.includes(document.getElementById("panel-sum").textContent)`)
		if !c.is(`Math.abs(document.getElementById("brief").getBoundingClientRect().bottom - innerHeight) < 2`) {
			t.Errorf("%d wide: the bar isn't at the bottom", screen[0])
		}
		c.predictionInSight()
		if c.is(`document.getElementById("brief").scrollHeight > document.getElementById("brief").clientHeight + 1`) {
			t.Errorf("%d wide: the bar is too low for its text", screen[0])
		}
		c.click("#brief")
		c.until(`!(` + brief + `)`)
		if !c.is(`(({top, bottom}) => top >= 40 && bottom <= innerHeight)(document.getElementById("panel-sum").getBoundingClientRect())`) {
			t.Errorf("%d wide: the bar doesn't lead to the panel", screen[0])
		}
		c.hash("#digit=0&cell=fc1,8")
		c.run(`document.getElementById("filters2").scrollIntoView({block: "end"})`, nil) // beyond it
		c.until(brief)
	}
	// On a phone, what you draw and what that is are in sight together, and nothing scrolls within the
	// page but the page.
	c.run(`document.getElementById("drawing").scrollIntoView()`, nil)
	c.until(`document.getElementById("verdict").getBoundingClientRect().bottom < document.getElementById("brief").getBoundingClientRect().top`)
	if !c.is(`(({top, right}) => top < document.getElementById("pad").getBoundingClientRect().top && right <= innerWidth)(document.getElementById("prediction").getBoundingClientRect())`) {
		t.Error("the probabilities aren't beside the pad")
	}
	if !c.is(`(({top, height}) => height > 0 && top >= document.getElementById("to-probabilities").getBoundingClientRect().bottom)(document.getElementById("output-place").getBoundingClientRect())`) {
		t.Error("the last arrow leads to nothing")
	}
	var scrollers []string
	c.run(`Array.from(document.querySelectorAll("#panel, #panel *")).filter(e => e.scrollHeight > e.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(e).overflowY)).map(e => e.id)`, &scrollers)
	if len(scrollers) > 0 {
		t.Errorf("in the panel scroll %q", scrollers)
	}
	c.wantNoFaults()
}

// predictionInSight waits until the predicted label is in sight: the verdict, its digit beside the
// pad, or the bar at the bottom.
func (c *tab) predictionInSight() {
	c.t.Helper()
	c.until(`["#verdict", "#probabilities .best", "#brief-verdict"].some(selector => {
		const found = document.querySelector(selector), {left, top, right, bottom, height} = found.getBoundingClientRect();
		return height > 0 && top >= 0 && bottom <= innerHeight && found.contains(document.elementFromPoint((left + right) / 2, (top + bottom) / 2));
	})`)
}

// The verdict says how sure it is, and never that it's certain.
func TestVerdict(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	if !c.is(`document.getElementById("probabilities").classList.contains("empty")`) {
		t.Error("the bars aren't dim while nothing is drawn")
	}
	write := func(p float64) string {
		switch {
		case p >= 0.9995:
			return ">99.9%"
		case p < 0.0005:
			return "<0.1%"
		}
		return fmt.Sprintf("%.1f%%", 100*p)
	}
	sure := false
	for digit := range 12 {
		var found shown
		s.ask(t, "predict", fmt.Sprintf(`{"digit":%d}`, digit), &found)
		c.run(fmt.Sprintf(`location.hash = "#digit=%d"`, digit), nil)
		best, second := found.Prediction, -1
		for k, p := range found.Probabilities {
			if k != best && (second < 0 || p > found.Probabilities[second]) {
				second = k
			}
		}
		want := fmt.Sprintf("Probability %s, runner-up %d (%s)", write(found.Probabilities[best]), second, write(found.Probabilities[second]))
		c.wantVerdict(s.verdictOn(digit))
		c.until(fmt.Sprintf(`document.getElementById("runner-up").textContent === %q`, want))
		sure = sure || strings.Contains(want, ">99.9%")
		for k, p := range found.Probabilities {
			if text := c.text(fmt.Sprintf("#probabilities li:nth-child(%d) .percent", k+1)); text != write(p) {
				t.Errorf("digit %d: the probability of %d is %s, want %s", digit, k, text, write(p))
			}
		}
	}
	if !sure || c.is(`document.getElementById("probabilities").classList.contains("empty")`) {
		t.Error("no digit is above 99.9%, or its bars are dim")
	}
	c.wantNoFaults()
}

// If the program is stopped the page says so, and goes on by itself when it's started again.
func TestStoppedProgram(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	s, c := serving(t), newTab(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	program := &http.Server{Handler: handler(s.Inspector)}
	go program.Serve(listener)
	c.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `const later = setTimeout; window.setTimeout = (f, ms) => later(f, ms / 20);`}, nil) // between attempts to reconnect
	c.open("http://"+address+"/#digit=0&cell=conv1,0,5,5", 1280, 800, false, "light")
	c.ready()
	c.wantVerdict(s.verdictOn(0))
	c.run(`window.loadedOnce = true`, nil)
	// Whatever the page asks for next, it notices.
	for k, ask := range []string{"next", "occlude", "next"} {
		program.Close()
		c.run(fmt.Sprintf(`document.getElementById(%q).click()`, ask), nil)
		c.until(`document.getElementById("message").textContent === "The program has stopped. Start it again with go run ./examples/draw, and this page will reconnect by itself."`)
		c.until(`document.getElementById("network").classList.contains("stale")`)
		if listener, err = net.Listen("tcp", address); err != nil {
			t.Skipf("the port has been taken: %v", err)
		}
		program = &http.Server{Handler: handler(s.Inspector)}
		go program.Serve(listener)
		t.Cleanup(func() { program.Close() })
		c.wantVerdict(s.verdictOn([]int{1, 1, 2}[k]))
		c.until(`document.getElementById("message").textContent === "" && !document.getElementById("network").classList.contains("stale")`)
	}
	if !c.is(`loadedOnce`) {
		t.Error("the page loads again for the same network")
	}
	// With another network, the page's filters are out of date too.
	program.Close()
	c.click("#next")
	c.until(`document.getElementById("network").classList.contains("stale")`)
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Skipf("the port has been taken: %v", err)
	}
	s.network = convnet.New(1)
	other := &http.Server{Handler: handler(inspect.New(s.network, nil, s.test))}
	go other.Serve(listener)
	t.Cleanup(func() { other.Close() })
	c.until(`!window.loadedOnce && document.getElementById("verdict")`)
	c.wantVerdict(s.verdictOn(3))
	c.hash("#digit=3&cell=conv1,0,5,5")
}

// Where the system chooses the colors, the bars, the arrows and what is pressed can still be seen.
func TestForcedColors(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "forced-colors", "value": "active"}}}, nil)
	c.run(`location.hash = "#digit=0&cell=output,7"`, nil)
	c.wantVerdict(s.verdictOn(0))
	c.title("Probability of 7")
	c.until(`document.querySelectorAll("#probabilities button")[7].getAttribute("aria-pressed") === "true"`)
	var colors map[string]string
	c.run(`{
		const of = (selector, name, pseudo) => getComputedStyle(document.querySelector(selector), pseudo)[name];
		const bar = "#probabilities li:nth-child(8) .bar";
		({
			page: of("body", "backgroundColor"), full: of(bar + " span", "backgroundColor"), edge: of(bar, "borderTopStyle") + " " + of(bar, "borderTopColor"),
			pressed: of("#show-forward", "backgroundColor"), other: of("#show-backward", "backgroundColor"),
			chosen: of("#probabilities li:nth-child(8) button", "outlineStyle"), free: of("#probabilities li:nth-child(7) button", "outlineStyle"),
			digit: of("#probabilities li:nth-child(8) .digit", "color"),
			legend: of("#relu1 + .legend i", "backgroundImage"), arrow: of("#to-relu1", "borderTopColor", "::after"),
		});
	}`, &colors)
	for _, wrong := range []struct {
		what string
		is   bool
	}{
		{"a bar looks like the page", colors["full"] == colors["page"] || colors["full"] == "rgba(0, 0, 0, 0)"},
		{"a bar has no edge", !strings.HasPrefix(colors["edge"], "solid") || strings.Contains(colors["edge"], colors["page"])},
		{"a pressed button looks like another", colors["pressed"] == colors["other"]},
		{"the chosen bar looks like another", colors["chosen"] == colors["free"]},
		{"the digit of the chosen bar looks like the page", colors["digit"] == colors["page"]},
		{"the legend has no colors", !strings.Contains(colors["legend"], "gradient")},
		{"the arrows look like the page", colors["arrow"] == colors["page"]},
	} {
		if wrong.is {
			t.Errorf("%s: %v", wrong.what, colors)
		}
	}
	c.shoot("forced-colors")
	c.wantNoFaults()
}

// The hash holds every point of a drawing exactly.
func TestPackedStrokes(t *testing.T) {
	t.Parallel()
	c, _ := openPage(t, 1280, 800, false, "light")
	drawings := [][][][2]float64{
		{}, {{{0, 0}}}, {{{1, 1}}, {{0, 1}, {1, 0}}}, {{{0.1234, 0.9999}, {0.1235, 0.0001}}, {{0.5, 0.5}}},
	}
	for _, lines := range strokes {
		drawings = append(drawings, lines)
	}
	long := [][2]float64{}
	for k := range 2000 {
		long = append(long, [2]float64{math.Round(1e3*math.Abs(math.Sin(float64(k)))) / 1e4, math.Round(1e3*math.Abs(math.Cos(float64(3*k)))) / 1e4})
	}
	drawings = append(drawings, [][][2]float64{long})
	for _, drawing := range drawings {
		text, err := json.Marshal(drawing)
		if err != nil {
			t.Fatal(err)
		}
		var same bool
		c.run(fmt.Sprintf(`import("./url.js").then(({pack, unpack}) => JSON.stringify(unpack(pack(%s))) === JSON.stringify(%s))`, text, text), &same)
		if !same {
			t.Errorf("%.80s comes back as another", text)
		}
	}
	c.wantNoFaults()
}
