package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/eval"
)

// hostile is a name that means something in HTML, SVG, CSS and URLs.
const hostile = `<script>alert("1")</script> & 'x' </style>`

// example is an evaluation of several detectors on two OOD sets with everything that a page can show.
func example(t *testing.T, n, detectors int) *Evaluation {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	draw := func(n int, mean, spread float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = mean + spread*r.NormFloat64()
		}
		return x
	}
	sets := []string{"far", hostile}
	e := &Evaluation{
		Threshold: &Threshold{Score: -698, HeldOut: 500},
		Figures:   &eval.Report{ID: "digits & more", Warnings: []string{"a warning about " + hostile}, Skipped: []eval.Skip{{Detector: "vim", Reason: "needs <b>logits</b>"}}},
		Training: &Training{Images: 4050, Validation: 450, Reason: "all 20 epochs done", Reference: -700, Kept: -712,
			History: []Step{{0, -700, -700}, {10, -702, -704}, {20, -708, -710}, {30, -711, -712}}},
		Inputs: []Input{{Role: "detector", Name: hostile, SHA256: strings.Repeat("0123456789abcdef", 4)}},
		Facts:  []Fact{{"oodflow", "devel (" + hostile + ")"}, {"seed", "1"}},
	}
	var scored []eval.Scores
	for k := range detectors {
		s := eval.Scores{Detector: fmt.Sprintf("detector%d", k), ID: draw(n, -710, 8)}
		for j := range sets {
			s.OOD = append(s.OOD, draw(n/2, -700+float64(12*j)-float64(k)/3, 15))
		}
		for j, set := range sets {
			if err := e.Add(s.Detector, set, s.ID, s.OOD[j]); err != nil {
				t.Fatal(err)
			}
			s.OOD[j] = s.OOD[j][:min(n/2, 1000)]
		}
		s.ID = s.ID[:min(n, 2000)] // enough for the table
		scored = append(scored, s)
	}
	var err error
	if e.Figures.Results, err = eval.EvaluateAll(sets, scored); err != nil {
		t.Fatal(err)
	}
	for i, name := range append([]string{e.Figures.ID}, sets...) {
		u := -3.5
		set := Set{Name: name, Images: n, Uniformity: &u, Norm: 12.5, ToleranceOf: "labels"}
		for j := range 8 {
			p := Picture{ID: fmt.Sprintf("%s/%d.png", name, j), Score: -690 - float64(j), Taken: hostile, Image: NewThumbnail(drawing(20+60*(j%2), i+j))}
			set.Most, set.Least = append(set.Most, p), append(set.Least, Picture{ID: p.ID, Score: -720})
		}
		set.NoPictures = "8 of these images are not in " + hostile + " any more."
		e.Sets = append(e.Sets, set)
	}
	return e
}

// drawing is a picture of some size.
func drawing(side, phase int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			m.Set(x, y, color.RGBA{uint8(5 * x), uint8(3*y + 40*phase), uint8(255 - 3*x), 255})
		}
	}
	return m
}

func render(t *testing.T, e *Evaluation) string {
	t.Helper()
	var b bytes.Buffer
	if err := e.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSampleIsTold wants a set of which only a sample was measured to say so, and others not.
func TestSampleIsTold(t *testing.T) {
	e := example(t, 300, 1)
	e.Sets[1].Sample = 200
	if page := render(t, e); strings.Count(page, " of 300 images</th>") != 1 || !strings.Contains(page, ", 200 of 300 images</th>") {
		t.Error("the page does not say where the spread is that of a sample")
	}
}

// TestNamesAreEscaped wants names to be text wherever they turn up.
func TestNamesAreEscaped(t *testing.T) {
	page := render(t, example(t, 300, 3))
	for _, bad := range []string{"<script", "<b>logits", "'x' </style>"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %s", bad)
		}
	}
	if strings.Contains(page, "ZgotmplZ") {
		t.Error("the template refused a value")
	}
	var svg bytes.Buffer
	if err := example(t, 300, 3).WritePlots(&svg, "svg", "all"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(svg.String(), "<script") {
		t.Error("the SVG file contains <script")
	}
}

// TestPageAsksForNothing wants no address of anything outside in the page but that of the project.
func TestPageAsksForNothing(t *testing.T) {
	page := render(t, example(t, 300, 3))
	for _, part := range strings.Split(page, "http")[1:] {
		if !strings.HasPrefix(part, `s://github.com/oodflow/oodflow"`) && !strings.HasPrefix(part, `-equiv="Content-Security-Policy"`) {
			t.Errorf("http%.60s", part)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "@import") || strings.Contains(page, "url(") {
		t.Error("the page loads or runs something")
	}
}

// TestPageIsTheSameAgain wants equal evaluations to give equal bytes.
func TestPageIsTheSameAgain(t *testing.T) {
	if a, b := render(t, example(t, 300, 3)), render(t, example(t, 300, 3)); a != b {
		t.Error("two pages of one evaluation differ")
	}
}

// TestPageStaysSmall draws ten detectors on a million scores.
func TestPageStaysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("sorts fifteen million scores")
	}
	page := render(t, example(t, 500_000, 10))
	if len(page) > 2_000_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	t.Logf("%d bytes", len(page))
}

