package fetch

import (
	"net/url"
	"path/filepath"
)

// A Dataset is something that can be fetched under one name.
type Dataset struct {
	Name  string // as in `oodflow fetch NAME`
	About string // one line: what it is
	Files []File // empty when the publishers give it to registered people only
	// Unpack tells that the file is an archive whose folders, not itself, are the sources.
	Unpack   bool
	Sources  []Source
	Terms    string // licence or terms in a few words; Homepage has the rest
	Homepage string
	Manual   string // how to get it by hand, when Files is empty
}

// A File is one file as its publishers offer it.
type File struct {
	Name   string // its name at the publishers' and on disk
	Base   string // the folder there: an http or https address that ends in /
	Bytes  int64
	MD5    string // 32 hexadecimal digits
	SHA256 string // 64 hexadecimal digits
}

// A Source is one way to read a fetched dataset: what `oodflow extract --images` takes.
type Source struct {
	Split  string // "train", "test", ...; "all" without one
	Prefix string // "cifar10:"
	Path   string // of the file, or of a folder of the unpacked archive, below the folder of the download; with slashes
	Suffix string // "#train"
}

// Arg is the SOURCE argument once the files are in dir.
func (s Source) Arg(dir string) string {
	return s.Prefix + filepath.Join(dir, filepath.FromSlash(s.Path)) + s.Suffix
}

// Bytes is the size of all files.
func (d Dataset) Bytes() int64 {
	var n int64
	for _, f := range d.Files {
		n += f.Bytes
	}
	return n
}

// URL is where the file is, at the publishers' or, when mirror is not nil, in the folder mirror.
func (f File) URL(mirror *url.URL) (*url.URL, error) {
	if mirror != nil {
		return mirror.JoinPath(f.Name), nil
	}
	u, err := url.Parse(f.Base)
	if err != nil {
		return nil, err
	}
	return u.JoinPath(f.Name), nil
}

// Lookup finds a dataset by its name.
func Lookup(datasets []Dataset, name string) (Dataset, bool) {
	for _, d := range datasets {
		if d.Name == name {
			return d, true
		}
	}
	return Dataset{}, false
}
