package rin

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// NoExpiry is the TTL of a key that does not expire. It is longer than any
// other, so that a comparison such as ttl < time.Minute does what it says.
//
// It is a time.Duration and prints as one, as 292 years; print
// [Remaining](ttl) for people.
const NoExpiry time.Duration = math.MaxInt64

// Remaining is a TTL that prints for people: [NoExpiry] as "no expiry", and any
// other as a time.Duration. [Entry.TTL] returns no Remaining, so that what it
// returns can be compared with, and given to, whatever takes a time.Duration.
type Remaining time.Duration

// String returns the TTL as text.
func (r Remaining) String() string {
	if d := time.Duration(r); d != NoExpiry {
		return d.String()
	}
	return "no expiry"
}

// TTLOption says how long values live, where they are declared or in a single
// write. [TTL] and [NoTTL] make it.
type TTLOption interface {
	NodeOption
	WriteOption
}

type ttlOption struct {
	anyNode
	ttl  time.Duration
	none bool
}

// TTL sets how long a value lives, counted from each write unless [Renew] says
// otherwise. It must be a millisecond at least, and is rounded up to whole ones.
// TTL(NoExpiry) is [NoTTL].
//
// TTL applies to [Cluster], [Key] and single writes; the one nearest the write
// wins.
//
// By default values do not expire.
func TTL(d time.Duration) TTLOption {
	if d == NoExpiry {
		return NoTTL()
	}
	return ttlOption{ttl: d}
}

// NoTTL says that values do not expire, whatever the clusters above say. It
// applies to [Cluster], [Key] and single writes; the one nearest the write
// wins.
func NoTTL() TTLOption { return ttlOption{none: true} }

func (o ttlOption) declare(n *node) {
	if err := o.check(); err != nil {
		n.problem("%v", err)
	}
}

func (o ttlOption) validInWrite(w *writing) error {
	if err := o.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrTTL, err)
	}
	w.expiry = expiry{ttl: wholeMillis(o.ttl)}
	return nil
}

func (o ttlOption) check() error {
	switch {
	case o.none:
		return nil
	case o.ttl <= 0:
		return fmt.Errorf("%v is not positive; write rin.NoTTL() for values that do not expire", o)
	}
	return checkUnit(o.ttl)
}

func (o ttlOption) override(p *policy) { p.ttl = wholeMillis(o.ttl) }

func (o ttlOption) String() string {
	if o.none {
		return "NoTTL()"
	}
	return fmt.Sprintf("TTL(%v)", o.ttl)
}

type keepTTLOption struct{}

// KeepTTL leaves a key that is there the expiry it has, none included. A key
// that the write creates gets the declared TTL. It applies to single writes.
func KeepTTL() WriteOption { return keepTTLOption{} }

func (keepTTLOption) validInWrite(w *writing) error {
	w.expiry = expiry{ttl: w.declared, keep: true}
	return nil
}

func (keepTTLOption) String() string { return "KeepTTL()" }

type expireAtOption struct{ at time.Time }

// ExpireAt sets the moment at which the value expires, to the millisecond. It
// must lie in the future, and within the 292 million years that a store can
// count. It applies to single writes, and wins over the declared TTL.
func ExpireAt(t time.Time) WriteOption { return expireAtOption{t} }

func (o expireAtOption) validInWrite(w *writing) error {
	if err := checkExpireAt(o.at, w.now()); err != nil {
		return err
	}
	w.expiry = expiry{at: o.at}
	return nil
}

func (o expireAtOption) String() string {
	return "ExpireAt(" + o.at.Format(time.RFC3339Nano) + ")"
}

// Renewal says when a value's TTL begins anew. It is an option for [Renew].
type Renewal int

const (
	// OnWrite counts a TTL from each write. It is the default.
	OnWrite Renewal = iota
	// OnAccess counts a TTL from each write and each Get or Lookup: a sliding
	// expiry. The read renews it in the same command, GETEX.
	OnAccess
	// Never counts a TTL from the key's creation: a fixed window. Later writes
	// leave it as it is.
	Never
)

