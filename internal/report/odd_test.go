package report

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/eval"
)

// TestOddScores draws everything for scores that leave an axis little to hold on to: ties, single images, ranges next to
// nothing and next to all that there is.
func TestOddScores(t *testing.T) {
	repeat := func(n int, x ...float64) (all []float64) {
		for range n {
			all = append(all, x...)
		}
		return all
	}
	for name, c := range map[string]struct {
		id, ood   []float64
		threshold float64
		training  []Step
	}{
		"single images":          {[]float64{1}, []float64{2}, 1, []Step{{0, 1, 1}}},
		"all tied":               {repeat(50, 3), repeat(40, 3), 3, []Step{{0, 1, 1}, {1, 1, 1}}},
		"all zero":               {repeat(50, 0), repeat(40, 0), 0, []Step{{5, 0, 0}}},
		"tied but one":           {repeat(50, -1), append(repeat(40, -1), 7), -1, nil},
		"perfect":                {repeat(50, 1, 2), repeat(40, 5, 6), 3, nil},
		"inverted":               {repeat(50, 5, 6), repeat(40, 1, 2), 6, nil},
		"far away":               {repeat(50, -700, -690, -680), repeat(40, 1e30, 2e30), -685, nil},
		"all of float64":         {repeat(50, -1e300, 1e300), repeat(40, 1e308, -1e308), 0, []Step{{0, 1e300, -1e300}, {10, -1e300, 1e300}}},
		"next to nothing":        {repeat(50, 1e-300, 2e-300), repeat(40, 2e-300, 4e-300), 1e-300, nil},
		"neighbours":             {repeat(50, 1, math.Nextafter(1, 2)), repeat(40, math.Nextafter(1, 2)), 1, nil},
		"threshold far below":    {repeat(50, 1, 2, 3), repeat(40, 2, 3, 4), -1e9, nil},
		"threshold far above":    {repeat(50, 1, 2, 3), repeat(40, 2, 3, 4), 1e9, nil},
		"threshold a little out": {repeat(50, 1, 2, 3), repeat(40, 2, 3, 4), 6, nil},
		"confidences":            {repeat(50, -1, -0.999, -0.99), repeat(40, -0.5, -0.3, -0.2), -0.9, nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := &Evaluation{
				Figures: &eval.Report{ID: "id"}, Threshold: &Threshold{Score: c.threshold, HeldOut: 20},
				Training: &Training{History: c.training, Reason: "done"},
			}
			if err := e.Add("detector", "ood", c.id, c.ood); err != nil {
				t.Fatal(err)
			}
			r, err := eval.Evaluate("detector", "ood", c.id, c.ood)
			if err != nil {
				t.Fatal(err)
			}
			e.Figures.Results = []eval.Result{r}
			page := render(t, e)
			for _, bad := range []string{"NaN", "Inf"} {
				if at := strings.Index(page, bad); at >= 0 {
					t.Errorf("the page has %s: %s", bad, page[max(0, at-120):at+40])
				}
			}
			var png bytes.Buffer
			if err := e.WritePlots(&png, "png", "all"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRefusals wants errors where there is nothing to draw.
func TestRefusals(t *testing.T) {
	e := &Evaluation{Figures: &eval.Report{ID: "id"}}
	if err := e.Add("detector", "ood", []float64{1}, []float64{math.NaN()}); err == nil {
		t.Error("a score that is not finite was added")
	}
	var b bytes.Buffer
	if err := e.WriteHTML(&b); err == nil || b.Len() > 0 {
		t.Errorf("a page of nothing: %v, %d bytes", err, b.Len())
	}
	if err := e.WritePlots(&b, "png", "roc"); err == nil {
		t.Error("plots of nothing")
	}
	if err := example(t, 100, 1).WritePlots(&b, "png", "pie"); err == nil {
		t.Error("a pie")
	}
	if err := example(t, 100, 1).WritePlots(&b, "gif", "roc"); err == nil {
		t.Error("a GIF")
	}
}
