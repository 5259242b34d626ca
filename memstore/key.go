package memstore

import (
	"time"

	"github.com/redisimnest/rin/backend"
)

func ttl(o *backend.TTL, it *item, now time.Time) {
	o.Found = true
	if it.expires() {
		o.Remaining = ceilMillisecond(it.expireAt.Sub(now))
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

// renew gives a key another expiry, and is the item that it found.
func (s *Store) renew(key string, ttl time.Duration, at, now time.Time) *item {
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

func (s *Store) persist(o *backend.Persist, now time.Time) {
	it := s.keys.live(o.Key, now)
	if it == nil || !it.expires() {
		return
	}
	s.keys.put(o.Key, &item{value: it.value}, now)
	o.Applied = true
}

// overhead is about what a key takes beside its own bytes and its value's, as
// measured: the item, and a place in the map and in the order.
const overhead = 230

// size is about how many bytes of memory a key takes.
func size(key string, it *item) int64 { return int64(len(key) + cap(it.value) + overhead) }
