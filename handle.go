package rin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// Key returns the full key, "" where none could be built.
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

// exec runs ops on the handle's key.
func (h handle) exec(ctx context.Context, name string, ops ...backend.Op) error {
	err := h.check()
	if err == nil {
		err = h.place.store.backend.Exec(ctx, ops...)
	}
	if err != nil {
		return h.fail(name, err)
	}
	return nil
}

// Delete deletes the key, and returns whether it was there. It is UNLINK: O(1),
// and the server frees a large value in the background.
func (h handle) Delete(ctx context.Context) (bool, error) {
	op := &backend.Delete{Key: h.key, Pattern: h.pattern()}
	err := h.exec(ctx, "delete", op)
	return op.Deleted, err
}

// Exists returns whether the key is there, whatever it holds. It is EXISTS:
// O(1), and does not renew a TTL.
func (h handle) Exists(ctx context.Context) (bool, error) {
	op := &backend.Exists{Key: h.key, Pattern: h.pattern()}
	err := h.exec(ctx, "exists", op)
	return op.Found, err
}

// TTL returns how long the key has left, to the millisecond: [NoExpiry] where it
// does not expire, [ErrNotFound] where it is not there. It is PTTL: O(1).
func (h handle) TTL(ctx context.Context) (time.Duration, error) {
	op := &backend.TTL{Key: h.key, Pattern: h.pattern()}
	if err := h.exec(ctx, "ttl", op); err != nil {
		return 0, err
	}
	switch {
	case !op.Found:
		return 0, h.fail("ttl", ErrNotFound)
	case op.Remaining == 0:
		return NoExpiry, nil
	}
	return op.Remaining, nil
}

// Expire makes the key expire after d, which must be positive. It returns
// whether the key is there. It is PEXPIRE: O(1).
func (h handle) Expire(ctx context.Context, d time.Duration) (bool, error) {
	d, err := checkTTL(d)
	if err = cmp.Or(h.check(), err); err != nil {
		return false, h.fail("expire", err)
	}
	return h.expire(ctx, &backend.Expire{TTL: d})
}

// ExpireAt makes the key expire at t, which must lie in the future. It returns
// whether the key is there. It is PEXPIREAT: O(1).
func (h handle) ExpireAt(ctx context.Context, t time.Time) (bool, error) {
	if h.check() == nil && !t.After(h.place.store.now()) {
		return false, h.fail("expire", fmt.Errorf("%w: %v has passed; use Delete to remove the key", ErrTTL, t))
	}
	return h.expire(ctx, &backend.Expire{ExpireAt: t})
}

func (h handle) expire(ctx context.Context, op *backend.Expire) (bool, error) {
	op.Key, op.Pattern = h.key, h.pattern()
	err := h.exec(ctx, "expire", op)
	return op.Applied, err
}

// Persist removes the key's expiry, and returns whether it had one. It is
// PERSIST: O(1).
func (h handle) Persist(ctx context.Context) (bool, error) {
	op := &backend.Persist{Key: h.key, Pattern: h.pattern()}
	err := h.exec(ctx, "persist", op)
	return op.Applied, err
}

// Touch applies the declared TTL anew, whatever [Renew] says, and returns
// whether the key is there. Where no TTL is declared it removes the key's
// expiry. It is PEXPIRE, or PERSIST and EXISTS in one round trip: O(1).
func (h handle) Touch(ctx context.Context) (bool, error) {
	if err := h.check(); err != nil {
		return false, h.fail("touch", err)
	}
	if ttl := h.place.policy.drawTTL(); ttl > 0 {
		op := &backend.Expire{Key: h.key, Pattern: h.pattern(), TTL: ttl}
		err := h.exec(ctx, "touch", op)
		return op.Applied, err
	}
	there := &backend.Exists{Key: h.key, Pattern: h.pattern()}
	err := h.exec(ctx, "touch", &backend.Persist{Key: h.key, Pattern: h.pattern()}, there)
	return there.Found, err
}

// Raw returns the bytes as they are stored, header and all, and whether the key
// is there. It is GET: O(1), and does not renew a TTL.
func (h handle) Raw(ctx context.Context) ([]byte, bool, error) {
	data, found, err := h.read(ctx, false)
	if err != nil {
		return nil, false, h.fail("raw", err)
	}
	return data, found, nil
}

// read gets the stored bytes. An access renews the TTL where the declaration
// says so; an inspection does not.
func (h handle) read(ctx context.Context, access bool) ([]byte, bool, error) {
	if err := h.check(); err != nil {
		return nil, false, err
	}
	c := newGetCall()
	defer c.free()
	c.op.Key, c.op.Pattern = h.key, h.place.pattern
	if access {
		c.op.TTL = h.place.policy.renewedTTL()
	}
	err := h.place.store.backend.Exec(ctx, c.ops[:]...)
	return c.op.Value, c.op.Found, err
}
