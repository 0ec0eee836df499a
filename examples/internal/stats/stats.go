// Package stats summarizes measurements and formats numbers for the chapters' tables.
package stats

import (
	"fmt"
	"math"
)

// Mean returns the mean of values, or NaN if there are none.
func Mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Deviation returns the sample standard deviation of n values, √(Σ (v − mean)² / (n − 1)), or
// NaN if there are fewer than two.
func Deviation(values []float64) float64 {
	mean, squares := Mean(values), 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(values)-1))
}

// StandardError returns the standard error of the mean of n values, their standard deviation
// divided by √n, or NaN if there are fewer than two.
func StandardError(values []float64) float64 {
	return Deviation(values) / math.Sqrt(float64(len(values)))
}

// Percent converts counts out of 10,000 to percentages.
func Percent(counts []int) []float64 {
	percentages := make([]float64, len(counts))
	for k, c := range counts {
		percentages[k] = float64(c) / 100
	}
	return percentages
}

// Thousands formats n, 0 to 999,999, with a comma before the last three digits.
func Thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
