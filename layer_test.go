package convnet

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// These are the references that we compare the helpers with: plain loops without tricks, one for each
// index in the formula.

// sixLoops is Conv2D, as its doc comment shows it.
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

// naiveConv2D returns the feature maps that sixLoops computes. Kernels have this many rows.
func naiveConv2D(in [][][]float64, filters [][]float64, rows int) [][][]float64 {
	cols := len(filters[0]) / len(in) / rows
	out := NewVolume(len(filters), len(in[0])-rows+1, len(in[0][0])-cols+1)
	sixLoops(out, in, filters)
	return out
}

// naiveConv2DGrad returns the gradient of the filters and the gradient at the input. It runs the same
// six loops: each factor of a product gets the gradient times the other factor.
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

// naiveReLU returns max(0, v) for each value v of a tensor, in reading order.
func naiveReLU(in any) []float64 {
	out := slices.Clone(values(in))
	for k, v := range out {
		out[k] = math.Max(0, v)
	}
	return out
}

// naiveReLUGrad returns dOut where in is above 0, and 0 elsewhere.
func naiveReLUGrad(in, dOut any) []float64 {
	dIn := slices.Clone(values(dOut))
	for k, v := range values(in) {
		if v <= 0 {
			dIn[k] = 0
		}
	}
	return dIn
}

// naivePool returns the maximum of each 2×2 window, and the row and column of its winner: the first
// maximum in reading order.
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

// naivePoolGrad returns the gradient at the input of max-pooling. The winners get all of it.
func naivePoolGrad(in, dOut [][]float64) [][]float64 {
	dIn := NewMatrix(len(in), len(in[0]))
	_, winners := naivePool(in)
	for y := range winners {
		for x, at := range winners[y] {
			dIn[at[0]][at[1]] = dOut[y][x]
		}
	}
	return dIn
}

// naiveConnected returns weights·in + biases.
func naiveConnected(weights [][]float64, biases, in []float64) []float64 {
	out := slices.Clone(biases)
	for i := range weights {
		for j := range in {
			out[i] += weights[i][j] * in[j]
		}
	}
	return out
}

// naiveConnectedGrad returns the gradient of the weights and the gradient at the input.
func naiveConnectedGrad(weights [][]float64, in, dOut []float64) (dWeights [][]float64, dIn []float64) {
	dWeights, dIn = NewMatrix(len(dOut), len(in)), make([]float64, len(in))
	for i := range dOut {
		for j := range in {
			dWeights[i][j] = dOut[i] * in[j]
			dIn[j] += dOut[i] * weights[i][j]
		}
	}
	return dWeights, dIn
}

// naiveSoftmax returns exp(logits[k]) / Σⱼ exp(logits[j]).
func naiveSoftmax(logits []float64) []float64 {
	p, sum := make([]float64, len(logits)), 0.0
	for k, l := range logits {
		p[k] = math.Exp(l)
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return p
}

// times returns the elementwise product of two vectors.
func times(v, w []float64) []float64 {
	products := slices.Clone(v)
	for k := range products {
		products[k] *= w[k]
	}
	return products
}

// fill draws values from N(0,1), and sets each to 0 with probability zeros/10.
func fill(values []float64, rng *rand.Rand, zeros int) {
	for k := range values {
		values[k] = 0
		if rng.IntN(10) >= zeros {
			values[k] = rng.NormFloat64()
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

func ones(n int) []float64 { return slices.Repeat([]float64{1}, n) }

// values returns the values of a vector, matrix or volume in reading order.
func values(tensor any) []float64 {
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
			all = append(all, values(m)...)
		}
	default:
		panic(fmt.Sprintf("found a %T, want a vector, matrix or volume", tensor))
	}
	return all
}

// largest returns the largest absolute value in v.
func largest(v []float64) float64 {
	m := 0.0
	for _, x := range v {
		m = max(m, math.Abs(x))
	}
	return m
}

// near fails the test unless two tensors of the same size agree. No value may be off by more than
// tolerance times the largest value of want. If tolerance is 0, they must be equal, where NaN equals
// NaN. Otherwise want must be finite.
func near(t testing.TB, what string, got, want any, tolerance float64) {
	t.Helper()
	g, w := values(got), values(want)
	if len(g) != len(w) {
		t.Errorf("%s: %d values, want %d", what, len(g), len(w))
		return
	}
	slack := 0.0
	if tolerance > 0 {
		slack = tolerance * largest(w)
		if math.IsNaN(slack) || math.IsInf(slack, 0) {
			t.Errorf("%s: the largest value of want is %v, must be finite", what, largest(w))
			return
		}
	}
	for k := range w {
		same := g[k] == w[k] || math.IsNaN(g[k]) && math.IsNaN(w[k])
		if !same && !(math.Abs(g[k]-w[k]) <= slack) {
			t.Errorf("%s: value %d is %v, want %v", what, k, g[k], w[k])
			return
		}
	}
}

const rounding = 1e-14 // how much a sum may change when its terms are added in another order

var nan, inf = math.NaN(), math.Inf(1)

// allNaN fails the test unless every value of tensor is NaN.
func allNaN(t testing.TB, what string, tensor any) {
	t.Helper()
	v := values(tensor)
	near(t, what, v, slices.Repeat([]float64{nan}, len(v)), 0)
}

// panics fails the test unless f panics with a message that contains want, and returns the message.
func panics(t *testing.T, want string, f func()) (message string) {
	t.Helper()
	defer func() {
		t.Helper()
		got := recover()
		message, _ = got.(string)
		if got == nil {
			t.Errorf("no panic, want %q", want)
		} else if !strings.HasPrefix(message, "convnet: ") || !strings.Contains(message, want) {
			t.Errorf("panic %v, want %q", got, want)
		}
	}()
	f()
	return ""
}

// A matrix is a single block of memory, but appending to a row doesn't overwrite the next.
func TestNewMatrixIsOneBlock(t *testing.T) {
	m := NewMatrix(2, 3)
	if cap(m[0]) != 3 {
		t.Errorf("a row of 3 has capacity %d, want 3", cap(m[0]))
	}
	if got := testing.AllocsPerRun(10, func() { NewMatrix(50, 40) }); got > 2 {
		t.Errorf("NewMatrix allocates %v times, want once for the rows and once for the values", got)
	}
}

// A new matrix or volume has the right shape and is all zeros. No two values share memory.
func TestNewMatrixAndNewVolume(t *testing.T) {
	for _, size := range [][3]int{{1, 1, 1}, {1, 2, 3}, {3, 1, 2}, {2, 3, 1}, {4, 3, 2}, {2, 0, 0}} {
		channels, rows, cols := size[0], size[1], size[2]
		v := NewVolume(channels, rows, cols)
		near(t, fmt.Sprint("new volume of ", size), v, make([]float64, channels*rows*cols), 0)
		next := 0.0
		for _, m := range v {
			if len(v) != channels || len(m) != rows || rows > 0 && len(m[0]) != cols {
				t.Fatalf("NewVolume(%v) has %d channels of %d rows and %d columns", size, len(v), len(m), width(m))
			}
			for _, row := range m {
				for x := range row {
					row[x] = next
					next++
				}
			}
		}
		for k, got := range values(v) {
			if got != float64(k) {
				t.Fatalf("NewVolume(%v): values %d and %v share memory", size, k, got)
			}
		}
	}
}

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
					what := fmt.Sprintf("%d kernels of %v, %d output maps of %v, %d of 10 values are 0", maps[0], kernel, maps[1], out, zeros)

					got := randomMaps(rng, maps[1], out[0], out[1], 0) // Conv2D must overwrite it
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

// Conv2D's doc comment shows the loops of sixLoops.
func TestConv2DShowsSixLoops(t *testing.T) {
	after := func(file, start string) string {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(source), start)
		if !found {
			t.Fatalf("found no %q in %s", start, file)
		}
		return rest
	}
	shown, _, _ := strings.Cut(after("layer.go", "// In plain loops:\n//\n"), "//\n// ")
	shown = strings.ReplaceAll(shown, "//\t", "\t")
	_, loops, _ := strings.Cut(after("layer_test.go", "\nfunc sixLoops("), ")+1\n") // after the line that sets rows and cols
	if !strings.HasPrefix(loops, shown) {
		t.Errorf("the doc comment shows\n%swant\n%.300s", shown, loops)
	}
}

// Conv2D has buffers on the stack for 1,024 terms and rows of 31 columns. It allocates larger ones.
func TestConv2DWithLargeBuffers(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	for _, c := range [][3]int{{1, 30, 5}, {1, 31, 5}, {1, 32, 5}, {1, 33, 5}, {4, 31, 5}, {4, 32, 5}, {1, 31, 20}, {1, 31, 21}, {1, 20, 31}, {1, 27, 24}, {1, 5, 31}, {1, 5, 32}, {1, 5, 33}, {1, 33, 31}, {1, 34, 31}, {30, 5, 5}, {60, 5, 5}} {
		maps, rows, cols := c[0], c[1], c[2] // kernels as large as the input
		in, filters, out := randomMaps(rng, maps, rows, cols, 0), randomMatrix(rng, 1, maps*rows*cols, 0), NewVolume(1, 1, 1)
		Conv2D(out, in, filters)
		near(t, fmt.Sprintf("Conv2D of %v", c), out, naiveConv2D(in, filters, rows), rounding)

		dFilters, dIn, dOut := NewMatrix(1, maps*rows*cols), NewVolume(maps, rows, cols), randomMaps(rng, 1, 1, 1, 0)
		AddConv2DFilterGrad(dFilters, in, dOut)
		Conv2DInputGrad(dIn, filters, dOut)
		wantFilters, wantIn := naiveConv2DGrad(in, filters, dOut)
		near(t, fmt.Sprintf("AddConv2DFilterGrad of %v", c), dFilters, wantFilters, rounding)
		near(t, fmt.Sprintf("Conv2DInputGrad of %v", c), dIn, wantIn, rounding)
	}
}

// Conv2D applies five filters at a time, and FullyConnected computes five outputs. The last group may
// be smaller.
func TestAnyNumberOfOutputs(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 1))
	for outputs := 1; outputs <= 12; outputs++ {
		in, filters := randomMaps(rng, 2, 4, 4, 0), randomMatrix(rng, outputs, 18, 0)
		maps := randomMaps(rng, outputs, 2, 2, 0)
		Conv2D(maps, in, filters)
		near(t, fmt.Sprintf("Conv2D with %d filters", outputs), maps, naiveConv2D(in, filters, 3), rounding)

		vector, biases, got := randomVector(rng, 18, 0), randomVector(rng, outputs, 0), randomVector(rng, outputs, 0)
		FullyConnected(got, filters, biases, vector)
		near(t, fmt.Sprintf("FullyConnected with %d outputs", outputs), got, naiveConnected(filters, biases, vector), 1e-13)
	}
}

