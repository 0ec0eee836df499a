package convnet_test

import (
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"strings"

	"convnet"
)

// The examples of the helper functions follow a 4×4 image through a network small enough to compute by
// hand. The README takes the same walk, and examples/walk prints all of it. The examples of Network use
// the real one.

// Train for one epoch on 2,000 digits, then test on 500 others.
func Example() {
	train, test, err := convnet.ReadMNIST(os.DirFS("examples/mnist"))
	if err != nil {
		log.Fatal(err)
	}
	network, grad := convnet.New(1), convnet.NewGradient()
	a, d := convnet.NewActivations(), convnet.NewActivations()
	rng := rand.New(rand.NewPCG(1, 1))
	for _, digit := range train[:2000] {
		a.DrawMasks(0.5, rng)
		network.TrainStep(grad, d, a, digit, 0.0062)
	}
	correct := network.CountCorrect(test[:500])
	fmt.Println("more than half of 500 test digits classified correctly:", correct > 250)
	// Output: more than half of 500 test digits classified correctly: true
}

func ExampleNewMatrix() {
	m := convnet.NewMatrix(2, 3)
	m[1][0] = 5 // row 1, column 0
	fmt.Println(m)
	// Output: [[0 0 0] [5 0 0]]
}

func ExampleNewVolume() {
	maps := convnet.NewVolume(2, 1, 3)
	maps[1][0][2] = 5 // channel 1, row 0, column 2
	fmt.Println(maps)
	// Output: [[[0 0 0]] [[0 0 5]]]
}

// Two filters slide over one channel: the image of a 1.
func ExampleConv2D() {
	image := [][][]float64{{
		{0, 0, 1, 0},
		{0, 0.5, 1, 0},
		{0, 0, 1, 0},
		{0, 0, 1, 0},
	}}
	filters1 := [][]float64{
		{-1, 1, -1, 1}, // large where ink starts, left to right
		{1, 1, -1, -1}, // large where ink ends, top to bottom
	}
	conv1 := convnet.NewVolume(2, 3, 3)
	convnet.Conv2D(conv1, image, filters1)
	for y := range 3 {
		fmt.Printf("%5.2f  %5.2f\n", conv1[0][y], conv1[1][y])
	}
	// Output:
	// [ 0.50  1.50 -2.00]  [-0.50 -0.50  0.00]
	// [ 0.50  1.50 -2.00]  [ 0.50  0.50  0.00]
	// [ 0.00  2.00 -2.00]  [ 0.00  0.00  0.00]
}

// A filter has one kernel for each channel, and their results are added into one map.
func ExampleConv2D_channels() {
	relu1 := [][][]float64{
		{{0.5, 1.5, 0}, {0.5, 1.5, 0}, {0, 2, 0}},
		{{0, 0, 0}, {0.5, 0.5, 0}, {0, 0, 0}},
	}
	filters2 := [][]float64{
		{0, 0.5, 0, 0.5 /* and for the second channel */, 0, 0, 1, 0},
		{0.5, -0.5, 0, 0 /* and for the second channel */, 1, 0, 0, 0},
	}
	conv2 := convnet.NewVolume(2, 2, 2)
	convnet.Conv2D(conv2, relu1, filters2)
	for y := range 2 {
		fmt.Printf("%5.2f  %5.2f\n", conv2[0][y], conv2[1][y])
	}
	// Output:
	// [ 2.00  0.50]  [-0.50  0.75]
	// [ 1.75  0.00]  [ 0.00  1.25]
}

