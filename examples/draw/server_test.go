package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"convnet"
	"convnet/examples/draw/inspect"
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

// A site serves the page of a network. The Inspector responds as the page's requests are
// responded to.
type site struct {
	*httptest.Server
	*inspect.Inspector
	static  bool // whether the page does without a server
	network *convnet.Network
	test    []convnet.Digit
	layers  []layer
}

// A layer is a layer of the network, as the page learns of it.
type layer struct {
	Name    string `json:"name"`
	Maps    int    `json:"maps"`
	Rows    int    `json:"rows"`
	Columns int    `json:"columns"`
}

// serving serves the page with testNetwork until the test ends. Within TestWithoutServer, it's
// the static page.
func serving(t *testing.T) site {
	t.Helper()
	train, test := testenv.Digits(t)
	return servingDigits(t, train, test)
}

// servingDigits is serving with other digits.
func servingDigits(t *testing.T, train, test []convnet.Digit) site {
	t.Helper()
	network, err := testNetwork()
	if err != nil {
		t.Fatal(err)
	}
	s := site{Inspector: inspect.New(network, train, test), network: network, test: test}
	if strings.HasPrefix(t.Name(), withoutServer+"/") {
		s.static = true
		s.Server = httptest.NewServer(staticPageOf(t, train, test).handler())
		s.URL += "/convnet"
	} else {
		s.Server = httptest.NewServer(handler(s.Inspector))
	}
	t.Cleanup(s.Close)
	var described struct{ Layers []layer }
	s.ask(t, "network", "{}", &described)
	s.layers = described.Layers
	return s
}

// ask reads the response to a request into found.
func (s site) ask(t *testing.T, path, body string, found any) {
	t.Helper()
	text, err := s.Respond(context.Background(), path, []byte(body))
	if err == nil {
		err = json.Unmarshal(text, found)
	}
	if err != nil {
		t.Fatalf("%s %.200s: %v", path, body, err)
	}
}

// The server responds only to this machine's own names, and only to its own page.
func TestGuard(t *testing.T) {
	handler := handler(serving(t).Inspector)
	for _, c := range []struct {
		method, path, host, origin, site string
		want                             int
	}{
		{"GET", "/", "127.0.0.1:8080", "", "", 200},
		{"GET", "/", "localhost:8080", "", "none", 200},
		{"GET", "/", "[::1]:8080", "", "same-origin", 200},
		{"GET", "/", "[::1]", "", "same-origin", 200},
		{"GET", "/", "127.0.0.1", "", "cross-site", 200}, // a link
		{"GET", "/", "LOCALHOST:8080", "", "", 200},
		{"GET", "/", "LocalHost.", "", "", 200},
		{"GET", "/", "localhost.:8080", "", "", 200},
		{"POST", "/predict", "LOCALHOST.:8080", "http://localhost.:8080", "same-origin", 200},
		{"GET", "/", "localhost..:8080", "", "", 403},
		{"GET", "/", "evil.example:8080", "", "", 403},
		{"GET", "/", "evil.example", "", "same-origin", 403},
		{"GET", "/", "192.168.1.7:8080", "", "", 403},
		{"GET", "/", "localhost.evil.example:8080", "", "", 403},
		{"GET", "/", "", "", "", 403},
		{"POST", "/network", "localhost:8080", "", "cross-site", 403},
		{"POST", "/train", "localhost:8080", "", "same-site", 403},
		{"GET", "/page.js", "localhost:8080", "", "same-site", 403},
		{"POST", "/predict", "localhost:8080", "http://localhost:8080", "same-origin", 200},
		{"POST", "/predict", "localhost:8080", "http://localhost:8081", "", 403},
		{"POST", "/predict", "localhost:8080", "https://localhost:8080", "", 403},
		{"POST", "/predict", "localhost:8080", "http://evil.example", "", 403},
		{"POST", "/predict", "localhost:8080", "null", "", 403},
		{"POST", "/predict", "localhost:8080", "", "cross-site", 403},
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
			"Cache-Control": "no-store", // an older program's page would send requests this one doesn't know
		} {
			if found := w.Header().Get(name); found != want {
				t.Errorf("%+v: %s is %q, want %q", c, name, found, want)
			}
		}
	}
}

// A request that isn't one gets an error, and only the page's own methods are allowed.
func TestRequests(t *testing.T) {
	s := serving(t)
	const json = "application/json"
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
		want                     string
	}{
		{"POST", "/predict", json, "{}", 200, `{"image":[[0,`},
		{"POST", "/predict", json + "; charset=utf-8", "{}", 200, `{"image":[[0,`},
		{"POST", "/predict", "text/plain", "{}", 415, `{"error":"the content type is \"text/plain\", want application/json"}`},
		{"POST", "/predict", "application/x-www-form-urlencoded", "{}", 415, "want application/json"},
		{"POST", "/predict", "", "{}", 415, "want application/json"},
		{"POST", "/predict", json, strings.Repeat(" ", maxBody+1), 413, "the request is longer than 262144 bytes, want at most that many"},
		{"POST", "/predict", json, `{"digit":-1}`, 400, `{"error":"the test digit is -1`},
		{"POST", "/train", json, `{"session":"x","rate":0.1}`, 404, "the network in training is gone"},
		{"POST", "/nowhere", json, "{}", 404, "there is no request"},
		{"POST", "/", json, "{}", 405, ""},
		{"PUT", "/predict", json, "{}", 405, ""},
		{"GET", "/predict", "", "", 404, ""},
		{"GET", "/nowhere", "", "", 404, ""},
		{"GET", "/page.go", "", "", 404, ""},
		{"GET", "/page.css", "", "", 200, ""},
		{"HEAD", "/", "", "", 200, ""},
		{"HEAD", "/train?seed=1", "", "", 404, ""},
	} {
		request, err := http.NewRequest(c.method, s.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.kind != "" {
			request.Header.Set("Content-Type", c.kind)
		}
		r, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != c.status || !strings.Contains(string(text), c.want) || c.method == "HEAD" && len(text) > 0 {
			t.Errorf("%s %s %s %.60s: status %d, %.200s (%v), want %d and %q", c.method, c.path, c.kind, c.body, r.StatusCode, text, err, c.status, c.want)
		}
		if allow := r.Header.Get("Allow"); (c.status == 405) != strings.Contains(allow, "GET, HEAD") {
			t.Errorf("%s %s: the methods allowed are %q", c.method, c.path, allow)
		}
	}
}

// Many requests at once, good and bad ones, all get their responses.
func TestManyRequests(t *testing.T) {
	for _, requests := range []int{100, 1000} {
		t.Run(fmt.Sprint(requests), func(t *testing.T) {
			if requests > 100 {
				testenv.NeedAll(t)
			}
			checkRequests(t, requests)
		})
	}
}

func checkRequests(t *testing.T, requests int) {
	s := serving(t)
	bodies := []struct {
		body   string
		status int
	}{
		{`{"digit":1}`, 200}, {`{"digit":-5}`, 400}, {`{`, 400}, {`null`, 400},
		{`{"strokes":[[[0.1,0.1],[0.9,0.9]]]}`, 200}, {`{"strokes":[[[0.1]]]}`, 400}, {`[]`, 400}, {`{"session":"x"}`, 404},
	}
	faults := make(chan string, requests)
	var wait sync.WaitGroup
	for k := range requests {
		wait.Add(1)
		go func() {
			defer wait.Done()
			c := bodies[k%len(bodies)]
			r, err := http.Post(s.URL+"/predict", "application/json", strings.NewReader(c.body))
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
}
