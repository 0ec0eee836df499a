package main

import (
	"convnet/examples/internal/distort"
	"convnet/examples/internal/training"
)

// How many training digits there are, and of those that are held out: the
// last 10,000, which no network learns from while a setting is chosen.
const (
	allDigits  = 60000
	chosenFrom = allDigits - 10000
)

// A rung is a recipe under the name of what is new in it.
type rung struct {
	name   string
	recipe training.Recipe
	seeds  int
}

// rungs is the ladder from the original's experiment to the best recipes, one
// ingredient after another; each rung has those of the rungs before.
func rungs() (ladder []rung) {
	r := training.Recipe{Sets: 5, Size: 1000, Passes: 10, Batch: 1, Rate: 0.0062, Dropout: 0.5}
	add := func(name string) { ladder = append(ladder, rung{name, r, 5}) }
	add("the original's experiment")
	r.Decay, r.Rate = true, 0.01
	add("a rate that falls to 0")
	r.Sets, r.Size, r.Shuffle = 1, 5000, true
	add("one set, shuffled")
	r.Passes = 100
	add("100 passes instead of 10")
	r.Distortion = training.Handwriting()
	r.Distortion.Elastic = 0
	add("affine distortion")
	r.Distortion = training.Handwriting()
	add("elastic distortion")
	small := training.Best(5000)
	r.Dropout = small.Dropout
	add("less dropout")
	r.Batch, r.Rate = small.Batch, small.Rate
	add("batches of 16")
	r = small
	add("300 passes")
	add = func(name string) { ladder = append(ladder, rung{name, r, 3}) }
	r = training.Best(allDigits)
	r.Passes, r.Distortion = 10, distort.Distortion{}
	add("60,000 digits, 10 passes, not distorted")
	r = training.Best(allDigits)
	add("60,000 digits, distorted")
	return ladder
}

// without returns r for the digits but those held out, if it has more.
func without(r training.Recipe) training.Recipe {
	if r.Size > chosenFrom {
		r.Size = chosenFrom
	}
	return r
}

// curveSeeds is how many seeds each point of the curve has.
const curveSeeds = 3

// sizes are how many digits the networks of the curve learn from.
var sizes = []int{100, 300, 1000, 3000, 10000, 30000, 60000}

// ofSize returns the recipe for a point of the curve: whatever the number of
// digits, the network learns from 600,000, with repetitions.
func ofSize(digits int, distorted bool) training.Recipe {
	r := training.Best(allDigits)
	r.Size, r.Passes = digits, 600000/digits
	if !distorted {
		r.Distortion = distort.Distortion{}
	}
	return r
}

// trials are what the settings were chosen from: of the first rungs, and of the
// best recipes in shorter runs. Each differs in one thing from a recipe in the
// middle.
func trials() (all []rung) {
	first, few, many := rungs()[1].recipe, training.Best(5000), training.Best(chosenFrom)
	few.Passes, many.Passes = 100, 30
	for _, middle := range []rung{{"as it is", first, 5}, {"as it is", few, 3}, {"as it is", many, 1}} {
		all = append(all, middle)
		add := func(name string, change func(r *training.Recipe, d *distort.Distortion)) {
			r := middle.recipe
			change(&r, &r.Distortion)
			if r != middle.recipe {
				all = append(all, rung{name, r, middle.seeds})
			}
		}
		add("half the rate", func(r *training.Recipe, _ *distort.Distortion) { r.Rate /= 2 })
		add("twice the rate", func(r *training.Recipe, _ *distort.Distortion) { r.Rate *= 2 })
		if middle.recipe == first {
			continue // the rest comes later
		}
		add("dropout 0", func(r *training.Recipe, _ *distort.Distortion) { r.Dropout = 0 })
		add("dropout 0.1", func(r *training.Recipe, _ *distort.Distortion) { r.Dropout = 0.1 })
		add("dropout 0.25", func(r *training.Recipe, _ *distort.Distortion) { r.Dropout = 0.25 })
		add("elastic distortion by 1", func(_ *training.Recipe, d *distort.Distortion) { d.Elastic = 1 })
		add("elastic distortion by 3", func(_ *training.Recipe, d *distort.Distortion) { d.Elastic = 3 })
		add("two thirds of the affine distortion", func(_ *training.Recipe, d *distort.Distortion) { scale(d, 2.0/3) })
		add("four thirds of the affine distortion", func(_ *training.Recipe, d *distort.Distortion) { scale(d, 4.0/3) })
	}
	return all
}

// scale makes the affine part of d so many times as strong.
func scale(d *distort.Distortion, times float64) {
	d.Turn, d.Shear, d.Stretch, d.Shift = times*d.Turn, times*d.Shear, times*d.Stretch, times*d.Shift
}
