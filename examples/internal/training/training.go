// Package training trains a network on batches of digits, on several cores,
// and repeatably: the bits depend on the seed and the digits, never on the
// number of cores. recipe.go says what is learned when, training.go how.
package training

import (
	"math/rand/v2"
	"sync"

	"convnet"
	"convnet/examples/internal/distort"
)

// maxShards is into how many parts a batch is cut, whatever the number of
// workers: a sum of floating-point numbers depends on how it is grouped.
const maxShards = 8

// A Trainer trains a network by plain stochastic gradient descent. It holds
// all that a step writes, so a step allocates nothing.
type Trainer struct {
	Network *convnet.Network
	Rate    float64 // how far a step goes against the mean gradient of its batch, above 0
	Dropout float64 // the probability that a unit is dropped, 0 ≤ Dropout < 1

	// Distortion is how far the picture of a digit is distorted, each time
	// anew, before the digit is learned from.
	Distortion distort.Distortion

	// Learned is how many digits it has learned from. A Trainer of the same
	// network that is given the number goes on where another has stopped.
	Learned uint64

	seed    uint64
	shards  [maxShards]*shard
	work    chan *shard // to the workers, where there are several
	working sync.WaitGroup
}

// A shard is a part of a batch, with all that learning from it writes.
type shard struct {
	trainer     *Trainer
	digits      []convnet.Digit
	first       uint64      // how many digits the trainer has learned from before these
	image       [][]float64 // 28×28, that of a digit distorted
	activations *convnet.Activations
	errors      *convnet.Activations
	gradient    *convnet.Network // zeros between steps
	source      *rand.PCG
	rng         *rand.Rand // draws from source
	loss        float64    // the sum over digits
	right       int        // how many were read rightly
}

// New returns a Trainer of n that learns on as many cores as it has workers, of
// whom more than the shards of a batch find no work and are not hired.
// The distortion and the dropout masks of the t-th digit it learns from depend
// on seed and t alone. Close it when it is done.
func New(n *convnet.Network, rate, dropout float64, seed uint64, workers int) *Trainer {
	t := &Trainer{Network: n, Rate: rate, Dropout: dropout, seed: seed}
	for k := range t.shards {
		source := rand.NewPCG(seed, 0)
		t.shards[k] = &shard{
			trainer:     t,
			image:       convnet.NewMatrix(28, 28),
			activations: convnet.NewActivations(),
			errors:      convnet.NewActivations(),
			gradient:    convnet.NewGradient(),
			source:      source,
			rng:         rand.New(source),
		}
		t.shards[k].errors.Image = nil // nobody asks for the pixels'
	}
	if workers > 1 {
		t.work = make(chan *shard, maxShards)
		for range min(workers, maxShards) {
			go func() {
				for s := range t.work {
					s.learn()
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

// Step learns from a batch, one digit at least. It returns the sum of the
// losses before the step, and how many digits were read rightly; a loss that
// is no number makes the sum none.
func (t *Trainer) Step(batch []convnet.Digit) (loss float64, right int) {
	if len(batch) == 1 {
		return t.stepOne(batch[0])
	}
	shards := t.shards[:min(len(batch), maxShards)]
	for k, s := range shards {
		from, to := k*len(batch)/len(shards), (k+1)*len(batch)/len(shards)
		s.digits, s.first = batch[from:to], t.Learned+uint64(from)
	}
	t.Learned += uint64(len(batch))
	t.learn(shards)

	sum := shards[0].gradient
	for k, s := range shards {
		loss += s.loss
		right += s.right
		if k > 0 {
			add(sum.Parameters, s.gradient.Parameters)
			s.gradient.Clear()
		}
	}
	t.Network.Update(sum, t.Rate/float64(len(batch)))
	sum.Clear()
	return loss, right
}

// stepOne is Step for a batch of one, as Network.TrainStep does it: faster.
func (t *Trainer) stepOne(digit convnet.Digit) (loss float64, right int) {
	s := t.shards[0]
	digit.Image = s.draw(t.Learned, digit.Image)
	t.Learned++
	loss = t.Network.TrainStep(s.gradient, s.errors, s.activations, digit, t.Rate)
	if s.activations.Answer() == digit.Label {
		right = 1
	}
	return loss, right
}

// learn has all shards learned from, by the workers where there are any.
func (t *Trainer) learn(shards []*shard) {
	if t.work == nil {
		for _, s := range shards {
			s.learn()
		}
		return
	}
	t.working.Add(len(shards))
	for _, s := range shards {
		t.work <- s
	}
	t.working.Wait()
}

// learn adds the gradients of the shard's digits, with pictures and masks of
// their own.
func (s *shard) learn() {
	s.loss, s.right = 0, 0
	for k, digit := range s.digits {
		image := s.draw(s.first+uint64(k), digit.Image)
		s.trainer.Network.Forward(s.activations, image)
		s.trainer.Network.Backward(s.gradient, s.errors, s.activations, digit.Label)
		s.loss += convnet.CrossEntropy(s.activations.Logits, digit.Label)
		if s.activations.Answer() == digit.Label {
			s.right++
		}
	}
}

// draw draws what chance has for a digit that has so many before it: the masks,
// and the picture that it returns, which is image if there is no distortion.
func (s *shard) draw(before uint64, image [][]float64) [][]float64 {
	s.source.Seed(s.trainer.seed, before+1)
	s.activations.DrawMasks(s.trainer.Dropout, s.rng)
	if s.trainer.Distortion == (distort.Distortion{}) {
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
