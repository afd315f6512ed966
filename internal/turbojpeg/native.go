//go:build (linux || darwin) && (amd64 || arm64) && !android && !ios && !static

package turbojpeg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// load opens a shared library.
func load(name string) (*Library, error) {
	// The system keeps the reason of a failure for the thread alone.
	runtime.LockOSThread()
	handle, err := purego.Dlopen(name, purego.RTLD_LAZY|purego.RTLD_LOCAL)
	runtime.UnlockOSThread()
	if err != nil {
		if strings.ContainsRune(name, '/') {
			if _, missing := os.Stat(name); missing != nil {
				return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
			}
		} else if strings.Contains(err.Error(), "o such file") {
			return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
		}
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	l := &Library{Path: name}
	for _, f := range []struct {
		name string
		to   *uintptr
	}{{"tjInitDecompress", &l.begin}, {"tjDestroy", &l.end}, {"tjDecompress2", &l.decompress}} {
		if *f.to, err = purego.Dlsym(handle, f.name); err != nil {
			return nil, fmt.Errorf("%s has no function %s", name, f.name)
		}
	}
	return l, nil
}

func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func call(function uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(function, args...)
	return r
}

// decompress calls tjDecompress2. The slices are on the heap, whose objects stay where they are.
func (d *Decoder) decompress(file, dst []byte, w, h int) int32 {
	d.args = [9]uintptr{
		d.handle, uintptr(unsafe.Pointer(&file[0])), uintptr(len(file)),
		uintptr(unsafe.Pointer(&dst[0])), uintptr(w), uintptr(3 * w), uintptr(h), format, flags,
	}
	r := call(d.library.decompress, d.args[:]...)
	runtime.KeepAlive(file)
	runtime.KeepAlive(dst)
	return int32(r)
}
