package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Exec runs ops in order, each atomically, as [backend.Backend] says.
func (s *Store) Exec(ctx context.Context, ops ...backend.Op) error {
	if err := backend.Ended(ctx, ops); err != nil {
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

// exec carries out one op. Nothing but a store's ignorance fails one.
func (s *Store) exec(op backend.Op) error {
	switch o := op.(type) {
	case *backend.Get:
		s.get(o)
	case *backend.Set:
		s.set(o)
	case *backend.Take:
		s.take(o)
	case *backend.Delete:
		s.delete(o)
	case *backend.Exists:
		s.exists(o)
	case *backend.TTL:
		s.ttl(o)
	case *backend.Expire:
		s.expire(o)
	case *backend.Persist:
		s.persist(o)
	default:
		err := fmt.Errorf("memstore: %s: %w", backend.Name(op), backend.ErrUnsupported)
		backend.Fail(op, err)
		return err
	}
	return nil
}

// peek is the key's item, read without the lock; nil where there is none. It
// asks for the time only where the item expires.
func (s *Store) peek(key string) *item {
	it := s.keys.load(key)
	if it == nil || it.expires() && it.expired(s.now()) {
		return nil
	}
	return it
}

// lock begins a write. The time is taken under the lock, so that it does not
// run backwards from one write to the next.
func (s *Store) lock() (now time.Time) {
	s.mu.Lock()
	return s.now()
}
