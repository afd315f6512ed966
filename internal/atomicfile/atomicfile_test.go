package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// only fails the test unless the folder holds exactly the given names.
func only(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("folder holds %q, want %q", got, names)
	}
}

func put(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func TestNothingUnderTheNameBeforeClose(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadFrom(strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 || !strings.HasPrefix(entries[0].Name(), ".out.tmp-") {
		t.Errorf("before Close the folder holds %v", entries)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	only(t, dir, "out")
	if got := content(t, path); got != "whole" {
		t.Errorf("content %q", got)
	}
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if err := f.Abort(); err != nil {
		t.Errorf("Abort after Close: %v", err)
	}
	only(t, dir, "out")
}

func TestFailureKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	if err := Write(path, put("old")); err != nil {
		t.Fatal(err)
	}
	err := Write(path, func(w io.Writer) error {
		put("half")(w)
		return errors.New("the sky fell")
	})
	if err == nil || err.Error() != "write "+path+": the sky fell" {
		t.Errorf("error %v", err)
	}
	if got := content(t, path); got != "old" {
		t.Errorf("content %q", got)
	}
	only(t, dir, "out")

	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	put("half")(f)
	if err := errors.Join(f.Abort(), f.Abort()); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err == nil {
		t.Error("Close after Abort succeeded")
	}
	if _, err := f.Write([]byte("x")); err == nil {
		t.Error("Write after Abort succeeded")
	}
	only(t, dir, "out")
}

// A caller that overlooks a failed write does not replace the old file with half a one.
func TestFailedWriteIsRemembered(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	if err := Write(path, put("old")); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	put("half")(f)
	f.fail(syscall.ENOSPC) // as a write on a full disk does
	if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close: %v", err)
	}
	if got := content(t, path); got != "old" {
		t.Errorf("content %q", got)
	}
	only(t, dir, "out")
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits")
	}
	dir := t.TempDir()
	plain, ours := filepath.Join(dir, "plain"), filepath.Join(dir, "ours")
	f, err := os.Create(plain)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	mode := func(path string) fs.FileMode {
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return st.Mode()
	}
	if err := Write(ours, put("x")); err != nil {
		t.Fatal(err)
	}
	if mode(ours) != mode(plain) {
		t.Errorf("a new file has %v, os.Create gives %v", mode(ours), mode(plain))
	}
	for _, m := range []fs.FileMode{0o600, 0o666, 0o440} {
		if err := os.Chmod(ours, m); err != nil {
			t.Fatal(err)
		}
		if err := Write(ours, put("y")); err != nil {
			t.Fatal(err)
		}
		if mode(ours) != m {
			t.Errorf("replacing a file of %v made it %v", m, mode(ours))
		}
	}
}

func TestSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	if err := os.Mkdir(store, 0o777); err != nil {
		t.Fatal(err)
	}
	link, second := filepath.Join(dir, "link"), filepath.Join(dir, "second")
	if err := os.Symlink(filepath.Join("store", "data"), link); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("link", second); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"dangling", "existing"} {
		if err := Write(second, put(text)); err != nil {
			t.Fatal(err)
		}
		if got := content(t, filepath.Join(store, "data")); got != text {
			t.Errorf("target holds %q, want %q", got, text)
		}
	}
	if to, err := os.Readlink(link); err != nil || to != filepath.Join("store", "data") {
		t.Errorf("the link now is %q, %v", to, err)
	}
	only(t, store, "data")
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(loop); err == nil {
		t.Error("a link to itself was followed")
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "none", "out"), filepath.Join(dir, "none") + "/", ""} {
		_, err := Create(path)
		if named := (*Error)(nil); !errors.As(err, &named) || named.Path != path || strings.Contains(err.Error(), ".tmp-") {
			t.Errorf("Create(%q): %v", path, err)
		}
	}
	only(t, dir)
}

func TestLongName(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("é", 125)) // 250 bytes, of 255
	if err := Write(path, put("x")); err != nil {
		t.Fatal(err)
	}
}

// The kernel's always-full device stands for a full disk.
func TestFullDisk(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip(err)
	}
	err := Write(full, put("x"))
	if !errors.Is(err, syscall.ENOSPC) || err.Error() != "write /dev/full: no space left on device" {
		t.Errorf("error %v", err)
	}
	f, err := Create(full)
	if err != nil {
		t.Fatal(err)
	}
	put("x")(f) // a caller that does not look
	if err := f.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close after a failed write: %v", err)
	}
}

func TestPipeIsWrittenDirectly(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	path := filepath.Join("/proc/self/fd", strconv.Itoa(int(w.Fd())))
	if _, err := os.Stat(path); err != nil {
		t.Skip(err)
	}
	if err := Write(path, put("through")); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != "through" {
		t.Errorf("the pipe gave %q, %v", b, err)
	}
}

// Output for /dev/stdout continues where the stream stands, even when the shell sent it to a file.
func TestStandardOutput(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "redirected"))
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = stdout }()
	io.WriteString(os.Stdout, "one ")
	if err := Write("/dev/stdout", put("two ")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(os.Stdout, "three"); err != nil {
		t.Fatalf("stdout was closed: %v", err)
	}
	if got := content(t, file.Name()); got != "one two three" {
		t.Errorf("stdout holds %q", got)
	}
}

func TestPlace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	if err := Write(path, put("old")); err != nil {
		t.Fatal(err)
	}
	part, err := os.Create(path + ".part")
	if err == nil {
		err = errors.Join(put("new")(part), Place(part, path))
	}
	if err != nil {
		t.Fatal(err)
	}
	only(t, dir, "out")
	if got := content(t, path); got != "new" {
		t.Errorf("content %q", got)
	}
	if _, err := part.Write([]byte("x")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the file is still open: %v", err)
	}
	part, err = os.Create(path + ".part")
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	target := filepath.Join(dir, "none", "out")
	if err := Place(part, target); err == nil || err.Error() != "write "+target+": no such file or directory" {
		t.Errorf("error %v", err)
	}
	only(t, dir, "out", "out.part")
}

func TestSpoolLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	f, err := Spool(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		only(t, dir) // already nameless
	}
	if _, err := io.WriteString(f, "scratch"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); err != nil || string(b) != "scratch" {
		t.Errorf("read back %q, %v", b, err)
	}
	f.Close()
	os.Remove(f.Name())
	only(t, dir)
}