// Without a ReLU in between, two convolutions collapse into one with a larger kernel.
func ExampleConv2D_twice() {
	image := [][][]float64{{
		{0, 0, 1, 0},
		{0, 0.5, 1, 0},
		{0, 0, 1, 0},
		{0, 0, 1, 0},
	}}
	twice, once := convnet.NewVolume(1, 2, 2), convnet.NewVolume(1, 2, 2)
	between := convnet.NewVolume(1, 3, 3)
	convnet.Conv2D(between, image, [][]float64{{-1, 1, -1, 1}})
	convnet.Conv2D(twice, between, [][]float64{{1, 1, -1, -1}})
	convnet.Conv2D(once, image, [][]float64{{-1, 0, 1, 0, 0, 0, 1, 0, -1}})
	for y := range 2 {
		fmt.Printf("%5.2f  %5.2f\n", twice[0][y], once[0][y])
	}
	// Output:
	// [ 0.00  0.00]  [ 0.00  0.00]
	// [ 0.00 -0.50]  [ 0.00 -0.50]
}

// Each output adds its gradient times its patch of the input to the gradient of its filter.
func ExampleAddConv2DFilterGrad() {
	image := [][][]float64{{
		{0, 0, 1, 0},
		{0, 0.5, 1, 0},
		{0, 0, 1, 0},
		{0, 0, 1, 0},
	}}
	dConv1 := [][][]float64{
		{{0, -0.125, 0}, {0, 0.075, 0}, {0, 0, 0}},
		{{0, 0, 0}, {-0.25, 0.4, 0}, {0, 0, 0}},
	}
	dFilters1 := convnet.NewMatrix(2, 4)
	convnet.AddConv2DFilterGrad(dFilters1, image, dConv1)
	for _, dFilter := range dFilters1 {
		fmt.Printf("%7.4f\n", dFilter)
	}
	// Output:
	// [ 0.0375 -0.0500 -0.0625 -0.0500]
	// [ 0.2000  0.2750  0.0000  0.4000]
}

// The gradient of a kernel comes from its own channel.
func ExampleAddConv2DFilterGrad_channels() {
	relu1 := [][][]float64{
		{{0.5, 1.5, 0}, {0.5, 1.5, 0}, {0, 2, 0}},
		{{0, 0, 0}, {0.5, 0.5, 0}, {0, 0, 0}},
	}
	dConv2 := [][][]float64{
		{{-0.25, 0}, {0, 0}},
		{{0, 0}, {0, 0.4}},
	}
	dFilters2 := convnet.NewMatrix(2, 8)
	convnet.AddConv2DFilterGrad(dFilters2, relu1, dConv2)
	for _, dFilter := range dFilters2 {
		fmt.Printf("%7.4f\n", dFilter)
	}
	// Output:
	// [-0.1250 -0.3750 -0.1250 -0.3750  0.0000  0.0000 -0.1250 -0.1250]
	// [ 0.6000  0.0000  0.8000  0.0000  0.2000  0.0000  0.0000  0.0000]
}

// Each output adds its gradient times its filter to the patch it came from.
func ExampleConv2DInputGrad() {
	filters2 := [][]float64{
		{0, 0.5, 0, 0.5 /* and for the second channel */, 0, 0, 1, 0},
		{0.5, -0.5, 0, 0 /* and for the second channel */, 1, 0, 0, 0},
	}
	dConv2 := [][][]float64{
		{{-0.25, 0}, {0, 0}},
		{{0, 0}, {0, 0.4}},
	}
	dRelu1 := convnet.NewVolume(2, 3, 3)
	convnet.Conv2DInputGrad(dRelu1, filters2, dConv2)
	for y := range 3 {
		fmt.Printf("%7.4f  %7.4f\n", dRelu1[0][y], dRelu1[1][y])
	}
	// Output:
	// [ 0.0000 -0.1250  0.0000]  [ 0.0000  0.0000  0.0000]
	// [ 0.0000  0.0750 -0.2000]  [-0.2500  0.4000  0.0000]
	// [ 0.0000  0.0000  0.0000]  [ 0.0000  0.0000  0.0000]
}

