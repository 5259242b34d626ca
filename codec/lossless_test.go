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
	nested   struct { // its methods are the pointer's, in a map within itself
		M map[string]nested
		F pointerJSON
	}
	chainLink struct {
		Next *chainLink
		Data any
		At   time.Time
	}
	level  struct{ N int } // its IsZero is true of what is not empty
	maybe  struct{ Valid bool }
	tagged struct {
		Level level  `json:",omitzero"`
		Text  string `json:",omitempty"`
		Quote string `json:",string"`
		N     int    `json:",string,omitempty"`
	}
	Faint struct { //nolint:errname // it is embedded, so that it has to be exported
		A int   `json:",omitempty"`
		L []int `json:",omitempty"`
	}
	haunted   struct{ *Faint }
	quotedKey struct {
		K keyHalfway `json:",string"`
	}
	keyHalfway int
	wrapsJSON  struct{ pointerJSON }
)

func (l level) IsZero() bool { return l.N < 10 }
func (m maybe) MarshalJSON() ([]byte, error) {
	if !m.Valid {
		return []byte("null"), nil
	}
	return []byte("true"), nil
}

func (m *maybe) UnmarshalJSON(data []byte) error {
	m.Valid = string(data) == "true"
	return nil
}
func (k keyHalfway) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "k%d", int(k)), nil }
func (k *keyHalfway) UnmarshalText(data []byte) error {
	_, err := fmt.Sscanf(string(data), "k%d", (*int)(k))
	return err
}

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
	return []byte(o.Format(time.RFC3339) + "|" + o.Page), nil
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

// here and there are two places with the same clocks: times there are written alike.
var here, there = time.FixedZone("here", 3600), time.FixedZone("there", 3600)

// seconds is a zone as local times before the standard ones have.
var seconds = time.FixedZone("LMT", 19*60+32)

func TestLossless(t *testing.T) {
	one, zero := 1, 0
	at := time.Unix(1, 0)
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
		{"one instant twice", roundTrip(map[time.Time]int{at.In(here): 1, at.In(there): 2}), "two keys of the map are written like this", "two keys of the map are written like this", "one of the two would be lost"},
		{"in a key's field", roundTrip(map[struct{ At time.Time }]int{{at.In(here)}: 1, {at.In(there)}: 2}), "json can't write a map with keys", "two keys of the map", "as with the time itself"},
		{"two instants", roundTrip(map[time.Time]int{at.In(here): 1, at.UTC(): 2}), "", "", "their offsets differ"},
		{"pointers as keys", roundTrip(map[*int]int{&one: 1}), "json can't write", "there is a pointer in it", "another pointer would come back"},
		{"pointer's methods in a map within", roundTrip(nested{M: map[string]nested{"a": {F: pointerJSON{1}}}}), "use map[string]*codec_test.nested", "", "as in any map"},
		{"within itself", roundTrip(chainLink{Next: &chainLink{Data: int64(1<<53 + 1)}}), "", "gob: ", "all links are looked through"},
		{"a bad one within itself", roundTrip(chainLink{Next: &chainLink{At: at.In(seconds)}}), "field Next: field At: the offset of", "", "all links are looked through"},
		{"IsZero", roundTrip(tagged{Level: level{3}}), "field Level: its tag has \"omitzero\"", "", "it would be left out"},
		{"not IsZero", roundTrip(tagged{Level: level{30}, Quote: "a", N: 3}), "", "", "it is written"},
		{"invalid UTF-8 in quotes", roundTrip(tagged{Quote: "a\xff"}), "not valid UTF-8", "", "its escape is escaped"},
		{"U+FFFD in quotes", roundTrip(tagged{Quote: `\ufffd`}), "", "", "it is six characters"},
		{"a quoted type that marshals itself", roundTrip(quotedKey{7}), "field K: json does not read what", "", "its text is no number"},
		{"nothing in what is embedded", roundTrip(haunted{&Faint{}}), "field Faint: it is not nil, but would come back as nil", "", "nothing of it is written"},
		{"an empty list in what is embedded", roundTrip(haunted{&Faint{L: []int{}}}), "field Faint: it is not nil", "", "that is not written either"},
		{"something in what is embedded", roundTrip(haunted{&Faint{A: 1}}), "", "", "it is there"},
		{"what is embedded is nil", roundTrip(haunted{}), "", "", "nil comes back"},
		{"pointer to what writes null", roundTrip([]*maybe{{}}), "[0]: it points to what is written as nil", "", "null would be nil"},
		{"pointer to what might", roundTrip([]*maybe{{true}, nil}), "", "[1]: it is nil", "it does not"},
		{"nil in any", roundTrip(loose{[]any(nil)}), "field Data: a nil list or map in an interface", "gob: ", "it would be no list"},
		{"nil map in any", roundTrip([]any{map[string]any(nil)}), "[0]: a nil list or map in an interface", "gob: ", "it would be no map"},
		{"its own escape", roundTrip(struct{ R json.RawMessage }{json.RawMessage(`"\ufffd"`)}), "", "", "it is JSON as it was given"},
		{"its own escape beside a bad text", roundTrip(struct {
			R json.RawMessage
			S string
		}{json.RawMessage(`"\ufffd"`), "\xff"}), "not valid UTF-8", "", "the text would not come back"},
		{"wrapped", roundTrip(struct{ W wrapsJSON }{wrapsJSON{pointerJSON{7}}}), "", "field W: codec_test.wrapsJSON has no exported fields", "gob does not see what is embedded and not exported"},
		{"a wrapped pointer", roundTrip(precise{big.NewFloat(1)}), "read a big.Float with 64 bits only", "which is nil when it is to be read", "its method would panic"},
		{"another one", roundTrip(struct{ *big.Int }{big.NewInt(1)}), "which is nil when it is to be read", "which is nil when it is to be read", "its method would panic"},
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
	if err := roundTrip(at.In(seconds))(t, codec.Gob); err != nil {
		t.Errorf("a time by gob: %v", err)
	}
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
	reflect.TypeFor[stamp](), reflect.TypeFor[ownText](), reflect.TypeFor[precise](), reflect.TypeFor[nested](), reflect.TypeFor[chainLink](), reflect.TypeFor[level](),
	reflect.TypeFor[maybe](), reflect.TypeFor[tagged](), reflect.TypeFor[haunted](), reflect.TypeFor[quotedKey](), reflect.TypeFor[keyHalfway](), reflect.TypeFor[wrapsJSON](),
	reflect.TypeFor[person](), reflect.TypeFor[*Faint](), reflect.TypeFor[locked](),
}

