//go:build (linux || darwin) && (amd64 || arm64) && !android && !ios && !static

package blas

import (
	"os"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/oodflow/oodflow/internal/dl"
)

var schedYield = sync.OnceValue(func() uintptr { return dl.Symbol(purego.RTLD_DEFAULT, "sched_yield") })

// yieldThread lets the system run another thread on this core.
func yieldThread() {
	if f := schedYield(); f != 0 {
		dl.Call(f)
	}
}

// stringOf calls a function that returns a C string.
func stringOf(address uintptr) string {
	if address == 0 {
		return ""
	}
	var f func() string
	purego.RegisterFunc(&f, address)
	return f()
}

// numberOf calls a function that returns an int.
func numberOf(address uintptr) int {
	var f func() int32
	purego.RegisterFunc(&f, address)
	return int(f())
}

// textInto calls a function that writes a C string into a buffer of the given length.
func textInto(address uintptr) string {
	var f func(buf *byte, n int32)
	purego.RegisterFunc(&f, address)
	buf := make([]byte, 256)
	f(&buf[0], int32(len(buf)))
	return text(&buf[0], len(buf))
}

// fileOf is the path of the library file that holds the address, or "".
func fileOf(address uintptr) string {
	dladdr := dl.Symbol(purego.RTLD_DEFAULT, "dladdr")
	if dladdr == 0 {
		return ""
	}
	var f func(address uintptr, info unsafe.Pointer) int32
	purego.RegisterFunc(&f, dladdr)
	info := new(struct { // Dl_info of dlfcn.h
		file   *byte
		base   uintptr
		symbol *byte
		at     uintptr
	})
	if f(address, unsafe.Pointer(info)) == 0 || info.file == nil {
		return ""
	}
	return text(info.file, 4096)
}

// text is the C string at p, of at most n bytes.
func text(p *byte, n int) string {
	b := unsafe.Slice(p, n)[:0]
	for len(b) < n && *(*byte)(unsafe.Add(unsafe.Pointer(p), len(b))) != 0 {
		b = b[:len(b)+1]
	}
	return string(b)
}

// withVariable runs f with an environment variable set, for C code that f loads and that reads it.
func withVariable(name, value string, f func()) {
	old, had := os.LookupEnv(name)
	if os.Setenv(name, value) == nil {
		defer func() {
			if had {
				os.Setenv(name, old)
			} else {
				os.Unsetenv(name)
			}
		}()
	}
	f()
}
