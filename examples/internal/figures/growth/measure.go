package main

import (
	"math"
	"slices"
	"time"
)

// inTurn times each case and returns the medians of all runs, in nanoseconds. The cases take
// turns, so that a busy minute of the machine spoils one run of each and not all runs of one.
// One call can take less than a tick of the clock, which is up to a millisecond on Windows, so
// a run makes enough calls to fill many of them.
func (m amount) inTurn(cases ...func()) []float64 {
	repeats := make([]int, len(cases))
	for c, f := range cases {
		f() // warms the caches
		for start := time.Now(); time.Since(start) < m.enough; repeats[c]++ {
			f()
		}
	}
	times := make([][]float64, len(cases))
	for range m.runs {
		for c, f := range cases {
			took := elapsed(func() {
				for range repeats[c] {
					f()
				}
			})
			times[c] = append(times[c], float64(took)/float64(repeats[c]))
		}
	}
	medians := make([]float64, len(cases))
	for c := range times {
		slices.Sort(times[c])
		medians[c] = times[c][len(times[c])/2]
	}
	return medians
}

func elapsed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// clock returns the number of cycles per second: a chain in which each step waits for the one
// before takes one cycle per step. Of several chains the fastest was disturbed least. Eight
// million rounds take some 20 ms, longer than a tick of any clock.
func clock(rounds int) float64 {
	const steps = 8
	fastest := time.Duration(math.MaxInt64)
	x := 1
	for range 9 {
		fastest = min(fastest, elapsed(func() {
			for k := range rounds {
				x ^= k
				x += k
				x ^= k
				x += k
				x ^= k
				x += k
				x ^= k
				x += k
			}
		}))
	}
	if x == 0 { // never, but the compiler must not know that
		panic("a chain that begins with 1 has come to 0")
	}
	return float64(rounds*steps) / fastest.Seconds()
}
