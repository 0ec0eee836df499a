// # Helper functions
//
// The forward functions, in the order in which the network calls them, each with its gradients:
//
//	Conv2D                 AddConv2DFilterGrad, Conv2DInputGrad
//	ReLU                   ReLUGrad
//	MaxPool                MaxPoolGrad
//	Flatten                Unflatten
//	DropoutMask, Dropout   Dropout with the same mask
//	FullyConnected         AddFullyConnectedWeightGrad, FullyConnectedInputGrad
//	Softmax, CrossEntropy  CrossEntropyGrad
//
// They work on vectors, matrices m[row][column] and volumes v[channel][row][column]. The destination
// comes first, as in copy(dst, src), and must not share memory with another argument unless the doc
// comment says it may. Functions named Add… add to their destination, so the gradients of a batch
// add up. All others overwrite it.
//
// A gradient has the same shape as the values it belongs to: dOut[y][x] is ∂loss/∂out[y][x]. Older
// texts, and ConvNet-in-Numpy, call it the error or delta.
//
// A wrong shape or label is a bug in the caller, so the functions panic. Conv2D and FullyConnected skip
// inputs that are 0, and their gradients skip outputs whose gradient is 0, so 0·∞ and 0·NaN count as 0.
package convnet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// NewMatrix returns a rows×cols matrix of zeros. Its rows share a single block of memory.
func NewMatrix(rows, cols int) [][]float64 {
	return reshape(make([]float64, rows*cols), rows, cols)
}

// reshape returns a rows×cols matrix whose rows are slices of block.
func reshape(block []float64, rows, cols int) [][]float64 {
	m := make([][]float64, rows)
	for y := range m {
		m[y] = block[y*cols : (y+1)*cols : (y+1)*cols]
	}
	return m
}

// NewVolume returns a channels×rows×cols volume of zeros.
func NewVolume(channels, rows, cols int) [][][]float64 {
	v := make([][][]float64, channels)
	for c := range v {
		v[c] = NewMatrix(rows, cols)
	}
	return v
}

// Conv2D slides each filter over all channels of in and writes one feature map per filter, with stride 1
// and no padding. Strictly speaking, it's a cross-correlation. A filter has one kernel per channel, all
// in one slice: the first kernel, row by row, then the next. The kernel size, rows×cols, follows from
// the sizes of in and dst.
//
//	in: 10×12×12, filters: 20×250 (10 kernels of 5×5 each), dst: 20×8×8
//	dst[f][y][x] = Σ_c Σᵢ Σⱼ in[c][y+i][x+j] · filters[f][(c·rows+i)·cols+j]
//
// In plain loops:
//
//	for f := range dst {
//		for y := range dst[f] {
//			for x := range dst[f][y] {
//				dst[f][y][x] = 0
//				for c := range in {
//					for i := range rows {
//						for j := range cols {
//							dst[f][y][x] += in[c][y+i][x+j] * filters[f][(c*rows+i)*cols+j]
//
// Conv2D computes the same values, up to rounding, about twenty times as fast (docs/speed.md). For each
// row of the output, it lists the nonzero inputs, then applies five filters at a time.
func Conv2D(dst, in [][][]float64, filters [][]float64) {
	rows, cols := checkConv2D("Conv2D", dst, in, filters)
	var buffer [128][]float64
	terms, start := make([]term, 1024), make([]int, 32) // on the stack, for layers up to this size
	if width := len(in[0][0]); len(terms) < len(in)*rows*width || len(start) <= width {
		terms, start = make([]term, len(in)*rows*width), make([]int, width+1)
	}
	for y := range dst[0] {
		listTerms(terms, start, rowsUnder(buffer[:0], in, y, rows), cols)
		for f := 0; f < len(filters); f += 5 {
			f0, f1, f2, f3, f4 := five(f, len(filters))
			w := [5][]float64{filters[f0], filters[f1], filters[f2], filters[f3], filters[f4]}
			d0 := dst[f0][y]
			d1, d2, d3, d4 := dst[f1][y][:len(d0)], dst[f2][y][:len(d0)], dst[f3][y][:len(d0)], dst[f4][y][:len(d0)]
			for x := range d0 {
				d0[x], d1[x], d2[x], d3[x], d4[x] = dotFive(terms[start[x]:start[x+cols]], x, &w)
			}
		}
	}
}

