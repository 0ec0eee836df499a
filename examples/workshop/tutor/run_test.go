package tutor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"convnet"
	"convnet/examples/internal/testenv"
	"convnet/examples/workshop/tutor"
)

// report returns what is printed for the functions.
func report(f tutor.Functions, all, color bool) string {
	var b strings.Builder
	tutor.Report(&b, f, all, color)
	return b.String()
}

// inOneLine undoes the line breaks.
func inOneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// want checks that the report for the functions, up to the first that is wrong, contains all phrases.
func want(t *testing.T, f tutor.Functions, phrases ...string) {
	t.Helper()
	text := report(f, false, false)
	for _, phrase := range phrases {
		if !strings.Contains(inOneLine(text), phrase) {
			t.Errorf("want %q in\n%s", phrase, text)
		}
	}
}

func TestReport(t *testing.T) {
	t.Run("all right", func(t *testing.T) {
		want(t, tutor.Ours(), "✓ NewMatrix ✓ NewVolume ✓ Conv2D", "All 19 steps are right.", "go run .")
	})
	t.Run("nothing written", func(t *testing.T) {
		f := tutor.Ours()
		f.NewMatrix = func(rows, cols int) [][]float64 { panic("TODO: NewMatrix") }
		f.NewVolume = func(channels, rows, cols int) [][][]float64 { panic("TODO: NewVolume") }
		want(t, f, "→ NewMatrix", `NewMatrix is next (layer.go, README section "Convolution").`,
			"returns a matrix of zeros", "Stuck? go run convnet/examples/workshop -hint NewMatrix", "0 of 19 steps are right.")
		if text := report(f, false, false); strings.Contains(text, "NewVolume") {
			t.Errorf("a later step doesn't wait:\n%s", text)
		}
	})
	t.Run("the next", func(t *testing.T) {
		f := tutor.Ours()
		f.MaxPool = func(dst, in [][]float64) { panic("TODO: MaxPool") }
		want(t, f, "✓ ReLU → MaxPool", "MaxPool keeps the largest value of each 2×2 window.", "want dst", "4 of 19 steps are right.")
	})
	t.Run("wrong", func(t *testing.T) {
		f := tutor.Ours()
		f.MaxPool = func(dst, in [][]float64) {
			for y := range dst {
				for x := range dst[y] {
					dst[y][x] = max(in[2*y][2*x], in[2*y][2*x+1], in[2*y+1][2*x])
				}
			}
		}
		got := report(f, false, false)
		const message = `✓ NewMatrix  ✓ NewVolume  ✓ Conv2D  ✓ ReLU  ✗ MaxPool

MaxPool isn't right yet (layer.go, README section "Max-pooling").

in                       got dst        want dst
[0.00 0.50 1.00 3.00]    [0.50 3.00]    [1.00 3.00]
[0.00 1.00 2.00 0.50]    [4.00 2.50]    [4.00 2.50]
[4.00 1.00 0.00 0.50]
[0.50 2.00 2.50 1.00]

(dst is full of 9s before the call)
The first value that is wrong is dst[0][0]: got 0.50, want 1.00.

    dst[y][x] = max(in[2y][2x], in[2y][2x+1], in[2y+1][2x], in[2y+1][2x+1])

This is what you get when the fourth value of a window is never looked at.

Stuck?  go run convnet/examples/workshop -hint MaxPool

4 of 19 steps are right.
`
		if got != message {
			t.Errorf("got\n%s\nwant\n%s", got, message)
		}
	})
	t.Run("all", func(t *testing.T) {
		f := tutor.Ours()
		f.ReLU = func(dst, in [][]float64) {}
		f.Softmax = func(dst, logits []float64) { panic("TODO: Softmax") }
		f.Dropout = func(dst, in, mask []float64) { copy(dst, in) }
		text := inOneLine(report(f, true, false))
		for _, phrase := range []string{"✗ ReLU ✓ MaxPool", "→ Softmax ✓ CrossEntropy", "✗ Dropout", "ReLU isn't right yet", "Waiting: Softmax.",
			"This is what you get when the mask is ignored.", "✓ ReLUGrad", "16 of 19 steps are right."} {
			if !strings.Contains(text, phrase) {
				t.Errorf("want %q in %s", phrase, text)
			}
		}
	})
	t.Run("missing", func(t *testing.T) {
		f := tutor.Ours()
		f.ReLU = nil
		want(t, f, "Functions has no ReLU")
	})
	t.Run("calls another", func(t *testing.T) {
		f := tutor.Ours()
		f.Softmax = func(dst, logits []float64) { panic("TODO: ReLU") }
		want(t, f, "Softmax has to wait", "It calls ReLU, which isn't written yet.")
	})
	t.Run("shape", func(t *testing.T) {
		f := tutor.Ours()
		f.NewMatrix = func(rows, cols int) [][]float64 { return convnet.NewMatrix(cols, rows) }
		want(t, f, "m is 3×2, want 2×3.", "when rows and columns are swapped.")
		f.NewMatrix = func(rows, cols int) [][]float64 { return [][]float64{{0, 0, 0}, {0}} }
		want(t, f, "m is a matrix of 2 rows with 3 values in row 0 and 1 in row 1, want 2×3.")
		f = tutor.Ours()
		f.NewVolume = func(channels, rows, cols int) [][][]float64 { return nil }
		want(t, f, "v is a volume without channels, want 2×1×3.", "when the function returns nil.")
		f = tutor.Ours()
		f.Conv2D = func(dst, in [][][]float64, filters [][]float64) { dst[0] = dst[0][:2] }
		want(t, f, "dst is a volume of 2×3 and 3×3, want 2×3×3.")
	})
}

