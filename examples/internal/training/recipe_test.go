package training

import (
	"context"
	"math"
	"slices"
	"testing"

	"convnet"
	"convnet/examples/internal/distort"
)

func TestRateAt(t *testing.T) {
	r := Recipe{Sets: 2, Size: 50, Passes: 3, Rate: 0.2}
	falling := r
	falling.Decay = true
	for learned, want := range map[int]float64{0: 0.2, 75: 0.15, 150: 0.1, 299: 0.2 / 300} {
		if found := r.RateAt(learned); found != 0.2 {
			t.Errorf("without decay: rate %v after %d digits, want 0.2", found, learned)
		}
		if found := falling.RateAt(learned); math.Abs(found-want) > 1e-15 {
			t.Errorf("with decay: rate %v after %d digits, want %v", found, learned, want)
		}
	}
}

// labeled returns digits that are told apart by their labels.
func labeled(count int) []convnet.Digit {
	digits := make([]convnet.Digit, count)
	for k := range digits {
		digits[k].Label = k
	}
	return digits
}

func labels(digits []convnet.Digit) (all []int) {
	for _, d := range digits {
		all = append(all, d.Label)
	}
	return all
}

// Without shuffling a set is a slice of the digits; with it, an order of its own
// for each pass of each set and each seed, of the same digits.
func TestSet(t *testing.T) {
	digits := labeled(300)
	r := Recipe{Sets: 3, Size: 100, Passes: 2}
	shuffling := r
	shuffling.Shuffle = true
	var orders [][]int
	for seed := range uint64(2) {
		for set := 1; set <= 3; set++ {
			for pass := 1; pass <= 2; pass++ {
				want := labels(digits[100*(set-1):][:100])
				if found := labels(r.Set(digits, set, pass, seed)); !slices.Equal(found, want) {
					t.Errorf("set %d pass %d is %v, want %v", set, pass, found, want)
				}
				order := labels(shuffling.Set(digits, set, pass, seed))
				if again := labels(shuffling.Set(digits, set, pass, seed)); !slices.Equal(again, order) {
					t.Errorf("set %d pass %d is shuffled to %v and then to %v", set, pass, order, again)
				}
				if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, want) {
					t.Errorf("set %d pass %d shuffled holds %v, want %v", set, pass, sorted, want)
				}
				for k := range order {
					order[k] %= 100
				}
				for _, other := range orders {
					if slices.Equal(order, other) {
						t.Errorf("set %d pass %d of seed %d has the order of another", set, pass, seed)
					}
				}
				orders = append(orders, order)
			}
		}
	}
	if !slices.Equal(labels(digits), labels(labeled(300))) {
		t.Error("the digits have been shuffled themselves")
	}
}

// A recipe for more digits than it is given panics, and learns from none behind
// them: they may be held out.
func TestTooFewDigits(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a set of 60 digits out of 40 doesn't panic")
		}
	}()
	Recipe{Sets: 1, Size: 60, Passes: 1}.Set(labeled(100)[:40], 1, 1, 1)
}

// Train is every step of every pass over every set, with its rate.
func TestTrain(t *testing.T) {
	train := digits(t, 40)
	for _, r := range []Recipe{
		{Sets: 2, Size: 15, Passes: 3, Batch: 1, Rate: 0.02, Dropout: 0.5},
		{Sets: 2, Size: 20, Passes: 2, Batch: 8, Rate: 0.02, Dropout: 0.2, Decay: true, Shuffle: true, Distortion: distort.Distortion{Shift: 2}},
	} {
		trainer := New(convnet.New(7), r.Rate, r.Dropout, 7, 1)
		trainer.Distortion = r.Distortion
		for set := 1; set <= r.Sets; set++ {
			for pass := 1; pass <= r.Passes; pass++ {
				order := r.Set(train, set, pass, 7)
				for from := 0; from < r.Size; from += r.Batch {
					trainer.Rate = r.RateAt(int(trainer.Learned))
					trainer.Step(order[from:min(from+r.Batch, r.Size)])
				}
			}
		}
		for _, workers := range []int{1, 2} {
			n, err := r.Train(context.Background(), train, 7, workers)
			if err != nil || !slices.Equal(n.Parameters, trainer.Network.Parameters) {
				t.Errorf("%+v on %d cores: other bits than step by step (%v)", r, workers, err)
			}
		}
	}
}

func TestTrainStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if n, err := Best(20).Train(ctx, digits(t, 20), 1, 1); n != nil || err != context.Canceled {
		t.Errorf("found %v and the error %v, want none and that of the context", n, err)
	}
}
