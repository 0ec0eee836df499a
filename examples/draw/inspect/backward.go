package inspect

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"convnet"
)

// gradientLayers are the names of the layers that have gradients, in the order of the data,
// and then those of the filters.
var gradientLayers = []string{"image", "relu1", "pool1", "relu2", "pool2", "relu3", "logits", "filters1", "filters2"}

// gradients are the gradients of the loss with respect to everything the page shows, rounded
// for pictures.
type gradients struct {
	Loss     float64         `json:"loss"`
	Losses   []float64       `json:"losses"` // before each of the steps, and after the last
	Image    [][]float64     `json:"image"`
	ReLU1    [][][]float64   `json:"relu1"`
	Pool1    [][][]float64   `json:"pool1"`
	ReLU2    [][][]float64   `json:"relu2"`
	Pool2    [][][]float64   `json:"pool2"`
	ReLU3    []float64       `json:"relu3"`
	Logits   []float64       `json:"logits"`
	Filters1 [][][][]float64 `json:"filters1"` // filter, channel, row, column
	Filters2 [][][][]float64 `json:"filters2"`
}

// gradients returns the gradients for an input with a label.
func (s *Inspector) gradients(ctx context.Context, body []byte) (any, error) {
	var in input
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	var g gradients
	err := s.withWorkspace(ctx, func(w *workspace) error {
		if _, err := s.backward(w, in); err != nil {
			return err
		}
		d := w.d
		g = gradients{
			Loss: w.losses[in.Steps], Losses: slices.Clone(w.losses),
			Image: significant(d.Image)[0],
			ReLU1: significant(d.ReLU1), Pool1: significant(d.Pool1),
			ReLU2: significant(d.ReLU2), Pool2: significant(d.Pool2),
			ReLU3:    significant([][][]float64{{d.ReLU3}})[0][0],
			Logits:   significant([][][]float64{{d.Logits}})[0][0],
			Filters1: kernels(significant([][][]float64{w.grad.Filters1})[0], len(d.Image)),
			Filters2: kernels(significant([][][]float64{w.grad.Filters2})[0], len(d.Pool1)),
		}
		return nil
	})
	return g, err
}

// backward runs the forward and the backward pass of the input's network and returns the
// network. Then the activations are in w.a, and the gradients in w.d and w.grad.
func (s *Inspector) backward(w *workspace, in input) (*convnet.Network, error) {
	network, err := s.forward(w, in)
	if err != nil {
		return nil, err
	}
	if w.label == nil {
		return nil, s.missingLabel()
	}
	w.grad.Clear()
	network.Backward(w.grad, w.d, w.a, *w.label)
	convnet.Conv2DInputGrad(w.d.Image, network.Filters1, w.d.Conv1)
	return network, nil
}

// significant returns a copy with five significant digits. Gradients differ by powers of ten
// from layer to layer, so a fixed number of decimals wouldn't do.
func significant(maps [][][]float64) [][][]float64 {
	to := convnet.NewVolume(len(maps), len(maps[0]), len(maps[0][0]))
	for c, m := range maps {
		for y, row := range m {
			for x, v := range row {
				if v != 0 { // most values are 0
					to[c][y][x], _ = strconv.ParseFloat(strconv.FormatFloat(v, 'e', 4, 64), 64)
				}
			}
		}
	}
	return to
}

// A gradientExplanation is how the gradient at a cell got its value. The fields lie in the later
// layers, where the gradient comes from, and the channels hold what comes from the next one.
type gradientExplanation struct {
	explanation
	Target  *float64 `json:"target"`  // of a logit, 1 or 0, which is subtracted from the sum; null in other layers
	Window  *window  `json:"window"`  // that a cell of relu1 or relu2 is in; null in other layers
	Blocked bool     `json:"blocked"` // if it is a ReLU's output: its input isn't positive, so the gradient ends here
}

