// Package architecture reports an impossible architecture as an error, for programs to print.
package architecture

import (
	"fmt"

	"convnet"
)

// NewGradient is convnet.NewGradient, except that it returns an error instead of panicking if the
// constants in convnet.go make no network.
func NewGradient() (n *convnet.Network, err error) {
	defer func() {
		if found := recover(); found != nil {
			err = fmt.Errorf("%v", found)
		}
	}()
	return convnet.NewGradient(), nil
}
