// Draw serves a page on this machine. Draw a digit and see every layer of the network at
// work, from the pixels to the ten probabilities, with the products and the sum behind each
// value; or watch a network learn.
//
//	go run ./examples/draw
//
// The page, its scripts and the network are part of the program, and only this machine can
// reach it. Ctrl-C ends it. With -static it writes the page to a folder instead, together with
// the same program for the browser, so that any web server can publish it:
//
//	go run ./examples/draw -static out/page
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"convnet"
	"convnet/examples/draw/inspect"
	"convnet/examples/internal/cli"
	"convnet/examples/mnist"
	"convnet/examples/trained"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(program.Status(run(ctx, os.Args[1:], os.Stdout), os.Stderr))
}

var program = cli.Program{
	Path: "examples/draw",
	Does: "Serves a page where you draw a digit and watch every layer of the network at work.",
}

// run runs the program until ctx is done.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	address := flags.String("addr", "127.0.0.1:8080", "listen on `HOST:PORT`, a loopback address; port 0 picks any free port")
	model := cli.ModelIn(flags)
	folder := flags.String("static", "", "don't serve: write the page to the folder `DIR`, from which any web server can publish it")
	if err := program.Parse(flags, args, stdout); err != nil {
		return err
	}
	network, err := trained.Open(*model)
	if err != nil {
		return err
	}
	train, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return err
	}
	if *folder != "" {
		if err := writeStatic(ctx, *folder, network, train, test, stdout); err != nil {
			return fmt.Errorf("-static: %w", err)
		}
		return nil
	}
	listener, err := listen(*address)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	inspector := inspect.New(network, train, test)
	go inspector.Respond(ctx, "misclassified", []byte("{}")) // takes seconds, so it begins before the page asks
	fmt.Fprintf(stdout, "open http://%v in a browser (Ctrl-C to stop)\n", listener.Addr())
	return serve(ctx, listener, handler(inspector))
}

// listen listens on a loopback address and refuses any other.
func listen(address string) (net.Listener, error) {
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if !at.IP.IsLoopback() {
		return nil, fmt.Errorf("found %q, want a loopback address, which only this machine can reach, such as 127.0.0.1:8080", address)
	}
	listener, err := net.ListenTCP("tcp", at)
	if err != nil {
		return nil, fmt.Errorf("%w (use -addr 127.0.0.1:0 for any free port)", err)
	}
	return listener, nil
}

// serve serves until ctx is done. The requests of the moment have a second to finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	ended := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := server.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) { // an open connection without a request
			err = server.Close()
		}
		ended <- err
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}
