// Growth measures how the cost of training and of a convolution grows with the work: with
// more training examples, larger batches, larger kernels, larger maps. Beside each time it
// shows what arithmetic predicts, and the least that the processor would need at two
// multiply-adds per cycle. It prints tables in Markdown and draws growth.svg.
//
//	go run ./examples/internal/figures/growth
//
// Everything runs on one core, for a few minutes; on a busy machine the times mean little. They
// are other times on every machine, so go generate doesn't run this program.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"convnet"
	"convnet/examples/internal/cli"
	"convnet/examples/mnist"
)

func main() {
	out, m := cli.Out(), full
	flag.IntVar(&m.runs, "runs", full.runs, "time each case `N` times, and take the median")
	p := cli.Program{
		Path: "examples/internal/figures/growth",
		Does: "Measures how the cost of training and of a convolution grows with the work, prints the tables, and draws growth.svg.",
	}
	p.Main(func() error { return run(os.Stdout, *out, m) })
}

// An amount says how much is measured.
type amount struct {
	runs    int           // to time each case, for the median
	enough  time.Duration // at least, in each of them: see inTurn
	digits  []int         // numbers of training examples
	batched int           // examples that are split into batches
	batches []int         // their sizes, which divide that number
	clocked int           // rounds of the processor's clock: see clock
}

var full = amount{runs: 5, enough: 20 * time.Millisecond, digits: []int{100, 1000, 10_000, 60_000}, batched: 1024,
	batches: []int{1, 2, 4, 8, 16, 32, 64, 128, 256}, clocked: 8_000_000}

func run(w io.Writer, out cli.Folder, m amount) error {
	if m.runs < 1 {
		return cli.Usagef("-runs is %d, want 1 or more", m.runs)
	}
	train, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		return err
	}
	hertz := clock(m.clocked)
	fmt.Fprintf(w, "A cycle takes %.3f ns, so the limit is %.2f multiply-adds per nanosecond.\n", 1e9/hertz, 2*hertz/1e9)
	tables := []table{
		growDigits(train, m),
		growBatches(train[:m.batched], m),
		growKernels(m),
		growMaps(test, m),
	}
	for _, t := range tables {
		t.print(w, hertz)
	}
	return out.Write("growth.svg", func(w io.Writer) error { return draw(w, tables, hertz) })
}

// A table lists the cases of one kind of growth.
type table struct {
	title string
	grows string // what grows
	unit  string // of work, which the times are for
	rows  []row
}

// A row is one case. Times are in nanoseconds.
type row struct {
	size      float64 // of what grows
	measured  float64
	predicted float64
	products  float64 // multiply-adds carried out
	all       float64 // multiply-adds, including those with zeros
}

// limit is the time at two multiply-adds per cycle.
func (r row) limit(hertz float64) float64 { return r.products / 2 / hertz * 1e9 }

func (t table) print(w io.Writer, hertz float64) {
	fmt.Fprintf(w, "\n**%s** (times for %s)\n\n", t.title, t.unit)
	fmt.Fprintf(w, "| %s | measured | predicted | measured / predicted | multiply-adds | carried out | limit | measured / limit |\n", t.grows)
	fmt.Fprintln(w, strings.Repeat("|---:", 8)+"|")
	for _, r := range t.rows {
		limit := r.limit(hertz)
		fmt.Fprintf(w, "| %.0f | %s | %s | %.2f | %s | %s | %s | %.1f |\n", r.size, duration(r.measured), duration(r.predicted),
			r.measured/r.predicted, thousands(r.all), thousands(r.products), duration(limit), r.measured/limit)
	}
}

// duration formats nanoseconds in a unit that suits them.
func duration(ns float64) string {
	for _, unit := range []struct {
		ns   float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if ns >= 0.9995*unit.ns { // which three digits round to 1
			return fmt.Sprintf("%.3g %s", ns/unit.ns, unit.name)
		}
	}
	return fmt.Sprintf("%.3g ns", ns)
}

// thousands formats a number in thousands.
func thousands(n float64) string { return fmt.Sprintf("%.0f k", n/1e3) }
