package rin

import (
	"context"
	"fmt"
	"reflect"
	"time"

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
	k.value = &value{holds: goName(reflect.TypeFor[T]()), goType: reflect.TypeFor[T](), bind: bindTo[T]}
	for _, opt := range opts {
		k.add(opt)
	}
	return k
}

// At binds the key to a scope, with the values of all placeholders between the
// scope and the key, in path order, or by name with [Named].
//
// A value is a string, an integer, a bool or a []byte, or of a type with such a
// kind; or it writes itself as text, as a UUID, a netip.Addr and a time.Time do
// with MarshalText; or else it has a String method. MarshalText comes first, and
// String last. Anything else is [ErrParamType], floats among it, since one float
// has many texts. An empty text is [ErrEmptyParam].
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
	// mutable says that who has a value can change what others see of it.
	mutable bool
	// The results of operations, made here so that no operation has to make one.
	got      func(handle, backend.Op) (T, error)
	lookedUp func(handle, backend.Op) (Maybe[T], error)
	swapped  func(handle, backend.Op) (Maybe[T], error)
	taken    func(handle, backend.Op) (Maybe[T], error)
	typed    func(handle, backend.Op) (string, error)
	added    func(handle, backend.Op) (T, error) // of a counter
}

func bindTo[T any](p *place) (any, error) {
	v := p.node.value
	var err error
	if p.caching, err = newCaching(&p.policy, v.staleFor); err != nil {
		return nil, err
	}
	typed, err := codec.For[T](p.store.registry, codec.Options{
		Codec:      p.policy.codec,
		Chosen:     p.node.choosesCodec(),
		Transforms: p.policy.transforms,
		TypeName:   v.typeName,
		Plain:      p.policy.plain,
		Lenient:    p.policy.mismatch == TryDecode,
	})
	if err != nil {
		return nil, fmt.Errorf("holds %s: %w", v.holds, err)
	}
	return newBinding(v, typed)
}

func newBinding[T any](v *value, typed *codec.Typed[T]) (b *binding[T], err error) {
	b = &binding[T]{Typed: typed, mutable: isMutable(reflect.TypeFor[T]())}
	b.dflt, err = defaultOf(v, typed)
	b.got, b.lookedUp, b.swapped, b.taken, b.typed = got[T], lookedUp[T], swapped[T], taken[T], typeOf[T]
	return b, err
}

