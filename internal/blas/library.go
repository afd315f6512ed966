package blas

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/oodflow/oodflow/internal/dl"
)

// library is an opened BLAS library that computes on the goroutine that calls it.
type library struct {
	single routines[float32]
	double routines[float64]
	choice Choice
}

// variants are the ways in which builds decorate the names of their functions: as they are; for 64-bit integers; and
// both with the prefix of the builds that come with NumPy and SciPy.
var variants = []struct{ prefix, suffix string }{{"", ""}, {"", "64_"}, {"scipy_", ""}, {"scipy_", "64_"}}

// load opens a library and readies it. It does not compute with it yet: see [library.prove].
func load(c candidate) (*library, error) {
	var handle uintptr
	var err error
	// OpenBLAS starts its threads while it is opened, unless it is told to have none; OpenMP's has to be told for all
	// of the threads that call it.
	withVariable("OPENBLAS_NUM_THREADS", "1", func() {
		withVariable("OMP_NUM_THREADS", "1", func() { handle, err = dl.Open(c.name) })
	})
	if err != nil {
		return nil, err
	}
	for _, v := range variants {
		find := func(name string) uintptr { return dl.Symbol(handle, v.prefix+name+v.suffix) }
		if find("sgemm_") == 0 {
			continue
		}
		l := &library{}
		for _, r := range []struct {
			name    string
			address *uintptr
		}{
			{"sgemm_", &l.single.gemm}, {"ssyrk_", &l.single.syrk}, {"strsm_", &l.single.trsm}, {"strmm_", &l.single.trmm},
			{"dgemm_", &l.double.gemm}, {"dsyrk_", &l.double.syrk}, {"dtrsm_", &l.double.trsm}, {"dtrmm_", &l.double.trmm},
		} {
			if *r.address = find(r.name); *r.address == 0 {
				return nil, fmt.Errorf("it has no function %s", r.name)
			}
		}
		l.double.syevd = find("dsyevd_")
		l.choice = Choice{Name: "BLAS", Library: fileOf(l.single.gemm), Where: c.where}
		if l.choice.Library == "" {
			l.choice.Library = c.name
		}
		return l, l.ready(find)
	}
	return nil, errors.New("it has no function sgemm_, so it is no BLAS")
}

// ready finds out which library it is and makes it compute on the goroutine that calls it.
func (l *library) ready(find func(string) uintptr) error {
	l.choice.Threads = threads("")
	switch {
	case find("openblas_get_config") != 0:
		l.readyOpenBLAS(find)
	case find("MKL_Get_Version_String") != 0:
		return l.readyMKL(find)
	case find("bli_info_get_version_str") != 0:
		l.choice.Name, l.choice.Version = "BLIS", stringOf(find("bli_info_get_version_str"))
		l.choice.Threads = threads("BLIS_NUM_THREADS")
		if set := find("bli_thread_set_num_threads"); set != 0 {
			dl.Call(set, 1)
		}
	case strings.HasPrefix(l.choice.Library, accelerate), strings.Contains(l.choice.Library, "/vecLib.framework/"):
		// It shares matrix units between cores and knows best how.
		l.choice.Name, l.choice.Threads = "Accelerate", 0
	}
	return nil
}

// readyOpenBLAS reads the version and the processor whose kernels were taken. Only builds with threads of their own
// guard what calls share: those without may be built to, and those with OpenMP's mix up concurrent calls.
func (l *library) readyOpenBLAS(find func(string) uintptr) {
	config := stringOf(find("openblas_get_config"))
	l.choice.Name = "OpenBLAS"
	if words := strings.Fields(config); len(words) > 1 && words[0] == "OpenBLAS" {
		l.choice.Version = words[1]
	}
	if core := stringOf(find("openblas_get_corename")); core != "" {
		l.choice.Version += ", " + core
	}
	l.choice.Threads = threads("OPENBLAS_NUM_THREADS")
	if set := find("openblas_set_num_threads"); set != 0 {
		dl.Call(set, 1)
	}
	const sequential, openMP = 0, 2
	if parallel := find("openblas_get_parallel"); parallel != 0 {
		kind := numberOf(parallel)
		if kind == openMP || kind == sequential && !strings.Contains(config, "USE_LOCKING") {
			l.single.lock = new(sync.Mutex)
			l.double.lock = l.single.lock
		}
	}
	if l.oneAtATime() && l.choice.Threads > 1 {
		l.choice.Threads = 1
		l.choice.Warnings = append(l.choice.Warnings, fmt.Sprintf(
			"%s is a build of OpenBLAS that computes on one core here: one built with threads, but not OpenMP's, uses all", l.choice.Library))
	}
}

// oneAtATime tells whether calls have to queue.
func (l *library) oneAtATime() bool { return l.single.lock != nil }

// readyMKL takes MKL's sequential layer, which needs no OpenMP runtime. MKL ends the process when it does not find its
// other files, so they are looked for before the first call.
func (l *library) readyMKL(find func(string) uintptr) error {
	folder := filepath.Dir(l.choice.Library)
	if len(glob(filepath.Join(escapeGlob(folder), "libmkl_core*"))) == 0 {
		return fmt.Errorf("libmkl_core, which it needs, does not lie beside it in %s", folder)
	}
	const sequential = 1
	if set := find("MKL_Set_Threading_Layer"); set != 0 {
		dl.Call(set, sequential)
	}
	if set := find("MKL_Set_Num_Threads"); set != 0 {
		dl.Call(set, 1)
	}
	l.choice.Name, l.choice.Version = "Intel MKL", mklVersion(textInto(find("MKL_Get_Version_String")))
	l.choice.Threads = threads("MKL_NUM_THREADS")
	return nil
}

// mklVersion takes the version out of "Intel(R) oneAPI Math Kernel Library Version 2023.1-Product Build 20230303 for ...".
func mklVersion(s string) string {
	_, after, _ := strings.Cut(s, "Version ")
	version, _, _ := strings.Cut(after, "Product")
	return strings.TrimRight(version, " -")
}

// implementation computes with the library.
func (l *library) implementation() Implementation {
	return Implementation{lib: l, parts: max(1, l.choice.Threads)}
}
