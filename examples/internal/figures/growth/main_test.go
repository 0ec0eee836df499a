package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/internal/testenv"
)

// A small run prints four tables of positive numbers and draws a picture.
func TestRun(t *testing.T) {
	out := cli.Folder{Path: t.TempDir()}
	var text bytes.Buffer
	small := amount{runs: 1, enough: time.Millisecond, digits: []int{30, 60, 90}, batched: 16, batches: []int{1, 4, 16}, clocked: 800_000}
	if testenv.All() {
		small.batched, small.batches = 256, full.batches
	}
	if err := run(&text, out, small); err != nil {
		t.Fatal(err)
	}
	const number = `[1-9]?[0-9.e+]+`
	rows := regexp.MustCompile(`(?m)^\| ` + number + ` \|( ` + number + ` [nµm]?s \|){2} ` + number + ` \|( ` + number + ` k \|){2} ` +
		number + ` [nµm]?s \| ` + number + ` \|$`)
	if got, want := len(rows.FindAll(text.Bytes(), -1)), 3+len(small.batches)+4+4; got != want {
		t.Errorf("%d rows of numbers, want %d, in\n%s", got, want, &text)
	}
	file, err := os.ReadFile(filepath.Join(out.Path, "growth.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, []byte("NaN")) || bytes.Contains(file, []byte("Inf")) {
		t.Error("the picture has points at NaN or infinity")
	}
	d := xml.NewDecoder(bytes.NewReader(file))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal("growth.svg:", err)
		}
	}
	small.runs = 0
	if err := run(&text, out, small); err == nil || err.Error() != "-runs is 0, want 1 or more" {
		t.Errorf("for 0 runs the error is %v", err)
	}
}

// The cases take turns, each as often as it takes to be long enough.
func TestInTurn(t *testing.T) {
	var calls []int
	wait := func(c int, d time.Duration) func() {
		return func() {
			calls = append(calls, c)
			time.Sleep(d)
		}
	}
	const ms = time.Millisecond
	times := amount{runs: 2, enough: 4 * ms}.inTurn(wait(0, 5*ms), wait(1, 2*ms))
	if len(times) != 2 || times[0] < 5e6 || times[1] < 2e6 {
		t.Errorf("the medians are %v ns, want 5 and 2 ms or more", times)
	}
	turns := slices.Compact(slices.Clone(calls)) // warming up, then two runs
	if !slices.Equal(turns, []int{0, 1, 0, 1, 0, 1}) {
		t.Errorf("the cases ran in the order %v, want turns", calls)
	}
}

// patches counts the products without visiting them; here they are visited.
func TestPatchesCountsEveryProduct(t *testing.T) {
	for _, size := range []int{1, 2, 3, 5, 6} {
		in := convnet.NewVolume(2, 6, 8)
		for k := range 20 {
			in[k%2][k*5%6][k*3%8] = 1
		}
		want := 0
		for _, m := range in {
			for y := range 6 - size + 1 {
				for x := range 8 - size + 1 {
					for i := range size {
						for j := range size {
							if m[y+i][x+j] != 0 {
								want++
							}
						}
					}
				}
			}
		}
		if got := patches(in, convnet.NewVolume(1, 6-size+1, 8-size+1)); got != want {
			t.Errorf("size %d: %d products, want %d", size, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for ns, want := range map[float64]string{0.5: "0.5 ns", 999: "999 ns", 999.7: "1 µs", 1e3: "1 µs", 163_500: "164 µs", 1e6: "1 ms", 9.288e9: "9.29 s"} {
		if got := duration(ns); got != want {
			t.Errorf("duration(%v) = %q, want %q", ns, got, want)
		}
	}
}

// The parts of a step's work add up to the multiply-adds of six loops when nothing is 0.
func TestAllProducts(t *testing.T) {
	n, a, d := convnet.New(1), convnet.NewActivations(), convnet.NewActivations()
	for _, v := range []*convnet.Activations{a, d} {
		for _, volume := range [][][][]float64{v.Image, v.Conv1, v.Pool1, v.Conv2} {
			for _, m := range volume {
				for _, row := range m {
					fill(row)
				}
			}
		}
		for _, vector := range [][]float64{v.Drop1, v.Hidden, v.Drop2, v.Logits} {
			fill(vector)
		}
	}
	want := 0
	visit := func(out [][][]float64, filters [][]float64, times int) {
		for range out {
			for range out[0] {
				for range out[0][0] {
					want += times * len(filters[0])
				}
			}
		}
	}
	visit(a.Conv1, n.Filters1, 2)
	visit(a.Conv2, n.Filters2, 3)
	visit([][][]float64{{a.Hidden}}, n.Weights1, 3)
	visit([][][]float64{{a.Logits}}, n.Weights2, 3)
	if got := carriedOut(n, a, d); got != float64(want) || allProducts() != got {
		t.Errorf("%v multiply-adds carried out of %v, want %d of %d", got, allProducts(), want, want)
	}
}

func fill(row []float64) {
	for x := range row {
		row[x] = 1
	}
}

// docs/speed.md says how many multiply-adds a step carries out with dropout and without, averaged
// over a hundred test digits.
func TestDropoutSaves(t *testing.T) {
	train, test := testenv.Digits(t)
	n, _ := learn(train, 1000)
	count := func(dropout float64) (parts [8]float64, all float64) {
		grad, a, d := convnet.NewGradient(), convnet.NewActivations(), convnet.NewActivations()
		rng := rand.New(rand.NewPCG(1, 1))
		for _, digit := range test[:100] {
			a.DrawMasks(dropout, rng)
			n.Forward(a, digit.Image)
			n.Backward(grad, d, a, digit.Label)
			for k, products := range []int{
				len(n.Filters1) * patches(a.Image, a.Conv1),
				len(n.Filters2) * patches(a.Pool1, a.Conv2),
				len(n.Weights1) * nonzero(a.Drop1),
				len(n.Weights2) * nonzero(a.Drop2),
				len(n.Filters1[0]) * nonzeroMaps(d.Conv1),
				2 * len(n.Filters2[0]) * nonzeroMaps(d.Conv2),
				2 * len(n.Weights1[0]) * nonzero(d.Hidden),
				2 * len(n.Weights2[0]) * nonzero(d.Logits),
			} {
				parts[k] += float64(products) / 100
			}
			all += carriedOut(n, a, d) / 100
		}
		return parts, all
	}
	half, allHalf := count(0.5)
	none, allNone := count(0)
	sum := 0.0
	for k, name := range []string{
		"forward, conv1", "forward, conv2", "forward, fc1", "forward, fc2",
		"backward, conv1", "backward, conv2", "backward, fc1", "backward, fc2",
	} {
		t.Logf("%-15s %6.0f with dropout, %6.0f without, %.2f times as many", name, half[k], none[k], none[k]/half[k])
		sum += none[k]
	}
	if math.Abs(sum-allNone) > 1 {
		t.Errorf("the parts make %.0f multiply-adds, want %.0f", sum, allNone)
	}
	testenv.NeedStored(t)
	page := strings.Join(strings.Fields(string(testenv.ReadFile(t, "docs/speed.md"))), " ")
	says := fmt.Sprintf("%s00 multiply-adds with dropout ½, and %s00 without", hundreds(allHalf), hundreds(allNone))
	if !strings.Contains(page, says) {
		t.Errorf("docs/speed.md does not say %q", says)
	}
}

// hundreds formats a number in hundreds, with a comma before the last digit: 256437 is 256,4.
func hundreds(n float64) string { return fmt.Sprintf("%d,%d", int(n/100+0.5)/10, int(n/100+0.5)%10) }
