package ink

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"io"
)

// Limits on picture files.
const (
	MaxBytes  = 64 << 20   // in a file
	MaxSide   = 20_000     // pixels in a row or column
	MaxPixels = 51_000_000 // in all: phones have 48 or 50 million
	MaxMemory = 400 << 20  // bytes that the decoder takes for the pixels
)

// Decode reads a picture: a PNG, a JPEG or the first frame of a GIF. It turns a photo upright. If a
// picture is too large, it returns an error before it decodes any pixels.
func Decode(r io.Reader) (image.Image, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("found more than %d bytes, want at most %[1]d", MaxBytes)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if errors.Is(err, image.ErrFormat) {
		if other := otherFormat(data); other != "" {
			return nil, fmt.Errorf("found %s, want a PNG, a JPEG or a GIF: convert it to JPEG", other)
		}
		return nil, fmt.Errorf("found %.20q, want a PNG, a JPEG or a GIF", data)
	}
	if err != nil {
		return nil, err
	}
	if w, h := config.Width, config.Height; w < 1 || h < 1 || w > MaxSide || h > MaxSide || w*h > MaxPixels {
		return nil, fmt.Errorf("found %d×%d pixels, want 1 to %d on each side and at most %d in all: scale it down", w, h, MaxSide, MaxPixels)
	}
	if m := memory(config, format, data); m > MaxMemory {
		return nil, fmt.Errorf("found %d×%d pixels of a kind that takes %d MiB to decode, want at most %d: scale it down, or save it as a plain JPEG",
			config.Width, config.Height, m>>20, MaxMemory>>20)
	}
	m, _, err := image.Decode(bytes.NewReader(data))
	if err == nil && m.Bounds().Empty() { // in a GIF, the first frame has a size of its own
		return nil, errors.New("the first frame has no pixels, want at least one")
	}
	if err != nil {
		return nil, err
	}
	return turn(m, orientation(data)), nil
}

// memory returns how many bytes decoding takes, apart from the file's.
func memory(config image.Config, format string, file []byte) int {
	pixels := config.Width * config.Height
	if format == "jpeg" {
		return int(jpegBytes(config, file) * float64(pixels))
	}
	perPixel := 4
	switch config.ColorModel {
	case color.GrayModel:
		perPixel = 1
	case color.Gray16Model:
		perPixel = 2
	case color.RGBA64Model, color.NRGBA64Model:
		perPixel = 8
	default:
		if _, ok := config.ColorModel.(color.Palette); ok {
			perPixel = 1
		}
	}
	const interlace = 28 // offset of a PNG's interlace method
	if format == "png" && file[interlace] != 0 {
		perPixel *= 2 // besides the picture there are its seven passes
	}
	return perPixel * pixels
}

// jpegBytes returns how many bytes the decoder takes for each pixel of a JPEG.
func jpegBytes(config image.Config, file []byte) (perPixel float64) {
	eachSegment(file, func(marker byte, data []byte) {
		const baseline, progressive = 0xc0, 0xc2 // and extended between them
		if marker < baseline || marker > progressive || len(data) < 6 || len(data) < 6+3*int(data[5]) {
			return
		}
		samples, most := 0.0, 1.0
		for c := range int(data[5]) { // each component has its number of samples across and down
			n := float64(data[7+3*c]>>4) * float64(data[7+3*c]&15)
			samples, most = samples+n, max(most, n)
		}
		perPixel = samples / most
		if data[5] == 1 {
			perPixel = 1
		}
		if marker == progressive {
			perPixel *= 1 + 4 // each sample has a coefficient until the last scan
		}
	})
	if config.ColorModel == color.RGBAModel || config.ColorModel == color.CMYKModel {
		perPixel += 4 // converted after decoding
	}
	return perPixel
}

// otherFormat says what a file is that many programs show and we can't decode, or returns "".
func otherFormat(file []byte) string {
	at := func(offset int, magic string) bool {
		return len(file) >= offset && bytes.HasPrefix(file[offset:], []byte(magic))
	}
	switch {
	case at(4, "ftypavif"), at(4, "ftypavis"):
		return "an AVIF"
	case at(4, "ftyphei"), at(4, "ftyphev"), at(4, "ftypmif1"), at(4, "ftypmsf1"):
		return "a HEIC" // as iPhones take it
	case at(4, "ftyp"):
		return "a video"
	case at(0, "RIFF") && at(8, "WEBP"):
		return "a WebP"
	case at(0, "II*\x00"), at(0, "MM\x00*"), at(0, "II+\x00"), at(0, "MM\x00+"):
		return "a TIFF or a camera's raw file"
	case at(0, "BM"):
		return "a BMP"
	case at(0, "\xff\x0a"), at(0, "\x00\x00\x00\x0cJXL "):
		return "a JPEG XL"
	case at(0, "\x00\x00\x00\x0cjP  "), at(0, "\xff\x4f\xff\x51"):
		return "a JPEG 2000"
	case at(0, "%PDF"):
		return "a PDF"
	case at(0, "<svg"):
		return "an SVG"
	}
	return ""
}
