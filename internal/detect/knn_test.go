package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
)

// TestKNNAgainstAllDistances compares with every distance computed and sorted, on banks of several tiles where float32
// products cannot tell the neighbours apart: points that crowd on a line within 1e-4 of each other, and points
// that occur many times.
func TestKNNAgainstAllDistances(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	const n, d = 2500, 5
	spread := make([]float32, n*d)
	crowded := make([]float32, n*d)
	repeated := make([]float32, n*d)
	for i := range n {
		for j := range d {
			spread[i*d+j] = float32(r.NormFloat64())
			crowded[i*d+j] = float32(1 + 1e-4*r.NormFloat64())
			repeated[i*d+j] = float32(1 + i%3*(j+1)) // three points
		}
	}
	for name, bank := range map[string][]float32{"spread": spread, "crowded": crowded, "repeated": repeated} {
		train := &features.Set{N: n, D: d, Features: bank}
		queries := subset(train, []int{0, 5, 1500, 2499})
		queries.Features[3] += 1e-3
		for _, k := range []int{1, 2, 50, 2500} {
			m, err := FitKNN(train, k)
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Score(nil, queries)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if want := allDistances(queries.Row(i), bank, d)[k-1]; got[i] != want {
					t.Errorf("%s, k %d, query %d: %v, want %v", name, k, i, got[i], want)
				}
			}
		}
	}
}

// allDistances returns the squared distances of the normalised q to the normalised rows of bank, ascending.
func allDistances(q, bank []float32, d int) []float64 {
	set := &features.Set{N: len(bank) / d, D: d, Features: bank}
	lengths, _ := norms(set)
	own, _ := norms(&features.Set{N: 1, D: d, Features: q})
	dist := make([]float64, set.N)
	for i := range dist {
		for j, v := range set.Row(i) {
			diff := float64(q[j])/own[0] - float64(v)/lengths[i]
			dist[i] += diff * diff
		}
	}
	slices.Sort(dist)
	return dist
}

// TestKNNIgnoresLength: neither the length of a query nor those of the bank's rows count.
func TestKNNIgnoresLength(t *testing.T) {
	train, test := randomSet(4, 60, 6, 2), randomSet(5, 20, 6, 2)
	m, err := FitKNN(train, 5)
	if err != nil {
		t.Fatal(err)
	}
	want, err := m.Score(nil, test)
	if err != nil {
		t.Fatal(err)
	}
	for i := range train.Features {
		train.Features[i] *= 0x1p90
	}
	for i := range test.Features {
		test.Features[i] *= 0x1p-90
	}
	if m, err = FitKNN(train, 5); err != nil {
		t.Fatal(err)
	}
	sameScores(t, m, test, want)
}

func TestKNNReducesK(t *testing.T) {
	m, err := FitKNN(randomSet(6, 20, 3, 2), 50)
	if err != nil {
		t.Fatal(err)
	}
	if w := Warnings(m); len(w) != 1 || !strings.Contains(w[0], "k is 20 instead of 50") {
		t.Errorf("warnings %q", w)
	}
	if _, err := FitKNN(randomSet(6, 20, 3, 2), 0); err == nil {
		t.Error("k = 0 was accepted")
	}
}

// TestNNGuideAgainstAllProducts compares with every product computed and sorted, on banks of several tiles, some of them
// with negative energies: vectors far apart, and so close to each other that float32 cannot tell their products apart.
func TestNNGuideAgainstAllProducts(t *testing.T) {
	spread, crowded := randomSet(31, 2500, 6, 3), randomSet(31, 2500, 6, 3)
	for i := range spread.Logits {
		spread.Logits[i], crowded.Logits[i] = float32(i%40)-15, 5
	}
	r := rand.New(rand.NewPCG(23, 24))
	for i := range crowded.Features {
		crowded.Features[i] = float32(1 + 1e-4*r.NormFloat64())
	}
	for _, train := range []*features.Set{spread, crowded} {
		test := subset(train, []int{0, 7, 1500, 2499})
		m := &NNGuide{logits: logits{classes: 3}, k: 70}
		energies := make([]float64, train.N)
		for i := range energies {
			energies[i] = energyOf(train.LogitRow(i))
		}
		if err := m.setBank(train, energies); err != nil {
			t.Fatal(err)
		}
		got, err := m.Score(nil, test)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if want := guidedByAll(m, test, i); math.Abs(got[i]-want) > 1e-13*math.Abs(want) {
				t.Errorf("image %d scores %v, want %v", i, got[i], want)
			}
		}
	}
}

// guidedByAll is NNGuide's score of image i of s.
func guidedByAll(m *NNGuide, s *features.Set, i int) float64 {
	own, _ := norms(subset(s, []int{i}))
	products := make([]float64, len(m.norms))
	for k := range products {
		for j, v := range s.Row(i) {
			products[k] += float64(v) / own[0] * float64(m.bank.rows[k*s.D+j]) / m.norms[k] * m.energies[k]
		}
	}
	slices.Sort(products)
	return -energyOf(s.LogitRow(i)) * mean(products[len(products)-m.k:])
}
