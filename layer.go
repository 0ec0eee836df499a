package convnet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// The helpers work on planes m[row][column], on volumes v[channel][row][column]
// and on vectors. What is written comes first, as in copy(dst, src). A function
// whose name begins with Add adds to what it writes, so that filters and digits
// can be summed; every other function sets it. An error, dOut or dIn, has the
// shape of what it is the error of: dOut[y][x] is ∂loss/∂out[y][x]. Nothing is
// allocated but by NewMatrix and NewMaps, and nothing may share memory with what
// is written unless the comment says that it may.

// NewMatrix returns a matrix of zeros, m[row][column], whose rows follow one
// another in one block of memory.
func NewMatrix(rows, cols int) [][]float64 {
	return matrixOn(make([]float64, rows*cols), rows, cols)
}

// matrixOn lays a rows×cols matrix over a block of rows·cols numbers.
func matrixOn(block []float64, rows, cols int) [][]float64 {
	m := make([][]float64, rows)
	for y := range m {
		m[y] = block[y*cols : (y+1)*cols : (y+1)*cols]
	}
	return m
}

// NewMaps returns channels feature maps of zeros, v[channel][row][column].
func NewMaps(channels, rows, cols int) [][][]float64 {
	maps := make([][][]float64, channels)
	for c := range maps {
		maps[c] = NewMatrix(rows, cols)
	}
	return maps
}

// Conv2D sets dst to one feature map: the filter, a kernel for each channel of
// in, is laid on every place where it fits whole (a valid cross-correlation,
// stride 1), and every number of it is multiplied by the one it lies on; the
// sum of these products goes to dst.
//
//	in: 10×12×12, filter: 10×5×5, dst: 8×8
//	dst[y][x] = Σ_c Σᵢ Σⱼ in[c][y+i][x+j] · filter[c][i][j]
func Conv2D(dst [][]float64, in, filter [][][]float64) {
	checkConv2D("Conv2D", "dst", dst, in, filter)
	for _, row := range dst {
		clear(row)
	}
	for c, kernel := range filter {
		for i, taps := range kernel {
			slide(dst, in[c][i:], taps)
		}
	}
}

// slide slides one row of a kernel over a map: dst[y][x] += Σⱼ in[y][x+j] · taps[j].
func slide(dst, in [][]float64, taps []float64) {
	if len(taps) == 5 {
		slideFive(dst, in, taps)
		return
	}
	for y, row := range dst {
		for x := range row {
			row[x] += dot(taps, in[y][x:])
		}
	}
}

// slideFive is slide for five taps. They stay in registers, and so do the
// numbers under them: a step to the right reads one number instead of five.
func slideFive(dst, in [][]float64, taps []float64) {
	t0, t1, t2, t3, t4 := taps[0], taps[1], taps[2], taps[3], taps[4]
	for y, row := range dst {
		v0, v1, v2, v3 := in[y][0], in[y][1], in[y][2], in[y][3]
		right := in[y][4 : 4+len(row)]
		row = row[:len(right)]
		for x, v4 := range right {
			row[x] += v0*t0 + v1*t1 + v2*t2 + v3*t3 + v4*t4
			v0, v1, v2, v3 = v1, v2, v3, v4
		}
	}
}

// AddConv2DFilterGrad adds to dFilter the gradient of the filter of Conv2D:
// each error, times the patch of in that it came from.
//
//	in: 10×12×12, dOut: 8×8, dFilter: 10×5×5
//	dFilter[c][i][j] += Σ_y Σ_x dOut[y][x] · in[c][y+i][x+j]
func AddConv2DFilterGrad(dFilter, in [][][]float64, dOut [][]float64) {
	checkConv2D("AddConv2DFilterGrad", "dOut", dOut, in, dFilter)
	for y, row := range dOut {
		for x, e := range row {
			if e == 0 {
				continue // as most are: pooling passes on one error in four, ReLU fewer
			}
			for c, dKernel := range dFilter {
				for i, dTaps := range dKernel {
					if len(dTaps) == 5 {
						addFive(dTaps, in[c][y+i][x:], e)
					} else {
						addScaled(dTaps, in[c][y+i][x:], e)
					}
				}
			}
		}
	}
}

