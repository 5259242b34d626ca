package rin

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"

	"github.com/redisimnest/rin/codec"
)

type defaultOption struct{ value any }

// Default sets what [Entry.Get] returns where the key is not there. Nothing is
// stored. It applies to [Key] and [Counter]; a counter without one begins at 0, and
// what is added to it always does. A default that holds slices, maps or pointers is a
// fresh copy each time.
//
// A number that the key's type holds without loss is converted: Default(0)
// suits a Key[int64] and a Key[float64].
func Default[T any](value T) DefaultOption { return defaultOption{value} }

// DefaultOption is what a value is that is not there. [Default] makes it.
type DefaultOption interface {
	KeyOption
	CounterOption
}

func (defaultOption) validInKey()     {}
func (defaultOption) validInCounter() {}

func (o defaultOption) declare(n *node) { n.value.hasDefault, n.value.dflt = true, o.value }

func (o defaultOption) String() string { return fmt.Sprintf("Default(%#v)", o.value) }

// defaultOf returns what Get answers where the key is not there.
func defaultOf[T any](v *value, typed *codec.Typed[T]) (func() (T, error), error) {
	if !v.hasDefault {
		return func() (T, error) { var none T; return none, ErrNotFound }, nil
	}
	dflt, err := convertDefault[T](v.dflt)
	if err != nil {
		return nil, err
	}
	if !shares(v.goType) {
		return func() (T, error) { return dflt, nil }, nil
	}
	// What a reader does to its default must not reach the next reader. Going
	// through the stored form makes a copy that is as deep as a stored value is
	// separate, whatever the type.
	typed = typed.Untransformed()
	stored, err := typed.Append(nil, "", dflt)
	if err == nil {
		_, err = typed.Decode("", stored)
	}
	if err != nil {
		return nil, fmt.Errorf("has a default that can't be stored: %w", err)
	}
	return func() (T, error) { return typed.Decode("", stored) }, nil
}

// convertDefault accepts what an untyped Go constant can't say more exactly: a
// number for another kind of number that holds it, a string or a bool for a
// named type of that kind.
func convertDefault[T any](dflt any) (T, error) {
	if v, ok := dflt.(T); ok {
		return v, nil
	}
	var none T
	want := reflect.TypeFor[T]()
	v := reflect.ValueOf(dflt)
	if !v.IsValid() || want.Kind() == reflect.Interface {
		return none, wrongDefault(want, dflt)
	}
	if isNumber(v.Kind()) && isNumber(want.Kind()) || v.Kind() == want.Kind() && v.Type() == basic(v.Kind()) {
		converted := v.Convert(want)
		if sameValue(v, converted) {
			return converted.Interface().(T), nil
		}
		return none, fmt.Errorf("holds %v, which can't hold its default %v", want, dflt)
	}
	return none, wrongDefault(want, dflt)
}

// basic is the predeclared string or bool type; other kinds have none here.
func basic(k reflect.Kind) reflect.Type {
	switch k {
	case reflect.String:
		return reflect.TypeFor[string]()
	case reflect.Bool:
		return reflect.TypeFor[bool]()
	}
	return nil
}

func wrongDefault(want reflect.Type, dflt any) error {
	if dflt == nil {
		return errors.New("has a nil default; leave the option out")
	}
	example := "…"
	switch {
	case isNumber(want.Kind()):
		example = "0"
	case want.Kind() == reflect.String:
		example = `""`
	case want.Kind() == reflect.Bool:
		example = "false"
	}
	name := goName(want)
	return fmt.Errorf("holds %s, but its default is %s; write rin.Default[%s](%s)", name, article(reflect.TypeOf(dflt)), name, example)
}

// article is a type's name after its indefinite article.
func article(t reflect.Type) string {
	name := goName(t)
	switch name[0] {
	case 'a', 'e', 'i', 'o':
		return "an " + name
	}
	return "a " + name
}

func isNumber(k reflect.Kind) bool {
	return reflect.Int <= k && k <= reflect.Float64
}

// sameValue reports whether a conversion kept the value. Converting back would
// not tell: -1 and its unsigned counterpart convert into each other, and so, on
// some processors, do the largest integer and the float that it is rounded to.
func sameValue(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.String, reflect.Bool:
		return true
	}
	x, y := exact(a), exact(b)
	return x != nil && y != nil && x.Cmp(y) == 0
}

// exact is a number without its type, nil for NaN. A new big.Float takes the
// precision of what it is set to.
func exact(v reflect.Value) *big.Float {
	switch {
	case v.CanInt():
		return new(big.Float).SetInt64(v.Int())
	case v.CanUint():
		return new(big.Float).SetUint64(v.Uint())
	case math.IsNaN(v.Float()):
		return nil
	}
	return new(big.Float).SetFloat64(v.Float())
}

// shares reports whether copies of a T could reach the same memory.
func shares(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return shares(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if shares(t.Field(i).Type) {
				return true
			}
		}
		return false
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		return true
	}
	return false
}

// isNil reports whether v is nil, or a nil pointer in an interface.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return r.IsNil()
	}
	return false
}
