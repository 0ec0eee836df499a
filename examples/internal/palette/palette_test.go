package palette

import (
	"fmt"
	"image/color"
	"strings"
	"testing"

	"convnet/examples/internal/testenv"
)

// The page has the same colors, in its light theme.
func TestPage(t *testing.T) {
	light, _, _ := strings.Cut(string(testenv.ReadFile(t, "examples/draw/page/page.css")), "}")
	parts := func(name string) string {
		c := RGB(name)
		return fmt.Sprintf("%d, %d, %d", c.R, c.G, c.B)
	}
	for name, want := range map[string]string{
		"plus": parts(Positive), "minus": parts(Negative), "card": Zero, "high": Ink, "low": Paper, "ink": Text,
	} {
		if declaration := fmt.Sprintf(" --%s: %s;", name, want); !strings.Contains(light, declaration) {
			t.Errorf("page.css doesn't have%s", declaration)
		}
	}
}

func TestRGB(t *testing.T) {
	if got, want := RGB("#0b57a4"), (color.RGBA{0x0b, 0x57, 0xa4, 0xff}); got != want {
		t.Errorf("found %v, want %v", got, want)
	}
	for _, bad := range []string{"", "0b57a4", "#0b57a", "#0b57a4f", "#0b57ag"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("RGB(%q) does not panic", bad)
				}
			}()
			RGB(bad)
		}()
	}
}
