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
	if err := e.movable(dst.handle); err != nil {
		return false, err
	}
	data, copied, err := e.copyTo(ctx, dst, opts)
	if err != nil || !copied {
		return false, err
	}
	err = e.deleteCopied(ctx, dst.handle, &backend.CompareAndDelete{Key: e.key, Pattern: e.place.pattern, Old: data})
	return err == nil, err
}

// movable turns down a move that may be one to itself.
func (h handle) movable(dst handle) error {
	if h.check() == nil && dst.check() == nil && h.key == dst.key && h.place.store != dst.place.store {
		return errors.New("the destination has the same key, so it may be the entry itself; use CopyTo and Delete")
	}
	return nil
}

// copying is what the options of a copy say, if it can be done.
func (h handle) copying(dst handle, opts []CopyOption) (c copying, err error) {
	for _, opt := range opts {
		if opt == nil {
			return c, errors.New("an option of the copy is nil; leave it out")
		}
		opt.validInCopy(&c)
	}
	if err := h.check(); err != nil {
		return c, err
	}
	if err := dst.check(); err != nil {
		return c, fmt.Errorf("the destination: %w", err)
	}
	if h.key == dst.key && h.place.store == dst.place.store {
		return c, errors.New("the destination is the entry itself")
	}
	return c, nil
}

func (e Entry[T]) copyTo(ctx context.Context, dst Entry[T], opts []CopyOption) (data []byte, copied bool, err error) {
	c, err := e.copying(dst.handle, opts)
	if err != nil {
		return nil, false, err
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
	copied, err = dst.writeCopy(ctx, set, dst.invalidationBy(expiryOf(set))...)
	return get.Value, copied, err
}

// writeCopy carries out the write of a copy.
func (h handle) writeCopy(ctx context.Context, op backend.Op, before ...backend.Op) (bool, error) {
	if err := h.place.store.exec(ctx, append(before, op)...); err != nil {
		return false, fmt.Errorf("writing to %s: %w", h.key, err)
	}
	return backend.Did(op), nil
}

// deleteCopied deletes what was copied, by an op that does so if it is unchanged.
func (h handle) deleteCopied(ctx context.Context, dst handle, op backend.Op) error {
	if err := h.place.store.exec(ctx, append(h.invalidation(), op)...); err != nil {
		return fmt.Errorf("the value was copied to %s, but not deleted here: %w", dst.key, err)
	}
	if !backend.Did(op) {
		return fmt.Errorf("%w: %s holds what was read before, and nothing was deleted here", ErrConflict, dst.key)
	}
	return nil
}
