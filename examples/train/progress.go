package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"convnet/examples/internal/training"
)

// A progress shows how a run is going: on a terminal in a single live line that is constantly
// rewritten, elsewhere in one plain line per epoch.
type progress struct {
	w       io.Writer
	live    bool // whether w is a terminal
	escapes bool // whether it understands escape sequences

	*settings
	begin, epochBegin time.Time
	begun, epochBegun training.Position // where the run and the epoch were then
	last              time.Time         // when the live line was last written
	file              string            // the file being downloaded
}

// newProgress returns a progress that prints to w.
func newProgress(w io.Writer, s *settings) *progress {
	return &progress{w: w, live: isTerminal(w) && !s.quiet, escapes: runtime.GOOS != "windows", settings: s, begin: time.Now()}
}

// isTerminal reports whether w is a terminal that can rewrite a line.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || !canRewrite(runtime.GOOS, os.Getenv("TERM"), os.Getenv("COLUMNS")) {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// canRewrite reports whether a terminal can rewrite a line and, if it's known how many columns it has,
// whether these are enough. On Windows, TERM isn't set.
func canRewrite(system, term, columns string) bool {
	width, err := strconv.Atoi(columns)
	narrow := err == nil && width > 0 && width < leastColumns
	return (system == "windows" || term != "") && term != "dumb" && !narrow
}

const (
	refresh      = 100 * time.Millisecond // between two updates of the live line
	leastColumns = 40                     // of a terminal for a live line
)

// The escape sequences of the live line, which terminals have shared since the VT100.
const (
	eraseBelow = "\x1b[J" // from the cursor to the end of the screen
	wrapOff    = "\x1b[?7l"
	wrapOn     = "\x1b[?7h"
)

// afterBytes shows how the download of a file is going. If its size isn't known, all is −1.
func (p *progress) afterBytes(file string, done, all int64) {
	if !p.live && file != p.file {
		p.say(fmt.Sprintf("downloading %s", file))
	}
	p.file = file
	if p.due() {
		amount := fmt.Sprintf("%d kB", done/1000)
		if all > 0 {
			amount = fmt.Sprintf("%s %d of %d kB", bar(int(done), int(all), 16), done/1000, all/1000)
		}
		p.over(fmt.Sprintf("downloading %s %s", file, amount))
	}
}

// beforeRun starts the clocks of the run and of its first epoch.
func (p *progress) beforeRun(at training.Position) {
	p.begin, p.begun = time.Now(), at
	p.beforeEpoch(at)
}

// beforeEpoch starts the clock of an epoch.
func (p *progress) beforeEpoch(at training.Position) { p.epochBegin, p.epochBegun = time.Now(), at }

func (p *progress) afterStep(at training.Position, loss float64, correct int) {
	if p.due() {
		p.over(fmt.Sprintf("set %d/%d epoch %d/%d %s loss %s acc %.1f%% %.0f images/s %s left",
			at.Set, p.Sets, at.Epoch, p.Epochs, bar(at.Digit, p.Size, 5),
			nats(loss, 3), percent(correct, at.Digit), p.speed(at), p.left(at)))
	}
}

func (p *progress) afterEpoch(at training.Position, loss float64, correct int) {
	if p.live || p.quiet || at == p.epochBegun {
		return
	}
	fmt.Fprintf(p.w, "set %d epoch %d: loss %s, training accuracy %.1f%%, %.0f images/s\n",
		at.Set, at.Epoch, nats(loss, 4), percent(correct, at.Digit), p.speed(at))
}

func (p *progress) afterPredictions(at training.Position, done, all int) {
	if p.due() {
		p.over(fmt.Sprintf("set %d/%d testing %s %d of %d images", at.Set, p.Sets, bar(done, all, 5), done, all))
	}
}

func (p *progress) afterSet(at training.Position, correct, all int) {
	p.say(fmt.Sprintf("set %d: test accuracy %.2f%% (%d/%d)", at.Set, percent(correct, all), correct, all))
}

func (p *progress) beforePictures() {
	p.say("stopping: saving the model and the pictures so far (Ctrl-C again quits at once)")
}

// afterRun prints the last lines of a complete run. It is an error if the very last can't be
// written: that is what the run was for.
func (p *progress) afterRun(out string, correct, all int) error {
	p.say(fmt.Sprintf("saved the model and its pictures in %s (%.1f s)", out, time.Since(p.begin).Seconds()))
	p.lookAt(out)
	_, err := fmt.Fprintf(p.w, "accuracy %.2f%% (%d/%d)\n", percent(correct, all), correct, all)
	return err
}

// lookAt names the pictures to open first.
func (p *progress) lookAt(out string) {
	if names := worthOpening(out); len(names) > 0 {
		p.say("look at " + list(names))
	}
}

// worthOpening returns the pictures in the folder out that show the most.
func worthOpening(out string) (names []string) {
	for _, name := range []string{animation, "misclassified.png", wholeRun} {
		name = filepath.Join(out, name)
		if _, err := os.Stat(name); err == nil { // a resumed run may have drawn no curve
			names = append(names, name)
		}
	}
	return names
}

// list returns names as in a sentence: a, b and c.
func list(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return names[last]
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// say prints a line that stays.
func (p *progress) say(line string) {
	if !p.quiet {
		p.over("")
		fmt.Fprintln(p.w, line)
	}
}

// due reports whether there is a live line and it's time to update it.
func (p *progress) due() bool { return p.live && time.Since(p.last) >= refresh }

// over replaces the live line with as much of text as fits. The standard library can't ask for the width
// of a terminal, at least not on every system. So we let the terminal cut the line at its width of the
// moment, by turning off wrapping around the text. All that is a single write, so a program that's killed
// doesn't leave wrapping off. It ends at the start of the line, where what you type, such as ^C, can't wrap
// either. From there, the next update also erases the lines below, into which a terminal may have broken
// this one when it became narrower.
//
// A console of Windows may print the escape sequences instead, and only a system call can tell. There, the
// line has as many columns as every terminal with a live line.
func (p *progress) over(text string) {
	if !p.live {
		return
	}
	if p.escapes {
		io.WriteString(p.w, "\r"+eraseBelow+wrapOff+text+wrapOn+"\r")
	} else {
		fmt.Fprintf(p.w, "\r%-*.*s\r", leastColumns-1, leastColumns-1, text)
	}
	p.last = time.Now()
}

// speed returns how many images per second this epoch has trained on.
func (p *progress) speed(at training.Position) float64 {
	return float64(at.Digit-p.epochBegun.Digit) / max(time.Since(p.epochBegin).Seconds(), 1e-9)
}

// left returns how long the rest of the run will take at the speed so far.
func (p *progress) left(at training.Position) string {
	done := p.Seen(at) - p.Seen(p.begun)
	rest := p.Total() - p.Seen(at)
	left := time.Since(p.begin) / time.Duration(done) * time.Duration(rest)
	return fmt.Sprintf("%d:%02d", int(left.Minutes()), int(left.Seconds())%60)
}

// bar returns a bar of ASCII characters. Others, such as blocks, are two columns wide on some terminals.
func bar(done, all, width int) string {
	full := done * width / all
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "]"
}

// nats formats a loss with this many decimals, or in scientific notation if it's enormous.
func nats(loss float64, decimals int) string {
	if loss >= 1e6 {
		return fmt.Sprintf("%.3g", loss)
	}
	return fmt.Sprintf("%.*f", decimals, loss)
}

func percent(part, all int) float64 { return 100 * float64(part) / float64(all) }
