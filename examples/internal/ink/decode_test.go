package ink

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"convnet/examples/internal/testenv"
)

func TestDecode(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 30, 20))
	encode := map[string]func(*bytes.Buffer) error{
		"png":  func(b *bytes.Buffer) error { return png.Encode(b, m) },
		"jpeg": func(b *bytes.Buffer) error { return jpeg.Encode(b, m, nil) },
		"gif":  func(b *bytes.Buffer) error { return gif.Encode(b, m, nil) },
	}
	for name, f := range encode {
		var file bytes.Buffer
		if err := f(&file); err != nil {
			t.Fatal(err)
		}
		whole := file.Bytes()
		if found, err := Decode(iotest.OneByteReader(bytes.NewReader(whole))); err != nil || found.Bounds().Size() != m.Bounds().Size() {
			t.Errorf("%s: error %v, want 30×20 pixels", name, err)
		}
		if _, err := Decode(bytes.NewReader(whole[:len(whole)/2])); err == nil {
			t.Errorf("%s: no error for half a file, want one", name)
		}
	}
	for _, c := range []struct{ file, want string }{
		{"", `found ""`},
		{"a text, no picture at all", `found "a text, no picture a"`},
		{hugePNG(15000, 15000), "found 15000×15000 pixels, want 1 to 20000 on each side and at most 51000000 in all: scale it down"},
		{hugePNG(5101, 10000), "found 5101×10000 pixels"},
		{hugePNG(1, 20001), "found 1×20001 pixels"},
		{hugePNG(5100, 10000), "unexpected EOF"}, // just small enough
		{hugePNG(20000, 1), "unexpected EOF"},
		{hugePNG(1, 20000), "unexpected EOF"},
		{hugePNG(20001, 1), "found 20001×1 pixels"},
		{emptyGIF, "the first frame has no pixels"},
		{strings.Repeat("x", MaxBytes+1), "found more than 67108864 bytes, want at most 67108864"},
	} {
		if _, err := Decode(strings.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one that contains %q", err, c.want)
		}
	}
	broken := errors.New("broken")
	if _, err := Decode(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's error", err)
	}
}

// Decode allocates next to nothing for a picture that is too large.
func TestDecodeBounds(t *testing.T) {
	file := hugePNG(30000, 30000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Decode(strings.NewReader(file)); err == nil {
		t.Error("no error, want one")
	}
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 1<<20 {
		t.Errorf("%d bytes allocated, want at most 1 MiB", bytes)
	}
}

// emptyGIF is a 10×10 GIF with two colors and a first frame of 0×0.
const emptyGIF = "GIF89a\x0a\x00\x0a\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff" +
	"\x2c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x01\x2c\x00\x3b"

// hugePNG returns the beginning of a PNG of this size.
func hugePNG(width, height uint32) string {
	chunk := []byte("IHDR")
	chunk = binary.BigEndian.AppendUint32(chunk, width)
	chunk = binary.BigEndian.AppendUint32(chunk, height)
	chunk = append(chunk, 8, 0, 0, 0, 0) // 8 bits of gray
	file := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	file = binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(chunk))
	return string(file) + "\x00\x00\x00\x00IDAT"
}

