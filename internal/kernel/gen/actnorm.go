package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func actNorm() {
	TEXT("actNormAVX2", NOSPLIT, "func(dst *float32, dstStride int, x *float32, xStride int, scale, shift *float32, n, w int)")
	Pragma("noescape")
	Doc("actNormAVX2 is actNormScalar on rows of w columns.")
	dst, dd := pointer("dst"), stride("dstStride")
	x, dx := pointer("x"), stride("xStride")
	scale, shift, c := pointer("scale"), pointer("shift"), newColumns()
	rows(func() {
		c.each("scale", 2, func(at cursor) {
			v := at.load(at.at(x))
			VMULPS(at.operand(at.at(scale)), v, v)
			VADDPS(at.operand(at.at(shift)), v, v)
			at.store(v, at.at(dst))
		})
		ADDQ(dd, dst)
		ADDQ(dx, x)
	})
}

func actNormBackward() {
	TEXT("actNormBackwardAVX2", NOSPLIT,
		"func(grad *float32, gradStride int, y *float32, yStride int, scale, shift, sumScale, sumShift *float32, n, w int)")
	Pragma("noescape")
	Doc("actNormBackwardAVX2 is actNormBackwardScalar on rows of w columns.")
	grad, dg := pointer("grad"), stride("gradStride")
	y, dy := pointer("y"), stride("yStride")
	scale, shift := pointer("scale"), pointer("shift")
	sumScale, sumShift, c := pointer("sumScale"), pointer("sumShift"), newColumns()
	rows(func() {
		c.each("grad", 2, func(at cursor) {
			v, centred := at.load(at.at(grad)), at.load(at.at(y))
			VSUBPS(at.operand(at.at(shift)), centred, centred)
			sum := at.load(at.at(sumScale))
			VFMADD231PS(v, centred, sum)
			at.store(sum, at.at(sumScale))
			total := at.load(at.at(sumShift))
			VADDPS(v, total, total)
			at.store(total, at.at(sumShift))
			VMULPS(at.operand(at.at(scale)), v, v)
			at.store(v, at.at(grad))
		})
		ADDQ(dg, grad)
		ADDQ(dy, y)
	})
}
