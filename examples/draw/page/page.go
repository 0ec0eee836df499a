// Package page holds the files of the page.
package page

import "embed"

// Files are served as they are.
//
//go:embed *.html *.css *.js *.svg
var Files embed.FS
