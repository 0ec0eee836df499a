package stored

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convnet/examples/internal/pixels"
)

// Compare accepts what it should. Otherwise its error says what the first difference is.
func TestCompare(t *testing.T) {
	for _, c := range []struct {
		stored, fresh      string
		relative, absolute float64
		says               string // the start of the error, or "" if there must be none
	}{
		{"| −1.50 | 2.0·10⁻³ |", "| −1.50 | 2.0·10⁻³ |", 0, 0, ""},
		{"| −1.50 |", "| 1.50 |", 0.5, 0, "1.50 instead of −1.50"},
		{"| a | -0.05 |", "| a | 0.05 |", 0.02, 0, "0.05 instead of -0.05"},
		{"| 2.0·10⁻³ |", "| 2.5·10⁻³ |", 0.3, 0, ""},
		{"| 2.0·10⁻³ |", "| 2.7·10⁻³ |", 0.3, 0, "2.7·10⁻³ instead of 2.0·10⁻³"},
		{"| 2.0·10⁻³ |", "| 2.0·10⁻⁴ |", 0.3, 0, "2.0·10⁻⁴ instead of 2.0·10⁻³"},
		{"| 2.0·10⁻¹² |", "| 2.0·10⁻¹ |", 0.3, 0, "2.0·10⁻¹ instead of 2.0·10⁻¹²"},
		{"| a | 1,234 |", "| a | 1,235 |", 0.02, 0, ""},
		{"| a | 1,234 |", "| a | 1,334 |", 0.02, 0, "1,334 instead of 1,234"},
		{"| a | 1.28e-05 |", "| a | 1.27e-05 |", 0.02, 0, ""},
		{"| a | 1.27e-06 |", "| a | 1.27e-05 |", 0.02, 0, "1.27e-05 instead of 1.27e-06"},
		{"| a | 1.0 |", "| a | 1.1 |", 0.02, 0, "1.1 instead of 1.0"},
		{"| a | 100 |", "| a | 102 |", 0.02, 0, ""},
		{"| a | 100 |", "| a | 97 |", 0.03, 0, "97 instead of 100"},            // relative to the smaller number
		{"| a | 97.11 |", "| a | 97.1100 |", 0, 0, "97.1100 instead of 97.11"}, // the same number, written differently
		{"| a | 97.11 |", "| a | 97.1100 |", 0.02, 5, "97.1100 instead of 97.11"},
		{"| a | 1.0 |", "| a | 1 |", 0, 0, "1 instead of 1.0"},
		{"| a | 1.0 |", "| a | 1 |", 0.02, 5, "1 instead of 1.0"},
		{"| a | 1.0e-05 |", "| a | 1e-05 |", 0.02, 5, "1e-05 instead of 1.0e-05"},
		{"| a | 1,000 |", "| a | 1000 |", 0, 0, "1000 instead of 1,000"},
		{"| a | 2·10⁻³ |", "| a | 20·10⁻⁴ |", 0, 0, "20·10⁻⁴ instead of 2·10⁻³"},
		{"| a | 0 |", "| a | -0 |", 0, 0, "-0 instead of 0"},
		{"| a | 0 |", "| a | 3 |", 0.02, 0, "3 instead of 0"},
		{"| a | 3 |", "| a | NaN |", 0.02, 5, "the words differ"},
		{"| a | 3 |", "| b | 3 |", 0.02, 5, "the words differ"},
		{"| a | 1 |", "| a | 1 | 2 |", 0.02, 5, "the words differ"},
		{"| a | 1 | 2 |", "| a | 1 |", 0.02, 5, "the words differ"},
		{"x 1.0", "x 1.1", 0, 0.2, ""},
		{"x 1.0", "x 1.3", 0, 0.2, "1.3 instead of 1.0 in line 1 of the stored\nx 1.0\nwhich is now\nx 1.3"},
		{"a\nx 1.0\nb", "a\nx 1.3\nc", 0, 0.2, "1.3 instead of 1.0 in line 2 of the stored\nx 1.0\nwhich is now\nx 1.3"},
		{"x 1.0", "x 1.0\nx", 0, 0.2, "2 lines now, want 1 as stored"},
		{"x 1.0\nx", "x 1.0", 0, 0.2, "1 lines now, want 2 as stored"},
		{"", "x", 0, 0.2, "the words differ"},
		// No tolerance accepts a different sign.
		{"| a | 0.01 |", "| a | −0.01 |", 0, 1, "−0.01 instead of 0.01"},
		{"| a | 0.00 |", "| a | -0.00 |", 0, 1, "-0.00 instead of 0.00"},
		{"| a | −0.01 |", "| a | −0.02 |", 0, 1, ""},
		// The digits in a word aren't numbers.
		{"| Conv1 | 1 |", "| Conv2 | 1 |", 5, 5, "the words differ"},
		{"| λ1 | 1 |", "| λ2 | 1 |", 5, 5, "the words differ"},
		{"| fc1.5 | 1 |", "| fc1.6 | 1 |", 5, 5, "the words differ"},
		{"| conv1.weight | 1.0 |", "| conv1.weight | 1.1 |", 0, 1, ""},
		{"| N(0,1) | 3 |", "| N(1,0) | 3 |", 0, 0.5, "1 instead of 0"},
		{"p=0.5 (28×28) in 10ms", "p=0.6 (28×28) in 11ms", 0, 1, ""},
		{"| #0b57a4 |", "| #0b58a4 |", 0, 100, "the words differ"},
		{"| #0b57a4 |", "| 7 |", 0, 100, "the words differ"},
	} {
		err := Compare(c.stored, c.fresh, Tolerance{c.relative, c.absolute})
		if (err == nil) != (c.says == "") || err != nil && !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%q is now %q: %v, want %q", c.stored, c.fresh, err, c.says)
		}
	}
}

