package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The instructions that are read.
const (
	opMark, opStop, opPop, opPopMark, opDup              = '(', '.', '0', '1', '2'
	opProto, opFrame                                     = 0x80, 0x95
	opNone, opTrue, opFalse                              = 'N', 0x88, 0x89
	opInt, opBinInt, opBinInt1, opBinInt2                = 'I', 'J', 'K', 'M'
	opLong, opLong1, opLong4                             = 'L', 0x8a, 0x8b
	opFloat, opBinFloat                                  = 'F', 'G'
	opString, opBinString, opShortBinString              = 'S', 'T', 'U'
	opBinBytes, opShortBinBytes, opBinBytes8, opByteArr8 = 'B', 'C', 0x8e, 0x96
	opUnicode, opBinUnicode                              = 'V', 'X'
	opShortBinUnicode, opBinUnicode8                     = 0x8c, 0x8d
	opEmptyList, opAppend, opAppends, opList             = ']', 'a', 'e', 'l'
	opEmptyTuple, opTuple, opTuple1, opTuple2, opTuple3  = ')', 't', 0x85, 0x86, 0x87
	opEmptyDict, opDict, opSetItem, opSetItems           = '}', 'd', 's', 'u'
	opPut, opBinPut, opLongBinPut, opMemoize             = 'p', 'q', 'r', 0x94
	opGet, opBinGet, opLongBinGet                        = 'g', 'h', 'j'
	opGlobal, opStackGlobal, opReduce, opBuild           = 'c', 0x93, 'R', 'b'
)

// refused names the instructions that are known and not followed: they make
// objects of arbitrary classes, or refer to something outside of the file.
var refused = map[byte]string{
	'i': "INST", 'o': "OBJ", 0x81: "NEWOBJ", 0x92: "NEWOBJ_EX", 'P': "PERSID", 'Q': "BINPERSID",
	0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
	0x8f: "EMPTY_SET", 0x90: "ADDITEMS", 0x91: "FROZENSET",
}

// step follows one instruction.
func (m *machine) step(op byte) error {
	switch op {
	case opProto:
		version, err := m.in.byte()
		if err == nil && version > 5 {
			err = fmt.Errorf("protocol %d: expected 0 to 5", version)
		}
		return err
	case opFrame:
		_, err := m.in.number(8)
		return err
	case opMark:
		return m.push(mark{})
	case opPop:
		if n := len(m.stack); n > 0 { // a mark, too
			m.stack = m.stack[:n-1]
			return nil
		}
		return errUnderflow
	case opPopMark:
		_, err := m.popMark()
		return err
	case opDup:
		v, err := m.peek()
		if err != nil {
			return err
		}
		return m.push(v)
	case opGlobal, opStackGlobal, opReduce, opBuild:
		return m.call(op)
	}
	if v, ok, err := m.scalar(op); ok || err != nil {
		if err != nil {
			return err
		}
		return m.push(v)
	}
	if ok, err := m.container(op); ok || err != nil {
		return err
	}
	if ok, err := m.remember(op); ok || err != nil {
		return err
	}
	if name := refused[op]; name != "" {
		return fmt.Errorf("instruction %s is refused: only NumPy arrays and plain values are read", name)
	}
	return fmt.Errorf("instruction %#x is not known: not a pickle, or damaged", op)
}

// scalar reads the value that an instruction holds in itself.
func (m *machine) scalar(op byte) (v any, ok bool, err error) {
	switch op {
	case opNone:
		return nil, true, nil
	case opTrue, opFalse:
		return op == opTrue, true, nil
	case opBinInt:
		n, err := m.in.number(4)
		return int64(int32(n)), true, err
	case opBinInt1, opBinInt2:
		n, err := m.in.number(map[byte]int{opBinInt1: 1, opBinInt2: 2}[op])
		return int64(n), true, err
	case opLong1, opLong4:
		v, err := m.long(map[byte]int{opLong1: 1, opLong4: 4}[op])
		return v, true, err
	case opBinFloat:
		b, err := m.in.bytes(8)
		if err != nil {
			return nil, true, err
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), true, nil
	case opInt, opLong, opFloat, opString, opUnicode:
		v, err := m.text(op)
		return v, true, err
	}
	if n, ok := lengths[op]; ok {
		b, err := m.in.sized(n)
		if err != nil {
			return nil, true, err
		}
		switch op {
		case opBinUnicode, opShortBinUnicode, opBinUnicode8:
			v, err := unicode(b)
			return v, true, err
		}
		return Bytes(b), true, nil
	}
	return nil, false, nil
}

// lengths is, for instructions that hold a string, the bytes of its length.
var lengths = map[byte]int{
	opShortBinString: 1, opBinString: 4, opShortBinBytes: 1, opBinBytes: 4, opBinBytes8: 8, opByteArr8: 8,
	opShortBinUnicode: 1, opBinUnicode: 4, opBinUnicode8: 8,
}

// long reads a whole number in two's complement, its length first.
func (m *machine) long(n int) (int64, error) {
	size, err := m.in.number(n)
	if err != nil {
		return 0, err
	}
	if size > 8 {
		return 0, fmt.Errorf("a whole number of %d bytes: expected at most 8", size)
	}
	v, err := m.in.number(int(size))
	if size == 0 {
		return 0, err
	}
	shift := 64 - 8*size
	return int64(v<<shift) >> shift, err
}

// container follows the instructions that build lists, tuples and dicts.
func (m *machine) container(op byte) (ok bool, err error) {
	var items []any
	switch op {
	case opEmptyList:
		return true, m.push(&List{})
	case opEmptyTuple:
		return true, m.push(Tuple{})
	case opEmptyDict:
		return true, m.push(&Dict{})
	case opTuple1, opTuple2, opTuple3:
		items, err = m.popN(int(op-opTuple1) + 1)
	case opAppend:
		items, err = m.popN(1)
	case opSetItem:
		items, err = m.popN(2)
	case opAppends, opSetItems, opList, opTuple, opDict:
		items, err = m.popMark()
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	switch op {
	case opAppend, opAppends:
		return true, m.appendItems(items)
	case opSetItem, opSetItems:
		return true, m.setItems(items)
	case opList:
		return true, m.push(&List{items})
	case opDict:
		d := &Dict{}
		if err := d.set(items); err != nil {
			return true, err
		}
		return true, m.push(d)
	}
	return true, m.push(Tuple(items))
}

// remember follows the instructions that note values and use them again.
func (m *machine) remember(op byte) (ok bool, err error) {
	var i uint64
	switch op {
	case opPut, opGet:
		n, err := m.integerLine()
		if err != nil {
			return true, err
		}
		i = uint64(n)
	case opBinPut, opBinGet:
		i, err = m.in.number(1)
	case opLongBinPut, opLongBinGet:
		i, err = m.in.number(4)
	case opMemoize:
		i = uint64(len(m.memo))
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	switch op {
	case opGet, opBinGet, opLongBinGet:
		return true, m.get(int64(i))
	}
	return true, m.put(int64(i))
}
