package classifier

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oodflow/oodflow/internal/classifier/lower"
	"github.com/oodflow/oodflow/internal/onnx"
)

// TestConcurrent: several classifiers run at once, opened and closed meanwhile.
func TestConcurrent(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		var wait sync.WaitGroup
		for _, name := range []string{"plain", "residual", "pooled", "plain"} {
			golden := readNpy(t, filepath.Join("testdata", name+"_features.npy"))
			wait.Go(func() {
				for range 3 {
					c, err := Open(filepath.Join("testdata", name+".onnx"), Options{Engine: engine})
					if err != nil {
						t.Error(err)
						return
					}
					for range 3 {
						f, _, err := c.Run(testPixels(), testImages, testSide, testSide)
						if err != nil {
							t.Error(err)
							return
						}
						if d := distance(f, golden); d > 1e-4 {
							t.Errorf("%s: features differ by %g", name, d)
						}
					}
					if err := c.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
	})
}

// TestInputsKept: the images handed in are not written to.
func TestInputsKept(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := mustOpen(t, "testdata/residual.onnx", Options{Engine: engine})
		images := testPixels()
		mustRun(t, c, images, testImages, testSide, testSide)
		for i, v := range testPixels() {
			if images[i] != v {
				t.Fatalf("value %d of the images became %g", i, images[i])
			}
		}
	})
}

// TestMeanPool: any axes but the first, with float64 sums.
func TestMeanPool(t *testing.T) {
	src := array{shape: []int{2, 2, 3, 2}, data: make([]float32, 24)}
	for i := range src.data {
		src.data[i] = float32(i)
	}
	for _, c := range []struct {
		pooled []bool
		want   []float32
	}{
		{[]bool{false, false, true, true}, []float32{2.5, 8.5, 14.5, 20.5}},
		{[]bool{false, true, true, false}, []float32{5, 6, 17, 18}},
		{[]bool{false, true, false, false}, []float32{3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 19, 20}},
		{[]bool{false, false, false, true}, []float32{0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5, 16.5, 18.5, 20.5, 22.5}},
	} {
		got := make([]float32, len(c.want))
		meanPool(got, src, c.pooled, len(c.want)/2)
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%v: %v, want %v", c.pooled, got, c.want)
				break
			}
		}
	}
	// A float32 sum of these stops growing at 2^24.
	large := array{shape: []int{1, 1, 1 << 13, 1 << 12}, data: make([]float32, 1<<25)}
	for i := range large.data {
		large.data[i] = 1
	}
	one := make([]float32, 1)
	if meanPool(one, large, []bool{false, false, true, true}, 1); one[0] != 1 {
		t.Errorf("the mean of ones is %g", one[0])
	}
}

// TestCheckFinite names the image and the place.
func TestCheckFinite(t *testing.T) {
	x := []float32{1, 2, 3, 4, float32(math.Inf(-1)), 6}
	err := checkFinite(x, 3, 10, "feature")
	if err == nil || err.Error() != "feature 1 of image 11 of the batch is -Inf: check the preprocessing and the model" {
		t.Errorf("error %v", err)
	}
	if err := checkFinite(x[:4], 2, 0, "feature"); err != nil {
		t.Error(err)
	}
}

// TestChooseBatch: the batch fits the image size, what the caller wants and the model's own batch.
func TestChooseBatch(t *testing.T) {
	for _, c := range []struct{ wanted, fixed, side, want int }{
		{0, 0, 32, 16}, {0, 0, 224, 3}, {0, 0, 0, 3}, {0, 0, 1024, 2}, {8, 0, 32, 8}, {1, 0, 224, 1},
		{0, 4, 32, 16}, {0, 1, 32, 16}, {10, 4, 32, 8}, {2, 4, 32, 4}, {0, 100, 32, 100}, {32, 0, 224, 32}, {1 << 40, 0, 224, 445},
	} {
		if got := chooseBatch(c.wanted, input{batch: c.fixed, height: c.side, width: c.side}); got != c.want {
			t.Errorf("%+v: batch %d", c, got)
		}
	}
}