// In an SVG, coordinates may differ by the tolerance. Nothing else may differ.
func TestCompareDrawings(t *testing.T) {
	for _, c := range []struct{ stored, fresh, says string }{
		{`<circle cx="10.1" cy="5" r="2"/>`, `<circle cx="10.6" cy="6" r="2"/>`, ""},
		{`<circle cx="10.1" r="2"/>`, `<circle cx="11.6" r="2"/>`, "11.6 instead of 10.1 in line 1 of the stored"},
		{`<circle cx="10.1" r="2"/>`, `<circle cx="10.1" r="1"/>`, "more than coordinates differs"},
		{`<circle cx="0.4" r="2"/>`, `<circle cx="-0.4" r="2"/>`, ""},
		{`<circle cx="0.4" r="2"/>`, `<circle cx="-0.8" r="2"/>`, "-0.8 instead of 0.4"},
		{`<circle cx="1" r="2"/>`, `<circle cx="1.0" r="2"/>`, "1.0 instead of 1"},
		{`<circle cx="1" r="2"/>`, `<circle cx="NaN" r="2"/>`, "more than coordinates differs"},
		{`<circle cx="1" cy="2"/>`, `<circle cy="2" cx="1"/>`, "more than coordinates differs"},
		{`<circle cx="1" r="2"/>`, `<circle cx="1" r="2" cy="1"/>`, "more than coordinates differs"},
		{`<line x1="1" y1="2" x2="3" y2="4"/>`, `<line x1="2" y1="3" x2="4" y2="5"/>`, ""},
		{`<line x1="1" y1="2" x2="3" y2="4"/>`, `<line x1="2" y1="3" x2="4" y2="6"/>`, "6 instead of 4"},
		{`<rect x="1" y="2" width="3" height="4"/>`, `<rect x="2" y="3" width="4" height="5"/>`, ""},
		{`<svg viewBox="0 0 9 9">`, `<svg viewBox="0 0 9 10">`, ""},
		{`<path d="M10.1 2L3 4"/>`, `<path d="M10.2 2L3 4"/>`, ""},
		{`<path d="M10.1 2L3 4"/>`, `<path d="M10.1 2M3 4"/>`, "more than coordinates differs"},
		{`<text transform="rotate(-90)">a</text>`, `<text transform="rotate(-89)">a</text>`, ""},
		{`<text transform="rotate(-90)">a</text>`, `<text transform="rotate(-88)">a</text>`, "-88 instead of -90"},
		{`<p points="10.1,20.2 30.3,40.4"/>`, `<p points="10.1,20.2 30.3,44.4"/>`, "44.4 instead of 40.4"},
		{`<p points="10.1,200.2 30.3,400.4"/>`, `<p points="10.1,200.2 30.3,404.4"/>`, "404.4 instead of 400.4"},
		{`<p points="10,200 30,400"/>`, `<p points="11,200 30,400"/>`, ""},
		{`<p points="10,200 30,400"/>`, `<p points="10,202 30,400"/>`, "202 instead of 200"},
		{`<p points="10.1,20.2 30.3,40.4"/>`, `<p points="10.1,20.2"/>`, "more than coordinates differs"},
		{`<rect x="1" fill-opacity="0.200"/>`, `<rect x="1" fill-opacity="0.900"/>`, "more than coordinates differs"},
		{`<rect x="1" stroke-width="1"/>`, `<rect x="1" stroke-width="2"/>`, "more than coordinates differs"},
		{`<rect x="1" rx="8"/>`, `<rect x="1" rx="9"/>`, "more than coordinates differs"},
		{`<rect x="1" stroke="#0b57a4"/>`, `<rect x="1" stroke="#0b58a4"/>`, "more than coordinates differs"},
		{`<text x="1">Conv1</text>`, `<text x="1">Conv2</text>`, "more than coordinates differs"},
		{`<text x="1">N(0,1)</text>`, `<text x="1">N(1,0)</text>`, "more than coordinates differs"},
		{`<text x="1">0.5</text>`, `<text x="1">0.6</text>`, "more than coordinates differs"},
		{`<text x="1">at x="1"</text>`, `<text x="1">at z="1"</text>`, "more than coordinates differs"},
		{".grid{stroke-width:1}", ".grid{stroke-width:2}", "more than coordinates differs"},
		{"<svg>\n</svg>", "<svg>", "1 lines now, want 2 as stored"},
		{"<svg>", "<svg>\n</svg>", "2 lines now, want 1 as stored"},
		{"<svg>\n<x x=\"1\"/>", "<svg>\n<x x=\"4\"/>", "4 instead of 1 in line 2 of the stored\n<x x=\"1\"/>\nwhich is now\n<x x=\"4\"/>"},
	} {
		err := compareDrawings(c.stored, c.fresh, 1)
		if (err == nil) != (c.says == "") || err != nil && !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%q is now %q: %v, want %q", c.stored, c.fresh, err, c.says)
		}
	}
}

