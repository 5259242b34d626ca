package codec

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"fmt"
	"io"
	"reflect"
)

type gobCodec struct{}

func (gobCodec) Name() string { return "gob" }

func (gobCodec) Append(dst []byte, v any) ([]byte, error) {
	w := appender{dst}
	if err := gob.NewEncoder(&w).Encode(v); err != nil {
		return dst, err
	}
	// What Decode would refuse must not be stored.
	if err := checkGob(w.buf[len(dst):]); err != nil {
		return dst, err
	}
	return w.buf, nil
}

// Decode lets gob see only streams whose counts are borne out by their length:
// gob believes a map's count and allocates for it at once, so that ten bytes
// from a stranger could take all memory.
func (gobCodec) Decode(data []byte, v any) (err error) {
	if err := checkGob(data); err != nil {
		return err
	}
	defer recoverTo(&err)
	return gob.NewDecoder(bytes.NewReader(data)).Decode(v)
}

// check compiles an encoder for t, which finds what gob can't write. Types that
// encode themselves are left alone: they may not care for a zero value.
func (gobCodec) check(t reflect.Type) (err error) {
	t = strip(t)
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[gob.GobEncoder]()) || p.Implements(reflect.TypeFor[encoding.BinaryMarshaler]()) {
		return nil
	}
	defer recoverTo(&err)
	return gob.NewEncoder(io.Discard).EncodeValue(reflect.New(t).Elem())
}

func recoverTo(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("gob: panic: %v", r)
	}
}
