package npy

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/oodflow/oodflow/internal/safetensors"
)

// bits returns what reads one element's bits in the type's byte order.
func (t dtype) bits() func(b []byte) uint64 {
	var order binary.ByteOrder = binary.LittleEndian
	if t.big {
		order = binary.BigEndian
	}
	switch t.size {
	case 1:
		return func(b []byte) uint64 { return uint64(b[0]) }
	case 2:
		return func(b []byte) uint64 { return uint64(order.Uint16(b)) }
	case 4:
		return func(b []byte) uint64 { return uint64(order.Uint32(b)) }
	}
	return func(b []byte) uint64 { return order.Uint64(b) }
}

// each turns the decoding of one element into that of a chunk.
func each[T any](size int, one func(b []byte) T) func(dst []T, src []byte) {
	return func(dst []T, src []byte) {
		for i := range dst {
			dst[i] = one(src[i*size : (i+1)*size])
		}
	}
}

func float32From(t dtype) func(dst []float32, src []byte) {
	if t.kind == 'f' && t.size == 4 && !t.big { // the usual case, spelled out for speed
		return func(dst []float32, src []byte) {
			for i := range dst {
				dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
			}
		}
	}
	if t.kind == 'f' && t.size == 4 { // not through float64, which would quieten NaNs
		bits := t.bits()
		return each(4, func(b []byte) float32 { return math.Float32frombits(uint32(bits(b))) })
	}
	wide := float64One(t)
	if wide == nil {
		return nil
	}
	return each(t.size, func(b []byte) float32 { return float32(wide(b)) })
}

func float64From(t dtype) func(dst []float64, src []byte) {
	if one := float64One(t); one != nil {
		return each(t.size, one)
	}
	return nil
}

// float64One returns what decodes one number of any type; nil for strings.
func float64One(t dtype) func(b []byte) float64 {
	bits := t.bits()
	switch {
	case t.kind == 'f' && t.size == 2:
		return func(b []byte) float64 { return float64(safetensors.Half(uint16(bits(b)))) }
	case t.kind == 'f' && t.size == 4:
		return func(b []byte) float64 { return float64(math.Float32frombits(uint32(bits(b)))) }
	case t.kind == 'f':
		return func(b []byte) float64 { return math.Float64frombits(bits(b)) }
	case t.kind == 'u' || t.kind == 'b':
		return func(b []byte) float64 { return float64(bits(b)) }
	case t.kind == 'i':
		one := int64One(t)
		return func(b []byte) float64 { return float64(one(b)) }
	}
	return nil
}

func int64From(t dtype) func(dst []int64, src []byte) {
	if one := int64One(t); one != nil {
		return each(t.size, one)
	}
	return nil
}

// int64One returns what decodes one integer or boolean; nil for other types.
func int64One(t dtype) func(b []byte) int64 {
	bits := t.bits()
	switch t.kind {
	case 'u', 'b':
		return func(b []byte) int64 { return int64(bits(b)) }
	case 'i':
		shift := 64 - 8*t.size
		return func(b []byte) int64 { return int64(bits(b)<<shift) >> shift }
	}
	return nil
}

// stringFrom decodes NumPy's fixed-width strings: 'S' holds bytes, taken as UTF-8, and 'U' UTF-32.
func stringFrom(t dtype) func(dst []string, src []byte) {
	switch t.kind {
	case 'S':
		return each(t.size, func(b []byte) string {
			return strings.ToValidUTF8(string(bytes.TrimRight(b, "\x00")), string(utf8.RuneError))
		})
	case 'U':
		char := dtype{big: t.big, size: 4}.bits()
		return each(t.size, func(b []byte) string {
			var s strings.Builder
			for b = trimUTF32(b); len(b) > 0; b = b[4:] {
				s.WriteRune(rune(int32(uint32(char(b)))))
			}
			return s.String()
		})
	}
	return nil
}

// trimUTF32 drops the zero characters at the end of b.
func trimUTF32(b []byte) []byte {
	for len(b) >= 4 && binary.LittleEndian.Uint32(b[len(b)-4:]) == 0 {
		b = b[:len(b)-4]
	}
	return b
}
