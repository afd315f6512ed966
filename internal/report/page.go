package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"

	"github.com/oodflow/oodflow/eval"
)

//go:embed page.gohtml
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"points": points, "percent": percent, "share": share, "count": count, "images": images, "score": score, "fit": fit,
	"two": func(v float64) string { return decimal(v, 2) }, "three": func(v float64) string { return decimal(v, 3) },
}).Parse(pageText))

// WriteHTML writes the page: one file that holds its style, plots and pictures, runs no script and asks the network for
// nothing.
func (e *Evaluation) WriteHTML(w io.Writer) error {
	p, err := e.page()
	if err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return pageTemplate.Execute(w, p)
}

// page is what the template shows.
type page struct {
	*Evaluation
	Style    template.CSS
	Detector string
	Sections []section // for each OOD set
	Curve    *figure   // of the training
	Gallery  []gallery
	Level    string
}

// section is everything about one OOD set.
type section struct {
	ID, Name   string // ID is the anchor
	Result     eval.Result
	Images     string
	FlaggedID  float64
	FlaggedOOD float64
	Figures    []figure
	Rows       []row
	Low        float64 // where the intervals' axis begins
	Scores     []binRow
	NID, NOOD  int
}

// row is a line of the table of detectors.
type row struct {
	eval.Result
	Own, Ahead      bool   // the detector under test; none is significantly better
	X, Left, Width  string // of the interval's drawing, of 100
	TopAUROC, TopIn bool   // the best of its column
	TopOut, TopFPR  bool
	PValue          string
}

// binRow is a bin of the histogram in the table.
type binRow struct {
	From, To string
	ID, OOD  int
	Flagged  bool
}

// figure is a plot with its words.
type figure struct {
	ID, Kind, Title, Desc string
	SVG                   template.HTML // of our own making, with every name in it escaped
	Width, Height         int
}

func (e *Evaluation) page() (*page, error) {
	p := &page{Evaluation: e, Style: template.CSS(pageStyle), Detector: e.detector()}
	for i, own := range e.tested() {
		s, err := e.section(i, own)
		if err != nil {
			return nil, err
		}
		p.Sections = append(p.Sections, s)
	}
	if len(p.Sections) == 0 {
		return nil, fmt.Errorf("there are no scores to show")
	}
	if c := e.trainingChart(); c != nil {
		f := c.figure("training")
		p.Curve = &f
	}
	var err error
	p.Gallery, err = e.gallery()
	return p, err
}

func (e *Evaluation) section(i int, own *pair) (section, error) {
	all := e.on(own.ood)
	if len(all) == 0 || all[0].pair != own {
		return section{}, fmt.Errorf("there are no figures of %s on %s", own.detector, own.ood)
	}
	s := section{
		ID: fmt.Sprintf("set%d", i+1), Name: own.ood, Result: all[0].Result, NID: own.nID, NOOD: own.nOOD,
		FlaggedID: float64(own.id) / float64(own.nID), FlaggedOOD: float64(own.strange) / float64(own.nOOD),
	}
	for _, c := range []*chart{e.scoresChart(own), e.rocChart(own.ood), e.prChart(own.ood)} {
		s.Figures = append(s.Figures, c.figure(s.ID+"-"+c.kind))
	}
	s.Rows, s.Low = tableRows(all)
	for k, b := range own.histogram.bins {
		left, right := own.histogram.edges(k)
		s.Scores = append(s.Scores, binRow{score(left), score(right), b.id, b.ood, !own.histogram.passes(k)})
	}
	if b := own.histogram.under; b != (bin{}) {
		s.Scores = append([]binRow{{"", s.Scores[0].From, b.id, b.ood, !own.histogram.passes(-1)}}, s.Scores...)
	}
	if b := own.histogram.over; b != (bin{}) {
		end := s.Scores[len(s.Scores)-1]
		s.Scores = append(s.Scores, binRow{end.To, "", b.id, b.ood, !own.histogram.passes(len(own.histogram.bins))})
	}
	return s, nil
}

