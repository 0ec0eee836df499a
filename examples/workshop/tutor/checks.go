package tutor

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"convnet"
	"convnet/examples/check"
	"convnet/examples/mnist"
)

// checkSteps are the four checks of the tutorial's section "Is it right?".
func checkSteps() []Step {
	const section = "Is it right?"
	return []Step{
		{
			Name:    "Gradients",
			Section: section,
			does:    "compares the gradients of your whole network with slopes.",
			formula: "slope = (loss(w + s) − loss(w − s)) / 2s        s = 10⁻⁶",
			takes:   gradientsTake,
			check:   checkGradients,
			Hints: []string{
				"Read the table in the order of the backward pass, from fc2 to the pixels. Where is the first tensor that is wrong, and is everything after it wrong, too?",
				"If everything after it is wrong, the mistake is in what is passed back: look at the lines of Backward between the last tensor that is right and the first that is wrong. If a single tensor is wrong, look at the line that adds its own gradient. If it's right without dropout, look for a mask.",
				`The rule is in the README, section "Is it right?", and docs/gradients.md says how the check works. Our Backward is in convnet.go.`,
			},
		},
		{
			Name:    "FirstLoss",
			Section: section,
			does:    "looks at the loss of an untrained network, which knows nothing.",
			formula: "mean loss ≈ log 10 = 2.3026, and at most 0.15 from it",
			check:   checkFirstLoss,
			Hints: []string{
				"A network that knows nothing gives each of ten digits a probability of about 0.1, and −log 0.1 is 2.3026.",
				"If the loss is much larger, the logits are far apart before the network has learned anything: are the weights that New draws too large? If it's near 1 or 3.32, which logarithm is it?",
				`The README explains this loss in the section "Softmax and the loss". Ours are New in convnet.go and CrossEntropy in layer.go.`,
			},
		},
		{
			Name:    "Overfit",
			Section: section,
			does:    "lets your network memorize twenty digits, without dropout.",
			formula: "after 60 epochs all twenty are correct, and no loss is above 0.01",
			takes:   overfitTakes,
			check:   checkOverfit,
			Hints: []string{
				"A network should be able to memorize twenty digits. If yours can't, the gradient doesn't get everywhere, or the step isn't against it.",
				"go test -all checks every function again. See whether Gradients is right. If it is, look at Update: does every tensor move?",
				"The same check for ours is in convnet_test.go: TestOverfitsTwentyDigits.",
			},
		},
		{
			Name:    "Train",
			Section: section,
			does:    "trains your network on 2,000 digits with dropout, and tests it on 500 others.",
			formula: "at least 350 of 500 test digits are correct",
			takes:   trainTakes,
			check:   checkTrain,
			Hints: []string{
				"Your network can memorize, so the gradient gets everywhere. What is new here is dropout.",
				"See whether Gradients is right with dropout. Then look at DropoutMask: is every entry 0 or 2 for p = ½, and is each drawn on its own?",
				"The same check for ours is in convnet_test.go: TestGeneralizes.",
			},
		},
	}
}

// What is said before a check that takes its time, as measured with CONVNET_ALL=1 go test -v -run
// RightNetworksPassTheChecks.
const (
	gradientsTake = "about five seconds with plain loops"
	overfitTakes  = "about ten seconds with plain loops"
	trainTakes    = "about fifteen seconds with plain loops"
)

// readDigits reads the embedded digits once.
var readDigits = sync.OnceValues(func() (train, test []convnet.Digit) {
	train, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		panic(err)
	}
	return train, test
})

// A gradientRow is a row of the table of gradients.
type gradientRow struct {
	name   string
	result check.Result
}

func (r gradientRow) wrong() bool {
	g := r.result
	return !(g.Worst <= check.Tolerance) || g.Largest == 0 || math.IsNaN(g.Largest) || math.IsInf(g.Largest, 0)
}

// A gradientTable is what a check of all gradients found.
type gradientTable struct {
	rows   []gradientRow // in the order of the backward pass
	random bool          // two losses of the same parameters differ
	loss   float64
	adds   bool // a second Backward adds the same gradient once more
}

const gradientSample = 50 // entries of each tensor

// checkGradients checks the gradients with dropout and without, and reads the tables.
func checkGradients(f Functions) string {
	return readGradients(measureGradients(f, 0.5), measureGradients(f, 0))
}

