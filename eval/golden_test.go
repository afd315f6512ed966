package eval

import (
	"encoding/json"
	"math"
	"os"
	"strings"
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
	DetectionError   float64 `json:"detection_error"`
	AUTC             float64 `json:"autc"`

	OpenOOD    conventionCase `json:"openood"`
	PytorchOOD conventionCase `json:"pytorch-ood"`
	ViM        conventionCase `json:"vim"`
}

// conventionCase is what a tool makes of a case.
type conventionCase struct {
	AUROC   float64 `json:"auroc"`
	AUPRIn  float64 `json:"aupr_in"`
	AUPROut float64 `json:"aupr_out"`
	FPR95   float64 `json:"fpr95"`
}

func readCases(t *testing.T) []goldenCase {
	t.Helper()
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
	return file.Cases
}

func TestMetricsAgainstScikitLearn(t *testing.T) {
	for _, c := range readCases(t) {
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
			near(t, "detection_error", got.DetectionError, c.DetectionError, 1e-15)
			near(t, "autc", got.AUTC, c.AUTC, 1e-9)
		})
	}
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestConventionsAgainstTheTools(t *testing.T) {
	for _, c := range readCases(t) {
		for name, want := range map[string]conventionCase{openOOD: c.OpenOOD, pytorchOOD: c.PytorchOOD, vim: c.ViM} {
			t.Run(c.Name+" "+name, func(t *testing.T) {
				got, err := EvaluateAs(name, []string{"y"}, []Scores{{Detector: "x", ID: c.ID, OOD: [][]float64{c.OOD}}})
				if err != nil {
					t.Fatal(err)
				}
				near(t, "auroc", got[0].AUROC, want.AUROC, 1e-12)
				near(t, "aupr_in", got[0].AUPRIn, want.AUPRIn, 1e-12)
				near(t, "aupr_out", got[0].AUPROut, want.AUPROut, 1e-12)
				near(t, "fpr95", got[0].FPR95, want.FPR95, 1e-12)
				if r := got[0]; r.FPR95 < r.FPR95Low || r.FPR95 > r.FPR95High {
					t.Errorf("fpr95 %v is not in [%v, %v]", r.FPR95, r.FPR95Low, r.FPR95High)
				}
			})
		}
	}
	if _, err := EvaluateAs("open-ood", nil, nil); err == nil || !strings.Contains(err.Error(), "openood, pytorch-ood, vim") {
		t.Errorf("unknown convention: %v", err)
	}
}

// TestConventionsDiffer: the cases tell every convention from this package's definitions.
func TestConventionsDiffer(t *testing.T) {
	for _, name := range Conventions() {
		differ := 0
		for _, c := range readCases(t) {
			ours, err := EvaluateAll([]string{"y"}, []Scores{{Detector: "x", ID: c.ID, OOD: [][]float64{c.OOD}}})
			if err != nil {
				t.Fatal(err)
			}
			r := map[string]conventionCase{openOOD: c.OpenOOD, pytorchOOD: c.PytorchOOD, vim: c.ViM}[name]
			positive := ours[0].FPR95OODPositive
			if name == vim {
				positive = ours[0].FPR95
			}
			if math.Abs(r.FPR95-positive) > 1e-12 {
				differ++
			}
		}
		t.Logf("%s: FPR@95 differs in %d cases", name, differ)
		if differ == 0 {
			t.Errorf("no case has another FPR@95 by %s than by the definition next to it", name)
		}
	}
}