// AddConv2DInputGrad adds to dIn the error of the input of Conv2D: each error,
// times the filter, is stamped on the patch of in that it came from.
//
//	filter: 10×5×5, dOut: 8×8, dIn: 10×12×12
//	dIn[c][y+i][x+j] += dOut[y][x] · filter[c][i][j], for all y and x
func AddConv2DInputGrad(dIn, filter [][][]float64, dOut [][]float64) {
	checkConv2D("AddConv2DInputGrad", "dOut", dOut, dIn, filter)
	for y, row := range dOut {
		for x, e := range row {
			if e == 0 {
				continue
			}
			for c, kernel := range filter {
				for i, taps := range kernel {
					if len(taps) == 5 {
						addFive(dIn[c][y+i][x:], taps, e)
					} else {
						addScaled(dIn[c][y+i][x:x+len(taps)], taps, e)
					}
				}
			}
		}
	}
}

// ReLU sets dst[y][x] = max(0, in[y][x]). dst may be in.
func ReLU(dst, in [][]float64) {
	checkSize("ReLU", "dst", dst, len(in), width(in))
	for y, row := range in {
		for x, v := range row {
			dst[y][x] = max(0, v)
		}
	}
}

// ReLUGrad sets dIn[y][x] = dOut[y][x] where in[y][x] > 0, and 0 elsewhere:
// the slope of ReLU is 1 or 0, and at the kink we choose 0. dIn may be dOut.
func ReLUGrad(dIn, in, dOut [][]float64) {
	checkSize("ReLUGrad", "dIn", dIn, len(in), width(in))
	checkSize("ReLUGrad", "dOut", dOut, len(in), width(in))
	for y, row := range in {
		to, from := dIn[y][:len(row)], dOut[y][:len(row)]
		for x, v := range row {
			// Which units are on is a coin toss, too hard to predict: on the bits
			// of a number the compiler makes this a choice without a branch.
			e := math.Float64bits(from[x])
			if !(v > 0) {
				e = 0
			}
			to[x] = math.Float64frombits(e)
		}
	}
}

// MaxPool sets each number of dst to the largest of a 2×2 window of in.
//
//	in: 24×24, dst: 12×12
//	dst[y][x] = max(in[2y][2x], in[2y][2x+1], in[2y+1][2x], in[2y+1][2x+1])
func MaxPool(dst, in [][]float64) {
	checkSize("MaxPool", "in", in, 2*len(dst), 2*width(dst))
	for y, row := range dst {
		top, bottom := in[2*y], in[2*y+1]
		for x := range row {
			row[x] = max(top[2*x], top[2*x+1], bottom[2*x], bottom[2*x+1])
		}
	}
}

// MaxPoolGrad sets dIn to the error of the input of MaxPool: the error of a
// window goes to its largest number, on a tie to the first in reading order
// (top left, top right, bottom left, bottom right), and the others get 0.
//
//	in: 24×24, dOut: 12×12, dIn: 24×24
func MaxPoolGrad(dIn, in, dOut [][]float64) {
	checkSize("MaxPoolGrad", "in", in, 2*len(dOut), 2*width(dOut))
	checkSize("MaxPoolGrad", "dIn", dIn, len(in), width(in))
	for y, row := range dOut {
		top, bottom := in[2*y], in[2*y+1]
		dTop, dBottom := dIn[2*y], dIn[2*y+1]
		clear(dTop)
		clear(dBottom)
		for x, e := range row {
			if e == 0 {
				continue
			}
			a, b, c, d := top[2*x], top[2*x+1], bottom[2*x], bottom[2*x+1]
			switch {
			case a >= b && a >= c && a >= d:
				dTop[2*x] = e
			case b >= c && b >= d:
				dTop[2*x+1] = e
			case c >= d:
				dBottom[2*x] = e
			default:
				dBottom[2*x+1] = e
			}
		}
	}
}

// Flatten sets vector to the numbers of maps in reading order, map by map.
//
//	maps: 20×4×4, vector: 320
func Flatten(vector []float64, maps [][][]float64) {
	checkLen("Flatten", "vector", len(vector), volume(maps))
	for _, m := range maps {
		for _, row := range m {
			vector = vector[copy(vector, row):]
		}
	}
}