// TestSteadyState: runs after the first of their size allocate next to nothing.
func TestSteadyState(t *testing.T) {
	needEngine(t, EngineRuntime)
	c := mustOpen(t, "testdata/plain.onnx", Options{Engine: EngineRuntime})
	images := testPixels()
	run := func() {
		if _, _, err := c.Run(images, testImages, testSide, testSide); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(20, run); n > 4 {
		t.Errorf("%g allocations per run", n)
	}
}

// FuzzPure: whatever a model file holds, reading, rewriting and running it in pure Go ends without a crash.
func FuzzPure(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(paths) == 0 {
		f.Fatal("no seeds")
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(network(nil))
	for _, o := range operations() {
		f.Add(o.encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Parse(data, t.TempDir())
		if err != nil {
			return
		}
		_, _ = inputOf(m)
		if len(m.Inputs) != 1 || len(m.Inputs[0].Shape) != 4 {
			return
		}
		in := input{name: m.Inputs[0].Name, batch: 1}
		shape := [4]int{1, rgb, 16, 16}
		for i, d := range m.Inputs[0].Shape {
			if d > 0 && d <= 32 {
				shape[i] = int(d)
			}
		}
		in.batch = shape[0]
		for _, out := range m.Outputs {
			lowered, err := lower.Lower(m, in.name, shape[:], []string{out.Name})
			if err != nil || costly(lowered) {
				continue
			}
			e := &pureEngine{graph: graph{source: m, input: in.name, outputs: []string{out.Name}, threads: 1}, fixed: in.batch}
			if _, err := e.run(shape, func(dst []float32) { clear(dst) }); err != nil {
				continue
			}
		}
	})
}

// costly tells whether a fuzzed graph is sound but too large to run here.
func costly(r *lower.Result) bool {
	n := 0
	for _, c := range r.Constants {
		n += elements(c.Shape)
	}
	return n > 1<<20 || len(r.Graph.Nodes) > 200
}

func benchmarkRun(b *testing.B, engine, path string, side int) {
	needEngine(b, engine)
	c := mustOpen(b, path, Options{Engine: engine})
	n := c.Info().Batch
	images := probeImages(n * rgb * side * side)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.Run(images, n, side, side); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "images/s")
}

// BenchmarkRun runs batches of the size that the classifier recommends.
func BenchmarkRun(b *testing.B) {
	for _, engine := range []string{EngineRuntime, EnginePure} {
		b.Run(engine+"/small", func(b *testing.B) { benchmarkRun(b, engine, "testdata/plain.onnx", testSide) })
		for _, m := range []struct {
			name string
			side int
		}{{"cifar10_resnet20", 32}, {"cifar10_wrn16_2", 32}, {"imagenet_squeezenet1_1", 224}, {"imagenet_mobilenetv2", 224}} {
			b.Run(engine+"/"+m.name, func(b *testing.B) {
				benchmarkRun(b, engine, filepath.Join(dataPack(b), "models", m.name+".onnx"), m.side)
			})
		}
	}
}

// TestMeasure: as many times as asked for, shortest first, of the batch that the model takes.
func TestMeasure(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := mustOpen(t, "testdata/residual.onnx", Options{Engine: engine})
		var calls int
		m, err := c.Measure(3, 5, func() time.Duration { calls++; return time.Duration(calls * calls) })
		if err != nil || len(m.Times) != 5 || !slices.IsSorted(m.Times) || m.Times[0] <= 0 || m.Median() != m.Times[2] || m.CPU != 3 {
			t.Errorf("%+v, %v", m, err)
		}
		if in := c.Info(); m.Batch != 3 || in.Height != 0 && m.Height != in.Height {
			t.Errorf("a batch of %d of %d×%d", m.Batch, m.Height, m.Width)
		}
	})
}
