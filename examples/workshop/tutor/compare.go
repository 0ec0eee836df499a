package tutor

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	relative = 1e-9 // of the largest value wanted: this much may be rounding
	smallest = 1e-3 // with values smaller than this, it counts as the largest
)

// same reports whether got is want up to rounding.
func same(got, want, largest float64) bool {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return true
	}
	return math.Abs(got-want) <= relative*max(largest, smallest) // never for NaN or ∞
}

// largestOf returns the largest finite absolute value.
func largestOf(o output) (largest float64) {
	o.each(func(_, _, _ int, v float64) {
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			largest = max(largest, math.Abs(v))
		}
	})
	return largest
}

func (o output) each(visit func(c, y, x int, v float64)) {
	for c, m := range o.values {
		for y, row := range m {
			for x, v := range row {
				visit(c, y, x, v)
			}
		}
	}
}

// sameShape reports whether all matrices and all rows have the same lengths.
func sameShape(a, b output) bool {
	return slices.EqualFunc(a.values, b.values, func(a, b [][]float64) bool {
		return slices.EqualFunc(a, b, func(a, b []float64) bool { return len(a) == len(b) })
	})
}

// sameOutput compares the values of two outputs.
func sameOutput(got, want output) bool {
	if !sameShape(got, want) {
		return false
	}
	largest := -1.0 // not known yet, and not needed if all bits are the same
	for c, m := range got.values {
		for y, row := range m {
			for x, v := range row {
				w := want.values[c][y][x]
				if v == w {
					continue
				}
				if largest < 0 {
					largest = largestOf(want)
				}
				if !same(v, w, largest) {
					return false
				}
			}
		}
	}
	return true
}

// firstWrong returns the index of the first value of got that isn't that of want, nil if there is none.
// The two have the same shape.
func firstWrong(got, want output) (index []int) {
	largest := largestOf(want)
	got.each(func(c, y, x int, v float64) {
		if index == nil && !same(v, want.values[c][y][x], largest) {
			index = []int{c, y, x}
		}
	})
	return index
}

func sameOutputs(got, want []output) bool { return slices.EqualFunc(got, want, sameOutput) }

// sameOutcomes compares two functions over the trials of a step. A panic is equal to another panic,
// whatever it says, and nothing is equal to an endless loop.
func sameOutcomes(a, b []outcome) bool {
	return slices.EqualFunc(a, b, func(a, b outcome) bool {
		if a.trouble != nil && b.trouble != nil {
			return a.trouble.kind == panicked && b.trouble.kind == panicked
		}
		return a.trouble == nil && b.trouble == nil && sameOutputs(a.outputs, b.outputs)
	})
}

// afterward is the end of the name of an output that is an input after the call.
const afterward = " afterward"

func isAfterward(o output) bool { return strings.HasSuffix(o.name, afterward) }

// A pair is an output, and what was wanted instead.
type pair struct{ got, want output }

// differences returns the outputs that are wrong, and the name of an input that was changed.
func differences(got, want []outcome) (pairs []pair, changed string) {
	for k := range got {
		if got[k].trouble != nil {
			continue
		}
		for n, o := range got[k].outputs {
			if n >= len(want[k].outputs) || sameOutput(o, want[k].outputs[n]) {
				continue
			}
			if isAfterward(o) {
				changed = strings.TrimSuffix(o.name, afterward)
				continue
			}
			pairs = append(pairs, pair{o, want[k].outputs[n]})
		}
	}
	return pairs, changed
}

