package parallel

import (
	"runtime"
	"slices"
	"sync"
	"testing"
)

// Every job is done once before Do returns. No more run at a time than there are processors, and
// with a single one they run in order.
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
			t.Errorf("%d jobs at a time on %d processors", most, processors)
		}
		if processors > 1 {
			slices.Sort(done)
		}
		for k := range 20 {
			if len(done) != 20 || done[k] != k {
				t.Fatalf("%d processors: did the jobs %v, want 0 to 19", processors, done)
			}
		}
	}
	Do(0, func(int) { t.Error("a job of none ran") })
}

// Two jobs that wait for each other run at the same time.
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
