package rin

import (
	"context"
	"iter"
	"reflect"

	"github.com/redisimnest/rin/backend"
)

// ListOf is a declared list. [List] makes it; [ListOf.At] binds it to a place in a store.
type ListOf[T any] struct{ node }

// List declares a list of elements of type T, which has a front and a back:
//
//	rin.List[string]("recent", rin.MaxLen(100))
//
// Elements are stored without a header: text where T has one, digits for numbers, and what
// the codec writes for others.
//
// Mistakes are reported by [Open], all of them together.
func List[T any](pattern string, opts ...ListOption) *ListOf[T] {
	l := &ListOf[T]{newNode(pattern)}
	l.self = l
	l.value = &value{holds: "list[" + goName(reflect.TypeFor[T]()) + "]", kind: backend.KindList, bind: bindList[T]}
	for _, opt := range opts {
		l.add(opt)
	}
	return l
}

// At binds the list to a scope. It takes parameters as [KeyOf.At] does.
func (l *ListOf[T]) At(scope *Scope, params ...any) ListEntry[T] {
	if l == nil {
		return ListEntry[T]{structure{handle{err: errNilNode}}}
	}
	return ListEntry[T]{structure{at(scope, &l.node, params)}}
}

func bindList[T any](p *place) (any, error) { return elementsOf[T](p, "elements", false) }

// ListEntry is a list at its place in a store. [ListOf.At] makes it. It is a small value,
// immutable, and safe for concurrent use.
//
// Indexes count from 0 at the front, and from -1 at the back. Every operation is one round
// trip, but for the iterator, and its error is an [*OpError]. A list that is not there
// reads as one without elements, and one without elements is not there: with the last
// element its key goes, and its TTL.
type ListEntry[T any] struct{ structure }

func (e ListEntry[T]) maxLen() int64 {
	if e.check() != nil {
		return 0
	}
	return e.place.node.value.maxLen
}

// Push puts elements behind the list, one after the other, and returns how long it is then.
// What is more than [MaxLen] is dropped from the front, in the same step. It is RPUSH, in a
// script where there is a TTL or a MaxLen: O(n) in the elements.
func (e ListEntry[T]) Push(ctx context.Context, elements ...T) (length int64, err error) {
	return e.push(elements...).now(ctx)
}

func (e ListEntry[T]) push(elements ...T) operation[int64] {
	texts, err := encodeMany(e.structure, elements)
	op := &backend.RPush{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Values: texts, MaxLen: e.maxLen()}
	o := changing(e.structure, "push", op, err, pushedTo)
	o.idle = len(elements) == 0
	return o
}

func pushedTo(_ handle, op backend.Op) (int64, error) {
	switch op := op.(type) {
	case *backend.LPush:
		return op.Len, nil
	default:
		return op.(*backend.RPush).Len, nil
	}
}

// PushFront puts elements in front of the list, one after the other, so that the last one
// is the first then, and returns how long it is. What is more than [MaxLen] is dropped from
// the back, in the same step. It is LPUSH, in a script where there is a TTL or a MaxLen:
// O(n) in the elements.
func (e ListEntry[T]) PushFront(ctx context.Context, elements ...T) (length int64, err error) {
	return e.pushFront(elements...).now(ctx)
}

func (e ListEntry[T]) pushFront(elements ...T) operation[int64] {
	texts, err := encodeMany(e.structure, elements)
	op := &backend.LPush{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Values: texts, MaxLen: e.maxLen()}
	o := changing(e.structure, "push front", op, err, pushedTo)
	o.idle = len(elements) == 0
	return o
}

// Pop takes the last element. The bool says whether there was one. It is RPOP, in a script
// where there is a TTL: O(1).
func (e ListEntry[T]) Pop(ctx context.Context) (T, bool, error) {
	v, err := e.pop().now(ctx)
	return v.Value, v.Found, err
}

func (e ListEntry[T]) pop() operation[Maybe[T]] {
	op := &backend.RPop{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Count: 1}
	return changing(e.structure, "pop", op, nil, poppedOne[T])
}

// PopFront takes the first element. The bool says whether there was one. It is LPOP, in a
// script where there is a TTL: O(1).
func (e ListEntry[T]) PopFront(ctx context.Context) (T, bool, error) {
	v, err := e.popFront().now(ctx)
	return v.Value, v.Found, err
}

func (e ListEntry[T]) popFront() operation[Maybe[T]] {
	op := &backend.LPop{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Count: 1}
	return changing(e.structure, "pop front", op, nil, poppedOne[T])
}

func popped(op backend.Op) [][]byte {
	switch op := op.(type) {
	case *backend.LPop:
		return op.Values
	default:
		return op.(*backend.RPop).Values
	}
}

