package tutor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"convnet"
	"convnet/examples/check"
)

// backwardSteps are the gradients in the order of the backward pass, then dropout.
func backwardSteps() []Step {
	return []Step{
		crossEntropyGradStep(), fullyConnectedWeightGradStep(), fullyConnectedInputGradStep(), unflattenStep(),
		maxPoolGradStep(), reluGradStep(), conv2DFilterGradStep(), conv2DInputGradStep(),
		dropoutMaskStep(), dropoutStep(),
	}
}

const backward = "The backward pass, by hand"

// slopes compares a gradient with the slopes of the learner's own forward function. The loss is the sum of
// its outputs, each times the gradient at it.
func slopes(name string, loss func() float64, kinks *check.Kinks, parameters, gradient []float64) string {
	err := check.Checker{Loss: loss, Kinks: kinks}.Check(parameters, gradient).Err()
	if err == nil {
		return ""
	}
	return wrap(fmt.Sprintf("All small examples are right. But at the size that the network needs, %s doesn't agree with the slopes of your own forward function: %v. Is a size written as a number somewhere?", name, err))
}

// dot returns Σ a·b over all values.
func dot(a, b output) float64 {
	sum := 0.0
	a.each(func(c, y, x int, v float64) { sum += v * b.values[c][y][x] })
	return sum
}

// block returns a volume whose values are all in one slice, and the slice.
func block(channels, rows, cols, start int) ([][][]float64, []float64) {
	all := pattern(channels*rows*cols, start)
	v, rest := make([][][]float64, channels), all
	for c := range v {
		for range rows {
			v[c] = append(v[c], rest[:cols:cols])
			rest = rest[cols:]
		}
	}
	return v, all
}

func crossEntropyGradStep() Step {
	grad := func(grad func(d, p []float64, label int)) func(f *Functions) {
		return func(f *Functions) { f.CrossEntropyGrad = grad }
	}
	each := func(each func(p float64, target float64, n int) float64) func(f *Functions) {
		return grad(func(d, p []float64, label int) {
			for k := range p {
				d[k] = each(p[k], when(k == label, 1), len(p))
			}
		})
	}
	// ofLabel puts the −1 at another class.
	ofLabel := func(class func(p []float64, label int) int) func(f *Functions) {
		return grad(func(d, p []float64, label int) { convnet.CrossEntropyGrad(d, p, class(p, label)) })
	}
	return Step{
		Name:    "CrossEntropyGrad",
		Section: backward,
		does:    "sets dLogits to the gradient of the loss at the logits: the probabilities minus the target.",
		formula: "dLogits[k] = probabilities[k] − (1 if k = label, else 0)",
		Hints: []string{
			"The target is 1 for the label and 0 for all others. So only one value differs from its probability.",
			"Copy the probabilities to dLogits, then subtract 1 from the label's: dLogits[label]--.",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.CrossEntropyGrad",
		},
		trials: []trial{
			crossEntropyGradTrial([]float64{0.25, 0.5, 0.25}, 1, dirt),
			crossEntropyGradTrial([]float64{0.125, 0.25, 0.125, 0.5}, 1, -dirt),
			crossEntropyGradTrial([]float64{0.25, 0.125, 0.625}, 0, dirt),
			{
				input: inputs(vector("probabilities, and dLogits is the same vector", []float64{0.75, 0.25})) + "\nlabel 1",
				run: func(f Functions) []output {
					v := []float64{0.75, 0.25}
					f.CrossEntropyGrad(v, v, 1)
					return []output{vector("dLogits", v)}
				},
			},
		},
		mistakes: []mistake{
			{"the loss's gradient lacks the −1: it is only the probabilities", each(func(p, _ float64, _ int) float64 { return p })},
			{"the sign is flipped: target minus probabilities", each(func(p, t float64, _ int) float64 { return t - p })},
			{"1 is subtracted everywhere, not only at the label", each(func(p, _ float64, _ int) float64 { return p - 1 })},
			{"1 is added at the label, not subtracted", each(func(p, t float64, _ int) float64 { return p + t })},
			{"1 is subtracted everywhere except at the label", each(func(p, t float64, _ int) float64 { return p - (1 - t) })},
			{"only the label has a gradient, and the others get 0", each(func(p, t float64, _ int) float64 { return when(t == 1, p-1) })},
			{"only the classes other than the label have a gradient, and the label gets 0", each(func(p, t float64, _ int) float64 { return when(t == 0, p) })},
			{"the probabilities are missing: it is only minus the target", each(func(_, t float64, _ int) float64 { return -t })},
			{"the gradient is divided by the number of classes", each(func(p, t float64, n int) float64 { return (p - t) / float64(n) })},
			{"it is the derivative of −log p, −1/p at the label. That's the gradient at the probabilities. The one at the logits has gone through softmax, too", each(func(p, t float64, _ int) float64 { return when(t == 1, -1/p) })},
			{"it is multiplied by p·(1 − p), the derivative of a sigmoid. With cross-entropy that factor cancels", each(func(p, t float64, _ int) float64 { return (p - t) * p * (1 - p) })},
			{"it is p·(1 − p), the derivative of a sigmoid", each(func(p, _ float64, _ int) float64 { return p * (1 - p) })},
			{"the gradient is twice as large, like that of a squared distance", each(func(p, t float64, _ int) float64 { return 2 * (p - t) })},
			{"the absolute value is taken, or 1 − p at the label. There the gradient is p − 1, which is negative", each(func(p, t float64, _ int) float64 { return math.Abs(p - t) })},
			{"softmax is applied again: what comes in are already probabilities", grad(func(d, p []float64, label int) {
				soft := make([]float64, len(p))
				convnet.Softmax(soft, p)
				convnet.CrossEntropyGrad(d, soft, label)
			})},
			{"the −1 is at the class with the largest probability, not at the label", ofLabel(func(p []float64, _ int) int { return slices.Index(p, slices.Max(p)) })},
			{"the −1 is at the class before the label: labels begin at 0, like indices", ofLabel(func(p []float64, label int) int { return (label + len(p) - 1) % len(p) })},
			{"the −1 is at the class after the label", ofLabel(func(p []float64, label int) int { return (label + 1) % len(p) })},
			{"the −1 is always at class 0", ofLabel(func([]float64, int) int { return 0 })},
			{"the gradient is added to what dLogits held: += instead of =", grad(func(d, p []float64, label int) {
				for k := range p {
					d[k] += p[k]
				}
				d[label]--
			})},
			{"1 is subtracted from dLogits[label] before the probabilities are copied, or nothing is copied at all", grad(func(d, p []float64, label int) { d[label]-- })},
			{"the label's entry is what dLogits held before the call, minus 1", grad(func(d, p []float64, label int) {
				for k := range p {
					if k != label {
						d[k] = p[k]
					}
				}
				d[label]--
			})},
			{"the 1 is subtracted from the probabilities, which should only be read", grad(func(d, p []float64, label int) {
				p[label]--
				copy(d, p)
			})},
			{"dLogits = probabilities copies nothing: both names mean the same slice, and 1 is subtracted from its label. Use copy(dLogits, probabilities)", grad(func(_, p []float64, label int) { p[label]-- })},
		},
	}
}

func crossEntropyGradTrial(p []float64, label int, leftover float64) trial {
	return trial{
		input: inputs(vector("probabilities", p)) + fmt.Sprintf("\nlabel %d", label),
		holds: full("dLogits", leftover),
		run: func(f Functions) []output {
			d, p := usedVector(leftover, len(p)), slices.Clone(p)
			f.CrossEntropyGrad(d, p, label)
			return []output{vector("dLogits", d), vector("probabilities"+afterward, p)}
		},
	}
}