// measureGradients compares gradients with slopes. The network has learned a little, because an untrained
// one is a special case. The loss is the sum over two digits, so that gradients must add up. On blank paper
// convolutions are 0, on the kink of ReLU, so the digit whose pixels move has noise on its paper.
func measureGradients(f Functions, dropout float64) gradientTable {
	train, test := readDigits()
	n, grad, d := convnet.New(1), convnet.NewGradient(), convnet.NewActivations()
	a := convnet.NewActivations()
	rng := rand.New(rand.NewPCG(9, 1))
	for _, digit := range train[:200] {
		a.DrawMasks(dropout, rng)
		n.TrainStep(grad, d, a, digit, 0.01)
	}
	pixels := make([]float64, convnet.ImageSide*convnet.ImageSide) // of the second digit
	noisy := make([][]float64, convnet.ImageSide)
	for y, row := range test[1].Image {
		noisy[y] = pixels[y*convnet.ImageSide : (y+1)*convnet.ImageSide]
		for x, v := range row {
			noisy[y][x] = v + 0.1*rng.Float64()
		}
	}
	digits := []convnet.Digit{test[0], {Image: noisy, Label: test[1].Label}}
	var passes []*convnet.Activations
	for range digits {
		pass := convnet.NewActivations()
		pass.DrawMasks(dropout, rng) // and keep them: a random loss has no slope
		passes = append(passes, pass)
	}

	backward := func() []float64 {
		for k, digit := range digits {
			f.Forward(n, passes[k], digit.Image)
			f.Backward(n, grad, d, passes[k], digit.Label)
		}
		return slices.Clone(grad.Parameters)
	}
	once := backward()
	f.Conv2DInputGrad(d.Image, n.Filters1, d.Conv1)
	dPixels := slices.Concat(d.Image[0]...)
	twice := backward()
	copy(grad.Parameters, once)
	adds := true
	for k, g := range once {
		adds = adds && same(twice[k], 2*g, 1)
	}

	var kinks check.Kinks
	lossOf := func(digits []convnet.Digit, passes []*convnet.Activations) func() float64 {
		return func() (sum float64) {
			for k, digit := range digits {
				a := passes[k]
				f.Forward(n, a, digit.Image)
				sum += f.CrossEntropy(a.Logits, digit.Label)
				for c := range a.Conv1 {
					recordKinks(&kinks, a.Conv1[c], a.ReLU1[c])
				}
				for c := range a.Conv2 {
					recordKinks(&kinks, a.Conv2[c], a.ReLU2[c])
				}
				kinks.Signs(a.Hidden)
			}
			return sum
		}
	}
	loss := lossOf(digits, passes)
	table := gradientTable{loss: loss(), adds: adds}
	table.random = loss() != table.loss
	if table.random || math.IsNaN(table.loss) || math.IsInf(table.loss, 0) {
		return table
	}
	tensors := n.Tensors()
	for _, k := range []int{4, 5, 2, 3, 1, 0} { // fc2, fc1, conv2, conv1
		c := check.Checker{Loss: loss, Kinks: &kinks, Sample: gradientSample}
		table.rows = append(table.rows, gradientRow{tensors[k].Name, c.Check(tensors[k].Data, grad.Tensors()[k].Data)})
	}
	c := check.Checker{Loss: lossOf(digits[1:], passes[1:]), Kinks: &kinks, Sample: 2 * gradientSample}
	table.rows = append(table.rows, gradientRow{"pixels", c.Check(pixels, dPixels)})
	return table
}

func recordKinks(kinks *check.Kinks, conv, relu [][]float64) {
	for _, row := range conv {
		kinks.Signs(row)
	}
	kinks.Winners(relu, 2)
}

// stages are the tensors of each layer in the order of the backward pass, what lies between a layer and
// the one before it, and the mask in there.
var stages = []struct {
	name    string
	tensors []string
	between string // the lines that pass the gradient on from the stage before
	mask    string
}{
	{"fc2", []string{"fc2.weight", "fc2.bias"}, "the line that fills d.Logits, and CrossEntropyGrad", ""},
	{"fc1", []string{"fc1.weight", "fc1.bias"}, "the lines that fill d.Drop2, d.ReLU3 and d.Hidden", "mask 2, in the line that fills d.ReLU3"},
	{"conv2", []string{"conv2.weight"}, "the lines that fill d.Drop1, d.Flat, d.Pool2, d.ReLU2 and d.Conv2", "mask 1, in the line that fills d.Flat"},
	{"conv1", []string{"conv1.weight"}, "the lines that fill d.Pool1, d.ReLU1 and d.Conv1", ""},
	{"the pixels", []string{"pixels"}, "", ""},
}