// The gradient goes on through the ReLU before the convolution: the -0.2 meets a -2 and is stopped.
func ExampleConv2DInputGrad_reLU() {
	conv1 := [][][]float64{
		{{0.5, 1.5, -2}, {0.5, 1.5, -2}, {0, 2, -2}},
		{{-0.5, -0.5, 0}, {0.5, 0.5, 0}, {0, 0, 0}},
	}
	filters2 := [][]float64{
		{0, 0.5, 0, 0.5 /* and for the second channel */, 0, 0, 1, 0},
		{0.5, -0.5, 0, 0 /* and for the second channel */, 1, 0, 0, 0},
	}
	dConv2 := [][][]float64{
		{{-0.25, 0}, {0, 0}},
		{{0, 0}, {0, 0.4}},
	}
	dRelu1, dConv1 := convnet.NewVolume(2, 3, 3), convnet.NewVolume(2, 3, 3)
	convnet.Conv2DInputGrad(dRelu1, filters2, dConv2)
	for c := range conv1 {
		convnet.ReLUGrad(dConv1[c], conv1[c], dRelu1[c])
	}
	for y := range 3 {
		fmt.Printf("%7.4f  %7.4f\n", dConv1[0][y], dConv1[1][y])
	}
	// Output:
	// [ 0.0000 -0.1250  0.0000]  [ 0.0000  0.0000  0.0000]
	// [ 0.0000  0.0750  0.0000]  [-0.2500  0.4000  0.0000]
	// [ 0.0000  0.0000  0.0000]  [ 0.0000  0.0000  0.0000]
}

func ExampleReLU() {
	conv1 := [][][]float64{
		{{0.5, 1.5, -2}, {0.5, 1.5, -2}, {0, 2, -2}},
		{{-0.5, -0.5, 0}, {0.5, 0.5, 0}, {0, 0, 0}},
	}
	relu1 := convnet.NewVolume(2, 3, 3)
	for c := range conv1 {
		convnet.ReLU(relu1[c], conv1[c])
	}
	for y := range 3 {
		fmt.Printf("%5.2f  %5.2f\n", relu1[0][y], relu1[1][y])
	}
	// Output:
	// [ 0.50  1.50  0.00]  [ 0.00  0.00  0.00]
	// [ 0.50  1.50  0.00]  [ 0.50  0.50  0.00]
	// [ 0.00  2.00  0.00]  [ 0.00  0.00  0.00]
}

// ReLU stops the gradient -0.2, because its input was -2 there.
func ExampleReLUGrad() {
	conv1 := [][][]float64{
		{{0.5, 1.5, -2}, {0.5, 1.5, -2}, {0, 2, -2}},
		{{-0.5, -0.5, 0}, {0.5, 0.5, 0}, {0, 0, 0}},
	}
	dRelu1 := [][][]float64{
		{{0, -0.125, 0}, {0, 0.075, -0.2}, {0, 0, 0}},
		{{0, 0, 0}, {-0.25, 0.4, 0}, {0, 0, 0}},
	}
	dConv1 := convnet.NewVolume(2, 3, 3)
	for c := range conv1 {
		convnet.ReLUGrad(dConv1[c], conv1[c], dRelu1[c])
	}
	for y := range 3 {
		fmt.Printf("%7.4f  %7.4f\n", dConv1[0][y], dConv1[1][y])
	}
	// Output:
	// [ 0.0000 -0.1250  0.0000]  [ 0.0000  0.0000  0.0000]
	// [ 0.0000  0.0750  0.0000]  [-0.2500  0.4000  0.0000]
	// [ 0.0000  0.0000  0.0000]  [ 0.0000  0.0000  0.0000]
}

func ExampleMaxPool() {
	conv2 := [][][]float64{
		{{2, 0.5}, {1.75, 0}},
		{{-0.5, 0.75}, {0, 1.25}},
	}
	relu2, pool := convnet.NewVolume(2, 2, 2), convnet.NewVolume(2, 1, 1)
	for c := range conv2 {
		convnet.ReLU(relu2[c], conv2[c])
		convnet.MaxPool(pool[c], relu2[c])
	}
	fmt.Printf("%5.2f  %5.2f\n", pool[0][0], pool[1][0])
	// Output: [ 2.00]  [ 1.25]
}

