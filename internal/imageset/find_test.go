package imageset

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestFind looks for images in a folder among which some are missing, damaged or not asked for.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a.png", "b.png", "c.png"} {
		m := image.NewRGBA(image.Rect(0, 0, 2+i, 3))
		m.Set(1, 2, color.RGBA{uint8(10 + i), 20, 30, 255})
		f, err := os.Create(filepath.Join(dir, name))
		if err == nil {
			err = errors.Join(png.Encode(f, m), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "d.png"), []byte("no picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	src, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = Find(t.Context(), src, []string{"c.png", "a.png", "d.png", "gone.png"}, func(id string, m *Image) error {
		rgba, err := m.RGBA()
		if err != nil {
			return err
		}
		if want := (color.RGBA{uint8(8 + m.W), 20, 30, 255}); rgba.Bounds() != image.Rect(0, 0, m.W, 3) || rgba.RGBAAt(1, 2) != want {
			t.Errorf("%s: %v with %v, want %v", id, rgba.Bounds(), rgba.RGBAAt(1, 2), want)
		}
		got = append(got, id)
		return nil
	})
	if want := []string{"a.png", "c.png"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("found %v, %v, want %v", got, err, want)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Find(done, src, []string{"a.png"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled search: %v", err)
	}
}

// TestFindInContainer looks for images that are no files.
func TestFindInContainer(t *testing.T) {
	src, err := Open("cifar10:" + filepath.Join("testdata", "cifar", "cifar-10-batches-bin") + "#test")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	err = Find(t.Context(), src, []string{"test_batch.bin#1"}, func(_ string, m *Image) error {
		found++
		if m.W != 32 || m.H != 32 {
			t.Errorf("%d×%d pixels", m.W, m.H)
		}
		return nil
	})
	if err != nil || found != 1 {
		t.Errorf("found %d images, %v", found, err)
	}
}
