// Package heaptest measures in tests how much memory a piece of code needs.
package heaptest

import (
	"runtime"
	"runtime/metrics"
	"time"
)

// Most runs f and returns by how many mebibytes what is in use grew at most meanwhile, as the garbage collector counts it. What
// f leaves in use counts, too. Nothing else may allocate at the same time.
func Most(f func()) float64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	inUse := func() float64 {
		metrics.Read(live)
		return float64(live[0].Value.Uint64()) / (1 << 20)
	}
	runtime.GC()
	before, most := inUse(), 0.0
	done, ended := make(chan bool), make(chan bool)
	go func() {
		defer close(ended)
		for {
			most = max(most, inUse()-before)
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	f()
	runtime.GC()
	close(done)
	<-ended
	return most
}
