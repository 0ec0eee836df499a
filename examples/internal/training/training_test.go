package training

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"convnet"
	"convnet/examples/internal/augment"
	"convnet/examples/internal/testenv"
)

// digits returns the first count training digits.
func digits(t testing.TB, count int) []convnet.Digit {
	t.Helper()
	train, _ := testenv.Digits(t)
	return train[:count]
}

// The masks of a training example depend only on the seed and its position. They differ from example to
// example, and drop about half of the units.
func TestMasks(t *testing.T) {
	train := digits(t, 201)
	masks := func(t *Trainer) []float64 {
		a := t.shards[0].a
		return slices.Concat(a.Mask1, a.Mask2)
	}
	a, b := New(convnet.New(1), 0.5, 1, 1), New(convnet.New(2), 0.5, 1, 1)
	other := New(convnet.New(1), 0.5, 2, 1)
	kept, same, units := 0, 0, 0
	var last []float64
	for k := range 200 {
		a.Step(train[k:k+1], 0.01)
		b.Step(train[k+1:k+2], 0.02)
		other.Step(train[k:k+1], 0.01)
		mask := masks(a)
		if !slices.Equal(mask, masks(b)) {
			t.Fatalf("example %d: the same seed draws different masks, want the same", k)
		}
		if slices.Equal(mask, masks(other)) {
			t.Fatalf("example %d: seeds 1 and 2 draw the same masks, want different ones", k)
		}
		for x, m := range mask {
			units++
			if m > 0 {
				kept++
			}
			if last != nil && last[x] == m {
				same++
			}
		}
		last = mask
	}
	slack := 5 * math.Sqrt(float64(units)) / 2
	if math.Abs(float64(kept)-float64(units)/2) > slack {
		t.Errorf("kept %d of %d units, want half ± %.0f", kept, units, slack)
	}
	if compared := units - len(last); math.Abs(float64(same)-float64(compared)/2) > slack {
		t.Errorf("%d of %d units have the same mask as in the previous example, want half ± %.0f", same, compared, slack)
	}
}

// No two training examples have the same masks or the same distortion, however many there are.
func TestNoTwoExamplesAreDrawnAlike(t *testing.T) {
	trainer := New(convnet.New(1), 0.5, 1, 1)
	trainer.Distortion = augment.Distortion{Rotation: 15}
	s, original := trainer.shards[0], digits(t, 1)[0].Image
	var positions []uint64
	for k := range uint64(2000) {
		positions = append(positions, k, 1000*k)
	}
	for k := range 64 {
		positions = append(positions, 1<<k-1, 1<<k)
	}
	slices.Sort(positions)
	masks, images := map[string]uint64{}, map[[convnet.ImageSide]float64]uint64{}
	for _, seen := range slices.Compact(positions) {
		image := s.draw(seen, original)
		mask := make([]byte, len(s.a.Mask1))
		for x, m := range s.a.Mask1 {
			if m > 0 {
				mask[x] = 1
			}
		}
		middle := [convnet.ImageSide]float64(image[convnet.ImageSide/2])
		if other, ok := masks[string(mask)]; ok {
			t.Fatalf("the masks after %d examples are the same as after %d, want different ones", seen, other)
		}
		if other, ok := images[middle]; ok {
			t.Fatalf("the distortion after %d examples is the same as after %d, want another", seen, other)
		}
		masks[string(mask)], images[middle] = seen, seen
	}
}

// reference trains on batches in the plainest way, one digit after another. The position of a digit
// determines its masks and its distortion.
func reference(train []convnet.Digit, batch int, rate, dropout float64, distortion augment.Distortion, seed uint64) *convnet.Network {
	n, grad := convnet.New(1), convnet.NewGradient()
	a, d := convnet.NewActivations(), convnet.NewActivations()
	position, image := uint64(0), convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
	for batch := range slices.Chunk(train, batch) {
		for _, digit := range batch {
			position++
			rng := rand.New(rand.NewPCG(seed, position))
			a.DrawMasks(dropout, rng)
			distortion.Distort(image, digit.Image, rng)
			n.Forward(a, image)
			n.Backward(grad, d, a, digit.Label)
		}
		for k, g := range grad.Parameters {
			n.Parameters[k] -= rate / float64(len(batch)) * g
		}
		grad.Clear()
	}
	return n
}

// The bits don't depend on the number of workers. A batch of one gives the bits of the reference. Larger
// batches may differ from it by rounding, because sums are grouped differently.
func TestBitsDoNotDependOnWorkers(t *testing.T) {
	train := digits(t, 40)
	for _, c := range []struct {
		batch      int
		distortion augment.Distortion
	}{{1, augment.Distortion{}}, {1, Handwriting()}, {3, augment.Distortion{}}, {8, Handwriting()}, {32, Handwriting()}, {100, augment.Distortion{Translation: 1}}} { // 40 digits leave a smaller last batch
		batch := c.batch
		want := reference(train, batch, 0.02, 0.5, c.distortion, 5)
		var first []float64
		for _, workers := range []int{1, 2, 8} {
			trainer := New(convnet.New(1), 0.5, 5, workers)
			trainer.Distortion = c.distortion
			for batch := range slices.Chunk(train, batch) {
				trainer.Step(batch, 0.02)
			}
			trainer.Close()
			got := trainer.Network.Parameters
			if first == nil {
				first = got
			}
			if !slices.Equal(got, first) {
				t.Errorf("batch %d: %d workers and 1 worker give different bits, want the same", batch, workers)
			}
			for k, p := range got {
				if batch == 1 && p != want.Parameters[k] || math.Abs(p-want.Parameters[k]) > 1e-12 {
					t.Fatalf("batch %d: parameter %d is %v, want %v", batch, k, p, want.Parameters[k])
				}
			}
		}
	}
}

