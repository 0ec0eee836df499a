package stats

import (
	"math"
	"slices"
	"testing"
)

func TestSums(t *testing.T) {
	// 1, 0 and 3: mean 4/3, variance (1/9 + 16/9 + 25/9)/2 = 7/3
	values := []float64{1, 0, 3}
	for _, c := range []struct {
		name        string
		found, want float64
	}{
		{"mean", Mean(values), 4.0 / 3},
		{"standard deviation", Deviation(values), math.Sqrt(7.0 / 3)},
		{"standard error", StandardError(values), math.Sqrt(7.0 / 9)},
	} {
		if math.Abs(c.found-c.want) > 1e-12 {
			t.Errorf("%s: found %v, want %v", c.name, c.found, c.want)
		}
	}
	if one := []float64{3}; Mean(one) != 3 || !math.IsNaN(Deviation(one)) || !math.IsNaN(StandardError(one)) {
		t.Errorf("a single value: %v, %v, %v, want 3, NaN, NaN", Mean(one), Deviation(one), StandardError(one))
	}
	if !math.IsNaN(Mean(nil)) || !math.IsNaN(StandardError(nil)) {
		t.Errorf("no value: %v, %v, want NaN, NaN", Mean(nil), StandardError(nil))
	}
}

func TestPercent(t *testing.T) {
	if found, want := Percent([]int{9711, 10000, 0}), []float64{97.11, 100, 0}; !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 5000: "5,000", 60042: "60,042"} {
		if found := Thousands(n); found != want {
			t.Errorf("%d: found %q, want %q", n, found, want)
		}
	}
}
