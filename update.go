package rin

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/redisimnest/rin/backend"
)

// CompareAndSwap stores value if the key holds old, and returns whether it did.
// Values are compared as Go values, with reflect.DeepEqual; the swap is made on
// the exact bytes that were compared, atomically on the server, with the TTL in
// the same step. A key that is not there holds no value, whatever its default.
//
// It is one Lua script: O(1). Where the same value is stored in other bytes, by
// another codec for one, it takes a second round trip.
func (e Entry[T]) CompareAndSwap(ctx context.Context, old, value T, opts ...WriteOption) (bool, error) {
	w := e.watch(ctx)
	did, err := e.compare(old, func(expect []byte) (bool, []byte, error) {
		op := &backend.CompareAndSwap{Old: expect}
		err := e.swapBytes(ctx, op, value, opts)
		return op.Applied, op.Current, err
	})
	return did, e.done(ctx, "compare and swap", w, didOrNot(did), err)
}

// CompareAndDelete deletes the key if it holds old, and returns whether it did.
// Values are compared as by [Entry.CompareAndSwap].
//
// It is one Lua script: O(1). Where the same value is stored in other bytes, by
// another codec for one, it takes a second round trip.
func (e Entry[T]) CompareAndDelete(ctx context.Context, old T) (bool, error) {
	w := e.watch(ctx)
	did, err := e.compare(old, func(expect []byte) (bool, []byte, error) {
		op := &backend.CompareAndDelete{Key: e.key, Pattern: e.pattern(), Old: expect}
		err := e.place.store.exec(ctx, append(e.invalidation(), op)...)
		return op.Deleted, op.Current, err
	})
	return did, e.done(ctx, "compare and delete", w, didOrNot(did), err)
}

// compare has try do something to a key that holds exactly the bytes of old, and
// again with those that it holds instead, nil for none, if they are the same
// value.
func (e Entry[T]) compare(old T, try func(expect []byte) (did bool, current []byte, err error)) (bool, error) {
	if err := e.check(); err != nil {
		return false, err
	}
	expect, err := e.binding().Append(nil, e.key, old)
	if err != nil {
		return false, err
	}
	// What comes back from the store has been through a codec, so old must have
	// been too.
	want, err := e.binding().Decode(e.key, expect)
	if err != nil {
		return false, err
	}
	for {
		did, current, err := try(expect)
		if err != nil || did || current == nil {
			return did, err
		}
		now, err := e.binding().Decode(e.key, current)
		if err != nil && !e.place.policy.forgives(err) {
			return false, err
		}
		if err != nil || !reflect.DeepEqual(now, want) {
			return false, nil
		}
		expect = current
	}
}

// swapBytes carries out op with the value and what becomes of the TTL.
func (e Entry[T]) swapBytes(ctx context.Context, op *backend.CompareAndSwap, value T, opts []WriteOption) error {
	var set backend.Set
	if err := e.encode(&set, value, opts); err != nil {
		return err
	}
	op.Key, op.Pattern, op.Value = set.Key, set.Pattern, set.Value
	op.TTL, op.ExpireAt, op.KeepTTL = set.TTL, set.ExpireAt, set.KeepTTL
	return e.place.store.exec(ctx, append(e.invalidationBy(expiryOf(&set)), op)...)
}

// An Update gives up after this many conflicts, or this long.
const (
	updateTries = 1000
	updateTime  = 30 * time.Second
)

// What the function of an [Entry.Update] returns in place of an error, bare or
// wrapped, to say what becomes of the key.
var (
	// Remove deletes the key, atomically: only if it still holds what the function
	// was given. Update then returns the value that came with it.
	Remove = errors.New("remove the key") //nolint:staticcheck,revive // it is an answer, not a failure
	// Unchanged leaves the key as it is, and writes nothing. Update then returns
	// the value that came with it.
	Unchanged = errors.New("leave the key unchanged") //nolint:staticcheck,revive // it is an answer, not a failure
)