// observe says what strikes one about all wrong outputs, "" if there's nothing.
func observe(got, want []outcome) string {
	pairs, changed := differences(got, want)
	if len(pairs) == 0 {
		if changed != "" {
			return fmt.Sprintf("The result is right, but the function also changed %s, which it should only read.", changed)
		}
		return ""
	}
	all := func(holds func(p pair) bool) bool {
		return !slices.ContainsFunc(pairs, func(p pair) bool { return !holds(p) })
	}
	if !all(sameKind) {
		return "" // the message says both shapes
	}
	name := pairs[0].got.name
	everywhere := func(p pair, holds func(got, want float64) bool) bool {
		ok := true
		p.got.each(func(c, y, x int, v float64) { ok = ok && holds(v, p.want.values[c][y][x]) })
		return ok
	}
	factor, found := factorOf(pairs[0])
	switch {
	case allUntouched(got, want), all(func(p pair) bool {
		return everywhere(p, func(got, _ float64) bool { return math.Abs(got) == dirt })
	}):
		return fmt.Sprintf("Notice that %s is still what it was before the call. Was nothing written, or was it written somewhere else? A new slice, from append or make, is only yours: the caller has the old one.", name)
	case all(func(p pair) bool { return everywhere(p, func(got, _ float64) bool { return got == 0 }) }):
		return "Notice that everything that came out is 0."
	case !all(func(p pair) bool { return everywhere(p, func(got, _ float64) bool { return !math.IsNaN(got) }) }):
		return "NaN is what you get from 0/0, ∞ − ∞, ∞/∞ and 0·∞, and from the log of a negative number. Which of them can happen here?"
	case found && all(func(p pair) bool { return isMultiple(p, factor) }):
		if same(factor, -1, 1) {
			return "Notice that the values are right except for their signs, all of which are wrong."
		}
		return fmt.Sprintf("Notice that every value is %.4g times what it should be.", factor)
	case all(func(p pair) bool {
		return everywhere(p, func(got, want float64) bool {
			return same(got, want+dirt, 1) || same(got, want-dirt, 1)
		})
	}):
		return fmt.Sprintf("Notice that every value is the right one plus what %s held before the call.", name)
	case all(onlyWrong(func(o output, c, y, x int) bool { return math.Abs(o.values[c][y][x]) == dirt })):
		return fmt.Sprintf("Notice that where it's wrong, %s is still what it was before the call (%d or −%d). Nothing was written there.", name, dirt, dirt)
	case all(isPermutation):
		return fmt.Sprintf("Notice that %s has the right values at the wrong places. In which order do the loops visit them, and which index belongs to which loop?", name)
	}
	return ""
}

// allUntouched reports whether the destination is what it was before the call wherever something is wrong.
func allUntouched(got, want []outcome) bool {
	for k, o := range got {
		if o.trouble == nil && !sameOutputs(o.outputs, want[k].outputs) && !o.untouched {
			return false
		}
	}
	return true
}

// sameKind reports whether the two have the same shape, and more than a single value.
func sameKind(p pair) bool { return p.got.dims > 0 && sameShape(p.got, p.want) }

// locate says where all wrong values are, "" if that's nothing special.
func locate(got, want []outcome) string {
	pairs, _ := differences(got, want)
	if len(pairs) == 0 || slices.ContainsFunc(pairs, func(p pair) bool { return !sameKind(p) }) {
		return ""
	}
	for _, part := range parts {
		if !slices.ContainsFunc(pairs, func(p pair) bool { return !part.is(p) }) {
			return "Notice that " + part.says + "."
		}
	}
	return ""
}

// factorOf returns got/want for the first value that isn't 0.
func factorOf(p pair) (factor float64, found bool) {
	p.got.each(func(c, y, x int, v float64) {
		if w := p.want.values[c][y][x]; !found && w != 0 {
			factor, found = v/w, true
		}
	})
	return factor, found && !math.IsNaN(factor) && !math.IsInf(factor, 0) && factor != 0
}

func isMultiple(p pair, factor float64) bool {
	ok, largest := true, math.Abs(factor)*largestOf(p.want)
	p.got.each(func(c, y, x int, v float64) { ok = ok && same(v, factor*p.want.values[c][y][x], largest) })
	return ok
}

