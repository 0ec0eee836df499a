package tutor

import (
	"fmt"
	"slices"
	"strings"

	"convnet"
)

// networkSteps are the functions of network.go: New, Forward, Backward and Update.
func networkSteps() []Step {
	return []Step{newStep(), forwardStep(), backwardStep(), updateStep()}
}

// leftover is in the first tensor before a call, as if the digit before had left it there. The next tensor
// has 1 more, and so on.
const leftover = 9.0

// These are shown instead of the whole network, which is too large.

// A tensorLine says where the values of a tensor come from.
type tensorLine struct{ name, from string }

// explainTensors says which tensors are wrong, and which of them is the first. Those whose names end in
// afterward should be what they were.
func explainTensors(got, want []output, lines []tensorLine) string {
	if len(got) != len(want) {
		return ""
	}
	var rightOnes, wrongOnes, altered []int
	for k := range got {
		switch {
		case sameOutput(got[k], want[k]):
			if !isAfterward(got[k]) && got[k].dims > 0 {
				rightOnes = append(rightOnes, k)
			}
		case isAfterward(got[k]):
			altered = append(altered, k)
		default:
			wrongOnes = append(wrongOnes, k)
		}
	}
	var parts []string
	if len(wrongOnes) > 0 {
		first := wrongOnes[0]
		parts = append(parts, wrongTable(got, want, wrongOnes))
		var before, after []string
		for _, k := range rightOnes {
			if k < first {
				before = append(before, got[k].name)
			} else {
				after = append(after, got[k].name)
			}
		}
		name := got[first].name
		text := ""
		switch {
		case len(before) == 0:
			text = fmt.Sprintf("%s comes first, and it is wrong. So look at the line that fills it.", name)
		case len(after) == 0 || len(wrongOnes) > 1:
			text = fmt.Sprintf("%s right. %s is the first that is wrong, so look at the line that fills it.", are(before), name)
		default:
			text = fmt.Sprintf("Everything but %s is right. So what the other lines get is right, and you only have to look at the line that fills %s.", name, name)
		}
		for _, l := range lines {
			if l.name == name {
				text += " " + l.from
			}
		}
		parts = append(parts, wrap(text))
		if len(wrongOnes) > 1 && len(after) > 0 {
			parts = append(parts, wrap(fmt.Sprintf("After it %s right.", are(after))))
		}
		if notice := compareTensors(got[first], want[first], want); notice != "" {
			parts = append(parts, wrap(notice))
		}
	}
	if len(altered) > 0 {
		var names []string
		for _, k := range altered {
			names = append(names, strings.TrimSuffix(got[k].name, afterward))
		}
		parts = append(parts, wrap(onlyRead+list(names)+"."))
	}
	return strings.Join(parts, "\n\n")
}

// wrongTable shows the first wrong entry of each wrong tensor.
func wrongTable(got, want []output, wrongOnes []int) string {
	const most = 8
	rows := [][4]string{{"", "got", "want", "wrong"}}
	for n, k := range wrongOnes {
		if n == most {
			break
		}
		g, w := got[k], want[k]
		if !sameShape(g, w) {
			rows = append(rows, [4]string{g.name, shape(g), shape(w), ""})
			continue
		}
		at, places := firstWrong(g, w), max(4, decimals(g, w))
		wrongCount, all := countWrong(g, w)
		v, u := g.values[at[0]][at[1]][at[2]], w.values[at[0]][at[1]][at[2]]
		for places < 12 && number(v, places) == number(u, places) {
			places++
		}
		rows = append(rows, [4]string{g.name + index(g, at), number(v, places), number(u, places), fmt.Sprintf("%d of %d", wrongCount, all)})
	}
	text := alignColumns(rows)
	if more := len(wrongOnes) - most; more > 0 {
		text += fmt.Sprintf("\n… and %d more", more)
	}
	return text
}

