package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	coefBits = 22
	rounding = 1 << (coefBits - 1)
)

func vertical() {
	TEXT("verticalAVX2", NOSPLIT, "func(dst, rows *byte, stride int, weights *int32, taps, n int)")
	Pragma("noescape")
	Doc("verticalAVX2 is verticalScalar on n columns, a multiple of 32.")
	dst, rows, stride, weights := pointer("dst"), pointer("rows"), pointer("stride"), pointer("weights")
	taps, n := pointer("taps"), pointer("n")
	half, order := set(lanes("half", rounding)), YMM()
	m := GLOBL("order", RODATA|NOPTR) // undoes that packing keeps to halves of a register
	for i, v := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
		DATA(4*i, U32(v))
	}
	VMOVDQU(m, order)
	var sums [4]reg.VecVirtual
	for i := range sums {
		sums[i] = YMM()
	}
	row, j := GP64(), GP64()
	Label("columns")
	TESTQ(n, n)
	JE(LabelRef("end"))
	for _, s := range sums {
		VMOVDQA(half, s)
	}
	MOVQ(rows, row)
	XORQ(j, j)
	Label("taps")
	c := YMM()
	VPBROADCASTD(Mem{Base: weights, Index: j, Scale: 4}, c)
	for i, s := range sums {
		v := YMM()
		VPMOVZXBD(Mem{Base: row, Disp: 8 * i}, v)
		VPMULLD(c, v, v)
		VPADDD(v, s, s)
	}
	ADDQ(stride, row)
	INCQ(j)
	CMPQ(j, taps)
	JL(LabelRef("taps"))
	for _, s := range sums {
		VPSRAD(Imm(coefBits), s, s)
	}
	VPACKSSDW(sums[1], sums[0], sums[0])
	VPACKSSDW(sums[3], sums[2], sums[2])
	VPACKUSWB(sums[2], sums[0], sums[0])
	VPERMD(sums[0], order, sums[0])
	VMOVDQU(sums[0], Mem{Base: dst})
	ADDQ(Imm(32), dst)
	ADDQ(Imm(32), rows)
	SUBQ(Imm(32), n)
	JMP(LabelRef("columns"))
	Label("end")
	done()
}

func horizontal() {
	TEXT("horizontalAVX2", NOSPLIT, "func(dst, src *byte, taps *int, weights *int32, width, n int)")
	Pragma("noescape")
	Doc("horizontalAVX2 is horizontalScalar on n pixels, width weights for each. It reads and writes a byte after a pixel.")
	dst, src, taps, weights := pointer("dst"), pointer("src"), pointer("taps"), pointer("weights")
	width, n := pointer("width"), pointer("n")
	half := XMM()
	VMOVDQU(lanes("half", rounding), half)
	from, sum, j := GP64(), XMM(), GP64()
	Label("pixels")
	TESTQ(n, n)
	JE(LabelRef("end"))
	MOVQ(Mem{Base: taps}, from) // first
	LEAQ(Mem{Base: from, Index: from, Scale: 2}, from)
	ADDQ(src, from)
	VMOVDQA(half, sum)
	XORQ(j, j)
	Label("taps")
	c, v := XMM(), XMM()
	VPBROADCASTD(Mem{Base: weights, Index: j, Scale: 4}, c)
	VPMOVZXBD(Mem{Base: from}, v)
	VPMULLD(c, v, v)
	VPADDD(v, sum, sum)
	ADDQ(Imm(3), from)
	INCQ(j)
	CMPQ(j, width)
	JL(LabelRef("taps"))
	VPSRAD(Imm(coefBits), sum, sum)
	VPACKSSDW(sum, sum, sum)
	VPACKUSWB(sum, sum, sum)
	VMOVD(sum, Mem{Base: dst})
	ADDQ(Imm(3), dst)
	ADDQ(Imm(16), taps)
	LEAQ(Mem{Base: weights, Index: width, Scale: 4}, weights)
	DECQ(n)
	JMP(LabelRef("pixels"))
	Label("end")
	done()
}

func normalize() {
	TEXT("normalizeAVX2", NOSPLIT, "func(red, green, blue *float32, row *byte, values *[3][256]float32, n int)")
	Pragma("noescape")
	Doc("normalizeAVX2 is normalizeScalar on n pixels, a multiple of 16.")
	planes := []reg.GPVirtual{pointer("red"), pointer("green"), pointer("blue")}
	row, values, n := pointer("row"), pointer("values"), pointer("n")
	Label("pixels")
	TESTQ(n, n)
	JE(LabelRef("end"))
	var in [3]reg.VecVirtual
	for i := range in {
		in[i] = XMM()
		VMOVDQU(Mem{Base: row, Disp: 16 * i}, in[i])
	}
	for c, plane := range planes {
		samples := XMM()
		for i, m := range deinterleave(c) {
			if i == 0 {
				VPSHUFB(m, in[i], samples)
				continue
			}
			part := XMM()
			VPSHUFB(m, in[i], part)
			VPOR(part, samples, samples)
		}
		for i := range 2 {
			at, mask, v := YMM(), YMM(), YMM()
			if i == 1 {
				VPSRLDQ(Imm(8), samples, samples)
			}
			VPMOVZXBD(samples, at)
			VPCMPEQD(mask, mask, mask)
			VGATHERDPS(mask, Mem{Base: values, Disp: 1024 * c, Index: at, Scale: 4}, v)
			VMOVUPS(v, Mem{Base: plane, Disp: 32 * i})
		}
		ADDQ(Imm(64), plane)
	}
	ADDQ(Imm(48), row)
	SUBQ(Imm(16), n)
	JMP(LabelRef("pixels"))
	Label("end")
	done()
}

var names = []string{"red", "green", "blue"}

// deinterleave is, for each of three registers of pixels, the shuffle that takes a colour's samples to their places.
func deinterleave(colour int) [3]Mem {
	var m [3]Mem
	for i := range m {
		places := make([]int, 16)
		for k := range places {
			places[k] = 3*k + colour - 16*i
			if places[k] < 0 || places[k] > 15 {
				places[k] = -1
			}
		}
		m[i] = table(names[colour]+"From"+string(rune('0'+i)), places...)
	}
	return m
}
