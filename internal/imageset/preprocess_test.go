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

// TestStrings pins the strings that files of features hold and are compared by.
func TestStrings(t *testing.T) {
	for name, want := range map[string]string{
		"imagenet": `{"do_resize":true,"size":{"shortest_edge":256},"resample":2,"do_center_crop":true,"crop_size":{"height":224,"width":224},` +
			`"do_rescale":true,"rescale_factor":0.00392156862745098,"do_normalize":true,"image_mean":[0.485,0.456,0.406],"image_std":[0.229,0.224,0.225]}`,
		"cifar10": `{"do_resize":true,"size":{"shortest_edge":32},"resample":2,"do_center_crop":true,"crop_size":{"height":32,"width":32},` +
			`"do_rescale":true,"rescale_factor":0.00392156862745098,"do_normalize":true,"image_mean":[0.4914,0.4822,0.4465],"image_std":[0.247,0.2435,0.2616]}`,
		"testdata/tensor/crop.json": `{"do_resize":false,"do_center_crop":true,"crop_size":{"height":13,"width":13},"do_rescale":true,` +
			`"rescale_factor":0.00392156862745098,"do_normalize":true,"image_mean":[0.485,0.456,0.406],"image_std":[0.229,0.224,0.225]}`,
	} {
		if p := preset(t, name); p.String() != want {
			t.Errorf("%s is %v, and was %s", name, p, want)
		}
	}
}

// TestTorchvision: names of models and weights, as torchvision has them.
func TestTorchvision(t *testing.T) {
	for _, c := range []struct {
		name         string
		resize, crop int
		filter       Filter
		warnings     int
	}{
		{"resnet18", 256, 224, Bilinear, 0},
		{"resnet50", 232, 224, Bilinear, 1}, // the default is V2
		{"ResNet50_Weights.IMAGENET1K_V1", 256, 224, Bilinear, 0},
		{"ResNet50_Weights.IMAGENET1K_V2", 232, 224, Bilinear, 0},
		{"ResNet50_Weights.DEFAULT", 232, 224, Bilinear, 0},
		{"inception_v3", 342, 299, Bilinear, 0},
		{"swin_t", 232, 224, Bicubic, 0},
		{"ViT_H_14_Weights.IMAGENET1K_SWAG_E2E_V1", 518, 518, Bicubic, 0},
	} {
		p := preset(t, "torchvision:"+c.name)
		if p.ShortSide != c.resize || p.CropH != c.crop || p.CropW != c.crop || p.Resample != c.filter || len(p.Warnings) != c.warnings || p.Mean != imagenetMean {
			t.Errorf("%s: %v, warnings %q", c.name, p, p.Warnings)
		}
	}
	if a, b := preset(t, "torchvision:resnet18"), preset(t, "imagenet"); a.String() != b.String() {
		t.Errorf("torchvision's resnet18 is %v, not the preset imagenet", a)
	}
	if p := preset(t, "torchvision:VGG16_Weights.IMAGENET1K_FEATURES"); p.Std[0] != 1.0/255 || p.Mean[2] != 0.40784 {
		t.Errorf("VGG16's own mean and std are not in %v", p)
	}
	names := TorchvisionPresets()
	if len(names) != 80+115 {
		t.Errorf("%d names", len(names))
	}
	for _, name := range names {
		p := preset(t, name)
		if p.ShortSide < p.CropH || p.CropH < 224 || p.Std[0] <= 0 {
			t.Errorf("%s: %v", name, p)
		}
	}
	for name, want := range map[string]string{"resnet51": "resnet50", "ResNet50_Weights.V2": "ResNet50_Weights.IMAGENET1K_V2", "": "names are such as"} {
		if _, err := ParsePreprocess("torchvision:" + name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("torchvision:%s: %v, want %q in it", name, err, want)
		}
	}
}