func poppedOne[T any](h handle, op backend.Op) (Maybe[T], error) {
	values := popped(op)
	if len(values) == 0 {
		return Maybe[T]{}, nil
	}
	return elems[T](h).decodeOne(h, values[0], true)
}

// PopMany takes up to n elements from the back, and returns them, the last one first. One
// that can't be decoded is taken all the same, and is an error beside the others. It is RPOP with a count, in a script where there is a TTL: O(n).
func (e ListEntry[T]) PopMany(ctx context.Context, n int) ([]T, error) { return e.popMany(n).now(ctx) }

func (e ListEntry[T]) popMany(n int) operation[[]T] {
	op := &backend.RPop{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Count: int64(n)}
	o := changing(e.structure, "pop many", op, checkCount(n), poppedMany[T])
	o.idle = n == 0
	return o
}

// PopManyFront takes up to n elements from the front, and returns them, the first one
// first. It is LPOP with a count, in a script where there is a TTL: O(n).
func (e ListEntry[T]) PopManyFront(ctx context.Context, n int) ([]T, error) {
	return e.popManyFront(n).now(ctx)
}

func (e ListEntry[T]) popManyFront(n int) operation[[]T] {
	op := &backend.LPop{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Count: int64(n)}
	o := changing(e.structure, "pop many front", op, checkCount(n), poppedMany[T])
	o.idle = n == 0
	return o
}

func poppedMany[T any](h handle, op backend.Op) ([]T, error) {
	return elems[T](h).decodeAll(h, popped(op))
}

// At returns the element at an index. The bool says whether there is one. It is LINDEX:
// O(1) at both ends, and O(n) between.
func (e ListEntry[T]) At(ctx context.Context, i int) (T, bool, error) {
	v, err := e.at(i).now(ctx)
	return v.Value, v.Found, err
}

func (e ListEntry[T]) at(i int) operation[Maybe[T]] { return e.index("at", i) }

func (e ListEntry[T]) index(name string, i int) operation[Maybe[T]] {
	return reading(e.structure, name, &backend.LIndex{Key: e.key, Pattern: e.pattern(), Index: int64(i)}, elementAt[T])
}

func elementAt[T any](h handle, op backend.Op) (Maybe[T], error) {
	at := op.(*backend.LIndex)
	return elems[T](h).decodeOne(h, at.Value, at.Found)
}

// Peek returns the last element and leaves it. The bool says whether there is one. It is
// LINDEX: O(1).
func (e ListEntry[T]) Peek(ctx context.Context) (T, bool, error) {
	v, err := e.peek().now(ctx)
	return v.Value, v.Found, err
}

func (e ListEntry[T]) peek() operation[Maybe[T]] { return e.index("peek", -1) }

// PeekFront returns the first element and leaves it. The bool says whether there is one. It
// is LINDEX: O(1).
func (e ListEntry[T]) PeekFront(ctx context.Context) (T, bool, error) {
	v, err := e.peekFront().now(ctx)
	return v.Value, v.Found, err
}

func (e ListEntry[T]) peekFront() operation[Maybe[T]] { return e.index("peek front", 0) }

// SetAt replaces the element at an index, and returns whether there is one. It is LSET, in
// a script where there is a TTL: O(1) at both ends, and O(n) between.
func (e ListEntry[T]) SetAt(ctx context.Context, i int, v T) (bool, error) {
	return e.setAt(i, v).now(ctx)
}

func (e ListEntry[T]) setAt(i int, v T) operation[bool] {
	text, err := encodeOne(e.structure, v)
	op := &backend.LSet{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Index: int64(i), Value: text}
	return changing(e.structure, "set at", op, err, didIt)
}

// Range returns the elements from one index to another, both included. It is LRANGE: O(n)
// in the elements, and in those before them.
func (e ListEntry[T]) Range(ctx context.Context, from, to int) ([]T, error) {
	return e.span(from, to).now(ctx)
}

func (e ListEntry[T]) span(from, to int) operation[[]T] {
	op := &backend.LRange{Key: e.key, Pattern: e.pattern(), Start: int64(from), Stop: int64(to)}
	return reading(e.structure, "range", op, elementRange[T])
}

func elementRange[T any](h handle, op backend.Op) ([]T, error) {
	return elems[T](h).decodeAll(h, op.(*backend.LRange).Values)
}

// All returns all elements from front to back. An element that can't be decoded is an
// error, or is left out with OnMismatch(TreatAsMissing). It is LRANGE: O(n) in the list, so
// that [ListEntry.Each] is for long ones.
func (e ListEntry[T]) All(ctx context.Context) ([]T, error) { return e.all().now(ctx) }

