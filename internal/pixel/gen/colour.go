package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// words broadcasts the low 16 bits of a parameter.
func words(name string) reg.VecVirtual {
	g, x, v := GP32(), XMM(), YMM()
	Load(Param(name), g)
	VMOVD(g, x)
	VPBROADCASTW(x, v)
	return v
}

// count broadcasts nothing: it is a number of bits to shift by.
func count(name string) reg.VecVirtual {
	g, x := GP32(), XMM()
	Load(Param(name), g)
	VMOVD(g, x)
	return x
}

func blend() {
	TEXT("blendAVX2", NOSPLIT, "func(dst *uint16, near, far *byte, a, b uint32, n int)")
	Pragma("noescape")
	Doc("blendAVX2 is blendScalar on n samples, a multiple of 16.")
	dst, near, far := pointer("dst"), pointer("near"), pointer("far")
	a, b, n := words("a"), words("b"), pointer("n")
	Label("samples")
	TESTQ(n, n)
	JE(LabelRef("end"))
	x, y := YMM(), YMM()
	VPMOVZXBW(Mem{Base: near}, x)
	VPMOVZXBW(Mem{Base: far}, y)
	VPMULLW(a, x, x)
	VPMULLW(b, y, y)
	VPADDW(x, y, x)
	VMOVDQU(x, Mem{Base: dst})
	ADDQ(Imm(16), near)
	ADDQ(Imm(16), far)
	ADDQ(Imm(32), dst)
	SUBQ(Imm(16), n)
	JMP(LabelRef("samples"))
	Label("end")
	done()
}

func stretch() {
	TEXT("stretchAVX2", NOSPLIT, "func(dst *byte, sums *uint16, shift, left, right uint32, n int)")
	Pragma("noescape")
	Doc("stretchAVX2 is stretchScalar on n sums, a multiple of 16; sums points at the first, which has one before it.")
	dst, sums := pointer("dst"), pointer("sums")
	shift, left, right, n := count("shift"), words("left"), words("right"), pointer("n")
	Label("sums")
	TESTQ(n, n)
	JE(LabelRef("end"))
	s, even, odd := YMM(), YMM(), YMM()
	VMOVDQU(Mem{Base: sums}, s)
	VPADDW(s, s, even)
	VPADDW(s, even, s) // three times
	VPADDW(Mem{Base: sums, Disp: -2}, s, even)
	VPADDW(Mem{Base: sums, Disp: 2}, s, odd)
	VPADDW(left, even, even)
	VPADDW(right, odd, odd)
	VPSRLW(shift, even, even)
	VPSRLW(shift, odd, odd)
	VPSLLW(Imm(8), odd, odd)
	VPOR(odd, even, even)
	VMOVDQU(even, Mem{Base: dst})
	ADDQ(Imm(32), sums)
	ADDQ(Imm(32), dst)
	SUBQ(Imm(16), n)
	JMP(LabelRef("sums"))
	Label("end")
	done()
}

func ycc() {
	TEXT("yccAVX2", NOSPLIT, "func(dst, luma, cb, cr *byte, n int)")
	Pragma("noescape")
	Doc("yccAVX2 is yccScalar on n pixels, a multiple of 16.")
	dst, luma, cb, cr, n := pointer("dst"), pointer("luma"), pointer("cb"), pointer("cr"), pointer("n")
	Label("pixels")
	TESTQ(n, n)
	JE(LabelRef("end"))
	var r, g, b [2]reg.VecVirtual
	for i := range 2 {
		l, u, v := YMM(), YMM(), YMM()
		VPMOVZXBD(Mem{Base: luma, Disp: 8 * i}, l)
		VPMOVZXBD(Mem{Base: cb, Disp: 8 * i}, u)
		VPMOVZXBD(Mem{Base: cr, Disp: 8 * i}, v)
		VPSUBD(lanes("middle", 128), u, u)
		VPSUBD(lanes("middle", 128), v, v)
		t := YMM()
		r[i], g[i], b[i] = YMM(), YMM(), YMM()
		VPMULLD(lanes("crToR", 91881), v, r[i])
		VPMULLD(lanes("crToG", -46802), v, g[i])
		VPMULLD(lanes("cbToG", -22554), u, t)
		VPMULLD(lanes("cbToB", 116130), u, b[i])
		VPADDD(t, g[i], g[i])
		for _, x := range []reg.VecVirtual{r[i], g[i], b[i]} {
			VPADDD(lanes("halfBit", 1<<15), x, x)
			VPSRAD(Imm(16), x, x)
			VPADDD(l, x, x)
		}
	}
	var colours [3]reg.VecVirtual
	for i, c := range [][2]reg.VecVirtual{r, g, b} {
		VPACKSSDW(c[1], c[0], c[0])
		VPERMQ(Imm(0xd8), c[0], c[0])
		high := XMM()
		VEXTRACTI128(Imm(1), c[0], high)
		colours[i] = XMM()
		VPACKUSWB(high, c[0].AsX(), colours[i])
	}
	for part := range 3 {
		out := XMM()
		for i, c := range colours {
			m := interleave(part, i)
			if i == 0 {
				VPSHUFB(m, c, out)
				continue
			}
			x := XMM()
			VPSHUFB(m, c, x)
			VPOR(x, out, out)
		}
		VMOVDQU(out, Mem{Base: dst, Disp: 16 * part})
	}
	ADDQ(Imm(48), dst)
	ADDQ(Imm(16), luma)
	ADDQ(Imm(16), cb)
	ADDQ(Imm(16), cr)
	SUBQ(Imm(16), n)
	JMP(LabelRef("pixels"))
	Label("end")
	done()
}

// interleave is the shuffle that takes a colour's samples to their places in the given third of sixteen pixels.
func interleave(part, colour int) Mem {
	places := make([]int, 16)
	for k := range places {
		places[k] = -1
		if at := 16*part + k; at%3 == colour {
			places[k] = at / 3
		}
	}
	return table(names[colour]+"To"+string(rune('0'+part)), places...)
}