// AddConv2DFilterGrad adds the gradient of Conv2D's filters to dFilters. A weight is used once for each
// output, so its gradient is a sum over outputs: the gradient there times the input the weight met.
//
//	in: 10×12×12, dOut: 20×8×8, dFilters: 20×250
//	dFilters[f][(c·rows+i)·cols+j] += Σ_y Σ_x dOut[f][y][x] · in[c][y+i][x+j]
func AddConv2DFilterGrad(dFilters [][]float64, in, dOut [][][]float64) {
	rows, cols := checkConv2D("AddConv2DFilterGrad", dOut, in, dFilters)
	var buffer [128][]float64
	for y := range dOut[0] {
		under := rowsUnder(buffer[:0], in, y, rows)
		for f := range dOut {
			for x, g := range dOut[f][y] {
				if g != 0 { // nine in ten are 0, thanks to max-pooling, ReLU and dropout
					addPatch(dFilters[f], under, x, cols, g)
				}
			}
		}
	}
}

// addPatch adds g times a patch to dFilter. The patch is columns x to x+cols−1 of rows.
func addPatch(dFilter []float64, rows [][]float64, x, cols int, g float64) {
	k := 0
	for _, row := range rows {
		if cols == 5 {
			addFive(dFilter[k:k+5:k+5], row[x:x+5:x+5], g)
		} else {
			addScaled(dFilter[k:k+cols], row[x:], g)
		}
		k += cols
	}
}

// Conv2DInputGrad sets dIn to the gradient at the input of Conv2D. Each output adds its gradient times
// its filter to the patch it was computed from.
//
//	filters: 20×250, dOut: 20×8×8, dIn: 10×12×12
//	dIn[c][y+i][x+j] += dOut[f][y][x] · filters[f][(c·rows+i)·cols+j], for all f, y, x; dIn starts at 0
func Conv2DInputGrad(dIn [][][]float64, filters [][]float64, dOut [][][]float64) {
	rows, cols := checkConv2D("Conv2DInputGrad", dOut, dIn, filters)
	var buffer [128][]float64
	for _, m := range dIn {
		clearRows(m)
	}
	for y := range dOut[0] {
		under := rowsUnder(buffer[:0], dIn, y, rows)
		for f := range dOut {
			for x, g := range dOut[f][y] {
				if g != 0 {
					addToPatch(under, filters[f], x, cols, g)
				}
			}
		}
	}
}

// addToPatch adds g times filter to a patch. The patch is columns x to x+cols−1 of rows.
func addToPatch(rows [][]float64, filter []float64, x, cols int, g float64) {
	k := 0
	for _, row := range rows {
		if cols == 5 {
			addFive(row[x:x+5:x+5], filter[k:k+5:k+5], g)
		} else {
			addScaled(row[x:x+cols], filter[k:], g)
		}
		k += cols
	}
}

// ReLU sets dst[y][x] = max(0, in[y][x]). dst and in have the same shape, and may be the same matrix.
func ReLU(dst, in [][]float64) {
	checkLen("ReLU", "dst", len(dst), len(in))
	for y, row := range in {
		to := dst[y]
		checkLen("ReLU", "a row of dst", len(to), len(row))
		for x, v := range row {
			to[x] = max(0, v)
		}
	}
}

// ReLUGrad sets dIn[y][x] = dOut[y][x] where in[y][x] > 0, and 0 elsewhere. At 0, the kink, ReLU has no
// derivative, so we choose 0. All have the same shape, and dIn and dOut may be the same matrix.
func ReLUGrad(dIn, in, dOut [][]float64) {
	checkLen("ReLUGrad", "dIn", len(dIn), len(in))
	checkLen("ReLUGrad", "dOut", len(dOut), len(in))
	for y, row := range in {
		to, from := dIn[y], dOut[y]
		checkLen("ReLUGrad", "a row of dIn", len(to), len(row))
		checkLen("ReLUGrad", "a row of dOut", len(from), len(row))
		for x, v := range row {
			to[x] = when(v > 0, from[x])
		}
	}
}

// MaxPool sets each value of dst to the largest value of a 2×2 window of in. The windows lie side by
// side. If the number of rows or columns is odd, the last one is ignored.
//
//	in: 24×24, dst: 12×12 (or in: 13×13, dst: 6×6)
//	dst[y][x] = max(in[2y][2x], in[2y][2x+1], in[2y+1][2x], in[2y+1][2x+1])
func MaxPool(dst, in [][]float64) {
	checkSize("MaxPool", "in", in, len(in), width(in))
	checkSize("MaxPool", "dst", dst, len(in)/2, width(in)/2)
	for y, row := range dst {
		top, bottom := in[2*y], in[2*y+1]
		for x := range row {
			row[x] = max(top[2*x], top[2*x+1], bottom[2*x], bottom[2*x+1])
		}
	}
}

