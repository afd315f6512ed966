package flow

import (
	"github.com/oodflow/oodflow/internal/blas"
)

// The rows that pass through the flow together: few enough that their activations stay in the cache, and enough to
// keep a product busy.
const (
	mostRows  = 256
	leastRows = 32
)

// wideBlock is the size of a block's weights, in numbers, from which on all cores work on the same rows instead of each on
// its own: a core's cache does not hold such weights, and so each core need not read all of them, but only the columns
// that it multiplies by. With two cores and the paper's width (h = d), scoring 256 rows takes a quarter less time at
// d = 2048.
const wideBlock = 1 << 20

// wide tells whether products are shared out instead of rows.
func (c Config) wide() bool { return c.Layers > 0 && c.Dim*c.Hidden*3/2 >= wideBlock }

// rowsTogether is how many of n rows go together, so that all cores have as much to do.
func rowsTogether(n int) int {
	threads := blas.Threads()
	rounds := (n + threads*mostRows - 1) / (threads * mostRows)
	if rounds == 0 {
		return 1
	}
	return max(leastRows, (n+threads*rounds-1)/(threads*rounds))
}

// sharing is n rows that all cores work on, some rows at a time.
type sharing struct {
	f       *Flow
	n, size int
	do      func(t *tape, lo, hi int) // does rows lo to hi
}

// shareRows calls do for all of n rows, on all cores, and returns when they are done. Each call has a tape of its
// own. Which rows go together depends on n and the number of cores alone.
func (f *Flow) shareRows(n int, do func(t *tape, lo, hi int)) {
	(&sharing{f: f, do: do}).run(n)
}

func (s *sharing) run(n int) {
	if s.f.cfg.wide() {
		s.n, s.size = n, max(leastRows, min(n, blas.Threads()*mostRows))
		for i := 0; i*s.size < n; i++ {
			s.Part(i)
		}
		return
	}
	s.n, s.size = n, rowsTogether(n)
	blas.Parallel((n+s.size-1)/s.size, s)
}

// Part does the i-th group of rows.
func (s *sharing) Part(i int) {
	lo, hi := i*s.size, min((i+1)*s.size, s.n)
	t, ok := s.f.tapes.Get().(*tape)
	if !ok || len(t.logdet) < hi-lo {
		t = s.f.newTape(s.size)
	}
	s.do(t, lo, hi)
	s.f.tapes.Put(t)
}

// scoring is a call of LogProb: a sharing that is kept for later calls with all it needs.
type scoring struct {
	sharing
	prepared *prepared
	dst      []float64
	x        []float32
}

// score writes log p of the rows of x to dst.
func (f *Flow) score(dst []float64, x []float32) {
	s, ok := f.scorings.Get().(*scoring)
	if !ok {
		s = &scoring{prepared: f.newPrepared()}
		s.sharing = sharing{f: f, do: s.rows}
	}
	s.dst, s.x = dst, x
	f.prepare(s.prepared)
	s.run(len(dst))
	s.dst, s.x = nil, nil
	f.scorings.Put(s)
}

func (s *scoring) rows(t *tape, lo, hi int) {
	d, dst, logdet := s.f.cfg.Dim, s.dst[lo:hi], t.logdet[:hi-lo]
	z := s.f.forward(t, s.x[lo*d:hi*d], logdet, s.prepared)
	s.f.base.logProb(dst, z, s.prepared.offset, t)
	for i, l := range logdet {
		dst[i] += l
	}
}
