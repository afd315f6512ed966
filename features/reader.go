package features

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
)

// Reader reads a feature set that need not fit in memory. What all images share and their labels are there at once;
// features, logits and ids are read for the images that are asked for, by plain reads of the file: a file that is
// cut short under a mapping would end the program.
//
// Its reading methods may be called from several goroutines. A file that changes meanwhile is an error.
type Reader struct {
	N, D, C    int     // as in [Set]
	Labels     []int64 // N, or nil
	DType      string
	Head       *Head
	Classes    []string
	Provenance Provenance
	Shard      *Shard

	features matrix
	logits   matrix // nil where there are none
	ids      ids

	path string      // "" of a set in memory
	stat fs.FileInfo // of the file when it was opened
	src  source

	found string
}

// Found tells which arrays or columns of the file the set is read from, and which are not used. It is "" where the file
// says so itself: one that oodflow wrote, or one without names.
func (r *Reader) Found() string { return r.found }

// NewReader reads from a set in memory, which must not change.
func NewReader(s *Set) *Reader {
	r := &Reader{
		N: s.N, D: s.D, C: s.C, Labels: s.Labels, DType: s.DType, Head: s.Head, Classes: s.Classes, Provenance: s.Provenance,
		Shard: s.Shard, features: memoryMatrix{s.Features, s.D}, ids: numberedIDs{},
	}
	if s.IDs != nil {
		r.ids = memoryIDs(s.IDs)
	}
	if s.Logits != nil {
		r.logits = memoryMatrix{s.Logits, s.C}
	}
	return r
}

// Check proves that what is there at once can be computed with, as [Set.Check] does for the whole.
func (r *Reader) Check() error {
	for i, y := range r.Labels {
		if y < -1 {
			return labelError(r.ID(i), y)
		}
	}
	return r.Head.checkFinite()
}

// about names the file in an error about what is in it.
func (r *Reader) about(err error) error {
	if r.path == "" {
		return err
	}
	return fmt.Errorf("read %s: %w", r.path, err)
}

// Close closes the file. Nothing can be read after it.
func (r *Reader) Close() error {
	if r.src == nil {
		return nil
	}
	return r.src.Close()
}

// Features reads the feature vectors of the images of the given numbers, in that order, to dst (len(index)×D).
func (r *Reader) Features(dst []float32, index []int) error {
	return r.rows(dst, r.features, index)
}

// Logits reads the logits likewise (len(index)×C), of a set that has them.
func (r *Reader) Logits(dst []float32, index []int) error {
	return r.rows(dst, r.logits, index)
}

func (r *Reader) rows(dst []float32, m matrix, index []int) error {
	if err := m.rows(dst, index); err != nil {
		return err
	}
	return r.Unchanged()
}

// ID returns the id of image i, or its number where that cannot be read: it is for messages.
func (r *Reader) ID(i int) string {
	ids, err := r.ids.read([]int{i})
	if err != nil || len(ids) == 0 {
		return fmt.Sprint(i)
	}
	return ids[0]
}

// Read reads all that is known of the images of the given numbers, in that order, as a set of its own. Head, class
// names and provenance are shared.
func (r *Reader) Read(index []int) (*Set, error) {
	s := &Set{
		N: len(index), D: r.D, C: r.C, DType: r.DType, Head: r.Head, Classes: r.Classes, Provenance: r.Provenance, Shard: r.Shard,
		Features: make([]float32, len(index)*r.D),
	}
	if err := r.features.rows(s.Features, index); err != nil {
		return nil, err
	}
	if r.logits != nil {
		s.Logits = make([]float32, len(index)*r.C)
		if err := r.logits.rows(s.Logits, index); err != nil {
			return nil, err
		}
	}
	if r.Labels != nil {
		s.Labels = make([]int64, len(index))
		for k, i := range index {
			s.Labels[k] = r.Labels[i]
		}
	}
	var err error
	if s.IDs, err = r.ids.read(index); err != nil {
		return nil, err
	}
	return s, r.Unchanged()
}

// Span returns the numbers from, ..., to-1.
func Span(from, to int) []int {
	index := make([]int, max(0, to-from))
	for k := range index {
		index[k] = from + k
	}
	return index
}

// Sample returns most of the numbers 0, ..., n-1, drawn at random, or all where there are no more. They ascend, and depend on
// nothing but the arguments.
func Sample(n, most int) []int {
	r := rand.New(rand.NewPCG(uint64(n), uint64(most)))
	index := make([]int, 0, min(n, most))
	for i := range n {
		if r.IntN(n-i) < cap(index)-len(index) {
			index = append(index, i)
		}
	}
	return index
}

// some is the number of images that Predicted reads at a time.
const some = 4096

// Predicted returns the class with the largest logit of every image, as [Set.Predicted] does, or nil when the set holds no
// logits. Logits that are not finite are an error that names the image.
func (r *Reader) Predicted() ([]int, error) {
	if r.logits == nil {
		return nil, nil
	}
	p := make([]int, 0, r.N)
	x := make([]float32, min(r.N, some)*r.C)
	for index := range slices.Chunk(Span(0, r.N), some) {
		part := x[:len(index)*r.C]
		if err := r.Logits(part, index); err != nil {
			return nil, err
		}
		if bad := firstBad(part); bad >= 0 {
			return nil, fmt.Errorf("image %q has %v in logit column %d", r.ID(index[bad/r.C]), part[bad], bad%r.C)
		}
		for i := 0; i < len(part); i += r.C {
			p = append(p, argmax(part[i:i+r.C]))
		}
	}
	return p, nil
}

// Unchanged returns an error when the file is no longer the one that was opened.
func (r *Reader) Unchanged() error {
	if r.path == "" {
		return nil
	}
	now, err := os.Stat(r.path)
	if err != nil {
		return fmt.Errorf("read %s: the file went away while it was in use: %w", r.path, bare(err))
	}
	if !os.SameFile(now, r.stat) || now.Size() != r.stat.Size() || !now.ModTime().Equal(r.stat.ModTime()) {
		return fmt.Errorf("read %s: the file changed while it was in use; wait until it is complete, and start again", r.path)
	}
	return nil
}
