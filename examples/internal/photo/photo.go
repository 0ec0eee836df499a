// Package photo renders digits the way people photograph them: by lamp light, on graph paper, with the
// edge of the table in the picture. Programs that classify photos are measured with its pictures. The
// same digit and seed give the same picture.
package photo

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"

	"convnet"
)

// The size of a photo in pixels.
const (
	Width  = 600
	Height = 800
)

// A Kind is a way to take a photo.
type Kind struct {
	Name string
	size [2]float64 // smallest and largest longer side of a digit's box in pixels
	pen  [2]float64 // width of the strokes in pixels, smallest and largest
	take func(s *scene)
}

// Kinds are the ways people take photos, from easy to hard.
var Kinds = []Kind{
	{"clean", usual, ballpoint, nil},
	{"marker", usual, [2]float64{24, 36}, nil},
	{"chalk on a blackboard", usual, [2]float64{12, 20}, chalk},
	{"colored paper", usual, ballpoint, func(s *scene) { s.paper = rgb{0.95, 0.85, 0.35} }},
	{"JPEG of quality 8", usual, ballpoint, func(s *scene) { s.quality = 8 }},
	{"noise", usual, ballpoint, func(s *scene) { s.noise = 0.08 }},
	{"dust", usual, ballpoint, dust},
	{"lamp light from one side", usual, ballpoint, lamp},
	{"faint graph paper", usual, ballpoint, func(s *scene) { graph(s, 0.1) }},
	{"graph paper", usual, ballpoint, func(s *scene) { graph(s, 0.25) }},
	{"the table along one side", usual, ballpoint, side},
	{"a soft shadow in a corner", usual, ballpoint, shadow},
	{"a page on a dark table", [2]float64{160, 260}, [2]float64{8, 16}, page},
	{"strokes of 2 pixels", [2]float64{300, 300}, [2]float64{2, 2}, nil},
	{"strokes of 1 pixel", thinly, [2]float64{1, 1}, nil},
	{"a pen of 2 pixels", thinly, [2]float64{2, 2}, nil},
	{"a pen of 3 pixels", thinly, [2]float64{3, 3}, nil},
	{"a pen of 4 pixels", thinly, [2]float64{4, 4}, nil},
	{"a pen of 5 pixels", thinly, [2]float64{5, 5}, nil},
	{"a pen of 6 pixels", thinly, [2]float64{6, 6}, nil},
	{"touching the edge", usual, ballpoint, func(s *scene) { s.at.x = 0 }},
	{"filling the picture", [2]float64{770, 770}, [2]float64{40, 80}, nil},
}

var (
	usual     = [2]float64{160, 320}
	thinly    = [2]float64{450, 450}
	ballpoint = [2]float64{8, 18}
)

// rgb is a color, each part from 0 to 1.
type rgb [3]float64

// A scene is what is photographed, and how.
type scene struct {
	rng        *rand.Rand
	paper, ink rgb
	at         point       // upper left corner of the digit's box
	drawn      [][]float64 // the digit, from 0 for paper to 1 for ink
	under      func(y, x int, paper rgb) rgb
	light      func(y, x float64) float64 // y and x from 0 to 1 across the photo
	noise      float64                    // its standard deviation
	quality    int                        // of a JPEG
	table      func(y, x float64) bool    // whether a pixel shows the table
}

// Take returns a photo of digit, an image of MNIST's.
func (k Kind) Take(digit [][]float64, seed uint64) image.Image {
	rng := rand.New(rand.NewPCG(seed, 1))
	within := func(r [2]float64) float64 { return r[0] + (r[1]-r[0])*rng.Float64() }
	lines := strokes(digit)
	size, pen := within(k.size), within(k.pen)
	var box point
	for _, l := range lines {
		box = point{max(box.y, l.from.y, l.to.y), max(box.x, l.from.x, l.to.x)}
	}
	size = min(size, (Width-10)/max(box.x, 0.01)) // a wide digit must not be cut off
	box = point{size * box.y, size * box.x}
	const margin = 0.2 // of what's left around the digit, at least, on each side
	s := scene{rng: rng, paper: rgb{0.95, 0.94, 0.91}, ink: rgb{0.1, 0.12, 0.2}, quality: 90}
	s.at.y = (Height - box.y) * (margin + (1-2*margin)*rng.Float64())
	s.at.x = (Width - box.x) * (margin + (1-2*margin)*rng.Float64())
	if k.take != nil {
		k.take(&s)
	}
	s.drawn = convnet.NewMatrix(Height, Width)
	draw(s.drawn, lines, s.at, size, pen)
	return s.photograph()
}

