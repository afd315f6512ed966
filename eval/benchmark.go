package eval

import (
	"fmt"
	"math"
	"slices"
)

// Group is a group of OOD sets whose mean is of interest, say near-OOD.
type Group struct {
	Name string   `json:"name"`
	Sets []string `json:"sets"`
}

// Run is what one classifier or seed gave in a benchmark.
type Run struct {
	Name    string   `json:"name"`
	Results []Result `json:"results"`
}

// Benchmark is what a report on groups of OOD sets, or over several runs, has beside the results.
type Benchmark struct {
	Name   string  `json:"name"`
	Groups []Group `json:"groups"`
	Means  []Mean  `json:"means"`          // over groups, and where there are several runs over sets
	Runs   []Run   `json:"runs,omitempty"` // where there are several
}

// Mean is a detector's mean over the sets of a group, every set weighing the same as in OpenOOD, and over the runs of
// that detector.
type Mean struct {
	Detector         string `json:"detector"`
	Over             string `json:"over"` // the group or OOD set
	Sets             int    `json:"sets"`
	Runs             int    `json:"runs"`
	AUROC            Spread `json:"auroc"`
	AUPRIn           Spread `json:"aupr_in"`
	AUPROut          Spread `json:"aupr_out"`
	FPR95            Spread `json:"fpr95"`
	FPR95OODPositive Spread `json:"fpr95_ood_positive"`
}

// Spread is a mean over runs with their sample standard deviation (n − 1); nil for a single run.
type Spread struct {
	Mean float64  `json:"mean"`
	SD   *float64 `json:"sd,omitempty"`
}

// Summarise makes one report of the runs of a benchmark. A detector need not be in every run, but in a run it has to be on every
// set of the groups. With several runs the results are means over the runs of each detector, ends of intervals
// included; Best then means best in every run that the detector is in, and p-values and standard errors are left out.
func Summarise(name string, groups []Group, runs []Run) (*Report, error) {
	b := &Benchmark{Name: name, Groups: groups}
	r := &Report{Benchmark: b}
	if len(runs) > 1 {
		b.Runs = runs
	}
	for _, first := range distinct(runs) {
		var over []Result
		for _, run := range runs {
			if res, ok := lookUp(run.Results, first.Detector, first.OOD); ok {
				over = append(over, res)
			}
		}
		if len(runs) == 1 {
			r.Results = append(r.Results, first)
			continue
		}
		r.Results = append(r.Results, meanResult(over))
		b.Means = append(b.Means, mean(first.Detector, first.OOD, 1, over))
	}
	for _, g := range groups {
		for _, detector := range detectorsOf(r.Results) {
			over, err := groupMeans(g, detector, runs)
			if err != nil {
				return nil, err
			}
			b.Means = append(b.Means, mean(detector, g.Name, len(g.Sets), over))
		}
	}
	return r, nil
}

// distinct returns the first result of each detector on each set.
func distinct(runs []Run) []Result {
	var out []Result
	for _, run := range runs {
		for _, res := range run.Results {
			if _, ok := lookUp(out, res.Detector, res.OOD); !ok {
				out = append(out, res)
			}
		}
	}
	return out
}

func lookUp(results []Result, detector, ood string) (Result, bool) {
	k := slices.IndexFunc(results, func(r Result) bool { return r.Detector == detector && r.OOD == ood })
	if k < 0 {
		return Result{}, false
	}
	return results[k], true
}

func detectorsOf(results []Result) []string {
	var names []string
	for _, r := range results {
		if !slices.Contains(names, r.Detector) {
			names = append(names, r.Detector)
		}
	}
	return names
}

