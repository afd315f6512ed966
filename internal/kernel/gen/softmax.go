package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// softmax emits two passes: the largest v + offset, and the exponentials of what is below it with their sum.
func softmax() {
	TEXT("softmaxAVX2", NOSPLIT, "func(v *float32, offset *float64, w int) (top, sum float64)")
	Pragma("noescape")
	Doc("softmaxAVX2 is softmaxScalar on w numbers.")
	v, offset, c := pointer("v"), pointer("offset"), newColumns()
	lowest := doubleConstant("lowest", math.Inf(-1))
	top := set(lowest)
	c.each("top", 1, func(at cursor) {
		low, high := at.logits(v, offset)
		if at.masked {
			least := set(lowest)
			maskLow, maskHigh := at.wideMasks()
			VBLENDVPD(maskLow, low, least, low)
			VBLENDVPD(maskHigh, high, least, high)
		}
		VMAXPD(low, top, top)
		VMAXPD(high, top, top)
	})
	half := XMM()
	VEXTRACTF128(Imm(1), top, half)
	VMAXPD(half, top.AsX(), top.AsX())
	VPERMILPD(Imm(1), top.AsX(), half)
	VMAXSD(half, top.AsX(), top.AsX())
	Store(top.AsX(), Return("top"))
	VBROADCASTSD(top.AsX(), top)

	sum := zero()
	c.each("exp", 1, func(at cursor) {
		low, high := at.logits(v, offset)
		VSUBPD(top, low, low)
		VSUBPD(top, high, high)
		x, upper := YMM(), XMM()
		VCVTPD2PSY(low, x.AsX())
		VCVTPD2PSY(high, upper)
		VINSERTF128(Imm(1), upper, x, x)
		e := flushed(x)
		if at.masked {
			VANDPS(at.mask, e, e)
		}
		at.store(e, at.at(v))
		VEXTRACTF128(Imm(1), e, upper)
		VCVTPS2PD(e.AsX(), low)
		VCVTPS2PD(upper, high)
		VADDPD(low, sum, sum)
		VADDPD(high, sum, sum)
	})
	addDoubles(sum)
	VZEROUPPER()
	Store(sum.AsX(), Return("sum"))
	RET()
}

// flushed emits e^x for x ≤ 0, and 0 below −87, where float32 loses its precision. A NaN stays.
func flushed(x reg.VecVirtual) reg.VecVirtual {
	least, above := set(float("least", -87)), YMM()
	VCMPPS(Imm(notLess), least, x, above)
	VMAXPS(x, least, x) // of a NaN and a number, the first operand: NaN stays
	e := exp(x)
	VANDPS(above, e, e)
	return e
}

// notLess is the comparison that is true for greater, equal or unordered, without a signal.
const notLess = 0x15

// logits loads v + offset as doubles.
func (c cursor) logits(v, offset reg.Register) (low, high reg.VecVirtual) {
	low, high = c.doubles(c.at(v))
	m := Mem{Base: offset, Index: c.j, Scale: 2, Disp: 2 * c.disp}
	if !c.masked {
		VADDPD(m, low, low)
		VADDPD(m.Offset(step), high, high)
		return low, high
	}
	maskLow, maskHigh := c.wideMasks()
	o := YMM()
	VMASKMOVPD(m, maskLow, o)
	VADDPD(o, low, low)
	VMASKMOVPD(m.Offset(step), maskHigh, o)
	VADDPD(o, high, high)
	return low, high
}

// wideMasks is the mask of the partial step for doubles.
func (c cursor) wideMasks() (low, high reg.VecVirtual) {
	low, high = YMM(), YMM()
	half := XMM()
	VEXTRACTF128(Imm(1), c.mask, half)
	VPMOVSXDQ(c.mask.AsX(), low)
	VPMOVSXDQ(half, high)
	return low, high
}

func doubleConstant(name string, v float64) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 4 {
		DATA(i*8, U64(math.Float64bits(v)))
	}
	return m
}