// Each 2×2 window becomes one value.
func ExampleMaxPool_windows() {
	image := [][]float64{
		{0, 0, 1, 0},
		{0, 0.5, 1, 0},
		{0, 0, 1, 0},
		{0, 0, 1, 0},
	}
	pool := convnet.NewMatrix(2, 2)
	convnet.MaxPool(pool, image)
	for _, row := range pool {
		fmt.Printf("%5.2f\n", row)
	}
	// Output:
	// [ 0.50  1.00]
	// [ 0.00  1.00]
}

// The maxima get the gradients, and ReLU lets them through.
func ExampleMaxPoolGrad() {
	dFlat := []float64{-0.25, 0.4}
	conv2 := [][][]float64{
		{{2, 0.5}, {1.75, 0}},
		{{-0.5, 0.75}, {0, 1.25}},
	}
	relu2 := [][][]float64{
		{{2, 0.5}, {1.75, 0}},
		{{0, 0.75}, {0, 1.25}},
	}
	dPool, dRelu2, dConv2 := convnet.NewVolume(2, 1, 1), convnet.NewVolume(2, 2, 2), convnet.NewVolume(2, 2, 2)
	convnet.Unflatten(dPool, dFlat)
	for c := range conv2 {
		convnet.MaxPoolGrad(dRelu2[c], relu2[c], dPool[c])
		convnet.ReLUGrad(dConv2[c], conv2[c], dRelu2[c])
	}
	for y := range 2 {
		fmt.Printf("%7.4f  %7.4f\n", dConv2[0][y], dConv2[1][y])
	}
	// Output:
	// [-0.2500  0.0000]  [ 0.0000  0.0000]
	// [ 0.0000  0.0000]  [ 0.0000  0.4000]
}

func ExampleFlatten() {
	pool := [][][]float64{{{2}}, {{1.25}}}
	flat := make([]float64, 2)
	convnet.Flatten(flat, pool)
	fmt.Printf("%5.2f\n", flat)
	// Output: [ 2.00  1.25]
}

func ExampleUnflatten() {
	dPool := convnet.NewVolume(2, 1, 1)
	convnet.Unflatten(dPool, []float64{-0.25, 0.4})
	fmt.Println(dPool)
	// Output: [[[-0.25]] [[0.4]]]
}

// With p = ½ each value is either dropped or doubled.
func ExampleDropoutMask() {
	mask := make([]float64, 8)
	convnet.DropoutMask(mask, 0.5, rand.New(rand.NewPCG(7, 1)))
	fmt.Println(mask)
	// Output: [0 2 2 2 2 2 0 0]
}

// This mask drops the second value. In the backward pass, the same mask goes on the gradient.
func ExampleDropout() {
	flat := []float64{2, 1.25}
	mask, dropped := []float64{2, 0}, make([]float64, 2)
	convnet.Dropout(dropped, flat, mask)
	fmt.Printf("%5.2f\n", dropped)
	// Output: [ 4.00  0.00]
}

func ExampleFullyConnected() {
	flat := []float64{2, 1.25}
	weights := [][]float64{
		{-0.5, 1.6}, // the first output's weights, one per input
		{0.25, 0.4},
		{0, 0.8},
	}
	biases := []float64{0, math.Ln2, 0} // log 2 makes the probabilities come out in quarters
	logits := make([]float64, 3)
	convnet.FullyConnected(logits, weights, biases, flat)
	fmt.Printf("%5.2f\n", logits)
	// Output: [ 1.00  1.69  1.00]
}

// The inputs are the values of all maps.
func ExampleFullyConnected_maps() {
	pool := [][][]float64{{{2}}, {{1.25}}}
	flat := make([]float64, 2)
	convnet.Flatten(flat, pool)
	weights := [][]float64{
		{-0.5, 1.6}, // the first output's weights, one per input
		{0.25, 0.4},
		{0, 0.8},
	}
	biases := []float64{0, math.Ln2, 0} // log 2 makes the probabilities come out in quarters
	logits := make([]float64, 3)
	convnet.FullyConnected(logits, weights, biases, flat)
	fmt.Printf("%5.2f\n", logits)
	// Output: [ 1.00  1.69  1.00]
}

