// Package summary sums measurements up, and writes numbers, as the tables of the
// chapters do.
package summary

import (
	"fmt"
	"math"
)

// Mean returns the mean of values, NaN of none.
func Mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Deviation returns the standard deviation that values, n of them, let one expect of
// the next: √(Σ (v − mean)² / (n − 1)). It is NaN of fewer than two.
func Deviation(values []float64) float64 {
	mean, squares := Mean(values), 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(values)-1))
}

// StandardError returns the standard deviation of the mean of values, n of them:
// that of a single one over √n. It is NaN of fewer than two.
func StandardError(values []float64) float64 {
	return Deviation(values) / math.Sqrt(float64(len(values)))
}

// Percent turns counts of 10,000 into percentages.
func Percent(counts []int) []float64 {
	percentages := make([]float64, len(counts))
	for k, c := range counts {
		percentages[k] = float64(c) / 100
	}
	return percentages
}

// Thousands writes n, 0 to 999,999, with a comma before the last three digits.
func Thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
