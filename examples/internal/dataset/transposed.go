package dataset

import (
	"math"
	"sync"

	"convnet"
	"convnet/examples/internal/fit"
	"convnet/examples/mnist"
)

// How many digits transposed needs, and at about how many it looks at most.
const enough, most = 20, 500

// transposed reports whether digits are like MNIST's, but transposed. It classifies some of them by the
// nearest mean of MNIST's digits, as they are and transposed. Of MNIST's own that gets about 75% right as
// they are and 19% transposed. What isn't a digit, as in Fashion-MNIST and KMNIST, it gets right about one
// time in ten either way. Unlike a network, it works for any architecture.
func transposed(digits []convnet.Digit) (bool, error) {
	if len(digits) < enough {
		return false, nil
	}
	means, err := means()
	if err != nil {
		return false, err
	}
	step := (len(digits) + most - 1) / most // every step-th, because a file may be sorted, and 0s look the same transposed
	asTheyAre, turned, all := 0, 0, 0
	for k := 0; k < len(digits); k += step {
		d := digits[k]
		all++
		if nearest(means, d.Image) == d.Label {
			asTheyAre++
		}
		if nearest(means, transpose(d.Image)) == d.Label {
			turned++
		}
	}
	return 5*turned >= 2*all && 2*turned >= 3*asTheyAre, nil
}

// turn transposes digits.
func turn(digits []convnet.Digit) {
	for k := range digits {
		digits[k].Image = transpose(digits[k].Image)
	}
}

// transpose returns an image with rows and columns swapped.
func transpose(image [][]float64) [][]float64 {
	swapped := convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
	for y, row := range image {
		for x, v := range row {
			swapped[x][y] = v
		}
	}
	return swapped
}

// means returns the mean image of each of MNIST's digits, computed once.
var means = sync.OnceValues(func() ([][][]float64, error) {
	digits, err := convnet.ReadDigits(mnist.Files, "train-images-idx3-ubyte", "train-labels-idx1-ubyte")
	means, counts := convnet.NewVolume(10, convnet.ImageSide, convnet.ImageSide), make([]float64, 10)
	for _, d := range digits {
		counts[d.Label]++
		for y, row := range d.Image {
			for x, v := range row {
				means[d.Label][y][x] += v
			}
		}
	}
	for label, mean := range means {
		for _, row := range mean {
			for x := range row {
				row[x] /= counts[label]
			}
		}
	}
	return means, err
})

// nearest returns the digit whose mean is nearest to an image. The image is first scaled and centered as
// MNIST's are, because EMNIST's digits are larger.
func nearest(means [][][]float64, image [][]float64) (label int) {
	fitted := convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
	fit.Ink(fitted, image)
	least := math.Inf(1)
	for k, mean := range means {
		sum := 0.0
		for y, row := range mean {
			for x, v := range row {
				sum += (fitted[y][x] - v) * (fitted[y][x] - v)
			}
		}
		if sum < least {
			least, label = sum, k
		}
	}
	return label
}
