package tutor

import (
	"math"
	"strings"
	"testing"
	"time"

	"convnet"
	"convnet/examples/internal/testenv"
)

// Ours pass the four checks, and so do plain loops. Without CONVNET_ALL only a check that is quick is tried.
func TestRightNetworksPassTheChecks(t *testing.T) {
	networks := map[string]Functions{"ours": Ours()}
	if testenv.All() {
		networks["plain loops"] = assemble(plain())
	}
	for name, f := range networks {
		for _, step := range checkSteps() {
			if slow := step.takes != ""; slow && !testenv.All() {
				continue
			}
			begin := time.Now()
			if text := step.check(f); text != "" {
				t.Errorf("%s: %s fails:\n%s", name, step.Name, text)
			}
			t.Logf("%s: %s takes %.1f s", name, step.Name, time.Since(begin).Seconds())
		}
	}
}

// The table of gradients is read as the tutorial says.
func TestDiagnose(t *testing.T) {
	for _, c := range []struct {
		wrong    string
		maskOnly bool
		says     string
	}{
		{"fc2.weight fc2.bias fc1.weight fc1.bias conv2.weight conv1.weight pixels", false, "Everything is wrong, even fc2. So the gradient is wrong from the start"},
		{"fc2.weight fc2.bias fc1.weight fc1.bias conv2.weight conv1.weight", false, "All parameters are wrong, and the pixels are right."},
		{"fc1.weight fc1.bias conv2.weight conv1.weight pixels", false, "fc1, conv2, conv1 and the pixels are wrong, fc2 is right. So the mistake is in the gradient that is passed back, between fc2 and fc1: look at the lines that fill d.Drop2, d.ReLU3 and d.Hidden."},
		{"fc1.weight fc1.bias conv2.weight conv1.weight pixels", true, "It's right without dropout, so look at mask 2, in the line that fills d.ReLU3."},
		{"conv2.weight conv1.weight pixels", false, "conv2, conv1 and the pixels are wrong, fc2 and fc1 are right. So the mistake is in the gradient that is passed back, between fc1 and conv2"},
		{"conv2.weight conv1.weight pixels", true, "look at mask 1, in the line that fills d.Flat."},
		{"conv1.weight pixels", false, "conv1 and the pixels are wrong, fc2, fc1 and conv2 are right. So the mistake is in the gradient that is passed back, between conv2 and conv1"},
		{"conv1.weight pixels", true, "There is none between these two"},
		{"pixels", false, "Conv2DInputGrad"},
		{"fc1.weight", true, "fc1.weight is wrong, and what is passed back from there is right. So the mistake is in its own gradient: look at the line that adds to grad.Weights1. It's right without dropout: does it take the input before dropout, a.Flat, instead of a.Drop1?"},
		{"fc1.bias", false, "look at the line that adds to grad.Biases1."},
		{"fc2.weight", true, "a.ReLU3, instead of a.Drop2?"},
		{"fc2.bias conv1.weight pixels", false, "fc2.bias is wrong, and what is passed back from there is right."},
		{"conv2.weight", false, "look at the line that adds to grad.Filters2."},
		{"conv1.weight", false, "look at the line that adds to grad.Filters1."},
	} {
		if got := strings.Join(diagnose(strings.Fields(c.wrong), c.maskOnly), " "); !strings.Contains(got, c.says) {
			t.Errorf("%s wrong: found %q, want %q in it", c.wrong, got, c.says)
		}
	}
}

