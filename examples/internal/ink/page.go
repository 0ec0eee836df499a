package ink

import (
	"math"

	"convnet"
)

// findPage looks for a light page on a darker table, or for a dark one on a lighter table. It returns a
// matrix that is 1 on the page, away from its edges, and 0 elsewhere, or nil if there's no page.
func findPage(shades [][]float64) [][]float64 {
	s := smooth(shades, 1)
	if page := lightPage(s); page != nil {
		return page
	}
	return lightPage(inverted(s))
}

func lightPage(shades [][]float64) [][]float64 {
	const (
		leastSide   = 48   // of the picture, in pixels. A smaller one shows no digit on a page
		leastArea   = 0.08 // of the picture
		leastInside = 0.7  // of the hull: the rest is ink
		leastFilled = 0.84 // of the smallest rectangle around the hull. An ellipse fills 0.79 of it
		leastStep   = 0.5  // at its edge, of the difference between the page and the table
		mostOutside = 0.2  // of the table may be as light as the page: more is the same paper beyond a stroke
	)
	height, width := len(shades), len(shades[0])
	if max(height, width) < leastSide {
		return nil
	}
	split, step := otsu(shades)
	bright := convnet.NewMatrix(height, width)
	for y, row := range bright {
		for x := range row {
			if shades[y][x] > split {
				row[x] = 1
			}
		}
	}
	var largest piece
	for _, p := range pieces(bright) {
		if len(p.places) > len(largest.places) {
			largest = p
		}
	}
	hull := hullOf(largest)
	area := areaOf(hull)
	if area < leastArea*float64(height*width) || float64(len(largest.places)) < leastInside*area || area < leastFilled*smallestRectangle(hull) {
		return nil
	}
	page := convnet.NewMatrix(height, width)
	outside, light := 0, 0 // pixels of the table, and how many are light
	for y, row := range page {
		for x := range row {
			if within(hull, float64(y), float64(x)) {
				row[x] = 1
				continue
			}
			outside++
			light += int(bright[y][x])
		}
	}
	if float64(light) > mostOutside*float64(outside) {
		return nil
	}
	// Light falls off slowly, but the page ends suddenly.
	const near = 4
	sharp, all := 0, 0
	for k, from := range hull {
		to := hull[(k+1)%len(hull)]
		dy, dx := to.y-from.y, to.x-from.x
		long := math.Hypot(dy, dx)
		for d := 0.5; d < long; d++ {
			y, x := from.y+dy*d/long, from.x+dx*d/long
			outY, outX := int(y+near*dx/long), int(x-near*dy/long)
			inY, inX := int(y-near*dx/long), int(x+near*dy/long)
			if outY < 0 || outX < 0 || outY >= height || outX >= width || inY < 0 || inX < 0 || inY >= height || inX >= width {
				continue
			}
			all++
			if shades[inY][inX]-shades[outY][outX] > leastStep*step {
				sharp++
			}
		}
	}
	if all < min(height, width)/2 || float64(sharp) < 0.7*float64(all) {
		return nil
	}
	return narrowed(page, max(height, width)/60+1)
}

// otsu returns the shade that splits a picture into two classes whose means differ most, weighted by
// their sizes, and the difference of the means (Otsu, 1979).
func otsu(shades [][]float64) (split, step float64) {
	var counts [256]float64
	n, sum := 0.0, 0.0
	for _, row := range shades {
		for _, v := range row {
			counts[int(255*v)]++
			n, sum = n+1, sum+float64(int(255*v))
		}
	}
	best, below, sumBelow := -1.0, 0.0, 0.0
	for k, count := range counts {
		below, sumBelow = below+count, sumBelow+count*float64(k)
		if below == 0 || below == n {
			continue
		}
		d := (sum-sumBelow)/(n-below) - sumBelow/below
		if v := below * (n - below) * d * d; v > best {
			best, split, step = v, (float64(k)+1)/255, d/255
		}
	}
	return split, step
}

// A corner is a point of a polygon.
type corner struct{ y, x float64 }

// hullOf returns the convex hull of a piece, in an order that has the inside on the same side.
func hullOf(p piece) []corner {
	type ends struct{ left, right int }
	rows := make([]ends, p.bottom-p.top)
	for k := range rows {
		rows[k] = ends{math.MaxInt, -1}
	}
	for _, at := range p.places {
		r := &rows[at.y-p.top]
		r.left, r.right = min(r.left, at.x), max(r.right, at.x)
	}
	var hull []corner
	add := func(first int, c corner) {
		for len(hull) >= first+2 && turnsBack(hull[len(hull)-2], hull[len(hull)-1], c) {
			hull = hull[:len(hull)-1]
		}
		hull = append(hull, c)
	}
	for k, r := range rows { // down the left side
		add(0, corner{float64(p.top + k), float64(r.left)})
	}
	first := len(hull)
	for k := len(rows) - 1; k >= 0; k-- { // and up the right side
		add(first, corner{float64(p.top + k), float64(rows[k].right)})
	}
	return hull
}

// turnsBack reports whether the way from a over b to c doesn't turn left, as a hull must.
func turnsBack(a, b, c corner) bool { return cross(a, b, c) <= 0 }

// cross is positive if c is to the left of the way from a to b, with y growing downward.
func cross(a, b, c corner) float64 { return (b.y-a.y)*(c.x-a.x) - (b.x-a.x)*(c.y-a.y) }

func areaOf(polygon []corner) (area float64) {
	for k, a := range polygon {
		b := polygon[(k+1)%len(polygon)]
		area += (a.y*b.x - b.y*a.x) / 2
	}
	return math.Abs(area)
}

// smallestRectangle returns the area of the smallest rectangle around a hull. One of its sides lies on
// one of the hull's.
func smallestRectangle(hull []corner) float64 {
	smallest := math.Inf(1)
	for k, a := range hull {
		b := hull[(k+1)%len(hull)]
		dy, dx := b.y-a.y, b.x-a.x
		long := math.Hypot(dy, dx)
		if long == 0 {
			continue
		}
		low, high, deep := math.Inf(1), math.Inf(-1), 0.0
		for _, c := range hull {
			along := ((c.y-a.y)*dy + (c.x-a.x)*dx) / long
			low, high = min(low, along), max(high, along)
			deep = max(deep, math.Abs(cross(a, b, c))/long)
		}
		smallest = min(smallest, (high-low)*deep)
	}
	return smallest
}

func within(hull []corner, y, x float64) bool {
	for k, a := range hull {
		if cross(a, hull[(k+1)%len(hull)], corner{y, x}) < 0 {
			return false
		}
	}
	return true
}