// own says, for each tensor, which line its own gradient comes from, and what dropout has to do with it.
var own = map[string]struct{ line, dropout string }{
	"fc2.weight":   {"the line that adds to grad.Weights2", "does it take the input before dropout, a.ReLU3, instead of a.Drop2?"},
	"fc2.bias":     {"the line that adds to grad.Biases2", ""},
	"fc1.weight":   {"the line that adds to grad.Weights1", "does it take the input before dropout, a.Flat, instead of a.Drop1?"},
	"fc1.bias":     {"the line that adds to grad.Biases1", ""},
	"conv2.weight": {"the line that adds to grad.Filters2", ""},
	"conv1.weight": {"the line that adds to grad.Filters1", ""},
}

// readGradients returns "" if both tables are right, and otherwise the tables with what they say.
func readGradients(with, without gradientTable) string {
	for _, t := range []gradientTable{with, without} {
		switch {
		case math.IsNaN(t.loss) || math.IsInf(t.loss, 0):
			return wrap(fmt.Sprintf("The loss is %v, so there are no slopes to compare with. Look at Forward, Softmax and CrossEntropy first.", t.loss))
		case t.random:
			return wrap("Two forward passes with the same parameters, image and masks give different losses. Is something in Forward random? It should use the masks in a as they are: whoever calls it draws them before.")
		}
	}
	wrongWith, wrongWithout := with.wrong(), without.wrong()
	if len(wrongWith) == 0 && len(wrongWithout) == 0 {
		return ""
	}
	parts := []string{"With dropout ½:", with.String(), "Without dropout:", without.String(),
		wrap("worst is the largest |gradient − slope| of the entries compared, divided by the largest of them. It should be at most 10⁻⁷.")}
	read := wrongWithout
	maskOnly := len(wrongWithout) == 0
	if maskOnly {
		read = wrongWith
	}
	if !with.adds || !without.adds {
		parts = append(parts, wrap("A second Backward with the same digit doesn't double the gradient in grad. It should add to what is there, so that the gradients of a batch are summed. Do your Add functions add, with +=, and does nothing set grad to 0?"))
	}
	for _, sentence := range diagnose(read, maskOnly) {
		parts = append(parts, wrap(sentence))
	}
	if !maskOnly && len(wrongWith) > 0 && !slices.Equal(wrongWith, wrongWithout) {
		parts = append(parts, wrap("With dropout, the wrong tensors aren't the same as without. So there's a second mistake, at a mask. Look for it once the first is gone."))
	}
	return strings.Join(parts, "\n\n")
}

// wrong returns the names of the tensors that are wrong.
func (t gradientTable) wrong() (names []string) {
	for _, row := range t.rows {
		if row.wrong() {
			names = append(names, row.name)
		}
	}
	return names
}

func (t gradientTable) String() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%-12s %8s %8s %8s %9s %9s", "tensor", "entries", "checked", "compared", "largest", "worst")
	for _, row := range t.rows {
		r := row.result
		fmt.Fprintf(&b, "\n%-12s %8d %8d %8d %9.3g %9.1e", row.name, r.Entries, r.Checked, r.Compared, r.Largest, r.Worst)
		switch {
		case r.Largest == 0:
			b.WriteString("   all zeros")
		case row.wrong():
			b.WriteString("   wrong")
		}
	}
	return b.String()
}

