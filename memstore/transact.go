package memstore

import (
	"context"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Transact runs ops as one transaction, as [backend.Transactor] says. All of its
// ops see one time.
func (s *Store) Transact(ctx context.Context, ops ...backend.Op) error {
	if err := backend.Ended(ctx, ops); err != nil {
		return err
	}
	for _, op := range ops {
		if workOf(op) == nothing {
			return backend.FailAll(ops, unsupported(op))
		}
	}
	now := s.lock()
	defer s.mu.Unlock()
	defer s.asOne()()

	for _, op := range ops {
		s.step(op, now)
	}
	return nil
}

// step carries out an op of a transaction.
func (s *Store) step(op backend.Op, now time.Time) {
	if workOf(op) == reads {
		answer(op, s.keys.live(backend.Key(op), now), now)
	} else {
		s.change(op, now)
	}
}

// lock begins a write. The time is taken under the lock, so that it does not
// run backwards from one write to the next.
func (s *Store) lock() (now time.Time) {
	s.mu.Lock()
	return s.now()
}

// asOne makes what is written until done is called, under the lock, appear to
// readers at once.
//
// Meanwhile a read waits first. That is enough, although a read may be past its
// look at the flag when the flag is set: it was then under way before anything
// was written, and whoever asks after it has its answer finds the flag set. So
// everything is as if all had been written at the moment when the flag was set:
// a read that finds an old value began before that moment, and one that finds a
// new value ends after it.
//
// A lock that readers share would be simpler, and would cost every Get two
// writes to a word that all cores fight for; this costs it one load.
func (s *Store) asOne() (done func()) {
	outer := s.transacting.Swap(true)
	return func() { s.transacting.Store(outer) }
}

// await waits until what is under way has been written.
func (s *Store) await() {
	s.mu.Lock()
	s.mu.Unlock() //nolint:staticcheck // there is nothing to do but to wait
}

// look is the key's item, nil where there is none, and the time if the item
// expires. It takes no lock, but where [Store.asOne] makes it wait.
func (s *Store) look(key string) (it *item, now time.Time) {
	if s.transacting.Load() {
		s.await()
	}
	it = s.keys.load(key)
	if it == nil || !it.expires() {
		return it, now
	}
	if now = s.now(); it.expired(now) {
		return nil, now
	}
	return it, now
}
