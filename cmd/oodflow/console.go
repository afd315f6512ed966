package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/oodflow/oodflow/internal/progress"
)

// console is where a command writes: results to out, all else (progress, notes, warnings) to err.
type console struct {
	out, err  io.Writer
	quiet     bool
	colour    bool // err is a terminal that wants colours
	outColour bool // so is out
	terminal  *os.File
	meter     *progress.Meter // the one in progress, nil without
}

// newConsole looks at what stderr is. Colours are used on a terminal only, and not with NO_COLOR
// (no-color.org) or TERM=dumb in the environment.
func newConsole(out, err io.Writer, quiet bool) *console {
	c := &console{out: out, err: err, quiet: quiet}
	if isTerminal(err) {
		c.terminal = err.(*os.File)
		c.colour = os.Getenv("NO_COLOR") == ""
	}
	c.outColour = isTerminal(out) && os.Getenv("NO_COLOR") == ""
	return c
}

// isTerminal tells whether w is a terminal that understands more than lines.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// consoleOf is the console of a running command.
func consoleOf(cmd *cobra.Command) *console {
	quiet, _ := cmd.Flags().GetBool("quiet")
	return newConsole(cmd.OutOrStdout(), cmd.ErrOrStderr(), quiet)
}

// SGR codes of the few colours in use.
const (
	red    = "31"
	yellow = "33"
	cyan   = "36"
	dim    = "2"
)

// paint wraps s in an SGR code where colours are wanted.
func (c *console) paint(code, s string) string {
	if !c.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// errorln writes a line to stderr, above the progress bar if there is one.
func (c *console) errorln(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if c.meter != nil {
		c.meter.Println(s)
		return
	}
	fmt.Fprintln(c.err, s)
}

// failf writes the line that says why the command failed.
func (c *console) failf(format string, args ...any) {
	c.errorln("%s", c.paint(red, legible(format, args...)))
}

// hint writes advice on how to go on.
func (c *console) hint(s string) { c.errorln("%s %s", c.paint(cyan, "hint:"), legible("%s", s)) }

// warn writes a line about something that casts doubt on the result; --quiet does not silence it.
func (c *console) warn(format string, args ...any) {
	c.errorln("%s %s", c.paint(yellow, "warning:"), legible(format, args...))
}

// note writes a line that is good to know; --quiet silences it.
func (c *console) note(format string, args ...any) {
	if !c.quiet {
		c.errorln("%s", legible(format, args...))
	}
}

// legible formats a text whose parts may come out of files: what a terminal would obey or cannot show, control characters
// but for tabs and the ends of lines and bytes that are not UTF-8, is written as \xNN.
func legible(format string, args ...any) string {
	var b strings.Builder
	for s := fmt.Sprintf(format, args...); s != ""; {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || unicode.IsControl(r) && r != '\n' && r != '\t' {
			for _, c := range []byte(s[:n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// width is the terminal's columns.
func (c *console) width() int {
	if c.terminal != nil {
		if w, _, err := term.GetSize(int(c.terminal.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return 80
}

// begin shows the progress of a job of total units until the function it returns is called.
func (c *console) begin(what, unit string, total int) (*progress.Meter, func()) {
	return c.show(progress.Options{What: what, Unit: unit, Total: total})
}

// show is begin with options; how it looks is the console's.
func (c *console) show(opt progress.Options) (*progress.Meter, func()) {
	opt.Mode, opt.Width = progress.Plain, c.width
	switch {
	case c.quiet:
		opt.Mode = progress.Off
	case c.terminal != nil:
		opt.Mode = progress.Bar
	}
	m := progress.New(c.err, opt)
	c.meter = m
	return m, func() {
		m.Finish()
		c.meter = nil
	}
}
