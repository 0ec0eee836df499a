package convnet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// The references below are the plain loops that the helpers must equal: one
// loop for each letter of the formula, no tricks.

// sixLoops is Conv2D: every filter slides over all channels.
func sixLoops(dst, in [][][]float64, filters [][]float64) {
	rows, cols := len(in[0])-len(dst[0])+1, len(in[0][0])-len(dst[0][0])+1
	for f := range dst {
		for y := range dst[f] {
			for x := range dst[f][y] {
				dst[f][y][x] = 0
				for c := range in {
					for i := range rows {
						for j := range cols {
							dst[f][y][x] += in[c][y+i][x+j] * filters[f][(c*rows+i)*cols+j]
						}
					}
				}
			}
		}
	}
}

// naiveConv2D returns the maps of sixLoops for kernels of so many rows.
func naiveConv2D(in [][][]float64, filters [][]float64, rows int) [][][]float64 {
	cols := len(filters[0]) / len(in) / rows
	out := NewVolume(len(filters), len(in[0])-rows+1, len(in[0][0])-cols+1)
	sixLoops(out, in, filters)
	return out
}

// naiveConv2DGrad returns the gradients of the filters and of the input: the
// same six loops, and both factors of a product get a share of the gradient.
func naiveConv2DGrad(in [][][]float64, filters [][]float64, dOut [][][]float64) (dFilters [][]float64, dIn [][][]float64) {
	rows, cols := len(in[0])-len(dOut[0])+1, len(in[0][0])-len(dOut[0][0])+1
	dFilters = NewMatrix(len(filters), len(filters[0]))
	dIn = NewVolume(len(in), len(in[0]), len(in[0][0]))
	for f := range dOut {
		for y := range dOut[f] {
			for x := range dOut[f][y] {
				for i := range rows {
					for c := range in {
						for j := range cols {
							dFilters[f][(c*rows+i)*cols+j] += dOut[f][y][x] * in[c][y+i][x+j]
							dIn[c][y+i][x+j] += dOut[f][y][x] * filters[f][(c*rows+i)*cols+j]
						}
					}
				}
			}
		}
	}
	return dFilters, dIn
}

// naivePool returns the maxima of 2×2 windows and, for each window, the row
// and column of the first maximum in reading order.
func naivePool(in [][]float64) (out [][]float64, winners [][][2]int) {
	out = NewMatrix(len(in)/2, len(in[0])/2)
	for y := range out {
		winners = append(winners, make([][2]int, len(out[y])))
		for x := range out[y] {
			out[y][x] = math.Inf(-1)
			for i := range 2 {
				for j := range 2 {
					if v := in[2*y+i][2*x+j]; v > out[y][x] {
						out[y][x] = v
						winners[y][x] = [2]int{2*y + i, 2*x + j}
					}
				}
			}
		}
	}
	return out, winners
}

// fill draws numbers from N(0,1); of every ten, zeros are 0.
func fill(numbers []float64, rng *rand.Rand, zeros int) {
	for k := range numbers {
		numbers[k] = 0
		if rng.IntN(10) >= zeros {
			numbers[k] = rng.NormFloat64()
		}
	}
}

func randomMatrix(rng *rand.Rand, rows, cols, zeros int) [][]float64 {
	m := NewMatrix(rows, cols)
	for _, row := range m {
		fill(row, rng, zeros)
	}
	return m
}

func randomMaps(rng *rand.Rand, channels, rows, cols, zeros int) [][][]float64 {
	maps := make([][][]float64, channels)
	for c := range maps {
		maps[c] = randomMatrix(rng, rows, cols, zeros)
	}
	return maps
}

func randomVector(rng *rand.Rand, n, zeros int) []float64 {
	return randomMatrix(rng, 1, n, zeros)[0]
}

// numbers lists the numbers of a vector, plane, volume or bank in reading order.
func numbers(tensor any) []float64 {
	var all []float64
	switch t := tensor.(type) {
	case []float64:
		all = t
	case [][]float64:
		for _, row := range t {
			all = append(all, row...)
		}
	case [][][]float64:
		for _, m := range t {
			all = append(all, numbers(m)...)
		}
	case [][][][]float64:
		for _, volume := range t {
			all = append(all, numbers(volume)...)
		}
	default:
		panic(fmt.Sprintf("numbers of a %T", tensor))
	}
	return all
}

// largest returns the largest absolute value.
func largest(v []float64) float64 {
	m := 0.0
	for _, x := range v {
		m = max(m, math.Abs(x))
	}
	return m
}

