package benchmark

import (
	"bytes"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const everything = `# all keys
name: Digits
model: models/net_<run>.onnx
preprocess: cifar10
tensor: feat
runs: [s0, s1]
train: train_<run>.safetensors
id: {name: digits, images: "cifar10:data#test", limit: 100, classes: "a,b"}
near: &sets
  letters: {images: list.txt, root: images, classes: names.txt}
far:
  7: seven.npy
  svhn: {features: /abs/svhn.npz}
detectors: [flow, mahalanobis++, old/knn_<run>.safetensors]
seeds: [1, 2, 0x10]
`

func TestParse(t *testing.T) {
	got, err := Parse([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	want := &File{
		Name: "Digits", Model: "models/net_<run>.onnx", Preprocess: "cifar10", Tensor: "feat", Runs: []string{"s0", "s1"},
		Train: &Set{Name: "train", Features: "train_<run>.safetensors"},
		ID:    Set{Name: "digits", Images: "cifar10:data#test", Limit: 100, Classes: "a,b"},
		Groups: []Group{
			{"near", []Set{{Name: "letters", Images: "list.txt", Root: "images", Classes: "names.txt"}}},
			{"far", []Set{{Name: "7", Features: "seven.npy"}, {Name: "svhn", Features: "/abs/svhn.npz"}}},
		},
		Detectors: []string{"flow", "mahalanobis++", "old/knn_<run>.safetensors"}, Seeds: []uint64{1, 2, 16},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestIn(t *testing.T) {
	f, err := Parse([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	got := f.In("bench", "s1")
	for _, c := range []struct{ got, want string }{
		{got.Model, "bench/models/net_s1.onnx"}, {got.Preprocess, "cifar10"}, {got.Train.Features, "bench/train_s1.safetensors"},
		{got.ID.Images, "cifar10:bench/data#test"}, {got.ID.Classes, "a,b"}, {got.ID.Root, ""},
		{got.Groups[0].Sets[0].Images, "bench/list.txt"}, {got.Groups[0].Sets[0].Root, "bench/images"}, {got.Groups[0].Sets[0].Classes, "bench/names.txt"},
		{got.Groups[1].Sets[0].Features, "bench/seven.npy"}, {got.Groups[1].Sets[1].Features, "/abs/svhn.npz"},
		{got.Detectors[1], "mahalanobis++"}, {got.Detectors[2], "bench/old/knn_s1.safetensors"},
	} {
		if filepath.ToSlash(c.got) != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	if f.Groups[0].Sets[0].Root != "images" || f.Train.Features != "train_<run>.safetensors" {
		t.Error("In changed its receiver")
	}
}

// wrong are files that are refused, with what is said, and whether the schema can know.
var wrong = []struct {
	text, want string
	schema     bool
}{
	{"", "the file is empty", false},
	{"a: [", "not YAML: line 1", false},
	{"- a", "line 1: the benchmark is a mapping", true},
	{"id: a\nfar: {x: b}\n---\nid: a\n", "more than one document", false},
	{"far: {x: b}", "there is no id", true},
	{"id: a", "no set in near or far", true},
	{"id: a\nfar: {x: b}\nneer: {y: c}", `line 3: unknown key "neer"; the keys here are name, model, `, true},
	{"id: a\nfar:\n  x: {images: b, rooot: c}", `line 3: unknown key "rooot"; the keys here are features, images, root, classes, limit`, true},
	{"id: a\nfar: {x: {name: z, images: b}}", `unknown key "name"`, true},
	{"id: a\nfar: {x: b}\nid: c", `line 3: the key "id" is there twice`, false},
	{"id: a\nfar: {x: b}\n'': c", "line 3: a key has to be a word", true},
	{"id: a\nfar: {x: {}}", "line 2: a set needs features or images", true},
	{"id: a\nfar: {x: {features: b, images: c}}", "line 2: a set has either features or images", true},
	{"id: a\nfar: {x: {features: b, limit: 3}}", "line 2: root, classes and limit are of no use with features", true},
	{"id: a\nfar: {x: {images: b, limit: 0}}", `line 2: want a whole number above 0, not "0"`, true},
	{"id: a\nfar: {x: {images: b, limit: 1.5}}", "line 2: want a whole number", true},
	{"id: a\nfar: {x: [b]}", "line 2: a set is a mapping", true},
	{"id: a\nfar: {x: }", "line 2: want a text", true},
	{"id: a\nfar: {x: 2001-01-01}", "line 2: want a text", false},
	{"id: a\nfar: [x]", "line 2: far is a mapping", true},
	{"id: a\nnear: {x: b}\nfar: {x: c}", `two sets or groups are called "x"`, false},
	{"id: a\nnear: {far: b}", `two sets or groups are called "far"`, false},
	{"id: a\nfar: {x: b}\nseeds: [1, -2]", `line 3: a seed is a whole number, not "-2"`, true},
	{"id: a\nfar: {x: b}\nseeds: [1, 1]", "line 3: the seed 1 is there twice", true},
	{"id: a\nfar: {x: b}\nseeds: []", "line 3: want a list", true},
	{"id: a\nfar: {x: b}\ndetectors: flow", "line 3: want a list", true},
	{"id: a\nfar: {x: b}\ndetectors: [flow, flow]", `line 3: "flow" is there twice`, true},
	{"id: a\nfar: {x: 'b<run>'}", "<run> is in a path, but there are no runs", false},
	{"id: a\nfar: {x: {images: b, root: 'c<run>'}}", "<run> is in a path, but there are no runs", false},
	{"id: a\nfar: {x: {images: b, classes: '<run>.txt'}}", "<run> is in a path, but there are no runs", false},
	{"id: {images: a, classes: '<run>.txt'}\nfar: {x: b}", "<run> is in a path, but there are no runs", false},
	{"id: a\ntrain: {images: c, root: '<run>'}\nfar: {x: b}", "<run> is in a path, but there are no runs", false},
	{"id: a\npreprocess: '<run>.json'\nfar: {x: b}", "<run> is in a path, but there are no runs", false},
	{"id: a\nfar: {x: b}\nruns: [1, 2]", "there are several runs, but <run> is in no path", false},
	{"id: &a [*a]\nfar: {x: b}", "line 1: a set is a mapping", true},
}

func TestParseErrors(t *testing.T) {
	for _, c := range wrong {
		if _, err := Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
	}
	_, err := Parse([]byte("id: a\nfer: {x: b}"))
	var unknown *KeyError
	if !errors.As(err, &unknown) || unknown.Key != "fer" || unknown.Line != 2 || !slices.Contains(unknown.Valid, "far") {
		t.Errorf("%#v", err)
	}
}

// TestRunInAnyPath: several runs make a difference wherever <run> is replaced.
func TestRunInAnyPath(t *testing.T) {
	for _, text := range []string{
		"model: '<run>.onnx'\nid: a\nfar: {x: b}",
		"preprocess: '<run>.json'\nid: a\nfar: {x: b}",
		"detectors: ['<run>.safetensors']\nid: a\nfar: {x: b}",
		"id: '<run>.npy'\nfar: {x: b}",
		"id: a\nfar: {x: {images: '<run>.txt'}}",
		"id: a\nnear: {x: {images: b, root: '<run>'}}",
		"id: a\nfar: {x: {images: b, classes: '<run>.txt'}}",
		"train: {images: c, root: '<run>'}\nid: a\nfar: {x: b}",
		"train: {images: c, classes: '<run>.txt'}\nid: a\nfar: {x: b}",
	} {
		f, err := Parse([]byte(text + "\nruns: [r1, r2]"))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if reflect.DeepEqual(f.In("dir", "r1"), f.In("dir", "r2")) {
			t.Errorf("%q: both runs are the same", text)
		}
	}
}

func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile("../../docs/benchmark.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaAgrees: what an editor is told by docs/benchmark.schema.json is what Parse does, as far as a schema can tell.
func TestSchemaAgrees(t *testing.T) {
	s := schema(t)
	if err := valid(s, []byte(everything)); err != nil {
		t.Error(err)
	}
	for _, c := range wrong {
		if strings.Contains(c.text, "&a") {
			continue // has no end as a value
		}
		if err := valid(s, []byte(c.text)); c.schema && err == nil {
			t.Errorf("the schema takes %q", c.text)
		}
	}
}

// valid holds YAML against a schema.
func valid(s *jsonschema.Schema, text []byte) error {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return err
	}
	return s.Validate(jsonable(v))
}

// jsonable makes of a value of YAML one of JSON.
func jsonable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = jsonable(v[k])
		}
	case map[any]any:
		out := map[string]any{}
		for k, value := range v {
			b, err := yaml.Marshal(k)
			if err != nil {
				return nil
			}
			out[strings.TrimSpace(string(b))] = jsonable(value)
		}
		return out
	case []any:
		for i := range v {
			v[i] = jsonable(v[i])
		}
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "a number that JSON does not have"
		}
	}
	return v
}

// TestBuiltin wants every benchmark that comes with the program to be one, with the groups of its source.
func TestBuiltin(t *testing.T) {
	groups := map[string][]string{
		"openood/cifar10":     {"near cifar100 tin", "far mnist svhn texture places365"},
		"openood/cifar100":    {"near cifar10 tin", "far mnist svhn texture places365"},
		"openood/imagenet200": {"near ssb_hard ninco", "far inaturalist textures openimage_o"},
		"openood/imagenet":    {"near ssb_hard ninco", "far inaturalist textures openimage_o"},
		"fde/imagenet":        {"far textures inaturalist sun places"},
	}
	if len(Names()) != len(groups) {
		t.Errorf("%v", Names())
	}
	s := schema(t)
	for _, name := range Names() {
		text, _ := Text(name)
		if err := valid(s, text); err != nil {
			t.Error(name, err)
		}
		f, err := Parse(text)
		if err != nil {
			t.Fatal(name, err)
		}
		var got []string
		for _, g := range f.Groups {
			line := g.Name
			for _, set := range g.Sets {
				line += " " + set.Name
			}
			got = append(got, line)
		}
		if !slices.Equal(got, groups[name]) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, ok := Named("openood/cifar11"); ok {
		t.Error("there is no such benchmark")
	}
}

// FuzzParse: what is taken is complete, fits the schema, and is the same when its paths are placed where they are.
func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	for _, c := range wrong {
		f.Add([]byte(c.text))
	}
	for _, name := range Names() {
		text, _ := Text(name)
		f.Add(text)
	}
	s := schema(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := Parse(text)
		if err != nil {
			return
		}
		if len(b.Sets()) == 0 || b.ID.Name == "" || b.ID.Features == "" && b.ID.Images == "" {
			t.Fatalf("%+v", b)
		}
		b.In("dir", "run")
		if bytes.ContainsAny(text, "&*!<?~") {
			return // aliases, tags, merges and keys that are no words: the value may be another than the nodes
		}
		if err := valid(s, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