// A window is what max-pooling took a maximum of.
type window struct {
	Values [][]float64 `json:"values"` // the activations, 2×2
	Winner [2]int      `json:"winner"` // row and column of the maximum, the first in reading order
	Cell   [2]int      `json:"cell"`   // row and column of the cell that is explained
}

// gradientCell returns the explanation of the gradient at a cell.
func (s *Inspector) gradientCell(ctx context.Context, at cell) (any, error) {
	if err := s.checkGradientCell(at); err != nil {
		return nil, err
	}
	var e gradientExplanation
	err := s.withWorkspace(ctx, func(w *workspace) error {
		network, err := s.backward(w, at.input)
		if err == nil {
			e = explainGradient(network, w, at)
		}
		return err
	})
	return e, err
}

// checkGradientCell returns an error unless there is a gradient at the cell.
func (s *Inspector) checkGradientCell(at cell) error {
	k := slices.Index(gradientLayers, at.Layer)
	switch {
	case k < 0:
		return badRequest("layer is %.40q, want one of %s", at.Layer, strings.Join(gradientLayers, ", "))
	case k < len(s.layers): // logits have the shape of the probabilities
		return s.layers[k].check(at)
	}
	filters := s.network.Filters1
	channels, size := s.layers[0].Maps, s.layers[1].window
	if at.Layer == "filters2" {
		filters = s.network.Filters2
		channels, size = s.layers[2].Maps, s.layers[3].window
	}
	if !within(at.Map, len(filters)) || !within(at.Channel, channels) || !within(at.Row, size) || !within(at.Column, size) {
		return badRequest("the weight is in filter %d, channel %d, row %d, column %d, want one in %d×%d×%d×%d, counted from 0",
			at.Map, at.Channel, at.Row, at.Column, len(filters), channels, size, size)
	}
	return nil
}

// explainGradient returns the explanation of the gradient at a cell, after the backward pass
// in w. It shares no memory with w.
//
// A convolution, or the hidden layer, receives its gradient through its ReLU. So the gradients
// at its outputs are those in Conv1, Conv2 and Hidden, where ReLUGrad has left 0 wherever the
// ReLU blocks.
func explainGradient(n *convnet.Network, w *workspace, at cell) (e gradientExplanation) {
	m, y, x := at.Map, at.Row, at.Column
	a, d := w.a, w.d
	layers := layersOf(a)
	layers[len(layers)-1].Name = "logits"
	switch at.Layer {
	case "logits":
		e = crossEntropyGrad(a.Probabilities[x], x == *w.label)
		e.Value = d.Logits[x]
	case "relu3":
		e.explanation = fullyConnectedGrad(n.Weights2, d.Logits, x)
		e.Value, e.Blocked = d.ReLU3[x], blocks(a.Hidden[x])
	case "pool2":
		j := (m*len(a.Pool2[0])+y)*len(a.Pool2[0][0]) + x // of Flatten
		e.explanation = fullyConnectedGrad(n.Weights1, d.Hidden, j)
		e.Channels[0].Blocked = blocked([][]float64{a.Hidden})
		e.Value = d.Pool2[m][y][x]
	case "relu2":
		e = poolingGrad(a.ReLU2[m], d.Pool2[m], y, x)
		e.Value, e.Blocked = d.ReLU2[m][y][x], blocks(a.Conv2[m][y][x])
	case "pool1":
		e.explanation = convolutionGrad(n.Filters2, a.Conv2, d.Conv2, at, layers[3].window)
		e.Value = d.Pool1[m][y][x]
	case "relu1":
		e = poolingGrad(a.ReLU1[m], d.Pool1[m], y, x)
		e.Value, e.Blocked = d.ReLU1[m][y][x], blocks(a.Conv1[m][y][x])
	case "image":
		e.explanation = convolutionGrad(n.Filters1, a.Conv1, d.Conv1, at, layers[1].window)
		e.Value = d.Image[m][y][x]
	case "filters2":
		size := layers[3].window
		e.explanation = filterGrad(a.Pool1[at.Channel], a.Conv2[m], d.Conv2[m], y, x)
		e.Value = w.grad.Filters2[m][(at.Channel*size+y)*size+x]
		e.Fields = filterFields(layers[3], layers[2], at)
	case "filters1":
		size := layers[1].window
		e.explanation = filterGrad(a.Image[at.Channel], a.Conv1[m], d.Conv1[m], y, x)
		e.Value = w.grad.Filters1[m][(at.Channel*size+y)*size+x]
		e.Fields = filterFields(layers[1], layers[0], at)
	}
	if e.Fields == nil {
		e.Fields = laterFields(layers, slices.Index(gradientLayers, at.Layer), m, y, x)
	}
	return e
}

