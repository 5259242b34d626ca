package codec_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/redisimnest/rin/codec"
)

// These are types that a codec of the standard library writes otherwise than it reads
// them, or not at all, without an error.
type (
	when time.Time // no exported fields, no methods
	page struct {
		time.Time
		Page string
	}
	deeper  struct{ page }
	stamp   struct{ time.Time }
	precise struct{ *big.Float }
	ownText struct {
		time.Time
		Page string
	}
	pointerJSON struct{ N int } // its methods are the pointer's
	pointerText struct{ N int }
	writeOnly   struct{ N int }
	keyText     string
	keyHalf     int
	left        struct{ ID int }
	right       struct{ ID int }
	both        struct { // JSON writes neither ID
		left
		right
		Name string
	}
	shadowed struct {
		left
		ID int
	}
	embeds struct {
		left
		Name string
	}
	locked struct {
		Name string
		mu   sync.Mutex //nolint:unused // it is not exported
		hits int
	}
	pointsTo struct{ P *int }
	loose    struct{ Data any }
	person   struct{ Err fmt.Stringer }
)

func (p *pointerJSON) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "[%d]", p.N), nil }
func (p *pointerJSON) UnmarshalJSON(data []byte) error {
	_, err := fmt.Sscanf(string(data), "[%d]", &p.N)
	return err
}
func (p *pointerText) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "n%d", p.N), nil }
func (p *pointerText) UnmarshalText(data []byte) error {
	_, err := fmt.Sscanf(string(data), "n%d", &p.N)
	return err
}

func (o ownText) MarshalText() ([]byte, error) {
	return []byte(o.UTC().Format(time.RFC3339) + "|" + o.Page), nil
}

func (o *ownText) UnmarshalText(data []byte) (err error) {
	at, page, _ := strings.Cut(string(data), "|")
	o.Page = page
	o.Time, err = time.Parse(time.RFC3339, at)
	return err
}
func (writeOnly) MarshalJSON() ([]byte, error) { return []byte("1"), nil }
func (k keyText) MarshalText() ([]byte, error) { return []byte("k" + k), nil }
func (k *keyText) UnmarshalText(data []byte) error {
	*k = keyText(strings.TrimPrefix(string(data), "k"))
	return nil
}
func (keyHalf) MarshalText() ([]byte, error) { return []byte("half"), nil }

// seconds is a zone as local times before the standard ones have.
var seconds = time.FixedZone("LMT", 19*60+32)

