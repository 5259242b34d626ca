package memstore

import "github.com/redisimnest/rin/backend"

// MakeList makes a key hold a list, without an expiry.
func (s *Store) MakeList(key string) {
	now := s.lock()
	defer s.mu.Unlock()
	s.keys.put(key, &item{other: list{}}, now)
}

type list struct{}

func (list) kind() backend.Kind { return backend.List }
func (list) size() int          { return 0 }
