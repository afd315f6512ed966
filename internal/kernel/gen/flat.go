package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func adam() {
	TEXT("adamAVX2", NOSPLIT, "func(p, grad, m, v *float32, c *float32, w int)")
	Pragma("noescape")
	Doc("adamAVX2 is adamScalar on w numbers; c points to the eight constants of AdamStep.")
	p, g, m, v := pointer("p"), pointer("grad"), pointer("m"), pointer("v")
	table := pointer("c")
	var k [8]reg.VecVirtual
	for i := range k {
		k[i] = YMM()
		VBROADCASTSS(Mem{Base: table, Disp: i * lane}, k[i])
	}
	scale, keep1, take1, keep2, take2, rate, norm, eps := k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7]
	newColumns().each("adam", 1, func(at cursor) {
		x := YMM()
		VMULPS(at.operand(at.at(g)), scale, x)
		first, second, square := YMM(), YMM(), YMM()
		VMULPS(at.operand(at.at(m)), keep1, first)
		VFMADD231PS(take1, x, first)
		at.store(first, at.at(m))
		VMULPS(take2, x, square)
		VMULPS(at.operand(at.at(v)), keep2, second)
		VFMADD231PS(square, x, second)
		at.store(second, at.at(v))
		VSQRTPS(second, second)
		VFMADD213PS(eps, norm, second)
		VMULPS(rate, first, first)
		VDIVPS(second, first, first)
		param := at.load(at.at(p))
		VSUBPS(first, param, param)
		at.store(param, at.at(p))
	})
	VZEROUPPER()
	RET()
}

func scale() {
	TEXT("scaleAVX2", NOSPLIT, "func(dst, x *float32, a float32, w int)")
	Pragma("noescape")
	Doc("scaleAVX2 is scaleScalar on w numbers.")
	dst, x, a := pointer("dst"), pointer("x"), broadcast("a")
	newColumns().each("scale", 4, func(at cursor) {
		v := YMM()
		VMULPS(at.operand(at.at(x)), a, v)
		at.store(v, at.at(dst))
	})
	VZEROUPPER()
	RET()
}

func sumSquares() {
	TEXT("sumSquaresAVX2", NOSPLIT, "func(x *float32, w int) float64")
	Pragma("noescape")
	Doc("sumSquaresAVX2 is sumSquaresScalar on w numbers.")
	x := pointer("x")
	acc := [4]reg.VecVirtual{zero(), zero(), zero(), zero()}
	i := 0
	newColumns().each("square", 2, func(at cursor) {
		low, high := at.doubles(at.at(x))
		VFMADD231PD(low, low, acc[i%4])
		VFMADD231PD(high, high, acc[(i+1)%4])
		i += 2
	})
	VADDPD(acc[1], acc[0], acc[0])
	VADDPD(acc[3], acc[2], acc[2])
	VADDPD(acc[2], acc[0], acc[0])
	addDoubles(acc[0])
	VZEROUPPER()
	Store(acc[0].AsX(), ReturnIndex(0))
	RET()
}

// doubles loads a step of floats as two registers of doubles; masked lanes are zero.
func (c cursor) doubles(m Mem) (low, high reg.VecVirtual) {
	low, high = YMM(), YMM()
	if !c.masked {
		VCVTPS2PD(m, low)
		VCVTPS2PD(m.Offset(step/2), high)
		return low, high
	}
	v, half := c.load(m), XMM()
	VEXTRACTF128(Imm(1), v, half)
	VCVTPS2PD(v.AsX(), low)
	VCVTPS2PD(half, high)
	return low, high
}
