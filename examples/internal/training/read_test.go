package training

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"

	"convnet"
	"convnet/examples/mnist"
)

// Whatever the number of cores, the answers are those of one.
func TestReadEqualsPredict(t *testing.T) {
	_, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	network, a := convnet.New(1), convnet.NewActivations()
	for _, count := range []int{0, 1, chunk - 1, chunk, chunk + 1, 5*chunk + 3} {
		var want []int
		for _, digit := range test[:count] {
			want = append(want, network.Predict(a, digit.Image))
		}
		for _, cores := range []int{1, 2, 8} {
			before := runtime.GOMAXPROCS(cores)
			last := 0
			got, err := Read(context.Background(), network, test[:count], func(done int) {
				if done <= last {
					t.Errorf("%d digits: reported %d after %d", count, done, last)
				}
				last = done
			})
			runtime.GOMAXPROCS(before)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%d digits on %d cores: answers %v, error %v, want %v", count, cores, got, err, want)
			}
			if right := Right(got, test[:count]); right != network.Test(test[:count]) {
				t.Errorf("%d digits: %d right, want %d", count, right, network.Test(test[:count]))
			}
			if last != count {
				t.Errorf("%d digits on %d cores: reported %d at the end", count, cores, last)
			}
		}
	}
}

func TestReadStopsWhenItIsTold(t *testing.T) {
	_, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	most := 0
	answers, err := Read(ctx, convnet.New(1), test, func(done int) {
		cancel()
		most = done
	})
	if answers != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%d answers and error %v, want none and that it was canceled", len(answers), err)
	}
	if most > 1000 {
		t.Errorf("read %d digits after it was canceled in the first chunk", most)
	}
}