// here returns the file and line of its caller, plus some lines.
func here(plus int) string {
	_, _, line, _ := runtime.Caller(1)
	return fmt.Sprintf("run_test.go:%d ", line+plus)
}

// For a mistake in Go, the line is named.
func TestPanics(t *testing.T) {
	f := tutor.Ours()
	at := here(4)
	f.ReLU = func(dst, in [][]float64) {
		for y := range in {
			for x := 0; x <= len(in[y]); x++ {
				dst[y][x] = max(0, in[y][x])
			}
		}
	}
	want(t, f, "ReLU panics (layer.go", at, "Go says: index out of range [3] with length 3. The slice has 3 entries and the last is [2], so the index is one too large.", "The input was:", "want dst")

	f = tutor.Ours()
	at = here(3)
	f.NewMatrix = func(rows, cols int) [][]float64 {
		m := make([][]float64, rows)
		m[0][0] = 0
		return m
	}
	want(t, f, at, "index out of range [0] with length 0. The slice is empty. Was it ever made?")

	f = tutor.Ours()
	at = here(5)
	f.Flatten = func(vector []float64, volume [][][]float64) {
		k := 0
		eachOf(volume, func(v float64) {
			if k == 6 {
				panic("out of paper")
			}
			vector[k] = v
			k++
		})
	}
	want(t, f, at, "Go says: out of paper.")

	f = tutor.Ours()
	at = here(3)
	f.Dropout = func(dst, in, mask []float64) {
		var n *convnet.Network
		n.Biases1[0] = 1
	}
	want(t, f, at, "Something on this line is nil: it was never made.")

	f = tutor.Ours()
	f.Dropout = func(dst, in, mask []float64) { runtime.Goexit() }
	want(t, f, "runtime.Goexit was called")

	// A line of ours isn't the learner's.
	f = tutor.Ours()
	at = here(1)
	f.Dropout = func(dst, in, mask []float64) { convnet.Dropout(dst, in, nil) }
	want(t, f, at, "Go says: convnet: Dropout: mask has length 0, want 2.")

	// A panic only where the size is odd.
	f = tutor.Ours()
	f.MaxPool = func(dst, in [][]float64) {
		for y := 0; y < len(in); y += 2 {
			for x := 0; x < len(in[0]); x += 2 {
				dst[y/2][x/2] = max(in[y][x], in[y][x+1], in[y+1][x], in[y+1][x+1])
			}
		}
	}
	want(t, f, "The first example is right. The second panics:", "index out of range", "[-3.00 -1.00 4.00]", "want dst",
		"The last row and the last column belong to no window, so loop over dst, not over in")

	// A slice with a single entry.
	f = tutor.Ours()
	f.NewMatrix = func(rows, cols int) [][]float64 {
		m := make([][]float64, 1)
		m[rows-1] = make([]float64, cols)
		return m
	}
	want(t, f, "The slice has 1 entry, [0], so the index is one too large.")
}

