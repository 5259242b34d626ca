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
	const name = "compare and swap"
	expect, err := e.encode(old)
	if err != nil {
		return false, e.fail(name, err)
	}
	// What comes back from the store has been through a codec, so old must have
	// been too.
	want, err := e.binding().Decode(e.key, expect)
	if err != nil {
		return false, e.fail(name, err)
	}
	for {
		op := &backend.CompareAndSwap{Old: expect}
		if err := e.swap(ctx, op, value, opts); err != nil {
			return false, e.fail(name, err)
		}
		if op.Applied || !op.Found {
			return op.Applied, nil
		}
		current, err := e.binding().Decode(e.key, op.Current)
		if err != nil && !e.place.policy.forgives(err) {
			return false, e.fail(name, err)
		}
		if err != nil || !reflect.DeepEqual(current, want) {
			return false, nil
		}
		expect = op.Current
	}
}

func (e Entry[T]) encode(value T) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	return e.binding().Append(nil, e.key, value)
}

// swap carries out op with the value and what becomes of the TTL.
func (e Entry[T]) swap(ctx context.Context, op *backend.CompareAndSwap, value T, opts []WriteOption) error {
	var set backend.Set
	if err := e.write(&set, value, opts); err != nil {
		return err
	}
	op.Key, op.Pattern, op.Value = set.Key, set.Pattern, set.Value
	op.TTL, op.ExpireAt, op.KeepTTL = set.TTL, set.ExpireAt, set.KeepTTL
	return e.place.store.backend.Exec(ctx, op)
}

// An Update gives up after this many conflicts, or this long.
const (
	updateTries = 1000
	updateTime  = 30 * time.Second
)

// Update changes the value by a function of the old one, and returns the new
// one. Where the key is not there, found is false and old is the declared
// default, or else the zero value. The change is atomic: where another writer
// comes between, the function is called again with what that wrote, after a
// pause with jitter. It gives up with [ErrConflict] after 1,000 tries or 30
// seconds. An error of the function is returned, and nothing is stored.
//
// The updates of one key by this process take turns. So the function must not
// wait for another update of its own key: that would last until the context ends.
//
// It is GET and one Lua script for each try: O(1).
func (e Entry[T]) Update(ctx context.Context, change func(old T, found bool) (T, error), opts ...WriteOption) (T, error) {
	value, err := e.update(ctx, change, opts)
	if err != nil {
		return value, e.fail("update", err)
	}
	return value, nil
}

func (e Entry[T]) update(ctx context.Context, change func(T, bool) (T, error), opts []WriteOption) (none T, err error) {
	if err := e.check(); err != nil {
		return none, err
	}
	if change == nil {
		return none, errors.New("the function is nil")
	}
	done, err := e.place.store.turns.take(ctx, e.key)
	if err != nil {
		return none, err
	}
	defer done()
	pause := backoff{first: 100 * time.Microsecond, longest: 20 * time.Millisecond}
	for start := time.Now(); ; {
		tried := time.Now()
		get := &backend.Get{Key: e.key, Pattern: e.place.pattern}
		if err := e.place.store.backend.Exec(ctx, get); err != nil {
			return none, err
		}
		value, err := e.changed(get, change)
		if err != nil {
			return none, err
		}
		op := &backend.CompareAndSwap{Old: get.Value, Absent: !get.Found}
		if err := e.swap(ctx, op, value, opts); err != nil {
			return none, err
		}
		if op.Applied {
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

// wait returns the context's error if that ends first.
func (b *backoff) wait(ctx context.Context) error {
	limit := b.longest
	if b.tries < 20 {
		limit = min(limit, b.first<<b.tries)
	}
	b.tries++
	timer := time.NewTimer(rand.N(limit))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
