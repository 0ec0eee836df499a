package training

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"convnet"
	"convnet/examples/internal/augment"
)

// labeled returns digits with the labels 0, 1, 2 and so on, to identify them.
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

// Steps come batch after batch, epoch after epoch and set after set, from any position on. The last
// batch of an epoch may be smaller.
func TestSteps(t *testing.T) {
	r := Recipe{Sets: 2, Size: 5, Epochs: 3, Batch: 2, Rate: 0.3}
	digits := labeled(12)
	var want []Step
	for set := 1; set <= 2; set++ {
		for epoch := 1; epoch <= 3; epoch++ {
			for k := 0; k < 5; k += 2 {
				end := min(k+2, 5)
				batch := digits[5*(set-1)+k : 5*(set-1)+end]
				want = append(want, Step{Position{set, epoch, k}, Position{set, epoch, end}, 0.3, batch})
			}
		}
	}
	same := func(a, b Step) bool {
		return a.Position == b.Position && a.End == b.End && a.Rate == b.Rate && slices.Equal(labels(a.Batch), labels(b.Batch))
	}
	for k, step := range want {
		if found := slices.Collect(r.Steps(digits, 1, step.Position)); !slices.EqualFunc(found, want[k:], same) {
			t.Errorf("from %v: found %v, want %v", step, found, want[k:])
		}
	}
	// These positions are at the end of an epoch, of a set and of the run.
	for from, rest := range map[Position]int{{1, 1, 5}: 15, {1, 3, 5}: 9, {2, 3, 5}: 0} {
		if found := slices.Collect(r.Steps(digits, 1, from)); len(found) != rest || rest > 0 && !same(found[0], want[len(want)-rest]) {
			t.Errorf("from %v: found %v, want the last %d of %v", from, found, rest, want)
		}
	}
	for step := range r.Steps(digits, 1, Start) {
		if found := Start.String(); step.Position != Start || found != "set 1 epoch 1 digit 0" {
			t.Errorf("the first step is at %v, want %v; Start prints as %q, want \"set 1 epoch 1 digit 0\"", step, want[0], found)
		}
		break // this must end the run
	}
}

// Learning rates and counts of examples are right for every batch size, even if an epoch ends with a
// smaller batch. The last rate is above 0.
func TestRates(t *testing.T) {
	r := Recipe{Sets: 2, Size: 50, Epochs: 3, Rate: 0.2}
	for _, r.Batch = range []int{1, 7, 64} {
		for _, r.Schedule = range []Schedule{Constant, Linear} {
			seen, last := 0, 0.0
			for step := range r.Steps(labeled(100), 1, Start) {
				want := 0.2
				if r.Schedule == Linear {
					want *= 1 - float64(seen)/300
				}
				if r.Seen(step.Position) != seen || step.Rate != want {
					t.Fatalf("%s, batch %d: rate %v at %v after %d examples, want %v after %d", r.Schedule, r.Batch, step.Rate, step, r.Seen(step.Position), want, seen)
				}
				seen, last = seen+len(step.Batch), step.Rate
				if found := r.Seen(step.End); found != seen {
					t.Fatalf("%s, batch %d: %d examples by the end of %v, want %d", r.Schedule, r.Batch, found, step, seen)
				}
			}
			if seen != 300 || seen != r.Total() || last <= 0 {
				t.Errorf("%s, batch %d: %d examples, Total() is %d, want 300; the last rate is %v, want it above 0", r.Schedule, r.Batch, seen, r.Total(), last)
			}
		}
	}
}

