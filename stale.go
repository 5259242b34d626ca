package rin

import (
	"fmt"
	"time"

	"github.com/redisimnest/rin/backend"
)

type staleIfErrorOption struct{ d time.Duration }

// StaleIfError lets what [Entry.Fetch] has stored outlive its TTL by d, so that it can be
// served while the loader fails: Fetch then returns it, without an error, and [Report] says
// so. The loader is asked again after a second at the earliest, in the whole fleet.
//
// It is kept in a key beside the value, for which the store needs the memory. No other
// operation sees it. What changes or deletes the value deletes it first, which makes every
// write of such a key two commands more, in the same round trip. It applies to [Key], and
// needs a [TTL].
//
// By default a value that has expired is gone.
func StaleIfError(d time.Duration) KeyOption { return staleIfErrorOption{d} }

func (staleIfErrorOption) validInKey() {}

func (o staleIfErrorOption) declare(n *node) {
	if n.value.staleFor = wholeMillis(o.d); o.d < time.Millisecond {
		n.problem("%v: it is not a millisecond at least", o)
	}
}

func (o staleIfErrorOption) String() string { return fmt.Sprintf("StaleIfError(%v)", o.d) }

// failureTime is how long a load that has failed is not tried again, where there is a value
// to serve.
const failureTime = time.Second

// caching is what a place of a Key has for Fetch.
type caching struct {
	// longest is how long a load may take: what it brings after that is not stored. A
	// value that is written lives for as long, or else whoever writes it says so.
	longest  time.Duration
	tells    bool // every write says so
	staleFor time.Duration
}

// The bounds of caching.longest.
const (
	shortLoad = time.Minute
	longLoad  = time.Hour
)

func newCaching(p *policy, staleFor time.Duration) (*caching, error) {
	if staleFor > 0 && p.ttl == 0 {
		return nil, fmt.Errorf("has StaleIfError, but no TTL after which a value could be stale")
	}
	c := &caching{longest: longLoad, tells: staleFor > 0, staleFor: staleFor}
	if p.ttl > 0 {
		// A millisecond less than the shortest jittered TTL, for the rounding.
		if shortest := time.Duration(float64(p.ttl)*(1-p.jitter)) - time.Millisecond; shortest >= shortLoad {
			c.longest = min(shortest, longLoad)
		} else {
			c.tells = true
		}
	}
	return c, nil
}

// A load that has begun must not store what it brings after the key was changed. It has a
// lease, in a key beside the value, and stores only if that is still there and the key holds
// what it held when the load began. So a value that is written is seen for as long as it
// lives; what lives for less than a load may take, and whatever deletes, deletes the leases
// ahead of it. (Behind it there would be a moment in which the load could still store.)

// invalidation are the ops that go ahead of a deletion of the key.
func (h handle) invalidation() []backend.Op {
	if h.place == nil || h.place.caching == nil {
		return nil
	}
	ops := []backend.Op{&backend.Delete{Key: h.leasesKey(), Pattern: h.place.pattern}}
	if h.place.caching.staleFor > 0 {
		ops = append(ops, &backend.Delete{Key: h.keptKey(), Pattern: h.place.pattern})
	}
	return ops
}

// invalidationBy are the ops that go ahead of a write, if it needs any.
func (h handle) invalidationBy(e expiry) []backend.Op {
	if h.place == nil || h.place.caching == nil {
		return nil
	}
	lasts := e.ttl == 0 || e.ttl >= h.place.caching.longest
	if lasts && e.at.IsZero() && !e.keep && !h.place.caching.tells {
		return nil
	}
	return h.invalidation()
}
