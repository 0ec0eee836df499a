package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/mnist"
	"convnet/examples/model"
)

// classify runs the program.
func classify(stdin io.Reader, args ...string) (stdout, stderr string, status int) {
	var out, errs bytes.Buffer
	status = run(args, stdin, &out, &errs)
	return out.String(), errs.String(), status
}

// photograph draws a digit enlarged, on light paper or on dark.
func photograph(digit [][]float64, scale int, dark bool) *image.Gray {
	const margin = 17
	m := image.NewGray(image.Rect(0, 0, 28*scale+2*margin, 28*scale+2*margin))
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			v := 0.0
			if i, j := (y-margin)/scale, (x-margin)/scale; y >= margin && x >= margin && i < 28 && j < 28 {
				v = digit[i][j]
			}
			if !dark {
				v = 1 - v
			}
			m.SetGray(x, y, color.Gray{uint8(math.Round(30 + 200*v))})
		}
	}
	return m
}

func TestClassify(t *testing.T) {
	_, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	var names []string
	for k, digit := range test[:12] {
		var file bytes.Buffer
		m := photograph(digit.Image, 1+3*k, k%2 == 0)
		switch k % 3 {
		case 0:
			err = png.Encode(&file, m)
		case 1:
			err = jpeg.Encode(&file, m, nil)
		case 2:
			err = gif.Encode(&file, m, nil)
		}
		name := filepath.Join(folder, fmt.Sprint("picture", k))
		if err == nil {
			err = os.WriteFile(name, file.Bytes(), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	stdout, stderr, status := classify(nil, names...)
	if status != ok || stderr != "" {
		t.Fatalf("status %d, printed %q", status, stderr)
	}
	answers := regexp.MustCompile(`(?m)^(\S.*): ([0-9])$`).FindAllStringSubmatch(stdout, -1)
	if len(answers) != len(names) {
		t.Fatalf("%d answers, want %d, in\n%s", len(answers), len(names), stdout)
	}
	for k, a := range answers {
		if a[1] != names[k] || a[2] != fmt.Sprint(test[k].Label) {
			t.Errorf("%s: %s, want %s: %d", a[1], a[2], names[k], test[k].Label)
		}
	}

	// Standard input is a picture like any other, and the probabilities are of this picture.
	file, err := os.Open(names[3])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdout, stderr, status = classify(file, "-")
	if want := fmt.Sprintf("-: %d\n", test[3].Label); status != ok || !strings.HasPrefix(stdout, want) {
		t.Errorf("status %d, printed %q and %q, want %q first", status, stdout, stderr, want)
	}
	rows := regexp.MustCompile(`(?m) ([0-9]) +([0-9.]+)%`).FindAllStringSubmatch(stdout, -1)
	sum := 0.0
	for k, row := range rows {
		p, err := strconv.ParseFloat(row[2], 64)
		if err != nil || row[1] != fmt.Sprint(k) || p > 50 != (k == test[3].Label) {
			t.Errorf("row %d: %q, %v%% (%v)", k, row[0], p, err)
		}
		sum += p
	}
	if len(rows) != 10 || math.Abs(sum-100) > 0.5 {
		t.Errorf("%d probabilities, %v%% in all, want 10 and 100%%", len(rows), sum)
	}
}

// An untrained network reads otherwise.
func TestModel(t *testing.T) {
	_, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "new.safetensors")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	network := convnet.New(2)
	if err := model.Save(file, network, nil); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	for _, digit := range test[:5] {
		var picture bytes.Buffer
		if err := png.Encode(&picture, photograph(digit.Image, 1, true)); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("-: %d\n", network.Predict(convnet.NewActivations(), digit.Image))
		if stdout, stderr, status := classify(&picture, "-model", name, "-"); status != ok || !strings.HasPrefix(stdout, want) {
			t.Errorf("status %d, printed %q and %q, want %q first", status, stdout, stderr, want)
		}
	}
}

func TestShow(t *testing.T) {
	digit := convnet.NewMatrix(28, 28)
	digit[4][0], digit[5][0], digit[4][1], digit[5][2], digit[4][3] = 1, 0.5, 1, 1, 0.4
	probabilities := []float64{0.25, 0, 0, 0, 0, 1.0 / 192, 0, 0, 0, 0.744}
	var text bytes.Buffer
	if err := show(&text, digit, probabilities); err != nil {
		t.Fatal(err)
	}
	blank := strings.Repeat(" ", 28)
	want := "\n\n█▀▄" + blank[3:] + "   0  25.0% ██████\n"
	for k := 1; k < 9; k++ {
		want += blank + fmt.Sprintf("   %d   ", k)
		if k == 5 {
			want += "0.5% ▏\n"
		} else {
			want += "0.0%\n"
		}
	}
	want += blank + "   9  74.4% █████████████████▉\n\n\n"
	if text.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", &text, want)
	}
}

// Each bad file gets a line, and the good ones are read.
func TestBadInput(t *testing.T) {
	folder := t.TempDir()
	text, blank := filepath.Join(folder, "text"), filepath.Join(folder, "blank")
	var empty bytes.Buffer
	if err := png.Encode(&empty, image.NewGray(image.Rect(0, 0, 5, 5))); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{text: "no picture", blank: empty.String()} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	digit := convnet.NewMatrix(28, 28)
	digit[10][10], digit[11][10] = 1, 1
	var good bytes.Buffer
	if err := png.Encode(&good, photograph(digit, 1, true)); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(folder, "missing")
	stdout, stderr, status := classify(&good, text, missing, blank, folder, "-")
	_, noFile := os.Open(missing)
	_, isFolder := os.ReadFile(folder)
	want := regexp.MustCompile(fmt.Sprintf(`^classify: .*text: found "no picture", want a PNG, a JPEG or a GIF
classify: .*missing: %s
classify: .*blank: found ink that is 0.00 from paper at most.*
classify: %s: %s
$`, regexp.QuoteMeta(errors.Unwrap(noFile).Error()), regexp.QuoteMeta(folder), regexp.QuoteMeta(errors.Unwrap(isFolder).Error())))
	if status != failed || !want.MatchString(stderr) || !strings.HasPrefix(stdout, "-: ") {
		t.Errorf("status %d, printed %q and %q", status, stdout, stderr)
	}
	for _, c := range []struct {
		status int
		want   string
		args   []string
	}{
		{usage, "usage: classify [-model FILE] FILE…", nil},
		{usage, "flag provided but not defined: -x", []string{"-x"}},
		{ok, "usage: classify", []string{"-h"}},
		{failed, "classify: open " + missing, []string{"-model", missing, "-"}},
		{failed, "classify: " + text + ": model: ", []string{"-model", text, "-"}},
	} {
		if _, stderr, status := classify(nil, c.args...); status != c.status || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: status %d, printed %q, want %d and %q", c.args, status, stderr, c.status, c.want)
		}
	}
}
