package main

import (
	"fmt"
	"math"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/draw/inspect"
	"convnet/examples/internal/testenv"
)

// A shownPanel is what the panel shows. Its values are exact, not as they are written.
type shownPanel struct {
	Title, Sum, Note string
	Chips            []float64 // sums of channels
	Chosen           int       // which of them, or −1
	Tables           []shownTable
	Singles          []single
}

// A shownTable is a table with its caption and headings. Values that are hidden are NaN.
type shownTable struct {
	Caption       string
	Rows, Columns []string
	Values        [][]*float64
	Kinds         [][]string // classes
	Foot          []string   // the last line
}

type single struct {
	Name  string
	Value float64
}

// panel returns what the panel shows.
func (c *tab) panel() (p shownPanel) {
	c.t.Helper()
	c.run(`{
		const text = id => document.getElementById(id).textContent, chips = Array.from(document.querySelectorAll("#channels button"));
		({
			title: text("panel-title"), sum: text("panel-sum"), note: text("panel-note"),
			chips: chips.map(b => Number(b.title.split(": ")[1])), chosen: chips.findIndex(b => b.getAttribute("aria-pressed") === "true"),
			tables: Array.from(document.querySelectorAll("#tables table"), t => ({
				caption: t.caption.textContent,
				rows: Array.from(t.tBodies[0].rows, r => r.querySelector("th[scope=row]").textContent),
				columns: Array.from(t.tHead.rows[0].querySelectorAll("th[scope=col]")).slice(1).map(h => h.textContent),
				values: Array.from(t.tBodies[0].rows, r => Array.from(r.querySelectorAll("td"), d => getComputedStyle(d).visibility === "hidden" ? null : Number(d.title))),
				kinds: Array.from(t.tBodies[0].rows, r => Array.from(r.querySelectorAll("td"), d => d.className)),
				foot: t.tFoot ? Array.from(t.tFoot.rows[0].cells, d => d.textContent) : [],
			})),
			singles: Array.from(document.querySelectorAll("#tables .single"), p => ({name: p.firstChild.textContent, value: Number(p.title)})),
		});
	}`, &p)
	return p
}

// choose pins a cell and waits until the panel explains it.
func (c *tab) choose(l layer, map_, row, column int, title string) shownPanel {
	c.t.Helper()
	if l.Name == "probabilities" {
		c.click(fmt.Sprintf("#probabilities li:nth-child(%d) button", column+1))
	} else {
		c.press(l, map_, row, column)
	}
	c.title(title)
	return c.panel()
}

// written returns a value as the panel writes a sum.
func written(v float64) string {
	text := strconv.FormatFloat(v, 'f', 6, 64)
	if strings.Trim(text, "-0.") == "" {
		return "0.000000"
	}
	return strings.Replace(text, "-", "−", 1)
}

// rounded returns a value as the panel writes one of many.
func rounded(v float64) string {
	text := strconv.FormatFloat(v, 'f', 3, 64)
	if strings.Trim(text, "-0.") == "" {
		return "0.000"
	}
	return strings.Replace(text, "-", "−", 1)
}

// near reports whether two sums are the same, up to rounding.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// count returns the numbers from first on as text.
func count(first, n, step int) (all []string) {
	for k := range n {
		all = append(all, strconv.Itoa(first+k*step))
	}
	return all
}

// checkProducts checks that the third table has the products of the first two, that they add up
// to the sum beside them, and the sums of all channels to what the panel says. It returns the sum
// of the products.
func (p shownPanel) checkProducts(t *testing.T, total float64) float64 {
	t.Helper()
	sum := 0.0
	for y, row := range p.Tables[2].Values {
		for x, v := range row {
			if in, weight := *p.Tables[0].Values[y][x], *p.Tables[1].Values[y][x]; *v != in*weight {
				t.Errorf("%s: %v · %v = %v", p.Title, in, weight, *v)
			}
			sum += *v
		}
	}
	chips := sum
	if len(p.Chips) > 0 {
		chips = 0
		for _, v := range p.Chips {
			chips += v
		}
		if !near(p.Chips[p.Chosen], sum) {
			t.Errorf("%s: the products add up to %v, the channel's button says %v", p.Title, sum, p.Chips[p.Chosen])
		}
	}
	if !near(chips, total) {
		t.Errorf("%s: everything adds up to %v, want %v", p.Title, chips, total)
	}
	return sum
}

