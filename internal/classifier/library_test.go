package classifier

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// fakeLibrary writes a file under a library's name.
func fakeLibrary(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("not a library\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// versioned is the library's file name with a version, as packages install it.
func versioned(version string) string {
	if runtime.GOOS == "darwin" {
		return "libonnxruntime." + version + ".dylib"
	}
	return "libonnxruntime.so." + version
}

// nowhere hides the libraries of this machine from the variables that lead to them.
func nowhere(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no versioned names there")
	}
	dir := t.TempDir()
	for _, v := range []string{LibraryVariable, "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH",
		"VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT"} {
		t.Setenv(v, "")
	}
	t.Setenv("HOME", dir)
	t.Chdir(dir)
	return dir
}

// TestFindLibraryNamed: a library that is named is the one, or an error.
func TestFindLibraryNamed(t *testing.T) {
	dir := nowhere(t)
	file := fakeLibrary(t, filepath.Join(dir, "a", libraryName()))
	other := fakeLibrary(t, filepath.Join(dir, "b", versioned("1.29.0")))
	odd := fakeLibrary(t, filepath.Join(dir, "b", "anything.bin"))
	for _, c := range []struct{ explicit, variable, want, where string }{
		{file, "", file, "the path given"},
		{filepath.Dir(file), "", file, "the path given"},
		{odd, "", odd, "the path given"},
		{file, other, file, "the path given"},
		{"", other, other, "the environment variable OODFLOW_ONNXRUNTIME"},
		{"", filepath.Dir(other), other, "the environment variable OODFLOW_ONNXRUNTIME"},
		{filepath.Join("a", libraryName()), "", file, "the path given"},
	} {
		t.Setenv(LibraryVariable, c.variable)
		lib, err := FindLibrary(c.explicit)
		if err != nil || lib.Path != c.want || lib.Where != c.where {
			t.Errorf("%q, variable %q: %+v, %v; want %s", c.explicit, c.variable, lib, err, c.want)
		}
	}
	for _, c := range []struct{ explicit, variable, message string }{
		{filepath.Join(dir, "none"), "", "the path given"},
		{"", filepath.Join(dir, "none"), LibraryVariable},
		{dir, "", "it holds no libonnxruntime"},
	} {
		t.Setenv(LibraryVariable, c.variable)
		_, err := FindLibrary(c.explicit)
		if err == nil || errors.Is(err, ErrNoLibrary) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%q, variable %q: error %v, want %q", c.explicit, c.variable, err, c.message)
		}
	}
}