// TestThinnedCurveIsNearTheWholeOne looks for the largest distance between the curve of every score and the drawn one.
func TestThinnedCurveIsNearTheWholeOne(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	id, ood := make([]float64, 20000), make([]float64, 9000)
	for i := range id {
		id[i] = r.NormFloat64()
	}
	for i := range ood {
		ood[i] = 1.2 + 1.5*r.NormFloat64()
	}
	c, err := eval.Compare(id, ood)
	if err != nil {
		t.Fatal(err)
	}
	roc, pr := curves(c)
	if len(roc) > 400 || len(pr) > 600 {
		t.Errorf("%d and %d points are left", len(roc), len(pr))
	}
	var worstROC, worstPR float64
	for f := range c.Thresholds() {
		if f == (eval.Flagged{}) {
			continue
		}
		recall := float64(f.OOD) / float64(len(ood))
		worstROC = max(worstROC, away(point{float64(f.ID) / float64(len(id)), recall}, roc))
		worstPR = max(worstPR, away(point{recall, float64(f.OOD) / float64(f.ID+f.OOD)}, pr))
	}
	const most = flat + 2.0/grid
	if worstROC > most || worstPR > most {
		t.Errorf("the curves are %.5f and %.5f off, want at most %.5f", worstROC, worstPR, most)
	}
	if roc[0] != (point{0, 0}) || roc[len(roc)-1] != (point{1, 1}) || pr[len(pr)-1].x != 1 {
		t.Error("the curves do not end where they should")
	}
}

// away is the distance of a point from a line of points.
func away(p point, line []point) float64 {
	least := math.Inf(1)
	for i := 1; i < len(line); i++ {
		least = min(least, distance(p, line[i-1], line[i]))
	}
	return least
}

// TestHistogramCounts draws sets at random, and wants every image in one bin, on its side of the threshold.
func TestHistogramCounts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	exact := 0
	for round := range 500 {
		size := math.Pow(10, float64(r.IntN(9)-4))
		id, ood := make([]float64, 1+r.IntN(200)), make([]float64, 1+r.IntN(200))
		for i := range id {
			id[i] = size * (r.NormFloat64() - 5)
		}
		for i := range ood {
			ood[i] = size * (math.Exp(2*r.NormFloat64()) - 5)
		}
		threshold := id[r.IntN(len(id))]
		switch {
		case round%10 == 0:
			threshold = size * 50
		case round%13 == 0:
			id, ood = id[:1], id[:1] // all scores equal
		}
		h := newHistogram(id, ood, threshold)
		var all, flagged bin
		add := func(b bin, passes bool) {
			all.id, all.ood = all.id+b.id, all.ood+b.ood
			if !passes {
				flagged.id, flagged.ood = flagged.id+b.id, flagged.ood+b.ood
			}
		}
		for i, b := range h.bins {
			add(b, h.passes(i))
		}
		add(h.under, h.passes(-1))
		add(h.over, h.passes(len(h.bins)))
		if all != (bin{len(id), len(ood)}) || len(h.bins) > 3*binsWanted {
			t.Fatalf("round %d: %d bins hold %+v of %d and %d images", round, len(h.bins), all, len(id), len(ood))
		}
		if h.origin != threshold {
			continue
		}
		exact++
		if want := (bin{above(id, threshold), above(ood, threshold)}); flagged != want {
			t.Fatalf("round %d: the flagged bins hold %+v, want %+v", round, flagged, want)
		}
		if left, _ := h.edges(h.flagged); left != threshold {
			t.Fatalf("round %d: flagged from %v, want %v", round, left, threshold)
		}
	}
	if exact < 400 {
		t.Errorf("the threshold was an edge in %d of 500 rounds", exact)
	}
}

