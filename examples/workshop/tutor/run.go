package tutor

import (
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	width      = 79               // of what is printed
	checkLimit = 20 * time.Minute // for a check of the whole network, perhaps in plain loops
	maxStack   = 64 << 20         // bytes: an endless recursion ends the program sooner
)

// callLimit is how long a function may take for one small input: then it's an endless loop. Tests change it.
var callLimit = 2 * time.Second

// Run checks the functions in the order of the steps and prints a report: the steps that are right, and
// what is wrong with the first that isn't. It fails t unless all are right.
//
// If the test binary has a flag -all that is set, Run explains every step that isn't right, not only
// the first.
func Run(t testing.TB, f Functions) {
	t.Helper()
	debug.SetMaxStack(maxStack)
	r := report{w: os.Stdout, color: wantColor(os.Stdout), learner: callerPackage(), known: knownOutcomes}
	if all := flag.Lookup("all"); all != nil {
		r.all = all.Value.String() == "true"
	}
	if !r.run(Steps(), f) {
		t.FailNow() // the report says why
	}
}

// callerPackage returns the path of the package that called the function that calls this one.
func callerPackage() string {
	pc, _, _, ok := runtime.Caller(2)
	if !ok {
		return ""
	}
	return packageOf(runtime.FuncForPC(pc).Name())
}

