package main

import (
	"fmt"
	"io"
	"math"

	"convnet"
	"convnet/examples/internal/chart"
)

// The inks: blue for the loss, which is never negative, and marked for what the text is about.
var blue, single, marked = chart.Inks[0], chart.Inks[7], chart.Inks[10]

const pale = "#9dbbdc" // a light blue, for contours

// drawLine draws the loss over some digits along straight lines from the weights: against the
// gradient of all these digits, and against the gradients of single ones.
func drawLine(w io.Writer, train []convnet.Digit) error {
	const width, height = 780, 440
	const title = "The loss over 200 digits after a single step, short or long"
	p := chart.New(width, height, title)
	p.Text(24, 32, "start", chart.Title, title)
	a := chart.Axes{Picture: p, Left: 70, Right: width - 30, Top: 60, Bottom: height - 60, X1: 0.2, Y0: 1, Y1: 2}
	for k := range 6 {
		a.YTick(1+0.2*float64(k), fmt.Sprintf("%.1f", 1+0.2*float64(k)))
	}
	for k := range 5 {
		a.XTick(0.05*float64(k), chart.Plain, fmt.Sprintf("%.2f", 0.05*float64(k)))
	}
	a.Frame()
	p.Text((a.Left+a.Right)/2, height-16, "middle", chart.Plain, "learning rate of the step")
	p.Upward(24, (a.Top+a.Bottom)/2, "mean loss")
	p.Line(a.X(rate), a.Top, a.X(rate), a.Bottom, chart.Dashed)

	n, set := begin(train)
	whole, now := gradient(n, set), meanLoss(n, set)
	a.Clip()
	for _, line := range []struct {
		grad     *convnet.Network
		far, gap float64
	}{
		{gradient(n, set[:1]), 0.04, 0.002},
		{gradient(n, set[1:2]), 0.04, 0.002},
		{gradient(n, set[2:3]), 0.04, 0.002},
		{whole, a.X1, 0.01},
	} {
		var xs, ys []float64
		for k := range int(line.far/line.gap+0.5) + 1 {
			x := line.gap * float64(k)
			y := lossAfter(n, line.grad, set, x)
			xs, ys = append(xs, x), append(ys, y)
			if y > a.Y1 {
				break // the rest is outside of the picture
			}
		}
		ink := single
		if line.grad == whole {
			ink = blue
		}
		p.Path(a.Points(xs, ys), ink)
	}
	const end = 0.1 // of the straight line
	p.Path(a.Points([]float64{0, end}, []float64{now, now - end*dot(whole, whole)}), marked)
	p.Curve(a.Points([]float64{rate}, []float64{lossAfter(n, whole, set, rate)}), blue)
	p.CloseWindow()
	p.Colored(a.X(0.12), a.Y(1.18), "start", blue, "against the gradient of all 200 digits")
	p.Colored(a.X(0.04), a.Y(1.85), "start", single, "against the gradients of three single digits")
	p.Colored(a.X(0.105), a.Y(1.04), "start", marked, "what the slope at 0 promises")
	p.Text(a.X(rate)+6, a.Bottom-10, "start", chart.Small, fmt.Sprintf("rate %v", rate))
	_, err := p.WriteTo(w)
	return err
}

// A valley is the loss over some digits as a function of two fc2 weights that act on the same logit.
type valley struct {
	digits []convnet.Digit
	class  int
	rest   [][]float64  // the logits of each digit without what the two weights add
	inputs [][2]float64 // what the two weights are multiplied by
}

func newValley(n *convnet.Network, digits []convnet.Digit, class, i, j int) valley {
	v := valley{digits: digits, class: class}
	for _, digit := range digits {
		a := convnet.NewActivations()
		n.Forward(a, digit.Image)
		a.Logits[class] -= n.Weights2[class][i]*a.Drop2[i] + n.Weights2[class][j]*a.Drop2[j]
		v.rest = append(v.rest, a.Logits)
		v.inputs = append(v.inputs, [2]float64{a.Drop2[i], a.Drop2[j]})
	}
	return v
}

// at returns the loss at a pair of weights, and its gradient.
func (v valley) at(w [2]float64) (loss float64, grad [2]float64) {
	logits, p := make([]float64, len(v.rest[0])), make([]float64, len(v.rest[0]))
	size := float64(len(v.digits))
	for k, digit := range v.digits {
		copy(logits, v.rest[k])
		logits[v.class] += w[0]*v.inputs[k][0] + w[1]*v.inputs[k][1]
		loss += convnet.CrossEntropy(logits, digit.Label) / size
		convnet.Softmax(p, logits)
		d := p[v.class]
		if digit.Label == v.class {
			d--
		}
		grad[0] += d * v.inputs[k][0] / size
		grad[1] += d * v.inputs[k][1] / size
	}
	return loss, grad
}

