package inspect

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"convnet"
	"convnet/examples/internal/training"
)

const (
	maxSessions     = 8
	maxMilliseconds = 100  // of a slice
	evaluateEvery   = 1000 // training examples
)

// MaxEvaluated is how many test digits a network in training is evaluated on, the first ones.
const MaxEvaluated = 500

// sessions are the networks in training, by name.
type sessions struct {
	mutex sync.Mutex
	all   map[string]*session
	uses  int // of all sessions together

	// Slices that train at the same time each hold a slot. A slice takes no workspace, and
	// there are fewer slots than cores, so that a prediction doesn't have to wait for training.
	slots chan struct{}
}

// A session trains one network, a slice of time whenever the page asks for it.
type session struct {
	name string

	// These two are guarded by the mutex of the sessions.
	busy int // requests that train it or are about to
	used int // of the uses, the last one of this session

	slice   sync.Mutex // held while a slice trains
	learner *learner

	mutex   sync.Mutex
	network *convnet.Network // as last published; never written to again
}

// A trainRequest asks for a slice of training.
type trainRequest struct {
	Session      string  `json:"session"` // or "" for a new one
	Seed         uint64  `json:"seed"`    // of a new one
	Rate         float64 `json:"rate"`    // the learning rate
	Dropout      float64 `json:"dropout"`
	Milliseconds float64 `json:"milliseconds"` // or 0 for exactly one step
}

// check returns an error if a value in r is out of range.
func (r trainRequest) check() error {
	if !(r.Rate > 0 && r.Rate <= 1) {
		return badRequest("the learning rate is %v, want more than 0 and at most 1", r.Rate)
	}
	if !(r.Dropout >= 0 && r.Dropout < 1) {
		return badRequest("dropout is %v, want at least 0 and less than 1", r.Dropout)
	}
	if !(r.Milliseconds >= 0 && r.Milliseconds <= maxMilliseconds) {
		return badRequest("found %v milliseconds, want at least 0 and at most %d", r.Milliseconds, maxMilliseconds)
	}
	return nil
}

// A report is the state of a session after a slice of training.
type report struct {
	Session   string          `json:"session"`
	Examples  int             `json:"examples"`          // trained on so far, counting repetitions
	Loss      *float64        `json:"loss"`              // on average since the last report, or null if there was no example
	Correct   *int            `json:"correct,omitempty"` // evaluated test digits classified correctly, if there is a new evaluation
	Evaluated int             `json:"evaluated,omitempty"`
	Filters1  [][][][]float64 `json:"filters1"`
	Diverged  bool            `json:"diverged"` // the loss is no longer a finite number
	Dead      string          `json:"dead"`     // the first ReLU layer in which no unit is active any more, or ""
	Rate      float64         `json:"rate"`
}

// networkOf returns the network of a session, or the trained network if name is empty.
func (s *Inspector) networkOf(name string) (*convnet.Network, error) {
	if name == "" {
		return s.network, nil
	}
	s.sessions.mutex.Lock()
	t := s.sessions.all[name]
	if t != nil {
		s.sessions.use(t)
	}
	s.sessions.mutex.Unlock()
	if t == nil {
		return nil, errGone
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.network, nil
}

var errGone = Error{notFound, fmt.Errorf("the network in training is gone: the program has been restarted, or has dropped it, because it keeps only the %d used last", maxSessions)}

// use notes that t is the session used last.
func (s *sessions) use(t *session) {
	s.uses++
	t.used = s.uses
}

// enter returns the session that a request trains, a new one if it names none. The session
// won't be dropped until leave.
func (s *Inspector) enter(r trainRequest) (*session, error) {
	s.sessions.mutex.Lock()
	defer s.sessions.mutex.Unlock()
	t := s.sessions.all[r.Session]
	if r.Session == "" {
		if !s.sessions.makeRoom() {
			return nil, Error{tooMany, fmt.Errorf("%d networks are already in training: pause one of them first", maxSessions)}
		}
		t = newSession(r.Seed, s.train)
		if s.sessions.all == nil {
			s.sessions.all = map[string]*session{}
		}
		s.sessions.all[t.name] = t
	}
	if t == nil {
		return nil, errGone
	}
	t.busy++
	s.sessions.use(t)
	return t, nil
}

func (s *sessions) leave(t *session) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	t.busy--
}

// makeRoom makes sure that there can be one more session: if there are enough, it drops the idle one
// that was used the longest time ago. It returns false if none is idle.
func (s *sessions) makeRoom() bool {
	if len(s.all) < maxSessions {
		return true
	}
	var oldest *session
	for _, t := range s.all {
		if t.busy == 0 && (oldest == nil || t.used < oldest.used) {
			oldest = t
		}
	}
	if oldest == nil {
		return false
	}
	delete(s.all, oldest.name)
	oldest.learner.Close()
	return true
}

func newSession(seed uint64, digits []convnet.Digit) *session {
	network := convnet.New(seed)
	t := &session{name: fmt.Sprintf("%016x", rand.Uint64()), learner: newLearner(network, seed, digits)}
	t.publish(network)
	return t
}

// publish makes a copy of the network available to requests.
func (t *session) publish(network *convnet.Network) {
	network = network.Clone()
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.network = network
}