// NaN in an input reaches every output that depends on it, and no other.
func TestConvolutionDoesNotHideNaN(t *testing.T) {
	for _, cols := range []int{3, 5} { // kernels 5 wide are a special case
		in, dIn, out, dFilters := NewVolume(1, 3, cols), NewVolume(1, 3, cols), NewVolume(1, 1, 1), NewMatrix(1, 3*cols)
		filters := asMatrix(ones(3 * cols))
		Unflatten(in, filters[0])
		AddConv2DFilterGrad(dFilters, in, [][][]float64{{{nan}}})
		allNaN(t, "AddConv2DFilterGrad", dFilters)
		Conv2DInputGrad(dIn, filters, [][][]float64{{{nan}}})
		allNaN(t, "Conv2DInputGrad", dIn)
		in[0][1][1] = nan
		Conv2D(out, in, filters)
		allNaN(t, "Conv2D", out)
	}
	out := NewVolume(1, 1, 3)
	Conv2D(out, [][][]float64{{{1, 1, nan, 1}}}, [][]float64{{1, 1}})
	near(t, "Conv2D with one NaN", out, []float64{2, nan, nan}, 0)
	// 0·∞ and 0·NaN count as 0.
	Conv2D(out, [][][]float64{{{1, 0, 1, 1}}}, [][]float64{{1, inf}})
	near(t, "Conv2D with an infinite weight", out, []float64{1, inf, inf}, 0)
	dFilters, dIn := NewMatrix(1, 2), NewVolume(1, 1, 4)
	AddConv2DFilterGrad(dFilters, [][][]float64{{{1, nan, 1, 1}}}, [][][]float64{{{0, 0, 2}}})
	near(t, "AddConv2DFilterGrad where the gradient is 0", dFilters, []float64{2, 2}, 0)
	Conv2DInputGrad(dIn, [][]float64{{1, inf}}, [][][]float64{{{0, 2, 0}}})
	near(t, "Conv2DInputGrad where the gradient is 0", dIn, []float64{0, 2, inf, 0}, 0)
}

