// Package model saves trained networks to files and loads them again.
//
// The files are in the [safetensors] format, which PyTorch, Netron and many other tools
// understand:
//
//	8 bytes    the length of the header
//	header     JSON: the metadata, and the dtype, shape and offsets of each tensor
//	the rest   the tensors' values, one tensor after another
//
// The length and the values are little-endian. Save writes float64s (F64), so you load exactly
// the bits you saved. Load also takes float32s (F32), which PyTorch saves, and float16s (F16),
// and widens them. That's exact, because each of their values is a float64, too. It refuses any
// other dtype. The tensors have PyTorch's names and shapes, as in [convnet.Network.Tensors]:
//
//	{"__metadata__":{"checked":"crc32","crc32":"1b2c3d4e","seed":"1"},
//	 "conv1.weight":{"dtype":"F64","shape":[10,1,5,5],"data_offsets":[0,2000]},
//	 …
//
// The metadata is a set of key-value pairs of your choice. Two keys are reserved: crc32 is the
// CRC-32 of the values and all other metadata, and checked says that there is a checksum. Load
// uses them to detect a damaged file. Files from other tools don't need a checksum.
//
// Load doesn't trust its input. It checks the length of the header and its JSON, the name,
// dtype, shape and offsets of every tensor, the checksum, and that every value is finite. A
// file that passes holds this network's tensors and nothing else: no gap, no overlap, and
// nothing after the end.
//
// [safetensors]: https://github.com/huggingface/safetensors
package model

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"convnet"
	"convnet/examples/internal/architecture"
)

// maxHeader is the maximum size of a header in bytes. Without the caller's metadata, a header
// takes about 600.
const maxHeader = 1 << 13

// tensorHeader describes one tensor in the header.
type tensorHeader struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets []int  `json:"data_offsets"` // of its first byte and just past its last, counted from the end of the header
}

// Save writes n and the metadata, which may be nil, to w. If Load would reject the file,
// Save returns an error and writes nothing. That happens if n doesn't come from convnet.New,
// convnet.NewGradient or Clone, if a parameter is infinite or NaN, or if the metadata uses a
// reserved key, isn't valid UTF-8, or makes the header longer than 8,192 bytes.
func Save(w io.Writer, n *convnet.Network, metadata map[string]string) error {
	file, err := encode(n, metadata)
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	_, err = w.Write(file)
	return err
}

// encode returns the model file as bytes.
func encode(n *convnet.Network, metadata map[string]string) ([]byte, error) {
	if found, want := len(n.Parameters), len(convnet.NewGradient().Parameters); found != want {
		return nil, fmt.Errorf("the network has %d parameters, want %d: make it with convnet.New, convnet.NewGradient or Clone", found, want)
	}
	if err := checkMetadata(metadata); err != nil {
		return nil, err
	}
	all := map[string]string{"checked": "crc32"}
	maps.Copy(all, metadata)
	entries := map[string]any{"__metadata__": all}
	var data []byte
	for _, t := range n.Tensors() {
		if k := slices.IndexFunc(t.Data, notFinite); k >= 0 {
			return nil, fmt.Errorf("%s: value %d is %v, want a finite number", t.Name, k, t.Data[k])
		}
		start := len(data)
		data, _ = binary.Append(data, binary.LittleEndian, t.Data) // can't fail for float64s
		entries[t.Name] = tensorHeader{"F64", t.Shape, []int{start, len(data)}}
	}
	all["crc32"] = checksum(data, all)
	header, _ := json.Marshal(entries) // can't fail for strings and integers
	for len(header)%8 != 0 {
		header = append(header, ' ') // so that the values are aligned to 8 bytes
	}
	if len(header) > maxHeader {
		return nil, fmt.Errorf("the header has %d bytes, want at most %d: shorten the metadata", len(header), maxHeader)
	}
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header, data), nil
}

