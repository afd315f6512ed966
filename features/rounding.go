package features

import (
	"fmt"
	"math"

	"github.com/oodflow/oodflow/internal/safetensors"
)

// Rounding is by how much values differ from what they were before they were rounded to a narrower type. Values that are not
// finite stay what they are, and do not count.
type Rounding struct {
	What  string // "features" or "logits"
	DType string // "F16" or "BF16"

	// Relative is the largest |x − y| / |x| of a value x that became y, of those from Normal on: at most 2⁻¹¹ for F16 and
	// 2⁻⁸ for BF16.
	Relative float64
	// Normal is the smallest number of the type with all its digits: 2⁻¹⁴ for F16, 2⁻¹²⁶ for BF16. The largest |x − y| of
	// smaller values is Absolute, at most 2⁻²⁵ for F16.
	Normal, Absolute float64
	// Row is the largest ‖x − y‖ / ‖x‖ of an image's vector.
	Row float64
}

// meter measures what rounding does. put is nil where there is none.
type meter struct {
	Rounding
	one  string // what one value is called
	cols int
	put  func(dst []byte, src []float32)
	get  func(dst []float32, src []byte)
	raw  []byte
	back []float32
}

func newMeter(what, one string, t safetensors.DType, cols int) *meter {
	m := &meter{Rounding: Rounding{What: what, DType: string(t), Normal: 0x1p-14}, one: one, cols: cols}
	if t == safetensors.F32 {
		return m
	}
	if t == safetensors.BF16 {
		m.Normal = 0x1p-126
	}
	var width int
	m.put, width = safetensors.Encode(t)
	m.get, _ = safetensors.Decode(t)
	m.raw, m.back = make([]byte, width*cols), make([]float32, cols)
	return m
}

// add measures rows. A finite value that becomes Inf is an error, with the id of its row.
func (m *meter) add(rows []float32, id func(row int) string) error {
	if m.put == nil {
		return nil
	}
	for i := 0; i < len(rows)/m.cols; i++ {
		row := rows[i*m.cols : (i+1)*m.cols]
		m.put(m.raw, row)
		m.get(m.back, m.raw)
		if j := m.addRow(row); j >= 0 {
			return fmt.Errorf("image %q has %v in %s column %d, which is beyond the range of %s; use a type with a larger one",
				id(i), row[j], m.one, j, m.DType)
		}
	}
	return nil
}

// addRow compares a row with what it became, and returns the column of a value that is beyond the range, or -1.
func (m *meter) addRow(row []float32) int {
	var off, length float64
	for j, v := range row {
		if v-v != 0 { // NaN or Inf
			continue
		}
		x, y := float64(v), float64(m.back[j])
		if math.IsInf(y, 0) {
			return j
		}
		d := math.Abs(x - y)
		off, length = off+d*d, length+x*x
		switch size := math.Abs(x); {
		case size < m.Normal:
			m.Absolute = max(m.Absolute, d)
		case d > m.Relative*size: // few are, and a division takes its time
			m.Relative = max(m.Relative, d/size)
		}
	}
	if length > 0 {
		m.Row = max(m.Row, math.Sqrt(off/length))
	}
	return -1
}