// blocks reports whether a ReLU with this input blocks the gradient.
func blocks(in float64) bool { return !(in > 0) }

// blocked reports where the ReLUs with these inputs block the gradient.
func blocked(in [][]float64) [][]bool {
	to := make([][]bool, len(in))
	for y, row := range in {
		for _, v := range row {
			to[y] = append(to[y], blocks(v))
		}
	}
	return to
}

// addProduct adds the product of a gradient and another factor to the sums of e and ch.
func (e *explanation) addProduct(ch *channel, g, factor float64) {
	e.Sum += g * factor
	ch.Sum += g * factor
	e.Total = e.Sum
}

// crossEntropyGrad explains the gradient at a logit: its probability minus its target.
func crossEntropyGrad(probability float64, isLabel bool) gradientExplanation {
	target := 0.0
	if isLabel {
		target = 1
	}
	return gradientExplanation{Target: &target, explanation: explanation{
		Function: "CrossEntropyGrad", Formula: "probability − target",
		Channels: []channel{{In: [][]float64{{probability}}, Sum: probability}},
		Sum:      probability, Total: probability - target,
	}}
}

// fullyConnectedGrad explains the gradient at input j of a fully connected layer: each output
// sends back its gradient times the weight between them.
func fullyConnectedGrad(weights [][]float64, dOut []float64, j int) explanation {
	e := explanation{Function: "FullyConnectedInputGrad", Formula: "Σ gradient · weight", Channels: make([]channel, 1)}
	ch := &e.Channels[0]
	ch.In, ch.Weights = [][]float64{slices.Clone(dOut)}, make([][]float64, 1)
	for i, g := range dOut {
		ch.Weights[0] = append(ch.Weights[0], weights[i][j])
		e.addProduct(ch, g, weights[i][j])
	}
	return e
}

// poolingGrad explains the gradient at a cell that max-pooling looks at: the gradient at the
// maximum goes to the cell that it was taken from. If the number of rows or columns is odd,
// the last one is in no window, and there are no channels.
func poolingGrad(in, dOut [][]float64, y, x int) (e gradientExplanation) {
	e.Function, e.Formula, e.Channels = "MaxPoolGrad", "gradient · (1 if it is the maximum, else 0)", []channel{}
	if y/2 >= len(dOut) || x/2 >= len(dOut[0]) {
		return e
	}
	top, bottom := in[y/2*2][x/2*2:][:2], in[y/2*2+1][x/2*2:][:2]
	values := [][]float64{slices.Clone(top), slices.Clone(bottom)}
	wins := convnet.NewMatrix(2, 2) // 1 for the winner
	convnet.MaxPoolGrad(wins, values, [][]float64{{1}})
	e.Window = &window{Values: values, Cell: [2]int{y % 2, x % 2}}
	for i, row := range wins {
		for j, v := range row {
			if v == 1 {
				e.Window.Winner = [2]int{i, j}
			}
		}
	}
	g, share := dOut[y/2][x/2], wins[y%2][x%2]
	e.Channels = []channel{{In: [][]float64{{g}}, Weights: [][]float64{{share}}}}
	e.addProduct(&e.Channels[0], g, share)
	return e
}