// tableRows are the lines of the table, the detector under test and then the others from the best, and where the axis of
// the intervals begins.
func tableRows(all []rated) ([]row, float64) {
	low := 1.0
	best := eval.Result{FPR95: 2}
	for _, r := range all {
		low = min(low, r.AUROCLow)
		best.AUROC, best.AUPRIn = max(best.AUROC, r.AUROC), max(best.AUPRIn, r.AUPRIn)
		best.AUPROut, best.FPR95 = max(best.AUPROut, r.AUPROut), min(best.FPR95, r.FPR95)
	}
	low = min(0.95, math.Floor(20*low)/20)
	at := func(v float64) float64 { return 100 * (v - low) / (1 - low) }
	several := len(all) > 1
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted[1:], func(a, b rated) int { return cmp.Compare(b.AUROC, a.AUROC) })
	var rows []row
	for i, r := range sorted {
		rows = append(rows, row{
			Result: r.Result, Own: i == 0, Ahead: several && r.Best, PValue: pValue(r.Result.PValue),
			X: number(at(r.AUROC), 2), Left: number(at(r.AUROCLow), 2), Width: number(at(r.AUROCHigh)-at(r.AUROCLow), 2),
			TopAUROC: several && r.AUROC == best.AUROC, TopIn: several && r.AUPRIn == best.AUPRIn,
			TopOut: several && r.AUPROut == best.AUPROut, TopFPR: several && r.FPR95 == best.FPR95,
		})
	}
	return rows, low
}

// pValue writes a p-value, where there is one.
func pValue(p *float64) string {
	switch {
	case p == nil:
		return "–"
	case *p < 0.001:
		return "<\u20090.001"
	}
	return decimal(*p, 3)
}

// figure draws a chart for the page.
func (c *chart) figure(id string) figure {
	return figure{
		ID: id, Kind: c.kind, Title: c.title, Desc: c.desc, SVG: template.HTML(c.svg()),
		Width: int(chartWidth), Height: int(chartHeight),
	}
}

// Verdict is the first sentence of the page.
func (p *page) Verdict() string {
	worst := p.Sections[0]
	for _, s := range p.Sections {
		if s.Result.AUROC < worst.Result.AUROC {
			worst = s
		}
	}
	if len(p.Sections) == 1 {
		return fmt.Sprintf("An image of %s scores higher than one of %s %s %% of the time.", worst.Name, p.Figures.ID, points(worst.Result.AUROC))
	}
	return fmt.Sprintf("An OOD image scores higher than one of %s %s %% of the time or more; %s is the hardest set to tell.",
		p.Figures.ID, points(worst.Result.AUROC), worst.Name)
}

// Stopped says how the training ended.
func (p *page) Stopped() string { return sentence(p.Training.stopped()) }

// flags is a line of the table of what the threshold flags.
type flags struct {
	Name            string
	OOD             bool
	Images          int
	Flagged, Passed float64
	Left, Width     string
}

// Flags are the shares of each set that the threshold flags.
func (p *page) Flags() []flags {
	first := p.Sections[0]
	all := []flags{{Name: p.Figures.ID, Images: first.NID, Flagged: first.FlaggedID}}
	for _, s := range p.Sections {
		all = append(all, flags{Name: s.Name, OOD: true, Images: s.NOOD, Flagged: s.FlaggedOOD})
	}
	for i := range all {
		f := &all[i]
		f.Passed = 1 - f.Flagged
		f.Left, f.Width = number(100*f.Passed, 2), number(100*f.Flagged, 2)
	}
	return all
}

// mostSteps is how many lines of the training are in the table.
const mostSteps = 200

// Steps are the looks at the training, evenly thinned when there are very many.
func (p *page) Steps() []Step {
	h := p.Training.History
	if len(h) <= mostSteps {
		return h
	}
	steps := make([]Step, mostSteps)
	for i := range steps {
		steps[i] = h[i*(len(h)-1)/(mostSteps-1)]
	}
	return steps
}
