package main

import (
	"slices"
	"testing"
)

// TestMeansAreOverClassifiersAndSpreadIsOverSeeds measures two classifiers with three seeds.
func TestMeansAreOverClassifiersAndSpreadIsOverSeeds(t *testing.T) {
	subjects := []*subject{{name: "a"}, {name: "b"}}
	r, err := measure(subjects, 3, func(s *subject, seed int) ([]float64, error) {
		v := 90 + float64(seed)
		if s.name == "b" {
			v = 94 - float64(seed)
		}
		return []float64{v, 50}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.means(), []string{"92.00 ± 0.00", "50.00 ± 0.00"}; !slices.Equal(got, want) {
		t.Errorf("means %v, want %v", got, want)
	}
	if got, want := r.cells()[:3], []string{"92.00 ± 1.00", "92.00 ± 1.00", "92.00 ± 0.00"}; !slices.Equal(got, want) {
		t.Errorf("cells %v, want %v", got, want)
	}
	if got := show([]float64{98.765}); got != "98.77" && got != "98.76" {
		t.Errorf("one value: %s", got)
	}
}

func TestEverySettingOfTheGridOnce(t *testing.T) {
	seen := map[any]bool{}
	for _, s := range settingsOfGrid() {
		key := [4]any{s.Raw, s.Arch, s.Whiten, s.Base}
		if seen[key] {
			t.Errorf("%v comes twice", key)
		}
		seen[key] = true
	}
	if len(seen) != 14 {
		t.Errorf("%d settings", len(seen))
	}
}
