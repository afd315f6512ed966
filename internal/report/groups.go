package report

import (
	"slices"

	"github.com/oodflow/oodflow/eval"
)

// groupColumn is a figure in the table of a benchmark's groups.
type groupColumn struct {
	name  string
	of    func(*eval.Mean) float64
	lower bool // is better
}

// groupColumns are the figures of a group, in the order of the tables of detectors.
var groupColumns = []groupColumn{
	{"AUROC", func(m *eval.Mean) float64 { return m.AUROC.Mean }, false},
	{"FPR@95", func(m *eval.Mean) float64 { return m.FPR95.Mean }, true},
	{"AUPR-in", func(m *eval.Mean) float64 { return m.AUPRIn.Mean }, false},
	{"AUPR-out", func(m *eval.Mean) float64 { return m.AUPROut.Mean }, false},
}

// group is a group of a benchmark's sets, with its columns of the table.
type group struct {
	Name  string
	Sets  int
	Means [][]groupCell // as Detectors, and in each as groupColumns
}

// groupCell is a mean over a group, "–" where a detector has none.
type groupCell struct {
	Text string
	Top  bool // the best of several
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

// GroupColumns are the names of a group's columns.
func (p *page) GroupColumns() []string {
	var names []string
	for _, c := range groupColumns {
		names = append(names, c.name)
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
		means := make([]*eval.Mean, len(p.Detectors()))
		for i, d := range p.Detectors() {
			k := slices.IndexFunc(b.Means, func(m eval.Mean) bool { return m.Over == g.Name && m.Detector == d })
			if k >= 0 {
				means[i] = &b.Means[k]
			}
		}
		all = append(all, group{Name: g.Name, Sets: len(g.Sets), Means: written(means)})
	}
	return all
}

// written puts means into words and marks the best of each column; nil is a mean that is not there.
func written(means []*eval.Mean) [][]groupCell {
	rows := make([][]groupCell, len(means))
	for _, column := range groupColumns {
		best, several := column.best(means)
		for i, m := range means {
			cell := groupCell{Text: "–"}
			if m != nil {
				cell = groupCell{Text: points(column.of(m)), Top: several && column.of(m) == best}
			}
			rows[i] = append(rows[i], cell)
		}
	}
	return rows
}

// best is the best of the means, and whether there are several.
func (c groupColumn) best(means []*eval.Mean) (best float64, several bool) {
	n := 0
	for _, m := range means {
		if m == nil {
			continue
		}
		if v := c.of(m); n == 0 || (v < best) == c.lower {
			best = v
		}
		n++
	}
	return best, n > 1
}
