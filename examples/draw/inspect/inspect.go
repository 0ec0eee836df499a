// Package inspect computes everything the page of examples/draw shows: the activations of a
// network, how each of them came about, and what becomes of a network in training. A request
// is a path and a JSON object, and so is the response. Where they come from doesn't matter:
// from an HTTP server, or within the browser from a worker.
//
// inspect.go says which requests there are. input.go draws the ink of your strokes, and
// predict.go runs the forward pass on them. cell.go explains an activation, backward.go a
// gradient, and layers.go has the receptive fields of both. steps.go takes steps of gradient
// descent on a copy of the network, occlusion.go covers parts of the image, and train.go trains.
package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"convnet"
)

// An Inspector responds to the page's requests. They may come at the same time.
type Inspector struct {
	network       *convnet.Network
	train, test   []convnet.Digit
	layers        []layer
	workspaces    chan *workspace // the free ones: that many requests are computed at once
	patience      time.Duration   // how long a request waits for a workspace
	sessions      sessions
	finding       chan struct{} // held while a request looks for the misclassified digits
	misclassified []int         // or nil
}

// A workspace is the memory that computing a response needs.
type workspace struct {
	image  [][]float64
	a      *convnet.Activations
	label  *int      // that the loss is computed for, or nil
	losses []float64 // before each step of gradient descent, and after the last; none without a label

	d    *convnet.Activations // the gradients at the activations
	grad *convnet.Network     // the gradients of the parameters
}

func newWorkspace() *workspace {
	return &workspace{image: newImage(), a: convnet.NewActivations(), d: convnet.NewActivations(), grad: convnet.NewGradient()}
}

// New returns an Inspector of a trained network, and of networks that train on the digits of
// train. It changes none of them.
func New(network *convnet.Network, train, test []convnet.Digit) *Inspector {
	s := &Inspector{network: network, train: train, test: test, patience: 10 * time.Second}
	s.layers = layersOf(convnet.NewActivations())
	s.workspaces = make(chan *workspace, runtime.GOMAXPROCS(0))
	for range cap(s.workspaces) {
		s.workspaces <- newWorkspace()
	}
	s.sessions.slots = make(chan struct{}, max(1, cap(s.workspaces)-1))
	s.finding = make(chan struct{}, 1)
	return s
}

// Respond returns the response to a request. If the request is wrong, the error is an Error.
func (s *Inspector) Respond(ctx context.Context, path string, body []byte) ([]byte, error) {
	var response any
	var err error
	switch path {
	case "network":
		response, err = s.describe(body)
	case "misclassified":
		response, err = s.listMisclassified(ctx, body)
	case "predict":
		response, err = s.predict(ctx, body)
	case "cell":
		response, err = s.cell(ctx, body)
	case "gradients":
		response, err = s.gradients(ctx, body)
	case "occlusion":
		response, err = s.occlude(ctx, body)
	case "train":
		response, err = s.trainSlice(ctx, body)
	default:
		err = Error{notFound, fmt.Errorf("there is no request %.40q", path)}
	}
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(response)
	if unsupported := (*json.UnsupportedValueError)(nil); errors.As(err, &unsupported) { // JSON has no NaN and no infinity
		return nil, badRequest("the weights of this network are so large that some values are no longer finite numbers")
	}
	return text, err
}

// An Error says what is wrong with a request.
type Error struct {
	Status int // of HTTP
	error
}

const (
	invalid  = 400
	notFound = 404
	tooMany  = 429
)

func badRequest(format string, args ...any) error {
	return Error{invalid, fmt.Errorf(format, args...)}
}

// decode reads body, a JSON object and nothing after it, into v.
func decode(body []byte, v any) error {
	if string(bytes.TrimSpace(body)) == "null" { // Decode accepts it for everything
		return badRequest("the request is null, want an object")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
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
func (s *Inspector) withWorkspace(ctx context.Context, f func(*workspace) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	select {
	case w := <-s.workspaces:
		defer func() { s.workspaces <- w }()
		return f(w)
	case <-ctx.Done():
		return errBusy
	}
}

var errBusy = Error{tooMany, errors.New("the program is busy: try again in a moment")}

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

// describe returns the description.
func (s *Inspector) describe(body []byte) (any, error) {
	return description{
		Layers:         s.layers,
		Filters1:       kernels(s.network.Filters1, 1),
		Filters2:       kernels(s.network.Filters2, len(s.network.Filters1)),
		TrainingDigits: len(s.train),
		TestDigits:     len(s.test),
		Evaluated:      len(s.evaluationDigits()),
	}, decode(body, &struct{}{})
}

// kernels returns the square kernels of filters, one for each channel.
func kernels(filters [][]float64, channels int) [][][][]float64 {
	all := make([][][][]float64, len(filters)) // filter, channel, row, column
	for f, filter := range filters {
		size := 1
		for size*size*channels < len(filter) {
			size++
		}
		all[f] = convnet.NewVolume(channels, size, size)
		for c, kernel := range all[f] {
			for i, row := range kernel {
				copy(row, filter[(c*size+i)*size:])
			}
		}
	}
	return all
}

// listMisclassified returns the indices of the test digits that the network misclassifies. That
// takes seconds the first time. Other requests for them wait meanwhile.
func (s *Inspector) listMisclassified(ctx context.Context, body []byte) (any, error) {
	if err := decode(body, &struct{}{}); err != nil {
		return nil, err
	}
	select {
	case s.finding <- struct{}{}:
		defer func() { <-s.finding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.misclassified != nil {
		return s.misclassified, nil
	}
	misclassified := []int{} // nil would be null in JSON, and not a list
	a := convnet.NewActivations()
	for k, d := range s.test {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if s.network.Predict(a, d.Image) != d.Label {
			misclassified = append(misclassified, k)
		}
	}
	s.misclassified = misclassified
	return misclassified, nil
}