// A panic in a function that has passed its own step is blamed on the line that called it.
func TestPanicsOfCallees(t *testing.T) {
	f := tutor.Ours()
	f.MaxPool, f.Forward = MaxPool, Forward
	check := func(phrases ...string) {
		t.Helper()
		var b strings.Builder
		tutor.ReportOf(&b, f, "MaxPool", "Forward")
		for _, phrase := range phrases {
			if !strings.Contains(inOneLine(b.String()), phrase) {
				t.Errorf("want %q in\n%s", phrase, b.String())
			}
		}
		if strings.Contains(b.String(), "Where does its loop end") {
			t.Errorf("asks about the loop in\n%s", b.String())
		}
	}
	const lines = "MaxPool(a.ReLU1[0], a.Pool1[0]) run_test.go:"
	check("✓ MaxPool ✗ Forward Forward panics", lines, "dst[y][x] = max(in[2*y][2*x], in[2*y][2*x+1],",
		"Go says: index out of range [", "It happened in MaxPool, which has passed its own step. So look at the first line, which called it")
	f.MaxPool = func(dst, in [][]float64) {}
	check("✗ MaxPool ✗ Forward", lines, "It happened in MaxPool, which isn't right yet. So write that first.")
}

// MaxPool and Forward are a learner's, with their names. Forward takes the wrong order.
func MaxPool(dst, in [][]float64) {
	for y := range dst {
		for x := range dst[y] {
			dst[y][x] = max(in[2*y][2*x], in[2*y][2*x+1], in[2*y+1][2*x], in[2*y+1][2*x+1])
		}
	}
}

func Forward(n *convnet.Network, a *convnet.Activations, image [][]float64) {
	convnet.Conv2D(a.Conv1, a.Image, n.Filters1)
	MaxPool(a.ReLU1[0], a.Pool1[0])
}

func TestFunctionNames(t *testing.T) {
	for full, want := range map[string]string{
		"mine.ReLU": "ReLU", "mine.(*Network).Forward": "Forward", "example.com/my.net/mine.ReLU": "ReLU",
		"mine.(*Network).Forward.func1": "Forward", "mine.Conv2D.func2.1": "Conv2D", "mine.Conv2D-range1": "Conv2D",
		"mine.Network.Forward.func1.gowrap2": "Forward",
	} {
		if got := tutor.FunctionName(full); got != want {
			t.Errorf("%s: %s, want %s", full, got, want)
		}
	}
}

func eachOf(volume [][][]float64, f func(v float64)) {
	for _, m := range volume {
		for _, row := range m {
			for _, v := range row {
				f(v)
			}
		}
	}
}

// An endless loop comes to an end, on its line.
func TestEndlessLoops(t *testing.T) {
	t.Cleanup(tutor.SetCallLimit(time.Second))
	var stop atomic.Bool // so that no loop slows down the other tests
	loops := map[string]func(f *tutor.Functions) (at string){
		"a loop": func(f *tutor.Functions) string {
			f.ReLU = func(dst, in [][]float64) {
				for y := 0; y < len(in) && !stop.Load(); {
					dst[y][0] = max(0, in[y][0])
				}
			}
			return here(-3)
		},
		"in the standard library": func(f *tutor.Functions) string {
			f.Softmax = func(dst, logits []float64) {
				rng := rand.New(rand.NewPCG(1, 1))
				for !stop.Load() {
					rng.Shuffle(1_000_000, func(i, j int) {})
				}
			}
			return here(-3)
		},
		"waiting": func(f *tutor.Functions) string {
			f.Dropout = func(dst, in, mask []float64) {
				select {}
			}
			return here(-2)
		},
	}
	t.Run("loops", func(t *testing.T) {
		for name, loop := range loops {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := tutor.Ours()
				at := loop(&f)
				text := report(f, true, false)
				if !strings.Contains(text, "doesn't come to an end") || !strings.Contains(text, at) && !nextLine(text, at) {
					t.Errorf("want %q in\n%s", at, text)
				}
			})
		}
	})
	stop.Store(true)
}

