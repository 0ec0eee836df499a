package main

import (
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/training"
	"convnet/examples/model"
)

const modelName = "model.safetensors"

// decisive lists the flags that, together with the training digits, determine every bit of a run:
// the hyperparameters and the seed.
var decisive = []string{"seed", "rate", "dropout", "sets", "size", "epochs", "batch", "schedule", "shuffle", "augment"}

// renamed lists the metadata that earlier versions saved under other names.
var renamed = []struct{ old, new string }{
	{"learned", "position"}, {"right", "correct"}, {"passes", "epochs"}, {"decay", "schedule"},
}

func (s *settings) modelPath() string { return filepath.Join(s.out, modelName) }

// save writes the model file. It is an error if a parameter is infinite or NaN.
func (e *experiment) save() error {
	return atomicfile.Write(e.modelPath(), func(w io.Writer) error {
		return model.Save(w, e.trainer.Network, e.metadata())
	})
}

// load reads a model file.
func load(path string) (*convnet.Network, map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	return model.Load(file)
}

// metadata returns what -resume needs to know besides the parameters.
func (e *experiment) metadata() map[string]string {
	entries := map[string]string{
		"position": e.at.String(),
		"loss":     strconv.FormatFloat(e.sum, 'g', -1, 64), // the sum over the epoch so far
		"correct":  strconv.Itoa(e.correct),                 // in the epoch so far
		"digits":   e.checksum,
	}
	for _, name := range decisive {
		entries[name] = e.flags.Lookup(name).Value.String()
	}
	return entries
}

// checksum returns the CRC-32 of digits.
func checksum(digits []convnet.Digit) string {
	sum := crc32.NewIEEE()
	for _, digit := range digits {
		text := []byte{byte(digit.Label)}
		for _, row := range digit.Image {
			for _, v := range row {
				text = append(text, byte(math.Round(255*v)))
			}
		}
		sum.Write(text)
	}
	return fmt.Sprintf("%08x", sum.Sum32())
}

// start returns the network that the run starts with, and sets the position. With -resume,
// both come from the file, and start returns its metadata, too.
func (e *experiment) start() (n *convnet.Network, entries map[string]string, err error) {
	e.begun = training.Start
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

// restore takes the flags and the position from the metadata of a run. It is an error if a
// flag that is given disagrees with them.
func (e *experiment) restore(entries map[string]string) error {
	for _, name := range renamed {
		if _, ok := entries[name.old]; ok {
			return fmt.Errorf("found %s in its metadata, want %s: an earlier version saved this file, so start a new run from it with -model %s and another -out", name.old, name.new, e.resume)
		}
	}
	given := e.given()
	for _, name := range append([]string{"position", "loss", "correct", "digits"}, decisive...) {
		want, ok := entries[name]
		if !ok {
			return fmt.Errorf("found no %s in its metadata, want a file saved by a run: start a new run from it with -model %s and another -out", name, e.resume)
		}
		if !slices.Contains(decisive, name) {
			continue
		}
		if found := e.flags.Lookup(name).Value.String(); given[name] && found != want {
			return fmt.Errorf("-%s is %s, want %.40s, as in the run that saved the file", name, found, want)
		}
		if err := e.flags.Set(name, want); err != nil {
			return fmt.Errorf("metadata %s: found %.40q, want %s", name, want, cli.Kind(e.flags.Lookup(name)))
		}
	}
	if err := e.check(); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	p := &e.begun
	fmt.Sscanf(entries["position"], "set %d epoch %d digit %d", &p.Set, &p.Epoch, &p.Digit)
	within := 1 <= p.Set && p.Set <= e.Sets && 1 <= p.Epoch && p.Epoch <= e.Epochs && 0 <= p.Digit && p.Digit <= e.Size
	if !within || p.Digit%e.Batch != 0 && p.Digit != e.Size || p.String() != entries["position"] {
		return fmt.Errorf("metadata position: found %.60q, want a position between two steps of a run on %d sets of %d images, %d epochs each", entries["position"], e.Sets, e.Size, e.Epochs)
	}
	var err error
	if e.sum, err = strconv.ParseFloat(entries["loss"], 64); err != nil || !(e.sum >= 0) || math.IsInf(e.sum, 0) {
		return fmt.Errorf("metadata loss: found %.40q, want a finite number, 0 or more", entries["loss"])
	}
	if e.correct, err = strconv.Atoi(entries["correct"]); err != nil || e.correct < 0 || e.correct > p.Digit {
		return fmt.Errorf("metadata correct: found %.40q, want 0 to %d", entries["correct"], p.Digit)
	}
	return nil
}