// Every sum in the panel is the sum of what is above it, and the rows and columns have their numbers
// in the layer.
func TestPanelSums(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.click("#next")
	c.wantVerdict(s.verdictOn(0))
	a := convnet.NewActivations()
	s.network.Predict(a, s.test[0].Image)
	conv1, pool1, conv2, pool2, hidden, output := s.layers[1], s.layers[2], s.layers[3], s.layers[4], s.layers[5], s.layers[6]
	kernel := s.layers[0].Rows - conv1.Rows + 1

	p := c.choose(conv1, 1, 9, 11, "conv1, feature map 1, row 9, column 11")
	if sum := p.checkProducts(t, a.Conv1[1][9][11]); p.Singles[0].Name != "sum" || !near(p.Singles[0].Value, sum) {
		t.Errorf("the sum is %v, want %v", p.Singles, sum)
	}
	if want := fmt.Sprintf("The %d products add up to %s.", kernel*kernel, written(a.Conv1[1][9][11])); !strings.HasPrefix(p.Note, want) {
		t.Errorf("conv1: %q, want %q", p.Note, want)
	}
	in, weights := p.Tables[0], p.Tables[1]
	if !slices.Equal(in.Rows, count(9, kernel, 1)) || !slices.Equal(in.Columns, count(11, kernel, 1)) || !slices.Equal(weights.Rows, count(0, kernel, 1)) || !slices.Equal(weights.Columns, count(0, kernel, 1)) {
		t.Errorf("conv1: the rows are %q and %q, the columns %q and %q", in.Rows, weights.Rows, in.Columns, weights.Columns)
	}

	p = c.choose(conv2, 3, 2, 1, "conv2, feature map 3, row 2, column 1")
	if len(p.Chips) != pool1.Maps {
		t.Errorf("conv2: %d buttons, want %d", len(p.Chips), pool1.Maps)
	}
	p.checkProducts(t, a.Conv2[3][2][1])
	if want := fmt.Sprintf("The sums of the %d channels add up to %s.", pool1.Maps, written(a.Conv2[3][2][1])); !strings.HasPrefix(p.Note, want) {
		t.Errorf("conv2: %q, want %q", p.Note, want)
	}
	// The buttons wrap, and none is hidden. They are one stop for Tab.
	var outside, stops int
	c.run(`{ const {left, right} = document.getElementById("panel").getBoundingClientRect(); Array.from(document.querySelectorAll("#channels button")).filter(b => b.getBoundingClientRect().right > right || b.getBoundingClientRect().left < left).length; }`, &outside)
	c.run(`document.querySelectorAll("#channels button[tabindex='0']").length`, &stops)
	if outside != 0 || stops != 1 {
		t.Errorf("%d buttons of channels are outside, %d are stops", outside, stops)
	}
	c.run(`document.querySelector("#channels button").focus()`, nil)
	c.key("End")
	c.key("Enter")
	if p = c.panel(); p.Chosen != pool1.Maps-1 {
		t.Errorf("End and Enter choose channel %d", p.Chosen)
	}
	p.checkProducts(t, a.Conv2[3][2][1])

	p = c.choose(pool2, 5, 1, 1, "pool2, map 5, row 1, column 1")
	values := p.Tables[0].Values
	most := max(*values[0][0], *values[0][1], *values[1][0], *values[1][1])
	winner := ""
	for y, row := range p.Tables[0].Kinds {
		for x, kind := range row {
			if kind == "largest" {
				winner += fmt.Sprint(*values[y][x])
			}
		}
	}
	if p.Singles[0] != (single{"max", a.Pool2[5][1][1]}) || winner != fmt.Sprint(most) || most != a.Pool2[5][1][1] {
		t.Errorf("pool2: the winner is %s, the maximum %v, want %v", winner, p.Singles, a.Pool2[5][1][1])
	}
	if !slices.Equal(p.Tables[0].Rows, []string{"2", "3"}) || !slices.Equal(p.Tables[0].Columns, []string{"2", "3"}) {
		t.Errorf("pool2: rows %q, columns %q", p.Tables[0].Rows, p.Tables[0].Columns)
	}

	p = c.choose(hidden, 0, 0, 6, "Hidden unit 6")
	p.checkProducts(t, a.Hidden[6]-s.network.Biases1[6])
	strongest, size := "", -1.0
	for j, v := range a.Flat {
		if product := v * s.network.Weights1[6][j]; math.Abs(product) > size {
			area := pool2.Rows * pool2.Columns
			strongest, size = fmt.Sprintf("map %d, row %d, column %d: ", j/area, j%area/pool2.Columns, j%pool2.Columns), math.Abs(product)
		}
	}
	if !strings.Contains(p.Note, " With the bias, that's "+written(a.Hidden[6])+".") || !strings.HasPrefix(c.text(".strongest li"), strongest) {
		t.Errorf("hidden: %q, and the strongest input is %q, want %s and %q", p.Note, c.text(".strongest li"), written(a.Hidden[6]), strongest)
	}

	class := a.Prediction()
	p = c.choose(output, 0, 0, class, fmt.Sprintf("Probability of %d", class))
	p.checkProducts(t, a.Logits[class]-s.network.Biases2[class])
	units := len(p.Tables[0].Columns)
	if !slices.Equal(p.Tables[0].Rows, count(0, (hidden.Columns+units-1)/units, units)) || p.Tables[0].Columns[1] != "+1" {
		t.Errorf("output: rows %q, columns %q", p.Tables[0].Rows, p.Tables[0].Columns)
	}
	softmax := p.Tables[3]
	exps, sum := 0.0, 0.0
	for k, row := range softmax.Values {
		if *row[0] != a.Logits[k] || !near(*row[1], math.Exp(a.Logits[k]-slices.Max(a.Logits))) || !near(*row[2], a.Probabilities[k]) {
			t.Errorf("Softmax of %d: %v, %v, %v, want the logit %v and the probability %v", k, *row[0], *row[1], *row[2], a.Logits[k], a.Probabilities[k])
		}
		exps += *row[1]
		sum += *row[2]
	}
	if want := []string{"sum", "", written(exps), written(sum)}; !slices.Equal(softmax.Foot, want) {
		t.Errorf("Softmax: the sums are %q, want %q", softmax.Foot, want)
	}
	var chosen string
	c.run(`Array.from(document.querySelectorAll(".softmax .chosen th"), h => h.textContent).join()`, &chosen)
	if chosen != strconv.Itoa(class) {
		t.Errorf("Softmax: row %q is highlighted, want %d", chosen, class)
	}
	var sure []string // a probability is neither 0 nor 1
	c.run(`Array.from(document.querySelectorAll(".softmax td:last-child"), d => d.textContent)`, &sure)
	for k, text := range sure[:len(a.Probabilities)] {
		if text == "0.000000" || text == "1.000000" {
			t.Errorf("the probability of %d is %s", k, text)
		}
	}
	for k, bias := range s.network.Biases2 { // a negative one is subtracted
		p := c.choose(output, 0, 0, k, fmt.Sprintf("Probability of %d", k))
		sum := written(a.Logits[k]-bias) + " + " + written(bias)
		if bias < 0 {
			sum = written(a.Logits[k]-bias) + " − " + written(-bias)
		}
		if want := sum + " = " + written(a.Logits[k]) + " → Softmax"; !strings.Contains(p.Sum, " = "+want) {
			t.Errorf("output: %q, want %q", p.Sum, want)
		}
	}
	c.wantNoFaults()
}

