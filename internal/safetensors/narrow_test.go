package safetensors

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

// TestNarrowGoldens holds the roundings against those of NumPy and PyTorch (testdata/gen/features.py).
func TestNarrowGoldens(t *testing.T) {
	f, err := Open("testdata/narrow.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	bits, err1 := f.Int64("float32")
	half, err2 := f.Int64("float16")
	brain, err3 := f.Int64("bfloat16")
	if err1 != nil || err2 != nil || err3 != nil || len(bits) < 3500 {
		t.Fatal(err1, err2, err3, len(bits))
	}
	for i, b := range bits {
		v := math.Float32frombits(uint32(b))
		if got := HalfBits(v); got != uint16(half[i]) {
			t.Errorf("%v (%#x) as F16 is %#x, NumPy's %#x", v, b, got, half[i])
		}
		if got := BrainBits(v); got != uint16(brain[i]) {
			t.Errorf("%v (%#x) as BF16 is %#x, PyTorch's %#x", v, b, got, brain[i])
		}
	}
}

// TestNarrow: what is exact stays, and what is not becomes the nearest, by search through all there are.
func TestNarrow(t *testing.T) {
	for _, c := range []struct {
		t      DType
		narrow func(float32) uint16
		inf    uint16
	}{{F16, HalfBits, 0x7c00}, {BF16, BrainBits, 0x7f80}} {
		get, _ := Decode(c.t)
		wide := func(h uint16) float32 {
			var v [1]float32
			get(v[:], []byte{byte(h), byte(h >> 8)})
			return v[0]
		}
		for h := range 1 << 16 {
			v := wide(uint16(h))
			if v != v {
				if got := wide(c.narrow(v)); got == got {
					t.Fatalf("%s: NaN %#x becomes %v", c.t, h, got)
				}
			} else if c.narrow(v) != uint16(h) {
				t.Fatalf("%s: %v goes from %#x to %#x", c.t, v, h, c.narrow(v))
			}
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for range 100_000 {
			v := math.Float32frombits(rng.Uint32() &^ (1 << 31))
			if rng.IntN(2) == 0 {
				v = float32(math.Ldexp(1+float64(rng.IntN(1<<14))/(1<<14), rng.IntN(50)-30)) // many ties
			}
			if v != v || math.IsInf(float64(v), 0) {
				continue
			}
			// The first number that is not below v, Inf counting as what would follow the largest.
			above := uint16(sort.Search(int(c.inf), func(h int) bool { return wide(uint16(h)) >= v }))
			up := float64(wide(above))
			want := above
			if above > 0 {
				down := float64(wide(above - 1))
				if above == c.inf {
					up = 2*down - float64(wide(above-2))
				}
				switch d := (float64(v) - down) - (up - float64(v)); {
				case d < 0, d == 0 && above%2 == 1:
					want--
				}
			}
			if got := c.narrow(v); got != want || c.narrow(-v) != want|0x8000 {
				t.Fatalf("%s: %v becomes %v, the nearest is %v", c.t, v, wide(got), wide(want))
			}
		}
	}
}

// TestEncode writes each type as the writer does, and reads it.
func TestEncode(t *testing.T) {
	x := []float32{0, 1, -2.5, 3.140625, 1e-8}
	for _, c := range []struct {
		t    DType
		want []float32
	}{{F32, x}, {F16, []float32{0, 1, -2.5, 3.140625, 0}}, {BF16, []float32{0, 1, -2.5, 3.140625, 1.00117177e-8}}} {
		put, width := Encode(c.t)
		get, same := Decode(c.t)
		b := make([]byte, width*len(x))
		put(b, x)
		got := make([]float32, len(x))
		get(got, b)
		if width != same || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v of %d and %d bytes, want %v", c.t, got, width, same, c.want)
		}
	}
	if put, _ := Encode(F64); put != nil {
		t.Error("F64 is encoded")
	}
	if get, _ := Decode(I32); get != nil {
		t.Error("I32 is decoded")
	}
}
