package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	constBits = 13
	passBits  = 2
)

// block is eight registers: eight rows, or columns, of eight numbers of 32 bits.
type block [8]reg.VecVirtual

func inverse() {
	TEXT("inverseAVX2", NOSPLIT, "func(dst *byte, stride int, coefs *[64]int16, quant *[64]uint16)")
	Pragma("noescape")
	Doc("inverseAVX2 is inverseScalar.")
	dst, stride, coefs, quant := pointer("dst"), pointer("stride"), pointer("coefs"), pointer("quant")
	var b block
	for k := range b {
		w := XMM()
		b[k] = YMM()
		VMOVDQU(Mem{Base: coefs, Disp: 16 * k}, w)
		VPMULLW(Mem{Base: quant, Disp: 16 * k}, w, w)
		VPMOVSXWD(w, b[k])
	}
	b = b.eight(constBits - passBits)
	b = b.transpose()
	b = b.eight(constBits + passBits + 3)
	b.store(dst, stride)
	done()
}

// times is x·c.
func times(x reg.VecVirtual, name string, c int32) reg.VecVirtual {
	v := YMM()
	VPMULLD(lanes(name, c), x, v)
	return v
}

func sum(a, b reg.VecVirtual) reg.VecVirtual {
	v := YMM()
	VPADDD(b, a, v)
	return v
}

// less is a-b.
func less(a, b reg.VecVirtual) reg.VecVirtual {
	v := YMM()
	VPSUBD(b, a, v)
	return v
}

func add(to, x reg.VecVirtual) { VPADDD(x, to, to) }

// eight transforms eight values, as eightScalar does, and shifts them right with rounding.
func (in block) eight(shift uint64) block {
	z1 := times(sum(in[2], in[6]), "c0541", 4433)
	t2 := sum(z1, times(in[6], "c1847", -15137))
	t3 := sum(z1, times(in[2], "c0765", 6270))
	t0, t1 := sum(in[0], in[4]), less(in[0], in[4])
	VPSLLD(Imm(constBits), t0, t0)
	VPSLLD(Imm(constBits), t1, t1)
	round := "roundColumns"
	if shift > constBits {
		round = "roundRows"
	}
	VPADDD(lanes(round, 1<<(shift-1)), t0, t0) // every result has one of the two in it
	VPADDD(lanes(round, 1<<(shift-1)), t1, t1)
	e0, e3, e1, e2 := sum(t0, t3), less(t0, t3), sum(t1, t2), less(t1, t2)

	z3, z4 := sum(in[7], in[3]), sum(in[5], in[1])
	z5 := times(sum(z3, z4), "c1175", 9633)
	z3 = sum(z5, times(z3, "c1961", -16069))
	z4 = sum(z5, times(z4, "c0390", -3196))
	z1 = times(sum(in[7], in[1]), "c0899", -7373)
	z2 := times(sum(in[5], in[3]), "c2562", -20995)
	o0 := times(in[7], "c0298", 2446)
	o1 := times(in[5], "c2053", 16819)
	o2 := times(in[3], "c3072", 25172)
	o3 := times(in[1], "c1501", 12299)
	add(o0, z1)
	add(o0, z3)
	add(o1, z2)
	add(o1, z4)
	add(o2, z2)
	add(o2, z3)
	add(o3, z1)
	add(o3, z4)
	out := block{sum(e0, o3), sum(e1, o2), sum(e2, o1), sum(e3, o0), less(e3, o0), less(e2, o1), less(e1, o2), less(e0, o3)}
	for _, v := range out {
		VPSRAD(Imm(shift), v, v)
	}
	return out
}

// transpose makes rows of columns.
func (b block) transpose() block {
	var t, u, out block
	for i := 0; i < 8; i += 2 {
		t[i], t[i+1] = YMM(), YMM()
		VPUNPCKLDQ(b[i+1], b[i], t[i])
		VPUNPCKHDQ(b[i+1], b[i], t[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for k := range 4 {
			u[i+k] = YMM()
		}
		VPUNPCKLQDQ(t[i+2], t[i], u[i])
		VPUNPCKHQDQ(t[i+2], t[i], u[i+1])
		VPUNPCKLQDQ(t[i+3], t[i+1], u[i+2])
		VPUNPCKHQDQ(t[i+3], t[i+1], u[i+3])
	}
	for i := range 4 {
		out[i], out[i+4] = YMM(), YMM()
		VPERM2I128(Imm(0x20), u[i+4], u[i], out[i])
		VPERM2I128(Imm(0x31), u[i+4], u[i], out[i+4])
	}
	return out
}

// store writes columns of samples as rows of bytes, 128 added and limited to 0..255.
func (b block) store(dst, stride reg.Register) {
	var pairs [4]reg.VecVirtual
	for i := range pairs {
		pairs[i] = YMM()
		VPADDD(lanes("middle", 128), b[2*i], b[2*i])
		VPADDD(lanes("middle", 128), b[2*i+1], b[2*i+1])
		VPACKSSDW(b[2*i+1], b[2*i], pairs[i])
	}
	order := table("fourByFour", 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,
		0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)
	left, right, low, high := YMM(), YMM(), YMM(), YMM()
	VPACKUSWB(pairs[1], pairs[0], left)
	VPACKUSWB(pairs[3], pairs[2], right)
	VPSHUFB(order, left, left)
	VPSHUFB(order, right, right)
	VPUNPCKLDQ(right, left, low)  // rows 0, 1 and 4, 5
	VPUNPCKHDQ(right, left, high) // rows 2, 3 and 6, 7
	for range 2 {
		for _, v := range []reg.VecVirtual{low, high} {
			VMOVQ(v.AsX(), Mem{Base: dst})
			VPEXTRQ(Imm(1), v.AsX(), Mem{Base: dst, Index: stride, Scale: 1})
			LEAQ(Mem{Base: dst, Index: stride, Scale: 2}, dst)
			VEXTRACTI128(Imm(1), v, v.AsX())
		}
	}
}
