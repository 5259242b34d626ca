package codec

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

type jsonCodec struct{}

func (jsonCodec) Name() string { return "json" }

func (jsonCodec) Append(dst []byte, v any) ([]byte, error) {
	w := appender{dst}
	enc := json.NewEncoder(&w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return dst, err
	}
	return bytes.TrimSuffix(w.buf, []byte{'\n'}), nil
}

func (jsonCodec) Decode(data []byte, v any) error { return json.Unmarshal(data, v) }

// check finds what encoding/json can't write or can't read back. json itself
// says so only once it meets such a value, which may be long after the start.
func (jsonCodec) check(t reflect.Type) error { return jsonCheck(t, nil) }

func jsonCheck(t reflect.Type, path []reflect.Type) error {
	if slices.Contains(path, t) || marshalsItself(t) {
		return nil
	}
	path = append(path, t)
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("json can't write a %v", t)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("json can't read a %v back", t)
		}
	case reflect.Map:
		if !jsonKey(t.Key()) {
			return fmt.Errorf("json can't write a map with keys of type %v", t.Key())
		}
		return jsonCheck(t.Elem(), path)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return jsonCheck(t.Elem(), path)
	case reflect.Struct:
		return jsonCheckFields(t, path)
	}
	return nil
}

func jsonCheckFields(t reflect.Type, path []reflect.Type) error {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("json") == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		// A field with methods to its interface may well stay nil.
		if f.Type.Kind() == reflect.Interface {
			continue
		}
		if err := jsonCheck(f.Type, path); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return nil
}

func marshalsItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

func jsonKey(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) && isTexter(t)
}

// appender is an io.Writer onto a slice.
type appender struct{ buf []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.buf = append(a.buf, p...)
	return len(p), nil
}