// The gradient of a weight is the gradient at its output times its input.
func ExampleAddFullyConnectedWeightGrad() {
	flat, dLogits := []float64{2, 1.25}, []float64{0.25, -0.5, 0.25}
	dWeights, dBiases := convnet.NewMatrix(3, 2), make([]float64, 3)
	convnet.AddFullyConnectedWeightGrad(dWeights, dBiases, flat, dLogits)
	for i := range dWeights {
		fmt.Printf("%7.4f %7.4f\n", dWeights[i], dBiases[i])
	}
	// Output:
	// [ 0.5000  0.3125]  0.2500
	// [-1.0000 -0.6250] -0.5000
	// [ 0.5000  0.3125]  0.2500
}

func ExampleFullyConnectedInputGrad() {
	weights := [][]float64{
		{-0.5, 1.6}, // the first output's weights, one per input
		{0.25, 0.4},
		{0, 0.8},
	}
	dLogits := []float64{0.25, -0.5, 0.25}
	dFlat := make([]float64, 2)
	convnet.FullyConnectedInputGrad(dFlat, weights, dLogits)
	fmt.Printf("%7.4f\n", dFlat)
	// Output: [-0.2500  0.4000]
}

func ExampleSoftmax() {
	logits := []float64{1, 1 + math.Ln2, 1}
	probabilities := make([]float64, 3)
	convnet.Softmax(probabilities, logits)
	fmt.Printf("%.4f\n", probabilities)
	// Output: [0.2500 0.5000 0.2500]
}

// The label's probability is ½, so the loss is −log ½.
func ExampleSoftmax_loss() {
	logits := []float64{1, 1 + math.Ln2, 1}
	probabilities := make([]float64, 3)
	convnet.Softmax(probabilities, logits)
	const label = 1 // our image is a 1
	fmt.Printf("%.4f  loss %.4f\n", probabilities, convnet.CrossEntropy(logits, label))
	// Output: [0.2500 0.5000 0.2500]  loss 0.6931
}

// Only the differences between logits matter, and large logits don't overflow.
func ExampleSoftmax_shifted() {
	probabilities := make([]float64, 3)
	convnet.Softmax(probabilities, []float64{1001, 1001 + math.Ln2, 1001})
	fmt.Printf("%.4f\n", probabilities)
	// Output: [0.2500 0.5000 0.2500]
}

// The image is a 1, which got probability ½, and −log ½ is 0.6931.
func ExampleCrossEntropy() {
	logits := []float64{1, 1 + math.Ln2, 1}
	const label = 1
	fmt.Printf("%.4f\n", convnet.CrossEntropy(logits, label))
	// Output: 0.6931
}

// The probability underflows to 0, but the loss stays finite.
func ExampleCrossEntropy_sureAndWrong() {
	fmt.Println(convnet.CrossEntropy([]float64{0, 1000}, 0))
	// Output: 1000
}

// Double the logits, and the loss falls if the prediction is correct and rises if it is wrong.
func ExampleCrossEntropy_doubled() {
	logits, doubled := []float64{1, 1 + math.Ln2, 1}, []float64{2, 2 + 2*math.Ln2, 2}
	for label := range 2 {
		fmt.Printf("%.4f %.4f\n", convnet.CrossEntropy(logits, label), convnet.CrossEntropy(doubled, label))
	}
	// Output:
	// 1.3863 1.7918
	// 0.6931 0.4055
}

func ExampleCrossEntropyGrad() {
	probabilities := []float64{0.25, 0.5, 0.25}
	const label = 1
	dLogits := make([]float64, 3)
	convnet.CrossEntropyGrad(dLogits, probabilities, label)
	fmt.Printf("%7.4f\n", dLogits)
	// Output: [ 0.2500 -0.5000  0.2500]
}

