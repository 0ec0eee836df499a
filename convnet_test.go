package convnet

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// embedded reads the embedded digits, once, from where they lie.
var embedded = sync.OnceValue(func() (d struct {
	train, test []Digit
	err         error
}) {
	d.train, d.test, d.err = ReadMNIST(os.DirFS("examples/mnist"))
	return d
})

// needStored skips a test against figures that are stored for one architecture.
func needStored(t testing.TB) {
	t.Helper()
	if [...]int{kernel, filters1, filters2, hidden, classes} != [...]int{5, 10, 20, 100, 10} {
		t.Skip("stored for 10, 20, 100")
	}
}

// readMNIST returns the embedded digits, which no test may change.
func readMNIST(t testing.TB) (train, test []Digit) {
	t.Helper()
	d := embedded()
	if d.err != nil {
		t.Fatal(d.err)
	}
	return d.train, d.test
}

// A trainer holds what training writes.
type trainer struct {
	network, grad *Network
	d, a          *Activations
	rate, dropout float64
	rng           *rand.Rand
}

func newTrainer(seed uint64, rate, dropout float64) *trainer {
	t := &trainer{New(seed), NewGradient(), NewActivations(), NewActivations(), rate, dropout, rand.New(rand.NewPCG(seed, 1))}
	return t
}

func (t *trainer) step(digit Digit) (loss float64) {
	t.a.DrawMasks(t.dropout, t.rng)
	return t.network.TrainStep(t.grad, t.d, t.a, digit, t.rate)
}

// Each weight is a draw from N(0,1) over exactly √fan-in, each bias 0.
func TestNewDividesByRootOfFanIn(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	fanIn := map[string]float64{"conv1.weight": kernel * kernel, "conv2.weight": filters1 * kernel * kernel, "fc1.weight": flat, "fc2.weight": hidden}
	for _, tensor := range New(3).Tensors() {
		root := math.Sqrt(fanIn[tensor.Name])
		sum, squares := 0.0, 0.0
		for k, got := range tensor.Data {
			want := 0.0
			if root > 0 {
				want = rng.NormFloat64() / root
			}
			if got != want {
				t.Fatalf("%s: number %d is %v, want %v", tensor.Name, k, got, want)
			}
			sum += got * root
			squares += got * root * got * root
		}
		if count := float64(len(tensor.Data)); root > 0 {
			// Five standard errors of a mean and of a variance.
			if mean := sum / count; math.Abs(mean) > 5/math.Sqrt(count) {
				t.Errorf("%s: mean of weight·√fan-in is %.3f, want 0", tensor.Name, mean)
			}
			if variance := squares / count; math.Abs(variance-1) > 5*math.Sqrt(2/count) {
				t.Errorf("%s: variance of weight·√fan-in is %.3f, want 1", tensor.Name, variance)
			}
		}
	}
}

// Tensors has PyTorch's names and shapes, and together the six cover Parameters in
// order, without gaps.
func TestTensors(t *testing.T) {
	n := NewGradient()
	for k := range n.Parameters {
		n.Parameters[k] = float64(k)
	}
	tensors, at := n.Tensors(), 0
	for i, want := range []struct {
		name  string
		shape []int
		data  any
	}{
		{"conv1.weight", []int{filters1, 1, kernel, kernel}, n.Filters1},
		{"conv2.weight", []int{filters2, filters1, kernel, kernel}, n.Filters2},
		{"fc1.weight", []int{hidden, flat}, n.Weights1},
		{"fc1.bias", []int{hidden}, n.Biases1},
		{"fc2.weight", []int{classes, hidden}, n.Weights2},
		{"fc2.bias", []int{classes}, n.Biases2},
	} {
		got := tensors[i]
		if got.Name != want.name || !slices.Equal(got.Shape, want.shape) {
			t.Errorf("tensor %d is %s %v, want %s %v", i, got.Name, got.Shape, want.name, want.shape)
		}
		near(t, want.name, got.Data, want.data, 0)
		size := 1
		for _, length := range got.Shape {
			size *= length
		}
		if got.Data[0] != float64(at) || len(got.Data) != size {
			t.Errorf("%s: %d values from %v, want %d from %d", got.Name, len(got.Data), got.Data[0], size, at)
		}
		got.Data[0] = -1
		if n.Parameters[at] != -1 {
			t.Errorf("%s: its Data is a copy, want a slice of Parameters", got.Name)
		}
		at += size
	}
	if len(tensors) != 6 || len(n.Parameters) != at {
		t.Errorf("%d tensors with %d values, want 6 with all %d parameters", len(tensors), at, len(n.Parameters))
	}
}

