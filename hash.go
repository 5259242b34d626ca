package rin

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/redisimnest/rin/backend"
)

// HashOf is a declared hash. [Hash] makes it; [HashOf.At] binds it to a place in a store.
type HashOf[F comparable, V any] struct{ node }

// Hash declares a hash: fields of type F, each with a value of type V, that are read and
// written one by one:
//
//	rin.Hash[string, int]("stock")
//
// Fields and values are stored without a header: text where their type has one, digits
// for numbers, and what the codec writes for others. Equal fields have to be written as
// equal bytes, so that F can't be written by gob.
//
// Mistakes are reported by [Open], all of them together.
func Hash[F comparable, V any](pattern string, opts ...HashOption) *HashOf[F, V] {
	h := &HashOf[F, V]{newNode(pattern)}
	h.self = h
	h.value = &value{
		holds: fmt.Sprintf("hash[%s]%s", goName(reflect.TypeFor[F]()), goName(reflect.TypeFor[V]())),
		kind:  backend.KindHash, bind: bindHash[F, V],
	}
	for _, opt := range opts {
		h.add(opt)
	}
	return h
}

// At binds the hash to a scope. It takes parameters as [KeyOf.At] does.
func (h *HashOf[F, V]) At(scope *Scope, params ...any) HashEntry[F, V] {
	if h == nil {
		return HashEntry[F, V]{structure{handle{err: errNilNode}}}
	}
	return HashEntry[F, V]{structure{at(scope, &h.node, params)}}
}

type hashBinding[F comparable, V any] struct {
	field elements[F]
	value elements[V]
	limits
	// The results of operations, made here so that no operation has to make one.
	got      func(handle, backend.Op) (V, error)
	lookedUp func(handle, backend.Op) (Maybe[V], error)
}

func bindHash[F comparable, V any](p *place) (any, error) {
	field, err := elementsOf[F](p, "fields", true)
	if err != nil {
		return nil, err
	}
	value, err := elementsOf[V](p, "values", false)
	b := &hashBinding[F, V]{field: field, value: value, got: gotField[F, V], lookedUp: lookedUpField[F, V]}
	if t := reflect.TypeFor[V](); isNumber(t.Kind()) {
		b.limits = limitsOf(t)
	}
	return b, err
}

// HashEntry is a hash at its place in a store. [HashOf.At] makes it. It is a small value,
// immutable, and safe for concurrent use.
//
// Every operation is one round trip, but for the iterators, and its error is an
// [*OpError]. A hash that is not there reads as one without fields, and one without fields
// is not there: with the last field its key goes, and its TTL.
type HashEntry[F comparable, V any] struct{ structure }

func hashOf[F comparable, V any](h handle) *hashBinding[F, V] {
	return h.place.binding.(*hashBinding[F, V])
}

// binding is what the hash has resolved, if the entry is good.
func (e HashEntry[F, V]) binding() (*hashBinding[F, V], error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	return hashOf[F, V](e.handle), nil
}

// writing is binding for a write, to whose fields it gives their expiry.
func (e HashEntry[F, V]) writing(opts []HashWriteOption, fields *backend.Expiry) (*hashBinding[F, V], error) {
	b, err := e.binding()
	if err == nil {
		*fields, err = e.place.fieldExpiry(opts)
	}
	return b, err
}

func (e HashEntry[F, V]) encodeField(f F) ([]byte, error) {
	b, err := e.binding()
	if err != nil {
		return nil, err
	}
	return b.field.encode(e.key, f)
}

func (e HashEntry[F, V]) encodeFields(fs []F) ([][]byte, error) {
	b, err := e.binding()
	if err != nil {
		return nil, err
	}
	return b.field.encodeAll(e.key, fs)
}

// Get returns the value of a field, or [ErrNotFound] where it is not there. It is HGET:
// O(1).
func (e HashEntry[F, V]) Get(ctx context.Context, f F) (V, error) { return e.get(f).now(ctx) }