// near fails the test unless got and want, tensors of one kind, differ by at
// most tolerance times the largest number of want.
func near(t testing.TB, what string, got, want any, tolerance float64) {
	t.Helper()
	g, w := numbers(got), numbers(want)
	if len(g) != len(w) {
		t.Errorf("%s: %d numbers, want %d", what, len(g), len(w))
		return
	}
	slack := tolerance * largest(w)
	for k := range w {
		if !(math.Abs(g[k]-w[k]) <= slack) {
			t.Errorf("%s: number %d is %v, want %v", what, k, g[k], w[k])
			return
		}
	}
}

const rounding = 1e-14 // what a different order of the same sum may change

func TestConvolutionEqualsSixLoops(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	for _, kernel := range [][2]int{{1, 1}, {2, 2}, {3, 3}, {5, 5}, {7, 7}, {3, 5}, {5, 3}, {1, 5}, {5, 1}} {
		for _, out := range [][2]int{{1, 1}, {1, 6}, {6, 1}, {2, 3}, {8, 8}, {9, 4}, {28, 1}, {40, 2}} {
			for _, maps := range [][2]int{{1, 1}, {3, 7}, {20, 5}} {
				for _, zeros := range []int{0, 8, 10} {
					rows, cols := out[0]+kernel[0]-1, out[1]+kernel[1]-1
					in := randomMaps(rng, maps[0], rows, cols, zeros)
					dOut := randomMaps(rng, maps[1], out[0], out[1], zeros)
					filters := randomMatrix(rng, maps[1], maps[0]*kernel[0]*kernel[1], 0)
					what := fmt.Sprintf("%d kernels %v, out %d maps %v, %d of 10 zeros", maps[0], kernel, maps[1], out, zeros)

					got := randomMaps(rng, maps[1], out[0], out[1], 0) // Conv2D must clear it
					Conv2D(got, in, filters)
					near(t, what, got, naiveConv2D(in, filters, kernel[0]), rounding)

					dFilters := NewMatrix(len(filters), len(filters[0]))
					AddConv2DFilterGrad(dFilters, in, dOut)
					dIn := randomMaps(rng, maps[0], rows, cols, 0)
					Conv2DInputGrad(dIn, filters, dOut)
					wantFilters, wantIn := naiveConv2DGrad(in, filters, dOut)
					near(t, what+", gradient of the filters", dFilters, wantFilters, rounding)
					near(t, what+", gradient at the input", dIn, wantIn, rounding)
				}
			}
		}
	}
}

// The plain loops in Conv2D's doc comment are those of sixLoops.
func TestConv2DShowsSixLoops(t *testing.T) {
	source, err := os.ReadFile("layer.go")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(source), "// In plain loops:\n//\n")
	shown, _, _ := strings.Cut(after, "//\n// ")
	shown = strings.ReplaceAll(shown, "//\t", "\t")
	loops := strings.Join(body(t, "sixLoops")[1:], "\n") // the first line derives rows and cols
	if !found || !strings.HasPrefix(loops, shown) {
		t.Errorf("the doc comment shows\n%swant\n%s", shown, loops)
	}
}

// The functions whose names begin with Add add to what they find.
func TestAddAdds(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	in, dOut := randomMaps(rng, 2, 7, 7, 0), randomMaps(rng, 2, 3, 3, 0)
	vector, dVector := randomVector(rng, 4, 0), randomVector(rng, 3, 0)
	for _, c := range []struct {
		name string
		size int
		add  func(dst [][][]float64)
	}{
		{"AddConv2DFilterGrad", 50, func(dst [][][]float64) { AddConv2DFilterGrad(dst[0][:2], in, dOut) }},
		{"AddFullyConnectedWeightGrad, weights", 4, func(dst [][][]float64) {
			AddFullyConnectedWeightGrad(dst[0][:3], make([]float64, 3), vector, dVector)
		}},
		{"AddFullyConnectedWeightGrad, biases", 3, func(dst [][][]float64) {
			AddFullyConnectedWeightGrad(NewMatrix(3, 4), dst[0][0], vector, dVector)
		}},
	} {
		once := NewVolume(2, c.size, c.size)
		c.add(once)
		got := randomMaps(rng, 2, c.size, c.size, 0)
		want := numbers(got)
		for k, v := range numbers(once) {
			want[k] += v
		}
		c.add(got)
		near(t, c.name, got, want, rounding)
	}
}

