package backend

import (
	"math"
	"time"

	"github.com/redisimnest/rin/backend/wire"
)

// Delete removes a key of any kind: UNLINK.
type Delete struct {
	Key     string
	Pattern string

	Deleted bool
	Err     error
}

func (o *Delete) info() info {
	return info{name: "delete", does: writes(KindAny), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Deleted}
}

func (o *Delete) command(c *wire.Command) { c.Add(wire.UNLINK).Key(o.Key) }

func (o *Delete) answer(r wire.Reply) error { return yes(r, &o.Deleted) }

// Exists asks whether a key of any kind is there: EXISTS.
type Exists struct {
	Key     string
	Pattern string

	Found bool
	Err   error
}

func (o *Exists) info() info {
	return info{name: "exists", does: reads(KindAny), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (o *Exists) command(c *wire.Command) { c.Add(wire.EXISTS).Key(o.Key) }

func (o *Exists) answer(r wire.Reply) error { return yes(r, &o.Found) }

// TTL asks how long a key has left: PTTL.
type TTL struct {
	Key     string
	Pattern string

	Found bool
	// Remaining is at least a millisecond, or zero for a key that does not
	// expire.
	Remaining time.Duration
	Err       error
}

func (o *TTL) info() info {
	return info{name: "ttl", does: reads(KindAny), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (o *TTL) command(c *wire.Command) { c.Add(wire.PTTL).Key(o.Key) }

func (o *TTL) answer(r wire.Reply) (err error) {
	o.Remaining, o.Found, err = remaining(r)
	return err
}

// remaining is what a key or a field has left; zero, where it does not expire.
func remaining(r wire.Reply) (left time.Duration, found bool, err error) {
	ms, found, expires, err := expiry(r)
	if expires {
		// What is in its last millisecond is still there; what outlives every
		// Duration has the longest.
		left = time.Duration(min(max(ms, 1), longest)) * time.Millisecond
	}
	return left, found, err
}

// longest is the greatest Duration in milliseconds.
const longest = math.MaxInt64 / int64(time.Millisecond)

// Expire sets when a key expires: PEXPIRE or PEXPIREAT. Exactly one of TTL and
// ExpireAt is given; an ExpireAt that is not after the store's own time deletes
// the key.
type Expire struct {
	Key      string
	Pattern  string
	TTL      time.Duration
	ExpireAt time.Time

	// Applied is false where the key is not there.
	Applied bool
	Err     error
}

func (o *Expire) info() info {
	return info{name: "expire", does: writes(KindAny), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
}

func (o *Expire) command(c *wire.Command) {
	if o.ExpireAt.IsZero() {
		c.Add(wire.PEXPIRE).Key(o.Key).Add(millis(o.TTL))
	} else {
		c.Add(wire.PEXPIREAT).Key(o.Key).Add(moment(o.ExpireAt))
	}
}

func (o *Expire) answer(r wire.Reply) error { return yes(r, &o.Applied) }

// Persist removes a key's expiry: PERSIST.
type Persist struct {
	Key     string
	Pattern string

	// Applied is false where the key is not there or does not expire.
	Applied bool
	Err     error
}

func (o *Persist) info() info {
	return info{name: "persist", does: writes(KindAny), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
}

func (o *Persist) command(c *wire.Command) { c.Add(wire.PERSIST).Key(o.Key) }

func (o *Persist) answer(r wire.Reply) error { return yes(r, &o.Applied) }

// Renew gives a key that is there its expiry anew, beside a read: PEXPIRE.
type Renew struct {
	Key     string
	Pattern string
	TTL     time.Duration

	Found bool
	Err   error
}

func (o *Renew) info() info {
	return info{name: "renew", does: reads(KindAny), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (o *Renew) command(c *wire.Command) { c.Add(wire.PEXPIRE).Key(o.Key).Add(millis(o.TTL)) }

func (o *Renew) answer(r wire.Reply) error { return yes(r, &o.Found) }

// Type asks what kind of value a key holds: TYPE.
type Type struct {
	Key     string
	Pattern string

	Found bool
	// Kind is the kind, as TYPE has it: [Kind.String].
	Kind string
	Err  error
}

func (o *Type) info() info {
	return info{name: "type", does: reads(KindAny), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (o *Type) command(c *wire.Command) { c.Add(wire.TYPE).Key(o.Key) }

func (o *Type) answer(r wire.Reply) error {
	kind, _, err := r.Bytes()
	if o.Found = err == nil && string(kind) != "none"; o.Found {
		o.Kind = string(kind)
	}
	return err
}

// ExpireTime asks at what moment a key expires: PEXPIRETIME.
type ExpireTime struct {
	Key     string
	Pattern string

	Found bool
	// At is the moment, to the millisecond; zero for a key that does not expire.
	At  time.Time
	Err error
}

func (o *ExpireTime) info() info {
	return info{name: "expire time", does: reads(KindAny), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (*ExpireTime) needs() need { return need{redis: "7.0"} }

func (o *ExpireTime) command(c *wire.Command) { c.Add(wire.PEXPIRETIME).Key(o.Key) }

func (o *ExpireTime) answer(r wire.Reply) error {
	ms, found, expires, err := expiry(r)
	o.Found = found
	if expires {
		o.At = time.UnixMilli(ms)
	}
	return err
}

// MemoryUsage asks how many bytes of the store's memory a key takes, itself and
// all that is kept about it: MEMORY USAGE. It may find a key that has expired and
// whose memory has not been given back yet, as Redis does.
type MemoryUsage struct {
	Key     string
	Pattern string

	Found bool
	Bytes int64
	Err   error
}

func (o *MemoryUsage) info() info {
	return info{name: "memory usage", does: reads(KindAny), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (o *MemoryUsage) command(c *wire.Command) { c.Add(wire.MEMORY, wire.USAGE).Key(o.Key) }

func (o *MemoryUsage) answer(r wire.Reply) (err error) {
	if r.Nil {
		return nil
	}
	o.Bytes, err = r.Int()
	o.Found = err == nil
	return err
}

// yes reads an answer of 1 or 0.
func yes(r wire.Reply, is *bool) error {
	n, err := r.Int()
	*is = n == 1
	return err
}

// The answers of PTTL and PEXPIRETIME that are no time.
const (
	noExpiry = -1
	noKey    = -2
)

// expiry reads the answer of PTTL or PEXPIRETIME.
func expiry(r wire.Reply) (ms int64, found, expires bool, err error) {
	ms, err = r.Int()
	found = err == nil && ms != noKey
	return ms, found, found && ms != noExpiry, err
}