// Unflatten sets maps to the numbers of vector: Flatten backwards, which
// serves for a picture's values and for their errors.
//
//	vector: 320, maps: 20×4×4
func Unflatten(maps [][][]float64, vector []float64) {
	checkLen("Unflatten", "vector", len(vector), volume(maps))
	for _, m := range maps {
		for _, row := range m {
			vector = vector[copy(row, vector):]
		}
	}
}

// DropoutMask draws a mask for Dropout: each number is 0 with probability
// rate, 0 ≤ rate < 1, and otherwise 1/(1−rate), so that the expected output
// is the input, and a network in use needs neither masks nor scaling
// (inverted dropout; Srivastava et al., 2014). It panics on another rate.
func DropoutMask(mask []float64, rate float64, rng *rand.Rand) {
	if !(rate >= 0 && rate < 1) {
		panic(fmt.Sprintf("convnet: DropoutMask: rate is %v, want 0 ≤ rate < 1", rate))
	}
	for x := range mask {
		mask[x] = 0
		if rate == 0 || rng.Float64() >= rate {
			mask[x] = 1 / (1 - rate)
		}
	}
}

// Dropout sets dst[x] = in[x] · mask[x]. It is its own gradient: the error of
// the output goes back through the very mask that the input came through.
// dst may be in.
func Dropout(dst, in, mask []float64) {
	checkLen("Dropout", "dst", len(dst), len(in))
	checkLen("Dropout", "mask", len(mask), len(in))
	for x, v := range in {
		dst[x] = v * mask[x]
	}
}

// FullyConnected joins every input to every output.
//
//	in: 320, weights: 100×320, biases: 100, dst: 100
//	dst[i] = biases[i] + Σⱼ weights[i][j] · in[j]
func FullyConnected(dst []float64, weights [][]float64, biases, in []float64) {
	checkSize("FullyConnected", "weights", weights, len(dst), len(in))
	checkLen("FullyConnected", "biases", len(biases), len(dst))
	for i, row := range weights {
		dst[i] = biases[i] + dot(row, in)
	}
}

// AddFullyConnectedWeightGrad adds to dWeights and dBiases the gradient of
// the weights and biases of FullyConnected.
//
//	in: 320, dOut: 100, dWeights: 100×320, dBiases: 100
//	dWeights[i][j] += dOut[i] · in[j]
//	dBiases[i]     += dOut[i]
func AddFullyConnectedWeightGrad(dWeights [][]float64, dBiases, in, dOut []float64) {
	checkSize("AddFullyConnectedWeightGrad", "dWeights", dWeights, len(dOut), len(in))
	checkLen("AddFullyConnectedWeightGrad", "dBiases", len(dBiases), len(dOut))
	for i, e := range dOut {
		if e != 0 {
			addScaled(dWeights[i], in, e)
			dBiases[i] += e
		}
	}
}

// FullyConnectedInputGrad sets dIn to the error of the input of
// FullyConnected: each output sends its error back along its own weights.
//
//	weights: 100×320, dOut: 100, dIn: 320
//	dIn[j] = Σᵢ dOut[i] · weights[i][j]
func FullyConnectedInputGrad(dIn []float64, weights [][]float64, dOut []float64) {
	checkSize("FullyConnectedInputGrad", "weights", weights, len(dOut), len(dIn))
	clear(dIn)
	for i, e := range dOut {
		if e != 0 {
			addScaled(dIn, weights[i], e)
		}
	}
}

// Softmax turns logits into probabilities: positive, with sum 1.
//
//	dst[k] = exp(logits[k] − m) / Σⱼ exp(logits[j] − m), m = max logits
//
// The shift by m changes nothing but keeps exp from overflowing. dst may be
// logits.
func Softmax(dst, logits []float64) {
	checkLen("Softmax", "dst", len(dst), len(logits))
	m := slices.Max(logits)
	sum := 0.0
	for k, l := range logits {
		dst[k] = math.Exp(l - m)
		sum += dst[k]
	}
	for k := range dst {
		dst[k] /= sum
	}
}