// A Network that New and NewGradient did not make has no tensors.
func TestTensorsNeedsAWholeNetwork(t *testing.T) {
	for _, size := range []int{0, parameters - 1, parameters + 1} {
		want := fmt.Sprintf("convnet: Tensors: the network has %d parameters, want %d: make it with New, NewGradient or Clone", size, parameters)
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("%d parameters: panic %v, want %q", size, got, want)
				}
			}()
			(&Network{Parameters: make([]float64, size)}).Tensors()
		}()
	}
}

// naiveForward computes the logits by the plain loops of layer_test.go.
func naiveForward(n *Network, image [][]float64, mask1, mask2 []float64) []float64 {
	maps := [][][]float64{image}
	for _, filters := range [][][]float64{n.Filters1, n.Filters2} {
		maps = naiveConv2D(maps, filters, kernel)
		for c := range maps {
			for _, row := range maps[c] {
				for x := range row {
					row[x] = math.Max(0, row[x])
				}
			}
			maps[c], _ = naivePool(maps[c])
		}
	}
	hidden := slices.Clone(n.Biases1)
	for i := range hidden {
		for j, v := range numbers(maps) {
			hidden[i] += n.Weights1[i][j] * v * mask1[j]
		}
		hidden[i] = math.Max(0, hidden[i]) * mask2[i]
	}
	logits := slices.Clone(n.Biases2)
	for i := range logits {
		for j, v := range hidden {
			logits[i] += n.Weights2[i][j] * v
		}
	}
	return logits
}

func TestForwardEqualsPlainLoops(t *testing.T) {
	t.Parallel()
	_, test := readMNIST(t)
	n, a := New(1), NewActivations()
	rng := rand.New(rand.NewPCG(4, 1))
	fill(n.Biases1, rng, 0)
	fill(n.Biases2, rng, 0)
	for k, digit := range test[:4] {
		if k >= 2 {
			a.DrawMasks(0.5, rng)
		}
		n.Forward(a, digit.Image)
		near(t, fmt.Sprint("logits of digit ", k), a.Logits, naiveForward(n, digit.Image, a.Mask1, a.Mask2), 1e-13)
		sum := 0.0
		for _, p := range a.Probabilities {
			sum += p
		}
		near(t, "sum of the probabilities", []float64{sum}, []float64{1}, rounding)
	}
}

// Predict keeps every unit, whatever masks training left behind.
func TestPredictDropsNothing(t *testing.T) {
	_, test := readMNIST(t)
	n, a := New(1), NewActivations()
	a.DrawMasks(0.9, rand.New(rand.NewPCG(5, 1)))
	prediction := n.Predict(a, test[0].Image)
	want := NewActivations()
	n.Forward(want, test[0].Image)
	near(t, "logits", a.Logits, want.Logits, 0)
	if prediction != want.Prediction() {
		t.Errorf("Predict returns %d, want %d", prediction, want.Prediction())
	}
}

func TestPredictionIsTheLargestLogit(t *testing.T) {
	a := NewActivations()
	for want := range 10 {
		for k := range a.Logits {
			a.Logits[k] = -1
		}
		a.Logits[want] = -0.5
		if got := a.Prediction(); got != want {
			t.Errorf("Prediction is %d for logits %v, want %d", got, a.Logits, want)
		}
	}
	clear(a.Logits)
	if got := a.Prediction(); got != 0 {
		t.Errorf("Prediction is %d on a tie of all, want the first, 0", got)
	}
}

