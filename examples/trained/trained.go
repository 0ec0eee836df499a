// Package trained embeds the best network that examples/train has trained, for
// the programs that need one. README.md beside this file says how it was made.
package trained

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"

	"convnet"
)

//go:embed model.safetensors
var file []byte

// Network returns the network, in memory of its own.
func Network() *convnet.Network {
	n, _, err := convnet.Load(bytes.NewReader(file))
	if err != nil {
		panic("trained: the embedded file: " + err.Error())
	}
	return n
}

// Open returns the network in a model file, or, where name is empty, the one that
// is embedded.
func Open(name string) (*convnet.Network, error) {
	if name == "" {
		return Network(), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	n, _, err := convnet.Load(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return n, nil
}
