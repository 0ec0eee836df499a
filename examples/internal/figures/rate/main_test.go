package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"convnet/examples/internal/stats"
	"convnet/examples/internal/stored"
	"convnet/examples/internal/testenv"
	"convnet/examples/internal/training"
)

// A row is a line of a table in docs/rate.md.
type row struct {
	rate        float64
	seeds       []float64 // percentages, of the seeds from 1
	mean, worst float64
}

// readTables reads the tables of docs/rate.md that list the seeds: two of constant rates, the
// second of which one was chosen from, and one of rates that decay linearly.
func readTables(t *testing.T) (many, fifteen, linear []row) {
	t.Helper()
	tables, err := parseTables(string(testenv.ReadFile(t, "docs/rate.md")))
	if err != nil {
		t.Fatalf("docs/rate.md: %v", err)
	}
	if len(tables) != 3 {
		t.Fatalf("docs/rate.md: found %d tables that list the seeds, want 3", len(tables))
	}
	for k, want := range []struct{ rates, seeds int }{{13, 10}, {15, 5}, {13, 10}} {
		if rows := tables[k]; len(rows) != want.rates || len(rows[0].seeds) != want.seeds {
			t.Fatalf("docs/rate.md: table %d is %v, want %d rates with %d seeds each", k+1, rows, want.rates, want.seeds)
		}
	}
	return tables[0], tables[1], tables[2]
}

// parseTables returns the tables in a text that list the seeds, in the form in which
// printTable prints them.
func parseTables(text string) (tables [][]row, err error) {
	seeds := 0 // of the table that the line is in
	for _, line := range strings.Split(text, "\n") {
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
				return nil, fmt.Errorf("%s: %w", line, err)
			}
			v = append(v, n)
		}
		if len(v) != 1+seeds+2 {
			return nil, fmt.Errorf("%s: found %d numbers for %d seeds, want %d", line, len(v), seeds, 1+seeds+2)
		}
		k := len(tables) - 1
		tables[k] = append(tables[k], row{v[0], v[1 : 1+seeds], v[1+seeds], v[2+seeds]})
	}
	return tables, nil
}

// A row that isn't a rate and its numbers is an error, not a panic.
func TestParseTables(t *testing.T) {
	const start = "text\n\n| rate | seed 1 | seed 2 | mean | worst |\n|---|---|---|---|---|\n"
	want := []row{{0.01, []float64{96, 97.5}, 96.75, 96}}
	tables, err := parseTables(start + "| 0.01 | 96.00 | 97.50 | 96.75 | 96.00 |\n\n| other | table |\n")
	if err != nil || len(tables) != 1 || !reflect.DeepEqual(tables[0], want) {
		t.Errorf("tables %v, error %v, want one that is %v", tables, err, want)
	}
	for line, want := range map[string]string{
		"| 0.01 | 96.00 | 97.50 | 96.75 |":                 "found 4 numbers for 2 seeds, want 5",
		"| 0.01 | 96.00 | 97.50 | 96.75 | 96.00 | 96.00 |": "found 6 numbers for 2 seeds, want 5",
		"| 0.01 | 96.00 | – | 96.75 | 96.00 |":             `"–": invalid syntax`,
		"|":                                                `"": invalid syntax`,
	} {
		if _, err := parseTables(start + line + "\n"); err == nil || !strings.Contains(err.Error(), line+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", line, err, want)
		}
	}
}

// The mean and the worst of a rate follow from its seeds, and a rate that is in both tables of
// constant rates has the same networks in both.
func TestTables(t *testing.T) {
	many, fifteen, linear := readTables(t)
	for _, r := range slices.Concat(many, fifteen, linear) {
		// The mean was taken before the seeds were rounded.
		if m := stats.Mean(r.seeds); !(math.Abs(m-r.mean) <= 0.01) {
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
	many, fifteen, linear := readTables(t)
	list := func(rows []row) string {
		var rates []string
		for _, r := range rows {
			rates = append(rates, fmt.Sprint(r.rate))
		}
		return strings.Join(rates, ",")
	}
	if usualRates != list(linear) {
		t.Errorf("without -rates it tries %s, want %s", usualRates, list(linear))
	}
	page := strings.Join(strings.Fields(string(testenv.ReadFile(t, "docs/rate.md"))), " ")
	for _, flags := range []string{`-schedule constant \ -rates ` + list(many), "-schedule constant -seeds 5 -rates " + list(fifteen)} {
		if !strings.Contains(page, flags) {
			t.Errorf("docs/rate.md has no command with %s", flags)
		}
	}
}

// The constant rate is the one whose worst seed is best; between equals the mean decides. The
// rate with linear decay is one of several that hardly differ, and better than any constant
// one.
func TestChoice(t *testing.T) {
	many, fifteen, linear := readTables(t)
	best := slices.MaxFunc(fifteen, func(a, b row) int {
		return slices.Compare([]float64{a.worst, a.mean}, []float64{b.worst, b.mean})
	})
	if want := training.Original().Rate; best.rate != want {
		t.Errorf("the best constant rate is %v, want %v", best.rate, want)
	}
	mean := func(a, b row) int { return cmp.Compare(a.mean, b.mean) }
	k := slices.IndexFunc(linear, func(r row) bool { return r.rate == training.Default().Rate })
	if k < 0 {
		t.Fatalf("docs/rate.md: found no row for %v, the default rate, in the table of linear decay", training.Default().Rate)
	}
	usual := linear[k]
	if best := slices.MaxFunc(linear, mean); usual.mean < best.mean-0.15 {
		t.Errorf("with linear decay the mean is %.2f%% at the default rate %v, and %.2f%% at %v", usual.mean, usual.rate, best.mean, best.rate)
	}
	if best := slices.MaxFunc(many, mean); usual.worst < best.mean {
		t.Errorf("the worst seed with linear decay has %.2f%%, the constant rate %v has %.2f%% on average", usual.worst, best.rate, best.mean)
	}
}

// deal shuffles the results of each seed among the rates, as if rates differed only by luck,
// and returns the largest mean of a row.
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
		rows, means = append(rows, r.seeds), append(means, stats.Mean(r.seeds))
	}
	all := slices.Concat(rows...)
	const deals = 10000
	rng := rand.New(rand.NewPCG(1, 1))
	best, asGood := 0.0, 0.0
	for range deals {
		b := deal(rows, rng)
		best += b / deals
		if b >= slices.Max(means)-1e-9 { // except for rounding
			asGood++
		}
	}
	stored.Lines(t, "docs/rate.md", stored.Tolerance{},
		fmt.Sprintf("    all 75 accuracies  mean %.2f, standard deviation %.2f", stats.Mean(all), stats.Deviation(all)),
		fmt.Sprintf("    the fifteen means  the best %.2f, standard deviation %.2f", slices.Max(means), stats.Deviation(means)),
		fmt.Sprintf("    shuffled           the best %.2f; in %.0f%% of the shuffles it is as good as ours, or better", best, 100*asGood/deals),
	)
}

