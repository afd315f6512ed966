package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// summary is a benchmark of two groups over some runs; one of its detectors is in the first run only.
func summary(t *testing.T, runs int) *Report {
	t.Helper()
	r := rand.New(rand.NewPCG(41, 42))
	sets := []string{"cifar100", "tin", "svhn"}
	var all []Run
	for k := range runs {
		var scored []Scores
		for d, name := range []string{"flow", "knn"} {
			if name == "knn" && k > 0 {
				continue
			}
			s := Scores{Detector: name, ID: normal(r, 100, 0, 1)}
			for i := range sets {
				s.OOD = append(s.OOD, normal(r, 80, float64(1+i-d), 1))
			}
			scored = append(scored, s)
		}
		results, err := EvaluateAll(sets, scored)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Run{Name: string(rune('a' + k)), Results: results})
	}
	report, err := Summarise("CIFAR-10", []Group{{"near", sets[:2]}, {"far", sets[2:]}}, all)
	if err != nil {
		t.Fatal(err)
	}
	report.ID = "cifar10"
	return report
}

// TestMeans holds the means against sums by hand.
func TestMeans(t *testing.T) {
	r := summary(t, 3)
	runs := r.Benchmark.Runs
	if len(runs) != 3 || len(r.Results) != 6 || r.tested() != "flow" {
		t.Fatalf("%d runs, %d results of %s", len(runs), len(r.Results), r.tested())
	}
	of := func(run int, detector, set string) float64 {
		res, ok := lookUp(runs[run].Results, detector, set)
		if !ok {
			t.Fatalf("run %d has no %s on %s", run, detector, set)
		}
		return res.AUROC
	}
	var near [3]float64
	for k := range near {
		near[k] = (of(k, "flow", "cifar100") + of(k, "flow", "tin")) / 2
	}
	m := (near[0] + near[1] + near[2]) / 3
	sd := math.Sqrt(((near[0]-m)*(near[0]-m) + (near[1]-m)*(near[1]-m) + (near[2]-m)*(near[2]-m)) / 2)
	got := r.means("near")[0]
	if got.Detector != "flow" || got.Sets != 2 || got.Runs != 3 {
		t.Errorf("%+v", got)
	}
	neared(t, got.AUROC.Mean, m)
	neared(t, *got.AUROC.SD, sd)
	knn := r.means("near")[1]
	if knn.Detector != "knn" || knn.Runs != 1 || knn.AUROC.SD != nil {
		t.Errorf("%+v", knn)
	}
	neared(t, knn.AUROC.Mean, (of(0, "knn", "cifar100")+of(0, "knn", "tin"))/2)
	res, _ := lookUp(r.Results, "flow", "tin")
	neared(t, res.AUROC, (of(0, "flow", "tin")+of(1, "flow", "tin")+of(2, "flow", "tin"))/3)
	if res.PValue != nil || res.GainSE != nil {
		t.Error("means have p-values")
	}
}

func neared(t *testing.T, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-14 {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestOneRunStaysAsItIs: groups add means, and change nothing else.
func TestOneRunStaysAsItIs(t *testing.T) {
	r := summary(t, 1)
	if r.Benchmark.Runs != nil || len(r.Benchmark.Means) != 4 || r.Results[3].PValue == nil && r.Results[0].PValue == nil {
		t.Errorf("%+v", r.Benchmark)
	}
	if err := r.Apply(Gates{Confidence: 0.95, Bounds: []Gate{auroc("", 0.5)}}); err != nil || len(r.Gates) != 3 {
		t.Errorf("%v: %+v", err, r.Gates)
	}
}

func TestGatesOnGroups(t *testing.T) {
	r := summary(t, 3)
	if err := r.Apply(Gates{Bounds: []Gate{auroc("near", 0.5), auroc("", 0.4), {Metric: GateGain, OOD: "far", Baseline: "knn", Strict: true}}}); err != nil {
		t.Fatal(err)
	}
	var on []string
	for _, g := range r.Gates {
		on = append(on, g.OOD)
	}
	if want := []string{"near", "cifar100", "tin", "svhn", "far"}; !slices.Equal(on, want) {
		t.Errorf("gates on %v, want %v", on, want)
	}
	neared(t, r.Gates[0].Value, r.means("near")[0].AUROC.Mean)
	for want, gates := range map[string]Gates{
		"means over several runs have no confidence interval":            {Confidence: 0.95, Bounds: []Gate{auroc("", 0.5)}},
		`no OOD set "fer" (the sets are cifar100, tin, svhn, near, far)`: {Bounds: []Gate{auroc("fer", 0.5)}},
	} {
		if err := r.Apply(gates); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	one := summary(t, 1)
	if err := one.Apply(Gates{Confidence: 0.95, Bounds: []Gate{auroc("near", 0.5)}}); err == nil || !strings.Contains(err.Error(), "the mean over a group has no confidence interval") {
		t.Error(err)
	}
}

// TestGroupsHaveNoHoles: a detector that is missing on a set has no mean, in whichever run that is and however many sets.
func TestGroupsHaveNoHoles(t *testing.T) {
	on := func(sets ...string) Run {
		var run Run
		for _, set := range sets {
			run.Results = append(run.Results, Result{Detector: "flow", OOD: set})
		}
		return run
	}
	groups := []Group{{"near", []string{"x", "y"}}, {"far", []string{"z"}}}
	for _, c := range []struct {
		runs []Run
		want string
	}{
		{[]Run{on("x")}, "group near: flow has results on 1 of its 2 sets"},
		{[]Run{on("x", "y")}, "group far: flow has results on 0 of its 1 sets; in a run it has to be on every set of the groups"},
		{[]Run{on("x", "y", "z"), on("x", "y")}, "group far: flow has results on 0 of its 1 sets"},
		{[]Run{on("x", "y", "z"), on("z")}, "group near: flow has results on 0 of its 2 sets"},
	} {
		if _, err := Summarise("b", groups, c.runs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
	if _, err := Summarise("b", append(groups, Group{Name: "none"}), []Run{on("x", "y", "z")}); err == nil || !strings.Contains(err.Error(), "group none: there are no sets in it") {
		t.Errorf("a group without sets: %v", err)
	}
	for _, runs := range [][]Run{{on("x", "y", "z")}, {on("x", "y", "z"), {}}} {
		if _, err := Summarise("b", groups, runs); err != nil {
			t.Error(err)
		}
	}
}
