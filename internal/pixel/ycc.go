package pixel

// Weights of the JFIF conversion (ITU-R BT.601, full range) in 16.16 fixed point: 1.40200, 0.34414, 0.71414, 1.77200, as in
// libjpeg's tables.
const (
	crToR   = 91881
	cbToG   = 22554
	crToG   = 46802
	cbToB   = 116130
	halfBit = 1 << 15
)

// YCC converts a row of JPEG's Y'CbCr samples to RGB, three bytes for each of dst's pixels.
func YCC(dst, luma, cb, cr []byte) {
	n := len(dst) / 3
	luma, cb, cr = luma[:n], cb[:n], cr[:n]
	done := ycc(dst, luma, cb, cr)
	yccScalar(dst[3*done:], luma[done:], cb[done:], cr[done:])
}

func yccScalar(dst, luma, cb, cr []byte) {
	for x := range luma {
		l, u, v := int32(luma[x]), int32(cb[x])-128, int32(cr[x])-128
		p := dst[3*x : 3*x+3 : 3*x+3]
		p[0] = clamp8(l + (crToR*v+halfBit)>>16)
		p[1] = clamp8(l + (halfBit-cbToG*u-crToG*v)>>16)
		p[2] = clamp8(l + (cbToB*u+halfBit)>>16)
	}
}
