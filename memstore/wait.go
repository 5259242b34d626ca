package memstore

import (
	"context"

	"github.com/redisimnest/rin/backend"
)

// Wait waits until the list at key has an element. See [backend.Waiter].
func (s *Store) Wait(ctx context.Context, key string) error {
	if s.err != nil {
		return s.err
	}
	pushed, err := s.awaited(key)
	if pushed == nil || err != nil {
		return err
	}
	select {
	case <-pushed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// awaited is closed at the next write to a structure at key; nil where there is a list.
func (s *Store) awaited(key string) (<-chan struct{}, error) {
	now := s.lock()
	defer s.mu.Unlock()
	if it := s.keys.live(key, now); it != nil {
		return nil, wants(backend.KindList, it)
	}
	if s.waits[key] == nil {
		if s.waits == nil {
			s.waits = map[string]chan struct{}{}
		}
		s.waits[key] = make(chan struct{})
	}
	return s.waits[key], nil
}

// wake wakes those that wait for key.
func (s *Store) wake(key string) {
	if pushed, ok := s.waits[key]; ok {
		close(pushed)
		delete(s.waits, key)
	}
}
