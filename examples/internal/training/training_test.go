package training

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"convnet"
	"convnet/examples/internal/augment"
	"convnet/examples/internal/testenv"
)

// digits returns the first training digits.
func digits(t testing.TB, count int) []convnet.Digit {
	t.Helper()
	train, _ := testenv.Digits(t)
	return train[:count]
}

// The masks of a training example depend on the seed and its position alone, differ from
// example to example, and drop about half of the units.
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
			t.Fatalf("example %d: the same seed draws different masks", k)
		}
		if slices.Equal(mask, masks(other)) {
			t.Fatalf("example %d: seeds 1 and 2 draw the same masks", k)
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
		t.Errorf("%d of %d units have the same mask value as in the previous example, want half ± %.0f", same, compared, slack)
	}
}

// reference trains on batches in the plainest way: one digit after another, each with the
// masks and then the distortion that its position gives it.
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

// Whatever the number of workers, the bits are the same. Up to how sums are grouped they
// are those of the reference, and for a batch of one exactly.
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
				t.Errorf("batch %d: the bits with %d workers differ from those with 1", batch, workers)
			}
			for k, p := range got {
				if batch == 1 && p != want.Parameters[k] || math.Abs(p-want.Parameters[k]) > 1e-12 {
					t.Fatalf("batch %d: parameter %d is %v, want %v", batch, k, p, want.Parameters[k])
				}
			}
		}
	}
}

// There is at most one worker per shard, however many are asked for.
func TestWorkersAreFew(t *testing.T) {
	before := runtime.NumGoroutine()
	trainer := New(convnet.New(1), 0.5, 1, 10_000)
	defer trainer.Close()
	if workers := runtime.NumGoroutine() - before; workers > maxShards {
		t.Errorf("%d workers, want at most %d", workers, maxShards)
	}
}

// Step returns the sum of the losses and how many digits are classified correctly, both
// before the step.
func TestStepReturnsLossAndCorrect(t *testing.T) {
	train := digits(t, 21)
	n, a := convnet.New(3), convnet.NewActivations()
	wantLoss, wantCorrect := 0.0, 0
	for _, digit := range train {
		if n.Predict(a, digit.Image) == digit.Label {
			wantCorrect++
		}
		wantLoss += convnet.CrossEntropy(a.Logits, digit.Label)
	}
	trainer := New(n, 0, 1, 2)
	defer trainer.Close()
	loss, correct := trainer.Step(train, 0.01)
	if math.Abs(loss-wantLoss) > 1e-12*wantLoss || correct != wantCorrect {
		t.Errorf("loss %v and %d correct, want %v and %d", loss, correct, wantLoss, wantCorrect)
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
		t.Error("runs with seeds 1 and 2 are the same")
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

// BenchmarkBatch times steps on batches of 32. Compare two workers with one to see what a
// second core is worth.
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
			b.ReportMetric(32*float64(b.N)/b.Elapsed().Seconds(), "digits/s")
		})
	}
}
