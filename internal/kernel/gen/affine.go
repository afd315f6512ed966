package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// exp emits e^x for |x| < 87 and leaves x alone; package kernel's exp has the formula.
func exp(x reg.VecVirtual) reg.VecVirtual {
	n, r, q, p := YMM(), YMM(), YMM(), YMM()
	VMULPS(float("log2e", 1.4426950408889634), x, n)
	VROUNDPS(Imm(0), n, n)
	VMOVAPS(x, r)
	VFNMADD231PS(float("ln2hi", 0.693359375), n, r)
	VFNMADD231PS(float("ln2lo", -2.12194440e-4), n, r)
	VMOVUPS(float("q4", 0.0013814539), q)
	VFMADD213PS(float("q3", 0.008368745), r, q)
	VFMADD213PS(float("q2", 0.04166839), r, q)
	VFMADD213PS(float("q1", 0.16666521), r, q)
	VFMADD213PS(float("q0", 0.49999994), r, q)
	VMULPS(r, r, p)
	VFMADD213PS(r, q, p)
	VADDPS(float("one", 1), p, p)
	VCVTPS2DQ(n, n) // a NaN gives 0x80000000, which the shift makes 0
	VPSLLD(Imm(23), n, n)
	VPADDD(n, p, p)
	return p
}

func affine() {
	TEXT("affineAVX2", NOSPLIT, "func(z *float32, zStride int, y *float32, yStride int, ut *float32, utStride int, "+
		"bias, scale, shift *float32, inv float32, ladj *float64, n, w int)")
	Pragma("noescape")
	Doc("affineAVX2 is affineScalar with m = w and inv = 1/clamp.")
	z, y, u := pointer("z"), pointer("y"), pointer("ut")
	dz, dy, du := stride("zStride"), stride("yStride"), stride("utStride")
	bu, scale, shift, ladj := pointer("bias"), pointer("scale"), pointer("shift"), pointer("ladj")
	inv, c := broadcast("inv"), newColumns()
	t, bt := GP64(), GP64()
	LEAQ(Mem{Base: bu, Index: c.width, Scale: 1}, bt)
	abs, one := set(constant("abs", 1<<31-1)), set(float("one", 1))
	sum := YMM()
	rows(func() {
		LEAQ(Mem{Base: u, Index: c.width, Scale: 1}, t)
		VXORPS(sum, sum, sum)
		c.each("affine", 1, func(at cursor) {
			s := at.load(at.at(u))
			VADDPS(at.operand(at.at(bu)), s, s)
			den := YMM()
			VANDPS(abs, s, den)
			VFMADD213PS(one, inv, den)
			VDIVPS(den, s, s)
			at.store(s, at.at(u))
			VADDPS(s, sum, sum)
			e := exp(s)
			v := at.load(at.at(t))
			at.store(e, at.at(t))
			VADDPS(at.operand(at.at(bt)), v, v)
			VFMADD231PS(at.operand(at.at(y)), e, v)
			VMULPS(at.operand(at.at(scale)), v, v)
			VADDPS(at.operand(at.at(shift)), v, v)
			at.store(v, at.at(z))
		})
		addSum(sum, ladj)
		ADDQ(Imm(8), ladj)
		ADDQ(dz, z)
		ADDQ(dy, y)
		ADDQ(du, u)
	})
}

// addSum adds the eight lanes of v, as doubles, to the double at p.
func addSum(v reg.VecVirtual, p reg.Register) {
	high, low, half := YMM(), YMM(), XMM()
	VEXTRACTF128(Imm(1), v, half)
	VCVTPS2PD(half, high)
	VCVTPS2PD(v.AsX(), low)
	VADDPD(high, low, low)
	addDoubles(low)
	VADDSD(Mem{Base: p}, low.AsX(), low.AsX())
	VMOVSD(low.AsX(), Mem{Base: p})
}

// addDoubles leaves the sum of the four doubles of v in its first lane.
func addDoubles(v reg.VecVirtual) {
	half := XMM()
	VEXTRACTF128(Imm(1), v, half)
	VADDPD(half, v.AsX(), v.AsX())
	VPERMILPD(Imm(1), v.AsX(), half)
	VADDSD(half, v.AsX(), v.AsX())
}

func affineBackward() {
	TEXT("affineBackwardAVX2", NOSPLIT, "func(grad *float32, gradStride int, y *float32, yStride int, st *float32, stStride int, "+
		"sum *float32, inv, ladj float32, n, w int)")
	Pragma("noescape")
	Doc("affineBackwardAVX2 is affineBackwardScalar with m = w and inv = 1/clamp.")
	grad, y, st := pointer("grad"), pointer("y"), pointer("st")
	dg, dy, ds := stride("gradStride"), stride("yStride"), stride("stStride")
	sumU := pointer("sum")
	inv, ladj, c := broadcast("inv"), broadcast("ladj"), newColumns()
	et, sumT := GP64(), GP64()
	LEAQ(Mem{Base: sumU, Index: c.width, Scale: 1}, sumT)
	abs, one := set(constant("abs", 1<<31-1)), set(float("one", 1))
	rows(func() {
		LEAQ(Mem{Base: st, Index: c.width, Scale: 1}, et)
		c.each("back", 1, func(at cursor) {
			v, slope, e := at.load(at.at(grad)), at.load(at.at(st)), at.load(at.at(et))
			VANDPS(abs, slope, slope)
			VFNMADD213PS(one, inv, slope)
			VMULPS(slope, slope, slope)
			moved := YMM()
			VMULPS(e, v, moved)
			at.store(moved, at.at(grad))
			VFMADD132PS(at.operand(at.at(y)), ladj, moved)
			VMULPS(slope, moved, moved)
			at.store(moved, at.at(st))
			at.store(v, at.at(et))
			VADDPS(at.operand(at.at(sumU)), moved, moved)
			at.store(moved, at.at(sumU))
			VADDPS(at.operand(at.at(sumT)), v, v)
			at.store(v, at.at(sumT))
		})
		ADDQ(dg, grad)
		ADDQ(dy, y)
		ADDQ(ds, st)
	})
}
