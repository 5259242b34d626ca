package memstore

import (
	"bytes"
	"time"

	"github.com/redisimnest/rin/backend"
)

func get(o *backend.Get, it *item) { o.Value, o.Found = bytes.Clone(it.value), true }

func (s *Store) set(o *backend.Set, now time.Time) {
	old := s.keys.live(o.Key, now)
	if o.ReturnOld && old != nil {
		o.Old, o.OldFound = bytes.Clone(old.value), true
	}
	if o.Applied = allowed(o.Cond, old != nil); o.Applied {
		s.write(o.Key, o.Value, setExpiry(o.TTL, o.ExpireAt, o.KeepTTL, old, now), now)
	}
}

func allowed(cond backend.Cond, present bool) bool {
	switch cond {
	case backend.IfAbsent:
		return !present
	case backend.IfPresent:
		return present
	default:
		return true
	}
}

// setExpiry is when a key expires that is written over old, which is nil where
// the key is created.
func setExpiry(ttl time.Duration, at time.Time, keep bool, old *item, now time.Time) time.Time {
	if keep && old != nil {
		return old.expireAt
	}
	return expiry(ttl, at, now)
}

func (s *Store) take(o *backend.Take, now time.Time) {
	if it := s.keys.remove(o.Key, now); it != nil {
		// A reader that loaded the item a moment ago may still be copying it.
		o.Value, o.Found = bytes.Clone(it.value), true
	}
}
