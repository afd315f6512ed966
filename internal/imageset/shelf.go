package imageset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// shelf is where a data set's files lie: in a folder, or in the archive in which
// they are distributed.
type shelf interface {
	// visit calls f with those of the named files that are there, in any order.
	visit(names []string, f func(name string, size int64, r io.Reader) error) error
	// browse begins to read files.
	browse() browser
}

// browser opens files of a shelf, one at a time.
type browser interface {
	// open opens a file, whose contents can be read until the next call.
	open(name string) (r io.Reader, size int64, err error)
	io.Closer
}

// folderShelf is a folder.
type folderShelf string

func (s folderShelf) visit(names []string, f func(string, int64, io.Reader) error) error {
	b := s.browse()
	defer b.Close()
	for _, name := range names {
		r, size, err := b.open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = f(name, size, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s folderShelf) browse() browser { return &folderBrowser{dir: string(s)} }

type folderBrowser struct {
	dir  string
	file *os.File
}

func (b *folderBrowser) open(name string) (io.Reader, int64, error) {
	b.Close()
	f, size, err := openRegular(filepath.Join(b.dir, name))
	if err != nil {
		return nil, 0, err
	}
	b.file = f
	return f, size, nil
}

func (b *folderBrowser) Close() error {
	if b.file == nil {
		return nil
	}
	err := b.file.Close()
	b.file = nil
	return err
}

// tarShelf is an archive. Its members are known by the last part of their names.
type tarShelf struct {
	path  string
	order map[string]int // of what visit found, the how manyth member it is
}

// visit reads the archive to its end, where the checksum is: what is damaged is
// known before the first image is used.
func (s *tarShelf) visit(names []string, f func(string, int64, io.Reader) error) error {
	s.order = map[string]int{}
	t, err := openTar(s.path)
	if err != nil {
		return err
	}
	defer t.Close()
	for i := 0; ; i++ {
		h, err := t.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Base(h.Name)
		if _, seen := s.order[name]; seen || !isFile(h) || !slices.Contains(names, name) {
			continue
		}
		s.order[name] = i
		if err := f(name, h.Size, memberReader{t}); err != nil {
			return err
		}
	}
}

// memberReader reads a member. Its errors say where in which archive.
type memberReader struct{ *tarFile }

func (r memberReader) Read(b []byte) (int, error) {
	n, err := r.tar.Read(b)
	if err != nil && err != io.EOF {
		err = r.fail(err)
	}
	return n, err
}

func (s *tarShelf) browse() browser { return &tarBrowser{shelf: s} }

// tarBrowser goes through an archive, and begins again for what lies behind it:
// the files are wanted in an order of their own.
type tarBrowser struct {
	shelf *tarShelf
	tar   *tarFile
	at    int // members read
}

func (b *tarBrowser) open(name string) (io.Reader, int64, error) {
	want := b.shelf.order[name]
	if b.tar == nil || b.at > want {
		b.Close()
		t, err := openTar(b.shelf.path)
		if err != nil {
			return nil, 0, err
		}
		b.tar, b.at = t, 0
	}
	for {
		h, err := b.tar.next()
		if err == io.EOF || err == nil && b.at == want && path.Base(h.Name) != name {
			err = fmt.Errorf("read %s: %w", b.shelf.path, errChanged)
		}
		if err != nil {
			return nil, 0, err
		}
		if b.at++; b.at > want {
			return memberReader{b.tar}, h.Size, nil
		}
	}
}

func (b *tarBrowser) Close() error {
	if b.tar == nil {
		return nil
	}
	err := b.tar.Close()
	b.tar = nil
	return err
}
