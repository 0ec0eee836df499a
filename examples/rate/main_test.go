package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/summary"
	"convnet/examples/internal/training"
	"convnet/examples/mnist"
)

// A row is a line of a table in docs/rate.md.
type row struct {
	rate        float64
	seeds       []float64 // percentages, of the seeds from 1
	mean, worst float64
}

// readTables reads the tables of docs/rate.md that tell the seeds: two of rates that
// stay, the second of those that one was chosen from, and one of rates that fall.
func readTables(t *testing.T) (many, fifteen, falling []row) {
	t.Helper()
	text, err := os.ReadFile("../../docs/rate.md")
	if err != nil {
		t.Fatal(err)
	}
	var tables [][]row
	seeds := 0 // of the table that the line is in
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "| rate | seed 1 |") {
			tables = append(tables, nil)
			seeds = strings.Count(line, "seed")
			continue
		}
		if !strings.HasPrefix(line, "|") {
			seeds = 0
		}
		if seeds == 0 || strings.HasPrefix(line, "|---") {
			continue
		}
		var v []float64
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			n, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
			if err != nil {
				t.Fatal(err)
			}
			v = append(v, n)
		}
		if len(v) != 1+seeds+2 {
			t.Fatalf("%d numbers for %d seeds: %s", len(v), seeds, line)
		}
		k := len(tables) - 1
		tables[k] = append(tables[k], row{v[0], v[1 : 1+seeds], v[1+seeds], v[2+seeds]})
	}
	if len(tables) != 3 || len(tables[0]) != 13 || len(tables[1]) != 15 || len(tables[2]) != 13 {
		t.Fatalf("found the tables %v, want one of 13 rates, one of 15 and one of 13", tables)
	}
	return tables[0], tables[1], tables[2]
}

// What the tables say of a rate follows from its seeds, and a rate that is in both
// has the same networks in both.
func TestTables(t *testing.T) {
	many, fifteen, falling := readTables(t)
	for _, r := range slices.Concat(many, fifteen, falling) {
		// The mean was taken before the seeds were rounded.
		if m := summary.Mean(r.seeds); !(math.Abs(m-r.mean) <= 0.01) {
			t.Errorf("rate %v: the mean is %.2f, want %.3f", r.rate, r.mean, m)
		}
		if w := slices.Min(r.seeds); w != r.worst {
			t.Errorf("rate %v: the worst is %.2f, want %.2f", r.rate, r.worst, w)
		}
	}
	both := 0
	for _, r := range fifteen {
		for _, other := range many {
			if r.rate == other.rate {
				both++
				if !slices.Equal(r.seeds, other.seeds[:5]) {
					t.Errorf("rate %v: %v in one table, %v in the other", r.rate, r.seeds, other.seeds[:5])
				}
			}
		}
	}
	if both != 3 {
		t.Errorf("%d rates in both tables, want 3", both)
	}
}