// Functions named Add… add to their destination.
func TestAddAccumulates(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	type sum struct {
		name string
		dst  [][]float64
		add  func(dst [][]float64)
	}
	var sums []sum
	for _, kernel := range []int{1, 3, 5} { // kernels 5 wide are a special case
		in, dOut := randomMaps(rng, 2, 2+kernel, 3+kernel, 0), randomMaps(rng, 2, 3, 4, 0)
		sums = append(sums, sum{fmt.Sprintf("AddConv2DFilterGrad, %d×%d", kernel, kernel), NewMatrix(2, 2*kernel*kernel),
			func(dst [][]float64) { AddConv2DFilterGrad(dst, in, dOut) }})
	}
	in, dOut := randomVector(rng, 4, 0), randomVector(rng, 3, 0)
	sums = append(sums,
		sum{"AddFullyConnectedWeightGrad, weights", NewMatrix(3, 4),
			func(dst [][]float64) { AddFullyConnectedWeightGrad(dst, make([]float64, 3), in, dOut) }},
		sum{"AddFullyConnectedWeightGrad, biases", NewMatrix(1, 3),
			func(dst [][]float64) { AddFullyConnectedWeightGrad(NewMatrix(3, 4), dst[0], in, dOut) }})
	for _, s := range sums {
		s.add(s.dst)
		once := slices.Clone(values(s.dst))
		for _, row := range s.dst {
			fill(row, rng, 0)
		}
		want := slices.Clone(values(s.dst))
		for k, v := range once {
			want[k] += v
		}
		s.add(s.dst)
		near(t, s.name, s.dst, want, rounding)
	}
}

func TestReLU(t *testing.T) {
	negativeZero := math.Copysign(0, -1)
	in := [][]float64{{-2, -0.5, 0, inf}, {negativeZero, 0.5, 3, -inf}}
	out := NewMatrix(2, 4)
	ReLU(out, in)
	near(t, "ReLU", out, []float64{0, 0, 0, inf, 0, 0.5, 3, 0}, 0)
	if math.Signbit(out[1][0]) {
		t.Error("ReLU(−0) is −0, want +0, the only zero that Conv2D and FullyConnected skip")
	}
	ReLU(in, in)
	near(t, "ReLU in place", in, out, 0)
	for _, v := range []float64{nan, math.Copysign(nan, -1)} {
		ReLU(out[:1], [][]float64{{v, 1, -1, v}})
		near(t, "ReLU of NaN", out[:1], []float64{nan, 1, 0, nan}, 0)
	}
}

func TestReLUGrad(t *testing.T) {
	in := [][]float64{{-2, -0.5, 0}, {math.Copysign(0, -1), 0.5, 3}}
	dIn, dOut := [][]float64{{9, 9, 9}, {9, 9, 9}}, [][]float64{{1, 2, 3}, {4, 5, 6}}
	ReLUGrad(dIn, in, dOut)
	near(t, "ReLUGrad", dIn, []float64{0, 0, 0, 0, 5, 6}, 0)
	ReLUGrad(dOut, in, dOut)
	near(t, "ReLUGrad in place", dOut, dIn, 0)
	ReLUGrad(dIn[:1], [][]float64{{nan, -1, 1}}, [][]float64{{1, nan, inf}})
	near(t, "ReLUGrad of NaN", dIn[:1], []float64{0, 0, inf}, 0)
	ReLUGrad(dIn[:1], [][]float64{{1, 1e-300, inf}}, [][]float64{{nan, -3, 2}})
	near(t, "ReLUGrad above 0", dIn[:1], []float64{nan, -3, 2}, 0)
}

func TestMaxPool(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for _, size := range [][2]int{{2, 2}, {2, 6}, {8, 4}, {24, 24}} {
		for _, zeros := range []int{0, 7, 10} {
			// A few different values make many ties.
			in := randomMatrix(rng, size[0], size[1], zeros)
			for _, row := range in {
				for x := range row {
					row[x] = math.Round(2 * row[x])
				}
			}
			want, _ := naivePool(in)
			got := randomMatrix(rng, size[0]/2, size[1]/2, 0)
			MaxPool(got, in)
			near(t, "MaxPool", got, want, 0)

			dOut := randomMatrix(rng, size[0]/2, size[1]/2, 3)
			dIn := randomMatrix(rng, size[0], size[1], 0)
			MaxPoolGrad(dIn, in, dOut)
			near(t, "MaxPoolGrad", dIn, naivePoolGrad(in, dOut), 0)
		}
	}
}

// On a tie the first in reading order wins: top left, top right, bottom left, bottom right.
func TestMaxPoolTies(t *testing.T) {
	for _, c := range []struct{ in, want [4]float64 }{
		{[4]float64{1, 1, 1, 1}, [4]float64{5, 0, 0, 0}},
		{[4]float64{0, 1, 1, 1}, [4]float64{0, 5, 0, 0}},
		{[4]float64{0, 0, 1, 1}, [4]float64{0, 0, 5, 0}},
		{[4]float64{0, 0, 0, 1}, [4]float64{0, 0, 0, 5}},
		{[4]float64{0, 1, 1, 0}, [4]float64{0, 5, 0, 0}},
		{[4]float64{1, 0, 0, 1}, [4]float64{5, 0, 0, 0}},
		{[4]float64{0, 1, 0, 1}, [4]float64{0, 5, 0, 0}},
		{[4]float64{-3, -2, -2, -2}, [4]float64{0, 5, 0, 0}},
		{[4]float64{-2, -2, -2, -2}, [4]float64{5, 0, 0, 0}},
	} {
		in := [][]float64{c.in[:2], c.in[2:]}
		dIn := NewMatrix(2, 2)
		MaxPoolGrad(dIn, in, [][]float64{{5}})
		near(t, fmt.Sprint("gradient of ", c.in), dIn, c.want[:], 0)
	}
}

// NaN anywhere in a window reaches the output. Infinity is a value like any other.
func TestMaxPoolDoesNotHideNaN(t *testing.T) {
	out, dIn := NewMatrix(1, 1), NewMatrix(2, 2)
	for k := range 4 {
		window := []float64{1, inf, 2, 3}
		window[k] = nan
		MaxPool(out, [][]float64{window[:2], window[2:]})
		allNaN(t, "MaxPool", out)
	}
	MaxPool(out, [][]float64{{-inf, -inf}, {-inf, -inf}})
	near(t, "MaxPool of −∞", out, []float64{-inf}, 0)
	MaxPoolGrad(dIn, [][]float64{{1, 2}, {0, 0}}, [][]float64{{nan}})
	near(t, "MaxPoolGrad of a NaN gradient", dIn, []float64{0, nan, 0, 0}, 0)
	MaxPoolGrad(dIn, [][]float64{{1, inf}, {inf, 0}}, [][]float64{{5}})
	near(t, "MaxPoolGrad of a window with ∞", dIn, []float64{0, 5, 0, 0}, 0)
	MaxPoolGrad(dIn, [][]float64{{-inf, -inf}, {-inf, -inf}}, [][]float64{{5}})
	near(t, "MaxPoolGrad of −∞", dIn, []float64{5, 0, 0, 0}, 0)
	MaxPoolGrad(dIn, [][]float64{{1, nan}, {2, 0}}, [][]float64{{5}})
	near(t, "MaxPoolGrad of a window with NaN", dIn, []float64{0, 0, 0, 5}, 0)
}

