package blas

import (
	"math/rand/v2"
	"testing"
)

// TestGrid: the blocks cover the matrix once, and there are no more of them than parts.
func TestGrid(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		m, n, parts := 1+r.IntN(300), 1+r.IntN(300), 1+r.IntN(40)
		down, across := grid(m, n, parts)
		if down < 1 || across < 1 || down*across > parts {
			t.Fatalf("%d×%d in %d parts: %d×%d blocks", m, n, parts, down, across)
		}
		covered := 0
		for i := range down * across {
			i0, i1 := span(m, down, i/across)
			j0, j1 := span(n, across, i%across)
			if i0 >= i1 || j0 >= j1 || i0%grain != 0 || j0%grain != 0 || i1 > m || j1 > n {
				t.Fatalf("%d×%d in %d×%d blocks: block %d is [%d,%d) × [%d,%d)", m, n, down, across, i, i0, i1, j0, j1)
			}
			covered += (i1 - i0) * (j1 - j0)
		}
		if covered != m*n {
			t.Fatalf("%d×%d in %d×%d blocks: %d elements covered", m, n, down, across, covered)
		}
	}
}

func TestGridShape(t *testing.T) {
	for _, c := range []struct{ m, n, parts, down, across int }{
		{256, 64, 2, 2, 1},
		{64, 256, 2, 1, 2},
		{256, 2048, 8, 1, 8},
		{512, 512, 4, 2, 2},
		{8, 8, 4, 1, 1},
		{8, 640, 64, 1, 40},
	} {
		if down, across := grid(c.m, c.n, c.parts); down != c.down || across != c.across {
			t.Errorf("%d×%d in %d parts: %d×%d blocks, want %d×%d", c.m, c.n, c.parts, down, across, c.down, c.across)
		}
	}
}

func TestParts(t *testing.T) {
	for _, c := range []struct{ goroutines, m, n, k, parts int }{
		{1, 4096, 4096, 4096, 1},
		{2, 16, 16, 16, 1},
		{2, 256, 64, 64, 1},
		{2, 256, 128, 64, 2},
		{16, 256, 128, 128, 4},
		{2, 256, 512, 512, 2},
		{2, 2048, 2048, 2048, 2},
		{16, 512, 1024, 1024, 16},
		{0, 512, 512, 512, 1},
	} {
		if got := parts(c.goroutines, work(c.m, c.n, c.k)); got != c.parts {
			t.Errorf("%d×%d×%d on %d goroutines: %d parts, want %d", c.m, c.n, c.k, c.goroutines, got, c.parts)
		}
	}
}

// TestBands: the blocks off the diagonal suffice for the parts.
func TestBands(t *testing.T) {
	for parts := 2; parts < 200; parts++ {
		if b := bands(1<<20, parts); b*(b-1)/2 < parts || (b-1)*(b-2)/2 >= parts {
			t.Errorf("%d parts: %d bands", parts, b)
		}
	}
	if b := bands(40, 50); b != 2 {
		t.Errorf("40 rows have room for %d bands, want 2", b)
	}
}
