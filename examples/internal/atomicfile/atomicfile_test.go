package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"convnet/examples/internal/testenv"
)

func content(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWriteReplacesTheWholeFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "model")
	for _, text := range []string{"the old model, which is long", "new"} {
		err := Write(name, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := content(t, name); got != text {
			t.Errorf("the file holds %q, want %q", got, text)
		}
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(filepath.Dir(name), "plain") // a file like any other
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	like, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode(), like.Mode(); got != want {
		t.Errorf("the file's mode is %v, want %v", got, want)
	}
}

// The old file stays until the new one is complete. If writing fails, it stays for good.
func TestErrorLeavesTheFolderUnchanged(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "model")
	if err := os.WriteFile(name, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := Write(name, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 100_000)); err != nil {
			return err
		}
		if got := content(t, name); got != "old" {
			t.Errorf("during the write the file holds %d bytes, want the 3 old ones", len(got))
		}
		return full
	})
	if err != full {
		t.Errorf("error %v, want %v", err, full)
	}
	if got := content(t, name); got != "old" {
		t.Errorf("after the error the file holds %q, want %q", got, "old")
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the folder holds %v, want only the old file", entries)
	}
}

func TestWriteToMissingFolder(t *testing.T) {
	err := Write(filepath.Join(t.TempDir(), "missing", "model"), func(io.Writer) error { return nil })
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want one that says the folder doesn't exist", err)
	}
}

// Write and Check go through symbolic links, even through several and into other folders.
func TestSymbolicLink(t *testing.T) {
	out, elsewhere := t.TempDir(), t.TempDir()
	file, name := filepath.Join(elsewhere, "run1"), filepath.Join(out, "model")
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	testenv.Symlink(t, file, filepath.Join(out, "second"))
	testenv.Symlink(t, "second", name)
	if err := Check(name); err != nil || content(t, file) != "old" {
		t.Errorf("Check: error %v and %q, want none and what was there", err, content(t, file))
	}
	err := Write(name, func(w io.Writer) error {
		_, err := io.WriteString(w, "new")
		return err
	})
	if err != nil || content(t, file) != "new" {
		t.Errorf("Write: error %v, and the file holds %q, want none and the new content", err, content(t, file))
	}
	for _, link := range []string{name, filepath.Join(out, "second")} {
		if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no longer a symbolic link", link)
		}
	}
	for folder, want := range map[string]int{out: 2, elsewhere: 1} {
		if entries, err := os.ReadDir(folder); err != nil || len(entries) != want {
			t.Errorf("a folder holds %v (%v), want %d files", entries, err, want)
		}
	}

	// A link that leads nowhere is an error that says so.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"Check": Check(name), "Write": Write(name, func(io.Writer) error { return nil })} {
		if err == nil || !strings.Contains(err.Error(), name+" is a symbolic link that leads nowhere (") {
			t.Errorf("%s: error %v, want one that says the link leads nowhere", what, err)
		}
	}
}

// Check changes nothing, whether the file is there or not.
func TestCheckChangesNothing(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "model")
	if err := Check(name); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("the folder holds %v (%v), want nothing", entries, err)
	}
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	year := time.Date(1998, 11, 1, 12, 0, 0, 0, time.UTC)
	if err := os.Chtimes(name, year, year); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(name); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if content(t, name) != "old" || after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the file holds %q with mode %v of %v, want %q, %v, %v", content(t, name), after.Mode(), after.ModTime(), "old", before.Mode(), before.ModTime())
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v (%v), want one file", entries, err)
	}
}

// What stops Write stops Check, too, and both leave everything as it was.
func TestCheckFailsLikeWrite(t *testing.T) {
	folder := t.TempDir()
	taken := filepath.Join(folder, "taken")
	if err := os.Mkdir(taken, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{taken, filepath.Join(folder, "missing", "model")} {
		check, write := Check(name), Write(name, func(io.Writer) error { return nil })
		if check == nil || write == nil {
			t.Errorf("%s: Check returns %v and Write returns %v, want two errors", name, check, write)
		}
		if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
			t.Errorf("%s: the folder holds %v (%v), want it as it was", name, entries, err)
		}
	}
}

// A file that is mounted by itself, as containers do, can be written but not replaced. Check finds out.
func TestMountedFile(t *testing.T) {
	if name := os.Getenv("CONVNET_TEST_CHECKS"); name != "" { // inside the mount
		check, write := Check(name), Write(name, func(io.Writer) error { return nil })
		if !errors.Is(check, syscall.EBUSY) || !errors.Is(write, syscall.EBUSY) || content(t, name) != "old" {
			t.Fatalf("Check returns %v, Write returns %v, and the file holds %q, want two errors that it's busy, and %q", check, write, content(t, name), "old")
		}
		return
	}
	testenv.NeedExec(t)
	folder := t.TempDir()
	name, host := filepath.Join(folder, "model"), filepath.Join(t.TempDir(), "host")
	for _, file := range []string{name, host} {
		if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mount := func(script string) *exec.Cmd {
		return exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", `mount --bind "$1" "$2" && `+script, "sh", host, name, os.Args[0])
	}
	if err := mount("true").Run(); err != nil {
		t.Skipf("can't mount a file here: %v", err)
	}
	cmd := mount(`exec "$3" -test.run '^TestMountedFile$'`)
	cmd.Env = append(os.Environ(), "CONVNET_TEST_CHECKS="+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v (%v), want one file", entries, err)
	}
}

// A new file has the permissions of the one it replaces.
func TestPermissions(t *testing.T) {
	name := filepath.Join(t.TempDir(), "model")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(name, func(io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(name); err != nil || after.Mode() != before.Mode() {
		t.Errorf("the mode is %v (%v), want %v", after.Mode(), err, before.Mode())
	}
}

// Where the mode of a file can't be changed, as on Windows' drives in WSL, files are written all the same.
func TestWithoutModes(t *testing.T) {
	testenv.NeedExec(t)
	inject := func(args ...string) *exec.Cmd {
		calls := []string{"-f", "-qq", "-o", os.DevNull, "-e", "trace=fchmod,fchmodat,utimensat", "-e", "inject=fchmod,fchmodat,utimensat:error=EPERM"}
		return exec.Command("strace", append(calls, args...)...)
	}
	name := os.Getenv("CONVNET_TEST_WRITES")
	if name == "" {
		if err := inject("true").Run(); err != nil {
			t.Skipf("can't make a system call fail here: %v", err)
		}
		name = filepath.Join(t.TempDir(), "model")
		if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := inject(os.Args[0], "-test.run", "^TestWithoutModes$")
		cmd.Env = append(os.Environ(), "CONVNET_TEST_WRITES="+name)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		if got := content(t, name); got != "new" {
			t.Errorf("the file holds %q, want %q", got, "new")
		}
		return
	}
	if err := os.Chmod(name, 0o600); err == nil {
		t.Fatal("Chmod works")
	}
	if err := Check(name); err != nil || content(t, name) != "old" {
		t.Errorf("Check: error %v and %q, want none and what was there", err, content(t, name))
	}
	err := Write(name, func(w io.Writer) error {
		_, err := io.WriteString(w, "new")
		return err
	})
	if err != nil {
		t.Errorf("Write: %v", err)
	}
}
