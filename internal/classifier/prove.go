package classifier

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// probeSeed makes every opening of a model see the same probe.
	probeSeed = 0x6f6f64666c6f77
	// probeSide is the side of the probe images where a model takes any size: what ImageNet models expect.
	probeSide = 224
	// headTolerance bounds |W·f + b − logit|, relative to Σ|w·f| + |b|: rounding to float32 in a sum of D
	// terms stays below D·2⁻²⁴ of that, 2e-4 for D = 4096 at worst and far less in practice, while a wrong
	// row of W is off by about 1/√D, 1.5e-2 for D = 4096.
	headTolerance = 5e-4
	// batchTolerance bounds how far a feature may move with the other images of its batch, relative to the
	// largest feature: engines choose other kernels for other batch sizes, which rounds differently.
	batchTolerance = 1e-3
)

// prove runs two random images and refuses a classifier whose results cannot be trusted: features that are
// all zero, that change with the other images of the batch or from run to run (a model exported in training
// mode), or that the linear head does not turn into the logits.
func (c *Classifier) prove() error {
	h, w := c.input.probeSize()
	const n = 2
	images := c.input.probe(n * rgb * h * w)
	if err := c.measure(images[:rgb*h*w], h, w); err != nil {
		return err
	}
	f, logits, err := c.probe(images, n, h, w)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(f, func(v float32) bool { return v != 0 }) {
		return fmt.Errorf("the features %s are all zero on random images: choose another tensor (--feature-tensor)", c.info.FeatureTensor)
	}
	alone, _, err := c.probe(images[len(images)/n:], 1, h, w)
	if err != nil {
		return err
	}
	if d := distance(alone, f[c.info.Dim:]); !(d <= batchTolerance) {
		return fmt.Errorf("the features of an image change by %.2g of their size with the batch it is in, or from run to run: export the model in inference mode (model.eval() in PyTorch)", d)
	}
	if c.info.Head == nil {
		return nil
	}
	return c.proveHead(f, logits)
}

// measure runs one image where the graph does not tell the number of features or of logits, and counts them.
func (c *Classifier) measure(image []float32, h, w int) error {
	if c.info.Dim > 0 && (c.info.Classes > 0 || c.info.LogitsTensor == "") {
		return nil
	}
	out, rows, err := c.evaluate(c.lanes[0], image, 1, h, w)
	if err != nil {
		return fmt.Errorf("run a random image of %d×%d: %w", h, w, err)
	}
	if c.info.Dim == 0 {
		if c.info.Dim, err = c.featureDim(out[0]); err != nil {
			return fmt.Errorf("the features %s: %w", c.info.FeatureTensor, err)
		}
	}
	if c.info.Classes == 0 && c.info.LogitsTensor != "" {
		c.info.Classes = elements(out[1].shape) / rows
	}
	return nil
}

// probe runs images and copies the results, which the next run would overwrite.
func (c *Classifier) probe(images []float32, n, h, w int) (f, logits []float32, err error) {
	if err := c.run(images, n, h, w); err != nil {
		return nil, nil, fmt.Errorf("run %d random images of %d×%d: %w", n, h, w, err)
	}
	return slices.Clone(c.features), slices.Clone(c.logits), nil
}

// probeImages draws values as normalised images have them, of mean 0 and deviation 1.
func probeImages(n int) []float32 {
	r := rand.New(rand.NewPCG(probeSeed, 0))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// probe is n values of random images such as the model takes.
func (in input) probe(n int) []float32 {
	x := probeImages(n)
	if in.bytes {
		for i, v := range x {
			x[i] = float32(math.Floor(math.Abs(math.Mod(float64(v)*100, 256))))
		}
	}
	return x
}

// distance is the largest difference of two vectors, relative to the largest value of the second.
func distance(a, b []float32) float64 {
	var diff, size float64
	for i := range a {
		diff = max(diff, math.Abs(float64(a[i])-float64(b[i])))
		size = max(size, math.Abs(float64(b[i])))
	}
	if diff == 0 {
		return 0
	}
	return diff / size
}

// proveHead checks W·f + b against the logits for every row of f.
func (c *Classifier) proveHead(f, logits []float32) error {
	head := c.info.Head
	if head.D != c.info.Dim || head.C != c.info.Classes || len(head.W) != head.C*head.D || len(head.B) != head.C {
		return errors.New("the linear head found in the model does not fit its features and logits: choose the features with --feature-tensor")
	}
	for i := range len(f) / head.D {
		row := f[i*head.D : (i+1)*head.D]
		for k := range head.C {
			want := float64(logits[i*head.C+k])
			got := float64(head.B[k])
			size := math.Abs(got)
			for j, w := range head.W[k*head.D : (k+1)*head.D] {
				p := float64(w) * float64(row[j])
				got += p
				size += math.Abs(p)
			}
			if !(math.Abs(got-want) <= headTolerance*size+math.SmallestNonzeroFloat32) {
				return fmt.Errorf("the head W·f + b gives %.6g for class %d of a random image where the logits %s say %.6g: the features %s are not what the head reads; choose another tensor (--feature-tensor) or engine (--engine)",
					got, k, c.info.LogitsTensor, want, c.info.FeatureTensor)
			}
		}
	}
	return nil
}
