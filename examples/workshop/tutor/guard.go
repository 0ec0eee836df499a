package tutor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A trouble is why a function didn't return.
type trouble struct {
	kind  kind
	says  string        // what the panic said
	name  string        // of the function to be written, for todo
	stack []frame       // the learner's code, the innermost call first
	after time.Duration // for endless

	beyond string // what the trial says of an index out of range
	isNil  string // what the trial says of something that is nil
}

// A frame is a function of the learner's code, and the line of it that was running.
type frame struct {
	function string // without the package and the receiver
	position
}

// where returns the line that was running.
func (t *trouble) where() position {
	if len(t.stack) == 0 {
		return position{}
	}
	return t.stack[0].position
}

type kind int

const (
	panicked kind = iota
	todo          // panic("TODO: Conv2D")
	endless
)

// A position is a line of the learner's code.
type position struct {
	file string // "" if it isn't known
	line int
}

// guard runs body and returns nil if it returns. A panic doesn't go any further, and after limit body is
// left running in its goroutine, from which there is no way to end it.
func guard(learner string, limit time.Duration, body func()) *trouble {
	ended := make(chan *trouble, 1)
	started := make(chan string, 1)
	go func() {
		started <- goroutine()
		t := &trouble{says: "runtime.Goexit was called"}
		defer func() {
			if v := recover(); v != nil {
				t = newTrouble(v, learner)
			}
			ended <- t
		}()
		body()
		t = nil
	}()
	id := <-started
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case t := <-ended:
		return t
	case <-timer.C:
		return &trouble{kind: endless, after: limit, stack: stackOf(id, learner)}
	}
}

// newTrouble describes a panic. It's called while the panic unwinds the stack.
func newTrouble(v any, learner string) *trouble {
	t := &trouble{says: strings.TrimPrefix(fmt.Sprint(v), "runtime error: ")}
	if text, ok := v.(string); ok {
		if rest, found := strings.CutPrefix(text, "TODO"); found {
			t.kind = todo
			t.name, _, _ = strings.Cut(strings.TrimLeft(rest, ": "), " ")
		}
	}
	pcs := make([]uintptr, 200)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if isLearner(f.Function, learner) {
			t.stack = append(t.stack, frame{functionName(f.Function), position{f.File, f.Line}})
		}
		if !more {
			return t
		}
	}
}

// goroutine returns the number of the goroutine that calls it, as it is in a stack trace.
func goroutine() string {
	buffer := make([]byte, 64)
	id, _, _ := bytes.Cut(bytes.TrimPrefix(buffer[:runtime.Stack(buffer, false)], []byte("goroutine ")), []byte(" "))
	return string(id)
}

var fileAndLine = regexp.MustCompile(`^\t(.*):(\d+)(?: \+0x[0-9a-f]+)?$`)

// stackOf returns the learner's code that a goroutine is running now.
func stackOf(id, learner string) (frames []frame) {
	buffer := make([]byte, 1<<20)
	stacks := string(buffer[:runtime.Stack(buffer, true)])
	_, stack, found := strings.Cut(stacks, "goroutine "+id+" ")
	if !found {
		return nil
	}
	stack, _, _ = strings.Cut(stack, "\n\n")
	lines := strings.Split(stack, "\n")
	for k := 1; k+1 < len(lines); k++ {
		parenthesis := strings.LastIndex(lines[k], "(")
		at := fileAndLine.FindStringSubmatch(strings.TrimRight(lines[k+1], "\r"))
		if parenthesis < 0 || at == nil || !isLearner(lines[k][:parenthesis], learner) {
			continue
		}
		if line, err := strconv.Atoi(at[2]); err == nil {
			frames = append(frames, frame{functionName(lines[k][:parenthesis]), position{at[1], line}})
		}
	}
	return frames
}

// isLearner reports whether a function belongs to the learner's package, or to one below it.
func isLearner(function, learner string) bool {
	path := packageOf(function)
	return learner != "" && (path == learner || strings.HasPrefix(path, learner+"/"))
}

// functionName returns the last part of a function's full name, such as Forward of mine.(*Network).Forward. A function
// without a name has that of the function it is in.
func functionName(full string) string {
	name := inside.ReplaceAllString(full[strings.LastIndex(full, "/")+1:], "")
	return name[strings.LastIndex(name, ".")+1:]
}

var inside = regexp.MustCompile(`(\.func\d+|\.\d+|-range\d+|\.gowrap\d+)+$`)

// packageOf returns the package path of a function's full name, such as mine.(*Network).Forward.
func packageOf(function string) string {
	slash := strings.LastIndex(function, "/") + 1
	name, _, _ := strings.Cut(function[slash:], ".")
	return function[:slash] + name
}

