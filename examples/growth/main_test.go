package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"convnet"
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
