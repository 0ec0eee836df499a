package tutor

import (
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// remembered is knownOutcomes with a memory: many tests compare with the same mistakes.
func remembered(step *Step) [][]outcome {
	memory.Lock()
	defer memory.Unlock()
	if memory.known[step.Name] == nil {
		memory.known[step.Name] = knownOutcomes(step)
	}
	return memory.known[step.Name]
}

var memory = struct {
	sync.Mutex
	known map[string][][]outcome
}{known: map[string][][]outcome{}}

// SetCallLimit sets how long a function may take, and returns a function that sets it back.
func SetCallLimit(limit time.Duration) (undo func()) {
	old := callLimit
	callLimit = limit
	return func() { callLimit = old }
}

// Report is Run for tests: it prints to w and reports whether all steps of layer.go are right. The
// caller's package counts as the learner's.
func Report(w io.Writer, f Functions, all, color bool) bool {
	r := report{w: w, all: all, color: color, learner: callerPackage(), known: remembered}
	return r.run(append(forwardSteps(), backwardSteps()...), f)
}

// ReportOf is Report for the steps with some names.
func ReportOf(w io.Writer, f Functions, names ...string) bool {
	r := report{w: w, all: true, learner: callerPackage(), known: remembered}
	return r.run(slices.DeleteFunc(Steps(), func(s Step) bool { return !slices.Contains(names, s.Name) }), f)
}

// FunctionName returns the last part of a function's full name.
var FunctionName = functionName

// Width is the longest that a line may be.
const Width = width

// Columns returns the width of a line on the screen.
func Columns(line string) int { return columns(line) }

// Escapes matches the codes for colors.
var Escapes = escapes

// Wrong is a mistake of a step.
type Wrong struct {
	Step, Says string
	Report     func(remember bool) string
}

// Mistakes returns all mistakes of the steps of layer.go.
func Mistakes() (all []Wrong) {
	for _, step := range append(forwardSteps(), backwardSteps()...) {
		for _, m := range step.mistakes {
			f := Ours()
			m.wrong(&f)
			all = append(all, Wrong{step.Name, m.says, func(remember bool) string {
				var b strings.Builder
				r := report{w: &b, known: knownOutcomes}
				if remember {
					r.known = remembered
				}
				r.run([]Step{step}, f)
				return b.String()
			}})
		}
	}
	return all
}
