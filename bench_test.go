package convnet

import (
	"runtime"
	"testing"
)

// trained returns a trainer of a network that it has trained on 1,000 digits,
// and the test digits.
func trained(b *testing.B) (*trainer, []Digit) {
	train, test := readMNIST(b)
	trainer := newTrainer(1, 0.0062, 0.5)
	for _, digit := range train[:1000] {
		trainer.step(digit)
	}
	return trainer, test
}

// BenchmarkTrainStep times one digit: forward, backward, update, dropout ½.
func BenchmarkTrainStep(b *testing.B) {
	trainer, test := trained(b)
	b.ReportAllocs()
	for k := 0; b.Loop(); k++ {
		trainer.step(test[k%len(test)])
	}
}

// BenchmarkForward times one digit without dropout.
func BenchmarkForward(b *testing.B) {
	trainer, test := trained(b)
	a := NewActivations()
	b.ReportAllocs()
	for k := 0; b.Loop(); k++ {
		trainer.network.Forward(a, test[k%len(test)].Image)
	}
}

// met returns a trained network's trainer, and the activations and gradients that its
// helpers meet in training: of enough digits that no branch predictor can memorize them, and
// of few enough for the cache.
func met(b *testing.B) (trainer *trainer, as, errs []*Activations) {
	trainer, test := trained(b)
	for _, digit := range test[:32] {
		a, d := NewActivations(), NewActivations()
		a.DrawMasks(0.5, trainer.rng)
		trainer.network.Forward(a, digit.Image)
		trainer.network.Backward(NewGradient(), d, a, digit.Label)
		as, errs = append(as, a), append(errs, d)
	}
	return trainer, as, errs
}

// BenchmarkHelpers times each helper on what it meets in training, for all the
// maps of one digit, and beside it the plain loops. One iteration is one digit.
func BenchmarkHelpers(b *testing.B) {
	trainer, as, errs := met(b)
	n, grad := trainer.network, NewGradient()
	for _, c := range []struct {
		name string
		run  func(a, d *Activations)
	}{
		{"Conv2D/layer=1", func(a, _ *Activations) { Conv2D(a.Conv1, a.Image, n.Filters1) }},
		{"Conv2D/layer=1/six-loops", func(a, _ *Activations) { naiveConv2D(a.Image, n.Filters1, kernel) }},
		{"Conv2D/layer=2", func(a, _ *Activations) { Conv2D(a.Conv2, a.Pool1, n.Filters2) }},
		{"Conv2D/layer=2/six-loops", func(a, _ *Activations) { naiveConv2D(a.Pool1, n.Filters2, kernel) }},
		{"Conv2DFilterGrad/layer=1", func(a, d *Activations) { AddConv2DFilterGrad(grad.Filters1, a.Image, d.Conv1) }},
		{"Conv2DFilterGrad/layer=2", func(a, d *Activations) { AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.Conv2) }},
		{"Conv2DInputGrad/layer=2", func(a, d *Activations) { Conv2DInputGrad(d.Pool1, n.Filters2, d.Conv2) }},
		{"Conv2DGrad/layer=1/six-loops", func(a, d *Activations) { naiveConv2DGrad(a.Image, n.Filters1, d.Conv1) }},
		{"Conv2DGrad/layer=2/six-loops", func(a, d *Activations) { naiveConv2DGrad(a.Pool1, n.Filters2, d.Conv2) }},
		{"ReLU", func(a, _ *Activations) { eachMap(ReLU, a.ReLU1, a.Conv1); eachMap(ReLU, a.ReLU2, a.Conv2) }},
		{"ReLUGrad", func(a, d *Activations) {
			eachMapGrad(ReLUGrad, d.Conv1, a.Conv1, d.ReLU1)
			eachMapGrad(ReLUGrad, d.Conv2, a.Conv2, d.ReLU2)
		}},
		{"MaxPool", func(a, _ *Activations) { eachMap(MaxPool, a.Pool1, a.ReLU1); eachMap(MaxPool, a.Pool2, a.ReLU2) }},
		{"MaxPoolGrad", func(a, d *Activations) {
			eachMapGrad(MaxPoolGrad, d.ReLU1, a.ReLU1, d.Pool1)
			eachMapGrad(MaxPoolGrad, d.ReLU2, a.ReLU2, d.Pool2)
		}},
		{"Flatten", func(a, _ *Activations) { Flatten(a.Flat, a.Pool2) }},
		{"Unflatten", func(_, d *Activations) { Unflatten(d.Pool2, d.Flat) }},
		{"DropoutMask", func(a, _ *Activations) { trainer.a.DrawMasks(0.5, trainer.rng) }},
		{"Dropout", func(a, _ *Activations) { Dropout(a.Drop1, a.Flat, a.Mask1); Dropout(a.Drop2, a.ReLU3, a.Mask2) }},
		{"FullyConnected", func(a, _ *Activations) {
			FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)
			FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
		}},
		{"FullyConnectedGrad", func(a, d *Activations) {
			AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.Drop2, d.Logits)
			FullyConnectedInputGrad(d.Drop2, n.Weights2, d.Logits)
			AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, d.Hidden)
			FullyConnectedInputGrad(d.Drop1, n.Weights1, d.Hidden)
		}},
		{"Softmax", func(a, _ *Activations) { Softmax(a.Probabilities, a.Logits) }},
		{"CrossEntropy", func(a, _ *Activations) { runtime.KeepAlive(CrossEntropy(a.Logits, 3)) }},
		{"Update", func(_, _ *Activations) { n.Update(grad, 0) }},
		{"Clear", func(_, _ *Activations) { grad.Clear() }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for k := 0; b.Loop(); k++ {
				c.run(as[k%len(as)], errs[k%len(as)])
			}
		})
	}
}
