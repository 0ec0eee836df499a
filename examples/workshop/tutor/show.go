package tutor

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Colors of a terminal.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// paint colors each line of text, if there are to be colors.
func (r *report) paint(color, text string) string {
	if !r.color || text == "" {
		return text
	}
	lines := strings.Split(text, "\n")
	for k, line := range lines {
		lines[k] = color + line + reset
	}
	return strings.Join(lines, "\n")
}

// columns returns the width of a line on the screen.
func columns(line string) int { return utf8.RuneCountInString(escapes.ReplaceAllString(line, "")) }

// wrap breaks the lines of a text between words.
func wrap(text string) string {
	var b strings.Builder
	column := 0
	for k, word := range words(text) {
		n := columns(word)
		switch {
		case k == 0:
		case column+1+n > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// words splits a text where a line may end: not beside an operator such as the minus of 1/(1 − p).
func words(text string) (all []string) {
	joins := false // the next word
	for _, field := range strings.Fields(text) {
		operator := field == "−" || field == "-" || field == "·" || field == "+"
		if len(all) > 0 && (joins || operator) {
			all[len(all)-1] += " " + field
		} else {
			all = append(all, field)
		}
		joins = operator
	}
	return all
}

func indent(text string) string {
	if text == "" {
		return ""
	}
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for k, line := range lines {
		if line != "" {
			lines[k] = "    " + line
		}
	}
	return strings.Join(lines, "\n")
}

// layout puts blocks of lines beside one another as long as they fit, then below.
func (r *report) layout(blocks ...string) string {
	const gap = 4
	var done, line []string
	used := 0
	flush := func() {
		if len(line) == 0 {
			return
		}
		if len(done) > 0 {
			done = append(done, "")
		}
		done = append(done, line...)
		line, used = nil, 0
	}
	for _, block := range blocks {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		w := 0
		for _, l := range lines {
			w = max(w, columns(l))
		}
		if used > 0 && used+gap+w > width {
			flush()
		}
		if used > 0 {
			used += gap
		}
		for len(line) < len(lines) {
			line = append(line, "")
		}
		for k, l := range lines {
			line[k] += strings.Repeat(" ", max(0, used-columns(line[k]))) + l
		}
		used += w
	}
	flush()
	for k := range done {
		done[k] = strings.TrimRight(done[k], " ")
	}
	return strings.Join(done, "\n")
}

// inputs returns what is shown of a trial's input: the arguments beside one another.
func inputs(arguments ...output) string {
	var blocks []string
	for _, o := range arguments {
		blocks = append(blocks, (&report{}).block(o.name, o, nil, decimals(o)))
	}
	return (&report{}).layout(blocks...)
}

// decimals returns how many decimals show the outputs, at least two and at most four.
func decimals(outputs ...output) int {
	places := 2
	for _, o := range outputs {
		o.each(func(_, _, _ int, v float64) {
			for places < 4 && math.Abs(v) < 1e5 && math.Abs(v-round(v, places)) > 1e-9 {
				places++
			}
		})
	}
	return places
}

func round(v float64, places int) float64 {
	scale := math.Pow(10, float64(places))
	return math.Round(v*scale) / scale
}

func number(v float64, places int) string {
	switch {
	case v == 0:
		v = 0 // no −0
	case math.Abs(v) >= 1e6 || math.Abs(v) < 0.5*math.Pow(10, float64(-places)):
		return fmt.Sprintf("%.*g", max(3, places-2), v)
	}
	return fmt.Sprintf("%.*f", places, v)
}

// block returns an output under a title, with the entries marked red that aren't those of want.
func (r *report) block(title string, o output, want *output, places int) string {
	if o.dims == 0 {
		if title == "" {
			return number(o.values[0][0][0], places)
		}
		return title + "\n" + number(o.values[0][0][0], places)
	}
	w, rows := 1, 0
	o.each(func(_, _, _ int, v float64) { w = max(w, len(number(v, places))) })
	for _, m := range o.values {
		rows = max(rows, len(m))
	}
	largest := 0.0
	if want != nil {
		largest = largestOf(*want)
	}
	lines := []string{title}
	for y := range rows {
		var maps []string
		for c, m := range o.values {
			if y >= len(m) {
				maps = append(maps, "")
				continue
			}
			entries := make([]string, len(m[y]))
			for x, v := range m[y] {
				entries[x] = fmt.Sprintf("%*s", w, number(v, places))
				if want != nil && !same(v, want.values[c][y][x], largest) {
					entries[x] = r.paint(red, entries[x])
				}
			}
			maps = append(maps, "["+strings.Join(entries, " ")+"]")
		}
		lines = append(lines, strings.Join(maps, "  "))
	}
	if rows == 0 {
		lines = append(lines, "(empty)")
	}
	return strings.Join(lines, "\n")
}

// wanted returns blocks that show what a trial should give, without what comes later.
func (r *report) wanted(want []output) []string {
	var blocks []string
	for _, o := range want {
		if !isAfterward(o) && variable(o) == o.name {
			blocks = append(blocks, r.block("want "+o.name, o, nil, decimals(o)))
		}
	}
	return blocks
}

// table shows the input of trial t, and the outputs that are wrong beside those that are wanted.
func (r *report) table(t trial, got, want []output) string {
	blocks := []string{t.input}
	var notes []string
	var rows [][3]string                               // single values
	for k, g := range got[:min(len(got), len(want))] { // where the shape is wrong, got ends
		w := want[k]
		switch {
		case sameOutput(g, w):
		case !sameShape(g, w):
			notes = append(notes, wrap(fmt.Sprintf("%s is %s, want %s.", variable(g), shape(g), shape(w))))
			blocks = append(blocks, r.block("got "+g.name, g, nil, decimals(g)), r.block("want "+w.name, w, nil, decimals(w)))
		case g.dims == 0:
			places := enough(g, w)
			rows = append(rows, [3]string{g.name, number(g.values[0][0][0], places), number(w.values[0][0][0], places)})
		default:
			places := enough(g, w)
			gotBlock, wantBlock := r.block("got "+g.name, g, &w, places), r.block("want "+w.name, w, nil, places)
			blocks = append(blocks, r.layout(gotBlock, wantBlock))
			at := firstWrong(g, w)
			if len(notes) == 0 {
				notes = append(notes, fmt.Sprintf("The first value that is wrong is %s: got %s, want %s.", variable(g)+index(g, at),
					number(g.values[at[0]][at[1]][at[2]], places), number(w.values[at[0]][at[1]][at[2]], places)))
			}
		}
	}
	if t.holds != "" {
		notes = slices.Insert(notes, 0, t.holds)
	}
	return r.join(r.layout(blocks...), r.rows(rows), strings.Join(notes, "\n"))
}

// rows shows single values in a table with the columns got and want.
func (r *report) rows(rows [][3]string) string {
	if len(rows) == 0 {
		return ""
	}
	all := slices.Insert(slices.Clone(rows), 0, [3]string{"", "got", "want"})
	var w [3]int
	for _, row := range all {
		for k := range row {
			w[k] = max(w[k], columns(row[k]))
		}
	}
	var lines []string
	for n, row := range all {
		line := row[0] + strings.Repeat(" ", w[0]-columns(row[0]))
		for k := 1; k < 3; k++ {
			cell := fmt.Sprintf("%*s", w[k], row[k])
			if k == 1 && n > 0 {
				cell = r.paint(red, cell)
			}
			line += "    " + cell
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// enough returns how many decimals show that two outputs differ.
func enough(got, want output) int {
	places := decimals(got, want)
	largest := largestOf(want)
	for ; places < 12; places++ {
		visible := true
		got.each(func(c, y, x int, v float64) {
			w := want.values[c][y][x]
			if !same(v, w, largest) && number(v, places) == number(w, places) {
				visible = false
			}
		})
		if visible {
			break
		}
	}
	return places
}

// variable returns the name of an output without what it says about when.
func variable(o output) string {
	name, _, _ := strings.Cut(strings.TrimSuffix(o.name, afterward), ",")
	return name
}

// index returns an index in Go's notation.
func index(o output, at []int) string {
	var b strings.Builder
	for _, i := range at[3-o.dims:] {
		fmt.Fprintf(&b, "[%d]", i)
	}
	return b.String()
}

// shape describes the lengths of an output: 3×4, or those of the rows if they differ.
func shape(o output) string {
	var maps []string
	for _, m := range o.values {
		text := fmt.Sprintf("%d×%d", len(m), rowLength(m))
		for y, row := range m {
			if len(row) != rowLength(m) {
				text = fmt.Sprintf("a matrix of %d rows with %d values in row 0 and %d in row %d", len(m), rowLength(m), len(row), y)
				break
			}
		}
		maps = append(maps, text)
	}
	switch {
	case o.dims == 1:
		return fmt.Sprintf("a vector of length %d", rowLength(o.values[0]))
	case o.dims == 2:
		return maps[0]
	case len(maps) == 0:
		return "a volume without channels"
	}
	for k := range maps {
		if maps[k] != maps[0] {
			return "a volume of " + strings.Join(maps, " and ")
		}
	}
	return fmt.Sprintf("%d×%s", len(maps), maps[0])
}

func rowLength(m [][]float64) int {
	if len(m) == 0 {
		return 0
	}
	return len(m[0])
}
