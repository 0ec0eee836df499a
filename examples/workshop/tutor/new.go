package tutor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"convnet"
)

// newStep checks New. Your random numbers don't have to be ours, so what is compared is what you can measure in
// them: each measurement that is as near to a value we know as chance allows becomes that value, so that
// it can be compared exactly. With 12 networks, chance would have to be eight standard deviations off to
// make a right New look wrong.
func newStep() Step {
	return Step{
		Name:    "New",
		Section: "Learning",
		does:    "returns an untrained network: each weight is drawn from N(0,1) and divided by √fan-in, and the biases are 0.",
		formula: "weight = N(0,1) / √fan-in        bias = 0\n" +
			"fan-in: the number of inputs to one output, 25, 250, 320, 100",
		Hints: []string{
			"NewGradient gives you a network of zeros, with all its memory. rng := rand.New(rand.NewPCG(seed, 0)) makes the random numbers from the seed, once for the whole network, and rng.NormFloat64() draws from N(0,1).",
			"The fan-in is the number of columns of Filters1, Filters2, Weights1 and Weights2: each row belongs to one output, and has a weight for each of its inputs. math.Sqrt takes a float64, so convert: math.Sqrt(float64(fanIn)).",
			"Loop over n.Tensors(): those with one dimension in Shape are biases and stay 0. Of the others, the fan-in is len(t.Data) / t.Shape[0]. Ours is in convnet.go: func New.",
		},
		trials:   []trial{{input: "seeds 1 to 12", run: func(f Functions) []output { return measureNew(f.New) }}},
		explain:  explainNew,
		mistakes: newMistakes(),
	}
}

const seeds = 12 // networks that are measured

// The names of New's outputs, after the tensor's, if it belongs to one.
const (
	isNil     = "New returned nil"
	sizes     = "rows and columns of Filters1, Filters2, Weights1, Biases1, Weights2, Biases2, Parameters"
	shares    = "Filters1 to Biases2 are slices of Parameters"
	repeats   = "the same seed gives the same network"
	differs   = "another seed gives another network"
	finite    = "all parameters are finite"
	constant  = ": the value of all"
	rowCount  = ": different rows"
	again     = ": begins with the numbers of another tensor"
	mean      = ": mean"
	spread    = ": standard deviation"
	within    = ": share within one standard deviation"
	undefined = -1 // instead of a measurement that would say nothing
)

