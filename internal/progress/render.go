package progress

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// state is one moment of a meter: all that a line shows.
type state struct {
	what, unit, note string
	bytes            bool
	done, total      int
	elapsed          time.Duration
	since            sample // where the rate is counted from
}

// rate is the mean number of units per second since s.since.
func (s state) rate() float64 {
	if s.elapsed <= s.since.at {
		return 0
	}
	return float64(s.done-s.since.done) / (s.elapsed - s.since.at).Seconds()
}

// left is the time the rest takes at that rate; false while it cannot be told.
func (s state) left() (time.Duration, bool) {
	r := s.rate()
	if s.done >= s.total || r == 0 {
		return 0, false
	}
	return time.Duration(float64(s.total-s.done) / r * float64(time.Second)), true
}

// figures is the text both forms share: count, rate, time left, remark.
func (s state) figures() string {
	var b strings.Builder
	switch {
	case s.bytes && s.total > 0:
		fmt.Fprintf(&b, "%s/%s", Size(int64(s.done)), Size(int64(s.total)))
	case s.bytes:
		b.WriteString(Size(int64(s.done)))
	case s.total > 0:
		fmt.Fprintf(&b, "%d/%d %s", s.done, s.total, s.unit)
	default:
		fmt.Fprintf(&b, "%d %s", s.done, s.unit)
	}
	if r := s.rate(); r > 0 && s.bytes {
		fmt.Fprintf(&b, "  %s/s", Size(int64(r)))
	} else if r > 0 {
		fmt.Fprintf(&b, "  %s/s", Rate(r))
	}
	if left, ok := s.left(); ok {
		fmt.Fprintf(&b, "  %s left", Duration(left))
	} else if s.done > 0 {
		fmt.Fprintf(&b, "  in %s", Duration(s.elapsed))
	}
	if s.note != "" {
		b.WriteString("  " + s.note)
	}
	return b.String()
}

// percent is the finished share, whole percents, rounded down: 100 % means done.
func (s state) percent() int {
	if s.total <= 0 {
		return 0
	}
	return int(100 * float64(min(s.done, s.total)) / float64(s.total))
}

// line is the plain form: `extract: 1200/10000 images (12%)  410/s  21s left`.
func (s state) line() string {
	if s.total <= 0 {
		return fmt.Sprintf("%s: %s", s.what, s.figures())
	}
	return fmt.Sprintf("%s: %3d%%  %s", s.what, s.percent(), s.figures())
}

// Bounds of the bar itself, in columns: shorter says nothing, longer says no more.
const (
	minBar = 8
	maxBar = 30
)

// bar is the terminal form, at most width columns:
// `extract ████████▌           12%  1200/10000 images  410/s  21s left`.
func (s state) bar(width int) string {
	text := s.figures()
	if s.total > 0 {
		text = fmt.Sprintf("%3d%%  %s", s.percent(), text)
		room := width - utf8.RuneCountInString(s.what) - utf8.RuneCountInString(text) - 4
		if room = min(room, maxBar); room >= minBar {
			return s.what + " ▕" + blocks(float64(min(s.done, s.total))/float64(s.total), room) + "▏ " + text
		}
	}
	return cut(s.what+" "+text, width)
}

// eighths are the blocks that fill one column from the left, by eighths.
var eighths = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// blocks draws the share f of width columns.
func blocks(f float64, width int) string {
	n := int(f * float64(width) * 8)
	s := strings.Repeat("█", n/8) + eighths[n%8]
	return s + strings.Repeat(" ", width-utf8.RuneCountInString(s))
}

// cut shortens s to n runes.
func cut(s string, n int) string {
	if n <= 0 {
		return ""
	}
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n])
}

// Rate formats units per second with three significant figures at most: "0.21", "4.7", "38", "1240".
func Rate(r float64) string {
	switch {
	case r < 1:
		return fmt.Sprintf("%.2f", r)
	case r < 10:
		return fmt.Sprintf("%.1f", r)
	default:
		return fmt.Sprintf("%.0f", r)
	}
}

// Size formats a number of bytes for people, in powers of 1000: "512 B", "1.50 kB", "38.2 MB", "170 MB", "8.93 GB".
func Size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1000, "kB"
	for _, larger := range []string{"MB", "GB", "TB"} {
		if v < 999.5 {
			break
		}
		v, unit = v/1000, larger
	}
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f %s", v, unit)
	case v < 99.95:
		return fmt.Sprintf("%.1f %s", v, unit)
	default:
		return fmt.Sprintf("%.0f %s", v, unit)
	}
}

// Duration formats a time for people: "0.4s", "21s", "3m05s", "2h07m".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute-500*time.Millisecond:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < time.Hour-500*time.Millisecond:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	default:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
}
