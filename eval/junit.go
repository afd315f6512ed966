package eval

import (
	"encoding/xml"
	"fmt"
	"io"
)

// The elements of JUnit XML that WriteJUnit uses, as in junit-10.xsd of Jenkins' xUnit plugin.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitMessage `xml:"failure"`
		Skipped *junitMessage `xml:"skipped"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Type    string `xml:"type,attr,omitempty"`
		Message string `xml:"message,attr"`
	}
)

// WriteJUnit renders the report as JUnit XML: a test suite for each OOD set and each group of sets, in it a test case that passes for every
// detector measured, its figures as output, and one for each gate; and a suite of the detectors that were
// skipped. Names of test cases hold no figures but the gates' thresholds, so that their history can be followed.
func (r *Report) WriteJUnit(w io.Writer) error {
	out := junitSuites{Name: "oodflow eval"}
	for _, g := range append(r.groups(), r.groupResults()...) {
		out.add(r.junitSuite(g))
	}
	if len(r.Skipped) > 0 {
		out.add(r.junitSkipped())
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// add appends a suite and counts its cases.
func (s *junitSuites) add(suite junitSuite) {
	suite.Tests = len(suite.Cases)
	for _, c := range suite.Cases {
		if c.Failure != nil {
			suite.Failures++
		}
		if c.Skipped != nil {
			suite.Skipped++
		}
	}
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Suites = append(s.Suites, suite)
}

// junitSuite is what there is to say of one OOD set.
func (r *Report) junitSuite(group []Result) junitSuite {
	s := junitSuite{Name: r.ID + " against " + group[0].OOD}
	for _, res := range group {
		c := junitCase{Class: junitClass(res.Detector, res.OOD), Name: "measured", Output: res.line()}
		if res.NOOD == 0 { // the mean over a group
			c.Output = res.means()
		}
		s.Cases = append(s.Cases, c)
	}
	for _, g := range r.Gates {
		if g.OOD != group[0].OOD {
			continue
		}
		c := junitCase{Class: junitClass(g.Detector, g.OOD), Name: g.Name()}
		if g.Passed {
			c.Output = g.Line()
		} else {
			c.Failure = &junitMessage{Type: "gate", Message: g.Line()}
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}

func (r *Report) junitSkipped() junitSuite {
	s := junitSuite{Name: "detectors that could not run"}
	for _, k := range r.Skipped {
		s.Cases = append(s.Cases, junitCase{Class: "oodflow." + k.Detector, Name: "measured", Skipped: &junitMessage{Message: k.Reason}})
	}
	return s
}

// junitClass groups cases by detector, then OOD set, in viewers that make a tree of class names.
func junitClass(detector, ood string) string { return "oodflow." + detector + "." + ood }

// means is a result without intervals on one line, in percent.
func (r Result) means() string {
	return fmt.Sprintf("%s on %s: AUROC %.2f, AUPR-in %.2f, AUPR-out %.2f, FPR@95 %.2f",
		r.Detector, r.OOD, 100*r.AUROC, 100*r.AUPRIn, 100*r.AUPROut, 100*r.FPR95)
}

// line is a result on one line, in percent.
func (r Result) line() string {
	return fmt.Sprintf("%s on %s: AUROC %.2f (%.2f to %.2f at %g %% confidence), AUPR-in %.2f, AUPR-out %.2f, FPR@95 %.2f, %d ID and %d OOD images",
		r.Detector, r.OOD, 100*r.AUROC, 100*r.AUROCLow, 100*r.AUROCHigh, 100*Level,
		100*r.AUPRIn, 100*r.AUPROut, 100*r.FPR95, r.NID, r.NOOD)
}
