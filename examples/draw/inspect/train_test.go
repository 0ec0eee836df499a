package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"convnet"
	"convnet/examples/internal/training"
)

// train asks for a slice of training, fields of JSON.
func (s *Inspector) trainFor(t *testing.T, fields string) (r report) {
	t.Helper()
	s.want(t, "train", "{"+fields+"}", &r)
	return r
}

// A session trains as TrainStep does, example by example, with the learning rate and the
// dropout of the requests.
func TestTrainSteps(t *testing.T) {
	s := inspector(t)
	s.test = s.test[:50]
	n, grad := convnet.New(5), convnet.NewGradient()
	d, a := convnet.NewActivations(), convnet.NewActivations()
	recipe := training.Recipe{Sets: 1, Size: len(s.train), Epochs: 1, Batch: 1, Shuffle: true}
	var order []convnet.Digit
	for step := range recipe.Steps(s.train, 5, training.Start) {
		order = append(order, step.Batch...)
	}
	name := ""
	for k, c := range []struct{ rate, dropout float64 }{{0.0062, 0.5}, {0.0062, 0.5}, {0.02, 0.1}} {
		a.DrawMasks(c.dropout, rand.New(rand.NewPCG(5, uint64(k+1))))
		want := n.TrainStep(grad, d, a, order[k], c.rate)
		r := s.trainFor(t, fmt.Sprintf(`"session":%q,"seed":5,"rate":%v,"dropout":%v`, name, c.rate, c.dropout))
		if r.Examples != k+1 || r.Loss == nil || *r.Loss != want || r.Correct != nil || r.Diverged || r.Dead != "" || r.Rate != c.rate || k > 0 && r.Session != name {
			t.Errorf("after example %d: %+v, want the loss %v", k+1, r, want)
		}
		name = r.Session
		for f, filter := range kernels(n.Filters1, 1) {
			if !near(r.Filters1[f], filter, 0.5001e-4) {
				t.Errorf("filter %d is not the network's", f)
			}
		}
	}
	// Requests that name the session use its network.
	a.DrawMasks(0, nil)
	n.Predict(a, s.test[3].Image)
	var p prediction
	s.want(t, "predict", fmt.Sprintf(`{"digit":3,"session":%q}`, name), &p)
	if !near([][][]float64{{p.Probabilities}}, [][][]float64{{a.Probabilities}}, 0.5001e-4) {
		t.Errorf("the probabilities are %v, want %v", p.Probabilities, a.Probabilities)
	}
	var found explanation
	s.want(t, "cell", fmt.Sprintf(`{"digit":3,"session":%q,"layer":"probabilities","column":4}`, name), &found)
	if found.Value != a.Probabilities[4] {
		t.Errorf("the probability of 4 is %v, want %v", found.Value, a.Probabilities[4])
	}
	// It trains for a while, and is evaluated at first and every thousand examples. The result
	// belongs to the network that has seen that many.
	last, evaluated := 3, -1
	for evaluated < 1003 {
		r := s.trainFor(t, fmt.Sprintf(`"session":%q,"rate":0.01,"milliseconds":10`, name))
		if r.Examples < last || (r.Loss == nil) != (r.Examples == last) || (r.Correct == nil) != (r.Evaluated == 0) {
			t.Fatalf("%+v after example %d", r, last)
		}
		last = r.Examples
		if r.Correct == nil {
			continue
		}
		if evaluated >= 0 && r.Examples < evaluated+evaluateEvery || evaluated < 0 && r.Examples != 3 {
			t.Errorf("evaluated after %d and %d examples", evaluated, r.Examples)
		}
		evaluated = r.Examples
		current, err := s.networkOf(name)
		if want := current.CountCorrect(s.test); err != nil || *r.Correct != want || r.Evaluated != len(s.test) {
			t.Errorf("%d of %d are correct, want %d of %d (%v)", *r.Correct, r.Evaluated, want, len(s.test), err)
		}
	}
}

