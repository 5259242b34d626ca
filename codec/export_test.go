package codec

import "reflect"

// RoundTrip writes a value as a declaration of its type with the codec would, and reads it
// into a new one. It is refused where the declaration or the write says why not.
func RoundTrip(c Codec, v any) (back reflect.Value, data []byte, refused, failed error) {
	t := reflect.TypeOf(v)
	d, err := standard.declare(t, Options{Codec: c, Chosen: t.Kind() == reflect.Struct})
	if err == nil {
		err = d.check(t)
	}
	if err == nil {
		data, err = d.append(nil, "k", v)
	}
	if err != nil {
		return back, nil, err, nil
	}
	p := reflect.New(t)
	return p.Elem(), data, nil, d.decode("k", data, p.Interface())
}
