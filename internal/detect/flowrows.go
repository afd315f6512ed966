package detect

import (
	"context"
	"slices"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
)

// flowRows are some images of a set as a flow sees them.
type flowRows struct {
	ctx       context.Context // ends reading
	r         *features.Reader
	index     []int // the images
	normalize bool

	reading func(n, total int) // see FlowOptions; nil when the start is made
	unread  int                // rows to read before that
	before  int                // and at first

	images []int // scratch of Read
}

var _ flow.Rows = (*flowRows)(nil)

func (f *flowRows) Len() int { return len(f.index) }
func (f *flowRows) Dim() int { return f.r.D }

// Read implements [flow.Rows]. Features that are not finite or, where they are to be normalised, all zero are an error that
// names the image.
func (f *flowRows) Read(dst []float32, index []int) error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	f.images = f.images[:0]
	for _, i := range index {
		f.images = append(f.images, f.index[i])
	}
	if err := f.r.Features(dst, f.images); err != nil {
		return err
	}
	var err error
	if f.normalize {
		_, err = features.Normalize(dst, dst, f.r.D)
	} else {
		err = features.CheckFinite(dst, f.r.D)
	}
	f.tell(len(index))
	return features.NameRow(err, func(row int) (int, string) { return f.images[row], f.r.ID(f.images[row]) })
}

// tell reports that n more rows are read.
func (f *flowRows) tell(n int) {
	if f.reading == nil {
		return
	}
	n = min(n, f.unread)
	f.unread -= n
	f.reading(n, f.before)
	if f.unread == 0 {
		f.reading = nil
	}
}

// mostInMemory is how many bytes of features are kept in memory instead of being read again for every epoch; a variable
// for tests.
var mostInMemory = 256 << 20

// inMemory reads the rows into memory if they are few enough.
func inMemory(f *flowRows) (flow.Rows, error) {
	n, d := f.Len(), f.Dim()
	f.before, f.unread = n, n
	if n > mostInMemory/4/d {
		f.before, f.unread = 2*n, 2*n // for the means, and for the covariance
		return f, nil
	}
	x := make([]float32, n*d)
	for index := range slices.Chunk(features.Span(0, n), readTile) {
		from, to := index[0]*d, (index[len(index)-1]+1)*d
		if err := f.Read(x[from:to], index); err != nil {
			return nil, err
		}
	}
	return flow.Matrix(x, d), nil
}
