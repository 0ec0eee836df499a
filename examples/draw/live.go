package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"convnet"
	"convnet/examples/internal/training"
)

const (
	maxTrainings = 4                      // at a time
	reportEvery  = 100 * time.Millisecond // while a network learns
	examineEvery = 1000                   // digits, and whenever it rests
	examined     = 500                    // test digits
)

// The trainings that are going on, by their names.
type trainings struct {
	mutex sync.Mutex
	all   map[string]*session
}

// A session is one training: as long as its page listens it goes on.
type session struct {
	orders chan order
	mutex  sync.Mutex
	seen   *convnet.Network // as it last stood; never changed again
}

// An order is what a page wants of its training. What is nil stays.
type order struct {
	Session string   `json:"session"`
	Run     *bool    `json:"run"`
	Step    bool     `json:"step"` // learn from one digit
	Rate    *float64 `json:"rate"`
	Dropout *float64 `json:"dropout"`
}

// check returns an error if no training can obey o.
func (o order) check() error {
	if o.Rate != nil && !(*o.Rate > 0 && *o.Rate <= 1) {
		return bad("found the rate %v, want one above 0, at most 1", *o.Rate)
	}
	if o.Dropout != nil && !(*o.Dropout >= 0 && *o.Dropout < 1) {
		return bad("found the dropout %v, want 0 or more, below 1", *o.Dropout)
	}
	return nil
}

// A report is how a training stands.
type report struct {
	Session  string      `json:"session"`
	Running  bool        `json:"running"`
	Digits   int         `json:"digits"`          // learned from, with repetitions
	Loss     *float64    `json:"loss"`            // mean since the report before; of none there is no mean
	Right    *int        `json:"right,omitempty"` // of the examined test digits, if they were examined anew
	Examined int         `json:"examined,omitempty"`
	Filters1 [][]float64 `json:"filters1"`
	Broken   bool        `json:"broken"` // the loss is no longer a number
}

// networkOf returns the network of a session, or of the server.
func (s *server) networkOf(name string) (*convnet.Network, error) {
	if name == "" {
		return s.network, nil
	}
	t, err := s.trainings.find(name)
	if err != nil {
		return nil, err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.seen, nil
}

func (t *trainings) find(name string) (*session, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if found := t.all[name]; found != nil {
		return found, nil
	}
	return nil, refusal{http.StatusNotFound, fmt.Errorf("found the training %.40q, want one that is going on", name)}
}

// begin returns a new session and its name, or nil if there are enough.
func (t *trainings) begin(network *convnet.Network) (name string, begun *session) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.all) >= maxTrainings {
		return "", nil
	}
	if t.all == nil {
		t.all = map[string]*session{}
	}
	name = rand.Text()
	begun = &session{orders: make(chan order)}
	begun.show(network)
	t.all[name] = begun
	return name, begun
}

func (t *trainings) end(name string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	delete(t.all, name)
}

// show lets requests see the network as it stands.
func (t *session) show(network *convnet.Network) {
	seen := convnet.NewGradient()
	copy(seen.Parameters, network.Parameters)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.seen = seen
}

// command hands an order to its training.
func (s *server) command(r *http.Request) (any, error) {
	var o order
	if err := decode(r, &o); err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	t, err := s.trainings.find(o.Session)
	if err != nil {
		return nil, err
	}
	patience, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	select {
	case t.orders <- o:
		return struct{}{}, nil
	case <-patience.Done(): // it has just ended
		return nil, refusal{http.StatusGone, fmt.Errorf("the training %.40q has ended", o.Session)}
	}
}

// follow begins a training, which waits for orders, and reports on it in
// server-sent events until the page is left.
func (s *server) follow(w http.ResponseWriter, r *http.Request) {
	seed, err := strconv.ParseUint(r.URL.Query().Get("seed"), 10, 64)
	if err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("found the seed %.40q, want a whole number from 0", r.URL.Query().Get("seed")))
		return
	}
	network := convnet.New(seed)
	name, t := s.trainings.begin(network)
	if t == nil {
		refuse(w, http.StatusTooManyRequests, fmt.Errorf("%d networks are being trained, want fewer: close a page", maxTrainings))
		return
	}
	defer s.trainings.end(name)
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	l := newLearner(network, seed, s.train)
	defer l.Close()
	s.teach(r.Context(), l, t, func(rep report) error {
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

// A learner learns from one digit after another, in a new order in each pass.
type learner struct {
	*training.Trainer
	recipe       training.Recipe
	seed         uint64
	digits, pass []convnet.Digit // as they were given, and in the order of this pass
}

func newLearner(network *convnet.Network, seed uint64, digits []convnet.Digit) *learner {
	recipe := training.Original()
	recipe.Sets, recipe.Size, recipe.Shuffle = 1, len(digits), true
	return &learner{Trainer: recipe.New(network, seed, 1), recipe: recipe, seed: seed, digits: digits}
}

// learn learns from the next digit, and returns its loss.
func (l *learner) learn() float64 {
	passes, k := int(l.Learned)/len(l.digits), int(l.Learned)%len(l.digits)
	if k == 0 {
		l.pass = l.recipe.Set(l.digits, 1, passes+1, l.seed)
	}
	loss, _ := l.Step(l.pass[k : k+1])
	return loss
}

// teach has l learn as the orders want it, and tells how it stands now and then,
// until ctx is done, tell fails or the numbers break.
func (s *server) teach(ctx context.Context, l *learner, t *session, tell func(report) error) {
	running := false
	losses, n := 0.0, 0
	told, examinedAt := time.Now(), -examineEvery
	say := func() error {
		rep := report{Running: running, Digits: int(l.Learned), Filters1: rounded([][][]float64{l.Network.Filters1})[0]}
		if n > 0 {
			loss := losses / float64(n)
			rep.Loss = &loss
		}
		if learned := int(l.Learned); learned >= examinedAt+examineEvery || !running && learned > examinedAt {
			digits := s.test[:min(examined, len(s.test))]
			right := l.Network.Test(digits)
			rep.Right, rep.Examined, examinedAt = &right, len(digits), learned
		}
		t.show(l.Network)
		losses, n, told = 0, 0, time.Now()
		return tell(rep)
	}
	always := make(chan struct{})
	close(always)
	err := say()
	for err == nil {
		var o order
		var next <-chan struct{} // without running there is nothing but orders to wait for
		if running {
			next = always
		}
		select {
		case <-ctx.Done():
			return
		case o = <-t.orders:
		case <-next:
		}
		was := running
		if o.Run != nil {
			running = *o.Run
		}
		if o.Rate != nil {
			l.Rate = *o.Rate
		}
		if o.Dropout != nil {
			l.Dropout = *o.Dropout
		}
		if running || o.Step {
			loss := l.learn()
			losses, n = losses+loss, n+1
			if math.IsNaN(loss) || math.IsInf(loss, 0) || slices.ContainsFunc(l.Network.Biases2, math.IsNaN) {
				tell(report{Digits: int(l.Learned), Broken: true, Filters1: [][]float64{}})
				return
			}
		}
		if o.Step || running != was || running && time.Since(told) >= reportEvery {
			err = say()
		}
	}
}