func fullyConnectedWeightGradStep() Step {
	grad := func(grad func(dw [][]float64, db, in, dOut []float64)) func(f *Functions) {
		return func(f *Functions) { f.AddFullyConnectedWeightGrad = grad }
	}
	// add has other gradients for weights and biases.
	add := func(weight func(i, j int, in, dOut []float64) float64, bias func(i int, in, dOut []float64) float64) func(f *Functions) {
		return grad(func(dw [][]float64, db, in, dOut []float64) {
			for i := range dOut {
				for j := range in {
					dw[i][j] += weight(i, j, in, dOut)
				}
				db[i] += bias(i, in, dOut)
			}
		})
	}
	weight := func(i, j int, in, dOut []float64) float64 { return dOut[i] * in[j] }
	bias := func(i int, _, dOut []float64) float64 { return dOut[i] }
	sum := func(v []float64) (sum float64) {
		for _, x := range v {
			sum += x
		}
		return sum
	}
	return Step{
		Name:    "AddFullyConnectedWeightGrad",
		Section: backward,
		does:    "adds to dWeights and dBiases the gradients of the weights and biases: the gradient at the output, times the input that the weight was multiplied by.",
		formula: "dWeights[i][j] += dOut[i] · in[j]\ndBiases[i]     += dOut[i]",
		Hints: []string{
			"Weight [i][j] leads from input j to output i. If it grows by 1, output i grows by in[j]. And how fast does the loss change with output i?",
			"Two loops, i over dOut and j over in, and += because functions named Add add. A bias isn't multiplied by an input, so its line is outside the inner loop.",
			"The solution is this, and ours is in layer.go of convnet (go doc -src convnet.AddFullyConnectedWeightGrad):\n\n" +
				"    for i, g := range dOut {\n" +
				"        for j, v := range in {\n" +
				"            dWeights[i][j] += g * v\n" +
				"        }\n" +
				"        dBiases[i] += g\n" +
				"    }",
		},
		trials: []trial{
			weightGradTrial(walkFlat, walkDLogits, 0),
			weightGradTrial([]float64{3, -1}, []float64{2, -0.5}, 1),
			weightGradTrial([]float64{1, -2, 0, 0.5}, []float64{-1, 3}, 2),
			weightGradTrial([]float64{-2, 1.5}, []float64{0, 1, -0.25}, -1),
		},
		mistakes: []mistake{
			{"dWeights and dBiases are overwritten: = instead of +=. The gradients of a batch have to add up", grad(func(dw [][]float64, db, in, dOut []float64) {
				clearMatrix(dw)
				clear(db)
				convnet.AddFullyConnectedWeightGrad(dw, db, in, dOut)
			})},
			{"dWeights is overwritten: = instead of +=", grad(func(dw [][]float64, db, in, dOut []float64) {
				clearMatrix(dw)
				convnet.AddFullyConnectedWeightGrad(dw, db, in, dOut)
			})},
			{"dBiases is overwritten: = instead of +=", grad(func(dw [][]float64, db, in, dOut []float64) {
				clear(db)
				convnet.AddFullyConnectedWeightGrad(dw, db, in, dOut)
			})},
			{"the bias has no gradient", add(weight, func(int, []float64, []float64) float64 { return 0 })},
			{"the weights have no gradient", add(func(int, int, []float64, []float64) float64 { return 0 }, bias)},
			{"the bias's gradient is added once for each input: its line belongs outside the inner loop", add(weight, func(i int, in, dOut []float64) float64 { return dOut[i] * float64(len(in)) })},
			{"the bias's gradient is multiplied by the inputs", add(weight, func(i int, in, dOut []float64) float64 { return dOut[i] * sum(in) })},
			{"every bias gets the sum of all gradients", add(weight, func(_ int, _, dOut []float64) float64 { return sum(dOut) })},
			{"every bias gets the first gradient", add(weight, func(_ int, _, dOut []float64) float64 { return dOut[0] })},
			{"the bias's gradient is 1: dOut is missing", add(weight, func(int, []float64, []float64) float64 { return 1 })},
			{"the signs are flipped: gradients are added here. Only Update subtracts", add(func(i, j int, in, dOut []float64) float64 { return -dOut[i] * in[j] }, func(i int, _, dOut []float64) float64 { return -dOut[i] })},
			{"i and j are swapped on the right: dOut[j]·in[i] instead of dOut[i]·in[j]", add(func(i, j int, in, dOut []float64) float64 { return dOut[j] * in[i] }, bias)},
			{"dWeights is transposed: dWeights[j][i] instead of dWeights[i][j]", grad(func(dw [][]float64, db, in, dOut []float64) {
				for i, g := range dOut {
					for j, v := range in {
						dw[j][i] += g * v
					}
					db[i] += g
				}
			})},
			{"the input is missing: every weight gets the gradient at its output", add(func(i, _ int, _, dOut []float64) float64 { return dOut[i] }, bias)},
			{"dOut is missing: every weight gets its input", add(func(_, j int, in, _ []float64) float64 { return in[j] }, bias)},
			{"all rows use the first gradient, dOut[0]", add(func(_, j int, in, dOut []float64) float64 { return dOut[0] * in[j] }, bias)},
			{"all columns use the first input, in[0]", add(func(i, _ int, in, dOut []float64) float64 { return dOut[i] * in[0] }, bias)},
			{"only the diagonal of the weights gets a gradient", add(func(i, j int, in, dOut []float64) float64 { return when(i == j, dOut[i]*in[j]) }, bias)},
			{"gradient and input are added, not multiplied", add(func(i, j int, in, dOut []float64) float64 { return dOut[i] + in[j] }, bias)},
			{"the gradient of the weights is divided by the number of inputs", add(func(i, j int, in, dOut []float64) float64 { return dOut[i] * in[j] / float64(len(in)) }, bias)},
			{"negative gradients are left out", add(func(i, j int, in, dOut []float64) float64 { return max(0, dOut[i]) * in[j] }, func(i int, _, dOut []float64) float64 { return max(0, dOut[i]) })},
			{"inputs that aren't positive are left out", add(func(i, j int, in, dOut []float64) float64 { return dOut[i] * max(0, in[j]) }, bias)},
			{"the last column is left out", add(func(i, j int, in, dOut []float64) float64 { return when(j < len(in)-1, dOut[i]*in[j]) }, bias)},
		},
		needs: "FullyConnected",
		check: func(f Functions) string {
			v, w := block(1, 12, 40, 1)
			in, b, dOut := pattern(40, 2), pattern(12, 3), pattern(12, 4)
			dw, flat := block(1, 12, 40, 1)
			clear(flat)
			db, dst := make([]float64, 12), make([]float64, 12)
			f.AddFullyConnectedWeightGrad(dw[0], db, in, dOut)
			loss := func() float64 {
				f.FullyConnected(dst, v[0], b, in)
				return dot(vector("", dst), vector("", dOut))
			}
			if message := slopes("dWeights", loss, nil, w, flat); message != "" {
				return message
			}
			return slopes("dBiases", loss, nil, b, db)
		},
	}
}

func weightGradTrial(in, dOut []float64, start float64) trial {
	show := []output{vector("in", in), vector("dOut", dOut)}
	note := "\n(dWeights and dBiases are all zeros before the call)"
	if start != 0 {
		note = fmt.Sprintf("\n(dWeights and dBiases are full of %gs before the call)", start)
	}
	return trial{
		input: inputs(show...) + note,
		run: func(f Functions) []output {
			dw, db, in, dOut := usedMatrix(start, len(dOut), len(in)), usedVector(start, len(dOut)), slices.Clone(in), slices.Clone(dOut)
			f.AddFullyConnectedWeightGrad(dw, db, in, dOut)
			return []output{matrix("dWeights", dw), vector("dBiases", db), vector("in"+afterward, in), vector("dOut"+afterward, dOut)}
		},
	}
}

func fullyConnectedInputGradStep() Step {
	grad := func(grad func(dIn []float64, w [][]float64, dOut []float64)) func(f *Functions) {
		return func(f *Functions) { f.FullyConnectedInputGrad = grad }
	}
	sum := func(product func(i, j int, w [][]float64, dOut []float64) float64) func(f *Functions) {
		return grad(func(dIn []float64, w [][]float64, dOut []float64) {
			for j := range dIn {
				dIn[j] = 0
				for i := range dOut {
					dIn[j] += product(i, j, w, dOut)
				}
			}
		})
	}
	return Step{
		Name:    "FullyConnectedInputGrad",
		Section: backward,
		does:    "sets dIn to the gradient at the input: each output sends its gradient back along its own weights, and they add up.",
		formula: "dIn[j] = Σᵢ dOut[i] · weights[i][j]",
		Hints: []string{
			"Input j affects the loss through every output. So its gradient is a sum over the outputs i.",
			"Set dIn to zeros first: clear(dIn). Then two loops, and in them dIn[j] += dOut[i]*weights[i][j].",
			"The solution is this, and ours is in layer.go of convnet (go doc -src convnet.FullyConnectedInputGrad):\n\n" +
				"    for j := range dIn {\n" +
				"        dIn[j] = 0\n" +
				"        for i, g := range dOut {\n" +
				"            dIn[j] += g * weights[i][j]\n" +
				"        }\n" +
				"    }",
		},
		trials: []trial{
			inputGradTrial(walkWeights, walkDLogits, dirt),
			inputGradTrial([][]float64{{1, 2}, {-3, 4}}, []float64{2, -0.5}, -dirt),
			inputGradTrial(patternMatrix(2, 4, 1), []float64{-1, 3}, dirt),
			inputGradTrial(patternMatrix(4, 3, 2), []float64{0.5, 0, -2, 1}, -dirt),
		},
		mistakes: []mistake{
			{"dIn isn't cleared first, so the sums are added to what an earlier call left there", grad(func(dIn []float64, w [][]float64, dOut []float64) {
				for i, g := range dOut {
					for j := range dIn {
						dIn[j] += g * w[i][j]
					}
				}
			})},
			{"only the last output counts: = instead of +=", sum(func(i, j int, w [][]float64, dOut []float64) float64 {
				return when(i == len(dOut)-1, dOut[i]*w[i][j])
			})},
			{"only the first output counts", sum(func(i, j int, w [][]float64, dOut []float64) float64 { return when(i == 0, dOut[i]*w[i][j]) })},
			{"the last output is left out", sum(func(i, j int, w [][]float64, dOut []float64) float64 {
				return when(i < len(dOut)-1, dOut[i]*w[i][j])
			})},
			{"the weights are transposed: weights[j][i] instead of weights[i][j]", sum(func(i, j int, w [][]float64, dOut []float64) float64 { return dOut[i] * w[j][i] })},
			{"all outputs use the weights of the first", sum(func(i, j int, w [][]float64, dOut []float64) float64 { return dOut[i] * w[0][j] })},
			{"each output uses the weights of another: the rows are in reverse order", sum(func(i, j int, w [][]float64, dOut []float64) float64 { return dOut[i] * w[len(dOut)-1-i][j] })},
			{"all inputs use the first column of the weights", sum(func(i, _ int, w [][]float64, dOut []float64) float64 { return dOut[i] * w[i][0] })},
			{"the weights are missing: every input gets the sum of the gradients", sum(func(i, _ int, _ [][]float64, dOut []float64) float64 { return dOut[i] })},
			{"dOut is missing: every input gets the sum of its weights", sum(func(i, j int, w [][]float64, _ []float64) float64 { return w[i][j] })},
			{"all weights are multiplied by the first gradient, dOut[0]", sum(func(i, j int, w [][]float64, dOut []float64) float64 { return dOut[0] * w[i][j] })},
			{"the weight is multiplied by dOut[j] instead of dOut[i]", sum(func(i, j int, w [][]float64, dOut []float64) float64 { return dOut[j] * w[i][j] })},
			{"only the diagonal of the weights is used", sum(func(i, j int, w [][]float64, dOut []float64) float64 { return when(i == j, dOut[i]*w[i][j]) })},
			{"the sign is flipped", sum(func(i, j int, w [][]float64, dOut []float64) float64 { return -dOut[i] * w[i][j] })},
			{"gradient and weight are added, not multiplied", sum(func(i, j int, w [][]float64, dOut []float64) float64 { return dOut[i] + w[i][j] })},
			{"the sum is divided by the number of outputs", sum(func(i, j int, w [][]float64, dOut []float64) float64 { return dOut[i] * w[i][j] / float64(len(dOut)) })},
			{"negative gradients are left out", sum(func(i, j int, w [][]float64, dOut []float64) float64 { return max(0, dOut[i]) * w[i][j] })},
			{"negative sums are cut off, as if ReLU's gradient were part of it", grad(func(dIn []float64, w [][]float64, dOut []float64) {
				convnet.FullyConnectedInputGrad(dIn, w, dOut)
				for j := range dIn {
					dIn[j] = max(0, dIn[j])
				}
			})},
			{"the sum isn't set to 0 for the next input", grad(func(dIn []float64, w [][]float64, dOut []float64) {
				total := 0.0
				for j := range dIn {
					for i, g := range dOut {
						total += g * w[i][j]
					}
					dIn[j] = total
				}
			})},
		},
		needs: "FullyConnected",
		check: func(f Functions) string {
			in, w, b, dOut := pattern(320, 1), patternMatrix(100, 320, 2), pattern(100, 3), pattern(100, 4)
			dIn, dst := usedVector(dirt, 320), make([]float64, 100)
			f.FullyConnectedInputGrad(dIn, w, dOut)
			for j := range in {
				in[j] /= 100 // a smaller loss has more correct decimals
			}
			return slopes("dIn", func() float64 {
				f.FullyConnected(dst, w, b, in)
				return dot(vector("", dst), vector("", dOut))
			}, nil, in, dIn)
		},
	}
}

