package rin

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/redisimnest/rin/backend"
)

// A lock is held in a key beside the one that is being loaded, in its slot. It is
// released by whoever has its token, and else by its lease.
type lock struct {
	store   *store
	key     string
	pattern string
	token   []byte
	held    bool
}

// tryAcquire is the lock, nil where somebody else holds it or none is wanted.
func (f *fetch[T]) tryAcquire(ctx context.Context) (*lock, error) {
	if f.how.lease == 0 {
		return nil, nil
	}
	l := &lock{store: f.place.store, key: f.lockKey(), pattern: f.place.pattern, token: []byte(rand.Text())}
	set := backend.Set{Key: l.key, Pattern: l.pattern, Value: l.token, TTL: f.how.lease, Cond: backend.IfAbsent}
	if err := f.exec(ctx, &set); err != nil {
		l.held = errors.Is(err, ErrUnknownOutcome) // it may have been taken all the same
		l.release(ctx)
		return nil, err
	}
	if !set.Applied {
		return nil, nil
	}
	l.held = true
	return l, nil
}

// acquire waits until it has the lock, or somebody else has stored the value.
func (f *fetch[T]) acquire(ctx context.Context) (l *lock, v Maybe[T], err error) {
	pause := backoff{first: 10 * time.Millisecond, longest: 250 * time.Millisecond}
	for {
		l, err = f.tryAcquire(ctx)
		switch {
		case err != nil && f.forgives(ctx, err):
			return nil, v, nil
		case err != nil || l != nil || f.how.lease == 0:
			return l, v, err
		}
		if err := pause.wait(ctx); err != nil {
			return nil, v, f.fail("fetch", err)
		}
		if v, err = f.look(ctx); err != nil || v.Found {
			return nil, v, err
		}
	}
}

// write carries out a write and releases the lock, if that is still held.
func (l *lock) write(ctx context.Context, set backend.Set) error {
	op := &backend.SetLocked{
		Key: set.Key, Pattern: set.Pattern, Value: set.Value, TTL: set.TTL, Lock: l.key, Token: l.token,
	}
	err := l.store.exec(ctx, op)
	if err == nil {
		l.held = false // by us: released, or lost before
	}
	return err
}

// release frees the lock, if it is still held. Where that fails its lease ends
// it.
func (l *lock) release(ctx context.Context) {
	if l == nil || !l.held {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	_ = l.store.exec(ctx, &backend.CompareAndDelete{Key: l.key, Pattern: l.pattern, Old: l.token})
}
