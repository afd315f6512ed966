package pickle

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// function is one of the few functions and classes that a pickle may name.
type function string

// functions by Python's name for them; NumPy 2 moved its own.
var functions = map[string]function{
	"numpy.core.multiarray _reconstruct":  newArray,
	"numpy._core.multiarray _reconstruct": newArray,
	"numpy.core.numeric _frombuffer":      fromBuffer,
	"numpy._core.numeric _frombuffer":     fromBuffer,
	"numpy ndarray":                       arrayType,
	"numpy dtype":                         newDtype,
	"_codecs encode":                      encode,
	"__builtin__ bytes":                   newBytes,
	"builtins bytes":                      newBytes,
}

const (
	newArray   function = "numpy.core.multiarray._reconstruct"
	fromBuffer function = "numpy.core.numeric._frombuffer"
	arrayType  function = "numpy.ndarray"
	newDtype   function = "numpy.dtype"
	encode     function = "_codecs.encode"
	newBytes   function = "bytes"
)

// dtype is the type of an array's values.
type dtype struct {
	kind byte
	size int
	big  bool
}

// call follows the instructions that name functions and use them.
func (m *machine) call(op byte) error {
	switch op {
	case opGlobal, opStackGlobal:
		return m.name(op)
	case opReduce:
		args, err := m.popN(2)
		if err != nil {
			return err
		}
		v, err := m.reduce(args[0], args[1])
		if err != nil {
			return err
		}
		return m.push(v)
	}
	state, err := m.pop()
	if err != nil {
		return err
	}
	v, err := m.peek()
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case *Array:
		return v.build(state)
	case *dtype:
		return v.build(state)
	}
	return fmt.Errorf("the pickle sets the state of %s: refused", describe(v))
}

// name pushes the function that a pickle names.
func (m *machine) name(op byte) error {
	var module, name string
	if op == opGlobal {
		a, err := m.in.line()
		if err != nil {
			return err
		}
		b, err := m.in.line()
		if err != nil {
			return err
		}
		module, name = string(a[:min(len(a), 256)]), string(b[:min(len(b), 256)])
	} else {
		both, err := m.popN(2)
		if err != nil {
			return err
		}
		var ok1, ok2 bool
		module, ok1 = both[0].(string)
		name, ok2 = both[1].(string)
		if !ok1 || !ok2 || len(module) > 256 || len(name) > 256 {
			return errors.New("the pickle names a function by something else than two short strings")
		}
	}
	f, ok := functions[module+" "+name]
	if !ok {
		return fmt.Errorf("the pickle wants to use %q: refused, only NumPy arrays and plain values are read", module+"."+name)
	}
	return m.push(f)
}

// reduce is what a function makes of its arguments.
func (m *machine) reduce(f, args any) (any, error) {
	a, ok := args.(Tuple)
	if !ok {
		return nil, fmt.Errorf("%s is called with %s", describe(f), describe(args))
	}
	switch f {
	case newArray: // (numpy.ndarray, (0,), b'b'); what it becomes is in its state
		if len(a) == 3 && a[0] == arrayType {
			return &Array{}, nil
		}
	case fromBuffer:
		return arrayFrom(a)
	case newDtype: // ('u1', False, True)
		if len(a) >= 1 {
			return dtypeOf(a[0])
		}
	case encode:
		return m.latin1(a)
	case newBytes:
		if len(a) == 0 {
			return Bytes{}, nil
		}
	}
	return nil, fmt.Errorf("the pickle calls %s in an unknown way: refused", describe(f))
}

// latin1 is codecs.encode(text, 'latin1'): how protocols 0 to 2 keep bytes. All
// such bytes together are at most as many as the pickle has: nothing lets one
// text be encoded over and over.
func (m *machine) latin1(a Tuple) (Bytes, error) {
	if len(a) != 2 {
		return nil, errors.New("_codecs.encode takes a text and an encoding")
	}
	text, ok := a[0].(string)
	codec, _ := Text(a[1])
	if !ok || codec != "latin1" && codec != "latin-1" {
		return nil, fmt.Errorf("_codecs.encode of %s to %q: only text to latin1 is read", describe(a[0]), codec)
	}
	n := utf8.RuneCountInString(text)
	if m.encoded += int64(n); m.encoded > m.in.at {
		return nil, errors.New("the pickle encodes the same text again and again: refused")
	}
	out := make(Bytes, 0, n)
	for _, r := range text {
		if r > 0xff {
			return nil, fmt.Errorf("%q is not in latin1", r)
		}
		out = append(out, byte(r))
	}
	return out, nil
}

// dtypeOf reads a type's name: a letter and the bytes of a value.
func dtypeOf(v any) (*dtype, error) {
	name, _ := Text(v)
	d := &dtype{}
	if len(name) > 1 && strings.IndexByte("<>|=", name[0]) >= 0 {
		d.big, name = name[0] == '>', name[1:]
	}
	switch name {
	case "b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8":
		d.kind, d.size = name[0], int(name[1]-'0')
		return d, nil
	}
	return nil, fmt.Errorf("an array of type %q: expected numbers", name[:min(len(name), 64)])
}

// build takes a dtype's state, of which the byte order matters:
// (3, '<', None, None, None, -1, -1, 0).
func (d *dtype) build(state any) error {
	t, ok := state.(Tuple)
	if !ok || len(t) < 5 || t[2] != nil || t[3] != nil || t[4] != nil {
		return errors.New("a dtype that is no plain number")
	}
	order, _ := Text(t[1])
	d.big = order == ">"
	return nil
}

// build takes an array's state: (1, shape, dtype, is_fortran, data).
func (a *Array) build(state any) error {
	t, ok := state.(Tuple)
	if !ok || len(t) != 5 {
		return errors.New("an array's state is not the five values that NumPy writes")
	}
	fortran, ok := t[3].(bool)
	if n, isInt := t[3].(int64); isInt {
		fortran, ok = n != 0, true
	}
	if !ok {
		return fmt.Errorf("an array's order is %s", describe(t[3]))
	}
	return a.fill(t[4], t[2], t[1], fortran)
}

// arrayFrom is NumPy's _frombuffer(data, dtype, shape, order), of protocol 5.
func arrayFrom(t Tuple) (*Array, error) {
	if len(t) != 4 {
		return nil, errors.New("_frombuffer takes four values")
	}
	order, _ := Text(t[3])
	a := &Array{}
	return a, a.fill(t[0], t[1], t[2], order == "F")
}

// fill sets an array's contents.
func (a *Array) fill(data, typ, shape any, fortran bool) error {
	d, ok := typ.(*dtype)
	if !ok {
		return fmt.Errorf("an array's type is %s", describe(typ))
	}
	raw, ok := data.(Bytes)
	if !ok {
		return fmt.Errorf("an array's data are %s", describe(data))
	}
	axes, ok := shape.(Tuple)
	if !ok || len(axes) > 32 {
		return errors.New("an array's shape is not a short tuple")
	}
	sizes, n := make([]int, 0, len(axes)), int64(1)
	for _, x := range axes {
		size, ok := x.(int64)
		if !ok || size < 0 || size > 0 && n > int64(len(raw))/size {
			return fmt.Errorf("an array claims a shape beyond its %d bytes", len(raw))
		}
		sizes, n = append(sizes, int(size)), n*size
	}
	if n*int64(d.size) != int64(len(raw)) {
		return fmt.Errorf("an array of shape %v and %d bytes a value has %d bytes", sizes, d.size, len(raw))
	}
	*a = Array{Kind: d.kind, Size: d.size, Big: d.big, Shape: sizes, Fortran: fortran, Data: raw, built: true}
	return nil
}