// groupMeans returns a detector's mean over a group for each run that has the detector.
func groupMeans(g Group, detector string, runs []Run) ([]Result, error) {
	if len(g.Sets) == 0 {
		return nil, fmt.Errorf("group %s: there are no sets in it", g.Name)
	}
	var out []Result
	for _, run := range runs {
		if !slices.ContainsFunc(run.Results, func(r Result) bool { return r.Detector == detector }) {
			continue
		}
		var sets []Result
		for _, set := range g.Sets {
			if res, ok := lookUp(run.Results, detector, set); ok {
				sets = append(sets, res)
			}
		}
		if len(sets) < len(g.Sets) {
			return nil, fmt.Errorf("group %s: %s has results on %d of its %d sets; in a run it has to be on every set of the groups",
				g.Name, detector, len(sets), len(g.Sets))
		}
		out = append(out, meanResult(sets))
	}
	return out, nil
}

// meanResult is the mean of every figure.
func meanResult(over []Result) Result {
	m := Result{Detector: over[0].Detector, OOD: over[0].OOD, NID: over[0].NID, NOOD: over[0].NOOD, Best: true}
	for _, r := range over {
		m.Best = m.Best && r.Best
	}
	for i, to := range m.figures() {
		var s sum
		for _, r := range over {
			s.add(*r.figures()[i])
		}
		*to = s.value() / float64(len(over))
	}
	if !slices.ContainsFunc(over, func(r Result) bool { return r.OSCR == nil }) {
		var s sum
		for _, r := range over {
			s.add(*r.OSCR)
		}
		oscr := s.value() / float64(len(over))
		m.OSCR = &oscr
	}
	return m
}

// figures are the fields that means are taken of.
func (r *Result) figures() []*float64 {
	return []*float64{&r.AUROC, &r.AUROCLow, &r.AUROCHigh, &r.AUPRIn, &r.AUPROut, &r.FPR95, &r.FPR95OODPositive,
		&r.FPR95Low, &r.FPR95High, &r.FPR95OODPositiveLow, &r.FPR95OODPositiveHigh, &r.DetectionError, &r.AUTC}
}

func mean(detector, name string, sets int, over []Result) Mean {
	spread := func(of func(Result) float64) Spread {
		var s, squares sum
		for _, r := range over {
			s.add(of(r))
		}
		out := Spread{Mean: s.value() / float64(len(over))}
		if len(over) < 2 {
			return out
		}
		for _, r := range over {
			d := of(r) - out.Mean
			squares.add(d * d)
		}
		sd := math.Sqrt(squares.value() / float64(len(over)-1))
		out.SD = &sd
		return out
	}
	return Mean{
		Detector: detector, Over: name, Sets: sets, Runs: len(over),
		AUROC:            spread(func(r Result) float64 { return r.AUROC }),
		AUPRIn:           spread(func(r Result) float64 { return r.AUPRIn }),
		AUPROut:          spread(func(r Result) float64 { return r.AUPROut }),
		FPR95:            spread(func(r Result) float64 { return r.FPR95 }),
		FPR95OODPositive: spread(func(r Result) float64 { return r.FPR95OODPositive }),
	}
}

// means returns the means over a group or set, the detector under test first.
func (r *Report) means(over string) []Mean {
	if r.Benchmark == nil {
		return nil
	}
	var out []Mean
	for _, m := range r.Benchmark.Means {
		if m.Over == over {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b Mean) int { return order(a.Detector == r.tested()) - order(b.Detector == r.tested()) })
	return out
}

// several tells whether the figures are means over several runs.
func (r *Report) several() bool { return r.Benchmark != nil && len(r.Benchmark.Runs) > 1 }

// groupNames are the names of the groups of sets.
func (r *Report) groupNames() []string {
	var names []string
	if r.Benchmark != nil {
		for _, g := range r.Benchmark.Groups {
			names = append(names, g.Name)
		}
	}
	return names
}

// asResult is the mean as a result, for gates and tables.
func (m Mean) asResult() Result {
	return Result{
		Detector: m.Detector, OOD: m.Over, AUROC: m.AUROC.Mean, AUPRIn: m.AUPRIn.Mean, AUPROut: m.AUPROut.Mean,
		FPR95: m.FPR95.Mean, FPR95OODPositive: m.FPR95OODPositive.Mean,
	}
}
