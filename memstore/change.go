package memstore

import (
	"bytes"
	"time"

	"github.com/redisimnest/rin/backend"
)

func (s *Store) compareAndSwap(o *backend.CompareAndSwap, now time.Time) {
	old := s.keys.live(o.Key, now)
	if old != nil && (o.Absent || !bytes.Equal(old.value, o.Old)) {
		o.Current, o.Found = bytes.Clone(old.value), true
		return
	}
	if o.Applied = old != nil || o.Absent; o.Applied {
		s.write(o.Key, o.Value, setExpiry(o.TTL, o.ExpireAt, o.KeepTTL, old, now), now)
	}
}

func (s *Store) compareAndDelete(o *backend.CompareAndDelete, now time.Time) {
	old := s.keys.live(o.Key, now)
	switch {
	case old == nil:
	case bytes.Equal(old.value, o.Old):
		o.Deleted = s.keys.remove(o.Key, now) != nil
	default:
		o.Current, o.Found = bytes.Clone(old.value), true
	}
}

func (s *Store) setLocked(o *backend.SetLocked, now time.Time) {
	o.Applied = s.holds(o.Lock, o.Token, now)
	if o.Applied {
		defer s.asOne()()
		s.write(o.Key, o.Value, expiry(o.TTL, time.Time{}, now), now)
		s.keys.remove(o.Lock, now)
	}
}

// holds says that the key is there with exactly this value.
func (s *Store) holds(key string, value []byte, now time.Time) bool {
	it := s.keys.live(key, now)
	return it != nil && bytes.Equal(it.value, value)
}

// write gives the key a copy of value.
func (s *Store) write(key string, value []byte, expireAt, now time.Time) {
	s.keys.put(key, &item{bytes.Clone(value), expireAt}, now)
}
