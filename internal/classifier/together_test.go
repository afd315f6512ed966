package classifier

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestTogether: batches that are computed at the same time give what they give one after the other, bit for bit, however many
// threads there are; and of several bad images the first is named.
func TestTogether(t *testing.T) {
	const n, rounds = 27, 5
	side := rgb * testSide * testSide
	images := make([]float32, 0, n*side)
	for len(images) < n*side {
		images = append(images, testPixels()...)
	}
	images = images[:n*side]
	eachEngine(t, func(t *testing.T, engine string) {
		one := mustOpen(t, "testdata/plain.onnx", Options{Engine: engine, Batch: 2, Threads: 1})
		var features, logits []float32
		for i := 0; i < n; i += 2 {
			j := min(i+2, n)
			f, l := mustRun(t, one, images[i*side:j*side], j-i, testSide, testSide)
			features, logits = append(features, f...), append(logits, l...)
		}
		for _, threads := range []int{1, 2, 3, 7} {
			c := mustOpen(t, "testdata/plain.onnx", Options{Engine: engine, Batch: 2, Threads: threads})
			together := map[string]int{EngineRuntime: 2 * together, EnginePure: 2}[engine]
			if c.Info().Batch != 2 || c.Info().Together != together {
				t.Errorf("batches of %d, %d images together", c.Info().Batch, c.Info().Together)
			}
			for range rounds {
				f, l := mustRun(t, c, images, n, testSide, testSide)
				if !slices.Equal(f, features) || !slices.Equal(l, logits) {
					t.Fatalf("%d threads: another result", threads)
				}
			}
		}
	})
	eachEngine(t, func(t *testing.T, name string) {
		c := mustOpen(t, "testdata/plain.onnx", Options{Engine: name, Batch: 2, Threads: 4})
		if err := c.share(7, func(_ engine, k int) error {
			if k >= 3 {
				return fmt.Errorf("piece %d", k)
			}
			return nil
		}); err == nil || !strings.Contains(err.Error(), "piece 3") {
			t.Errorf("error %v, want that of the first piece", err)
		}
	})
}

// TestLanesOf: the lanes have as many threads together as there are, but for what rounding to the same number in
// each adds or takes, half a thread a lane at most.
func TestLanesOf(t *testing.T) {
	for threads := 1; threads <= 128; threads++ {
		lanes, each := lanesOf(threads)
		if lanes < 1 || lanes > batchesAtATime || each < 1 || math.Abs(float64(lanes*each-threads)) > float64(lanes)/2 {
			t.Errorf("%d threads: %d lanes of %d", threads, lanes, each)
		}
	}
}
