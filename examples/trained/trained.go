// Package trained embeds the best network that examples/train has trained, for programs that
// need one. README.md in this folder says how it was trained.
package trained

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"

	"convnet"
	"convnet/examples/model"
)

//go:embed model.safetensors
var file []byte

// Network returns a new copy of the embedded network. It returns an error if you have changed
// convnet's architecture since, so that the network doesn't fit.
func Network() (*convnet.Network, error) {
	n, _, err := model.Load(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("the embedded %w", err) // "the embedded model: …"
	}
	return n, nil
}

// Open returns the network in the named model file, or the embedded one if name is empty.
func Open(name string) (*convnet.Network, error) {
	if name == "" {
		return Network()
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	n, _, err := model.Load(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return n, nil
}
