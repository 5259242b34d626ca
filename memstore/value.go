package memstore

import (
	"bytes"
	"time"

	"github.com/redisimnest/rin/backend"
)

func (s *Store) get(o *backend.Get) {
	if it := s.peekOrRenew(o); it != nil {
		o.Value, o.Found = bytes.Clone(it.value), true
	}
}

func (s *Store) peekOrRenew(o *backend.Get) *item {
	if o.TTL == 0 {
		return s.peek(o.Key)
	}
	return s.renew(o.Key, o.TTL, time.Time{})
}

func (s *Store) set(o *backend.Set) {
	now := s.lock()
	defer s.mu.Unlock()

	old := s.keys.live(o.Key, now)
	if o.ReturnOld && old != nil {
		o.Old, o.OldFound = bytes.Clone(old.value), true
	}
	if !holds(o.Cond, old != nil) {
		return
	}
	o.Applied = true
	s.keys.put(o.Key, &item{bytes.Clone(o.Value), setExpiry(o, old, now)}, now)
}

func holds(cond backend.Cond, present bool) bool {
	switch cond {
	case backend.IfAbsent:
		return !present
	case backend.IfPresent:
		return present
	default:
		return true
	}
}

func setExpiry(o *backend.Set, old *item, now time.Time) time.Time {
	if o.KeepTTL && old != nil {
		return old.expireAt
	}
	return expiry(o.TTL, o.ExpireAt, now)
}

func (s *Store) take(o *backend.Take) {
	now := s.lock()
	defer s.mu.Unlock()

	if it := s.keys.remove(o.Key, now); it != nil {
		// A reader that loaded the item a moment ago may still be copying it.
		o.Value, o.Found = bytes.Clone(it.value), true
	}
}
