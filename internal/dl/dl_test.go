package dl

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReason: a library that is not there is told from one that does not load, as the systems' own words have it.
func TestReason(t *testing.T) {
	const absent = "not found"
	for _, c := range []struct{ name, message, want string }{
		{"libx.so.0", "libx.so.0: cannot open shared object file: No such file or directory", absent}, // glibc 2.36
		{"/a/libx.so", "/a/libx.so: cannot open shared object file: No such file or directory", absent},
		{"/a/libx.so", "/a/libx.so: invalid ELF header", "invalid ELF header"},
		{"libx.so", "liby.so: cannot open shared object file: No such file or directory", "liby.so: cannot open shared object file: No such file or directory"},
		{"libx.so.0", "Error loading shared library libx.so.0: No such file or directory", absent}, // musl 1.2
		{"/a/libx.so", "Error loading shared library /a/libx.so: Exec format error", "Exec format error"},
		{"/a/libx.so", "Error loading shared library liby.so: No such file or directory (needed by /a/libx.so)", "liby.so: No such file or directory (needed by /a/libx.so)"},
		{"libx.dylib", "dlopen(libx.dylib, 0x0001): tried: 'libx.dylib' (no such file), '/usr/lib/libx.dylib' (no such file, not in dyld cache)", absent}, // dyld of macOS 14
		{"libx.dylib", "dlopen(libx.dylib, 0x0001): Library not loaded: @rpath/liby.dylib\n  Reason: tried: '/a/liby.dylib' (no such file)", "Library not loaded: @rpath/liby.dylib"},
	} {
		err := reason(c.name, c.message)
		if !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrAbsent) != (c.want == absent) {
			t.Errorf("%s: %s: %v, want %s", c.name, c.message, err, c.want)
		}
	}
}

// TestOpen: so it is on the system at hand.
func TestOpen(t *testing.T) {
	if !Native {
		t.Skip("this build opens no libraries")
	}
	dir := t.TempDir()
	text := filepath.Join(dir, "libtext.so")
	if err := os.WriteFile(text, []byte("no library\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, absent := range map[string]bool{"libdl-that-is-nowhere.so": true, filepath.Join(dir, "none.so"): true, text: false} {
		if handle, err := Open(name); handle != 0 || err == nil || errors.Is(err, ErrAbsent) != absent {
			t.Errorf("%s: handle %d, error %v", name, handle, err)
		}
	}
}

// TestCall calls a function of the system's C library.
func TestCall(t *testing.T) {
	for _, name := range []string{"libc.so.6", "/usr/lib/libSystem.B.dylib"} {
		handle, err := Open(name)
		if err != nil {
			continue
		}
		toupper := Symbol(handle, "toupper")
		if toupper == 0 || Call(toupper, 'a') != 'A' {
			t.Errorf("%s: toupper, at %#x, does not work", name, toupper)
		}
		if none := Symbol(handle, "there_is_no_such_function"); none != 0 {
			t.Errorf("%s: a function that is not there is at %#x", name, none)
		}
		return
	}
	t.Skip("no C library opens")
}
