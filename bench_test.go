package convnet

import (
	"testing"
)

// trained returns a trainer of a network that it has trained on 1,000 digits, and the test digits.
func trained(b *testing.B) (*trainer, []Digit) {
	train, test := readMNIST(b)
	trainer := newTrainer(1, 0.01, 0.5)
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