// String returns the constant's name.
func (r Renewal) String() string { return constant(int(r), "OnWrite", "OnAccess", "Never") }

type renewOption struct {
	anyNode
	when Renewal
}

// Renew sets when a value's TTL begins anew. It applies to [Cluster] and [Key]
// and is inherited. The default is [OnWrite]; another one needs a TTL that is
// declared on the same node or above, or for a cluster, on a node below. A [TTL] or an [ExpireAt] given to
// a single write is applied whatever Renew says.
func Renew(when Renewal) NodeOption { return renewOption{when: when} }

func (o renewOption) declare(n *node) {
	if o.when < OnWrite || o.when > Never {
		n.problem("%v: choose rin.OnWrite, rin.OnAccess or rin.Never", o)
	}
}

func (o renewOption) override(p *policy) { p.renew = o.when }

func (o renewOption) String() string { return fmt.Sprintf("Renew(%v)", o.when) }

type jitterOption struct {
	anyNode
	fraction float64
}

// Jitter spreads each TTL evenly over ± fraction of itself, so that keys that
// are written together do not expire together: Jitter(0.1) makes an hour 54 to
// 66 minutes. The fraction lies between 0 and 1. Jitter applies to [Cluster]
// and [Key] and is inherited.
//
// By default TTLs are exact. A TTL given to a single write is always exact.
func Jitter(fraction float64) NodeOption { return jitterOption{fraction: fraction} }

func (o jitterOption) declare(n *node) {
	if !(o.fraction >= 0 && o.fraction < 1) {
		n.problem("%v: the fraction must be at least 0 and less than 1", o)
	}
}

func (o jitterOption) override(p *policy) { p.jitter = o.fraction }

func (o jitterOption) String() string { return fmt.Sprintf("Jitter(%v)", o.fraction) }

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
	switch {
	case d <= 0:
		return 0, fmt.Errorf("%w: %v is not positive; use Persist to remove an expiry, or Delete to remove the key", ErrTTL, d)
	case d == NoExpiry:
		return 0, fmt.Errorf("%w: NoExpiry is no time to expire after; use Persist to remove an expiry", ErrTTL)
	}
	if err := checkUnit(d); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrTTL, err)
	}
	return wholeMillis(d), nil
}

// checkUnit turns down what is less than the millisecond that a store counts
// in: most likely a bare number, which is in nanoseconds.
func checkUnit(d time.Duration) error {
	if d < time.Millisecond {
		return fmt.Errorf("%v is less than a millisecond; did you mean %d*time.Second?", d, d)
	}
	return nil
}

// lastMoment is the last one that a store can expire a key at: it counts in
// milliseconds since 1970, in 64 bits. What lies behind it would come out as
// long past, and delete the key.
var lastMoment = time.UnixMilli(math.MaxInt64)

// checkExpireAt turns down a moment that no key can expire at.
func checkExpireAt(t, now time.Time) error {
	switch {
	case !t.After(now):
		return fmt.Errorf("%w: %v has passed; use Delete to remove the key", ErrTTL, t)
	case t.After(lastMoment):
		return fmt.Errorf("%w: %v is later than a store can count; use NoTTL or Persist for a key that does not expire", ErrTTL, t)
	}
	return nil
}

// drawTTL is the TTL for one write: the declared one, jittered. Zero is none.
func (p *policy) drawTTL() time.Duration { return p.spread(p.ttl) }

// spread is a TTL, jittered. Zero is none.
func (p *policy) spread(ttl time.Duration) time.Duration {
	if p.jitter == 0 || ttl == 0 {
		return ttl
	}
	by := time.Duration(float64(ttl) * p.jitter * (2*rand.Float64() - 1))
	by = min(by, math.MaxInt64-ttl) // TTLs of centuries stay in range
	return max(wholeMillis(ttl+by), time.Millisecond)
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
