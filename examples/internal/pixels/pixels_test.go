package pixels

import (
	"bytes"
	"image"
	"image/gif"
	"image/png"
	"testing"

	"convnet"
)

func TestGrid(t *testing.T) {
	tiles := [][][]float64{{{-1, 0, 1}, {5, -5, 0}}, {{1, 1, 1}, {1, 1, 1}}, {{0, 0, 0}, {0, 0, 0}}}
	sheet := Grid(tiles, 2, 4, -1, 1)
	if got, want := sheet.Bounds().Size(), image.Pt(2*(12+Margin)+Margin, 2*(8+Margin)+Margin); got != want {
		t.Errorf("the sheet is %v, want %v", got, want)
	}
	const black, middle, white = 0, (grays - 1) / 2, grays - 1
	second, below := Margin+12+Margin, Margin+8+Margin
	for _, c := range []struct {
		x, y int
		want uint8
	}{
		{0, 0, Paper},
		{Margin, Margin, black}, {Margin + 3, Margin + 3, black}, // −1 is the lowest
		{Margin + 4, Margin, middle},                              // 0 lies in the middle
		{Margin + 8, Margin, white}, {Margin + 11, Margin, white}, // 1 is the highest
		{Margin, Margin + 4, white}, {Margin + 4, Margin + 4, black}, // and 5 is above, −5 below
		{Margin + 12, Margin, Paper},
		{second, Margin, white},
		{Margin, below, middle},
		{second, below, Paper}, // there is no fourth tile
	} {
		if got := sheet.ColorIndexAt(c.x, c.y); got != c.want {
			t.Errorf("pixel (%d, %d) is %d, want %d", c.x, c.y, got, c.want)
		}
	}
}

func TestRanges(t *testing.T) {
	tiles := [][][]float64{{{-3, 1}}, {{2, 0}}}
	if low, high := Range(tiles); low != -3 || high != 2 {
		t.Errorf("Range is %v to %v, want -3 to 2", low, high)
	}
	if low, high := Balanced(tiles); low != -3 || high != 3 {
		t.Errorf("Balanced is %v to %v, want -3 to 3", low, high)
	}
	if got := gray(0, 0, 0); got != grays/2 {
		t.Errorf("in an empty range 0 is %d, want %d", got, grays/2)
	}
}

func TestMistakes(t *testing.T) {
	blank := convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
	sheet := Mistakes([]Mistake{{blank, 7, 1}, {blank, 0, 8}}, 3, "1 of 2")
	inks := map[uint8]int{}
	for _, ink := range sheet.Pix {
		inks[ink]++
	}
	// TRUE, 7 and 0 against PREDICTED, 1 and 8, four pixels per dot.
	dots := func(text string) (n int) {
		for _, letter := range text {
			for _, row := range glyphs[letter] {
				for _, dot := range row {
					if dot == '#' {
						n += 4
					}
				}
			}
		}
		return n
	}
	if got, want := inks[True], dots("TRUE70"); got != want {
		t.Errorf("the true labels have %d pixels, want %d", got, want)
	}
	if got, want := inks[Wrong], dots("PREDICTED18"); got != want {
		t.Errorf("the predicted labels have %d pixels, want %d", got, want)
	}
	if got, want := inks[noteInk], dots("1 of 2"); got != want {
		t.Errorf("the note has %d pixels, want %d", got, want)
	}
	if none := Mistakes(nil, 10, ""); none.Bounds().Empty() {
		t.Error("a sheet without mistakes is empty, want its heading")
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
	Text(NewSheet(10, 10), 0, 0, 1, "x", True)
}

func TestFilesDecodeToWhatWasDrawn(t *testing.T) {
	sheet := Grid([][][]float64{{{0, 0.5, 1}}}, 1, 3, 0, 1)
	same := func(what string, got image.Image) {
		t.Helper()
		for y := range sheet.Bounds().Dy() {
			for x := range sheet.Bounds().Dx() {
				r, g, b, a := got.At(x, y).RGBA()
				wr, wg, wb, wa := sheet.At(x, y).RGBA()
				if r != wr || g != wg || b != wb || a != wa {
					t.Fatalf("%s: pixel (%d, %d) is %v, want %v", what, x, y, got.At(x, y), sheet.At(x, y))
				}
			}
		}
	}
	var file bytes.Buffer
	if err := WritePNG(&file, sheet); err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(&file)
	if err != nil {
		t.Fatal(err)
	}
	same("PNG", decoded)
	if err := WriteGIF(&file, []*image.Paletted{NewSheet(25, 19), sheet}, 15); err != nil {
		t.Fatal(err)
	}
	animation, err := gif.DecodeAll(&file)
	if err != nil {
		t.Fatal(err)
	}
	if len(animation.Image) != 2 || animation.Delay[0] != 15 || animation.Delay[1] != 200 || animation.LoopCount != 0 {
		t.Errorf("GIF: %d frames, delays %v, loop count %d, want 2, [15 200], 0", len(animation.Image), animation.Delay, animation.LoopCount)
	}
	same("GIF", animation.Image[1])
}
