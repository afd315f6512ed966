package classifier

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/internal/npy"
	"github.com/oodflow/oodflow/internal/onnx"
)

// The models of testdata were written by testdata/gen/classifier_models.py.
const (
	testImages = 7
	testSide   = 16
)

// testPixels are the images that testdata's goldens belong to.
func testPixels() []float32 {
	x := make([]float32, testImages*rgb*testSide*testSide)
	for i := range x {
		x[i] = float32(float64((i*7919+i/768*104729+i/16*31)%2017)/1008.5 - 1)
	}
	return x
}

// testBytes are those of a model that takes bytes.
func testBytes() []float32 {
	x := make([]float32, testImages*rgb*testSide*testSide)
	for i := range x {
		x[i] = float32((i*7919 + i/768*104729 + i/16*31) % 2017 / 8)
	}
	return x
}

// eachEngine runs a test once for every engine; ONNX Runtime is skipped where its library is not found.
func eachEngine(t *testing.T, test func(t *testing.T, engine string)) {
	for _, engine := range []string{EngineRuntime, EnginePure} {
		t.Run(engine, func(t *testing.T) {
			needEngine(t, engine)
			test(t, engine)
		})
	}
}

func needEngine(t testing.TB, engine string) {
	t.Helper()
	if engine != EngineRuntime {
		return
	}
	if !haveRuntime {
		t.Skip(errNoCgo)
	}
	if _, err := FindLibrary(""); errors.Is(err, ErrNoLibrary) {
		t.Skip(ErrNoLibrary)
	}
}