// An experiment trains as examples/train does or, at a constant rate, as ConvNet-in-Numpy does.
func TestExperiment(t *testing.T) {
	train, _ := testenv.Digits(t)
	train, validation := train[:20], train[20:120]
	recipe := training.Recipe{Sets: 5, Size: 4, Epochs: 10, Batch: 1, Rate: 0.02, Dropout: 0.5}
	seen := map[float64]bool{}
	for _, recipe.Schedule = range []training.Schedule{training.Constant, training.Linear} {
		network, err := recipe.Train(context.Background(), train, 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		want := float64(network.CountCorrect(validation))
		if want < 20 || seen[want] { // else the comparison below means little
			t.Errorf("%s: %v of 100 correct, want at least 20, and not the same with both schedules", recipe.Schedule, want)
		}
		seen[want] = true
		if got := experiment(train, validation, 0.02, recipe.Schedule, 3); got != want {
			t.Errorf("%s: validation accuracy %v%%, want %v%%", recipe.Schedule, got, want)
		}
	}
}

func TestPrintTable(t *testing.T) {
	var text strings.Builder
	printTable(&text, []float64{0.01, 0.0062}, [][]float64{{96, 97.254}, {95.125, 98}}, 100)
	want := `Validation accuracy in percent, on 100 digits:

| rate | seed 1 | seed 2 | mean | worst |
|---|---|---|---|---|
| 0.01 | 96.00 | 97.25 | 96.63 | 96.00 |
| 0.0062 | 95.12 | 98.00 | 96.56 | 95.12 |
`
	if text.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", &text, want)
	}
}

// Every rate is tried with every seed, and each network is measured on all of the validation set.
func TestMeasure(t *testing.T) {
	train, _ := testenv.Digits(t)
	train, validation := train[:10], train[10:60]
	rates := []float64{0.01, 0.03}
	percent := measure(train, validation, rates, training.Linear, 3)
	if len(percent) != len(rates) {
		t.Fatalf("%d rows, want %d", len(percent), len(rates))
	}
	for r, rate := range rates {
		if len(percent[r]) != 3 {
			t.Fatalf("rate %v: %d seeds, want 3", rate, len(percent[r]))
		}
		for s, found := range percent[r] {
			if want := experiment(train, validation, rate, training.Linear, uint64(s+1)); found != want {
				t.Errorf("rate %v, seed %d: %v%%, want %v%%", rate, s+1, found, want)
			}
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for _, c := range []struct {
		data, rates string
		schedule    training.Schedule
		seeds       int
		want        string
	}{
		{t.TempDir(), "0.01", training.Linear, 1, "found neither train-images-idx3-ubyte nor"},
		{testenv.Path(t, "examples/mnist"), "0.01", training.Linear, 1, "found 5000 training digits and 10000 test digits, want the full MNIST"},
		{"", "0.01", training.Linear, 0, "-seeds is 0, want 1 or more"},
		{"", "0.01", training.Linear, -1, "-seeds is -1, want 1 or more"},
		{"", "0.01", "cosine", 1, `-schedule is "cosine", want linear or constant`},
		{"", "0.01;0.02", training.Linear, 1, `-rates is "0.01;0.02", want numbers above 0, with commas between them`},
		{"", "0.01,", training.Linear, 1, `-rates is "0.01,", want numbers`},
		{"", "0.01,-1", training.Linear, 1, `-rates is "0.01,-1", want numbers`},
	} {
		var text strings.Builder
		if err := run(&text, c.data, c.rates, c.schedule, c.seeds); err == nil || !strings.Contains(err.Error(), c.want) || text.Len() > 0 {
			t.Errorf("error %v, printed %q, want %q", err, &text, c.want)
		}
	}
}
