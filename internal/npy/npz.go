package npy

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxExpansion is what deflate can make of one byte: a member that claims more is a lie.
const maxExpansion = 1032

// Archive is an open .npz file: a zip archive of .npy members, as numpy.savez and numpy.savez_compressed
// write it.
type Archive struct {
	path    string
	r       io.ReaderAt
	size    int64 // of the whole file
	members map[string]*zip.File
	names   []string
	closer  io.Closer
}

// OpenArchive opens the .npz file at path. Errors name the file.
func OpenArchive(path string) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, reason(err))
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read %s: %w", path, reason(err))
	}
	a, err := NewArchive(path, f, st.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	a.closer = f
	return a, nil
}

// NewArchive reads a .npz file of size bytes from r; path stands for it in errors. Close does not close r.
func NewArchive(path string, r io.ReaderAt, size int64) (*Archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, zipReason(err))
	}
	a := &Archive{path: path, r: r, size: size, members: map[string]*zip.File{}}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			if strings.HasSuffix(f.Name, "data.pkl") {
				return nil, fmt.Errorf("read %s: is a PyTorch file (a pickle), which is never loaded; save the tensors with "+
					"safetensors.torch.save_file or np.savez", path)
			}
			return nil, fmt.Errorf("read %s: holds %.80q, which is no array: not a .npz file", path, f.Name)
		}
		if a.members[name] != nil {
			return nil, fmt.Errorf("read %s: holds two arrays called %.80q", path, name)
		}
		a.members[name] = f
		a.names = append(a.names, name)
	}
	return a, nil
}

// Names returns the arrays' names in the order of the archive. The caller must not change it.
func (a *Archive) Names() []string { return a.names }

// Array reads the header of the array called name and passes it to use, which may read its elements; the
// array is valid only there. Errors name the file and the array.
func (a *Archive) Array(name string, use func(*Array) error) error {
	f := a.members[name]
	if f == nil {
		return fmt.Errorf("read %s: has no array %q", a.path, name)
	}
	if err := a.member(f, name, use); err != nil {
		return fmt.Errorf("read %s: array %q: %w", a.path, name, err)
	}
	return nil
}

func (a *Archive) member(f *zip.File, name string, use func(*Array) error) error {
	array, r, err := a.start(f, name)
	if err != nil {
		return err
	}
	defer r.Close()
	return use(array)
}

// start opens a member and reads its header.
func (a *Archive) start(f *zip.File, name string) (*Array, io.Closer, error) {
	packed, size := f.CompressedSize64, f.UncompressedSize64
	if packed > uint64(a.size) || size/maxExpansion > packed {
		return nil, nil, fmt.Errorf("is damaged: it claims to unpack %d bytes to %d, in a file of %d", packed, size, a.size)
	}
	stored := f.Method == zip.Store
	if stored && packed != size {
		return nil, nil, fmt.Errorf("is damaged: it claims both %d and %d bytes", packed, size)
	}
	r, err := f.Open()
	if err != nil {
		return nil, nil, zipReason(err)
	}
	array, err := newArray(r, int64(size), stored)
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	array.Name = name
	return array, r, nil
}

// Open opens the array called name to be read with its Next, until it is closed. Errors of Open name the file and the array.
func (a *Archive) Open(name string) (*Array, io.Closer, error) {
	f := a.members[name]
	if f == nil {
		return nil, nil, fmt.Errorf("read %s: has no array %q", a.path, name)
	}
	array, r, err := a.start(f, name)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: array %q: %w", a.path, name, err)
	}
	return array, r, nil
}

// InPlace returns the array called name to be read in place, once its checksum was seen to be right; nil when it is compressed
// or not in order.
func (a *Archive) InPlace(name string) (*Array, error) {
	f := a.members[name]
	if f == nil || f.Method != zip.Store {
		return nil, nil
	}
	var array *Array
	err := a.Array(name, func(whole *Array) error {
		if _, err := io.Copy(io.Discard, whole.r); err != nil { // to the checksum
			return ended(err)
		}
		at, err := f.DataOffset()
		if err != nil {
			return zipReason(err)
		}
		size := int64(f.UncompressedSize64)
		array, err = NewArray(io.NewSectionReader(a.r, at, size), size)
		return err
	})
	if err != nil || !array.InPlace() {
		return nil, err
	}
	array.Name = name
	return array, nil
}

// Close closes the file.
func (a *Archive) Close() error {
	if a.closer == nil {
		return nil
	}
	return a.closer.Close()
}

// zipReason words the errors of package zip as ours.
func zipReason(err error) error {
	switch {
	case errors.Is(err, zip.ErrFormat):
		return errors.New("is not a whole zip archive: truncated or damaged")
	case errors.Is(err, zip.ErrAlgorithm):
		return errors.New("is compressed in a way that is not read; use np.savez or np.savez_compressed")
	case errors.As(err, new(*fs.PathError)): // an offset that leads out of the file, or a file that cannot be read
		return fmt.Errorf("is damaged, or cannot be read: %w", reason(err))
	}
	return err
}
