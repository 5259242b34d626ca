package backend

import "time"

// CompareAndSwap writes a value if the key holds exactly the bytes of Old, in
// one atomic step: a Lua script, which every server knows. With Absent it writes
// if the key is not there.
//
// The expiry is given as in a [Set].
type CompareAndSwap struct {
	Key      string
	Pattern  string
	Old      []byte
	Absent   bool
	Value    []byte
	TTL      time.Duration
	ExpireAt time.Time
	KeepTTL  bool

	// Applied says that the value was written.
	Applied bool
	// Current and Found are what the key holds, if it is not what was expected,
	// so that the next try needs no read.
	Current []byte
	Found   bool
	Err     error
}

func (o *CompareAndSwap) info() info {
	return info{"compare and swap", Once, o.Key, o.Pattern, &o.Err}
}

// CompareAndDelete deletes a key if it holds exactly the bytes of Old, in one
// atomic step: a Lua script.
type CompareAndDelete struct {
	Key     string
	Pattern string
	Old     []byte

	Deleted bool
	Err     error
}

func (o *CompareAndDelete) info() info {
	return info{"compare and delete", Once, o.Key, o.Pattern, &o.Err}
}

// SetLocked writes a value if the key Lock holds exactly the bytes of Token, and
// deletes Lock, in one atomic step: a Lua script. Where Lock holds anything else,
// or nothing, it changes nothing.
//
// It is the one op that touches two keys. Lock lies in Key's slot: see [Sibling].
type SetLocked struct {
	Key     string
	Pattern string
	Value   []byte
	TTL     time.Duration
	Lock    string
	Token   []byte

	// Applied says that the value was written and the lock released.
	Applied bool
	Err     error
}

func (o *SetLocked) info() info { return info{"set locked", Once, o.Key, o.Pattern, &o.Err} }