func (s *scene) photograph() image.Image {
	m := image.NewRGBA(image.Rect(0, 0, Width, Height))
	for y := range Height {
		for x := range Width {
			paper, v := s.paper, s.drawn[y][x]
			if s.under != nil {
				paper = s.under(y, x, paper)
			}
			light := 1.0
			if s.light != nil {
				light = s.light(float64(y)/Height, float64(x)/Width)
			}
			grain := (s.noise + 0.01) * s.rng.NormFloat64()
			var c [3]uint8
			for k := range c {
				shade := paper[k] + (s.ink[k]-paper[k])*v
				if s.table != nil && s.table(float64(y), float64(x)) {
					shade = rgb{0.30, 0.22, 0.15}[k] + 0.02*math.Sin(float64(x)/3+float64(y)/40)
				}
				c[k] = uint8(math.Round(255 * min(max(shade*light+grain, 0), 1)))
			}
			m.SetRGBA(x, y, color.RGBA{c[0], c[1], c[2], 255})
		}
	}
	if s.quality == 90 {
		return m
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: s.quality}); err != nil {
		panic(err) // a buffer takes everything
	}
	decoded, err := jpeg.Decode(&file)
	if err != nil {
		panic(err)
	}
	return decoded
}

func chalk(s *scene) {
	s.paper, s.ink = rgb{0.16, 0.22, 0.18}, rgb{0.9, 0.9, 0.86}
	s.noise = 0.03
}

func dust(s *scene) {
	type grain struct{ y, x, r int }
	var grains []grain
	for range 25 {
		grains = append(grains, grain{s.rng.IntN(Height), s.rng.IntN(Width), 1 + s.rng.IntN(3)})
	}
	s.under = func(y, x int, paper rgb) rgb {
		for _, g := range grains {
			if (y-g.y)*(y-g.y)+(x-g.x)*(x-g.x) <= g.r*g.r {
				return rgb{0.3, 0.3, 0.3}
			}
		}
		return paper
	}
}

func lamp(s *scene) {
	angle := 2 * math.Pi * s.rng.Float64()
	sin, cos := math.Sincos(angle)
	s.light = func(y, x float64) float64 {
		along := ((y-0.5)*sin + (x-0.5)*cos) / (math.Abs(sin) + math.Abs(cos)) // from −0.5 to 0.5
		return 0.45 + 0.55*(along+0.5)
	}
}

// graph prints squares on the paper, in lines that are darker than the paper by contrast.
func graph(s *scene, contrast float64) {
	s.ink = rgb{0.12, 0.16, 0.55}
	dy, dx := s.rng.IntN(30), s.rng.IntN(30)
	s.under = func(y, x int, paper rgb) rgb {
		if (y+dy)%30 < 2 || (x+dx)%30 < 2 {
			for k := range paper {
				paper[k] -= contrast * rgb{1.4, 1, 0.3}[k]
			}
		}
		return paper
	}
}

// side shows the table along one side, at a slight angle.
func side(s *scene) {
	wide, tilt := 25+50*s.rng.Float64(), 0.04*(s.rng.Float64()-0.5)
	which := s.rng.IntN(4)
	s.table = func(y, x float64) bool {
		switch which {
		case 0:
			return x < wide+tilt*(y-Height/2)
		case 1:
			return Width-1-x < wide+tilt*(y-Height/2)
		case 2:
			return y < wide+tilt*(x-Width/2)
		}
		return Height-1-y < wide+tilt*(x-Width/2)
	}
}

// shadow is a hand's or a phone's, in one corner and soft at its edge.
func shadow(s *scene) {
	down, right := float64(s.rng.IntN(2)), float64(s.rng.IntN(2))
	radius, soft := 0.45+0.2*s.rng.Float64(), 0.03+0.05*s.rng.Float64()
	s.light = func(y, x float64) float64 {
		distance := math.Hypot((y-down)*Height/Width, x-right)
		return 0.6 + 0.4/(1+math.Exp((radius-distance)/soft))
	}
}

// page is a sheet of paper in the middle of a dark table, turned a little.
func page(s *scene) {
	sin, cos := math.Sincos(0.3 * (s.rng.Float64() - 0.5))
	high, wide := 290+60*s.rng.Float64(), 210+40*s.rng.Float64()
	s.at = point{250 + 60*s.rng.Float64(), 190 + 50*s.rng.Float64()}
	s.table = func(y, x float64) bool {
		y, x = y-Height/2, x-Width/2
		return math.Abs(y*cos+x*sin) > high || math.Abs(x*cos-y*sin) > wide
	}
}