// tags are those that encoding/json heeds.
var tags = []reflect.StructTag{"", "", "", `json:",omitempty"`, `json:",omitzero"`, `json:",string"`, `json:"x"`, `json:",omitempty,omitzero,string"`}

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
		if key := drawType(t, 0); key.Comparable() {
			return reflect.MapOf(key, elem)
		}
		return reflect.MapOf(reflect.TypeFor[string](), elem)
	}
	field := func(name string, of reflect.Type) reflect.StructField {
		return reflect.StructField{Name: name, Type: of, Tag: rapid.SampledFrom(tags).Draw(t, "tag")}
	}
	fields := []reflect.StructField{field("A", elem)}
	for i := range rapid.IntRange(0, 2).Draw(t, "fields") {
		fields = append(fields, field(fmt.Sprint("F", i), drawType(t, depth-1)))
	}
	if rapid.IntRange(0, 4).Draw(t, "embeds") == 0 {
		faint := reflect.TypeFor[*Faint]()
		fields = append(fields, reflect.StructField{Name: "Faint", Type: faint, Anonymous: true})
	}
	return reflect.StructOf(fields)
}

// fill draws a value.
func fill(t *rapid.T, v reflect.Value, depth int) {
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		*at = time.Unix(rapid.SampledFrom([]int64{0, 1, 1 << 32}).Draw(t, "time"), 0).In(rapid.SampledFrom([]*time.Location{time.UTC, seconds, here, there}).Draw(t, "zone"))
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
	case *wrapsJSON:
		at.N = rapid.IntRange(0, 1).Draw(t, "wrapped")
		return
	case *locked:
		at.Name, at.hits = "x", rapid.IntRange(0, 1).Draw(t, "hits")
		return
	case *fmt.Stringer:
		*at = rapid.SampledFrom([]fmt.Stringer{nil, time.Second}).Draw(t, "stringer")
		return
	case *big.Int:
		at.SetInt64(rapid.Int64().Draw(t, "big"))
		return
	case *big.Float:
		at.SetPrec(100).Quo(big.NewFloat(1), big.NewFloat(3))
		return
	case *json.RawMessage:
		*at = json.RawMessage(rapid.SampledFrom([]string{`{"raw":1}`, `"\ufffd"`, "null"}).Draw(t, "raw"))
		return
	case *any:
		*at = rapid.SampledFrom([]any{nil, true, "text", 1.5, 7, int64(1<<53 + 1), []any{1.0, "x"}, map[string]any{"k": uint64(math.MaxUint64)}, left{1}, []int{1}, "\xff", []any(nil), map[string]any(nil), []any{[]any(nil)}}).Draw(t, "any")
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
		if depth > 8 {
			return
		}
		n := rapid.IntRange(0, 2).Draw(t, "length")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), depth+1)
		}
	case reflect.Map:
		if depth > 8 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(0, 2).Draw(t, "length") {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key, depth+1)
			fill(t, elem, depth+1)
			if key.Comparable() {
				v.SetMapIndex(key, elem)
			}
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

// innermost is the time that a value is, or points to.
func innermost(v reflect.Value) time.Time {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return v.Interface().(time.Time)
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
		c := rapid.SampledFrom([]codec.Codec{codec.JSON, codec.Gob, codec.Text}).Draw(t, "codec")
		back, data, refusal, err := codec.RoundTrip(c, v.Interface())
		if refusal != nil {
			refused++
			return
		}
		if strings.HasPrefix(string(data), "~text:time:") && err == nil && innermost(v).Equal(innermost(back)) {
			return // its offset is rounded to minutes
		}
		if err != nil || !same(v, back) {
			t.Fatalf("%v by %s: %+v comes back as %+v, %v, from %q", typ, c.Name(), v, back, err, data)
		}
		stored++
	})
	t.Logf("%d values came back, %d were refused", stored, refused)
	if stored == 0 || refused == 0 {
		t.Error("nothing was shown")
	}
}
