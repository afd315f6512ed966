package imageset

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readNPY reads a little-endian float32 array written by numpy.save.
func readNPY(t testing.TB, path string) []float32 {
	t.Helper()
	b := read(t, path)
	b = b[10+int(binary.LittleEndian.Uint16(b[8:10])):]
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

// farthest is the largest absolute difference.
func farthest(a, b []float32) float64 {
	var most float64
	for i := range a {
		most = max(most, math.Abs(float64(a[i])-float64(b[i])))
	}
	return most
}

// apply decodes a file and preprocesses it.
func apply(t testing.TB, p *Preprocess, file string) (tensor []float32, h, w int) {
	t.Helper()
	m, err := Decode(read(t, file))
	if err != nil {
		t.Fatal(err)
	}
	tensor, h, w, err = p.Apply(m)
	if err != nil {
		t.Fatal(err)
	}
	return tensor, h, w
}

// TestTensorGoldens compares with torchvision (testdata/gen/images.py): crops
// that begin at halves, crops larger than the picture, stretching, no resizing.
func TestTensorGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/tensor/*.npy")
	if err != nil || len(files) != 16 {
		t.Fatalf("%d goldens, %v", len(files), err)
	}
	for _, f := range files {
		config, source, _ := strings.Cut(strings.TrimSuffix(filepath.Base(f), ".npy"), ".")
		p, err := ParsePreprocess("testdata/tensor/" + config + ".json")
		if err != nil {
			t.Fatal(err)
		}
		got, h, w := apply(t, p, "testdata/tensor/"+source+".png")
		want := readNPY(t, f)
		if oh, ow := p.OutputSize(); oh != h || ow != w || len(got) != len(want) || len(got) != 3*h*w {
			t.Fatalf("%s: %d values of %d×%d, want %d of %d×%d", f, len(got), h, w, len(want), oh, ow)
		}
		if d := farthest(got, want); d > 0 {
			t.Errorf("%s differs from torchvision by up to %v", f, d)
		}
	}
}

// TestTensorRealGoldens compares with the data pack's goldens, bit for bit.
func TestTensorRealGoldens(t *testing.T) {
	p, err := ParsePreprocess(data(t, "models", "imagenet_mobilenetv2.preprocessor_config.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := readNPY(t, data(t, "goldens", "imagenet_mobilenetv2_input.npy"))
	for i, name := range []string{"0_gray_224x224.png", "1_braid_256x283.png", "2_cat_500x375.png", "3_stork_533x800.png"} {
		got, h, w := apply(t, p, data(t, "goldens", "images", name))
		if h != 224 || w != 224 {
			t.Fatalf("%s became %d×%d", name, h, w)
		}
		if d := farthest(got, want[i*3*224*224:][:3*224*224]); d > 0 {
			t.Errorf("%s differs from the golden by up to %v", name, d)
		}
	}
}

// TestPresets: a preset equals the configuration that says the same, whatever
// the order and spelling of the keys, and its string is read back to itself.
func TestPresets(t *testing.T) {
	for name, config := range map[string]string{
		"imagenet": `{"image_std": [0.229, 0.224, 0.225], "image_mean": [0.485, 0.456, 0.406], "crop_size": 224,
			"image_processor_type": "BitImageProcessor", "resample": 2, "size": 256, "unused": null}`,
		"cifar10": `{"size": {"shortest_edge": 32}, "resample": 2, "do_center_crop": true, "crop_size": {"width": 32, "height": 32},
			"image_mean": [0.4914, 0.4822, 0.4465], "image_std": [0.247, 0.2435, 0.2616], "rescale_factor": 0.00392156862745098}`,
	} {
		preset, err := ParsePreprocess(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{config, preset.String()} {
			p, err := parseConfig([]byte(text))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if p.String() != preset.String() || len(p.Warnings) > 0 || *p.values != *preset.values {
				t.Errorf("%s: got %v, want %v (warnings %q)", name, p, preset, p.Warnings)
			}
		}
	}
	a, _ := ParsePreprocess("imagenet")
	b, _ := ParsePreprocess("cifar10")
	if a.String() == b.String() {
		t.Error("different presets have equal strings")
	}
}

const stats = `"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]`

// TestConfigs reads configurations as published checkpoints have them.
func TestConfigs(t *testing.T) {
	for _, c := range []struct{ name, config, want string }{
		{"ViT, old", `{"do_normalize": true, "do_resize": true, "feature_extractor_type": "ViTFeatureExtractor", "resample": 2, "size": 224, ` + stats + `}`,
			`"size":{"height":224,"width":224},"resample":2,"do_center_crop":false`},
		{"ConvNeXt, 224", `{"crop_pct": 0.875, "feature_extractor_type": "ConvNextFeatureExtractor", "resample": 3, "size": 224, ` + stats + `}`,
			`"size":{"shortest_edge":256},"resample":3,"do_center_crop":true,"crop_size":{"height":224,"width":224}`},
		{"ConvNeXt, 384", `{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}, ` + stats + `}`,
			`"size":{"height":384,"width":384},"resample":3,"do_center_crop":false`},
		{"DeiT", `{"crop_size": 224, "do_center_crop": true, "feature_extractor_type": "DeiTFeatureExtractor", "size": 256, ` + stats + `}`,
			`"size":{"height":256,"width":256},"resample":3,"do_center_crop":true,"crop_size":{"height":224,"width":224}`},
		{"CLIP, fast", `{"crop_size": 224, "image_processor_type": "CLIPImageProcessorFast", "size": 224, "do_convert_rgb": true, ` + stats + `}`,
			`"size":{"shortest_edge":224},"resample":3,"do_center_crop":true`},
		{"unnamed, no crop", `{"size": 224, "resample": 1, ` + stats + `}`, `"size":{"height":224,"width":224},"resample":1`},
		{"unnamed, crop", `{"size": 256, "resample": 0, "crop_size": 224, ` + stats + `}`, `"size":{"shortest_edge":256},"resample":0,"do_center_crop":true`},
		{"only values", `{` + stats + `}`, `{"do_resize":false,"do_center_crop":false,"do_rescale":true,"rescale_factor":0.00392156862745098`},
		{"raw bytes", `{"do_rescale": false, "do_normalize": false}`, `"rescale_factor":1,"do_normalize":true,"image_mean":[0,0,0],"image_std":[1,1,1]`},
	} {
		p, err := parseConfig([]byte(c.config))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !strings.Contains(p.String(), c.want) || len(p.Warnings) > 0 {
			t.Errorf("%s: %v (warnings %q), want %s", c.name, p, p.Warnings, c.want)
		}
		if again, err := parseConfig([]byte(p.String())); err != nil || again.String() != p.String() {
			t.Errorf("%s: read back as %v, %v", c.name, again, err)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	sized := `"size": 32, "resample": 2, ` + stats
	for _, c := range []struct{ config, want string }{
		{`[]`, "not a JSON object"},
		{`{`, "not a JSON object"},
		{`{"do_resize": true, ` + stats + `}`, `"size" is missing`},
		{`{"size": 224, ` + stats + `}`, `"resample" is missing`},
		{`{"size": 224, "resample": 7, ` + stats + `}`, `"resample" is 7`},
		{`{"size": 0, "resample": 2, ` + stats + `}`, `"size" is 0`},
		{`{"size": 99999, "resample": 2, ` + stats + `}`, `expected 1 to`},
		{`{"size": {"longest_edge": 5}, "resample": 2, ` + stats + `}`, `expected shortest_edge`},
		{`{"size": {"shortest_edge": 5, "longest_edge": 9}, "resample": 2, ` + stats + `}`, `expected shortest_edge`},
		{`{"size": {"height": 5}, "resample": 2, ` + stats + `}`, `expected shortest_edge`},
		{`{"size": "big", "resample": 2, ` + stats + `}`, `"size" is "big"`},
		{`{"do_center_crop": true, ` + sized + `}`, `"crop_size" is missing`},
		{`{"crop_pct": 0.9, ` + sized + `}`, `"crop_pct" without`},
		{`{"do_pad": true, ` + sized + `}`, `"do_pad" is true: this step is not supported`},
		{`{"do_flip_channel_order": true, ` + sized + `}`, `do_flip_channel_order`},
		{`{"image_processor_type": "EfficientNetImageProcessor", ` + sized + `}`, `"EfficientNetImageProcessor" is not known`},
		{`{"size": 32, "resample": 2}`, `need 3 numbers each, have 0 and 0`},
		{`{"size": 32, "resample": 2, "image_mean": [0.5], "image_std": [0.5]}`, `have 1 and 1`},
		{`{"size": 32, "resample": 2, "image_mean": [0,0,0], "image_std": [1,0,1]}`, `expected positive numbers`},
		{`{"rescale_factor": -1, ` + sized + `}`, `"rescale_factor" is -1`},
		{`{"rescale_factor": 1e300, ` + sized + `}`, `take pixel`},
	} {
		if p, err := parseConfig([]byte(c.config)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, error %v, want one with %q", c.config, p, err, c.want)
		}
	}
	p, err := parseConfig([]byte(`{"do_pad": false, "novel": 3, ` + sized + `}`))
	if err != nil || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], `"novel"`) {
		t.Errorf("unknown key: %v, %v", p, err)
	}
	if _, err := ParsePreprocess("no-such-preset"); err == nil || !strings.Contains(err.Error(), "cifar10, imagenet") {
		t.Errorf("unknown preset: %v", err)
	}
}

// TestCropStart checks torchvision's rule at halves: 59/2 gives 30, 117/2 58.
func TestCropStart(t *testing.T) {
	for _, c := range [][3]int{{283, 224, 30}, {341, 224, 58}, {224, 224, 0}, {225, 224, 0}, {227, 224, 2}, {223, 224, 0}, {221, 224, -1}, {10, 15, -2}} {
		if got := cropStart(c[0], c[1]); got != c[2] {
			t.Errorf("crop of %d from %d begins at %d, want %d", c[1], c[0], got, c[2])
		}
	}
}

// TestNarrow: an absurd aspect ratio costs neither memory nor time.
func TestNarrow(t *testing.T) {
	p := presets["imagenet"]
	m := planarRGB(make([]byte, 3*4000), 1, 4000) // resized: 256×1,024,000
	if _, h, w, err := p.Apply(m); err != nil || h != 224 || w != 224 {
		t.Errorf("1×4000 became %d×%d, %v", w, h, err)
	}
	m = planarRGB(make([]byte, 3*400000), 1, 400000)
	if _, _, _, err := p.Apply(m); err == nil || !strings.Contains(err.Error(), "too long and narrow") {
		t.Errorf("1×400000: %v", err)
	}
}

func FuzzConfig(f *testing.F) {
	files, _ := filepath.Glob("testdata/tensor/*.json")
	for _, file := range files {
		f.Add(read(f, file))
	}
	f.Add([]byte(`{"crop_pct": 0.875, "feature_extractor_type": "ConvNextFeatureExtractor", "resample": 3, "size": 224, ` + stats + `}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parseConfig(text)
		if err != nil {
			return
		}
		again, err := parseConfig([]byte(p.String()))
		if err != nil || again.String() != p.String() {
			t.Fatalf("%s read back as %v, %v", p, again, err)
		}
		if h, w := p.OutputSize(); h*w > 1<<20 || p.ShortSide > 1<<10 {
			return
		}
		if _, _, _, err := p.Apply(planarRGB(make([]byte, 3*5*7), 5, 7)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestConfigTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	big, _ := json.Marshal(strings.Repeat("x", maxConfig))
	if err := os.WriteFile(path, big, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ParsePreprocess(path); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a configuration of %d bytes: %v", len(big), err)
	}
}
