package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Exec runs ops in order, each atomically, as [backend.Backend] says.
func (s *Store) Exec(ctx context.Context, ops ...backend.Op) error {
	if err := s.ready(ctx, ops); err != nil {
		return err
	}
	var first error
	for _, op := range ops {
		if err := s.exec(op); first == nil {
			first = err
		}
	}
	return first
}

// ready fails ops that there is no use in carrying out.
func (s *Store) ready(ctx context.Context, ops []backend.Op) error {
	if s.err != nil {
		return backend.FailAll(ops, s.err)
	}
	return backend.Ended(ctx, ops)
}

// exec carries out one op. Nothing but a store's ignorance fails one.
func (s *Store) exec(op backend.Op) error {
	switch workOf(op) {
	case reads:
		it, now := s.look(backend.Key(op))
		answer(op, it, now)
	case writes:
		now := s.lock()
		defer s.mu.Unlock()
		s.change(op, now)
	default:
		err := unsupported(op)
		backend.Fail(op, err)
		return err
	}
	return nil
}

func unsupported(op backend.Op) error {
	return fmt.Errorf("memstore: %s: %w", backend.Name(op), backend.ErrUnsupported)
}

// work is what an op takes.
type work int

const (
	nothing work = iota // the store does not know the op
	reads               // a look at one item
	writes              // the lock
)

func workOf(op backend.Op) work {
	switch o := op.(type) {
	case *backend.Get:
		if o.TTL > 0 {
			return writes
		}
		return reads
	case *backend.Exists, *backend.TTL, *backend.ExpireTime, *backend.MemoryUsage:
		return reads
	case *backend.Set, *backend.Take, *backend.Delete, *backend.Expire, *backend.Persist,
		*backend.CompareAndSwap, *backend.CompareAndDelete, *backend.SetLocked:
		return writes
	}
	return nothing
}

// answer answers an op that reads from its key's item, nil where there is none.
// Now is the time, if the item expires.
func answer(op backend.Op, it *item, now time.Time) {
	if it == nil {
		return
	}
	switch o := op.(type) {
	case *backend.Get:
		get(o, it)
	case *backend.Exists:
		o.Found = true
	case *backend.TTL:
		ttl(o, it, now)
	case *backend.ExpireTime:
		o.Found, o.At = true, it.expireAt.Truncate(time.Millisecond)
	case *backend.MemoryUsage:
		o.Found, o.Bytes = true, size(o.Key, it)
	}
}

// change carries out an op that writes, under the lock.
func (s *Store) change(op backend.Op, now time.Time) {
	switch o := op.(type) {
	case *backend.Get:
		answer(o, s.renew(o.Key, o.TTL, time.Time{}, now), now)
	case *backend.Set:
		s.set(o, now)
	case *backend.Take:
		s.take(o, now)
	case *backend.Delete:
		o.Deleted = s.keys.remove(o.Key, now) != nil
	case *backend.Expire:
		o.Applied = s.renew(o.Key, o.TTL, o.ExpireAt, now) != nil
	case *backend.Persist:
		s.persist(o, now)
	case *backend.CompareAndSwap:
		s.compareAndSwap(o, now)
	case *backend.CompareAndDelete:
		s.compareAndDelete(o, now)
	case *backend.SetLocked:
		s.setLocked(o, now)
	}
}