func TestReLU(t *testing.T) {
	in := [][]float64{{-2, -0.5, 0}, {math.Copysign(0, -1), 0.5, 3}}
	out := NewMatrix(2, 3)
	ReLU(out, in)
	near(t, "ReLU", out, []float64{0, 0, 0, 0, 0.5, 3}, 0)
	dIn, dOut := [][]float64{{9, 9, 9}, {9, 9, 9}}, [][]float64{{1, 2, 3}, {4, 5, 6}}
	ReLUGrad(dIn, in, dOut)
	near(t, "ReLUGrad", dIn, []float64{0, 0, 0, 0, 5, 6}, 0)
	ReLUGrad(dOut, in, dOut)
	near(t, "ReLUGrad in place", dOut, []float64{0, 0, 0, 0, 5, 6}, 0)
	ReLU(in, in)
	near(t, "ReLU in place", in, []float64{0, 0, 0, 0, 0.5, 3}, 0)
	if ReLU(out, [][]float64{{math.Copysign(0, -1), 0, 0}, {0, 0, 0}}); math.Signbit(out[0][0]) {
		t.Error("ReLU(−0) = −0, want 0: only 0 itself is left out of the sums")
	}
	if ReLU(out, [][]float64{{math.NaN(), 0, 0}, {0, 0, 0}}); !math.IsNaN(out[0][0]) {
		t.Errorf("ReLU(NaN) = %v, want NaN: it must not be hidden", out[0][0])
	}
}

func TestMaxPool(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for _, size := range [][2]int{{2, 2}, {2, 6}, {8, 4}, {24, 24}} {
		for _, zeros := range []int{0, 7, 10} {
			// Few different values make many ties.
			in := randomMatrix(rng, size[0], size[1], zeros)
			for _, row := range in {
				for x := range row {
					row[x] = math.Round(2 * row[x])
				}
			}
			want, winners := naivePool(in)
			got := randomMatrix(rng, size[0]/2, size[1]/2, 0)
			MaxPool(got, in)
			near(t, "MaxPool", got, want, 0)

			dOut := randomMatrix(rng, size[0]/2, size[1]/2, 3)
			wantIn := NewMatrix(size[0], size[1])
			for y := range winners {
				for x, at := range winners[y] {
					wantIn[at[0]][at[1]] = dOut[y][x]
				}
			}
			dIn := randomMatrix(rng, size[0], size[1], 0)
			MaxPoolGrad(dIn, in, dOut)
			near(t, "MaxPoolGrad", dIn, wantIn, 0)
		}
	}
}

// On a tie the first in reading order wins: top left, top right, bottom left,
// bottom right.
func TestMaxPoolTies(t *testing.T) {
	for _, c := range []struct{ in, want [4]float64 }{
		{[4]float64{1, 1, 1, 1}, [4]float64{5, 0, 0, 0}},
		{[4]float64{0, 1, 1, 1}, [4]float64{0, 5, 0, 0}},
		{[4]float64{0, 0, 1, 1}, [4]float64{0, 0, 5, 0}},
		{[4]float64{0, 0, 0, 1}, [4]float64{0, 0, 0, 5}},
		{[4]float64{0, 1, 1, 0}, [4]float64{0, 5, 0, 0}},
		{[4]float64{-3, -2, -2, -2}, [4]float64{0, 5, 0, 0}},
		{[4]float64{-2, -2, -2, -2}, [4]float64{5, 0, 0, 0}},
	} {
		in := [][]float64{c.in[:2], c.in[2:]}
		dIn := NewMatrix(2, 2)
		MaxPoolGrad(dIn, in, [][]float64{{5}})
		near(t, fmt.Sprint("gradient of ", c.in), dIn, c.want[:], 0)
	}
}

// Ties are real: where a stroke is full ink, four places under a kernel can look
// the same. About one in 300 of the windows of the first pooling whose maximum is
// above 0 has it twice or more.
func TestMaxPoolTiesOnDigits(t *testing.T) {
	t.Parallel()
	_, test := readMNIST(t)
	trainer := newTrainer(1, 0.0062, 0.5)
	a, dIn := NewActivations(), NewMatrix(conv1Side, conv1Side)
	rng := rand.New(rand.NewPCG(6, 1))
	positive, ties := 0, 0
	var firsts [4]int // where the winners of ties stand in their windows
	for _, digit := range test[:300] {
		trainer.network.Predict(a, digit.Image)
		for _, m := range a.ReLU1 {
			maxima, winners := naivePool(m)
			dOut := randomMatrix(rng, pool1Side, pool1Side, 0)
			MaxPoolGrad(dIn, m, dOut)
			for y, row := range maxima {
				for x, largest := range row {
					if largest == 0 {
						continue
					}
					positive++
					window := [4]float64{m[2*y][2*x], m[2*y][2*x+1], m[2*y+1][2*x], m[2*y+1][2*x+1]}
					d := [4]float64{dIn[2*y][2*x], dIn[2*y][2*x+1], dIn[2*y+1][2*x], dIn[2*y+1][2*x+1]}
					first, equals := slices.Index(window[:], largest), 0
					for _, v := range window {
						if v == largest {
							equals++
						}
					}
					if equals > 1 {
						ties++
						firsts[first]++
					}
					var want [4]float64
					want[first] = dOut[y][x]
					if d != want || winners[y][x] != [2]int{2*y + first/2, 2*x + first%2} {
						t.Fatalf("window %v: gradients %v, want %v", window, d, want)
					}
				}
			}
		}
	}
	t.Logf("%d of %d positive windows have a tie, %.2f%%; the winner's place: %v", ties, positive, 100*float64(ties)/float64(positive), firsts)
	needStored(t)
	if ties < 300 || firsts[0] == 0 || firsts[1] == 0 || firsts[2] == 0 {
		t.Errorf("%d ties, won by %v: too few to show the rule", ties, firsts)
	}
}