// alignColumns puts the first cells of rows to the left, and the others to the right.
func alignColumns(rows [][4]string) string {
	var w [4]int
	for _, row := range rows {
		for k, cell := range row {
			w[k] = max(w[k], columns(cell))
		}
	}
	var lines []string
	for _, row := range rows {
		line := row[0] + strings.Repeat(" ", w[0]-columns(row[0]))
		for k := 1; k < len(row); k++ {
			if w[k] > 0 {
				line += strings.Repeat(" ", 3+w[k]-columns(row[k])) + row[k]
			}
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return strings.Join(lines, "\n")
}

func countWrong(got, want output) (wrongCount, all int) {
	largest := largestOf(want)
	got.each(func(c, y, x int, v float64) {
		all++
		if !same(v, want.values[c][y][x], largest) {
			wrongCount++
		}
	})
	return wrongCount, all
}

// compareTensors says what a wrong tensor has instead: what was there before, or what belongs elsewhere.
func compareTensors(got, want output, all []output) string {
	if !sameShape(got, want) {
		return ""
	}
	if entries := 0; !strings.HasPrefix(got.name, "n.") && !strings.HasPrefix(got.name, "grad.") {
		size, places := 0, map[float64]int{} // by value
		got.each(func(_, _, _ int, v float64) { size++; places[v]++ })
		entries = places[leftoverOf(got.name)]
		switch {
		case entries == size:
			return fmt.Sprintf(noticeThat+"%s is still what it was before the call. Nothing fills it.", got.name)
		case entries == 1:
			return fmt.Sprintf(noticeThat+"1 of its %d entries is still what it was before the call, %v. Nothing is written there.", size, leftoverOf(got.name))
		case entries > 0:
			return fmt.Sprintf(noticeThat+"%d of its %d entries are still what they were before the call, %v. Nothing is written there.", entries, size, leftoverOf(got.name))
		}
		for k, name := range filled {
			if places[leftover+float64(k)] == size {
				return fmt.Sprintf(noticeThat+"%s has what %s had before the call. Are the arguments in the right order? The destination comes first.", got.name, got.name[:2]+name)
			}
		}
	}
	for _, other := range all {
		if other.name != want.name && !isAfterward(other) && other.dims > 0 && sameOutput(got, other) {
			return fmt.Sprintf(noticeThat+"%s has exactly the values that %s should have.", got.name, other.name)
		}
	}
	p := pair{got, want}
	if factor, found := factorOf(p); found && isMultiple(p, factor) {
		if same(factor, -1, 1) {
			return noticeThat + "the values are right except for their signs."
		}
		return fmt.Sprintf(noticeThat+"every value is %.4g times what it should be.", factor)
	}
	zeros := true
	got.each(func(_, _, _ int, v float64) { zeros = zeros && v == 0 })
	if zeros {
		return fmt.Sprintf(noticeThat+"%s is all zeros.", got.name)
	}
	return ""
}

// are returns "x is", "x and y are" or "x, y and z are".
func are(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return list(names) + " are"
}

func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// tensorsOf returns the six tensors of a network, named as in Go.
func tensorsOf(name string, n *convnet.Network) []output {
	return []output{
		matrix(name+".Filters1", n.Filters1),
		matrix(name+".Filters2", n.Filters2),
		matrix(name+".Weights1", n.Weights1),
		vector(name+".Biases1", n.Biases1),
		matrix(name+".Weights2", n.Weights2),
		vector(name+".Biases2", n.Biases2),
	}
}

// activationsOf returns everything that Forward fills, in its order.
func activationsOf(a *convnet.Activations) []output {
	return []output{
		volume("a.Image", a.Image),
		volume("a.Conv1", a.Conv1),
		volume("a.ReLU1", a.ReLU1),
		volume("a.Pool1", a.Pool1),
		volume("a.Conv2", a.Conv2),
		volume("a.ReLU2", a.ReLU2),
		volume("a.Pool2", a.Pool2),
		vector("a.Flat", a.Flat),
		vector("a.Drop1", a.Drop1),
		vector("a.Hidden", a.Hidden),
		vector("a.ReLU3", a.ReLU3),
		vector("a.Drop2", a.Drop2),
		vector("a.Logits", a.Logits),
		vector("a.Probabilities", a.Probabilities),
	}
}

// changed returns, for each tensor, whether it differs from what it was: 1 or 0.
func changed(now, was []output) (all []output) {
	for k, o := range now {
		all = append(all, scalar(o.name+afterward, truth(!sameOutput(o, was[k]))))
	}
	return all
}

func masksOf(a *convnet.Activations) []output {
	return []output{vector("a.Mask1", a.Mask1), vector("a.Mask2", a.Mask2)}
}

// filled are the fields of Activations that fillAll sets, in its order.
var filled = []string{"Image", "Conv1", "ReLU1", "Pool1", "Conv2", "ReLU2", "Pool2", "Flat", "Drop1", "Hidden", "ReLU3", "Drop2", "Logits", "Probabilities"}

// leftoverOf returns what is in a tensor, for example d.Conv1, before the call.
func leftoverOf(name string) float64 {
	return leftover + float64(slices.Index(filled, name[2:]))
}

// fillAll sets everything but the masks to what the digit before left there.
func fillAll(a *convnet.Activations) {
	value := leftover
	for _, v := range [][][][]float64{a.Image, a.Conv1, a.ReLU1, a.Pool1, a.Conv2, a.ReLU2, a.Pool2} {
		for _, m := range v {
			for _, row := range m {
				fill(row, value)
			}
		}
		value++
	}
	for _, v := range [][]float64{a.Flat, a.Drop1, a.Hidden, a.ReLU3, a.Drop2, a.Logits, a.Probabilities} {
		fill(v, value)
		value++
	}
}

// cloneActivations returns a copy that shares no memory with a.
func cloneActivations(a *convnet.Activations) *convnet.Activations {
	c := convnet.NewActivations()
	for _, v := range [][2][][][]float64{{c.Image, a.Image}, {c.Conv1, a.Conv1}, {c.ReLU1, a.ReLU1}, {c.Pool1, a.Pool1},
		{c.Conv2, a.Conv2}, {c.ReLU2, a.ReLU2}, {c.Pool2, a.Pool2}} {
		copyVolume(v[0], v[1])
	}
	for _, v := range [][2][]float64{{c.Flat, a.Flat}, {c.Drop1, a.Drop1}, {c.Hidden, a.Hidden}, {c.ReLU3, a.ReLU3},
		{c.Drop2, a.Drop2}, {c.Logits, a.Logits}, {c.Probabilities, a.Probabilities}, {c.Mask1, a.Mask1}, {c.Mask2, a.Mask2}} {
		copy(v[0], v[1])
	}
	return c
}

func fill(v []float64, value float64) {
	for k := range v {
		v[k] = value
	}
}

// updateRates are the learning rates of Update's trials. With a rate of 1 many mistakes would look right.
var updateRates = []float64{0.1, 0.5}

// updateTrials: the parameters and gradients are short decimals, and no two neighbors alike.
func updateTrials(rates []float64) (trials []trial) {
	for _, rate := range rates {
		trials = append(trials, trial{
			input: fmt.Sprintf("rate %v", rate),
			run: func(f Functions) []output {
				n, grad := convnet.NewGradient(), convnet.NewGradient()
				for k := range n.Parameters {
					n.Parameters[k], grad.Parameters[k] = parameterOf(k), gradientOf(k)
				}
				f.Update(n, grad, rate)
				outputs := append([]output{scalar("rate", rate)}, tensorsOf("n", n)...)
				for _, o := range tensorsOf("grad", grad) {
					o.name += afterward
					outputs = append(outputs, o)
				}
				return outputs
			},
		})
	}
	return trials
}

func updateStep() Step {
	return Step{
		Name:    "Update",
		Section: "Learning",
		does:    "takes one step of gradient descent: each parameter moves against its gradient, so that the loss falls.",
		formula: "p −= rate · g        for every parameter p of n and its gradient g in grad",
		Hints: []string{
			"The gradient says which way the loss rises. Which way do you want to go, and how far?",
			"n.Parameters and grad.Parameters hold all six tensors one after another, in the same order. So one loop is enough: for k, g := range grad.Parameters { … }",
			"The loop's body is n.Parameters[k] -= rate * g. Ours is in convnet.go: Update, and descend below it.",
		},
		trials:   updateTrials(updateRates),
		explain:  explainUpdate,
		mistakes: updateMistakes(),
	}
}

// parameterOf and gradientOf are the k-th parameter and gradient before Update.
func parameterOf(k int) float64 { return float64(k%7-2) / 4 }
func gradientOf(k int) float64  { return float64(k%11-4) / 5 }

func explainUpdate(got, want []output) string {
	rate := want[0].values[0][0][0]
	rows := [][4]string{{"", "it was", "its gradient", "got"}}
	var rightOnes, wrongOnes, altered, wanted []string
	offset := 0
	for k, w := range want[1:] {
		g := got[k+1]
		if isAfterward(w) {
			if !sameOutput(g, w) {
				altered = append(altered, strings.TrimSuffix(w.name, afterward))
			}
			continue
		}
		if at := firstWrong(g, w); at == nil {
			rightOnes = append(rightOnes, g.name)
		} else {
			wrongOnes = append(wrongOnes, g.name)
			p := offset + at[1]*len(w.values[0][0]) + at[2]
			v, u := g.values[0][at[1]][at[2]], w.values[0][at[1]][at[2]]
			places := 3
			for places < 12 && number(v, places) == number(u, places) {
				places++
			}
			rows = append(rows, [4]string{g.name + index(g, at), number(parameterOf(p), 2), number(gradientOf(p), 2), number(v, places)})
			wanted = append(wanted, number(u, places))
		}
		_, all := countWrong(g, w)
		offset += all
	}
	var parts []string
	if len(wrongOnes) > 0 {
		table := strings.Split(alignColumns(rows), "\n")
		w := len("want")
		for _, v := range wanted {
			w = max(w, columns(v))
		}
		for k := range table {
			if k == 0 {
				table[k] += fmt.Sprintf("   %*s", w, "want")
			} else {
				table[k] += strings.Repeat(" ", 3+w-columns(wanted[k-1])) + wanted[k-1]
			}
		}
		parts = append(parts, fmt.Sprintf("With a rate of %v:", rate), strings.Join(table, "\n"))
		if len(rightOnes) > 0 {
			parts = append(parts, wrap(are(rightOnes)+" right."))
		}
	}
	if len(altered) > 0 {
		parts = append(parts, wrap(fmt.Sprintf("Update should only read grad, but it changed %s.", list(altered))))
	}
	return strings.Join(parts, "\n\n")
}

// updateWith returns a mistake's function: step is called with every parameter and its gradient.
func updateWith(step func(p *float64, g, rate float64)) func(f *Functions) {
	return func(f *Functions) {
		f.Update = func(n, grad *convnet.Network, rate float64) {
			for k, g := range grad.Parameters {
				step(&n.Parameters[k], g, rate)
			}
		}
	}
}

// updateParts returns a mistake's function: only the parameters from the first to before the last move.
func updateParts(from, to func(n *convnet.Network) int) func(f *Functions) {
	return func(f *Functions) {
		f.Update = func(n, grad *convnet.Network, rate float64) {
			for k := from(n); k < to(n); k++ {
				n.Parameters[k] -= rate * grad.Parameters[k]
			}
		}
	}
}

func updateMistakes() []mistake {
	first := func(*convnet.Network) int { return 0 }
	size := func(n *convnet.Network) int { return len(n.Parameters) }
	filters1 := func(n *convnet.Network) int { return len(n.Tensors()[0].Data) }
	filters := func(n *convnet.Network) int { return len(n.Tensors()[0].Data) + len(n.Tensors()[1].Data) }
	return []mistake{
		{"the parameters move along the gradient instead of against it, so that the loss rises",
			updateWith(func(p *float64, g, rate float64) { *p += rate * g })},
		{"the rate is forgotten", updateWith(func(p *float64, g, _ float64) { *p -= g })},
		{"the gradient is multiplied by the rate twice", updateWith(func(p *float64, g, rate float64) { *p -= rate * rate * g })},
		{"the gradient is divided by the rate", updateWith(func(p *float64, g, rate float64) { *p -= g / rate })},
		{"the step replaces the parameter, instead of being subtracted from it",
			updateWith(func(p *float64, g, rate float64) { *p = -rate * g })},
		{"the parameter is subtracted from its step, instead of the step from the parameter",
			updateWith(func(p *float64, g, rate float64) { *p = rate*g - *p })},
		{"the gradient replaces the parameter", updateWith(func(p *float64, g, _ float64) { *p = g })},
		{"the step is multiplied by the parameter, too", updateWith(func(p *float64, g, rate float64) { *p -= rate * g * *p })},
		{"only the sign of the gradient counts, not its size",
			updateWith(func(p *float64, g, rate float64) {
				switch {
				case g > 0:
					*p -= rate
				case g < 0:
					*p += rate
				}
			})},
		{"only positive gradients take a step", updateWith(func(p *float64, g, rate float64) { *p -= rate * max(0, g) })},
		{"the parameter also shrinks by the rate, as in a moving average",
			updateWith(func(p *float64, g, rate float64) { *p = (1-rate)**p - rate*g })},
		{"the parameter becomes an average of itself and the gradient",
			updateWith(func(p *float64, g, rate float64) { *p = (1-rate)**p + rate*g })},
		{"no parameter moves: the loop changes a copy, for example the p of \"for _, p := range\"",
			updateWith(func(*float64, float64, float64) {})},
		{"each parameter moves twice: Filters1 to Biases2 are slices of Parameters, so one of them is enough",
			updateWith(func(p *float64, g, rate float64) { *p -= rate * g; *p -= rate * g })},
		{"the step is divided by the number of parameters", func(f *Functions) {
			f.Update = func(n, grad *convnet.Network, rate float64) {
				for k, g := range grad.Parameters {
					n.Parameters[k] -= rate * g / float64(len(grad.Parameters))
				}
			}
		}},
		{"each tensor's step is divided by its number of entries", func(f *Functions) {
			f.Update = func(n, grad *convnet.Network, rate float64) {
				for t, tensor := range n.Tensors() {
					for k, g := range grad.Tensors()[t].Data {
						tensor.Data[k] -= rate * g / float64(len(tensor.Data))
					}
				}
			}
		}},
		{"the biases never move", func(f *Functions) {
			f.Update = func(n, grad *convnet.Network, rate float64) {
				for t, tensor := range n.Tensors() {
					if len(tensor.Shape) == 1 {
						continue
					}
					for k, g := range grad.Tensors()[t].Data {
						tensor.Data[k] -= rate * g
					}
				}
			}
		}},
		{"the biases move by the whole gradient, without the rate", func(f *Functions) {
			f.Update = func(n, grad *convnet.Network, rate float64) {
				for t, tensor := range n.Tensors() {
					rate := rate
					if len(tensor.Shape) == 1 {
						rate = 1
					}
					for k, g := range grad.Tensors()[t].Data {
						tensor.Data[k] -= rate * g
					}
				}
			}
		}},
		{"only the first row of each matrix moves", func(f *Functions) {
			f.Update = func(n, grad *convnet.Network, rate float64) {
				for t, tensor := range n.Tensors() {
					data := tensor.Data
					if len(tensor.Shape) > 1 {
						data = data[:len(data)/tensor.Shape[0]]
					}
					for k := range data {
						data[k] -= rate * grad.Tensors()[t].Data[k]
					}
				}
			}
		}},
		{"only Filters1 moves", updateParts(first, filters1)},
		{"only the filters move, and the fully connected layers don't", updateParts(first, filters)},
		{"the filters never move", updateParts(filters, size)},
		{"the last parameter is left out", updateParts(first, func(n *convnet.Network) int { return size(n) - 1 })},
		{"the first parameter is left out", updateParts(func(*convnet.Network) int { return 1 }, size)},
		{"grad moves, and not the network", func(f *Functions) {
			f.Update = func(n, grad *convnet.Network, rate float64) {
				for k, p := range n.Parameters {
					grad.Parameters[k] -= rate * p
				}
			}
		}},
		{"Update also sets the gradient to 0, which is for Clear to do", func(f *Functions) {
			f.Update = func(n, grad *convnet.Network, rate float64) {
				n.Update(grad, rate)
				grad.Clear()
			}
		}},
		{"the gradient itself is multiplied by the rate, and stays so", func(f *Functions) {
			f.Update = func(n, grad *convnet.Network, rate float64) {
				for k := range grad.Parameters {
					grad.Parameters[k] *= rate
					n.Parameters[k] -= grad.Parameters[k]
				}
			}
		}},
	}
}
