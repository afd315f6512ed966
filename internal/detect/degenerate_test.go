package detect

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
)

// TestDegenerateSets: what little there is to learn from, a fit gives finite scores for new images, alone and together,
// or an error that says what is missing.
func TestDegenerateSets(t *testing.T) {
	dead := randomSet(11, 80, 8, 3)
	test := randomSet(12, 20, 8, 3)
	for i := range dead.Features {
		if j := i % 8; j > 1 {
			dead.Features[i] = 0
		}
	}
	for _, c := range []struct {
		name        string
		train, test *features.Set
	}{
		{"two features", randomSet(11, 80, 2, 3), randomSet(12, 20, 2, 3)},
		{"one feature", randomSet(11, 80, 1, 3), randomSet(12, 20, 1, 3)},
		{"two classes", randomSet(11, 80, 6, 2), randomSet(12, 20, 6, 2)},
		{"one class", randomSet(11, 80, 6, 1), randomSet(12, 20, 6, 1)},
		{"more features than images", randomSet(11, 20, 40, 3), randomSet(12, 20, 40, 3)},
		{"one image of each class", randomSet(11, 3, 6, 3), randomSet(12, 20, 6, 3)},
		{"one image", randomSet(11, 1, 6, 3), randomSet(12, 20, 6, 3)},
		{"dead features", dead, test},
		{"all images alike", repeat(randomSet(11, 1, 6, 3), 30), randomSet(12, 20, 6, 3)},
	} {
		for _, name := range Names() {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				d, err := Fit(name, c.train)
				if err != nil {
					mayRefuse(t, c.name, err)
					return
				}
				all, err := d.Score(nil, c.test)
				if err != nil {
					t.Fatal(err)
				}
				if err := checkScores(all, c.test); err != nil {
					t.Error(err)
				}
				sameScores(t, d, subset(c.test, []int{7}), all[7:8])
			})
		}
	}
}

// mayRefuse fails the test unless the set called name gives reason for an error.
func mayRefuse(t *testing.T, name string, err error) {
	t.Helper()
	var needs *NeedsError
	switch {
	case errors.As(err, &needs) && name == "one class" && strings.Contains(err.Error(), "two or more"):
	case strings.Contains(err.Error(), "do not vary") && slices.Contains([]string{"one image of each class", "one image", "all images alike"}, name):
	case strings.Contains(err.Error(), "do not vary") && name == "one feature": // of norm 1 each
	case strings.Contains(err.Error(), "too few to calibrate") && strings.HasPrefix(name, "one image"): // a flow
	case strings.Contains(err.Error(), "needs at least 2") && name == "one feature":
	default:
		t.Error(err)
	}
}
