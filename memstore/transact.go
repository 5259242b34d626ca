package memstore

import (
	"context"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Transact runs ops as one transaction, as [backend.Transactor] says. All of its
// ops see one time.
func (s *Store) Transact(ctx context.Context, ops ...backend.Op) error {
	if err := s.ready(ctx, ops); err != nil {
		return err
	}
	for _, op := range ops {
		if deedOf(op) == nil {
			return backend.FailAll(ops, unsupported(op))
		}
	}
	now := s.lock()
	defer s.mu.Unlock()
	defer s.asOne()()

	for _, op := range ops {
		s.carryOut(deedOf(op), op, now)
	}
	return backend.FirstErr(ops)
}

// lock begins a write. The time is taken under the lock, so that it does not
// run backwards from one write to the next.
func (s *Store) lock() (now time.Time) {
	s.mu.Lock()
	return s.now()
}

// asOne makes what is written until done is called, under the lock, appear to
// readers at once: the version is odd meanwhile, and another one afterwards. A
// read that finds it so, before or after its look, looks again under the lock.
//
// A lock that readers share would be simpler, and would cost every Get two
// writes to a word that all cores fight for; this costs it two loads.
func (s *Store) asOne() (done func()) {
	if s.version.Load()%2 == 1 {
		return func() {} // It is part of a transaction.
	}
	s.version.Add(1)
	return func() { s.version.Add(1) }
}

// look is the key's item, nil where there is none, and the time if the item
// expires. It takes no lock, unless a transaction comes between.
func (s *Store) look(key string) (it *item, now time.Time) {
	version := s.version.Load()
	it = s.keys.load(key)
	if version%2 == 1 || s.version.Load() != version {
		s.mu.Lock()
		it = s.keys.load(key)
		s.mu.Unlock()
	}
	if it == nil || !it.expires() {
		return it, now
	}
	if now = s.now(); it.expired(now) {
		return nil, now
	}
	return it, now
}
