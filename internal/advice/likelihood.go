package advice

import (
	"math"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
	"gonum.org/v1/gonum/stat"
)

// Likelihood compares two Gaussian models of the same feature vectors z by how well they explain images that they were
// not fitted to: the mean of −log p(z), in nats per dimension; lower is better. Both have a component for each class, with one
// covariance.
//
// Whole is a Gaussian over z as it is. Apart takes z = r·u apart into its norm r and its direction u,
//
//	log p(z) = log p(r) + log p(t) + log u₁ − (d−1)·log r,
//
// with r log-normal whatever the class, u₁ the cosine between u and the mean direction, and t, the other d−1 coordinates of u,
// Gaussian. The last two terms are the Jacobian's, so both are densities over z and can be compared. Where Apart is lower, the
// norm says little about the direction, and normalising takes away what varies for itself.
type Likelihood struct {
	Whole float64 `json:"whole"`
	Apart float64 `json:"apart"`
}

// Gain is what taking norm and direction apart gains, in nats per dimension.
func (l *Likelihood) Gain() float64 { return l.Whole - l.Apart }

// leastCosine is how close to the mean direction all directions have to be for one flat chart of the sphere. Those of
// rectified features are.
const leastCosine = 0.05

// likelihood fits both models to the images of train and measures them on test. The result is nil where directions are too far
// from each other, or features too degenerate for a Gaussian.
func likelihood(train, test *features.Set) *Likelihood {
	if train.D < 2 {
		return nil
	}
	axis := meanDirection(train)
	a, b := axis.take(train), axis.take(test)
	if a == nil || b == nil {
		return nil
	}
	labels, classes := compact(train.Labels)
	nll := func(a, b []float32, d int) float64 {
		v, err := flow.GaussianNLL(flow.Data{Rows: flow.Matrix(a, d), Labels: labels, Classes: classes}, flow.Data{Rows: flow.Matrix(b, d)})
		if err != nil {
			return math.NaN()
		}
		return v
	}
	d := float64(train.D)
	l := &Likelihood{
		Whole: nll(train.Features, test.Features, train.D) / d,
		Apart: (nll(a.t, b.t, train.D-1) + logNormalNLL(a.logR, b.logR) + b.jacobian(d)) / d,
	}
	if gain := l.Gain(); math.IsNaN(gain) || math.IsInf(gain, 0) {
		return nil
	}
	return l
}

// compact numbers classes without gaps; nil stays nil.
func compact(class []int64) (labels []int, classes int) {
	number := map[int64]int{}
	for _, c := range class {
		k, ok := number[c]
		if !ok {
			k = len(number)
			number[c] = k
		}
		labels = append(labels, k)
	}
	return labels, len(number)
}

// axis is the reflection x − 2v(v·x) that takes the mean direction to the first coordinate's.
type axis struct{ v []float64 }

func meanDirection(s *features.Set) axis {
	mean := make([]float64, s.D)
	for i := range s.N {
		row := s.Row(i)
		r := norm(row)
		for j, x := range row {
			mean[j] += float64(x) / max(r, math.SmallestNonzeroFloat64)
		}
	}
	var square float64
	for _, m := range mean {
		square += m * m
	}
	length := math.Sqrt(square)
	// Away from the axis rather than towards it, so that nothing cancels: the first coordinate is then −cos.
	if mean[0] < 0 {
		length = -length
	}
	mean[0] += length
	square = 0
	for _, m := range mean {
		square += m * m
	}
	for j := range mean {
		mean[j] /= math.Sqrt(square)
	}
	return axis{mean}
}

// side is images taken apart.
type side struct {
	t    []float32 // n×(d−1)
	logR []float64 // n
	logU []float64 // n, log of the cosine with the mean direction
}

// take returns nil where a row has no direction or one that is too far from the mean.
func (a axis) take(s *features.Set) *side {
	out := &side{t: make([]float32, 0, s.N*(s.D-1))}
	for i := range s.N {
		row := s.Row(i)
		r := norm(row)
		var along float64
		for j, x := range row {
			along += a.v[j] * float64(x) / r
		}
		first := math.Abs(float64(row[0])/r - 2*a.v[0]*along)
		if !(first >= leastCosine) {
			return nil
		}
		for j, x := range row[1:] {
			out.t = append(out.t, float32(float64(x)/r-2*a.v[j+1]*along))
		}
		out.logR, out.logU = append(out.logR, math.Log(r)), append(out.logU, math.Log(first))
	}
	return out
}

// jacobian is the mean of −log |∂(r,t)/∂z|.
func (s *side) jacobian(d float64) float64 {
	return (d-1)*stat.Mean(s.logR, nil) - stat.Mean(s.logU, nil)
}

// logNormalNLL is the mean of −log p(r) of held under the log-normal fitted to fit, both given by their logarithms.
func logNormalNLL(fit, held []float64) float64 {
	mean, sd := stat.PopMeanStdDev(fit, nil)
	sd = max(sd, 1e-9)
	var nll float64
	for _, l := range held {
		v := (l - mean) / sd
		nll += l + math.Log(sd) + 0.5*(math.Log(2*math.Pi)+v*v)
	}
	return nll / float64(len(held))
}

func norm(x []float32) float64 {
	var square float64
	for _, v := range x {
		square += float64(v) * float64(v)
	}
	return math.Sqrt(square)
}
