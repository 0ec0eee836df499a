// # The helper functions
//
// In the order of the data, each with its gradient:
//
//	Conv2D                 AddConv2DFilterGrad, Conv2DInputGrad
//	ReLU                   ReLUGrad
//	MaxPool                MaxPoolGrad
//	Flatten                Unflatten
//	Dropout, DropoutMask   Dropout with the same mask
//	FullyConnected         AddFullyConnectedWeightGrad, FullyConnectedInputGrad
//	Softmax, CrossEntropy  CrossEntropyGrad
//
// They work on planes m[row][column], on volumes v[channel][row][column]
// and on vectors. What is written comes first, as in copy(dst, src). A function
// whose name begins with Add adds to what it writes, so that the gradients of
// many digits can be summed; every other function sets it. An error, dOut or dIn,
// has the shape of what it is the error of: dOut[y][x] is ∂loss/∂out[y][x].
// Nothing may share memory with what is written unless the comment says that it
// may. Only NewMatrix and NewMaps allocate, and Conv2D and FullyConnected where
// their inputs are larger than this package's network has them.
//
// A wrong shape, or a label that is none, is a mistake in the calling program: it
// panics, with what was found and what was wanted. A matrix is taken to be
// rectangular, its first row tells its width. Conv2D and FullyConnected leave out
// inputs that are 0, their gradients errors that are 0: there 0·∞ is 0 and not NaN.
package convnet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

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

// Conv2D sets dst to feature maps, one for each filter. A filter is a kernel for
// each channel of in, laid flat: kernel after kernel, row after row. It is laid
// on every place where it fits whole (a valid cross-correlation, stride 1), and
// each number of it is multiplied by the one it lies on; the sum goes to dst.
//
//	in: 10×12×12, filters: 20×250 (10 kernels 5×5), dst: 20×8×8
//	dst[f][y][x] = Σ_c Σᵢ Σⱼ in[c][y+i][x+j] · filters[f][(c·5+i)·5+j]
//
// The kernels' size follows from those of in and dst. Where in is larger than in
// this package's network, each call allocates. (In the code a strip is a few columns
// of in, without its zeros; sixLoops in layer_test.go is the formula.)
func Conv2D(dst, in [][][]float64, filters [][]float64) {
	rows, cols := checkConv2D("Conv2D", "dst", dst, "in", in, "filters", filters)
	var stack [640]term    // 10 channels of 12 rows of 5 columns are 600
	var aboveStack [32]int // 28 rows and the end
	terms, above := stack[:], aboveStack[:]
	if height := len(in[0]); len(terms) < len(in)*height*cols || len(above) <= height {
		terms, above = make([]term, len(in)*height*cols), make([]int, height+1)
	}
	for x := range dst[0][0] {
		listStrip(terms, above, in, x, rows, cols)
		for f := 0; f < len(filters); f += 5 {
			f0, f1, f2, f3, f4 := fiveRows(f, len(filters))
			d0, d1, d2, d3, d4 := dst[f0], dst[f1], dst[f2], dst[f3], dst[f4]
			w0, w1, w2, w3, w4 := filters[f0], filters[f1], filters[f2], filters[f3], filters[f4]
			for y := range d0 {
				patch := terms[above[y]:above[y+rows]]
				d0[y][x], d1[y][x], d2[y][x], d3[y][x], d4[y][x] = dotFive(patch, y*cols, w0, w1, w2, w3, w4)
			}
		}
	}
}

// AddConv2DFilterGrad adds to dFilters the gradient of the filters of Conv2D:
// each error, times the patch of in that its output was computed from.
//
//	in: 10×12×12, dOut: 20×8×8, dFilters: 20×250
//	dFilters[f][(c·5+i)·5+j] += Σ_y Σ_x dOut[f][y][x] · in[c][y+i][x+j]
func AddConv2DFilterGrad(dFilters [][]float64, in, dOut [][][]float64) {
	rows, cols := checkConv2D("AddConv2DFilterGrad", "dOut", dOut, "in", in, "dFilters", dFilters)
	for f, errors := range dOut {
		for y, errorRow := range errors {
			for x, e := range errorRow {
				if e == 0 {
					continue // as most are: three in four after pooling, more after ReLU
				}
				dFilter := dFilters[f]
				for _, m := range in {
					for _, row := range m[y : y+rows] {
						if cols == 5 {
							addRowOfFive(dFilter, row[x:x+5:x+5], e)
						} else {
							addScaled(dFilter[:cols], row[x:], e)
						}
						dFilter = dFilter[cols:]
					}
				}
			}
		}
	}
}

