// Package palette names the colors that all pictures share, whether SVG or PNG. The page of
// examples/draw has the same colors in its light theme.
package palette

import (
	"encoding/hex"
	"fmt"
	"image/color"
	"strings"
)

// The colors, named after their use.
const (
	Positive = "#0b57a4" // a value above 0
	Zero     = "#ffffff"
	Negative = "#b3261e" // a value below 0
	Ink      = "#0b3d75" // the strokes of a digit
	Paper    = "#ffffff"
	Text     = "#1f2328"
	Soft     = "#57606a" // text of less importance
	Line     = "#d8dee4"
	Green    = "#1b6e3c"
)

// RGB converts a color of this package.
func RGB(name string) color.RGBA {
	digits, found := strings.CutPrefix(name, "#")
	c, err := hex.DecodeString(digits)
	if !found || err != nil || len(c) != 3 {
		panic(fmt.Sprintf("palette: RGB: found %q, want # and six hexadecimal digits", name))
	}
	return color.RGBA{c[0], c[1], c[2], 0xff}
}
