package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"convnet"
	"convnet/examples/internal/testenv"
)

// save returns the bytes that Save writes.
func save(t *testing.T, n *convnet.Network, metadata map[string]string) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := Save(&file, n, metadata); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// withHeader returns a model file with old replaced by new in its header.
func withHeader(t *testing.T, file []byte, old, new string) []byte {
	t.Helper()
	length := binary.LittleEndian.Uint64(file)
	header := string(file[8 : 8+length])
	if !strings.Contains(header, old) {
		t.Fatalf("found no %q in the header %s", old, header)
	}
	header = strings.Replace(header, old, new, 1)
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), []byte(header), file[8+length:])
}

// foreign returns a model file without metadata, as another tool might write it.
func foreign(t *testing.T, n *convnet.Network) []byte {
	t.Helper()
	file := save(t, n, nil)
	header := string(file[8 : 8+binary.LittleEndian.Uint64(file)])
	metadata, _, _ := strings.Cut(header, "},")
	return withHeader(t, file, metadata[1:]+"},", "")
}

// shapes returns the shapes of the tensors by name, as a header has them.
func shapes() map[string]string {
	all := map[string]string{}
	for _, tensor := range convnet.NewGradient().Tensors() {
		all[tensor.Name] = strings.ReplaceAll(fmt.Sprint(tensor.Shape), " ", ",")
	}
	return all
}

// biasFirst returns the file with fc2.bias moved from the last place to the first.
func biasFirst(file []byte) []byte {
	n := convnet.NewGradient()
	length, size, last := int(binary.LittleEndian.Uint64(file)), 8*len(n.Parameters), 8*len(n.Biases2)
	header := regexp.MustCompile(`"data_offsets":\[[0-9]+,[0-9]+\]`).ReplaceAllStringFunc(string(file[8:8+length]), func(text string) string {
		var start, end int
		fmt.Sscanf(text, `"data_offsets":[%d,%d]`, &start, &end)
		return fmt.Sprintf(`"data_offsets":[%d,%d]`, (start+last)%size, (end+last-1)%size+1)
	})
	data := file[8+length:]
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), []byte(header), data[size-last:], data[:size-last])
}

func TestLoadReturnsWhatWasSaved(t *testing.T) {
	n := convnet.New(9)
	n.Parameters[0], n.Parameters[1] = math.Copysign(0, -1), math.SmallestNonzeroFloat64
	for _, metadata := range []map[string]string{nil, {"seed": "9", "note": "“ü\n"}} {
		got, gotMetadata, err := Load(bytes.NewReader(save(t, n, metadata)))
		if err != nil {
			t.Fatal(err)
		}
		for k, p := range n.Parameters {
			if math.Float64bits(got.Parameters[k]) != math.Float64bits(p) {
				t.Fatalf("parameter %d is %v, want %v", k, got.Parameters[k], p)
			}
		}
		if !maps.Equal(gotMetadata, metadata) {
			t.Errorf("metadata %v, want %v", gotMetadata, metadata)
		}
	}
}

// Save follows the safetensors specification. This test doesn't use Load.
func TestSaveWritesSafetensors(t *testing.T) {
	n := convnet.New(1)
	file := save(t, n, map[string]string{"seed": "1"})
	length := binary.LittleEndian.Uint64(file)
	if length%8 != 0 {
		t.Errorf("the header has %d bytes, want a multiple of 8", length)
	}
	header, data := file[8:8+length], file[8+length:]
	if header[0] != '{' {
		t.Errorf("the header begins with %q, want {", header[0])
	}
	var entries map[string]struct {
		DType       string
		Shape       []int
		DataOffsets []int `json:"data_offsets"`
		Seed        string
	}
	if err := json.Unmarshal(header, &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) != 7 || entries["__metadata__"].Seed != "1" {
		t.Errorf("entries %v, want six tensors and the metadata", entries)
	}
	filters1, kernel := len(n.Filters1), int(math.Sqrt(float64(len(n.Filters1[0]))))
	for name, want := range map[string]struct {
		shape  []int
		values []float64
	}{
		"conv1.weight": {[]int{filters1, 1, kernel, kernel}, slices.Concat(n.Filters1...)},
		"conv2.weight": {[]int{len(n.Filters2), filters1, kernel, kernel}, slices.Concat(n.Filters2...)},
		"fc1.weight":   {[]int{len(n.Weights1), len(n.Weights1[0])}, slices.Concat(n.Weights1...)},
		"fc1.bias":     {[]int{len(n.Weights1)}, n.Biases1},
		"fc2.weight":   {[]int{len(n.Weights2), len(n.Weights1)}, slices.Concat(n.Weights2...)},
		"fc2.bias":     {[]int{len(n.Weights2)}, n.Biases2},
	} {
		e := entries[name]
		if e.DType != "F64" || !slices.Equal(e.Shape, want.shape) {
			t.Errorf("%s: dtype %q, shape %v, want F64 and %v", name, e.DType, e.Shape, want.shape)
		}
		got := make([]float64, (e.DataOffsets[1]-e.DataOffsets[0])/8)
		if err := binary.Read(bytes.NewReader(data[e.DataOffsets[0]:]), binary.LittleEndian, got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want.values) {
			t.Errorf("%s: the values in the file differ from the network's", name)
		}
	}
	if want := 8 * len(n.Parameters); len(data) != want {
		t.Errorf("%d bytes of values, want %d", len(data), want)
	}
}