// Conv2DInputGrad sets dIn to the error of the input of Conv2D: each error, times
// its filter, is added to the patch of dIn that its output was computed from.
//
//	filters: 20×250, dOut: 20×8×8, dIn: 10×12×12
//	dIn[c][y+i][x+j] += dOut[f][y][x] · filters[f][(c·5+i)·5+j], for all f, y, x; dIn begins at 0
func Conv2DInputGrad(dIn [][][]float64, filters [][]float64, dOut [][][]float64) {
	rows, cols := checkConv2D("Conv2DInputGrad", "dOut", dOut, "dIn", dIn, "filters", filters)
	clearMaps(dIn)
	for f, errors := range dOut {
		for y, errorRow := range errors {
			for x, e := range errorRow {
				if e == 0 {
					continue
				}
				filter := filters[f]
				for _, m := range dIn {
					for _, row := range m[y : y+rows] {
						if cols == 5 {
							addRowOfFive(row[x:x+5:x+5], filter, e)
						} else {
							addScaled(row[x:x+cols], filter, e)
						}
						filter = filter[cols:]
					}
				}
			}
		}
	}
}

// ReLU sets dst[y][x] = max(0, in[y][x]), in matrices of one shape. dst may be in.
func ReLU(dst, in [][]float64) {
	checkSize("ReLU", "dst", dst, len(in), width(in))
	for y, row := range in {
		to := dst[y][:len(row)]
		for x, v := range row {
			to[x] = when(!(v <= 0), v) // NaN stays: a broken number must not be hidden
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
			to[x] = when(v > 0, from[x])
		}
	}
}

// MaxPool sets each number of dst to the largest of a 2×2 window of in: in has twice
// as many rows and columns as dst.
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
		top, bottom := in[2*y][:2*len(row)], in[2*y+1][:2*len(row)]
		dTop, dBottom := dIn[2*y][:2*len(row)], dIn[2*y+1][:2*len(row)]
		for x, e := range row {
			a, b, c, d := top[2*x], top[2*x+1], bottom[2*x], bottom[2*x+1]
			m := max(a, b, c, d)
			// e goes to the first that wants it; to the others comes 0.
			dTop[2*x], e = when(a >= m, e), when(!(a >= m), e)
			dTop[2*x+1], e = when(b >= m, e), when(!(b >= m), e)
			dBottom[2*x], dBottom[2*x+1] = when(c >= m, e), when(!(c >= m), e)
		}
	}
}

// Flatten sets vector to the numbers of maps in reading order, map by map, whatever
// their sizes.
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

// Unflatten sets maps to the numbers of vector: Flatten backwards, and so its
// gradient.
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

// DropoutMask draws a mask for Dropout: each number is 0 with probability p,
// 0 ≤ p < 1, and otherwise 1/(1−p), so that the expected output is the input, and
// a network in use needs neither masks nor scaling (inverted dropout; Srivastava
// et al., 2014). It panics on another p. Where p is 0 rng may be nil.
func DropoutMask(mask []float64, p float64, rng *rand.Rand) {
	if !(p >= 0 && p < 1) {
		panic(fmt.Sprintf("convnet: DropoutMask: p is %v, want 0 ≤ p < 1", p))
	}
	for x := range mask {
		mask[x] = when(p == 0 || rng.Float64() >= p, 1/(1-p))
	}
}

