package tutor

import (
	"fmt"
	"math"
	"slices"

	"convnet"
)

// forwardSteps are the functions of the forward pass, and the two that make memory.
func forwardSteps() []Step {
	return []Step{
		newMatrixStep(), newVolumeStep(),
		conv2DStep(), reluStep(), maxPoolStep(), flattenStep(), fullyConnectedStep(), softmaxStep(), crossEntropyStep(),
	}
}

func newMatrixStep() Step {
	make2 := func(make2 func(rows, cols int) [][]float64) func(f *Functions) {
		return func(f *Functions) { f.NewMatrix = make2 }
	}
	return Step{
		Name:    "NewMatrix",
		Section: "Convolution",
		does:    "returns a matrix of zeros, row after row: m[y][x].",
		formula: "NewMatrix(2, 3) is [][]float64 with 2 rows of 3 zeros",
		Hints: []string{
			"A [][]float64 is a slice of rows. make gives you the slice of rows, but each row is still nil.",
			"m := make([][]float64, rows), and then a loop: m[y] = make([]float64, cols).",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.NewMatrix\n\n(It cuts all rows out of one block of memory, which is a little faster. Yours doesn't have to.)",
		},
		trials: []trial{newMatrixTrial(2, 3), newMatrixTrial(3, 1), newMatrixTrial(1, 4)},
		mistakes: []mistake{
			{"rows and columns are swapped", make2(func(rows, cols int) [][]float64 { return convnet.NewMatrix(cols, rows) })},
			{"the rows are never made: each is still nil", make2(func(rows, cols int) [][]float64 { return make([][]float64, rows) })},
			{"all rows are one and the same slice, so what is written to one is in all of them", make2(func(rows, cols int) [][]float64 {
				m, row := make([][]float64, rows), make([]float64, cols)
				for y := range m {
					m[y] = row
				}
				return m
			})},
			{"the matrix is rows×rows instead of rows×cols", make2(func(rows, cols int) [][]float64 { return convnet.NewMatrix(rows, rows) })},
			{"the matrix is cols×cols instead of rows×cols", make2(func(rows, cols int) [][]float64 { return convnet.NewMatrix(cols, cols) })},
			{"the rows are appended to a slice that already has length rows: make([][]float64, 0, rows) would be empty", make2(func(rows, cols int) [][]float64 {
				return append(make([][]float64, rows), convnet.NewMatrix(rows, cols)...)
			})},
			{"rows have no length, only a capacity: make([]float64, 0, cols) has no entries yet", make2(func(rows, cols int) [][]float64 {
				m := make([][]float64, rows)
				for y := range m {
					m[y] = make([]float64, 0, cols)
				}
				return m
			})},
			{"rows overlap in one block: row y should begin at y·cols, not at y", make2(func(rows, cols int) [][]float64 {
				block, m := make([]float64, rows*cols), make([][]float64, rows)
				for y := range m {
					m[y] = block[y : y+cols]
				}
				return m
			})},
			{"the function returns nil", make2(func(rows, cols int) [][]float64 { return nil })},
		},
	}
}

func newMatrixTrial(rows, cols int) trial {
	return trial{
		input: fmt.Sprintf("m := NewMatrix(%d, %d)", rows, cols),
		run: func(f Functions) []output {
			m := f.NewMatrix(rows, cols)
			fresh := matrix("m", m)
			if !sameShape(fresh, matrix("", convnet.NewMatrix(rows, cols))) {
				return []output{fresh}
			}
			numbered(m)
			return []output{fresh, matrix("m, after writing 1, 2, 3, … to it", m)}
		},
	}
}

// numbered writes 1, 2, 3 and so on to matrices.
func numbered(matrices ...[][]float64) {
	n := 0.0
	for _, m := range matrices {
		for _, row := range m {
			for x := range row {
				n++
				row[x] = n
			}
		}
	}
}

func newVolumeStep() Step {
	make3 := func(make3 func(channels, rows, cols int) [][][]float64) func(f *Functions) {
		return func(f *Functions) { f.NewVolume = make3 }
	}
	return Step{
		Name:    "NewVolume",
		Section: "Convolution",
		does:    "returns a volume of zeros, a matrix for each channel: v[c][y][x].",
		formula: "NewVolume(2, 3, 4) is [][][]float64 with 2 matrices of 3×4 zeros",
		Hints: []string{
			"A volume is a slice of matrices, and you have just written a function that makes a matrix.",
			"v := make([][][]float64, channels), and then a loop: v[c] = NewMatrix(rows, cols).",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.NewVolume",
		},
		trials: []trial{newVolumeTrial(2, 1, 3), newVolumeTrial(1, 3, 2), newVolumeTrial(3, 2, 1)},
		mistakes: []mistake{
			{"all channels are one and the same matrix, so what is written to one is in all of them", make3(func(channels, rows, cols int) [][][]float64 {
				v, m := make([][][]float64, channels), convnet.NewMatrix(rows, cols)
				for c := range v {
					v[c] = m
				}
				return v
			})},
			{"the matrices are never made: each is still nil", make3(func(channels, rows, cols int) [][][]float64 { return make([][][]float64, channels) })},
			{"rows and columns are swapped", make3(func(channels, rows, cols int) [][][]float64 { return convnet.NewVolume(channels, cols, rows) })},
			{"the channels come last: the order is v[channel][row][column]", make3(func(channels, rows, cols int) [][][]float64 { return convnet.NewVolume(rows, cols, channels) })},
			{"channels and rows are swapped", make3(func(channels, rows, cols int) [][][]float64 { return convnet.NewVolume(rows, channels, cols) })},
			{"the rows are never made: each is still nil", make3(func(channels, rows, cols int) [][][]float64 { return convnet.NewVolume(channels, rows, 0) })},
			{"all rows of a channel are one and the same slice", make3(func(channels, rows, cols int) [][][]float64 {
				v := make([][][]float64, channels)
				for c := range v {
					row := make([]float64, cols)
					for range rows {
						v[c] = append(v[c], row)
					}
				}
				return v
			})},
			{"there is only one channel", make3(func(channels, rows, cols int) [][][]float64 { return convnet.NewVolume(1, rows, cols) })},
			{"the function returns nil", make3(func(channels, rows, cols int) [][][]float64 { return nil })},
		},
	}
}

func newVolumeTrial(channels, rows, cols int) trial {
	return trial{
		input: fmt.Sprintf("v := NewVolume(%d, %d, %d)", channels, rows, cols),
		run: func(f Functions) []output {
			v := f.NewVolume(channels, rows, cols)
			fresh := volume("v", v)
			if !sameShape(fresh, volume("", convnet.NewVolume(channels, rows, cols))) {
				return []output{fresh}
			}
			numbered(v...)
			return []output{fresh, volume("v, after writing 1, 2, 3, … to it", v)}
		},
	}
}

// kernelSwapped is said of all three functions that need a kernel's index.
const kernelSwapped = "rows and columns of the kernel are swapped: the index is (c·rows+i)·cols+j, where i goes with y and j with x"

// kernelShort is said of them, too. The size comes from in and dst, or from their gradients.
const kernelShort = "the kernel size lacks its + 1: rows is len(in[0]) − len(dst[0]) + 1, and cols in the same way, also in the index"

func conv2DStep() Step {
	conv := func(conv func(dst, in [][][]float64, filters [][]float64)) func(f *Functions) {
		return func(f *Functions) { f.Conv2D = conv }
	}
	// sum is Conv2D whose products are wrong.
	sum := func(product func(s six, in [][][]float64, filters [][]float64) float64) func(f *Functions) {
		return conv(func(dst, in [][][]float64, filters [][]float64) {
			clearVolume(dst)
			sixLoops(dst, in, func(s six) { dst[s.f][s.y][s.x] += product(s, in, filters) })
		})
	}
	pixel := func(s six, in [][][]float64) float64 { return in[s.c][s.y+s.i][s.x+s.j] }
	// sized has square kernels.
	sized := func(side func(w []float64, channels int) int) func(f *Functions) {
		return conv(func(dst, in [][][]float64, w [][]float64) {
			clearVolume(dst)
			n := side(w[0], len(in))
			for f := range dst {
				for y := range dst[f] {
					for x := range dst[f][y] {
						for c := range in {
							for i := range n {
								for j := range n {
									dst[f][y][x] += in[c][y+i][x+j] * w[f][(c*n+i)*n+j]
								}
							}
						}
					}
				}
			}
		})
	}
	return Step{
		Name:    "Conv2D",
		Section: "Convolution over several channels",
		does:    "slides each filter over all channels of in, and writes one map for each filter.",
		formula: "dst[f][y][x] = Σ_c Σᵢ Σⱼ in[c][y+i][x+j] · filters[f][(c·rows+i)·cols+j]\n\n" +
			"rows and cols are the size of a kernel. If in is 4×4 and dst is 3×3,\nrows is 4 − 3 + 1 = 2, and so is cols.",
		Hints: []string{
			"First find the size of the kernel: rows = len(in[0]) - len(dst[0]) + 1, and cols in the same way. Then six loops: over the filters f, the places y and x of dst, the channels c, and the kernel's i and j.",
			"Set dst[f][y][x] to 0 between the three outer loops and the three inner ones. In the innermost, add in[c][y+i][x+j] times filters[f][(c*rows+i)*cols+j]. A filter is one slice: the kernel of the first channel row by row, then the kernel of the next.",
			"All six loops are in the doc comment of Conv2D:\n\n    go doc convnet.Conv2D",
		},
		trials: []trial{
			conv2DTrial(walkImage, walkFilters1, dirt, 3, 3),
			conv2DTrial(walkReLU1, walkFilters2, -dirt, 2, 2),
			conv2DTrial([][][]float64{{{1, 2}, {3, 4}}}, [][]float64{{1, 10, 100, 1000}}, dirt, 1, 1),
			conv2DTrial(patternVolume(2, 3, 5, 1), patternMatrix(3, 12, 2), dirt, 2, 3),
			conv2DTrial(patternVolume(3, 4, 3, 3), patternMatrix(2, 9, 1), -dirt, 2, 3),
		},
		mistakes: []mistake{
			{"the kernel is flipped by 180°. That is what mathematicians call a convolution. In networks it isn't flipped", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[s.f][s.at(s.c, s.rows-1-s.i, s.cols-1-s.j)]
			})},
			{"the kernel is upside down", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[s.f][s.at(s.c, s.rows-1-s.i, s.j)]
			})},
			{"the kernel is mirrored, left to right", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[s.f][s.at(s.c, s.i, s.cols-1-s.j)]
			})},
			{"the kernel's rows and columns are swapped: its weights lie row after row, so the index is i·cols + j", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[s.f][(s.c*s.cols+s.j)*s.rows+s.i]
			})},
			{kernelSwapped, sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[s.f][s.at(s.c, s.j, s.i)]
			})},
			{"the kernel's index has rows where it needs cols: a row of the kernel has cols weights", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[s.f][(s.c*s.rows+s.i)*s.rows+s.j]
			})},
			{"the kernel's index lacks parentheses: (c·rows+i)·cols + j, not c·rows + i·cols + j", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[s.f][s.c*s.rows+s.i*s.cols+s.j]
			})},
			{"rows and columns of in are swapped: in[c][x+j][y+i] instead of in[c][y+i][x+j]", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return in[s.c][s.x+s.j][s.y+s.i] * w[s.f][s.weight()]
			})},
			{"i and j are swapped at the pixel: in[c][y+j][x+i] instead of in[c][y+i][x+j]", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return in[s.c][s.y+s.j][s.x+s.i] * w[s.f][s.weight()]
			})},
			{"rows and columns of dst are swapped: dst[f][x][y] instead of dst[f][y][x], or x and y are swapped at the pixel", conv(func(dst, in [][][]float64, w [][]float64) {
				clearVolume(dst)
				sixLoops(dst, in, func(s six) { dst[s.f][s.x][s.y] += pixel(s, in) * w[s.f][s.weight()] })
			})},
			{"channels beyond the first are ignored", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return when(s.c == 0, pixel(s, in)*w[s.f][s.weight()])
			})},
			{"only the last channel counts: each channel overwrites the sum of the one before. Set dst to 0 outside the loop over the channels", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return when(s.c == s.channels-1, pixel(s, in)*w[s.f][s.weight()])
			})},
			{"only the last row of a kernel counts: the sum starts over in every row", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return when(s.c == s.channels-1 && s.i == s.rows-1, pixel(s, in)*w[s.f][s.weight()])
			})},
			{"only the last product counts: = instead of +=", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return when(s.lastTerm(), pixel(s, in)*w[s.f][s.weight()])
			})},
			{"all channels use the kernel of the first: the index lacks c·rows·cols", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[s.f][s.at(0, s.i, s.j)]
			})},
			{"every kernel looks at the first channel: in[0] instead of in[c]", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return in[0][s.y+s.i][s.x+s.j] * w[s.f][s.weight()]
			})},
			{"the channel is innermost in a filter. Ours have one whole kernel after another", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[s.f][(s.i*s.cols+s.j)*s.channels+s.c]
			})},
			{"all maps use the first filter", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[0][s.weight()]
			})},
			{"i and j don't move the pixel: every weight is multiplied by the same one, in[c][y][x]", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return in[s.c][s.y][s.x] * w[s.f][s.weight()]
			})},
			{"y and x don't move the pixel: the kernel never leaves the corner", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return in[s.c][s.i][s.j] * w[s.f][s.weight()]
			})},
			{"pixel and weight are added, not multiplied", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) + w[s.f][s.weight()]
			})},
			{"dst isn't set to 0 first, so the sums are added to what an earlier call left there", conv(func(dst, in [][][]float64, w [][]float64) {
				sixLoops(dst, in, func(s six) { dst[s.f][s.y][s.x] += pixel(s, in) * w[s.f][s.weight()] })
			})},
			{"dst is set to 0 only in its first map", conv(func(dst, in [][][]float64, w [][]float64) {
				clearMatrix(dst[0])
				sixLoops(dst, in, func(s six) { dst[s.f][s.y][s.x] += pixel(s, in) * w[s.f][s.weight()] })
			})},
			{"the sum isn't set to 0 for the next place, so it goes on from the one before", conv(func(dst, in [][][]float64, w [][]float64) {
				total := 0.0
				sixLoops(dst, in, func(s six) {
					total += pixel(s, in) * w[s.f][s.weight()]
					dst[s.f][s.y][s.x] = total
				})
			})},
			{"the sum isn't set to 0 for the next place, only for the next filter", conv(func(dst, in [][][]float64, w [][]float64) {
				total := make([]float64, len(dst))
				sixLoops(dst, in, func(s six) {
					total[s.f] += pixel(s, in) * w[s.f][s.weight()]
					dst[s.f][s.y][s.x] = total[s.f]
				})
			})},
			{"all filters are summed into the first map", conv(func(dst, in [][][]float64, w [][]float64) {
				clearVolume(dst)
				sixLoops(dst, in, func(s six) { dst[0][s.y][s.x] += pixel(s, in) * w[s.f][s.weight()] })
			})},
			{"ReLU is part of it. That is a step of its own", conv(func(dst, in [][][]float64, w [][]float64) {
				convnet.Conv2D(dst, in, w)
				for _, m := range dst {
					convnet.ReLU(m, m)
				}
			})},
			{"the last row and the last column of dst are never written: a loop ends one too early", conv(func(dst, in [][][]float64, w [][]float64) {
				old := cloneVolume(dst)
				convnet.Conv2D(dst, in, w)
				for f, m := range dst {
					copy(m[len(m)-1], old[f][len(m)-1])
					for y, row := range m {
						row[len(row)-1] = old[f][y][len(row)-1]
					}
				}
			})},
			{"the last row of the kernel is left out", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return when(s.i < s.rows-1, pixel(s, in)*w[s.f][s.weight()])
			})},
			{"the last column of the kernel is left out", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return when(s.j < s.cols-1, pixel(s, in)*w[s.f][s.weight()])
			})},
			{"the last row and the last column of the kernel are left out: a loop ends one too early", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return when(s.i < s.rows-1 && s.j < s.cols-1, pixel(s, in)*w[s.f][s.weight()])
			})},
			{kernelShort, sum(func(s six, in [][][]float64, w [][]float64) float64 {
				k, visited := s.short()
				return when(visited, pixel(s, in)*w[s.f][k])
			})},
			{"the kernel moves by its own size. Our stride is 1", conv(func(dst, in [][][]float64, w [][]float64) {
				right := cloneVolume(dst)
				convnet.Conv2D(right, in, w)
				rows, cols := len(in[0])-len(dst[0])+1, len(in[0][0])-len(dst[0][0])+1
				for f := range dst {
					for y := 0; y*rows < len(dst[f]); y++ {
						for x := 0; x*cols < len(dst[f][0]); x++ {
							dst[f][y][x] = right[f][y*rows][x*cols]
						}
					}
				}
			})},
			{"the kernel moves by its own size, and the places between are never written. Our stride is 1", conv(func(dst, in [][][]float64, w [][]float64) {
				right := cloneVolume(dst)
				convnet.Conv2D(right, in, w)
				rows, cols := len(in[0])-len(dst[0])+1, len(in[0][0])-len(dst[0][0])+1
				for f := range dst {
					for y := 0; y < len(dst[f]); y += rows {
						for x := 0; x < len(dst[f][0]); x += cols {
							dst[f][y][x] = right[f][y][x]
						}
					}
				}
			})},
			{"the image is padded with zeros, so that the kernel's center lies at y, x. Our kernels have their corner there", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				y, x := s.y+s.i-s.rows/2, s.x+s.j-s.cols/2
				if y < 0 || x < 0 {
					return 0
				}
				return in[s.c][y][x] * w[s.f][s.weight()]
			})},
			{"the kernel's size is written as a number, 2×2. Compute it from the sizes of in and dst", sized(func([]float64, int) int { return 2 })},
			{"the kernel is taken to be square, with a side computed from the number of its weights. Compute rows and cols from the sizes of in and dst", sized(func(w []float64, channels int) int {
				return int(math.Sqrt(float64(len(w) / channels)))
			})},
			{"filter f looks at channel f, in[f] instead of in[c]", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return in[s.f][s.y+s.i][s.x+s.j] * w[s.f][s.weight()]
			})},
			{"the sum is divided by the number of its products", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[s.f][s.weight()] / float64(s.channels*s.rows*s.cols)
			})},
			{"the channels are averaged, not summed", sum(func(s six, in [][][]float64, w [][]float64) float64 {
				return pixel(s, in) * w[s.f][s.weight()] / float64(s.channels)
			})},
			{"only the first map is written", conv(func(dst, in [][][]float64, w [][]float64) {
				convnet.Conv2D(dst[:1], in, w[:1])
			})},
		},
		check: func(f Functions) string {
			for _, s := range [][4]int{{1, 28, 3, 24}, {10, 12, 4, 8}} { // channels, side, filters, side of dst
				in := patternVolume(s[0], s[1], s[1], 1)
				w := patternMatrix(s[2], s[0]*25, 2)
				got, want := used(dirt, s[2], s[3], s[3]), used(0, s[2], s[3], s[3])
				f.Conv2D(got, in, w)
				convnet.Conv2D(want, in, w)
				if message := realSize(volume("dst", got), volume("dst", want)); message != "" {
					return message
				}
			}
			return ""
		},
	}
}

