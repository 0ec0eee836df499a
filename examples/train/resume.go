package main

import (
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strconv"

	"convnet"
)

// decisive lists the flags that, together with the training digits, determine every bit of a run:
// the hyperparameters and the seed.
var decisive = []string{"seed", "rate", "dropout", "sets", "size", "epochs", "batch", "schedule", "shuffle", "augment"}

// renamed lists the metadata that earlier versions saved under other names.
var renamed = []struct{ old, new string }{
	{"learned", "position"}, {"right", "correct"}, {"passes", "epochs"}, {"decay", "schedule"},
}

// seen returns how many training examples a run has seen at p, counting repetitions. The
// augmentation and the masks of an example are drawn from the seed and this number, so it is
// also the state of the random numbers.
func (s *settings) seen(p position) int {
	return ((p.set-1)*s.Epochs+p.epoch-1)*s.Size + p.digit
}

// metadata returns what -resume must know besides the parameters.
func (e *experiment) metadata() map[string]string {
	entries := map[string]string{
		"position": e.at.String(),
		"loss":     strconv.FormatFloat(e.sum, 'g', -1, 64), // the sum over the epoch so far
		"correct":  strconv.Itoa(e.correct),                 // in the epoch so far
		"digits":   e.digits(),
	}
	for _, name := range decisive {
		entries[name] = e.flags.Lookup(name).Value.String()
	}
	return entries
}

// digits returns the CRC-32 of the digits that the run trains on.
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

// start returns the network that the run starts with, and sets the position: that of a new
// run, or with -resume that of the run in the file, whose metadata it returns too.
func (e *experiment) start() (n *convnet.Network, entries map[string]string, err error) {
	e.begun = position{set: 1, epoch: 1}
	switch {
	case e.model != "":
		if n, _, err = load(e.model); err != nil {
			err = fmt.Errorf("-model %s: %w", e.model, err)
		}
	case e.resume != "":
		if n, entries, err = load(e.resume); err == nil {
			err = e.restore(entries)
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

// restore takes the flags and the position from the metadata of a run. It is an error if
// they disagree with a flag that is given.
func (e *experiment) restore(entries map[string]string) error {
	for _, name := range renamed {
		if _, ok := entries[name.old]; ok {
			return fmt.Errorf("found %s in its metadata, want %s: an earlier version wrote this file; start a new run from it with -model %s and another -out", name.old, name.new, e.resume)
		}
	}
	given := e.given()
	for _, name := range append([]string{"position", "loss", "correct", "digits"}, decisive...) {
		want, ok := entries[name]
		if !ok {
			return fmt.Errorf("found no %s in its metadata, want a file that a run saved: start a new run from it with -model %s and another -out", name, e.resume)
		}
		if !slices.Contains(decisive, name) {
			continue
		}
		if found := e.flags.Lookup(name).Value.String(); given[name] && found != want {
			return fmt.Errorf("-%s is %s, want %.40s, as in the run being resumed", name, found, want)
		}
		if err := e.flags.Set(name, want); err != nil {
			return fmt.Errorf("metadata %s: found %.40q: %w", name, want, err)
		}
	}
	if err := e.check(); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	p := &e.begun
	fmt.Sscanf(entries["position"], "set %d epoch %d digit %d", &p.set, &p.epoch, &p.digit)
	within := 1 <= p.set && p.set <= e.Sets && 1 <= p.epoch && p.epoch <= e.Epochs && 0 <= p.digit && p.digit <= e.Size
	if !within || p.digit%e.Batch != 0 && p.digit != e.Size || p.String() != entries["position"] {
		return fmt.Errorf("metadata position: found %.60q, want the position between two steps of a run on %d sets of %d digits, %d epochs each", entries["position"], e.Sets, e.Size, e.Epochs)
	}
	var err error
	if e.sum, err = strconv.ParseFloat(entries["loss"], 64); err != nil || !(e.sum >= 0) || math.IsInf(e.sum, 0) {
		return fmt.Errorf("metadata loss: found %.40q, want a finite number, 0 or more", entries["loss"])
	}
	if e.correct, err = strconv.Atoi(entries["correct"]); err != nil || e.correct < 0 || e.correct > p.digit {
		return fmt.Errorf("metadata correct: found %.40q, want 0 to %d", entries["correct"], p.digit)
	}
	return nil
}