// TestFor: a model of timm's second size gets the preprocessing for that.
func TestFor(t *testing.T) {
	p, err := parseConfig([]byte(`{"pretrained_cfg": {"input_size": [3, 224, 224], "test_input_size": [3, 288, 288], "crop_pct": 0.9, "test_crop_pct": 1}}`))
	if err != nil {
		t.Fatal(err)
	}
	p.Upright, p.FastJPEG = true, true
	for size, want := range map[int][2]int{0: {248, 224}, 224: {248, 224}, 256: {248, 224}, 288: {288, 288}} {
		q := p.For(size, size)
		if q.ShortSide != want[0] || q.CropH != want[1] || !q.Upright || !q.FastJPEG {
			t.Errorf("a model of %d×%d gets %v", size, size, q)
		}
	}
	if q := p.Bytes(); q.Scale != 1 || q.Mean != [3]float64{} || q.Std != [3]float64{1, 1, 1} || q.CropH != 224 || p.Scale == 1 {
		t.Errorf("as bytes: %v", q)
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
		{"EfficientNet", `{"image_processor_type": "EfficientNetImageProcessor", "size": {"height": 346, "width": 346}, "crop_size": 289, "do_center_crop": false,
			"include_top": true, "rescale_offset": false, ` + stats + `}`,
			`"size":{"height":346,"width":346},"resample":0,"do_center_crop":false,"do_rescale":true,"rescale_factor":0.00392156862745098,` +
				`"do_normalize":true,"image_mean":[0.5,0.5,0.5],"image_std":[0.25,0.25,0.25]}`},
		{"EfficientNet, offset", `{"image_processor_type": "EfficientNetImageProcessor", "do_resize": false, "include_top": false, "do_normalize": false,
			"rescale_factor": 0.00784313725490196, "rescale_offset": true}`,
			`"rescale_factor":0.00784313725490196,"do_normalize":true,"image_mean":[1,1,1],"image_std":[1,1,1]}`},
		{"MobileViT", `{"feature_extractor_type": "MobileViTFeatureExtractor", "crop_size": 256, "do_center_crop": true, "do_flip_channel_order": true, "resample": 2, "size": 288}`,
			`"size":{"shortest_edge":288},"resample":2,"do_center_crop":true,"crop_size":{"height":256,"width":256},"do_rescale":true,"rescale_factor":0.00392156862745098,` +
				`"do_normalize":true,"image_mean":[0,0,0],"image_std":[1,1,1],"do_flip_channel_order":true}`},
		{"PoolFormer", `{"image_processor_type": "PoolFormerImageProcessor", "crop_pct": 0.95, "crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 224}, ` + stats + `}`,
			`"size":{"shortest_edge":235},"resample":3,"do_center_crop":true,"crop_size":{"height":224,"width":224}`},
		{"LeViT", `{"image_processor_type": "LevitImageProcessor", "crop_size": 224, "size": {"shortest_edge": 224}, ` + stats + `}`,
			`"size":{"shortest_edge":256},"resample":3,"do_center_crop":true`},
		{"mean as one number", `{"size": [9, 7], "resample": 2, "image_mean": 0.5, "image_std": 0.25}`,
			`"size":{"height":9,"width":7},"resample":2,"do_center_crop":false,"do_rescale":true,"rescale_factor":0.00392156862745098,"do_normalize":true,"image_mean":[0.5,0.5,0.5],"image_std":[0.25`},
		{"timm, in full", `{"architecture": "resnet50", "num_classes": 1000, "num_features": 2048, "global_pool": "avg", "pretrained_cfg": {"tag": "a1_in1k",
			"input_size": [3, 224, 224], "test_input_size": [3, 288, 288], "fixed_input_size": false, "interpolation": "bicubic", "crop_pct": 0.95, "test_crop_pct": 1.0,
			"crop_mode": "center", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "pool_size": [7, 7], "first_conv": "conv1", "classifier": "fc"}}`,
			`"size":{"shortest_edge":235},"resample":3,"do_center_crop":true,"crop_size":{"height":224,"width":224}`},
		{"timm, bare", `{"input_size": [3, 384, 384], "crop_pct": 1.0, "crop_mode": "squash", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}`,
			`"size":{"height":384,"width":384},"resample":3,"do_center_crop":true,"crop_size":{"height":384,"width":384}`},
		{"timm, defaults", `{"pretrained_cfg": {"interpolation": ""}}`,
			`"size":{"shortest_edge":256},"resample":3,"do_center_crop":true,"crop_size":{"height":224,"width":224},"do_rescale":true,"rescale_factor":0.00392156862745098,` +
				`"do_normalize":true,"image_mean":[0.485,0.456,0.406],"image_std":[0.229,0.224,0.225]}`},
		{"timm, border", `{"pretrained_cfg": {"input_size": [3, 56, 50], "crop_pct": 1, "crop_mode": "border"}}`,
			`"fit":"contain","crop_fill":[124,116,104]}`},
		{"our own keys", `{"size": {"height": 9, "width": 9}, "crop_size": 9, "resample": 3, "antialias": false, "fit": "cover", "do_exif_transpose": true, "fast_jpeg": true, ` + stats + `}`,
			`"fit":"cover","antialias":false,"do_exif_transpose":true,"fast_jpeg":true}`},
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
		{`{"do_thumbnail": true, ` + sized + `}`, `do_thumbnail`},
		{`{"my_crop_margin": 3, ` + sized + `}`, `"my_crop_margin" is 3`},
		{`{"image_processor_type": "DonutImageProcessor", ` + sized + `}`, `"DonutImageProcessor" is not known`},
		{`{"size": {"height": 8, "width": 8}, "resample": 1, "antialias": false, ` + stats + `}`, `"antialias" is false: only bilinear and bicubic`},
		{`{"fit": "cover", ` + sized + `, "crop_size": 9}`, `"fit" is "cover"`},
		{`{"fit": "shrink", ` + sized + `}`, `"fit" is "shrink"`},
		{`{"crop_fill": [0, 0, 256], ` + sized + `}`, `"crop_fill" is [0 0 256]`},
		{`{"image_processor_type": "PoolFormerImageProcessor", "size": {"height": 9, "width": 9}, "crop_size": 9, ` + stats + `}`, `shortest_edge`},
		{`{"input_size": [1, 28, 28]}`, `an input size is [1 28 28]`},
		{`{"input_size": [3, 224]}`, `expected [3, height, width]`},
		{`{"test_input_size": [3, 0, 1]}`, `an input size is [3 0 1]`},
		{`{"pretrained_cfg": "resnet50.a1_in1k"}`, `"pretrained_cfg" is not an object`},
		{`{"pretrained_cfg": {"crop_pct": 0.01}}`, `"crop_pct" is 0.01`},
		{`{"pretrained_cfg": {"crop_mode": "zoom"}}`, `"crop_mode" is "zoom"`},
		{`{"pretrained_cfg": {"interpolation": "random"}}`, `"interpolation" is "random"`},
		{`{"pretrained_cfg": {"crop_border_pixels": 4}}`, `"crop_border_pixels" is 4`},
		{`{"pretrained_cfg": {"mean": [0.5, 0.5], "std": [1, 1]}}`, `"mean" and "std" need 3 numbers each`},
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
	if _, err := ParsePreprocess("no-such-preset"); err == nil || !strings.Contains(err.Error(), "cifar10, imagenet, and torchvision:MODEL") {
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
	more, _ := filepath.Glob("testdata/preprocess/timm_*.json")
	for _, file := range append(more, "testdata/preprocess/bgr.json", "testdata/preprocess/aliased_short_bicubic.json") {
		f.Add(read(f, file))
	}
	f.Add([]byte(`{"pretrained_cfg": {"input_size": [3, 32, 32], "test_input_size": [3, 48, 48], "mean": 0.5, "std": [1, 1, 1], "test_crop_pct": 1}}`))
	f.Add([]byte(`{"image_processor_type": "EfficientNetImageProcessor", "size": 34, "rescale_offset": true, ` + stats + `}`))
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
		for _, c := range []int{p.CropH, p.CropW, p.ResizeH, p.ResizeW, p.ShortSide} {
			if c > 256 {
				return // legal, and slow
			}
		}
		tensor, h, w, err := p.Apply(planarRGB(make([]byte, 3*5*7), 5, 7))
		if oh, ow := p.OutputSize(); err != nil || len(tensor) != 3*h*w || oh != 0 && (oh != h || ow != w) {
			t.Fatalf("%v made %d values of %d×%d, %v", p, len(tensor), h, w, err)
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
