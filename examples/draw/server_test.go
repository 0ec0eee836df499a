package main

import (
	"net/http/httptest"
	"testing"
	"time"

	"convnet"
	"convnet/examples/mnist"
	"convnet/examples/trained"
)

// A serving server is one that a test can look into.
type servingServer struct {
	*httptest.Server
	*server
}

// serving serves the page with the trained network until the test ends.
func serving(t *testing.T) servingServer {
	t.Helper()
	train, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(trained.Network(), train, test)
	web := httptest.NewServer(s.handler())
	t.Cleanup(web.Close)
	return servingServer{web, s}
}

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