func inputGradTrial(weights [][]float64, dOut []float64, leftover float64) trial {
	return trial{
		input: inputs(matrix("weights", weights), vector("dOut", dOut)),
		holds: full("dIn", leftover),
		run: func(f Functions) []output {
			dIn, weights, dOut := usedVector(leftover, len(weights[0])), copyMatrix(weights), slices.Clone(dOut)
			f.FullyConnectedInputGrad(dIn, weights, dOut)
			return []output{vector("dIn", dIn), matrix("weights"+afterward, weights), vector("dOut"+afterward, dOut)}
		},
	}
}

func unflattenStep() Step {
	unflatten := func(unflatten func(volume [][][]float64, vector []float64)) func(f *Functions) {
		return func(f *Functions) { f.Unflatten = unflatten }
	}
	step := Step{
		Name:    "Unflatten",
		Section: backward,
		does:    "lays a vector out as maps again: the inverse of Flatten.",
		formula: "volume[c][y][x] = vector[(c·rows+y)·cols+x]",
		Hints: []string{
			"It's Flatten with the two sides of the assignment swapped.",
			"k := 0, three loops over volume, and in them volume[c][y][x] = vector[k], then k++.",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.Unflatten",
		},
		trials: []trial{
			unflattenTrial([]float64{1, 2, 3, 4, 5, 6, 7, 8}, dirt, 2, 2, 2),
			unflattenTrial(pattern(12, 1), -dirt, 2, 2, 3),
			unflattenTrial(pattern(9, 2), dirt, 3, 3, 1),
		},
		mistakes: []mistake{
			{"the values are added to what the volume held: += instead of =", unflatten(func(volume [][][]float64, vector []float64) {
				order(readingOrder).visit(volume, func(v *float64, k int) { *v += vector[k] })
			})},
			{"the index never moves: every value comes from vector[0]", unflatten(func(volume [][][]float64, vector []float64) {
				order(readingOrder).visit(volume, func(v *float64, _ int) { *v = vector[0] })
			})},
			{"the vector is overwritten with the volume: the two are swapped, as in Flatten", unflatten(func(volume [][][]float64, vector []float64) { convnet.Flatten(vector, volume) })},
			{"the volume's rows are replaced by new ones that the caller doesn't have, or nothing is written at all", unflatten(func([][][]float64, []float64) {})},
		},
	}
	for _, o := range orders {
		step.mistakes = append(step.mistakes, mistake{o.says, unflatten(func(volume [][][]float64, vector []float64) {
			o.order.visit(volume, func(v *float64, k int) { *v = vector[k] })
		})})
	}
	return step
}

func unflattenTrial(v []float64, leftover float64, channels, rows, cols int) trial {
	return trial{
		input: inputs(vector("vector", v)),
		holds: full("volume", leftover),
		run: func(f Functions) []output {
			dst, v := used(leftover, channels, rows, cols), slices.Clone(v)
			f.Unflatten(dst, v)
			return []output{volume("volume", dst), vector("vector"+afterward, v)}
		},
	}
}

func maxPoolGradStep() Step {
	pool := func(pool func(dIn, in, dOut [][]float64)) func(f *Functions) {
		return func(f *Functions) { f.MaxPoolGrad = pool }
	}
	// share distributes the gradient of a window: it returns what each of its values gets.
	share := func(share func(v [4]float64, g float64) [4]float64) func(f *Functions) {
		return pool(func(dIn, in, dOut [][]float64) {
			clearMatrix(dIn)
			for y, row := range dOut {
				for x, g := range row {
					s := share([4]float64{in[2*y][2*x], in[2*y][2*x+1], in[2*y+1][2*x], in[2*y+1][2*x+1]}, g)
					dIn[2*y][2*x], dIn[2*y][2*x+1], dIn[2*y+1][2*x], dIn[2*y+1][2*x+1] = s[0], s[1], s[2], s[3]
				}
			}
		})
	}
	// winner gives it all to one.
	winner := func(winner func(v [4]float64) int) func(f *Functions) {
		return share(func(v [4]float64, g float64) (s [4]float64) {
			if k := winner(v); k >= 0 {
				s[k] = g
			}
			return s
		})
	}
	first := func(v [4]float64) int { return slices.Index(v[:], slices.Max(v[:])) }
	// visit calls f with the place of each window's winner.
	visit := func(in, dOut [][]float64, f func(y, x, i, j int, g float64)) {
		for y, row := range dOut {
			for x, g := range row {
				k := first([4]float64{in[2*y][2*x], in[2*y][2*x+1], in[2*y+1][2*x], in[2*y+1][2*x+1]})
				f(y, x, k/2, k%2, g)
			}
		}
	}
	// equals clears dIn, and calls f with every place of the map that is equal to the maximum of a window.
	equals := func(dIn, in, dOut [][]float64, f func(y, x int, g float64)) {
		clearMatrix(dIn)
		for y, row := range dOut {
			for x, g := range row {
				m := max(in[2*y][2*x], in[2*y][2*x+1], in[2*y+1][2*x], in[2*y+1][2*x+1])
				for i := range in {
					for j, v := range in[i] {
						if v == m {
							f(i, j, g)
						}
					}
				}
			}
		}
	}
	const wholeMap = "the maximum of a window is compared with the whole map: look only at the four values of the window, at rows 2y and 2y+1 and columns 2x and 2x+1"
	return Step{
		Name:    "MaxPoolGrad",
		Section: backward,
		does:    "gives the gradient at an output to the value that won its window, on a tie to the first in reading order. All others get 0.",
		formula: "dIn[2y+i][2x+j] = dOut[y][x] where in[2y+i][2x+j] is the first maximum\n" +
			"of its window (top left, top right, bottom left, bottom right), else 0",
		Hints: []string{
			"Set all of dIn to 0 first. Then loop over dOut. For each window find out where its maximum is: you need the place, not only the value.",
			"Begin with by, bx := 2*y, 2*x. Compare the other three in reading order, and if one is larger (>, not >=), it becomes the new by, bx. At the end: dIn[by][bx] = dOut[y][x].",
			"The solution is this, and ours is in layer.go of convnet (go doc -src convnet.MaxPoolGrad):\n\n" +
				"    for _, row := range dIn {\n" +
				"        clear(row)\n" +
				"    }\n" +
				"    for y := range dOut {\n" +
				"        for x, g := range dOut[y] {\n" +
				"            by, bx := 2*y, 2*x\n" +
				"            for i := range 2 {\n" +
				"                for j := range 2 {\n" +
				"                    if in[2*y+i][2*x+j] > in[by][bx] {\n" +
				"                        by, bx = 2*y+i, 2*x+j\n" +
				"                    }\n" +
				"                }\n" +
				"            }\n" +
				"            dIn[by][bx] = g\n" +
				"        }\n" +
				"    }",
		},
		trials: []trial{
			maxPoolGradTrial([][]float64{{0, 0.5, 1, 3}, {0, 1, 2, 0.5}, {4, 1, 0, 0.5}, {0.5, 2, 2.5, 1}}, [][]float64{{0.25, -0.5}, {1, 2}}, dirt),
			maxPoolGradTrial([][]float64{{1, 1, 0, 2}, {0, 1, 2, 0}, {0, 0, 0, 0}, {3, 3, 0, 0}}, [][]float64{{4, -8}, {12, 16}}, -dirt),
			oddSizes("dOut", maxPoolGradTrial([][]float64{{-3, -1, 4}, {-2, -4, 5}, {-1, -2, 6}, {-3, -5, 7}, {8, 8, 8}}, [][]float64{{2}, {-3}}, dirt)),
			maxPoolGradTrial(patternMatrix(4, 6, 1), patternMatrix(2, 3, 2), -dirt),
			maxPoolGradTrial(patternMatrix(2, 8, 3), patternMatrix(1, 4, 3), dirt),
		},
		mistakes: []mistake{
			{"ties go to the last: >= instead of >", winner(func(v [4]float64) int {
				best := 0
				for k, x := range v {
					if x >= v[best] {
						best = k
					}
				}
				return best
			})},
			{"ties go to all: each value that equals the maximum gets the whole gradient", share(func(v [4]float64, g float64) (s [4]float64) {
				for k := range v {
					s[k] = when(v[k] == slices.Max(v[:]), g)
				}
				return s
			})},
			{"ties are shared: the values that equal the maximum get equal parts of the gradient", share(func(v [4]float64, g float64) (s [4]float64) {
				n := 0.0
				for k := range v {
					n += when(v[k] == slices.Max(v[:]), 1)
				}
				for k := range v {
					s[k] = when(v[k] == slices.Max(v[:]), g/n)
				}
				return s
			})},
			{"on a tie nobody gets the gradient: a value must be larger than all others", winner(func(v [4]float64) int {
				m := slices.Max(v[:])
				k := slices.Index(v[:], m)
				if slices.Contains(v[k+1:], m) {
					return -1
				}
				return k
			})},
			{"on a tie the top right value comes after the bottom left one: the window is searched column by column", winner(func(v [4]float64) int {
				m := slices.Max(v[:])
				for _, k := range []int{0, 2, 1, 3} {
					if v[k] == m {
						return k
					}
				}
				return -1
			})},
			{"all four values of a window get the gradient", share(func(_ [4]float64, g float64) [4]float64 { return [4]float64{g, g, g, g} })},
			{"each value of a window gets a quarter of the gradient. That's the gradient of average pooling", share(func(_ [4]float64, g float64) [4]float64 { return [4]float64{g / 4, g / 4, g / 4, g / 4} })},
			{"the top left value of each window always gets the gradient", winner(func([4]float64) int { return 0 })},
			{"the smallest value of each window gets the gradient", winner(func(v [4]float64) int { return slices.Index(v[:], slices.Min(v[:])) })},
			{"the value furthest from 0 gets the gradient", winner(func(v [4]float64) int {
				best := 0
				for k, x := range v {
					if math.Abs(x) > math.Abs(v[best]) {
						best = k
					}
				}
				return best
			})},
			{"the fourth value of a window is never looked at", winner(func(v [4]float64) int { return slices.Index(v[:3], slices.Max(v[:3])) })},
			{"the search for the maximum starts at 0, so windows without positive values lose their gradient. Start it at the first value", winner(func(v [4]float64) int {
				best, m := -1, 0.0
				for k, x := range v {
					if x > m {
						best, m = k, x
					}
				}
				return best
			})},
			{"the search for the maximum starts at 0, so windows without positive values give it to the top left", winner(func(v [4]float64) int {
				best, m := 0, 0.0
				for k, x := range v {
					if x > m {
						best, m = k, x
					}
				}
				return best
			})},
			{"every value that is larger than those before it gets the gradient, not only the winner: wait for the end of the window", share(func(v [4]float64, g float64) (s [4]float64) {
				m := math.Inf(-1)
				for k, x := range v {
					if x > m {
						s[k], m = g, x
					}
				}
				return s
			})},
			{"the winner gets 1, not the gradient at the output", share(func(v [4]float64, _ float64) (s [4]float64) {
				s[first(v)] = 1
				return s
			})},
			{"the winner gets its own value, not the gradient at the output", share(func(v [4]float64, _ float64) (s [4]float64) {
				s[first(v)] = v[first(v)]
				return s
			})},
			{"the gradient is multiplied by the maximum", share(func(v [4]float64, g float64) (s [4]float64) {
				s[first(v)] = g * v[first(v)]
				return s
			})},
			{"the losers get minus the gradient, not 0", share(func(v [4]float64, g float64) [4]float64 {
				s := [4]float64{-g, -g, -g, -g}
				s[first(v)] = g
				return s
			})},
			{"negative gradients are left out", share(func(v [4]float64, g float64) (s [4]float64) {
				s[first(v)] = max(0, g)
				return s
			})},
			{"dIn isn't cleared first, so the losers keep what an earlier call left there", pool(func(dIn, in, dOut [][]float64) {
				visit(in, dOut, func(y, x, i, j int, g float64) { dIn[2*y+i][2*x+j] = g })
			})},
			{"dIn isn't cleared first, and the gradients are added to what an earlier call left there", pool(func(dIn, in, dOut [][]float64) {
				visit(in, dOut, func(y, x, i, j int, g float64) { dIn[2*y+i][2*x+j] += g })
			})},
			{"the odd row or column at the end isn't cleared: it belongs to no window, and its gradient is 0", pool(func(dIn, in, dOut [][]float64) {
				for y, row := range dOut {
					for x := range row {
						dIn[2*y][2*x], dIn[2*y][2*x+1], dIn[2*y+1][2*x], dIn[2*y+1][2*x+1] = 0, 0, 0, 0
					}
				}
				visit(in, dOut, func(y, x, i, j int, g float64) { dIn[2*y+i][2*x+j] = g })
			})},
			{wholeMap, pool(func(dIn, in, dOut [][]float64) {
				equals(dIn, in, dOut, func(y, x int, g float64) { dIn[y][x] = g })
			})},
			{wholeMap, pool(func(dIn, in, dOut [][]float64) {
				equals(dIn, in, dOut, func(y, x int, g float64) { dIn[y][x] += g })
			})},
			{"row and column of the winner are swapped", pool(func(dIn, in, dOut [][]float64) {
				clearMatrix(dIn)
				visit(in, dOut, func(y, x, i, j int, g float64) { dIn[2*y+j][2*x+i] = g })
			})},
			{"rows and columns of dOut are swapped: dOut[x][y] instead of dOut[y][x]", pool(func(dIn, in, dOut [][]float64) {
				clearMatrix(dIn)
				visit(in, dOut, func(y, x, i, j int, _ float64) { dIn[2*y+i][2*x+j] = dOut[x][y] })
			})},
			{"all windows get the first gradient, dOut[0][0]", pool(func(dIn, in, dOut [][]float64) {
				clearMatrix(dIn)
				visit(in, dOut, func(y, x, i, j int, _ float64) { dIn[2*y+i][2*x+j] = dOut[0][0] })
			})},
			{"y and x aren't doubled: the gradient goes to dIn[y+i][x+j]", pool(func(dIn, in, dOut [][]float64) {
				clearMatrix(dIn)
				visit(in, dOut, func(y, x, i, j int, g float64) { dIn[y+i][x+j] = g })
			})},
			{"the windows overlap: they move by 1 instead of 2", pool(func(dIn, in, dOut [][]float64) {
				clearMatrix(dIn)
				for y, row := range dOut {
					for x, g := range row {
						k := first([4]float64{in[y][x], in[y][x+1], in[y+1][x], in[y+1][x+1]})
						dIn[y+k/2][x+k%2] += g
					}
				}
			})},
		},
		needs: "MaxPool",
		check: func(f Functions) string {
			in, dOut := distinct(12, 12), patternMatrix(6, 6, 2)
			dIn, flat := block(1, 12, 12, 1)
			f.MaxPoolGrad(dIn[0], in[0], dOut)
			dst := convnet.NewMatrix(6, 6)
			v, all := block(1, 12, 12, 1)
			for y := range in[0] {
				copy(v[0][y], in[0][y])
			}
			kinks := new(check.Kinks)
			return slopes("dIn", func() float64 {
				kinks.Winners(v[0], 2)
				f.MaxPool(dst, v[0])
				return dot(matrix("", dst), matrix("", dOut))
			}, kinks, all, flat)
		},
	}
}

