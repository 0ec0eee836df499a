// Package check checks the gradients of any network. A gradient says how the loss changes when you
// change a parameter a little. So change the parameter a little, look at the loss, and compare:
//
//	slope = (loss(p + step) − loss(p − step)) / (2·step)
//
// You need a function that returns the loss for the parameters as they are now, and the gradient
// that your backward pass computed for them:
//
//	checker := check.Checker{Loss: loss}
//	err := checker.Check(weights, gradient).Err()
//
// weights must be the memory that loss reads, not a copy, because Check moves one of its entries at
// a time and puts it back. The example is a whole network of its own.
//
// # Why both directions
//
// A difference in one direction, (loss(p + step) − loss(p)) / step, is off by an amount proportional
// to the step. In the central difference that part cancels, and what remains shrinks with the square
// of the step. A shorter step isn't always better, though: the two losses agree in ever more digits,
// and dividing by 2·step amplifies their rounding errors. For losses of the order of 1, a
// step of 10⁻⁶ leaves about nine correct digits.
//
// # Kinks
//
// ReLU has a kink at 0, and max-pooling has one where two values of a window are equal. If the
// step crosses a kink, the slope mixes what is on its two sides and says nothing about the gradient.
// A larger tolerance would hide real mistakes, so Check leaves such an entry out, and counts it. It
// recognizes one from the [Kinks] that your loss records.
//
// # What passes
//
// The largest difference between an entry and its slope may be [Tolerance] times the largest
// absolute value of the entries and slopes compared: a wrong sign, a missing factor or a wrong index
// exceeds that a million times over, or more. At least [LeastCompared] of the entries must have crossed
// no kink. A gradient of zeros doesn't pass, because two zeros agree perfectly, and neither does NaN,
// even in an entry that isn't compared.
//
// # Checking well
//
//   - Draw dropout masks once and keep them. If the loss is random, it has no slope.
//   - Sum the loss over several examples. With one, a backward pass that overwrites the
//     gradient instead of adding to it looks right.
//   - Train for a moment first. An untrained network is a special case: its biases are all 0.
//   - Check a whole tensor at once: keep a matrix's rows in one slice. Some rows may well have a
//     gradient of zeros, for example those of units that ReLU switched off.
//   - If you take a sample, take at least 50 entries or so. If all of them happen to be tiny, rounding drowns
//     their slopes, and a correct gradient fails.
//   - Keep the gradient of the order of 1. If the network is already certain, or a large constant is
//     part of the loss, rounding drowns the slope, and a correct gradient fails.
//   - Use float64. In float32, rounding drowns a slope measured over a step of 10⁻⁶.
//   - Check the forward pass in another way. A gradient that matches a wrong loss passes.
package check

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

const (
	// DefaultStep is how far a parameter moves in each direction.
	DefaultStep = 1e-6

	// Tolerance is how far an entry may be from its slope, divided by the largest absolute value of
	// the entries and slopes compared.
	Tolerance = 1e-7

	// LeastCompared is the fraction of the checked entries that must have crossed no kink.
	LeastCompared = 0.99
)

// A Checker compares the gradients of a loss with slopes.
type Checker struct {
	Loss   func() float64 // returns the loss for the parameters as they are now
	Kinks  *Kinks         // what Loss records; nil if the loss has no kinks
	Sample int            // how many entries to check, picked at random but always the same; 0 means all

	// Step replaces DefaultStep unless it is 0. Tolerance stays what it is, though: with another step,
	// for example 10⁻³, a correct gradient may fail.
	Step float64
}

// Check compares a gradient with slopes. It moves the parameters one by one, and leaves each as it
// was. (If Loss panics, the parameter that was moved stays moved.) It panics unless there is a Loss, and
// an entry of the gradient for each parameter, or if Sample is negative.
func (c Checker) Check(parameters, gradient []float64) Result {
	if len(gradient) != len(parameters) {
		panic(fmt.Sprintf("check: the gradient has %d entries, want %d, one for each parameter", len(gradient), len(parameters)))
	}
	if c.Loss == nil {
		panic("check: the Checker has no Loss")
	}
	if c.Sample < 0 {
		panic(fmt.Sprintf("check: the sample has %d entries, want at least 1, or 0 for all", c.Sample))
	}
	step := c.Step
	if step == 0 {
		step = DefaultStep
	}
	r := Result{Entries: len(parameters)}
	for _, g := range gradient {
		r.Largest = max(r.Largest, math.Abs(g)) // if there is a NaN, it's NaN
	}
	r.before, _ = c.loss()
	worst := 0.0
	var above []byte // kinks
	for _, k := range c.choose(len(parameters)) {
		old := parameters[k]
		parameters[k] = old + step
		lossAbove, kinks := c.loss()
		above = append(above[:0], kinks...)
		parameters[k] = old - step
		lossBelow, below := c.loss()
		parameters[k] = old

		r.Checked++
		if !bytes.Equal(above, below) {
			continue
		}
		r.Compared++
		slope := (lossAbove - lossBelow) / (2 * step)
		difference := math.Abs(gradient[k] - slope)
		// An entry that isn't compared mustn't hide the others.
		r.scale = max(r.scale, math.Abs(gradient[k]), math.Abs(slope))
		if difference > worst || math.IsNaN(difference) && !math.IsNaN(worst) { // nothing is worse than NaN
			worst = difference
			r.entry, r.gradient, r.slope = k, gradient[k], slope
		}
	}
	r.after, _ = c.loss()
	if r.scale != 0 {
		r.Worst = worst / r.scale
	}
	return r
}

