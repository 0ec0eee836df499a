package convnet

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
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
	network, gradient *Network
	errors, a         *Activations
	rate, dropout     float64
	rng               *rand.Rand
}

func newTrainer(seed uint64, rate, dropout float64) *trainer {
	t := &trainer{New(seed), NewGradient(), NewActivations(), NewActivations(), rate, dropout, rand.New(rand.NewPCG(seed, 1))}
	t.errors.Image = nil
	return t
}

func (t *trainer) step(digit Digit) (loss float64) {
	t.a.DrawMasks(t.dropout, t.rng)
	return t.network.TrainStep(t.gradient, t.errors, t.a, digit, t.rate)
}

// Each weight is a draw from N(0,1) over exactly √fan-in, each bias 0.
func TestNewDividesByRootOfFanIn(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	fanIn := map[string]float64{"conv1.weight": 25, "conv2.weight": 250, "fc1.weight": 320, "fc2.weight": 100}
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
		{"conv1.weight", []int{10, 1, 5, 5}, n.Filters1},
		{"conv2.weight", []int{20, 10, 5, 5}, n.Filters2},
		{"fc1.weight", []int{100, 320}, n.Weights1},
		{"fc1.bias", []int{100}, n.Biases1},
		{"fc2.weight", []int{10, 100}, n.Weights2},
		{"fc2.bias", []int{10}, n.Biases2},
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
	for size, want := range map[int]string{
		0:     "convnet: Tensors: the network has 0 parameters, want 38360: make it with New or NewGradient",
		38359: "convnet: Tensors: the network has 38359 parameters, want 38360: make it with New or NewGradient",
		38361: "convnet: Tensors: the network has 38361 parameters, want 38360: make it with New or NewGradient",
	} {
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
		maps = naiveConv2D(maps, filters, 5)
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
	answer := n.Predict(a, test[0].Image)
	want := NewActivations()
	n.Forward(want, test[0].Image)
	near(t, "logits", a.Logits, want.Logits, 0)
	if answer != want.Answer() {
		t.Errorf("Predict answers %d, want %d", answer, want.Answer())
	}
}

func TestAnswerIsTheLargestLogit(t *testing.T) {
	a := NewActivations()
	for want := range 10 {
		for k := range a.Logits {
			a.Logits[k] = -1
		}
		a.Logits[want] = -0.5
		if got := a.Answer(); got != want {
			t.Errorf("Answer is %d for logits %v, want %d", got, a.Logits, want)
		}
	}
	clear(a.Logits)
	if got := a.Answer(); got != 0 {
		t.Errorf("Answer is %d on a tie of all, want the first, 0", got)
	}
}

// Without dropout the first loss is near log 10: a fresh network knows nothing.
func checkFirstLoss(t testing.TB, see func(digits []Digit) []Digit) {
	train, _ := readMNIST(t)
	n, a := New(1), NewActivations()
	sum := 0.0
	for _, digit := range see(train[:200]) {
		n.Forward(a, digit.Image)
		sum += CrossEntropy(a.Logits, digit.Label)
	}
	mean := sum / 200
	t.Logf("a fresh network's mean loss is %.4f, log 10 is %.4f", mean, math.Ln10)
	if math.Abs(mean-math.Ln10) > 0.15 {
		t.Errorf("mean loss of a fresh network is %.3f, want about log 10 = %.3f", mean, math.Ln10)
	}
}

func TestFirstLossIsNearLog10(t *testing.T) {
	checkFirstLoss(t, func(digits []Digit) []Digit { return digits })
}

// A network that can't learn twenty digits by heart has a mistake in it.
func TestTwentyDigitsByHeart(t *testing.T) {
	t.Parallel()
	train, _ := readMNIST(t)
	trainer := newTrainer(1, 0.02, 0)
	worst := 0.0
	for pass := 1; pass <= 60; pass++ {
		worst = 0
		for _, digit := range train[:20] {
			worst = max(worst, trainer.step(digit))
		}
		if pass == 1 || pass%20 == 0 {
			t.Logf("twenty digits, pass %2d: the largest loss is %.4f", pass, worst)
		}
	}
	if correct := trainer.network.Test(train[:20]); correct != 20 || worst > 0.01 {
		t.Errorf("after 60 passes: %d of 20 right, worst loss %.4f, want 20 and at most 0.01", correct, worst)
	}
}

// After 2,000 digits, each seen once, most unseen digits are read.
func TestLearnsToReadUnseenDigits(t *testing.T) {
	t.Parallel()
	train, test := readMNIST(t)
	trainer := newTrainer(1, 0.0062, 0.5)
	before := trainer.network.Test(test[:500])
	for _, digit := range train[:2000] {
		trainer.step(digit)
	}
	after := trainer.network.Test(test[:500])
	t.Logf("of 500 unseen digits %d are read rightly, after 2,000 digits of training %d", before, after)
	if before > 150 || after < 350 {
		t.Errorf("%d of 500 right before training, %d after, want at most 150 and at least 350", before, after)
	}
}

// checkStep holds steps of training, in which parameters, gradient and errors may
// be touched in any order, to Forward, Backward and the formula of Update. The
// gradient must be left empty for the next step.
func checkStep(t testing.TB, step func(n, gradient *Network, errors, a *Activations, digit Digit, rate float64) float64) {
	train, _ := readMNIST(t)
	got, gotGradient, gotErrors := New(2), NewGradient(), NewActivations()
	n, gradient, errors := New(2), NewGradient(), NewActivations()
	a := NewActivations()
	rng := rand.New(rand.NewPCG(2, 1))
	for k, digit := range train[:5] {
		a.DrawMasks(0.5, rng)
		loss := step(got, gotGradient, gotErrors, a, digit, 0.03)
		n.Forward(a, digit.Image)
		near(t, "loss", []float64{loss}, []float64{CrossEntropy(a.Logits, digit.Label)}, 0)
		gradient.Clear()
		n.Backward(gradient, errors, a, digit.Label)
		for k, g := range gradient.Parameters {
			n.Parameters[k] -= 0.03 * g
		}
		near(t, fmt.Sprintf("parameters after step %d", k), got.Parameters, n.Parameters, 0)
		near(t, fmt.Sprintf("gradient after step %d", k), gotGradient.Parameters, make([]float64, 38360), 0)
	}
}

func TestTrainStepIsForwardBackwardUpdate(t *testing.T) {
	checkStep(t, (*Network).TrainStep)
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

// On amd64 the bits themselves are known, for each way in which x*y + z is fused.
// Elsewhere TestSameSeedSameBits must do.
func TestDigestOfAShortRun(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		return
	}
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
	case 0x028881a0: // by math.Exp alone, as is usual
	case 0xeeabc536: // by nobody: a processor that can't, or GODEBUG=cpu.fma=off
	case 0x967e0d64: // by the compiler too: GOAMD64=v3 and Go 1.25 or later
	case 0x4e14d850: // the same with -race, which makes the compiler fuse less
	default:
		t.Errorf("the digest of 100 steps is %#08x", got)
	}
}

