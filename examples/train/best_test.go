package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/augment"
	"convnet/examples/internal/download"
	"convnet/examples/internal/training"
)

// The program trains exactly as Recipe.Train does.
func TestRecipes(t *testing.T) {
	withoutPictures(t)
	data := smallMNIST(t, 40, 10)
	digits, _, err := convnet.ReadMNIST(os.DirFS(data))
	if err != nil {
		t.Fatal(err)
	}
	best := training.Best(40)
	short, tame, halves := best, best, best
	halves.Epochs, halves.Sets, halves.Size = 2, 2, 20
	short.Epochs = 2
	tame.Epochs, tame.Batch, tame.Distortion = 2, 5, augment.Distortion{}
	usual := training.Recipe{Sets: 2, Size: 20, Epochs: 2, Batch: 1, Rate: 0.01, Dropout: 0.5, Schedule: training.Linear}
	original, shuffled, distorted := usual, usual, usual
	original.Rate, original.Schedule = 0.0062, training.Constant
	shuffled.Shuffle = true
	distorted.Distortion = training.Handwriting()
	small := []string{"-sets", "2", "-size", "20", "-epochs", "2"}
	for _, c := range []struct {
		flags  []string
		recipe training.Recipe
	}{
		{small, usual},
		{append(small, "-schedule", "constant", "-rate", "0.0062"), original},
		{append(small, "-shuffle"), shuffled},
		{append(small, "-augment"), distorted},
		{[]string{"-best", "-epochs", "2"}, short},
		{[]string{"-best", "-epochs", "2", "-batch", "5", "-augment=false"}, tame},
		{[]string{"-best", "-epochs", "2", "-size", "20", "-sets", "2"}, halves},
		{[]string{"-best", "-epochs", "2", "-sets", "2"}, halves},
	} {
		out := t.TempDir()
		stdout, stderr, status := train(context.Background(), append(c.flags, "-data", data, "-out", out, "-seed", "3")...)
		if status != ok {
			t.Fatalf("%v: status %d, printed %q and %q", c.flags, status, stdout, stderr)
		}
		want, err := c.recipe.Train(context.Background(), digits, 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		if found := loadModel(t, out); !slices.Equal(found.Parameters, want.Parameters) {
			t.Errorf("%v: not the bits of %+v", c.flags, c.recipe)
		}
	}
}

// With -best the sets are as large as their number allows. Here they would be empty.
func TestBestOfTooManySets(t *testing.T) {
	out := t.TempDir()
	stdout, stderr, status := train(context.Background(), "-data", smallMNIST(t, 20, 10), "-out", out, "-best", "-sets", "21")
	const want = "train: -sets is 21 and -size is 0: found only 20 training images"
	if status != failed || stdout != "" || !strings.HasPrefix(stderr, want) || len(snapshot(t, out)) != 0 {
		t.Errorf("status %d, printed %q and %q, want %d and %q", status, stdout, stderr, failed, want)
	}
}

// zipped returns the files of a small MNIST as -full wants them, and as mirrors send them.
func zipped(t *testing.T, train, test int) (files []download.File, bodies map[string][]byte) {
	t.Helper()
	bodies = map[string][]byte{}
	for name, plain := range snapshot(t, smallMNIST(t, train, test)) {
		var body bytes.Buffer
		zipper := gzip.NewWriter(&body)
		zipper.Write([]byte(plain))
		zipper.Close()
		bodies["/"+name+".gz"] = body.Bytes()
		sum := sha256.Sum256([]byte(plain))
		files = append(files, download.File{Name: name + ".gz", Size: int64(len(plain)), SHA256: hex.EncodeToString(sum[:])})
	}
	return files, bodies
}

// full runs the program with -full, a mirror of our own and a cache folder.
func full(t *testing.T, ctx context.Context, cache string, files []download.File, answer http.HandlerFunc, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(name, cache)
	}
	s, err := parse(append([]string{"-full"}, args...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s.mirrors, s.files = []string{server.URL + "/"}, files
	var out, errs bytes.Buffer
	status = s.run(ctx, &out, &errs)
	return out.String(), errs.String(), status
}

// With -full the digits are downloaded once, and the program trains on them as with -data.
func TestFull(t *testing.T) {
	withoutPictures(t)
	files, bodies := zipped(t, 40, 10)
	requests := 0
	send := func(w http.ResponseWriter, r *http.Request) {
		requests++
		w.Write(bodies[r.URL.Path])
	}
	cache, out := t.TempDir(), t.TempDir()
	flags := []string{"-out", out, "-sets", "1", "-size", "40", "-epochs", "1"}
	stdout, stderr, status := full(t, context.Background(), cache, files, send, flags...)
	if status != ok || requests != 4 {
		t.Fatalf("status %d after %d requests, printed %q and %q, want %d after 4", status, requests, stdout, stderr, ok)
	}
	for _, file := range files {
		if !strings.Contains(stdout, "downloading "+file.Name+"\n") {
			t.Errorf("printed %q, want a line that says it downloads %s", stdout, file.Name)
		}
	}
	downloaded := loadModel(t, out)

	stdout, _, status = full(t, context.Background(), cache, files, send, append(flags, "-quiet")...)
	if status != ok || requests != 4 || len(lines(stdout)) != 1 {
		t.Errorf("the second time: status %d, printed %q after %d requests in all, want %d, one line and 4 requests", status, stdout, requests, ok)
	}
	if _, stderr, status := train(context.Background(), append(flags, "-data", smallMNIST(t, 40, 10))...); status != ok {
		t.Fatal(stderr)
	}
	if !slices.Equal(downloaded.Parameters, loadModel(t, out).Parameters) {
		t.Error("-full and -data give different parameters for the same digits")
	}
}

// Ctrl-C ends the download at once, and what has been downloaded isn't asked for again.
func TestFullInterrupted(t *testing.T) {
	withoutPictures(t)
	files, bodies := zipped(t, 40, 10)
	ctx, cancel := context.WithCancel(context.Background())
	cache, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	done := ""
	stdout, stderr, status := full(t, ctx, cache, files, func(w http.ResponseWriter, r *http.Request) {
		if done == "" {
			done = r.URL.Path
			w.Write(bodies[done])
			return
		}
		cancel()
		<-r.Context().Done()
	}, "-out", out, "-quiet")
	if want := "interrupted during the download: the next run with -full continues it\n"; status != interrupted || stdout != want || stderr != "" {
		t.Errorf("status %d, printed %q and %q, want %d and %q", status, stdout, stderr, interrupted, want)
	}
	if files := snapshot(t, out); len(files) > 0 {
		t.Errorf("the folder holds %d files, want none", len(files))
	}
	_, stderr, status = full(t, context.Background(), cache, files, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == done {
			t.Errorf("asked again for %s", done)
		}
		w.Write(bodies[r.URL.Path])
	}, "-out", out, "-sets", "1", "-size", "40", "-epochs", "1")
	if status != ok {
		t.Errorf("status %d, printed %q, want %d", status, stderr, ok)
	}
}

func TestDownloadBar(t *testing.T) {
	s := newScreen(t, 80)
	p := newProgress(s, &settings{})
	p.live, p.escapes = true, true
	for _, c := range []struct {
		done, all int64
		want      string
	}{
		{2_478_000, 9_912_422, "downloading train-images-idx3-ubyte.gz [###.............] 2478 of 9912 kB"},
		{9_912_422, 9_912_422, "downloading train-images-idx3-ubyte.gz [################] 9912 of 9912 kB"},
		{2_500_000, -1, "downloading train-images-idx3-ubyte.gz 2500 kB"},
	} {
		p.last = p.last.AddDate(-1, 0, 0)
		p.afterBytes("train-images-idx3-ubyte.gz", c.done, c.all)
		if s.text() != c.want {
			t.Errorf("the live line is %q, want %q", s.text(), c.want)
		}
	}
}

// Offline, -full ends with one clear line, which names the alternative.
func TestFullOffline(t *testing.T) {
	cache, out := t.TempDir(), t.TempDir()
	cmd := command(t, "-full", "-out", out)
	cmd.Env = append(cmd.Env, "HTTPS_PROXY=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1", "NO_PROXY=", "no_proxy=", "XDG_CACHE_HOME="+cache, "HOME="+cache, "LocalAppData="+cache)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if exit := (*exec.ExitError)(nil); !errors.As(cmd.Run(), &exit) {
		t.Fatalf("%v, want a status other than 0; printed %q and %q", cmd.ProcessState, stdout.String(), stderr.String())
	}
	if want := "downloading train-images-idx3-ubyte.gz\n"; cmd.ProcessState.ExitCode() != failed || stdout.String() != want {
		t.Errorf("status %d, printed %q, want %d and %q", cmd.ProcessState.ExitCode(), stdout.String(), failed, want)
	}
	for _, want := range []string{"train: -full: train-images-idx3-ubyte.gz: https://storage.googleapis.com/cvdf-datasets/mnist/: ", "; https://ossci-datasets.s3.amazonaws.com/mnist/: ", "-data DIR"} {
		if line := stderr.String(); !strings.Contains(line, want) || len(lines(line)) != 1 {
			t.Errorf("printed %q, want one line with %q", line, want)
		}
	}
	if files := snapshot(t, out); len(files) > 0 {
		t.Errorf("the folder holds %d files, want none", len(files))
	}
	filepath.WalkDir(cache, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			t.Errorf("found %s in the cache (%v), want no file", path, err)
		}
		return nil
	})
}
