package features

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// dump writes a set of n random images to a file of its own.
func dump(t testing.TB, n int) (path string, s *Set) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	s = &Set{N: n, D: 5, C: 3, DType: "F32", Features: make([]float32, 5*n), Logits: make([]float32, 3*n)}
	for i := range s.Features {
		s.Features[i] = rng.Float32()
	}
	for i := range s.Logits {
		s.Logits[i] = rng.Float32()
	}
	for i := range n {
		s.Labels = append(s.Labels, int64(i%3))
		s.IDs = append(s.IDs, strings.Repeat("ü", i%4)+"x")
	}
	path = filepath.Join(t.TempDir(), "dump.safetensors")
	if err := Save(path, s); err != nil {
		t.Fatal(err)
	}
	return path, s
}

func open(t testing.TB, path string) *Reader {
	t.Helper()
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// Every number is as likely in a sample as any other, and none twice.
func TestSample(t *testing.T) {
	for _, c := range [][3]int{{0, 5, 0}, {3, 5, 3}, {5, 5, 5}, {5, 0, 0}, {6, 5, 5}} {
		if got := Sample(c[0], c[1]); len(got) != c[2] || c[2] == c[0] && !slices.Equal(got, Span(0, c[0])) {
			t.Errorf("%d of %d: %v", c[1], c[0], got)
		}
	}
	const n, most, tenth = 100_000, 10_000, 1000
	sample := Sample(n, most)
	if len(slices.Compact(slices.Clone(sample))) != most || !slices.IsSorted(sample) || !slices.Equal(sample, Sample(n, most)) {
		t.Errorf("%d numbers", len(sample))
	}
	var spans, digits [10]int
	for _, i := range sample {
		spans[i/(n/10)]++
		digits[i%10]++
	}
	for k := range 10 { // four standard deviations
		if max(spans[k], digits[k]) > tenth+115 || min(spans[k], digits[k]) < tenth-115 {
			t.Errorf("%d of the tenth %d, %d that end in it", spans[k], k, digits[k])
		}
	}
}

// TestReaderReadsTheRowsAskedFor holds rows read from files, in any order and often, against those of the set in memory.
func TestReaderReadsTheRowsAskedFor(t *testing.T) {
	path, whole := dump(t, 2000)
	rng := rand.New(rand.NewPCG(1, 2))
	scattered := make([]int, 1000)
	for i := range scattered {
		scattered[i] = rng.IntN(whole.N)
	}
	for name, index := range map[string][]int{
		"none": {}, "last": {1999}, "all": Span(0, 2000), "twice": {7, 7}, "back": {9, 8, 7}, "runs": {1, 2, 3, 900, 901, 0}, "scattered": scattered,
	} {
		want, err := NewReader(whole).Read(index)
		if err != nil {
			t.Fatal(err)
		}
		got, err := open(t, path).Read(index)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %d images (%v), other than those in memory", name, len(index), err)
		}
	}
	for i, k := range []int{0, 5, 1999} {
		if got := NewReader(whole).ID(k); got != whole.IDs[k] || open(t, path).ID(k) != got {
			t.Errorf("%d: id %q", i, got)
		}
	}
}

// TestReaderOfOtherFiles reads rows of the files that Open reads, whether in place or not.
func TestReaderOfOtherFiles(t *testing.T) {
	fortran := filepath.Join(t.TempDir(), "fortran.npy")
	header := fmt.Sprintf("%-117s\n", "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }")
	if err := os.WriteFile(fortran, []byte("\x93NUMPY\x01\x00\x76\x00"+header+strings.Repeat("\x00\x00\x80\x3f\x00\x00\x00\x40", 3)), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"testdata/plain.npy", "testdata/named.npz", "testdata/bfloat.safetensors", "testdata/pytorch.safetensors", fortran} {
		s, err := Open(name)
		if err != nil {
			t.Error(err)
			continue
		}
		index := []int{s.N - 1, 0}
		want, err := NewReader(s).Read(index)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := open(t, name).Read(index); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v (%v)", name, got, want, err)
		}
	}
}

func TestReaderPredicts(t *testing.T) {
	path, s := dump(t, some+10)
	got, err := open(t, path).Predicted()
	if err != nil || !slices.Equal(got, s.Predicted()) {
		t.Errorf("other predictions than from memory (%v)", err)
	}
}

// TestReaderSeesAChange changes a file that is open in every way it can change.
func TestReaderSeesAChange(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"touched":  func(p string) error { return os.Chtimes(p, time.Time{}, time.Unix(1e9, 0)) },
		"removed":  os.Remove,
		"cut":      func(p string) error { return os.Truncate(p, 3000) },
		"emptied":  func(p string) error { return os.Truncate(p, 0) },
		"replaced": func(p string) error { return replace(p) },
	} {
		path, _ := dump(t, 300)
		r := open(t, path)
		if _, err := r.Read([]int{299}); err != nil {
			t.Fatal(err)
		}
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		_, err := r.Read([]int{299})
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", name, err)
		}
		if err := r.Unchanged(); err == nil || !strings.Contains(err.Error(), "while it was in use") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// replace puts another file of the same size and time in the place of path.
func replace(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b, 0o666); err != nil {
		return err
	}
	if err := os.Chtimes(path+".new", st.ModTime(), st.ModTime()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
