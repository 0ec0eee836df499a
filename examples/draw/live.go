package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"convnet"
	"convnet/examples/internal/pixels"
	"convnet/examples/internal/training"
)

const (
	maxSessions   = 4                      // at the same time
	reportEvery   = 100 * time.Millisecond // while training runs
	evaluateEvery = 1000                   // training examples, and whenever training pauses
	maxEvaluated  = 500                    // test digits
)

// sessions are the training sessions in progress, by name.
type sessions struct {
	mutex sync.Mutex
	all   map[string]*session
}

// A session trains one network. It lasts as long as its page listens.
type session struct {
	commands chan command
	mutex    sync.Mutex
	network  *convnet.Network // as last published; never written to again
}

// A command is what a page wants of its session. Nil fields change nothing.
type command struct {
	Session string   `json:"session"`
	Run     *bool    `json:"run"`
	Step    bool     `json:"step"` // train on one example
	Rate    *float64 `json:"rate"` // the learning rate
	Dropout *float64 `json:"dropout"`
}

// check returns an error if a value in c is out of range.
func (c command) check() error {
	if c.Rate != nil && !(*c.Rate > 0 && *c.Rate <= 1) {
		return badRequest("the learning rate is %v, want more than 0 and at most 1", *c.Rate)
	}
	if c.Dropout != nil && !(*c.Dropout >= 0 && *c.Dropout < 1) {
		return badRequest("dropout is %v, want at least 0 and less than 1", *c.Dropout)
	}
	return nil
}

// A report is the state of a session.
type report struct {
	Session   string          `json:"session"`
	Running   bool            `json:"running"`
	Examples  int             `json:"examples"`          // trained on so far, counting repetitions
	Loss      *float64        `json:"loss"`              // on average since the last report, or null if there was no example
	Correct   *int            `json:"correct,omitempty"` // evaluated test digits classified correctly, if there is a new evaluation
	Evaluated int             `json:"evaluated,omitempty"`
	Filters1  [][][][]float64 `json:"filters1"`
	Diverged  bool            `json:"diverged"` // the loss is no longer a finite number
}

// networkOf returns the network of a session, or the server's if name is empty.
func (s *server) networkOf(name string) (*convnet.Network, error) {
	if name == "" {
		return s.network, nil
	}
	t, err := s.sessions.find(name)
	if err != nil {
		return nil, err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.network, nil
}

func (s *sessions) find(name string) (*session, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if found := s.all[name]; found != nil {
		return found, nil
	}
	return nil, requestError{http.StatusNotFound, fmt.Errorf("there is no training session %.40q", name)}
}

// start returns a new session and its name, or nil if there are enough.
func (s *sessions) start(network *convnet.Network) (name string, started *session) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.all) >= maxSessions {
		return "", nil
	}
	if s.all == nil {
		s.all = map[string]*session{}
	}
	name = rand.Text()
	started = &session{commands: make(chan command)}
	started.publish(network)
	s.all[name] = started
	return name, started
}

func (s *sessions) end(name string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.all, name)
}

// publish makes a copy of the network available to requests.
func (t *session) publish(network *convnet.Network) {
	network = network.Clone()
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.network = network
}

