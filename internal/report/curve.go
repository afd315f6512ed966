package report

import (
	"math"

	"github.com/oodflow/oodflow/eval"
)

// point is a point of a curve in the unit square.
type point struct{ x, y float64 }

const (
	// grid is the number of cells a side of the unit square has: points in one cell are one. A plot is some 300 pixels
	// wide, so a cell is a tenth of one.
	grid = 3000
	// flat is how far from the curve, in units of its square, the drawn one may be: a quarter of a pixel.
	flat = 0.25 / 300
)

// curves returns the ROC curve and the precision-recall curve with OOD positive, thinned to what can be seen.
func curves(c *eval.Comparison) (roc, pr []point) {
	m, n := float64(c.NID()), float64(c.NOOD())
	for f := range c.Thresholds() {
		roc = appendCell(roc, point{float64(f.ID) / m, float64(f.OOD) / n})
		precision := 1.0
		if f != (eval.Flagged{}) {
			precision = float64(f.OOD) / float64(f.ID+f.OOD)
		}
		pr = appendCell(pr, point{float64(f.OOD) / n, precision})
	}
	return thin(roc, flat), thin(pr, flat)
}

// appendCell appends p, or moves the last point there when both are in one cell with the one before it.
func appendCell(curve []point, p point) []point {
	n := len(curve)
	if n >= 2 && cell(curve[n-1]) == cell(p) && cell(curve[n-2]) == cell(p) {
		curve[n-1] = p
		return curve
	}
	return append(curve, p)
}

func cell(p point) [2]int { return [2]int{int(grid * p.x), int(grid * p.y)} }

// thin leaves out points that lie within tolerance of the line through those that stay (Douglas and Peucker, 1973). The
// ends stay.
func thin(curve []point, tolerance float64) []point {
	if len(curve) < 3 {
		return curve
	}
	keep := make([]bool, len(curve))
	keep[0], keep[len(curve)-1] = true, true
	for todo := [][2]int{{0, len(curve) - 1}}; len(todo) > 0; {
		span := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		far, at := tolerance, -1
		for i := span[0] + 1; i < span[1]; i++ {
			if d := distance(curve[i], curve[span[0]], curve[span[1]]); d > far {
				far, at = d, i
			}
		}
		if at >= 0 {
			keep[at] = true
			todo = append(todo, [2]int{span[0], at}, [2]int{at, span[1]})
		}
	}
	var thinned []point
	for i, p := range curve {
		if keep[i] {
			thinned = append(thinned, p)
		}
	}
	return thinned
}

// distance is that of p from the line between a and b.
func distance(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	length := dx*dx + dy*dy
	t := 0.0
	if length > 0 {
		t = min(1, max(0, ((p.x-a.x)*dx+(p.y-a.y)*dy)/length))
	}
	return math.Hypot(p.x-a.x-t*dx, p.y-a.y-t*dy)
}
