package safetensors

import (
	"encoding/binary"
	"math"
)

// float32From returns what decodes little-endian elements of type t to float32; nil when t is no float.
func float32From(t DType) func(dst []float32, src []byte) {
	switch t {
	case F32:
		return func(dst []float32, src []byte) {
			for i := range dst {
				dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
			}
		}
	case F64:
		return func(dst []float32, src []byte) {
			for i := range dst {
				dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
			}
		}
	case F16:
		return func(dst []float32, src []byte) {
			for i := range dst {
				dst[i] = Half(binary.LittleEndian.Uint16(src[2*i:]))
			}
		}
	case BF16:
		return func(dst []float32, src []byte) {
			for i := range dst {
				dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
			}
		}
	}
	return nil
}

// float64From is float32From for float64.
func float64From(t DType) func(dst []float64, src []byte) {
	if t == F64 {
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
			}
		}
	}
	narrow := float32From(t)
	if narrow == nil {
		return nil
	}
	width := int(t.bits() / 8)
	return func(dst []float64, src []byte) {
		var buf [256]float32
		for len(dst) > 0 {
			n := min(len(dst), len(buf))
			narrow(buf[:n], src[:n*width])
			for i, v := range buf[:n] {
				dst[i] = float64(v)
			}
			dst, src = dst[n:], src[n*width:]
		}
	}
}

// int64From returns what decodes little-endian elements of type t to int64; nil when t is no integer.
func int64From(t DType) func(dst []int64, src []byte) {
	var one func(b []byte) int64
	switch t {
	case Bool, U8:
		one = func(b []byte) int64 { return int64(b[0]) }
	case I8:
		one = func(b []byte) int64 { return int64(int8(b[0])) }
	case U16:
		one = func(b []byte) int64 { return int64(binary.LittleEndian.Uint16(b)) }
	case I16:
		one = func(b []byte) int64 { return int64(int16(binary.LittleEndian.Uint16(b))) }
	case U32:
		one = func(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) }
	case I32:
		one = func(b []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(b))) }
	case U64, I64:
		one = func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }
	default:
		return nil
	}
	width := int(t.bits() / 8)
	return func(dst []int64, src []byte) {
		for i := range dst {
			dst[i] = one(src[i*width:])
		}
	}
}

// Half converts IEEE 754 binary16 bits to the float32 of the same value. NaNs keep sign and payload.
func Half(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp := uint32(h >> 10 & 0x1f)
	frac := uint32(h & 0x3ff)
	switch exp {
	case 0: // zero and subnormals: frac × 2⁻²⁴, exact in float32
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*0x1p-24))
	case 0x1f: // Inf and NaN
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp-15+127)<<23 | frac<<13)
}
