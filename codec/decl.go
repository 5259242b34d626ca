package codec

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

var anyType = reflect.TypeFor[any]()

// decl is a declared type without its type parameter: all that is decided once.
type decl struct {
	reg     *Registry
	codec   Codec // writes the values
	tag     string
	header  string // empty where plain
	dynamic bool   // each value has a type of its own
	plain   bool
	lenient bool
}

// declare decides how values of type t are written and read.
func (r *Registry) declare(t reflect.Type, opts Options) (decl, error) {
	s := r.load()
	if s.err != nil {
		return decl{}, s.err
	}
	codec, err := s.writer(t, opts.Codec)
	if err != nil {
		return decl{}, err
	}
	d := decl{reg: r, codec: codec, tag: s.tag(t), dynamic: t == anyType, plain: opts.Plain, lenient: opts.Lenient}
	if err := d.checkKind(t, opts); err != nil {
		return decl{}, err
	}
	if opts.TypeName != "" {
		if err := s.checkTag(t, opts.TypeName); err != nil {
			return decl{}, fmt.Errorf("type name %q of %v: %w", opts.TypeName, t, err)
		}
		d.tag = opts.TypeName
	}
	if !d.plain && !d.dynamic {
		d.header, err = makeHeader(codec.Name(), d.tag)
	}
	return d, err
}

// writer is the codec that writes values of type t where chosen is asked for.
func (s *state) writer(t reflect.Type, chosen Codec) (Codec, error) {
	codec := s.fallback
	if chosen != nil {
		c, ok := s.codecs[chosen.Name()]
		if !ok {
			return nil, unknownCodec("codec", chosen.Name())
		}
		codec = c
	}
	text, err := textCodec{}.forType(strip(t))
	if err == nil {
		return text, nil
	}
	if _, ok := codec.(textCodec); ok && t != anyType {
		return nil, err
	}
	return codec, nil
}

// checkKind refuses what no codec could write, and options that T=any has no
// use for.
func (d *decl) checkKind(t reflect.Type, opts Options) error {
	switch kind := strip(t).Kind(); {
	case d.dynamic && opts.Plain:
		return errors.New("any can't be stored plain: without a header nothing says which type a value has")
	case d.dynamic && opts.TypeName != "":
		return errors.New("any takes no type name: each value is stored with the tag of its own type")
	case d.dynamic:
		return nil
	case kind == reflect.Interface:
		return fmt.Errorf("%v can't be stored: of the interfaces only any can", t)
	case kind == reflect.Pointer, kind == reflect.Chan, kind == reflect.Func, kind == reflect.UnsafePointer, kind == reflect.Uintptr:
		return fmt.Errorf("%v can't be stored", t)
	}
	return nil
}

// check asks the codec whether it can write and read t, if it can tell.
func (d *decl) check(t reflect.Type) error {
	c, ok := d.codec.(interface{ check(reflect.Type) error })
	if !ok || d.dynamic {
		return nil
	}
	if err := c.check(t); err != nil {
		return fmt.Errorf("%v can't be stored: %w", t, err)
	}
	return nil
}

func (d *decl) append(dst []byte, v any) ([]byte, error) {
	if isNil(v) {
		return dst, errNil
	}
	if d.dynamic {
		return d.appendAny(dst, v)
	}
	out, err := d.codec.Append(append(dst, d.header...), v)
	if err != nil {
		return dst, fmt.Errorf("%v can't be encoded: %w", reflect.TypeOf(v), err)
	}
	return out, nil
}

// appendAny writes a value by its own type, if that type could be read back.
func (d *decl) appendAny(dst []byte, v any) ([]byte, error) {
	t := reflect.TypeOf(v)
	own, err := d.reg.declare(t, Options{Codec: d.codec})
	if err != nil {
		return dst, err
	}
	back, err := d.reg.load().typeOf(own.tag)
	if err != nil || strip(back) != strip(t) {
		return dst, noWayBack(t)
	}
	return own.append(dst, v)
}

// decode decodes data into v, a pointer to a zero value of the declared type.
func (d *decl) decode(data []byte, v any) error {
	s := d.reg.load()
	switch {
	case d.dynamic:
		_, dynamic, err := s.readAny(data)
		*v.(*any) = dynamic
		return err
	case d.plain:
		return d.decodePlain(data, v)
	}
	h, err := parseHeader(data)
	if err != nil && d.lenient {
		return d.decodePlain(data, v)
	}
	if err != nil {
		return err
	}
	return d.read(s, h, v)
}

func (d *decl) decodePlain(data []byte, v any) error {
	if err := d.codec.Decode(data, innermost(v)); err != nil {
		return badPayload(d.codec.Name(), d.tag, err)
	}
	return nil
}

// read decodes a value with the codec that its header names.
func (d *decl) read(s *state, h header, v any) error {
	codec, err := d.reader(s, h)
	if err != nil {
		return err
	}
	if string(h.tag) == d.tag {
		return d.decodePayload(codec, h, d.tag, v)
	}
	stored := string(h.tag)
	if d.lenient {
		if err := codec.Decode(h.payload, innermost(v)); err != nil {
			return wrongType(stored, d.tag, err)
		}
		return nil
	}
	if err := convertible(stored, d.tag, h.payload); err != nil {
		return err
	}
	return d.decodePayload(codec, h, stored, v)
}

func (d *decl) decodePayload(codec Codec, h header, stored string, v any) error {
	err := codec.Decode(h.payload, innermost(v))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errRange):
		return wrongType(stored, d.tag, err)
	}
	return badPayload(codec.Name(), stored, err)
}

// reader is the declaration's own codec where that has written the value too:
// it may know the type.
func (d *decl) reader(s *state, h header) (Codec, error) {
	if d.codec.Name() == string(h.codec) {
		return d.codec, nil
	}
	codec, ok := s.codecs[string(h.codec)]
	if !ok {
		return nil, unknownCodec("stored value has codec", string(h.codec))
	}
	return codec, nil
}

// readAny decodes a value as the type that its tag leads to.
func (s *state) readAny(data []byte) (tag string, v any, err error) {
	h, err := parseHeader(data)
	if err != nil {
		return "", nil, err
	}
	tag = string(h.tag)
	t, err := s.typeOf(tag)
	if err != nil {
		return tag, nil, err
	}
	p := reflect.New(t)
	d := decl{tag: tag, codec: Text}
	if err := d.read(s, h, p.Interface()); err != nil {
		return tag, nil, err
	}
	return tag, p.Elem().Interface(), nil
}

// convertible is nil where a stored number may be read as another type of its
// family. Whether an integer fits shows when it is parsed.
func convertible(stored, want string, payload []byte) error {
	if f := family(want); f == "" || f != family(stored) {
		return wrongType(stored, want, nil)
	}
	if want == "float32" && !fitsFloat32(payload) {
		return wrongType(stored, want, errRange)
	}
	return nil
}

// fitsFloat32 is true for a number that reads the same after a float32 has held
// it: 0.1 does, though its bits differ, and 16777217 does not.
func fitsFloat32(digits []byte) bool {
	f, err := parseFloat(digits, 64)
	if errors.Is(err, errSyntax) {
		return true // no number at all: the codec says so
	}
	narrow, err := parseFloat(digits, 32)
	if err != nil {
		return false
	}
	again, _ := strconv.ParseFloat(string(appendFloat(nil, narrow, 32)), 64)
	return again == f || math.IsNaN(f)
}
