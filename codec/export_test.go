package codec

import "reflect"

// AppendChecked writes a value as a declaration of its type would, which it may
// refuse.
func AppendChecked(c Codec, v any) ([]byte, error) {
	if err := c.(interface{ check(reflect.Type) error }).check(reflect.TypeOf(v)); err != nil {
		return nil, err
	}
	if isNil(v) {
		return nil, errNil
	}
	return c.Append(nil, v)
}
