// Logits prints a trained network's logits for the first ten test digits, as JSON and to the
// last bit.
//
//	go run ./examples/internal/figures/logits out/model.safetensors
//
// docs/logits.py compares them with PyTorch's.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"convnet"
	"convnet/examples/mnist"
	"convnet/examples/trained"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "logits:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("found %d arguments, want one: a model file", len(args))
	}
	network, err := trained.Open(args[0])
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
