package backend

import "time"

// Delete removes a key of any kind: UNLINK.
type Delete struct {
	Key     string
	Pattern string

	Deleted bool
	Err     error
}

func (o *Delete) info() info { return info{"delete", Once, o.Key, o.Pattern, &o.Err} }

// Exists asks whether a key of any kind is there: EXISTS.
type Exists struct {
	Key     string
	Pattern string

	Found bool
	Err   error
}

func (o *Exists) info() info { return info{"exists", Read, o.Key, o.Pattern, &o.Err} }

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

func (o *TTL) info() info { return info{"ttl", Read, o.Key, o.Pattern, &o.Err} }

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

func (o *Expire) info() info { return info{"expire", Idempotent, o.Key, o.Pattern, &o.Err} }

// Persist removes a key's expiry: PERSIST.
type Persist struct {
	Key     string
	Pattern string

	// Applied is false where the key is not there or does not expire.
	Applied bool
	Err     error
}

func (o *Persist) info() info { return info{"persist", Once, o.Key, o.Pattern, &o.Err} }

// ExpireTime asks at what moment a key expires: PEXPIRETIME.
type ExpireTime struct {
	Key     string
	Pattern string

	Found bool
	// At is the moment, to the millisecond; zero for a key that does not expire.
	At  time.Time
	Err error
}

func (o *ExpireTime) info() info { return info{"expire time", Read, o.Key, o.Pattern, &o.Err} }

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

func (o *MemoryUsage) info() info { return info{"memory usage", Read, o.Key, o.Pattern, &o.Err} }