// convolutionGrad explains the gradient at an input of a convolution. The kernel covered it at
// up to size×size positions, fewer at the border, and each time met it with another weight. So
// there is a channel for each filter: the gradients at these outputs, and the weights of the
// input's kernel, turned by 180°. The sum is taken in Conv2DInputGrad's order: row by row, in
// each row filter by filter.
//
//	in[y][x] is part of out[y−i][x−j] for every weight kernel[i][j]
func convolutionGrad(filters [][]float64, out, dOut [][][]float64, at cell, size int) explanation {
	e := explanation{Function: "Conv2DInputGrad", Formula: "Σ gradient · filter", Channels: make([]channel, len(dOut))}
	top, bottom := max(0, at.Row-size+1), min(len(dOut[0])-1, at.Row)
	left, right := max(0, at.Column-size+1), min(len(dOut[0][0])-1, at.Column)
	for y := top; y <= bottom; y++ {
		kernelRow := (at.Map*size + at.Row - y) * size
		for f := range dOut {
			ch := &e.Channels[f]
			received := slices.Clone(dOut[f][y][left : right+1])
			weights := make([]float64, len(received))
			for k, g := range received {
				weights[k] = filters[f][kernelRow+at.Column-(left+k)]
				e.addProduct(ch, g, weights[k])
			}
			ch.In, ch.Weights = append(ch.In, received), append(ch.Weights, weights)
			ch.Blocked = append(ch.Blocked, blocked([][]float64{out[f][y][left : right+1]})...)
		}
	}
	return e
}

// filterGrad explains the gradient of the weight in row i and column j of a kernel: the input
// it met at every position of the kernel times the gradient at the output there.
func filterGrad(in, out, dOut [][]float64, i, j int) explanation {
	e := explanation{Function: "AddConv2DFilterGrad", Formula: "Σ in · gradient", Channels: make([]channel, 1)}
	ch := &e.Channels[0]
	ch.Blocked = blocked(out)
	for y, received := range dOut {
		inputs := slices.Clone(in[y+i][j:][:len(received)])
		for x, g := range received {
			e.addProduct(ch, g, inputs[x])
		}
		ch.In, ch.Weights = append(ch.In, inputs), append(ch.Weights, slices.Clone(received))
	}
	return e
}

// filterFields returns what the gradient of a weight comes from: all of the feature map that
// its filter computes, and the part of the input that the weight met.
func filterFields(out, in layer, at cell) []field {
	return []field{
		{Layer: out.Name, Map: at.Map, Rows: out.Rows, Columns: out.Columns},
		{Layer: in.Name, Map: at.Channel, Row: at.Row, Column: at.Column, Rows: out.Rows, Columns: out.Columns},
	}
}

// laterFields returns where the gradient at a cell of layers[k] comes from: everything in the
// next layer that is computed from the cell, in the one after that, and so on to the last.
// They end early if no window covers the cell.
//
//	a pixel under a kernel of 5: 5×5 cells of conv1, and 3×3 of pool1 have one of these in their window
func laterFields(layers []layer, k, m, row, column int) []field {
	fields := []field{} // in JSON, nil would be null
	f := field{Map: m, Row: row, Column: column, Rows: 1, Columns: 1}
	for _, l := range layers[k+1:] {
		f.Layer = l.Name
		if !l.sameMap {
			f.Map = allMaps
		}
		if l.window == 0 {
			f.Row, f.Column, f.Rows, f.Columns = 0, 0, l.Rows, l.Columns
		} else {
			f.Row, f.Rows = l.windowsOver(f.Row, f.Rows, l.Rows)
			f.Column, f.Columns = l.windowsOver(f.Column, f.Columns, l.Columns)
		}
		if f.Rows == 0 || f.Columns == 0 {
			break
		}
		fields = append(fields, f)
	}
	return fields
}

// windowsOver returns the first of the layer's windows, out of n, that covers any of the count
// rows from first on, and how many do.
func (l layer) windowsOver(first, count, n int) (window, windows int) {
	window = max(0, (first-l.window+l.stride)/l.stride)
	last := min(n-1, (first+count-1)/l.stride)
	return window, last - window + 1
}