// MaxPoolGrad sets dIn to the gradient at the input of MaxPool. In each window, the largest value gets
// the gradient at the output, and the others get 0. On a tie, the first in reading order gets it: top
// left, top right, bottom left, bottom right.
//
//	in: 24×24, dOut: 12×12, dIn: 24×24
func MaxPoolGrad(dIn, in, dOut [][]float64) {
	checkSize("MaxPoolGrad", "in", in, len(in), width(in))
	checkSize("MaxPoolGrad", "dIn", dIn, len(in), width(in))
	checkSize("MaxPoolGrad", "dOut", dOut, len(in)/2, width(in)/2)
	if len(in)%2 == 1 || width(in)%2 == 1 {
		clearRows(dIn)
	}
	for y, row := range dOut {
		n := 2 * len(row)
		top, bottom, dTop, dBottom := in[2*y][:n], in[2*y+1][:n], dIn[2*y][:n], dIn[2*y+1][:n]
		for x, g := range row {
			a, b, c, d := top[2*x], top[2*x+1], bottom[2*x], bottom[2*x+1]
			m := max(a, b, c, d)
			// The first maximum takes g and leaves 0 for the others. If m is NaN, the last value takes g.
			dTop[2*x], g = when(a >= m, g), when(!(a >= m), g)
			dTop[2*x+1], g = when(b >= m, g), when(!(b >= m), g)
			dBottom[2*x], dBottom[2*x+1] = when(c >= m, g), when(!(c >= m), g)
		}
	}
}

// Flatten copies volume to vector, map by map and row by row.
//
//	volume: 20×4×4, vector: 320
func Flatten(vector []float64, volume [][][]float64) {
	checkLen("Flatten", "vector", len(vector), count(volume))
	for _, m := range volume {
		for _, row := range m {
			vector = vector[copy(vector, row):]
		}
	}
}

// Unflatten copies vector to volume. It is both the inverse of Flatten and its gradient.
//
//	vector: 320, volume: 20×4×4
func Unflatten(volume [][][]float64, vector []float64) {
	checkLen("Unflatten", "vector", len(vector), count(volume))
	for _, m := range volume {
		for _, row := range m {
			vector = vector[copy(row, vector):]
		}
	}
}

// DropoutMask draws a mask for Dropout. Each entry is 0 with probability p, and 1/(1−p) otherwise. So
// on average, the output equals the input, and nothing needs to be scaled at test time. This is inverted
// dropout (Srivastava et al., 2014). DropoutMask panics unless 0 ≤ p < 1. If p is 0, rng may be nil.
func DropoutMask(mask []float64, p float64, rng *rand.Rand) {
	if !(p >= 0 && p < 1) {
		panic(fmt.Sprintf("convnet: DropoutMask: p is %v, want 0 ≤ p < 1", p))
	}
	for x := range mask {
		mask[x] = when(p == 0 || rng.Float64() >= p, 1/(1-p))
	}
}

// Dropout sets dst[x] = in[x] · mask[x], for vectors of the same length. It is its own gradient:
// multiply the gradient at the output by the same mask. dst and in may be the same vector.
func Dropout(dst, in, mask []float64) {
	checkLen("Dropout", "dst", len(dst), len(in))
	checkLen("Dropout", "mask", len(mask), len(in))
	for x, v := range in {
		dst[x] = v * mask[x]
	}
}

// FullyConnected sets each output to a weighted sum of all inputs, plus a bias.
//
//	in: 320, weights: 100×320, biases: 100, dst: 100
//	dst[i] = biases[i] + Σⱼ weights[i][j] · in[j]
func FullyConnected(dst []float64, weights [][]float64, biases, in []float64) {
	checkSize("FullyConnected", "weights", weights, len(dst), len(in))
	checkLen("FullyConnected", "biases", len(biases), len(dst))
	terms, n := make([]term, 512), 0
	if len(in) > len(terms) {
		terms = make([]term, len(in))
	}
	for j, v := range in {
		n = addTerm(terms, n, j, v)
	}
	for i := 0; i < len(dst); i += 5 {
		i0, i1, i2, i3, i4 := five(i, len(dst))
		w := [5][]float64{weights[i0], weights[i1], weights[i2], weights[i3], weights[i4]}
		dst[i0], dst[i1], dst[i2], dst[i3], dst[i4] = dotFive(terms[:n], 0, &w)
	}
	for i, b := range biases {
		dst[i] += b
	}
}