// With Shuffle, each epoch on a set has the same digits in an order of its own. The order depends on the
// seed, but not on where the run begins.
func TestShuffle(t *testing.T) {
	digits := labeled(300)
	r := Recipe{Sets: 3, Size: 100, Epochs: 2, Batch: 100, Shuffle: true}
	halves := r
	halves.Batch = 50
	var orders [][]int
	for seed := range uint64(2) {
		for step := range r.Steps(digits, seed, Start) {
			order := labels(step.Batch)
			middle := step.Position
			middle.Digit = 50
			for half := range halves.Steps(digits, seed, middle) {
				if !slices.Equal(labels(half.Batch), order[50:]) {
					t.Errorf("%v is shuffled to %v, but from its middle on to %v, want the second half", step, order, labels(half.Batch))
				}
				break
			}
			want := labels(digits[100*(step.Set-1):][:100])
			if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, want) {
				t.Errorf("%v holds %v, want %v", step, sorted, want)
			}
			for k := range order {
				order[k] %= 100
			}
			if slices.ContainsFunc(orders, func(other []int) bool { return slices.Equal(other, order) }) {
				t.Errorf("%v with seed %d has the same order as another epoch, want its own", step, seed)
			}
			orders = append(orders, order)
		}
	}
	if len(orders) != 12 {
		t.Errorf("%d epochs, want 12", len(orders))
	}
	if !slices.Equal(labels(digits), labels(labeled(300))) {
		t.Error("Steps shuffled the caller's digits, want them unchanged")
	}
}

// Too few digits are a panic. A set must not reach past the end of the slice, where there may be
// validation examples.
func TestTooFewDigits(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic for a set of 60 digits out of 40, want one")
		}
	}()
	for range (Recipe{Sets: 1, Size: 60, Epochs: 1, Batch: 1}).Steps(labeled(100)[:40], 1, Start) {
	}
}

// A step allocates nothing, and an epoch little.
func TestStepsAllocateNothing(t *testing.T) {
	digits := labeled(1000)
	r := Recipe{Sets: 1, Size: 1000, Epochs: 2, Batch: 1, Schedule: Linear, Shuffle: true}
	allocated := testing.AllocsPerRun(5, func() {
		for range r.Steps(digits, 1, Start) {
		}
	})
	if allocated > 50 {
		t.Errorf("2,000 steps in two epochs allocate %v times, want at most 50", allocated)
	}
}

// Train does the same as these loops, in which every step is written out.
func TestTrain(t *testing.T) {
	train := digits(t, 40)
	for _, r := range []Recipe{
		{Sets: 2, Size: 10, Epochs: 2, Batch: 1, Rate: 0.02, Dropout: 0.5, Schedule: Constant},
		{Sets: 2, Size: 20, Epochs: 2, Batch: 8, Rate: 0.02, Dropout: 0.2, Schedule: Linear, Shuffle: true, Distortion: augment.Distortion{Translation: 2}},
	} {
		trainer := New(convnet.New(7), r.Dropout, 7, 1)
		trainer.Distortion = r.Distortion
		seen, total := 0, r.Sets*r.Epochs*r.Size
		for set := range r.Sets {
			for epoch := range r.Epochs {
				digits := slices.Clone(train[set*r.Size:][:r.Size])
				if r.Shuffle {
					rng := rand.New(rand.NewPCG(7, -uint64(set*r.Epochs+epoch+1)))
					rng.Shuffle(r.Size, func(i, j int) { digits[i], digits[j] = digits[j], digits[i] })
				}
				for batch := range slices.Chunk(digits, r.Batch) {
					rate := r.Rate
					if r.Schedule == Linear {
						rate *= 1 - float64(seen)/float64(total)
					}
					trainer.Step(batch, rate)
					seen += len(batch)
				}
			}
		}
		for _, workers := range []int{1, 2} {
			n, err := r.Train(context.Background(), train, 7, workers)
			if err != nil || !slices.Equal(n.Parameters, trainer.Network.Parameters) {
				t.Errorf("%+v with %d workers: error %v, want no error and the bits of training step by step", r, workers, err)
			}
		}
	}
}

func TestTrainStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if n, err := Best(20).Train(ctx, digits(t, 20), 1, 1); n != nil || err != context.Canceled {
		t.Errorf("network %v, error %v, want no network and the error of the context", n, err)
	}
}
