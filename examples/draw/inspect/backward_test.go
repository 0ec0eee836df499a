package inspect

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"convnet"
	"convnet/examples/check"
)

// gradientsIn returns the gradients that the backward pass has left in w, by layer. Those of
// the filters have a map for each kernel.
func gradientsIn(w *workspace) map[string][][][]float64 {
	d := w.d
	return map[string][][][]float64{
		"image": d.Image, "relu1": d.ReLU1, "pool1": d.Pool1, "relu2": d.ReLU2, "pool2": d.Pool2,
		"relu3": {{d.ReLU3}}, "logits": {{d.Logits}},
		"filters1": slices.Concat(kernels(w.grad.Filters1, len(d.Image))...),
		"filters2": slices.Concat(kernels(w.grad.Filters2, len(d.Pool1))...),
	}
}

// gradientCells calls f with every cell of a layer of gradients.
func gradientCells(w *workspace, layer string, f func(at cell, value float64)) {
	channels := map[string]int{"filters1": len(w.a.Image), "filters2": len(w.a.Pool1)}
	for m, rows := range gradientsIn(w)[layer] {
		for y, row := range rows {
			for x, v := range row {
				at := cell{Layer: layer, Map: m, Row: y, Column: x}
				if n := channels[layer]; n > 0 {
					at.Map, at.Channel = m/n, m%n
				}
				f(at, v)
			}
		}
	}
}

// backwardPass runs the forward and the backward pass in w. If between isn't nil, it's called
// between them.
func backwardPass(n *convnet.Network, w *workspace, image [][]float64, label int, between func()) {
	n.Predict(w.a, image)
	if between != nil {
		between()
	}
	w.label = &label
	w.grad.Clear()
	n.Backward(w.grad, w.d, w.a, label)
	convnet.Conv2DInputGrad(w.d.Image, n.Filters1, w.d.Conv1)
}

// The explanation of every gradient has the same bits as the gradient of Backward: it takes
// its sums in the order of the helper functions. Here a factor of every product is a power of
// two, so it makes no difference whether the processor fuses multiplication and addition.
func TestOrderOfGradientSums(t *testing.T) {
	n, w := convnet.New(1), newWorkspace()
	rng := rand.New(rand.NewPCG(1, 0))
	power := func(v float64) float64 { return math.Copysign(math.Ldexp(1, rng.IntN(20)-16), v) }
	for k, v := range n.Parameters {
		n.Parameters[k] = power(v)
	}
	image := newImage()
	for _, row := range image {
		for x := range row {
			row[x] = power(1)
		}
	}
	backwardPass(n, w, image, 3, func() {
		for _, m := range w.a.Pool1 { // which meets the gradients of the second convolution
			for _, row := range m {
				for x := range row {
					row[x] = power(1)
				}
			}
		}
		convnet.Softmax(w.a.Probabilities, make([]float64, len(w.a.Logits))) // the usual ones would be 1 and zeros here
	})
	for _, layer := range gradientLayers {
		count, zeros, wrong := 0, 0, 0
		gradientCells(w, layer, func(at cell, value float64) {
			found := explainGradient(n, w, at)
			count++
			if value == 0 {
				zeros++
			}
			if math.Float64bits(found.Total) != math.Float64bits(value) || math.Float64bits(found.Value) != math.Float64bits(value) {
				if wrong++; wrong <= 3 {
					t.Errorf("%+v: the total is %v and the value %v, want %v", at, found.Total, found.Value, value)
				}
			}
		})
		if wrong > 3 {
			t.Errorf("%s: %d of %d are wrong", layer, wrong, count)
		}
		if zeros > count*19/20 { // a pooling layer leaves one in four
			t.Errorf("%s: %d of %d gradients are 0, so the test shows little", layer, zeros, count)
		}
	}
}

