package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"convnet"
	"convnet/examples/internal/scan"
	"convnet/examples/mnist"
	"convnet/examples/trained"
)

// A servingServer is one that a test can look into.
type servingServer struct {
	*httptest.Server
	*server
}

// serving serves the page with the trained network until the test ends.
func serving(t *testing.T) servingServer {
	t.Helper()
	train, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	network, err := trained.Network()
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(network, train, test)
	web := httptest.NewServer(s.handler())
	t.Cleanup(web.Close)
	return servingServer{web, s}
}

// post asks as the page does, reads the answer into found, if it isn't nil, and
// returns the status and the body.
func (s servingServer) post(t *testing.T, path, body string, found any) (int, string) {
	t.Helper()
	r, err := http.Post(s.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if found != nil {
		if err := json.Unmarshal(text, found); err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%s %.200s: status %d, %.200s (%v)", path, body, r.StatusCode, text, err)
		}
	}
	return r.StatusCode, string(text)
}

// get asks for a path.
func (s servingServer) get(t *testing.T, path string, found any) {
	t.Helper()
	r, err := http.Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(found); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d (%v)", path, r.StatusCode, err)
	}
}

// Only this machine's own names are answered, and only requests of the page itself.
func TestGuard(t *testing.T) {
	handler := serving(t).handler()
	for _, c := range []struct {
		method, path, host, origin, site string
		want                             int
	}{
		{"GET", "/", "127.0.0.1:8080", "", "", 200},
		{"GET", "/", "localhost:8080", "", "none", 200},
		{"GET", "/", "[::1]:8080", "", "same-origin", 200},
		{"GET", "/", "[::1]", "", "same-origin", 200},
		{"GET", "/", "127.0.0.1", "", "cross-site", 200}, // a link
		{"GET", "/", "evil.example:8080", "", "", 403},
		{"GET", "/", "evil.example", "", "same-origin", 403},
		{"GET", "/", "192.168.1.7:8080", "", "", 403},
		{"GET", "/", "localhost.evil.example:8080", "", "", 403},
		{"GET", "/", "", "", "", 403},
		{"GET", "/network", "localhost:8080", "", "cross-site", 403},
		{"GET", "/train?seed=1", "localhost:8080", "", "same-site", 403},
		{"POST", "/see", "localhost:8080", "http://localhost:8080", "same-origin", 200},
		{"POST", "/see", "localhost:8080", "http://localhost:8081", "", 403},
		{"POST", "/see", "localhost:8080", "https://localhost:8080", "", 403},
		{"POST", "/see", "localhost:8080", "http://evil.example", "", 403},
		{"POST", "/see", "localhost:8080", "null", "", 403},
		{"POST", "/see", "localhost:8080", "", "cross-site", 403},
		{"POST", "/", "localhost:8080", "", "cross-site", 403},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader("{}"))
		r.Host = c.host
		for name, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.site, "Content-Type": "application/json"} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%+v: status %d", c, w.Code)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			"Cache-Control": "no-store", // the page of a program before would ask what this one doesn't know
		} {
			if found := w.Header().Get(name); found != want {
				t.Errorf("%+v: %s is %q, want %q", c, name, found, want)
			}
		}
	}
}

