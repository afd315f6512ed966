package eval

import (
	"math"
	"strings"
	"testing"
)

func TestParseGate(t *testing.T) {
	for in, want := range map[string]Gate{
		"0.95": {"", 0.95}, "svhn=0.9": {"svhn", 0.9}, "1": {"", 1}, "a=b=.5": {"a=b", 0.5}, "x=1e-3": {"x", 1e-3},
	} {
		if got, err := ParseGate(in); err != nil || got != want {
			t.Errorf("ParseGate(%q) = %+v, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"95": "write 0.95", "svhn=98.5": "write 0.985", "100": "write 1", "2": "write 0.02",
		"0": "fraction in (0,1]", "-0.5": "fraction in (0,1]", "x=120": "fraction in (0,1]", "Inf": "fraction in (0,1]",
		"NaN": "not a number", "": "not a number", "svhn": "not a number", "svhn=": "not a number", "0,9": "not a number",
		"=0.9": "no OOD set is named",
	} {
		if got, err := ParseGate(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseGate(%q) = %+v, %v, want an error with %q", in, got, err, want)
		}
	}
}

// FuzzParseGate: whatever is accepted is a usable bound.
func FuzzParseGate(f *testing.F) {
	for _, s := range []string{"0.95", "svhn=0.9", "=", "a=b=0x1p-2", "95", "NaN", "1e400", "x=1_0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := ParseGate(s)
		if err == nil && !(g.Min > 0 && g.Min <= 1) {
			t.Errorf("ParseGate(%q) = %+v", s, g)
		}
	})
}

func gated(t *testing.T, gates ...Gate) *Report {
	t.Helper()
	r := &Report{ID: "id", Results: []Result{
		{Detector: "flow", OOD: "svhn", AUROC: 0.98},
		{Detector: "msp", OOD: "svhn", AUROC: 0.5},
		{Detector: "flow", OOD: "dtd", AUROC: 0.9},
		{Detector: "msp", OOD: "dtd", AUROC: 0.99},
	}}
	if err := r.Apply(gates); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestGatesApplyToTheTestedDetector(t *testing.T) {
	r := gated(t, Gate{"", 0.95}, Gate{"svhn", 0.98})
	want := []GateResult{
		{Detector: "flow", OOD: "svhn", Metric: "auroc", Threshold: 0.95, Value: 0.98, Passed: true},
		{Detector: "flow", OOD: "dtd", Metric: "auroc", Threshold: 0.95, Value: 0.9, Passed: false},
		{Detector: "flow", OOD: "svhn", Metric: "auroc", Threshold: 0.98, Value: 0.98, Passed: true}, // at the bound
	}
	if len(r.Gates) != len(want) {
		t.Fatalf("%d gate results, want %d: %+v", len(r.Gates), len(want), r.Gates)
	}
	for i, w := range want {
		g := r.Gates[i]
		near(t, "margin", g.Margin, w.Value-w.Threshold, 1e-15)
		g.Margin = 0
		if g != w {
			t.Errorf("gate %d: %+v, want %+v", i, g, w)
		}
	}
	if r.Passed() {
		t.Error("passed with a failed gate")
	}
	if !gated(t, Gate{"", 0.9}).Passed() || !gated(t).Passed() {
		t.Error("did not pass")
	}
}

func TestGateForUnknownSet(t *testing.T) {
	r := gated(t)
	err := r.Apply([]Gate{{"svnh", 0.9}})
	if err == nil || !strings.Contains(err.Error(), "svhn, dtd") {
		t.Errorf("error %v does not list the sets", err)
	}
}

// TestGateNeedsAResult: a gate must not pass because there is nothing to measure.
func TestGateNeedsAResult(t *testing.T) {
	empty := &Report{}
	if err := empty.Apply([]Gate{{"", 0.9}}); err == nil {
		t.Error("a gate on an empty report passed")
	}
	if err := empty.Apply(nil); err != nil {
		t.Error(err)
	}
	r := gated(t)
	r.Results = append(r.Results, Result{Detector: "msp", OOD: "mnist", AUROC: 1})
	if err := r.Apply([]Gate{{"", 0.5}}); err == nil || !strings.Contains(err.Error(), "no result of flow on mnist") {
		t.Errorf("a gate on a set that only another detector was run on: %v", err)
	}
}

func TestGateSaysByHowMuch(t *testing.T) {
	for _, c := range []struct {
		value, min float64
		want       string
	}{
		{0.9895, 0.999, "FAILED: flow on svhn: AUROC 98.95 misses 99.90 by 0.95"},
		{0.9895, 0.9, "passed: flow on svhn: AUROC 98.95 reaches 90.00 with 8.95 to spare"},
		{0.98999, 0.99, "FAILED: flow on svhn: AUROC 98.999 misses 99.000 by 0.001"}, // not "99.00 misses 99.00"
		{math.Nextafter(0.5, 0), 0.5, "FAILED: flow on svhn: AUROC 50.000000000000 misses 50.000000000000 by 0.000000000000"},
	} {
		g := Gate{"svhn", c.min}.measure(Result{Detector: "flow", OOD: "svhn", AUROC: c.value})
		if got := g.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
