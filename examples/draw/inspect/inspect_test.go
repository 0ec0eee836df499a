package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"convnet"
	"convnet/examples/internal/fit"
	"convnet/examples/internal/testenv"
	"convnet/examples/internal/training"
	"convnet/examples/mnist"
	"convnet/examples/trained"
)

// side is the side of an image.
const side = convnet.ImageSide

// testNetwork returns the trained network, or if the architecture has been changed, one that
// has been trained for a few seconds.
var testNetwork = sync.OnceValues(func() (*convnet.Network, error) {
	if testenv.Stored() {
		return trained.Network()
	}
	digits, _, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return nil, err
	}
	recipe := training.Default()
	recipe.Sets, recipe.Size, recipe.Epochs, recipe.Dropout = 1, len(digits), 2, 0
	return recipe.Train(context.Background(), digits, 1, 1)
})

// inspector returns an Inspector of testNetwork and all digits.
func inspector(t *testing.T) *Inspector {
	t.Helper()
	train, test := testenv.Digits(t)
	network, err := testNetwork()
	if err != nil {
		t.Fatal(err)
	}
	return New(network, train, test)
}

// ask sends a request, reads the response into found, if it isn't nil, and returns the error.
func (s *Inspector) ask(t *testing.T, path, body string, found any) error {
	t.Helper()
	text, err := s.Respond(context.Background(), path, []byte(body))
	if err == nil && found != nil {
		err = json.Unmarshal(text, found)
	}
	return err
}

// want is ask for a request that is all right.
func (s *Inspector) want(t *testing.T, path, body string, found any) {
	t.Helper()
	if err := s.ask(t, path, body, found); err != nil {
		t.Fatalf("%s %.200s: %v", path, body, err)
	}
}