// What can't be answered is refused, says why, and leaves the server as it was.
func TestRefusals(t *testing.T) {
	s := serving(t)
	many := strings.Repeat("[0.5,0.5],", maxPoints) + "[0.5,0.5]"
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/see", `{`, 400, "unexpected EOF"},
		{"/see", ``, 400, "EOF"},
		{"/see", `[]`, 400, "found the array before byte 1, where"},
		{"/see", `{} {}`, 400, "found more after byte"},
		{"/see", `{"color":1}`, 400, "unknown field"},
		{"/see", `{"strokes":[[[NaN,0]]]}`, 400, "invalid character 'N'"},
		{"/see", `{"strokes":[[[1e999,0]]]}`, 400, "found the number 1e999 before byte"},
		{"/see", `{"strokes":[[[0.5,1.01]]]}`, 400, "found the point [0.5 1.01], want x and y from 0 to 1"},
		{"/see", `{"strokes":[[[-0.01,0.5]]]}`, 400, "found the point [-0.01 0.5]"},
		{"/see", `{"strokes":[["a"]]}`, 400, "found the string before byte"},
		{"/see", `{"strokes":[[[0.5]]]}`, 400, "found the point [0.5]"},
		{"/see", `{"strokes":[[[0.5,0.5,0.5]]]}`, 400, "found the point [0.5 0.5 0.5]"},
		{"/see", `{"strokes":[[null]]}`, 400, "found the point []"},
		{"/see", `{"strokes":[[` + strings.Repeat("[0,0],[1,1],", 100) + `[0,0]]]}`, 400, "strokes 283 times as long as the pad is wide, want at most 2000 and 200"},
		{"/see", ` null `, 400, "found null, want an object"},
		{"/see", `{"strokes":[[` + many + `]]}`, 400, "found 2001 points"},
		{"/see", `{"strokes":[[` + many[len("[0.5,0.5],"):] + `]]}`, 200, ""}, // the page sends as many
		{"/see", `{"digit":10000}`, 400, "found the test digit 10000, want 0 to 9999"},
		{"/see", `{"digit":-1}`, 400, "found the test digit -1"},
		{"/see", `{"digit":1.5}`, 400, "found the number 1.5 before"},
		{"/see", `{"digit":1,"strokes":[]}`, 400, "found both a digit and strokes"},
		{"/see", `{"session":"x"}`, 404, `found the training "x"`},
		{"/see", strings.Repeat(" ", maxBody+1), 413, "found more than 262144 bytes, want 262144 at most"},
		{"/see", strings.Repeat("[", 100000), 400, "exceeded max depth"},
		{"/occlusion", `{"digit":10000}`, 400, "found the test digit 10000"},
		{"/occlusion", `{"session":"x"}`, 404, "found the training"},
		{"/occlusion", `x`, 400, "invalid character"},
		{"/cell", `{"layer":"relu9"}`, 400, `found the layer "relu9"`},
		{"/cell", `{"layer":"relu1","map":10}`, 400, "found map 10, row 0, column 0, want those of 10×24×24"},
		{"/cell", `{"layer":"relu1","row":24}`, 400, "found map 0, row 24"},
		{"/cell", `{"layer":"pool2","column":-1}`, 400, "column -1"},
		{"/cell", `{"layer":"relu3","column":100}`, 400, "column 100, want those of 1×1×100"},
		{"/cell", `{"layer":"relu1","digit":-1}`, 400, "found the test digit -1"},
		{"/cell", `{"layer":"relu1","session":"x"}`, 404, "found the training"},
		{"/cell", `"`, 400, "unexpected EOF"},
		{"/train", `{"session":"x","run":true}`, 404, `found the training "x"`},
		{"/train", `{"rate":0}`, 400, "found the rate 0, want one above 0"},
		{"/train", `{"rate":1.1}`, 400, "found the rate 1.1"},
		{"/train", `{"dropout":1}`, 400, "found the dropout 1, want 0 or more, below 1"},
		{"/train", `{"dropout":-0.1}`, 400, "found the dropout -0.1"},
		{"/train", `{"session":"x","rate":0.0001,"dropout":0}`, 404, `found the training "x"`}, // the ends of what
		{"/train", `{"session":"x","rate":1,"dropout":0.9}`, 404, `found the training "x"`},    // may be wanted
		{"/train", `7`, 400, "found the number before"},
		{"/nowhere", `{}`, 405, ""},
		{"/", `{}`, 405, ""},
	} {
		status, text := s.post(t, c.path, c.body, nil)
		var refused struct{ Error string }
		if err := json.Unmarshal([]byte(text), &refused); err == nil {
			text = refused.Error
		}
		if status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s %.60s: status %d, %.200s, want %d and %q", c.path, c.body, status, text, c.status, c.want)
		}
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", ""} {
		r, err := http.Post(s.URL+"/see", kind, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("the content type %q: status %d, want 415", kind, r.StatusCode)
		}
	}
	for path, want := range map[string]int{"/see": 404, "/nowhere": 404, "/train?seed=-1": 400, "/train?seed=x": 400, "/train": 400, "/page.css": 200} {
		r, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("GET %s: status %d, want %d", path, r.StatusCode, want)
		}
	}
	var v view
	s.post(t, "/see", `{"digit":0}`, &v)
	if v.Answer != 7 || s.trainings.count() != 0 || len(s.desks) != cap(s.desks) {
		t.Errorf("afterwards the answer is %d, with %d trainings and %d free desks", v.Answer, s.trainings.count(), len(s.desks))
	}
}

