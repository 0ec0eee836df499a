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
	"convnet/examples/internal/training"
)

func (t *trainings) count() int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return len(t.all)
}

// waitForNone waits until no training is going on.
func (t *trainings) waitForNone(test *testing.T) {
	test.Helper()
	for deadline := time.Now().Add(patience); t.count() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			test.Fatalf("%d trainings are going on still", t.count())
		}
	}
}

// A listener hears the reports of a training.
type listener struct {
	t       *testing.T
	s       servingServer
	reports *bufio.Scanner
	session string
	leave   func()
}

// listenTo begins a training and hears its first report.
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
	first := l.hear()
	if first.Session == "" || first.Running || first.Digits != 0 || first.Loss != nil || first.Right == nil {
		t.Fatalf("the first report is %+v", first)
	}
	l.session = first.Session
	return l
}

// hear returns the next report.
func (l *listener) hear() (r report) {
	l.t.Helper()
	for l.reports.Scan() {
		if text, ok := strings.CutPrefix(l.reports.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(text), &r); err != nil {
				l.t.Fatal(err)
			}
			return r
		}
	}
	l.t.Fatalf("no report any more: %v", l.reports.Err())
	return r
}

// order gives an order, fields of JSON.
func (l *listener) order(fields string) {
	l.t.Helper()
	if status, text := l.s.post(l.t, "/train", fmt.Sprintf(`{"session":%q,%s}`, l.session, fields), nil); status != http.StatusOK {
		l.t.Fatalf("%s: status %d, %s", fields, status, text)
	}
}

// A training learns as the package does, digit by digit, with the rate and the
// dropout it is told.
func TestLearning(t *testing.T) {
	s := serving(t)
	l := listenTo(t, s, 5)
	n, gradient := convnet.New(5), convnet.NewGradient()
	errors, a := convnet.NewActivations(), convnet.NewActivations()
	recipe := training.Recipe{Sets: 1, Size: len(s.train), Shuffle: true}
	pass := recipe.Set(s.train, 1, 1, 5)
	learn := func(k int, rate, dropout float64) float64 {
		a.DrawMasks(dropout, rand.New(rand.NewPCG(5, uint64(k+1))))
		return n.TrainStep(gradient, errors, a, pass[k], rate)
	}
	want := []float64{learn(0, 0.0062, 0.5), learn(1, 0.0062, 0.5), learn(2, 0.02, 0.1)}
	for k, fields := range []string{`"step":true`, `"step":true`, `"step":true,"rate":0.02,"dropout":0.1`} {
		l.order(fields)
		r := l.hear()
		if r.Digits != k+1 || r.Running || r.Loss == nil || *r.Loss != want[k] || r.Right == nil || *r.Right > r.Examined {
			t.Errorf("after digit %d: %+v, want the loss %v", k+1, r, want[k])
		}
		if k == 2 && (*r.Right != n.Test(s.test[:examined]) || r.Examined != examined) {
			t.Errorf("examined it reads %d of %d rightly, want %d of %d", *r.Right, r.Examined, n.Test(s.test[:examined]), examined)
		}
		if k == 2 && !near([][][]float64{r.Filters1}, [][][]float64{n.Filters1}, 0.5001e-4) {
			t.Error("the filters are not those of the network")
		}
	}
	// What looks with its network sees that network.
	var v view
	s.post(t, "/see", fmt.Sprintf(`{"digit":3,"session":%q}`, l.session), &v)
	n.Predict(a, s.test[3].Image)
	if !near([][][]float64{{v.Probabilities}}, [][][]float64{{a.Probabilities}}, 0.5001e-4) {
		t.Errorf("it sees %v, want %v", v.Probabilities, a.Probabilities)
	}
	var found account
	s.post(t, "/cell", fmt.Sprintf(`{"digit":3,"session":%q,"layer":"probabilities","column":4}`, l.session), &found)
	if found.Value != a.Probabilities[4] {
		t.Errorf("the probability of 4 is %v, want %v", found.Value, a.Probabilities[4])
	}
	// It goes on by itself until it is told to stop, and is examined now and then.
	l.order(`"run":true`)
	for last, done := 3, false; !done; {
		r := l.hear()
		done = r.Digits >= 3+examineEvery
		if !r.Running || r.Digits <= last || r.Loss == nil || (r.Right != nil) != done {
			t.Fatalf("while it runs: %+v after digit %d", r, last)
		}
		last = r.Digits
	}
	l.order(`"run":false`)
	for {
		if r := l.hear(); !r.Running {
			break
		}
	}
	l.leave()
	s.trainings.waitForNone(t)
}

// In each pass each digit comes once.
func TestPasses(t *testing.T) {
	digits := make([]convnet.Digit, 7)
	for k := range digits {
		digits[k] = convnet.Digit{Image: convnet.NewMatrix(28, 28), Label: k}
	}
	p := newLearner(convnet.New(1), 1, digits)
	var orders [][]int
	for range 3 {
		var order []int
		for range digits {
			p.learn()
			order = append(order, p.pass[len(order)].Label)
		}
		orders = append(orders, order)
	}
	for _, order := range orders {
		if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, []int{0, 1, 2, 3, 4, 5, 6}) {
			t.Errorf("a pass is %v", order)
		}
	}
	if slices.Equal(orders[0], orders[1]) && slices.Equal(orders[1], orders[2]) {
		t.Errorf("the passes are all %v", orders[0])
	}
}

// What requests see of a network stays as it is while that learns on: they read
// it at the same time.
func TestSeen(t *testing.T) {
	s := serving(t).server
	p := newLearner(convnet.New(1), 1, s.train)
	name, begun := s.trainings.begin(p.Network)
	seen, err := s.networkOf(name)
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(seen.Parameters)
	p.learn()
	begun.show(p.Network)
	p.learn()
	if !slices.Equal(seen.Parameters, before) {
		t.Error("it has changed")
	}
}

// Reports may come for longer than the server lets other answers take.
func TestLong(t *testing.T) {
	s := serving(t)
	web := httptest.NewUnstartedServer(s.handler())
	web.Config.WriteTimeout = time.Nanosecond
	web.Start()
	t.Cleanup(web.Close)
	listenTo(t, servingServer{web, s.server}, 1).leave()
}

// An order that comes when its training has just ended is said to be none.
func TestGone(t *testing.T) {
	s := serving(t).server
	name, _ := s.trainings.begin(convnet.New(1)) // which nobody teaches
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", "/train", strings.NewReader(fmt.Sprintf(`{"session":%q,"run":true}`, name)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	answer(s.command)(w, r)
	if w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "has ended") {
		t.Errorf("status %d, %s, want 410", w.Code, w.Body)
	}
}

// Where the numbers break the training says so and ends.
func TestBroken(t *testing.T) {
	s := serving(t).server
	p := newLearner(convnet.New(1), 1, s.train)
	p.Network.Biases2[3] = math.NaN()
	_, begun := s.trainings.begin(p.Network)
	var reports []report
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.teach(context.Background(), p, begun, func(r report) error {
			reports = append(reports, r)
			return nil
		})
	}()
	begun.orders <- order{Step: true}
	<-ended
	if len(reports) != 2 || reports[0].Broken || !reports[1].Broken {
		t.Errorf("the reports are %+v, want a second one that says so", reports)
	}
	if _, err := json.Marshal(reports); err != nil {
		t.Errorf("the reports are no JSON: %v", err)
	}
}

func TestNotTooMany(t *testing.T) {
	s := serving(t)
	var all []*listener
	for seed := range maxTrainings {
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
	s.trainings.waitForNone(t)
	listenTo(t, s, 1).leave()
}
