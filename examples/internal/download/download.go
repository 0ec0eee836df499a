// Package download gives programs the full MNIST. download.go downloads it once, from public mirrors
// to the user's cache. It doesn't trust the mirrors: a file gets its final name only if its checksum is
// right. full.go reads the files there, or in another folder.
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
	Name   string // on the mirrors and in the folder, where it is gzipped
	Size   int64  // bytes, decompressed
	SHA256 string // of the decompressed bytes, in hex
}

// MNIST lists the four files of the full data set, about 11 MB.
var MNIST = []File{
	{"train-images-idx3-ubyte.gz", 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
	{"train-labels-idx1-ubyte.gz", 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
	{"t10k-images-idx3-ubyte.gz", 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
	{"t10k-labels-idx1-ubyte.gz", 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
}

// Mirrors lists two mirrors of MNIST: CVDF's and PyTorch's.
var Mirrors = []string{
	"https://storage.googleapis.com/cvdf-datasets/mnist/",
	"https://ossci-datasets.s3.amazonaws.com/mnist/",
}

// A Fetcher downloads files.
type Fetcher struct {
	Mirrors  []string                           // URLs to append a file's name to, tried in order
	Patience time.Duration                      // how long to wait while a mirror sends nothing
	Report   func(file string, done, all int64) // called as bytes arrive; must not be nil; all is −1 if unknown
}

// rounds is how often to try all mirrors. If none answers, one round is enough.
const rounds = 3

// Fetch downloads the files that aren't in folder yet, and checks them. If it's interrupted, it leaves
// what it has of a file under the file's name plus .part. The next Fetch continues from there.
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

// fetch asks one mirror after another for the missing part of a file. If the result is wrong, it asks for
// the whole file instead.
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
				return err // not the mirror's fault
			}
			if err == nil {
				if err = file.check(part); err == nil {
					return atomicfile.Rename(part, path)
				}
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					os.Remove(part) // a byte is wrong, so continuing is pointless
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

// get appends the rest of the file at address to part, and reports whether the mirror answered. Even if
// there's no error, part may be incomplete or wrong.
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

// follows returns how many bytes of the file come before the body of response. That's either have, the
// bytes we already have, or 0. If the body isn't what we asked for, it returns an error, with 0 if the
// bytes we have can't be the start of the file.
func follows(response *http.Response, have int64) (int64, error) {
	switch response.StatusCode {
	case http.StatusOK: // the whole file, whatever was asked for
		return 0, nil
	case http.StatusPartialContent:
		found, from := response.Header.Get("Content-Range"), int64(-1)
		if fmt.Sscanf(found, "bytes %d-", &from); from == have {
			return have, nil
		}
		return 0, fmt.Errorf("found Content-Range %q, want the bytes from %d on", found, have)
	case http.StatusRequestedRangeNotSatisfiable:
		return 0, fmt.Errorf("the mirror has no more than the %d bytes downloaded so far, want the rest of the file", have)
	}
	return have, fmt.Errorf("found status %s, want 200 OK", response.Status)
}

// open opens part for writing after its first bytes. If first is 0, it creates a new file instead,
// because another process may be writing the old one, and may give it the final name.
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

// request asks for the file at address, starting at byte have.
func request(ctx context.Context, address string, have int64) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept-Encoding", "identity") // send the gzipped file unchanged
	if have > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	response, err := http.DefaultClient.Do(r)
	var why *url.Error // its message repeats the URL
	if errors.As(err, &why) {
		err = why.Err
	}
	return response, err
}

// cause returns why ctx was canceled, or err if it isn't canceled.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

// check returns what is wrong with the gzipped file at path, or nil. If the file is truncated, that's
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
		return fmt.Errorf("its SHA-256 is %s, want %s", found, file.SHA256)
	}
	return nil
}
