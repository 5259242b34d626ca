package codec

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
)

var anyType = reflect.TypeFor[any]()

// decl is a declared type without its type parameter: all that is decided once.
type decl struct {
	reg     *Registry
	codec   Codec  // writes the values
	chain   chain  // transforms what the codec has written
	name    string // what headers say of codec and chain
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
	codec, err := s.writer(t, opts)
	if err != nil {
		return decl{}, err
	}
	d := decl{reg: r, codec: codec, chain: slices.Clone(opts.Transforms), tag: s.tag(t), dynamic: t == anyType, plain: opts.Plain, lenient: opts.Lenient}
	if err := d.nameChain(s); err != nil {
		return decl{}, err
	}
	if err := d.checkKind(t, opts); err != nil {
		return decl{}, err
	}
	if err := checkText(codec, t); err != nil {
		return decl{}, err
	}
	if opts.TypeName != "" {
		if err := s.checkTag(t, opts.TypeName); err != nil {
			return decl{}, fmt.Errorf("type name %q of %v: %w", opts.TypeName, t, err)
		}
		d.tag = opts.TypeName
	}
	if !d.plain && !d.dynamic {
		d.header, err = makeHeader(d.name, d.tag)
	}
	return d, err
}

// writer is the codec that writes values of type t.
func (s *state) writer(t reflect.Type, opts Options) (Codec, error) {
	codec := s.fallback
	if opts.Codec != nil {
		c, ok := s.codecs[opts.Codec.Name()]
		if !ok {
			return nil, unknownCodec("codec", opts.Codec.Name())
		}
		codec = c
	}
	text, err := textCodec{}.forType(strip(t))
	_, textChosen := codec.(textCodec)
	switch chosen := opts.Chosen && opts.Codec != nil && !textChosen; {
	case err == nil && chosen && text.tag != "text" && text.tag != "time":
		return nil, noEffect(codec, t)
	case err == nil && !chosen:
		return text, nil
	case err != nil && textChosen && t != anyType:
		return nil, err
	}
	return codec, nil
}