func TestNothingIsAllocatedPerDigit(t *testing.T) {
	train, _ := readMNIST(t)
	trainer := newTrainer(1, 0.01, 0.5)
	a := NewActivations()
	k := 0
	if got := testing.AllocsPerRun(20, func() { trainer.step(train[k]); k++ }); got != 0 {
		t.Errorf("a training step allocates %v times, want 0", got)
	}
	if got := testing.AllocsPerRun(20, func() { trainer.network.Predict(a, train[0].Image) }); got != 0 {
		t.Errorf("a prediction allocates %v times, want 0", got)
	}
}

// save returns the bytes that Save writes.
func save(t *testing.T, n *Network, metadata map[string]string) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := n.Save(&file, metadata); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestSaveThenLoadGivesTheSameBits(t *testing.T) {
	n := New(9)
	n.Parameters[0], n.Parameters[1] = math.Copysign(0, -1), math.SmallestNonzeroFloat64
	for _, metadata := range []map[string]string{nil, {"seed": "9", "note": "“ü\n"}} {
		got, gotMetadata, err := Load(bytes.NewReader(save(t, n, metadata)))
		if err != nil {
			t.Fatal(err)
		}
		for k, p := range n.Parameters {
			if math.Float64bits(got.Parameters[k]) != math.Float64bits(p) {
				t.Fatalf("parameter %d is %v, want %v", k, got.Parameters[k], p)
			}
		}
		if !maps.Equal(gotMetadata, metadata) {
			t.Errorf("metadata is %v, want %v", gotMetadata, metadata)
		}
	}
}

