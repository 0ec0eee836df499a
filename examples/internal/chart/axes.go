package chart

// Axes are the axes of a chart. They convert values to pixels.
type Axes struct {
	*Picture
	Left, Right, Top, Bottom float64 // where the axes end, in pixels
	X0, X1, Y0, Y1           float64 // the values there: X0 at the left, Y0 at the bottom
}

// X returns the x of a value.
func (a Axes) X(v float64) float64 { return a.Left + (v-a.X0)/(a.X1-a.X0)*(a.Right-a.Left) }

// Y returns the y of a value.
func (a Axes) Y(v float64) float64 { return a.Bottom - (v-a.Y0)/(a.Y1-a.Y0)*(a.Bottom-a.Top) }

// Points converts the points (xs[k], ys[k]).
func (a Axes) Points(xs, ys []float64) (points [][2]float64) {
	for k := range xs {
		points = append(points, [2]float64{a.X(xs[k]), a.Y(ys[k])})
	}
	return points
}

// XTick marks a value on the x axis and writes words below it.
func (a Axes) XTick(v float64, class, words string) {
	a.Line(a.X(v), a.Bottom, a.X(v), a.Bottom+5, Axis)
	a.Text(a.X(v), a.Bottom+20, "middle", class, words)
}

// YTick draws a grid line at a value of the y axis and writes words to its left.
func (a Axes) YTick(v float64, words string) {
	a.Line(a.Left, a.Y(v), a.Right, a.Y(v), Grid)
	a.Text(a.Left-8, a.Y(v)+4, "end", Plain, words)
}

// Frame draws the axes themselves.
func (a Axes) Frame() {
	a.Line(a.Left, a.Bottom, a.Right, a.Bottom, Axis)
	a.Line(a.Left, a.Top, a.Left, a.Bottom, Axis)
}

// Clip clips everything drawn until CloseWindow to the chart, give or take a hair's breadth.
func (a Axes) Clip() { a.window(a.Left, a.Top, a.Right-a.Left, a.Bottom-a.Top) }
