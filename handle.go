package rin

import (
	"context"
	"errors"
	"time"

	"github.com/redisimnest/rin/backend"
)

// handle is an entry without its type: what all bound keys have in common. Its
// exported methods are the operations that do not depend on what a key holds.
type handle struct {
	place *place
	key   string
	err   error
}

var (
	errUnbound  = errors.New("the entry is not bound to a store: make it with the At method of its key")
	errNilNode  = errors.New("the declared node is nil")
	errNilScope = errors.New("the scope is nil: make it with rin.Open, or with the At method of its cluster")
)

// at binds a node to a scope. An error is the handle's to carry.
func at(scope *Scope, n *node, params []any) handle {
	r, err := scope.route(n)
	switch {
	case r == nil:
		return handle{place: &place{store: scope.store(), node: n, pattern: n.pattern}, err: err}
	case err != nil:
		return handle{place: r.to, err: err}
	}
	key, err := r.render(scope.prefix, params)
	return handle{r.to, key, err}
}

// Key returns the full key, "" where none could be built. It is for showing: what
// sends the key to a store goes through [Entry.Use].
func (h handle) Key() string { return h.key }

// Err returns what is wrong with the handle, nil where nothing is: a parameter
// that is missing, or a node that is not under the scope. Every operation on
// the handle returns the same.
func (h handle) Err() error {
	if err := h.check(); err != nil {
		return h.fail("at", err)
	}
	return nil
}

func (h handle) check() error {
	if h.place == nil && h.err == nil {
		return errUnbound
	}
	return h.err
}

// in is why the handle can't be used with a store, if it can't.
func (h handle) in(s *store) error {
	if err := h.check(); err != nil {
		return err
	}
	if h.place.store != s {
		return ErrOtherStore
	}
	return nil
}

func (h handle) fail(op string, err error) error {
	e := &OpError{Op: op, Key: h.key, Err: err}
	if h.place != nil {
		e.Pattern = h.place.pattern
	}
	return e
}

// watch begins an operation.
func (h handle) watch(ctx context.Context) watch {
	if h.place == nil {
		return watch{}
	}
	return h.place.store.watch(ctx)
}

// done ends an operation: it gives err the form in which the caller gets it, and
// logs.
func (h handle) done(ctx context.Context, op string, w watch, out Outcome, err error) error {
	if err != nil {
		err = h.fail(op, err)
	}
	w.end(ctx, op, h.pattern(), h.key, out, err)
	return err
}

func (h handle) pattern() string {
	if h.place == nil {
		return ""
	}
	return h.place.pattern
}

// Delete deletes the key, and returns whether it was there. It is UNLINK: O(1),
// and the server frees a large value in the background. Of an entry it is a second UNLINK in
// the same round trip, for what [Entry.Fetch] keeps beside the key.
func (h handle) Delete(ctx context.Context) (bool, error) { return h.delete().now(ctx) }

func (h handle) delete() operation[bool] {
	return operation[bool]{handle: h, name: "delete", before: h.invalidation(), op: h.unlink(), result: didIt}
}

func (h handle) unlink() *backend.Delete { return &backend.Delete{Key: h.key, Pattern: h.pattern()} }

// didIt is the result of an operation that asks no more than whether its op did
// what it is for.
func didIt(_ handle, op backend.Op) (bool, error) { return backend.Did(op), nil }

// Exists returns whether the key is there, whatever it holds. It is EXISTS:
// O(1), and does not renew a TTL.
func (h handle) Exists(ctx context.Context) (bool, error) { return h.exists().now(ctx) }

func (h handle) exists() operation[bool] {
	return operation[bool]{handle: h, name: "exists", op: &backend.Exists{Key: h.key, Pattern: h.pattern()}, result: didIt}
}

// TTL returns how long the key has left, to the millisecond: [NoExpiry] where it
// does not expire, [ErrNotFound] where it is not there. It is PTTL: O(1).
func (h handle) TTL(ctx context.Context) (time.Duration, error) { return h.ttl().now(ctx) }

func (h handle) ttl() operation[time.Duration] {
	return operation[time.Duration]{
		handle: h, name: "ttl", op: &backend.TTL{Key: h.key, Pattern: h.pattern()},
		result: func(_ handle, op backend.Op) (time.Duration, error) {
			ttl := op.(*backend.TTL)
			return remaining(ttl.Remaining, ttl.Found)
		},
	}
}

