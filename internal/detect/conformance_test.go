package detect

import (
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
)

func TestConformance(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			conform(t, func(s *features.Set) (Detector, error) { return Fit(name, s) })
		})
	}
	t.Run("flow", func(t *testing.T) {
		conform(t, func(s *features.Set) (Detector, error) {
			f, _, err := TrainFlow(t.Context(), features.NewReader(s), FlowOptions{}, nil)
			if err != nil {
				return nil, err
			}
			return f.Detector, nil
		})
	})
	t.Run("knn past one tile", func(t *testing.T) {
		conform(t, func(s *features.Set) (Detector, error) { return FitKNN(repeat(s, 8), 3) })
	})
	t.Run("nnguide past one tile", func(t *testing.T) {
		conform(t, func(s *features.Set) (Detector, error) { return FitNNGuide(repeat(s, 8)) })
	})
}

// randomSet draws n images of c classes whose features spread unequally about their class means, all of which are
// positive, and a classifier that tells the classes apart. Sets of one shape share the means and the classifier.
func randomSet(seed uint64, n, d, c int) *features.Set {
	r := rand.New(rand.NewPCG(0, 99))
	means := make([]float64, c*d)
	for i := range means {
		means[i] = 0.5 + 2*math.Abs(r.NormFloat64())
	}
	r = rand.New(rand.NewPCG(seed, 99))
	s := &features.Set{N: n, D: d, C: c, IDs: ids(n), Head: headAt(means, c, d), Provenance: features.Provenance{
		Classifier: "net.onnx", ClassifierSHA256: strings.Repeat("ab", 32), Tensor: "/Flatten_output_0", Preprocess: `{"mean":[0]}`,
	}}
	for i := range n {
		k := i % c
		s.Labels = append(s.Labels, int64(k))
		for j := range d {
			s.Features = append(s.Features, float32(means[k*d+j]+r.NormFloat64()*float64(j+1)/float64(d)))
		}
		s.Logits = append(s.Logits, logitsOf(s.Head, s.Row(i))...)
	}
	return s
}

// headAt returns a classifier that assigns a vector to the nearest of c means.
func headAt(means []float64, c, d int) *features.Head {
	h := &features.Head{C: c, D: d}
	for k := range c {
		var sum float64
		for _, v := range means[k*d : (k+1)*d] {
			h.W = append(h.W, float32(v))
			sum += v * v / 2
		}
		h.B = append(h.B, float32(-sum))
	}
	return h
}

func logitsOf(h *features.Head, z []float32) []float32 {
	l := slices.Clone(h.B)
	for c := range l {
		for j, v := range z {
			l[c] += h.W[c*h.D+j] * v
		}
	}
	return l
}

// repeat returns s several times over.
func repeat(s *features.Set, times int) *features.Set {
	var rows []int
	for range times {
		for i := range s.N {
			rows = append(rows, i)
		}
	}
	return subset(s, rows)
}

// conform holds what is true of every detector, whatever it computes.
func conform(t *testing.T, fit func(*features.Set) (Detector, error)) {
	train, test := randomSet(1, 300, 12, 4), randomSet(2, 700, 12, 4)
	trainCopy, testCopy := clone(train), clone(test)
	d, err := fit(train)
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.Score(nil, test)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) != test.N {
		t.Fatalf("%d scores for %d images", len(want), test.N)
	}
	if slices.Max(want) == slices.Min(want) {
		t.Error("all scores are equal")
	}
	if !reflect.DeepEqual(train, trainCopy) || !reflect.DeepEqual(test, testCopy) {
		t.Error("an input was changed")
	}
	t.Run("dst", func(t *testing.T) { reusesDst(t, d, test, want) })
	t.Run("batches", func(t *testing.T) { ignoresTheBatch(t, d, test, want) })
	t.Run("file", func(t *testing.T) { survivesTheFile(t, d, train, test, want) })
	t.Run("bad sets", func(t *testing.T) { refusesBadSets(t, d, test) })
	t.Run("sign", func(t *testing.T) { scoresFarHigher(t, d, test, want) })
	// A flow depends on the split and the order of steps, a bank of some of the images on which they are.
	if name := d.Name(); name != "flow" && name != "fusion" && !strings.HasSuffix(t.Name(), "nnguide_past_one_tile") {
		t.Run("order", func(t *testing.T) { ignoresTheOrder(t, fit, train, test, want) })
	}
	t.Run("again", func(t *testing.T) {
		again, err := fit(train)
		if err != nil {
			t.Fatal(err)
		}
		sameScores(t, again, test, want)
	})
}

func clone(s *features.Set) *features.Set {
	c := *s
	c.Features, c.Logits = slices.Clone(s.Features), slices.Clone(s.Logits)
	c.Labels, c.IDs = slices.Clone(s.Labels), slices.Clone(s.IDs)
	return &c
}