func (e HashEntry[F, V]) get(f F) operation[V] {
	field, err := e.encodeField(f)
	o := reading[V](e.structure, "get", &backend.HGet{Key: e.key, Pattern: e.pattern(), Field: field}, nil)
	if o.err = err; err == nil {
		o.result = hashOf[F, V](e.handle).got
	}
	return o
}

func gotField[F comparable, V any](h handle, op backend.Op) (V, error) {
	v, err := lookedUpField[F, V](h, op)
	if err == nil && !v.Found {
		err = ErrNotFound
	}
	return v.Value, err
}

func lookedUpField[F comparable, V any](h handle, op backend.Op) (Maybe[V], error) {
	get := op.(*backend.HGet)
	return hashOf[F, V](h).value.decodeOne(h, get.Value, get.Found)
}

// Lookup returns the value of a field and whether it is there. It is HGET: O(1).
func (e HashEntry[F, V]) Lookup(ctx context.Context, f F) (V, bool, error) {
	v, err := e.lookup(f).now(ctx)
	return v.Value, v.Found, err
}

func (e HashEntry[F, V]) lookup(f F) operation[Maybe[V]] {
	field, err := e.encodeField(f)
	o := reading[Maybe[V]](e.structure, "lookup", &backend.HGet{Key: e.key, Pattern: e.pattern(), Field: field}, nil)
	if o.err = err; err == nil {
		o.result = hashOf[F, V](e.handle).lookedUp
	}
	return o
}

// GetMany returns the values of fields; those that are not there are left out. It is
// HMGET: O(n) in the fields.
func (e HashEntry[F, V]) GetMany(ctx context.Context, fs ...F) (map[F]V, error) {
	return e.getMany(fs...).now(ctx)
}

func (e HashEntry[F, V]) getMany(fs ...F) operation[map[F]V] {
	fields, err := e.encodeFields(fs)
	o := reading(e.structure, "get many", &backend.HMGet{Key: e.key, Pattern: e.pattern(), Fields: fields}, gotMany[F, V])
	o.err, o.idle = err, len(fs) == 0
	return o
}

func gotMany[F comparable, V any](h handle, op backend.Op) (map[F]V, error) {
	get := op.(*backend.HMGet)
	pairs := make([][]byte, 0, 2*len(get.Values))
	for i, value := range get.Values {
		if value != nil {
			pairs = append(pairs, get.Fields[i], value)
		}
	}
	return fieldMap[F, V](h, pairs)
}

// fieldMap decodes fields and values. A value that can't be decoded is left out, where
// the declaration says that it counts as missing; else it is an error.
func fieldMap[F comparable, V any](h handle, pairs [][]byte) (map[F]V, error) {
	all := make(map[F]V, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		f, v, err := hashOf[F, V](h).decodePair(h.key, pairs[i], pairs[i+1])
		switch {
		case err == nil:
			all[f] = v
		case h.place.policy.mismatch != TreatAsMissing:
			return nil, err
		}
	}
	return all, nil
}

func (b *hashBinding[F, V]) decodePair(key string, field, text []byte) (f F, v V, err error) {
	if f, err = b.field.decode(key, field); err != nil {
		return f, v, err
	}
	if v, err = b.value.decode(key, text); err != nil {
		err = fmt.Errorf("field %.*q: %w", maxShown, field, err)
	}
	return f, v, err
}

// All returns all fields with their values. A value that can't be decoded is an error, or
// is left out with OnMismatch(TreatAsMissing). It is HGETALL: O(n) in the hash, so that
// [HashEntry.Each] is for large ones.
func (e HashEntry[F, V]) All(ctx context.Context) (map[F]V, error) { return e.all().now(ctx) }

func (e HashEntry[F, V]) all() operation[map[F]V] {
	return reading(e.structure, "all", &backend.HGetAll{Key: e.key, Pattern: e.pattern()}, allFields[F, V])
}

func allFields[F comparable, V any](h handle, op backend.Op) (map[F]V, error) {
	return fieldMap[F, V](h, op.(*backend.HGetAll).Pairs)
}

// Set writes a field, and returns whether it is new. It is HSET, in a script where there
// is a TTL: O(1).
func (e HashEntry[F, V]) Set(ctx context.Context, f F, v V, opts ...HashWriteOption) (added bool, err error) {
	return e.set(f, v, opts...).now(ctx)
}

