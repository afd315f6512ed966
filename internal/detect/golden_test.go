package detect

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/oodflow/oodflow/features"
)

// goldenCase is one case of testdata/scores.json, which testdata/gen/detect.py writes.
type goldenCase struct {
	Name        string    `json:"name"`
	D           int       `json:"d"`
	C           int       `json:"c"`
	Train       []float32 `json:"train"`
	Labels      []int64   `json:"labels"`
	TrainLogits []float32 `json:"train_logits"`
	Test        []float32 `json:"test"`
	TestLogits  []float32 `json:"test_logits"`
	W           []float32 `json:"w"`
	B           []float32 `json:"b"`

	Scores map[string][]float64 `json:"scores"` // by detector
	KNN    map[string][]float64 `json:"knn"`    // by k
}

func goldens(t *testing.T) []goldenCase {
	t.Helper()
	b, err := os.ReadFile("testdata/scores.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []goldenCase }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 6 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	return file.Cases
}

func (c goldenCase) train() *features.Set {
	return &features.Set{N: len(c.Train) / c.D, D: c.D, C: c.C, Features: c.Train, Logits: c.TrainLogits,
		Labels: c.Labels, IDs: ids(len(c.Train) / c.D), Head: &features.Head{C: c.C, D: c.D, W: c.W, B: c.B}}
}

func (c goldenCase) test() *features.Set {
	return &features.Set{N: len(c.Test) / c.D, D: c.D, C: c.C, Features: c.Test, Logits: c.TestLogits,
		IDs: ids(len(c.Test) / c.D)}
}

func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "image" + strconv.Itoa(i)
	}
	return out
}

func TestBaselinesAgainstScikitLearn(t *testing.T) {
	for _, c := range goldens(t) {
		t.Run(c.Name, func(t *testing.T) {
			for name, want := range c.Scores {
				d, err := Fit(name, c.train())
				if err != nil {
					t.Fatal(err)
				}
				compareScores(t, d, c.test(), want)
			}
			for k, want := range c.KNN {
				n, _ := strconv.Atoi(k)
				d, err := FitKNN(c.train(), n)
				if err != nil {
					t.Fatal(err)
				}
				compareScores(t, d, c.test(), want)
			}
		})
	}
}

func compareScores(t *testing.T, d Detector, s *features.Set, want []float64) {
	t.Helper()
	got, err := d.Score(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d scores, want %d", d.Name(), len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= 1e-6*math.Abs(w)) {
			t.Errorf("%s: score %d is %v, want %v", d.Name(), i, got[i], w)
		}
	}
}