// distinct returns a volume of one channel whose values all differ.
func distinct(rows, cols int) [][][]float64 {
	v := convnet.NewVolume(1, rows, cols)
	for y, row := range v[0] {
		for x := range row {
			row[x] = float64((37*(y*cols+x)+5)%(rows*cols))/16 - 4
		}
	}
	return v
}

func maxPoolGradTrial(in, dOut [][]float64, leftover float64) trial {
	return trial{
		input: inputs(matrix("in", in), matrix("dOut", dOut)),
		holds: full("dIn", leftover),
		run: func(f Functions) []output {
			dIn, in, dOut := usedMatrix(leftover, len(in), len(in[0])), copyMatrix(in), copyMatrix(dOut)
			f.MaxPoolGrad(dIn, in, dOut)
			return []output{matrix("dIn", dIn), matrix("in"+afterward, in), matrix("dOut"+afterward, dOut)}
		},
	}
}

func reluGradStep() Step {
	grad := func(grad func(dIn, in, dOut [][]float64)) func(f *Functions) {
		return func(f *Functions) { f.ReLUGrad = grad }
	}
	each := func(each func(v, g float64) float64) func(f *Functions) {
		return grad(func(dIn, in, dOut [][]float64) {
			for y, row := range in {
				for x, v := range row {
					dIn[y][x] = each(v, dOut[y][x])
				}
			}
		})
	}
	return Step{
		Name:    "ReLUGrad",
		Section: backward,
		does:    "lets the gradient pass where the input was above 0, and stops it elsewhere.",
		formula: "dIn[y][x] = dOut[y][x] if in[y][x] > 0, else 0",
		Hints: []string{
			"What was in[y][x]? That alone decides. If ReLU passed the value on, the gradient passes, with its sign. If ReLU made it 0, the gradient becomes 0.",
			"Two loops. If in[y][x] > 0, dIn[y][x] = dOut[y][x]. Else dIn[y][x] = 0, which you have to write: dIn may hold anything before the call.",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.ReLUGrad\n\n(Its when(c, v) is v if c holds, and 0 otherwise.)",
		},
		trials: []trial{
			reluGradTrial(walkConv1[0], [][]float64{{-0.5, -0.125, 1}, {0, 0.075, -0.2}, {0.25, 0, 2}}, dirt),
			reluGradTrial([][]float64{{-2, 3, 0, 0.5}, {0, -1, 2, 1}}, [][]float64{{4, -2, 3, 1}, {-2, -5, 6, -0.5}}, -dirt),
			reluGradTrial(patternMatrix(3, 2, 1), patternMatrix(3, 2, 2), dirt),
			{
				input: inputs(matrix("in", patternMatrix(2, 3, 2)), matrix("dOut, and dIn is the same matrix", patternMatrix(2, 3, 4))),
				run: func(f Functions) []output {
					in, d := patternMatrix(2, 3, 2), patternMatrix(2, 3, 4)
					f.ReLUGrad(d, in, d)
					return []output{matrix("dIn", d)}
				},
			},
		},
		mistakes: []mistake{
			{"ReLU's gradient lets 0 pass: >= instead of >", each(func(v, g float64) float64 { return when(v >= 0, g) })},
			{"the sign of dOut decides, not the sign of in: it's ReLU applied to the gradient", each(func(_, g float64) float64 { return max(0, g) })},
			{"negative gradients are stopped as well: both in and dOut must be positive", each(func(v, g float64) float64 { return when(v > 0, max(0, g)) })},
			{"the gradient passes everywhere", each(func(_, g float64) float64 { return g })},
			{"the gradient passes where in is negative, and is stopped where it's positive", each(func(v, g float64) float64 { return when(v < 0, g) })},
			{"the gradient passes where in isn't 0", each(func(v, g float64) float64 { return when(v != 0, g) })},
			{"the gradient is multiplied by in", each(func(v, g float64) float64 { return g * max(0, v) })},
			{"the gradient is multiplied by in, negative or not", each(func(v, g float64) float64 { return g * v })},
			{"dOut is missing: what comes out is the derivative of ReLU, 1 or 0", each(func(v, _ float64) float64 { return when(v > 0, 1) })},
			{"what comes out is the input, not the gradient: ReLU instead of its gradient", each(func(v, _ float64) float64 { return max(0, v) })},
			{"the gradient changes its sign where in is negative. That's the gradient of the absolute value", each(func(v, g float64) float64 {
				if v < 0 {
					return -g
				}
				return when(v > 0, g)
			})},
			{"a hundredth of the gradient passes where in isn't positive. That's the leaky ReLU", each(func(v, g float64) float64 {
				if v > 0 {
					return g
				}
				return 0.01 * g
			})},
			{"the gradient is stopped where in is 1 or more", each(func(v, g float64) float64 { return when(v > 0 && v < 1, g) })},
			{"only inputs of 1 and more let it pass", each(func(v, g float64) float64 { return when(v >= 1, g) })},
			{"it is the gradient of a sigmoid", each(func(v, g float64) float64 {
				s := 1 / (1 + math.Exp(-v))
				return g * s * (1 - s)
			})},
			{"the sign is flipped", each(func(v, g float64) float64 { return when(v > 0, -g) })},
			{"nothing is written where the gradient is stopped, so what an earlier call left there stays", grad(func(dIn, in, dOut [][]float64) {
				for y, row := range in {
					for x, v := range row {
						if v > 0 {
							dIn[y][x] = dOut[y][x]
						}
					}
				}
			})},
			{"dIn starts at 0: dIn and dOut are the same matrix here, so setting dIn to 0 first destroys dOut. Read dOut before you write", grad(func(dIn, in, dOut [][]float64) {
				for y, row := range in {
					for x, v := range row {
						dIn[y][x] = 0
						if v > 0 {
							dIn[y][x] = dOut[y][x]
						}
					}
				}
			})},
			{"the gradient is added to dIn: += instead of =", grad(func(dIn, in, dOut [][]float64) {
				for y, row := range in {
					for x, v := range row {
						dIn[y][x] += when(v > 0, dOut[y][x])
					}
				}
			})},
			{"dIn itself is tested, not in", grad(func(dIn, _, dOut [][]float64) {
				for y, row := range dIn {
					for x, v := range row {
						dIn[y][x] = when(v > 0, dOut[y][x])
					}
				}
			})},
			{"the result is written to dOut, not to dIn", grad(func(_, in, dOut [][]float64) { convnet.ReLUGrad(dOut, in, dOut) })},
			{"only the first row is written", grad(func(dIn, in, dOut [][]float64) { convnet.ReLUGrad(dIn[:1], in[:1], dOut[:1]) })},
			{"the loop over the columns ends at the number of rows", grad(func(dIn, in, dOut [][]float64) {
				for y := range in {
					for x := range in {
						dIn[y][x] = when(in[y][x] > 0, dOut[y][x])
					}
				}
			})},
			{"rows and columns of dOut are swapped", grad(func(dIn, in, dOut [][]float64) {
				for y, row := range in {
					for x, v := range row {
						dIn[y][x] = when(v > 0, dOut[x][y])
					}
				}
			})},
		},
		needs: "ReLU",
		check: func(f Functions) string {
			in, all := block(1, 8, 8, 1)
			for k := range all {
				all[k] += 0.1 // no value at the kink
			}
			dOut := patternMatrix(8, 8, 2)
			dIn, flat := block(1, 8, 8, 1)
			f.ReLUGrad(dIn[0], in[0], dOut)
			dst := convnet.NewMatrix(8, 8)
			kinks := new(check.Kinks)
			return slopes("dIn", func() float64 {
				kinks.Signs(all)
				f.ReLU(dst, in[0])
				return dot(matrix("", dst), matrix("", dOut))
			}, kinks, all, flat)
		},
	}
}

