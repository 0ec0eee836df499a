package main

import "math"

// Copies of functions that package convnet keeps to itself, so that the exhibits look like the code
// they were made from. A test compares them.

func eachMap(f func(dst, in [][]float64), dst, in [][][]float64) {
	for c := range in {
		f(dst[c], in[c])
	}
}

func eachMapGrad(f func(dIn, in, dOut [][]float64), dIn, in, dOut [][][]float64) {
	for c := range in {
		f(dIn[c], in[c], dOut[c])
	}
}

func asMatrix(v []float64) [][]float64 { return [][]float64{v} }

func descend(p, grad []float64, rate float64) {
	p = p[:len(grad)]
	for k, g := range grad {
		p[k] -= rate * g
	}
}

func when(condition bool, v float64) float64 {
	bits := math.Float64bits(v)
	if !condition {
		bits = 0
	}
	return math.Float64frombits(bits)
}
