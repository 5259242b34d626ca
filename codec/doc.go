// Package codec turns Go values into bytes that describe themselves, and back.
// It is how rin stores values, and is of use without rin.
//
// # A stored value
//
// [Marshal] writes a short header and the payload, readable in a terminal:
//
//	~text:int:30
//	~text:string:Rin
//	~json:[]string:["a","b"]
//
// The header says which codec wrote the payload and what type the value had. So
// [Unmarshal] needs no other hint, and refuses to read one type as another
// ([ErrWrongType]). [TypeOf] and [Decode] look into values of any type. The
// layout never changes under stored data.
//
// # Types
//
// A type's tag is stable: no Go package path and no struct name is in it. The
// tags are int, int8 to int64, uint to uint64, float32, float64, string, bool,
// bytes, time, duration; text for a type that is an encoding.TextMarshaler and
// an encoding.TextUnmarshaler; []T, [N]T and map[K]V; any; and struct. A type of
// one of the basic kinds has the kind's tag: after type UserID int, it is int.
// Pointers have the tag of what they point to.
//
// "struct" says little, and leads back to no Go type. [Name] gives a type of
// yours a tag of its own, in a [Registry].
//
// # Codecs
//
// [Text] writes strings, bytes, numbers, bools, times, durations and text
// marshalers, always. What writes everything else is chosen: [JSON] by default,
// [Gob], or a [Codec] of yours, given to [NewRegistry]. Reading goes by the
// header alone, so the choice may change while old values are still there.
//
// # One type, many values
//
// [For] decides once how values of one type are written and read; its [Typed]
// then does so without reflection for the built-in scalar types. [Options] are
// there for values without a header, for lenient reading, and for a codec or a
// tag of this one declaration.
//
// # Safety
//
// Decoding takes bytes from anybody: the built-in codecs answer damaged and
// hostile ones with an error, and allocate in proportion to them.
package codec