// checkMetadata returns an error if Save can't write the metadata.
func checkMetadata(metadata map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		if name == "crc32" || name == "checked" {
			return fmt.Errorf("metadata %q: the key is reserved for the checksum: choose another", name)
		}
		if value := metadata[name]; !utf8.ValidString(name) || !utf8.ValidString(value) {
			return fmt.Errorf("metadata %q: %q, want valid UTF-8", name, value)
		}
	}
	return nil
}

// notFinite reports whether v is infinite or NaN.
func notFinite(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

// checksum returns the CRC-32 of the values followed by the metadata as JSON, sorted by key.
// The metadata must not contain the checksum yet.
func checksum(data []byte, metadata map[string]string) string {
	text, _ := json.Marshal(metadata) // can't fail for strings
	return fmt.Sprintf("%08x", crc32.Update(crc32.ChecksumIEEE(data), crc32.IEEETable, text))
}

// Load reads a network and its metadata from r, up to EOF. The file may come from any tool,
// but it must hold this network's tensors and nothing else, with a header of at most 8,192
// bytes. Their values must be finite float64s, float32s or float16s. Load widens the last two
// exactly. If there is a checksum, it must match. Load removes it from the metadata. An error
// says where in the file the problem is, what was found there and what was wanted. Whatever the
// file claims, Load allocates less than three times the size of a valid file, or 800 kB if that
// is more.
func Load(r io.Reader) (*convnet.Network, map[string]string, error) {
	n, metadata, err := load(r)
	if err != nil {
		return nil, nil, fmt.Errorf("model: %w", err)
	}
	return n, metadata, nil
}

func load(r io.Reader) (*convnet.Network, map[string]string, error) {
	header, err := readHeader(r)
	if err != nil {
		return nil, nil, err
	}
	n, err := architecture.NewGradient()
	if err != nil {
		return nil, nil, err
	}
	tensors, metadata, err := parseHeader(header, n)
	if err != nil {
		return nil, nil, err
	}
	start := 8 + len(header)
	data, err := readData(r, start, sizeOf(tensors))
	if err != nil {
		return nil, nil, err
	}
	if err := verifyChecksum(data, metadata); err != nil {
		return nil, nil, err
	}
	if err := decode(tensors, data, start); err != nil {
		return nil, nil, err
	}
	return n, metadata, nil
}

// readHeader reads the length of the header, then the header.
func readHeader(r io.Reader) ([]byte, error) {
	prefix := make([]byte, 8)
	if at, err := io.ReadFull(r, prefix); err != nil {
		return nil, fmt.Errorf("offset %d: %w, want the length of the header in 8 bytes", at, err)
	}
	length := binary.LittleEndian.Uint64(prefix)
	header := make([]byte, min(length, maxHeader))
	at, err := io.ReadFull(r, header)
	text := bytes.TrimLeft(header[:at], " \t\r\n")
	if length > longest || length == 0 || len(text) > 0 && text[0] != '{' {
		return nil, notSafetensors(slices.Concat(prefix, header[:at]))
	}
	if err != nil {
		return nil, fmt.Errorf("offset %d: %w, want a header of %d bytes", 8+at, err, length)
	}
	if length > maxHeader {
		return nil, fmt.Errorf("offset 0: found a header of %d bytes, want at most %d: %s, or shorten the file's metadata", length, maxHeader, advice)
	}
	return header, nil
}

// longest is the length in bytes of the longest header that the format allows.
const longest = 100_000_000

// others lists what people mistake for a model file: how it begins, and what to do.
var others = []struct{ start, advice string }{
	{"version https://git-lfs", "this is a Git LFS pointer: get the file itself with git lfs pull"},
	{"<", "this is a web page: download the file itself"},
	{"\x1f\x8b", "this file is gzipped: decompress it"},
	{"PK", "this may be a .pth file of torch.save: save the state_dict with safetensors.torch.save_file instead"},
	{"\x80", "this may be a .pth file of torch.save: save the state_dict with safetensors.torch.save_file instead"},
}

// notSafetensors returns the error for a file of another kind, given the first bytes of it.
func notSafetensors(start []byte) error {
	text := strings.TrimLeft(strings.TrimPrefix(string(start), "\ufeff"), " \t\r\n")
	todo := "download it again, or save it with model.Save or safetensors"
	for _, other := range others {
		if strings.HasPrefix(text, other.start) {
			todo = other.advice
			break
		}
	}
	return fmt.Errorf("not a safetensors file: begins with %q: %s", start[:min(len(start), 24)], todo)
}

// readData reads size bytes, which must be the last in the file. They begin at offset start.
func readData(r io.Reader, start, size int) ([]byte, error) {
	data := make([]byte, size+1) // with room for one byte too many
	at, err := io.ReadFull(r, data)
	if err == nil {
		return nil, fmt.Errorf("offset %d: found another byte, want the end of the file", start+size)
	}
	if at < size || err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("offset %d: %w, want %d bytes of values", start+at, err, size)
	}
	return data[:size], nil
}