// A bad request gets an error that says why, and leaves the server as it was.
func TestRefusals(t *testing.T) {
	s := inspector(t)
	l := s.layers
	many := strings.Repeat("[0.5,0.5],", maxPoints) + "[0.5,0.5]"
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"predict", `{`, 400, "unexpected EOF"},
		{"predict", ``, 400, "EOF"},
		{"predict", `[]`, 400, "found a value of the wrong type, array, before byte 1"},
		{"predict", `{} {}`, 400, "found more after byte"},
		{"predict", `{"color":1}`, 400, "unknown field"},
		{"predict", `{"strokes":[[[NaN,0]]]}`, 400, "invalid character 'N'"},
		{"predict", `{"strokes":[[[1e999,0]]]}`, 400, "wrong type, number 1e999, before byte"},
		{"predict", `{"strokes":[[[0.5,1.01]]]}`, 400, "a point is [0.5 1.01], want x and y from 0 to 1"},
		{"predict", `{"strokes":[[[-0.01,0.5]]]}`, 400, "a point is [-0.01 0.5]"},
		{"predict", `{"strokes":[["a"]]}`, 400, "wrong type, string, before byte"},
		{"predict", `{"strokes":[[[0.5]]]}`, 400, "a point is [0.5]"},
		{"predict", `{"strokes":[[[0.5,0.5,0.5]]]}`, 400, "a point is [0.5 0.5 0.5]"},
		{"predict", `{"strokes":[[null]]}`, 400, "a point is []"},
		{"predict", `{"strokes":[[` + strings.Repeat("[0,0],[1,1],", 100) + `[0,0]]]}`, 400, "strokes 283 times as long as the pad is wide, want at most 2000 and 200"},
		{"predict", ` null `, 400, "the request is null, want an object"},
		{"predict", `{"strokes":[[` + many + `]]}`, 400, "found 2001 points on strokes"},
		{"predict", `{"strokes":[[` + many[len("[0.5,0.5],"):] + `]]}`, 200, ""}, // the page may send that many
		{"predict", `{"digit":10000}`, 400, "the test digit is 10000, want 0 to 9999"},
		{"predict", `{"digit":-1}`, 400, "the test digit is -1"},
		{"predict", `{"digit":1.5}`, 400, "wrong type, number 1.5, before"},
		{"predict", `{"digit":1,"strokes":[]}`, 400, "found both a test digit and strokes"},
		{"predict", `{"session":"x"}`, 404, "the network in training is gone"},
		{"predict", strings.Repeat("[", 100000), 400, "exceeded max depth"},
		{"occlusion", `{"digit":10000}`, 400, "the test digit is 10000"},
		{"occlusion", `{"session":"x"}`, 404, "the network in training is gone"},
		{"occlusion", `{}`, 400, "nothing is drawn: draw a digit, or choose a test digit"},
		{"occlusion", `{"strokes":[[]]}`, 400, "nothing is drawn"},
		{"occlusion", `x`, 400, "invalid character"},
		{"cell", `{"layer":"relu9"}`, 400, `layer is "relu9", want one of relu1, pool1, relu2, pool2, relu3, probabilities`},
		{"cell", `{"layer":"image"}`, 400, `layer is "image"`},
		{"cell", fmt.Sprintf(`{"layer":"relu1","map":%d}`, l[1].Maps), 400, fmt.Sprintf("the cell is in map %d, row 0, column 0, want one in %d×%d×%d", l[1].Maps, l[1].Maps, l[1].Rows, l[1].Columns)},
		{"cell", fmt.Sprintf(`{"layer":"relu1","row":%d}`, l[1].Rows), 400, fmt.Sprintf("map 0, row %d", l[1].Rows)},
		{"cell", `{"layer":"pool2","column":-1}`, 400, "column -1"},
		{"cell", fmt.Sprintf(`{"layer":"relu3","column":%d}`, l[5].Columns), 400, fmt.Sprintf("column %d, want one in 1×1×%[1]d", l[5].Columns)},
		{"cell", `{"layer":"relu1","digit":-1}`, 400, "the test digit is -1"},
		{"cell", `{"layer":"relu1","session":"x"}`, 404, "the network in training is gone"},
		{"cell", `"`, 400, "unexpected EOF"},
		{"train", `{"session":"x","rate":0.01}`, 404, "the network in training is gone: the program has been restarted, or has dropped it"},
		{"train", `{"rate":0}`, 400, "the learning rate is 0, want more than 0"},
		{"train", `{"rate":1.1}`, 400, "the learning rate is 1.1"},
		{"train", `{"rate":0.1,"dropout":1}`, 400, "dropout is 1, want at least 0 and less than 1"},
		{"train", `{"rate":0.1,"dropout":-0.1}`, 400, "dropout is -0.1"},
		{"train", `{"rate":0.1,"milliseconds":-1}`, 400, "found -1 milliseconds, want at least 0 and at most 100"},
		{"train", `{"rate":0.1,"milliseconds":101}`, 400, "found 101 milliseconds"},
		{"train", `{"rate":0.1,"seed":-1}`, 400, "wrong type, number -1, before"},
		{"train", `{"session":"x","rate":0.0001,"dropout":0,"milliseconds":0}`, 404, "the network in training is gone"}, // the limits of
		{"train", `{"session":"x","rate":1,"dropout":0.9,"milliseconds":100}`, 404, "the network in training is gone"},  // what is allowed
		{"train", `7`, 400, "wrong type, number, before"},
		{"network", `null`, 400, "the request is null, want an object"},
		{"misclassified", `7`, 400, "wrong type, number, before"},
		{"nowhere", `{}`, 404, `there is no request "nowhere"`},
		{"", `{}`, 404, `there is no request ""`},
	} {
		err := s.ask(t, c.path, c.body, nil)
		var refused Error
		if c.status == 200 {
			if err != nil {
				t.Errorf("%s %.60s: %v", c.path, c.body, err)
			}
		} else if !errors.As(err, &refused) || refused.Status != c.status || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.60s: status %d, error %v, want %d and %q", c.path, c.body, refused.Status, err, c.status, c.want)
		}
	}
	var p prediction
	s.want(t, "predict", `{"digit":0}`, &p)
	if want := s.network.Predict(convnet.NewActivations(), s.test[0].Image); p.Prediction != want || len(s.sessions.all) != 0 || len(s.workspaces) != cap(s.workspaces) {
		t.Errorf("afterwards the prediction is %d, want %d, with %d sessions and %d free workspaces", p.Prediction, want, len(s.sessions.all), len(s.workspaces))
	}
}

// Weights may be so large that there is no number to show. Then it says so.
func TestHugeWeights(t *testing.T) {
	train, test := testenv.Digits(t)
	network := convnet.New(1)
	for k := range network.Parameters {
		network.Parameters[k] *= 1e120
	}
	s := New(network, train, test)
	for path, body := range map[string]string{
		"predict":   `{"digit":0}`,
		"cell":      `{"digit":0,"layer":"probabilities"}`,
		"gradients": `{"digit":0}`,
		"occlusion": `{"digit":0}`,
	} {
		var refused Error
		if err := s.ask(t, path, body, nil); !errors.As(err, &refused) || refused.Status != 400 || !strings.Contains(err.Error(), "so large") {
			t.Errorf("%s: found the error %v", path, err)
		}
	}
}

