package flow

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// model collects the expression of a flow over batches of n rows. Everything in it is a matrix, or a single number: what all
// rows share is 1×k and becomes n×k by spread, a number for each row is n×1. The only errors that gorgonia has are shapes
// that do not fit. They would be mistakes in the formulas, and panic.
type model struct {
	g         *G.ExprGraph
	n         int
	rest      []float64 // memory of the parameters that are not in the expression yet
	params    G.Nodes   // those that are, in the order of Flow.params
	matrices  int
	constants map[string]term
}

func newModel(n int, params []float64) *model {
	return &model{g: G.NewGraph(), n: n, rest: params, constants: make(map[string]term)}
}

// param is the next of the parameters.
func (m *model) param(name string, r, c int) term {
	t := m.matrix(name, r, c, m.rest[:r*c:r*c])
	m.rest = m.rest[r*c:]
	m.params = append(m.params, t.Node)
	return t
}

// matrix reads its numbers from v, whenever the expression is evaluated. The number in its name sets it apart: gorgonia takes
// matrices of one name and shape for the same.
func (m *model) matrix(name string, r, c int, v []float64) term {
	value := tensor.New(tensor.WithShape(r, c), tensor.WithBacking(v))
	m.matrices++
	name = fmt.Sprintf("%d %s", m.matrices, name)
	return term{G.NewMatrix(m.g, tensor.Float64, G.WithShape(r, c), G.WithValue(value), G.WithName(name))}
}

// fixed is a matrix made of its elements. The same name and shape are the same matrix.
func (m *model) fixed(name string, r, c int, at func(i, j int) float64) term {
	key := fmt.Sprintf("%s %d×%d", name, r, c)
	if t, ok := m.constants[key]; ok {
		return t
	}
	v := make([]float64, 0, r*c)
	for i := range r {
		for j := range c {
			v = append(v, at(i, j))
		}
	}
	m.constants[key] = m.matrix(name, r, c, v)
	return m.constants[key]
}

func (m *model) ones(r, c int) term {
	return m.fixed("ones", r, c, func(int, int) float64 { return 1 })
}

// spread repeats a row n times.
func (m *model) spread(row term) term { return m.ones(m.n, 1).dot(row) }

// rowSums are the sums of each row, as a column.
func (m *model) rowSums(x term) term { return x.dot(m.ones(x.Shape()[1], 1)) }

// term is a part of the expression.
type term struct{ *G.Node }

func (a term) plus(b term) term  { return term{G.Must(G.Add(a.Node, b.Node))} }
func (a term) minus(b term) term { return term{G.Must(G.Sub(a.Node, b.Node))} }

// times and over go element by element, dot is the product of matrices.
func (a term) times(b term) term { return term{G.Must(G.HadamardProd(a.Node, b.Node))} }
func (a term) over(b term) term  { return term{G.Must(G.HadamardDiv(a.Node, b.Node))} }
func (a term) dot(b term) term   { return term{G.Must(G.Mul(a.Node, b.Node))} }

// scale and shift multiply every number by v, and add v to it.
func (a term) scale(v float64) term { return a.times(term{G.NewConstant(v)}) }
func (a term) shift(v float64) term { return a.plus(term{G.NewConstant(v)}) }

func (a term) exp() term  { return term{G.Must(G.Exp(a.Node))} }
func (a term) log() term  { return term{G.Must(G.Log(a.Node))} }
func (a term) abs() term  { return term{G.Must(G.Abs(a.Node))} }
func (a term) relu() term { return term{G.Must(G.Rectify(a.Node))} }

// sum and mean are those of all numbers.
func (a term) sum() term  { return term{G.Must(G.Sum(a.Node))} }
func (a term) mean() term { return term{G.Must(G.Mean(a.Node))} }

// rowMax is the largest number of each row, as a column.
func (a term) rowMax() term { return term{G.Must(G.Max(a.Node, 1))}.column(a.Shape()[0]) }

func (a term) transpose() term { return term{G.Must(G.Transpose(a.Node))} }

// columns are k columns, beginning at from.
func (a term) columns(from, k int) term {
	part := term{G.Must(G.Slice(a.Node, nil, G.S(from, from+k)))}
	if k == 1 { // gorgonia drops a dimension
		return part.column(a.Shape()[0])
	}
	return part
}

// column makes n numbers a matrix.
func (a term) column(n int) term { return term{G.Must(G.Reshape(a.Node, tensor.Shape{n, 1}))} }

// beside puts the columns of b after those of a.
func (a term) beside(b term) term { return term{G.Must(G.Concat(1, a.Node, b.Node))} }

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
