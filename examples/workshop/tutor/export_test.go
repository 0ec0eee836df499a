package tutor

import (
	"io"
	"strings"
)

// Report is Run for tests: it prints to w and reports whether all steps of layer.go are right. The
// learner's package is that of the caller.
func Report(w io.Writer, f Functions, all, color bool) bool {
	r := report{w: w, all: all, color: color, learner: callerPackage()}
	return r.run(append(forwardSteps(), backwardSteps()...), f)
}

// Width is the longest that a line may be.
const Width = width

// Columns returns the width of a line on the screen.
func Columns(line string) int { return columns(line) }

// Escapes matches the codes for colors.
var Escapes = escapes

// Wrong is a mistake of a step.
type Wrong struct {
	Step, Says string
	Report     func() string
}

// Mistakes returns all mistakes of the steps of layer.go.
func Mistakes() (all []Wrong) {
	for _, step := range append(forwardSteps(), backwardSteps()...) {
		for _, m := range step.mistakes {
			f := Ours()
			m.wrong(&f)
			all = append(all, Wrong{step.Name, m.says, func() string {
				var b strings.Builder
				r := report{w: &b}
				r.run([]Step{step}, f)
				return b.String()
			}})
		}
	}
	return all
}
