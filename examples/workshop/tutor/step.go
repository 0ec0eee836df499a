package tutor

// A Step is one function to write, or one check of the whole network.
type Step struct {
	Name    string   // of the function or the check, for example Conv2D
	Section string   // of the tutorial, for example Convolution
	Hints   []string // for who gets stuck: each says more than the one before, the last where the solution is

	formula  string // with the shapes, as in the doc comment
	trials   []trial
	mistakes []mistake
	check    func(f Functions) string // for the checks of the whole network: what is wrong, "" if nothing is
}

// A trial calls the step's function with one small input.
type trial struct {
	input string // as it is shown
	run   func(f Functions) []output
}

// An output is what a function left in one of its destinations, or returned.
type output struct {
	name   string
	values [][][]float64 // matrices, shown side by side
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
