package detect

import (
	"runtime"
	"sync"
)

// parallel calls work for consecutive ranges that cover 0..n-1, on all cores.
func parallel(n int, work func(from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		if n > 0 {
			work(0, n)
		}
		return
	}
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() { work(k*n/workers, (k+1)*n/workers) })
	}
	wg.Wait()
}
