package flow_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/oodflow/oodflow/flow"
)

// moons draws n points of two half circles, with some noise.
func moons(n int, seed uint64) flow.Data {
	rng := rand.New(rand.NewPCG(seed, 1))
	var rows []float32
	for i := range n {
		angle := math.Pi * rng.Float64()
		x, y := math.Cos(angle), math.Sin(angle)
		if i%2 == 1 {
			x, y = 1-x, 0.5-y
		}
		rows = append(rows, float32(x+0.1*rng.NormFloat64()), float32(y+0.1*rng.NormFloat64()))
	}
	return flow.Data{Rows: flow.Matrix(rows, 2)}
}

// trained is a flow on moons; the examples share it.
func trained(arch flow.Arch) (*flow.Flow, *flow.Report, error) {
	opt := flow.Options{
		Arch: arch, Layers: 6, Hidden: 32,
		LearningRate: 3e-3, Epochs: 30, Stop: flow.StopValidation,
	}
	return flow.Train(context.Background(), moons(4000, 1), moons(1000, 2), opt, nil)
}

// A flow is fitted to rows of numbers and explains new ones better than a Gaussian does.
func ExampleTrain() {
	_, report, err := trained(flow.ArchRealNVP)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("half a nat better than a Gaussian:", report.ReferenceNLL-report.ValidNLL > 0.5)
	// Output: half a nat better than a Gaussian: true
}

// The default stops as soon as the flow is a little better than a Gaussian, which is what detects best.
func ExampleTrain_moderate() {
	opt := flow.DefaultOptions()
	opt.LearningRate, opt.Hidden = 1e-3, 32
	_, report, err := flow.Train(context.Background(), moons(4000, 1), moons(1000, 2), opt, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	last := report.History[len(report.History)-1]
	gain := (report.ReferenceNLL - last.ValidNLL) / 2 // per dimension
	fmt.Println("stopped past the margin:", gain >= opt.Margin)
	// Output: stopped past the margin: true
}

// A point beside the moons is no farther from the mean than the moons' ends are, and still unlikely.
func ExampleFlow_LogProb() {
	f, _, err := trained(flow.ArchGlow)
	if err != nil {
		fmt.Println(err)
		return
	}
	logp, err := f.LogProb(nil, []float32{
		0, 1, // on the upper moon
		1, -0.5, // on the lower moon
		1.7, 1, // beside them
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("on the moons:", logp[0] > -2, logp[1] > -2)
	fmt.Println("beside them:", logp[2] > -10)
	// Output:
	// on the moons: true true
	// beside them: false
}

// Samples look like the training rows.
func ExampleFlow_Sample() {
	f, _, err := trained(flow.ArchGlow)
	if err != nil {
		fmt.Println(err)
		return
	}
	x := f.Sample(1000, 7)
	near := 0
	for i := 0; i < len(x); i += 2 {
		px, py := float64(x[i]), float64(x[i+1])
		upper := math.Abs(math.Hypot(px, py) - 1)
		lower := math.Abs(math.Hypot(px-1, py-0.5) - 1)
		if min(upper, lower) < 0.3 {
			near++
		}
	}
	fmt.Println("nine of ten within three standard deviations of a circle:", near > 900)
	// Output: nine of ten within three standard deviations of a circle: true
}

// Inverse takes latents back to features.
func ExampleFlow_Inverse() {
	f, _, err := trained(flow.ArchGlow)
	if err != nil {
		fmt.Println(err)
		return
	}
	z, _ := f.Forward([]float32{0.25, 1})
	x := f.Inverse(z)
	fmt.Printf("%.2f\n", x)
	// Output: [0.25 1.00]
}
