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
	"convnet/examples/internal/training"
)

//go:embed page
var page embed.FS

// A server answers what the page asks.
type server struct {
	network     *convnet.Network
	train, test []convnet.Digit
	desks       chan *desk    // that are free: as many requests are worked on at once
	patience    time.Duration // how long a request waits for a desk
	wrong       func() ([]int, error)
	trainings   trainings
}

// A desk is the memory that work on a request needs.
type desk struct {
	digit [][]float64 // 28×28, that a network looks at
	a     *convnet.Activations
}

func newServer(network *convnet.Network, train, test []convnet.Digit) *server {
	s := &server{network: network, train: train, test: test, patience: 10 * time.Second}
	s.desks = make(chan *desk, runtime.GOMAXPROCS(0))
	for range cap(s.desks) {
		s.desks <- &desk{convnet.NewMatrix(28, 28), convnet.NewActivations()}
	}
	s.wrong = sync.OnceValues(s.findWrong)
	return s
}

// handler returns what answers requests.
func (s *server) handler() http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // it is embedded
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /network", answer(s.describe))
	mux.HandleFunc("GET /wrong", answer(s.readWrongly))
	mux.HandleFunc("POST /see", answer(s.see))
	mux.HandleFunc("POST /cell", answer(s.cell))
	mux.HandleFunc("POST /occlusion", answer(s.occlusion))
	mux.HandleFunc("GET /train", s.follow)
	mux.HandleFunc("POST /train", answer(s.command))
	return guard(mux)
}

// policy lets the page load what comes from this server, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard refuses what does not come from the page: a request under another name
// for this machine (a page elsewhere can have its own name lead here), and one
// that a page of another origin has sent.
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
		host = strings.Trim(host, "[]") // of an IPv6 address without a port
		if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
			refuse(w, http.StatusForbidden, fmt.Errorf("found the host %.100q, want this machine's own", r.Host))
			return
		}
		origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
		foreign := site != "" && site != "same-origin" && site != "none" || origin != "" && origin != "http://"+r.Host
		if foreign && (r.Method != http.MethodGet || r.URL.Path != "/") { // a link to the page is no harm
			refuse(w, http.StatusForbidden, fmt.Errorf("found a request of %.100q, want one of this page", origin))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// A refusal is an error of whoever asks.
type refusal struct {
	status int
	error
}

func bad(format string, args ...any) error {
	return refusal{http.StatusBadRequest, fmt.Errorf(format, args...)}
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // who is gone needs no answer
}

// answer makes a handler of a function that returns what to answer with, in JSON.
func answer(f func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		v, err := f(r)
		var fault refusal
		var text []byte
		if err == nil {
			text, err = json.Marshal(v)
		}
		switch {
		case errors.As(err, &fault):
			refuse(w, fault.status, fault)
		case err != nil:
			refuse(w, http.StatusInternalServerError, err)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.Write(text)
		}
	}
}

// maxBody bounds what is read of a request: the page's 2,000 points are some 30 kB.
const maxBody = 1 << 18

// decode reads the body of r, JSON and nothing after it, into v.
func decode(r *http.Request, v any) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return refusal{http.StatusUnsupportedMediaType, fmt.Errorf("found the content type %.100q, want application/json", r.Header.Get("Content-Type"))}
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return refusal{http.StatusRequestEntityTooLarge, fmt.Errorf("found more than %d bytes, want %[1]d at most", maxBody)}
	}
	if err != nil {
		return bad("the body: %w", err)
	}
	if string(bytes.TrimSpace(body)) == "null" { // which Decode takes for anything
		return bad("the body: found null, want an object")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return bad("the body: found the %s before byte %d, where it has no meaning", wrong.Value, wrong.Offset)
	}
	if err != nil {
		return bad("the body: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return bad("the body: found more after byte %d, want one JSON value", d.InputOffset())
	}
	return nil
}

// borrow lends work a desk when there is one. While none is free, requests wait
// here, but not for ever.
func (s *server) borrow(ctx context.Context, work func(*desk) error) error {
	patience, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	select {
	case d := <-s.desks:
		defer func() { s.desks <- d }()
		return work(d)
	case <-patience.Done():
		return refusal{http.StatusTooManyRequests, errors.New("found too many requests before this one: ask again later")}
	}
}

// describe answers with what doesn't change.
func (s *server) describe(r *http.Request) (any, error) {
	return struct {
		Filters1 [][]float64 `json:"filters1"` // 10×25: one kernel 5×5, laid flat
		Filters2 [][]float64 `json:"filters2"` // 20×250: ten of them
		Tests    int         `json:"tests"`    // how many test digits there are
	}{s.network.Filters1, s.network.Filters2, len(s.test)}, nil
}

// readWrongly answers with the numbers of the test digits that are read wrongly.
func (s *server) readWrongly(r *http.Request) (any, error) {
	return s.wrong()
}

// findWrong returns the numbers of the test digits that are read wrongly.
func (s *server) findWrong() (wrong []int, err error) {
	wrong = []int{} // null in JSON would be no list
	answers, err := training.Read(context.Background(), s.network, s.test, nil)
	for k, answer := range answers {
		if answer != s.test[k].Label {
			wrong = append(wrong, k)
		}
	}
	return wrong, err
}