func TestSaveRejectsNaNAndInf(t *testing.T) {
	for k, broken := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		n := convnet.New(1)
		n.Weights2[0][k] = broken
		var file bytes.Buffer
		err := Save(&file, n, nil)
		want := fmt.Sprintf("model: fc2.weight: value %d is %v, want a finite number", k, broken)
		if err == nil || err.Error() != want || file.Len() > 0 {
			t.Errorf("error %v after %d bytes, want %q after none", err, file.Len(), want)
		}
	}
	n := convnet.New(1)
	n.Weights1[2][3] = math.Inf(-1)
	want := fmt.Sprintf("fc1.weight: value %d is -Inf", 2*len(n.Weights1[0])+3)
	if err := Save(io.Discard, n, nil); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

// A Network that doesn't come from New, NewGradient or Clone is an error, not a panic.
func TestSaveRejectsIncompleteNetwork(t *testing.T) {
	whole := len(convnet.NewGradient().Parameters)
	for _, size := range []int{0, whole - 1, whole + 1} {
		n := &convnet.Network{Parameters: make([]float64, size)}
		var file bytes.Buffer
		err := Save(&file, n, nil)
		want := fmt.Sprintf("model: the network has %d parameters, want %d: make it with convnet.New, convnet.NewGradient or Clone", size, whole)
		if err == nil || err.Error() != want || file.Len() > 0 {
			t.Errorf("error %v after %d bytes, want %q after none", err, file.Len(), want)
		}
	}
}

// A header of maxHeader bytes can be saved and loaded. A longer one can't.
func TestLongestHeader(t *testing.T) {
	length := func(note int) (uint64, []byte, error) {
		var file bytes.Buffer
		err := Save(&file, convnet.New(1), map[string]string{"note": strings.Repeat("x", note)})
		if err != nil {
			return 0, nil, err
		}
		return binary.LittleEndian.Uint64(file.Bytes()), file.Bytes(), nil
	}
	short, _, err := length(0)
	if err != nil {
		t.Fatal(err)
	}
	for note := maxHeader - int(short); ; note++ {
		got, file, err := length(note)
		if err != nil {
			t.Fatalf("error %v before the header had %d bytes, want none", err, maxHeader)
		}
		if _, _, err := Load(bytes.NewReader(file)); err != nil {
			t.Fatalf("a header of %d bytes: error %v, want none", got, err)
		}
		if got == maxHeader {
			return
		}
	}
}

// Save writes nothing that Load would reject.
func TestSaveRejectsBadMetadata(t *testing.T) {
	for _, c := range []struct {
		want     string
		metadata map[string]string
	}{
		{"want at most 8192: shorten the metadata", map[string]string{"note": strings.Repeat("x", 1<<13)}},
		{`metadata "crc32": the key is reserved for the checksum: choose another`, map[string]string{"crc32": ""}},
		{`metadata "checked": the key is reserved`, map[string]string{"checked": "no"}},
		{`metadata "note": "\xff", want valid UTF-8`, map[string]string{"note": "\xff"}},
		{`metadata "\xff": "note"`, map[string]string{"\xff": "note"}},
		{`metadata "\xc3": "\xbc"`, map[string]string{"\xc3": "\xbc"}}, // together they would be a ü
		{`metadata "b": "\xff"`, map[string]string{"g": "\xff", "e": "\xff", "b": "\xff", "d": "\xff", "c": "\xff", "f": "\xff"}},
	} {
		var file bytes.Buffer
		err := Save(&file, convnet.New(1), c.metadata)
		if err == nil || !strings.HasPrefix(err.Error(), "model: ") || !strings.Contains(err.Error(), c.want) || file.Len() > 0 {
			t.Errorf("error %v after %d bytes, want %q after none", err, file.Len(), c.want)
		}
	}
}

// A fullDisk has room for space bytes.
type fullDisk struct{ space int }

var errFull = errors.New("disk full")

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.space {
		return d.space, errFull
	}
	d.space -= len(p)
	return len(p), nil
}

func TestSaveReportsAFailedWrite(t *testing.T) {
	for _, space := range []int{0, 7, 100, 2000, len(save(t, convnet.New(1), nil)) - 1} {
		if err := Save(&fullDisk{space}, convnet.New(1), nil); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: error %v, want %v", space, err, errFull)
		}
	}
}