func reluGradTrial(in, dOut [][]float64, leftover float64) trial {
	return trial{
		input: inputs(matrix("in", in), matrix("dOut", dOut)),
		holds: full("dIn", leftover),
		run: func(f Functions) []output {
			dIn, in, dOut := usedMatrix(leftover, len(in), len(in[0])), copyMatrix(in), copyMatrix(dOut)
			f.ReLUGrad(dIn, in, dOut)
			return []output{matrix("dIn", dIn), matrix("in"+afterward, in), matrix("dOut"+afterward, dOut)}
		},
	}
}

func conv2DFilterGradStep() Step {
	grad := func(grad func(df [][]float64, in, dOut [][][]float64)) func(f *Functions) {
		return func(f *Functions) { f.AddConv2DFilterGrad = grad }
	}
	// add adds other products, at other indices.
	add := func(f func(s six) int, k func(s six) int, product func(s six, in, dOut [][][]float64) float64) func(f *Functions) {
		return grad(func(df [][]float64, in, dOut [][][]float64) {
			sixLoops(dOut, in, func(s six) {
				filter, weight := s.f, s.weight()
				if f != nil {
					filter = f(s)
				}
				if k != nil {
					weight = k(s)
				}
				df[filter][weight] += product(s, in, dOut)
			})
		})
	}
	right := func(s six, in, dOut [][][]float64) float64 {
		return dOut[s.f][s.y][s.x] * in[s.c][s.y+s.i][s.x+s.j]
	}
	only := func(holds func(s six, dOut [][][]float64) bool) func(f *Functions) {
		return add(nil, nil, func(s six, in, dOut [][][]float64) float64 { return when(holds(s, dOut), right(s, in, dOut)) })
	}
	return Step{
		Name:    "AddConv2DFilterGrad",
		Section: backward,
		does:    "adds to dFilters the gradient of the filters: each gradient at the output, times the patch of in that the output was computed from.",
		formula: "dFilters[f][(c·rows+i)·cols+j] += Σ_y Σ_x dOut[f][y][x] · in[c][y+i][x+j]\n\n" +
			"rows and cols are the size of a kernel. If in is 4×4 and dOut is 3×3,\nrows is 4 − 3 + 1 = 2, and so is cols.",
		Hints: []string{
			"Take your Conv2D: the same six loops with the same indices. Conv2D's line is dst[f][y][x] += in[…] * filters[…]. Now the weight is what you want, and dOut[f][y][x] is given.",
			"In the innermost loop: dFilters[f][(c*rows+i)*cols+j] += dOut[f][y][x] * in[c][y+i][x+j]. Nothing is set to 0, because functions named Add add. rows = len(in[0]) - len(dOut[0]) + 1.",
			"The solution is this, with loops over f, y, x, c, i and j as in Conv2D. Ours is faster (go doc -src convnet.AddConv2DFilterGrad):\n\n" +
				"    dFilters[f][(c*rows+i)*cols+j] += dOut[f][y][x] * in[c][y+i][x+j]",
		},
		trials: []trial{
			filterGradTrial(walkImage, walkDConv1, 0),
			filterGradTrial(walkReLU1, walkDConv2, 0),
			filterGradTrial([][][]float64{{{1, 2}, {3, 4}}}, [][][]float64{{{10}}}, 1),
			filterGradTrial(patternVolume(2, 2, 5, 1), patternVolume(3, 2, 3, 2), 1),
			filterGradTrial(patternVolume(3, 4, 3, 3), patternVolume(2, 2, 3, 1), -2),
		},
		mistakes: []mistake{
			{"dFilters is overwritten: it's set to 0 first. The gradients of a batch have to add up", grad(func(df [][]float64, in, dOut [][][]float64) {
				clearMatrix(df)
				convnet.AddConv2DFilterGrad(df, in, dOut)
			})},
			{"only the last place of the output counts: = instead of +=", grad(func(df [][]float64, in, dOut [][][]float64) {
				sixLoops(dOut, in, func(s six) { df[s.f][s.weight()] = right(s, in, dOut) })
			})},
			{"only the last place of the output counts", only(func(s six, dOut [][][]float64) bool { return s.lastPlace(dOut) })},
			{"only the first place of the output counts", only(func(s six, _ [][][]float64) bool { return s.y == 0 && s.x == 0 })},
			{"the last row and the last column of dOut are left out: a loop ends one too early", only(func(s six, dOut [][][]float64) bool {
				return s.y < len(dOut[0])-1 && s.x < len(dOut[0][0])-1
			})},
			{"the last row of the kernel gets no gradient", only(func(s six, _ [][][]float64) bool { return s.i < s.rows-1 })},
			{"the last column of the kernel gets no gradient", only(func(s six, _ [][][]float64) bool { return s.j < s.cols-1 })},
			{"the last row and the last column of the kernel get no gradient: a loop ends one too early", only(func(s six, _ [][][]float64) bool { return s.i < s.rows-1 && s.j < s.cols-1 })},
			{strings.Replace(kernelShort, "dst", "dOut", 1), add(nil, func(s six) int { k, _ := s.short(); return k }, func(s six, in, dOut [][][]float64) float64 {
				_, visited := s.short()
				return when(visited, right(s, in, dOut))
			})},
			{"channels beyond the first get no gradient", only(func(s six, _ [][][]float64) bool { return s.c == 0 })},
			{"only the first filter gets a gradient", only(func(s six, _ [][][]float64) bool { return s.f == 0 })},
			{"negative gradients are left out", only(func(s six, dOut [][][]float64) bool { return dOut[s.f][s.y][s.x] > 0 })},
			{"the kernel's gradient is flipped by 180°", add(nil, func(s six) int { return s.at(s.c, s.rows-1-s.i, s.cols-1-s.j) }, right)},
			{"the kernel's rows and columns are swapped: its weights lie row after row, so the index is i·cols + j", add(nil, func(s six) int { return (s.c*s.cols+s.j)*s.rows + s.i }, right)},
			{kernelSwapped, add(nil, func(s six) int { return s.at(s.c, s.j, s.i) }, right)},
			{"the kernel's index lacks parentheses: (c·rows+i)·cols + j, not c·rows + i·cols + j", add(nil, func(s six) int { return s.c*s.rows + s.i*s.cols + s.j }, right)},
			{"the kernel's index has rows where it needs cols: a row of the kernel has cols weights", add(nil, func(s six) int { return (s.c*s.rows+s.i)*s.rows + s.j }, right)},
			{"the channel is innermost in a filter. Ours have one whole kernel after another", add(nil, func(s six) int { return (s.i*s.cols+s.j)*s.channels + s.c }, right)},
			{"the first kernel gets the gradients of all channels: the index lacks c·rows·cols", add(nil, func(s six) int { return s.at(0, s.i, s.j) }, right)},
			{"the first filter gets the gradients of all filters", add(func(six) int { return 0 }, nil, right)},
			{"all channels use the first channel of in: in[0] instead of in[c]", add(nil, nil, func(s six, in, dOut [][][]float64) float64 {
				return dOut[s.f][s.y][s.x] * in[0][s.y+s.i][s.x+s.j]
			})},
			{"all filters use the first map of dOut: dOut[0] instead of dOut[f]", add(nil, nil, func(s six, in, dOut [][][]float64) float64 {
				return dOut[0][s.y][s.x] * in[s.c][s.y+s.i][s.x+s.j]
			})},
			{"dOut is flipped by 180°", add(nil, nil, func(s six, in, dOut [][][]float64) float64 {
				return dOut[s.f][len(dOut[0])-1-s.y][len(dOut[0][0])-1-s.x] * in[s.c][s.y+s.i][s.x+s.j]
			})},
			{"rows and columns of dOut are swapped: dOut[f][x][y] instead of dOut[f][y][x], or x and y are swapped at the pixel", add(nil, nil, func(s six, in, dOut [][][]float64) float64 {
				return dOut[s.f][s.x][s.y] * in[s.c][s.y+s.i][s.x+s.j]
			})},
			{"rows and columns of in are swapped: in[c][x+j][y+i] instead of in[c][y+i][x+j]", add(nil, nil, func(s six, in, dOut [][][]float64) float64 {
				return dOut[s.f][s.y][s.x] * in[s.c][s.x+s.j][s.y+s.i]
			})},
			{"i and j don't move the pixel: in[c][y][x] instead of in[c][y+i][x+j]", add(nil, nil, func(s six, in, dOut [][][]float64) float64 {
				return dOut[s.f][s.y][s.x] * in[s.c][s.y][s.x]
			})},
			{"y and x don't move the pixel: in[c][i][j] instead of in[c][y+i][x+j]", add(nil, nil, func(s six, in, dOut [][][]float64) float64 {
				return dOut[s.f][s.y][s.x] * in[s.c][s.i][s.j]
			})},
			{"the input is missing: each weight gets the sum of the gradients", add(nil, nil, func(s six, _, dOut [][][]float64) float64 { return dOut[s.f][s.y][s.x] })},
			{"dOut is missing: each weight gets the sum of its inputs", add(nil, nil, func(s six, in, _ [][][]float64) float64 { return in[s.c][s.y+s.i][s.x+s.j] })},
			{"the sign is flipped: gradients are added here. Only Update subtracts", add(nil, nil, func(s six, in, dOut [][][]float64) float64 { return -right(s, in, dOut) })},
			{"the sum is divided by the number of places. It is a sum, not a mean", add(nil, nil, func(s six, in, dOut [][][]float64) float64 {
				return right(s, in, dOut) / float64(len(dOut[0])*len(dOut[0][0]))
			})},
		},
		needs: "Conv2D",
		check: func(f Functions) string {
			in, dOut := patternVolume(2, 9, 9, 1), patternVolume(3, 5, 5, 2)
			w, all := block(1, 3, 50, 3)
			dw, flat := block(1, 3, 50, 3)
			clear(flat)
			f.AddConv2DFilterGrad(dw[0], in, dOut)
			dst := convnet.NewVolume(3, 5, 5)
			return slopes("dFilters", func() float64 {
				f.Conv2D(dst, in, w[0])
				return dot(volume("", dst), volume("", dOut))
			}, nil, all, flat)
		},
	}
}

