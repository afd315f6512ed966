package pixel

// The inverse cosine transform of libjpeg for pictures at half their size: that of eight points, of which the mean of each
// two is made at once.
const (
	c0211 = 1730  // 0.211164243 · 2¹³, and so on
	c0509 = 4176  // 0.509795579
	c0601 = 4926  // 0.601344887
	c1061 = 8697  // 1.061594337
	c1451 = 11893 // 1.451774981
	c2172 = 17799 // 2.172734803
)

// InverseHalf makes 4×4 samples of a block of 8×8 coefficients, each the mean of four of [Inverse] but for rounding and the
// limits of 0 and 255. dst gets four rows. The fifth row and column of coefficients add nothing to it.
func InverseHalf(dst []byte, stride int, coefs *[64]int16, quant *[64]uint16) {
	var ws [4][8]int64
	for i := range 8 {
		if i == 4 {
			continue
		}
		c, q := coefs[i:i+57:i+57], quant[i:i+57:i+57]
		first := int64(c[0] * int16(q[0]))
		if c[8]|c[16]|c[24]|c[40]|c[48]|c[56] == 0 {
			v := first << passBits
			ws[0][i], ws[1][i], ws[2][i], ws[3][i] = v, v, v, v
			continue
		}
		const shift, half = constBits - passBits + 1, 1 << (constBits - passBits)
		w0, w1, w2, w3 := four(first, int64(c[8]*int16(q[8])), int64(c[16]*int16(q[16])), int64(c[24]*int16(q[24])),
			int64(c[40]*int16(q[40])), int64(c[48]*int16(q[48])), int64(c[56]*int16(q[56])))
		ws[0][i], ws[1][i], ws[2][i], ws[3][i] = (w0+half)>>shift, (w1+half)>>shift, (w2+half)>>shift, (w3+half)>>shift
	}
	for k := range ws {
		const shift, half = constBits + passBits + 3 + 1, 1 << (constBits + passBits + 3)
		in, row := &ws[k], dst[k*stride:][:4]
		v0, v1, v2, v3 := four(in[0], in[1], in[2], in[3], in[5], in[6], in[7])
		row[0], row[1] = sample(int32((v0+half)>>shift)), sample(int32((v1+half)>>shift))
		row[2], row[3] = sample(int32((v2+half)>>shift)), sample(int32((v3+half)>>shift))
	}
}

// four makes four values of eight, of which the fifth is not looked at.
func four(i0, i1, i2, i3, i5, i6, i7 int64) (a, b, c, d int64) {
	t0, t2 := i0<<(constBits+1), i2*c1847-i6*c0765
	o0 := i5*c1451 - i7*c0211 - i3*c2172 + i1*c1061
	o2 := i3*c0899 - i7*c0509 - i5*c0601 + i1*c2562
	return t0 + t2 + o2, t0 - t2 + o0, t0 - t2 - o0, t0 + t2 - o2
}