// The file is what the safetensors format says, read here without our code.
func TestSaveWritesSafetensors(t *testing.T) {
	n := New(1)
	file := save(t, n, map[string]string{"seed": "1"})
	length := binary.LittleEndian.Uint64(file)
	if length%8 != 0 {
		t.Errorf("a header of %d bytes, want a multiple of 8", length)
	}
	header, data := file[8:8+length], file[8+length:]
	if header[0] != '{' {
		t.Errorf("the header begins with %q, want {", header[0])
	}
	var entries map[string]struct {
		DType       string
		Shape       []int
		DataOffsets []int `json:"data_offsets"`
		Seed        string
	}
	if err := json.Unmarshal(header, &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) != 7 || entries["__metadata__"].Seed != "1" {
		t.Errorf("entries %v, want six tensors and the metadata", entries)
	}
	for name, want := range map[string]any{
		"conv1.weight": n.Filters1, "conv2.weight": n.Filters2,
		"fc1.weight": n.Weights1, "fc1.bias": n.Biases1,
		"fc2.weight": n.Weights2, "fc2.bias": n.Biases2,
	} {
		e := entries[name]
		if e.DType != "F64" {
			t.Errorf("%s: dtype %q, want F64", name, e.DType)
		}
		got := make([]float64, (e.DataOffsets[1]-e.DataOffsets[0])/8)
		if err := binary.Read(bytes.NewReader(data[e.DataOffsets[0]:]), binary.LittleEndian, got); err != nil {
			t.Fatal(err)
		}
		near(t, name, got, want, 0)
	}
	if want := 8 * 38360; len(data) != want {
		t.Errorf("%d bytes of numbers, want %d", len(data), want)
	}
}

func TestSaveRefusesBrokenNumbers(t *testing.T) {
	for k, broken := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		n := New(1)
		n.Weights2[0][k] = broken
		var file bytes.Buffer
		err := n.Save(&file, nil)
		want := fmt.Sprintf("fc2.weight: number %d is %v", k, broken)
		if err == nil || !strings.Contains(err.Error(), want) || file.Len() > 0 {
			t.Errorf("error %v and %d bytes, want one with %q, and none", err, file.Len(), want)
		}
	}
}

// A header may have as many bytes as it may, and not one more.
func TestLongestHeader(t *testing.T) {
	length := func(note int) (uint64, []byte, error) {
		var file bytes.Buffer
		err := New(1).Save(&file, map[string]string{"note": strings.Repeat("x", note)})
		if err != nil {
			return 0, nil, err
		}
		return binary.LittleEndian.Uint64(file.Bytes()), file.Bytes(), nil
	}
	short, _, err := length(0)
	if err != nil {
		t.Fatal(err)
	}
	for note := maxHeader - int(short); ; note++ {
		got, file, err := length(note)
		if err != nil {
			t.Fatalf("%v before the header had %d bytes", err, maxHeader)
		}
		if _, _, err := Load(bytes.NewReader(file)); err != nil {
			t.Fatalf("header of %d bytes: %v", got, err)
		}
		if got == maxHeader {
			return
		}
	}
}

