package rin

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
)

// KeyOf is a declared key that holds a T. [Key] makes it; [KeyOf.At] binds it to
// a place in a store.
type KeyOf[T any] struct{ node }

// Key declares a key that holds a T, at a place that its clusters and its
// pattern give:
//
//	rin.Key[int]("age", rin.Default(0))
//
// A Key[any] holds a value of any type that the registry can name, and gives it
// back as that type.
//
// Mistakes are reported by [Open], all of them together.
func Key[T any](pattern string, opts ...KeyOption) *KeyOf[T] {
	k := &KeyOf[T]{newNode(pattern)}
	k.self = k
	k.value = &value{goType: reflect.TypeFor[T](), bind: bindTo[T]}
	for _, opt := range opts {
		k.add(opt)
		if opt != nil {
			opt.validInKey(&k.node)
		}
	}
	return k
}

// At binds the key to a scope, with the values of all placeholders between the
// scope and the key, in path order, or by name with [Named].
//
// At does not fail: an error is carried in the entry. Every operation returns
// it, and [Entry.Err] shows it.
func (k *KeyOf[T]) At(scope *Scope, params ...any) Entry[T] {
	if k == nil {
		return Entry[T]{handle{err: errNilNode}}
	}
	return Entry[T]{at(scope, &k.node, params)}
}

// binding is what a Key[T] resolves once, when it is opened.
type binding[T any] struct {
	*codec.Typed[T]
	dflt func() (T, error)
}

func bindTo[T any](p *place) (any, error) {
	v := p.node.value
	typed, err := codec.For[T](p.store.registry, codec.Options{
		Codec:    p.policy.codec,
		TypeName: v.typeName,
		Plain:    p.policy.plain,
		Lenient:  p.policy.mismatch == TryDecode,
	})
	if err != nil {
		return nil, fmt.Errorf("holds %s: %w", goName(v.goType), err)
	}
	b := &binding[T]{Typed: typed}
	b.dflt, err = defaultOf(v, typed)
	return b, err
}

// Entry is a key at its place in a store. [KeyOf.At] makes it. It is a small
// value, immutable, and safe for concurrent use.
//
// Every operation is one round trip, and its error is an [*OpError].
type Entry[T any] struct{ handle }

// Get returns the value. Where the key is not there it returns the declared
// [Default], or [ErrNotFound] if there is none. It is GET, or GETEX where the
// key is declared with Renew(OnAccess): O(1).
func (e Entry[T]) Get(ctx context.Context) (T, error) {
	value, found, err := e.lookup(ctx, "get")
	if err != nil || found {
		return value, err
	}
	if value, err = e.binding().dflt(); err != nil {
		return value, e.fail("get", err)
	}
	return value, nil
}

// Lookup returns the value and whether the key is there. Defaults play no part.
// It is GET, or GETEX where the key is declared with Renew(OnAccess): O(1).
func (e Entry[T]) Lookup(ctx context.Context) (T, bool, error) {
	return e.lookup(ctx, "lookup")
}

func (e Entry[T]) lookup(ctx context.Context, name string) (value T, found bool, err error) {
	data, found, err := e.read(ctx, true)
	if err != nil {
		return value, false, e.fail(name, err)
	}
	return e.decode(name, data, found)
}

// decode turns what was stored into a T, by the rules of [OnMismatch].
func (e Entry[T]) decode(name string, data []byte, found bool) (value T, _ bool, err error) {
	if !found {
		return value, false, nil
	}
	if value, err = e.binding().Decode(data); err == nil {
		return value, true, nil
	}
	var none T
	if e.place.policy.mismatch == TreatAsMissing && errors.Is(err, ErrWrongType) {
		return none, false, nil
	}
	return none, true, e.fail(name, err)
}

// Set stores the value with the declared TTL, or the one that the options give,
// in one atomic command. It replaces whatever the key holds. It is SET: O(1).
func (e Entry[T]) Set(ctx context.Context, value T, opts ...SetOption) error {
	_, err := e.set(ctx, "set", value, backend.Always, opts)
	return err
}

// SetIfAbsent stores the value if the key is not there, and returns whether it
// did. It is SET NX: O(1).
func (e Entry[T]) SetIfAbsent(ctx context.Context, value T, opts ...SetOption) (bool, error) {
	return e.set(ctx, "set if absent", value, backend.IfAbsent, opts)
}

// SetIfPresent stores the value if the key is there, and returns whether it did.
// It is SET XX: O(1).
func (e Entry[T]) SetIfPresent(ctx context.Context, value T, opts ...SetOption) (bool, error) {
	return e.set(ctx, "set if present", value, backend.IfPresent, opts)
}

func (e Entry[T]) set(ctx context.Context, name string, value T, cond backend.Cond, opts []SetOption) (bool, error) {
	c := newSetCall()
	defer c.free()
	c.op.Cond = cond
	err := e.write(ctx, name, c, value, opts)
	return c.op.Applied, err
}

// Swap stores the value and returns the one before it, and whether there was
// one. Where the old value can't be decoded, the new one is stored all the same
// and the error says why. It is SET GET: O(1).
func (e Entry[T]) Swap(ctx context.Context, value T, opts ...SetOption) (old T, existed bool, err error) {
	c := newSetCall()
	defer c.free()
	c.op.ReturnOld = true
	if err := e.write(ctx, "swap", c, value, opts); err != nil {
		return old, false, err
	}
	return e.decode("swap", c.op.Old, c.op.OldFound)
}

// write carries out a Set: it encodes the value and says what becomes of the
// TTL.
func (e Entry[T]) write(ctx context.Context, name string, c *setCall, value T, opts []SetOption) error {
	if err := e.check(); err != nil {
		return e.fail(name, err)
	}
	expiry, err := e.place.expiry(opts)
	if err != nil {
		return e.fail(name, err)
	}
	if c.buf, err = e.binding().Append(c.buf[:0], value); err != nil {
		return e.fail(name, err)
	}
	c.op.Key, c.op.Pattern, c.op.Value = e.key, e.place.pattern, c.buf
	c.op.TTL, c.op.ExpireAt, c.op.KeepTTL = expiry.ttl, expiry.at, expiry.keep
	return e.exec(ctx, name, c.ops[:]...)
}

// Take returns the value and deletes the key, in one atomic command. The bool
// says whether it was there. Where the value can't be decoded, the key is
// deleted all the same and the error says why. It is GETDEL: O(1).
func (e Entry[T]) Take(ctx context.Context) (value T, found bool, err error) {
	op := &backend.Take{Key: e.key, Pattern: e.pattern()}
	if err := e.exec(ctx, "take", op); err != nil {
		return value, false, err
	}
	return e.decode("take", op.Value, op.Found)
}

// Type returns the tag of the stored value's type, such as "int", and "" where
// the key is not there. It is GET: O(1), but it transfers the value.
func (e Entry[T]) Type(ctx context.Context) (string, error) {
	data, found, err := e.read(ctx, false)
	switch {
	case err != nil:
		return "", e.fail("type", err)
	case !found:
		return "", nil
	case e.place.policy.plain:
		return e.binding().Tag(), nil
	}
	tag, err := codec.TypeOf(data)
	if err != nil {
		return "", e.fail("type", err)
	}
	return tag, nil
}

func (e Entry[T]) binding() *binding[T] { return e.place.binding.(*binding[T]) }