// ReLU and max-pooling may be swapped: forward and back every bit is the same.
func TestReLUAndMaxPoolMayBeSwapped(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for range 50 {
		in, dOut := NewMatrix(4, 6), NewMatrix(2, 3)
		for _, row := range in {
			for x := range row {
				row[x] = float64(rng.IntN(5) - 2) // ties, zeros, windows without a positive number
			}
		}
		for _, row := range dOut {
			for x := range row {
				row[x] = rng.NormFloat64()
			}
		}
		relu, pool, dRelu, dIn := NewMatrix(4, 6), NewMatrix(2, 3), NewMatrix(4, 6), NewMatrix(4, 6)
		ReLU(relu, in)
		MaxPool(pool, relu)
		MaxPoolGrad(dRelu, relu, dOut)
		ReLUGrad(dIn, in, dRelu)

		pooled, swapped, dPooled, dSwapped := NewMatrix(2, 3), NewMatrix(2, 3), NewMatrix(2, 3), NewMatrix(4, 6)
		MaxPool(pooled, in)
		ReLU(swapped, pooled)
		ReLUGrad(dPooled, pooled, dOut)
		MaxPoolGrad(dSwapped, in, dPooled)

		near(t, "pooled", swapped, pool, 0)
		near(t, "gradient", dSwapped, dIn, 0)
	}
}

func TestFlatten(t *testing.T) {
	maps := [][][]float64{{{1, 2, 3}, {4, 5, 6}}, {{7, 8, 9}, {10, 11, 12}}}
	vector := make([]float64, 12)
	Flatten(vector, maps)
	near(t, "Flatten", vector, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 0)
	back := NewVolume(2, 2, 3)
	Unflatten(back, vector)
	near(t, "Unflatten", back, maps, 0)
}

func TestFullyConnected(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	for _, size := range [][2]int{{1, 1}, {2, 3}, {10, 100}, {7, 323}, {4, 2000}} {
		outs, ins := size[0], size[1]
		weights, biases := randomMatrix(rng, outs, ins, 0), randomVector(rng, outs, 0)
		in, dOut := randomVector(rng, ins, 5), randomVector(rng, outs, 5)
		want, wantWeights, wantIn := make([]float64, outs), NewMatrix(outs, ins), make([]float64, ins)
		for i := range outs {
			want[i] = biases[i]
			for j := range ins {
				want[i] += weights[i][j] * in[j]
				wantWeights[i][j] = dOut[i] * in[j]
				wantIn[j] += dOut[i] * weights[i][j]
			}
		}
		got := randomVector(rng, outs, 0)
		FullyConnected(got, weights, biases, in)
		near(t, "FullyConnected", got, want, 1e-13)
		dWeights, dBiases := NewMatrix(outs, ins), make([]float64, outs)
		AddFullyConnectedWeightGrad(dWeights, dBiases, in, dOut)
		near(t, "gradient of the weights", dWeights, wantWeights, rounding)
		near(t, "gradient of the biases", dBiases, dOut, 0)
		dIn := randomVector(rng, ins, 0)
		FullyConnectedInputGrad(dIn, weights, dOut)
		near(t, "gradient at the input", dIn, wantIn, rounding)
	}
}

