// Package blas picks the fastest linear algebra that the machine offers and lets gonum, and through it this
// program, use it.
//
// OpenBLAS, Apple's Accelerate, Intel MKL or BLIS are opened at run time, without cgo and without headers; gonum's
// pure Go serves where there is none of them. A library computes on the goroutine that calls it. Large products are
// split between goroutines here rather than by the library, whose waiting threads would take the cores from Go's own
// passes: the number of threads then follows GOMAXPROCS, and calls from several goroutines never queue.
//
// Where the library has LAPACK, too, gonum takes the eigenvalues of symmetric matrices from it, on one core: with
// OpenBLAS more than fifty times as fast for matrices of 512 rows and more (BenchmarkEigen).
//
// The environment variable OODFLOW_BLAS overrides the choice: gonum, openblas, mkl, accelerate, blis, or the path of
// a library. Products agree with gonum's up to rounding. The same product on the same machine, library and number of
// threads gives the same bits every time, however busy the machine is.
package blas

import (
	"runtime/debug"
	"sync"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// Choice is the BLAS in use, in words for people and for records.
type Choice struct {
	Name     string   // "OpenBLAS", "Intel MKL", "Accelerate", "BLIS", "gonum", or "BLAS" for another library
	Version  string   // as the library tells it, with the kernels that it took: "0.3.21, Zen"; "" when it does not tell
	Library  string   // path of the library's file; "" for gonum
	Where    string   // how it was found: "the system's library path", "built in", ...
	Threads  int      // goroutines that a large product is split between; 0 when the library decides
	Warnings []string // libraries that were found and refused, each with the reason
}

// String is the name with the version, as in "OpenBLAS 0.3.21, Zen".
func (c Choice) String() string {
	if c.Version == "" {
		return c.Name
	}
	return c.Name + " " + c.Version
}

// Use picks the BLAS, installs it in gonum (blas32, blas64 and lapack64) and tells what was picked. The first call
// opens the library, which takes milliseconds; later calls return what the first one returned. Call it before products
// are computed, not while: gonum's own variables are not guarded.
//
// The error says what was tried for an override that cannot be had; gonum then stays in place, and is the choice.
func Use() (Choice, error) {
	p, err := install()
	return p.choice, err
}

// Split is the implementation that [Use] installed: it splits large products between goroutines. Besides gonum's
// interfaces for float32 and float64 it has those for complex numbers, which gorgonia.Use and tensor.Use ask for.
// It calls Use where nobody has, and is gonum's own after an error.
func Split() Implementation {
	p, _ := install()
	return p.implementation
}

// Serial is like [Split], except that a product stays on the goroutine that asks for it: for callers that divide
// the work themselves, as in the parts of a [Parallel] call. With gonum the two are the same.
func Serial() Implementation {
	b := Split()
	b.parts = 1
	return b
}

// picked is a choice and what carries it out.
type picked struct {
	choice         Choice
	implementation Implementation
}

var install = sync.OnceValues(func() (picked, error) {
	p, err := pick(environment())
	if err != nil {
		return builtin(), err
	}
	blas32.Use(p.implementation)
	blas64.Use(p.implementation)
	lapack64.Use(eigensolver{lib: p.implementation.lib})
	return p, nil
})

// builtin is gonum's own implementation.
func builtin() picked {
	return picked{choice: Choice{Name: "gonum", Version: gonumVersion(), Where: "built in", Threads: threads("")}}
}

// gonumVersion is the version of gonum that was linked, or "" when the build does not tell.
func gonumVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == "gonum.org/v1/gonum" {
			if m.Replace != nil {
				m = m.Replace
			}
			return m.Version
		}
	}
	return ""
}
