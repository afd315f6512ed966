package eval

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// draw is a report on scores of n ID and n OOD images, with normal noise of its own beside what the images share.
func draw(r *rand.Rand, shared [][]float64, noise float64, shift float64) *Report {
	n := len(shared[0])
	scores := &KeptScores{OOD: map[string][]float64{}}
	add := func(x []float64, shift float64) []float64 {
		y := make([]float64, n)
		for i := range y {
			y[i] = x[i] + shift + noise*r.NormFloat64()
		}
		return y
	}
	scores.ID = add(shared[0], 0)
	report := &Report{ID: "id", Scores: scores}
	for s, x := range shared[1:] {
		name := fmt.Sprint("set", s)
		scores.OOD[name] = add(x, shift)
		c, err := Compare(scores.ID, scores.OOD[name])
		if err != nil {
			panic(err)
		}
		res := Result{Detector: "flow", OOD: name, NID: n, NOOD: n, AUROC: c.AUROC()}
		if res.AUROCLow, res.AUROCHigh, err = c.AUROCInterval(Level); err != nil {
			panic(err)
		}
		report.Results = append(report.Results, res)
	}
	return report
}

// images draws what the detectors see of one ID and k OOD sets.
func images(r *rand.Rand, n, k int) [][]float64 {
	out := make([][]float64, 1+k)
	for i := range out {
		out[i] = normal(r, n, 0, 1)
	}
	return out
}

// losses returns the share of draws in which a loss is found.
func losses(t *testing.T, draws int, pair func() (now, then *Report)) float64 {
	t.Helper()
	found := 0
	for range draws {
		now, then := pair()
		if err := now.Apply(Gates{Previous: then}); err != nil {
			t.Fatal(err)
		}
		if !now.Passed() {
			found++
		}
	}
	return float64(found) / float64(draws)
}

// TestNoFalseAlarm: detectors that are equally good fail by chance in at most 2.5 % of the draws, however many sets there are.
func TestNoFalseAlarm(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	const draws, n = 1000, 150
	for _, c := range []struct {
		name         string
		sets         int
		shift        float64
		same, scores bool
		least        float64
	}{
		{"other images", 1, 2, false, false, 0.008},
		{"other images, AUROC near 1", 1, 4, false, false, 0},
		{"other images, three sets", 3, 2, false, false, 0.005},
		{"other images, paired", 1, 2, false, true, 0.008},
		{"same images, paired", 1, 2, true, true, 0.012},
		{"same images, paired, three sets", 3, 2, true, true, 0.008},
		{"same images, unpaired", 1, 2, true, false, 0},
	} {
		got := losses(t, draws, func() (now, then *Report) {
			first := images(r, n, c.sets)
			second := first
			if !c.same {
				second = images(r, n, c.sets)
			}
			now, then = draw(r, first, 0.5, c.shift), draw(r, second, 0.5, c.shift)
			if !c.scores {
				then.Scores = nil
			}
			return now, then
		})
		t.Logf("%s: %.3f", c.name, got)
		if got > 0.025+0.015 || got < c.least { // 3 standard errors of 0.025 are 0.015
			t.Errorf("%s: %.3f of the draws fail", c.name, got)
		}
	}
}

// TestPairedFindsSmallLosses: on the same images a loss of under one point is found by the paired test only.
func TestPairedFindsSmallLosses(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	for paired, want := range map[bool][2]float64{true: {0.9, 1}, false: {0, 0.1}} {
		got := losses(t, 100, func() (now, then *Report) {
			same := images(r, 1000, 1)
			now, then = draw(r, same, 0.1, 1.94), draw(r, same, 0.1, 2)
			if !paired {
				now.Scores = nil
			}
			return now, then
		})
		if got < want[0] || got > want[1] {
			t.Errorf("paired %v: found in %.2f of the draws", paired, got)
		}
	}
}

// TestUnpairedAtKnownErrors: where both intervals are symmetric, the interval of the change is that of the z-test.
func TestUnpairedAtKnownErrors(t *testing.T) {
	const z, se1, se2 = 1.959963984540054, 0.01, 0.02
	now := Result{AUROC: 0.8, AUROCLow: 0.8 - z*se1, AUROCHigh: 0.8 + z*se1}
	then := Result{AUROC: 0.85, AUROCLow: 0.85 - z*se2, AUROCHigh: 0.85 + z*se2}
	se := math.Hypot(se1, se2)
	for _, level := range []float64{0.9, 0.95, 0.99} {
		low, high, p := unpaired(now, then, level)
		half := math.Sqrt2 * math.Erfinv(level) * se
		near(t, "low", low, -0.05-half, 1e-12)
		near(t, "high", high, -0.05+half, 1e-12)
		near(t, "p", p, math.Erfc(0.05/se/math.Sqrt2), 1e-12)
	}
}

