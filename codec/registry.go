package codec

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync/atomic"
)

// Registry knows codecs and transforms by their names, and Go types by the tags
// that [Name] gave them. It is safe for concurrent use; readers never wait.
//
// Mistakes made while setting it up are gathered: [Registry.Err] returns them,
// and so does everything that uses the registry.
//
// A nil registry, and one that [NewRegistry] did not make, is [Standard].
type Registry struct {
	state atomic.Pointer[state]
}

// state is a registry at one moment. It is never changed, only replaced.
type state struct {
	codecs     map[string]Codec
	fallback   Codec // what writes if no codec is chosen
	transforms map[string]Transform
	tags       map[reflect.Type]string // by type without pointers
	types      map[string]reflect.Type
	err        error
}

// NewRegistry makes a registry of the given codecs and [Text]. The first one
// given is the default for what Text does not write; without any it is [JSON].
//
// Values of a codec that the registry lacks can't be read: keep those that old
// values were written with.
func NewRegistry(codecs ...Codec) *Registry {
	s := &state{codecs: map[string]Codec{Text.Name(): Text}}
	for i, c := range codecs {
		s.err = errors.Join(s.err, s.add(i, c))
	}
	if s.fallback == nil && s.err == nil {
		s.err = s.add(0, JSON)
	}
	r := new(Registry)
	r.state.Store(s)
	return r
}

// Standard makes a registry of the built-in codecs, with JSON as the default.
func Standard() *Registry { return NewRegistry(JSON, Gob) }

func (s *state) add(i int, c Codec) error {
	if c == nil {
		return fmt.Errorf("codec.NewRegistry: codec %d is nil", i+1)
	}
	if _, ok := c.(textCodec); ok {
		return nil
	}
	name := c.Name()
	if !validName(name) {
		return fmt.Errorf("codec.NewRegistry: bad codec name %q: it may not be empty, nor have ':', '~' or control bytes", name)
	}
	if _, taken := s.codecs[name]; taken {
		return fmt.Errorf("codec.NewRegistry: two codecs are named %q", name)
	}
	s.codecs[name] = c
	if s.fallback == nil {
		s.fallback = c
	}
	return nil
}

// Name gives type T a tag, which its stored values carry from then on, alone and
// within slices, arrays and maps ("[]user.v2"). It is also the way back: with it
// [Decode] and keys of any read such values as T. Pointers don't count: T's name
// is *T's too.
//
// A tag is for ever, so name the thing, not the Go type. It has no ':', '~',
// '[', ']' and no control bytes, and is none of the built-in tags.
//
// Name never fails at once; mistakes are in [Registry.Err]. Name types before
// keys are declared with the registry: a declaration holds on to T's tag.
func Name[T any](reg *Registry, tag string) {
	t := reflect.TypeFor[T]()
	reg.change(func(s *state) { s.name(t, tag) })
}

// change replaces the registry's state by one that is changed, and shares no
// changed map with it.
func (r *Registry) change(change func(*state)) {
	if r == nil {
		return // there is nowhere to keep the change, nor the mistake
	}
	for {
		current := r.state.Load()
		next := *r.load()
		change(&next)
		if r.state.CompareAndSwap(current, &next) {
			return
		}
	}
}

func (s *state) name(t reflect.Type, tag string) {
	if err := s.checkName(t, tag); err != nil {
		s.err = errors.Join(s.err, fmt.Errorf("codec.Name[%v](reg, %q): %w", t, tag, err))
		return
	}
	s.tags, s.types = maps.Clone(s.tags), maps.Clone(s.types)
	if s.tags == nil {
		s.tags, s.types = map[reflect.Type]string{}, map[string]reflect.Type{}
	}
	s.tags[strip(t)], s.types[tag] = tag, t
}

func (s *state) checkName(t reflect.Type, tag string) error {
	base := strip(t)
	if own, ok := s.tags[base]; ok && own != tag {
		return fmt.Errorf("the type is already named %q", own)
	}
	if base.Kind() == reflect.Interface {
		return errors.New("an interface has no values of its own")
	}
	if own := s.tag(base); builtin[own] == base {
		return fmt.Errorf("the type is built in, as %q", own)
	}
	return s.checkTag(t, tag)
}

// checkTag is for every tag that a user chooses for a type.
func (s *state) checkTag(t reflect.Type, tag string) error {
	switch other, taken := s.types[tag]; {
	case !validTypeName(tag):
		return errors.New("a tag may not be empty, nor have ':', '~', '[', ']' or control bytes")
	case reserved(tag):
		return errors.New("the tag is built in")
	case taken && other != t:
		return fmt.Errorf("the tag already names %v", other)
	}
	return nil
}

// Err returns all mistakes made in setting the registry up, joined, or nil.
func (r *Registry) Err() error { return r.load().err }

// Lookup finds a codec by its name.
func (r *Registry) Lookup(name string) (Codec, bool) {
	c, ok := r.load().codecs[name]
	return c, ok
}

func (r *Registry) load() *state {
	if r != nil {
		if s := r.state.Load(); s != nil {
			return s
		}
	}
	return standard.state.Load()
}

// Marshal encodes v as bytes that describe themselves, with the registry's
// default codec where the text codec does not write v.
func (r *Registry) Marshal(v any) ([]byte, error) { return r.Append(nil, v) }

// Append is [Registry.Marshal] onto dst. On an error it returns dst as it was.
func (r *Registry) Append(dst []byte, v any) ([]byte, error) {
	if isNil(v) {
		return dst, errNil
	}
	d, err := r.declare(reflect.TypeOf(v), Options{})
	if err != nil {
		return dst, err
	}
	return d.append(dst, "", v)
}

// Unmarshal decodes what [Registry.Marshal] wrote into the pointer v. It fails
// with [ErrWrongType] where v points to another type than the stored one; a
// pointer to any takes every type that has a way back. On an error v is left as
// it is.
func (r *Registry) Unmarshal(data []byte, v any) error {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("codec.Unmarshal needs a pointer to decode into, not a %T", v)
	}
	d, err := r.declare(rv.Type().Elem(), Options{})
	if err != nil {
		return err
	}
	fresh := reflect.New(rv.Type().Elem())
	if err := d.decode("", data, fresh.Interface()); err != nil {
		return err
	}
	rv.Elem().Set(fresh.Elem())
	return nil
}

// Decode decodes a value of any type that the registry can name, and returns
// its tag and the value. The tag comes with [ErrUnknownType] too. Transforms are
// given no key; a value that is bound to one is read by a [Typed].
func (r *Registry) Decode(data []byte) (tag string, v any, err error) {
	s := r.load()
	if s.err != nil {
		return "", nil, s.err
	}
	return (&decl{codec: Text}).readAny(s, "", data)
}
