package main

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"convnet"
	"convnet/examples/internal/atomicfile"
	"convnet/examples/internal/parallel"
	"convnet/examples/internal/training"
	"convnet/examples/model"
)

// A job is a network to be trained by a recipe on the first digits.
type job struct {
	recipe training.Recipe
	seed   uint64
}

// A lab trains networks and saves each to a file in its folder, so that none is trained
// twice. It identifies them by recipe and seed: empty the folder after a change of the code
// or the digits.
type lab struct {
	folder     string
	digits     []convnet.Digit // to train on
	validation []convnet.Digit // the last of them, to choose hyperparameters by
	log        io.Writer
}

// A result is a network that a job has trained.
type result struct {
	network    *convnet.Network
	validation int     // validation digits classified correctly; −1 if it was trained on some
	seconds    float64 // of training, on one core
}

func (l *lab) path(j job) string {
	name := fmt.Sprintf("%08x-%d.safetensors", crc32.ChecksumIEEE(fmt.Appendf(nil, "%+v", j.recipe)), j.seed)
	return filepath.Join(l.folder, name)
}

// do does the jobs that have not been done, as many at a time as there are processors, until one
// fails or ctx is done.
func (l *lab) do(ctx context.Context, jobs []job) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var todo []job
	for _, j := range jobs {
		if _, err := os.Stat(l.path(j)); err != nil && !slices.Contains(todo, j) {
			todo = append(todo, j)
		}
	}
	var logging sync.Mutex
	done := 0
	parallel.Do(len(todo), func(k int) {
		if err := l.one(ctx, todo[k]); err != nil {
			cancel(err) // the first cause counts, and the jobs after it end at once
			return
		}
		logging.Lock()
		defer logging.Unlock()
		done++
		fmt.Fprintf(l.log, "%s: %d of %d networks\n", time.Now().Format(time.TimeOnly), done, len(todo))
	})
	return context.Cause(ctx)
}

// one does a job.
func (l *lab) one(ctx context.Context, j job) error {
	begin := time.Now()
	network, err := j.recipe.Train(ctx, l.digits, j.seed, 1)
	if err != nil {
		return err
	}
	metadata := map[string]string{
		"recipe":     fmt.Sprintf("%+v", j.recipe),
		"seconds":    fmt.Sprintf("%.1f", time.Since(begin).Seconds()),
		"validation": "-1",
	}
	if j.recipe.Sets*j.recipe.Size <= len(l.digits)-len(l.validation) {
		metadata["validation"] = strconv.Itoa(network.CountCorrect(l.validation))
	}
	return atomicfile.Write(l.path(j), func(w io.Writer) error { return model.Save(w, network, metadata) })
}

// result returns the result of a job.
func (l *lab) result(j job) (r result, err error) {
	file, err := os.Open(l.path(j))
	if err != nil {
		return r, err
	}
	defer file.Close()
	network, metadata, err := model.Load(file)
	if err != nil {
		return r, fmt.Errorf("%s: %w", l.path(j), err)
	}
	r.network = network
	if want := fmt.Sprintf("%+v", j.recipe); metadata["recipe"] != want {
		return r, fmt.Errorf("%s: found a network trained by the recipe %q, want %q: delete the file to train it again", l.path(j), metadata["recipe"], want)
	}
	if r.validation, err = strconv.Atoi(metadata["validation"]); err == nil {
		r.seconds, err = strconv.ParseFloat(metadata["seconds"], 64)
	}
	if err != nil {
		return r, fmt.Errorf("%s: metadata: %w", l.path(j), err)
	}
	return r, nil
}
