package rin

import (
	"context"
)

// Result is what [GetAll] found for one entry.
type Result[T any] struct {
	// Value is the stored value, or the declared default where the key is not
	// there.
	Value T
	// Found says that the key is there.
	Found bool
	// Err is why there is no value: [ErrNotFound] where the key is not there and
	// has no default, or what went wrong.
	Err error
}

// GetAll gets many entries in one round trip for each node of the store. The
// results are in the order of the entries. The error is a [*BatchError] that
// names the entries which could not be read, as in [Batch.Run]; a key that is
// not there is none. The entries must be of one store, else it is
// [ErrOtherStore].
func GetAll[T any](ctx context.Context, entries ...Entry[T]) ([]Result[T], error) {
	results := make([]Result[T], len(entries))
	futures := make([]*Future[Maybe[T]], len(entries))
	b := batchOf(entries)
	for i, e := range entries {
		futures[i] = e.In(b).Lookup()
	}
	err := b.Run(ctx)
	for i, f := range futures {
		results[i] = entries[i].resultOf(f)
	}
	return results, err
}

// batchOf is a batch for the store of the first entry that has one.
func batchOf[T any](entries []Entry[T]) *Batch {
	for _, e := range entries {
		if e.check() == nil {
			return &Batch{store: e.place.store}
		}
	}
	return &Batch{}
}

func (e Entry[T]) resultOf(f *Future[Maybe[T]]) Result[T] {
	v, err := f.Result()
	if err != nil || v.Found {
		return Result[T]{v.Value, v.Found, err}
	}
	value, err := e.binding().dflt()
	if err != nil {
		return Result[T]{Err: e.fail("get", err)}
	}
	return Result[T]{Value: value}
}

// Pair is an entry and the value to store in it. [Entry.To] makes it.
type Pair[T any] struct {
	entry Entry[T]
	value T
}

// To pairs the entry with a value, for [SetAll].
func (e Entry[T]) To(value T) Pair[T] { return Pair[T]{e, value} }

// SetAll sets many entries in one round trip for each node of the store, each
// with its own declared TTL:
//
//	err := rin.SetAll(ctx, Age.At(root, 1).To(30), Age.At(root, 2).To(40))
//
// The error is a [*BatchError] that names the entries which could not be
// written; the others were. For all or nothing, use an [Atomic] batch.
func SetAll[T any](ctx context.Context, pairs ...Pair[T]) error {
	entries := make([]Entry[T], len(pairs))
	for i, p := range pairs {
		entries[i] = p.entry
	}
	b := batchOf(entries)
	for _, p := range pairs {
		p.entry.In(b).Set(p.value)
	}
	return b.Run(ctx)
}
