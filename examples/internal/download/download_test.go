package download

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"convnet/examples/mnist"
)

// A source is a file of random data, which doesn't compress, and its gzipped bytes.
type source struct {
	File
	zipped []byte
}

func newSource(name string) source {
	plain := make([]byte, 200_000)
	rng := rand.New(rand.NewPCG(1, uint64(len(name))))
	for k := range plain {
		plain[k] = byte(rng.Uint32())
	}
	return source{fileOf(name, plain), zip(plain)}
}

func fileOf(name string, plain []byte) File {
	sum := sha256.Sum256(plain)
	return File{name, int64(len(plain)), hex.EncodeToString(sum[:])}
}

func zip(plain []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(plain)
	w.Close()
	return b.Bytes()
}

// honest serves the file, or a range of it, like any web server.
func (s source) honest(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.zipped))
}

// A mirror is a server that records its requests.
type mirror struct {
	url   string
	mutex sync.Mutex // of asked
	asked []string   // the range of each request
}

func (m *mirror) ranges() []string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.Clone(m.asked)
}

func newMirror(t *testing.T, answer http.HandlerFunc) *mirror {
	m := &mirror{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mutex.Lock()
		m.asked = append(m.asked, r.Header.Get("Range"))
		m.mutex.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	m.url = server.URL + "/"
	return m
}

// fetcher returns a very patient Fetcher for mirrors.
func fetcher(mirrors ...*mirror) *Fetcher {
	f := &Fetcher{Patience: time.Hour, Report: func(string, int64, int64) {}}
	for _, m := range mirrors {
		f.Mirrors = append(f.Mirrors, m.url)
	}
	return f
}

// checkWhole fetches a file. It fails the test unless the folder then has this file and nothing else.
func checkWhole(t *testing.T, f *Fetcher, folder string, s source) {
	t.Helper()
	if err := f.Fetch(context.Background(), folder, []File{s.File}); err != nil {
		t.Fatal(err)
	}
	if found, err := os.ReadFile(filepath.Join(folder, s.Name)); err != nil || !bytes.Equal(found, s.zipped) {
		t.Errorf("found %d bytes (%v), want the mirror's %d", len(found), err, len(s.zipped))
	}
	checkNames(t, folder, s.Name)
}

// checkFails fetches a file. It fails the test unless there's an error, of one line that contains words,
// and no file of that name.
func checkFails(t *testing.T, f *Fetcher, folder string, s source, words string) {
	t.Helper()
	err := f.Fetch(context.Background(), folder, []File{s.File})
	if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line that contains %q", err, words)
	}
	if _, err := os.Stat(filepath.Join(folder, s.Name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("found a file with the final name (%v), want none", err)
	}
}

func checkNames(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	if !slices.Equal(found, want) {
		t.Errorf("the folder holds %q, want %q", found, want)
	}
}

func TestFetch(t *testing.T) {
	s := newSource("a.gz")
	m := newMirror(t, s.honest)
	folder := filepath.Join(t.TempDir(), "not", "there")
	f := fetcher(m)
	var last, whole int64
	f.Report = func(name string, done, all int64) {
		if last == 0 && whole == 0 && (done != 0 || all != -1) {
			t.Errorf("reported %d of %d bytes first, want 0 of -1", done, all)
		}
		if name != s.Name || done < last {
			t.Errorf("reported %s: %d after %d", name, done, last)
		}
		last, whole = done, all
	}
	checkWhole(t, f, folder, s)
	if size := int64(len(s.zipped)); last != size || whole != size {
		t.Errorf("reported %d of %d bytes last, want %d", last, whole, size)
	}
	checkWhole(t, f, folder, s)
	if len(m.ranges()) != 1 {
		t.Errorf("%d requests, want 1, because the second time the file is in the folder", len(m.ranges()))
	}
}

// Fetch asks for each missing file by its name.
func TestFetchSeveral(t *testing.T) {
	a, b := newSource("a.gz"), newSource("bb.gz")
	var paths []string
	m := newMirror(t, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		map[string]source{"/a.gz": a, "/bb.gz": b}[r.URL.Path].honest(w, r)
	})
	folder := t.TempDir()
	checkWhole(t, fetcher(m), folder, a)
	if err := fetcher(m).Fetch(context.Background(), folder, []File{a.File, b.File}); err != nil {
		t.Fatal(err)
	}
	checkNames(t, folder, a.Name, b.Name)
	if want := []string{"/a.gz", "/bb.gz"}; !slices.Equal(paths, want) {
		t.Errorf("asked for %q, want %q", paths, want)
	}
}