// Without dropout the first loss is near log 10: an untrained network knows nothing.
func checkFirstLoss(t testing.TB, see func(digits []Digit) []Digit) {
	train, _ := readMNIST(t)
	n, a := New(1), NewActivations()
	sum := 0.0
	for _, digit := range see(train[:200]) {
		n.Forward(a, digit.Image)
		sum += CrossEntropy(a.Logits, digit.Label)
	}
	mean := sum / 200
	t.Logf("the mean loss of an untrained network is %.4f, log 10 is %.4f", mean, math.Ln10)
	if math.Abs(mean-math.Ln10) > 0.15 {
		t.Errorf("the mean loss of an untrained network is %.3f, want about log 10 = %.3f", mean, math.Ln10)
	}
}

func TestFirstLossIsNearLog10(t *testing.T) {
	checkFirstLoss(t, func(digits []Digit) []Digit { return digits })
}

// A network that can't overfit twenty digits has a bug in it.
func TestOverfitsTwentyDigits(t *testing.T) {
	t.Parallel()
	train, _ := readMNIST(t)
	trainer := newTrainer(1, 0.02, 0)
	worst := 0.0
	for epoch := 1; epoch <= 60; epoch++ {
		worst = 0
		for _, digit := range train[:20] {
			worst = max(worst, trainer.step(digit))
		}
		if epoch == 1 || epoch%20 == 0 {
			t.Logf("twenty digits, epoch %2d: the largest loss is %.4f", epoch, worst)
		}
	}
	if correct := trainer.network.CountCorrect(train[:20]); correct != 20 || worst > 0.01 {
		t.Errorf("after 60 epochs: %d of 20 correct, worst loss %.4f, want 20 and at most 0.01", correct, worst)
	}
}

// After one epoch on 2,000 digits the network generalizes: it classifies most test digits
// correctly.
func TestGeneralizes(t *testing.T) {
	t.Parallel()
	train, test := readMNIST(t)
	trainer := newTrainer(1, 0.0062, 0.5)
	before := trainer.network.CountCorrect(test[:500])
	for _, digit := range train[:2000] {
		trainer.step(digit)
	}
	after := trainer.network.CountCorrect(test[:500])
	t.Logf("correct for %d of 500 test digits untrained, and for %d after 2,000 steps", before, after)
	least := 350
	if flat < 320 {
		least = 250 // a smaller network learns more slowly
	}
	if before > 150 || after < least {
		t.Errorf("correct for %d of 500 untrained and for %d after 2,000 steps, want at most 150 and at least %d", before, after, least)
	}
}

// checkStep compares training steps with Forward, Backward and the formula of Update. A step
// must leave its gradient cleared for the next one.
func checkStep(t testing.TB, step func(n, grad *Network, d, a *Activations, digit Digit, rate float64) float64) {
	train, _ := readMNIST(t)
	got, gotGradient, gotErrors := New(2), NewGradient(), NewActivations()
	n, grad, d := New(2), NewGradient(), NewActivations()
	a := NewActivations()
	rng := rand.New(rand.NewPCG(2, 1))
	for k, digit := range train[:5] {
		a.DrawMasks(0.5, rng)
		loss := step(got, gotGradient, gotErrors, a, digit, 0.03)
		n.Forward(a, digit.Image)
		near(t, "loss", []float64{loss}, []float64{CrossEntropy(a.Logits, digit.Label)}, 0)
		grad.Clear()
		n.Backward(grad, d, a, digit.Label)
		for k, g := range grad.Parameters {
			n.Parameters[k] -= 0.03 * g
		}
		near(t, fmt.Sprintf("parameters after step %d", k), got.Parameters, n.Parameters, 0)
		near(t, fmt.Sprintf("gradient after step %d", k), gotGradient.Parameters, make([]float64, parameters), 0)
	}
}

func TestTrainStepIsForwardBackwardUpdate(t *testing.T) {
	checkStep(t, (*Network).TrainStep)
}

