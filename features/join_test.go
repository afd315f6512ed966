package features

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// numbered is a batch of the images from first to end of some source, of which every tenth cannot be read.
func numbered(first, end int) Batch {
	b := Batch{Features: []float32{}, Logits: []float32{}, Labels: []int64{}, IDs: []string{}}
	for i := first; i < end; i++ {
		if i%10 == 9 {
			continue
		}
		x := float32(i)
		b.Features = append(b.Features, x, x+0.25, x+0.5)
		b.Logits = append(b.Logits, -x, -x-1)
		b.Labels = append(b.Labels, int64(i%3)-1)
		b.IDs = append(b.IDs, strings.Repeat("é", i%4)+strconv.Itoa(i))
	}
	return b
}

// writeShard writes the part s, or all of total images when s is nil, and opens it.
func writeShard(t *testing.T, path string, s *Shard, total, batch int, change func(*Header)) *Reader {
	t.Helper()
	h := partHeader()
	h.Shard = s
	if change != nil {
		change(&h)
	}
	w, err := Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	first, end := 0, total
	if s != nil {
		first, end = s.First, s.End
	}
	for ; first < end; first += batch {
		if err := w.Append(numbered(first, min(first+batch, end))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// writeShards writes a set of total images in parts.
func writeShards(t *testing.T, of, total, batch int) (parts []*Reader) {
	t.Helper()
	dir := t.TempDir()
	for number := 1; number <= of; number++ {
		if s := ShardOf(number, of, total, batch); s.First < s.End {
			parts = append(parts, writeShard(t, filepath.Join(dir, strconv.Itoa(number)), s, total, batch, nil))
		}
	}
	return parts
}

// However a set is parted, its parts in any order are joined to the bytes of the whole.
func TestJoinMakesTheWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		of, total, batch := 1+rng.IntN(7), 1+rng.IntN(60), 1+rng.IntN(8)
		if batch == 1 {
			batch = 2 // a part of image 9 alone would be empty
		}
		dir := t.TempDir()
		writeShard(t, filepath.Join(dir, "whole"), nil, total, batch, nil)
		parts := writeShards(t, of, total, batch)
		rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		r, err := Join(parts)
		if err != nil {
			t.Fatalf("%d parts of %d images in batches of %d: %v", of, total, batch, err)
		}
		if err := r.Save(t.Context(), filepath.Join(dir, "joined")); err != nil {
			t.Fatal(err)
		}
		want, err1 := os.ReadFile(filepath.Join(dir, "whole"))
		got, err2 := os.ReadFile(filepath.Join(dir, "joined"))
		if err1 != nil || err2 != nil || !bytes.Equal(want, got) {
			t.Fatalf("%d parts of %d images in batches of %d: the bytes differ (%v, %v)", of, total, batch, err1, err2)
		}
	}
}

// Images of a joined set are read in any order.
func TestJoinedIsReadAtRandom(t *testing.T) {
	r, err := Join(writeShards(t, 3, 40, 4))
	if err != nil {
		t.Fatal(err)
	}
	want := numbered(0, 40)
	index := rand.New(rand.NewPCG(3, 4)).Perm(r.N)
	s, err := r.Read(append(index, 0, 0, r.N-1))
	if err != nil {
		t.Fatal(err)
	}
	for k, i := range append(index, 0, 0, r.N-1) {
		if s.IDs[k] != want.IDs[i] || s.Labels[k] != want.Labels[i] || s.Row(k)[1] != want.Features[3*i+1] || s.LogitRow(k)[1] != want.Logits[2*i+1] {
			t.Errorf("image %d is %s, %v", i, s.IDs[k], s.Row(k))
		}
	}
}

func TestJoinRefuses(t *testing.T) {
	parts := writeShards(t, 4, 40, 4)
	dir := t.TempDir()
	other := func(name string, s *Shard, change func(*Header)) *Reader {
		return writeShard(t, filepath.Join(dir, name), s, 40, 4, change)
	}
	second := ShardOf(2, 4, 40, 4)
	names := make([]string, 900)
	for i := range names {
		names[i] = "class " + strconv.Itoa(i)
	}
	for _, c := range []struct {
		name  string
		parts []*Reader
		want  string
	}{
		{"none", nil, "there are no parts to join"},
		{"one missing", []*Reader{parts[0], parts[1], parts[3]}, "part 3 of 4 is missing"},
		{"three missing", parts[2:3], "parts 1, 2 and 4 of 4 are missing"},
		{"many missing", []*Reader{other("many", ShardOf(3, 20, 400, 4), nil)}, "19 of 20 parts are missing, of which part 1 is the first"},
		{"doubled", append(parts[:4:4], parts[1]), "/2 and "},
		{"no part", append(parts[:3:3], other("all", nil, nil)), "all: is a set of its own and no part of one"},
		{"other parts", append(parts[:3:3], other("a", ShardOf(4, 5, 40, 4), nil)), "the number of parts is 4 in one and 5 in the other"},
		{"other total", append(parts[:3:3], other("b", ShardOf(4, 4, 41, 4), nil)), "the number of images is 40 in one and 41 in the other"},
		{"other batch", append(parts[:3:3], other("c", ShardOf(4, 4, 40, 5), nil)), "batch is 4 in one and 5 in the other"},
		{"other model", []*Reader{parts[0], other("d", second, func(h *Header) { h.Provenance.ClassifierSHA256 = "cd" }), parts[2], parts[3]},
			"are not parts of one set: classifier_sha256 is ab in one and cd in the other"},
		{"other source", []*Reader{parts[0], other("e", second, func(h *Header) { h.Provenance.Source = "x" }), parts[2], parts[3]}, "source is nothing in one and x in the other"},
		{"other head", []*Reader{parts[0], other("f", second, func(h *Header) { h.Head.B[0] = 1 }), parts[2], parts[3]}, "head is "},
		{"other dimension", []*Reader{parts[0], other("g", second, func(h *Header) { h.Head = nil }), parts[2], parts[3]}, "in one and nothing in the other"},
		{"long lists", []*Reader{other("h", ShardOf(1, 2, 40, 4), func(h *Header) { h.Classes = names }),
			other("i", ShardOf(2, 2, 40, 4), func(h *Header) { h.Classes = append(names[:899:899], "no such class") })},
			`"class 898","class 899"] in one and ...`},
		{"damaged", []*Reader{{path: "x", N: 41, Shard: ShardOf(1, 1, 40, 4)}}, "x: is damaged: part 1 of 1, images 1 to 40 of 40, it says, with 41 images"},
	} {
		_, err := Join(c.parts)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	var e *PartError
	if _, err := Join(parts[:3]); !errors.As(err, &e) || len(e.Missing) != 1 || *e.Missing[0] != *parts[3].Shard {
		t.Errorf("missing %+v", e)
	}
}

func TestJoinNamesVersions(t *testing.T) {
	dir := t.TempDir()
	a := writeShard(t, filepath.Join(dir, "a"), ShardOf(1, 2, 40, 4), 40, 4, nil)
	b := writeShard(t, filepath.Join(dir, "b"), ShardOf(2, 2, 40, 4), 40, 4, func(h *Header) { h.Provenance.Version = "2.0" })
	r, err := Join([]*Reader{b, a})
	if err != nil || r.Provenance.Version != "1.0" || r.Shard != nil || r.N != 36 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestShardsAreContiguous(t *testing.T) {
	for _, c := range [][3]int{{1, 1, 1}, {3, 100, 7}, {5, 3, 1}, {5, 3, 64}, {MaxShards, 1 << 40, 1}, {7, 1 << 40, 1 << 40}} {
		end := 0
		for number := 1; number <= min(c[0], 10); number++ {
			s := ShardOf(number, c[0], c[1], c[2])
			if s.First < s.End && s.First != end || s.First%c[2] != 0 {
				t.Errorf("%v: part %d begins at %d, after %d", c, number, s.First, end)
			}
			end = max(end, s.End)
		}
		if c[0] <= 10 && end != c[1] {
			t.Errorf("%v: the parts end at %d", c, end)
		}
	}
	for text, want := range map[string]string{
		`{`: "unexpected end", `{"number":1,"of":1}`: "cannot be", `{"number":3,"of":2,"first":0,"end":5,"total":5,"batch":1}`: "cannot be",
		`{"number":1,"of":2,"first":0,"end":5,"total":10,"batch":5}`:                                    "",
		`{"number":1,"of":2,"first":0,"end":6,"total":10,"batch":5}`:                                    "cannot be",
		`{"number":1,"of":2000000,"first":0,"end":5,"total":10000000,"batch":5}`:                        "more than there can be",
		`{"number":1,"of":1,"first":0,"end":9223372036854775807,"total":9223372036854775807,"batch":1}`: "more than there can be",
	} {
		if s, err := parseShard(text); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
}