// checkMask counts what draw drops, and checks that it scales what it keeps by 1/(1−p).
func checkMask(t testing.TB, draw func(mask []float64, p float64, rng *rand.Rand)) {
	const units = 100_000
	for _, p := range []float64{0, 0.2, 0.5, 0.9} {
		mask := randomVector(rand.New(rand.NewPCG(5, 1)), units, 0)
		draw(mask, p, rand.New(rand.NewPCG(6, 1)))
		dropped := 0
		for _, m := range mask {
			switch m {
			case 0:
				dropped++
			case 1 / (1 - p):
			default:
				t.Errorf("p = %v: a factor of %v, want 0 or %v", p, m, 1/(1-p))
				return
			}
		}
		// Five standard deviations of a binomial count.
		if slack := 5 * math.Sqrt(units*p*(1-p)); math.Abs(float64(dropped)-p*units) > slack {
			t.Errorf("p = %v: dropped %d of %d, want %v ± %.0f", p, dropped, units, p*units, slack)
		}
	}
}

// A constant is a source from which Float64 draws its 2⁻⁵³rd part, again and again.
type constant uint64

func (c constant) Uint64() uint64 { return uint64(c) }

func TestDropoutMask(t *testing.T) {
	checkMask(t, DropoutMask)
	// A draw from [0, 1) is below p with probability p; at p itself it isn't.
	mask := make([]float64, 1)
	for draw, want := range map[constant]float64{1 << 52: 2, 1<<52 - 1: 0} {
		if DropoutMask(mask, 0.5, rand.New(draw)); mask[0] != want {
			t.Errorf("a draw of %v: factor %v, want %v", float64(draw)/(1<<53), mask[0], want)
		}
	}
	for _, p := range []float64{-0.1, 1, 1.5, math.NaN(), math.Inf(1)} {
		panics(t, fmt.Sprintf("DropoutMask: p is %v, want 0 ≤ p < 1", p), func() {
			DropoutMask(make([]float64, 3), p, rand.New(rand.NewPCG(1, 1)))
		})
	}
}

func TestDropout(t *testing.T) {
	out := make([]float64, 3)
	Dropout(out, []float64{1, 2, 3}, []float64{2, 0, 2})
	near(t, "Dropout", out, []float64{2, 0, 6}, 0)
}

func TestSoftmaxAndCrossEntropy(t *testing.T) {
	logits := []float64{1, 2, 3, -1}
	sum := math.E + math.Exp(2) + math.Exp(3) + math.Exp(-1)
	want := []float64{math.E / sum, math.Exp(2) / sum, math.Exp(3) / sum, math.Exp(-1) / sum}
	got := make([]float64, 4)
	Softmax(got, logits)
	near(t, "Softmax", got, want, rounding)
	for label, p := range want {
		near(t, "CrossEntropy", []float64{CrossEntropy(logits, label)}, []float64{-math.Log(p)}, rounding)
		dLogits := make([]float64, 4)
		CrossEntropyGrad(dLogits, got, label)
		want[label]--
		near(t, "CrossEntropyGrad", dLogits, want, rounding)
		want[label]++
	}
}

// checkFinite: logits so large that exp overflows, and a probability of 0 for what was
// meant, still give numbers: 0·log 0 is not NaN here.
func checkFinite(t testing.TB, crossEntropy func(logits []float64, label int) float64) {
	for _, logits := range [][]float64{{1e4, -1e4, 0}, {-1e4, -1e4, -1e4}, {1e300, 0, -1e300}} {
		p := make([]float64, 3)
		Softmax(p, logits)
		for label := range logits {
			loss := crossEntropy(logits, label)
			if math.IsNaN(loss) || math.IsInf(loss, 0) || loss < 0 {
				t.Errorf("CrossEntropy(%v, %d) = %v", logits, label, loss)
			}
			dLogits := make([]float64, 3)
			CrossEntropyGrad(dLogits, p, label)
			if l := largest(dLogits); !(l <= 1) {
				t.Errorf("CrossEntropyGrad(%v, %d) = %v", logits, label, dLogits)
			}
		}
	}
}

func TestCrossEntropyIsFinite(t *testing.T) {
	checkFinite(t, CrossEntropy)
	near(t, "loss", []float64{CrossEntropy([]float64{1e4, -1e4, 0}, 1)}, []float64{2e4}, 0)
}

// panics fails the test unless f panics with a message that holds want.
func panics(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got := recover()
		if got == nil {
			t.Errorf("no panic, want %q", want)
		} else if message, ok := got.(string); !ok || !strings.HasPrefix(message, "convnet: ") || !strings.Contains(message, want) {
			t.Errorf("panic %v, want %q", got, want)
		}
	}()
	f()
}