// On a machine so slow that a function seems to be an endless loop, the report says so, and doesn't panic.
func TestSlowMachine(t *testing.T) {
	t.Cleanup(tutor.SetCallLimit(time.Nanosecond))
	if text := report(tutor.Ours(), true, false); !strings.Contains(text, "doesn't come to an end") {
		t.Errorf("found no function that takes too long in\n%s", text)
	}
}

// nextLine reports whether a text names the line before or after one: a loop of two lines is on either.
func nextLine(text, at string) bool {
	var line int
	if _, err := fmt.Sscanf(at, "run_test.go:%d", &line); err != nil {
		return false
	}
	return strings.Contains(text, fmt.Sprintf("run_test.go:%d ", line-1)) || strings.Contains(text, fmt.Sprintf("run_test.go:%d ", line+1))
}

// What students write, without a look at the list of mistakes: each leads to a sentence that helps.
func TestStudents(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(f *tutor.Functions)
		want  string
	}{
		{"conv, sum declared outside", func(f *tutor.Functions) {
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				rows, cols := len(in[0])-len(dst[0])+1, len(in[0][0])-len(dst[0][0])+1
				sum := 0.0
				for o := range dst {
					for y := range dst[o] {
						for x := range dst[o][y] {
							for c := range in {
								k := c * rows * cols
								for i := 0; i < rows; i++ {
									for j := 0; j < cols; j++ {
										sum += w[o][k] * in[c][y+i][x+j]
										k++
									}
								}
							}
							dst[o][y][x] = sum
						}
					}
				}
			}
		}, "goes on from the one before"},
		{"conv, weight counter never moves to the next channel", func(f *tutor.Functions) {
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				rows, cols := len(in[0])-len(dst[0])+1, len(in[0][0])-len(dst[0][0])+1
				for o := range dst {
					for y := range dst[o] {
						for x := range dst[o][y] {
							sum := 0.0
							for c := range in {
								k := 0
								for i := range rows {
									for j := range cols {
										sum += w[o][k] * in[c][y+i][x+j]
										k++
									}
								}
							}
							dst[o][y][x] = sum
						}
					}
				}
			}
		}, "the index lacks c·rows·cols"},
		{"conv, i and j swapped in the index", func(f *tutor.Functions) {
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				rows, cols := len(in[0])-len(dst[0])+1, len(in[0][0])-len(dst[0][0])+1
				for o := range dst {
					for y := range dst[o] {
						for x := range dst[o][y] {
							dst[o][y][x] = 0
							for c := range in {
								for i := range rows {
									for j := range cols {
										dst[o][y][x] += in[c][y+i][x+j] * w[o][(c*rows+j)*cols+i]
									}
								}
							}
						}
					}
				}
			}
		}, "when rows and columns of the kernel are swapped: the index is (c·rows+i)·cols+j, where i goes with y and j with x."},
		{"filter gradient, i and j swapped in the index", func(f *tutor.Functions) {
			f.AddConv2DFilterGrad = func(df [][]float64, in, dOut [][][]float64) {
				rows, cols := len(in[0])-len(dOut[0])+1, len(in[0][0])-len(dOut[0][0])+1
				for o := range dOut {
					for y := range dOut[o] {
						for x := range dOut[o][y] {
							for c := range in {
								for i := range rows {
									for j := range cols {
										df[o][(c*rows+j)*cols+i] += in[c][y+i][x+j] * dOut[o][y][x]
									}
								}
							}
						}
					}
				}
			}
		}, "when rows and columns of the kernel are swapped"},
		{"input gradient, i and j swapped in the index", func(f *tutor.Functions) {
			f.Conv2DInputGrad = func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
				rows, cols := len(dIn[0])-len(dOut[0])+1, len(dIn[0][0])-len(dOut[0][0])+1
				for c := range dIn {
					for y := range dIn[c] {
						clear(dIn[c][y])
					}
				}
				for o := range dOut {
					for y := range dOut[o] {
						for x := range dOut[o][y] {
							for c := range dIn {
								for i := range rows {
									for j := range cols {
										dIn[c][y+i][x+j] += w[o][(c*rows+j)*cols+i] * dOut[o][y][x]
									}
								}
							}
						}
					}
				}
			}
		}, "when rows and columns of the kernel are swapped"},
		{"conv, no + 1", func(f *tutor.Functions) {
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				rows, cols := len(in[0])-len(dst[0]), len(in[0][0])-len(dst[0][0])
				for o := range dst {
					for y := range dst[o] {
						for x := range dst[o][y] {
							dst[o][y][x] = 0
							for c := range in {
								for i := range rows {
									for j := range cols {
										dst[o][y][x] += in[c][y+i][x+j] * w[o][(c*rows+i)*cols+j]
									}
								}
							}
						}
					}
				}
			}
		}, "when the kernel size lacks its + 1: rows is len(in[0]) − len(dst[0]) + 1, and cols in the same way, also in the index."},
		{"filter gradient, no + 1", func(f *tutor.Functions) {
			f.AddConv2DFilterGrad = func(df [][]float64, in, dOut [][][]float64) {
				rows, cols := len(in[0])-len(dOut[0]), len(in[0][0])-len(dOut[0][0])
				for o := range dOut {
					for y := range dOut[o] {
						for x := range dOut[o][y] {
							for c := range in {
								for i := range rows {
									for j := range cols {
										df[o][(c*rows+i)*cols+j] += in[c][y+i][x+j] * dOut[o][y][x]
									}
								}
							}
						}
					}
				}
			}
		}, "when the kernel size lacks its + 1: rows is len(in[0]) − len(dOut[0]) + 1"},
		{"input gradient, no + 1", func(f *tutor.Functions) {
			f.Conv2DInputGrad = func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
				rows, cols := len(dIn[0])-len(dOut[0]), len(dIn[0][0])-len(dOut[0][0])
				for c := range dIn {
					for y := range dIn[c] {
						clear(dIn[c][y])
					}
				}
				for o := range dOut {
					for y := range dOut[o] {
						for x := range dOut[o][y] {
							for c := range dIn {
								for i := range rows {
									for j := range cols {
										dIn[c][y+i][x+j] += w[o][(c*rows+i)*cols+j] * dOut[o][y][x]
									}
								}
							}
						}
					}
				}
			}
		}, "when the kernel size lacks its + 1: rows is len(dIn[0]) − len(dOut[0]) + 1"},
		{"conv, a row lost", func(f *tutor.Functions) {
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				dst[0] = nil
			}
		}, "dst is a volume of 0×0 and 3×3, want 2×3×3"},
		{"conv, flipped and never cleared", func(f *tutor.Functions) {
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				rows, cols := len(in[0])-len(dst[0])+1, len(in[0][0])-len(dst[0][0])+1
				for o := range dst {
					for y := range dst[o] {
						for x := range dst[o][y] {
							for c := range in {
								for i := range rows {
									for j := range cols {
										dst[o][y][x] += in[c][y+i][x+j] * w[o][(c+1)*rows*cols-1-i*cols-j]
									}
								}
							}
						}
					}
				}
			}
		}, "when the kernel is flipped by 180°. That is what mathematicians call a convolution. In networks it isn't flipped. And dst isn't set to 0 first"},
		{"conv, nothing known", func(f *tutor.Functions) {
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				convnet.Conv2D(dst, in, w)
				for o := range dst {
					for y := range dst[o] {
						dst[o][y][0] += float64(y)
					}
				}
			}
		}, "Notice that only the first column is wrong."},
		{"conv, nothing known at all", func(f *tutor.Functions) {
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				convnet.Conv2D(dst, in, w)
				for o := range dst {
					for y := range dst[o] {
						for x := range dst[o][y] {
							dst[o][y][x] += float64(y + 2*x + 1)
						}
					}
				}
			}
		}, "Compute dst[0][0][0] by hand"},
		{"conv, new rows", func(f *tutor.Functions) {
			f.Conv2D = func(dst, in [][][]float64, w [][]float64) {
				out := convnet.NewVolume(len(dst), len(dst[0]), len(dst[0][0]))
				convnet.Conv2D(out, in, w)
				dst = out
				_ = dst
			}
		}, "still what it was before the call"},
		{"loss, log2 of the sum", func(f *tutor.Functions) {
			f.CrossEntropy = func(logits []float64, label int) float64 {
				m, sum := max(logits[0], logits[len(logits)-1]), 0.0
				for _, l := range logits {
					m = max(m, l)
				}
				for _, l := range logits {
					sum += math.Exp(l - m)
				}
				return m - logits[label] + math.Log2(sum)
			}
		}, "This is what you get when the logarithm of the sum has base 2. Go's natural one is math.Log."},
		{"max-pool gradient, compared with the whole map", func(f *tutor.Functions) {
			f.MaxPoolGrad = func(dIn, in, dOut [][]float64) {
				out := convnet.NewMatrix(len(dOut), len(dOut[0]))
				convnet.MaxPool(out, in)
				for y := range in {
					clear(dIn[y])
				}
				for y := range out {
					for x := range out[y] {
						for i := range in {
							for j := range in[i] {
								if in[i][j] == out[y][x] {
									dIn[i][j] = dOut[y][x]
								}
							}
						}
					}
				}
			}
		}, "when the maximum of a window is compared with the whole map: look only at the four values"},
		{"relu, if without else", func(f *tutor.Functions) {
			f.ReLU = func(dst, in [][]float64) {
				for y := range in {
					for x := range in[y] {
						if in[y][x] >= 0 {
							dst[y][x] = in[y][x]
						}
					}
				}
			}
		}, "what an earlier call left there stays"},
		{"relu, dst tested", func(f *tutor.Functions) {
			f.ReLU = func(dst, in [][]float64) {
				for y := range in {
					for x := range in[y] {
						dst[y][x] = in[y][x]
						if dst[y][x] > 0 {
							dst[y][x] = 0
						}
					}
				}
			}
		}, "min instead of max"},
		{"pool, loops over in", func(f *tutor.Functions) {
			f.MaxPool = func(dst, in [][]float64) {
				for y := 0; y+1 < len(in); y += 2 {
					for x := 0; x+1 < len(in[y]); x += 2 {
						dst[y/2][x/2] = 0
						for i := range 2 {
							for j := range 2 {
								if in[y+i][x+j] > dst[y/2][x/2] {
									dst[y/2][x/2] = in[y+i][x+j]
								}
							}
						}
					}
				}
			}
		}, "the maximum starts at 0"},
		{"pool, dst not initialized", func(f *tutor.Functions) {
			f.MaxPool = func(dst, in [][]float64) {
				for y := range dst {
					for x := range dst[y] {
						for i := range 2 {
							for j := range 2 {
								dst[y][x] = math.Max(dst[y][x], in[2*y+i][2*x+j])
							}
						}
					}
				}
			}
		}, "starts at what dst held before"},
		{"flatten, append", func(f *tutor.Functions) {
			f.Flatten = func(vector []float64, volume [][][]float64) {
				for _, m := range volume {
					for _, row := range m {
						vector = append(vector, row...)
					}
				}
			}
		}, "append makes a new slice"},
		{"flatten, copy without moving on", func(f *tutor.Functions) {
			f.Flatten = func(vector []float64, volume [][][]float64) {
				for _, m := range volume {
					for _, row := range m {
						copy(vector, row)
					}
				}
			}
		}, "starts over with each row"},
		{"fully connected, bias inside", func(f *tutor.Functions) {
			f.FullyConnected = func(dst []float64, w [][]float64, b, in []float64) {
				for i := range dst {
					dst[i] = 0
					for j := range in {
						dst[i] += w[i][j]*in[j] + b[i]
					}
				}
			}
		}, "once for each input"},
		{"fully connected, = and bias after", func(f *tutor.Functions) {
			f.FullyConnected = func(dst []float64, w [][]float64, b, in []float64) {
				for i := range dst {
					for j := range in {
						dst[i] = w[i][j] * in[j]
					}
					dst[i] += b[i]
				}
			}
		}, "= instead of +="},
		{"fully connected, dirty", func(f *tutor.Functions) {
			f.FullyConnected = func(dst []float64, w [][]float64, b, in []float64) {
				for i := range dst {
					for j := range in {
						dst[i] += w[i][j] * in[j]
					}
					dst[i] += b[i]
				}
			}
		}, "added to what dst held before the call"},
		{"softmax, naive", func(f *tutor.Functions) {
			f.Softmax = func(dst, l []float64) {
				var sum float64
				for _, v := range l {
					sum += math.Exp(v)
				}
				for k, v := range l {
					dst[k] = math.Exp(v) / sum
				}
			}
		}, "softmax's maximum isn't subtracted"},
		{"softmax, max := 0", func(f *tutor.Functions) {
			f.Softmax = func(dst, l []float64) {
				var sum, m float64
				for _, v := range l {
					m = max(m, v)
				}
				for _, v := range l {
					sum += math.Exp(v - m)
				}
				for k, v := range l {
					dst[k] = math.Exp(v-m) / sum
				}
			}
		}, "starts at 0"},
		{"loss, from softmax", func(f *tutor.Functions) {
			f.CrossEntropy = func(l []float64, label int) float64 {
				p := make([]float64, len(l))
				convnet.Softmax(p, l)
				return -math.Log(p[label])
			}
		}, "log 0 is −∞"},
		{"loss, epsilon", func(f *tutor.Functions) {
			f.CrossEntropy = func(l []float64, label int) float64 {
				p := make([]float64, len(l))
				convnet.Softmax(p, l)
				return -math.Log(p[label] + 1e-7)
			}
		}, "got want"},
		{"loss gradient, one-hot forgotten", func(f *tutor.Functions) {
			f.CrossEntropyGrad = func(d, p []float64, label int) { copy(d, p) }
		}, "lacks the −1"},
		{"weights gradient, =", func(f *tutor.Functions) {
			f.AddFullyConnectedWeightGrad = func(dw [][]float64, db, in, dOut []float64) {
				for i := range dOut {
					for j := range in {
						dw[i][j] = dOut[i] * in[j]
					}
					db[i] = dOut[i]
				}
			}
		}, "= instead of +="},
		{"input gradient, not cleared", func(f *tutor.Functions) {
			f.FullyConnectedInputGrad = func(dIn []float64, w [][]float64, dOut []float64) {
				for i := range dOut {
					for j := range dIn {
						dIn[j] += dOut[i] * w[i][j]
					}
				}
			}
		}, "dIn isn't cleared first"},
		{"pooling gradient by comparison with the maximum", func(f *tutor.Functions) {
			f.MaxPoolGrad = func(dIn, in, dOut [][]float64) {
				for y := range dIn {
					clear(dIn[y])
				}
				for y := range dOut {
					for x := range dOut[y] {
						m := max(in[2*y][2*x], in[2*y][2*x+1], in[2*y+1][2*x], in[2*y+1][2*x+1])
						for i := range 2 {
							for j := range 2 {
								if in[2*y+i][2*x+j] == m {
									dIn[2*y+i][2*x+j] = dOut[y][x]
								}
							}
						}
					}
				}
			}
		}, "ties go to all"},
		{"pooling gradient, += into leftovers", func(f *tutor.Functions) {
			f.MaxPoolGrad = func(dIn, in, dOut [][]float64) {
				for y := range dOut {
					for x := range dOut[y] {
						by, bx := 0, 0
						for i := range 2 {
							for j := range 2 {
								if in[2*y+i][2*x+j] > in[2*y+by][2*x+bx] {
									by, bx = i, j
								}
							}
						}
						dIn[2*y+by][2*x+bx] += dOut[y][x]
					}
				}
			}
		}, "dIn isn't cleared first"},
		{"relu gradient, >=", func(f *tutor.Functions) {
			f.ReLUGrad = func(dIn, in, dOut [][]float64) {
				for y := range in {
					for x := range in[y] {
						dIn[y][x] = dOut[y][x]
						if in[y][x] < 0 {
							dIn[y][x] = 0
						}
					}
				}
			}
		}, "lets 0 pass"},
		{"filter gradient, cleared", func(f *tutor.Functions) {
			f.AddConv2DFilterGrad = func(df [][]float64, in, dOut [][][]float64) {
				for k := range df {
					clear(df[k])
				}
				convnet.AddConv2DFilterGrad(df, in, dOut)
			}
		}, "dFilters is overwritten"},
		{"convolution's input gradient, valid", func(f *tutor.Functions) {
			f.Conv2DInputGrad = func(dIn [][][]float64, w [][]float64, dOut [][][]float64) {
				rows, cols := len(dIn[0])-len(dOut[0])+1, len(dIn[0][0])-len(dOut[0][0])+1
				for c := range dIn {
					for y := range dIn[c] {
						for x := range dIn[c][y] {
							dIn[c][y][x] = 0
							for o := range dOut {
								for i := range rows {
									for j := range cols {
										if y+i < len(dOut[o]) && x+j < len(dOut[o][0]) {
											dIn[c][y][x] += dOut[o][y+i][x+j] * w[o][(c*rows+i)*cols+j]
										}
									}
								}
							}
						}
					}
				}
			}
		}, "as in the forward pass"},
		{"dropout, not inverted", func(f *tutor.Functions) {
			f.DropoutMask = func(mask []float64, p float64, rng *rand.Rand) {
				for x := range mask {
					mask[x] = 1
					if p > 0 && rng.Float64() < p {
						mask[x] = 0
					}
				}
			}
		}, "dropout doesn't scale"},
		{"dropout, nil rng", func(f *tutor.Functions) {
			f.DropoutMask = func(mask []float64, p float64, rng *rand.Rand) {
				for x := range mask {
					mask[x] = 1 / (1 - p)
					if rng.Float64() < p {
						mask[x] = 0
					}
				}
			}
		}, "rng is nil here, because p is 0: don't draw then."},
		{"dropout, one draw", func(f *tutor.Functions) {
			f.DropoutMask = func(mask []float64, p float64, rng *rand.Rand) {
				r := 0.5
				if p > 0 {
					r = rng.Float64()
				}
				for x := range mask {
					mask[x] = 0
					if r >= p {
						mask[x] = 1 / (1 - p)
					}
				}
			}
		}, "one draw decides for the whole mask"},
	} {
		f := tutor.Ours()
		c.write(&f)
		if text := report(f, false, false); !strings.Contains(inOneLine(text), c.want) {
			t.Errorf("%s: want %q in\n%s", c.name, c.want, text)
		}
	}
}