// The bytes in a file must never change, or old files can't be loaded anymore: neither their
// order nor the padding nor the checksum.
func TestSavedBytes(t *testing.T) {
	testenv.NeedStored(t)
	n := convnet.NewGradient()
	for k := range n.Parameters {
		n.Parameters[k] = float64(k)
	}
	file := save(t, n, map[string]string{"seed": "1", "": "x", "y": "", "z": "<ü"})
	if got := crc32.ChecksumIEEE(file); got != 0xc9c30c51 {
		t.Errorf("the CRC-32 of the file is %#08x, want 0xc9c30c51", got)
	}
}

// Save doesn't change the caller's metadata, and Load returns the same metadata.
func TestMetadata(t *testing.T) {
	metadata := map[string]string{"seed": "1", "": "x", "y": "", "z": "<ü"}
	want := maps.Clone(metadata)
	file := save(t, convnet.New(1), metadata)
	if !maps.Equal(metadata, want) {
		t.Errorf("Save changed the metadata to %v, want %v", metadata, want)
	}
	if _, got, err := Load(bytes.NewReader(file)); err != nil || !maps.Equal(got, want) {
		t.Errorf("metadata %v, error %v, want %v", got, err, want)
	}
	// One checksum in sixteen begins with 0, which must not be lost.
	for k := range 100 {
		_, after, _ := strings.Cut(string(save(t, convnet.NewGradient(), map[string]string{"k": fmt.Sprint(k)})), `"crc32":"`)
		if sum, _, _ := strings.Cut(after, `"`); len(sum) != 8 {
			t.Fatalf("the checksum is %q, want eight hexadecimal digits", sum)
		}
	}
}

