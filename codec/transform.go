package codec

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Transform changes the bytes that a codec wrote on their way into the store,
// and changes them back: it compresses, encrypts or signs them. It stands above
// every codec, [Text] too. An implementation is safe for concurrent use.
//
// A value's header names the transforms after the codec, in the order in which
// they were applied, and stays readable itself:
//
//	~text+flate:string:<payload>
//
// Reading goes by the header, as it does for codecs, so a transform may be added
// to a declaration, or taken from it, while old values are still there. It
// follows that a value without the transform is read too: one that signs or
// encrypts does not keep out what somebody has written without it.
//
// The same value may be encoded to other bytes each time, as with a nonce.
type Transform interface {
	// Name is what stored values say of the transform: "flate". It never changes,
	// and has no ':', '~', '+' and no control bytes.
	Name() string

	// Encode appends the transformed data to dst and returns the longer slice.
	// key is the key that the value is stored under, and "" outside of a store:
	// an encryption that authenticates it binds the value to its place. Encode
	// does not change data and keeps neither slice; they share no memory. What it
	// returns besides an error is ignored.
	Encode(dst, data []byte, key string) ([]byte, error)

	// Decode appends to dst what Encode was given as data, by the same rules.
	// data may come from anybody: damaged bytes are an error, and so are those
	// that would grow beyond what values may take.
	Decode(dst, data []byte, key string) ([]byte, error)
}

// AddTransforms lets the registry read values that were written with the given
// transforms, by declarations that do not have them in their own [Options].
//
// It never fails at once; mistakes are in [Registry.Err].
func (r *Registry) AddTransforms(transforms ...Transform) {
	r.change(func(s *state) {
		s.transforms = maps.Clone(s.transforms)
		if s.transforms == nil {
			s.transforms = map[string]Transform{}
		}
		for i, t := range transforms {
			err := checkTransform(i, t)
			if err == nil && s.transforms[t.Name()] != nil {
				err = fmt.Errorf("two transforms are named %q", t.Name())
			}
			if err != nil {
				s.err = errors.Join(s.err, fmt.Errorf("codec.Registry.AddTransforms: %w", err))
				continue
			}
			s.transforms[t.Name()] = t
		}
	})
}

func checkTransform(i int, t Transform) error {
	if t == nil {
		return fmt.Errorf("transform %d is nil", i+1)
	}
	if name := t.Name(); !validName(name) || strings.ContainsRune(name, plus) {
		return fmt.Errorf("bad transform name %q: it may not be empty, nor have ':', '~', '+' or control bytes", name)
	}
	return nil
}

// chain is a value's transforms, in the order in which they are applied.
type chain []Transform

// find is the declared transform of that name.
func (c chain) find(name string) Transform {
	for _, t := range c {
		if t.Name() == name {
			return t
		}
	}
	return nil
}

// encode appends the transformed data to dst.
func (c chain) encode(dst, data []byte, key string) (_ []byte, err error) {
	for i, t := range c {
		var onto []byte
		if i == len(c)-1 {
			onto = dst
		}
		if data, err = t.Encode(onto, data, key); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name(), err)
		}
	}
	return data, nil
}

// decode undoes encode. Without transforms it returns data itself.
func (c chain) decode(data []byte, key string) (_ []byte, err error) {
	for i := len(c) - 1; i >= 0; i-- {
		if data, err = c[i].Decode(nil, data, key); err != nil {
			return nil, fmt.Errorf("%s: %w", c[i].Name(), err)
		}
	}
	return data, nil
}

// reader is what reads values whose headers have that name. Most are the
// declaration's own, or have no transforms.
func (d *decl) reader(s *state, name []byte) (Codec, chain, error) {
	if string(name) == d.name {
		return d.codec, d.chain, nil
	}
	if string(name) == d.codec.Name() {
		return d.codec, nil, nil
	}
	if codec := s.codecs[string(name)]; codec != nil {
		return codec, nil, nil
	}
	return d.resolve(s, string(name))
}

// resolve finds what a header names: a codec, and the transforms after it. A
// codec's own name may hold a '+', so the longest one that fits is meant.
func (d *decl) resolve(s *state, name string) (Codec, chain, error) {
	for end := len(name); end > 0; end = strings.LastIndexByte(name[:end], plus) {
		codec := s.codecs[name[:end]]
		if name[:end] == d.codec.Name() {
			codec = d.codec // which may know the type
		}
		if codec != nil {
			chain, err := d.transforms(s, name[end:])
			return codec, chain, err
		}
	}
	codec, _, _ := strings.Cut(name, string(plus))
	return nil, nil, unknownCodec("stored value has codec", codec)
}

// transforms prefers the declaration's own ones, which need no registry.
func (d *decl) transforms(s *state, names string) (c chain, err error) {
	for names != "" {
		name, _, _ := strings.Cut(names[1:], string(plus))
		names = names[1+len(name):]
		if c.find(name) != nil {
			return nil, fmt.Errorf("%w: its header names transform %q twice", ErrMalformed, name)
		}
		t := d.chain.find(name)
		if t == nil {
			t = s.transforms[name]
		}
		if t == nil {
			return nil, unknownTransform(name)
		}
		c = append(c, t)
	}
	return c, nil
}