// Save writes nothing that Load would refuse.
func TestSaveRefusesMetadata(t *testing.T) {
	for _, c := range []struct {
		want     string
		metadata map[string]string
	}{
		{"want at most 8192", map[string]string{"note": strings.Repeat("x", 1<<13)}},
		{`metadata "crc32": "", want UTF-8 under names other than crc32 and checked`, map[string]string{"crc32": ""}},
		{`metadata "checked": "no"`, map[string]string{"checked": "no"}},
		{`metadata "note": "\xff"`, map[string]string{"note": "\xff"}},
		{`metadata "\xff": "note"`, map[string]string{"\xff": "note"}},
		{`metadata "\xc3": "\xbc"`, map[string]string{"\xc3": "\xbc"}}, // together they are a ü
	} {
		var file bytes.Buffer
		if err := New(1).Save(&file, c.metadata); err == nil || !strings.Contains(err.Error(), c.want) || file.Len() > 0 {
			t.Errorf("error %v and %d bytes, want one with %q, and none", err, file.Len(), c.want)
		}
	}
}

// withHeader returns a model file with a text of its header replaced.
func withHeader(t *testing.T, file []byte, old, new string) []byte {
	t.Helper()
	length := binary.LittleEndian.Uint64(file)
	header := string(file[8 : 8+length])
	if !strings.Contains(header, old) {
		t.Fatalf("no %q in the header %s", old, header)
	}
	header = strings.Replace(header, old, new, 1)
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), []byte(header), file[8+length:])
}

// foreign returns a model file without metadata, as another tool may write it.
func foreign(t *testing.T, n *Network) []byte {
	t.Helper()
	file := save(t, n, nil)
	header := string(file[8 : 8+binary.LittleEndian.Uint64(file)])
	metadata, _, _ := strings.Cut(header, "},")
	return withHeader(t, file, metadata[1:]+"},", "")
}

