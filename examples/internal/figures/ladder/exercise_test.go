package main

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"convnet/examples/internal/stats"
	"convnet/examples/internal/stored"
)

// difference returns by how many percentage points b is better than a, and the standard
// error of that.
func difference(a, b []int) (points, standardError float64) {
	percentA, percentB := stats.Percent(a), stats.Percent(b)
	return stats.Mean(percentB) - stats.Mean(percentA), math.Hypot(stats.StandardError(percentA), stats.StandardError(percentB))
}

// digitsNeeded returns how many digits each of two networks must classify, each its own, for
// misclassified proportions p and q to be two standard errors apart.
func digitsNeeded(p, q float64) float64 {
	return 4 * (p*(1-p) + q*(1-q)) / ((p - q) * (p - q))
}

// The exercise of docs/ladder.md: which steps of the ladder are more than chance?
func TestExercise(t *testing.T) {
	rungs := readOutcomes(t)[aRung]
	for k, o := range rungs[1:] {
		validation, validationError := difference(rungs[k].Validation, o.Validation)
		test, testError := difference(rungs[k].Test, o.Test)
		line := fmt.Sprintf("| %s | %+.2f ± %.2f | %.1f | %+.2f ± %.2f | %.1f |", o.Name,
			validation, validationError, math.Abs(validation)/validationError, test, testError, math.Abs(test)/testError)
		stored.Lines(t, "docs/ladder.md", stored.Tolerance{}, strings.ReplaceAll(line, "-", "−"))
	}
	stored.Lines(t, "docs/ladder.md", stored.Tolerance{},
		fmt.Sprintf("    43 misclassified of 10,000: %.2f%% ± %.3f%%", 100*0.0043, 100*math.Sqrt(0.0043*(1-0.0043)/10000)),
		fmt.Sprintf("    96.89 from 97.49%%: %.0f digits", digitsNeeded(0.0311, 0.0251)),
		fmt.Sprintf("    99.57 from 99.61%%: %.0f digits", digitsNeeded(0.0043, 0.0039)),
	)
}
