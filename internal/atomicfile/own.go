package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
)

// ErrBusy says that another process has the file.
var ErrBusy = errors.New("another process is writing it")

// Own opens the file at path for this process alone, and creates it where it is not there: an unfinished file that is
// kept on purpose, to be gone on with by a later process. It is this process's until it is closed, and is ErrBusy for any
// other until then, on systems that have locks. A path that is no regular file, a link too, is an error.
func Own(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		if err := lock(f); err != nil {
			f.Close()
			return nil, err
		}
		// The one who held the lock may have renamed or removed the file since it was opened here.
		mine, err := f.Stat()
		now, gone := os.Lstat(path)
		switch {
		case err != nil:
			f.Close()
			return nil, err
		case gone == nil && os.SameFile(mine, now) && mine.Mode().IsRegular():
			return f, nil
		case gone == nil && !now.Mode().IsRegular():
			f.Close()
			return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("is no regular file")}
		}
		f.Close()
	}
}

// Disown removes a file that Own or Spool opened, and closes it; one that has no name any more is only closed.
func Disown(f *os.File) error {
	if runtime.GOOS == "windows" { // where an open file cannot be removed; elsewhere the lock lasts until it is gone
		f.Close()
	}
	err := os.Remove(f.Name())
	f.Close()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
