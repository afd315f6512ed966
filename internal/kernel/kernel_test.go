package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// pass is one call of a kernel: how to run it, and what it should leave behind, from the formula in float64.
type pass struct {
	run func()
	// want calls check with every result, what it should be, and the size of the terms that it is made of, which
	// float32 rounding goes by.
	want func(check func(what string, got, want, size float64))
}

// passes draw the operands of each kernel for n rows of w columns.
var passes = map[string]func(r *rig, n, w int) pass{
	"BiasReLU":        biasReLUPass,
	"ReLUBackward":    reluBackwardPass,
	"ActNorm":         actNormPass,
	"ActNormBackward": actNormBackwardPass,
	"Affine":          affinePass,
	"AffineBackward":  affineBackwardPass,
	"Adam":            adamPass,
	"Scale":           scalePass,
	"SumSquares":      sumSquaresPass,
	"Softmax":         softmaxPass,
}

func biasReLUPass(r *rig, n, w int) pass {
	x, bias := r.matrix(n, w), r.vector(w)
	return pass{
		run: func() { BiasReLU(x.values, bias.slice()) },
		want: func(check func(string, float64, float64, float64)) {
			each(n, w, func(i, j int) {
				v := x.old(i, j) + bias.old(0, j)
				check("x", x.now(i, j), max(v, 0), math.Abs(v))
			})
		},
	}
}

func reluBackwardPass(r *rig, n, w int) pass {
	grad, act, sum := r.matrix(n, w), r.matrix(n, w), r.vector(w)
	return pass{
		run: func() { ReLUBackward(grad.values, act.values, sum.slice()) },
		want: func(check func(string, float64, float64, float64)) {
			total := columnSums(sum)
			each(n, w, func(i, j int) {
				v := grad.old(i, j)
				if act.old(i, j) <= 0 {
					v = 0
				}
				check("grad", grad.now(i, j), v, 0)
				total.add(j, v)
			})
			total.check("sum", check)
		},
	}
}

func actNormPass(r *rig, n, w int) pass {
	dst, x, scale, shift := r.matrix(n, w), r.matrix(n, w), r.vector(w), r.vector(w)
	return pass{
		run: func() { ActNorm(dst.values, x.values, scale.slice(), shift.slice()) },
		want: func(check func(string, float64, float64, float64)) {
			each(n, w, func(i, j int) {
				v := x.old(i, j) * scale.old(0, j)
				check("dst", dst.now(i, j), v+shift.old(0, j), math.Abs(v))
			})
		},
	}
}

func actNormBackwardPass(r *rig, n, w int) pass {
	grad, y := r.matrix(n, w), r.matrix(n, w)
	scale, shift, sumScale, sumShift := r.vector(w), r.vector(w), r.vector(w), r.vector(w)
	return pass{
		run: func() {
			ActNormBackward(grad.values, y.values, scale.slice(), shift.slice(), sumScale.slice(), sumShift.slice())
		},
		want: func(check func(string, float64, float64, float64)) {
			totalScale, totalShift := columnSums(sumScale), columnSums(sumShift)
			each(n, w, func(i, j int) {
				v := grad.old(i, j)
				totalScale.add(j, v*(y.old(i, j)-shift.old(0, j)))
				totalScale.size[j] += math.Abs(v * shift.old(0, j))
				totalShift.add(j, v)
				check("grad", grad.now(i, j), v*scale.old(0, j), 0)
			})
			totalScale.check("sumScale", check)
			totalShift.check("sumShift", check)
		},
	}
}

const testClamp = 2

func affinePass(r *rig, n, w int) pass {
	z, y, ut := r.matrix(n, w), r.matrix(n, w), r.matrix(n, 2*w)
	bias, scale, shift := r.vector(2*w), r.vector(w), r.vector(w)
	ladj := make([]float64, n)
	return pass{
		run: func() {
			for i := range ladj {
				ladj[i] = 3
			}
			Affine(z.values, y.values, ut.values, bias.slice(), testClamp, scale.slice(), shift.slice(), ladj)
		},
		want: func(check func(string, float64, float64, float64)) {
			for i := range n {
				sum, size := 3.0, 3.0
				for j := range w {
					a, b := ut.old(i, j)+bias.old(0, j), ut.old(i, w+j)+bias.old(0, w+j)
					s := a / (1 + math.Abs(a)/testClamp)
					sum, size = sum+s, size+math.Abs(s)
					check("s", ut.now(i, j), s, math.Abs(bias.old(0, j)))
					check("exp(s)", ut.now(i, w+j), math.Exp(s), 1)
					v := y.old(i, j) * math.Exp(s)
					large := math.Abs(v) + math.Abs(ut.old(i, w+j)) + math.Abs(bias.old(0, w+j))
					check("z", z.now(i, j), (v+b)*scale.old(0, j)+shift.old(0, j), large*(1+math.Abs(scale.old(0, j))))
				}
				check("ladj", ladj[i], sum, size)
			}
		},
	}
}

