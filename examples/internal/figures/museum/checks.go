package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"

	"convnet"
	"convnet/examples/check"
)

// printChecks prints a table of what the checks say about the mistakes.
func printChecks(w io.Writer, all []exhibit, train []convnet.Digit) error {
	fmt.Fprintln(w, "| | mistake | in a copy of | caught by | message |")
	fmt.Fprintln(w, "|---|---|---|---|---|")
	for k, e := range all {
		caught, err := e.catch(train)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "| %d | %s | `%s` | %s | %s |\n", k+1, e.name, e.ours, e.catches, caught); err != nil {
			return err
		}
	}
	return nil
}

// catch returns what the check says about the mistake. Without it, the check must pass.
func (e exhibit) catch(train []convnet.Digit) (caught string, err error) {
	if err := e.check(e.sound, train); err != nil {
		return "", fmt.Errorf("%s: the check fails without the mistake: %w", e.name, err)
	}
	said := e.check(e.spoiled(), train)
	if said == nil {
		return "", fmt.Errorf("%s: the check passes with the mistake", e.name)
	}
	return said.Error(), nil
}

// near returns an error if an entry of got is further from that of want than tolerance times the
// largest entry of want.
func near(what string, got, want []float64, tolerance float64) error {
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for k, v := range got {
		if !(math.Abs(v-want[k]) <= tolerance*largest) {
			return fmt.Errorf("%s: entry %d is %.6g, want %.6g", what, k, v, want[k])
		}
	}
	return nil
}

// checkGradient compares the gradient of a network that has begun to learn with slopes, on the sum of
// two digits' losses, with dropout.
func checkGradient(v variant, train []convnet.Digit) error {
	n, _ := ours().learn(1, train[:200], 200, 1)
	return gradient(v, n, train[200:202], n.Tensors())
}

// gradient checks the gradients of some of the network's tensors, 50 entries of each.
func gradient(v variant, n *convnet.Network, digits []convnet.Digit, tensors []convnet.Tensor) error {
	grad, d := convnet.NewGradient(), convnet.NewActivations()
	rng := rand.New(rand.NewPCG(9, 1))
	var passes []*convnet.Activations // one for each digit
	for _, digit := range digits {
		a := convnet.NewActivations()
		v.mask(a.Mask1, 0.5, rng)
		v.mask(a.Mask2, 0.5, rng)
		v.forward(n, a, digit.Image)
		v.backward(n, grad, d, a, digit.Label, 0)
		passes = append(passes, a)
	}
	var kinks check.Kinks
	checker := check.Checker{Sample: 50, Kinks: &kinks, Loss: func() (sum float64) {
		for k, a := range passes {
			v.forward(n, a, digits[k].Image)
			sum += convnet.CrossEntropy(a.Logits, digits[k].Label)
			record(&kinks, a)
		}
		return sum
	}}
	for k, tensor := range tensors {
		if err := checker.Check(tensor.Data, grad.Tensors()[k].Data).Err(); err != nil {
			return fmt.Errorf("%s: %w", tensor.Name, err)
		}
	}
	return nil
}

// record records all kinks of a forward pass.
func record(kinks *check.Kinks, a *convnet.Activations) {
	for _, conv := range [][][][]float64{a.Conv1, a.Conv2} {
		for _, m := range conv {
			for _, row := range m {
				kinks.Signs(row)
			}
		}
	}
	for _, relu := range [][][][]float64{a.ReLU1, a.ReLU2} {
		for _, m := range relu {
			kinks.Winners(m, 2)
		}
	}
	kinks.Signs(a.Hidden)
}

// checkMask looks at every factor of a mask, and counts the units it drops.
func checkMask(v variant, _ []convnet.Digit) error {
	const units = 100_000
	for _, p := range []float64{0, 0.2, 0.5, 0.9} {
		mask := make([]float64, units)
		v.mask(mask, p, rand.New(rand.NewPCG(6, 1)))
		dropped := 0
		for _, factor := range mask {
			switch factor {
			case 0:
				dropped++
			case 1 / (1 - p):
			default:
				return fmt.Errorf("p = %v: a factor of %v, want 0 or %v", p, factor, 1/(1-p))
			}
		}
		// Five standard deviations of a binomial count.
		if slack := 5 * math.Sqrt(units*p*(1-p)); math.Abs(float64(dropped)-p*units) > slack {
			return fmt.Errorf("p = %v: %d of %d units dropped, want %v ± %.0f", p, dropped, units, p*units, slack)
		}
	}
	return nil
}

