package codec

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"reflect"
)

type gobCodec struct{}

func (gobCodec) Name() string { return "gob" }

func (c gobCodec) Append(dst []byte, v any) (data []byte, err error) {
	defer recoverTo(&err)
	data = dst // where gob panics, as of a nil pointer
	plan := c.plan(reflect.TypeOf(v))
	if err := plan.look(v); err != nil {
		return dst, err
	}
	if plan.byPointer {
		v = addressable(v)
	}
	w := appender{dst}
	if err := gob.NewEncoder(&w).Encode(v); err != nil {
		return dst, err
	}
	// What Decode would refuse must not be stored.
	if err := checkGob(w.buf[len(dst):]); err != nil {
		return dst, err
	}
	return w.buf, nil
}

// Decode lets gob see only streams whose counts are borne out by their length:
// gob believes a map's count and allocates for it at once, so that ten bytes
// from a stranger could take all memory.
func (gobCodec) Decode(data []byte, v any) (err error) {
	if err := checkGob(data); err != nil {
		return err
	}
	defer recoverTo(&err)
	return gob.NewDecoder(bytes.NewReader(data)).Decode(v)
}

// check finds what gob leaves out, and compiles an encoder, which finds what it can't
// write. Types that encode themselves are left alone: they may not care for a zero
// value.
func (c gobCodec) check(t reflect.Type) (err error) {
	t = strip(t)
	if err := c.plan(t).err; err != nil {
		return err
	}
	if _, does := (gobRules{}).itself(t); does {
		return nil
	}
	defer recoverTo(&err)
	return gob.NewEncoder(io.Discard).EncodeValue(reflect.New(t).Elem())
}

func recoverTo(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v", r)
	}
}

func (gobCodec) plan(t reflect.Type) *plan { return gobPlans.of(t) }

// gobPlans say what gob makes of types.
var gobPlans = &planner{rules: gobRules{}}

type gobRules struct{}

var (
	byGob    = methods{reflect.TypeFor[gob.GobEncoder](), reflect.TypeFor[gob.GobDecoder](), "GobEncode", "GobDecode"}
	byBinary = methods{reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler](), "MarshalBinary", "UnmarshalBinary"}
)

func (gobRules) itself(t reflect.Type) (plan, bool) {
	for _, m := range []methods{byGob, byBinary} {
		if does, byPointer := m.writes(t); does && t.Kind() != reflect.Pointer {
			return plan{err: m.check(t), facts: facts{byPointer: byPointer}}, true
		}
	}
	return plan{}, false
}

// fields are the exported ones, other than channels and functions.
func (r gobRules) fields(t reflect.Type) (kept []reflect.StructField, guards []guarded, err error) {
	for i := range t.NumField() {
		f := t.Field(i)
		kind := strip(f.Type).Kind()
		if !f.IsExported() || kind == reflect.Chan || kind == reflect.Func {
			guards = append(guards, guarded{f, notZero})
			continue
		}
		kept = append(kept, f)
		if r.leavesOut(f.Type) {
			guards = append(guards, guarded{f, pointsToZero})
		}
	}
	return kept, guards, nil
}

// leavesOut says of a pointer that gob leaves out of a struct what it points to, if
// that is a zero value.
func (r gobRules) leavesOut(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer {
		return false
	}
	t = strip(t)
	_, does := r.itself(t)
	return (t.Kind() != reflect.Struct || does) && t.Kind() != reflect.Array
}

// pointsToZero finds a pointer that would come back as nil.
func pointsToZero(v reflect.Value, _ int) error {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0 {
		return errors.New("it points to a zero value, which gob would bring back as nil")
	}
	return nil
}

// elem guards a nil pointer, which gob can't write, or makes a zero value of.
func (gobRules) elem(t reflect.Type) (guard, error) {
	if t.Kind() != reflect.Pointer {
		return nil, nil
	}
	return func(v reflect.Value, _ int) error {
		if v.IsNil() {
			return errors.New("it is nil, which gob does not have in lists and maps")
		}
		return nil
	}, nil
}

// mapKey knows that gob follows pointers, so that a key would come back as another
// one, and that times which differ in their *Location only are written alike.
func (r gobRules) mapKey(t reflect.Type) (func(reflect.Value) (string, error), error) {
	switch _, does := r.itself(t); {
	case !does && r.hasPointer(t):
		return nil, fmt.Errorf("gob would bring a %v back as another key, since there is a pointer in it", t)
	case does, t.Kind() == reflect.Struct, t.Kind() == reflect.Array:
		return gobText, nil
	}
	return nil, nil
}

func (r gobRules) hasPointer(t reflect.Type) bool {
	if _, does := r.itself(t); does {
		return false
	}
	switch t.Kind() {
	case reflect.Pointer:
		return true
	case reflect.Array:
		return r.hasPointer(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if r.hasPointer(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

func gobText(v reflect.Value) (string, error) {
	var w appender
	err := gob.NewEncoder(&w).EncodeValue(v)
	return string(w.buf), err
}

// other leaves to gob what it refuses itself.
func (gobRules) other(reflect.Type) plan { return plan{} }