// A view holds the activations of the network, but for rounding.
func TestSee(t *testing.T) {
	s := serving(t)
	a := convnet.NewActivations()
	for _, k := range []int{0, 8, 9999} {
		var v view
		s.post(t, "/see", fmt.Sprintf(`{"digit":%d}`, k), &v)
		answer := s.network.Predict(a, s.test[k].Image)
		if v.Answer != answer || v.Label == nil || *v.Label != s.test[k].Label {
			t.Errorf("digit %d: answer %d and label %v, want %d and %d", k, v.Answer, v.Label, answer, s.test[k].Label)
		}
		for _, c := range []struct {
			name        string
			found, want [][][]float64
		}{
			{"image", [][][]float64{v.Image}, a.Image}, {"relu1", v.ReLU1, a.ReLU1}, {"pool1", v.Pool1, a.Pool1},
			{"relu2", v.ReLU2, a.ReLU2}, {"pool2", v.Pool2, a.Pool2}, {"relu3", [][][]float64{{v.ReLU3}}, [][][]float64{{a.ReLU3}}},
			{"probabilities", [][][]float64{{v.Probabilities}}, [][][]float64{{a.Probabilities}}},
		} {
			if !near(c.found, c.want, 0.5001e-4) {
				t.Errorf("digit %d: %s is not what the network has", k, c.name)
			}
		}
	}
	var empty view
	s.post(t, "/see", `{}`, &empty)
	if !near([][][]float64{empty.Image}, convnet.NewMaps(1, 28, 28), 0) || empty.Label != nil {
		t.Error("an empty pad is not an empty digit without a label")
	}
}

// near returns whether all numbers are as near to those wanted.
func near(found, want [][][]float64, tolerance float64) bool {
	if len(found) != len(want) {
		return false
	}
	for c, m := range want {
		for y, row := range m {
			for x, v := range row {
				if math.Abs(found[c][y][x]-v) > tolerance {
					return false
				}
			}
		}
	}
	return true
}

// The ink of a stroke is a pixel's share of what the pen has covered.
func TestStrokes(t *testing.T) {
	s := serving(t)
	for _, strokes := range [][][][]float64{
		{{{0.2, 0.3}, {0.8, 0.3}, {0.8, 0.3}, {0.5, 0.9}}, {}, {{0.1, 0.9}}},
		{{{0, 0.5}, {0, 0}, {0.5, 0}}}, // along the borders
		{{{1, 0.5}, {1, 1}, {0.5, 1}}},
	} {
		found := convnet.NewMatrix(28, 28)
		if err := s.load(found, subject{Strokes: strokes}); err != nil {
			t.Fatal(err)
		}
		// Nine points of each pixel, and whether the pen has touched them.
		ink := convnet.NewMatrix(pixels, pixels)
		for y, row := range ink {
			for x := range row {
				for k := range 9 {
					p := []float64{(float64(x) + (0.5+float64(k%3))/3) / pixels, (float64(y) + (0.5+float64(k/3))/3) / pixels}
					if far(p, strokes) < pen/2 {
						row[x] += 1.0 / 9
					}
				}
			}
		}
		want := convnet.NewMatrix(28, 28)
		scan.Fit(want, ink)
		if !near([][][]float64{found}, [][][]float64{want}, 0.15) || mean(found, want) > 0.01 {
			t.Errorf("%v: the digit is %v from what the pen has covered", strokes, mean(found, want))
		}
	}
}

// far returns how far a point is from the strokes.
func far(c []float64, strokes [][][]float64) float64 {
	least := math.Inf(1)
	for _, stroke := range strokes {
		for k, p := range stroke {
			least = min(least, nearest(c, stroke[max(0, k-1)], p))
		}
	}
	return least
}

// nearest finds the point of a line that is nearest, by trying many.
func nearest(c, p, q []float64) float64 {
	least := math.Inf(1)
	for k := range 201 {
		along := float64(k) / 200
		least = min(least, math.Hypot(p[0]+along*(q[0]-p[0])-c[0], p[1]+along*(q[1]-p[1])-c[1]))
	}
	return least
}

