package training

import (
	"context"
	"runtime"
	"sync"

	"convnet"
)

// chunk is how many digits a worker classifies at a time.
const chunk = 50

// Predict returns the network's predictions for digits. It computes them on all cores: the workers
// share the network, and each has Activations of its own. It calls report, which may be nil, with the
// number of digits done so far. If ctx is canceled before the last digit, it returns the error of ctx.
func Predict(ctx context.Context, network *convnet.Network, digits []convnet.Digit, report func(done int)) ([]int, error) {
	predictions := make([]int, len(digits))
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
					predictions[k] = network.Predict(a, digits[k].Image)
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
	return predictions, nil
}

// CountCorrect returns how many predictions equal the label of their digit.
func CountCorrect(predictions []int, digits []convnet.Digit) (correct int) {
	for k, prediction := range predictions {
		if prediction == digits[k].Label {
			correct++
		}
	}
	return correct
}
