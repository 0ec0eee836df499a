package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// parse returns the texts and the coordinates of an SVG picture, which must
// be well-formed.
func parse(t *testing.T, svg string) (texts []string, points [][2]float64) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return texts, points
		}
		if err != nil {
			t.Fatalf("the SVG is not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); text != "" {
				texts = append(texts, text)
			}
		case xml.StartElement:
			for _, a := range token.Attr {
				if a.Name.Local != "points" {
					continue
				}
				for _, pair := range strings.Fields(a.Value) {
					x, y, _ := strings.Cut(pair, ",")
					px, errX := strconv.ParseFloat(x, 64)
					py, errY := strconv.ParseFloat(y, 64)
					if errX != nil || errY != nil {
						t.Fatalf("point %q: %v, %v", pair, errX, errY)
					}
					points = append(points, [2]float64{px, py})
				}
			}
		}
	}
}

func draw(t *testing.T, p Plot) string {
	t.Helper()
	var file bytes.Buffer
	if err := p.WriteSVG(&file); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

func TestPlot(t *testing.T) {
	texts, points := parse(t, draw(t, Plot{
		Title: "Loss < 1 & falling", XLabel: "epoch", YLabel: "nats",
		Curves: []Curve{{Name: "a", X: []float64{1, 2, 3}, Y: []float64{2, 1, 0}}, {Name: "b", X: []float64{1, 3}, Y: []float64{0, 0.5}}},
		Spans:  []Span{{From: 1, To: 2, Name: "set 1", Notes: []string{"97%", "of ten"}}, {From: 2, To: 3, Name: "set 2"}},
	}))
	for _, want := range []string{"Loss < 1 & falling", "epoch", "nats", "a", "b", "set 1", "97%", "of ten", "set 2", "0", "0.5", "2", "3"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no text %q among %q", want, texts)
		}
	}
	// The axes run from (1, 0) to (3, 2). The first curve is drawn last.
	want := [][2]float64{{left, height - bottom}, {width - right, height - bottom - (height-top-bottom)/4.0},
		{left, top}, {(left + width - right) / 2.0, (top + height - bottom) / 2.0}, {width - right, height - bottom}}
	if !slices.Equal(points, want) {
		t.Errorf("points %v, want %v", points, want)
	}
}

// A run that was stopped early has few points or none.
func TestPlotOfLittle(t *testing.T) {
	for _, c := range []Curve{{}, {X: []float64{1}, Y: []float64{2.3}}, {X: []float64{1}, Y: []float64{0}}} {
		svg := draw(t, Plot{Title: "little", Curves: []Curve{c}})
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("the plot of %v contains NaN or infinity", c)
		}
		_, points := parse(t, svg)
		if len(points) != len(c.X) {
			t.Errorf("%d points, want %d", len(points), len(c.X))
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		most      int
		within    bool
		want      []float64
	}{
		{0, 1.97, 7, false, []float64{0, 0.5, 1, 1.5, 2}},
		{0.5, 10.5, 10, true, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{0.5, 50.5, 10, true, []float64{5, 10, 15, 20, 25, 30, 35, 40, 45, 50}},
		{0.5, 3.5, 10, true, []float64{1, 2, 3}},
		{0, 1, 7, false, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
	} {
		got := ticks(c.low, c.high, c.most, c.within)
		same := slices.EqualFunc(got, c.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
		if !same || math.Signbit(got[0]) {
			t.Errorf("ticks(%v, %v) = %v, want %v", c.low, c.high, got, c.want)
		}
	}
}

func TestConfusion(t *testing.T) {
	counts := make([][]int, 10)
	for label := range counts {
		counts[label] = make([]int, 10)
	}
	counts[7][7], counts[7][2] = 982, 46
	counts[3][3], counts[3][5] = 98, 2
	var file bytes.Buffer
	if err := Confusion(&file, "a title", counts); err != nil {
		t.Fatal(err)
	}
	texts, _ := parse(t, file.String())
	for _, want := range []string{"a title", "true label", "predicted label", "correct", "982", "46", "95.5%"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no text %q among %q", want, texts)
		}
	}
	// The tint is full at 4% of a row: at 46 of 1028, and at 2 of 100 half of that.
	for _, tint := range []string{`fill="#b3261e" fill-opacity="0.700"`, `fill="#b3261e" fill-opacity="0.350"`} {
		if strings.Count(file.String(), tint) != 1 {
			t.Errorf("not one cell with %s", tint)
		}
	}
	if strings.Contains(file.String(), "NaN") {
		t.Error("an empty row gives NaN")
	}
}

// The names of many curves are beside their ends. None overlap, and all are within the
// picture.
func TestNamesBesideCurves(t *testing.T) {
	var p Plot
	for k, end := range []float64{0, 0, 0, 3, 1, 3, 3} {
		p.Curves = append(p.Curves, Curve{Name: strconv.Itoa(k), X: []float64{1, 2}, Y: []float64{1, end}})
	}
	p.Curves = append(p.Curves, Curve{Name: "none"})
	var order []string
	last := 0.0
	for _, m := range regexp.MustCompile(`<text x="(.*?)" y="(.*?)" text-anchor="start" style="fill:(.*?)">(.*?)<`).FindAllStringSubmatch(draw(t, p), -1) {
		x, errX := strconv.ParseFloat(m[1], 64)
		y, errY := strconv.ParseFloat(m[2], 64)
		if errX != nil || errY != nil {
			t.Fatal(m)
		}
		if x < widest-right-beside || x > widest-200 || y < last+line-0.11 || y > height+below-bottom+6 {
			t.Errorf("%s is at %v, %v after one at %v", m[4], x, y, last)
		}
		last = y
		order = append(order, m[4])
	}
	if want := []string{"3", "5", "6", "4", "0", "1", "2"}; !slices.Equal(order, want) {
		t.Errorf("from top to bottom the names are %v, want %v", order, want)
	}
}