// A prediction holds the activations of the network, except for rounding.
func TestPredict(t *testing.T) {
	s := inspector(t)
	a := convnet.NewActivations()
	for _, k := range []int{0, 8, 9999} {
		var p prediction
		s.want(t, "predict", fmt.Sprintf(`{"digit":%d}`, k), &p)
		class := s.network.Predict(a, s.test[k].Image)
		if p.Prediction != class || p.Label == nil || *p.Label != s.test[k].Label {
			t.Errorf("digit %d: prediction %d and label %v, want %d and %d", k, p.Prediction, p.Label, class, s.test[k].Label)
		}
		for _, c := range []struct {
			name        string
			found, want [][][]float64
		}{
			{"image", [][][]float64{p.Image}, a.Image}, {"relu1", p.ReLU1, a.ReLU1}, {"pool1", p.Pool1, a.Pool1},
			{"relu2", p.ReLU2, a.ReLU2}, {"pool2", p.Pool2, a.Pool2}, {"relu3", [][][]float64{{p.ReLU3}}, [][][]float64{{a.ReLU3}}},
			{"probabilities", [][][]float64{{p.Probabilities}}, [][][]float64{{a.Probabilities}}},
		} {
			tolerance := 0.5001e-4
			if c.name == "probabilities" {
				tolerance = 0.5001e-6
			}
			if !near(c.found, c.want, tolerance) {
				t.Errorf("digit %d: %s differs from the network's", k, c.name)
			}
		}
	}
	var empty prediction
	s.want(t, "predict", `{}`, &empty)
	if !near([][][]float64{empty.Image}, [][][]float64{newImage()}, 0) || empty.Label != nil {
		t.Error("an empty pad is not a blank image without a label")
	}
}

// near reports whether the shapes agree and no value is further from the wanted one.
func near(found, want [][][]float64, tolerance float64) bool {
	if len(found) != len(want) {
		return false
	}
	for c, m := range want {
		if len(found[c]) != len(m) {
			return false
		}
		for y, row := range m {
			if len(found[c][y]) != len(row) {
				return false
			}
			for x, v := range row {
				if math.Abs(found[c][y][x]-v) > tolerance {
					return false
				}
			}
		}
	}
	return true
}

// The ink of a pixel is the share of it that the pen has covered.
func TestStrokes(t *testing.T) {
	s := inspector(t)
	for _, strokes := range [][][][]float64{
		{{{0.2, 0.3}, {0.8, 0.3}, {0.8, 0.3}, {0.5, 0.9}}, {}, {{0.1, 0.9}}},
		{{{0, 0.5}, {0, 0}, {0.5, 0}}}, // along the borders
		{{{1, 0.5}, {1, 1}, {0.5, 1}}},
	} {
		found := newImage()
		if err := s.load(found, input{Strokes: strokes}); err != nil {
			t.Fatal(err)
		}
		// The share of nine points in each pixel that the pen has covered.
		pad := convnet.NewMatrix(inkSide, inkSide)
		for y, row := range pad {
			for x := range row {
				for k := range 9 {
					p := []float64{(float64(x) + (0.5+float64(k%3))/3) / inkSide, (float64(y) + (0.5+float64(k/3))/3) / inkSide}
					if far(p, strokes) < penWidth/2 {
						row[x] += 1.0 / 9
					}
				}
			}
		}
		want := newImage()
		fit.Ink(want, pad)
		if !near([][][]float64{found}, [][][]float64{want}, 0.15) || mean(found, want) > 0.01 {
			t.Errorf("%v: the image differs by %v on average from what the pen has covered", strokes, mean(found, want))
		}
	}
}

// The digits as you might draw them.
var drawn = [10][][][]float64{
	{{{0.5, 0.15}, {0.3, 0.3}, {0.27, 0.55}, {0.38, 0.8}, {0.58, 0.82}, {0.72, 0.6}, {0.7, 0.3}, {0.5, 0.15}}},
	{{{0.5, 0.15}, {0.5, 0.85}}},
	{{{0.27, 0.32}, {0.38, 0.18}, {0.58, 0.17}, {0.68, 0.32}, {0.6, 0.5}, {0.28, 0.83}, {0.75, 0.83}}},
	{{{0.3, 0.2}, {0.5, 0.14}, {0.67, 0.25}, {0.63, 0.42}, {0.45, 0.48}, {0.65, 0.55}, {0.7, 0.72}, {0.52, 0.86}, {0.28, 0.8}}},
	{{{0.4, 0.15}, {0.25, 0.55}, {0.75, 0.55}}, {{0.6, 0.35}, {0.6, 0.9}}},
	{{{0.7, 0.15}, {0.38, 0.15}, {0.33, 0.45}, {0.55, 0.42}, {0.7, 0.58}, {0.66, 0.78}, {0.48, 0.87}, {0.28, 0.8}}},
	{{{0.6, 0.13}, {0.42, 0.3}, {0.32, 0.55}, {0.35, 0.78}, {0.5, 0.87}, {0.65, 0.75}, {0.62, 0.6}, {0.48, 0.54}, {0.34, 0.65}}},
	{{{0.25, 0.2}, {0.75, 0.2}, {0.45, 0.85}}},
	{{{0.65, 0.25}, {0.48, 0.15}, {0.35, 0.28}, {0.45, 0.45}, {0.62, 0.6}, {0.63, 0.78}, {0.48, 0.87}, {0.34, 0.75}, {0.42, 0.58}, {0.6, 0.42}, {0.65, 0.25}}},
	{{{0.66, 0.3}, {0.52, 0.16}, {0.36, 0.28}, {0.42, 0.46}, {0.58, 0.46}, {0.66, 0.3}, {0.62, 0.6}, {0.55, 0.87}}},
}

