package main

import (
	"bytes"
	"context"
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
	"convnet/examples/internal/cli"
	"convnet/examples/internal/recognize"
	"convnet/examples/internal/testenv"
	"convnet/examples/internal/training"
	"convnet/examples/model"
	"convnet/examples/trained"
)

// classify runs the program.
func classify(stdin io.Reader, args ...string) (stdout, stderr string, status int) {
	var out, errs bytes.Buffer
	status = run(args, stdin, &out, &errs)
	return out.String(), errs.String(), status
}

// save writes a network to a file and returns its name.
func save(t *testing.T, network *convnet.Network, metadata map[string]string) string {
	t.Helper()
	var file bytes.Buffer
	if err := model.Save(&file, network, metadata); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "new.safetensors")
	if err := os.WriteFile(name, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// photograph draws a digit enlarged, on light paper or on dark.
func photograph(digit [][]float64, scale int, dark bool) *image.Gray {
	const margin, side = 17, convnet.ImageSide
	m := image.NewGray(image.Rect(0, 0, side*scale+2*margin, side*scale+2*margin))
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			v := 0.0
			if i, j := (y-margin)/scale, (x-margin)/scale; y >= margin && x >= margin && i < side && j < side {
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

// photographs writes images of the digits, of many sizes and formats, and returns their names.
func photographs(t *testing.T, digits []convnet.Digit) (names []string) {
	t.Helper()
	folder := t.TempDir()
	for k, digit := range digits {
		var file bytes.Buffer
		var err error
		m := photograph(digit.Image, 1+4*k, k%2 == 0)
		switch k % 3 {
		case 0:
			err = png.Encode(&file, m)
		case 1:
			err = jpeg.Encode(&file, m, nil)
		case 2:
			err = gif.Encode(&file, m, nil)
		}
		name := filepath.Join(folder, fmt.Sprint("image", k))
		if err == nil {
			err = os.WriteFile(name, file.Bytes(), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// checkPredictions runs the program, and wants the labels of the digits in the named files.
func checkPredictions(t *testing.T, digits []convnet.Digit, names []string, flags ...string) {
	t.Helper()
	stdout, stderr, status := classify(nil, append(flags, names...)...)
	if status != cli.OK || stderr != "" {
		t.Fatalf("status %d, printed %q", status, stderr)
	}
	predictions := regexp.MustCompile(`(?m)^(\S.*): ([0-9])(?: \(unsure: .*\))?$`).FindAllStringSubmatch(stdout, -1)
	if len(predictions) != len(names) {
		t.Fatalf("%d predictions, want %d, in\n%s", len(predictions), len(names), stdout)
	}
	for k, p := range predictions {
		if p[1] != names[k] || p[2] != fmt.Sprint(digits[k].Label) {
			t.Errorf("%s: %s, want %s: %d", p[1], p[2], names[k], digits[k].Label)
		}
	}
}

// Without -model the program uses the embedded network.
func TestEmbeddedNetwork(t *testing.T) {
	testenv.NeedStored(t)
	_, test := testenv.Digits(t)
	checkPredictions(t, test[:6], photographs(t, test[:6]))
}

// goodNetwork returns the embedded network, or if that has another shape, one that trains for a
// second or two.
func goodNetwork(t *testing.T) *convnet.Network {
	t.Helper()
	if testenv.Stored() {
		network, err := trained.Network()
		if err != nil {
			t.Fatal(err)
		}
		return network
	}
	train, _ := testenv.Digits(t)
	recipe := training.Recipe{Sets: 1, Size: len(train), Epochs: 1, Batch: 1, Rate: 0.02, Schedule: training.Linear, Distortion: training.Handwriting()}
	network, err := recipe.Train(context.Background(), train, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	return network
}

// A good network is sure of many test digits, and must be right about every image of them.
func TestClassify(t *testing.T) {
	_, test := testenv.Digits(t)
	network := goodNetwork(t)
	a := convnet.NewActivations()
	var sure []convnet.Digit
	for k := 0; k < len(test) && len(sure) < 6; k++ {
		if digit := test[k]; network.Predict(a, digit.Image) == digit.Label && a.Probabilities[digit.Label] > 0.99 {
			sure = append(sure, digit)
		}
	}
	if len(sure) < 6 {
		t.Fatalf("the network is sure of only %d test digits, want 6", len(sure))
	}
	file, names := save(t, network, nil), photographs(t, sure)
	checkPredictions(t, sure, names, "-model", file)

	// Standard input is an image like any other, and the probabilities belong to this image.
	photo, err := os.Open(names[3])
	if err != nil {
		t.Fatal(err)
	}
	defer photo.Close()
	stdout, stderr, status := classify(photo, "-model", file, "-")
	if want := fmt.Sprintf("-: %d", sure[3].Label); status != cli.OK || !strings.HasPrefix(stdout, want) {
		t.Errorf("status %d, printed %q and %q, want %q first", status, stdout, stderr, want)
	}
	rows := regexp.MustCompile(`(?m) ([0-9]) +([0-9.]+)%`).FindAllStringSubmatch(stdout, -1)
	sum := 0.0
	for k, row := range rows {
		p, err := strconv.ParseFloat(row[2], 64)
		if err != nil || row[1] != fmt.Sprint(k) || p > 50 != (k == sure[3].Label) {
			t.Errorf("row %d: %q, %v%% (%v)", k, row[0], p, err)
		}
		sum += p
	}
	if len(rows) != len(a.Probabilities) || math.Abs(sum-100) > 0.5 {
		t.Errorf("%d probabilities, %v%% in all, want %d and 100%%", len(rows), sum, len(a.Probabilities))
	}
}

// With -model the program uses that network, here an untrained one, which predicts other
// digits. Metadata, of this version or an earlier one, make no difference.
func TestModel(t *testing.T) {
	_, test := testenv.Digits(t)
	network := convnet.New(2)
	for _, metadata := range []map[string]string{
		nil,
		{"epochs": "10", "schedule": "linear", "position": "set 1 epoch 3 digit 10", "correct": "9"},
		{"passes": "10", "decay": "true", "learned": "set 1 pass 3 digit 10", "right": "9"},
	} {
		file := save(t, network, metadata)
		for _, digit := range test[:5] {
			var picture bytes.Buffer
			if err := png.Encode(&picture, photograph(digit.Image, 1, true)); err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("-: %d", network.Predict(convnet.NewActivations(), digit.Image))
			if stdout, stderr, status := classify(&picture, "-model", file, "-"); status != cli.OK || !strings.HasPrefix(stdout, want) {
				t.Errorf("status %d, printed %q and %q, want %q first", status, stdout, stderr, want)
			}
		}
	}
}

// row draws digits side by side.
func row(digits ...[][]float64) *image.Gray {
	const scale = 6
	m := image.NewGray(image.Rect(0, 0, len(digits)*convnet.ImageSide*scale, convnet.ImageSide*scale))
	for k, digit := range digits {
		for y := range m.Rect.Dy() {
			for x := range convnet.ImageSide * scale {
				m.SetGray(k*convnet.ImageSide*scale+x, y, color.Gray{uint8(255 * digit[y/scale][x/scale])})
			}
		}
	}
	return m
}

// Digits in a row are all classified, from left to right.
func TestSeveralDigits(t *testing.T) {
	testenv.NeedStored(t)
	_, test := testenv.Digits(t)
	for _, several := range [][]int{{2, 0}, {0, 1, 2}, {0, 1, 3, 4}} {
		var images [][][]float64
		var labels []string
		for _, k := range several {
			images = append(images, test[k].Image)
			labels = append(labels, fmt.Sprint(test[k].Label))
		}
		var file bytes.Buffer
		if err := png.Encode(&file, row(images...)); err != nil {
			t.Fatal(err)
		}
		stdout, stderr, status := classify(&file, "-")
		want := fmt.Sprintf("-: %s (%d digits, from left to right)\n-, digit 1: %s\n", strings.Join(labels, " "), len(labels), labels[0])
		if status != cli.OK || stderr != "" || !strings.HasPrefix(stdout, want) {
			t.Errorf("status %d, printed %q and %q, want %q first", status, stdout, stderr, want)
		}
	}
}

// A picture that is nothing like a digit gets a warning.
func TestUnsure(t *testing.T) {
	testenv.NeedStored(t)
	for name, want := range map[string]string{
		"misclassified.png": `: [0-9] \(unsure: there are [0-9]+ separate pieces of ink, more than digits have\)\n`,
		"stages.png":        `: [0-9] \(unsure: .*\)\n`,
		"seven.png":         `: 7\n`,
	} {
		stdout, stderr, status := classify(nil, testenv.Path(t, "docs/images/"+name))
		if status != cli.OK || stderr != "" || !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("%s: status %d, printed %q and %q, want a match of %q", name, status, stdout, stderr, want)
		}
	}
}

func TestShow(t *testing.T) {
	digit := convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
	digit[4][0], digit[5][0], digit[4][1], digit[5][2], digit[4][3] = 1, 0.5, 1, 1, 0.4
	probabilities := []float64{0.25, 0, 0, 0, 0, 1.0 / 192, 0, 0, 0, 0.744}
	var text bytes.Buffer
	if err := show(&text, recognize.Result{Image: digit, Probabilities: probabilities, Label: 9, RunnerUp: 0}); err != nil {
		t.Fatal(err)
	}
	blank := strings.Repeat(" ", convnet.ImageSide)
	want := "\n\n█▀▄" + blank[3:] + "   0  25.0% ██████ runner-up\n"
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

// Each bad file gets a line, and the good ones are classified.
func TestBadInput(t *testing.T) {
	folder := t.TempDir()
	text, blank := filepath.Join(folder, "text"), filepath.Join(folder, "blank")
	var empty bytes.Buffer
	if err := png.Encode(&empty, image.NewGray(image.Rect(0, 0, 5, 5))); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{text: "not an image", blank: empty.String()} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	digit := convnet.NewMatrix(convnet.ImageSide, convnet.ImageSide)
	digit[10][10], digit[11][10] = 1, 1
	var good bytes.Buffer
	if err := png.Encode(&good, photograph(digit, 1, true)); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(folder, "missing")
	file := save(t, convnet.New(1), nil)
	stdout, stderr, status := classify(&good, "-model", file, text, missing, blank, folder, "-")
	_, noFile := os.Open(missing)
	_, isFolder := os.ReadFile(folder)
	want := regexp.MustCompile(fmt.Sprintf(`^classify: .*text: found "not an image", want a PNG, a JPEG or a GIF
classify: .*missing: %s
classify: .*blank: the contrast between ink and paper is 0.00, want at least 0.10 .*
classify: %s: %s
$`, regexp.QuoteMeta(errors.Unwrap(noFile).Error()), regexp.QuoteMeta(folder), regexp.QuoteMeta(errors.Unwrap(isFolder).Error())))
	if status != cli.Failed || !want.MatchString(stderr) || !strings.HasPrefix(stdout, "-: ") {
		t.Errorf("status %d, printed %q and %q", status, stdout, stderr)
	}
	for _, c := range []struct {
		status int
		want   string
		args   []string
	}{
		{cli.WrongUsage, "classify: found no image file, want one or more", nil},
		{cli.WrongUsage, "classify: unknown flag -x (-h lists the flags)", []string{"-x"}},
		{cli.Failed, "classify: open " + missing, []string{"-model", missing, "-"}},
		{cli.Failed, "classify: " + text + ": model: ", []string{"-model", text, "-"}},
	} {
		stdout, stderr, status := classify(nil, c.args...)
		if status != c.status || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: status %d, printed %q and %q, want %d and one line with %q", c.args, status, stdout, stderr, c.status, c.want)
		}
	}
	stdout, stderr, status = classify(nil, "-h")
	if status != cli.OK || stderr != "" || !strings.Contains(stdout, "\n\nUsage: go run ./examples/classify [flags] FILE…\n") {
		t.Errorf("-h: status %d, printed %q and %q, want %d and the usage", status, stdout, stderr, cli.OK)
	}
}