// The mistakes of the tutorial's table, and others, are found where they are.
func TestGradientsAreRead(t *testing.T) {
	testenv.NeedAll(t) // each of these checks hundreds of gradients
	for _, c := range []struct {
		wrong func(f *Functions)
		says  string
	}{
		{back("d.ReLU3", func(_, _ network, d, _ activations, _ int) { copy(d.ReLU3, d.Drop2) }), "so look at mask 2"},
		{back("d.Flat", func(_, _ network, d, _ activations, _ int) { copy(d.Flat, d.Drop1) }), "so look at mask 1"},
		{back("grad.Weights1", func(_, grad network, d, a activations, _ int) {
			convnet.AddFullyConnectedWeightGrad(grad.Weights1, grad.Biases1, a.Flat, d.Hidden)
		}), "does it take the input before dropout, a.Flat, instead of a.Drop1?"},
		{back("d.Conv1", func(_, _ network, d, _ activations, _ int) { copyVolume(d.Conv1, d.ReLU1) }), "between conv2 and conv1"},
		{back("grad.Filters2", func(_, _ network, _, _ activations, _ int) {}), "all zeros"},
		{func(f *Functions) {
			f.Backward = func(n, grad network, d, a activations, label int) {
				grad.Clear()
				n.Backward(grad, d, a, label)
			}
		}, "Do your Add functions add, with +=, and does nothing set grad to 0?"},
		{func(f *Functions) {
			calls := 0
			f.Forward = func(n network, a activations, image pixels) {
				calls++
				a.Mask2[calls%len(a.Mask2)] *= 0.5
				n.Forward(a, image)
			}
		}, "Is something in Forward random?"},
		{func(f *Functions) { f.CrossEntropy = func([]float64, int) float64 { return math.NaN() } }, "The loss is NaN"},
	} {
		f := Ours()
		c.wrong(&f)
		if got := message(t, checkSteps()[0], f); !strings.Contains(got, c.says) {
			t.Errorf("found %q, want %q in it", got, c.says)
		}
	}
}

// What the other checks say.
func TestCheckMessages(t *testing.T) {
	loss := func(change func(loss float64) float64) func(f *Functions) {
		return func(f *Functions) {
			f.CrossEntropy = func(logits []float64, label int) float64 { return change(convnet.CrossEntropy(logits, label)) }
		}
	}
	for _, c := range []struct {
		step  string
		wrong func(f *Functions)
		says  string
	}{
		{"FirstLoss", loss(func(l float64) float64 { return l / math.Ln10 }), "to the base 10"},
		{"FirstLoss", loss(func(l float64) float64 { return l / math.Ln2 }), "to the base 2"},
		{"FirstLoss", loss(func(l float64) float64 { return -l }), "The sign is wrong"},
		{"FirstLoss", loss(func(l float64) float64 { return l / 10 }), "divided by the number of classes"},
		{"FirstLoss", loss(func(float64) float64 { return math.NaN() }), "Where does the first NaN"},
		{"FirstLoss", loss(func(float64) float64 { return 0 }), "its loss can't be that small"},
		{"FirstLoss", newMistakes()[1].wrong, "its weights are too large"},
		{"FirstLoss", func(f *Functions) { f.New = func(uint64) *convnet.Network { return nil } }, "New returned nil."},
		{"Overfit", updateMistakes()[0].wrong, "the loss"},
		{"Overfit", updateWith(func(*float64, float64, float64) {}), "The loss doesn't change at all."},
		{"Overfit", newMistakes()[0].wrong, "near log 10"},
		{"Train", func(f *Functions) {
			f.Backward = func(n, grad network, d, a activations, label int) {
				mask1, mask2 := a.Mask1, a.Mask2
				b := convnet.NewActivations()
				a.Mask1, a.Mask2 = b.Mask1, b.Mask2
				n.Backward(grad, d, a, label)
				a.Mask1, a.Mask2 = mask1, mask2
			}
		}, "So look at the masks"},
	} {
		for _, step := range checkSteps() {
			if step.Name == c.step && (step.takes == "" || testenv.All()) {
				f := Ours()
				c.wrong(&f)
				if got := message(t, step, f); !strings.Contains(got, c.says) {
					t.Errorf("%s: found %q, want %q in it", c.step, got, c.says)
				}
			}
		}
	}
}
