package model

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"testing"

	"convnet"
)

// FuzzLoad feeds Load untrusted files. The fuzzer changes the header. If whole is true, good
// values follow, because random bits there would teach us nothing. A network that Load
// returns must have finite parameters, and saving and loading it must change nothing.
//
//	go test -run '^$' -fuzz FuzzLoad -fuzztime 30s ./examples/model
func FuzzLoad(f *testing.F) {
	var file bytes.Buffer
	if err := Save(&file, convnet.New(1), map[string]string{"seed": "1"}); err != nil {
		f.Fatal(err)
	}
	good := file.Bytes()
	length := 8 + int(binary.LittleEndian.Uint64(good))
	values := good[length:]
	f.Add(good[:length], true)
	f.Add(good[:length], false)
	f.Fuzz(func(t *testing.T, start []byte, whole bool) {
		file := start
		if whole {
			file = slices.Concat(start, values)
		}
		n, metadata, err := Load(bytes.NewReader(file))
		if err != nil {
			if n != nil || metadata != nil {
				t.Fatal("Load returned a network with an error, want none")
			}
			return
		}
		for k, p := range n.Parameters {
			if math.IsNaN(p) || math.IsInf(p, 0) {
				t.Fatalf("parameter %d is %v, want a finite number", k, p)
			}
		}
		var again bytes.Buffer
		if err := Save(&again, n, metadata); err != nil {
			return // another tool's metadata may be too long for Save
		}
		back, backMetadata, err := Load(&again)
		if err != nil || !slices.Equal(back.Parameters, n.Parameters) || !maps.Equal(backMetadata, metadata) {
			t.Fatalf("saved and loaded again: error %v, metadata %v, want no error, the same parameters and %v", err, backMetadata, metadata)
		}
	})
}