// If a mirror cuts the connection, Fetch asks it for the rest.
func TestCutOff(t *testing.T) {
	s := newSource("a.gz")
	for _, announced := range []bool{true, false} {
		m := newMirror(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				s.honest(w, r)
				return
			}
			if announced {
				w.Header().Set("Content-Length", fmt.Sprint(len(s.zipped)))
			}
			w.Write(s.zipped[:70_000])
			w.(http.Flusher).Flush()
			if announced {
				panic(http.ErrAbortHandler)
			} // otherwise it looks like the end of the file
		})
		checkWhole(t, fetcher(m), t.TempDir(), s)
		if want := []string{"", "bytes=70000-"}; !slices.Equal(m.ranges(), want) {
			t.Errorf("asked for the ranges %q, want %q", m.ranges(), want)
		}
	}
}

// If a mirror always cuts the connection, Fetch gives up in the end.
func TestCutOffAlways(t *testing.T) {
	s := newSource("a.gz")
	m := newMirror(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(s.zipped)))
		w.Write(s.zipped[:70_000])
		panic(http.ErrAbortHandler)
	})
	checkFails(t, fetcher(m), t.TempDir(), s, "unexpected EOF")
	if len(m.ranges()) != rounds {
		t.Errorf("%d requests, want %d", len(m.ranges()), rounds)
	}
}

// After an interrupt, the next Fetch asks only for the rest.
func TestInterrupt(t *testing.T) {
	s := newSource("a.gz")
	m := newMirror(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			s.honest(w, r)
			return
		}
		w.Write(s.zipped[:70_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(context.Background())
	f := fetcher(m)
	f.Report = func(_ string, done, _ int64) {
		if done == 70_000 {
			cancel()
		}
	}
	folder := t.TempDir()
	if err := f.Fetch(ctx, folder, []File{s.File}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's error", err)
	}
	checkNames(t, folder, s.Name+".part")
	checkWhole(t, fetcher(m), folder, s)
	if want := []string{"", "bytes=70000-"}; !slices.Equal(m.ranges(), want) {
		t.Errorf("asked for the ranges %q, want %q", m.ranges(), want)
	}
}

// If a mirror stalls, Fetch asks another one for the rest.
func TestStall(t *testing.T) {
	s := newSource("a.gz")
	for _, sent := range []int{0, 70_000} {
		stalling := newMirror(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				w.Write(s.zipped[:sent])
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		})
		folder := t.TempDir()
		f := fetcher(stalling)
		f.Patience = 50 * time.Millisecond // long enough, because the mirror never continues
		checkFails(t, f, folder, s, errSilent.Error())

		want := "" // the range after what arrived in time
		if info, err := os.Stat(filepath.Join(folder, s.Name+".part")); err == nil && info.Size() > 0 {
			want = fmt.Sprintf("bytes=%d-", info.Size())
		}
		good := newMirror(t, s.honest)
		checkWhole(t, fetcher(good), folder, s)
		if asked := good.ranges(); len(asked) != 1 || asked[0] != want {
			t.Errorf("after a stall: asked for the ranges %q, want %q", asked, want)
		}
	}
}

// Whatever a bad mirror sends, it never gets the final name. Fetch then asks another mirror, at once or
// the next time.
func TestBadMirrors(t *testing.T) {
	s := newSource("a.gz")
	send := func(body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.Write(body) }
	}
	flipped := slices.Clone(s.zipped)
	flipped[100_000] ^= 1
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		words  string
	}{
		{"a wrong byte", send(flipped), "gzip: invalid checksum"},
		{"another file", send(zip([]byte("another"))), s.SHA256},
		{"a web page", send([]byte("<html>please log in</html>")), "gzip: invalid header"},
		{"nothing", send(nil), "unexpected EOF"},
		{"two bytes", send([]byte("ok")), "unexpected EOF"},
		{"a wrong beginning", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(s.zipped)))
			w.Write(append([]byte("\x1f\x8b wrong"), s.zipped[10:70_000]...))
			panic(http.ErrAbortHandler)
		}, "unexpected EOF"},
		{"more after it", send(append(slices.Clone(s.zipped), "more, much more"...)), "gzip: invalid header"},
		{"a second file after it", send(append(slices.Clone(s.zipped), s.zipped...)), "want a file of 200000 bytes when decompressed"},
		{"endless bytes", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Write(s.zipped)
			}
		}, "found more than 201000 bytes"},
		{"404", http.NotFound, "found status 404 Not Found, want 200 OK"},
		{"500", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "500"},
		{"another range", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 5-9/10")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(s.zipped)
		}, `found Content-Range "bytes 5-9/10", want the bytes from 0`},
		{"no range", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusPartialContent) }, `found Content-Range ""`},
		{"416", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusRequestedRangeNotSatisfiable) }, "the mirror has no more than the 0 bytes"},
		{"endless redirects", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, "stopped after 10 redirects"},
		{"hangs up", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			bad, good := newMirror(t, test.answer), newMirror(t, s.honest)
			checkFails(t, fetcher(bad), folder, s, test.words)
			checkWhole(t, fetcher(good), folder, s)
			checkWhole(t, fetcher(bad, good), t.TempDir(), s)
		})
	}
}

