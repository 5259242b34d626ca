package backend

import (
	"time"

	"github.com/redisimnest/rin/backend/wire"
)

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
	return info{name: "compare and swap", effect: Write, kind: KindString, key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
}

func (o *CompareAndSwap) command(c *wire.Command) {
	s := step{guard: holdsExactly, holds: o.Old}
	if o.Absent {
		s = step{guard: holdsNothing}
	}
	s.begin(c, o.Key, wire.SET)
	c.Add(wire.Data(o.Value))
	if o.KeepTTL && !o.Absent { // An absent key has no expiry to keep.
		c.Add(wire.KEEPTTL)
	} else {
		addExpiry(c, o.TTL, o.ExpireAt)
	}
}

func (o *CompareAndSwap) answer(r wire.Reply) error {
	did, now, err := stepAnswer(r)
	if o.Applied = did == carriedOut; did == refused {
		o.Current, o.Found, err = now.Bytes()
	}
	return err
}

// CompareAndDelete deletes a key if it holds exactly the bytes of Old, in one
// atomic step: a Lua script.
type CompareAndDelete struct {
	Key     string
	Pattern string
	Old     []byte

	Deleted bool
	// Current and Found are what the key holds, if it is not what was expected.
	Current []byte
	Found   bool
	Err     error
}

func (o *CompareAndDelete) info() info {
	return info{name: "compare and delete", effect: Write, kind: KindString, key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Deleted}
}

func (o *CompareAndDelete) command(c *wire.Command) {
	s := step{guard: holdsExactly, holds: o.Old}
	s.begin(c, o.Key, wire.UNLINK)
}

func (o *CompareAndDelete) answer(r wire.Reply) error {
	did, now, err := stepAnswer(r)
	if o.Deleted = did == carriedOut; did == refused {
		o.Current, o.Found, err = now.Bytes()
	}
	return err
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

func (o *SetLocked) info() info {
	return info{name: "set locked", effect: Write, key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
}

func (o *SetLocked) beside() []string { return []string{o.Lock} }

func (o *SetLocked) command(c *wire.Command) {
	s := step{guard: holdsExactly, holds: o.Token, guarded: o.Lock}
	s.begin(c, o.Key, wire.SET)
	addExpiry(c.Add(wire.Data(o.Value)), o.TTL, time.Time{})
}

func (o *SetLocked) answer(r wire.Reply) error {
	did, _, err := stepAnswer(r)
	o.Applied = did == carriedOut
	return err
}