// AddFullyConnectedWeightGrad adds the gradients of FullyConnected's weights and biases to dWeights
// and dBiases. A weight's gradient is the gradient at its output times its input.
//
//	in: 320, dOut: 100, dWeights: 100×320, dBiases: 100
//	dWeights[i][j] += dOut[i] · in[j]
//	dBiases[i]     += dOut[i]
func AddFullyConnectedWeightGrad(dWeights [][]float64, dBiases, in, dOut []float64) {
	checkSize("AddFullyConnectedWeightGrad", "dWeights", dWeights, len(dOut), len(in))
	checkLen("AddFullyConnectedWeightGrad", "dBiases", len(dBiases), len(dOut))
	for i, g := range dOut {
		if g != 0 {
			addScaled(dWeights[i], in, g)
			dBiases[i] += g
		}
	}
}

// FullyConnectedInputGrad sets dIn to the gradient at the input of FullyConnected. Each output sends
// its gradient back along its weights.
//
//	weights: 100×320, dOut: 100, dIn: 320
//	dIn[j] = Σᵢ dOut[i] · weights[i][j]
func FullyConnectedInputGrad(dIn []float64, weights [][]float64, dOut []float64) {
	checkSize("FullyConnectedInputGrad", "weights", weights, len(dOut), len(dIn))
	clear(dIn)
	for i, g := range dOut {
		if g != 0 {
			addScaled(dIn, weights[i], g)
		}
	}
}