// An evaluation that no slice has time for takes several, and starts again if the network
// changes.
func TestEvaluate(t *testing.T) {
	s := inspector(t)
	digits := s.test[:7]
	l := newLearner(convnet.New(1), 1, s.train)
	defer l.Close()
	past := time.Now()
	for k := range digits {
		if correct := l.evaluate(digits, past); (correct != nil) != (k == 6) {
			t.Errorf("after %d slices: complete: %v", k+1, correct != nil)
		} else if correct != nil && *correct != l.Network.CountCorrect(digits) {
			t.Errorf("%d are correct, want %d", *correct, l.Network.CountCorrect(digits))
		}
	}
	l.evaluate(digits, past)
	l.takeStep()
	for k := range digits {
		if correct := l.evaluate(digits, past); (correct != nil) != (k == 6) {
			t.Errorf("after a step and %d slices: complete: %v", k+1, correct != nil)
		}
	}
}

// In each epoch every digit comes once.
func TestEpochs(t *testing.T) {
	digits := make([]convnet.Digit, 7)
	for k := range digits {
		digits[k] = convnet.Digit{Image: newImage(), Label: k}
	}
	l := newLearner(convnet.New(1), 1, digits)
	defer l.Close()
	var orders [][]int
	for range 20 { // more than the ten of the original's recipe
		var order []int
		for range digits {
			step, ok := l.next()
			if !ok || len(step.Batch) != 1 {
				t.Fatalf("after %d epochs and %d digits: a batch of %d, want 1", len(orders), len(order), len(step.Batch))
			}
			order = append(order, step.Batch[0].Label)
		}
		orders = append(orders, order)
	}
	for _, order := range orders {
		if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, []int{0, 1, 2, 3, 4, 5, 6}) {
			t.Errorf("an epoch is %v", order)
		}
	}
	if slices.Equal(orders[0], orders[1]) && slices.Equal(orders[1], orders[2]) {
		t.Errorf("the epochs are all %v", orders[0])
	}
}

// The published network doesn't change while training continues: requests read it at the
// same time.
func TestPublish(t *testing.T) {
	s := inspector(t)
	r := s.trainFor(t, `"rate":0.01`)
	published, err := s.networkOf(r.Session)
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(published.Parameters)
	s.trainFor(t, fmt.Sprintf(`"session":%q,"rate":0.01`, r.Session))
	if !slices.Equal(published.Parameters, before) {
		t.Error("it has changed")
	}
}

// When training diverges the report says so, and the last network with finite weights
// remains.
func TestDiverged(t *testing.T) {
	s := inspector(t)
	broken := newImage()
	broken[side/2][side/2] = math.NaN()
	s.train = []convnet.Digit{{Image: broken}}
	r := s.trainFor(t, `"rate":0.01,"seed":3`)
	if !r.Diverged || r.Loss != nil || r.Examples != 1 {
		t.Errorf("the report is %+v, want one that says so", r)
	}
	again := s.trainFor(t, fmt.Sprintf(`"session":%q,"rate":0.01,"milliseconds":100`, r.Session))
	if !again.Diverged || again.Examples != 1 || !slices.EqualFunc(again.Filters1, r.Filters1, func(a, b [][][]float64) bool { return near(a, b, 0) }) {
		t.Errorf("afterwards the report is %+v, want the same", again)
	}
	if n, err := s.networkOf(r.Session); err != nil || !slices.Equal(n.Parameters, convnet.New(3).Parameters) {
		t.Errorf("the network isn't the one before it diverged (%v)", err)
	}
}

