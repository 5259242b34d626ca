package memstore

import (
	"bytes"
	"time"

	"github.com/redisimnest/rin/backend"
)

var changeDeeds = []deed{
	writes((*Store).compareAndSwap),
	writes((*Store).compareAndDelete),
	writes((*Store).setLocked),
}

func (s *Store) compareAndSwap(o *backend.CompareAndSwap, old *item, now time.Time) {
	if old != nil && (o.Absent || !bytes.Equal(old.value, o.Old)) {
		o.Current, o.Found = bytes.Clone(old.value), true
		return
	}
	if o.Applied = old != nil || o.Absent; o.Applied {
		s.write(o.Key, o.Value, setExpiry(o.TTL, o.ExpireAt, o.KeepTTL, old, now), now)
	}
}

func (s *Store) compareAndDelete(o *backend.CompareAndDelete, old *item, _ time.Time) {
	switch {
	case old == nil:
	case bytes.Equal(old.value, o.Old):
		s.keys.remove(o.Key)
		o.Deleted = true
	default:
		o.Current, o.Found = bytes.Clone(old.value), true
	}
}

func (s *Store) setLocked(o *backend.SetLocked, _ *item, now time.Time) {
	lock := s.keys.live(o.Lock, now)
	if err := wants(backend.KindString, lock); err != nil {
		backend.Fail(o, err)
		return
	}
	if o.Applied = lock != nil && bytes.Equal(lock.value, o.Token); o.Applied {
		defer s.asOne()()
		s.write(o.Key, o.Value, expiry(o.TTL, time.Time{}, now), now)
		s.keys.remove(o.Lock)
	}
}