// The size of a drawing makes no difference.
func TestTinyDigits(t *testing.T) {
	testenv.NeedStored(t)
	s := inspector(t)
	for digit, strokes := range drawn {
		for _, size := range []float64{1, 0.6, 0.4, 0.25, 0.15 / 0.7, 0.08 / 0.7} { // the digits are about 0.7 high
			small := make([][][]float64, len(strokes))
			for k, stroke := range strokes {
				for _, p := range stroke {
					small[k] = append(small[k], []float64{0.02 + size*(p[0]-0.25), 0.97 + size*(p[1]-0.9)}) // in a corner
				}
			}
			text, err := json.Marshal(map[string]any{"strokes": small})
			if err != nil {
				t.Fatal(err)
			}
			var p prediction
			if s.want(t, "predict", string(text), &p); p.Prediction != digit {
				t.Errorf("a %d of size %.2f: predicted label %d", digit, size, p.Prediction)
			}
		}
	}
	// A dot remains a dot, even if the hand trembles.
	point, trembling := newImage(), newImage()
	if err := errors.Join(s.load(point, input{Strokes: [][][]float64{{{0.3, 0.3}}}}), s.load(trembling, input{Strokes: [][][]float64{{{0.3, 0.3}, {0.301, 0.3}, {0.3, 0.302}}}})); err != nil {
		t.Fatal(err)
	}
	if dot, found := mean(point, newImage()), mean(trembling, newImage()); found == dot || math.Abs(found-dot) > 0.1*dot {
		t.Errorf("a dot of a trembling hand has the mean ink %v, want about that of a dot, %v", found, dot)
	}
}

// far returns the distance of a point from the strokes.
func far(c []float64, strokes [][][]float64) float64 {
	least := math.Inf(1)
	for _, stroke := range strokes {
		for k, p := range stroke {
			least = min(least, nearest(c, stroke[max(0, k-1)], p))
		}
	}
	return least
}

// nearest returns the distance of c from a line, found by trying many of its points.
func nearest(c, p, q []float64) float64 {
	least := math.Inf(1)
	for k := range 41 {
		along := float64(k) / 40
		x, y := p[0]+along*(q[0]-p[0])-c[0], p[1]+along*(q[1]-p[1])-c[1]
		least = min(least, x*x+y*y)
	}
	return math.Sqrt(least)
}

// mean returns the mean difference of two matrices.
func mean(a, b [][]float64) float64 {
	sum, n := 0.0, 0.0
	for y, row := range a {
		for x, v := range row {
			sum, n = sum+math.Abs(v-b[y][x]), n+1
		}
	}
	return sum / n
}

