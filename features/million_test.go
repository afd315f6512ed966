package features

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/oodflow/oodflow/internal/heaptest"
)

// within runs f and wants it to have at most so many mebibytes in use at any time, as the garbage collector counts them.
func within(t *testing.T, what string, limit float64, f func()) {
	t.Helper()
	most := math.Inf(1)
	for try := 0; try < 3 && most > limit; try++ { // a collector that is kept waiting counts garbage, too
		most = min(most, heaptest.Most(f))
	}
	t.Logf("%s: %.1f MiB", what, most)
	if most > limit {
		t.Errorf("%s took %.1f MiB of memory, want at most %v", what, most, limit)
	}
}

// A set of a million images is written, resumed, joined and read in a fraction of its size: the labels, 8 MiB, and some
// bytes for each batch are in memory, the features and ids, 88 MB, are not. `make scale` shows the same of whole commands.
func TestMillionImages(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 350 MB")
	}
	const n, d, batch = 1_000_000, 16, 250
	dir := t.TempDir()
	b := Batch{Features: make([]float32, batch*d), Labels: make([]int64, batch), IDs: make([]string, batch), Mark: []byte("mark")}
	fill := func(first int) Batch {
		for i := range batch {
			b.Features[i*d], b.Labels[i], b.IDs[i] = float32(first+i), int64(i%10), fmt.Sprintf("folder/image-%07d.png", first+i)
		}
		return b
	}
	write := func(w *Writer, first, end int) {
		t.Helper()
		for ; first < end; first += batch {
			if err := w.Append(fill(first)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var parts []*Reader
	for number := 1; number <= 2; number++ {
		h := Header{D: d, Shard: ShardOf(number, 2, n, batch)}
		path := filepath.Join(dir, fmt.Sprint(number))
		within(t, "writing half a million images", 16, func() {
			w, err := Begin(path, h, Part{})
			if err != nil {
				t.Fatal(err)
			}
			middle := (h.Shard.First + h.Shard.End) / 2
			write(w, h.Shard.First, middle)
			if err := w.Keep(); err != nil {
				t.Fatal(err)
			}
			if w, _, err = Resume(path, h, Part{Mark: func([]byte) error { return nil }}); err != nil {
				t.Fatal(err)
			}
			write(w, middle, h.Shard.End)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		})
		r, err := OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		parts = append(parts, r)
	}
	path := filepath.Join(dir, "all")
	within(t, "joining a million images", 24, func() {
		r, err := Join(parts)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Save(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	})
	within(t, "reading a million images", 16, func() {
		r, err := OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		x := make([]float32, batch*d)
		for first := 0; first < n; first += batch {
			if err := r.Features(x, Span(first, first+batch)); err != nil || x[0] != float32(first) {
				t.Fatalf("image %d: %v, %v", first, x[:d], err)
			}
		}
		if got := r.ID(n - 1); got != "folder/image-0999999.png" {
			t.Error(got)
		}
	})
	if st, err := os.Stat(path); err != nil || st.Size() < n*(4*d+24+8+8) {
		t.Errorf("%v, %v", st, err)
	}
}
