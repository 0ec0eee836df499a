// Package mnist embeds the digits that the examples use: the first 5,000 training digits of
// MNIST and all its 10,000 test digits. README.md beside this file says where they come from
// and under which license.
package mnist

import "embed"

// Files holds the four files under their usual names, gzipped.
//
//go:generate go -C ../.. run ./examples/internal/cut
//go:embed *.gz
var Files embed.FS
