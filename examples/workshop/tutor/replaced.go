package tutor

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"convnet"
)

// A destination is the argument that a function writes to, as it was before the call: the first, but Backward's second.
type destination struct {
	argument reflect.Value
	places   []place
	values   output
}

// A place is a slice inside a destination, and where its first entry lies in memory.
type place struct {
	index string // [0] or [0][2], or in a network .Weights1[0]
	first any    // a pointer, nil if there is no entry
}

// lookAt remembers where a destination's rows lie and what is in them. It returns nil for an argument that isn't a
// vector, a matrix, a volume or a network.
func lookAt(argument reflect.Value) *destination {
	d := &destination{argument: argument, places: placesOf(argument.Interface())}
	switch v := argument.Interface().(type) {
	case []float64:
		d.values = vector("", v)
	case [][]float64:
		d.values = matrix("", v)
	case [][][]float64:
		d.values = volume("", v)
	case *convnet.Network:
	default:
		return nil
	}
	return d
}

// placesOf lists a matrix before its rows.
func placesOf(argument any) (places []place) {
	switch v := argument.(type) {
	case [][]float64:
		for y, row := range v {
			places = append(places, place{fmt.Sprintf("[%d]", y), firstOf(row)})
		}
	case [][][]float64:
		for c, m := range v {
			index := fmt.Sprintf("[%d]", c)
			places = append(places, place{index, firstOf(m)})
			for _, p := range placesOf(m) {
				places = append(places, place{index + p.index, p.first})
			}
		}
	case *convnet.Network:
		places = append(places, place{".Parameters", firstOf(v.Parameters)}, place{".Biases1", firstOf(v.Biases1)}, place{".Biases2", firstOf(v.Biases2)})
		for _, m := range []struct {
			name string
			rows [][]float64
		}{{".Filters1", v.Filters1}, {".Filters2", v.Filters2}, {".Weights1", v.Weights1}, {".Weights2", v.Weights2}} {
			for _, p := range placesOf(m.rows) {
				places = append(places, place{m.name + p.index, p.first})
			}
		}
	}
	return places
}

func firstOf[T any](s []T) any {
	if len(s) == 0 {
		return nil
	}
	return &s[0]
}

// replaced returns the index of the first slice that is another one now, "" if there is none. One that is gone isn't
// another one: then the shape is wrong, and that says more.
func (d *destination) replaced() string {
	now := map[string]any{}
	for _, p := range placesOf(d.argument.Interface()) {
		now[p.index] = p.first
	}
	for _, p := range d.places {
		if now[p.index] != nil && now[p.index] != p.first {
			return p.index
		}
	}
	return ""
}

// untouched reports whether all values are what they were. It isn't known of a network.
func (d *destination) untouched() bool {
	return d.values.values != nil && reflect.DeepEqual(d.values, lookAt(d.argument).values)
}

// watch returns f with the step's function watched: whenever it returns, tell gets its destination.
func watch(step *Step, f Functions, tell func(d *destination)) Functions {
	field := reflect.ValueOf(&f).Elem().FieldByName(step.Name)
	if !field.IsValid() || field.IsNil() {
		return f
	}
	written := 0
	if step.Name == "Backward" {
		written = 1 // grad
	}
	function := reflect.ValueOf(field.Interface())
	field.Set(reflect.MakeFunc(field.Type(), func(arguments []reflect.Value) []reflect.Value {
		d := lookAt(arguments[written])
		results := function.Call(arguments)
		if d != nil {
			tell(d)
		}
		return results
	}))
	return f
}

// replacedRow explains that a slice of the destination is another one than before the call, "" if none is.
func (r *report) replacedRow(step *Step, got, want []outcome) string {
	for k, o := range got {
		if o.replaced == "" || len(o.outputs) == 0 {
			continue
		}
		name := variable(o.outputs[0])
		what := "row"
		if depth := strings.Count(o.replaced, "["); o.outputs[0].dims-depth == 2 {
			what = "matrix"
		}
		text := fmt.Sprintf("%s%s is another slice than before the call. Write to its entries: if you assign %s%s = %s, the caller's %s stays as it is.",
			name, o.replaced, name, letters(step, name, o.replaced), what, what)
		if strings.HasPrefix(o.replaced, ".") { // in a network
			name = "n"
			if step.Name == "Backward" {
				name = "grad"
			}
			text = fmt.Sprintf("%s%s is another slice than before the call. Write to its entries: %s.Parameters and the six tensors share their memory, and a new slice has memory of its own.",
				name, o.replaced, name)
		}
		if sameOutputs(o.outputs, want[k].outputs) {
			text = "The values are right, but " + text
		}
		return r.join(r.title(step, "isn't right yet"), r.paint(yellow, wrap(text)), formula(step), r.stuck(step))
	}
	return ""
}

// letters returns an index with the letters that the step's formula has there: [y] for [0].
func letters(step *Step, name, index string) string {
	all := regexp.MustCompile(`\b` + name + `((?:\[[a-z]\])+)`).FindStringSubmatch(step.formula)
	if n := 3 * strings.Count(index, "["); all != nil && n <= len(all[1]) {
		return all[1][:n]
	}
	return "[y]"
}
