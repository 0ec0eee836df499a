package main

import (
	"net/http"
	"slices"

	"convnet"
)

// A place is a cell of a layer.
type place struct {
	subject
	Layer  string `json:"layer"`
	Map    int    `json:"map"`
	Row    int    `json:"row"`
	Column int    `json:"column"`
}

// An account is how a cell came by its number: what the helper function took from
// each channel, and what it made of it.
type account struct {
	Function string    `json:"function"` // that computed the total
	Formula  string    `json:"formula"`
	Fields   []field   `json:"fields"` // its receptive field, first in the layer before, last in the image
	Parts    []part    `json:"parts"`  // a channel each
	Sum      float64   `json:"sum"`    // of all products, or the largest number
	Bias     *float64  `json:"bias"`   // or none
	Total    float64   `json:"total"`  // the sum and the bias
	Then     string    `json:"then"`   // what makes the value of the total, or nothing
	Logits   []float64 `json:"logits"` // where that takes all ten, or none
	Value    float64   `json:"value"`  // the activation
}

// A field is a part of a layer: a box in one of its maps or in all of them.
type field struct {
	Layer   string `json:"layer"`
	Map     int    `json:"map"` // −1 for all
	Row     int    `json:"row"`
	Column  int    `json:"column"`
	Rows    int    `json:"rows"`
	Columns int    `json:"columns"`
}

// A part is what one channel gives to a sum.
type part struct {
	In      [][]float64 `json:"in"`
	Weights [][]float64 `json:"weights"` // as many; none where nothing is multiplied
	Sum     float64     `json:"sum"`
}

// cell answers with the account of a place.
func (s *server) cell(r *http.Request) (any, error) {
	var at place
	if err := decode(r, &at); err != nil {
		return nil, err
	}
	shapes := map[string][3]int{
		"relu1": {10, 24, 24}, "pool1": {10, 12, 12}, "relu2": {20, 8, 8}, "pool2": {20, 4, 4},
		"relu3": {1, 1, 100}, "probabilities": {1, 1, 10},
	}
	shape, ok := shapes[at.Layer]
	if !ok {
		return nil, bad("found the layer %.40q, want relu1, pool1, relu2, pool2, relu3 or probabilities", at.Layer)
	}
	for k, i := range []int{at.Map, at.Row, at.Column} {
		if i < 0 || i >= shape[k] {
			return nil, bad("found map %d, row %d, column %d, want those of %d×%d×%d", at.Map, at.Row, at.Column, shape[0], shape[1], shape[2])
		}
	}
	var found account
	err := s.borrow(r.Context(), func(d *desk) error {
		network, err := s.look(d, at.subject)
		if err == nil {
			found = explain(network, d.a, at)
		}
		return err
	})
	return found, err
}

// explain returns the account of a place whose activations are in a.
func explain(n *convnet.Network, a *convnet.Activations, at place) account {
	y, x := at.Row, at.Column
	switch at.Layer {
	case "relu1":
		found := convolution(a.Image, n.Filters1[at.Map], y, x)
		found.Value = a.ReLU1[at.Map][y][x]
		found.Fields = []field{{"image", 0, y, x, 5, 5}}
		return found
	case "pool1":
		found := pooling(a.ReLU1[at.Map], y, x)
		found.Fields = []field{{"relu1", at.Map, 2 * y, 2 * x, 2, 2}, {"image", 0, 2 * y, 2 * x, 6, 6}}
		return found
	case "relu2":
		found := convolution(a.Pool1, n.Filters2[at.Map], y, x)
		found.Value = a.ReLU2[at.Map][y][x]
		found.Fields = []field{{"pool1", -1, y, x, 5, 5}, {"image", 0, 2 * y, 2 * x, 14, 14}}
		return found
	case "pool2":
		found := pooling(a.ReLU2[at.Map], y, x)
		found.Fields = []field{{"relu2", at.Map, 2 * y, 2 * x, 2, 2}, {"image", 0, 4 * y, 4 * x, 16, 16}}
		return found
	case "relu3":
		found := fullyConnected(a.Pool2, n.Weights1[x], n.Biases1[x])
		found.Then, found.Value = "ReLU", a.ReLU3[x]
		found.Fields = []field{{"pool2", -1, 0, 0, 4, 4}, {"image", 0, 0, 0, 28, 28}}
		return found
	}
	found := fullyConnected([][][]float64{{a.ReLU3}}, n.Weights2[x], n.Biases2[x])
	found.Then, found.Value = "Softmax", a.Probabilities[x]
	found.Logits = slices.Clone(a.Logits)
	found.Fields = []field{{"relu3", 0, 0, 0, 1, 100}, {"image", 0, 0, 0, 28, 28}}
	return found
}

// convolution is the account of a cell of a feature map: 25 products for each
// channel.
func convolution(in [][][]float64, filter []float64, y, x int) account {
	const size = 5
	found := account{Function: "Conv2D", Formula: "Σ in · filter", Then: "ReLU"}
	for c, m := range in {
		var p part
		for i := range size {
			p.In = append(p.In, slices.Clone(m[y+i][x:x+size]))
			p.Weights = append(p.Weights, filter[(c*size+i)*size:][:size])
			p.Sum = add(p.Sum, p.In[i], p.Weights[i])
		}
		found.Parts = append(found.Parts, p)
	}
	for i := range size { // Conv2D goes row by row, and through the channels in each
		for _, p := range found.Parts {
			found.Sum = add(found.Sum, p.In[i], p.Weights[i])
		}
	}
	found.Total = found.Sum
	return found
}

// add returns sum plus the products, one after the other.
func add(sum float64, in, weights []float64) float64 {
	for j, v := range in {
		sum += v * weights[j]
	}
	return sum
}

// pooling is the account of a cell of a pooled map: the largest of four numbers.
func pooling(in [][]float64, y, x int) account {
	top, bottom := in[2*y][2*x:][:2], in[2*y+1][2*x:][:2]
	largest := max(top[0], top[1], bottom[0], bottom[1])
	return account{
		Function: "MaxPool", Formula: "max of the four",
		Parts: []part{{In: [][]float64{slices.Clone(top), slices.Clone(bottom)}, Sum: largest}},
		Sum:   largest, Total: largest, Value: largest,
	}
}

// fullyConnected is the account of a unit that every number of in leads to.
func fullyConnected(in [][][]float64, weights []float64, bias float64) account {
	found := account{Function: "FullyConnected", Formula: "Σ in · weight + bias", Bias: &bias}
	for _, m := range in {
		var p part
		for _, row := range m {
			p.In, p.Weights = append(p.In, slices.Clone(row)), append(p.Weights, weights[:len(row)])
			p.Sum = add(p.Sum, row, weights[:len(row)])
			found.Sum = add(found.Sum, row, weights[:len(row)])
			weights = weights[len(row):]
		}
		found.Parts = append(found.Parts, p)
	}
	found.Total = found.Sum + bias
	return found
}
