package classifier

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// dataPack is the folder of real models and images, which the environment variable OODFLOW_DATA names.
func dataPack(t testing.TB) string {
	dir := os.Getenv("OODFLOW_DATA")
	if dir == "" {
		t.Skip("OODFLOW_DATA is not set")
	}
	return dir
}

// recipe is what a model's description says about its input.
type recipe struct {
	Preprocess struct{ Mean, Std []float64 }
	Penult     struct{ Tensor string } `json:"penultimate"`
	Dim        int                     `json:"feature_dim"`
}

func readRecipe(t testing.TB, model string) (r recipe) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dataPack(t), "models", model+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// cifarImages reads the first n CIFAR-10 test images, normalised as the model wants them.
func cifarImages(t testing.TB, r recipe, n int) []float32 {
	t.Helper()
	const record = 1 + rgb*32*32
	data, err := os.ReadFile(filepath.Join(dataPack(t), "cifar10", "cifar-10-batches-bin", "test_batch.bin"))
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 0, n*(record-1))
	for i := range n {
		for j, p := range data[i*record+1 : (i+1)*record] {
			c := j / (32 * 32)
			x = append(x, float32((float64(p)/255-r.Preprocess.Mean[c])/r.Preprocess.Std[c]))
		}
	}
	return x
}

// TestCIFAR compares three CIFAR-10 classifiers with what torch computed for the first 64 test images.
func TestCIFAR(t *testing.T) {
	models := filepath.Join(dataPack(t), "models")
	goldens := filepath.Join(dataPack(t), "goldens")
	eachEngine(t, func(t *testing.T, engine string) {
		for _, name := range []string{"cifar10_wrn16_2", "cifar10_resnet20", "cifar10_resnet56"} {
			t.Run(name, func(t *testing.T) {
				n := 64
				if engine == EnginePure && name != "cifar10_wrn16_2" || testing.Short() {
					n = 8
				}
				r := readRecipe(t, name)
				c := mustOpen(t, filepath.Join(models, name+".onnx"), Options{Engine: engine})
				if info := c.Info(); info.FeatureTensor != r.Penult.Tensor || info.Dim != r.Dim || info.Head == nil {
					t.Errorf("features %s of dimension %d, want %s of %d", info.FeatureTensor, info.Dim, r.Penult.Tensor, r.Dim)
				}
				f, l := mustRun(t, c, cifarImages(t, r, n), n, 32, 32)
				checkClose(t, "features", f, readNpy(t, filepath.Join(goldens, name+"_features.npy"))[:len(f)], 1e-3)
				checkClose(t, "logits", l, readNpy(t, filepath.Join(goldens, name+"_logits.npy"))[:len(l)], 1e-3)
			})
		}
	})
}

// TestImageNet compares two ImageNet classifiers with torch. The input of the second is that of the first,
// normalised in another way.
func TestImageNet(t *testing.T) {
	const mobile = "imagenet_mobilenetv2"
	goldens := filepath.Join(dataPack(t), "goldens")
	images := readNpy(t, filepath.Join(goldens, mobile+"_input.npy"))
	from := readRecipe(t, mobile)
	eachEngine(t, func(t *testing.T, engine string) {
		for _, name := range []string{mobile, "imagenet_squeezenet1_1"} {
			t.Run(name, func(t *testing.T) {
				n := 4
				if engine == EnginePure {
					if n = 1; testing.Short() {
						t.Skip("slow")
					}
				}
				r := readRecipe(t, name)
				x := make([]float32, n*rgb*224*224)
				for i := range x {
					c := i / (224 * 224) % rgb
					p := float64(images[i])*from.Preprocess.Std[c] + from.Preprocess.Mean[c]
					x[i] = float32((p - r.Preprocess.Mean[c]) / r.Preprocess.Std[c])
				}
				c := mustOpen(t, filepath.Join(dataPack(t), "models", name+".onnx"), Options{Engine: engine})
				if info := c.Info(); info.FeatureTensor != r.Penult.Tensor || info.Dim != r.Dim {
					t.Errorf("features %s of dimension %d, want %s of %d", info.FeatureTensor, info.Dim, r.Penult.Tensor, r.Dim)
				}
				f, l := mustRun(t, c, x, n, 224, 224)
				checkClose(t, "features", f, readNpy(t, filepath.Join(goldens, name+"_features.npy"))[:len(f)], 1e-3)
				checkClose(t, "logits", l, readNpy(t, filepath.Join(goldens, name+"_logits.npy"))[:len(l)], 1e-3)
			})
		}
	})
}
