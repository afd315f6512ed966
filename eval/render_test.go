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
			{"flow", "svhn", 10000, 5000, 0.9895, 0.9881, 0.9907, 0.99456, 0.9801, 0.058, 0.0612},
			{"msp", "svhn", 10000, 5000, 0.9259, 0.921, 0.93051, 0.95, 0.88, 0.56, 0.2},
			{"mahalanobis++", "svhn", 10000, 5000, 0.9873, 0.98577, 0.98878, 0.99456, 0.97, 0.068, 0.07},
			{"msp", "near|far", 10000, 1234567, 1, 0.99, 1, 1, 1, 0, 0},
			{"flow", "near|far", 10000, 1234567, 0.0312, 0.03, 0.04, 0.001, 0.9, 1, 1},
		},
		Skipped:  []Skip{{"react", "needs the classifier's head"}},
		Warnings: []string{"knn: k is 20 instead of 50"},
	}
	if err := r.Apply(Gates{Bounds: []Gate{auroc("", 0.9), auroc("svhn", 0.999)}}); err != nil {
		t.Fatal(err)
	}
	return r
}

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
