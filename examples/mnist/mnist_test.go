package mnist

import (
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"testing"
)

// README.md in this folder has the right checksums.
func TestREADMEChecksums(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	stated := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|.*\\| `([0-9a-f]{64})` \\|$").FindAllSubmatch(readme, -1) {
		stated[string(row[1])+".gz"] = string(row[2])
	}
	names, err := fs.Glob(Files, "*")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 4 || len(stated) != 4 {
		t.Errorf("embedded files %v, checksums %v, want four of each", names, stated)
	}
	for _, name := range names {
		file, err := Files.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		unzipped, err := gzip.NewReader(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, unzipped); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := fmt.Sprintf("%x", sum.Sum(nil)); got != stated[name] {
			t.Errorf("%s: SHA-256 is %s, want %q as in README.md", name, got, stated[name])
		}
	}
}
