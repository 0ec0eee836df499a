package pixels

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"math"
	"slices"
	"testing"

	"convnet"
	"convnet/examples/internal/palette"
)

// A color for each kind of value: red, white and blue, or paper and ink.
func TestPalette(t *testing.T) {
	if len(colors) != int(Wrong)+1 || len(colors) > 255 { // an animation needs another one
		t.Errorf("%d colors, want those up to %d, at most 255", len(colors), Wrong)
	}
	for _, c := range []struct {
		index uint8
		want  string
	}{
		{shade(-1, 1), palette.Negative}, {shade(0, 1), palette.Zero}, {shade(1, 1), palette.Positive},
		{shade(0, 0), palette.Paper}, {shade(1, 0), palette.Ink},
		{Paper, palette.Paper}, {Line, palette.Line}, {Black, palette.Text}, {Soft, palette.Soft}, {True, palette.Green}, {Wrong, palette.Negative},
	} {
		if found, want := colors[c.index], color.Color(palette.RGB(c.want)); found != want {
			t.Errorf("color %d is %v, want %v", c.index, found, want)
		}
	}
	// In between, a color is a mixture.
	parts := func(name string) [3]float64 {
		c := palette.RGB(name)
		return [3]float64{float64(c.R), float64(c.G), float64(c.B)}
	}
	for _, c := range []struct {
		v, limit float64
		from, to string
	}{
		{-0.4, 2, palette.Zero, palette.Negative}, {1.7, 2, palette.Zero, palette.Positive}, {0.3, 0, palette.Paper, palette.Ink},
	} {
		part := math.Abs(c.v) / max(c.limit, 1)
		from, to := parts(c.from), parts(c.to)
		mixed := colors[shade(c.v, c.limit)].(color.RGBA)
		for k, found := range []uint8{mixed.R, mixed.G, mixed.B} {
			if want := from[k] + part*(to[k]-from[k]); math.Abs(float64(found)-want) > 2 {
				t.Errorf("%v of %v is %v, want %.0f for color channel %d", c.v, c.limit, mixed, want, k)
			}
		}
	}
}

// Each entry of each tile is drawn in its place, and a line around the tile.
func TestGrid(t *testing.T) {
	g := Grid{Columns: 2, Side: 4, Gap: 10, Tiles: []Tile{
		{M: [][]float64{{-1, 0, 1}, {5, -5, 0.5}}, Limit: 1},
		{M: [][]float64{{1, 1, 1}, {1, 1, 1}}, Limit: 2},
		{M: [][]float64{{0, 0.5, 1}, {2, -1, 0}}},
	}}
	sheet := g.Sheet("", "")
	if got, want := sheet.Bounds().Size(), image.Pt(2*12+10+2*Margin, Head+2*8+10+Margin); got != want {
		t.Errorf("the sheet is %v, want %v", got, want)
	}
	const red, white, blue, ink = 0, zero, 2 * steps, blank + shades - 1
	const second, below = 12 + 10, 8 + 10
	for _, c := range []struct {
		x, y int
		want uint8
	}{
		{-Margin, -Head, Paper}, {-2, -2, Paper},
		{-1, -1, Line}, {12, 8, Line}, {-1, 8, Line}, {12, -1, Line}, {5, -1, Line}, {5, 8, Line}, {-1, 5, Line}, {12, 5, Line},
		{13, 9, Paper},
		{0, 0, red}, {3, 3, red},
		{4, 0, white},
		{8, 0, blue}, {11, 0, blue},
		{0, 4, blue}, {4, 4, red}, // beyond the limit
		{8, 4, zero + 43},      // half of 85, rounded
		{second, 0, zero + 43}, // half of another limit
		{second - 1, 0, Line}, {second - 2, 0, Paper}, {0, below - 1, Line}, {0, below - 2, Paper},
		{0, below, blank}, {8, below, ink}, {0, below + 4, ink}, {4, below + 4, blank},
		{second, below, Paper}, // there is no fourth tile
	} {
		if got := sheet.ColorIndexAt(Margin+c.x, Head+c.y); got != c.want {
			t.Errorf("pixel (%d, %d) is %d, want %d", c.x, c.y, got, c.want)
		}
	}
}

// box returns the smallest rectangle with all pixels of a color, and their number.
func box(sheet *image.Paletted, ink uint8) (r image.Rectangle, n int) {
	for y := sheet.Rect.Min.Y; y < sheet.Rect.Max.Y; y++ {
		for x := sheet.Rect.Min.X; x < sheet.Rect.Max.X; x++ {
			if sheet.ColorIndexAt(x, y) == ink {
				r = r.Union(image.Rect(x, y, x+1, y+1))
				n++
			}
		}
	}
	return r, n
}

