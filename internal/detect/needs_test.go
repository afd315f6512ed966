package detect

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/oodflow/oodflow/features"
)

// needs is what each method reads beside features, in the fit and at scoring.
var needs = map[string]struct{ fit, score string }{
	"msp":           {"logits", "logits"},
	"maxlogit":      {"logits", "logits"},
	"energy":        {"logits", "logits"},
	"gen":           {"logits", "logits"},
	"klm":           {"logits", "logits"},
	"gradnorm":      {"logits", "logits"},
	"react":         {"head", ""},
	"ash":           {"head", ""},
	"scale":         {"head", ""},
	"dice":          {"head", ""},
	"knn":           {"", ""},
	"mahalanobis":   {"classes", ""},
	"mahalanobis++": {"classes", ""},
	"rmd":           {"classes", ""},
	"rmd++":         {"classes", ""},
	"residual":      {"head", ""},
	"vim":           {"head", ""},
	"fdbd":          {"head", ""},
	"nnguide":       {"logits", "logits"},
	"fusion":        {"logits", "logits"},
	"she":           {"logits", "logits"},
}

// TestNeeds: what a set lacks is a *NeedsError that names it, and what a method does not need may be missing.
func TestNeeds(t *testing.T) {
	says := map[string]string{"logits": "logits", "head": "the classifier's last linear layer", "classes": "labels or logits"}
	for _, name := range Names() {
		need, ok := needs[name]
		if !ok {
			t.Errorf("%s is not in the list of needs", name)
		}
		whole, err := Fit(name, randomSet(1, 60, 5, 3))
		if err != nil {
			t.Fatal(err)
		}
		for lack := range says {
			missing := func(what string) string {
				if what == lack || what == "logits" && lack == "classes" {
					return says[what]
				}
				return ""
			}
			_, err := Fit(name, without(lack, randomSet(1, 60, 5, 3)))
			asked(t, name+" fitted without "+lack, err, name, missing(need.fit))
			_, err = whole.Score(nil, without(lack, randomSet(2, 20, 5, 3)))
			asked(t, name+" scoring without "+lack, err, name, missing(need.score))
		}
	}
}

// without takes something away from a set.
func without(what string, s *features.Set) *features.Set {
	switch what {
	case "head":
		s.Head = nil
	case "classes":
		s.Labels = nil
		fallthrough
	case "logits":
		s.Logits, s.C = nil, 0
	}
	return s
}

// asked fails the test unless err says that name needs what; no error where that is empty.
func asked(t *testing.T, when string, err error, name, what string) {
	t.Helper()
	var needs *NeedsError
	switch {
	case what == "" && err == nil:
	case errors.As(err, &needs) && needs.Detector == name && needs.What == what:
	default:
		t.Errorf("%s: error %v, want one about %q", when, err, what)
	}
}

// TestNeedsTraining: a method that does not learn from training images is the same fitted to any.
func TestNeedsTraining(t *testing.T) {
	test := randomSet(2, 40, 5, 3)
	for _, name := range Names() {
		var scores [2]string
		for i := range scores {
			train := randomSet(uint64(10+i), 60, 5, 3)
			for k := 0; k < len(train.Features); k += 5 {
				train.Features[k] *= float32(1 + 9*i)
			}
			d, err := Fit(name, train)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Score(nil, test)
			if err != nil {
				t.Fatal(err)
			}
			scores[i] = fmt.Sprint(got)
		}
		if same := scores[0] == scores[1]; same == NeedsTraining(name) {
			t.Errorf("%s: fitted to two sets the scores are the same: %v, but NeedsTraining says %v", name, same, NeedsTraining(name))
		}
	}
	if NeedsTraining("kmm") || slices.Contains(Names(), "kmm") {
		t.Error("a method that is not there")
	}
}
