package training

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"convnet"
	"convnet/examples/internal/augment"
)

// A Schedule says how the learning rate changes over a run.
type Schedule string

const (
	Constant Schedule = "constant" // the rate never changes
	Linear   Schedule = "linear"   // the rate decays to 0 in a straight line
)

// A Recipe is a way to train a network: the hyperparameters of a run. Together with the digits and the
// seed, it determines the result.
type Recipe struct {
	Sets    int     // training sets, one after another
	Size    int     // digits per set
	Epochs  int     // on each set before the next
	Batch   int     // the mini-batch size: digits per step
	Rate    float64 // the learning rate at the start, above 0
	Dropout float64 // 0 ≤ Dropout < 1

	Schedule   Schedule           // of the learning rate, over the whole run
	Shuffle    bool               // whether to shuffle a set before each epoch
	Distortion augment.Distortion // of the images, for data augmentation
}

// Total returns the number of training examples in a run, counting repetitions.
func (r Recipe) Total() int { return r.Sets * r.Epochs * r.Size }

// A Position says how far along a run is: which set, which epoch on it, and how many digits of this
// epoch are done. Sets and epochs count from 1.
type Position struct{ Set, Epoch, Digit int }

// Start is where a run begins.
var Start = Position{Set: 1, Epoch: 1}

func (p Position) String() string {
	return fmt.Sprintf("set %d epoch %d digit %d", p.Set, p.Epoch, p.Digit)
}

// Seen returns the number of training examples before p, counting repetitions. The augmentation and the
// dropout masks of an example depend only on the seed and this number.
func (r Recipe) Seen(p Position) int {
	return ((p.Set-1)*r.Epochs+p.Epoch-1)*r.Size + p.Digit
}

// A Step is one step of gradient descent.
type Step struct {
	Position          // where the run is before the step
	End      Position // where it is after the step, in the same epoch
	Rate     float64
	Batch    []convnet.Digit
}

// Steps returns the steps of a run from a position on: batch after batch, with all epochs on a set
// before the next set. There must be enough digits for all sets, or iterating panics. Which digits are
// in which batch depends only on seed, set and epoch.
func (r Recipe) Steps(digits []convnet.Digit, seed uint64, from Position) iter.Seq[Step] {
	return func(yield func(Step) bool) {
		for at := from; at.Set <= r.Sets; at = r.nextEpoch(at) {
			epoch := r.epoch(digits, seed, at)
			for batch := range slices.Chunk(epoch[at.Digit:], r.Batch) {
				end := at
				end.Digit += len(batch)
				if !yield(Step{at, end, r.rateAt(at), batch}) {
					return
				}
				at = end
			}
		}
	}
}

// epoch returns the digits of the epoch at p, in order.
func (r Recipe) epoch(digits []convnet.Digit, seed uint64, p Position) []convnet.Digit {
	digits = digits[:len(digits):len(digits)] // never reach into the spare capacity
	digits = digits[(p.Set-1)*r.Size:][:r.Size]
	if r.Shuffle {
		digits = slices.Clone(digits)
		// The streams count down from the top, because those for the masks count up from 1.
		rng := rand.New(rand.NewPCG(seed, -uint64((p.Set-1)*r.Epochs+p.Epoch)))
		rng.Shuffle(len(digits), func(i, j int) { digits[i], digits[j] = digits[j], digits[i] })
	}
	return digits
}

// nextEpoch returns where the next epoch after p begins.
func (r Recipe) nextEpoch(p Position) Position {
	if p.Epoch == r.Epochs {
		return Position{Set: p.Set + 1, Epoch: 1}
	}
	return Position{Set: p.Set, Epoch: p.Epoch + 1}
}

// rateAt returns the learning rate of the step at p.
//
//	constant: Rate
//	linear:   Rate · (1 − seen/total)
func (r Recipe) rateAt(p Position) float64 {
	if r.Schedule != Linear {
		return r.Rate
	}
	return r.Rate * (1 - float64(r.Seen(p))/float64(r.Total()))
}

// New returns a Trainer of n for a run of the recipe.
func (r Recipe) New(n *convnet.Network, seed uint64, workers int) *Trainer {
	t := New(n, r.Dropout, seed, workers)
	t.Distortion = r.Distortion
	return t
}

// Train trains a new network by the recipe. There must be enough digits for all sets. If ctx is canceled
// before the end, Train returns the error of ctx.
func (r Recipe) Train(ctx context.Context, digits []convnet.Digit, seed uint64, workers int) (*convnet.Network, error) {
	t := r.New(convnet.New(seed), seed, workers)
	defer t.Close()
	for step := range r.Steps(digits, seed, Start) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		t.Step(step.Batch, step.Rate)
	}
	return t.Network, nil
}

// Handwriting returns the distortion that the best recipes use for data augmentation.
func Handwriting() augment.Distortion {
	return augment.Distortion{Rotation: 15, Shear: 0.15, Scale: 0.15, Translation: 1, Elastic: 1}
}

// Original returns the recipe of the experiment in ConvNet-in-Numpy, with a constant learning rate. The
// rate is ours: docs/rate.md says how we chose it.
func Original() Recipe {
	return Recipe{Sets: 5, Size: 1000, Epochs: 10, Batch: 1, Rate: 0.0062, Dropout: 0.5, Schedule: Constant}
}

// Default returns the default recipe of examples/train. It's the original experiment with linear decay,
// so that less of the result is luck.
func Default() Recipe {
	r := Original()
	r.Rate, r.Schedule = 0.01, Linear
	return r
}

// Best returns the best recipe we found for this number of training digits. docs/ladder.md says how we
// found it, for 5,000 digits and for 60,000.
func Best(digits int) Recipe {
	r := Recipe{
		Sets: 1, Size: digits, Epochs: 100, Batch: 16, Rate: 0.1,
		Schedule: Linear, Shuffle: true, Distortion: Handwriting(),
	}
	if digits < 20000 { // few digits need more epochs and some regularization
		r.Epochs, r.Dropout = 300, 0.1
	}
	return r
}
