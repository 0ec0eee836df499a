// Package check checks the gradients of any network. A gradient says how much the loss changes when
// you change a parameter a little. So change the parameter a little, see what the loss does, and
// compare:
//
//	slope = (loss(p + step) − loss(p − step)) / (2·step)
//
// You need a function that returns the loss for the parameters as they are now, and the gradient
// that your backward pass computed for them:
//
//	checker := check.Checker{Loss: loss}
//	err := checker.Check(weights, gradient).Err()
//
// Here weights must be the slice that loss uses, not a copy, because Check moves one weight at a time
// and then puts it back. The package example checks a whole network.
//
// # Why both directions
//
// A one-sided difference, (loss(p + step) − loss(p)) / step, is off by an amount proportional to the
// step. In the central difference, that part cancels, and the rest shrinks with the square of the step.
// But a smaller step isn't always better. The closer the two losses are, the fewer digits their
// difference has left, and dividing by 2·step amplifies the rounding errors. For a loss around 1, a
// step of 10⁻⁶ leaves about nine correct digits.
//
// # Kinks
//
// ReLU has a kink at 0. Max-pooling has one where the two largest values of a window are equal. If the
// step crosses a kink, the measured slope is a mixture of the slopes on both sides, and says nothing
// about the gradient. A larger tolerance would hide real bugs, so Check leaves such entries out and
// counts them. It recognizes them by the [Kinks] that your loss records.
//
// # What passes
//
// No entry may differ from its slope by more than [Tolerance] times the largest absolute value of the
// entries and slopes compared. A wrong sign, a missing factor or a wrong index exceeds that by a factor
// of a million or more. And for at least the fraction [LeastCompared] of the entries checked, the step
// must cross no kink. A gradient of zeros doesn't pass, because two zeros agree perfectly. NaN doesn't
// pass either, even in an entry that isn't compared.
//
// # Checking well
//
//   - Draw dropout masks once and keep them. A random loss has no slope.
//   - Sum the loss over several examples. With only one, you can't see whether the backward pass adds
//     to the gradient or overwrites it.
//   - Train a little first. An untrained network is a special case: its biases are all 0.
//   - Check a whole tensor at once, so keep the rows of a matrix in one slice. A single row may well
//     have a gradient of zeros, for example if ReLU switched off its unit.
//   - If you check only a sample, take at least 50 entries. If all of them happen to be tiny, their
//     slopes drown in rounding errors, and a correct gradient fails.
//   - Don't let the gradient get tiny compared with the loss, for example because the network is
//     already confident, or because the loss contains a large constant. The slopes would drown, too.
//   - Use float64. In float32, a step of 10⁻⁶ is lost in rounding.
//   - Check the forward pass separately. The right gradient of the wrong function passes.
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

	// Tolerance is how much an entry may differ from its slope, divided by the largest absolute value
	// of the entries and slopes compared.
	Tolerance = 1e-7

	// LeastCompared is the fraction of the entries checked whose steps must cross no kink.
	LeastCompared = 0.99
)

// A Checker compares the gradient of a loss with measured slopes.
type Checker struct {
	Loss   func() float64 // returns the loss for the parameters as they are now
	Kinks  *Kinks         // what Loss records; nil if it has no kinks
	Sample int            // how many entries to check, chosen at random but always the same; 0 means all

	// Step replaces DefaultStep unless it is 0. It doesn't change Tolerance, so with a step of 10⁻³, for
	// example, a correct gradient may fail.
	Step float64
}

// Check compares a gradient with measured slopes. It moves the parameters one at a time and puts each
// back. (If Loss panics, the last one stays moved.) Check panics if there is no Loss, if the gradient
// doesn't have one entry for each parameter, or if Sample is negative.
func (c Checker) Check(parameters, gradient []float64) Result {
	if len(gradient) != len(parameters) {
		panic(fmt.Sprintf("check: the gradient has %d entries, want %d, one for each parameter", len(gradient), len(parameters)))
	}
	if c.Loss == nil {
		panic("check: the Checker has no Loss, want a function that returns the loss")
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
		r.Largest = max(r.Largest, math.Abs(g)) // NaN if any entry is
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
		// Only the entries compared set the scale: a large one elsewhere must not hide a wrong one.
		r.scale = max(r.scale, math.Abs(gradient[k]), math.Abs(slope))
		if difference > worst || math.IsNaN(difference) && !math.IsNaN(worst) { // NaN is worst
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

// A Result says how well a gradient agrees with the slopes.
type Result struct {
	Entries  int     // entries in the gradient
	Checked  int     // of these, how many were checked: their parameter was moved
	Compared int     // of these, how many were compared: their step crossed no kink
	Largest  float64 // the largest |gradient| of all entries
	Worst    float64 // the largest |gradient − slope| of those compared, divided by the largest |gradient| or |slope| among them

	scale           float64 // the divisor of Worst
	entry           int     // the entry that differs most from its slope
	gradient, slope float64 // of that entry
	before, after   float64 // the loss before and after the check, with the same parameters
}

// Err returns nil if the gradient passes, and otherwise an error that says why it doesn't.
func (r Result) Err() error {
	switch {
	case r.Checked == 0:
		return fmt.Errorf("no entry was checked, want at least one")
	case math.IsNaN(r.before) || math.IsInf(r.before, 0):
		return fmt.Errorf("the loss is %v, want a finite number", r.before)
	case r.before != r.after:
		return fmt.Errorf("the loss is %v at first and %v at the end, with the same parameters, want the same loss: draw random values, such as dropout masks, only once", r.before, r.after)
	case math.IsNaN(r.Largest) || math.IsInf(r.Largest, 0):
		return fmt.Errorf("the largest entry of the gradient is %v, want a finite number", r.Largest)
	case r.Largest == 0:
		return fmt.Errorf("the gradient is all zeros, want at least one nonzero entry: two zeros agree perfectly")
	case !(r.Worst <= Tolerance):
		return fmt.Errorf("entry %d: the gradient is %.6g and the slope is %.6g: they differ by %.3g times the largest entry, want at most %g", r.entry, r.gradient, r.slope, r.Worst, Tolerance)
	case float64(r.Compared) < LeastCompared*float64(r.Checked):
		return fmt.Errorf("only %d of %d entries were compared, because the others crossed a kink, want at least %g%%", r.Compared, r.Checked, 100*LeastCompared)
	case r.scale == 0:
		return fmt.Errorf("the %d entries compared are all zeros, want at least one nonzero entry: two zeros agree perfectly", r.Compared)
	}
	return nil
}

// Kinks records which side of each kink the network is on. Call its methods in your loss for everything
// that has a kink, always in the same order. If two calls of the loss record the same sides, there is
// no kink between them. A Checker empties its Kinks before each call.
type Kinks struct {
	sides []byte
}

// Signs records which values of in are above 0. For ReLU, in is its input.
func (k *Kinks) Signs(in []float64) {
	for _, v := range in {
		side := byte(0)
		if v > 0 {
			side = 1
		}
		k.sides = append(k.sides, side)
	}
}

// Winners records the position of the maximum in each size×size window of in, the first on a tie. For
// max-pooling, in is its input. The windows lie side by side, and rows and columns left over at the end
// are ignored. Winners panics unless size is positive and all rows have the same length.
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
			k.sides = binary.AppendUvarint(k.sides, uint64(winner)) // in a large window this takes several bytes
		}
	}
}
