package eval

import (
	"bytes"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// hostile has names that every format has to escape.
func hostile(t *testing.T) *Report {
	t.Helper()
	r := &Report{ID: "id \"q\" <a&b> ::error::x\n#1\x01\xff", Results: []Result{
		{Detector: "flow", OOD: "it's #2, 50 % & \"co\\op\"\nline", AUROC: 0.5, AUROCHigh: 1, NID: 1, NOOD: 2},
		{Detector: "a]]>b\t\u2028", OOD: "it's #2, 50 % & \"co\\op\"\nline", AUROC: 0.25},
	}, Skipped: []Skip{{"<skip>", "100 % \n::error::"}}, Warnings: []string{"50 %\r\n::error::boo"}}
	err := r.Apply(Gates{Bounds: []Gate{auroc("", 0.9), auroc("", 0.4), {Metric: GateGain, Baseline: "a]]>b\t\u2028", Strict: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func rendered(t *testing.T, r *Report, format string) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b, format, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// reports are what the consumers' readers are shown.
func reports(t *testing.T) map[string]*Report {
	return map[string]*Report{"sample": sample(t), "hostile": hostile(t), "empty": {ID: "x"}, "benchmark": gatedSummary(t)}
}

// gatedSummary is a benchmark with gates on sets and on a group.
func gatedSummary(t *testing.T) *Report {
	t.Helper()
	r := summary(t, 3)
	if err := r.Apply(Gates{Bounds: []Gate{auroc("near", 0.99), auroc("", 0.4)}}); err != nil {
		t.Fatal(err)
	}
	return r
}

// groupMeansOf counts the means over groups.
func groupMeansOf(r *Report) int {
	n := 0
	for _, name := range r.groupNames() {
		n += len(r.means(name))
	}
	return n
}

// TestJUnitIsValid holds JUnit XML against the schema of Jenkins' xUnit plugin. testdata/junit-10.xsd is that of
// https://github.com/jenkinsci/xunit-plugin at ae25da5089d4 (MIT, its notice is in the file), as in Debian's source package
// python-xmlrunner 3.2.0.
func TestJUnitIsValid(t *testing.T) {
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("needs xmllint, of Debian's libxml2-utils")
	}
	for name, r := range reports(t) {
		file := filepath.Join(t.TempDir(), name+".xml")
		if err := os.WriteFile(file, []byte(rendered(t, r, "junit")), 0o666); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("xmllint", "--noout", "--nonet", "--schema", "testdata/junit-10.xsd", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestJUnitCounts wants the totals to be those of the cases, and a failure for every failed gate.
func TestJUnitCounts(t *testing.T) {
	for name, r := range reports(t) {
		var got junitSuites
		if err := xml.Unmarshal([]byte(rendered(t, r, "junit")), &got); err != nil {
			t.Fatal(name, err)
		}
		tests, failures := 0, 0
		for _, s := range got.Suites {
			tests += len(s.Cases)
			for _, c := range s.Cases {
				if c.Failure != nil {
					failures++
				}
			}
		}
		failed := 0
		for _, g := range r.Gates {
			if !g.Passed {
				failed++
			}
		}
		if want := len(r.Results) + groupMeansOf(r) + len(r.Gates) + len(r.Skipped); tests != want || got.Tests != want {
			t.Errorf("%s: %d cases, says %d, want %d", name, tests, got.Tests, want)
		}
		if failures != failed || got.Failures != failed {
			t.Errorf("%s: %d failures, says %d, want %d", name, failures, got.Failures, failed)
		}
	}
}

// TestGitHubLines wants every line to be one command, which GitHub's runner unescapes to what was meant.
func TestGitHubLines(t *testing.T) {
	r := hostile(t)
	lines := strings.Split(strings.TrimSuffix(rendered(t, r, "github"), "\n"), "\n")
	want := []string{r.Gates[0].Line(), r.Warnings[0], "2 of 3 gates passed"}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), strings.Join(lines, "\n"))
	}
	unescape := strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n")
	for i, line := range lines {
		command, message, ok := strings.Cut(strings.TrimPrefix(line, "::"), "::")
		kind, title, titled := strings.Cut(command, " title=")
		if !ok || !titled || kind != "error" && kind != "warning" && kind != "notice" || strings.ContainsAny(title, ",:\r") {
			t.Errorf("line %d: %q", i, line)
		}
		if got := unescape.Replace(message); got != want[i] {
			t.Errorf("line %d says %q, want %q", i, got, want[i])
		}
	}
}

// TestGitLabReads wants each line, taken as GitLab takes it, to be a name and a number: GitLab cuts from # to the end of the
// line, splits the rest like a shell, and pairs the first two words (lib/gitlab/ci/parsers/metrics/generic.rb).
func TestGitLabReads(t *testing.T) {
	for name, r := range reports(t) {
		text := rendered(t, r, "gitlab")
		if !strings.HasSuffix(text, "# EOF\n") {
			t.Errorf("%s: no end mark", name)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(text) {
			line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), "#")
			if line == "" {
				continue
			}
			words := shellWords(line)
			if len(words) != 2 || seen[words[0]] || !strings.HasPrefix(words[0], "oodflow_") || strings.Trim(words[1], "0123456789.e-") != "" {
				t.Errorf("%s: %q is read as %q", name, line, words)
			}
			seen[words[0]] = true
		}
		if want := len(openMetrics)*len(r.Results) + (len(openMetrics)-2)*groupMeansOf(r) + len(r.Gates); len(seen) != want {
			t.Errorf("%s: %d figures, want %d", name, len(seen), want)
		}
	}
}

// shellWords splits a line at blanks outside quotes, a backslash keeping what follows, as Ruby's Shellwords does.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, kept := rune(0), false
	for _, c := range line + " " {
		switch {
		case kept:
			word.WriteRune(c)
			kept = false
		case c == '\\' && quote != '\'':
			kept = true
		case quote == c:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && unicode.IsSpace(c):
			if word.Len() > 0 {
				words = append(words, word.String())
				word.Reset()
			}
		default:
			word.WriteRune(c)
		}
	}
	return words
}

// TestOpenMetrics wants Prometheus' own reader of OpenMetrics text to take what is written for GitLab.
func TestOpenMetrics(t *testing.T) {
	const program = "import sys\nfrom prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n" +
		"print(sum(len(f.samples) for f in parse(sys.stdin.read())))"
	if exec.Command("python3", "-c", "import prometheus_client.openmetrics").Run() != nil {
		t.Skip("needs Debian's python3-prometheus-client")
	}
	for name, r := range reports(t) {
		cmd := exec.Command("python3", "-c", program)
		cmd.Stdin = bytes.NewBufferString(rendered(t, r, "gitlab"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