func TestLossless(t *testing.T) {
	one, zero := 1, 0
	for _, tc := range []struct {
		name   string
		try    func(t *testing.T, c codec.Codec) error
		json   string // the error; empty: it comes back
		gob    string
		reason string
	}{
		{"no exported fields", roundTrip(when(time.Unix(1, 0))), "codec_test.when has no exported fields", "codec_test.when has no exported fields", "nothing would be stored"},
		{"nested", roundTrip(struct{ W []when }{}), "field W: codec_test.when has no exported fields", "field W: codec_test.when has no exported fields", "nothing of it would be stored"},
		{"promoted method", roundTrip(page{time.Unix(1, 0).UTC(), "x"}), "is that of its embedded Time, and leaves out the other fields", "is that of its embedded Time", "the page would be lost"},
		{"pointer's MarshalJSON", roundTrip(pointerJSON{7}), "", "", "a value is written by the methods that read it"},
		{"in fields, lists and arrays", roundTrip(struct {
			F pointerJSON
			L []pointerJSON
			A [2]pointerText
		}{pointerJSON{7}, []pointerJSON{{8}}, [2]pointerText{{9}, {10}}}), "", "", "wherever it is"},
		{"in maps", roundTrip(map[string]pointerJSON{"k": {7}}), "use map[string]*codec_test.pointerJSON", "", "a map's values have no address"},
		{"pointers in maps", roundTrip(map[string]*pointerJSON{"k": {7}}), "", "", "these have their methods"},
		{"text in maps", roundTrip(map[string]pointerText{"k": {7}}), "use map[string]*codec_test.pointerText", "", "as with JSON"},
		{"written only", roundTrip(writeOnly{7}), "has MarshalJSON and not UnmarshalJSON", "", "it would be read by its fields"},
		{"string keys with text methods", roundTrip(map[keyText]int{"a": 1}), "json writes keys of type codec_test.keyText as they are", "", "json reads them by UnmarshalText"},
		{"number keys with half", roundTrip(map[keyHalf]int{1: 1}), "json does not read keys of type codec_test.keyHalf as it writes them", "", "json writes them by MarshalText"},
		{"two fields of one name", roundTrip(both{left{1}, right{2}, "x"}), `two fields are "ID" in JSON`, "field left: it is not empty", "neither would be written"},
		{"a hidden field", roundTrip(shadowed{left{1}, 2}), "field ID: it is not empty", "field left: it is not empty", "the outer one is written"},
		{"an empty hidden field", roundTrip(shadowed{ID: 2}), "", "", "nothing is lost"},
		{"embedded, not exported", roundTrip(embeds{left{1}, "x"}), "", "field left: it is not empty", "json writes its fields, gob does not"},
		{"not exported", roundTrip(&locked{Name: "x", hits: 1}), "field hits: it is not empty", "field hits: it is not empty", "it would be lost"},
		{"not exported and empty", roundTrip(&locked{Name: "x"}), "", "", "nothing is lost"},
		{"pointer to zero", roundTrip(pointsTo{&zero}), "", "field P: it points to a zero value", "gob leaves out zeros"},
		{"pointer", roundTrip(pointsTo{&one}), "", "", "it is there"},
		{"interface with a value", roundTrip(person{time.Second}), "json can't read a fmt.Stringer back", "gob: ", "nothing says which type it had"},
		{"interface without", roundTrip(person{}), "", "", "nil comes back"},
		{"struct in any", roundTrip(loose{left{1}}), "field Data: a codec_test.left in an interface would not come back as one", "gob: ", "it would be a map"},
		{"data in any", roundTrip(map[string]any{"a": []any{1.5, "b", nil, true, map[string]any{"c": 2.0}}}), "", "gob: ", "this is what JSON has"},
		{"a large number in any", roundTrip(map[string]any{"id": int64(1<<53 + 1)}), "", "gob: ", "a float64 can't hold it"},
		{"a larger one", roundTrip(map[string]any{"id": uint64(math.MaxUint64)}), "", "gob: ", "an int64 can't either"},
		{"invalid UTF-8", roundTrip(struct{ S string }{"a\xff"}), "not valid UTF-8", "", "json replaces it"},
		{"in a key", roundTrip(map[string]int{"a\xff": 1, "a\xfe": 2}), "not valid UTF-8", "", "both keys would be one"},
		{"U+FFFD", roundTrip(struct{ S string }{"\ufffd and \\ufffd"}), "", "", "it is a character like others"},
		{"seconds in an offset", roundTrip(struct{ At time.Time }{time.Unix(1, 0).In(seconds)}), "field At: the offset of", "", "RFC 3339 has no room for them"},
		{"offset", roundTrip(struct{ At time.Time }{time.Unix(1, 0).In(time.FixedZone("", 3600))}), "", "", "it has for minutes"},
		{"big.Float", roundTrip(struct{ F *big.Float }{new(big.Float).SetPrec(200).Quo(big.NewFloat(1), big.NewFloat(3))}), "read a big.Float with 64 bits only", "", "gob keeps all"},
	} {
		for c, want := range map[codec.Codec]string{codec.JSON: tc.json, codec.Gob: tc.gob} {
			err := tc.try(t, c)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s by %s:\ngot  %v\nwant %q\nreason: %s", tc.name, c.Name(), err, want, tc.reason)
			}
		}
	}
}