func filterGradTrial(in, dOut [][][]float64, start float64) trial {
	note := "\n(dFilters is all zeros before the call)"
	if start != 0 {
		note = fmt.Sprintf("\n(dFilters is full of %gs before the call)", start)
	}
	return trial{
		input: inputs(volume("in", in), volume("dOut", dOut)) + note,
		run: func(f Functions) []output {
			rows, cols := len(in[0])-len(dOut[0])+1, len(in[0][0])-len(dOut[0][0])+1
			df, in, dOut := usedMatrix(start, len(dOut), len(in)*rows*cols), cloneVolume(in), cloneVolume(dOut)
			f.AddConv2DFilterGrad(df, in, dOut)
			return []output{matrix("dFilters", df), volume("in"+afterward, in), volume("dOut"+afterward, dOut)}
		},
	}
}

func conv2DInputGradStep() Step {
	grad := func(grad func(dIn [][][]float64, w [][]float64, dOut [][][]float64)) func(f *Functions) {
		return func(f *Functions) { f.Conv2DInputGrad = grad }
	}
	// add adds other products, at their right places.
	add := func(product func(s six, w [][]float64, dOut [][][]float64) float64) func(f *Functions) {
		return grad(func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
			clearVolume(dIn)
			sixLoops(dOut, dIn, func(s six) { dIn[s.c][s.y+s.i][s.x+s.j] += product(s, w, dOut) })
		})
	}
	right := func(s six, w [][]float64, dOut [][][]float64) float64 {
		return dOut[s.f][s.y][s.x] * w[s.f][s.weight()]
	}
	only := func(holds func(s six, dOut [][][]float64) bool) func(f *Functions) {
		return add(func(s six, w [][]float64, dOut [][][]float64) float64 { return when(holds(s, dOut), right(s, w, dOut)) })
	}
	// index uses another weight.
	index := func(index func(s six) int) func(f *Functions) {
		return add(func(s six, w [][]float64, dOut [][][]float64) float64 { return dOut[s.f][s.y][s.x] * w[s.f][index(s)] })
	}
	// to adds to another place.
	to := func(to func(s six) (c, y, x int)) func(f *Functions) {
		return grad(func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
			clearVolume(dIn)
			sixLoops(dOut, dIn, func(s six) {
				c, y, x := to(s)
				dIn[c][y][x] += right(s, w, dOut)
			})
		})
	}
	return Step{
		Name:    "Conv2DInputGrad",
		Section: backward,
		does:    "sets dIn to the gradient at the input. It runs the convolution in reverse: each gradient at the output, times its filter, is added to the patch that the output was computed from.",
		formula: "dIn[c][y+i][x+j] += dOut[f][y][x] · filters[f][(c·rows+i)·cols+j]\n\n" +
			"for all f, y, x, c, i, j, and dIn starts at 0. If dIn is 4×4 and dOut is\n3×3, rows is 4 − 3 + 1 = 2, and so is cols.",
		Hints: []string{
			"Take your Conv2D: the same six loops with the same indices. Conv2D's line is dst[f][y][x] += in[c][y+i][x+j] * filters[…]. Now the pixel is what you want, and dOut[f][y][x] is given.",
			"Set all of dIn to 0 before the loops, and not inside them, because patches overlap. In the innermost: dIn[c][y+i][x+j] += dOut[f][y][x] * filters[f][(c*rows+i)*cols+j].",
			"The solution is this, with loops over f, y, x, c, i and j as in Conv2D, after clear(row) for every row of dIn. Ours is faster (go doc -src convnet.Conv2DInputGrad):\n\n" +
				"    dIn[c][y+i][x+j] += dOut[f][y][x] * filters[f][(c*rows+i)*cols+j]",
		},
		trials: []trial{
			conv2DInputGradTrial(walkFilters2, walkDConv2, dirt, 2, 3, 3),
			conv2DInputGradTrial([][]float64{{1, 10, 100, 1000}}, [][][]float64{{{2, 3}, {4, 5}}}, -dirt, 1, 3, 3),
			conv2DInputGradTrial([][]float64{{1, 2, 3, 4}}, [][][]float64{{{-2}}}, dirt, 1, 2, 2),
			conv2DInputGradTrial(patternMatrix(3, 12, 1), patternVolume(3, 2, 3, 2), -dirt, 2, 3, 5),
			conv2DInputGradTrial(patternMatrix(2, 9, 3), patternVolume(2, 2, 3, 1), dirt, 3, 4, 3),
		},
		mistakes: []mistake{
			{"dIn isn't cleared first, so the gradients are added to what an earlier call left there", grad(func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
				sixLoops(dOut, dIn, func(s six) { dIn[s.c][s.y+s.i][s.x+s.j] += right(s, w, dOut) })
			})},
			{"only the first channel of dIn is cleared first", grad(func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
				clearMatrix(dIn[0])
				sixLoops(dOut, dIn, func(s six) { dIn[s.c][s.y+s.i][s.x+s.j] += right(s, w, dOut) })
			})},
			{"dIn is cleared again for each filter, so only the last one counts", only(func(s six, dOut [][][]float64) bool { return s.f == len(dOut)-1 })},
			{"patches overwrite one another where they overlap: = instead of +=", grad(func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
				clearVolume(dIn)
				sixLoops(dOut, dIn, func(s six) { dIn[s.c][s.y+s.i][s.x+s.j] = right(s, w, dOut) })
			})},
			{"filters overwrite one another, though places add up: dIn is summed from scratch for each filter", grad(func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
				clearVolume(dIn)
				sixLoops(dOut, dIn, func(s six) {
					if s.y == 0 && s.x == 0 {
						dIn[s.c][s.i][s.j] = 0
					}
					dIn[s.c][s.y+s.i][s.x+s.j] += right(s, w, dOut)
				})
			})},
			{"only the first filter counts", only(func(s six, _ [][][]float64) bool { return s.f == 0 })},
			{"channels beyond the first get no gradient", only(func(s six, _ [][][]float64) bool { return s.c == 0 })},
			{"negative gradients are left out", only(func(s six, dOut [][][]float64) bool { return dOut[s.f][s.y][s.x] > 0 })},
			{"the last row and the last column of dOut are left out: a loop ends one too early", only(func(s six, dOut [][][]float64) bool {
				return s.y < len(dOut[0])-1 && s.x < len(dOut[0][0])-1
			})},
			{"only the first place of the output counts", only(func(s six, _ [][][]float64) bool { return s.y == 0 && s.x == 0 })},
			{"the last row of the kernel is left out", only(func(s six, _ [][][]float64) bool { return s.i < s.rows-1 })},
			{"the last column of the kernel is left out", only(func(s six, _ [][][]float64) bool { return s.j < s.cols-1 })},
			{"the last row and the last column of the kernel are left out: a loop ends one too early", only(func(s six, _ [][][]float64) bool { return s.i < s.rows-1 && s.j < s.cols-1 })},
			{strings.NewReplacer("dst", "dOut", "in[0]", "dIn[0]").Replace(kernelShort), add(func(s six, w [][]float64, dOut [][][]float64) float64 {
				k, visited := s.short()
				return when(visited, dOut[s.f][s.y][s.x]*w[s.f][k])
			})},
			{"the kernel is flipped by 180°. A formula with a flipped kernel gathers from dOut[y−i][x−j]. If you add to dIn[y+i][x+j], don't flip", index(func(s six) int { return s.at(s.c, s.rows-1-s.i, s.cols-1-s.j) })},
			{"the kernel's rows and columns are swapped: its weights lie row after row, so the index is i·cols + j", index(func(s six) int { return (s.c*s.cols+s.j)*s.rows + s.i })},
			{kernelSwapped, index(func(s six) int { return s.at(s.c, s.j, s.i) })},
			{"the kernel's index lacks parentheses: (c·rows+i)·cols + j, not c·rows + i·cols + j", index(func(s six) int { return s.c*s.rows + s.i*s.cols + s.j })},
			{"the kernel's index has rows where it needs cols: a row of the kernel has cols weights", index(func(s six) int { return (s.c*s.rows+s.i)*s.rows + s.j })},
			{"the channel is innermost in a filter. Ours have one whole kernel after another", index(func(s six) int { return (s.i*s.cols+s.j)*s.channels + s.c })},
			{"all channels use the kernel of the first: the index lacks c·rows·cols", index(func(s six) int { return s.at(0, s.i, s.j) })},
			{"all maps use the first filter: filters[0] instead of filters[f]", add(func(s six, w [][]float64, dOut [][][]float64) float64 {
				return dOut[s.f][s.y][s.x] * w[0][s.weight()]
			})},
			{"all filters use the first map of dOut: dOut[0] instead of dOut[f]", add(func(s six, w [][]float64, dOut [][][]float64) float64 {
				return dOut[0][s.y][s.x] * w[s.f][s.weight()]
			})},
			{"dOut is flipped by 180°", add(func(s six, w [][]float64, dOut [][][]float64) float64 {
				return dOut[s.f][len(dOut[0])-1-s.y][len(dOut[0][0])-1-s.x] * w[s.f][s.weight()]
			})},
			{"rows and columns of dOut are swapped: dOut[f][x][y] instead of dOut[f][y][x], or x and y are swapped at the place in dIn", add(func(s six, w [][]float64, dOut [][][]float64) float64 {
				return dOut[s.f][s.x][s.y] * w[s.f][s.weight()]
			})},
			{"i and j don't move the place: everything is added to dIn[c][y][x] instead of dIn[c][y+i][x+j]", to(func(s six) (c, y, x int) { return s.c, s.y, s.x })},
			{"y and x don't move the place: everything is added to dIn[c][i][j] instead of dIn[c][y+i][x+j]", to(func(s six) (c, y, x int) { return s.c, s.i, s.j })},
			{"rows and columns of dIn are swapped: dIn[c][x+j][y+i] instead of dIn[c][y+i][x+j]", to(func(s six) (c, y, x int) { return s.c, s.x + s.j, s.y + s.i })},
			{"the first channel gets the gradients of all channels", to(func(s six) (c, y, x int) { return 0, s.y + s.i, s.x + s.j })},
			{"the weights are missing: each place gets the sum of the gradients", add(func(s six, _ [][]float64, dOut [][][]float64) float64 { return dOut[s.f][s.y][s.x] })},
			{"dOut is missing: each place gets the sum of the weights", add(func(s six, w [][]float64, _ [][][]float64) float64 { return w[s.f][s.weight()] })},
			{"the sign is flipped", add(func(s six, w [][]float64, dOut [][][]float64) float64 { return -right(s, w, dOut) })},
			{"the gradients of the filters are averaged, not added up", add(func(s six, w [][]float64, dOut [][][]float64) float64 { return right(s, w, dOut) / float64(len(dOut)) })},
			{"dOut is convolved with the filters as in the forward pass, so the kernel only reaches the places that lie fully inside dOut", grad(func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
				clearVolume(dIn)
				sixLoops(dOut, dIn, func(s six) {
					if y, x := s.y+s.i, s.x+s.j; y < len(dOut[0]) && x < len(dOut[0][0]) {
						dIn[s.c][s.y][s.x] += dOut[s.f][y][x] * w[s.f][s.weight()]
					}
				})
			})},
		},
		needs: "Conv2D",
		check: func(f Functions) string {
			w, dOut := patternMatrix(3, 50, 1), patternVolume(3, 5, 5, 2)
			in, all := block(2, 9, 9, 3)
			dIn, flat := block(2, 9, 9, 1)
			f.Conv2DInputGrad(dIn, w, dOut)
			dst := convnet.NewVolume(3, 5, 5)
			return slopes("dIn", func() float64 {
				f.Conv2D(dst, in, w)
				return dot(volume("", dst), volume("", dOut))
			}, nil, all, flat)
		},
	}
}

