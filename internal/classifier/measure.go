package classifier

import (
	"fmt"
	"slices"
	"time"
)

// Measurement is what [Classifier.Measure] found.
type Measurement struct {
	Batch, Height, Width int             // images per batch, and their size
	Lanes                int             // batches at a time
	Times                []time.Duration // of the runs, each of as many batches, shortest first
	CPU                  time.Duration   // of all of them together, by the clock that Measure was given
}

// Median is the median time of a run.
func (m Measurement) Median() time.Duration { return m.Times[len(m.Times)/2] }

// Measure times the bare engine, each of the given number of runs on the same batch of n random images, after three
// runs that are not counted. The images lie in the engine's own memory by then, and the results stay where the
// engine leaves them. cpu tells the CPU time of the process so far. A model whose batch is fixed takes that many images
// whatever n is; where it takes images of any size they are 224×224.
func (c *Classifier) Measure(n, runs int, cpu func() time.Duration) (Measurement, error) {
	if c.lanes == nil {
		return Measurement{}, fmt.Errorf("measure classifier %s: it is closed", c.info.File)
	}
	if c.input.batch != 0 {
		n = c.input.batch
	}
	m := Measurement{Batch: n, Lanes: len(c.lanes)}
	m.Height, m.Width = c.input.probeSize()
	images := c.input.probe(n * rgb * m.Height * m.Width)
	shape := c.input.shape(n, m.Height, m.Width)
	fill := func(dst []float32) { c.input.write(dst, images, m.Height, m.Width) }
	const unmeasured = 3
	for i := range unmeasured + runs {
		if i == unmeasured {
			m.CPU = -cpu()
		}
		start := time.Now()
		err := c.share(m.Lanes, func(_ engine, k int) error {
			_, err := c.lanes[k].run(shape, fill)
			return err
		})
		if err != nil {
			return m, fmt.Errorf("measure classifier %s: %w", c.info.File, err)
		}
		if i >= unmeasured {
			m.Times = append(m.Times, time.Since(start))
		}
		fill = func([]float32) {}
	}
	m.CPU += cpu()
	slices.Sort(m.Times)
	return m, nil
}
