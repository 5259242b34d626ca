package codec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// maxNesting is how many slices, arrays, maps and pointers within one another
// a tag tells apart. What is below is "any", which also ends recursive types.
const maxNesting = 8

// builtin holds the tags that stand for one Go type in every registry.
var builtin = map[string]reflect.Type{
	"string":   reflect.TypeFor[string](),
	"bytes":    reflect.TypeFor[[]byte](),
	"bool":     reflect.TypeFor[bool](),
	"int":      reflect.TypeFor[int](),
	"int8":     reflect.TypeFor[int8](),
	"int16":    reflect.TypeFor[int16](),
	"int32":    reflect.TypeFor[int32](),
	"int64":    reflect.TypeFor[int64](),
	"uint":     reflect.TypeFor[uint](),
	"uint8":    reflect.TypeFor[uint8](),
	"uint16":   reflect.TypeFor[uint16](),
	"uint32":   reflect.TypeFor[uint32](),
	"uint64":   reflect.TypeFor[uint64](),
	"float32":  reflect.TypeFor[float32](),
	"float64":  reflect.TypeFor[float64](),
	"time":     reflect.TypeFor[time.Time](),
	"duration": reflect.TypeFor[time.Duration](),
	"any":      reflect.TypeFor[any](),
}

// reserved is true for the tags that types have by themselves.
func reserved(tag string) bool {
	switch tag {
	case "text", "struct", "uintptr", "complex64", "complex128", "chan", "func", "unsafe.Pointer":
		return true
	}
	_, ok := builtin[tag]
	return ok
}

// family groups the tags between whose types numbers are converted.
func family(tag string) string {
	switch tag {
	case "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64":
		return "integer"
	case "float32", "float64":
		return "float"
	}
	return ""
}

// tag derives the tag of t; path are the types around it.
func (s *state) tag(t reflect.Type, path ...reflect.Type) string {
	if name, ok := s.tags[t]; ok {
		return name
	}
	if tag, ok := textTag(t); ok {
		return tag
	}
	if len(path) == maxNesting || slices.Contains(path, t) {
		return "any"
	}
	path = append(path, t)
	switch t.Kind() {
	case reflect.Pointer:
		return s.tag(t.Elem(), path...)
	case reflect.Slice:
		return "[]" + s.tag(t.Elem(), path...)
	case reflect.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), s.tag(t.Elem(), path...))
	case reflect.Map:
		return "map[" + s.tag(t.Key(), path...) + "]" + s.tag(t.Elem(), path...)
	case reflect.Interface:
		return "any"
	}
	return t.Kind().String()
}

// typeOf is the way back from a stored tag to a type. "any" is no type of a
// stored value, only of the elements of one.
func (s *state) typeOf(tag string) (reflect.Type, error) {
	if t, ok := s.parseTag(tag, maxNesting); ok && tag != "any" {
		return t, nil
	}
	return nil, unknownTag(tag)
}

// parseTag knows no arrays, whose length a hostile tag could choose, and no maps
// but those with scalar keys.
func (s *state) parseTag(tag string, nesting int) (reflect.Type, bool) {
	if elem, ok := strings.CutPrefix(tag, "[]"); ok && nesting > 0 {
		t, ok := s.parseTag(elem, nesting-1)
		if !ok {
			return nil, false
		}
		return reflect.SliceOf(t), true
	}
	if rest, ok := strings.CutPrefix(tag, "map["); ok && nesting > 0 {
		keyTag, elem, _ := strings.Cut(rest, "]")
		key, ok := s.named(keyTag)
		if !ok || !isScalar(key.Kind()) {
			return nil, false
		}
		t, ok := s.parseTag(elem, nesting-1)
		if !ok {
			return nil, false
		}
		return reflect.MapOf(key, t), true
	}
	return s.named(tag)
}

func (s *state) named(tag string) (reflect.Type, bool) {
	if t, ok := s.types[tag]; ok {
		return t, true
	}
	t, ok := builtin[tag]
	return t, ok
}

// strip removes pointers from t. It stops after a while, for there are types
// that are pointers to themselves.
func strip(t reflect.Type) reflect.Type {
	for range maxNesting {
		if t.Kind() != reflect.Pointer {
			break
		}
		t = t.Elem()
	}
	return t
}

// innermost follows the pointer v through pointers, which it allocates, to one
// that points to no other: codecs and the null of JSON see no **T.
func innermost(v any) any {
	rv := reflect.ValueOf(v)
	for rv.Type().Elem().Kind() == reflect.Pointer {
		if rv.Elem().IsNil() {
			rv.Elem().Set(reflect.New(rv.Type().Elem().Elem()))
		}
		rv = rv.Elem()
	}
	return rv.Interface()
}

// isNil is true for nil and for pointers that lead to nil.
func isNil(v any) bool {
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer {
		rv = rv.Elem()
	}
	return !rv.IsValid()
}
