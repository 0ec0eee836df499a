// Package parallel runs independent jobs on all cores.
package parallel

import (
	"runtime"
	"sync"
)

// Do calls job(0) to job(n−1) and waits for all of them. It starts them in order, and runs as many at a
// time as there are cores.
func Do(n int, job func(k int)) {
	var running sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for k := range n {
		free <- struct{}{}
		running.Add(1)
		go func() {
			job(k)
			running.Done()
			<-free
		}()
	}
	running.Wait()
}
