// Package model saves trained networks to files and loads them again.
//
// The files are in the [safetensors] format, which PyTorch, Netron and many other tools
// understand:
//
//	8 bytes    the length of the header
//	header     JSON: the metadata, and the dtype, shape and offsets of each tensor
//	the rest   the tensors' values, one tensor after another
//
// The length and the values are little-endian. All values are float64s, so you load exactly
// the bits you saved. The tensors have PyTorch's names and shapes, as in
// [convnet.Network.Tensors]:
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
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"slices"
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
// but it must hold this network's tensors as finite float64s and nothing else, with a
// header of at most 8,192 bytes. If there is a checksum, it must match. Load removes it from
// the metadata. An error says where in the file the problem is, what was found there and
// what was wanted. Whatever the file claims, Load allocates less than three times the size of
// a valid file, or 800 kB if that is more.
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
	data, err := readData(r, start, 8*len(n.Parameters))
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
	if length > maxHeader {
		return nil, fmt.Errorf("offset 0: found a header of %d bytes, want at most %d", length, maxHeader)
	}
	header := make([]byte, length)
	if at, err := io.ReadFull(r, header); err != nil {
		return nil, fmt.Errorf("offset %d: %w, want a header of %d bytes", 8+at, err, length)
	}
	return header, nil
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
func decode(tensors []convnet.Tensor, data []byte, start int) error {
	at := 0
	for _, t := range tensors {
		size, _ := binary.Decode(data[at:], binary.LittleEndian, t.Data) // can't fail, because the lengths match
		if k := slices.IndexFunc(t.Data, notFinite); k >= 0 {
			return fmt.Errorf("offset %d: value %d of %s is %v, want a finite number", start+at+8*k, k, t.Name, t.Data[k])
		}
		at += size
	}
	return nil
}

// parseHeader returns the tensors of n in the order of their data, and the metadata.
func parseHeader(header []byte, n *convnet.Network) (tensors []convnet.Tensor, metadata map[string]string, err error) {
	entries, err := parseObject(header)
	if err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	size := 8 * len(n.Parameters)
	startsAt := map[int]convnet.Tensor{}
	for _, t := range n.Tensors() {
		start, err := parseTensor(entries[t.Name], t, size)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		startsAt[start] = t
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
	// The lengths add up to size, so if there is no gap, all tensors are used.
	for at := 0; at < size; {
		t, ok := startsAt[at]
		if !ok {
			return nil, nil, fmt.Errorf("header: no tensor begins at byte %d of the values, want no gap and no overlap", at)
		}
		tensors = append(tensors, t)
		at += 8 * len(t.Data)
	}
	return tensors, metadata, nil
}

// advice ends the error for a file that holds a different network.
const advice = "train a model that fits with go run ./examples/train -out new and pass it with -model new/model.safetensors"

// parseTensor checks the entry for t in the header. It returns the offset of its first byte
// in the values, of which there are size bytes.
func parseTensor(entry json.RawMessage, t convnet.Tensor, size int) (start int, err error) {
	if entry == nil {
		return 0, fmt.Errorf("not in the header: %s", advice)
	}
	fields, err := parseObject(entry)
	if err != nil {
		return 0, err
	}
	var h tensorHeader
	err = errors.Join(
		json.Unmarshal(fields["dtype"], &h.DType),
		json.Unmarshal(fields["shape"], &h.Shape),
		json.Unmarshal(fields["data_offsets"], &h.Offsets),
	)
	if err != nil || len(fields) != 3 || len(h.Offsets) != 2 {
		return 0, fmt.Errorf("found %.200s, want a dtype, a shape and two data_offsets, and nothing else", entry)
	}
	if !slices.Equal(h.Shape, t.Shape) {
		return 0, fmt.Errorf("found shape %.100s, want %v: %s", fmt.Sprint(h.Shape), t.Shape, advice)
	}
	if h.DType != "F64" {
		return 0, fmt.Errorf("found dtype %.20q, want F64: convert the tensors to float64", h.DType)
	}
	length := 8 * len(t.Data)
	// Checking that start ≤ size-length before adding length avoids an overflow.
	if start = h.Offsets[0]; start < 0 || start > size-length || h.Offsets[1] != start+length {
		return 0, fmt.Errorf("found data_offsets %v, want two that are %d apart, from 0 to %d", h.Offsets, length, size)
	}
	return start, nil
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