// diagnose reads the wrong tensors by the rule of the tutorial: if everything from a layer on is wrong, the
// mistake is in what is passed back to that layer. A wrong tensor before that has a mistake of its own. If
// maskOnly, they are wrong only with dropout.
func diagnose(wrongTensors []string, maskOnly bool) (sentences []string) {
	isWrong := func(name string) bool { return slices.Contains(wrongTensors, name) }
	all := func(s int) bool {
		return !slices.ContainsFunc(stages[s].tensors, func(name string) bool { return !isWrong(name) })
	}
	first := len(stages) // the first layer from which on everything is wrong
	for first > 0 && all(first-1) {
		first--
	}
	var names, rightNames []string
	for s, stage := range stages {
		for _, name := range stage.tensors {
			if !isWrong(name) {
				rightNames = append(rightNames, name)
			} else if s < first {
				names = append(names, name)
			}
		}
	}
	switch {
	case first == len(stages) && len(names) > 1 && len(rightNames) == 1: // the pixels
		sentences = append(sentences, "All parameters are wrong, and the pixels are right. So what is passed back is right from the loss to conv1, and the mistake is in how it gets into grad.")
		return sentences
	case first == 0:
		sentences = append(sentences, "Everything is wrong, even fc2. So the gradient is wrong from the start: look at "+stages[0].between+".")
		if maskOnly {
			sentences = append(sentences, "It's right without dropout. So see that Forward and Backward multiply by the same masks.")
		}
	case first == len(stages)-1:
		sentences = append(sentences, "The pixels are wrong, but conv1 is right. So d.Conv1 is right, too. The check computes the gradient at the pixels itself, with your Conv2DInputGrad, from d.Conv1 and one channel: look there.")
	case first < len(stages):
		var w, r []string
		for s, stage := range stages {
			if s >= first {
				w = append(w, stage.name)
			} else if !slices.ContainsFunc(stage.tensors, isWrong) {
				r = append(r, stage.name)
			}
		}
		text := list(w) + " are wrong"
		if len(r) > 0 {
			text += ", " + are(r) + " right"
		}
		text += fmt.Sprintf(". So the mistake is in the gradient that is passed back, between %s and %s: look at %s.", stages[first-1].name, stages[first].name, stages[first].between)
		sentences = append(sentences, text)
		switch mask := stages[first].mask; {
		case maskOnly && mask != "":
			sentences = append(sentences, "It's right without dropout, so look at "+mask+".")
		case maskOnly:
			sentences = append(sentences, "It's right without dropout, so look for a mask. There is none between these two, so maybe one is used where it doesn't belong.")
		}
	}
	for _, name := range names {
		text := fmt.Sprintf("%s is wrong, and what is passed back from there is right. So the mistake is in its own gradient: look at %s.", name, own[name].line)
		if maskOnly && own[name].dropout != "" {
			text += " It's right without dropout: " + own[name].dropout
		}
		sentences = append(sentences, text)
	}
	return sentences
}

// checkFirstLoss checks the mean loss of untrained networks: several, because how far a single one is from
// log 10 is luck.
func checkFirstLoss(f Functions) string {
	const networks, digits = 5, 40
	const tolerance = 0.15
	train, _ := readDigits()
	a := convnet.NewActivations()
	sum := 0.0
	for seed := range networks {
		n := f.New(uint64(seed + 1))
		if n == nil {
			return "New returned nil."
		}
		for _, digit := range train[seed*digits : (seed+1)*digits] {
			f.Forward(n, a, digit.Image)
			sum += f.CrossEntropy(a.Logits, digit.Label)
		}
	}
	got := sum / (networks * digits)
	if math.Abs(got-math.Ln10) <= tolerance {
		return ""
	}
	text := fmt.Sprintf("The mean loss of your untrained network is %.4f, want about log 10 = %.4f.", got, math.Ln10)
	near := func(value float64) bool { return math.Abs(got-value) <= tolerance*math.Abs(value)/math.Ln10 }
	switch {
	case math.IsNaN(got) || math.IsInf(got, 0):
		text += " Where does the first NaN or ∞ come from? exp overflows above 709, and log 0 is −∞."
	case near(1):
		text += " 1 is the logarithm of 10 to the base 10. The loss needs the natural logarithm, math.Log."
	case near(math.Log2(10)):
		text += " 3.32 is the logarithm of 10 to the base 2. The loss needs the natural logarithm, math.Log."
	case near(-math.Ln10):
		text += " The sign is wrong: the loss is −log of a probability, so it's never negative."
	case near(0.23026) || near(-0.23026):
		text += " That's a tenth of it. Is the loss divided by the number of classes?"
	case got > math.Ln10:
		text += " The network is sure of itself before it has learned anything, and wrong. Its logits are too far apart, so its weights are too large, or the biases, or the pixels."
	default:
		text += " The network can't know anything yet, so its loss can't be that small. Does the loss look at the label, and at all ten logits?"
	}
	return wrap(text)
}

// A trainer takes training steps with the learner's functions.
type trainer struct {
	f       Functions
	n, grad *convnet.Network
	a, d    *convnet.Activations
	rng     *rand.Rand
	dropout float64
	rate    float64
}

func newTrainer(f Functions, rate, dropout float64) *trainer {
	return &trainer{f: f, n: f.New(1), grad: convnet.NewGradient(), a: convnet.NewActivations(), d: convnet.NewActivations(),
		rng: rand.New(rand.NewPCG(1, 1)), dropout: dropout, rate: rate}
}