// A file that other programs show, but we don't, is called by its name.
func TestOtherFormats(t *testing.T) {
	for magic, want := range map[string]string{
		"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic": "found a HEIC, want a PNG, a JPEG or a GIF: convert it to JPEG",
		"\x00\x00\x00\x24ftyphevc\x00\x00\x00\x00":         "found a HEIC,",
		"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic": "found a HEIC,",
		"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00":         "found an AVIF,",
		"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00":         "found a video,",
		"RIFF\x24\x00\x00\x00WEBPVP8 ":                     "found a WebP,",
		"RIFF\x24\x00\x00\x00WAVEfmt ":                     `found "RIFF$`,
		"II*\x00\x08\x00\x00\x00":                          "found a TIFF or a camera's raw file,",
		"MM\x00*\x00\x00\x00\x08":                          "found a TIFF or a camera's raw file,",
		"BM\x36\x00\x0c\x00\x00\x00":                       "found a BMP,",
		"\xff\x0a\xfa\x7f":                                 "found a JPEG XL,",
		"\x00\x00\x00\x0cjP  \r\n\x87\n":                   "found a JPEG 2000,",
		"%PDF-1.7\n":                                       "found a PDF,",
		"<svg xmlns=":                                      "found an SVG,",
		"RIFF":                                             `found "RIFF", want a PNG`,
		"\x00\x00\x00\x18ftyp":                             "found a video,",
	} {
		if _, err := Decode(strings.NewReader(magic)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.12q: error %v, want one that begins with %q", magic, err, want)
		}
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// Decoding takes as much memory as Decode believes.
func TestMemory(t *testing.T) {
	const width, height = 1200, 900
	size := image.Rect(0, 0, width, height)
	ycbcr := func(r image.YCbCrSubsampleRatio) image.Image { return image.NewYCbCr(size, r) }
	pal := image.NewPaletted(size, color.Palette{color.Black, color.White})
	toJPEG := func(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }
	toGIF := func(w io.Writer, m image.Image) error { return gif.Encode(w, m, nil) }
	for _, c := range []struct {
		name   string
		m      image.Image
		encode func(w io.Writer, m image.Image) error
		want   float64 // bytes for each pixel
	}{
		{"color JPEG", ycbcr(image.YCbCrSubsampleRatio420), toJPEG, 1.5},
		{"gray JPEG", image.NewGray(size), toJPEG, 1},
		{"color PNG", opaque(size), png.Encode, 4},
		{"transparent PNG", image.NewNRGBA(size), png.Encode, 4},
		{"gray PNG", image.NewGray(size), png.Encode, 1},
		{"PNG of 16 bits", image.NewNRGBA64(size), png.Encode, 8},
		{"PNG with a palette", pal, png.Encode, 1},
		{"GIF", pal, toGIF, 1},
	} {
		var file bytes.Buffer
		if err := c.encode(&file, c.m); err != nil {
			t.Fatal(err)
		}
		config, format, err := image.DecodeConfig(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		believed := memory(config, format, file.Bytes())
		if want := int(c.want * width * height); believed != want {
			t.Errorf("%s: Decode believes it takes %d bytes, want %d", c.name, believed, want)
		}
		took := allocated(func() {
			if _, _, err := image.Decode(bytes.NewReader(file.Bytes())); err != nil {
				t.Fatal(err)
			}
		})
		if took > believed+believed/20+200_000 {
			t.Errorf("%s: decoding takes %d bytes, Decode believes %d", c.name, took, believed)
		}
	}
}

func opaque(size image.Rectangle) image.Image {
	m := image.NewRGBA(size)
	for k := range m.Pix {
		m.Pix[k] = 255
	}
	return m
}

// A progressive JPEG takes five times as much. If that's too much, Decode says so.
func TestMemoryOfProgressive(t *testing.T) {
	file := func(width, height uint16, marker, sampling byte) string {
		frame := []byte{0xff, 0xd8, 0xff, 0xff, 0xff, marker, 0, 17, 8}
		frame = binary.BigEndian.AppendUint16(frame, height)
		frame = binary.BigEndian.AppendUint16(frame, width)
		frame = append(frame, 3, 1, sampling, 0, 2, 0x11, 0, 3, 0x11, 0)
		frame = append(frame, 0xff, 0xda, 0, 12) // here the pixels begin
		return string(frame)
	}
	for _, c := range []struct{ file, want string }{
		{file(8160, 6144, 0xc0, 0x11), "unexpected EOF"}, // 3 bytes for each pixel
		{file(8160, 6144, 0xc2, 0x22), "unexpected EOF"}, // 7.5
		{file(8160, 6144, 0xc2, 0x11), "found 8160×6144 pixels of a kind that takes 717 MiB to decode, want at most 400"},
		{file(4000, 3000, 0xc2, 0x11), "unexpected EOF"},
	} {
		if _, err := Decode(strings.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one that contains %q", err, c.want)
		}
	}
}

// docs/photos.md has the limits.
func TestLimitsInDocs(t *testing.T) {
	page := strings.Join(strings.Fields(string(testenv.ReadFile(t, "docs/photos.md"))), " ")
	for _, says := range []string{
		fmt.Sprintf("up to %d million pixels", MaxPixels/1_000_000),
		fmt.Sprintf("%d MiB as a file", MaxBytes>>20),
		fmt.Sprintf("no more than %d MiB of memory", MaxMemory>>20),
		fmt.Sprintf("more than %d separate pieces of ink", mostPieces),
	} {
		if !strings.Contains(page, says) {
			t.Errorf("docs/photos.md does not say %q", says)
		}
	}
}

// Photos of 50 million pixels are decoded, and take no more memory than Decode allows.
func TestLargePhotos(t *testing.T) {
	testenv.NeedAll(t)
	m := image.NewYCbCr(image.Rect(0, 0, 8160, 6144), image.YCbCrSubsampleRatio420)
	for k := range m.Y {
		m.Y[k] = 220
		if x, y := k%m.YStride, k/m.YStride; x > 3900 && x < 4300 && y > 1500 && y < 4500 {
			m.Y[k] = 40
		}
	}
	for k := range m.Cb {
		m.Cb[k], m.Cr[k] = 128, 128
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m, nil); err != nil {
		t.Fatal(err)
	}
	photo := withExif(file.Bytes(), binary.BigEndian, 6)
	took := allocated(func() {
		m, err := Decode(bytes.NewReader(photo))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Of(m); err != nil {
			t.Fatal(err)
		}
	})
	if took > 200<<20 {
		t.Errorf("%d bytes, want at most 200 MiB", took)
	}
}