// A label is above its tile on the left, a note on the right.
func TestLabels(t *testing.T) {
	m := [][]float64{{1}}
	plain := NewSheet("", 100, 100, "")
	Tile{Label: "l", Note: "±1", M: m, Limit: 1}.Draw(plain, 20, 30, 60)
	if words, _ := box(plain, Soft); words != image.Rect(20, 30, 80, 30+TextHeight) {
		t.Errorf("the words are in %v", words)
	}
	if entry, n := box(plain, 2*steps); entry != image.Rect(20, 30+LineHeight, 80, 90+LineHeight) || n != 60*60 {
		t.Errorf("the entry is in %v, with %d pixels", entry, n)
	}
	if got, want := (Tile{Note: "±1", M: m}).Size(60), image.Pt(60, 60+LineHeight); got != want {
		t.Errorf("the tile is %v, want %v", got, want)
	}
	tiles := Tiles("map", 3, [][][]float64{m, m})
	if len(tiles) != 2 || tiles[1].Label != "map 1" || tiles[1].Limit != 3 {
		t.Errorf("tiles: %+v", tiles)
	}
}

// A sheet has a title and a color scale, and is wide enough for the title.
func TestNewSheet(t *testing.T) {
	sheet := NewSheet("Conv1 filters", 300, 40, "1.5")
	title, _ := box(sheet, Black)
	if want := image.Rect(Margin, Margin, Margin+Width("Conv1 filters")+1, Margin+TextHeight); title != want {
		t.Errorf("the title is in %v, want %v", title, want)
	}
	scale, _ := box(sheet, Soft)
	if want := image.Rect(Margin, Head+40+Gap, Margin+Width("−1.5")+2*8+2*steps+1+Width("1.5"), Head+40+Gap+TextHeight); scale != want {
		t.Errorf("the color scale's words are in %v, want %v", scale, want)
	}
	y := Head + 40 + Gap + 1
	x := slices.Index(sheet.Pix[y*sheet.Stride:], 0)
	if want := Margin + Width("−1.5") + 8; x != want {
		t.Errorf("the color scale begins at x = %d, want %d", x, want)
	}
	for k := range 2*steps + 1 {
		if c := sheet.ColorIndexAt(x+k, y); int(c) != k && c != Soft {
			t.Errorf("color %d of the scale is %d", k, c)
		}
	}
	if narrow := NewSheet("Conv1 filters", 1, 1, ""); narrow.Rect.Dx() != Width("Conv1 filters")+1+2*Margin || narrow.Rect.Dy() != Head+1+Margin {
		t.Errorf("the sheet is %v", narrow.Rect)
	}
}

// Columns and rows are numbered.
func TestTable(t *testing.T) {
	g := Grid{Columns: 3, Side: 20, Gap: 10}
	for range 6 {
		g.Tiles = append(g.Tiles, Tile{M: [][]float64{{1}}, Limit: 1})
	}
	sheet := g.Table("", "f", "c", "")
	tiles, _ := box(sheet, 2*steps)
	if tiles.Size() != image.Pt(3*30-10, 2*30-10) || tiles.Max.X != sheet.Rect.Max.X-Margin || tiles.Max.Y != sheet.Rect.Max.Y-Margin {
		t.Errorf("the tiles are in %v of %v", tiles, sheet.Rect)
	}
	words := func(r image.Rectangle) (n int) {
		_, n = box(sheet.SubImage(r).(*image.Paletted), Soft)
		return n
	}
	for k := range 3 {
		x := tiles.Min.X + 30*k
		if words(image.Rect(x, Head, x+20, Head+TextHeight)) == 0 {
			t.Errorf("no number above column %d", k)
		}
	}
	for k := range 2 {
		y := tiles.Min.Y + 30*k
		if words(image.Rect(tiles.Min.X-20, y, tiles.Min.X, y+20)) == 0 {
			t.Errorf("no number beside row %d", k)
		}
	}
	if words(image.Rect(Margin, Head, tiles.Min.X-20, Head+TextHeight)) == 0 || words(image.Rect(Margin, tiles.Min.Y, tiles.Min.X-20, tiles.Min.Y+20)) == 0 {
		t.Error("nothing says what the columns and rows are")
	}
}