// A clone has the same parameters in memory of its own.
func TestClone(t *testing.T) {
	train, _ := readMNIST(t)
	n := New(1)
	before, clone := slices.Clone(n.Parameters), n.Clone()
	near(t, "clone", clone.Parameters, before, 0)
	clone.TrainStep(NewGradient(), NewActivations(), NewActivations(), train[0], 0.01)
	near(t, "network after its clone's step", n.Parameters, before, 0)
	for k, tensor := range clone.Tensors() {
		if slices.Equal(tensor.Data, n.Tensors()[k].Data) {
			t.Errorf("the clone's %s didn't take the step", tensor.Name)
		}
	}
	near(t, "clone's tensors", clone.Parameters, slices.Concat(numbers(clone.Filters1), numbers(clone.Filters2),
		numbers(clone.Weights1), clone.Biases1, numbers(clone.Weights2), clone.Biases2), 0)
}

// Every parameter that has a gradient takes its step, whatever the architecture.
func TestTrainStepMovesEveryParameter(t *testing.T) {
	train, _ := readMNIST(t)
	trainer := newTrainer(1, 0.01, 0)
	before := trainer.network.Clone()
	for _, digit := range train[:100] {
		trainer.step(digit)
	}
	for k, tensor := range trainer.network.Tensors() {
		still := 0
		for i, v := range tensor.Data {
			if v == before.Tensors()[k].Data[i] {
				still++
			}
		}
		most := len(tensor.Data) / 4 // some hidden units are off for all digits
		if strings.HasPrefix(tensor.Name, "conv") {
			most = len(tensor.Data) / 20
		}
		if still > most {
			t.Errorf("%s: %d of %d parameters haven't moved in 100 steps", tensor.Name, still, len(tensor.Data))
		}
	}
}

// The same seed gives the same bits.
func TestSameSeedSameBits(t *testing.T) {
	train, _ := readMNIST(t)
	run := func(seed uint64) []float64 {
		trainer := newTrainer(seed, 0.01, 0.5)
		for _, digit := range train[:50] {
			trainer.step(digit)
		}
		return trainer.network.Parameters
	}
	first := run(1)
	if !slices.Equal(first, run(1)) {
		t.Error("two runs with seed 1 differ")
	}
	if slices.Equal(first, run(2)) {
		t.Error("runs with seeds 1 and 2 are the same")
	}
}

// On amd64 we know the bits themselves, for each way to fuse x*y + z. Elsewhere
// TestSameSeedSameBits must do.
func TestDigestOfAShortRun(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		return
	}
	needStored(t)
	train, _ := readMNIST(t)
	trainer := newTrainer(1, 0.0062, 0.5)
	sum := 0.0
	for _, digit := range train[:100] {
		sum += trainer.step(digit)
	}
	digest := crc32.NewIEEE()
	if err := binary.Write(digest, binary.LittleEndian, append(trainer.network.Parameters, sum)); err != nil {
		t.Fatal(err)
	}
	switch got := digest.Sum32(); got {
	case 0x26030366: // by math.Exp alone, as is usual
	case 0xd1cd4fbb: // by nobody: a processor that can't, or GODEBUG=cpu.fma=off
	case 0xd138f4d7: // by the compiler too: GOAMD64=v3 and Go 1.25 or later
	case 0xf0698208: // the same with -race, which makes the compiler fuse less
	default:
		t.Errorf("the digest of 100 steps is %#08x", got)
	}
}

func TestNothingIsAllocatedPerDigit(t *testing.T) {
	train, _ := readMNIST(t)
	trainer := newTrainer(1, 0.01, 0.5)
	a := NewActivations()
	k := 0
	most := 0.0
	if filters1*kernel*pool1Side > 1024 || max(flat, hidden) > 512 {
		most = 4 // a layer larger than the buffers on the stack
	}
	if got := testing.AllocsPerRun(20, func() { trainer.step(train[k]); k++ }); got > most {
		t.Errorf("a training step allocates %v times, want at most %v", got, most)
	}
	if got := testing.AllocsPerRun(20, func() { trainer.network.Predict(a, train[0].Image) }); got > most {
		t.Errorf("a prediction allocates %v times, want at most %v", got, most)
	}
}
