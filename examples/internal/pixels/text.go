package pixels

import (
	"fmt"
	"image"
	"strings"
	"unicode/utf8"
)

// glyphs are letters of 5×7 dots, plus two rows for a descender. Columns without a dot on either
// side don't count. The standard library has no font, and these few are all that the labels need.
var glyphs = map[rune][]string{
	'0': {" ### ", "#   #", "#   #", "#   #", "#   #", "#   #", " ### "},
	'1': {"  #  ", " ##  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### "},
	'2': {" ### ", "#   #", "    #", "   # ", "  #  ", " #   ", "#####"},
	'3': {" ### ", "#   #", "    #", "  ## ", "    #", "#   #", " ### "},
	'4': {"   # ", "  ## ", " # # ", "#  # ", "#####", "   # ", "   # "},
	'5': {"#####", "#    ", "#### ", "    #", "    #", "#   #", " ### "},
	'6': {"  ## ", " #   ", "#    ", "#### ", "#   #", "#   #", " ### "},
	'7': {"#####", "    #", "   # ", "  #  ", "  #  ", "  #  ", "  #  "},
	'8': {" ### ", "#   #", "#   #", " ### ", "#   #", "#   #", " ### "},
	'9': {" ### ", "#   #", "#   #", " ####", "    #", "   # ", " ##  "},
	'A': {" ### ", "#   #", "#   #", "#####", "#   #", "#   #", "#   #"},
	'B': {"#### ", "#   #", "#   #", "#### ", "#   #", "#   #", "#### "},
	'C': {" ### ", "#   #", "#    ", "#    ", "#    ", "#   #", " ### "},
	'D': {"###  ", "#  # ", "#   #", "#   #", "#   #", "#  # ", "###  "},
	'E': {"#####", "#    ", "#    ", "#### ", "#    ", "#    ", "#####"},
	'F': {"#####", "#    ", "#    ", "#### ", "#    ", "#    ", "#    "},
	'G': {" ### ", "#   #", "#    ", "#  ##", "#   #", "#   #", " ### "},
	'I': {" ### ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### "},
	'L': {"#    ", "#    ", "#    ", "#    ", "#    ", "#    ", "#####"},
	'M': {"#   #", "## ##", "# # #", "# # #", "#   #", "#   #", "#   #"},
	'N': {"#   #", "##  #", "# # #", "#  ##", "#   #", "#   #", "#   #"},
	'O': {" ### ", "#   #", "#   #", "#   #", "#   #", "#   #", " ### "},
	'P': {"#### ", "#   #", "#   #", "#### ", "#    ", "#    ", "#    "},
	'R': {"#### ", "#   #", "#   #", "#### ", "# #  ", "#  # ", "#   #"},
	'T': {"#####", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  "},
	'U': {"#   #", "#   #", "#   #", "#   #", "#   #", "#   #", " ### "},
	'a': {"     ", "     ", " ### ", "    #", " ####", "#   #", " ####"},
	'b': {"#    ", "#    ", "#### ", "#   #", "#   #", "#   #", "#### "},
	'c': {"     ", "     ", " ####", "#    ", "#    ", "#    ", " ####"},
	'd': {"    #", "    #", " ####", "#   #", "#   #", "#   #", " ####"},
	'e': {"     ", "     ", " ### ", "#   #", "#####", "#    ", " ### "},
	'f': {"  ## ", " #   ", "#### ", " #   ", " #   ", " #   ", " #   "},
	'g': {"     ", "     ", " ####", "#   #", "#   #", "#   #", " ####", "    #", " ### "},
	'h': {"#    ", "#    ", "#### ", "#   #", "#   #", "#   #", "#   #"},
	'i': {"  #  ", "     ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  "},
	'k': {"#    ", "#    ", "#  # ", "# #  ", "##   ", "# #  ", "#  # "},
	'l': {"  #  ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  "},
	'm': {"     ", "     ", "## # ", "# # #", "# # #", "# # #", "# # #"},
	'n': {"     ", "     ", "#### ", "#   #", "#   #", "#   #", "#   #"},
	'o': {"     ", "     ", " ### ", "#   #", "#   #", "#   #", " ### "},
	'p': {"     ", "     ", "#### ", "#   #", "#   #", "#   #", "#### ", "#    ", "#    "},
	'r': {"     ", "     ", "# ## ", "##   ", "#    ", "#    ", "#    "},
	's': {"     ", "     ", " ####", "#    ", " ### ", "    #", "#### "},
	't': {" #   ", " #   ", "#### ", " #   ", " #   ", " #   ", "  ## "},
	'u': {"     ", "     ", "#   #", "#   #", "#   #", "#   #", " ####"},
	'v': {"     ", "     ", "#   #", "#   #", "#   #", " # # ", "  #  "},
	'w': {"     ", "     ", "#   #", "#   #", "# # #", "# # #", " # # "},
	'x': {"     ", "     ", "#   #", " # # ", "  #  ", " # # ", "#   #"},
	'y': {"     ", "     ", "#   #", "#   #", "#   #", "#   #", " ####", "    #", " ### "},
	'z': {"     ", "     ", "#####", "   # ", "  #  ", " #   ", "#####"},
	',': {"     ", "     ", "     ", "     ", "     ", "     ", "  #  ", "  #  ", " #   "},
	'.': {"     ", "     ", "     ", "     ", "     ", "     ", "  #  "},
	':': {"     ", "     ", "  #  ", "     ", "     ", "     ", "  #  "},
	'[': {"##   ", "#    ", "#    ", "#    ", "#    ", "#    ", "##   "},
	']': {"##   ", " #   ", " #   ", " #   ", " #   ", " #   ", "##   "},
	'±': {"     ", "  #  ", "  #  ", "#####", "  #  ", "  #  ", "#####"},
	'-': {"     ", "     ", "     ", "###  ", "     ", "     ", "     "},
	'→': {"     ", "  #  ", "   # ", "#####", "   # ", "  #  ", "     "},
	'−': {"     ", "     ", "     ", "#### ", "     ", "     ", "     "},
}

const dot = 2 // pixels

// The height of letters without descenders and the distance from a line of text to the next, in
// pixels.
const (
	TextHeight = 7 * dot
	LineHeight = 22
)

// glyph returns the rows of a letter's glyph without the empty columns on either side. It panics
// if there is none.
func glyph(letter rune) []string {
	if letter == ' ' {
		return []string{"   "}
	}
	rows, ok := glyphs[letter]
	if !ok {
		panic(fmt.Sprintf("pixels: no glyph for %q", letter))
	}
	left, right := 5, 0
	for _, row := range rows {
		if first := strings.IndexByte(row, '#'); first >= 0 {
			left, right = min(left, first), max(right, strings.LastIndexByte(row, '#')+1)
		}
	}
	cut := make([]string, len(rows))
	for r, row := range rows {
		cut[r] = row[left:right]
	}
	return cut
}

// Width returns how many pixels wide a text is.
func Width(text string) int {
	dots := max(0, utf8.RuneCountInString(text)-1) // one between two letters
	for _, letter := range text {
		dots += len(glyph(letter)[0])
	}
	return dots * dot
}

// Text writes a text with its upper left corner at (x, y), and returns the x of its right end. It
// panics on a letter without a glyph.
func Text(sheet *image.Paletted, x, y int, text string, ink uint8) int {
	end := x + Width(text)
	for _, letter := range text {
		rows := glyph(letter)
		inked := func(r, c int) bool { return r >= 0 && r < len(rows) && c >= 0 && c < len(rows[r]) && rows[r][c] == '#' }
		for r := range rows {
			for c := range rows[r] {
				for k := range dot * dot {
					// A quarter of a dot takes the color of its two neighbors, if they have the same
					// and the opposite ones don't, so that slanted strokes are smooth.
					down, right := k/dot, k%dot
					beside, other := inked(r, c+2*right-1), inked(r, c-2*right+1)
					above, below := inked(r+2*down-1, c), inked(r-2*down+1, c)
					is := inked(r, c)
					if beside == above && beside != other && above != below {
						is = beside
					}
					if is {
						sheet.SetColorIndex(x+c*dot+right, y+r*dot+down, ink)
					}
				}
			}
		}
		x += (len(rows[0]) + 1) * dot
	}
	return end
}

// bold writes a text like Text, with thicker strokes.
func bold(sheet *image.Paletted, x, y int, text string, ink uint8) {
	Text(sheet, x, y, text, ink)
	Text(sheet, x+1, y, text, ink)
}
