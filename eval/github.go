package eval

import (
	"fmt"
	"io"
	"strings"
)

// WriteGitHub renders the report as GitHub's workflow commands, a line each: an error for every failed gate, a warning for
// every warning, and a notice that counts the gates that passed. GitHub reads them from what a step writes to stdout and
// shows them as annotations of the run.
func (r *Report) WriteGitHub(w io.Writer) error {
	var b strings.Builder
	passed := 0
	for _, g := range r.Gates {
		if g.Passed {
			passed++
			continue
		}
		fmt.Fprintf(&b, "::error title=%s::%s\n", githubProperty("oodflow: "+g.Name()), githubMessage(g.Line()))
	}
	for _, s := range r.Warnings {
		fmt.Fprintf(&b, "::warning title=oodflow::%s\n", githubMessage(s))
	}
	if passed > 0 {
		fmt.Fprintf(&b, "::notice title=oodflow::%d of %d gates passed\n", passed, len(r.Gates))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteGitHubSummary renders the report as the Markdown of a job summary: a heading, what became of the gates, and the
// tables of [Report.WriteMarkdown]. It is to be appended to the file that $GITHUB_STEP_SUMMARY names.
func (r *Report) WriteGitHubSummary(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## oodflow: %s\n\n", markdownText(r.ID))
	failed := 0
	for _, g := range r.Gates {
		if !g.Passed {
			failed++
		}
	}
	switch {
	case failed > 0:
		fmt.Fprintf(&b, "**%d of %d gates failed.**\n\n", failed, len(r.Gates))
	case len(r.Gates) > 0:
		fmt.Fprintf(&b, "All %d gates passed.\n\n", len(r.Gates))
	}
	if err := r.WriteMarkdown(&b); err != nil {
		return err
	}
	b.WriteByte('\n') // apart from what another step adds
	_, err := io.WriteString(w, b.String())
	return err
}

// githubMessage escapes the text of a workflow command.
func githubMessage(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// githubProperty escapes a property of a workflow command.
func githubProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