// verb says what the function does instead of returning.
func (t *trouble) verb() string {
	if t.kind == endless {
		return "doesn't come to an end"
	}
	return "panics"
}

// explain says what happened, and on which line. If that's in a function that has a step of its own, it says which
// line of this step's function called it.
func (t *trouble) explain(step *Step, states map[string]state) string {
	caller, called := t.calls(step)
	var b strings.Builder
	if called != "" {
		fmt.Fprintf(&b, "    %s\n    %s\n\n", caller, t.where())
	} else if line := t.where().String(); line != "" {
		fmt.Fprintf(&b, "    %s\n\n", line)
	}
	blame := ""
	switch s, known := states[called]; {
	case !known:
	case s != right:
		blame = fmt.Sprintf(" It happened in %s, which isn't right yet. So write that first.", called)
	default:
		blame = fmt.Sprintf(" It happened in %s, which has passed its own step. So look at the first line, which called it: are these the right arguments, in the right order?", called)
	}
	if t.kind == endless {
		text := fmt.Sprintf("After %.0f seconds it was still running.", t.after.Seconds())
		switch {
		case blame != "":
			text += blame
		case t.where().file != "":
			text = strings.TrimSuffix(text, ".") + ", and just then it was on this line. Does every loop around it end? Look at their conditions, and at what changes them."
		default:
			text += " Does every loop end? Look at their conditions, and at what changes them."
		}
		b.WriteString(wrap(text))
		return b.String()
	}
	switch {
	case blame != "":
	case t.beyond != "" && beyond.MatchString(t.says):
		blame = " " + t.beyond
	case t.isNil != "" && strings.Contains(t.says, "nil pointer"):
		blame = " " + t.isNil
	default:
		blame = inPlainWords(t.says)
	}
	b.WriteString(wrap(fmt.Sprintf("Go says: %s.%s", t.says, blame)))
	return b.String()
}

// calls returns the line of the step's function, or for a check that of Forward or one of the others in network.go, from
// which a function was called that has a step of its own. called is "" if there is none.
func (t *trouble) calls(step *Step) (caller position, called string) {
	for _, f := range t.stack {
		if f.function == step.Name || fileOf(step) == "" && fileOf(&Step{Name: f.function}) == "network.go" {
			return f.position, called
		}
		if fileOf(&Step{Name: f.function}) != "" {
			called = f.function
		}
	}
	return position{}, ""
}

// String returns a position with the text of the line, if it can be read.
func (p position) String() string {
	if p.file == "" {
		return ""
	}
	name := filepath.FromSlash(p.file)
	if !filepath.IsAbs(name) { // built with -trimpath, and a test runs in the folder of its package
		name = filepath.Base(name)
	} else if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, name); err == nil && filepath.IsLocal(relative) {
			name = relative
		}
	}
	at := fmt.Sprintf("%s:%d", name, p.line)
	text, err := os.ReadFile(name)
	if err != nil {
		return at
	}
	lines := strings.Split(string(text), "\n")
	if p.line > len(lines) {
		return at
	}
	return short(at+"    "+strings.TrimSpace(lines[p.line-1]), width-4)
}

// short cuts a line that is too long.
func short(line string, n int) string {
	if letters := []rune(line); len(letters) > n {
		return string(letters[:n-1]) + "…"
	}
	return line
}

var (
	beyond   = regexp.MustCompile(`^index out of range \[(\d+)\] with length (\d+)$`)
	negative = regexp.MustCompile(`^index out of range \[-\d+\]$`)
)

// inPlainWords adds to what Go says about the usual mistakes with slices.
func inPlainWords(says string) string {
	if m := beyond.FindStringSubmatch(says); m != nil {
		index, _ := strconv.Atoi(m[1])
		length, _ := strconv.Atoi(m[2])
		switch {
		case length == 0:
			return " The slice is empty. Was it ever made?"
		case length == 1 && index == 1:
			return " The slice has 1 entry, [0], so the index is one too large. Where does its loop end, and are the row and the column in the right order?"
		case length == 1:
			return " The slice has 1 entry, [0]. Are the row and the column in the right order?"
		case index == length:
			return fmt.Sprintf(" The slice has %d entries and the last is [%d], so the index is one too large. Where does its loop end, and are the row and the column in the right order?", length, length-1)
		default:
			return fmt.Sprintf(" The slice has %d entries and the last is [%d]. Are the row and the column in the right order?", length, length-1)
		}
	}
	switch {
	case negative.MatchString(says):
		return " The index is below 0."
	case strings.Contains(says, "nil pointer"):
		return " Something on this line is nil: it was never made."
	case strings.Contains(says, "divide by zero"):
		return " An integer was divided by 0. (With float64 that gives ±Inf or NaN.)"
	}
	return ""
}