// descend returns the path of gradient descent, with momentum or 0, from w.
func (v valley) descend(w [2]float64, steps int, rate, momentum float64) (path [][2]float64) {
	var velocity [2]float64
	path = append(path, w)
	for range steps {
		_, grad := v.at(w)
		for k := range w {
			velocity[k] = momentum*velocity[k] + grad[k]
			w[k] -= rate * velocity[k]
		}
		path = append(path, w)
	}
	return path
}

// contour returns points around the lowest one where the loss has a given value. The valley is
// convex, so there is one in each direction.
func (v valley) contour(lowest [2]float64, level float64) (points [][2]float64) {
	const directions = 64
	for k := range directions + 1 {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / directions)
		x, y := 0.7*sin-1.5*cos, 0.35*sin+3*cos // more of them along the valley than across
		at := func(r float64) [2]float64 { return [2]float64{lowest[0] + r*x, lowest[1] + r*y} }
		near, far := 0.0, 16.0
		for range 13 {
			r := (near + far) / 2
			if loss, _ := v.at(at(r)); loss < level {
				near = r
			} else {
				far = r
			}
		}
		points = append(points, at(near))
	}
	return points
}

// curvatures returns how fast the slope of the loss changes with the weights, in the direction in
// which it changes fastest and in the one in which it changes slowest.
func (v valley) curvatures(w [2]float64) (most, least float64) {
	const s = 1e-4
	slopes := func(dx, dy float64) [2]float64 {
		_, above := v.at([2]float64{w[0] + dx, w[1] + dy})
		_, below := v.at([2]float64{w[0] - dx, w[1] - dy})
		return [2]float64{(above[0] - below[0]) / (2 * s), (above[1] - below[1]) / (2 * s)}
	}
	x, y := slopes(s, 0), slopes(0, s)
	middle, apart := (x[0]+y[1])/2, math.Hypot((x[0]-y[1])/2, x[1])
	return middle + apart, middle - apart
}

// theValley returns the valley of the picture and its lowest point.
func theValley(train []convnet.Digit) (v valley, lowest [2]float64) {
	n, set := begin(train)
	v = newValley(n, set, 2, 43, 61)
	path := v.descend([2]float64{}, 200, 2, 0)
	return v, path[len(path)-1]
}

// steps is how many steps each path in the picture of the valley has.
const steps = 20

// runs lists these paths.
var runs = []struct {
	name           string
	rate, momentum float64
}{
	{"rate 0.2: too small", 0.2, 0},
	{"rate 2: good", 2, 0},
	{"rate 3: too large", 3, 0},
	{"rate 0.2 with momentum 0.9", 0.2, 0.9},
}

// beginning is where the paths begin.
var beginning = [2]float64{-2.5, 1}

// drawValley draws the loss as a function of two weights, and paths of gradient descent.
func drawValley(w io.Writer, train []convnet.Digit) error {
	v, lowest := theValley(train)
	low, _ := v.at(lowest)
	const width, height = 780, 744
	const title = "The loss as two weights change, and twenty steps of gradient descent"
	p := chart.New(width, height, title)
	p.Text(24, 32, "start", chart.Title, title)
	var contours [][][2]float64
	for _, above := range []float64{0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8} {
		contours = append(contours, v.contour(lowest, low+above))
	}
	for k, r := range runs {
		left, top := float64(60+k%2*370), float64(98+k/2*334)
		a := chart.Axes{Picture: p, Left: left, Right: left + 320, Top: top, Bottom: top + 240, X0: -3.2, X1: 3.2, Y0: -2.4, Y1: 2.4}
		points := func(ws [][2]float64) (points [][2]float64) {
			for _, w := range ws {
				points = append(points, [2]float64{a.X(w[0]), a.Y(w[1])})
			}
			return points
		}
		path := v.descend(beginning, steps, r.rate, r.momentum)
		last, _ := v.at(path[steps])
		p.Text(left, top-26, "start", chart.Title, r.name)
		p.Text(left, top-9, "start", chart.Small, fmt.Sprintf("loss after %d steps: %.3f above the lowest", steps, last-low))
		for _, tick := range []struct {
			v     float64
			words string
		}{{-2, "−2"}, {0, "0"}, {2, "2"}} {
			a.YTick(tick.v, tick.words)
			a.XTick(tick.v, chart.Plain, tick.words)
		}
		p.Text(left+160, a.Bottom+40, "middle", chart.Plain, "first weight")
		p.Upward(left-38, top+120, "second weight")
		a.Frame()
		a.Clip()
		for _, c := range contours {
			p.Path(points(c), pale)
		}
		p.Curve(points(path), marked)
		p.CloseWindow()
	}
	_, err := p.WriteTo(w)
	return err
}