func conv2DInputGradTrial(filters [][]float64, dOut [][][]float64, leftover float64, channels, rows, cols int) trial {
	return trial{
		input: inputs(volume("dOut", dOut), matrix("filters", filters)) + fmt.Sprintf("\n(dIn is %d×%d×%d)", channels, rows, cols),
		holds: full("dIn", leftover),
		run: func(f Functions) []output {
			dIn, filters, dOut := used(leftover, channels, rows, cols), copyMatrix(filters), cloneVolume(dOut)
			f.Conv2DInputGrad(dIn, filters, dOut)
			return []output{volume("dIn", dIn), matrix("filters"+afterward, filters), volume("dOut"+afterward, dOut)}
		},
	}
}

func dropoutMaskStep() Step {
	mask := func(mask func(mask []float64, p float64, rng *rand.Rand)) func(f *Functions) {
		return func(f *Functions) { f.DropoutMask = mask }
	}
	// each draws each value for itself.
	each := func(each func(p float64, rng *rand.Rand) float64) func(f *Functions) {
		return mask(func(mask []float64, p float64, rng *rand.Rand) {
			for x := range mask {
				if p == 0 {
					mask[x] = 1
				} else {
					mask[x] = each(p, rng)
				}
			}
		})
	}
	// coin has other values for what is kept and dropped.
	coin := func(kept, dropped func(p float64) float64) func(f *Functions) {
		return each(func(p float64, rng *rand.Rand) float64 {
			if rng.Float64() < p {
				return dropped(p)
			}
			return kept(p)
		})
	}
	zero := func(float64) float64 { return 0 }
	one := func(float64) float64 { return 1 }
	scale := func(p float64) float64 { return 1 / (1 - p) }
	return Step{
		Name:    "DropoutMask",
		Section: "Learning",
		does:    "draws a mask: each value is 0 with probability p, and otherwise 1/(1−p). For example, with p = 0.5 these are zeros and twos.",
		formula: "mask[x] = 0          with probability p\nmask[x] = 1/(1 − p)  otherwise, so that the average of the mask is 1\n\nA draw for every value: rng.Float64() < p is true with probability p.\nIf p is 0, all values are 1, and rng may be nil: then don't draw.",
		Hints: []string{
			"One loop over the mask, and a coin toss in each round. rng.Float64() returns a number from 0 to 1, but not 1.",
			"If p > 0 && rng.Float64() < p, mask[x] = 0, else mask[x] = 1 / (1 - p). With p > 0 first, Go doesn't call rng.Float64 when p is 0, and rng may be nil.",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.DropoutMask\n\n(Its when(c, v) is v if c holds, and 0 otherwise. You don't have to check p.)",
		},
		trials: []trial{
			{
				input: "DropoutMask(mask, 0, nil), where mask has 4 values",
				holds: full("mask", dirt),
				isNil: "rng is nil here, because p is 0: don't draw then. For example: p > 0 && rng.Float64() < p.",
				run: func(f Functions) []output {
					mask := usedVector(dirt, 4)
					f.DropoutMask(mask, 0, nil)
					return []output{vector("mask", mask)}
				},
			},
			dropoutMaskTrial(0.2, dirt),
			dropoutMaskTrial(0.7, -dirt),
		},
		mistakes: []mistake{
			{"dropout doesn't scale: what is kept is 1, not 1/(1 − p)", coin(one, zero)},
			{"what is kept is 1/p, not 1/(1 − p)", coin(func(p float64) float64 { return 1 / p }, zero)},
			{"what is kept is 1/p instead of 1/(1 − p)", mask(func(mask []float64, p float64, rng *rand.Rand) {
				for x := range mask {
					mask[x] = when(p == 0 || rng.Float64() >= p, 1/p) // ∞ if p is 0
				}
			})},
			{"what is kept is 1 − p, not 1/(1 − p): it's multiplied instead of divided", coin(func(p float64) float64 { return 1 - p }, zero)},
			{"what is kept is p, not 1/(1 − p)", coin(func(p float64) float64 { return p }, zero)},
			{"nothing is written if p is 0. Then all values are 1", mask(func(mask []float64, p float64, rng *rand.Rand) {
				if p > 0 {
					convnet.DropoutMask(mask, p, rng)
				}
			})},
			{"if p is 0 everything is dropped: then all values are 1", mask(func(mask []float64, p float64, rng *rand.Rand) {
				clear(mask)
				if p > 0 {
					convnet.DropoutMask(mask, p, rng)
				}
			})},
			{"values are always doubled, which is right only for p = 0.5", coin(func(float64) float64 { return 2 }, zero)},
			{"values are kept with probability p. p is the probability of dropping one", each(func(p float64, rng *rand.Rand) float64 { return when(rng.Float64() < p, scale(p)) })},
			{"values are kept with probability p, and scaled to match. p is the probability of dropping one", each(func(p float64, rng *rand.Rand) float64 { return when(rng.Float64() < p, 1/p) })},
			{"values are kept with probability p, and not scaled. p is the probability of dropping one", each(func(p float64, rng *rand.Rand) float64 { return when(rng.Float64() < p, 1) })},
			{"half of the values are dropped, whatever p is", each(func(p float64, rng *rand.Rand) float64 { return when(rng.Float64() >= 0.5, scale(p)) })},
			{"half of the values are dropped, whatever p is, and the others doubled", each(func(_ float64, rng *rand.Rand) float64 { return when(rng.Float64() >= 0.5, 2) })},
			{"what is dropped is 1, and not 0", coin(scale, one)},
			{"what is dropped is −1/(1 − p), and not 0", coin(scale, func(p float64) float64 { return -scale(p) })},
			{"the mask holds random numbers, not a choice between two values", each(func(_ float64, rng *rand.Rand) float64 { return rng.Float64() })},
			{"the mask holds random numbers where values are kept", each(func(p float64, rng *rand.Rand) float64 {
				v := rng.Float64()
				return when(v >= p, v)
			})},
			{"nothing is dropped: all values are 1", each(func(float64, *rand.Rand) float64 { return 1 })},
			{"nothing is dropped: all values are 1/(1 − p)", each(func(p float64, _ *rand.Rand) float64 { return scale(p) })},
			{"one draw decides for the whole mask: draw inside the loop", mask(func(mask []float64, p float64, rng *rand.Rand) {
				keep := p == 0 || rng.Float64() >= p
				for x := range mask {
					mask[x] = when(keep, scale(p))
				}
			})},
			{"values are dropped in pairs: one draw for two of them", mask(func(mask []float64, p float64, rng *rand.Rand) {
				for x := range mask {
					if x%2 == 1 {
						mask[x] = mask[x-1]
					} else {
						mask[x] = when(p == 0 || rng.Float64() >= p, scale(p))
					}
				}
			})},
			{"the same number of values is dropped every time. Each value has a draw of its own, so the number varies", mask(func(mask []float64, p float64, rng *rand.Rand) {
				fillRow(mask, scale(p))
				if p > 0 {
					for _, x := range rng.Perm(len(mask))[:int(math.Round(p*float64(len(mask))))] {
						mask[x] = 0
					}
				}
			})},
			{"the first values are dropped, always the same ones. Each value has a draw of its own", mask(func(mask []float64, p float64, _ *rand.Rand) {
				fillRow(mask, scale(p))
				clear(mask[:int(math.Round(p*float64(len(mask))))])
			})},
			{"the same mask comes every time: use the rng that's passed in", mask(func(mask []float64, p float64, _ *rand.Rand) {
				convnet.DropoutMask(mask, p, rand.New(rand.NewPCG(1, 1)))
			})},
			{"the draws don't come from rng, so the same seed doesn't give the same mask again", mask(func(mask []float64, p float64, _ *rand.Rand) {
				convnet.DropoutMask(mask, p, rand.New(rand.NewPCG(rand.Uint64(), 1)))
			})},
			{"nothing is written where values are kept, so what an earlier call left there stays", mask(func(mask []float64, p float64, rng *rand.Rand) {
				for x := range mask {
					if p > 0 && rng.Float64() < p {
						mask[x] = 0
					}
				}
			})},
			{"nothing is written where values are dropped, so what an earlier call left there stays", mask(func(mask []float64, p float64, rng *rand.Rand) {
				for x := range mask {
					if p == 0 || rng.Float64() >= p {
						mask[x] = scale(p)
					}
				}
			})},
			{"the mask is multiplied: what it held before the call is still in it", mask(func(mask []float64, p float64, rng *rand.Rand) {
				for x := range mask {
					mask[x] *= when(p == 0 || rng.Float64() >= p, scale(p))
				}
			})},
			{"the last value is never drawn", mask(func(mask []float64, p float64, rng *rand.Rand) {
				convnet.DropoutMask(mask[:len(mask)-1], p, rng)
			})},
		},
	}
}

// dropoutMaskTrial draws many masks. Of what is random it returns only what's the same for every correct
// function, by a margin of many standard deviations.
func dropoutMaskTrial(p, leftover float64) trial {
	const masks, length = 600, 20
	return trial{
		input: fmt.Sprintf("DropoutMask(mask, %g, rng), %d times, where mask has %d values", p, masks, length),
		holds: full("mask", leftover),
		run: func(f Functions) []output {
			rng := rand.New(rand.NewPCG(7, 1))
			var all [][]float64
			for range masks {
				mask := usedVector(leftover, length)
				f.DropoutMask(mask, p, rng)
				all = append(all, mask)
			}
			again := usedVector(leftover, length)
			f.DropoutMask(again, p, rand.New(rand.NewPCG(7, 1)))

			smallest, largest := math.Inf(1), math.Inf(-1)
			different := map[float64]bool{}
			var zeros, pairs, both, same, sameNumber, fixed float64
			dropped := make([]float64, length) // how often each index was
			for k, mask := range all {
				n := 0
				for x, v := range mask {
					smallest, largest = min(smallest, v), max(largest, v)
					different[v] = true
					if v == 0 {
						n++
						dropped[x]++
					}
					if x > 0 && mask[x-1] == 0 {
						pairs++
						both += when(v == 0, 1)
					}
				}
				zeros += float64(n)
				sameNumber += when(n == int(math.Round(p*length)), 1)
				if k > 0 {
					same += when(slices.Equal(mask, all[k-1]), 1)
				}
			}
			for _, n := range dropped {
				fixed += when(n == 0 || n == masks, 1)
			}
			return []output{
				scalar("number of different values in the masks", float64(len(different))),
				scalar("the smallest value", smallest),
				scalar("the largest value", largest),
				scalar("share of zeros, rounded to tenths", math.Round(10*zeros/(masks*length))/10),
				scalar("indices that are always 0, or never", fixed),
				scalar("share of zeros right after a zero, rounded to tenths", math.Round(10*both/max(1, pairs))/10),
				scalar(fmt.Sprintf("does every mask have %g zeros? (1 is yes)", math.Round(p*length)), when(sameNumber == masks, 1)),
				scalar("is every mask like the one before? (1 is yes)", when(same == masks-1, 1)),
				scalar("does the same seed give the same mask? (1 is yes)", when(slices.Equal(again, all[0]), 1)),
			}
		},
	}
}

func dropoutStep() Step {
	drop := func(drop func(dst, in, mask []float64)) func(f *Functions) {
		return func(f *Functions) { f.Dropout = drop }
	}
	each := func(each func(v, m float64) float64) func(f *Functions) {
		return drop(func(dst, in, mask []float64) {
			for x := range in {
				dst[x] = each(in[x], mask[x])
			}
		})
	}
	return Step{
		Name:    "Dropout",
		Section: "Learning",
		does:    "multiplies each value by its mask. It is its own gradient: the backward pass multiplies by the same mask.",
		formula: "dst[x] = in[x] · mask[x]",
		Hints: []string{
			"The mask already holds the zeros and the scale. There's nothing to draw here, and nothing to decide.",
			"for x, v := range in { dst[x] = v * mask[x] }",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.Dropout",
		},
		trials: []trial{
			dropoutTrial([]float64{2, 1.25}, []float64{2, 0}, dirt),
			dropoutTrial([]float64{-3, 0, 1, 2, 0.5}, []float64{4, 4, 0, 0, 4}, -dirt),
			dropoutTrial([]float64{1, -2, 3}, []float64{0, 1, 1}, dirt),
			{
				input: inputs(vector("in, and dst is the same vector", []float64{3, -1, 2}), vector("mask", []float64{0, 2, 2})),
				run: func(f Functions) []output {
					v := []float64{3, -1, 2}
					f.Dropout(v, v, []float64{0, 2, 2})
					return []output{vector("dst", v)}
				},
			},
		},
		mistakes: []mistake{
			{"the mask is ignored", each(func(v, _ float64) float64 { return v })},
			{"the mask is added, not multiplied", each(func(v, m float64) float64 { return v + m })},
			{"the value is divided by its mask", each(func(v, m float64) float64 { return v / m })},
			{"values are dropped, but those that are kept aren't scaled", each(func(v, m float64) float64 { return when(m != 0, v) })},
			{"values are always doubled, not multiplied by their mask", each(func(v, m float64) float64 { return when(m != 0, 2*v) })},
			{"what should be kept is dropped, and the other way around", each(func(v, m float64) float64 { return when(m == 0, v) })},
			{"the mask itself comes out", each(func(_, m float64) float64 { return m })},
			{"the mask is applied twice", each(func(v, m float64) float64 { return v * m * m })},
			{"negative values are cut off, too", each(func(v, m float64) float64 { return max(0, v) * m })},
			{"all values use the first entry of the mask", drop(func(dst, in, mask []float64) {
				m := mask[0]
				for x, v := range in {
					dst[x] = v * m
				}
			})},
			{"nothing is written where values are dropped, so what an earlier call left there stays", drop(func(dst, in, mask []float64) {
				for x, m := range mask {
					if m != 0 {
						dst[x] = in[x] * m
					}
				}
			})},
			{"the result is added to dst: += instead of =", drop(func(dst, in, mask []float64) {
				for x, v := range in {
					dst[x] += v * mask[x]
				}
			})},
			{"dst is multiplied by the mask, and in is never looked at", drop(func(dst, _, mask []float64) {
				for x, m := range mask {
					dst[x] *= m
				}
			})},
			{"the result is written to in, not to dst", drop(func(_, in, mask []float64) { convnet.Dropout(in, in, mask) })},
			{"the result is written to mask, not to dst", drop(func(_, in, mask []float64) { convnet.Dropout(mask, in, mask) })},
			{"the mask is drawn again, or its order is reversed: value x needs mask[x]", drop(func(dst, in, mask []float64) {
				right := slices.Clone(mask)
				slices.Reverse(right)
				convnet.Dropout(dst, in, right)
			})},
			{"the last value is never written", drop(func(dst, in, mask []float64) {
				n := len(in) - 1
				convnet.Dropout(dst[:n], in[:n], mask[:n])
			})},
		},
	}
}

func dropoutTrial(in, mask []float64, leftover float64) trial {
	return trial{
		input: inputs(vector("in", in), vector("mask", mask)),
		holds: full("dst", leftover),
		run: func(f Functions) []output {
			dst, in, mask := usedVector(leftover, len(in)), slices.Clone(in), slices.Clone(mask)
			f.Dropout(dst, in, mask)
			return []output{vector("dst", dst), vector("in"+afterward, in), vector("mask"+afterward, mask)}
		},
	}
}