// CrossEntropy returns the loss −log p[label], in nats, where p is the softmax
// of logits. Taken from the logits it is finite even where p[label] underflows
// to 0:
//
//	−log p[label] = m − logits[label] + log Σⱼ exp(logits[j] − m), m = max logits
func CrossEntropy(logits []float64, label int) float64 {
	checkLabel("CrossEntropy", label, len(logits))
	m := slices.Max(logits)
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(l - m)
	}
	return m - logits[label] + math.Log(sum)
}

// CrossEntropyGrad sets dLogits to the error of the logits, of Softmax and
// CrossEntropy taken together: the answer minus the one-hot target.
//
//	dLogits[k] = probabilities[k] − (1 if k = label, else 0)
//
// dLogits may be probabilities.
func CrossEntropyGrad(dLogits, probabilities []float64, label int) {
	checkLen("CrossEntropyGrad", "dLogits", len(dLogits), len(probabilities))
	checkLabel("CrossEntropyGrad", label, len(probabilities))
	copy(dLogits, probabilities)
	dLogits[label]--
}

// dot returns Σⱼ a[j] · b[j]. Four sums side by side need not wait for one
// another.
func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64
	j := 0
	for ; j+4 <= len(a); j += 4 {
		s0 += a[j] * b[j]
		s1 += a[j+1] * b[j+1]
		s2 += a[j+2] * b[j+2]
		s3 += a[j+3] * b[j+3]
	}
	for ; j < len(a); j++ {
		s0 += a[j] * b[j]
	}
	return s0 + s1 + s2 + s3
}

// addScaled adds s times src to dst: dst[j] += s · src[j].
func addScaled(dst, src []float64, s float64) {
	src = src[:len(dst)]
	for j, v := range src {
		dst[j] += s * v
	}
}

// addFive is addScaled for five numbers, a row of a kernel: without a loop,
// and small enough for the compiler to put it where it is called.
func addFive(dst, src []float64, s float64) {
	d, v := (*[5]float64)(dst), (*[5]float64)(src)
	d[0] += s * v[0]
	d[1] += s * v[1]
	d[2] += s * v[2]
	d[3] += s * v[3]
	d[4] += s * v[4]
}

// A wrong shape is a mistake in the calling program: the checks panic with
// what was found and what was wanted. They take a matrix to be rectangular: its
// first row tells its width.

// checkConv2D checks a feature map, out, against all channels of in and filter.
func checkConv2D(function, name string, out [][]float64, in, filter [][][]float64) {
	if len(in) == 0 || len(in) != len(filter) {
		panic(fmt.Sprintf("convnet: %s: %d channels of input, %d of the filter, want as many and one at least", function, len(in), len(filter)))
	}
	for c, kernel := range filter {
		rows, cols := len(in[c])-len(kernel)+1, width(in[c])-width(kernel)+1
		if len(kernel) == 0 || width(kernel) == 0 || rows < 1 || cols < 1 || len(out) != rows || width(out) != cols {
			panic(fmt.Sprintf("convnet: %s: %s is %d×%d, want %d×%d for channel %d, input %d×%d, kernel %d×%d", function, name,
				len(out), width(out), max(0, rows), max(0, cols), c, len(in[c]), width(in[c]), len(kernel), width(kernel)))
		}
	}
}

func checkSize(function, name string, m [][]float64, rows, cols int) {
	if len(m) != rows || width(m) != cols {
		panic(fmt.Sprintf("convnet: %s: %s is %d×%d, want %d×%d", function, name, len(m), width(m), rows, cols))
	}
}

func checkLen(function, name string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("convnet: %s: %s has %d numbers, want %d", function, name, got, want))
	}
}

func checkLabel(function string, label, classes int) {
	if label < 0 || label >= classes {
		panic(fmt.Sprintf("convnet: %s: label is %d, want 0 to %d", function, label, classes-1))
	}
}

func width(m [][]float64) int {
	if len(m) == 0 {
		return 0
	}
	return len(m[0])
}

// volume counts the numbers of maps.
func volume(maps [][][]float64) int {
	n := 0
	for _, m := range maps {
		n += len(m) * width(m)
	}
	return n
}