func TestLoadRejectsBadFiles(t *testing.T) {
	good := save(t, convnet.New(1), map[string]string{"seed": "1"})
	length := binary.LittleEndian.Uint64(good)
	with := func(old, new string) []byte { return withHeader(t, good, old, new) }
	n := convnet.NewGradient()
	size, first, last := 8*len(n.Parameters), 8*len(n.Tensors()[0].Data), 8*len(n.Biases2)
	between := func(start, end int) string { return fmt.Sprintf("[%d,%d]", start, end) }
	offsetsOfLast := between(size-last, size)
	hidden, flat := len(n.Weights1), len(n.Weights1[0])
	vector := fmt.Sprintf(`"shape":[%d]`, hidden)
	broken := slices.Clone(good)
	broken[len(broken)-1] ^= 1
	infinite := foreign(t, convnet.New(1))
	infiniteAt := 8 + int(binary.LittleEndian.Uint64(infinite)) + first + 8*7
	binary.LittleEndian.PutUint64(infinite[infiniteAt:], math.Float64bits(math.Inf(1)))
	headerOf := func(length uint64, filler byte) []byte {
		file := slices.Concat(good, bytes.Repeat([]byte{filler}, maxHeader))
		binary.LittleEndian.PutUint64(file, length)
		return file
	}
	offsets := fmt.Sprintf(", want two that are %d apart, from 0 on", last)
	const malformed = ", want a dtype, a shape and two data_offsets, and nothing else"
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "offset 0: EOF, want the length of the header", nil},
		{"cut in the length", "offset 7: unexpected EOF, want the length of the header in 8 bytes", good[:7]},
		{"cut in the header", fmt.Sprintf("offset 100: unexpected EOF, want a header of %d bytes", length), good[:100]},
		{"header too long", "offset 0: found a header of 8193 bytes, want at most 8192: train a model that fits with go run ./examples/train -out new and pass it with -model new/model.safetensors, or shorten the file's metadata", headerOf(8193, ' ')},
		{"header longer than the format allows", `not a safetensors file: begins with "\x01\xe1\xf5\x05\x00\x00\x00\x00{`, headerOf(100_000_001, ' ')},
		{"header longer than memory", `not a safetensors file: begins with "\xff\xff\xff\xff\xff\xff\xff\xff{`, headerOf(math.MaxUint64, ' ')},
		{"cut before the values", fmt.Sprintf("offset %d: EOF, want %d bytes of values", 8+length, size), good[:8+length]},
		{"cut in the values", fmt.Sprintf("offset %d: unexpected EOF, want %d bytes of values", len(good)-1, size), good[:len(good)-1]},
		{"a byte too many", fmt.Sprintf("offset %d: found another byte, want the end of the file", len(good)), append(slices.Clone(good), 0)},
		{"a megabyte too many", fmt.Sprintf("offset %d: found another byte", len(good)), append(slices.Clone(good), make([]byte, 1<<20)...)},
		{"not JSON", "not a safetensors file: begins with ", with("{", "[")},
		{"JSON that ends early", "header: ", with(fmt.Sprint(size-last, "]}}"), fmt.Sprint(size-last, "]}"))},
		{"text after the JSON", "header: found more after the JSON object", with(fmt.Sprint(size-last, "]}}"), fmt.Sprint(size-last, "]}}{"))},
		{"a tensor missing", `tensor fc1.bias: not in the header, which has conv1.weight, conv2.weight, fc1.bia5, fc1.weight, fc2.bias, fc2.weight: train a model that fits`, with(`"fc1.bias"`, `"fc1.bia5"`)},
		{"a tensor that is null", `tensor fc1.bias: found "null", want a JSON object`, with(`"fc1.bias":{`, `"fc1.bias":null,"x":{`)},
		{"an extra tensor", `tensor "fc3": not in this network: train a model that fits`, with(`"fc1.bias"`, `"fc3":{},"fc1.bias"`)},
		{"eight extra tensors", `tensor "a": not in`, with(`"fc1.bias"`, `"e":{},"b":{},"a":{},"d":{},"c":{},"h":{},"g":{},"f":{},"fc1.bias"`)},
		{"a tensor twice", `header: found "conv1.weight" twice`, with(`"fc1.bias"`, `"conv1.weight":{},"fc1.bias"`)},
		{"a field twice", `tensor fc1.bias: found "dtype" twice`, with(`"fc1.bias":{`, `"fc1.bias":{"dtype":"F64",`)},
		{"a field twice, in capitals", `tensor fc1.bias: found {"DTYPE"`, with(`"fc1.bias":{`, `"fc1.bias":{"DTYPE":"F64",`)},
		{"a field in capitals", `tensor fc1.bias: found {"DTYPE"`, with(`"fc1.bias":{"dtype"`, `"fc1.bias":{"DTYPE"`)},
		{"an extra field", `tensor fc1.bias: found {"layout":""`, with(`"fc1.bias":{`, `"fc1.bias":{"layout":"",`)},
		{"bfloat16", `tensor fc1.bias: found dtype "BF16", want F64, F32 or F16: convert the tensors to float32`, with(`"fc1.bias":{"dtype":"F64"`, `"fc1.bias":{"dtype":"BF16"`)},
		{"int64", `tensor fc1.bias: found dtype "I64", want F64, F32 or F16`, with(`"fc1.bias":{"dtype":"F64"`, `"fc1.bias":{"dtype":"I64"`)},
		{"uint64", `tensor fc1.bias: found dtype "U64", want F64, F32 or F16`, with(`"fc1.bias":{"dtype":"F64"`, `"fc1.bias":{"dtype":"U64"`)},
		{"another shape", fmt.Sprintf("found shape [%d %d], want [%[2]d %[1]d]", flat, hidden), with(between(hidden, flat), between(flat, hidden))},
		{"no shape", fmt.Sprintf("found shape [], want [%d]", hidden), with(vector, `"shape":null`)},
		{"a shape that is text", malformed, with(vector, `"shape":"100"`)},
		{"overlap", fmt.Sprintf("tensor fc2.bias: begins at byte %d of the values, want byte ", size-2*last), with(offsetsOfLast, between(size-2*last, size-last))},
		{"one inside another", fmt.Sprintf("tensor fc2.bias: begins at byte %d of the values, want byte ", first), with(offsetsOfLast, between(first, first+last))},
		{"before the start", fmt.Sprintf("found data_offsets [%d 0]", -last) + offsets, with(offsetsOfLast, between(-last, 0))},
		{"past the end", fmt.Sprintf("tensor fc2.bias: begins at byte %d of the values, want byte %d", size-last+8, size-last), with(offsetsOfLast, between(size-last+8, size+8))},
		{"wrong length", offsets, with(offsetsOfLast, between(size-last+8, size))},
		{"an end too early", offsets, with(offsetsOfLast, between(size-last, size-8))},
		{"an end too late", offsets, with(offsetsOfLast, between(size-last, size+8))},
		{"offsets near overflow", offsets, with(offsetsOfLast, fmt.Sprintf("[9223372036854775807,%d]", math.MinInt64+last-1))},
		{"three offsets", malformed, with(offsetsOfLast, fmt.Sprintf("[%d,%d,7]", size-last, size))},
		{"one offset", malformed, with(offsetsOfLast, fmt.Sprintf("[%d]", size-last))},
		{"metadata not text", `__metadata__: "seed" is 1, want a string`, with(`"seed":"1"`, `"seed":1`)},
		{"eight metadata not text", `__metadata__: "a" is 1, want a string`, with(`"seed":"1"`, `"e":1,"b":1,"a":1,"d":1,"c":1,"h":1,"g":1,"f":1`)},
		{"metadata null", `__metadata__: "seed" is null, want a string`, with(`"seed":"1"`, `"seed":null`)},
		{"metadata not an object", "__metadata__: found ", with(`"__metadata__":{`, `"__metadata__":7,"x":{`)},
		{"metadata twice", `__metadata__: found "seed" twice`, with(`"seed":"1"`, `"seed":"1","seed":"1"`)},
		{"other metadata", "the file is damaged", with(`"seed":"1"`, `"seed":"2"`)},
		{"more metadata", "the file is damaged", with(`"seed":"1"`, `"seed":"1","seed2":""`)},
		{"checksum under another name", `found the checksum "", want `, with(`"crc32":"`, `"crc33":"`)},
		{"checksum not announced", "found the checksum ", with(`"checked":"crc32",`, ``)},
		{"a flipped bit", "the file is damaged", broken},
		{"infinite", fmt.Sprintf("offset %d: value 7 of conv2.weight is +Inf, want a finite number", infiniteAt), infinite},
	} {
		n, metadata, err := Load(bytes.NewReader(c.file))
		if err == nil || n != nil || metadata != nil || !strings.HasPrefix(err.Error(), "model: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that contains %q", c.name, err, c.want)
		}
	}
}