// The mean square of the weights is about 1/fan-in.
func ExampleNew() {
	weights := convnet.New(1).Weights1
	sum := 0.0
	for _, row := range weights {
		for _, w := range row {
			sum += w * w
		}
	}
	outputs, fanIn := float64(len(weights)), float64(len(weights[0]))
	fmt.Printf("mean square times fan-in: %.1f\n", sum/(outputs*fanIn)*fanIn)
	// Output: mean square times fan-in: 1.0
}

func ExampleNewGradient() {
	grad := convnet.NewGradient()
	grad.Biases2[9] = 5 // the last parameter
	fmt.Println(grad.Parameters[0], grad.Parameters[len(grad.Parameters)-1])
	// Output: 0 5
}

func ExampleNetwork_Tensors() {
	network := convnet.New(1)
	for _, t := range network.Tensors() {
		fmt.Println(t.Name, len(t.Shape))
	}
	network.Biases2[9] = 5
	last := network.Tensors()[5]
	fmt.Println(last.Shape, last.Data[9])
	// Output:
	// conv1.weight 4
	// conv2.weight 4
	// fc1.weight 2
	// fc1.bias 1
	// fc2.weight 2
	// fc2.bias 1
	// [10] 5
}

func ExampleNewActivations() {
	a := convnet.NewActivations()
	fmt.Println(len(a.Image), "channel,", len(a.Image[0]), "rows,", len(a.Image[0][0]), "columns")
	fmt.Println("a mask that keeps every unit starts with", a.Mask1[:3])
	// Output:
	// 1 channel, 28 rows, 28 columns
	// a mask that keeps every unit starts with [1 1 1]
}

func ExampleActivations_DrawMasks() {
	a := convnet.NewActivations()
	a.DrawMasks(0.75, rand.New(rand.NewPCG(7, 1)))
	fmt.Println(a.Mask1[:8]) // one in four is kept, times 1/(1−0.75) = 4
	// Output: [0 4 4 0 4 0 0 0]
}

func ExampleActivations_NoDropout() {
	a := convnet.NewActivations()
	a.DrawMasks(0.75, rand.New(rand.NewPCG(7, 1)))
	a.NoDropout()
	fmt.Println(a.Mask1[:8])
	// Output: [1 1 1 1 1 1 1 1]
}

func ExampleActivations_Prediction() {
	a := convnet.NewActivations()
	a.Logits[3], a.Logits[7] = 1.5, 2
	fmt.Println(a.Prediction())
	// Output: 7
}

// Blank paper gives no hint, so all ten probabilities are equal and the loss is log 10.
func ExampleNetwork_Forward() {
	network, a := convnet.New(1), convnet.NewActivations()
	network.Forward(a, convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide))
	fmt.Printf("%.2f\n", a.Probabilities)
	fmt.Printf("%.4f\n", convnet.CrossEntropy(a.Logits, 3))
	// Output:
	// [0.10 0.10 0.10 0.10 0.10 0.10 0.10 0.10 0.10 0.10]
	// 2.3026
}

// From blank paper labeled 3, only fc2's biases can learn.
func ExampleNetwork_Backward() {
	network, grad := convnet.New(1), convnet.NewGradient()
	a, d := convnet.NewActivations(), convnet.NewActivations()
	network.Forward(a, convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide))
	network.Backward(grad, d, a, 3)
	fmt.Printf("%.1f\n", grad.Biases2)
	fmt.Printf("%.1f\n", grad.Weights2[3][:5])
	// Output:
	// [0.1 0.1 0.1 -0.9 0.1 0.1 0.1 0.1 0.1 0.1]
	// [0.0 0.0 0.0 0.0 0.0]
}

func ExampleNetwork_Update() {
	network, grad := convnet.New(1), convnet.NewGradient()
	grad.Biases2[3] = -0.9
	network.Update(grad, 0.5)
	fmt.Println(network.Biases2)
	// Output: [0 0 0 0.45 0 0 0 0 0 0]
}