// checkStep compares steps with the forward pass, the backward pass and the update, one after the
// other. A step must leave the gradient cleared for the next.
func checkStep(v variant, train []convnet.Digit) error { return checkStepOf(v.step, train) }

func checkStepOf(step func(n, grad *convnet.Network, d, a *convnet.Activations, digit convnet.Digit, rate float64) float64, train []convnet.Digit) error {
	n, grad, d := convnet.New(2), convnet.NewGradient(), convnet.NewActivations()
	want, wantGrad, wantD := convnet.New(2), convnet.NewGradient(), convnet.NewActivations()
	a := convnet.NewActivations()
	rng := rand.New(rand.NewPCG(2, 1))
	for k, digit := range train[:5] {
		a.DrawMasks(0.5, rng)
		step(n, grad, d, a, digit, 0.03)
		want.Forward(a, digit.Image)
		wantGrad.Clear()
		want.Backward(wantGrad, wantD, a, digit.Label)
		descend(want.Parameters, wantGrad.Parameters, 0.03)
		for i, tensor := range n.Tensors() {
			if err := near(fmt.Sprintf("%s after step %d", tensor.Name, k+1), tensor.Data, want.Tensors()[i].Data, 0); err != nil {
				return err
			}
			cleared := grad.Tensors()[i].Data
			if err := near(fmt.Sprintf("the gradient of %s after step %d", tensor.Name, k+1), cleared, make([]float64, len(cleared)), 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkMeanLoss gives an epoch losses whose mean is known.
func checkMeanLoss(v variant, _ []convnet.Digit) error {
	digits := []convnet.Digit{{Label: 2}, {Label: 3}, {Label: 7}}
	mean := v.epoch(func(digit convnet.Digit) float64 { return float64(digit.Label) }, digits)
	if mean != 4 {
		return fmt.Errorf("the mean loss of 2, 3 and 7 is %.6g, want 4", mean)
	}
	return nil
}

// checkStride compares the feature maps with plain loops. Their gradient must be right as well.
func checkStride(v variant, train []convnet.Digit) error {
	n, a := convnet.New(1), convnet.NewActivations()
	image := train[0].Image
	v.forward(n, a, image)
	kernel := int(math.Sqrt(float64(len(n.Filters1[0]))))
	var got, want []float64
	for f, filter := range n.Filters1 {
		for y, row := range a.Pool1[f] {
			for x, v := range row {
				sum := 0.0
				for i := range kernel {
					for j := range kernel {
						sum += image[2*y+i][2*x+j] * filter[kernel*i+j]
					}
				}
				got, want = append(got, v), append(want, max(0, sum))
			}
		}
	}
	if err := near("the first convolution, with a stride of 2", got, want, 1e-14); err != nil {
		return err
	}
	return gradient(v, n, train[:1], n.Tensors()[:1])
}

// checkFinite takes losses of logits so large that a probability underflows to 0.
func checkFinite(v variant, _ []convnet.Digit) error {
	for _, logits := range [][]float64{{1e4, -1e4, 0}, {-1e4, -1e4, -1e4}, {1e300, 0, -1e300}} {
		for label := range logits {
			if loss := v.loss(logits, label); math.IsNaN(loss) || math.IsInf(loss, 0) {
				return fmt.Errorf("the loss of logits %v with label %d is %v", logits, label, loss)
			}
		}
	}
	return nil
}

// checkFirstLoss takes the mean loss of an untrained network, which knows nothing: it must be near log 10.
func checkFirstLoss(v variant, train []convnet.Digit) error {
	n, a := convnet.New(1), convnet.NewActivations()
	mean := meanLoss(func(digit convnet.Digit) float64 {
		v.forward(n, a, digit.Image)
		return v.loss(a.Logits, digit.Label)
	}, v.see(train[:200]))
	if !(math.Abs(mean-math.Ln10) <= 0.15) {
		return fmt.Errorf("the mean loss of an untrained network is %.3f, want about log 10 = %.3f", mean, math.Ln10)
	}
	return nil
}
