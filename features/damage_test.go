package features

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestDamage damages a file of every kind: empty, of zeros, cut anywhere, with bits flipped, with numbers that are huge where its
// lengths are. Either an error names the file, or what is read is a set. One that is cut is never taken for a whole, and no
// memory is taken for what a file only claims.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	names := []string{"set.safetensors", "pytorch.safetensors", "bfloat.safetensors", "named.npz", "compressed.npz", "positional.npz", "plain.npy",
		"saved.parquet", "saved_f16.parquet", "../../internal/parquet/testdata/vectors/arrow_split.parquet", "../../internal/parquet/testdata/vectors/duckdb.parquet"}
	for _, name := range names {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for how, b := range damages(whole, rand.New(rand.NewPCG(1, 2))) {
			if err := os.WriteFile(path, b, 0o666); err != nil {
				t.Fatal(err)
			}
			if wrong := wrongAfter(path, len(b) < len(whole)); wrong != "" {
				t.Errorf("%s: %s: %s", name, how, wrong)
			}
		}
	}
}

func damages(whole []byte, rng *rand.Rand) map[string][]byte {
	n := len(whole)
	all := map[string][]byte{"zeros": make([]byte, n), "ones": bytes.Repeat([]byte{0xff}, n), "twice": slices.Concat(whole, whole)}
	for cut := 0; cut < n; cut += 1 + n/100 {
		all[fmt.Sprintf("cut to %d", cut)] = whole[:cut]
	}
	for range 150 {
		b := bytes.Clone(whole)
		at, bit := rng.IntN(n), byte(1)<<rng.IntN(8)
		b[at] ^= bit
		all[fmt.Sprintf("bit %d of byte %d flipped", bit, at)] = b
	}
	for range 100 {
		b := bytes.Clone(whole)
		at := rng.IntN(n)
		length := copy(b[at:], []string{"\xff\xff\xff\x7f", "\xff\xff\xff\xff\xff\xff\xff\x7f", "999999999"}[rng.IntN(3)])
		all[fmt.Sprintf("%d huge bytes at %d", length, at)] = b
	}
	return all
}

// wrongAfter opens a damaged file and says what is wrong about what comes of it.
func wrongAfter(path string, cut bool) string {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := Open(path)
	runtime.ReadMemStats(&after)
	switch taken := after.TotalAlloc - before.TotalAlloc; {
	case taken > 8<<20:
		return fmt.Sprintf("took %d MiB", taken>>20)
	case err != nil && (strings.Count(err.Error(), path) != 1 || strings.Contains(err.Error(), "runtime error") || strings.Contains(err.Error(), "%!")):
		return "error " + err.Error()
	case err == nil && cut:
		return fmt.Sprintf("taken for a whole: %+v", s)
	case err == nil && s.checkShape() != nil:
		return s.checkShape().Error()
	}
	return ""
}