func (t *trainer) step(digit convnet.Digit) (loss float64) {
	if t.dropout > 0 {
		t.f.DropoutMask(t.a.Mask1, t.dropout, t.rng)
		t.f.DropoutMask(t.a.Mask2, t.dropout, t.rng)
	}
	t.f.Forward(t.n, t.a, digit.Image)
	loss = t.f.CrossEntropy(t.a.Logits, digit.Label)
	t.f.Backward(t.n, t.grad, t.d, t.a, digit.Label)
	t.f.Update(t.n, t.grad, t.rate)
	t.grad.Clear()
	return loss
}

func (t *trainer) countCorrect(digits []convnet.Digit) (correct int) {
	t.a.NoDropout()
	for _, digit := range digits {
		t.f.Forward(t.n, t.a, digit.Image)
		if t.a.Prediction() == digit.Label {
			correct++
		}
	}
	return correct
}

// checkOverfit checks that the network memorizes twenty digits.
func checkOverfit(f Functions) string {
	const digits, epochs, rate, most = 20, 60, 0.02, 0.01
	train, _ := readDigits()
	t := newTrainer(f, rate, 0)
	if t.n == nil {
		return "New returned nil."
	}
	var rows []string
	first, worst := 0.0, 0.0
	for epoch := 1; epoch <= epochs; epoch++ {
		worst = 0
		for _, digit := range train[:digits] {
			loss := t.step(digit)
			if math.IsNaN(loss) || math.IsInf(loss, 0) {
				return wrap(fmt.Sprintf("In epoch %d the loss becomes %v. The steps are too large or go the wrong way, so that the weights grow without bound. Look at Update and at the signs in Backward.", epoch, loss))
			}
			worst = max(worst, loss)
		}
		if epoch == 1 {
			first = worst
		}
		if epoch == 1 || epoch%20 == 0 {
			rows = append(rows, fmt.Sprintf("epoch %2d: the largest loss is %.4f", epoch, worst))
		}
	}
	correct := t.countCorrect(train[:digits])
	if correct == digits && worst <= most {
		return ""
	}
	rows = append(rows, fmt.Sprintf("%d of %d correct, want all. The largest loss should be at most %v.", correct, digits, most))
	text := "The loss falls, but not far enough. So some tensors learn and others don't, or their gradients are wrong."
	switch {
	case worst == first:
		text = "The loss doesn't change at all. Does Update move the network that it gets, and does Backward add anything to grad?"
	case worst > 5 && worst > first:
		text = "The loss rises. Does Update go against the gradient?"
	case worst > 2:
		text = "The loss stays near log 10: the network learns how often each digit comes, and nothing about the images. Then only the last biases learn. Does the gradient get back to the weights and filters, and does Update move them?"
	}
	return strings.Join(rows, "\n") + "\n\n" + wrap(text+" The step Gradients checks them all: go test -all.")
}

// checkTrain checks that the network generalizes.
func checkTrain(f Functions) string {
	const digits, tested, rate, dropout, least = 2000, 500, 0.0062, 0.5, 350
	train, test := readDigits()
	t := newTrainer(f, rate, dropout)
	if t.n == nil {
		return "New returned nil."
	}
	before := t.countCorrect(test[:tested])
	sum := 0.0
	for k, digit := range train[:digits] {
		loss := t.step(digit)
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return wrap(fmt.Sprintf("At digit %d the loss becomes %v. The weights grow without bound. With dropout a frequent reason is a mask that is ignored in the backward pass, or one that doesn't scale by 1/(1−p).", k+1, loss))
		}
		if k >= digits-500 {
			sum += loss
		}
	}
	after := t.countCorrect(test[:tested])
	if after >= least {
		return ""
	}
	text := fmt.Sprintf("Test digits correct: %d of %d untrained, %d after 2,000 steps, want at least %d. The mean loss of the last 500 steps is %.4f.", before, tested, after, least, sum/500)
	switch {
	case after <= tested/6:
		text += " That's no better than guessing: the network predicts the same digit for nearly everything. Yet it could memorize twenty digits without dropout. So look at the masks: DropoutMask, and where Forward and Backward multiply by them."
	case sum/500 > math.Ln10:
		text += " It learns a little, yet a guess would have a smaller loss, log 10. Without dropout it could memorize twenty digits. So look at the masks: DropoutMask, and where Forward and Backward multiply by them."
	default:
		text += " It learns, but too slowly. With a wrong gradient that happens easily, so see that the step Gradients is right with dropout: go test -all."
	}
	return wrap(text)
}
