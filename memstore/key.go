package memstore

import (
	"time"

	"github.com/redisimnest/rin/backend"
)

var keyDeeds = []deed{
	writes((*Store).delete),
	reads(func(o *backend.Exists, _ *item, _ time.Time) { o.Found = true }),
	reads(ttl),
	reads(expireTime),
	writes((*Store).expire),
	writes((*Store).persist),
	reads(memoryUsage),
	writes((*Store).renew),
	reads(func(o *backend.Type, it *item, _ time.Time) { o.Found, o.Kind = true, it.kind().String() }),
}

func (s *Store) delete(o *backend.Delete, it *item, _ time.Time) {
	if it != nil {
		s.keys.remove(o.Key)
		o.Deleted = true
	}
}

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

func expireTime(o *backend.ExpireTime, it *item, _ time.Time) {
	o.Found, o.At = true, it.expireAt.Truncate(time.Millisecond)
}

func (s *Store) expire(o *backend.Expire, it *item, now time.Time) {
	if it != nil {
		s.keys.put(o.Key, it.until(expiry(o.TTL, o.ExpireAt, now)), now)
		o.Applied = true
	}
}

func (s *Store) renew(o *backend.Renew, it *item, now time.Time) {
	if it != nil {
		s.keys.put(o.Key, it.until(now.Add(o.TTL)), now)
		o.Found = true
	}
}

func (s *Store) persist(o *backend.Persist, it *item, now time.Time) {
	if it != nil && it.expires() {
		s.keys.put(o.Key, it.until(time.Time{}), now)
		o.Applied = true
	}
}

// expiry is when a key expires; zero, for one that does not, where neither ttl
// nor at is given.
func expiry(ttl time.Duration, at, now time.Time) time.Time {
	if ttl > 0 {
		return now.Add(ttl)
	}
	return at
}

// overhead is about what a key takes beside its own bytes and its value's, as
// measured: the item, and a place in the map and in the order.
const overhead = 246

func memoryUsage(o *backend.MemoryUsage, it *item, _ time.Time) {
	o.Found, o.Bytes = true, int64(len(o.Key)+it.size()+overhead)
}
