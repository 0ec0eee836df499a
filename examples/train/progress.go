package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A progress tells how a run goes: on a terminal in one line that is written
// over and over, elsewhere in one plain line a pass.
type progress struct {
	w    io.Writer
	live bool // a terminal

	*settings
	begin, passBegin time.Time
	begun, passBegun position  // where the run and the pass stood then
	last             time.Time // when the live line was written
	file             string    // that is being fetched
}

// newProgress returns a progress that prints to w.
func newProgress(w io.Writer, s *settings) *progress {
	return &progress{w: w, live: isTerminal(w) && !s.quiet, settings: s, begin: time.Now()}
}

// isTerminal reports whether w is a terminal that can rewrite a line.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const (
	refresh   = 100 * time.Millisecond // between two versions of the live line
	lineWidth = 79                     // of a terminal, less one
)

// afterBytes tells how fetching a file goes; all is −1 where nobody knows.
func (p *progress) afterBytes(file string, done, all int64) {
	if !p.live && file != p.file {
		p.say(fmt.Sprintf("fetching %s", file))
	}
	p.file = file
	if !p.live || time.Since(p.last) < refresh {
		return
	}
	if all <= 0 {
		p.over(fmt.Sprintf("fetching %s %d kB", file, done/1000))
		return
	}
	p.over(fmt.Sprintf("fetching %s %s %d of %d kB", file, bar(int(done), int(all), 20), done/1000, all/1000))
}

// beginRun starts the clock of the run.
func (p *progress) beginRun(at position) { p.begin, p.begun = time.Now(), at }

// beginPass starts the clock of a pass.
func (p *progress) beginPass(at position) { p.passBegin, p.passBegun = time.Now(), at }

func (p *progress) afterBatch(at position, loss float64, right int) {
	if !p.live || time.Since(p.last) < refresh {
		return
	}
	p.over(fmt.Sprintf("set %d/%d pass %d/%d %s loss %s %.1f%% right %.0f digits/s %s left",
		at.set, p.Sets, at.pass, p.Passes, bar(at.digit, p.Size, 5),
		nats(loss, 3), percent(right, at.digit), p.speed(at), p.left(at)))
}

func (p *progress) afterPass(at position, loss float64, right int) {
	if p.live || p.quiet || at == p.passBegun {
		return
	}
	fmt.Fprintf(p.w, "set %d pass %2d: loss %s, accuracy in training %5.1f%%, %4.0f digits/s\n",
		at.set, at.pass, nats(loss, 4), percent(right, at.digit), p.speed(at))
}

func (p *progress) afterAnswers(at position, answered, all int) {
	if p.live && time.Since(p.last) >= refresh {
		p.over(fmt.Sprintf("set %d/%d testing  %s %d of %d digits", at.set, p.Sets, bar(answered, all, 5), answered, all))
	}
}

func (p *progress) afterSet(at position, correct, all int) {
	p.say(fmt.Sprintf("set %d: %.2f%% of the test digits read rightly (%d/%d)", at.set, percent(correct, all), correct, all))
}

func (p *progress) beforePictures() {
	p.say("stopping: writing the model and the pictures so far; Ctrl-C again ends at once")
}

// finish prints the last lines of a whole run. That they can't be written is
// an error: they are what the run was for.
func (p *progress) finish(out string, correct, all int) error {
	p.say(fmt.Sprintf("model and pictures are in %s (%.1f s)", out, time.Since(p.begin).Seconds()))
	_, err := fmt.Fprintf(p.w, "accuracy %.2f%% (%d/%d)\n", percent(correct, all), correct, all)
	return err
}

// say prints a line of its own.
func (p *progress) say(line string) {
	if !p.quiet {
		p.over("")
		fmt.Fprintln(p.w, line)
	}
}

// over writes text over the live line, as much as a line holds; without text it
// empties the line.
func (p *progress) over(text string) {
	if p.live {
		fmt.Fprintf(p.w, "\r%-*s\r%.*s", lineWidth, "", lineWidth, text)
		p.last = time.Now()
	}
}

// speed is how many digits a second this pass has learned from.
func (p *progress) speed(at position) float64 {
	return float64(at.digit-p.passBegun.digit) / max(time.Since(p.passBegin).Seconds(), 1e-9)
}

// left is the time that the rest of the run takes at the pace so far.
func (p *progress) left(at position) string {
	done := p.learned(at) - p.learned(p.begun)
	rest := p.All() - p.learned(at)
	left := time.Since(p.begin) / time.Duration(done) * time.Duration(rest)
	return fmt.Sprintf("%d:%02d", int(left.Minutes()), int(left.Seconds())%60)
}

func bar(done, all, width int) string {
	full := done * width / all
	return "[" + strings.Repeat("█", full) + strings.Repeat("·", width-full) + "]"
}

// nats writes a loss with so many decimals, but one beyond all measure short.
func nats(loss float64, decimals int) string {
	if loss >= 1e6 {
		return fmt.Sprintf("%.3g", loss)
	}
	return fmt.Sprintf("%.*f", decimals, loss)
}

func percent(part, all int) float64 { return 100 * float64(part) / float64(all) }
