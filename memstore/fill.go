package memstore

import (
	"bytes"
	"time"

	"github.com/redisimnest/rin/backend"
)

var fillDeeds = []deed{
	writes((*Store).claim),
	writes((*Store).fill),
}

// beside is what a key beside another one holds, if its kind is the one that op wants.
func (s *Store) beside(op backend.Op, key string, kind backend.Kind, now time.Time) (it *item, ok bool) {
	it = s.keys.live(key, now)
	if err := wants(kind, it); err != nil {
		backend.Fail(op, err)
		return nil, false
	}
	return it, true
}

func (s *Store) claim(o *backend.Claim, it *item, now time.Time) {
	kept, ok := s.beside(o, o.Kept, backend.KindString, now)
	if !ok {
		return
	}
	leases, ok := s.beside(o, o.Leases, backend.KindSortedSet, now)
	if !ok {
		return
	}
	held := seen(it)
	if o.Value, o.Found = held.Value, held.Found; o.Anew {
		o.ExpireAt = held.ExpireAt
	}
	if !o.Found && kept != nil {
		o.Old, o.OldFound = bytes.Clone(kept.value), true
	}
	z, ms := structureIn(leases, newSortedSet), millis(now)
	_, nothing := z.scores[backend.Nothing]
	if o.Nothing = !o.Found && nothing; o.Nothing || o.Found && !o.Anew {
		return
	}
	if o.Failed = o.OldFound && z.scores[backend.Failure] > ms; o.Failed {
		return
	}
	ended, all := z.to(backend.Bound{Score: ms}), z.to(backend.Bound{Score: backend.LastLease})
	live := keepingOut(z.members(ended, all, false), o.Token)
	if len(live) > 0 && !bytes.HasPrefix(o.Token, []byte(backend.Shared)) {
		o.Left = time.Duration(live[len(live)-1]-ms) * time.Millisecond
		return
	}
	z.removeRange(0, ended)
	o.Claimed = true
	s.hold(o.Leases, z, o.Token, o.TTL, 0, now)
}

// seen is what a key holds.
func seen(it *item) (now backend.Seen) {
	if it != nil {
		now.Value, now.Found = bytes.Clone(it.value), true
		if it.expires() {
			now.ExpireAt = it.expireAt.UnixMilli()
		}
	}
	return now
}

func (s *Store) fill(o *backend.Fill, it *item, now time.Time) {
	leases, ok := s.beside(o, o.Leases, backend.KindSortedSet, now)
	if !ok {
		return
	}
	z := structureIn(leases, newSortedSet)
	o.Applied = z.scores[string(o.Token)] > millis(now) && o.Seen.Same(seen(it))
	defer s.asOne()()
	if z.remove(string(o.Token)); z.len() == 0 && leases != nil {
		s.keys.remove(o.Leases)
	}
	switch {
	case !o.Applied:
	case o.Failed > 0:
		until := now.Add(o.Failed)
		if !leases.expired(until) {
			until = leases.expireAt
		}
		z.set(backend.Failure, millis(now.Add(o.Failed)))
		s.keys.put(o.Leases, &item{other: z, expireAt: until}, now)
	case o.Nothing > 0:
		z = newSortedSet()
		z.set(backend.Nothing, 0)
		s.keys.put(o.Leases, &item{other: z, expireAt: now.Add(o.Nothing)}, now)
	default:
		s.keys.remove(o.Leases)
		s.write(o.Key, o.Value, expiry(o.TTL, time.Time{}, now), now)
		if o.Kept != "" {
			s.write(o.Kept, o.Value, expiry(o.KeptTTL, time.Time{}, now), now)
		}
	}
}