func TestRanges(t *testing.T) {
	tiles := [][][]float64{{{-3, 1}}, {{2, 0}}}
	if low, high := Range(tiles...); low != -3 || high != 2 {
		t.Errorf("Range is %v to %v, want -3 to 2", low, high)
	}
	if limit, other := Limit(tiles...), Limit(tiles[1]); limit != 3 || other != 2 {
		t.Errorf("Limit is %v and %v, want 3 and 2", limit, other)
	}
	for v, want := range map[float64]string{0.95849: "0.958", 4.456: "4.46", 15.6: "15.6", -1: "−1", 2: "2", 1e-7: "1e−07", 2.34e16: "2.34e16", -1e300: "−1e300", math.Inf(1): "Inf", math.Inf(-1): "−Inf", math.NaN(): "NaN"} {
		Width(Number(v)) // panics if there's no glyph
		if got := Number(v); got != want {
			t.Errorf("Number(%v) is %s, want %s", v, got, want)
		}
	}
}

func TestNear(t *testing.T) {
	for _, c := range []struct {
		a, b  uint8
		apart float64
		want  bool
	}{
		{3, 4, 1, true}, {4, 3, 1, true}, {3, 5, 1, false}, {5, 3, 1, false}, {3, 4, 0, false}, {3, 3, 0, true},
		{zero - 1, zero + 1, 2, true},
		{blank, blank + 1, 1, true}, {Paper - 2, Paper - 1, 1, true},
		{blank - 1, blank, 1, false}, // a value and an image
		{Paper - 1, Paper, 1, false}, {Paper, Line, 1, false}, {True, Wrong, 1, false}, {Wrong, Wrong, 0, true},
	} {
		if got := Near(c.a, c.b, c.apart); got != c.want {
			t.Errorf("Near(%d, %d, %v) is %t", c.a, c.b, c.apart, got)
		}
	}
}

func TestMistakes(t *testing.T) {
	digit := func() [][]float64 { return convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide) }
	var all []Mistake
	for range 11 {
		all = append(all, Mistake{digit(), 7, 1})
	}
	all[1].Image[0][0], all[9].Image[27][27], all[10].Image[27][0] = 1, 1, 0.5
	sheet := Mistakes("", all)
	if sheet.Rect.Dx() > 830 {
		t.Errorf("the sheet is %d pixels wide, want at most 830, which a page shows without shrinking it", sheet.Rect.Dx())
	}
	first, n := box(sheet, blank+shades-1)
	if n != 2*9 || first.Max.X != sheet.Rect.Max.X-Margin || first.Dx() != 8*79+84 {
		t.Errorf("two pixels of ink are in %v, %d pixels", first, n)
	}
	if second, n := box(sheet, shade(0.5, 0)); n != 9 || second.Min != image.Pt(Margin, first.Max.Y-3+2*LineHeight-8+84) {
		t.Errorf("the eleventh digit's pixel is in %v, %d pixels", second, n)
	}
	// Each digit has its labels below it.
	if none := Mistakes("", nil); none.Bounds().Empty() {
		t.Error("a sheet without mistakes is empty, want its legend")
	}
	_, heading := box(Mistakes("", nil), True)
	_, labels := box(Mistakes("", []Mistake{{digit(), 7, 1}, {digit(), 7, 8}}), True)
	seven := NewSheet("", 50, 50, "")
	Text(seven, Margin, Head, "7", True)
	if _, want := box(seven, True); labels != heading+2*want {
		t.Errorf("the true labels have %d pixels, want %d", labels-heading, 2*want)
	}
}

// A glyph has five columns, and seven rows or, with a descender, nine.
func TestGlyphs(t *testing.T) {
	for letter, glyph := range glyphs {
		if len(glyph) != 7 && len(glyph) != 9 && letter != ' ' {
			t.Errorf("%q has %d rows, want 7 or 9", letter, len(glyph))
		}
		for _, row := range glyph {
			if len(row) != 5 {
				t.Errorf("%q has a row of %d dots, want 5", letter, len(row))
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Text of a letter without a glyph does not panic")
		}
	}()
	Text(NewSheet("", 10, 10, ""), 0, 0, "§", True)
}

// Letters are as wide as their ink, with a dot between them, and slanted strokes are smooth.
func TestText(t *testing.T) {
	if got := Width("i7 "); got != (1+1+5+1+3)*dot {
		t.Errorf("the text is %d pixels wide, want %d", got, (1+1+5+1+3)*dot)
	}
	if got := Width(""); got != 0 {
		t.Errorf("an empty text is %d pixels wide", got)
	}
	sheet := NewSheet("", 50, 50, "")
	end := Text(sheet, 3, 5, "lo", Soft)
	if r, n := box(sheet, Soft); end != 3+TextHeight || r != image.Rect(3, 5, end, 5+TextHeight) {
		t.Errorf("the text ends at %d and is in %v, with %d pixels", end, r, n)
	}
	for _, c := range []struct {
		text string
		want string
	}{
		{"-", "######\n######\n"},
		{"x", "##......##\n###....###\n.###..###.\n..##..##..\n....##....\n....##....\n..##..##..\n.###..###.\n###....###\n##......##\n"},
	} {
		sheet := NewSheet("", 50, 50, "")
		Text(sheet, 0, 0, c.text, Soft)
		r, _ := box(sheet, Soft)
		found := ""
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				found += map[bool]string{true: "#", false: "."}[sheet.ColorIndexAt(x, y) == Soft]
			}
			found += "\n"
		}
		if found != c.want {
			t.Errorf("%s is\n%swant\n%s", c.text, found, c.want)
		}
	}
}