// Update changes the value by a function of the old one, and returns the new
// one. Where the key is not there, found is false and old is the declared
// default, or else the zero value. The change is atomic: where another writer
// comes between, the function is called again with what that wrote, after a
// pause with jitter. It gives up with [ErrConflict] after 1,000 tries or 30
// seconds. The function may return [Remove] or [Unchanged] for an error; any
// other one is returned, and nothing is stored.
//
// The updates of one key by this process take turns. So the function must not
// wait for another update of its own key: that would last until the context ends.
//
// It is GET and one Lua script for each try: O(1).
func (e Entry[T]) Update(ctx context.Context, change func(old T, found bool) (T, error), opts ...WriteOption) (T, error) {
	w, out := e.watch(ctx), OutcomeApplied
	value, err := e.update(ctx, change, opts)
	if errors.Is(err, Unchanged) {
		err, out = nil, OutcomeNotApplied
	}
	return value, e.done(ctx, "update", w, out, err)
}

func (e Entry[T]) update(ctx context.Context, change func(T, bool) (T, error), opts []WriteOption) (none T, err error) {
	if err := e.check(); err != nil {
		return none, err
	}
	if change == nil {
		return none, errors.New("the function is nil")
	}
	_, done, err := e.place.store.turns.take(ctx, e.key)
	if err != nil {
		return none, err
	}
	defer done()
	pause := backoff{first: 100 * time.Microsecond, longest: 20 * time.Millisecond}
	for start := time.Now(); ; {
		tried := time.Now()
		get := &backend.Get{Key: e.key, Pattern: e.place.pattern}
		if err := e.place.store.exec(ctx, get); err != nil {
			return none, err
		}
		value, err := e.changed(get, change)
		if errors.Is(err, Unchanged) {
			return value, err
		}
		did, err := e.commit(ctx, get, value, err, opts)
		if err != nil {
			return none, err
		}
		if did {
			return value, nil
		}
		if pause.tries >= updateTries-1 || time.Since(start) > updateTime {
			return none, fmt.Errorf("%w, %d times", ErrConflict, pause.tries+1)
		}
		pause.heed(time.Since(tried))
		if err := pause.wait(ctx); err != nil {
			return none, err
		}
	}
}

// commit writes what has become of the value that was read, or deletes the key if
// the function said so, and reports whether nobody had come between.
func (e Entry[T]) commit(ctx context.Context, get *backend.Get, value T, said error, opts []WriteOption) (bool, error) {
	switch {
	case errors.Is(said, Remove) && !get.Found:
		return true, e.place.store.exec(ctx, e.invalidation()...)
	case errors.Is(said, Remove):
		op := &backend.CompareAndDelete{Key: e.key, Pattern: e.place.pattern, Old: get.Value}
		err := e.place.store.exec(ctx, append(e.invalidation(), op)...)
		return op.Deleted, err
	case said != nil:
		return false, said
	}
	op := &backend.CompareAndSwap{Old: get.Value, Absent: !get.Found}
	err := e.swapBytes(ctx, op, value, opts)
	return op.Applied, err
}

// changed is what change makes of the value that was read.
func (e Entry[T]) changed(get *backend.Get, change func(T, bool) (T, error)) (none T, err error) {
	b := e.binding()
	if get.Found {
		// Decode, and not DecodeOwned: the bytes are compared later, and change may
		// write to what it is given.
		old, err := b.Decode(e.key, get.Value)
		if err == nil {
			return change(old, true)
		}
		if !e.place.policy.forgives(err) {
			return none, err
		}
	}
	old, err := b.dflt()
	if err != nil && !errors.Is(err, ErrNotFound) {
		return none, err
	}
	return change(old, false)
}

// backoff waits longer each time, up to a limit, by a random part of it: full
// jitter, as in Marc Brooker's "Exponential Backoff And Jitter" (AWS, 2015).
type backoff struct {
	first, longest time.Duration
	tries          int
}

// heed makes the pauses fit how long a try took. On a store that is slow, or that
// many wait for, short ones would only make more tries that are in vain.
func (b *backoff) heed(took time.Duration) {
	took = min(took, time.Second)
	b.first = max(b.first, took)
	b.longest = max(b.longest, min(32*took, time.Second))
}

// next is the next pause.
func (b *backoff) next() time.Duration {
	limit := b.longest
	if b.tries < 20 {
		limit = min(limit, b.first<<b.tries)
	}
	b.tries++
	return rand.N(limit)
}

// wait returns the context's error if that ends first.
func (b *backoff) wait(ctx context.Context) error {
	timer := time.NewTimer(b.next())
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
