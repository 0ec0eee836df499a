package main

import (
	"fmt"
	"io"
	"math"

	"convnet/examples/internal/chart"
)

// The sizes of the picture's four panels, in pixels.
const (
	panelWidth, panelHeight  = 400, 300
	left, right, top, bottom = 72, 20, 46, 50
	header                   = 40
)

// draw draws a panel for each table, with logarithmic axes: doubling the work and doubling
// the time are the same distance.
func draw(w io.Writer, tables []table, hertz float64) error {
	p := chart.New(2*panelWidth, header+2*panelHeight, "Time against work: training examples, batches, kernels, maps")
	p.Colored(134, 28, "end", chart.Inks[0], "measured")
	p.Colored(222, 28, "end", chart.Inks[1], "predicted")
	p.Colored(250, 28, "start", chart.Inks[2], "limit: two multiply-adds per cycle")
	for k, t := range tables {
		drawPanel(p, t, hertz, float64(k%2*panelWidth), float64(header+k/2*panelHeight))
	}
	_, err := p.WriteTo(w)
	return err
}

func drawPanel(p *chart.Picture, t table, hertz, x0, y0 float64) {
	first, last := t.rows[0], t.rows[len(t.rows)-1]
	low, high := math.Inf(1), math.Inf(-1)
	for _, r := range t.rows {
		low = min(low, r.limit(hertz)/1e3)
		high = max(high, r.measured/1e3, r.predicted/1e3)
	}
	a := chart.Axes{
		Picture: p, Left: x0 + left, Right: x0 + panelWidth - right, Top: y0 + top, Bottom: y0 + panelHeight - bottom,
		X0: math.Log(first.size), X1: math.Log(last.size),
		Y0: math.Floor(math.Log10(low)), Y1: math.Ceil(math.Log10(high)),
	}
	p.Text(a.Left, y0+20, "start", chart.Title, t.title)
	p.Text(a.Left, y0+37, "start", chart.Small, "time for "+t.unit)
	for d := a.Y0; d <= a.Y1; d++ {
		a.YTick(d, duration(1e3*math.Pow(10, d)))
	}
	for _, r := range t.rows {
		a.XTick(math.Log(r.size), chart.Small, fmt.Sprintf("%.0f", r.size))
	}
	p.Text((a.Left+a.Right)/2, y0+panelHeight-12, "middle", chart.Plain, t.grows)
	a.Frame()
	for k, ns := range []func(r row) float64{
		func(r row) float64 { return r.measured },
		func(r row) float64 { return r.predicted },
		func(r row) float64 { return r.limit(hertz) },
	} {
		var points [][2]float64
		for _, r := range t.rows {
			points = append(points, [2]float64{a.X(math.Log(r.size)), a.Y(math.Log10(ns(r) / 1e3))})
		}
		p.Curve(points, chart.Inks[k])
	}
}
