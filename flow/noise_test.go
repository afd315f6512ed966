package flow

import (
	"math"
	"math/rand/v2"
	"testing"
)

// uneven are rows of three classes, with features of very different spreads; the last does not vary.
func uneven(n int) Data {
	r := rand.New(rand.NewPCG(5, 5))
	x, labels := make([]float32, 0, 4*n), make([]int, n)
	for i := range n {
		labels[i] = r.IntN(3)
		c := float64(labels[i])
		x = append(x, float32(c+r.NormFloat64()), float32(100*r.NormFloat64()-c), float32(1e-3*r.NormFloat64()), 7)
	}
	return Data{Rows: Matrix(x, 4), Labels: labels, Classes: 3}
}

// spreadOf is the slow way to the standard deviation of each feature.
func spreadOf(x []float32, d int) []float64 {
	n, mean, sd := float64(len(x)/d), make([]float64, d), make([]float64, d)
	for i, v := range x {
		mean[i%d] += float64(v) / n
	}
	for i, v := range x {
		sd[i%d] += (float64(v) - mean[i%d]) * (float64(v) - mean[i%d]) / n
	}
	for j := range sd {
		sd[j] = math.Sqrt(sd[j])
	}
	return sd
}

func TestSpreadIsOfAllRowsWhateverTheCentre(t *testing.T) {
	data := uneven(3000)
	want := spreadOf(values(data), 4)
	for _, within := range []bool{false, true} {
		m, err := data.moments(within)
		if err != nil {
			t.Fatal(err)
		}
		for j, sd := range m.spread() {
			if math.Abs(float64(sd)-want[j]) > 1e-6*want[j]+1e-9 {
				t.Errorf("within %v: feature %d has a spread of %v, want %v", within, j, sd, want[j])
			}
		}
	}
}

func TestNoiseIsAShareOfEachFeaturesSpread(t *testing.T) {
	data := uneven(2000)
	want := spreadOf(values(data), 4)
	for _, share := range []float64{-1, 0.1, 0.5} {
		opt, err := Options{Noise: share, Batch: 2000}.resolve(data)
		if err != nil {
			t.Fatal(err)
		}
		r, err := begin(data, values(data), opt, Keeping{})
		if err != nil {
			t.Fatal(err)
		}
		x, err := r.tr.draw()
		if err != nil {
			t.Fatal(err)
		}
		clean := make([]float32, len(x))
		if err := data.Read(clean, r.tr.order); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			clean[i] = x[i] - clean[i]
		}
		for j, sd := range spreadOf(clean, 4) {
			if noise := max(share, 0) * want[j]; math.Abs(sd-noise) > 0.05*noise+1e-9 {
				t.Errorf("share %v: noise of %v on feature %d, want %v", share, sd, j, noise)
			}
		}
	}
}

func TestUniform(t *testing.T) {
	var sum, squares float64
	for bits := range 1 << 16 {
		v := float64(uniform(uint16(bits)))
		sum += v
		squares += v * v
	}
	if math.Abs(sum) > 1e-2 || math.Abs(squares/(1<<16)-1) > 1e-6 {
		t.Errorf("mean %v, variance %v", sum/(1<<16), squares/(1<<16))
	}
}
