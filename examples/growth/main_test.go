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
	"testing"

	"convnet"
	"convnet/examples/mnist"
)

// A small run prints four tables of positive figures and draws a picture.
func TestRun(t *testing.T) {
	out := t.TempDir()
	var text bytes.Buffer
	if err := run(&text, out, 1, []int{10, 20, 30}, 256); err != nil {
		t.Fatal(err)
	}
	const figure = `[1-9]?[0-9.e+]+`
	rows := regexp.MustCompile(`(?m)^\| ` + figure + ` \|( ` + figure + ` [nµm]?s \|){2} ` + figure + ` \|( ` + figure + ` k \|){2} ` +
		figure + ` [nµm]?s \| ` + figure + ` \|$`)
	if got := len(rows.FindAll(text.Bytes(), -1)); got != 3+9+4+4 {
		t.Errorf("%d rows of figures, want 20, in\n%s", got, &text)
	}
	file, err := os.ReadFile(filepath.Join(out, "growth.svg"))
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
	if err := run(&text, out, 0, []int{10}, 256); err == nil {
		t.Error("no error for 0 runs")
	}
}

// The products are counted without visiting them; here they are visited.
func TestPatchesCountsEveryProduct(t *testing.T) {
	for _, size := range []int{1, 2, 3, 5, 6} {
		in := convnet.NewMaps(2, 6, 8)
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
		if got := patches(in, size); got != want {
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

// The exercise of docs/speed.md: what a step without dropout carries out more, part
// by part, in the mean of a hundred test digits.
func TestDropoutSaves(t *testing.T) {
	train, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	chapter, err := os.ReadFile("../../docs/speed.md")
	if err != nil {
		t.Fatal(err)
	}
	n, _ := learn(train, 1000)
	count := func(dropout float64) (parts [9]float64, seen string) {
		var conv2, pool1, above, hidden float64
		gradient, a, errors := convnet.NewGradient(), convnet.NewActivations(), convnet.NewActivations()
		rng := rand.New(rand.NewPCG(1, 1))
		for _, digit := range test[:100] {
			a.DrawMasks(dropout, rng)
			n.Forward(a, digit.Image)
			n.Backward(gradient, errors, a, digit.Label)
			for k, products := range []int{
				10 * patches(a.Image, 5), 20 * patches(a.Pool1, 5), 100 * nonzero(a.Drop1), 10 * nonzero(a.Drop2),
				25 * nonzeroMaps(errors.Conv1), 2 * 250 * nonzeroMaps(errors.Conv2), 2 * 320 * nonzero(errors.Hidden), 2 * 100 * nonzero(errors.Logits),
			} {
				parts[k] += float64(products) / 100
			}
			parts[8] += carriedOut(a, errors) / 100
			conv2 += float64(nonzeroMaps(errors.Conv2)) / 100
			pool1 += float64(nonzeroMaps(errors.Pool1)) / 100
			above += float64(nonzeroMaps(a.Pool1)) / 100
			hidden += float64(nonzero(a.Drop2)) / 100
		}
		return parts, fmt.Sprintf("dropout %-3v  %.0f errors of Conv2, %.0f of Pool1, %.0f numbers of Pool1 above 0, %.1f hidden units of %.0f",
			dropout, conv2, pool1, above, hidden, 100*(1-dropout))
	}
	half, inHalf := count(0.5)
	none, inNone := count(0)
	sum := 0.0
	for k, name := range []string{
		"forward, first convolution", "second convolution", "first fully connected", "second fully connected",
		"backward, first convolution", "second convolution", "first fully connected", "second fully connected",
		"all",
	} {
		line := fmt.Sprintf("| %s | %.1f k | %.1f k | %.2f |", name, half[k]/1e3, none[k]/1e3, none[k]/half[k])
		t.Log(line)
		if !bytes.Contains(chapter, []byte("\n"+line+"\n")) {
			t.Errorf("docs/speed.md does not hold this line: %s", line)
		}
		if k < 8 {
			sum += none[k]
		}
	}
	if math.Abs(sum-none[8]) > 1 {
		t.Errorf("the parts make %.0f multiply-adds, want %.0f", sum, none[8])
	}
	for _, line := range []string{inHalf, inNone} {
		t.Log(line)
		if !bytes.Contains(chapter, []byte("\n    "+line+"\n")) {
			t.Errorf("docs/speed.md does not tell: %s", line)
		}
	}
}