func ExampleNetwork_Clear() {
	grad := convnet.NewGradient()
	grad.Biases2[3] = -0.9
	grad.Clear()
	fmt.Println(grad.Biases2)
	// Output: [0 0 0 0 0 0 0 0 0 0]
}

// The loss falls in four steps on blank paper labeled 3.
func ExampleNetwork_TrainStep() {
	network, grad := convnet.New(1), convnet.NewGradient()
	a, d := convnet.NewActivations(), convnet.NewActivations()
	paper := convnet.Digit{Image: convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide), Label: 3}
	for range 4 {
		fmt.Printf("%.4f\n", network.TrainStep(grad, d, a, paper, 1))
	}
	// Output:
	// 2.3026
	// 1.4612
	// 0.8798
	// 0.5517
}

// After thirty epochs on the first five test digits, the network has memorized them: 7, 2, 1, 0 and 4.
func ExampleNetwork_Predict() {
	test, err := convnet.ReadDigits(os.DirFS("examples/mnist"), "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
	if err != nil {
		log.Fatal(err)
	}
	network, grad := convnet.New(1), convnet.NewGradient()
	a, d := convnet.NewActivations(), convnet.NewActivations()
	for range 30 {
		for _, digit := range test[:5] {
			network.TrainStep(grad, d, a, digit, 0.02)
		}
	}
	for _, digit := range test[:5] {
		fmt.Print(network.Predict(a, digit.Image), " ")
	}
	// Output: 7 2 1 0 4
}

// Changing the clone doesn't change the network.
func ExampleNetwork_Clone() {
	network := convnet.New(1)
	clone := network.Clone()
	clone.Biases2[3] = 0.5
	fmt.Println(network.Biases2[3], clone.Biases2[3])
	// Output: 0 0.5
}

// A network that predicts 0 for every image is correct on the zeros.
func ExampleNetwork_CountCorrect() {
	network := convnet.NewGradient() // all parameters 0, all logits equal
	paper := convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
	fmt.Println(network.CountCorrect([]convnet.Digit{{Image: paper, Label: 0}, {Image: paper, Label: 1}, {Image: paper, Label: 0}}))
	// Output: 2
}

func ExampleReadMNIST() {
	train, test, err := convnet.ReadMNIST(os.DirFS("examples/mnist"))
	fmt.Println(len(train), "training digits,", len(test), "test digits,", err)
	// Output: 5000 training digits, 10000 test digits, <nil>
}

// The first test digit, with two rows of pixels to a line.
func ExampleReadDigits() {
	test, err := convnet.ReadDigits(os.DirFS("examples/mnist"), "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("label", test[0].Label)
	fmt.Printf("row 7, columns 6 to 11: %.2f\n", test[0].Image[7][6:12])
	blocks := []rune(" ▄▀█")
	for y := 6; y < 28; y += 2 {
		line := ""
		for x := range 28 {
			block := 0
			if test[0].Image[y][x] > 0.5 {
				block += 2
			}
			if test[0].Image[y+1][x] > 0.5 {
				block++
			}
			line += string(blocks[block])
		}
		fmt.Println(strings.TrimRight(line, " "))
	}
	// Output:
	// label 7
	// row 7, columns 6 to 11: [0.33 0.73 0.62 0.59 0.24 0.14]
	//        ▄▄▄
	//       ▀▀▀▀███████████▄
	//                    ██
	//                  ▄██
	//                 ▄██
	//                 ██
	//               ▄██
	//              ██▀
	//            ▄██
	//            ███
	//            ▀▀
}

func ExampleNewImage() {
	pixels := make([]byte, 784)
	pixels[28], pixels[29] = 255, 51 // the first two pixels of row 1
	image := convnet.NewImage(pixels)
	fmt.Println(image[1][:4])
	// Output: [1 0.2 0 0]
}
