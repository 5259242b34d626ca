package rin

import (
	"context"
	"fmt"

	"github.com/redisimnest/rin/backend"
)

// Result is what [GetAll] or [FetchAll] found for one entry.
type Result[T any] struct {
	// Value is the stored value, or the declared default where the key is not
	// there.
	Value T
	// Found says that the key is there, or was loaded.
	Found bool
	// Stale says that the value has expired: see [StaleIfError].
	Stale bool
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
	// A batch would do, but has more to remember of each operation.
	results, gets := make([]Result[T], len(entries)), make([]backend.Get, len(entries))
	ops := make([]backend.Op, len(entries))
	failed := BatchError{Of: len(entries)}
	store := storeOf(entries)
	w := store.watch(ctx)
	for i, e := range entries {
		if err := e.in(store); err != nil {
			results[i].Err = failed.add(i, e.done(ctx, "get", w, OutcomeMiss, err))
			continue
		}
		e.access(&gets[i])
		ops[i] = &gets[i]
	}
	if failed.Failed != nil {
		for i, e := range entries {
			if results[i].Err == nil {
				results[i].Err = e.done(ctx, "get", w, OutcomeMiss, errNotSent)
			}
		}
		return results, &failed
	}
	if len(ops) > 0 {
		_ = store.exec(ctx, ops...) // each op has its own error
	}
	for i, e := range entries {
		results[i] = e.resultOf(ctx, w, &gets[i])
		_ = failed.add(i, results[i].Err)
	}
	return results, failed.orNil()
}

// storeOf is the store of the first entry that has one.
func storeOf[T any](entries []Entry[T]) *store {
	for _, e := range entries {
		if e.check() == nil {
			return e.place.store
		}
	}
	return nil
}

func (e Entry[T]) resultOf(ctx context.Context, w watch, get *backend.Get) Result[T] {
	v, err := Maybe[T]{}, get.Err
	if err == nil {
		v, err = lookedUp[T](e.handle, get)
	}
	if err == nil && !v.Found {
		v.Value, err = e.binding().dflt()
	}
	return Result[T]{Value: v.Value, Found: v.Found, Err: e.done(ctx, "get", w, w.did(get), err)}
}

// String returns the value as it prints, or the error that there is instead.
func (r Result[T]) String() string {
	if r.Err != nil {
		return r.Err.Error()
	}
	return fmt.Sprint(r.Value)
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
	b := &Batch{store: storeOf(entries)}
	for _, p := range pairs {
		p.entry.In(b).Set(p.value)
	}
	return b.Run(ctx)
}
