package rin

import (
	"context"
	"iter"
	"reflect"

	"github.com/redisimnest/rin/backend"
)

// SetOf is a declared set. [Set] makes it; [SetOf.At] binds it to a place in a store.
type SetOf[T any] struct{ node }

// Set declares a set of members of type T, in no order:
//
//	rin.Set[string]("tags")
//
// Members are stored without a header: text where T has one, digits for numbers, and what
// the codec writes for others. Equal members have to be written as equal bytes, so that T
// can't be written by gob.
//
// Mistakes are reported by [Open], all of them together.
func Set[T any](pattern string, opts ...SetOption) *SetOf[T] {
	s := &SetOf[T]{newNode(pattern)}
	s.self = s
	s.value = &value{holds: "set[" + goName(reflect.TypeFor[T]()) + "]", kind: backend.KindSet, bind: bindSet[T]}
	for _, opt := range opts {
		s.add(opt)
	}
	return s
}

// At binds the set to a scope. It takes parameters as [KeyOf.At] does.
func (s *SetOf[T]) At(scope *Scope, params ...any) SetEntry[T] {
	if s == nil {
		return SetEntry[T]{structure{handle{err: errNilNode}}}
	}
	return SetEntry[T]{structure{at(scope, &s.node, params)}}
}

func bindSet[T any](p *place) (any, error) { return elementsOf[T](p, "members", true) }

// SetEntry is a set at its place in a store. [SetOf.At] makes it. It is a small value,
// immutable, and safe for concurrent use.
//
// Every operation is one round trip, but for the iterator, and its error is an [*OpError].
// A set that is not there reads as one without members, and one without members is not
// there: with the last member its key goes, and its TTL.
//
// What combines sets takes those of one store. On a cluster they have to share a slot, else
// it is [ErrCrossSlot], before anything is sent.
type SetEntry[T any] struct{ structure }

// elems are what the structure holds, of a place that has them.
func elems[T any](h handle) elements[T] { return h.place.binding.(elements[T]) }

func encodeOne[T any](s structure, v T) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return elems[T](s.handle).encode(s.key, v)
}

func encodeMany[T any](s structure, values []T) ([][]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return elems[T](s.handle).encodeAll(s.key, values)
}

// Add adds members, and returns how many are new. It is SADD, in a script where there is a
// TTL: O(n) in the members.
func (e SetEntry[T]) Add(ctx context.Context, members ...T) (added int64, err error) {
	return e.add(members...).now(ctx)
}

func (e SetEntry[T]) add(members ...T) operation[int64] {
	o := e.adding("add", members)
	o.idle = len(members) == 0
	return o
}

func (e SetEntry[T]) adding(name string, members []T) operation[int64] {
	texts, err := encodeMany(e.structure, members)
	op := &backend.SAdd{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Members: texts}
	return changing(e.structure, name, op, err, addedMembers)
}

func addedMembers(_ handle, op backend.Op) (int64, error) { return op.(*backend.SAdd).Added, nil }

// Replace leaves the set exactly these members, in one atomic step; without any, it is
// gone. It is a script of SADD: O(n) in the members.
func (e SetEntry[T]) Replace(ctx context.Context, members []T) error {
	_, err := e.replace(members).now(ctx)
	return err
}

func (e SetEntry[T]) replace(members []T) operation[int64] {
	o := e.adding("replace", members)
	o.op.(*backend.SAdd).Replace = true
	return o
}

// Remove removes members, and returns how many were there. It is SREM, in a script where
// there is a TTL: O(n) in the members.
func (e SetEntry[T]) Remove(ctx context.Context, members ...T) (removed int64, err error) {
	return e.remove(members...).now(ctx)
}

func (e SetEntry[T]) remove(members ...T) operation[int64] {
	texts, err := encodeMany(e.structure, members)
	op := &backend.SRem{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Members: texts}
	o := changing(e.structure, "remove", op, err, removedMembers)
	o.idle = len(members) == 0
	return o
}

func removedMembers(_ handle, op backend.Op) (int64, error) { return op.(*backend.SRem).Removed, nil }

// Has returns whether the set has a member. It is SISMEMBER: O(1).
func (e SetEntry[T]) Has(ctx context.Context, member T) (bool, error) {
	return e.has(member).now(ctx)
}

func (e SetEntry[T]) has(member T) operation[bool] {
	text, err := encodeOne(e.structure, member)
	o := reading(e.structure, "has", &backend.SIsMember{Key: e.key, Pattern: e.pattern(), Member: text}, didIt)
	o.err = err
	return o
}

// HasMany returns of each of the members whether the set has it. It is SMISMEMBER: O(n) in
// the members.
func (e SetEntry[T]) HasMany(ctx context.Context, members ...T) ([]bool, error) {
	return e.hasMany(members...).now(ctx)
}

