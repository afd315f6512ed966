package blas

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/oodflow/oodflow/internal/dl"
)

// Variable is the environment variable that overrides the choice: a name or the path of a library.
const Variable = "OODFLOW_BLAS"

func environment() string { return strings.TrimSpace(os.Getenv(Variable)) }

// kind is a library that can be asked for by name.
type kind struct {
	name, title string
	candidates  func() []candidate
}

// kinds are in the order in which they are tried: what is known to be fast first.
func kinds() []kind {
	return []kind{
		{"accelerate", "Apple Accelerate", accelerateCandidates},
		{"openblas", "OpenBLAS", openblasCandidates},
		{"mkl", "Intel MKL", mklCandidates},
		{"blis", "BLIS", blisCandidates},
	}
}

// pick finds the library that the override asks for, or, where it is empty, the first one that computes correctly,
// and gonum if there is none.
func pick(override string) (picked, error) {
	switch {
	case override == "gonum":
		return builtin(), nil
	case override == "":
		return pickBest(kinds()), nil
	case !dl.Native:
		return picked{}, fmt.Errorf("%s=%s: this program, for %s/%s, cannot open libraries; set %s to gonum, or unset it",
			Variable, override, runtime.GOOS, runtime.GOARCH, Variable)
	}
	var names []string
	for _, k := range kinds() {
		if k.name == override {
			return pickNamed(k)
		}
		names = append(names, k.name)
	}
	if !strings.ContainsAny(override, `/\.`) {
		return picked{}, fmt.Errorf("%s=%s: choose one of gonum, %s, or give the path of a library",
			Variable, override, strings.Join(names, ", "))
	}
	return pickFile(override)
}

// pickBest takes the first of the kinds that there is. Its choice carries as warnings what was found and refused.
func pickBest(kinds []kind) picked {
	var warnings []string
	if dl.Native {
		for _, k := range kinds {
			p, failed := first(k.candidates())
			for _, f := range failed {
				if f.present() {
					warnings = append(warnings, f.Error()+", so it is not used")
				}
			}
			if p != nil {
				p.choice.Warnings = append(warnings, p.choice.Warnings...)
				return *p
			}
		}
	}
	p := builtin()
	p.choice.Warnings = warnings
	return p
}

func pickNamed(k kind) (picked, error) {
	p, failed := first(k.candidates())
	if p != nil {
		return *p, nil
	}
	if len(failed) == 0 {
		return picked{}, fmt.Errorf("%s=%s: there is no %s for %s/%s; unset %s", Variable, k.name, k.title, runtime.GOOS, runtime.GOARCH, Variable)
	}
	var tried []string
	for _, f := range failed {
		tried = append(tried, "  "+f.Error())
	}
	return picked{}, fmt.Errorf("%s=%s: no %s that works was found; install one, set %s to the path of its library, or unset it; tried\n%s",
		Variable, k.name, k.title, Variable, strings.Join(tried, "\n"))
}

func pickFile(path string) (picked, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder")
	}
	if err != nil {
		return picked{}, fmt.Errorf("%s=%s is no library: %w", Variable, path, err)
	}
	// A name without a slash would be looked up in the system: the file meant is this one.
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	p, failed := first([]candidate{{path, "the environment variable " + Variable}})
	if p == nil {
		return picked{}, fmt.Errorf("%s: %w", Variable, failed[0])
	}
	return *p, nil
}

// failure is a candidate that is not there, or cannot be used.
type failure struct {
	candidate
	err error
}

func (f failure) Error() string { return fmt.Sprintf("%s: %v", f.name, f.err) }
func (f failure) Unwrap() error { return f.err }

// present tells whether there is such a library at all.
func (f failure) present() bool { return !errors.Is(f.err, dl.ErrAbsent) }

// first returns the first candidate that opens and computes correctly, or nil, and those that fail. A library that
// takes one call at a time waits until the others have been tried.
func first(candidates []candidate) (*picked, []failure) {
	var failed []failure
	var spare *picked
	for _, c := range candidates {
		l, err := load(c)
		if err == nil {
			err = l.prove()
		}
		if err != nil {
			failed = append(failed, failure{c, err})
			continue
		}
		p := &picked{l.choice, l.implementation()}
		if !l.oneAtATime() || threads("") == 1 {
			return p, failed
		}
		if spare == nil {
			spare = p
		}
	}
	return spare, failed
}

const maxThreads = 64

// threads is the number of goroutines for large products: as many as Go has processors, or fewer where the library's
// own variable or OpenMP's says so. Usual builds of OpenBLAS have room for little more than maxThreads calls at a time.
func threads(variable string) int {
	n := min(maxThreads, runtime.GOMAXPROCS(0))
	for _, v := range []string{variable, "OMP_NUM_THREADS"} {
		if limit, err := strconv.Atoi(os.Getenv(v)); err == nil && limit > 0 {
			return min(n, limit)
		}
	}
	return n
}
