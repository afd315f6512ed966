package blas

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tally counts how often each of its parts is done.
type tally struct {
	done  []atomic.Int32
	inner func(i int)
}

func (c *tally) Part(i int) {
	c.done[i].Add(1)
	if c.inner != nil {
		c.inner(i)
	}
}

func (c *tally) check(t *testing.T) {
	t.Helper()
	for i := range c.done {
		if n := c.done[i].Swap(0); n != 1 {
			t.Fatalf("part %d of %d is done %d times", i, len(c.done), n)
		}
	}
}

// TestParallelOnce: whoever asks, from wherever, each part is done once, and before the call returns.
func TestParallelOnce(t *testing.T) {
	crew := newCrew(3)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			inner := make([]tally, 7)
			for i := range inner {
				inner[i].done = make([]atomic.Int32, 5)
			}
			outer := &tally{done: make([]atomic.Int32, 7), inner: func(i int) { crew.parallel(5, 4, &inner[i]) }}
			for round := range 1500 {
				crew.parallel(7, 4, outer)
				outer.check(t)
				for i := range inner {
					inner[i].check(t)
				}
				if round%500 == 0 {
					time.Sleep(3 * wakeful) // the workers fall asleep
				}
			}
		})
	}
	callers.Wait()
}

// TestParallelTogether: with idle workers, parts are done at the same time, on no more goroutines than allowed.
func TestParallelTogether(t *testing.T) {
	crew := newCrew(3)
	for _, goroutines := range []int{1, 2, 4} {
		var running, most atomic.Int32
		task := &tally{done: make([]atomic.Int32, 64), inner: func(int) {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Millisecond)
			running.Add(-1)
		}}
		for range 50 { // a busy machine may need more than one try
			crew.parallel(64, goroutines, task)
			if most.Load() >= int32(goroutines) {
				break
			}
		}
		if most.Load() != int32(goroutines) {
			t.Errorf("at most %d parts at a time on %d goroutines", most.Load(), goroutines)
		}
	}
}

// TestParallelAsleep: a worker that sleeps is woken for the part that the caller cannot do meanwhile.
func TestParallelAsleep(t *testing.T) {
	crew := newCrew(1)
	for crew[0].slot.Load() != asleep {
		time.Sleep(time.Millisecond)
	}
	met := make(chan bool)
	task := &tally{done: make([]atomic.Int32, 2), inner: func(i int) {
		select {
		case met <- true:
		case <-met:
		case <-time.After(10 * time.Second):
			t.Errorf("part %d waits for the other in vain", i)
		}
	}}
	crew.parallel(2, 2, task)
	task.check(t)
}

// TestParallelAlone: a worker that the system does not let run is not waited for.
func TestParallelAlone(t *testing.T) {
	crew := crew{&worker{wake: make(chan struct{}, 1)}, &worker{wake: make(chan struct{}, 1)}}
	crew[1].slot.Store(asleep)
	task := &tally{done: make([]atomic.Int32, 5)}
	crew.parallel(5, 3, task)
	task.check(t)
	if crew[0].slot.Load() != nil || crew[1].slot.Load() != nil {
		t.Error("a worker keeps a job that is over")
	}
}
