package eval

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// goldenCase is one case of testdata/metrics.json, which testdata/gen/eval.py writes with scikit-learn.
type goldenCase struct {
	Name string    `json:"name"`
	ID   []float64 `json:"id"`
	OOD  []float64 `json:"ood"`

	AUROC            float64 `json:"auroc"`
	AUROCLow         float64 `json:"auroc_low"`
	AUROCHigh        float64 `json:"auroc_high"`
	AUPRIn           float64 `json:"aupr_in"`
	AUPROut          float64 `json:"aupr_out"`
	FPR95            float64 `json:"fpr95"`
	FPR95OODPositive float64 `json:"fpr95_ood_positive"`
}

func TestMetricsAgainstScikitLearn(t *testing.T) {
	b, err := os.ReadFile("testdata/metrics.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []goldenCase }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 10 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			got, err := Evaluate("x", "y", c.ID, c.OOD)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "auroc", got.AUROC, c.AUROC, 1e-14)
			near(t, "auroc_low", got.AUROCLow, c.AUROCLow, 1e-10)
			near(t, "auroc_high", got.AUROCHigh, c.AUROCHigh, 1e-10)
			near(t, "aupr_in", got.AUPRIn, c.AUPRIn, 1e-14)
			near(t, "aupr_out", got.AUPROut, c.AUPROut, 1e-14)
			near(t, "fpr95", got.FPR95, c.FPR95, 1e-15)
			near(t, "fpr95_ood_positive", got.FPR95OODPositive, c.FPR95OODPositive, 1e-15)
		})
	}
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}
