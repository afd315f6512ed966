package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Exit statuses. They are part of the contract with scripts; exitStatusHelp is their text in the help.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitGate        = 3
	exitInterrupted = 130 // 128 + SIGINT, what shells use
)

// usageError is a command line that cannot be carried out, whatever the files hold.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usagef makes a usageError.
func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// hinted is an error with a line of advice: which flag or file to change.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// Hint is the advice.
func (e *hinted) Hint() string { return e.hint }

// withHint adds advice to err; nil stays nil, and an error that carries advice of its own keeps it.
func withHint(err error, format string, args ...any) error {
	if err == nil || hintOf(err) != "" {
		return err
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// hintOf is the advice err carries, "" without one. Errors of every package may have a Hint method.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// errGate says that the report is written and that a threshold in it was missed; what was missed is in the report.
var errGate = errors.New("a gate failed")

// conclude prints err, if there is one, as `oodflow: extract: what went wrong`, and returns the exit status.
func conclude(ctx context.Context, stderr io.Writer, cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	c := newConsole(io.Discard, stderr, false)
	prefix := strings.ReplaceAll(cmd.CommandPath(), " ", ": ")
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		if kept := (*resumable)(nil); errors.As(err, &kept) {
			c.failf("%s: %v", prefix, kept)
			c.hint(kept.again)
			return exitInterrupted
		}
		c.failf("%s: interrupted, no file was written", prefix)
		return exitInterrupted
	}
	c.failf("%s: %v", prefix, err)
	if hint := hintOf(err); hint != "" {
		c.hint(hint)
	}
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		c.errorln("see '%s --help'", cmd.CommandPath())
		return exitUsage
	case errors.Is(err, errGate):
		return exitGate
	}
	return exitError
}