func TestWrongShapesPanicWithBoth(t *testing.T) {
	m := NewMatrix
	v := func(n int) []float64 { return make([]float64, n) }
	v3 := func(channels, size int) [][][]float64 { return NewVolume(channels, size, size) }
	for _, c := range []struct {
		want string
		call func()
	}{
		{"Conv2D: 0 channels of input and 2 of output, want at least 1 of each", func() { Conv2D(v3(2, 8), nil, m(2, 0)) }},
		{"Conv2D: 2 channels of input and 0 of output", func() { Conv2D(nil, v3(2, 8), nil) }},
		{"Conv2D: the matrix of filters is 3×49, want 3×50", func() { Conv2D(v3(3, 8), v3(2, 12), m(3, 49)) }},
		{"Conv2D: the matrix of filters is 2×50, want 3×50", func() { Conv2D(v3(3, 8), v3(2, 12), m(2, 50)) }},
		{"Conv2D: the output is 13×13, want 1×1 to 12×12, the size of the input", func() { Conv2D(v3(3, 13), v3(2, 12), m(3, 0)) }},
		{"Conv2D: the output is 2×5, want 1×1 to 4×4", func() { Conv2D(NewVolume(3, 2, 5), v3(2, 4), m(3, 0)) }},
		{"Conv2D: the output is 5×2, want 1×1 to 4×4", func() { Conv2D(NewVolume(3, 5, 2), v3(2, 4), m(3, 0)) }},
		{"Conv2D: the output is 0×0, want 1×1 to 4×4", func() { Conv2D(v3(3, 0), v3(2, 4), m(3, 50)) }},
		{"Conv2D: the output is 3×0, want 1×1 to 4×4", func() { Conv2D(NewVolume(3, 3, 0), v3(2, 4), m(3, 20)) }},
		{"Conv2D: a channel of the output is 8×7, want 8×8", func() { Conv2D([][][]float64{m(8, 8), m(8, 7)}, v3(2, 12), m(2, 50)) }},
		{"Conv2D: a channel of the input is 11×12, want 12×12", func() { Conv2D(v3(2, 8), [][][]float64{m(12, 12), m(11, 12)}, m(2, 50)) }},
		{"Conv2DInputGrad: a channel of the input is 11×12, want 12×12", func() { Conv2DInputGrad([][][]float64{m(12, 12), m(11, 12)}, m(2, 50), v3(2, 8)) }},
		{"AddConv2DFilterGrad: the matrix of filters is 3×25, want 3×50", func() { AddConv2DFilterGrad(m(3, 25), v3(2, 12), v3(3, 8)) }},
		{"AddConv2DFilterGrad: the output is 13×13, want 1×1 to 12×12", func() { AddConv2DFilterGrad(m(3, 50), v3(2, 12), v3(3, 13)) }},
		{"Conv2DInputGrad: the matrix of filters is 3×100, want 3×50", func() { Conv2DInputGrad(v3(2, 12), m(3, 100), v3(3, 8)) }},
		{"Conv2DInputGrad: the output is 13×13, want 1×1 to 12×12", func() { Conv2DInputGrad(v3(2, 12), m(3, 50), v3(3, 13)) }},
		{"ReLU: dst has length 3, want 4", func() { ReLU(m(3, 4), m(4, 4)) }},
		{"ReLUGrad: a row of dIn has length 3, want 4", func() { ReLUGrad(m(4, 3), m(4, 4), m(4, 4)) }},
		{"ReLUGrad: a row of dOut has length 5, want 4", func() { ReLUGrad(m(4, 4), m(4, 4), m(4, 5)) }},
		{"MaxPool: dst is 2×2, want 3×2", func() { MaxPool(m(2, 2), m(6, 4)) }},
		{"MaxPoolGrad: dOut is 2×2, want 2×3", func() { MaxPoolGrad(m(4, 6), m(4, 6), m(2, 2)) }},
		{"MaxPoolGrad: dIn is 4×3, want 4×4", func() { MaxPoolGrad(m(4, 3), m(4, 4), m(2, 2)) }},
		{"Flatten: vector has length 11, want 12", func() { Flatten(v(11), NewVolume(2, 2, 3)) }},
		{"Unflatten: vector has length 13, want 12", func() { Unflatten(NewVolume(2, 2, 3), v(13)) }},
		{"Flatten: vector has length 1, want 0", func() { Flatten(v(1), nil) }},
		{"Dropout: dst has length 2, want 3", func() { Dropout(v(2), v(3), v(3)) }},
		{"Dropout: mask has length 4, want 3", func() { Dropout(v(3), v(3), v(4)) }},
		{"FullyConnected: weights is 2×3, want 2×4", func() { FullyConnected(v(2), m(2, 3), v(2), v(4)) }},
		{"FullyConnected: biases has length 3, want 2", func() { FullyConnected(v(2), m(2, 3), v(3), v(3)) }},
		{"AddFullyConnectedWeightGrad: dWeights is 3×3, want 2×3", func() { AddFullyConnectedWeightGrad(m(3, 3), v(2), v(3), v(2)) }},
		{"AddFullyConnectedWeightGrad: dBiases has length 1, want 2", func() { AddFullyConnectedWeightGrad(m(2, 3), v(1), v(3), v(2)) }},
		{"FullyConnectedInputGrad: weights is 2×3, want 2×4", func() { FullyConnectedInputGrad(v(4), m(2, 3), v(2)) }},
		{"Softmax: dst has length 9, want 10", func() { Softmax(v(9), v(10)) }},
		{"Softmax: there are no logits, want at least 1", func() { Softmax(nil, nil) }},
		{"Softmax: there are no logits, want at least 1", func() { Softmax(v(1), nil) }},
		{"CrossEntropy: label is 0, want 0 ≤ label < 0", func() { CrossEntropy(nil, 0) }},
		{"Forward: a has no memory for activations: make it with NewActivations", func() { New(1).Forward(new(Activations), m(28, 28)) }},
		{"Forward: a has no memory for activations", func() { New(1).Predict(new(Activations), m(28, 28)) }},
		{"Conv2D: the matrix of filters is 0×0", func() { new(Network).Forward(NewActivations(), m(28, 28)) }},
		{"CrossEntropyGrad: dLogits has length 0, want", func() { New(1).Backward(NewGradient(), new(Activations), NewActivations(), 0) }},
		{"AddFullyConnectedWeightGrad: dWeights is 0×0", func() { New(1).Backward(new(Network), NewActivations(), NewActivations(), 0) }},
		{"Clone: n.Parameters has length 0, want", func() { new(Network).Clone() }},
		{"Update: grad.Parameters has length 0, want", func() { New(1).Update(new(Network), 1) }},
		{"CrossEntropy: label is 10, want 0 ≤ label < 10", func() { CrossEntropy(v(10), 10) }},
		{"CrossEntropyGrad: dLogits has length 9, want 10", func() { CrossEntropyGrad(v(9), v(10), 0) }},
		{"CrossEntropyGrad: label is -1, want 0 ≤ label", func() { CrossEntropyGrad(v(10), v(10), -1) }},
		{"CrossEntropy: label is 10", func() {
			New(1).TrainStep(NewGradient(), NewActivations(), NewActivations(), Digit{m(28, 28), 10}, 1)
		}},
		{"NewImage: pixels has length 783, want 784", func() { NewImage(make([]byte, 783)) }},
		{"Forward: image is 27×28, want 28×28", func() { New(1).Forward(NewActivations(), m(27, 28)) }},
		{"Forward: row 5 of image has length 27, want 28", func() {
			ragged := m(28, 28)
			ragged[5] = ragged[5][:27]
			New(1).Forward(NewActivations(), ragged)
		}},
	} {
		panics(t, c.want, c.call)
	}
}

