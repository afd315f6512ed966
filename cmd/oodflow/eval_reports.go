package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/internal/atomicfile"
	"github.com/oodflow/oodflow/internal/report"
)

// reportHelp explains the forms of a report that continuous integration reads, for the help of eval.
const reportHelp = `--format says what is written to stdout or --out; --report FORMAT=FILE, repeatable,
writes the same report in another form as well. For continuous integration:
  junit    JUnit XML, a test case for each gate, for Jenkins, GitLab and others
  github   GitHub's annotations (::error for a failed gate), which have to go to
           stdout: --format github or --report github=-. The report as Markdown is
           appended to the file that $GITHUB_STEP_SUMMARY names, if it does
  gitlab   OpenMetrics text for GitLab's artifacts:reports:metrics`

// reportOptions are the flags that say how a report is written and where to.
type reportOptions struct {
	format  choice
	out     string
	reports []string

	outputs []output // filled by parse, the one of --format and --out first
}

// output is a report to be written.
type output struct{ format, path string } // path is "" for stdout

// AddFlags defines the flags.
func (o *reportOptions) AddFlags(cmd *cobra.Command) {
	o.format = choice{value: "text", valid: reportFormats()}
	addChoice(cmd, &o.format, "format", "write the report as `FORMAT`: "+joinList(o.format.valid, "or"))
	f := cmd.Flags()
	f.StringVarP(&o.out, "out", "o", "", "write the report to `FILE` (default: stdout)")
	f.StringArrayVar(&o.reports, "report", nil, "write it in another form, too: `FORMAT=FILE`, - for stdout; repeatable")
	complete(cmd, "report", completeReport)
}

// reportFormats are the formats that tell the figures, and those that are looked at.
func reportFormats() []string { return append(eval.Formats(), report.Formats()...) }

// completeReport offers the formats, and then files.
func completeReport(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if strings.Contains(typed, "=") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var found []cobra.Completion
	for _, f := range reportFormats() {
		found = append(found, f+"=")
	}
	return found, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}

// parse reads the flags and checks that the files can be written. inputs are the paths that will be read.
func (o *reportOptions) parse(inputs ...string) error {
	if o.out == "-" {
		o.out = ""
	}
	o.outputs = []output{{o.format.value, o.out}}
	for _, s := range o.reports {
		format, path, ok := strings.Cut(s, "=")
		if !ok || path == "" {
			return withHint(usagef("--report %s: want FORMAT=FILE", s), "for example --report junit=report.xml; - is stdout")
		}
		known := choice{valid: o.format.valid}
		if err := known.Set(format); err != nil {
			return &usageError{fmt.Errorf("--report %s: %q: %w", s, format, err)}
		}
		if path == "-" {
			path = ""
		}
		o.outputs = append(o.outputs, output{format, path})
	}
	if err := o.checkOutputs(inputs...); err != nil {
		return err
	}
	for i, out := range o.outputs {
		for _, other := range o.outputs[:i] {
			if out.path != "" && other.path != "" && samePath(other.path, out.path) {
				return usagef("two reports are to be written to %s", out.path)
			}
		}
	}
	return nil
}

// checkOutputs refuses reports that cannot be written or that would replace an input.
func (o *reportOptions) checkOutputs(inputs ...string) error {
	for i, out := range o.outputs {
		if out.path == "" {
			continue
		}
		flag := "report"
		if i == 0 {
			flag = "out"
		}
		if err := checkOutput(flag, out.path, inputs...); err != nil {
			return err
		}
	}
	return nil
}

// shown tells whether who typed the command sees the whole report, warnings and all.
func (o *reportOptions) shown() bool {
	for _, out := range o.outputs {
		if out.path == "" && (out.format == "text" || out.format == "markdown") {
			return true
		}
	}
	return false
}

// write writes the report in all its forms.
func (o *reportOptions) write(e *evaluation) error {
	summary := false
	for _, out := range o.outputs {
		if err := out.write(e); err != nil {
			return err
		}
		summary = summary || out.format == "github"
	}
	if path := os.Getenv("GITHUB_STEP_SUMMARY"); summary && path != "" {
		return appendSummary(path, &e.report)
	}
	return nil
}

func (out output) write(e *evaluation) error {
	c := e.console
	if out.path == "" {
		return e.render(c.out, out.format, eval.Options{Color: c.outColour})
	}
	err := atomicfile.Write(out.path, func(w io.Writer) error { return e.render(w, out.format, eval.Options{}) })
	if err == nil {
		c.note("report written to %s", out.path)
	}
	return err
}

// appendSummary adds the report to the summary of a step of GitHub's, which other commands of the step may have begun.
func appendSummary(path string, r *eval.Report) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("write $GITHUB_STEP_SUMMARY %s: %w", path, reason(err))
	}
	if err := errors.Join(r.WriteGitHubSummary(f), f.Close()); err != nil {
		return fmt.Errorf("write $GITHUB_STEP_SUMMARY %s: %w", path, reason(err))
	}
	return nil
}