// realSize says how an output differs from what is wanted, where both are too large to show.
func realSize(got, want output) string {
	at := firstWrong(got, want)
	if at == nil {
		return ""
	}
	c, y, x := at[0], at[1], at[2]
	return wrap(fmt.Sprintf("It's right on all small examples, but not at the size that the network needs, where %s is %s: %s%s is %.6g, want %.6g. Is a size written as a number somewhere?",
		got.name, shape(want), got.name, index(got, at), got.values[c][y][x], want.values[c][y][x]))
}

func conv2DTrial(in [][][]float64, filters [][]float64, leftover float64, rows, cols int) trial {
	return trial{
		input: inputs(volume("in", in), matrix("filters", filters)),
		holds: full("dst", leftover),
		run: func(f Functions) []output {
			dst, in, filters := used(leftover, len(filters), rows, cols), cloneVolume(in), copyMatrix(filters)
			f.Conv2D(dst, in, filters)
			return []output{volume("dst", dst), volume("in"+afterward, in), matrix("filters"+afterward, filters)}
		},
	}
}

func reluStep() Step {
	relu := func(relu func(dst, in [][]float64)) func(f *Functions) {
		return func(f *Functions) { f.ReLU = relu }
	}
	value := func(value func(v float64) float64) func(f *Functions) {
		return relu(func(dst, in [][]float64) { eachValue(dst, in, value) })
	}
	return Step{
		Name:    "ReLU",
		Section: "ReLU",
		does:    "cuts off whatever is negative.",
		formula: "dst[y][x] = max(0, in[y][x])",
		Hints: []string{
			"Two loops, over the rows and the columns. What should come out for −2, for 0, for 3?",
			"for y, row := range in { for x, v := range row { … } }, and in it dst[y][x] = max(0, v). Go has max built in. dst may hold anything before the call, so write every entry, the zeros too.",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.ReLU",
		},
		trials: []trial{
			reluTrial(walkConv1[0], dirt),
			reluTrial([][]float64{{-2, 7, 0, 0.25}, {3, -0.5, 1, -7}}, -dirt),
			reluTrial(patternMatrix(3, 2, 1), dirt),
			{
				input: inputs(matrix("in, and dst is the same matrix", patternMatrix(2, 3, 2))),
				run: func(f Functions) []output {
					m := patternMatrix(2, 3, 2)
					f.ReLU(m, m)
					return []output{matrix("dst", m)}
				},
			},
		},
		mistakes: []mistake{
			{"negative values become positive: that's the absolute value", value(math.Abs)},
			{"nothing is cut off: the values are copied as they are", value(func(v float64) float64 { return v })},
			{"the positive values are cut off and the negative ones are kept: min instead of max", value(func(v float64) float64 { return min(0, v) })},
			{"negative values are multiplied by 0.01. That's the leaky ReLU", value(func(v float64) float64 { return max(0.01*v, v) })},
			{"negative values are multiplied by 0.1. That's the leaky ReLU", value(func(v float64) float64 { return max(0.1*v, v) })},
			{"values above 1 are cut off, too", value(func(v float64) float64 { return min(1, max(0, v)) })},
			{"values above 6 are cut off, too. That's ReLU6", value(func(v float64) float64 { return min(6, max(0, v)) })},
			{"positive values become 1. That's the derivative of ReLU", value(func(v float64) float64 { return when(v > 0, 1) })},
			{"values below 1 become 1: max(1, v) instead of max(0, v)", value(func(v float64) float64 { return max(1, v) })},
			{"the sign is flipped first", value(func(v float64) float64 { return max(0, -v) })},
			{"the activation function is a sigmoid", value(func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })},
			{"the activation function is a tanh", value(math.Tanh)},
			{"the activation function is softplus, the smooth ReLU", value(func(v float64) float64 { return math.Log1p(math.Exp(v)) })},
			{"the activation function is an ELU", value(func(v float64) float64 {
				if v > 0 {
					return v
				}
				return math.Expm1(v)
			})},
			{"nothing is written where in is 0 or negative, so what an earlier call left there stays", relu(func(dst, in [][]float64) {
				for y, row := range in {
					for x, v := range row {
						if v > 0 {
							dst[y][x] = v
						}
					}
				}
			})},
			{"nothing is written where in is negative, so what an earlier call left there stays", relu(func(dst, in [][]float64) {
				for y, row := range in {
					for x, v := range row {
						if v >= 0 {
							dst[y][x] = v
						}
					}
				}
			})},
			{"the result is added to dst: += instead of =", relu(func(dst, in [][]float64) {
				for y, row := range in {
					for x, v := range row {
						dst[y][x] += max(0, v)
					}
				}
			})},
			{"the result is written to in, not to dst", relu(func(dst, in [][]float64) { eachValue(in, in, func(v float64) float64 { return max(0, v) }) })},
			{"in is cut off as well as dst. Perhaps dst[y] = in[y] made the two rows one", relu(func(dst, in [][]float64) {
				eachValue(in, in, func(v float64) float64 { return max(0, v) })
				eachValue(dst, in, func(v float64) float64 { return v })
			})},
			{"only the first row is written", relu(func(dst, in [][]float64) { eachValue(dst[:1], in[:1], func(v float64) float64 { return max(0, v) }) })},
			{"the last row is never written", relu(func(dst, in [][]float64) {
				eachValue(dst, in[:len(in)-1], func(v float64) float64 { return max(0, v) })
			})},
			{"the last column is never written", relu(func(dst, in [][]float64) {
				for y, row := range in {
					for x, v := range row[:len(row)-1] {
						dst[y][x] = max(0, v)
					}
				}
			})},
			{"the loop over the columns ends at the number of rows", relu(func(dst, in [][]float64) {
				for y := range in {
					for x := range in {
						dst[y][x] = max(0, in[y][x])
					}
				}
			})},
			{"rows and columns of dst are swapped", relu(func(dst, in [][]float64) {
				for y, row := range in {
					for x, v := range row {
						dst[x][y] = max(0, v)
					}
				}
			})},
		},
	}
}