func truth(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// measureNew returns what can be measured in the networks that New returns.
func measureNew(create func(seed uint64) *convnet.Network) []output {
	first := create(1)
	if first == nil {
		return []output{scalar(isNil, 1)}
	}
	outputs := []output{scalar(isNil, 0), vector(sizes, sizesOf(first))}
	if !slices.Equal(sizesOf(first), sizesOf(convnet.NewGradient())) {
		return outputs
	}
	networks := []*convnet.Network{first}
	for seed := uint64(2); seed <= seeds; seed++ {
		n := create(seed)
		if n == nil || !slices.Equal(sizesOf(n), sizesOf(first)) {
			return outputs
		}
		networks = append(networks, n)
	}
	all := func(n *convnet.Network) []float64 {
		return slices.Concat(slices.Concat(n.Filters1...), slices.Concat(n.Filters2...), slices.Concat(n.Weights1...), n.Biases1, slices.Concat(n.Weights2...), n.Biases2)
	}
	values := make([][]float64, len(networks))
	isFinite := true
	for k, n := range networks {
		values[k] = all(n)
		isFinite = isFinite && !slices.ContainsFunc(values[k], func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	}
	varies := !slices.Equal(values[0], values[1])
	outputs = append(outputs,
		scalar(finite, truth(isFinite)),
		scalar(shares, truth(slices.Equal(values[0], first.Parameters))),
		scalar(repeats, truth(slices.Equal(values[0], all(create(1))))),
		scalar(differs, truth(varies)))
	if !isFinite {
		return outputs
	}

	// The shapes of the weights are known now, so these are rows of each tensor.
	rowsOf := func(n *convnet.Network) [][][]float64 {
		return [][][]float64{n.Filters1, n.Filters2, n.Weights1, {n.Biases1}, n.Weights2, {n.Biases2}}
	}
	tensors := first.Tensors()
	for t, tensor := range tensors {
		rows := rowsOf(first)[t]
		isBias := len(tensor.Shape) == 1
		fanIn := float64(len(rows[0]))
		if isBias {
			fanIn = float64(len(rowsOf(first)[t-1][0])) // of its weights
		}
		var pooled []float64
		same := true // all values of a network
		for _, n := range networks {
			data := slices.Concat(rowsOf(n)[t]...)
			same = same && !slices.ContainsFunc(data, func(v float64) bool { return v != data[0] })
			pooled = append(pooled, data...)
		}
		value := math.NaN()
		switch {
		case same && !slices.ContainsFunc(pooled, func(v float64) bool { return v != pooled[0] }):
			value = pooled[0] // in all networks
		case same:
			value = undefined // in each network another
		}
		// A tensor that takes the same random numbers as the first, from their beginning.
		repeated := false
		if t > 0 && !same && !isBias {
			other := rowsOf(first)[0][0]
			ratio := rows[0][0] / other[0]
			repeated = true
			for k := range other[:min(len(other), len(rows[0]))] {
				repeated = repeated && math.Abs(rows[0][k]-ratio*other[k]) <= 1e-9*math.Abs(rows[0][k])
			}
		}
		different := differentRows(rows)
		m, s, w := float64(undefined), float64(undefined), float64(undefined)
		if !same && (isBias || different == len(rows)) && varies {
			root := 1 / math.Sqrt(fanIn)
			means, spreads := []float64{0, root / 2, root * meanOfHalf, 0.5}, []float64{root, 1, 1 / fanIn, root * uniform, root * unit, root * halfNormal, unit}
			if isBias {
				spreads[0], spreads[1] = 1, root
			} else {
				fanOut := float64(len(tensor.Data) / tensor.Shape[1])
				spreads = append(spreads, 1/math.Sqrt(float64(len(rows))), 1/math.Sqrt(fanOut), math.Sqrt(2/fanIn), math.Sqrt(2/(fanIn+fanOut)),
					math.Sqrt(fanIn), 1/math.Sqrt(float64(len(tensor.Data))), 1/math.Sqrt(kernelOf(tensor)), 1/(fanIn*fanIn), 0.2, 0.1, 0.01)
			}
			m, s, w = statistics(pooled[:min(len(pooled), 50_000)], means, spreads)
			if isBias {
				w = undefined // there are too few to tell
			}
		}
		outputs = append(outputs,
			scalar(tensor.Name+constant, value),
			scalar(tensor.Name+rowCount, float64(different)),
			scalar(tensor.Name+again, truth(repeated)),
			scalar(tensor.Name+mean, m),
			scalar(tensor.Name+spread, s),
			scalar(tensor.Name+within, w))
	}
	return outputs
}

// kernelOf returns the fan-in of a single channel.
func kernelOf(t convnet.Tensor) float64 {
	return float64(len(t.Data) / t.Shape[0] / t.Shape[1])
}

func sizesOf(n *convnet.Network) []float64 {
	var all []float64
	for _, o := range tensorsOf("n", n) {
		m := o.values[0]
		columns := rowLength(m)
		for _, row := range m {
			if len(row) != columns {
				columns = -1
			}
		}
		all = append(all, float64(len(m)), float64(columns))
	}
	return append(all, float64(len(n.Parameters)))
}

// The spread of other distributions, over that of N(0,1).
var (
	uniform    = 1 / math.Sqrt(3)           // from −1 to 1
	unit       = 1 / math.Sqrt(12)          // from 0 to 1
	halfNormal = math.Sqrt(1 - 2/math.Pi)   // |N(0,1)|
	meanOfHalf = math.Sqrt(2 / math.Pi)     // its mean
	oneSigma   = math.Erf(1 / math.Sqrt(2)) // 0.683: the share of N(0,1) within one standard deviation
)

// statistics returns mean, standard deviation, and the share of the values within one standard deviation
// of the mean. Each becomes a value we know, if chance can explain the difference: the first, which is
// right, or the nearest of the others.
func statistics(values, means, spreads []float64) (m, s, w float64) {
	const eight = 8 // standard deviations
	n := float64(len(values))
	for _, v := range values {
		m += v / n
	}
	for _, v := range values {
		s += (v - m) * (v - m) / n
	}
	s = math.Sqrt(s)
	for _, v := range values {
		if math.Abs(v-m) <= s {
			w += 1 / n
		}
	}
	m = known(m, means, func(float64) float64 { return eight * s / math.Sqrt(n) })
	s = known(s, spreads, func(k float64) float64 { return eight * k / math.Sqrt(2*n) })
	w = known(w, []float64{oneSigma, uniform}, func(k float64) float64 { return eight * math.Sqrt(k*(1-k)/n) })
	return m, s, w
}

// known returns the first of the values if v is within its tolerance, or else the nearest of those, or v.
func known(v float64, values []float64, tolerance func(value float64) float64) float64 {
	if math.Abs(v-values[0]) <= tolerance(values[0]) {
		return values[0]
	}
	best, least := v, math.Inf(1)
	for _, k := range values {
		if d := math.Abs(v - k); d <= tolerance(k) && d < least {
			best, least = k, d
		}
	}
	return best
}

// differentRows counts the different rows of a matrix.
func differentRows(m [][]float64) int {
	var seen [][]float64
	for _, row := range m {
		if !slices.ContainsFunc(seen, func(s []float64) bool { return slices.Equal(s, row) }) {
			seen = append(seen, row)
		}
	}
	return len(seen)
}

// explainNew says the first thing that is wrong.
func explainNew(got, want []output) string {
	find := func(all []output, name string) (float64, bool) {
		for _, o := range all {
			if o.name == name {
				return o.values[0][0][0], true
			}
		}
		return 0, false
	}
	value := func(name string) float64 {
		v, _ := find(got, name)
		return v
	}
	wanted := func(name string) float64 {
		v, _ := find(want, name)
		return v
	}
	if value(isNil) == 1 {
		return "New returned nil."
	}
	for k, o := range got {
		if o.name == sizes && !sameOutput(o, want[k]) {
			return explainSizes(o.values[0][0], want[k].values[0][0])
		}
	}
	if _, found := find(got, finite); !found {
		return wrap("New(1) returned a network of the right shape, but another seed didn't.")
	}
	if value(finite) == 0 {
		return wrap("Some of the parameters are NaN or infinite. That comes from dividing by 0. Is the fan-in 0 somewhere?")
	}
	var says []string
	if value(shares) == 0 {
		says = append(says, "Parameters has other values than Filters1 to Biases2. They should be slices of it, so that they share its memory: begin with NewGradient, and don't assign new slices to them.")
	}
	if value(repeats) == 0 {
		says = append(says, "Two networks with seed 1 differ. With the same seed a run should be repeatable: draw from a rand.Rand that is made from the seed, not from the functions of package rand.")
	}
	if value(differs) == 0 && math.IsNaN(value("conv1.weight"+constant)) {
		says = append(says, "The networks with seeds 1 and 2 are the same. Does the seed get to rand.NewPCG?")
	}
	var rows [][4]string
	structure, statistical := false, false
	var ratios []float64 // of standard deviations
	for _, t := range convnet.NewGradient().Tensors() {
		isBias := len(t.Shape) == 1
		switch v := value(t.Name + constant); {
		case !math.IsNaN(v) && !isBias:
			structure = true
			if v == undefined {
				says = append(says, fmt.Sprintf("All weights of %s are the same random number.", t.Name))
			} else {
				says = append(says, fmt.Sprintf("All weights of %s are %.4g.", t.Name, v))
			}
			continue
		case isBias && v == undefined:
			says = append(says, fmt.Sprintf("All entries of %s are the same random number, want 0.", t.Name))
			continue
		case isBias && v != 0 && !math.IsNaN(v):
			says = append(says, fmt.Sprintf("All entries of %s are %.4g, want 0.", t.Name, v))
			continue
		}
		if v, w := value(t.Name+rowCount), wanted(t.Name+rowCount); v != w {
			structure = true
			says = append(says, fmt.Sprintf("Of the %.0f rows of %s only %.0f differ.", w, t.Name, v))
		}
		if value(t.Name+again) == 1 {
			says = append(says, fmt.Sprintf("%s has the same random numbers as conv1.weight.", t.Name))
		}
		row := [4]string{t.Name, "0", "0", ""}
		if !isBias {
			row[1] = fmt.Sprintf("%.4f", wanted(t.Name+spread))
			row[3] = fmt.Sprintf("%d", len(t.Data)/t.Shape[0])
			ratios = append(ratios, value(t.Name+spread)/wanted(t.Name+spread))
		}
		if s := value(t.Name + spread); s != undefined {
			row[2] = fmt.Sprintf("%.4f", s)
			if isBias {
				says = append(says, fmt.Sprintf("The entries of %s are random, want 0.", t.Name))
			}
		}
		statistical = statistical || value(t.Name+spread) != wanted(t.Name+spread)
		rows = append(rows, row)
		if isBias || value(t.Name+mean) == undefined {
			continue
		}
		if m := value(t.Name + mean); m != 0 {
			says = append(says, fmt.Sprintf("The mean of %s is %.4f, want 0: as many negative weights as positive ones.", t.Name, m))
		}
		if w := value(t.Name + within); w != oneSigma {
			says = append(says, fmt.Sprintf("Of the weights of %s %.0f%% are within one standard deviation. With N(0,1) it's 68%%.", t.Name, 100*w))
		}
	}
	if r := ratios; len(r) == 4 && slices.Max(r) < 1.1*slices.Min(r) && slices.Max(r) != 1 {
		says = append(says, fmt.Sprintf("In every tensor the weights are about %.2g times what they should be.", r[2]))
	}
	var parts []string
	if statistical && !structure && value(differs) == 1 {
		table := alignColumns(slices.Insert(rows, 0, [4]string{"standard deviation", "want", "got", "fan-in"}))
		parts = append(parts, table)
	}
	const most = 4
	for k, s := range says {
		if k == most {
			parts = append(parts, "And so on.")
			break
		}
		parts = append(parts, wrap(s))
	}
	if structure {
		parts = append(parts, wrap("Weights that are the same get the same gradient, so they would stay the same forever."))
	}
	return strings.Join(parts, "\n\n")
}

func explainSizes(got, want []float64) string {
	names := []string{"Filters1", "Filters2", "Weights1", "Biases1", "Weights2", "Biases2"}
	var lines []string
	for k, name := range names {
		g, w := got[2*k:2*k+2], want[2*k:2*k+2]
		switch {
		case slices.Equal(g, w):
		case g[1] < 0:
			lines = append(lines, fmt.Sprintf("%s has rows of different lengths, want %.0f×%.0f.", name, w[0], w[1]))
		case strings.HasPrefix(name, "Biases"):
			lines = append(lines, fmt.Sprintf("%s has length %.0f, want %.0f.", name, g[1], w[1]))
		default:
			lines = append(lines, fmt.Sprintf("%s is %.0f×%.0f, want %.0f×%.0f.", name, g[0], g[1], w[0], w[1]))
		}
	}
	if last := len(got) - 1; got[last] != want[last] {
		lines = append(lines, fmt.Sprintf("Parameters has length %.0f, want %.0f.", got[last], want[last]))
	}
	return strings.Join(lines, "\n") + "\n\n" + wrap("NewGradient returns a network of the right shape, all zeros, whose tensors are slices of Parameters. Begin with that.")
}

// newWith returns a mistake's New: draw returns the value for entry k of a tensor.
func newWith(draw func(rng *rand.Rand, t convnet.Tensor, fanIn float64) float64) func(f *Functions) {
	return func(f *Functions) {
		f.New = func(seed uint64) *convnet.Network { return fillNetwork(rand.New(rand.NewPCG(seed, 0)), draw) }
	}
}

func fillNetwork(rng *rand.Rand, draw func(rng *rand.Rand, t convnet.Tensor, fanIn float64) float64) *convnet.Network {
	n := convnet.NewGradient()
	for _, t := range n.Tensors() {
		if len(t.Shape) == 1 {
			continue
		}
		for k := range t.Data {
			t.Data[k] = draw(rng, t, float64(len(t.Data)/t.Shape[0]))
		}
	}
	return n
}

// normal draws as New should.
func normal(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 {
	return rng.NormFloat64() / math.Sqrt(fanIn)
}

func newMistakes() []mistake {
	return []mistake{
		{"the weights are divided by the fan-in instead of its root. They are then so small that the signal vanishes from layer to layer",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 { return rng.NormFloat64() / fanIn })},
		{"the weights aren't divided by anything. They are then so large that the signal explodes from layer to layer",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, _ float64) float64 { return rng.NormFloat64() })},
		{"the weights are multiplied by the root of the fan-in instead of divided by it",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 {
				return rng.NormFloat64() * math.Sqrt(fanIn)
			})},
		{"the weights are divided by the square of the fan-in instead of its root",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 {
				return rng.NormFloat64() / (fanIn * fanIn)
			})},
		{"the weights are divided by the root of the number of outputs, the rows, instead of the number of inputs, the columns",
			newWith(func(rng *rand.Rand, t convnet.Tensor, _ float64) float64 {
				return rng.NormFloat64() / math.Sqrt(float64(t.Shape[0]))
			})},
		{"the weights are divided by the root of the fan-out, the number of outputs that each input goes to",
			newWith(func(rng *rand.Rand, t convnet.Tensor, _ float64) float64 {
				return rng.NormFloat64() / math.Sqrt(float64(len(t.Data)/t.Shape[1]))
			})},
		{"the weights are divided by the root of the size of the whole tensor, not of one row",
			newWith(func(rng *rand.Rand, t convnet.Tensor, _ float64) float64 {
				return rng.NormFloat64() / math.Sqrt(float64(len(t.Data)))
			})},
		{"the fan-in of conv2 is taken to be that of one channel, 25, and not of all ten, 250",
			newWith(func(rng *rand.Rand, t convnet.Tensor, fanIn float64) float64 {
				if len(t.Shape) == 4 {
					fanIn = kernelOf(t)
				}
				return rng.NormFloat64() / math.Sqrt(fanIn)
			})},
		{"the weights are divided by √(fan-in/2). That's He initialization, a good choice for networks without pooling, but not ours",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 {
				return rng.NormFloat64() * math.Sqrt(2/fanIn)
			})},
		{"the weights are divided by the root of the mean of fan-in and fan-out. That's Xavier initialization, but not ours",
			newWith(func(rng *rand.Rand, t convnet.Tensor, fanIn float64) float64 {
				return rng.NormFloat64() * math.Sqrt(2/(fanIn+float64(len(t.Data)/t.Shape[1])))
			})},
		{"all weights are multiplied by 0.01, whatever the fan-in",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, _ float64) float64 { return rng.NormFloat64() * 0.01 })},
		{"all weights are multiplied by 0.1, whatever the fan-in",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, _ float64) float64 { return rng.NormFloat64() * 0.1 })},
		{"the weights are drawn evenly from −1 to 1 instead of from N(0,1)",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 {
				return (2*rng.Float64() - 1) / math.Sqrt(fanIn)
			})},
		{"the weights are drawn evenly, with the right standard deviation, instead of from N(0,1)",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 {
				return math.Sqrt(3) * (2*rng.Float64() - 1) / math.Sqrt(fanIn)
			})},
		{"the weights are drawn with Float64, from 0 to 1, instead of with NormFloat64, so that none is negative",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 { return rng.Float64() / math.Sqrt(fanIn) })},
		{"the weights are drawn with Float64, from 0 to 1, and divided by nothing",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, _ float64) float64 { return rng.Float64() })},
		{"the weights are drawn evenly from −0.5 to 0.5 instead of from N(0,1)",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, fanIn float64) float64 {
				return (rng.Float64() - 0.5) / math.Sqrt(fanIn)
			})},
		{"the fan-in of the fully connected layers is taken to be their number of outputs, 100 and 10, instead of inputs, 320 and 100",
			newWith(func(rng *rand.Rand, t convnet.Tensor, fanIn float64) float64 {
				if len(t.Shape) == 2 {
					fanIn = float64(t.Shape[0])
				}
				return rng.NormFloat64() / math.Sqrt(fanIn)
			})},
		{"the weights of all layers are divided by the same root, √25 of conv1",
			newWith(func(rng *rand.Rand, _ convnet.Tensor, _ float64) float64 { return rng.NormFloat64() / 5 })},
		{"the weights have no sign: each is the absolute value of what it should be",
			newWith(func(rng *rand.Rand, t convnet.Tensor, fanIn float64) float64 { return math.Abs(normal(rng, t, fanIn)) })},
		{"all weights of a tensor are 1/√fan-in, with nothing random about them",
			newWith(func(_ *rand.Rand, _ convnet.Tensor, fanIn float64) float64 { return 1 / math.Sqrt(fanIn) })},
		{"all weights are 0. Notice that 1/fanIn is 0, too, if both are integers",
			newWith(func(*rand.Rand, convnet.Tensor, float64) float64 { return 0 })},
		{"the random numbers start over for each weight, because the rand.Rand is made inside the loop", func(f *Functions) {
			f.New = func(seed uint64) *convnet.Network {
				return fillNetwork(nil, func(_ *rand.Rand, t convnet.Tensor, fanIn float64) float64 {
					return normal(rand.New(rand.NewPCG(seed, 0)), t, fanIn)
				})
			}
		}},
		{"the random numbers start over for each row, because the rand.Rand is made inside the loop", func(f *Functions) {
			f.New = func(seed uint64) *convnet.Network {
				n := convnet.New(seed)
				for _, m := range [][][]float64{n.Filters1, n.Filters2, n.Weights1, n.Weights2} {
					rng := rand.New(rand.NewPCG(seed, 0))
					for x := range m[0] {
						m[0][x] = normal(rng, convnet.Tensor{}, float64(len(m[0])))
					}
					for _, row := range m[1:] {
						copy(row, m[0])
					}
				}
				return n
			}
		}},
		{"the random numbers start over for each tensor, because the rand.Rand is made inside the loop", func(f *Functions) {
			f.New = func(seed uint64) *convnet.Network {
				n := convnet.NewGradient()
				for _, t := range n.Tensors() {
					rng := rand.New(rand.NewPCG(seed, 0))
					for k := range t.Data {
						if len(t.Shape) > 1 {
							t.Data[k] = normal(rng, t, float64(len(t.Data)/t.Shape[0]))
						}
					}
				}
				return n
			}
		}},
		{"the biases are drawn from N(0,1), too: their fan-in comes out as 1", newBiases(func(rng *rand.Rand, _ float64) float64 { return rng.NormFloat64() })},
		{"the biases are drawn like the weights of their layer", newBiases(func(rng *rand.Rand, fanIn float64) float64 {
			return rng.NormFloat64() / math.Sqrt(fanIn)
		})},
		{"the biases begin at 1 instead of 0", newBiases(func(*rand.Rand, float64) float64 { return 1 })},
		{"the biases begin at 0.1 instead of 0", newBiases(func(*rand.Rand, float64) float64 { return 0.1 })},
		{"the seed isn't used, so that all networks are the same", func(f *Functions) {
			f.New = func(uint64) *convnet.Network { return convnet.New(1) }
		}},
		{"the random numbers come from package rand itself, which the seed doesn't reach", func(f *Functions) {
			f.New = func(uint64) *convnet.Network {
				return fillNetwork(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), normal)
			}
		}},
		{"Filters1 to Biases2 have memory of their own, and Parameters stays 0", func(f *Functions) {
			f.New = func(seed uint64) *convnet.Network {
				n := convnet.New(seed)
				n.Parameters = make([]float64, len(n.Parameters))
				return n
			}
		}},
	}
}

// newBiases returns a mistake's New: its biases aren't 0.
func newBiases(draw func(rng *rand.Rand, fanIn float64) float64) func(f *Functions) {
	return func(f *Functions) {
		f.New = func(seed uint64) *convnet.Network {
			n, rng := convnet.New(seed), rand.New(rand.NewPCG(seed, 1))
			for k := range n.Biases1 {
				n.Biases1[k] = draw(rng, float64(len(n.Weights1[0])))
			}
			for k := range n.Biases2 {
				n.Biases2[k] = draw(rng, float64(len(n.Weights2[0])))
			}
			return n
		}
	}
}