// choose returns the indices of the entries to check, out of n.
func (c Checker) choose(n int) []int {
	order := rand.New(rand.NewPCG(1, 1)).Perm(n)
	if c.Sample > 0 && c.Sample < n {
		return order[:c.Sample]
	}
	return order
}

// loss returns the loss and the kinks it recorded.
func (c Checker) loss() (float64, []byte) {
	if c.Kinks == nil {
		return c.Loss(), nil
	}
	c.Kinks.sides = c.Kinks.sides[:0]
	loss := c.Loss()
	return loss, c.Kinks.sides
}

// A Result says how well a gradient and the slopes agree.
type Result struct {
	Entries  int     // entries of the gradient
	Checked  int     // of these, the ones whose parameter was moved
	Compared int     // of these, the ones whose step crossed no kink
	Largest  float64 // the largest |gradient| of all entries
	Worst    float64 // the largest |gradient − slope| of those compared, divided by the largest |gradient| or |slope| among them

	scale           float64 // what Worst was divided by
	entry           int     // where that was
	gradient, slope float64
	before, after   float64 // the loss, for the same parameters
}

// Err returns nil if the gradient passes, and otherwise an error that says what is wrong with it.
func (r Result) Err() error {
	switch {
	case r.Checked == 0:
		return fmt.Errorf("no entry was checked, want at least one")
	case math.IsNaN(r.before) || math.IsInf(r.before, 0):
		return fmt.Errorf("the loss is %v, want a finite number", r.before)
	case r.before != r.after:
		return fmt.Errorf("the loss is %v at first and %v at the end, with the same parameters: draw what is random in it, such as dropout masks, only once", r.before, r.after)
	case math.IsNaN(r.Largest) || math.IsInf(r.Largest, 0):
		return fmt.Errorf("the largest entry of the gradient is %v, want a finite number", r.Largest)
	case r.Largest == 0:
		return fmt.Errorf("the gradient is all zeros, want at least one other entry: two zeros agree perfectly")
	case !(r.Worst <= Tolerance):
		return fmt.Errorf("entry %d: the gradient is %.6g and the slope is %.6g: they differ by %.3g times the largest entry, want at most %g", r.entry, r.gradient, r.slope, r.Worst, Tolerance)
	case float64(r.Compared) < LeastCompared*float64(r.Checked):
		return fmt.Errorf("only %d of %d entries were compared, because the others crossed a kink, want at least %g%%", r.Compared, r.Checked, 100*LeastCompared)
	case r.scale == 0:
		return fmt.Errorf("the %d entries compared are all zeros, want at least one other: two zeros agree perfectly", r.Compared)
	}
	return nil
}

// Kinks records on which side of each kink the network is. Call its methods from your loss, always
// in the same order and for everything that has a kink. If two losses record the same, no kink
// lies between them. A Checker empties its Kinks before it calls the loss.
type Kinks struct {
	sides []byte
}

// Signs records which values are above 0. For ReLU these are its inputs.
func (k *Kinks) Signs(in []float64) {
	for _, v := range in {
		side := byte(0)
		if v > 0 {
			side = 1
		}
		k.sides = append(k.sides, side)
	}
}

// Winners records where the maximum of each window is, the first on a tie. For max-pooling these
// are windows of size×size values, side by side, and in is its input. Rows and columns that are left
// over at the end are ignored. Winners panics if size isn't positive or the rows differ in length.
func (k *Kinks) Winners(in [][]float64, size int) {
	if size < 1 {
		panic(fmt.Sprintf("check: the windows have size %d, want at least 1", size))
	}
	for y, row := range in {
		if len(row) != len(in[0]) {
			panic(fmt.Sprintf("check: row %d has %d values, want %d as in row 0", y, len(row), len(in[0])))
		}
	}
	for y := 0; y+size <= len(in); y += size {
		for x := 0; x+size <= len(in[y]); x += size {
			largest, winner := in[y][x], 0
			for i, values := range in[y : y+size] {
				for j, v := range values[x : x+size] {
					if v > largest {
						largest, winner = v, size*i+j
					}
				}
			}
			k.sides = binary.AppendUvarint(k.sides, uint64(winner)) // more than one byte, if the window is large
		}
	}
}