// Types that are stored as text keep to the same.
func TestLossless_text(t *testing.T) {
	at := time.Unix(1, 0).UTC()
	for want, try := range map[string]func(*testing.T, codec.Codec) error{
		"is that of its embedded":            roundTrip(deeper{page{at, "x"}}),
		"the offset of":                      roundTrip(stamp{at.In(seconds)}),
		"read a big.Float with 64 bits only": roundTrip(precise{big.NewFloat(0.5)}),
	} {
		if err := try(t, codec.Text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, try := range []func(*testing.T, codec.Codec) error{roundTrip(ownText{at, "x"}), roundTrip(stamp{at})} {
		if err := try(t, codec.Text); err != nil {
			t.Errorf("got %v, want it to come back", err)
		}
	}
}

// roundTrip writes a value and reads it. The error is that of the declaration or of
// the write; a value that comes back as another fails the test.
func roundTrip[T any](v T) func(t *testing.T, c codec.Codec) error {
	return func(t *testing.T, c codec.Codec) error {
		typed, err := codec.For[T](nil, codec.Options{Codec: c, Chosen: true})
		if err != nil {
			return err
		}
		data, err := typed.Append(nil, "k", v)
		if err != nil {
			return err
		}
		back, err := typed.Decode("k", data)
		if err != nil || !same(reflect.ValueOf(v), reflect.ValueOf(back)) {
			t.Errorf("%T by %s: %+v comes back as %+v, %v, from %q", v, c.Name(), v, back, err, data)
		}
		return nil
	}
}

// same says that a value came back as what it was. Nothing and nil are the same in
// lists and maps; a number in an interface is the same whatever its type.
func same(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() {
		return false
	}
	if !a.IsValid() {
		return true
	}
	if x, ok := numberIn(a); ok {
		y, ok := numberIn(b)
		return ok && x.Cmp(y) == 0
	}
	if a.Type() != b.Type() {
		return false
	}
	if a.CanInterface() {
		switch x := a.Interface().(type) {
		case time.Time:
			_, one := x.Zone()
			_, two := b.Interface().(time.Time).Zone()
			return x.Equal(b.Interface().(time.Time)) && one == two
		case *big.Float:
			y := b.Interface().(*big.Float)
			return x == y || x != nil && y != nil && x.Cmp(y) == 0
		}
	}
	switch a.Kind() {
	case reflect.Interface:
		return same(a.Elem(), b.Elem())
	case reflect.Pointer:
		return a.IsNil() == b.IsNil() && (a.IsNil() || same(a.Elem(), b.Elem()))
	case reflect.Struct:
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice, reflect.Array:
		for i := range min(a.Len(), b.Len()) {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return a.Len() == b.Len()
	case reflect.Map:
		for _, key := range a.MapKeys() {
			// A time's zone is another pointer, so that the key may not be ==.
			if !slices.ContainsFunc(b.MapKeys(), func(other reflect.Value) bool {
				return same(key, other) && same(a.MapIndex(key), b.MapIndex(other))
			}) {
				return false
			}
		}
		return a.Len() == b.Len()
	case reflect.Float32, reflect.Float64:
		return a.Float() == b.Float() || math.IsNaN(a.Float()) && math.IsNaN(b.Float())
	}
	return a.Equal(b)
}

// numberIn is the number that an interface holds.
func numberIn(v reflect.Value) (*big.Float, bool) {
	if v.Kind() != reflect.Interface {
		return nil, false
	}
	switch v = v.Elem(); {
	case !v.IsValid():
		return nil, false
	case v.CanInt():
		return new(big.Float).SetInt64(v.Int()), true
	case v.CanUint():
		return new(big.Float).SetUint64(v.Uint()), true
	case v.CanFloat():
		return new(big.Float).SetFloat64(v.Float()), true
	}
	return nil, false
}

// palette are the types that others are made of.
var palette = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint64](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[any](),
	reflect.TypeFor[when](), reflect.TypeFor[page](), reflect.TypeFor[pointerJSON](), reflect.TypeFor[pointerText](), reflect.TypeFor[writeOnly](),
	reflect.TypeFor[keyText](), reflect.TypeFor[keyHalf](), reflect.TypeFor[both](), reflect.TypeFor[shadowed](), reflect.TypeFor[embeds](),
	reflect.TypeFor[pointsTo](), reflect.TypeFor[loose](), reflect.TypeFor[big.Float](), reflect.TypeFor[big.Int](), reflect.TypeFor[struct{}](), reflect.TypeFor[json.RawMessage](),
}

// drawType draws a type that may be stored, or not.
func drawType(t *rapid.T, depth int) reflect.Type {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	if depth == 0 || kind < 5 {
		return rapid.SampledFrom(palette).Draw(t, "type")
	}
	elem := drawType(t, depth-1)
	switch kind {
	case 5:
		return reflect.PointerTo(elem)
	case 6:
		return reflect.SliceOf(elem)
	case 7:
		return reflect.ArrayOf(rapid.IntRange(0, 2).Draw(t, "length"), elem)
	case 8:
		if key := drawType(t, 0); key.Comparable() && key.Kind() != reflect.Interface && key != reflect.TypeFor[loose]() {
			return reflect.MapOf(key, elem)
		}
		return reflect.MapOf(reflect.TypeFor[string](), elem)
	}
	fields := []reflect.StructField{{Name: "A", Type: elem}}
	for i := range rapid.IntRange(0, 2).Draw(t, "fields") {
		fields = append(fields, reflect.StructField{Name: fmt.Sprint("F", i), Type: drawType(t, depth-1)})
	}
	return reflect.StructOf(fields)
}

// fill draws a value.
func fill(t *rapid.T, v reflect.Value, depth int) {
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		*at = time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "time"), 0).In(rapid.SampledFrom([]*time.Location{time.UTC, seconds, time.FixedZone("", -5400)}).Draw(t, "zone"))
		return
	case *when:
		*at = when(time.Unix(1, 0))
		return
	case *both:
		*at = both{left{rapid.Int().Draw(t, "left")}, right{}, "x"}
		return
	case *shadowed:
		*at = shadowed{left{rapid.IntRange(0, 1).Draw(t, "hidden")}, 2}
		return
	case *embeds:
		*at = embeds{left{rapid.IntRange(0, 1).Draw(t, "embedded")}, "x"}
		return
	case *big.Int:
		at.SetInt64(rapid.Int64().Draw(t, "big"))
		return
	case *big.Float:
		at.SetPrec(100).Quo(big.NewFloat(1), big.NewFloat(3))
		return
	case *json.RawMessage:
		*at = json.RawMessage(`{"raw":1}`)
		return
	case *any:
		*at = rapid.SampledFrom([]any{nil, true, "text", 1.5, 7, int64(1<<53 + 1), []any{1.0, "x"}, map[string]any{"k": uint64(math.MaxUint64)}, left{1}, []int{1}, "\xff"}).Draw(t, "any")
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"", "text", "\xff", "\ufffd", `\ufffd`, `<&>"`, "k"}).Draw(t, "string"))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(rapid.Float64Range(-1e9, 1e9).Draw(t, "float"))
	case reflect.Pointer:
		if depth < 6 && rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), depth+1)
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 2).Draw(t, "length")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(0, 2).Draw(t, "length") {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key, depth+1)
			fill(t, elem, depth+1)
			v.SetMapIndex(key, elem)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(t, v.Field(i), depth+1)
			}
		}
	default:
		switch {
		case v.CanInt():
			v.SetInt(rapid.Int64Range(-128, 127).Draw(t, "int"))
		case v.CanUint():
			v.SetUint(rapid.Uint64().Draw(t, "uint"))
		}
	}
}

// Whatever the type: a value comes back, or it is said why not.
func TestLossless_anyType(t *testing.T) {
	stored, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		typ := drawType(t, 3)
		if typ.Kind() == reflect.Interface {
			typ = reflect.TypeFor[loose]() // A Key[any] has types of its own.
		}
		v := reflect.New(typ).Elem()
		fill(t, v, 0)
		c := rapid.SampledFrom([]codec.Codec{codec.JSON, codec.Gob}).Draw(t, "codec")
		// A field of the type is what a T would be, without its type parameter.
		data, err := codec.AppendChecked(c, v.Interface())
		if err != nil {
			refused++
			return
		}
		back := reflect.New(typ)
		if err := c.Decode(data, back.Interface()); err != nil || !same(v, back.Elem()) {
			t.Fatalf("%v by %s: %+v comes back as %+v, %v, from %q", typ, c.Name(), v, back.Elem(), err, data)
		}
		stored++
	})
	t.Logf("%d values came back, %d were refused", stored, refused)
	if stored == 0 || refused == 0 {
		t.Error("nothing was shown")
	}
}