// TestFindLibraryPlaces: each place is searched, in order, and the newest file of a folder is taken.
func TestFindLibraryPlaces(t *testing.T) {
	dir := nowhere(t)
	if lib, err := FindLibrary(""); err == nil {
		t.Skipf("this machine has %s, which would be found first", lib.Path)
	}
	find := func(want, where string) {
		t.Helper()
		lib, err := FindLibrary("")
		if err != nil || lib.Path != want || !strings.Contains(lib.Where, where) {
			t.Errorf("found %+v, %v; want %s", lib, err, want)
		}
	}
	python := "lib/python3.12/site-packages/onnxruntime/capi"
	find(fakeLibrary(t, filepath.Join(dir, ".pyenv/versions/3.11.7/lib/python3.11/site-packages/onnxruntime/capi", versioned("1.26.0"))), "Python")
	find(fakeLibrary(t, filepath.Join(dir, ".local", python, versioned("1.26.1"))), "Python")
	t.Setenv("CONDA_PREFIX", filepath.Join(dir, "conda [x]"))
	find(fakeLibrary(t, filepath.Join(dir, "conda [x]", python, versioned("1.26.2"))), "Python")
	t.Setenv("VIRTUAL_ENV", filepath.Join(dir, "venv"))
	find(fakeLibrary(t, filepath.Join(dir, "venv", python, versioned("1.26.3"))), "Python")

	folder := filepath.Join(dir, "libs")
	t.Setenv("LD_LIBRARY_PATH", "relative:"+folder)
	old := fakeLibrary(t, filepath.Join(folder, versioned("1.9.1")))
	find(filepath.Join(dir, "venv", python, versioned("1.26.3")), "Python") // a library too old is passed over
	if err := checkVersion(Library{Path: old, Version: fileVersion(old)}); err == nil || !strings.Contains(err.Error(), "ONNX Runtime 1.9.1") || !strings.Contains(err.Error(), "1.24 or newer") {
		t.Errorf("an old library: error %v", err)
	}
	fakeLibrary(t, filepath.Join(folder, versioned("1.24.0")))
	find(fakeLibrary(t, filepath.Join(folder, versioned("1.25.3"))), "LD_LIBRARY_PATH")
	find(fakeLibrary(t, filepath.Join(folder, libraryName())), "LD_LIBRARY_PATH")

	// A set-up folder counts in a checkout of this module only.
	setup := fakeLibrary(t, filepath.Join(dir, "checkout", ".setup", "onnxruntime", versioned("1.30.0")))
	inner := filepath.Join(dir, "checkout", "cmd", "x")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(inner)
	find(filepath.Join(folder, libraryName()), "LD_LIBRARY_PATH")
	module := filepath.Join(dir, "checkout", "go.mod")
	for _, c := range []struct{ text, want, where string }{
		{"module example.com/other\n", filepath.Join(folder, libraryName()), "LD_LIBRARY_PATH"},
		{"// ours\nmodule github.com/oodflow/oodflow\n", setup, "set-up folder"},
	} {
		if err := os.WriteFile(module, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		find(c.want, c.where)
	}
}

// TestNoLibrary: nothing found says how to get one.
func TestNoLibrary(t *testing.T) {
	nowhere(t)
	_, err := FindLibrary("")
	if err == nil {
		t.Skip("this machine has one")
	}
	if !errors.Is(err, ErrNoLibrary) || !strings.Contains(err.Error(), "pip install onnxruntime") || !strings.Contains(err.Error(), LibraryVariable) {
		t.Errorf("error %v", err)
	}
}

// TestUnloadable: a library that was asked for and does not load is an error; one that was found is a warning
// and the pure Go engine.
func TestUnloadable(t *testing.T) {
	if libraryLoaded() { // by another test; this one needs a process that has none
		out, err := exec.Command(os.Args[0], "-test.run=^TestUnloadable$", "-test.v").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- ") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	here, err := filepath.Abs("testdata/plain.onnx")
	if err != nil {
		t.Fatal(err)
	}
	dir := nowhere(t)
	if !haveRuntime {
		if _, err := Open(here, Options{Engine: EngineRuntime}); !errors.Is(err, errNoCgo) {
			t.Errorf("error %v", err)
		}
		t.Setenv(LibraryVariable, dir) // somebody else's setting
		mustOpen(t, here, Options{})
		if _, err := Open(here, Options{Library: dir}); !errors.Is(err, errNoCgo) {
			t.Errorf("error %v", err)
		}
		return
	}
	bad := fakeLibrary(t, filepath.Join(dir, "libs", versioned("1.30.0")))
	for _, opt := range []Options{{Library: bad}, {Library: bad, Engine: EngineRuntime}} {
		if _, err := Open(here, opt); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%+v: error %v", opt, err)
		}
	}
	mustOpen(t, here, Options{Library: bad, Engine: EnginePure})
	t.Setenv(LibraryVariable, bad)
	if _, err := Open(here, Options{}); err == nil || !strings.Contains(err.Error(), LibraryVariable) {
		t.Errorf("error %v", err)
	}
	t.Setenv(LibraryVariable, "")
	t.Setenv("LD_LIBRARY_PATH", filepath.Dir(bad))
	if lib, err := FindLibrary(""); err != nil || lib.Path != bad {
		t.Skipf("this machine has %s", lib.Path)
	}
	c := mustOpen(t, here, Options{})
	info := c.Info()
	if info.Engine != EnginePure || len(info.Warnings) != 1 || !strings.Contains(info.Warnings[0], bad) {
		t.Errorf("engine %s, warnings %q", info.Engine, info.Warnings)
	}
}

// TestEngineNames: only the engines there are.
func TestEngineNames(t *testing.T) {
	if _, err := Open("testdata/plain.onnx", Options{Engine: "tpu"}); err == nil || !strings.Contains(err.Error(), `no engine is called "tpu"`) {
		t.Errorf("error %v", err)
	}
}

// TestVersion: a library's version is read without loading it.
func TestVersion(t *testing.T) {
	needEngine(t, EngineRuntime)
	found, err := FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := found.Load()
	if err != nil {
		t.Fatal(err)
	}
	if found.Version != "" && found.Version != loaded.Version {
		t.Errorf("version %s, the library itself says %s", found.Version, loaded.Version)
	}
	if runtime.GOOS == "linux" && found.Version == "" {
		t.Errorf("no version read from %s", found.Path)
	}
}

func TestCompareVersions(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"1.9", "1.24", -1}, {"1.24.0", "1.24", 0}, {"1.30.1", "1.30", 1}, {"2.0", "1.99.9", 1}, {"", "1.0", -1}} {
		if got := compareVersions(c.a, c.b); got != c.want {
			t.Errorf("%q against %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