// Every message names its mistake, fits the screen, comes at once, and is the same in color.
func TestMessages(t *testing.T) {
	longest := time.Duration(0)
	for _, m := range tutor.Mistakes() {
		begin := time.Now()
		text := m.Report(!testenv.All())
		longest = max(longest, time.Since(begin))
		if !strings.Contains(inOneLine(text), m.Step+" isn't right yet") && !strings.Contains(inOneLine(text), m.Step+" panics") {
			t.Errorf("%s: %s: not the step that fails:\n%s", m.Step, m.Says, text)
		}
		if !strings.Contains(inOneLine(text), inOneLine(m.Says)) {
			t.Errorf("%s: %s: not named:\n%s", m.Step, m.Says, text)
		}
		if strings.HasSuffix(m.Says, ".") || strings.HasSuffix(m.Says, "?") {
			t.Errorf("%s: %q ends in punctuation, and a period follows", m.Step, m.Says)
		}
		for _, line := range strings.Split(text, "\n") {
			if tutor.Columns(line) > tutor.Width || strings.HasSuffix(line, " ") {
				t.Errorf("%s: %s: a line of %d columns: %q", m.Step, m.Says, tutor.Columns(line), line)
			}
		}
	}
	if longest > 3*time.Second {
		t.Errorf("the slowest report took %v, want at most 3 s", longest)
	}

	f := tutor.Ours()
	f.MaxPool = func(dst, in [][]float64) { convnet.MaxPool(dst[:1], in[:2]) }
	plain, colored := report(f, false, false), report(f, false, true)
	if plain == colored || tutor.Escapes.ReplaceAllString(colored, "") != plain {
		t.Errorf("without its colors\n%s\nisn't\n%s", colored, plain)
	}
}

func TestSteps(t *testing.T) {
	readme := string(testenv.ReadFile(t, "README.md"))
	for _, step := range tutor.Steps() {
		if !strings.Contains(readme, "# "+step.Section+"\n") {
			t.Errorf("%s: README has no section %q", step.Name, step.Section)
		}
		if len(step.Hints) < 2 {
			t.Errorf("%s: %d hints, want at least 2", step.Name, len(step.Hints))
		}
	}
}
