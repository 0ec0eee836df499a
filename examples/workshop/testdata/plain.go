// What a learner may write: plain loops, and nothing for speed.
package main

import (
	"math"
	"math/rand/v2"
)

func NewMatrix(rows, cols int) [][]float64 {
	m := make([][]float64, rows)
	for y := range m {
		m[y] = make([]float64, cols)
	}
	return m
}

func NewVolume(channels, rows, cols int) [][][]float64 {
	v := make([][][]float64, channels)
	for c := range v {
		v[c] = NewMatrix(rows, cols)
	}
	return v
}

func Conv2D(dst, in [][][]float64, filters [][]float64) {
	rows, cols := len(in[0])-len(dst[0])+1, len(in[0][0])-len(dst[0][0])+1
	for f := range dst {
		for y := range dst[f] {
			for x := range dst[f][y] {
				dst[f][y][x] = 0
				for c := range in {
					for i := range rows {
						for j := range cols {
							dst[f][y][x] += in[c][y+i][x+j] * filters[f][(c*rows+i)*cols+j]
						}
					}
				}
			}
		}
	}
}

func ReLU(dst, in [][]float64) {
	for y := range in {
		for x := range in[y] {
			dst[y][x] = math.Max(0, in[y][x])
		}
	}
}

func MaxPool(dst, in [][]float64) {
	for y := range dst {
		for x := range dst[y] {
			dst[y][x] = in[2*y][2*x]
			for i := range 2 {
				for j := range 2 {
					if v := in[2*y+i][2*x+j]; v > dst[y][x] {
						dst[y][x] = v
					}
				}
			}
		}
	}
}

func Flatten(vector []float64, volume [][][]float64) {
	k := 0
	for _, m := range volume {
		for _, row := range m {
			for _, v := range row {
				vector[k] = v
				k++
			}
		}
	}
}

func FullyConnected(dst []float64, weights [][]float64, biases, in []float64) {
	for i := range dst {
		dst[i] = biases[i]
		for j := range in {
			dst[i] += weights[i][j] * in[j]
		}
	}
}

func Softmax(dst, logits []float64) {
	m := math.Inf(-1)
	for _, l := range logits {
		m = math.Max(m, l)
	}
	sum := 0.0
	for k, l := range logits {
		dst[k] = math.Exp(l - m)
		sum += dst[k]
	}
	for k := range dst {
		dst[k] /= sum
	}
}

func CrossEntropy(logits []float64, label int) float64 {
	m := math.Inf(-1)
	for _, l := range logits {
		m = math.Max(m, l)
	}
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(l - m)
	}
	return math.Log(sum) + m - logits[label]
}

func CrossEntropyGrad(dLogits, probabilities []float64, label int) {
	for k, p := range probabilities {
		dLogits[k] = p
		if k == label {
			dLogits[k] = p - 1
		}
	}
}

func AddFullyConnectedWeightGrad(dWeights [][]float64, dBiases, in, dOut []float64) {
	for i := range dOut {
		for j := range in {
			dWeights[i][j] += dOut[i] * in[j]
		}
		dBiases[i] += dOut[i]
	}
}

func FullyConnectedInputGrad(dIn []float64, weights [][]float64, dOut []float64) {
	for j := range dIn {
		dIn[j] = 0
		for i := range dOut {
			dIn[j] += dOut[i] * weights[i][j]
		}
	}
}

func Unflatten(volume [][][]float64, vector []float64) {
	k := 0
	for c := range volume {
		for y := range volume[c] {
			for x := range volume[c][y] {
				volume[c][y][x] = vector[k]
				k++
			}
		}
	}
}

func MaxPoolGrad(dIn, in, dOut [][]float64) {
	for y := range dIn {
		for x := range dIn[y] {
			dIn[y][x] = 0
		}
	}
	for y := range dOut {
		for x := range dOut[y] {
			bestY, bestX := 2*y, 2*x
			for i := range 2 {
				for j := range 2 {
					if in[2*y+i][2*x+j] > in[bestY][bestX] {
						bestY, bestX = 2*y+i, 2*x+j
					}
				}
			}
			dIn[bestY][bestX] = dOut[y][x]
		}
	}
}

func ReLUGrad(dIn, in, dOut [][]float64) {
	for y := range in {
		for x := range in[y] {
			if in[y][x] > 0 {
				dIn[y][x] = dOut[y][x]
			} else {
				dIn[y][x] = 0
			}
		}
	}
}

