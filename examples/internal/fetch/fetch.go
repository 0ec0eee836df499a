// Package fetch fetches the full MNIST once, from public mirrors, and trusts
// none of them: a file takes its name when its checksum is right, not before.
package fetch

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"convnet/examples/internal/atomicfile"
)

// A File is one to be fetched.
type File struct {
	Name   string // on the mirrors and in the folder; it is gzipped
	Size   int64  // bytes, decompressed
	SHA256 string // of the decompressed bytes, in hexadecimal
}

// MNIST lists the four files of the full data set, some 11 MB.
var MNIST = []File{
	{"train-images-idx3-ubyte.gz", 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
	{"train-labels-idx1-ubyte.gz", 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
	{"t10k-images-idx3-ubyte.gz", 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
	{"t10k-labels-idx1-ubyte.gz", 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
}

// Mirrors lists where MNIST is: at the CVDF's and at PyTorch's.
var Mirrors = []string{
	"https://storage.googleapis.com/cvdf-datasets/mnist/",
	"https://ossci-datasets.s3.amazonaws.com/mnist/",
}

// A Fetcher says how to fetch.
type Fetcher struct {
	Mirrors  []string                           // what a file's name is appended to, asked in turn
	Patience time.Duration                      // with a mirror that sends nothing
	Report   func(file string, done, all int64) // called as bytes come; all is −1 where the mirror doesn't tell
}

// rounds is how often each mirror is asked, unless none answers.
const rounds = 3

// Fetch has folder hold files, whole and checked. Those that are there already
// are not fetched. What an interrupted Fetch has got of a file lies beside it
// under the name with .part, and the next Fetch goes on from there.
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

// fetch asks one mirror after the other, and for no more than is missing.
func (f *Fetcher) fetch(ctx context.Context, path string, file File) error {
	part := path + ".part"
	if file.check(part) == nil {
		return atomicfile.Rename(part, path)
	}
	failures := make([]string, len(f.Mirrors))
	for range rounds {
		anyone := false
		for m, mirror := range f.Mirrors {
			answered, err := f.get(ctx, mirror+file.Name, part, file)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err == nil {
				if err = file.check(part); err == nil {
					return atomicfile.Rename(part, path)
				}
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					os.Remove(part) // a byte is wrong: there is no going on from it
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

var errSilent = errors.New("the mirror sends nothing")

// get appends to part what it lacks of the file at address, and returns whether
// there was an answer. No error doesn't mean that part is whole and right.
func (f *Fetcher) get(ctx context.Context, address, part string, file File) (answered bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := time.AfterFunc(f.Patience, func() { cancel(errSilent) })
	defer patience.Stop()

	out, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return false, err
	}
	defer out.Close()
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	response, err := request(ctx, address, have)
	if err != nil {
		return false, cause(ctx, err)
	}
	defer response.Body.Close()
	if have, err = position(out, response, have); err != nil {
		return true, err
	}
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
		if most := file.Size + 1000; have > most {
			restart(out)
			return true, fmt.Errorf("found more than %d bytes, want a file that has %d even decompressed", most, file.Size)
		}
	}
}

// position makes ready to write the body of response to out, which has have
// bytes, and returns how many of them stay. Where they can't be the beginning
// of the file, none stay, and the next request is for all of it.
func position(out *os.File, response *http.Response, have int64) (int64, error) {
	switch response.StatusCode {
	case http.StatusOK: // the whole file, whatever was asked for
		return 0, restart(out)
	case http.StatusPartialContent:
		found, from := response.Header.Get("Content-Range"), int64(-1)
		if fmt.Sscanf(found, "bytes %d-", &from); from == have {
			return have, nil
		}
		restart(out)
		return 0, fmt.Errorf("found Content-Range %q, want the bytes from %d", found, have)
	case http.StatusRequestedRangeNotSatisfiable:
		restart(out)
		return 0, fmt.Errorf("found no more than the %d bytes that are there, want the rest of the file", have)
	}
	return 0, fmt.Errorf("found status %s, want 200 OK", response.Status)
}

// request asks for the bytes at address from have on.
func request(ctx context.Context, address string, have int64) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept-Encoding", "identity") // the file as it is, gzipped
	if have > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	response, err := http.DefaultClient.Do(r)
	var why *url.Error // which names the URL once more
	if errors.As(err, &why) {
		err = why.Err
	}
	return response, err
}

// cause returns why ctx was cancelled, where it was, and else err.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

// restart empties a file.
func restart(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.Seek(0, io.SeekStart)
	return err
}

// check tells what is wrong with the gzipped file at path. Where it only ends
// too early, that is io.ErrUnexpectedEOF.
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
	if err == io.EOF { // before gzip's header has ended
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("found what can't be decompressed: %w", err)
	}
	if found := hex.EncodeToString(sum.Sum(nil)); found != file.SHA256 {
		return fmt.Errorf("found a file with the SHA-256 %s, want %s", found, file.SHA256)
	}
	return nil
}
