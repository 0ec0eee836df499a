package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/training"
)

const modelName = "model.safetensors"

// A position says how far a run has come: digit digits of a pass over a set.
// Sets and passes count from 1.
type position struct{ set, pass, digit int }

func (p position) String() string {
	return fmt.Sprintf("set %d pass %d digit %d", p.set, p.pass, p.digit)
}

var errInterrupted = errors.New("interrupted")

// An experiment is one run: what it works on and what it has measured so far.
type experiment struct {
	settings
	train, test []convnet.Digit
	trainer     *training.Trainer
	progress    *progress

	at       position
	good     []byte          // the model file after the last whole pass
	losses   []float64       // the mean loss of each whole pass
	accuracy []float64       // the part of the test digits read rightly, after each set
	answers  []int           // to the test digits, after the last set
	filters  [][][][]float64 // the first filters as they learn, oldest first
}

// run is the original's experiment: the sets one after the other, each passed
// several times, one digit at a time. What is tested is the saved model.
func (e *experiment) run(ctx context.Context) error {
	for e.at.set = 1; e.at.set <= e.sets; e.at.set++ {
		digits := e.train[(e.at.set-1)*e.size:][:e.size]
		for e.at.pass = 1; e.at.pass <= e.passes; e.at.pass++ {
			if err := e.learn(ctx, digits); err != nil {
				return e.stop(err)
			}
		}
		e.at.pass = e.passes
		if err := e.save(e.good); err != nil {
			return err
		}
		network, err := e.load()
		if err != nil {
			return err
		}
		if err := e.read(ctx, network); err != nil {
			return e.stop(errInterrupted)
		}
		e.accuracy = append(e.accuracy, float64(e.correct())/float64(len(e.test)))
		e.progress.afterSet(e.at, e.correct(), len(e.test))
	}
	return e.writePictures()
}

// stop keeps what can be kept of a run that ends before its time: where it
// was interrupted everything, where its numbers broke the last good model.
func (e *experiment) stop(cause error) error {
	if cause == errInterrupted {
		if e.at == (position{1, 1, 0}) {
			return cause // nothing was learned that is worth a file
		}
		model, err := e.encode()
		if err == nil {
			return e.keep(model)
		}
		cause = err
	}
	if e.good == nil {
		return fmt.Errorf("%v: %w: stopped before there was a good model to keep", e.at, cause)
	}
	if err := e.save(e.good); err != nil {
		return err
	}
	return fmt.Errorf("%v: %w: stopped; %s holds the model after the last good pass", e.at, cause, e.modelPath())
}

// keep writes the model and the pictures of an interrupted run.
func (e *experiment) keep(model []byte) error {
	if err := e.save(model); err != nil {
		return err
	}
	e.progress.beforePictures()
	if err := e.read(context.Background(), e.trainer.Network); err != nil {
		return err
	}
	if err := e.writePictures(); err != nil {
		return err
	}
	return errInterrupted
}

// learn passes once over digits, batch by batch.
func (e *experiment) learn(ctx context.Context, digits []convnet.Digit) error {
	e.at.digit = 0
	e.progress.beginPass()
	sum, right := 0.0, 0
	for batch := range slices.Chunk(digits, e.batch) {
		if ctx.Err() != nil {
			return errInterrupted
		}
		e.lookAtFilters(len(batch))
		loss, rightly := e.trainer.Step(batch)
		e.at.digit += len(batch)
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return fmt.Errorf("the loss is %v", loss)
		}
		sum += loss
		right += rightly
		e.progress.afterBatch(e.at, sum/float64(e.at.digit), right)
	}
	good, err := e.encode()
	if err != nil {
		return err
	}
	e.good = good
	e.losses = append(e.losses, sum/float64(len(digits)))
	e.progress.afterPass(e.at, sum/float64(len(digits)), right)
	return nil
}

// lookAtFilters keeps a copy of the first filters now and then before a batch
// is learned: as a pass begins, though at no more than fifty of them, and,
// since they change most at first, at each tenth of the first pass.
func (e *experiment) lookAtFilters(batch int) {
	const most = 50
	every := max(1, (e.sets*e.passes+most-1)/most)
	begin := e.at.digit == 0 && len(e.losses)%every == 0
	tenth := max(1, e.size/10)
	first := len(e.losses) == 0 && e.at.digit/tenth != (e.at.digit-batch)/tenth
	if begin || first {
		e.filters = append(e.filters, e.firstFilters())
	}
}

// read sets the answers to those of network, unless ctx is done before.
func (e *experiment) read(ctx context.Context, network *convnet.Network) (err error) {
	e.answers, err = training.Read(ctx, network, e.test, func(done int) {
		e.progress.afterAnswers(e.at, done, len(e.test))
	})
	return err
}

// correct counts the test digits that were read as they were meant.
func (e *experiment) correct() int {
	n := 0
	for k, answer := range e.answers {
		if answer == e.test[k].Label {
			n++
		}
	}
	return n
}

// firstFilters returns a copy of the ten first filters, each one kernel.
func (e *experiment) firstFilters() [][][]float64 {
	var copies [][][]float64
	for _, filter := range e.trainer.Network.Filters1 {
		copies = append(copies, kernel(filter, 0))
	}
	return copies
}

// kernel returns a copy of one 5×5 kernel of a filter.
func kernel(filter []float64, channel int) [][]float64 {
	k := convnet.NewMatrix(5, 5)
	for i, row := range k {
		copy(row, filter[25*channel+5*i:])
	}
	return k
}

func (e *experiment) modelPath() string { return filepath.Join(e.out, modelName) }

// encode returns the model file of the network as it stands. Parameters that
// are no numbers are an error.
func (e *experiment) encode() ([]byte, error) {
	var file bytes.Buffer
	err := e.trainer.Network.Save(&file, map[string]string{
		"seed":    strconv.FormatUint(e.seed, 10),
		"rate":    strconv.FormatFloat(e.rate, 'g', -1, 64),
		"dropout": strconv.FormatFloat(e.dropout, 'g', -1, 64),
		"sets":    strconv.Itoa(e.sets),
		"size":    strconv.Itoa(e.size),
		"passes":  strconv.Itoa(e.passes),
		"batch":   strconv.Itoa(e.batch),
		"learned": e.at.String(),
	})
	return file.Bytes(), err
}

func (e *experiment) save(model []byte) error {
	return atomicfile.Write(e.modelPath(), func(w io.Writer) error {
		_, err := w.Write(model)
		return err
	})
}

func (e *experiment) load() (*convnet.Network, error) {
	file, err := os.Open(e.modelPath())
	if err != nil {
		return nil, err
	}
	defer file.Close()
	network, _, err := convnet.Load(file)
	return network, err
}