// A row that reaches into a larger block must not be resliced into its neighbor: every
// row's length is checked, whatever its capacity.
func TestRaggedRowsPanic(t *testing.T) {
	// ragged returns a rows×cols matrix in which row y has one value less (by = −1) or
	// more (by = 1) than the others, and room for many.
	ragged := func(rows, cols, y, by int) [][]float64 {
		m := NewMatrix(rows, cols)
		m[y] = make([]float64, cols+by, 2*cols)
		return m
	}
	channels := func(m [][]float64) [][][]float64 { return [][][]float64{m} }
	vector := func(n int) []float64 { return ones(n) }
	for _, c := range []struct {
		name       string
		rows, cols int
		call       func(m [][]float64)
	}{
		{"Conv2D, dst", 3, 4, func(m [][]float64) { Conv2D(channels(m), NewVolume(1, 5, 6), NewMatrix(1, 9)) }},
		{"Conv2D, in", 5, 6, func(m [][]float64) { Conv2D(NewVolume(1, 3, 4), channels(m), NewMatrix(1, 9)) }},
		{"Conv2D, filters", 3, 9, func(m [][]float64) { Conv2D(NewVolume(3, 3, 4), NewVolume(1, 5, 6), m) }},
		{"AddConv2DFilterGrad, dFilters", 3, 9, func(m [][]float64) { AddConv2DFilterGrad(m, NewVolume(1, 5, 6), NewVolume(3, 3, 4)) }},
		{"AddConv2DFilterGrad, in", 5, 6, func(m [][]float64) { AddConv2DFilterGrad(NewMatrix(1, 9), channels(m), NewVolume(1, 3, 4)) }},
		{"AddConv2DFilterGrad, dOut", 3, 4, func(m [][]float64) { AddConv2DFilterGrad(NewMatrix(1, 9), NewVolume(1, 5, 6), channels(m)) }},
		{"Conv2DInputGrad, dIn", 5, 6, func(m [][]float64) { Conv2DInputGrad(channels(m), NewMatrix(1, 9), NewVolume(1, 3, 4)) }},
		{"Conv2DInputGrad, filters", 3, 9, func(m [][]float64) { Conv2DInputGrad(NewVolume(1, 5, 6), m, NewVolume(3, 3, 4)) }},
		{"Conv2DInputGrad, dOut", 3, 4, func(m [][]float64) { Conv2DInputGrad(NewVolume(1, 5, 6), NewMatrix(1, 9), channels(m)) }},
		{"ReLU, dst", 3, 4, func(m [][]float64) { ReLU(m, NewMatrix(3, 4)) }},
		{"ReLU, in", 3, 4, func(m [][]float64) { ReLU(NewMatrix(3, 4), m) }},
		{"ReLUGrad, dIn", 3, 4, func(m [][]float64) { ReLUGrad(m, NewMatrix(3, 4), NewMatrix(3, 4)) }},
		{"ReLUGrad, in", 3, 4, func(m [][]float64) { ReLUGrad(NewMatrix(3, 4), m, NewMatrix(3, 4)) }},
		{"ReLUGrad, dOut", 3, 4, func(m [][]float64) { ReLUGrad(NewMatrix(3, 4), NewMatrix(3, 4), m) }},
		{"MaxPool, dst", 3, 4, func(m [][]float64) { MaxPool(m, NewMatrix(6, 8)) }},
		{"MaxPool, in", 6, 8, func(m [][]float64) { MaxPool(NewMatrix(3, 4), m) }},
		{"MaxPoolGrad, dIn", 6, 8, func(m [][]float64) { MaxPoolGrad(m, NewMatrix(6, 8), NewMatrix(3, 4)) }},
		{"MaxPoolGrad, in", 6, 8, func(m [][]float64) { MaxPoolGrad(NewMatrix(6, 8), m, NewMatrix(3, 4)) }},
		{"MaxPoolGrad, dOut", 3, 4, func(m [][]float64) { MaxPoolGrad(NewMatrix(6, 8), NewMatrix(6, 8), m) }},
		{"FullyConnected", 3, 4, func(m [][]float64) { FullyConnected(vector(3), m, vector(3), vector(4)) }},
		{"AddFullyConnectedWeightGrad", 3, 4, func(m [][]float64) { AddFullyConnectedWeightGrad(m, vector(3), vector(4), vector(3)) }},
		{"FullyConnectedInputGrad", 3, 4, func(m [][]float64) { FullyConnectedInputGrad(vector(4), m, vector(3)) }},
		{"Forward", ImageSide, ImageSide, func(m [][]float64) { New(1).Forward(NewActivations(), m) }},
	} {
		c.call(NewMatrix(c.rows, c.cols))
		for y := range c.rows {
			for _, by := range []int{-1, 1} {
				m := ragged(c.rows, c.cols, y, by)
				function, _, _ := strings.Cut(c.name, ",")
				panics(t, function+": ", func() { c.call(m) })
				if spare := m[y][len(m[y]):cap(m[y])]; largest(spare) != 0 {
					t.Errorf("%s: wrote past row %d: %v", c.name, y, spare)
				}
			}
		}
	}
}

