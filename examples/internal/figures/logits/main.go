// Logits prints a trained network's logits for the first ten test digits, as JSON and to the
// last bit. docs/logits.py compares them with those that PyTorch computes from the same file:
//
//	go run ./examples/internal/figures/logits -model out/model.safetensors | python3 docs/logits.py out/model.safetensors
//
// Without -model it prints those of the embedded network, examples/trained/model.safetensors.
package main

import (
	"encoding/json"
	"io"
	"os"
	"slices"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/mnist"
	"convnet/examples/trained"
)

func main() {
	model := cli.Model()
	p := cli.Program{
		Path: "examples/internal/figures/logits",
		Does: "Prints the logits of the first ten test digits as JSON, for docs/logits.py to compare with PyTorch's.",
	}
	p.Main(func() error { return run(*model, os.Stdout) })
}

func run(model string, stdout io.Writer) error {
	network, err := trained.Open(model)
	if err != nil {
		return err
	}
	_, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return err
	}
	a := convnet.NewActivations() // with masks that drop no unit
	var logits [][]float64
	for _, digit := range test[:10] {
		network.Forward(a, digit.Image)
		logits = append(logits, slices.Clone(a.Logits))
	}
	return json.NewEncoder(stdout).Encode(logits)
}
