package memstore

import (
	"bytes"
	"time"

	"github.com/redisimnest/rin/backend"
)

var valueDeeds = []deed{
	writes((*Store).getRenewing), // a plain Get has a way of its own
	writes((*Store).set),
	writes((*Store).take),
}

func get(o *backend.Get, it *item) {
	if it != nil {
		o.Value, o.Found = bytes.Clone(it.value), true
	}
}

func (s *Store) getRenewing(o *backend.Get, it *item, now time.Time) {
	get(o, it)
	if it != nil && o.TTL > 0 {
		s.keys.put(o.Key, it.until(now.Add(o.TTL)), now)
	}
}

func (s *Store) set(o *backend.Set, old *item, now time.Time) {
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

func (s *Store) take(o *backend.Take, it *item, _ time.Time) {
	if it != nil {
		// A reader that loaded the item a moment ago may still be copying it.
		o.Value, o.Found = bytes.Clone(it.value), true
		s.keys.remove(o.Key)
	}
}

// write gives the key a copy of value.
func (s *Store) write(key string, value []byte, expireAt, now time.Time) {
	s.keys.put(key, &item{value: bytes.Clone(value), expireAt: expireAt}, now)
}
