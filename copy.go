package rin

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/redisimnest/rin/backend"
)

// CopyOption is an option of [Entry.CopyTo] and [Entry.MoveTo].
type CopyOption interface {
	fmt.Stringer
	validInCopy(*copying)
}

type copying struct{ overwrite bool }

type overwrite struct{}

// Overwrite lets a copy or a move replace what the destination holds. By default
// it refuses.
func Overwrite() CopyOption { return overwrite{} }

func (overwrite) validInCopy(c *copying) { c.overwrite = true }

// String returns the option as it is written.
func (overwrite) String() string { return "Overwrite()" }

// CopyTo stores the entry's value in dst, with dst's own TTL and codec, and
// returns whether it did: false where dst is there already and [Overwrite] is not
// given. Where the entry is not there it is [ErrNotFound]. The two may lie in
// different slots, and in different stores.
//
// It is GET and SET: two round trips, and not atomic. A change of the entry
// between them is not copied.
func (e Entry[T]) CopyTo(ctx context.Context, dst Entry[T], opts ...CopyOption) (bool, error) {
	w := e.watch(ctx)
	_, copied, err := e.copyTo(ctx, dst, opts)
	return copied, e.done(ctx, "copy", w, didOrNot(copied), err)
}

// MoveTo is CopyTo, after which the entry is deleted if it still holds the value
// that was copied. If it holds another by then, both stay, and the error is
// [ErrConflict].
//
// A move to the same key of another store is refused: nobody can tell whether
// the two stores are one database, where the move would delete the only copy. Use
// CopyTo and [Entry.Delete].
//
// It is GET, SET and a Lua script: three round trips.
func (e Entry[T]) MoveTo(ctx context.Context, dst Entry[T], opts ...CopyOption) (bool, error) {
	w := e.watch(ctx)
	moved, err := e.moveTo(ctx, dst, opts)
	return moved, e.done(ctx, "move", w, didOrNot(moved), err)
}

func (e Entry[T]) moveTo(ctx context.Context, dst Entry[T], opts []CopyOption) (moved bool, err error) {
	if e.check() == nil && dst.check() == nil && e.key == dst.key && e.place.store != dst.place.store {
		return false, errors.New("the destination has the same key, so it may be the entry itself; use CopyTo and Delete")
	}
	data, copied, err := e.copyTo(ctx, dst, opts)
	if err != nil || !copied {
		return false, err
	}
	err = e.deleteCopied(ctx, dst, data)
	return err == nil, err
}

func (e Entry[T]) copyTo(ctx context.Context, dst Entry[T], opts []CopyOption) (data []byte, copied bool, err error) {
	var c copying
	for _, opt := range opts {
		if opt == nil {
			return nil, false, errors.New("an option of the copy is nil; leave it out")
		}
		opt.validInCopy(&c)
	}
	if err := e.check(); err != nil {
		return nil, false, err
	}
	if err := dst.check(); err != nil {
		return nil, false, fmt.Errorf("the destination: %w", err)
	}
	if e.key == dst.key && e.place.store == dst.place.store {
		return nil, false, errors.New("the destination is the entry itself")
	}
	get := &backend.Get{Key: e.key, Pattern: e.place.pattern}
	if err := e.place.store.exec(ctx, get); err != nil {
		return nil, false, err
	}
	// A move compares the bytes later, so they are not given up.
	v, err := decode[T](e.handle, bytes.Clone(get.Value), get.Found)
	switch {
	case err != nil:
		return nil, false, err
	case !v.Found:
		return nil, false, ErrNotFound
	}
	set := &backend.Set{Cond: backend.IfAbsent}
	if c.overwrite {
		set.Cond = backend.Always
	}
	if err := dst.encode(set, v.Value, nil); err != nil {
		return nil, false, fmt.Errorf("the destination %s: %w", dst.key, err)
	}
	if err := dst.place.store.exec(ctx, set); err != nil {
		return nil, false, fmt.Errorf("writing to %s: %w", dst.key, err)
	}
	return get.Value, set.Applied, nil
}

func (e Entry[T]) deleteCopied(ctx context.Context, dst Entry[T], data []byte) error {
	op := &backend.CompareAndDelete{Key: e.key, Pattern: e.place.pattern, Old: data}
	if err := e.place.store.exec(ctx, op); err != nil {
		return fmt.Errorf("the value was copied to %s, but not deleted here: %w", dst.key, err)
	}
	if !op.Deleted {
		return fmt.Errorf("%w: %s holds what was read before, and nothing was deleted here", ErrConflict, dst.key)
	}
	return nil
}
