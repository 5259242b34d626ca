package memstore

import "github.com/redisimnest/rin/backend"

// MakeList makes a key hold a list, without an expiry.
func (s *Store) MakeList(key string) {
	s.exec(&backend.RPush{Key: key, Values: [][]byte{[]byte("an element")}})
}
