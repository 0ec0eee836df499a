package main

import (
	"fmt"

	"convnet/examples/internal/augment"
	"convnet/examples/internal/training"
)

// The number of training digits, and of those to train on while choosing hyperparameters:
// the last 10,000 are the validation set.
const (
	allDigits  = 60000
	chosenFrom = allDigits - 10000
)

// A rung is a recipe, named after what is new in it, for several seeds from 1.
type rung struct {
	name   string
	recipe training.Recipe
	seeds  int
}

// A plan says which networks are trained.
type plan struct{ rungs, curve, trials []rung }

func newPlan() plan { return plan{rungs(), curve(), trials()} }

// rungs returns the ladder from the original's experiment to the best recipes, one ingredient
// after another. A rung has what those below it have, except for the last: that many digits
// call for other hyperparameters.
func rungs() (ladder []rung) {
	r := training.Original()
	add := func(name string, seeds int) { ladder = append(ladder, rung{name, r, seeds}) }
	add("the original's experiment", 5)
	r = training.Default()
	add("learning rate decays to 0", 5)
	r.Sets, r.Size, r.Shuffle = 1, 5000, true
	add("one set, shuffled", 5)
	r.Epochs = 100
	add("100 epochs instead of 10", 5)
	r.Distortion = training.Handwriting()
	r.Distortion.Elastic = 0
	add("affine distortion", 5)
	r.Distortion = training.Handwriting()
	add("elastic distortion", 5)
	few := training.Best(5000)
	r.Dropout = few.Dropout
	add("less dropout", 5)
	r.Batch, r.Rate = few.Batch, few.Rate
	add("batches of 16", 5)
	r = few
	add("300 epochs", 5)
	r = training.Best(allDigits)
	add("60,000 digits", 3)
	return ladder
}

// without returns r without the validation digits, if it trains on them.
func without(r training.Recipe) training.Recipe {
	if r.Sets*r.Size > chosenFrom {
		r.Sets, r.Size = 1, chosenFrom
	}
	return r
}

// curve returns recipes for more and more digits, without and with data augmentation. Each
// trains on 600,000 examples in all, counting repetitions.
func curve() (points []rung) {
	for _, digits := range []int{100, 300, 1000, 3000, 10000, 30000, 60000} {
		r := training.Best(allDigits)
		r.Size, r.Epochs = digits, 600000/digits
		without := r
		without.Distortion = augment.Distortion{}
		points = append(points, rung{plain, without, 3}, rung{augmented, r, 3})
	}
	return points
}

const (
	plain     = "without augmentation"
	augmented = "with augmentation"
)

// trials returns the recipes from which the hyperparameters were chosen, for the first rungs
// and, in shorter runs, for the best recipes. Each differs in one thing from the recipe at
// the head of its table, which was the best so far. Then comes the strength of the elastic
// distortion in runs of full length.
func trials() (all []rung) {
	first, few, many := rungs()[1].recipe, training.Best(5000), training.Best(chosenFrom)
	few.Distortion.Elastic, many.Distortion.Elastic = 2, 2
	long := many
	few.Epochs, many.Epochs = 100, 30
	for _, middle := range []rung{{"learning rate 0.01", first, 5}, {"learning rate 0.1, dropout 0.1, elastic distortion by 2", few, 3}, {"learning rate 0.1, no dropout, elastic distortion by 2", many, 1}} {
		all = append(all, middle)
		add := func(name string, change func(r *training.Recipe, d *augment.Distortion)) {
			r := middle.recipe
			change(&r, &r.Distortion)
			if r != middle.recipe {
				all = append(all, rung{name, r, middle.seeds})
			}
		}
		add("half the learning rate", func(r *training.Recipe, _ *augment.Distortion) { r.Rate /= 2 })
		add("twice the learning rate", func(r *training.Recipe, _ *augment.Distortion) { r.Rate *= 2 })
		if middle.recipe == first {
			continue // the rest comes with later rungs
		}
		add("no dropout", func(r *training.Recipe, _ *augment.Distortion) { r.Dropout = 0 })
		add("dropout 0.1", func(r *training.Recipe, _ *augment.Distortion) { r.Dropout = 0.1 })
		add("dropout 0.25", func(r *training.Recipe, _ *augment.Distortion) { r.Dropout = 0.25 })
		add("no elastic distortion", func(_ *training.Recipe, d *augment.Distortion) { d.Elastic = 0 })
		add("elastic distortion by 1", func(_ *training.Recipe, d *augment.Distortion) { d.Elastic = 1 })
		add("elastic distortion by 3", func(_ *training.Recipe, d *augment.Distortion) { d.Elastic = 3 })
		add("two thirds of the affine distortion", func(_ *training.Recipe, d *augment.Distortion) { scale(d, 2.0/3) })
		add("four thirds of the affine distortion", func(_ *training.Recipe, d *augment.Distortion) { scale(d, 4.0/3) })
	}
	for _, elastic := range []float64{1, 1.5} {
		long.Distortion.Elastic = elastic
		all = append(all, rung{fmt.Sprintf("elastic distortion by %g", elastic), long, 1})
	}
	return all
}

// scale multiplies the strength of the affine part of d.
func scale(d *augment.Distortion, times float64) {
	d.Rotation, d.Shear, d.Scale, d.Translation = times*d.Rotation, times*d.Shear, times*d.Scale, times*d.Translation
}