// If you change the network's shape, you can't load old files anymore. The error must say so,
// and what to do.
func TestLoadOfAnotherShapeGivesAdvice(t *testing.T) {
	const advice = ": train a model that fits with go run ./examples/train -out new and pass it with -model new/model.safetensors"
	good := save(t, convnet.New(1), nil)
	found, want := shapes()["conv1.weight"], convnet.NewGradient().Tensors()[0].Shape
	for want, file := range map[string][]byte{
		fmt.Sprintf("model: tensor conv1.weight: found shape [99 1 5 5], want %v", want):                                              withHeader(t, good, found, "[99,1,5,5]"),
		"model: tensor fc2.bias: not in the header, which has conv1.weight, conv2.weight, fc1.bias, fc1.weight, fc2.weight, fc3.bias": withHeader(t, good, `"fc2.bias"`, `"fc3.bias"`),
		`model: tensor "conv3.weight": not in this network`:                                                                           withHeader(t, good, `"fc1.bias"`, `"conv3.weight":{},"fc1.bias"`),
	} {
		if _, _, err := Load(bytes.NewReader(file)); err == nil || err.Error() != want+advice {
			t.Errorf("error %v, want %q", err, want+advice)
		}
	}
	// If the file has fewer values, too, the error is the same.
	short := withHeader(t, good[:len(good)-1600], found, "[99,1,5,5]")
	if _, _, err := Load(bytes.NewReader(short)); err == nil || !strings.Contains(err.Error(), "found shape [99 1 5 5]") {
		t.Errorf("error %v, want one that names the shape", err)
	}
}

// Truncate a file or flip any bit of it, and Load either returns an error or exactly what was
// saved.
func TestLoadDetectsDamage(t *testing.T) {
	n, metadata := convnet.New(1), map[string]string{"seed": "1", "note": "“ü"}
	good := save(t, n, metadata)
	header := 8 + int(binary.LittleEndian.Uint64(good))
	for length := 0; length < len(good); length++ {
		if length > header {
			length += 4096 // in strides through the values
		}
		if length < len(good) {
			if _, _, err := Load(bytes.NewReader(good[:length])); err == nil {
				t.Errorf("no error for the first %d of %d bytes, want one", length, len(good))
			}
		}
	}
	flip := func(bit int) {
		file := slices.Clone(good)
		file[bit/8] ^= 1 << (bit % 8)
		got, gotMetadata, err := Load(bytes.NewReader(file))
		if err == nil && !(slices.Equal(got.Parameters, n.Parameters) && maps.Equal(gotMetadata, metadata)) {
			t.Errorf("bit %d of byte %d flipped: no error and metadata %v, want an error", bit%8, bit/8, gotMetadata)
		}
	}
	for bit := 0; bit < 8*header; bit += 11 { // some of each byte, and of each position in it
		flip(bit)
	}
	rng := rand.New(rand.NewPCG(9, 1))
	flipValues := func(times int) {
		for range times {
			flip(8*header + rng.IntN(8*(len(good)-header)))
		}
	}
	flipValues(100)
	t.Run("every bit of the header, and more of the values", func(t *testing.T) {
		testenv.NeedAll(t)
		for bit := range 8 * header {
			flip(bit)
		}
		flipValues(200)
	})
}

