//go:build (linux || darwin) && (amd64 || arm64) && !android && !ios && !static

package blas

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// native tells whether this build can open shared libraries. The build tag static leaves that out, as a binary that
// can is bound to the system's C library.
const native = true

// open loads a shared library: a file's path, or a plain name that the system looks up. The error is errAbsent where
// there is no such file, and not where a library that it needs is missing.
func open(name string) (uintptr, error) {
	// The system keeps the reason of a failure for the thread alone.
	runtime.LockOSThread()
	handle, err := purego.Dlopen(name, purego.RTLD_LAZY|purego.RTLD_LOCAL)
	runtime.UnlockOSThread()
	if err == nil {
		return handle, nil
	}
	message, named := strings.CutPrefix(err.Error(), name+": ") // so begin glibc's
	if named && strings.Contains(message, "No such file") || runtime.GOOS == "darwin" && strings.Contains(message, "no such file") {
		return 0, errAbsent
	}
	return 0, errors.New(message)
}

// symbol returns the address of a function of the library, or 0.
func symbol(handle uintptr, name string) uintptr {
	address, err := purego.Dlsym(handle, name)
	if err != nil {
		return 0
	}
	return address
}

// call calls the function at the address with whole numbers and pointers that fit a register each. What the
// pointers point at must not be on a goroutine's stack, and must be kept alive by the caller.
func call(address uintptr, args ...uintptr) {
	purego.SyscallN(address, args...)
}

var schedYield = sync.OnceValue(func() uintptr { return symbol(purego.RTLD_DEFAULT, "sched_yield") })

// yieldThread lets the system run another thread on this core.
func yieldThread() {
	if f := schedYield(); f != 0 {
		call(f)
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
	dladdr, err := purego.Dlsym(purego.RTLD_DEFAULT, "dladdr")
	if err != nil {
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