// The explanation of any gradient consists of what the next layer's gradients and the
// parameters hold, and adds up.
func TestGradientCell(t *testing.T) {
	s := inspector(t)
	n, w := s.network, newWorkspace()
	const digit, label = 5, 8 // a wrong label, so that the gradients aren't tiny
	backwardPass(n, w, s.test[digit].Image, label, nil)
	a, d := w.a, w.d
	rng := rand.New(rand.NewPCG(1, 0))
	gradients := gradientsIn(w)
	hidden := func(v []float64) [][][]float64 { return [][][]float64{{v}} }
	kernel := s.layers[1].window
	for _, layer := range []struct {
		name, function string
		received       [][][]float64 // the gradients where its field is
		through        [][][]float64 // the inputs of the ReLUs they come through, or nil
		from           string        // the next layer
		relu           [][][]float64 // the inputs of its own ReLUs, or nil
		channels       int
	}{
		{"logits", "CrossEntropyGrad", nil, nil, "", nil, 1},
		{"relu3", "FullyConnectedInputGrad", hidden(d.Logits), nil, "logits", hidden(a.Hidden), 1},
		{"pool2", "FullyConnectedInputGrad", hidden(d.Hidden), hidden(a.Hidden), "relu3", nil, 1},
		{"relu2", "MaxPoolGrad", d.Pool2, nil, "pool2", a.Conv2, 1},
		{"pool1", "Conv2DInputGrad", d.Conv2, a.Conv2, "relu2", nil, len(a.Conv2)},
		{"relu1", "MaxPoolGrad", d.Pool1, nil, "pool1", a.Conv1, 1},
		{"image", "Conv2DInputGrad", d.Conv1, a.Conv1, "relu1", nil, len(a.Conv1)},
		{"filters2", "AddConv2DFilterGrad", d.Conv2, a.Conv2, "relu2", nil, 1},
		{"filters1", "AddConv2DFilterGrad", d.Conv1, a.Conv1, "relu1", nil, 1},
	} {
		var all []cell
		gradientCells(w, layer.name, func(at cell, _ float64) {
			if pooled := layer.received; layer.function != "MaxPoolGrad" || at.Row/2 < len(pooled[0]) && at.Column/2 < len(pooled[0][0]) {
				all = append(all, at) // except those outside every window: see TestGradientOutsideWindows
			}
		})
		for range 40 {
			at := all[rng.IntN(len(all))]
			m, y, x := at.Map, at.Row, at.Column
			where := fmt.Sprintf("%s, map %d, channel %d, row %d, column %d", at.Layer, m, at.Channel, y, x)
			var found gradientExplanation
			s.want(t, "cell", fmt.Sprintf(`{"digit":%d,"label":%d,"gradient":true,"layer":%q,"map":%d,"channel":%d,"row":%d,"column":%d}`,
				digit, label, at.Layer, m, at.Channel, y, x), &found)
			in := m // the index in gradients
			if layer.name == "filters2" {
				in = m*len(a.Pool1) + at.Channel
			}
			if want := gradients[layer.name][in][y][x]; found.Value != want || math.Abs(found.Total-want) > 1e-13*max(1, math.Abs(want)) {
				t.Errorf("%s: the value is %v and the total %v, want %v", where, found.Value, found.Total, want)
			}
			if found.Function != layer.function || found.Then != "" || found.Bias != nil || found.Logits != nil {
				t.Errorf("%s: computed by %q, then %q, with the bias %v and the logits %v, want %q", where, found.Function, found.Then, found.Bias, found.Logits, layer.function)
			}
			// The channels add up.
			sum := 0.0
			for c, p := range found.Channels {
				part := 0.0
				for i, row := range p.In {
					for j, v := range row {
						if p.Weights == nil {
							part += v
						} else {
							part += v * p.Weights[i][j]
						}
					}
				}
				if math.Abs(part-p.Sum) > 1e-12 {
					t.Errorf("%s: the sum of channel %d is %v, want %v", where, c, p.Sum, part)
				}
				sum += part
			}
			if len(found.Channels) != layer.channels || math.Abs(sum-found.Sum) > 1e-12 {
				t.Errorf("%s: %d channels add up to %v, want %d, and the sum is %v", where, len(found.Channels), sum, layer.channels, found.Sum)
			}
			if layer.relu != nil && found.Blocked != (layer.relu[m][y][x] <= 0) || layer.relu == nil && found.Blocked {
				t.Errorf("%s: blocked is %v", where, found.Blocked)
			}
			if layer.name == "logits" {
				target := 0.0
				if x == label {
					target = 1
				}
				if found.Target == nil || *found.Target != target || found.Sum != a.Probabilities[x] || found.Total != found.Sum-target || found.Fields == nil || len(found.Fields) > 0 {
					t.Errorf("%s: %+v, want the target %v", where, found, target)
				}
				continue
			}
			if found.Target != nil {
				t.Errorf("%s: the target is %v", where, *found.Target)
			}
			// The channels hold the gradients that the first field shows.
			f := found.Fields[0]
			if f.Layer != layer.from {
				t.Fatalf("%s: the first field is %+v, want one in %s", where, f, layer.from)
			}
			received, through := layer.received, layer.through
			if f.Map != allMaps {
				received = received[f.Map:][:1]
				if through != nil {
					through = through[f.Map:][:1]
				}
			}
			for c, p := range found.Channels {
				held := p.In
				if strings.HasPrefix(layer.name, "filters") {
					held = p.Weights
				}
				if want := box(received[c], f); !slices.EqualFunc(held, want, slices.Equal) {
					t.Errorf("%s: channel %d is not what the field %+v holds", where, c, f)
				}
				if through == nil {
					if p.Blocked != nil {
						t.Errorf("%s: channel %d says where ReLUs block, but there are none", where, c)
					}
					continue
				}
				for i, row := range box(through[c], f) {
					for j, v := range row {
						if p.Blocked[i][j] != (v <= 0) || p.Blocked[i][j] && held[i][j] != 0 {
							t.Fatalf("%s: channel %d, row %d, column %d: blocked is %v for the input %v and the gradient %v", where, c, i, j, p.Blocked[i][j], v, held[i][j])
						}
					}
				}
			}
			switch layer.name {
			case "relu1", "relu2":
				checkWindow(t, where, found, map[string][][][]float64{"relu1": a.ReLU1, "relu2": a.ReLU2}[layer.name][m], y, x)
				continue
			case "filters1", "filters2":
				inputs := map[string][][][]float64{"image": a.Image, "pool1": a.Pool1}[found.Fields[1].Layer]
				if patch := found.Fields[1]; patch.Map != at.Channel || !slices.EqualFunc(found.Channels[0].In, box(inputs[patch.Map], patch), slices.Equal) {
					t.Errorf("%s: the inputs are not what the field %+v holds", where, patch)
				}
			case "image", "pool1":
				filters := map[string][][]float64{"image": n.Filters1, "pool1": n.Filters2}[layer.name]
				for c, p := range found.Channels {
					for i, row := range p.Weights {
						for j, v := range row {
							if want := filters[c][(m*kernel+y-(f.Row+i))*kernel+x-(f.Column+j)]; v != want {
								t.Errorf("%s: the weight at row %d, column %d of filter %d is %v, want %v", where, i, j, c, v, want)
							}
						}
					}
				}
			}
			if found.Window != nil {
				t.Errorf("%s: there is a window", where)
			}
		}
	}
}

