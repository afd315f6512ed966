package classifier

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Run computes the features and the logits of n images of h×w pixels. images is n×3×h×w: for each image the
// planes of red, green and blue, row-major, preprocessed. features is n×Dim and logits n×Classes, row i for
// image i, or nil where the model has none; both are valid until the next Run. More than Info.Batch images are
// run in pieces of that many, some of them at a time, and a model whose batch is fixed gets its batches filled
// up with zeros: neither changes a result beyond float32 rounding. Images of another size than the model takes
// are an error, and so is NaN or infinity in the results, which names the image by its index.
func (c *Classifier) Run(images []float32, n, h, w int) (features, logits []float32, err error) {
	if c.lanes == nil {
		return nil, nil, fmt.Errorf("run classifier %s: it is closed", c.info.File)
	}
	if err := c.run(images, n, h, w); err != nil {
		return nil, nil, fmt.Errorf("run classifier %s: %w", c.info.File, err)
	}
	if c.info.Classes == 0 {
		return c.features, nil, nil
	}
	return c.features, c.logits, nil
}

func (c *Classifier) run(images []float32, n, h, w int) error {
	if err := c.input.check(h, w); err != nil {
		return err
	}
	if n < 1 {
		return errors.New("no images given")
	}
	image := rgb * h * w
	if len(images) != n*image {
		return fmt.Errorf("%d values given for %d images of %d×%d×%d, which have %d", len(images), n, rgb, h, w, n*image)
	}
	if err := c.input.checkBytes(images, image); err != nil {
		return err
	}
	c.features = slices.Grow(c.features[:0], n*c.info.Dim)[:n*c.info.Dim]
	c.logits = slices.Grow(c.logits[:0], n*c.info.Classes)[:n*c.info.Classes]
	piece := c.info.Batch
	if c.input.batch != 0 {
		piece = c.input.batch
	}
	return c.share((n+piece-1)/piece, func(e engine, k int) error {
		i, j := k*piece, min((k+1)*piece, n)
		return c.runPiece(e, images[i*image:j*image], i, j, h, w)
	})
}

// share calls do for the given number of pieces, in order, each on one of the engines that are free. It returns the error of
// the first piece that has one.
func (c *Classifier) share(pieces int, do func(e engine, piece int) error) error {
	lanes := c.lanes[:min(len(c.lanes), pieces)]
	if len(lanes) == 1 {
		for k := range pieces {
			if err := do(lanes[0], k); err != nil {
				return err
			}
		}
		return nil
	}
	var next atomic.Int64
	var done sync.WaitGroup
	failed := make([]error, pieces)
	for _, e := range lanes {
		done.Go(func() {
			for k := int(next.Add(1)) - 1; k < pieces; k = int(next.Add(1)) - 1 {
				if failed[k] = do(e, k); failed[k] != nil {
					next.Store(int64(pieces)) // those before k have begun
				}
			}
		})
	}
	done.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// runPiece runs images i to j, at most one batch of the engine.
func (c *Classifier) runPiece(e engine, images []float32, i, j, h, w int) error {
	out, rows, err := c.evaluate(e, images, j-i, h, w)
	if err != nil {
		return err
	}
	d, k := c.info.Dim, c.info.Classes
	if err := c.readFeatures(c.features[i*d:j*d], out[0], rows); err != nil {
		return err
	}
	if err := checkFinite(c.features[i*d:j*d], d, i, "feature"); err != nil {
		return err
	}
	if k == 0 {
		return nil
	}
	if err := readRows(c.logits[i*k:j*k], out[1], rows, k); err != nil {
		return fmt.Errorf("the logits %s: %w", c.info.LogitsTensor, err)
	}
	return checkFinite(c.logits[i*k:j*k], k, i, "logit")
}

// evaluate runs the engine on n images, filled up to rows, which is what the model's own batch may want.
func (c *Classifier) evaluate(e engine, images []float32, n, h, w int) (out []array, rows int, err error) {
	rows = n
	if c.input.batch != 0 {
		rows = c.input.batch
	}
	out, err = e.run(c.input.shape(rows, h, w), func(dst []float32) { c.input.write(dst, images, h, w) })
	return out, rows, err
}

// checkFinite refuses NaN and infinity in rows of d values; the first row is that of image first.
func checkFinite(x []float32, d, first int, what string) error {
	for i, v := range x {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("%s %d of image %d of the batch is %v: check the preprocessing and the model", what, i%d, first+i/d, v)
		}
	}
	return nil
}
