// Package progress shows how far a long job is: a bar that is redrawn in place on a terminal, a plain
// line every few seconds anywhere else, nothing when asked to be quiet.
//
// A [Meter] is written to by the one goroutine that does the job; a ticker of its own draws it, so that a
// slow step still counts its seconds. Lines that must stay on the screen go through [Meter.Println], which
// lifts the bar, prints and puts it back.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Mode is the way a Meter shows itself.
type Mode int

const (
	// Off shows nothing at all.
	Off Mode = iota
	// Plain writes a whole line now and then: for log files and pipes.
	Plain
	// Bar redraws one line in place: for terminals.
	Bar
)

// Options say what is counted and how it is shown.
type Options struct {
	// What the job does, in the imperative or as a noun: "extract". First on the line.
	What string
	// Unit is the plural of what is counted: "images".
	Unit string
	// Total is the number of units when all is done; 0: not known, and no share or time left is shown.
	Total int
	// Done is the number of units that were done before: they count as done, but not for the rate.
	Done int
	// Bytes tells that the units are bytes, shown as kB, MB and GB; Unit is not used.
	Bytes bool
	// Mode is Off unless set.
	Mode Mode
	// Width returns the terminal's columns for a Bar; nil means 80.
	Width func() int
	// Every is the time between two lines in Plain mode; 0 means 10 s.
	Every time.Duration
}

// redraw is the time between two drawings of a bar: often enough to look alive, seldom enough to cost nothing.
const redraw = 100 * time.Millisecond

// window is the time over which the rate is taken: long enough to be steady, short enough to follow a job whose
// steps differ.
const window = 10 * time.Second

// sample is how much was done at a time.
type sample struct {
	at   time.Duration
	done int
}

// Meter counts finished units and shows them. Its methods may be called from several goroutines.
type Meter struct {
	w   io.Writer
	opt Options

	mu     sync.Mutex
	start  time.Time
	done   int
	recent []sample // of the last seconds, oldest first
	note   string
	shown  bool // a bar is on the screen
	closed bool

	quit    chan struct{}
	stopped sync.WaitGroup
}

// New starts a meter that writes to w. Finish must be called.
func New(w io.Writer, opt Options) *Meter {
	if opt.Width == nil {
		opt.Width = func() int { return 80 }
	}
	if opt.Every <= 0 {
		opt.Every = 10 * time.Second
	}
	m := &Meter{w: w, opt: opt, start: time.Now(), done: opt.Done, quit: make(chan struct{})}
	if opt.Mode == Off {
		return m
	}
	m.stopped.Add(1)
	go m.tick()
	return m
}

// tick draws until Finish.
func (m *Meter) tick() {
	defer m.stopped.Done()
	every := redraw
	if m.opt.Mode == Plain {
		every = m.opt.Every
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-m.quit:
			return
		case <-t.C:
			m.mu.Lock()
			m.draw()
			m.mu.Unlock()
		}
	}
}

// Add counts n more finished units.
func (m *Meter) Add(n int) {
	m.mu.Lock()
	m.done += n
	m.mu.Unlock()
}

// SetTotal says how many units there will be, where that was not known at the start; 0 is still not known.
func (m *Meter) SetTotal(n int) {
	m.mu.Lock()
	m.opt.Total = n
	m.mu.Unlock()
}

// Note sets a short remark shown at the end of the line, replacing the one before.
func (m *Meter) Note(s string) {
	m.mu.Lock()
	m.note = s
	m.mu.Unlock()
}

// Println writes a line that stays, above the bar. It writes in every mode, Off included: what may be
// silenced is decided by the caller.
func (m *Meter) Println(s string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.erase()
	fmt.Fprintln(m.w, s)
	if m.opt.Mode == Bar && !m.closed {
		m.draw()
	}
}

// Finish stops drawing: the bar is taken away, and a plain meter that ran long enough to have shown itself
// writes a last line. The caller then prints its own summary. Later calls do nothing.
func (m *Meter) Finish() {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return
	}
	m.closed = true
	m.mu.Unlock()
	close(m.quit)
	m.stopped.Wait()

	m.mu.Lock()
	defer m.mu.Unlock()
	m.erase()
	if m.opt.Mode == Plain && m.shown {
		m.draw()
	}
}

// draw shows the present state; the lock is held.
func (m *Meter) draw() {
	s := state{
		what: m.opt.What, unit: m.opt.Unit, bytes: m.opt.Bytes, note: m.note,
		done: m.done, total: m.opt.Total, elapsed: time.Since(m.start),
	}
	s.since.done = m.opt.Done
	if !m.closed {
		s.since = m.sample(s.elapsed)
	}
	switch m.opt.Mode {
	case Plain:
		fmt.Fprintln(m.w, s.line())
	case Bar:
		// The last column stays empty: writing there makes some terminals wrap.
		fmt.Fprint(m.w, "\r"+s.bar(m.opt.Width()-1)+"\x1b[K")
	}
	m.shown = true
}

// sample notes what is done now and returns what was at the beginning of the window; the lock is held.
func (m *Meter) sample(now time.Duration) sample {
	m.recent = append(m.recent, sample{now, m.done})
	for len(m.recent) > 2 && m.recent[1].at <= now-window {
		m.recent = m.recent[1:]
	}
	if m.recent[0].at > now-window {
		return sample{done: m.opt.Done} // the job is younger than the window
	}
	return m.recent[0]
}

// erase takes a drawn bar off the screen; the lock is held.
func (m *Meter) erase() {
	if m.opt.Mode == Bar && m.shown {
		fmt.Fprint(m.w, "\r\x1b[K")
	}
}
