package imageset

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// data returns the path of a file of the data pack, or skips the test.
func data(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("OODFLOW_DATA")
	if root == "" {
		t.Skip("OODFLOW_DATA is not set")
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

func TestLoadRealCIFAR(t *testing.T) {
	src, err := Open("cifar10:" + data(t, "cifar10", "cifar-10-batches-bin") + "#test")
	if err != nil {
		t.Fatal(err)
	}
	pre, err := ParsePreprocess("cifar10")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	report, err := Load(context.Background(), src, pre, Options{Batch: 128}, func(b *Batch) error { n += b.N; return nil })
	if err != nil || n != 10000 || report.Images != n {
		t.Errorf("loaded %d (report %d), %v: want 10000", n, report.Images, err)
	}
}
