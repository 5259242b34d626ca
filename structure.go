package rin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
)

// structure is an entry of a structure: what a counter, a hash, a list, a set and a
// sorted set have in common beside what every key has.
type structure struct{ handle }

// Type returns what the key is declared to hold, such as "hash[string]int", and "" where
// it is not there. A key that holds another kind of value is [ErrWrongKind]. It is TYPE:
// O(1).
func (s structure) Type(ctx context.Context) (string, error) { return s.storedType().now(ctx) }

func (s structure) storedType() operation[string] {
	return operation[string]{
		handle: s.handle, name: "type", op: &backend.Type{Key: s.key, Pattern: s.pattern()},
		result: func(h handle, op backend.Op) (string, error) {
			switch found, want := op.(*backend.Type), h.place.node.value; {
			case !found.Found:
				return "", nil
			case found.Kind != want.kind.String():
				return "", wrongKind(found.Kind, want.kind)
			default:
				return want.holds, nil
			}
		},
	}
}

// batchStructure queues the operations that do not depend on what a structure holds.
type batchStructure struct {
	batchHandle
	structure structure
}

// life is what a write makes of the key's expiry.
func (s structure) life() backend.Expiry {
	if s.place == nil {
		return backend.Expiry{}
	}
	return backend.Expiry{TTL: s.declaredTTL(), IfNone: s.place.policy.renew == Never}
}

// reading is an operation that only reads, and renews the TTL where the declaration says
// so.
func reading[R any](s structure, name string, op backend.Op, result func(handle, backend.Op) (R, error)) operation[R] {
	o := operation[R]{handle: s.handle, name: name, op: op, result: result}
	if s.check() == nil {
		o.before = s.renewal()
	}
	return o
}

// renewal is what a read sends ahead, if it renews the TTL.
func (s structure) renewal() []backend.Op {
	if ttl := s.place.policy.renewedTTL(); ttl > 0 {
		return []backend.Op{&backend.Renew{Key: s.key, Pattern: s.pattern(), TTL: ttl}}
	}
	return nil
}

// readPage reads a page of a walk. With the first, the walk is a read like any other.
func (s structure) readPage(ctx context.Context, op backend.Op, first bool) error {
	if renewal := s.renewal(); first && renewal != nil {
		return s.place.store.exec(ctx, append(renewal, op)...)
	}
	return s.place.store.execOne(ctx, op)
}

// changing is an operation that changes something.
func changing[R any](s structure, name string, op backend.Op, err error, result func(handle, backend.Op) (R, error)) operation[R] {
	return operation[R]{handle: s.handle, name: name, op: op, err: err, result: result}
}

// elements writes and reads what a structure holds. They are stored without a header:
// the declaration says their type.
type elements[T any] struct{ *codec.Typed[T] }

// elementsOf are the elements of a place's structure; those that are comparable are its
// members or fields.
func elementsOf[T any](p *place, what string, comparable bool) (elements[T], error) {
	opts := codec.Options{Codec: p.policy.codec, Transforms: p.policy.transforms, Plain: true, Comparable: comparable}
	typed, err := codec.For[T](p.store.registry, opts)
	if err != nil {
		return elements[T]{}, fmt.Errorf("holds %s: %s: %w", p.node.value.holds, what, err)
	}
	return elements[T]{typed}, nil
}

// encode encodes an element into memory that short ones share.
func (e elements[T]) encode(key string, v T) ([]byte, error) {
	b := blocks.Get().(*block)
	text, err := e.Append(b.free, key, v)
	text = b.keep(text)
	blocks.Put(b)
	return text, err
}

// A block is memory for many short texts, each of which is handed out once: one allocation
// for many costs less than one each.
type block struct{ free []byte }

// blockSize is what a block has, and what a text that outlives the others keeps.
const blockSize = 1 << 10

var blocks = sync.Pool{New: func() any { return &block{make([]byte, 0, blockSize)} }}

// keep takes a text out of the block, if it has been appended there.
func (b *block) keep(text []byte) []byte {
	n := len(text)
	if n > cap(b.free) {
		return text // It has outgrown the block.
	}
	if b.free = b.free[n:n]; cap(b.free) < blockSize/16 {
		b.free = make([]byte, 0, blockSize)
	}
	return text[:n:n]
}

// encodePair encodes two elements.
func encodePair[A, B any](a elements[A], b elements[B], key string, left A, right B) (l, r []byte, err error) {
	if l, err = a.encode(key, left); err == nil {
		r, err = b.encode(key, right)
	}
	return l, r, err
}

