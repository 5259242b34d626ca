package codec

import (
	"errors"
	"fmt"
	"math"
)

// checkGob walks a gob stream of one value by the types that the stream itself
// defines, as the decoder will, and refuses a count that is larger than the
// bytes that are left. Every element takes a byte at least, so what the decoder
// allocates after this is in proportion to the stream.
//
// The format is described in the documentation of encoding/gob.
func checkGob(data []byte) error {
	g := gobWalk{types: map[int64]gobType{}}
	r := gobReader{data}
	for {
		body, err := r.block()
		if err != nil {
			return err
		}
		m := gobReader{body}
		id, err := m.int()
		if err != nil {
			return err
		}
		if id < 0 {
			err = g.define(-id, &m)
		} else {
			err = g.value(id, &m)
		}
		switch {
		case err != nil:
			return err
		case len(m.data) > 0, id >= 0 && len(r.data) > 0:
			return errors.New("gob: extra data")
		case id >= 0:
			return nil
		}
	}
}

// The ids of gob's own types that values are made of.
const (
	gobBool = iota + 1
	gobInt
	gobUint
	gobFloat
	gobBytes
	gobString
	gobComplex
	gobInterface
)

// gobFirstID is the lowest id of a type that a stream defines. A stream that
// redefines one of gob's own would be read in two ways, here and by gob.
const gobFirstID = 64

// gobNesting is how deep a value may be nested, as in encoding/json.
const gobNesting = 10000

// gobType is a type that a stream defines: the field of gob's wireType that was
// set, and the ids of the types of its elements or fields.
type gobType struct {
	kind int64
	key  int64
	elem int64
	list []int64
}

// The fields of gob's wireType.
const (
	gobArray = iota
	gobSlice
	gobStruct
	gobMap
	gobEncoder
	gobBinaryMarshaler
	gobTextMarshaler
)

type gobWalk struct {
	types map[int64]gobType
	depth int
}

// value walks a value as it stands in a message: alone, a value that is no
// struct has a zero before it.
func (g *gobWalk) value(id int64, r *gobReader) error {
	if t, ok := g.types[id]; !ok || t.kind != gobStruct {
		if zero, err := r.uint(); err != nil || zero != 0 {
			return errGob
		}
	}
	return g.walk(id, r)
}

func (g *gobWalk) walk(id int64, r *gobReader) error {
	switch id {
	case gobBool, gobInt, gobUint, gobFloat:
		return r.skip(1)
	case gobComplex:
		return r.skip(2)
	case gobBytes, gobString:
		_, err := r.block()
		return err
	case gobInterface:
		return errors.New("gob: values in interfaces are not supported")
	}
	t, ok := g.types[id]
	if !ok {
		return errGob
	}
	if g.depth++; g.depth > gobNesting {
		return errors.New("gob: nested too deep")
	}
	defer func() { g.depth-- }()
	switch t.kind {
	case gobArray, gobSlice:
		return g.repeat(r, t.elem)
	case gobMap:
		return g.repeat(r, t.key, t.elem)
	case gobStruct:
		return r.fields(func(field int64) error {
			if field >= int64(len(t.list)) {
				return errGob
			}
			return g.walk(t.list[field], r)
		})
	}
	_, err := r.block()
	return err
}

// repeat walks a count and as many runs of the given types.
func (g *gobWalk) repeat(r *gobReader, ids ...int64) error {
	n, err := r.uint()
	if err != nil {
		return err
	}
	if n > uint64(len(r.data)) {
		return fmt.Errorf("gob: %d elements in %d bytes", n, len(r.data))
	}
	for range n {
		for _, id := range ids {
			if err := g.walk(id, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// define reads gob's wireType: a struct of which one field is set.
func (g *gobWalk) define(id int64, r *gobReader) error {
	t := gobType{kind: -1}
	err := r.fields(func(kind int64) error {
		if t.kind >= 0 || kind > gobTextMarshaler {
			return errGob
		}
		t.kind = kind
		return t.define(r)
	})
	if _, again := g.types[id]; again || t.kind < 0 || id < gobFirstID {
		return errGob
	}
	g.types[id] = t
	return err
}

// define reads the struct in wireType that describes one kind of type. Its
// first field is gob's CommonType, a name and an id.
func (t *gobType) define(r *gobReader) error {
	return r.fields(func(field int64) (err error) {
		switch {
		case field == 0:
			return r.fields(func(field int64) error { return r.common(field) })
		case field == 1 && t.kind == gobStruct:
			return t.fields(r)
		case field == 1 && t.kind == gobMap:
			t.key, err = r.int()
		case field == 1 && t.kind <= gobSlice, field == 2 && t.kind == gobMap:
			t.elem, err = r.int()
		case field == 2 && t.kind == gobArray:
			return r.skip(1) // the length, which the value repeats
		default:
			return errGob
		}
		return err
	})
}

// fields reads gob's []fieldType, each a name and an id.
func (t *gobType) fields(r *gobReader) error {
	n, err := r.uint()
	if err != nil || n > uint64(len(r.data)) {
		return errGob
	}
	for range n {
		var id int64
		err := r.fields(func(field int64) (err error) {
			if field == 1 {
				id, err = r.int()
				return err
			}
			return r.common(field)
		})
		if err != nil {
			return err
		}
		t.list = append(t.list, id)
	}
	return nil
}

var errGob = errors.New("gob: not a gob stream, or cut short")

// gobReader reads the parts that gob streams are made of.
type gobReader struct{ data []byte }

// uint reads a byte below 128 as itself, or the number of bytes that follow,
// complemented.
func (r *gobReader) uint() (uint64, error) {
	if len(r.data) == 0 {
		return 0, errGob
	}
	first := r.data[0]
	r.data = r.data[1:]
	if first < 0x80 {
		return uint64(first), nil
	}
	n := -int(int8(first))
	if n > 8 || n > len(r.data) {
		return 0, errGob
	}
	var u uint64
	for _, b := range r.data[:n] {
		u = u<<8 | uint64(b)
	}
	r.data = r.data[n:]
	return u, nil
}

// int reads an unsigned number that has its sign in the lowest bit.
func (r *gobReader) int() (int64, error) {
	u, err := r.uint()
	if u&1 != 0 {
		return ^int64(u >> 1), err
	}
	return int64(u >> 1), err
}

// block reads a length and as many bytes.
func (r *gobReader) block() ([]byte, error) {
	n, err := r.uint()
	if err != nil || n > uint64(len(r.data)) {
		return nil, errGob
	}
	block := r.data[:n]
	r.data = r.data[n:]
	return block, nil
}

func (r *gobReader) skip(numbers int) error {
	for range numbers {
		if _, err := r.uint(); err != nil {
			return err
		}
	}
	return nil
}

// fields reads a struct: before each field how many further on it is, and a zero
// at the end.
func (r *gobReader) fields(read func(field int64) error) error {
	field := int64(-1)
	for {
		delta, err := r.uint()
		if err != nil || delta == 0 {
			return err
		}
		if delta > math.MaxInt32 {
			return errGob
		}
		field += int64(delta)
		if err := read(field); err != nil {
			return err
		}
	}
}

// common reads a field of a struct of a name and an id.
func (r *gobReader) common(field int64) (err error) {
	switch field {
	case 0:
		_, err = r.block()
	case 1:
		_, err = r.int()
	default:
		err = errGob
	}
	return err
}
