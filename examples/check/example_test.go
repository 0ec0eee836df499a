package check_test

import (
	"fmt"

	"convnet/examples/check"
)

// A network has two inputs, three hidden units with ReLU and one output.
type network struct {
	weights []float64 // 3×2: a row for each hidden unit
	biases  []float64 // 3
	output  []float64 // 3: the weights of the output
	hidden  []float64 // 3: the inputs of ReLU, kept for the backward pass
}

func newNetwork() *network {
	return &network{
		weights: []float64{0.3, 0.2, 0.5, 0.1, -0.4, 0.6},
		biases:  []float64{0.1, -0.1, 0.2},
		output:  []float64{0.7, -0.5, 0.4},
		hidden:  make([]float64, 3),
	}
}

// newGradient returns a network of zeros for backward to add to.
func newGradient() *network {
	return &network{weights: make([]float64, 6), biases: make([]float64, 3), output: make([]float64, 3)}
}

func (n *network) forward(x []float64) (y float64) {
	for j := range n.hidden {
		n.hidden[j] = n.weights[2*j]*x[0] + n.weights[2*j+1]*x[1] + n.biases[j]
		y += n.output[j] * max(0, n.hidden[j])
	}
	return y
}

// backward adds to grad the gradients of the parameters, where dy is the gradient at the output.
func (n *network) backward(grad *network, x []float64, dy float64) {
	for j, h := range n.hidden {
		grad.output[j] += dy * max(0, h)
		dh := dy * n.output[j]
		if h <= 0 {
			dh = 0 // ReLU stops it
		}
		grad.biases[j] += dh
		grad.weights[2*j] += dh * x[0]
		grad.weights[2*j+1] += dh * x[1]
	}
}

// Check the gradients of a small network. Its loss is half the squared difference between the output
// and a target, summed over three examples.
func Example() {
	inputs := [][]float64{{1, 2}, {-1, 0.5}, {0.5, -1}}
	targets := []float64{1, 0, -1}
	n := newNetwork()

	// The gradient to check, from the backward pass.
	grad := newGradient()
	for k, x := range inputs {
		y := n.forward(x)
		n.backward(grad, x, y-targets[k])
	}

	// The loss, from the forward pass alone. ReLU has a kink where its input is 0.
	var kinks check.Kinks
	loss := func() (sum float64) {
		for k, x := range inputs {
			difference := n.forward(x) - targets[k]
			sum += difference * difference / 2
			kinks.Signs(n.hidden)
		}
		return sum
	}

	checker := check.Checker{Loss: loss, Kinks: &kinks}
	for _, tensor := range []struct {
		name             string
		parameters, grad []float64
	}{
		{"weights", n.weights, grad.weights},
		{"biases", n.biases, grad.biases},
		{"output", n.output, grad.output},
	} {
		result := checker.Check(tensor.parameters, tensor.grad)
		fmt.Println(tensor.name, result.Compared, "compared:", result.Err())
	}

	// One entry is off by a factor of two.
	grad.weights[4] *= 2
	fmt.Println(checker.Check(n.weights, grad.weights).Err())

	// Output:
	// weights 6 compared: <nil>
	// biases 3 compared: <nil>
	// output 3 compared: <nil>
	// entry 4: the gradient is -0.56 and the slope is -0.28: they differ by 0.237 times the largest entry, want at most 1e-07
}
