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

// A position says how far a run has got: which set, which epoch on it, and how many digits of
// that epoch are done. Sets and epochs count from 1.
type position struct{ set, epoch, digit int }

func (p position) String() string {
	return fmt.Sprintf("set %d epoch %d digit %d", p.set, p.epoch, p.digit)
}

var errInterrupted = errors.New("interrupted")

// An experiment is one run: what it works on and what it has measured so far.
type experiment struct {
	*settings
	train, test []convnet.Digit
	trainer     *training.Trainer
	progress    *progress

	begun, at   position        // where this run started, and where it is now
	sum         float64         // of the losses in this epoch so far
	correct     int             // training examples classified correctly in this epoch so far
	losses      []float64       // the mean loss of each epoch since begun
	accuracy    []float64       // the test accuracy after each set since begun, from 0 to 1
	checksum    string          // of the training digits, once it is known
	predictions []int           // for the test digits, after the last set
	filters     [][][][]float64 // the conv1 filters as they were trained, oldest first
}

// run trains on the sets, one after another, several epochs on each.
func (e *experiment) run(ctx context.Context) error {
	for {
		if err := e.trainEpoch(ctx); err != nil {
			return e.stop(err)
		}
		if e.at.epoch == e.Epochs {
			if err := e.endSet(ctx); err != nil {
				return err
			}
			if e.at.set == e.Sets {
				return e.writePictures()
			}
			e.at.set, e.at.epoch = e.at.set+1, 0
		}
		e.at.epoch, e.at.digit = e.at.epoch+1, 0
		e.sum, e.correct = 0, 0
	}
}

// endSet measures the test accuracy of the model saved after the last epoch on a set.
func (e *experiment) endSet(ctx context.Context) error {
	network, _, err := load(e.modelPath())
	if err != nil {
		return err
	}
	if err := e.predict(ctx, network); err != nil {
		return e.stop(errInterrupted)
	}
	e.accuracy = append(e.accuracy, float64(e.countCorrect())/float64(len(e.test)))
	e.progress.afterSet(e.at, e.countCorrect(), len(e.test))
	return nil
}

// stop saves what it can of a run that ends early. After an interruption that is everything;
// after any other error it is the model of the last complete epoch, which is already saved.
func (e *experiment) stop(cause error) error {
	if cause == errInterrupted {
		if e.at == e.begun {
			return cause // there is nothing new to save
		}
		if cause = e.save(); cause == nil {
			return e.keep()
		}
	}
	if len(e.losses) == 0 {
		return fmt.Errorf("%v: %w: the run stopped before it completed an epoch and saved no model", e.at, cause)
	}
	return fmt.Errorf("%v: %w: the run stopped; %s holds the model after the last complete epoch", e.at, cause, e.modelPath())
}

// keep writes the pictures of an interrupted run, whose model is saved.
func (e *experiment) keep() error {
	e.progress.beforePictures()
	if err := e.predict(context.Background(), e.trainer.Network); err != nil {
		return err
	}
	if err := e.writePictures(); err != nil {
		return err
	}
	return errInterrupted
}

// trainEpoch trains on the rest of an epoch, batch by batch, and saves the model.
func (e *experiment) trainEpoch(ctx context.Context) error {
	e.progress.beginEpoch(e.at)
	digits := e.Set(e.train, e.at.set, e.at.epoch, e.seed)
	for batch := range slices.Chunk(digits[e.at.digit:], e.Batch) {
		if ctx.Err() != nil {
			return errInterrupted
		}
		e.recordFilters(len(batch))
		e.trainer.Rate = e.RateAt(e.seen(e.at))
		loss, correct := e.trainer.Step(batch)
		e.at.digit += len(batch)
		e.sum += loss
		if math.IsNaN(e.sum) || math.IsInf(e.sum, 0) {
			return fmt.Errorf("training diverged: the sum of the losses is %v, want a finite number; try a lower -rate", e.sum)
		}
		e.correct += correct
		e.progress.afterBatch(e.at, e.sum/float64(e.at.digit), e.correct)
	}
	if err := e.save(); err != nil {
		return err
	}
	e.losses = append(e.losses, e.sum/float64(e.Size))
	e.progress.afterEpoch(e.at, e.sum/float64(e.Size), e.correct)
	return nil
}

// recordFilters copies the conv1 filters from time to time, always before a step: at the start of
// the run, at the start of up to fifty epochs, and ten times during the first epoch, when they
// change most.
func (e *experiment) recordFilters(batch int) {
	const most = 50
	every := max(1, (e.Sets*e.Epochs+most-1)/most)
	begin := e.at == e.begun || e.at.digit == 0 && len(e.losses)%every == 0
	tenth := max(1, e.Size/10)
	first := e.at.set == 1 && e.at.epoch == 1 && e.at.digit/tenth != (e.at.digit-batch)/tenth
	if begin || first {
		e.filters = append(e.filters, e.conv1Filters())
	}
}

// predict sets the predictions to those of network, unless ctx is done first.
func (e *experiment) predict(ctx context.Context, network *convnet.Network) (err error) {
	e.predictions, err = training.Predict(ctx, network, e.test, func(done int) {
		e.progress.afterPredictions(e.at, done, len(e.test))
	})
	return err
}

// countCorrect returns how many of the test digits are classified correctly.
func (e *experiment) countCorrect() int { return training.CountCorrect(e.predictions, e.test) }

// conv1Filters returns a copy of the conv1 filters, each a single kernel.
func (e *experiment) conv1Filters() [][][]float64 {
	return kernels(e.trainer.Network.Tensors()[0])
}

// kernels returns a copy of the kernels of a convolution's filters, in the order of the
// tensor: filter after filter, channel after channel.
func kernels(filters convnet.Tensor) [][][]float64 {
	rows, cols := filters.Shape[2], filters.Shape[3]
	var copies [][][]float64
	for data := range slices.Chunk(filters.Data, rows*cols) {
		k := convnet.NewMatrix(rows, cols)
		for y, row := range k {
			copy(row, data[y*cols:])
		}
		copies = append(copies, k)
	}
	return copies
}

func (e *experiment) modelPath() string { return filepath.Join(e.out, modelName) }

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
