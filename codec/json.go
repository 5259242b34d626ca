package codec

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

type jsonCodec struct{}

func (jsonCodec) Name() string { return "json" }

func (c jsonCodec) Append(dst []byte, v any) ([]byte, error) {
	plan := c.plan(reflect.TypeOf(v))
	if err := plan.look(v); err != nil {
		return dst, err
	}
	if plan.byPointer {
		v = addressable(v)
	}
	w := appender{dst}
	enc := json.NewEncoder(&w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return dst, err
	}
	if bytes.Contains(w.buf[len(dst):], []byte("ufffd")) && hasInvalidText(reflect.ValueOf(v)) {
		return dst, errors.New("json: a text in it is not valid UTF-8, and would come back with U+FFFD in the place of its bytes; use []byte")
	}
	return bytes.TrimSuffix(w.buf, []byte{'\n'}), nil
}

// addressable is a pointer to a copy of v.
func addressable(v any) any {
	p := reflect.New(reflect.TypeOf(v))
	p.Elem().Set(reflect.ValueOf(v))
	return p.Interface()
}

// hasInvalidText finds a text that is not UTF-8, for whose bytes encoding/json writes
// an escape of U+FFFD. Types that marshal themselves may write that escape too.
func hasInvalidText(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return false
	case reflect.Pointer, reflect.Interface:
		return hasInvalidText(v.Elem())
	}
	if v.CanInterface() {
		switch own := addressable(v.Interface()).(type) {
		case json.Marshaler:
			return false
		case encoding.TextMarshaler:
			text, err := own.MarshalText()
			return err == nil && !utf8.Valid(text)
		}
	}
	switch v.Kind() {
	case reflect.String:
		return !utf8.ValidString(v.String())
	case reflect.Struct:
		for i := range v.NumField() {
			if hasInvalidText(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if hasInvalidText(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if hasInvalidText(entries.Key()) || hasInvalidText(entries.Value()) {
				return true
			}
		}
	}
	return false
}

// Decode decodes what encoding/json does, but where it decodes into an interface,
// a number that a float64 can't hold becomes an int64 or a uint64.
func (c jsonCodec) Decode(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if err == nil && c.plan(reflect.TypeOf(v)).holdsAny && hasLongNumber(data) {
		err = exactNumbers(data, v)
	}
	return err
}

// jsonPlans say what JSON makes of types. The package encoding/json itself says so
// only once it meets such a value, which may be long after the start, or never.
var jsonPlans = &planner{rules: jsonRules{}}

func (jsonCodec) plan(t reflect.Type) *plan { return jsonPlans.of(t) }

// check finds what can't be written or can't be read back.
func (c jsonCodec) check(t reflect.Type) error { return c.plan(t).err }

type jsonRules struct{}

var (
	byJSON = methods{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](), "MarshalJSON", "UnmarshalJSON"}
	byText = methods{reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](), "MarshalText", "UnmarshalText"}

	bigFloatType = reflect.TypeFor[big.Float]()
)

func (jsonRules) itself(t reflect.Type) (plan, bool) {
	if t == timeType {
		return plan{guard: wholeMinutes}, true
	}
	if embedded(t) == bigFloatType {
		return plan{err: errBigFloat}, true
	}
	for _, m := range []methods{byJSON, byText} {
		if does, byPointer := m.writes(t); does && t.Kind() != reflect.Pointer {
			made := plan{err: m.check(t), facts: facts{byPointer: byPointer}}
			if embedded(t) == timeType {
				made.guard = wholeMinutes
			} else if m == byJSON {
				made.isNull = marshalsNull
			}
			return made, true
		}
	}
	return plan{}, false
}

// marshalsNull says that a value writes itself as null. An error of its method comes
// again when it is written.
func marshalsNull(v reflect.Value) bool {
	if !v.CanInterface() {
		return false // what is not exported is not written
	}
	data, err := addressable(v.Interface()).(json.Marshaler).MarshalJSON()
	return err == nil && string(bytes.TrimSpace(data)) == "null"
}

// embedded is what a struct consists of that only embeds something; else t itself.
func embedded(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Struct && t.NumField() == 1 && t.Field(0).Anonymous {
		return embedded(strip(t.Field(0).Type))
	}
	return t
}

