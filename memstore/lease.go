package memstore

import (
	"strconv"
	"time"

	"github.com/redisimnest/rin/backend"
)

var leaseDeeds = []deed{
	writes((*Store).acquire),
	writes((*Store).prolong),
	underLock(reads(leases)),
}

// millis is a time as the score of a lease has it.
func millis(t time.Time) float64 { return float64(t.UnixMilli()) }

func (s *Store) acquire(o *backend.Acquire, it *item, now time.Time) {
	fence := s.keys.live(o.Fence, now)
	if err := wants(backend.KindString, fence); err != nil {
		backend.Fail(o, err)
		return
	}
	z, ms := structureIn(it, newSortedSet), millis(now)
	ended := z.to(backend.Bound{Score: ms})
	if over := z.len() - ended - int(o.Permits); over >= 0 && z.scores[string(o.Token)] <= ms {
		first := z.members(ended+over, ended+over+1, false)[0]
		o.Left = time.Duration(first.Score-ms) * time.Millisecond
		return
	}
	next, _, err := addInt(number(fence), 1, false, 0, 0)
	if err != nil {
		backend.Fail(o, err)
		return
	}
	o.Acquired, o.Number = true, max(now.UnixMicro(), next)
	z.removeRange(0, ended)
	defer s.asOne()()
	s.hold(o.Key, z, o.Token, o.TTL, now)
	s.write(o.Fence, strconv.AppendInt(nil, o.Number, 10), now.Add(fenceTime), now)
}

// fenceTime is how long the last number is kept.
const fenceTime = 7 * 24 * time.Hour

func (s *Store) prolong(o *backend.Prolong, it *item, now time.Time) {
	z := structureIn(it, newSortedSet)
	if o.Prolonged = z.scores[string(o.Token)] > millis(now); o.Prolonged {
		s.hold(o.Key, z, o.Token, o.TTL, now)
	}
}

// hold gives a token its lease, and has the key expire with the last one.
func (s *Store) hold(key string, z *sortedSet, token []byte, ttl time.Duration, now time.Time) {
	z.set(string(token), millis(now)+float64(ttl.Milliseconds()))
	last, _ := z.order.Max()
	s.keys.put(key, &item{other: z, expireAt: time.UnixMilli(int64(last.score))}, now)
}

func leases(o *backend.Leases, it *item, now time.Time) {
	z, ms := it.other.(*sortedSet), millis(now)
	for _, m := range z.members(z.to(backend.Bound{Score: ms}), z.len(), false) {
		o.Held = append(o.Held, backend.Lease{Token: m.Member, Left: time.Duration(m.Score-ms) * time.Millisecond})
	}
}