func TestPNG(t *testing.T) {
	sheet := Grid{Tiles: []Tile{{M: [][]float64{{0, 0.5, 1}}}}, Columns: 1, Side: 3}.Sheet("", "")
	var file bytes.Buffer
	if err := WritePNG(&file, sheet); err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(&file)
	if err != nil {
		t.Fatal(err)
	}
	if found, ok := decoded.(*image.Paletted); !ok || !bytes.Equal(found.Pix, sheet.Pix) {
		t.Error("the file has other pixels")
	}
}

// Every frame of an animation looks as the sheet does in fewer shades, but its file has only
// what changes.
func TestGIF(t *testing.T) {
	var sheets []*image.Paletted
	for _, m := range [][][]float64{{{0, 0.5, 1}}, {{0, -0.5, 1}}, {{0, -0.501, 1}}, {{0.2, -0.5, 1}}} {
		sheets = append(sheets, Grid{Tiles: []Tile{{M: m, Limit: 1}}, Columns: 1, Side: 3}.Sheet("a", "1"))
	}
	var file bytes.Buffer
	if err := WriteGIF(&file, sheets, 15); err != nil {
		t.Fatal(err)
	}
	animation, err := gif.DecodeAll(&file)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(animation.Delay) != "[15 15 15 300]" || animation.LoopCount != 0 {
		t.Errorf("delays %v, loop count %d, want [15 15 15 300], 0", animation.Delay, animation.LoopCount)
	}
	at := image.Pt(Margin, Head)
	for k, want := range []image.Rectangle{sheets[0].Rect, image.Rect(3, 0, 6, 3).Add(at), image.Rect(0, 0, 1, 1), image.Rect(0, 0, 3, 3).Add(at)} {
		if found := animation.Image[k].Rect; found != want {
			t.Errorf("frame %d is %v, want %v", k, found, want)
		}
	}
	screen := image.NewRGBA(sheets[0].Rect)
	for k, frame := range animation.Image {
		for y := frame.Rect.Min.Y; y < frame.Rect.Max.Y; y++ {
			for x := frame.Rect.Min.X; x < frame.Rect.Max.X; x++ {
				if _, _, _, alpha := frame.At(x, y).RGBA(); alpha > 0 {
					screen.Set(x, y, frame.At(x, y))
				}
			}
		}
		for y := range screen.Rect.Dy() {
			for x := range screen.Rect.Dx() {
				index := coarse(sheets[k].ColorIndexAt(x, y))
				if found, want := screen.RGBAAt(x, y), color.RGBAModel.Convert(colors[index]); found != want {
					t.Fatalf("frame %d: pixel (%d, %d) is %v, want %v", k, x, y, found, want)
				}
			}
		}
	}
}

// Coarse shades are near the fine ones, and there are few of them.
func TestCoarse(t *testing.T) {
	found := map[uint8]bool{}
	for c := range uint8(2*steps + 1) {
		found[coarse(c)] = true
		if math.Abs(float64(coarse(c))-float64(c)) > 2 {
			t.Errorf("%d becomes %d", c, coarse(c))
		}
	}
	if len(found) != 35 || coarse(0) != 0 || coarse(zero) != zero || coarse(2*steps) != 2*steps {
		t.Errorf("%d shades, want 35 with both ends and 0", len(found))
	}
	for c := blank; c < len(colors); c++ {
		if coarse(uint8(c)) != uint8(c) {
			t.Errorf("color %d becomes %d", c, coarse(uint8(c)))
		}
	}
}
