package eval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// family draws scores with a given AUROC, and knows the FPR@95 that belongs to it.
type family struct {
	name string
	draw func(r *rand.Rand, m, n int, auroc float64) (id, ood []float64)
	fpr  func(auroc float64) float64 // share of OOD at or below the 95 % quantile of ID
}

// The shapes differ in how many images share the misordered pairs: most with equal spreads, few where a part of
// the OOD images is ID.
var families = []family{
	normals("equal spreads", 1),
	normals("narrow OOD", 0.5),
	normals("wide OOD", 3),
	{"exponential", func(r *rand.Rand, m, n int, auroc float64) (id, ood []float64) {
		return exponential(r, m, 1), exponential(r, n, auroc/(1-auroc))
	}, func(auroc float64) float64 { return 1 - math.Pow(0.05, (1-auroc)/auroc) }},
	{"partly ID", func(r *rand.Rand, m, n int, auroc float64) (id, ood []float64) {
		part, rest := split(auroc)
		id, ood = normals("", 1).draw(r, m, n, rest)
		for i := range ood {
			if r.Float64() < part {
				ood[i] = r.NormFloat64()
			}
		}
		return id, ood
	}, func(auroc float64) float64 {
		part, rest := split(auroc)
		return 0.95*part + (1-part)*normals("", 1).fpr(rest)
	}},
}

// split makes a share of 1.5·(1−auroc) of the OOD images ID ones, and returns which AUROC the rest has to have.
func split(auroc float64) (part, rest float64) {
	part = 1.5 * (1 - auroc)
	return part, (auroc - part/2) / (1 - part)
}

func normals(name string, sd float64) family {
	shift := func(auroc float64) float64 { return math.Sqrt2 * math.Erfinv(2*auroc-1) * math.Hypot(1, sd) }
	return family{name, func(r *rand.Rand, m, n int, auroc float64) (id, ood []float64) {
		return normal(r, m, 0, 1), normal(r, n, shift(auroc), sd)
	}, func(auroc float64) float64 {
		return math.Erfc((shift(auroc)-math.Sqrt2*math.Erfinv(0.9))/sd/math.Sqrt2) / 2
	}}
}

func normal(r *rand.Rand, n int, mean, sd float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = mean + sd*r.NormFloat64()
	}
	return x
}

func exponential(r *rand.Rand, n int, mean float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = mean * r.ExpFloat64()
	}
	return x
}

// TestIntervalCoverage draws scores whose AUROC and FPR@95 are known and counts how often the 95 % intervals hold them:
// that of the AUROC in 93 to 97 % of the draws, or from 91 % where the sides are of very different size, that of the
// FPR@95 in up to 98.5 %, give or take three standard errors of that count. `make coverage` draws more.
func TestIntervalCoverage(t *testing.T) {
	sizes, aurocs, draws := [][2]int{{200, 200}}, []float64{0.6, 0.9, 0.99}, 1000
	if os.Getenv("OODFLOW_COVERAGE") != "" {
		sizes = [][2]int{{200, 200}, {300, 300}, {200, 5000}, {5000, 200}, {1000, 1000}, {10000, 10000}} // the last takes half an hour
		aurocs, draws = []float64{0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99}, 4000
	}
	for _, size := range sizes {
		for _, auroc := range aurocs {
			for _, f := range families {
				t.Run(fmt.Sprint(f.name, size, auroc), func(t *testing.T) {
					t.Parallel()
					r := rand.New(rand.NewPCG(11, 12))
					var ofAUROC, ofFPR hits
					for i := range draws {
						c := compared(f.draw(r, size[0], size[1], auroc))
						ofAUROC.count(auroc, c.AUROCInterval)
						if i%2 == 0 { // it takes longer
							ofFPR.count(f.fpr(auroc), c.FPR95Interval)
						}
					}
					least := 0.93
					if size[0] != size[1] {
						least = 0.91
					}
					ofAUROC.check(t, "AUROC", draws, least, 0.97)
					ofFPR.check(t, "FPR@95", draws/2, 0.93, 0.985)
				})
			}
		}
	}
}

// hits counts where intervals lie.
type hits struct{ hold, above int }

func (h *hits) count(truth float64, interval func(float64) (low, high float64, err error)) {
	low, high, err := interval(0.95)
	switch {
	case err != nil:
		panic(err)
	case low > truth:
		h.above++
	case truth <= high:
		h.hold++
	}
}

func (h *hits) check(t *testing.T, what string, draws int, least, most float64) {
	t.Helper()
	n := float64(draws)
	t.Logf("%s: covers %.3f, lies above %.3f", what, float64(h.hold)/n, float64(h.above)/n)
	error3 := 3 * math.Sqrt(0.05*0.95/n)
	if share := float64(h.hold) / n; share < least-error3 || share > most+error3 {
		t.Errorf("the interval of the %s holds the truth in %.1f %% of the draws", what, 100*share)
	}
}

// TestIntervalNarrows: a hundred times the images make the interval about a tenth as wide.
func TestIntervalNarrows(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	width := func(n int) float64 {
		low, high, err := AUROCInterval(normal(r, n, 0, 1), normal(r, n, 1, 1), 0.95)
		if err != nil {
			t.Fatal(err)
		}
		return high - low
	}
	if ratio := width(100) / width(10_000); ratio < 7 || ratio > 14 {
		t.Errorf("ratio of widths %v", ratio)
	}
}

// TestPerfectSeparation: how far below 1 the interval reaches depends on the number of images.
func TestPerfectSeparation(t *testing.T) {
	last := 0.0
	for _, n := range []int{1, 10, 100, 1000} {
		low, high, err := AUROCInterval(make([]float64, n), apply(func(x float64) float64 { return x + 1 }, make([]float64, n)), 0.95)
		if err != nil {
			t.Fatal(err)
		}
		if high != 1 || low <= last || low >= 1-1e-4 {
			t.Errorf("n = %d: [%v, %v]", n, low, high)
		}
		last = low
	}
}