func isPermutation(p pair) bool {
	sorted := func(o output) []float64 {
		var all []float64
		o.each(func(_, _, _ int, v float64) { all = append(all, v) })
		slices.Sort(all)
		return all
	}
	largest := largestOf(p.want)
	return slices.EqualFunc(sorted(p.got), sorted(p.want), func(g, w float64) bool { return same(g, w, largest) })
}

// isShifted reports whether every value is by the same amount larger than what was wanted.
func isShifted(p pair, by float64) bool {
	ok, largest := true, max(largestOf(p.want), math.Abs(by))
	p.got.each(func(c, y, x int, v float64) { ok = ok && same(v, p.want.values[c][y][x]+by, largest) })
	return ok
}

// byHand says what to do about a wrong output that nothing is known about.
func byHand(got, want []outcome) string {
	pairs, _ := differences(got, want)
	if len(pairs) == 0 || !sameShape(pairs[0].got, pairs[0].want) || strings.Contains(variable(pairs[0].got), " ") {
		return ""
	}
	g, w := pairs[0].got, pairs[0].want
	return fmt.Sprintf("This is no mistake that is known here. Compute %s by hand, with the formula, and then print what your function uses for it.", variable(g)+index(g, firstWrong(g, w)))
}

// parts are the parts of an output that can be all that is wrong, or all that is right.
var parts = []struct {
	says string
	is   func(p pair) bool
}{
	{"only the last row is wrong", onlyWrong(func(o output, c, y, _ int) bool { return rowsOf(o, c) > 1 && y == rowsOf(o, c)-1 })},
	{"only the first row is wrong", onlyWrong(func(o output, c, y, _ int) bool { return rowsOf(o, c) > 1 && y == 0 })},
	{"only the last column is wrong", onlyWrong(func(o output, c, y, x int) bool { return x == len(o.values[c][y])-1 })},
	{"only the first column is wrong", onlyWrong(func(_ output, _, _, x int) bool { return x == 0 })},
	{"only the last row and the last column are wrong", onlyWrong(func(o output, c, y, x int) bool {
		return rowsOf(o, c) > 1 && y == rowsOf(o, c)-1 || x == len(o.values[c][y])-1
	})},
	{"only the first channel is right", onlyWrong(func(o output, c, _, _ int) bool { return o.dims == 3 && c > 0 })},
	{"only the last channel is wrong", onlyWrong(func(o output, c, _, _ int) bool { return o.dims == 3 && len(o.values) > 1 && c == len(o.values)-1 })},
	{"only the first row is right", onlyWrong(func(_ output, _, y, _ int) bool { return y > 0 })},
	{"the zeros are right, and the other values aren't", onlyWanted(func(want float64) bool { return want != 0 })},
	{"only values that should be 0 are wrong", onlyWanted(func(want float64) bool { return want == 0 })},
	{"only values that should be negative are wrong", onlyWanted(func(want float64) bool { return want < 0 })},
}

func rowsOf(o output, c int) int { return len(o.values[c]) }

// onlyWrong returns a function that reports whether all wrong values are in a part of the output.
func onlyWrong(part func(o output, c, y, x int) bool) func(p pair) bool {
	return func(p pair) bool {
		ok, largest := true, largestOf(p.want)
		p.got.each(func(c, y, x int, v float64) {
			ok = ok && (same(v, p.want.values[c][y][x], largest) || part(p.got, c, y, x))
		})
		return ok
	}
}

// onlyWanted returns a function that reports whether the wrong values are those that a part of the
// output should have, and whether there are others.
func onlyWanted(part func(want float64) bool) func(p pair) bool {
	return func(p pair) bool {
		ok, others, largest := true, false, largestOf(p.want)
		p.got.each(func(c, y, x int, v float64) {
			w := p.want.values[c][y][x]
			others = others || !part(w)
			ok = ok && (same(v, w, largest) || part(w))
		})
		return ok && others
	}
}