func affineBackwardPass(r *rig, n, w int) pass {
	grad, y, st, sum := r.matrix(n, w), r.matrix(n, w), r.matrix(n, 2*w), r.vector(2*w)
	const ladj = -0.25
	return pass{
		run: func() { AffineBackward(grad.values, y.values, st.values, testClamp, ladj, sum.slice()) },
		want: func(check func(string, float64, float64, float64)) {
			total := columnSums(sum)
			each(n, w, func(i, j int) {
				v, s, e := grad.old(i, j), st.old(i, j), st.old(i, w+j)
				slope := (1 - math.Abs(s)/testClamp) * (1 - math.Abs(s)/testClamp)
				ga := (v*y.old(i, j)*e + ladj) * slope
				size := (math.Abs(v*y.old(i, j)*e) + 1) * (1 + s*s)
				check("∂a", st.now(i, j), ga, size)
				check("∂b", st.now(i, w+j), v, 0)
				check("∂y", grad.now(i, j), v*e, 0)
				total.add(j, ga)
				total.size[j] += size
				total.add(w+j, v)
			})
			total.check("sum", check)
		},
	}
}

func adamPass(r *rig, _, w int) pass {
	p, g, m, v := r.vector(w), r.vector(w), r.vector(w), r.vector(w)
	for i := range v.buf { // second moments are no less than zero
		v.buf[i] = abs(v.buf[i])
		v.was[i] = v.buf[i]
	}
	step := AdamStep{Scale: 0.5, Beta1: 0.75, Beta2: 0.875, Rate: 0.125, Norm: 1.5, Epsilon: 1e-8}
	return pass{
		run: func() { Adam(p.slice(), g.slice(), m.slice(), v.slice(), step) },
		want: func(check func(string, float64, float64, float64)) {
			each(1, w, func(_, j int) {
				x := 0.5 * g.old(0, j)
				first := 0.75*m.old(0, j) + 0.25*x
				second := 0.875*v.old(0, j) + 0.125*x*x
				size := math.Abs(m.old(0, j)) + math.Abs(x)
				check("m", m.now(0, j), first, size)
				check("v", v.now(0, j), second, 0)
				den := math.Sqrt(second)*1.5 + 1e-8
				check("p", p.now(0, j), p.old(0, j)-0.125*first/den, math.Abs(p.old(0, j))+size/den)
			})
		},
	}
}

func scalePass(r *rig, _, w int) pass {
	dst, x := r.vector(w), r.vector(w)
	return pass{
		run: func() { Scale(dst.slice(), x.slice(), -1.25) },
		want: func(check func(string, float64, float64, float64)) {
			each(1, w, func(_, j int) { check("dst", dst.now(0, j), -1.25*x.old(0, j), 0) })
		},
	}
}

func sumSquaresPass(r *rig, _, w int) pass {
	x := r.vector(w)
	var got float64
	return pass{
		run: func() { got = SumSquares(x.slice()) },
		want: func(check func(string, float64, float64, float64)) {
			var sum float64
			each(1, w, func(_, j int) { sum += x.old(0, j) * x.old(0, j) })
			check("sum", got*1e8, sum*1e8, 0) // float64: the same but for the order
			check("sum", got, sum, 0)
		},
	}
}

func softmaxPass(r *rig, _, w int) pass {
	v, offset := r.vector(w), make([]float64, w)
	for c := range offset {
		offset[c] = 30 * r.rng.NormFloat64()
	}
	var lse float64
	return pass{
		run: func() {
			if w > 0 {
				lse = Softmax(v.slice(), offset)
			}
		},
		want: func(check func(string, float64, float64, float64)) {
			top, sum := math.Inf(-1), 0.0
			for c, o := range offset {
				top = max(top, v.old(0, c)+o)
			}
			for c, o := range offset {
				sum += math.Exp(v.old(0, c) + o - top)
			}
			for c, o := range offset {
				l := v.old(0, c) + o - top
				check(fmt.Sprintf("softmax at %v", l), v.now(0, c), math.Exp(l)/sum, (1+math.Abs(l))*math.Exp(l)/sum+1e-31)
			}
			if w > 0 {
				check("lse", lse, top+math.Log(sum), 1)
			}
		},
	}
}

