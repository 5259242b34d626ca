package codec

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	byteType     = reflect.TypeFor[byte]()
)

// textCodec is the zero one where the type is found out in each call, and has
// the type's tag where that was done once.
type textCodec struct{ tag string }

// forType is the codec of values of type t, if text writes these.
func (c textCodec) forType(t reflect.Type) (textCodec, error) {
	if c.tag != "" {
		return c, nil
	}
	tag, ok := textTag(t)
	if !ok {
		return c, fmt.Errorf("text can't write or read a %v", t)
	}
	return textCodec{tag}, nil
}

func (textCodec) Name() string { return "text" }

func (c textCodec) Append(dst []byte, v any) ([]byte, error) {
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer {
		rv = rv.Elem()
	}
	if !rv.IsValid() {
		return dst, errNil
	}
	c, err := c.forType(rv.Type())
	if err != nil {
		return dst, err
	}
	switch c.tag {
	case "time":
		return appendTime(dst, rv.Interface().(time.Time))
	case "duration":
		return append(dst, time.Duration(rv.Int()).String()...), nil
	case "text":
		return appendTexter(dst, rv)
	case "bytes":
		return append(dst, rv.Bytes()...), nil
	}
	return appendKind(dst, rv), nil
}

func appendKind(dst []byte, rv reflect.Value) []byte {
	switch {
	case rv.CanInt():
		return strconv.AppendInt(dst, rv.Int(), 10)
	case rv.CanUint():
		return strconv.AppendUint(dst, rv.Uint(), 10)
	case rv.CanFloat():
		return appendFloat(dst, rv.Float(), rv.Type().Bits())
	case rv.Kind() == reflect.Bool:
		return strconv.AppendBool(dst, rv.Bool())
	}
	return append(dst, rv.String()...)
}

func appendTexter(dst []byte, rv reflect.Value) ([]byte, error) {
	if !rv.CanAddr() {
		// The methods may be those of the pointer.
		p := reflect.New(rv.Type()).Elem()
		p.Set(rv)
		rv = p
	}
	v := rv.Addr().Interface()
	if err := wholeOffset(v); err != nil {
		return dst, err
	}
	// AppendText may be that of something embedded, where MarshalText is its own.
	text, err := v.(encoding.TextMarshaler).MarshalText()
	return append(dst, text...), err
}

// wholeOffset finds a time, or what embeds one, whose text would say another moment.
func wholeOffset(v any) error {
	zoned, ok := v.(interface{ Zone() (string, int) })
	if !ok {
		return nil
	}
	if _, offset := zoned.Zone(); offset%60 != 0 {
		return fmt.Errorf("the offset of %v has seconds, which RFC 3339 leaves out; give its UTC()", v)
	}
	return nil
}

// appendTime writes RFC 3339, whose offsets are whole minutes. An offset with
// seconds, as local times before the standard ones have, is rounded down: the
// instant stays the same, which with time.Time's own format it would not.
func appendTime(dst []byte, t time.Time) ([]byte, error) {
	if _, offset := t.Zone(); offset%60 != 0 {
		t = t.In(time.FixedZone("", offset-offset%60))
	}
	return t.AppendText(dst)
}

func (c textCodec) Decode(data []byte, v any) error {
	rv := reflect.ValueOf(innermost(v)).Elem()
	c, err := c.forType(rv.Type())
	if err != nil {
		return err
	}
	switch c.tag {
	case "time":
		// The error would quote the value.
		if rv.Addr().Interface().(*time.Time).UnmarshalText(data) != nil {
			return errors.New("no RFC 3339 time")
		}
		return nil
	case "duration":
		d, err := time.ParseDuration(string(data))
		if err != nil {
			return errSyntax
		}
		rv.SetInt(int64(d))
		return nil
	case "text":
		return rv.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(data)
	case "bytes":
		rv.SetBytes(cloneBytes(data))
		return nil
	}
	return parseKind(data, rv)
}

func parseKind(data []byte, rv reflect.Value) error {
	switch {
	case rv.CanInt():
		n, err := parseInt(data, rv.Type().Bits())
		rv.SetInt(n)
		return err
	case rv.CanUint():
		n, err := parseUint(data, rv.Type().Bits())
		rv.SetUint(n)
		return err
	case rv.CanFloat():
		f, err := parseFloat(data, rv.Type().Bits())
		rv.SetFloat(f)
		return err
	case rv.Kind() == reflect.Bool:
		b, err := parseBool(data)
		rv.SetBool(b)
		return err
	}
	rv.SetString(string(data))
	return nil
}

// textTag is the tag of a type that the text codec writes.
func textTag(t reflect.Type) (tag string, ok bool) {
	switch {
	case t == timeType:
		return "time", true
	case t == durationType:
		return "duration", true
	case isTexter(t):
		return "text", true
	case t.Kind() == reflect.Slice && t.Elem() == byteType:
		return "bytes", true
	case isScalar(t.Kind()):
		return t.Kind().String(), true
	}
	return "", false
}

// isTexter is true where a type can be read from text as well as written as
// text, if only by the methods of its pointer.
func isTexter(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[encoding.TextMarshaler]()) &&
		p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func isScalar(k reflect.Kind) bool {
	switch k {
	case reflect.Uintptr, reflect.Complex64, reflect.Complex128:
		return false
	}
	return reflect.Bool <= k && k <= reflect.Float64 || k == reflect.String
}
