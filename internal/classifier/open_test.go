package classifier

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/oodflow/oodflow/internal/onnx"
)

// network is a small classifier to be spoilt: a mean over the image, a linear layer and whatever edit adds.
func network(edit func(g *onnx.Graph)) []byte {
	w := make([]float32, 3*4)
	for i := range w {
		w[i] = float32(i%5) - 1.5
	}
	g := &onnx.Graph{
		IRVersion: 8,
		Opsets:    map[string]int64{"": 13},
		Inputs:    []onnx.Value{{Name: "image", Type: onnx.Float, Shape: []int64{-1, 3, 8, 8}, Symbols: []string{"N", "", "", ""}}},
		Outputs:   []onnx.Value{{Name: "logits", Type: onnx.Float, Shape: []int64{-1, 4}}},
		Initializers: []*onnx.Tensor{
			onnx.NewFloat32s("w", []int64{3, 4}, w),
			onnx.NewFloat32s("b", []int64{4}, []float32{1, 2, 3, 4}),
		},
		Nodes: []onnx.Node{
			{Name: "relu", Op: "Relu", Inputs: []string{"image"}, Outputs: []string{"map"}},
			{Name: "pool", Op: "GlobalAveragePool", Inputs: []string{"map"}, Outputs: []string{"mean"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"mean"}, Outputs: []string{"features"}},
			{Name: "head", Op: "Gemm", Inputs: []string{"features", "w", "b"}, Outputs: []string{"logits"}},
		},
	}
	if edit != nil {
		edit(g)
	}
	return g.Encode()
}

func writeModel(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOpenRefuses: what is wrong with a model is said when it is opened.
func TestOpenRefuses(t *testing.T) {
	plain, err := os.ReadFile("testdata/plain.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		name, message string
		model         []byte
		only          string // engine
	}{
		{name: "truncated", model: plain[:len(plain)*2/3], message: "truncated"},
		{name: "text", model: []byte("<html>404 Not Found</html>\n"), message: "not an ONNX model"},
		{name: "empty", model: nil, message: "model.onnx"},
		{name: "no head", message: "head", model: network(func(g *onnx.Graph) { g.Nodes, g.Outputs[0].Name = g.Nodes[:1], "map" })},
		{name: "two inputs", message: "the model has 2 inputs (image, mask)", model: network(func(g *onnx.Graph) {
			g.Inputs = append(g.Inputs, onnx.Value{Name: "mask", Type: onnx.Float, Shape: []int64{1}})
		})},
		{name: "float16", message: "input image is float16: only float32 and uint8 input is supported", model: network(func(g *onnx.Graph) { g.Inputs[0].Type = onnx.Float16 })},
		{name: "int8", message: "input image is int8: only float32 and uint8 input is supported", model: network(func(g *onnx.Graph) { g.Inputs[0].Type = onnx.Int8 })},
		{name: "rank", message: "has shape [N 192]: images go in as N×3×H×W or N×H×W×3", model: network(func(g *onnx.Graph) { g.Inputs[0].Shape = []int64{-1, 192} })},
		{name: "one channel", message: "has shape [N 1 8 8], which is not one of RGB images", model: network(func(g *onnx.Graph) { g.Inputs[0].Shape[1] = 1 })},
		{name: "huge", message: "shape [N 3 1000000 1000000], which is too large", model: network(func(g *onnx.Graph) { g.Inputs[0].Shape = []int64{-1, 3, 1e6, 1e6} })},
		{name: "operator", message: "operator Erf (node erf) is not supported", only: EnginePure, model: network(func(g *onnx.Graph) {
			g.Nodes[0] = onnx.Node{Name: "erf", Op: "Erf", Inputs: []string{"image"}, Outputs: []string{"map"}}
		})},
		{name: "how to", message: "ONNX Runtime can: to get ONNX Runtime", only: EnginePure, model: network(func(g *onnx.Graph) {
			g.Nodes[0] = onnx.Node{Name: "erf", Op: "Erf", Inputs: []string{"image"}, Outputs: []string{"map"}}
		})},
		{name: "unknown operator", message: "cannot load the model", only: EngineRuntime, model: network(func(g *onnx.Graph) { g.Nodes[0].Op = "Nonsense" })},
		{name: "dead", message: "the features features are all zero", model: network(func(g *onnx.Graph) {
			g.Initializers = append(g.Initializers, onnx.NewFloat32s("zero", nil, []float32{0}))
			g.Nodes[0] = onnx.Node{Name: "mul", Op: "Mul", Inputs: []string{"image", "zero"}, Outputs: []string{"map"}}
		})},
		{name: "infinite", message: "feature 0 of image 0 of the batch is", model: network(func(g *onnx.Graph) {
			g.Initializers = append(g.Initializers, onnx.NewFloat32s("zero", nil, []float32{0}))
			g.Nodes[0] = onnx.Node{Name: "div", Op: "Div", Inputs: []string{"image", "zero"}, Outputs: []string{"map"}}
		})},
	} {
		t.Run(bad.name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, engine string) {
				if bad.only != "" && bad.only != engine {
					t.Skip("other engine")
				}
				path := writeModel(t, bad.model)
				c, err := Open(path, Options{Engine: engine})
				if err == nil {
					c.Close()
					t.Fatal("opened")
				}
				if !strings.Contains(err.Error(), bad.message) || !strings.Contains(err.Error(), path) {
					t.Errorf("error %q, want %q and the path", err, bad.message)
				}
			})
		})
	}
}

