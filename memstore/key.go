package memstore

import (
	"time"

	"github.com/redisimnest/rin/backend"
)

func (s *Store) delete(o *backend.Delete) {
	now := s.lock()
	defer s.mu.Unlock()

	o.Deleted = s.keys.remove(o.Key, now) != nil
}

func (s *Store) exists(o *backend.Exists) { o.Found = s.peek(o.Key) != nil }

func (s *Store) ttl(o *backend.TTL) {
	it := s.keys.load(o.Key)
	if it == nil {
		return
	}
	if !it.expires() {
		o.Found = true
		return
	}
	if left := it.expireAt.Sub(s.now()); left > 0 {
		o.Found, o.Remaining = true, ceilMillisecond(left)
	}
}

// ceilMillisecond rounds up to whole milliseconds, as far as a Duration goes.
func ceilMillisecond(d time.Duration) time.Duration {
	whole := d.Truncate(time.Millisecond)
	if up := whole + time.Millisecond; whole < d && up > 0 {
		return up
	}
	return whole
}

func (s *Store) expire(o *backend.Expire) {
	o.Applied = s.renew(o.Key, o.TTL, o.ExpireAt) != nil
}

// renew gives a key another expiry, and is the item that it found.
func (s *Store) renew(key string, ttl time.Duration, at time.Time) *item {
	now := s.lock()
	defer s.mu.Unlock()

	it := s.keys.live(key, now)
	if it != nil {
		s.keys.put(key, &item{it.value, expiry(ttl, at, now)}, now)
	}
	return it
}

// expiry is when a key expires; zero, for one that does not, where neither ttl
// nor at is given.
func expiry(ttl time.Duration, at, now time.Time) time.Time {
	if ttl > 0 {
		return now.Add(ttl)
	}
	return at
}

func (s *Store) persist(o *backend.Persist) {
	now := s.lock()
	defer s.mu.Unlock()

	it := s.keys.live(o.Key, now)
	if it == nil || !it.expires() {
		return
	}
	s.keys.put(o.Key, &item{value: it.value}, now)
	o.Applied = true
}