// On a phone nothing in the panel scrolls, nor does the page to the side.
func TestPanelNarrow(t *testing.T) {
	testenv.NeedAll(t)
	t.Parallel()
	c, s := openPage(t, 360, 740, true, "light")
	c.run(`import(new URL("state.js", location)).then(m => m.change({digit: 0, strokes: []}))`, nil)
	c.wantVerdict(s.verdictOn(0))
	for _, backward := range []bool{false, true} {
		for _, k := range []int{1, 2, 3, 4, 5, 6} {
			before := c.text("#panel-title")
			c.run(fmt.Sprintf(`import(new URL("state.js", location)).then(m => m.change({backward: %t, cell: {layer: %q, map: 0, row: 0, column: 1}, pinned: true}))`, backward, s.layers[k].Name), nil)
			c.until(fmt.Sprintf(`document.getElementById("panel-title").textContent !== %q`, before))
			var wide, inner float64
			c.run(`document.documentElement.scrollWidth`, &wide)
			c.run(`Math.max(...["panel", "tables", "channels"].map(id => document.getElementById(id)).map(e => Math.max(e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight)))`, &inner)
			if kernel := s.layers[0].Rows - s.layers[1].Rows + 1; wide > 360 || inner > 0 && kernel <= 5 { // a large kernel has to scroll
				t.Errorf("%s: the page is %v wide, and something in the panel scrolls by %v", c.text("#panel-title"), wide, inner)
			}
		}
	}
	// Another label and steps move nothing, even where there is less room.
	for _, width := range []int{1280, 340} {
		c.resize(width, 740)
		var before, after float64
		const height = `document.getElementById("backward").getBoundingClientRect().height`
		c.run(height, &before) // the loss is almost 0
		for _, button := range []string{"#labels button:nth-child(5)", "#take-step", "#take-step"} {
			losses := c.text("#losses")
			c.click(button)
			c.until(fmt.Sprintf(`document.getElementById("losses").textContent !== %q`, losses))
			if c.run(height, &after); after != before {
				t.Errorf("%d wide: the controls are %v high after %q, not %v", width, after, c.text("#losses"), before)
			}
		}
		c.run(`import(new URL("state.js", location)).then(m => m.change({label: null, steps: 0}))`, nil)
		c.until(`document.getElementById("losses").textContent === "Try another label."`)
	}
	c.wantNoFaults()
}

// manualTime replaces the page's timers: tick runs those that are set.
const manualTime = `{
	window.timers = new Map();
	window.setTimeout = (f, ms, ...args) => { timers.set(timers.size + 1, () => f(...args)); return timers.size; };
	window.clearTimeout = n => timers.set(n, () => {});
	window.tick = () => { const due = [...timers]; for (const [n, f] of due) if (timers.get(n) === f) { timers.set(n, () => {}); f(); } };
}`