// verifyChecksum checks the checksum in the metadata, if there is one, and removes it.
func verifyChecksum(data []byte, metadata map[string]string) error {
	found, checked := metadata["crc32"], metadata["checked"]
	delete(metadata, "crc32")
	want := checksum(data, metadata)
	delete(metadata, "checked")
	// If a flipped bit changes the key crc32, the key checked still says that there should be
	// a checksum.
	if found+checked != "" && found != want {
		return fmt.Errorf("found the checksum %q, want %q: the file is damaged", found, want)
	}
	return nil
}

// decode sets the tensors to the values in data, one after another.
func decode(tensors []stored, data []byte, start int) error {
	at := 0
	for _, t := range tensors {
		for k := range t.Data {
			v := dtypes[t.dtype].decode(data[at:])
			if notFinite(v) {
				return fmt.Errorf("offset %d: value %d of %s is %v, want a finite number", start+at, k, t.Name, v)
			}
			t.Data[k] = v
			at += dtypes[t.dtype].size
		}
	}
	return nil
}

// dtypes lists the dtypes that Load takes. All values of each are float64s, too.
var dtypes = map[string]struct {
	size   int // bytes
	decode func(value []byte) float64
}{
	"F64": {8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }},
	"F32": {4, func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }},
	"F16": {2, func(b []byte) float64 { return float16(binary.LittleEndian.Uint16(b)) }},
}

// float16 returns the value of an IEEE 754 binary16: a sign, 5 bits of exponent and 10 of fraction.
func float16(bits uint16) float64 {
	exponent, fraction := int(bits>>10&0x1f), float64(bits&0x3ff)
	var v float64
	switch {
	case exponent == 0: // subnormal
		v = math.Ldexp(fraction, -24)
	case exponent < 0x1f:
		v = math.Ldexp(1024+fraction, exponent-25)
	case fraction == 0:
		v = math.Inf(1)
	default:
		v = math.NaN()
	}
	if bits>>15 == 1 {
		return -v
	}
	return v
}

// A stored tensor is a tensor of the network and how the file stores it.
type stored struct {
	convnet.Tensor
	dtype string
	start int // offset of its first byte in the values
	size  int // bytes
}

// sizeOf returns how many bytes tensors take in the file.
func sizeOf(tensors []stored) (size int) {
	for _, t := range tensors {
		size += t.size
	}
	return size
}

// parseHeader returns the tensors of n in the order of their data, and the metadata.
func parseHeader(header []byte, n *convnet.Network) (tensors []stored, metadata map[string]string, err error) {
	entries, err := parseObject(header)
	if err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	for _, t := range n.Tensors() {
		entry, ok := entries[t.Name]
		if !ok {
			return nil, nil, fmt.Errorf("tensor %s: %w", t.Name, missing(t.Name, entries))
		}
		s, err := parseTensor(entry, t)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		tensors = append(tensors, s)
	}
	for _, t := range tensors {
		delete(entries, t.Name)
	}
	if text, ok := entries["__metadata__"]; ok {
		if metadata, err = parseMetadata(text); err != nil {
			return nil, nil, fmt.Errorf("__metadata__: %w", err)
		}
		delete(entries, "__metadata__")
	}
	if others := slices.Sorted(maps.Keys(entries)); others != nil {
		return nil, nil, fmt.Errorf("tensor %.100q: not in this network: %s", others[0], advice)
	}
	return tensors, metadata, order(tensors)
}