func sameScores(t *testing.T, d Detector, s *features.Set, want []float64) {
	t.Helper()
	got, err := d.Score(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	tolerance := 1e-13 // a BLAS may sum in another order for another number of rows, in float64
	switch d.Name() {
	case "flow":
		tolerance = 1e-6 // likewise in float32
	case "fusion":
		tolerance = 1e-5 // of a log-density less its median
	}
	for i, g := range got {
		if math.Abs(g-want[i]) > tolerance*(1+math.Abs(want[i])) {
			t.Errorf("%s: image %d scores %v, among others %v", d.Name(), i, g, want[i])
		}
	}
}

func reusesDst(t *testing.T, d Detector, s *features.Set, want []float64) {
	for _, dst := range [][]float64{make([]float64, 2), make([]float64, s.N), make([]float64, 3, 2*s.N)} {
		for i := range dst {
			dst[i] = math.NaN()
		}
		got, err := d.Score(dst, s)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Error("scores differ with a dst")
		}
		if cap(dst) >= s.N && &got[0] != &dst[0] {
			t.Error("a large enough dst was not used")
		}
	}
}

// ignoresTheBatch scores single images, odd pieces and the reverse order.
func ignoresTheBatch(t *testing.T, d Detector, s *features.Set, want []float64) {
	for _, size := range []int{1, 7, 64, 257, 511} {
		for from := 0; from < s.N; from += size {
			if size == 1 && from%29 != 0 {
				continue
			}
			rows := make([]int, min(size, s.N-from))
			for i := range rows {
				rows[i] = from + i
			}
			sameScores(t, d, subset(s, rows), want[from:from+len(rows)])
		}
	}
	backwards, reversed := make([]int, s.N), slices.Clone(want)
	for i := range backwards {
		backwards[i] = s.N - 1 - i
	}
	slices.Reverse(reversed)
	sameScores(t, d, subset(s, backwards), reversed)
}

// ignoresTheOrder fits to the images in another order.
func ignoresTheOrder(t *testing.T, fit func(*features.Set) (Detector, error), train, test *features.Set, want []float64) {
	d, err := fit(subset(train, rand.New(rand.NewPCG(5, 5)).Perm(train.N)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Score(nil, test)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range got {
		if math.Abs(g-want[i]) > 1e-9*(1+math.Abs(want[i])) {
			t.Errorf("image %d scores %v, fitted in another order %v", i, want[i], g)
		}
	}
}

func survivesTheFile(t *testing.T, d Detector, held, test *features.Set, want []float64) {
	f, err := Calibrate(d, held)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "detector")
	if err := Save(path, f); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Detector.Name() != d.Name() || got.Threshold != f.Threshold || !slices.Equal(got.Reference, f.Reference) ||
		got.D != held.D || got.C != held.C || got.Provenance != f.Provenance || !slices.Equal(got.Warnings, f.Warnings) {
		t.Errorf("read %+v\nwrote %+v", got, f)
	}
	if again, err := got.Detector.Score(nil, test); err != nil || !slices.Equal(again, want) {
		t.Errorf("scores changed in the file: %v", err)
	}
}

// refusesBadSets: another dimension is a *DimensionError, and whatever the numbers, no score comes out that is
// NaN or infinite: a detector that reads the bad number says in which image it is.
func refusesBadSets(t *testing.T, d Detector, s *features.Set) {
	var dim *DimensionError
	wrong := randomSet(3, 5, s.D+1, s.C+1)
	if _, err := d.Score(nil, wrong); !errors.As(err, &dim) || dim.Got == dim.Want || dim.Hint() == "" {
		t.Errorf("another dimension: %v", err)
	}
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		bad := clone(s)
		for j := range bad.D {
			bad.Features[17*s.D+j] = v
		}
		for j := range bad.C {
			bad.Logits[17*s.C+j] = v
		}
		if _, err := d.Score(nil, bad); !names17(err) {
			t.Errorf("%v: error %v", v, err)
		}
	}
	one := clone(s)
	one.Features[17*s.D+2], one.Logits[17*s.C+2] = float32(math.NaN()), float32(math.NaN())
	if _, err := d.Score(nil, one); !names17(err) {
		t.Errorf("a single NaN: error %v", err)
	}
	if got, err := d.Score(nil, subset(s, nil)); err != nil || len(got) != 0 {
		t.Errorf("no images: %v, %v", got, err)
	}
}

// names17 tells whether an error says by its id which image is bad.
func names17(err error) bool { return err != nil && strings.Contains(err.Error(), "image17") }

// scoresFarHigher turns the features round and flattens the logits: every detector must take that for more
// out-of-distribution than the images it knows. This is the test of the sign.
func scoresFarHigher(t *testing.T, d Detector, s *features.Set, want []float64) {
	far := clone(s)
	for i := range far.Features {
		far.Features[i] = -3 * far.Features[i]
	}
	for i := range far.Logits {
		far.Logits[i] = -5 + far.Logits[i]/100
	}
	got, err := d.Score(nil, far)
	if err != nil {
		t.Fatal(err)
	}
	if mean(got) <= mean(want) {
		t.Errorf("far images score %v on average, near ones %v", mean(got), mean(want))
	}
}

func mean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v / float64(len(x))
	}
	return sum
}