// A learner is a network in training, on one digit after another, in a new order in each
// epoch.
type learner struct {
	*training.Trainer
	rate     float64 // the learning rate
	next     func() (training.Step, bool)
	stop     func()
	diverged bool

	// The evaluation in progress.
	evaluated  int                  // digits so far
	correct    int                  // of them
	evaluateAt int                  // how many examples have been seen when the next one is due
	a          *convnet.Activations // of those digits
}

func newLearner(network *convnet.Network, seed uint64, digits []convnet.Digit) *learner {
	recipe := training.Original()
	recipe.Sets, recipe.Size, recipe.Shuffle = 1, len(digits), true
	recipe.Epochs = math.MaxInt // until nobody asks for more; recipe.Total, which nothing uses here, overflows
	next, stop := iter.Pull(recipe.Steps(digits, seed, training.Start))
	return &learner{Trainer: recipe.New(network, seed, 1), rate: recipe.Rate, next: next, stop: stop, a: convnet.NewActivations()}
}

func (l *learner) Close() {
	l.stop()
	l.Trainer.Close()
}

// takeStep takes the next step, at the rate that the page has chosen, and returns the loss.
func (l *learner) takeStep() float64 {
	step, _ := l.next() // there is always a next one
	loss, _ := l.Step(step.Batch, l.rate)
	l.evaluated, l.correct = 0, 0 // of a network that is no more
	l.diverged = notFinite(loss) || slices.ContainsFunc(l.Network.Parameters, notFinite)
	return loss
}

func notFinite(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

// evaluationDigits returns the test digits that a network in training is evaluated on.
func (s *Inspector) evaluationDigits() []convnet.Digit {
	return s.test[:min(MaxEvaluated, len(s.test))]
}

// evaluate goes on with the evaluation, until it is complete or the time is up. It returns the
// number of digits classified correctly, or nil if the evaluation isn't complete.
func (l *learner) evaluate(digits []convnet.Digit, until time.Time) *int {
	for l.evaluated < len(digits) {
		d := digits[l.evaluated]
		l.evaluated++
		if l.Network.Predict(l.a, d.Image) == d.Label {
			l.correct++
		}
		if !time.Now().Before(until) {
			break
		}
	}
	if l.evaluated < len(digits) {
		return nil
	}
	correct := l.correct
	l.evaluated, l.correct = 0, 0
	l.evaluateAt = int(l.Seen) + evaluateEvery
	return &correct
}

// dead returns the name of the first ReLU layer in which no unit is active for any of a few
// digits, or "". Such a layer passes no gradient on, so nothing before it can recover.
func (l *learner) dead(digits []convnet.Digit) string {
	names := []string{"relu1", "relu2", "relu3"}
	alive := make([]bool, len(names))
	for _, d := range digits[:min(20, len(digits))] {
		l.Network.Predict(l.a, d.Image)
		for k, maps := range [][][][]float64{l.a.ReLU1, l.a.ReLU2, {{l.a.ReLU3}}} {
			for _, v := range slices.Concat(slices.Concat(maps...)...) {
				alive[k] = alive[k] || v > 0
			}
		}
		if !slices.Contains(alive, false) {
			return ""
		}
	}
	return names[slices.Index(alive, false)]
}

// trainSlice trains for the time that the page asks for, and returns a report.
func (s *Inspector) trainSlice(ctx context.Context, body []byte) (any, error) {
	var r trainRequest
	if err := decode(body, &r); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	t, err := s.enter(r)
	if err != nil {
		return nil, err
	}
	defer s.sessions.leave(t)
	t.slice.Lock()
	defer t.slice.Unlock()
	select {
	case s.sessions.slots <- struct{}{}:
		defer func() { <-s.sessions.slots }()
		return s.runSlice(t, r), nil
	case <-ctx.Done():
		return nil, errBusy
	}
}

// runSlice is trainSlice when it's this session's turn. An evaluation takes its time from the
// slices too, several if need be, so that a slow machine is soon free for other requests.
// Training waits meanwhile: the result belongs to the number of examples in the report.
func (s *Inspector) runSlice(t *session, r trainRequest) report {
	l, digits := t.learner, s.evaluationDigits()
	l.rate, l.Dropout = r.Rate, r.Dropout
	rep := report{Session: t.name, Rate: r.Rate}
	until := time.Now().Add(time.Duration(r.Milliseconds * float64(time.Millisecond)))
	losses, n := 0.0, 0
	for more := true; more && !l.diverged; more = rep.Correct == nil && time.Now().Before(until) {
		if r.Milliseconds > 0 && int(l.Seen) >= l.evaluateAt {
			rep.Correct = l.evaluate(digits, until)
			continue
		}
		losses, n = losses+l.takeStep(), n+1
	}
	rep.Examples, rep.Diverged = int(l.Seen), l.diverged
	if !l.diverged { // otherwise the last network whose weights are numbers remains
		t.publish(l.Network)
		rep.Dead = l.dead(digits)
		if n > 0 {
			loss := losses / float64(n)
			rep.Loss = &loss
		}
	}
	if rep.Correct != nil {
		rep.Evaluated = len(digits)
	}
	rep.Filters1 = roundedKernels(t.network)
	return rep
}

// roundedKernels returns the conv1 filters of n for a picture.
func roundedKernels(n *convnet.Network) [][][][]float64 {
	return kernels(rounded([][][]float64{n.Filters1})[0], 1)
}
