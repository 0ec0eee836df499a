// Package static names the files of the page that needs no server, for the program that
// writes them and the one that loads them.
package static

import (
	"encoding/json"
	"fmt"
)

// A Description is what the page has to know about the digits before it loads any.
type Description struct {
	TrainingDigits int             `json:"trainingDigits"` // how many there are
	TestDigits     int             `json:"testDigits"`
	Misclassified  json.RawMessage `json:"misclassified"` // as inspect lists them
}

// Chunk is how many test digits there are in a file.
const Chunk = 100

// TrainingFile has all training digits.
const TrainingFile = "training.gz"

// TestFile returns the name of the file that has the test digit k.
func TestFile(k int) string { return fmt.Sprintf("test-%d.gz", k/Chunk) }
