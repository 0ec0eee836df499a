package convnet_test

import (
	"fmt"
	"log"
	"math/rand/v2"
	"os"

	"convnet"
)

// A network learns from 1,000 digits, one step each, and is tested.
func Example() {
	train, test, err := convnet.ReadMNIST(os.DirFS("examples/mnist"))
	if err != nil {
		log.Fatal(err)
	}
	network, gradient := convnet.New(1), convnet.NewGradient()
	a, errors := convnet.NewActivations(), convnet.NewActivations()
	rng := rand.New(rand.NewPCG(1, 1))
	for _, digit := range train[:1000] {
		a.DrawMasks(0.5, rng)
		network.TrainStep(gradient, errors, a, digit, 0.0062)
	}
	correct := network.Test(test[:500])
	fmt.Println("more than half of 500 unseen digits read rightly:", correct > 250)
	// Output: more than half of 500 unseen digits read rightly: true
}
