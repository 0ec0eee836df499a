// Package stored checks that the pictures and tables stored in docs are up to date: it compares them
// with what the programs draw and print now.
//
// math.Exp may differ in the last bit from one kind of processor to another, and training amplifies
// that. So each comparison has a tolerance for numbers. Words must be the same. A word begins with a
// letter, so Conv1 and Conv2 are different words, not different numbers.
package stored

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"convnet/examples/internal/pixels"
	"convnet/examples/internal/testenv"
)

// Picture compares a picture in the repository with the content of a fresh one. Coordinates in
// an SVG may differ by tolerance, and so may the shades of values in a PNG. All else, such as texts, colors and
// opacities, must be the same.
func Picture(t testing.TB, name string, fresh []byte, tolerance float64) {
	t.Helper()
	if err := comparePictures(name, testenv.ReadFile(t, name), fresh, tolerance); err != nil {
		t.Errorf("%s is out of date: %v\nTo redraw it, run %s", name, err, Command(t))
	}
}

// Tables compares the tables on a page with printed ones, of which there must be at least one. The
// page must have each of them once, between empty lines. Its numbers may differ by tolerance.
func Tables(t testing.TB, page, printed string, tolerance Tolerance) {
	t.Helper()
	text := string(testenv.ReadFile(t, page))
	tables := Blocks(printed)
	if len(tables) == 0 {
		t.Errorf("found no table to compare with %s, want at least one", page)
	}
	for _, table := range tables {
		if err := compareTables(text, table, tolerance); err != nil {
			t.Errorf("%s is out of date: %v\nTo reprint it, run %s, which prints\n%s", page, err, Command(t), table)
		}
	}
}

// Lines logs lines, of which there must be at least one, and checks that a page has each of them. Its
// numbers may differ by tolerance.
func Lines(t testing.TB, page string, tolerance Tolerance, lines ...string) {
	t.Helper()
	text := strings.Split(string(testenv.ReadFile(t, page)), "\n")
	if len(lines) == 0 {
		t.Errorf("found no line to look for in %s, want at least one", page)
	}
	for _, line := range lines {
		t.Log(line)
		same := func(stored string) bool { return compareLines(stored, line, tolerance) == nil }
		if !slices.ContainsFunc(text, same) {
			t.Errorf("%s is out of date: it doesn't have the line\n%s", page, line)
		}
	}
}

// Command returns the command that makes the stored files of the package under test.
func Command(t testing.TB) string {
	t.Helper()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Rel(testenv.Path(t, ""), here)
	if err != nil {
		t.Fatal(err)
	}
	return "go generate ./" + filepath.ToSlash(folder)
}

