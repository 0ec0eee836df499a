package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A progress shows how a run is going: on a terminal in one line that is rewritten again and
// again, elsewhere in one plain line per epoch.
type progress struct {
	w    io.Writer
	live bool // whether w is a terminal

	*settings
	begin, epochBegin time.Time
	begun, epochBegun position  // where the run and the epoch were then
	last              time.Time // when the live line was written
	file              string    // that is being downloaded
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
	lineWidth = 79                     // one less than that of a terminal
)

// afterBytes shows how the download of a file is going. If its size isn't known, all is −1.
func (p *progress) afterBytes(file string, done, all int64) {
	if !p.live && file != p.file {
		p.say(fmt.Sprintf("downloading %s", file))
	}
	p.file = file
	if !p.live || time.Since(p.last) < refresh {
		return
	}
	if all <= 0 {
		p.over(fmt.Sprintf("downloading %s %d kB", file, done/1000))
		return
	}
	p.over(fmt.Sprintf("downloading %s %s %d of %d kB", file, bar(int(done), int(all), 16), done/1000, all/1000))
}

// beginRun starts the clock of the run.
func (p *progress) beginRun(at position) { p.begin, p.begun = time.Now(), at }

// beginEpoch starts the clock of an epoch.
func (p *progress) beginEpoch(at position) { p.epochBegin, p.epochBegun = time.Now(), at }

func (p *progress) afterBatch(at position, loss float64, correct int) {
	if !p.live || time.Since(p.last) < refresh {
		return
	}
	p.over(fmt.Sprintf("set %d/%d epoch %d/%d %s loss %s acc %.1f%% %.0f digits/s %s left",
		at.set, p.Sets, at.epoch, p.Epochs, bar(at.digit, p.Size, 5),
		nats(loss, 3), percent(correct, at.digit), p.speed(at), p.left(at)))
}

func (p *progress) afterEpoch(at position, loss float64, correct int) {
	if p.live || p.quiet || at == p.epochBegun {
		return
	}
	fmt.Fprintf(p.w, "set %d epoch %2d: loss %s, training accuracy %5.1f%%, %4.0f digits/s\n",
		at.set, at.epoch, nats(loss, 4), percent(correct, at.digit), p.speed(at))
}

func (p *progress) afterPredictions(at position, done, all int) {
	if p.live && time.Since(p.last) >= refresh {
		p.over(fmt.Sprintf("set %d/%d testing %s %d of %d digits", at.set, p.Sets, bar(done, all, 5), done, all))
	}
}

func (p *progress) afterSet(at position, correct, all int) {
	p.say(fmt.Sprintf("set %d: test accuracy %.2f%% (%d/%d)", at.set, percent(correct, all), correct, all))
}

func (p *progress) beforePictures() {
	p.say("stopping: writing the model and pictures so far (Ctrl-C again quits at once)")
}

// finish prints the last lines of a complete run. It is an error if they can't be written:
// they are what the run was for.
func (p *progress) finish(out string, correct, all int) error {
	p.say(fmt.Sprintf("model and pictures are in %s (%.1f s)", out, time.Since(p.begin).Seconds()))
	_, err := fmt.Fprintf(p.w, "test accuracy %.2f%% (%d/%d)\n", percent(correct, all), correct, all)
	return err
}

// say prints a line of its own.
func (p *progress) say(line string) {
	if !p.quiet {
		p.over("")
		fmt.Fprintln(p.w, line)
	}
}

// over replaces the live line with as much of text as fits.
func (p *progress) over(text string) {
	if p.live {
		fmt.Fprintf(p.w, "\r%-*s\r%.*s", lineWidth, "", lineWidth, text)
		p.last = time.Now()
	}
}

// speed returns how many digits a second this epoch has trained on.
func (p *progress) speed(at position) float64 {
	return float64(at.digit-p.epochBegun.digit) / max(time.Since(p.epochBegin).Seconds(), 1e-9)
}

// left returns how long the rest of the run will take at the speed so far.
func (p *progress) left(at position) string {
	done := p.seen(at) - p.seen(p.begun)
	rest := p.Total() - p.seen(at)
	left := time.Since(p.begin) / time.Duration(done) * time.Duration(rest)
	return fmt.Sprintf("%d:%02d", int(left.Minutes()), int(left.Seconds())%60)
}

func bar(done, all, width int) string {
	full := done * width / all
	return "[" + strings.Repeat("█", full) + strings.Repeat("·", width-full) + "]"
}

// nats formats a loss with that many decimals, or briefly if it is enormous.
func nats(loss float64, decimals int) string {
	if loss >= 1e6 {
		return fmt.Sprintf("%.3g", loss)
	}
	return fmt.Sprintf("%.*f", decimals, loss)
}

func percent(part, all int) float64 { return 100 * float64(part) / float64(all) }