// An odd last row or column has no window: MaxPool leaves it out, and its gradient is 0.
func TestMaxPoolLeavesOutOddRowsAndColumns(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 1))
	for _, size := range [][2]int{{5, 7}, {5, 6}, {4, 7}, {3, 3}, {1, 4}, {2, 1}} {
		rows, cols := size[0], size[1]
		in := randomMatrix(rng, rows, cols, 0)
		even := NewMatrix(rows/2*2, cols/2*2)
		for y, row := range even {
			copy(row, in[y])
		}
		got, want := randomMatrix(rng, rows/2, cols/2, 0), NewMatrix(rows/2, cols/2)
		MaxPool(got, in)
		MaxPool(want, even)
		near(t, fmt.Sprintf("MaxPool of %d×%d", rows, cols), got, want, 0)

		dOut := randomMatrix(rng, rows/2, cols/2, 0)
		dIn, dEven := randomMatrix(rng, rows, cols, 0), NewMatrix(rows/2*2, cols/2*2)
		MaxPoolGrad(dIn, in, dOut)
		MaxPoolGrad(dEven, even, dOut)
		wantIn := NewMatrix(rows, cols)
		for y, row := range dEven {
			copy(wantIn[y], row)
		}
		near(t, fmt.Sprintf("MaxPoolGrad of %d×%d", rows, cols), dIn, wantIn, 0)
	}
}
