// Package atomicfile owns how files are put on disk: written under a hidden temporary name beside the
// target, synced, and renamed only when complete, so that no reader ever sees half a file and a failed or
// interrupted run leaves the old file as it was.
//
// The temporary file of target NAME is called .NAME.tmp-RANDOM and lies in NAME's folder. It is removed
// on every error and by Abort. A process that is killed outright (SIGKILL, power loss) leaves it behind;
// such a file is never read and may be deleted.
package atomicfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Error is what every failure of this package comes as.
type Error struct {
	Path string // the final file, as the caller named it
	Err  error  // the cause, without temporary names
}

func (e *Error) Error() string { return "write " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// File is a file being written. Nothing exists under its final name before Commit.
type File struct {
	name   string // as the caller named it, for messages
	target string // where it goes, symbolic links followed; "" when written directly
	temp   string // the temporary name; "" once renamed or removed
	f      *os.File
	keep   bool  // f is the process's own stdout or stderr and is not ours to close
	err    error // first failure; a file with one is never committed
}

var _ io.WriteCloser = (*File)(nil)
var _ io.ReaderFrom = (*File)(nil)

// Create starts a file that Commit puts at path. A symbolic link at path keeps pointing where it does: its
// target is replaced. An existing file's permissions are kept; a new file gets 0666 less the umask. A path
// that is no regular file (a pipe, /dev/stdout, /dev/null) is written directly.
func Create(path string) (*File, error) {
	if std := standard(path); std != nil {
		return &File{name: path, f: std, keep: true}, nil
	}
	mode := fs.FileMode(0o666)
	exists := false
	switch st, err := os.Stat(path); {
	case err == nil && st.IsDir():
		return nil, &Error{path, errors.New("is a folder; name a file")}
	case err == nil && !st.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, &Error{path, cause(err)}
		}
		return &File{name: path, f: f}, nil
	case err == nil:
		mode, exists = st.Mode().Perm(), true
	}
	target, err := follow(path)
	if err != nil {
		return nil, &Error{path, cause(err)}
	}
	f, err := temporary(target, mode)
	if err != nil {
		return nil, &Error{path, cause(err)}
	}
	file := &File{name: path, target: target, temp: f.Name(), f: f}
	if exists { // the umask may have taken bits away that the old file had
		if err := f.Chmod(mode); err != nil {
			return nil, errors.Join(file.fail(err), file.Abort())
		}
	}
	return file, nil
}

// Write writes a complete file: fill writes its content, and path is replaced only if fill and everything
// after it succeed. An error of fill that does not come from writing is returned as an *Error, too, so fill
// need not name the file.
func Write(path string, fill func(w io.Writer) error) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	if err := fill(f); err != nil {
		f.Abort()
		if named := (*Error)(nil); !errors.As(err, &named) {
			err = &Error{path, err}
		}
		return err
	}
	return f.Close()
}

// Place makes the complete file f, which was written under another name in the folder of path, appear as path: synced, closed and
// renamed. It is for files whose unfinished form is kept on purpose and has a name of its own. Unlike Create it does not
// follow a symbolic link at path, but replaces it.
func Place(f *os.File, path string) error {
	if err := f.Sync(); err != nil {
		return &Error{path, cause(err)}
	}
	if runtime.GOOS == "windows" { // where an open file cannot be renamed; elsewhere a lock on it lasts until the rename
		if err := f.Close(); err != nil {
			return &Error{path, cause(err)}
		}
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return &Error{path, cause(err)}
	}
	syncFolder(filepath.Dir(path))
	if err := f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return &Error{path, cause(err)}
	}
	return nil
}

