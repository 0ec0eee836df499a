package inspect

import "convnet"

// A layer is a layer of the network, as the page shows it. A vector is one map of one row.
type layer struct {
	Name    string `json:"name"`
	Maps    int    `json:"maps"`
	Rows    int    `json:"rows"`
	Columns int    `json:"columns"`

	// Each cell is computed from a window of the previous layer, of window×window cells, and
	// the windows of neighbors are stride apart. The window is in the map with the same
	// number if sameMap is set, and otherwise in all maps. A window of 0 is the whole layer:
	// this layer is fully connected.
	window, stride int
	sameMap        bool
}

// layersOf returns the layers that have their activations in a, in the order of the data.
// Their shapes are the lengths in a.
func layersOf(a *convnet.Activations) []layer {
	volume := func(name string, maps [][][]float64) layer {
		return layer{Name: name, Maps: len(maps), Rows: len(maps[0]), Columns: len(maps[0][0])}
	}
	vector := func(name string, v []float64) layer { return volume(name, [][][]float64{{v}}) }
	convolution := func(name string, out, in [][][]float64) layer {
		l := volume(name, out)
		l.window, l.stride = len(in[0])-len(out[0])+1, 1
		return l
	}
	pooling := func(name string, out [][][]float64) layer {
		l := volume(name, out)
		l.window, l.stride, l.sameMap = 2, 2, true
		return l
	}
	return []layer{
		volume("image", a.Image),
		convolution("relu1", a.ReLU1, a.Image),
		pooling("pool1", a.Pool1),
		convolution("relu2", a.ReLU2, a.Pool1),
		pooling("pool2", a.Pool2),
		vector("relu3", a.ReLU3),
		vector("probabilities", a.Probabilities),
	}
}

// check returns an error unless the cell is in the layer.
func (l layer) check(at cell) error {
	if !within(at.Map, l.Maps) || !within(at.Row, l.Rows) || !within(at.Column, l.Columns) {
		return badRequest("the cell is in map %d, row %d, column %d, want one in %d×%d×%d, counted from 0", at.Map, at.Row, at.Column, l.Maps, l.Rows, l.Columns)
	}
	return nil
}

// within reports whether k is at least 0 and less than n.
func within(k, n int) bool { return k >= 0 && k < n }

// A field is a part of a layer: a box in one of its maps, or in all of them.
type field struct {
	Layer   string `json:"layer"`
	Map     int    `json:"map"` // or allMaps
	Row     int    `json:"row"`
	Column  int    `json:"column"`
	Rows    int    `json:"rows"`
	Columns int    `json:"columns"`
}

const allMaps = -1

// receptiveFields returns the receptive field of a cell of layers[k], k ≥ 1: everything the
// cell is computed from in the previous layer, in the one before that, and so on to the image.
//
//	a window of 5 at stride 1 under a window of 2 at stride 2: 2 cells → (2−1)·1 + 5 = 6 pixels
func receptiveFields(layers []layer, k, m, row, column int) (fields []field) {
	f := field{Map: m, Row: row, Column: column, Rows: 1, Columns: 1}
	for ; k > 0; k-- {
		l, before := layers[k], layers[k-1]
		f.Layer = before.Name
		if !l.sameMap {
			f.Map = allMaps
		}
		if l.window == 0 {
			f.Row, f.Column, f.Rows, f.Columns = 0, 0, before.Rows, before.Columns
		} else {
			f.Row, f.Rows = f.Row*l.stride, (f.Rows-1)*l.stride+l.window
			f.Column, f.Columns = f.Column*l.stride, (f.Columns-1)*l.stride+l.window
		}
		fields = append(fields, f)
	}
	return fields
}
