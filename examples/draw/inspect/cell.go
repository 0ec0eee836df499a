package inspect

import (
	"context"
	"math"
	"slices"
	"strings"

	"convnet"
)

// A cell is one activation of a layer, for an input.
type cell struct {
	input
	Layer  string `json:"layer"`
	Map    int    `json:"map"`
	Row    int    `json:"row"`
	Column int    `json:"column"`

	Gradient bool `json:"gradient"` // explain the gradient there, not the activation
	Channel  int  `json:"channel"`  // of a weight: its layer is filters1 or filters2, and its filter is Map
}

// An explanation is how a cell got its value: what the helper function took from each
// channel, and what it computed from that.
type explanation struct {
	Function string    `json:"function"` // that computed the total
	Formula  string    `json:"formula"`
	Fields   []field   `json:"fields"`   // what the cell is computed from in every earlier layer, the nearest first
	Channels []channel `json:"channels"` // of the previous layer
	Sum      float64   `json:"sum"`      // of all products, or the maximum
	Bias     *float64  `json:"bias"`     // or null
	Total    float64   `json:"total"`    // sum + bias
	Then     string    `json:"then"`     // the function that computes the value from the total, or ""
	Value    float64   `json:"value"`    // the activation

	// If that function is Softmax, what it takes and how it gets from there to the
	// probabilities. Otherwise null.
	Logits         []float64 `json:"logits"`
	Exponentials   []float64 `json:"exponentials"` // exp(logit − maximum)
	ExponentialSum *float64  `json:"exponentialSum"`
}

// A channel is what one channel contributes to a cell.
type channel struct {
	In      [][]float64 `json:"in"`
	Weights [][]float64 `json:"weights"` // one for each value of In, or null where nothing is multiplied
	Sum     float64     `json:"sum"`     // of the products, or the maximum

	// Where a ReLU blocks the gradient, in an explanation of a gradient that comes through ReLUs.
	Blocked [][]bool `json:"blocked,omitempty"`
}

// cell returns the explanation of a cell.
func (s *Inspector) cell(ctx context.Context, body []byte) (any, error) {
	var at cell
	if err := decode(body, &at); err != nil {
		return nil, err
	}
	if at.Gradient {
		return s.gradientCell(ctx, at)
	}
	k := slices.IndexFunc(s.layers, func(l layer) bool { return l.Name == at.Layer })
	if k < 1 { // the image is computed from nothing
		var names []string
		for _, l := range s.layers[1:] {
			names = append(names, l.Name)
		}
		return nil, badRequest("layer is %.40q, want one of %s", at.Layer, strings.Join(names, ", "))
	}
	if err := s.layers[k].check(at); err != nil {
		return nil, err
	}
	var e explanation
	err := s.withWorkspace(ctx, func(w *workspace) error {
		network, err := s.forward(w, at.input)
		if err == nil {
			e = explain(network, w.a, at)
		}
		return err
	})
	return e, err
}

// explain returns the explanation of a cell whose activations are in a. It shares no memory
// with a.
func explain(n *convnet.Network, a *convnet.Activations, at cell) explanation {
	m, y, x := at.Map, at.Row, at.Column
	layers := layersOf(a)
	k := slices.IndexFunc(layers, func(l layer) bool { return l.Name == at.Layer })
	var e explanation
	switch at.Layer {
	case "relu1":
		e = convolution(a.Image, n.Filters1[m], y, x, layers[k].window)
		e.Value = a.ReLU1[m][y][x]
	case "pool1":
		e = pooling(a.ReLU1[m], y, x)
	case "relu2":
		e = convolution(a.Pool1, n.Filters2[m], y, x, layers[k].window)
		e.Value = a.ReLU2[m][y][x]
	case "pool2":
		e = pooling(a.ReLU2[m], y, x)
	case "relu3":
		e = fullyConnected(a.Pool2, n.Weights1[x], n.Biases1[x])
		e.Then, e.Value = "ReLU", a.ReLU3[x]
	case "probabilities":
		e = fullyConnected([][][]float64{{a.ReLU3}}, n.Weights2[x], n.Biases2[x])
		e.Then, e.Value = "Softmax", a.Probabilities[x]
		e.Logits = slices.Clone(a.Logits)
		maximum, sum := slices.Max(a.Logits), 0.0
		for _, l := range a.Logits { // as Softmax does
			e.Exponentials = append(e.Exponentials, math.Exp(l-maximum))
			sum += math.Exp(l - maximum)
		}
		e.ExponentialSum = &sum
	}
	e.Fields = receptiveFields(layers, k, m, y, x)
	return e
}

// convolution explains a cell of a feature map: size·size products for each channel. The sum
// is taken in Conv2D's order: column by column of the patch, in each column channel by
// channel, and in each channel row by row.
func convolution(in [][][]float64, filter []float64, y, x, size int) explanation {
	e := explanation{Function: "Conv2D", Formula: "Σ in · filter", Then: "ReLU", Channels: make([]channel, len(in))}
	for c, m := range in {
		for i := range size {
			e.Channels[c].In = append(e.Channels[c].In, slices.Clone(m[y+i][x:x+size]))
			e.Channels[c].Weights = append(e.Channels[c].Weights, filter[(c*size+i)*size:][:size])
		}
	}
	for j := range size {
		for c := range e.Channels {
			ch := &e.Channels[c]
			for i, row := range ch.In {
				e.Sum += row[j] * ch.Weights[i][j]
				ch.Sum += row[j] * ch.Weights[i][j]
			}
		}
	}
	e.Total = e.Sum
	return e
}

// pooling explains a cell of a pooled map: the maximum of four values.
func pooling(in [][]float64, y, x int) explanation {
	top, bottom := in[2*y][2*x:][:2], in[2*y+1][2*x:][:2]
	maximum := max(top[0], top[1], bottom[0], bottom[1])
	return explanation{
		Function: "MaxPool", Formula: "max of four",
		Channels: []channel{{In: [][]float64{slices.Clone(top), slices.Clone(bottom)}, Sum: maximum}},
		Sum:      maximum, Total: maximum, Value: maximum,
	}
}

// fullyConnected explains a unit that is connected to every value of in.
func fullyConnected(in [][][]float64, weights []float64, bias float64) explanation {
	e := explanation{Function: "FullyConnected", Formula: "Σ in · weight + bias", Bias: &bias}
	for _, m := range in {
		var ch channel
		for _, row := range m {
			ch.In, ch.Weights = append(ch.In, slices.Clone(row)), append(ch.Weights, weights[:len(row)])
			for j, v := range row {
				e.Sum += v * weights[j]
				ch.Sum += v * weights[j]
			}
			weights = weights[len(row):]
		}
		e.Channels = append(e.Channels, ch)
	}
	e.Total = e.Sum + bias
	return e
}