// There is at most one worker per shard, however many you ask for.
func TestNumberOfWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	trainer := New(convnet.New(1), 0.5, 1, 10_000)
	defer trainer.Close()
	if workers := runtime.NumGoroutine() - before; workers > maxShards {
		t.Errorf("%d workers, want at most %d", workers, maxShards)
	}
}

// Close ends the workers. They need a moment to return.
func TestCloseEndsTheWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	New(convnet.New(1), 0.5, 1, maxShards).Close()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines after Close, want %d as before New", runtime.NumGoroutine(), before)
		}
	}
}

// Step returns the sum of the losses and the number of digits classified correctly, both before the
// step, for any batch size. One network is very sure of its predictions. Most digits get its prediction
// as their label, so a shard has several correct ones. Every fifth digit gets the least likely class, so
// its loss is large. The other network is all zeros, so all logits tie and it predicts 0.
func TestStepReturnsLossAndCorrect(t *testing.T) {
	sure, a := convnet.New(3), convnet.NewActivations()
	for _, row := range append(sure.Weights2, sure.Biases2) { // makes all logits larger
		for k := range row {
			row[k] *= 1000
		}
	}
	original := digits(t, 40)
	relabeled := slices.Clone(original)
	for k := range relabeled {
		relabeled[k].Label = sure.Predict(a, relabeled[k].Image)
		if k%5 == 0 {
			relabeled[k].Label = slices.Index(a.Logits, slices.Min(a.Logits))
			if loss := convnet.CrossEntropy(a.Logits, relabeled[k].Label); loss < 20 {
				t.Fatalf("the loss for the least likely class is %v, want more than 20", loss)
			}
		}
	}
	for name, c := range map[string]struct {
		network *convnet.Network
		digits  []convnet.Digit
		rate    float64
	}{"sure": {sure, relabeled, 1e-6}, "zeros": {convnet.NewGradient(), original, 0}} {
		for _, size := range []int{1, 3, 8, 40} {
			trainer := New(c.network.Clone(), 0, 1, 2)
			for batch := range slices.Chunk(c.digits, size) {
				wantLoss, wantCorrect := 0.0, 0
				for _, digit := range batch {
					if trainer.Network.Predict(a, digit.Image) == digit.Label {
						wantCorrect++
					}
					wantLoss += convnet.CrossEntropy(a.Logits, digit.Label)
				}
				loss, correct := trainer.Step(batch, c.rate)
				if !(math.Abs(loss-wantLoss) <= 1e-12*wantLoss) || correct != wantCorrect {
					t.Errorf("%s, batch of %d: loss %v and %d correct, want %v and %d", name, size, loss, correct, wantLoss, wantCorrect)
				}
			}
			trainer.Close()
		}
	}
}

func TestDifferentSeedsDiffer(t *testing.T) {
	train := digits(t, 20)
	run := func(seed uint64) []float64 {
		trainer := New(convnet.New(1), 0.5, seed, 1)
		trainer.Step(train, 0.01)
		return trainer.Network.Parameters
	}
	if slices.Equal(run(1), run(2)) {
		t.Error("runs with seeds 1 and 2 give the same bits, want different ones")
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	train := digits(t, 16)
	grad, a, d := convnet.NewGradient(), convnet.NewActivations(), convnet.NewActivations()
	network := convnet.New(1)
	layers := testing.AllocsPerRun(5, func() { network.TrainStep(grad, d, a, train[0], 0) }) // 0, unless they are very large
	for _, workers := range []int{1, 2} {
		for _, batch := range []int{1, 16} {
			trainer := New(convnet.New(1), 0.5, 1, workers)
			trainer.Distortion = Handwriting()
			if got := testing.AllocsPerRun(5, func() { trainer.Step(train[:batch], 0.01) }); got > layers*float64(batch) {
				t.Errorf("a step on %d digits with %d workers allocates %v times, want %v", batch, workers, got, layers*float64(batch))
			}
			trainer.Close()
		}
	}
}

// BenchmarkBatch times steps on batches of 32 digits. Compare two workers with one to see what a second
// core is worth.
func BenchmarkBatch(b *testing.B) {
	train := digits(b, 3200)
	for _, c := range []struct {
		name    string
		workers int
	}{{"workers=1", 1}, {"workers=2", 2}} {
		b.Run(c.name, func(b *testing.B) {
			trainer := New(convnet.New(1), 0.5, 1, c.workers)
			defer trainer.Close()
			for k := 0; b.Loop(); k++ {
				from := k % 100 * 32
				trainer.Step(train[from:from+32], 0.01)
			}
			b.ReportMetric(32*float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