func reluTrial(in [][]float64, leftover float64) trial {
	return trial{
		input: inputs(matrix("in", in)),
		holds: full("dst", leftover),
		run: func(f Functions) []output {
			dst, in := usedMatrix(leftover, len(in), len(in[0])), copyMatrix(in)
			f.ReLU(dst, in)
			return []output{matrix("dst", dst), matrix("in"+afterward, in)}
		},
	}
}

func maxPoolStep() Step {
	pool := func(pool func(dst, in [][]float64)) func(f *Functions) {
		return func(f *Functions) { f.MaxPool = pool }
	}
	// window makes one value of the four in a window, and of what dst holds.
	window := func(value func(a, b, c, d, old float64) float64) func(f *Functions) {
		return pool(func(dst, in [][]float64) {
			for y, row := range dst {
				for x := range row {
					row[x] = value(in[2*y][2*x], in[2*y][2*x+1], in[2*y+1][2*x], in[2*y+1][2*x+1], row[x])
				}
			}
		})
	}
	// at takes its window at other places.
	at := func(place func(y, x, i, j int, in [][]float64) float64) func(f *Functions) {
		return pool(func(dst, in [][]float64) {
			for y, row := range dst {
				for x := range row {
					row[x] = max(place(y, x, 0, 0, in), place(y, x, 0, 1, in), place(y, x, 1, 0, in), place(y, x, 1, 1, in))
				}
			}
		})
	}
	absolute := func(a, b float64) float64 {
		if math.Abs(b) > math.Abs(a) {
			return b
		}
		return a
	}
	return Step{
		Name:    "MaxPool",
		Section: "Max-pooling",
		does:    "keeps the largest value of each 2×2 window. If the number of rows or columns is odd, the last one is left out.",
		formula: "dst[y][x] = max(in[2y][2x], in[2y][2x+1], in[2y+1][2x], in[2y+1][2x+1])",
		Hints: []string{
			"Loop over dst, not over in. Which four values of in does dst[0][0] come from? And dst[1][1]?",
			"for y := range dst { for x := range dst[y] { dst[y][x] = max(…) } }, with the four values of the formula. max takes as many as you like. Because you loop over dst, an odd row or column at the end is left out by itself.",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.MaxPool",
		},
		trials: []trial{
			maxPoolTrial([][]float64{{0, 0.5, 1, 3}, {0, 1, 2, 0.5}, {4, 1, 0, 0.5}, {0.5, 2, 2.5, 1}}, dirt),
			oddSizes("dst", maxPoolTrial([][]float64{{-3, -1, 4}, {-2, -4, 5}, {-1, -2, 6}, {-3, -5, 7}, {8, 8, 8}}, -dirt)),
			maxPoolTrial(patternMatrix(4, 6, 1), dirt),
			maxPoolTrial(patternMatrix(2, 8, 3), -dirt),
		},
		mistakes: []mistake{
			{"the mean of each window is taken. That's average pooling", window(func(a, b, c, d, _ float64) float64 { return (a + b + c + d) / 4 })},
			{"the smallest value of each window is taken", window(func(a, b, c, d, _ float64) float64 { return min(a, b, c, d) })},
			{"the four values are added up", window(func(a, b, c, d, _ float64) float64 { return a + b + c + d })},
			{"only the top left value of each window is looked at", window(func(a, _, _, _, _ float64) float64 { return a })},
			{"the second value of a window is never looked at", window(func(a, _, c, d, _ float64) float64 { return max(a, c, d) })},
			{"the third value of a window is never looked at", window(func(a, b, _, d, _ float64) float64 { return max(a, b, d) })},
			{"the fourth value of a window is never looked at", window(func(a, b, c, _, _ float64) float64 { return max(a, b, c) })},
			{"the first value of a window is never looked at", window(func(_, b, c, d, _ float64) float64 { return max(b, c, d) })},
			{"only the top row of each window is looked at", window(func(a, b, _, _, _ float64) float64 { return max(a, b) })},
			{"only the left column of each window is looked at", window(func(a, _, c, _, _ float64) float64 { return max(a, c) })},
			{"only the bottom row of each window is looked at", window(func(_, _, c, d, _ float64) float64 { return max(c, d) })},
			{"only the right column of each window is looked at", window(func(_, b, _, d, _ float64) float64 { return max(b, d) })},
			{"the windows are 3×3 instead of 2×2", pool(func(dst, in [][]float64) {
				for y, row := range dst {
					for x := range row {
						row[x] = math.Inf(-1)
						for i := 2 * y; i < min(2*y+3, len(in)); i++ {
							row[x] = max(row[x], slices.Max(in[i][2*x:min(2*x+3, len(in[i]))]))
						}
					}
				}
			})},
			{"only the diagonal of each window is looked at: i and j are the same", window(func(a, _, _, d, _ float64) float64 { return max(a, d) })},
			{"the last value of the window wins over all others: = in the innermost loop, without a comparison", window(func(_, _, _, d, _ float64) float64 { return d })},
			{"the maximum starts at 0, so windows with only negative values give 0. Start it at the first value", window(func(a, b, c, d, _ float64) float64 { return max(0, a, b, c, d) })},
			{"the maximum starts at what dst held before the call", window(func(a, b, c, d, old float64) float64 { return max(old, a, b, c, d) })},
			{"the maximum is added to dst: += instead of =", window(func(a, b, c, d, old float64) float64 { return old + max(a, b, c, d) })},
			{"the value furthest from 0 is taken: the maximum of the absolute values", window(func(a, b, c, d, _ float64) float64 {
				return absolute(absolute(absolute(a, b), c), d)
			})},
			{"the absolute value of the largest is taken", window(func(a, b, c, d, _ float64) float64 {
				return max(math.Abs(a), math.Abs(b), math.Abs(c), math.Abs(d))
			})},
			{"the windows overlap: they move by 1 instead of 2", at(func(y, x, i, j int, in [][]float64) float64 { return in[y+i][x+j] })},
			{"the windows overlap from row to row: y isn't doubled", at(func(y, x, i, j int, in [][]float64) float64 { return in[y+i][2*x+j] })},
			{"the windows overlap from column to column: x isn't doubled", at(func(y, x, i, j int, in [][]float64) float64 { return in[2*y+i][x+j] })},
			{"the four values of a window are taken half a map apart, not side by side", at(func(y, x, i, j int, in [][]float64) float64 {
				return in[y+i*(len(in)/2)][x+j*(len(in[0])/2)]
			})},
			{"rows and columns of in are swapped: in[2x][2y] instead of in[2y][2x]", at(func(y, x, i, j int, in [][]float64) float64 { return in[2*x+j][2*y+i] })},
			{"rows and columns of dst are swapped: dst[x][y] instead of dst[y][x]", pool(func(dst, in [][]float64) {
				right := convnet.NewMatrix(len(dst), len(dst[0]))
				convnet.MaxPool(right, in)
				for y, row := range right {
					for x, v := range row {
						dst[x][y] = v
					}
				}
			})},
			{"the maximum of one window is carried over to the next", pool(func(dst, in [][]float64) {
				convnet.MaxPool(dst, in)
				largest := math.Inf(-1)
				for _, row := range dst {
					for x, v := range row {
						largest = max(largest, v)
						row[x] = largest
					}
				}
			})},
			{"the last row and the last column of dst are never written", pool(func(dst, in [][]float64) {
				for y := range len(dst) - 1 {
					for x := range len(dst[y]) - 1 {
						dst[y][x] = max(in[2*y][2*x], in[2*y][2*x+1], in[2*y+1][2*x], in[2*y+1][2*x+1])
					}
				}
			})},
		},
	}
}

