package tutor

import (
	"math/rand/v2"

	"convnet"
)

// Functions are what you write in the workshop, in the order of the steps. Your own Network and
// Activations have the fields of convnet's, so Go converts a pointer to one into a pointer to the other.
type Functions struct {
	NewMatrix func(rows, cols int) [][]float64
	NewVolume func(channels, rows, cols int) [][][]float64

	// The forward pass.
	Conv2D         func(dst, in [][][]float64, filters [][]float64)
	ReLU           func(dst, in [][]float64)
	MaxPool        func(dst, in [][]float64)
	Flatten        func(vector []float64, volume [][][]float64)
	FullyConnected func(dst []float64, weights [][]float64, biases, in []float64)
	Softmax        func(dst, logits []float64)
	CrossEntropy   func(logits []float64, label int) float64

	// The backward pass.
	CrossEntropyGrad            func(dLogits, probabilities []float64, label int)
	AddFullyConnectedWeightGrad func(dWeights [][]float64, dBiases, in, dOut []float64)
	FullyConnectedInputGrad     func(dIn []float64, weights [][]float64, dOut []float64)
	Unflatten                   func(volume [][][]float64, vector []float64)
	MaxPoolGrad                 func(dIn, in, dOut [][]float64)
	ReLUGrad                    func(dIn, in, dOut [][]float64)
	AddConv2DFilterGrad         func(dFilters [][]float64, in, dOut [][][]float64)
	Conv2DInputGrad             func(dIn [][][]float64, filters [][]float64, dOut [][][]float64)

	// Dropout.
	DropoutMask func(mask []float64, p float64, rng *rand.Rand)
	Dropout     func(dst, in, mask []float64)

	// The network.
	New      func(seed uint64) *convnet.Network
	Forward  func(n *convnet.Network, a *convnet.Activations, image [][]float64)
	Backward func(n, grad *convnet.Network, d, a *convnet.Activations, label int)
	Update   func(n, grad *convnet.Network, rate float64)
}

// Ours returns convnet's functions.
func Ours() Functions {
	return Functions{
		NewMatrix: convnet.NewMatrix,
		NewVolume: convnet.NewVolume,

		Conv2D:         convnet.Conv2D,
		ReLU:           convnet.ReLU,
		MaxPool:        convnet.MaxPool,
		Flatten:        convnet.Flatten,
		FullyConnected: convnet.FullyConnected,
		Softmax:        convnet.Softmax,
		CrossEntropy:   convnet.CrossEntropy,

		CrossEntropyGrad:            convnet.CrossEntropyGrad,
		AddFullyConnectedWeightGrad: convnet.AddFullyConnectedWeightGrad,
		FullyConnectedInputGrad:     convnet.FullyConnectedInputGrad,
		Unflatten:                   convnet.Unflatten,
		MaxPoolGrad:                 convnet.MaxPoolGrad,
		ReLUGrad:                    convnet.ReLUGrad,
		AddConv2DFilterGrad:         convnet.AddConv2DFilterGrad,
		Conv2DInputGrad:             convnet.Conv2DInputGrad,

		DropoutMask: convnet.DropoutMask,
		Dropout:     convnet.Dropout,

		New: convnet.New,
		Forward: func(n *convnet.Network, a *convnet.Activations, image [][]float64) {
			n.Forward(a, image)
		},
		Backward: func(n, grad *convnet.Network, d, a *convnet.Activations, label int) {
			n.Backward(grad, d, a, label)
		},
		Update: func(n, grad *convnet.Network, rate float64) { n.Update(grad, rate) },
	}
}