// nameChain refuses transforms whose names would be read as part of a codec's.
func (d *decl) nameChain(s *state) error {
	d.name = d.codec.Name()
	for i, t := range d.chain {
		if err := checkTransform(i, t); err != nil {
			return err
		}
		if d.chain[:i].find(t.Name()) != nil {
			return fmt.Errorf("transform %q is given twice", t.Name())
		}
		d.name += string(plus) + t.Name()
	}
	codec, chain, err := d.resolve(s, d.name)
	if err == nil && (codec.Name() != d.codec.Name() || len(chain) != len(d.chain)) {
		err = fmt.Errorf("values would be stored as %q, which begins with the name of codec %q; rename the transform", d.name, codec.Name())
	}
	return err
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

// checkText refuses types that would not come back from their text.
func checkText(codec Codec, t reflect.Type) error {
	t = strip(t)
	switch text, ok := codec.(textCodec); {
	case !ok || text.tag != "text":
		return nil
	case embedded(t) == bigFloatType:
		return errBigFloat
	}
	if err := byText.check(t); err != nil {
		return fmt.Errorf("%v can't be stored: %w", t, err)
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

// checkComparable refuses what writes equal values in several ways.
func (d *decl) checkComparable(t reflect.Type) error {
	switch _, isGob := d.codec.(gobCodec); {
	case isGob:
		return fmt.Errorf("%v can't be compared as bytes: each process writes gob in another way; choose codec.JSON", t)
	case d.dynamic:
		return errors.New("any can't be compared as bytes, since without a header nothing says which type a value has")
	}
	sample := []byte("the same bytes each time")
	first, err := d.chain.encode(nil, sample, "key")
	for range 3 {
		again, failed := d.chain.encode(nil, sample, "key")
		if err == nil && failed == nil && !bytes.Equal(first, again) {
			return fmt.Errorf("%v can't be compared as bytes: a transform writes the same bytes in several ways; end them with rin.Transforms()", t)
		}
	}
	return nil
}

func (d *decl) append(dst []byte, key string, v any) ([]byte, error) {
	if isNil(v) {
		return dst, errNil
	}
	if d.dynamic {
		return d.appendAny(dst, key, v)
	}
	out, err := d.appendPayload(append(dst, d.header...), key, v)
	if err != nil {
		return dst, fmt.Errorf("%v can't be encoded: %w", reflect.TypeOf(v), err)
	}
	return out, nil
}

// appendPayload encodes a value. A method of a user's type may panic.
func (d *decl) appendPayload(dst []byte, key string, v any) (out []byte, err error) {
	defer recoverTo(&err)
	if len(d.chain) == 0 {
		return d.codec.Append(dst, v)
	}
	data, err := d.codec.Append(nil, v)
	if err != nil {
		return nil, err
	}
	return d.chain.encode(dst, data, key)
}

// appendAny writes a value by its own type, if that type could be read back.
func (d *decl) appendAny(dst []byte, key string, v any) ([]byte, error) {
	t := reflect.TypeOf(v)
	own, err := d.reg.declare(t, Options{Codec: d.codec, Transforms: d.chain})
	if err != nil {
		return dst, err
	}
	back, err := d.reg.load().typeOf(own.tag)
	if err != nil || strip(back) != strip(t) {
		return dst, noWayBack(t)
	}
	return own.append(dst, key, v)
}

// decode decodes data into v, a pointer to a zero value of the declared type.
func (d *decl) decode(key string, data []byte, v any) error {
	s := d.reg.load()
	switch {
	case d.dynamic:
		_, dynamic, err := d.readAny(s, key, data)
		*v.(*any) = dynamic
		return err
	case d.plain:
		payload, err := d.chain.decode(data, key)
		if err != nil {
			return badPayload(d.name, d.tag, err)
		}
		return d.decodePlain(payload, v)
	}
	h, err := parseHeader(data)
	if err != nil && d.lenient {
		return d.decodePlain(data, v)
	}
	if err != nil {
		return err
	}
	return d.read(s, key, h, v)
}

// decodeInto decodes a payload. A method of a user's type may panic of what is
// stored.
func decodeInto(codec Codec, payload []byte, v any) (err error) {
	defer recoverTo(&err)
	return codec.Decode(payload, innermost(v))
}

func (d *decl) decodePlain(data []byte, v any) error {
	if err := decodeInto(d.codec, data, v); err != nil {
		return badPayload(d.codec.Name(), d.tag, err)
	}
	return nil
}

// read decodes a value with the codec and the transforms that its header names.
func (d *decl) read(s *state, key string, h header, v any) error {
	codec, chain, err := d.reader(s, h.codec)
	if err != nil {
		return err
	}
	if h.payload, err = chain.decode(h.payload, key); err != nil {
		return badPayload(string(h.codec), string(h.tag), err)
	}
	if string(h.tag) == d.tag {
		return d.decodePayload(codec, h, d.tag, v)
	}
	stored := string(h.tag)
	if d.lenient {
		if err := decodeInto(codec, h.payload, v); err != nil {
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
	err := decodeInto(codec, h.payload, v)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errRange):
		return wrongType(stored, d.tag, err)
	}
	return badPayload(codec.Name(), stored, err)
}

// readAny decodes a value as the type that its tag leads to.
func (d *decl) readAny(s *state, key string, data []byte) (tag string, v any, err error) {
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
	own := decl{tag: tag, codec: Text, chain: d.chain}
	if err := own.checkRead(s, h, t); err != nil {
		return tag, nil, err
	}
	if err := own.read(s, key, h, p.Interface()); err != nil {
		return tag, nil, err
	}
	return tag, p.Elem().Interface(), nil
}

// checkRead refuses a type that the codec which a header names could not have
// written, so that what is read can be written again.
func (d *decl) checkRead(s *state, h header, t reflect.Type) error {
	codec, _, err := d.reader(s, h.codec)
	if err != nil {
		return err
	}
	if c, ok := codec.(interface{ plan(reflect.Type) *plan }); ok && c.plan(t).err != nil {
		return badPayload(codec.Name(), d.tag, c.plan(t).err)
	}
	return nil
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