// A report names the first ReLU layer that is 0 for all digits.
func TestDead(t *testing.T) {
	s := inspector(t)
	l := newLearner(convnet.New(1), 1, s.train)
	defer l.Close()
	if found := l.dead(s.test); found != "" {
		t.Errorf("found %q dead in an untrained network", found)
	}
	kill := func(parameters ...[]float64) {
		for _, p := range parameters {
			for k := range p {
				p[k] = -math.Abs(p[k])
			}
		}
	}
	for _, c := range []struct {
		name       string
		parameters [][]float64
	}{
		{"relu3", append(slices.Clone(l.Network.Weights1), l.Network.Biases1)},
		{"relu2", l.Network.Filters2},
		{"relu1", l.Network.Filters1},
	} {
		if kill(c.parameters...); l.dead(s.test) != c.name {
			t.Errorf("found %q dead, want %q", l.dead(s.test), c.name)
		}
	}
	// One digit that a unit is active for is enough.
	l.Network = convnet.New(1)
	blank := []convnet.Digit{{Image: newImage()}}
	if l.dead(blank) != "relu1" || l.dead(append(blank, s.test...)) != "" {
		t.Errorf("found %q dead for a blank image, and %q if digits follow", l.dead(blank), l.dead(append(blank, s.test...)))
	}
}

// If there are too many sessions, the idle one that was used the longest time ago is dropped, and
// leaves nothing behind.
func TestMaxSessions(t *testing.T) {
	s := inspector(t)
	var names []string
	for range maxSessions {
		names = append(names, s.trainFor(t, `"rate":0.01`).Session)
	}
	goroutines := runtime.NumGoroutine()
	use := func(name string) error {
		return s.ask(t, "predict", fmt.Sprintf(`{"session":%q}`, name), nil)
	}
	use(names[0])                          // so that the second is the oldest one
	s.sessions.all[names[1]].busy++        // but is in use, and so the third goes
	for k := range 3 * (maxSessions - 1) { // all the others, several times
		s.trainFor(t, `"rate":0.01`)
		if k == 0 && (use(names[2]) == nil || use(names[0]) != nil) {
			t.Errorf("the third: %v, the first, used meanwhile: %v; want only the third gone", use(names[2]), use(names[0]))
		}
	}
	if len(s.sessions.all) != maxSessions || use(names[1]) != nil || use(names[0]) == nil {
		t.Errorf("%d sessions, want %d, among them the busy one (%v)", len(s.sessions.all), maxSessions, use(names[1]))
	}
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, want %d", runtime.NumGoroutine(), goroutines)
		}
	}
	for _, session := range s.sessions.all {
		session.busy++
	}
	var refused Error
	if err := s.ask(t, "train", `{"rate":0.01}`, nil); !errors.As(err, &refused) || refused.Status != tooMany || !strings.Contains(err.Error(), "8 networks are already in training") {
		t.Errorf("if all are busy: found the error %v, want one with the status 429", err)
	}
}

// Slices of one session at the same time train it one after the other, while predictions read
// its network.
func TestSlicesAtOnce(t *testing.T) {
	s := inspector(t)
	s.patience = time.Hour
	s.sessions.slots = make(chan struct{}, 30) // so that only the session itself keeps them apart
	name := s.trainFor(t, `"rate":0.01`).Session
	var wait sync.WaitGroup
	seen := make([]bool, 31)
	var mutex sync.Mutex
	for range 30 {
		wait.Add(2)
		go func() {
			defer wait.Done()
			text, err := s.Respond(t.Context(), "train", fmt.Appendf(nil, `{"session":%q,"rate":0.01}`, name))
			var r report
			if err == nil {
				err = json.Unmarshal(text, &r)
			}
			if err != nil {
				t.Error(err)
				return
			}
			mutex.Lock()
			defer mutex.Unlock()
			seen[r.Examples-1] = true
		}()
		go func() {
			defer wait.Done()
			if _, err := s.Respond(t.Context(), "predict", fmt.Appendf(nil, `{"session":%q,"digit":3}`, name)); err != nil {
				t.Error(err)
			}
		}()
	}
	wait.Wait()
	if slices.Contains(seen[1:], false) {
		t.Errorf("the steps reported are %v, want each once", seen)
	}
	if busy := s.sessions.all[name].busy; busy != 0 || len(s.sessions.slots) != 0 {
		t.Errorf("afterwards %d requests train the network, and %d slots are taken", busy, len(s.sessions.slots))
	}
}
