// Package stored compares the stored pictures and tables in docs with what the programs draw and
// print now.
//
// math.Exp may differ in the last bit from one kind of processor to another, and training
// amplifies that. So each comparison has a tolerance for numbers; all words must be the same.
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

	"convnet/examples/internal/pixels"
	"convnet/examples/internal/testenv"
)

// Picture compares a picture in the repository with the content of a fresh one. Coordinates in
// an SVG may differ by tolerance, and so may grays in a PNG.
func Picture(t testing.TB, name string, fresh []byte, tolerance float64) {
	t.Helper()
	if err := comparePictures(name, testenv.ReadFile(t, name), fresh, tolerance); err != nil {
		t.Errorf("%s is out of date: %v\nTo redraw it, run %s", name, err, Command(t))
	}
}

// Tables compares the tables on a page with printed ones. The page must have them all, each
// between empty lines, and its numbers may differ by tolerance.
func Tables(t testing.TB, page, printed string, tolerance Tolerance) {
	t.Helper()
	text := string(testenv.ReadFile(t, page))
	for _, table := range Blocks(printed) {
		if err := compareTables(text, table, tolerance); err != nil {
			t.Errorf("%s is out of date: %v\nTo reprint it, run %s, which prints\n%s", page, err, Command(t), table)
		}
	}
}

// Lines logs lines, and requires that a page has each of them. Its numbers may differ by tolerance.
func Lines(t testing.TB, page string, tolerance Tolerance, lines ...string) {
	t.Helper()
	text := strings.Split(string(testenv.ReadFile(t, page)), "\n")
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

// Blocks returns the parts of a text that empty lines separate.
func Blocks(text string) (blocks []string) {
	for _, block := range strings.Split(text, "\n\n") {
		if block = strings.Trim(block, "\n"); block != "" {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

// A Tolerance is how far two numbers may be apart: by Relative times the smaller one or by Absolute,
// whichever is larger. They must have equally many decimals, and with a zero Tolerance be the same
// text: 1000 isn't 1,000.
type Tolerance struct{ Relative, Absolute float64 }

func (l Tolerance) accepts(a, b float64) bool {
	return math.Abs(a-b) <= max(l.Relative*min(math.Abs(a), math.Abs(b)), l.Absolute)
}

func comparePictures(name string, stored, fresh []byte, tolerance float64) error {
	switch {
	case bytes.Equal(stored, fresh):
		return nil
	case path.Ext(name) == ".svg":
		return Compare(string(stored), string(fresh), Tolerance{Absolute: tolerance})
	case path.Ext(name) == ".png":
		return compareGrays(stored, fresh, tolerance)
	}
	return errors.New("its bytes differ")
}

// compareGrays compares two sheets of package pixels. Only grays may differ: paper and inks
// must be where they were.
func compareGrays(stored, fresh []byte, tolerance float64) error {
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
		w := was.Pix[k]
		apart := math.Abs(float64(v) - float64(w))
		if apart > 0 && (apart > tolerance || max(v, w) >= pixels.Paper) {
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
	if !ok || !slices.EqualFunc(s.Palette, pixels.NewSheet(1, 1).Palette, sameColor) {
		return nil, errors.New("it doesn't have the palette of package pixels")
	}
	return s, nil
}

func sameColor(a, b color.Color) bool {
	return color.RGBAModel.Convert(a) == color.RGBAModel.Convert(b)
}

// compareTables compares a printed table with the one on a page that begins with the same line.
func compareTables(page, table string, tolerance Tolerance) error {
	head, _, _ := strings.Cut(table, "\n")
	for _, block := range Blocks(page) {
		if block == head || strings.HasPrefix(block, head+"\n") {
			return Compare(block, table, tolerance)
		}
	}
	return fmt.Errorf("it has no table with the heading\n%s", head)
}

// Compare returns the first difference between a stored text and a fresh one, if there is any
// that the tolerance doesn't accept.
func Compare(stored, fresh string, tolerance Tolerance) error {
	was, is := strings.Split(stored, "\n"), strings.Split(fresh, "\n")
	for k := range min(len(was), len(is)) {
		if err := compareLines(was[k], is[k], tolerance); err != nil {
			return fmt.Errorf("%w in line %d of the stored\n%s\nwhich is now\n%s", err, k+1, was[k], is[k])
		}
	}
	if len(was) != len(is) {
		return fmt.Errorf("%d lines now, want %d as stored", len(is), len(was))
	}
	return nil
}

// number matches a color, whose digits aren't a number, or a number.
var number = regexp.MustCompile(`#[0-9a-f]{6}\b|[-−]?[0-9]+(,[0-9]{3}\b)*(\.[0-9]+)?(e[-+][0-9]+|·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?`)

func compareLines(stored, fresh string, tolerance Tolerance) error {
	if number.ReplaceAllString(stored, "0") != number.ReplaceAllString(fresh, "0") {
		return errors.New("the words differ")
	}
	is := number.FindAllString(fresh, -1)
	for k, was := range number.FindAllString(stored, -1) {
		if was == is[k] {
			continue
		}
		a, errA := Parse(was)
		b, errB := Parse(is[k])
		near := errA == nil && errB == nil && tolerance.accepts(a, b) && decimals(was) == decimals(is[k])
		if tolerance == (Tolerance{}) || !near {
			return fmt.Errorf("%s instead of %s", is[k], was)
		}
	}
	return nil
}

// decimals returns the number of digits after the decimal point.
func decimals(number string) int {
	_, after, _ := strings.Cut(number, ".")
	return len(after) - len(strings.TrimLeft(after, "0123456789"))
}

// plain turns a number as we write it into one that package strconv reads.
var plain = strings.NewReplacer(",", "", "−", "-", "·10", "e", "⁻", "-",
	"⁰", "0", "¹", "1", "²", "2", "³", "3", "⁴", "4", "⁵", "5", "⁶", "6", "⁷", "7", "⁸", "8", "⁹", "9")

// Parse reads a number such as 1,234 or −2.5·10⁻³.
func Parse(number string) (float64, error) { return strconv.ParseFloat(plain.Replace(number), 64) }