// oddSizes adds to a trial of 5×3 values what is said if a loop goes on to the last row or column.
func oddSizes(loopOver string, t trial) trial {
	t.beyond = fmt.Sprintf("in has 5 rows and 3 columns, both odd. The last row and the last column belong to no window, so loop over %s, not over in: y over its rows, and x over the columns of %s[y].", loopOver, loopOver)
	return t
}

func maxPoolTrial(in [][]float64, leftover float64) trial {
	return trial{
		input: inputs(matrix("in", in)),
		holds: full("dst", leftover),
		run: func(f Functions) []output {
			dst, in := usedMatrix(leftover, len(in)/2, len(in[0])/2), copyMatrix(in)
			f.MaxPool(dst, in)
			return []output{matrix("dst", dst), matrix("in"+afterward, in)}
		},
	}
}

// order returns where the value at c, y, x of a volume of the given size goes in a vector.
type order func(c, y, x, channels, rows, cols int) int

// orders are the wrong ways to flatten a volume, and to undo that.
var orders = []struct {
	says  string
	order order // −1 for a value that is left out
}{
	{"the vector goes down the columns of each map, not along its rows", func(c, y, x, _, rows, cols int) int { return (c*cols+x)*rows + y }},
	{"the channel comes last: all channels of the first place, then all of the next. Ours goes map by map", func(c, y, x, channels, _, cols int) int { return (y*cols+x)*channels + c }},
	{"the first rows of all maps come first, then the second rows. Ours goes map by map", func(c, y, x, channels, _, cols int) int { return (y*channels+c)*cols + x }},
	{"only the first map is copied", func(c, y, x, _, rows, cols int) int {
		if c > 0 {
			return -1
		}
		return y*cols + x
	}},
	{"every map has its place at the beginning of the vector: the index starts over with each map", func(_, y, x, _, _, cols int) int { return y*cols + x }},
	{"every row has its place at the beginning of the vector: the index starts over with each row", func(_, _, x, _, _, _ int) int { return x }},
	{"the index has rows where it needs cols: a row has cols values", func(c, y, x, _, rows, _ int) int { return (c*rows+y)*rows + x }},
	{"the index has y·rows where it needs y·cols: a row has cols values", func(c, y, x, _, rows, cols int) int { return c*rows*cols + y*rows + x }},
	{"the index lacks parentheses: (c·rows+y)·cols + x, not c·rows + y·cols + x", func(c, y, x, _, rows, cols int) int { return c*rows + y*cols + x }},
	{"the vector is reversed, from the last value to the first", func(c, y, x, channels, rows, cols int) int {
		return channels*rows*cols - 1 - ((c*rows+y)*cols + x)
	}},
	{"the maps come in reverse order", func(c, y, x, channels, rows, cols int) int { return ((channels-1-c)*rows+y)*cols + x }},
	{"the last value is left out", func(c, y, x, channels, rows, cols int) int {
		if c == channels-1 && y == rows-1 && x == cols-1 {
			return -1
		}
		return (c*rows+y)*cols + x
	}},
	{"everything is one place too far to the right", func(c, y, x, channels, rows, cols int) int {
		if c == channels-1 && y == rows-1 && x == cols-1 {
			return -1
		}
		return (c*rows+y)*cols + x + 1
	}},
	{"maps overlap: the index is (c+y)·cols + x, but c has to be multiplied by rows", func(c, y, x, _, _, cols int) int { return (c+y)*cols + x }},
}