// box returns the part of m that a field shows.
func box(m [][]float64, f field) [][]float64 {
	part := make([][]float64, f.Rows)
	for i := range part {
		part[i] = m[f.Row+i][f.Column:][:f.Columns]
	}
	return part
}

// checkWindow checks the window of an explanation, and that the gradient goes to its winner.
func checkWindow(t *testing.T, where string, found gradientExplanation, in [][]float64, y, x int) {
	t.Helper()
	if found.Window == nil {
		t.Fatalf("%s: there is no window", where)
	}
	top, left := y-y%2, x-x%2
	winner := [2]int{}
	for i := range 2 {
		for j := range 2 {
			v := in[top+i][left+j]
			if found.Window.Values[i][j] != v {
				t.Errorf("%s: the window holds %v at row %d, column %d, want %v", where, found.Window.Values[i][j], i, j, v)
			}
			if v > in[top+winner[0]][left+winner[1]] {
				winner = [2]int{i, j}
			}
		}
	}
	share := 0.0
	if winner == [2]int{y % 2, x % 2} {
		share = 1
	}
	if found.Window.Winner != winner || found.Window.Cell != [2]int{y % 2, x % 2} || found.Channels[0].Weights[0][0] != share {
		t.Errorf("%s: %+v with the weight %v, want the winner %v and %v", where, found.Window, found.Channels[0].Weights, winner, share)
	}
}

