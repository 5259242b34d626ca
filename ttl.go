package rin

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// NoExpiry is the TTL of a key that does not expire. It is longer than any
// other, so that a comparison such as ttl < time.Minute does what it says.
const NoExpiry time.Duration = math.MaxInt64

// wholeMillis rounds a duration up to whole milliseconds, which is what a store
// counts in. Zero stays zero.
func wholeMillis(d time.Duration) time.Duration {
	if rest := d % time.Millisecond; rest > 0 {
		if d > math.MaxInt64-time.Millisecond {
			return d - rest
		}
		return d - rest + time.Millisecond
	}
	return d
}

// checkTTL normalises a TTL that was given to an operation.
func checkTTL(d time.Duration) (time.Duration, error) {
	if d <= 0 {
		return 0, fmt.Errorf("%w: %v is not positive; use Persist to remove an expiry, or Delete to remove the key", ErrTTL, d)
	}
	return wholeMillis(d), nil
}

// drawTTL is the TTL for one write: the declared one, jittered. Zero is none.
func (p *policy) drawTTL() time.Duration {
	if p.jitter == 0 || p.ttl == 0 {
		return p.ttl
	}
	spread := time.Duration(float64(p.ttl) * p.jitter * (2*rand.Float64() - 1))
	spread = min(spread, math.MaxInt64-p.ttl) // TTLs of centuries stay in range
	return max(wholeMillis(p.ttl+spread), time.Millisecond)
}

// renewedTTL is what a read gives a key it finds; zero leaves its expiry alone.
func (p *policy) renewedTTL() time.Duration {
	if p.renew != OnAccess {
		return 0
	}
	return p.drawTTL()
}

// expiry is what becomes of a key's TTL in one write. The fields mean what they
// mean in backend.Set.
type expiry struct {
	ttl  time.Duration
	at   time.Time
	keep bool
}

// writing is a write whose options are being applied.
type writing struct {
	expiry
	declared time.Duration
	now      func() time.Time
}

// expiry is what the declaration says, changed by the options of the write. Of
// several options the last one wins.
func (p *place) expiry(opts []WriteOption) (expiry, error) {
	e := expiry{ttl: p.policy.drawTTL(), keep: p.policy.renew == Never}
	if len(opts) == 0 {
		return e, nil
	}
	w := &writing{expiry: e, declared: e.ttl, now: p.store.now}
	for _, opt := range opts {
		if opt == nil {
			return e, fmt.Errorf("an option of the write is nil; leave it out")
		}
		if err := opt.validInWrite(w); err != nil {
			return e, err
		}
	}
	return w.expiry, nil
}
