package safetensors

import (
	"encoding/binary"
	"math"
)

// Encode returns what puts float32s into little-endian elements of type t, rounded to the nearest and to even between two,
// and the bytes of one element; nil when t is none of F32, F16 and BF16. Values beyond the type's range become ±Inf.
func Encode(t DType) (put func(dst []byte, src []float32), width int) {
	switch t {
	case F32:
		return func(dst []byte, src []float32) {
			for i, v := range src {
				binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
			}
		}, 4
	case F16:
		return func(dst []byte, src []float32) {
			for i, v := range src {
				binary.LittleEndian.PutUint16(dst[2*i:], HalfBits(v))
			}
		}, 2
	case BF16:
		return func(dst []byte, src []float32) {
			for i, v := range src {
				binary.LittleEndian.PutUint16(dst[2*i:], BrainBits(v))
			}
		}, 2
	}
	return nil, 0
}

// Decode returns what reads little-endian elements of a floating type as float32s, and the bytes of one; nil for
// other types.
func Decode(t DType) (get func(dst []float32, src []byte), width int) {
	get = float32From(t)
	if get == nil {
		return nil, 0
	}
	return get, int(t.bits() / 8)
}

// HalfBits returns the IEEE 754 binary16 nearest to v, the even one between two. From 65520 on that is Inf. A NaN keeps its
// sign and the upper bits of its payload.
func HalfBits(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b >> 16 & 0x8000)
	switch b &= 0x7fffffff; {
	case b > 0x7f800000: // NaN; 0x200 lest the payload's upper bits be zero
		return sign | 0x7e00 | uint16(b>>13&0x3ff)
	case b >= 0x477ff000: // 65520, halfway to what would be the next
		return sign | 0x7c00
	case b < 0x38800000: // below 2⁻¹⁴, a subnormal: adding ½ puts its last bit where a float32 in [½, 1) has its own
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-math.Float32bits(0.5))
	}
	return sign | uint16((b-0x38000000+0xfff+b>>13&1)>>13)
}

// BrainBits returns the bfloat16 nearest to v, the even one between two. A NaN keeps its sign and the upper bits of its
// payload.
func BrainBits(v float32) uint16 {
	b := math.Float32bits(v)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
