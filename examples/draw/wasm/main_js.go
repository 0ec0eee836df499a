// Wasm is examples/draw without a server: it runs in a web worker of the browser, and responds
// to the page's messages. worker.js starts it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"syscall/js"

	"convnet"
	"convnet/examples/draw/inspect"
	"convnet/examples/draw/static"
	"convnet/examples/internal/digitfile"
	"convnet/examples/model"
)

// A program responds to requests, and loads digits when they are needed first. Until then their
// images are nil.
type program struct {
	inspector     *inspect.Inspector
	train, test   []convnet.Digit
	misclassified []byte   // JSON
	loading       sync.Map // of each file of digits, by name: a *sync.Mutex held while it loads
}

func main() {
	p, err := start(bytesOf(js.Global().Get("model")), bytesOf(js.Global().Get("start")))
	if err != nil {
		js.Global().Call("postMessage", map[string]any{"failed": err.Error()})
		return
	}
	js.Global().Call("serve", js.FuncOf(func(_ js.Value, args []js.Value) any {
		go p.serve(args[0]) // while it waits for digits, others don't
		return nil
	}))
	select {} // as long as there is the page
}

// serve posts the response to a request.
func (p *program) serve(request js.Value) {
	response, err := p.respond(request.Get("path").String(), []byte(request.Get("body").String()))
	reply := map[string]any{"id": request.Get("id"), "response": string(response)}
	if err != nil {
		reply["error"] = err.Error()
	}
	if refused := (inspect.Error{}); errors.As(err, &refused) {
		reply["status"] = refused.Status
	}
	js.Global().Call("postMessage", reply)
}

// start returns a program with the network in a model file. description is a static.Description.
func start(file, description []byte) (*program, error) {
	network, _, err := model.Load(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	var d static.Description
	if err := json.Unmarshal(description, &d); err != nil {
		return nil, err
	}
	p := &program{train: make([]convnet.Digit, d.TrainingDigits), test: make([]convnet.Digit, d.TestDigits), misclassified: d.Misclassified}
	p.inspector = inspect.New(network, p.train, p.test)
	return p, nil
}

func (p *program) respond(path string, body []byte) ([]byte, error) {
	if path == "misclassified" {
		return p.misclassified, nil // finding them is slow, and needs all test digits
	}
	if err := p.loadDigits(path, body); err != nil {
		return nil, fmt.Errorf("the digits can't be loaded: %w", err)
	}
	return p.inspector.Respond(context.Background(), path, body)
}

// loadDigits loads the digits that the response to a request needs.
func (p *program) loadDigits(path string, body []byte) error {
	var of struct{ Digit *int }
	json.Unmarshal(body, &of) // if the request is wrong, Respond says so
	if k := of.Digit; k != nil && *k >= 0 && *k < len(p.test) {
		return p.loadTest(*k)
	}
	if path != "train" {
		return nil
	}
	for k := 0; k < min(inspect.MaxEvaluated, len(p.test)); k += static.Chunk {
		if err := p.loadTest(k); err != nil {
			return err
		}
	}
	return p.load(static.TrainingFile, p.train)
}

// loadTest loads the test digit k, and those in the same file.
func (p *program) loadTest(k int) error {
	first := k - k%static.Chunk
	return p.load(static.TestFile(k), p.test[first:min(first+static.Chunk, len(p.test))])
}

// load loads the digits in a file into digits, if they aren't there yet.
func (p *program) load(name string, digits []convnet.Digit) error {
	mutex, _ := p.loading.LoadOrStore(name, new(sync.Mutex))
	mutex.(*sync.Mutex).Lock() // until others that need the same file have it
	defer mutex.(*sync.Mutex).Unlock()
	if len(digits) == 0 || digits[0].Image != nil {
		return nil
	}
	file, err := fetch(name)
	if err != nil {
		return err
	}
	if err := digitfile.Read(bytes.NewReader(file), digits); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// fetch returns the content of a file that lies beside the page.
func fetch(name string) (file []byte, err error) {
	done := make(chan struct{})
	loaded := js.FuncOf(func(_ js.Value, args []js.Value) any {
		file = bytesOf(args[0])
		close(done)
		return nil
	})
	defer loaded.Release()
	failed := js.FuncOf(func(_ js.Value, args []js.Value) any {
		err = errors.New(args[0].Get("message").String())
		close(done)
		return nil
	})
	defer failed.Release()
	js.Global().Call("load", name).Call("then", loaded, failed)
	<-done
	return file, err
}

// bytesOf returns the bytes in a Uint8Array.
func bytesOf(array js.Value) []byte {
	data := make([]byte, array.Length())
	js.CopyBytesToGo(data, array)
	return data
}
