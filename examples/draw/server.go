package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"convnet"
	"convnet/examples/internal/pixels"
	"convnet/examples/internal/training"
)

//go:embed page
var page embed.FS

// A server serves the page and responds to its requests.
type server struct {
	network       *convnet.Network
	train, test   []convnet.Digit
	layers        []layer
	workspaces    chan *workspace // the free ones: that many requests are computed at once
	patience      time.Duration   // how long a request waits for a workspace
	misclassified func() ([]int, error)
	sessions      sessions
}

// A workspace is the memory that computing a response needs.
type workspace struct {
	image [][]float64
	a     *convnet.Activations
}

func newServer(network *convnet.Network, train, test []convnet.Digit) *server {
	s := &server{network: network, train: train, test: test, patience: 10 * time.Second}
	s.layers = layersOf(convnet.NewActivations())
	s.workspaces = make(chan *workspace, runtime.GOMAXPROCS(0))
	for range cap(s.workspaces) {
		s.workspaces <- &workspace{newImage(), convnet.NewActivations()}
	}
	s.misclassified = sync.OnceValues(s.findMisclassified)
	return s
}

// handler returns the handler of all requests.
func (s *server) handler() http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // it is embedded
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /network", respond(s.describe))
	mux.HandleFunc("GET /misclassified", respond(s.listMisclassified))
	mux.HandleFunc("POST /predict", respond(s.predict))
	mux.HandleFunc("POST /cell", respond(s.cell))
	mux.HandleFunc("POST /occlusion", respond(s.occlude))
	mux.HandleFunc("GET /train", s.startTraining)
	mux.HandleFunc("POST /train", respond(s.control))
	return guard(mux)
}

// policy lets the page load what comes from this server, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard refuses requests that don't come from the page: those addressed to a name that isn't
// this machine's own (a foreign page can make its name resolve to this machine), and those
// sent by a page of another origin.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.Trim(host, "[]") // around an IPv6 address without a port
		if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
			respondError(w, http.StatusForbidden, fmt.Errorf("the host is %.100q, want localhost or a loopback address", r.Host))
			return
		}
		origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
		foreign := site != "" && site != "same-origin" && site != "none" || origin != "" && origin != "http://"+r.Host
		if foreign && (r.Method != http.MethodGet || r.URL.Path != "/") { // a link to the page does no harm
			respondError(w, http.StatusForbidden, fmt.Errorf("the request comes from %.100q, want one from this page", origin))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// A requestError is an error in a request, with the status to respond with.
type requestError struct {
	status int
	error
}

func badRequest(format string, args ...any) error {
	return requestError{http.StatusBadRequest, fmt.Errorf(format, args...)}
}

func respondError(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // if the client has gone, nobody needs it
}

// respond returns a handler that responds with the value f returns, as JSON.
func respond(f func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		v, err := f(r)
		var fault requestError
		var text []byte
		if err == nil {
			text, err = json.Marshal(v)
		}
		switch {
		case errors.As(err, &fault):
			respondError(w, fault.status, fault)
		case err != nil:
			respondError(w, http.StatusInternalServerError, err)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.Write(text)
		}
	}
}

// maxBody limits the body of a request: the page's 2,000 points are about 30 kB.
const maxBody = 1 << 18

// decode reads the body of r, JSON and nothing after it, into v.
func decode(r *http.Request, v any) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return requestError{http.StatusUnsupportedMediaType, fmt.Errorf("the content type is %.100q, want application/json", r.Header.Get("Content-Type"))}
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return requestError{http.StatusRequestEntityTooLarge, fmt.Errorf("the request is longer than %d bytes, want at most that many", maxBody)}
	}
	if err != nil {
		return badRequest("the request: %w", err)
	}
	if string(bytes.TrimSpace(body)) == "null" { // Decode accepts it for everything
		return badRequest("the request is null, want an object")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return badRequest("the request: found a value of the wrong type, %s, before byte %d", wrong.Value, wrong.Offset)
	}
	if err != nil {
		return badRequest("the request: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return badRequest("the request: found more after byte %d, want a single JSON value", d.InputOffset())
	}
	return nil
}

// withWorkspace calls f with a workspace of its own. While none is free the request waits
// here, but not forever.
func (s *server) withWorkspace(ctx context.Context, f func(*workspace) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	select {
	case w := <-s.workspaces:
		defer func() { s.workspaces <- w }()
		return f(w)
	case <-ctx.Done():
		return requestError{http.StatusTooManyRequests, errors.New("too many requests are waiting: try again in a moment")}
	}
}

// A description is everything the page needs to know before it can draw, and what doesn't
// change.
type description struct {
	Layers         []layer         `json:"layers"`
	Filters1       [][][][]float64 `json:"filters1"` // filter, channel, row, column
	Filters2       [][][][]float64 `json:"filters2"`
	TrainingDigits int             `json:"trainingDigits"` // how many there are
	TestDigits     int             `json:"testDigits"`
	Evaluated      int             `json:"evaluated"` // test digits that a network in training is evaluated on
}

// describe responds with the description.
func (s *server) describe(r *http.Request) (any, error) {
	return description{
		Layers:         s.layers,
		Filters1:       pixels.Kernels(s.network.Filters1, 1),
		Filters2:       pixels.Kernels(s.network.Filters2, len(s.network.Filters1)),
		TrainingDigits: len(s.train),
		TestDigits:     len(s.test),
		Evaluated:      len(s.evaluationDigits()),
	}, nil
}

// listMisclassified responds with the indices of the misclassified test digits.
func (s *server) listMisclassified(r *http.Request) (any, error) {
	return s.misclassified()
}

// findMisclassified returns the indices of the test digits that the network misclassifies.
func (s *server) findMisclassified() (misclassified []int, err error) {
	misclassified = []int{} // nil would be null in JSON, and not a list
	predictions, err := training.Predict(context.Background(), s.network, s.test, nil)
	for k, prediction := range predictions {
		if prediction != s.test[k].Label {
			misclassified = append(misclassified, k)
		}
	}
	return misclassified, err
}