// order sorts tensors by where they start. Together they must fill the values of the file.
func order(tensors []stored) error {
	slices.SortFunc(tensors, func(a, b stored) int { return cmp.Compare(a.start, b.start) })
	at := 0
	for _, t := range tensors {
		if t.start != at {
			return fmt.Errorf("tensor %s: begins at byte %d of the values, want byte %d: no gap and no overlap", t.Name, t.start, at)
		}
		at += t.size
	}
	return nil
}

// advice ends the error for a file that holds a different network.
const advice = "train a model that fits with go run ./examples/train -out new and pass it with -model new/model.safetensors"

// missing returns the error for a tensor that isn't among the entries of the header.
func missing(name string, entries map[string]json.RawMessage) error {
	var found []string
	for _, other := range slices.Sorted(maps.Keys(entries)) {
		if prefix, ok := strings.CutSuffix(other, name); ok {
			return fmt.Errorf("found prefix %s in %[1]s%s, want none: rename the tensors", plain(prefix), name)
		}
		if other != "__metadata__" {
			found = append(found, plain(other))
		}
	}
	if found == nil {
		return fmt.Errorf("not in the header, which has no tensors: %s", advice)
	}
	const most = 8
	if more := len(found) - most; more > 0 {
		found = append(found[:most], fmt.Sprint(more, " more"))
	}
	return fmt.Errorf("not in the header, which has %s: %s", strings.Join(found, ", "), advice)
}

// plain returns a name of the file as an error can print it.
func plain(name string) string {
	quoted := fmt.Sprintf("%.40q", name)
	return quoted[1 : len(quoted)-1]
}

// parseTensor checks the entry for t in the header.
func parseTensor(entry json.RawMessage, t convnet.Tensor) (stored, error) {
	fields, err := parseObject(entry)
	if err != nil {
		return stored{}, err
	}
	var h tensorHeader
	err = errors.Join(
		json.Unmarshal(fields["dtype"], &h.DType),
		json.Unmarshal(fields["shape"], &h.Shape),
		json.Unmarshal(fields["data_offsets"], &h.Offsets),
	)
	if err != nil || len(fields) != 3 || len(h.Offsets) != 2 {
		return stored{}, fmt.Errorf("found %.200s, want a dtype, a shape and two data_offsets, and nothing else", entry)
	}
	if !slices.Equal(h.Shape, t.Shape) {
		return stored{}, fmt.Errorf("found shape %.100s, want %v: %s", fmt.Sprint(h.Shape), t.Shape, advice)
	}
	dtype, ok := dtypes[h.DType]
	if !ok {
		return stored{}, fmt.Errorf("found dtype %.20q, want F64, F32 or F16: convert the tensors to float32", h.DType)
	}
	s := stored{t, h.DType, h.Offsets[0], dtype.size * len(t.Data)}
	if s.start < 0 || s.start > math.MaxInt-s.size || h.Offsets[1] != s.start+s.size {
		return stored{}, fmt.Errorf("found data_offsets %v, want two that are %d apart, from 0 on", h.Offsets, s.size)
	}
	return s, nil
}

// parseMetadata returns the members of a JSON object whose values are all strings.
func parseMetadata(text []byte) (map[string]string, error) {
	fields, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	metadata := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var value *string // stays nil for null
		if err := json.Unmarshal(fields[name], &value); err != nil || value == nil {
			return nil, fmt.Errorf("%q is %.40s, want a string", name, fields[name])
		}
		metadata[name] = *value
	}
	return metadata, nil
}

// parseObject returns the members of a JSON object. Unlike json.Unmarshal, it rejects
// duplicate names.
func parseObject(text []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("found %.40q, want a JSON object", text)
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := t.(string) // the decoder accepts only a string here
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("found %q twice, want it once", name)
		}
		members[name] = value
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("found more after the JSON object, want the end of the header")
	}
	return members, nil
}