func (e elements[T]) encodeAll(key string, values []T) (all [][]byte, err error) {
	all = make([][]byte, len(values))
	for i, v := range values {
		if all[i], err = e.encode(key, v); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// maxShown is how much of an element a message shows.
const maxShown = 64

// decode decodes an element. It keeps the data.
func (e elements[T]) decode(key string, data []byte) (T, error) {
	v, err := e.DecodeOwned(key, data)
	if err != nil {
		err = fmt.Errorf("element %.*q: %w", maxShown, data, err)
	}
	return v, err
}

// decodeAll decodes elements. One that can't be decoded is left out, and is an error
// unless the declaration says that it counts as missing. The others are there all the
// same: they may have been taken.
func (e elements[T]) decodeAll(h handle, data [][]byte) (all []T, failed error) {
	all = make([]T, 0, len(data))
	for _, text := range data {
		v, err := e.decode(h.key, text)
		switch {
		case err == nil:
			all = append(all, v)
		case h.place.policy.mismatch != TreatAsMissing:
			failed = errors.Join(failed, err)
		}
	}
	return all, failed
}

// decodeOne decodes an element that may not be there.
func (e elements[T]) decodeOne(h handle, data []byte, found bool) (Maybe[T], error) {
	if !found {
		return Maybe[T]{}, nil
	}
	v, err := e.decode(h.key, data)
	return Maybe[T]{v, true}, err
}

// distinct turns down two of them that would be one on the server.
func distinct(what string, texts [][]byte) error {
	if len(texts) < 2 {
		return nil
	}
	seen := make(map[string]struct{}, len(texts))
	for _, text := range texts {
		if has(seen, string(text)) {
			return fmt.Errorf("two %ss of one call are both stored as %.*q", what, maxShown, text)
		}
		seen[string(text)] = struct{}{}
	}
	return nil
}

// page is a page of a walk through a structure: what it yields, by what it is told
// apart from what came before, and where the next page begins.
type page[E any] struct {
	elems []E
	texts [][]byte
	errs  []error
	next  string
}

// each yields each element of a structure once. An element that can't be decoded comes
// with an error, and the walk goes on behind it. Any other error ends it.
func each[E any](ctx context.Context, s structure, read func(cursor string, count int) (backend.Op, func() page[E])) iter.Seq2[E, error] {
	return func(yield func(E, error) bool) {
		var none E
		w := s.watch(ctx)
		err := s.check()
		seen := map[string]struct{}{}
		for cursor := ""; err == nil; {
			op, result := read(cursor, s.place.store.pageSize)
			if err = s.readPage(ctx, op, cursor == ""); err != nil {
				break
			}
			p := result()
			for i := range p.elems {
				if has(seen, string(p.texts[i])) {
					continue
				}
				seen[string(p.texts[i])] = struct{}{}
				bad := p.errs[i]
				if bad != nil {
					bad = s.fail("each", bad)
				}
				if !yield(p.elems[i], bad) {
					_ = s.done(ctx, "each", w, OutcomeWalked, nil)
					return
				}
			}
			if cursor = p.next; cursor == "" {
				break
			}
		}
		if err = s.done(ctx, "each", w, OutcomeWalked, err); err != nil {
			yield(none, err)
		}
	}
}

// joined turns down another structure that an operation can't be done with: of another
// store, or one whose elements are stored in another way, so that what is the same in Go
// would not be the same on the server.
func joined[T any](s, other structure) error {
	if err := s.check(); err != nil {
		return err
	}
	err := cmp.Or(other.check(), other.in(s.place.store))
	if err == nil && !elems[T](s.handle).Alike(elems[T](other.handle).Typed) {
		err = errors.New("its elements are stored in another way; declare both with one codec, and without transforms, which may bind an element to its key")
	}
	if err != nil {
		return fmt.Errorf("the other structure: %w", err)
	}
	return nil
}

var errNoCount = errors.New("the number is negative")

// checkCount turns down a negative number of elements.
func checkCount(n int) error {
	if n < 0 {
		return fmt.Errorf("%w: %d", errNoCount, n)
	}
	return nil
}

type maxLenOption struct{ n int64 }

// MaxLenOption bounds a structure. [MaxLen] makes it.
type MaxLenOption interface {
	ListOption
	SortedSetOption
}

// MaxLen bounds a list or a sorted set to n elements: what is too many is dropped in the
// same atomic step as the write. A list drops from the end that was not pushed to; a
// sorted set drops the lowest scores, or the highest with [KeepLowest]. It applies to
// [List] and [SortedSet].
//
// By default there is no bound.
func MaxLen(n int) MaxLenOption { return maxLenOption{int64(n)} }

func (maxLenOption) validInList()      {}
func (maxLenOption) validInSortedSet() {}

func (o maxLenOption) declare(n *node) {
	if n.value.maxLen = o.n; o.n < 1 {
		n.problem("%v: a structure holds one element at least", o)
	}
}

func (o maxLenOption) String() string { return fmt.Sprintf("MaxLen(%d)", o.n) }