var barMark = regexp.MustCompile(`<path class="([io])( l)? bar"[^>]* d="M([-\d.]+) [^>]*><title>([^:]*): ([\d,]+) image`)

// TestScoresBeyondTheAxis wants every image in a bar, those that the axis does not reach at its ends, and these in the
// colour of their side of the threshold.
func TestScoresBeyondTheAxis(t *testing.T) {
	var id, ood []float64
	for i := range 999 {
		id, ood = append(id, float64(i%100)/100), append(ood, 1+float64(i%100)/100)
	}
	id, ood = append(id, -50, 70), append(ood, -80, -70, 90, 95, 99)
	for _, c := range []struct {
		threshold   float64
		under, over string // the colour of the bars at the ends; " l" is that of images that pass
	}{{1, " l", ""}, {-1e9, "", ""}, {-75, " l", ""}, {92, " l", ""}, {1e9, " l", " l"}, {math.Inf(1), "", ""}} {
		e := &Evaluation{Figures: &eval.Report{ID: "digits"}, Threshold: &Threshold{Score: c.threshold}}
		if math.IsInf(c.threshold, 1) {
			e.Threshold = nil
		}
		if err := e.Add("flow", "letters", id, ood); err != nil {
			t.Fatal(err)
		}
		images, ends, at := map[string]int{}, map[string]string{}, map[string]float64{}
		least, most := math.Inf(1), math.Inf(-1)
		for _, m := range barMark.FindAllStringSubmatch(e.scoresChart(e.pairs[0]).svg(), -1) {
			n, _ := strconv.Atoi(strings.ReplaceAll(m[5], ",", ""))
			x, _ := strconv.ParseFloat(m[3], 64)
			images[m[1]] += n
			if end, _, _ := strings.Cut(m[4], " "); end == "up" || end == "above" {
				ends[m[1]+" "+end], at[end] = fmt.Sprint(n, m[2]), x
			} else {
				least, most = min(least, x), max(most, x)
			}
		}
		if images["i"] != len(id) || images["o"] != len(ood) {
			t.Errorf("threshold %v: bars of %v images, want %d and %d", c.threshold, images, len(id), len(ood))
		}
		h := e.pairs[0].histogram
		_, end := h.edges(len(h.bins) - 1)
		beyond := fmt.Sprint(above(ood, end)) // more than three: the axis leaves some ordinary ones out
		want := map[string]string{"i up": "1" + c.under, "o up": "2" + c.under, "i above": "1" + c.over, "o above": beyond + c.over}
		if !maps.Equal(ends, want) {
			t.Errorf("threshold %v: at the ends %q, want %q", c.threshold, ends, want)
		}
		if !(0 < at["up"] && at["up"] < least && most < at["above"] && at["above"] < float64(chartWidth)) {
			t.Errorf("threshold %v: bars from %v to %v, those at the ends at %v", c.threshold, least, most, at)
		}
	}
}

// TestPageWithoutThreshold leaves out all that a threshold, a training and features tell.
func TestPageWithoutThreshold(t *testing.T) {
	e := example(t, 300, 3)
	without := &Evaluation{Figures: e.Figures}
	scores := func(from float64) (x []float64) {
		for i := range 100 {
			x = append(x, from+float64(i%17))
		}
		return x
	}
	for _, r := range e.Figures.Results {
		if err := without.Add(r.Detector, r.OOD, scores(0), scores(5)); err != nil {
			t.Fatal(err)
		}
	}
	page := render(t, without)
	for _, word := range []string{`id="threshold"`, "The threshold", "flagged</th>", `class="m dot"`, `class="i l bar"`, `id="training"`, `id="features"`, `id="images"`} {
		if strings.Contains(page, word) {
			t.Errorf("the page has %s", word)
		}
	}
	if !strings.Contains(page, `class="i bar"`) {
		t.Error("the page has no bars")
	}
}