var errBigFloat = errors.New("text and json read a big.Float with 64 bits only; give the key rin.Codec(codec.Gob)")

// wholeMinutes finds a time whose text would say another moment.
func wholeMinutes(v reflect.Value, _ int) error {
	if !v.CanInterface() {
		return nil // what is not exported is not written
	}
	return wholeOffset(v.Interface())
}

// fields are those that encoding/json writes: of several with one name the one that
// is embedded least deep, or among these the one that has it from its tag.
func (r jsonRules) fields(t reflect.Type) (kept []reflect.StructField, guards []guarded, err error) {
	all := jsonFields{named: map[string][]jsonField{}}
	if err := all.add(t, nil, nil); err != nil {
		return nil, nil, err
	}
	for _, name := range all.names {
		first, rest, err := dominant(name, all.named[name])
		if err != nil {
			return nil, nil, err
		}
		kept = append(kept, first)
		all.dropped = append(all.dropped, rest...)
	}
	for _, f := range kept {
		switch _, does := r.itself(strip(f.Type)); {
		case does && quoted(f):
			return nil, nil, fmt.Errorf("field %s: json does not read what a %v writes under a tag \",string\"; take that out of the tag", f.Name, f.Type)
		case tagged(f, "omitzero"):
			guards = append(guards, guarded{f, leftOutByIsZero})
		}
	}
	for _, f := range all.dropped {
		guards = append(guards, guarded{f, notZero})
	}
	for _, f := range all.embedded {
		guards = append(guards, guarded{f, leavesTrace(f, kept)})
	}
	return kept, guards, nil
}

// tagged says that a field's tag has an option.
func tagged(f reflect.StructField, option string) bool {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return slices.Contains(strings.Split(options, ","), option)
}

// quoted says that encoding/json heeds the option "string" of a field.
func quoted(f reflect.StructField) bool {
	t := f.Type
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return tagged(f, "string") && isScalar(t.Kind())
}

// leftOutByIsZero finds data that the option "omitzero" leaves out.
func leftOutByIsZero(v reflect.Value, _ int) error {
	if isOmittedZero(v) && !v.IsZero() {
		return errors.New(`its tag has "omitzero" and its IsZero says true, so that it would be left out though there is something in it`)
	}
	return nil
}

// isOmittedZero says that the option "omitzero" leaves v out.
func isOmittedZero(v reflect.Value) bool {
	if k := v.Kind(); (k == reflect.Pointer || k == reflect.Interface) && v.IsNil() {
		return true
	}
	if v.CanInterface() {
		if own, ok := v.Interface().(interface{ IsZero() bool }); ok {
			return own.IsZero()
		}
		if own, ok := addressable(v.Interface()).(interface{ IsZero() bool }); ok {
			return own.IsZero()
		}
	}
	return v.IsZero()
}

// isOmittedEmpty says that the option "omitempty" leaves v out.
func isOmittedEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// leavesTrace guards a pointer that is embedded. It comes back as nil unless one of
// the fields behind it is written.
func leavesTrace(pointer reflect.StructField, kept []reflect.StructField) guard {
	var behind []guarded
	errWritten := errors.New("it is written")
	for _, f := range kept {
		at := len(pointer.Index)
		if len(f.Index) <= at || !slices.Equal(f.Index[:at], pointer.Index) {
			continue
		}
		empty, zero := tagged(f, "omitempty"), tagged(f, "omitzero")
		f.Index = f.Index[at:]
		behind = append(behind, guarded{f, func(v reflect.Value, _ int) error {
			if empty && isOmittedEmpty(v) || zero && isOmittedZero(v) {
				return nil
			}
			return errWritten
		}})
	}
	return func(v reflect.Value, depth int) error {
		if v.IsNil() {
			return nil
		}
		for i := range behind {
			if behind[i].check(v.Elem(), depth) != nil {
				return nil
			}
		}
		return errors.New("it is not nil, but would come back as nil, since nothing in it is written; give the field a name")
	}
}

// jsonFields are the fields of a struct and of what it embeds.
type jsonFields struct {
	names    []string // in order
	named    map[string][]jsonField
	dropped  []reflect.StructField
	embedded []reflect.StructField // by pointer
}

type jsonField struct {
	reflect.StructField
	tagged bool
}

