package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convnet"
	"convnet/examples/internal/distort"
	"convnet/examples/internal/fetch"
	"convnet/examples/internal/training"
)

// The program learns as the same recipe does without it.
func TestRecipes(t *testing.T) {
	data := smallMNIST(t, 40, 10)
	digits, _, err := convnet.ReadMNIST(os.DirFS(data))
	if err != nil {
		t.Fatal(err)
	}
	best := training.Best(40)
	short, tame := best, best
	short.Passes = 2
	tame.Passes, tame.Batch, tame.Distortion = 2, 5, distort.Distortion{}
	usual := training.Recipe{Sets: 2, Size: 20, Passes: 2, Batch: 1, Rate: 0.0062, Dropout: 0.5}
	falling, shuffled, distorted := usual, usual, usual
	falling.Decay = true
	shuffled.Shuffle = true
	distorted.Distortion = training.Handwriting()
	small := []string{"-sets", "2", "-size", "20", "-passes", "2"}
	for _, c := range []struct {
		flags  []string
		recipe training.Recipe
	}{
		{small, usual},
		{append(small, "-decay"), falling},
		{append(small, "-shuffle"), shuffled},
		{append(small, "-augment"), distorted},
		{[]string{"-best", "-passes", "2"}, short},
		{[]string{"-best", "-passes", "2", "-batch", "5", "-augment=false"}, tame},
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
			t.Errorf("%v: other bits than those of %+v", c.flags, c.recipe)
		}
	}
}

// fetching is what -full does, with files and a mirror of ours.
func fetching(t *testing.T, ctx context.Context, stdout *bytes.Buffer, answer http.HandlerFunc, flags ...string) (folder string, plain []byte, err error) {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	plain = []byte("digits")
	sum := sha256.Sum256(plain)
	file := fetch.File{Name: "file.gz", Size: int64(len(plain)), SHA256: hex.EncodeToString(sum[:])}
	s, err := parse(flags, stdout)
	if err != nil {
		t.Fatal(err)
	}
	e := &experiment{settings: s, progress: newProgress(stdout, s)}
	folder = t.TempDir()
	return folder, plain, e.fetch(ctx, folder, []string{server.URL + "/"}, []fetch.File{file})
}

func TestFetching(t *testing.T) {
	send := func(w http.ResponseWriter, r *http.Request) {
		zipper := gzip.NewWriter(w)
		zipper.Write([]byte("digits"))
		zipper.Close()
	}
	for flag, want := range map[string]string{"-full": "fetching file.gz\n", "-quiet": ""} {
		var stdout bytes.Buffer
		folder, _, err := fetching(t, context.Background(), &stdout, send, flag)
		if err != nil || stdout.String() != want {
			t.Errorf("%s: printed %q and the error %v, want %q", flag, stdout.String(), err, want)
		}
		if files := snapshot(t, folder); len(files) != 1 || files["file.gz"] == "" {
			t.Errorf("%s: the folder holds %d files, want the one", flag, len(files))
		}
	}

	ctx, cancel := context.WithCancel(context.Background())
	var stdout bytes.Buffer
	_, _, err := fetching(t, ctx, &stdout, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}, "-full")
	if err != errInterrupted || stdout.String() != "stopped fetching; the next -full goes on from here\n" {
		t.Errorf("interrupted: printed %q and the error %v, want that it has stopped", stdout.String(), err)
	}
}

// The bar is for terminals: here on a buffer, to see what it writes.
func TestFetchingBar(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, &settings{})
	p.live = true
	for _, c := range []struct {
		done, all int64
		want      string
	}{
		{2_478_000, 9_912_422, "fetching train-images-idx3-ubyte.gz [████················] 2478 of 9912 kB"},
		{9_912_422, 9_912_422, "fetching train-images-idx3-ubyte.gz [████████████████████] 9912 of 9912 kB"},
		{2_500_000, -1, "fetching train-images-idx3-ubyte.gz 2500 kB"},
	} {
		out.Reset()
		p.last = p.last.AddDate(-1, 0, 0)
		p.afterBytes("train-images-idx3-ubyte.gz", c.done, c.all)
		if live := out.String()[strings.LastIndex(out.String(), "\r")+1:]; live != c.want || len([]rune(live)) > lineWidth {
			t.Errorf("the live line is %q, want %q", live, c.want)
		}
	}
}

// Without a network -full ends with one clear line, which names the other way.
func TestFullOffline(t *testing.T) {
	cache, out := t.TempDir(), t.TempDir()
	cmd := exec.Command(build(t), "-full", "-out", out)
	cmd.Env = append(os.Environ(), "HTTPS_PROXY=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1", "NO_PROXY=", "no_proxy=", "XDG_CACHE_HOME="+cache, "HOME="+cache, "LocalAppData="+cache)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Run()
	if cmd.ProcessState.ExitCode() != failed || stdout.Len() > 0 {
		t.Errorf("status %d, printed %q, want %d and nothing", cmd.ProcessState.ExitCode(), stdout.String(), failed)
	}
	for _, want := range []string{"train: -full: train-images-idx3-ubyte.gz: https://storage.googleapis.com/cvdf-datasets/mnist/: ", "; https://ossci-datasets.s3.amazonaws.com/mnist/: ", "-data DIR"} {
		if line := stderr.String(); !strings.Contains(line, want) || len(lines(line)) != 1 {
			t.Errorf("printed %q, want one line with %q", line, want)
		}
	}
	if files := snapshot(t, out); len(files) > 0 {
		t.Errorf("the folder holds %d files, want none", len(files))
	}
	if matches, _ := filepath.Glob(filepath.Join(cache, "*", "mnist", "*.gz")); len(matches) > 0 {
		t.Errorf("found %q, want no file under its final name", matches)
	}
}
