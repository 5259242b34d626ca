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
		return handle{place: &place{node: n, pattern: n.pattern}, err: err}
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

func (h handle) pattern() string {
	if h.place == nil {
		return ""
	}
	return h.place.pattern
}

// Delete deletes the key, and returns whether it was there. It is UNLINK: O(1),
// and the server frees a large value in the background.
func (h handle) Delete(ctx context.Context) (bool, error) { return do(ctx, h.deletion("delete")) }

func (h handle) deletion(name string) operation[backend.Delete, bool] {
	return operation[backend.Delete, bool]{
		handle: h, name: name, op: &backend.Delete{Key: h.key, Pattern: h.pattern()},
		result: func(_ handle, op *backend.Delete) (bool, error) { return op.Deleted, nil },
	}
}

// Forget deletes the key and the memory that there was nothing to load: all that
// [Entry.Fetch] goes by. Use it where what the loader would find has changed. It
// returns whether there was a value. It is two UNLINK in one round trip: O(1).
func (h handle) Forget(ctx context.Context) (bool, error) { return do(ctx, h.forgetting()) }

func (h handle) forgetting() operation[backend.Delete, bool] {
	o := h.deletion("forget")
	o.before = &backend.Delete{Key: h.absentKey(), Pattern: h.pattern()}
	return o
}

// Exists returns whether the key is there, whatever it holds. It is EXISTS:
// O(1), and does not renew a TTL.
func (h handle) Exists(ctx context.Context) (bool, error) { return do(ctx, h.existence("exists")) }

func (h handle) existence(name string) operation[backend.Exists, bool] {
	return operation[backend.Exists, bool]{
		handle: h, name: name, op: &backend.Exists{Key: h.key, Pattern: h.pattern()},
		result: func(_ handle, op *backend.Exists) (bool, error) { return op.Found, nil },
	}
}

// TTL returns how long the key has left, to the millisecond: [NoExpiry] where it
// does not expire, [ErrNotFound] where it is not there. It is PTTL: O(1).
func (h handle) TTL(ctx context.Context) (time.Duration, error) { return do(ctx, h.remaining()) }

func (h handle) remaining() operation[backend.TTL, time.Duration] {
	return operation[backend.TTL, time.Duration]{
		handle: h, name: "ttl", op: &backend.TTL{Key: h.key, Pattern: h.pattern()},
		result: func(_ handle, op *backend.TTL) (time.Duration, error) {
			switch {
			case !op.Found:
				return 0, ErrNotFound
			case op.Remaining == 0:
				return NoExpiry, nil
			}
			return op.Remaining, nil
		},
	}
}

// ExpireTime returns the moment at which the key expires, to the millisecond:
// the zero time where it does not expire, [ErrNotFound] where it is not there.
// It is PEXPIRETIME, which needs Redis 7.0 or Valkey: O(1).
func (h handle) ExpireTime(ctx context.Context) (time.Time, error) { return do(ctx, h.expireTime()) }

func (h handle) expireTime() operation[backend.ExpireTime, time.Time] {
	return operation[backend.ExpireTime, time.Time]{
		handle: h, name: "expire time", op: &backend.ExpireTime{Key: h.key, Pattern: h.pattern()},
		result: func(_ handle, op *backend.ExpireTime) (time.Time, error) {
			if !op.Found {
				return time.Time{}, ErrNotFound
			}
			return op.At, nil
		},
	}
}

// MemoryUsage returns how many bytes of the store's memory the key and its value
// take, [ErrNotFound] where it is not there. It is MEMORY USAGE: O(1) for a
// plain value.
func (h handle) MemoryUsage(ctx context.Context) (int64, error) { return do(ctx, h.memoryUsage()) }

func (h handle) memoryUsage() operation[backend.MemoryUsage, int64] {
	return operation[backend.MemoryUsage, int64]{
		handle: h, name: "memory usage", op: &backend.MemoryUsage{Key: h.key, Pattern: h.pattern()},
		result: func(_ handle, op *backend.MemoryUsage) (int64, error) {
			if !op.Found {
				return 0, ErrNotFound
			}
			return op.Bytes, nil
		},
	}
}

// Expire makes the key expire after d, which must be a millisecond at least. It
// returns whether the key is there. [NoExpiry] is an error: use [Entry.Persist].
// It is PEXPIRE: O(1).
func (h handle) Expire(ctx context.Context, d time.Duration) (bool, error) {
	return do(ctx, h.expiring(d))
}

func (h handle) expiring(d time.Duration) operation[backend.Expire, bool] {
	d, err := checkTTL(d)
	return h.expiry("expire", &backend.Expire{TTL: d}, err)
}

// ExpireAt makes the key expire at t, which must lie in the future. It returns
// whether the key is there. It is PEXPIREAT: O(1).
func (h handle) ExpireAt(ctx context.Context, t time.Time) (bool, error) {
	return do(ctx, h.expiringAt(t))
}

func (h handle) expiringAt(t time.Time) operation[backend.Expire, bool] {
	var err error
	if h.check() == nil {
		err = checkExpireAt(t, h.place.store.now())
	}
	return h.expiry("expire", &backend.Expire{ExpireAt: t}, err)
}

func (h handle) expiry(name string, op *backend.Expire, err error) operation[backend.Expire, bool] {
	op.Key, op.Pattern = h.key, h.pattern()
	return operation[backend.Expire, bool]{
		handle: h, name: name, op: op, err: err,
		result: func(_ handle, op *backend.Expire) (bool, error) { return op.Applied, nil },
	}
}

// Persist removes the key's expiry, and returns whether it had one. It is
// PERSIST: O(1).
func (h handle) Persist(ctx context.Context) (bool, error) { return do(ctx, h.persisting()) }

func (h handle) persisting() operation[backend.Persist, bool] {
	return operation[backend.Persist, bool]{
		handle: h, name: "persist", op: &backend.Persist{Key: h.key, Pattern: h.pattern()},
		result: func(_ handle, op *backend.Persist) (bool, error) { return op.Applied, nil },
	}
}

// Touch applies the declared TTL anew, whatever [Renew] says, and returns
// whether the key is there. Where no TTL is declared it removes the key's
// expiry. It is PEXPIRE, or PERSIST and EXISTS in one round trip: O(1).
func (h handle) Touch(ctx context.Context) (bool, error) {
	if ttl := h.declaredTTL(); ttl > 0 {
		return do(ctx, h.touching(ttl))
	}
	return do(ctx, h.untouching())
}

func (h handle) touching(ttl time.Duration) operation[backend.Expire, bool] {
	return h.expiry("touch", &backend.Expire{TTL: ttl}, nil)
}

func (h handle) untouching() operation[backend.Exists, bool] {
	o := h.existence("touch")
	o.before = &backend.Persist{Key: h.key, Pattern: h.pattern()}
	return o
}

func (h handle) declaredTTL() time.Duration {
	if h.place == nil {
		return 0
	}
	return h.place.policy.drawTTL()
}

// Raw returns the bytes as they are stored, header and all, and whether the key
// is there. It is GET: O(1), and does not renew a TTL.
func (h handle) Raw(ctx context.Context) ([]byte, bool, error) {
	v, err := do(ctx, h.raw())
	return v.Value, v.Found, err
}

func (h handle) raw() operation[backend.Get, Maybe[[]byte]] {
	return operation[backend.Get, Maybe[[]byte]]{
		handle: h, name: "raw", op: &backend.Get{Key: h.key, Pattern: h.pattern()},
		result: func(_ handle, op *backend.Get) (Maybe[[]byte], error) {
			return Maybe[[]byte]{op.Value, op.Found}, nil
		},
	}
}