func AddConv2DFilterGrad(dFilters [][]float64, in, dOut [][][]float64) {
	rows, cols := len(in[0])-len(dOut[0])+1, len(in[0][0])-len(dOut[0][0])+1
	for f := range dOut {
		for c := range in {
			for i := range rows {
				for j := range cols {
					for y := range dOut[f] {
						for x := range dOut[f][y] {
							dFilters[f][(c*rows+i)*cols+j] += dOut[f][y][x] * in[c][y+i][x+j]
						}
					}
				}
			}
		}
	}
}

func Conv2DInputGrad(dIn [][][]float64, filters [][]float64, dOut [][][]float64) {
	rows, cols := len(dIn[0])-len(dOut[0])+1, len(dIn[0][0])-len(dOut[0][0])+1
	for c := range dIn {
		for y := range dIn[c] {
			for x := range dIn[c][y] {
				dIn[c][y][x] = 0
			}
		}
	}
	for f := range dOut {
		for y := range dOut[f] {
			for x := range dOut[f][y] {
				for c := range dIn {
					for i := range rows {
						for j := range cols {
							dIn[c][y+i][x+j] += dOut[f][y][x] * filters[f][(c*rows+i)*cols+j]
						}
					}
				}
			}
		}
	}
}

func DropoutMask(mask []float64, p float64, rng *rand.Rand) {
	for x := range mask {
		mask[x] = 1 / (1 - p)
		if p > 0 && rng.Float64() < p {
			mask[x] = 0
		}
	}
}

func Dropout(dst, in, mask []float64) {
	for x := range in {
		dst[x] = in[x] * mask[x]
	}
}

func New(seed uint64) *Network {
	n := NewGradient()
	rng := rand.New(rand.NewPCG(seed, seed))
	for _, weights := range [][][]float64{n.Filters1, n.Filters2, n.Weights1, n.Weights2} {
		for _, row := range weights {
			for k := range row {
				row[k] = rng.NormFloat64() / math.Sqrt(float64(len(row)))
			}
		}
	}
	return n
}

func (n *Network) Forward(a *Activations, image [][]float64) {
	for y := range image {
		copy(a.Image[0][y], image[y])
	}
	Conv2D(a.Conv1, a.Image, n.Filters1)
	eachMap(ReLU, a.ReLU1, a.Conv1)
	eachMap(MaxPool, a.Pool1, a.ReLU1)
	Conv2D(a.Conv2, a.Pool1, n.Filters2)
	eachMap(ReLU, a.ReLU2, a.Conv2)
	eachMap(MaxPool, a.Pool2, a.ReLU2)
	Flatten(a.Flat, a.Pool2)
	Dropout(a.Drop1, a.Flat, a.Mask1)
	FullyConnected(a.Hidden, n.Weights1, n.Biases1, a.Drop1)
	ReLU(asMatrix(a.ReLU3), asMatrix(a.Hidden))
	Dropout(a.Drop2, a.ReLU3, a.Mask2)
	FullyConnected(a.Logits, n.Weights2, n.Biases2, a.Drop2)
	Softmax(a.Probabilities, a.Logits)
}

func (n *Network) Backward(grad *Network, d, a *Activations, label int) {
	CrossEntropyGrad(d.Logits, a.Probabilities, label)
	AddFullyConnectedWeightGrad(grad.Weights2, grad.Biases2, a.Drop2, d.Logits)
	FullyConnectedInputGrad(d.Drop2, n.Weights2, d.Logits)
	Dropout(d.ReLU3, d.Drop2, a.Mask2)
	ReLUGrad(asMatrix(d.Hidden), asMatrix(a.Hidden), asMatrix(d.ReLU3))
	AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Drop1, d.Hidden)
	FullyConnectedInputGrad(d.Drop1, n.Weights1, d.Hidden)
	Dropout(d.Flat, d.Drop1, a.Mask1)
	Unflatten(d.Pool2, d.Flat)
	eachMapGrad(MaxPoolGrad, d.ReLU2, a.ReLU2, d.Pool2)
	eachMapGrad(ReLUGrad, d.Conv2, a.Conv2, d.ReLU2)
	AddConv2DFilterGrad(grad.Filters2, a.Pool1, d.Conv2)
	Conv2DInputGrad(d.Pool1, n.Filters2, d.Conv2)
	eachMapGrad(MaxPoolGrad, d.ReLU1, a.ReLU1, d.Pool1)
	eachMapGrad(ReLUGrad, d.Conv1, a.Conv1, d.ReLU1)
	AddConv2DFilterGrad(grad.Filters1, a.Image, d.Conv1)
}

func (n *Network) Update(grad *Network, rate float64) {
	for k := range n.Parameters {
		n.Parameters[k] -= rate * grad.Parameters[k]
	}
}
