package imageset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// slot is the place of one image between being listed and being put in a
// batch. There is a fixed number of them.
type slot struct {
	item
	key    int64 // see item.stored
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
	total   atomic.Int64 // images to come to, -1 while not known
	free    chan *slot   // slots to fill
	work    chan *slot   // slots to decode
	order   chan *slot   // the same slots in order
	batches chan filled  // for the caller
	empty   chan *Batch  // batches to fill
	bad     []Skip       // images that could not be read, before opt.After too; gather's until it ends
	ignored int          // files passed over; list's until it ends
	large   sync.Mutex   // held while a large picture is decoded
	clock   clock
	wg      sync.WaitGroup
}

// clock adds up where the workers' time goes, in nanoseconds.
type clock struct{ decode, preprocess atomic.Int64 }

// spare is the number of batches: one with the caller, one being filled, and
// one ready.
const spare = 3

func newLoader(ctx context.Context, src Source, pre *Preprocess, opt Options) *loader {
	l := &loader{src: src, pre: pre, opt: opt, bad: slices.Clone(opt.After.Skipped)}
	l.total.Store(int64(l.known()))
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

// most is the largest number of images to load.
func (l *loader) most() int {
	if l.opt.Limit > 0 {
		return l.opt.Limit
	}
	return math.MaxInt
}

// known is the number of images to load, -1 when the source cannot tell.
func (l *loader) known() int {
	if l.src.Len() < 0 {
		return -1
	}
	return min(max(l.src.Len()-l.opt.First, 0), l.most())
}

// run starts the goroutines, feeds the caller and waits for all to end.
func (l *loader) run(report *Report, yield func(*Batch) error) error {
	l.wg.Go(l.list)
	for range l.opt.Workers {
		l.wg.Go(l.decode)
	}
	l.wg.Go(l.gather)
	if c, ok := l.src.(counter); ok && l.src.Len() < 0 {
		l.wg.Go(func() { l.count(c) })
	}
	err := l.deliver(report, yield)
	l.stop(err)
	l.wg.Wait()
	report.Skipped, report.Ignored = l.bad, l.ignored
	t := &report.Times
	t.Decode, t.Preprocess = time.Duration(l.clock.decode.Load()), time.Duration(l.clock.preprocess.Load())
	t.Workers = l.opt.Workers
	return err
}

// count finds out how many images there are, unless the last is read before.
func (l *loader) count(c counter) {
	most := l.most()
	if most < math.MaxInt {
		most += l.opt.First
	}
	n := c.count(l.ctx, most)
	if l.ctx.Err() == nil {
		l.total.CompareAndSwap(-1, int64(max(n-l.opt.First, 0)))
	}
}

// deliver hands batches to the caller until there are no more.
func (l *loader) deliver(report *Report, yield func(*Batch) error) error {
	skipped := len(l.opt.After.Skipped)
	report.Images = l.opt.After.Images - skipped
	for {
		start := time.Now()
		f, ok := receive(l.ctx, l.batches)
		report.Times.Waiting += time.Since(start)
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
			l.opt.Progress(Progress{Done: report.Images + skipped, Total: max(int(l.total.Load()), 0), Skipped: skipped})
		}
	}
}

// list puts the images of the source into slots.
func (l *loader) list() {
	defer close(l.work)
	defer close(l.order)
	pass, err := l.src.read(l.opt.First)
	if err == nil {
		defer pass.Close()
		if c, ok := pass.(ignorer); ok {
			defer func() { l.ignored = c.ignored() }()
		}
		if err = l.goTo(pass, l.opt.After); err == nil {
			err = l.fill(pass)
		}
	}
	if err != nil {
		l.stop(fmt.Errorf("read images %s: %w", l.src.Name(), err))
	}
}

// fill puts the images of a pass into slots.
func (l *loader) fill(pass reader) error {
	known, most := l.known(), l.most()
	if known >= 0 {
		most = known
	}
	for i := l.opt.After.Images; i < most; i++ {
		s, ok := receive(l.ctx, l.free)
		if !ok {
			return nil
		}
		if cap(s.buf) >= largeFile { // which would be kept to the end
			s.buf = nil
		}
		s.item = item{buf: s.buf}
		err := pass.next(&s.item)
		switch {
		case err == io.EOF && known >= 0:
			return fmt.Errorf("ended after %d of %d images", i, most)
		case err == io.EOF && i == 0:
			return errors.New("there are none")
		case err == io.EOF:
			l.total.Store(int64(i))
			return nil
		case err != nil:
			return err
		}
		// Neither channel can be full: each has room for all slots.
		l.order <- s
		l.work <- s
	}
	l.total.Store(int64(most))
	return nil
}

// decode turns the images of slots into tensors.
func (l *loader) decode() {
	w := worker{transformer: transformer{pre: l.pre}}
	w.goNative()
	defer w.close()
	for s := range l.work {
		if l.ctx.Err() != nil {
			return
		}
		s.err = l.prepare(s, &w)
		s.done <- struct{}{}
	}
}

// worker is what one goroutine turns images into tensors with.
type worker struct {
	workshop
	transformer
	raw Image
}

// largePicture is the number of pixels from which pictures are decoded one at a
// time, so that memory does not grow with the number of workers.
const largePicture = 32 << 20

// prepare makes the tensor of one image. A picture's rows are converted as they
// are read, so what a decoder left behind can still prove damaged here.
func (l *loader) prepare(s *slot, w *worker) (err error) {
	defer w.shrink()
	defer recoverTo(&err)
	var size int64
	size, s.key = s.stored()
	if s.bad != nil {
		return s.bad
	}
	if size >= largeFile {
		l.large.Lock()
		defer l.large.Unlock()
	}
	start := time.Now()
	m := &w.raw
	if s.raw != nil {
		s.raw(m, s.buf)
	} else {
		if s.path != "" {
			if s.buf, err = readImage(s.buf, s.path); err != nil {
				return err
			}
		}
		h, err := w.readHeader(s.buf)
		if err != nil {
			return err
		}
		if h.w*h.h >= largePicture && size < largeFile {
			l.large.Lock()
			defer l.large.Unlock()
		}
		h.half = w.pre.halves(h)
		if m, err = w.decode(h, s.buf); err != nil {
			return err
		}
	}
	decoded := time.Now()
	s.tensor, s.h, s.w, err = w.apply(s.tensor, m)
	l.clock.decode.Add(int64(decoded.Sub(start)))
	l.clock.preprocess.Add(int64(time.Since(decoded)))
	return err
}

// receive takes a value from c. It returns false when c is closed or ctx done.
func receive[T any](ctx context.Context, c <-chan T) (v T, ok bool) {
	if ctx.Err() != nil { // select would toss a coin where both are ready
		return v, false
	}
	select {
	case v, ok = <-c:
		return v, ok
	case <-ctx.Done():
		return v, false
	}
}