func TestChangeSaysByHowMuch(t *testing.T) {
	then := &Report{ID: "id", Results: []Result{{Detector: "knn", OOD: "svhn", NID: 9, NOOD: 9, AUROC: 0.9895, AUROCLow: 0.9881, AUROCHigh: 0.9907}}}
	now := &Report{ID: "id", Results: []Result{{Detector: "flow", OOD: "svhn", NID: 9, NOOD: 9, AUROC: 0.971, AUROCLow: 0.969, AUROCHigh: 0.973}}}
	for _, c := range []struct {
		now, then *Report
		want      string
	}{
		{now, then, "FAILED: flow on svhn: AUROC 97.10 against the former knn's 98.95 is a significant loss of 1.85 (-2.08 to -1.61 at 95 % confidence, p below 0.0001, unpaired)"},
		{then, now, "passed: knn on svhn: AUROC 98.95 against the former flow's 97.10 is no significant loss (+1.61 to +2.08 at 95 % confidence, p below 0.0001, unpaired)"},
		{then, then, "passed: knn on svhn: AUROC 98.95 against the former 98.95 is no significant loss (-0.18 to +0.18 at 95 % confidence, p 1, unpaired)"},
	} {
		if err := c.now.Apply(Gates{Previous: c.then}); err != nil {
			t.Fatal(err)
		}
		if got := c.now.Gates[0].String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestPreviousHasToFit(t *testing.T) {
	one := func(id string, sets ...string) *Report {
		r := &Report{ID: id}
		for _, s := range sets {
			r.Results = append(r.Results, Result{Detector: "flow", OOD: s, NID: 1, NOOD: 1, AUROC: 0.5, AUROCHigh: 1})
		}
		return r
	}
	now := one("id", "svhn", "dtd")
	for want, then := range map[string]*Report{
		`ID set "other"`: one("other", "svhn"), `OOD set "mnist", this one has not (its sets are svhn, dtd)`: one("id", "svhn", "mnist"),
		"no results": one("id"),
	} {
		if err := now.Apply(Gates{Previous: then}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if err := now.Apply(Gates{Previous: one("id", "dtd")}); err != nil || len(now.Gates) != 1 {
		t.Errorf("a set that is new: %v, %+v", err, now.Gates)
	}
}

func TestReadJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	want := draw(r, images(r, 20, 2), 0.5, 1)
	var b bytes.Buffer
	if err := want.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	got, err := ReadJSON(strings.NewReader(text))
	if err != nil || !slices.Equal(got.Scores.OOD["set1"], want.Scores.OOD["set1"]) || len(got.Results) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	for want, text := range map[string]string{
		"not a report in JSON: EOF":                     "",
		"not a report in JSON":                          "id,ood",
		"something follows":                             text + "{}",
		"no results":                                    `{"id": "x"}`,
		"is there twice":                                strings.Replace(text, `"ood": "set1"`, `"ood": "set0"`, 1),
		"detector or ood is missing":                    strings.Replace(text, `"ood": "set1"`, `"odd": "set1"`, 1),
		"numbers of images 20 and 0":                    strings.Replace(text, `"n_ood": 20`, `"n_ood": 0`, 1),
		"their AUROC is":                                strings.Replace(text, `"id": [`, `"id": [100, `, 1),
		"there are no scores on set1":                   strings.Replace(text, `"set1": [`, `"set2": [`, 1),
		"AUROC 1.5 with the interval":                   strings.Replace(text, `"auroc": 0.`, `"auroc": 1.5, "x": 0.`, 1),
		"cannot unmarshal string into Go struct field ": strings.Replace(text, `"auroc": 0.`, `"auroc": "high", "x": 0.`, 1),
	} {
		if _, err := ReadJSON(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// FuzzReadJSON: what is read can be compared with itself, and nothing is lost.
func FuzzReadJSON(f *testing.F) {
	r := rand.New(rand.NewPCG(27, 28))
	for _, scores := range []bool{false, true} {
		report := draw(r, images(r, 3, 2), 0.5, 1)
		if !scores {
			report.Scores = nil
		}
		var b bytes.Buffer
		if err := report.WriteJSON(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ReadJSON(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, group := range r.groups() {
			if group[0].Detector != r.tested() {
				return // was not run on all sets
			}
		}
		if err := r.Apply(Gates{Previous: r}); err != nil || !r.Passed() {
			t.Errorf("against itself: %v, %+v", err, r.Gates)
		}
	})
}
