package detect

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
)

func TestThresholdAndPValueAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	for n := leastForThreshold; n < 140; n++ {
		f := &File{}
		for range n {
			f.Reference = append(f.Reference, float64(r.IntN(3*n))) // with ties
		}
		slices.Sort(f.Reference)
		f.Threshold = threshold(f.Reference)
		for s := -1.0; s <= 3*float64(n); s += 0.5 {
			p := f.PValue(s)
			if !(p > 0 && p <= 1) || f.IsOOD(s) != (p <= 0.05) {
				t.Fatalf("n %d, score %v: p %v, OOD %v", n, s, p, f.IsOOD(s))
			}
			if want := float64(1+atLeast(f.Reference, s)) / float64(n+1); p != want {
				t.Fatalf("n %d, score %v: p %v, want %v", n, s, p, want)
			}
		}
		if passed := n - atLeast(f.Reference, f.Threshold) + count(f.Reference, f.Threshold); 20*passed < 19*n {
			t.Errorf("n %d: %d of the reference images pass", n, passed)
		}
	}
}

// atLeast counts the values of x that are at least s.
func atLeast(x []float64, s float64) int {
	n := 0
	for _, v := range x {
		if v >= s {
			n++
		}
	}
	return n
}

func count(x []float64, s float64) int {
	n := 0
	for _, v := range x {
		if v == s {
			n++
		}
	}
	return n
}

func TestThresholdRank(t *testing.T) {
	for _, c := range []struct{ n, rank int }{{1, 1}, {18, 18}, {19, 19}, {20, 20}, {38, 38}, {39, 38}, {99, 95}, {100, 96}, {999, 950}} {
		scores := make([]float64, c.n)
		for i := range scores {
			scores[i] = float64(i + 1)
		}
		if got := threshold(scores); got != float64(c.rank) {
			t.Errorf("n %d: the threshold has rank %v, want %d", c.n, got, c.rank)
		}
	}
}

// TestNewImagesPass: averaged over many splits, 5 % of new ID images or a little less are called OOD.
func TestNewImagesPass(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 44))
	rejected, total := 0, 0
	for range 400 {
		f := &File{}
		for range 39 {
			f.Reference = append(f.Reference, r.ExpFloat64())
		}
		slices.Sort(f.Reference)
		f.Threshold = threshold(f.Reference)
		for range 100 {
			if f.IsOOD(r.ExpFloat64()) {
				rejected++
			}
			total++
		}
	}
	// With 39 reference scores it is 5 % exactly; the standard error is about 0.2 %.
	if share := float64(rejected) / float64(total); share < 0.04 || share > 0.06 {
		t.Errorf("%v of new ID images are called OOD", share)
	}
}

