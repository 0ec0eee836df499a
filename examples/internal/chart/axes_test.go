package chart

import (
	"slices"
	"strings"
	"testing"
)

// Values are converted correctly, even beyond the ends of the axes, and ticks are where they
// should be.
func TestAxes(t *testing.T) {
	p := New(200, 100, "")
	begun := p.text.Len()
	a := Axes{Picture: p, Left: 10, Right: 110, Top: 20, Bottom: 70, X0: -1, X1: 1, Y0: 2, Y1: 7}
	xs, ys := []float64{-1, 0, 1, 2}, []float64{2, 7, 3, 12}
	if got, want := a.Points(xs, ys), [][2]float64{{10, 70}, {60, 20}, {110, 60}, {160, -30}}; !slices.Equal(got, want) {
		t.Errorf("the points are at %v, want %v", got, want)
	}
	a.XTick(0, Small, "zero")
	a.YTick(3, "three")
	a.Frame()
	a.Clip()
	a.CloseWindow()
	want := `<line x1="60.0" y1="70.0" x2="60.0" y2="75.0" class="axis"/>
<text x="60.0" y="90.0" text-anchor="middle" class="small">zero</text>
<line x1="10.0" y1="60.0" x2="110.0" y2="60.0" class="grid"/>
<text x="2.0" y="64.0" text-anchor="end" class="">three</text>
<line x1="10.0" y1="70.0" x2="110.0" y2="70.0" class="axis"/>
<line x1="10.0" y1="20.0" x2="10.0" y2="70.0" class="axis"/>
<svg x="7.0" y="17.0" width="106.0" height="56.0" viewBox="7.0 17.0 106.0 56.0">
</svg>
`
	if got := p.text.String()[begun:]; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Words are escaped, and empty text draws nothing.
func TestText(t *testing.T) {
	p := New(200, 100, `a < "b"`)
	p.Text(1, 2, "start", Plain, "")
	p.Text(1, 2, "start", Plain, "c < d")
	p.Upward(1, 2, "e & f")
	p.Colored(1, 2, "end", Inks[0], "<g>")
	var file strings.Builder
	if n, err := p.WriteTo(&file); err != nil || int(n) != file.Len() {
		t.Errorf("%d bytes, error %v, want %d", n, err, file.Len())
	}
	for _, words := range []string{`aria-label="a &lt; &#34;b&#34;"`, ">c &lt; d<", ">e &amp; f<", ">&lt;g&gt;<"} {
		if !strings.Contains(file.String(), words) {
			t.Errorf("no %s in\n%s", words, &file)
		}
	}
	if got := strings.Count(file.String(), "<text"); got != 3 {
		t.Errorf("%d text elements, want 3", got)
	}
	if !strings.HasSuffix(file.String(), "</svg>\n") {
		t.Error("the picture has no end")
	}
}