func (e HashEntry[F, V]) set(f F, v V, opts ...HashWriteOption) operation[bool] {
	op := &backend.HSet{Key: e.key, Pattern: e.pattern(), Expiry: e.life()}
	b, err := e.writing(opts, &op.FieldExpiry)
	if err == nil {
		op.Pairs = make([][]byte, 2)
		op.Pairs[0], op.Pairs[1], err = encodePair(b.field, b.value, e.key, f, v)
	}
	return changing(e.structure, "set", op, err, addedField)
}

func addedField(_ handle, op backend.Op) (bool, error) { return op.(*backend.HSet).Added > 0, nil }

// SetMany writes fields, and returns how many are new. It is HSET, in a script where there
// is a TTL: O(n) in the fields.
func (e HashEntry[F, V]) SetMany(ctx context.Context, all map[F]V, opts ...HashWriteOption) (added int64, err error) {
	return e.setMany(all, opts...).now(ctx)
}

func (e HashEntry[F, V]) setMany(all map[F]V, opts ...HashWriteOption) operation[int64] {
	o := e.setAll("set many", all, opts)
	o.idle = len(all) == 0
	return o
}

func (e HashEntry[F, V]) setAll(name string, all map[F]V, opts []HashWriteOption) operation[int64] {
	op := &backend.HSet{Key: e.key, Pattern: e.pattern(), Expiry: e.life()}
	b, err := e.writing(opts, &op.FieldExpiry)
	if err == nil {
		op.Pairs, err = b.pairs(e.key, all)
	}
	return changing(e.structure, name, op, err, addedFields)
}

func (b *hashBinding[F, V]) pairs(key string, all map[F]V) ([][]byte, error) {
	pairs, fields := make([][]byte, 0, 2*len(all)), make([][]byte, 0, len(all))
	for f, v := range all {
		field, text, err := encodePair(b.field, b.value, key, f, v)
		if err != nil {
			return nil, err
		}
		pairs, fields = append(pairs, field, text), append(fields, field)
	}
	return pairs, distinct("field", fields)
}

func addedFields(_ handle, op backend.Op) (int64, error) { return op.(*backend.HSet).Added, nil }

// Replace leaves the hash exactly these fields, in one atomic step; without any, it is
// gone. It is a script of HSET: O(n) in the fields.
func (e HashEntry[F, V]) Replace(ctx context.Context, all map[F]V, opts ...HashWriteOption) error {
	_, err := e.replace(all, opts...).now(ctx)
	return err
}

func (e HashEntry[F, V]) replace(all map[F]V, opts ...HashWriteOption) operation[int64] {
	o := e.setAll("replace", all, opts)
	o.op.(*backend.HSet).Replace = true
	return o
}

// SetIfAbsent writes a field if it is not there, and returns whether it did. It is HSETNX,
// in a script where there is a TTL: O(1).
func (e HashEntry[F, V]) SetIfAbsent(ctx context.Context, f F, v V, opts ...HashWriteOption) (bool, error) {
	return e.setIfAbsent(f, v, opts...).now(ctx)
}

func (e HashEntry[F, V]) setIfAbsent(f F, v V, opts ...HashWriteOption) operation[bool] {
	op := &backend.HSetNX{Key: e.key, Pattern: e.pattern(), Expiry: e.life()}
	b, err := e.writing(opts, &op.FieldExpiry)
	if err == nil {
		op.Field, op.Value, err = encodePair(b.field, b.value, e.key, f, v)
	}
	return changing(e.structure, "set if absent", op, err, didIt)
}

// Take returns the value of a field and deletes it, in one atomic step. The bool says
// whether it was there. It is a script of HGET and HDEL: O(1).
func (e HashEntry[F, V]) Take(ctx context.Context, f F) (V, bool, error) {
	v, err := e.take(f).now(ctx)
	return v.Value, v.Found, err
}

