// Package training trains a network on mini-batches of digits, on several cores and reproducibly:
// the bits depend on the seed and the digits, never on the number of cores. recipe.go says
// which steps a run takes, and training.go says how to take one.
package training

import (
	"math/rand/v2"
	"sync"

	"convnet"
	"convnet/examples/internal/augment"
)

// maxShards is the number of parts a batch is split into. It doesn't depend on the number of
// workers, because a floating-point sum depends on how its terms are grouped.
const maxShards = 8

// A Trainer trains a network by plain stochastic gradient descent. It holds all memory that a step
// needs, so a step allocates nothing.
type Trainer struct {
	Network *convnet.Network
	Dropout float64 // the probability that a unit is dropped, 0 ≤ Dropout < 1

	// Distortion is for data augmentation. Each image is distorted anew in each step.
	Distortion augment.Distortion

	// Seen is the number of training examples so far, counting repetitions. Set it to continue
	// where another Trainer of the same network stopped.
	Seen uint64

	seed    uint64
	shards  [maxShards]*shard
	work    chan *shard // to the workers; nil if there are none
	working sync.WaitGroup
}

// A shard is a part of a batch, with all memory it takes to compute its gradient.
type shard struct {
	trainer *Trainer
	digits  []convnet.Digit
	first   uint64      // how many examples the Trainer saw before these
	image   [][]float64 // the augmented image
	a, d    *convnet.Activations
	grad    *convnet.Network // zeros between steps
	source  *rand.PCG
	rng     *rand.Rand // draws from source
	loss    float64    // summed over digits
	correct int        // digits classified correctly
}

// New returns a Trainer of n that computes on as many cores as there are workers, at most
// maxShards. The augmentation and the dropout masks of the t-th training example depend only on seed
// and t. Close the Trainer after use.
func New(n *convnet.Network, dropout float64, seed uint64, workers int) *Trainer {
	t := &Trainer{Network: n, Dropout: dropout, seed: seed}
	for k := range t.shards {
		source := rand.NewPCG(seed, 0)
		t.shards[k] = &shard{
			trainer: t,
			image:   convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide),
			a:       convnet.NewActivations(),
			d:       convnet.NewActivations(),
			grad:    convnet.NewGradient(),
			source:  source,
			rng:     rand.New(source),
		}
	}
	if workers > 1 {
		t.work = make(chan *shard, maxShards)
		for range min(workers, maxShards) {
			go func() {
				for s := range t.work {
					s.run()
					t.working.Done()
				}
			}()
		}
	}
	return t
}

// Close ends the workers.
func (t *Trainer) Close() {
	if t.work != nil {
		close(t.work)
	}
}

// Step takes one step on a batch of at least one digit: it subtracts rate times the mean gradient of
// the batch. It returns the sum of the losses and the number of digits classified correctly, both
// before the step. If any loss is NaN, so is the sum.
func (t *Trainer) Step(batch []convnet.Digit, rate float64) (loss float64, correct int) {
	if len(batch) == 1 {
		return t.stepOne(batch[0], rate)
	}
	shards := t.shards[:min(len(batch), maxShards)]
	for k, s := range shards {
		from, to := k*len(batch)/len(shards), (k+1)*len(batch)/len(shards)
		s.digits, s.first = batch[from:to], t.Seen+uint64(from)
	}
	t.Seen += uint64(len(batch))
	t.run(shards)

	sum := shards[0].grad
	for k, s := range shards {
		loss += s.loss
		correct += s.correct
		if k > 0 {
			add(sum.Parameters, s.grad.Parameters)
			s.grad.Clear()
		}
	}
	t.Network.Update(sum, rate/float64(len(batch)))
	sum.Clear()
	return loss, correct
}

// stepOne is Step for a batch of one digit. It uses Network.TrainStep, which is faster.
func (t *Trainer) stepOne(digit convnet.Digit, rate float64) (loss float64, correct int) {
	s := t.shards[0]
	digit.Image = s.draw(t.Seen, digit.Image)
	t.Seen++
	loss = t.Network.TrainStep(s.grad, s.d, s.a, digit, rate)
	if s.a.Prediction() == digit.Label {
		correct = 1
	}
	return loss, correct
}

// run computes the gradients of all shards, in parallel if there are workers.
func (t *Trainer) run(shards []*shard) {
	if t.work == nil {
		for _, s := range shards {
			s.run()
		}
		return
	}
	t.working.Add(len(shards))
	for _, s := range shards {
		t.work <- s
	}
	t.working.Wait()
}

// run adds up the gradients of the shard's digits, each with its own masks and augmented image.
func (s *shard) run() {
	s.loss, s.correct = 0, 0
	for k, digit := range s.digits {
		image := s.draw(s.first+uint64(k), digit.Image)
		s.trainer.Network.Forward(s.a, image)
		s.trainer.Network.Backward(s.grad, s.d, s.a, digit.Label)
		s.loss += convnet.CrossEntropy(s.a.Logits, digit.Label)
		if s.a.Prediction() == digit.Label {
			s.correct++
		}
	}
}

// draw samples the dropout masks and the augmented image of the training example that comes after the
// first seen ones. Without augmentation it returns image itself.
func (s *shard) draw(seen uint64, image [][]float64) [][]float64 {
	s.source.Seed(s.trainer.seed, seen+1)
	s.a.DrawMasks(s.trainer.Dropout, s.rng)
	if s.trainer.Distortion == (augment.Distortion{}) {
		return image
	}
	s.trainer.Distortion.Distort(s.image, image, s.rng)
	return s.image
}

// add adds src to dst.
func add(dst, src []float64) {
	for k, v := range src[:len(dst)] {
		dst[k] += v
	}
}
