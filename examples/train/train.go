package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

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
	filters     []moment          // the conv1 filters over the run, oldest first
	warned      bool              // whether we have said that the network has died
}

// takeSteps trains the network. Everything else happens between the steps: the functions below show
// the progress, record what the pictures need, save the model and measure its accuracy.
func (e *experiment) takeSteps(ctx context.Context) error {
	for step := range e.Steps(e.train, e.seed, e.at) {
		if err := e.beforeStep(ctx, step); err != nil {
			return err
		}
		loss, correct := e.trainer.Step(step.Batch, step.Rate)
		e.at = step.End
		if err := e.afterStep(ctx, loss, correct); err != nil {
			return err
		}
	}
	return nil
}

// beforeStep begins an epoch if this is its first step. It is an error if the run has been
// interrupted.
func (e *experiment) beforeStep(ctx context.Context, step training.Step) error {
	if step.Digit == 0 {
		e.at, e.sum, e.correct = step.Position, 0, 0
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
func (e *experiment) afterStep(ctx context.Context, loss float64, correct int) error {
	e.sum += loss
	if math.IsNaN(e.sum) || math.IsInf(e.sum, 0) {
		return fmt.Errorf("training diverged: the loss is %v, want a finite number: try a lower -rate", e.sum)
	}
	e.correct += correct
	e.progress.afterStep(e.at, e.sum/float64(e.at.Digit), e.correct)
	if e.at.Digit < e.Size {
		return nil
	}
	return e.afterEpoch(ctx)
}

// afterEpoch saves the model. After the last epoch on a set, it also measures the test accuracy.
func (e *experiment) afterEpoch(ctx context.Context) error {
	if err := e.save(); err != nil {
		return err
	}
	loss := e.sum / float64(e.Size)
	e.losses = append(e.losses, loss)
	e.progress.afterEpoch(e.at, loss, e.correct)
	if !e.warned {
		e.warned = e.warnIfDead()
	}
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

// predict has the network classify the test digits, unless ctx is done first.
func (e *experiment) predict(ctx context.Context) (err error) {
	e.predictions, err = training.Predict(ctx, e.trainer.Network, e.test, func(done int) {
		e.progress.afterPredictions(e.at, done, len(e.test))
	})
	return err
}

// countCorrect returns how many of the test digits are classified correctly.
func (e *experiment) countCorrect() int { return training.CountCorrect(e.predictions, e.test) }

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
	e.warnIfDead()
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
			if err := e.writePictures(); err != nil {
				return err
			}
			e.warnIfDead()
			e.progress.lookAt(e.out)
			return errInterrupted
		}
	}
	if len(e.losses) == 0 {
		return fmt.Errorf("%v: %w (the run stopped in its first epoch, so no model was saved)", e.at, cause)
	}
	return fmt.Errorf("%v: %w (%s holds the model after the last complete epoch)", e.at, cause, e.modelPath())
}

// warnIfDead says so if the network has died, and returns whether it has.
func (e *experiment) warnIfDead() bool {
	if !dead(e.trainer.Network, e.train[:e.Sets*e.Size]) {
		return false
	}
	advice := fmt.Sprintf("start a new run with -rate below %v", e.Rate)
	if usual := training.Default().Rate; e.Rate > usual {
		advice += fmt.Sprintf(", such as %v", usual)
	}
	if from := cmp.Or(e.model, e.resume); from != "" {
		advice += ", and not from " + from
	}
	e.progress.say("the network has died: its output is nearly the same for every image, so it can hardly learn anymore: " + advice)
	return true
}

// dead reports whether the logits are nearly the same for nearly every image. That happens when steps are
// so large that the units of a layer end up below 0 for every image. ReLU then passes nothing on, and no
// gradient comes back to move them. A trace of the image may still get through, so the logits don't have
// to be the same to the last bit.
func dead(network *convnet.Network, digits []convnet.Digit) bool {
	const most = 50                                                 // images, to lose no time
	near := func(a, b float64) bool { return math.Abs(a-b) < 0.01 } // an untrained network's differ ten times as much
	a := convnet.NewActivations()
	var last convnet.Digit
	var lastLogits []float64
	same, pairs := 0, 0
	for _, d := range digits[:min(len(digits), most)] {
		network.Predict(a, d.Image)
		if last.Image != nil && !slices.EqualFunc(d.Image, last.Image, slices.Equal) {
			pairs++
			if slices.EqualFunc(a.Logits, lastLogits, near) {
				same++
			}
		}
		last, lastLogits = d, append(lastLogits[:0], a.Logits...)
	}
	return pairs > 0 && 10*same >= 8*pairs
}
