package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// choice is a flag value out of a short list.
type choice struct {
	value string
	valid []string
}

var _ pflag.Value = (*choice)(nil)

func (c *choice) String() string { return c.value }

// Type is empty: the usage text of each flag names the values.
func (c *choice) Type() string { return "" }

// Set takes a value of the list, and else says which are in it.
func (c *choice) Set(s string) error {
	if slices.Contains(c.valid, s) {
		c.value = s
		return nil
	}
	err := fmt.Errorf("want %s", joinList(c.valid, "or"))
	if n := nearest(s, c.valid); n != "" {
		return withHint(err, "did you mean %s?", n)
	}
	return err
}

// addChoice defines a flag that takes one of valid, and its completion. The name in back quotes in usage stands for the value.
func addChoice(cmd *cobra.Command, c *choice, name, usage string) {
	cmd.Flags().Var(c, name, usage)
	complete(cmd, name, cobra.FixedCompletions(c.valid, cobra.ShellCompDirectiveNoFileComp))
}

// complete registers a flag's completion; the flag exists, as the caller has just defined it.
func complete(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}

// completeFiles makes a flag complete to files with these extensions.
func completeFiles(cmd *cobra.Command, flag string, extensions ...string) {
	if err := cmd.MarkFlagFilename(flag, extensions...); err != nil {
		panic(err)
	}
}

// joinList writes "a", "a or b", "a, b or c", if last is or.
func joinList(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// flagError turns what the flag parser says into a usageError that names the nearest flag.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		return unknownFlag(cmd, unknown)
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		// The parser's own words quote the flag and call it an argument; the cause of strconv repeats the value.
		cause := invalid.Unwrap()
		text := cause.Error()
		if _, number := numbers[invalid.GetFlag().Value.Type()]; number {
			text = numbers[invalid.GetFlag().Value.Type()]
		}
		e := fmt.Errorf("--%s %s: %s", invalid.GetFlag().Name, invalid.GetValue(), text)
		if hint := hintOf(cause); hint != "" {
			e = withHint(e, "%s", hint)
		}
		return &usageError{e}
	}
	var missing *pflag.ValueRequiredError
	if errors.As(err, &missing) {
		return usagef("--%s needs a value", missing.GetFlag().Name)
	}
	return &usageError{err}
}

// numbers says what flags of these types take.
var numbers = map[string]string{
	"int":     fmt.Sprintf("want a whole number, at most %d", math.MaxInt),
	"uint64":  fmt.Sprintf("want a whole number from 0 to %d", uint64(math.MaxUint64)),
	"float64": "want a number",
}

// unknownFlag names the flag that was probably meant.
func unknownFlag(cmd *cobra.Command, unknown *pflag.NotExistError) error {
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		e := usagef("unknown flag -%s", short)
		if n := nearest(short, flagNames(cmd)); len(short) > 1 && n != "" {
			return withHint(e, "did you mean --%s?", n)
		}
		return e
	}
	name := unknown.GetSpecifiedName()
	e := usagef("unknown flag --%s", name)
	if n := nearest(name, flagNames(cmd)); n != "" {
		return withHint(e, "did you mean --%s?", n)
	}
	return e
}

// flagNames lists the flags of a command.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}

// helpWidth is how many columns help takes: those of the terminal, from 60 to 100, or 80.
func helpWidth() int {
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 0 {
		return min(max(w, 60), 100)
	}
	return 80
}

// flagUsages is the help on flags, wrapped.
func flagUsages(f *pflag.FlagSet) string {
	return strings.TrimRight(f.FlagUsagesWrapped(helpWidth()), "\n")
}

// noArguments refuses arguments that are not flags.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q: all input is named by flags", args[0])
	}
	return nil
}

// oneArgument wants exactly one, called what.
func oneArgument(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usagef("no %s given", what)
		case len(args) > 1:
			return usagef("unexpected argument %q: one %s at a time", args[1], what)
		}
		return nil
	}
}

// required refuses the first of these flags that is empty.
func required(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f.Value.String() == "" || f.Value.String() == "[]" {
			return usagef("--%s is required", name)
		}
	}
	return nil
}