// TestOpenNetwork: the model that TestOpenRefuses spoils is fine by itself.
func TestOpenNetwork(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) { mustOpen(t, writeModel(t, network(nil)), Options{Engine: engine}) })
}

// TestDependsOnBatch: a model that looks at the other images of the batch is refused where batches are run.
func TestDependsOnBatch(t *testing.T) {
	needEngine(t, EngineRuntime)
	_, err := Open("testdata/mixed.onnx", Options{Engine: EngineRuntime})
	if err == nil || !strings.Contains(err.Error(), "change by") || !strings.Contains(err.Error(), "inference mode") {
		t.Errorf("error %v", err)
	}
}

// TestWrongHead: a head that does not give the logits is refused, by one weight or by the bias.
func TestWrongHead(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := mustOpen(t, "testdata/plain.onnx", Options{Engine: engine})
		if err := c.prove(); err != nil {
			t.Fatal(err)
		}
		for _, x := range [][]float32{c.info.Head.W, c.info.Head.B} {
			before := x[len(x)-1]
			x[len(x)-1] += 0.1
			if err := c.prove(); err == nil || !strings.Contains(err.Error(), "W·f + b gives") || !strings.Contains(err.Error(), "for class 4") {
				t.Errorf("error %v", err)
			}
			x[len(x)-1] = before
		}
	})
}

// TestFeatureTensor: the features can be read elsewhere, a spatial map by its mean.
func TestFeatureTensor(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := mustOpen(t, writeModel(t, network(nil)), Options{Engine: engine, FeatureTensor: "map"})
		info := c.Info()
		if info.FeatureTensor != "map" || info.Pool != "mean" || info.Dim != 3 {
			t.Fatalf("info is %+v", info)
		}
		f, _ := mustRun(t, c, probeImages(3*8*8), 1, 8, 8)
		found := mustOpen(t, writeModel(t, network(nil)), Options{Engine: engine})
		want, _ := mustRun(t, found, probeImages(3*8*8), 1, 8, 8)
		checkClose(t, "features", f, want, 1e-6)
		if _, err := Open("testdata/plain.onnx", Options{Engine: engine, FeatureTensor: "nowhere"}); err == nil || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("a tensor that is not there: error %v", err)
		}
	})
}

// TestAnySize: a model that takes images of any size runs several.
func TestAnySize(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		path := writeModel(t, network(func(g *onnx.Graph) { g.Inputs[0].Shape = []int64{-1, 3, -1, -1} }))
		c := mustOpen(t, path, Options{Engine: engine})
		if info := c.Info(); info.Height != 0 || info.Width != 0 {
			t.Errorf("info is %+v", info)
		}
		for _, size := range [][2]int{{8, 8}, {5, 9}, {224, 7}, {8, 8}, {1, 1}, {30, 31}} {
			h, w := size[0], size[1]
			images := probeImages(3 * rgb * h * w)
			f, _ := mustRun(t, c, images, 3, h, w)
			for i := range 9 {
				var sum float64
				for _, v := range images[i*h*w : (i+1)*h*w] {
					sum += max(0, float64(v))
				}
				checkClose(t, "feature", f[i:i+1], []float32{float32(sum / float64(h*w))}, 1e-5)
			}
		}
	})
}