func (e HashEntry[F, V]) take(f F) operation[Maybe[V]] {
	field, err := e.encodeField(f)
	op := &backend.HGetDel{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Field: field}
	return changing(e.structure, "take", op, err, takenField[F, V])
}

func takenField[F comparable, V any](h handle, op backend.Op) (Maybe[V], error) {
	take := op.(*backend.HGetDel)
	return hashOf[F, V](h).value.decodeOne(h, take.Value, take.Found)
}

// Delete deletes fields, and returns how many were there. Without fields it does nothing:
// [HashEntry.DeleteAll] deletes the whole hash. It is HDEL, in a script where there is a
// TTL: O(n) in the fields.
func (e HashEntry[F, V]) Delete(ctx context.Context, fs ...F) (deleted int64, err error) {
	return e.deleteFields(fs...).now(ctx)
}

func (e HashEntry[F, V]) deleteFields(fs ...F) operation[int64] {
	fields, err := e.encodeFields(fs)
	op := &backend.HDel{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Fields: fields}
	o := changing(e.structure, "delete", op, err, deletedFields)
	o.idle = len(fs) == 0
	return o
}

func deletedFields(_ handle, op backend.Op) (int64, error) { return op.(*backend.HDel).Deleted, nil }

// DeleteAll deletes the hash with all its fields, and returns whether it was there. It is
// UNLINK: O(1), and the server frees a large hash in the background.
func (e HashEntry[F, V]) DeleteAll(ctx context.Context) (bool, error) {
	return e.deleteAll().now(ctx)
}

func (e HashEntry[F, V]) deleteAll() operation[bool] { return e.delete() }

// Has returns whether a field is there. It is HEXISTS: O(1).
func (e HashEntry[F, V]) Has(ctx context.Context, f F) (bool, error) { return e.has(f).now(ctx) }

func (e HashEntry[F, V]) has(f F) operation[bool] {
	field, err := e.encodeField(f)
	o := reading(e.structure, "has", &backend.HExists{Key: e.key, Pattern: e.pattern(), Field: field}, didIt)
	o.err = err
	return o
}

// Len returns how many fields there are. It is HLEN: O(1).
func (e HashEntry[F, V]) Len(ctx context.Context) (int64, error) { return e.len().now(ctx) }

func (e HashEntry[F, V]) len() operation[int64] {
	return reading(e.structure, "len", &backend.HLen{Key: e.key, Pattern: e.pattern()}, fieldCount)
}

func fieldCount(_ handle, op backend.Op) (int64, error) { return op.(*backend.HLen).Len, nil }

// Add adds n to the number in a field, which begins at 0, and returns the number then.
// Where V is no number it is [ErrNoNumber], and where the result would be more, or less,
// than V holds [ErrOverflow]; nothing is changed then. It is HINCRBY or HINCRBYFLOAT, in a
// script where there is a TTL or V has fewer than 64 bits: O(1).
func (e HashEntry[F, V]) Add(ctx context.Context, f F, n V, opts ...HashWriteOption) (V, error) {
	return e.addTo(f, n, opts...).now(ctx)
}

func (e HashEntry[F, V]) addTo(f F, n V, opts ...HashWriteOption) operation[V] {
	op, err := e.adding(f, n, opts)
	return changing(e.structure, "add", op, err, addedToField[V])
}

func (e HashEntry[F, V]) adding(f F, n V, opts []HashWriteOption) (backend.Op, error) {
	op := &backend.HIncrBy{Key: e.key, Pattern: e.pattern(), Expiry: e.life()}
	b, err := e.writing(opts, &op.FieldExpiry)
	if err != nil {
		return op, err
	}
	v := reflect.ValueOf(n)
	if !v.IsValid() || !isNumber(v.Kind()) {
		return op, fmt.Errorf("%w: the values are %s", ErrNoNumber, goName(reflect.TypeFor[V]()))
	}
	if len(e.place.policy.transforms) > 0 {
		return op, fmt.Errorf("%w to the server, since transforms have changed its digits; use a counter, or end them with rin.Transforms()", ErrNoNumber)
	}
	field, err := b.field.encode(e.key, f)
	if err == nil && b.float {
		return &backend.HIncrByFloat{
			Key: op.Key, Pattern: op.Pattern, Expiry: op.Expiry, FieldExpiry: op.FieldExpiry, Field: field, By: v.Float(),
		}, nil
	}
	if op.Field = field; err == nil {
		op.Bounded, op.Min, op.Max = b.bounded, b.min, b.max
		op.By, err = whole(v)
	}
	return op, err
}

