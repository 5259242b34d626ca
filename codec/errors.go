package codec

import (
	"errors"
	"fmt"
	"reflect"
)

// The errors that callers tell apart, with errors.Is. Their texts name types and
// codecs, never the stored value itself.
var (
	// ErrForeign: the value has no rin header, so something else wrote it.
	ErrForeign = errors.New("stored value has no rin header, so rin did not write it; declare keys that other programs write with rin.Plain()")

	// ErrMalformed: the header or the payload is cut short or damaged. The
	// codec's own error is wrapped too.
	ErrMalformed = errors.New("stored value is damaged")

	// ErrWrongType: the value has another type than the one that is read, or is
	// a number that does not fit it.
	ErrWrongType = errors.New("stored value has another type")

	// ErrUnknownCodec: the registry has no codec, or no transform, of that name.
	ErrUnknownCodec = errors.New("unknown codec")

	// ErrUnknownType: the registry has no Go type for a tag, or no tag that
	// would lead back to a Go type.
	ErrUnknownType = errors.New("unknown type")

	// ErrNoEffect: a codec was chosen for a type that the text codec always writes.
	ErrNoEffect = errors.New("the codec would have no effect")
)

var (
	errNil    = errors.New("nil can't be stored; delete the key instead")
	errRange  = errors.New("the number does not fit")
	errSyntax = errors.New("invalid syntax")
)

// wrongType says what was stored and what was wanted, and why the one is not
// the other where that takes a word more.
func wrongType(stored, want string, why error) error {
	if why == nil {
		return fmt.Errorf("%w: stored %s, want %s", ErrWrongType, stored, want)
	}
	return fmt.Errorf("%w: stored %s, want %s: %w", ErrWrongType, stored, want, why)
}

func badPayload(codec, tag string, cause error) error {
	return fmt.Errorf("%w: %s payload of %s: %w", ErrMalformed, codec, tag, cause)
}

func unknownCodec(what, name string) error {
	return fmt.Errorf("%w: %s %q, which the registry does not have; give the codec to codec.NewRegistry, and the registry to rin.Registry",
		ErrUnknownCodec, what, name)
}

func unknownTransform(name string) error {
	return fmt.Errorf("%w: stored value has transform %q, which neither the declaration nor the registry has; give it to Registry.AddTransforms, and the registry to rin.Registry",
		ErrUnknownCodec, name)
}

func unknownTag(tag string) error {
	return fmt.Errorf("%w: no Go type goes by %q; name it with codec.Name[T](reg, %q)", ErrUnknownType, tag, tag)
}

func noEffect(codec Codec, t reflect.Type) error {
	return fmt.Errorf("%w: %v is always written as text, and never by codec %q; leave the codec out, or use a codec.Transform to change the bytes that are stored",
		ErrNoEffect, t, codec.Name())
}

func noWayBack(t reflect.Type) error {
	return fmt.Errorf("%w: a stored %v could not be read back as one; name it with codec.Name[%v](reg, \"…\")",
		ErrUnknownType, t, t)
}