// A convolution is played: product by product, row by row or cell by cell, by itself or in steps.
func TestPlay(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.click("#next")
	c.wantVerdict(s.verdictOn(0))
	a := convnet.NewActivations()
	s.network.Predict(a, s.test[0].Image)
	conv1, pool1, conv2 := s.layers[1], s.layers[2], s.layers[3]
	kernel := s.layers[0].Rows - conv1.Rows + 1
	products, last := kernel*kernel, conv1.Columns-1
	title := func(l string, m, y, x int) string {
		return fmt.Sprintf("%s, feature map %d, row %d, column %d", l, m, y, x)
	}
	arrives := func(l string, m, y, x int) {
		t.Helper()
		c.title(title(l, m, y, x))
	}
	c.run(`import(new URL("network.js", location)).then(m => { window.pictures = m.pictures; })`, nil)
	// inSight returns how many cells of a map of conv1 aren't hidden.
	inSight := func() (from int) {
		t.Helper()
		c.run(`pictures.relu1.veil ? pictures.relu1.veil.from : -1`, &from)
		return from
	}
	speed := func(name string) {
		c.run(fmt.Sprintf(`document.getElementById("play-speed").value = %q`, name), nil)
	}

	c.choose(pool1, 0, 1, 1, "pool1, map 0, row 1, column 1")
	var visibility string
	const visible = `getComputedStyle(document.getElementById("player")).visibility`
	if c.run(visible, &visibility); visibility != "hidden" {
		t.Error("pooling can be played")
	}

	// Product by product, with the key. The last cell but one of a row is first.
	p := c.choose(conv1, 1, 9, last-1, title("conv1", 1, 9, last-1))
	if c.run(visible, &visibility); visibility != "visible" {
		t.Error("conv1 can't be played")
	}
	full, in, weights := p.Sum, p.Tables[0], p.Tables[1]
	sum := 0.0
	for k := range products {
		c.key(".")
		p := c.panel()
		v, w := *in.Values[k/kernel][k%kernel], *weights.Values[k/kernel][k%kernel]
		sum += v * w
		name := "sum so far"
		if k == products-1 {
			name = "sum"
		}
		if got := p.Singles[0]; got.Name != name || !near(got.Value, sum) {
			t.Fatalf("after product %d: %v, want the %s %v", k+1, got, name, sum)
		}
		if k < products-1 && p.Sum != "Conv2D: Σ in · filter = "+written(sum)+" so far" {
			t.Fatalf("after product %d: %q", k+1, p.Sum)
		}
		weight := rounded(w)
		if strings.HasPrefix(weight, "−") {
			weight = "(" + weight + ")"
		}
		if want := fmt.Sprintf("Product %d of %d: %s · %s = %s", k+1, products, rounded(v), weight, rounded(v*w)); k < products-1 && p.Note != want {
			t.Fatalf("after product %d: %q", k+1, p.Note)
		}
		for i := range products {
			now, hidden := p.Tables[0].Kinds[i/kernel][i%kernel] == "now", p.Tables[2].Values[i/kernel][i%kernel] == nil
			if now != (i == k) || p.Tables[1].Kinds[i/kernel][i%kernel] != p.Tables[0].Kinds[i/kernel][i%kernel] || hidden != (i > k) {
				t.Fatalf("after product %d: product %d is marked: %v, hidden: %v", k+1, i+1, now, hidden)
			}
		}
		var pixel [2]int
		c.run(`import(new URL("network.js", location)).then(m => [m.pictures.image.spot.row, m.pictures.image.spot.column])`, &pixel)
		if want := [2]int{9 + k/kernel, last - 1 + k%kernel}; pixel != want {
			t.Fatalf("product %d: the pixel %v is marked, want %v", k+1, pixel, want)
		}
		want := 9*conv1.Columns + last - 1 // the cell itself is hidden until it is complete
		if k == products-1 {
			want++
		}
		if n := inSight(); n != want {
			t.Fatalf("after product %d the map has %d cells, want %d", k+1, n, want)
		}
	}
	if p := c.panel(); p.Sum != full {
		t.Errorf("in the end %q, want %q", p.Sum, full)
	}
	// The kernel slides on, from row to row.
	c.key(".")
	arrives("conv1", 1, 9, last)
	if p := c.panel(); p.Singles[0].Value != 0 || p.Sum != "Conv2D: Σ in · filter = 0.000000 so far" {
		t.Errorf("the next cell begins with %q, %v", p.Sum, p.Singles)
	}
	speed("medium")
	for range kernel {
		c.click("#play-step")
	}
	if p := c.panel(); !strings.Contains(p.Sum, " = "+written(a.Conv1[1][9][last])+" → ReLU") {
		t.Errorf("row by row: %q, want %v", p.Sum, a.Conv1[1][9][last])
	}
	speed("fast")
	c.click("#play-step")
	arrives("conv1", 1, 10, 0)
	if p := c.panel(); !strings.Contains(p.Sum, " = "+written(a.Conv1[1][10][0])+" → ReLU") {
		t.Errorf("cell by cell: %q, want %v", p.Sum, a.Conv1[1][10][0])
	}

	// All channels of conv2.
	p = c.choose(conv2, 2, 3, 4, title("conv2", 2, 3, 4))
	if n := inSight(); n != -1 {
		t.Errorf("with another cell chosen, %d cells of conv1 are in sight", n)
	}
	chips := p.Chips
	speed("medium")
	c.run(`document.getElementById("relu2").focus()`, nil)
	size := len(p.Tables[0].Rows)
	for channel := range pool1.Maps {
		for row := range size {
			c.key(".")
			p := c.panel()
			if p.Chosen != channel || p.Tables[2].Kinds[row][0] != "now" {
				t.Fatalf("channel %d, row %d: channel %d is shown, its row is %q", channel, row, p.Chosen, p.Tables[2].Kinds[row])
			}
			for k, v := range p.Chips {
				if k < channel && v != chips[k] || k > channel && !math.IsNaN(v) && v != 0 {
					t.Fatalf("channel %d, row %d: the sum of channel %d is %v", channel, row, k, v)
				}
			}
		}
	}
	if p := c.panel(); !strings.Contains(p.Sum, " = "+written(a.Conv2[2][3][4])+" → ReLU") {
		t.Errorf("all channels: %q, want %v", p.Sum, a.Conv2[2][3][4])
	}

	// By itself, until it is paused. Then it goes on where it was.
	c.run(manualTime, nil)
	c.choose(conv1, 0, 5, 5, title("conv1", 0, 5, 5))
	speed("fast")
	c.key("p")
	if text := c.text("#play"); text != "Pause" {
		t.Errorf("the button says %q while it plays", text)
	}
	for x := 6; x < 9; x++ {
		c.run(`tick()`, nil)
		arrives("conv1", 0, 5, x)
	}
	c.click("#play")
	c.run(`tick()`, nil)
	if text := c.text("#play") + c.text("#panel-title"); text != "Play"+title("conv1", 0, 5, 8) {
		t.Errorf("paused: %q", text)
	}
	c.click("#play")
	c.until(`document.getElementById("panel-title").textContent.endsWith("column 9")`)

	// If the cell is explained again, it goes on, unless the network has changed.
	c.run(`import(new URL("cells.js", location)).then(({panel}) => panel.show(panel.at, panel.explanation))`, nil)
	if n := inSight(); n < 0 {
		t.Error("it stops, but nothing has changed")
	}
	c.run(`import(new URL("cells.js", location)).then(({panel}) => panel.show(panel.at, {...panel.explanation, total: 1}))`, nil)
	if n := inSight(); n != -1 {
		t.Error("it goes on, but the network has changed")
	}

	// It stops when you choose another cell, draw, unpin, or change what is shown.
	for _, q := range []struct{ name, script, title string }{
		{"another cell", `document.querySelector("#probabilities button").click()`, "Probability of 0"},
		{"unpinned", `document.getElementById("unpin").click()`, title("conv1", 0, 5, 6)},
		{"the backward pass", `document.getElementById("show-backward").click()`, "Gradient at " + title("conv1", 0, 5, 6)},
		{"another digit", `document.getElementById("next").click()`, title("conv1", 0, 5, 6)},
	} {
		c.run(`document.getElementById("show-forward").click()`, nil)
		c.choose(conv1, 0, 5, 6, title("conv1", 0, 5, 6))
		c.key("p")
		c.until(`pictures.relu1.veil`) // it plays, when the explanation has come
		c.run(q.script, nil)
		if n := inSight(); n != -1 || c.text("#play") != "Play" {
			t.Errorf("%s: it plays on", q.name)
		}
		c.title(q.title)
		c.until(`!document.getElementById("panel-sum").textContent.endsWith("so far")`)
	}
	s.network.Predict(a, s.test[1].Image)
	c.until(fmt.Sprintf(`document.getElementById("panel-sum").textContent.includes(%q)`, " = "+written(a.Conv1[0][5][6])+" →")) // of the other digit
	c.run(`document.getElementById("show-forward").click()`, nil)
	c.choose(conv1, 0, 4, 4, title("conv1", 0, 4, 4))
	c.key("p")
	c.stroke(strokes["1"][0]...)
	if n := inSight(); n != -1 {
		t.Error("it plays on while you draw")
	}

	// If you prefer that nothing moves, it shows the end, and steps work.
	c.prefer("reduced-motion", "reduce")
	c.choose(conv1, 0, 4, 5, title("conv1", 0, 4, 5))
	speed("slow")
	c.click("#play")
	arrives("conv1", 0, conv1.Rows-1, last)
	if p := c.panel(); !strings.Contains(p.Sum, "→ ReLU") || c.text("#play") != "Play" || inSight() != conv1.Rows*conv1.Columns {
		t.Errorf("the end: %q, %s, %d cells", p.Sum, c.text("#play"), inSight())
	}
	c.click("#play-step") // after the end, the map begins again
	arrives("conv1", 0, 0, 0)
	c.click("#play-step")
	if p := c.panel(); !strings.HasPrefix(p.Note, "Product 1 of ") || inSight() != 0 {
		t.Errorf("again: %q, %d cells", p.Note, inSight())
	}
	// The keys belong to fields while you type.
	c.run(`document.getElementById("number").focus()`, nil)
	c.key(".")
	if p := c.panel(); !strings.HasPrefix(p.Note, "Product 1 of ") {
		t.Error("a key that belongs to a field takes a step")
	}
	c.wantNoFaults()
}