// The explanation of any cell adds up to its activation, and consists of the values that the
// layer before and the parameters have.
func TestCell(t *testing.T) {
	s := inspector(t)
	n, a := s.network, convnet.NewActivations()
	n.Predict(a, s.test[5].Image)
	rng := rand.New(rand.NewPCG(1, 0))
	layers := map[string][][][]float64{
		"image": a.Image, "relu1": a.ReLU1, "pool1": a.Pool1, "relu2": a.ReLU2, "pool2": a.Pool2, "relu3": {{a.ReLU3}},
	}
	for k, layer := range []struct {
		name               string
		function, then     string
		totals, values     [][][]float64
		channels, products int // products in a channel
	}{
		{"relu1", "Conv2D", "ReLU", a.Conv1, a.ReLU1, 1, len(n.Filters1[0])},
		{"pool1", "MaxPool", "", a.Pool1, a.Pool1, 1, 4},
		{"relu2", "Conv2D", "ReLU", a.Conv2, a.ReLU2, len(n.Filters1), len(n.Filters2[0]) / len(n.Filters1)},
		{"pool2", "MaxPool", "", a.Pool2, a.Pool2, 1, 4},
		{"relu3", "FullyConnected", "ReLU", [][][]float64{{a.Hidden}}, [][][]float64{{a.ReLU3}}, len(n.Filters2), len(a.Flat) / len(n.Filters2)},
		{"probabilities", "FullyConnected", "Softmax", [][][]float64{{a.Logits}}, [][][]float64{{a.Probabilities}}, 1, len(a.ReLU3)},
	} {
		for range 50 {
			m, y, x := rng.IntN(len(layer.values)), rng.IntN(len(layer.values[0])), rng.IntN(len(layer.values[0][0]))
			where := fmt.Sprintf("%s, map %d, row %d, column %d", layer.name, m, y, x)
			var found explanation
			s.want(t, "cell", fmt.Sprintf(`{"digit":5,"layer":%q,"map":%d,"row":%d,"column":%d}`, layer.name, m, y, x), &found)
			if found.Function != layer.function || found.Then != layer.then {
				t.Errorf("%s: computed by %q and %q, want %q and %q", where, found.Function, found.Then, layer.function, layer.then)
			}
			if total := layer.totals[m][y][x]; math.Abs(found.Total-total) > 1e-13*max(1, math.Abs(total)) {
				t.Errorf("%s: the total is %v, want %v", where, found.Total, total)
			}
			if value := layer.values[m][y][x]; found.Value != value {
				t.Errorf("%s: the value is %v, want %v", where, found.Value, value)
			}
			sum, products, largest := 0.0, 0, math.Inf(-1)
			for _, p := range found.Channels {
				part := 0.0
				for i, row := range p.In {
					for j, v := range row {
						products++
						largest = max(largest, v)
						if p.Weights != nil {
							part += v * p.Weights[i][j]
						}
					}
				}
				if p.Weights == nil {
					part = largest
				}
				if math.Abs(part-p.Sum) > 1e-12 {
					t.Errorf("%s: the sum of a channel is %v, want %v", where, p.Sum, part)
				}
				sum += part
			}
			if math.Abs(sum-found.Sum) > 1e-12 || found.Bias == nil && found.Total != found.Sum {
				t.Errorf("%s: the channels add up to %v, but the sum is %v and the total %v", where, sum, found.Sum, found.Total)
			}
			// The inputs are what its field in the previous layer holds.
			if last := found.Fields[len(found.Fields)-1]; len(found.Fields) != 1+k || last.Layer != "image" {
				t.Errorf("%s: the fields are %v, want %d", where, found.Fields, 1+k)
			}
			f := found.Fields[0]
			maps := layers[f.Layer]
			if f.Map != allMaps {
				maps = maps[f.Map:][:1]
			}
			if len(maps) != len(found.Channels) {
				t.Fatalf("%s: %d channels, but the field %+v", where, len(found.Channels), f)
			}
			for c, p := range found.Channels {
				box := convnet.NewMatrix(f.Rows, f.Columns)
				for i, row := range box {
					copy(row, maps[c][f.Row+i][f.Column:])
				}
				if !slices.EqualFunc(p.In, box, slices.Equal) {
					t.Errorf("%s: channel %d is not what the field %+v holds", where, c, f)
				}
			}
			if found.Bias != nil {
				sum += *found.Bias
			}
			if layer.then == "Softmax" {
				if !slices.Equal(found.Logits, a.Logits) {
					t.Errorf("%s: the logits are %v, want %v", where, found.Logits, a.Logits)
				}
				if found.Exponentials[x] / *found.ExponentialSum != found.Value || slices.Max(found.Exponentials) != 1 {
					t.Errorf("%s: the value is %v, but the exponentials are %v and their sum is %v", where, found.Value, found.Exponentials, *found.ExponentialSum)
				}
			} else if found.Logits != nil || found.Exponentials != nil || found.ExponentialSum != nil {
				t.Errorf("%s: found logits or exponentials", where)
			}
			if len(found.Channels) != layer.channels || products != layer.channels*layer.products || math.Abs(sum-found.Total) > 1e-12 {
				t.Errorf("%s: %d channels, %d products, total %v, want %d, %d and %v", where, len(found.Channels), products, sum, layer.channels, layer.channels*layer.products, found.Total)
			}
		}
	}
}

// The explanation takes its sums in the order of the helper functions, so it has the same
// bits. All weights are powers of two here: then every product is exact, and it makes no
// difference whether the processor fuses multiplication and addition.
func TestOrderOfSums(t *testing.T) {
	n, a := convnet.New(1), convnet.NewActivations()
	rng := rand.New(rand.NewPCG(1, 0))
	for k, v := range n.Parameters {
		n.Parameters[k] = math.Copysign(math.Ldexp(1, rng.IntN(20)-10), v)
	}
	image := newImage()
	for _, row := range image {
		for x := range row {
			row[x] = rng.Float64()
		}
	}
	n.Predict(a, image)
	for name, totals := range map[string][][][]float64{
		"relu1": a.Conv1, "relu2": a.Conv2, "relu3": {{a.Hidden}}, "probabilities": {{a.Logits}},
	} {
		for range 50 {
			m, y, x := rng.IntN(len(totals)), rng.IntN(len(totals[0])), rng.IntN(len(totals[0][0]))
			found := explain(n, a, cell{Layer: name, Map: m, Row: y, Column: x})
			if found.Total != totals[m][y][x] {
				t.Errorf("%s, map %d, row %d, column %d: the total is %v, want %v", name, m, y, x, found.Total, totals[m][y][x])
			}
		}
	}
}

