package imageset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

// DefaultMaxBad is the fraction of unreadable images that is usually let pass.
const DefaultMaxBad = 0.01

// DefaultBatch is the number of images per batch when [Options] names none.
const DefaultBatch = 32

// Options sets how [Load] works.
type Options struct {
	// Limit is the number of images to load, from the first. 0 is all.
	Limit int
	// Workers is the number of images decoded at the same time. 0 is one per
	// processor.
	Workers int
	// Batch is the number of images per batch, DefaultBatch when 0.
	Batch int
	// MaxBad is the fraction, 0 to 1, of images that may be unreadable: they
	// are skipped and reported. One more is an error. 0 lets none pass;
	// commands use DefaultMaxBad unless told otherwise. Whatever it is, it is
	// an error when no image can be read.
	MaxBad float64
	// Progress, when not nil, is called on the goroutine of Load after every
	// batch.
	Progress func(Progress)
}

// Batch is a number of preprocessed images. It and its slices are valid until
// the function it was given to returns, and are then used again; the ids
// themselves may be kept.
type Batch struct {
	// N images of C = 3 channels, H rows and W columns.
	N, C, H, W int
	// Input is N×C×H×W, row-major, channels in the order red, green, blue.
	Input []float32
	// IDs and Labels are those of the images. A label is Unlabelled when the
	// class is not known.
	IDs    []string
	Labels []int64
}

// Load decodes and preprocesses the images of src and hands them to yield, in
// order, in batches of opt.Batch; the last one may be smaller, and so may one
// before an image of another size when pre does not fix the size. yield runs on
// the caller's goroutine while the next images are being decoded. At most a few
// batches are held at a time, however many images there are.
//
// An image that cannot be read is skipped and listed in the report. Load stops
// with an error when there are too many of those ([TooManyBadError]), when the
// source itself cannot be read, when yield fails, or when ctx is cancelled. The
// report is valid in every case and covers what was seen until then.
func Load(ctx context.Context, src Source, pre *Preprocess, opt Options, yield func(*Batch) error) (Report, error) {
	report := Report{Ignored: src.Ignored()}
	if err := opt.fill(); err != nil {
		return report, err
	}
	pre, err := pre.ready()
	if err != nil {
		return report, err
	}
	l := newLoader(ctx, src, pre, opt)
	err = l.run(&report, yield)
	return report, err
}

// fill puts defaults where the options are zero.
func (o *Options) fill() error {
	if o.Limit < 0 || o.Workers < 0 || o.Batch < 0 {
		return fmt.Errorf("load images: limit %d, workers %d, batch %d: expected 0 or more", o.Limit, o.Workers, o.Batch)
	}
	if !(o.MaxBad >= 0 && o.MaxBad <= 1) {
		return fmt.Errorf("load images: --max-bad %v: expected a fraction from 0 to 1", o.MaxBad)
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Batch == 0 {
		o.Batch = DefaultBatch
	}
	return nil
}

// slot is the place of one image between being listed and being put in a
// batch. There is a fixed number of them.
type slot struct {
	item
	tensor []float32
	h, w   int
	err    error         // why the image is skipped
	done   chan struct{} // one token when the worker has finished
}

// filled is a batch on its way to the caller, nil when there is none, with the
// number of images skipped since the one before it.
type filled struct {
	batch   *Batch
	skipped int
}

// loader is one run of Load: a goroutine that lists images, workers that decode
// them, and one that puts them into batches in their order.
type loader struct {
	ctx     context.Context
	stop    context.CancelCauseFunc
	src     Source
	pre     *Preprocess
	opt     Options
	total   int
	free    chan *slot  // slots to fill
	work    chan *slot  // slots to decode
	order   chan *slot  // the same slots in order
	batches chan filled // for the caller
	empty   chan *Batch // batches to fill
	bad     []Skip      // images that could not be read; gather's until it ends
	large   sync.Mutex  // held while a large picture is decoded
	wg      sync.WaitGroup
}

// spare is the number of batches: one with the caller, one being filled, and
// one ready.
const spare = 3

func newLoader(ctx context.Context, src Source, pre *Preprocess, opt Options) *loader {
	l := &loader{src: src, pre: pre, opt: opt, total: src.Len()}
	if opt.Limit > 0 {
		l.total = min(l.total, opt.Limit)
	}
	l.ctx, l.stop = context.WithCancelCause(ctx)
	slots := 2*opt.Workers + 1
	l.free, l.work, l.order = make(chan *slot, slots), make(chan *slot, slots), make(chan *slot, slots)
	for range slots {
		l.free <- &slot{done: make(chan struct{}, 1)}
	}
	l.batches, l.empty = make(chan filled, spare), make(chan *Batch, spare)
	for range spare {
		l.empty <- &Batch{C: 3}
	}
	return l
}

// run starts the goroutines, feeds the caller and waits for all to end.
func (l *loader) run(report *Report, yield func(*Batch) error) error {
	l.wg.Go(l.list)
	for range l.opt.Workers {
		l.wg.Go(l.decode)
	}
	l.wg.Go(l.gather)
	err := l.deliver(report, yield)
	l.stop(err)
	l.wg.Wait()
	report.Skipped = l.bad
	return err
}

// deliver hands batches to the caller until there are no more.
func (l *loader) deliver(report *Report, yield func(*Batch) error) error {
	skipped := 0
	for {
		f, ok := receive(l.ctx, l.batches)
		if !ok {
			// Stopped, for the cause, or at the end, without one.
			return context.Cause(l.ctx)
		}
		if f.batch != nil {
			if err := yield(f.batch); err != nil {
				return err
			}
			report.Images += f.batch.N
			l.empty <- f.batch
		}
		skipped += f.skipped
		if l.opt.Progress != nil {
			l.opt.Progress(Progress{Done: report.Images + skipped, Total: l.total, Skipped: skipped})
		}
	}
}

// list puts the images of the source into slots.
func (l *loader) list() {
	defer close(l.work)
	defer close(l.order)
	pass, err := l.src.read()
	if err != nil {
		l.stop(fmt.Errorf("read images %s: %w", l.src.Name(), err))
		return
	}
	defer pass.Close()
	for i := range l.total {
		s, ok := receive(l.ctx, l.free)
		if !ok {
			return
		}
		if err := pass.next(&s.item); err != nil {
			if err == io.EOF {
				err = fmt.Errorf("ended after %d of %d images", i, l.total)
			}
			l.stop(fmt.Errorf("read images %s: %w", l.src.Name(), err))
			return
		}
		// Neither channel can be full: each has room for all slots.
		l.order <- s
		l.work <- s
	}
}

// decode turns the images of slots into tensors.
func (l *loader) decode() {
	t := transformer{pre: l.pre}
	for s := range l.work {
		if l.ctx.Err() != nil {
			return
		}
		s.err = l.prepare(s, &t)
		s.done <- struct{}{}
	}
}

// largePicture is the number of pixels from which pictures are decoded one at a
// time, so that memory does not grow with the number of workers.
const largePicture = 16 << 20

// prepare makes the tensor of one image.
func (l *loader) prepare(s *slot, t *transformer) error {
	var m *Image
	if s.raw != nil {
		m = s.raw(s.buf)
	} else {
		var err error
		if s.buf, err = readImage(s.buf, s.path); err != nil {
			return err
		}
		h, err := readHeader(s.buf)
		if err != nil {
			return err
		}
		if h.w*h.h >= largePicture {
			l.large.Lock()
			defer l.large.Unlock()
		}
		if m, err = h.decode(s.buf); err != nil {
			return err
		}
	}
	var err error
	s.tensor, s.h, s.w, err = t.apply(s.tensor, m)
	return err
}

// maxFile is the largest image file that is read, in bytes: an uncompressed
// picture of MaxPixels is smaller.
const maxFile = 512 << 20

// readImage reads a whole file into buf, grown where it is too short.
func readImage(buf []byte, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return buf, err
	}
	if !info.Mode().IsRegular() {
		return buf, errors.New("not a regular file")
	}
	if info.Size() > maxFile {
		return buf, fmt.Errorf("the file has %d bytes, more than the limit of %d", info.Size(), maxFile)
	}
	buf = resize(buf, int(info.Size()))
	if _, err := io.ReadFull(f, buf); err != nil {
		return buf, unexpectedEOF(err)
	}
	return buf, nil
}

