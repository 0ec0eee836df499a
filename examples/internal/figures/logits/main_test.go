package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/mnist"
	"convnet/examples/model"
)

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
	if err := run([]string{name}, &out); err != nil {
		t.Fatal(err)
	}
	var got [][]float64
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got) != 10 {
		t.Fatalf("error %v, %d digits, want 10", err, len(got))
	}
	_, test, err := convnet.ReadMNIST(mnist.Files)
	if err != nil {
		t.Fatal(err)
	}
	a := convnet.NewActivations()
	for k, logits := range got {
		n.Predict(a, test[k].Image)
		for digit, want := range a.Logits {
			if len(logits) != len(a.Logits) || logits[digit] != want {
				t.Fatalf("digit %d: logits %v, want %v", k, logits, a.Logits)
			}
		}
	}

	if err := os.WriteFile(name, file.Bytes()[:100], 0o644); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "none")
	_, noFile := os.Open(missing)
	for want, args := range map[string][]string{
		"found 0 arguments, want one":         nil,
		noFile.Error():                        {missing},
		"offset 100: unexpected EOF, want":    {name},
		"found 2 arguments, want one: a mode": {name, name},
	} {
		if err := run(args, &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one with %q", args, err, want)
		}
	}
}
