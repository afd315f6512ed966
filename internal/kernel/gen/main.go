// Command gen writes the AVX2 kernels of package kernel. It is a module of its own so that the assembler generator is
// no dependency of the product; `go generate ./internal/kernel` runs it.
//
// All kernels have one form: rows, and columns in steps of eight floats, with the last, partial step loaded and stored
// under a mask. A kernel never touches memory outside the slices it was given.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	biasReLU()
	reluBackward()
	actNorm()
	actNormBackward()
	affine()
	affineBackward()
	adam()
	scale()
	sumSquares()
	softmax()
	Generate()
}

const (
	lane = 4        // bytes of a float32
	step = 8 * lane // bytes of a YMM register
)

// columns walks over the columns of one row: a width in bytes and the mask of its last, partial step.
type columns struct {
	width reg.GPVirtual
	mask  reg.VecVirtual
	mem   Mem // of the mask table
}

// newColumns reads the number of columns from the parameter w.
func newColumns() columns {
	c := columns{width: GP64(), mask: YMM()}
	Load(Param("w"), c.width)
	rem, table := GP64(), GP64()
	MOVQ(c.width, rem)
	ANDQ(Imm(7), rem)
	SHLQ(Imm(2), rem)
	LEAQ(maskTable(), table)
	SUBQ(rem, table)
	VMOVUPS(Mem{Base: table, Disp: step}, c.mask)
	SHLQ(Imm(2), c.width)
	return c
}

var masks *Mem

// maskTable is eight lanes that are set and eight that are not: read 8−r lanes in, it masks the first r.
func maskTable() Mem {
	if masks == nil {
		m := GLOBL("mask", RODATA|NOPTR)
		for i := range 16 {
			v := uint32(0)
			if i < 8 {
				v = math.MaxUint32
			}
			DATA(i*lane, U32(v))
		}
		masks = &m
	}
	return *masks
}

// cursor is where a step of eight columns is, and whether it is the partial one.
type cursor struct {
	columns
	j      reg.GPVirtual // byte offset in the row
	disp   int
	masked bool
}

// at addresses the step in the row that starts at base.
func (c cursor) at(base reg.Register) Mem {
	return Mem{Base: base, Index: c.j, Scale: 1, Disp: c.disp}
}

func (c cursor) load(m Mem) reg.VecVirtual {
	v := YMM()
	if c.masked {
		VMASKMOVPS(m, c.mask, v)
	} else {
		VMOVUPS(m, v)
	}
	return v
}

// operand is m itself as an instruction's memory operand, but for the partial step, which must not read past the row.
func (c cursor) operand(m Mem) Op {
	if c.masked {
		return c.load(m)
	}
	return m
}

func (c cursor) store(v reg.Register, m Mem) {
	if c.masked {
		VMASKMOVPS(v, c.mask, m)
	} else {
		VMOVUPS(v, m)
	}
}

// each emits the loops over one row's columns; label makes the jump targets unique. The body is emitted unroll times
// for the main loop, once for the steps that remain and once for the partial step.
func (c columns) each(label string, unroll int, body func(cursor)) {
	j, next := GP64(), GP64()
	XORQ(j, j)
	loop := func(name string, n int) {
		Label(label + name)
		LEAQ(Mem{Base: j, Disp: n * step}, next)
		CMPQ(next, c.width)
		JG(LabelRef(label + name + "_end"))
		for k := range n {
			body(cursor{columns: c, j: j, disp: k * step})
		}
		MOVQ(next, j)
		JMP(LabelRef(label + name))
		Label(label + name + "_end")
	}
	if unroll > 1 {
		loop("_wide", unroll)
	}
	loop("_step", 1)
	CMPQ(j, c.width)
	JGE(LabelRef(label + "_done"))
	body(cursor{columns: c, j: j, masked: true})
	Label(label + "_done")
}

// pointer loads a pointer parameter.
func pointer(name string) reg.GPVirtual {
	p := GP64()
	Load(Param(name), p)
	return p
}

// stride is the distance between rows in bytes, left in the parameter: there are not registers enough for all.
func stride(name string) Mem {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// rows emits the loop over n rows, n being a parameter.
func rows(body func()) {
	n := GP64()
	Load(Param("n"), n)
	Label("row")
	TESTQ(n, n)
	JE(LabelRef("end"))
	body()
	DECQ(n)
	JMP(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
}

// broadcast loads a float32 parameter into all lanes.
func broadcast(name string) reg.VecVirtual {
	v := YMM()
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(p.Addr, v)
	return v
}

func zero() reg.VecVirtual {
	v := YMM()
	VXORPS(v, v, v)
	return v
}

var constants = map[string]Mem{}

// constant is a memory operand that holds bits in all eight lanes.
func constant(name string, bits uint32) Mem {
	m, ok := constants[name]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		for i := range 8 {
			DATA(i*lane, U32(bits))
		}
		constants[name] = m
	}
	return m
}

func float(name string, v float32) Mem { return constant(name, math.Float32bits(v)) }

func set(m Mem) reg.VecVirtual {
	v := YMM()
	VMOVUPS(m, v)
	return v
}
