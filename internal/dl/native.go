//go:build (linux || darwin) && (amd64 || arm64) && !android && !ios && !static

package dl

import (
	"runtime"

	"github.com/ebitengine/purego"
)

// Native tells whether this build can open shared libraries. The build tag static leaves that out, as a binary that
// can is bound to the system's C library.
const Native = true

// Open loads a shared library: a file's path, or a plain name that the system looks up. The error is [ErrAbsent]
// where there is no such file, and says else what is wrong with it, without its name.
func Open(name string) (uintptr, error) {
	// The system keeps the reason of a failure for the thread alone.
	runtime.LockOSThread()
	handle, err := purego.Dlopen(name, purego.RTLD_LAZY|purego.RTLD_LOCAL)
	runtime.UnlockOSThread()
	if err != nil {
		return 0, reason(name, err.Error())
	}
	return handle, nil
}

// Symbol returns the address of a function of the library, or 0.
func Symbol(handle uintptr, name string) uintptr {
	address, err := purego.Dlsym(handle, name)
	if err != nil {
		return 0
	}
	return address
}

// Call calls the function at the address with whole numbers and pointers that fit a register each, and returns such a
// one. What the pointers point at must not be on a goroutine's stack, and must be kept alive by the caller.
func Call(address uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(address, args...)
	return r
}