// grouped makes a benchmark of an example, of a group of both sets and a group of one.
func grouped(t *testing.T, e *Evaluation) {
	t.Helper()
	groups := []eval.Group{{Name: "near", Sets: []string{"far", hostile}}, {Name: "odd", Sets: []string{hostile}}}
	r, err := eval.Summarise("bench & mark", groups, []eval.Run{{Results: e.Figures.Results}})
	if err != nil {
		t.Fatal(err)
	}
	e.Figures.Benchmark = r.Benchmark
}

// TestGroups shows the means of a benchmark: four figures of each group in the line of each detector, the best of them bold.
func TestGroups(t *testing.T) {
	e := example(t, 300, 3)
	grouped(t, e)
	b := e.Figures.Benchmark
	missing := len(b.Means) - 1 // of the last detector, over the last group
	table := func() string {
		_, page, _ := strings.Cut(render(t, e), `<table class="groups">`)
		page, _, _ = strings.Cut(page, "</table>")
		return page
	}
	best := func(over string, lower bool, of func(eval.Mean) float64) float64 {
		var all []float64
		for _, m := range b.Means {
			if m.Over == over {
				all = append(all, of(m))
			}
		}
		if lower {
			return slices.Min(all)
		}
		return slices.Max(all)
	}
	for _, gone := range []bool{false, true} {
		if gone {
			b.Means = b.Means[:missing]
		}
		page := table()
		for d := range 3 {
			var want strings.Builder
			for _, g := range b.Groups {
				k := slices.IndexFunc(b.Means, func(m eval.Mean) bool { return m.Over == g.Name && m.Detector == fmt.Sprint("detector", d) })
				for i, of := range []func(m eval.Mean) float64{
					func(m eval.Mean) float64 { return m.AUROC.Mean }, func(m eval.Mean) float64 { return m.FPR95.Mean },
					func(m eval.Mean) float64 { return m.AUPRIn.Mean }, func(m eval.Mean) float64 { return m.AUPROut.Mean },
				} {
					class, text := "n", "–"
					if i == 0 {
						class += " first"
					}
					if k >= 0 {
						if text = points(of(b.Means[k])); of(b.Means[k]) == best(g.Name, i == 1, of) {
							class += " top"
						}
					}
					fmt.Fprintf(&want, `<td class="%s">%s</td>`, class, text)
				}
			}
			if line := fmt.Sprintf(`<th scope="row">detector%d</th>%s</tr>`, d, &want); !strings.Contains(page, line) {
				t.Errorf("no line %s in %s", line, page)
			}
		}
	}
	for _, want := range []string{">near-OOD, 2 sets<", ">odd-OOD, one set<", `<tr class="own"><th scope="row">detector0<`} {
		if !strings.Contains(table(), want) {
			t.Errorf("the table has no %s", want)
		}
	}
	for _, want := range []string{"oodflow · bench &amp; mark", `href="#groups"`} {
		if !strings.Contains(render(t, e), want) {
			t.Errorf("the page has no %s", want)
		}
	}
	b.Means, e.Figures.Results = nil, e.Figures.Results[:2]
	for k, r := range e.Figures.Results { // a detector alone is not the best
		b.Means = append(b.Means, eval.Mean{Detector: r.Detector, Over: b.Groups[k].Name})
	}
	if strings.Contains(table(), "top") {
		t.Error("a detector is the best of one")
	}
}

// TestGatesOnThePage wants each gate with its verdict as a mark and its line once.
func TestGatesOnThePage(t *testing.T) {
	e := example(t, 300, 1)
	bounds := []eval.Gate{{Metric: eval.GateAUROC, OOD: "far", Bound: 0.1}, {Metric: eval.GateAUROC, OOD: hostile, Bound: 1}}
	if err := e.Figures.Apply(eval.Gates{Bounds: bounds}); err != nil {
		t.Fatal(err)
	}
	page := render(t, e)
	for i, mark := range []string{`<li class="passed"><b>passed</b> `, `<li class="failed"><b>FAILED</b> `} {
		if want := mark + template.HTMLEscapeString(e.Figures.Gates[i].Line()) + "</li>"; !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if e.Figures.Gates = nil; strings.Contains(render(t, e), "gates-h") {
		t.Error("there is a section of no gates")
	}
}