// The backward pass shows the gradients that Backward computes, and steps of gradient descent.
func TestBackward(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	n, a, d, grad := s.network.Clone(), convnet.NewActivations(), convnet.NewActivations(), convnet.NewGradient()
	digit := 0 // the first one that it misclassifies
	for n.Predict(a, s.test[digit].Image) == s.test[digit].Label {
		digit++
	}
	label := s.test[digit].Label
	backward := func() (loss float64) {
		grad.Clear()
		n.Predict(a, s.test[digit].Image)
		n.Backward(grad, d, a, label)
		convnet.Conv2DInputGrad(d.Image, n.Filters1, d.Conv1)
		return convnet.CrossEntropy(a.Logits, label)
	}
	// wantLoss waits until the page shows this loss, for the label.
	wantLoss := func(loss float64) {
		t.Helper()
		c.until(fmt.Sprintf(`document.getElementById("loss-now").textContent === "loss = −log p%c = %s"`, '₀'+rune(label), written(loss)))
	}
	// ends returns where the bar of a digit begins and ends, as fractions of its room.
	ends := func(digit int) (ends [2]float64) {
		c.run(fmt.Sprintf(`{
			const room = document.querySelectorAll("#probabilities .bar")[%d], r = room.getBoundingClientRect(), b = room.firstElementChild.getBoundingClientRect();
			[(b.left - r.left) / r.width, (b.right - r.left) / r.width];
		}`, digit), &ends)
		return ends
	}
	const probabilities = `Array.from(document.querySelectorAll("#probabilities .percent"), p => p.textContent)`
	// check compares the panel with Backward, in all layers.
	check := func() {
		t.Helper()
		var bars []string
		c.run(probabilities, &bars)
		for k, g := range d.Logits {
			want := strings.TrimSuffix(written(math.Round(g*1000)/1000), "000")
			if math.Abs(d.Logits[label]) < 0.01 { // all of them are written with powers of ten
				factor, exponent, _ := strings.Cut(strconv.FormatFloat(g, 'e', 1, 64), "e-")
				want = strings.Replace(factor, "-", "−", 1) + "·10⁻"
				for _, digit := range strings.TrimPrefix(exponent, "0") {
					want += string([]rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[digit-'0'])
				}
			}
			if bars[k] != want {
				t.Errorf("the bar of %d says %s, want %s", k, bars[k], want)
			}
			if e := ends(k); math.Abs(e[0]-(0.5+min(g, 0)/2)) > 0.01 || math.Abs(e[1]-(0.5+max(g, 0)/2)) > 0.01 {
				t.Errorf("the bar of %d goes from %v to %v, for %v", k, e[0], e[1], g)
			}
		}
		image, conv1, pool1, conv2, pool2, hidden, output := s.layers[0], s.layers[1], s.layers[2], s.layers[3], s.layers[4], s.layers[5], s.layers[6]
		type place struct {
			layer    layer
			m, y, x  int
			title    string
			gradient float64
		}
		in := func(l layer, kind string, values [][][]float64, y, x int) place { // in the last map
			m := l.Maps - 1
			return place{l, m, y, x, fmt.Sprintf("Gradient at %s %d, row %d, column %d", kind, m, y, x), values[m][y][x]}
		}
		for _, q := range []place{
			{output, 0, 0, label, fmt.Sprintf("Gradient at the logit of %d", label), d.Logits[label]},
			{output, 0, 0, (label + 1) % 10, fmt.Sprintf("Gradient at the logit of %d", (label+1)%10), d.Logits[(label+1)%10]},
			{hidden, 0, 0, 13, "Gradient at hidden unit 13", d.ReLU3[13]},
			in(pool2, "pool2, map", d.Pool2, pool2.Rows/2, 1),
			in(conv2, "conv2, feature map", d.ReLU2, pool2.Rows/2*2, 2),
			in(conv2, "conv2, feature map", d.ReLU2, pool2.Rows/2*2+1, 2),
			in(pool1, "pool1, map", d.Pool1, pool1.Rows/2, pool1.Rows/2-1),
			in(conv1, "conv1, feature map", d.ReLU1, pool1.Rows/2*2, pool1.Rows/2*2),
			{image, 0, 1, 14, "Gradient at the pixel in row 1, column 14", d.Image[0][1][14]}, // cut off at the border
			{image, 0, 14, 13, "Gradient at the pixel in row 14, column 13", d.Image[0][14][13]},
		} {
			p := c.choose(q.layer, q.m, q.y, q.x, q.title)
			switch total := p.Singles[len(p.Singles)-1].Value; {
			case q.layer.Name == "probabilities":
				if p.Singles[0].Value-p.Singles[1].Value != total || total != q.gradient {
					t.Errorf("%s: %v, want %v", q.title, p.Singles, q.gradient)
				}
			case q.layer.Name == "relu1" || q.layer.Name == "relu2":
				won := p.Singles[1].Value == 1
				if total != q.gradient || p.Singles[0].Value*p.Singles[1].Value != total {
					t.Errorf("%s: %v, want %v", q.title, p.Singles, q.gradient)
				}
				if words := map[bool]string{true: "It won the max-pool", false: "It lost the max-pool to row "}[won]; !strings.HasPrefix(p.Note, words) {
					t.Errorf("%s: %q, want %q", q.title, p.Note, words)
				}
				received := map[string][][][]float64{"relu1": a.Conv1, "relu2": a.Conv2}[q.layer.Name] // of its ReLU
				off := received[q.m][q.y][q.x] <= 0
				if stops := strings.HasSuffix(p.Note, "Its ReLU is off, so the gradient stops here."); stops != (off && total != 0) {
					t.Errorf("%s: the gradient %v, the ReLU off: %v, but %q", q.title, total, off, p.Note)
				}
				for y, row := range p.Tables[0].Kinds {
					for x, kind := range row {
						here := p.Tables[0].Rows[y] == strconv.Itoa(q.y) && p.Tables[0].Columns[x] == strconv.Itoa(q.x)
						if strings.Contains(kind, "here") != here || here && strings.Contains(kind, "largest") != won {
							t.Errorf("%s: row %d, column %d of the window is %q", q.title, y, x, kind)
						}
					}
				}
			default:
				p.checkProducts(t, q.gradient)
				if q.layer.Name != "image" && q.layer.Name != "pool1" {
					break
				}
				for k, row := range p.Tables[0].Rows { // the weight that joins an output and a pixel
					out, _ := strconv.Atoi(row)
					if weight, _ := strconv.Atoi(p.Tables[1].Rows[k]); weight != q.y-out {
						t.Errorf("%s: the weight in row %d for the gradient in row %d", q.title, weight, out)
					}
				}
			}
			if want := written(q.gradient); math.Abs(q.gradient) > 1e-4 && !strings.HasSuffix(p.Sum, " = "+want) {
				t.Errorf("%s: %q, want %s", q.title, p.Sum, want)
			}
		}
		// Where a ReLU is off, the gradient is 0 and hatched.
		p := c.choose(pool2, 0, 1, 1, "Gradient at pool2, map 0, row 1, column 1")
		columns := len(p.Tables[0].Columns)
		for k, v := range a.Hidden {
			if blocked := p.Tables[0].Kinds[k/columns][k%columns] == "blocked"; blocked != (v <= 0) || *p.Tables[0].Values[k/columns][k%columns] != d.Hidden[k] {
				t.Errorf("hidden unit %d at %v: hatched: %v, gradient %v, want %v", k, v, blocked, *p.Tables[0].Values[k/columns][k%columns], d.Hidden[k])
			}
		}
	}

	c.run(fmt.Sprintf(`import(new URL("state.js", location)).then(m => m.change({digit: %d, strokes: []}))`, digit), nil)
	c.wantVerdict(s.verdictOn(digit))
	var forward []string
	c.run(probabilities, &forward)
	c.click("#show-backward")
	first := backward()
	wantLoss(first)
	check()
	// The last layer's gradients are those at the logits, and it's named after them.
	if name := c.text("#output-name"); name != "Logits" {
		t.Errorf("the gradients at the logits are under the name %q", name)
	}
	// The pictures show gradients: the image has both signs.
	if blue, red := c.tinted("#image"); !blue || !red {
		t.Errorf("the gradients at the image: positive %v, negative %v, want both", blue, red)
	}
	var pressed string
	const pressedLabel = `Array.from(document.querySelectorAll("#labels [aria-pressed=true]"), b => b.textContent).join()`
	if c.run(pressedLabel, &pressed); pressed != strconv.Itoa(label) {
		t.Errorf("the label is %q, want %d", pressed, label)
	}

	// A step is one of gradient descent on this digit. The loss falls.
	losses := []float64{first}
	for range 2 {
		n.Update(grad, 0.003)
		losses = append(losses, backward())
		c.click("#take-step")
		wantLoss(losses[len(losses)-1])
	}
	if !(losses[2] < losses[1] && losses[1] < losses[0]) {
		t.Errorf("the losses are %v", losses)
	}
	if text := c.text("#losses"); strings.Count(text, "→") != 2 || !strings.HasPrefix(text, strings.TrimSuffix(written(math.Round(first*1000)/1000), "000")) {
		t.Errorf("the losses are %q, want %v", text, losses)
	}
	check()
	// What the network predicts now is said to be its prediction after these steps, in both passes
	// and behind a link.
	taught := fmt.Sprintf("Predicted label %d, true label %d (after 2 steps)", n.Predict(a, s.test[digit].Image), label)
	c.wantVerdict(taught)
	c.click("#show-forward")
	c.wantVerdict(taught)
	var address string
	c.run("location.href", &address)
	link := newTab(t)
	link.open(address, 1280, 800, false, "light")
	link.wantVerdict(taught)
	c.click("#show-backward")
	wantLoss(losses[2])
	c.click("#undo-steps")
	c.wantVerdict(s.verdictOn(digit))
	n = s.network.Clone()
	wantLoss(backward())

	// The labels are one stop for Tab. Another label has another loss, and begins without steps.
	c.click("#take-step")
	c.run(`document.querySelector("#labels [tabindex='0']").focus()`, nil)
	label = 1
	for _, key := range []string{"Home", "ArrowRight", "Enter"} {
		c.key(key)
	}
	wantLoss(backward())
	if c.run(pressedLabel, &pressed); pressed != "1" {
		t.Errorf("the label is %q, want 1", pressed)
	}
	check()
	// At most 20 steps.
	for k := range 20 {
		c.until(fmt.Sprintf(`document.getElementById("undo-steps").disabled === %t`, k == 0))
		c.run(`document.getElementById("take-step").click()`, nil)
	}
	c.until(`document.getElementById("undo-steps").textContent === "Undo 20 steps"`)
	if !c.is(`document.getElementById("take-step").disabled`) {
		t.Error("there's a step 21")
	}

	// Where the loss is almost 0 you wouldn't see it fall, and the page says so, before a step and after.
	const hint = `document.getElementById("losses").textContent === "Try another label."`
	c.run(fmt.Sprintf(`location.hash = "#digit=%d&pass=backward"`, digit+1), nil)
	c.until(hint)
	c.click("#take-step")
	c.until(`document.querySelector("#fall polyline").getAttribute("points").includes(" ")`) // there are two losses
	if !c.is(hint) {
		t.Errorf("after a step the page says %q", c.text("#losses"))
	}
	// Gradients as small as these have their place, too.
	var tooWide []string
	c.run(`{
		const place = e => e.getBoundingClientRect(), apart = (a, b) => a.right + 2 <= b.left, text = e => {
			const range = document.createRange();
			range.selectNodeContents(e);
			return range.getBoundingClientRect();
		};
		const legends = Array.from(document.querySelectorAll("#network .legend"), l => Array.from(l.querySelectorAll("span"), text)).filter(([a, b, c]) => !apart(a, b) || !apart(b, c));
		const bars = Array.from(document.querySelectorAll("#probabilities button")).filter(b => text(b.querySelector(".percent")).right > place(b).right || text(b.querySelector(".percent")).left < place(b.querySelector(".bar")).right);
		[...legends.map(l => "a legend " + JSON.stringify(l)), ...bars.map(b => b.textContent)];
	}`, &tooWide)
	if len(tooWide) > 0 {
		t.Errorf("too wide: %q", tooWide)
	}
	c.run(fmt.Sprintf(`location.hash = "#digit=%d&pass=backward"`, digit), nil)
	c.until("!(" + hint + ")")

	// A link may have another rate.
	c.run(`import(new URL("state.js", location)).then(m => m.change({rate: 0.0005}))`, nil)
	if text := c.value("step-rate"); text != "0.0005" {
		t.Errorf("the rate is %q, want 0.0005", text)
	}

	// Another digit begins with its own label, and the forward pass is as it was.
	c.run(fmt.Sprintf(`import(new URL("state.js", location)).then(m => m.change({digit: %d}))`, digit+1), nil)
	digit, label = digit+1, s.test[digit+1].Label
	c.until(fmt.Sprintf(`document.getElementById("loss-now").textContent.startsWith("loss = −log p%c = ") && document.getElementById("undo-steps").disabled`, '₀'+rune(label)))
	c.run(fmt.Sprintf(`import(new URL("state.js", location)).then(m => m.change({digit: %d}))`, digit-1), nil)
	c.wantVerdict(s.verdictOn(digit - 1))
	// A blank pad has gradients too, but its bars are dim.
	const dim = `document.getElementById("probabilities").classList.contains("empty")`
	c.click("#clear")
	c.wantVerdict("Nothing drawn yet")
	c.until(dim)
	c.until(`Array.from(document.querySelectorAll("#image + .legend span"), s => s.textContent).join() === ",0,"`)
	c.click("#undo")
	c.wantVerdict(s.verdictOn(digit - 1))
	c.until("!" + dim)
	c.click("#show-forward")
	c.until(fmt.Sprintf(`%s.join() === %q`, probabilities, strings.Join(forward, ",")))
	if name := c.text("#output-name"); name != "Output" {
		t.Errorf("the probabilities are under the name %q", name)
	}
	c.run(`import(new URL("state.js", location)).then(m => m.change({cell: null}))`, nil) // marks are red, too
	if _, red := c.tinted("#image"); red || ends(0)[0] > 0.01 {
		t.Errorf("the forward pass has gradients: the image is red: %v, a bar begins at %v", red, ends(0)[0])
	}
	c.wantNoFaults()
}

