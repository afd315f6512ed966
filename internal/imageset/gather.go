package imageset

import "slices"

// gather puts the images of slots into batches, in order.
func (l *loader) gather() {
	defer close(l.batches)
	g := gatherer{loader: l, seen: l.opt.After.Images, sum: l.opt.After.Sum, listed: len(l.bad)}
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
	if g.flush() {
		g.check()
	}
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
	seen    int    // images taken
	sum     Sum    // of those
	listed  int    // images of bad that marks have listed
}

// take adds the image of one slot. It returns false when loading is over.
func (g *gatherer) take(s *slot) bool {
	if s.err == nil && g.batch != nil && (g.batch.H != s.h || g.batch.W != s.w) && !g.flush() {
		return false
	}
	g.seen++
	g.sum.add(&s.item, s.key)
	if s.err != nil {
		if !g.skip(Skip{ID: s.id, Reason: printable(s.err.Error())}) {
			return false
		}
	} else if !g.add(s) {
		return false
	}
	return g.seen%g.opt.Batch != 0 || g.flush()
}

// add puts the tensor of a slot into the batch, a new one where there is none.
func (g *gatherer) add(s *slot) bool {
	if g.batch == nil {
		b, ok := receive(g.ctx, g.empty)
		if !ok {
			return false
		}
		most := g.opt.Batch
		if total := int(g.total.Load()); total >= 0 {
			most = min(most, total)
		}
		*b = Batch{C: 3, H: s.h, W: s.w, Input: slices.Grow(b.Input[:0], most*len(s.tensor)), IDs: b.IDs[:0], Labels: b.Labels[:0]}
		g.batch = b
	}
	g.batch.add(s)
	return true
}

// add appends one image.
func (b *Batch) add(s *slot) {
	b.Input = append(b.Input, s.tensor...)
	b.IDs = append(b.IDs, s.id)
	b.Labels = append(b.Labels, s.label)
	b.N++
}

// skip notes an unreadable image.
func (g *gatherer) skip(s Skip) bool {
	g.skipped++
	g.bad = append(g.bad, s)
	return g.check()
}

// check ends loading when one image too many is unreadable, even when more
// images are to come: they could not bring the fraction down again. As long as
// the number of images is not known there is no saying.
func (g *gatherer) check() bool {
	total := int(g.total.Load())
	if total < 0 || len(g.bad) <= allowed(total, g.opt.MaxBad) {
		return true
	}
	g.stop(&TooManyBadError{Skipped: g.bad, Total: total, Limit: g.opt.MaxBad})
	return false
}

// flush hands over the batch being filled, if there is one.
func (g *gatherer) flush() bool {
	if g.batch != nil {
		g.batch.Mark = Mark{Images: g.seen, Sum: g.sum, Skipped: slices.Clip(g.bad[g.listed:])}
		g.listed = len(g.bad)
	}
	select {
	case g.batches <- filled{g.batch, g.skipped}:
		g.batch, g.skipped = nil, 0
		return true
	case <-g.ctx.Done():
		return false
	}
}