// add adds the fields of t, which is embedded in the types on the path, at an index.
func (all *jsonFields) add(t reflect.Type, index []int, path []reflect.Type) error {
	path = append(path, t)
	for i := range t.NumField() {
		f := t.Field(i)
		f.Index = append(slices.Clone(index), i)
		name, tagged, written, err := jsonName(f)
		switch {
		case err != nil:
			return err
		case !written && name == "-": // as it was asked for
		case !written:
			all.dropped = append(all.dropped, f)
		case name != "":
			if all.named[name] == nil {
				all.names = append(all.names, name)
			}
			all.named[name] = append(all.named[name], jsonField{f, tagged})
		case slices.Contains(path, embeddedStruct(f)): // json does not go round in a circle
			all.dropped = append(all.dropped, f)
		default:
			if f.Type.Kind() == reflect.Pointer {
				all.embedded = append(all.embedded, f)
			}
			if err := all.add(embeddedStruct(f), f.Index, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// embeddedStruct is the struct that a field embeds, or a pointer to it; nil for any
// other field.
func embeddedStruct(f reflect.StructField) reflect.Type {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !f.Anonymous || t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

// jsonName is a field's name in JSON, from its tag or not; empty for what is
// embedded, whose fields stand for it; "-" for what is not to be written.
func jsonName(f reflect.StructField) (name string, tagged, written bool, err error) {
	tag := f.Tag.Get("json")
	if tag == "-" {
		return "-", false, false, nil
	}
	name, _, _ = strings.Cut(tag, ",")
	embeds := embeddedStruct(f) != nil
	switch {
	case !f.IsExported() && !embeds:
		return "", false, false, nil
	case !f.IsExported() && f.Type.Kind() == reflect.Pointer:
		return "", false, false, fmt.Errorf("field %s: json can't read an embedded pointer to a type that is not exported; embed the type itself", f.Name)
	case name != "":
		return name, true, true, nil
	case embeds:
		return "", false, true, nil
	}
	return f.Name, false, true, nil
}

// dominant is the field of a name that is written.
func dominant(name string, fields []jsonField) (first reflect.StructField, rest []reflect.StructField, err error) {
	best := 0
	better := func(a, b jsonField) bool {
		if len(a.Index) != len(b.Index) {
			return len(a.Index) < len(b.Index)
		}
		return a.tagged && !b.tagged
	}
	for i, f := range fields {
		if better(f, fields[best]) {
			best = i
		}
	}
	for i, f := range fields {
		if i == best {
			continue
		}
		if !better(fields[best], f) {
			return first, nil, fmt.Errorf("two fields are %q in JSON, so that neither would be written; give one of them another name in its tag", name)
		}
		rest = append(rest, f.StructField)
	}
	return fields[best].StructField, rest, nil
}

// elem refuses an interface with methods. A field of one may well stay nil.
func (jsonRules) elem(t reflect.Type) (guard, error) {
	if t.Kind() == reflect.Interface && t.NumMethod() > 0 {
		return nil, fmt.Errorf("json can't read a %v back", t)
	}
	return nil, nil
}

// mapKey knows that encoding/json writes a string as it is, but reads it by its
// UnmarshalText.
func (jsonRules) mapKey(t reflect.Type) (func(reflect.Value) (string, error), error) {
	writes, reads := t.Implements(byText.write), reflect.PointerTo(t).Implements(byText.read)
	switch kind := t.Kind(); {
	case kind == reflect.String && reads:
		return nil, fmt.Errorf("json writes keys of type %v as they are, and reads them by UnmarshalText; use another type for the keys", t)
	case kind == reflect.String:
		return nil, nil
	case writes && reads:
		return marshaledText, nil
	case !isWhole(kind):
		return nil, fmt.Errorf("json can't write a map with keys of type %v", t)
	case writes != reads:
		return nil, fmt.Errorf("json does not read keys of type %v as it writes them; give the type both MarshalText and UnmarshalText, or neither", t)
	}
	return nil, nil
}

func isWhole(k reflect.Kind) bool { return reflect.Int <= k && k <= reflect.Uintptr }

func marshaledText(v reflect.Value) (string, error) {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return "", nil
	}
	text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	return string(text), err
}

func (jsonRules) other(t reflect.Type) plan {
	switch {
	case t.Kind() != reflect.Interface:
		return plan{err: fmt.Errorf("json can't write a %v", t)}
	case t.NumMethod() > 0:
		return plan{guard: isNilInterface}
	}
	return plan{guard: isPlainData, facts: facts{holdsAny: true}}
}

// isNilInterface finds a value in an interface with methods, which may well stay nil.
func isNilInterface(v reflect.Value, _ int) error {
	if v.IsNil() {
		return nil
	}
	return fmt.Errorf("json can't read a %v back", v.Type())
}

var errNilInAny = errors.New("a nil list or map in an interface would come back as a nil interface; use nil itself, or an empty one")

// isPlainData finds what does not come back from an any as what it is. Numbers come
// back as numbers.
func isPlainData(v reflect.Value, depth int) error {
	if depth > maxDepth {
		return errors.New("it is nested too deep, or contains itself")
	}
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	switch data := v.Interface().(type) {
	case bool, string, float64, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return nil
	case []any:
		if data == nil {
			return errNilInAny
		}
		for i := range data {
			if err := isPlainData(reflect.ValueOf(&data[i]).Elem(), depth+1); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return nil
	case map[string]any:
		if data == nil {
			return errNilInAny
		}
		for key, elem := range data {
			if err := isPlainData(reflect.ValueOf(&elem).Elem(), depth+1); err != nil {
				return fmt.Errorf("[%q]: %w", key, err)
			}
		}
		return nil
	}
	return fmt.Errorf("a %v in an interface would not come back as one; declare its type", v.Type())
}

// longNumber is how many digits a number has at least that a float64 can't hold.
const longNumber = 16

// hasLongNumber is false where every float64 is exact.
func hasLongNumber(data []byte) bool {
	run := 0
	for _, c := range data {
		if '0' <= c && c <= '9' {
			if run++; run >= longNumber {
				return true
			}
		} else if c != '.' {
			run = 0
		}
	}
	return false
}

// exactNumbers decodes once more, and makes of the numbers in interfaces what holds
// them.
func exactNumbers(data []byte, v any) error {
	into := reflect.ValueOf(v).Elem()
	into.SetZero()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return err
	}
	return settleNumbers(into)
}

// settleNumbers replaces each json.Number in an interface, wherever it is in a value
// that can be set.
func settleNumbers(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Interface:
		return settleInterface(v)
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return settleNumbers(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if err := settleNumbers(v.Field(i)); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := settleNumbers(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		return settleMap(v)
	}
	return nil
}

func settleMap(v reflect.Value) error {
	if !v.CanInterface() {
		return nil
	}
	for entries := v.MapRange(); entries.Next(); {
		elem := reflect.New(v.Type().Elem()).Elem()
		elem.Set(entries.Value())
		if err := settleNumbers(elem); err != nil {
			return err
		}
		v.SetMapIndex(entries.Key(), elem)
	}
	return nil
}

// settleInterface replaces what is in an interface, which can't be set there.
func settleInterface(v reflect.Value) error {
	if v.IsNil() || !v.CanSet() {
		return nil
	}
	if text, ok := v.Interface().(json.Number); ok {
		n, err := number(string(text))
		if err == nil {
			v.Set(reflect.ValueOf(n))
		}
		return err
	}
	inner := reflect.New(v.Elem().Type()).Elem()
	inner.Set(v.Elem())
	if err := settleNumbers(inner); err != nil {
		return err
	}
	v.Set(inner)
	return nil
}

// number is a float64, or if that can't hold a whole number an int64 or a uint64.
func number(text string) (any, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if f := float64(n); f < 1<<63 && int64(f) == n {
			return f, nil
		}
		return n, nil
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !holds(f, text) {
		return nil, fmt.Errorf("json: no number that an interface could get holds %s; declare the type", text)
	}
	return f, nil
}

// holds says that a float64 is written as the same number as text.
func holds(f float64, text string) bool {
	const longest = 400 // more than any float64 needs, and not too much to compute with
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	if f == 0 || len(text) > longest {
		return !strings.ContainsAny(mantissa, "123456789")
	}
	exact, ok := new(big.Rat).SetString(text)
	again, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	return ok && again != nil && exact.Cmp(again) == 0
}

// appender is an io.Writer onto a slice.
type appender struct{ buf []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.buf = append(a.buf, p...)
	return len(p), nil
}
