package memstore

import (
	"bytes"
	"time"

	"github.com/redisimnest/rin/backend"
)

var changeDeeds = []deed{
	writes((*Store).compareAndSwap),
	writes((*Store).compareAndDelete),
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