func (e ListEntry[T]) all() operation[[]T] {
	o := e.span(0, -1)
	o.name = "all"
	return o
}

// Each yields the elements from front to back, in pages of [PageSize]. An element that
// can't be decoded comes with an error, and the walk goes on behind it; any other error ends
// it. What is pushed to the front or popped from it meanwhile moves the elements: some may
// come twice, or be missed. It is LRANGE for each page.
func (e ListEntry[T]) Each(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		w := e.watch(ctx)
		err := e.check()
		for from := int64(0); err == nil; {
			size := int64(e.place.store.pageSize)
			op := &backend.LRange{Key: e.key, Pattern: e.pattern(), Start: from, Stop: from + size - 1}
			if err = e.readPage(ctx, op, from == 0); err != nil {
				break
			}
			for _, text := range op.Values {
				v, bad := elems[T](e.handle).decode(e.key, text)
				if bad != nil {
					bad = e.fail("each", bad)
				}
				if !yield(v, bad) {
					_ = e.done(ctx, "each", w, OutcomeWalked, nil)
					return
				}
			}
			if from += size; int64(len(op.Values)) < size {
				break
			}
		}
		if err = e.done(ctx, "each", w, OutcomeWalked, err); err != nil {
			yield(none, err)
		}
	}
}

// Len returns how many elements there are. It is LLEN: O(1).
func (e ListEntry[T]) Len(ctx context.Context) (int64, error) { return e.len().now(ctx) }

func (e ListEntry[T]) len() operation[int64] {
	return reading(e.structure, "len", &backend.LLen{Key: e.key, Pattern: e.pattern()}, elementCount)
}

func elementCount(_ handle, op backend.Op) (int64, error) { return op.(*backend.LLen).Len, nil }

// Trim leaves the list the elements from one index to another, both included. It is LTRIM,
// in a script where there is a TTL: O(n) in the elements that go.
func (e ListEntry[T]) Trim(ctx context.Context, from, to int) error {
	_, err := e.trim(from, to).now(ctx)
	return err
}

func (e ListEntry[T]) trim(from, to int) operation[bool] {
	op := &backend.LTrim{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Start: int64(from), Stop: int64(to)}
	return changing(e.structure, "trim", op, nil, didIt)
}

// Remove removes the first n elements that equal v, the last n where n is negative, and all
// where it is 0; it returns how many went. Equal are those that are stored as equal bytes.
// It is LREM, in a script where there is a TTL: O(n) in the list.
func (e ListEntry[T]) Remove(ctx context.Context, v T, n int) (removed int64, err error) {
	return e.remove(v, n).now(ctx)
}

func (e ListEntry[T]) remove(v T, n int) operation[int64] {
	text, err := encodeOne(e.structure, v)
	op := &backend.LRem{Key: e.key, Pattern: e.pattern(), Expiry: e.life(), Count: int64(n), Value: text}
	return changing(e.structure, "remove", op, err, removedElements)
}

func removedElements(_ handle, op backend.Op) (int64, error) { return op.(*backend.LRem).Removed, nil }

// Move takes the first element and puts it behind another list, or behind this one, in one
// atomic step. The bool says whether there was one. The other list gets its TTL as by a
// write; its [MaxLen] is not heeded. On a cluster both have to share a slot, else it is
// [ErrCrossSlot], before anything is sent. It is LMOVE, in a script where the other list has
// a TTL: O(1).
func (e ListEntry[T]) Move(ctx context.Context, dst ListEntry[T]) (T, bool, error) {
	v, err := e.move(dst).now(ctx)
	return v.Value, v.Found, err
}

func (e ListEntry[T]) move(dst ListEntry[T]) operation[Maybe[T]] {
	op := &backend.LMove{Key: e.key, Pattern: e.pattern(), To: dst.key, FromFront: true, Expiry: dst.life()}
	return changing(e.structure, "move", op, joined[T](e.structure, dst.structure), movedElement[T])
}

func movedElement[T any](h handle, op backend.Op) (Maybe[T], error) {
	move := op.(*backend.LMove)
	return elems[T](h).decodeOne(h, move.Value, move.Found)
}

// In queues operations on the list in a batch: the methods are the entry's own, without a
// context, and return futures. The iterator is not among them.
func (e ListEntry[T]) In(b *Batch) BatchListEntry[T] {
	return BatchListEntry[T]{batchStructure{batchHandle{e.handle, b}, e.structure}, e}
}

// BatchListEntry queues operations on a list in a batch. [ListEntry.In] makes it.
type BatchListEntry[T any] struct {
	batchStructure
	entry ListEntry[T]
}
