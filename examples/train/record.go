package main

import (
	"context"
	"fmt"
	"math"

	"convnet/examples/internal/training"
)

func (e *experiment) beforeStep(ctx context.Context, step training.Step) error {
	e.at = step.Position
	if e.at.Digit == 0 {
		e.sum, e.correct = 0, 0
		e.progress.beforeEpoch(e.at)
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	e.recordFilters(step)
	return nil
}

// afterStep records the loss and the number of correctly classified examples of a step. It is
// an error if training has diverged.
func (e *experiment) afterStep(ctx context.Context, step training.Step, loss float64, correct int) error {
	e.at.Digit += len(step.Batch)
	e.sum += loss
	if math.IsNaN(e.sum) || math.IsInf(e.sum, 0) {
		return fmt.Errorf("training diverged: the sum of the losses is %v, want a finite number; try a lower -rate", e.sum)
	}
	e.correct += correct
	e.progress.afterStep(e.at, e.sum/float64(e.at.Digit), e.correct)
	if e.at.Digit < e.Size {
		return nil
	}
	return e.afterEpoch(ctx)
}

// afterEpoch saves the model.
func (e *experiment) afterEpoch(ctx context.Context) error {
	if err := e.save(); err != nil {
		return err
	}
	loss := e.sum / float64(e.Size)
	e.losses = append(e.losses, loss)
	e.progress.afterEpoch(e.at, loss, e.correct)
	if e.at.Epoch < e.Epochs {
		return nil
	}
	return e.afterSet(ctx)
}

// afterSet measures the test accuracy.
func (e *experiment) afterSet(ctx context.Context) error {
	if err := e.predict(ctx); err != nil {
		return errInterrupted
	}
	e.accuracy = append(e.accuracy, float64(e.countCorrect())/float64(len(e.test)))
	e.progress.afterSet(e.at, e.countCorrect(), len(e.test))
	return nil
}

// predict sets the predictions to those of the network, unless ctx is done first.
func (e *experiment) predict(ctx context.Context) (err error) {
	e.predictions, err = training.Predict(ctx, e.trainer.Network, e.test, func(done int) {
		e.progress.afterPredictions(e.at, done, len(e.test))
	})
	return err
}

// countCorrect returns how many of the test digits are classified correctly.
func (e *experiment) countCorrect() int { return training.CountCorrect(e.predictions, e.test) }

// recordFilters copies the conv1 filters for the animation: at the start of the run, at the start
// of up to fifty epochs, and ten times during the first epoch, when they change most.
func (e *experiment) recordFilters(step training.Step) {
	const most = 50
	every := max(1, (e.Sets*e.Epochs+most-1)/most)
	begin := step.Position == e.begun || step.Digit == 0 && len(e.losses)%every == 0
	tenth := max(1, e.Size/10)
	first := step.Set == 1 && step.Epoch == 1 && step.Digit%tenth < len(step.Batch)
	if begin || first {
		e.filters = append(e.filters, e.conv1Filters())
	}
}
