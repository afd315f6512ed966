package eval

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sample has two OOD sets, detectors in mixed order, a tie for the best, and everything beside the results.
func sample(t *testing.T) *Report {
	t.Helper()
	r := &Report{
		ID: "cifar10-test",
		Results: []Result{
			{Detector: "flow", OOD: "svhn", NID: 10000, NOOD: 5000, AUROC: 0.9895, AUROCLow: 0.9881, AUROCHigh: 0.9907,
				AUPRIn: 0.99456, AUPROut: 0.9801, FPR95: 0.058, FPR95Low: 0.05, FPR95High: 0.0665, FPR95OODPositive: 0.0612,
				FPR95OODPositiveLow: 0.055, FPR95OODPositiveHigh: 0.07, DetectionError: 0.0465, AUTC: 0.41, OSCR: ref(0.9),
				Best: true},
			{Detector: "msp", OOD: "svhn", NID: 10000, NOOD: 5000, AUROC: 0.9259, AUROCLow: 0.921, AUROCHigh: 0.93051,
				AUPRIn: 0.95, AUPROut: 0.88, FPR95: 0.56, FPR95Low: 0.54, FPR95High: 0.58, FPR95OODPositive: 0.2,
				FPR95OODPositiveLow: 0.19, FPR95OODPositiveHigh: 0.21, DetectionError: 0.12, AUTC: 0.35, OSCR: ref(0.87),
				PValue: ref(1.25e-9)},
			{Detector: "mahalanobis++", OOD: "svhn", NID: 10000, NOOD: 5000, AUROC: 0.9891, AUROCLow: 0.98577, AUROCHigh: 0.98878,
				AUPRIn: 0.99456, AUPROut: 0.97, FPR95: 0.068, FPR95Low: 0.06, FPR95High: 0.076, FPR95OODPositive: 0.07,
				DetectionError: 0.05, AUTC: 0.4, PValue: ref(0.0821), Best: true},
			{Detector: "msp", OOD: "near|far", NID: 10000, NOOD: 1234567, AUROC: 1, AUROCLow: 0.99, AUROCHigh: 1,
				AUPRIn: 1, AUPROut: 1, Best: true},
			{Detector: "flow", OOD: "near|far", NID: 10000, NOOD: 1234567, AUROC: 0.0312, AUROCLow: 0.03, AUROCHigh: 0.04,
				AUPRIn: 0.001, AUPROut: 0.9, FPR95: 1, FPR95Low: 0.99, FPR95High: 1, FPR95OODPositive: 1, DetectionError: 0.5,
				AUTC: 0.8, PValue: ref(0.0)},
		},
		Skipped:  []Skip{{"react", "needs the classifier's head"}},
		Warnings: []string{"knn: k is 20 instead of 50"},
	}
	if err := r.Apply(Gates{Bounds: []Gate{auroc("", 0.9), auroc("svhn", 0.999)}}); err != nil {
		t.Fatal(err)
	}
	return r
}

func ref(x float64) *float64 { return &x }

func TestRendering(t *testing.T) {
	plain := sample(t)
	plain.Results = plain.Results[:1]
	plain.Gates, plain.Skipped, plain.Warnings = nil, nil, nil
	for _, c := range []struct {
		file, format string
		report       *Report
		options      Options
	}{
		{"report.txt", "text", sample(t), Options{}},
		{"report.color.txt", "text", sample(t), Options{Color: true}},
		{"report.md", "markdown", sample(t), Options{}},
		{"report.csv", "csv", sample(t), Options{}},
		{"report.json", "json", sample(t), Options{}},
		{"benchmark.txt", "text", summary(t, 1), Options{}},
		{"benchmark.runs.txt", "text", summary(t, 3), Options{}},
		{"benchmark.runs.md", "markdown", summary(t, 3), Options{}},
		{"benchmark.runs.csv", "csv", summary(t, 3), Options{}},
		{"benchmark.runs.json", "json", summary(t, 2), Options{}},
		{"report.junit.xml", "junit", sample(t), Options{}},
		{"report.github", "github", sample(t), Options{}},
		{"report.gitlab", "gitlab", sample(t), Options{}},
		{"empty.junit.xml", "junit", &Report{ID: "x"}, Options{}},
		{"single.txt", "text", plain, Options{}},
		{"single.json", "json", plain, Options{}},
		{"empty.json", "json", &Report{ID: "x"}, Options{}},
	} {
		var b bytes.Buffer
		if err := c.report.Write(&b, c.format, c.options); err != nil {
			t.Fatal(err)
		}
		path := "testdata/" + c.file
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s differs from %s:\n%s", c.format, path, b.Bytes())
		}
	}
	if err := plain.Write(&bytes.Buffer{}, "xml", Options{}); err == nil {
		t.Error("an unknown format was accepted")
	}
}

// TestIntervalsAreOnlyPromisedWhereShown: over several runs the standard deviation stands in their place.
func TestIntervalsAreOnlyPromisedWhereShown(t *testing.T) {
	for runs, want := range map[int]bool{1: true, 3: false} {
		for _, format := range []string{"text", "markdown"} {
			var b bytes.Buffer
			if err := summary(t, runs).Write(&b, format, Options{}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(b.String(), "95 % interval"); got != want {
				t.Errorf("%d runs as %s: intervals are named: %v", runs, format, got)
			}
		}
	}
}

func TestTextFitsATerminal(t *testing.T) {
	var b bytes.Buffer
	if err := sample(t).WriteText(&b, Options{}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := len(strings.TrimSuffix(line, "\n")); n > 90 || strings.HasSuffix(line, " \n") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	var b bytes.Buffer
	want := sample(t)
	if err := want.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got Report
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("got %+v\nwant %+v", got, *want)
	}
}
