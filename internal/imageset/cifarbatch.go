package imageset

import (
	"fmt"
	"io"

	"github.com/oodflow/oodflow/internal/pickle"
)

// cifarBatch is a file of the Python form. It is held in memory as a whole: its
// labels may come after its pixels. CIFAR-100's training images are 154 MB.
type cifarBatch struct {
	labels []uint8
	pixels []byte // images one after the other, each three planes
}

// readBatch reads a file of the Python form, a pickled dict with an array of
// pixels, one image in a row, and a list of labels.
func readBatch(name string, size int64, r io.Reader, kind cifarKind) (*cifarBatch, error) {
	if size > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than the limit of %d", name, size, maxFile)
	}
	v, err := pickle.Read(r, size)
	if err != nil {
		return nil, fmt.Errorf("read pickle %s: %w", name, err)
	}
	d, ok := v.(*pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("pickle %s is not a dict with data and %s", name, kind.key)
	}
	a, ok := d.Get("data").(*pickle.Array)
	if !ok || a.Kind != 'u' || a.Size != 1 || a.Fortran || len(a.Shape) < 2 || len(a.Data) != a.Shape[0]*cifarPixels || len(a.Data) == 0 {
		return nil, fmt.Errorf("data in pickle %s are not n×%d bytes", name, cifarPixels)
	}
	l, ok := d.Get(kind.key).(*pickle.List)
	if !ok || len(l.Items) != a.Shape[0] {
		return nil, fmt.Errorf("pickle %s has no list %s of %d labels", name, kind.key, a.Shape[0])
	}
	b := &cifarBatch{pixels: a.Data}
	for i, item := range l.Items {
		label, ok := item.(int64)
		if !ok || label < 0 || label >= int64(kind.n) {
			return nil, fmt.Errorf("label %d of pickle %s is %v: expected 0 to %d", i, name, item, kind.n-1)
		}
		b.labels = append(b.labels, uint8(label))
	}
	return b, nil
}

// readLabelNames reads the class names of the Python form; nil when they are not what
// they should be. Names are not worth an error.
func readLabelNames(r io.Reader, size int64, kind cifarKind) []string {
	v, err := pickle.Read(r, min(size, 1<<20))
	d, ok := v.(*pickle.Dict)
	if err != nil || !ok {
		return nil
	}
	l, ok := d.Get(kind.names).(*pickle.List)
	if !ok || len(l.Items) != kind.n {
		return nil
	}
	names := make([]string, kind.n)
	for i, item := range l.Items {
		if names[i], ok = pickle.Text(item); !ok {
			return nil
		}
		names[i] = printable(names[i])
	}
	return names
}
