package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
	"convnet/examples/model"
)

// modelFile returns the name of a file with an untrained network.
func modelFile(t *testing.T) string {
	t.Helper()
	var file bytes.Buffer
	if err := model.Save(&file, convnet.New(1), nil); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(name, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// started runs the program until the test ends or stop is called, and returns what it prints
// first.
func started(t *testing.T, args ...string) (line string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	from, to := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, args, to)
		to.CloseWithError(io.EOF)
		ended <- err
	}()
	var text [200]byte
	n, err := from.Read(text[:])
	if err != nil {
		t.Fatalf("it printed nothing: %v", <-ended)
	}
	stopped := false
	stop = func() error {
		cancel()
		if stopped {
			return nil
		}
		stopped = true
		return <-ended
	}
	t.Cleanup(func() { stop() })
	return string(text[:n]), stop
}

// The program says where it listens, serves the page there, and ends when its context is
// done, even if a network is in training.
func TestRun(t *testing.T) {
	t.Parallel() // it takes a second to end
	line, stop := started(t, "-addr", "127.0.0.1:0", "-model", modelFile(t))
	found := regexp.MustCompile(`^open (http://127\.0\.0\.1:[1-9][0-9]*) in a browser \(Ctrl-C to stop\)\n$`).FindStringSubmatch(line)
	if found == nil {
		t.Fatalf("it printed %q", line)
	}
	// Meanwhile it looks for the misclassified digits.
	goroutines := make([]byte, 1<<20)
	goroutines = goroutines[:runtime.Stack(goroutines, true)]
	if !bytes.Contains(goroutines, []byte("created by convnet/examples/draw.run in")) {
		t.Error("it doesn't look for the misclassified digits yet")
	}
	r, err := http.Get(found[1])
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil || r.StatusCode != http.StatusOK || !bytes.Contains(text, []byte("<h1>Draw a digit")) {
		t.Errorf("the page: status %d (%v), %.100s", r.StatusCode, err, text)
	}
	training, err := http.Post(found[1]+"/train", "application/json", strings.NewReader(`{"rate":0.01,"milliseconds":10}`))
	if err != nil {
		t.Fatal(err)
	}
	training.Body.Close()
	if training.StatusCode != http.StatusOK {
		t.Errorf("training: status %d", training.StatusCode)
	}
	silent, err := net.Dial("tcp", strings.TrimPrefix(found[1], "http://")) // browsers open one in reserve
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := stop(); err != nil {
		t.Errorf("it ended with the error %v", err)
	}
	if _, err := http.Get(found[1]); err == nil {
		t.Error("it still serves")
	}
}

// SIGTERM, with which systems end programs, ends it like Ctrl-C.
func TestTerminated(t *testing.T) {
	testenv.NeedExec(t)
	if runtime.GOOS == "windows" {
		t.Skip("Go can't send signals to another process on Windows")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := exec.Command(self, "-addr", "127.0.0.1:0", "-model", modelFile(t))
	program.Env = append(os.Environ(), runsMain+"=1")
	program.Stderr = os.Stderr
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil { // it serves now
		t.Error(err)
	}
	if err := program.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := program.Wait(); err != nil {
		t.Errorf("it ended with %v, want status 0", err)
	}
}

// Without -model the program uses the network in examples/trained, or if that has another
// shape, says how to train one that fits.
func TestTrainedNetwork(t *testing.T) {
	if testenv.Stored() {
		started(t, "-addr", "127.0.0.1:0")
		return
	}
	err := run(context.Background(), []string{"-addr", "127.0.0.1:0"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "go run ./examples/train") || !strings.Contains(err.Error(), "-model") || strings.Contains(err.Error(), "\n") {
		t.Errorf("found the error %v, want one line that says how to train a network and how to use it", err)
	}
}

// The program listens on loopback addresses only.
func TestBadAddress(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct{ address, want string }{
		{"0.0.0.0:8080", `found "0.0.0.0:8080", want a loopback address`},
		{":8080", `found ":8080", want`},
		{"192.168.0.1:8080", `found "192.168.0.1:8080", want`},
		{"[::]:8080", `found "[::]:8080", want`},
		{"8080", "address 8080: missing port"},
		{taken.Addr().String(), "listen tcp " + taken.Addr().String() + ": "},
		{taken.Addr().String(), "(use -addr 127.0.0.1:0 for any free port)"},
	} {
		_, err := listen(c.address)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: found the error %v, want one with %q", c.address, err, c.want)
		}
	}
}

func TestBadInput(t *testing.T) {
	done, cancel := context.WithCancel(context.Background()) // so that the program ends if it starts
	cancel()
	good := modelFile(t)
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"-addr: found \":8080\", want a loopback address", []string{"-addr", ":8080"}},
		{"open " + missing, []string{"-model", missing}},
		{`found the argument "x", want only flags`, []string{"x"}},
		{"unknown flag -wrong (-h lists the flags)", []string{"-wrong"}},
	} {
		err := run(done, append([]string{"-model", good}, c.args...), io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: found the error %v, want one with %q", c.args, err, c.want)
		}
	}
	var help bytes.Buffer
	if err := run(context.Background(), []string{"-h"}, &help); err != flag.ErrHelp || !strings.Contains(help.String(), "-addr HOST:PORT") {
		t.Errorf("-h: printed %q (%v)", &help, err)
	}
}
