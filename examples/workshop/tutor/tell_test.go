package tutor

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"convnet/examples/internal/testenv"
)

// lookalikes are pairs of mistakes that no input can tell apart, with the reason: "step: one / the other".
var lookalikes = map[string]string{
	"NewMatrix: the rows are never made: each is still nil / rows have no length, only a capacity: make([]float64, 0, cols) has no entries yet":                                "a nil slice and an empty one have the same values, none",
	"MaxPool: rows and columns of in are swapped: in[2x][2y] instead of in[2y][2x] / rows and columns of dst are swapped: dst[x][y] instead of dst[y][x]":                      "a window and its transpose have the same maximum, so either gives a transposed dst",
	"AddFullyConnectedWeightGrad: i and j are swapped on the right: dOut[j]·in[i] instead of dOut[i]·in[j] / dWeights is transposed: dWeights[j][i] instead of dWeights[i][j]": "either adds the same products, at transposed places",
}

// Every mistake is caught by its step's trials, and named by its own name alone: every pair of mistakes
// can be told apart, or is listed with the reason.
func TestMistakesAreRecognized(t *testing.T) {
	steps := slices.Concat(forwardSteps(), backwardSteps())
	if testenv.All() { // a whole network for each mistake
		steps = Steps()
	}
	n := checkMistakes(t, steps, lookalikes)
	if n < 70 {
		t.Errorf("%d mistakes, want at least 70", n)
	}
	t.Logf("%d mistakes", n)
}

// checkMistakes checks the mistakes of some steps and returns their number.
func checkMistakes(t *testing.T, steps []Step, lookalikes map[string]string) (n int) {
	t.Helper()
	listed := map[string]bool{}
	for _, step := range steps {
		n += len(step.mistakes)
		want, known := outcomes(&step, Ours(), ""), remembered(&step)
		for k, m := range step.mistakes {
			if sameOutcomes(known[k], want) {
				t.Errorf("%s: no trial catches %q", step.Name, m.says)
				continue
			}
			if says := recognize(&step, known[k], want, known); !slices.Contains(says, m.says) {
				t.Errorf("%s: %q is named %q", step.Name, m.says, says)
			}
			for other := range k {
				if !sameOutcomes(known[k], known[other]) {
					continue
				}
				name := fmt.Sprintf("%s: %s / %s", step.Name, step.mistakes[other].says, m.says)
				if lookalikes[name] == "" {
					t.Errorf("no trial tells these apart, and they aren't listed:\n%s", name)
				}
				listed[name] = true
			}
		}
	}
	for name := range lookalikes {
		if !listed[name] {
			t.Errorf("listed as indistinguishable, but they aren't: %s", name)
		}
	}
	return n
}

// x and y swapped in the patch give what swapped places give, which a mistake names.
func TestPatchSwapped(t *testing.T) {
	for _, c := range []struct {
		step  Step
		wrong func(f *Functions)
	}{
		{conv2DStep(), func(f *Functions) {
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				clearVolume(dst)
				sixLoops(dst, in, func(s six) { dst[s.f][s.y][s.x] += in[s.c][s.x+s.i][s.y+s.j] * w[s.f][s.weight()] })
			}
		}},
		{conv2DFilterGradStep(), func(f *Functions) {
			f.AddConv2DFilterGrad = func(df [][]float64, in, dOut [][][]float64) {
				sixLoops(dOut, in, func(s six) { df[s.f][s.weight()] += dOut[s.f][s.y][s.x] * in[s.c][s.x+s.i][s.y+s.j] })
			}
		}},
		{conv2DInputGradStep(), func(f *Functions) {
			f.Conv2DInputGrad = func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
				clearVolume(dIn)
				sixLoops(dOut, dIn, func(s six) { dIn[s.c][s.x+s.i][s.y+s.j] += dOut[s.f][s.y][s.x] * w[s.f][s.weight()] })
			}
		}},
	} {
		f := Ours()
		c.wrong(&f)
		says := recognize(&c.step, outcomes(&c.step, f, ""), outcomes(&c.step, Ours(), ""), remembered(&c.step))
		if len(says) != 1 || !strings.Contains(says[0], "or x and y are swapped at the p") {
			t.Errorf("%s: found %q", c.step.Name, says)
		}
	}
}
