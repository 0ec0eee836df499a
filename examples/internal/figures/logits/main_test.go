package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
	"convnet/examples/model"
	"convnet/examples/trained"
)

// checkLogits requires that printed is the logits of n.
func checkLogits(t *testing.T, n *convnet.Network, printed []byte) {
	t.Helper()
	var got [][]float64
	if err := json.Unmarshal(printed, &got); err != nil || len(got) != 10 {
		t.Fatalf("error %v, %d digits, want 10", err, len(got))
	}
	_, test := testenv.Digits(t)
	a := convnet.NewActivations()
	for k, logits := range got {
		n.Predict(a, test[k].Image)
		if !slices.Equal(logits, a.Logits) {
			t.Fatalf("digit %d: logits %v, want %v", k, logits, a.Logits)
		}
	}
}

func TestLogits(t *testing.T) {
	n := convnet.New(5)
	var file, out bytes.Buffer
	if err := model.Save(&file, n, nil); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "model")
	if err := os.WriteFile(name, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(name, &out); err != nil {
		t.Fatal(err)
	}
	checkLogits(t, n, out.Bytes())

	if err := os.WriteFile(name, file.Bytes()[:100], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(name, io.Discard); err == nil || !strings.Contains(err.Error(), "offset 100: unexpected EOF, want") {
		t.Errorf("half a model: error %v", err)
	}
	if err := run(filepath.Join(t.TempDir(), "none"), io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no model: error %v, want %v", err, fs.ErrNotExist)
	}
}

// Without a file the logits are the embedded network's.
func TestEmbedded(t *testing.T) {
	testenv.NeedStored(t)
	var out bytes.Buffer
	if err := run("", &out); err != nil {
		t.Fatal(err)
	}
	n, err := trained.Network()
	if err != nil {
		t.Fatal(err)
	}
	checkLogits(t, n, out.Bytes())
}