// tinted reports whether a picture has blue and red pixels.
func (c *tab) tinted(selector string) (blue, red bool) {
	c.t.Helper()
	var found [2]bool
	c.run(fmt.Sprintf(`{`+readPictures+`
		const {data} = pixelsOf(%q);
		const some = more => data.some((_, k) => k %% 4 === 0 && more * (data[k + 2] - data[k]) > 60);
		[some(1), some(-1)];
	}`, selector), &found)
	return found[0], found[1]
}

// Whoever asks for less motion while a convolution is played sees the end.
func TestPlayLessMotion(t *testing.T) {
	t.Parallel()
	c, s := openPage(t, 1280, 800, false, "light")
	c.run(`location.hash = "#digit=0&cell=conv2,1,2,3"`, nil)
	c.wantVerdict(s.verdictOn(0))
	c.title("conv2, feature map 1, row 2, column 3")
	c.click("#play")
	c.until(`document.getElementById("play").textContent === "Pause" && document.getElementById("panel-sum").textContent.includes("so far")`)
	c.prefer("reduced-motion", "reduce")
	l := s.layers[3]
	c.title(fmt.Sprintf("conv2, feature map 1, row %d, column %d", l.Rows-1, l.Columns-1))
	c.until(`document.getElementById("play").textContent === "Play" && !document.getElementById("panel-sum").textContent.includes("so far")`)
	c.wantNoFaults()
}

// Enormous values, of a network that has learned too fast, are as short as others.
func TestEnormousValues(t *testing.T) {
	t.Parallel()
	train, test := testenv.Digits(t)
	network := convnet.New(1)
	for k := range network.Parameters {
		network.Parameters[k] *= 1e60
	}
	web := httptest.NewServer(handler(inspect.New(network, train, test)))
	t.Cleanup(web.Close)
	c := newTab(t)
	for _, width := range []int{1280, 360} {
		for _, hash := range []string{"cell=output,3", "cell=fc1,3", "cell=conv2,0,1,1", "cell=fc1,3&pass=backward"} {
			c.open(fmt.Sprintf("%s/?%d#digit=0&%s", web.URL, width, hash), width, 800, false, "light")
			c.ready()
			c.until(`document.querySelector("#tables td")`)
			if c.is(`/\de[+]?\d/.test(document.body.innerText)`) {
				t.Errorf("%s: a value is written with an e", hash)
			}
			if c.is(`document.documentElement.scrollWidth > innerWidth`) {
				t.Errorf("%s: the page is wider than %d pixels", hash, width)
			}
			c.shoot(fmt.Sprintf("enormous %s %d", hash, width))
		}
	}
	c.wantNoFaults()
}
