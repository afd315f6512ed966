package pickle

import (
	"errors"
	"fmt"
)

// machine is the state of reading: a stack, and values noted for later use.
type machine struct {
	in      *input
	stack   []any
	memo    map[int64]any
	objects int
	encoded int64 // bytes that _codecs.encode has made
}

// mark on the stack is where a list of items begins.
type mark struct{}

var errUnderflow = errors.New("an instruction finds too few values: not a pickle, or damaged")

// count bounds what a pickle can make the reader keep.
func (m *machine) count() error {
	if m.objects++; m.objects > maxObjects {
		return fmt.Errorf("more than %d values", maxObjects)
	}
	return nil
}

func (m *machine) push(v any) error {
	m.stack = append(m.stack, v)
	return m.count()
}

// pop takes one value off the stack.
func (m *machine) pop() (any, error) {
	n := len(m.stack)
	if n == 0 {
		return nil, errUnderflow
	}
	v := m.stack[n-1]
	if _, ok := v.(mark); ok {
		return nil, errUnderflow
	}
	m.stack = m.stack[:n-1]
	return v, nil
}

// popN takes n values off the stack.
func (m *machine) popN(n int) ([]any, error) {
	at := len(m.stack) - n
	if at < 0 {
		return nil, errUnderflow
	}
	for _, v := range m.stack[at:] {
		if _, ok := v.(mark); ok {
			return nil, errUnderflow
		}
	}
	items := append([]any(nil), m.stack[at:]...)
	m.stack = m.stack[:at]
	return items, nil
}

// popMark takes all values down to the last mark, and that, off the stack.
func (m *machine) popMark() ([]any, error) {
	for n := range len(m.stack) {
		if _, ok := m.stack[len(m.stack)-1-n].(mark); ok {
			items, err := m.popN(n)
			m.stack = m.stack[:len(m.stack)-1]
			return items, err
		}
	}
	return nil, errUnderflow
}

// peek is the last value on the stack.
func (m *machine) peek() (any, error) {
	if len(m.stack) == 0 {
		return nil, errUnderflow
	}
	return m.stack[len(m.stack)-1], nil
}

// top is the last value on the stack, which has to be a T.
func top[T any](m *machine) (v T, err error) {
	last, err := m.peek()
	if err != nil {
		return v, err
	}
	v, ok := last.(T)
	if !ok {
		return v, fmt.Errorf("found %s where %s is expected", describe(last), describe(v))
	}
	return v, nil
}

// appendItems adds items to the list on top of the stack.
func (m *machine) appendItems(items []any) error {
	l, err := top[*List](m)
	if err != nil {
		return err
	}
	l.Items = append(l.Items, items...)
	return nil
}

// setItems adds keys and values in turn to the dict on top of the stack.
func (m *machine) setItems(items []any) error {
	d, err := top[*Dict](m)
	if err != nil {
		return err
	}
	return d.set(items)
}

func (d *Dict) set(items []any) error {
	if len(items)%2 != 0 {
		return errors.New("a dict has a key without a value")
	}
	for i := 0; i < len(items); i += 2 {
		d.Keys, d.Values = append(d.Keys, items[i]), append(d.Values, items[i+1])
	}
	return nil
}

// put notes the value on top of the stack.
func (m *machine) put(i int64) error {
	v, err := m.peek()
	if err != nil {
		return err
	}
	m.memo[i] = v
	return m.count()
}

// get pushes a value noted before.
func (m *machine) get(i int64) error {
	v, ok := m.memo[i]
	if !ok {
		return fmt.Errorf("value %d is used before it is there", i)
	}
	return m.push(v)
}

// describe names the kind of a value, for messages.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a boolean"
	case int64, float64:
		return "a number"
	case string, Bytes:
		return "a string"
	case Tuple:
		return "a tuple"
	case *List:
		return "a list"
	case *Dict:
		return "a dict"
	case *Array:
		return "an array"
	case *dtype:
		return "a dtype"
	case function:
		return string(v)
	}
	return "a mark"
}
