package main

import (
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strconv"

	"convnet"
)

// shaping are the flags that, with the digits, decide every bit of a run.
var shaping = []string{"seed", "rate", "dropout", "sets", "size", "passes", "batch", "decay", "shuffle", "augment"}

// learned is how many digits a run has learned from when it stands at p. The
// distortion and the masks of a digit are drawn from the seed and this number,
// so it is also the state of the generator.
func (s *settings) learned(p position) int {
	return ((p.set-1)*s.Passes+p.pass-1)*s.Size + p.digit
}

// metadata returns what a run must know to go on from its model file.
func (e *experiment) metadata() map[string]string {
	entries := map[string]string{
		"learned": e.at.String(),
		"loss":    strconv.FormatFloat(e.sum, 'g', -1, 64), // of the pass so far
		"right":   strconv.Itoa(e.right),
		"digits":  e.digits(),
	}
	for _, name := range shaping {
		entries[name] = e.flags.Lookup(name).Value.String()
	}
	return entries
}

// digits returns the CRC-32 of the training digits that the run learns from.
func (e *experiment) digits() string {
	if e.checksum == "" {
		sum := crc32.NewIEEE()
		for _, digit := range e.train[:e.Sets*e.Size] {
			text := []byte{byte(digit.Label)}
			for _, row := range digit.Image {
				for _, v := range row {
					text = append(text, byte(math.Round(255*v)))
				}
			}
			sum.Write(text)
		}
		e.checksum = fmt.Sprintf("%08x", sum.Sum32())
	}
	return e.checksum
}

// start returns the network that the run begins with and sets where it stands:
// at the beginning, or with -resume where the file's run was, whose metadata it
// returns too.
func (e *experiment) start() (n *convnet.Network, entries map[string]string, err error) {
	e.begun = position{set: 1, pass: 1}
	switch {
	case e.model != "":
		if n, _, err = load(e.model); err != nil {
			err = fmt.Errorf("-model %s: %w", e.model, err)
		}
	case e.resume != "":
		if n, entries, err = load(e.resume); err == nil {
			err = e.goOn(entries)
		}
		if err != nil {
			err = fmt.Errorf("-resume %s: %w", e.resume, err)
		}
	default:
		n = convnet.New(e.seed)
	}
	e.at = e.begun
	return n, entries, err
}

// goOn takes over the flags and the position of the run that left entries. It
// refuses a flag of our own that disagrees.
func (e *experiment) goOn(entries map[string]string) error {
	given := e.given()
	for _, name := range append([]string{"learned", "loss", "right", "digits"}, shaping...) {
		want, ok := entries[name]
		if !ok {
			return fmt.Errorf("found no %s in its metadata, want a file that a run has left; -model starts a new run from any", name)
		}
		if !slices.Contains(shaping, name) {
			continue
		}
		if found := e.flags.Lookup(name).Value.String(); given[name] && found != want {
			return fmt.Errorf("-%s is %s, want %.40s as the run has it", name, found, want)
		}
		if err := e.flags.Set(name, want); err != nil {
			return fmt.Errorf("metadata %s: found %.40q: %w", name, want, err)
		}
	}
	if err := e.check(); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	p := &e.begun
	fmt.Sscanf(entries["learned"], "set %d pass %d digit %d", &p.set, &p.pass, &p.digit)
	within := 1 <= p.set && p.set <= e.Sets && 1 <= p.pass && p.pass <= e.Passes && 0 <= p.digit && p.digit <= e.Size
	if !within || p.digit%e.Batch != 0 && p.digit != e.Size || p.String() != entries["learned"] {
		return fmt.Errorf("metadata learned: found %.60q, want a place where a run of %d sets, %d passes and %d digits can stop", entries["learned"], e.Sets, e.Passes, e.Size)
	}
	var err error
	if e.sum, err = strconv.ParseFloat(entries["loss"], 64); err != nil || !(e.sum >= 0) || math.IsInf(e.sum, 0) {
		return fmt.Errorf("metadata loss: found %.40q, want a finite number from 0", entries["loss"])
	}
	if e.right, err = strconv.Atoi(entries["right"]); err != nil || e.right < 0 || e.right > p.digit {
		return fmt.Errorf("metadata right: found %.40q, want 0 to %d", entries["right"], p.digit)
	}
	return nil
}
