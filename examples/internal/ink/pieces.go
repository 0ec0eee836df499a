package ink

import "convnet"

type place struct{ y, x int }

// A piece is connected ink.
type piece struct {
	places                   []place
	amount                   float64
	top, bottom, left, right int // its box: rows top to bottom−1, columns left to right−1
}

func (p piece) long() int { return max(p.bottom-p.top, p.right-p.left) }

// pieces returns the connected pieces of ink, from top to bottom.
func pieces(ink [][]float64) (found []piece) {
	seen := convnet.NewMatrix(len(ink), len(ink[0]))
	for y, row := range ink {
		for x := range row {
			if row[x] == 0 || seen[y][x] == 1 {
				continue
			}
			seen[y][x] = 1
			p := piece{places: []place{{y, x}}, top: y, left: x}
			for k := 0; k < len(p.places); k++ { // places grows meanwhile
				at := p.places[k]
				p.amount += ink[at.y][at.x]
				p.bottom, p.left, p.right = max(p.bottom, at.y+1), min(p.left, at.x), max(p.right, at.x+1)
				for i := max(0, at.y-1); i <= min(len(ink)-1, at.y+1); i++ {
					for j := max(0, at.x-1); j <= min(len(row)-1, at.x+1); j++ {
						if ink[i][j] > 0 && seen[i][j] == 0 {
							seen[i][j] = 1
							p.places = append(p.places, place{i, j})
						}
					}
				}
			}
			found = append(found, p)
		}
	}
	return found
}

// clean removes what isn't part of a digit: first what runs along the edge of the page, then specks.
func clean(ink, page [][]float64) {
	removeAlongEdge(ink, page)
	removeSpecks(ink)
}

// removeAlongEdge removes pieces of ink that run along the edge of the page, such as a strip of the
// table, unless nothing else is left. A digit may touch the edge, but it doesn't follow it.
func removeAlongEdge(ink, page [][]float64) {
	outside := func(y, x int) bool {
		return y < 0 || x < 0 || y >= len(page) || x >= len(page[y]) || page[y][x] == 0
	}
	top, bottom, left, right := box(page)
	side := max(bottom-top, right-left)
	var along []piece
	remains := 0
	for _, p := range pieces(ink) {
		contact := 0
		for _, at := range p.places {
			if outside(at.y-2, at.x) || outside(at.y+2, at.x) || outside(at.y, at.x-2) || outside(at.y, at.x+2) {
				contact++
			}
		}
		if contact >= p.long() && p.long() >= side/4 { // contact counts two pixels per row or column
			along = append(along, p)
		} else {
			remains = max(remains, p.long())
		}
	}
	if remains < side/10 {
		return
	}
	for _, p := range along {
		erase(ink, p)
	}
}

// removeFaint removes ink that isn't next to stronger ink: what's printed on the paper.
func removeFaint(ink [][]float64) {
	const near = 2 // pixels
	around := convnet.NewMatrix(len(ink), len(ink[0]))
	for y, row := range ink {
		copy(around[y], row)
	}
	widest(around, near)
	for y, row := range ink {
		for x := range row {
			if around[y][x] < faint/2 {
				row[x] = 0
			}
		}
	}
}

func erase(ink [][]float64, p piece) {
	for _, at := range p.places {
		ink[at.y][at.x] = 0
	}
}

// removeSpecks removes small pieces of ink. A digit is a single connected piece, or two or three large
// ones. A small one is a speck of dust.
func removeSpecks(ink [][]float64) {
	const least = 0.05 // of the ink in the largest piece
	all, most := pieces(ink), 0.0
	for _, p := range all {
		most = max(most, p.amount)
	}
	for _, p := range all {
		if p.amount < least*most {
			erase(ink, p)
		}
	}
}
