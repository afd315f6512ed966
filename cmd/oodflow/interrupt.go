package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// patience is how long an interrupted command may take to stop before it says that it is still stopping.
const patience = time.Second

// interruptible returns a context that the first SIGINT or SIGTERM cancels. The commands then stop at the next
// batch and take their temporary files away. A second signal finds no handler and ends the process at once.
func interruptible(stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		select {
		case <-signals:
		case <-ended:
			return
		}
		signal.Stop(signals)
		cancel()
		select {
		case <-ended:
		case <-time.After(patience):
			fmt.Fprintln(stderr, "\noodflow: stopping; interrupt again to end at once, which may leave a temporary file")
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(ended)
		cancel()
	}
}