// gather puts the images of slots into batches, in order.
func (l *loader) gather() {
	defer close(l.batches)
	g := gatherer{loader: l}
	for s := range l.order {
		if _, ok := receive(l.ctx, s.done); !ok {
			return
		}
		if !g.take(s) {
			return
		}
		s.shrink()
		l.free <- s
	}
	g.flush()
}

// shrink gives back the memory that an unusually large picture took.
func (s *slot) shrink() {
	if cap(s.buf) > maxScratch {
		s.buf = nil
	}
	if 4*cap(s.tensor) > maxScratch {
		s.tensor = nil
	}
}

// gatherer is the state of gather.
type gatherer struct {
	*loader
	batch   *Batch // being filled, nil before its first image
	skipped int    // images since the last batch
}

// take adds the image of one slot. It returns false when loading is over.
func (g *gatherer) take(s *slot) bool {
	if s.err != nil {
		return g.skip(Skip{ID: s.id, Reason: s.err.Error()})
	}
	if g.batch != nil && (g.batch.H != s.h || g.batch.W != s.w) && !g.flush() {
		return false
	}
	if g.batch == nil {
		b, ok := receive(g.ctx, g.empty)
		if !ok {
			return false
		}
		*b = Batch{C: 3, H: s.h, W: s.w, Input: b.Input[:0], IDs: b.IDs[:0], Labels: b.Labels[:0]}
		g.batch = b
	}
	g.batch.add(s)
	return g.batch.N < g.opt.Batch || g.flush()
}

// add appends one image.
func (b *Batch) add(s *slot) {
	b.Input = append(b.Input, s.tensor...)
	b.IDs = append(b.IDs, s.id)
	b.Labels = append(b.Labels, s.label)
	b.N++
}

// skip notes an unreadable image. One too many ends loading, even when more
// images are to come: they could not bring the fraction down again.
func (g *gatherer) skip(s Skip) bool {
	g.skipped++
	g.bad = append(g.bad, s)
	if len(g.bad) > allowed(g.total, g.opt.MaxBad) {
		g.stop(&TooManyBadError{Skipped: g.bad, Total: g.total, Limit: g.opt.MaxBad})
		return false
	}
	return true
}

// flush hands over the batch being filled, if there is one.
func (g *gatherer) flush() bool {
	select {
	case g.batches <- filled{g.batch, g.skipped}:
		g.batch, g.skipped = nil, 0
		return true
	case <-g.ctx.Done():
		return false
	}
}

// receive takes a value from c. It returns false when c is closed or ctx done.
func receive[T any](ctx context.Context, c <-chan T) (v T, ok bool) {
	select {
	case v, ok = <-c:
		return v, ok
	case <-ctx.Done():
		return v, false
	}
}
