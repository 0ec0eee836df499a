package convnet

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// testdata/golden holds results of other implementations. layers.json comes from the functions of
// ConvNet-in-Numpy, and network.json from PyTorch in float64. network.json also says how to make its
// weights and masks.
var goldenDir = flag.String("golden", "testdata/golden", "folder with layers.json and network.json")

// goldenTolerance is how far a value may be off, divided by the largest value of its tensor.
const goldenTolerance = 1e-12

func readGolden(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(*goldenDir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// An array is a number or a nested list of numbers in JSON. Its values are row-major.
type array struct {
	shape  []int
	values []float64
}

func (a *array) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	return a.add(v, 0)
}

func (a *array) add(v any, depth int) error {
	switch v := v.(type) {
	case float64:
		a.values = append(a.values, v)
		return nil
	case []any:
		if len(a.shape) == depth {
			a.shape = append(a.shape, len(v))
		}
		if len(v) != a.shape[depth] {
			return fmt.Errorf("found a list of %d among lists of %d, want equal lengths", len(v), a.shape[depth])
		}
		for _, item := range v {
			if err := a.add(item, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("found %v, want a number or a list", v)
}

func (a array) matrix() [][]float64 { return reshape(a.values, a.shape[0], a.shape[1]) }

func (a array) maps() [][][]float64 {
	maps := NewVolume(a.shape[0], a.shape[1], a.shape[2])
	Unflatten(maps, a.values)
	return maps
}

// bank returns a bank of filters, one per row, and the kernel size.
func (a array) bank() (bank [][]float64, rows, cols int) {
	return reshape(a.values, a.shape[0], len(a.values)/a.shape[0]), a.shape[2], a.shape[3]
}

// Our helpers compute the same as the functions of ConvNet-in-Numpy.
func TestGoldenLayers(t *testing.T) {
	var cases []struct {
		Function string
		Inputs   map[string]array
		Output   array
	}
	readGolden(t, "layers.json", &cases)
	if len(cases) == 0 {
		t.Fatal("layers.json has no cases, want at least one")
	}
	for k, c := range cases {
		compute, ok := ours[c.Function]
		if !ok {
			t.Errorf("case %d: no helper for %s in ours", k, c.Function)
			continue
		}
		near(t, fmt.Sprintf("case %d: %s", k, c.Function), compute(c.Inputs), c.Output.values, goldenTolerance)
	}
}

// ours has our counterpart to each function in ConvNet-in-Numpy's layer.py.
var ours = map[string]func(in map[string]array) []float64{
	"conv2d": func(in map[string]array) []float64 {
		maps := in["input"].maps()
		filters, rows, cols := in["filter"].bank()
		out := NewVolume(len(filters), len(maps[0])-rows+1, width(maps[0])-cols+1)
		Conv2D(out, maps, filters)
		return values(out)
	},
	"delta_filters": func(in map[string]array) []float64 {
		maps, dOut := in["input_prev"].maps(), in["error"].maps()
		rows, cols := len(maps[0])-len(dOut[0])+1, width(maps[0])-width(dOut[0])+1
		dFilters := NewMatrix(len(dOut), len(maps)*rows*cols)
		AddConv2DFilterGrad(dFilters, maps, dOut)
		return values(dFilters)
	},
	"error_conv_layer": func(in map[string]array) []float64 {
		filters, rows, cols := in["weight"].bank()
		dOut := in["error"].maps()
		dIn := NewVolume(len(filters[0])/rows/cols, len(dOut[0])+rows-1, width(dOut[0])+cols-1)
		Conv2DInputGrad(dIn, filters, dOut)
		return values(dIn)
	},
	"maxpool": func(in map[string]array) []float64 {
		maps := in["input"].maps()
		out := NewVolume(len(maps), len(maps[0])/2, width(maps[0])/2)
		eachMap(MaxPool, out, maps)
		return values(out)
	},
	"delta_pool": func(in map[string]array) []float64 {
		maps, dOut := in["matrix"].maps(), in["error"].maps()
		dIn := NewVolume(len(maps), len(maps[0]), width(maps[0]))
		eachMapGrad(MaxPoolGrad, dIn, maps, dOut)
		return values(dIn)
	},
	"RELU": func(in map[string]array) []float64 {
		out := make([]float64, len(in["matrix"].values))
		ReLU(asMatrix(out), asMatrix(in["matrix"].values))
		return out
	},
	"RELU_deriv": func(in map[string]array) []float64 {
		derivative := ones(len(in["matrix"].values))
		ReLUGrad(asMatrix(derivative), asMatrix(in["matrix"].values), asMatrix(derivative))
		return derivative
	},
	"flatten": func(in map[string]array) []float64 {
		out := make([]float64, len(in["input"].values))
		Flatten(out, in["input"].maps())
		return out
	},
	"forward_connected": func(in map[string]array) []float64 {
		weights := in["weight"].matrix()
		out := make([]float64, len(weights))
		FullyConnected(out, weights, in["bias"].values, in["matrix"].values)
		return out
	},
	"softmax": func(in map[string]array) []float64 {
		out := make([]float64, len(in["x"].values))
		Softmax(out, in["x"].values)
		return out
	},
	// The original takes probabilities and ours takes logits. The softmax of log p is p.
	"cross_entropy": func(in map[string]array) []float64 {
		label, logits := 0, make([]float64, len(in["output"].values))
		for k, p := range in["output"].values {
			logits[k] = math.Log(p)
			if in["y_target"].values[k] == 1 {
				label = k
			}
		}
		return []float64{CrossEntropy(logits, label)}
	},
	"error_to_conv": func(in map[string]array) []float64 {
		maps := NewVolume(20, 4, 4)
		Unflatten(maps, in["vector"].values)
		return values(maps)
	},
	// Ours divides by 255.
	"convert_to_2d_image": func(in map[string]array) []float64 {
		pixels := make([]byte, len(in["arr"].values))
		for k, v := range in["arr"].values {
			pixels[k] = byte(v)
		}
		all := values(NewImage(pixels))
		for k := range all {
			all[k] *= 255
		}
		return all
	},
}

// goldenNames has the names that network.json gives the tensors, in our order.
var goldenNames = []string{"filters1", "filters2", "weights1", "biases1", "weights2", "biases2"}

type goldenNetwork struct {
	Seed   int
	Shapes map[string][]int
	FanIn  map[string]float64 `json:"fan_in"`
	Cases  []struct {
		TestImage     int `json:"test_image"`
		Label         int
		Dropout       bool
		Logits        []float64
		Loss          float64
		Probabilities []float64
		Gradients     map[string]digest
		SGD           *struct {
			FirstTestImage int `json:"first_test_image"`
			Steps          int
			Rate           float64
			Losses         []float64
			Parameters     map[string]digest
		}
	}
}

// A digest summarizes a tensor by a few sums and a few of its values.
type digest struct {
	Sum, Squares, Cosine float64
	Every97              []float64
}

// near compares the digest of values with want. The tolerance of a sum is relative to the absolute
// values of its terms: terms may cancel, but their rounding errors don't.
func (want digest) near(t *testing.T, what string, values []float64) {
	t.Helper()
	var sum, squares, cosine, scale, cosineScale float64
	var every97 []float64
	for k, v := range values {
		c := v * math.Cos(float64(k+1))
		sum += v
		squares += v * v
		cosine += c
		scale += math.Abs(v)
		cosineScale += math.Abs(c)
		if k%97 == 0 && len(every97) < 32 {
			every97 = append(every97, v)
		}
	}
	for _, c := range []struct {
		name             string
		got, want, scale float64
	}{
		{"sum", sum, want.Sum, scale},
		{"sum of squares", squares, want.Squares, squares},
		{"dot product with cos", cosine, want.Cosine, cosineScale},
	} {
		if !(math.Abs(c.got-c.want) <= goldenTolerance*c.scale) {
			t.Errorf("%s: %s is %v, want %v", what, c.name, c.got, c.want)
		}
	}
	if len(every97) != len(want.Every97) {
		t.Fatalf("%s: %d values in every97, want %d", what, len(want.Every97), len(every97))
	}
	for k, v := range every97 {
		if !(math.Abs(v-want.Every97[k]) <= goldenTolerance*largest(values)) {
			t.Errorf("%s: value %d is %v, want %v", what, 97*k, v, want.Every97[k])
		}
	}
}

// network makes the network that the results in network.json come from.
func (g goldenNetwork) network(t *testing.T) *Network {
	n := NewGradient()
	for i, tensor := range n.Tensors() {
		name := goldenNames[i]
		if fmt.Sprint(g.Shapes[name]) != fmt.Sprint(tensor.Shape) {
			t.Fatalf("%s has shape %v, want ours, %v", name, g.Shapes[name], tensor.Shape)
		}
		for k := range tensor.Data {
			// Converting the product to float64 keeps it from being fused with the sum.
			argument := float64(g.Seed) + 1000*float64(i) + float64(1.7*float64(k))
			tensor.Data[k] = math.Sin(argument) * math.Sqrt(2/g.FanIn[name])
		}
	}
	return n
}

// The whole network computes the same as in PyTorch: logits, probabilities, loss, every gradient, and
// the parameters after some training steps.
func TestGoldenNetwork(t *testing.T) {
	needStored(t)
	var golden goldenNetwork
	readGolden(t, "network.json", &golden)
	if len(golden.Cases) == 0 {
		t.Fatal("network.json has no cases, want at least one")
	}
	_, test := readMNIST(t)
	a, d := NewActivations(), NewActivations()
	for i, c := range golden.Cases {
		n, grad := golden.network(t), NewGradient()
		if c.SGD != nil {
			a.NoDropout()
			var losses []float64
			for k := range c.SGD.Steps {
				digit := test[c.SGD.FirstTestImage+k]
				n.Forward(a, digit.Image)
				losses = append(losses, CrossEntropy(a.Logits, digit.Label))
				grad.Clear()
				n.Backward(grad, d, a, digit.Label)
				n.Update(grad, c.SGD.Rate)
			}
			near(t, fmt.Sprintf("case %d: losses", i), losses, c.SGD.Losses, goldenTolerance)
			for k, tensor := range n.Tensors() {
				name := goldenNames[k]
				c.SGD.Parameters[name].near(t, fmt.Sprintf("case %d: %s after %d steps", i, name, c.SGD.Steps), tensor.Data)
			}
			continue
		}
		digit := test[c.TestImage]
		if digit.Label != c.Label {
			t.Errorf("case %d: test digit %d is labeled %d, want %d", i, c.TestImage, digit.Label, c.Label)
		}
		a.NoDropout()
		if c.Dropout {
			for _, mask := range [][]float64{a.Mask1, a.Mask2} {
				for k := range mask {
					mask[k] = 0
					if (k*7+golden.Seed)%10 < 5 {
						mask[k] = 2
					}
				}
			}
		}
		n.Forward(a, digit.Image)
		n.Backward(grad, d, a, c.Label)
		near(t, fmt.Sprintf("case %d: logits", i), a.Logits, c.Logits, goldenTolerance)
		near(t, fmt.Sprintf("case %d: probabilities", i), a.Probabilities, c.Probabilities, goldenTolerance)
		near(t, fmt.Sprintf("case %d: loss", i), []float64{CrossEntropy(a.Logits, c.Label)}, []float64{c.Loss}, goldenTolerance)
		for k, tensor := range grad.Tensors() {
			name := goldenNames[k]
			c.Gradients[name].near(t, fmt.Sprintf("case %d: gradient of %s", i, name), tensor.Data)
		}
	}
}
