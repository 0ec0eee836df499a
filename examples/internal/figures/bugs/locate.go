package main

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"convnet/examples/check"
)

// survivable are bugs of docs/bugs.md that a network survives, with a name for the README's table.
var survivable = []struct{ bug, name string }{
	{"", "none"},
	{"53", "second mask forgotten in `Backward`"},
	{"29", "first mask forgotten in `Backward`"},
	{"30", "fc1's weight gradient from the input before dropout"},
}

// locate plants each of them, and prints which gradients are wrong and how well the network learns.
func locate(w io.Writer, root string, all []bug) error {
	fmt.Fprintln(w, "| bug | wrong tensors with dropout | wrong tensors without | correct, of 500 |")
	fmt.Fprintln(w, "|---|---|---|---:|")
	for _, s := range survivable {
		test := goTest // without a bug
		if s.bug != "" {
			chosen, err := choose(all, []string{s.bug})
			if err != nil {
				return err
			}
			test = chosen[0].goTest
		}
		out, err := test(root, "-v", "-run", "TestGradientNetwork|TestGeneralizes")
		if err != nil && err != errFailed {
			return err
		}
		correct := regexp.MustCompile(`correctly: \d+ of 500 untrained, (\d+) after`).FindStringSubmatch(out)
		if correct == nil {
			return fmt.Errorf("found no count in what go test prints: %.300s", out)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", s.name, wrong(out, "dropout_0.5"), wrong(out, "dropout_0"), correct[1])
	}
	return nil
}

// wrong lists the tensors that are wrong in a table of gradients.
func wrong(out, table string) string {
	_, rows, _ := strings.Cut(out, table+": ")
	var names []string
	for _, row := range strings.Split(rows, "\n")[2:] {
		cells := strings.Fields(row)
		if len(cells) != 6 {
			break
		}
		worst, err := strconv.ParseFloat(cells[5], 64)
		if err != nil {
			break // the heading of the next table
		}
		if !(worst <= check.Tolerance) {
			names = append(names, cells[0])
		}
	}
	if names == nil {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