// visit calls f for each value of a volume, with its index in the vector.
func (o order) visit(v [][][]float64, f func(value *float64, index int)) {
	for c, m := range v {
		for y, row := range m {
			for x := range row {
				if k := o(c, y, x, len(v), len(m), len(row)); k >= 0 {
					f(&row[x], k)
				}
			}
		}
	}
}

func readingOrder(c, y, x, _, rows, cols int) int { return (c*rows+y)*cols + x }

func flattenStep() Step {
	flatten := func(flatten func(vector []float64, volume [][][]float64)) func(f *Functions) {
		return func(f *Functions) { f.Flatten = flatten }
	}
	step := Step{
		Name:    "Flatten",
		Section: "Fully connected",
		does:    "lays the values of a volume out in a row: map by map, and each map row by row.",
		formula: "vector[(c·rows+y)·cols+x] = volume[c][y][x]",
		Hints: []string{
			"Three loops, over the maps, their rows and their columns, and an index into the vector that goes up by one each time.",
			"k := 0 before the loops. In the innermost: vector[k] = volume[c][y][x], then k++. Don't append: vector already has its full length.",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.Flatten",
		},
		trials: []trial{
			flattenTrial([][][]float64{{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}, dirt),
			flattenTrial(patternVolume(2, 2, 3, 1), -dirt),
			flattenTrial(patternVolume(3, 3, 1, 2), dirt),
		},
		mistakes: []mistake{
			{"the values are added to what the vector held: += instead of =", flatten(func(vector []float64, volume [][][]float64) {
				order(readingOrder).visit(volume, func(v *float64, k int) { vector[k] += *v })
			})},
			{"the index never moves: every value goes to vector[0], so only the last one stays", flatten(func(vector []float64, volume [][][]float64) {
				order(readingOrder).visit(volume, func(v *float64, _ int) { vector[0] = *v })
			})},
			{"the values are appended: append makes a new slice, and the caller's stays as it is. The vector has its full length already, so write to vector[k]", flatten(func([]float64, [][][]float64) {})},
			{"the volume is overwritten with the vector: the two are swapped", flatten(func(vector []float64, volume [][][]float64) {
				convnet.Unflatten(volume, vector)
			})},
		},
	}
	for _, o := range orders {
		step.mistakes = append(step.mistakes, mistake{o.says, flatten(func(vector []float64, volume [][][]float64) {
			o.order.visit(volume, func(v *float64, k int) { vector[k] = *v })
		})})
	}
	return step
}

func flattenTrial(in [][][]float64, leftover float64) trial {
	return trial{
		input: inputs(volume("volume", in)),
		holds: full("vector", leftover),
		run: func(f Functions) []output {
			v, in := usedVector(leftover, len(in)*len(in[0])*len(in[0][0])), cloneVolume(in)
			f.Flatten(v, in)
			return []output{vector("vector", v), volume("volume"+afterward, in)}
		},
	}
}

func fullyConnectedStep() Step {
	fc := func(fc func(dst []float64, w [][]float64, b, in []float64)) func(f *Functions) {
		return func(f *Functions) { f.FullyConnected = fc }
	}
	// sum is FullyConnected with other products, and something else instead of the bias.
	sum := func(bias func(i int, b, in []float64) float64, product func(i, j int, w [][]float64, in []float64) float64) func(f *Functions) {
		return fc(func(dst []float64, w [][]float64, b, in []float64) {
			for i := range dst {
				dst[i] = bias(i, b, in)
				for j := range in {
					dst[i] += product(i, j, w, in)
				}
			}
		})
	}
	bias := func(i int, b, _ []float64) float64 { return b[i] }
	product := func(i, j int, w [][]float64, in []float64) float64 { return w[i][j] * in[j] }
	after := func(change func(dst []float64, n int)) func(f *Functions) {
		return fc(func(dst []float64, w [][]float64, b, in []float64) {
			convnet.FullyConnected(dst, w, b, in)
			change(dst, len(in))
		})
	}
	return Step{
		Name:    "FullyConnected",
		Section: "Fully connected",
		does:    "connects every input to every output: each output is a weighted sum of all inputs, plus a bias of its own.",
		formula: "dst[i] = biases[i] + Σⱼ weights[i][j] · in[j]",
		Hints: []string{
			"Two loops: i over the outputs, j over the inputs. weights[i] is the row of output i.",
			"Begin each output with its bias, dst[i] = biases[i], and add weights[i][j]*in[j] for every j.",
			"The solution is this, and a faster one is in layer.go of convnet (go doc -src convnet.FullyConnected):\n\n" +
				"    for i := range dst {\n" +
				"        dst[i] = biases[i]\n" +
				"        for j, v := range in {\n" +
				"            dst[i] += weights[i][j] * v\n" +
				"        }\n" +
				"    }",
		},
		trials: []trial{
			fullyConnectedTrial(walkWeights, []float64{0, 0.5, 0}, walkFlat, dirt),
			fullyConnectedTrial([][]float64{{1, 2}, {-3, 4}}, []float64{0.5, -1}, []float64{2, -1}, -dirt),
			fullyConnectedTrial(patternMatrix(2, 4, 1), []float64{-0.5, 0.25}, pattern(4, 2), dirt),
			fullyConnectedTrial(patternMatrix(4, 3, 2), []float64{1, -2, 0.5, 3}, []float64{1.5, 0, -2}, -dirt),
		},
		mistakes: []mistake{
			{"the biases are forgotten", sum(func(int, []float64, []float64) float64 { return 0 }, product)},
			{"the bias is added once for each input, not once for each output", sum(func(i int, b, in []float64) float64 { return b[i] * float64(len(in)) }, product)},
			{"the bias is subtracted", sum(func(i int, b, _ []float64) float64 { return -b[i] }, product)},
			{"every output gets the first bias", sum(func(_ int, b, _ []float64) float64 { return b[0] }, product)},
			{"dst holds only the bias: the sum is never added", sum(bias, func(int, int, [][]float64, []float64) float64 { return 0 })},
			{"the sum is added to what dst held before the call: the first line must set it, dst[i] = biases[i]", fc(func(dst []float64, w [][]float64, b, in []float64) {
				for i := range dst {
					dst[i] += b[i]
					for j := range in {
						dst[i] += product(i, j, w, in)
					}
				}
			})},
			{"the sum is added to what dst held before the call, and the biases are forgotten", fc(func(dst []float64, w [][]float64, b, in []float64) {
				for i := range dst {
					for j := range in {
						dst[i] += product(i, j, w, in)
					}
				}
			})},
			{"the weights are transposed: weights[j][i] instead of weights[i][j]", sum(bias, func(i, j int, w [][]float64, in []float64) float64 { return w[j][i] * in[j] })},
			{"all outputs use the weights of the first", sum(bias, func(_, j int, w [][]float64, in []float64) float64 { return w[0][j] * in[j] })},
			{"the weight is multiplied by in[i] instead of in[j]", sum(bias, func(i, j int, w [][]float64, in []float64) float64 { return w[i][j] * in[i] })},
			{"all weights are multiplied by the first input", sum(bias, func(i, j int, w [][]float64, in []float64) float64 { return w[i][j] * in[0] })},
			{"only the diagonal of the weights is used: weights[i][i]", sum(bias, func(i, j int, w [][]float64, in []float64) float64 { return when(i == j, w[i][j]*in[j]) })},
			{"weight and input are added, not multiplied", sum(bias, func(i, j int, w [][]float64, in []float64) float64 { return w[i][j] + in[j] })},
			{"the last input is left out", sum(bias, func(i, j int, w [][]float64, in []float64) float64 { return when(j < len(in)-1, w[i][j]*in[j]) })},
			{"the first input is left out", sum(bias, func(i, j int, w [][]float64, in []float64) float64 { return when(j > 0, w[i][j]*in[j]) })},
			{"only the last input counts: = instead of +=, and the bias is overwritten as well", fc(func(dst []float64, w [][]float64, b, in []float64) {
				for i := range dst {
					dst[i] = b[i]
					for j := range in {
						dst[i] = product(i, j, w, in)
					}
				}
			})},
			{"only the last input counts: = instead of +=", fc(func(dst []float64, w [][]float64, b, in []float64) {
				for i := range dst {
					for j := range in {
						dst[i] = b[i] + product(i, j, w, in)
					}
				}
			})},
			{"the sum isn't set to 0 for the next output", fc(func(dst []float64, w [][]float64, b, in []float64) {
				total := 0.0
				for i := range dst {
					for j := range in {
						total += product(i, j, w, in)
					}
					dst[i] = b[i] + total
				}
			})},
			{"the bias is multiplied in, not added", fc(func(dst []float64, w [][]float64, b, in []float64) {
				for i := range dst {
					dst[i] = 0
					for j := range in {
						dst[i] += product(i, j, w, in)
					}
					dst[i] *= b[i]
				}
			})},
			{"the sum is divided by the number of inputs", sum(bias, func(i, j int, w [][]float64, in []float64) float64 { return w[i][j] * in[j] / float64(len(in)) })},
			{"ReLU is part of it. That is a step of its own", after(func(dst []float64, _ int) {
				for i := range dst {
					dst[i] = max(0, dst[i])
				}
			})},
			{"a sigmoid is part of it", after(func(dst []float64, _ int) {
				for i := range dst {
					dst[i] = 1 / (1 + math.Exp(-dst[i]))
				}
			})},
			{"softmax is part of it. That is a step of its own", after(func(dst []float64, _ int) { convnet.Softmax(dst, dst) })},
			{"the outputs come in reverse order", after(func(dst []float64, _ int) { slices.Reverse(dst) })},
			{"only the first output is written", fc(func(dst []float64, w [][]float64, b, in []float64) {
				convnet.FullyConnected(dst[:1], w[:1], b[:1], in)
			})},
		},
		check: func(f Functions) string {
			in, w, b := pattern(320, 1), patternMatrix(100, 320, 2), pattern(100, 3)
			got, want := usedVector(dirt, 100), make([]float64, 100)
			f.FullyConnected(got, w, b, in)
			convnet.FullyConnected(want, w, b, in)
			return realSize(vector("dst", got), vector("dst", want))
		},
	}
}

func fullyConnectedTrial(weights [][]float64, biases, in []float64, leftover float64) trial {
	return trial{
		input: inputs(vector("in", in), matrix("weights", weights), vector("biases", biases)),
		holds: full("dst", leftover),
		run: func(f Functions) []output {
			dst, weights, biases, in := usedVector(leftover, len(biases)), copyMatrix(weights), slices.Clone(biases), slices.Clone(in)
			f.FullyConnected(dst, weights, biases, in)
			return []output{vector("dst", dst), matrix("weights"+afterward, weights), vector("biases"+afterward, biases), vector("in"+afterward, in)}
		},
	}
}

func softmaxStep() Step {
	soft := func(soft func(dst, l []float64)) func(f *Functions) {
		return func(f *Functions) { f.Softmax = soft }
	}
	// shifted is softmax of the logits minus some shift, with another function instead of exp.
	shifted := func(shift func(l []float64) float64, exp func(x float64) float64) func(f *Functions) {
		return soft(func(dst, l []float64) {
			m, sum := shift(l), 0.0
			for k := range l {
				dst[k] = exp(l[k] - m)
				sum += dst[k]
			}
			for k := range dst {
				dst[k] /= sum
			}
		})
	}
	none := func([]float64) float64 { return 0 }
	after := func(change func(dst []float64)) func(f *Functions) {
		return soft(func(dst, l []float64) {
			convnet.Softmax(dst, l)
			change(dst)
		})
	}
	return Step{
		Name:    "Softmax",
		Section: "Softmax and the loss",
		does:    "turns logits into probabilities, which lie between 0 and 1 and sum to 1.",
		formula: "m = the largest logit\ndst[k] = exp(logits[k] − m) / Σⱼ exp(logits[j] − m)",
		Hints: []string{
			"Three things, one after another: the largest logit, the sum of the exponentials, and the division.",
			"m := slices.Max(logits). In a first loop: dst[k] = math.Exp(logits[k] - m), and add it to the sum. In a second one: divide each by the sum. Why m? exp(710) is too large for a float64, and ∞/∞ is NaN. After the subtraction no exponent is above 0.",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.Softmax",
		},
		trials: []trial{
			softmaxTrial([]float64{1, 1 + math.Ln2, 1}, dirt),
			softmaxTrial([]float64{-2, 0.5, 0, 1}, -dirt),
			softmaxTrial([]float64{-1, -3}, dirt),
			softmaxTrial([]float64{1000, 1001, 999}, dirt),
			softmaxTrial([]float64{0, 1200}, dirt),
			softmaxTrial([]float64{1200, 0}, -dirt),
			softmaxTrial([]float64{1600, 0, 0}, dirt),
			softmaxTrial([]float64{-1001, -1000}, dirt),
			{
				input: inputs(vector("logits, and dst is the same vector", []float64{0, 1, -1})),
				run: func(f Functions) []output {
					v := []float64{0, 1, -1}
					f.Softmax(v, v)
					return []output{vector("dst", v)}
				},
			},
		},
		mistakes: []mistake{
			{"softmax's maximum isn't subtracted: the exponential of a large logit is ∞, and ∞/∞ is NaN", shifted(none, math.Exp)},
			{"the smallest logit is subtracted, not the largest", shifted(slices.Min[[]float64], math.Exp)},
			{"the first logit is subtracted, not the largest", shifted(func(l []float64) float64 { return l[0] }, math.Exp)},
			{"the last logit is subtracted, not the largest", shifted(func(l []float64) float64 { return l[len(l)-1] }, math.Exp)},
			{"the mean of the logits is subtracted, not the largest", shifted(func(l []float64) float64 {
				sum := 0.0
				for _, v := range l {
					sum += v
				}
				return sum / float64(len(l))
			}, math.Exp)},
			{"the search for the maximum starts at 0, so it's wrong if all logits are negative. Start it at the first", shifted(func(l []float64) float64 { return max(0, slices.Max(l)) }, math.Exp)},
			{"the maximum is added, not subtracted", shifted(func(l []float64) float64 { return -slices.Max(l) }, math.Exp)},
			{"the logits' signs are flipped: exp(m − logit)", shifted(slices.Max[[]float64], func(x float64) float64 { return math.Exp(-x) })},
			{"the logits are divided by the maximum. It should be subtracted", soft(func(dst, l []float64) {
				m, sum := slices.Max(l), 0.0
				for k := range l {
					dst[k] = math.Exp(l[k] / m)
					sum += dst[k]
				}
				for k := range dst {
					dst[k] /= sum
				}
			})},
			{"the base is 2 instead of e", shifted(slices.Max[[]float64], math.Exp2)},
			{"exp is left out: the logits themselves are divided by their sum", shifted(none, func(x float64) float64 { return x })},
			{"exp is left out, and the absolute values of the logits are divided by their sum", shifted(none, math.Abs)},
			{"exp is left out: logits minus maximum, divided by their sum", shifted(slices.Max[[]float64], func(x float64) float64 { return x })},
			{"the exponentials aren't divided by their sum", soft(func(dst, l []float64) {
				m := slices.Max(l)
				for k := range l {
					dst[k] = math.Exp(l[k] - m)
				}
			})},
			{"the exponentials are divided by their number, not by their sum", soft(func(dst, l []float64) {
				m := slices.Max(l)
				for k := range l {
					dst[k] = math.Exp(l[k]-m) / float64(len(l))
				}
			})},
			{"each value is divided by the sum of those so far: the division needs a second loop", soft(func(dst, l []float64) {
				m, sum := slices.Max(l), 0.0
				for k := range l {
					e := math.Exp(l[k] - m)
					sum += e
					dst[k] = e / sum
				}
			})},
			{"the last logit isn't in the sum", soft(func(dst, l []float64) {
				m, sum := slices.Max(l), 0.0
				for k := range l {
					if k < len(l)-1 {
						sum += math.Exp(l[k] - m)
					}
				}
				for k := range l {
					dst[k] = math.Exp(l[k]-m) / sum
				}
			})},
			{"the first logit isn't in the sum", soft(func(dst, l []float64) {
				m, sum := slices.Max(l), 0.0
				for k := range l {
					if k > 0 {
						sum += math.Exp(l[k] - m)
					}
				}
				for k := range l {
					dst[k] = math.Exp(l[k]-m) / sum
				}
			})},
			{"the sum also contains what dst held before the call", soft(func(dst, l []float64) {
				m, sum := slices.Max(l), 0.0
				for k := range l {
					sum += dst[k]
					dst[k] = math.Exp(l[k] - m)
					sum += dst[k]
				}
				for k := range l {
					dst[k] /= sum
				}
			})},
			{"the maximum is subtracted above the line but not below it", soft(func(dst, l []float64) {
				m, sum := slices.Max(l), 0.0
				for _, v := range l {
					sum += math.Exp(v)
				}
				for k := range l {
					dst[k] = math.Exp(l[k]-m) / sum
				}
			})},
			{"the maximum is subtracted above the line but not below it, and dst[k] is set before logits[k] goes into the sum: they can be the same", soft(func(dst, l []float64) {
				m, sum := slices.Max(l), 0.0
				for k := range l {
					dst[k] = math.Exp(l[k] - m)
					sum += math.Exp(l[k])
				}
				for k := range dst {
					dst[k] /= sum
				}
			})},
			{"the maximum is subtracted below the line but not above it", soft(func(dst, l []float64) {
				m, sum := slices.Max(l), 0.0
				for _, v := range l {
					sum += math.Exp(v - m)
				}
				for k := range l {
					dst[k] = math.Exp(l[k]) / sum
				}
			})},
			{"the maximum is subtracted below the line but not above it, and dst[k] is set before logits[k] goes into the sum: they can be the same", soft(func(dst, l []float64) {
				m, sum := slices.Max(l), 0.0
				for k := range l {
					dst[k] = math.Exp(l[k])
					sum += math.Exp(l[k] - m)
				}
				for k := range dst {
					dst[k] /= sum
				}
			})},
			{"the sum is computed again for every k. That's only slow, unless dst is logits: then some of them are already probabilities", soft(func(dst, l []float64) {
				m := slices.Max(l)
				for k := range l {
					sum := 0.0
					for _, v := range l {
						sum += math.Exp(v - m)
					}
					dst[k] = math.Exp(l[k]-m) / sum
				}
			})},
			{"the logarithm of the probabilities is returned. That's log-softmax", after(func(dst []float64) {
				for k := range dst {
					dst[k] = math.Log(dst[k])
				}
			})},
			{"the largest logit gets probability 1 and the others get 0. That's a hard maximum", after(func(dst []float64) {
				best := slices.Index(dst, slices.Max(dst))
				clear(dst)
				dst[best] = 1
			})},
			{"each logit goes through a sigmoid of its own", soft(func(dst, l []float64) {
				for k := range l {
					dst[k] = 1 / (1 + math.Exp(-l[k]))
				}
			})},
			{"a small constant is added to the sum. That isn't needed: one of the exponentials is 1", shifted(slices.Max[[]float64], func(x float64) float64 { return math.Exp(x) + 1e-6 })},
			{"softmax is applied twice", after(func(dst []float64) { convnet.Softmax(dst, dst) })},
			{"the probabilities are written to logits, not to dst", soft(func(dst, l []float64) { convnet.Softmax(l, l) })},
			{"the probabilities are in dst, but logits were changed on the way", soft(func(dst, l []float64) {
				m := slices.Max(l)
				for k := range l {
					l[k] -= m
				}
				convnet.Softmax(dst, l)
			})},
		},
	}
}

func softmaxTrial(logits []float64, leftover float64) trial {
	return trial{
		input: inputs(vector("logits", logits)),
		holds: full("dst", leftover),
		run: func(f Functions) []output {
			dst, logits := usedVector(leftover, len(logits)), slices.Clone(logits)
			f.Softmax(dst, logits)
			return []output{vector("dst", dst), vector("logits"+afterward, logits)}
		},
	}
}

func crossEntropyStep() Step {
	loss := func(loss func(l []float64, label int) float64) func(f *Functions) {
		return func(f *Functions) { f.CrossEntropy = loss }
	}
	// ofP is a loss that is computed from the probabilities.
	ofP := func(of func(p []float64, label int) float64) func(f *Functions) {
		return loss(func(l []float64, label int) float64 {
			p := make([]float64, len(l))
			convnet.Softmax(p, l)
			return of(p, label)
		})
	}
	sumExp := func(l []float64, shift float64) float64 {
		sum := 0.0
		for _, v := range l {
			sum += math.Exp(v - shift)
		}
		return sum
	}
	right := convnet.CrossEntropy
	sumOver := func(p []float64, term func(k int) float64) float64 {
		sum := 0.0
		for k := range p {
			sum += term(k)
		}
		return sum
	}
	return Step{
		Name:    "CrossEntropy",
		Section: "Softmax and the loss",
		does:    "returns the loss: −log of the probability that softmax gives the label. It stays finite even where that probability is too small for a float64.",
		formula: "m = the largest logit\n−log p[label] = m − logits[label] + log Σⱼ exp(logits[j] − m)",
		Hints: []string{
			"−log(exp(a)/b) is log(b) − a. So you never need p itself, which may be so small that it becomes 0, and log 0 is −∞.",
			"m := slices.Max(logits), then a loop that sums math.Exp(logits[j] - m), then return m - logits[label] + math.Log(sum).",
			"The solution is in layer.go of convnet:\n\n    go doc -src convnet.CrossEntropy",
		},
		trials: []trial{
			crossEntropyTrial([]float64{1, 1 + math.Ln2, 1}, 1),
			crossEntropyTrial([]float64{2, -1, 0.5, 0}, 3),
			crossEntropyTrial([]float64{2, -1, 0.5, 0}, 1),
			crossEntropyTrial([]float64{-2, -3, -2.5}, 0),
			crossEntropyTrial([]float64{1000, 1001, 999}, 0),
			crossEntropyTrial([]float64{0, 800, 799}, 0),
			crossEntropyTrial([]float64{-801, -800}, 1),
		},
		mistakes: []mistake{
			{"the minus is missing", loss(func(l []float64, label int) float64 { return -right(l, label) })},
			{"the logarithm has base 10. Go's natural one is math.Log", loss(func(l []float64, label int) float64 { return right(l, label) / math.Ln10 })},
			{"the logarithm has base 2. Go's natural one is math.Log", loss(func(l []float64, label int) float64 { return right(l, label) / math.Ln2 })},
			{"the logarithm of the sum has base 2. Go's natural one is math.Log", loss(func(l []float64, label int) float64 {
				return slices.Max(l) - l[label] + math.Log2(sumExp(l, slices.Max(l)))
			})},
			{"the logarithm of the sum has base 10. Go's natural one is math.Log", loss(func(l []float64, label int) float64 {
				return slices.Max(l) - l[label] + math.Log10(sumExp(l, slices.Max(l)))
			})},
			{"the largest probability is taken, not the label's", loss(func(l []float64, _ int) float64 {
				return right(l, slices.Index(l, slices.Max(l)))
			})},
			{"the probability of class 0 is taken, not the label's", loss(func(l []float64, _ int) float64 { return right(l, 0) })},
			{"the class before the label is taken: labels begin at 0, like indices", loss(func(l []float64, label int) float64 { return right(l, (label+len(l)-1)%len(l)) })},
			{"the class after the label is taken", loss(func(l []float64, label int) float64 { return right(l, (label+1)%len(l)) })},
			{"the loss is divided by the number of classes", loss(func(l []float64, label int) float64 { return right(l, label) / float64(len(l)) })},
			{"−log p is summed over all classes. Only the label's counts", loss(func(l []float64, _ int) float64 {
				return sumOver(l, func(k int) float64 { return right(l, k) })
			})},
			{"−p·log p is summed over all classes. That's the entropy", ofP(func(p []float64, _ int) float64 {
				return -sumOver(p, func(k int) float64 { return when(p[k] > 0, p[k]*math.Log(max(p[k], 1e-300))) })
			})},
			{"the loss is −p·log p of the label, not −log p", ofP(func(p []float64, label int) float64 {
				return when(p[label] > 0, -p[label]*math.Log(max(p[label], 1e-300)))
			})},
			{"the probability itself is returned, without log", ofP(func(p []float64, label int) float64 { return p[label] })},
			{"minus the probability is returned, without log", ofP(func(p []float64, label int) float64 { return -p[label] })},
			{"1 − p is returned, not −log p", ofP(func(p []float64, label int) float64 { return 1 - p[label] })},
			{"the loss is the squared distance between probabilities and target", ofP(func(p []float64, label int) float64 {
				return sumOver(p, func(k int) float64 { d := p[k] - when(k == label, 1); return d * d })
			})},
			{"the logarithm is taken of a probability that is too small for a float64 and became 0: log 0 is −∞", ofP(func(p []float64, label int) float64 { return -math.Log(p[label]) })},
			{"p is kept away from 0 by a small constant. Then the loss of a bad mistake can't grow any further", ofP(func(p []float64, label int) float64 { return -math.Log(p[label] + 1e-9) })},
			{"p is kept away from 0 by a small constant. Then the loss of a bad mistake can't grow any further: here it's at most 27.6", ofP(func(p []float64, label int) float64 { return -math.Log(max(p[label], 1e-12)) })},
			{"p is kept away from 0 by a small constant. Then the loss of a bad mistake can't grow any further: here it's at most 34.5", ofP(func(p []float64, label int) float64 { return -math.Log(max(p[label], 1e-15)) })},
			{"the maximum isn't subtracted: the exponential of a large logit is ∞", loss(func(l []float64, label int) float64 { return math.Log(sumExp(l, 0)) - l[label] })},
			{"the maximum isn't subtracted in the softmax: the exponential of a large logit is ∞, and ∞/∞ is NaN", loss(func(l []float64, label int) float64 { return -math.Log(math.Exp(l[label]) / sumExp(l, 0)) })},
			{"the maximum is subtracted in the exponents, but m isn't added again", loss(func(l []float64, label int) float64 { return math.Log(sumExp(l, slices.Max(l))) - l[label] })},
			{"the maximum is subtracted from the logit, but not in the exponents", loss(func(l []float64, label int) float64 { return slices.Max(l) - l[label] + math.Log(sumExp(l, 0)) })},
			{"the log of the sum is missing: m − logits[label]", loss(func(l []float64, label int) float64 { return slices.Max(l) - l[label] })},
			{"the log of the sum is missing: the sum itself is added", loss(func(l []float64, label int) float64 { return slices.Max(l) - l[label] + sumExp(l, slices.Max(l)) })},
			{"exp is left out: the log is taken of the sum of the logits", loss(func(l []float64, label int) float64 {
				return math.Log(sumOver(l, func(k int) float64 { return l[k] })) - l[label]
			})},
			{"the softmax is missing: it's minus the logit", loss(func(l []float64, label int) float64 { return -l[label] })},
			{"the softmax is missing: the log is taken of the logit itself", loss(func(l []float64, label int) float64 { return -math.Log(l[label]) })},
			{"softmax is applied twice: what comes in are logits, and the formula already contains the softmax", ofP(right)},
			{"the other classes count as well, with −log(1 − p). That's the loss for yes-or-no questions", ofP(func(p []float64, label int) float64 {
				return sumOver(p, func(k int) float64 {
					if k == label {
						return -math.Log(p[k])
					}
					return -math.Log(1 - p[k])
				})
			})},
			{"logits[label] is added, not subtracted", loss(func(l []float64, label int) float64 {
				return slices.Max(l) + l[label] + math.Log(sumExp(l, slices.Max(l)))
			})},
			{"m − logits[label] has the wrong sign: logits[label] − m", loss(func(l []float64, label int) float64 {
				return l[label] - slices.Max(l) + math.Log(sumExp(l, slices.Max(l)))
			})},
		},
	}
}

func crossEntropyTrial(logits []float64, label int) trial {
	return trial{
		input: inputs(vector("logits", logits)) + fmt.Sprintf("\nlabel %d", label),
		run: func(f Functions) []output {
			logits := slices.Clone(logits)
			loss := f.CrossEntropy(logits, label)
			return []output{scalar("loss", loss), vector("logits"+afterward, logits)}
		},
	}
}
