package svg

// Axes are those of a chart: they turn its numbers into pixels.
type Axes struct {
	*Picture
	Left, Right, Top, Bottom float64 // where the axes end, in pixels
	X0, X1, Y0, Y1           float64 // the numbers there: X0 at the left, Y0 at the bottom
}

// X returns how far from the left a number lies.
func (a Axes) X(v float64) float64 { return a.Left + (v-a.X0)/(a.X1-a.X0)*(a.Right-a.Left) }

// Y returns how far from the top a number lies.
func (a Axes) Y(v float64) float64 { return a.Bottom - (v-a.Y0)/(a.Y1-a.Y0)*(a.Bottom-a.Top) }

// Points returns where the points (xs[k], ys[k]) lie.
func (a Axes) Points(xs, ys []float64) (points [][2]float64) {
	for k := range xs {
		points = append(points, [2]float64{a.X(xs[k]), a.Y(ys[k])})
	}
	return points
}

// XTick marks a number below the chart, and writes words there.
func (a Axes) XTick(v float64, class, words string) {
	a.Line(a.X(v), a.Bottom, a.X(v), a.Bottom+5, Axis)
	a.Text(a.X(v), a.Bottom+20, "middle", class, words)
}

// YTick draws a line through the chart at a number, and writes words before it.
func (a Axes) YTick(v float64, words string) {
	a.Line(a.Left, a.Y(v), a.Right, a.Y(v), Grid)
	a.Text(a.Left-8, a.Y(v)+4, "end", Plain, words)
}

// Frame draws the axes themselves.
func (a Axes) Frame() {
	a.Line(a.Left, a.Bottom, a.Right, a.Bottom, Axis)
	a.Line(a.Left, a.Top, a.Left, a.Bottom, Axis)
}

// Clip begins a part of the picture that ends at the axes: see Window.
func (a Axes) Clip() { a.Window(a.Left, a.Top, a.Right-a.Left, a.Bottom-a.Top) }