func TestDefaultHeldIsATenthUpTo2000(t *testing.T) {
	for n, want := range map[int]int{1000: 100, 20_000: 2000, 30_000: 2000, 1_300_000: 2000} {
		if _, held := Split(n, DefaultHeld(n), 1); len(held) != want {
			t.Errorf("of %d images %d are held out, want %d", n, len(held), want)
		}
	}
	for n, want := range map[int][2]int{1000: {100, 90}, 50_000: {2000, 1000}, 1: {0, 0}} {
		if held, watched := DefaultParts(n); [2]int{held, watched} != want {
			t.Errorf("of %d images %d are held out and %d watched, want %v", n, held, watched, want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		n     int
		share float64
		held  int
	}{{0, 0.1, 0}, {1, 0.1, 0}, {2, 0.1, 1}, {3, 0.1, 1}, {60, 0.1, 30}, {100, 0.1, 50}, {500, 0.1, 50}, {501, 0.1, 50},
		{30000, 0.1, 3000}, {1000, 0.25, 250}, {10, 1, 9}, {200, 0, 50}} {
		train, held := Split(c.n, c.share, 7)
		if len(held) != c.held || len(train) != c.n-c.held {
			t.Errorf("Split(%d, %v): %d and %d", c.n, c.share, len(train), len(held))
		}
		all := slices.Concat(train, held)
		slices.Sort(all)
		for i, v := range all {
			if v != i {
				t.Fatalf("Split(%d, %v) is no partition", c.n, c.share)
			}
		}
		if !slices.IsSorted(train) || !slices.IsSorted(held) {
			t.Errorf("Split(%d, %v) is not ascending", c.n, c.share)
		}
	}
	_, a := Split(1000, 0.1, 1)
	_, again := Split(1000, 0.1, 1)
	_, b := Split(1000, 0.1, 2)
	if !slices.Equal(a, again) || slices.Equal(a, b) {
		t.Error("the split does not follow its seed")
	}
	if want := []int{0, 2, 46, 51, 71}; !slices.Equal(a[:5], want) {
		t.Errorf("first held-out rows %v, want %v", a[:5], want)
	}
}

func TestTrain(t *testing.T) {
	s := randomSet(16, 300, 5, 3)
	f, err := Train("mahalanobis++", s, TrainOptions{Seed: 3, Version: "v0.1.0"})
	if err != nil {
		t.Fatal(err)
	}
	if tr := f.Training; tr.Images != 250 || tr.HeldOut != 50 || tr.Seed != 3 || tr.Version != "v0.1.0" {
		t.Errorf("training %+v", tr)
	}
	// The reference scores are those of the held-out images, from a detector that did not see them.
	fitted, held := Split(300, DefaultShare, 3)
	d, err := FitMahalanobis(subset(s, fitted), true)
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.Score(nil, subset(s, held))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if !slices.Equal(f.Reference, want) || f.Threshold != want[48] {
		t.Error("the reference scores are not those of the held-out images")
	}
	if _, err := Train("knn", subset(s, []int{0}), TrainOptions{}); err == nil || !strings.Contains(err.Error(), "too few") {
		t.Errorf("one image: %v", err)
	}
	small, err := Train("msp", subset(s, []int{0, 1, 2, 3, 4, 5}), TrainOptions{})
	if err != nil || !strings.Contains(strings.Join(small.Warnings, ""), "set by only 3 images") {
		t.Errorf("six images: %v, %v", small, err)
	}
}

// TestRecalibrate wants the threshold that Calibrate sets by the same images, the same detector, and the warnings of both.
func TestRecalibrate(t *testing.T) {
	train, fresh := randomSet(3, 24, 4, 3), randomSet(9, 300, 4, 3)
	train.Provenance, fresh.Provenance = features.Provenance{Source: "train"}, features.Provenance{Source: "fresh"}
	f, err := Train("msp", train, TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := f.Detector
	want, err := Calibrate(f.Detector, fresh)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Recalibrate(t.Context(), features.NewReader(fresh)); err != nil {
		t.Fatal(err)
	}
	if f.Threshold != want.Threshold || !slices.Equal(f.Reference, want.Reference) || f.Detector != before {
		t.Errorf("threshold %v, want %v", f.Threshold, want.Threshold)
	}
	if f.Training.HeldOut != 300 || f.Training.Calibration != "fresh" || f.Provenance.Source != "train" {
		t.Errorf("training %+v of %s", f.Training, f.Provenance.Source)
	}
	if w := strings.Join(f.Warnings, "\n"); strings.Contains(w, fewHeld) || !strings.Contains(w, "not checked whether") {
		t.Errorf("warnings %q", f.Warnings)
	}
	if err := f.Recalibrate(t.Context(), features.NewReader(train)); err != nil || !strings.Contains(strings.Join(f.Warnings, ""), "was trained on") {
		t.Errorf("by its own training images: %q, %v", f.Warnings, err)
	}
	other := randomSet(9, 30, 5, 3)
	if err := f.Recalibrate(t.Context(), features.NewReader(other)); err == nil {
		t.Error("took features of another dimension")
	}
	f.Provenance.Tensor, other = "a", randomSet(9, 30, 4, 3)
	other.Provenance.Tensor = "b"
	if err := f.Recalibrate(t.Context(), features.NewReader(other)); err == nil {
		t.Error("took features of another tensor")
	}
}
