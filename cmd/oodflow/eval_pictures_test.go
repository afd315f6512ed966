package main

import (
	"slices"
	"testing"
)

// TestEnds wants the highest scores first, then the lowest, each from its end; equal ones in the order of the file.
func TestEnds(t *testing.T) {
	if got, want := ends([]float64{1, 3, 2, 3, 0, 2}, 2), []int{1, 3, 4, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
