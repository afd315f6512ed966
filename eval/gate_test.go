package eval

import (
	"math"
	"strings"
	"testing"
)

func auroc(ood string, bound float64) Gate { return Gate{Metric: GateAUROC, OOD: ood, Bound: bound} }

func TestParseGate(t *testing.T) {
	for in, want := range map[string]Gate{
		"0.95": auroc("", 0.95), "svhn=0.9": auroc("svhn", 0.9), "1": auroc("", 1), "a=b=.5": auroc("a=b", 0.5), "x=1e-3": auroc("x", 1e-3),
	} {
		if got, err := ParseGate(GateAUROC, in); err != nil || got != want {
			t.Errorf("ParseGate(%q) = %+v, %v", in, got, err)
		}
	}
	for in, want := range map[string]Gate{"0": {Metric: GateFPR95}, "svhn=0.05": {Metric: GateFPR95, OOD: "svhn", Bound: 0.05}} {
		if got, err := ParseGate(GateFPR95, in); err != nil || got != want {
			t.Errorf("ParseGate(%q) = %+v, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{"1": "fraction in [0,1)", "5": "write 0.05", "-0.1": "fraction in [0,1)"} {
		if got, err := ParseGate(GateFPR95, in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseGate(%q) = %+v, %v, want an error with %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"95": "write 0.95", "svhn=98.5": "write 0.985", "100": "write 1", "2": "write 0.02",
		"0": "fraction in (0,1]", "-0.5": "fraction in (0,1]", "x=120": "fraction in (0,1]", "Inf": "fraction in (0,1]",
		"NaN": "not a number", "": "not a number", "svhn": "not a number", "svhn=": "not a number", "0,9": "not a number",
		"=0.9": "no OOD set is named",
	} {
		if got, err := ParseGate(GateAUROC, in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseGate(%q) = %+v, %v, want an error with %q", in, got, err, want)
		}
	}
}

func TestParseGain(t *testing.T) {
	for in, want := range map[string]Gate{
		"knn":                  {Baseline: "knn", Strict: true},
		"mahalanobis++:0.01":   {Baseline: "mahalanobis++", Bound: 0.01},
		"svhn=knn":             {OOD: "svhn", Baseline: "knn", Strict: true},
		"a:b=c=energy:-0.005":  {OOD: "a:b=c", Baseline: "energy", Bound: -0.005},
		"svhn=mahalanobis++:0": {OOD: "svhn", Baseline: "mahalanobis++"},
	} {
		want.Metric = GateGain
		got, err := ParseGain(in)
		if err != nil || got != want {
			t.Errorf("ParseGain(%q) = %+v, %v", in, got, err)
		}
		if got.String() != in {
			t.Errorf("%q is written as %q", in, got)
		}
	}
	for in, want := range map[string]string{
		"": "no baseline is named", ":0.1": "no baseline is named", "svhn=": "no baseline is named", "=knn": "no OOD set is named",
		"knn:": "not a number", "knn:x": "not a number", "knn:NaN": "not a number", "knn:1": "write 0.01", "knn:-1": "fraction in (-1,1)", "knn:2.5": "write 0.025",
	} {
		if got, err := ParseGain(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseGain(%q) = %+v, %v, want an error with %q", in, got, err, want)
		}
	}
}

// FuzzParseGate: whatever is accepted is a usable bound.
func FuzzParseGate(f *testing.F) {
	for _, s := range []string{"0.95", "svhn=0.9", "=", "a=b=0x1p-2", "95", "NaN", "1e400", "x=1_0", "svhn=knn:0.01", "a:b=knn"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, metric := range []string{GateAUROC, GateFPR95} {
			g, err := ParseGate(metric, s)
			if err == nil && !(g.Bound >= 0 && g.Bound <= 1) {
				t.Errorf("ParseGate(%s, %q) = %+v", metric, s, g)
			}
		}
		g, err := ParseGain(s)
		if err == nil && (g.Baseline == "" || !(g.Bound > -1 && g.Bound < 1)) {
			t.Errorf("ParseGain(%q) = %+v", s, g)
		}
	})
}

func gated(t *testing.T, gates ...Gate) *Report {
	t.Helper()
	r := &Report{ID: "id", Results: []Result{
		{Detector: "flow", OOD: "svhn", AUROC: 0.98, FPR95: 0.05},
		{Detector: "msp", OOD: "svhn", AUROC: 0.5, FPR95: 0.9},
		{Detector: "flow", OOD: "dtd", AUROC: 0.9, FPR95: 0.3},
		{Detector: "msp", OOD: "dtd", AUROC: 0.99},
	}}
	if err := r.Apply(Gates{Bounds: gates}); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestGatesApplyToTheTestedDetector(t *testing.T) {
	r := gated(t, auroc("", 0.95), auroc("svhn", 0.98))
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
	if !gated(t, auroc("", 0.9)).Passed() || !gated(t).Passed() {
		t.Error("did not pass")
	}
}

func TestGateOnFPR(t *testing.T) {
	r := gated(t, Gate{Metric: GateFPR95, Bound: 0.05})
	if g := r.Gates; len(g) != 2 || !g[0].Passed || g[0].Margin != 0 || g[1].Passed {
		t.Fatalf("%+v", g)
	}
	near(t, "margin", r.Gates[1].Margin, -0.25, 1e-15)
	if got, want := r.Gates[1].String(), "FAILED: flow on dtd: FPR@95 30.00 exceeds 5.00 by 25.00"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := r.Gates[0].String(), "passed: flow on svhn: FPR@95 5.00 keeps within 5.00 with 0.00 to spare"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGateOnGain(t *testing.T) {
	r := gated(t, Gate{Metric: GateGain, Baseline: "msp", Strict: true}, Gate{Metric: GateGain, OOD: "dtd", Baseline: "msp", Bound: -0.1},
		Gate{Metric: GateGain, OOD: "svhn", Baseline: "msp", Bound: 0.5})
	for i, want := range []string{
		"passed: flow on svhn: AUROC gain over msp 48.00 reaches 0.00 with 48.00 to spare",
		"FAILED: flow on dtd: AUROC gain over msp -9.00 misses 0.00 by 9.00",
		"passed: flow on dtd: AUROC gain over msp -9.00 reaches -10.00 with 1.00 to spare",
		"FAILED: flow on svhn: AUROC gain over msp 48.00 misses 50.00 by 2.00",
	} {
		if got := r.Gates[i].String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	// As good as the baseline is not ahead of it, unless that is asked for.
	r.Results[0].AUROC = r.Results[1].AUROC
	for strict, want := range map[bool]string{
		true:  "FAILED: flow on svhn: AUROC gain over msp 0.00 is not above 0.00",
		false: "passed: flow on svhn: AUROC gain over msp 0.00 reaches 0.00 with 0.00 to spare",
	} {
		if err := r.Apply(Gates{Bounds: []Gate{{Metric: GateGain, OOD: "svhn", Baseline: "msp", Strict: strict}}}); err != nil {
			t.Fatal(err)
		}
		if got := r.Gates[0].String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	r.Skipped = []Skip{{"energy", "energy needs logits"}}
	for baseline, want := range map[string]string{
		"energy": "gates: there is no result of energy on svhn: energy needs logits", "vim": "gates: there is no result of vim on svhn",
	} {
		if err := r.Apply(Gates{Bounds: []Gate{{Metric: GateGain, Baseline: baseline}}}); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestGateForUnknownSet(t *testing.T) {
	r := gated(t)
	err := r.Apply(Gates{Bounds: []Gate{auroc("svnh", 0.9)}})
	if err == nil || !strings.Contains(err.Error(), "svhn, dtd") {
		t.Errorf("error %v does not list the sets", err)
	}
}

// TestGateNeedsAResult: a gate must not pass because there is nothing to measure.
func TestGateNeedsAResult(t *testing.T) {
	empty := &Report{}
	if err := empty.Apply(Gates{Bounds: []Gate{auroc("", 0.9)}}); err == nil {
		t.Error("a gate on an empty report passed")
	}
	if err := empty.Apply(Gates{}); err != nil {
		t.Error(err)
	}
	r := gated(t)
	r.Results = append(r.Results, Result{Detector: "msp", OOD: "mnist", AUROC: 1})
	if err := r.Apply(Gates{Bounds: []Gate{auroc("", 0.5)}}); err == nil || !strings.Contains(err.Error(), "no result of flow on mnist") {
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
		g := held(auroc("svhn", c.min), Result{Detector: "flow", OOD: "svhn", AUROC: c.value})
		if got := g.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// held is what becomes of a gate on a single result.
func held(g Gate, res Result) GateResult {
	r := &Report{Results: []Result{res}}
	if err := r.Apply(Gates{Bounds: []Gate{g}}); err != nil {
		panic(err)
	}
	return r.Gates[0]
}

// TestGatesOnIntervals: the interval that decides is that of the metric at the confidence, and its cautious end does.
func TestGatesOnIntervals(t *testing.T) {
	r := full(t)
	flow, err := Compare(r.Scores.ID, r.Scores.OOD["far"])
	if err != nil {
		t.Fatal(err)
	}
	gates := []Gate{auroc("far", 0.5), {Metric: GateFPR95, OOD: "far", Bound: 0.5}, {Metric: GateGain, OOD: "far", Baseline: "msp", Bound: -0.9}}
	for _, level := range []float64{0.8, Level, 0.99} {
		if err := r.Apply(Gates{Bounds: gates, Confidence: level}); err != nil {
			t.Fatal(err)
		}
		msp, _ := lookUp(r.Results, "msp", "far")
		half := math.Sqrt2 * math.Erfinv(level) * *msp.GainSE
		for i, of := range []func(float64) (float64, float64, error){flow.AUROCInterval, flow.FPR95Interval,
			func(float64) (float64, float64, error) { return r.Gates[2].Value - half, r.Gates[2].Value + half, nil }} {
			low, high, err := of(level)
			if err != nil {
				t.Fatal(err)
			}
			g := r.Gates[i]
			near(t, "low", g.Interval.Low, low, 1e-15)
			near(t, "high", g.Interval.High, high, 1e-15)
			margin := low - g.Threshold
			if g.Metric == GateFPR95 {
				margin = g.Threshold - high
			}
			near(t, "margin", g.Margin, margin, 1e-15)
			if g.Passed != (margin >= 0) || g.Interval.Level != level {
				t.Errorf("%+v", g)
			}
		}
	}
	r.Scores = nil
	if err := r.Apply(Gates{Bounds: gates, Confidence: 0.8}); err == nil || !strings.Contains(err.Error(), "there are no scores on far") {
		t.Error(err)
	}
	for i := range r.Results {
		r.Results[i].GainSE = nil // a single image, say
	}
	if err := r.Apply(Gates{Bounds: gates[2:], Confidence: Level}); err != nil || r.Gates[0].Passed {
		t.Errorf("a gain of unknown error passed: %v, %+v", err, r.Gates)
	}
}
