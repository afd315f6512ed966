package safetensors

// DType names the type of a tensor's elements, as the format spells it.
type DType string

// The types this package converts. The format's others (8-bit and smaller floats, complex numbers) are
// recognised, so that a file holding them opens, and come out as Bytes only.
const (
	Bool DType = "BOOL" // one byte, 0 or 1
	U8   DType = "U8"
	I8   DType = "I8"
	U16  DType = "U16"
	I16  DType = "I16"
	F16  DType = "F16"  // IEEE 754 binary16
	BF16 DType = "BF16" // the upper half of a binary32
	U32  DType = "U32"
	I32  DType = "I32"
	F32  DType = "F32"
	U64  DType = "U64"
	I64  DType = "I64"
	F64  DType = "F64"
)

// bits is the size of one element; 0 means a type unknown to this package.
func (t DType) bits() int64 {
	switch t {
	case "F4":
		return 4
	case "F6_E2M3", "F6_E3M2":
		return 6
	case Bool, U8, I8, "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ":
		return 8
	case U16, I16, F16, BF16:
		return 16
	case U32, I32, F32:
		return 32
	case U64, I64, F64, "C64":
		return 64
	}
	return 0
}

// IsFloat reports whether Float32 and Float64 read the type.
func (t DType) IsFloat() bool { return t == F16 || t == BF16 || t == F32 || t == F64 }

// IsInt reports whether Int64 reads the type.
func (t DType) IsInt() bool {
	switch t {
	case Bool, U8, I8, U16, I16, U32, I32, U64, I64:
		return true
	}
	return false
}
