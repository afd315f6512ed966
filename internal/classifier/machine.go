package classifier

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// machine evaluates a gorgonia graph forward, in the goroutine of the caller. gorgonia's own tape machine
// runs in a goroutine where a panic cannot be caught, lets operations write over their arguments and
// allocates every result anew on each run; this one gives each result memory of its own for as long as it is
// needed and uses the same memory on every run.
type machine struct {
	steps []step
}

var _ gorgonia.VM = (*machine)(nil)

// step is one node of the graph, after those it reads.
type step struct {
	node   *gorgonia.Node
	op     gorgonia.Op      // nil for inputs and constants
	args   []int            // steps whose values it reads
	memory gorgonia.Value   // where its result goes; nil when the operation allocates for itself
	value  gorgonia.Value   // result of the last run
	inputs []gorgonia.Value // scratch for args' values
}

// newMachine plans the evaluation of g.
func newMachine(g *gorgonia.ExprGraph) (*machine, error) {
	m := new(machine)
	if err := m.order(g); err != nil {
		return nil, err
	}
	m.plan()
	return m, nil
}

// order lists the nodes, arguments first.
func (m *machine) order(g *gorgonia.ExprGraph) error {
	sorted, err := gorgonia.Sort(g) // what reads before what is read
	if err != nil {
		return fmt.Errorf("sort the graph: %w", err)
	}
	slices.Reverse(sorted)
	at := make(map[int64]int, len(sorted))
	for i, n := range sorted {
		s := step{node: n, op: n.Op()}
		if s.op != nil {
			for children := g.From(n.ID()); children.Next(); {
				j, ok := at[children.Node().ID()]
				if !ok {
					return errors.New("sort the graph: an argument comes after its use")
				}
				s.args = append(s.args, j)
			}
			s.inputs = make([]gorgonia.Value, len(s.args))
		}
		at[n.ID()] = i
		m.steps = append(m.steps, s)
	}
	return nil
}

// plan gives the operations that can write into given memory theirs: a buffer that no value still to be read
// lies in. Results of the other operations, a reshape for one, may share their argument's memory, which is
// therefore needed for as long as they are.
func (m *machine) plan() {
	last := m.lastUses()
	var free [][]float32
	busy := make([][]float32, len(m.steps)) // the buffer in use by each step
	for i := range m.steps {
		s := &m.steps[i]
		if _, ok := s.op.(gorgonia.UsePreallocDoer); ok && s.node.Dtype() == tensor.Float32 && s.node.Shape().TotalSize() > 0 {
			shape := s.node.Shape()
			busy[i], free = takeBuffer(free, shape.TotalSize())
			s.memory = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(busy[i][:shape.TotalSize()]),
				tensor.WithEngine(gorgonia.StandardEngine{}))
		}
		for j := range i + 1 {
			if last[j] == i && busy[j] != nil {
				free = append(free, busy[j])
				busy[j] = nil
			}
		}
	}
}

// lastUses finds for every step the last step that reads its memory; results of the graph are read for ever.
func (m *machine) lastUses() []int {
	last := make([]int, len(m.steps))
	for i := len(m.steps) - 1; i >= 0; i-- {
		s := &m.steps[i]
		if last[i] == 0 {
			last[i] = len(m.steps)
		}
		_, own := s.op.(gorgonia.UsePreallocDoer)
		for _, j := range s.args {
			last[j] = max(last[j], i)
			if !own {
				last[j] = max(last[j], last[i])
			}
		}
	}
	return last
}

// takeBuffer takes the smallest free buffer of at least n values, or a new one.
func takeBuffer(free [][]float32, n int) (buffer []float32, rest [][]float32) {
	best := -1
	for i, b := range free {
		if len(b) >= n && (best < 0 || len(b) < len(free[best])) {
			best = i
		}
	}
	if best < 0 {
		return make([]float32, n), free
	}
	buffer = free[best]
	return buffer, slices.Delete(free, best, best+1)
}

// RunAll evaluates every node and binds the results to the nodes. A panic of an operation is an error.
func (m *machine) RunAll() (err error) {
	var at *step
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gorgonia panics in %v: %v", at.op, r)
		}
	}()
	for i := range m.steps {
		at = &m.steps[i]
		if err := m.run(at); err != nil {
			return fmt.Errorf("gorgonia: %v: %w", at.op, err)
		}
	}
	return nil
}

func (m *machine) run(s *step) (err error) {
	if s.op == nil {
		if s.value = s.node.Value(); s.value == nil {
			return errors.New("an input has no value")
		}
		return nil
	}
	for k, j := range s.args {
		s.inputs[k] = m.steps[j].value
	}
	if s.memory != nil {
		s.value, err = s.op.(gorgonia.UsePreallocDoer).UsePreallocDo(s.memory, s.inputs...)
	} else {
		s.value, err = s.op.Do(s.inputs...)
	}
	if err != nil {
		return err
	}
	return gorgonia.UnsafeLet(s.node, s.value)
}

// Reset does nothing: every run starts from the inputs.
func (m *machine) Reset() {}

// Close does nothing: all memory is Go's.
func (m *machine) Close() error { return nil }