// Spool opens a nameless scratch file in the folder where path will be, or in the system's temporary folder
// when path is no regular file. It is gone when closed, and also when the process is killed, on systems
// that let an open file be unlinked; elsewhere Disown removes it.
func Spool(path string) (*os.File, error) {
	if st, err := os.Stat(path); standard(path) != nil || err == nil && !st.Mode().IsRegular() {
		path = filepath.Join(os.TempDir(), filepath.Base(path))
	}
	target, err := follow(path)
	if err != nil {
		return nil, &Error{path, cause(err)}
	}
	f, err := temporary(target, 0o600)
	if err != nil {
		return nil, &Error{path, cause(err)}
	}
	os.Remove(f.Name()) // fails on Windows while the file is open
	return f, nil
}

// Write appends p to the file. An error names the final file and is remembered: Close will refuse.
func (f *File) Write(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.f.Write(p)
	return n, f.fail(err)
}

// ReadFrom appends what r holds, letting the system copy file to file where it can.
func (f *File) ReadFrom(r io.Reader) (int64, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.f.ReadFrom(r)
	return n, f.fail(err)
}

// Close syncs the file to disk and renames it to its final name. After a failed write it returns that
// write's error and removes the file instead.
func (f *File) Close() error {
	if f.err == nil {
		f.fail(f.commit())
	}
	err := f.err
	f.Abort()
	return err
}

// Abort removes the file. After a Close it does nothing; it may be called any number of times.
func (f *File) Abort() error {
	var err error
	if f.f != nil && !f.keep {
		err = f.f.Close()
	}
	f.f = nil
	if f.temp != "" {
		err = errors.Join(err, os.Remove(f.temp))
		f.temp = ""
	}
	if f.err == nil {
		f.err = &Error{f.name, fs.ErrClosed}
	}
	return err
}

func (f *File) commit() error {
	if f.target == "" {
		return f.closeDirect()
	}
	if err := f.f.Sync(); err != nil {
		return err
	}
	err := f.f.Close()
	f.f = nil
	if err != nil {
		return err
	}
	if err := os.Rename(f.temp, f.target); err != nil {
		return err
	}
	f.temp = ""
	syncFolder(filepath.Dir(f.target))
	return nil
}

func (f *File) closeDirect() error {
	if f.keep {
		return nil
	}
	err := f.f.Close()
	f.f = nil
	return err
}

// fail remembers the first error, with the final file's name in place of the temporary one.
func (f *File) fail(err error) error {
	if err != nil && f.err == nil {
		f.err = &Error{f.name, cause(err)}
	}
	if err == nil {
		return nil
	}
	return f.err
}

// cause strips the operation and the temporary name that package os puts around an error.
func cause(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}

// standard returns the stream behind /dev/stdout and /dev/stderr: opening those anew would write at the
// start of a file the shell has redirected to, not after what is there.
func standard(path string) *os.File {
	switch filepath.Clean(path) {
	case "/dev/stdout", "/dev/fd/1":
		return os.Stdout
	case "/dev/stderr", "/dev/fd/2":
		return os.Stderr
	}
	return nil
}

// follow resolves symbolic links at path, also one whose target does not exist yet.
func follow(path string) (string, error) {
	for range 40 { // as many links as Linux follows
		link, err := os.Readlink(path)
		if err != nil { // not a link, or not there
			return path, nil
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(path), link)
		}
		path = link
	}
	return "", errors.New("too many symbolic links")
}

// temporary creates a hidden file beside target. Unlike os.CreateTemp it leaves the permissions to the
// umask, since the file becomes the user's.
func temporary(target string, mode fs.FileMode) (*os.File, error) {
	dir, name := filepath.Split(target)
	if name == "" {
		return nil, errors.New("names no file")
	}
	if len(name) > 200 { // file systems allow 255 bytes; the prefix and suffix take 14
		name = strings.ToValidUTF8(name[:200], "")
	}
	for {
		var suffix [4]byte
		rand.Read(suffix[:])
		temp := filepath.Join(dir, "."+name+".tmp-"+hex.EncodeToString(suffix[:]))
		f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode|0o200)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// syncFolder makes the rename itself durable. Systems that cannot sync a folder lose nothing but that, so
// an error is no reason to call a complete file failed.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}
