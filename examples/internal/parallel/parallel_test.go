package parallel

import (
	"runtime"
	"slices"
	"sync"
	"testing"
)

// Do runs every job once before it returns, with at most as many at a time as there are cores. On a
// single core it runs them in order.
func TestDo(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, processors := range []int{1, 3} {
		runtime.GOMAXPROCS(processors)
		var lock sync.Mutex
		var done []int
		running, most := 0, 0
		Do(20, func(k int) {
			lock.Lock()
			running++
			most = max(most, running)
			lock.Unlock()
			runtime.Gosched()
			lock.Lock()
			running--
			done = append(done, k)
			lock.Unlock()
		})
		if most > processors {
			t.Errorf("%d jobs at a time, want at most %d, the number of cores", most, processors)
		}
		if processors > 1 {
			slices.Sort(done)
		}
		for k := range 20 {
			if len(done) != 20 || done[k] != k {
				t.Fatalf("%d cores: ran the jobs %v, want 0 to 19", processors, done)
			}
		}
	}
	Do(0, func(int) { t.Error("Do(0, …) ran a job, want none") })
}

// Two jobs can wait for each other, because they run at the same time.
func TestDoIsParallel(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	meet := make(chan int)
	Do(2, func(k int) {
		if k == 0 {
			meet <- k
		} else {
			<-meet
		}
	})
}
