package digitfile

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/testenv"
)

// What Write has written, Read reads again, to the last bit.
func TestWriteAndRead(t *testing.T) {
	_, test := testenv.Digits(t)
	for _, n := range []int{0, 1, 100} {
		var file bytes.Buffer
		if err := Write(&file, test[:n]); err != nil {
			t.Fatal(err)
		}
		digits := make([]convnet.Digit, n)
		if err := Read(&file, digits); err != nil || !reflect.DeepEqual(digits, test[:n]) && n > 0 {
			t.Errorf("%d digits have changed (%v)", n, err)
		}
	}
}

// A file that is damaged, or of another kind, gives an error.
func TestDamaged(t *testing.T) {
	_, test := testenv.Digits(t)
	var file, wrong bytes.Buffer
	if err := Write(&file, test[:3]); err != nil {
		t.Fatal(err)
	}
	if err := Write(&wrong, []convnet.Digit{test[0], {Image: test[1].Image, Label: 10}, test[2]}); err != nil {
		t.Fatal(err)
	}
	whole := file.String()
	flipped := []byte(whole)
	flipped[len(flipped)/2] ^= 1
	for _, c := range []struct {
		name, file string
		digits     int
		want       string
	}{
		{"empty", "", 3, "EOF"},
		{"not gzipped", strings.Repeat("x", 100), 3, "invalid header"},
		{"cut off", whole[:len(whole)-1], 3, "unexpected EOF"},
		{"a flipped bit", string(flipped), 3, ""},
		{"fewer digits", whole, 4, "found 2355 bytes or more, want 3140 for 4 digits"},
		{"more digits", whole, 2, "found 1571 bytes or more, want 1570 for 2 digits"},
		{"a wrong label", wrong.String(), 3, "offset 785: label is 10, want 0 to 9"},
	} {
		err := Read(strings.NewReader(c.file), make([]convnet.Digit, c.digits))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: found the error %v, want one with %q", c.name, err, c.want)
		}
	}
}