// With an odd number of rows or columns, pooling leaves out the last one. Its gradient is 0.
func TestGradientOutsideWindows(t *testing.T) {
	in := [][]float64{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}
	dOut := [][]float64{{10}}
	want := convnet.NewMatrix(3, 3)
	convnet.MaxPoolGrad(want, in, dOut)
	for y, row := range want {
		for x, v := range row {
			found := poolingGrad(in, dOut, y, x)
			if outside := y == 2 || x == 2; found.Total != v || (found.Window == nil) != outside || (len(found.Channels) == 0) != outside || found.Channels == nil {
				t.Errorf("row %d, column %d: %+v, want %v", y, x, found, v)
			}
		}
	}
}

// A gradient comes from the cells in whose receptive fields its cell is.
func TestLaterFields(t *testing.T) {
	for kernel := 1; kernel <= 9; kernel++ {
		layers := testLayers(kernel)
		for k := range layers {
			for row := range layers[k].Rows {
				for _, column := range []int{0, layers[k].Columns / 2, layers[k].Columns - 1} {
					const m = 0
					fields := laterFields(layers, k, m, row, column)
					for later := k + 1; later < len(layers); later++ {
						want := 0 // cells that see this one
						l := layers[later]
						var f field
						if later-k-1 < len(fields) {
							f = fields[later-k-1]
						}
						for y := range l.Rows {
							for x := range l.Columns {
								seen := receptiveFields(layers, later, 0, y, x)[later-k-1]
								if row >= seen.Row && row < seen.Row+seen.Rows && column >= seen.Column && column < seen.Column+seen.Columns {
									want++
									if f.Layer != l.Name || y < f.Row || y >= f.Row+f.Rows || x < f.Column || x >= f.Column+f.Columns {
										t.Fatalf("kernel %d, %s, row %d, column %d: the field %+v leaves out row %d, column %d of %s", kernel, layers[k].Name, row, column, f, y, x, l.Name)
									}
								}
							}
						}
						if f.Rows*f.Columns != want {
							t.Fatalf("kernel %d, %s, row %d, column %d: the field %+v, want %d cells of %s", kernel, layers[k].Name, row, column, f, want, l.Name)
						}
						wantMap := allMaps
						if (k == 1 || k == 3) && later == k+1 {
							wantMap = m
						}
						if want > 0 && f.Map != wantMap {
							t.Fatalf("kernel %d, %s: the field %+v, want map %d", kernel, layers[k].Name, f, wantMap)
						}
					}
				}
			}
		}
	}
}

// The explanation of a gradient doesn't change when its workspace serves another request.
func TestGradientKept(t *testing.T) {
	s := inspector(t)
	w := newWorkspace()
	for _, layer := range gradientLayers {
		backwardPass(s.network, w, s.test[0].Image, 3, nil)
		maps := gradientsIn(w)[layer]
		at := cell{Layer: layer, Row: len(maps[0]) / 2, Column: len(maps[0][0]) / 2} // in the middle, where digits differ
		found := explainGradient(s.network, w, at)
		before, _ := json.Marshal(found)
		backwardPass(s.network, w, s.test[1].Image, 5, nil)
		if after, _ := json.Marshal(found); string(after) != string(before) {
			t.Errorf("%s: %.300s became %.300s", layer, before, after)
		}
	}
}

// A response doesn't change when its workspace serves other requests.
func TestLossesKept(t *testing.T) {
	s := inspector(t)
	for path, respond := range map[string]func(context.Context, []byte) (any, error){"predict": s.predict, "gradients": s.gradients} {
		response, err := respond(context.Background(), []byte(`{"digit":0,"steps":2,"rate":0.01}`))
		if err != nil {
			t.Fatal(err)
		}
		before, _ := json.Marshal(response)
		for range cap(s.workspaces) {
			s.want(t, path, `{"digit":1,"steps":2,"rate":0.01}`, nil)
		}
		if after, _ := json.Marshal(response); string(after) != string(before) {
			t.Errorf("%s: the response has changed", path)
		}
	}
}

