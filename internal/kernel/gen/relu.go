package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func biasReLU() {
	TEXT("biasReLUAVX2", NOSPLIT, "func(x *float32, stride int, bias *float32, n, w int)")
	Pragma("noescape")
	Doc("biasReLUAVX2 is biasReLUScalar on rows of w columns.")
	x, dx, bias, c := pointer("x"), stride("stride"), pointer("bias"), newColumns()
	zeros := zero()
	rows(func() {
		c.each("relu", 4, func(at cursor) {
			v := at.load(at.at(bias))
			VADDPS(at.operand(at.at(x)), v, v)
			VMAXPS(v, zeros, v) // of a NaN and a number, the first operand: NaN stays
			at.store(v, at.at(x))
		})
		ADDQ(dx, x)
	})
}

// notLessOrEqual is the comparison that is true for greater or unordered, without a signal.
const notLessOrEqual = 0x16

func reluBackward() {
	TEXT("reluBackwardAVX2", NOSPLIT, "func(grad *float32, gradStride int, act *float32, actStride int, sum *float32, n, w int)")
	Pragma("noescape")
	Doc("reluBackwardAVX2 is reluBackwardScalar on rows of w columns.")
	grad, dg := pointer("grad"), stride("gradStride")
	act, da := pointer("act"), stride("actStride")
	sum, c := pointer("sum"), newColumns()
	zeros := zero()
	rows(func() {
		c.each("relu", 2, func(at cursor) {
			v := at.load(at.at(act))
			VCMPPS(Imm(notLessOrEqual), zeros, v, v)
			VANDPS(at.operand(at.at(grad)), v, v)
			at.store(v, at.at(grad))
			VADDPS(at.operand(at.at(sum)), v, v)
			at.store(v, at.at(sum))
		})
		ADDQ(dg, grad)
		ADDQ(da, act)
	})
}
