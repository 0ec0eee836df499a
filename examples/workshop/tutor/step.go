package tutor

import "slices"

// A Step is one function to write, or one check of the whole network.
type Step struct {
	Name    string   // of the function or the check, for example Conv2D
	Section string   // of the tutorial, for example Convolution
	Hints   []string // for who gets stuck: each says more than the one before, the last where the solution is

	does     string // completes the name to a sentence: "cuts off whatever is negative."
	formula  string // with the shapes, as in the doc comment
	trials   []trial
	mistakes []mistake

	// check, if there is one, runs once all trials are right. It returns what is wrong, "" if nothing is.
	check func(f Functions) string
	needs string // a function that check calls besides the step's own: unless it's right, there is no check
	takes string // what is said before a check that takes its time, for example "about a minute with plain loops"

	// explain, if there is one, says how the outputs of a trial differ, where they are too large to be
	// shown. Otherwise the input and the outputs that differ are shown whole.
	explain func(got, want []output) string
}

// A trial calls the step's function with one small input.
type trial struct {
	input string // as it is shown
	holds string // what the destination holds before the call, "" if that isn't shown
	run   func(f Functions) []output

	beyond string // what is said of an index out of range with this input, "" for what is always said
	isNil  string // what is said of something that is nil with this input
}

// An output is what a function left in one of its destinations, or returned.
type output struct {
	name   string
	values [][][]float64 // matrices, shown side by side
	dims   int           // 3 for a volume, 2 for a matrix, 1 for a vector; 0 for a single value
}

// Each of these makes an output with a copy of the values.

func volume(name string, v [][][]float64) output {
	o := output{name: name, dims: 3}
	for _, m := range v {
		o.values = append(o.values, copyMatrix(m))
	}
	return o
}

func matrix(name string, m [][]float64) output {
	return output{name: name, values: [][][]float64{copyMatrix(m)}, dims: 2}
}

func vector(name string, v []float64) output {
	return output{name: name, values: [][][]float64{{slices.Clone(v)}}, dims: 1}
}

func scalar(name string, v float64) output {
	return output{name: name, values: [][][]float64{{{v}}}}
}

func copyMatrix(m [][]float64) [][]float64 {
	c := make([][]float64, len(m))
	for y, row := range m {
		c[y] = slices.Clone(row)
	}
	return c
}

// A mistake is a wrong function that people write.
type mistake struct {
	says  string // completes "This is what you get when "
	wrong func(f *Functions)
}

// Steps returns the steps in the order in which you take them.
func Steps() []Step {
	var steps []Step
	steps = append(steps, forwardSteps()...)  // NewMatrix to CrossEntropy
	steps = append(steps, backwardSteps()...) // CrossEntropyGrad to Conv2DInputGrad, then dropout
	steps = append(steps, networkSteps()...)  // New, Forward, Backward, Update
	steps = append(steps, checkSteps()...)    // the four checks of the tutorial
	return steps
}
