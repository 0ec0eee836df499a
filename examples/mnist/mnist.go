// Package mnist embeds the digits that the examples use: the first 5,000 of MNIST's training
// digits and all 10,000 of its test digits. README.md in this folder says where they come from
// and what their license is.
package mnist

import "embed"

// Files has MNIST's four files under their usual names, gzipped.
//
//go:generate go -C ../.. run ./examples/internal/cut
//go:embed *.gz
var Files embed.FS