func (e SetEntry[T]) hasMany(members ...T) operation[[]bool] {
	texts, err := encodeMany(e.structure, members)
	o := reading(e.structure, "has many", &backend.SMIsMember{Key: e.key, Pattern: e.pattern(), Members: texts}, hasThem)
	o.err, o.idle = err, len(members) == 0
	return o
}

func hasThem(_ handle, op backend.Op) ([]bool, error) { return op.(*backend.SMIsMember).Found, nil }

// Len returns how many members there are. It is SCARD: O(1).
func (e SetEntry[T]) Len(ctx context.Context) (int64, error) { return e.len().now(ctx) }

func (e SetEntry[T]) len() operation[int64] {
	return reading(e.structure, "len", &backend.SCard{Key: e.key, Pattern: e.pattern()}, memberCount)
}

func memberCount(_ handle, op backend.Op) (int64, error) { return op.(*backend.SCard).Len, nil }

// Members returns all members, in any order. A member that can't be decoded is an error,
// or is left out with OnMismatch(TreatAsMissing). It is SMEMBERS: O(n) in the set, so that
// [SetEntry.Each] is for large ones.
func (e SetEntry[T]) Members(ctx context.Context) ([]T, error) { return e.members().now(ctx) }

func (e SetEntry[T]) members() operation[[]T] { return e.combined("members", backend.Union, nil) }

// Each yields each member once, in any order. A member that can't be decoded comes with an
// error, and the walk goes on behind it; any other error ends it. Members that are added
// meanwhile may be missed. It is SSCAN: O(n) in the set, in pages of [PageSize]. It
// remembers the members it has yielded, to yield none twice.
func (e SetEntry[T]) Each(ctx context.Context) iter.Seq2[T, error] {
	return each(ctx, e.structure, e.page)
}

func (e SetEntry[T]) page(cursor string, count int) (backend.Op, func() page[T]) {
	op := &backend.SScan{Key: e.key, Pattern: e.pattern(), Cursor: cursor, Count: count}
	return op, func() page[T] { return pageOf[T](e.handle, op.Members, op.Next) }
}

// pageOf decodes a page of elements.
func pageOf[T any](h handle, texts [][]byte, next string) page[T] {
	p := page[T]{next: next}
	for _, text := range texts {
		p.texts = append(p.texts, []byte(string(text)))
		v, err := elems[T](h).decode(h.key, text)
		p.elems, p.errs = append(p.elems, v), append(p.errs, err)
	}
	return p
}

// Pop takes up to n members at random, and returns them. It is SPOP, in a script where
// there is a TTL: O(n) in the members taken.
func (e SetEntry[T]) Pop(ctx context.Context, n int) ([]T, error) { return e.pop(n).now(ctx) }

func (e SetEntry[T]) pop(n int) operation[[]T] {
	op := &backend.SPop{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Count: int64(n)}
	o := changing(e.structure, "pop", op, checkCount(n), poppedMembers[T])
	o.idle = n == 0
	return o
}

func poppedMembers[T any](h handle, op backend.Op) ([]T, error) {
	return elems[T](h).decodeAll(h, op.(*backend.SPop).Members)
}

// Random returns up to n members at random, none twice, and leaves them. It is
// SRANDMEMBER: O(n) in the members returned.
func (e SetEntry[T]) Random(ctx context.Context, n int) ([]T, error) { return e.random(n).now(ctx) }

func (e SetEntry[T]) random(n int) operation[[]T] {
	op := &backend.SRandMember{Key: e.key, Pattern: e.pattern(), Count: int64(n)}
	o := reading(e.structure, "random", op, randomMembers[T])
	o.err, o.idle = checkCount(n), n == 0
	return o
}

func randomMembers[T any](h handle, op backend.Op) ([]T, error) {
	return elems[T](h).decodeAll(h, op.(*backend.SRandMember).Members)
}

// MoveTo moves a member to another set, in one atomic step, and returns whether it was
// there. The other set gets its TTL as by a write. It is SMOVE, in a script where the other
// set has a TTL: O(1).
func (e SetEntry[T]) MoveTo(ctx context.Context, dst SetEntry[T], member T) (bool, error) {
	return e.moveTo(dst, member).now(ctx)
}

func (e SetEntry[T]) moveTo(dst SetEntry[T], member T) operation[bool] {
	op := &backend.SMove{Key: e.key, Pattern: e.pattern(), To: dst.key, Expiry: dst.life()}
	err := joined[T](e.structure, dst.structure)
	if err == nil {
		op.Member, err = encodeOne(e.structure, member)
	}
	return changing(e.structure, "move", op, err, didIt)
}

