package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"convnet/examples/internal/stored"
	"convnet/examples/internal/testenv"
)

const numbered = 56 // rows with a number

// All bugs of docs/bugs.md, and the four of its exercise, can be planted in the current code. Each with a
// number names a test that exists, and that isn't one that only compares with pinned results.
func TestBugsCanBePlanted(t *testing.T) {
	all := read(t)
	if len(all) != numbered+4 {
		t.Fatalf("%d bugs, want %d and 4", len(all), numbered)
	}
	for k, b := range all {
		want := strconv.Itoa(k + 1)
		if k >= numbered {
			want = string(rune('A' + k - numbered))
		}
		if b.name != want {
			t.Errorf("found bug %s, want bug %s", b.name, want)
		}
		source := string(testenv.ReadFile(t, b.file))
		buggy, err := b.in(source)
		if err != nil {
			t.Errorf("bug %s: %v", b.name, err)
			continue
		}
		if buggy == source {
			t.Errorf("bug %s changes nothing", b.name)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), b.file, buggy, 0); err != nil {
			t.Errorf("bug %s: %v", b.name, err)
		}
		if (b.test == "") != (k >= numbered) {
			t.Errorf("bug %s names the test %q", b.name, b.test)
		}
		if b.test != "" && !defines(t, filepath.Dir(testenv.Path(t, b.file)), b.test) {
			t.Errorf("bug %s names %s, which its package doesn't have", b.name, b.test)
		}
		if strings.Contains(b.test, "Digest") || strings.Contains(b.test, "Golden") {
			t.Errorf("bug %s names %s, which only compares with pinned results", b.name, b.test)
		}
	}
}

// read returns the bugs of docs/bugs.md.
func read(t *testing.T) []bug {
	t.Helper()
	all, err := bugs(string(testenv.ReadFile(t, "docs/bugs.md")))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A row that can't be read is an error, not a bug less.
func TestBadRow(t *testing.T) {
	for _, text := range []string{"| 1 | a.go | `x` | `y` | a | in the text | `TestX` |", "| 1 | a.go | `x` | `y` | what | TestX |", "| A | a9.go | `x` | `y` |"} {
		if all, err := bugs("text\n" + text + "\n"); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, error %v, want one with the row", text, all, err)
		}
	}
}

// A test that hangs has found the bug, too.
func TestFailure(t *testing.T) {
	for out, want := range map[string]string{
		"=== RUN TestA\n--- FAIL: TestA (0.00s)\nFAIL\n":                                       "TestA",
		"panic: test timed out after 2m0s\n\trunning tests:\n\t\tTestB (2m0s)\n\ngoroutine 18": "TestB",
		"ok  \tconvnet\t0.1s\n": "",
	} {
		got := ""
		if m := failure.FindStringSubmatch(out); m != nil {
			got = m[1] + m[2]
		}
		if got != want {
			t.Errorf("%q: %q failed, want %q", out, got, want)
		}
	}
}

// defines reports whether a test file in dir has the test.
func defines(t *testing.T, dir, test string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), "\nfunc "+test+"(t *testing.T)") {
			return true
		}
	}
	return false
}

func TestChoose(t *testing.T) {
	all := []bug{{name: "1"}, {name: "2"}, {name: "40"}, {name: "A"}}
	for _, c := range []struct{ names, want string }{{"", "1 2 40"}, {"A 2", "A 2"}} {
		chosen, err := choose(all, strings.Fields(c.names))
		var got []string
		for _, b := range chosen {
			got = append(got, b.name)
		}
		if strings.Join(got, " ") != c.want || err != nil {
			t.Errorf("for the names %q found %v (%v), want %s", c.names, got, err, c.want)
		}
	}
	if _, err := choose(all, []string{"3"}); err == nil {
		t.Error("no error for a bug that doesn't exist")
	}
}

// Planting in a module of two lines: a bug that its test finds, one that the named test doesn't find, and
// one for all tests.
func TestPlantAll(t *testing.T) {
	testenv.NeedAll(t)
	testenv.NeedExec(t)
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":      "module sum\n\ngo 1.24\n",
		"sum.go":      "package sum\n\nfunc add(a, b int) int { return a + b }\n",
		"sum_test.go": "package sum\n\nimport \"testing\"\n\nfunc TestZero(t *testing.T) {\n\tif add(0, 0) != 0 {\n\t\tt.Fail()\n\t}\n}\n\nfunc TestOne(t *testing.T) {\n\tif add(1, 1) != 2 {\n\t\tt.Fail()\n\t}\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	minus := bug{"1", "sum.go", "a + b", "a - b", "TestOne"}
	same, missing, broken, letter := minus, minus, minus, minus
	same.test, missing.test, broken.now, letter.test = "TestZero", "TestTwo", "a +", ""
	for _, c := range []struct {
		name        string
		b           bug
		out, failed string
	}{
		{"found", minus, " s  TestOne\n", ""},
		{"not found by the named test", same, " s  NOTHING: TestZero passes\n", "bugs that got past the tests: 1, want none"},
		{"no such test", missing, "", ". without a bug: TestTwo fails, want it to pass"},
		{"doesn't compile", broken, "", "bug 1: go test fails, but no test failed: "},
		{"found by one of all tests", letter, " s  TestOne\n", ""},
	} {
		var out strings.Builder
		err := plantAll(&out, root, []bug{c.b})
		message := ""
		if err != nil {
			message = err.Error()
		}
		if !strings.HasSuffix(out.String(), c.out) || (message == "") != (c.failed == "") || !strings.HasPrefix(message, c.failed) {
			t.Errorf("%s: %q and error %q, want %q and %q", c.name, out.String(), message, c.out, c.failed)
		}
	}
}

// The README's table of bugs that a network survives is current.
func TestLocate(t *testing.T) {
	testenv.NeedStored(t)
	testenv.NeedAll(t) // it trains four networks
	testenv.NeedExec(t)
	var out strings.Builder
	root := testenv.Path(t, "")
	if err := locate(&out, root, read(t)); err != nil {
		t.Fatal(err)
	}
	stored.Tables(t, "README.md", out.String(), stored.Tolerance{Relative: 0.02})
}

// A tensor is wrong if its worst difference is above the tolerance, or isn't a number.
func TestWrong(t *testing.T) {
	const out = `
    gradient_test.go:28: T/dropout_0.5: worst is the largest
        tensor  entries  checked compared  largest    worst
        a            10       10       10    0.4  1.8e-09
        b            10       10       10    0.4  1.1e-07
        c            10       10       10    0.4  NaN
    gradient_test.go:28: T/dropout_0: worst is the largest
        tensor  entries  checked compared  largest    worst
        d            10       10       10    0.4  1.0e-07
--- PASS: T
`
	for table, want := range map[string]string{"dropout_0.5": "b, c", "dropout_0": "nothing"} {
		if got := wrong(out, table); got != want {
			t.Errorf("%s: %q is wrong, want %q", table, got, want)
		}
	}
}
