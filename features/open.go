package features

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/oodflow/oodflow/internal/npy"
	"github.com/oodflow/oodflow/internal/safetensors"
)

// Open reads the feature set at path into memory. The content tells what the file is, not its name:
//
//   - safetensors: as extract writes it, or any with arrays named as below;
//   - .npz: arrays named as below;
//   - Parquet: columns named as below, of vectors a list of one length in every row;
//   - .npy: one array, the features.
//
// Arrays are found by name, upper or lower case, first match first: features (feats, embeddings,
// penultimate, x, z, arr_0), logits, labels (y, targets), ids (paths), classes (class_names), and the head as
// W and b (head.weight and head.bias, fc.weight and fc.bias). Where no name fits, a lone two-dimensional
// floating-point array is the features. Features are [n,d] and logits [n,c], of any floating type, converted to
// float32; labels are [n] or [n,1] whole numbers of any type; ids are strings or whole numbers.
//
// Open checks the file's structure, Check its values. Errors name the file and say what to change.
func Open(path string) (*Set, error) { return OpenOptions{}.Open(path) }

// OpenReader opens the feature set at path, in any of the forms that [Open] reads, without reading its features, logits
// and ids. Of an array in Fortran order they are read into memory all the same. What is compressed is read from front to
// back; once it is asked for in another order, it is unpacked into memory up to 64 MiB, and else into a scratch file in the
// folder for temporary files.
func OpenReader(path string) (*Reader, error) { return OpenOptions{}.OpenReader(path) }

// OpenOptions say what a file does not say itself.
type OpenOptions struct {
	// Key names the array or column that holds the features. By default it is found by its name; see [Open].
	Key string
}

// Open is [Open] with options.
func (o OpenOptions) Open(path string) (*Set, error) {
	r, err := o.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Read(Span(0, r.N))
}

// OpenReader is [OpenReader] with options.
func (o OpenOptions) OpenReader(path string) (*Reader, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, bare(err))
	}
	src, err := openSource(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{path: path, stat: stat, src: src}
	if err := r.load(o.Key); err != nil {
		src.Close()
		return nil, err
	}
	return r, nil
}

// load reads what a Reader holds in memory.
func (r *Reader) load(key string) error {
	l := &loader{path: r.path, src: r.src, arrays: r.src.arrays(), key: key}
	metadata, err := r.src.metadata()
	if err == nil {
		l.own, err = r.readMetadata(metadata)
	}
	if err != nil {
		return l.errorf("%w", err)
	}
	for _, read := range []func(*Reader) error{l.features, l.logits, l.labels, l.ids, l.classes, l.head} {
		if err := read(r); err != nil {
			return err
		}
	}
	r.found = l.describe()
	return nil
}

// openSource opens the file as what its first bytes say it is.
func openSource(path string) (source, error) {
	start, err := firstBytes(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, bare(err))
	}
	switch {
	case bytes.HasPrefix(start, []byte(npy.Magic)):
		return openArraySource(path)
	case bytes.HasPrefix(start, []byte("PK\x03\x04")), bytes.HasPrefix(start, []byte("PK\x05\x06")):
		return openArchiveSource(path)
	case bytes.HasPrefix(start, []byte("PAR1")):
		return openTableSource(path)
	case len(start) > 8 && start[8] == '{':
		f, err := safetensors.Open(path)
		if err != nil {
			return nil, err
		}
		return &tensorSource{f}, nil
	case len(start) == 0:
		return nil, fmt.Errorf("read %s: the file is empty", path)
	case bytes.HasPrefix(start, []byte(logMagic[:len("oodflow-part")])):
		return nil, fmt.Errorf("read %s: is an unfinished extraction, not a feature set; finish it with the same command and --resume", path)
	case len(start) > 1 && start[0] == 0x80 && start[1] <= 5:
		return nil, fmt.Errorf("read %s: is a Python pickle, which is never loaded; save the arrays with np.savez", path)
	}
	return nil, fmt.Errorf("read %s: is no feature set: neither safetensors nor .npy, .npz or Parquet; "+
		"make one with oodflow extract or np.savez(path, features=..., logits=..., labels=...)", path)
}

func firstBytes(path string) ([]byte, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case st.IsDir():
		return nil, errors.New("is a folder; give the file that extract wrote")
	case !st.Mode().IsRegular():
		return nil, errors.New("is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	start := make([]byte, 16)
	n, err := io.ReadFull(f, start)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return start[:n], err
}
