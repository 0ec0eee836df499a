package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/training"
	"convnet/examples/model"
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
	*settings
	train, test []convnet.Digit
	trainer     *training.Trainer
	progress    *progress

	begun, at position        // where this run has begun, and how far it is
	sum       float64         // of the losses of the pass so far
	right     int             // digits of the pass so far that were read rightly
	losses    []float64       // the mean loss of each pass since begun
	accuracy  []float64       // the part of the test digits read rightly, after each set since begun
	checksum  string          // of the training digits, once it is known
	answers   []int           // to the test digits, after the last set
	filters   [][][][]float64 // the first filters as they learn, oldest first
}

// run passes over the sets, one after the other, each several times.
func (e *experiment) run(ctx context.Context) error {
	for {
		if err := e.learn(ctx); err != nil {
			return e.stop(err)
		}
		if e.at.pass == e.Passes {
			if err := e.endSet(ctx); err != nil {
				return err
			}
			if e.at.set == e.Sets {
				return e.writePictures()
			}
			e.at.set, e.at.pass = e.at.set+1, 0
		}
		e.at.pass, e.at.digit = e.at.pass+1, 0
		e.sum, e.right = 0, 0
	}
}

// endSet tests what was saved after the last pass over a set.
func (e *experiment) endSet(ctx context.Context) error {
	network, _, err := load(e.modelPath())
	if err != nil {
		return err
	}
	if err := e.read(ctx, network); err != nil {
		return e.stop(errInterrupted)
	}
	e.accuracy = append(e.accuracy, float64(e.correct())/float64(len(e.test)))
	e.progress.afterSet(e.at, e.correct(), len(e.test))
	return nil
}

// stop keeps what can be kept of a run that ends before its time: where it
// was interrupted everything, where its numbers broke the last good model.
func (e *experiment) stop(cause error) error {
	if cause == errInterrupted {
		if e.at == e.begun {
			return cause // nothing was learned that is worth a file
		}
		if cause = e.save(); cause == nil {
			return e.keep()
		}
	}
	if len(e.losses) == 0 {
		return fmt.Errorf("%v: %w: stopped before there was a good model to keep", e.at, cause)
	}
	return fmt.Errorf("%v: %w: stopped; %s holds the model after the last good pass", e.at, cause, e.modelPath())
}

// keep writes the pictures of an interrupted run, whose model is saved.
func (e *experiment) keep() error {
	e.progress.beforePictures()
	if err := e.read(context.Background(), e.trainer.Network); err != nil {
		return err
	}
	if err := e.writePictures(); err != nil {
		return err
	}
	return errInterrupted
}

// learn passes over the digits of a set, batch by batch, from where it stands,
// and saves what it has learned.
func (e *experiment) learn(ctx context.Context) error {
	e.progress.beginPass(e.at)
	digits := e.Set(e.train, e.at.set, e.at.pass, e.seed)
	for batch := range slices.Chunk(digits[e.at.digit:], e.Batch) {
		if ctx.Err() != nil {
			return errInterrupted
		}
		e.lookAtFilters(len(batch))
		e.trainer.Rate = e.RateAt(e.learned(e.at))
		loss, right := e.trainer.Step(batch)
		e.at.digit += len(batch)
		e.sum += loss
		if math.IsNaN(e.sum) || math.IsInf(e.sum, 0) {
			return fmt.Errorf("the sum of the losses is %v", e.sum)
		}
		e.right += right
		e.progress.afterBatch(e.at, e.sum/float64(e.at.digit), e.right)
	}
	if err := e.save(); err != nil {
		return err
	}
	e.losses = append(e.losses, e.sum/float64(e.Size))
	e.progress.afterPass(e.at, e.sum/float64(e.Size), e.right)
	return nil
}

// lookAtFilters keeps a copy of the first filters now and then before a batch
// is learned: as the run and as a pass begins, though at no more than fifty
// passes, and, since they change most at first, at each tenth of the first pass.
func (e *experiment) lookAtFilters(batch int) {
	const most = 50
	every := max(1, (e.Sets*e.Passes+most-1)/most)
	begin := e.at == e.begun || e.at.digit == 0 && len(e.losses)%every == 0
	tenth := max(1, e.Size/10)
	first := e.at.set == 1 && e.at.pass == 1 && e.at.digit/tenth != (e.at.digit-batch)/tenth
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
func (e *experiment) correct() int { return training.Right(e.answers, e.test) }

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

// save writes the model file of the network as it stands. Parameters that are
// no numbers are an error.
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
