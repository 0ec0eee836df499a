// Package architecture lets programs report an impossible architecture as an error.
package architecture

import (
	"fmt"

	"convnet"
)

// NewGradient returns what convnet.NewGradient does, or if the constants of package convnet make
// no network, the error with which that panics.
func NewGradient() (n *convnet.Network, err error) {
	defer func() {
		if found := recover(); found != nil {
			err = fmt.Errorf("%v", found)
		}
	}()
	return convnet.NewGradient(), nil
}