// Union returns the members of the set and of the others. It is SUNION: O(n) in all of
// them.
func (e SetEntry[T]) Union(ctx context.Context, others ...SetEntry[T]) ([]T, error) {
	return e.union(others...).now(ctx)
}

func (e SetEntry[T]) union(others ...SetEntry[T]) operation[[]T] {
	return e.combined("union", backend.Union, others)
}

// Intersect returns the members that the set and all others have. It is SINTER: O(n) in
// the smallest, times their number.
func (e SetEntry[T]) Intersect(ctx context.Context, others ...SetEntry[T]) ([]T, error) {
	return e.intersect(others...).now(ctx)
}

func (e SetEntry[T]) intersect(others ...SetEntry[T]) operation[[]T] {
	return e.combined("intersect", backend.Inter, others)
}

// Diff returns the members that none of the others has. It is SDIFF: O(n) in all of them.
func (e SetEntry[T]) Diff(ctx context.Context, others ...SetEntry[T]) ([]T, error) {
	return e.diff(others...).now(ctx)
}

func (e SetEntry[T]) diff(others ...SetEntry[T]) operation[[]T] {
	return e.combined("diff", backend.Diff, others)
}

func (e SetEntry[T]) combined(name string, how backend.Combination, others []SetEntry[T]) operation[[]T] {
	op := &backend.SCombine{Key: e.key, Pattern: e.pattern(), How: how}
	var err error
	op.Others, err = e.keysOf(others)
	o := reading(e.structure, name, op, combinedMembers[T])
	o.err = err
	return o
}

func (e SetEntry[T]) keysOf(others []SetEntry[T]) (keys []string, err error) {
	for _, other := range others {
		if err := joined[T](e.structure, other.structure); err != nil {
			return nil, err
		}
		keys = append(keys, other.key)
	}
	return keys, nil
}

func combinedMembers[T any](h handle, op backend.Op) ([]T, error) {
	return elems[T](h).decodeAll(h, op.(*backend.SCombine).Members)
}

// UnionInto leaves dst exactly the members of the set and of the others, in one atomic
// step, and returns how many they are. It is SUNIONSTORE, in a script: O(n) in all of them.
func (e SetEntry[T]) UnionInto(ctx context.Context, dst SetEntry[T], others ...SetEntry[T]) (int64, error) {
	return e.unionInto(dst, others...).now(ctx)
}

func (e SetEntry[T]) unionInto(dst SetEntry[T], others ...SetEntry[T]) operation[int64] {
	return e.store("union into", backend.Union, dst, others)
}

// IntersectInto leaves dst exactly the members that the set and all others have, in one
// atomic step, and returns how many they are. It is SINTERSTORE, in a script: O(n) in the
// smallest, times their number.
func (e SetEntry[T]) IntersectInto(ctx context.Context, dst SetEntry[T], others ...SetEntry[T]) (int64, error) {
	return e.intersectInto(dst, others...).now(ctx)
}

func (e SetEntry[T]) intersectInto(dst SetEntry[T], others ...SetEntry[T]) operation[int64] {
	return e.store("intersect into", backend.Inter, dst, others)
}

// DiffInto leaves dst exactly the members that none of the others has, in one atomic step,
// and returns how many they are. It is SDIFFSTORE, in a script: O(n) in all of them.
func (e SetEntry[T]) DiffInto(ctx context.Context, dst SetEntry[T], others ...SetEntry[T]) (int64, error) {
	return e.diffInto(dst, others...).now(ctx)
}

func (e SetEntry[T]) diffInto(dst SetEntry[T], others ...SetEntry[T]) operation[int64] {
	return e.store("diff into", backend.Diff, dst, others)
}

func (e SetEntry[T]) store(name string, how backend.Combination, dst SetEntry[T], others []SetEntry[T]) operation[int64] {
	op := &backend.SCombineStore{Key: dst.key, Pattern: dst.pattern(), How: how, Expiry: dst.life()}
	err := joined[T](e.structure, dst.structure)
	if err == nil {
		op.From, err = e.keysOf(others)
		op.From = append([]string{e.key}, op.From...)
	}
	return changing(e.structure, name, op, err, storedMembers)
}

func storedMembers(_ handle, op backend.Op) (int64, error) {
	return op.(*backend.SCombineStore).Len, nil
}

// In queues operations on the set in a batch: the methods are the entry's own, without a
// context, and return futures. The iterator is not among them.
func (e SetEntry[T]) In(b *Batch) BatchSetEntry[T] {
	return BatchSetEntry[T]{batchStructure{batchHandle{e.handle, b}, e.structure}, e}
}

// BatchSetEntry queues operations on a set in a batch. [SetEntry.In] makes it.
type BatchSetEntry[T any] struct {
	batchStructure
	entry SetEntry[T]
}
