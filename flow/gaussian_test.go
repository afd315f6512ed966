package flow

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distmv"
)

// The model of one class against gonum's multivariate normal, that of two against the mixture by its definition.
func TestGaussianNLL(t *testing.T) {
	const n, m, d = 400, 50, 3
	rng := rand.New(rand.NewPCG(8, 8))
	draw := func(n int) (x []float32, labels []int) {
		for i := range n {
			c := i % 2
			labels = append(labels, c)
			a, b := rng.NormFloat64(), rng.NormFloat64()
			x = append(x, float32(float64(5*c)+a), float32(a+0.3*b), float32(2*b-float64(c)))
			x[len(x)-1] += float32(0.5 * rng.NormFloat64())
		}
		return x, labels
	}
	train, labels := draw(n)
	valid, _ := draw(m)

	of := func(rows []float32, class int) *distmv.Normal {
		x := mat.NewDense(n, d, nil)
		for i := range n {
			for j := range d {
				x.Set(i, j, float64(rows[i*d+j]))
			}
		}
		mean := func(class int) []float64 {
			mu, k := make([]float64, d), 0.0
			for i := range n {
				if class < 0 || labels[i] == class {
					k++
					for j := range d {
						mu[j] += x.At(i, j)
					}
				}
			}
			for j := range mu {
				mu[j] /= k
			}
			return mu
		}
		at := mean(class)
		if class >= 0 {
			means := [][]float64{mean(0), mean(1)}
			for i := range n {
				for j := range d {
					x.Set(i, j, x.At(i, j)-means[labels[i]][j])
				}
			}
		}
		var cov mat.SymDense
		stat.CovarianceMatrix(&cov, x, nil)
		cov.ScaleSym(float64(n-1)/n, &cov)
		normal, ok := distmv.NewNormal(at, &cov, nil)
		if !ok {
			t.Fatal("not positive definite")
		}
		return normal
	}
	row := func(i int) []float64 {
		out := make([]float64, d)
		for j := range out {
			out[j] = float64(valid[i*d+j])
		}
		return out
	}
	one, a, b := of(train, -1), of(train, 0), of(train, 1)
	var wantOne, wantTwo float64
	for i := range m {
		wantOne -= one.LogProb(row(i)) / m
		wantTwo -= math.Log(0.5*math.Exp(a.LogProb(row(i)))+0.5*math.Exp(b.LogProb(row(i)))) / m
	}
	for _, c := range []struct {
		data Data
		want float64
	}{{Data{Rows: Matrix(train, d)}, wantOne}, {Data{Rows: Matrix(train, d), Labels: labels, Classes: 2}, wantTwo}} {
		got, err := GaussianNLL(c.data, Data{Rows: Matrix(valid, d)})
		if err != nil || math.Abs(got-c.want) > 1e-4 {
			t.Errorf("%d classes: %v, want %v, %v", c.data.Classes, got, c.want, err)
		}
	}
	if _, err := GaussianNLL(Data{Rows: Matrix(train[:3], 3)}, Data{Rows: Matrix(valid, d)}); err == nil {
		t.Error("one row was enough")
	}
}