// externalise moves the initializers of a model into a file of external data beside it.
func externalise(t *testing.T, model []byte, dir, location string) string {
	t.Helper()
	var blob []byte
	field := func(b []byte, num protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
	}
	entry := func(key, value string) []byte { return field(field(nil, 1, []byte(key)), 2, []byte(value)) }
	// edit copies a message with its fields of the given number replaced.
	edit := func(msg []byte, number protowire.Number, replace func(v []byte) []byte) (out []byte) {
		for len(msg) > 0 {
			num, typ, tag := protowire.ConsumeTag(msg)
			n := tag + protowire.ConsumeFieldValue(num, typ, msg[tag:])
			if num == number {
				v, _ := protowire.ConsumeBytes(msg[tag:])
				out = append(out, replace(v)...)
			} else {
				out = append(out, msg[:n]...)
			}
			msg = msg[n:]
		}
		return out
	}
	out := edit(model, 7, func(graph []byte) []byte {
		return field(nil, 7, edit(graph, 5, func(tensor []byte) []byte {
			tensor = edit(tensor, 9, func(raw []byte) []byte {
				offset := len(blob)
				blob = append(blob, raw...)
				var entries []byte
				for _, e := range [][2]string{{"location", location}, {"offset", strconv.Itoa(offset)}, {"length", strconv.Itoa(len(raw))}} {
					entries = field(entries, 13, entry(e[0], e[1]))
				}
				return protowire.AppendVarint(protowire.AppendTag(entries, 14, protowire.VarintType), 1)
			})
			return field(nil, 5, tensor)
		}))
	})
	if len(blob) == 0 {
		t.Fatal("the model has no weights as raw data")
	}
	path := filepath.Join(dir, "model.onnx")
	for name, data := range map[string][]byte{path: out, filepath.Join(dir, location): blob} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestExternalData: weights in a file beside the model are found from any working folder and hashed with it.
func TestExternalData(t *testing.T) {
	model, err := os.ReadFile("testdata/plain.onnx")
	if err != nil {
		t.Fatal(err)
	}
	golden := readNpy(t, "testdata/plain_features.npy")
	eachEngine(t, func(t *testing.T, engine string) {
		dir := filepath.Join(t.TempDir(), "a folder with ümlauts")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		path := externalise(t, model, dir, "weights.bin")
		c := mustOpen(t, path, Options{Engine: engine})
		f, _ := mustRun(t, c, testPixels(), testImages, testSide, testSide)
		checkClose(t, "features", f, golden, 1e-4)
		if got, want := c.Info().SHA256, hashOf(t, path, filepath.Join(dir, "weights.bin")); got != want {
			t.Errorf("SHA-256 %s, want %s", got, want)
		}
		lib, _ := FindLibrary("") // which the working folder helps to find
		t.Chdir(dir)
		opt := Options{Engine: engine, Library: lib.Path}
		again := mustOpen(t, "model.onnx", opt)
		f, _ = mustRun(t, again, testPixels(), testImages, testSide, testSide)
		checkClose(t, "features", f, golden, 1e-4)

		if err := os.Truncate("weights.bin", 100); err != nil {
			t.Fatal(err)
		}
		if _, err := Open("model.onnx", opt); err == nil || !strings.Contains(err.Error(), "weights.bin") {
			t.Errorf("truncated external data: error %v", err)
		}
		if err := os.Remove("weights.bin"); err != nil {
			t.Fatal(err)
		}
		if _, err := Open("model.onnx", opt); err == nil || !strings.Contains(err.Error(), `weights.bin", which is missing`) {
			t.Errorf("missing external data: error %v", err)
		}
	})
}

func hashOf(t *testing.T, paths ...string) string {
	t.Helper()
	var all [][]byte
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	sum := sha256.Sum256(bytes.Join(all, nil))
	return hex.EncodeToString(sum[:])
}

// TestSHA256: without external data it is the file's own.
func TestSHA256(t *testing.T) {
	c := mustOpen(t, "testdata/plain.onnx", Options{Engine: EnginePure})
	if got, want := c.Info().SHA256, hashOf(t, "testdata/plain.onnx"); got != want {
		t.Errorf("SHA-256 %s, want %s", got, want)
	}
}
