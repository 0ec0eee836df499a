package training

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
)

// Predict returns the same on any number of cores.
func TestPredictOnSeveralCores(t *testing.T) {
	_, test := testenv.Digits(t)
	network, a := convnet.New(1), convnet.NewActivations()
	const most = 5*chunk + 3
	var all []int
	for _, digit := range test[:most] {
		all = append(all, network.Predict(a, digit.Image))
	}
	if correct, want := CountCorrect(all, test[:most]), network.CountCorrect(test[:most]); correct != want {
		t.Errorf("%d correct, want %d", correct, want)
	}
	for _, count := range []int{0, 1, chunk - 1, chunk, chunk + 1, most} {
		want := all[:count]
		for _, cores := range []int{1, 2, 8} {
			before := runtime.GOMAXPROCS(cores)
			last := 0
			got, err := Predict(context.Background(), network, test[:count], func(done int) {
				if done <= last {
					t.Errorf("%d digits: reported %d after %d, want more", count, done, last)
				}
				last = done
			})
			runtime.GOMAXPROCS(before)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%d digits on %d cores: predictions %v, error %v, want %v", count, cores, got, err, want)
			}
			if last != count {
				t.Errorf("%d digits on %d cores: reported %d at the end, want all", count, cores, last)
			}
		}
	}
}

// A prediction counts if it equals the label.
func TestCountCorrect(t *testing.T) {
	var predictions []int
	var digits []convnet.Digit
	for prediction := range 10 {
		for label := range 10 {
			digit := convnet.Digit{Label: label}
			want := 0
			if prediction == label {
				want = 1
			}
			if correct := CountCorrect([]int{prediction}, []convnet.Digit{digit}); correct != want {
				t.Errorf("prediction %d for label %d: %d correct, want %d", prediction, label, correct, want)
			}
			predictions, digits = append(predictions, prediction), append(digits, digit)
		}
	}
	if correct := CountCorrect(predictions, digits); correct != 10 {
		t.Errorf("%d correct of all pairs, want 10", correct)
	}
}

// If ctx is canceled after the last digit, Predict still returns the predictions.
func TestPredictCanceledAtTheEnd(t *testing.T) {
	_, test := testenv.Digits(t)
	test = test[:chunk+1]
	ctx, cancel := context.WithCancel(context.Background())
	predictions, err := Predict(ctx, convnet.New(1), test, func(done int) {
		if done == len(test) {
			cancel()
		}
	})
	if len(predictions) != len(test) || err != nil || ctx.Err() == nil {
		t.Errorf("%d predictions, error %v, want %d and no error", len(predictions), err, len(test))
	}
}

func TestPredictStopsWhenCanceled(t *testing.T) {
	_, test := testenv.Digits(t)
	ctx, cancel := context.WithCancel(context.Background())
	most := 0
	predictions, err := Predict(ctx, convnet.New(1), test, func(done int) {
		cancel()
		most = done
	})
	if predictions != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%d predictions, error %v, want none and %v", len(predictions), err, context.Canceled)
	}
	if most > 1000 {
		t.Errorf("classified %d digits after a cancel in the first chunk, want at most 1000", most)
	}
}