// mean returns the mean distance of two matrices.
func mean(a, b [][]float64) float64 {
	sum, n := 0.0, 0.0
	for y, row := range a {
		for x, v := range row {
			sum, n = sum+math.Abs(v-b[y][x]), n+1
		}
	}
	return sum / n
}

// The account of any cell adds up to its activation, and its parts are the
// products that the layer before and the parameters have.
func TestCell(t *testing.T) {
	s := serving(t)
	n, a := s.network, convnet.NewActivations()
	n.Predict(a, s.test[5].Image)
	rng := rand.New(rand.NewPCG(1, 0))
	layers := map[string][][][]float64{
		"image": a.Image, "relu1": a.ReLU1, "pool1": a.Pool1, "relu2": a.ReLU2, "pool2": a.Pool2, "relu3": {{a.ReLU3}},
	}
	for _, layer := range []struct {
		name                string
		maps, rows, columns int
		function, then      string
		total, value        func(m, y, x int) float64
		parts, products     int
	}{
		{"relu1", 10, 24, 24, "Conv2D", "ReLU", at(a.Conv1), at(a.ReLU1), 1, 25},
		{"pool1", 10, 12, 12, "MaxPool", "", at(a.Pool1), at(a.Pool1), 1, 4},
		{"relu2", 20, 8, 8, "Conv2D", "ReLU", at(a.Conv2), at(a.ReLU2), 10, 25},
		{"pool2", 20, 4, 4, "MaxPool", "", at(a.Pool2), at(a.Pool2), 1, 4},
		{"relu3", 1, 1, 100, "FullyConnected", "ReLU", at([][][]float64{{a.Hidden}}), at([][][]float64{{a.ReLU3}}), 20, 16},
		{"probabilities", 1, 1, 10, "FullyConnected", "Softmax", at([][][]float64{{a.Logits}}), at([][][]float64{{a.Probabilities}}), 1, 100},
	} {
		for range 50 {
			m, y, x := rng.IntN(layer.maps), rng.IntN(layer.rows), rng.IntN(layer.columns)
			where := fmt.Sprintf("%s, map %d, row %d, column %d", layer.name, m, y, x)
			var found account
			s.post(t, "/cell", fmt.Sprintf(`{"digit":5,"layer":%q,"map":%d,"row":%d,"column":%d}`, layer.name, m, y, x), &found)
			if found.Function != layer.function || found.Then != layer.then {
				t.Errorf("%s: made by %q and %q, want %q and %q", where, found.Function, found.Then, layer.function, layer.then)
			}
			// The same sums in the same order: on most processors the same bits.
			if total := layer.total(m, y, x); math.Abs(found.Total-total) > 1e-13*max(1, math.Abs(total)) {
				t.Errorf("%s: the total is %v, want %v", where, found.Total, total)
			}
			if value := layer.value(m, y, x); found.Value != value {
				t.Errorf("%s: the value is %v, want %v", where, found.Value, value)
			}
			sum, products, largest := 0.0, 0, math.Inf(-1)
			for _, p := range found.Parts {
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
					t.Errorf("%s: a part's products make %v, and it says %v", where, part, p.Sum)
				}
				sum += part
			}
			if math.Abs(sum-found.Sum) > 1e-12 || found.Bias == nil && found.Total != found.Sum {
				t.Errorf("%s: the parts make %v, the sum is %v and the total %v", where, sum, found.Sum, found.Total)
			}
			// What it is made of is what its field in the layer before holds.
			f := found.Fields[0]
			maps := layers[f.Layer]
			if f.Map >= 0 {
				maps = maps[f.Map:][:1]
			}
			if len(maps) != len(found.Parts) {
				t.Fatalf("%s: %d parts, and the field %+v", where, len(found.Parts), f)
			}
			for c, p := range found.Parts {
				box := convnet.NewMatrix(f.Rows, f.Columns)
				for i, row := range box {
					copy(row, maps[c][f.Row+i][f.Column:])
				}
				if !slices.EqualFunc(p.In, box, slices.Equal) {
					t.Errorf("%s: part %d is not what the field %+v holds", where, c, f)
				}
			}
			if found.Bias != nil {
				sum += *found.Bias
			}
			if layer.then == "Softmax" && !slices.Equal(found.Logits, a.Logits) {
				t.Errorf("%s: the logits are %v, want %v", where, found.Logits, a.Logits)
			}
			if len(found.Parts) != layer.parts || products != layer.parts*layer.products || math.Abs(sum-found.Total) > 1e-12 {
				t.Errorf("%s: %d parts, %d products, %v in all, want %d, %d and %v", where, len(found.Parts), products, sum, layer.parts, layer.parts*layer.products, found.Total)
			}
		}
	}
}