// Softmax turns logits into probabilities, which are between 0 and 1 and add up to 1. It panics if
// there are no logits.
//
//	logits: 10, dst: 10
//	dst[k] = exp(logits[k] − m) / Σⱼ exp(logits[j] − m), m = max logits
//
// Subtracting m keeps exp from overflowing and changes no probability. dst and logits may be the same
// vector.
func Softmax(dst, logits []float64) {
	if len(logits) == 0 {
		panic("convnet: Softmax: found no logits, want at least 1")
	}
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

// CrossEntropy returns the loss −log p[label], in nats, where p is the softmax of logits. It panics
// unless 0 ≤ label < len(logits). Computed from the logits, it's finite even if p[label] underflows to 0:
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

// CrossEntropyGrad sets dLogits to the gradient of the loss with respect to the logits: their softmax,
// given as probabilities, minus the one-hot target. It panics unless 0 ≤ label < len(probabilities).
// dLogits and probabilities may be the same vector.
//
//	dLogits[k] = probabilities[k] − (1 if k = label, else 0)
func CrossEntropyGrad(dLogits, probabilities []float64, label int) {
	checkLen("CrossEntropyGrad", "dLogits", len(dLogits), len(probabilities))
	checkLabel("CrossEntropyGrad", label, len(probabilities))
	copy(dLogits, probabilities)
	dLogits[label]--
}

// The rest makes the functions above fast (docs/speed.md) and checks shapes. Skip it on a first reading.

// rowsUnder appends to under the rows of v that the kernels cover at output row y, channel by channel.
// Row k of the result lies under row k of a filter's kernels.
func rowsUnder(under [][]float64, v [][][]float64, y, rows int) [][]float64 {
	for _, m := range v {
		under = append(under, m[y:y+rows]...)
	}
	return under
}

// A term is a nonzero input and the index of its weight in a filter. Most inputs are 0: they are blank
// paper, or ReLU or dropout set them to 0.
type term struct {
	index int
	value float64
}

// listTerms lists the nonzero inputs column by column. So the patch at column x has the terms
// terms[start[x]:start[x+cols]], with indices x too large. If it were inlined into Conv2D, the loop
// would run out of registers and take 50% longer.
//
//go:noinline
func listTerms(terms []term, start []int, under [][]float64, cols int) {
	n := 0
	for x := range under[0] {
		index := x
		for _, row := range under {
			n = addTerm(terms, n, index, row[x])
			index += cols
		}
		start[x+1] = n
	}
}

// addTerm stores a term as terms[n] and returns the new count of terms, which is still n if v is 0.
func addTerm(terms []term, n, index int, v float64) int {
	terms[n] = term{index, v}
	if math.Float64bits(v) != 0 { // on the bits there is no branch to mispredict
		n++
	}
	return n
}

// dotFive returns Σ value · w[r][index − shift] for each of the five rows r of w. It loads each term
// only once, and the processor can compute the five sums in parallel.
func dotFive(terms []term, shift int, w *[5][]float64) (s0, s1, s2, s3, s4 float64) {
	w0 := w[0]
	w1, w2, w3, w4 := w[1][:len(w0)], w[2][:len(w0)], w[3][:len(w0)], w[4][:len(w0)]
	for _, t := range terms {
		k, v := t.index-shift, t.value
		s0 += v * w0[k]
		s1 += v * w1[k]
		s2 += v * w2[k]
		s3 += v * w3[k]
		s4 += v * w4[k]
	}
	return s0, s1, s2, s3, s4
}

// five returns the indices i to i+4, but none above n−1: a smaller last group repeats its last index.
func five(i, n int) (i0, i1, i2, i3, i4 int) {
	return i, min(i+1, n-1), min(i+2, n-1), min(i+3, n-1), min(i+4, n-1)
}

// addScaled adds s · src[j] to dst[j], for all of dst. src may be longer.
func addScaled(dst, src []float64, s float64) {
	src = src[:len(dst)]
	for j, v := range src {
		dst[j] += s * v
	}
}

// addFive is addScaled for a row of a 5×5 kernel, without the cost of a loop.
func addFive(dst, src []float64, s float64) {
	d, v := (*[5]float64)(dst), (*[5]float64)(src)
	d[0] += s * v[0]
	d[1] += s * v[1]
	d[2] += s * v[2]
	d[3] += s * v[3]
	d[4] += s * v[4]
}

// when returns v if the condition holds, and 0 if not. It works on the bits, which takes no branch. The
// processor would often mispredict one: whether a value is positive is close to a coin toss.
func when(condition bool, v float64) float64 {
	bits := math.Float64bits(v)
	if !condition {
		bits = 0
	}
	return math.Float64frombits(bits)
}

func clearRows(m [][]float64) {
	for _, row := range m {
		clear(row)
	}
}

// checkConv2D checks the shapes of a convolution and returns the kernel size.
func checkConv2D(function string, out, in [][][]float64, filters [][]float64) (rows, cols int) {
	if len(in) == 0 || len(out) == 0 {
		panic(fmt.Sprintf("convnet: %s: found %d input channels and %d output channels, want at least 1 of each", function, len(in), len(out)))
	}
	h, w, outH, outW := len(in[0]), width(in[0]), len(out[0]), width(out[0])
	if outH < 1 || outW < 1 || outH > h || outW > w {
		panic(fmt.Sprintf("convnet: %s: the output is %d×%d, want 1×1 to %d×%d, the size of the input", function, outH, outW, h, w))
	}
	for _, m := range in {
		checkSize(function, "a channel of the input", m, h, w)
	}
	for _, m := range out {
		checkSize(function, "a channel of the output", m, outH, outW)
	}
	rows, cols = h-outH+1, w-outW+1
	checkSize(function, "the filter matrix", filters, len(out), len(in)*rows*cols)
	return rows, cols
}

func checkSize(function, name string, m [][]float64, rows, cols int) {
	if len(m) != rows || rows > 0 && len(m[0]) != cols {
		panic(fmt.Sprintf("convnet: %s: %s is %d×%d, want %d×%d", function, name, len(m), width(m), rows, cols))
	}
	for y, row := range m {
		if len(row) != cols {
			panic(fmt.Sprintf("convnet: %s: row %d of %s has length %d, want %d", function, y, name, len(row), cols))
		}
	}
}

func checkLen(function, name string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("convnet: %s: %s has length %d, want %d", function, name, got, want))
	}
}

func checkLabel(function string, label, classes int) {
	if label < 0 || label >= classes {
		panic(fmt.Sprintf("convnet: %s: label is %d, want 0 ≤ label < %d", function, label, classes))
	}
}

func width(m [][]float64) int {
	if len(m) == 0 {
		return 0
	}
	return len(m[0])
}

// count returns the number of values in a volume.
func count(volume [][][]float64) int {
	n := 0
	for _, m := range volume {
		for _, row := range m {
			n += len(row)
		}
	}
	return n
}