// If a .part file isn't the start of the file, Fetch discards it.
func TestBadPart(t *testing.T) {
	s := newSource("a.gz")
	for _, part := range [][]byte{[]byte("junk"), bytes.Repeat([]byte("junk"), 100_000)} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, s.Name+".part"), part, 0o644); err != nil {
			t.Fatal(err)
		}
		checkWhole(t, fetcher(newMirror(t, s.honest)), folder, s)
	}
}

// A mirror that doesn't support ranges sends the whole file, which replaces the part.
func TestNoRanges(t *testing.T) {
	s := newSource("a.gz")
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, s.Name+".part"), s.zipped[:70_000], 0o644); err != nil {
		t.Fatal(err)
	}
	m := newMirror(t, func(w http.ResponseWriter, r *http.Request) { w.Write(s.zipped) })
	f := fetcher(m)
	f.Report = func(_ string, _, all int64) {
		if all != -1 {
			t.Errorf("reported %d bytes in all, want -1, because the mirror doesn't say", all)
		}
	}
	checkWhole(t, f, folder, s)
	if len(m.ranges()) != 1 {
		t.Errorf("%d requests, want 1", len(m.ranges()))
	}
}

// Fetch asks a mirror again if it sent an error, but not if it didn't answer.
func TestRounds(t *testing.T) {
	s := newSource("a.gz")
	bad := newMirror(t, http.NotFound)
	checkFails(t, fetcher(bad), t.TempDir(), s, "404")
	mute := newMirror(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	checkFails(t, fetcher(mute), t.TempDir(), s, "EOF")
	if len(bad.ranges()) != rounds || len(mute.ranges()) != 1 {
		t.Errorf("%d and %d requests, want %d and 1", len(bad.ranges()), len(mute.ranges()), rounds)
	}
}

func TestRedirect(t *testing.T) {
	s := newSource("a.gz")
	good := newMirror(t, s.honest)
	m := newMirror(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, good.url+"elsewhere", http.StatusFound)
	})
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, s.Name+".part"), s.zipped[:70_000], 0o644); err != nil {
		t.Fatal(err)
	}
	checkWhole(t, fetcher(m), folder, s)
	if want := []string{"bytes=70000-"}; !slices.Equal(good.ranges(), want) {
		t.Errorf("asked for the ranges %q, want %q", good.ranges(), want)
	}
}

// Fetch downloads a damaged file again. If that fails, it leaves the file as it is.
func TestBadFile(t *testing.T) {
	s := newSource("a.gz")
	folder := t.TempDir()
	path := filepath.Join(folder, s.Name)
	bad := s.zipped[:70_000]
	if err := os.WriteFile(path, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	err := fetcher(newMirror(t, http.NotFound)).Fetch(context.Background(), folder, []File{s.File})
	if found, _ := os.ReadFile(path); err == nil || !bytes.Equal(found, bad) {
		t.Errorf("found %d bytes, error %v, want the file unchanged and an error", len(found), err)
	}
	checkWhole(t, fetcher(newMirror(t, s.honest)), folder, s)
}

func TestOffline(t *testing.T) {
	s := newSource("a.gz")
	server := httptest.NewServer(nil)
	server.Close()
	f := fetcher()
	f.Mirrors = []string{server.URL + "/one/", server.URL + "/two/"}
	folder := t.TempDir()
	checkFails(t, f, folder, s, server.URL+"/one/: ")
	checkFails(t, f, folder, s, "; "+server.URL+"/two/: ")
}

// Fetch doesn't blame a problem with the disk on the mirrors.
func TestPartInTheWay(t *testing.T) {
	s := newSource("a.gz")
	folder := t.TempDir()
	inTheWay := filepath.Join(folder, s.Name+".part", "full")
	if err := os.MkdirAll(inTheWay, 0o755); err != nil {
		t.Fatal(err)
	}
	m := newMirror(t, s.honest)
	checkFails(t, fetcher(m), folder, s, s.Name+".part")
	if len(m.ranges()) != 1 {
		t.Errorf("%d requests, want 1", len(m.ranges()))
	}
}

func TestFolderInTheWay(t *testing.T) {
	s := newSource("a.gz")
	folder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(folder, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := fetcher().Fetch(context.Background(), folder, []File{s.File}); err == nil {
		t.Error("no error, want one, because the folder can't be created")
	}
}

// All test digits are embedded, so their files have the same checksums as in the full MNIST.
func TestMNIST(t *testing.T) {
	folder := t.TempDir()
	for _, file := range MNIST[2:] {
		zipped, err := mnist.Files.ReadFile(file.Name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, file.Name)
		if err := os.WriteFile(path, zipped, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := file.check(path); err != nil {
			t.Errorf("%s: %v", file.Name, err)
		}
	}
}
