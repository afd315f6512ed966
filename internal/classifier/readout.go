package classifier

import "fmt"

// readFeatures turns the feature tensor of n images into rows of Dim values, pooling it where it is a map.
func (c *Classifier) readFeatures(dst []float32, src array, n int) error {
	d, err := c.featureDim(src)
	switch {
	case err != nil:
	case d != c.info.Dim || src.shape[0] != n:
		err = fmt.Errorf("they have shape %v for %d images, not %d values per image", src.shape, n, c.info.Dim)
	case c.head.Pool == "":
		err = readRows(dst, src, n, d)
	default:
		meanPool(dst, src, c.pooled(src), d)
	}
	if err != nil {
		return fmt.Errorf("the features %s: %w", c.info.FeatureTensor, err)
	}
	return nil
}

// pooled marks the axes of the feature tensor that are averaged.
func (c *Classifier) pooled(src array) []bool {
	marks := make([]bool, len(src.shape))
	if c.head.Pool != "" {
		for _, a := range c.head.PoolAxes {
			if a < 0 {
				a += len(marks)
			}
			if a > 0 && a < len(marks) {
				marks[a] = true
			}
		}
	}
	return marks
}

// featureDim is the number of features per image in a feature tensor, after pooling.
func (c *Classifier) featureDim(src array) (int, error) {
	if len(src.shape) < 2 || elements(src.shape) == 0 {
		return 0, fmt.Errorf("they have shape %v: one vector per image is needed", src.shape)
	}
	d := 1
	for a, pooled := range c.pooled(src) {
		if a > 0 && !pooled {
			d *= src.shape[a]
		}
	}
	return d, nil
}

// readRows copies a tensor that holds one vector of d values per image, n×d or n×d×1×1, to dst, which may
// want fewer rows than there are.
func readRows(dst []float32, src array, n, d int) error {
	if len(src.shape) < 2 || src.shape[0] != n || elements(src.shape) != n*d {
		return fmt.Errorf("it has shape %v for %d images, not one vector of %d values per image", src.shape, n, d)
	}
	copy(dst, src.data)
	return nil
}

// meanPool averages a tensor over its spatial axes. src is n×(outer)×… with the axes to average marked in
// pooled; dst gets one vector per image, of the axes that are left, in their order. The sums are float64.
// dst may want fewer rows than there are.
func meanPool(dst []float32, src array, pooled []bool, d int) {
	per := elements(src.shape[1:])
	if trailing(pooled) {
		meanRows(dst, src.data, per/d)
		return
	}
	sums := make([]float64, d)
	// step[a] is how far the result moves along axis a of the source: 0 along a pooled axis.
	step := make([]int, len(src.shape))
	stride := 1
	for a := len(src.shape) - 1; a >= 1; a-- {
		if !pooled[a] {
			step[a] = stride
			stride *= src.shape[a]
		}
	}
	scale := float64(d) / float64(per) // one over the number of values averaged
	index := make([]int, len(src.shape))
	for i := 0; i < len(dst)/d; i++ {
		clear(sums)
		clear(index)
		at := 0
		for _, v := range src.data[i*per : (i+1)*per] {
			sums[at] += float64(v)
			at = advance(index, src.shape, step, at)
		}
		for j, s := range sums {
			dst[i*d+j] = float32(s * scale)
		}
	}
}

// trailing tells whether the pooled axes are the last ones, as height and width are in N×C×H×W.
func trailing(pooled []bool) bool {
	for a := 1; a < len(pooled); a++ {
		if pooled[a-1] && !pooled[a] {
			return false
		}
	}
	return true
}

// meanRows averages rows of n values each. Four rows at a time, since each sum has to wait for the one before.
func meanRows(dst, src []float32, n int) {
	scale := 1 / float64(n)
	for ; len(dst) >= 4; dst, src = dst[4:], src[4*n:] {
		a, b, c, d := src[:n], src[n:2*n], src[2*n:3*n], src[3*n:4*n]
		var s, t, u, v float64
		for i := range a {
			s += float64(a[i])
			t += float64(b[i])
			u += float64(c[i])
			v += float64(d[i])
		}
		dst[0], dst[1], dst[2], dst[3] = float32(s*scale), float32(t*scale), float32(u*scale), float32(v*scale)
	}
	for i := range dst {
		var s float64
		for _, v := range src[i*n : (i+1)*n] {
			s += float64(v)
		}
		dst[i] = float32(s * scale)
	}
}

// advance moves index to the next element of an image and returns where its value goes.
func advance(index, shape, step []int, at int) int {
	for a := len(shape) - 1; a >= 1; a-- {
		index[a]++
		at += step[a]
		if index[a] < shape[a] {
			return at
		}
		at -= step[a] * shape[a]
		index[a] = 0
	}
	return at
}