// Whatever a file claims or holds, Load allocates less than three times the size of a good
// file. (For an architecture with a small file, the header counts instead.)
func TestLoadAllocatesLittle(t *testing.T) {
	note, many := strings.Repeat("x", 7000), ""
	for k := range 930 {
		many += fmt.Sprintf(`"%d":1,`, k)
	}
	good, long := save(t, convnet.New(1), nil), save(t, convnet.New(1), map[string]string{"note": note})
	claims := slices.Concat([]byte{0, 0x20, 0, 0, 0, 0, 0, 0}, good[8:])
	deep := withHeader(t, good, `{`, strings.Repeat(`{"":`, 1450))
	for name, file := range map[string][]byte{
		"good": good, "long metadata": long, "a claim": claims, "nested": deep, "cut": good[:len(good)-1], "a header alone": long[:7000],
		"long name":    withHeader(t, good, `"fc1.bias"`, `"`+note+`"`),
		"long shape":   withHeader(t, good, shapes()["fc1.bias"], `[`+strings.Repeat("1,", 3500)+`1]`),
		"many entries": withHeader(t, good, `"fc1.bias"`, many+`"fc1.bias"`),
	} {
		if length := binary.LittleEndian.Uint64(file); length > maxHeader {
			t.Errorf("%s: a header of %d bytes, want at most %d, or it is rejected at once", name, length, maxHeader)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := Load(bytes.NewReader(file))
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(max(3*max(len(file), len(good)), 100*maxHeader)); got > most {
			t.Errorf("%s: %d bytes allocated, want at most %d", name, got, most)
		}
		if err != nil && len(err.Error()) > 500 {
			t.Errorf("%s: an error of %d bytes, want at most 500", name, len(err.Error()))
		}
	}
}

// Other tools may store the tensors in another order.
func TestLoadAcceptsAnyOrder(t *testing.T) {
	n := convnet.New(1)
	n.Biases2[0] = 7
	got, _, err := Load(bytes.NewReader(biasFirst(foreign(t, n))))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Parameters, n.Parameters) {
		t.Error("the loaded parameters differ from those saved")
	}
}

