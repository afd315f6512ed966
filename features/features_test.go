package features

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/set.safetensors anew")

// The goldens' set; see testdata/gen/features.py.
func goldenSet() *Set {
	s := &Set{
		N: 5, D: 3, C: 2,
		Labels:  []int64{0, 1, 1, -1, 0},
		IDs:     []string{"a/1.png", "a/2.png", "b/grün.png", "b/猫.png", "b/😀.png"},
		DType:   "F32",
		Head:    &Head{C: 2, D: 3, W: []float32{0, 1, 2, 3, 4, 5}, B: []float32{0.5, -0.5}},
		Classes: []string{"cat", "dog & <more>"},
		Provenance: Provenance{
			Classifier: "net.onnx", ClassifierSHA256: strings.Repeat("ab", 32), Tensor: "/Flatten_output_0", Pool: "mean",
			Preprocess: `{"size":32}`, Engine: "gorgonia", Source: "images", Version: "0.1.0",
		},
	}
	for i := range s.N * s.D {
		s.Features = append(s.Features, float32(i-4)/8)
	}
	for i := range s.N * s.C {
		s.Logits = append(s.Logits, float32(i*3%7)/4)
	}
	return s
}

// random is an n×d matrix of standard normal values, or of their positive parts.
func random(seed uint64, n, d int, relu bool) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n*d)
	for i := range x {
		v := r.NormFloat64()
		if relu {
			v = max(v, 0)
		}
		x[i] = float32(v)
	}
	return x
}

// inMemory wraps features into a set.
func inMemory(x []float32, d int) *Set {
	n := len(x) / d
	return &Set{N: n, D: d, Features: x, IDs: rowIDs(n)}
}

func TestRowsAndPredicted(t *testing.T) {
	s := goldenSet()
	if got := s.Row(1); !slices.Equal(got, []float32{-0.125, 0, 0.125}) || cap(got) != 3 {
		t.Errorf("row 1 is %v, capacity %d", got, cap(got))
	}
	if got := s.LogitRow(4); !slices.Equal(got, []float32{0.75, 1.5}) {
		t.Errorf("logits of 4 are %v", got)
	}
	if got := s.Predicted(); !slices.Equal(got, []int{1, 0, 0, 0, 1}) {
		t.Errorf("predicted %v from %v", got, s.Logits)
	}
	tie := &Set{N: 1, C: 3, Logits: []float32{1, 2, 2}}
	if got := tie.Predicted(); got[0] != 1 {
		t.Errorf("a tie went to class %d", got[0])
	}
	s.Logits = nil
	if s.Predicted() != nil || s.LogitRow(0) != nil {
		t.Error("predictions without logits")
	}
}

func TestCheck(t *testing.T) {
	if err := goldenSet().Check(); err != nil {
		t.Fatal(err)
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, c := range []struct {
		want  string
		spoil func(s *Set)
	}{
		{"no image", func(s *Set) { *s = Set{D: 3} }},
		{"no dimension", func(s *Set) { s.D, s.Features = 0, nil }},
		{"14 values", func(s *Set) { s.Features = s.Features[1:] }},
		{"9 logits", func(s *Set) { s.Logits = s.Logits[1:] }},
		{"0 logits", func(s *Set) { s.Logits = nil }},
		{"4 labels", func(s *Set) { s.Labels = s.Labels[1:] }},
		{"0 ids", func(s *Set) { s.IDs = nil }},
		{"takes 4 features", func(s *Set) { s.Head.D = 4 }},
		{"gives 3 classes", func(s *Set) { s.Head.C = 3 }},
		{"2×3 matrix", func(s *Set) { s.Head.B = s.Head.B[1:] }},
		{`image "b/grün.png" has NaN in feature column 1 (1 of 5`, func(s *Set) { s.Features[7] = nan }},
		{`image "a/1.png" has -Inf in feature column 0 (2 of 5`, func(s *Set) { s.Features[0], s.Features[14] = inf, nan }},
		{`image "b/😀.png" has -Inf in logit column 1 (1 of 5`, func(s *Set) { s.Logits[9] = inf }},
		{`image "a/2.png" has the label -2`, func(s *Set) { s.Labels[1] = -2 }},
		{"head W, b holds NaN", func(s *Set) { s.Head.W[5] = nan }},
		{"head W, b holds NaN", func(s *Set) { s.Head.B[0] = inf }},
	} {
		s := goldenSet()
		c.spoil(s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	s := goldenSet() // folder labels and repeated ids are no fault
	s.Labels[0], s.IDs[1] = 7, s.IDs[0]
	s.Features[0] = math.MaxFloat32
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

func TestNormalize(t *testing.T) {
	const big, tiny = float32(1e30), math.SmallestNonzeroFloat32
	x := []float32{3, -4, 0, big, big, big, tiny, 0, 0, math.MaxFloat32, -math.MaxFloat32, 0}
	before := slices.Clone(x)
	z, err := Normalize(nil, x, 3)
	if err != nil {
		t.Fatal(err)
	}
	third, half := float32(1/math.Sqrt(3)), float32(1/math.Sqrt2)
	want := []float32{0.6, -0.8, 0, third, third, third, 1, 0, 0, half, -half, 0}
	if !slices.Equal(z, want) {
		t.Errorf("%v, want %v", z, want)
	}
	if !slices.Equal(x, before) {
		t.Error("x was changed")
	}
	dst := make([]float32, len(x))
	if got, err := Normalize(dst, x, 3); err != nil || &got[0] != &dst[0] || !slices.Equal(dst, want) {
		t.Errorf("into dst: %v, %v", got, err)
	}
	if _, err := Normalize(x, x, 3); err != nil || !slices.Equal(x, want) {
		t.Errorf("in place: %v, %v", x, err)
	}
	if z, err := Normalize(nil, nil, 3); err != nil || len(z) != 0 {
		t.Errorf("nothing: %v, %v", z, err)
	}

	var zero *ZeroVectorError
	s := inMemory([]float32{1, 2, 0, 0}, 2)
	s.IDs[1] = "b.png"
	_, err = s.Normalized()
	if !errors.As(err, &zero) || zero.Row != 1 || !strings.Contains(err.Error(), `image "b.png" (row 1)`) {
		t.Errorf("zero row: %v", err)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		if _, err := Normalize(nil, []float32{1, 1, float32(bad), 1}, 2); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("row 1 has %v in feature column 0", float32(bad))) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestNormalizePanicsOnWrongShapes(t *testing.T) {
	for name, f := range map[string]func(){
		"ragged":    func() { Normalize(nil, make([]float32, 5), 2) },
		"no d":      func() { Normalize(nil, nil, 0) },
		"short dst": func() { Normalize(make([]float32, 1), make([]float32, 2), 2) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// The golden's provenance has no empty field, so that none is forgotten in the mapping to metadata.
func TestProvenanceMetadata(t *testing.T) {
	p := goldenSet().Provenance
	v := reflect.ValueOf(p)
	m := p.Metadata()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if key := field.Tag.Get("json"); v.Field(i).String() == "" || m[key] != v.Field(i).String() {
			t.Errorf("%s is %q in the metadata, %q in the set", key, m[key], v.Field(i))
		}
	}
	if got := ProvenanceFrom(m); got != p {
		t.Errorf("came back as %+v", got)
	}
	if m := (Provenance{Tensor: "t"}).Metadata(); fmt.Sprint(m) != "map[tensor:t]" {
		t.Errorf("unknown fields are kept: %v", m)
	}
}

// rowIDs returns the ids of a set whose source names none: "0", "1", ...
func rowIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	return ids
}