// Ties do happen on real digits: where a stroke is full ink, neighboring patches can be the same. About
// one in 300 of the first pooling's windows with a positive maximum has it more than once.
func TestMaxPoolTiesOnDigits(t *testing.T) {
	t.Parallel()
	_, test := readMNIST(t)
	trainer := newTrainer(1, 0.0062, 0.5)
	a, dIn := NewActivations(), NewMatrix(conv1Side, conv1Side)
	rng := rand.New(rand.NewPCG(6, 1))
	positive, ties := 0, 0
	var firsts [4]int // how often each position in a window won a tie
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
	t.Logf("%d of %d windows with a positive maximum have a tie (%.2f%%), won by the positions %v", ties, positive, 100*float64(ties)/float64(positive), firsts)
	needStored(t)
	if ties < 300 || firsts[0] == 0 || firsts[1] == 0 || firsts[2] == 0 {
		t.Errorf("%d ties, won by the positions %v, want at least 300, and some by each of the first three", ties, firsts)
	}
}

// An odd last row or column belongs to no window. MaxPool ignores it, and its gradient is 0.
func TestMaxPoolIgnoresOddRowsAndColumns(t *testing.T) {
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

// ReLU and max-pooling commute, forward and backward, bit for bit.
func TestReLUAndMaxPoolMayBeSwapped(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for range 50 {
		in, dOut := NewMatrix(4, 6), randomMatrix(rng, 2, 3, 0)
		for _, row := range in {
			for x := range row {
				row[x] = float64(rng.IntN(5) - 2) // so there are ties, zeros, and windows without a positive value
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
	volumes := [][][][]float64{
		{{{1, 2, 3}, {4, 5, 6}}, {{7, 8, 9}, {10, 11, 12}}},
		{{{1, 2}}, {{3}, {4}, {5}}}, // maps of different sizes
		{},
	}
	rng := rand.New(rand.NewPCG(16, 1))
	for _, size := range [][3]int{{1, 1, 1}, {1, 1, 5}, {1, 5, 1}, {5, 1, 1}, {3, 2, 4}, {20, 4, 4}} {
		volumes = append(volumes, randomMaps(rng, size[0], size[1], size[2], 0))
	}
	for _, volume := range volumes {
		var want []float64
		var back [][][]float64
		for _, m := range volume {
			var zeros [][]float64
			for _, row := range m {
				want = append(want, row...)
				zeros = append(zeros, make([]float64, len(row)))
			}
			back = append(back, zeros)
		}
		vector := ones(len(want))
		Flatten(vector, volume)
		near(t, "Flatten", vector, want, 0)
		Unflatten(back, vector)
		near(t, "Unflatten", back, volume, 0)
		clear(vector)
		near(t, "volume after the vector changed", back, want, 0)
	}
}

// checkMasks draws many masks with dropout probability p and checks their statistics. Each entry must
// be 0 with probability p and 1/(1−p) otherwise, independently of all other entries and masks.
func checkMasks(t *testing.T, p float64, draw func() []float64) {
	t.Helper()
	dropped := drawMasks(t, p, draw)
	units, total := len(dropped), 0
	for u := range units {
		count := bothDropped(dropped[u], dropped[u], 0)
		if far(count, maskDraws, p) {
			t.Fatalf("p = %v: unit %d was dropped %d of %d times, want about %.0f", p, u, count, maskDraws, p*maskDraws)
		}
		total += count
	}
	if far(total, maskDraws*units, p) {
		t.Fatalf("p = %v: %d of %d units were dropped, want about %.0f", p, total, maskDraws*units, p*float64(maskDraws*units))
	}
	for lag := range 3 {
		pairs := maskDraws - lag
		for u := range units {
			for v := range units {
				both := bothDropped(dropped[u], dropped[v], lag)
				if same := lag == 0 && u == v; !same && far(both, pairs, p*p) {
					t.Fatalf("p = %v: unit %d and, %d masks later, unit %d were dropped %d of %d times, want about %.0f",
						p, u, lag, v, both, pairs, float64(pairs)*p*p)
				}
			}
		}
	}
}

const maskDraws = 1024 // how many masks checkMasks draws

// drawMasks draws masks and returns a bit set for each unit. Bit k%64 of word k/64 is 1 if mask k
// dropped the unit.
func drawMasks(t *testing.T, p float64, draw func() []float64) (dropped [][]uint64) {
	t.Helper()
	for k := range maskDraws {
		for u, factor := range draw() {
			if k == 0 {
				dropped = append(dropped, make([]uint64, maskDraws/64))
			}
			switch factor {
			case 0:
				dropped[u][k/64] |= 1 << (k % 64)
			case 1 / (1 - p):
			default:
				t.Fatalf("p = %v: the mask of unit %d is %v, want 0 or %v", p, u, factor, 1/(1-p))
			}
		}
	}
	return dropped
}

// bothDropped counts how often unit u was dropped and, lag masks later, unit v.
func bothDropped(u, v []uint64, lag int) (both int) {
	for k, word := range u {
		later := v[k] >> lag
		if k+1 < len(v) {
			later |= v[k+1] << (64 - lag)
		}
		both += bits.OnesCount64(word & later)
	}
	return both
}

// far reports whether a count is off from the n·p of a binomial distribution by more than seven standard
// deviations. That's too far to be chance, even among so many counts.
func far(got, n int, p float64) bool {
	return math.Abs(float64(got)-float64(n)*p) > 7*math.Sqrt(float64(n)*p*(1-p))
}

// A constant is a rand.Source that returns the same value each time. As a Float64 it is c·2⁻⁵³.
type constant uint64

func (c constant) Uint64() uint64 { return uint64(c) }

func TestDropoutMask(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	for _, p := range []float64{0, 0.1, 0.2, 0.5, 0.9} {
		for _, units := range []int{1, 2, 99} {
			mask := randomVector(rng, units, 0)
			checkMasks(t, p, func() []float64 { DropoutMask(mask, p, rng); return mask })
		}
	}
	// A unit is dropped if a draw from [0, 1) is below p, but not if it equals p.
	mask := make([]float64, 1)
	for draw, want := range map[constant]float64{1 << 52: 2, 1<<52 - 1: 0} {
		if DropoutMask(mask, 0.5, rand.New(draw)); mask[0] != want {
			t.Errorf("a draw of %v: the mask is %v, want %v", float64(draw)/(1<<53), mask[0], want)
		}
	}
	for _, p := range []float64{-0.1, 1, 1.5, nan, inf} {
		panics(t, fmt.Sprintf("DropoutMask: p is %v, want 0 ≤ p < 1", p), func() {
			DropoutMask(make([]float64, 3), p, rand.New(rand.NewPCG(1, 1)))
		})
	}
	DropoutMask(mask, 0, nil)
	near(t, "mask for p = 0 and a nil rng", mask, []float64{1}, 0)
	defer func() {
		if recover() == nil {
			t.Error("no panic for p = ½ and a nil rng, want one")
		}
	}()
	DropoutMask(mask, 0.5, nil)
}

func TestDropout(t *testing.T) {
	in, out := []float64{1, 2, 3}, make([]float64, 3)
	Dropout(out, in, []float64{2, 0, 2})
	near(t, "Dropout", out, []float64{2, 0, 6}, 0)
	Dropout(in, in, []float64{2, 0, 2})
	near(t, "Dropout in place", in, out, 0)
	Dropout(out, []float64{nan, nan, 1}, []float64{0, 1, 1})
	near(t, "Dropout of NaN", out, []float64{nan, nan, 1}, 0)
}

func TestFullyConnected(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	// FullyConnected has a buffer on the stack for 512 inputs.
	for _, size := range [][2]int{{1, 1}, {2, 3}, {10, 100}, {7, 323}, {2, 511}, {2, 512}, {2, 513}, {2, 514}, {2, 1000}, {4, 2000}} {
		outs, ins := size[0], size[1]
		for _, zeros := range []int{0, 5} {
			weights, biases := randomMatrix(rng, outs, ins, 0), randomVector(rng, outs, 0)
			in, dOut := randomVector(rng, ins, zeros), randomVector(rng, outs, zeros)
			wantWeights, wantIn := naiveConnectedGrad(weights, in, dOut)
			got := randomVector(rng, outs, 0)
			FullyConnected(got, weights, biases, in)
			near(t, fmt.Sprint("FullyConnected of ", size), got, naiveConnected(weights, biases, in), 1e-13)
			dWeights, dBiases := NewMatrix(outs, ins), make([]float64, outs)
			AddFullyConnectedWeightGrad(dWeights, dBiases, in, dOut)
			near(t, "gradient of the weights", dWeights, wantWeights, rounding)
			near(t, "gradient of the biases", dBiases, dOut, 0)
			dIn := randomVector(rng, ins, 0)
			FullyConnectedInputGrad(dIn, weights, dOut)
			near(t, "gradient at the input", dIn, wantIn, rounding)
		}
	}
}

// NaN reaches every sum it is part of. 0·∞ and 0·NaN count as 0.
func TestFullyConnectedDoesNotHideNaN(t *testing.T) {
	two, one, dWeights := make([]float64, 2), make([]float64, 1), NewMatrix(1, 2)
	FullyConnected(two, [][]float64{{1, 1}, {1, 1}}, ones(2), []float64{1, nan})
	allNaN(t, "FullyConnected", two)
	FullyConnectedInputGrad(two, [][]float64{{1, 1}}, []float64{nan})
	allNaN(t, "FullyConnectedInputGrad", two)
	AddFullyConnectedWeightGrad(dWeights, one, []float64{1, 1}, []float64{nan})
	allNaN(t, "AddFullyConnectedWeightGrad, weights", dWeights)
	allNaN(t, "AddFullyConnectedWeightGrad, biases", one)

	FullyConnected(two, [][]float64{{inf, 1}, {nan, 0}}, []float64{0, 0}, []float64{0, 2})
	near(t, "FullyConnected, 0·∞", two, []float64{2, 0}, 0)
	one[0] = 0
	AddFullyConnectedWeightGrad(NewMatrix(1, 2), one, []float64{inf, 1}, []float64{3})
	near(t, "AddFullyConnectedWeightGrad, biases", one, []float64{3}, 0)
	dWeights = NewMatrix(1, 2)
	AddFullyConnectedWeightGrad(dWeights, one, []float64{inf, 1}, []float64{0})
	near(t, "AddFullyConnectedWeightGrad, 0·∞", dWeights, []float64{0, 0}, 0)
	FullyConnectedInputGrad(two, [][]float64{{inf, nan}, {1, 2}}, []float64{0, 1})
	near(t, "FullyConnectedInputGrad, 0·∞", two, []float64{1, 2}, 0)
}

// Every class can be the label, and every class can have the largest logit.
func TestSoftmaxAndCrossEntropy(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 1))
	for _, classes := range []int{1, 2, 3, 10, 50} {
		for top := range classes {
			logits := randomVector(rng, classes, 0)
			logits[top] += 5
			want, got := naiveSoftmax(logits), ones(classes)
			Softmax(got, logits)
			near(t, fmt.Sprintf("Softmax(%v)", logits), got, want, rounding)
			for label, p := range want {
				loss := -math.Log(p)
				if got := CrossEntropy(logits, label); !(math.Abs(got-loss) <= rounding*max(1, loss)) {
					t.Errorf("CrossEntropy(%v, %d) = %v, want %v", logits, label, got, loss)
				}
				dLogits := ones(classes)
				CrossEntropyGrad(dLogits, got, label)
				target := make([]float64, classes)
				target[label] = 1
				for k := range target {
					target[k] = want[k] - target[k]
				}
				near(t, fmt.Sprintf("CrossEntropyGrad(%v, %d)", got, label), dLogits, target, 10*rounding)
				CrossEntropyGrad(got, got, label)
				near(t, "CrossEntropyGrad in place", got, dLogits, 0)
				Softmax(got, logits)
			}
			Softmax(logits, logits)
			near(t, "Softmax in place", logits, got, 0)
		}
	}
}

// largeLogits returns logits so large that exp would overflow, or so far apart that a probability
// underflows to 0. The largest logit comes first, second or last.
func largeLogits() (all [][]float64) {
	for _, l := range [][]float64{{1e4, 0, -1e4}, {1e4, 1e4 - 1, -1e4}, {1e300, 0, -1e300}, {0, -1, -1e300}, {800, 0, -800}, {-800, -801, -1600}} {
		all = append(all, l, []float64{l[1], l[0], l[2]}, []float64{l[2], l[1], l[0]})
	}
	return all
}

// shifted returns logits with the same softmax of which the largest is 0.
func shifted(logits []float64) []float64 {
	s := slices.Clone(logits)
	for k := range s {
		s[k] -= slices.Max(logits)
	}
	return s
}

func TestSoftmaxOfLargeLogits(t *testing.T) {
	p := make([]float64, 3)
	for _, logits := range largeLogits() {
		Softmax(p, logits)
		near(t, fmt.Sprintf("Softmax(%v)", logits), p, naiveSoftmax(shifted(logits)), rounding)
		for label := range p {
			dLogits := make([]float64, 3)
			CrossEntropyGrad(dLogits, p, label)
			if l := largest(dLogits); !(l <= 1) {
				t.Errorf("CrossEntropyGrad(%v, %d) = %v, want values from −1 to 1", p, label, dLogits)
			}
		}
	}
	for _, l := range []float64{1e4, -1e4, 1e300, -1e300} {
		Softmax(p, []float64{l, l, l})
		near(t, fmt.Sprint("Softmax of equal logits ", l), p, []float64{1. / 3, 1. / 3, 1. / 3}, rounding)
	}
	Softmax(p, []float64{1, nan, 2})
	allNaN(t, "Softmax with NaN", p)
}

// The loss is finite even where the probability of the label underflows to 0.
func TestCrossEntropyIsFinite(t *testing.T) {
	for _, logits := range largeLogits() {
		small, sum := shifted(logits), 0.0
		for _, l := range small {
			sum += math.Exp(l) // 1 if the other two underflow
		}
		for label, l := range small {
			near(t, fmt.Sprintf("CrossEntropy(%v, %d)", logits, label), []float64{CrossEntropy(logits, label)}, []float64{math.Log(sum) - l}, rounding)
		}
	}
	for label := range 3 {
		for _, l := range []float64{1e4, -1e4, 1e300, -1e300} {
			near(t, fmt.Sprint("loss for equal logits ", l), []float64{CrossEntropy([]float64{l, l, l}, label)}, []float64{math.Log(3)}, rounding)
		}
		allNaN(t, "CrossEntropy with NaN", []float64{CrossEntropy([]float64{1, nan, 2}, label)})
	}
}

// No value is so small that it may be skipped, except 0.
func TestSmallValuesCount(t *testing.T) {
	const small = 1e-300
	for _, s := range []float64{small, -small} {
		for _, cols := range []int{1, 5} { // kernels 5 wide are a special case
			in, one := NewVolume(1, 1, cols), [][][]float64{{{s}}}
			setEach(in, func() float64 { return s })
			out, dFilters, dIn := NewVolume(1, 1, 1), NewMatrix(1, cols), NewVolume(1, 1, cols)
			Conv2D(out, in, asMatrix(ones(cols)))
			AddConv2DFilterGrad(dFilters, [][][]float64{asMatrix(ones(cols))}, one)
			Conv2DInputGrad(dIn, asMatrix(ones(cols)), one)
			near(t, "Conv2D", out, []float64{float64(cols) * s}, rounding)
			near(t, "AddConv2DFilterGrad", dFilters, in, 0)
			near(t, "Conv2DInputGrad", dIn, in, 0)
		}
		out, dWeights := make([]float64, 1), NewMatrix(1, 1)
		FullyConnected(out, [][]float64{{1}}, []float64{0}, []float64{s})
		near(t, "FullyConnected", out, []float64{s}, 0)
		FullyConnectedInputGrad(out, [][]float64{{1}}, []float64{s})
		near(t, "FullyConnectedInputGrad", out, []float64{s}, 0)
		out[0] = 0
		AddFullyConnectedWeightGrad(dWeights, out, []float64{1}, []float64{s})
		near(t, "AddFullyConnectedWeightGrad, weights", dWeights, []float64{s}, 0)
		near(t, "AddFullyConnectedWeightGrad, biases", out, []float64{s}, 0)
		Dropout(out, []float64{s}, []float64{2})
		near(t, "Dropout", out, []float64{2 * s}, 0)
		ReLU(asMatrix(out), [][]float64{{s}})
		near(t, "ReLU", out, []float64{max(0, s)}, 0)
		ReLUGrad(asMatrix(out), [][]float64{{small}}, [][]float64{{s}})
		near(t, "ReLUGrad", out, []float64{s}, 0)
		MaxPool(asMatrix(out), [][]float64{{2 * s, s}, {2 * s, 2 * s}})
		near(t, "MaxPool", out, []float64{max(s, 2*s)}, 0)
	}
}

// If any size of any argument is off by one, the function panics. The message names the function and
// the argument, the size it found and the size it wanted.
func TestWrongShapesPanic(t *testing.T) {
	m := NewMatrix
	v := func(n int) []float64 { return make([]float64, n) }
	// two returns a volume of two maps: the first has the right size, and the second may not.
	two := func(rows, cols, rows2, cols2 int) [][][]float64 {
		return [][][]float64{NewMatrix(rows, cols), NewMatrix(rows2, cols2)}
	}
	type size struct {
		of   string // the argument's name in the message
		want int
	}
	conv := []size{{"a channel of the output", 3}, {"a channel of the output", 4},
		{"a channel of the input", 5}, {"a channel of the input", 7}, {"the filter matrix", 2}, {"the filter matrix", 24}}
	for _, c := range []struct {
		name  string
		sizes []size
		call  func(s []int)
	}{
		{"Conv2D", conv, func(s []int) { Conv2D(two(3, 4, s[0], s[1]), two(5, 7, s[2], s[3]), m(s[4], s[5])) }},
		{"AddConv2DFilterGrad", conv, func(s []int) { AddConv2DFilterGrad(m(s[4], s[5]), two(5, 7, s[2], s[3]), two(3, 4, s[0], s[1])) }},
		{"Conv2DInputGrad", conv, func(s []int) { Conv2DInputGrad(two(5, 7, s[2], s[3]), m(s[4], s[5]), two(3, 4, s[0], s[1])) }},
		{"ReLU", []size{{"dst", 3}, {"a row of dst", 4}}, func(s []int) { ReLU(m(s[0], s[1]), m(3, 4)) }},
		{"ReLUGrad", []size{{"dIn", 3}, {"a row of dIn", 4}, {"dOut", 3}, {"a row of dOut", 4}}, func(s []int) { ReLUGrad(m(s[0], s[1]), m(3, 4), m(s[2], s[3])) }},
		{"MaxPool", []size{{"dst", 2}, {"dst", 3}}, func(s []int) { MaxPool(m(s[0], s[1]), m(4, 6)) }},
		{"MaxPoolGrad", []size{{"dIn", 4}, {"dIn", 6}, {"dOut", 2}, {"dOut", 3}}, func(s []int) { MaxPoolGrad(m(s[0], s[1]), m(4, 6), m(s[2], s[3])) }},
		{"Flatten", []size{{"vector", 12}}, func(s []int) { Flatten(v(s[0]), NewVolume(2, 2, 3)) }},
		{"Unflatten", []size{{"vector", 12}}, func(s []int) { Unflatten(NewVolume(2, 2, 3), v(s[0])) }},
		{"Dropout", []size{{"dst", 3}, {"mask", 3}}, func(s []int) { Dropout(v(s[0]), v(3), v(s[1])) }},
		{"FullyConnected", []size{{"weights", 3}, {"weights", 4}, {"biases", 3}}, func(s []int) { FullyConnected(v(3), m(s[0], s[1]), v(s[2]), v(4)) }},
		{"AddFullyConnectedWeightGrad", []size{{"dWeights", 3}, {"dWeights", 4}, {"dBiases", 3}}, func(s []int) { AddFullyConnectedWeightGrad(m(s[0], s[1]), v(s[2]), v(4), ones(3)) }},
		{"FullyConnectedInputGrad", []size{{"weights", 3}, {"weights", 4}}, func(s []int) { FullyConnectedInputGrad(v(4), m(s[0], s[1]), ones(3)) }},
		{"Softmax", []size{{"dst", 3}}, func(s []int) { Softmax(v(s[0]), v(3)) }},
		{"CrossEntropyGrad", []size{{"dLogits", 3}}, func(s []int) { CrossEntropyGrad(v(s[0]), v(3), 0) }},
		{"NewImage", []size{{"pixels", 784}}, func(s []int) { NewImage(make([]byte, s[0])) }},
		{"Update", []size{{"grad.Parameters", parameters}}, func(s []int) { NewGradient().Update(&Network{Parameters: v(s[0])}, 0) }},
		{"Clone", []size{{"n.Parameters", parameters}}, func(s []int) { (&Network{Parameters: v(s[0])}).Clone() }},
		{"Forward", []size{{"image", 28}, {"image", 28}}, func(s []int) { NewGradient().Forward(NewActivations(), m(s[0], s[1])) }},
	} {
		var sizes []int
		for _, s := range c.sizes {
			sizes = append(sizes, s.want)
		}
		c.call(sizes)
		for k, s := range c.sizes {
			for _, found := range []int{s.want - 1, s.want + 1} {
				sizes[k] = found
				message := panics(t, c.name+": "+s.of+" ", func() { c.call(sizes) })
				is, wanted, _ := strings.Cut(strings.TrimPrefix(message, "convnet: "+c.name+": "), ", want ")
				if !strings.Contains(is, strconv.Itoa(found)) || !strings.Contains(wanted, strconv.Itoa(s.want)) {
					t.Errorf("sizes %v: panic %q, want it to name %d and %d", sizes, message, found, s.want)
				}
			}
			sizes[k] = s.want
		}
	}
	for _, c := range []struct {
		want string
		call func()
	}{
		{"Conv2D: found 0 input channels and 2 output channels, want at least 1 of each", func() { Conv2D(NewVolume(2, 8, 8), nil, m(2, 0)) }},
		{"Conv2D: found 2 input channels and 0 output channels", func() { Conv2D(nil, NewVolume(2, 8, 8), nil) }},
		{"Conv2D: the output is 13×13, want 1×1 to 12×12, the size of the input", func() { Conv2D(NewVolume(3, 13, 13), NewVolume(2, 12, 12), m(3, 0)) }},
		{"Conv2D: the output is 2×5, want 1×1 to 4×4", func() { Conv2D(NewVolume(3, 2, 5), NewVolume(2, 4, 4), m(3, 0)) }},
		{"Conv2D: the output is 5×2, want 1×1 to 4×4", func() { Conv2D(NewVolume(3, 5, 2), NewVolume(2, 4, 4), m(3, 0)) }},
		{"Conv2D: the output is 9×1, want 1×1 to 5×7", func() { Conv2D(NewVolume(1, 9, 1), NewVolume(1, 5, 7), nil) }},
		{"Conv2D: the output is 0×0, want 1×1 to 4×4", func() { Conv2D(NewVolume(3, 0, 0), NewVolume(2, 4, 4), m(3, 50)) }},
		{"Conv2D: the output is 3×0, want 1×1 to 4×4", func() { Conv2D(NewVolume(3, 3, 0), NewVolume(2, 4, 4), m(3, 20)) }},
		{"AddConv2DFilterGrad: the output is 13×13, want 1×1 to 12×12", func() { AddConv2DFilterGrad(m(3, 50), NewVolume(2, 12, 12), NewVolume(3, 13, 13)) }},
		{"Conv2DInputGrad: the output is 13×13, want 1×1 to 12×12", func() { Conv2DInputGrad(NewVolume(2, 12, 12), m(3, 50), NewVolume(3, 13, 13)) }},
		{"Conv2D: the filter matrix is 3×49, want 3×50", func() { Conv2D(NewVolume(3, 8, 8), NewVolume(2, 12, 12), m(3, 49)) }},
		{"Conv2D: a channel of the output is 8×7, want 8×8", func() { Conv2D(two(8, 8, 8, 7), NewVolume(2, 12, 12), m(2, 50)) }},
		{"Conv2D: a channel of the input is 11×12, want 12×12", func() { Conv2D(NewVolume(2, 8, 8), two(12, 12, 11, 12), m(2, 50)) }},
		{"ReLU: dst has length 3, want 4", func() { ReLU(m(3, 4), m(4, 4)) }},
		{"ReLUGrad: a row of dIn has length 3, want 4", func() { ReLUGrad(m(4, 3), m(4, 4), m(4, 4)) }},
		{"ReLUGrad: a row of dOut has length 5, want 4", func() { ReLUGrad(m(4, 4), m(4, 4), m(4, 5)) }},
		{"MaxPool: dst is 2×2, want 3×2", func() { MaxPool(m(2, 2), m(6, 4)) }},
		{"MaxPoolGrad: dOut is 2×2, want 2×3", func() { MaxPoolGrad(m(4, 6), m(4, 6), m(2, 2)) }},
		{"Flatten: vector has length 1, want 0", func() { Flatten(v(1), nil) }},
		{"Dropout: mask has length 4, want 3", func() { Dropout(v(3), v(3), v(4)) }},
		{"FullyConnected: biases has length 3, want 2", func() { FullyConnected(v(2), m(2, 3), v(3), v(3)) }},
		{"AddFullyConnectedWeightGrad: dBiases has length 1, want 2", func() { AddFullyConnectedWeightGrad(m(2, 3), v(1), v(3), v(2)) }},
		{"Softmax: found no logits, want at least 1", func() { Softmax(nil, nil) }},
		{"Softmax: found no logits, want at least 1", func() { Softmax(v(1), nil) }},
		{"Softmax: found no logits, want at least 1", func() { Softmax(v(0), v(0)) }},
		{"CrossEntropy: label is 0, want 0 ≤ label < 0", func() { CrossEntropy(nil, 0) }},
		{"Forward: a is empty: make it with NewActivations", func() { New(1).Forward(new(Activations), m(28, 28)) }},
		{"Forward: a is empty", func() { New(1).Predict(new(Activations), m(28, 28)) }},
		{"Conv2D: the filter matrix is 0×0", func() { new(Network).Forward(NewActivations(), m(28, 28)) }},
		{"CrossEntropyGrad: dLogits has length 0, want", func() { New(1).Backward(NewGradient(), new(Activations), NewActivations(), 0) }},
		{"AddFullyConnectedWeightGrad: dWeights is 0×0", func() { New(1).Backward(new(Network), NewActivations(), NewActivations(), 0) }},
		{"Clone: n.Parameters has length 0, want", func() { new(Network).Clone() }},
		{"Update: grad.Parameters has length 0, want", func() { New(1).Update(new(Network), 1) }},
	} {
		panics(t, c.want, c.call)
	}
}

func TestWrongLabelsPanic(t *testing.T) {
	n, grad, d, a := New(1), NewGradient(), NewActivations(), NewActivations()
	for _, size := range []int{1, 3, classes, 12} {
		for _, label := range []int{-1, size, size + 1, math.MinInt, math.MaxInt} {
			want := fmt.Sprintf("label is %d, want 0 ≤ label < %d", label, size)
			panics(t, "CrossEntropy: "+want, func() { CrossEntropy(make([]float64, size), label) })
			panics(t, "CrossEntropyGrad: "+want, func() { CrossEntropyGrad(make([]float64, size), make([]float64, size), label) })
			if size == classes {
				panics(t, want, func() { n.TrainStep(grad, d, a, Digit{NewMatrix(28, 28), label}, 1) })
				panics(t, want, func() { n.Backward(grad, d, a, label) })
			}
		}
	}
}

// Every row must have the right length, whatever its capacity. Otherwise a function could write past
// the end of a short row, into the next.
func TestRaggedRowsPanic(t *testing.T) {
	// ragged returns a rows×cols matrix in which row y is shorter (by = −1) or longer (by = 1), and has
	// spare capacity.
	ragged := func(rows, cols, y, by int) [][]float64 {
		m := NewMatrix(rows, cols)
		m[y] = make([]float64, cols+by, 2*cols)
		return m
	}
	channels := func(m [][]float64) [][][]float64 { return [][][]float64{m} }
	n, a := NewGradient(), NewActivations()
	for _, c := range []struct {
		name, row  string // the function, and row y's name in the message
		rows, cols int
		call       func(m [][]float64)
	}{
		{"Conv2D", "row y of a channel of the output", 3, 4, func(m [][]float64) { Conv2D(channels(m), NewVolume(1, 5, 6), NewMatrix(1, 9)) }},
		{"Conv2D", "row y of a channel of the input", 5, 6, func(m [][]float64) { Conv2D(NewVolume(1, 3, 4), channels(m), NewMatrix(1, 9)) }},
		{"Conv2D", "row y of the filter matrix", 3, 9, func(m [][]float64) { Conv2D(NewVolume(3, 3, 4), NewVolume(1, 5, 6), m) }},
		{"AddConv2DFilterGrad", "row y of the filter matrix", 3, 9, func(m [][]float64) { AddConv2DFilterGrad(m, NewVolume(1, 5, 6), NewVolume(3, 3, 4)) }},
		{"AddConv2DFilterGrad", "row y of a channel of the input", 5, 6, func(m [][]float64) { AddConv2DFilterGrad(NewMatrix(1, 9), channels(m), NewVolume(1, 3, 4)) }},
		{"AddConv2DFilterGrad", "row y of a channel of the output", 3, 4, func(m [][]float64) { AddConv2DFilterGrad(NewMatrix(1, 9), NewVolume(1, 5, 6), channels(m)) }},
		{"Conv2DInputGrad", "row y of a channel of the input", 5, 6, func(m [][]float64) { Conv2DInputGrad(channels(m), NewMatrix(1, 9), NewVolume(1, 3, 4)) }},
		{"Conv2DInputGrad", "row y of the filter matrix", 3, 9, func(m [][]float64) { Conv2DInputGrad(NewVolume(1, 5, 6), m, NewVolume(3, 3, 4)) }},
		{"Conv2DInputGrad", "row y of a channel of the output", 3, 4, func(m [][]float64) { Conv2DInputGrad(NewVolume(1, 5, 6), NewMatrix(1, 9), channels(m)) }},
		{"ReLU", "a row of dst", 3, 4, func(m [][]float64) { ReLU(m, NewMatrix(3, 4)) }},
		{"ReLU", "a row of dst", 3, 4, func(m [][]float64) { ReLU(NewMatrix(3, 4), m) }},
		{"ReLUGrad", "a row of dIn", 3, 4, func(m [][]float64) { ReLUGrad(m, NewMatrix(3, 4), NewMatrix(3, 4)) }},
		{"ReLUGrad", "a row of dIn", 3, 4, func(m [][]float64) { ReLUGrad(NewMatrix(3, 4), m, NewMatrix(3, 4)) }},
		{"ReLUGrad", "a row of dOut", 3, 4, func(m [][]float64) { ReLUGrad(NewMatrix(3, 4), NewMatrix(3, 4), m) }},
		{"MaxPool", "row y of dst", 3, 4, func(m [][]float64) { MaxPool(m, NewMatrix(6, 8)) }},
		{"MaxPool", "row y of in", 6, 8, func(m [][]float64) { MaxPool(NewMatrix(3, 4), m) }},
		{"MaxPoolGrad", "row y of dIn", 6, 8, func(m [][]float64) { MaxPoolGrad(m, NewMatrix(6, 8), NewMatrix(3, 4)) }},
		{"MaxPoolGrad", "row y of in", 6, 8, func(m [][]float64) { MaxPoolGrad(NewMatrix(6, 8), m, NewMatrix(3, 4)) }},
		{"MaxPoolGrad", "row y of dOut", 3, 4, func(m [][]float64) { MaxPoolGrad(NewMatrix(6, 8), NewMatrix(6, 8), m) }},
		{"FullyConnected", "row y of weights", 3, 4, func(m [][]float64) { FullyConnected(ones(3), m, ones(3), ones(4)) }},
		{"AddFullyConnectedWeightGrad", "row y of dWeights", 3, 4, func(m [][]float64) { AddFullyConnectedWeightGrad(m, ones(3), ones(4), ones(3)) }},
		{"FullyConnectedInputGrad", "row y of weights", 3, 4, func(m [][]float64) { FullyConnectedInputGrad(ones(4), m, ones(3)) }},
		{"Forward", "row y of image", ImageSide, ImageSide, func(m [][]float64) { n.Forward(a, m) }},
	} {
		c.call(NewMatrix(c.rows, c.cols))
		for y := range c.rows {
			for _, by := range []int{-1, 1} {
				m := ragged(c.rows, c.cols, y, by)
				message := panics(t, c.name+": ", func() { c.call(m) })
				if y > 0 { // the others are compared with row 0
					row := strings.Replace(c.row, "row y", fmt.Sprint("row ", y), 1)
					_, lengths, _ := strings.Cut(message, ": "+row+" has length ")
					if !strings.Contains(lengths, strconv.Itoa(c.cols)) || !strings.Contains(lengths, strconv.Itoa(c.cols+by)) {
						t.Errorf("%s: panic %q, want it to name %s, %d and %d", c.name, message, row, c.cols+by, c.cols)
					}
				}
				if spare := m[y][len(m[y]):cap(m[y])]; largest(spare) != 0 {
					t.Errorf("%s: wrote %v past the end of row %d", c.name, spare, y)
				}
			}
		}
	}
}
