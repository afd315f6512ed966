package blas

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/oodflow/oodflow/internal/dl"
)

// notALibrary is the path of a file that is none.
func notALibrary(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "libtext.so")
	if err := os.WriteFile(path, []byte("no library\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPickErrors(t *testing.T) {
	if !dl.Native {
		t.Skip("this build opens no libraries")
	}
	text := notALibrary(t)
	for override, want := range map[string][]string{
		"opneblas":                     {"OODFLOW_BLAS=opneblas: choose one of gonum,", "openblas", "mkl", "accelerate", "path of a library"},
		text:                           {Variable, text},
		filepath.Dir(text):             {Variable, "is no library", "it is a folder"},
		filepath.Join(text, "none"):    {Variable, "is no library"},
		"./libblas-that-is-nowhere.so": {Variable, "is no library", "no such file"},
	} {
		p, err := pick(override)
		if err == nil {
			t.Errorf("%s is picked: %v", override, p.choice)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: the error %q does not say %q", override, err, w)
			}
		}
	}
}

// TestPickNamed: each name gives its library, or says what was tried and how to go on.
func TestPickNamed(t *testing.T) {
	titles := map[string]string{"accelerate": "Accelerate", "openblas": "OpenBLAS", "mkl": "Intel MKL", "blis": "BLIS"}
	for name, title := range titles {
		p, err := pick(name)
		switch {
		case err == nil && (p.choice.Name != title || p.choice.Library == "" || p.implementation.lib == nil):
			t.Errorf("%s gives %+v", name, p.choice)
		case err != nil && (!strings.Contains(err.Error(), Variable+"="+name) || !strings.Contains(err.Error(), "unset")):
			t.Errorf("%s: %v", name, err)
		}
		if dl.Native && runtime.GOOS == "linux" && name == "openblas" && err != nil && !strings.Contains(err.Error(), "libopenblas.so.0: not found") {
			t.Errorf("the error does not say what was tried: %v", err)
		}
	}
}

func TestPickGonum(t *testing.T) {
	p, err := pick("gonum")
	if err != nil || p.choice.Name != "gonum" || p.choice.Library != "" || p.choice.Threads < 1 || p.implementation.lib != nil {
		t.Errorf("%+v, %v", p.choice, err)
	}
}

// TestPickFile: a path gives that library, named after what it turns out to be.
func TestPickFile(t *testing.T) {
	want := libraries(t)[0].choice
	if want.Name == "Accelerate" {
		t.Skip("it is no file")
	}
	p, err := pick(want.Library)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.choice; got.Name != want.Name || got.Version != want.Version || !strings.Contains(got.Where, Variable) {
		t.Errorf("%s gives %+v, want %+v", want.Library, got, want)
	}
}

// TestFirst: what is not there or no library is passed over, and only the latter is worth a warning.
func TestFirst(t *testing.T) {
	if !dl.Native {
		t.Skip("this build opens no libraries")
	}
	text := notALibrary(t)
	bad := []candidate{{"libblas-that-is-nowhere.so", "nowhere"}, {text, "here"}}
	p, failed := first(bad)
	if p != nil || len(failed) != 2 {
		t.Fatalf("%v, %v", p, failed)
	}
	if failed[0].present() || !errors.Is(failed[0], dl.ErrAbsent) || !failed[1].present() {
		t.Errorf("present: %v, %v; want only the second", failed[0].present(), failed[1].present())
	}
	l := libraries(t)[0]
	p, failed = first(append(bad, candidate{l.choice.Library, "the end"}))
	if p == nil || p.choice.Where != "the end" || len(failed) != 2 {
		t.Errorf("%+v, %v", p, failed)
	}
}

// TestPickBest: the choice tells what was there and refused, and not what was not there.
func TestPickBest(t *testing.T) {
	if !dl.Native {
		t.Skip("this build opens no libraries")
	}
	text := notALibrary(t)
	bad := kind{"bad", "Bad", func() []candidate { return []candidate{{"libblas-that-is-nowhere.so", "nowhere"}, {text, "here"}} }}
	p := pickBest([]kind{bad})
	if p.choice.Name != "gonum" || len(p.choice.Warnings) != 1 || !strings.Contains(p.choice.Warnings[0], text) {
		t.Errorf("%+v", p.choice)
	}
	l := libraries(t)[0].choice
	good := kind{"good", "Good", func() []candidate { return []candidate{{l.Library, "here"}} }}
	p = pickBest([]kind{bad, good})
	if p.choice.Name != l.Name || len(p.choice.Warnings) != 1+len(l.Warnings) {
		t.Errorf("%+v", p.choice)
	}
}

func TestThreads(t *testing.T) {
	n := min(maxThreads, runtime.GOMAXPROCS(0))
	for _, c := range []struct {
		own, openMP string
		want        int
	}{{"", "", n}, {"1", "", 1}, {"", "1", 1}, {"1", "9999", 1}, {"9999", "1", n}, {"none", "1", 1}, {"0", "-1", n}} {
		t.Setenv("OODFLOW_TEST_THREADS", c.own)
		t.Setenv("OMP_NUM_THREADS", c.openMP)
		if got := threads("OODFLOW_TEST_THREADS"); got != c.want {
			t.Errorf("own variable %q, OpenMP's %q: %d threads, want %d", c.own, c.openMP, got, c.want)
		}
	}
}

func TestMKLVersion(t *testing.T) {
	for s, want := range map[string]string{
		"Intel(R) oneAPI Math Kernel Library Version 2023.1-Product Build 20230303 for Intel(R) 64 architecture applications": "2023.1",
		"Intel(R) Math Kernel Library Version 2020.0.4 Product Build 20200917 for Intel(R) 64 architecture applications":      "2020.0.4",
		"": "",
	} {
		if got := mklVersion(s); got != want {
			t.Errorf("%q has version %q, want %q", s, got, want)
		}
	}
}

// TestUse: gonum computes with the choice afterwards, and the choice stays.
func TestUse(t *testing.T) {
	c, err := Use()
	if err != nil {
		t.Fatal(err)
	}
	if blas32.Implementation() != Split() || blas64.Implementation() != Split() {
		t.Error("gonum does not use the implementation that was picked")
	}
	if again, err := Use(); err != nil || again.String() != c.String() || again.Threads != c.Threads {
		t.Errorf("the choice changes from %+v to %+v, %v", c, again, err)
	}
	if s := Serial(); s.lib != Split().lib || s.parts != 1 {
		t.Errorf("Serial is %+v", s)
	}
	if g := MeasureGFLOPS(time.Millisecond); !(g > 0.01 && g < 1e6) {
		t.Errorf("%v GFLOP/s", g)
	}
}
