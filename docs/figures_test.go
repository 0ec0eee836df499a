package docs_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"convnet"
)

// lossesOf returns the losses of all epochs in a line of docs/museum.json.
func lossesOf(t *testing.T, name string) []float64 {
	t.Helper()
	for d := json.NewDecoder(strings.NewReader(read(t, "docs/museum.json"))); ; {
		var line struct {
			Name   string
			Losses []float64
		}
		if err := d.Decode(&line); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if line.Name == name {
			return line.Losses
		}
	}
}

// counts returns how many test digits were classified correctly, seed by seed, from the
// line with this name in a file in docs.
func counts(t *testing.T, file, name string) []int {
	t.Helper()
	for d := json.NewDecoder(strings.NewReader(read(t, file))); ; {
		var line struct {
			Name          string
			Correct, Test []int // the names in docs/museum.json and in docs/ladder.json
		}
		if err := d.Decode(&line); err != nil {
			t.Fatalf("%s: %s: %v", file, name, err)
		}
		if line.Name == name {
			return append(line.Correct, line.Test...)
		}
	}
}

// thousands writes v with a comma before every three digits.
func thousands(v int) string {
	if v < 1000 {
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("%s,%03d", thousands(v/1000), v%1000)
}

// mean writes the mean of counts of 10,000 as a percentage.
func mean(counts []int) string {
	sum := 0
	for _, c := range counts {
		sum += c
	}
	return fmt.Sprintf("%.2f", float64(sum)/float64(len(counts))/100)
}

// list writes the percentages of counts as a sentence has them.
func list(counts []int) string {
	var seeds []string
	for k := range counts {
		seeds = append(seeds, mean(counts[k:k+1]))
	}
	last := len(seeds) - 1
	return strings.Join(seeds[:last], ", ") + " and " + seeds[last]
}

// needStored skips the rest of a test where the network isn't the one that the stored results
// are of.
func needStored(t *testing.T) {
	t.Helper()
	n := convnet.NewGradient()
	if len(n.Filters1) != 10 || len(n.Filters1[0]) != 25 || len(n.Filters2) != 20 || len(n.Weights1) != 100 {
		t.Skip("stored for 10, 20, 100")
	}
}

// A figureOnPage is text with a figure that a page must contain.
type figureOnPage struct{ page, says string }

func (f figureOnPage) check(t *testing.T) {
	t.Helper()
	text := strings.Join(strings.Fields(read(t, f.page)), " ")
	if !strings.Contains(text, f.says) {
		t.Errorf("%s does not say %q", f.page, f.says)
	}
}

// Figures in running text are those in the files that the programs write.
func TestFigures(t *testing.T) {
	original := counts(t, "docs/museum.json", "ours") // at a constant learning rate
	usual := counts(t, "docs/ladder.json", "learning rate decays to 0")
	best := mean(counts(t, "docs/ladder.json", "300 epochs"))
	many := counts(t, "docs/ladder.json", "60,000 digits")
	full := mean(many)
	masks := lossesOf(t, "masks ignored in the backward pass, our hyperparameters")
	bytes := lossesOf(t, "pixels from 0 to 255, our hyperparameters")

	for _, f := range []figureOnPage{
		{"README.md", fmt.Sprintf("accuracy %s%% (%d/10000)", mean(usual[:1]), usual[0])},
		{"docs/original.md", mean(usual) + "%: the mean of " + list(usual) + " (seeds 1 to 5)"},
		{"docs/original.md", mean(original) + "%: the mean of " + list(original) + ", at 0.0062"},
		{"README.md", "Averaged over five random seeds, the test accuracy is " + mean(usual) + "%"},
		{"README.md", best + "% with the 5,000 digits"},
		{"README.md", "all 60,000, and it reaches " + full + "%"},
		{"README.md", "at 0.01 instead of 0.0062"},
		{"docs/running.md", list(usual) + "%, " + mean(usual) + "% on average"},
		{"docs/rate.md", "| 0.0062, constant | 96.80 | 0.33 |"},
		{"docs/rate.md", "| 0.01, linear decay | 97.38 | 0.21 |"},
		{"docs/running.md", "over thirty seeds, test accuracy is 96.80 ± 0.33% (mean ± standard deviation), and 97.38 ± 0.21%"},
		{"docs/running.md", list(original) + "%, " + mean(original) + "% on average"},
		{"docs/ladder.md", "has a test accuracy of " + mean(original) + "%"},
		{"docs/ladder.md", "reach " + full + "%"},
		{"docs/ladder.md", fmt.Sprintf("%d, %d and %d with the seeds 1, 2 and 3", 10000-many[0], 10000-many[1], 10000-many[2])},
		{"examples/trained/README.md", thousands(many[0]) + " of the 10,000"},
		{"docs/museum.md", fmt.Sprintf("third epoch is %s (seed 1", thousands(int(math.Round(masks[2]))))},
		{"docs/museum.md", fmt.Sprintf("mean loss of %s)", thousands(int(math.Round(bytes[0]))))},
	} {
		f.check(t)
	}
}

// Figures in running text that follow from the architecture are the network's.
func TestFiguresOfTheNetwork(t *testing.T) {
	needStored(t)
	n, a := convnet.NewGradient(), convnet.NewActivations()
	work := func(out [][][]float64, filters [][]float64) int {
		return len(out) * len(out[0]) * len(out[0][0]) * len(filters[0])
	}
	parameters := thousands(len(n.Parameters))
	conv1, conv2 := work(a.Conv1, n.Filters1), work(a.Conv2, n.Filters2)
	connected := len(n.Weights1)*len(n.Weights1[0]) + len(n.Weights2)*len(n.Weights2[0])
	pixels, values := convnet.ImageSide*convnet.ImageSide, len(a.Conv1)*len(a.Conv1[0])*len(a.Conv1[0][0])
	fanIn2, fanIn3 := len(n.Filters2[0]), len(n.Weights1[0])
	for _, f := range []figureOnPage{
		{"README.md", "sums with " + parameters + " *parameters*"},
		{"README.md", "the same " + parameters + " parameters"},
		{"docs/README.md", "the same " + parameters + " parameters"},
		{"docs/dropout.md", "with " + parameters + " parameters"},
		{"docs/gradients.md", "All " + parameters + " parameters"},
		{"docs/ladder.md", "the same " + parameters + " parameters"},
		{"docs/original.md", fmt.Sprintf("√%d = %.1f", fanIn2, math.Sqrt(float64(fanIn2)))},
		{"docs/original.md", fmt.Sprintf("√%d = %.1f", fanIn3, math.Sqrt(float64(fanIn3)))},
		{"README.md", fmt.Sprintf("log %d = %.4f", len(a.Logits), math.Log(float64(len(a.Logits))))},
		{"docs/convolution.md", "= " + thousands(values) + " values"},
		{"docs/convolution.md", fmt.Sprintf("%d·%s = %s", pixels, thousands(values), thousands(pixels*values))},
		{"docs/convolution.md", "= " + thousands(conv1) + " in the first layer"},
		{"docs/convolution.md", "= " + thousands(conv2) + " in the second"},
		{"docs/convolution.md", thousands(connected)},
		{"docs/softmax.md", fmt.Sprintf("%d%% of all", 100*len(n.Weights1)*len(n.Weights1[0])/len(n.Parameters))},
	} {
		f.check(t)
	}
}

// A chapter's figures that another page repeats are in the chapter, where other tests
// compare them with what the programs print.
func TestFiguresOfChapters(t *testing.T) {
	for _, f := range []struct {
		page, chapter string
		figures       []string
	}{
		{"README.md", "docs/backpropagation.md", []string{
			"0.6931", "0.3709", "0.0187", "0.693097", "0.693197", "0.50025", "0.692647", "[ 0.2500 -0.5000  0.2500]", "[ 1.00  1.69  1.00]",
			"[ 0.50  1.50 -2.00]  [-0.50 -0.50  0.00]", "[ 2.00  0.50]  [-0.50  0.75]",
			"[0.2500 0.5000 0.2500]", "[ 0.0375 -0.0500 -0.0625 -0.0500]", "[ 0.2000  0.2750  0.0000  0.4000]",
		}},
		{"docs/original.md", "docs/rate.md", []string{"96.89%", "96.80", "97.38"}},
		{"docs/running.md", "docs/rate.md", []string{"96.80", "97.38"}},
		{"README.md", "docs/speed.md", []string{"150 µs"}},
		{"docs/dropout.md", "docs/museum.md", []string{"1.11 ± 0.17", "0.31 ± 0.16", "96.88", "96.89"}},
	} {
		page, chapter := read(t, f.page), read(t, f.chapter)
		for _, figure := range f.figures {
			if !strings.Contains(page, figure) || !strings.Contains(chapter, figure) {
				t.Errorf("%s is not on both %s and %s", figure, f.page, f.chapter)
			}
		}
	}
}