// Dropout sets dst[x] = in[x] · mask[x], in vectors of one length. It is its own
// gradient: the error of the output goes back through the very mask that the
// input came through. dst may be in.
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
	var stack [512]term // this package's network needs 320
	terms := stack[:]
	if len(in) > len(terms) {
		terms = make([]term, len(in))
	}
	terms = terms[:appendTerms(terms, 0, 0, in)]
	for i := 0; i < len(dst); i += 5 {
		i0, i1, i2, i3, i4 := fiveRows(i, len(dst))
		dst[i0], dst[i1], dst[i2], dst[i3], dst[i4] = dotFive(terms, 0,
			weights[i0], weights[i1], weights[i2], weights[i3], weights[i4])
	}
	for i, b := range biases {
		dst[i] += b
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

// Softmax turns logits into probabilities: from 0 to 1, with sum 1.
//
//	logits: 10, dst: 10
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
// of logits, and 0 ≤ label < len(logits). Taken from the logits it is finite even
// where p[label] underflows to 0:
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
// CrossEntropy taken together: the probabilities minus the target, 1 for the label
// and 0 for the others.
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

// What follows makes the functions above fast (docs/speed.md), and is no part of
// what they compute.

// A term is a number that is not zero, and the place of the weight it meets. Most
// numbers on their way through a network are zero (paper, what ReLU cut off, what
// dropout dropped), and zeros are left out of the sums.
type term struct {
	place int
	value float64
}

// appendTerms puts the numbers of row that are not zero behind the n terms there
// are, and returns the new n. The first number of row meets the weight at place.
func appendTerms(terms []term, n, place int, row []float64) int {
	for j, v := range row {
		terms[n] = term{place + j, v}
		if math.Float64bits(v) != 0 { // on its bits: a choice without a branch
			n++
		}
	}
	return n
}

// dotFive sums the terms, each times its weight, for five rows of weights: a term
// is read once for all of them, and no sum need wait for another. The weight of a
// term lies at its place − start.
func dotFive(terms []term, start int, w0, w1, w2, w3, w4 []float64) (s0, s1, s2, s3, s4 float64) {
	w1, w2, w3, w4 = w1[:len(w0)], w2[:len(w0)], w3[:len(w0)], w4[:len(w0)]
	for _, t := range terms {
		k, v := t.place-start, t.value
		s0 += v * w0[k]
		s1 += v * w1[k]
		s2 += v * w2[k]
		s3 += v * w3[k]
		s4 += v * w4[k]
	}
	return s0, s1, s2, s3, s4
}

// fiveRows returns the indices of five rows from i on. Where there are fewer, the
// last stands in for those that are missing.
func fiveRows(i, rows int) (i0, i1, i2, i3, i4 int) {
	last := rows - 1
	return i, min(i+1, last), min(i+2, last), min(i+3, last), min(i+4, last)
}

// listStrip lists the columns of in that kernels of rows×cols cover at column x, row
// by row and channel by channel in each row: above[y] terms lie above row y. So the
// patch under kernels at row y is one run, from above[y] to above[y+rows]. A term's
// place is the one it has under kernels at row 0; under kernels at row y it is
// y·cols less, the start of dotFive.
func listStrip(terms []term, above []int, in [][][]float64, x, rows, cols int) {
	n := 0
	for y := range in[0] {
		for c, m := range in {
			n = appendTerms(terms, n, (c*rows+y)*cols, m[y][x:x+cols])
		}
		above[y+1] = n
	}
}

// addScaled adds to dst: dst[j] += s · src[j]. What src has beyond the length of
// dst is not read.
func addScaled(dst, src []float64, s float64) {
	src = src[:len(dst)]
	for j, v := range src {
		dst[j] += s * v
	}
}

// addRowOfFive is addScaled for five numbers, a row of a kernel: without a loop, and
// small enough for the compiler to put it where it is called. A slice cut at the
// call is cut in full, row[x:x+5:x+5]: that takes the fewest instructions.
func addRowOfFive(dst, src []float64, s float64) {
	d, v := (*[5]float64)(dst), (*[5]float64)(src)
	d[0] += s * v[0]
	d[1] += s * v[1]
	d[2] += s * v[2]
	d[3] += s * v[3]
	d[4] += s * v[4]
}

// when returns v where the condition holds, otherwise 0. Which numbers are
// negative and which is the largest are coin tosses, too hard to predict: on the
// bits of a number the compiler makes this a choice without a branch.
func when(condition bool, v float64) float64 {
	bits := math.Float64bits(v)
	if !condition {
		bits = 0
	}
	return math.Float64frombits(bits)
}

// The rest checks shapes, and counts and clears numbers.

// checkConv2D checks feature maps, out, against in and the filters, and returns
// the size of the kernels.
func checkConv2D(function, outName string, out [][][]float64, inName string, in [][][]float64, filtersName string, filters [][]float64) (rows, cols int) {
	if len(in) == 0 || len(out) == 0 {
		panic(fmt.Sprintf("convnet: %s: %d maps of input, %d of output, want one of each at least", function, len(in), len(out)))
	}
	height, outHeight := len(in[0]), len(out[0])
	rows, cols = height-outHeight+1, width(in[0])-width(out[0])+1
	if outHeight == 0 || width(out[0]) == 0 || rows < 1 || cols < 1 {
		panic(fmt.Sprintf("convnet: %s: %s is %d×%d, want 1×1 to %d×%d, the input's size", function, outName,
			outHeight, width(out[0]), height, width(in[0])))
	}
	for _, m := range in {
		checkSize(function, inName, m, height, width(in[0]))
	}
	for _, m := range out {
		checkSize(function, outName, m, outHeight, width(out[0]))
	}
	checkSize(function, filtersName, filters, len(out), len(in)*rows*cols)
	return rows, cols
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

func clearMaps(maps [][][]float64) {
	for _, m := range maps {
		for _, row := range m {
			clear(row)
		}
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