func TestParse(t *testing.T) {
	for number, want := range map[string]float64{"0": 0, "−1.5": -1.5, "1,234.5": 1234.5, "9.3·10⁻⁹": 9.3e-9, "2·10¹²": 2e12, "1.5e-07": 1.5e-7} {
		if v, err := Parse(number); v != want || err != nil {
			t.Errorf("%s is %v, error %v, want %v", number, v, err, want)
		}
	}
	if _, err := Parse("#000000"); err == nil {
		t.Error("Parse accepts a color, want an error")
	}
}

// A table must be on the page as a whole, and under its own heading.
func TestCompareTables(t *testing.T) {
	const page = "Text.\n\n| x | y |\n|---|---|\n| a | 1.00 |\n| b | 2.00 |\n\nText.\n\n| x | z |\n|---|---|\n| c | 3 |\n"
	for table, says := range map[string]string{
		"| x | y |\n|---|---|\n| a | 1.00 |\n| b | 2.01 |":               "",
		"| x | z |\n|---|---|\n| c | 3 |":                                "",
		"| x | y |\n|---|---|\n| a | 1.00 |\n| b | 2.11 |":               "2.11 instead of 2.00",
		"| x | y |\n|---|---|\n| a | 1.00 |":                             "3 lines now, want 4 as stored",
		"| x | y |\n|---|---|\n| a | 1.00 |\n| b | 2.00 |\n| c | 3.00 |": "5 lines now, want 4 as stored",
		"| x | y |\n|---|---|\n| a | 1.00 |\n| c | 2.00 |":               "the words differ",
		"| x | y |\n|---|---|\n| b | 2.00 |\n| a | 1.00 |":               "the words differ",
		"| x |\n|---|\n| c |":                                            "it has no table with the heading\n| x |",
		"| x | y | z |\n|---|---|---|":                                   "it has no table",
		"Text":                                                           "it has no table",
	} {
		err := compareTables(page, table, Tolerance{Absolute: 0.1})
		if (err == nil) != (says == "") || err != nil && !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%q: %v, want %q", table, err, says)
		}
	}
	// If two tables had the same heading, only one would be compared.
	const twice = page + "\n| x | y |\n|---|---|\n| a | 9.00 |\n"
	err := compareTables(twice, "| x | y |\n|---|---|\n| a | 1.00 |\n| b | 2.00 |", Tolerance{})
	if err == nil || !strings.HasPrefix(err.Error(), "it has 2 tables, want only one, with the heading\n| x | y |") {
		t.Errorf("two tables with the same heading: error %v, want one that says so", err)
	}
}

