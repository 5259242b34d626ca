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

	// Chosen says that Codec was chosen for T itself, and not for many types at
	// once. Then it also writes a T that marshals itself as text, which Text would
	// write otherwise; and where it would write nothing, since T is a number or a
	// string, [For] fails with [ErrNoEffect].
	Chosen bool

	// Transforms are applied to what the codec has written, the first one first.
	// They need not be in the registry, which serves those who read the values
	// without declaring them.
	Transforms []Transform

	// TypeName is the tag of T, in place of the derived one. It is for ever: a
	// value that was stored under another tag is of another type.
	TypeName string

	// Plain writes the bare payload, without a header, and reads every value as
	// one: text for the types that the text codec writes, what the chosen codec
	// writes for others, and then the transforms. It is for keys that other programs
	// write or read.
	Plain bool

	// Comparable says that equal values have to be written as equal bytes, by every
	// process: they are members of a set, or fields of a hash. [For] then refuses gob,
	// which numbers types anew in each process, and transforms that write the same
	// bytes in several ways, and a zero is written without a sign. What a codec of the
	// user's own makes of a value, and what the methods of a type do, is theirs.
	Comparable bool

	// Lenient decodes a value whatever its tag says, and one without a header as
	// Plain would without transforms. Plain leaves it nothing to do.
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
// ([ErrUnknownCodec]) or has no effect ([ErrNoEffect]), on a bad TypeName or
// transform, and with the mistakes of [Registry.Err].
func For[T any](reg *Registry, opts Options) (*Typed[T], error) {
	t := reflect.TypeFor[T]()
	d, err := reg.declare(t, opts)
	if err != nil {
		return nil, err
	}
	if err := d.check(t); err != nil {
		return nil, err
	}
	if opts.Comparable {
		if err := d.checkComparable(t); err != nil {
			return nil, err
		}
	}
	typed := &Typed[T]{decl: d}
	if len(d.chain) == 0 {
		typed.scalar = scalarOf[T]()
	}
	if opts.Comparable {
		typed.withoutSignedZero()
	}
	return typed, nil
}

// Tag is the type's tag: what the header of a written value says. It is "any"
// for any, whose values have tags of their own.
func (t *Typed[T]) Tag() string { return t.tag }

// Alike says that what one of the two writes plain under one key, the other reads under any
// other: they have one codec, and no transforms, which may bind a value to its key.
func (t *Typed[T]) Alike(other *Typed[T]) bool {
	return t.codec.Name() == other.codec.Name() && len(t.chain) == 0 && len(other.chain) == 0
}

// Untransformed is the same declaration without transforms, for values that are
// stored under no key, such as a copy in memory.
func (t *Typed[T]) Untransformed() *Typed[T] {
	if len(t.chain) == 0 {
		return t
	}
	bare := *t
	bare.chain = nil
	if bare.header != "" {
		bare.header, _ = makeHeader(bare.codec.Name(), bare.tag) // shorter than the one that was made
	}
	return &bare
}

// Append encodes v, which is to be stored under the key, onto dst and returns
// the longer slice; on an error it returns dst as it was. A nil pointer is an
// error, and so is a nil any. Only transforms look at the key.
func (t *Typed[T]) Append(dst []byte, key string, v T) ([]byte, error) {
	if t.scalar.append != nil {
		return t.scalar.append(append(dst, t.header...), v), nil
	}
	return t.decl.append(dst, key, v)
}

// Decode decodes what was stored under the key. The value shares no memory with
// data, and depends on nothing but key and data.
//
// Where the stored type is not T it fails with [ErrWrongType]; an integer is
// read as another integer type, and a float as another float type, if it fits.
// Other errors are [ErrForeign], [ErrMalformed] and [ErrUnknownCodec], and for
// any [ErrUnknownType].
func (t *Typed[T]) Decode(key string, data []byte) (T, error) {
	if t.parse != nil && len(data) >= len(t.header) && string(data[:len(t.header)]) == t.header {
		// On an error the long way says what is wrong.
		if v, err := t.parse(data[len(t.header):]); err == nil {
			return v, nil
		}
	}
	var v T
	err := t.decode(key, data, &v)
	if err != nil {
		v = *new(T)
	}
	return v, err
}

// DecodeOwned is Decode for data that the caller gives up: the value may share
// its memory, which saves a string a copy. Nothing may write to the
// data afterwards.
func (t *Typed[T]) DecodeOwned(key string, data []byte) (T, error) {
	if t.own != nil && len(data) >= len(t.header) && string(data[:len(t.header)]) == t.header {
		return t.own(data[len(t.header):]), nil
	}
	return t.Decode(key, data)
}
