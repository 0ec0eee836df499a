package training

import (
	"context"
	"math"
	"slices"
	"testing"

	"convnet"
	"convnet/examples/internal/augment"
)

func TestRateAt(t *testing.T) {
	r := Recipe{Sets: 2, Size: 50, Epochs: 3, Rate: 0.2}
	r.Schedule = Constant
	decaying := r
	decaying.Schedule = Linear
	for seen, want := range map[int]float64{0: 0.2, 75: 0.15, 150: 0.1, 299: 0.2 / 300} {
		if found := r.RateAt(seen); found != 0.2 {
			t.Errorf("constant: rate %v after %d digits, want 0.2", found, seen)
		}
		if found := decaying.RateAt(seen); math.Abs(found-want) > 1e-15 {
			t.Errorf("linear: rate %v after %d digits, want %v", found, seen, want)
		}
	}
}

// labeled returns digits whose labels identify them.
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

// Without shuffling, a set is a slice of the digits. With it, each epoch of each set has
// the same digits in an order of its own, which depends on the seed.
func TestSet(t *testing.T) {
	digits := labeled(300)
	r := Recipe{Sets: 3, Size: 100, Epochs: 2}
	shuffling := r
	shuffling.Shuffle = true
	var orders [][]int
	for seed := range uint64(2) {
		for set := 1; set <= 3; set++ {
			for epoch := 1; epoch <= 2; epoch++ {
				want := labels(digits[100*(set-1):][:100])
				if found := labels(r.Set(digits, set, epoch, seed)); !slices.Equal(found, want) {
					t.Errorf("set %d epoch %d is %v, want %v", set, epoch, found, want)
				}
				order := labels(shuffling.Set(digits, set, epoch, seed))
				if again := labels(shuffling.Set(digits, set, epoch, seed)); !slices.Equal(again, order) {
					t.Errorf("set %d epoch %d is shuffled to %v and then to %v", set, epoch, order, again)
				}
				if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, want) {
					t.Errorf("set %d epoch %d shuffled holds %v, want %v", set, epoch, sorted, want)
				}
				for k := range order {
					order[k] %= 100
				}
				for _, other := range orders {
					if slices.Equal(order, other) {
						t.Errorf("set %d epoch %d of seed %d has the order of another", set, epoch, seed)
					}
				}
				orders = append(orders, order)
			}
		}
	}
	if !slices.Equal(labels(digits), labels(labeled(300))) {
		t.Error("Set has shuffled the digits it was given")
	}
}

// A set of more digits than there are panics. It must not take those beyond the end of
// the slice, which may be validation examples.
func TestTooFewDigits(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a set of 60 digits out of 40 doesn't panic")
		}
	}()
	Recipe{Sets: 1, Size: 60, Epochs: 1}.Set(labeled(100)[:40], 1, 1, 1)
}

// Train takes every step of every epoch on every set, each at its learning rate.
func TestTrain(t *testing.T) {
	train := digits(t, 40)
	for _, r := range []Recipe{
		{Sets: 2, Size: 15, Epochs: 3, Batch: 1, Rate: 0.02, Dropout: 0.5, Schedule: Constant},
		{Sets: 2, Size: 20, Epochs: 2, Batch: 8, Rate: 0.02, Dropout: 0.2, Schedule: Linear, Shuffle: true, Distortion: augment.Distortion{Translation: 2}},
	} {
		trainer := New(convnet.New(7), r.Rate, r.Dropout, 7, 1)
		trainer.Distortion = r.Distortion
		for set := 1; set <= r.Sets; set++ {
			for epoch := 1; epoch <= r.Epochs; epoch++ {
				order := r.Set(train, set, epoch, 7)
				for from := 0; from < r.Size; from += r.Batch {
					trainer.Rate = r.RateAt(int(trainer.Seen))
					trainer.Step(order[from:min(from+r.Batch, r.Size)])
				}
			}
		}
		for _, workers := range []int{1, 2} {
			n, err := r.Train(context.Background(), train, 7, workers)
			if err != nil || !slices.Equal(n.Parameters, trainer.Network.Parameters) {
				t.Errorf("%+v with %d workers: other bits than step by step (%v)", r, workers, err)
			}
		}
	}
}

func TestTrainStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if n, err := Best(20).Train(ctx, digits(t, 20), 1, 1); n != nil || err != context.Canceled {
		t.Errorf("found the network %v and the error %v, want no network and the error of the context", n, err)
	}
}