// encode returns a PNG of a sheet with a square of one color.
func encode(t *testing.T, side int, c uint8) []byte {
	t.Helper()
	sheet := pixels.NewSheet("", side, 9, "")
	sheet.SetColorIndex(3, 2, c)
	var out bytes.Buffer
	if err := pixels.WritePNG(&out, sheet); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Shades may differ, but the size, the paper and the inks may not.
func TestComparePictures(t *testing.T) {
	var other bytes.Buffer
	if err := png.Encode(&other, image.NewPaletted(image.Rect(0, 0, 9, 9), color.Palette{color.Black, color.White})); err != nil {
		t.Fatal(err)
	}
	shade, last := encode(t, 9, 100), encode(t, 9, pixels.Paper-1)
	for _, c := range []struct {
		name          string
		stored, fresh []byte
		says          string
	}{
		{"a.png", shade, shade, ""},
		{"a.png", shade, encode(t, 9, 101), ""},
		{"a.png", shade, encode(t, 9, 99), ""},
		{"a.png", shade, encode(t, 9, 102), "at (3, 2) the file has color 100 of its palette, now it is 102"},
		{"a.png", shade, encode(t, 9, 98), "at (3, 2) the file has color 100 of its palette, now it is 98"},
		{"a.png", last, encode(t, 9, pixels.Paper), "at (3, 2)"},
		{"a.png", encode(t, 9, pixels.True), encode(t, 9, pixels.Wrong), "at (3, 2)"},
		{"a.png", shade, encode(t, 10, 100), "the file has (41,73) pixels, now it has (42,73)"},
		{"a.png", shade, other.Bytes(), "now: it doesn't have the palette of package pixels"},
		{"a.png", other.Bytes(), shade, "the file: it doesn't have the palette of package pixels"},
		{"a.png", shade, shade[:50], "now: unexpected EOF"},
		{"a.svg", []byte(`<x x="1.0"/>`), []byte(`<x x="2.0"/>`), ""},
		{"a.svg", []byte(`<x x="1.0"/>`), []byte(`<x x="2.1"/>`), "2.1 instead of 1.0"},
		{"a.svg", []byte("<x>1.0</x>"), []byte("<x>1.1</x>"), "more than coordinates differs"},
		{"a.gif", []byte("x 1.0"), []byte("x 1.0"), ""},
		{"a.gif", []byte("x 1.0"), []byte("x 1.1"), "its bytes differ"},
	} {
		err := comparePictures(c.name, c.stored, c.fresh, 1)
		if (err == nil) != (c.says == "") || err != nil && !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
	if err := comparePictures("a.png", shade, encode(t, 9, 101), 0); err == nil {
		t.Error("without a tolerance another shade is accepted")
	}
}

// A recorder records the errors and logs of a test.
type recorder struct {
	testing.TB
	errors, logs string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors += fmt.Sprintf(format, args...) + "\n"
}
func (r *recorder) Log(args ...any) { r.logs += fmt.Sprintln(args...) }

// An error names the file, the difference, and the command that makes a new file.
func TestErrors(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "")
	write("docs/a.svg", `<x x="1.0"/>`)
	write("docs/page.md", "| x |\n|---|\n| 1.0 |\n\n    a line\n")
	write("figures/rings/main.go", "")
	t.Chdir(filepath.Join(root, "figures/rings"))
	for _, c := range []struct {
		check  func(t testing.TB)
		errors []string
		logs   string
	}{
		{func(t testing.TB) { Picture(t, "docs/a.svg", []byte(`<x x="1.1"/>`), 0.2) }, nil, ""},
		{func(t testing.TB) { Picture(t, "docs/a.svg", []byte(`<x x="1.1"/>`), 0) }, []string{"docs/a.svg is out of date: 1.1 instead of 1.0", "\nTo redraw it, run go generate ./figures/rings"}, ""},
		{func(t testing.TB) { Tables(t, "docs/page.md", "| x |\n|---|\n| 1.1 |\n", Tolerance{Absolute: 0.2}) }, nil, ""},
		{func(t testing.TB) { Tables(t, "docs/page.md", "| x |\n|---|\n| 1.1 |\n\n| y |\n", Tolerance{}) },
			[]string{"docs/page.md is out of date: 1.1 instead of 1.0", "\nTo reprint it, run go generate ./figures/rings, which prints\n| x |\n|---|\n| 1.1 |\n", "no table with the heading\n| y |"}, ""},
		{func(t testing.TB) { Tables(t, "docs/page.md", "\n\n", Tolerance{}) }, []string{"found no table to compare with docs/page.md, want at least one"}, ""},
		{func(t testing.TB) { Lines(t, "docs/page.md", Tolerance{}) }, []string{"found no line to look for in docs/page.md, want at least one"}, ""},
		{func(t testing.TB) { Lines(t, "docs/page.md", Tolerance{}, "    a line", "| 1.0 |") }, nil, "    a line\n| 1.0 |\n"},
		{func(t testing.TB) { Lines(t, "docs/page.md", Tolerance{Absolute: 0.2}, "| 1.1 |", "| 0.9 |") }, nil, "| 1.1 |\n| 0.9 |\n"},
		{func(t testing.TB) { Lines(t, "docs/page.md", Tolerance{Absolute: 0.2}, "| 1.3 |") }, []string{"it doesn't have the line\n| 1.3 |\n"}, "| 1.3 |\n"},
		{func(t testing.TB) { Lines(t, "docs/page.md", Tolerance{}, "a line", "    a lin", "") }, []string{"docs/page.md is out of date: it doesn't have the line\na line\n", "the line\n    a lin\n"}, "a line\n    a lin\n\n"},
	} {
		r := recorder{TB: t}
		c.check(&r)
		if (r.errors == "") != (c.errors == nil) || r.logs != c.logs {
			t.Errorf("errors %q and log %q, want %q and %q", r.errors, r.logs, c.errors, c.logs)
		}
		for _, words := range c.errors {
			if !strings.Contains(r.errors, words) {
				t.Errorf("errors %q, want one that contains %q", r.errors, words)
			}
		}
	}
}