// Receptive fields are what a cell is computed from, for any kernel: here they are found by
// following every cell back to the image.
func TestReceptiveFields(t *testing.T) {
	for kernel := 1; kernel <= 9; kernel++ {
		layers := testLayers(kernel)
		// The rows of the previous layer that a row is computed from.
		from := func(k, row int) (rows []int) {
			switch layers[k].Name {
			case "relu1", "relu2":
				for i := range kernel {
					rows = append(rows, row+i)
				}
			case "pool1", "pool2":
				rows = []int{2 * row, 2*row + 1}
			default:
				for y := range layers[k-1].Rows {
					rows = append(rows, y)
				}
			}
			return rows
		}
		for k := 1; k < len(layers); k++ {
			for y := range layers[k].Rows {
				fields := receptiveFields(layers, k, 2, y, y) // row and column are alike
				rows := map[int]bool{y: true}
				for back := k; back > 0; back-- {
					before := map[int]bool{}
					for row := range rows {
						for _, r := range from(back, row) {
							before[r] = true
						}
					}
					rows = before
					f := fields[k-back]
					ok := f.Layer == layers[back-1].Name && len(rows) == f.Rows
					for row := range rows {
						ok = ok && row >= f.Row && row < f.Row+f.Rows && row < layers[back-1].Rows
					}
					if square := f.Column == f.Row && f.Columns == f.Rows; !ok || !square && back < 6 {
						t.Fatalf("kernel %d, %s, row %d: the field is %+v, want rows %v", kernel, layers[k].Name, y, f, slices.Sorted(maps.Keys(rows)))
					}
					if sameMap := k == 2 && back == 2 || k == 4 && back == 4; (f.Map == 2) != sameMap || (f.Map == allMaps) == sameMap {
						t.Errorf("kernel %d, %s: the field %+v is of the wrong maps", kernel, layers[k].Name, f)
					}
				}
			}
		}
	}
}

// testLayers returns the layers of a network with this kernel.
func testLayers(kernel int) []layer {
	conv1 := side - kernel + 1
	pool1 := conv1 / 2 // leaves out an odd last row and column
	conv2 := pool1 - kernel + 1
	pool2 := conv2 / 2
	return []layer{
		{Name: "image", Maps: 1, Rows: side, Columns: side},
		{Name: "relu1", Maps: 3, Rows: conv1, Columns: conv1, window: kernel, stride: 1},
		{Name: "pool1", Maps: 3, Rows: pool1, Columns: pool1, window: 2, stride: 2, sameMap: true},
		{Name: "relu2", Maps: 4, Rows: conv2, Columns: conv2, window: kernel, stride: 1},
		{Name: "pool2", Maps: 4, Rows: pool2, Columns: pool2, window: 2, stride: 2, sameMap: true},
		{Name: "relu3", Maps: 1, Rows: 1, Columns: 7},
		{Name: "probabilities", Maps: 1, Rows: 1, Columns: 5},
	}
}

// The layers have the shapes of the activations, and the windows that the helper functions
// compute a cell from.
func TestLayers(t *testing.T) {
	n, a := convnet.NewGradient(), convnet.NewActivations()
	layers := layersOf(a)
	kernel := int(math.Sqrt(float64(len(n.Filters1[0]))))
	for k, want := range []struct {
		name           string
		maps           [][][]float64
		window, stride int
	}{
		{"image", a.Image, 0, 0}, {"relu1", a.ReLU1, kernel, 1}, {"pool1", a.Pool1, 2, 2}, {"relu2", a.ReLU2, kernel, 1}, {"pool2", a.Pool2, 2, 2},
		{"relu3", [][][]float64{{a.ReLU3}}, 0, 0}, {"probabilities", [][][]float64{{a.Probabilities}}, 0, 0},
	} {
		found := layers[k]
		if found.Name != want.name || found.Maps != len(want.maps) || found.Rows != len(want.maps[0]) || found.Columns != len(want.maps[0][0]) ||
			found.window != want.window || found.stride != want.stride || found.sameMap != (want.window == 2 && want.stride == 2) {
			t.Errorf("layer %d is %+v, want %s of %d×%d×%d, window %d, stride %d", k, found,
				want.name, len(want.maps), len(want.maps[0]), len(want.maps[0][0]), want.window, want.stride)
		}
	}
}

