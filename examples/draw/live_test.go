package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"convnet"
	"convnet/examples/internal/pixels"
	"convnet/examples/internal/training"
)

func (s *sessions) count() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.all)
}

// waitForNone waits until all sessions have ended.
func (s *sessions) waitForNone(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); s.count() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions are still in progress", s.count())
		}
	}
}

// A listener receives the reports of a session.
type listener struct {
	t       *testing.T
	s       servingServer
	reports *bufio.Scanner
	session string
	leave   func()
}

// listenTo starts a session and receives its first report.
func listenTo(t *testing.T, s servingServer, seed int) *listener {
	t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	t.Cleanup(leave)
	request, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s/train?seed=%d", s.URL, seed), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %d, %q", r.StatusCode, r.Header.Get("Content-Type"))
	}
	l := &listener{t: t, s: s, reports: bufio.NewScanner(r.Body), leave: leave}
	first := l.receive()
	if first.Session == "" || first.Running || first.Examples != 0 || first.Loss != nil || first.Correct == nil {
		t.Fatalf("the first report is %+v", first)
	}
	l.session = first.Session
	return l
}

// receive returns the next report.
func (l *listener) receive() (r report) {
	l.t.Helper()
	for l.reports.Scan() {
		if text, ok := strings.CutPrefix(l.reports.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(text), &r); err != nil {
				l.t.Fatal(err)
			}
			return r
		}
	}
	l.t.Fatalf("there are no more reports: %v", l.reports.Err())
	return r
}

// send sends a command, fields of JSON.
func (l *listener) send(fields string) {
	l.t.Helper()
	if status, text := l.s.post(l.t, "/train", fmt.Sprintf(`{"session":%q,%s}`, l.session, fields), nil); status != http.StatusOK {
		l.t.Fatalf("%s: status %d, %s", fields, status, text)
	}
}

// A session trains as TrainStep does, example by example, with the learning rate and the
// dropout of the commands.
func TestTrainSteps(t *testing.T) {
	s := serving(t)
	l := listenTo(t, s, 5)
	n, grad := convnet.New(5), convnet.NewGradient()
	d, a := convnet.NewActivations(), convnet.NewActivations()
	recipe := training.Recipe{Sets: 1, Size: len(s.train), Epochs: 1, Batch: 1, Shuffle: true}
	var order []convnet.Digit
	for step := range recipe.Steps(s.train, 5, training.Start) {
		order = append(order, step.Batch...)
	}
	step := func(k int, rate, dropout float64) float64 {
		a.DrawMasks(dropout, rand.New(rand.NewPCG(5, uint64(k+1))))
		return n.TrainStep(grad, d, a, order[k], rate)
	}
	want := []float64{step(0, 0.0062, 0.5), step(1, 0.0062, 0.5), step(2, 0.02, 0.1)}
	for k, fields := range []string{`"step":true`, `"step":true`, `"step":true,"rate":0.02,"dropout":0.1`} {
		l.send(fields)
		r := l.receive()
		if r.Examples != k+1 || r.Running || r.Loss == nil || *r.Loss != want[k] || r.Correct == nil || *r.Correct > r.Evaluated {
			t.Errorf("after example %d: %+v, want the loss %v", k+1, r, want[k])
		}
		if k == 2 && (*r.Correct != n.CountCorrect(s.test[:maxEvaluated]) || r.Evaluated != maxEvaluated) {
			t.Errorf("%d of %d are correct, want %d of %d", *r.Correct, r.Evaluated, n.CountCorrect(s.test[:maxEvaluated]), maxEvaluated)
		}
		for f, filter := range pixels.Kernels(n.Filters1, 1) {
			if k == 2 && !near(r.Filters1[f], filter, 0.5001e-4) {
				t.Errorf("filter %d is not the network's", f)
			}
		}
	}
	// Requests that name the session use its network.
	var p prediction
	s.post(t, "/predict", fmt.Sprintf(`{"digit":3,"session":%q}`, l.session), &p)
	n.Predict(a, s.test[3].Image)
	if !near([][][]float64{{p.Probabilities}}, [][][]float64{{a.Probabilities}}, 0.5001e-4) {
		t.Errorf("the probabilities are %v, want %v", p.Probabilities, a.Probabilities)
	}
	var found explanation
	s.post(t, "/cell", fmt.Sprintf(`{"digit":3,"session":%q,"layer":"probabilities","column":4}`, l.session), &found)
	if found.Value != a.Probabilities[4] {
		t.Errorf("the probability of 4 is %v, want %v", found.Value, a.Probabilities[4])
	}
	// It runs by itself until a command stops it, and is evaluated now and then.
	l.send(`"run":true`)
	for last, done := 3, false; !done; {
		r := l.receive()
		done = r.Examples >= 3+evaluateEvery
		if !r.Running || r.Examples <= last || r.Loss == nil || (r.Correct != nil) != done {
			t.Fatalf("while it runs: %+v after example %d", r, last)
		}
		last = r.Examples
	}
	l.send(`"run":false`)
	for {
		if r := l.receive(); !r.Running {
			break
		}
	}
	l.leave()
	s.sessions.waitForNone(t)
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
	s := serving(t).server
	l := newLearner(convnet.New(1), 1, s.train)
	defer l.Close()
	name, session := s.sessions.start(l.Network)
	published, err := s.networkOf(name)
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(published.Parameters)
	l.takeStep()
	session.publish(l.Network)
	l.takeStep()
	if !slices.Equal(published.Parameters, before) {
		t.Error("it has changed")
	}
}

// Reports may go on for longer than the server's timeout for other responses.
func TestLong(t *testing.T) {
	s := serving(t)
	web := httptest.NewUnstartedServer(s.handler())
	web.Config.WriteTimeout = time.Nanosecond
	web.Start()
	t.Cleanup(web.Close)
	listenTo(t, servingServer{web, s.server}, 1).leave()
}

// A command for a session that has just ended gets an error that says so.
func TestGone(t *testing.T) {
	s := serving(t).server
	name, _ := s.sessions.start(convnet.New(1)) // which nothing runs
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", "/train", strings.NewReader(fmt.Sprintf(`{"session":%q,"run":true}`, name)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	respond(s.control)(w, r)
	if w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "has ended") {
		t.Errorf("status %d, %s, want 410", w.Code, w.Body)
	}
}

// When training diverges the session says so and ends.
func TestDiverged(t *testing.T) {
	s := serving(t).server
	l := newLearner(convnet.New(1), 1, s.train)
	defer l.Close()
	l.Network.Biases2[3] = math.NaN()
	_, session := s.sessions.start(l.Network)
	var reports []report
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.runSession(context.Background(), l, session, func(r report) error {
			reports = append(reports, r)
			return nil
		})
	}()
	session.commands <- command{Step: true}
	<-ended
	if len(reports) != 2 || reports[0].Diverged || !reports[1].Diverged {
		t.Errorf("the reports are %+v, want a second one that says so", reports)
	}
	if _, err := json.Marshal(reports); err != nil {
		t.Errorf("the reports can't be JSON: %v", err)
	}
}

// There can't be more than maxSessions sessions.
func TestMaxSessions(t *testing.T) {
	s := serving(t)
	var all []*listener
	for seed := range maxSessions {
		all = append(all, listenTo(t, s, seed))
	}
	r, err := http.Get(s.URL + "/train?seed=1")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one more: status %d, want 429", r.StatusCode)
	}
	for _, l := range all {
		l.leave()
	}
	s.sessions.waitForNone(t)
	listenTo(t, s, 1).leave()
}
