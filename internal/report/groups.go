package report

import (
	"slices"

	"github.com/oodflow/oodflow/eval"
)

// group is a column of the table of a benchmark's groups.
type group struct {
	Name  string
	Sets  int
	Means []groupMean // as Detectors
}

// groupMean is a detector's mean over a group, "–" where it has none.
type groupMean struct {
	AUROC, FPR95     string
	TopAUROC, TopFPR bool
}

// Detectors are the names of the detectors in the order of the figures.
func (p *page) Detectors() []string {
	var names []string
	for _, r := range p.Figures.Results {
		if !slices.Contains(names, r.Detector) {
			names = append(names, r.Detector)
		}
	}
	return names
}

// Groups are the means over the groups of a benchmark; none without one.
func (p *page) Groups() []group {
	b := p.Figures.Benchmark
	if b == nil {
		return nil
	}
	var all []group
	for _, g := range b.Groups {
		means := make([]eval.Mean, len(p.Detectors()))
		for i, d := range p.Detectors() {
			k := slices.IndexFunc(b.Means, func(m eval.Mean) bool { return m.Over == g.Name && m.Detector == d })
			if k >= 0 {
				means[i] = b.Means[k]
			}
		}
		all = append(all, group{Name: g.Name, Sets: len(g.Sets), Means: written(means)})
	}
	return all
}

// written puts means into words and marks the best, where there are several.
func written(means []eval.Mean) []groupMean {
	best, least, several := 0.0, 1.0, 0
	for _, m := range means {
		if m.Detector != "" {
			best, least = max(best, m.AUROC.Mean), min(least, m.FPR95.Mean)
			several++
		}
	}
	var all []groupMean
	for _, m := range means {
		if m.Detector == "" {
			all = append(all, groupMean{AUROC: "–", FPR95: "–"})
			continue
		}
		all = append(all, groupMean{
			AUROC: points(m.AUROC.Mean), FPR95: points(m.FPR95.Mean),
			TopAUROC: several > 1 && m.AUROC.Mean == best, TopFPR: several > 1 && m.FPR95.Mean == least,
		})
	}
	return all
}