// The commands of docs/rate.md try the rates of the tables below them.
func TestCommands(t *testing.T) {
	many, fifteen, falling := readTables(t)
	list := func(rows []row) string {
		var rates []string
		for _, r := range rows {
			rates = append(rates, fmt.Sprint(r.rate))
		}
		return strings.Join(rates, ",")
	}
	if usualRates != list(falling) {
		t.Errorf("without -rates it tries %s, want %s", usualRates, list(falling))
	}
	text, err := os.ReadFile("../../docs/rate.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(text)), " ")
	for _, flags := range []string{`-decay=false \ -rates ` + list(many), "-decay=false -seeds 5 -rates " + list(fifteen)} {
		if !strings.Contains(page, flags) {
			t.Errorf("docs/rate.md has no command with %s", flags)
		}
	}
}

// The rate that stays is the one whose worst seed is best, and the mean decides. The
// rate that falls is one of those that can hardly be told apart, and better than any
// that stays.
func TestChoice(t *testing.T) {
	many, fifteen, falling := readTables(t)
	best := slices.MaxFunc(fifteen, func(a, b row) int {
		return slices.Compare([]float64{a.worst, a.mean}, []float64{b.worst, b.mean})
	})
	if want := training.Original().Rate; best.rate != want {
		t.Errorf("the rate that stays is %v, want %v", best.rate, want)
	}
	mean := func(a, b row) int { return cmp.Compare(a.mean, b.mean) }
	usual := falling[slices.IndexFunc(falling, func(r row) bool { return r.rate == training.Default().Rate })]
	if best := slices.MaxFunc(falling, mean); usual.mean < best.mean-0.15 {
		t.Errorf("the rate that falls from %v reads %.2f%%, from %v %.2f%%", usual.rate, usual.mean, best.rate, best.mean)
	}
	if best := slices.MaxFunc(many, mean); usual.worst < best.mean {
		t.Errorf("the worst seed of the rate that falls reads %.2f%%, the rate %v that stays %.2f%%", usual.worst, best.rate, best.mean)
	}
}

// deal deals the numbers of each seed out anew to the rates, as if there were no
// difference between the rates but luck, and returns the largest mean of a row.
func deal(rows [][]float64, rng *rand.Rand) (best float64) {
	sums := make([]float64, len(rows))
	for seed := range rows[0] {
		for row, from := range rng.Perm(len(rows)) {
			sums[row] += rows[from][seed]
		}
	}
	return slices.Max(sums) / float64(len(rows[0]))
}

// The exercise of docs/rate.md: how good is the best of fifteen equal rates?
func TestLuck(t *testing.T) {
	_, fifteen, _ := readTables(t)
	var rows [][]float64
	var means []float64
	for _, r := range fifteen {
		rows, means = append(rows, r.seeds), append(means, summary.Mean(r.seeds))
	}
	all := slices.Concat(rows...)
	const deals = 10000
	rng := rand.New(rand.NewPCG(1, 1))
	best, asGood := 0.0, 0.0
	for range deals {
		b := deal(rows, rng)
		best += b / deals
		if b >= slices.Max(means)-1e-9 { // but for rounding
			asGood++
		}
	}
	chapter, err := os.ReadFile("../../docs/rate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		fmt.Sprintf("all 75 numbers     mean %.2f, standard deviation %.2f", summary.Mean(all), summary.Deviation(all)),
		fmt.Sprintf("the fifteen means  the best %.2f, standard deviation %.2f", slices.Max(means), summary.Deviation(means)),
		fmt.Sprintf("dealt anew         the best %.2f; in %.0f%% of the deals it is as good as ours, or better", best, 100*asGood/deals),
	} {
		t.Log(line)
		if !strings.Contains(string(chapter), "\n    "+line+"\n") {
			t.Errorf("docs/rate.md does not tell: %s", line)
		}
	}
}

// An experiment is that of examples/train or, where the rate does not fall, the
// original's.
func TestExperiment(t *testing.T) {
	train, _, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	digits, heldOut := train[:20], train[20:120]
	recipe := training.Recipe{Sets: 5, Size: 4, Passes: 10, Batch: 1, Rate: 0.02, Dropout: 0.5}
	seen := map[float64]bool{}
	for _, recipe.Decay = range []bool{false, true} {
		network, err := recipe.Train(context.Background(), digits, 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		want := float64(network.Test(heldOut))
		if want < 20 || seen[want] { // else it tells little
			t.Errorf("decay %v: %v of 100 read rightly, want at least 20 and another number than without decay", recipe.Decay, want)
		}
		seen[want] = true
		if got := experiment(digits, heldOut, 0.02, recipe.Decay, 3); got != want {
			t.Errorf("decay %v: %v%% of the held-out digits are read rightly, want %v", recipe.Decay, got, want)
		}
	}
}

func TestPrintTable(t *testing.T) {
	var text strings.Builder
	printTable(&text, []float64{0.01, 0.0062}, [][]float64{{96, 97.254}, {95.125, 98}}, 100)
	want := `Percentage of 100 held-out training digits read rightly:

| rate | seed 1 | seed 2 | mean | worst |
|---|---|---|---|---|
| 0.01 | 96.00 | 97.25 | 96.63 | 96.00 |
| 0.0062 | 95.12 | 98.00 | 96.56 | 95.12 |
`
	if text.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", &text, want)
	}
}

func TestRunRefuses(t *testing.T) {
	for data, want := range map[string]string{
		t.TempDir(): "found neither train-images-idx3-ubyte nor",
		"../mnist":  "5000 training digits, want more than the 5000 to learn from",
	} {
		var text strings.Builder
		if err := run(&text, data, "0.01", true, 1); err == nil || !strings.Contains(err.Error(), want) || text.Len() > 0 {
			t.Errorf("%s: error %v, printed %q, want %q", data, err, &text, want)
		}
	}
	for _, seeds := range []int{0, -1} {
		want := fmt.Sprintf("-seeds is %d, want 1 or more", seeds)
		if err := run(io.Discard, "", "0.01", true, seeds); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
