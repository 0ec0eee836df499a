package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"convnet"
	"convnet/examples/internal/training"
)

var errInterrupted = errors.New("interrupted")

// An experiment is one run: what it works on and what it has measured so far.
type experiment struct {
	*settings
	train, test []convnet.Digit
	checksum    string // of the training digits
	trainer     *training.Trainer
	progress    *progress

	begun, at   training.Position // where this run started, and where it is now
	sum         float64           // of the losses in this epoch so far
	correct     int               // training examples classified correctly in this epoch so far
	losses      []float64         // the mean loss of each epoch since begun
	accuracy    []float64         // the test accuracy after each set since begun, from 0 to 1
	predictions []int             // for the test digits, after the last set
	filters     [][][][]float64   // the conv1 filters as they were trained, oldest first
}

// takeSteps trains the network. All the rest is done between the steps: beforeStep and afterStep
// show the progress, record what the pictures need, save the model and measure its accuracy.
func (e *experiment) takeSteps(ctx context.Context) error {
	for step := range e.Steps(e.train, e.seed, e.at) {
		if err := e.beforeStep(ctx, step); err != nil {
			return err
		}
		loss, correct := e.trainer.Step(step.Batch, step.Rate)
		if err := e.afterStep(ctx, step, loss, correct); err != nil {
			return err
		}
	}
	return nil
}

// run takes the steps, then writes the pictures.
func (e *experiment) run(ctx context.Context) (err error) {
	defer e.trainer.Close()
	if e.at.Digit == e.Size { // the run to resume stopped between two epochs
		err = e.afterEpoch(ctx)
	}
	if err == nil {
		err = e.takeSteps(ctx)
	}
	if err != nil {
		return e.stop(err)
	}
	if err := e.writePictures(); err != nil {
		return err
	}
	return e.progress.afterRun(e.out, e.countCorrect(), len(e.test))
}

// stop saves what it can of a run that ends early. After an interruption that is everything;
// after any other error it is the model of the last complete epoch, which is already saved.
func (e *experiment) stop(cause error) error {
	if cause == errInterrupted {
		if e.at == e.begun {
			return cause // there is nothing new to save
		}
		if cause = e.save(); cause == nil {
			e.progress.beforePictures()
			e.predict(context.Background()) // which can't be interrupted
			return cmp.Or(e.writePictures(), errInterrupted)
		}
	}
	if len(e.losses) == 0 {
		return fmt.Errorf("%v: %w: the run stopped before it completed an epoch and saved no model", e.at, cause)
	}
	return fmt.Errorf("%v: %w: the run stopped; %s holds the model after the last complete epoch", e.at, cause, e.modelPath())
}