// isMutable says that values of a type lead to memory that others can lead to, too.
func isMutable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return isMutable(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if t != reflect.TypeFor[time.Time]() && isMutable(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
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
	return read(ctx, e.handle, "get", got[T])
}

func (e Entry[T]) get() operation[T] {
	o := operation[T]{handle: e.handle, name: "get", op: e.reading()}
	if e.check() == nil {
		o.result = e.binding().got
	}
	return o
}

// reading is a read that renews the TTL where the declaration says so.
func (h handle) reading() *backend.Get {
	op := new(backend.Get)
	if h.check() == nil {
		h.access(op)
	}
	return op
}

// access makes op a read that renews the TTL where the declaration says so.
func (h handle) access(op *backend.Get) {
	op.Key, op.Pattern, op.TTL = h.key, h.place.pattern, h.place.policy.renewedTTL()
}

func got[T any](h handle, op backend.Op) (T, error) {
	v, err := lookedUp[T](h, op)
	if err != nil || v.Found {
		return v.Value, err
	}
	return bindingOf[T](h).dflt()
}

// Lookup returns the value and whether the key is there. Defaults play no part.
// It is GET, or GETEX where the key is declared with Renew(OnAccess): O(1).
func (e Entry[T]) Lookup(ctx context.Context) (T, bool, error) {
	v, err := read(ctx, e.handle, "lookup", lookedUp[T])
	return v.Value, v.Found, err
}

func (e Entry[T]) lookup() operation[Maybe[T]] {
	o := operation[Maybe[T]]{handle: e.handle, name: "lookup", op: e.reading()}
	if e.check() == nil {
		o.result = e.binding().lookedUp
	}
	return o
}

func lookedUp[T any](h handle, op backend.Op) (Maybe[T], error) {
	get := op.(*backend.Get)
	return decode[T](h, get.Value, get.Found)
}

// decode turns what was stored into a T, by the rules of [OnMismatch]. It keeps
// the data.
func decode[T any](h handle, data []byte, found bool) (Maybe[T], error) {
	if !found {
		return Maybe[T]{}, nil
	}
	value, err := bindingOf[T](h).DecodeOwned(h.key, data)
	switch {
	case err == nil:
		return Maybe[T]{value, true}, nil
	case h.place.policy.forgives(err):
		return Maybe[T]{}, nil
	}
	return Maybe[T]{Found: true}, err
}

// Set stores the value with the declared TTL, or the one that the options give,
// in one atomic command. It replaces whatever the key holds. It is SET: O(1).
func (e Entry[T]) Set(ctx context.Context, value T, opts ...WriteOption) error {
	_, err := e.write(ctx, "set", value, backend.Always, opts)
	return err
}

func (e Entry[T]) set(value T, opts ...WriteOption) operation[bool] {
	return e.conditional("set", value, backend.Always, opts)
}

// SetIfAbsent stores the value if the key is not there, and returns whether it
// did. It is SET NX: O(1).
func (e Entry[T]) SetIfAbsent(ctx context.Context, value T, opts ...WriteOption) (bool, error) {
	return e.write(ctx, "set if absent", value, backend.IfAbsent, opts)
}

func (e Entry[T]) setIfAbsent(value T, opts ...WriteOption) operation[bool] {
	return e.conditional("set if absent", value, backend.IfAbsent, opts)
}

// SetIfPresent stores the value if the key is there, and returns whether it did.
// It is SET XX: O(1).
func (e Entry[T]) SetIfPresent(ctx context.Context, value T, opts ...WriteOption) (bool, error) {
	return e.write(ctx, "set if present", value, backend.IfPresent, opts)
}

func (e Entry[T]) setIfPresent(value T, opts ...WriteOption) operation[bool] {
	return e.conditional("set if present", value, backend.IfPresent, opts)
}

func (e Entry[T]) conditional(name string, value T, cond backend.Cond, opts []WriteOption) operation[bool] {
	op := &backend.Set{Cond: cond}
	err := e.encode(op, value, opts)
	return operation[bool]{handle: e.handle, name: name, before: e.invalidationBy(expiryOf(op)), op: op, err: err, result: didIt}
}

// write carries out a Set at once.
func (e Entry[T]) write(ctx context.Context, name string, value T, cond backend.Cond, opts []WriteOption) (written bool, err error) {
	w, out := e.watch(ctx), OutcomeApplied
	c := sets.Get().(*call[backend.Set])
	c.op.Cond, c.op.Value = cond, c.buf[:0]
	if err = e.encode(&c.op, value, opts); err == nil {
		c.buf = c.op.Value
		ops := c.ops[:]
		if before := e.invalidationBy(expiryOf(&c.op)); before != nil {
			ops = append(before, ops...)
		}
		err = e.place.store.exec(ctx, ops...)
		written, out = c.op.Applied, w.did(c.ops[0])
	}
	c.free(&sets)
	return written, e.done(ctx, name, w, out, err)
}

// Swap stores the value and returns the one before it, and whether there was
// one. Where the old value can't be decoded, the new one is stored all the same
// and the error says why. It is SET GET: O(1).
func (e Entry[T]) Swap(ctx context.Context, value T, opts ...WriteOption) (old T, existed bool, err error) {
	v, err := e.swap(value, opts...).now(ctx)
	return v.Value, v.Found, err
}

func (e Entry[T]) swap(value T, opts ...WriteOption) operation[Maybe[T]] {
	op := &backend.Set{ReturnOld: true}
	o := operation[Maybe[T]]{handle: e.handle, name: "swap", op: op, err: e.encode(op, value, opts)}
	o.before = e.invalidationBy(expiryOf(op))
	if e.check() == nil {
		o.result = e.binding().swapped
	}
	return o
}

func swapped[T any](h handle, op backend.Op) (Maybe[T], error) {
	set := op.(*backend.Set)
	return decode[T](h, set.Old, set.OldFound)
}

func expiryOf(op *backend.Set) expiry { return expiry{op.TTL, op.ExpireAt, op.KeepTTL} }

// encode makes op a write of the value, encoded onto the buffer that op's Value
// is, and says what becomes of the TTL.
func (e Entry[T]) encode(op *backend.Set, value T, opts []WriteOption) error {
	if err := e.check(); err != nil {
		return err
	}
	expiry, err := e.place.expiry(opts)
	if err != nil {
		return err
	}
	op.Key, op.Pattern = e.key, e.place.pattern
	op.TTL, op.ExpireAt, op.KeepTTL = expiry.ttl, expiry.at, expiry.keep
	op.Value, err = e.binding().Append(op.Value, e.key, value)
	return err
}

// Take returns the value and deletes the key, in one atomic command. The bool
// says whether it was there. Where the value can't be decoded, the key is
// deleted all the same and the error says why. It is GETDEL, behind an UNLINK of what [Entry.Fetch] keeps beside the key: O(1).
func (e Entry[T]) Take(ctx context.Context) (value T, found bool, err error) {
	v, err := e.take().now(ctx)
	return v.Value, v.Found, err
}

func (e Entry[T]) take() operation[Maybe[T]] {
	o := operation[Maybe[T]]{handle: e.handle, name: "take", before: e.invalidation(), op: &backend.Take{Key: e.key, Pattern: e.pattern()}}
	if e.check() == nil {
		o.result = e.binding().taken
	}
	return o
}

func taken[T any](h handle, op backend.Op) (Maybe[T], error) {
	take := op.(*backend.Take)
	return decode[T](h, take.Value, take.Found)
}

// Raw returns the bytes as they are stored, header and all, and whether the key
// is there. It is GET: O(1), and does not renew a TTL.
func (e Entry[T]) Raw(ctx context.Context) ([]byte, bool, error) {
	v, err := e.raw().now(ctx)
	return v.Value, v.Found, err
}

func (e Entry[T]) raw() operation[Maybe[[]byte]] {
	return operation[Maybe[[]byte]]{
		handle: e.handle, name: "raw", op: &backend.Get{Key: e.key, Pattern: e.pattern()},
		result: func(_ handle, op backend.Op) (Maybe[[]byte], error) {
			get := op.(*backend.Get)
			return Maybe[[]byte]{get.Value, get.Found}, nil
		},
	}
}

// Forget deletes the key and all that [Entry.Fetch] goes by, as [Entry.Delete] does, under
// the name that says what it is for: use it where what the loader would find has changed,
// after the change. No load that began before it stores what it brings. It returns whether
// there was a value. It is UNLINK, for each of the keys, in one round trip: O(1).
func (e Entry[T]) Forget(ctx context.Context) (bool, error) { return e.forget().now(ctx) }

func (e Entry[T]) forget() operation[bool] {
	o := e.delete()
	o.name = "forget"
	return o
}

// Type returns the tag of the stored value's type, such as "int", and "" where
// the key is not there. It is GET: O(1), but it transfers the value.
func (e Entry[T]) Type(ctx context.Context) (string, error) { return e.storedType().now(ctx) }

func (e Entry[T]) storedType() operation[string] {
	o := operation[string]{handle: e.handle, name: "type", op: &backend.Get{Key: e.key, Pattern: e.pattern()}}
	if e.check() == nil {
		o.result = e.binding().typed
	}
	return o
}

func typeOf[T any](h handle, op backend.Op) (string, error) {
	switch get := op.(*backend.Get); {
	case !get.Found:
		return "", nil
	case h.place.policy.plain:
		return bindingOf[T](h).Tag(), nil
	default:
		return codec.TypeOf(get.Value)
	}
}

func (e Entry[T]) binding() *binding[T] { return bindingOf[T](e.handle) }

func bindingOf[T any](h handle) *binding[T] { return h.place.binding.(*binding[T]) }
