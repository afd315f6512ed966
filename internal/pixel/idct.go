package pixel

// The inverse cosine transform of libjpeg's default method: Loeffler, Ligtenberg
// and Moschytz (ICASSP 1989) with 11 multiplications, in fixed point: constants
// have 13 fractional bits, and 2 bits more than the samples need are kept between
// the columns and the rows.
const (
	constBits = 13
	passBits  = 2

	c0298 = 2446  // 0.298631336 · 2¹³, and so on
	c0390 = 3196  // 0.390180644
	c0541 = 4433  // 0.541196100
	c0765 = 6270  // 0.765366865
	c0899 = 7373  // 0.899976223
	c1175 = 9633  // 1.175875602
	c1501 = 12299 // 1.501321110
	c1847 = 15137 // 1.847759065
	c1961 = 16069 // 1.961570560
	c2053 = 16819 // 2.053119869
	c2562 = 20995 // 2.562915447
	c3072 = 25172 // 3.072711026
)

// Inverse makes the 8×8 samples of a block of coefficients, each to be multiplied by its quantisation step, in natural
// order. dst gets eight rows, stride bytes from each to the next. A product is kept to 16 bits, as libjpeg-turbo's vector
// forms do; only damaged files have larger ones.
func Inverse(dst []byte, stride int, coefs *[64]int16, quant *[64]uint16) {
	_ = dst[7*stride+7]
	inverse(dst, stride, coefs, quant)
}

func inverseScalar(dst []byte, stride int, coefs *[64]int16, quant *[64]uint16) {
	var ws [64]int32
	for i := range 8 {
		column(&ws, coefs, quant, i)
	}
	for i := range 8 {
		row(dst[i*stride:][:8], ws[8*i:][:8])
	}
}

// column transforms column i of a block.
func column(ws *[64]int32, coefs *[64]int16, q *[64]uint16, i int) {
	at := func(k int) int32 { return int32(coefs[8*k+i] * int16(q[8*k+i])) }
	if coefs[8+i]|coefs[16+i]|coefs[24+i]|coefs[32+i]|coefs[40+i]|coefs[48+i]|coefs[56+i] == 0 {
		v := at(0) << passBits
		for k := range 8 {
			ws[8*k+i] = v
		}
		return
	}
	out := eight([8]int32{at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)})
	const shift = constBits - passBits
	for k, v := range out {
		ws[8*k+i] = (v + 1<<(shift-1)) >> shift
	}
}

// row transforms a row of what the columns left.
func row(dst []byte, ws []int32) {
	const shift = constBits + passBits + 3
	out := eight([8]int32(ws))
	for k, v := range out {
		dst[k] = sample((v + 1<<(shift-1)) >> shift)
	}
}

// eight transforms eight values.
func eight(in [8]int32) [8]int32 {
	z1 := (in[2] + in[6]) * c0541
	t2, t3 := z1-in[6]*c1847, z1+in[2]*c0765
	t0, t1 := (in[0]+in[4])<<constBits, (in[0]-in[4])<<constBits
	e0, e3, e1, e2 := t0+t3, t0-t3, t1+t2, t1-t2

	z5 := (in[7] + in[3] + in[5] + in[1]) * c1175
	z3, z4 := z5-(in[7]+in[3])*c1961, z5-(in[5]+in[1])*c0390
	z1, z2 := -(in[7]+in[1])*c0899, -(in[5]+in[3])*c2562
	o0 := in[7]*c0298 + z1 + z3
	o1 := in[5]*c2053 + z2 + z4
	o2 := in[3]*c3072 + z2 + z3
	o3 := in[1]*c1501 + z1 + z4
	return [8]int32{e0 + o3, e1 + o2, e2 + o1, e3 + o0, e3 - o0, e2 - o1, e1 - o2, e0 - o3}
}

// sample shifts a value to 0..255 and limits it.
func sample(v int32) byte { return clamp8(v + 128) }

// Flat makes the side×side samples of a block of which only the first coefficient is not zero, as [Inverse] and
// [InverseHalf] would.
func Flat(dst []byte, stride, side int, first int16, quant uint16) {
	v := sample((int32(first*int16(quant))<<passBits + 1<<(passBits+2)) >> (passBits + 3))
	for i := range side {
		row := dst[i*stride:][:side]
		for k := range row {
			row[k] = v
		}
	}
}