// A loaded network continues training exactly as the saved one does.
func TestLoadedNetworkContinuesTraining(t *testing.T) {
	train, _ := testenv.Digits(t)
	saved := convnet.New(3)
	loaded, _, err := Load(bytes.NewReader(save(t, saved, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []*convnet.Network{saved, loaded} {
		grad, d, a := convnet.NewGradient(), convnet.NewActivations(), convnet.NewActivations()
		for _, digit := range train[:3] {
			n.TrainStep(grad, d, a, digit, 0.01)
		}
	}
	if !slices.Equal(loaded.Parameters, saved.Parameters) {
		t.Error("after three steps the parameters differ, want no difference")
	}
}

// narrowed returns a model file in which the tensors have other dtypes, given in the order of their data
// and repeated. encode returns the bytes of value k of the file.
func narrowed(dtypes []string, encode func(dtype string, k int) []byte) []byte {
	var header, data []byte
	k := 0
	for i, t := range convnet.NewGradient().Tensors() {
		start, dtype := len(data), dtypes[i%len(dtypes)]
		for range t.Data {
			data = append(data, encode(dtype, k)...)
			k++
		}
		shape := strings.ReplaceAll(fmt.Sprint(t.Shape), " ", ",")
		header = fmt.Appendf(header, `,"%s":{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}`, t.Name, dtype, shape, start, len(data))
	}
	header[0] = '{'
	header = append(header, '}')
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header, data)
}

// Load widens float32s and float16s exactly, every kind of them, and a file may mix the dtypes.
func TestLoadWidens(t *testing.T) {
	floats16 := map[uint16]float64{
		0x0000: 0, 0x8000: math.Copysign(0, -1), 0x3c00: 1, 0xbc00: -1, 0xc000: -2, 0x3555: 0.333251953125, 0x4248: 3.140625,
		0x7bff: 65504, 0xfbff: -65504, 0x0400: 0x1p-14, 0x03ff: 0x1.ff8p-15, 0x0001: 0x1p-24, 0x8001: -0x1p-24, 0x3c01: 1 + 0x1p-10,
	}
	bits := slices.Sorted(maps.Keys(floats16))
	floats32 := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0.1, -0.3, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0x1p-126, 16777217}
	floats64 := []float64{0, 0.1, -1e300, math.SmallestNonzeroFloat64, math.Pi}
	value := func(dtype string, k int) (file []byte, want float64) {
		switch dtype {
		case "F16":
			b := bits[k%len(bits)]
			return binary.LittleEndian.AppendUint16(nil, b), floats16[b]
		case "F32":
			v := floats32[k%len(floats32)]
			return binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)), float64(v)
		}
		v := floats64[k%len(floats64)]
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)), v
	}
	for _, dtypes := range [][]string{{"F32"}, {"F16"}, {"F64"}, {"F16", "F32", "F64"}} {
		var want []float64
		file := narrowed(dtypes, func(dtype string, k int) []byte {
			bytes, v := value(dtype, k)
			want = append(want, v)
			return bytes
		})
		n, _, err := Load(bytes.NewReader(file))
		if err != nil {
			t.Errorf("%v: %v", dtypes, err)
			continue
		}
		k := 0
		for _, tensor := range n.Tensors() {
			for _, v := range tensor.Data {
				if math.Float64bits(v) != math.Float64bits(want[k]) {
					t.Fatalf("%v: value %d is %v, want %v", dtypes, k, v, want[k])
				}
				k++
			}
		}
		if _, _, err := Load(bytes.NewReader(file[:len(file)-1])); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("offset %d: unexpected EOF", len(file)-1)) {
			t.Errorf("%v: without the last byte: error %v, want one that says where", dtypes, err)
		}
	}
	// All 65,536 float16s, against the definition.
	for b := range 1 << 16 {
		sign, exponent, fraction := math.Pow(-1, float64(b>>15)), float64(b>>10%32), float64(b%1024)
		want := sign * math.Pow(2, exponent-15) * (1 + fraction/1024)
		switch {
		case exponent == 0:
			want = sign * 0x1p-14 * fraction / 1024
		case exponent == 31 && fraction == 0:
			want = math.Inf(int(sign))
		case exponent == 31:
			want = math.NaN()
		}
		if got := float16(uint16(b)); got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != math.Signbit(want) && !math.IsNaN(want) {
			t.Fatalf("float16(%#04x) is %v, want %v", b, got, want)
		}
	}
	// An infinite or undefined value is found where it is.
	for dtype, bad := range map[string][]byte{"F32": {0, 0, 0x80, 0x7f}, "F16": {0, 0x7e}} {
		file := narrowed([]string{dtype}, func(dtype string, k int) []byte {
			bytes, _ := value(dtype, 0)
			return bytes
		})
		first := len(convnet.NewGradient().Tensors()[0].Data)
		at := 8 + int(binary.LittleEndian.Uint64(file)) + len(bad)*(first+7)
		copy(file[at:], bad)
		if _, _, err := Load(bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("offset %d: value 7 of conv2.weight is ", at)) {
			t.Errorf("%s: error %v, want one that says value 7 of conv2.weight at offset %d", dtype, err, at)
		}
	}
	// Every other dtype of the format is refused by name.
	for _, dtype := range []string{"BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "I16", "U16", "BF16", "I32", "U32", "C64", "I64", "U64", "f32", ""} {
		file := narrowed([]string{dtype}, func(string, int) []byte { return make([]byte, 4) })
		want := fmt.Sprintf("model: tensor conv1.weight: found dtype %q, want F64, F32 or F16: convert the tensors to float32", dtype)
		if _, _, err := Load(bytes.NewReader(file)); err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// If a tensor is absent, the error says which are there. A prefix before all names is called a prefix.
func TestLoadSaysWhichTensorsAreThere(t *testing.T) {
	rename := func(name func(k int, old string) string) []byte {
		var names []string
		for k, tensor := range convnet.NewGradient().Tensors() {
			names = append(names, fmt.Sprintf("%q:{}", name(k, tensor.Name)))
		}
		header := `{"__metadata__":{"format":"pt"},` + strings.Join(names, ",") + "}"
		return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	}
	many := ""
	for k := range 20 {
		many += fmt.Sprintf(`,"layer%02d.weight":{}`, k)
	}
	many = "{" + many[1:] + "}"
	for want, file := range map[string][]byte{
		"found prefix model. in model.conv1.weight, want none: rename the tensors":          rename(func(_ int, old string) string { return "model." + old }),
		"found prefix module.net. in module.net.conv1.weight, want none":                    rename(func(_ int, old string) string { return "module.net." + old }),
		"found prefix _orig_mod. in _orig_mod.conv1.weight, want none":                      rename(func(_ int, old string) string { return "_orig_mod." + old }),
		`found prefix a\nb. in a\nb.conv1.weight, want none`:                                rename(func(_ int, old string) string { return "a\nb." + old }),
		"not in the header, which has f.0.w, f.1.w, f.2.w, f.3.w, f.4.w, f.5.w: train":      rename(func(k int, _ string) string { return fmt.Sprintf("f.%d.w", k) }),
		"not in the header, which has no tensors: train a model that fits":                  append([]byte{2, 0, 0, 0, 0, 0, 0, 0}, "{}"...),
		"layer05.weight, layer06.weight, layer07.weight, 12 more: train a model that fits ": append(binary.LittleEndian.AppendUint64(nil, uint64(len(many))), many...),
	} {
		_, _, err := Load(bytes.NewReader(file))
		if err == nil || !strings.HasPrefix(err.Error(), "model: tensor conv1.weight: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// A file of another kind is called what it is, and the error says what to do.
func TestLoadOfAnotherKindOfFile(t *testing.T) {
	page := "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n"
	for _, c := range []struct{ file, want string }{
		{page, `begins with "<!DOCTYPE html>\n<html><h": this is a web page: download the file itself`},
		{"\ufeff\r\n<html lang=en>" + strings.Repeat(" ", 10_000), "this is a web page"},
		{"\x1f\x8b\x08\x00" + strings.Repeat("x", 9000), `begins with "\x1f\x8b\b\x00xxxxxxxxxxxxxxxxxxxx": this file is gzipped: decompress it`},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 307432\n", `begins with "version https://git-lfs.": this is a Git LFS pointer: get the file itself with git lfs pull`},
		{"PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00\x00\x00\x00\x00archive/data.pkl", `begins with "PK\x03\x04\x00\x00\b\b`},
		{"PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00", "torch.save: save the state_dict with safetensors.torch.save_file"},
		{"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "torch.save: save the state_dict with safetensors.torch.save_file"},
		{"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", `begins with "\x1f\x8b\b`},
		{"\x89HDF\r\n\x1a\n\x00\x00\x00\x00", `begins with "\x89HDF\r\n`},
		{"\x93NUMPY\x01\x00v\x00{'descr': '<f8'", `begins with "\x93NUMPY`},
		{`{"conv1.weight": [[[[0.1, 0.2]]]]}`, `begins with "{\"conv1.weight`},
		{"Entry not found", `begins with "Entry not found"`},
		{strings.Repeat("\x00", 100), `begins with "\x00\x00`},
		{"\x10\x00\x00\x00\x00\x00\x00\x00[1,2,3]", `begins with "\x10\x00\x00\x00\x00\x00\x00\x00[1,2,3]": download it again, or save it with model.Save or safetensors`},
	} {
		_, _, err := Load(strings.NewReader(c.file))
		if err == nil || !strings.HasPrefix(err.Error(), "model: not a safetensors file: begins with ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: error %v, want one with %q", c.file, err, c.want)
		}
	}
}

// A reader may return only a few bytes at a time, and it may fail.
func TestLoadFromSlowAndBrokenReaders(t *testing.T) {
	n := convnet.New(1)
	good := save(t, n, map[string]string{"a": "1"})
	for name, r := range map[string]io.Reader{
		"a byte at a time":   iotest.OneByteReader(bytes.NewReader(good)),
		"EOF with the bytes": iotest.DataErrReader(bytes.NewReader(good)),
	} {
		if got, metadata, err := Load(r); err != nil || !slices.Equal(got.Parameters, n.Parameters) || metadata["a"] != "1" {
			t.Errorf("%s: error %v, metadata %v, want no error and what was saved", name, err, metadata)
		}
	}
	broken := errors.New("broken disk")
	for _, at := range []int{0, 3, 8, 50, 2000, len(good) - 1, len(good)} {
		got, metadata, err := Load(io.MultiReader(bytes.NewReader(good[:at]), iotest.ErrReader(broken)))
		if want := fmt.Sprintf("model: offset %d: broken disk", at); got != nil || metadata != nil || !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("broken at %d: error %v, want %q", at, err, want)
		}
	}
}

// Files from other tools have metadata of their own and no checksum. Their values must be
// finite, wherever they are.
func TestLoadFromAnotherTool(t *testing.T) {
	n := convnet.New(1)
	size := len(n.Parameters)
	file := withHeader(t, foreign(t, n), "{", ` {"__metadata__":{"format":"pt","x":""},`)
	got, metadata, err := Load(bytes.NewReader(file))
	if want := map[string]string{"format": "pt", "x": ""}; err != nil || !slices.Equal(got.Parameters, n.Parameters) || !maps.Equal(metadata, want) {
		t.Errorf("error %v, metadata %v, want %v", err, metadata, want)
	}
	// Even with fc2.bias first, the error has the right offset.
	moved, end := biasFirst(file), len(n.Biases2)-1
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for name, c := range map[string]struct {
			file  []byte
			place int
		}{"value 0 of conv1.weight": {file, 0}, fmt.Sprintf("value %d of fc2.bias", end): {file, size - 1}, "value 1 of fc2.bias": {moved, 1}} {
			spoiled := slices.Clone(c.file)
			at := len(spoiled) - 8*size + 8*c.place
			binary.LittleEndian.PutUint64(spoiled[at:], math.Float64bits(bad))
			got, metadata, err := Load(bytes.NewReader(spoiled))
			if want := fmt.Sprintf("offset %d: %s is %v", at, name, bad); got != nil || metadata != nil || err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		}
	}
	for what, spoiled := range map[string][]byte{
		"a shape cut short":     withHeader(t, file, shapes()["fc1.weight"], "[100,32]"),
		"a name with a prefix":  withHeader(t, file, `"conv1.weight"`, `"module.conv1.weight"`),
		"a flattened shape":     withHeader(t, file, shapes()["conv1.weight"], "[250]"),
		"a word after the JSON": withHeader(t, file, "]}}", "]}} x"),
		"a wrong checksum":      withHeader(t, save(t, n, map[string]string{"a": "1"}), `"a":"1"`, `"a":"2"`),
	} {
		if got, metadata, err := Load(bytes.NewReader(spoiled)); got != nil || metadata != nil || err == nil {
			t.Errorf("%s: error %v, want an error, and no network or metadata", what, err)
		}
	}
}
