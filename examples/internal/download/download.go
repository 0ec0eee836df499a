// Package download gives programs the full MNIST. download.go downloads it to the user's cache
// once, from public mirrors, and trusts none of them: a file gets its name only when its checksum
// is right. full.go reads it there, or in a folder of the user's choice.
package download

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"convnet/examples/internal/atomicfile"
)

// A File is a file to download.
type File struct {
	Name   string // on the mirrors and in the folder; it is gzipped
	Size   int64  // bytes, decompressed
	SHA256 string // of the decompressed bytes, in hexadecimal
}

// MNIST lists the four files of the full data set, about 11 MB.
var MNIST = []File{
	{"train-images-idx3-ubyte.gz", 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
	{"train-labels-idx1-ubyte.gz", 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
	{"t10k-images-idx3-ubyte.gz", 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
	{"t10k-labels-idx1-ubyte.gz", 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
}

// Mirrors lists two places that have MNIST: CVDF's mirror and PyTorch's.
var Mirrors = []string{
	"https://storage.googleapis.com/cvdf-datasets/mnist/",
	"https://ossci-datasets.s3.amazonaws.com/mnist/",
}

// A Fetcher says how to download.
type Fetcher struct {
	Mirrors  []string                           // URLs to append a file's name to, tried in turn
	Patience time.Duration                      // how long to wait for a mirror that sends nothing
	Report   func(file string, done, all int64) // called as bytes arrive, must not be nil; all is −1 if the mirror doesn't say
}

// rounds is how often each mirror is tried, unless none answers.
const rounds = 3

// Fetch downloads to folder the files that are not there yet, and checks them. When it is
// interrupted, it leaves the part of a file it has so far under the file's name with .part, and
// the next Fetch continues from there.
func (f *Fetcher) Fetch(ctx context.Context, folder string, files []File) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		path := filepath.Join(folder, file.Name)
		if file.check(path) == nil {
			continue
		}
		if err := f.fetch(ctx, path, file); err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	return nil
}

// fetch asks one mirror after another, and only for what is missing. If the pieces put together turn
// out to be wrong, it asks for the whole file.
func (f *Fetcher) fetch(ctx context.Context, path string, file File) error {
	part := path + ".part"
	if file.check(part) == nil {
		return atomicfile.Rename(part, path)
	}
	failures := make([]string, len(f.Mirrors))
	whole := false
	for range rounds {
		anyone := false
		for m, mirror := range f.Mirrors {
			if whole {
				os.Remove(part)
			}
			answered, err := f.get(ctx, mirror+file.Name, part, file)
			var local *fs.PathError
			if ctx.Err() != nil {
				return ctx.Err()
			} else if errors.As(err, &local) {
				return err // the disk's fault, not the mirror's
			}
			if err == nil {
				if err = file.check(part); err == nil {
					return atomicfile.Rename(part, path)
				}
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					os.Remove(part) // a byte is wrong, so there is no point in continuing
					whole = true
				}
			}
			failures[m] = fmt.Sprintf("%s: %v", mirror, err)
			anyone = anyone || answered
		}
		if !anyone {
			break
		}
	}
	return errors.New(strings.Join(failures, "; "))
}

var errSilent = errors.New("the mirror stopped sending")

// get appends to part the rest of the file at address, and reports whether there was an answer.
// Even without an error, part may be incomplete or wrong.
func (f *Fetcher) get(ctx context.Context, address, part string, file File) (answered bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := time.AfterFunc(f.Patience, func() { cancel(errSilent) })
	defer patience.Stop()

	have := int64(0)
	if info, err := os.Stat(part); err == nil {
		have = info.Size()
	}
	f.Report(file.Name, have, -1)
	response, err := request(ctx, address, have)
	if err != nil {
		return false, cause(ctx, err)
	}
	defer response.Body.Close()
	have, err = follows(response, have)
	if err != nil {
		if have == 0 {
			os.Remove(part)
		}
		return true, err
	}
	out, err := open(part, have)
	if err != nil {
		return true, err
	}
	defer out.Close()
	all := int64(-1)
	if response.ContentLength >= 0 {
		all = have + response.ContentLength
	}
	buffer := make([]byte, 1<<15)
	for {
		n, err := response.Body.Read(buffer)
		patience.Reset(f.Patience)
		if _, err := out.Write(buffer[:n]); err != nil {
			return true, err
		}
		have += int64(n)
		f.Report(file.Name, have, all)
		if err == io.EOF {
			return true, out.Sync()
		}
		if err != nil {
			return true, cause(ctx, err)
		}
		if most := file.Size + slack; have > most {
			out.Close() // Windows can't remove an open file
			os.Remove(part)
			return true, fmt.Errorf("found more than %d bytes, want a file of %d bytes when decompressed", most, file.Size)
		}
	}
}

// slack is more than gzip adds to data it can't compress.
const slack = 1000

// follows returns how many bytes of the file precede the body of response: have, the number
// that are there already, or none. It is an error if the body isn't what was asked for; if the
// bytes that are there can't be the start of the file, it returns 0 then.
func follows(response *http.Response, have int64) (int64, error) {
	switch response.StatusCode {
	case http.StatusOK: // the whole file, whatever was asked for
		return 0, nil
	case http.StatusPartialContent:
		found, from := response.Header.Get("Content-Range"), int64(-1)
		if fmt.Sscanf(found, "bytes %d-", &from); from == have {
			return have, nil
		}
		return 0, fmt.Errorf("found Content-Range %q, want the bytes from %d", found, have)
	case http.StatusRequestedRangeNotSatisfiable:
		return 0, fmt.Errorf("found no more than the %d bytes that are there, want the rest of the file", have)
	}
	return have, fmt.Errorf("found status %s, want 200 OK", response.Status)
}

// open opens a part for writing after its first bytes. If there are none, it creates a new
// file, because another process may be using the old one and may give it the final name.
func open(part string, first int64) (*os.File, error) {
	if first == 0 {
		if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	}
	out, err := os.OpenFile(part, os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	if _, err := out.Seek(first, io.SeekStart); err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// request asks for the file at address, from byte have on.
func request(ctx context.Context, address string, have int64) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept-Encoding", "identity") // the gzipped file as it is
	if have > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	response, err := http.DefaultClient.Do(r)
	var why *url.Error // its text repeats the URL
	if errors.As(err, &why) {
		err = why.Err
	}
	return response, err
}

// cause returns why ctx was canceled, or err if it wasn't.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

// check returns what is wrong with the gzipped file at path. If it is cut short, that is
// io.ErrUnexpectedEOF.
func (file File) check(path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	unzipped, err := gzip.NewReader(in)
	sum := sha256.New()
	if err == nil {
		_, err = io.Copy(sum, io.LimitReader(unzipped, file.Size+1))
	}
	if err == io.EOF { // the file is empty
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("decompressing it: %w", err)
	}
	if found := hex.EncodeToString(sum.Sum(nil)); found != file.SHA256 {
		return fmt.Errorf("found a file with the SHA-256 %s, want %s", found, file.SHA256)
	}
	return nil
}
