package training

import (
	"context"
	"math/rand/v2"
	"slices"

	"convnet"
	"convnet/examples/internal/distort"
)

// A Recipe is a way to train a network: all that shapes a run but the digits
// and the seed.
type Recipe struct {
	Sets    int     // how many sets of digits to learn from, one after the other
	Size    int     // digits in a set
	Passes  int     // over each set before the next
	Batch   int     // digits learned from in one step
	Rate    float64 // above 0
	Dropout float64 // 0 ≤ Dropout < 1

	Decay      bool // the rate falls to 0 over the whole run
	Shuffle    bool // the digits of a set are shuffled before each pass
	Distortion distort.Distortion
}

// All returns how many digits a run learns from, each counted as often as it comes.
func (r Recipe) All() int { return r.Sets * r.Passes * r.Size }

// RateAt returns the rate of the step after so many digits: Rate, or with Decay what
// is left of it on a straight line to 0 at the end of the run.
func (r Recipe) RateAt(learned int) float64 {
	if !r.Decay {
		return r.Rate
	}
	return r.Rate * (1 - float64(learned)/float64(r.All()))
}

// Set returns the digits of a set in the order of a pass, both counted from 1. There
// must be digits for all sets.
// A shuffled order depends on seed, set and pass alone.
func (r Recipe) Set(digits []convnet.Digit, set, pass int, seed uint64) []convnet.Digit {
	digits = digits[:len(digits):len(digits)] // what lies behind is not ours
	digits = digits[(set-1)*r.Size:][:r.Size]
	if r.Shuffle {
		digits = slices.Clone(digits)
		// Counted down from the top, for the masks are drawn from what counts up from 1.
		rng := rand.New(rand.NewPCG(seed, -uint64((set-1)*r.Passes+pass)))
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

// Train trains a new network on digits, of which there must be enough for all sets,
// by the recipe. If ctx is done before it is, it returns the error of ctx.
func (r Recipe) Train(ctx context.Context, digits []convnet.Digit, seed uint64, workers int) (*convnet.Network, error) {
	t := r.New(convnet.New(seed), seed, workers)
	defer t.Close()
	for set := range r.Sets {
		for pass := range r.Passes {
			for batch := range slices.Chunk(r.Set(digits, set+1, pass+1, seed), r.Batch) {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				t.Rate = r.RateAt(int(t.Learned))
				t.Step(batch)
			}
		}
	}
	return t.Network, nil
}

// Handwriting returns the distortion of the best recipes.
func Handwriting() distort.Distortion {
	return distort.Distortion{Turn: 15, Shear: 0.15, Stretch: 0.15, Shift: 1, Elastic: 1}
}

// Original returns the recipe of the original's experiment, at a rate that stays
// what it is. The rate is our own: docs/rate.md tells how it was chosen.
func Original() Recipe {
	return Recipe{Sets: 5, Size: 1000, Passes: 10, Batch: 1, Rate: 0.0062, Dropout: 0.5}
}

// Default returns the recipe of examples/train: the original's experiment, at a rate
// that falls to 0, so that where a run ends is less a matter of luck.
func Default() Recipe {
	r := Original()
	r.Rate, r.Decay = 0.01, true
	return r
}

// Best returns the best recipe found for so many training digits. docs/ladder.md
// tells how it was found, with 5,000 digits and with 60,000.
func Best(digits int) Recipe {
	r := Recipe{
		Sets: 1, Size: digits, Passes: 100, Batch: 16, Rate: 0.1,
		Decay: true, Shuffle: true, Distortion: Handwriting(),
	}
	if digits < 20000 { // few digits need more passes, and something against learning them by heart
		r.Passes, r.Dropout = 300, 0.1
	}
	return r
}