func mustOpen(t testing.TB, path string, opt Options) *Classifier {
	t.Helper()
	c, err := Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func mustRun(t testing.TB, c *Classifier, images []float32, n, h, w int) (features, logits []float32) {
	t.Helper()
	f, l, err := c.Run(images, n, h, w)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(f), slices.Clone(l)
}

func readNpy(t testing.TB, path string) []float32 {
	t.Helper()
	a, file, err := npy.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	x, err := a.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// checkClose compares elementwise, with a tolerance relative to the largest expected value.
func checkClose(t testing.TB, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	var size float64
	for _, v := range want {
		size = max(size, math.Abs(float64(v)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= tolerance*max(1, size)) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}

var testModels = []struct {
	name       string
	dim, fixed int
	linear     bool
	operators  []string // that the model must still hold, so that the test tests them
}{
	{"plain", 24, 0, true, []string{"BatchNormalization", "MaxPool", "Gemm", "Flatten"}},
	{"residual", 12, 0, true, []string{"BatchNormalization", "Slice", "Pad", "AveragePool", "Add"}},
	{"pooled", 16, 0, false, []string{"Concat", "GlobalAveragePool"}},
	{"mobile", 20, 0, true, []string{"HardSwish", "HardSigmoid", "Clip", "Transpose", "ReduceMean", "LeakyRelu"}},
	{"static4", 24, 4, true, nil},
	{"static1", 12, 1, true, nil},
	{"last", 24, 0, true, []string{"Transpose"}},
	{"bytes", 24, 0, true, []string{"Transpose", "Cast"}},
}

// TestEngines is the conformance suite: what every engine must do, on every model.
func TestEngines(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		for _, m := range testModels {
			t.Run(m.name, func(t *testing.T) {
				path := filepath.Join("testdata", m.name+".onnx")
				c := mustOpen(t, path, Options{Engine: engine})
				info := c.Info()
				if info.Dim != m.dim || info.Classes != 5 || info.FixedBatch != m.fixed || (info.Head != nil) != m.linear ||
					info.Height != testSide || info.Width != testSide || info.Channels != rgb || info.Engine != engine ||
					info.InputName != "image" || info.EngineVersion == "" || len(info.SHA256) != 64 || info.Batch < 1 {
					t.Errorf("info is %+v", info)
				}
				checkOperators(t, path, m.operators)
				f := readNpy(t, filepath.Join("testdata", m.name+"_features.npy"))
				l := readNpy(t, filepath.Join("testdata", m.name+"_logits.npy"))
				if info.Bytes != (m.name == "bytes") || info.ChannelsLast != (m.name == "bytes" || m.name == "last") {
					t.Errorf("info is %+v", info)
				}
				images := testPixels()
				if info.Bytes {
					images = testBytes()
				}
				checkGolden(t, c, images, f, l, testSide)
				checkBatches(t, c, testSide)
				checkMisuse(t, c)
			})
		}
	})
}

// checkOperators makes sure that the generator still writes the operators a model is there for.
func checkOperators(t *testing.T, path string, want []string) {
	t.Helper()
	m, err := onnx.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range want {
		if !slices.Contains(m.Operators(), op) {
			t.Errorf("%s holds no %s any more", path, op)
		}
	}
}

// checkGolden compares with what torch computed, twice in a row.
func checkGolden(t *testing.T, c *Classifier, images, features, logits []float32, side int) {
	t.Helper()
	n := len(logits) / c.Info().Classes
	f, l := mustRun(t, c, images, n, side, side)
	checkClose(t, "features", f, features, 1e-4)
	checkClose(t, "logits", l, logits, 1e-4)
	if !slices.ContainsFunc(f, func(v float32) bool { return v != 0 }) {
		t.Error("the features are all zero")
	}
	again, _ := mustRun(t, c, images, n, side, side)
	if !slices.Equal(f, again) {
		t.Error("a second run of the same images gives other features")
	}
}

// checkBatches compares batches of many sizes, of more images than go in one piece too, with single images.
func checkBatches(t *testing.T, c *Classifier, side int) {
	t.Helper()
	image := rgb * side * side
	most := min(64, c.Info().Batch) + 3
	images := c.input.probe(most * image)
	var f, l []float32
	for i := range most {
		fi, li := mustRun(t, c, images[i*image:(i+1)*image], 1, side, side)
		f, l = append(f, fi...), append(l, li...)
	}
	for _, n := range []int{1, 2, 3, 7, 16, 64, most} {
		if n > most {
			continue
		}
		fn, ln := mustRun(t, c, images[:n*image], n, side, side)
		checkClose(t, "features", fn, f[:n*c.Info().Dim], 1e-4)
		checkClose(t, "logits", ln, l[:n*c.Info().Classes], 1e-4)
	}
}

// checkMisuse gives wrong sizes, and closes twice.
func checkMisuse(t *testing.T, c *Classifier) {
	t.Helper()
	for _, bad := range []struct {
		values, n, h, w int
		message         string
	}{
		{rgb * 8 * 8, 1, 8, 8, "takes images of 16×16 pixels (height×width), not 8×8"},
		{rgb*16*16 - 1, 1, 16, 16, "767 values given for 1 images"},
		{0, 0, 16, 16, "no images given"},
		{0, 1, 0, 16, "are empty"},
	} {
		if _, _, err := c.Run(make([]float32, bad.values), bad.n, bad.h, bad.w); err == nil || !strings.Contains(err.Error(), bad.message) {
			t.Errorf("%d images of %d×%d: error %v, want %q", bad.n, bad.h, bad.w, err, bad.message)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := c.Run(testPixels(), testImages, testSide, testSide); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("run after closing: error %v", err)
	}
}

// TestNotBytes: what is no byte is refused by a model that takes bytes, not rounded.
func TestNotBytes(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := mustOpen(t, "testdata/bytes.onnx", Options{Engine: engine})
		for _, bad := range []float64{-1, 0.5, 256, math.NaN(), math.Inf(1)} {
			images := testBytes()
			images[5*rgb*testSide*testSide+17] = float32(bad)
			if _, _, err := c.Run(images, testImages, testSide, testSide); err == nil || !strings.Contains(err.Error(), "takes pixels as bytes, 0 to 255") {
				t.Errorf("%v: error %v", bad, err)
			}
		}
		mustRun(t, c, testBytes(), testImages, testSide, testSide)
	})
}

// TestNaN: what is not finite is reported with the image it belongs to. (Where a maximum with zero follows,
// engines make zero of NaN; this model adds past it.)
func TestNaN(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := mustOpen(t, "testdata/residual.onnx", Options{Engine: engine, Batch: 2})
		for _, bad := range []float64{math.NaN(), math.Inf(1)} {
			images := testPixels()
			images[5*rgb*testSide*testSide+17] = float32(bad)
			_, _, err := c.Run(images, testImages, testSide, testSide)
			if err == nil || !strings.Contains(err.Error(), "of image 5 of the batch is NaN") {
				t.Errorf("%v in image 5: error %v", bad, err)
			}
		}
		mustRun(t, c, testPixels(), testImages, testSide, testSide)
	})
}
