package training

import (
	"context"
	"runtime"
	"sync"

	"convnet"
)

// chunk is how many digits a worker reads before it reports.
const chunk = 50

// Read returns the network's answers to digits, read on all cores: the
// network is only read, and each worker has activations of its own. It calls
// report, which may be nil, with how many digits are done. If ctx is done
// before the digits are, it returns the error of ctx.
func Read(ctx context.Context, network *convnet.Network, digits []convnet.Digit, report func(done int)) ([]int, error) {
	answers := make([]int, len(digits))
	starts, finished := make(chan int), make(chan int)
	go func() {
		defer close(starts)
		for start := 0; start < len(digits) && ctx.Err() == nil; start += chunk {
			starts <- start
		}
	}()
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			a := convnet.NewActivations()
			for start := range starts {
				end := min(start+chunk, len(digits))
				for k := start; k < end; k++ {
					answers[k] = network.Predict(a, digits[k].Image)
				}
				finished <- end - start
			}
		}()
	}
	go func() {
		workers.Wait()
		close(finished)
	}()
	done := 0
	for n := range finished {
		done += n
		if report != nil {
			report(done)
		}
	}
	if done < len(digits) {
		return nil, ctx.Err()
	}
	return answers, nil
}

// Right counts the answers that are what the digits were meant to be.
func Right(answers []int, digits []convnet.Digit) (count int) {
	for k, answer := range answers {
		if answer == digits[k].Label {
			count++
		}
	}
	return count
}
