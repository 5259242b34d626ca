package memstore

import (
	"bytes"
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
	z, ms := structureIn(it, newSortedSet), millis(now)
	ended, all := z.to(backend.Bound{Score: ms}), z.to(backend.Bound{Score: backend.LastLease})
	live := keepingOut(z.members(ended, all, false), o.Token)
	if over := len(live) - int(o.Permits); over >= 0 {
		o.Left = time.Duration(live[over]-ms) * time.Millisecond
		if o.Wait > 0 {
			z.set(backend.Waiting, ms+float64(o.Wait.Milliseconds()))
		}
		return
	}
	z.removeRange(0, ended)
	o.Acquired, o.Number = true, max(now.UnixMicro(), int64(z.scores[""])+1)
	z.set("", float64(o.Number))
	s.hold(o.Key, z, o.Token, o.TTL, backend.NumberTime, now)
}

// keepingOut are the ends of the leases that keep a token out.
func keepingOut(leases []backend.Scored, token []byte) (ends []float64) {
	for _, m := range leases {
		if string(m.Member) != string(token) && !bytes.HasPrefix(m.Member, []byte(backend.Shared)) {
			ends = append(ends, m.Score)
		}
	}
	return ends
}

func (s *Store) prolong(o *backend.Prolong, it *item, now time.Time) {
	z := structureIn(it, newSortedSet)
	if o.Prolonged = z.scores[string(o.Token)] > millis(now); o.Prolonged {
		s.hold(o.Key, z, o.Token, o.TTL, o.Keep, now)
	}
}

// hold gives a token its lease, on a key that lives for longer than all leases by keep.
func (s *Store) hold(key string, z *sortedSet, token []byte, ttl, keep time.Duration, now time.Time) {
	z.set(string(token), millis(now)+float64(ttl.Milliseconds()))
	last, _ := z.order.GetAt(z.to(backend.Bound{Score: backend.LastLease}) - 1)
	s.keys.put(key, &item{other: z, expireAt: time.UnixMilli(int64(last.score)).Add(keep)}, now)
}

func leases(o *backend.Leases, it *item, now time.Time) {
	z, ms := it.other.(*sortedSet), millis(now)
	for _, m := range z.members(z.to(backend.Bound{Score: ms}), z.to(backend.Bound{Score: backend.LastLease}), false) {
		if string(m.Member) != backend.Waiting {
			o.Held = append(o.Held, backend.Lease{Token: m.Member, Left: time.Duration(m.Score-ms) * time.Millisecond})
		}
	}
}