func addedToField[V any](_ handle, op backend.Op) (V, error) {
	var now V
	v := reflect.ValueOf(&now).Elem()
	switch op := op.(type) {
	case *backend.HIncrByFloat:
		v.SetFloat(op.Now)
	case *backend.HIncrBy:
		switch {
		case !op.Applied:
			return now, fmt.Errorf("%w: it is %d, and the result would not fit %s", ErrOverflow, op.Now, article(v.Type()))
		case v.CanInt():
			v.SetInt(op.Now)
		default:
			v.SetUint(uint64(op.Now))
		}
	}
	return now, nil
}

// FieldTTLOf returns how long a field has left, to the millisecond: [NoExpiry] where it
// does not expire, [ErrNotFound] where it is not there. It is HPTTL, which needs Redis 7.4
// or Valkey 9.0: O(1).
func (e HashEntry[F, V]) FieldTTLOf(ctx context.Context, f F) (time.Duration, error) {
	return e.fieldTTLOf(f).now(ctx)
}

func (e HashEntry[F, V]) fieldTTLOf(f F) operation[time.Duration] {
	field, err := e.encodeField(f)
	return operation[time.Duration]{
		handle: e.handle, name: "field ttl of", err: err, result: fieldTTL,
		op: &backend.HPTTL{Key: e.key, Pattern: e.pattern(), Field: field},
	}
}

func fieldTTL(_ handle, op backend.Op) (time.Duration, error) {
	left := op.(*backend.HPTTL)
	return remaining(left.Remaining, left.Found)
}

// Field is a field of a hash with its value, as [HashEntry.Each] yields it.
type Field[F comparable, V any] struct {
	Field F
	Value V
}

// Each yields each field with its value, once, in any order. A field that can't be decoded
// comes with an error, and the walk goes on behind it; any other error ends it. Fields
// that are written meanwhile may be missed. It is HSCAN: O(n) in the hash, in pages of
// [PageSize]. It remembers the fields it has yielded, to yield none twice.
func (e HashEntry[F, V]) Each(ctx context.Context) iter.Seq2[Field[F, V], error] {
	return each(ctx, e.structure, e.page)
}

func (e HashEntry[F, V]) page(cursor string, count int) (backend.Op, func() page[Field[F, V]]) {
	op := &backend.HScan{Key: e.key, Pattern: e.pattern(), Cursor: cursor, Count: count}
	return op, func() page[Field[F, V]] {
		p := page[Field[F, V]]{next: op.Next}
		for i := 0; i+1 < len(op.Pairs); i += 2 {
			p.texts = append(p.texts, []byte(string(op.Pairs[i])))
			f, v, err := hashOf[F, V](e.handle).decodePair(e.key, op.Pairs[i], op.Pairs[i+1])
			p.elems, p.errs = append(p.elems, Field[F, V]{f, v}), append(p.errs, err)
		}
		return p
	}
}

// Fields yields each field once, in any order, as Each does.
func (e HashEntry[F, V]) Fields(ctx context.Context) iter.Seq2[F, error] {
	return func(yield func(F, error) bool) {
		for field, err := range e.Each(ctx) {
			if !yield(field.Field, err) {
				return
			}
		}
	}
}

// In queues operations on the hash in a batch: the methods are the entry's own, without a
// context, and return futures. The iterators are not among them.
func (e HashEntry[F, V]) In(b *Batch) BatchHashEntry[F, V] {
	return BatchHashEntry[F, V]{batchStructure{batchHandle{e.handle, b}, e.structure}, e}
}

// BatchHashEntry queues operations on a hash in a batch. [HashEntry.In] makes it.
type BatchHashEntry[F comparable, V any] struct {
	batchStructure
	entry HashEntry[F, V]
}