// Gradients equal what Backward computes, except for rounding, and agree with measured slopes.
func TestGradients(t *testing.T) {
	s := inspector(t)
	const digit, label = 8, 2
	var found gradients
	s.want(t, "gradients", fmt.Sprintf(`{"digit":%d,"label":%d}`, digit, label), &found)
	w := newWorkspace()
	n := s.network.Clone()
	backwardPass(n, w, s.test[digit].Image, label, nil)
	want := gradientsIn(w)
	for name, g := range map[string][][][]float64{
		"image": {found.Image}, "relu1": found.ReLU1, "pool1": found.Pool1, "relu2": found.ReLU2, "pool2": found.Pool2,
		"relu3": {{found.ReLU3}}, "logits": {{found.Logits}},
		"filters1": slices.Concat(found.Filters1...), "filters2": slices.Concat(found.Filters2...),
	} {
		if !nearly(g, want[name], 0.5001e-4) {
			t.Errorf("%s differs from the network's", name)
		}
	}
	if loss := convnet.CrossEntropy(w.a.Logits, label); found.Loss != loss || !slices.Equal(found.Losses, []float64{loss}) {
		t.Errorf("the loss is %v, and the losses are %v, want %v", found.Loss, found.Losses, loss)
	}
	if len(found.Filters1) != len(n.Filters1) || len(found.Filters2) != len(n.Filters2) || len(found.Filters2[0]) != len(n.Filters1) {
		t.Errorf("there are %d and %d filters, the second ones with %d channels", len(found.Filters1), len(found.Filters2), len(found.Filters2[0]))
	}
	// For the slopes no pixel is blank: where all are, every ReLU is at its kink.
	rng := rand.New(rand.NewPCG(1, 0))
	image := newImage()
	pixels := make([]float64, 0, len(image)*len(image[0]))
	for y, row := range s.test[digit].Image {
		for _, v := range row {
			pixels = append(pixels, 0.8*v+0.2*rng.Float64())
		}
		image[y] = pixels[len(pixels)-len(row):]
	}
	backwardPass(n, w, image, label, nil)
	a, kinks := convnet.NewActivations(), check.Kinks{}
	slopes := check.Checker{Kinks: &kinks, Sample: 60, Loss: func() float64 {
		n.Predict(a, image)
		for c, m := range a.Conv1 {
			for _, row := range m {
				kinks.Signs(row)
			}
			kinks.Winners(a.ReLU1[c], 2)
		}
		for c, m := range a.Conv2 {
			for _, row := range m {
				kinks.Signs(row)
			}
			kinks.Winners(a.ReLU2[c], 2)
		}
		kinks.Signs(a.Hidden)
		return convnet.CrossEntropy(a.Logits, label)
	}}
	filters := n.Tensors()
	for _, c := range []struct {
		name                 string
		parameters, gradient []float64
	}{
		{"image", pixels, slices.Concat(w.d.Image[0]...)},
		{"filters1", filters[0].Data, w.grad.Tensors()[0].Data}, {"filters2", filters[1].Data, w.grad.Tensors()[1].Data},
	} {
		if err := slopes.Check(c.parameters, c.gradient).Err(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// nearly reports whether no value differs from the wanted one by more than this part of it.
func nearly(found, want [][][]float64, part float64) bool {
	return slices.EqualFunc(found, want, func(f, w [][]float64) bool {
		return slices.EqualFunc(f, w, func(f, w []float64) bool {
			return slices.EqualFunc(f, w, func(f, w float64) bool { return math.Abs(f-w) <= part*math.Abs(w) })
		})
	})
}

// Rounding to significant digits leaves small numbers their size, and the text short.
func TestSignificant(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 123456: "123460", -0.000123456: "-0.00012346", 1.234549e-30: "1.2345e-30", 5e-324: "5e-324", -9.99999e200: "-1e+201",
	} {
		text, err := json.Marshal(significant([][][]float64{{{v}}})[0][0][0])
		if string(text) != want || err != nil {
			t.Errorf("%v becomes %s, want %s (%v)", v, text, want, err)
		}
	}
}

// Steps of gradient descent do what Forward, Backward and Update do, on a copy of the network, in
// every request.
func TestSteps(t *testing.T) {
	s := inspector(t)
	before := slices.Clone(s.network.Parameters)
	const digit, label, steps, rate = 8, 2, 5, 0.01
	fields := fmt.Sprintf(`"digit":%d,"label":%d,"steps":%d,"rate":%v`, digit, label, steps, rate)
	n, grad := s.network.Clone(), convnet.NewGradient()
	a, d := convnet.NewActivations(), convnet.NewActivations()
	var losses []float64
	for k := range steps + 1 {
		n.Forward(a, s.test[digit].Image)
		losses = append(losses, convnet.CrossEntropy(a.Logits, label))
		n.Backward(grad, d, a, label)
		if k < steps {
			n.Update(grad, rate)
			grad.Clear()
		}
	}
	var g gradients
	for range 2 { // the second time in a workspace that has been used
		s.want(t, "gradients", "{"+fields+"}", &g)
		if !slices.Equal(g.Losses, losses) || g.Loss != losses[steps] || g.Losses[steps] >= g.Losses[0] {
			t.Errorf("the losses are %v, the last %v, want %v, which fall", g.Losses, g.Loss, losses)
		}
		if !nearly(g.Pool1, d.Pool1, 0.5001e-4) || !nearly(slices.Concat(g.Filters2...), slices.Concat(kernels(grad.Filters2, len(a.Pool1))...), 0.5001e-4) {
			t.Error("the gradients are not those after the steps")
		}
	}
	var p prediction
	s.want(t, "predict", "{"+fields+"}", &p)
	if p.Loss == nil || *p.Loss != losses[steps] || *p.Label != s.test[digit].Label || !near([][][]float64{{p.Probabilities}}, [][][]float64{{a.Probabilities}}, 0.5001e-4) {
		t.Errorf("the loss is %v, and the probabilities are %v, want %v and %v", p.Loss, p.Probabilities, losses[steps], a.Probabilities)
	}
	var e explanation
	s.want(t, "cell", fmt.Sprintf(`{%s,"layer":"probabilities","column":4}`, fields), &e)
	if e.Value != a.Probabilities[4] || !slices.Equal(e.Channels[0].Weights[0], n.Weights2[4]) {
		t.Errorf("the probability of 4 is %v, want %v", e.Value, a.Probabilities[4])
	}
	s.want(t, "cell", fmt.Sprintf(`{%s,"layer":"relu3","column":2,"gradient":true}`, fields), &e)
	if e.Value != d.ReLU3[2] {
		t.Errorf("the gradient at hidden unit 2 is %v, want %v", e.Value, d.ReLU3[2])
	}
	var o occlusion
	s.want(t, "occlusion", "{"+fields+"}", &o)
	if o.Probability != a.Probabilities[o.Prediction] {
		t.Errorf("with nothing covered, the probability is %v, want %v", o.Probability, a.Probabilities[o.Prediction])
	}
	if !slices.Equal(s.network.Parameters, before) {
		t.Error("the trained network has changed")
	}
	// A network in training takes steps, too.
	var r report
	s.want(t, "train", `{"seed":5,"rate":0.01}`, &r)
	network, err := s.networkOf(r.Session)
	if err != nil {
		t.Fatal(err)
	}
	n = network.Clone()
	losses = nil
	for range 2 {
		losses = append(losses, n.TrainStep(convnet.NewGradient(), d, a, convnet.Digit{Image: s.test[digit].Image, Label: s.test[digit].Label}, 1e-3))
	}
	s.want(t, "gradients", fmt.Sprintf(`{"digit":%d,"session":%q,"steps":1,"rate":0.001}`, digit, r.Session), &g)
	if !slices.Equal(g.Losses, losses) {
		t.Errorf("in training, the losses are %v, want %v", g.Losses, losses)
	}
}

// The loss is the chosen label's, or else the true label's.
func TestLoss(t *testing.T) {
	s := inspector(t)
	a := convnet.NewActivations()
	s.network.Predict(a, s.test[8].Image)
	for fields, label := range map[string]int{`"digit":8,"label":0`: 0, `"digit":8,"label":9`: 9, `"digit":8`: s.test[8].Label} {
		var p prediction
		s.want(t, "predict", "{"+fields+"}", &p)
		if p.Loss == nil || *p.Loss != convnet.CrossEntropy(a.Logits, label) {
			t.Errorf("%s: the loss is %v, want %v", fields, p.Loss, convnet.CrossEntropy(a.Logits, label))
		}
	}
	var p prediction
	s.want(t, "predict", `{"strokes":[[[0.5,0.2],[0.5,0.8]]]}`, &p)
	if p.Loss != nil {
		t.Errorf("without a label, the loss is %v", *p.Loss)
	}
	s.want(t, "predict", `{"strokes":[[[0.5,0.2],[0.5,0.8]]],"label":1}`, &p)
	if p.Loss == nil || p.Label != nil {
		t.Errorf("with a chosen label, the loss is %v and the true label %v", p.Loss, p.Label)
	}
}

// Bad requests for gradients and steps get an error that says why.
func TestGradientRefusals(t *testing.T) {
	s := inspector(t)
	size, filters1, filters2, classes := s.layers[1].window, len(s.network.Filters1), len(s.network.Filters2), len(s.network.Biases2)
	for _, c := range []struct{ path, fields, want string }{
		{"gradients", `"strokes":[]`, fmt.Sprintf("found no label, want 0 to %d: without one", classes-1)},
		{"gradients", fmt.Sprintf(`"digit":1,"label":%d`, classes), fmt.Sprintf("the label is %d, want 0 to %d", classes, classes-1)},
		{"gradients", `"digit":1,"label":-1`, "the label is -1"},
		{"gradients", `"digit":1,"label":1.5`, "wrong type, number 1.5"},
		{"gradients", `"digit":10000,"label":1`, "the test digit is 10000"},
		{"gradients", `"digit":-1`, "the test digit is -1"},
		{"gradients", `"digit":1,"session":"x"`, "gone"},
		{"gradients", `"digit":1,"steps":21,"rate":0.1`, "found 21 steps, want 0 to 20"},
		{"gradients", `"digit":1,"steps":-1,"rate":0.1`, "found -1 steps"},
		{"gradients", `"digit":1,"steps":1`, "the learning rate is 0, want more than 0 and at most 1"},
		{"gradients", `"digit":1,"steps":1,"rate":1.01`, "the learning rate is 1.01"},
		{"gradients", `"digit":1,"steps":1,"rate":-0.1`, "the learning rate is -0.1"},
		{"predict", `"strokes":[],"steps":1,"rate":0.1`, "found no label"},
		{"predict", fmt.Sprintf(`"label":%d`, classes), fmt.Sprintf("the label is %d", classes)},
		{"occlusion", `"strokes":[[[0.5,0.5]]],"steps":1,"rate":0.1`, "found no label"},
		{"cell", `"strokes":[],"layer":"relu1","steps":1,"rate":0.1`, "found no label"},
		{"cell", `"strokes":[],"layer":"relu1","gradient":true`, "found no label"},
		{"cell", `"digit":1,"layer":"probabilities","gradient":true`, `layer is "probabilities", want one of image, relu1, pool1, relu2, pool2, relu3, logits, filters1, filters2`},
		{"cell", `"digit":1,"layer":"logits"`, `layer is "logits"`},
		{"cell", `"digit":1,"layer":"image","gradient":true,"row":28`, "map 0, row 28, column 0, want one in 1×28×28"},
		{"cell", fmt.Sprintf(`"digit":1,"layer":"logits","gradient":true,"column":%d`, classes), fmt.Sprintf("column %d, want one in 1×1×%[1]d", classes)},
		{"cell", fmt.Sprintf(`"digit":1,"layer":"filters1","gradient":true,"map":%d`, filters1), fmt.Sprintf("filter %d, channel 0, row 0, column 0, want one in %d×1×%d×%d, counted from 0", filters1, filters1, size, size)},
		{"cell", `"digit":1,"layer":"filters1","gradient":true,"channel":1`, "filter 0, channel 1"},
		{"cell", fmt.Sprintf(`"digit":1,"layer":"filters2","gradient":true,"channel":%d`, filters1), fmt.Sprintf("channel %d, row 0, column 0, want one in %d×%d×%d×%d", filters1, filters2, filters1, size, size)},
		{"cell", fmt.Sprintf(`"digit":1,"layer":"filters2","gradient":true,"row":%d`, size), fmt.Sprintf("row %d", size)},
		{"cell", `"digit":1,"layer":"filters2","gradient":true,"column":-1`, "column -1"},
	} {
		_, err := s.Respond(context.Background(), c.path, []byte("{"+c.fields+"}"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %q", c.path, c.fields, err, c.want)
		}
	}
	// At the limits.
	for _, c := range []struct{ path, fields string }{
		{"gradients", `"digit":1,"label":0,"steps":20,"rate":0.001`}, {"gradients", `"digit":1,"label":9,"steps":0,"rate":7`}, {"gradients", `"label":3`},
		{"cell", fmt.Sprintf(`"digit":1,"layer":"filters2","gradient":true,"map":%d,"channel":%d,"row":%d,"column":%d`, filters2-1, filters1-1, size-1, size-1)},
	} {
		if _, err := s.Respond(context.Background(), c.path, []byte("{"+c.fields+"}")); err != nil {
			t.Errorf("%s %s: %v", c.path, c.fields, err)
		}
	}
}

// When gradient descent diverges, the error says so. Otherwise all gradients are finite.
func TestDivergingSteps(t *testing.T) {
	s := inspector(t)
	diverged, responded := 0, 0
	for digit := range 10 {
		for _, rate := range []float64{0.03, 1} {
			for _, steps := range []int{1, 2, 3, 5, 20} {
				_, err := s.Respond(context.Background(), "gradients", fmt.Appendf(nil, `{"digit":%d,"label":%d,"steps":%d,"rate":%v}`, digit, 9-digit, steps, rate))
				switch {
				case err == nil:
					responded++
				case err.Error() == fmt.Sprintf("gradient descent has diverged at learning rate %v: undo the steps and choose a lower rate", rate):
					diverged++
				default:
					t.Errorf("digit %d, %d steps at %v: %v", digit, steps, rate, err)
				}
			}
		}
	}
	t.Logf("%d diverged, %d responded", diverged, responded)
	large, infinite := s.network.Clone(), s.network.Clone()
	for k := range large.Parameters {
		large.Parameters[k] *= 1e150 // finite, but the products aren't
	}
	infinite.Biases1[0] = math.Inf(-1) // the loss is finite, because ReLU makes this 0
	for _, n := range []*convnet.Network{large, infinite} {
		_, err := New(n, nil, s.test).Respond(context.Background(), "predict", []byte(`{"digit":1,"steps":1,"rate":1}`))
		if err == nil || !strings.Contains(err.Error(), "gradient descent has diverged") {
			t.Errorf("a network that has diverged: %v", err)
		}
	}
}

// Requests with steps may come at the same time.
func TestStepsAtOnce(t *testing.T) {
	s := inspector(t)
	respond := func(k int) string {
		fields := fmt.Sprintf(`"digit":%d,"label":3,"steps":2,"rate":0.01`, k)
		at := `,"layer":"pool1","map":1,"row":4,"column":5`
		path := []string{"cell", "cell", "predict", "gradients"}[k%4]
		body := "{" + fields + []string{at, at + `,"gradient":true`, "", ""}[k%4] + "}"
		text, err := s.Respond(context.Background(), path, []byte(body))
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	var want [8]string
	for k := range want {
		want[k] = respond(k)
	}
	var wait sync.WaitGroup
	for k := range 4 * len(want) {
		wait.Add(1)
		go func() {
			defer wait.Done()
			if found := respond(k % len(want)); found != want[k%len(want)] {
				t.Errorf("digit %d: %.200s, want %.200s", k%len(want), found, want[k%len(want)])
			}
		}()
	}
	wait.Wait()
}
