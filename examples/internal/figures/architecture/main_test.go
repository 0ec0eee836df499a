package main

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/stored"
	"convnet/examples/internal/testenv"
)

// The picture in docs is the one that this program draws.
func TestDocsAreCurrent(t *testing.T) {
	testenv.NeedStored(t)
	stored.Picture(t, "docs/images/architecture.svg", []byte(drawing(t)), 0)
}

func drawing(t *testing.T) string {
	t.Helper()
	var drawn bytes.Buffer
	if err := draw(&drawn); err != nil {
		t.Fatal(err)
	}
	return drawn.String()
}

// The picture names every field of Activations except the masks, with the field's shape
// above it.
func TestShapes(t *testing.T) {
	shapes, places := map[string]string{}, map[string]string{} // by x; the x of each field
	for _, m := range regexp.MustCompile(`<text x="([0-9.]+)" y="([0-9.]+)" [^>]*>([^<]+)<`).FindAllStringSubmatch(drawing(t), -1) {
		switch x, y, words := m[1], m[2], m[3]; y {
		case "172.0":
			shapes[x] = words
		case "190.0", "206.0", "222.0":
			places[words] = x
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[convnet.Activations]()) {
		if strings.HasPrefix(field.Name, "Mask") {
			continue
		}
		v := reflect.ValueOf(convnet.NewActivations()).Elem().FieldByIndex(field.Index)
		want := fmt.Sprint(v.Len())
		for v.Type().Elem().Kind() == reflect.Slice {
			v = v.Index(0)
			want += fmt.Sprint("×", v.Len())
		}
		if got := shapes[places[field.Name]]; got != want {
			t.Errorf("%s is drawn as %q, want %q", field.Name, got, want)
		}
	}
}

// The convolutions are labeled with the shapes of their filters.
func TestFilters(t *testing.T) {
	n := convnet.NewGradient()
	for _, tensor := range n.Tensors()[:2] {
		for _, words := range []string{
			fmt.Sprintf(">%d filters<", tensor.Shape[0]),
			fmt.Sprintf(">%d×%d×%d<", tensor.Shape[1], tensor.Shape[2], tensor.Shape[3]),
		} {
			if !strings.Contains(drawing(t), words) {
				t.Errorf("%s: the picture doesn't say %s", tensor.Name, words)
			}
		}
	}
}