// wantColor reports whether to print colors: on a terminal, unless NO_COLOR is set, and everywhere if
// CLICOLOR_FORCE is set. (In a folder, `go test` without a package lets the test print to the terminal.)
func wantColor(file *os.File) bool {
	if os.Getenv("NO_COLOR") != "" {
		return false
	}
	if force := os.Getenv("CLICOLOR_FORCE"); force != "" && force != "0" {
		return true
	}
	term := os.Getenv("TERM")
	if term == "dumb" || runtime.GOOS == "windows" && term == "" && os.Getenv("WT_SESSION") == "" {
		return false // an old console of Windows would show the codes
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// A report prints how far the learner is.
type report struct {
	w       io.Writer
	color   bool
	all     bool   // explain all steps that aren't right, not only the first
	learner string // path of the learner's package

	column int              // of the line of ticks
	states map[string]state // of the steps so far

	known func(step *Step) [][]outcome // knownOutcomes, or that with a memory
}

// A verdict is what there is to say about a step.
type verdict struct {
	state   state
	message string
}

type state int

const (
	right state = iota
	wrong
	unwritten
)

// run checks the steps and reports whether all are right.
func (r *report) run(steps []Step, f Functions) bool {
	done := 0
	r.states = map[string]state{}
	var messages, waiting []string
	for k := range steps {
		step := &steps[k]
		if fileOf(step) == "" && len(messages) > 0 && r.anyUnwritten() { // a check of the whole network
			r.tick(yellow, "→", step.Name)
			waiting = append(waiting, step.Name)
			continue
		}
		if step.takes != "" {
			r.endTicks()
			fmt.Fprintf(r.w, "%s (%s) …\n", step.Name, step.takes)
		}
		v := r.judge(step, f)
		r.states[step.Name] = v.state
		switch v.state {
		case right:
			done++
			r.tick(green, "✓", step.Name)
			continue
		case wrong:
			r.tick(red, "✗", step.Name)
		case unwritten:
			r.tick(yellow, "→", step.Name)
			if r.all && len(messages) > 0 {
				waiting = append(waiting, step.Name)
				continue
			}
		}
		messages = append(messages, v.message)
		if !r.all {
			break
		}
	}
	r.endTicks()
	fmt.Fprintln(r.w)
	for k, message := range messages {
		if k > 0 {
			fmt.Fprintf(r.w, "\n%s\n\n", strings.Repeat("-", width))
		}
		fmt.Fprintln(r.w, message)
	}
	if len(waiting) > 0 {
		fmt.Fprintf(r.w, "\n%s\n", wrap("Waiting: "+strings.Join(waiting, ", ")+"."))
	}
	if done == len(steps) {
		fmt.Fprintf(r.w, "%s\n\nNow train what you wrote:  go run .\n", r.paint(green, fmt.Sprintf("All %d steps are right. You have written a convolutional network.", done)))
		return true
	}
	fmt.Fprintf(r.w, "\n%d of %d steps are right.\n", done, len(steps))
	return false
}

// anyUnwritten reports whether a function of the steps so far isn't written yet.
func (r *report) anyUnwritten() bool {
	for _, s := range r.states {
		if s == unwritten {
			return true
		}
	}
	return false
}

// tick prints a step's mark and name, on the same line as the steps before it if they fit.
func (r *report) tick(color, mark, name string) {
	const gap = 2
	length := len(name) + 2
	switch {
	case r.column == 0:
	case r.column+gap+length > width:
		fmt.Fprintln(r.w)
		r.column = 0
	default:
		fmt.Fprint(r.w, strings.Repeat(" ", gap))
		r.column += gap
	}
	fmt.Fprint(r.w, r.paint(color, mark)+" "+name)
	r.column += length
}

func (r *report) endTicks() {
	if r.column > 0 {
		fmt.Fprintln(r.w)
	}
	r.column = 0
}

// An outcome is what came of a trial.
type outcome struct {
	outputs []output
	trouble *trouble // if it didn't return

	replaced  string // the index of a slice of the destination that is another one after the call
	untouched bool   // the destination's values are what they were before the call
}

// outcomes runs a step's trials. None follow an endless loop, which would go on beside them. Without a
// learner the functions come to an end, so they get more time, in case the machine is busy.
func outcomes(step *Step, f Functions, learner string) []outcome {
	limit := callLimit
	if learner == "" {
		limit = checkLimit
	}
	results := make([]outcome, len(step.trials))
	for k, trial := range step.trials {
		var outputs []output
		var seen outcome
		watched := watch(step, f, func(d *destination) { seen.replaced, seen.untouched = d.replaced(), d.untouched() })
		t := guard(learner, limit, func() { outputs = trial.run(watched) })
		if t != nil {
			results[k].trouble = t
			if t.kind != panicked {
				return results[:k+1]
			}
			continue
		}
		results[k] = seen
		results[k].outputs = outputs // not before: after an endless loop, run may still be writing
	}
	return results
}

// judge checks one step.
func (r *report) judge(step *Step, f Functions) verdict {
	if function := reflect.ValueOf(f).FieldByName(step.Name); function.IsValid() && function.IsNil() {
		return verdict{wrong, wrap(fmt.Sprintf("Functions has no %s: see that workshop_test.go passes yours to tutor.Run.", step.Name))}
	}
	got, want := outcomes(step, f, r.learner), outcomes(step, Ours(), "")
	if message := r.replacedRow(step, got, want); message != "" {
		return verdict{wrong, message}
	}
	for k := range got {
		if t := got[k].trouble; t != nil {
			if t.kind == todo {
				return r.next(step, t)
			}
			return verdict{wrong, r.stopped(step, k, got, want)}
		}
		if !sameOutputs(got[k].outputs, want[k].outputs) {
			return verdict{wrong, r.differs(step, k, got, want)}
		}
	}
	if step.check == nil || r.states[step.needs] != right {
		return verdict{right, ""}
	}
	limit := 5 * callLimit
	if step.takes != "" {
		limit = checkLimit
	}
	var message string
	t := guard(r.learner, limit, func() { message = step.check(f) })
	switch {
	case t != nil && t.kind == todo:
		return r.next(step, t)
	case t != nil:
		return verdict{wrong, r.join(r.title(step, t.verb()), t.explain(step, r.states), r.stuck(step))}
	case message != "":
		return verdict{wrong, r.join(r.title(step, "isn't right yet"), message, r.stuck(step))}
	}
	return verdict{right, ""}
}

// title says what is the matter with a step, and where to look.
func (r *report) title(step *Step, matter string) string {
	where := fmt.Sprintf("README section %q", step.Section)
	if file := fileOf(step); file != "" {
		where = file + ", " + where
	}
	return r.paint(bold, wrap(fmt.Sprintf("%s %s (%s).", step.Name, matter, where)))
}

// fileOf returns the file that the step's function is in, "" for a check of the whole network.
func fileOf(step *Step) string {
	switch step.Name {
	case "New", "Forward", "Backward", "Update":
		return "network.go"
	}
	if !reflect.ValueOf(Functions{}).FieldByName(step.Name).IsValid() {
		return ""
	}
	return "layer.go"
}

func (r *report) stuck(step *Step) string {
	return fmt.Sprintf("Stuck?  go run convnet/examples/workshop -hint %s", hintName(step.Name))
}

// hintName returns name as an argument on the command line.
func hintName(name string) string {
	if strings.Contains(name, " ") {
		return `"` + name + `"`
	}
	return name
}

// join puts an empty line between the parts that aren't empty.
func (r *report) join(parts ...string) string {
	var all []string
	for _, part := range parts {
		if part = strings.Trim(part, "\n"); part != "" {
			all = append(all, part)
		}
	}
	return strings.Join(all, "\n\n")
}

// next introduces a step whose function isn't written yet.
func (r *report) next(step *Step, t *trouble) verdict {
	if t.name != "" && t.name != step.Name {
		return verdict{unwritten, r.join(
			r.title(step, "has to wait"),
			wrap(fmt.Sprintf("It calls %s, which isn't written yet.", t.name)))}
	}
	does := ""
	if step.does != "" {
		does = wrap(step.Name + " " + step.does)
	}
	example := ""
	if step.explain == nil && len(step.trials) > 0 {
		trial := step.trials[0]
		if want := outcomes(step, Ours(), "")[0].outputs; len(want) > 0 && !isAfterward(want[0]) {
			example = r.paint(dim, "For example:") + "\n\n" + r.layout(append([]string{trial.input}, r.wanted(want)...)...)
		}
	}
	return verdict{unwritten, r.join(r.title(step, "is next"), does, formula(step), example, r.stuck(step))}
}

func formula(step *Step) string { return indent(step.formula) }

// stopped explains a trial that didn't return.
func (r *report) stopped(step *Step, k int, got, want []outcome) string {
	t := got[k].trouble
	t.beyond, t.isNil = step.trials[k].beyond, step.trials[k].isNil
	parts := []string{r.title(step, t.verb()), rightSoFar(k, t.verb()), t.explain(step, r.states)}
	if step.explain == nil {
		parts = append(parts, "The input was:", r.layout(append([]string{step.trials[k].input}, r.wanted(want[k].outputs)...)...))
	}
	return r.join(append(parts, formula(step), r.diagnosis(step, got, want), r.stuck(step))...)
}

// differs explains a trial whose outputs aren't what was wanted.
func (r *report) differs(step *Step, k int, got, want []outcome) string {
	parts := []string{r.title(step, "isn't right yet"), rightSoFar(k, "isn't")}
	if step.explain != nil {
		parts = append(parts, step.explain(got[k].outputs, want[k].outputs))
	} else {
		parts = append(parts, r.table(step.trials[k], got[k].outputs, want[k].outputs))
	}
	return r.join(append(parts, formula(step), r.diagnosis(step, got, want), r.stuck(step))...)
}

// rightSoFar says what the trials before trial k did, and what trial k does: isn't, or panics.
func rightSoFar(k int, does string) string {
	switch k {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("The first example is right. The second %s:", does)
	}
	return fmt.Sprintf("The first %s examples are right. The next %s:", numeral(k), does)
}

func numeral(n int) string {
	if words := [...]string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}; n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}

// The beginnings of what a step's explain says about the cause.
const (
	noticeThat   = "Notice that "
	onlyRead     = "What should only be read has changed: "
	sharesMemory = "All activations are right. "
)

// diagnosis names the mistake, or says what strikes one about the outputs. If the step explains them itself, they are too
// large to compute by hand, and it has said what there is to see, and where.
func (r *report) diagnosis(step *Step, got, want []outcome) string {
	known := r.known(step)
	if says := recognize(step, got, want, known); len(says) > 0 {
		return r.paint(yellow, wrap("This is what you get when "+strings.Join(says, ", or when ")+"."))
	}
	notices := []string{onTop(step, got, want, known), resemblance(step, got, want, known)}
	if step.explain == nil {
		notices = slices.Concat([]string{observe(got, want)}, notices, []string{locate(got, want), byHand(got, want)})
	}
	for _, notice := range notices {
		if notice != "" {
			return r.paint(yellow, wrap(notice))
		}
	}
	return ""
}

// knownOutcomes returns what the step's mistakes give.
func knownOutcomes(step *Step) [][]outcome {
	known := make([][]outcome, len(step.mistakes))
	for k, m := range step.mistakes {
		f := Ours()
		m.wrong(&f)
		known[k] = outcomes(step, f, "")
	}
	return known
}

// recognize returns what the known mistakes say whose outcomes are the learner's, in all trials. A panic
// counts as equal to a panic, but at least one trial must have returned something wrong.
func recognize(step *Step, got, want []outcome, known [][]outcome) (says []string) {
	if firstReturned(got, want) < 0 {
		return nil
	}
	for k, m := range step.mistakes {
		if sameOutcomes(known[k], got) {
			says = append(says, m.says)
		}
	}
	return says
}

// firstReturned returns the first trial that returned something wrong, −1 if there is none.
func firstReturned(got, want []outcome) int {
	for k := range got {
		if got[k].trouble == nil && !sameOutputs(got[k].outputs, want[k].outputs) {
			return k
		}
	}
	return -1
}

// onTop names the mistake whose outputs are the learner's once they are added to the leftovers of an
// earlier call.
func onTop(step *Step, got, want []outcome, known [][]outcome) string {
	if firstReturned(got, want) < 0 {
		return ""
	}
	for k, m := range step.mistakes {
		added := "" // to what
		matches := slices.EqualFunc(got, known[k], func(g, w outcome) bool {
			if g.trouble != nil || w.trouble != nil {
				return g.trouble != nil && w.trouble != nil
			}
			return slices.EqualFunc(g.outputs, w.outputs, func(g, w output) bool {
				if sameOutput(g, w) {
					return true
				}
				if isAfterward(g) || !sameKind(pair{g, w}) || !isShifted(pair{g, w}, dirt) && !isShifted(pair{g, w}, -dirt) {
					return false
				}
				added = g.name
				return true
			})
		})
		if matches && added != "" {
			return fmt.Sprintf("There are two mistakes. This is what you get when %s. And %s isn't set to 0 first, so all that is added to what it held before the call (%d or −%d).", m.says, added, dirt, dirt)
		}
	}
	return ""
}

// resemblance names the only mistake that gives what the learner's function gave in the first trial that is
// wrong, though not in all.
func resemblance(step *Step, got, want []outcome, known [][]outcome) string {
	first := firstReturned(got, want)
	if first < 0 || slices.ContainsFunc(got, func(o outcome) bool { return o.trouble != nil }) {
		return ""
	}
	var says []string
	for k, m := range step.mistakes {
		if first < len(known[k]) && sameOutcomes(known[k][first:first+1], got[first:first+1]) {
			says = append(says, m.says)
		}
	}
	if len(says) != 1 {
		return ""
	}
	return fmt.Sprintf("In this example it looks as if %s. But not in all examples: perhaps there are two mistakes.", says[0])
}