func at(maps [][][]float64) func(m, y, x int) float64 {
	return func(m, y, x int) float64 { return maps[m][y][x] }
}

// What lies outside a cell's receptive field doesn't move it, and its corners do.
func TestFields(t *testing.T) {
	s := serving(t)
	a := convnet.NewActivations()
	rng := rand.New(rand.NewPCG(1, 0))
	image := convnet.NewMatrix(28, 28)
	for _, c := range []struct {
		layer     string
		map_      int
		row, col  int
		activated func() float64
	}{
		{"relu1", 3, 7, 20, func() float64 { return a.Conv1[3][7][20] }},
		{"pool1", 2, 11, 0, func() float64 {
			return a.Conv1[2][22][0] + a.Conv1[2][22][1] + a.Conv1[2][23][0] + a.Conv1[2][23][1] // all that pooling looks at
		}},
		{"relu2", 19, 5, 2, func() float64 { return a.Conv2[19][5][2] }},
		{"pool2", 7, 3, 1, func() float64 {
			return a.Conv2[7][6][2] + a.Conv2[7][6][3] + a.Conv2[7][7][2] + a.Conv2[7][7][3]
		}},
		{"relu3", 0, 0, 42, func() float64 { return a.Hidden[42] }},
		{"probabilities", 0, 0, 3, func() float64 { return a.Logits[3] }},
	} {
		found := explain(s.network, a, place{Layer: c.layer, Map: c.map_, Row: c.row, Column: c.col})
		f := found.Fields[len(found.Fields)-1]
		if f.Layer != "image" || f.Row < 0 || f.Column < 0 || f.Row+f.Rows > 28 || f.Column+f.Columns > 28 {
			t.Fatalf("%s: the field is %+v", c.layer, f)
		}
		inside, outside := 0, 0
		for y := max(0, f.Row-2); y < min(28, f.Row+f.Rows+2); y++ {
			for x := max(0, f.Column-2); x < min(28, f.Column+f.Columns+2); x++ {
				in := y >= f.Row && y < f.Row+f.Rows && x >= f.Column && x < f.Column+f.Columns
				tries := 1
				if in {
					tries = 8 // ReLU and pooling may hide a change once
				}
				moved := false
				for range tries {
					for i := range image {
						for j := range image[i] {
							image[i][j] = rng.Float64()
						}
					}
					s.network.Predict(a, image)
					before := c.activated()
					image[y][x] += 3
					s.network.Predict(a, image)
					if moved = c.activated() != before; moved {
						break
					}
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
			t.Errorf("%s: %d pixels of the field don't move it, %d others do", c.layer, inside, outside)
		}
	}
}

// An account stays what it is while the memory it was made in serves another request.
func TestKept(t *testing.T) {
	s := serving(t)
	a := convnet.NewActivations()
	for _, at := range []place{ // in the middle, where digits differ
		{Layer: "relu1", Row: 12, Column: 12}, {Layer: "pool1", Row: 6, Column: 6}, {Layer: "relu2", Row: 4, Column: 4},
		{Layer: "pool2", Row: 2, Column: 2}, {Layer: "relu3"}, {Layer: "probabilities"},
	} {
		s.network.Predict(a, s.test[0].Image)
		found := explain(s.network, a, at)
		before := fmt.Sprint(found)
		s.network.Predict(a, s.test[1].Image)
		if after := fmt.Sprint(found); after != before {
			t.Errorf("%s: %.300s has become %.300s", at.Layer, before, after)
		}
	}
}

func TestOcclusionMap(t *testing.T) {
	s := serving(t)
	var found occluded
	s.post(t, "/occlusion", `{"digit":8}`, &found)
	a, hidden := convnet.NewActivations(), convnet.NewMatrix(28, 28)
	answer := s.network.Predict(a, s.test[8].Image)
	if !near([][][]float64{found.Image}, [][][]float64{s.test[8].Image}, 0.5001e-4) || found.Answer != answer || found.Whole != a.Probabilities[answer] || found.Patch != 7 {
		t.Errorf("the answer is %d with %v, behind %d pixels, want %d with %v, behind 7", found.Answer, found.Whole, found.Patch, answer, a.Probabilities[answer])
	}
	for _, p := range [][2]int{{0, 0}, {3, 25}, {27, 27}, {14, 14}, {20, 9}} {
		for y := range 28 {
			for x := range 28 {
				hidden[y][x] = s.test[8].Image[y][x]
				if y >= p[0]-3 && y <= p[0]+3 && x >= p[1]-3 && x <= p[1]+3 {
					hidden[y][x] = 0.5
				}
			}
		}
		s.network.Predict(a, hidden)
		if got := found.Covered[p[0]][p[1]]; got != a.Probabilities[answer] {
			t.Errorf("behind a square around %v the answer has %v, want %v", p, got, a.Probabilities[answer])
		}
	}
}

func TestDescribe(t *testing.T) {
	s := serving(t)
	var network struct {
		Filters1, Filters2 [][]float64
		Tests              int
	}
	s.get(t, "/network", &network)
	if !near([][][]float64{network.Filters1, network.Filters2}, [][][]float64{s.network.Filters1, s.network.Filters2}, 0) || network.Tests != 10000 {
		t.Errorf("%d test digits, or the filters are not the network's", network.Tests)
	}
	var wrong []int
	s.get(t, "/wrong", &wrong)
	if len(wrong) == 0 || !slices.IsSorted(wrong) {
		t.Errorf("read wrongly are %d", wrong)
	}
	a := convnet.NewActivations()
	for _, k := range append(wrong, 0, 1, 2, 3) {
		if found := s.network.Predict(a, s.test[k].Image) != s.test[k].Label; found != slices.Contains(wrong, k) {
			t.Errorf("digit %d: read wrongly is %v", k, found)
		}
	}
	one, _ := s.wrong()
	if two, _ := s.wrong(); &one[0] != &two[0] {
		t.Error("they are looked for anew each time") // which takes seconds
	}
	// Where all are read rightly it is still a list, which the page measures.
	s = servingServer{s.Server, newServer(s.network, nil, s.test[:1])}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/wrong", nil))
	if w.Body.String() != "[]" {
		t.Errorf("of none read wrongly it says %s", w.Body)
	}
}

// A thousand requests at once, good and bad ones, are all answered.
func TestThousand(t *testing.T) {
	s := serving(t)
	s.patience = 10 * time.Minute // a slow machine needs more than the usual 10 seconds
	bodies := []struct {
		body   string
		status int
	}{{`{"digit":1}`, 200}, {`{"strokes":[[[0.1,0.1],[0.9,0.9]]]}`, 200}, {`{"digit":-5}`, 400}, {`{`, 400}}
	faults := make(chan string, 1000)
	var wait sync.WaitGroup
	for k := range 1000 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			c := bodies[k%len(bodies)]
			r, err := http.Post(s.URL+"/see", "application/json", strings.NewReader(c.body))
			if err != nil {
				faults <- err.Error()
				return
			}
			defer r.Body.Close()
			if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != c.status {
				faults <- fmt.Sprintf("%s: status %d (%v), want %d", c.body, r.StatusCode, err, c.status)
			}
		}()
	}
	wait.Wait()
	close(faults)
	for fault := range faults {
		t.Error(fault)
	}
	if len(s.desks) != cap(s.desks) {
		t.Errorf("%d of %d desks are free", len(s.desks), cap(s.desks))
	}
}

// Who is gone doesn't wait for a desk.
func TestWaiting(t *testing.T) {
	s := serving(t).server
	for range cap(s.desks) {
		<-s.desks
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", "/see", bytes.NewBufferString(`{}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	answer(s.see)(w, r)
	if w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "ask again later") {
		t.Errorf("status %d, %s, want 429", w.Code, w.Body)
	}
}
