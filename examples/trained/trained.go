// Package trained embeds the best network that examples/train has trained, for
// the programs that need one. README.md beside this file says how it was made.
package trained

import (
	"bytes"
	_ "embed"

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
