package training

import (
	"context"
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

// A Recipe is a way to train a network: everything that shapes a run except the digits and
// the seed.
type Recipe struct {
	Sets    int     // training sets, used one after another
	Size    int     // digits in a set
	Epochs  int     // on each set before the next
	Batch   int     // the mini-batch size: digits per step
	Rate    float64 // the learning rate at the start, above 0
	Dropout float64 // 0 ≤ Dropout < 1

	Schedule   Schedule           // of the learning rate over the whole run
	Shuffle    bool               // the digits of a set before each epoch
	Distortion augment.Distortion // of the images, for data augmentation
}

// Total returns the number of training examples in a run, counting repetitions.
func (r Recipe) Total() int { return r.Sets * r.Epochs * r.Size }

// RateAt returns the learning rate of the step after seen training examples.
//
//	constant: Rate
//	linear:   Rate · (1 − seen/total)
func (r Recipe) RateAt(seen int) float64 {
	if r.Schedule != Linear {
		return r.Rate
	}
	return r.Rate * (1 - float64(seen)/float64(r.Total()))
}

// Set returns the digits of a set in the order of an epoch. set and epoch count from 1, and digits must be
// enough for all sets. A shuffled order depends on seed, set and epoch alone.
func (r Recipe) Set(digits []convnet.Digit, set, epoch int, seed uint64) []convnet.Digit {
	digits = digits[:len(digits):len(digits)] // what lies beyond is not ours
	digits = digits[(set-1)*r.Size:][:r.Size]
	if r.Shuffle {
		digits = slices.Clone(digits)
		// Counted down from the top, because the masks' streams count up from 1.
		rng := rand.New(rand.NewPCG(seed, -uint64((set-1)*r.Epochs+epoch)))
		rng.Shuffle(len(digits), func(i, j int) { digits[i], digits[j] = digits[j], digits[i] })
	}
	return digits
}

// New returns a Trainer of n for a run by the recipe.
func (r Recipe) New(n *convnet.Network, seed uint64, workers int) *Trainer {
	t := New(n, r.Rate, r.Dropout, seed, workers)
	t.Distortion = r.Distortion
	return t
}

// Train trains a new network by the recipe. There must be digits for all sets. If ctx is
// done first, it returns ctx's error.
func (r Recipe) Train(ctx context.Context, digits []convnet.Digit, seed uint64, workers int) (*convnet.Network, error) {
	t := r.New(convnet.New(seed), seed, workers)
	defer t.Close()
	for set := range r.Sets {
		for epoch := range r.Epochs {
			for batch := range slices.Chunk(r.Set(digits, set+1, epoch+1, seed), r.Batch) {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				t.Rate = r.RateAt(int(t.Seen))
				t.Step(batch)
			}
		}
	}
	return t.Network, nil
}

// Handwriting returns the distortion that the best recipes augment the data with.
func Handwriting() augment.Distortion {
	return augment.Distortion{Rotation: 15, Shear: 0.15, Scale: 0.15, Translation: 1, Elastic: 1}
}

// Original returns the recipe of ConvNet-in-Numpy's experiment, at a constant learning rate.
// The rate is our own: docs/rate.md says how we chose it.
func Original() Recipe {
	return Recipe{Sets: 5, Size: 1000, Epochs: 10, Batch: 1, Rate: 0.0062, Dropout: 0.5, Schedule: Constant}
}

// Default returns the recipe of examples/train: the same experiment with linear decay, so
// that less of the result is luck.
func Default() Recipe {
	r := Original()
	r.Rate, r.Schedule = 0.01, Linear
	return r
}

// Best returns the best recipe we found for that many training digits. docs/ladder.md says
// how we found it, for 5,000 digits and for 60,000.
func Best(digits int) Recipe {
	r := Recipe{
		Sets: 1, Size: digits, Epochs: 100, Batch: 16, Rate: 0.1,
		Schedule: Linear, Shuffle: true, Distortion: Handwriting(),
	}
	if digits < 20000 { // fewer digits need more epochs and some regularization
		r.Epochs, r.Dropout = 300, 0.1
	}
	return r
}