// Pixels outside a cell's receptive field don't change it, and all those inside do.
func TestFields(t *testing.T) {
	n, a := convnet.New(1), convnet.NewActivations()
	rng := rand.New(rand.NewPCG(1, 0))
	window := func(m [][]float64, y, x int) float64 {
		return m[2*y][2*x] + m[2*y][2*x+1] + m[2*y+1][2*x] + m[2*y+1][2*x+1]
	} // that pooling takes
	maps1, maps2, units := len(a.Conv1)-1, len(a.Conv2)-1, len(a.Hidden)-1 // the last ones
	conv1, pool1, conv2, pool2 := len(a.Conv1[0])-1, len(a.Pool1[0])-1, len(a.Conv2[0])-1, len(a.Pool2[0])-1
	for _, c := range []struct {
		layer     string
		map_      int
		row, col  int
		activated func() float64
	}{
		{"relu1", maps1, conv1 / 3, conv1, func() float64 { return a.Conv1[maps1][conv1/3][conv1] }},
		{"pool1", maps1, pool1, 0, func() float64 { return window(a.Conv1[maps1], pool1, 0) }},
		{"relu2", maps2, conv2, 1, func() float64 { return a.Conv2[maps2][conv2][1] }},
		{"pool2", maps2, pool2, 0, func() float64 { return window(a.Conv2[maps2], pool2, 0) }},
		{"relu3", 0, 0, units, func() float64 { return a.Hidden[units] }},
		{"probabilities", 0, 0, 3, func() float64 { return a.Logits[3] }},
	} {
		found := explain(n, a, cell{Layer: c.layer, Map: c.map_, Row: c.row, Column: c.col})
		f := found.Fields[len(found.Fields)-1]
		if f.Layer != "image" || f.Row < 0 || f.Column < 0 || f.Row+f.Rows > side || f.Column+f.Columns > side {
			t.Fatalf("%s: the field is %+v", c.layer, f)
		}
		var images [8][][]float64 // ReLU and pooling may hide a change in one
		var before [8]float64
		for k := range images {
			images[k] = newImage()
			for _, row := range images[k] {
				for x := range row {
					row[x] = rng.Float64()
				}
			}
			n.Predict(a, images[k])
			before[k] = c.activated()
		}
		inside, outside := 0, 0
		for y := max(0, f.Row-2); y < min(side, f.Row+f.Rows+2); y++ {
			for x := max(0, f.Column-2); x < min(side, f.Column+f.Columns+2); x++ {
				in := y >= f.Row && y < f.Row+f.Rows && x >= f.Column && x < f.Column+f.Columns
				moved := false
				for k, image := range images {
					if moved || !in && k > 0 {
						break
					}
					v := image[y][x]
					image[y][x] = v + 3
					n.Predict(a, image)
					moved = c.activated() != before[k]
					image[y][x] = v
				}
				if moved && !in {
					outside++
				}
				if !moved && in {
					inside++
				}
			}
		}
		if inside > 0 || outside > 0 {
			t.Errorf("%s: %d pixels of the field don't change it, %d others do", c.layer, inside, outside)
		}
	}
}

// An explanation doesn't change when its workspace serves another request.
func TestKept(t *testing.T) {
	s := inspector(t)
	a := convnet.NewActivations()
	for _, at := range []cell{ // in the middle, where digits differ
		{Layer: "relu1", Row: s.layers[1].Rows / 2, Column: s.layers[1].Columns / 2}, {Layer: "pool1", Row: s.layers[2].Rows / 2, Column: s.layers[2].Columns / 2},
		{Layer: "relu2", Row: s.layers[3].Rows / 2, Column: s.layers[3].Columns / 2}, {Layer: "pool2", Row: s.layers[4].Rows / 2, Column: s.layers[4].Columns / 2}, {Layer: "relu3"}, {Layer: "probabilities"},
	} {
		s.network.Predict(a, s.test[0].Image)
		found := explain(s.network, a, at)
		before := fmt.Sprint(found)
		s.network.Predict(a, s.test[1].Image)
		if after := fmt.Sprint(found); after != before {
			t.Errorf("%s: %.300s became %.300s", at.Layer, before, after)
		}
	}
}