// each calls f for all rows and columns.
func each(n, w int, f func(i, j int)) {
	for i := range n {
		for j := range w {
			f(i, j)
		}
	}
}

// sums are what column sums should be.
type sums struct {
	got        *guarded
	want, size []float64
}

func columnSums(got *guarded) *sums {
	s := &sums{got: got}
	for j := range got.values.Cols {
		s.want = append(s.want, got.old(0, j))
		s.size = append(s.size, math.Abs(got.old(0, j)))
	}
	return s
}

func (s *sums) add(j int, v float64) {
	s.want[j] += v
	s.size[j] += math.Abs(v)
}

func (s *sums) check(what string, check func(string, float64, float64, float64)) {
	for j, want := range s.want {
		check(what, s.got.now(0, j), want, s.size[j])
	}
}

// eachPass runs check on every kernel at many shapes: all widths around the vector's, few and many rows.
func eachPass(t *testing.T, value func(*rand.Rand) float32, check func(t *testing.T, r *rig, p pass)) {
	defer forms()["scalar"]()
	for name, build := range passes {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, uint64(len(name))))
			for w := range 71 {
				for _, n := range []int{0, 1, 2, 1 + rng.IntN(9)} {
					r := &rig{rng: rng, value: value}
					check(t, r, build(r, n, w))
				}
			}
		})
	}
}

// TestFormulas holds both forms against the formulas in float64.
func TestFormulas(t *testing.T) {
	for form, use := range forms() {
		t.Run(form, func(t *testing.T) {
			for _, value := range []func(*rand.Rand) float32{normal, sane} {
				eachPass(t, value, func(t *testing.T, r *rig, p pass) {
					use()
					r.results(t, p.run)
					p.want(func(what string, got, want, size float64) {
						if !alike(got, want, size+1e-37, 5e-7) {
							t.Errorf("%s: %v, want %v", what, got, want)
						}
					})
				})
			}
		})
	}
}

// TestFormsAgree holds the forms against each other, also where values are not finite, denormal or huge.
func TestFormsAgree(t *testing.T) {
	if len(forms()) < 2 {
		t.Skip("this machine runs one form only")
	}
	near := func(a, b float64) bool { return alike(a, b, 1, 3e-6) }
	for name, c := range map[string]struct {
		value func(*rand.Rand) float32
		agree func(a, b float64) bool
	}{"normal": {normal, near}, "special": {special, sameKind}} {
		t.Run(name, func(t *testing.T) {
			eachPass(t, c.value, func(t *testing.T, r *rig, p pass) {
				forms()["scalar"]()
				want := r.results(t, p.run)
				for _, g := range r.all {
					g.restore()
				}
				forms()["vector"]()
				for k, got := range r.results(t, p.run) {
					for i := range got {
						if !c.agree(float64(got[i]), float64(want[k][i])) {
							t.Fatalf("operand %d, %d×%d, at %d: %v, scalar %v", k, r.all[k].values.Rows, r.all[k].values.Cols,
								i-r.all[k].start, got[i], want[k][i])
						}
					}
				}
			})
		})
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for form, use := range forms() {
		t.Run(form, func(t *testing.T) {
			eachPass(t, normal, func(t *testing.T, r *rig, p pass) {
				use()
				if n := testing.AllocsPerRun(1, p.run); n != 0 {
					t.Errorf("%v allocations", n)
				}
			})
		})
	}
}

func TestShapesAreChecked(t *testing.T) {
	r := &rig{rng: rand.New(rand.NewPCG(1, 1)), value: normal}
	m, v := r.matrix(3, 4).values, r.vector(4).slice()
	short := m
	short.Data = short.Data[:len(short.Data)-1]
	for name, call := range map[string]func(){
		"bias too long":     func() { BiasReLU(m, make([]float32, 5)) },
		"matrix cut off":    func() { BiasReLU(short, v) },
		"other rows":        func() { ReLUBackward(r.matrix(2, 4).values, m, v) },
		"other columns":     func() { ActNorm(m, r.matrix(3, 5).values, v, v) },
		"one half of u, t":  func() { AffineBackward(m, m, m, 2, 0, make([]float32, 8)) },
		"clamp of zero":     func() { AffineBackward(m, m, r.matrix(3, 8).values, 0, 0, make([]float32, 8)) },
		"moments too short": func() { Adam(v, v, v, v[1:], AdamStep{}) },
		"offset too short":  func() { Softmax(v, make([]float64, 3)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}
