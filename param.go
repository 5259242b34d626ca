package rin

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/redisimnest/rin/internal/methodset"
	"github.com/redisimnest/rin/internal/pattern"
)

// Param is a parameter's name and its value, as [Scope.Params] and [Scope.Parse]
// find it in a prefix or a key.
type Param struct {
	Name, Value string
}

// String returns the parameter as name=value.
func (p Param) String() string { return p.Name + "=" + p.Value }

// NamedParam is a parameter given by its placeholder's name. [Named] makes it.
type NamedParam struct {
	name  string
	value any
}

// Named gives a parameter by its placeholder's name instead of its place:
//
//	Age.At(root, rin.Named("user_id", 1))
//
// Named and positional parameters do not mix in one call.
func Named(name string, value any) NamedParam { return NamedParam{name, value} }

// String returns the parameter as name=value.
func (p NamedParam) String() string { return fmt.Sprintf("%s=%v", p.name, p.value) }

// positional puts parameters given by name into the order of names. Parameters
// given by position come back as they are.
func positional(names []string, params []any) ([]any, error) {
	named := 0
	for _, p := range params {
		if _, ok := p.(NamedParam); ok {
			named++
		}
	}
	switch {
	case named == 0 && len(params) > len(names):
		return nil, fmt.Errorf("%w: %d given, %s", ErrExtraParam, len(params), wanted(names))
	case named == 0 && len(params) < len(names):
		return nil, fmt.Errorf("%w: %s", ErrMissingParam, placeholders(names[len(params):]))
	case named == 0:
		return params, nil
	case named < len(params):
		return nil, fmt.Errorf("%w: give all parameters by name or all by position", ErrExtraParam)
	}
	return byName(names, params)
}

func byName(names []string, params []any) ([]any, error) {
	given := make(map[string]any, len(params))
	for _, p := range params {
		p := p.(NamedParam)
		if _, twice := given[p.name]; twice {
			return nil, fmt.Errorf("%w: <%s> is given twice", ErrExtraParam, p.name)
		}
		given[p.name] = p.value
	}
	ordered := make([]any, 0, len(names))
	var missing []string
	for _, name := range names {
		value, ok := given[name]
		if !ok {
			missing = append(missing, name)
		}
		ordered = append(ordered, value)
		delete(given, name)
	}
	for _, p := range params {
		if name := p.(NamedParam).name; has(given, name) {
			return nil, fmt.Errorf("%w: there is no <%s> here, %s", ErrExtraParam, name, wanted(names))
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrMissingParam, placeholders(missing))
	}
	return ordered, nil
}

func has[K comparable, V any](m map[K]V, k K) bool {
	_, ok := m[k]
	return ok
}

func wanted(names []string) string {
	if len(names) == 0 {
		return "wanted none"
	}
	return "wanted " + placeholders(names)
}

func placeholders(names []string) string {
	var text []byte
	for i, name := range names {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = append(append(append(text, '<'), name...), '>')
	}
	return string(text)
}

// appendParam renders a parameter's value. The built-in kinds are rendered
// without a detour through reflection or the heap.
func appendParam(dst []byte, value any, apart string) ([]byte, error) {
	var buf [20]byte // the longest 64-bit integer
	digits := buf[:0]
	switch v := value.(type) {
	case string:
		return appendText(dst, v, apart)
	case []byte:
		return appendText(dst, string(v), apart)
	case bool:
		digits = strconv.AppendBool(digits, v)
	case int:
		digits = strconv.AppendInt(digits, int64(v), 10)
	case int8:
		digits = strconv.AppendInt(digits, int64(v), 10)
	case int16:
		digits = strconv.AppendInt(digits, int64(v), 10)
	case int32:
		digits = strconv.AppendInt(digits, int64(v), 10)
	case int64:
		digits = strconv.AppendInt(digits, v, 10)
	case uint:
		digits = strconv.AppendUint(digits, uint64(v), 10)
	case uint8:
		digits = strconv.AppendUint(digits, uint64(v), 10)
	case uint16:
		digits = strconv.AppendUint(digits, uint64(v), 10)
	case uint32:
		digits = strconv.AppendUint(digits, uint64(v), 10)
	case uint64:
		digits = strconv.AppendUint(digits, v, 10)
	default:
		text, err := paramText(value)
		if err != nil {
			return dst, err
		}
		return appendText(dst, text, apart)
	}
	if apart == "" {
		return append(dst, digits...), nil
	}
	return appendText(dst, string(digits), apart)
}

func appendText(dst []byte, text, apart string) ([]byte, error) {
	if text == "" {
		return dst, ErrEmptyParam
	}
	return pattern.AppendEscaped(dst, text, apart), nil
}

// paramText is the plain text of a value: by its own MarshalText, else by its
// kind, else by its String method. The kind comes before String, because a text
// that is made for people may change.
func paramText(value any) (text string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %T panicked: %v", ErrParamType, value, p)
		}
	}()
	if v, ok := value.(encoding.TextMarshaler); ok {
		if err := checkOwn(value, "MarshalText"); err != nil {
			return "", err
		}
		data, err := v.MarshalText()
		if err == nil {
			err = checkMoment(value, string(data))
		}
		if err != nil {
			return "", fmt.Errorf("%w: %T: %w", ErrParamType, value, err)
		}
		return string(data), nil
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.String:
		return v.String(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10), nil
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), nil
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return string(v.Bytes()), nil
		}
	}
	if v, ok := value.(fmt.Stringer); ok {
		return v.String(), checkOwn(value, "String")
	}
	return "", fmt.Errorf("%w: %T; use a string, integer, bool or []byte, or give the type a MarshalText or String method", ErrParamType, value)
}

// checkOwn turns down a struct whose method is that of something it embeds: its other
// fields would not be in the key, and values that differ in them would have one.
func checkOwn(value any, method string) error {
	if embedded, ok := methodset.Promoted(reflect.TypeOf(value), method); ok {
		return fmt.Errorf("%w: the %s of %T is that of its embedded %s, and leaves out the other fields; give the type its own, or the field a name", ErrParamType, method, value, embedded)
	}
	return nil
}

// checkMoment turns down a time, or what embeds one, whose text says another
// moment: RFC 3339 has no room for the seconds of an offset, so that two moments
// would have one key.
func checkMoment(value any, text string) error {
	v, ok := value.(interface{ Equal(time.Time) bool })
	if !ok {
		return nil
	}
	if said, err := time.Parse(time.RFC3339Nano, text); err == nil && !v.Equal(said) {
		return fmt.Errorf("%s leaves out the seconds of the time's offset; give its UTC()", text)
	}
	return nil
}