// control hands a command to its session.
func (s *server) control(r *http.Request) (any, error) {
	var c command
	if err := decode(r, &c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	t, err := s.sessions.find(c.Session)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	select {
	case t.commands <- c:
		return struct{}{}, nil
	case <-ctx.Done(): // it has just ended
		return nil, requestError{http.StatusGone, fmt.Errorf("the training session %.40q has ended", c.Session)}
	}
}

// startTraining starts a session, which waits for commands, and reports on it in server-sent
// events until the page is closed.
func (s *server) startTraining(w http.ResponseWriter, r *http.Request) {
	seed, err := strconv.ParseUint(r.URL.Query().Get("seed"), 10, 64)
	if err != nil {
		respondError(w, http.StatusBadRequest, fmt.Errorf("the seed is %.40q, want an integer that isn't negative", r.URL.Query().Get("seed")))
		return
	}
	network := convnet.New(seed)
	name, t := s.sessions.start(network)
	if t == nil {
		respondError(w, http.StatusTooManyRequests, fmt.Errorf("found %d networks in training already, want fewer: close a page that trains one", maxSessions))
		return
	}
	defer s.sessions.end(name)
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	l := newLearner(network, seed, s.train)
	defer l.Close()
	s.runSession(r.Context(), l, t, func(rep report) error {
		rep.Session = name
		text, err := json.Marshal(rep)
		if err != nil {
			return err
		}
		control.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil {
			return err
		}
		return control.Flush()
	})
}

// A learner is a network in training, on one digit after another, in a new order in each
// epoch.
type learner struct {
	*training.Trainer
	rate float64 // the learning rate
	next func() (training.Step, bool)
	stop func()
}

func newLearner(network *convnet.Network, seed uint64, digits []convnet.Digit) *learner {
	recipe := training.Original()
	recipe.Sets, recipe.Size, recipe.Shuffle = 1, len(digits), true
	recipe.Epochs = math.MaxInt // until the page is closed; recipe.Total, which nothing uses here, overflows
	next, stop := iter.Pull(recipe.Steps(digits, seed, training.Start))
	return &learner{Trainer: recipe.New(network, seed, 1), rate: recipe.Rate, next: next, stop: stop}
}

func (l *learner) Close() {
	l.stop()
	l.Trainer.Close()
}

// takeStep takes the next step, at the rate that the page has chosen, and returns the loss.
func (l *learner) takeStep() float64 {
	step, _ := l.next() // there is always a next one
	loss, _ := l.Step(step.Batch, l.rate)
	return loss
}

// evaluationDigits returns the test digits that a network in training is evaluated on.
func (s *server) evaluationDigits() []convnet.Digit {
	return s.test[:min(maxEvaluated, len(s.test))]
}

// runSession trains l as the session's commands want it, and sends a report now and then,
// until ctx is done, send fails or training diverges.
func (s *server) runSession(ctx context.Context, l *learner, t *session, send func(report) error) {
	running := false
	losses, n := 0.0, 0
	reported, evaluatedAt := time.Now(), -evaluateEvery
	sendReport := func() error {
		rep := report{Running: running, Examples: int(l.Seen), Filters1: roundedKernels(l.Network)}
		if n > 0 {
			loss := losses / float64(n)
			rep.Loss = &loss
		}
		if seen := int(l.Seen); seen >= evaluatedAt+evaluateEvery || !running && seen > evaluatedAt {
			digits := s.evaluationDigits()
			correct := l.Network.CountCorrect(digits)
			rep.Correct, rep.Evaluated, evaluatedAt = &correct, len(digits), seen
		}
		t.publish(l.Network)
		losses, n, reported = 0, 0, time.Now()
		return send(rep)
	}
	always := make(chan struct{})
	close(always)
	err := sendReport()
	for err == nil {
		var c command
		var next <-chan struct{} // nil while training pauses: then there are only commands to wait for
		if running {
			next = always
		}
		select {
		case <-ctx.Done():
			return
		case c = <-t.commands:
		case <-next:
		}
		was := running
		if c.Run != nil {
			running = *c.Run
		}
		if c.Rate != nil {
			l.rate = *c.Rate
		}
		if c.Dropout != nil {
			l.Dropout = *c.Dropout
		}
		if running || c.Step {
			loss := l.takeStep()
			losses, n = losses+loss, n+1
			if math.IsNaN(loss) || math.IsInf(loss, 0) || slices.ContainsFunc(l.Network.Biases2, math.IsNaN) {
				send(report{Examples: int(l.Seen), Diverged: true, Filters1: [][][][]float64{}})
				return
			}
		}
		if c.Step || running != was || running && time.Since(reported) >= reportEvery {
			err = sendReport()
		}
	}
}

// roundedKernels returns the conv1 filters of n for a picture.
func roundedKernels(n *convnet.Network) [][][][]float64 {
	return pixels.Kernels(rounded([][][]float64{n.Filters1})[0], 1)
}