// remaining is what a backend answered of a TTL, where 0 is none.
func remaining(left time.Duration, found bool) (time.Duration, error) {
	switch {
	case !found:
		return 0, ErrNotFound
	case left == 0:
		return NoExpiry, nil
	}
	return left, nil
}

// ExpireTime returns the moment at which the key expires, to the millisecond:
// the zero time where it does not expire, [ErrNotFound] where it is not there.
// It is PEXPIRETIME, which needs Redis 7.0 or Valkey: O(1).
func (h handle) ExpireTime(ctx context.Context) (time.Time, error) { return h.expireTime().now(ctx) }

func (h handle) expireTime() operation[time.Time] {
	return operation[time.Time]{
		handle: h, name: "expire time", op: &backend.ExpireTime{Key: h.key, Pattern: h.pattern()},
		result: func(_ handle, op backend.Op) (time.Time, error) {
			return op.(*backend.ExpireTime).At, foundBy(op)
		},
	}
}

// foundBy is [ErrNotFound] where op has not found its key.
func foundBy(op backend.Op) error {
	if !backend.Did(op) {
		return ErrNotFound
	}
	return nil
}

// MemoryUsage returns how many bytes of the store's memory the key and its value
// take, [ErrNotFound] where it is not there. It is MEMORY USAGE: O(1) for a
// plain value.
func (h handle) MemoryUsage(ctx context.Context) (int64, error) { return h.memoryUsage().now(ctx) }

func (h handle) memoryUsage() operation[int64] {
	return operation[int64]{
		handle: h, name: "memory usage", op: &backend.MemoryUsage{Key: h.key, Pattern: h.pattern()},
		result: func(_ handle, op backend.Op) (int64, error) {
			return op.(*backend.MemoryUsage).Bytes, foundBy(op)
		},
	}
}

// Expire makes the key expire after d, which must be a millisecond at least. It
// returns whether the key is there. [NoExpiry] is an error: use [Entry.Persist].
// It is PEXPIRE: O(1).
func (h handle) Expire(ctx context.Context, d time.Duration) (bool, error) {
	return h.expire(d).now(ctx)
}

func (h handle) expire(d time.Duration) operation[bool] {
	d, err := checkTTL(d)
	return operation[bool]{
		handle: h, name: "expire", before: h.invalidationBy(expiry{ttl: d}), op: h.expiry(d, time.Time{}), err: err, result: didIt,
	}
}

func (h handle) expiry(ttl time.Duration, at time.Time) *backend.Expire {
	return &backend.Expire{Key: h.key, Pattern: h.pattern(), TTL: ttl, ExpireAt: at}
}

// ExpireAt makes the key expire at t, which must lie in the future. It returns
// whether the key is there. It is PEXPIREAT: O(1).
func (h handle) ExpireAt(ctx context.Context, t time.Time) (bool, error) {
	return h.expireAt(t).now(ctx)
}

func (h handle) expireAt(t time.Time) operation[bool] {
	var err error
	if h.check() == nil {
		err = checkExpireAt(t, h.place.store.now())
	}
	return operation[bool]{
		handle: h, name: "expire", before: h.invalidationBy(expiry{at: t}), op: h.expiry(0, t), err: err, result: didIt,
	}
}

// Persist removes the key's expiry, and returns whether it had one. It is
// PERSIST: O(1).
func (h handle) Persist(ctx context.Context) (bool, error) { return h.persist().now(ctx) }

func (h handle) persist() operation[bool] {
	return operation[bool]{handle: h, name: "persist", op: h.permanence(), result: didIt}
}

func (h handle) permanence() *backend.Persist {
	return &backend.Persist{Key: h.key, Pattern: h.pattern()}
}

// Touch applies the declared TTL anew, whatever [Renew] says, and returns
// whether the key is there. Where no TTL is declared it removes the key's
// expiry. It is PEXPIRE, or PERSIST and EXISTS in one round trip: O(1).
func (h handle) Touch(ctx context.Context) (bool, error) { return h.touch().now(ctx) }

func (h handle) touch() operation[bool] {
	o := h.exists()
	if ttl := h.declaredTTL(); ttl > 0 {
		o.before, o.op = h.invalidationBy(expiry{ttl: ttl}), h.expiry(ttl, time.Time{})
	} else {
		o.before = []backend.Op{h.permanence()}
	}
	o.name = "touch"
	return o
}

func (h handle) declaredTTL() time.Duration {
	if h.place == nil {
		return 0
	}
	return h.place.policy.drawTTL()
}
