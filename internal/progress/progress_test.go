package progress

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

func TestBarFitsItsWidth(t *testing.T) {
	s := state{what: "extract", unit: "images", total: 10000, elapsed: 3 * time.Second, note: "2 skipped"}
	for done := 0; done <= s.total; done += 37 {
		s.done = done
		for _, width := range []int{0, 1, 5, 20, 40, 60, 79, 200} {
			if got := utf8.RuneCountInString(s.bar(width)); got > width {
				t.Fatalf("done %d: bar of %d columns does not fit %d: %q", done, got, width, s.bar(width))
			}
		}
	}
}

func TestBarFillsFromEmptyToFull(t *testing.T) {
	s := state{what: "x", unit: "images", total: 240, elapsed: time.Second}
	if bar := s.bar(120); strings.ContainsAny(bar, "█▉▊▋▌▍▎") {
		t.Errorf("nothing done, yet the bar is not empty: %q", bar)
	}
	s.done = 240
	if bar := s.bar(120); strings.Count(bar, "█") != maxBar || !strings.Contains(bar, "100%") {
		t.Errorf("all done, yet the bar is not full: %q", bar)
	}
	s.done = 239
	if s.percent() != 99 {
		t.Errorf("percent = %d before the end, want 99", s.percent())
	}
}

func TestLine(t *testing.T) {
	for _, c := range []struct {
		s    state
		want string
	}{
		{state{what: "extract", unit: "images", total: 10000, done: 1200, elapsed: 3 * time.Second},
			"extract:  12%  1200/10000 images  400/s  22s left"},
		{state{what: "score", unit: "images", done: 7, elapsed: 2 * time.Second, note: "1 skipped"},
			"score: 7 images  3.5/s  in 2.0s  1 skipped"},
		{state{what: "extract", unit: "images", total: 10, done: 10, elapsed: 20 * time.Second},
			"extract: 100%  10/10 images  0.50/s  in 20s"},
		{state{what: "extract", unit: "images", total: 10}, "extract:   0%  0/10 images"},
		{state{what: "fetch", bytes: true, total: 170_052_171, done: 90_000_000, elapsed: 4 * time.Second, since: sample{done: 50_000_000}},
			"fetch:  52%  90.0 MB/170 MB  10.0 MB/s  8.0s left"},
		{state{what: "fetch", bytes: true, done: 1500, elapsed: time.Second}, "fetch: 1.50 kB  1.50 kB/s  in 1.0s"},
	} {
		if got := c.s.line(); got != c.want {
			t.Errorf("line = %q, want %q", got, c.want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.00 kB", 9994: "9.99 kB", 9996: "10.0 kB", 99_949: "99.9 kB", 99_960: "100 kB",
		999_499: "999 kB", 999_500: "1.00 MB", 38_200_000: "38.2 MB", 170_052_171: "170 MB", 999_600_000: "1.00 GB",
		8_931_661_582: "8.93 GB", 5e15: "5000 TB",
	} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

// Units that were done before count as done, and not for the rate.
func TestDoneBefore(t *testing.T) {
	var out locked
	m := New(&out, Options{What: "w", Total: 4000, Done: 3000, Bytes: true, Mode: Plain, Every: 20 * time.Millisecond})
	time.Sleep(50 * time.Millisecond)
	m.Finish()
	if got := out.String(); !strings.Contains(got, "w:  75%  3.00 kB/4.00 kB  in 0") {
		t.Errorf("wrote %q", got)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                   "0s",
		400 * time.Millisecond:         "0.4s",
		9960 * time.Millisecond:        "10s",
		59400 * time.Millisecond:       "59s",
		59600 * time.Millisecond:       "1m00s",
		185 * time.Second:              "3m05s",
		time.Hour - time.Millisecond:   "1h00m",
		2*time.Hour + 7*time.Minute:    "2h07m",
		26*time.Hour + 400*time.Second: "26h07m",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}

// locked is a buffer that the meter's ticker and the test may use at once.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }
func (l *locked) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

func TestModes(t *testing.T) {
	run := func(mode Mode, d time.Duration) string {
		var out locked
		m := New(&out, Options{What: "w", Unit: "images", Total: 4, Mode: mode, Every: 20 * time.Millisecond})
		m.Add(2)
		time.Sleep(d)
		m.Println("kept")
		m.Add(2)
		m.Finish()
		m.Finish()
		return out.String()
	}
	if got := run(Off, 50*time.Millisecond); got != "kept\n" {
		t.Errorf("off wrote %q", got)
	}
	if got := run(Plain, 0); got != "kept\n" {
		t.Errorf("a short plain job wrote %q, want only the line asked for", got)
	}
	got := run(Plain, 120*time.Millisecond)
	if !strings.Contains(got, "w:  50%  2/4 images") || strings.Contains(got, "\x1b") || strings.Contains(got, "\r") {
		t.Errorf("plain wrote %q", got)
	}
	if !strings.HasSuffix(got, "\n") || !strings.Contains(got, "w: 100%  4/4 images") {
		t.Errorf("plain's last line is not the end: %q", got)
	}
	if got := run(Bar, 250*time.Millisecond); !strings.HasSuffix(got, "\r\x1b[K") || !strings.Contains(got, "\r\x1b[Kkept\n") {
		t.Errorf("bar left something on the screen: %q", got)
	}
}

func TestRateFollowsTheLastSeconds(t *testing.T) {
	m := &Meter{}
	for i := range 40 { // 1 a second for 20 s, then 10 a second
		m.done++
		if i > 20 {
			m.done += 9
		}
		now := time.Duration(i) * time.Second
		s := state{done: m.done, total: 1000, elapsed: now, since: m.sample(now)}
		if want := map[int]float64{15: 1, 20: 1, 39: 10}[i]; want > 0 && math.Abs(s.rate()-want) > 0.2 {
			t.Errorf("after %d s the rate is %v, want %v", i, s.rate(), want)
		}
	}
	if len(m.recent) > 12 {
		t.Errorf("%d samples kept", len(m.recent))
	}
}
