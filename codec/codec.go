package codec

// Codec turns values into bytes and back. An implementation is safe for
// concurrent use.
//
// A codec may wrap another one, to compress or to encrypt what it writes. It
// then has a name of its own ("flate+json"), since the name is what a stored
// value is read back by.
type Codec interface {
	// Name is what stored values say of their codec: "json". It never changes,
	// and has no ':', no '~' and no control bytes.
	Name() string

	// Append encodes v onto dst and returns the longer slice. v is never nil,
	// nor a nil pointer. What it returns besides an error is ignored.
	Append(dst []byte, v any) ([]byte, error)

	// Decode decodes data, all of it, into the non-nil pointer v, which points
	// to a zero value. It keeps no reference to data and does not change it.
	// data may come from anybody: Decode answers damaged bytes with an error.
	Decode(data []byte, v any) error
}

// The built-in codecs.
var (
	// JSON writes values with encoding/json, without escaping HTML and without
	// a newline at the end. It is the default for what Text does not write.
	JSON Codec = jsonCodec{}

	// Gob writes values with encoding/gob. It refuses values in interfaces, which
	// would need the process-wide gob.Register.
	Gob Codec = gobCodec{}

	// Text writes strings, bytes, numbers, bools, times, durations and types
	// that are both an encoding.TextMarshaler and an encoding.TextUnmarshaler,
	// all as plain text. Every registry has it, and uses it for these types
	// whatever codec is chosen.
	Text Codec = textCodec{}
)

// standard is what the package-level functions use. Nobody can name types in it.
var standard = Standard()

// Marshal encodes v as bytes that describe themselves: header and payload. It
// uses the built-in codecs; [Registry.Marshal] uses those of a registry.
func Marshal(v any) ([]byte, error) { return standard.Marshal(v) }

// Unmarshal decodes what [Marshal] wrote into the pointer v. It fails with
// [ErrWrongType] where v points to another type than the stored one. On an
// error v is left as it is.
func Unmarshal(data []byte, v any) error { return standard.Unmarshal(data, v) }

// Decode decodes what [Marshal] wrote and returns the type's tag and a value of
// that type. Where the tag names no Go type, such as "struct", it returns the
// tag and [ErrUnknownType]; types named with [Name] are decoded by
// [Registry.Decode].
func Decode(data []byte) (tag string, v any, err error) { return standard.Decode(data) }

// TypeOf returns the type's tag in the header of data. It does not look at the
// payload, and knows no registry.
func TypeOf(data []byte) (string, error) {
	h, err := parseHeader(data)
	return string(h.tag), err
}