func TestOcclusionMap(t *testing.T) {
	s := inspector(t)
	var found occlusion
	s.want(t, "occlusion", `{"digit":8}`, &found)
	a, hidden := convnet.NewActivations(), newImage()
	class := s.network.Predict(a, s.test[8].Image)
	if !near([][][]float64{found.Image}, [][][]float64{s.test[8].Image}, 0.5001e-4) || found.Prediction != class || found.Probability != a.Probabilities[class] || found.Patch != 7 {
		t.Errorf("the prediction is %d with %v, with a square of %d pixels, want %d with %v, and 7", found.Prediction, found.Probability, found.Patch, class, a.Probabilities[class])
	}
	for _, p := range [][2]int{{0, 0}, {3, 25}, {27, 27}, {14, 14}, {20, 9}, {10, 17}, {16, 3}} { // it predicts an 8 or a 6 with the square at the last two
		for y, row := range hidden {
			for x := range row {
				row[x] = s.test[8].Image[y][x]
				if y >= p[0]-3 && y <= p[0]+3 && x >= p[1]-3 && x <= p[1]+3 {
					row[x] = 0.5
				}
			}
		}
		want := s.network.Predict(a, hidden)
		if got := found.Covered[p[0]][p[1]]; got != a.Probabilities[class] {
			t.Errorf("with a square around %v the probability is %v, want %v", p, got, a.Probabilities[class])
		}
		if got := found.Predictions[p[0]][p[1]]; got != want {
			t.Errorf("with a square around %v the prediction is %d, want %d", p, got, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	s := inspector(t)
	n := s.network
	var found description
	s.want(t, "network", "{}", &found)
	if !slices.Equal(names(found.Layers), names(s.layers)) {
		t.Errorf("the layers are %v, want %v", found.Layers, s.layers)
	}
	if found.TrainingDigits != 5000 || found.TestDigits != 10000 || found.Evaluated != MaxEvaluated {
		t.Errorf("%d training digits and %d test digits, %d of them evaluated, want 5000, 10000 and %d", found.TrainingDigits, found.TestDigits, found.Evaluated, MaxEvaluated)
	}
	kernel := side - len(convnet.NewActivations().Conv1[0]) + 1
	for _, c := range []struct {
		name     string
		found    [][][][]float64
		want     [][]float64
		channels int
	}{{"conv1", found.Filters1, n.Filters1, 1}, {"conv2", found.Filters2, n.Filters2, len(n.Filters1)}} {
		for f, filter := range c.want {
			var flat []float64
			for _, m := range c.found[f] {
				if len(m) != kernel || len(m[0]) != kernel {
					t.Fatalf("%s: a kernel is %d×%d, want %d×%[4]d", c.name, len(m), len(m[0]), kernel)
				}
				flat = append(flat, slices.Concat(m...)...)
			}
			if len(c.found[f]) != c.channels || !slices.Equal(flat, filter) {
				t.Errorf("%s: filter %d is not the network's", c.name, f)
			}
		}
	}
}

// The misclassified test digits are listed, and computed once.
func TestMisclassified(t *testing.T) {
	for _, digits := range []int{1000, 10000} {
		t.Run(fmt.Sprint(digits), func(t *testing.T) {
			if digits > 1000 {
				testenv.NeedAll(t)
			}
			checkMisclassified(t, digits)
		})
	}
}

func checkMisclassified(t *testing.T, digits int) {
	s := inspector(t)
	n, a := s.network, convnet.NewActivations()
	s.test = s.test[:digits]
	var found, want []int
	for k, d := range s.test {
		if n.Predict(a, d.Image) != d.Label {
			want = append(want, k)
		}
	}
	if s.want(t, "misclassified", "{}", &found); len(want) == 0 || !slices.Equal(found, want) {
		t.Errorf("misclassified are %d, want %d", found, want)
	}
	one := s.misclassified
	if s.want(t, "misclassified", "{}", nil); &s.misclassified[0] != &one[0] {
		t.Error("they are computed again each time") // which takes seconds
	}
	// A request that is given up doesn't leave half a list behind.
	s.misclassified = nil
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Respond(ctx, "misclassified", []byte("{}")); err == nil || s.misclassified != nil {
		t.Errorf("a request that has been given up: found the error %v, and %d", err, s.misclassified)
	}
	// If there are none it is still a list: the page takes its length.
	correct := slices.IndexFunc(s.test, func(d convnet.Digit) bool { return n.Predict(a, d.Image) == d.Label })
	s = New(n, nil, s.test[correct:][:1])
	if text, err := s.Respond(context.Background(), "misclassified", []byte("{}")); string(text) != "[]" || err != nil {
		t.Errorf("if none is misclassified the list is %s (%v)", text, err)
	}
}

// names returns the names and shapes of layers.
func names(layers []layer) (names []string) {
	for _, l := range layers {
		names = append(names, fmt.Sprintf("%s %d×%d×%d", l.Name, l.Maps, l.Rows, l.Columns))
	}
	return names
}

// A request that has been given up doesn't wait for a workspace.
func TestWaiting(t *testing.T) {
	s := inspector(t)
	for range cap(s.workspaces) {
		<-s.workspaces
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Respond(ctx, "predict", []byte("{}"))
	var refused Error
	if !errors.As(err, &refused) || refused.Status != tooMany || !strings.Contains(err.Error(), "try again in a moment") {
		t.Errorf("found the error %v, want one with the status 429", err)
	}
}