// Blocks splits a text at its empty lines.
func Blocks(text string) (blocks []string) {
	for _, block := range strings.Split(text, "\n\n") {
		if block = strings.Trim(block, "\n"); block != "" {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

// A Tolerance is how much two numbers may differ: by Relative times the smaller one or by Absolute,
// whichever is more. They must have the same sign and the same number of decimals. With the zero
// Tolerance they must be the same text, so 1000 isn't 1,000.
type Tolerance struct{ Relative, Absolute float64 }

func (l Tolerance) accepts(a, b float64) bool {
	return math.Signbit(a) == math.Signbit(b) && math.Abs(a-b) <= max(l.Relative*min(math.Abs(a), math.Abs(b)), l.Absolute)
}

func comparePictures(name string, stored, fresh []byte, tolerance float64) error {
	switch {
	case bytes.Equal(stored, fresh):
		return nil
	case path.Ext(name) == ".svg":
		return compareDrawings(string(stored), string(fresh), tolerance)
	case path.Ext(name) == ".png":
		return compareSheets(stored, fresh, tolerance)
	}
	return errors.New("its bytes differ")
}

// coordinates matches an attribute with coordinates in an SVG, and coordinate matches one of them.
var (
	coordinates = regexp.MustCompile(` (d|points|x|y|x1|y1|x2|y2|cx|cy|width|height|viewBox|transform)="[^"]*"`)
	coordinate  = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?`)
)

// compareDrawings compares two SVGs line by line. Only their coordinates may differ.
func compareDrawings(stored, fresh string, tolerance float64) error {
	return eachLine(stored, fresh, func(was, is string) error {
		// Without the coordinates, the lines must be the same.
		take := func(line string) (rest string, taken []string) {
			rest = coordinates.ReplaceAllStringFunc(line, func(attribute string) string {
				name, value, _ := strings.Cut(attribute, "=")
				taken = append(taken, coordinate.FindAllString(value, -1)...)
				return name + "=" + coordinate.ReplaceAllString(value, "0")
			})
			return rest, taken
		}
		restWas, stored := take(was)
		restIs, fresh := take(is)
		if restWas != restIs {
			return errors.New("more than coordinates differs")
		}
		for k, w := range stored {
			if v := fresh[k]; v != w && (!(math.Abs(parse(v)-parse(w)) <= tolerance) || decimals(v) != decimals(w)) {
				return fmt.Errorf("%s instead of %s", v, w)
			}
		}
		return nil
	})
}

// compareSheets compares two sheets of package pixels. Only shades on the same scale may differ:
// paper, lines and inks must be where they were.
func compareSheets(stored, fresh []byte, tolerance float64) error {
	was, err := sheet(stored)
	if err != nil {
		return fmt.Errorf("the file: %w", err)
	}
	is, err := sheet(fresh)
	if err != nil {
		return fmt.Errorf("now: %w", err)
	}
	if was.Rect != is.Rect {
		return fmt.Errorf("the file has %v pixels, now it has %v", was.Rect.Size(), is.Rect.Size())
	}
	for k, v := range is.Pix {
		if w := was.Pix[k]; !pixels.Near(w, v, tolerance) {
			return fmt.Errorf("at (%d, %d) the file has color %d of its palette, now it is %d", k%is.Stride, k/is.Stride, w, v)
		}
	}
	return nil
}

// sheet decodes a sheet of package pixels.
func sheet(file []byte) (*image.Paletted, error) {
	picture, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	s, ok := picture.(*image.Paletted)
	if !ok || !slices.EqualFunc(s.Palette, pixels.NewSheet("", 1, 1, "").Palette, sameColor) {
		return nil, errors.New("it doesn't have the palette of package pixels")
	}
	return s, nil
}

func sameColor(a, b color.Color) bool {
	return color.RGBAModel.Convert(a) == color.RGBAModel.Convert(b)
}

// compareTables compares a printed table with the table on a page that begins with the same line.
func compareTables(page, table string, tolerance Tolerance) error {
	head, _, _ := strings.Cut(table, "\n")
	var found []string
	for _, block := range Blocks(page) {
		if block == head || strings.HasPrefix(block, head+"\n") {
			found = append(found, block)
		}
	}
	switch len(found) {
	case 0:
		return fmt.Errorf("it has no table with the heading\n%s", head)
	case 1:
		return Compare(found[0], table, tolerance)
	}
	return fmt.Errorf("it has %d tables, want only one, with the heading\n%s", len(found), head)
}

// Compare returns an error with the first difference between a stored text and a fresh one that the
// tolerance doesn't accept, or nil if there's none.
func Compare(stored, fresh string, tolerance Tolerance) error {
	return eachLine(stored, fresh, func(was, is string) error { return compareLines(was, is, tolerance) })
}

// eachLine compares two texts line by line. Its error says in which line they first differ.
func eachLine(stored, fresh string, compare func(was, is string) error) error {
	was, is := strings.Split(stored, "\n"), strings.Split(fresh, "\n")
	for k := range min(len(was), len(is)) {
		if err := compare(was[k], is[k]); err != nil {
			return fmt.Errorf("%w in line %d of the stored\n%s\nwhich is now\n%s", err, k+1, was[k], is[k])
		}
	}
	if len(was) != len(is) {
		return fmt.Errorf("%d lines now, want %d as stored", len(is), len(was))
	}
	return nil
}

// token matches a color, a word or a number. The digits of a color or a word aren't a number.
var token = regexp.MustCompile(`#[0-9a-f]{6}\b|\pL[\pL\pN.,]*|[-−]?[0-9]+(,[0-9]{3}\b)*(\.[0-9]+)?(e[-+][0-9]+|·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?`)

// split returns the line with a 0 in place of each number, and the numbers.
func split(line string) (words string, numbers []string) {
	words = token.ReplaceAllStringFunc(line, func(token string) string {
		if first := []rune(token)[0]; first == '#' || unicode.IsLetter(first) {
			return token
		}
		numbers = append(numbers, token)
		return "0"
	})
	return words, numbers
}

func compareLines(stored, fresh string, tolerance Tolerance) error {
	wordsWere, was := split(stored)
	words, is := split(fresh)
	if words != wordsWere {
		return errors.New("the words differ")
	}
	for k, w := range was {
		if w == is[k] {
			continue
		}
		near := tolerance.accepts(parse(w), parse(is[k])) && decimals(w) == decimals(is[k])
		if tolerance == (Tolerance{}) || !near {
			return fmt.Errorf("%s instead of %s", is[k], w)
		}
	}
	return nil
}

// decimals returns the number of digits after the decimal point.
func decimals(number string) int {
	_, after, _ := strings.Cut(number, ".")
	return len(after) - len(strings.TrimLeft(after, "0123456789"))
}

// plain turns a number as we write it into one that strconv.ParseFloat understands.
var plain = strings.NewReplacer(",", "", "−", "-", "·10", "e", "⁻", "-",
	"⁰", "0", "¹", "1", "²", "2", "³", "3", "⁴", "4", "⁵", "5", "⁶", "6", "⁷", "7", "⁸", "8", "⁹", "9")

// Parse parses a number such as 1,234 or −2.5·10⁻³.
func Parse(number string) (float64, error) { return strconv.ParseFloat(plain.Replace(number), 64) }

// parse is Parse, but returns NaN instead of an error. No tolerance accepts NaN.
func parse(number string) float64 {
	v, err := Parse(number)
	if err != nil {
		return math.NaN()
	}
	return v
}