func TestLoadRefusesBadFiles(t *testing.T) {
	good := save(t, New(1), map[string]string{"seed": "1"})
	length := binary.LittleEndian.Uint64(good)
	with := func(old, new string) []byte { return withHeader(t, good, old, new) }
	broken := slices.Clone(good)
	broken[len(broken)-1] ^= 1
	infinite := foreign(t, New(1))
	binary.LittleEndian.PutUint64(infinite[8+binary.LittleEndian.Uint64(infinite)+8*257:], math.Float64bits(math.Inf(1)))
	hugeHeader := slices.Clone(good)
	binary.LittleEndian.PutUint64(hugeHeader, math.MaxUint64)
	infiniteAt := 8 + int(binary.LittleEndian.Uint64(infinite)) + 8*257
	const offsets = "data_offsets of 80 bytes within 306880"
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "offset 0: EOF, want the header's length", nil},
		{"cut in the length", "offset 7: unexpected EOF, want the header's length in 8 bytes", good[:7]},
		{"cut in the header", fmt.Sprintf("offset 100: unexpected EOF, want a header of %d bytes", length), good[:100]},
		{"header longer than memory", "offset 0: a header of 18446744073709551615 bytes, want at most 8192", hugeHeader},
		{"cut before the numbers", fmt.Sprintf("offset %d: EOF, want 306880 bytes of numbers", 8+length), good[:8+length]},
		{"cut in the numbers", fmt.Sprintf("offset %d: unexpected EOF, want 306880 bytes of numbers", len(good)-1), good[:len(good)-1]},
		{"a byte too many", fmt.Sprintf("offset %d: a byte after the numbers", len(good)), append(slices.Clone(good), 0)},
		{"a megabyte too many", fmt.Sprintf("offset %d: a byte after the numbers", len(good)), append(slices.Clone(good), make([]byte, 1<<20)...)},
		{"no JSON", `header: found "[`, with("{", "[")},
		{"JSON that ends early", "header: ", with(`306800]}}`, `306800]}`)},
		{"text after the JSON", "found more after the object", with(`306800]}}`, `306800]}}{`)},
		{"a tensor missing", `tensor fc1.bias: found "", want an object`, with(`"fc1.bias"`, `"fc1.bia5"`)},
		{"a tensor more", `found a tensor "fc3"`, with(`"fc1.bias"`, `"fc3":{},"fc1.bias"`)},
		{"eight tensors more", `found a tensor "a"`, with(`"fc1.bias"`, `"e":{},"b":{},"a":{},"d":{},"c":{},"h":{},"g":{},"f":{},"fc1.bias"`)},
		{"a tensor twice", `found "conv1.weight" twice`, with(`"fc1.bias"`, `"conv1.weight":{},"fc1.bias"`)},
		{"a field twice", `tensor fc1.bias: found "dtype" twice`, with(`"fc1.bias":{`, `"fc1.bias":{"dtype":"F64",`)},
		{"a field twice, in capitals", `tensor fc1.bias: found {"DTYPE"`, with(`"fc1.bias":{`, `"fc1.bias":{"DTYPE":"F64",`)},
		{"a field in capitals", `tensor fc1.bias: found {"DTYPE"`, with(`"fc1.bias":{"dtype"`, `"fc1.bias":{"DTYPE"`)},
		{"a field more", `tensor fc1.bias: found {"layout":""`, with(`"fc1.bias":{`, `"fc1.bias":{"layout":"",`)},
		{"other numbers", `tensor fc1.bias: found {"dtype":"F32"`, with(`"fc1.bias":{"dtype":"F64"`, `"fc1.bias":{"dtype":"F32"`)},
		{"other shape", "shape [100 320]", with("[100,320]", "[320,100]")},
		{"a shape of text", `"shape":"100"`, with(`"shape":[100]`, `"shape":"100"`)},
		{"overlap", "no tensor begins at byte 306800", with("[306800,306880]", "[306720,306800]")},
		{"one inside another", "no tensor begins at byte 2080", with("[306800,306880]", "[2000,2080]")},
		{"before the start", offsets, with("[306800,306880]", "[-80,0]")},
		{"past the end", offsets, with("[306800,306880]", "[306808,306888]")},
		{"wrong length", offsets, with("[306800,306880]", "[306808,306880]")},
		{"offsets beyond all measure", offsets, with("[306800,306880]", "[9223372036854775807,-9223372036854775729]")},
		{"three offsets", offsets, with("[306800,306880]", "[306800,306880,7]")},
		{"one offset", offsets, with("[306800,306880]", "[306800]")},
		{"metadata no text", `__metadata__: "seed" is 1, want text`, with(`"seed":"1"`, `"seed":1`)},
		{"eight metadata no text", `__metadata__: "a" is 1, want text`, with(`"seed":"1"`, `"e":1,"b":1,"a":1,"d":1,"c":1,"h":1,"g":1,"f":1`)},
		{"metadata null", `__metadata__: "seed" is null, want text`, with(`"seed":"1"`, `"seed":null`)},
		{"metadata no object", "__metadata__: found ", with(`"__metadata__":{`, `"__metadata__":7,"x":{`)},
		{"metadata twice", `__metadata__: found "seed" twice`, with(`"seed":"1"`, `"seed":"1","seed":"1"`)},
		{"other metadata", "checksum ", with(`"seed":"1"`, `"seed":"2"`)},
		{"more metadata", "checksum ", with(`"seed":"1"`, `"seed":"1","seed2":""`)},
		{"checksum under another name", `checksum ""`, with(`"crc32":"`, `"crc33":"`)},
		{"no word of a checksum", "checksum ", with(`"checked":"crc32",`, ``)},
		{"a broken number", "checksum ", broken},
		{"infinite", fmt.Sprintf("offset %d: number 7 of conv2.weight is +Inf, want a finite number", infiniteAt), infinite},
	} {
		n, _, err := Load(bytes.NewReader(c.file))
		if err == nil || n != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// A file that lacks its end, or in which any one bit is another, is refused; or
// else what is read is what was saved.
func TestLoadNoticesDamage(t *testing.T) {
	t.Parallel()
	n, metadata := New(1), map[string]string{"seed": "1", "note": "“ü"}
	good := save(t, n, metadata)
	header := 8 + int(binary.LittleEndian.Uint64(good))
	load := func(what string, file []byte) {
		t.Helper()
		got, gotMetadata, err := Load(bytes.NewReader(file))
		if err == nil && !(slices.Equal(got.Parameters, n.Parameters) && maps.Equal(gotMetadata, metadata)) {
			t.Errorf("%s: no error, and metadata %v", what, gotMetadata)
		}
	}
	for length := 0; length < len(good); length++ {
		if length > header {
			length += 4096 // the numbers, by strides
		}
		if length < len(good) {
			if _, _, err := Load(bytes.NewReader(good[:length])); err == nil {
				t.Errorf("no error for %d bytes of %d", length, len(good))
			}
		}
	}
	flip := func(bit int) {
		file := slices.Clone(good)
		file[bit/8] ^= 1 << (bit % 8)
		load(fmt.Sprintf("bit %d of byte %d", bit%8, bit/8), file)
	}
	for bit := range 8 * header {
		flip(bit)
	}
	rng := rand.New(rand.NewPCG(9, 1))
	for range 300 {
		flip(8*header + rng.IntN(8*(len(good)-header)))
	}
}

// Whatever a file claims and holds, less than three times the size of a good one
// is allocated.
func TestLoadAllocatesLittle(t *testing.T) {
	note, many := strings.Repeat("x", 7000), ""
	for k := range 930 {
		many += fmt.Sprintf(`"%d":1,`, k)
	}
	good, long := save(t, New(1), nil), save(t, New(1), map[string]string{"note": note})
	claims := slices.Concat([]byte{0, 0x20, 0, 0, 0, 0, 0, 0}, good[8:])
	deep := withHeader(t, good, `{`, strings.Repeat(`{"":`, 1450))
	for name, file := range map[string][]byte{
		"good": good, "long metadata": long, "a claim": claims, "nested": deep, "cut": good[:len(good)-1], "a header alone": long[:7000],
		"long name":    withHeader(t, good, `"fc1.bias"`, `"`+note+`"`),
		"long shape":   withHeader(t, good, `[100]`, `[`+strings.Repeat("1,", 3500)+`1]`),
		"many entries": withHeader(t, good, `"fc1.bias"`, many+`"fc1.bias"`),
	} {
		if length := binary.LittleEndian.Uint64(file); length > maxHeader {
			t.Errorf("%s: a header of %d bytes is refused at once", name, length)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		Load(bytes.NewReader(file))
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(3*max(len(file), len(good))); got > most {
			t.Errorf("%s: %d bytes allocated, want at most %d", name, got, most)
		}
	}
}

// Another tool may lay the tensors in another order.
func TestLoadTakesAnyOrder(t *testing.T) {
	n := New(1)
	good := foreign(t, n)
	length := binary.LittleEndian.Uint64(good)
	header := string(good[8 : 8+length])
	// fc2.bias first, everything else 80 bytes later.
	var entries map[string]tensorHeader
	if err := json.Unmarshal([]byte(header), &entries); err != nil {
		t.Fatal(err)
	}
	for name, h := range entries {
		h.Offsets[0] += 80
		h.Offsets[1] += 80
		if name == "fc2.bias" {
			h.Offsets = []int{0, 80}
		}
		entries[name] = h
	}
	moved, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	data := good[8+length:]
	file := slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(moved))), moved, data[len(data)-80:], data[:len(data)-80])
	got, _, err := Load(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "parameters", got.Parameters, n.Parameters, 0)
}
