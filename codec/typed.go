package codec

import "reflect"

// Options say how values of one type are written and read. The zero Options
// write with the registry's default codec, with a header, and read strictly.
type Options struct {
	// Codec writes the values that the text codec does not. It is one of the
	// registry's; the registry's codec of that name is what is used.
	//
	// By default it is the registry's default.
	Codec Codec

	// TypeName is the tag of T, in place of the derived one. It is for ever: a
	// value that was stored under another tag is of another type.
	TypeName string

	// Plain writes the bare payload, without a header, and reads every value as
	// one: text for the types that the text codec writes, what the chosen codec
	// writes for others. It is for keys that other programs write or read.
	Plain bool

	// Lenient decodes a value whatever its tag says, and one without a header as
	// Plain would. Plain leaves it nothing to do.
	//
	// By default both are errors: [ErrWrongType] and [ErrForeign].
	Lenient bool
}

// Typed writes and reads values of type T. What can be decided once has been
// decided: for the built-in scalar types a call takes no reflection, no lookup
// and no boxing. It is immutable and safe for concurrent use.
type Typed[T any] struct {
	decl
	scalar[T]
}

// For makes the Typed of T. A nil reg is [Standard].
//
// T may be any: then each value is written with the tag of its own type and
// comes back as that type. Types without a way back, such as structs that [Name]
// has not named, are refused by [Typed.Append].
//
// For fails where T can't be stored, where the codec is not in the registry
// ([ErrUnknownCodec]), on a bad TypeName, and with the mistakes of
// [Registry.Err].
func For[T any](reg *Registry, opts Options) (*Typed[T], error) {
	t := reflect.TypeFor[T]()
	d, err := reg.declare(t, opts)
	if err != nil {
		return nil, err
	}
	if err := d.check(t); err != nil {
		return nil, err
	}
	return &Typed[T]{d, scalarOf[T]()}, nil
}

// Tag is the type's tag: what the header of a written value says. It is "any"
// for any, whose values have tags of their own.
func (t *Typed[T]) Tag() string { return t.tag }

// Append encodes v onto dst and returns the longer slice; on an error it returns
// dst as it was. A nil pointer is an error, and so is a nil any.
func (t *Typed[T]) Append(dst []byte, v T) ([]byte, error) {
	if t.scalar.append != nil {
		return t.scalar.append(append(dst, t.header...), v), nil
	}
	return t.decl.append(dst, v)
}

// Decode decodes a stored value, which shares no memory with data.
//
// Where the stored type is not T it fails with [ErrWrongType]; an integer is
// read as another integer type, and a float as another float type, if it fits.
// Other errors are [ErrForeign], [ErrMalformed] and [ErrUnknownCodec], and for
// any [ErrUnknownType].
func (t *Typed[T]) Decode(data []byte) (T, error) {
	if t.parse != nil && len(data) >= len(t.header) && string(data[:len(t.header)]) == t.header {
		// On an error the long way says what is wrong.
		if v, err := t.parse(data[len(t.header):]); err == nil {
			return v, nil
		}
	}
	var v T
	err := t.decode(data, &v)
	if err != nil {
		v = *new(T)
	}
	return v, err
}

// DecodeOwned is Decode for data that the caller gives up: the value may share
// its memory, which saves a string or a []byte a copy. Nothing may write to the
// data afterwards.
func (t *Typed[T]) DecodeOwned(data []byte) (T, error) {
	if t.own != nil && len(data) >= len(t.header) && string(data[:len(t.header)]) == t.header {
		return t.own(data[len(t.header):]), nil
	}
	return t.Decode(data)
}
