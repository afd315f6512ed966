// Command gen writes the AVX2 kernels of package pixel. It is a module of its own so that the assembler generator is no
// dependency of the product; `go generate ./internal/pixel` runs it.
//
// Kernels over rows take whole steps only, of 16 or 32 samples: the callers do the rest of a row in Go.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	vertical()
	horizontal()
	blend()
	stretch()
	ycc()
	normalize()
	inverse()
	Generate()
}

// pointer loads a pointer or a number.
func pointer(name string) reg.GPVirtual {
	p := GP64()
	Load(Param(name), p)
	return p
}

// done ends a kernel.
func done() {
	VZEROUPPER()
	RET()
}

var constants = map[string]Mem{}

// lanes is a memory operand of 32 bytes that holds v in every 32-bit lane.
func lanes(name string, v int32) Mem {
	m, ok := constants[name]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(uint32(v)))
		}
		constants[name] = m
	}
	return m
}

// table is a memory operand of the given bytes; -1 is 0x80, the place that a shuffle leaves zero.
func table(name string, places ...int) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, p := range places {
		if p < 0 {
			p = 0x80
		}
		DATA(i, U8(uint8(p)))
	}
	return m
}

// set is a register that holds a memory operand.
func set(m Mem) reg.VecVirtual {
	v := YMM()
	VMOVDQU(m, v)
	return v
}

// broadcast is a register with a 32-bit parameter in every lane.
func broadcast(name string) reg.VecVirtual {
	g, x, v := GP32(), XMM(), YMM()
	Load(Param(name), g)
	VMOVD(g, x)
	VPBROADCASTD(x, v)
	return v
}
