package blas

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Task is work that falls into parts which may be done at the same time.
type Task interface {
	Part(i int) // does part i
}

// Threads is the number of goroutines that [Parallel] uses at most: GOMAXPROCS at its first use.
func Threads() int { return len(workers()) + 1 }

// Parallel does parts 0 to n-1 of t, the caller and idle workers each taking the next one, and returns when all are
// done. It allocates nothing. Called by several goroutines at once, or from within a part, it does with whichever
// workers are idle, if need be with the caller alone. Which goroutine does which part is left to chance: parts must
// not depend on it.
//
// Workers wait for the next task awake for a moment, so that tasks in quick succession cost about a microsecond to
// hand out, and then sleep. A worker that the system does not let run is not waited for unless it has begun a part.
func Parallel(n int, t Task) { workers().parallel(n, Threads(), t) }

// workers are one fewer than there are processors for Go, started at the first call.
var workers = sync.OnceValue(func() crew { return newCrew(runtime.GOMAXPROCS(0) - 1) })

// crew are the workers that share out a task.
type crew []*worker

func newCrew(n int) crew {
	c := make(crew, n)
	for i := range c {
		c[i] = &worker{wake: make(chan struct{}, 1)}
		go c[i].run()
	}
	return c
}

// parallel is Parallel on at most so many goroutines.
func (c crew) parallel(n, goroutines int, t Task) {
	if n <= 1 || goroutines <= 1 || len(c) == 0 {
		for i := range n {
			t.Part(i)
		}
		return
	}
	j := jobs.Get().(*job)
	j.task, j.parts = t, int64(n)
	j.next.Store(0)
	j.left.Store(0)
	enlisted := c.enlist(j, min(n, goroutines)-1)
	j.work()
	c.dismiss(j, enlisted)
	j.task = nil
	jobs.Put(j)
}

// enlist hands the job to at most n idle workers and returns how many took it.
func (c crew) enlist(j *job, n int) int {
	enlisted := 0
	for _, w := range c {
		if enlisted == n {
			break
		}
		if w.offer(j) {
			enlisted++
		}
	}
	return enlisted
}

// dismiss takes the job back from the workers that have not begun with it and waits for the others. No worker has
// the job any more when it returns.
func (c crew) dismiss(j *job, enlisted int) {
	if enlisted == 0 {
		return
	}
	for _, w := range c {
		if w.slot.CompareAndSwap(j, nil) {
			enlisted--
		}
	}
	for start := time.Now(); j.left.Load() != int64(enlisted); {
		if time.Since(start) < wakeful {
			relax()
		} else {
			time.Sleep(nap)
		}
	}
}

// job is one call of Parallel.
type job struct {
	task  Task
	parts int64
	next  atomic.Int64 // the part to be done next
	left  atomic.Int64 // workers that are through with the job
}

var jobs = sync.Pool{New: func() any { return new(job) }}

// work does parts as long as there are any.
func (j *job) work() {
	for {
		i := j.next.Add(1) - 1
		if i >= j.parts {
			return
		}
		j.task.Part(int(i))
	}
}

const (
	wakeful = time.Millisecond      // how long one waits awake: longer than the gaps between the passes of a training step
	glances = 500                   // looks at the slot between two calls of relax
	nap     = 20 * time.Microsecond // pause between looks at a worker that takes long
)

// relax lets others run while one waits awake: other goroutines, and other threads, among them the very one that is
// waited for where the system has put both on one core.
func relax() {
	yieldThread()
	runtime.Gosched()
}

// worker is a goroutine that does parts of other goroutines' jobs. Its slot is nil while it looks out for a job,
// asleep while it has to be woken for one, busy while it works, and otherwise the job it is offered.
type worker struct {
	slot atomic.Pointer[job]
	wake chan struct{}
	_    [64]byte // keeps the slots of two workers out of one cache line
}

var asleep, busy = new(job), new(job)

// offer gives an idle worker the job, or returns false.
func (w *worker) offer(j *job) bool {
	if w.slot.CompareAndSwap(nil, j) {
		return true
	}
	if w.slot.CompareAndSwap(asleep, j) {
		w.wake <- struct{}{}
		return true
	}
	return false
}

func (w *worker) run() {
	for {
		j := w.await()
		if !w.slot.CompareAndSwap(j, busy) {
			continue // taken back
		}
		j.work()
		w.slot.Store(nil)
		j.left.Add(1) // the last touch: the caller may now reuse the job
	}
}

// await returns the next job that the worker is offered, first looking out for it and then asleep.
func (w *worker) await() *job {
	for start := time.Now(); ; {
		for range glances {
			if j := w.slot.Load(); j != nil {
				return j
			}
		}
		relax()
		if time.Since(start) > wakeful && w.slot.CompareAndSwap(nil, asleep) {
			<-w.wake
			start = time.Now()
		}
	}
}
